/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "thredo-monitor-private.h"

#include "fork.h"
#include "hold.h"
#include "level.h"
#include "thredo-attach-private.h"
#include "thredo-deadlock-private.h"
#include "thredo-group-private.h"
#include "thredo-history-private.h"
#include "thredo-local-private.h"
#include "thredo-loop-probe-private.h"
#include "thredo-remote-private.h"
#include "thredo-thread-info-private.h"

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

/* Where a monitor is told of deadlocks; it may go before it hears of them. */
typedef struct
{
  GMainContext *context;
  GWeakRef monitor;
} Listener;

struct _ThredoMonitor
{
  GObject parent_instance;

  Listener *listener;   /* see g_atomic_rc_box_acquire() */
  guint pid;            /* construction: 0 is this process */
  ThredoRemote *remote; /* NULL: it watches this process, or another one in vain */

  GPtrArray *infos; /* by their ids, which grow */
  GSource *ticks;   /* NULL: the list is not kept up to date */
  GTimeSpan interval;
  gint64 refreshed;
  guint64 n_waits; /* by then */
  guint n_waiting;
  double waits_per_second;
  ThredoLoopProbe *probe;
  GTimeSpan loop_latency;
  gboolean refreshing;
};

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

static struct
{
  ThredoMutex lock;
  GPtrArray *all;
} listeners;

__attribute__ ((constructor)) static void
protect_listeners (void)
{
  thredo_fork_protect (&listeners.lock, NULL);
}

static void
listener_clear (gpointer data)
{
  Listener *self = data;

  g_main_context_unref (self->context);
  g_weak_ref_clear (&self->monitor);
}

static void
listener_unref (gpointer data)
{
  g_atomic_rc_box_release_full (data, listener_clear);
}

typedef struct
{
  Listener *listener;
  ThredoDeadlock *deadlock;
} News;

static void
news_free (gpointer data)
{
  News *news = data;

  listener_unref (news->listener);
  g_object_unref (news->deadlock);
  g_free (news);
}

static gboolean
emit (gpointer data)
{
  News *news = data;
  g_autoptr(ThredoMonitor) self = g_weak_ref_get (&news->listener->monitor);

  if (self != NULL)
    g_signal_emit (self, signals[SIGNAL_DEADLOCK], 0, news->deadlock);
  return G_SOURCE_REMOVE;
}

/* Tells every monitor, each in its own main context, later. */
void
thredo_monitor_tell_all (ThredoDeadlock *deadlock)
{
  g_autoptr(GPtrArray) told = g_ptr_array_new_with_free_func (listener_unref);

  thredo_mutex_lock (&listeners.lock);
  for (guint i = 0; listeners.all != NULL && i < listeners.all->len; i++)
    g_ptr_array_add (told, g_atomic_rc_box_acquire (g_ptr_array_index (listeners.all, i)));
  thredo_mutex_unlock (&listeners.lock);

  for (guint i = 0; i < told->len; i++)
    {
      g_autoptr(GSource) source = g_idle_source_new ();
      News *news = g_new (News, 1);

      news->listener = g_atomic_rc_box_acquire (g_ptr_array_index (told, i));
      news->deadlock = g_object_ref (deadlock);
      g_source_set_priority (source, G_PRIORITY_DEFAULT);
      g_source_set_callback (source, emit, news, news_free);
      g_source_set_static_name (source, "[thredo] deadlock");
      g_source_attach (source, news->listener->context);
    }
}

static void
stop_ticking (ThredoMonitor *self)
{
  if (self->ticks == NULL)
    return;
  g_source_destroy (self->ticks);
  g_clear_pointer (&self->ticks, g_source_unref);
}

