/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "support.h"

#define N_WAITERS 10

/* --- permits -------------------------------------------------------------- */

static void
acquire (ThredoSemaphore *semaphore)
{
  g_autoptr(GError) error = NULL;
  gboolean ok;

  ok = thredo_semaphore_acquire (semaphore, NULL, &error);
  g_assert_no_error (error);
  g_assert_true (ok);
}

static void
release (ThredoSemaphore *semaphore)
{
  g_autoptr(GError) error = NULL;
  gboolean ok;

  ok = thredo_semaphore_release (semaphore, &error);
  g_assert_no_error (error);
  g_assert_true (ok);
}

static void
release_many (ThredoSemaphore *semaphore,
              guint            n)
{
  g_autoptr(GError) error = NULL;
  gboolean ok;

  ok = thredo_semaphore_release_many (semaphore, n, &error);
  g_assert_no_error (error);
  g_assert_true (ok);
}

/* None given: the value is what it was. */
static void
assert_too_many (ThredoSemaphore *semaphore,
                 guint            n)
{
  guint value = thredo_semaphore_get_value (semaphore);
  g_autoptr(GError) error = NULL;

  g_assert_false (thredo_semaphore_release_many (semaphore, n, &error));
  support_assert_error (&error, THREDO_ERROR, THREDO_ERROR_STATE);
  g_assert_cmpuint (thredo_semaphore_get_value (semaphore), ==, value);
}

/* As many as it says can be had, and no more. */
static void
assert_value (ThredoSemaphore *semaphore,
              guint            value)
{
  g_assert_cmpuint (thredo_semaphore_get_value (semaphore), ==, value);
  for (guint i = value; i > 0; i--)
    {
      g_assert_true (thredo_semaphore_try_acquire (semaphore));
      g_assert_cmpuint (thredo_semaphore_get_value (semaphore), ==, i - 1);
    }
  g_assert_false (thredo_semaphore_try_acquire (semaphore));
  if (value > 0)
    release_many (semaphore, value);
  g_assert_cmpuint (thredo_semaphore_get_value (semaphore), ==, value);
}

/* --- threads that use a semaphore once ------------------------------------ */

/* Who passed, in which order; each releases the next after it has written. */
typedef struct
{
  int numbers[N_WAITERS];
  guint n;
} Record;

typedef struct
{
  ThredoSemaphore *semaphore;
  GCancellable *cancellable;
  ThredoScope *scope;
  Record *record;
  int number;
  int *n_passed;
  gboolean ok;
  ThredoThread *thread;
} Use;

static gboolean
use_acquire (Use     *use,
             GError **error)
{
  g_autoptr(ThredoScopeGuard) guard = NULL;

  if (use->scope != NULL)
    guard = thredo_scope_guard_new (use->scope);
  use->ok = thredo_semaphore_acquire (use->semaphore, use->cancellable, error);
  if (use->ok && use->record != NULL)
    use->record->numbers[use->record->n++] = use->number;
  if (use->ok && use->n_passed != NULL)
    g_atomic_int_inc (use->n_passed);

  return use->ok;
}

static gboolean
acquire_and_release (ThredoThread  *thread,
                     gpointer       user_data,
                     GError       **error)
{
  Use *use = user_data;

  return use_acquire (use, error) && thredo_semaphore_release (use->semaphore, error);
}

static gboolean
acquire_once (ThredoThread  *thread,
              gpointer       user_data,
              GError       **error)
{
  return use_acquire (user_data, error);
}

static void
use_start (Use              *use,
           ThredoThreadFunc  func)
{
  g_autoptr(GError) error = NULL;

  use->thread = thredo_thread_spawn ("user", func, use, NULL, &error);
  g_assert_no_error (error);
  g_assert_nonnull (use->thread);
}

static void
use_start_and_park (Use              *use,
                    ThredoThreadFunc  func)
{
  use_start (use, func);
  support_wait_for_state (use->thread, THREDO_THREAD_STATE_WAITING);
}

static void
use_end_ok (Use *use)
{
  support_join_ok (use->thread);
  g_assert_true (use->ok);
  g_clear_object (&use->thread);
}

static void
use_end_failed (Use *use,
                int  code)
{
  g_assert_false (thredo_thread_join (use->thread, NULL, NULL));
  g_assert_false (use->ok);
  g_assert_error (thredo_thread_get_error (use->thread), G_IO_ERROR, code);
  g_clear_object (&use->thread);
}

/* --- making one ----------------------------------------------------------- */

static void
test_new (void)
{
  static const guint values[] = { 0, 1, 2, 1000 };

  for (gsize i = 0; i < G_N_ELEMENTS (values); i++)
    {
      g_autoptr(ThredoSemaphore) semaphore = thredo_semaphore_new (values[i]);

      g_assert_true (THREDO_IS_SEMAPHORE (semaphore));
      g_assert_null (thredo_semaphore_get_name (semaphore));
      assert_value (semaphore, values[i]);
    }
}

