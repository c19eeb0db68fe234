/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include "thredo-ended-info.h"

/* What was seen of a thread that has ended, before it is made an object. */
typedef struct
{
  guint64 serial;
  guint64 id;
  char *name;
  ThredoThreadState state;
  char *message;
  gint64 ended_at;
  gint64 cpu_time;
} ThredoEndedSeen;

void thredo_ended_seen_clear (ThredoEndedSeen *self);
ThredoEndedInfo *thredo_ended_info_new (ThredoEndedSeen *seen);
