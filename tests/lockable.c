/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * What locks have in common, through the interface, for each type that there is
 * and for one that is not the library's.
 */

#include "support.h"

#define N_WAITERS 10

/* --- a lock of somebody else's making ------------------------------------- */

/* Whoever has the token out of the queue has the lock. */
#define TEST_TYPE_TOKEN (test_token_get_type ())
G_DECLARE_FINAL_TYPE (TestToken, test_token, TEST, TOKEN, GObject)

struct _TestToken
{
  GObject parent_instance;

  ThredoQueue *queue;
  ThredoThread *owner; /* not a reference */
  int n_acquired;
  int n_released;
};

static void
test_token_put_back (TestToken *self)
{
  g_auto(GValue) value = G_VALUE_INIT;

  g_value_init (&value, G_TYPE_INT);
  g_assert_true (thredo_queue_try_put (self->queue, &value, NULL));
}

static gboolean
test_token_set_owner (TestToken *self)
{
  g_atomic_pointer_set (&self->owner, thredo_thread_self ());
  g_atomic_int_inc (&self->n_acquired);

  return TRUE;
}

static gboolean
test_token_acquire (ThredoLockable  *lockable,
                    GCancellable    *cancellable,
                    GError         **error)
{
  TestToken *self = TEST_TOKEN (lockable);
  g_auto(GValue) value = G_VALUE_INIT;

  return thredo_queue_get (self->queue, &value, cancellable, error) && test_token_set_owner (self);
}

static gboolean
test_token_try_acquire (ThredoLockable *lockable)
{
  TestToken *self = TEST_TOKEN (lockable);
  g_auto(GValue) value = G_VALUE_INIT;

  return thredo_queue_try_get (self->queue, &value, NULL) && test_token_set_owner (self);
}

static gboolean
test_token_is_owned (ThredoLockable *lockable)
{
  TestToken *self = TEST_TOKEN (lockable);

  return g_atomic_pointer_get (&self->owner) == thredo_thread_self ();
}

static gboolean
test_token_release (ThredoLockable  *lockable,
                    GError         **error)
{
  TestToken *self = TEST_TOKEN (lockable);

  if (!test_token_is_owned (lockable))
    {
      g_set_error_literal (error, THREDO_ERROR, THREDO_ERROR_NOT_OWNER, "Not yours");
      return FALSE;
    }
  g_atomic_pointer_set (&self->owner, NULL);
  g_atomic_int_inc (&self->n_released);
  test_token_put_back (self);

  return TRUE;
}

static void
test_token_lockable_init (ThredoLockableInterface *iface)
{
  iface->acquire = test_token_acquire;
  iface->try_acquire = test_token_try_acquire;
  iface->release = test_token_release;
  iface->is_owned = test_token_is_owned;
}

G_DEFINE_FINAL_TYPE_WITH_CODE (TestToken,
                               test_token,
                               G_TYPE_OBJECT,
                               G_IMPLEMENT_INTERFACE (THREDO_TYPE_LOCKABLE,
                                                      test_token_lockable_init))

static void
test_token_finalize (GObject *object)
{
  g_object_unref (TEST_TOKEN (object)->queue);

  G_OBJECT_CLASS (test_token_parent_class)->finalize (object);
}

static void
test_token_class_init (TestTokenClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = test_token_finalize;
}

static void
test_token_init (TestToken *self)
{
  self->queue = thredo_queue_new (1);
  test_token_put_back (self);
}

/* --- the types ------------------------------------------------------------ */

typedef struct
{
  const char *name;
  GType (*get_type) (void);
  guint depth; /* as deep as it goes, or as is tried here */
  gboolean has_async;
} Kind;

static const Kind kinds[] = {
  { "lock", thredo_lock_get_type, 1, TRUE },
  { "rlock", thredo_rlock_get_type, 3, TRUE },
  { "token", test_token_get_type, 1, FALSE },
};

static ThredoLockable *
make (const Kind *kind)
{
  return THREDO_LOCKABLE (g_object_new (kind->get_type (), NULL));
}

