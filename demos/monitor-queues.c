/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "monitor-queues.h"

#include "monitor-depth.h"
#include "monitor-list.h"

#define INTERVAL (G_TIME_SPAN_SECOND / 4)
/* How full they have been is known for the time before they are looked at, too. */
#define UNSEEN_INTERVAL G_TIME_SPAN_SECOND
#define MOST_UNSEEN 1000 /* queues */

struct _MonitorQueues
{
  GtkWidget parent_instance;

  ThredoMonitor *monitor;
  GtkWidget *list;
};

G_DEFINE_FINAL_TYPE (MonitorQueues, monitor_queues, GTK_TYPE_WIDGET)

/* What is written in the cells */

static const char *
get_name (ThredoQueueInfo *info)
{
  const char *name = thredo_queue_info_get_name (info);

  return name != NULL && *name != '\0' ? name : "(without a name)";
}

static const char *
get_order_name (ThredoQueueInfo *info)
{
  switch (thredo_queue_info_get_order (info))
    {
    case THREDO_QUEUE_ORDER_LIFO:
      return "LIFO";
    case THREDO_QUEUE_ORDER_PRIORITY:
      return "Priority";
    case THREDO_QUEUE_ORDER_FIFO:
    default:
      return "FIFO";
    }
}

static void
update_name (GtkWidget  *child,
             MonitorRow *row,
             gpointer    panel)
{
  monitor_cell_set_text (child, get_name (THREDO_QUEUE_INFO (row->info)));
}

static void
update_order (GtkWidget  *child,
              MonitorRow *row,
              gpointer    panel)
{
  monitor_cell_set_text (child, get_order_name (THREDO_QUEUE_INFO (row->info)));
}

static void
update_length (GtkWidget  *child,
               MonitorRow *row,
               gpointer    panel)
{
  ThredoQueueInfo *info = THREDO_QUEUE_INFO (row->info);

  monitor_gauge_show (MONITOR_GAUGE (child), thredo_queue_info_get_length (info),
                      thredo_queue_info_get_max_size (info));
}

static void
update_depths (GtkWidget  *child,
               MonitorRow *row,
               gpointer    panel)
{
  if (row->data != NULL)
    monitor_spark_show (MONITOR_SPARK (child), row->data);
}

static void
set_number (GtkWidget *child,
            guint64    number)
{
  g_autofree char *text = g_strdup_printf ("%'" G_GUINT64_FORMAT, number);

  monitor_cell_set_text (child, text);
}

static void
update_unfinished (GtkWidget  *child,
                   MonitorRow *row,
                   gpointer    panel)
{
  set_number (child, thredo_queue_info_get_n_unfinished (THREDO_QUEUE_INFO (row->info)));
}

static void
update_getters (GtkWidget  *child,
                MonitorRow *row,
                gpointer    panel)
{
  set_number (child, thredo_queue_info_get_n_getters (THREDO_QUEUE_INFO (row->info)));
}

static void
update_putters (GtkWidget  *child,
                MonitorRow *row,
                gpointer    panel)
{
  set_number (child, thredo_queue_info_get_n_putters (THREDO_QUEUE_INFO (row->info)));
}

static void
update_closed (GtkWidget  *child,
               MonitorRow *row,
               gpointer    panel)
{
  if (thredo_queue_info_is_closed (THREDO_QUEUE_INFO (row->info)))
    monitor_mark_set (child, "changes-prevent-symbolic", "closed", "Closed");
  else
    monitor_mark_set (child, NULL, NULL, "Open");
}

static char *
describe (gpointer info,
          gpointer panel)
{
  guint length = thredo_queue_info_get_length (info);
  guint max_size = thredo_queue_info_get_max_size (info);
  guint n_getters = thredo_queue_info_get_n_getters (info);
  guint n_putters = thredo_queue_info_get_n_putters (info);
  g_autofree char *limit = max_size > 0 ? g_strdup_printf ("at most %'u", max_size) : NULL;

  return g_strdup_printf ("%s: %s, %s. %'u item%s, %s; %'" G_GUINT64_FORMAT " not done with. "
                          "%'u wait%s for an item, %'u for room.",
                          get_name (info), get_order_name (info),
                          thredo_queue_info_is_closed (info) ? "closed" : "open", length,
                          length == 1 ? "" : "s", limit != NULL ? limit : "without a limit",
                          thredo_queue_info_get_n_unfinished (info), n_getters,
                          n_getters == 1 ? "s" : "", n_putters);
}

