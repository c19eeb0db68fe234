/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include "hold.h"
#include "thredo-blocking-private.h"
#include "thredo-thread.h"

/* What the types of locks have in common: waiting for a hold. */

gboolean thredo_hold_acquire_slow (ThredoHold            *self,
                                   ThredoSlot            *slot,
                                   const ThredoWaitInfo  *info,
                                   GCancellable          *cancellable,
                                   GError               **error);
void thredo_hold_reacquire (ThredoHold           *self,
                            ThredoSlot           *slot,
                            const ThredoWaitInfo *info);
void thredo_hold_acquire_async (ThredoHold           *self,
                                const ThredoWaitInfo *info,
                                guint                *depth,
                                guint                 to_depth,
                                GCancellable         *cancellable,
                                gpointer              tag,
                                GAsyncReadyCallback   callback,
                                gpointer              user_data);
gboolean thredo_hold_try_take (ThredoHold *self,
                               ThredoSlot *slot);
gboolean thredo_hold_check_owned (ThredoHold  *self,
                                  ThredoSlot  *slot,
                                  GError     **error);
gboolean thredo_hold_is_abandoned (ThredoHold *self);
void thredo_hold_dispose (ThredoHold *self);
