/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Spawn and join of a function that does nothing. */

#include "families.h"

ThredoThread *
bench_spawn (const char       *name,
             ThredoThreadFunc  func,
             gpointer          user_data)
{
  g_autoptr(GError) error = NULL;
  ThredoThread *thread = thredo_thread_spawn (name, func, user_data, NULL, &error);

  if (thread == NULL)
    bench_fail ("spawn: %s", error->message);
  return thread;
}

void
bench_join (ThredoThread *thread)
{
  g_autoptr(GError) error = NULL;

  if (!thredo_thread_join (thread, NULL, &error))
    bench_fail ("join: %s", error->message);
  g_object_unref (thread);
}

void
bench_wait_parked (ThredoThread *thread)
{
  gint64 limit = g_get_monotonic_time () + 30 * G_TIME_SPAN_SECOND;

  while (thredo_thread_get_state (thread) != THREDO_THREAD_STATE_WAITING)
    {
      if (g_get_monotonic_time () > limit)
        bench_fail ("a thread did not park within 30 s");
      g_usleep (10);
    }
}

static gboolean
count_ours (ThredoThread  *thread,
            gpointer       user_data,
            GError       **error)
{
  guint64 *count = user_data;

  (*count)++;
  return TRUE;
}

static gpointer
count_peer (gpointer user_data)
{
  guint64 *count = user_data;

  (*count)++;
  return NULL;
}

void
spawn_ours (guint64      n,
            BenchSample *sample)
{
  BenchClock stopwatch;
  guint64 count = 0;

  bench_start (&stopwatch);
  for (guint64 i = 0; i < n; i++)
    bench_join (bench_spawn ("bench", count_ours, &count));
  bench_stop (&stopwatch, n, sample);
  if (count != n)
    bench_fail ("%" G_GUINT64_FORMAT " threads ran, not %" G_GUINT64_FORMAT, count, n);
}

static void
spawn_peer (guint64      n,
            BenchSample *sample)
{
  BenchClock stopwatch;
  guint64 count = 0;

  bench_start (&stopwatch);
  for (guint64 i = 0; i < n; i++)
    g_thread_join (g_thread_new ("bench", count_peer, &count));
  bench_stop (&stopwatch, n, sample);
  if (count != n)
    bench_fail ("%" G_GUINT64_FORMAT " threads ran, not %" G_GUINT64_FORMAT, count, n);
}

const BenchRow spawn_rows[] = {
  {
      .name = "spawn/join",
      .work = "spawn and join, empty function",
      .against = "g_thread_new + g_thread_join",
      .unit = "ns",
      .budget = 0.05,
      .n = 100,
      .ours = spawn_ours,
      .peer = spawn_peer,
  },
  { NULL }
};
