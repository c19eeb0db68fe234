/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "wait.h"

void
thredo_wait_init (ThredoWait *self)
{
  thredo_parker_init (&self->parker);
}

void
thredo_wait_clear (ThredoWait *self)
{
  g_assert (self->list == NULL);
  thredo_parker_clear (&self->parker);
}

/* Opens a new generation. Sequentially consistent: the owner arms and then
 * looks for reasons not to wait, whoever makes such a reason stores it and
 * then looks at the word, and one of the two must see the other. */
guint32
thredo_wait_arm (ThredoWait *self)
{
  guint32 word = atomic_load_explicit (&self->parker.word, memory_order_relaxed);

  self->token = ((word & ~THREDO_WAIT_STATE_MASK) + THREDO_WAIT_GENERATION) | THREDO_WAIT_ARMED;
  atomic_store (&self->parker.word, self->token);

  return self->token;
}

/* Forgets an outcome. By the owner of a wait that is not armed. */
void
thredo_wait_rest (ThredoWait *self)
{
  guint32 word = atomic_load_explicit (&self->parker.word, memory_order_relaxed);

  atomic_store (&self->parker.word, word & ~THREDO_WAIT_STATE_MASK);
}

/* Takes an armed wait back, which fails if somebody has completed it. */
gboolean
thredo_wait_disarm (ThredoWait *self)
{
  guint32 expected = self->token;

  return thredo_parker_swap (&self->parker, &expected,
                             self->token & ~THREDO_WAIT_STATE_MASK);
}

/* Completes the generation that the token stands for. TRUE: the caller has
 * won, and the batch will wake the owner. */
gboolean
thredo_wait_claim (ThredoWait      *self,
                   guint32          token,
                   ThredoWaitState  outcome,
                   ThredoWakeBatch *batch)
{
  guint32 generation = token & ~THREDO_WAIT_STATE_MASK;
  guint32 word = generation | THREDO_WAIT_ARMED;
  void (*notify) (ThredoWait *) = self->notify;

  while (!thredo_parker_swap (&self->parker, &word, generation | outcome))
    {
      if (word != (generation | THREDO_WAIT_ARMED) && word != (generation | THREDO_WAIT_PARKED))
        return FALSE;
    }

  /* From here on a thread's wait may be gone: the batch keeps its address as
   * a name. One that notifies stays until it has been notified. */
  if (notify != NULL)
    {
      notify (self);
    }
  else if (thredo_wait_word_state (word) == THREDO_WAIT_PARKED)
    {
      if (batch->n == THREDO_WAKE_BATCH)
        thredo_wake_batch_flush (batch);
      batch->waits[batch->n++] = self;
    }

  return TRUE;
}

/* The same for whichever generation is open now, if any. Only for the reasons
 * that hold for every wait of a thread, its cancellation. */
gboolean
thredo_wait_claim_current (ThredoWait      *self,
                           ThredoWaitState  outcome,
                           ThredoWakeBatch *batch)
{
  guint32 word = atomic_load (&self->parker.word);

  switch (thredo_wait_word_state (word))
    {
    case THREDO_WAIT_ARMED:
    case THREDO_WAIT_PARKED:
      return thredo_wait_claim (self, word, outcome, batch);
    default:
      return FALSE;
    }
}

void
thredo_wait_complete (ThredoWait      *self,
                      guint32          token,
                      ThredoWaitState  outcome)
{
  ThredoWakeBatch batch = THREDO_WAKE_BATCH_INIT;

  if (thredo_wait_claim (self, token, outcome, &batch))
    thredo_wake_batch_flush (&batch);
}

/* Sleeps until the open generation has an outcome (TRUE) or the time has come
 * (FALSE, and the wait is still open). */
gboolean
thredo_wait_park (ThredoWait *self,
                  gint64      until)
{
  guint32 parked = (self->token & ~THREDO_WAIT_STATE_MASK) | THREDO_WAIT_PARKED;
  guint32 word = self->token;

  /* PARKED tells the completer that a wake is wanted. */
  if (!thredo_parker_swap (&self->parker, &word, parked) && word != parked)
    return TRUE;

  while (atomic_load_explicit (&self->parker.word, memory_order_acquire) == parked)
    {
      if (until != THREDO_PARK_FOREVER && g_get_monotonic_time () >= until)
        return FALSE;
      thredo_parker_park (&self->parker, parked, until);
    }

  return TRUE;
}

void
thredo_wake_batch_flush (ThredoWakeBatch *self)
{
  for (guint i = 0; i < self->n; i++)
    thredo_parker_wake (&self->waits[i]->parker);
  self->n = 0;
}

void
thredo_wait_list_append (ThredoWaitList *self,
                         ThredoWait     *wait)
{
  wait->list = self;
  wait->next = NULL;
  wait->prev = self->last;
  if (self->last != NULL)
    self->last->next = wait;
  else
    self->first = wait;
  self->last = wait;
  self->length++;
}

void
thredo_wait_list_remove (ThredoWaitList *self,
                         ThredoWait     *wait)
{
  g_assert (wait->list == self);

  if (wait->prev != NULL)
    wait->prev->next = wait->next;
  else
    self->first = wait->next;
  if (wait->next != NULL)
    wait->next->prev = wait->prev;
  else
    self->last = wait->prev;
  wait->next = wait->prev = NULL;
  wait->list = NULL;
  self->length--;
}

ThredoWait *
thredo_wait_list_pop (ThredoWaitList *self)
{
  ThredoWait *wait = self->first;

  if (wait != NULL)
    thredo_wait_list_remove (self, wait);
  return wait;
}

/* Completes everyone in the list and takes them out of it. One who was
 * cancelled before finds itself out of the line when it comes for the lock. */
void
thredo_wait_list_claim_all (ThredoWaitList  *self,
                            ThredoWaitState  outcome,
                            ThredoWakeBatch *batch)
{
  ThredoWait *wait;

  while ((wait = thredo_wait_list_pop (self)) != NULL)
    thredo_wait_claim (wait, wait->token, outcome, batch);
}
