/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "thredo-monitor-private.h"

#include "thredo-deadlock.h"
#include "thredo-history-private.h"
#include "thredo-local-private.h"

#include <unistd.h>

/**
 * ThredoMonitor:
 *
 * Tells what all threads of the process are doing, and when they have locked each
 * other out.
 *
 * It is a list of [class@Thredo.ThreadInfo], one for each live thread, the oldest first,
 * for the main context in which it was made. Whatever has changed since is brought up to
 * date there ten times a second, or as often as [property@Thredo.Monitor:interval] says:
 * threads that have come and gone in one change of the list for all that stand together,
 * and the properties of those that have stayed. What comes and goes between is not seen.
 *
 * [method@Thredo.Monitor.snapshot] is for any thread, and at once.
 * [method@Thredo.Monitor.find_deadlocks] says which threads wait for each other in a circle,
 * and [signal@Thredo.Monitor::deadlock] when that happens.
 *
 * Besides, [method@Thredo.Monitor.list_queues] and [method@Thredo.Monitor.list_locks] tell what
 * threads wait for, [property@Thredo.Monitor:loop-latency] whether something holds up the loop's
 * thread, [method@Thredo.Monitor.get_history] how threads have ended, and
 * [method@Thredo.Monitor.cancel_thread] cancels one by its number.
 *
 * A monitor is for the thread that runs its main context, but for what is said to be for
 * any. A program without one pays nothing for it.
 *
 * [ctor@Thredo.Monitor.new_for_process] makes one that tells of another process, in the same
 * way. What it shows comes when that process has answered: the list is empty at first, and as
 * it was last when the process has gone, see [property@Thredo.Monitor:closed]. There are no
 * objects for the threads, which have numbers.
 *
 * Since: 1.0
 */

#define DEFAULT_INTERVAL (100 * G_TIME_SPAN_MILLISECOND)

enum
{
  PROP_0,
  PROP_ITEM_TYPE,
  PROP_N_ITEMS,
  PROP_PID,
  PROP_CLOSED,
  PROP_INTERVAL,
  PROP_N_WAITING,
  PROP_WAITS_PER_SECOND,
  PROP_LOOP_LATENCY,
  N_PROPS
};

enum
{
  SIGNAL_DEADLOCK,
  SIGNAL_REFRESHED,
  N_SIGNALS
};

static void init_list (GListModelInterface *iface);

G_DEFINE_FINAL_TYPE_WITH_CODE (ThredoMonitor,
                               thredo_monitor,
                               G_TYPE_OBJECT,
                               G_IMPLEMENT_INTERFACE (G_TYPE_LIST_MODEL, init_list))

static guint signals[N_SIGNALS];
static GParamSpec *properties[N_PROPS];

static void
stop_ticking (ThredoMonitor *self)
{
  if (self->ticks == NULL)
    return;
  g_source_destroy (self->ticks);
  g_clear_pointer (&self->ticks, g_source_unref);
}

static gint64
get_next_tick (ThredoMonitor *self)
{
  return g_get_monotonic_time () + MIN (self->interval, G_MAXINT64 / 2);
}

static void
unref_listener (gpointer data)
{
  thredo_listener_unref (data);
}

/* The last reference may be dropped by another thread meanwhile. */
static gboolean
tick (gpointer data)
{
  ThredoListener *listener = data;
  g_autoptr(ThredoMonitor) self = thredo_weak_dup (&listener->monitor);

  if (self == NULL)
    return G_SOURCE_REMOVE;
  thredo_monitor_refresh (self);
  if (self->ticks != NULL)
    g_source_set_ready_time (self->ticks, get_next_tick (self));
  return G_SOURCE_CONTINUE;
}

static gboolean
dispatch_tick (GSource     *source,
               GSourceFunc  callback,
               gpointer     user_data)
{
  return callback (user_data);
}

static GSourceFuncs tick_funcs = { .dispatch = dispatch_tick };

/* The next one comes an interval after the end of the last, so that a program that is slow to
 * look at does nothing else. */