static gboolean
tick (gpointer data)
{
  ThredoMonitor *self = data;
  g_autoptr(ThredoMonitor) kept = g_object_ref (self);

  thredo_monitor_refresh (self);
  if (self->ticks != NULL)
    g_source_set_ready_time (self->ticks, g_get_monotonic_time () + self->interval);
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
static void
start_ticking (ThredoMonitor *self)
{
  stop_ticking (self);
  if (self->interval == 0 || self->listener == NULL)
    return;

  self->ticks = g_source_new (&tick_funcs, sizeof (GSource));
  g_source_set_callback (self->ticks, tick, self, NULL);
  g_source_set_static_name (self->ticks, "[thredo] monitor");
  g_source_set_ready_time (self->ticks, g_get_monotonic_time () + self->interval);
  g_source_attach (self->ticks, self->listener->context);
}

static void
thredo_monitor_dispose (GObject *object)
{
  ThredoMonitor *self = THREDO_MONITOR (object);

  g_clear_pointer (&self->remote, thredo_remote_close);
  if (self->listener != NULL && self->pid == 0)
    {
      thredo_mutex_lock (&listeners.lock);
      g_ptr_array_remove_fast (listeners.all, self->listener);
      thredo_mutex_unlock (&listeners.lock);
      thredo_history_end ();
    }
  g_clear_pointer (&self->listener, listener_unref);
  stop_ticking (self);

  G_OBJECT_CLASS (thredo_monitor_parent_class)->dispose (object);
}

static void
thredo_monitor_finalize (GObject *object)
{
  ThredoMonitor *self = THREDO_MONITOR (object);

  g_ptr_array_unref (self->infos);
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
      g_value_set_uint (value, self->infos->len);
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
  thredo_mutex_lock (&listeners.lock);
  if (listeners.all == NULL)
    listeners.all = g_ptr_array_new ();
  g_ptr_array_add (listeners.all, self->listener);
  thredo_mutex_unlock (&listeners.lock);

  thredo_history_begin ();
  thredo_monitor_refresh (self);
  start_ticking (self);
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
   * Since: 1.0
   */
  properties[PROP_PID] =
      g_param_spec_uint ("pid", NULL, NULL, 0, G_MAXUINT, 0,
                         G_PARAM_READWRITE | G_PARAM_CONSTRUCT_ONLY | G_PARAM_STATIC_STRINGS);
  /**
   * ThredoMonitor:closed:
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
  self->listener = g_atomic_rc_box_new0 (Listener);
  self->listener->context = g_main_context_ref_thread_default ();
  g_weak_ref_init (&self->listener->monitor, self);

  self->probe = thredo_loop_probe_new ();
  self->infos = g_ptr_array_new_with_free_func (g_object_unref);
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

/* Takes the connection. */
static void
begin_watching (ThredoMonitor   *self,
                GDBusConnection *connection)
{
  self->remote = thredo_remote_new (self, self->listener->context, (GPid) self->pid, connection);
  thredo_monitor_refresh (self);
  start_ticking (self);
}

/**
 * thredo_monitor_new_for_process:
 * @pid: the number of a process, see [func@Thredo.Monitor.list_processes]
 * @cancellable: (nullable): a cancellable
 * @error: return location for an error
 *
 * Makes a monitor of another process of the same user, for the thread-default main context of
 * the caller.
 *
 * It waits until the process has answered, which takes a moment, and five seconds at most. From
 * then on nothing but [method@Thredo.Monitor.cancel_thread] and
 * [method@Thredo.Monitor.cancel_group] waits for the process. What there is comes with the first
 * [signal@Thredo.Monitor::refreshed].
 *
 * Returns: (transfer full): a new monitor, or %NULL with an error of `G_IO_ERROR`:
 *   `G_IO_ERROR_NOT_FOUND` or `G_IO_ERROR_CONNECTION_REFUSED` if the process is not there, or
 *   is not exported, `G_IO_ERROR_PERMISSION_DENIED` if it is another user's,
 *   `G_IO_ERROR_TIMED_OUT` if it does not answer, `G_IO_ERROR_CANCELLED`, or
 *   `G_IO_ERROR_FAILED` if it answers something else
 *
 * Since: 1.0
 */
ThredoMonitor *
thredo_monitor_new_for_process (guint          pid,
                                GCancellable  *cancellable,
                                GError       **error)
{
  g_autoptr(ThredoMonitor) self = NULL;
  GDBusConnection *connection;

  g_return_val_if_fail (pid > 0 && pid <= G_MAXINT, NULL);
  g_return_val_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable), NULL);
  g_return_val_if_fail (error == NULL || *error == NULL, NULL);

  connection = thredo_attach ((GPid) pid, cancellable, error);
  if (connection == NULL)
    return NULL;
  self = g_object_new (THREDO_TYPE_MONITOR, "pid", pid, NULL);
  begin_watching (self, connection);

  return g_steal_pointer (&self);
}

