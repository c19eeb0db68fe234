/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Circles that are closed by all of their threads at once, and chains that change
 * while they are followed: no deadlock is missed, or said twice, or said where there
 * is none.
 */

#include "circle.h"

#include <string.h>

/* --- closed by all at once ------------------------------------------------ */

#define MAX_CLASHING 3

typedef struct
{
  int n_expected;
  int n_arrived;
  int phase;
} Meeting;

static void
meet (Meeting *meeting)
{
  int phase = g_atomic_int_get (&meeting->phase);
  guint n_spins = 0;

  if (g_atomic_int_add (&meeting->n_arrived, 1) == meeting->n_expected - 1)
    {
      g_atomic_int_set (&meeting->n_arrived, 0);
      g_atomic_int_set (&meeting->phase, phase + 1);
      return;
    }
  while (g_atomic_int_get (&meeting->phase) == phase)
    if (++n_spins > 300)
      g_thread_yield ();
}

/* So that it is not always the same one who comes last: some rounds are lost for the
 * race, as one of the actors stays back until the others wait. */
static void
hold_in_turn (guint n,
              guint index,
              guint round)
{
  if (round % (20 * n) == 20 * index)
    g_usleep (100);
}

typedef struct
{
  guint n;
  guint n_rounds;
  Meeting begin; /* with the main thread */
  Meeting start;
  Meeting end; /* with the main thread */
  ThredoLock *locks[MAX_CLASHING];
  GCancellable *cancellables[MAX_CLASHING];
  int n_errors[MAX_CLASHING];
  int code;
} Clash;

typedef struct
{
  Clash *clash;
  guint index;
  ThredoThread *thread;
} Clashing;

static gboolean
run_clashing (ThredoThread  *thread,
              gpointer       user_data,
              GError       **error)
{
  Clashing *self = user_data;
  Clash *clash = self->clash;
  ThredoLock *has = clash->locks[self->index];
  ThredoLock *wants = clash->locks[(self->index + 1) % clash->n];

  for (guint i = 0; i < clash->n_rounds; i++)
    {
      g_autoptr(GError) own = NULL;

      circle_acquire (has);
      meet (&clash->begin);
      meet (&clash->start);
      hold_in_turn (clash->n, self->index, i);
      if (thredo_lock_acquire (wants, clash->cancellables[self->index], &own))
        {
          circle_release (wants);
        }
      else
        {
          g_assert_cmpint (own->code, ==, clash->code);
          g_atomic_int_inc (&clash->n_errors[self->index]);
        }
      circle_release (has);
      meet (&clash->end);
    }
  return TRUE;
}

static void
clash_init (Clash    *self,
            Clashing *clashing,
            guint     n,
            guint     n_rounds,
            int       code)
{
  *self = (Clash) { .n = n, .n_rounds = n_rounds, .code = code };
  self->begin.n_expected = self->end.n_expected = n + 1;
  self->start.n_expected = n;
  for (guint i = 0; i < n; i++)
    self->locks[i] = thredo_lock_new ();
  for (guint i = 0; i < n; i++)
    {
      g_autoptr(GError) error = NULL;

      clashing[i].clash = self;
      clashing[i].index = i;
      clashing[i].thread = thredo_thread_spawn (circle_get_name (i), run_clashing, &clashing[i],
                                                NULL, &error);
      g_assert_no_error (error);
    }
}

static void
clash_end (Clash    *self,
           Clashing *clashing)
{
  for (guint i = 0; i < self->n; i++)
    {
      support_join_ok (clashing[i].thread);
      g_object_unref (clashing[i].thread);
      g_object_unref (self->locks[i]);
    }
  messages_assert_none ();
}

/* Which of the actors a text begins with. */
static guint
get_first_named (const char *text)
{
  const char *name = strchr (text, '\'');

  g_assert_nonnull (name);
  return name[1] - 'A';
}

