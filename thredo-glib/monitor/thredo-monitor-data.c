/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "thredo-monitor-private.h"

#include "chain.h"
#include "thredo-deadlock-private.h"
#include "thredo-history-private.h"
#include "thredo-local-private.h"
#include "thredo-thread-info-private.h"

/* What a monitor tells besides what it has as a list. */

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
    return g_ptr_array_copy (self->roster.infos, copy_reference, NULL);

  all = thredo_local_look (&n_waits);
  infos = g_ptr_array_new_full (all->len, g_object_unref);
  for (guint i = 0; i < all->len; i++)
    g_ptr_array_add (infos, thredo_thread_info_new (&g_array_index (all, ThredoThreadSeen, i)));

  return infos;
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
