/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include "cancellable.h"
#include "slot.h"

/* One of the things that surround a thread and can end its waits: the thread
 * itself at the bottom, and each scope it has entered. A thread's levels form
 * a chain from the innermost outward, changed by that thread alone, under its
 * slot's lock.
 *
 * Lock order: timers, cancellable, level, slot. */
typedef enum
{
  THREDO_LEVEL_CANCELLED = 1 << 0,
  THREDO_LEVEL_EXPIRED = 1 << 1,
} ThredoLevelState;

struct _ThredoLevel
{
  _Atomic guint state; /* bits are set and never cleared */
  _Atomic gboolean shielded;
  _Atomic gint64 deadline;
  ThredoLevel *outer; /* guarded as the chain is */

  ThredoMutex lock; /* guards slot, and keeps it alive meanwhile */
  ThredoSlot *slot; /* where it is entered */

  ThredoTimer timer; /* guarded by the timers' lock */

  ThredoCancellable *_Atomic cancellable; /* made when first needed */
  _Atomic gboolean exposed;               /* somebody was given it */
};

/* GCancellables that follow a level, to be cancelled once no lock is held. */
typedef struct
{
  ThredoWakeBatch wakes;
  guint n;
  ThredoCancellable *few[4];
  GPtrArray *more;
} ThredoCancelBatch;

#define THREDO_CANCEL_BATCH_INIT { THREDO_WAKE_BATCH_INIT, 0 }

void thredo_cancel_batch_flush (ThredoCancelBatch *self);

void thredo_level_init (ThredoLevel *self);
void thredo_level_clear (ThredoLevel *self);
void thredo_level_enter (ThredoLevel *self,
                         ThredoSlot  *slot,
                         gboolean     push_current);
void thredo_level_enter_shield (ThredoLevel *self,
                                ThredoSlot  *slot);
void thredo_level_leave (ThredoLevel *self,
                         gboolean     pop_current);
void thredo_level_cancel (ThredoLevel *self);
void thredo_level_cancel_collect (ThredoLevel       *self,
                                  ThredoCancelBatch *batch);
void thredo_level_set_deadline (ThredoLevel *self,
                                gint64       deadline);
void thredo_level_set_shielded (ThredoLevel *self,
                                gboolean     shielded);
GCancellable *thredo_level_get_cancellable (ThredoLevel *self);
gboolean thredo_level_is_expired (ThredoLevel *self);
ThredoWaitState thredo_level_check (ThredoSlot *slot);
gboolean thredo_level_surrounds (ThredoSlot   *slot,
                                 GCancellable *cancellable);
gboolean thredo_level_keeps_cancel_out (ThredoSlot *slot);
gboolean thredo_level_ends_waits (ThredoSlot *slot);
void thredo_level_fork_child (ThredoSlot *slot);

/* Whether there is nothing to check: no scope, no cancel, no deadline. */
static inline gboolean
thredo_level_is_calm (ThredoSlot *slot)
{
  ThredoLevel *level = slot->innermost;

  return level != NULL && level->outer == NULL && atomic_load (&level->state) == 0 &&
         atomic_load_explicit (&level->deadline, memory_order_relaxed) == G_MAXINT64;
}

static inline gboolean
thredo_level_is_cancelled (ThredoLevel *self)
{
  return (atomic_load (&self->state) & THREDO_LEVEL_CANCELLED) != 0;
}

static inline gboolean
thredo_level_is_shielded (ThredoLevel *self)
{
  return atomic_load (&self->shielded);
}

static inline gint64
thredo_level_get_deadline (ThredoLevel *self)
{
  return atomic_load (&self->deadline);
}
