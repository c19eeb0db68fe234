/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "monitor-header.h"

#include "monitor-chooser.h"
#include "monitor-picker.h"

struct _MonitorHeader
{
  GtkWidget parent_instance;

  GtkWidget *bar;
  GtkWidget *title_button;
  GtkWidget *title;
  GtkWidget *subtitle;
  MonitorPicker *picker;
  GtkWidget *workload_button;
  GtkWidget *group_button;
  GtkWidget *search_button;
};

enum
{
  SIGNAL_CHOSEN,
  N_SIGNALS
};

static guint signals[N_SIGNALS];

G_DEFINE_FINAL_TYPE (MonitorHeader, monitor_header, GTK_TYPE_WIDGET)

static void
on_chosen (MonitorHeader  *self,
           MonitorProgram *program)
{
  g_signal_emit (self, signals[SIGNAL_CHOSEN], 0, program);
}

static void
set_name (GtkWidget  *widget,
          const char *name)
{
  gtk_widget_set_tooltip_text (widget, name);
  gtk_accessible_update_property (GTK_ACCESSIBLE (widget), GTK_ACCESSIBLE_PROPERTY_LABEL, name, -1);
}

static GMenuModel *
new_menu (void)
{
  g_autoptr(GMenu) programs = g_menu_new ();
  g_autoptr(GMenu) threads = g_menu_new ();
  g_autoptr(GMenu) window = g_menu_new ();
  GMenu *menu = g_menu_new ();

  g_menu_append (programs, "Choose a Program…", "monitor.choose-program");
  g_menu_append (programs, "Watch This Program", "monitor.watch-own");
  g_menu_append (threads, "Cancel the Selected Thread", "monitor.cancel-thread");
  g_menu_append (threads, "Cancel Its Group", "monitor.cancel-group");
  g_menu_append (threads, "Stop All Workloads", "monitor.stop-all");
  g_menu_append (window, "Search", "monitor.search");
  g_menu_append (window, "Group Threads", "monitor.group-threads");
  g_menu_append (window, "Dark Style", "app.dark");
  g_menu_append (window, "Keyboard Shortcuts", "win.show-help-overlay");
  g_menu_append_section (menu, NULL, G_MENU_MODEL (programs));
  g_menu_append_section (menu, NULL, G_MENU_MODEL (threads));
  g_menu_append_section (menu, NULL, G_MENU_MODEL (window));
  return G_MENU_MODEL (menu);
}

static GtkWidget *
new_title_button (MonitorHeader *self)
{
  GtkWidget *box = gtk_box_new (GTK_ORIENTATION_HORIZONTAL, 4);
  GtkWidget *words = gtk_box_new (GTK_ORIENTATION_VERTICAL, 0);

  self->title = gtk_label_new (NULL);
  self->subtitle = gtk_label_new (NULL);
  gtk_widget_add_css_class (self->title, "title");
  gtk_widget_add_css_class (self->subtitle, "subtitle");
  gtk_label_set_ellipsize (GTK_LABEL (self->title), PANGO_ELLIPSIZE_END);
  gtk_label_set_ellipsize (GTK_LABEL (self->subtitle), PANGO_ELLIPSIZE_END);
  gtk_widget_set_valign (words, GTK_ALIGN_CENTER);
  gtk_box_append (GTK_BOX (words), self->title);
  gtk_box_append (GTK_BOX (words), self->subtitle);
  gtk_box_append (GTK_BOX (box), words);
  gtk_box_append (GTK_BOX (box), gtk_image_new_from_icon_name ("pan-down-symbolic"));

  self->picker = MONITOR_PICKER (monitor_picker_new ());
  g_signal_connect_swapped (self->picker, "chosen", G_CALLBACK (on_chosen), self);
  self->title_button = gtk_menu_button_new ();
  gtk_menu_button_set_child (GTK_MENU_BUTTON (self->title_button), box);
  gtk_menu_button_set_has_frame (GTK_MENU_BUTTON (self->title_button), FALSE);
  gtk_menu_button_set_popover (GTK_MENU_BUTTON (self->title_button), GTK_WIDGET (self->picker));
  gtk_widget_add_css_class (self->title_button, "program");
  set_name (self->title_button, "Program to watch");
  return self->title_button;
}

static void
monitor_header_dispose (GObject *object)
{
  g_clear_pointer (&MONITOR_HEADER (object)->bar, gtk_widget_unparent);
  G_OBJECT_CLASS (monitor_header_parent_class)->dispose (object);
}

static void
monitor_header_class_init (MonitorHeaderClass *klass)
{
  G_OBJECT_CLASS (klass)->dispose = monitor_header_dispose;
  gtk_widget_class_set_layout_manager_type (GTK_WIDGET_CLASS (klass), GTK_TYPE_BIN_LAYOUT);
  signals[SIGNAL_CHOSEN] = g_signal_new ("chosen", MONITOR_TYPE_HEADER, G_SIGNAL_RUN_LAST, 0, NULL,
                                         NULL, NULL, G_TYPE_NONE, 1, MONITOR_TYPE_PROGRAM);
}