void
thredo_monitor_start_ticking (ThredoMonitor *self)
{
  stop_ticking (self);
  if (self->interval == 0 || self->listener == NULL)
    return;

  self->ticks = g_source_new (&tick_funcs, sizeof (GSource));
  g_source_set_callback (self->ticks, tick, g_atomic_rc_box_acquire (self->listener),
                         unref_listener);
  g_source_set_static_name (self->ticks, "[thredo] monitor");
  g_source_set_ready_time (self->ticks, get_next_tick (self));
  g_source_attach (self->ticks, self->listener->context);
}

static void
thredo_monitor_dispose (GObject *object)
{
  ThredoMonitor *self = THREDO_MONITOR (object);
  ThredoListener *listener = g_steal_pointer (&self->listener);

  if (listener != NULL)
    thredo_weak_end (&listener->monitor);
  g_clear_pointer (&self->remote, thredo_remote_close);
  stop_ticking (self); /* while the listener, which may be the last to do so, has the context */
  if (listener != NULL)
    {
      thredo_listener_end (listener);
      thredo_listener_unref (listener);
      if (self->pid == 0)
        thredo_history_end ();
    }

  G_OBJECT_CLASS (thredo_monitor_parent_class)->dispose (object);
}

static void
thredo_monitor_finalize (GObject *object)
{
  ThredoMonitor *self = THREDO_MONITOR (object);

  thredo_roster_clear (&self->roster);
  thredo_loop_probe_unref (self->probe);

  G_OBJECT_CLASS (thredo_monitor_parent_class)->finalize (object);
}

static void
thredo_monitor_get_property (GObject    *object,
                             guint       prop_id,
                             GValue     *value,
                             GParamSpec *pspec)
{
  ThredoMonitor *self = THREDO_MONITOR (object);

  switch (prop_id)
    {
    case PROP_ITEM_TYPE:
      g_value_set_gtype (value, THREDO_TYPE_THREAD_INFO);
      break;
    case PROP_N_ITEMS:
      g_value_set_uint (value, self->roster.infos->len);
      break;
    case PROP_PID:
      g_value_set_uint (value, thredo_monitor_get_pid (self));
      break;
    case PROP_CLOSED:
      g_value_set_boolean (value, thredo_monitor_is_closed (self));
      break;
    case PROP_INTERVAL:
      g_value_set_int64 (value, self->interval);
      break;
    case PROP_N_WAITING:
      g_value_set_uint (value, self->n_waiting);
      break;
    case PROP_WAITS_PER_SECOND:
      g_value_set_double (value, self->waits_per_second);
      break;
    case PROP_LOOP_LATENCY:
      g_value_set_int64 (value, self->loop_latency);
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, prop_id, pspec);
    }
}

static void
thredo_monitor_set_property (GObject      *object,
                             guint         prop_id,
                             const GValue *value,
                             GParamSpec   *pspec)
{
  switch (prop_id)
    {
    case PROP_PID:
      THREDO_MONITOR (object)->pid = g_value_get_uint (value);
      break;
    case PROP_INTERVAL:
      thredo_monitor_set_interval (THREDO_MONITOR (object), g_value_get_int64 (value));
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, prop_id, pspec);
    }
}

static void
thredo_monitor_constructed (GObject *object)
{
  ThredoMonitor *self = THREDO_MONITOR (object);

  G_OBJECT_CLASS (thredo_monitor_parent_class)->constructed (object);

  if (self->pid != 0)
    return;
  thredo_listener_begin (self->listener);
  thredo_history_begin ();
  thredo_monitor_refresh (self);
  thredo_monitor_start_ticking (self);
}

