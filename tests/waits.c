/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Every kind of wait there is, ended in every way there is, on every kind of
 * thread there is: /waits/<thread>/<wait>/<way>.
 *
 * A new primitive adds one row to the table of waits.
 */

#include "support.h"

typedef struct _Fixture Fixture;

typedef struct
{
  const char *name;
  const char *waiting_for;
  gboolean (*wait) (Fixture       *fixture,
                    GCancellable  *cancellable,
                    GError       **error);
  /* What the wait waits for happens; NULL where nothing but time ends it. */
  void (*complete) (Fixture *fixture);
  /* A wait that was cancelled or timed out did not happen. */
  void (*assert_undone) (Fixture *fixture);
} Wait;

typedef enum
{
  COMPLETES = -1,
  CANCELLED = G_IO_ERROR_CANCELLED,
  TIMED_OUT = G_IO_ERROR_TIMED_OUT,
} Outcome;

typedef enum
{
  EXPLICIT = 1 << 0, /* with a cancellable as the argument */
  LASTS = 1 << 1,    /* the thread is cancelled, and stays so */
} WayFlags;

typedef struct
{
  const char *name;
  /* On the waiting thread, before it waits. */
  void (*enter) (Fixture *fixture);
  /* On another thread, once the waiting one is WAITING. */
  void (*act) (Fixture *fixture);
  /* On the waiting thread, after it. */
  void (*leave) (Fixture *fixture);
  Outcome outcome;
  WayFlags flags;
} Way;

struct _Fixture
{
  const Wait *wait;
  const Way *way;

  ThredoQueue *release;
  ThredoQueue *queue;
  ThredoThread *thread;
  ThredoGroup *group;
  ThredoThread *member;
  ThredoLock *lock;
  ThredoRLock *rlock;
  ThredoSemaphore *semaphore;
  ThredoBoundedSemaphore *bounded;
  ThredoEvent *event;
  ThredoCondition *condition;
  ThredoBarrier *barrier;

  /* Has what is waited for, until it is told to let go. */
  GThread *keeper;
  SupportGate kept;
  SupportGate let_go;

  /* What the predicate of the condition says. */
  gboolean comes_true;

  ThredoScope *outer;
  ThredoScope *scope;
  GCancellable *cancellable;

  /* The wait would not block. */
  gboolean ready;

  gpointer waiter;
  gboolean result;
  GError *error;
  int ended;
};

typedef struct
{
  const Wait *wait;
  const Way *way;
} Case;

/* The things to wait for. */

static void
put_int (ThredoQueue *queue,
         int          n)
{
  g_auto(GValue) item = G_VALUE_INIT;
  g_autoptr(GError) error = NULL;

  g_value_init (&item, G_TYPE_INT);
  g_value_set_int (&item, n);
  thredo_queue_try_put (queue, &item, &error);
  g_assert_no_error (error);
}

static int
take_int (ThredoQueue *queue)
{
  g_auto(GValue) item = G_VALUE_INIT;
  g_autoptr(GError) error = NULL;

  thredo_queue_try_get (queue, &item, &error);
  g_assert_no_error (error);

  return g_value_get_int (&item);
}

/* Ends well when it is released, and badly when it is cancelled. */
static gboolean
wait_for_release (ThredoThread  *thread,
                  gpointer       release,
                  GError       **error)
{
  g_auto(GValue) item = G_VALUE_INIT;

  return thredo_queue_get (release, &item, NULL, error);
}

static void
fixture_init (Fixture    *fixture,
              const Case *test_case)
{
  ThredoQueue *release = thredo_queue_new (0);
  g_autoptr(GError) error = NULL;

  *fixture = (Fixture) { .wait = test_case->wait, .way = test_case->way };

  fixture->release = release;
  fixture->queue = thredo_queue_new (1);
  thredo_queue_set_name (fixture->queue, "q");
  fixture->thread = thredo_thread_spawn ("t", wait_for_release, release, NULL, &error);
  g_assert_no_error (error);
  fixture->group = thredo_group_new (THREDO_GROUP_WAIT_ALL);
  thredo_group_set_name (fixture->group, "g");
  fixture->member = thredo_group_spawn (fixture->group, "m", wait_for_release, release, NULL,
                                        &error);
  g_assert_no_error (error);

  fixture->lock = thredo_lock_new ();
  thredo_lock_set_name (fixture->lock, "l");
  fixture->rlock = thredo_rlock_new ();
  thredo_rlock_set_name (fixture->rlock, "r");
  fixture->semaphore = thredo_semaphore_new (1);
  thredo_semaphore_set_name (fixture->semaphore, "s");
  fixture->bounded = thredo_bounded_semaphore_new (1);
  thredo_semaphore_set_name (THREDO_SEMAPHORE (fixture->bounded), "b");
  fixture->event = thredo_event_new ();
  thredo_event_set_name (fixture->event, "e");
  fixture->condition = thredo_condition_new (THREDO_LOCKABLE (fixture->rlock));
  thredo_condition_set_name (fixture->condition, "c");
  fixture->barrier = thredo_barrier_new (2);
  thredo_barrier_set_name (fixture->barrier, "m");
  support_gate_init (&fixture->kept);
  support_gate_init (&fixture->let_go);

  fixture->outer = thredo_scope_new ();
  fixture->scope = thredo_scope_new ();
  fixture->cancellable = g_cancellable_new ();
}

