/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "support.h"

static ThredoThread *
spawn (const char       *name,
       ThredoThreadFunc  func,
       gpointer          user_data)
{
  g_autoptr(GError) error = NULL;
  ThredoThread *thread = thredo_thread_spawn (name, func, user_data, NULL, &error);

  g_assert_no_error (error);
  return thread;
}

static ThredoScope *
scope_with_deadline (GTimeSpan from_now)
{
  ThredoScope *scope = thredo_scope_new ();

  thredo_scope_set_deadline (scope, g_get_monotonic_time () + from_now);
  return scope;
}

/* What a scope is. */

static void
test_new (void)
{
  g_autoptr(ThredoScope) scope = thredo_scope_new ();
  g_autoptr(ThredoScope) shield = thredo_scope_new_shielded ();

  g_assert_cmpint (thredo_scope_get_deadline (scope), ==, THREDO_NO_DEADLINE);
  g_assert_false (thredo_scope_get_shielded (scope));
  g_assert_false (thredo_scope_is_cancelled (scope));
  g_assert_false (thredo_scope_is_expired (scope));
  g_assert_true (G_IS_CANCELLABLE (thredo_scope_get_cancellable (scope)));

  g_assert_cmpint (thredo_scope_get_deadline (shield), ==, THREDO_NO_DEADLINE);
  g_assert_true (thredo_scope_get_shielded (shield));
}

static void
test_new_with_timeout (void)
{
  gint64 before = g_get_monotonic_time ();
  g_autoptr(ThredoScope) scope = thredo_scope_new_with_timeout (G_TIME_SPAN_HOUR);
  gint64 after = g_get_monotonic_time ();

  /* The time counts from here, not from when the scope is entered. */
  g_assert_cmpint (thredo_scope_get_deadline (scope), >=, before + G_TIME_SPAN_HOUR);
  g_assert_cmpint (thredo_scope_get_deadline (scope), <=, after + G_TIME_SPAN_HOUR);
  g_assert_false (thredo_scope_is_expired (scope));
}

static void
test_properties (void)
{
  g_autoptr(ThredoScope) scope = thredo_scope_new ();
  gint64 deadline = g_get_monotonic_time () + G_TIME_SPAN_HOUR;
  gint64 read = 0;
  gboolean shielded = FALSE;

  g_object_set (scope, "deadline", deadline, "shielded", TRUE, NULL);
  g_assert_cmpint (thredo_scope_get_deadline (scope), ==, deadline);
  g_assert_true (thredo_scope_get_shielded (scope));
  g_object_get (scope, "deadline", &read, "shielded", &shielded, NULL);
  g_assert_cmpint (read, ==, deadline);
  g_assert_true (shielded);
}

/* Deadlines. */

static void
test_timeout (void)
{
  g_autoptr(ThredoScope) scope = thredo_scope_new_with_timeout (1000);
  g_autoptr(GError) error = NULL;

  thredo_scope_enter (scope);
  g_assert_false (thredo_sleep (SUPPORT_FOREVER, NULL, &error));
  support_assert_timed_out (&error);
  g_assert_true (thredo_scope_is_expired (scope));
  g_assert_cmpint (g_get_monotonic_time (), >=, thredo_scope_get_deadline (scope));

  /* It lasts. */
  g_assert_false (thredo_sleep (0, NULL, &error));
  support_assert_timed_out (&error);
  g_assert_false (thredo_check_cancelled (NULL, &error));
  support_assert_timed_out (&error);
  thredo_scope_leave (scope);

  thredo_sleep (1, NULL, &error);
  g_assert_no_error (error);
}

static void
test_timeout_zero (void)
{
  g_autoptr(ThredoScope) scope = thredo_scope_new_with_timeout (0);
  g_autoptr(GError) error = NULL;

  thredo_scope_enter (scope);
  g_assert_false (thredo_sleep (0, NULL, &error));
  support_assert_timed_out (&error);
  thredo_scope_leave (scope);
}

static void
test_timeout_not_reached (void)
{
  g_autoptr(ThredoScope) scope = thredo_scope_new_with_timeout (SUPPORT_FOREVER);
  g_autoptr(GError) error = NULL;

  thredo_scope_enter (scope);
  thredo_sleep (1000, NULL, &error);
  g_assert_no_error (error);
  g_assert_false (thredo_scope_is_expired (scope));
  g_assert_false (thredo_scope_is_cancelled (scope));
  thredo_scope_leave (scope);
}