static void
acquire (ThredoLockable *lock)
{
  g_autoptr(GError) error = NULL;
  gboolean ok;

  ok = thredo_lockable_acquire (lock, NULL, &error);
  g_assert_no_error (error);
  g_assert_true (ok);
}

static void
release (ThredoLockable *lock)
{
  g_autoptr(GError) error = NULL;
  gboolean ok;

  ok = thredo_lockable_release (lock, &error);
  g_assert_no_error (error);
  g_assert_true (ok);
}

static void
assert_not_owned (ThredoLockable *lock)
{
  g_autoptr(GError) error = NULL;

  g_assert_false (thredo_lockable_is_owned (lock));
  g_assert_false (thredo_lockable_release (lock, &error));
  support_assert_error (&error, THREDO_ERROR, THREDO_ERROR_NOT_OWNER);
  g_assert_false (thredo_lockable_release (lock, NULL));
}

static void
assert_free (ThredoLockable *lock)
{
  assert_not_owned (lock);
  g_assert_true (thredo_lockable_try_acquire (lock));
  g_assert_true (thredo_lockable_is_owned (lock));
  release (lock);
  assert_not_owned (lock);
}

/* --- threads that use a lock once ----------------------------------------- */

typedef struct
{
  int numbers[N_WAITERS];
  guint n;
} Record;

typedef struct
{
  ThredoLockable *lock;
  Record *record;
  int number;
  guint depth;
  SupportGate *gate;
  ThredoCondition *condition;
  gboolean ok;
  ThredoThread *thread;
} Use;

