/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "duel.h"

#define N_WAITERS 10

/* --- a lockable that somebody else has made ------------------------------- */

/* It has what it has to, and waits in all of it. */
typedef struct
{
  GObject parent_instance;

  ThredoLock *lock;

  /* Called when the lock is released to wait, by the one who does. */
  void (*released) (gpointer user_data);
  gpointer user_data;
} TestLock;

typedef GObjectClass TestLockClass;

static GType test_lock_get_type (void);
static void test_lock_lockable_init (ThredoLockableInterface *iface);

G_DEFINE_TYPE_WITH_CODE (TestLock,
                         test_lock,
                         G_TYPE_OBJECT,
                         G_IMPLEMENT_INTERFACE (THREDO_TYPE_LOCKABLE, test_lock_lockable_init))

static TestLock *
test_lock_nap (ThredoLockable *lockable)
{
  thredo_sleep (10, NULL, NULL);

  return (TestLock *) lockable;
}

static gboolean
test_lock_acquire (ThredoLockable  *lockable,
                   GCancellable    *cancellable,
                   GError         **error)
{
  TestLock *self = (TestLock *) lockable;

  if (!thredo_lock_acquire (self->lock, cancellable, error))
    return FALSE;
  test_lock_nap (lockable);
  return TRUE;
}

static gboolean
test_lock_try_acquire (ThredoLockable *lockable)
{
  return thredo_lock_try_acquire (((TestLock *) lockable)->lock);
}

static gboolean
test_lock_release (ThredoLockable  *lockable,
                   GError         **error)
{
  return thredo_lock_release (test_lock_nap (lockable)->lock, error);
}

static gboolean
test_lock_is_owned (ThredoLockable *lockable)
{
  return thredo_lockable_is_owned (THREDO_LOCKABLE (test_lock_nap (lockable)->lock));
}

static void
test_lock_lockable_init (ThredoLockableInterface *iface)
{
  iface->acquire = test_lock_acquire;
  iface->try_acquire = test_lock_try_acquire;
  iface->release = test_lock_release;
  iface->is_owned = test_lock_is_owned;
}

static void
test_lock_finalize (GObject *object)
{
  g_object_unref (((TestLock *) object)->lock);

  G_OBJECT_CLASS (test_lock_parent_class)->finalize (object);
}

static void
test_lock_class_init (TestLockClass *klass)
{
  klass->finalize = test_lock_finalize;
}

static void
test_lock_init (TestLock *self)
{
  self->lock = thredo_lock_new ();
}

/* The same with all that is optional. */
typedef TestLock TestFullLock;
typedef TestLockClass TestFullLockClass;

static GType test_full_lock_get_type (void);
static void test_full_lock_lockable_init (ThredoLockableInterface *iface);

G_DEFINE_TYPE_WITH_CODE (TestFullLock,
                         test_full_lock,
                         test_lock_get_type (),
                         G_IMPLEMENT_INTERFACE (THREDO_TYPE_LOCKABLE, test_full_lock_lockable_init))

static guint
test_full_lock_release_all (ThredoLockable *lockable)
{
  TestLock *self = test_lock_nap (lockable);

  g_assert_true (thredo_lock_release (self->lock, NULL));
  if (self->released != NULL)
    self->released (self->user_data);

  return 7;
}

static void
test_full_lock_reacquire (ThredoLockable *lockable,
                          guint           depth)
{
  g_autoptr(ThredoScope) shield = thredo_scope_new_shielded ();
  TestLock *self = test_lock_nap (lockable);
  g_autoptr(GError) error = NULL;

  g_assert_cmpuint (depth, ==, 7);
  thredo_scope_enter (shield);
  thredo_lock_acquire (self->lock, NULL, &error);
  g_assert_no_error (error);
  thredo_scope_leave (shield);
}

static void
test_full_lock_reacquire_async (ThredoLockable      *lockable,
                                guint                depth,
                                GAsyncReadyCallback  callback,
                                gpointer             user_data)
{
  g_assert_cmpuint (depth, ==, 7);
  thredo_lock_acquire_async (((TestLock *) lockable)->lock, NULL, callback, user_data);
}

static void
test_full_lock_lockable_init (ThredoLockableInterface *iface)
{
  test_lock_lockable_init (iface);
  iface->release_all = test_full_lock_release_all;
  iface->reacquire = test_full_lock_reacquire;
  iface->reacquire_async = test_full_lock_reacquire_async;
}

static void
test_full_lock_class_init (TestFullLockClass *klass)
{
}

static void
test_full_lock_init (TestFullLock *self)
{
}

/* --- threads that wait once ----------------------------------------------- */

typedef struct
{
  ThredoCondition *condition;
  GCancellable *cancellable;
  ThredoScope *scope;
  gboolean ok;
  int *order; /* counts who has been notified */
  int place;
  ThredoThread *thread;
} Use;

static void
acquire (ThredoCondition *condition)
{
  g_autoptr(GError) error = NULL;

  thredo_lockable_acquire (thredo_condition_get_lockable (condition), NULL, &error);
  g_assert_no_error (error);
}

static void
release (ThredoCondition *condition)
{
  g_autoptr(GError) error = NULL;

  thredo_lockable_release (thredo_condition_get_lockable (condition), &error);
  g_assert_no_error (error);
}

static gboolean
is_owned (ThredoCondition *condition)
{
  return thredo_lockable_is_owned (thredo_condition_get_lockable (condition));
}

static gboolean
wait_once (ThredoThread  *thread,
           gpointer       user_data,
           GError       **error)
{
  Use *use = user_data;
  g_autoptr(ThredoScopeGuard) guard = NULL;

  acquire (use->condition);
  if (use->scope != NULL)
    guard = thredo_scope_guard_new (use->scope);
  use->ok = thredo_condition_wait (use->condition, use->cancellable, error);
  g_assert_true (use->ok == (*error == NULL));
  g_assert_true (is_owned (use->condition));
  if (use->order != NULL)
    use->place = (*use->order)++;
  release (use->condition);

  return use->ok;
}

static void
use_start (Use *use)
{
  g_autoptr(GError) error = NULL;

  use->thread = thredo_thread_spawn ("user", wait_once, use, NULL, &error);
  g_assert_no_error (error);
}

/* It stands in line, and does not own the lock. */
static void
use_start_and_park (Use *use)
{
  use_start (use);
  support_wait_for_wait (use->thread, "wait on Condition");
}

static void
use_end_ok (Use *use)
{
  support_join_ok (use->thread);
  g_assert_true (use->ok);
  g_clear_object (&use->thread);
}

static void
use_end_failed (Use          *use,
                GIOErrorEnum  code)
{
  g_assert_false (thredo_thread_join (use->thread, NULL, NULL));
  g_assert_false (use->ok);
  g_assert_error (thredo_thread_get_error (use->thread), G_IO_ERROR, (int) code);
  g_clear_object (&use->thread);
}

static void
notify (ThredoCondition *condition,
        guint            n)
{
  g_autoptr(GError) error = NULL;

  acquire (condition);
  g_assert_true (thredo_condition_notify (condition, n, &error));
  g_assert_no_error (error);
  release (condition);
}

/* Nobody waits, nobody owns the lock, nobody keeps the condition. */
static void
assert_idle (ThredoCondition *condition)
{
  ThredoLockable *lockable = thredo_condition_get_lockable (condition);

  g_assert_cmpuint (thredo_condition_get_n_waiting (condition), ==, 0);
  g_assert_cmpuint (G_OBJECT (condition)->ref_count, ==, 1);
  g_assert_false (is_owned (condition));
  g_assert_true (thredo_lockable_try_acquire (lockable));
  release (condition);
}

/* --- making one ----------------------------------------------------------- */

