/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include "thredo.h"

#include "checksum-record.h"

G_BEGIN_DECLS

/* SHA-256 of every file below a folder, by a group of threads. No user interface here: a job is
 * started, looked at from any thread, and joined. */
typedef struct _ChecksumJob ChecksumJob;

ChecksumJob *checksum_job_new (const char  *folder,
                               guint        n_workers,
                               GError     **error);
ChecksumJob *checksum_job_ref (ChecksumJob *job);
void checksum_job_unref (ChecksumJob *job);

gboolean checksum_job_start (ChecksumJob  *job,
                             GError      **error);
void checksum_job_cancel (ChecksumJob *job);
gboolean checksum_job_join (ChecksumJob  *job,
                            GError      **error);
void checksum_job_join_async (ChecksumJob         *job,
                              GAsyncReadyCallback  callback,
                              gpointer             user_data);
gboolean checksum_job_join_finish (ChecksumJob   *job,
                                   GAsyncResult  *result,
                                   GError       **error);

const char *checksum_job_get_folder (ChecksumJob *job);
guint checksum_job_get_n_workers (ChecksumJob *job);
ChecksumRecord *checksum_job_get_record (ChecksumJob *job);
char *checksum_job_dup_current_file (ChecksumJob  *job,
                                     ThredoThread *thread,
                                     gint64       *since);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (ChecksumJob, checksum_job_unref)

G_END_DECLS
