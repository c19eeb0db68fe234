/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Semaphores: alone, contended, and one thread answering another. */

#include "team.h"

#include <semaphore.h>

#define MANY 8
#define LINE 64

typedef struct
{
  _Alignas(LINE) guint64 word; /* guarded, where there is one permit */
  _Alignas(LINE) sem_t peer;
  _Alignas(LINE) ThredoSemaphore *ours;
} Guarded;

static void
guarded_init (Guarded *guarded)
{
  *guarded = (Guarded) { .ours = thredo_semaphore_new (1) };
  sem_init (&guarded->peer, 0, 1);
}

static void
guarded_clear (Guarded *guarded,
               guint64  n)
{
  if (guarded->word != n)
    bench_fail ("two threads had the permit at once");
  g_object_unref (guarded->ours);
  sem_destroy (&guarded->peer);
}

static void
acquire_ours (ThredoSemaphore *semaphore)
{
  if (!thredo_semaphore_acquire (semaphore, NULL, NULL))
    bench_fail ("thredo_semaphore_acquire() failed");
}

static void
acquire_peer (sem_t *semaphore)
{
  while (sem_wait (semaphore) != 0)
    ;
}

static void
permit_ours (gpointer user_data,
             guint    number,
             guint64  n)
{
  Guarded *guarded = user_data;

  for (guint64 i = 0; i < n; i++)
    {
      acquire_ours (guarded->ours);
      guarded->word++;
      thredo_semaphore_release (guarded->ours, NULL);
    }
}

static void
permit_peer (gpointer user_data,
             guint    number,
             guint64  n)
{
  Guarded *guarded = user_data;

  for (guint64 i = 0; i < n; i++)
    {
      acquire_peer (&guarded->peer);
      guarded->word++;
      sem_post (&guarded->peer);
    }
}

static void
measure_alone (BenchPart    part,
               guint64      n,
               BenchSample *sample)
{
  Guarded guarded;
  BenchClock stopwatch;

  guarded_init (&guarded);
  bench_start (&stopwatch);
  part (&guarded, 0, n);
  bench_stop (&stopwatch, n, sample);
  guarded_clear (&guarded, n);
}

static void
uncontended_ours (guint64      n,
                  BenchSample *sample)
{
  measure_alone (permit_ours, n, sample);
}

static void
uncontended_peer (guint64      n,
                  BenchSample *sample)
{
  measure_alone (permit_peer, n, sample);
}

static void
many_ours (guint64      n,
           BenchSample *sample)
{
  Guarded guarded;

  guarded_init (&guarded);
  bench_team_ours (MANY, permit_ours, &guarded, n, sample);
  guarded_clear (&guarded, MAX (n / MANY, 1) * MANY);
}

static void
many_peer (guint64      n,
           BenchSample *sample)
{
  Guarded guarded;

  guarded_init (&guarded);
  bench_team_peer (MANY, permit_peer, &guarded, n, sample);
  guarded_clear (&guarded, MAX (n / MANY, 1) * MANY);
}

/* There and back */

typedef struct
{
  ThredoSemaphore *there;
  ThredoSemaphore *back;
  guint64 n;
} Ours;

typedef struct
{
  _Alignas(LINE) sem_t there;
  _Alignas(LINE) sem_t back;
  guint64 n;
} Peer;

static gboolean
echo_ours (ThredoThread  *thread,
           gpointer       user_data,
           GError       **error)
{
  Ours *ours = user_data;

  for (guint64 i = 0; i < ours->n; i++)
    {
      acquire_ours (ours->there);
      thredo_semaphore_release (ours->back, NULL);
    }
  return TRUE;
}

static gpointer
echo_peer (gpointer user_data)
{
  Peer *peer = user_data;

  for (guint64 i = 0; i < peer->n; i++)
    {
      acquire_peer (&peer->there);
      sem_post (&peer->back);
    }
  return NULL;
}

static void
ping_pong_ours (guint64      n,
                BenchSample *sample)
{
  g_autoptr(ThredoSemaphore) there = thredo_semaphore_new (0);
  g_autoptr(ThredoSemaphore) back = thredo_semaphore_new (0);
  Ours ours = { there, back, n };
  ThredoThread *thread;
  BenchClock stopwatch;

  bench_start (&stopwatch);
  thread = bench_spawn ("echo", echo_ours, &ours);
  for (guint64 i = 0; i < n; i++)
    {
      thredo_semaphore_release (there, NULL);
      acquire_ours (back);
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

  sem_init (&peer.there, 0, 0);
  sem_init (&peer.back, 0, 0);
  bench_start (&stopwatch);
  thread = g_thread_new ("echo", echo_peer, &peer);
  for (guint64 i = 0; i < n; i++)
    {
      sem_post (&peer.there);
      acquire_peer (&peer.back);
    }
  g_thread_join (thread);
  bench_stop (&stopwatch, n, sample);
  sem_destroy (&peer.there);
  sem_destroy (&peer.back);
}

const BenchRow semaphore_rows[] = {
  {
      .name = "semaphore/uncontended",
      .work = "semaphore: acquire and release, nobody else",
      .against = "sem_t",
      .unit = "ns",
      .flags = BENCH_SAME_N,
      .n = 100000,
      .ours = uncontended_ours,
      .peer = uncontended_peer,
      .enter = bench_bystander_enter,
      .leave = bench_bystander_leave,
  },
  {
      .name = "semaphore/contended-8",
      .work = "semaphore of 1: acquire and release, 8 threads contend",
      .against = "sem_t",
      .unit = "ns",
      .flags = BENCH_SAME_N,
      .n = 100000,
      .milliseconds = 150,
      .ours = many_ours,
      .peer = many_peer,
  },
  {
      .name = "semaphore/ping-pong",
      .work = "semaphore ping-pong, per round trip",
      .against = "sem_t",
      .unit = "ns",
      .n = 200,
      .ours = ping_pong_ours,
      .peer = ping_pong_peer,
  },
  { NULL }
};