static void
count_notify (GObject    *object,
              GParamSpec *pspec,
              gpointer    user_data)
{
  int *n_notified = user_data;

  (*n_notified)++;
}

static void
test_new (void)
{
  ThredoLock *lock = thredo_lock_new ();
  g_autoptr(ThredoCondition) condition = thredo_condition_new (THREDO_LOCKABLE (lock));
  g_autoptr(ThredoCondition) other = thredo_condition_new (THREDO_LOCKABLE (lock));
  g_autofree char *name = NULL;
  int n_notified = 0;
  guint n_waiting;
  gpointer found;

  g_assert_true (thredo_condition_get_lockable (condition) == THREDO_LOCKABLE (lock));
  g_assert_true (thredo_condition_get_lockable (other) == THREDO_LOCKABLE (lock));
  g_object_get (condition, "lockable", &found, "n-waiting", &n_waiting, NULL);
  g_assert_true (found == lock);
  g_object_unref (found);
  g_assert_cmpuint (n_waiting, ==, 0);
  g_assert_cmpuint (G_OBJECT (lock)->ref_count, ==, 3);

  g_assert_null (thredo_condition_get_name (condition));
  g_signal_connect (condition, "notify::name", G_CALLBACK (count_notify), &n_notified);
  thredo_condition_set_name (condition, "full");
  g_assert_cmpint (n_notified, ==, 1);
  g_object_get (condition, "name", &name, NULL);
  g_assert_cmpstr (name, ==, "full");

  g_clear_object (&condition);
  g_assert_cmpuint (G_OBJECT (lock)->ref_count, ==, 2);
  g_object_unref (lock);
  assert_idle (other);
}

static void
test_new_null (void)
{
  g_autoptr(ThredoCondition) condition = thredo_condition_new (NULL);
  g_autoptr(ThredoCondition) made = g_object_new (THREDO_TYPE_CONDITION, NULL);

  g_assert_true (THREDO_IS_RLOCK (thredo_condition_get_lockable (condition)));
  g_assert_true (THREDO_IS_RLOCK (thredo_condition_get_lockable (made)));
  g_assert_true (thredo_condition_get_lockable (made) != thredo_condition_get_lockable (condition));
  assert_idle (condition);
}

static void
assert_not_owner (GError **error)
{
  support_assert_error (error, THREDO_ERROR, THREDO_ERROR_NOT_OWNER);
}

static gboolean
always (ThredoCondition *condition,
        gpointer         user_data)
{
  return TRUE;
}

static void
test_not_owner (void)
{
  g_autoptr(ThredoCondition) condition = thredo_condition_new (NULL);
  GAsyncResult *result = NULL;
  g_autoptr(GError) error = NULL;
  Use use = { condition };

  use_start_and_park (&use);
  for (int i = 0; i < 2; i++)
    {
      g_assert_false (thredo_condition_wait (condition, NULL, &error));
      assert_not_owner (&error);
      g_assert_false (thredo_condition_wait_for (condition, always, NULL, NULL, &error));
      assert_not_owner (&error);
      g_assert_false (thredo_condition_notify (condition, i, &error));
      assert_not_owner (&error);
      g_assert_false (thredo_condition_notify_all (condition, &error));
      assert_not_owner (&error);
      g_assert_false (thredo_condition_notify (condition, 1, NULL));
      thredo_condition_wait_async (condition, NULL, support_keep_result, &result);
      support_iterate_until_result (&result);
      g_assert_false (thredo_condition_wait_finish (condition, result, &error));
      assert_not_owner (&error);
      g_clear_object (&result);
      g_assert_cmpuint (thredo_condition_get_n_waiting (condition), ==, 1);
    }
  support_wait_for_wait (use.thread, "wait on Condition");
  notify (condition, 1);
  use_end_ok (&use);
  assert_idle (condition);
}

static gboolean
use_what_another_owns (ThredoThread  *thread,
                       gpointer       condition,
                       GError       **error)
{
  g_autoptr(GError) own = NULL;

  g_assert_false (thredo_condition_wait (condition, NULL, &own));
  assert_not_owner (&own);
  g_assert_false (thredo_condition_notify (condition, 1, &own));
  assert_not_owner (&own);
  return TRUE;
}

static void
test_another_owns (void)
{
  g_autoptr(ThredoCondition) condition = thredo_condition_new (NULL);
  g_autoptr(ThredoThread) thread = NULL;

  acquire (condition);
  thread = thredo_thread_spawn ("other", use_what_another_owns, condition, NULL, NULL);
  support_join_ok (thread);
  g_assert_true (is_owned (condition));
  release (condition);
  assert_idle (condition);
}

static void
test_misuse (void)
{
  g_autoptr(ThredoCondition) condition = thredo_condition_new (NULL);
  g_autoptr(GObject) other = g_object_new (G_TYPE_OBJECT, NULL);
  g_autoptr(GError) error = NULL;

  g_test_expect_message ("Thredo", G_LOG_LEVEL_CRITICAL, "thredo_condition_new:*failed");
  g_assert_null (thredo_condition_new ((ThredoLockable *) other));
  g_test_expect_message ("Thredo", G_LOG_LEVEL_CRITICAL, "thredo_condition_wait:*failed");
  g_assert_false (thredo_condition_wait (NULL, NULL, &error));
  g_test_expect_message ("Thredo", G_LOG_LEVEL_CRITICAL, "thredo_condition_wait:*failed");
  g_assert_false (thredo_condition_wait (condition, (GCancellable *) other, &error));
  g_test_expect_message ("Thredo", G_LOG_LEVEL_CRITICAL, "thredo_condition_wait_for:*failed");
  g_assert_false (thredo_condition_wait_for (condition, NULL, NULL, NULL, &error));
  g_test_expect_message ("Thredo", G_LOG_LEVEL_CRITICAL, "thredo_condition_notify:*failed");
  g_assert_false (thredo_condition_notify (NULL, 1, &error));
  g_test_expect_message ("Thredo", G_LOG_LEVEL_CRITICAL, "thredo_condition_wait_async:*failed");
  thredo_condition_wait_async (NULL, NULL, NULL, NULL);
  g_test_assert_expected_messages ();
  g_assert_no_error (error);
  assert_idle (condition);
}

/* --- waiting and notifying ------------------------------------------------ */

/* Of every type of lock. */
static ThredoCondition *
condition_new (gconstpointer type)
{
  g_autoptr(GObject) lock = g_object_new (((GType (*) (void)) type) (), NULL);

  return thredo_condition_new (THREDO_LOCKABLE (lock));
}

static void
test_wait (gconstpointer user_data)
{
  g_autoptr(ThredoCondition) condition = condition_new (user_data);
  Use use = { condition };

  for (int i = 0; i < 3; i++)
    {
      use_start_and_park (&use);
      notify (condition, 1);
      use_end_ok (&use);
      assert_idle (condition);

      use_start_and_park (&use);
      thredo_thread_cancel (use.thread);
      use_end_failed (&use, G_IO_ERROR_CANCELLED);
      assert_idle (condition);
    }
}

/* Who is notified goes on when the lock is released, not before. */
static void
test_wait_for_lock (void)
{
  g_autoptr(ThredoCondition) condition = thredo_condition_new (NULL);
  Use use = { condition };

  use_start_and_park (&use);
  acquire (condition);
  g_assert_true (thredo_condition_notify (condition, 1, NULL));
  g_assert_cmpuint (thredo_condition_get_n_waiting (condition), ==, 0);
  support_wait_for_wait (use.thread, "acquire on RLock");
  g_assert_false (use.ok);
  release (condition);
  use_end_ok (&use);
  assert_idle (condition);
}

static void
test_waiting_for (void)
{
  g_autoptr(ThredoCondition) condition = thredo_condition_new (NULL);
  Use use = { condition };

  use_start_and_park (&use);
  thredo_condition_set_name (condition, "c");
  support_wait_for_wait (use.thread, "wait on Condition 'c'");
  notify (condition, 1);
  use_end_ok (&use);
}

