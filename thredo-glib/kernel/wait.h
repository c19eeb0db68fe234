/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include "mutex.h"
#include "park.h"

/* A wait: somebody who is to be told, once, how something ended.
 *
 * The state word holds a state in its low three bits and a generation above
 * them. docs/kernel.md has the whole protocol; in short:
 *
 *   IDLE/outcome ──arm──► ARMED ──park──► PARKED          by the owner
 *   ARMED, PARKED ──claim──► DONE CLOSED CANCELLED …      by anybody, once
 *
 * Whoever swaps ARMED or PARKED for an outcome, with the generation it means,
 * has won; everyone else finds the word changed. What the winner hands over
 * is written before the swap and read after it. */

typedef enum
{
  THREDO_WAIT_IDLE,
  THREDO_WAIT_ARMED,
  THREDO_WAIT_PARKED,
  /* Outcomes. */
  THREDO_WAIT_DONE,
  THREDO_WAIT_CLOSED,
  THREDO_WAIT_REFUSED,
  THREDO_WAIT_CANCELLED,
  THREDO_WAIT_TIMED_OUT,
} ThredoWaitState;

#define THREDO_WAIT_STATE_MASK 7u
#define THREDO_WAIT_GENERATION (THREDO_WAIT_STATE_MASK + 1)

typedef struct _ThredoWait ThredoWait;
typedef struct _ThredoWaitList ThredoWaitList;

struct _ThredoWait
{
  ThredoParker parker;

  /* The armed word of this generation; the owner's alone, but that whoever
   * holds the lock of the list it stands in may read it. */
  guint32 token;

  /* Guarded by the lock of the list's owner. */
  ThredoWait *next;
  ThredoWait *prev;
  ThredoWaitList *list;

  /* What the one who completes the wait takes or fills; same guard. */
  gpointer payload;

  /* For a wait that no thread sleeps on: called, once, by the one who claimed
   * it. It may be called with a lock held, so it posts to a main context and
   * does nothing else. */
  void (*notify) (ThredoWait *self);
};

struct _ThredoWaitList
{
  ThredoWait *first;
  ThredoWait *last;
  guint length;
};

/* Waits that were claimed under a lock, to be woken after it. The addresses
 * of threads' waits are names here, and must not be looked into: a thread
 * that was spinning may be gone already. */
#define THREDO_WAKE_BATCH 16

typedef struct
{
  guint n;
  ThredoWait *waits[THREDO_WAKE_BATCH];
} ThredoWakeBatch;

#define THREDO_WAKE_BATCH_INIT { 0 }

static inline ThredoWaitState
thredo_wait_word_state (guint32 word)
{
  return (ThredoWaitState) (word & THREDO_WAIT_STATE_MASK);
}

static inline ThredoWaitState
thredo_wait_get_state (ThredoWait *self)
{
  return thredo_wait_word_state (atomic_load (&self->parker.word));
}

void thredo_wait_init (ThredoWait *self);
void thredo_wait_clear (ThredoWait *self);
guint32 thredo_wait_arm (ThredoWait *self);
void thredo_wait_rest (ThredoWait *self);
gboolean thredo_wait_disarm (ThredoWait *self);
gboolean thredo_wait_claim (ThredoWait      *self,
                            guint32          token,
                            ThredoWaitState  outcome,
                            ThredoWakeBatch *batch);
gboolean thredo_wait_claim_current (ThredoWait      *self,
                                    ThredoWaitState  outcome,
                                    ThredoWakeBatch *batch);
void thredo_wait_complete (ThredoWait      *self,
                           guint32          token,
                           ThredoWaitState  outcome);
gboolean thredo_wait_park (ThredoWait *self,
                           gint64      until);
void thredo_wake_batch_flush (ThredoWakeBatch *self);

void thredo_wait_list_append (ThredoWaitList *self,
                              ThredoWait     *wait);
void thredo_wait_list_remove (ThredoWaitList *self,
                              ThredoWait     *wait);
ThredoWait *thredo_wait_list_pop (ThredoWaitList *self);
void thredo_wait_list_claim_all (ThredoWaitList  *self,
                                 ThredoWaitState  outcome,
                                 ThredoWakeBatch *batch);
