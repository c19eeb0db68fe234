/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "thredo-monitor-private.h"

#include "thredo-attach-private.h"

/* Monitors of other processes. */

/* Numbers come from whoever sits there. */
static gboolean
check_pid (guint    pid,
           GError **error)
{
  if (pid > 0 && pid <= G_MAXINT)
    return TRUE;
  g_set_error (error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND, "There is no process %u", pid);
  return FALSE;
}

/* Takes the connection. */
static void
begin_watching (ThredoMonitor   *self,
                GDBusConnection *connection)
{
  self->remote = thredo_remote_new (self->listener, (GPid) self->pid, connection);
  thredo_monitor_refresh (self);
  thredo_monitor_start_ticking (self);
}

/**
 * thredo_monitor_new_for_process:
 * @pid: the number of a process, see [func@Thredo.Monitor.list_processes]
 * @cancellable: (nullable): a cancellable
 * @error: return location for an error
 *
 * Makes a monitor of another process of the same user, for the thread-default main context of
 * the caller.
 *
 * It waits until the process has answered, which takes a moment, and five seconds at most. From
 * then on nothing but [method@Thredo.Monitor.cancel_thread] and
 * [method@Thredo.Monitor.cancel_group] waits for the process. What there is comes with the first
 * [signal@Thredo.Monitor::refreshed]; a deadlock that comes about before is not told by
 * [signal@Thredo.Monitor::deadlock], but found then.
 *
 * Returns: (transfer full): a new monitor, or %NULL with an error of `G_IO_ERROR`:
 *   `G_IO_ERROR_NOT_FOUND` or `G_IO_ERROR_CONNECTION_REFUSED` if the process is not there, or
 *   is not exported, `G_IO_ERROR_PERMISSION_DENIED` if it is another user's,
 *   `G_IO_ERROR_TIMED_OUT` if it does not answer, `G_IO_ERROR_CANCELLED`, or
 *   `G_IO_ERROR_FAILED` if it answers something else
 *
 * Since: 1.0
 */
ThredoMonitor *
thredo_monitor_new_for_process (guint          pid,
                                GCancellable  *cancellable,
                                GError       **error)
{
  g_autoptr(ThredoMonitor) self = NULL;
  GDBusConnection *connection;

  g_return_val_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable), NULL);
  g_return_val_if_fail (error == NULL || *error == NULL, NULL);

  if (!check_pid (pid, error))
    return NULL;
  connection = thredo_attach ((GPid) pid, cancellable, error);
  if (connection == NULL)
    return NULL;
  self = g_object_new (THREDO_TYPE_MONITOR, "pid", pid, NULL);
  begin_watching (self, connection);

  return g_steal_pointer (&self);
}

static void
connected (GObject      *source,
           GAsyncResult *result,
           gpointer      user_data)
{
  g_autoptr(GTask) task = user_data;
  ThredoMonitor *self = g_task_get_task_data (task);
  GError *error = NULL;
  GDBusConnection *connection = thredo_attach_finish (result, &error);

  if (connection == NULL)
    {
      g_task_return_error (task, error);
      return;
    }
  begin_watching (self, connection);
  g_task_return_pointer (task, g_object_ref (self), g_object_unref);
}

/**
 * thredo_monitor_new_for_process_async:
 * @pid: the number of a process, see [func@Thredo.Monitor.list_processes]
 * @cancellable: (nullable): a cancellable
 * @callback: (scope async): what to call when the process has answered
 * @user_data: data for @callback
 *
 * Does what [ctor@Thredo.Monitor.new_for_process] does, and lets the caller go on meanwhile.
 *
 * The monitor is for the thread-default main context of the caller, in which @callback is called.
 *
 * Since: 1.0
 */
void
thredo_monitor_new_for_process_async (guint                pid,
                                      GCancellable        *cancellable,
                                      GAsyncReadyCallback  callback,
                                      gpointer             user_data)
{
  GError *error = NULL;
  GTask *task;

  g_return_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable));

  task = g_task_new (NULL, cancellable, callback, user_data);
  g_task_set_source_tag (task, thredo_monitor_new_for_process_async);
  g_task_set_check_cancellable (task, FALSE);
  if (!check_pid (pid, &error))
    {
      g_task_return_error (task, error);
      g_object_unref (task);
      return;
    }
  g_task_set_task_data (task, g_object_new (THREDO_TYPE_MONITOR, "pid", pid, NULL),
                        g_object_unref);
  thredo_attach_async ((GPid) pid, cancellable, connected, task);
}

/**
 * thredo_monitor_new_for_process_finish:
 * @result: what the callback was given
 * @error: return location for an error
 *
 * Ends what [func@Thredo.Monitor.new_for_process_async] has begun.
 *
 * Returns: (transfer full): a new monitor, or %NULL with an error as
 *   [ctor@Thredo.Monitor.new_for_process] sets it
 *
 * Since: 1.0
 */
ThredoMonitor *
thredo_monitor_new_for_process_finish (GAsyncResult  *result,
                                       GError       **error)
{
  g_return_val_if_fail (g_task_is_valid (result, NULL), NULL);
  g_return_val_if_fail (g_async_result_is_tagged (result, thredo_monitor_new_for_process_async),
                        NULL);

  return g_task_propagate_pointer (G_TASK (result), error);
}
