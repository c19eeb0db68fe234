/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Two threads that take turns by a condition, the same program on both sides: each
 * waits until it is its turn, and notifies with the lock held, which is how a
 * ThredoCondition has to be notified and how GLib's manual does it.
 */

#include "families.h"

typedef struct
{
  ThredoLock *lock;
  ThredoCondition *condition;
  guint turn; /* guarded by the lock */
  guint64 n;
} Ours;

typedef struct
{
  GMutex mutex;
  GCond cond;
  guint turn; /* guarded by the mutex */
  guint64 n;
} Peer;

static void
take_turn_ours (Ours  *ours,
                guint  number)
{
  if (!thredo_lock_acquire (ours->lock, NULL, NULL))
    bench_fail ("thredo_lock_acquire() failed");
  while (ours->turn != number)
    {
      if (!thredo_condition_wait (ours->condition, NULL, NULL))
        bench_fail ("thredo_condition_wait() failed");
    }
  ours->turn = !number;
  thredo_condition_notify (ours->condition, 1, NULL);
  thredo_lock_release (ours->lock, NULL);
}

static void
take_turn_peer (Peer  *peer,
                guint  number)
{
  g_mutex_lock (&peer->mutex);
  while (peer->turn != number)
    g_cond_wait (&peer->cond, &peer->mutex);
  peer->turn = !number;
  g_cond_signal (&peer->cond);
  g_mutex_unlock (&peer->mutex);
}

static gboolean
echo_ours (ThredoThread  *thread,
           gpointer       user_data,
           GError       **error)
{
  Ours *ours = user_data;

  for (guint64 i = 0; i < ours->n; i++)
    take_turn_ours (ours, 1);
  return TRUE;
}

static gpointer
echo_peer (gpointer user_data)
{
  Peer *peer = user_data;

  for (guint64 i = 0; i < peer->n; i++)
    take_turn_peer (peer, 1);
  return NULL;
}

static void
ping_pong_ours (guint64      n,
                BenchSample *sample)
{
  g_autoptr(ThredoLock) lock = thredo_lock_new ();
  g_autoptr(ThredoCondition) condition = thredo_condition_new (THREDO_LOCKABLE (lock));
  Ours ours = { .lock = lock, .condition = condition, .n = n };
  ThredoThread *thread;
  BenchClock stopwatch;

  bench_start (&stopwatch);
  thread = bench_spawn ("echo", echo_ours, &ours);
  for (guint64 i = 0; i < n; i++)
    take_turn_ours (&ours, 0);
  bench_join (thread);
  bench_stop (&stopwatch, n, sample);
}

static void
ping_pong_peer (guint64      n,
                BenchSample *sample)
{
  Peer peer = { .n = n };
  GThread *thread;
  BenchClock stopwatch;

  g_mutex_init (&peer.mutex);
  g_cond_init (&peer.cond);
  bench_start (&stopwatch);
  thread = g_thread_new ("echo", echo_peer, &peer);
  for (guint64 i = 0; i < n; i++)
    take_turn_peer (&peer, 0);
  g_thread_join (thread);
  bench_stop (&stopwatch, n, sample);
  g_cond_clear (&peer.cond);
  g_mutex_clear (&peer.mutex);
}

const BenchRow condition_rows[] = {
  {
      .name = "condition/ping-pong",
      .work = "condition ping-pong, per round trip",
      .against = "GCond + GMutex",
      .unit = "ns",
      .n = 200,
      .ours = ping_pong_ours,
      .peer = ping_pong_peer,
  },
  { NULL }
};