/* The keeper is a thread that the library knows nothing of but what it has. */

static void
keep (Fixture     *fixture,
      GThreadFunc  func)
{
  fixture->keeper = g_thread_new ("keeper", func, fixture);
  support_gate_wait (&fixture->kept);
}

static void
let_go (Fixture *fixture)
{
  if (fixture->keeper == NULL)
    return;
  support_gate_open (&fixture->let_go);
  g_thread_join (g_steal_pointer (&fixture->keeper));
}

static void
fixture_clear (Fixture *fixture)
{
  g_autoptr(GError) error = NULL;

  let_go (fixture);
  support_gate_clear (&fixture->kept);
  support_gate_clear (&fixture->let_go);
  thredo_thread_cancel (fixture->thread);
  thredo_thread_wait (fixture->thread, NULL, &error);
  g_assert_no_error (error);
  if (g_strcmp0 (fixture->wait->name, "group-join") != 0)
    {
      thredo_group_cancel (fixture->group);
      thredo_group_join (fixture->group, NULL, &error);
      g_assert_no_error (error);
    }

  g_clear_object (&fixture->waiter);
  g_clear_object (&fixture->release);
  g_clear_object (&fixture->queue);
  g_clear_object (&fixture->thread);
  g_clear_object (&fixture->group);
  g_clear_object (&fixture->member);
  g_clear_object (&fixture->lock);
  g_clear_object (&fixture->rlock);
  g_clear_object (&fixture->semaphore);
  g_clear_object (&fixture->bounded);
  g_clear_object (&fixture->event);
  g_clear_object (&fixture->condition);
  g_clear_object (&fixture->barrier);
  g_clear_object (&fixture->outer);
  g_clear_object (&fixture->scope);
  g_clear_object (&fixture->cancellable);
}

/* The waits. */

static gboolean
wait_sleep (Fixture       *fixture,
            GCancellable  *cancellable,
            GError       **error)
{
  return thredo_sleep (SUPPORT_FOREVER, cancellable, error);
}

static void
nothing (Fixture *fixture)
{
}

static gboolean
wait_get (Fixture       *fixture,
          GCancellable  *cancellable,
          GError       **error)
{
  g_auto(GValue) item = G_VALUE_INIT;

  if (!thredo_queue_get (fixture->queue, &item, cancellable, error))
    {
      g_assert_false (G_IS_VALUE (&item));
      return FALSE;
    }
  g_assert_cmpint (g_value_get_int (&item), ==, 7);
  return TRUE;
}

static void
complete_get (Fixture *fixture)
{
  put_int (fixture->queue, 7);
}

static void
assert_no_get (Fixture *fixture)
{
  if (thredo_queue_is_empty (fixture->queue))
    put_int (fixture->queue, 7);
  g_assert_cmpint (take_int (fixture->queue), ==, 7);
}

static gboolean
wait_put (Fixture       *fixture,
          GCancellable  *cancellable,
          GError       **error)
{
  g_auto(GValue) item = G_VALUE_INIT;

  if (!fixture->ready)
    put_int (fixture->queue, 1);
  g_value_init (&item, G_TYPE_INT);
  g_value_set_int (&item, 2);
  return thredo_queue_put (fixture->queue, &item, cancellable, error);
}

static void
complete_put (Fixture *fixture)
{
  if (!thredo_queue_is_empty (fixture->queue))
    g_assert_cmpint (take_int (fixture->queue), ==, 1);
}

static void
assert_no_put (Fixture *fixture)
{
  if (!thredo_queue_is_empty (fixture->queue))
    g_assert_cmpint (take_int (fixture->queue), ==, 1);
  g_assert_true (thredo_queue_is_empty (fixture->queue));
}

static gboolean
wait_queue_join (Fixture       *fixture,
                 GCancellable  *cancellable,
                 GError       **error)
{
  if (!fixture->ready)
    {
      put_int (fixture->queue, 1);
      take_int (fixture->queue);
    }
  return thredo_queue_join (fixture->queue, cancellable, error);
}

static void
complete_queue_join (Fixture *fixture)
{
  g_autoptr(GError) error = NULL;

  if (thredo_queue_get_unfinished (fixture->queue) > 0)
    thredo_queue_task_done (fixture->queue, &error);
  g_assert_no_error (error);
}

