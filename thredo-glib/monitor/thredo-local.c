/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "thredo-local-private.h"

#include "hold.h"
#include "thredo-group-private.h"
#include "thredo-lock-info-private.h"
#include "thredo-queue-info-private.h"
#include "thredo-queue-private.h"

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
