/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "checksum-record.h"

#include <string.h>

typedef struct
{
  char *path;
  char *digest; /* in hexadecimal */
} ChecksumResult;

struct _ChecksumRecord
{
  GMutex mutex; /* guards all that follows */
  ChecksumProgress progress;
  guint64 files_queued;
  gint64 started_at;
  GPtrArray *results;  /* of ChecksumResult, which never change once in here */
  GPtrArray *problems; /* of ChecksumProblem, likewise */
};

static void
checksum_result_free (ChecksumResult *result)
{
  g_free (result->path);
  g_free (result->digest);
  g_free (result);
}

void
checksum_problem_free (ChecksumProblem *problem)
{
  g_free (problem->path);
  g_free (problem->message);
  g_free (problem);
}

static ChecksumProblem *
checksum_problem_new (ChecksumProblemKind  kind,
                      const char          *path,
                      const char          *message)
{
  ChecksumProblem *problem = g_new0 (ChecksumProblem, 1);

  problem->kind = kind;
  problem->path = g_strdup (path);
  problem->message = g_strdup (message);
  return problem;
}

ChecksumRecord *
checksum_record_new (void)
{
  ChecksumRecord *record = g_new0 (ChecksumRecord, 1);

  g_mutex_init (&record->mutex);
  record->results = g_ptr_array_new_with_free_func ((GDestroyNotify) checksum_result_free);
  record->problems = g_ptr_array_new_with_free_func ((GDestroyNotify) checksum_problem_free);
  return record;
}

void
checksum_record_free (ChecksumRecord *record)
{
  g_ptr_array_unref (record->results);
  g_ptr_array_unref (record->problems);
  g_mutex_clear (&record->mutex);
  g_free (record);
}

void
checksum_record_start (ChecksumRecord *record)
{
  g_mutex_lock (&record->mutex);
  record->started_at = g_get_monotonic_time ();
  g_mutex_unlock (&record->mutex);
}

void
checksum_record_end (ChecksumRecord *record)
{
  g_mutex_lock (&record->mutex);
  record->progress.elapsed = g_get_monotonic_time () - record->started_at;
  record->progress.ended = TRUE;
  g_mutex_unlock (&record->mutex);
}

void
checksum_record_set_counted (ChecksumRecord *record)
{
  g_mutex_lock (&record->mutex);
  record->progress.counted = TRUE;
  g_mutex_unlock (&record->mutex);
}

void
checksum_record_set_complete (ChecksumRecord *record)
{
  g_mutex_lock (&record->mutex);
  record->progress.complete = TRUE;
  g_mutex_unlock (&record->mutex);
}

void
checksum_record_count_file (ChecksumRecord *record,
                            guint64         size)
{
  g_mutex_lock (&record->mutex);
  record->progress.files_found++;
  record->progress.bytes_found += size;
  g_mutex_unlock (&record->mutex);
}

void
checksum_record_count_queued (ChecksumRecord *record)
{
  g_mutex_lock (&record->mutex);
  record->files_queued++;
  g_mutex_unlock (&record->mutex);
}

void
checksum_record_count_skipped (ChecksumRecord *record)
{
  g_mutex_lock (&record->mutex);
  record->progress.entries_skipped++;
  g_mutex_unlock (&record->mutex);
}

void
checksum_record_count_bytes (ChecksumRecord *record,
                             gsize           n_bytes)
{
  g_mutex_lock (&record->mutex);
  record->progress.bytes_done += n_bytes;
  g_mutex_unlock (&record->mutex);
}

void
checksum_record_add_digest (ChecksumRecord *record,
                            const char     *path,
                            const char     *digest)
{
  ChecksumResult *result = g_new0 (ChecksumResult, 1);

  result->path = g_strdup (path);
  result->digest = g_strdup (digest);

  g_mutex_lock (&record->mutex);
  record->progress.files_done++;
  g_ptr_array_add (record->results, result);
  g_mutex_unlock (&record->mutex);
}

void
checksum_record_add_problem (ChecksumRecord      *record,
                             ChecksumProblemKind  kind,
                             const char          *path,
                             const char          *message)
{
  g_mutex_lock (&record->mutex);
  if (kind == CHECKSUM_PROBLEM_NOT_DONE)
    record->progress.n_not_done++;
  else
    record->progress.n_errors++;
  g_ptr_array_add (record->problems, checksum_problem_new (kind, path, message));
  g_mutex_unlock (&record->mutex);
}

void
checksum_record_get_progress (ChecksumRecord   *record,
                              ChecksumProgress *progress)
{
  g_mutex_lock (&record->mutex);
  *progress = record->progress;
  /* The walker can be ahead of the counter, or the counter was cancelled. */
  progress->files_found = MAX (progress->files_found, record->files_queued);
  progress->bytes_found = MAX (progress->bytes_found, progress->bytes_done);
  if (!progress->ended && record->started_at != 0)
    progress->elapsed = g_get_monotonic_time () - record->started_at;
  g_mutex_unlock (&record->mutex);
}

/* From 0 to 1, by bytes; 1 only when nothing was left out. */
double
checksum_progress_get_fraction (const ChecksumProgress *progress)
{
  double fraction = 0;

  if (progress->complete && progress->ended)
    return 1;
  if (progress->bytes_found > 0)
    fraction = (double) progress->bytes_done / progress->bytes_found;
  return MIN (fraction, 0.99);
}

/* What could not be read or was left undone, without the @first so many, which the caller has seen
 * already. */
GPtrArray *
checksum_record_list_problems (ChecksumRecord *record,
                               guint           first)
{
  GPtrArray *problems = g_ptr_array_new_with_free_func ((GDestroyNotify) checksum_problem_free);

  g_mutex_lock (&record->mutex);
  for (guint i = first; i < record->problems->len; i++)
    {
      ChecksumProblem *problem = g_ptr_array_index (record->problems, i);

      g_ptr_array_add (problems,
                       checksum_problem_new (problem->kind, problem->path, problem->message));
    }
  g_mutex_unlock (&record->mutex);
  return problems;
}

static int
compare_results (gconstpointer a,
                 gconstpointer b)
{
  const ChecksumResult *first = *(const ChecksumResult *const *) a;
  const ChecksumResult *second = *(const ChecksumResult *const *) b;

  return strcmp (first->path, second->path);
}

/* One digest for all files done so far: the SHA-256 of what
 *
 *   find . -type f -print0 | LC_ALL=C sort -z | xargs -0r sha256sum -z
 *
 * prints in the folder. Sorted, so that it does not depend on which worker was the faster. */
char *
checksum_record_dup_total (ChecksumRecord *record)
{
  g_autoptr(GChecksum) total = g_checksum_new (G_CHECKSUM_SHA256);
  g_autoptr(GPtrArray) results = NULL;

  g_mutex_lock (&record->mutex);
  results = g_ptr_array_copy (record->results, NULL, NULL);
  g_mutex_unlock (&record->mutex);

  /* The copy borrows what it points to; the record keeps that. */
  g_ptr_array_set_free_func (results, NULL);
  g_ptr_array_sort (results, compare_results);
  for (guint i = 0; i < results->len; i++)
    {
      ChecksumResult *result = g_ptr_array_index (results, i);

      g_checksum_update (total, (const guchar *) result->digest, -1);
      g_checksum_update (total, (const guchar *) "  ./", -1);
      /* With the NUL, as `sha256sum -z` ends its lines. */
      g_checksum_update (total, (const guchar *) result->path, strlen (result->path) + 1);
    }
  return g_strdup (g_checksum_get_string (total));
}
