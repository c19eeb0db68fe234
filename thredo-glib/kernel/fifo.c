/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "fifo.h"

void
thredo_end_init (ThredoEnd *self)
{
  thredo_mutex_init (&self->lock);
}

void
thredo_end_clear (ThredoEnd *self)
{
  thredo_mutex_clear (&self->lock);
}

/* See the last point at the top of fifo.h. */
void
thredo_end_barrier (ThredoEnd *self)
{
  thredo_mutex_lock (&self->lock);
  thredo_mutex_unlock (&self->lock);
}

void
thredo_fifo_init (ThredoFifo *self)
{
  self->head = self->tail = g_new (ThredoFifoBlock, 1);
  self->head->next = NULL;
}

/* Of an empty one. */
void
thredo_fifo_clear (ThredoFifo *self)
{
  g_assert (self->head->next == NULL);
  g_free (self->head);
  g_free (atomic_load (&self->spare));
}

void
thredo_fifo_grow (ThredoFifo *self)
{
  ThredoFifoBlock *block = atomic_exchange_explicit (&self->spare, NULL, memory_order_acquire);

  if (block == NULL)
    block = g_new (ThredoFifoBlock, 1);
  block->next = NULL;
  /* Seen by the getting end once the count of the item in it is. */
  self->tail->next = block;
  self->tail = block;
  self->tail_at = 0;
}

/* The block that was used up is kept for the putting end, or freed if it has
 * not used the one before. */
void
thredo_fifo_next_block (ThredoFifo *self)
{
  ThredoFifoBlock *used = self->head;

  self->head = used->next;
  self->head_at = 0;
  g_free (atomic_exchange_explicit (&self->spare, used, memory_order_acq_rel));
}