/* All levels are released, and had back, cancelled or not. */
static gboolean
wait_deep (ThredoThread  *thread,
           gpointer       user_data,
           GError       **error)
{
  Use *use = user_data;
  ThredoRLock *lock = THREDO_RLOCK (thredo_condition_get_lockable (use->condition));

  for (int i = 0; i < 3; i++)
    acquire (use->condition);
  use->ok = thredo_condition_wait (use->condition, NULL, error);
  g_assert_true (is_owned (use->condition));
  g_assert_cmpuint (thredo_rlock_get_depth (lock), ==, 3);
  for (int i = 0; i < 3; i++)
    release (use->condition);
  g_assert_false (is_owned (use->condition));

  return use->ok;
}

static void
test_wait_deep (void)
{
  g_autoptr(ThredoCondition) condition = thredo_condition_new (NULL);
  Use use = { condition };

  for (int round = 0; round < 2; round++)
    {
      use.thread = thredo_thread_spawn ("deep", wait_deep, &use, NULL, NULL);
      support_wait_for_wait (use.thread, "wait on Condition");
      if (round == 0)
        {
          notify (condition, 1);
          use_end_ok (&use);
        }
      else
        {
          thredo_thread_cancel (use.thread);
          use_end_failed (&use, G_IO_ERROR_CANCELLED);
        }
      assert_idle (condition);
    }
}

static void
uses_start_and_park (Use             *uses,
                     ThredoCondition *condition,
                     int             *order)
{
  *order = 0;
  for (int i = 0; i < N_WAITERS; i++)
    {
      uses[i] = (Use) { condition, .order = order };
      use_start_and_park (&uses[i]);
      g_assert_cmpuint (thredo_condition_get_n_waiting (condition), ==, i + 1);
    }
}

static void
test_notify_in_order (void)
{
  g_autoptr(ThredoCondition) condition = thredo_condition_new (NULL);
  Use uses[N_WAITERS];
  int order;

  uses_start_and_park (uses, condition, &order);
  for (int i = 0; i < N_WAITERS; i++)
    {
      notify (condition, 1);
      use_end_ok (&uses[i]);
      g_assert_cmpint (order, ==, i + 1);
      g_assert_cmpuint (thredo_condition_get_n_waiting (condition), ==, N_WAITERS - i - 1);
    }
  assert_idle (condition);
}

static void
test_notify_some (void)
{
  g_autoptr(ThredoCondition) condition = thredo_condition_new (NULL);
  Use uses[N_WAITERS];
  int order;

  uses_start_and_park (uses, condition, &order);
  notify (condition, 0);
  g_assert_cmpuint (thredo_condition_get_n_waiting (condition), ==, N_WAITERS);
  notify (condition, 3);
  for (int i = 0; i < 3; i++)
    use_end_ok (&uses[i]);
  g_assert_cmpint (order, ==, 3);
  g_assert_cmpuint (thredo_condition_get_n_waiting (condition), ==, N_WAITERS - 3);
  for (int i = 3; i < N_WAITERS; i++)
    g_assert_cmpint (thredo_thread_get_state (uses[i].thread), ==, THREDO_THREAD_STATE_WAITING);

  /* More than there are. */
  notify (condition, 2 * N_WAITERS);
  for (int i = 3; i < N_WAITERS; i++)
    use_end_ok (&uses[i]);
  assert_idle (condition);
}

static void
test_notify_all (void)
{
  g_autoptr(ThredoCondition) condition = thredo_condition_new (NULL);
  g_autoptr(GError) error = NULL;
  Use uses[N_WAITERS];
  int order;

  uses_start_and_park (uses, condition, &order);
  acquire (condition);
  g_assert_true (thredo_condition_notify_all (condition, &error));
  g_assert_no_error (error);
  release (condition);
  for (int i = 0; i < N_WAITERS; i++)
    use_end_ok (&uses[i]);
  assert_idle (condition);
}

/* A notify is for those who wait, not for those who come. */
static void
test_notify_nobody (void)
{
  g_autoptr(ThredoCondition) condition = thredo_condition_new (NULL);
  Use use = { condition };

  notify (condition, 1);
  notify (condition, G_MAXUINT);
  use_start_and_park (&use);
  notify (condition, 1);
  use_end_ok (&use);
  assert_idle (condition);
}

/* Two conditions of one lock do not mind each other. */
static void
test_two_of_a_lock (void)
{
  g_autoptr(ThredoLock) lock = thredo_lock_new ();
  g_autoptr(ThredoCondition) condition = thredo_condition_new (THREDO_LOCKABLE (lock));
  g_autoptr(ThredoCondition) other = thredo_condition_new (THREDO_LOCKABLE (lock));
  Use use = { condition };
  Use other_use = { other };

  use_start_and_park (&use);
  use_start_and_park (&other_use);
  notify (condition, G_MAXUINT);
  use_end_ok (&use);
  g_assert_cmpuint (thredo_condition_get_n_waiting (other), ==, 1);
  notify (other, 1);
  use_end_ok (&other_use);
}

/* --- waits that do not happen --------------------------------------------- */

/* One in the middle of ten. */
static void
test_cancelled (void)
{
  g_autoptr(ThredoCondition) condition = thredo_condition_new (NULL);
  Use uses[N_WAITERS];
  int order;

  uses_start_and_park (uses, condition, &order);
  thredo_thread_cancel (uses[4].thread);
  use_end_failed (&uses[4], G_IO_ERROR_CANCELLED);
  g_assert_cmpuint (thredo_condition_get_n_waiting (condition), ==, N_WAITERS - 1);
  thredo_thread_cancel (uses[0].thread);
  use_end_failed (&uses[0], G_IO_ERROR_CANCELLED);
  order = 0;
  for (int i = 1; i < N_WAITERS; i++)
    {
      if (i == 4)
        continue;
      notify (condition, 1);
      use_end_ok (&uses[i]);
      g_assert_cmpint (uses[i].place, ==, i < 4 ? i - 1 : i - 2);
    }
  assert_idle (condition);
}

static void
test_cancellable (void)
{
  g_autoptr(ThredoCondition) condition = thredo_condition_new (NULL);
  g_autoptr(GCancellable) cancellable = g_cancellable_new ();
  Use use = { condition, .cancellable = cancellable };
  Use other = { condition };

  use_start_and_park (&use);
  use_start_and_park (&other);
  g_cancellable_cancel (cancellable);
  use_end_failed (&use, G_IO_ERROR_CANCELLED);
  notify (condition, 1);
  use_end_ok (&other);
  assert_idle (condition);
}

static void
test_scope_cancelled (void)
{
  g_autoptr(ThredoCondition) condition = thredo_condition_new (NULL);
  g_autoptr(ThredoScope) scope = thredo_scope_new ();
  Use use = { condition, .scope = scope };

  use_start_and_park (&use);
  thredo_scope_cancel (scope);
  use_end_failed (&use, G_IO_ERROR_CANCELLED);
  assert_idle (condition);
}

static void
test_deadline (void)
{
  g_autoptr(ThredoCondition) condition = thredo_condition_new (NULL);
  g_autoptr(ThredoScope) scope = thredo_scope_new_with_timeout (2000);
  Use use = { condition, .scope = scope };

  use_start (&use);
  use_end_failed (&use, G_IO_ERROR_TIMED_OUT);
  g_assert_true (thredo_scope_is_expired (scope));
  assert_idle (condition);
}