static void
test_nearest_is_inner (void)
{
  g_autoptr(ThredoScope) outer = scope_with_deadline (SUPPORT_FOREVER);
  g_autoptr(ThredoScope) inner = scope_with_deadline (1000);
  g_autoptr(GError) error = NULL;

  thredo_scope_enter (outer);
  thredo_scope_enter (inner);
  g_assert_false (thredo_sleep (SUPPORT_FOREVER, NULL, &error));
  support_assert_timed_out (&error);
  g_assert_true (thredo_scope_is_expired (inner));
  g_assert_false (thredo_scope_is_expired (outer));
  thredo_scope_leave (inner);

  /* The outer one has time left. */
  thredo_sleep (1, NULL, &error);
  g_assert_no_error (error);
  thredo_scope_leave (outer);
}

static void
test_nearest_is_outer (void)
{
  g_autoptr(ThredoScope) outer = scope_with_deadline (1000);
  g_autoptr(ThredoScope) inner = scope_with_deadline (SUPPORT_FOREVER);
  g_autoptr(GError) error = NULL;

  thredo_scope_enter (outer);
  thredo_scope_enter (inner);
  g_assert_false (thredo_sleep (SUPPORT_FOREVER, NULL, &error));
  support_assert_timed_out (&error);
  g_assert_false (thredo_scope_is_expired (inner));
  g_assert_true (thredo_scope_is_expired (outer));
  thredo_scope_leave (inner);
  g_assert_false (thredo_sleep (0, NULL, &error));
  support_assert_timed_out (&error);
  thredo_scope_leave (outer);
}

static void
test_nested_deep (void)
{
  ThredoScope *scopes[50];
  g_autoptr(GError) error = NULL;

  for (gsize i = 0; i < G_N_ELEMENTS (scopes); i++)
    {
      scopes[i] = scope_with_deadline (i == 25 ? 1000 : SUPPORT_FOREVER);
      thredo_scope_enter (scopes[i]);
    }
  g_assert_false (thredo_sleep (SUPPORT_FOREVER, NULL, &error));
  support_assert_timed_out (&error);
  for (gsize i = G_N_ELEMENTS (scopes); i-- > 0;)
    {
      g_assert_cmpint (thredo_scope_is_expired (scopes[i]), ==, i == 25);
      thredo_scope_leave (scopes[i]);
      g_assert_cmpint (thredo_sleep (0, NULL, NULL), ==, i <= 25);
      g_object_unref (scopes[i]);
    }
}

typedef struct
{
  ThredoScope *scope;
  GError *error;
} Sleeper;

static gboolean
sleep_in_scope (ThredoThread  *thread,
                gpointer       user_data,
                GError       **error)
{
  Sleeper *sleeper = user_data;

  thredo_scope_enter (sleeper->scope);
  g_assert_false (thredo_sleep (SUPPORT_FOREVER, NULL, &sleeper->error));
  thredo_scope_leave (sleeper->scope);
  return TRUE;
}

static void
test_deadline_moved_earlier (void)
{
  Sleeper sleeper = { scope_with_deadline (SUPPORT_FOREVER), NULL };
  g_autoptr(ThredoThread) thread = spawn ("sleeper", sleep_in_scope, &sleeper);

  support_wait_for_state (thread, THREDO_THREAD_STATE_WAITING);
  thredo_scope_set_deadline (sleeper.scope, g_get_monotonic_time () + SUPPORT_FOREVER / 2);
  g_assert_cmpint (thredo_thread_get_state (thread), ==, THREDO_THREAD_STATE_WAITING);
  thredo_scope_set_deadline (sleeper.scope, g_get_monotonic_time () + 1000);
  support_join_ok (thread);
  support_assert_timed_out (&sleeper.error);
  g_assert_true (thredo_scope_is_expired (sleeper.scope));
  g_object_unref (sleeper.scope);
}

