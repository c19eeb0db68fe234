/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The dining philosophers, who in every round lock each other out for certain, and
 * how each of the three policies gets them out of it.
 */

#include "messages.h"

#define N 5
#define N_ROUNDS 300

static const char *const names[N] = { "Plato", "Zeno", "Thales", "Hypatia", "Diotima" };
static const char *const fork_names[N] = { "f0", "f1", "f2", "f3", "f4" };

typedef struct _Table Table;

typedef struct
{
  Table *table;
  guint seat;
  ThredoThread *thread;
  guint n_meals;
  guint n_refusals;
  char *refusal;
} Philosopher;

struct _Table
{
  ThredoLock *forks[N];
  ThredoBarrier *all_have_one;
  Philosopher philosophers[N];
};

static gboolean
eat (Philosopher  *self,
     gboolean      meet,
     GError      **error)
{
  Table *table = self->table;
  ThredoLockable *left = THREDO_LOCKABLE (table->forks[self->seat]);
  ThredoLockable *right = THREDO_LOCKABLE (table->forks[(self->seat + 1) % N]);
  g_autoptr(ThredoLockGuard) one = NULL;
  g_autoptr(ThredoLockGuard) other = NULL;

  one = thredo_lock_guard_new (left, NULL, error);
  if (one == NULL)
    return FALSE;
  if (meet && !thredo_barrier_wait (table->all_have_one, NULL, NULL, error))
    return FALSE;
  other = thredo_lock_guard_new (right, NULL, error);
  if (other == NULL)
    return FALSE;

  self->n_meals++;
  return TRUE;
}

/* Who is refused tries the same again. */
static gboolean
dine (ThredoThread  *thread,
      gpointer       user_data,
      GError       **error)
{
  Philosopher *self = user_data;
  g_autoptr(GError) own = NULL;

  while (!eat (self, self->n_refusals == 0, &own))
    {
      if (!g_error_matches (own, THREDO_ERROR, THREDO_ERROR_DEADLOCK))
        {
          g_propagate_error (error, g_steal_pointer (&own));
          return FALSE;
        }
      if (self->n_refusals++ == 0)
        self->refusal = g_strdup (own->message);
      g_clear_error (&own);
    }
  return TRUE;
}

/* `eldest` is the seat that is taken first. */
static void
table_init (Table *table,
            guint  eldest)
{
  *table = (Table) { .all_have_one = thredo_barrier_new (N) };
  for (guint i = 0; i < N; i++)
    {
      table->forks[i] = thredo_lock_new ();
      thredo_lock_set_name (table->forks[i], fork_names[i]);
    }
  for (guint i = 0; i < N; i++)
    {
      guint seat = (eldest + i) % N;
      Philosopher *philosopher = &table->philosophers[seat];
      g_autoptr(GError) error = NULL;

      *philosopher = (Philosopher) { .table = table, .seat = seat };
      philosopher->thread = thredo_thread_spawn (names[seat], dine, philosopher, NULL, &error);
      g_assert_no_error (error);
    }
}

/* Everybody has left, and every fork can be had. */
static void
table_clear (Table *table)
{
  g_autoptr(ThredoMonitor) monitor = thredo_monitor_new ();
  g_autoptr(GPtrArray) deadlocks = thredo_monitor_find_deadlocks (monitor);

  g_assert_cmpuint (deadlocks->len, ==, 0);
  for (guint i = 0; i < N; i++)
    {
      ThredoLock *lock = table->forks[i];
      g_autoptr(ThredoThread) owner = thredo_lock_get_owner (lock);
      g_autoptr(GError) error = NULL;

      g_assert_null (owner);
      g_assert_false (thredo_lock_is_locked (lock));
      g_assert_true (thredo_lock_try_acquire (lock));
      g_assert_false (thredo_lock_get_abandoned (lock));
      thredo_lock_release (lock, &error);
      g_assert_no_error (error);
      g_object_unref (lock);
      g_object_unref (table->philosophers[i].thread);
      g_free (table->philosophers[i].refusal);
    }
  g_object_unref (table->all_have_one);
}

static char *
describe (guint first)
{
  GString *text = g_string_new ("Deadlock of 5 threads:");

  for (guint i = 0; i < N; i++)
    {
      guint seat = (first + i) % N;
      guint next = (seat + 1) % N;

      g_string_append_printf (text, "%s '%s' holds Lock '%s', waits for Lock '%s' held by '%s'",
                              i > 0 ? ";" : "", names[seat], fork_names[seat], fork_names[next],
                              names[next]);
    }
  return g_string_free (text, FALSE);
}

/* That the text names all five in order, with what comes after it; and who has
 * closed the circle. */
static guint
assert_names_all (const char *text,
                  const char *after)
{
  for (guint first = 0; first < N; first++)
    {
      g_autofree char *description = describe (first);
      g_autofree char *expected = g_strconcat (description, after, NULL);

      if (g_str_equal (text, expected))
        return first;
    }
  g_error ("Not a description of all five in order: %s", text);
}