static void
test_shielded (void)
{
  g_autoptr(ThredoCondition) condition = thredo_condition_new (NULL);
  g_autoptr(ThredoScope) scope = thredo_scope_new_shielded ();
  Use use = { condition, .scope = scope };

  use_start_and_park (&use);
  thredo_thread_cancel (use.thread);
  g_assert_cmpint (thredo_thread_get_state (use.thread), ==, THREDO_THREAD_STATE_WAITING);
  notify (condition, 1);
  thredo_thread_wait (use.thread, NULL, NULL);
  g_assert_true (use.ok);
  g_clear_object (&use.thread);
  assert_idle (condition);
}

/* It has the lock back first, however long that takes, and though all around it is
 * cancelled. */
static void
test_cancelled_and_lock_held (void)
{
  g_autoptr(ThredoCondition) condition = thredo_condition_new (NULL);
  g_autoptr(GCancellable) cancellable = g_cancellable_new ();
  g_autoptr(ThredoScope) scope = thredo_scope_new ();
  Use use = { condition, .cancellable = cancellable, .scope = scope };

  use_start_and_park (&use);
  acquire (condition);
  thredo_scope_set_deadline (scope, 0);
  support_wait_for_wait (use.thread, "acquire on RLock");
  g_cancellable_cancel (cancellable);
  thredo_scope_cancel (scope);
  thredo_thread_cancel (use.thread);
  g_assert_cmpint (thredo_thread_get_state (use.thread), ==, THREDO_THREAD_STATE_WAITING);
  g_assert_cmpuint (thredo_condition_get_n_waiting (condition), ==, 0);
  release (condition);
  use_end_failed (&use, G_IO_ERROR_CANCELLED);
  assert_idle (condition);
}

/* A notify that came before the cancel is what the wait ends with. */
static void
test_cancelled_late (void)
{
  g_autoptr(ThredoCondition) condition = thredo_condition_new (NULL);
  g_autoptr(ThredoScope) scope = thredo_scope_new ();
  Use use = { condition, .scope = scope };
  Use other = { condition };

  use_start_and_park (&use);
  use_start_and_park (&other);
  acquire (condition);
  g_assert_true (thredo_condition_notify (condition, 1, NULL));
  thredo_scope_cancel (scope);
  release (condition);
  use_end_ok (&use);
  g_assert_cmpuint (thredo_condition_get_n_waiting (condition), ==, 1);
  notify (condition, 1);
  use_end_ok (&other);
  assert_idle (condition);
}

static gboolean
count_calls (ThredoCondition *condition,
             gpointer         user_data)
{
  int *n_calls = user_data;

  g_assert_true (is_owned (condition));
  return ++*n_calls > 3;
}

static void
must_not_happen (gpointer user_data)
{
  g_assert_not_reached ();
}

/* Then the lock is not even released. */
static void
test_cancelled_before (void)
{
  g_autoptr(GObject) lock = g_object_new (test_full_lock_get_type (), NULL);
  g_autoptr(ThredoCondition) condition = thredo_condition_new (THREDO_LOCKABLE (lock));
  g_autoptr(ThredoScope) scope = thredo_scope_new_with_timeout (0);
  g_autoptr(GCancellable) cancellable = g_cancellable_new ();
  g_autoptr(GError) error = NULL;
  int n_calls = 10;

  acquire (condition);
  ((TestLock *) lock)->released = must_not_happen;
  g_cancellable_cancel (cancellable);
  g_assert_false (thredo_condition_wait (condition, cancellable, &error));
  support_assert_cancelled (&error);
  g_assert_false (thredo_condition_wait_for (condition, count_calls, &n_calls, cancellable,
                                             &error));
  support_assert_cancelled (&error);

  thredo_scope_enter (scope);
  g_assert_false (thredo_condition_wait (condition, NULL, &error));
  support_assert_timed_out (&error);
  g_assert_false (thredo_condition_wait_for (condition, count_calls, &n_calls, NULL, &error));
  support_assert_timed_out (&error);
  thredo_scope_leave (scope);

  g_assert_cmpint (n_calls, ==, 10);
  g_assert_true (is_owned (condition));
  release (condition);
  assert_idle (condition);
}

typedef struct
{
  ThredoCondition *condition;
  gboolean done;
} LoopCall;

static gboolean
wait_on_loop (gpointer user_data)
{
  LoopCall *call = user_data;
  g_autoptr(GError) error = NULL;

  g_assert_true (thredo_lockable_try_acquire (thredo_condition_get_lockable (call->condition)));
  g_assert_false (thredo_condition_wait (call->condition, NULL, &error));
  support_assert_error (&error, THREDO_ERROR, THREDO_ERROR_LOOP_THREAD);
  g_assert_false (thredo_condition_wait_for (call->condition, always, NULL, NULL, &error));
  support_assert_error (&error, THREDO_ERROR, THREDO_ERROR_LOOP_THREAD);
  g_assert_true (thredo_condition_notify (call->condition, 1, &error));
  release (call->condition);
  g_atomic_int_set (&call->done, TRUE);

  return G_SOURCE_REMOVE;
}

static void
test_on_loop_thread (void)
{
  g_autoptr(ThredoCondition) condition = thredo_condition_new (NULL);
  LoopCall call = { condition, FALSE };
  Use use = { condition };

  use_start_and_park (&use);
  g_main_context_invoke (thredo_get_main_context (), wait_on_loop, &call);
  support_wait_for_int (&call.done, TRUE);
  use_end_ok (&use);
  assert_idle (condition);
}

/* --- wait_for ------------------------------------------------------------- */

static gboolean
wait_for_once (ThredoThread  *thread,
               gpointer       user_data,
               GError       **error)
{
  Use *use = user_data;
  g_autoptr(ThredoScopeGuard) guard = NULL;

  acquire (use->condition);
  if (use->scope != NULL)
    guard = thredo_scope_guard_new (use->scope);
  use->ok = thredo_condition_wait_for (use->condition, count_calls, use->order, use->cancellable,
                                       error);
  g_assert_true (is_owned (use->condition));
  release (use->condition);

  return use->ok;
}

static void
test_wait_for_true (void)
{
  g_autoptr(ThredoCondition) condition = thredo_condition_new (NULL);
  g_autoptr(GError) error = NULL;
  int n_calls = 3;

  acquire (condition);
  g_assert_true (thredo_condition_wait_for (condition, count_calls, &n_calls, NULL, &error));
  g_assert_no_error (error);
  g_assert_cmpint (n_calls, ==, 4);
  release (condition);
  assert_idle (condition);
}

static gboolean
has_waiting (gpointer condition)
{
  return thredo_condition_get_n_waiting (condition) > 0;
}

static void
test_wait_for (void)
{
  g_autoptr(ThredoCondition) condition = thredo_condition_new (NULL);
  int n_calls = 0;
  Use use = { condition, .order = &n_calls };

  use.thread = thredo_thread_spawn ("user", wait_for_once, &use, NULL, NULL);
  for (int i = 1; i <= 3; i++)
    {
      support_wait_for ("a wait", has_waiting, condition);
      acquire (condition);
      g_assert_cmpint (n_calls, ==, i);
      release (condition);
      notify (condition, 1);
    }
  use_end_ok (&use);
  g_assert_cmpint (n_calls, ==, 4);
  assert_idle (condition);
}

static void
test_wait_for_cancelled (void)
{
  g_autoptr(ThredoCondition) condition = thredo_condition_new (NULL);
  g_autoptr(ThredoScope) scope = thredo_scope_new ();
  int n_calls = 0;
  Use use = { condition, .order = &n_calls };

  for (int round = 0; round < 2; round++)
    {
      n_calls = 0;
      use.scope = round == 0 ? NULL : scope;
      use.thread = thredo_thread_spawn ("user", wait_for_once, &use, NULL, NULL);
      support_wait_for_wait (use.thread, "wait on Condition");
      notify (condition, 1);
      support_wait_for ("a wait", has_waiting, condition);
      if (round == 0)
        {
          thredo_thread_cancel (use.thread);
          use_end_failed (&use, G_IO_ERROR_CANCELLED);
        }
      else
        {
          thredo_scope_set_deadline (scope, 0);
          use_end_failed (&use, G_IO_ERROR_TIMED_OUT);
        }
      /* At once, after the notify, and once more because it was too late for another. */
      g_assert_cmpint (n_calls, ==, 3);
      assert_idle (condition);
    }
}