static void
test_deadline_moved_later (void)
{
  GTimeSpan span = 50 * G_TIME_SPAN_MILLISECOND;

  for (;;)
    {
      Sleeper sleeper = { scope_with_deadline (span), NULL };
      Sleeper witness = { thredo_scope_new (), NULL };
      gint64 first_deadline = thredo_scope_get_deadline (sleeper.scope);
      g_autoptr(ThredoThread) thread = spawn ("sleeper", sleep_in_scope, &sleeper);
      g_autoptr(ThredoThread) other = NULL;
      gboolean in_time;

      thredo_scope_set_deadline (sleeper.scope, first_deadline + SUPPORT_FOREVER);
      in_time = g_get_monotonic_time () < first_deadline;

      /* Once a later deadline has struck, the first would have. */
      thredo_scope_set_deadline (witness.scope, first_deadline + 1);
      other = spawn ("witness", sleep_in_scope, &witness);
      support_join_ok (other);
      support_assert_timed_out (&witness.error);

      if (in_time)
        {
          g_assert_false (thredo_scope_is_expired (sleeper.scope));
          g_assert_true (thredo_thread_is_alive (thread));
          support_wait_for_state (thread, THREDO_THREAD_STATE_WAITING);
        }
      thredo_scope_cancel (sleeper.scope);
      support_join_ok (thread);
      if (in_time)
        support_assert_cancelled (&sleeper.error);
      g_clear_error (&sleeper.error);
      g_object_unref (sleeper.scope);
      g_object_unref (witness.scope);
      if (in_time)
        return;

      /* A slow machine: once more, with more time. */
      g_assert_cmpint (span, <, SUPPORT_LIMIT);
      span *= 2;
    }
}

static void
test_deadline_taken_away (void)
{
  Sleeper sleeper = { scope_with_deadline (SUPPORT_FOREVER), NULL };
  g_autoptr(ThredoThread) thread = spawn ("sleeper", sleep_in_scope, &sleeper);

  support_wait_for_state (thread, THREDO_THREAD_STATE_WAITING);
  thredo_scope_set_deadline (sleeper.scope, THREDO_NO_DEADLINE);
  g_assert_cmpint (thredo_scope_get_deadline (sleeper.scope), ==, THREDO_NO_DEADLINE);
  g_assert_cmpint (thredo_thread_get_state (thread), ==, THREDO_THREAD_STATE_WAITING);
  thredo_scope_cancel (sleeper.scope);
  support_join_ok (thread);
  support_assert_cancelled (&sleeper.error);
  g_object_unref (sleeper.scope);
}

static void
sleep_for_real (void)
{
  g_autoptr(ThredoScope) scope = thredo_scope_new_with_timeout (1000);
  g_autoptr(GError) error = NULL;

  thredo_sleep (1000, NULL, &error);
  g_assert_no_error (error);
  thredo_scope_enter (scope);
  g_assert_false (thredo_sleep (SUPPORT_FOREVER, NULL, &error));
  support_assert_timed_out (&error);
  thredo_scope_leave (scope);
}

/* A deadline from before the clock began has passed like any other, and those
 * after it are served. */
static void
test_deadline_negative (void)
{
  const gint64 deadlines[] = { 0, -1, G_MININT64 };

  sleep_for_real ();
  for (gsize i = 0; i < 2 * G_N_ELEMENTS (deadlines); i++)
    {
      g_autoptr(ThredoScope) scope = thredo_scope_new ();
      g_autoptr(GError) error = NULL;
      gboolean entered = i % 2 == 0;

      if (entered)
        thredo_scope_enter (scope);
      thredo_scope_set_deadline (scope, deadlines[i / 2]);
      if (!entered)
        thredo_scope_enter (scope);
      g_assert_cmpint (thredo_scope_get_deadline (scope), ==, deadlines[i / 2]);
      g_assert_false (thredo_sleep (SUPPORT_FOREVER, NULL, &error));
      support_assert_timed_out (&error);
      g_assert_true (thredo_scope_is_expired (scope));
      thredo_scope_leave (scope);

      sleep_for_real ();
    }
}

/* Polling code. */

typedef struct
{
  ThredoScope *scope;
} Poller;

static gboolean
poll_cancellable (ThredoThread  *thread,
                  gpointer       user_data,
                  GError       **error)
{
  Poller *poller = user_data;
  gint64 limit = g_get_monotonic_time () + SUPPORT_LIMIT;

  thredo_scope_enter (poller->scope);
  g_assert_true (thredo_get_cancellable () == thredo_scope_get_cancellable (poller->scope));
  while (!g_cancellable_is_cancelled (g_cancellable_get_current ()))
    {
      if (g_get_monotonic_time () > limit)
        g_error ("Hang: a deadline did not cancel the cancellable of its scope");
      g_thread_yield ();
    }
  thredo_scope_leave (poller->scope);
  return TRUE;
}

