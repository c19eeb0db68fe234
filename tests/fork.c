/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Locks in a forked child, which has the thread that forked and no other: what that
 * holds is its own still, what others held is free and abandoned, and nobody is in
 * line. In the parent nothing has happened.
 */

#include "circle.h"

#include <errno.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define N_CONTENDED 3

/* NULL if there is something to test. */
static const char *
reason_not_to_fork (void)
{
#if SUPPORT_WITH_TSAN
  return "ThreadSanitizer has no threads after a fork";
#else
  if (g_getenv ("THREDO_TEST_VALGRIND") != NULL)
    return "To valgrind, what the parent's threads hold is lost in the child";
  return NULL;
#endif
}

/* Runs the function in a child, which exits with what it returns. */
static int
run_in_child (int (*func) (gpointer user_data),
              gpointer user_data)
{
  pid_t pid = fork ();
  int status = 0;

  g_assert_cmpint (pid, >=, 0);
  if (pid == 0)
    {
      /* A child that hangs dies of this, and the parent says so. */
      alarm (60);
      _exit (func (user_data));
    }

  while (waitpid (pid, &status, 0) < 0)
    g_assert_cmpint (errno, ==, EINTR);
  if (WIFSIGNALED (status))
    g_error ("The child ended by signal %d", WTERMSIG (status));
  g_assert_true (WIFEXITED (status));

  return WEXITSTATUS (status);
}

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

static ThredoThread *
spawn_and_park (const char       *name,
                ThredoThreadFunc  func,
                gpointer          user_data)
{
  ThredoThread *thread = spawn (name, func, user_data);

  support_wait_for_state (thread, THREDO_THREAD_STATE_WAITING);
  return thread;
}

static gboolean
acquire_and_release (ThredoThread  *thread,
                     gpointer       lockable,
                     GError       **error)
{
  return thredo_lockable_acquire (lockable, NULL, error) &&
         thredo_lockable_release (lockable, error);
}

static gboolean
acquire_and_keep (ThredoThread  *thread,
                  gpointer       lockable,
                  GError       **error)
{
  return thredo_lockable_acquire (lockable, NULL, error);
}

static gboolean
is_abandoned (gpointer lockable)
{
  return THREDO_IS_RLOCK (lockable) ? thredo_rlock_get_abandoned (lockable)
                                    : thredo_lock_get_abandoned (lockable);
}

static gboolean
is_locked (gpointer lockable)
{
  return THREDO_IS_RLOCK (lockable) ? thredo_rlock_is_locked (lockable)
                                    : thredo_lock_is_locked (lockable);
}

static ThredoThread *
dup_owner (gpointer lockable)
{
  return THREDO_IS_RLOCK (lockable) ? thredo_rlock_get_owner (lockable)
                                    : thredo_lock_get_owner (lockable);
}

static void
assert_owner (gpointer      lockable,
              ThredoThread *thread)
{
  g_autoptr(ThredoThread) owner = dup_owner (lockable);

  g_assert_true (owner == thread);
  g_assert_true (is_locked (lockable) == (thread != NULL));
}

/* As good as a new one, for threads that wait too; and it can be left behind. */
static void
assert_usable (gpointer lockable)
{
  g_autoptr(ThredoThread) waiter = NULL;
  g_autoptr(ThredoThread) keeper = NULL;
  g_autofree char *warning = NULL;

  circle_acquire (lockable);
  assert_owner (lockable, thredo_thread_self ());
  g_assert_false (is_abandoned (lockable));
  waiter = spawn_and_park ("waiter", acquire_and_release, lockable);
  circle_release (lockable);
  support_join_ok (waiter);
  assert_owner (lockable, NULL);
  messages_assert_none ();

  keeper = spawn ("keeper", acquire_and_keep, lockable);
  support_join_ok (keeper);
  warning = messages_take (G_LOG_LEVEL_WARNING);
  g_assert_nonnull (strstr (warning, "Thread 'keeper' ended while it held"));
  circle_acquire (lockable);
  g_assert_true (is_abandoned (lockable));
  circle_release (lockable);
}

