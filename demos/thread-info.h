/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include "checksum-job.h"

G_BEGIN_DECLS

/* One line of the table of threads, of one instant. */
typedef struct
{
  ThredoThread *thread;
  guint64 id;
  char *name;
  const char *state; /* "running", "waiting"… */
  char *activity;    /* what it waits for, or the file it hashes; may be empty */
  char *since;       /* how long it has been at that; may be empty */
  gboolean can_cancel;
  gboolean cancelling; /* was cancelled, and has not ended */
} ThreadInfo;

GPtrArray *thread_info_list (ChecksumJob *job);
void thread_info_free (ThreadInfo *info);

G_END_DECLS