static void
test_new_too_many (void)
{
  g_test_expect_message ("Thredo", G_LOG_LEVEL_CRITICAL, "*value <= *");
  g_assert_null (thredo_semaphore_new ((guint) G_MAXINT + 1));
  g_test_assert_expected_messages ();
  g_test_expect_message ("Thredo", G_LOG_LEVEL_CRITICAL, "*bound <= *");
  g_assert_null (thredo_bounded_semaphore_new (G_MAXUINT));
  g_test_assert_expected_messages ();
}

static void
test_properties (void)
{
  g_autoptr(ThredoSemaphore) semaphore =
      g_object_new (THREDO_TYPE_SEMAPHORE, "name", "made", "value", 3, NULL);
  g_autoptr(ThredoSemaphore) plain = g_object_new (THREDO_TYPE_SEMAPHORE, NULL);
  g_autoptr(ThredoSemaphore) bounded =
      g_object_new (THREDO_TYPE_BOUNDED_SEMAPHORE, "value", 2, NULL);
  g_autofree char *name = NULL;
  guint value, bound;

  g_assert_cmpstr (thredo_semaphore_get_name (semaphore), ==, "made");
  thredo_semaphore_set_name (semaphore, "set");
  acquire (semaphore);
  g_object_get (semaphore, "name", &name, "value", &value, NULL);
  g_assert_cmpstr (name, ==, "set");
  g_assert_cmpuint (value, ==, 2);
  thredo_semaphore_set_name (semaphore, NULL);
  g_assert_null (thredo_semaphore_get_name (semaphore));

  /* As Python's. */
  assert_value (plain, 1);

  acquire (bounded);
  g_object_get (bounded, "value", &value, "bound", &bound, NULL);
  g_assert_cmpuint (value, ==, 1);
  g_assert_cmpuint (bound, ==, 2);
}

/* --- acquire, release ----------------------------------------------------- */

static void
test_acquire (void)
{
  g_autoptr(ThredoSemaphore) semaphore = thredo_semaphore_new (3);

  acquire (semaphore);
  assert_value (semaphore, 2);
  acquire (semaphore);
  acquire (semaphore);
  assert_value (semaphore, 0);
  release (semaphore);
  assert_value (semaphore, 1);
  /* There can be more than there were. */
  release_many (semaphore, 9);
  assert_value (semaphore, 10);
}

static void
test_acquire_waits (void)
{
  g_autoptr(ThredoSemaphore) semaphore = thredo_semaphore_new (0);
  Use use = { .semaphore = semaphore };

  use_start_and_park (&use, acquire_once);
  g_assert_cmpuint (thredo_semaphore_get_value (semaphore), ==, 0);
  release (semaphore);
  use_end_ok (&use);
  /* A thread that ends gives nothing back. */
  assert_value (semaphore, 0);
}

static gpointer
release_on_gthread (gpointer semaphore)
{
  release (semaphore);

  return NULL;
}

/* Nobody owns a permit. */
static void
test_release_by_another (void)
{
  g_autoptr(ThredoSemaphore) semaphore = thredo_semaphore_new (1);
  Use use = { .semaphore = semaphore };

  acquire (semaphore);
  use_start_and_park (&use, acquire_once);
  g_thread_join (g_thread_new ("another", release_on_gthread, semaphore));
  use_end_ok (&use);
  g_thread_join (g_thread_new ("another", release_on_gthread, semaphore));
  assert_value (semaphore, 1);
}

static void
test_release_many (void)
{
  g_autoptr(ThredoSemaphore) semaphore = thredo_semaphore_new (0);
  Use uses[N_WAITERS];
  int n_passed = 0;

  for (int i = 0; i < N_WAITERS; i++)
    {
      uses[i] = (Use) { .semaphore = semaphore, .n_passed = &n_passed };
      use_start_and_park (&uses[i], acquire_once);
    }

  /* The first of them, and nobody else. */
  release_many (semaphore, 3);
  for (int i = 0; i < 3; i++)
    use_end_ok (&uses[i]);
  g_assert_cmpint (n_passed, ==, 3);
  for (int i = 3; i < N_WAITERS; i++)
    g_assert_cmpint (thredo_thread_get_state (uses[i].thread), ==, THREDO_THREAD_STATE_WAITING);
  assert_value (semaphore, 0);

  /* More than wait for it. */
  release_many (semaphore, 12);
  for (int i = 3; i < N_WAITERS; i++)
    use_end_ok (&uses[i]);
  assert_value (semaphore, 5);
}

static void
test_release_none (void)
{
  g_autoptr(ThredoSemaphore) semaphore = thredo_semaphore_new (1);

  g_test_expect_message ("Thredo", G_LOG_LEVEL_CRITICAL, "*n > 0*");
  g_assert_false (thredo_semaphore_release_many (semaphore, 0, NULL));
  g_test_assert_expected_messages ();
  assert_value (semaphore, 1);
}

