/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "gate.h"

void
thredo_gate_init (ThredoGate *self,
                  guint       threshold)
{
  self->threshold = threshold;
  thredo_mutex_init (&self->lock);
}

void
thredo_gate_clear (ThredoGate *self)
{
  thredo_mutex_clear (&self->lock);
}

/* Stores a value that leaves the gate shut. */
void
thredo_gate_set (ThredoGate *self,
                 guint       value)
{
  g_assert (value < self->threshold);
  atomic_store_explicit (&self->value, value, memory_order_release);
}

/* Opens the gate, for all who wait and all who come. */
void
thredo_gate_open (ThredoGate      *self,
                  guint            value,
                  ThredoWakeBatch *batch)
{
  g_assert (value >= self->threshold);

  thredo_mutex_lock (&self->lock);
  atomic_store_explicit (&self->value, value, memory_order_release);
  thredo_wait_list_claim_all (&self->waiting, THREDO_WAIT_DONE, batch);
  thredo_mutex_unlock (&self->lock);
}

/* Stores a value that leaves the gate shut, and sends home who waits (REFUSED):
 * it may never open. */
void
thredo_gate_refuse (ThredoGate      *self,
                    guint            value,
                    ThredoWakeBatch *batch)
{
  thredo_mutex_lock (&self->lock);
  thredo_gate_set (self, value);
  atomic_fetch_add (&self->turn, 1);
  thredo_wait_list_claim_all (&self->waiting, THREDO_WAIT_REFUSED, batch);
  thredo_mutex_unlock (&self->lock);
}

/* Lets an armed wait stand in line, or completes it at once if the gate is open
 * or the turn over. */
void
thredo_gate_line_up (ThredoGate *self,
                     ThredoWait *wait,
                     guint       turn)
{
  ThredoWakeBatch batch = THREDO_WAKE_BATCH_INIT;

  thredo_mutex_lock (&self->lock);
  if (thredo_gate_is_open (self))
    thredo_wait_claim (wait, wait->token, THREDO_WAIT_DONE, &batch);
  else if (atomic_load (&self->turn) != turn)
    thredo_wait_claim (wait, wait->token, THREDO_WAIT_REFUSED, &batch);
  else
    thredo_wait_list_append (&self->waiting, wait);
  thredo_mutex_unlock (&self->lock);

  thredo_wake_batch_flush (&batch);
}

void
thredo_gate_step_out (ThredoGate *self,
                      ThredoWait *wait)
{
  thredo_mutex_lock (&self->lock);
  if (wait->list != NULL)
    thredo_wait_list_remove (&self->waiting, wait);
  thredo_mutex_unlock (&self->lock);
}

/* Blocks the calling thread, which the slot is of, until the gate is open
 * (DONE) or the wait has another outcome. */
ThredoWaitState
thredo_gate_wait (ThredoGate           *self,
                  ThredoSlot           *slot,
                  const ThredoWaitInfo *info,
                  gpointer              object,
                  guint                 turn,
                  GCancellable         *cancellable)
{
  ThredoWaitState outcome;
  ThredoSpin spin;
  gboolean is_open = thredo_gate_is_open (self);

  if (!is_open && thredo_spin_begin (&spin, &slot->history, THREDO_SPIN_CLOSE))
    {
      while (!(is_open = thredo_gate_is_open (self)) && thredo_spin_step (&spin))
        ;
      thredo_spin_end (&spin, is_open);
    }
  if (is_open)
    return THREDO_WAIT_DONE;

  thredo_slot_prepare (slot, info);
  thredo_wait_arm (&slot->wait);
  thredo_gate_line_up (self, &slot->wait, turn);
  outcome = thredo_slot_block (slot, info, object, cancellable);
  if (outcome != THREDO_WAIT_DONE)
    thredo_gate_step_out (self, &slot->wait);

  return outcome;
}
