/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Those who wait are served in order; a running thread may go before them, but
 * for no more than half a millisecond after one has become the first in line.
 *
 * So a wait lasts at most as long as those in front of it hold the lock, plus half
 * a millisecond for each of them, plus whatever the scheduler takes to run those
 * whose turn it is: with eight threads on a machine that has a few processors of
 * its own that comes to some milliseconds, and on one that has not to some tens.
 * The bound below is one that only starvation reaches.
 */

#include "exclusive.h"

#define N_THREADS 8
#define DURATION (3 * G_TIME_SPAN_SECOND)
#define LONGEST_WAIT G_TIME_SPAN_SECOND
#define MOST_CONTESTS 3

typedef struct
{
  const Exclusive *kind;
  GTimeSpan section; /* how long it is held */
} Case;

typedef struct
{
  const Case *test_case;
  gpointer object;
  SupportGate gate;
  int over;
  guint64 counter; /* what the lock is for */
} Contest;

typedef struct
{
  Contest *contest;
  guint64 n_acquired;
  gint64 longest_wait;
  ThredoThread *thread;
} Contestant;

static void
hold (Contest *contest,
      gint64   since)
{
  contest->counter++;
  if (contest->test_case->section > 0)
    while (g_get_monotonic_time () - since < contest->test_case->section)
      ;
}

static gboolean
contend (ThredoThread  *thread,
         gpointer       user_data,
         GError       **error)
{
  Contestant *self = user_data;
  Contest *contest = self->contest;
  const Exclusive *kind = contest->test_case->kind;

  support_gate_wait (&contest->gate);
  while (!g_atomic_int_get (&contest->over))
    {
      gint64 begun = g_get_monotonic_time ();
      gint64 acquired;

      if (!kind->acquire (contest->object, NULL, error))
        return FALSE;
      acquired = g_get_monotonic_time ();
      hold (contest, acquired);
      if (!kind->release (contest->object, error))
        return FALSE;
      self->n_acquired++;
      self->longest_wait = MAX (self->longest_wait, acquired - begun);
    }

  return TRUE;
}

static void
contest_init (Contest    *contest,
              const Case *test_case)
{
  *contest = (Contest) { .test_case = test_case, .object = test_case->kind->create () };
  support_gate_init (&contest->gate);
}

static void
contest_clear (Contest *contest)
{
  g_assert_true (contest->test_case->kind->is_free (contest->object));
  support_gate_clear (&contest->gate);
  g_object_unref (contest->object);
}

static void
contestant_start (Contestant       *self,
                  Contest          *contest,
                  ThredoThreadFunc  func)
{
  *self = (Contestant) { .contest = contest };
  self->thread = thredo_thread_spawn ("contestant", func, self, NULL, NULL);
  g_assert_nonnull (self->thread);
}

static void
contestant_end (Contestant *self)
{
  support_join_ok (self->thread);
  g_clear_object (&self->thread);
}

/* Everybody wants the same, all the time. Returns whether all had their share. */
static gboolean
share (const Case *test_case)
{
  Contestant contestants[N_THREADS];
  Contest contest;
  guint64 least = G_MAXUINT64;
  guint64 most = 0;
  guint64 sum = 0;
  gint64 longest_wait = 0;

  contest_init (&contest, test_case);
  for (int i = 0; i < N_THREADS; i++)
    contestant_start (&contestants[i], &contest, contend);
  support_gate_open (&contest.gate);
  g_usleep (DURATION);
  g_atomic_int_set (&contest.over, TRUE);
  for (int i = 0; i < N_THREADS; i++)
    {
      contestant_end (&contestants[i]);
      least = MIN (least, contestants[i].n_acquired);
      most = MAX (most, contestants[i].n_acquired);
      sum += contestants[i].n_acquired;
      longest_wait = MAX (longest_wait, contestants[i].longest_wait);
    }

  g_test_message ("%" G_GUINT64_FORMAT " acquired; the least served of %d had %.2f of the mean, "
                  "the most served %.2f; the longest wait was %.1f ms",
                  sum, N_THREADS, (double) least * N_THREADS / sum,
                  (double) most * N_THREADS / sum, longest_wait / 1e3);
  g_assert_cmpuint (contest.counter, ==, sum);
  contest_clear (&contest);
  return least * N_THREADS * 2 >= sum && longest_wait < LONGEST_WAIT;
}

/* What else runs on the machine takes a processor from some of them and not from others; a
 * lock that is unfair is so every time. */
static void
test_shares (gconstpointer user_data)
{
  guint n_contests = 1;

  while (!share (user_data))
    g_assert_cmpuint (n_contests++, <, MOST_CONTESTS);
}

static gboolean
ask_now_and_then (ThredoThread  *thread,
                  gpointer       user_data,
                  GError       **error)
{
  Contestant *self = user_data;
  Contest *contest = self->contest;
  const Exclusive *kind = contest->test_case->kind;

  support_gate_wait (&contest->gate);
  while (!g_atomic_int_get (&contest->over))
    {
      gint64 begun = g_get_monotonic_time ();

      if (!kind->acquire (contest->object, NULL, error))
        return FALSE;
      self->longest_wait = MAX (self->longest_wait, g_get_monotonic_time () - begun);
      contest->counter++;
      self->n_acquired++;
      if (!kind->release (contest->object, error))
        return FALSE;
      g_usleep (500);
    }

  return TRUE;
}

/* One that holds it nearly all the time, and lets go of it only to take it again:
 * whoever asks gets it all the same. */
static void
test_hog (gconstpointer user_data)
{
  Contestant hog;
  Contestant modest;
  Contest contest;

  contest_init (&contest, user_data);
  contestant_start (&hog, &contest, contend);
  contestant_start (&modest, &contest, ask_now_and_then);
  support_gate_open (&contest.gate);
  g_usleep (DURATION / 3);
  g_atomic_int_set (&contest.over, TRUE);
  contestant_end (&hog);
  contestant_end (&modest);

  g_test_message ("%" G_GUINT64_FORMAT " acquired against %" G_GUINT64_FORMAT
                  "; the longest wait was %.1f ms",
                  modest.n_acquired, hog.n_acquired, modest.longest_wait / 1e3);
  g_assert_cmpuint (contest.counter, ==, modest.n_acquired + hog.n_acquired);
  g_assert_cmpuint (modest.n_acquired, >=, 10);
  g_assert_cmpint (modest.longest_wait, <, LONGEST_WAIT);
  g_assert_cmpint (hog.longest_wait, <, LONGEST_WAIT);
  contest_clear (&contest);
}

static const struct
{
  const char *name;
  GTimeSpan section;
  GTestDataFunc func;
} tests[] = {
  { "tiny-section", 0, test_shares },
  { "short-section", 20, test_shares },
  { "hog", 20, test_hog },
};

static Case cases[G_N_ELEMENTS (exclusives)][G_N_ELEMENTS (tests)];

int
main (int    argc,
      char **argv)
{
  support_init (&argc, &argv);

  for (gsize i = 0; i < G_N_ELEMENTS (exclusives); i++)
    {
      for (gsize j = 0; j < G_N_ELEMENTS (tests); j++)
        {
          g_autofree char *path = g_strdup_printf ("/fairness/%s/%s", exclusives[i].name,
                                                   tests[j].name);

          cases[i][j] = (Case) { &exclusives[i], tests[j].section };
          g_test_add_data_func (path, &cases[i][j], tests[j].func);
        }
    }

  return g_test_run ();
}