static void
test_overflow (void)
{
  g_autoptr(ThredoSemaphore) semaphore = thredo_semaphore_new (G_MAXINT - 2);
  g_autoptr(ThredoSemaphore) empty = thredo_semaphore_new (0);
  Use use = { .semaphore = empty };

  g_assert_cmpuint (thredo_semaphore_get_value (semaphore), ==, G_MAXINT - 2);
  assert_too_many (semaphore, 3);
  assert_too_many (semaphore, G_MAXINT);
  assert_too_many (semaphore, G_MAXUINT);
  release_many (semaphore, 2);
  g_assert_cmpuint (thredo_semaphore_get_value (semaphore), ==, G_MAXINT);
  assert_too_many (semaphore, 1);
  g_assert_false (thredo_semaphore_release (semaphore, NULL));
  g_assert_true (thredo_semaphore_try_acquire (semaphore));
  assert_too_many (semaphore, 2);
  release (semaphore);
  g_assert_cmpuint (thredo_semaphore_get_value (semaphore), ==, G_MAXINT);

  /* Nor to somebody who waits: all or none. */
  use_start_and_park (&use, acquire_once);
  assert_too_many (empty, (guint) G_MAXINT + 1);
  assert_too_many (empty, G_MAXUINT);
  g_assert_cmpint (thredo_thread_get_state (use.thread), ==, THREDO_THREAD_STATE_WAITING);
  release_many (empty, G_MAXINT);
  use_end_ok (&use);
  g_assert_cmpuint (thredo_semaphore_get_value (empty), ==, G_MAXINT - 1);
}

static void
test_bounded (void)
{
  g_autoptr(ThredoBoundedSemaphore) bounded = thredo_bounded_semaphore_new (3);
  ThredoSemaphore *semaphore = THREDO_SEMAPHORE (bounded);

  g_assert_cmpuint (thredo_bounded_semaphore_get_bound (bounded), ==, 3);
  assert_value (semaphore, 3);
  assert_too_many (semaphore, 1);
  g_assert_false (thredo_semaphore_release (semaphore, NULL));
  acquire (semaphore);
  assert_too_many (semaphore, 2);
  release (semaphore);
  assert_value (semaphore, 3);
  for (int i = 0; i < 3; i++)
    acquire (semaphore);
  assert_too_many (semaphore, 4);
  assert_too_many (semaphore, G_MAXUINT);
  release_many (semaphore, 3);
  assert_too_many (semaphore, 1);
  assert_value (semaphore, 3);
  g_assert_cmpuint (thredo_bounded_semaphore_get_bound (bounded), ==, 3);
}

static void
test_bounded_of_none (void)
{
  g_autoptr(ThredoBoundedSemaphore) bounded = thredo_bounded_semaphore_new (0);

  assert_value (THREDO_SEMAPHORE (bounded), 0);
  assert_too_many (THREDO_SEMAPHORE (bounded), 1);
}

/* The bound holds for what is given to those who wait as well. */
static void
test_bounded_waited_for (void)
{
  g_autoptr(ThredoBoundedSemaphore) bounded = thredo_bounded_semaphore_new (2);
  ThredoSemaphore *semaphore = THREDO_SEMAPHORE (bounded);
  Use uses[4];

  acquire (semaphore);
  acquire (semaphore);
  for (int i = 0; i < 4; i++)
    {
      uses[i] = (Use) { .semaphore = semaphore };
      use_start_and_park (&uses[i], acquire_once);
    }
  assert_too_many (semaphore, 3);
  for (int i = 0; i < 4; i++)
    g_assert_cmpint (thredo_thread_get_state (uses[i].thread), ==, THREDO_THREAD_STATE_WAITING);
  release_many (semaphore, 2);
  use_end_ok (&uses[0]);
  use_end_ok (&uses[1]);
  g_assert_cmpuint (thredo_semaphore_get_value (semaphore), ==, 0);
  release (semaphore);
  use_end_ok (&uses[2]);
  release (semaphore);
  use_end_ok (&uses[3]);
  release_many (semaphore, 2);
  assert_too_many (semaphore, 1);
  assert_value (semaphore, 2);
}

static void
test_try_when_cancelled (void)
{
  g_autoptr(ThredoSemaphore) semaphore = thredo_semaphore_new (1);
  g_autoptr(ThredoScope) scope = thredo_scope_new ();

  thredo_scope_enter (scope);
  thredo_scope_cancel (scope);
  g_assert_false (thredo_check_cancelled (NULL, NULL));
  g_assert_true (thredo_semaphore_try_acquire (semaphore));
  release (semaphore);
  thredo_scope_leave (scope);
  assert_value (semaphore, 1);
}

static void
test_waiting_for (void)
{
  g_autoptr(ThredoSemaphore) semaphore = thredo_semaphore_new (0);
  Use use = { .semaphore = semaphore };

  thredo_semaphore_set_name (semaphore, "seats");
  use_start (&use, acquire_once);
  support_wait_for_wait (use.thread, "acquire on Semaphore 'seats'");
  support_cancel_and_join (use.thread);
  g_clear_object (&use.thread);
  thredo_semaphore_set_name (semaphore, NULL);
  use_start (&use, acquire_once);
  support_wait_for_wait (use.thread, "acquire on Semaphore");
  support_cancel_and_join (use.thread);
  g_clear_object (&use.thread);
}

typedef struct
{
  ThredoSemaphore *semaphore;
  gboolean done;
} LoopCall;

