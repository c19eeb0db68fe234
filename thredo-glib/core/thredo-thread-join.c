/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "thredo-thread-private.h"

#include "thredo-async-private.h"
#include "thredo-error.h"
#include "thredo-group-private.h"

/* Waiting for the end of a thread. */

static const char *
get_name (gpointer object)
{
  return thredo_thread_get_name (object);
}

static const ThredoWaitInfo join_info = { "thredo_thread_join", "join", "Thread", get_name };
static const ThredoWaitInfo wait_info = { "thredo_thread_wait", "join", "Thread", get_name };

static void
set_not_started_error (ThredoThread  *self,
                       GError       **error)
{
  g_set_error (error, THREDO_ERROR, THREDO_ERROR_STATE,
               "Thread '%s' was never started", thredo_thread_get_name (self));
}

/* Blocks until the thread has ended. */
static gboolean
await_end (ThredoThread          *self,
           const ThredoWaitInfo  *info,
           GCancellable          *cancellable,
           GError               **error)
{
  ThredoThreadPrivate *priv = thredo_thread_get_private (self);
  ThredoSlot *slot = thredo_slot_self ();
  guint turn = thredo_gate_get_turn (&priv->state);
  GError *refusal = NULL;
  ThredoWaitState outcome;

  if (slot->owner == self)
    {
      g_set_error (error, THREDO_ERROR, THREDO_ERROR_STATE,
                   "Thread '%s' would wait for itself, for ever", thredo_thread_get_name (self));
      return FALSE;
    }
  if (!thredo_blocking_begin (slot, info, cancellable, error))
    return FALSE;
  if (thredo_thread_is_new (self))
    {
      set_not_started_error (self, error);
      return FALSE;
    }

  outcome = thredo_gate_wait (&priv->state, slot, info, self, turn, &priv->runner, cancellable,
                              &refusal);
  if (outcome == THREDO_WAIT_DONE)
    return TRUE;
  if (refusal != NULL)
    g_propagate_error (error, refusal);
  else if (outcome == THREDO_WAIT_REFUSED)
    set_not_started_error (self, error);
  else
    thredo_blocking_set_error (slot, info, outcome, cancellable, error);
  return FALSE;
}

/* What a joiner is told of how the thread ended; NULL if it went well. */
GError *
thredo_thread_dup_join_error (ThredoThread *self)
{
  ThredoThreadPrivate *priv = thredo_thread_get_private (self);

  switch (thredo_thread_get_end (self))
    {
    case THREDO_THREAD_STATE_FAILED:
      return g_error_copy (priv->error);
    case THREDO_THREAD_STATE_CANCELLED:
      return g_error_new (THREDO_ERROR, THREDO_ERROR_THREAD_CANCELLED,
                          "Thread '%s' was cancelled", thredo_thread_get_name (self));
    default:
      return NULL;
    }
}

/* A thread that was joined by hand is no longer its group's business. */
static gboolean
conclude_join (ThredoThread  *self,
               GError       **error)
{
  ThredoThreadPrivate *priv = thredo_thread_get_private (self);
  ThredoGroupCore *core = thredo_thread_dup_core (self);
  GError *join_error;

  if (core != NULL)
    {
      thredo_group_core_forget (core, self, FALSE);
      thredo_group_core_unref (core);
    }

  thredo_mutex_lock (&priv->lock);
  priv->joined = TRUE;
  thredo_mutex_unlock (&priv->lock);

  join_error = thredo_thread_dup_join_error (self);
  if (join_error == NULL)
    return TRUE;
  g_propagate_error (error, join_error);
  return FALSE;
}

