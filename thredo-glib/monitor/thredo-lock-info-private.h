/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include "thredo-lock-info.h"

/* What was seen of a lock, before it is made an object. */
typedef struct
{
  guint64 id;
  char *name;
  char *noun;
  guint64 owner_id;
  char *owner_name;
  guint n_waiting;
  guint64 *waiting_ids;
  gsize n_waiting_ids;
  gboolean is_abandoned;
} ThredoLockSeen;

void thredo_lock_seen_clear (ThredoLockSeen *self);
ThredoLockInfo *thredo_lock_info_new (ThredoLockSeen *seen);