static gboolean
use_semaphore_on_loop (gpointer user_data)
{
  LoopCall *call = user_data;
  g_autoptr(GError) error = NULL;

  g_assert_false (thredo_semaphore_acquire (call->semaphore, NULL, &error));
  support_assert_error (&error, THREDO_ERROR, THREDO_ERROR_LOOP_THREAD);
  assert_value (call->semaphore, 1);
  g_atomic_int_set (&call->done, TRUE);

  return G_SOURCE_REMOVE;
}

static void
test_loop_thread (void)
{
  g_autoptr(ThredoSemaphore) semaphore = thredo_semaphore_new (1);
  LoopCall call = { semaphore, FALSE };

  g_main_context_invoke (thredo_get_main_context (), use_semaphore_on_loop, &call);
  support_wait_for_int (&call.done, TRUE);
}

/* --- what ends a wait ----------------------------------------------------- */

static void
test_cancelled_before (void)
{
  g_autoptr(ThredoSemaphore) semaphore = thredo_semaphore_new (1);
  g_autoptr(GCancellable) cancellable = g_cancellable_new ();
  g_autoptr(ThredoScope) scope = thredo_scope_new_with_timeout (0);
  g_autoptr(GError) error = NULL;

  g_cancellable_cancel (cancellable);
  g_assert_false (thredo_semaphore_acquire (semaphore, cancellable, &error));
  support_assert_cancelled (&error);
  thredo_scope_enter (scope);
  g_assert_false (thredo_semaphore_acquire (semaphore, NULL, &error));
  support_assert_timed_out (&error);
  g_assert_false (thredo_semaphore_acquire (semaphore, cancellable, &error));
  support_assert_cancelled (&error);
  thredo_scope_leave (scope);
  assert_value (semaphore, 1);
}

static void
test_cancelled (void)
{
  g_autoptr(ThredoSemaphore) semaphore = thredo_semaphore_new (0);
  g_autoptr(GCancellable) cancellable = g_cancellable_new ();
  g_autoptr(ThredoScope) scope = thredo_scope_new ();
  g_autoptr(ThredoScope) late = thredo_scope_new ();
  Use uses[4] = {
    { .semaphore = semaphore },
    { .semaphore = semaphore, .cancellable = cancellable },
    { .semaphore = semaphore, .scope = scope },
    { .semaphore = semaphore, .scope = late },
  };

  for (int i = 0; i < 4; i++)
    use_start_and_park (&uses[i], acquire_once);
  thredo_thread_cancel (uses[0].thread);
  g_cancellable_cancel (cancellable);
  thredo_scope_cancel (scope);
  thredo_scope_set_deadline (late, g_get_monotonic_time () + G_TIME_SPAN_MILLISECOND);
  for (int i = 0; i < 3; i++)
    use_end_failed (&uses[i], G_IO_ERROR_CANCELLED);
  use_end_failed (&uses[3], G_IO_ERROR_TIMED_OUT);
  assert_value (semaphore, 0);
  release (semaphore);
  assert_value (semaphore, 1);
}

static gboolean
acquire_shielded (ThredoThread  *thread,
                  gpointer       user_data,
                  GError       **error)
{
  g_autoptr(ThredoScope) shield = thredo_scope_new_shielded ();
  gboolean ok;

  thredo_scope_enter (shield);
  ok = acquire_once (thread, user_data, error);
  thredo_scope_leave (shield);

  return ok && thredo_check_cancelled (NULL, error);
}

static void
test_shielded (void)
{
  g_autoptr(ThredoSemaphore) semaphore = thredo_semaphore_new (0);
  g_autoptr(GCancellable) cancellable = g_cancellable_new ();
  Use use = { .semaphore = semaphore };
  g_autoptr(GError) error = NULL;

  use_start_and_park (&use, acquire_shielded);
  thredo_thread_cancel (use.thread);
  release (semaphore);
  g_assert_false (thredo_thread_join (use.thread, NULL, &error));
  support_assert_error (&error, THREDO_ERROR, THREDO_ERROR_THREAD_CANCELLED);
  g_assert_true (use.ok);
  g_clear_object (&use.thread);

  use = (Use) { .semaphore = semaphore, .cancellable = cancellable };
  use_start_and_park (&use, acquire_shielded);
  g_cancellable_cancel (cancellable);
  use_end_failed (&use, G_IO_ERROR_CANCELLED);
  assert_value (semaphore, 0);
}

/* --- the line ------------------------------------------------------------- */

static void
test_in_order (void)
{
  g_autoptr(ThredoSemaphore) semaphore = thredo_semaphore_new (0);
  Record record = { 0 };
  Use uses[N_WAITERS];

  for (int i = 0; i < N_WAITERS; i++)
    {
      uses[i] = (Use) { .semaphore = semaphore, .record = &record, .number = i };
      use_start_and_park (&uses[i], acquire_and_release);
    }
  release (semaphore);
  for (int i = 0; i < N_WAITERS; i++)
    {
      use_end_ok (&uses[i]);
      g_assert_cmpint (record.numbers[i], ==, i);
    }
  assert_value (semaphore, 1);
}

