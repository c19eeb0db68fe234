/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include "thredo-queue.h"

#include "fifo.h"

/* Where a queue keeps its items, in the order in which they are to come out.
 *
 * A FIFO is written at one end and read at the other, under the lock of
 * either. The other orders need both locks to push, and the getting end's to
 * peek and drop. */
typedef struct
{
  ThredoQueueOrder order;
  ThredoQueueCompareFunc compare;
  gpointer compare_data;
  GDestroyNotify compare_destroy;

  ThredoFifo fifo;
  GArray *array; /* a stack, or a heap with the least item first */
  guint64 last_number;
} ThredoQueueStore;

void thredo_queue_store_init (ThredoQueueStore *self,
                              ThredoQueueOrder  order);
void thredo_queue_store_clear (ThredoQueueStore *self);
/* To push in another order than FIFO takes two steps, with the locks held. The first
 * finds where the item belongs, and changes nothing; it fails if the item cannot be
 * compared. */
gboolean thredo_queue_store_find_place (ThredoQueueStore *self,
                                        const GValue     *item,
                                        guint            *place);
void thredo_queue_store_push_at (ThredoQueueStore *self,
                                 const GValue     *item,
                                 guint             place);
GValue *thredo_queue_store_peek_sorted (ThredoQueueStore *self);
void thredo_queue_store_drop_sorted (ThredoQueueStore *self);

static inline GValue *
thredo_queue_store_peek (ThredoQueueStore *self)
{
  if (G_LIKELY (self->order == THREDO_QUEUE_ORDER_FIFO))
    return thredo_fifo_peek (&self->fifo);
  return thredo_queue_store_peek_sorted (self);
}

static inline void
thredo_queue_store_drop (ThredoQueueStore *self)
{
  if (G_LIKELY (self->order == THREDO_QUEUE_ORDER_FIFO))
    thredo_fifo_drop (&self->fifo);
  else
    thredo_queue_store_drop_sorted (self);
}
