/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "monitor-columns.h"

#include "monitor-control.h"
#include "monitor-order.h"
#include "monitor-track.h"

/* Of a thread */

static char *
format_duration (gint64 duration)
{
  double seconds = (double) MAX (duration, 0) / G_TIME_SPAN_SECOND;

  if (seconds < 10)
    return g_strdup_printf ("%.1f s", seconds);
  if (seconds < 120)
    return g_strdup_printf ("%.0f s", seconds);
  if (seconds < 7200)
    return g_strdup_printf ("%.0f min", seconds / 60);
  return g_strdup_printf ("%.1f h", seconds / 3600);
}

char *
monitor_format_since (ThredoThreadInfo *info)
{
  gint64 since = monitor_track_get_since (info);

  return since != 0 ? format_duration (g_get_monotonic_time () - since) : g_strdup ("");
}

char *
monitor_format_cpu (ThredoThreadInfo *info)
{
  MonitorTrack *track = monitor_track_get (info);

  return g_strdup_printf ("%.0f %%", track->load * 100);
}

const char *
monitor_describe_state (ThredoThreadInfo *info)
{
  MonitorActivity activity = monitor_activity_of (info);

  if (monitor_track_is_out_of_reach (info))
    return "Out of reach";
  if (activity == MONITOR_ACTIVITY_CANCELLING && thredo_thread_info_is_shielded (info))
    return "Cancelling, shielded";
  switch (activity)
    {
    case MONITOR_ACTIVITY_CANCELLING:
      return "Cancelling…";
    case MONITOR_ACTIVITY_LOCKED:
      return "Wants a lock";
    case MONITOR_ACTIVITY_RUNNING:
    case MONITOR_ACTIVITY_WAITING:
    case MONITOR_ACTIVITY_SLEEPING:
    default:
      return monitor_activity_get_name (activity);
    }
}

static void
set_label (GtkWidget  *label,
           const char *text)
{
  if (g_strcmp0 (gtk_label_get_label (GTK_LABEL (label)), text) != 0)
    gtk_label_set_label (GTK_LABEL (label), text);
}

static void
update_name (GtkWidget        *child,
             ThredoThreadInfo *info)
{
  set_label (child, thredo_thread_info_get_name (info));
}

static void
update_group (GtkWidget        *child,
              ThredoThreadInfo *info)
{
  g_autofree char *path = monitor_group_path_format (info);

  set_label (child, path);
}

static void
update_state (GtkWidget        *child,
              ThredoThreadInfo *info)
{
  const char *text = monitor_describe_state (info);
  const char *classes[] = { "activity", NULL, NULL, NULL };

  if (g_strcmp0 (gtk_label_get_label (GTK_LABEL (child)), text) == 0)
    return;
  classes[1] = monitor_activity_get_css_class (monitor_activity_of (info));
  if (monitor_track_is_out_of_reach (info))
    classes[2] = "out-of-reach";
  gtk_widget_set_css_classes (child, classes);
  gtk_label_set_label (GTK_LABEL (child), text);
  gtk_widget_set_tooltip_text (child, monitor_track_is_out_of_reach (info)
                                          ? "It was cancelled, but only computes: a thread hears "
                                            "of a cancel where it waits, or asks for it"
                                          : NULL);
}

static void
update_waiting_for (GtkWidget        *child,
                    ThredoThreadInfo *info)
{
  const char *waiting_for = thredo_thread_info_get_waiting_for (info);

  if (monitor_track_is_out_of_reach (info))
    waiting_for = "nothing: computes, hears no cancel";
  set_label (child, waiting_for != NULL ? waiting_for : "");
}

static void
update_since (GtkWidget        *child,
              ThredoThreadInfo *info)
{
  g_autofree char *since = monitor_format_since (info);

  set_label (child, since);
}

static void
update_waits (GtkWidget        *child,
              ThredoThreadInfo *info)
{
  g_autofree char *waits = g_strdup_printf ("%'" G_GUINT64_FORMAT,
                                            thredo_thread_info_get_n_waits (info));

  set_label (child, waits);
}

static void
update_cpu (GtkWidget        *child,
            ThredoThreadInfo *info)
{
  g_autofree char *cpu = monitor_format_cpu (info);

  set_label (child, cpu);
}

/* Of a group */

static void
update_group_name (GtkWidget    *child,
                   MonitorGroup *group)
{
  set_label (child, monitor_group_get_name (group));
}

