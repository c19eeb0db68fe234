/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "monitor-picker.h"

#define WIDTH 290
#define MAX_HEIGHT 380

struct _MonitorPicker
{
  GtkPopover parent_instance;

  MonitorPrograms *programs;
  guint current;
  GtkWidget *list;
  GtkWidget *message;
};

enum
{
  SIGNAL_CHOSEN,
  N_SIGNALS
};

static guint signals[N_SIGNALS];

G_DEFINE_FINAL_TYPE (MonitorPicker, monitor_picker, GTK_TYPE_POPOVER)

static MonitorProgram *
get_program (GtkWidget *row)
{
  return g_object_get_data (G_OBJECT (row), "program");
}

static void
mark (MonitorPicker *self,
      GtkWidget     *row)
{
  GtkWidget *tick = g_object_get_data (G_OBJECT (row), "tick");
  gboolean is_current = monitor_program_get_pid (get_program (row)) == self->current;

  gtk_widget_set_opacity (tick, is_current ? 1 : 0);
  gtk_accessible_update_state (GTK_ACCESSIBLE (row), GTK_ACCESSIBLE_STATE_CHECKED,
                               is_current ? GTK_ACCESSIBLE_TRISTATE_TRUE
                                          : GTK_ACCESSIBLE_TRISTATE_FALSE,
                               -1);
}

/* 0: this program is watched. */
void
monitor_picker_set_current (MonitorPicker *self,
                            guint          pid)
{
  self->current = pid;
  for (GtkWidget *row = gtk_widget_get_first_child (self->list); row != NULL;
       row = gtk_widget_get_next_sibling (row))
    if (GTK_IS_LIST_BOX_ROW (row))
      mark (self, row);
}

static GtkWidget *
new_label (const char         *text,
           const char         *css_class,
           PangoEllipsizeMode  ellipsize)
{
  GtkWidget *label = gtk_label_new (text);

  gtk_label_set_xalign (GTK_LABEL (label), 0);
  gtk_label_set_ellipsize (GTK_LABEL (label), ellipsize);
  gtk_label_set_max_width_chars (GTK_LABEL (label), 38);
  gtk_widget_add_css_class (label, css_class);
  return label;
}

static GtkWidget *
new_row (gpointer item,
         gpointer user_data)
{
  MonitorPicker *self = user_data;
  MonitorProgram *program = item;
  guint pid = monitor_program_get_pid (program);
  const char *name = monitor_program_get_name (program);
  const char *command = monitor_program_get_command (program);
  GtkWidget *row = gtk_list_box_row_new ();
  GtkWidget *box = gtk_box_new (GTK_ORIENTATION_HORIZONTAL, 12);
  GtkWidget *words = gtk_box_new (GTK_ORIENTATION_VERTICAL, 2);
  GtkWidget *tick = gtk_image_new_from_icon_name ("object-select-symbolic");
  GtkWidget *second = NULL;
  g_autofree char *title = NULL;
  g_autofree char *label = NULL;

  title = pid != 0 ? g_strdup_printf ("%s  ·  %u", name, pid) : g_strdup (name);
  label = pid != 0 ? g_strdup_printf ("%s, process %u", name, pid) : g_strdup (name);
  second = new_label (command, "caption", PANGO_ELLIPSIZE_MIDDLE);
  gtk_widget_add_css_class (second, "dim-label");
  gtk_widget_set_tooltip_text (row, pid != 0 ? command : NULL);
  gtk_box_append (GTK_BOX (words), new_label (title, "row-title", PANGO_ELLIPSIZE_END));
  gtk_box_append (GTK_BOX (words), second);
  gtk_widget_set_hexpand (words, TRUE);
  gtk_box_append (GTK_BOX (box), words);
  gtk_box_append (GTK_BOX (box), tick);
  gtk_list_box_row_set_child (GTK_LIST_BOX_ROW (row), box);
  gtk_accessible_update_property (GTK_ACCESSIBLE (row), GTK_ACCESSIBLE_PROPERTY_LABEL, label,
                                  GTK_ACCESSIBLE_PROPERTY_DESCRIPTION, command, -1);
  g_object_set_data_full (G_OBJECT (row), "program", g_object_ref (program), g_object_unref);
  g_object_set_data (G_OBJECT (row), "tick", tick);
  mark (self, row);
  return row;
}

static void
on_row_activated (MonitorPicker *self,
                  GtkListBoxRow *row)
{
  g_autoptr(MonitorProgram) program = g_object_ref (get_program (GTK_WIDGET (row)));

  gtk_popover_popdown (GTK_POPOVER (self));
  g_signal_emit (self, signals[SIGNAL_CHOSEN], 0, program);
}

