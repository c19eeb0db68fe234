/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include "thredo-signal-event.h"

#include "slot.h"

/* The same as thredo_signal_event_wait(), for calls that have a name of their own. */
int thredo_signal_event_wait_as (ThredoSignalEvent     *self,
                                 ThredoSlot            *slot,
                                 const ThredoWaitInfo  *info,
                                 gpointer               object,
                                 GCancellable          *cancellable,
                                 GError               **error);
