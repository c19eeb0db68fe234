/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "level.h"

#include "loop.h"

static void
cancel_batch_add (ThredoCancelBatch *self,
                  ThredoCancellable *cancellable)
{
  if (self->n < G_N_ELEMENTS (self->few))
    {
      self->few[self->n++] = g_object_ref (cancellable);
      return;
    }
  if (self->more == NULL)
    self->more = g_ptr_array_new_with_free_func (g_object_unref);
  g_ptr_array_add (self->more, g_object_ref (cancellable));
}

/* Wakes and cancels what was collected; handlers of users run in here, so no
 * lock of ours may be held. */
void
thredo_cancel_batch_flush (ThredoCancelBatch *self)
{
  thredo_wake_batch_flush (&self->wakes);

  for (guint i = 0; i < self->n; i++)
    {
      thredo_cancellable_cascade (self->few[i]);
      g_object_unref (self->few[i]);
    }
  self->n = 0;

  if (self->more != NULL)
    g_ptr_array_foreach (self->more, (GFunc) thredo_cancellable_cascade, NULL);
  g_clear_pointer (&self->more, g_ptr_array_unref);
}

/* Completes the wait that the level reaches, if its thread is in one, and
 * collects the cancellables of the levels inside it. A shield in between keeps
 * everything from it inward out of reach.
 *
 * Called with the level's lock held, after the level's state was set. */
static void
interrupt_locked (ThredoLevel       *self,
                  ThredoWaitState    outcome,
                  ThredoCancelBatch *batch)
{
  ThredoSlot *slot = self->slot;
  ThredoLevel *reached; /* the innermost level that is not behind a shield */

  if (slot == NULL)
    return;

  thredo_mutex_lock (&slot->lock);

  reached = slot->innermost;
  for (ThredoLevel *l = slot->innermost; l != self; l = l->outer)
    {
      if (atomic_load (&l->shielded))
        reached = l->outer;
    }

  if (reached == slot->innermost)
    thredo_wait_claim_current (&slot->wait, outcome, &batch->wakes);
  for (ThredoLevel *l = reached; l != self; l = l->outer)
    {
      ThredoCancellable *cancellable = atomic_load (&l->cancellable);

      if (cancellable != NULL)
        cancel_batch_add (batch, cancellable);
    }

  thredo_mutex_unlock (&slot->lock);
}

static void
mark_collect (ThredoLevel       *self,
              ThredoLevelState   bit,
              ThredoWaitState    outcome,
              ThredoCancelBatch *batch)
{
  ThredoCancellable *cancellable;

  /* Before the word is looked at: a thread that arms a wait just now sees one
   * or the other. */
  atomic_fetch_or (&self->state, bit);

  thredo_mutex_lock (&self->lock);
  cancellable = atomic_load (&self->cancellable);
  if (cancellable != NULL)
    cancel_batch_add (batch, cancellable);
  interrupt_locked (self, outcome, batch);
  thredo_mutex_unlock (&self->lock);
}

static void
fire (ThredoTimer      *timer,
      ThredoTimerBatch *timer_batch)
{
  ThredoLevel *self = (ThredoLevel *) ((char *) timer - G_STRUCT_OFFSET (ThredoLevel, timer));
  ThredoCancelBatch batch = THREDO_CANCEL_BATCH_INIT;

  batch.wakes = timer_batch->wakes;
  mark_collect (self, THREDO_LEVEL_EXPIRED, THREDO_WAIT_TIMED_OUT, &batch);
  timer_batch->wakes = batch.wakes;

  if (batch.n == 0)
    return;
  if (timer_batch->cancellables == NULL)
    timer_batch->cancellables = g_ptr_array_new_with_free_func (g_object_unref);
  for (guint i = 0; i < batch.n; i++)
    g_ptr_array_add (timer_batch->cancellables, batch.few[i]);
  if (batch.more != NULL)
    g_ptr_array_extend_and_steal (timer_batch->cancellables, batch.more);
}

/* Brings the heap up to date with the level's deadline. The level's lock
 * orders it with entering and leaving: whichever comes second sees the other,
 * the new deadline or the slot. */
static void
set_timer_locked (ThredoLevel *self)
{
  gboolean entered;

  thredo_timers_remove_locked (&self->timer);

  thredo_mutex_lock (&self->lock);
  entered = self->slot != NULL;
  thredo_mutex_unlock (&self->lock);

  if (entered && !(atomic_load (&self->state) & THREDO_LEVEL_EXPIRED))
    thredo_timers_add_locked (&self->timer, atomic_load (&self->deadline));
}

static void
ensure_loop (void)
{
  g_autoptr(GError) error = NULL;

  if (!thredo_loop_ensure (&error))
    g_warning ("Deadlines are not served: %s", error->message);
}