/**
 * thredo_thread_join:
 * @self: a thread that was started
 * @cancellable: (nullable): what else can end the wait
 * @error: return location for an error
 *
 * Waits until the thread has ended, and passes on how.
 *
 * The wait ends with the thread, a cancel of the caller, the deadline of a
 * scope around it, or a cancel of @cancellable; the latter three leave the
 * thread that is waited for alone. A thread may be joined more than once, and
 * by several at once. One that is joined leaves its group.
 *
 * The thread's own error is passed on as it is, domain and code. As such a
 * code may be one that the wait could fail with too, it is
 * `THREDO_ERROR_THREAD_CANCELLED` if the thread was cancelled;
 * [method@Thredo.Thread.wait] is for those who must tell all of them apart.
 *
 * Any thread but the loop's may call this.
 *
 * Returns: %TRUE if the thread went well, or %FALSE with an error: the
 *   thread's own; `THREDO_ERROR_THREAD_CANCELLED` if it was cancelled;
 *   `THREDO_ERROR_FAILED` if it set no error; `THREDO_ERROR_STATE` for oneself
 *   or a thread that was not started; `G_IO_ERROR_CANCELLED` or
 *   `G_IO_ERROR_TIMED_OUT` ([error@Gio.IOErrorEnum]) if the wait was cancelled
 *   or too long; `THREDO_ERROR_DEADLOCK` if it would never end and the
 *   [func@Thredo.set_deadlock_policy] is to fail; `THREDO_ERROR_LOOP_THREAD`
 *
 * Since: 1.0
 */
gboolean
thredo_thread_join (ThredoThread  *self,
                    GCancellable  *cancellable,
                    GError       **error)
{
  g_return_val_if_fail (THREDO_IS_THREAD (self), FALSE);
  g_return_val_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable), FALSE);

  return await_end (self, &join_info, cancellable, error) && conclude_join (self, error);
}

/**
 * thredo_thread_join_pointer: (skip)
 * @self: a thread that was started
 * @cancellable: (nullable): what else can end the wait
 * @error: return location for an error
 *
 * Joins the thread, as [method@Thredo.Thread.join] does, and takes the result
 * that it left by [method@Thredo.Thread.set_result_pointer].
 *
 * The first one to join so gets the pointer, and with it the duty to free it.
 *
 * Returns: (transfer full) (nullable): the result, %NULL if there is none or
 *   with an error
 *
 * Since: 1.0
 */
gpointer
thredo_thread_join_pointer (ThredoThread  *self,
                            GCancellable  *cancellable,
                            GError       **error)
{
  ThredoThreadPrivate *priv;
  gpointer result;

  if (!thredo_thread_join (self, cancellable, error))
    return NULL;

  priv = thredo_thread_get_private (self);
  thredo_mutex_lock (&priv->lock);
  result = g_steal_pointer (&priv->result_pointer);
  priv->result_destroy = NULL;
  thredo_mutex_unlock (&priv->lock);

  return result;
}

/**
 * thredo_thread_wait:
 * @self: a thread that was started
 * @cancellable: (nullable): what else can end the wait
 * @error: return location for an error
 *
 * Waits until the thread has ended, however it ended.
 *
 * The same as [method@Thredo.Thread.join], but for what it returns; and the
 * thread stays in its group.
 *
 * Returns: %TRUE if the thread has ended, or %FALSE with an error:
 *   `G_IO_ERROR_CANCELLED` or `G_IO_ERROR_TIMED_OUT`
 *   ([error@Gio.IOErrorEnum]) if the wait was cancelled or too long;
 *   `THREDO_ERROR_STATE` for oneself or a thread that was not started;
 *   `THREDO_ERROR_DEADLOCK` as of [method@Thredo.Thread.join];
 *   `THREDO_ERROR_LOOP_THREAD`
 *
 * Since: 1.0
 */
gboolean
thredo_thread_wait (ThredoThread  *self,
                    GCancellable  *cancellable,
                    GError       **error)
{
  g_return_val_if_fail (THREDO_IS_THREAD (self), FALSE);
  g_return_val_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable), FALSE);

  return await_end (self, &wait_info, cancellable, error);
}

static gboolean
wait_async_finish (ThredoAsync     *async,
                   ThredoWaitState  outcome)
{
  ThredoThread *self = g_task_get_source_object (async->task);
  GError *error = NULL;

  switch (outcome)
    {
    case THREDO_WAIT_DONE:
      g_task_return_boolean (async->task, TRUE);
      return TRUE;
    case THREDO_WAIT_REFUSED:
      set_not_started_error (self, &error);
      g_task_return_error (async->task, error);
      return TRUE;
    default:
      thredo_gate_step_out (&thredo_thread_get_private (self)->state, &async->wait);
      thredo_async_return_error (async, outcome);
      return TRUE;
    }
}