static void
connected (GObject      *source,
           GAsyncResult *result,
           gpointer      user_data)
{
  g_autoptr(GTask) task = user_data;
  ThredoMonitor *self = g_task_get_task_data (task);
  GError *error = NULL;
  GDBusConnection *connection = thredo_attach_finish (result, &error);

  if (connection == NULL)
    {
      g_task_return_error (task, error);
      return;
    }
  begin_watching (self, connection);
  g_task_return_pointer (task, g_object_ref (self), g_object_unref);
}

/**
 * thredo_monitor_new_for_process_async:
 * @pid: the number of a process, see [func@Thredo.Monitor.list_processes]
 * @cancellable: (nullable): a cancellable
 * @callback: (scope async): what to call when the process has answered
 * @user_data: data for @callback
 *
 * Does what [ctor@Thredo.Monitor.new_for_process] does, and lets the caller go on meanwhile.
 *
 * Since: 1.0
 */
void
thredo_monitor_new_for_process_async (guint                pid,
                                      GCancellable        *cancellable,
                                      GAsyncReadyCallback  callback,
                                      gpointer             user_data)
{
  GTask *task;

  g_return_if_fail (pid > 0 && pid <= G_MAXINT);
  g_return_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable));

  task = g_task_new (NULL, cancellable, callback, user_data);
  g_task_set_source_tag (task, thredo_monitor_new_for_process_async);
  g_task_set_check_cancellable (task, FALSE);
  g_task_set_task_data (task, g_object_new (THREDO_TYPE_MONITOR, "pid", pid, NULL),
                        g_object_unref);
  thredo_attach_async ((GPid) pid, cancellable, connected, task);
}

/**
 * thredo_monitor_new_for_process_finish:
 * @result: what the callback was given
 * @error: return location for an error
 *
 * Ends what [func@Thredo.Monitor.new_for_process_async] has begun.
 *
 * Returns: (transfer full): a new monitor, or %NULL with an error as
 *   [ctor@Thredo.Monitor.new_for_process] sets it
 *
 * Since: 1.0
 */
