/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include "chain.h"
#include "slot.h"

/* A value that others wait to change: a thread's state, which stays what it is
 * when the thread has ended, or whether an event is set.
 *
 * The gate is shut while the value is below the threshold. Values below it are
 * stored by whoever owns the gate. The one that opens it is stored under the
 * lock, so that who stands in line under the lock has seen it, or is seen. It
 * is a release of all that came before, and to read it an acquire.
 *
 * Who waits may also be refused, when what was to open the gate will not come. A
 * refusal begins a new turn: who has looked at the value, in one turn, and lines
 * up in the next, is refused too.
 *
 * A gate that was opened may be shut again, which begins a new turn as well: all
 * who came in a turn before pass, also those who only looked and saw neither the
 * one nor the other. The lowest bit of the turn says how the last one ended, so a
 * gate is either refused or shut, not both. */
typedef struct
{
  _Atomic guint value;
  _Atomic guint turn;
  guint threshold;
  ThredoMutex lock;
  ThredoWaitList waiting;
} ThredoGate;

void thredo_gate_init (ThredoGate *self,
                       guint       threshold);
void thredo_gate_clear (ThredoGate *self);
void thredo_gate_set (ThredoGate *self,
                      guint       value);
void thredo_gate_open (ThredoGate      *self,
                       guint            value,
                       ThredoWakeBatch *batch);
gboolean thredo_gate_keep_open (ThredoGate *self);
void thredo_gate_shut (ThredoGate *self,
                       guint       value);
void thredo_gate_refuse (ThredoGate      *self,
                         guint            value,
                         ThredoWakeBatch *batch);
ThredoWaitState thredo_gate_wait (ThredoGate            *self,
                                  ThredoSlot            *slot,
                                  const ThredoWaitInfo  *info,
                                  gpointer               object,
                                  guint                  turn,
                                  ThredoOwner           *owner,
                                  GCancellable          *cancellable,
                                  GError               **error);
void thredo_gate_line_up (ThredoGate *self,
                          ThredoWait *wait,
                          guint       turn);
void thredo_gate_step_out (ThredoGate *self,
                           ThredoWait *wait);

/* To be read before the value. */
static inline guint
thredo_gate_get_turn (ThredoGate *self)
{
  return atomic_load_explicit (&self->turn, memory_order_acquire);
}

static inline guint
thredo_gate_get (ThredoGate *self)
{
  return atomic_load_explicit (&self->value, memory_order_acquire);
}

static inline gboolean
thredo_gate_is_open (ThredoGate *self)
{
  return thredo_gate_get (self) >= self->threshold;
}