/* --- what happens while the lock is being released ------------------------- */

typedef struct
{
  ThredoCondition *condition;
  GCancellable *cancellable;
  gboolean notifies;
} Meanwhile;

static gboolean
notify_one (ThredoThread  *thread,
            gpointer       condition,
            GError       **error)
{
  notify (condition, 1);
  return TRUE;
}

/* A wait within the wait: the lock is released, and nothing armed. */
static void
released (gpointer user_data)
{
  Meanwhile *meanwhile = user_data;
  g_autoptr(ThredoScope) shield = thredo_scope_new_shielded ();

  g_assert_cmpuint (thredo_condition_get_n_waiting (meanwhile->condition), ==, 1);
  if (meanwhile->notifies)
    {
      g_autoptr(ThredoThread) thread = NULL;

      thread = thredo_thread_spawn ("notifier", notify_one, meanwhile->condition, NULL, NULL);
      thredo_scope_enter (shield);
      support_join_ok (thread);
      thredo_scope_leave (shield);
      g_assert_cmpuint (thredo_condition_get_n_waiting (meanwhile->condition), ==, 0);
    }
  if (meanwhile->cancellable != NULL)
    g_cancellable_cancel (meanwhile->cancellable);
}

static ThredoCondition *
condition_with_meanwhile (Meanwhile *meanwhile)
{
  TestLock *lock = g_object_new (test_full_lock_get_type (), NULL);
  ThredoCondition *condition = thredo_condition_new (THREDO_LOCKABLE (lock));

  lock->released = released;
  lock->user_data = meanwhile;
  meanwhile->condition = condition;
  g_object_unref (lock);

  return condition;
}

static void
test_released_and_notified (void)
{
  Meanwhile meanwhile = { .notifies = TRUE };
  g_autoptr(ThredoCondition) condition = condition_with_meanwhile (&meanwhile);
  g_autoptr(GError) error = NULL;

  acquire (condition);
  g_assert_true (thredo_condition_wait (condition, NULL, &error));
  g_assert_no_error (error);
  g_assert_true (is_owned (condition));
  release (condition);
  assert_idle (condition);
}

static void
test_released_and_cancelled (void)
{
  g_autoptr(GCancellable) cancellable = g_cancellable_new ();
  Meanwhile meanwhile = { .cancellable = cancellable };
  g_autoptr(ThredoCondition) condition = condition_with_meanwhile (&meanwhile);
  g_autoptr(GError) error = NULL;

  acquire (condition);
  g_assert_false (thredo_condition_wait (condition, cancellable, &error));
  support_assert_cancelled (&error);
  g_assert_true (is_owned (condition));
  release (condition);
  assert_idle (condition);
}

/* The notify counts, and the next wait says that it was cancelled. */
static void
test_released_and_both (void)
{
  g_autoptr(GCancellable) cancellable = g_cancellable_new ();
  Meanwhile meanwhile = { .notifies = TRUE, .cancellable = cancellable };
  g_autoptr(ThredoCondition) condition = condition_with_meanwhile (&meanwhile);
  g_autoptr(GError) error = NULL;

  acquire (condition);
  g_assert_true (thredo_condition_wait (condition, cancellable, &error));
  g_assert_no_error (error);
  g_assert_false (thredo_condition_wait (condition, cancellable, &error));
  support_assert_cancelled (&error);
  release (condition);
  assert_idle (condition);
}

static void
test_released_and_notified_async (void)
{
  Meanwhile meanwhile = { .notifies = TRUE };
  g_autoptr(ThredoCondition) condition = condition_with_meanwhile (&meanwhile);
  GAsyncResult *result = NULL;
  g_autoptr(GError) error = NULL;

  acquire (condition);
  thredo_condition_wait_async (condition, NULL, support_keep_result, &result);
  g_assert_null (result);
  support_iterate_until_result (&result);
  g_assert_true (thredo_condition_wait_finish (condition, result, &error));
  g_assert_no_error (error);
  g_clear_object (&result);
  g_assert_true (is_owned (condition));
  release (condition);
  assert_idle (condition);
}

static void
test_released_and_cancelled_async (void)
{
  g_autoptr(GCancellable) cancellable = g_cancellable_new ();
  Meanwhile meanwhile = { .cancellable = cancellable };
  g_autoptr(ThredoCondition) condition = condition_with_meanwhile (&meanwhile);
  GAsyncResult *result = NULL;
  g_autoptr(GError) error = NULL;

  acquire (condition);
  thredo_condition_wait_async (condition, cancellable, support_keep_result, &result);
  support_iterate_until_result (&result);
  g_assert_false (thredo_condition_wait_finish (condition, result, &error));
  support_assert_cancelled (&error);
  g_clear_object (&result);
  g_assert_true (is_owned (condition));
  release (condition);
  assert_idle (condition);
}

/* --- dropping one --------------------------------------------------------- */

typedef struct
{
  ThredoCondition *condition;
  ThredoLockable *lockable;
  ThredoEvent *left;
} Drop;

static gboolean
wait_on_dropped (ThredoThread  *thread,
                 gpointer       user_data,
                 GError       **error)
{
  Drop *drop = user_data;
  gboolean ok;

  thredo_lockable_acquire (drop->lockable, NULL, NULL);
  ok = thredo_condition_wait (drop->condition, NULL, error);
  thredo_lockable_release (drop->lockable, NULL);
  thredo_event_set (drop->left);
  return ok;
}

/* Whoever waits keeps it. */
static void
test_drop_waited_for (void)
{
  g_autoptr(ThredoLock) lock = thredo_lock_new ();
  g_autoptr(ThredoEvent) left = thredo_event_new ();
  Drop drop = { thredo_condition_new (THREDO_LOCKABLE (lock)), THREDO_LOCKABLE (lock), left };
  g_autoptr(ThredoThread) thread = NULL;
  g_autoptr(GError) error = NULL;

  thread = thredo_thread_spawn ("waiter", wait_on_dropped, &drop, NULL, &error);
  g_assert_no_error (error);
  support_wait_for_wait (thread, "wait on Condition");
  g_object_add_weak_pointer (G_OBJECT (drop.condition), (gpointer *) &drop.condition);
  g_object_unref (drop.condition);
  g_assert_nonnull (drop.condition);
  support_wait_for_wait (thread, "wait on Condition");
  thredo_thread_cancel (thread);
  g_assert_true (thredo_event_wait (left, NULL, &error));
  g_assert_null (drop.condition);
  thredo_thread_wait (thread, NULL, NULL);
  g_assert_cmpuint (G_OBJECT (lock)->ref_count, ==, 1);
}

/* --- without blocking ----------------------------------------------------- */

static void
wait_async (ThredoCondition  *condition,
            GCancellable     *cancellable,
            GAsyncResult    **result)
{
  acquire (condition);
  thredo_condition_wait_async (condition, cancellable, support_keep_result, result);
  g_assert_false (is_owned (condition));
}

/* The callback has run, and this thread, which runs the context, owns the lock. */
static void
finish_ok (ThredoCondition  *condition,
           GAsyncResult    **result)
{
  g_autoptr(GError) error = NULL;

  support_iterate_until_result (result);
  g_assert_true (thredo_condition_wait_finish (condition, *result, &error));
  g_assert_no_error (error);
  g_clear_object (result);
  g_assert_true (is_owned (condition));
  release (condition);
}

