/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Memory of a blocked thread: the private dirty pages of a fresh process, with
 * its threads blocked, less those it had with one thread blocked.
 *
 * Huge pages are off on both sides: with them, what a stack takes depends on
 * where it lies and not on who uses it.
 */

#include "families.h"

#include <math.h>
#include <stdio.h>
#include <sys/prctl.h>

#define THREADS 5000

static guint64
read_private_dirty (void)
{
  FILE *file = fopen ("/proc/self/smaps_rollup", "r");
  guint64 kilobytes = 0;
  char line[256];

  if (file == NULL)
    bench_fail ("/proc/self/smaps_rollup is not there");
  while (fgets (line, sizeof line, file) != NULL)
    {
      if (sscanf (line, "Private_Dirty: %" G_GUINT64_FORMAT " kB", &kilobytes) == 1)
        break;
    }
  fclose (file);
  return kilobytes * 1024;
}

static void
memory_setup (guint64 size)
{
  prctl (PR_SET_THP_DISABLE, 1, 0, 0, 0);
}

static gboolean
block_ours (ThredoThread  *thread,
            gpointer       user_data,
            GError       **error)
{
  ThredoQueue *never = user_data;

  return thredo_queue_get_pointer (never, NULL, error) != NULL;
}

static void
measure_ours (guint64      n,
              BenchSample *sample)
{
  ThredoQueue *never = thredo_queue_new (0);
  ThredoThread **threads = g_new (ThredoThread *, n);
  guint64 before;

  threads[0] = bench_spawn ("blocked", block_ours, never);
  bench_wait_parked (threads[0]);
  before = read_private_dirty ();
  for (guint64 i = 1; i < n; i++)
    threads[i] = bench_spawn ("blocked", block_ours, never);
  for (guint64 i = 1; i < n; i++)
    bench_wait_parked (threads[i]);
  sample->wall = (double) (read_private_dirty () - before) / (n - 1);
}

typedef struct
{
  GMutex mutex;
  GCond cond;
  guint64 waiting; /* guarded by the mutex */
} Never;

static gpointer
block_peer (gpointer user_data)
{
  Never *never = user_data;

  g_mutex_lock (&never->mutex);
  never->waiting++;
  for (;;)
    g_cond_wait (&never->cond, &never->mutex);
  return NULL;
}

static void
wait_for_waiting (Never   *never,
                  guint64  n)
{
  gboolean done = FALSE;

  while (!done)
    {
      g_mutex_lock (&never->mutex);
      done = never->waiting == n;
      g_mutex_unlock (&never->mutex);
      if (!done)
        g_usleep (1000);
    }
}

static void
measure_peer (guint64      n,
              BenchSample *sample)
{
  Never *never = g_new0 (Never, 1);
  GThread **threads = g_new (GThread *, n);
  guint64 before;

  g_mutex_init (&never->mutex);
  g_cond_init (&never->cond);
  threads[0] = g_thread_new ("blocked", block_peer, never);
  wait_for_waiting (never, 1);
  before = read_private_dirty ();
  for (guint64 i = 1; i < n; i++)
    threads[i] = g_thread_new ("blocked", block_peer, never);
  wait_for_waiting (never, n);
  sample->wall = (double) (read_private_dirty () - before) / (n - 1);
}

static void
measure_in_child (const char  *role,
                  guint64      n,
                  BenchSample *sample)
{
  BenchChild *child = bench_child_new (role, 0);

  bench_child_measure (child, bench_size (n, 50), sample);
  bench_child_free (child);
}

static void
memory_ours (guint64      n,
             BenchSample *sample)
{
  measure_in_child ("memory-ours", n, sample);
}

static void
memory_peer (guint64      n,
             BenchSample *sample)
{
  measure_in_child ("memory-peer", n, sample);
}

/* The same without GSlice's caches, of which each thread that has ever used one
 * keeps 2 KiB beside the 2 KiB of their table, up to GLib 2.74; from 2.76 on there
 * are neither. */
static void
measure_without_slices (const char  *role,
                        guint64      n,
                        BenchSample *sample)
{
  g_setenv ("G_SLICE", "always-malloc", TRUE);
  measure_in_child (role, n, sample);
  g_unsetenv ("G_SLICE");
}

static void
plain_memory_ours (guint64      n,
                   BenchSample *sample)
{
  measure_without_slices ("memory-ours", n, sample);
}

static void
plain_memory_peer (guint64      n,
                   BenchSample *sample)
{
  measure_without_slices ("memory-peer", n, sample);
}

const BenchRole memory_roles[] = {
  { "memory-ours", memory_setup, measure_ours },
  { "memory-peer", memory_setup, measure_peer },
  { NULL }
};

const BenchRow memory_rows[] = {
  {
      .name = "memory/blocked",
      .work = "memory per blocked thread, above a plain blocked GThread",
      .against = "g_cond_wait",
      .unit = "B",
      .judge = BENCH_JUDGE_DIFFERENCE,
      .budget = 4096,
      .flags = BENCH_FIXED_N,
      .n = THREADS,
      .ours = memory_ours,
      .peer = memory_peer,
  },
  {
      .name = "memory/blocked-no-slices",
      .work = "… without the caches of GSlice (G_SLICE=always-malloc)",
      .against = "g_cond_wait",
      .unit = "B",
      .judge = BENCH_JUDGE_DIFFERENCE,
      .budget = 4096,
      .flags = BENCH_FIXED_N,
      .n = THREADS,
      .ours = plain_memory_ours,
      .peer = plain_memory_peer,
  },
  { NULL }
};