static gboolean
wait_thread_join (Fixture       *fixture,
                  GCancellable  *cancellable,
                  GError       **error)
{
  return thredo_thread_join (fixture->thread, cancellable, error);
}

static gboolean
wait_thread_wait (Fixture       *fixture,
                  GCancellable  *cancellable,
                  GError       **error)
{
  return thredo_thread_wait (fixture->thread, cancellable, error);
}

/* Both the thread and the member of the group end well. */
static void
complete_threads (Fixture *fixture)
{
  put_int (fixture->release, 0);
  put_int (fixture->release, 0);
  support_wait_for_state (fixture->thread, THREDO_THREAD_STATE_FINISHED);
  support_wait_for_state (fixture->member, THREDO_THREAD_STATE_FINISHED);
}

static void
assert_no_join (Fixture *fixture)
{
  g_assert_false (thredo_thread_is_cancelled (fixture->thread));
}

static gboolean
wait_group_join (Fixture       *fixture,
                 GCancellable  *cancellable,
                 GError       **error)
{
  gboolean joined = thredo_group_join (fixture->group, cancellable, error);

  /* When join returns, for whatever reason, every member has ended. */
  g_assert_false (thredo_thread_is_alive (fixture->member));
  return joined;
}

static gboolean
wait_next_done (Fixture       *fixture,
                GCancellable  *cancellable,
                GError       **error)
{
  g_autoptr(ThredoThread) done = NULL;

  done = thredo_group_next_done (fixture->group, cancellable, error);
  if (done == NULL)
    return FALSE;
  g_assert_true (done == fixture->member);
  return TRUE;
}

static void
assert_no_next (Fixture *fixture)
{
  g_autoptr(GPtrArray) members = thredo_group_get_threads (fixture->group);

  g_assert_cmpuint (members->len, ==, 1);
  g_assert_false (thredo_thread_is_cancelled (fixture->member));
}

static gpointer
keep_lock (gpointer user_data)
{
  Fixture *fixture = user_data;
  g_autoptr(GError) error = NULL;

  thredo_lock_acquire (fixture->lock, NULL, &error);
  g_assert_no_error (error);
  support_gate_open (&fixture->kept);
  support_gate_wait (&fixture->let_go);
  thredo_lock_release (fixture->lock, &error);
  g_assert_no_error (error);
  return NULL;
}

static gboolean
wait_lock (Fixture       *fixture,
           GCancellable  *cancellable,
           GError       **error)
{
  ThredoLockable *lockable = THREDO_LOCKABLE (fixture->lock);
  g_autoptr(ThredoThread) owner = NULL;

  if (!fixture->ready)
    keep (fixture, keep_lock);
  if (!thredo_lock_acquire (fixture->lock, cancellable, error))
    {
      g_assert_false (thredo_lockable_is_owned (lockable));
      return FALSE;
    }
  g_assert_true (thredo_lockable_is_owned (lockable));
  owner = thredo_lock_get_owner (fixture->lock);
  g_assert_true (owner == thredo_thread_self ());
  return thredo_lock_release (fixture->lock, error);
}

/* Nobody has it, and it can be had. */
static void
assert_no_lock (Fixture *fixture)
{
  g_autoptr(ThredoThread) owner = NULL;
  g_autoptr(GError) error = NULL;

  let_go (fixture);
  g_assert_false (thredo_lock_is_locked (fixture->lock));
  owner = thredo_lock_get_owner (fixture->lock);
  g_assert_null (owner);
  g_assert_true (thredo_lock_try_acquire (fixture->lock));
  g_assert_true (thredo_lock_is_locked (fixture->lock));
  thredo_lock_release (fixture->lock, &error);
  g_assert_no_error (error);
}

static gboolean
wait_lock_guard (Fixture       *fixture,
                 GCancellable  *cancellable,
                 GError       **error)
{
  ThredoLockable *lockable = THREDO_LOCKABLE (fixture->lock);
  g_autoptr(ThredoLockGuard) guard = NULL;

  if (!fixture->ready)
    keep (fixture, keep_lock);
  guard = thredo_lock_guard_new (lockable, cancellable, error);
  g_assert_true (thredo_lockable_is_owned (lockable) == (guard != NULL));
  return guard != NULL;
}

static gpointer
keep_rlock (gpointer user_data)
{
  Fixture *fixture = user_data;
  g_autoptr(GError) error = NULL;

  for (int i = 0; i < 2; i++)
    {
      thredo_rlock_acquire (fixture->rlock, NULL, &error);
      g_assert_no_error (error);
    }
  support_gate_open (&fixture->kept);
  support_gate_wait (&fixture->let_go);
  for (int i = 0; i < 2; i++)
    {
      thredo_rlock_release (fixture->rlock, &error);
      g_assert_no_error (error);
    }
  return NULL;
}