static void
finish_cancelled (ThredoCondition  *condition,
                  GAsyncResult    **result)
{
  g_autoptr(GError) error = NULL;

  support_iterate_until_result (result);
  g_assert_false (thredo_condition_wait_finish (condition, *result, &error));
  support_assert_cancelled (&error);
  g_clear_object (result);
}

static void
test_async (gconstpointer user_data)
{
  g_autoptr(ThredoCondition) condition = condition_new (user_data);
  g_autoptr(GCancellable) cancellable = g_cancellable_new ();
  GAsyncResult *result = NULL;

  wait_async (condition, NULL, &result);
  g_assert_cmpuint (thredo_condition_get_n_waiting (condition), ==, 1);
  notify (condition, 1);
  g_assert_cmpuint (thredo_condition_get_n_waiting (condition), ==, 0);
  finish_ok (condition, &result);
  assert_idle (condition);

  wait_async (condition, cancellable, &result);
  g_cancellable_cancel (cancellable);
  finish_cancelled (condition, &result);
  g_assert_true (is_owned (condition));
  release (condition);
  assert_idle (condition);
}

static void
test_async_deep (void)
{
  g_autoptr(ThredoCondition) condition = thredo_condition_new (NULL);
  ThredoRLock *lock = THREDO_RLOCK (thredo_condition_get_lockable (condition));
  GAsyncResult *result = NULL;
  g_autoptr(GError) error = NULL;

  for (int i = 0; i < 3; i++)
    acquire (condition);
  thredo_condition_wait_async (condition, NULL, support_keep_result, &result);
  g_assert_cmpuint (thredo_rlock_get_depth (lock), ==, 0);
  notify (condition, 1);
  support_iterate_until_result (&result);
  g_assert_true (thredo_condition_wait_finish (condition, result, &error));
  g_assert_no_error (error);
  g_clear_object (&result);
  g_assert_cmpuint (thredo_rlock_get_depth (lock), ==, 3);
  for (int i = 0; i < 3; i++)
    release (condition);
  assert_idle (condition);
}

/* In one line with threads. */
static void
test_async_in_order (void)
{
  g_autoptr(ThredoCondition) condition = thredo_condition_new (NULL);
  GAsyncResult *first = NULL;
  GAsyncResult *third = NULL;
  Use second = { condition };

  wait_async (condition, NULL, &first);
  use_start_and_park (&second);
  wait_async (condition, NULL, &third);
  notify (condition, 1);
  finish_ok (condition, &first);
  g_assert_cmpuint (thredo_condition_get_n_waiting (condition), ==, 2);
  notify (condition, 1);
  use_end_ok (&second);
  g_assert_null (third);
  notify (condition, 1);
  finish_ok (condition, &third);
  assert_idle (condition);
}

/* The callback comes when the lock does. */
static gboolean
hold_until_open (ThredoThread  *thread,
                 gpointer       user_data,
                 GError       **error)
{
  gpointer *shared = user_data;
  ThredoCondition *condition = shared[0];

  acquire (condition);
  g_assert_true (thredo_condition_notify (condition, 1, error));
  thredo_event_set (shared[1]);
  if (!thredo_event_wait (shared[2], NULL, error))
    return FALSE;
  release (condition);
  return TRUE;
}

static void
test_async_waits_for_lock (void)
{
  g_autoptr(ThredoCondition) condition = thredo_condition_new (NULL);
  g_autoptr(ThredoEvent) held = thredo_event_new ();
  g_autoptr(ThredoEvent) let_go = thredo_event_new ();
  gpointer shared[] = { condition, held, let_go };
  g_autoptr(GCancellable) cancellable = g_cancellable_new ();
  GAsyncResult *result = NULL;
  g_autoptr(ThredoThread) thread = NULL;

  wait_async (condition, cancellable, &result);
  thread = thredo_thread_spawn ("holder", hold_until_open, shared, NULL, NULL);
  g_assert_true (thredo_event_wait (held, NULL, NULL));
  g_cancellable_cancel (cancellable);
  for (int i = 0; i < 100; i++)
    g_main_context_iteration (NULL, FALSE);
  g_assert_null (result);
  thredo_event_set (let_go);
  finish_ok (condition, &result);
  support_join_ok (thread);
  assert_idle (condition);
}

static void
test_async_cancelled_before (void)
{
  g_autoptr(ThredoCondition) condition = thredo_condition_new (NULL);
  g_autoptr(GCancellable) cancellable = g_cancellable_new ();
  GAsyncResult *result = NULL;

  g_cancellable_cancel (cancellable);
  acquire (condition);
  thredo_condition_wait_async (condition, cancellable, support_keep_result, &result);
  g_assert_true (is_owned (condition));
  finish_cancelled (condition, &result);
  g_assert_true (is_owned (condition));
  release (condition);
  assert_idle (condition);
}

static void
test_async_not_supported (void)
{
  g_autoptr(ThredoCondition) condition = condition_new (test_lock_get_type);
  GAsyncResult *result = NULL;
  g_autoptr(GError) error = NULL;

  acquire (condition);
  thredo_condition_wait_async (condition, NULL, support_keep_result, &result);
  g_assert_true (is_owned (condition));
  g_assert_cmpuint (thredo_condition_get_n_waiting (condition), ==, 0);
  support_iterate_until_result (&result);
  g_assert_false (thredo_condition_wait_finish (condition, result, &error));
  support_assert_error (&error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED);
  g_clear_object (&result);
  release (condition);
  assert_idle (condition);
}

static void
test_async_dropped (void)
{
  ThredoCondition *condition = thredo_condition_new (NULL);
  g_autoptr(GCancellable) cancellable = g_cancellable_new ();
  GAsyncResult *result = NULL;
  g_autoptr(ThredoLockable) lockable = g_object_ref (thredo_condition_get_lockable (condition));
  gpointer weak = condition;

  g_object_add_weak_pointer (G_OBJECT (condition), &weak);
  wait_async (condition, cancellable, &result);
  g_object_unref (condition);
  g_assert_nonnull (weak);
  g_cancellable_cancel (cancellable);
  finish_cancelled (condition, &result);
  g_assert_true (thredo_lockable_release (lockable, NULL));
  while (weak != NULL)
    g_main_context_iteration (NULL, FALSE);
}

typedef struct
{
  ThredoCondition *condition;
  ThredoThread *called_by;
} OwnContext;

static void
release_in_callback (GObject      *source,
                     GAsyncResult *result,
                     gpointer      user_data)
{
  OwnContext *own = user_data;
  g_autoptr(GError) error = NULL;

  g_assert_true (thredo_condition_wait_finish (own->condition, result, &error));
  g_assert_no_error (error);
  g_assert_true (is_owned (own->condition));
  release (own->condition);
  own->called_by = thredo_thread_self ();
}

/* A context that is nobody's default one, run by another thread than the one that
 * began the wait. */
static gboolean
run_context (ThredoThread  *thread,
             gpointer       user_data,
             GError       **error)
{
  gpointer *shared = user_data;
  OwnContext *own = shared[0];

  while (own->called_by == NULL)
    g_main_context_iteration (shared[1], TRUE);
  g_assert_true (own->called_by == thread);
  return TRUE;
}

static void
test_async_other_context (void)
{
  g_autoptr(ThredoCondition) condition = thredo_condition_new (NULL);
  g_autoptr(GMainContext) context = g_main_context_new ();
  OwnContext own = { condition, NULL };
  gpointer shared[] = { &own, context };
  g_autoptr(ThredoThread) thread = NULL;

  g_main_context_push_thread_default (context);
  acquire (condition);
  thredo_condition_wait_async (condition, NULL, release_in_callback, &own);
  g_main_context_pop_thread_default (context);
  thread = thredo_thread_spawn ("runner", run_context, shared, NULL, NULL);
  notify (condition, 1);
  support_join_ok (thread);
  assert_idle (condition);
}