ThredoMonitor *
thredo_monitor_new_for_process_finish (GAsyncResult  *result,
                                       GError       **error)
{
  g_return_val_if_fail (g_task_is_valid (result, NULL), NULL);
  g_return_val_if_fail (g_async_result_is_tagged (result, thredo_monitor_new_for_process_async),
                        NULL);

  return g_task_propagate_pointer (G_TASK (result), error);
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

static void
note_hold (ThredoHold *hold,
           ThredoSlot *owner,
           gpointer    user_data)
{
  GHashTable *held_by = user_data;
  GPtrArray *held = g_hash_table_lookup (held_by, owner);

  if (held == NULL)
    {
      held = g_ptr_array_new_with_free_func (g_free);
      g_hash_table_insert (held_by, owner, held);
    }
  g_ptr_array_add (held, thredo_hold_describe (hold));
}

typedef struct
{
  GArray *all;
  GHashTable *held_by;
} Snapshot;

static char **
steal_held (GHashTable *held_by,
            ThredoSlot *owner)
{
  GPtrArray *held = g_hash_table_lookup (held_by, owner);

  if (held == NULL)
    return NULL;
  g_ptr_array_add (held, NULL);
  return (char **) g_ptr_array_steal (held, NULL);
}

static void
note_thread (ThredoSlot *slot,
             gpointer    user_data)
{
  Snapshot *snapshot = user_data;
  ThredoThreadSeen seen = { NULL };

  if (slot->owner == NULL)
    return;
  seen.thread = g_object_ref (slot->owner);
  seen.id = thredo_thread_get_id (seen.thread);
  seen.name = g_strdup (thredo_thread_get_name (seen.thread));
  seen.state = slot->info != NULL ? THREDO_THREAD_STATE_WAITING : THREDO_THREAD_STATE_RUNNING;
  seen.waiting_for = thredo_slot_describe_wait (slot);
  seen.waiting_since = slot->since;
  seen.n_waits = slot->n_waits;
  seen.cpu_time = thredo_slot_get_cpu_time_locked (slot) / 1000;
  seen.is_shielded = thredo_level_keeps_cancel_out (slot);
  seen.held = steal_held (snapshot->held_by, slot);
  g_array_append_val (snapshot->all, seen);
}

/* What needs no lock of the thread's slot, and may not be asked for with one. */
static void
note_rest (ThredoThreadSeen *seen)
{
  ThredoGroupCore *core = thredo_thread_dup_core (seen->thread);

  seen->is_daemon = thredo_thread_is_daemon (seen->thread);
  seen->is_cancelled = thredo_thread_is_cancelled (seen->thread);
  if (core == NULL)
    return;
  seen->group_id = thredo_group_core_get_id (core);
  seen->group_path = thredo_group_core_dup_path (core, &seen->group_ids);
  seen->n_group_ids = g_strv_length (seen->group_path);
  thredo_group_core_unref (core);
}

static int
compare_ids (gconstpointer a,
             gconstpointer b)
{
  const ThredoThreadSeen *seen_a = a, *seen_b = b;

  return (seen_a->id > seen_b->id) - (seen_a->id < seen_b->id);
}

static void
clear_seen (gpointer data)
{
  thredo_thread_seen_clear (data);
}

/* Of all threads, the oldest first. */
static GArray *
look (guint64 *n_waits)
{
  GArray *all = g_array_new (FALSE, FALSE, sizeof (ThredoThreadSeen));
  g_autoptr(GHashTable) held_by = NULL;
  Snapshot snapshot;

  g_array_set_clear_func (all, clear_seen);
  held_by = g_hash_table_new_full (NULL, NULL, NULL, (GDestroyNotify) g_ptr_array_unref);
  thredo_hold_foreach (note_hold, held_by);
  snapshot = (Snapshot) { all, held_by };
  thredo_slot_walk (note_thread, &snapshot);
  thredo_slot_lock_registry ();
  *n_waits = thredo_slot_count_waits_locked ();
  thredo_slot_unlock_registry ();

  for (guint i = 0; i < all->len; i++)
    note_rest (&g_array_index (all, ThredoThreadSeen, i));
  g_array_sort (all, compare_ids);
  return all;
}

static gpointer
copy_reference (gconstpointer object,
                gpointer      user_data)
{
  return g_object_ref ((gpointer) object);
}

/**
 * thredo_monitor_snapshot:
 * @self: a monitor
 *
 * Looks at all live threads: those of the library, and others that have used it.
 *
 * Any thread may call this. Threads go on meanwhile: each of them is seen at one
 * moment, but not all at the same. If it is another process that is watched, this is what is
 * in the list, and not for any thread.
 *
 * Returns: (element-type Thredo.ThreadInfo) (transfer container): what was seen, the oldest
 *   thread first
 *
 * Since: 1.0
 */
GPtrArray *
thredo_monitor_snapshot (ThredoMonitor *self)
{
  g_autoptr(GArray) all = NULL;
  GPtrArray *infos;
  guint64 n_waits;

  g_return_val_if_fail (THREDO_IS_MONITOR (self), NULL);

  if (self->pid != 0)
    return g_ptr_array_copy (self->infos, copy_reference, NULL);

  all = look (&n_waits);
  infos = g_ptr_array_new_full (all->len, g_object_unref);
  for (guint i = 0; i < all->len; i++)
    g_ptr_array_add (infos, thredo_thread_info_new (&g_array_index (all, ThredoThreadSeen, i)));

  return infos;
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
  return THREDO_MONITOR (list)->infos->len;
}

static gpointer
thredo_monitor_get_item (GListModel *list,
                         guint       position)
{
  GPtrArray *infos = THREDO_MONITOR (list)->infos;

  return position < infos->len ? g_object_ref (infos->pdata[position]) : NULL;
}

static void
init_list (GListModelInterface *iface)
{
  iface->get_item_type = thredo_monitor_get_item_type;
  iface->get_n_items = thredo_monitor_get_n_items;
  iface->get_item = thredo_monitor_get_item;
}

static guint64
get_id (ThredoMonitor *self,
        guint          position)
{
  return thredo_thread_info_get_id (self->infos->pdata[position]);
}

/* Threads that have ended, in as few changes as they stand together. */
static void
remove_ended (ThredoMonitor *self,
              GArray        *all)
{
  guint position = 0;
  guint i = 0;

  while (position < self->infos->len)
    {
      guint n = 0;

      while (position + n < self->infos->len &&
             (i >= all->len ||
              get_id (self, position + n) < g_array_index (all, ThredoThreadSeen, i).id))
        n++;
      if (n > 0)
        {
          g_ptr_array_remove_range (self->infos, position, n);
          g_list_model_items_changed (G_LIST_MODEL (self), position, n, 0);
          continue;
        }
      if (get_id (self, position) == g_array_index (all, ThredoThreadSeen, i).id)
        position++;
      i++;
    }
}

static int
compare_numbers (gconstpointer a,
                 gconstpointer b)
{
  guint64 one = *(const guint64 *) a, other = *(const guint64 *) b;

  return (one > other) - (one < other);
}

/* The same, where it is known which have ended. */
static void
remove_gone (ThredoMonitor *self,
             const guint64 *gone,
             guint          n_gone)
{
  guint position = 0;

  while (position < self->infos->len && n_gone > 0)
    {
      guint n = 0;

      while (position + n < self->infos->len)
        {
          guint64 id = get_id (self, position + n);

          if (bsearch (&id, gone, n_gone, sizeof (guint64), compare_numbers) == NULL)
            break;
          n++;
        }
      if (n > 0)
        {
          g_ptr_array_remove_range (self->infos, position, n);
          g_list_model_items_changed (G_LIST_MODEL (self), position, n, 0);
        }
      position++;
    }
}

/* Those who have come, who are younger than all others but for threads that the library has
 * come to know late. What else was seen is brought up to date. */
static void
insert_new (ThredoMonitor *self,
            GArray        *all)
{
  guint position = 0;
  guint i = 0;

  while (i < all->len)
    {
      ThredoThreadSeen *first = &g_array_index (all, ThredoThreadSeen, i);
      guint n = 0;

      while (position < self->infos->len && get_id (self, position) < first->id)
        position++;
      while (i + n < all->len &&
             (position + n >= self->infos->len ||
              get_id (self, position + n) > g_array_index (all, ThredoThreadSeen, i + n).id))
        {
          ThredoThreadSeen *seen = &g_array_index (all, ThredoThreadSeen, i + n);

          g_ptr_array_insert (self->infos, (int) (position + n), thredo_thread_info_new (seen));
          n++;
        }
      if (n > 0)
        g_list_model_items_changed (G_LIST_MODEL (self), position, 0, n);
      else
        thredo_thread_info_update (self->infos->pdata[position], first);
      position += MAX (n, 1);
      i += MAX (n, 1);
    }
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
  g_autoptr(ThredoMonitor) kept = g_object_ref (self);
  g_autofree guint64 *sorted = g_memdup2 (gone, n_gone * sizeof (guint64));
  guint n_before = self->infos->len;

  if (n_gone > 0)
    qsort (sorted, n_gone, sizeof (guint64), compare_numbers);
  self->refreshing = TRUE;
  g_object_freeze_notify (G_OBJECT (self));
  if (is_all)
    remove_ended (self, changed);
  else
    remove_gone (self, sorted, n_gone);
  insert_new (self, changed);
  if (self->infos->len != n_before)
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
  g_autoptr(ThredoMonitor) kept = g_object_ref (self);

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
  all = look (&n_waits);
  n_before = self->infos->len;
  g_object_freeze_notify (G_OBJECT (self));
  note_figures (self, count_waiting (all), n_waits);
  remove_ended (self, all);
  insert_new (self, all);
  if (self->infos->len != n_before)
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
  start_ticking (self);
  g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_INTERVAL]);
}

