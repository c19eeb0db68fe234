/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "ctl-ended.h"
#include "ctl-find.h"
#include "ctl-output.h"
#include "ctl-process.h"
#include "ctl-select.h"
#include "ctl-text.h"
#include "ctl-threads.h"

#define WITH_PROCESS "has ended, with its process"

/* Those that were cancelled: their ThredoThreadInfo, from the list, which keeps them up to date
 * while they are in it. */
typedef struct
{
  ThredoMonitor *monitor;
  GPtrArray *threads;
  GPtrArray *cancelled;
} Job;

static CtlStatus
say (ThredoThreadInfo *info,
     const char       *what)
{
  g_autofree char *described = ctl_threads_describe (info);
  g_autofree char *line = NULL;

  *described = g_ascii_toupper (*described);
  line = g_strdup_printf ("%s %s\n", described, what);
  return ctl_output_write (line);
}

/* What a cancel frees may be the end of the program, and come before its answer. The connection is
 * closed a moment before the process has gone. */
static gboolean
has_ended_with_it (Job    *job,
                   GError *error)
{
  guint pid = thredo_monitor_get_pid (job->monitor);

  if (!g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CLOSED))
    return FALSE;
  for (guint i = 0; i < 100 && !ctl_process_has_ended (pid); i++)
    g_usleep (10 * 1000);
  return ctl_process_has_ended (pid);
}

static CtlStatus
cancel_thread (Job        *job,
               const char *which)
{
  g_autoptr(GError) error = NULL;
  ThredoThreadInfo *info = ctl_find_thread (job->threads, which, &error);

  if (info == NULL)
    return ctl_output_fail (error);
  if (!thredo_monitor_cancel_thread (job->monitor, thredo_thread_info_get_id (info), NULL, &error))
    return has_ended_with_it (job, error) ? say (info, WITH_PROCESS) : ctl_output_fail (error);
  g_ptr_array_add (job->cancelled, info);
  return say (info, "is cancelled");
}

static CtlStatus
cancel_group (Job        *job,
              const char *which)
{
  g_autoptr(GError) error = NULL;
  guint64 id;
  g_autofree char *line = NULL;
  g_autofree char *name = NULL;
  guint n = 0;

  if (!ctl_find_group (job->threads, which, &id, &error))
    return ctl_output_fail (error);
  if (!thredo_monitor_cancel_group (job->monitor, id, NULL, &error) &&
      !has_ended_with_it (job, error))
    return ctl_output_fail (error);
  for (guint i = 0; i < job->threads->len; i++)
    {
      if (!ctl_find_is_in_group (job->threads->pdata[i], id))
        continue;
      g_ptr_array_add (job->cancelled, job->threads->pdata[i]);
      n++;
    }
  name = ctl_text_plain (which);
  line = g_strdup_printf ("Group %s is cancelled, with %u thread%s\n", name, n, n != 1 ? "s" : "");
  return ctl_output_write (line);
}

/* The numbers of those in the list. */
static GHashTable *
new_numbers (Job *job)
{
  GHashTable *numbers = g_hash_table_new_full (g_int64_hash, g_int64_equal, g_free, NULL);
  g_autoptr(GPtrArray) threads = thredo_monitor_snapshot (job->monitor);

  for (guint i = 0; i < threads->len && !thredo_monitor_is_closed (job->monitor); i++)
    {
      guint64 id = thredo_thread_info_get_id (threads->pdata[i]);

      g_hash_table_add (numbers, g_memdup2 (&id, sizeof (guint64)));
    }
  return numbers;
}

static const char *
describe_end (Job              *job,
              ThredoThreadInfo *info)
{
  g_autoptr(GPtrArray) history = thredo_monitor_get_history (job->monitor);

  for (guint i = 0; i < history->len; i++)
    {
      if (thredo_ended_info_get_id (history->pdata[i]) == thredo_thread_info_get_id (info))
        return ctl_ended_describe (history->pdata[i]);
    }
  return thredo_monitor_is_closed (job->monitor) ? WITH_PROCESS : "has ended";
}

