/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "timers.h"

#include "cancellable.h"

/* A heap of four children a node: with ten thousand timers it is seven levels
 * deep, and the children of a node share a cache line or two. */
#define FANOUT 4

/* The moment stands beside the timer, so that to compare two does not take a
 * look into two other threads' memory. */
typedef struct
{
  gint64 when;
  ThredoTimer *timer;
} Entry;

static struct
{
  ThredoMutex lock;
  Entry *heap; /* from index 1 */
  guint length;
  guint capacity;
  gint64 alarm_at;
  void (*alarm) (gint64 when);
} timers = { .alarm_at = G_MAXINT64 };

static inline guint
parent_of (guint index)
{
  return (index - 2) / FANOUT + 1;
}

static inline guint
first_child_of (guint index)
{
  return (index - 1) * FANOUT + 2;
}

static inline void
place (Entry entry,
       guint index)
{
  timers.heap[index] = entry;
  entry.timer->index = index;
}

static void
sift_up (Entry entry,
         guint index)
{
  while (index > 1)
    {
      guint parent = parent_of (index);

      if (timers.heap[parent].when <= entry.when)
        break;
      place (timers.heap[parent], index);
      index = parent;
    }
  place (entry, index);
}

static void
sift_down (Entry entry,
           guint index)
{
  for (;;)
    {
      guint child = first_child_of (index);
      guint end = MIN (child + FANOUT, timers.length + 1);
      guint least = child;

      if (child > timers.length)
        break;
      for (guint i = child + 1; i < end; i++)
        {
          if (timers.heap[i].when < timers.heap[least].when)
            least = i;
        }
      if (timers.heap[least].when >= entry.when)
        break;
      place (timers.heap[least], index);
      index = least;
    }
  place (entry, index);
}

void
thredo_timer_init (ThredoTimer *self,
                   void (*fire) (ThredoTimer      *self,
                                 ThredoTimerBatch *batch))
{
  self->index = 0;
  self->fire = fire;
}

void
thredo_timers_lock (void)
{
  thredo_mutex_lock (&timers.lock);
}

void
thredo_timers_unlock (void)
{
  thredo_mutex_unlock (&timers.lock);
}

/* Sets the loop's alarm if it would ring too late. One that rings too early,
 * because its timer was taken back, costs one look at the heap, and is cheaper
 * than setting it anew each time. */
static void
set_alarm (void)
{
  gint64 when = timers.length > 0 ? timers.heap[1].when : G_MAXINT64;

  if (when < timers.alarm_at && timers.alarm != NULL)
    {
      timers.alarm_at = when;
      timers.alarm (when);
    }
}

void
thredo_timers_add_locked (ThredoTimer *timer,
                          gint64       when)
{
  g_assert (timer->index == 0);

  if (when == G_MAXINT64)
    return;
  if (timers.length + 1 >= timers.capacity)
    {
      timers.capacity = MAX (timers.capacity * 2, 64);
      timers.heap = g_renew (Entry, timers.heap, timers.capacity);
    }
  timers.length++;
  sift_up ((Entry) { when, timer }, timers.length);
  if (timer->index == 1)
    set_alarm ();
}

void
thredo_timers_remove_locked (ThredoTimer *timer)
{
  guint index = timer->index;
  Entry last;

  if (index == 0)
    return;

  timer->index = 0;
  last = timers.heap[timers.length--];
  if (last.timer == timer)
    return;
  if (index > 1 && timers.heap[parent_of (index)].when > last.when)
    sift_up (last, index);
  else
    sift_down (last, index);
}

void
thredo_timers_add (ThredoTimer *timer,
                   gint64       when)
{
  thredo_mutex_lock (&timers.lock);
  thredo_timers_add_locked (timer, when);
  thredo_mutex_unlock (&timers.lock);
}

/* When this returns the timer is not firing and will not fire. */
void
thredo_timers_remove (ThredoTimer *timer)
{
  thredo_mutex_lock (&timers.lock);
  thredo_timers_remove_locked (timer);
  thredo_mutex_unlock (&timers.lock);
}

/* Fires what is due; on the loop's thread. */
void
thredo_timers_expire (gint64 now)
{
  gboolean more = TRUE;

  while (more)
    {
      ThredoTimerBatch batch = { THREDO_WAKE_BATCH_INIT, NULL };
      guint fired = 0;

      thredo_mutex_lock (&timers.lock);
      while ((more = timers.length > 0 && timers.heap[1].when <= now) &&
             fired < THREDO_WAKE_BATCH)
        {
          ThredoTimer *timer = timers.heap[1].timer;

          thredo_timers_remove_locked (timer);
          timer->fire (timer, &batch);
          fired++;
        }
      if (!more)
        {
          timers.alarm_at = G_MAXINT64;
          set_alarm ();
        }
      thredo_mutex_unlock (&timers.lock);

      thredo_wake_batch_flush (&batch.wakes);
      thredo_cancel_from_loop (g_steal_pointer (&batch.cancellables));
    }
}

/* What tells the loop of an earlier moment; called with the timers' lock
 * held, from any thread. */
void
thredo_timers_set_alarm (void (*alarm) (gint64 when))
{
  thredo_mutex_lock (&timers.lock);
  timers.alarm = alarm;
  timers.alarm_at = G_MAXINT64;
  set_alarm ();
  thredo_mutex_unlock (&timers.lock);
}

/* In a forked child, whose other threads are gone: their timers too. Those of
 * the thread that forked add themselves again. */
void
thredo_timers_fork_child (void)
{
  thredo_mutex_init (&timers.lock);
  for (guint i = 1; i <= timers.length; i++)
    timers.heap[i].timer->index = 0;
  timers.length = 0;
  timers.alarm = NULL;
  timers.alarm_at = G_MAXINT64;
}