static void
monitor_header_init (MonitorHeader *self)
{
  GtkWidget *menu_button = gtk_menu_button_new ();
  g_autoptr(GMenuModel) menu = new_menu ();

  self->bar = gtk_header_bar_new ();
  self->workload_button = gtk_menu_button_new ();
  gtk_menu_button_set_use_underline (GTK_MENU_BUTTON (self->workload_button), TRUE);
  set_name (self->workload_button, "Workloads to watch");

  gtk_menu_button_set_icon_name (GTK_MENU_BUTTON (menu_button), "open-menu-symbolic");
  gtk_menu_button_set_menu_model (GTK_MENU_BUTTON (menu_button), menu);
  gtk_menu_button_set_primary (GTK_MENU_BUTTON (menu_button), TRUE);
  set_name (menu_button, "Menu");

  self->group_button = gtk_toggle_button_new ();
  gtk_button_set_icon_name (GTK_BUTTON (self->group_button), "format-indent-more-symbolic");
  gtk_actionable_set_action_name (GTK_ACTIONABLE (self->group_button), "monitor.group-threads");
  set_name (self->group_button, "Group threads");

  self->search_button = gtk_toggle_button_new ();
  gtk_button_set_icon_name (GTK_BUTTON (self->search_button), "system-search-symbolic");
  set_name (self->search_button, "Search");

  gtk_header_bar_set_title_widget (GTK_HEADER_BAR (self->bar), new_title_button (self));
  gtk_header_bar_pack_start (GTK_HEADER_BAR (self->bar), self->workload_button);
  gtk_header_bar_pack_end (GTK_HEADER_BAR (self->bar), menu_button);
  gtk_header_bar_pack_end (GTK_HEADER_BAR (self->bar), self->search_button);
  gtk_header_bar_pack_end (GTK_HEADER_BAR (self->bar), self->group_button);
  gtk_widget_set_parent (self->bar, GTK_WIDGET (self));
}

GtkWidget *
monitor_header_new (GListModel *workloads,
                    GtkWidget  *search_bar)
{
  MonitorHeader *self = g_object_new (MONITOR_TYPE_HEADER, NULL);

  gtk_menu_button_set_popover (GTK_MENU_BUTTON (self->workload_button),
                               monitor_chooser_new (workloads));
  g_object_bind_property (self->search_button, "active", search_bar, "search-mode-enabled",
                          G_BINDING_BIDIRECTIONAL | G_BINDING_SYNC_CREATE);
  return GTK_WIDGET (self);
}

void
monitor_header_set_program (MonitorHeader  *self,
                            MonitorProgram *program)
{
  guint pid = monitor_program_get_pid (program);
  const char *name = monitor_program_get_name (program);
  g_autofree char *description = NULL;

  description = pid != 0 ? g_strdup_printf ("%s, process %u", name, pid) : g_strdup (name);
  gtk_label_set_label (GTK_LABEL (self->title), name);
  gtk_widget_set_tooltip_text (self->title_button, description);
  gtk_accessible_update_property (GTK_ACCESSIBLE (self->title_button),
                                  GTK_ACCESSIBLE_PROPERTY_DESCRIPTION, description, -1);
  monitor_picker_set_current (self->picker, pid);
  gtk_widget_set_visible (self->workload_button, pid == 0);
}

void
monitor_header_set_subtitle (MonitorHeader *self,
                             const char    *subtitle)
{
  if (g_strcmp0 (gtk_label_get_label (GTK_LABEL (self->subtitle)), subtitle) != 0)
    gtk_label_set_label (GTK_LABEL (self->subtitle), subtitle);
}

void
monitor_header_set_narrow (MonitorHeader *self,
                           gboolean       narrow)
{
  /* They are in the menu. */
  gtk_widget_set_visible (self->group_button, !narrow);
  gtk_widget_set_visible (self->search_button, !narrow);
  if (narrow)
    gtk_menu_button_set_icon_name (GTK_MENU_BUTTON (self->workload_button),
                                   "media-playback-start-symbolic");
  else
    gtk_menu_button_set_label (GTK_MENU_BUTTON (self->workload_button), "_Workloads");
}

void
monitor_header_open_programs (MonitorHeader *self)
{
  gtk_menu_button_popup (GTK_MENU_BUTTON (self->title_button));
}

void
monitor_header_open_workloads (MonitorHeader *self)
{
  if (gtk_widget_get_visible (self->workload_button))
    gtk_menu_button_popup (GTK_MENU_BUTTON (self->workload_button));
}