/**
 * thredo_monitor_get_n_waiting:
 * @self: a monitor
 *
 * Gets how many of the threads in the list wait.
 *
 * Returns: a number of threads
 *
 * Since: 1.0
 */
guint
thredo_monitor_get_n_waiting (ThredoMonitor *self)
{
  g_return_val_if_fail (THREDO_IS_MONITOR (self), 0);

  return self->n_waiting;
}

/**
 * thredo_monitor_get_waits_per_second:
 * @self: a monitor
 *
 * Gets how often threads were parked between the last two times that the list was brought up to
 * date, all of them together.
 *
 * Returns: waits per second
 *
 * Since: 1.0
 */
double
thredo_monitor_get_waits_per_second (ThredoMonitor *self)
{
  g_return_val_if_fail (THREDO_IS_MONITOR (self), 0);

  return self->waits_per_second;
}

/**
 * thredo_monitor_get_loop_latency:
 * @self: a monitor
 *
 * Gets how late the loop's thread served when it was last asked, or how late it already is
 * if it has not answered yet.
 *
 * Whenever the list is brought up to date the monitor looks at the answer to its last
 * question, and asks again.
 *
 * Returns: microseconds, see [property@Thredo.Monitor:loop-latency]; 0 if it has not been
 *   asked yet, or has nothing to do so far and was not started
 *
 * Since: 1.0
 */
