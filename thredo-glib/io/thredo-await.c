/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "thredo-await-private.h"

#include "gate.h"
#include "level.h"
#include "loop.h"
#include "thredo-blocking-private.h"

/* One operation. It is on the stack of the thread that waits, which does not leave
 * before the operation has called back, and the function that started it has returned:
 * either may come first, and both use what is the caller's. */
typedef struct
{
  ThredoAwaitFunc start;
  gpointer user_data;
  GCancellable *operation;

  ThredoMutex lock; /* guards the following */
  gboolean cancelled;
  guint n_missing;
  GAsyncResult *result;

  ThredoGate gate; /* opens when nothing is missing */
} Await;

enum
{
  RUNNING,
  ENDED,
};

static const ThredoWaitInfo await_info = { "thredo_await", "await", NULL, NULL };

/* The last of those that were missing is the last to touch this. */
static void
arrive (Await        *self,
        guint         n,
        GAsyncResult *result)
{
  ThredoWakeBatch batch = THREDO_WAKE_BATCH_INIT;
  gboolean is_last;

  thredo_mutex_lock (&self->lock);
  if (result != NULL)
    self->result = g_object_ref (result);
  self->n_missing -= n;
  is_last = self->n_missing == 0;
  thredo_mutex_unlock (&self->lock);

  if (is_last)
    thredo_gate_open (&self->gate, ENDED, &batch);
  thredo_wake_batch_flush (&batch);
}

static gboolean
arrive_late (gpointer data)
{
  arrive (data, 1, NULL);
  return G_SOURCE_REMOVE;
}

static void
attach (GSourceFunc  func,
        Await       *self,
        int          priority)
{
  g_autoptr(GSource) source = g_idle_source_new ();

  g_source_set_priority (source, priority);
  g_source_set_callback (source, func, self, NULL);
  g_source_set_static_name (source, "[thredo] await");
  g_source_attach (source, thredo_loop_get_context ());
}

/* Whoever calls back has references of its own to the result, and by it to what the
 * operation was about, a socket for one. The caller of await is to have the last ones,
 * so that what it drops is gone: it is not let go before the loop has come round. */
static void
called_back (GObject      *source,
             GAsyncResult *result,
             gpointer      data)
{
  Await *self = data;

  /* A GTask that had its result before the cancel has it after. */
  if (!g_cancellable_is_cancelled (self->operation))
    thredo_await_keep (result);

  if (!thredo_slot_is_loop ())
    {
      arrive (self, 1, result);
      return;
    }
  self->result = g_object_ref (result);
  attach (arrive_late, self, G_PRIORITY_HIGH);
}

/* On the loop's thread. */
static gboolean
start_operation (gpointer data)
{
  Await *self = data;
  gboolean cancelled;

  thredo_mutex_lock (&self->lock);
  cancelled = self->cancelled;
  thredo_mutex_unlock (&self->lock);
  if (cancelled)
    {
      arrive (self, 2, NULL);
      return G_SOURCE_REMOVE;
    }

  self->start (self->operation, called_back, self, self->user_data);
  arrive (self, 1, NULL);
  return G_SOURCE_REMOVE;
}

/* On the loop's thread. */
static gboolean
cancel_there (gpointer data)
{
  Await *self = data;

  g_cancellable_cancel (self->operation);
  arrive (self, 1, NULL);
  return G_SOURCE_REMOVE;
}

/* On the loop's thread, where it neither starts nor goes on meanwhile. There are operations,
 * g_subprocess_wait_async() for one, that look whether they are cancelled first, and connect to the
 * cancellable then: what came between would never reach them. And a source of a cancellable that
 * GLib 2.74 lets go of just while that is cancelled is never freed. */
static void
cancel_operation (Await *self)
{
  gboolean has_ended;

  thredo_mutex_lock (&self->lock);
  has_ended = self->n_missing == 0;
  self->cancelled = TRUE;
  self->n_missing += !has_ended;
  thredo_mutex_unlock (&self->lock);
  if (!has_ended)
    attach (cancel_there, self, G_PRIORITY_HIGH);
}

/* Until it has called back, whatever happens to the caller. */
static void
wait_for_callback (Await                *self,
                   ThredoSlot           *slot,
                   const ThredoWaitInfo *info,
                   gpointer              object)
{
  ThredoLevel shield;

  thredo_level_enter_shield (&shield, slot);
  thredo_gate_wait (&self->gate, slot, info, object, thredo_gate_get_turn (&self->gate), NULL,
                    NULL, NULL);
  thredo_level_leave (&shield, FALSE);
  thredo_level_clear (&shield);
}

/* A GTask forgets its result if its cancellable is cancelled before somebody asks for
 * it, unless it is told not to. That is for operations that do not rely on it, but say
 * themselves that they were cancelled. */
void
thredo_await_keep (GAsyncResult *result)
{
  if (G_IS_TASK (result) && !g_task_get_return_on_cancel (G_TASK (result)))
    g_task_set_check_cancellable (G_TASK (result), FALSE);
}