/* One permit at a time: the next in line has it, and nobody else moves. */
static void
test_in_order_one_by_one (void)
{
  g_autoptr(ThredoSemaphore) semaphore = thredo_semaphore_new (0);
  Use uses[N_WAITERS];

  for (int i = 0; i < N_WAITERS; i++)
    {
      uses[i] = (Use) { .semaphore = semaphore };
      use_start_and_park (&uses[i], acquire_once);
    }
  for (int i = 0; i < N_WAITERS; i++)
    {
      release (semaphore);
      use_end_ok (&uses[i]);
      g_assert_cmpuint (thredo_semaphore_get_value (semaphore), ==, 0);
      for (int j = i + 1; j < N_WAITERS; j++)
        g_assert_cmpint (thredo_thread_get_state (uses[j].thread), ==,
                         THREDO_THREAD_STATE_WAITING);
    }
  assert_value (semaphore, 0);
}

/* One in the middle, the first, the last and neighbours, by each cause there is. */
static void
test_many_leave (void)
{
  static const int stayed[] = { 1, 2, 5, 6, 7, 8 };
  g_autoptr(ThredoSemaphore) semaphore = thredo_semaphore_new (0);
  g_autoptr(GCancellable) cancellable = g_cancellable_new ();
  g_autoptr(ThredoScope) scope = thredo_scope_new ();
  Record record = { 0 };
  Use uses[N_WAITERS];

  for (int i = 0; i < N_WAITERS; i++)
    {
      uses[i] = (Use) { .semaphore = semaphore, .record = &record, .number = i };
      if (i == 3)
        uses[i].cancellable = cancellable;
      if (i == 4)
        uses[i].scope = scope;
      use_start_and_park (&uses[i], acquire_and_release);
    }
  g_cancellable_cancel (cancellable);
  thredo_scope_set_deadline (scope, 0);
  use_end_failed (&uses[4], G_IO_ERROR_TIMED_OUT);
  thredo_thread_cancel (uses[0].thread);
  thredo_thread_cancel (uses[N_WAITERS - 1].thread);
  /* Not waiting for any of them to be out of the line. */
  release (semaphore);
  use_end_failed (&uses[0], G_IO_ERROR_CANCELLED);
  use_end_failed (&uses[3], G_IO_ERROR_CANCELLED);
  use_end_failed (&uses[N_WAITERS - 1], G_IO_ERROR_CANCELLED);
  for (gsize i = 0; i < G_N_ELEMENTS (stayed); i++)
    {
      use_end_ok (&uses[stayed[i]]);
      g_assert_cmpint (record.numbers[i], ==, stayed[i]);
    }
  g_assert_cmpuint (record.n, ==, G_N_ELEMENTS (stayed));
  assert_value (semaphore, 1);
}

/* Many permits while many leave: what is not taken is left. */
static void
test_many_leave_many_permits (void)
{
  for (guint round = support_rounds (300); round > 0; round--)
    {
      g_autoptr(ThredoSemaphore) semaphore = thredo_semaphore_new (0);
      g_autoptr(GCancellable) cancellable = g_cancellable_new ();
      Use uses[N_WAITERS];
      guint n_taken = 0;

      for (int i = 0; i < N_WAITERS; i++)
        {
          uses[i] = (Use) { .semaphore = semaphore };
          if (i % 2)
            uses[i].cancellable = cancellable;
          use_start_and_park (&uses[i], acquire_once);
        }
      if (round % 2)
        g_cancellable_cancel (cancellable);
      release_many (semaphore, N_WAITERS);
      g_cancellable_cancel (cancellable);
      for (int i = 0; i < N_WAITERS; i++)
        {
          thredo_thread_wait (uses[i].thread, NULL, NULL);
          g_assert_true (uses[i].ok || i % 2);
          n_taken += uses[i].ok;
          g_clear_object (&uses[i].thread);
        }
      g_assert_cmpuint (thredo_semaphore_get_value (semaphore), ==, N_WAITERS - n_taken);
      if (round % 2)
        g_assert_cmpuint (n_taken, ==, N_WAITERS / 2);
    }
}

/* --- guards --------------------------------------------------------------- */

static gboolean
leave_block (ThredoSemaphore  *semaphore,
             gboolean          early,
             GError          **error)
{
  g_autoptr(ThredoSemaphoreGuard) guard = thredo_semaphore_guard_new (semaphore, NULL, error);

  if (guard == NULL)
    return FALSE;
  g_assert_cmpuint (thredo_semaphore_get_value (semaphore), ==, 1);
  if (early)
    return TRUE;
  g_clear_pointer (&guard, thredo_semaphore_guard_free);
  g_assert_cmpuint (thredo_semaphore_get_value (semaphore), ==, 2);

  return TRUE;
}

static void
test_guard (void)
{
  g_autoptr(ThredoSemaphore) semaphore = thredo_semaphore_new (2);
  g_autoptr(GCancellable) cancellable = g_cancellable_new ();
  g_autoptr(GError) error = NULL;

  g_assert_true (leave_block (semaphore, TRUE, &error));
  g_assert_cmpuint (thredo_semaphore_get_value (semaphore), ==, 2);
  g_assert_true (leave_block (semaphore, FALSE, &error));
  g_assert_cmpuint (thredo_semaphore_get_value (semaphore), ==, 2);
  g_assert_no_error (error);

  g_cancellable_cancel (cancellable);
  g_assert_null (thredo_semaphore_guard_new (semaphore, cancellable, &error));
  support_assert_cancelled (&error);
  assert_value (semaphore, 2);
}

