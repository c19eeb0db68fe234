/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "thredo-async-private.h"

static void
async_free (ThredoAsync *self)
{
  g_object_unref (self->task);
  thredo_wait_clear (&self->wait);
  thredo_mutex_clear (&self->starting);
  thredo_mutex_clear (&self->posting);
  g_free (self);
}

static gboolean
complete (gpointer data)
{
  ThredoAsync *self = data;
  GCancellable *cancellable = g_task_get_cancellable (self->task);

  thredo_mutex_lock (&self->starting);
  thredo_mutex_unlock (&self->starting);
  thredo_mutex_lock (&self->posting);
  thredo_mutex_unlock (&self->posting);

  /* Here, and not in the handler, where it would wait for itself. */
  if (self->handler != 0)
    g_cancellable_disconnect (cancellable, self->handler);
  self->handler = 0;

  if (self->finish (self, thredo_wait_get_state (&self->wait)))
    async_free (self);

  return G_SOURCE_REMOVE;
}

/* The task keeps its context, and may be gone once the source has been dispatched;
 * but g_source_unref() locks the context that the source was attached to. So complete()
 * waits until that is done. */
static void
notify (ThredoWait *wait)
{
  ThredoAsync *self = (ThredoAsync *) wait;
  GMainContext *context = g_task_get_context (self->task);
  GSource *source = g_idle_source_new ();

  thredo_mutex_lock (&self->posting);
  g_source_set_priority (source, g_task_get_priority (self->task));
  g_source_set_callback (source, complete, self, NULL);
  g_source_set_static_name (source, self->info->function);
  g_source_attach (source, context);
  g_source_unref (source);
  /* Who polls is not woken by what it attaches itself; and the loop serves its timers and
   * fds from within its poll. */
  if (context != NULL && context == thredo_loop_peek_context ())
    g_main_context_wakeup (context);
  thredo_mutex_unlock (&self->posting);
}

static void
cancelled (GCancellable *cancellable,
           gpointer      data)
{
  ThredoAsync *self = data;

  thredo_wait_complete (&self->wait, self->wait.token, THREDO_WAIT_CANCELLED);
}

/* Makes an armed wait for a task, which it keeps a reference to until it has
 * returned it. The size leaves room for what else the operation needs; the
 * rest is zero. */
ThredoAsync *
thredo_async_new (gsize                 size,
                  GTask                *task,
                  const ThredoWaitInfo *info,
                  ThredoAsyncFunc       finish)
{
  ThredoAsync *self = g_malloc0 (size);

  thredo_wait_init (&self->wait);
  self->wait.notify = notify;
  self->task = g_object_ref (task);
  /* The word decides between the event and a cancel, and nobody after it:
   * what was handed over is not lost to a cancel that comes later. */
  g_task_set_check_cancellable (task, FALSE);
  self->info = info;
  self->finish = finish;
  thredo_wait_arm (&self->wait);
  thredo_mutex_init (&self->posting);
  thredo_mutex_init (&self->starting);
  thredo_mutex_lock (&self->starting);

  return self;
}

/* For a finish that has armed the wait again, and let it stand where its completer
 * will find it: lets the cancellable end that too. Nobody else looks at what
 * belongs to the context meanwhile, as this runs in it. */
void
thredo_async_restart (ThredoAsync *self)
{
  GCancellable *cancellable = g_task_get_cancellable (self->task);

  if (cancellable != NULL)
    self->handler = g_cancellable_connect (cancellable, G_CALLBACK (cancelled), self, NULL);
}

/* Once the wait stands where its completer will find it: lets the task's
 * cancellable end it. After this the caller may not look at it again. */
void
thredo_async_start (ThredoAsync *self)
{
  thredo_async_restart (self);
  thredo_mutex_unlock (&self->starting);
}

/* Instead of starting: for a wait that stands in no list. */
void
thredo_async_drop (ThredoAsync *self)
{
  thredo_mutex_unlock (&self->starting);
  async_free (self);
}

void
thredo_async_return_error (ThredoAsync     *self,
                           ThredoWaitState  outcome)
{
  GError *error = NULL;

  thredo_blocking_set_error (thredo_slot_self (), self->info, outcome,
                             g_task_get_cancellable (self->task), &error);
  g_task_return_error (self->task, error);
}