static gboolean
acquire_once (ThredoThread  *thread,
              gpointer       user_data,
              GError       **error)
{
  Use *use = user_data;

  use->ok = thredo_lockable_acquire (use->lock, NULL, error);
  if (!use->ok)
    {
      g_assert_false (thredo_lockable_is_owned (use->lock));
      return FALSE;
    }
  g_assert_true (thredo_lockable_is_owned (use->lock));
  if (use->record != NULL)
    use->record->numbers[use->record->n++] = use->number;

  return thredo_lockable_release (use->lock, error);
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
use_end_cancelled (Use *use)
{
  g_assert_false (thredo_thread_join (use->thread, NULL, NULL));
  g_assert_cmpint (thredo_thread_get_state (use->thread), ==, THREDO_THREAD_STATE_CANCELLED);
  g_clear_object (&use->thread);
}

/* --- the interface -------------------------------------------------------- */

static void
test_use (gconstpointer kind)
{
  g_autoptr(ThredoLockable) lock = make (kind);

  assert_free (lock);
  acquire (lock);
  g_assert_true (thredo_lockable_is_owned (lock));
  release (lock);
  assert_free (lock);
}

static gpointer
use_in_vain (gpointer lock)
{
  assert_not_owned (lock);
  g_assert_false (thredo_lockable_try_acquire (lock));
  assert_not_owned (lock);

  return NULL;
}

static void
test_use_by_another (gconstpointer kind)
{
  g_autoptr(ThredoLockable) lock = make (kind);

  acquire (lock);
  g_thread_join (g_thread_new ("another", use_in_vain, lock));
  g_assert_true (thredo_lockable_is_owned (lock));
  release (lock);
  assert_free (lock);
}

static void
test_cancelled_before (gconstpointer kind)
{
  g_autoptr(ThredoLockable) lock = make (kind);
  g_autoptr(GCancellable) cancellable = g_cancellable_new ();
  g_autoptr(ThredoScope) scope = thredo_scope_new_with_timeout (0);
  g_autoptr(GError) error = NULL;

  g_cancellable_cancel (cancellable);
  g_assert_false (thredo_lockable_acquire (lock, cancellable, &error));
  support_assert_cancelled (&error);
  thredo_scope_enter (scope);
  g_assert_false (thredo_lockable_acquire (lock, NULL, &error));
  support_assert_timed_out (&error);
  thredo_scope_leave (scope);
  assert_free (lock);
}

static void
test_line (gconstpointer kind)
{
  g_autoptr(ThredoLockable) lock = make (kind);
  Record record = { 0 };
  Use uses[N_WAITERS];
  int next = 0;

  acquire (lock);
  for (int i = 0; i < N_WAITERS; i++)
    {
      uses[i] = (Use) { .lock = lock, .record = &record, .number = i };
      use_start_and_park (&uses[i], acquire_once);
    }
  thredo_thread_cancel (uses[4].thread);
  use_end_cancelled (&uses[4]);
  g_assert_false (uses[4].ok);
  release (lock);
  for (int i = 0; i < N_WAITERS; i++)
    {
      if (i == 4)
        continue;
      use_end_ok (&uses[i]);
      g_assert_cmpint (record.numbers[next], ==, i);
      next++;
    }
  assert_free (lock);
}

/* --- release_all, reacquire ----------------------------------------------- */

static void
test_release_all (gconstpointer user_data)
{
  const Kind *kind = user_data;
  g_autoptr(ThredoLockable) lock = make (kind);

  for (guint depth = 1; depth <= kind->depth; depth++)
    {
      guint released;

      for (guint i = 0; i < depth; i++)
        acquire (lock);
      released = thredo_lockable_release_all (lock);
      g_assert_cmpuint (released, ==, depth);
      assert_free (lock);
      thredo_lockable_reacquire (lock, released);
      for (guint i = 0; i < depth; i++)
        release (lock);
      assert_free (lock);
    }
}

/* What the owner cannot be refused: a cancel does not count. */
static gboolean
reacquire_when_cancelled (ThredoThread  *thread,
                          gpointer       user_data,
                          GError       **error)
{
  Use *use = user_data;
  g_autoptr(ThredoScope) late = thredo_scope_new_with_timeout (0);
  g_autoptr(GError) unneeded = NULL;
  guint depth;

  for (guint i = 0; i < use->depth; i++)
    acquire (use->lock);
  depth = thredo_lockable_release_all (use->lock);
  support_gate_open (&use->gate[0]);
  support_gate_wait (&use->gate[1]);

  thredo_scope_enter (late);
  g_assert_false (thredo_lockable_acquire (use->lock, NULL, &unneeded));
  support_assert_timed_out (&unneeded);
  thredo_lockable_reacquire (use->lock, depth);
  thredo_scope_leave (late);
  g_assert_true (thredo_lockable_is_owned (use->lock));
  for (guint i = 0; i < use->depth; i++)
    release (use->lock);
  g_assert_false (thredo_lockable_is_owned (use->lock));
  use->ok = TRUE;

  return thredo_check_cancelled (NULL, error);
}

static void
test_reacquire (gconstpointer user_data)
{
  const Kind *kind = user_data;
  g_autoptr(ThredoLockable) lock = make (kind);
  SupportGate gates[2];
  Use use = { .lock = lock, .depth = kind->depth, .gate = gates };

  support_gate_init (&gates[0]);
  support_gate_init (&gates[1]);
  use_start (&use, reacquire_when_cancelled);
  support_gate_wait (&gates[0]);
  acquire (lock);
  support_gate_open (&gates[1]);
  support_wait_for_state (use.thread, THREDO_THREAD_STATE_WAITING);
  thredo_thread_cancel (use.thread);
  g_assert_cmpint (thredo_thread_get_state (use.thread), ==, THREDO_THREAD_STATE_WAITING);
  release (lock);
  use_end_cancelled (&use);
  g_assert_true (use.ok);
  assert_free (lock);
  support_gate_clear (&gates[0]);
  support_gate_clear (&gates[1]);
}

/* --- guards --------------------------------------------------------------- */

typedef enum
{
  AT_THE_END,
  EARLY,
  OUT_OF_A_LOOP,
  BY_GOTO,
  BY_HAND,
  WITH_ERROR,
  N_WAYS_OUT
} WayOut;

static gboolean
leave_block (ThredoLockable  *lock,
             WayOut           way,
             GError         **error)
{
  for (int i = 0; i < 3; i++)
    {
      g_autoptr(ThredoLockGuard) guard = thredo_lock_guard_new (lock, NULL, error);

      if (guard == NULL)
        return FALSE;
      g_assert_true (thredo_lockable_is_owned (lock));
      if (way == EARLY)
        return TRUE;
      if (way == OUT_OF_A_LOOP)
        break;
      if (way == BY_GOTO)
        goto out;
      if (way == BY_HAND)
        {
          g_clear_pointer (&guard, thredo_lock_guard_free);
          g_assert_false (thredo_lockable_is_owned (lock));
        }
      if (way == WITH_ERROR)
        {
          g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_FAILED, "on purpose");
          return FALSE;
        }
    }

out:
  g_assert_false (thredo_lockable_is_owned (lock));

  return TRUE;
}