/* --- nothing is lost ------------------------------------------------------ */

/* A buffer of two conditions, whose users are cancelled now and then. */
typedef struct
{
  ThredoLock *lock;
  ThredoCondition *not_empty;
  ThredoCondition *not_full;
  guint n_items;
  guint n_put;
  guint n_got;
  guint n_wanted;
  int n_cancelled;
} Buffer;

#define BUFFER_SIZE 3

static gboolean
has_room (ThredoCondition *condition,
          gpointer         user_data)
{
  Buffer *buffer = user_data;

  return buffer->n_items < BUFFER_SIZE || buffer->n_put == buffer->n_wanted;
}

static gboolean
has_item (ThredoCondition *condition,
          gpointer         user_data)
{
  Buffer *buffer = user_data;

  return buffer->n_items > 0 || buffer->n_got == buffer->n_wanted;
}

/* Gives up after a moment and comes again. */
static gboolean
await (Buffer               *buffer,
       ThredoCondition      *condition,
       ThredoConditionFunc   predicate,
       GError              **error)
{
  g_autoptr(ThredoScope) scope = thredo_scope_new_with_timeout (g_random_int_range (20, 400));
  g_autoptr(GError) own = NULL;
  gboolean came_true;

  thredo_scope_enter (scope);
  came_true = thredo_condition_wait_for (condition, predicate, buffer, NULL, &own);
  thredo_scope_leave (scope);
  if (!came_true)
    {
      support_assert_timed_out (&own);
      g_atomic_int_inc (&buffer->n_cancelled);
    }
  return came_true;
}

static gboolean
put_many (ThredoThread  *thread,
          gpointer       user_data,
          GError       **error)
{
  Buffer *buffer = user_data;
  gboolean is_done = FALSE;

  while (!is_done)
    {
      g_autoptr(ThredoLockGuard) guard = NULL;

      guard = thredo_lock_guard_new (THREDO_LOCKABLE (buffer->lock), NULL, error);
      if (guard == NULL)
        return FALSE;
      if (!await (buffer, buffer->not_full, has_room, error))
        continue;
      is_done = buffer->n_put == buffer->n_wanted;
      if (!is_done)
        {
          buffer->n_items++;
          buffer->n_put++;
        }
      g_assert_cmpuint (buffer->n_items, <=, BUFFER_SIZE);
      thredo_condition_notify (buffer->not_empty, 1, error);
      if (buffer->n_put == buffer->n_wanted)
        thredo_condition_notify_all (buffer->not_full, error);
    }
  return TRUE;
}

static gboolean
get_many (ThredoThread  *thread,
          gpointer       user_data,
          GError       **error)
{
  Buffer *buffer = user_data;
  gboolean is_done = FALSE;

  while (!is_done)
    {
      g_autoptr(ThredoLockGuard) guard = NULL;

      guard = thredo_lock_guard_new (THREDO_LOCKABLE (buffer->lock), NULL, error);
      if (guard == NULL)
        return FALSE;
      if (!await (buffer, buffer->not_empty, has_item, error))
        continue;
      is_done = buffer->n_got == buffer->n_wanted;
      if (!is_done)
        {
          buffer->n_items--;
          buffer->n_got++;
        }
      thredo_condition_notify (buffer->not_full, 1, error);
      if (buffer->n_got == buffer->n_wanted)
        thredo_condition_notify_all (buffer->not_empty, error);
    }
  return TRUE;
}

static void
test_buffer (void)
{
  Buffer buffer = { .lock = thredo_lock_new (), .n_wanted = support_rounds (50000) };
  ThredoThread *threads[8];

  buffer.not_empty = thredo_condition_new (THREDO_LOCKABLE (buffer.lock));
  buffer.not_full = thredo_condition_new (THREDO_LOCKABLE (buffer.lock));
  for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
    threads[i] = thredo_thread_spawn ("user", i % 2 ? put_many : get_many, &buffer, NULL, NULL);
  for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
    {
      support_join_ok (threads[i]);
      g_object_unref (threads[i]);
    }
  g_test_message ("%u items, %d waits were too long", buffer.n_got, buffer.n_cancelled);
  g_assert_cmpuint (buffer.n_items, ==, 0);
  g_assert_cmpuint (buffer.n_put, ==, buffer.n_wanted);
  g_assert_cmpuint (buffer.n_got, ==, buffer.n_wanted);
  assert_idle (buffer.not_empty);
  assert_idle (buffer.not_full);
  g_object_unref (buffer.not_empty);
  g_object_unref (buffer.not_full);
  g_object_unref (buffer.lock);
}

/* One notify, for two who wait, the first of whom is cancelled in the same moment. */
typedef struct
{
  ThredoCondition *condition;
  GCancellable *cancellable;
  ThredoScope *scope;
  guint n_tokens; /* guarded by the condition's lock, as the following */
  gboolean got[2];
  int ended[2];
  GError *error;
} Contest;

enum
{
  FIRST,
  SECOND,
};

static void
prepare_contest (Duel *duel)
{
  Contest *contest = duel->data;

  contest->n_tokens = 0;
  for (int i = 0; i < 2; i++)
    contest->got[i] = contest->ended[i] = FALSE;
  acquire (contest->condition);
  if (duel->kind->never_parks || duel->round % 2)
    {
      contest->cancellable = g_cancellable_new ();
    }
  else
    {
      contest->scope = thredo_scope_new ();
      thredo_scope_enter (contest->scope);
    }
}

static void
cancel_contest (Duel *duel)
{
  Contest *contest = duel->data;

  if (contest->scope != NULL)
    thredo_scope_cancel (contest->scope);
  else
    g_cancellable_cancel (contest->cancellable);
}

static void
end_wait (Contest  *contest,
          int       who,
          gboolean  got)
{
  g_assert_true (is_owned (contest->condition));
  contest->got[who] = got;
  release (contest->condition);
  g_atomic_int_set (&contest->ended[who], TRUE);
}

static void
wait_first (Duel *duel)
{
  Contest *contest = duel->data;

  end_wait (contest, FIRST,
            thredo_condition_wait (contest->condition, contest->cancellable, &contest->error));
}

static void
wait_first_async (Duel *duel)
{
  Contest *contest = duel->data;
  g_autoptr(GMainContext) context = g_main_context_new ();
  GAsyncResult *result = NULL;

  g_main_context_push_thread_default (context);
  thredo_condition_wait_async (contest->condition, contest->cancellable, support_keep_result,
                               &result);
  while (result == NULL)
    g_main_context_iteration (context, TRUE);
  end_wait (contest, FIRST,
            thredo_condition_wait_finish (contest->condition, result, &contest->error));
  g_object_unref (result);
  g_main_context_pop_thread_default (context);
}

static void
wait_second (Duel *duel)
{
  Contest *contest = duel->data;

  acquire (contest->condition);
  end_wait (contest, SECOND, thredo_condition_wait (contest->condition, NULL, NULL));
}

static gboolean
has_token (ThredoCondition *condition,
           gpointer         user_data)
{
  return ((Contest *) user_data)->n_tokens > 0;
}

static void
wait_first_for_token (Duel *duel)
{
  Contest *contest = duel->data;
  gboolean got = thredo_condition_wait_for (contest->condition, has_token, contest,
                                            contest->cancellable, &contest->error);

  if (got)
    contest->n_tokens--;
  end_wait (contest, FIRST, got);
}

static void
wait_second_for_token (Duel *duel)
{
  Contest *contest = duel->data;

  acquire (contest->condition);
  g_assert_true (thredo_condition_wait_for (contest->condition, has_token, contest, NULL, NULL));
  contest->n_tokens--;
  end_wait (contest, SECOND, TRUE);
}