static void
test_deadline_cancels_cancellable (void)
{
  Poller poller = { .scope = scope_with_deadline (2000) };
  g_autoptr(ThredoThread) thread = spawn ("poller", poll_cancellable, &poller);

  support_join_ok (thread);
  g_assert_true (thredo_scope_is_expired (poller.scope));
  g_object_unref (poller.scope);
}

static void
test_deadline_set_cancels_cancellable (void)
{
  Poller poller = { .scope = thredo_scope_new () };
  g_autoptr(ThredoThread) thread = spawn ("poller", poll_cancellable, &poller);

  support_wait_for_state (thread, THREDO_THREAD_STATE_RUNNING);
  thredo_scope_set_deadline (poller.scope, g_get_monotonic_time () + 1000);
  support_join_ok (thread);
  g_object_unref (poller.scope);
}

static ThredoScope *
see_deadline_pass (void)
{
  ThredoScope *scope = scope_with_deadline (50);

  g_assert_nonnull (thredo_scope_get_cancellable (scope));
  thredo_scope_enter (scope);
  while (thredo_check_cancelled (NULL, NULL))
    ;
  return scope;
}

/* The thread sees the time before the loop does: who only has the cancellable is
 * told all the same, at the latest when the scope is left or its deadline
 * moved. */
static void
test_deadline_seen_by_thread (void)
{
  guint n_rounds = support_rounds (2000);

  for (guint i = 0; i < n_rounds; i++)
    {
      g_autoptr(ThredoScope) left = NULL;
      g_autoptr(ThredoScope) moved = NULL;

      left = see_deadline_pass ();
      thredo_scope_leave (left);
      g_assert_true (g_cancellable_is_cancelled (thredo_scope_get_cancellable (left)));

      moved = see_deadline_pass ();
      thredo_scope_set_deadline (moved, i % 2 ? g_get_monotonic_time () + SUPPORT_FOREVER
                                              : THREDO_NO_DEADLINE);
      g_assert_true (g_cancellable_is_cancelled (g_cancellable_get_current ()));
      g_assert_true (thredo_scope_is_expired (moved));
      thredo_scope_leave (moved);
    }
}

static gpointer
expire_in_a_moment (gpointer scope)
{
  thredo_scope_set_deadline (scope, g_get_monotonic_time () + 1000);
  return NULL;
}

static void
test_deadline_before_waits (void)
{
  Poller poller = { .scope = NULL };
  GThread *other;

  if (!g_test_subprocess ())
    {
      g_test_trap_subprocess (NULL, 0, G_TEST_SUBPROCESS_INHERIT_STDERR);
      g_test_trap_assert_passed ();
      return;
    }

  /* Nothing has waited in this process, and nothing will. */
  poller.scope = thredo_scope_new ();
  other = g_thread_new ("other", expire_in_a_moment, poller.scope);
  poll_cancellable (NULL, &poller, NULL);
  g_thread_join (other);
  g_object_unref (poller.scope);
}

static void
test_thread_cancel_reaches_cancellable (void)
{
  Poller poller = { .scope = thredo_scope_new () };
  g_autoptr(ThredoThread) thread = spawn ("poller", poll_cancellable, &poller);

  thredo_thread_cancel (thread);
  support_join_ok (thread);

  /* It is the thread that was cancelled. */
  g_assert_false (thredo_scope_is_expired (poller.scope));
  g_object_unref (poller.scope);
}

static gboolean
poll_in_outer (ThredoThread  *thread,
               gpointer       user_data,
               GError       **error)
{
  Poller *poller = user_data;
  Poller inner = { .scope = thredo_scope_new () };
  gboolean ended;

  thredo_scope_enter (poller->scope);
  ended = poll_cancellable (thread, &inner, error);
  thredo_scope_leave (poller->scope);
  g_object_unref (inner.scope);
  return ended;
}

static void
test_outer_deadline_reaches_cancellable (void)
{
  Poller outer = { .scope = scope_with_deadline (2000) };
  g_autoptr(ThredoThread) thread = spawn ("poller", poll_in_outer, &outer);

  support_join_ok (thread);
  g_assert_true (thredo_scope_is_expired (outer.scope));
  g_object_unref (outer.scope);
}

static void
test_outer_cancel_reaches_cancellable (void)
{
  Poller outer = { .scope = thredo_scope_new () };
  g_autoptr(ThredoThread) thread = spawn ("poller", poll_in_outer, &outer);

  thredo_scope_cancel (outer.scope);
  support_join_ok (thread);
  g_object_unref (outer.scope);
}