static void
on_looked (MonitorPicker *self)
{
  const char *message = monitor_programs_get_message (self->programs);
  GListModel *list = monitor_programs_get_list (self->programs);

  if (message == NULL && g_list_model_get_n_items (list) == 1)
    message = "There are no others. Programs that use the library can be watched when they are "
              "started with THREDO_MONITOR=1, or call thredo_monitor_export().";
  gtk_widget_set_visible (self->message, message != NULL);
  if (message != NULL)
    gtk_label_set_label (GTK_LABEL (self->message), message);
}

static void
monitor_picker_map (GtkWidget *widget)
{
  monitor_programs_set_looking (MONITOR_PICKER (widget)->programs, TRUE);
  GTK_WIDGET_CLASS (monitor_picker_parent_class)->map (widget);
}

static void
monitor_picker_unmap (GtkWidget *widget)
{
  GTK_WIDGET_CLASS (monitor_picker_parent_class)->unmap (widget);
  monitor_programs_set_looking (MONITOR_PICKER (widget)->programs, FALSE);
}

static void
monitor_picker_finalize (GObject *object)
{
  g_object_unref (MONITOR_PICKER (object)->programs);
  G_OBJECT_CLASS (monitor_picker_parent_class)->finalize (object);
}

static void
monitor_picker_class_init (MonitorPickerClass *klass)
{
  GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (klass);

  G_OBJECT_CLASS (klass)->finalize = monitor_picker_finalize;
  widget_class->map = monitor_picker_map;
  widget_class->unmap = monitor_picker_unmap;
  signals[SIGNAL_CHOSEN] = g_signal_new ("chosen", MONITOR_TYPE_PICKER, G_SIGNAL_RUN_LAST, 0, NULL,
                                         NULL, NULL, G_TYPE_NONE, 1, MONITOR_TYPE_PROGRAM);
}

static void
monitor_picker_init (MonitorPicker *self)
{
  GtkWidget *box = gtk_box_new (GTK_ORIENTATION_VERTICAL, 8);
  GtkWidget *scrolled_window = gtk_scrolled_window_new ();

  self->programs = monitor_programs_new ();
  self->list = gtk_list_box_new ();
  gtk_list_box_set_selection_mode (GTK_LIST_BOX (self->list), GTK_SELECTION_NONE);
  gtk_accessible_update_property (GTK_ACCESSIBLE (self->list), GTK_ACCESSIBLE_PROPERTY_LABEL,
                                  "Programs", -1);
  gtk_list_box_bind_model (GTK_LIST_BOX (self->list), monitor_programs_get_list (self->programs),
                           new_row, self, NULL);
  g_signal_connect_swapped (self->list, "row-activated", G_CALLBACK (on_row_activated), self);
  g_signal_connect_object (self->programs, "looked", G_CALLBACK (on_looked), self,
                           G_CONNECT_SWAPPED);

  self->message = gtk_label_new (NULL);
  gtk_label_set_wrap (GTK_LABEL (self->message), TRUE);
  gtk_label_set_wrap_mode (GTK_LABEL (self->message), PANGO_WRAP_WORD_CHAR);
  gtk_label_set_xalign (GTK_LABEL (self->message), 0);
  gtk_label_set_max_width_chars (GTK_LABEL (self->message), 38);
  gtk_widget_add_css_class (self->message, "caption");
  gtk_widget_add_css_class (self->message, "dim-label");
  gtk_widget_add_css_class (self->message, "message");
  gtk_widget_set_visible (self->message, FALSE);

  gtk_scrolled_window_set_policy (GTK_SCROLLED_WINDOW (scrolled_window), GTK_POLICY_NEVER,
                                  GTK_POLICY_AUTOMATIC);
  gtk_scrolled_window_set_propagate_natural_height (GTK_SCROLLED_WINDOW (scrolled_window), TRUE);
  gtk_scrolled_window_set_max_content_height (GTK_SCROLLED_WINDOW (scrolled_window), MAX_HEIGHT);
  gtk_scrolled_window_set_child (GTK_SCROLLED_WINDOW (scrolled_window), self->list);
  gtk_box_append (GTK_BOX (box), scrolled_window);
  gtk_box_append (GTK_BOX (box), self->message);
  gtk_widget_set_size_request (box, WIDTH, -1);
  gtk_widget_add_css_class (GTK_WIDGET (self), "picker");
  gtk_popover_set_child (GTK_POPOVER (self), box);
}

GtkWidget *
monitor_picker_new (void)
{
  return g_object_new (MONITOR_TYPE_PICKER, NULL);
}
