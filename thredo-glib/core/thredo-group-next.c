/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "thredo-group-private.h"

#include "thredo-async-private.h"
#include "thredo-error.h"
#include "thredo-value-private.h"

/* The members one by one, as they end. */

static const char *
get_name (gpointer object)
{
  return thredo_group_get_name (object);
}

static const ThredoWaitInfo next_done_info = { "thredo_group_next_done", "next_done", "Group",
                                               get_name };
static const ThredoWaitInfo next_result_info = { "thredo_group_next_result", "next_result", "Group",
                                                 get_name };

/* FALSE: the wait failed. */
static gboolean
take (ThredoGroup   *self,
      GCancellable  *cancellable,
      ThredoThread **thread,
      GError       **error)
{
  ThredoSlot *slot = thredo_slot_self ();
  ThredoWaitState outcome;

  *thread = NULL;
  if (!thredo_blocking_begin (slot, &next_done_info, cancellable, error))
    return FALSE;

  if (thredo_group_core_take (thredo_group_get_core (self), NULL, thread))
    return TRUE;

  thredo_slot_prepare (slot, &next_done_info);
  thredo_wait_arm (&slot->wait);
  if (thredo_group_core_take (thredo_group_get_core (self), &slot->wait, thread))
    {
      thredo_wait_disarm (&slot->wait);
      return TRUE;
    }

  outcome = thredo_slot_block (slot, &next_done_info, self, cancellable);
  if (outcome == THREDO_WAIT_DONE || outcome == THREDO_WAIT_CLOSED)
    return TRUE;

  thredo_group_core_step_out (thredo_group_get_core (self), &slot->wait);
  *thread = NULL;
  return thredo_blocking_set_error (slot, &next_done_info, outcome, cancellable, error);
}

/**
 * thredo_group_next_done:
 * @self: a group
 * @cancellable: (nullable): what else can end the wait
 * @error: return location for an error
 *
 * Waits for the next member to end, and hands it out: each member once, in the
 * order in which they end, daemons left out.
 *
 * How the member has ended is the caller's business from then on: if it failed,
 * the join does not. The wait ends as well when no member is left, by a cancel
 * of the caller, the deadline of a scope around it, and a cancel of
 * @cancellable. Any thread but the loop's may call this.
 *
 * Returns: (transfer full) (nullable): a thread that has ended; %NULL without
 *   an error if no member is left; %NULL with an error: `G_IO_ERROR_CANCELLED`
 *   or `G_IO_ERROR_TIMED_OUT` ([error@Gio.IOErrorEnum]) if the wait was
 *   cancelled or too long; `THREDO_ERROR_LOOP_THREAD`
 *
 * Since: 1.0
 */
ThredoThread *
thredo_group_next_done (ThredoGroup   *self,
                        GCancellable  *cancellable,
                        GError       **error)
{
  ThredoThread *thread;

  g_return_val_if_fail (THREDO_IS_GROUP (self), NULL);
  g_return_val_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable), NULL);

  return take (self, cancellable, &thread, error) ? thread : NULL;
}

/* A next_done for a task. */
typedef struct
{
  ThredoAsync async;
  ThredoThread *thread;
} TakeAsync;

static gboolean
take_async_finish (ThredoAsync     *async,
                   ThredoWaitState  outcome)
{
  TakeAsync *take_async = (TakeAsync *) async;
  ThredoGroup *self = g_task_get_source_object (async->task);

  if (outcome == THREDO_WAIT_DONE || outcome == THREDO_WAIT_CLOSED)
    {
      g_task_return_pointer (async->task, g_steal_pointer (&take_async->thread), g_object_unref);
    }
  else
    {
      thredo_group_core_step_out (thredo_group_get_core (self), &async->wait);
      thredo_async_return_error (async, outcome);
    }
  return TRUE;
}

static void
begin_take (ThredoGroup          *self,
            const ThredoWaitInfo *info,
            GTask                *task)
{
  ThredoAsync *async;
  TakeAsync *take_async;
  ThredoThread *thread;

  if (g_task_return_error_if_cancelled (task))
    return;

  async = thredo_async_new (sizeof (TakeAsync), task, info, take_async_finish);
  take_async = (TakeAsync *) async;
  if (thredo_group_core_take (thredo_group_get_core (self), &async->wait, &take_async->thread))
    {
      thread = g_steal_pointer (&take_async->thread);
      g_task_return_pointer (task, thread, g_object_unref);
      thredo_async_drop (async);
      return;
    }
  thredo_async_start (async);
}

