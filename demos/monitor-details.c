/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "monitor-details.h"

#include "monitor-columns.h"
#include "monitor-control.h"
#include "monitor-track.h"

enum
{
  FIELD_STATE,
  FIELD_WAITING_FOR,
  FIELD_SINCE,
  FIELD_GROUP,
  FIELD_HELD,
  FIELD_WAITS,
  FIELD_CPU,
  FIELD_KIND,
  N_FIELDS
};

static const char *const titles[N_FIELDS] = {
  [FIELD_STATE] = "State",
  [FIELD_WAITING_FOR] = "Waiting for",
  [FIELD_SINCE] = "Since",
  [FIELD_GROUP] = "Group",
  [FIELD_HELD] = "Holds",
  [FIELD_WAITS] = "Waits so far",
  [FIELD_CPU] = "CPU time",
  [FIELD_KIND] = "Kind",
};

struct _MonitorDetails
{
  GtkWidget parent_instance;

  ThredoMonitor *monitor;
  ThredoThreadInfo *info;
  GtkWidget *revealer;
  GtkWidget *name;
  GtkWidget *fields[N_FIELDS];
  GtkWidget *cancel_button;
  GtkWidget *group_button;
  GtkWidget *close_button;
};

G_DEFINE_FINAL_TYPE (MonitorDetails, monitor_details, GTK_TYPE_WIDGET)

static void
set_field (MonitorDetails *self,
           guint           field,
           const char     *text)
{
  const char *shown = text != NULL && *text != '\0' ? text : "–";

  if (g_strcmp0 (gtk_label_get_label (GTK_LABEL (self->fields[field])), shown) != 0)
    gtk_label_set_label (GTK_LABEL (self->fields[field]), shown);
}

static void
show_numbers (MonitorDetails *self)
{
  double cpu_time = (double) thredo_thread_info_get_cpu_time (self->info) / G_TIME_SPAN_SECOND;
  g_autofree char *load = monitor_format_cpu (self->info);
  g_autofree char *cpu = g_strdup_printf ("%.2f s, now %s", cpu_time, load);
  g_autofree char *waits = g_strdup_printf ("%'" G_GUINT64_FORMAT,
                                            thredo_thread_info_get_n_waits (self->info));
  g_autofree char *since = monitor_format_since (self->info);

  set_field (self, FIELD_CPU, cpu);
  set_field (self, FIELD_WAITS, waits);
  set_field (self, FIELD_SINCE, since);
}

static void
show_state (MonitorDetails *self)
{
  g_autofree char *group = monitor_group_path_format (self->info);
  g_autofree char *held = g_strjoinv (", ", (char **) thredo_thread_info_get_held (self->info));
  g_autofree char *kind = NULL;

  kind = g_strdup_printf ("%s%s", thredo_thread_info_is_daemon (self->info) ? "Daemon" : "Thread",
                          thredo_thread_info_is_shielded (self->info) ? ", shielded now" : "");
  set_field (self, FIELD_STATE, monitor_describe_state (self->info));
  set_field (self, FIELD_WAITING_FOR, thredo_thread_info_get_waiting_for (self->info));
  set_field (self, FIELD_GROUP, group);
  set_field (self, FIELD_HELD, held);
  set_field (self, FIELD_KIND, kind);
}

/* After each time that the threads were looked at: at @now, the last time that it was seen if it
 * has not ended. */
void
monitor_details_refresh (MonitorDetails *self,
                         gint64          now)
{
  gboolean is_closed = self->monitor == NULL || thredo_monitor_is_closed (self->monitor);
  gboolean has_ended;

  if (self->info == NULL)
    return;

  has_ended = is_closed || monitor_track_get (self->info)->noted != now;
  gtk_widget_set_sensitive (self->cancel_button,
                            !has_ended && monitor_control_can_cancel (self->monitor, self->info));
  gtk_widget_set_sensitive (self->group_button,
                            !has_ended && thredo_thread_info_get_group_id (self->info) != 0);
  if (has_ended)
    {
      set_field (self, FIELD_STATE, "Has ended");
      set_field (self, FIELD_WAITING_FOR, NULL);
      set_field (self, FIELD_SINCE, NULL);
      set_field (self, FIELD_HELD, NULL);
      return;
    }
  show_state (self);
  show_numbers (self);
}

void
monitor_details_show (MonitorDetails   *self,
                      ThredoThreadInfo *info)
{
  g_autofree char *name = g_strdup_printf ("%s (thread %" G_GUINT64_FORMAT ")",
                                           thredo_thread_info_get_name (info),
                                           thredo_thread_info_get_id (info));

  g_set_object (&self->info, info);
  gtk_label_set_label (GTK_LABEL (self->name), name);
  monitor_details_refresh (self, monitor_track_get (info)->noted);
  gtk_revealer_set_reveal_child (GTK_REVEALER (self->revealer), TRUE);
}

void
monitor_details_hide (MonitorDetails *self)
{
  gtk_revealer_set_reveal_child (GTK_REVEALER (self->revealer), FALSE);
  g_clear_object (&self->info);
}

gboolean
monitor_details_is_shown (MonitorDetails *self)
{
  return self->info != NULL;
}

static void
on_cancel (MonitorDetails *self)
{
  if (self->info != NULL)
    monitor_control_cancel_thread (GTK_WIDGET (self), self->monitor, self->info);
}

static void
on_cancel_group (MonitorDetails *self)
{
  if (self->info != NULL)
    monitor_control_cancel_group_of (GTK_WIDGET (self), self->monitor, self->info);
}

static void
monitor_details_dispose (GObject *object)
{
  MonitorDetails *self = MONITOR_DETAILS (object);

  g_clear_pointer (&self->revealer, gtk_widget_unparent);
  g_clear_object (&self->info);
  g_clear_object (&self->monitor);
  G_OBJECT_CLASS (monitor_details_parent_class)->dispose (object);
}

