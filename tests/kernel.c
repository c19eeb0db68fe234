/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The parts of the kernel, each alone: what docs/kernel.md says of them. */

#include "fifo.h"
#include "gate.h"
#include "support.h"
#include "timers.h"
#include "wait.h"

#define N_CLAIMERS 3

/* A round of claims on one wait: the claimers and the owner meet at the round's
 * number, and each claimer tries once. */
typedef struct
{
  ThredoWait wait;
  _Atomic guint round;
  _Atomic guint n_ready;
  _Atomic guint n_won;
  guint n_rounds;
} Contest;

static gpointer
claimer (gpointer data)
{
  Contest *contest = data;

  for (guint round = 1; round <= contest->n_rounds; round++)
    {
      ThredoWakeBatch batch = THREDO_WAKE_BATCH_INIT;

      while (atomic_load (&contest->round) != round)
        g_thread_yield ();
      if (thredo_wait_claim (&contest->wait, contest->wait.token, THREDO_WAIT_DONE, &batch))
        atomic_fetch_add (&contest->n_won, 1);
      thredo_wake_batch_flush (&batch);
      atomic_fetch_add (&contest->n_ready, 1);
    }
  return NULL;
}

static void
test_wait_claimed_once (void)
{
  Contest contest = { .n_rounds = (guint) support_rounds (20000) };
  GThread *threads[N_CLAIMERS];

  thredo_wait_init (&contest.wait);
  for (guint i = 0; i < N_CLAIMERS; i++)
    threads[i] = g_thread_new ("claimer", claimer, &contest);

  for (guint round = 1; round <= contest.n_rounds; round++)
    {
      atomic_store (&contest.n_ready, 0);
      thredo_wait_arm (&contest.wait);
      atomic_store (&contest.round, round);
      g_assert_true (thredo_wait_park (&contest.wait, THREDO_PARK_FOREVER));
      while (atomic_load (&contest.n_ready) != N_CLAIMERS)
        g_thread_yield ();
    }

  for (guint i = 0; i < N_CLAIMERS; i++)
    g_thread_join (threads[i]);
  g_assert_cmpuint (atomic_load (&contest.n_won), ==, contest.n_rounds);
  thredo_wait_clear (&contest.wait);
}

static void
test_wait_late_claim (void)
{
  ThredoWakeBatch batch = THREDO_WAKE_BATCH_INIT;
  ThredoWait wait = { 0 };
  guint32 late;

  thredo_wait_init (&wait);
  late = thredo_wait_arm (&wait);
  g_assert_true (thredo_wait_disarm (&wait));
  g_assert_false (thredo_wait_claim (&wait, late, THREDO_WAIT_DONE, &batch));
  g_assert_false (thredo_wait_claim_current (&wait, THREDO_WAIT_DONE, &batch));

  thredo_wait_arm (&wait);
  g_assert_false (thredo_wait_claim (&wait, late, THREDO_WAIT_DONE, &batch));
  g_assert_cmpint (thredo_wait_get_state (&wait), ==, THREDO_WAIT_ARMED);
  g_assert_true (thredo_wait_claim_current (&wait, THREDO_WAIT_CANCELLED, &batch));
  g_assert_false (thredo_wait_disarm (&wait));
  g_assert_cmpint (thredo_wait_get_state (&wait), ==, THREDO_WAIT_CANCELLED);

  /* It was never parked, so nobody has to be woken. */
  g_assert_cmpuint (batch.n, ==, 0);
  thredo_wait_clear (&wait);
}

static void
test_wait_generations_wrap (void)
{
  ThredoWakeBatch batch = THREDO_WAKE_BATCH_INIT;
  ThredoWait wait = { 0 };
  guint32 last, next;

  thredo_wait_init (&wait);
  atomic_store (&wait.parker.word, ~THREDO_WAIT_STATE_MASK - THREDO_WAIT_GENERATION);
  last = thredo_wait_arm (&wait);
  g_assert_cmpuint (last & ~THREDO_WAIT_STATE_MASK, ==, ~THREDO_WAIT_STATE_MASK);
  g_assert_true (thredo_wait_disarm (&wait));
  next = thredo_wait_arm (&wait);
  g_assert_cmpuint (next, ==, THREDO_WAIT_ARMED);
  g_assert_false (thredo_wait_claim (&wait, last, THREDO_WAIT_DONE, &batch));
  g_assert_true (thredo_wait_claim (&wait, next, THREDO_WAIT_DONE, &batch));
  thredo_wait_clear (&wait);
}

