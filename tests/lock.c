/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "support.h"

#define N_WAITERS 10

/* --- using a lock --------------------------------------------------------- */

static void
acquire (ThredoLock *lock)
{
  g_autoptr(GError) error = NULL;
  gboolean ok;

  ok = thredo_lock_acquire (lock, NULL, &error);
  g_assert_no_error (error);
  g_assert_true (ok);
}

static void
release (ThredoLock *lock)
{
  g_autoptr(GError) error = NULL;
  gboolean ok;

  ok = thredo_lock_release (lock, &error);
  g_assert_no_error (error);
  g_assert_true (ok);
}

static void
assert_owner (ThredoLock   *lock,
              ThredoThread *thread)
{
  g_autoptr(ThredoThread) owner = thredo_lock_get_owner (lock);

  g_assert_true (owner == thread);
  g_assert_true (thredo_lock_is_locked (lock) == (thread != NULL));
}

static void
assert_not_owner (ThredoLock *lock)
{
  g_autoptr(GError) error = NULL;

  g_assert_false (thredo_lock_release (lock, &error));
  support_assert_error (&error, THREDO_ERROR, THREDO_ERROR_NOT_OWNER);
  g_assert_false (thredo_lock_release (lock, NULL));
}

/* It can be had, and is there once. */
static void
assert_free (ThredoLock *lock)
{
  assert_owner (lock, NULL);
  g_assert_true (thredo_lock_try_acquire (lock));
  assert_owner (lock, thredo_thread_self ());
  g_assert_false (thredo_lock_try_acquire (lock));
  release (lock);
  assert_owner (lock, NULL);
}

/* --- threads that use a lock once ----------------------------------------- */

/* Who had it, one after the other. */
typedef struct
{
  int numbers[2 * N_WAITERS];
  guint n;
} Record;

typedef struct
{
  ThredoLock *lock;
  GCancellable *cancellable;
  ThredoScope *scope;
  Record *record;
  int number;
  SupportGate *gate; /* with the lock */
  gboolean ok;
  gboolean was_abandoned;
  ThredoThread *thread;
} Use;

static void
use_keep_record (Use *use)
{
  if (use->record != NULL)
    use->record->numbers[use->record->n++] = use->number;
}

static gboolean
use_acquire (Use     *use,
             GError **error)
{
  g_autoptr(ThredoScopeGuard) guard = NULL;

  if (use->scope != NULL)
    guard = thredo_scope_guard_new (use->scope);
  use->ok = thredo_lock_acquire (use->lock, use->cancellable, error);
  if (!use->ok)
    return FALSE;

  assert_owner (use->lock, thredo_thread_self ());
  use->was_abandoned = thredo_lock_get_abandoned (use->lock);
  use_keep_record (use);

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
  if (use->gate != NULL)
    support_gate_wait (use->gate);

  return thredo_lock_release (use->lock, error);
}