static void
await_end (Contest *contest,
           int      who)
{
  gint64 limit = g_get_monotonic_time () + SUPPORT_LIMIT;

  while (!g_atomic_int_get (&contest->ended[who]))
    {
      g_thread_yield ();
      if (g_get_monotonic_time () > limit)
        g_error ("Hang: a notify was lost");
    }
}

static void
give_token (Contest *contest)
{
  acquire (contest->condition);
  contest->n_tokens++;
  g_assert_true (thredo_condition_notify (contest->condition, 1, NULL));
  release (contest->condition);
}

/* The second has had it if the first has not: then no other is needed. */
static void
notify_contest (Duel *duel)
{
  Contest *contest = duel->data;

  give_token (contest);
  await_end (contest, FIRST);
  if (duel->kind->behind == NULL)
    return;
  if (contest->got[FIRST])
    {
      acquire (contest->condition);
      g_assert_false (contest->got[SECOND]);
      release (contest->condition);
      give_token (contest);
    }
  await_end (contest, SECOND);
}

static DuelSide
judge_contest (Duel *duel)
{
  Contest *contest = duel->data;
  g_autoptr(GError) error = NULL;
  gboolean got = contest->got[FIRST];

  /* Whoever won: the next wait says that it was cancelled. */
  g_assert_false (thredo_check_cancelled (contest->cancellable, &error));
  support_assert_cancelled (&error);
  if (contest->scope != NULL)
    thredo_scope_leave (contest->scope);
  g_clear_object (&contest->scope);
  g_clear_object (&contest->cancellable);
  g_assert_cmpuint (thredo_condition_get_n_waiting (contest->condition), ==, 0);
  g_assert_cmpuint (G_OBJECT (contest->condition)->ref_count, ==, 1);
  if (duel->kind->behind != NULL)
    g_assert_true (contest->got[SECOND]);
  if (got)
    g_assert_no_error (contest->error);
  else
    support_assert_cancelled (&contest->error);

  return got ? DUEL_RIGHT : DUEL_LEFT;
}

/* Here all the tokens are taken. */
static DuelSide
judge_contest_with_tokens (Duel *duel)
{
  g_assert_cmpuint (((Contest *) duel->data)->n_tokens, ==, 0);

  return judge_contest (duel);
}

static const DuelKind one_waits = {
  .prepare = prepare_contest,
  .wait = wait_first,
  .left = cancel_contest,
  .right = notify_contest,
  .judge = judge_contest,
  .parked_for = 1,
};

static const DuelKind two_wait = {
  .prepare = prepare_contest,
  .wait = wait_first,
  .left = cancel_contest,
  .right = notify_contest,
  .behind = wait_second,
  .judge = judge_contest,
  .parked_for = 1,
};

static const DuelKind two_wait_for_tokens = {
  .prepare = prepare_contest,
  .wait = wait_first_for_token,
  .left = cancel_contest,
  .right = notify_contest,
  .behind = wait_second_for_token,
  .judge = judge_contest_with_tokens,
};

/* The one who waits on a main context is notified as soon as it has released the
 * lock, which is when the notifier gets it. */
static const DuelKind a_task_waits = {
  .prepare = prepare_contest,
  .wait = wait_first_async,
  .left = cancel_contest,
  .right = notify_contest,
  .judge = judge_contest,
  .never_parks = TRUE,
};

static void
test_race (gconstpointer user_data)
{
  const DuelKind *kind = user_data;
  g_autoptr(ThredoCondition) condition = thredo_condition_new (NULL);
  Contest contest = { .condition = condition };

  duel_run (kind, &contest);
  assert_idle (condition);
}

int
main (int    argc,
      char **argv)
{
  support_init (&argc, &argv);

  g_test_add_func ("/condition/new", test_new);
  g_test_add_func ("/condition/new-null", test_new_null);
  g_test_add_func ("/condition/not-owner", test_not_owner);
  g_test_add_func ("/condition/another-owns", test_another_owns);
  g_test_add_func ("/condition/misuse", test_misuse);
  g_test_add_data_func ("/condition/wait/lock", thredo_lock_get_type, test_wait);
  g_test_add_data_func ("/condition/wait/rlock", thredo_rlock_get_type, test_wait);
  g_test_add_data_func ("/condition/wait/user-lock", test_lock_get_type, test_wait);
  g_test_add_data_func ("/condition/wait/full-user-lock", test_full_lock_get_type, test_wait);
  g_test_add_func ("/condition/wait/for-lock", test_wait_for_lock);
  g_test_add_func ("/condition/wait/waiting-for", test_waiting_for);
  g_test_add_func ("/condition/wait/deep", test_wait_deep);
  g_test_add_func ("/condition/notify/in-order", test_notify_in_order);
  g_test_add_func ("/condition/notify/some", test_notify_some);
  g_test_add_func ("/condition/notify/all", test_notify_all);
  g_test_add_func ("/condition/notify/nobody", test_notify_nobody);
  g_test_add_func ("/condition/notify/two-of-a-lock", test_two_of_a_lock);
  g_test_add_func ("/condition/wait/cancelled", test_cancelled);
  g_test_add_func ("/condition/wait/cancellable", test_cancellable);
  g_test_add_func ("/condition/wait/scope-cancelled", test_scope_cancelled);
  g_test_add_func ("/condition/wait/deadline", test_deadline);
  g_test_add_func ("/condition/wait/shielded", test_shielded);
  g_test_add_func ("/condition/wait/cancelled-and-lock-held", test_cancelled_and_lock_held);
  g_test_add_func ("/condition/wait/cancelled-late", test_cancelled_late);
  g_test_add_func ("/condition/wait/cancelled-before", test_cancelled_before);
  g_test_add_func ("/condition/wait/loop-thread", test_on_loop_thread);
  g_test_add_func ("/condition/wait-for/true", test_wait_for_true);
  g_test_add_func ("/condition/wait-for/waits", test_wait_for);
  g_test_add_func ("/condition/wait-for/cancelled", test_wait_for_cancelled);
  g_test_add_func ("/condition/released/notified", test_released_and_notified);
  g_test_add_func ("/condition/released/cancelled", test_released_and_cancelled);
  g_test_add_func ("/condition/released/both", test_released_and_both);
  g_test_add_func ("/condition/released/notified-async", test_released_and_notified_async);
  g_test_add_func ("/condition/released/cancelled-async", test_released_and_cancelled_async);
  g_test_add_func ("/condition/drop/waited-for", test_drop_waited_for);
  g_test_add_data_func ("/condition/async/lock", thredo_lock_get_type, test_async);
  g_test_add_data_func ("/condition/async/rlock", thredo_rlock_get_type, test_async);
  g_test_add_data_func ("/condition/async/user-lock", test_full_lock_get_type, test_async);
  g_test_add_func ("/condition/async/deep", test_async_deep);
  g_test_add_func ("/condition/async/in-order", test_async_in_order);
  g_test_add_func ("/condition/async/waits-for-lock", test_async_waits_for_lock);
  g_test_add_func ("/condition/async/cancelled-before", test_async_cancelled_before);
  g_test_add_func ("/condition/async/not-supported", test_async_not_supported);
  g_test_add_func ("/condition/async/dropped", test_async_dropped);
  g_test_add_func ("/condition/async/other-context", test_async_other_context);
  g_test_add_func ("/condition/race/buffer", test_buffer);
  g_test_add_data_func ("/condition/race/one-waits", &one_waits, test_race);
  g_test_add_data_func ("/condition/race/two-wait", &two_wait, test_race);
  g_test_add_data_func ("/condition/race/two-wait-for-tokens", &two_wait_for_tokens, test_race);
  g_test_add_data_func ("/condition/race/a-task-waits", &a_task_waits, test_race);

  return g_test_run ();
}