GTimeSpan
thredo_monitor_get_loop_latency (ThredoMonitor *self)
{
  g_return_val_if_fail (THREDO_IS_MONITOR (self), 0);

  return self->loop_latency;
}

static GPtrArray *
new_empty (void)
{
  return g_ptr_array_new_with_free_func (g_object_unref);
}

/**
 * thredo_monitor_list_queues:
 * @self: a monitor
 *
 * Looks at all queues that there are.
 *
 * Any thread may call this, and keeps nobody from putting and getting. If it is another process
 * that is watched, it is for the monitor's thread, and tells what came when the list was last
 * brought up to date. Queues come along the first time, and after this is called: then ten times,
 * and of more than 10,000 queues those that are empty may be missing.
 *
 * Returns: (element-type Thredo.QueueInfo) (transfer container): what was seen, the oldest
 *   queue first
 *
 * Since: 1.0
 */
GPtrArray *
thredo_monitor_list_queues (ThredoMonitor *self)
{
  g_return_val_if_fail (THREDO_IS_MONITOR (self), NULL);
  if (self->pid != 0)
    return self->remote != NULL ? thredo_remote_dup_queues (self->remote) : new_empty ();

  return thredo_local_list_queues ();
}

/**
 * thredo_monitor_list_locks:
 * @self: a monitor
 *
 * Looks at all locks that there are, [class@Thredo.Lock] and [class@Thredo.RLock], also
 * those that nobody owns.
 *
 * Any thread may call this. Locks go from thread to thread meanwhile: each is seen at one
 * moment, but not all at the same. If it is another process that is watched, it is for the
 * monitor's thread, and tells what came when the list was last brought up to date. Locks come
 * along the first time, and after this is called: then ten times, and of more than 10,000 locks
 * those that nobody owns may be missing.
 *
 * Returns: (element-type Thredo.LockInfo) (transfer container): what was seen, the oldest
 *   lock first
 *
 * Since: 1.0
 */
GPtrArray *
thredo_monitor_list_locks (ThredoMonitor *self)
{
  g_return_val_if_fail (THREDO_IS_MONITOR (self), NULL);
  if (self->pid != 0)
    return self->remote != NULL ? thredo_remote_dup_locks (self->remote) : new_empty ();

  return thredo_local_list_locks ();
}

/**
 * thredo_monitor_get_history:
 * @self: a monitor
 *
 * Tells how the last threads have ended: at most 64, of those that have done so since there
 * is a monitor.
 *
 * A thread that has been joined is in it. Any thread may call this. If it is another process
 * that is watched, it is for the monitor's thread, and tells what was known when the list was last
 * brought up to date.
 *
 * Returns: (element-type Thredo.EndedInfo) (transfer container): how they have ended, the
 *   one that has done so last at the end
 *
 * Since: 1.0
 */
GPtrArray *
thredo_monitor_get_history (ThredoMonitor *self)
{
  g_return_val_if_fail (THREDO_IS_MONITOR (self), NULL);
  if (self->pid != 0)
    return self->remote != NULL ? thredo_remote_dup_history (self->remote) : new_empty ();

  return thredo_history_list ();
}

static GTask *
new_task (ThredoMonitor       *self,
          gpointer             tag,
          GCancellable        *cancellable,
          GAsyncReadyCallback  callback,
          gpointer             user_data)
{
  GTask *task = g_task_new (self, cancellable, callback, user_data);

  /* What has been done is said to have been done. */
  g_task_set_check_cancellable (task, FALSE);
  g_task_set_source_tag (task, tag);
  return task;
}