static void
assert_abandoned_once (gpointer lockable)
{
  assert_owner (lockable, NULL);
  g_assert_true (is_abandoned (lockable));
  circle_acquire (lockable);
  g_assert_true (is_abandoned (lockable));
  circle_release (lockable);
  g_assert_false (is_abandoned (lockable));
  assert_usable (lockable);
}

/* --- what others hold ----------------------------------------------------- */

typedef struct
{
  ThredoLock *lock;
  ThredoRLock *rlock;
  ThredoLock *foreign;
  ThredoLock *free;
  SupportGate gate;
  int n_have;
} Others;

static gboolean
hold (ThredoThread  *thread,
      gpointer       user_data,
      GError       **error)
{
  Others *self = user_data;

  circle_acquire (self->lock);
  circle_acquire (self->rlock);
  circle_acquire (self->rlock);
  g_atomic_int_inc (&self->n_have);
  support_gate_wait (&self->gate);
  g_assert_cmpuint (thredo_rlock_get_depth (self->rlock), ==, 2);
  thredo_lockable_release_all (THREDO_LOCKABLE (self->rlock));
  circle_release (self->lock);
  return TRUE;
}

static gpointer
hold_foreign (gpointer user_data)
{
  Others *self = user_data;

  circle_acquire (self->foreign);
  g_atomic_int_inc (&self->n_have);
  support_gate_wait (&self->gate);
  circle_release (self->foreign);
  return NULL;
}

static int
look_at_others (gpointer user_data)
{
  Others *self = user_data;

  assert_owner (self->rlock, NULL);
  g_assert_cmpuint (thredo_rlock_get_depth (self->rlock), ==, 0);
  assert_abandoned_once (self->lock);
  assert_abandoned_once (self->rlock);
  assert_abandoned_once (self->foreign);
  assert_owner (self->free, NULL);
  assert_usable (self->free);

  circle_acquire (self->rlock);
  g_assert_cmpuint (thredo_rlock_get_depth (self->rlock), ==, 1);
  circle_release (self->rlock);
  assert_owner (self->rlock, NULL);
  return 0;
}

static gboolean
fork_with_others (ThredoThread  *thread,
                  gpointer       others,
                  GError       **error)
{
  g_assert_cmpint (run_in_child (look_at_others, others), ==, 0);
  return TRUE;
}

static void
test_others (gconstpointer where)
{
  g_autoptr(ThredoLock) lock = thredo_lock_new ();
  g_autoptr(ThredoRLock) rlock = thredo_rlock_new ();
  g_autoptr(ThredoLock) foreign = thredo_lock_new ();
  g_autoptr(ThredoLock) free_lock = thredo_lock_new ();
  g_autoptr(ThredoThread) holder = NULL;
  g_autoptr(ThredoThread) waiter = NULL;
  Others others = { .lock = lock, .rlock = rlock, .foreign = foreign, .free = free_lock };
  GThread *foreign_holder;

  if (reason_not_to_fork () != NULL)
    {
      g_test_skip (reason_not_to_fork ());
      return;
    }

  support_gate_init (&others.gate);
  holder = spawn ("holder", hold, &others);
  foreign_holder = g_thread_new ("foreign", hold_foreign, &others);
  support_wait_for_int (&others.n_have, 2);
  waiter = spawn_and_park ("waiter", acquire_and_release, lock);

  if (g_str_equal (where, "thread"))
    {
      g_autoptr(ThredoThread) forker = spawn ("forker", fork_with_others, &others);

      support_join_ok (forker);
    }
  else
    {
      fork_with_others (NULL, &others, NULL);
    }

  assert_owner (lock, holder);
  assert_owner (rlock, holder);
  g_assert_true (thredo_lock_is_locked (foreign));
  g_assert_cmpint (thredo_thread_get_state (waiter), ==, THREDO_THREAD_STATE_WAITING);
  support_gate_open (&others.gate);
  support_join_ok (holder);
  support_join_ok (waiter);
  g_thread_join (foreign_holder);
  assert_owner (lock, NULL);
  assert_owner (rlock, NULL);
  assert_owner (foreign, NULL);
  g_assert_false (is_abandoned (lock) || is_abandoned (rlock) || is_abandoned (foreign));
  messages_assert_none ();
  support_gate_clear (&others.gate);
}

