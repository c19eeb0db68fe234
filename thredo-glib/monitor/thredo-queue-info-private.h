/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include "thredo-queue-info.h"

/* What was seen of a queue, before it is made an object. */
typedef struct
{
  guint64 id;
  char *name;
  ThredoQueueOrder order;
  guint length;
  guint max_size;
  guint64 n_unfinished;
  guint n_getters;
  guint n_putters;
  gboolean is_closed;
} ThredoQueueSeen;

void thredo_queue_seen_clear (ThredoQueueSeen *self);
ThredoQueueInfo *thredo_queue_info_new (ThredoQueueSeen *seen);