/* One report in each round, whoever makes it. */
static void
show_clash_reported (guint n)
{
  guint n_closed[MAX_CLASHING] = { 0 };
  Clashing clashing[MAX_CLASHING];
  Clash clash;

  thredo_set_deadlock_policy (THREDO_DEADLOCK_POLICY_REPORT);
  clash_init (&clash, clashing, n, support_rounds (10000), G_IO_ERROR_CANCELLED);
  for (guint round = 0; round < clash.n_rounds; round++)
    {
      g_autofree char *warning = NULL;

      for (guint i = 0; i < n; i++)
        clash.cancellables[i] = g_cancellable_new ();
      meet (&clash.begin);
      for (guint i = 0; i < n; i++)
        support_wait_for_state (clashing[i].thread, THREDO_THREAD_STATE_WAITING);
      g_assert_cmpuint (messages_count (), ==, 1);
      warning = messages_take (G_LOG_LEVEL_WARNING);
      n_closed[get_first_named (warning)]++;
      g_cancellable_cancel (clash.cancellables[round % n]);
      meet (&clash.end);
      for (guint i = 0; i < n; i++)
        g_clear_object (&clash.cancellables[i]);
    }
  clash_end (&clash, clashing);

  for (guint i = 0; i < n; i++)
    {
      g_test_message ("%s has closed %u of %u", circle_get_name (i), n_closed[i], clash.n_rounds);
      if (clash.n_rounds > 1000)
        g_assert_cmpuint (n_closed[i], >, 0);
    }
}

static void
test_clash_reported (void)
{
  show_clash_reported (2);
  show_clash_reported (3);
}

/* One is refused in each round, which it takes and suffices. */
static void
show_clash_refused (guint n,
                    guint n_rounds)
{
  Clashing clashing[MAX_CLASHING];
  Clash clash;

  thredo_set_deadlock_policy (THREDO_DEADLOCK_POLICY_FAIL);
  clash_init (&clash, clashing, n, support_rounds (n_rounds), THREDO_ERROR_DEADLOCK);
  for (guint round = 0; round < clash.n_rounds; round++)
    {
      guint n_errors = 0;

      meet (&clash.begin);
      meet (&clash.end);
      for (guint i = 0; i < n; i++)
        n_errors += g_atomic_int_get (&clash.n_errors[i]);
      g_assert_cmpuint (n_errors, ==, round + 1);
    }
  clash_end (&clash, clashing);

  for (guint i = 0; i < n; i++)
    {
      g_test_message ("%s was refused %d of %u", circle_get_name (i), clash.n_errors[i],
                      clash.n_rounds);
      if (clash.n_rounds > 1000)
        g_assert_cmpint (clash.n_errors[i], >, 0);
    }
}

static void
test_clash_refused (void)
{
  show_clash_refused (2, 100000);
  show_clash_refused (3, 100000);
}

/* What is refused never comes about, however closely one looks. */

static gpointer
look_all_the_time (gpointer is_over)
{
  while (!g_atomic_int_get ((int *) is_over))
    circle_assert_no_deadlock ();
  return NULL;
}

static void
test_clash_unseen (void)
{
  int is_over = FALSE;
  GThread *looker = g_thread_new ("looker", look_all_the_time, &is_over);

  show_clash_refused (2, 10000);
  g_atomic_int_set (&is_over, TRUE);
  g_thread_join (looker);
}

/* --- closed by nobody ----------------------------------------------------- */

/* Nobody is ever refused where all keep to one order. */
typedef struct
{
  ThredoLock *locks[3];
  guint n_rounds;
} InOrder;

static gboolean
acquire_in_order (ThredoThread  *thread,
                  gpointer       user_data,
                  GError       **error)
{
  InOrder *self = user_data;

  for (guint i = 0; i < self->n_rounds; i++)
    {
      for (gsize j = 0; j < G_N_ELEMENTS (self->locks); j++)
        circle_acquire (self->locks[j]);
      if (i % 16 == 0)
        g_thread_yield ();
      for (gsize j = 0; j < G_N_ELEMENTS (self->locks); j++)
        circle_release (self->locks[j]);
    }
  return TRUE;
}