/* --- what the child's thread holds ---------------------------------------- */

typedef struct
{
  ThredoLock *lock;
  ThredoRLock *rlock;
} Own;

typedef struct
{
  ThredoLock *own;
  gpointer wanted;
} Nested;

static gboolean
acquire_nested (ThredoThread  *thread,
                gpointer       user_data,
                GError       **error)
{
  Nested *self = user_data;

  circle_acquire (self->own);
  circle_acquire (self->wanted);
  circle_release (self->wanted);
  circle_release (self->own);
  return TRUE;
}

static int
look_at_own (gpointer user_data)
{
  Own *self = user_data;
  g_autoptr(ThredoLock) other = thredo_lock_new ();
  g_autoptr(ThredoThread) waiter = NULL;
  g_autoptr(GError) error = NULL;
  Nested nested = { other, self->lock };

  assert_owner (self->lock, thredo_thread_self ());
  assert_owner (self->rlock, thredo_thread_self ());
  g_assert_false (is_abandoned (self->lock) || is_abandoned (self->rlock));
  g_assert_cmpuint (thredo_rlock_get_depth (self->rlock), ==, 2);

  /* Deadlocks are those of the child. */
  waiter = spawn_and_park ("waiter", acquire_nested, &nested);
  g_assert_false (thredo_lock_acquire (other, NULL, &error));
  support_assert_error (&error, THREDO_ERROR, THREDO_ERROR_DEADLOCK);

  /* Those in line behind it were the parent's. */
  circle_release (self->lock);
  support_join_ok (waiter);
  assert_owner (self->lock, NULL);
  assert_usable (self->lock);
  circle_release (self->rlock);
  circle_release (self->rlock);
  assert_owner (self->rlock, NULL);
  assert_usable (self->rlock);
  return 0;
}

static gboolean
fork_with_own (ThredoThread  *thread,
               gpointer       user_data,
               GError       **error)
{
  Own *own = user_data;
  ThredoThread *waiters[4];

  circle_acquire (own->lock);
  circle_acquire (own->rlock);
  circle_acquire (own->rlock);
  for (gsize i = 0; i < G_N_ELEMENTS (waiters); i++)
    waiters[i] = spawn_and_park ("waiter", acquire_and_release,
                                 i % 2 == 0 ? (gpointer) own->lock : (gpointer) own->rlock);

  g_assert_cmpint (run_in_child (look_at_own, own), ==, 0);

  assert_owner (own->lock, thredo_thread_self ());
  g_assert_cmpuint (thredo_rlock_get_depth (own->rlock), ==, 2);
  for (gsize i = 0; i < G_N_ELEMENTS (waiters); i++)
    g_assert_cmpint (thredo_thread_get_state (waiters[i]), ==, THREDO_THREAD_STATE_WAITING);
  circle_release (own->rlock);
  circle_release (own->rlock);
  circle_release (own->lock);
  for (gsize i = 0; i < G_N_ELEMENTS (waiters); i++)
    {
      support_join_ok (waiters[i]);
      g_object_unref (waiters[i]);
    }
  return TRUE;
}

