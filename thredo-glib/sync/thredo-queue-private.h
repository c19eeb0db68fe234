/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include "figure.h"
#include "thredo-name-private.h"
#include "thredo-queue-store-private.h"
#include "thredo-value-private.h"

/* Waiting works the same at both ends. A thread that finds nothing to get (or
 * no room to put) first looks again for a moment, then stands in its end's
 * line; whoever changes the other end serves the line, by moving an item into
 * (out of) the hands of those who stand first and completing their waits.
 *
 * What a completer moves is written before it claims the wait, under the lock
 * of the end. A wait that was cancelled is not claimed; the thread, before it
 * returns, takes that lock to step out of the line, so what it stands with is
 * there as long as anybody looks at it. */
struct _ThredoQueue
{
  GObject parent_instance;

  ThredoName name;
  guint max_size; /* 0: no limit */
  GDestroyNotify free_func;

  ThredoEnd putting; /* its lock and getting's together guard closed */
  ThredoEnd getting;
  ThredoFigure closed;
  ThredoQueueStore store;

  ThredoMutex done_lock; /* guards the following */
  ThredoFigure n_done;
  guint n_joining; /* threads in a call that may yet take the lock */
  ThredoWaitList joiners;

  /* Guarded by the lock of the list of all queues. */
  guint64 id;
  ThredoQueue *next;
  ThredoQueue *prev;
};

/* What a getter stands in line with. */
typedef struct
{
  GValue item;
  gboolean wants_pointer;
} ThredoQueueGetter;

/* What a putter stands in line with; moved from when the put has happened. */
typedef struct
{
  GValue item;
} ThredoQueuePutter;

/* REFUSED: the item is no pointer, as the getter wants, or is the putter's, and
 * cannot be compared with what is there. */
typedef enum
{
  THREDO_QUEUE_TRIED_DONE,
  THREDO_QUEUE_TRIED_NOTHING,
  THREDO_QUEUE_TRIED_REFUSED,
  THREDO_QUEUE_TRIED_CLOSED,
} ThredoQueueTried;

void thredo_queue_list_add (ThredoQueue *self);
void thredo_queue_list_remove (ThredoQueue *self);
void thredo_queue_list_foreach (void (*func) (ThredoQueue *queue,
                                              gpointer     user_data),
                                gpointer user_data);
ThredoQueueTried thredo_queue_try_get_locked (ThredoQueue       *self,
                                              ThredoQueueGetter *getter);
ThredoQueueTried thredo_queue_try_put_locked (ThredoQueue       *self,
                                              ThredoQueuePutter *putter);
void thredo_queue_line_up_to_join (ThredoQueue *self,
                                   ThredoWait  *wait);
void thredo_queue_serve (ThredoQueue *self);
void thredo_queue_set_tried_error (ThredoQueueTried   tried,
                                   gboolean           is_getting,
                                   GError           **error);