static void
test_in_order (void)
{
  InOrder in_order = { .n_rounds = support_rounds (20000) };
  ThredoThread *threads[4];

  thredo_set_deadlock_policy (THREDO_DEADLOCK_POLICY_FAIL);
  for (gsize i = 0; i < G_N_ELEMENTS (in_order.locks); i++)
    in_order.locks[i] = thredo_lock_new ();
  for (gsize i = 0; i < G_N_ELEMENTS (threads); i++)
    {
      threads[i] = thredo_thread_spawn ("t", acquire_in_order, &in_order, NULL, NULL);
      g_assert_nonnull (threads[i]);
    }
  for (gsize i = 0; i < G_N_ELEMENTS (threads); i++)
    {
      support_join_ok (threads[i]);
      g_object_unref (threads[i]);
    }
  for (gsize i = 0; i < G_N_ELEMENTS (in_order.locks); i++)
    g_object_unref (in_order.locks[i]);
  messages_assert_none ();
}

/* --- threads on the OS threads of others ---------------------------------- */

/* One holds a lock and joins a thread that is just ending, whose OS thread may by then
 * run another one, that waits for the lock. */

typedef struct
{
  ThredoLock *lock;
  int is_over;
} Reuse;

static gboolean
acquire_and_release (ThredoThread  *thread,
                     gpointer       lock,
                     GError       **error)
{
  circle_acquire (lock);
  circle_release (lock);
  return TRUE;
}

static gpointer
spawn_all_the_time (gpointer user_data)
{
  Reuse *reuse = user_data;

  while (!g_atomic_int_get (&reuse->is_over))
    {
      g_autoptr(ThredoThread) thread = NULL;
      g_autoptr(GError) error = NULL;

      thread = thredo_thread_spawn ("w", acquire_and_release, reuse->lock, NULL, &error);
      g_assert_no_error (error);
      support_join_ok (thread);
    }
  return NULL;
}

static void
test_reuse (void)
{
  Reuse reuse = { thredo_lock_new (), FALSE };
  guint n_rounds = support_rounds (50000);
  GThread *spawners[2];

  thredo_set_deadlock_policy (THREDO_DEADLOCK_POLICY_FAIL);
  for (gsize i = 0; i < G_N_ELEMENTS (spawners); i++)
    spawners[i] = g_thread_new ("spawner", spawn_all_the_time, &reuse);
  for (guint i = 0; i < n_rounds; i++)
    {
      g_autoptr(ThredoThread) thread = NULL;
      g_autoptr(GError) error = NULL;

      circle_acquire (reuse.lock);
      thread = thredo_thread_spawn ("t", support_return_true, NULL, NULL, &error);
      g_assert_no_error (error);
      support_join_ok (thread);
      circle_release (reuse.lock);
    }
  g_atomic_int_set (&reuse.is_over, TRUE);
  for (gsize i = 0; i < G_N_ELEMENTS (spawners); i++)
    g_thread_join (spawners[i]);
  g_object_unref (reuse.lock);
  messages_assert_none ();
}

/* --- chains that come and go ---------------------------------------------- */

/* Somebody walks along the chains all the time, while locks are made and dropped by
 * whoever has them last, and threads of both kinds come and end, some of them without
 * giving back what they have. */
#define N_COMERS 4

typedef struct
{
  guint number;
  ThredoLock *first;
  ThredoLock *second;
} Comer;

static void
come_and_go (Comer *self)
{
  g_autoptr(ThredoLock) first = self->first;
  g_autoptr(ThredoLock) second = self->second;
  g_autoptr(ThredoLock) own = thredo_lock_new ();
  g_autoptr(GError) error = NULL;

  circle_acquire (own);
  if (thredo_lock_acquire (first, NULL, &error))
    {
      if (thredo_lock_acquire (second, NULL, &error))
        circle_release (second);
      if (self->number % 16 != 0)
        circle_release (first);
    }
  if (error != NULL)
    support_assert_error (&error, THREDO_ERROR, THREDO_ERROR_DEADLOCK);
  circle_release (own);
}

static gboolean
run_comer (ThredoThread  *thread,
           gpointer       user_data,
           GError       **error)
{
  come_and_go (user_data);
  return TRUE;
}

static gpointer
run_foreign_comer (gpointer user_data)
{
  come_and_go (user_data);
  return NULL;
}

