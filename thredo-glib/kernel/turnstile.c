/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "turnstile.h"

/* Whose a lock is that was handed to a task, until the task's thread adopts it. */
static _Alignas(8) ThredoSlot in_transit;

void
thredo_turnstile_init (ThredoTurnstile *self,
                       gboolean         counts)
{
  self->counts = counts;
  thredo_mutex_init (&self->lock);
}

void
thredo_turnstile_clear (ThredoTurnstile *self)
{
  /* The one who was waited for may be in here still, after handing over to the one
   * who now frees it. */
  thredo_mutex_lock (&self->lock);
  g_assert (self->line.first == NULL);
  thredo_mutex_unlock (&self->lock);
  thredo_mutex_clear (&self->lock);
}

static inline gboolean
is_free (ThredoTurnstile *self,
         guintptr         word)
{
  return self->counts ? word >= THREDO_TURNSTILE_PERMIT : (word & ~THREDO_OWNER_FLAGS) == 0;
}

static inline guintptr
get_taken (ThredoTurnstile *self,
           guintptr         word,
           ThredoSlot      *slot)
{
  return self->counts ? word - THREDO_TURNSTILE_PERMIT : word | (guintptr) slot;
}

/* Acquire, for what the one before has left; a failure tells nothing. */
static inline gboolean
swap (ThredoTurnstile *self,
      guintptr        *word,
      guintptr         desired)
{
  return atomic_compare_exchange_strong_explicit (&self->word.word, word, desired,
                                                  memory_order_acq_rel, memory_order_relaxed);
}

/* Takes what is free, whoever stands in line. */
gboolean
thredo_turnstile_take (ThredoTurnstile *self,
                       ThredoSlot      *slot)
{
  guintptr word = thredo_turnstile_get_word (self);

  while (is_free (self, word))
    {
      if (swap (self, &word, get_taken (self, word, slot)))
        return TRUE;
    }
  return FALSE;
}

/* The same, and if it is taken sees to it that whoever gives it back comes for
 * the lock. Under the lock. */
static gboolean
take_or_flag (ThredoTurnstile *self,
              ThredoSlot      *slot)
{
  guintptr word = thredo_turnstile_get_word (self);

  for (;;)
    {
      if (is_free (self, word))
        {
          if (swap (self, &word, get_taken (self, word, slot)))
            return TRUE;
        }
      else if (self->awake != NULL || (word & THREDO_TURNSTILE_LINED) != 0 ||
               swap (self, &word, word | THREDO_TURNSTILE_LINED))
        {
          return FALSE;
        }
    }
}

static inline gint64
barging_ends (void)
{
  return g_get_monotonic_time () + THREDO_TURNSTILE_BARGING;
}

/* Takes the first out of the line, whose successor is first from now on. */
static ThredoWait *
pop_first (ThredoTurnstile *self)
{
  ThredoWait *wait = thredo_wait_list_pop (&self->line);

  if (self->line.first != NULL)
    self->hand_over_at = barging_ends ();
  return wait;
}

/* Hands a task what is free. */
static void
serve_task (ThredoTurnstile *self,
            ThredoWakeBatch *batch)
{
  ThredoWait *wait = self->line.first;
  ThredoTicket *ticket = wait->payload;
  guintptr word;

  if (!thredo_turnstile_take (self, &in_transit))
    return;
  pop_first (self);
  ticket->granted = TRUE;
  if (thredo_wait_claim (wait, wait->token, THREDO_WAIT_DONE, batch))
    return;

  word = thredo_turnstile_get_word (self);
  while (!swap (self, &word,
                self->counts ? word + THREDO_TURNSTILE_PERMIT
                             : word & THREDO_OWNER_FLAGS & ~THREDO_TURNSTILE_LINED))
    ;
}