/* A guard that finds its bound full says so. */
static void
test_guard_full (void)
{
  g_autoptr(ThredoBoundedSemaphore) bounded = thredo_bounded_semaphore_new (1);
  ThredoSemaphore *semaphore = THREDO_SEMAPHORE (bounded);
  ThredoSemaphoreGuard *guard = thredo_semaphore_guard_new (semaphore, NULL, NULL);

  g_assert_nonnull (guard);
  release (semaphore);
  g_test_expect_message ("Thredo", G_LOG_LEVEL_CRITICAL, "*guard*");
  thredo_semaphore_guard_free (guard);
  g_test_assert_expected_messages ();
  assert_value (semaphore, 1);
}

/* --- dropped -------------------------------------------------------------- */

static void
test_drop_waited_for (void)
{
  ThredoSemaphore *semaphore = thredo_semaphore_new (0);
  Use uses[2];
  int n_ended = 0;

  g_object_set_data_full (G_OBJECT (semaphore), "end", &n_ended, support_count_destroy);
  for (int i = 0; i < 2; i++)
    {
      uses[i] = (Use) { .semaphore = semaphore };
      use_start_and_park (&uses[i], acquire_once);
    }
  release (semaphore);
  use_end_ok (&uses[0]);
  g_object_unref (semaphore);
  g_assert_cmpint (n_ended, ==, 0);
  thredo_thread_cancel (uses[1].thread);
  use_end_failed (&uses[1], G_IO_ERROR_CANCELLED);
  g_assert_cmpint (n_ended, ==, 1);
}

/* Permits that are out do not keep it. */
static void
test_drop_taken (void)
{
  ThredoSemaphore *semaphore = thredo_semaphore_new (2);
  int n_ended = 0;

  g_object_set_data_full (G_OBJECT (semaphore), "end", &n_ended, support_count_destroy);
  acquire (semaphore);
  g_object_unref (semaphore);
  g_assert_cmpint (n_ended, ==, 1);
}

/* --- async ---------------------------------------------------------------- */

static gboolean
finish (ThredoSemaphore  *semaphore,
        GAsyncResult    **result,
        GError          **error)
{
  gboolean ok;

  support_iterate_until_result (result);
  ok = thredo_semaphore_acquire_finish (semaphore, *result, error);
  g_clear_object (result);

  return ok;
}

static void
finish_ok (ThredoSemaphore  *semaphore,
           GAsyncResult    **result)
{
  g_autoptr(GError) error = NULL;
  gboolean ok = finish (semaphore, result, &error);

  g_assert_no_error (error);
  g_assert_true (ok);
}

static void
test_async_at_once (void)
{
  g_autoptr(ThredoSemaphore) semaphore = thredo_semaphore_new (2);
  GAsyncResult *result = NULL;

  thredo_semaphore_acquire_async (semaphore, NULL, support_keep_result, &result);
  g_assert_null (result);
  finish_ok (semaphore, &result);
  assert_value (semaphore, 1);
}

/* One line for threads and calls. */
static void
test_async_in_order (void)
{
  g_autoptr(ThredoSemaphore) semaphore = thredo_semaphore_new (0);
  GAsyncResult *results[3] = { NULL };
  Use uses[2] = { { .semaphore = semaphore }, { .semaphore = semaphore } };

  thredo_semaphore_acquire_async (semaphore, NULL, support_keep_result, &results[0]);
  use_start_and_park (&uses[0], acquire_once);
  thredo_semaphore_acquire_async (semaphore, NULL, support_keep_result, &results[1]);
  use_start_and_park (&uses[1], acquire_once);
  thredo_semaphore_acquire_async (semaphore, NULL, support_keep_result, &results[2]);

  release (semaphore);
  finish_ok (semaphore, &results[0]);
  g_assert_cmpint (thredo_thread_get_state (uses[0].thread), ==, THREDO_THREAD_STATE_WAITING);
  release (semaphore);
  use_end_ok (&uses[0]);
  g_assert_null (results[1]);
  release (semaphore);
  finish_ok (semaphore, &results[1]);
  g_assert_cmpint (thredo_thread_get_state (uses[1].thread), ==, THREDO_THREAD_STATE_WAITING);
  release (semaphore);
  use_end_ok (&uses[1]);
  g_assert_null (results[2]);
  release (semaphore);
  finish_ok (semaphore, &results[2]);
  assert_value (semaphore, 0);
}