static gpointer
walk_all_the_time (gpointer is_over)
{
  g_autoptr(GMainContext) context = g_main_context_new ();
  guint n_walks = 0;

  g_main_context_push_thread_default (context);
  while (!g_atomic_int_get ((int *) is_over))
    {
      g_autoptr(ThredoMonitor) monitor = thredo_monitor_new ();
      g_autoptr(GPtrArray) deadlocks = thredo_monitor_find_deadlocks (monitor);
      g_autoptr(GPtrArray) snapshot = thredo_monitor_snapshot (monitor);

      /* With this policy none ever comes about. */
      g_assert_cmpuint (deadlocks->len, ==, 0);
      g_assert_cmpuint (snapshot->len, >, 0);
      if (n_walks++ % 2 == 0)
        g_clear_object (&monitor);
      g_main_context_iteration (context, FALSE);
    }
  g_main_context_pop_thread_default (context);
  return NULL;
}

/* The locks' last references are the comers', and may be those of one who has not
 * given back. */
static void
churn_once (guint round)
{
  ThredoLock *locks[3] = { thredo_lock_new (), thredo_lock_new (), thredo_lock_new () };
  Comer comers[2 * N_COMERS];
  ThredoThread *threads[N_COMERS];
  GThread *foreign[N_COMERS];

  for (guint i = 0; i < 2 * N_COMERS; i++)
    {
      comers[i] = (Comer) { .number = round * 2 * N_COMERS + i,
                           .first = g_object_ref (locks[i % 3]),
                           .second = g_object_ref (locks[(i + 1) % 3]) };
    }
  for (guint i = 0; i < N_COMERS; i++)
    {
      g_autoptr(GError) error = NULL;

      threads[i] = thredo_thread_spawn ("c", run_comer, &comers[i], NULL, &error);
      g_assert_no_error (error);
      foreign[i] = g_thread_new ("f", run_foreign_comer, &comers[N_COMERS + i]);
    }
  for (gsize i = 0; i < G_N_ELEMENTS (locks) && round % 2 == 0; i++)
    g_clear_object (&locks[i]);
  for (guint i = 0; i < N_COMERS; i++)
    {
      support_join_ok (threads[i]);
      g_object_unref (threads[i]);
      g_thread_join (foreign[i]);
    }
  for (gsize i = 0; i < G_N_ELEMENTS (locks) && round % 2 != 0; i++)
    {
      g_assert_false (thredo_lock_is_locked (locks[i]));
      g_object_unref (locks[i]);
    }
}

static void
count_orphan (const char     *domain,
              GLogLevelFlags  level,
              const char     *text,
              gpointer        count)
{
  g_assert_true (g_str_has_prefix (text, "The last reference to Lock"));
  g_atomic_int_inc ((int *) count);
}

static void
test_churn (void)
{
  guint n_rounds = support_rounds (2000);
  guint n_abandoned = 0;
  int n_orphans = 0;
  guint handler = g_log_set_handler ("Thredo", G_LOG_LEVEL_CRITICAL, count_orphan, &n_orphans);
  GThread *walker;
  int is_over = FALSE;

  thredo_set_deadlock_policy (THREDO_DEADLOCK_POLICY_FAIL);
  g_log_set_always_fatal (G_LOG_LEVEL_ERROR);
  walker = g_thread_new ("walker", walk_all_the_time, &is_over);
  for (guint round = 0; round < n_rounds; round++)
    {
      churn_once (round);
      while (messages_count () > 0)
        {
          g_autofree char *warning = messages_take (G_LOG_LEVEL_WARNING);

          g_assert_nonnull (strstr (warning, "ended while it held Lock"));
          n_abandoned++;
        }
    }
  g_atomic_int_set (&is_over, TRUE);
  g_thread_join (walker);
  g_log_remove_handler ("Thredo", handler);
  messages_init ();
  g_test_message ("%u locks were abandoned, %d of them without a reference", n_abandoned,
                  n_orphans);
  g_assert_cmpuint (n_abandoned, >, 0);
}

int
main (int    argc,
      char **argv)
{
  support_init (&argc, &argv);
  messages_init ();

  g_test_add_func ("/deadlock-races/clash/reported", test_clash_reported);
  g_test_add_func ("/deadlock-races/clash/refused", test_clash_refused);
  g_test_add_func ("/deadlock-races/clash/unseen", test_clash_unseen);
  g_test_add_func ("/deadlock-races/in-order", test_in_order);
  g_test_add_func ("/deadlock-races/reuse", test_reuse);
  g_test_add_func ("/deadlock-races/churn", test_churn);

  return g_test_run ();
}