static void
test_own (gconstpointer where)
{
  g_autoptr(ThredoLock) lock = thredo_lock_new ();
  g_autoptr(ThredoRLock) rlock = thredo_rlock_new ();
  Own own = { lock, rlock };

  if (reason_not_to_fork () != NULL)
    {
      g_test_skip (reason_not_to_fork ());
      return;
    }

  thredo_set_deadlock_policy (THREDO_DEADLOCK_POLICY_FAIL);
  if (g_str_equal (where, "thread"))
    {
      g_autoptr(ThredoThread) forker = spawn ("forker", fork_with_own, &own);

      support_join_ok (forker);
    }
  else
    {
      fork_with_own (NULL, &own, NULL);
    }
  assert_owner (lock, NULL);
  assert_owner (rlock, NULL);
  messages_assert_none ();
}

/* --- chains through threads that are not there ---------------------------- */

/* First waits for what the forking thread has, second for what first has. */
typedef struct
{
  ThredoLock *locks[3];
  ThredoThread *threads[2];
} Chain;

typedef struct
{
  ThredoThread *thread;
  GCancellable *cancellable;
} Canceller;

static gboolean
cancel_when_parked (ThredoThread  *thread,
                    gpointer       user_data,
                    GError       **error)
{
  Canceller *self = user_data;

  support_wait_for_state (self->thread, THREDO_THREAD_STATE_WAITING);
  g_cancellable_cancel (self->cancellable);
  return TRUE;
}

/* Stacks of threads that did not come along are used again. */
static gboolean
overwrite_stack (ThredoThread  *thread,
                 gpointer       gate,
                 GError       **error)
{
  volatile char bytes[200000];

  for (gsize i = 0; i < sizeof bytes; i++)
    bytes[i] = 'A';
  support_gate_wait (gate);
  return bytes[0] == 'A';
}

static int
follow_chain (gpointer user_data)
{
  Chain *self = user_data;
  ThredoThread *junk[6];
  SupportGate gate;

  support_gate_init (&gate);
  for (gsize i = 0; i < G_N_ELEMENTS (junk); i++)
    junk[i] = spawn ("junk", overwrite_stack, &gate);
  support_gate_open (&gate);
  for (gsize i = 0; i < G_N_ELEMENTS (junk); i++)
    support_join_ok (junk[i]);

  /* Their ends never come, but not because of what they waited for. */
  for (gsize i = 0; i < G_N_ELEMENTS (self->threads); i++)
    {
      g_autoptr(GCancellable) cancellable = g_cancellable_new ();
      g_autoptr(ThredoThread) canceller = NULL;
      g_autoptr(GError) error = NULL;
      Canceller closure = { thredo_thread_self (), cancellable };

      canceller = spawn ("canceller", cancel_when_parked, &closure);
      g_assert_false (thredo_thread_wait (self->threads[i], cancellable, &error));
      support_assert_cancelled (&error);
      support_join_ok (canceller);
    }

  circle_assert_no_deadlock ();
  assert_owner (self->locks[0], thredo_thread_self ());
  assert_abandoned_once (self->locks[1]);
  assert_abandoned_once (self->locks[2]);
  return 0;
}

static void
test_chain (void)
{
  g_autoptr(ThredoLock) forked = thredo_lock_new ();
  g_autoptr(ThredoLock) of_first = thredo_lock_new ();
  g_autoptr(ThredoLock) of_second = thredo_lock_new ();
  g_autoptr(ThredoThread) first = NULL;
  g_autoptr(ThredoThread) second = NULL;
  Nested links[] = { { of_first, forked }, { of_second, of_first } };
  Chain chain = { .locks = { forked, of_first, of_second } };

  if (reason_not_to_fork () != NULL)
    {
      g_test_skip (reason_not_to_fork ());
      return;
    }

  thredo_set_deadlock_policy (THREDO_DEADLOCK_POLICY_FAIL);
  circle_acquire (forked);
  first = spawn_and_park ("first", acquire_nested, &links[0]);
  second = spawn_and_park ("second", acquire_nested, &links[1]);
  chain.threads[0] = first;
  chain.threads[1] = second;
  g_assert_cmpint (run_in_child (follow_chain, &chain), ==, 0);

  circle_release (forked);
  support_join_ok (first);
  support_join_ok (second);
  messages_assert_none ();
}