/**
 * thredo_group_next_done_async:
 * @self: a group
 * @cancellable: (nullable): what else can end the wait
 * @callback: (scope async) (nullable): called when the wait has ended
 * @user_data: data for @callback
 *
 * Waits for the next member to end, without blocking.
 *
 * The callback runs in the thread-default main context of the caller. Any
 * thread may call this.
 *
 * Since: 1.0
 */
void
thredo_group_next_done_async (ThredoGroup         *self,
                              GCancellable        *cancellable,
                              GAsyncReadyCallback  callback,
                              gpointer             user_data)
{
  g_autoptr(GTask) task = NULL;

  g_return_if_fail (THREDO_IS_GROUP (self));
  g_return_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable));

  task = g_task_new (self, cancellable, callback, user_data);
  g_task_set_source_tag (task, thredo_group_next_done_async);
  begin_take (self, &next_done_info, task);
}

/**
 * thredo_group_next_done_finish:
 * @self: a group
 * @result: what the callback was given
 * @error: return location for an error
 *
 * Ends what [method@Thredo.Group.next_done_async] began.
 *
 * Returns: (transfer full) (nullable): as [method@Thredo.Group.next_done]
 *
 * Since: 1.0
 */
ThredoThread *
thredo_group_next_done_finish (ThredoGroup   *self,
                               GAsyncResult  *result,
                               GError       **error)
{
  g_return_val_if_fail (g_task_is_valid (result, self), NULL);

  return g_task_propagate_pointer (G_TASK (result), error);
}

/* Of a thread that was handed out, or of none. */
static gboolean
get_result (ThredoThread  *thread,
            GValue        *result,
            GError       **error)
{
  GError *join_error;

  if (thread == NULL)
    {
      g_set_error_literal (error, THREDO_ERROR, THREDO_ERROR_STATE,
                           "No member of the group is left");
      return FALSE;
    }

  join_error = thredo_thread_dup_join_error (thread);
  if (join_error != NULL)
    {
      g_propagate_error (error, join_error);
      return FALSE;
    }
  if (!thredo_thread_get_result (thread, result))
    thredo_value_set_nothing (result);
  return TRUE;
}

/**
 * thredo_group_next_result:
 * @self: a group
 * @result: (out caller-allocates): location for the result, which is
 *   initialised and copied to
 * @cancellable: (nullable): what else can end the wait
 * @error: return location for an error
 *
 * Waits for the next member to end, as [method@Thredo.Group.next_done] does,
 * and gets its result.
 *
 * In C, @result is `G_VALUE_INIT`, and is to be unset on success. Of a member
 * that has set no result it is a %NULL pointer. On failure it is left alone. Any thread but the
 * loop's may call this.
 *
 * Returns: %TRUE, or %FALSE with an error: the member's own;
 *   `THREDO_ERROR_THREAD_CANCELLED` if it was cancelled;
 *   `THREDO_ERROR_STATE` if no member is left; `G_IO_ERROR_CANCELLED` or
 *   `G_IO_ERROR_TIMED_OUT` ([error@Gio.IOErrorEnum]) if the wait was
 *   cancelled or too long; `THREDO_ERROR_LOOP_THREAD`
 *
 * Since: 1.0
 */
gboolean
thredo_group_next_result (ThredoGroup   *self,
                          GValue        *result,
                          GCancellable  *cancellable,
                          GError       **error)
{
  g_autoptr(ThredoThread) thread = NULL;

  g_return_val_if_fail (THREDO_IS_GROUP (self), FALSE);
  g_return_val_if_fail (result != NULL, FALSE);
  g_return_val_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable), FALSE);

  if (!take (self, cancellable, &thread, error))
    return FALSE;
  return get_result (thread, result, error);
}

/**
 * thredo_group_next_result_for_bindings: (rename-to thredo_group_next_result)
 * @self: a group
 * @result: (out caller-allocates): location for the result
 * @cancellable: (nullable): what else can end the wait
 * @error: return location for an error
 *
 * Waits for the next member to end, as [method@Thredo.Group.next_done] does,
 * and gets its result.
 *
 * The same as `thredo_group_next_result()`, but that @result is a %NULL pointer
 * on failure.
 *
 * Returns: as `thredo_group_next_result()`
 *
 * Since: 1.0
 */
