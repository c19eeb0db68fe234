/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "thredo-queue-private.h"

#include "fork.h"
#include "walk.h"

/* All queues of the process, for monitors. A queue is in the list from its construction to its
 * finalization; what is put and got has nothing to do with it.
 *
 * Lock order: the list's lock, then a name's. A priority queue compares its items with its ends
 * locked, and whoever does that may drop or make another queue: so no lock of a queue is taken
 * with the list's held. */
static struct
{
  ThredoMutex lock;
  ThredoQueue *first; /* the newest */
  guint64 last_id;
  ThredoWalk *walks;
} queues;

/* The walks of other threads. */
static void
forget_walks (void)
{
  queues.walks = NULL;
}

__attribute__ ((constructor)) static void
protect_queues (void)
{
  thredo_fork_protect (&queues.lock, forget_walks);
}

void
thredo_queue_list_add (ThredoQueue *self)
{
  thredo_mutex_lock (&queues.lock);
  self->id = ++queues.last_id;
  self->prev = NULL;
  self->next = queues.first;
  if (self->next != NULL)
    self->next->prev = self;
  queues.first = self;
  thredo_mutex_unlock (&queues.lock);
}

void
thredo_queue_list_remove (ThredoQueue *self)
{
  thredo_mutex_lock (&queues.lock);
  if (self->prev != NULL)
    self->prev->next = self->next;
  else
    queues.first = self->next;
  if (self->next != NULL)
    self->next->prev = self->prev;
  thredo_walk_skip (queues.walks, self, self->next);
  thredo_mutex_unlock (&queues.lock);
}

/* Calls the function for every queue, the newest first, with the list's lock held. It may be
 * one that is being dropped: the function must not take references, nor locks but the name's. */
void
thredo_queue_list_foreach (void (*func) (ThredoQueue *queue,
                                         gpointer     user_data),
                           gpointer user_data)
{
  ThredoWalk walk;

  thredo_mutex_lock (&queues.lock);
  thredo_walk_begin (&walk, &queues.walks, queues.first);
  while (walk.next_item != NULL)
    {
      ThredoQueue *queue = walk.next_item;

      walk.next_item = queue->next;
      func (queue, user_data);
      thredo_walk_pause (&walk, &queues.lock);
    }
  thredo_walk_end (&walk, &queues.walks);
  thredo_mutex_unlock (&queues.lock);
}