/* Ends without giving it back. */
static gboolean
acquire_and_keep (ThredoThread  *thread,
                  gpointer       user_data,
                  GError       **error)
{
  Use *use = user_data;

  if (!use_acquire (use, error))
    return FALSE;
  if (use->gate != NULL)
    support_gate_wait (use->gate);

  return TRUE;
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
  g_autoptr(ThredoThread) owner = thredo_lock_get_owner (use->lock);

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

/* The use failed, and this is what its thread was told. */
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

/* A deadline takes its time, and to join meanwhile, with the lock, would be a
 * deadlock until it is over. */
static void
use_end_timed_out (Use *use)
{
  support_wait_for_state (use->thread, THREDO_THREAD_STATE_FAILED);
  use_end_failed (use, G_IO_ERROR, G_IO_ERROR_TIMED_OUT);
}

static void
expect_abandoned (const char *what)
{
  g_autofree char *pattern =
      g_strdup_printf ("Thread 'user' ended while it held %s; the lock is released and marked "
                       "abandoned",
                       what);

  g_test_expect_message ("Thredo", G_LOG_LEVEL_WARNING, pattern);
}

/* --- making one ----------------------------------------------------------- */

static void
test_new (void)
{
  g_autoptr(ThredoLock) lock = thredo_lock_new ();

  g_assert_true (THREDO_IS_LOCK (lock));
  g_assert_true (THREDO_IS_LOCKABLE (lock));
  g_assert_null (thredo_lock_get_name (lock));
  g_assert_false (thredo_lock_get_abandoned (lock));
  assert_free (lock);
}

static void
test_name (void)
{
  g_autoptr(ThredoLock) lock = g_object_new (THREDO_TYPE_LOCK, "name", "made", NULL);
  g_autofree char *name = NULL;

  g_assert_cmpstr (thredo_lock_get_name (lock), ==, "made");
  thredo_lock_set_name (lock, "set");
  g_assert_cmpstr (thredo_lock_get_name (lock), ==, "set");
  g_object_set (lock, "name", "property", NULL);
  g_object_get (lock, "name", &name, NULL);
  g_assert_cmpstr (name, ==, "property");
  thredo_lock_set_name (lock, NULL);
  g_assert_null (thredo_lock_get_name (lock));
}

/* --- acquire, try_acquire, release ---------------------------------------- */

static void
test_acquire (void)
{
  g_autoptr(ThredoLock) lock = thredo_lock_new ();

  for (int i = 0; i < 3; i++)
    {
      acquire (lock);
      assert_owner (lock, thredo_thread_self ());
      g_assert_false (thredo_lock_get_abandoned (lock));
      release (lock);
      assert_owner (lock, NULL);
    }
}

static void
test_try (void)
{
  g_autoptr(ThredoLock) lock = thredo_lock_new ();
  SupportGate gate;
  Use use = { .lock = lock, .gate = &gate };

  g_assert_true (thredo_lock_try_acquire (lock));
  assert_owner (lock, thredo_thread_self ());
  /* Not recursive. */
  g_assert_false (thredo_lock_try_acquire (lock));
  release (lock);
  assert_not_owner (lock);

  support_gate_init (&gate);
  use_start_and_own (&use, acquire_once);
  g_assert_false (thredo_lock_try_acquire (lock));
  assert_owner (lock, use.thread);
  support_gate_open (&gate);
  use_end_ok (&use);
  assert_free (lock);
  support_gate_clear (&gate);
}

/* It asks for nothing but the lock; nor does a release. */
static void
test_try_when_cancelled (void)
{
  g_autoptr(ThredoLock) lock = thredo_lock_new ();
  g_autoptr(ThredoScope) scope = thredo_scope_new ();

  thredo_scope_enter (scope);
  thredo_scope_cancel (scope);
  g_assert_false (thredo_check_cancelled (NULL, NULL));
  g_assert_true (thredo_lock_try_acquire (lock));
  release (lock);
  thredo_scope_leave (scope);
  assert_free (lock);
}

static void
test_acquire_waits (void)
{
  g_autoptr(ThredoLock) lock = thredo_lock_new ();
  Use use = { .lock = lock };

  acquire (lock);
  use_start_and_park (&use, acquire_once);
  assert_owner (lock, thredo_thread_self ());
  g_assert_false (use.ok);
  release (lock);
  use_end_ok (&use);
  assert_free (lock);
}

static void
test_acquire_ignoring_errors (void)
{
  g_autoptr(ThredoLock) lock = thredo_lock_new ();
  g_autoptr(GCancellable) cancellable = g_cancellable_new ();

  g_cancellable_cancel (cancellable);
  g_assert_false (thredo_lock_acquire (lock, cancellable, NULL));
  assert_free (lock);
}

static void
test_waiting_for (void)
{
  g_autoptr(ThredoLock) lock = thredo_lock_new ();
  Use use = { .lock = lock };

  acquire (lock);
  thredo_lock_set_name (lock, "door");
  use_start (&use, acquire_once);
  support_wait_for_wait (use.thread, "acquire on Lock 'door'");
  support_cancel_and_join (use.thread);
  g_assert_null (thredo_thread_dup_waiting_for (use.thread));
  g_clear_object (&use.thread);

  thredo_lock_set_name (lock, NULL);
  use_start (&use, acquire_once);
  support_wait_for_wait (use.thread, "acquire on Lock");
  support_cancel_and_join (use.thread);
  g_clear_object (&use.thread);
  release (lock);
}

typedef struct
{
  ThredoLock *lock;
  gboolean done;
} LoopCall;

static gboolean
use_lock_on_loop (gpointer user_data)
{
  LoopCall *call = user_data;
  g_autoptr(GError) error = NULL;

  g_assert_false (thredo_lock_acquire (call->lock, NULL, &error));
  support_assert_error (&error, THREDO_ERROR, THREDO_ERROR_LOOP_THREAD);
  assert_owner (call->lock, NULL);
  g_assert_true (thredo_lock_try_acquire (call->lock));
  release (call->lock);
  g_atomic_int_set (&call->done, TRUE);

  return G_SOURCE_REMOVE;
}

static void
test_loop_thread (void)
{
  g_autoptr(ThredoLock) lock = thredo_lock_new ();
  LoopCall call = { lock, FALSE };

  g_main_context_invoke (thredo_get_main_context (), use_lock_on_loop, &call);
  support_wait_for_int (&call.done, TRUE);
  assert_free (lock);
}

static void
test_release_free (void)
{
  g_autoptr(ThredoLock) lock = thredo_lock_new ();

  assert_not_owner (lock);
  assert_free (lock);
  assert_not_owner (lock);
  assert_free (lock);
}

/* Whoever owns it keeps it, and whoever waits keeps its place. */
static void
test_release_by_another (void)
{
  g_autoptr(ThredoLock) lock = thredo_lock_new ();
  SupportGate gate;
  Use owner = { .lock = lock, .gate = &gate };
  Use waiter = { .lock = lock };

  support_gate_init (&gate);
  use_start_and_own (&owner, acquire_once);
  assert_not_owner (lock);
  assert_owner (lock, owner.thread);

  use_start_and_park (&waiter, acquire_once);
  assert_not_owner (lock);
  assert_owner (lock, owner.thread);
  g_assert_cmpint (thredo_thread_get_state (waiter.thread), ==, THREDO_THREAD_STATE_WAITING);

  support_gate_open (&gate);
  use_end_ok (&owner);
  use_end_ok (&waiter);
  assert_free (lock);
  support_gate_clear (&gate);
}

static gpointer
own_on_gthread (gpointer user_data)
{
  Use *use = user_data;

  use->thread = thredo_thread_self ();
  g_assert_true (use_acquire (use, NULL));
  assert_owner (use->lock, use->thread);
  release (use->lock);
  assert_owner (use->lock, NULL);

  return NULL;
}

static void
test_owner_is_gthread (void)
{
  g_autoptr(ThredoLock) lock = thredo_lock_new ();
  Use use = { .lock = lock };

  g_thread_join (g_thread_new ("foreign", own_on_gthread, &use));
  g_assert_true (use.ok);
  assert_free (lock);
}

/* What was asked for stays, whatever becomes of lock and thread. */
static void
test_owner_is_kept (void)
{
  ThredoLock *lock = thredo_lock_new ();
  ThredoThread *owner;
  SupportGate gate;
  Use use = { .lock = lock, .gate = &gate };

  support_gate_init (&gate);
  use_start_and_own (&use, acquire_once);
  owner = thredo_lock_get_owner (lock);
  support_gate_open (&gate);
  use_end_ok (&use);
  g_object_unref (lock);
  g_assert_cmpstr (thredo_thread_get_name (owner), ==, "user");
  g_object_unref (owner);
  support_gate_clear (&gate);
}

typedef struct
{
  ThredoLock *lock;
  int over;
} Watch;

static gpointer
watch_owner (gpointer user_data)
{
  Watch *watch = user_data;
  guint n_owned = 0;

  while (!g_atomic_int_get (&watch->over))
    {
      g_autoptr(ThredoThread) owner = thredo_lock_get_owner (watch->lock);

      if (owner != NULL)
        {
          n_owned++;
          g_assert_cmpstr (thredo_thread_get_name (owner), ==, "user");
        }
      thredo_lock_is_locked (watch->lock);
      thredo_lock_get_abandoned (watch->lock);
    }

  return GUINT_TO_POINTER (n_owned);
}

/* Owners that come and end while somebody asks who it is. */
static void
test_owner_is_watched (void)
{
  g_autoptr(ThredoLock) lock = thredo_lock_new ();
  Watch watch = { lock, FALSE };
  GThread *watcher = g_thread_new ("watcher", watch_owner, &watch);

  for (guint i = support_rounds (20000); i > 0; i--)
    {
      Use uses[2] = { { .lock = lock }, { .lock = lock } };

      use_start (&uses[0], acquire_once);
      use_start (&uses[1], acquire_once);
      use_end_ok (&uses[0]);
      use_end_ok (&uses[1]);
    }
  g_atomic_int_set (&watch.over, TRUE);
  g_test_message ("Somebody owned it %u times", GPOINTER_TO_UINT (g_thread_join (watcher)));
  assert_free (lock);
}

/* --- what ends a wait ----------------------------------------------------- */

/* The cancel comes first: a lock that is free is left free. */
static void
test_cancelled_before (void)
{
  g_autoptr(ThredoLock) lock = thredo_lock_new ();
  g_autoptr(GCancellable) cancellable = g_cancellable_new ();
  g_autoptr(ThredoScope) scope = thredo_scope_new_with_timeout (0);
  g_autoptr(GError) error = NULL;

  g_cancellable_cancel (cancellable);
  g_assert_false (thredo_lock_acquire (lock, cancellable, &error));
  support_assert_cancelled (&error);
  assert_owner (lock, NULL);

  thredo_scope_enter (scope);
  g_assert_false (thredo_lock_acquire (lock, NULL, &error));
  support_assert_timed_out (&error);
  /* A cancel beats a deadline. */
  g_assert_false (thredo_lock_acquire (lock, cancellable, &error));
  support_assert_cancelled (&error);
  thredo_scope_leave (scope);
  assert_free (lock);
}

static void
test_cancelled (void)
{
  g_autoptr(ThredoLock) lock = thredo_lock_new ();
  Use use = { .lock = lock };

  acquire (lock);
  use_start_and_park (&use, acquire_once);
  thredo_thread_cancel (use.thread);
  use_end_failed (&use, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  assert_owner (lock, thredo_thread_self ());
  release (lock);
  assert_free (lock);
}

static void
test_cancellable (void)
{
  g_autoptr(ThredoLock) lock = thredo_lock_new ();
  g_autoptr(GCancellable) cancellable = g_cancellable_new ();
  Use use = { .lock = lock, .cancellable = cancellable };

  acquire (lock);
  use_start_and_park (&use, acquire_once);
  g_cancellable_cancel (cancellable);
  use_end_failed (&use, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  release (lock);
  assert_free (lock);
}

static void
test_scope_cancelled (void)
{
  g_autoptr(ThredoLock) lock = thredo_lock_new ();
  g_autoptr(ThredoScope) scope = thredo_scope_new ();
  Use use = { .lock = lock, .scope = scope };

  acquire (lock);
  use_start_and_park (&use, acquire_once);
  thredo_scope_cancel (scope);
  use_end_failed (&use, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  release (lock);
  assert_free (lock);
}

static void
test_deadline (void)
{
  g_autoptr(ThredoLock) lock = thredo_lock_new ();
  g_autoptr(ThredoScope) scope = thredo_scope_new ();
  Use use = { .lock = lock, .scope = scope };

  acquire (lock);
  use_start_and_park (&use, acquire_once);
  thredo_scope_set_deadline (scope, g_get_monotonic_time () + G_TIME_SPAN_MILLISECOND);
  use_end_timed_out (&use);
  g_assert_true (thredo_scope_is_expired (scope));
  release (lock);
  assert_free (lock);
}

static void
test_outer_deadline (void)
{
  g_autoptr(ThredoLock) lock = thredo_lock_new ();
  g_autoptr(ThredoScope) outer = thredo_scope_new_with_timeout (G_TIME_SPAN_MILLISECOND);
  g_autoptr(ThredoScope) inner = thredo_scope_new_with_timeout (SUPPORT_FOREVER);
  g_autoptr(GError) error = NULL;
  SupportGate gate;
  Use use = { .lock = lock, .gate = &gate };

  support_gate_init (&gate);
  use_start_and_own (&use, acquire_once);
  thredo_scope_enter (outer);
  thredo_scope_enter (inner);
  g_assert_false (thredo_lock_acquire (lock, NULL, &error));
  support_assert_timed_out (&error);
  g_assert_true (thredo_scope_is_expired (outer));
  g_assert_false (thredo_scope_is_expired (inner));
  thredo_scope_leave (inner);
  thredo_scope_leave (outer);
  support_gate_open (&gate);
  use_end_ok (&use);
  assert_free (lock);
  support_gate_clear (&gate);
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

  /* And outside of the shield the cancel is felt. */
  return ok && thredo_check_cancelled (NULL, error);
}

static void
test_shielded (void)
{
  g_autoptr(ThredoLock) lock = thredo_lock_new ();
  g_autoptr(GCancellable) cancellable = g_cancellable_new ();
  Use use = { .lock = lock };
  g_autoptr(GError) error = NULL;

  acquire (lock);
  use_start_and_park (&use, acquire_shielded);
  thredo_thread_cancel (use.thread);
  g_assert_true (thredo_thread_is_cancelled (use.thread));
  release (lock);
  g_assert_false (thredo_thread_join (use.thread, NULL, &error));
  support_assert_error (&error, THREDO_ERROR, THREDO_ERROR_THREAD_CANCELLED);
  g_assert_true (use.ok);
  g_clear_object (&use.thread);

  /* An explicit cancellable reaches into the shield. */
  acquire (lock);
  use = (Use) { .lock = lock, .cancellable = cancellable };
  use_start_and_park (&use, acquire_shielded);
  g_cancellable_cancel (cancellable);
  use_end_failed (&use, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  release (lock);
  assert_free (lock);
}

/* --- a cancelled owner ---------------------------------------------------- */

static gboolean
keep_through_cancel (ThredoThread  *thread,
                     gpointer       user_data,
                     GError       **error)
{
  Use *use = user_data;

  acquire (use->lock);
  use->ok = TRUE;
  thredo_sleep (SUPPORT_FOREVER, NULL, error);
  g_assert_error (*error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  assert_owner (use->lock, thread);
  support_gate_wait (use->gate);
  assert_owner (use->lock, thread);
  release (use->lock);

  return FALSE;
}

/* It owns the lock until its code releases it. */
static void
test_cancelled_owner (void)
{
  g_autoptr(ThredoLock) lock = thredo_lock_new ();
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

/* --- the line ------------------------------------------------------------- */

static void
assert_record (Record *record,
               int     n,
               ...)
{
  va_list ap;

  va_start (ap, n);
  for (int i = 0; i < n; i++)
    g_assert_cmpint (record->numbers[i], ==, va_arg (ap, int));
  va_end (ap);
  g_assert_cmpuint (record->n, ==, n);
}

static void
test_in_order (void)
{
  g_autoptr(ThredoLock) lock = thredo_lock_new ();
  Record record = { 0 };
  Use uses[N_WAITERS];

  acquire (lock);
  for (int i = 0; i < N_WAITERS; i++)
    {
      uses[i] = (Use) { .lock = lock, .record = &record, .number = i };
      use_start_and_park (&uses[i], acquire_once);
    }
  release (lock);
  for (int i = 0; i < N_WAITERS; i++)
    use_end_ok (&uses[i]);
  assert_record (&record, 10, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9);
  assert_free (lock);
}

/* Each gives it up only once it is told to: the next one in line gets it, and
 * nobody else moves. */
static void
test_in_order_one_by_one (void)
{
  g_autoptr(ThredoLock) lock = thredo_lock_new ();
  Use uses[N_WAITERS];
  SupportGate gates[N_WAITERS];

  acquire (lock);
  for (int i = 0; i < N_WAITERS; i++)
    {
      support_gate_init (&gates[i]);
      uses[i] = (Use) { .lock = lock, .gate = &gates[i] };
      use_start_and_park (&uses[i], acquire_once);
    }
  release (lock);
  for (int i = 0; i < N_WAITERS; i++)
    {
      support_wait_for ("owning the lock", is_owner, &uses[i]);
      for (int j = i + 1; j < N_WAITERS; j++)
        g_assert_cmpint (thredo_thread_get_state (uses[j].thread), ==,
                         THREDO_THREAD_STATE_WAITING);
      support_gate_open (&gates[i]);
      use_end_ok (&uses[i]);
      support_gate_clear (&gates[i]);
    }
  assert_free (lock);
}

static void
test_cancelled_in_the_middle (void)
{
  g_autoptr(ThredoLock) lock = thredo_lock_new ();
  Record record = { 0 };
  Use uses[N_WAITERS];

  acquire (lock);
  for (int i = 0; i < N_WAITERS; i++)
    {
      uses[i] = (Use) { .lock = lock, .record = &record, .number = i };
      use_start_and_park (&uses[i], acquire_once);
    }
  thredo_thread_cancel (uses[4].thread);
  use_end_failed (&uses[4], G_IO_ERROR, G_IO_ERROR_CANCELLED);
  release (lock);
  for (int i = 0; i < N_WAITERS; i++)
    {
      if (i != 4)
        use_end_ok (&uses[i]);
    }
  assert_record (&record, 9, 0, 1, 2, 3, 5, 6, 7, 8, 9);
  assert_free (lock);
}

/* First, last and neighbours leave the line too, by each cause there is. */
static void
test_many_leave (void)
{
  g_autoptr(ThredoLock) lock = thredo_lock_new ();
  g_autoptr(GCancellable) cancellable = g_cancellable_new ();
  g_autoptr(ThredoScope) scope = thredo_scope_new ();
  Record record = { 0 };
  Use uses[N_WAITERS];

  acquire (lock);
  for (int i = 0; i < N_WAITERS; i++)
    {
      uses[i] = (Use) { .lock = lock, .record = &record, .number = i };
      if (i == 3)
        uses[i].cancellable = cancellable;
      if (i == 4)
        uses[i].scope = scope;
      use_start_and_park (&uses[i], acquire_once);
    }
  g_cancellable_cancel (cancellable);
  thredo_scope_set_deadline (scope, 0);
  use_end_timed_out (&uses[4]);
  thredo_thread_cancel (uses[0].thread);
  thredo_thread_cancel (uses[N_WAITERS - 1].thread);
  /* Not waiting for any of them to be out of the line. */
  release (lock);
  use_end_failed (&uses[0], G_IO_ERROR, G_IO_ERROR_CANCELLED);
  use_end_failed (&uses[3], G_IO_ERROR, G_IO_ERROR_CANCELLED);
  use_end_failed (&uses[N_WAITERS - 1], G_IO_ERROR, G_IO_ERROR_CANCELLED);
  for (int i = 0; i < N_WAITERS; i++)
    {
      if (uses[i].thread != NULL)
        use_end_ok (&uses[i]);
    }
  assert_record (&record, 6, 1, 2, 5, 6, 7, 8);
  assert_free (lock);
}

static void
test_all_leave (void)
{
  g_autoptr(ThredoLock) lock = thredo_lock_new ();
  g_autoptr(GCancellable) cancellable = g_cancellable_new ();
  Use uses[N_WAITERS];

  acquire (lock);
  for (int i = 0; i < N_WAITERS; i++)
    {
      uses[i] = (Use) { .lock = lock, .cancellable = cancellable };
      use_start_and_park (&uses[i], acquire_once);
    }
  g_cancellable_cancel (cancellable);
  for (int i = 0; i < N_WAITERS; i++)
    use_end_failed (&uses[i], G_IO_ERROR, G_IO_ERROR_CANCELLED);
  assert_owner (lock, thredo_thread_self ());
  release (lock);
  assert_free (lock);
}

/* --- twice by one thread -------------------------------------------------- */

#define TWICE "Deadlock of 1 thread: '*' holds Lock 'l', waits for Lock 'l' held by '*'"

static ThredoLock *
make_twice (ThredoDeadlockPolicy policy)
{
  ThredoLock *lock = thredo_lock_new ();

  thredo_set_deadlock_policy (policy);
  thredo_lock_set_name (lock, "l");
  acquire (lock);

  return lock;
}

static void
end_twice (ThredoLock *lock)
{
  g_test_assert_expected_messages ();
  assert_owner (lock, thredo_thread_self ());
  release (lock);
  assert_free (lock);
  thredo_set_deadlock_policy (THREDO_DEADLOCK_POLICY_REPORT);
}

/* It is reported, and waited for all the same, until something ends it. */
static void
test_twice_report (void)
{
  g_autoptr(ThredoLock) lock = make_twice (THREDO_DEADLOCK_POLICY_REPORT);
  g_autoptr(ThredoScope) scope = thredo_scope_new_with_timeout (100 * G_TIME_SPAN_MILLISECOND);
  g_autoptr(GError) error = NULL;

  g_test_expect_message ("Thredo", G_LOG_LEVEL_WARNING, TWICE);
  thredo_scope_enter (scope);
  g_assert_false (thredo_lock_acquire (lock, NULL, &error));
  support_assert_timed_out (&error);
  thredo_scope_leave (scope);
  end_twice (lock);
}

static void
test_twice_fail (void)
{
  g_autoptr(ThredoLock) lock = make_twice (THREDO_DEADLOCK_POLICY_FAIL);
  g_autoptr(GError) error = NULL;

  g_assert_false (thredo_lock_acquire (lock, NULL, &error));
  g_assert_nonnull (error);
  g_assert_true (g_pattern_match_simple (TWICE, error->message));
  support_assert_error (&error, THREDO_ERROR, THREDO_ERROR_DEADLOCK);
  end_twice (lock);
}

static gboolean
acquire_twice (ThredoThread  *thread,
               gpointer       user_data,
               GError       **error)
{
  g_autoptr(ThredoLock) lock = make_twice (THREDO_DEADLOCK_POLICY_CANCEL);

  g_test_expect_message ("Thredo", G_LOG_LEVEL_MESSAGE, "*" TWICE "*");
  g_assert_false (thredo_lock_acquire (lock, NULL, error));
  g_assert_error (*error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_assert_true (thredo_thread_is_cancelled (thread));
  end_twice (lock);

  return FALSE;
}

static void
test_twice_cancel (void)
{
  g_autoptr(ThredoThread) thread = thredo_thread_spawn ("twice", acquire_twice, NULL, NULL, NULL);

  thredo_thread_wait (thread, NULL, NULL);
  g_assert_cmpint (thredo_thread_get_state (thread), ==, THREDO_THREAD_STATE_CANCELLED);
}

/* A call is no thread: it waits, and is nobody's deadlock. */
static void
test_twice_async (void)
{
  g_autoptr(ThredoLock) lock = make_twice (THREDO_DEADLOCK_POLICY_FAIL);
  g_autoptr(GAsyncResult) result = NULL;

  thredo_lock_acquire_async (lock, NULL, support_keep_result, &result);
  for (int i = 0; i < 10; i++)
    g_main_context_iteration (NULL, FALSE);
  g_assert_null (result);
  release (lock);
  support_iterate_until_result (&result);
  g_assert_true (thredo_lock_acquire_finish (lock, result, NULL));
  end_twice (lock);
}

/* --- abandoned ------------------------------------------------------------ */

/* Acquires what an ended thread has left, and sees that it has. */
static void
assert_abandoned_once (ThredoLock *lock)
{
  assert_owner (lock, NULL);
  acquire (lock);
  g_assert_true (thredo_lock_get_abandoned (lock));
  assert_owner (lock, thredo_thread_self ());
  g_assert_false (thredo_lock_try_acquire (lock));
  release (lock);
  g_assert_false (thredo_lock_get_abandoned (lock));
  acquire (lock);
  g_assert_false (thredo_lock_get_abandoned (lock));
  release (lock);
  assert_free (lock);
}

static void
test_abandoned (void)
{
  g_autoptr(ThredoLock) lock = thredo_lock_new ();
  Use use = { .lock = lock };

  thredo_lock_set_name (lock, "l");
  expect_abandoned ("Lock 'l'");
  use_start (&use, acquire_and_keep);
  use_end_ok (&use);
  /* Whoever joined it finds the lock free. */
  assert_abandoned_once (lock);
  g_test_assert_expected_messages ();
}

static void
test_abandoned_try (void)
{
  g_autoptr(ThredoLock) lock = thredo_lock_new ();
  Use use = { .lock = lock };

  expect_abandoned ("Lock");
  use_start (&use, acquire_and_keep);
  use_end_ok (&use);
  g_assert_true (thredo_lock_try_acquire (lock));
  g_assert_true (thredo_lock_get_abandoned (lock));
  release (lock);
  assert_free (lock);
  g_test_assert_expected_messages ();
}

/* To somebody in line, who sees it, and the one after does not. */
static void
test_abandoned_to_waiters (void)
{
  g_autoptr(ThredoLock) lock = thredo_lock_new ();
  Record record = { 0 };
  SupportGate gate;
  Use owner = { .lock = lock, .gate = &gate };
  Use waiters[3];

  thredo_lock_set_name (lock, "l");
  support_gate_init (&gate);
  use_start_and_own (&owner, acquire_and_keep);
  for (int i = 0; i < 3; i++)
    {
      waiters[i] = (Use) { .lock = lock, .record = &record, .number = i };
      use_start_and_park (&waiters[i], acquire_once);
    }
  expect_abandoned ("Lock 'l'");
  support_gate_open (&gate);
  use_end_ok (&owner);
  for (int i = 0; i < 3; i++)
    {
      use_end_ok (&waiters[i]);
      g_assert_true (waiters[i].was_abandoned == (i == 0));
    }
  assert_record (&record, 3, 0, 1, 2);
  g_test_assert_expected_messages ();
  assert_free (lock);
  support_gate_clear (&gate);
}

/* By two in a row: each is told of the one before. */
static void
test_abandoned_twice (void)
{
  g_autoptr(ThredoLock) lock = thredo_lock_new ();
  Use use = { .lock = lock };

  expect_abandoned ("Lock");
  expect_abandoned ("Lock");
  use_start (&use, acquire_and_keep);
  use_end_ok (&use);
  g_assert_false (use.was_abandoned);
  use_start (&use, acquire_and_keep);
  use_end_ok (&use);
  g_assert_true (use.was_abandoned);
  assert_abandoned_once (lock);
  g_test_assert_expected_messages ();
}

static gboolean
end_cancelled_with_lock (ThredoThread  *thread,
                         gpointer       user_data,
                         GError       **error)
{
  Use *use = user_data;

  acquire (use->lock);
  use->ok = TRUE;

  return thredo_sleep (SUPPORT_FOREVER, NULL, error);
}

/* By a thread that a cancel has ended, and by one that failed. */
static void
test_abandoned_by_cancel (void)
{
  g_autoptr(ThredoLock) lock = thredo_lock_new ();
  Use use = { .lock = lock };

  thredo_lock_set_name (lock, "l");
  use_start_and_park (&use, end_cancelled_with_lock);
  expect_abandoned ("Lock 'l'");
  support_cancel_and_join (use.thread);
  g_clear_object (&use.thread);
  assert_abandoned_once (lock);
  g_test_assert_expected_messages ();
}

static gboolean
fail_with_locks (ThredoThread  *thread,
                 gpointer       user_data,
                 GError       **error)
{
  ThredoLock **locks = user_data;

  for (int i = 0; i < 4; i++)
    acquire (locks[i]);
  release (locks[1]);
  g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_FAILED, "on purpose");

  return FALSE;
}

static void
test_abandoned_several (void)
{
  g_autoptr(ThredoThread) thread = NULL;
  ThredoLock *locks[4];

  for (int i = 0; i < 4; i++)
    locks[i] = thredo_lock_new ();
  for (int i = 0; i < 3; i++)
    g_test_expect_message ("Thredo", G_LOG_LEVEL_WARNING,
                           "Thread 'user' ended while it held Lock;*abandoned");
  thread = thredo_thread_spawn ("user", fail_with_locks, locks, NULL, NULL);
  g_assert_false (thredo_thread_join (thread, NULL, NULL));
  g_test_assert_expected_messages ();
  for (int i = 0; i < 4; i++)
    {
      if (i == 1)
        assert_free (locks[i]);
      else
        assert_abandoned_once (locks[i]);
      g_object_unref (locks[i]);
    }
}

static gpointer
keep_on_gthread (gpointer user_data)
{
  Use *use = user_data;

  thredo_thread_set_name (thredo_thread_self (), "user");
  g_assert_true (use_acquire (use, NULL));

  return NULL;
}

static void
test_abandoned_by_gthread (void)
{
  g_autoptr(ThredoLock) lock = thredo_lock_new ();
  Use use = { .lock = lock };

  thredo_lock_set_name (lock, "l");
  expect_abandoned ("Lock 'l'");
  g_thread_join (g_thread_new ("foreign", keep_on_gthread, &use));
  g_assert_true (use.ok);
  assert_abandoned_once (lock);
  g_test_assert_expected_messages ();
}

/* It ends before somebody waits, or while, and either way it is told. */
static void
test_abandoned_by_gthread_to_waiter (void)
{
  g_autoptr(ThredoLock) lock = thredo_lock_new ();
  Use owner = { .lock = lock };
  Use waiter = { .lock = lock };
  GThread *thread;

  acquire (lock);
  thread = g_thread_new ("foreign", keep_on_gthread, &owner);
  use_start_and_park (&waiter, acquire_once);
  expect_abandoned ("Lock");
  release (lock);
  g_thread_join (thread);
  use_end_ok (&waiter);
  g_test_assert_expected_messages ();
  /* Unless the waiter was first, and nobody came after. */
  if (waiter.was_abandoned)
    assert_free (lock);
  else
    assert_abandoned_once (lock);
}

/* A thread that was given up on does not own what its worker's next thread has. */
static void
test_abandoned_and_next (void)
{
  g_autoptr(ThredoLock) lock = thredo_lock_new ();
  Use use = { .lock = lock };

  for (int i = 0; i < 10; i++)
    {
      expect_abandoned ("Lock");
      use_start (&use, acquire_and_keep);
      use_end_ok (&use);
      g_test_assert_expected_messages ();
      use_start (&use, acquire_once);
      use_end_ok (&use);
      g_assert_true (use.was_abandoned);
      use_start (&use, acquire_once);
      use_end_ok (&use);
      g_assert_false (use.was_abandoned);
    }
}

/* --- dropped -------------------------------------------------------------- */

static void
watch_end (ThredoLock *lock,
           int        *n_ended)
{
  g_object_set_data_full (G_OBJECT (lock), "end", n_ended, support_count_destroy);
}

static void
test_drop_free (void)
{
  ThredoLock *lock = thredo_lock_new ();
  int n_ended = 0;

  watch_end (lock, &n_ended);
  acquire (lock);
  release (lock);
  g_object_unref (lock);
  g_assert_cmpint (n_ended, ==, 1);
}

/* By another than the owner: the object stays until the owner releases it. */
static void
test_drop_held (void)
{
  ThredoLock *lock = thredo_lock_new ();
  SupportGate gate;
  Use use = { .lock = lock, .gate = &gate };
  int n_ended = 0;

  thredo_lock_set_name (lock, "x");
  watch_end (lock, &n_ended);
  support_gate_init (&gate);
  use_start_and_own (&use, acquire_once);
  g_test_expect_message ("Thredo", G_LOG_LEVEL_CRITICAL,
                         "The last reference to Lock 'x' was dropped while Thread 'user' held "
                         "it; it is kept until it is released");
  g_object_unref (lock);
  g_test_assert_expected_messages ();
  g_assert_cmpint (n_ended, ==, 0);
  support_gate_open (&gate);
  use_end_ok (&use);
  g_assert_cmpint (n_ended, ==, 1);
  support_gate_clear (&gate);
}

static void
test_drop_held_by_self (void)
{
  ThredoLock *lock = thredo_lock_new ();
  int n_ended = 0;

  watch_end (lock, &n_ended);
  acquire (lock);
  g_test_expect_message ("Thredo", G_LOG_LEVEL_CRITICAL,
                         "The last reference to Lock was dropped while Thread '*' held it; *");
  g_object_unref (lock);
  g_test_assert_expected_messages ();
  g_assert_cmpint (n_ended, ==, 0);

  /* Still whole. */
  assert_owner (lock, thredo_thread_self ());
  g_assert_false (thredo_lock_try_acquire (lock));
  release (lock);
  g_assert_cmpint (n_ended, ==, 1);
}

/* A reference that is taken anew is as good as the others. */
static void
test_drop_held_and_taken_up (void)
{
  ThredoLock *lock = thredo_lock_new ();
  int n_ended = 0;

  watch_end (lock, &n_ended);
  acquire (lock);
  g_test_expect_message ("Thredo", G_LOG_LEVEL_CRITICAL, "The last reference to Lock was *");
  g_object_unref (lock);
  g_test_assert_expected_messages ();
  g_object_ref (lock);
  release (lock);
  g_assert_cmpint (n_ended, ==, 0);
  assert_free (lock);
  acquire (lock);
  g_test_expect_message ("Thredo", G_LOG_LEVEL_CRITICAL, "The last reference to Lock was *");
  g_object_unref (lock);
  g_test_assert_expected_messages ();
  g_assert_cmpint (n_ended, ==, 0);
  release (lock);
  g_assert_cmpint (n_ended, ==, 1);
}

/* Its owner ends without releasing it: then it goes too. */
static void
test_drop_abandoned (void)
{
  ThredoLock *lock = thredo_lock_new ();
  SupportGate gate;
  Use use = { .lock = lock, .gate = &gate };
  int n_ended = 0;

  thredo_lock_set_name (lock, "x");
  watch_end (lock, &n_ended);
  support_gate_init (&gate);
  use_start_and_own (&use, acquire_and_keep);
  g_test_expect_message ("Thredo", G_LOG_LEVEL_CRITICAL, "The last reference to Lock 'x' was *");
  g_object_unref (lock);
  g_test_assert_expected_messages ();
  expect_abandoned ("Lock 'x'");
  support_gate_open (&gate);
  use_end_ok (&use);
  g_test_assert_expected_messages ();
  g_assert_cmpint (n_ended, ==, 1);
  support_gate_clear (&gate);
}

/* Abandoned, and had by nobody since. */
static void
test_drop_after_abandoned (void)
{
  ThredoLock *lock = thredo_lock_new ();
  Use use = { .lock = lock };
  int n_ended = 0;

  watch_end (lock, &n_ended);
  expect_abandoned ("Lock");
  use_start (&use, acquire_and_keep);
  use_end_ok (&use);
  g_test_assert_expected_messages ();
  g_object_unref (lock);
  g_assert_cmpint (n_ended, ==, 1);
}

/* Who waits for it keeps it. */
static void
test_drop_waited_for (void)
{
  ThredoLock *lock = thredo_lock_new ();
  Use waiters[2];
  int n_ended = 0;

  watch_end (lock, &n_ended);
  acquire (lock);
  for (int i = 0; i < 2; i++)
    {
      waiters[i] = (Use) { .lock = lock };
      use_start_and_park (&waiters[i], acquire_once);
    }
  g_object_unref (lock);
  g_assert_cmpint (n_ended, ==, 0);

  /* The reference of the last one's wait is gone before it releases. */
  g_test_expect_message ("Thredo", G_LOG_LEVEL_CRITICAL,
                         "The last reference to Lock was dropped while Thread 'user' held it; *");
  release (lock);
  use_end_ok (&waiters[0]);
  use_end_ok (&waiters[1]);
  g_test_assert_expected_messages ();
  g_assert_cmpint (n_ended, ==, 1);
}

static void
test_drop_waiter_cancelled (void)
{
  ThredoLock *lock = thredo_lock_new ();
  Use waiter = { .lock = lock };
  int n_ended = 0;

  watch_end (lock, &n_ended);
  acquire (lock);
  use_start_and_park (&waiter, acquire_once);
  g_object_unref (lock);
  g_assert_cmpint (n_ended, ==, 0);
  g_test_expect_message ("Thredo", G_LOG_LEVEL_CRITICAL,
                         "The last reference to Lock was dropped while Thread '*' held it; *");
  thredo_thread_cancel (waiter.thread);
  use_end_failed (&waiter, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_test_assert_expected_messages ();
  g_assert_cmpint (n_ended, ==, 0);
  release (lock);
  g_assert_cmpint (n_ended, ==, 1);
}

/* --- async ---------------------------------------------------------------- */

static gboolean
finish (ThredoLock    *lock,
        GAsyncResult **result,
        GError       **error)
{
  gboolean ok;

  support_iterate_until_result (result);
  ok = thredo_lock_acquire_finish (lock, *result, error);
  g_clear_object (result);

  return ok;
}

static void
finish_ok (ThredoLock    *lock,
           GAsyncResult **result)
{
  g_autoptr(GError) error = NULL;
  gboolean ok = finish (lock, result, &error);

  g_assert_no_error (error);
  g_assert_true (ok);
}

static void
test_async_at_once (void)
{
  g_autoptr(ThredoLock) lock = thredo_lock_new ();
  GAsyncResult *result = NULL;

  thredo_lock_acquire_async (lock, NULL, support_keep_result, &result);
  /* As in GIO: never before the call has returned. */
  g_assert_null (result);
  finish_ok (lock, &result);
  assert_owner (lock, thredo_thread_self ());
  release (lock);
  assert_free (lock);
}

static void
test_async_waits (void)
{
  g_autoptr(ThredoLock) lock = thredo_lock_new ();
  GAsyncResult *result = NULL;
  SupportGate gate;
  Use use = { .lock = lock, .gate = &gate };

  support_gate_init (&gate);
  use_start_and_own (&use, acquire_once);
  thredo_lock_acquire_async (lock, NULL, support_keep_result, &result);
  for (int i = 0; i < 10; i++)
    g_main_context_iteration (NULL, FALSE);
  g_assert_null (result);
  assert_owner (lock, use.thread);
  support_gate_open (&gate);
  finish_ok (lock, &result);
  assert_owner (lock, thredo_thread_self ());
  use_end_ok (&use);
  release (lock);
  assert_free (lock);
  support_gate_clear (&gate);
}

/* From a release to the callback it is nobody's, but nobody can have it. */
static void
test_async_in_transit (void)
{
  g_autoptr(ThredoLock) lock = thredo_lock_new ();
  GAsyncResult *result = NULL;

  acquire (lock);
  thredo_lock_acquire_async (lock, NULL, support_keep_result, &result);
  g_assert_null (result);
  release (lock);
  g_assert_null (result);
  g_assert_true (thredo_lock_is_locked (lock));
  g_assert_null (thredo_lock_get_owner (lock));
  g_assert_false (thredo_lock_try_acquire (lock));
  assert_not_owner (lock);
  finish_ok (lock, &result);
  assert_owner (lock, thredo_thread_self ());
  release (lock);
  assert_free (lock);
}

typedef struct
{
  ThredoLock *lock;
  Record *record;
  int number;
  gboolean done;
} Answer;

static void
record_and_release (GObject      *source,
                    GAsyncResult *result,
                    gpointer      user_data)
{
  Answer *answer = user_data;

  g_assert_true (thredo_lock_acquire_finish (THREDO_LOCK (source), result, NULL));
  assert_owner (answer->lock, thredo_thread_self ());
  answer->record->numbers[answer->record->n++] = answer->number;
  release (answer->lock);
  answer->done = TRUE;
}

/* One line for threads and calls. */
static void
test_async_in_order (void)
{
  g_autoptr(ThredoLock) lock = thredo_lock_new ();
  Record record = { 0 };
  Use uses[4];
  Answer answers[6];

  acquire (lock);
  for (int i = 0; i < 4; i++)
    {
      uses[i] = (Use) { .lock = lock, .record = &record, .number = 2 * i + 1 };
      answers[i] = (Answer) { lock, &record, 2 * i, FALSE };
      thredo_lock_acquire_async (lock, NULL, record_and_release, &answers[i]);
      use_start_and_park (&uses[i], acquire_once);
    }
  for (int i = 4; i < 6; i++)
    {
      answers[i] = (Answer) { lock, &record, 4 + i, FALSE };
      thredo_lock_acquire_async (lock, NULL, record_and_release, &answers[i]);
    }
  release (lock);
  for (int i = 0; i < 6; i++)
    support_iterate_until (&answers[i].done);
  for (int i = 0; i < 4; i++)
    use_end_ok (&uses[i]);
  assert_record (&record, 10, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9);
  assert_free (lock);
}

static void
test_async_cancelled (void)
{
  g_autoptr(ThredoLock) lock = thredo_lock_new ();
  g_autoptr(GCancellable) cancellable = g_cancellable_new ();
  g_autoptr(GError) error = NULL;
  GAsyncResult *results[3] = { NULL };
  Use use = { .lock = lock };

  acquire (lock);
  thredo_lock_acquire_async (lock, NULL, support_keep_result, &results[0]);
  thredo_lock_acquire_async (lock, cancellable, support_keep_result, &results[1]);
  use_start_and_park (&use, acquire_once);
  thredo_lock_acquire_async (lock, NULL, support_keep_result, &results[2]);

  g_cancellable_cancel (cancellable);
  g_assert_null (results[1]);
  g_assert_false (finish (lock, &results[1], &error));
  support_assert_cancelled (&error);
  assert_owner (lock, thredo_thread_self ());

  /* It is out of the line, and the others are in it. */
  release (lock);
  finish_ok (lock, &results[0]);
  g_assert_null (results[2]);
  g_assert_cmpint (thredo_thread_get_state (use.thread), ==, THREDO_THREAD_STATE_WAITING);
  release (lock);
  use_end_ok (&use);
  finish_ok (lock, &results[2]);
  release (lock);
  assert_free (lock);
}

static void
test_async_cancelled_before (void)
{
  g_autoptr(ThredoLock) lock = thredo_lock_new ();
  g_autoptr(GCancellable) cancellable = g_cancellable_new ();
  g_autoptr(GError) error = NULL;
  GAsyncResult *result = NULL;

  g_cancellable_cancel (cancellable);
  thredo_lock_acquire_async (lock, cancellable, support_keep_result, &result);
  assert_free (lock);
  g_assert_false (finish (lock, &result, &error));
  support_assert_cancelled (&error);
  assert_free (lock);
}

/* What was handed over is had, whatever is cancelled after it. */
static void
test_async_cancelled_late (void)
{
  g_autoptr(ThredoLock) lock = thredo_lock_new ();
  g_autoptr(GCancellable) cancellable = g_cancellable_new ();
  GAsyncResult *result = NULL;

  acquire (lock);
  thredo_lock_acquire_async (lock, cancellable, support_keep_result, &result);
  release (lock);
  g_cancellable_cancel (cancellable);
  finish_ok (lock, &result);
  assert_owner (lock, thredo_thread_self ());
  release (lock);
  assert_free (lock);
}

static void
test_async_abandoned (void)
{
  g_autoptr(ThredoLock) lock = thredo_lock_new ();
  GAsyncResult *result = NULL;
  SupportGate gate;
  Use use = { .lock = lock, .gate = &gate };

  support_gate_init (&gate);
  use_start_and_own (&use, acquire_and_keep);
  thredo_lock_acquire_async (lock, NULL, support_keep_result, &result);
  expect_abandoned ("Lock");
  support_gate_open (&gate);
  finish_ok (lock, &result);
  g_assert_true (thredo_lock_get_abandoned (lock));
  release (lock);
  g_assert_false (thredo_lock_get_abandoned (lock));
  use_end_ok (&use);
  g_test_assert_expected_messages ();
  assert_free (lock);
  support_gate_clear (&gate);
}

/* Without a callback nobody is told, but the context's thread has it. */
static void
test_async_without_callback (void)
{
  g_autoptr(ThredoLock) lock = thredo_lock_new ();
  gboolean done = FALSE;

  acquire (lock);
  thredo_lock_acquire_async (lock, NULL, NULL, NULL);
  release (lock);
  while (g_main_context_iteration (NULL, FALSE))
    done = TRUE;
  g_assert_true (done);
  assert_owner (lock, thredo_thread_self ());
  release (lock);
  assert_free (lock);
}

/* A context of its own: whoever runs it is the owner, not whoever called. */
typedef struct
{
  ThredoLock *lock;
  GMainContext *context;
  GAsyncResult *result;
  gboolean release;
} ContextUse;

static gboolean
run_context (ThredoThread  *thread,
             gpointer       user_data,
             GError       **error)
{
  ContextUse *use = user_data;

  g_main_context_push_thread_default (use->context);
  support_iterate_until_result (&use->result);
  g_main_context_pop_thread_default (use->context);
  assert_owner (use->lock, thread);

  return use->release ? thredo_lock_release (use->lock, error) : TRUE;
}

static void
call_on_context (ContextUse *use)
{
  g_main_context_push_thread_default (use->context);
  thredo_lock_acquire_async (use->lock, NULL, support_keep_result, &use->result);
  g_main_context_pop_thread_default (use->context);
}

static void
test_async_owner_runs_context (void)
{
  g_autoptr(ThredoLock) lock = thredo_lock_new ();
  g_autoptr(GMainContext) context = g_main_context_new ();
  g_autoptr(ThredoThread) thread = NULL;
  g_autoptr(GError) error = NULL;
  ContextUse use = { .lock = lock, .context = context, .release = TRUE };

  call_on_context (&use);
  thread = thredo_thread_spawn ("runner", run_context, &use, NULL, NULL);
  support_join_ok (thread);
  assert_free (lock);

  /* Wherever it is called, _finish() only tells. */
  g_assert_true (thredo_lock_acquire_finish (lock, use.result, &error));
  g_assert_no_error (error);
  assert_free (lock);
  g_clear_object (&use.result);
}

/* The owner by callback is an owner like any other: it can abandon the lock. */
static void
test_async_owner_ends (void)
{
  g_autoptr(ThredoLock) lock = thredo_lock_new ();
  g_autoptr(GMainContext) context = g_main_context_new ();
  g_autoptr(ThredoThread) thread = NULL;
  ContextUse use = { .lock = lock, .context = context };

  call_on_context (&use);
  g_test_expect_message ("Thredo", G_LOG_LEVEL_WARNING,
                         "Thread 'runner' ended while it held Lock;*");
  thread = thredo_thread_spawn ("runner", run_context, &use, NULL, NULL);
  support_join_ok (thread);
  g_test_assert_expected_messages ();
  assert_abandoned_once (lock);
  g_assert_true (thredo_lock_acquire_finish (lock, use.result, NULL));
  g_clear_object (&use.result);
}

/* The call holds the lock's object. */
static void
test_async_drop (void)
{
  ThredoLock *lock = thredo_lock_new ();
  GAsyncResult *result = NULL;
  int n_ended = 0;

  watch_end (lock, &n_ended);
  acquire (lock);
  thredo_lock_acquire_async (lock, NULL, support_keep_result, &result);
  g_object_unref (lock);
  g_assert_cmpint (n_ended, ==, 0);
  release (lock);
  support_iterate_until_result (&result);
  g_assert_true (thredo_lock_acquire_finish (lock, result, NULL));
  g_assert_cmpint (n_ended, ==, 0);
  release (lock);
  g_clear_object (&result);
  g_assert_cmpint (n_ended, ==, 1);
}

/* Many calls at once, and threads between them. */
static void
test_async_many (void)
{
  g_autoptr(ThredoLock) lock = thredo_lock_new ();
  GAsyncResult *results[500] = { NULL };

  acquire (lock);
  for (int i = 0; i < 500; i++)
    thredo_lock_acquire_async (lock, NULL, support_keep_result, &results[i]);
  release (lock);
  for (int i = 0; i < 500; i++)
    {
      finish_ok (lock, &results[i]);
      if (i < 499)
        g_assert_null (results[i + 1]);
      release (lock);
    }
  assert_free (lock);
}

int
main (int    argc,
      char **argv)
{
  support_init (&argc, &argv);

  g_test_add_func ("/lock/new", test_new);
  g_test_add_func ("/lock/name", test_name);
  g_test_add_func ("/lock/acquire/free", test_acquire);
  g_test_add_func ("/lock/acquire/waits", test_acquire_waits);
  g_test_add_func ("/lock/acquire/ignoring-errors", test_acquire_ignoring_errors);
  g_test_add_func ("/lock/acquire/waiting-for", test_waiting_for);
  g_test_add_func ("/lock/acquire/loop-thread", test_loop_thread);
  g_test_add_func ("/lock/acquire/cancelled-before", test_cancelled_before);
  g_test_add_func ("/lock/acquire/cancelled", test_cancelled);
  g_test_add_func ("/lock/acquire/cancellable", test_cancellable);
  g_test_add_func ("/lock/acquire/scope-cancelled", test_scope_cancelled);
  g_test_add_func ("/lock/acquire/deadline", test_deadline);
  g_test_add_func ("/lock/acquire/outer-deadline", test_outer_deadline);
  g_test_add_func ("/lock/acquire/shielded", test_shielded);
  g_test_add_func ("/lock/try/taken", test_try);
  g_test_add_func ("/lock/try/when-cancelled", test_try_when_cancelled);
  g_test_add_func ("/lock/release/free", test_release_free);
  g_test_add_func ("/lock/release/by-another", test_release_by_another);
  g_test_add_func ("/lock/owner/gthread", test_owner_is_gthread);
  g_test_add_func ("/lock/owner/kept", test_owner_is_kept);
  g_test_add_func ("/lock/owner/watched", test_owner_is_watched);
  g_test_add_func ("/lock/owner/cancelled", test_cancelled_owner);
  g_test_add_func ("/lock/line/in-order", test_in_order);
  g_test_add_func ("/lock/line/one-by-one", test_in_order_one_by_one);
  g_test_add_func ("/lock/line/cancelled-in-the-middle", test_cancelled_in_the_middle);
  g_test_add_func ("/lock/line/many-leave", test_many_leave);
  g_test_add_func ("/lock/line/all-leave", test_all_leave);
  g_test_add_func ("/lock/twice/report", test_twice_report);
  g_test_add_func ("/lock/twice/fail", test_twice_fail);
  g_test_add_func ("/lock/twice/cancel", test_twice_cancel);
  g_test_add_func ("/lock/twice/async", test_twice_async);
  g_test_add_func ("/lock/abandoned/to-joiner", test_abandoned);
  g_test_add_func ("/lock/abandoned/to-try", test_abandoned_try);
  g_test_add_func ("/lock/abandoned/to-waiters", test_abandoned_to_waiters);
  g_test_add_func ("/lock/abandoned/twice", test_abandoned_twice);
  g_test_add_func ("/lock/abandoned/by-cancel", test_abandoned_by_cancel);
  g_test_add_func ("/lock/abandoned/several", test_abandoned_several);
  g_test_add_func ("/lock/abandoned/by-gthread", test_abandoned_by_gthread);
  g_test_add_func ("/lock/abandoned/by-gthread-to-waiter", test_abandoned_by_gthread_to_waiter);
  g_test_add_func ("/lock/abandoned/and-next", test_abandoned_and_next);
  g_test_add_func ("/lock/drop/free", test_drop_free);
  g_test_add_func ("/lock/drop/held", test_drop_held);
  g_test_add_func ("/lock/drop/held-by-self", test_drop_held_by_self);
  g_test_add_func ("/lock/drop/held-and-taken-up", test_drop_held_and_taken_up);
  g_test_add_func ("/lock/drop/abandoned", test_drop_abandoned);
  g_test_add_func ("/lock/drop/after-abandoned", test_drop_after_abandoned);
  g_test_add_func ("/lock/drop/waited-for", test_drop_waited_for);
  g_test_add_func ("/lock/drop/waiter-cancelled", test_drop_waiter_cancelled);
  g_test_add_func ("/lock/async/at-once", test_async_at_once);
  g_test_add_func ("/lock/async/waits", test_async_waits);
  g_test_add_func ("/lock/async/in-transit", test_async_in_transit);
  g_test_add_func ("/lock/async/in-order", test_async_in_order);
  g_test_add_func ("/lock/async/cancelled", test_async_cancelled);
  g_test_add_func ("/lock/async/cancelled-before", test_async_cancelled_before);
  g_test_add_func ("/lock/async/cancelled-late", test_async_cancelled_late);
  g_test_add_func ("/lock/async/abandoned", test_async_abandoned);
  g_test_add_func ("/lock/async/without-callback", test_async_without_callback);
  g_test_add_func ("/lock/async/owner-runs-context", test_async_owner_runs_context);
  g_test_add_func ("/lock/async/owner-ends", test_async_owner_ends);
  g_test_add_func ("/lock/async/drop", test_async_drop);
  g_test_add_func ("/lock/async/many", test_async_many);

  return g_test_run ();
}
