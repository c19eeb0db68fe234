/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "cancellable.h"

#include "level.h"
#include "worker.h"

struct _ThredoCancellable
{
  GCancellable parent_instance;

  ThredoMutex lock; /* guards level, and keeps it alive meanwhile */
  ThredoLevel *level;

  /* Set before the library cancels it for a reason of a level further out:
   * that is no cancel of the level itself. */
  _Atomic gboolean cascaded;
};

G_DEFINE_FINAL_TYPE (ThredoCancellable, thredo_cancellable, G_TYPE_CANCELLABLE)

static guint cancelled_signal;

static void
thredo_cancellable_cancelled (GCancellable *cancellable)
{
  ThredoCancellable *self = THREDO_CANCELLABLE (cancellable);
  ThredoCancelBatch batch = THREDO_CANCEL_BATCH_INIT;

  if (atomic_load (&self->cascaded))
    return;

  /* No lock here is ever held by a thread that waits. */
  thredo_mutex_lock (&self->lock);
  if (self->level != NULL)
    thredo_level_cancel_collect (self->level, &batch);
  thredo_mutex_unlock (&self->lock);

  thredo_cancel_batch_flush (&batch);
}

static void
thredo_cancellable_finalize (GObject *object)
{
  ThredoCancellable *self = THREDO_CANCELLABLE (object);

  thredo_mutex_clear (&self->lock);

  G_OBJECT_CLASS (thredo_cancellable_parent_class)->finalize (object);
}

static void
thredo_cancellable_class_init (ThredoCancellableClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = thredo_cancellable_finalize;
  G_CANCELLABLE_CLASS (klass)->cancelled = thredo_cancellable_cancelled;

  cancelled_signal = g_signal_lookup ("cancelled", G_TYPE_CANCELLABLE);
}

static void
thredo_cancellable_init (ThredoCancellable *self)
{
  thredo_mutex_init (&self->lock);
}

ThredoCancellable *
thredo_cancellable_new (ThredoLevel *level)
{
  ThredoCancellable *self = g_object_new (THREDO_TYPE_CANCELLABLE, NULL);

  self->level = level;

  return self;
}

/* When this returns, nobody is using the level that was set before. */
void
thredo_cancellable_set_level (ThredoCancellable *self,
                              ThredoLevel       *level)
{
  thredo_mutex_lock (&self->lock);
  self->level = level;
  thredo_mutex_unlock (&self->lock);
}

/* A name to compare with; only the level's own thread may look into it. */
ThredoLevel *
thredo_cancellable_peek_level (ThredoCancellable *self)
{
  ThredoLevel *level;

  thredo_mutex_lock (&self->lock);
  level = self->level;
  thredo_mutex_unlock (&self->lock);

  return level;
}

void
thredo_cancellable_cascade (ThredoCancellable *self)
{
  atomic_store (&self->cascaded, TRUE);
  g_cancellable_cancel (G_CANCELLABLE (self));
}

/* Whether nobody but the caller knows of it and nothing has happened to it, so
 * that it may serve another level. */
gboolean
thredo_cancellable_is_untouched (ThredoCancellable *self)
{
  GObject *object = G_OBJECT (self);

  /* Weak references are in its data. */
  return g_atomic_int_get ((gint *) &object->ref_count) == 1 && object->qdata == NULL &&
         !g_cancellable_is_cancelled (G_CANCELLABLE (self)) &&
         !g_signal_has_handler_pending (self, cancelled_signal, 0, TRUE);
}

/* In a forked child: another thread may have held the lock. */
void
thredo_cancellable_fork_child (ThredoCancellable *self)
{
  thredo_mutex_init (&self->lock);
}

static void
cascade_all (gpointer data)
{
  g_autoptr(GPtrArray) cancellables = data;

  g_ptr_array_foreach (cancellables, (GFunc) thredo_cancellable_cascade, NULL);
}

/* Cancels what expired timers left to cancel. Handlers of users never run on
 * the loop's thread: what has any is cancelled on a worker.
 *
 * Takes the array. */
void
thredo_cancel_from_loop (GPtrArray *cancellables)
{
  g_autoptr(GPtrArray) all = cancellables;
  GPtrArray *handled = NULL;

  if (all == NULL)
    return;

  for (guint i = 0; i < all->len; i++)
    {
      ThredoCancellable *cancellable = all->pdata[i];

      if (!g_signal_has_handler_pending (cancellable, cancelled_signal, 0, TRUE))
        {
          thredo_cancellable_cascade (cancellable);
          continue;
        }
      if (handled == NULL)
        handled = g_ptr_array_new_with_free_func (g_object_unref);
      g_ptr_array_add (handled, g_object_ref (cancellable));
    }

  if (handled != NULL && !thredo_worker_run (cascade_all, handled, NULL, 0, NULL))
    cascade_all (handled);
}