static gboolean
wait_rlock (Fixture       *fixture,
            GCancellable  *cancellable,
            GError       **error)
{
  ThredoLockable *lockable = THREDO_LOCKABLE (fixture->rlock);

  if (!fixture->ready)
    keep (fixture, keep_rlock);
  if (!thredo_rlock_acquire (fixture->rlock, cancellable, error))
    {
      g_assert_false (thredo_lockable_is_owned (lockable));
      return FALSE;
    }
  g_assert_true (thredo_lockable_is_owned (lockable));
  g_assert_cmpuint (thredo_rlock_get_depth (fixture->rlock), ==, 1);
  return thredo_rlock_release (fixture->rlock, error);
}

static void
assert_no_rlock (Fixture *fixture)
{
  g_autoptr(GError) error = NULL;

  let_go (fixture);
  g_assert_false (thredo_rlock_is_locked (fixture->rlock));
  g_assert_cmpuint (thredo_rlock_get_depth (fixture->rlock), ==, 0);
  g_assert_true (thredo_rlock_try_acquire (fixture->rlock));
  g_assert_cmpuint (thredo_rlock_get_depth (fixture->rlock), ==, 1);
  thredo_rlock_release (fixture->rlock, &error);
  g_assert_no_error (error);
}

static gboolean
wait_permit (ThredoSemaphore  *semaphore,
             Fixture          *fixture,
             GCancellable     *cancellable,
             GError          **error)
{
  if (!fixture->ready)
    g_assert_true (thredo_semaphore_try_acquire (semaphore));
  if (!thredo_semaphore_acquire (semaphore, cancellable, error))
    return FALSE;
  g_assert_cmpuint (thredo_semaphore_get_value (semaphore), ==, 0);
  return thredo_semaphore_release (semaphore, error);
}

static void
give_permit (ThredoSemaphore *semaphore)
{
  g_autoptr(GError) error = NULL;

  if (thredo_semaphore_get_value (semaphore) == 0)
    thredo_semaphore_release (semaphore, &error);
  g_assert_no_error (error);
}

/* The one permit is there, and can be had. */
static void
assert_permit (ThredoSemaphore *semaphore)
{
  give_permit (semaphore);
  g_assert_cmpuint (thredo_semaphore_get_value (semaphore), ==, 1);
  g_assert_true (thredo_semaphore_try_acquire (semaphore));
  g_assert_false (thredo_semaphore_try_acquire (semaphore));
}

static gboolean
wait_semaphore (Fixture       *fixture,
                GCancellable  *cancellable,
                GError       **error)
{
  return wait_permit (fixture->semaphore, fixture, cancellable, error);
}

static void
complete_semaphore (Fixture *fixture)
{
  give_permit (fixture->semaphore);
}

static void
assert_no_permit (Fixture *fixture)
{
  assert_permit (fixture->semaphore);
}

static gboolean
wait_semaphore_guard (Fixture       *fixture,
                      GCancellable  *cancellable,
                      GError       **error)
{
  g_autoptr(ThredoSemaphoreGuard) guard = NULL;

  if (!fixture->ready)
    g_assert_true (thredo_semaphore_try_acquire (fixture->semaphore));
  guard = thredo_semaphore_guard_new (fixture->semaphore, cancellable, error);
  return guard != NULL;
}

static gboolean
wait_bounded (Fixture       *fixture,
              GCancellable  *cancellable,
              GError       **error)
{
  return wait_permit (THREDO_SEMAPHORE (fixture->bounded), fixture, cancellable, error);
}

static void
complete_bounded (Fixture *fixture)
{
  give_permit (THREDO_SEMAPHORE (fixture->bounded));
}

static void
assert_no_bounded (Fixture *fixture)
{
  assert_permit (THREDO_SEMAPHORE (fixture->bounded));
}

static gboolean
wait_event (Fixture       *fixture,
            GCancellable  *cancellable,
            GError       **error)
{
  if (!thredo_event_wait (fixture->event, cancellable, error))
    return FALSE;
  g_assert_true (thredo_event_is_set (fixture->event));
  return TRUE;
}

static void
complete_event (Fixture *fixture)
{
  thredo_event_set (fixture->event);
}

/* Who waits for it changes nothing about it. */
static void
assert_event_as_it_was (Fixture *fixture)
{
  g_assert_true (thredo_event_is_set (fixture->event) == fixture->ready);
}

static gboolean
says_so (ThredoCondition *condition,
         gpointer         user_data)
{
  Fixture *fixture = user_data;

  g_assert_true (condition == fixture->condition);
  g_assert_cmpuint (thredo_rlock_get_depth (fixture->rlock), ==, 2);
  g_assert_true (thredo_lockable_is_owned (THREDO_LOCKABLE (fixture->rlock)));
  return fixture->comes_true;
}

