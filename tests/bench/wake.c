/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * From a cancel, or the set of an event, to the first statement of the woken
 * thread after its wait, against the same from g_cond_signal().
 *
 * Both sides wait until the kernel says that the waiter sleeps, and a while
 * more, so that no spin is left to be lucky. After the wake both wakers stay
 * on their processor until the waiter runs: a waker that slept would make room
 * for it there, and what is measured would be how the waker sleeps.
 *
 * Wall time is the median latency. CPU time is the waiter's over its whole
 * wait, spin before the sleep included, plus the waker's over the call that
 * wakes; what the bench itself does to look at the sleeper is not in it.
 */

#include "families.h"

#include <sys/syscall.h>
#include <unistd.h>

#define SETTLE_NS 300000

typedef struct
{
  int tid;      /* atomic; 0 until the thread runs */
  gint64 woken; /* when the wait was over */
  gint64 cpu;   /* what the wait cost the waiter */
  int running;  /* atomic; set last */

  /* Ours: one of the two */
  ThredoQueue *queue;
  ThredoEvent *event;

  /* The peer's */
  GMutex mutex;
  GCond cond;
  gboolean waiting; /* both guarded by the mutex */
  gboolean signalled;
} Waiter;

static void
settle (Waiter *waiter)
{
  gint64 until;

  bench_wait_asleep (g_atomic_int_get (&waiter->tid));
  until = bench_now () + SETTLE_NS;
  while (bench_now () < until)
    ;
}

static void
wait_running (Waiter *waiter)
{
  gint64 limit = bench_now () + 10 * G_GINT64_CONSTANT (1000000000);

  while (!g_atomic_int_get (&waiter->running))
    {
      if (bench_now () > limit)
        bench_fail ("a waiter was not woken within 10 s");
    }
}

static gboolean
wait_for_item (ThredoThread  *thread,
               gpointer       user_data,
               GError       **error)
{
  Waiter *waiter = user_data;
  gint64 cpu = bench_thread_cpu ();
  gpointer item;

  g_atomic_int_set (&waiter->tid, syscall (SYS_gettid));
  item = thredo_queue_get_pointer (waiter->queue, NULL, error);
  waiter->woken = bench_now ();
  waiter->cpu = bench_thread_cpu () - cpu;
  g_atomic_int_set (&waiter->running, TRUE);
  return item != NULL;
}

static gboolean
wait_for_event (ThredoThread  *thread,
                gpointer       user_data,
                GError       **error)
{
  Waiter *waiter = user_data;
  gint64 cpu = bench_thread_cpu ();
  gboolean is_set;

  g_atomic_int_set (&waiter->tid, syscall (SYS_gettid));
  is_set = thredo_event_wait (waiter->event, NULL, error);
  waiter->woken = bench_now ();
  waiter->cpu = bench_thread_cpu () - cpu;
  g_atomic_int_set (&waiter->running, TRUE);
  return is_set;
}

static gpointer
wait_peer (gpointer user_data)
{
  Waiter *waiter = user_data;
  gint64 cpu = bench_thread_cpu ();

  g_atomic_int_set (&waiter->tid, syscall (SYS_gettid));
  g_mutex_lock (&waiter->mutex);
  waiter->waiting = TRUE;
  while (!waiter->signalled)
    g_cond_wait (&waiter->cond, &waiter->mutex);
  g_mutex_unlock (&waiter->mutex);
  waiter->woken = bench_now ();
  waiter->cpu = bench_thread_cpu () - cpu;
  g_atomic_int_set (&waiter->running, TRUE);
  return NULL;
}