static void
test_wait_until (void)
{
  ThredoWait wait = { 0 };

  thredo_wait_init (&wait);
  thredo_wait_arm (&wait);
  g_assert_false (thredo_wait_park (&wait, g_get_monotonic_time () + 100));
  g_assert_cmpint (thredo_wait_get_state (&wait), ==, THREDO_WAIT_PARKED);
  thredo_wait_complete (&wait, wait.token, THREDO_WAIT_DONE);
  g_assert_true (thredo_wait_park (&wait, THREDO_PARK_FOREVER));
  thredo_wait_clear (&wait);
}

static void
test_wait_more_than_a_batch (void)
{
  ThredoWakeBatch batch = THREDO_WAKE_BATCH_INIT;
  ThredoWait waits[3 * THREDO_WAKE_BATCH] = { 0 };
  ThredoWaitList list = { 0 };

  for (guint i = 0; i < G_N_ELEMENTS (waits); i++)
    {
      thredo_wait_init (&waits[i]);
      thredo_wait_arm (&waits[i]);
      g_assert_false (thredo_wait_park (&waits[i], g_get_monotonic_time ()));
      thredo_wait_list_append (&list, &waits[i]);
    }
  g_assert_cmpuint (list.length, ==, G_N_ELEMENTS (waits));
  thredo_wait_list_claim_all (&list, THREDO_WAIT_CLOSED, &batch);
  g_assert_cmpuint (batch.n, <=, THREDO_WAKE_BATCH);
  thredo_wake_batch_flush (&batch);

  g_assert_null (list.first);
  g_assert_null (list.last);
  for (guint i = 0; i < G_N_ELEMENTS (waits); i++)
    {
      g_assert_cmpint (thredo_wait_get_state (&waits[i]), ==, THREDO_WAIT_CLOSED);
      thredo_wait_clear (&waits[i]);
    }
}

typedef struct
{
  ThredoMutex mutex;
  guint64 number;
  guint n_rounds;
} Counter;

static gpointer
count_up (gpointer data)
{
  Counter *counter = data;

  for (guint i = 0; i < counter->n_rounds; i++)
    {
      thredo_mutex_lock (&counter->mutex);
      counter->number++;
      thredo_mutex_unlock (&counter->mutex);
    }
  return NULL;
}

static void
test_mutex_excludes (void)
{
  Counter counter = { .n_rounds = (guint) support_rounds (200000) };
  GThread *threads[4];

  thredo_mutex_init (&counter.mutex);
  for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
    threads[i] = g_thread_new ("counter", count_up, &counter);
  for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
    g_thread_join (threads[i]);
  g_assert_cmpuint (counter.number, ==, (guint64) counter.n_rounds * G_N_ELEMENTS (threads));
  thredo_mutex_clear (&counter.mutex);
}

/* Timers that write down when they fire. The moments are made up: no loop runs
 * in this process, and the test says what time it is. */
typedef struct
{
  ThredoTimer timer;
  gint64 when;
  guint n_fired;
} Moment;

static gint64 last_fired;
static gint64 alarm_at;

static void
fire (ThredoTimer      *timer,
      ThredoTimerBatch *batch)
{
  Moment *moment = (Moment *) timer;

  g_assert_cmpint (moment->when, >=, last_fired);
  last_fired = moment->when;
  moment->n_fired++;
}

static void
note_alarm (gint64 when)
{
  alarm_at = when;
}

