/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "ctl-select.h"

#include "ctl-process.h"

#include <string.h>
#include <unistd.h>

/* How long a process may take to answer: one that has many threads, and gives this no more than a
 * part of a processor, needs seconds. One that is stopped will not. */
#define PATIENCE (60 * G_TIME_SPAN_SECOND)
#define STOPPED_PATIENCE (5 * G_TIME_SPAN_SECOND)

/* All that can be watched, but for this one. */
GPtrArray *
ctl_select_list (GError **error)
{
  g_autoptr(GPtrArray) processes = thredo_monitor_list_processes (error);

  for (guint i = processes != NULL ? processes->len : 0; i > 0; i--)
    {
      if (thredo_process_info_get_pid (processes->pdata[i - 1]) == (guint) getpid ())
        g_ptr_array_remove_index (processes, i - 1);
    }
  return g_steal_pointer (&processes);
}

static void
note (gboolean *is_refreshed)
{
  *is_refreshed = TRUE;
}

/* Wakes who waits, to look at the time. */
static gboolean
tick (gpointer data)
{
  return G_SOURCE_CONTINUE;
}

/* Whether a process that has not answered for so long will not. */
gboolean
ctl_select_is_too_long (guint     pid,
                        GTimeSpan silence)
{
  return silence > PATIENCE || (silence > STOPPED_PATIENCE && ctl_process_is_stopped (pid));
}

/* Brings everything up to date, and waits for that. */
gboolean
ctl_select_refresh (ThredoMonitor  *monitor,
                    GError        **error)
{
  g_autoptr(GMainContext) context = g_main_context_ref_thread_default ();
  g_autoptr(GSource) timer = g_timeout_source_new_seconds (1);
  guint pid = thredo_monitor_get_pid (monitor);
  gint64 began = g_get_monotonic_time ();
  gboolean is_refreshed = FALSE;
  gulong handler;

  handler = g_signal_connect_swapped (monitor, "refreshed", G_CALLBACK (note), &is_refreshed);
  g_source_set_callback (timer, tick, NULL, NULL);
  g_source_attach (timer, context);
  thredo_monitor_refresh (monitor);
  while (!is_refreshed && !ctl_select_is_too_long (pid, g_get_monotonic_time () - began) &&
         !thredo_monitor_is_closed (monitor))
    g_main_context_iteration (context, TRUE);
  g_source_destroy (timer);
  g_signal_handler_disconnect (monitor, handler);

  if (is_refreshed)
    return TRUE;
  if (thredo_monitor_is_closed (monitor))
    {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_CLOSED, "Process %u has gone", pid);
      return FALSE;
    }
  g_set_error (error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT, "Process %u does not answer", pid);
  ctl_process_explain (pid, error);
  return FALSE;
}

/* For the thread-default main context; everything is there when it returns. */
ThredoMonitor *
ctl_select_connect (guint    pid,
                    GError **error)
{
  g_autoptr(GError) why = NULL;
  g_autoptr(ThredoMonitor) monitor = thredo_monitor_new_for_process (pid, NULL, &why);

  if (monitor == NULL)
    {
      ctl_process_explain (pid, &why);
      g_propagate_error (error, g_steal_pointer (&why));
      return NULL;
    }
  if (!ctl_select_refresh (monitor, error))
    return NULL;
  return g_steal_pointer (&monitor);
}

/* "12 (name), 13 (other)". */
static char *
dup_names (GPtrArray *processes)
{
  GString *names = g_string_new (NULL);

  for (guint i = 0; i < processes->len; i++)
    g_string_append_printf (names, "%s%u (%s)", i > 0 ? ", " : "",
                            thredo_process_info_get_pid (processes->pdata[i]),
                            thredo_process_info_get_program (processes->pdata[i]));
  return g_string_free (names, FALSE);
}

static void
set_many_error (GError     **error,
                const char  *what,
                GPtrArray   *processes)
{
  g_autofree char *names = dup_names (processes);

  g_set_error (error, G_IO_ERROR, G_IO_ERROR_FAILED, "%s: %s; say which by its number", what,
               names);
}

/* Whoever meant a thread sees that it was taken for a program. */
static void
set_none_error (GError     **error,
                const char  *name,
                GPtrArray   *processes)
{
  g_autofree char *names = dup_names (processes);

  if (processes->len > 0)
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND,
                 "There is no program '%s' that can be watched, but %s", name, names);
  else
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND,
                 "There is no program '%s' that can be watched", name);
}

/* With the folder in which they would be: often it is another than that of the program. */
char *
ctl_select_dup_none (void)
{
  return g_strdup_printf ("There is no program that can be watched: start one with "
                          "THREDO_MONITOR=1 in its environment (looked for in '%s/thredo-glib')",
                          g_get_user_runtime_dir ());
}

static guint
select_only (GPtrArray  *processes,
             GError    **error)
{
  if (processes->len == 0)
    {
      g_autofree char *none = ctl_select_dup_none ();

      g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND, none);
    }
  else if (processes->len > 1)
    {
      set_many_error (error, "There are several programs", processes);
    }
  else
    {
      return thredo_process_info_get_pid (processes->pdata[0]);
    }
  return 0;
}

static guint
select_by_name (GPtrArray   *processes,
                const char  *name,
                GError     **error)
{
  g_autoptr(GPtrArray) found = g_ptr_array_new ();

  for (guint i = 0; i < processes->len; i++)
    {
      if (g_str_equal (thredo_process_info_get_program (processes->pdata[i]), name))
        g_ptr_array_add (found, processes->pdata[i]);
    }
  if (found->len == 1)
    return thredo_process_info_get_pid (found->pdata[0]);
  if (found->len > 1)
    set_many_error (error, "There are several of that name", found);
  else
    set_none_error (error, name, processes);
  return 0;
}

/* By a number, by a name, or NULL for the only one there is. */
ThredoMonitor *
ctl_select (const char  *process,
            GError     **error)
{
  g_autoptr(GPtrArray) processes = NULL;
  guint64 number;
  guint pid;

  if (process != NULL && process[strspn (process, "0123456789")] == '\0')
    {
      if (g_ascii_string_to_unsigned (process, 10, 1, G_MAXINT, &number, NULL))
        return ctl_select_connect ((guint) number, error);
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND, "There is no process %s", process);
      return NULL;
    }

  processes = ctl_select_list (error);
  if (processes == NULL)
    return NULL;
  pid = process != NULL ? select_by_name (processes, process, error)
                        : select_only (processes, error);
  return pid != 0 ? ctl_select_connect (pid, error) : NULL;
}
