/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Two threads that answer each other by an event each, against the same made of
 * GMutex and GCond in GLib's quickest way: the mutex is free when the waiter wants
 * it back.
 */

#include "families.h"

typedef struct
{
  ThredoEvent *there;
  ThredoEvent *back;
  guint64 n;
} Ours;

typedef struct
{
  GMutex mutex;
  GCond cond;
  gboolean set; /* guarded by the mutex */
} Flag;

typedef struct
{
  Flag there;
  Flag back;
  guint64 n;
} Peer;

static void
await_ours (ThredoEvent *event)
{
  if (!thredo_event_wait (event, NULL, NULL))
    bench_fail ("thredo_event_wait() failed");
  thredo_event_clear (event);
}

static void
flag_init (Flag *flag)
{
  g_mutex_init (&flag->mutex);
  g_cond_init (&flag->cond);
}

static void
flag_clear (Flag *flag)
{
  g_mutex_clear (&flag->mutex);
  g_cond_clear (&flag->cond);
}

static void
set_peer (Flag *flag)
{
  g_mutex_lock (&flag->mutex);
  flag->set = TRUE;
  g_mutex_unlock (&flag->mutex);
  g_cond_signal (&flag->cond);
}

static void
await_peer (Flag *flag)
{
  g_mutex_lock (&flag->mutex);
  while (!flag->set)
    g_cond_wait (&flag->cond, &flag->mutex);
  flag->set = FALSE;
  g_mutex_unlock (&flag->mutex);
}

static gboolean
echo_ours (ThredoThread  *thread,
           gpointer       user_data,
           GError       **error)
{
  Ours *ours = user_data;

  for (guint64 i = 0; i < ours->n; i++)
    {
      await_ours (ours->there);
      thredo_event_set (ours->back);
    }
  return TRUE;
}

static gpointer
echo_peer (gpointer user_data)
{
  Peer *peer = user_data;

  for (guint64 i = 0; i < peer->n; i++)
    {
      await_peer (&peer->there);
      set_peer (&peer->back);
    }
  return NULL;
}

static void
ping_pong_ours (guint64      n,
                BenchSample *sample)
{
  g_autoptr(ThredoEvent) there = thredo_event_new ();
  g_autoptr(ThredoEvent) back = thredo_event_new ();
  Ours ours = { there, back, n };
  ThredoThread *thread;
  BenchClock stopwatch;

  bench_start (&stopwatch);
  thread = bench_spawn ("echo", echo_ours, &ours);
  for (guint64 i = 0; i < n; i++)
    {
      thredo_event_set (there);
      await_ours (back);
    }
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

  flag_init (&peer.there);
  flag_init (&peer.back);
  bench_start (&stopwatch);
  thread = g_thread_new ("echo", echo_peer, &peer);
  for (guint64 i = 0; i < n; i++)
    {
      set_peer (&peer.there);
      await_peer (&peer.back);
    }
  g_thread_join (thread);
  bench_stop (&stopwatch, n, sample);
  flag_clear (&peer.there);
  flag_clear (&peer.back);
}

const BenchRow event_rows[] = {
  {
      .name = "event/ping-pong",
      .work = "event ping-pong, per round trip",
      .against = "GMutex + GCond",
      .unit = "ns",
      .n = 200,
      .ours = ping_pong_ours,
      .peer = ping_pong_peer,
  },
  { NULL }
};