static void
test_async_cancelled (void)
{
  g_autoptr(ThredoSemaphore) semaphore = thredo_semaphore_new (0);
  g_autoptr(GCancellable) cancellable = g_cancellable_new ();
  g_autoptr(GError) error = NULL;
  GAsyncResult *result = NULL;
  GAsyncResult *other = NULL;

  thredo_semaphore_acquire_async (semaphore, cancellable, support_keep_result, &result);
  thredo_semaphore_acquire_async (semaphore, NULL, support_keep_result, &other);
  g_cancellable_cancel (cancellable);
  /* Before it has left the line. */
  release (semaphore);
  g_assert_cmpuint (thredo_semaphore_get_value (semaphore), ==, 0);
  g_assert_null (result);
  g_assert_false (finish (semaphore, &result, &error));
  support_assert_cancelled (&error);
  finish_ok (semaphore, &other);

  /* At once: there is a permit, and it is left. */
  release (semaphore);
  thredo_semaphore_acquire_async (semaphore, cancellable, support_keep_result, &result);
  g_assert_false (finish (semaphore, &result, &error));
  support_assert_cancelled (&error);
  assert_value (semaphore, 1);
}

static void
test_async_cancelled_alone (void)
{
  g_autoptr(ThredoSemaphore) semaphore = thredo_semaphore_new (0);
  g_autoptr(GCancellable) cancellable = g_cancellable_new ();
  g_autoptr(GError) error = NULL;
  GAsyncResult *result = NULL;

  thredo_semaphore_acquire_async (semaphore, cancellable, support_keep_result, &result);
  g_cancellable_cancel (cancellable);
  release (semaphore);
  assert_value (semaphore, 1);
  g_assert_false (finish (semaphore, &result, &error));
  support_assert_cancelled (&error);
  assert_value (semaphore, 1);
}

static void
test_async_cancelled_late (void)
{
  g_autoptr(ThredoSemaphore) semaphore = thredo_semaphore_new (0);
  g_autoptr(GCancellable) cancellable = g_cancellable_new ();
  GAsyncResult *result = NULL;

  thredo_semaphore_acquire_async (semaphore, cancellable, support_keep_result, &result);
  release (semaphore);
  g_cancellable_cancel (cancellable);
  finish_ok (semaphore, &result);
  assert_value (semaphore, 0);
}

static void
test_async_without_callback (void)
{
  g_autoptr(ThredoSemaphore) semaphore = thredo_semaphore_new (3);

  thredo_semaphore_acquire_async (semaphore, NULL, NULL, NULL);
  while (g_main_context_iteration (NULL, FALSE))
    ;
  assert_value (semaphore, 2);
}

static void
test_async_many (void)
{
  g_autoptr(ThredoSemaphore) semaphore = thredo_semaphore_new (0);
  GAsyncResult *results[500] = { NULL };

  for (int i = 0; i < 500; i++)
    thredo_semaphore_acquire_async (semaphore, NULL, support_keep_result, &results[i]);
  release_many (semaphore, 200);
  for (int i = 0; i < 200; i++)
    finish_ok (semaphore, &results[i]);
  for (int i = 200; i < 500; i++)
    g_assert_null (results[i]);
  release_many (semaphore, 303);
  for (int i = 200; i < 500; i++)
    finish_ok (semaphore, &results[i]);
  assert_value (semaphore, 3);
}

/* --- crowds --------------------------------------------------------------- */

#define N_PERMITS 3
#define N_THREADS 8

typedef struct
{
  ThredoSemaphore *semaphore;
  guint n_rounds;
  int n_inside;
  int most_inside;
} Crowd;

static gboolean
pass_many_times (ThredoThread  *thread,
                 gpointer       user_data,
                 GError       **error)
{
  Crowd *crowd = user_data;

  for (guint i = 0; i < crowd->n_rounds; i++)
    {
      int n;

      acquire (crowd->semaphore);
      n = g_atomic_int_add (&crowd->n_inside, 1) + 1;
      g_assert_cmpint (n, <=, N_PERMITS);
      if (n > g_atomic_int_get (&crowd->most_inside))
        g_atomic_int_set (&crowd->most_inside, n);
      if (i % 64 == 0)
        g_thread_yield ();
      g_atomic_int_add (&crowd->n_inside, -1);
      release (crowd->semaphore);
    }

  return TRUE;
}

/* Never more inside than there are permits. */
static void
test_crowd (void)
{
  g_autoptr(ThredoBoundedSemaphore) bounded = thredo_bounded_semaphore_new (N_PERMITS);
  Crowd crowd = { .semaphore = THREDO_SEMAPHORE (bounded), .n_rounds = support_rounds (50000) };
  ThredoThread *threads[N_THREADS];

  for (int i = 0; i < N_THREADS; i++)
    threads[i] = thredo_thread_spawn ("user", pass_many_times, &crowd, NULL, NULL);
  for (int i = 0; i < N_THREADS; i++)
    {
      support_join_ok (threads[i]);
      g_object_unref (threads[i]);
    }
  g_test_message ("At most %d were inside", crowd.most_inside);
  assert_value (crowd.semaphore, N_PERMITS);
  assert_too_many (crowd.semaphore, 1);
}

/* Permits that are given by some and taken by others, some of whom give up. */
typedef struct
{
  ThredoSemaphore *semaphore;
  guint n_rounds;
  int n_taken;
} Flow;

