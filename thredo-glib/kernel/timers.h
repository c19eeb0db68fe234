/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include "wait.h"

#include <gio/gio.h>

/* A moment at which something is to be done, in a heap that the loop serves.
 * Embedded in what it belongs to. Everything in it is guarded by the timers'
 * lock. */
typedef struct _ThredoTimer ThredoTimer;
typedef struct _ThredoTimerBatch ThredoTimerBatch;

struct _ThredoTimer
{
  guint index; /* 1-based; 0: not in the heap */
  /* Called on the loop's thread with the timers' lock held. */
  void (*fire) (ThredoTimer      *self,
                ThredoTimerBatch *batch);
};

/* What is left to do once the lock is dropped. */
struct _ThredoTimerBatch
{
  ThredoWakeBatch wakes;
  GPtrArray *cancellables;
};

void thredo_timer_init (ThredoTimer *self,
                        void (*fire) (ThredoTimer      *self,
                                      ThredoTimerBatch *batch));
void thredo_timers_add (ThredoTimer *timer,
                        gint64       when);
void thredo_timers_remove (ThredoTimer *timer);
void thredo_timers_lock (void);
void thredo_timers_unlock (void);
void thredo_timers_add_locked (ThredoTimer *timer,
                               gint64       when);
void thredo_timers_remove_locked (ThredoTimer *timer);
void thredo_timers_expire (gint64 now);
void thredo_timers_set_alarm (void (*alarm) (gint64 when));
void thredo_timers_fork_child (void);