/* Owned twice, given back for the wait, and owned twice after it, however it ended. */
static gboolean
wait_owning (Fixture       *fixture,
             gboolean       with_predicate,
             GCancellable  *cancellable,
             GError       **error)
{
  g_autoptr(GError) own = NULL;
  gboolean happened;

  g_assert_true (thredo_rlock_try_acquire (fixture->rlock));
  g_assert_true (thredo_rlock_try_acquire (fixture->rlock));
  if (with_predicate)
    {
      happened = thredo_condition_wait_for (fixture->condition, says_so, fixture, cancellable,
                                            error);
    }
  else
    {
      happened = thredo_condition_wait (fixture->condition, cancellable, error);
    }
  g_assert_true (thredo_lockable_is_owned (THREDO_LOCKABLE (fixture->rlock)));
  g_assert_cmpuint (thredo_rlock_get_depth (fixture->rlock), ==, 2);
  for (int i = 0; i < 2; i++)
    thredo_rlock_release (fixture->rlock, &own);
  g_assert_no_error (own);
  return happened;
}

static gboolean
wait_condition (Fixture       *fixture,
                GCancellable  *cancellable,
                GError       **error)
{
  return wait_owning (fixture, FALSE, cancellable, error);
}

static gboolean
wait_condition_for (Fixture       *fixture,
                    GCancellable  *cancellable,
                    GError       **error)
{
  return wait_owning (fixture, TRUE, cancellable, error);
}

static void
complete_condition (Fixture *fixture)
{
  g_autoptr(GError) error = NULL;

  thredo_rlock_acquire (fixture->rlock, NULL, &error);
  g_assert_no_error (error);
  fixture->comes_true = TRUE;
  thredo_condition_notify (fixture->condition, 1, &error);
  g_assert_no_error (error);
  thredo_rlock_release (fixture->rlock, &error);
  g_assert_no_error (error);
}

static void
assert_no_condition (Fixture *fixture)
{
  g_autoptr(GError) error = NULL;

  g_assert_cmpuint (thredo_condition_get_n_waiting (fixture->condition), ==, 0);
  assert_no_rlock (fixture);
  g_assert_true (thredo_rlock_try_acquire (fixture->rlock));
  thredo_condition_notify_all (fixture->condition, &error);
  g_assert_no_error (error);
  thredo_rlock_release (fixture->rlock, &error);
  g_assert_no_error (error);
}

static gboolean
wait_barrier (Fixture       *fixture,
              GCancellable  *cancellable,
              GError       **error)
{
  guint index = G_MAXUINT;

  if (!thredo_barrier_wait (fixture->barrier, &index, cancellable, error))
    {
      g_assert_cmpuint (index, ==, G_MAXUINT);
      return FALSE;
    }
  g_assert_cmpuint (index, ==, 0);
  g_assert_false (thredo_barrier_is_broken (fixture->barrier));
  return TRUE;
}

