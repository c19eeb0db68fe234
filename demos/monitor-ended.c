/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "monitor-ended.h"

#include "monitor-list.h"

#define INTERVAL (G_TIME_SPAN_SECOND / 2)

struct _MonitorEnded
{
  GtkWidget parent_instance;

  ThredoMonitor *monitor;
  GtkWidget *list;
};

G_DEFINE_FINAL_TYPE (MonitorEnded, monitor_ended, GTK_TYPE_WIDGET)

/* What is written in the cells */

static char *
format_when (ThredoEndedInfo *info)
{
  gint64 ended_at = thredo_ended_info_get_ended_at (info);
  gint64 seconds = MAX (g_get_monotonic_time () - ended_at, 0) / G_TIME_SPAN_SECOND;

  if (seconds < 1)
    return g_strdup ("now");
  if (seconds < 120)
    return g_strdup_printf ("%d s ago", (int) seconds);
  if (seconds < 7200)
    return g_strdup_printf ("%d min ago", (int) (seconds / 60));
  return g_strdup_printf ("%" G_GINT64_FORMAT " h ago", seconds / 3600);
}

static char *
format_cpu (ThredoEndedInfo *info)
{
  double seconds = (double) thredo_ended_info_get_cpu_time (info) / G_TIME_SPAN_SECOND;

  if (seconds < 1)
    return g_strdup_printf ("%.1f ms", seconds * 1000);
  return g_strdup_printf ("%.1f s", seconds);
}

static const char *
get_name (ThredoEndedInfo *info)
{
  const char *name = thredo_ended_info_get_name (info);

  return name != NULL && *name != '\0' ? name : "(without a name)";
}

static const char *
get_message (ThredoEndedInfo *info)
{
  const char *message = thredo_ended_info_get_message (info);

  return message != NULL ? message : "";
}

static void
update_when (GtkWidget  *child,
             MonitorRow *row,
             gpointer    panel)
{
  g_autofree char *when = format_when (THREDO_ENDED_INFO (row->info));

  monitor_cell_set_text (child, when);
}

static void
update_name (GtkWidget  *child,
             MonitorRow *row,
             gpointer    panel)
{
  monitor_cell_set_text (child, get_name (THREDO_ENDED_INFO (row->info)));
}

static void
update_how (GtkWidget  *child,
            MonitorRow *row,
            gpointer    panel)
{
  switch (thredo_ended_info_get_state (THREDO_ENDED_INFO (row->info)))
    {
    case THREDO_THREAD_STATE_FAILED:
      monitor_mark_set (child, "dialog-error-symbolic", "failed", "Failed");
      break;
    case THREDO_THREAD_STATE_CANCELLED:
      monitor_mark_set (child, "process-stop-symbolic", "cancelled", "Cancelled");
      break;
    case THREDO_THREAD_STATE_NEW:
    case THREDO_THREAD_STATE_RUNNING:
    case THREDO_THREAD_STATE_WAITING:
    case THREDO_THREAD_STATE_FINISHED:
    default:
      monitor_mark_set (child, "object-select-symbolic", "finished", "Finished");
    }
}

static void
update_message (GtkWidget  *child,
                MonitorRow *row,
                gpointer    panel)
{
  monitor_cell_set_text (child, get_message (THREDO_ENDED_INFO (row->info)));
}

static void
update_cpu (GtkWidget  *child,
            MonitorRow *row,
            gpointer    panel)
{
  g_autofree char *cpu = format_cpu (THREDO_ENDED_INFO (row->info));

  monitor_cell_set_text (child, cpu);
}

static char *
describe (gpointer info,
          gpointer panel)
{
  g_autofree char *when = format_when (info);
  g_autofree char *cpu = format_cpu (info);
  const char *message = get_message (info);
  const char *how;

  switch (thredo_ended_info_get_state (info))
    {
    case THREDO_THREAD_STATE_FAILED:
      how = "failed";
      break;
    case THREDO_THREAD_STATE_CANCELLED:
      how = "was cancelled";
      break;
    case THREDO_THREAD_STATE_NEW:
    case THREDO_THREAD_STATE_RUNNING:
    case THREDO_THREAD_STATE_WAITING:
    case THREDO_THREAD_STATE_FINISHED:
    default:
      how = "finished";
    }
  return g_strdup_printf ("%s %s %s, with %s of processor time%s%s", get_name (info), how, when,
                          cpu, *message != '\0' ? ": " : ".", message);
}

