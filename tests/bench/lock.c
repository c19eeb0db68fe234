/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Lock and unlock with nobody else there.
 *
 * There is no ThredoLock yet: this is the mutex of kernel/, which guards every
 * object of the library. An executable of its own, because it is linked with
 * the private library, and all other rows with the one that users have.
 */

#include "config.h"

#include "bench.h"

#include "mutex.h"

static guint64 guarded;

static void
lock_ours (guint64      n,
           BenchSample *sample)
{
  ThredoMutex mutex;
  BenchClock stopwatch;

  thredo_mutex_init (&mutex);
  bench_start (&stopwatch);
  for (guint64 i = 0; i < n; i++)
    {
      thredo_mutex_lock (&mutex);
      guarded++;
      thredo_mutex_unlock (&mutex);
    }
  bench_stop (&stopwatch, n, sample);
}

static void
lock_peer (guint64      n,
           BenchSample *sample)
{
  GMutex mutex;
  BenchClock stopwatch;

  g_mutex_init (&mutex);
  bench_start (&stopwatch);
  for (guint64 i = 0; i < n; i++)
    {
      g_mutex_lock (&mutex);
      guarded++;
      g_mutex_unlock (&mutex);
    }
  bench_stop (&stopwatch, n, sample);
  g_mutex_clear (&mutex);
}

static const BenchRow lock_rows[] = {
  {
      .name = "lock/uncontended",
      .work = "lock and unlock, nobody else (kernel mutex; no ThredoLock yet)",
      .against = "GMutex",
      .unit = "ns",
      .budget = 2.0,
      .flags = BENCH_SAME_N,
      .n = 100000,
      .ours = lock_ours,
      .peer = lock_peer,
  },
  { NULL }
};

int
main (int    argc,
      char **argv)
{
  const BenchRow *const tables[] = { lock_rows, NULL };
  const BenchRole *const roles[] = { NULL };

  return bench_main (argc, argv, tables, roles);
}