static void
set_timer (ThredoLevel *self)
{
  ensure_loop ();
  thredo_timers_lock ();
  set_timer_locked (self);
  thredo_timers_unlock ();
}

void
thredo_level_init (ThredoLevel *self)
{
  atomic_init (&self->state, 0);
  atomic_init (&self->shielded, FALSE);
  atomic_init (&self->deadline, G_MAXINT64);
  atomic_init (&self->cancellable, NULL);
  atomic_init (&self->exposed, FALSE);
  self->outer = NULL;
  self->slot = NULL;
  thredo_mutex_init (&self->lock);
  thredo_timer_init (&self->timer, fire);
}

void
thredo_level_clear (ThredoLevel *self)
{
  ThredoCancellable *cancellable = atomic_load (&self->cancellable);

  g_assert (self->slot == NULL);

  if (cancellable != NULL)
    {
      thredo_cancellable_set_level (cancellable, NULL);
      g_object_unref (cancellable);
    }
  thredo_mutex_clear (&self->lock);
}

static ThredoCancellable *
ensure_cancellable (ThredoLevel *self,
                    ThredoSlot  *slot)
{
  ThredoCancellable *current = atomic_load (&self->cancellable);
  ThredoCancellable *cancellable = NULL;

  if (current != NULL)
    return current;

  if (slot != NULL && slot->spare != NULL)
    {
      cancellable = (ThredoCancellable *) g_steal_pointer (&slot->spare);
      thredo_cancellable_set_level (cancellable, self);
    }
  else
    {
      cancellable = thredo_cancellable_new (self);
    }

  if (!atomic_compare_exchange_strong (&self->cancellable, &current, cancellable))
    {
      thredo_cancellable_set_level (cancellable, NULL);
      g_object_unref (cancellable);
      return current;
    }
  return cancellable;
}

/* A level that ends its caller's waits at once has its cancellable cancelled
 * too, for those who only look at that. */
static void
cascade_if_ended (ThredoLevel       *self,
                  ThredoCancellable *cancellable)
{
  gboolean ended = FALSE;

  thredo_mutex_lock (&self->lock);
  if (self->slot == NULL)
    {
      ended = atomic_load (&self->state) != 0;
    }
  else
    {
      thredo_mutex_lock (&self->slot->lock);
      for (ThredoLevel *l = self; l != NULL && !ended; l = l->outer)
        {
          ended = atomic_load (&l->state) != 0;
          if (atomic_load (&l->shielded))
            break;
        }
      thredo_mutex_unlock (&self->slot->lock);
    }
  thredo_mutex_unlock (&self->lock);

  if (ended && !g_cancellable_is_cancelled (G_CANCELLABLE (cancellable)))
    thredo_cancellable_cascade (cancellable);
}

/* Puts the level innermost in the calling thread, which the slot is of. */
void
thredo_level_enter (ThredoLevel *self,
                    ThredoSlot  *slot,
                    gboolean     push_current)
{
  ThredoCancellable *cancellable = NULL;

  if (push_current)
    cancellable = ensure_cancellable (self, slot);

  thredo_mutex_lock (&self->lock);
  self->slot = slot;
  thredo_mutex_lock (&slot->lock);
  self->outer = slot->innermost;
  slot->innermost = self;
  thredo_mutex_unlock (&slot->lock);
  thredo_mutex_unlock (&self->lock);

  if (atomic_load (&self->deadline) != G_MAXINT64)
    set_timer (self);

  if (push_current)
    {
      g_cancellable_push_current (G_CANCELLABLE (cancellable));
      if (thredo_level_check (slot) != THREDO_WAIT_IDLE)
        cascade_if_ended (self, cancellable);
    }
}

/* Makes and enters a level whose waits end with their event alone. */
void
thredo_level_enter_shield (ThredoLevel *self,
                           ThredoSlot  *slot)
{
  thredo_level_init (self);
  atomic_store (&self->shielded, TRUE);
  thredo_level_enter (self, slot, FALSE);
}

/* What becomes of the cancellable of a level that has been left, whose thread's
 * waits in it would have failed or not. Called with the level's lock held;
 * returns it if it is to be dropped. */
static ThredoCancellable *
put_aside (ThredoLevel       *self,
           ThredoSlot        *slot,
           ThredoCancellable *cancellable)
{
  /* Given to somebody, who may keep it as long as the level. */
  if (atomic_load (&self->exposed))
    return NULL;

  if (slot->spare == NULL && thredo_cancellable_is_untouched (cancellable))
    slot->spare = G_CANCELLABLE (cancellable);
  else if (atomic_load (&self->state) != 0 ||
           !g_cancellable_is_cancelled (G_CANCELLABLE (cancellable)))
    return NULL;

  /* An unused one serves another level. One that was cancelled for a reason from
   * outside must not be there when the level is entered elsewhere. */
  atomic_store (&self->cancellable, NULL);
  return cancellable;
}