/* Takes the task. */
static void
cancel_async (ThredoMonitor *self,
              const char *method,
              gboolean (*cancel) (guint64   id,
                                  GError  **error),
              guint64 id,
              GTask *task)
{
  GError *error = NULL;

  if (g_task_return_error_if_cancelled (task))
    {
      g_object_unref (task);
      return;
    }
  if (self->pid != 0)
    {
      thredo_remote_cancel_async (self->remote, method, id, task);
      return;
    }
  if (cancel (id, &error))
    g_task_return_boolean (task, TRUE);
  else
    g_task_return_error (task, error);
  g_object_unref (task);
}

/**
 * thredo_monitor_cancel_thread:
 * @self: a monitor
 * @id: the [property@Thredo.Thread:id] of a thread
 * @cancellable: (nullable): what can keep the call from happening
 * @error: return location for an error
 *
 * Cancels a thread, as [method@Thredo.Thread.cancel] does.
 *
 * It does not wait for the thread to end. Any thread may call this. If it is another process
 * that is watched, it waits for that to say that it has done so, five seconds at most.
 *
 * Returns: %TRUE, or %FALSE with an error ([error@Gio.IOErrorEnum]): `G_IO_ERROR_NOT_FOUND` if
 *   there is no such thread, or it has ended; `G_IO_ERROR_CANCELLED` if @cancellable is cancelled;
 *   of another process also `G_IO_ERROR_CLOSED` if it has gone, or `G_IO_ERROR_TIMED_OUT`
 *
 * Since: 1.0
 */
gboolean
thredo_monitor_cancel_thread (ThredoMonitor  *self,
                              guint64         id,
                              GCancellable   *cancellable,
                              GError        **error)
{
  g_return_val_if_fail (THREDO_IS_MONITOR (self), FALSE);
  g_return_val_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable), FALSE);

  if (g_cancellable_set_error_if_cancelled (cancellable, error))
    return FALSE;
  if (self->pid != 0)
    return thredo_remote_cancel (self->remote, "CancelThread", id, cancellable, error);
  return thredo_local_cancel_thread (id, error);
}

/**
 * thredo_monitor_cancel_thread_async:
 * @self: a monitor
 * @id: the [property@Thredo.Thread:id] of a thread
 * @cancellable: (nullable): what can keep the call from happening
 * @callback: (scope async): what to call when it has been done
 * @user_data: data for @callback
 *
 * Does what [method@Thredo.Monitor.cancel_thread] does, and never waits.
 *
 * Once another process has been told, @cancellable takes nothing back. Any thread may call this;
 * @callback is called in its thread-default main context.
 *
 * Since: 1.0
 */
void
thredo_monitor_cancel_thread_async (ThredoMonitor       *self,
                                    guint64              id,
                                    GCancellable        *cancellable,
                                    GAsyncReadyCallback  callback,
                                    gpointer             user_data)
{
  GTask *task;

  g_return_if_fail (THREDO_IS_MONITOR (self));
  g_return_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable));

  task = new_task (self, thredo_monitor_cancel_thread_async, cancellable, callback, user_data);
  cancel_async (self, "CancelThread", thredo_local_cancel_thread, id, task);
}

/**
 * thredo_monitor_cancel_thread_finish:
 * @self: a monitor
 * @result: what the callback was given
 * @error: return location for an error
 *
 * Ends what [method@Thredo.Monitor.cancel_thread_async] has begun.
 *
 * Returns: %TRUE, or %FALSE with an error as [method@Thredo.Monitor.cancel_thread] sets it
 *
 * Since: 1.0
 */
gboolean
thredo_monitor_cancel_thread_finish (ThredoMonitor  *self,
                                     GAsyncResult   *result,
                                     GError        **error)
{
  g_return_val_if_fail (THREDO_IS_MONITOR (self), FALSE);
  g_return_val_if_fail (g_task_is_valid (result, self), FALSE);
  g_return_val_if_fail (g_async_result_is_tagged (result, thredo_monitor_cancel_thread_async),
                        FALSE);

  return g_task_propagate_boolean (G_TASK (result), error);
}