static void
monitor_details_class_init (MonitorDetailsClass *klass)
{
  G_OBJECT_CLASS (klass)->dispose = monitor_details_dispose;
  gtk_widget_class_set_layout_manager_type (GTK_WIDGET_CLASS (klass), GTK_TYPE_BIN_LAYOUT);
}

static GtkWidget *
new_field (MonitorDetails *self,
           guint           field)
{
  GtkWidget *box = gtk_box_new (GTK_ORIENTATION_HORIZONTAL, 8);
  GtkWidget *title = gtk_label_new (titles[field]);
  GtkWidget *value = gtk_label_new (NULL);

  gtk_widget_add_css_class (title, "dim-label");
  gtk_widget_add_css_class (value, "numeric");
  gtk_label_set_xalign (GTK_LABEL (title), 0);
  gtk_label_set_width_chars (GTK_LABEL (title), 11);
  gtk_label_set_xalign (GTK_LABEL (value), 0);
  gtk_label_set_ellipsize (GTK_LABEL (value), PANGO_ELLIPSIZE_END);
  gtk_label_set_selectable (GTK_LABEL (value), TRUE);
  gtk_widget_set_hexpand (value, TRUE);
  gtk_accessible_update_relation (GTK_ACCESSIBLE (value), GTK_ACCESSIBLE_RELATION_LABELLED_BY,
                                  title, NULL, -1);
  gtk_box_append (GTK_BOX (box), title);
  gtk_box_append (GTK_BOX (box), value);
  self->fields[field] = value;
  return box;
}

static GtkWidget *
new_head (MonitorDetails *self)
{
  GtkWidget *head = gtk_box_new (GTK_ORIENTATION_HORIZONTAL, 8);

  self->name = gtk_label_new (NULL);
  gtk_label_set_xalign (GTK_LABEL (self->name), 0);
  gtk_label_set_ellipsize (GTK_LABEL (self->name), PANGO_ELLIPSIZE_END);
  gtk_widget_set_hexpand (self->name, TRUE);
  gtk_widget_add_css_class (self->name, "heading");
  self->cancel_button = gtk_button_new_with_mnemonic ("_Cancel");
  self->group_button = gtk_button_new_with_mnemonic ("Cancel _group");
  gtk_accessible_reset_property (GTK_ACCESSIBLE (self->cancel_button),
                                 GTK_ACCESSIBLE_PROPERTY_LABEL);
  gtk_accessible_reset_property (GTK_ACCESSIBLE (self->group_button),
                                 GTK_ACCESSIBLE_PROPERTY_LABEL);
  self->close_button = gtk_button_new_from_icon_name ("window-close-symbolic");
  gtk_button_set_has_frame (GTK_BUTTON (self->close_button), FALSE);
  gtk_widget_set_tooltip_text (self->close_button, "Close the details");
  gtk_accessible_update_property (GTK_ACCESSIBLE (self->close_button),
                                  GTK_ACCESSIBLE_PROPERTY_LABEL, "Close the details", -1);
  g_signal_connect_swapped (self->cancel_button, "clicked", G_CALLBACK (on_cancel), self);
  g_signal_connect_swapped (self->group_button, "clicked", G_CALLBACK (on_cancel_group), self);
  g_signal_connect_swapped (self->close_button, "clicked", G_CALLBACK (monitor_details_hide), self);
  gtk_box_append (GTK_BOX (head), self->name);
  gtk_box_append (GTK_BOX (head), self->cancel_button);
  gtk_box_append (GTK_BOX (head), self->group_button);
  gtk_box_append (GTK_BOX (head), self->close_button);
  return head;
}

static void
monitor_details_init (MonitorDetails *self)
{
  GtkWidget *box = gtk_box_new (GTK_ORIENTATION_VERTICAL, 8);
  GtkWidget *grid = gtk_flow_box_new ();

  gtk_flow_box_set_selection_mode (GTK_FLOW_BOX (grid), GTK_SELECTION_NONE);
  gtk_flow_box_set_min_children_per_line (GTK_FLOW_BOX (grid), 1);
  gtk_flow_box_set_max_children_per_line (GTK_FLOW_BOX (grid), 2);
  gtk_flow_box_set_homogeneous (GTK_FLOW_BOX (grid), TRUE);
  gtk_flow_box_set_column_spacing (GTK_FLOW_BOX (grid), 24);
  for (guint i = 0; i < N_FIELDS; i++)
    {
      GtkWidget *field = new_field (self, i);

      gtk_widget_set_size_request (field, 280, -1);
      gtk_flow_box_append (GTK_FLOW_BOX (grid), field);
      gtk_widget_set_focusable (gtk_widget_get_parent (field), FALSE);
    }

  gtk_box_append (GTK_BOX (box), new_head (self));
  gtk_box_append (GTK_BOX (box), grid);
  gtk_widget_add_css_class (box, "details");
  self->revealer = gtk_revealer_new ();
  gtk_revealer_set_transition_type (GTK_REVEALER (self->revealer),
                                    GTK_REVEALER_TRANSITION_TYPE_SLIDE_UP);
  gtk_revealer_set_child (GTK_REVEALER (self->revealer), box);
  gtk_widget_set_parent (self->revealer, GTK_WIDGET (self));
}

GtkWidget *
monitor_details_new (void)
{
  return g_object_new (MONITOR_TYPE_DETAILS, NULL);
}

/* What was shown was of another program. */
void
monitor_details_set_monitor (MonitorDetails *self,
                             ThredoMonitor  *monitor)
{
  if (g_set_object (&self->monitor, monitor))
    monitor_details_hide (self);
}
