/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "thread-info.h"

#include "format.h"

static const char *
get_state_name (ThredoThreadState state)
{
  switch (state)
    {
    case THREDO_THREAD_STATE_NEW:
      return "new";
    case THREDO_THREAD_STATE_RUNNING:
      return "running";
    case THREDO_THREAD_STATE_WAITING:
      return "waiting";
    case THREDO_THREAD_STATE_FINISHED:
      return "finished";
    case THREDO_THREAD_STATE_FAILED:
      return "failed";
    case THREDO_THREAD_STATE_CANCELLED:
      return "cancelled";
    default:
      g_return_val_if_reached ("");
    }
}

static ThreadInfo *
thread_info_new (ThredoThread *thread,
                 ChecksumJob  *job)
{
  ThreadInfo *info = g_new0 (ThreadInfo, 1);
  g_autoptr(ThredoGroup) group = thredo_thread_get_group (thread);
  g_autofree char *file = NULL;
  ThredoThreadState state;
  gint64 since = 0;

  info->thread = g_object_ref (thread);
  info->id = thredo_thread_get_id (thread);
  info->name = g_strdup (thredo_thread_get_name (thread));
  info->cancelling = thredo_thread_is_cancelled (thread);
  /* The threads of the job, not those that only attached themselves, as the main thread does. */
  info->can_cancel = !info->cancelling && group != NULL;

  /* It may begin or end to wait between these calls; then what it waits for decides. */
  state = thredo_thread_get_state (thread);
  info->activity = thredo_thread_dup_waiting_for (thread);
  if (info->activity != NULL)
    {
      state = THREDO_THREAD_STATE_WAITING;
      since = thredo_thread_get_waiting_since (thread);
    }
  else if (state == THREDO_THREAD_STATE_WAITING)
    state = THREDO_THREAD_STATE_RUNNING;
  info->state = get_state_name (state);

  if (info->activity == NULL && job != NULL)
    {
      file = checksum_job_dup_current_file (job, thread, &since);
      info->activity = file != NULL ? format_path (file) : NULL;
    }

  if (info->activity == NULL)
    info->activity = g_strdup ("");
  info->since = since > 0 ? format_seconds (g_get_monotonic_time () - since) : g_strdup ("");
  return info;
}

void
thread_info_free (ThreadInfo *info)
{
  g_object_unref (info->thread);
  g_free (info->name);
  g_free (info->activity);
  g_free (info->since);
  g_free (info);
}

/* Every live thread of the process, the oldest first. */
GPtrArray *
thread_info_list (ChecksumJob *job)
{
  g_autoptr(GPtrArray) threads = thredo_thread_list_all ();
  GPtrArray *infos = g_ptr_array_new_with_free_func ((GDestroyNotify) thread_info_free);

  for (guint i = 0; i < threads->len; i++)
    g_ptr_array_add (infos, thread_info_new (g_ptr_array_index (threads, i), job));
  return infos;
}