static void
test_guard (gconstpointer kind)
{
  g_autoptr(ThredoLockable) lock = make (kind);

  for (WayOut way = 0; way < N_WAYS_OUT; way++)
    {
      g_autoptr(GError) error = NULL;

      g_assert_true (leave_block (lock, way, &error) == (way != WITH_ERROR));
      if (way == WITH_ERROR)
        support_assert_error (&error, G_IO_ERROR, G_IO_ERROR_FAILED);
      g_assert_no_error (error);
      assert_free (lock);
    }
  if (TEST_IS_TOKEN (lock))
    g_assert_cmpint (TEST_TOKEN (lock)->n_acquired, ==, TEST_TOKEN (lock)->n_released);
}

static void
test_guard_refused (gconstpointer kind)
{
  g_autoptr(ThredoLockable) lock = make (kind);
  g_autoptr(GCancellable) cancellable = g_cancellable_new ();
  g_autoptr(GError) error = NULL;

  g_cancellable_cancel (cancellable);
  g_assert_null (thredo_lock_guard_new (lock, cancellable, &error));
  support_assert_cancelled (&error);
  g_assert_null (thredo_lock_guard_new (lock, cancellable, NULL));
  assert_free (lock);
}

/* The guard releases in a thread that was cancelled too. */
static gboolean
guard_through_cancel (ThredoThread  *thread,
                      gpointer       user_data,
                      GError       **error)
{
  Use *use = user_data;
  g_autoptr(ThredoLockGuard) guard = thredo_lock_guard_new (use->lock, NULL, error);

  g_assert_nonnull (guard);
  use->ok = TRUE;

  return thredo_sleep (SUPPORT_FOREVER, NULL, error);
}

static void
test_guard_cancelled (gconstpointer kind)
{
  g_autoptr(ThredoLockable) lock = make (kind);
  Use use = { .lock = lock };

  use_start_and_park (&use, guard_through_cancel);
  g_assert_false (thredo_lockable_try_acquire (lock));
  thredo_thread_cancel (use.thread);
  use_end_cancelled (&use);
  g_assert_true (use.ok);
  assert_free (lock);
}

static gpointer
free_guard (gpointer guard)
{
  thredo_lock_guard_free (guard);

  return NULL;
}

static void
test_guard_of_another (gconstpointer kind)
{
  g_autoptr(ThredoLockable) lock = make (kind);
  ThredoLockGuard *guard = thredo_lock_guard_new (lock, NULL, NULL);

  g_test_expect_message ("Thredo", G_LOG_LEVEL_CRITICAL, "*guard*");
  g_thread_join (g_thread_new ("another", free_guard, guard));
  g_test_assert_expected_messages ();
  g_assert_true (thredo_lockable_is_owned (lock));
  thredo_lock_guard_free (guard);
  assert_free (lock);
}

/* --- async ---------------------------------------------------------------- */

static gboolean
finish (ThredoLockable  *lock,
        GAsyncResult   **result,
        GError         **error)
{
  gboolean ok;

  g_assert_null (*result);
  support_iterate_until_result (result);
  ok = thredo_lockable_acquire_finish (lock, *result, error);
  g_clear_object (result);

  return ok;
}