/* Takes the innermost level off the calling thread. */
void
thredo_level_leave (ThredoLevel *self,
                    gboolean     pop_current)
{
  ThredoSlot *slot = self->slot;
  ThredoCancellable *cancellable = atomic_load (&self->cancellable);
  ThredoCancellable *dropped = NULL;
  gboolean has_ended = thredo_level_check (slot) != THREDO_WAIT_IDLE;

  g_assert (slot->innermost == self);

  /* The thread may have seen the time before the loop has; who only knows of the
   * cancellable is to be told all the same. */
  if (has_ended && cancellable != NULL && !g_cancellable_is_cancelled (G_CANCELLABLE (cancellable)))
    thredo_cancellable_cascade (cancellable);

  if (pop_current)
    g_cancellable_pop_current (G_CANCELLABLE (cancellable));

  thredo_mutex_lock (&self->lock);
  self->slot = NULL;
  thredo_mutex_lock (&slot->lock);
  slot->innermost = self->outer;
  self->outer = NULL;
  thredo_mutex_unlock (&slot->lock);
  if (pop_current)
    dropped = put_aside (self, slot, cancellable);
  thredo_mutex_unlock (&self->lock);

  if (dropped != NULL)
    {
      thredo_cancellable_set_level (dropped, NULL);
      if ((GCancellable *) dropped != slot->spare)
        g_object_unref (dropped);
    }

  /* A timer that is set from now on sees that the level has been left. */
  if (atomic_load (&self->deadline) != G_MAXINT64)
    thredo_timers_remove (&self->timer);
}

/* Marks the level as cancelled and collects what follows from it. */
void
thredo_level_cancel_collect (ThredoLevel       *self,
                             ThredoCancelBatch *batch)
{
  mark_collect (self, THREDO_LEVEL_CANCELLED, THREDO_WAIT_CANCELLED, batch);
}

void
thredo_level_cancel (ThredoLevel *self)
{
  ThredoCancelBatch batch = THREDO_CANCEL_BATCH_INIT;

  thredo_level_cancel_collect (self, &batch);
  thredo_cancel_batch_flush (&batch);
}

/* From any thread. A deadline that has passed stays passed. */
void
thredo_level_set_deadline (ThredoLevel *self,
                           gint64       deadline)
{
  if (deadline != G_MAXINT64)
    ensure_loop ();
  thredo_timers_lock ();
  atomic_store (&self->deadline, deadline);
  set_timer_locked (self);
  thredo_timers_unlock ();

  /* Its timer has gone, perhaps before it could tell everybody. */
  if (atomic_load (&self->state) & THREDO_LEVEL_EXPIRED)
    {
      ThredoCancelBatch batch = THREDO_CANCEL_BATCH_INIT;

      mark_collect (self, THREDO_LEVEL_EXPIRED, THREDO_WAIT_TIMED_OUT, &batch);
      thredo_cancel_batch_flush (&batch);
    }
}

/* From any thread. A shield that is lowered lets in what waited outside. */
void
thredo_level_set_shielded (ThredoLevel *self,
                           gboolean     shielded)
{
  ThredoCancelBatch batch = THREDO_CANCEL_BATCH_INIT;
  guint outside = 0;

  atomic_store (&self->shielded, shielded);
  if (shielded)
    return;

  thredo_mutex_lock (&self->lock);
  if (self->slot != NULL)
    {
      thredo_mutex_lock (&self->slot->lock);
      for (ThredoLevel *l = self->outer; l != NULL; l = l->outer)
        {
          outside |= atomic_load (&l->state);
          if (atomic_load (&l->shielded))
            break;
        }
      thredo_mutex_unlock (&self->slot->lock);
    }
  if (outside != 0)
    {
      ThredoCancellable *cancellable = atomic_load (&self->cancellable);

      if (cancellable != NULL)
        cancel_batch_add (&batch, cancellable);
      interrupt_locked (self,
                        outside & THREDO_LEVEL_CANCELLED ? THREDO_WAIT_CANCELLED
                                                         : THREDO_WAIT_TIMED_OUT,
                        &batch);
    }
  thredo_mutex_unlock (&self->lock);

  thredo_cancel_batch_flush (&batch);
}

