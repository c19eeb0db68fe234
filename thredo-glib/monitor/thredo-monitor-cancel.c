/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "thredo-monitor-private.h"

#include "thredo-local-private.h"

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
 * A program that only waited for this may end before it has answered. That is told as
 * `G_IO_ERROR_CLOSED`, although the cancel has come about.
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
 * A program that only waited for this may end before it has answered. That is told as
 * `G_IO_ERROR_CLOSED`, although the cancel has come about.
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
