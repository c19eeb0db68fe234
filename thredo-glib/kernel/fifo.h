/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include "wait.h"

#include <glib-object.h>

/* The two ends of a queue, and a list of blocks between them.
 *
 * Each end has a lock of its own, so that putters meet only putters, and
 * getters only getters; with one of each, nobody meets anybody, and a cache
 * line moves between cores once for a few items. What passes from end to end
 * is in the items and in the counts:
 *
 *  - count is how many have passed an end. It is written under the end's lock,
 *    after the item, and read from the other end without: release and acquire,
 *    so that whoever sees the count sees the item.
 *  - seen is an end's memory of the other one's count, which spares it the
 *    line of the other end until it has used up what it knew.
 *  - A wait stands in its end's line before it looks at the other end for the
 *    last time, and for that look it takes the other end's lock, once. Whoever
 *    changes a count does it under that lock and looks at n_waiting after it.
 *    So one of the two sees the other, by the order of the lock alone.
 *
 * Lock order: the putting end, then the getting end. */
typedef struct
{
  /* On lines of their own: what every passing item changes, and what the other
   * end looks at for every item and hardly ever changes. */
  char padding_before[64];
  ThredoMutex lock;
  guint n_inside; /* threads in a call that may yet take the lock */
  _Atomic guint64 count;
  guint64 seen;
  ThredoWaitList waiting;
  char padding_between[64];
  _Atomic guint n_waiting; /* the length of waiting */
  char padding_after[64];
} ThredoEnd;

#define THREDO_FIFO_BLOCK 63

typedef struct _ThredoFifoBlock ThredoFifoBlock;

struct _ThredoFifoBlock
{
  ThredoFifoBlock *next;
  GValue items[THREDO_FIFO_BLOCK];
};

/* Each half is guarded by its end's lock, and on lines of its own. */
typedef struct
{
  char padding_before[64];
  ThredoFifoBlock *tail;
  guint tail_at;
  char padding_between[64];
  ThredoFifoBlock *head;
  guint head_at;
  ThredoFifoBlock *_Atomic spare;
  char padding_after[64];
} ThredoFifo;

void thredo_end_init (ThredoEnd *self);
void thredo_end_clear (ThredoEnd *self);
void thredo_end_barrier (ThredoEnd *self);

static inline void
thredo_end_line_up (ThredoEnd  *self,
                    ThredoWait *wait)
{
  thredo_wait_list_append (&self->waiting, wait);
  atomic_store_explicit (&self->n_waiting, self->waiting.length, memory_order_relaxed);
}

static inline void
thredo_end_step_out (ThredoEnd  *self,
                     ThredoWait *wait)
{
  if (wait->list == NULL)
    return;
  thredo_wait_list_remove (&self->waiting, wait);
  atomic_store_explicit (&self->n_waiting, self->waiting.length, memory_order_relaxed);
}

/* Without the lock: a hint, unless the caller has just held the end's
 * opposite. */
static inline gboolean
thredo_end_has_waiting (ThredoEnd *self)
{
  return atomic_load_explicit (&self->n_waiting, memory_order_relaxed) != 0;
}

static inline guint
thredo_end_count_waiting (ThredoEnd *self)
{
  return atomic_load_explicit (&self->n_waiting, memory_order_relaxed);
}

static inline guint64
thredo_end_get_count (ThredoEnd *self)
{
  return atomic_load_explicit (&self->count, memory_order_acquire);
}

static inline void
thredo_end_advance (ThredoEnd *self)
{
  guint64 count = atomic_load_explicit (&self->count, memory_order_relaxed);

  atomic_store_explicit (&self->count, count + 1, memory_order_release);
}

/* For the getting end: whether there is an item. */
static inline gboolean
thredo_end_has_item (ThredoEnd *self,
                     ThredoEnd *putting)
{
  guint64 count = atomic_load_explicit (&self->count, memory_order_relaxed);

  if (count == self->seen)
    self->seen = thredo_end_get_count (putting);
  return count != self->seen;
}

/* For the putting end: whether fewer than max_size items are in between. */
static inline gboolean
thredo_end_has_room (ThredoEnd *self,
                     ThredoEnd *getting,
                     guint      max_size)
{
  guint64 count = atomic_load_explicit (&self->count, memory_order_relaxed);

  if (count - self->seen >= max_size)
    self->seen = thredo_end_get_count (getting);
  return count - self->seen < max_size;
}

void thredo_fifo_init (ThredoFifo *self);
void thredo_fifo_clear (ThredoFifo *self);
void thredo_fifo_grow (ThredoFifo *self);
void thredo_fifo_next_block (ThredoFifo *self);

/* The item is moved, not copied. Under the putting end's lock. */
static inline void
thredo_fifo_push (ThredoFifo   *self,
                  const GValue *item)
{
  if (G_UNLIKELY (self->tail_at == THREDO_FIFO_BLOCK))
    thredo_fifo_grow (self);
  self->tail->items[self->tail_at++] = *item;
}

/* The oldest item, which there is. Under the getting end's lock. */
static inline GValue *
thredo_fifo_peek (ThredoFifo *self)
{
  if (G_UNLIKELY (self->head_at == THREDO_FIFO_BLOCK))
    thredo_fifo_next_block (self);
  return &self->head->items[self->head_at];
}

/* Forgets the item that was peeked at, which has been moved away. */
static inline void
thredo_fifo_drop (ThredoFifo *self)
{
  self->head_at++;
}
