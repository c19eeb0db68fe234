/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * What thredo_await() costs above the operation: here a GTask that is returned
 * at once. The same operation in a main context of the caller's own is measured
 * beside it and taken off.
 *
 * The peer is a wake across processors: half of the round trip of two threads
 * that answer each other with GCond, on a processor each. An operation that is
 * started on the loop's thread and answered to another needs one at least.
 */

#include "families.h"

#include <gio/gio.h>

/* The operation */

static void
start (GCancellable        *cancellable,
       GAsyncReadyCallback  callback,
       gpointer             callback_data,
       gpointer             user_data)
{
  g_autoptr(GTask) task = g_task_new (NULL, cancellable, callback, callback_data);

  g_task_return_boolean (task, TRUE);
}

static void
finish (GAsyncResult *result)
{
  g_autoptr(GError) error = NULL;

  if (!g_task_propagate_boolean (G_TASK (result), &error))
    bench_fail ("the operation: %s", error->message);
}

static void
called_back (GObject      *source,
             GAsyncResult *result,
             gpointer      user_data)
{
  finish (result);
  *(gboolean *) user_data = TRUE;
}

static void
run_operation (guint64      n,
               BenchSample *sample)
{
  g_autoptr(GMainContext) context = g_main_context_new ();
  BenchClock stopwatch;

  g_main_context_push_thread_default (context);
  bench_start (&stopwatch);
  for (guint64 i = 0; i < n; i++)
    {
      g_autoptr(GCancellable) cancellable = g_cancellable_new ();
      gboolean done = FALSE;

      start (cancellable, called_back, &done, NULL);
      while (!done)
        g_main_context_iteration (context, TRUE);
    }
  bench_stop (&stopwatch, n, sample);
  g_main_context_pop_thread_default (context);
}

static void
await_operation (guint64      n,
                 BenchSample *sample)
{
  BenchClock stopwatch;

  bench_start (&stopwatch);
  for (guint64 i = 0; i < n; i++)
    {
      g_autoptr(GError) error = NULL;
      g_autoptr(GAsyncResult) result = thredo_await (start, NULL, NULL, NULL, &error);

      if (result == NULL)
        bench_fail ("thredo_await: %s", error->message);
      finish (result);
    }
  bench_stop (&stopwatch, n, sample);
}

static void
ours (guint64      n,
      BenchSample *sample)
{
  BenchSample operation;

  run_operation (n, &operation);
  await_operation (n, sample);
  sample->wall -= operation.wall;
  sample->cpu -= operation.cpu;
}

/* A wake across processors */

typedef struct
{
  GMutex mutex;
  GCond cond;
  gboolean set; /* guarded by the mutex */
} Flag;

typedef struct
{
  Flag flags[2];
  guint64 n;
} Pair;

static void
set_flag (Flag *flag)
{
  g_mutex_lock (&flag->mutex);
  flag->set = TRUE;
  g_mutex_unlock (&flag->mutex);
  g_cond_signal (&flag->cond);
}

static void
await_flag (Flag *flag)
{
  g_mutex_lock (&flag->mutex);
  while (!flag->set)
    g_cond_wait (&flag->cond, &flag->mutex);
  flag->set = FALSE;
  g_mutex_unlock (&flag->mutex);
}

static gpointer
answer (gpointer user_data)
{
  Pair *pair = user_data;

  bench_keep_to_processor (1);
  for (guint64 i = 0; i < pair->n; i++)
    {
      await_flag (&pair->flags[0]);
      set_flag (&pair->flags[1]);
    }
  return NULL;
}

static void
peer (guint64      n,
      BenchSample *sample)
{
  Pair pair = { .n = n };
  BenchClock stopwatch;
  GThread *thread;

  for (guint i = 0; i < 2; i++)
    {
      g_mutex_init (&pair.flags[i].mutex);
      g_cond_init (&pair.flags[i].cond);
    }
  bench_keep_to_processor (0);
  thread = g_thread_new ("answer", answer, &pair);

  bench_start (&stopwatch);
  for (guint64 i = 0; i < n; i++)
    {
      set_flag (&pair.flags[0]);
      await_flag (&pair.flags[1]);
    }
  bench_stop (&stopwatch, 2 * n, sample);

  g_thread_join (thread);
  bench_keep_to_none ();
  for (guint i = 0; i < 2; i++)
    {
      g_cond_clear (&pair.flags[i].cond);
      g_mutex_clear (&pair.flags[i].mutex);
    }
}

const BenchRow await_rows[] = {
  {
      .name = "await/at-once",
      .work = "thredo_await of what completes at once, less the operation itself",
      .against = "a wake across cores, GCond",
      .unit = "ns",
      .budget = 1.25,
      .n = 200,
      .ours = ours,
      .peer = peer,
      .obstacle = bench_find_no_two_processors,
  },
  { NULL }
};