static void
thredo_monitor_class_init (ThredoMonitorClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);

  object_class->constructed = thredo_monitor_constructed;
  object_class->get_property = thredo_monitor_get_property;
  object_class->set_property = thredo_monitor_set_property;
  object_class->dispose = thredo_monitor_dispose;
  object_class->finalize = thredo_monitor_finalize;

  /**
   * ThredoMonitor:item-type:
   *
   * The type of what is in the list, [class@Thredo.ThreadInfo].
   *
   * Since: 1.0
   */
  properties[PROP_ITEM_TYPE] = g_param_spec_gtype ("item-type", NULL, NULL, G_TYPE_OBJECT,
                                                   G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);
  /**
   * ThredoMonitor:n-items:
   *
   * How many threads there are.
   *
   * Since: 1.0
   */
  properties[PROP_N_ITEMS] = g_param_spec_uint ("n-items", NULL, NULL, 0, G_MAXUINT, 0,
                                                G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);
  /**
   * ThredoMonitor:pid:
   *
   * The number of the process that it watches.
   *
   * It is for [ctor@Thredo.Monitor.new_for_process] to set: a monitor that is made with it, and
   * not by that, is [property@Thredo.Monitor:closed].
   *
   * Since: 1.0
   */
  properties[PROP_PID] =
      g_param_spec_uint ("pid", NULL, NULL, 0, G_MAXUINT, 0,
                         G_PARAM_READWRITE | G_PARAM_CONSTRUCT_ONLY | G_PARAM_STATIC_STRINGS);
  /**
   * ThredoMonitor:closed: (getter is_closed)
   *
   * Whether it watches another process, which has gone, or is not exported any more. Nothing
   * changes then.
   *
   * Since: 1.0
   */
  properties[PROP_CLOSED] = g_param_spec_boolean ("closed", NULL, NULL, FALSE,
                                                  G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);
  /**
   * ThredoMonitor:interval:
   *
   * How long the list stays as it is before it is brought up to date, in microseconds; 0 for
   * until [method@Thredo.Monitor.refresh].
   *
   * Since: 1.0
   */
  properties[PROP_INTERVAL] =
      g_param_spec_int64 ("interval", NULL, NULL, 0, G_MAXINT64, DEFAULT_INTERVAL,
                          G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | G_PARAM_EXPLICIT_NOTIFY);
  /**
   * ThredoMonitor:n-waiting:
   *
   * How many of the threads wait.
   *
   * Since: 1.0
   */
  properties[PROP_N_WAITING] = g_param_spec_uint ("n-waiting", NULL, NULL, 0, G_MAXUINT, 0,
                                                  G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);
  /**
   * ThredoMonitor:waits-per-second:
   *
   * How often threads were parked lately, all of them together.
   *
   * Since: 1.0
   */
  properties[PROP_WAITS_PER_SECOND] =
      g_param_spec_double ("waits-per-second", NULL, NULL, 0, G_MAXDOUBLE, 0,
                           G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);
  /**
   * ThredoMonitor:loop-latency:
   *
   * How late the loop's thread serves what it has to, in microseconds.
   *
   * On that thread deadlines come to their end, files are watched, and the sources run that
   * the program has attached to [func@Thredo.get_main_context]. If one of those takes long, or
   * blocks, everything else waits for it, and this figure grows. Without that it is some tens of
   * microseconds.
   *
   * Since: 1.0
   */
  properties[PROP_LOOP_LATENCY] =
      g_param_spec_int64 ("loop-latency", NULL, NULL, 0, G_MAXINT64, 0,
                          G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);
  g_object_class_install_properties (object_class, N_PROPS, properties);

  /**
   * ThredoMonitor::deadlock:
   * @self: a monitor
   * @deadlock: which threads, and what they wait for
   *
   * Threads have begun to wait for each other in a circle.
   *
   * It is emitted in the thread-default main context of whoever made the monitor,
   * whatever [func@Thredo.get_deadlock_policy] says. By then the deadlock may be over:
   * if the policy is to fail it never comes about.
   *
   * Since: 1.0
   */
  signals[SIGNAL_DEADLOCK] =
      g_signal_new ("deadlock", THREDO_TYPE_MONITOR, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                    G_TYPE_NONE, 1, THREDO_TYPE_DEADLOCK);

  /**
   * ThredoMonitor::refreshed:
   * @self: a monitor
   *
   * Everything has been brought up to date.
   *
   * Since: 1.0
   */
  signals[SIGNAL_REFRESHED] =
      g_signal_new ("refreshed", THREDO_TYPE_MONITOR, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                    G_TYPE_NONE, 0);
}

