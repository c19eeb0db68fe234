/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "checksum-job.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "folder-walk.h"

/* The threads of a job, all in one group:
 *
 *   counter ── counts files and bytes, for the progress
 *   walker ─── put ──► queue "files" (bounded) ─── get ──► worker 1 … worker n
 *
 * The walker puts the path of every file, then waits until each was marked done, then closes the
 * queue, which ends the workers. Any of the threads can be cancelled on its own: without the
 * counter the total is unknown, without the walker the workers finish what is queued, without one
 * worker the others go on, and the last worker to leave takes the walker with it. */

#define QUEUE_SIZE 64           /* paths */
#define CHUNK_SIZE (256 * 1024) /* bytes between two looks at the cancellable: about 1 ms */

typedef struct
{
  ChecksumJob *job;
  ThredoThread *thread; /* not owned; NULL when it is not running */
  const char *path;     /* the file it has, not owned */
  gint64 since;         /* monotonic time at which it took that file */
} ChecksumWorker;

struct _ChecksumJob
{
  char *folder;
  int root_fd;
  ThredoGroup *group;
  ThredoQueue *queue;
  ThredoThread *walker;
  ChecksumRecord *record;
  guint n_workers;

  GMutex mutex; /* guards what follows */
  ChecksumWorker *workers;
  guint n_active; /* workers that have not left */
};

/* The walk */

static gboolean
count_entry (const FolderEntry  *entry,
             gpointer            user_data,
             GError            **error)
{
  ChecksumJob *job = user_data;

  if (entry->kind == FOLDER_ENTRY_FILE)
    checksum_record_count_file (job->record, entry->size);
  return TRUE;
}

static gboolean
run_counter (ThredoThread  *thread,
             gpointer       user_data,
             GError       **error)
{
  ChecksumJob *job = user_data;

  if (!folder_walk (job->root_fd, count_entry, job, error))
    return FALSE;

  checksum_record_set_counted (job->record);
  return TRUE;
}

static gboolean
feed_entry (const FolderEntry  *entry,
            gpointer            user_data,
            GError            **error)
{
  ChecksumJob *job = user_data;
  g_autofree char *path = NULL;

  switch (entry->kind)
    {
    case FOLDER_ENTRY_FILE:
      path = g_strdup (entry->path);
      if (!thredo_queue_put_pointer (job->queue, path, NULL, error))
        return FALSE;
      path = NULL; /* a worker's now */
      checksum_record_count_queued (job->record);
      break;

    case FOLDER_ENTRY_SKIPPED:
      checksum_record_count_skipped (job->record);
      break;

    case FOLDER_ENTRY_UNREADABLE:
      checksum_record_add_problem (job->record, CHECKSUM_PROBLEM_UNREADABLE,
                                   entry->path, entry->error->message);
      break;

    default:
      g_assert_not_reached ();
    }
  return TRUE;
}

static gboolean
run_walker (ThredoThread  *thread,
            gpointer       user_data,
            GError       **error)
{
  ChecksumJob *job = user_data;
  gboolean complete;

  complete = folder_walk (job->root_fd, feed_entry, job, error) &&
             thredo_queue_join (job->queue, NULL, error);
  if (complete)
    checksum_record_set_complete (job->record);
  thredo_queue_close (job->queue);
  return complete;
}

/* The workers */

static gboolean
set_error_from_errno (GError **error)
{
  int errsv = errno;

  g_set_error_literal (error, G_IO_ERROR, g_io_error_from_errno (errsv), g_strerror (errsv));
  return FALSE;
}

static gboolean
hash_open_file (ChecksumJob  *job,
                int           fd,
                guint8       *chunk,
                GChecksum    *checksum,
                GError      **error)
{
  struct stat info;
  gssize n_read;

  if (fstat (fd, &info) != 0)
    return set_error_from_errno (error);
  if (!S_ISREG (info.st_mode))
    {
      g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_NOT_REGULAR_FILE,
                           "No longer a regular file");
      return FALSE;
    }

  while (thredo_check_cancelled (NULL, error))
    {
      do
        n_read = read (fd, chunk, CHUNK_SIZE);
      while (n_read < 0 && errno == EINTR);

      if (n_read < 0)
        return set_error_from_errno (error);
      if (n_read == 0)
        return TRUE;
      g_checksum_update (checksum, chunk, n_read);
      checksum_record_count_bytes (job->record, n_read);
    }
  return FALSE;
}