static void
test_timers_order (void)
{
  enum
  {
    N = 5000,
    NOON = 500000
  };
  g_autofree Moment *moments = g_new0 (Moment, N);

  for (guint i = 0; i < N; i++)
    {
      thredo_timer_init (&moments[i].timer, fire);
      moments[i].when = g_test_rand_int_range (1, 2 * NOON);
      thredo_timers_add (&moments[i].timer, moments[i].when);
    }
  /* Some are taken back, some are moved. */
  for (guint i = 0; i < N; i += 3)
    thredo_timers_remove (&moments[i].timer);
  for (guint i = 0; i < N; i += 6)
    {
      moments[i].when = g_test_rand_int_range (1, 2 * NOON);
      thredo_timers_add (&moments[i].timer, moments[i].when);
    }

  last_fired = 0;
  thredo_timers_expire (NOON);
  for (guint i = 0; i < N; i++)
    {
      gboolean is_set = i % 3 != 0 || i % 6 == 0;

      g_assert_cmpuint (moments[i].n_fired, ==, is_set && moments[i].when <= NOON ? 1 : 0);
    }
  thredo_timers_expire (2 * NOON);
  for (guint i = 0; i < N; i++)
    {
      g_assert_cmpuint (moments[i].n_fired, ==, i % 3 != 0 || i % 6 == 0 ? 1 : 0);
      g_assert_cmpuint (moments[i].timer.index, ==, 0);
    }
}

static void
test_timers_alarm (void)
{
  Moment early = { .when = 100 }, late = { .when = 200 }, never = { .when = G_MAXINT64 };

  thredo_timer_init (&early.timer, fire);
  thredo_timer_init (&late.timer, fire);
  thredo_timer_init (&never.timer, fire);
  alarm_at = G_MAXINT64;
  thredo_timers_set_alarm (note_alarm);

  thredo_timers_add (&never.timer, never.when);
  g_assert_cmpint (alarm_at, ==, G_MAXINT64);
  thredo_timers_add (&late.timer, late.when);
  g_assert_cmpint (alarm_at, ==, 200);
  thredo_timers_add (&early.timer, early.when);
  g_assert_cmpint (alarm_at, ==, 100);

  /* An alarm that is too early stays, and is set right when it rings. */
  thredo_timers_remove (&early.timer);
  g_assert_cmpint (alarm_at, ==, 100);
  last_fired = 0;
  thredo_timers_expire (100);
  g_assert_cmpint (alarm_at, ==, 200);
  thredo_timers_expire (200);
  g_assert_cmpuint (late.n_fired, ==, 1);
  g_assert_cmpuint (early.n_fired, ==, 0);
  thredo_timers_remove (&never.timer);
}

static void
push (ThredoFifo *fifo,
      guint64     number)
{
  GValue item = G_VALUE_INIT;

  g_value_init (&item, G_TYPE_UINT64);
  g_value_set_uint64 (&item, number);
  thredo_fifo_push (fifo, &item);
}

static void
test_fifo_blocks (void)
{
  ThredoFifo fifo = { 0 };
  guint64 n_put = 0, n_got = 0;

  thredo_fifo_init (&fifo);
  for (guint round = 0; round < 200; round++)
    {
      guint n = (guint) g_test_rand_int_range (1, 5 * THREDO_FIFO_BLOCK);

      for (guint i = 0; i < n; i++)
        push (&fifo, n_put++);
      /* Now and then to the last one, else leaving some. */
      if (round % 5 != 0)
        n = (guint) g_test_rand_int_range (0, (gint32) n);
      else
        n = (guint) (n_put - n_got);
      for (guint i = 0; i < n; i++)
        {
          g_assert_cmpuint (g_value_get_uint64 (thredo_fifo_peek (&fifo)), ==, n_got++);
          thredo_fifo_drop (&fifo);
        }
    }
  for (; n_got < n_put; n_got++)
    {
      g_assert_cmpuint (g_value_get_uint64 (thredo_fifo_peek (&fifo)), ==, n_got);
      thredo_fifo_drop (&fifo);
    }
  thredo_fifo_clear (&fifo);
}