/**
 * thredo_monitor_cancel_group:
 * @self: a monitor
 * @id: the [property@Thredo.ThreadInfo:group-id] of a thread
 * @cancellable: (nullable): what can keep the call from happening
 * @error: return location for an error
 *
 * Cancels a group, as [method@Thredo.Group.cancel] does.
 *
 * It does not wait for the threads to end. Any thread may call this. If it is another process
 * that is watched, it waits for that to say that it has done so, five seconds at most.
 *
 * Returns: %TRUE, or %FALSE with an error ([error@Gio.IOErrorEnum]): `G_IO_ERROR_NOT_FOUND` if
 *   there is no such group, or none of its threads is running; `G_IO_ERROR_CANCELLED` if
 *   @cancellable is cancelled; of another process also `G_IO_ERROR_CLOSED` if it has gone, or
 *   `G_IO_ERROR_TIMED_OUT`
 *
 * Since: 1.0
 */
gboolean
thredo_monitor_cancel_group (ThredoMonitor  *self,
                             guint64         id,
                             GCancellable   *cancellable,
                             GError        **error)
{
  g_return_val_if_fail (THREDO_IS_MONITOR (self), FALSE);
  g_return_val_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable), FALSE);

  if (g_cancellable_set_error_if_cancelled (cancellable, error))
    return FALSE;
  if (self->pid != 0)
    return thredo_remote_cancel (self->remote, "CancelGroup", id, cancellable, error);
  return thredo_local_cancel_group (id, error);
}

/**
 * thredo_monitor_cancel_group_async:
 * @self: a monitor
 * @id: the [property@Thredo.ThreadInfo:group-id] of a thread
 * @cancellable: (nullable): what can keep the call from happening
 * @callback: (scope async): what to call when it has been done
 * @user_data: data for @callback
 *
 * Does what [method@Thredo.Monitor.cancel_group] does, and never waits.
 *
 * Once another process has been told, @cancellable takes nothing back. Any thread may call this;
 * @callback is called in its thread-default main context.
 *
 * Since: 1.0
 */
void
thredo_monitor_cancel_group_async (ThredoMonitor       *self,
                                   guint64              id,
                                   GCancellable        *cancellable,
                                   GAsyncReadyCallback  callback,
                                   gpointer             user_data)
{
  GTask *task;

  g_return_if_fail (THREDO_IS_MONITOR (self));
  g_return_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable));

  task = new_task (self, thredo_monitor_cancel_group_async, cancellable, callback, user_data);
  cancel_async (self, "CancelGroup", thredo_local_cancel_group, id, task);
}

/**
 * thredo_monitor_cancel_group_finish:
 * @self: a monitor
 * @result: what the callback was given
 * @error: return location for an error
 *
 * Ends what [method@Thredo.Monitor.cancel_group_async] has begun.
 *
 * Returns: %TRUE, or %FALSE with an error as [method@Thredo.Monitor.cancel_group] sets it
 *
 * Since: 1.0
 */
gboolean
thredo_monitor_cancel_group_finish (ThredoMonitor  *self,
                                    GAsyncResult   *result,
                                    GError        **error)
{
  g_return_val_if_fail (THREDO_IS_MONITOR (self), FALSE);
  g_return_val_if_fail (g_task_is_valid (result, self), FALSE);
  g_return_val_if_fail (g_async_result_is_tagged (result, thredo_monitor_cancel_group_async),
                        FALSE);

  return g_task_propagate_boolean (G_TASK (result), error);
}

/**
 * thredo_monitor_find_deadlocks:
 * @self: a monitor
 *
 * Finds the threads that wait for each other in a circle now.
 *
 * Any thread may call this. If it is another process that is watched, it is for the monitor's
 * thread, and tells what was found when the list was last brought up to date.
 *
 * Returns: (element-type Thredo.Deadlock) (transfer container): all there are, each once
 *
 * Since: 1.0
 */
GPtrArray *
thredo_monitor_find_deadlocks (ThredoMonitor *self)
{
  g_autoptr(GPtrArray) cycles = NULL;
  GPtrArray *deadlocks;

  g_return_val_if_fail (THREDO_IS_MONITOR (self), NULL);

  if (self->pid != 0)
    return self->remote != NULL ? thredo_remote_dup_deadlocks (self->remote) : new_empty ();

  cycles = thredo_chain_find_cycles ();
  deadlocks = g_ptr_array_new_full (cycles->len, g_object_unref);
  for (guint i = 0; i < cycles->len; i++)
    g_ptr_array_add (deadlocks, thredo_deadlock_new (g_ptr_array_index (cycles, i)));

  return deadlocks;
}