static gboolean
take_many (ThredoThread  *thread,
           gpointer       user_data,
           GError       **error)
{
  Flow *flow = user_data;

  for (;;)
    {
      g_autoptr(ThredoScope) scope = thredo_scope_new_with_timeout (20);
      g_autoptr(GError) unneeded = NULL;
      gboolean ok;

      thredo_scope_enter (scope);
      ok = thredo_semaphore_acquire (flow->semaphore, NULL, &unneeded);
      thredo_scope_leave (scope);
      if (ok)
        g_atomic_int_inc (&flow->n_taken);
      else if (!g_error_matches (unneeded, G_IO_ERROR, G_IO_ERROR_TIMED_OUT))
        return TRUE;
    }
}

static gboolean
give_many (ThredoThread  *thread,
           gpointer       user_data,
           GError       **error)
{
  Flow *flow = user_data;
  g_autoptr(GRand) rand = g_rand_new_with_seed (17);

  for (guint i = 0; i < flow->n_rounds; i += 3)
    {
      release (flow->semaphore);
      release_many (flow->semaphore, 2);
      for (volatile int spin = g_rand_int_range (rand, 0, 3000); spin > 0; spin--)
        ;
    }

  return TRUE;
}

static void
test_flow (void)
{
  g_autoptr(ThredoSemaphore) semaphore = thredo_semaphore_new (0);
  Flow flow = { .semaphore = semaphore, .n_rounds = support_rounds (50000) / 3 * 3 + 3 };
  ThredoThread *takers[4];
  ThredoThread *givers[2];

  for (int i = 0; i < 4; i++)
    takers[i] = thredo_thread_spawn ("taker", take_many, &flow, NULL, NULL);
  for (int i = 0; i < 2; i++)
    givers[i] = thredo_thread_spawn ("giver", give_many, &flow, NULL, NULL);
  for (int i = 0; i < 2; i++)
    {
      support_join_ok (givers[i]);
      g_object_unref (givers[i]);
    }
  for (int i = 0; i < 4; i++)
    thredo_thread_cancel (takers[i]);
  for (int i = 0; i < 4; i++)
    {
      thredo_thread_wait (takers[i], NULL, NULL);
      g_object_unref (takers[i]);
    }
  g_assert_cmpuint (thredo_semaphore_get_value (semaphore) + flow.n_taken, ==, 2 * flow.n_rounds);
}

int
main (int    argc,
      char **argv)
{
  support_init (&argc, &argv);

  g_test_add_func ("/semaphore/new/values", test_new);
  g_test_add_func ("/semaphore/new/too-many", test_new_too_many);
  g_test_add_func ("/semaphore/new/properties", test_properties);
  g_test_add_func ("/semaphore/acquire/counts", test_acquire);
  g_test_add_func ("/semaphore/acquire/waits", test_acquire_waits);
  g_test_add_func ("/semaphore/acquire/waiting-for", test_waiting_for);
  g_test_add_func ("/semaphore/acquire/loop-thread", test_loop_thread);
  g_test_add_func ("/semaphore/acquire/cancelled-before", test_cancelled_before);
  g_test_add_func ("/semaphore/acquire/cancelled", test_cancelled);
  g_test_add_func ("/semaphore/acquire/shielded", test_shielded);
  g_test_add_func ("/semaphore/try/when-cancelled", test_try_when_cancelled);
  g_test_add_func ("/semaphore/release/by-another", test_release_by_another);
  g_test_add_func ("/semaphore/release/many", test_release_many);
  g_test_add_func ("/semaphore/release/none", test_release_none);
  g_test_add_func ("/semaphore/release/overflow", test_overflow);
  g_test_add_func ("/semaphore/bounded/release", test_bounded);
  g_test_add_func ("/semaphore/bounded/of-none", test_bounded_of_none);
  g_test_add_func ("/semaphore/bounded/waited-for", test_bounded_waited_for);
  g_test_add_func ("/semaphore/line/in-order", test_in_order);
  g_test_add_func ("/semaphore/line/one-by-one", test_in_order_one_by_one);
  g_test_add_func ("/semaphore/line/many-leave", test_many_leave);
  g_test_add_func ("/semaphore/line/many-leave-many-permits", test_many_leave_many_permits);
  g_test_add_func ("/semaphore/guard/ways-out", test_guard);
  g_test_add_func ("/semaphore/guard/full", test_guard_full);
  g_test_add_func ("/semaphore/drop/waited-for", test_drop_waited_for);
  g_test_add_func ("/semaphore/drop/taken", test_drop_taken);
  g_test_add_func ("/semaphore/async/at-once", test_async_at_once);
  g_test_add_func ("/semaphore/async/in-order", test_async_in_order);
  g_test_add_func ("/semaphore/async/cancelled", test_async_cancelled);
  g_test_add_func ("/semaphore/async/cancelled-alone", test_async_cancelled_alone);
  g_test_add_func ("/semaphore/async/cancelled-late", test_async_cancelled_late);
  g_test_add_func ("/semaphore/async/without-callback", test_async_without_callback);
  g_test_add_func ("/semaphore/async/many", test_async_many);
  g_test_add_func ("/semaphore/crowd/bounded", test_crowd);
  g_test_add_func ("/semaphore/crowd/flow", test_flow);

  return g_test_run ();
}