static gboolean
look_at_shielded_cancellable (ThredoThread  *thread,
                              gpointer       user_data,
                              GError       **error)
{
  g_autoptr(ThredoScope) shield = thredo_scope_new_shielded ();

  thredo_scope_enter (shield);
  thredo_thread_cancel (thread);
  g_assert_true (thredo_thread_is_cancelled (thread));
  g_assert_false (g_cancellable_is_cancelled (thredo_get_cancellable ()));
  g_assert_false (g_cancellable_is_cancelled (g_cancellable_get_current ()));
  thredo_check_cancelled (NULL, error);
  g_assert_no_error (*error);
  thredo_scope_leave (shield);
  g_assert_true (g_cancellable_is_cancelled (g_cancellable_get_current ()));
  return TRUE;
}

static void
test_shield_keeps_cancellable (void)
{
  g_autoptr(ThredoThread) thread = spawn ("t", look_at_shielded_cancellable, NULL);

  support_join_ok (thread);
}

static void
count_cancel (GCancellable *cancellable,
              gpointer      counter)
{
  g_atomic_int_inc ((int *) counter);
}

static void
test_handlers (void)
{
  g_autoptr(ThredoScope) cancelled = thredo_scope_new ();
  g_autoptr(ThredoScope) expired = scope_with_deadline (1000);
  g_autoptr(GError) error = NULL;
  int n_cancelled = 0;
  int n_expired = 0;

  g_cancellable_connect (thredo_scope_get_cancellable (cancelled),
                         G_CALLBACK (count_cancel), &n_cancelled, NULL);
  g_cancellable_connect (thredo_scope_get_cancellable (expired),
                         G_CALLBACK (count_cancel), &n_expired, NULL);

  thredo_scope_enter (cancelled);
  thredo_scope_enter (expired);
  g_assert_false (thredo_sleep (SUPPORT_FOREVER, NULL, &error));
  support_assert_timed_out (&error);
  support_wait_for_int (&n_expired, 1);
  g_assert_cmpint (g_atomic_int_get (&n_cancelled), ==, 0);
  thredo_scope_cancel (cancelled);
  g_assert_cmpint (g_atomic_int_get (&n_cancelled), ==, 1);
  thredo_scope_cancel (cancelled);
  thredo_scope_leave (expired);
  thredo_scope_leave (cancelled);

  g_assert_cmpint (g_atomic_int_get (&n_cancelled), ==, 1);
  g_assert_cmpint (g_atomic_int_get (&n_expired), ==, 1);
}

/* Cancelling. */

static void
test_cancel (void)
{
  g_autoptr(ThredoScope) scope = thredo_scope_new ();
  g_autoptr(GError) error = NULL;

  thredo_scope_enter (scope);
  thredo_scope_cancel (scope);
  g_assert_true (thredo_scope_is_cancelled (scope));
  g_assert_false (thredo_scope_is_expired (scope));
  g_assert_false (thredo_sleep (SUPPORT_FOREVER, NULL, &error));
  support_assert_cancelled (&error);
  thredo_scope_leave (scope);

  thredo_sleep (1, NULL, &error);
  g_assert_no_error (error);
}

static void
test_cancel_from_outside (void)
{
  Sleeper sleeper = { thredo_scope_new (), NULL };
  g_autoptr(ThredoThread) thread = spawn ("sleeper", sleep_in_scope, &sleeper);

  support_wait_for_state (thread, THREDO_THREAD_STATE_WAITING);
  thredo_scope_cancel (sleeper.scope);
  support_join_ok (thread);
  support_assert_cancelled (&sleeper.error);
  g_assert_true (thredo_scope_is_cancelled (sleeper.scope));
  g_object_unref (sleeper.scope);
}

static void
test_cancel_before_enter (void)
{
  g_autoptr(ThredoScope) scope = thredo_scope_new ();
  g_autoptr(GError) error = NULL;

  thredo_scope_cancel (scope);
  thredo_scope_enter (scope);
  g_assert_false (thredo_sleep (0, NULL, &error));
  support_assert_cancelled (&error);
  thredo_scope_leave (scope);
}

