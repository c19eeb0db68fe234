/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Items through an unbounded queue, and there and back through two.
 *
 * Both sides pass the numbers from 1 on as pointers and add up what arrives;
 * the sum is checked. The threads are ours on our side, GThreads on the
 * peer's; in the rows with two threads the main thread is one of them.
 */

#include "families.h"

#define PUTTERS 4
#define GETTERS 4

typedef struct
{
  ThredoQueue *there;
  ThredoQueue *back;
  guint64 n;
  gsize sum;         /* of what this thread got */
  gboolean is_apart; /* the putter is on the second processor, the getter on the first */
} Ours;

typedef struct
{
  GAsyncQueue *there;
  GAsyncQueue *back;
  guint64 n;
  gsize sum;
} Peer;

static void
check_sum (gsize   sum,
           guint64 n,
           guint   times)
{
  if (sum != (gsize) (n * (n + 1) / 2 * times))
    bench_fail ("items were lost or came twice");
}

static gboolean
put_ours (ThredoThread  *thread,
          gpointer       user_data,
          GError       **error)
{
  Ours *ours = user_data;

  if (ours->is_apart)
    bench_keep_to_processor (1);
  for (gsize i = 1; i <= ours->n; i++)
    {
      if (!thredo_queue_put_pointer (ours->there, GSIZE_TO_POINTER (i), NULL, error))
        return FALSE;
    }
  if (ours->is_apart)
    bench_keep_to_none ();
  return TRUE;
}

static gboolean
get_ours (ThredoThread  *thread,
          gpointer       user_data,
          GError       **error)
{
  Ours *ours = user_data;

  ours->sum = 0;
  for (guint64 i = 0; i < ours->n; i++)
    {
      gpointer item = thredo_queue_get_pointer (ours->there, NULL, error);

      if (item == NULL)
        return FALSE;
      ours->sum += GPOINTER_TO_SIZE (item);
    }
  return TRUE;
}

static gboolean
echo_ours (ThredoThread  *thread,
           gpointer       user_data,
           GError       **error)
{
  Ours *ours = user_data;

  for (guint64 i = 0; i < ours->n; i++)
    {
      gpointer item = thredo_queue_get_pointer (ours->there, NULL, error);

      if (item == NULL || !thredo_queue_put_pointer (ours->back, item, NULL, error))
        return FALSE;
    }
  return TRUE;
}

static gpointer
put_peer (gpointer user_data)
{
  Peer *peer = user_data;

  for (gsize i = 1; i <= peer->n; i++)
    g_async_queue_push (peer->there, GSIZE_TO_POINTER (i));
  return NULL;
}

static gpointer
get_peer (gpointer user_data)
{
  Peer *peer = user_data;

  peer->sum = 0;
  for (guint64 i = 0; i < peer->n; i++)
    peer->sum += GPOINTER_TO_SIZE (g_async_queue_pop (peer->there));
  return NULL;
}

static gpointer
echo_peer (gpointer user_data)
{
  Peer *peer = user_data;

  for (guint64 i = 0; i < peer->n; i++)
    g_async_queue_push (peer->back, g_async_queue_pop (peer->there));
  return NULL;
}

/* One putter, one getter */

static void
pass_ours (guint64      n,
           gboolean     is_apart,
           BenchSample *sample)
{
  g_autoptr(ThredoQueue) queue = thredo_queue_new (0);
  Ours putter = { .there = queue, .n = n, .is_apart = is_apart };
  Ours getter = { .there = queue, .n = n };
  g_autoptr(GError) error = NULL;
  ThredoThread *thread;
  BenchClock stopwatch;

  bench_start (&stopwatch);
  thread = bench_spawn ("putter", put_ours, &putter);
  if (!get_ours (NULL, &getter, &error))
    bench_fail ("get: %s", error->message);
  bench_join (thread);
  bench_stop (&stopwatch, n, sample);
  check_sum (getter.sum, n, 1);
}

void
queue_one_to_one_ours (guint64      n,
                       BenchSample *sample)
{
  pass_ours (n, FALSE, sample);
}

void
queue_one_to_one_apart_ours (guint64      n,
                             BenchSample *sample)
{
  bench_keep_to_processor (0);
  pass_ours (n, TRUE, sample);
  bench_keep_to_none ();
}

static void
queue_one_to_one_peer (guint64      n,
                       BenchSample *sample)
{
  g_autoptr(GAsyncQueue) queue = g_async_queue_new ();
  Peer putter = { .there = queue, .n = n };
  Peer getter = { .there = queue, .n = n };
  GThread *thread;
  BenchClock stopwatch;

  bench_start (&stopwatch);
  thread = g_thread_new ("putter", put_peer, &putter);
  get_peer (&getter);
  g_thread_join (thread);
  bench_stop (&stopwatch, n, sample);
  check_sum (getter.sum, n, 1);
}

/* Four of each */

void
queue_four_to_four_ours (guint64      n,
                         BenchSample *sample)
{
  g_autoptr(ThredoQueue) queue = thredo_queue_new (0);
  ThredoThread *threads[PUTTERS + GETTERS];
  Ours ours[PUTTERS + GETTERS];
  gsize sum = 0;
  BenchClock stopwatch;

  n = MAX (n / PUTTERS, 1);
  bench_start (&stopwatch);
  for (guint i = 0; i < G_N_ELEMENTS (ours); i++)
    {
      ours[i] = (Ours) { .there = queue, .n = n };
      threads[i] = bench_spawn ("bench", i < PUTTERS ? put_ours : get_ours, &ours[i]);
    }
  for (guint i = 0; i < G_N_ELEMENTS (ours); i++)
    {
      bench_join (threads[i]);
      sum += ours[i].sum;
    }
  bench_stop (&stopwatch, n * PUTTERS, sample);
  check_sum (sum, n, PUTTERS);
}

