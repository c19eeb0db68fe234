/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include "chain.h"
#include "owner.h"
#include "slot.h"

/* What threads take, give back, and stand in line for: a lock, which has an owner,
 * or permits, which are counted.
 *
 * The word says who has it (a lock: the address of a slot) or how many are left
 * (permits: in units of THREDO_TURNSTILE_PERMIT), with flags in the low bits. To
 * take what is free, and to give back what nobody waits for, is one compare and
 * swap.
 *
 * Who finds it taken spins for a moment, and then stands in line. Who gives it
 * back, and finds the flag LINED, wakes the first in line, but leaves the thing
 * free: a thread that runs may take it before the woken one does, again and
 * again, and that is what makes locks fast. Until the woken one has it, or
 * stands in line again, the flag is down and nobody else is woken. But for not
 * longer than THREDO_TURNSTILE_BARGING after it became the first: then the thing
 * is handed to it, without being free in between.
 *
 * Invariant, under the lock: if the line is not empty, then either the thing is
 * taken and LINED is up, or the first in line is awake, tries, and will come for the
 * lock. So whoever sets `awake` back, or steps out, or gives back with LINED up, sees
 * to the line (settle). Who turns out to have been cancelled is taken out of the line,
 * and not relied on: it may take long to come. LINED goes up only under the lock, by
 * a swap that sees the thing taken; the one who has it must then come for the lock to
 * give it back.
 *
 * A task in line is never woken to try, but handed the thing at once, in transit:
 * it belongs to nobody until the thread of the task's context adopts it. */
typedef struct
{
  ThredoOwner word;
  gboolean counts;

  ThredoMutex lock; /* guards what is below */
  ThredoWaitList line;
  ThredoWait *awake;
  gint64 hand_over_at; /* when the first has waited long enough */
} ThredoTurnstile;

/* How long those who run may go before the first in line, in microseconds. */
#define THREDO_TURNSTILE_BARGING 500

#define THREDO_TURNSTILE_PERMIT ((guintptr) 2)

/* Permits have room for the first of these alone. */
typedef enum
{
  THREDO_TURNSTILE_LINED = 1 << 0,     /* somebody in line is to be told */
  THREDO_TURNSTILE_ABANDONED = 1 << 1, /* the owner before has ended without giving it back */
  THREDO_TURNSTILE_ORPHANED = 1 << 2,  /* the owner is to drop a reference after it */
} ThredoTurnstileFlags;

/* What a wait stands in line with, as its payload. */
typedef struct
{
  ThredoSlot *slot; /* NULL: a task */
  gboolean granted; /* written under the lock, before the claim */
} ThredoTicket;

void thredo_turnstile_init (ThredoTurnstile *self,
                            gboolean         counts);
void thredo_turnstile_clear (ThredoTurnstile *self);
gboolean thredo_turnstile_take (ThredoTurnstile *self,
                                ThredoSlot      *slot);
ThredoWaitState thredo_turnstile_wait (ThredoTurnstile       *self,
                                       ThredoSlot            *slot,
                                       const ThredoWaitInfo  *info,
                                       gpointer               object,
                                       GCancellable          *cancellable,
                                       GError               **error);
guintptr thredo_turnstile_give_back (ThredoTurnstile *self,
                                     guintptr         leave);
gboolean thredo_turnstile_give_permits (ThredoTurnstile *self,
                                        guint            n,
                                        guint            most);
void thredo_turnstile_line_up_task (ThredoTurnstile *self,
                                    ThredoWait      *wait);
void thredo_turnstile_step_out (ThredoTurnstile *self,
                                ThredoWait      *wait);
void thredo_turnstile_adopt (ThredoTurnstile *self,
                             ThredoSlot      *slot);
guint thredo_turnstile_list_waiting (ThredoTurnstile *self,
                                     GPtrArray       *threads);
gboolean thredo_turnstile_mark_orphaned (ThredoTurnstile *self);
void thredo_turnstile_fork_child (ThredoTurnstile *self,
                                  ThredoSlot      *slot);

static inline guintptr
thredo_turnstile_get_word (ThredoTurnstile *self)
{
  return atomic_load_explicit (&self->word.word, memory_order_relaxed);
}

/* Whether the slot's thread has it; for that thread to ask. */
static inline gboolean
thredo_turnstile_is_owned (ThredoTurnstile *self,
                           ThredoSlot      *slot)
{
  return (thredo_turnstile_get_word (self) & ~THREDO_OWNER_FLAGS) == (guintptr) slot;
}

/* The quick ways, for a lock. */
static inline gboolean
thredo_turnstile_try_free (ThredoTurnstile *self,
                           ThredoSlot      *slot)
{
  guintptr expected = 0;

  return atomic_compare_exchange_strong_explicit (&self->word.word, &expected, (guintptr) slot,
                                                  memory_order_acquire, memory_order_relaxed);
}

static inline gboolean
thredo_turnstile_try_give_back (ThredoTurnstile *self,
                                ThredoSlot      *slot)
{
  guintptr expected = (guintptr) slot;

  return atomic_compare_exchange_strong_explicit (&self->word.word, &expected, 0,
                                                  memory_order_release, memory_order_relaxed);
}