static void
note (MonitorRow *row,
      gint64      now)
{
  if (row->data == NULL)
    row->data = g_new0 (MonitorDepths, 1);
  monitor_depths_note (row->data, now,
                       thredo_queue_info_get_length (THREDO_QUEUE_INFO (row->info)));
}

/* Columns */

#define COMPARE(a, b) (((a) > (b)) - ((a) < (b)))

static int
compare_names (gpointer a,
               gpointer b)
{
  return g_utf8_collate (get_name (a), get_name (b));
}

static int
compare_orders (gpointer a,
                gpointer b)
{
  return COMPARE (thredo_queue_info_get_order (a), thredo_queue_info_get_order (b));
}

static int
compare_lengths (gpointer a,
                 gpointer b)
{
  return COMPARE (thredo_queue_info_get_length (a), thredo_queue_info_get_length (b));
}

static int
compare_unfinished (gpointer a,
                    gpointer b)
{
  return COMPARE (thredo_queue_info_get_n_unfinished (a), thredo_queue_info_get_n_unfinished (b));
}

static int
compare_getters (gpointer a,
                 gpointer b)
{
  return COMPARE (thredo_queue_info_get_n_getters (a), thredo_queue_info_get_n_getters (b));
}

static int
compare_putters (gpointer a,
                 gpointer b)
{
  return COMPARE (thredo_queue_info_get_n_putters (a), thredo_queue_info_get_n_putters (b));
}

static int
compare_closed (gpointer a,
                gpointer b)
{
  return COMPARE (thredo_queue_info_is_closed (a), thredo_queue_info_is_closed (b));
}

static const MonitorListColumn columns[] = {
  { "Queue", 130, -1, FALSE, NULL, update_name, compare_names },
  { "Order", 72, 0, FALSE, NULL, update_order, compare_orders },
  { "Length", 128, 120, FALSE, monitor_gauge_new, update_length, compare_lengths },
  { "Last minute", 0, 120, FALSE, monitor_spark_new, update_depths, NULL },
  { "Unfinished", 92, 0, TRUE, NULL, update_unfinished, compare_unfinished },
  { "Getters", 72, 0, TRUE, NULL, update_getters, compare_getters },
  { "Putters", 72, 0, TRUE, NULL, update_putters, compare_putters },
  { "State", 88, 0, FALSE, monitor_mark_new, update_closed, compare_closed },
};

static guint64
get_id (gpointer info)
{
  return thredo_queue_info_get_id (info);
}

static const MonitorListKind kind = {
  .name = "Queues",
  .empty = "The program has no queues",
  .columns = columns,
  .n_columns = G_N_ELEMENTS (columns),
  .get_id = get_id,
  .note = note,
  .describe = describe,
};

/* The widget */

static void
monitor_queues_dispose (GObject *object)
{
  MonitorQueues *self = MONITOR_QUEUES (object);

  g_clear_pointer (&self->list, gtk_widget_unparent);
  g_clear_object (&self->monitor);
  G_OBJECT_CLASS (monitor_queues_parent_class)->dispose (object);
}

static void
monitor_queues_class_init (MonitorQueuesClass *klass)
{
  G_OBJECT_CLASS (klass)->dispose = monitor_queues_dispose;
  gtk_widget_class_set_layout_manager_type (GTK_WIDGET_CLASS (klass), GTK_TYPE_BIN_LAYOUT);
}

static void
monitor_queues_init (MonitorQueues *self)
{
  self->list = monitor_list_new (&kind, self);
  gtk_widget_set_parent (self->list, GTK_WIDGET (self));
  gtk_widget_set_vexpand (GTK_WIDGET (self), TRUE);
}

GtkWidget *
monitor_queues_new (void)
{
  return g_object_new (MONITOR_TYPE_QUEUES, NULL);
}

/* @monitor is nullable. */
void
monitor_queues_set_monitor (MonitorQueues *self,
                            ThredoMonitor *monitor)
{
  if (!g_set_object (&self->monitor, monitor))
    return;
  monitor_list_clear (MONITOR_LIST (self->list), monitor == NULL ? "No program is watched" : NULL);
}

/* After each time that the monitor has looked at the process. */
void
monitor_queues_refresh (MonitorQueues *self)
{
  MonitorList *list = MONITOR_LIST (self->list);
  gboolean few = monitor_list_get_n_rows (list) <= MOST_UNSEEN;
  g_autoptr(GPtrArray) infos = NULL;

  if (self->monitor == NULL || !monitor_list_is_due (list, INTERVAL, few ? UNSEEN_INTERVAL : 0))
    return;
  infos = thredo_monitor_list_queues (self->monitor);
  monitor_list_update (list, infos);
}
