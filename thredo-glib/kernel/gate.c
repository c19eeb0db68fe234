/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "gate.h"

#define TURN 2u
#define TURN_REFUSED 1u

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
  /* Whoever waited for the gate to open may be the one to free it, before the one
   * who opened it has let go of the lock. */
  thredo_mutex_lock (&self->lock);
  thredo_mutex_unlock (&self->lock);
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

static void
begin_turn (ThredoGate *self,
            guint       how_the_last_ended)
{
  guint turn = atomic_load_explicit (&self->turn, memory_order_relaxed);

  atomic_store (&self->turn, ((turn + TURN) & ~TURN_REFUSED) | how_the_last_ended);
}

/* Whether the gate is open already, so that it need not be opened: then this is as
 * good as opening it. It is a swap, though it changes nothing, because a swap sees
 * the latest value, and whoever shuts the gate after it sees what came before it. A
 * load could find open what was shut just now by somebody who has then looked for
 * what the caller did, and not found it. */
gboolean
thredo_gate_keep_open (ThredoGate *self)
{
  return atomic_fetch_or (&self->value, 0) >= self->threshold;
}

/* Shuts the gate with a value below the threshold. The turn is over before the
 * value says so: who sees the gate shut after it was open sees the new turn, and
 * who is still in the old one comes while the gate is open. */
void
thredo_gate_shut (ThredoGate *self,
                  guint       value)
{
  g_assert (value < self->threshold);

  thredo_mutex_lock (&self->lock);
  if (thredo_gate_is_open (self))
    {
      begin_turn (self, 0);
      atomic_exchange (&self->value, value);
    }
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
  begin_turn (self, TURN_REFUSED);
  thredo_wait_list_claim_all (&self->waiting, THREDO_WAIT_REFUSED, batch);
  thredo_mutex_unlock (&self->lock);
}

/* What one who came in a turn need not wait for any more; IDLE if it must. */
static inline ThredoWaitState
look (ThredoGate *self,
      guint       turn)
{
  guint now;

  if (thredo_gate_is_open (self))
    return THREDO_WAIT_DONE;
  now = thredo_gate_get_turn (self);
  if (G_LIKELY (now == turn))
    return THREDO_WAIT_IDLE;
  return (now & TURN_REFUSED) != 0 ? THREDO_WAIT_REFUSED : THREDO_WAIT_DONE;
}

/* Lets an armed wait stand in line, or completes it at once if the gate is open
 * or the turn over. */
void
thredo_gate_line_up (ThredoGate *self,
                     ThredoWait *wait,
                     guint       turn)
{
  ThredoWakeBatch batch = THREDO_WAKE_BATCH_INIT;
  ThredoWaitState outcome;

  thredo_mutex_lock (&self->lock);
  outcome = look (self, turn);
  if (outcome != THREDO_WAIT_IDLE)
    thredo_wait_claim (wait, wait->token, outcome, &batch);
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

/* Blocks the calling thread, which the slot is of, until the gate is open, or was
 * since the turn (DONE), or the wait has another outcome. If it is a thread that
 * opens the gate, the owner says which, and NULL that anybody may; then REFUSED with
 * an error is for a wait that would close a cycle. */
ThredoWaitState
thredo_gate_wait (ThredoGate            *self,
                  ThredoSlot            *slot,
                  const ThredoWaitInfo  *info,
                  gpointer               object,
                  guint                  turn,
                  ThredoOwner           *owner,
                  GCancellable          *cancellable,
                  GError               **error)
{
  ThredoBlocked blocked = { owner, info, object, cancellable };
  ThredoWaitState outcome = look (self, turn);
  ThredoSpin spin;

  if (outcome == THREDO_WAIT_IDLE &&
      thredo_spin_begin (&spin, &slot->history, THREDO_SPIN_CLOSE))
    {
      while ((outcome = look (self, turn)) == THREDO_WAIT_IDLE && thredo_spin_step (&spin))
        ;
      thredo_spin_end (&spin, outcome != THREDO_WAIT_IDLE);
    }
  if (outcome != THREDO_WAIT_IDLE)
    return outcome;

  thredo_slot_prepare (slot, info);
  if (owner != NULL && !thredo_chain_declare (slot, &blocked, error))
    return THREDO_WAIT_REFUSED;
  thredo_wait_arm (&slot->wait);
  thredo_gate_line_up (self, &slot->wait, turn);
  outcome = thredo_slot_block (slot, info, object, cancellable);
  if (owner != NULL)
    thredo_chain_withdraw (slot);
  if (outcome != THREDO_WAIT_DONE)
    thredo_gate_step_out (self, &slot->wait);

  return outcome;
}