gboolean
thredo_group_next_result_for_bindings (ThredoGroup   *self,
                                       GValue        *result,
                                       GCancellable  *cancellable,
                                       GError       **error)
{
  thredo_value_set_nothing (result);
  return thredo_group_next_result (self, result, cancellable, error);
}

/**
 * thredo_group_next_result_boxed:
 * @self: a group
 * @cancellable: (nullable): what else can end the wait
 * @error: return location for an error
 *
 * Waits for the next result, as [method@Thredo.Group.next_result] does.
 *
 * For languages that do not let go of what a call fills in, as GJS does not.
 *
 * Returns: (transfer full): the result, or %NULL with an error, as there
 *
 * Since: 1.0
 */
GValue *
thredo_group_next_result_boxed (ThredoGroup   *self,
                                GCancellable  *cancellable,
                                GError       **error)
{
  GValue value = G_VALUE_INIT;

  return thredo_group_next_result (self, &value, cancellable, error) ? thredo_value_box (&value)
                                                                     : NULL;
}

/**
 * thredo_group_next_result_async:
 * @self: a group
 * @cancellable: (nullable): what else can end the wait
 * @callback: (scope async) (nullable): called when the wait has ended
 * @user_data: data for @callback
 *
 * Waits for the next member to end, for its result, without blocking.
 *
 * The callback runs in the thread-default main context of the caller. Any
 * thread may call this.
 *
 * Since: 1.0
 */
void
thredo_group_next_result_async (ThredoGroup         *self,
                                GCancellable        *cancellable,
                                GAsyncReadyCallback  callback,
                                gpointer             user_data)
{
  g_autoptr(GTask) task = NULL;

  g_return_if_fail (THREDO_IS_GROUP (self));
  g_return_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable));

  task = g_task_new (self, cancellable, callback, user_data);
  g_task_set_source_tag (task, thredo_group_next_result_async);
  begin_take (self, &next_result_info, task);
}

/**
 * thredo_group_next_result_finish:
 * @self: a group
 * @result: what the callback was given
 * @value: (out caller-allocates): location for the member's result, which is
 *   initialised and copied to
 * @error: return location for an error
 *
 * Ends what [method@Thredo.Group.next_result_async] began.
 *
 * Returns: as [method@Thredo.Group.next_result]
 *
 * Since: 1.0
 */
gboolean
thredo_group_next_result_finish (ThredoGroup   *self,
                                 GAsyncResult  *result,
                                 GValue        *value,
                                 GError       **error)
{
  g_autoptr(ThredoThread) thread = NULL;
  g_autoptr(GError) wait_error = NULL;

  g_return_val_if_fail (g_task_is_valid (result, self), FALSE);
  g_return_val_if_fail (value != NULL, FALSE);

  thread = g_task_propagate_pointer (G_TASK (result), &wait_error);
  if (wait_error == NULL)
    return get_result (thread, value, error);
  g_propagate_error (error, g_steal_pointer (&wait_error));
  return FALSE;
}

/**
 * thredo_group_next_result_finish_for_bindings: (rename-to thredo_group_next_result_finish)
 * @self: a group
 * @result: what the callback was given
 * @value: (out caller-allocates): location for the member's result
 * @error: return location for an error
 *
 * Ends what [method@Thredo.Group.next_result_async] began.
 *
 * The same as `thredo_group_next_result_finish()`, but that @value is a %NULL
 * pointer on failure.
 *
 * Returns: as `thredo_group_next_result_finish()`
 *
 * Since: 1.0
 */
gboolean
thredo_group_next_result_finish_for_bindings (ThredoGroup   *self,
                                              GAsyncResult  *result,
                                              GValue        *value,
                                              GError       **error)
{
  thredo_value_set_nothing (value);
  return thredo_group_next_result_finish (self, result, value, error);
}

/**
 * thredo_group_next_result_finish_boxed:
 * @self: a group
 * @result: what the callback was given
 * @error: return location for an error
 *
 * Ends what [method@Thredo.Group.next_result_async] began.
 *
 * For languages that do not let go of what a call fills in, as GJS does not.
 *
 * Returns: (transfer full): the result, or %NULL with an error, as of
 *   [method@Thredo.Group.next_result]
 *
 * Since: 1.0
 */
GValue *
thredo_group_next_result_finish_boxed (ThredoGroup   *self,
                                       GAsyncResult  *result,
                                       GError       **error)
{
  GValue value = G_VALUE_INIT;

  return thredo_group_next_result_finish (self, result, &value, error) ? thredo_value_box (&value)
                                                                       : NULL;
}