static void
update_group_state (GtkWidget    *child,
                    MonitorGroup *group)
{
  const char *classes[] = { "dim-label", NULL };
  guint n = monitor_group_get_n_threads (group);
  guint n_all = monitor_group_get_n_all (group);
  const char *noun = n_all == 1 ? "thread" : "threads";
  g_autofree char *text = NULL;

  text = n < n_all ? g_strdup_printf ("%'u of %'u %s", n, n_all, noun)
                   : g_strdup_printf ("%'u %s", n, noun);
  if (g_strcmp0 (gtk_label_get_label (GTK_LABEL (child)), text) == 0)
    return;
  gtk_widget_set_css_classes (child, classes);
  gtk_label_set_label (GTK_LABEL (child), text);
  gtk_widget_set_tooltip_text (child, NULL);
}

static void
update_group_waits (GtkWidget    *child,
                    MonitorGroup *group)
{
  g_autofree char *waits = g_strdup_printf ("%'" G_GUINT64_FORMAT,
                                            monitor_group_get_n_waits (group));

  set_label (child, waits);
}

static void
update_group_cpu (GtkWidget    *child,
                  MonitorGroup *group)
{
  g_autofree char *cpu = g_strdup_printf ("%.0f %%", monitor_group_get_load (group) * 100);

  set_label (child, cpu);
}

const MonitorColumn monitor_columns[MONITOR_N_COLUMNS] = {
  { "Thread", 140, 80, FALSE, update_name, update_group_name, monitor_order_compare_names },
  { "Group", 120, 0, FALSE, update_group, NULL, monitor_order_compare_groups },
  { "State", 130, 112, FALSE, update_state, update_group_state, monitor_order_compare_states },
  { "Waiting for", 0, 0, FALSE, update_waiting_for, NULL, monitor_order_compare_waiting_for },
  { "Since", 70, 0, TRUE, update_since, NULL, monitor_order_compare_since },
  { "Waits", 84, 0, TRUE, update_waits, update_group_waits, monitor_order_compare_waits },
  { "CPU", 64, 0, TRUE, update_cpu, update_group_cpu, monitor_order_compare_cpu },
  { "", 116, 112, FALSE, NULL, NULL, NULL },
};

/* The last column, which is a button. */

static void
set_cancel (GtkWidget  *button,
            const char *text,
            gboolean    sensitive)
{
  gtk_widget_set_sensitive (button, sensitive);
  if (g_strcmp0 (gtk_button_get_label (GTK_BUTTON (button)), text) != 0)
    gtk_button_set_label (GTK_BUTTON (button), text);
}

static void
update_cancel (GtkWidget        *child,
               ThredoThreadInfo *info,
               ThredoMonitor    *monitor)
{
  set_cancel (child, monitor_track_is_cancelling (info) ? "Cancelling…" : "Cancel",
              monitor_control_can_cancel (monitor, info));
}

static void
update_group_cancel (GtkWidget     *child,
                     MonitorGroup  *group,
                     ThredoMonitor *monitor)
{
  gboolean is_cancelled = monitor_group_is_cancelled (group);

  set_cancel (child, is_cancelled ? "Cancelling…" : "Cancel group",
              !is_cancelled && !thredo_monitor_is_closed (monitor));
}

void
monitor_columns_note_cancelling (GtkWidget *button)
{
  set_cancel (button, "Cancelling…", FALSE);
}

/* @item is a thread or a group; NULL: it has just gone. */
void
monitor_column_update (const MonitorColumn *self,
                       GtkWidget           *child,
                       GObject             *item,
                       ThredoMonitor       *monitor)
{
  if (self->compare == NULL && THREDO_IS_THREAD_INFO (item))
    update_cancel (child, THREDO_THREAD_INFO (item), monitor);
  else if (self->compare == NULL && MONITOR_IS_GROUP (item))
    update_group_cancel (child, MONITOR_GROUP (item), monitor);
  else if (self->compare == NULL)
    set_cancel (child, "Cancel", FALSE);
  else if (THREDO_IS_THREAD_INFO (item))
    self->update (child, THREDO_THREAD_INFO (item));
  else if (MONITOR_IS_GROUP (item) && self->update_group != NULL)
    self->update_group (child, MONITOR_GROUP (item));
  else
    set_label (child, "");
}