static void
cancel_ours (guint64      n,
             BenchSample *sample)
{
  g_autoptr(ThredoQueue) queue = thredo_queue_new (0);
  g_autofree double *latencies = g_new (double, n);
  gint64 cpu = 0;

  for (guint64 i = 0; i < n; i++)
    {
      Waiter waiter = { .queue = queue };
      g_autoptr(ThredoThread) thread = bench_spawn ("waiter", wait_for_item, &waiter);
      gint64 start, cpu_start;

      bench_wait_parked (thread);
      settle (&waiter);
      cpu_start = bench_thread_cpu ();
      start = bench_now ();
      thredo_thread_cancel (thread);
      cpu += bench_thread_cpu () - cpu_start;
      wait_running (&waiter);

      if (!thredo_thread_wait (thread, NULL, NULL) ||
          thredo_thread_get_state (thread) != THREDO_THREAD_STATE_CANCELLED)
        bench_fail ("the thread was not cancelled");
      latencies[i] = waiter.woken - start;
      cpu += waiter.cpu;
    }
  sample->wall = bench_median (latencies, n);
  sample->cpu = (double) cpu / n;
}

static void
event_ours (guint64      n,
            BenchSample *sample)
{
  g_autofree double *latencies = g_new (double, n);
  gint64 cpu = 0;

  for (guint64 i = 0; i < n; i++)
    {
      g_autoptr(ThredoEvent) event = thredo_event_new ();
      Waiter waiter = { .event = event };
      ThredoThread *thread = bench_spawn ("waiter", wait_for_event, &waiter);
      gint64 start, cpu_start;

      bench_wait_parked (thread);
      settle (&waiter);
      cpu_start = bench_thread_cpu ();
      start = bench_now ();
      thredo_event_set (event);
      cpu += bench_thread_cpu () - cpu_start;
      wait_running (&waiter);

      bench_join (thread);
      latencies[i] = waiter.woken - start;
      cpu += waiter.cpu;
    }
  sample->wall = bench_median (latencies, n);
  sample->cpu = (double) cpu / n;
}

static gboolean
is_waiting (Waiter *waiter)
{
  gboolean waiting;

  g_mutex_lock (&waiter->mutex);
  waiting = waiter->waiting;
  g_mutex_unlock (&waiter->mutex);
  return waiting;
}

static void
signal_peer (guint64      n,
             BenchSample *sample)
{
  g_autofree double *latencies = g_new (double, n);
  gint64 cpu = 0;

  for (guint64 i = 0; i < n; i++)
    {
      Waiter waiter = { .tid = 0 };
      GThread *thread;
      gint64 start, cpu_start;

      g_mutex_init (&waiter.mutex);
      g_cond_init (&waiter.cond);
      thread = g_thread_new ("waiter", wait_peer, &waiter);
      while (!is_waiting (&waiter))
        g_usleep (10);
      settle (&waiter);

      /* GLib's quickest way: the mutex is free when the waiter wants it back. */
      g_mutex_lock (&waiter.mutex);
      waiter.signalled = TRUE;
      g_mutex_unlock (&waiter.mutex);
      cpu_start = bench_thread_cpu ();
      start = bench_now ();
      g_cond_signal (&waiter.cond);
      cpu += bench_thread_cpu () - cpu_start;
      wait_running (&waiter);

      g_thread_join (thread);
      latencies[i] = waiter.woken - start;
      cpu += waiter.cpu;
      g_cond_clear (&waiter.cond);
      g_mutex_clear (&waiter.mutex);
    }
  sample->wall = bench_median (latencies, n);
  sample->cpu = (double) cpu / n;
}

const BenchRow wake_rows[] = {
  {
      .name = "cancel/wake",
      .work = "cancel to the cancelled thread running again",
      .against = "g_cond_signal",
      .unit = "ns",
      .budget = 1.5,
      .n = 10,
      .ours = cancel_ours,
      .peer = signal_peer,
  },
  {
      .name = "event/wake",
      .work = "event set to the waiting thread running again",
      .against = "g_cond_signal",
      .unit = "ns",
      .budget = 1.5,
      .n = 10,
      .ours = event_ours,
      .peer = signal_peer,
  },
  { NULL }
};