GAsyncResult *
thredo_await_as (const ThredoWaitInfo  *info,
                 gpointer               object,
                 ThredoAwaitFunc        start,
                 gpointer               user_data,
                 GCancellable          *cancellable,
                 GError               **error)
{
  ThredoSlot *slot = thredo_slot_self ();
  Await self = { .start = start, .user_data = user_data, .n_missing = 2 };
  ThredoWaitState outcome;

  if (!thredo_blocking_begin (slot, info, cancellable, error) || !thredo_loop_ensure (error))
    return NULL;

  self.operation = g_cancellable_new ();
  thredo_mutex_init (&self.lock);
  thredo_gate_init (&self.gate, ENDED);
  attach (start_operation, &self, G_PRIORITY_DEFAULT);

  outcome = thredo_gate_wait (&self.gate, slot, info, object, thredo_gate_get_turn (&self.gate),
                              NULL, cancellable, NULL);
  if (outcome != THREDO_WAIT_DONE)
    {
      cancel_operation (&self);
      wait_for_callback (&self, slot, info, object);
      if (self.result == NULL)
        thredo_blocking_set_error (slot, info, outcome, cancellable, error);
    }
  thredo_gate_clear (&self.gate);
  /* Whoever came first may not have let go of it yet. */
  thredo_mutex_lock (&self.lock);
  thredo_mutex_unlock (&self.lock);
  thredo_mutex_clear (&self.lock);
  g_object_unref (self.operation);

  return self.result;
}

/**
 * ThredoAwaitFunc:
 * @cancellable: what to give to the operation
 * @callback: what to give to it as callback
 * @callback_data: what to give to it as data for @callback
 * @closure: (closure): the data that was given with the function
 *
 * Starts an asynchronous operation, by calling a function whose name ends in
 * `_async`.
 *
 * It runs on the loop's thread, and must not block. It has @callback called exactly
 * once, by the operation that it starts or by itself, on any thread: what waits has
 * no other way to end, and so no exception of a language that has them may come in
 * between.
 *
 * Since: 1.0
 */

/**
 * thredo_await:
 * @start: (scope notified) (closure user_data) (destroy destroy): starts the operation
 * @user_data: data for @start
 * @destroy: (nullable): called with @user_data once, when the operation has ended or
 *   will never be started
 * @cancellable: (nullable): what else can end the wait
 * @error: return location for an error
 *
 * Runs any asynchronous operation of GIO, and of whatever is made like it, and waits
 * for its end.
 *
 * The operation is started on the loop's thread. What this returns is what the
 * operation's callback was given, and is for its `_finish` function.
 *
 * The wait ends with the operation. A cancel of the caller, the deadline of a scope
 * around it and a cancel of @cancellable cancel the operation, and its end is waited
 * for still, because it may be using the caller's memory; so this takes as long as the
 * operation takes to obey. What it says then is up to the operation: if it had called
 * back before the cancel, its result is not lost. If not, its `_finish` fails with
 * `G_IO_ERROR_CANCELLED`, also where it was a deadline that passed;
 * [func@Thredo.clarify_error] makes it what it was.
 *
 * What calls of GIO check of their arguments has to be right: where they only log a critical
 * they never call back, and the wait has no end.
 *
 * Any thread but the loop's may call this. In Python, where `await` is a word of the language, it
 * is `getattr(Thredo, "await")`; in GJS it cannot be called.
 *
 * ```c
 * static void
 * start (GCancellable *cancellable, GAsyncReadyCallback callback, gpointer callback_data,
 *        gpointer file)
 * {
 *   g_file_query_info_async (file, "standard::*", G_FILE_QUERY_INFO_NONE, G_PRIORITY_DEFAULT,
 *                            cancellable, callback, callback_data);
 * }
 *
 * static GFileInfo *
 * query_info (GFile *file, GError **error)
 * {
 *   g_autoptr(GAsyncResult) result = thredo_await (start, file, NULL, NULL, error);
 *
 *   return result != NULL ? g_file_query_info_finish (file, result, error) : NULL;
 * }
 * ```
 *
 * Returns: (transfer full): the result of the operation, or %NULL with an error if it
 *   was not started: `G_IO_ERROR_CANCELLED` or `G_IO_ERROR_TIMED_OUT`
 *   ([error@Gio.IOErrorEnum]) if the caller is cancelled or too late;
 *   `THREDO_ERROR_LOOP_THREAD`; or what the operating system says if the loop could
 *   not be started
 *
 * Since: 1.0
 */
GAsyncResult *
thredo_await (ThredoAwaitFunc   start,
              gpointer          user_data,
              GDestroyNotify    destroy,
              GCancellable     *cancellable,
              GError          **error)
{
  GAsyncResult *result;

  g_return_val_if_fail (start != NULL, NULL);
  g_return_val_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable), NULL);

  result = thredo_await_as (&await_info, NULL, start, user_data, cancellable, error);
  if (destroy != NULL)
    destroy (user_data);
  return result;
}

/* Whether what looks like a cancel was a deadline. */
static gboolean
is_late (GError **error)
{
  return error != NULL && g_error_matches (*error, G_IO_ERROR, G_IO_ERROR_CANCELLED) &&
         thredo_level_check (thredo_slot_self ()) == THREDO_WAIT_TIMED_OUT;
}

/**
 * thredo_clarify_error: (skip)
 * @error: (inout) (optional) (nullable): an error of an operation that took part in
 *   the caller's cancellation by a cancellable
 *
 * Makes a `G_IO_ERROR_CANCELLED` a `G_IO_ERROR_TIMED_OUT` if it was a deadline.
 *
 * An operation that is given a [class@Gio.Cancellable] cannot tell why it was
 * cancelled. If the caller has not been cancelled, but is inside a scope that has
 * expired, that is why. Other errors stay as they are.
 *
 * Since: 1.0
 */
void
thredo_clarify_error (GError **error)
{
  if (!is_late (error))
    return;

  g_clear_error (error);
  g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT, "The operation timed out");
}

/* The same, for calls that have a name of their own. */
void
thredo_await_clarify (const ThredoWaitInfo  *info,
                      GError               **error)
{
  if (!is_late (error))
    return;

  g_clear_error (error);
  g_set_error (error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT, "%s() timed out", info->function);
}
