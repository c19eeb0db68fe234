/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include "thredo-thread-info.h"

/* What was seen of a thread, before it is made an object. */
typedef struct
{
  ThredoThread *thread;
  guint64 id;
  char *name;
  ThredoThreadState state;
  char *waiting_for;
  gint64 waiting_since;
  guint64 n_waits;
  gint64 cpu_time;
  guint64 group_id;
  char **group_path;
  guint64 *group_ids;
  gsize n_group_ids;
  gboolean is_daemon;
  gboolean is_cancelled;
  gboolean is_shielded;
  char **held;
} ThredoThreadSeen;

void thredo_thread_seen_clear (ThredoThreadSeen *self);
ThredoThreadInfo *thredo_thread_info_new (ThredoThreadSeen *seen);
void thredo_thread_info_update (ThredoThreadInfo *self,
                                ThredoThreadSeen *seen);
