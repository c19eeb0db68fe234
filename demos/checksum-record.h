/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include "thredo.h"

G_BEGIN_DECLS

/* What a job has found and done so far. The job's threads write it, whoever shows it reads it, at
 * any time and from any thread. */
typedef struct _ChecksumRecord ChecksumRecord;

/* All of one instant. */
typedef struct
{
  guint64 files_found;
  guint64 bytes_found;
  guint64 files_done;
  guint64 bytes_done;      /* also of files that are not finished */
  guint64 entries_skipped; /* symbolic links, sockets, devices… */
  guint n_errors;          /* files and folders that could not be read */
  guint n_not_done;        /* files whose worker was cancelled over them */
  gboolean counted;        /* files_found and bytes_found are final */
  gboolean complete;       /* every file was reached */
  gboolean ended;          /* every thread has ended and was joined */
  gint64 elapsed;          /* microseconds since the start, up to the end */
} ChecksumProgress;

typedef enum
{
  CHECKSUM_PROBLEM_UNREADABLE,
  CHECKSUM_PROBLEM_NOT_DONE,
} ChecksumProblemKind;

typedef struct
{
  ChecksumProblemKind kind;
  char *path;
  char *message;
} ChecksumProblem;

ChecksumRecord *checksum_record_new (void);
void checksum_record_free (ChecksumRecord *record);

void checksum_record_start (ChecksumRecord *record);
void checksum_record_end (ChecksumRecord *record);
void checksum_record_set_counted (ChecksumRecord *record);
void checksum_record_set_complete (ChecksumRecord *record);
void checksum_record_count_file (ChecksumRecord *record,
                                 guint64         size);
void checksum_record_count_queued (ChecksumRecord *record);
void checksum_record_count_skipped (ChecksumRecord *record);
void checksum_record_count_bytes (ChecksumRecord *record,
                                  gsize           n_bytes);
void checksum_record_add_digest (ChecksumRecord *record,
                                 const char     *path,
                                 const char     *digest);
void checksum_record_add_problem (ChecksumRecord      *record,
                                  ChecksumProblemKind  kind,
                                  const char          *path,
                                  const char          *message);

void checksum_record_get_progress (ChecksumRecord   *record,
                                   ChecksumProgress *progress);
GPtrArray *checksum_record_list_problems (ChecksumRecord *record,
                                          guint           first);
char *checksum_record_dup_total (ChecksumRecord *record);

double checksum_progress_get_fraction (const ChecksumProgress *progress);
void checksum_problem_free (ChecksumProblem *problem);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (ChecksumProblem, checksum_problem_free)

G_END_DECLS