static void
thredo_monitor_init (ThredoMonitor *self)
{
  self->listener = thredo_listener_new (self);
  self->probe = thredo_loop_probe_new ();
  thredo_roster_init (&self->roster, G_LIST_MODEL (self));
  self->interval = DEFAULT_INTERVAL;
}

/**
 * thredo_monitor_new:
 *
 * Makes a monitor for the thread-default main context of the caller, in which it changes as a
 * list, and emits its signals.
 *
 * Returns: (transfer full): a new monitor
 *
 * Since: 1.0
 */
ThredoMonitor *
thredo_monitor_new (void)
{
  return g_object_new (THREDO_TYPE_MONITOR, NULL);
}

/**
 * thredo_monitor_get_pid:
 * @self: a monitor
 *
 * Gets which process it watches.
 *
 * Returns: the number of the process
 *
 * Since: 1.0
 */
guint
thredo_monitor_get_pid (ThredoMonitor *self)
{
  g_return_val_if_fail (THREDO_IS_MONITOR (self), 0);

  return self->pid != 0 ? self->pid : (guint) getpid ();
}

/**
 * thredo_monitor_is_closed:
 * @self: a monitor
 *
 * Tells whether the process that it watches has gone, or is not exported any more.
 *
 * Returns: %TRUE if so; %FALSE if it watches its own
 *
 * Since: 1.0
 */
gboolean
thredo_monitor_is_closed (ThredoMonitor *self)
{
  g_return_val_if_fail (THREDO_IS_MONITOR (self), FALSE);

  return self->pid != 0 && (self->remote == NULL || thredo_remote_is_closed (self->remote));
}

/* The list. */

static GType
thredo_monitor_get_item_type (GListModel *list)
{
  return THREDO_TYPE_THREAD_INFO;
}

static guint
thredo_monitor_get_n_items (GListModel *list)
{
  return THREDO_MONITOR (list)->roster.infos->len;
}

static gpointer
thredo_monitor_get_item (GListModel *list,
                         guint       position)
{
  GPtrArray *infos = THREDO_MONITOR (list)->roster.infos;

  return position < infos->len ? g_object_ref (infos->pdata[position]) : NULL;
}

static void
init_list (GListModelInterface *iface)
{
  iface->get_item_type = thredo_monitor_get_item_type;
  iface->get_n_items = thredo_monitor_get_n_items;
  iface->get_item = thredo_monitor_get_item;
}

static guint
count_waiting (GArray *all)
{
  guint n = 0;

  for (guint i = 0; i < all->len; i++)
    n += g_array_index (all, ThredoThreadSeen, i).state == THREDO_THREAD_STATE_WAITING;
  return n;
}

void
thredo_monitor_set_figures (ThredoMonitor *self,
                            guint          n_waiting,
                            double         waits_per_second,
                            GTimeSpan      loop_latency)
{
  g_object_freeze_notify (G_OBJECT (self));
  self->waits_per_second = waits_per_second;
  g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_WAITS_PER_SECOND]);
  if (self->n_waiting != n_waiting)
    {
      self->n_waiting = n_waiting;
      g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_N_WAITING]);
    }
  if (self->loop_latency != loop_latency)
    {
      self->loop_latency = loop_latency;
      g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_LOOP_LATENCY]);
    }
  g_object_thaw_notify (G_OBJECT (self));
}

static void
note_figures (ThredoMonitor *self,
              guint          n_waiting,
              guint64        n_waits)
{
  GTimeSpan loop_latency = thredo_loop_probe_ask (self->probe);
  gint64 now = g_get_monotonic_time ();
  double waits_per_second = self->waits_per_second;

  if (self->refreshed != 0 && now > self->refreshed)
    waits_per_second = (double) (n_waits - self->n_waits) * G_TIME_SPAN_SECOND /
                       (double) (now - self->refreshed);
  self->refreshed = now;
  self->n_waits = n_waits;
  thredo_monitor_set_figures (self, n_waiting, waits_per_second, loop_latency);
}