/* Does not pass a reference: it lives as long as the level. */
GCancellable *
thredo_level_get_cancellable (ThredoLevel *self)
{
  ThredoCancellable *cancellable;

  /* Under the lock, so that leaving does not put it aside meanwhile. */
  thredo_mutex_lock (&self->lock);
  atomic_store (&self->exposed, TRUE);
  cancellable = ensure_cancellable (self, NULL);
  thredo_mutex_unlock (&self->lock);

  cascade_if_ended (self, cancellable);

  return G_CANCELLABLE (cancellable);
}

/* Whether its own deadline has passed while it was entered, also when the loop
 * has not got to it yet. */
gboolean
thredo_level_is_expired (ThredoLevel *self)
{
  gint64 deadline = atomic_load (&self->deadline);

  if (deadline != G_MAXINT64 && !(atomic_load (&self->state) & THREDO_LEVEL_EXPIRED) &&
      g_get_monotonic_time () >= deadline)
    {
      thredo_mutex_lock (&self->lock);
      if (self->slot != NULL)
        atomic_fetch_or (&self->state, THREDO_LEVEL_EXPIRED);
      thredo_mutex_unlock (&self->lock);
    }

  return (atomic_load (&self->state) & THREDO_LEVEL_EXPIRED) != 0;
}

/* Why the calling thread, which the slot is of, must not wait: CANCELLED,
 * TIMED_OUT, or IDLE for no reason. A cancel goes before a deadline.
 *
 * Looks at the clock itself, so that a deadline holds to the microsecond even
 * when the loop is late. */
ThredoWaitState
thredo_level_check (ThredoSlot *slot)
{
  ThredoWaitState found = THREDO_WAIT_IDLE;
  gint64 now = 0;

  for (ThredoLevel *l = slot->innermost; l != NULL; l = l->outer)
    {
      guint state = atomic_load (&l->state);
      gint64 deadline = atomic_load_explicit (&l->deadline, memory_order_relaxed);

      if (state & THREDO_LEVEL_CANCELLED)
        return THREDO_WAIT_CANCELLED;
      if (!(state & THREDO_LEVEL_EXPIRED) && deadline != G_MAXINT64)
        {
          if (now == 0)
            now = g_get_monotonic_time ();
          if (now >= deadline)
            state = atomic_fetch_or (&l->state, THREDO_LEVEL_EXPIRED) | THREDO_LEVEL_EXPIRED;
        }
      if (state & THREDO_LEVEL_EXPIRED)
        found = THREDO_WAIT_TIMED_OUT;
      if (atomic_load_explicit (&l->shielded, memory_order_relaxed))
        break;
    }

  return found;
}

/* Whether a cancel of the cancellable reaches the thread without our
 * connecting to it. */
gboolean
thredo_level_surrounds (ThredoSlot   *slot,
                        GCancellable *cancellable)
{
  for (ThredoLevel *l = slot->innermost; l != NULL; l = l->outer)
    {
      if ((GCancellable *) atomic_load (&l->cancellable) == cancellable)
        return TRUE;
      if (atomic_load (&l->shielded))
        break;
    }
  return FALSE;
}

/* Whether what surrounds the slot's thread ends its waits, for others to ask, with the
 * slot's lock held. Unlike thredo_level_check() it only looks: who notes for another
 * thread that a deadline has passed, just when that is moved, would keep the timer from
 * telling the wait. */
gboolean
thredo_level_ends_waits (ThredoSlot *slot)
{
  for (ThredoLevel *l = slot->innermost; l != NULL; l = l->outer)
    {
      gint64 deadline = atomic_load_explicit (&l->deadline, memory_order_relaxed);

      if (atomic_load (&l->state) != 0 ||
          (deadline != G_MAXINT64 && g_get_monotonic_time () >= deadline))
        return TRUE;
      if (atomic_load_explicit (&l->shielded, memory_order_relaxed))
        break;
    }
  return FALSE;
}

/* Whether a shield stands between the thread and its wait. With the slot's lock
 * held. */
gboolean
thredo_level_keeps_cancel_out (ThredoSlot *slot)
{
  for (ThredoLevel *l = slot->innermost; l != NULL && l->outer != NULL; l = l->outer)
    {
      if (atomic_load (&l->shielded))
        return TRUE;
    }
  return FALSE;
}

/* In a forked child: locks that other threads may have held are free, and
 * deadlines are set in the new loop. */
void
thredo_level_fork_child (ThredoSlot *slot)
{
  for (ThredoLevel *l = slot->innermost; l != NULL; l = l->outer)
    {
      ThredoCancellable *cancellable = atomic_load (&l->cancellable);

      thredo_mutex_init (&l->lock);
      if (cancellable != NULL)
        thredo_cancellable_fork_child (cancellable);
      if (!(atomic_load (&l->state) & THREDO_LEVEL_EXPIRED))
        thredo_timers_add (&l->timer, atomic_load (&l->deadline));
    }
}
