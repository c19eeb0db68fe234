/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "support.h"

#define N_WAITERS 10

/* --- using a lock --------------------------------------------------------- */

static void
acquire (ThredoRLock *lock,
         guint        times)
{
  for (guint i = 0; i < times; i++)
    {
      g_autoptr(GError) error = NULL;
      gboolean ok;

      ok = thredo_rlock_acquire (lock, NULL, &error);
      g_assert_no_error (error);
      g_assert_true (ok);
    }
}

static void
release (ThredoRLock *lock,
         guint        times)
{
  for (guint i = 0; i < times; i++)
    {
      g_autoptr(GError) error = NULL;
      gboolean ok;

      ok = thredo_rlock_release (lock, &error);
      g_assert_no_error (error);
      g_assert_true (ok);
    }
}

static void
assert_owner (ThredoRLock  *lock,
              ThredoThread *thread)
{
  g_autoptr(ThredoThread) owner = thredo_rlock_get_owner (lock);

  g_assert_true (owner == thread);
  g_assert_true (thredo_rlock_is_locked (lock) == (thread != NULL));
}

/* How deep the calling thread owns it; 0: it does not. */
static void
assert_depth (ThredoRLock *lock,
              guint        depth)
{
  g_assert_cmpuint (thredo_rlock_get_depth (lock), ==, depth);
  g_assert_true (thredo_lockable_is_owned (THREDO_LOCKABLE (lock)) == (depth > 0));
  if (depth > 0)
    assert_owner (lock, thredo_thread_self ());
}

static void
assert_not_owner (ThredoRLock *lock)
{
  g_autoptr(GError) error = NULL;

  g_assert_false (thredo_rlock_release (lock, &error));
  support_assert_error (&error, THREDO_ERROR, THREDO_ERROR_NOT_OWNER);
  g_assert_false (thredo_rlock_release (lock, NULL));
}

/* It can be had, and is there once. */
static void
assert_free (ThredoRLock *lock)
{
  assert_owner (lock, NULL);
  assert_depth (lock, 0);
  g_assert_true (thredo_rlock_try_acquire (lock));
  assert_depth (lock, 1);
  release (lock, 1);
  assert_owner (lock, NULL);
  assert_depth (lock, 0);
}

/* --- threads that use a lock once ----------------------------------------- */

typedef struct
{
  int numbers[N_WAITERS];
  guint n;
} Record;

typedef struct
{
  ThredoRLock *lock;
  GCancellable *cancellable;
  ThredoScope *scope;
  Record *record;
  int number;
  SupportGate *gate; /* with the lock */
  guint depth;       /* 0 for 1 */
  gboolean ok;
  gboolean was_abandoned;
  ThredoThread *thread;
} Use;

static gboolean
use_acquire (Use     *use,
             GError **error)
{
  g_autoptr(ThredoScopeGuard) guard = NULL;

  if (use->scope != NULL)
    guard = thredo_scope_guard_new (use->scope);
  use->ok = thredo_rlock_acquire (use->lock, use->cancellable, error);
  if (!use->ok)
    {
      assert_depth (use->lock, 0);
      return FALSE;
    }

  assert_depth (use->lock, 1);
  use->depth = MAX (use->depth, 1);
  acquire (use->lock, use->depth - 1);
  assert_depth (use->lock, use->depth);
  use->was_abandoned = thredo_rlock_get_abandoned (use->lock);
  if (use->record != NULL)
    use->record->numbers[use->record->n++] = use->number;
  if (use->gate != NULL)
    support_gate_wait (use->gate);

  return TRUE;
}

static gboolean
acquire_once (ThredoThread  *thread,
              gpointer       user_data,
              GError       **error)
{
  Use *use = user_data;

  if (!use_acquire (use, error))
    return FALSE;
  release (use->lock, use->depth);
  assert_depth (use->lock, 0);

  return TRUE;
}

