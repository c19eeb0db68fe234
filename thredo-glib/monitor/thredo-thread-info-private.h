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
  char **held;
} ThredoThreadSeen;

ThredoThreadInfo *thredo_thread_info_new (ThredoThreadSeen *seen);
