/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include "checksum-job.h"

G_BEGIN_DECLS

/* All there is to show of a job, of one instant. */
typedef struct
{
  ChecksumProgress progress;
  GPtrArray *threads;  /* of ThreadInfo */
  GPtrArray *problems; /* of ChecksumProblem, without those seen before */
} ChecksumSample;

ChecksumSample *checksum_sample_new (ChecksumJob *job,
                                     guint        first_problem);
void checksum_sample_free (ChecksumSample *sample);

void checksum_sample_at_async (ChecksumJob         *job,
                               double               fraction,
                               GAsyncReadyCallback  callback,
                               gpointer             user_data);
ChecksumSample *checksum_sample_at_finish (GAsyncResult *result);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (ChecksumSample, checksum_sample_free)

G_END_DECLS