static gboolean
join_async_finish (ThredoAsync     *async,
                   ThredoWaitState  outcome)
{
  GError *error = NULL;

  if (outcome != THREDO_WAIT_DONE)
    return wait_async_finish (async, outcome);

  if (conclude_join (g_task_get_source_object (async->task), &error))
    g_task_return_boolean (async->task, TRUE);
  else
    g_task_return_error (async->task, error);
  return TRUE;
}

/* Takes the task. */
static void
await_end_async (ThredoThread         *self,
                 const ThredoWaitInfo *info,
                 ThredoAsyncFunc       finish,
                 GTask                *task)
{
  ThredoThreadPrivate *priv = thredo_thread_get_private (self);
  guint turn = thredo_gate_get_turn (&priv->state);
  ThredoAsync *async;
  GError *error = NULL;

  if (thredo_thread_is_new (self))
    {
      set_not_started_error (self, &error);
      g_task_return_error (task, error);
      g_object_unref (task);
      return;
    }

  async = thredo_async_new (sizeof (ThredoAsync), task, info, finish);
  g_object_unref (task);
  thredo_gate_line_up (&priv->state, &async->wait, turn);
  thredo_async_start (async);
}

/**
 * thredo_thread_join_async:
 * @self: a thread that was started
 * @cancellable: (nullable): what can end the wait before the thread does
 * @callback: (scope async) (nullable): called when the wait has ended
 * @user_data: data for @callback
 *
 * Waits until the thread has ended, without blocking.
 *
 * The callback runs in the thread-default main context of the caller. Scopes of
 * the caller have no say in this: nothing blocks. Any thread may call this.
 *
 * Since: 1.0
 */
void
thredo_thread_join_async (ThredoThread        *self,
                          GCancellable        *cancellable,
                          GAsyncReadyCallback  callback,
                          gpointer             user_data)
{
  GTask *task;

  g_return_if_fail (THREDO_IS_THREAD (self));
  g_return_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable));

  task = g_task_new (self, cancellable, callback, user_data);
  g_task_set_source_tag (task, thredo_thread_join_async);
  await_end_async (self, &join_info, join_async_finish, task);
}

/**
 * thredo_thread_join_finish:
 * @self: a thread
 * @result: what the callback was given
 * @error: return location for an error
 *
 * Ends what [method@Thredo.Thread.join_async] began.
 *
 * Returns: as [method@Thredo.Thread.join]
 *
 * Since: 1.0
 */
gboolean
thredo_thread_join_finish (ThredoThread  *self,
                           GAsyncResult  *result,
                           GError       **error)
{
  g_return_val_if_fail (g_task_is_valid (result, self), FALSE);

  return g_task_propagate_boolean (G_TASK (result), error);
}

/**
 * thredo_thread_wait_async:
 * @self: a thread that was started
 * @cancellable: (nullable): what can end the wait before the thread does
 * @callback: (scope async) (nullable): called when the wait has ended
 * @user_data: data for @callback
 *
 * Waits until the thread has ended, however it ended, without blocking.
 *
 * The callback runs in the thread-default main context of the caller. Scopes of
 * the caller have no say in this: nothing blocks. Any thread may call this.
 *
 * Since: 1.0
 */
void
thredo_thread_wait_async (ThredoThread        *self,
                          GCancellable        *cancellable,
                          GAsyncReadyCallback  callback,
                          gpointer             user_data)
{
  GTask *task;

  g_return_if_fail (THREDO_IS_THREAD (self));
  g_return_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable));

  task = g_task_new (self, cancellable, callback, user_data);
  g_task_set_source_tag (task, thredo_thread_wait_async);
  await_end_async (self, &wait_info, wait_async_finish, task);
}

/**
 * thredo_thread_wait_finish:
 * @self: a thread
 * @result: what the callback was given
 * @error: return location for an error
 *
 * Ends what [method@Thredo.Thread.wait_async] began.
 *
 * Returns: as [method@Thredo.Thread.wait]
 *
 * Since: 1.0
 */
gboolean
thredo_thread_wait_finish (ThredoThread  *self,
                           GAsyncResult  *result,
                           GError       **error)
{
  g_return_val_if_fail (g_task_is_valid (result, self), FALSE);

  return g_task_propagate_boolean (G_TASK (result), error);
}
