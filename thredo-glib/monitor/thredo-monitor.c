/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "thredo-monitor-private.h"

#include "fork.h"
#include "hold.h"
#include "thredo-deadlock-private.h"
#include "thredo-thread-info-private.h"

/**
 * ThredoMonitor:
 *
 * Tells what all threads of the process are doing, and when they have locked each
 * other out.
 *
 * [method@Thredo.Monitor.snapshot] says what each thread waits for and which locks
 * it owns. [method@Thredo.Monitor.find_deadlocks] says which of them wait for each
 * other in a circle, and [signal@Thredo.Monitor::deadlock] when that happens.
 *
 * As long as nobody asks, a monitor costs nothing.
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

  Listener *listener; /* see g_atomic_rc_box_acquire() */
};

enum
{
  SIGNAL_DEADLOCK,
  N_SIGNALS
};

G_DEFINE_FINAL_TYPE (ThredoMonitor, thredo_monitor, G_TYPE_OBJECT)

static guint signals[N_SIGNALS];

static struct
{
  ThredoMutex lock;
  GPtrArray *all;
} listeners;

__attribute__ ((constructor)) static void
protect_listeners (void)
{
  thredo_fork_protect (&listeners.lock);
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
thredo_monitor_dispose (GObject *object)
{
  ThredoMonitor *self = THREDO_MONITOR (object);

  if (self->listener != NULL)
    {
      thredo_mutex_lock (&listeners.lock);
      g_ptr_array_remove_fast (listeners.all, self->listener);
      thredo_mutex_unlock (&listeners.lock);
      g_clear_pointer (&self->listener, listener_unref);
    }

  G_OBJECT_CLASS (thredo_monitor_parent_class)->dispose (object);
}

static void
thredo_monitor_class_init (ThredoMonitorClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);

  object_class->dispose = thredo_monitor_dispose;

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
}

static void
thredo_monitor_init (ThredoMonitor *self)
{
  self->listener = g_atomic_rc_box_new0 (Listener);
  self->listener->context = g_main_context_ref_thread_default ();
  g_weak_ref_init (&self->listener->monitor, self);

  thredo_mutex_lock (&listeners.lock);
  if (listeners.all == NULL)
    listeners.all = g_ptr_array_new ();
  g_ptr_array_add (listeners.all, self->listener);
  thredo_mutex_unlock (&listeners.lock);
}

/**
 * thredo_monitor_new:
 *
 * Makes a monitor that emits its signals in the thread-default main context of the
 * caller.
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
  seen.held = steal_held (snapshot->held_by, slot);
  g_array_append_val (snapshot->all, seen);
}

static int
compare_ids (gconstpointer a,
             gconstpointer b)
{
  const ThredoThreadSeen *seen_a = a, *seen_b = b;

  return (seen_a->id > seen_b->id) - (seen_a->id < seen_b->id);
}

/**
 * thredo_monitor_snapshot:
 * @self: a monitor
 *
 * Looks at all live threads: those of the library, and others that have used it.
 *
 * Any thread may call this. Threads go on meanwhile: each of them is seen at one
 * moment, but not all at the same.
 *
 * Returns: (element-type Thredo.ThreadInfo) (transfer container): what was seen, the oldest
 *   thread first
 *
 * Since: 1.0
 */
GPtrArray *
thredo_monitor_snapshot (ThredoMonitor *self)
{
  g_autoptr(GArray) all = g_array_new (FALSE, FALSE, sizeof (ThredoThreadSeen));
  g_autoptr(GHashTable) held_by = NULL;
  Snapshot snapshot;
  GPtrArray *infos;

  g_return_val_if_fail (THREDO_IS_MONITOR (self), NULL);

  held_by = g_hash_table_new_full (NULL, NULL, NULL, (GDestroyNotify) g_ptr_array_unref);
  thredo_hold_foreach (note_hold, held_by);
  snapshot = (Snapshot) { all, held_by };
  thredo_slot_foreach (note_thread, &snapshot);

  g_array_sort (all, compare_ids);
  infos = g_ptr_array_new_full (all->len, g_object_unref);
  for (guint i = 0; i < all->len; i++)
    g_ptr_array_add (infos, thredo_thread_info_new (&g_array_index (all, ThredoThreadSeen, i)));

  return infos;
}

/**
 * thredo_monitor_find_deadlocks:
 * @self: a monitor
 *
 * Finds the threads that wait for each other in a circle now.
 *
 * Any thread may call this.
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

  cycles = thredo_chain_find_cycles ();
  deadlocks = g_ptr_array_new_full (cycles->len, g_object_unref);
  for (guint i = 0; i < cycles->len; i++)
    g_ptr_array_add (deadlocks, thredo_deadlock_new (g_ptr_array_index (cycles, i)));

  return deadlocks;
}