/* Columns */

#define COMPARE(a, b) (((a) > (b)) - ((a) < (b)))

static int
compare_when (gpointer a,
              gpointer b)
{
  return COMPARE (thredo_ended_info_get_serial (a), thredo_ended_info_get_serial (b));
}

static int
compare_names (gpointer a,
               gpointer b)
{
  return g_utf8_collate (get_name (a), get_name (b));
}

static int
compare_how (gpointer a,
             gpointer b)
{
  return COMPARE (thredo_ended_info_get_state (a), thredo_ended_info_get_state (b));
}

static int
compare_messages (gpointer a,
                  gpointer b)
{
  return g_utf8_collate (get_message (a), get_message (b));
}

static int
compare_cpu (gpointer a,
             gpointer b)
{
  return COMPARE (thredo_ended_info_get_cpu_time (a), thredo_ended_info_get_cpu_time (b));
}

static const MonitorListColumn columns[] = {
  { "When", 96, 88, FALSE, NULL, update_when, compare_when },
  { "Thread", 160, -1, FALSE, NULL, update_name, compare_names },
  { "Ended", 120, 108, FALSE, monitor_mark_new, update_how, compare_how },
  { "Message", 0, 0, FALSE, NULL, update_message, compare_messages },
  { "CPU time", 90, 0, TRUE, NULL, update_cpu, compare_cpu },
};

static guint64
get_id (gpointer info)
{
  return thredo_ended_info_get_serial (info);
}

static const MonitorListKind kind = {
  .name = "Ended threads",
  .empty = "No thread has ended yet",
  .columns = columns,
  .n_columns = G_N_ELEMENTS (columns),
  .get_id = get_id,
  .describe = describe,
};

/* The widget */

static void
monitor_ended_dispose (GObject *object)
{
  MonitorEnded *self = MONITOR_ENDED (object);

  g_clear_pointer (&self->list, gtk_widget_unparent);
  g_clear_object (&self->monitor);
  G_OBJECT_CLASS (monitor_ended_parent_class)->dispose (object);
}

static void
monitor_ended_class_init (MonitorEndedClass *klass)
{
  G_OBJECT_CLASS (klass)->dispose = monitor_ended_dispose;
  gtk_widget_class_set_layout_manager_type (GTK_WIDGET_CLASS (klass), GTK_TYPE_BIN_LAYOUT);
}

static void
monitor_ended_init (MonitorEnded *self)
{
  self->list = monitor_list_new (&kind, self);
  monitor_list_sort_by (MONITOR_LIST (self->list), 0, GTK_SORT_DESCENDING);
  gtk_widget_set_parent (self->list, GTK_WIDGET (self));
  gtk_widget_set_vexpand (GTK_WIDGET (self), TRUE);
}

GtkWidget *
monitor_ended_new (void)
{
  return g_object_new (MONITOR_TYPE_ENDED, NULL);
}

/* @monitor is nullable. */
void
monitor_ended_set_monitor (MonitorEnded  *self,
                           ThredoMonitor *monitor)
{
  if (!g_set_object (&self->monitor, monitor))
    return;
  monitor_list_clear (MONITOR_LIST (self->list), monitor == NULL ? "No program is watched" : NULL);
}

/* After each time that the monitor has looked at the process. */
void
monitor_ended_refresh (MonitorEnded *self)
{
  MonitorList *list = MONITOR_LIST (self->list);
  g_autoptr(GPtrArray) infos = NULL;

  if (self->monitor == NULL || !monitor_list_is_due (list, INTERVAL, 0))
    return;
  infos = thredo_monitor_get_history (self->monitor);
  monitor_list_update (list, infos);
}