/* Ends without giving it back. */
static gboolean
acquire_and_keep (ThredoThread  *thread,
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

static gboolean
is_owner (gpointer user_data)
{
  Use *use = user_data;
  g_autoptr(ThredoThread) owner = thredo_rlock_get_owner (use->lock);

  return owner == use->thread;
}

static void
use_start_and_own (Use              *use,
                   ThredoThreadFunc  func)
{
  use_start (use, func);
  support_wait_for ("owning the lock", is_owner, use);
}

static void
use_end_ok (Use *use)
{
  support_join_ok (use->thread);
  g_assert_true (use->ok);
  g_clear_object (&use->thread);
}

static void
use_end_failed (Use    *use,
                GQuark  domain,
                int     code)
{
  g_assert_false (thredo_thread_join (use->thread, NULL, NULL));
  g_assert_false (use->ok);
  g_assert_error (thredo_thread_get_error (use->thread), domain, code);
  g_clear_object (&use->thread);
}

static void
expect_abandoned (void)
{
  g_test_expect_message ("Thredo", G_LOG_LEVEL_WARNING,
                         "Thread 'user' ended while it held RLock 'r'; the lock is released and "
                         "marked abandoned");
}

/* --- making one ----------------------------------------------------------- */

static void
test_new (void)
{
  g_autoptr(ThredoRLock) lock = thredo_rlock_new ();

  g_assert_true (THREDO_IS_RLOCK (lock));
  g_assert_true (THREDO_IS_LOCKABLE (lock));
  g_assert_null (thredo_rlock_get_name (lock));
  g_assert_false (thredo_rlock_get_abandoned (lock));
  assert_free (lock);
}

static void
test_properties (void)
{
  g_autoptr(ThredoRLock) lock = g_object_new (THREDO_TYPE_RLOCK, "name", "made", NULL);
  g_autoptr(ThredoThread) owner = NULL;
  g_autofree char *name = NULL;
  gboolean is_locked, is_abandoned;
  guint depth;

  g_assert_cmpstr (thredo_rlock_get_name (lock), ==, "made");
  thredo_rlock_set_name (lock, "set");
  acquire (lock, 2);
  g_object_get (lock, "name", &name, "locked", &is_locked, "owner", &owner,
                "abandoned", &is_abandoned, "depth", &depth, NULL);
  g_assert_cmpstr (name, ==, "set");
  g_assert_true (is_locked);
  g_assert_true (owner == thredo_thread_self ());
  g_assert_false (is_abandoned);
  g_assert_cmpuint (depth, ==, 2);
  release (lock, 2);
  g_clear_object (&owner);
  g_object_get (lock, "locked", &is_locked, "owner", &owner, "depth", &depth, NULL);
  g_assert_false (is_locked);
  g_assert_null (owner);
  g_assert_cmpuint (depth, ==, 0);
}

/* --- depth ---------------------------------------------------------------- */

static void
test_depth (void)
{
  g_autoptr(ThredoRLock) lock = thredo_rlock_new ();

  for (guint i = 1; i <= 100; i++)
    {
      acquire (lock, 1);
      assert_depth (lock, i);
    }
  for (guint i = 100; i > 0; i--)
    {
      assert_depth (lock, i);
      release (lock, 1);
    }
  assert_depth (lock, 0);
  assert_not_owner (lock);
  assert_free (lock);
}

static void
test_try (void)
{
  g_autoptr(ThredoRLock) lock = thredo_rlock_new ();
  SupportGate gate;
  Use use = { .lock = lock, .gate = &gate };

  g_assert_true (thredo_rlock_try_acquire (lock));
  g_assert_true (thredo_rlock_try_acquire (lock));
  assert_depth (lock, 2);
  release (lock, 2);
  assert_not_owner (lock);

  support_gate_init (&gate);
  use_start_and_own (&use, acquire_once);
  g_assert_false (thredo_rlock_try_acquire (lock));
  assert_depth (lock, 0);
  support_gate_open (&gate);
  use_end_ok (&use);
  assert_free (lock);
  support_gate_clear (&gate);
}

/* It is the others' only with the last release; meanwhile the owner's depth is
 * nothing that anybody else could see or change. */
static void
test_released_last (void)
{
  g_autoptr(ThredoRLock) lock = thredo_rlock_new ();
  Use use = { .lock = lock, .depth = 3 };

  acquire (lock, 3);
  use_start_and_park (&use, acquire_once);
  release (lock, 1);
  assert_depth (lock, 2);
  release (lock, 1);
  assert_depth (lock, 1);
  g_assert_cmpint (thredo_thread_get_state (use.thread), ==, THREDO_THREAD_STATE_WAITING);
  acquire (lock, 1);
  release (lock, 2);
  use_end_ok (&use);
  assert_free (lock);
}

static void
test_depth_of_another (void)
{
  g_autoptr(ThredoRLock) lock = thredo_rlock_new ();
  SupportGate gate;
  Use use = { .lock = lock, .gate = &gate, .depth = 5 };

  support_gate_init (&gate);
  use_start_and_own (&use, acquire_once);
  assert_depth (lock, 0);
  assert_not_owner (lock);
  assert_owner (lock, use.thread);
  support_gate_open (&gate);
  use_end_ok (&use);
  assert_not_owner (lock);
  assert_free (lock);
  support_gate_clear (&gate);
}

/* Again also where it would be had at once: a cancel comes first. */
static void
test_again_when_cancelled (void)
{
  g_autoptr(ThredoRLock) lock = thredo_rlock_new ();
  g_autoptr(GCancellable) cancellable = g_cancellable_new ();
  g_autoptr(ThredoScope) scope = thredo_scope_new_with_timeout (0);
  g_autoptr(GError) error = NULL;

  acquire (lock, 2);
  g_cancellable_cancel (cancellable);
  g_assert_false (thredo_rlock_acquire (lock, cancellable, &error));
  support_assert_cancelled (&error);
  thredo_scope_enter (scope);
  g_assert_false (thredo_rlock_acquire (lock, NULL, &error));
  support_assert_timed_out (&error);
  assert_depth (lock, 2);
  /* Neither of these asks. */
  g_assert_true (thredo_rlock_try_acquire (lock));
  assert_depth (lock, 3);
  release (lock, 3);
  thredo_scope_leave (scope);
  assert_free (lock);
}

static void
test_too_deep (void)
{
  g_autoptr(ThredoRLock) lock = thredo_rlock_new ();
  ThredoLockable *lockable = THREDO_LOCKABLE (lock);
  g_autoptr(GError) error = NULL;

  thredo_lockable_reacquire (lockable, G_MAXUINT);
  assert_depth (lock, G_MAXUINT);
  g_assert_false (thredo_rlock_acquire (lock, NULL, &error));
  support_assert_error (&error, THREDO_ERROR, THREDO_ERROR_STATE);
  g_assert_false (thredo_rlock_try_acquire (lock));
  assert_depth (lock, G_MAXUINT);
  release (lock, 1);
  acquire (lock, 1);
  g_assert_cmpuint (thredo_lockable_release_all (lockable), ==, G_MAXUINT);
  assert_free (lock);
}

typedef struct
{
  ThredoRLock *lock;
  gboolean done;
} LoopCall;

static gboolean
use_lock_on_loop (gpointer user_data)
{
  LoopCall *call = user_data;
  g_autoptr(GError) error = NULL;

  g_assert_false (thredo_rlock_acquire (call->lock, NULL, &error));
  support_assert_error (&error, THREDO_ERROR, THREDO_ERROR_LOOP_THREAD);
  assert_depth (call->lock, 0);
  g_assert_true (thredo_rlock_try_acquire (call->lock));
  g_assert_false (thredo_rlock_acquire (call->lock, NULL, &error));
  support_assert_error (&error, THREDO_ERROR, THREDO_ERROR_LOOP_THREAD);
  assert_depth (call->lock, 1);
  release (call->lock, 1);
  g_atomic_int_set (&call->done, TRUE);

  return G_SOURCE_REMOVE;
}

static void
test_loop_thread (void)
{
  g_autoptr(ThredoRLock) lock = thredo_rlock_new ();
  LoopCall call = { lock, FALSE };

  g_main_context_invoke (thredo_get_main_context (), use_lock_on_loop, &call);
  support_wait_for_int (&call.done, TRUE);
  assert_free (lock);
}

/* --- waiting -------------------------------------------------------------- */

static void
test_waiting_for (void)
{
  g_autoptr(ThredoRLock) lock = thredo_rlock_new ();
  Use use = { .lock = lock };

  acquire (lock, 1);
  thredo_rlock_set_name (lock, "door");
  use_start (&use, acquire_once);
  support_wait_for_wait (use.thread, "acquire on RLock 'door'");
  support_cancel_and_join (use.thread);
  g_clear_object (&use.thread);
  release (lock, 1);
}

static void
test_cancelled (void)
{
  g_autoptr(ThredoRLock) lock = thredo_rlock_new ();
  g_autoptr(GCancellable) cancellable = g_cancellable_new ();
  g_autoptr(ThredoScope) scope = thredo_scope_new ();
  g_autoptr(ThredoScope) late = thredo_scope_new ();
  Use uses[4] = {
    { .lock = lock },
    { .lock = lock, .cancellable = cancellable },
    { .lock = lock, .scope = scope },
    { .lock = lock, .scope = late },
  };

  acquire (lock, 2);
  for (int i = 0; i < 4; i++)
    use_start_and_park (&uses[i], acquire_once);
  thredo_thread_cancel (uses[0].thread);
  g_cancellable_cancel (cancellable);
  thredo_scope_cancel (scope);
  thredo_scope_set_deadline (late, 0);
  for (int i = 0; i < 3; i++)
    use_end_failed (&uses[i], G_IO_ERROR, G_IO_ERROR_CANCELLED);
  support_wait_for_state (uses[3].thread, THREDO_THREAD_STATE_FAILED);
  use_end_failed (&uses[3], G_IO_ERROR, G_IO_ERROR_TIMED_OUT);
  assert_depth (lock, 2);
  release (lock, 2);
  assert_free (lock);
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
  g_autoptr(ThredoRLock) lock = thredo_rlock_new ();
  Use use = { .lock = lock, .depth = 2 };
  g_autoptr(GError) error = NULL;

  acquire (lock, 1);
  use_start_and_park (&use, acquire_shielded);
  thredo_thread_cancel (use.thread);
  release (lock, 1);
  g_assert_false (thredo_thread_join (use.thread, NULL, &error));
  support_assert_error (&error, THREDO_ERROR, THREDO_ERROR_THREAD_CANCELLED);
  g_assert_true (use.ok);
  g_clear_object (&use.thread);
  assert_free (lock);
}

/* Ten in line, each of them several deep, and the one in the middle leaves. */
static void
test_in_order (void)
{
  g_autoptr(ThredoRLock) lock = thredo_rlock_new ();
  Record record = { 0 };
  Use uses[N_WAITERS];
  int next = 0;

  acquire (lock, 2);
  for (int i = 0; i < N_WAITERS; i++)
    {
      uses[i] = (Use) { .lock = lock, .record = &record, .number = i, .depth = i % 3 + 1 };
      use_start_and_park (&uses[i], acquire_once);
    }
  thredo_thread_cancel (uses[4].thread);
  use_end_failed (&uses[4], G_IO_ERROR, G_IO_ERROR_CANCELLED);
  release (lock, 2);
  for (int i = 0; i < N_WAITERS; i++)
    {
      if (i == 4)
        continue;
      use_end_ok (&uses[i]);
      g_assert_cmpint (record.numbers[next], ==, i);
      next++;
    }
  g_assert_cmpuint (record.n, ==, N_WAITERS - 1);
  assert_free (lock);
}

static gboolean
keep_through_cancel (ThredoThread  *thread,
                     gpointer       user_data,
                     GError       **error)
{
  Use *use = user_data;
  g_autoptr(GError) unneeded = NULL;

  acquire (use->lock, 2);
  use->ok = TRUE;
  thredo_sleep (SUPPORT_FOREVER, NULL, error);
  g_assert_error (*error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  assert_depth (use->lock, 2);
  /* Not even deeper. */
  g_assert_false (thredo_rlock_acquire (use->lock, NULL, &unneeded));
  support_assert_cancelled (&unneeded);
  support_gate_wait (use->gate);
  assert_depth (use->lock, 2);
  release (use->lock, 2);

  return FALSE;
}

static void
test_cancelled_owner (void)
{
  g_autoptr(ThredoRLock) lock = thredo_rlock_new ();
  g_autoptr(GError) error = NULL;
  SupportGate gate;
  Use owner = { .lock = lock, .gate = &gate };
  Use waiter = { .lock = lock };

  support_gate_init (&gate);
  use_start_and_park (&owner, keep_through_cancel);
  use_start_and_park (&waiter, acquire_once);
  thredo_thread_cancel (owner.thread);
  support_wait_for_state (owner.thread, THREDO_THREAD_STATE_RUNNING);
  assert_owner (lock, owner.thread);
  g_assert_cmpint (thredo_thread_get_state (waiter.thread), ==, THREDO_THREAD_STATE_WAITING);
  support_gate_open (&gate);
  use_end_ok (&waiter);
  g_assert_false (waiter.was_abandoned);
  g_assert_false (thredo_thread_join (owner.thread, NULL, &error));
  support_assert_error (&error, THREDO_ERROR, THREDO_ERROR_THREAD_CANCELLED);
  g_clear_object (&owner.thread);
  assert_free (lock);
  support_gate_clear (&gate);
}

/* --- abandoned ------------------------------------------------------------ */

/* The mark stays until the owner has released it as often as it has acquired it,
 * and the depth of the one before is forgotten. */
static void
assert_abandoned_once (ThredoRLock *lock)
{
  assert_owner (lock, NULL);
  assert_depth (lock, 0);
  acquire (lock, 2);
  assert_depth (lock, 2);
  g_assert_true (thredo_rlock_get_abandoned (lock));
  release (lock, 1);
  g_assert_true (thredo_rlock_get_abandoned (lock));
  g_assert_true (thredo_rlock_try_acquire (lock));
  g_assert_true (thredo_rlock_get_abandoned (lock));
  release (lock, 2);
  assert_owner (lock, NULL);
  g_assert_false (thredo_rlock_get_abandoned (lock));
  acquire (lock, 1);
  g_assert_false (thredo_rlock_get_abandoned (lock));
  release (lock, 1);
  assert_free (lock);
}

static void
test_abandoned (void)
{
  g_autoptr(ThredoRLock) lock = thredo_rlock_new ();
  Use use = { .lock = lock, .depth = 3 };

  thredo_rlock_set_name (lock, "r");
  expect_abandoned ();
  use_start (&use, acquire_and_keep);
  use_end_ok (&use);
  g_test_assert_expected_messages ();
  assert_abandoned_once (lock);
}

static void
test_abandoned_to_waiters (void)
{
  g_autoptr(ThredoRLock) lock = thredo_rlock_new ();
  SupportGate gate;
  Use owner = { .lock = lock, .gate = &gate, .depth = 4 };
  Use waiters[2];

  thredo_rlock_set_name (lock, "r");
  support_gate_init (&gate);
  use_start_and_own (&owner, acquire_and_keep);
  for (int i = 0; i < 2; i++)
    {
      waiters[i] = (Use) { .lock = lock, .depth = 2 };
      use_start_and_park (&waiters[i], acquire_once);
    }
  expect_abandoned ();
  support_gate_open (&gate);
  use_end_ok (&owner);
  use_end_ok (&waiters[0]);
  use_end_ok (&waiters[1]);
  g_assert_true (waiters[0].was_abandoned);
  g_assert_false (waiters[1].was_abandoned);
  g_test_assert_expected_messages ();
  assert_free (lock);
  support_gate_clear (&gate);
}

static gpointer
keep_on_gthread (gpointer user_data)
{
  thredo_thread_set_name (thredo_thread_self (), "user");
  g_assert_true (use_acquire (user_data, NULL));

  return NULL;
}

static void
test_abandoned_by_gthread (void)
{
  g_autoptr(ThredoRLock) lock = thredo_rlock_new ();
  Use use = { .lock = lock, .depth = 2 };

  thredo_rlock_set_name (lock, "r");
  expect_abandoned ();
  g_thread_join (g_thread_new ("foreign", keep_on_gthread, &use));
  g_test_assert_expected_messages ();
  assert_abandoned_once (lock);
}

/* --- dropped -------------------------------------------------------------- */

static void
test_drop_held (void)
{
  ThredoRLock *lock = thredo_rlock_new ();
  int n_ended = 0;

  thredo_rlock_set_name (lock, "x");
  g_object_set_data_full (G_OBJECT (lock), "end", &n_ended, support_count_destroy);
  acquire (lock, 2);
  g_test_expect_message ("Thredo", G_LOG_LEVEL_CRITICAL,
                         "The last reference to RLock 'x' was dropped while Thread '*' held it; "
                         "it is kept until it is released");
  g_object_unref (lock);
  g_test_assert_expected_messages ();
  g_assert_cmpint (n_ended, ==, 0);
  assert_depth (lock, 2);
  release (lock, 1);
  g_assert_cmpint (n_ended, ==, 0);
  assert_depth (lock, 1);
  release (lock, 1);
  g_assert_cmpint (n_ended, ==, 1);
}

static void
test_drop_abandoned (void)
{
  ThredoRLock *lock = thredo_rlock_new ();
  SupportGate gate;
  Use use = { .lock = lock, .gate = &gate, .depth = 3 };
  int n_ended = 0;

  thredo_rlock_set_name (lock, "r");
  g_object_set_data_full (G_OBJECT (lock), "end", &n_ended, support_count_destroy);
  support_gate_init (&gate);
  use_start_and_own (&use, acquire_and_keep);
  g_test_expect_message ("Thredo", G_LOG_LEVEL_CRITICAL, "The last reference to RLock 'r' *");
  g_object_unref (lock);
  g_test_assert_expected_messages ();
  expect_abandoned ();
  support_gate_open (&gate);
  use_end_ok (&use);
  g_test_assert_expected_messages ();
  g_assert_cmpint (n_ended, ==, 1);
  support_gate_clear (&gate);
}

/* --- async ---------------------------------------------------------------- */

static void
finish_ok (ThredoRLock   *lock,
           GAsyncResult **result)
{
  g_autoptr(GError) error = NULL;
  gboolean ok;

  support_iterate_until_result (result);
  ok = thredo_rlock_acquire_finish (lock, *result, &error);
  g_assert_no_error (error);
  g_assert_true (ok);
  g_clear_object (result);
}

static void
test_async (void)
{
  g_autoptr(ThredoRLock) lock = thredo_rlock_new ();
  GAsyncResult *result = NULL;

  thredo_rlock_acquire_async (lock, NULL, support_keep_result, &result);
  g_assert_null (result);
  finish_ok (lock, &result);
  assert_depth (lock, 1);
  acquire (lock, 1);
  assert_depth (lock, 2);
  release (lock, 2);
  assert_free (lock);
}

static void
test_async_waits (void)
{
  g_autoptr(ThredoRLock) lock = thredo_rlock_new ();
  GAsyncResult *result = NULL;
  SupportGate gate;
  Use use = { .lock = lock, .gate = &gate, .depth = 3 };

  support_gate_init (&gate);
  use_start_and_own (&use, acquire_once);
  thredo_rlock_acquire_async (lock, NULL, support_keep_result, &result);
  for (int i = 0; i < 10; i++)
    g_main_context_iteration (NULL, FALSE);
  g_assert_null (result);
  assert_owner (lock, use.thread);
  support_gate_open (&gate);
  finish_ok (lock, &result);
  assert_depth (lock, 1);
  use_end_ok (&use);
  release (lock, 1);
  assert_free (lock);
  support_gate_clear (&gate);
}

/* A caller that owns it has it once more. */
static void
test_async_again (void)
{
  g_autoptr(ThredoRLock) lock = thredo_rlock_new ();
  g_autoptr(GCancellable) cancellable = g_cancellable_new ();
  g_autoptr(GError) error = NULL;
  GAsyncResult *result = NULL;
  Use use = { .lock = lock };

  acquire (lock, 1);
  use_start_and_park (&use, acquire_once);
  thredo_rlock_acquire_async (lock, NULL, support_keep_result, &result);
  g_assert_null (result);
  finish_ok (lock, &result);
  assert_depth (lock, 2);

  g_cancellable_cancel (cancellable);
  thredo_rlock_acquire_async (lock, cancellable, support_keep_result, &result);
  support_iterate_until_result (&result);
  g_assert_false (thredo_rlock_acquire_finish (lock, result, &error));
  support_assert_cancelled (&error);
  g_clear_object (&result);
  assert_depth (lock, 2);

  release (lock, 2);
  use_end_ok (&use);
  assert_free (lock);
}

static void
test_async_cancelled (void)
{
  g_autoptr(ThredoRLock) lock = thredo_rlock_new ();
  g_autoptr(GCancellable) cancellable = g_cancellable_new ();
  g_autoptr(GError) error = NULL;
  GAsyncResult *result = NULL;
  SupportGate gate;
  Use use = { .lock = lock, .gate = &gate };

  support_gate_init (&gate);
  use_start_and_own (&use, acquire_once);
  thredo_rlock_acquire_async (lock, cancellable, support_keep_result, &result);
  g_cancellable_cancel (cancellable);
  support_iterate_until_result (&result);
  g_assert_false (thredo_rlock_acquire_finish (lock, result, &error));
  support_assert_cancelled (&error);
  g_clear_object (&result);
  assert_depth (lock, 0);
  assert_owner (lock, use.thread);
  support_gate_open (&gate);
  use_end_ok (&use);
  assert_free (lock);
  support_gate_clear (&gate);
}

int
main (int    argc,
      char **argv)
{
  support_init (&argc, &argv);

  g_test_add_func ("/rlock/new", test_new);
  g_test_add_func ("/rlock/properties", test_properties);
  g_test_add_func ("/rlock/depth/counts", test_depth);
  g_test_add_func ("/rlock/depth/try", test_try);
  g_test_add_func ("/rlock/depth/released-last", test_released_last);
  g_test_add_func ("/rlock/depth/of-another", test_depth_of_another);
  g_test_add_func ("/rlock/depth/again-when-cancelled", test_again_when_cancelled);
  g_test_add_func ("/rlock/depth/too-deep", test_too_deep);
  g_test_add_func ("/rlock/loop-thread", test_loop_thread);
  g_test_add_func ("/rlock/waiting-for", test_waiting_for);
  g_test_add_func ("/rlock/cancelled", test_cancelled);
  g_test_add_func ("/rlock/shielded", test_shielded);
  g_test_add_func ("/rlock/in-order", test_in_order);
  g_test_add_func ("/rlock/cancelled-owner", test_cancelled_owner);
  g_test_add_func ("/rlock/abandoned/to-joiner", test_abandoned);
  g_test_add_func ("/rlock/abandoned/to-waiters", test_abandoned_to_waiters);
  g_test_add_func ("/rlock/abandoned/by-gthread", test_abandoned_by_gthread);
  g_test_add_func ("/rlock/drop/held", test_drop_held);
  g_test_add_func ("/rlock/drop/abandoned", test_drop_abandoned);
  g_test_add_func ("/rlock/async/at-once", test_async);
  g_test_add_func ("/rlock/async/waits", test_async_waits);
  g_test_add_func ("/rlock/async/again", test_async_again);
  g_test_add_func ("/rlock/async/cancelled", test_async_cancelled);

  return g_test_run ();
}
