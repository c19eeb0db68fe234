/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include "level.h"
#include "loop.h"
#include "slot.h"

/* What the blocking calls of all types have in common. */

gboolean thredo_blocking_check (ThredoSlot            *slot,
                                const ThredoWaitInfo  *info,
                                GCancellable          *cancellable,
                                GError               **error);
gboolean thredo_blocking_set_error (ThredoSlot            *slot,
                                    const ThredoWaitInfo  *info,
                                    ThredoWaitState        outcome,
                                    GCancellable          *cancellable,
                                    GError               **error);

/* What every blocking call asks first, also when it need not block. */
static inline gboolean
thredo_blocking_begin (ThredoSlot            *slot,
                       const ThredoWaitInfo  *info,
                       GCancellable          *cancellable,
                       GError               **error)
{
  return G_LIKELY (cancellable == NULL && !slot->is_loop && thredo_level_is_calm (slot)) ||
         thredo_blocking_check (slot, info, cancellable, error);
}

/* Says "Thread", "Queue 'jobs'" and the like for messages. */
#define THREDO_NAME_FORMAT "%s%s%s"
#define THREDO_NAME_ARGS(name) \
  (name) != NULL ? " '" : "", (name) != NULL ? (name) : "", (name) != NULL ? "'" : ""