static void
queue_four_to_four_peer (guint64      n,
                         BenchSample *sample)
{
  g_autoptr(GAsyncQueue) queue = g_async_queue_new ();
  GThread *threads[PUTTERS + GETTERS];
  Peer peer[PUTTERS + GETTERS];
  gsize sum = 0;
  BenchClock stopwatch;

  n = MAX (n / PUTTERS, 1);
  bench_start (&stopwatch);
  for (guint i = 0; i < G_N_ELEMENTS (peer); i++)
    {
      peer[i] = (Peer) { .there = queue, .n = n };
      threads[i] = g_thread_new ("bench", i < PUTTERS ? put_peer : get_peer, &peer[i]);
    }
  for (guint i = 0; i < G_N_ELEMENTS (peer); i++)
    {
      g_thread_join (threads[i]);
      sum += peer[i].sum;
    }
  bench_stop (&stopwatch, n * PUTTERS, sample);
  check_sum (sum, n, PUTTERS);
}

/* There and back */

void
queue_ping_pong_ours (guint64      n,
                      BenchSample *sample)
{
  g_autoptr(ThredoQueue) there = thredo_queue_new (0);
  g_autoptr(ThredoQueue) back = thredo_queue_new (0);
  Ours ours = { .there = there, .back = back, .n = n };
  g_autoptr(GError) error = NULL;
  ThredoThread *thread;
  gsize sum = 0;
  BenchClock stopwatch;

  bench_start (&stopwatch);
  thread = bench_spawn ("echo", echo_ours, &ours);
  for (gsize i = 1; i <= n; i++)
    {
      gpointer item = NULL;

      if (thredo_queue_put_pointer (there, GSIZE_TO_POINTER (i), NULL, &error))
        item = thredo_queue_get_pointer (back, NULL, &error);
      if (item == NULL)
        bench_fail ("ping-pong: %s", error->message);
      sum += GPOINTER_TO_SIZE (item);
    }
  bench_join (thread);
  bench_stop (&stopwatch, n, sample);
  check_sum (sum, n, 1);
}

static void
queue_ping_pong_peer (guint64      n,
                      BenchSample *sample)
{
  g_autoptr(GAsyncQueue) there = g_async_queue_new ();
  g_autoptr(GAsyncQueue) back = g_async_queue_new ();
  Peer peer = { .there = there, .back = back, .n = n };
  GThread *thread;
  gsize sum = 0;
  BenchClock stopwatch;

  bench_start (&stopwatch);
  thread = g_thread_new ("echo", echo_peer, &peer);
  for (gsize i = 1; i <= n; i++)
    {
      g_async_queue_push (there, GSIZE_TO_POINTER (i));
      sum += GPOINTER_TO_SIZE (g_async_queue_pop (back));
    }
  g_thread_join (thread);
  bench_stop (&stopwatch, n, sample);
  check_sum (sum, n, 1);
}

/*
 * The rows with busy neighbours take longer: the scheduler shares in slices of
 * milliseconds, and a round should see many of them.
 */
const BenchRow queue_rows[] = {
  {
      .name = "queue/1p1g",
      .work = "queue, 1 putter 1 getter, per item",
      .against = "GAsyncQueue",
      .unit = "ns",
      .budget = 0.40,
      .flags = BENCH_SAME_N,
      .n = 10000,
      .ours = queue_one_to_one_ours,
      .peer = queue_one_to_one_peer,
  },
  {
      .name = "queue/4p4g",
      .work = "queue, 4 putters 4 getters, per item",
      .against = "GAsyncQueue",
      .unit = "ns",
      .budget = 0.50,
      .flags = BENCH_SAME_N,
      .n = 10000,
      .ours = queue_four_to_four_ours,
      .peer = queue_four_to_four_peer,
  },
  {
      .name = "queue/ping-pong",
      .work = "queue ping-pong, per round trip",
      .against = "GAsyncQueue",
      .unit = "ns",
      .budget = 0.05,
      .n = 200,
      .ours = queue_ping_pong_ours,
      .peer = queue_ping_pong_peer,
  },
  {
      .name = "queue/1p1g-busy",
      .work = "… 1 putter 1 getter, 4 busy threads per core",
      .against = "GAsyncQueue",
      .unit = "ns",
      .flags = BENCH_SAME_N | BENCH_BUSY,
      .n = 10000,
      .milliseconds = 300,
      .ours = queue_one_to_one_ours,
      .peer = queue_one_to_one_peer,
  },
  {
      .name = "queue/4p4g-busy",
      .work = "… 4 putters 4 getters, 4 busy threads per core",
      .against = "GAsyncQueue",
      .unit = "ns",
      .budget = 1.1,
      .flags = BENCH_SAME_N | BENCH_BUSY,
      .n = 10000,
      .milliseconds = 300,
      .ours = queue_four_to_four_ours,
      .peer = queue_four_to_four_peer,
  },
  {
      .name = "queue/ping-pong-busy",
      .work = "… ping-pong, 4 busy threads per core",
      .against = "GAsyncQueue",
      .unit = "ns",
      .budget = 1.1,
      .flags = BENCH_BUSY,
      .n = 200,
      .milliseconds = 300,
      .ours = queue_ping_pong_ours,
      .peer = queue_ping_pong_peer,
  },
  { NULL }
};