static void
remove_ended (Job *job)
{
  g_autoptr(GHashTable) numbers = new_numbers (job);

  for (guint i = 0; i < job->cancelled->len;)
    {
      ThredoThreadInfo *info = job->cancelled->pdata[i];

      guint64 id = thredo_thread_info_get_id (info);

      if (g_hash_table_contains (numbers, &id))
        {
          i++;
          continue;
        }
      say (info, describe_end (job, info));
      g_ptr_array_remove_index (job->cancelled, i);
    }
}

static CtlStatus
complain_of_others (Job        *job,
                    const char *seconds)
{
  for (guint i = 0; i < job->cancelled->len; i++)
    {
      ThredoThreadInfo *info = job->cancelled->pdata[i];
      g_autofree char *described = ctl_threads_describe (info);
      const char *why;

      *described = g_ascii_toupper (*described);
      if (thredo_thread_info_get_state (info) != THREDO_THREAD_STATE_WAITING)
        why = "it computes, or blocks outside the library, where it cannot be reached";
      else if (thredo_thread_info_is_shielded (info))
        why = "it is shielded, and cannot be reached until it leaves its shield";
      else
        why = "it waits again, after the cancel has reached it";
      ctl_output_complain ("%s has not ended within %s: %s", described, seconds, why);
    }
  return CTL_STILL_THERE;
}

static void
note_refreshed (gboolean *is_refreshed)
{
  *is_refreshed = TRUE;
}

static gboolean
note (gpointer data)
{
  *(gboolean *) data = TRUE;
  return G_SOURCE_REMOVE;
}

static CtlStatus
wait_for_ends (Job       *job,
               GTimeSpan  limit)
{
  g_autofree char *seconds = ctl_text_duration (limit);
  g_autoptr(GError) error = NULL;
  gboolean is_over = FALSE;
  gboolean is_refreshed = FALSE;
  guint timer = g_timeout_add ((guint) (limit / 1000), note, &is_over);
  gulong handler = g_signal_connect_swapped (job->monitor, "refreshed",
                                             G_CALLBACK (note_refreshed), &is_refreshed);

  while (job->cancelled->len > 0 && !is_over)
    {
      if (!thredo_monitor_is_closed (job->monitor))
        g_main_context_iteration (NULL, TRUE);
      if (is_refreshed || thredo_monitor_is_closed (job->monitor))
        remove_ended (job);
      is_refreshed = FALSE;
    }
  g_signal_handler_disconnect (job->monitor, handler);
  if (!is_over)
    g_source_remove (timer);

  /* What is said of those that are left is to be true now. */
  if (job->cancelled->len > 0 && !ctl_select_refresh (job->monitor, &error) &&
      !thredo_monitor_is_closed (job->monitor))
    return ctl_output_fail (error);
  remove_ended (job);
  return job->cancelled->len > 0 ? complain_of_others (job, seconds) : CTL_DONE;
}

CtlStatus
ctl_cancel_run (CtlOptions *options)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(ThredoMonitor) monitor = ctl_select (options->process, &error);
  g_autoptr(GPtrArray) threads = NULL;
  g_autoptr(GPtrArray) cancelled = g_ptr_array_new ();
  CtlStatus all = CTL_DONE;
  Job job;

  if (monitor == NULL)
    return ctl_output_fail (error);
  threads = thredo_monitor_snapshot (monitor);
  job = (Job) { monitor, threads, cancelled };
  for (guint i = 0; options->arguments[i] != NULL; i++)
    {
      const char *which = options->arguments[i];
      CtlStatus status = options->is_group ? cancel_group (&job, which)
                                           : cancel_thread (&job, which);

      all = MAX (all, status);
    }
  if (options->wait >= 0 && cancelled->len > 0)
    {
      CtlStatus status = wait_for_ends (&job, options->wait);

      all = MAX (all, status);
    }
  return all;
}