static void
test_cancel_after_leave (void)
{
  g_autoptr(ThredoScope) scope = thredo_scope_new ();
  g_autoptr(GError) error = NULL;

  thredo_scope_enter (scope);
  thredo_scope_leave (scope);
  thredo_scope_cancel (scope);
  thredo_sleep (1, NULL, &error);
  g_assert_no_error (error);
}

static void
test_expire_after_leave (void)
{
  g_autoptr(ThredoScope) scope = thredo_scope_new ();
  g_autoptr(GError) error = NULL;

  thredo_scope_enter (scope);
  thredo_scope_leave (scope);
  thredo_scope_set_deadline (scope, g_get_monotonic_time ());
  thredo_sleep (1, NULL, &error);
  g_assert_no_error (error);
}

static void
test_cancel_of_middle (void)
{
  g_autoptr(ThredoScope) outer = thredo_scope_new ();
  g_autoptr(ThredoScope) middle = thredo_scope_new ();
  g_autoptr(ThredoScope) inner = thredo_scope_new ();
  g_autoptr(GError) error = NULL;

  thredo_scope_enter (outer);
  thredo_scope_enter (middle);
  thredo_scope_enter (inner);
  thredo_scope_cancel (middle);
  g_assert_false (thredo_sleep (0, NULL, &error));
  support_assert_cancelled (&error);
  thredo_scope_leave (inner);
  g_assert_false (thredo_sleep (0, NULL, &error));
  support_assert_cancelled (&error);
  thredo_scope_leave (middle);
  thredo_sleep (0, NULL, &error);
  g_assert_no_error (error);
  g_assert_false (thredo_scope_is_cancelled (outer));
  thredo_scope_leave (outer);
}

static void
test_other_threads_untouched (void)
{
  g_autoptr(ThredoScope) scope = thredo_scope_new ();
  g_autoptr(ThredoThread) thread = NULL;

  /* A scope surrounds the thread that entered it, not those that it spawns. */
  thredo_scope_enter (scope);
  thread = spawn ("sleeper", support_sleep_forever, NULL);
  support_wait_for_state (thread, THREDO_THREAD_STATE_WAITING);
  thredo_scope_cancel (scope);
  g_assert_cmpint (thredo_thread_get_state (thread), ==, THREDO_THREAD_STATE_WAITING);
  thredo_scope_leave (scope);
  support_cancel_and_join (thread);
}

static void
test_enter_again (void)
{
  g_autoptr(ThredoScope) scope = thredo_scope_new ();
  g_autoptr(GError) error = NULL;

  for (int i = 0; i < 3; i++)
    {
      thredo_scope_enter (scope);
      thredo_sleep (0, NULL, &error);
      g_assert_no_error (error);
      thredo_scope_leave (scope);
    }

  /* It stays cancelled. */
  thredo_scope_cancel (scope);
  for (int i = 0; i < 3; i++)
    {
      thredo_scope_enter (scope);
      g_assert_false (thredo_sleep (0, NULL, &error));
      support_assert_cancelled (&error);
      thredo_scope_leave (scope);
      thredo_sleep (0, NULL, &error);
      g_assert_no_error (error);
    }
}

static gboolean
enter_and_sleep (ThredoThread  *thread,
                 gpointer       scope,
                 GError       **error)
{
  gboolean slept;

  thredo_scope_enter (scope);
  slept = thredo_sleep (1000, NULL, error);
  thredo_scope_leave (scope);
  return slept;
}

static void
test_enter_on_another_thread (void)
{
  g_autoptr(ThredoScope) scope = thredo_scope_new ();
  g_autoptr(ThredoThread) thread = NULL;

  /* One after the other is allowed. */
  thredo_scope_enter (scope);
  thredo_scope_leave (scope);
  thread = spawn ("t", enter_and_sleep, scope);
  support_join_ok (thread);
  thredo_scope_enter (scope);
  thredo_scope_leave (scope);
}

static void
test_dropped_while_entered (void)
{
  gpointer scope = scope_with_deadline (1000);
  g_autoptr(GError) error = NULL;

  /* Who has entered a scope holds it. */
  g_object_add_weak_pointer (scope, &scope);
  thredo_scope_enter (scope);
  g_object_unref (scope);
  g_assert_nonnull (scope);
  g_assert_false (thredo_sleep (SUPPORT_FOREVER, NULL, &error));
  support_assert_timed_out (&error);
  thredo_scope_leave (scope);
  support_wait_for_finalize (&scope);
}

/* Shields. */

typedef struct
{
  ThredoQueue *queue;
  gboolean cleaned_up;
} Cleaner;