/* Of another process; takes what is in the array, which is in the order of the numbers. */
void
thredo_monitor_take_changes (ThredoMonitor *self,
                             GArray        *changed,
                             gboolean       is_all,
                             const guint64 *gone,
                             guint          n_gone)
{
  G_GNUC_UNUSED g_autoptr(ThredoMonitor) kept = g_object_ref (self);
  guint n_before = self->roster.infos->len;

  self->refreshing = TRUE;
  g_object_freeze_notify (G_OBJECT (self));
  if (is_all)
    thredo_roster_remove_ended (&self->roster, changed);
  else
    thredo_roster_remove_gone (&self->roster, gone, n_gone);
  thredo_roster_insert_new (&self->roster, changed);
  if (self->roster.infos->len != n_before)
    g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_N_ITEMS]);
  g_object_thaw_notify (G_OBJECT (self));
  self->refreshing = FALSE;
}

void
thredo_monitor_note_refreshed (ThredoMonitor *self)
{
  g_signal_emit (self, signals[SIGNAL_REFRESHED], 0);
}

void
thredo_monitor_note_closed (ThredoMonitor *self)
{
  stop_ticking (self);
  g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_CLOSED]);
}

void
thredo_monitor_emit_deadlock (ThredoMonitor  *self,
                              ThredoDeadlock *deadlock)
{
  G_GNUC_UNUSED g_autoptr(ThredoMonitor) kept = g_object_ref (self);

  g_signal_emit (self, signals[SIGNAL_DEADLOCK], 0, deadlock);
}

/**
 * thredo_monitor_refresh:
 * @self: a monitor
 *
 * Brings the list up to date now; if it is of another process, when that has answered, and
 * [signal@Thredo.Monitor::refreshed] is emitted.
 *
 * To be called in the monitor's main context. Called from a handler of what it changes it
 * does nothing.
 *
 * Since: 1.0
 */
void
thredo_monitor_refresh (ThredoMonitor *self)
{
  g_autoptr(GArray) all = NULL;
  guint64 n_waits;
  guint n_before;

  g_return_if_fail (THREDO_IS_MONITOR (self));

  if (self->refreshing)
    return;
  if (self->pid != 0)
    {
      if (self->remote != NULL)
        thredo_remote_refresh (self->remote);
      return;
    }

  g_object_ref (self);
  self->refreshing = TRUE;
  all = thredo_local_look (&n_waits);
  n_before = self->roster.infos->len;
  g_object_freeze_notify (G_OBJECT (self));
  note_figures (self, count_waiting (all), n_waits);
  thredo_roster_remove_ended (&self->roster, all);
  thredo_roster_insert_new (&self->roster, all);
  if (self->roster.infos->len != n_before)
    g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_N_ITEMS]);
  g_object_thaw_notify (G_OBJECT (self));
  self->refreshing = FALSE;
  thredo_monitor_note_refreshed (self);
  g_object_unref (self);
}

/**
 * thredo_monitor_get_interval:
 * @self: a monitor
 *
 * Gets how long the list stays as it is before it is brought up to date.
 *
 * Returns: microseconds; 0 for until [method@Thredo.Monitor.refresh]
 *
 * Since: 1.0
 */
GTimeSpan
thredo_monitor_get_interval (ThredoMonitor *self)
{
  g_return_val_if_fail (THREDO_IS_MONITOR (self), 0);

  return self->interval;
}

/**
 * thredo_monitor_set_interval:
 * @self: a monitor
 * @interval: microseconds, or 0 for until [method@Thredo.Monitor.refresh]
 *
 * Sets how long the list stays as it is before it is brought up to date.
 *
 * Since: 1.0
 */
void
thredo_monitor_set_interval (ThredoMonitor *self,
                             GTimeSpan      interval)
{
  g_return_if_fail (THREDO_IS_MONITOR (self));
  g_return_if_fail (interval >= 0);

  if (self->interval == interval)
    return;
  self->interval = interval;
  thredo_monitor_start_ticking (self);
  g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_INTERVAL]);
}
