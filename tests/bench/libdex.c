/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* libdex's threads and channels beside ours, for information; only where libdex-1 is installed. */

#include "families.h"

#include <libdex.h>

typedef struct
{
  DexChannel *there;
  DexChannel *back;
  guint64 n;
  gsize sum;
} Dex;

static void
send_pointer (DexChannel *channel,
              gpointer    item)
{
  dex_future_disown (dex_channel_send (channel, dex_future_new_for_pointer (item)));
}

/* On a thread of libdex's own: only there may one wait. */
static gpointer
receive_pointer (DexChannel *channel)
{
  DexFuture *future = dex_channel_receive (channel);
  gpointer item = NULL;

  if (dex_thread_wait_for (dex_ref (future), NULL))
    item = g_value_get_pointer (dex_future_get_value (future, NULL));
  dex_unref (future);
  return item;
}

static DexFuture *
return_nothing (gpointer user_data)
{
  return dex_future_new_for_boolean (TRUE);
}

static DexFuture *
put_dex (gpointer user_data)
{
  Dex *dex = user_data;

  for (gsize i = 1; i <= dex->n; i++)
    send_pointer (dex->there, GSIZE_TO_POINTER (i));
  return dex_future_new_for_boolean (TRUE);
}

static DexFuture *
get_dex (gpointer user_data)
{
  Dex *dex = user_data;

  for (guint64 i = 0; i < dex->n; i++)
    dex->sum += GPOINTER_TO_SIZE (receive_pointer (dex->there));
  return dex_future_new_for_boolean (TRUE);
}

static DexFuture *
ping_dex (gpointer user_data)
{
  Dex *dex = user_data;

  for (gsize i = 1; i <= dex->n; i++)
    {
      send_pointer (dex->there, GSIZE_TO_POINTER (i));
      dex->sum += GPOINTER_TO_SIZE (receive_pointer (dex->back));
    }
  return dex_future_new_for_boolean (TRUE);
}

static DexFuture *
echo_dex (gpointer user_data)
{
  Dex *dex = user_data;

  for (guint64 i = 0; i < dex->n; i++)
    send_pointer (dex->back, receive_pointer (dex->there));
  return dex_future_new_for_boolean (TRUE);
}

/* The main thread learns that a thread has ended from its main context. */
static void
join_dex (DexFuture *thread)
{
  while (dex_future_get_status (thread) == DEX_FUTURE_STATUS_PENDING)
    g_main_context_iteration (NULL, TRUE);
  dex_unref (thread);
}

static void
spawn_dex (guint64      n,
           BenchSample *sample)
{
  BenchClock stopwatch;

  dex_init ();
  bench_start (&stopwatch);
  for (guint64 i = 0; i < n; i++)
    join_dex (dex_thread_spawn ("bench", return_nothing, NULL, NULL));
  bench_stop (&stopwatch, n, sample);
}

static void
run_pair (guint64        n,
          DexThreadFunc  one,
          DexThreadFunc  other,
          BenchSample   *sample)
{
  Dex first = { .n = n }, second = { .n = n };
  DexFuture *threads[2];
  BenchClock stopwatch;

  dex_init ();
  first.there = second.there = dex_channel_new (0);
  first.back = second.back = dex_channel_new (0);
  bench_start (&stopwatch);
  threads[0] = dex_thread_spawn ("bench", one, &first, NULL);
  threads[1] = dex_thread_spawn ("bench", other, &second, NULL);
  join_dex (threads[0]);
  join_dex (threads[1]);
  bench_stop (&stopwatch, n, sample);
  if (first.sum + second.sum != (gsize) (n * (n + 1) / 2))
    bench_fail ("libdex: items were lost or came twice");
  dex_unref (first.there);
  dex_unref (first.back);
}

static void
one_to_one_dex (guint64      n,
                BenchSample *sample)
{
  run_pair (n, put_dex, get_dex, sample);
}

static void
ping_pong_dex (guint64      n,
               BenchSample *sample)
{
  run_pair (n, ping_dex, echo_dex, sample);
}

const BenchRow libdex_rows[] = {
  {
      .name = "libdex/spawn",
      .work = "spawn and join, empty function",
      .against = "dex_thread_spawn",
      .unit = "ns",
      .n = 100,
      .ours = spawn_ours,
      .peer = spawn_dex,
  },
  {
      .name = "libdex/1p1g",
      .work = "queue, 1 putter 1 getter, per item",
      .against = "DexChannel",
      .unit = "ns",
      .flags = BENCH_SAME_N,
      .n = 1000,
      .ours = queue_one_to_one_ours,
      .peer = one_to_one_dex,
  },
  {
      .name = "libdex/ping-pong",
      .work = "queue ping-pong, per round trip",
      .against = "DexChannel",
      .unit = "ns",
      .n = 200,
      .ours = queue_ping_pong_ours,
      .peer = ping_pong_dex,
  },
  { NULL }
};
