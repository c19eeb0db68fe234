/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "thredo-local-private.h"

#include "hold.h"
#include "level.h"
#include "thredo-group-private.h"
#include "thredo-lock-info-private.h"
#include "thredo-queue-info-private.h"
#include "thredo-queue-private.h"
#include "thredo-roster-private.h"

/* Threads. */

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

/* Of all threads, the oldest first. */
GArray *
thredo_local_look (guint64 *n_waits)
{
  GArray *all = thredo_thread_seen_array_new ();
  g_autoptr(GHashTable) held_by = NULL;
  Snapshot snapshot;

  held_by = g_hash_table_new_full (NULL, NULL, NULL, (GDestroyNotify) g_ptr_array_unref);
  thredo_hold_foreach (note_hold, held_by);
  snapshot = (Snapshot) { all, held_by };
  thredo_slot_walk (note_thread, &snapshot);
  thredo_slot_lock_registry ();
  *n_waits = thredo_slot_count_waits_locked ();
  thredo_slot_unlock_registry ();

  for (guint i = 0; i < all->len; i++)
    note_rest (&g_array_index (all, ThredoThreadSeen, i));
  thredo_thread_seen_array_sort (all);
  return all;
}

/* Queues and locks. */

static void
note_queue (ThredoQueue *queue,
            gpointer     user_data)
{
  ThredoQueueSeen seen = {
    .id = queue->id,
    .name = g_strdup (thredo_name_get (&queue->name)),
    .order = queue->store.order,
    .length = thredo_queue_get_length (queue),
    .max_size = queue->max_size,
    .n_unfinished = thredo_queue_get_unfinished (queue),
    .n_getters = thredo_end_count_waiting (&queue->getting),
    .n_putters = thredo_end_count_waiting (&queue->putting),
    .is_closed = thredo_queue_is_closed (queue),
  };

  g_array_append_val ((GArray *) user_data, seen);
}

/* The oldest first. */
GPtrArray *
thredo_local_list_queues (void)
{
  g_autoptr(GArray) all = g_array_new (FALSE, FALSE, sizeof (ThredoQueueSeen));
  GPtrArray *infos;

  thredo_queue_list_foreach (note_queue, all);
  infos = g_ptr_array_new_full (all->len, g_object_unref);
  for (guint i = all->len; i > 0; i--)
    g_ptr_array_add (infos, thredo_queue_info_new (&g_array_index (all, ThredoQueueSeen, i - 1)));

  return infos;
}

/* Threads are asked for what they are called, and let go, when no lock is held any more. */
typedef struct
{
  ThredoLockSeen seen;
  ThredoThread *owner;
  GPtrArray *waiting;
} LockAndThreads;

static void
note_lock (ThredoHoldSeen *hold,
           gpointer        user_data)
{
  LockAndThreads lock = {
    .seen = {
        .id = hold->id,
        .name = g_strdup (hold->name),
        .noun = g_strdup (hold->noun),
        .n_waiting = hold->n_waiting,
        .is_abandoned = hold->is_abandoned,
    },
    .owner = hold->owner,
    .waiting = hold->waiting,
  };

  g_array_append_val ((GArray *) user_data, lock);
}

/* Takes the threads. */
static void
note_waiting (ThredoLockSeen *seen,
              GPtrArray      *threads)
{
  seen->n_waiting_ids = threads->len;
  seen->waiting_ids = g_new (guint64, threads->len);
  for (guint i = 0; i < threads->len; i++)
    seen->waiting_ids[i] = thredo_thread_get_id (threads->pdata[i]);
  g_ptr_array_unref (threads);
}

/* The oldest first. */
GPtrArray *
thredo_local_list_locks (void)
{
  g_autoptr(GArray) all = g_array_new (FALSE, FALSE, sizeof (LockAndThreads));
  GPtrArray *infos;

  thredo_hold_foreach_seen (note_lock, all);
  infos = g_ptr_array_new_full (all->len, g_object_unref);
  for (guint i = all->len; i > 0; i--)
    {
      LockAndThreads *lock = &g_array_index (all, LockAndThreads, i - 1);

      if (lock->owner != NULL)
        {
          lock->seen.owner_id = thredo_thread_get_id (lock->owner);
          lock->seen.owner_name = g_strdup (thredo_thread_get_name (lock->owner));
          g_object_unref (lock->owner);
        }
      if (lock->waiting != NULL)
        note_waiting (&lock->seen, lock->waiting);
      g_ptr_array_add (infos, thredo_lock_info_new (&lock->seen));
    }

  return infos;
}

/* Cancels. */

gboolean
thredo_local_cancel_thread (guint64   id,
                            GError  **error)
{
  g_autoptr(GPtrArray) threads = thredo_thread_list_all ();

  for (guint i = 0; i < threads->len; i++)
    {
      if (thredo_thread_get_id (threads->pdata[i]) != id)
        continue;
      thredo_thread_cancel (threads->pdata[i]);
      return TRUE;
    }

  g_set_error (error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND,
               "There is no thread %" G_GUINT64_FORMAT ", or it has ended", id);
  return FALSE;
}

/* A group is known by its threads: of those that it has, one runs at least. */
gboolean
thredo_local_cancel_group (guint64   id,
                           GError  **error)
{
  g_autoptr(GPtrArray) threads = thredo_thread_list_all ();

  for (guint i = 0; i < threads->len; i++)
    {
      ThredoGroupCore *core = thredo_thread_dup_core (threads->pdata[i]);
      gboolean is_it = core != NULL && thredo_group_core_get_id (core) == id;

      if (is_it)
        thredo_group_core_cancel (core, TRUE);
      g_clear_pointer (&core, thredo_group_core_unref);
      if (is_it)
        return TRUE;
    }

  g_set_error (error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND,
               "There is no group %" G_GUINT64_FORMAT ", or all of its threads have ended", id);
  return FALSE;
}