static gboolean
hash_file (ChecksumJob  *job,
           const char   *path,
           guint8       *chunk,
           GChecksum    *checksum,
           GError      **error)
{
  gboolean success;
  int fd;

  /* Without O_NONBLOCK, a pipe put in the file's place would hold the worker up. */
  fd = openat (job->root_fd, path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
  if (fd < 0)
    return set_error_from_errno (error);

  g_checksum_reset (checksum);
  success = hash_open_file (job, fd, chunk, checksum, error);
  close (fd);
  return success;
}

/* Returns FALSE only when the calling worker was cancelled. */
static gboolean
process_file (ChecksumWorker  *worker,
              const char      *path,
              guint8          *chunk,
              GChecksum       *checksum,
              GError         **error)
{
  ChecksumJob *job = worker->job;
  g_autoptr(GError) local_error = NULL;
  g_autofree char *message = NULL;

  if (hash_file (job, path, chunk, checksum, &local_error))
    {
      checksum_record_add_digest (job->record, path, g_checksum_get_string (checksum));
      return TRUE;
    }

  if (!g_error_matches (local_error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    {
      checksum_record_add_problem (job->record, CHECKSUM_PROBLEM_UNREADABLE,
                                   path, local_error->message);
      return TRUE;
    }

  message = g_strdup_printf ("Not done: %s was cancelled", thredo_thread_get_name (worker->thread));
  checksum_record_add_problem (job->record, CHECKSUM_PROBLEM_NOT_DONE, path, message);
  g_propagate_error (error, g_steal_pointer (&local_error));
  return FALSE;
}

static void
set_current_file (ChecksumWorker *worker,
                  const char     *path)
{
  g_mutex_lock (&worker->job->mutex);
  worker->path = path;
  worker->since = g_get_monotonic_time ();
  g_mutex_unlock (&worker->job->mutex);
}

static void
leave_worker (ChecksumWorker *worker)
{
  ChecksumJob *job = worker->job;
  gboolean last;

  g_mutex_lock (&job->mutex);
  worker->thread = NULL;
  last = --job->n_active == 0;
  g_mutex_unlock (&job->mutex);

  /* Nobody is left to empty the queue the walker puts to and waits for. */
  if (last && !thredo_queue_is_closed (job->queue))
    thredo_thread_cancel (job->walker);
}

static gboolean
run_worker (ThredoThread  *thread,
            gpointer       user_data,
            GError       **error)
{
  ChecksumWorker *worker = user_data;
  ChecksumJob *job = worker->job;
  g_autoptr(GChecksum) checksum = g_checksum_new (G_CHECKSUM_SHA256);
  g_autofree guint8 *chunk = g_malloc (CHUNK_SIZE);
  g_autoptr(GError) local_error = NULL;
  gboolean going_on = TRUE;
  char *path;

  g_mutex_lock (&job->mutex);
  worker->thread = thread;
  g_mutex_unlock (&job->mutex);

  while (going_on && (path = thredo_queue_get_pointer (job->queue, NULL, &local_error)) != NULL)
    {
      set_current_file (worker, path);
      going_on = process_file (worker, path, chunk, checksum, &local_error);
      set_current_file (worker, NULL);
      g_free (path);
      /* Also for a file left undone: it is accounted for, and the walker need not wait for it. */
      thredo_queue_task_done (job->queue, NULL);
    }

  leave_worker (worker);
  if (g_error_matches (local_error, G_IO_ERROR, G_IO_ERROR_CLOSED))
    return TRUE;
  g_propagate_error (error, g_steal_pointer (&local_error));
  return FALSE;
}

static void
release_worker (gpointer user_data)
{
  ChecksumWorker *worker = user_data;

  checksum_job_unref (worker->job);
}

/* The job */

/* Opens @folder, so that a wrong one is told at once; nothing is started yet. */
ChecksumJob *
checksum_job_new (const char  *folder,
                  guint        n_workers,
                  GError     **error)
{
  ChecksumJob *job;
  int fd = open (folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

  if (fd < 0)
    {
      int errsv = errno;

      g_set_error (error, G_IO_ERROR, g_io_error_from_errno (errsv), "%s: %s",
                   folder, g_strerror (errsv));
      return NULL;
    }

  job = g_atomic_rc_box_new0 (ChecksumJob);
  job->folder = g_strdup (folder);
  job->root_fd = fd;
  job->n_workers = MAX (n_workers, 1);
  job->workers = g_new0 (ChecksumWorker, job->n_workers);
  job->record = checksum_record_new ();
  job->queue = thredo_queue_new_full (THREDO_QUEUE_ORDER_FIFO, QUEUE_SIZE, g_free);
  thredo_queue_set_name (job->queue, "files");
  job->group = thredo_group_new (THREDO_GROUP_WAIT_ALL);
  thredo_group_set_name (job->group, "checksum");
  g_mutex_init (&job->mutex);
  return job;
}

ChecksumJob *
checksum_job_ref (ChecksumJob *job)
{
  return g_atomic_rc_box_acquire (job);
}

static void
checksum_job_clear (ChecksumJob *job)
{
  close (job->root_fd);
  g_object_unref (job->group);
  g_object_unref (job->queue);
  g_clear_object (&job->walker);
  checksum_record_free (job->record);
  g_mutex_clear (&job->mutex);
  g_free (job->workers);
  g_free (job->folder);
}

void
checksum_job_unref (ChecksumJob *job)
{
  g_atomic_rc_box_release_full (job, (GDestroyNotify) checksum_job_clear);
}

static gboolean
spawn_worker (ChecksumJob  *job,
              guint         number,
              GError      **error)
{
  ChecksumWorker *worker = &job->workers[number - 1];
  g_autofree char *name = g_strdup_printf ("worker %u", number);
  g_autoptr(ThredoThread) thread = NULL;

  g_mutex_lock (&job->mutex);
  worker->job = checksum_job_ref (job);
  job->n_active++;
  g_mutex_unlock (&job->mutex);

  thread = thredo_group_spawn (job->group, name, run_worker, worker, release_worker, error);
  if (thread != NULL)
    return TRUE;

  g_mutex_lock (&job->mutex);
  job->n_active--;
  g_mutex_unlock (&job->mutex);
  return FALSE;
}

/* Starts every thread of the job; none of this waits. When one cannot be started, the others are
 * cancelled. Join the job in either case. */
gboolean
checksum_job_start (ChecksumJob  *job,
                    GError      **error)
{
  g_autoptr(ThredoThread) counter = NULL;
  gboolean success;

  checksum_record_start (job->record);

  /* The walker first: a worker that leaves must find it. */
  job->walker = thredo_group_spawn (job->group, "walker", run_walker, checksum_job_ref (job),
                                    (GDestroyNotify) checksum_job_unref, error);
  success = job->walker != NULL;
  if (success)
    counter = thredo_group_spawn (job->group, "counter", run_counter, checksum_job_ref (job),
                                  (GDestroyNotify) checksum_job_unref, error);
  success = counter != NULL;
  for (guint i = 1; success && i <= job->n_workers; i++)
    success = spawn_worker (job, i, error);

  if (!success)
    thredo_group_cancel (job->group);
  return success;
}

/* Asks every thread to end, and returns at once. */
void
checksum_job_cancel (ChecksumJob *job)
{
  thredo_group_cancel (job->group);
}

/* Waits until every thread has ended. A cancel of the caller cancels them first. */
gboolean
checksum_job_join (ChecksumJob  *job,
                   GError      **error)
{
  gboolean success = thredo_group_join (job->group, NULL, error);

  checksum_record_end (job->record);
  return success;
}

static void
on_group_joined (GObject      *source,
                 GAsyncResult *result,
                 gpointer      user_data)
{
  g_autoptr(GTask) task = user_data;
  ChecksumJob *job = g_task_get_task_data (task);
  GError *error = NULL;

  checksum_record_end (job->record);
  if (thredo_group_join_finish (THREDO_GROUP (source), result, &error))
    g_task_return_boolean (task, TRUE);
  else
    g_task_return_error (task, error);
}

void
checksum_job_join_async (ChecksumJob         *job,
                         GAsyncReadyCallback  callback,
                         gpointer             user_data)
{
  GTask *task = g_task_new (NULL, NULL, callback, user_data);

  g_task_set_source_tag (task, checksum_job_join_async);
  g_task_set_task_data (task, checksum_job_ref (job), (GDestroyNotify) checksum_job_unref);
  thredo_group_join_async (job->group, NULL, on_group_joined, task);
}

gboolean
checksum_job_join_finish (ChecksumJob   *job,
                          GAsyncResult  *result,
                          GError       **error)
{
  return g_task_propagate_boolean (G_TASK (result), error);
}

const char *
checksum_job_get_folder (ChecksumJob *job)
{
  return job->folder;
}

guint
checksum_job_get_n_workers (ChecksumJob *job)
{
  return job->n_workers;
}

ChecksumRecord *
checksum_job_get_record (ChecksumJob *job)
{
  return job->record;
}

/* The file a worker is at and the monotonic time at which it took it, or NULL. */
char *
checksum_job_dup_current_file (ChecksumJob  *job,
                               ThredoThread *thread,
                               gint64       *since)
{
  char *path = NULL;

  g_mutex_lock (&job->mutex);
  for (guint i = 0; i < job->n_workers; i++)
    if (job->workers[i].thread == thread && job->workers[i].path != NULL)
      {
        path = g_strdup (job->workers[i].path);
        *since = job->workers[i].since;
      }
  g_mutex_unlock (&job->mutex);
  return path;
}