/* --- while locks change hands --------------------------------------------- */

typedef struct
{
  gpointer locks[N_CONTENDED];
  int is_over;
} Contention;

static gboolean
contend (ThredoThread  *thread,
         gpointer       user_data,
         GError       **error)
{
  Contention *self = user_data;

  for (guint i = 0; !g_atomic_int_get (&self->is_over); i++)
    {
      for (guint j = 0; j < 1 + i % N_CONTENDED; j++)
        circle_acquire (self->locks[j]);
      if (i % 8 == 0)
        g_thread_yield ();
      for (guint j = 0; j < 1 + i % N_CONTENDED; j++)
        circle_release (self->locks[j]);
      if (i % 8 == 4)
        g_thread_yield ();
    }
  return TRUE;
}

static gpointer
contend_foreign (gpointer contention)
{
  contend (NULL, contention, NULL);
  return NULL;
}

/* Which of the locks were held, as bits. */
static int
use_contended (gpointer user_data)
{
  Contention *self = user_data;
  int abandoned = 0;

  for (int i = 0; i < N_CONTENDED; i++)
    {
      assert_owner (self->locks[i], NULL);
      circle_acquire (self->locks[i]);
      if (is_abandoned (self->locks[i]))
        abandoned |= 1 << i;
      circle_release (self->locks[i]);
      assert_usable (self->locks[i]);
    }
  return abandoned;
}

static void
test_contended (void)
{
  g_autoptr(ThredoLock) lock = thredo_lock_new ();
  g_autoptr(ThredoRLock) rlock = thredo_rlock_new ();
  g_autoptr(ThredoLock) last = thredo_lock_new ();
  Contention contention = { { lock, rlock, last }, FALSE };
  guint n_rounds = support_rounds (500);
  guint n_abandoned = 0;
  ThredoThread *threads[2];
  GThread *foreign;

  if (reason_not_to_fork () != NULL)
    {
      g_test_skip (reason_not_to_fork ());
      return;
    }

  thredo_set_deadlock_policy (THREDO_DEADLOCK_POLICY_FAIL);
  for (gsize i = 0; i < G_N_ELEMENTS (threads); i++)
    threads[i] = spawn ("contender", contend, &contention);
  foreign = g_thread_new ("contender", contend_foreign, &contention);
  for (guint i = 0; i < n_rounds; i++)
    {
      int abandoned = run_in_child (use_contended, &contention);

      for (int j = 0; j < N_CONTENDED; j++)
        n_abandoned += (guint) (abandoned >> j) & 1;
    }
  g_atomic_int_set (&contention.is_over, TRUE);
  for (gsize i = 0; i < G_N_ELEMENTS (threads); i++)
    {
      support_join_ok (threads[i]);
      g_object_unref (threads[i]);
    }
  g_thread_join (foreign);
  for (int i = 0; i < N_CONTENDED; i++)
    {
      assert_owner (contention.locks[i], NULL);
      g_assert_false (is_abandoned (contention.locks[i]));
    }
  messages_assert_none ();

  g_test_message ("%u of %u were held", n_abandoned, N_CONTENDED * n_rounds);
  if (n_rounds >= 50)
    {
      g_assert_cmpuint (n_abandoned, >, 0);
      g_assert_cmpuint (n_abandoned, <, N_CONTENDED * n_rounds);
    }
}

int
main (int    argc,
      char **argv)
{
  support_init (&argc, &argv);
  messages_init ();

  g_test_add_data_func ("/fork/others/from-main", "main", test_others);
  g_test_add_data_func ("/fork/others/from-thread", "thread", test_others);
  g_test_add_data_func ("/fork/own/from-main", "main", test_own);
  g_test_add_data_func ("/fork/own/from-thread", "thread", test_own);
  g_test_add_func ("/fork/chain", test_chain);
  g_test_add_func ("/fork/contended", test_contended);

  return g_test_run ();
}
