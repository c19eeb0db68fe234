/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "monitor-attach.h"

/* What the program is called is known better than by whoever only knows its number. */
static char *
explain (MonitorProgram *program,
         const GError   *error)
{
  const char *name = monitor_program_get_name (program);

  if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND) ||
      g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CONNECTION_REFUSED))
    return g_strdup_printf ("%s cannot be watched: it has ended, or was not started with "
                            "THREDO_MONITOR=1",
                            name);
  if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT))
    return g_strdup_printf ("%s cannot be watched: it does not answer", name);
  if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_PERMISSION_DENIED))
    return g_strdup_printf ("%s cannot be watched: it is another user's", name);
  return g_strdup_printf ("%s cannot be watched: %s", name, error->message);
}

static void
on_attached (GObject      *source,
             GAsyncResult *result,
             gpointer      user_data)
{
  g_autoptr(GTask) task = user_data;
  MonitorProgram *program = g_task_get_task_data (task);
  g_autoptr(GError) error = NULL;
  ThredoMonitor *monitor = thredo_monitor_new_for_process_finish (result, &error);
  g_autofree char *message = NULL;

  if (monitor != NULL)
    {
      g_task_return_pointer (task, monitor, g_object_unref);
      return;
    }
  message = explain (program, error);
  g_task_return_new_error (task, error->domain, error->code, "%s", message);
}

static void
attach (GTask          *task,
        MonitorProgram *program)
{
  g_task_set_task_data (task, g_object_ref (program), g_object_unref);
  thredo_monitor_new_for_process_async (monitor_program_get_pid (program),
                                        g_task_get_cancellable (task), on_attached, task);
}

static void
on_found (GObject      *source,
          GAsyncResult *result,
          gpointer      user_data)
{
  g_autoptr(GTask) task = user_data;
  GError *error = NULL;
  g_autoptr(MonitorProgram) program = monitor_programs_find_finish (result, &error);

  if (program != NULL)
    attach (g_steal_pointer (&task), program);
  else
    g_task_return_error (task, error);
}

void
monitor_attach_async (MonitorProgram      *program,
                      GCancellable        *cancellable,
                      GAsyncReadyCallback  callback,
                      gpointer             user_data)
{
  GTask *task = g_task_new (NULL, cancellable, callback, user_data);

  g_task_set_source_tag (task, monitor_attach_async);
  attach (task, program);
}

/* @wanted is a name or a number. */
void
monitor_attach_by_name_async (const char          *wanted,
                              GCancellable        *cancellable,
                              GAsyncReadyCallback  callback,
                              gpointer             user_data)
{
  GTask *task = g_task_new (NULL, cancellable, callback, user_data);

  g_task_set_source_tag (task, monitor_attach_by_name_async);
  monitor_programs_find_async (wanted, cancellable, on_found, task);
}

/* Which program it is of is told as well, if it is. */
ThredoMonitor *
monitor_attach_finish (GAsyncResult    *result,
                       MonitorProgram **program,
                       GError         **error)
{
  ThredoMonitor *monitor = g_task_propagate_pointer (G_TASK (result), error);

  if (monitor != NULL)
    *program = g_object_ref (g_task_get_task_data (G_TASK (result)));
  return monitor;
}
