/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "checksum-sample.h"

#include "thread-info.h"

#define WATCH_INTERVAL 2 /* milliseconds */
#define WATCH_LIMIT (2 * G_TIME_SPAN_SECOND)

typedef struct
{
  ChecksumJob *job;
  double fraction;
  ChecksumSample *last; /* the newest of the running job */
} ChecksumWatch;

/* Leaves out the @first_problem so many problems, which the caller has seen already. */
ChecksumSample *
checksum_sample_new (ChecksumJob *job,
                     guint        first_problem)
{
  ChecksumRecord *record = checksum_job_get_record (job);
  ChecksumSample *sample = g_new0 (ChecksumSample, 1);

  sample->threads = thread_info_list (job);
  sample->problems = checksum_record_list_problems (record, first_problem);
  checksum_record_get_progress (record, &sample->progress);
  return sample;
}

void
checksum_sample_free (ChecksumSample *sample)
{
  g_ptr_array_unref (sample->threads);
  g_ptr_array_unref (sample->problems);
  g_free (sample);
}

static void
checksum_watch_free (ChecksumWatch *watch)
{
  g_clear_pointer (&watch->last, checksum_sample_free);
  checksum_job_unref (watch->job);
  g_free (watch);
}

static gboolean
on_watch (gpointer user_data)
{
  GTask *task = user_data;
  ChecksumWatch *watch = g_task_get_task_data (task);
  ChecksumSample *sample = checksum_sample_new (watch->job, 0);

  /* A small job may have begun and ended since the last look, whose sample is the one to have. */
  if (sample->progress.complete || sample->progress.ended)
    {
      checksum_sample_free (sample);
      g_task_return_pointer (task, g_steal_pointer (&watch->last),
                             (GDestroyNotify) checksum_sample_free);
      return G_SOURCE_REMOVE;
    }

  if (sample->progress.elapsed >= WATCH_LIMIT ||
      (sample->progress.counted &&
       checksum_progress_get_fraction (&sample->progress) >= watch->fraction))
    {
      g_task_return_pointer (task, sample, (GDestroyNotify) checksum_sample_free);
      return G_SOURCE_REMOVE;
    }

  checksum_sample_free (watch->last);
  watch->last = sample;
  return G_SOURCE_CONTINUE;
}

/* Gives a sample of @job, which was just started, from when @fraction of it was done, or from
 * two seconds after its start if that is sooner. It is taken on the library's own loop: the main
 * thread, busy with drawing, would come too late to a short job. */
void
checksum_sample_at_async (ChecksumJob         *job,
                          double               fraction,
                          GAsyncReadyCallback  callback,
                          gpointer             user_data)
{
  GTask *task = g_task_new (NULL, NULL, callback, user_data);
  ChecksumWatch *watch = g_new0 (ChecksumWatch, 1);
  g_autoptr(GSource) source = g_timeout_source_new (WATCH_INTERVAL);

  watch->job = checksum_job_ref (job);
  watch->fraction = fraction;
  watch->last = checksum_sample_new (job, 0);
  g_task_set_source_tag (task, checksum_sample_at_async);
  g_task_set_task_data (task, watch, (GDestroyNotify) checksum_watch_free);

  g_source_set_callback (source, on_watch, task, g_object_unref);
  g_source_attach (source, thredo_get_main_context ());
}

ChecksumSample *
checksum_sample_at_finish (GAsyncResult *result)
{
  return g_task_propagate_pointer (G_TASK (result), NULL);
}