static gboolean
clean_up_in_shield (ThredoThread  *thread,
                    gpointer       user_data,
                    GError       **error)
{
  Cleaner *cleaner = user_data;
  g_auto(GValue) item = G_VALUE_INIT;

  if (!thredo_sleep (SUPPORT_FOREVER, NULL, error))
    {
      g_autoptr(ThredoScope) shield = thredo_scope_new_shielded ();
      g_autoptr(GError) cleanup_error = NULL;

      thredo_scope_enter (shield);
      cleaner->cleaned_up = thredo_queue_get (cleaner->queue, &item, NULL, &cleanup_error);
      g_assert_no_error (cleanup_error);
      thredo_scope_leave (shield);
    }
  return FALSE;
}

static void
test_shield_for_cleanup (void)
{
  Cleaner cleaner = { thredo_queue_new (0), FALSE };
  g_autoptr(ThredoThread) thread = NULL;
  g_autoptr(GError) error = NULL;
  g_auto(GValue) item = G_VALUE_INIT;

  thredo_queue_set_name (cleaner.queue, "cleanup");
  g_value_init (&item, G_TYPE_BOOLEAN);
  thread = spawn ("cleaner", clean_up_in_shield, &cleaner);
  support_wait_for_wait (thread, "sleep");
  thredo_thread_cancel (thread);
  support_wait_for_wait (thread, "get on Queue 'cleanup'");
  thredo_thread_cancel (thread);
  g_assert_cmpint (thredo_thread_get_state (thread), ==, THREDO_THREAD_STATE_WAITING);
  thredo_queue_put (cleaner.queue, &item, NULL, &error);
  g_assert_no_error (error);

  g_assert_false (thredo_thread_join (thread, NULL, &error));
  support_assert_error (&error, THREDO_ERROR, THREDO_ERROR_THREAD_CANCELLED);
  g_assert_true (cleaner.cleaned_up);
  g_object_unref (cleaner.queue);
}

static void
test_shield_from_outer_deadline (void)
{
  g_autoptr(ThredoScope) outer = scope_with_deadline (0);
  g_autoptr(ThredoScope) shield = thredo_scope_new_shielded ();
  g_autoptr(ThredoScope) inside = thredo_scope_new ();
  g_autoptr(GError) error = NULL;

  thredo_scope_enter (outer);
  thredo_scope_enter (shield);
  thredo_sleep (1000, NULL, &error);
  g_assert_no_error (error);

  /* A scope inside the shield counts, and is shielded from what is outside. */
  thredo_scope_enter (inside);
  thredo_sleep (1000, NULL, &error);
  g_assert_no_error (error);
  thredo_scope_cancel (inside);
  g_assert_false (thredo_sleep (0, NULL, &error));
  support_assert_cancelled (&error);
  thredo_scope_leave (inside);

  thredo_scope_leave (shield);
  g_assert_false (thredo_sleep (0, NULL, &error));
  support_assert_timed_out (&error);
  thredo_scope_leave (outer);
}

static void
test_shield_switched (void)
{
  g_autoptr(ThredoScope) outer = thredo_scope_new ();
  g_autoptr(ThredoScope) scope = thredo_scope_new ();
  g_autoptr(GError) error = NULL;

  thredo_scope_enter (outer);
  thredo_scope_enter (scope);
  thredo_scope_cancel (outer);
  g_assert_false (thredo_sleep (0, NULL, &error));
  support_assert_cancelled (&error);
  thredo_scope_set_shielded (scope, TRUE);
  thredo_sleep (0, NULL, &error);
  g_assert_no_error (error);
  thredo_scope_set_shielded (scope, FALSE);
  g_assert_false (thredo_sleep (0, NULL, &error));
  support_assert_cancelled (&error);
  thredo_scope_leave (scope);
  thredo_scope_leave (outer);
}

static void
test_shield_taken_while_waiting (void)
{
  Sleeper sleeper = { thredo_scope_new_shielded (), NULL };
  g_autoptr(ThredoThread) thread = spawn ("sleeper", sleep_in_scope, &sleeper);

  support_wait_for_state (thread, THREDO_THREAD_STATE_WAITING);
  thredo_thread_cancel (thread);
  g_assert_cmpint (thredo_thread_get_state (thread), ==, THREDO_THREAD_STATE_WAITING);

  /* What was held off gets through. */
  thredo_scope_set_shielded (sleeper.scope, FALSE);
  support_join_ok (thread);
  support_assert_cancelled (&sleeper.error);
  g_object_unref (sleeper.scope);
}

