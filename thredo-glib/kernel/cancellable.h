/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include "mutex.h"

#include <gio/gio.h>

/* The GCancellable of a thread or a scope: a cancel of it is a cancel of its
 * level. */
typedef struct _ThredoLevel ThredoLevel;

#define THREDO_TYPE_CANCELLABLE (thredo_cancellable_get_type ())

G_DECLARE_FINAL_TYPE (ThredoCancellable, thredo_cancellable, THREDO, CANCELLABLE, GCancellable)

ThredoCancellable *thredo_cancellable_new (ThredoLevel *level);
void thredo_cancellable_set_level (ThredoCancellable *self,
                                   ThredoLevel       *level);
ThredoLevel *thredo_cancellable_peek_level (ThredoCancellable *self);
void thredo_cancellable_cascade (ThredoCancellable *self);
gboolean thredo_cancellable_is_untouched (ThredoCancellable *self);

void thredo_cancellable_fork_child (ThredoCancellable *self);

void thredo_cancel_from_loop (GPtrArray *cancellables);
