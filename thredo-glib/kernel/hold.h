/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include "turnstile.h"

/* A lock that is part of an object: a turnstile whose owner counts what it holds,
 * in a list of all there are.
 *
 * A thread counts the locks that it holds, and no more, because that costs
 * nothing. Which they are tells the list: a thread that ends with a count that is
 * not zero looks for its address in the words of all locks. Nobody but the owner
 * gives a lock back, so what it finds stays as it is.
 *
 * An object whose last reference is dropped while it is held stays until the owner
 * has given it back: the flag ORPHANED tells it to drop the reference that keeps
 * it. */
typedef struct _ThredoHold ThredoHold;

struct _ThredoHold
{
  ThredoTurnstile turnstile;
  const char *noun; /* "Lock" */
  gpointer object;
  const char *(*get_name) (gpointer object);

  /* Guarded by the list's lock. */
  guint64 id;
  ThredoHold *next;
  ThredoHold *prev;
};

/* What a lock is like at a moment. */
typedef struct
{
  guint64 id;
  const char *noun;
  const char *name; /* valid until the function that is given this returns */
  gpointer owner;   /* a reference to the thread, the function's to take; or NULL */
  guint n_waiting;
  GPtrArray *waiting; /* references to the threads in line, the function's to take; or NULL */
  gboolean is_abandoned;
} ThredoHoldSeen;

void thredo_hold_init (ThredoHold *self,
                       const char *noun,
                       gpointer object,
                       const char *(*get_name) (gpointer object));
void thredo_hold_clear (ThredoHold *self);
char *thredo_hold_describe (ThredoHold *self);
void thredo_hold_give_back_slow (ThredoHold *self,
                                 ThredoSlot *slot);
GPtrArray *thredo_hold_describe_all (ThredoSlot *slot);
void thredo_hold_abandon_all (ThredoSlot *slot);
gpointer thredo_hold_dup_owner (ThredoHold *self);
void thredo_hold_foreach (void (*func) (ThredoHold *hold,
                                        ThredoSlot *owner,
                                        gpointer    user_data),
                          gpointer user_data);
void thredo_hold_foreach_seen (void (*func) (ThredoHoldSeen *seen,
                                             gpointer        user_data),
                               gpointer user_data);
void thredo_hold_fork_prepare (void);
void thredo_hold_fork_parent (void);
void thredo_hold_fork_child (void);

static inline gboolean
thredo_hold_is_owned (ThredoHold *self,
                      ThredoSlot *slot)
{
  return thredo_turnstile_is_owned (&self->turnstile, slot);
}

static inline gboolean
thredo_hold_try (ThredoHold *self,
                 ThredoSlot *slot)
{
  if (G_UNLIKELY (!thredo_turnstile_try_free (&self->turnstile, slot)))
    return FALSE;
  slot->n_held++;
  return TRUE;
}

/* By the owner. The object may be gone after it. */
static inline void
thredo_hold_give_back (ThredoHold *self,
                       ThredoSlot *slot)
{
  if (G_LIKELY (thredo_turnstile_try_give_back (&self->turnstile, slot)))
    slot->n_held--;
  else
    thredo_hold_give_back_slow (self, slot);
}