/* Guards. */

static void
sleep_guarded (GError **error)
{
  g_autoptr(ThredoScope) scope = thredo_scope_new_with_timeout (1000);
  g_autoptr(ThredoScopeGuard) guard = thredo_scope_guard_new (scope);

  g_assert_nonnull (guard);
  g_assert_true (thredo_get_cancellable () == thredo_scope_get_cancellable (scope));
  g_assert_false (thredo_sleep (SUPPORT_FOREVER, NULL, error));
}

static void
test_guard (void)
{
  GCancellable *own = thredo_thread_get_cancellable (thredo_thread_self ());
  g_autoptr(GError) error = NULL;

  sleep_guarded (&error);
  support_assert_timed_out (&error);
  g_assert_true (thredo_get_cancellable () == own);
  thredo_sleep (1, NULL, &error);
  g_assert_no_error (error);
}

int
main (int    argc,
      char **argv)
{
  support_init (&argc, &argv);

  g_test_add_func ("/scope/new", test_new);
  g_test_add_func ("/scope/new-with-timeout", test_new_with_timeout);
  g_test_add_func ("/scope/properties", test_properties);

  g_test_add_func ("/scope/timeout", test_timeout);
  g_test_add_func ("/scope/timeout/zero", test_timeout_zero);
  g_test_add_func ("/scope/timeout/not-reached", test_timeout_not_reached);
  g_test_add_func ("/scope/nested/nearest-is-inner", test_nearest_is_inner);
  g_test_add_func ("/scope/nested/nearest-is-outer", test_nearest_is_outer);
  g_test_add_func ("/scope/nested/deep", test_nested_deep);
  g_test_add_func ("/scope/deadline/moved-earlier", test_deadline_moved_earlier);
  g_test_add_func ("/scope/deadline/moved-later", test_deadline_moved_later);
  g_test_add_func ("/scope/deadline/taken-away", test_deadline_taken_away);
  g_test_add_func ("/scope/deadline/negative", test_deadline_negative);

  g_test_add_func ("/scope/cancellable/deadline", test_deadline_cancels_cancellable);
  g_test_add_func ("/scope/cancellable/deadline-set", test_deadline_set_cancels_cancellable);
  g_test_add_func ("/scope/cancellable/deadline-seen-by-thread", test_deadline_seen_by_thread);
  g_test_add_func ("/scope/cancellable/deadline-before-waits", test_deadline_before_waits);
  g_test_add_func ("/scope/cancellable/thread-cancel", test_thread_cancel_reaches_cancellable);
  g_test_add_func ("/scope/cancellable/outer-deadline", test_outer_deadline_reaches_cancellable);
  g_test_add_func ("/scope/cancellable/outer-cancel", test_outer_cancel_reaches_cancellable);
  g_test_add_func ("/scope/cancellable/shield", test_shield_keeps_cancellable);
  g_test_add_func ("/scope/cancellable/handlers", test_handlers);

  g_test_add_func ("/scope/cancel", test_cancel);
  g_test_add_func ("/scope/cancel/from-outside", test_cancel_from_outside);
  g_test_add_func ("/scope/cancel/before-enter", test_cancel_before_enter);
  g_test_add_func ("/scope/cancel/after-leave", test_cancel_after_leave);
  g_test_add_func ("/scope/cancel/of-middle", test_cancel_of_middle);
  g_test_add_func ("/scope/cancel/other-threads-untouched", test_other_threads_untouched);
  g_test_add_func ("/scope/expire/after-leave", test_expire_after_leave);
  g_test_add_func ("/scope/enter/again", test_enter_again);
  g_test_add_func ("/scope/enter/on-another-thread", test_enter_on_another_thread);
  g_test_add_func ("/scope/dropped-while-entered", test_dropped_while_entered);

  g_test_add_func ("/scope/shield/for-cleanup", test_shield_for_cleanup);
  g_test_add_func ("/scope/shield/from-outer-deadline", test_shield_from_outer_deadline);
  g_test_add_func ("/scope/shield/switched", test_shield_switched);
  g_test_add_func ("/scope/shield/taken-while-waiting", test_shield_taken_while_waiting);
  g_test_add_func ("/scope/guard", test_guard);

  return g_test_run ();
}