static void
test_async (gconstpointer user_data)
{
  const Kind *kind = user_data;
  g_autoptr(ThredoLockable) lock = make (kind);
  g_autoptr(GCancellable) cancellable = g_cancellable_new ();
  g_autoptr(GError) error = NULL;
  GAsyncResult *result = NULL;

  thredo_lockable_acquire_async (lock, NULL, support_keep_result, &result);
  if (!kind->has_async)
    {
      g_assert_false (finish (lock, &result, &error));
      support_assert_error (&error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED);
      thredo_lockable_reacquire_async (lock, 1, support_keep_result, &result);
      g_assert_false (finish (lock, &result, &error));
      support_assert_error (&error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED);
      assert_free (lock);
      return;
    }

  g_assert_true (finish (lock, &result, &error));
  g_assert_no_error (error);
  g_assert_true (thredo_lockable_is_owned (lock));
  release (lock);

  g_cancellable_cancel (cancellable);
  thredo_lockable_acquire_async (lock, cancellable, support_keep_result, &result);
  g_assert_false (finish (lock, &result, &error));
  support_assert_cancelled (&error);
  assert_free (lock);

  for (guint depth = 1; depth <= kind->depth; depth++)
    {
      thredo_lockable_reacquire_async (lock, depth, support_keep_result, &result);
      g_assert_true (finish (lock, &result, &error));
      g_assert_no_error (error);
      for (guint i = 0; i < depth; i++)
        release (lock);
      assert_free (lock);
    }
}

/* --- conditions ----------------------------------------------------------- */

static gboolean
wait_once (ThredoThread  *thread,
           gpointer       user_data,
           GError       **error)
{
  Use *use = user_data;

  for (guint i = 0; i < use->depth; i++)
    acquire (use->lock);
  use->ok = thredo_condition_wait (use->condition, NULL, error);
  g_assert_true (thredo_lockable_is_owned (use->lock));
  for (guint i = 0; i < use->depth; i++)
    release (use->lock);
  g_assert_false (thredo_lockable_is_owned (use->lock));

  return use->ok;
}

static void
test_condition (gconstpointer user_data)
{
  const Kind *kind = user_data;
  g_autoptr(ThredoLockable) lock = make (kind);
  g_autoptr(ThredoCondition) condition = thredo_condition_new (lock);
  g_autoptr(GError) error = NULL;
  Use uses[2];

  thredo_condition_set_name (condition, "c");
  g_assert_false (thredo_condition_notify (condition, 1, &error));
  support_assert_error (&error, THREDO_ERROR, THREDO_ERROR_NOT_OWNER);
  for (int i = 0; i < 2; i++)
    {
      uses[i] = (Use) { .lock = lock, .condition = condition, .depth = kind->depth };
      use_start (&uses[i], wait_once);
      support_wait_for_wait (uses[i].thread, "wait on Condition 'c'");
    }

  /* It comes back with the lock, which is ours: the cancel does not hurry it. */
  acquire (lock);
  thredo_thread_cancel (uses[0].thread);
  g_assert_true (thredo_condition_notify (condition, 2, &error));
  g_assert_no_error (error);
  g_assert_true (thredo_thread_is_alive (uses[0].thread));
  release (lock);
  use_end_ok (&uses[1]);
  use_end_cancelled (&uses[0]);
  g_assert_false (uses[0].ok);
  assert_free (lock);
}

/* -------------------------------------------------------------------------- */

static const struct
{
  const char *name;
  GTestDataFunc func;
} tests[] = {
  { "use", test_use },
  { "use-by-another", test_use_by_another },
  { "cancelled-before", test_cancelled_before },
  { "line", test_line },
  { "release-all", test_release_all },
  { "reacquire", test_reacquire },
  { "guard/ways-out", test_guard },
  { "guard/refused", test_guard_refused },
  { "guard/cancelled", test_guard_cancelled },
  { "guard/of-another", test_guard_of_another },
  { "async", test_async },
  { "condition", test_condition },
};

int
main (int    argc,
      char **argv)
{
  support_init (&argc, &argv);

  for (gsize i = 0; i < G_N_ELEMENTS (kinds); i++)
    {
      for (gsize j = 0; j < G_N_ELEMENTS (tests); j++)
        {
          g_autofree char *path = g_strdup_printf ("/lockable/%s/%s", kinds[i].name,
                                                   tests[j].name);

          g_test_add_data_func (path, &kinds[i], tests[j].func);
        }
    }

  return g_test_run ();
}