/* Restores the invariant. Under the lock. */
static void
settle (ThredoTurnstile *self,
        ThredoWakeBatch *batch)
{
  while (self->line.first != NULL && self->awake == NULL)
    {
      guintptr word = thredo_turnstile_get_word (self);
      ThredoTicket *first = self->line.first->payload;

      if (!is_free (self, word))
        {
          if ((word & THREDO_TURNSTILE_LINED) != 0 ||
              swap (self, &word, word | THREDO_TURNSTILE_LINED))
            return;
        }
      else if (first->slot == NULL)
        {
          serve_task (self, batch);
        }
      else if (thredo_wait_claim (self->line.first, self->line.first->token, THREDO_WAIT_DONE,
                                  batch))
        {
          self->awake = self->line.first;
        }
      else
        {
          pop_first (self); /* it is on its way out, however long that takes */
        }
    }
}

/* Hands what the caller gives back to the first who still waits. Whoever was
 * cancelled looks for a moment like the owner, but cannot know before it has the
 * lock. Under the lock. `leave` is what is to stay in the word; what was in it is
 * added to `flags`. */
static gboolean
hand_over (ThredoTurnstile *self,
           guintptr         leave,
           guintptr        *flags,
           ThredoWakeBatch *batch)
{
  ThredoWait *wait;

  while ((wait = self->line.first) != NULL)
    {
      ThredoTicket *ticket = wait->payload;

      pop_first (self);
      if (!self->counts)
        {
          ThredoSlot *slot = ticket->slot != NULL ? ticket->slot : &in_transit;
          guintptr lined = self->line.first != NULL ? THREDO_TURNSTILE_LINED : 0;
          guintptr word = thredo_turnstile_get_word (self);

          while (!swap (self, &word, (guintptr) slot | leave | lined))
            ;
          *flags |= word & THREDO_OWNER_FLAGS;
        }
      ticket->granted = TRUE;
      if (thredo_wait_claim (wait, wait->token, THREDO_WAIT_DONE, batch))
        return TRUE;
    }
  return FALSE;
}

static inline gboolean
is_hand_over_due (ThredoTurnstile *self)
{
  return self->line.first != NULL && self->awake == NULL &&
         (((ThredoTicket *) self->line.first->payload)->slot == NULL ||
          g_get_monotonic_time () >= self->hand_over_at);
}

/* Gives a lock back in the way that always works. `leave` are flags for the next
 * owner. Returns the flags that were up. */
guintptr
thredo_turnstile_give_back (ThredoTurnstile *self,
                            guintptr         leave)
{
  ThredoWakeBatch batch = THREDO_WAKE_BATCH_INIT;
  guintptr flags = 0;

  thredo_mutex_lock (&self->lock);
  if (!is_hand_over_due (self) || !hand_over (self, leave, &flags, &batch))
    {
      guintptr word = thredo_turnstile_get_word (self);

      while (!swap (self, &word, leave))
        ;
      flags |= word & THREDO_OWNER_FLAGS;
      settle (self, &batch);
    }
  thredo_mutex_unlock (&self->lock);
  thredo_wake_batch_flush (&batch);

  return flags;
}

static gboolean
add_permits (ThredoTurnstile *self,
             guintptr        *word,
             guint            n,
             guint            most,
             gboolean        *added)
{
  *added = FALSE;
  if (n > most || *word / THREDO_TURNSTILE_PERMIT > most - n)
    return TRUE;
  *added = swap (self, word,
                 (*word & ~(guintptr) THREDO_TURNSTILE_LINED) + n * THREDO_TURNSTILE_PERMIT);
  return *added;
}

/* Gives n permits, unless there would be more than `most`. */
gboolean
thredo_turnstile_give_permits (ThredoTurnstile *self,
                               guint            n,
                               guint            most)
{
  ThredoWakeBatch batch = THREDO_WAKE_BATCH_INIT;
  guintptr word = thredo_turnstile_get_word (self);
  guintptr flags = 0;
  gboolean added;

  while ((word & THREDO_TURNSTILE_LINED) == 0)
    {
      if (add_permits (self, &word, n, most, &added))
        return added;
    }

  thredo_mutex_lock (&self->lock);
  /* While LINED is up there is none, and it is up until we take it down. */
  word = thredo_turnstile_get_word (self);
  if ((word & THREDO_TURNSTILE_LINED) != 0 && n <= most)
    {
      while (n > 0 && is_hand_over_due (self) && hand_over (self, 0, &flags, &batch))
        n--;
    }
  while (!add_permits (self, &word, n, most, &added))
    ;
  settle (self, &batch);
  thredo_mutex_unlock (&self->lock);
  thredo_wake_batch_flush (&batch);

  return added;
}