static void
assert_eaten (Philosopher *philosopher)
{
  support_join_ok (philosopher->thread);
  g_assert_cmpuint (philosopher->n_meals, ==, 1);
}

static void
assert_left (Philosopher *philosopher)
{
  g_autoptr(GError) error = NULL;

  g_assert_false (thredo_thread_join (philosopher->thread, NULL, &error));
  support_assert_error (&error, THREDO_ERROR, THREDO_ERROR_THREAD_CANCELLED);
  g_assert_true (thredo_thread_is_cancelled (philosopher->thread));
  g_assert_cmpuint (philosopher->n_meals, ==, 0);
}

static void
wait_for_deadlock (Table *table)
{
  for (guint i = 0; i < N; i++)
    {
      g_autofree char *wait = g_strdup_printf ("acquire on Lock '%s'", fork_names[(i + 1) % N]);

      support_wait_for_wait (table->philosophers[i].thread, wait);
    }
}

/* What a program can do that knows nothing of the circle: it gets tired of waiting. */
static void
assert_deadline_passes (Table *table)
{
  g_autoptr(ThredoScope) scope = thredo_scope_new_with_timeout (G_TIME_SPAN_MILLISECOND);
  g_autoptr(GError) error = NULL;

  thredo_scope_enter (scope);
  g_assert_false (thredo_thread_wait (table->philosophers[0].thread, NULL, &error));
  thredo_scope_leave (scope);
  support_assert_timed_out (&error);
  g_assert_true (thredo_scope_is_expired (scope));
}

static void
assert_monitor_agrees (void)
{
  g_autoptr(ThredoMonitor) monitor = thredo_monitor_new ();
  g_autoptr(GPtrArray) deadlocks = thredo_monitor_find_deadlocks (monitor);
  GPtrArray *threads;

  g_assert_cmpuint (deadlocks->len, ==, 1);
  threads = thredo_deadlock_get_threads (g_ptr_array_index (deadlocks, 0));
  g_assert_cmpuint (threads->len, ==, N);
  assert_names_all (thredo_deadlock_get_description (g_ptr_array_index (deadlocks, 0)), "");
}

static void
test_report (void)
{
  guint n_rounds = support_rounds (N_ROUNDS);

  thredo_set_deadlock_policy (THREDO_DEADLOCK_POLICY_REPORT);
  for (guint round = 0; round < n_rounds; round++)
    {
      guint leaves = g_test_rand_int_range (0, N);
      g_autofree char *warning = NULL;
      Table table;

      table_init (&table, round % N);
      wait_for_deadlock (&table);
      warning = messages_take (G_LOG_LEVEL_WARNING);
      assert_names_all (warning, "");
      assert_monitor_agrees ();

      assert_deadline_passes (&table);
      thredo_thread_cancel (table.philosophers[leaves].thread);
      for (guint i = 0; i < N; i++)
        {
          if (i == leaves)
            assert_left (&table.philosophers[i]);
          else
            assert_eaten (&table.philosophers[i]);
        }
      table_clear (&table);
      messages_assert_none ();
    }
}

static void
test_fail (void)
{
  guint n_rounds = support_rounds (N_ROUNDS);

  thredo_set_deadlock_policy (THREDO_DEADLOCK_POLICY_FAIL);
  for (guint round = 0; round < n_rounds; round++)
    {
      guint n_refused = 0;
      Table table;

      table_init (&table, round % N);
      for (guint i = 0; i < N; i++)
        {
          Philosopher *philosopher = &table.philosophers[i];

          assert_eaten (philosopher);
          n_refused += philosopher->n_refusals > 0;
          if (philosopher->refusal != NULL)
            g_assert_cmpuint (assert_names_all (philosopher->refusal, ""), ==, i);
        }
      g_assert_cmpuint (n_refused, ==, 1);
      table_clear (&table);
      messages_assert_none ();
    }
}

static void
test_cancel (void)
{
  guint n_rounds = support_rounds (N_ROUNDS);

  thredo_set_deadlock_policy (THREDO_DEADLOCK_POLICY_CANCEL);
  for (guint round = 0; round < n_rounds; round++)
    {
      guint youngest = (round + N - 1) % N;
      g_autofree char *after = g_strdup_printf ("; '%s' is cancelled", names[youngest]);
      g_autofree char *message = NULL;
      Table table;

      table_init (&table, round % N);
      for (guint i = 0; i < N; i++)
        {
          if (i == youngest)
            assert_left (&table.philosophers[i]);
          else
            assert_eaten (&table.philosophers[i]);
        }
      message = messages_take (G_LOG_LEVEL_MESSAGE);
      assert_names_all (message, after);
      table_clear (&table);
      messages_assert_none ();
    }
}

int
main (int    argc,
      char **argv)
{
  support_init (&argc, &argv);
  messages_init ();

  g_test_add_func ("/philosophers/report", test_report);
  g_test_add_func ("/philosophers/fail", test_fail);
  g_test_add_func ("/philosophers/cancel", test_cancel);

  return g_test_run ();
}