static void
complete_barrier (Fixture *fixture)
{
  g_autoptr(GError) error = NULL;
  guint index = G_MAXUINT;

  /* Alone one cannot be ready for it. */
  if (fixture->ready)
    return;
  thredo_barrier_wait (fixture->barrier, &index, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (index, ==, 1);
}

static gpointer
arrive (gpointer barrier)
{
  g_autoptr(GError) error = NULL;

  thredo_barrier_wait (barrier, NULL, NULL, &error);
  g_assert_no_error (error);
  return NULL;
}

/* The one that did not wait has not come: the others are told. Made whole again,
 * it takes two as before. */
static void
assert_no_arrival (Fixture *fixture)
{
  GThread *threads[2];

  g_assert_cmpuint (thredo_barrier_get_n_waiting (fixture->barrier), ==, 0);
  g_assert_true (thredo_barrier_is_broken (fixture->barrier));
  thredo_barrier_reset (fixture->barrier);
  for (gsize i = 0; i < G_N_ELEMENTS (threads); i++)
    threads[i] = g_thread_new ("member", arrive, fixture->barrier);
  for (gsize i = 0; i < G_N_ELEMENTS (threads); i++)
    g_thread_join (threads[i]);
  g_assert_false (thredo_barrier_is_broken (fixture->barrier));
}

static const Wait waits[] = {
  { "sleep", "sleep", wait_sleep, NULL, nothing },
  { "get", "get on Queue 'q'", wait_get, complete_get, assert_no_get },
  { "put", "put on Queue 'q'", wait_put, complete_put, assert_no_put },
  { "queue-join", "join on Queue 'q'", wait_queue_join, complete_queue_join, nothing },
  { "thread-join", "join on Thread 't'", wait_thread_join, complete_threads, assert_no_join },
  { "thread-wait", NULL, wait_thread_wait, complete_threads, assert_no_join },
  { "group-join", "join on Group 'g'", wait_group_join, complete_threads, nothing },
  { "next-done", "next_done on Group 'g'", wait_next_done, complete_threads, assert_no_next },
  { "lock", "acquire on Lock 'l'", wait_lock, let_go, assert_no_lock },
  { "lock-guard", "acquire on Lock 'l'", wait_lock_guard, let_go, assert_no_lock },
  { "rlock", "acquire on RLock 'r'", wait_rlock, let_go, assert_no_rlock },
  { "semaphore", "acquire on Semaphore 's'", wait_semaphore, complete_semaphore, assert_no_permit },
  { "semaphore-guard", "acquire on Semaphore 's'", wait_semaphore_guard, complete_semaphore,
    assert_no_permit },
  { "bounded-semaphore", "acquire on Semaphore 'b'", wait_bounded, complete_bounded,
    assert_no_bounded },
  { "event", "wait on Event 'e'", wait_event, complete_event, assert_event_as_it_was },
  { "condition", "wait on Condition 'c'", wait_condition, complete_condition,
    assert_no_condition },
  { "condition-for", "wait on Condition 'c'", wait_condition_for, complete_condition,
    assert_no_condition },
  { "barrier", "wait on Barrier 'm'", wait_barrier, complete_barrier, assert_no_arrival },
};

/* The ways. */

static void
enter_scope (Fixture *fixture)
{
  thredo_scope_enter (fixture->scope);
}

static void
enter_both (Fixture *fixture)
{
  thredo_scope_enter (fixture->outer);
  thredo_scope_enter (fixture->scope);
}

static void
enter_shield (Fixture *fixture)
{
  thredo_scope_set_shielded (fixture->scope, TRUE);
  enter_both (fixture);
}

static void
leave_scope (Fixture *fixture)
{
  thredo_scope_leave (fixture->scope);
}

static void
leave_both (Fixture *fixture)
{
  thredo_scope_leave (fixture->scope);
  thredo_scope_leave (fixture->outer);
}

static void
cancel_thread (Fixture *fixture)
{
  thredo_thread_cancel (fixture->waiter);
}

static void
cancel_thread_cancellable (Fixture *fixture)
{
  g_cancellable_cancel (thredo_thread_get_cancellable (fixture->waiter));
}

static void
cancel_explicit (Fixture *fixture)
{
  g_cancellable_cancel (fixture->cancellable);
}

static void
cancel_scope (Fixture *fixture)
{
  thredo_scope_cancel (fixture->scope);
}

static void
cancel_scope_cancellable (Fixture *fixture)
{
  g_cancellable_cancel (thredo_scope_get_cancellable (fixture->scope));
}

static void
cancel_outer (Fixture *fixture)
{
  thredo_scope_cancel (fixture->outer);
}

static void
leave_cancelled_scope (Fixture *fixture)
{
  g_assert_true (thredo_scope_is_cancelled (fixture->scope));
  g_assert_false (thredo_scope_is_expired (fixture->scope));
  leave_scope (fixture);
}

static void
enter_deadline (Fixture *fixture)
{
  thredo_scope_set_deadline (fixture->scope, g_get_monotonic_time () + 2 * G_TIME_SPAN_MILLISECOND);
  enter_scope (fixture);
}

static void
enter_outer_deadline (Fixture *fixture)
{
  thredo_scope_set_deadline (fixture->outer, g_get_monotonic_time () + 2 * G_TIME_SPAN_MILLISECOND);
  thredo_scope_set_deadline (fixture->scope, g_get_monotonic_time () + SUPPORT_FOREVER);
  enter_both (fixture);
}

static void
leave_expired_scope (Fixture *fixture)
{
  g_assert_true (thredo_scope_is_expired (fixture->scope));
  leave_scope (fixture);
}

static void
leave_expired_outer (Fixture *fixture)
{
  g_assert_true (thredo_scope_is_expired (fixture->outer));
  g_assert_false (thredo_scope_is_expired (fixture->scope));
  leave_both (fixture);
}

static void
enter_far (Fixture *fixture)
{
  thredo_scope_set_deadline (fixture->scope, g_get_monotonic_time () + SUPPORT_FOREVER);
  enter_scope (fixture);
}

static void
expire_scope (Fixture *fixture)
{
  thredo_scope_set_deadline (fixture->scope, g_get_monotonic_time ());
}

static void
expire_outer (Fixture *fixture)
{
  thredo_scope_set_deadline (fixture->outer, g_get_monotonic_time ());
}

static void
complete (Fixture *fixture)
{
  /* Nothing but time ends a sleep: here it is the time of its own scope. */
  if (fixture->wait->complete == NULL)
    expire_scope (fixture);
  else
    fixture->wait->complete (fixture);
}

static void
cancel_all_around_shield (Fixture *fixture)
{
  expire_outer (fixture);
  cancel_outer (fixture);
  cancel_thread (fixture);
  g_assert_cmpint (thredo_thread_get_state (fixture->waiter), ==, THREDO_THREAD_STATE_WAITING);
  complete (fixture);
}

/* Where nothing would block, and the wait fails all the same. */

static void
make_ready (Fixture *fixture)
{
  fixture->ready = TRUE;
  if (fixture->wait->complete != NULL)
    fixture->wait->complete (fixture);
}

static void
enter_ready_and_cancelled (Fixture *fixture)
{
  make_ready (fixture);
  cancel_thread (fixture);
}

static void
enter_ready_and_cancelled_explicitly (Fixture *fixture)
{
  make_ready (fixture);
  cancel_explicit (fixture);
}

static void
enter_ready_and_cancelled_scope (Fixture *fixture)
{
  make_ready (fixture);
  cancel_scope (fixture);
  enter_scope (fixture);
}

static void
enter_ready_and_expired (Fixture *fixture)
{
  make_ready (fixture);
  expire_scope (fixture);
  enter_scope (fixture);
}

static void
enter_expired_and_cancelled (Fixture *fixture)
{
  expire_scope (fixture);
  cancel_outer (fixture);
  enter_both (fixture);
}

static const Way ways[] = {
  { "completes", enter_scope, complete, leave_scope, COMPLETES, 0 },
  { "cancel", nothing, cancel_thread, nothing, CANCELLED, LASTS },
  { "cancel-through-cancellable", nothing, cancel_thread_cancellable, nothing, CANCELLED, LASTS },
  { "cancel-in-scopes", enter_both, cancel_thread, leave_both, CANCELLED, LASTS },
  { "explicit", nothing, cancel_explicit, nothing, CANCELLED, EXPLICIT },
  { "explicit-in-scopes", enter_both, cancel_explicit, leave_both, CANCELLED, EXPLICIT },
  { "explicit-unused", enter_scope, complete, leave_scope, COMPLETES, EXPLICIT },
  { "scope", enter_scope, cancel_scope, leave_cancelled_scope, CANCELLED, 0 },
  { "scope-through-cancellable", enter_scope, cancel_scope_cancellable, leave_scope, CANCELLED, 0 },
  { "outer-scope", enter_both, cancel_outer, leave_both, CANCELLED, 0 },
  { "deadline", enter_deadline, NULL, leave_expired_scope, TIMED_OUT, 0 },
  { "deadline-set", enter_scope, expire_scope, leave_expired_scope, TIMED_OUT, 0 },
  { "deadline-earlier", enter_far, expire_scope, leave_expired_scope, TIMED_OUT, 0 },
  { "deadline-of-both", enter_far, expire_scope, leave_expired_scope, TIMED_OUT, EXPLICIT },
  { "outer-deadline", enter_outer_deadline, NULL, leave_expired_outer, TIMED_OUT, 0 },
  { "outer-deadline-set", enter_both, expire_outer, leave_expired_outer, TIMED_OUT, 0 },
  { "shield", enter_shield, cancel_all_around_shield, leave_both, COMPLETES, LASTS },
  { "shield-own-cancel", enter_shield, cancel_scope, leave_both, CANCELLED, 0 },
  { "shield-own-deadline", enter_shield, expire_scope, leave_both, TIMED_OUT, 0 },
  { "shield-explicit", enter_shield, cancel_explicit, leave_both, CANCELLED, EXPLICIT },
  { "cancelled-before", enter_ready_and_cancelled, NULL, nothing, CANCELLED, LASTS },
  { "explicit-before", enter_ready_and_cancelled_explicitly, NULL, nothing, CANCELLED, EXPLICIT },
  { "scope-before", enter_ready_and_cancelled_scope, NULL, leave_cancelled_scope, CANCELLED, 0 },
  { "expired-before", enter_ready_and_expired, NULL, leave_expired_scope, TIMED_OUT, 0 },
  { "cancel-beats-deadline", enter_expired_and_cancelled, NULL, leave_both, CANCELLED, 0 },
};

/* The waiting thread, of whatever kind. */
static void
wait_the_way (Fixture *fixture)
{
  const Way *way = fixture->way;
  g_autoptr(GError) error = NULL;

  g_atomic_pointer_set (&fixture->waiter, g_object_ref (thredo_thread_self ()));

  way->enter (fixture);
  fixture->result = fixture->wait->wait (fixture,
                                         way->flags & EXPLICIT ? fixture->cancellable : NULL,
                                         &fixture->error);
  way->leave (fixture);

  /* A cancel of the thread lasts; that of a scope is over with the scope. */
  g_assert_cmpint (thredo_thread_is_cancelled (fixture->waiter), ==, (way->flags & LASTS) != 0);
  if (way->flags & LASTS)
    {
      g_assert_false (thredo_sleep (0, NULL, &error));
      support_assert_cancelled (&error);
    }
  else
    {
      thredo_sleep (1, NULL, &error);
      g_assert_no_error (error);
    }
  g_atomic_int_set (&fixture->ended, TRUE);
}

static gboolean
is_published (gpointer user_data)
{
  return g_atomic_pointer_get ((gpointer *) user_data) != NULL;
}

static void
act_the_way (Fixture *fixture)
{
  if (fixture->way->act == NULL)
    return;

  support_wait_for ("a thread that waits", is_published, &fixture->waiter);
  if (fixture->wait->waiting_for != NULL)
    support_wait_for_wait (fixture->waiter, fixture->wait->waiting_for);
  else
    support_wait_for_state (fixture->waiter, THREDO_THREAD_STATE_WAITING);
  fixture->way->act (fixture);
}

static void
check_outcome (Fixture *fixture)
{
  Outcome outcome = fixture->way->outcome;

  g_assert_true (fixture->ended);
  if (outcome == COMPLETES && fixture->wait->complete == NULL)
    outcome = TIMED_OUT;

  if (outcome == COMPLETES)
    {
      g_assert_no_error (fixture->error);
      g_assert_true (fixture->result);
    }
  else
    {
      g_assert_false (fixture->result);
      support_assert_error (&fixture->error, G_IO_ERROR, (int) outcome);
      fixture->wait->assert_undone (fixture);
    }
}

/* On a spawned thread. */

static gboolean
thread_waits (ThredoThread  *thread,
              gpointer       user_data,
              GError       **error)
{
  g_assert_true (thread == thredo_thread_self ());
  wait_the_way (user_data);
  return TRUE;
}

static void
test_on_thread (gconstpointer user_data)
{
  g_autoptr(ThredoThread) thread = NULL;
  g_autoptr(GError) error = NULL;
  Fixture fixture;

  fixture_init (&fixture, user_data);
  thread = thredo_thread_spawn ("waiter", thread_waits, &fixture, NULL, &error);
  g_assert_no_error (error);
  act_the_way (&fixture);
  support_join_ok (thread);
  check_outcome (&fixture);
  fixture_clear (&fixture);
}

/* On a plain GThread. */

static gpointer
gthread_waits (gpointer user_data)
{
  wait_the_way (user_data);
  return NULL;
}

static void
test_on_gthread (gconstpointer user_data)
{
  Fixture fixture;
  GThread *thread;

  fixture_init (&fixture, user_data);
  thread = g_thread_new ("waiter", gthread_waits, &fixture);
  act_the_way (&fixture);
  g_thread_join (thread);
  check_outcome (&fixture);
  fixture_clear (&fixture);
}

/* On the main thread. */

static gpointer
gthread_acts (gpointer user_data)
{
  act_the_way (user_data);
  return NULL;
}

static void
test_on_main (gconstpointer user_data)
{
  const Case *test_case = user_data;
  Fixture fixture;
  GThread *actor;

  /* A main thread that was cancelled stays so: this takes a process. */
  if ((test_case->way->flags & LASTS) && !g_test_subprocess ())
    {
      g_test_trap_subprocess (NULL, 0, G_TEST_SUBPROCESS_INHERIT_STDERR);
      g_test_trap_assert_passed ();
      return;
    }

  fixture_init (&fixture, test_case);
  actor = g_thread_new ("actor", gthread_acts, &fixture);
  wait_the_way (&fixture);
  g_thread_join (actor);
  check_outcome (&fixture);
  if (g_test_subprocess ())
    {
      /* What is left cannot be joined by a cancelled thread, but in a shield. */
      g_autoptr(ThredoScope) shield = thredo_scope_new_shielded ();

      thredo_scope_enter (shield);
      fixture_clear (&fixture);
      thredo_scope_leave (shield);
      return;
    }
  fixture_clear (&fixture);
}

/* Ours to keep: GTest forgets the data of tests that it does not run, and in a
 * child process it runs one. */
static Case cases[G_N_ELEMENTS (waits)][G_N_ELEMENTS (ways)];

static void
add_case (const char    *thread,
          const Case    *test_case,
          GTestDataFunc  func)
{
  g_autofree char *path = g_strdup_printf ("/waits/%s/%s/%s", thread, test_case->wait->name,
                                           test_case->way->name);

  g_test_add_data_func (path, test_case, func);
}

int
main (int    argc,
      char **argv)
{
  support_init (&argc, &argv);

  for (gsize i = 0; i < G_N_ELEMENTS (waits); i++)
    {
      for (gsize j = 0; j < G_N_ELEMENTS (ways); j++)
        {
          cases[i][j].wait = &waits[i];
          cases[i][j].way = &ways[j];
          add_case ("thread", &cases[i][j], test_on_thread);
          add_case ("gthread", &cases[i][j], test_on_gthread);
          add_case ("main", &cases[i][j], test_on_main);
        }
    }

  return g_test_run ();
}