static gboolean
spin (ThredoTurnstile *self,
      ThredoSlot      *slot)
{
  ThredoSpinManner manner = self->counts ? THREDO_SPIN_AT_A_DISTANCE : THREDO_SPIN_FROM_AFAR;
  gboolean paid = FALSE;
  ThredoSpin spin;

  if (thredo_spin_begin (&spin, &slot->history, manner))
    {
      do
        paid = thredo_turnstile_take (self, slot);
      while (!paid && thredo_spin_step (&spin));
      thredo_spin_end (&spin, paid);
    }
  return paid;
}

static void
leave_line (ThredoTurnstile *self,
            ThredoWait      *wait,
            ThredoWakeBatch *batch)
{
  gboolean was_first = self->line.first == wait;

  if (wait->list == NULL)
    return;
  thredo_wait_list_remove (&self->line, wait);
  if (self->awake == wait)
    self->awake = NULL;
  if (was_first && self->line.first != NULL)
    self->hand_over_at = barging_ends ();
  settle (self, batch);
}

/* Puts the armed wait in line, unless the thing is free after all. */
static gboolean
take_or_line_up (ThredoTurnstile *self,
                 ThredoSlot      *slot)
{
  if (take_or_flag (self, slot))
    return TRUE;
  thredo_wait_arm (&slot->wait);
  thredo_wait_list_append (&self->line, &slot->wait);
  if (self->line.length == 1)
    self->hand_over_at = barging_ends ();
  return FALSE;
}

/* The woken one, first in line: takes it, or waits again where it stands. */
static gboolean
take_or_wait_on (ThredoTurnstile *self,
                 ThredoSlot      *slot,
                 gboolean         taken)
{
  ThredoWakeBatch batch = THREDO_WAKE_BATCH_INIT;

  thredo_mutex_lock (&self->lock);
  g_assert (self->awake == &slot->wait);
  self->awake = NULL;
  taken = taken || take_or_flag (self, slot);
  if (taken)
    leave_line (self, &slot->wait, &batch);
  else
    thredo_wait_arm (&slot->wait);
  thredo_mutex_unlock (&self->lock);
  thredo_wake_batch_flush (&batch);

  return taken;
}

static ThredoWaitState
wait_in_line (ThredoTurnstile      *self,
              ThredoSlot           *slot,
              const ThredoWaitInfo *info,
              gpointer              object,
              GCancellable         *cancellable)
{
  ThredoTicket ticket = { slot, FALSE };
  ThredoWaitState outcome;
  gboolean taken;

  slot->wait.payload = &ticket;
  thredo_mutex_lock (&self->lock);
  taken = take_or_line_up (self, slot);
  thredo_mutex_unlock (&self->lock);

  while (!taken)
    {
      outcome = thredo_slot_block (slot, info, object, cancellable);
      if (outcome != THREDO_WAIT_DONE)
        {
          thredo_turnstile_step_out (self, &slot->wait);
          return outcome;
        }
      taken = ticket.granted || take_or_wait_on (self, slot, spin (self, slot));
    }

  return THREDO_WAIT_DONE;
}

/* Blocks until the calling thread, which the slot is of, has it (DONE), or the
 * wait has another outcome. REFUSED, with an error, is for a wait that would close
 * a cycle. */
ThredoWaitState
thredo_turnstile_wait (ThredoTurnstile       *self,
                       ThredoSlot            *slot,
                       const ThredoWaitInfo  *info,
                       gpointer               object,
                       GCancellable          *cancellable,
                       GError               **error)
{
  ThredoBlocked blocked = { &self->word, info, object, cancellable };
  ThredoWaitState outcome;

  if (spin (self, slot))
    return THREDO_WAIT_DONE;

  thredo_slot_prepare (slot, info);
  if (self->counts)
    return wait_in_line (self, slot, info, object, cancellable);

  if (!thredo_chain_declare (slot, &blocked, error))
    return THREDO_WAIT_REFUSED;
  outcome = wait_in_line (self, slot, info, object, cancellable);
  thredo_chain_withdraw (slot);

  return outcome;
}