static void
test_gate (void)
{
  ThredoWakeBatch batch = THREDO_WAKE_BATCH_INIT;
  ThredoGate gate = { 0 };
  ThredoWait early = { 0 }, gone = { 0 }, late = { 0 };

  thredo_gate_init (&gate, 3);
  thredo_wait_init (&early);
  thredo_wait_init (&gone);
  thredo_wait_init (&late);
  thredo_wait_arm (&early);
  thredo_wait_arm (&gone);
  thredo_wait_arm (&late);

  thredo_gate_line_up (&gate, &early, thredo_gate_get_turn (&gate));
  thredo_gate_line_up (&gate, &gone, thredo_gate_get_turn (&gate));
  thredo_gate_set (&gate, 2);
  g_assert_false (thredo_gate_is_open (&gate));
  g_assert_cmpint (thredo_wait_get_state (&early), ==, THREDO_WAIT_ARMED);
  thredo_gate_step_out (&gate, &gone);
  thredo_gate_step_out (&gate, &gone);

  thredo_gate_open (&gate, 5, &batch);
  g_assert_true (thredo_gate_is_open (&gate));
  g_assert_cmpuint (thredo_gate_get (&gate), ==, 5);
  g_assert_cmpint (thredo_wait_get_state (&early), ==, THREDO_WAIT_DONE);
  g_assert_cmpint (thredo_wait_get_state (&gone), ==, THREDO_WAIT_ARMED);
  thredo_gate_line_up (&gate, &late, thredo_gate_get_turn (&gate));
  g_assert_cmpint (thredo_wait_get_state (&late), ==, THREDO_WAIT_DONE);

  thredo_wait_clear (&early);
  thredo_wait_clear (&gone);
  thredo_wait_clear (&late);
  thredo_gate_clear (&gate);
}

static void
test_gate_refuses (void)
{
  ThredoWakeBatch batch = THREDO_WAKE_BATCH_INIT;
  ThredoGate gate = { 0 };
  ThredoWait early = { 0 }, late = { 0 }, next = { 0 };
  guint turn;

  thredo_gate_init (&gate, 3);
  thredo_wait_init (&early);
  thredo_wait_init (&late);
  thredo_wait_init (&next);
  thredo_wait_arm (&early);
  thredo_wait_arm (&late);
  thredo_wait_arm (&next);

  turn = thredo_gate_get_turn (&gate);
  thredo_gate_line_up (&gate, &early, turn);
  thredo_gate_refuse (&gate, 0, &batch);
  thredo_gate_line_up (&gate, &late, turn);
  thredo_gate_line_up (&gate, &next, thredo_gate_get_turn (&gate));
  g_assert_cmpint (thredo_wait_get_state (&early), ==, THREDO_WAIT_REFUSED);
  g_assert_cmpint (thredo_wait_get_state (&late), ==, THREDO_WAIT_REFUSED);
  g_assert_cmpint (thredo_wait_get_state (&next), ==, THREDO_WAIT_ARMED);
  thredo_gate_open (&gate, 3, &batch);
  g_assert_cmpint (thredo_wait_get_state (&next), ==, THREDO_WAIT_DONE);

  thredo_wait_clear (&early);
  thredo_wait_clear (&late);
  thredo_wait_clear (&next);
  thredo_gate_clear (&gate);
}

int
main (int    argc,
      char **argv)
{
  g_test_init (&argc, &argv, NULL);

  g_test_add_func ("/kernel/wait/claimed-once", test_wait_claimed_once);
  g_test_add_func ("/kernel/wait/late-claim", test_wait_late_claim);
  g_test_add_func ("/kernel/wait/generations-wrap", test_wait_generations_wrap);
  g_test_add_func ("/kernel/wait/until", test_wait_until);
  g_test_add_func ("/kernel/wait/more-than-a-batch", test_wait_more_than_a_batch);
  g_test_add_func ("/kernel/mutex/excludes", test_mutex_excludes);
  g_test_add_func ("/kernel/timers/order", test_timers_order);
  g_test_add_func ("/kernel/timers/alarm", test_timers_alarm);
  g_test_add_func ("/kernel/fifo/blocks", test_fifo_blocks);
  g_test_add_func ("/kernel/gate/opens", test_gate);
  g_test_add_func ("/kernel/gate/refuses", test_gate_refuses);

  return g_test_run ();
}