/* Puts an armed wait of a task in line, whose payload is a ticket. */
void
thredo_turnstile_line_up_task (ThredoTurnstile *self,
                               ThredoWait      *wait)
{
  ThredoWakeBatch batch = THREDO_WAKE_BATCH_INIT;
  ThredoTicket *ticket = wait->payload;

  thredo_mutex_lock (&self->lock);
  if (self->line.first == NULL && take_or_flag (self, &in_transit))
    {
      ticket->granted = TRUE;
      /* Nobody can have cancelled what has yet to begin. */
      if (!thredo_wait_claim (wait, wait->token, THREDO_WAIT_DONE, &batch))
        g_assert_not_reached ();
    }
  else
    {
      thredo_wait_list_append (&self->line, wait);
      if (self->line.length == 1)
        self->hand_over_at = barging_ends ();
    }
  thredo_mutex_unlock (&self->lock);
  thredo_wake_batch_flush (&batch);
}

void
thredo_turnstile_step_out (ThredoTurnstile *self,
                           ThredoWait      *wait)
{
  ThredoWakeBatch batch = THREDO_WAKE_BATCH_INIT;

  thredo_mutex_lock (&self->lock);
  leave_line (self, wait, &batch);
  thredo_mutex_unlock (&self->lock);
  thredo_wake_batch_flush (&batch);
}

/* Makes the calling thread the owner of what was in transit. */
void
thredo_turnstile_adopt (ThredoTurnstile *self,
                        ThredoSlot      *slot)
{
  guintptr word = thredo_turnstile_get_word (self);

  if (self->counts)
    return;
  while (!swap (self, &word, (guintptr) slot | (word & THREDO_OWNER_FLAGS)))
    ;
}

/* How many stand in line. References to the threads among them are added, in their order: a
 * thread does not leave its slot before it has stepped out, which takes the lock. */
guint
thredo_turnstile_list_waiting (ThredoTurnstile *self,
                               GPtrArray       *threads)
{
  guint n;

  thredo_mutex_lock (&self->lock);
  n = self->line.length;
  for (ThredoWait *wait = self->line.first; wait != NULL; wait = wait->next)
    {
      ThredoTicket *ticket = wait->payload;

      if (ticket->slot != NULL && ticket->slot->owner != NULL)
        g_ptr_array_add (threads, g_object_ref (ticket->slot->owner));
    }
  thredo_mutex_unlock (&self->lock);

  return n;
}

/* Has the owner drop a reference when it gives it back; FALSE if there is no owner,
 * or it has been told before. */
gboolean
thredo_turnstile_mark_orphaned (ThredoTurnstile *self)
{
  guintptr word = thredo_turnstile_get_word (self);

  while (!is_free (self, word) && (word & THREDO_TURNSTILE_ORPHANED) == 0)
    {
      if (swap (self, &word, word | THREDO_TURNSTILE_ORPHANED))
        return TRUE;
    }
  return FALSE;
}

/* In a forked child, which has the thread that the slot is of and no other. */
void
thredo_turnstile_fork_child (ThredoTurnstile *self,
                             ThredoSlot      *slot)
{
  guintptr word = thredo_turnstile_get_word (self);
  ThredoWait *wait = self->line.first;

  thredo_mutex_init (&self->lock);
  for (guint i = 0; wait != NULL && i < self->line.length; i++)
    {
      wait->list = NULL;
      wait = wait->next;
    }
  self->line = (ThredoWaitList) { 0 };
  self->awake = NULL;
  if (!is_free (self, word) && !thredo_turnstile_is_owned (self, slot) &&
      !thredo_turnstile_is_owned (self, &in_transit))
    word = THREDO_TURNSTILE_ABANDONED;
  atomic_store (&self->word.word, word & ~(guintptr) THREDO_TURNSTILE_LINED);
}
