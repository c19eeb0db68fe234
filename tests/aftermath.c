/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * What comes after the end of something: those who were cancelled but have not left,
 * what they hold and whom they keep waiting, and what code of users leaves behind on
 * OS threads that run others next.
 */

#include "circle.h"

#include <string.h>

#define N_HELD 5000

/* --- a handler that takes its time ---------------------------------------- */

/* Whose wait was cancelled has to wait for it. */
typedef struct
{
  GCancellable *cancellable;
  SupportGate has_begun;
  SupportGate may_end;
  GThread *canceller;
} SlowCancel;

static void
take_time (GCancellable *cancellable,
           gpointer      user_data)
{
  SlowCancel *self = user_data;

  support_gate_open (&self->has_begun);
  support_gate_wait (&self->may_end);
}

static gpointer
cancel_slowly (gpointer cancellable)
{
  g_cancellable_cancel (cancellable);
  return NULL;
}

static void
slow_cancel_init (SlowCancel *self)
{
  self->cancellable = g_cancellable_new ();
  support_gate_init (&self->has_begun);
  support_gate_init (&self->may_end);
}

/* Once the wait is there: its own handler has to be the first. */
static void
slow_cancel_begin (SlowCancel *self)
{
  g_cancellable_connect (self->cancellable, G_CALLBACK (take_time), self, NULL);
  self->canceller = g_thread_new ("canceller", cancel_slowly, self->cancellable);
  support_gate_wait (&self->has_begun);
}

static void
slow_cancel_end (SlowCancel *self)
{
  support_gate_open (&self->may_end);
  g_thread_join (self->canceller);
}

static void
slow_cancel_clear (SlowCancel *self)
{
  g_object_unref (self->cancellable);
  support_gate_clear (&self->has_begun);
  support_gate_clear (&self->may_end);
}

/* --- in line behind one who is on its way out ----------------------------- */

typedef struct
{
  ThredoLock *lock;
  GCancellable *cancellable;
  int n_had;
} Waiter;

static gboolean
acquire_and_release (ThredoThread  *thread,
                     gpointer       user_data,
                     GError       **error)
{
  Waiter *self = user_data;

  if (!thredo_lock_acquire (self->lock, self->cancellable, error))
    return FALSE;
  g_atomic_int_inc (&self->n_had);
  return thredo_lock_release (self->lock, error);
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

static void
assert_ended_cancelled (ThredoThread *thread)
{
  g_assert_false (thredo_thread_join (thread, NULL, NULL));
  g_assert_error (thredo_thread_get_error (thread), G_IO_ERROR, G_IO_ERROR_CANCELLED);
}

/* The first one leaves, the second is cancelled and cannot leave yet. Whoever is the
 * third has the lock as soon as it is given back. */
static void
show_third_is_served (gboolean is_task)
{
  g_autoptr(ThredoLock) lock = thredo_lock_new ();
  SlowCancel slow;
  g_autoptr(ThredoThread) first = NULL;
  g_autoptr(ThredoThread) second = NULL;
  g_autoptr(ThredoThread) third = NULL;
  Waiter plain = { lock, NULL, 0 };
  Waiter last = { lock, NULL, 0 };
  Waiter cancelled = { lock, NULL, 0 };
  GAsyncResult *result = NULL;

  slow_cancel_init (&slow);
  cancelled.cancellable = slow.cancellable;
  circle_acquire (lock);
  first = spawn_and_park ("first", acquire_and_release, &plain);
  second = spawn_and_park ("second", acquire_and_release, &cancelled);
  slow_cancel_begin (&slow);
  if (is_task)
    thredo_lock_acquire_async (lock, NULL, support_keep_result, &result);
  else
    third = spawn_and_park ("third", acquire_and_release, &last);

  support_cancel_and_join (first);
  circle_release (lock);
  if (is_task)
    {
      support_iterate_until_result (&result);
      g_assert_true (thredo_lock_acquire_finish (lock, result, NULL));
      g_clear_object (&result);
      circle_release (lock);
    }
  else
    {
      support_join_ok (third);
      g_assert_cmpint (last.n_had, ==, 1);
    }
  g_assert_true (thredo_thread_is_alive (second));
  g_assert_false (thredo_lock_is_locked (lock));

  slow_cancel_end (&slow);
  assert_ended_cancelled (second);
  slow_cancel_clear (&slow);
  g_assert_cmpint (plain.n_had + cancelled.n_had, ==, 0);
}

/* It depends on how long the second has been the first. */
static void
test_line (gconstpointer kind)
{
  guint n_rounds = support_rounds (1000);

  thredo_set_deadlock_policy (THREDO_DEADLOCK_POLICY_FAIL);
  for (guint i = 0; i < n_rounds; i++)
    show_third_is_served (g_str_equal (kind, "task"));
  messages_assert_none ();
}

/* --- who was cancelled waits for nobody ----------------------------------- */

typedef struct
{
  ThredoLock *own;
  ThredoLock *wanted;
  GCancellable *cancellable;
} Holder;

/* Holds one and waits for the other, in vain. */
static gboolean
hold_and_wait (ThredoThread  *thread,
               gpointer       user_data,
               GError       **error)
{
  Holder *self = user_data;
  gboolean ok;

  circle_acquire (self->own);
  ok = thredo_lock_acquire (self->wanted, self->cancellable, error);
  circle_release (self->own);
  return ok;
}

typedef struct
{
  ThredoLock *own;
  GObject *wanted; /* a lock, or a thread to join */
  SupportGate has_own;
  SupportGate go;
} Closer;

static gboolean
get_wanted (GObject  *wanted,
            GError  **error)
{
  if (THREDO_IS_THREAD (wanted))
    return thredo_thread_wait (THREDO_THREAD (wanted), NULL, error);
  if (!thredo_lock_acquire (THREDO_LOCK (wanted), NULL, error))
    return FALSE;
  return thredo_lock_release (THREDO_LOCK (wanted), error);
}

static gboolean
close_circle (ThredoThread  *thread,
              gpointer       user_data,
              GError       **error)
{
  Closer *self = user_data;
  gboolean ok;

  circle_acquire (self->own);
  support_gate_open (&self->has_own);
  support_gate_wait (&self->go);
  ok = get_wanted (self->wanted, error);
  circle_release (self->own);
  return ok;
}

static gboolean
is_not_running (gpointer thread)
{
  return thredo_thread_get_state (thread) != THREDO_THREAD_STATE_RUNNING;
}

/* Though it cannot leave for now, as a handler takes its time, it will. */
static void
test_still_leaving (gconstpointer edge)
{
  g_autoptr(ThredoLock) first = thredo_lock_new ();
  g_autoptr(ThredoLock) second = thredo_lock_new ();
  g_autoptr(ThredoThread) holding = NULL;
  g_autoptr(ThredoThread) closing = NULL;
  SlowCancel slow;
  Holder holder = { first, second, NULL };
  Closer closer = { .own = second };

  thredo_set_deadlock_policy (THREDO_DEADLOCK_POLICY_FAIL);
  slow_cancel_init (&slow);
  holder.cancellable = slow.cancellable;
  support_gate_init (&closer.has_own);
  support_gate_init (&closer.go);
  closing = spawn ("closing", close_circle, &closer);
  support_gate_wait (&closer.has_own);
  holding = spawn_and_park ("holding", hold_and_wait, &holder);
  slow_cancel_begin (&slow);

  closer.wanted = g_str_equal (edge, "join") ? G_OBJECT (holding) : G_OBJECT (first);
  support_gate_open (&closer.go);
  support_wait_for ("the wait that could close a circle", is_not_running, closing);
  g_assert_no_error (thredo_thread_get_error (closing));
  g_assert_true (thredo_thread_is_alive (closing));
  circle_assert_no_deadlock ();
  slow_cancel_end (&slow);
  assert_ended_cancelled (holding);
  support_join_ok (closing);
  messages_assert_none ();
  slow_cancel_clear (&slow);
  support_gate_clear (&closer.has_own);
  support_gate_clear (&closer.go);
}

/* So that what is raced with is sometimes over and sometimes not. */
static void
dawdle (guint round)
{
  int n_steps = (int) (round % 32) * 2000;

  for (volatile int i = 0; i < n_steps; i++)
    ;
}

static void
yield_until_parked (ThredoThread *thread)
{
  for (int i = 0; i < 1000; i++)
    {
      if (thredo_thread_get_state (thread) == THREDO_THREAD_STATE_WAITING)
        return;
      g_thread_yield ();
    }
  support_wait_for_state (thread, THREDO_THREAD_STATE_WAITING);
}

/* To cancel a thread and then to wait for what it holds, or for its end, is no
 * deadlock, however far it has come on its way out. */
static void
test_cancelled (gconstpointer edge)
{
  g_autoptr(ThredoLock) first = thredo_lock_new ();
  g_autoptr(ThredoLock) second = thredo_lock_new ();
  Holder holder = { first, second, NULL };
  guint n_rounds = support_rounds (100000);
  guint n_still_there = 0;

  thredo_set_deadlock_policy (THREDO_DEADLOCK_POLICY_FAIL);
  circle_acquire (second);
  for (guint i = 0; i < n_rounds; i++)
    {
      g_autoptr(ThredoThread) thread = spawn ("holding", hold_and_wait, &holder);
      g_autoptr(GError) error = NULL;
      GObject *wanted = g_str_equal (edge, "join") ? G_OBJECT (thread) : G_OBJECT (first);

      yield_until_parked (thread);
      thredo_thread_cancel (thread);
      dawdle (i);
      if (thredo_lock_is_locked (first))
        n_still_there++;
      get_wanted (wanted, &error);
      g_assert_no_error (error);
      assert_ended_cancelled (thread);
    }
  circle_release (second);
  messages_assert_none ();

  g_test_message ("It was still there in %u of %u", n_still_there, n_rounds);
  if (n_rounds > 1000)
    {
      g_assert_cmpuint (n_still_there, >, 0);
      g_assert_cmpuint (n_still_there, <, n_rounds);
    }
}

/* --- the last references of a report -------------------------------------- */

/* A closes a circle with B. Until that is reported B has gone, and C has what A waits
 * for. The report has the last reference to B, so A runs its weak notify: with what is
 * locked in there A does not wait for C. */
typedef struct
{
  ThredoLock *l1;
  ThredoLock *l2;
  ThredoLock *l9;
  GCancellable *cancellable;
  ThredoThread *a;
  ThredoThread *c;
  SupportGate a_has_l1;
  SupportGate a_goes;
  int b_is_gone;
  int c_has_l2;
  int c_is_done;
  int is_notified;
  GError *c_error;
} LastReference;

/* Set on an OS thread: what is to be set when that ends. */
static void
set_flag (gpointer flag)
{
  g_atomic_int_set ((int *) flag, TRUE);
}

static GPrivate end_of_os_thread = G_PRIVATE_INIT (set_flag);

static gboolean
run_a (ThredoThread  *thread,
       gpointer       user_data,
       GError       **error)
{
  LastReference *self = user_data;

  circle_acquire (self->l1);
  support_gate_open (&self->a_has_l1);
  support_gate_wait (&self->a_goes);
  circle_acquire (self->l2);
  circle_release (self->l2);
  circle_release (self->l1);
  return TRUE;
}

static gboolean
run_b (ThredoThread  *thread,
       gpointer       user_data,
       GError       **error)
{
  LastReference *self = user_data;

  g_private_set (&end_of_os_thread, &self->b_is_gone);
  circle_acquire (self->l2);
  g_assert_false (thredo_lock_acquire (self->l1, self->cancellable, NULL));
  circle_release (self->l2);
  return TRUE;
}

static gboolean
is_a_done (gpointer user_data)
{
  LastReference *self = user_data;

  return g_atomic_int_get (&self->is_notified) ||
         thredo_thread_get_state (self->a) == THREDO_THREAD_STATE_WAITING;
}

static gboolean
run_c (ThredoThread  *thread,
       gpointer       user_data,
       GError       **error)
{
  LastReference *self = user_data;

  circle_acquire (self->l2);
  g_atomic_int_set (&self->c_has_l2, TRUE);
  support_wait_for ("the wait of A, or its notify", is_a_done, self);
  if (thredo_lock_acquire (self->l9, NULL, &self->c_error))
    circle_release (self->l9);
  g_atomic_int_set (&self->c_is_done, TRUE);
  circle_release (self->l2);
  return TRUE;
}

static gboolean
is_c_at_l9 (gpointer user_data)
{
  LastReference *self = user_data;

  return g_atomic_int_get (&self->c_is_done) ||
         thredo_thread_get_state (self->c) == THREDO_THREAD_STATE_WAITING;
}

static void
when_b_is_finalized (gpointer  user_data,
                     GObject  *b)
{
  LastReference *self = user_data;

  g_assert_true (thredo_thread_self () == self->a);
  circle_acquire (self->l9);
  g_atomic_int_set (&self->is_notified, TRUE);
  support_wait_for ("C", is_c_at_l9, self);
  circle_release (self->l9);
}

static void
when_reported (const char     *domain,
               GLogLevelFlags  level,
               const char     *text,
               gpointer        user_data)
{
  LastReference *self = user_data;

  g_assert_true (g_str_has_prefix (text, "Deadlock of 2 threads: 'A' holds"));
  thredo_set_deadlock_policy (THREDO_DEADLOCK_POLICY_FAIL);
  g_cancellable_cancel (self->cancellable);
  support_wait_for_int (&self->b_is_gone, TRUE);
  self->c = spawn ("C", run_c, self);
  support_wait_for_int (&self->c_has_l2, TRUE);
}

static void
test_last_reference (void)
{
  g_autoptr(ThredoLock) l1 = thredo_lock_new ();
  g_autoptr(ThredoLock) l2 = thredo_lock_new ();
  g_autoptr(ThredoLock) l9 = thredo_lock_new ();
  g_autoptr(GCancellable) cancellable = g_cancellable_new ();
  g_autoptr(GError) error = NULL;
  LastReference self = { .l1 = l1, .l2 = l2, .l9 = l9, .cancellable = cancellable };
  ThredoThread *b;
  guint handler;

  thredo_set_deadlock_policy (THREDO_DEADLOCK_POLICY_REPORT);
  handler = g_log_set_handler ("Thredo", G_LOG_LEVEL_WARNING, when_reported, &self);
  support_gate_init (&self.a_has_l1);
  support_gate_init (&self.a_goes);
  self.a = spawn ("A", run_a, &self);
  support_gate_wait (&self.a_has_l1);
  b = thredo_thread_new ("B", run_b, &self, NULL);
  /* Its OS thread is not kept, and its end tells that B is nobody's. */
  thredo_thread_set_stack_size (b, 1024 * 1024);
  g_object_weak_ref (G_OBJECT (b), when_b_is_finalized, &self);
  thredo_thread_start (b, &error);
  g_assert_no_error (error);
  support_wait_for_state (b, THREDO_THREAD_STATE_WAITING);
  g_object_unref (b);

  support_gate_open (&self.a_goes);
  support_join_ok (self.a);
  support_join_ok (self.c);
  g_assert_no_error (self.c_error);
  g_assert_true (self.is_notified);
  g_log_remove_handler ("Thredo", handler);
  messages_assert_none ();
  g_object_unref (self.a);
  g_object_unref (self.c);
  support_gate_clear (&self.a_has_l1);
  support_gate_clear (&self.a_goes);
}

/* --- who comes next on an OS thread --------------------------------------- */

/* Set on an OS thread by what the next one is to come after. */
static _Thread_local gboolean was_here;

typedef struct
{
  ThredoLock *lock; /* left behind, or NULL */
  ThredoEvent *leave;
  int n_looked;
  ThredoThread *next;
  GPtrArray *threads;
} Successors;

static gboolean
look_around (ThredoThread  *thread,
             gpointer       user_data,
             GError       **error)
{
  Successors *self = user_data;

  if (was_here)
    {
      was_here = FALSE;
      if (self->lock != NULL)
        {
          g_autoptr(ThredoThread) owner = thredo_lock_get_owner (self->lock);
          g_autoptr(GError) own = NULL;

          g_assert_null (owner);
          g_assert_false (thredo_lock_is_locked (self->lock));
          g_assert_true (thredo_lock_get_abandoned (self->lock));
          g_assert_false (thredo_lock_release (self->lock, &own));
          support_assert_error (&own, THREDO_ERROR, THREDO_ERROR_NOT_OWNER);
        }
      g_atomic_pointer_set (&self->next, thread);
    }
  g_atomic_int_inc (&self->n_looked);
  return thredo_event_wait (self->leave, NULL, error);
}

/* All stay, so that one of them comes to the OS thread that is looked for as soon as
 * that is done with what it ran. */
static gboolean
has_come (gpointer user_data)
{
  Successors *self = user_data;

  g_ptr_array_add (self->threads, spawn ("next", look_around, self));
  support_wait_for_int (&self->n_looked, (int) self->threads->len);
  return g_atomic_pointer_get (&self->next) != NULL;
}

static void
successors_come (Successors *self,
                 ThredoLock *lock)
{
  *self = (Successors) { .lock = lock,
                        .leave = thredo_event_new (),
                        .threads = g_ptr_array_new_with_free_func (g_object_unref) };
  support_wait_for ("the end of what an OS thread ran", has_come, self);
}

static void
successors_go (Successors *self)
{
  thredo_event_set (self->leave);
  for (guint i = 0; i < self->threads->len; i++)
    support_join_ok (self->threads->pdata[i]);
  g_ptr_array_unref (self->threads);
  g_object_unref (self->leave);
}

static void
assert_abandoned_once (ThredoLock *lock)
{
  g_assert_false (thredo_lock_is_locked (lock));
  circle_acquire (lock);
  g_assert_true (thredo_lock_get_abandoned (lock));
  circle_release (lock);
  g_assert_false (thredo_lock_get_abandoned (lock));
}

static void
assert_left_behind (ThredoLock *lock)
{
  g_autofree char *warning = NULL;
  Successors successors;

  successors_come (&successors, lock);
  warning = messages_take (G_LOG_LEVEL_WARNING);
  g_assert_nonnull (strstr (warning, "ended while it held Lock 'left'; the lock is released"));
  successors_go (&successors);
  messages_assert_none ();
  assert_abandoned_once (lock);
}

static ThredoLock *
lock_to_leave_new (void)
{
  ThredoLock *lock = thredo_lock_new ();

  thredo_lock_set_name (lock, "left");
  return lock;
}

/* The handlers of a scope that is over run on a worker. */
typedef struct
{
  ThredoLock *lock;
  GThread *scope_thread;
  gboolean is_by_scope_thread;
  int n_called;
} Handler;

static void
acquire_in_handler (GCancellable *cancellable,
                    gpointer      user_data)
{
  Handler *self = user_data;
  g_autoptr(ThredoThread) owner = NULL;

  self->is_by_scope_thread = g_thread_self () == self->scope_thread;
  if (self->is_by_scope_thread)
    {
      g_atomic_int_inc (&self->n_called);
      return;
    }

  was_here = TRUE;
  circle_acquire (self->lock);
  owner = thredo_lock_get_owner (self->lock);
  g_assert_nonnull (owner);
  g_assert_true (owner == thredo_thread_self ());
  g_atomic_int_inc (&self->n_called);
}

/* If the scope's own thread is too late to wait, it runs the handlers itself. */
static void
test_left_by_handler (void)
{
  g_autoptr(ThredoLock) lock = lock_to_leave_new ();
  Handler handler = { .lock = lock, .scope_thread = g_thread_self () };
  GTimeSpan timeout = G_TIME_SPAN_MILLISECOND;

  do
    {
      g_autoptr(ThredoScope) scope = thredo_scope_new_with_timeout (timeout);
      g_autoptr(GError) error = NULL;

      g_atomic_int_set (&handler.n_called, 0);
      g_cancellable_connect (thredo_scope_get_cancellable (scope),
                             G_CALLBACK (acquire_in_handler), &handler, NULL);
      thredo_scope_enter (scope);
      g_assert_false (thredo_sleep (SUPPORT_FOREVER, NULL, &error));
      support_assert_timed_out (&error);
      support_wait_for_int (&handler.n_called, 1);
      thredo_scope_leave (scope);
      timeout *= 2;
      g_assert_cmpint (timeout, <, SUPPORT_LIMIT);
    }
  while (handler.is_by_scope_thread);

  assert_left_behind (lock);
}

static void
acquire_in_notify (gpointer lock)
{
  was_here = TRUE;
  circle_acquire (lock);
}

typedef struct
{
  ThredoLock *lock;
  SupportGate is_alone;
} Result;

static gboolean
leave_result (ThredoThread  *thread,
              gpointer       user_data,
              GError       **error)
{
  Result *result = user_data;

  support_gate_wait (&result->is_alone);
  thredo_thread_set_result_pointer (thread, result->lock, acquire_in_notify);
  return TRUE;
}

static void
acquire_in_data_notify (gpointer user_data)
{
  Result *result = user_data;

  acquire_in_notify (result->lock);
}

static void
assert_abandoned_in_notify (gpointer lock)
{
  g_assert_false (thredo_lock_is_locked (lock));
  g_assert_true (thredo_lock_get_abandoned (lock));
}

static gboolean
leave_result_that_looks (ThredoThread  *thread,
                         gpointer       user_data,
                         GError       **error)
{
  Result *result = user_data;

  support_gate_wait (&result->is_alone);
  thredo_thread_set_result_pointer (thread, result->lock, assert_abandoned_in_notify);
  return TRUE;
}

/* Before anybody is told of the end, as the result's notify, which comes right after
 * that, finds it. */
static void
test_left_by_data (void)
{
  g_autoptr(ThredoLock) lock = lock_to_leave_new ();
  g_autoptr(GError) error = NULL;
  Result result = { .lock = lock };
  ThredoThread *thread;

  support_gate_init (&result.is_alone);
  thread = thredo_thread_spawn ("t", leave_result_that_looks, &result, acquire_in_data_notify,
                                &error);
  g_assert_no_error (error);
  g_object_unref (thread);
  support_gate_open (&result.is_alone);
  assert_left_behind (lock);
  support_gate_clear (&result.is_alone);
}

/* The result goes with the thread's last reference, which its OS thread has. */
static void
test_left_by_result (void)
{
  g_autoptr(ThredoLock) lock = lock_to_leave_new ();
  Result result = { .lock = lock };

  support_gate_init (&result.is_alone);
  g_object_unref (spawn ("t", leave_result, &result));
  support_gate_open (&result.is_alone);
  assert_left_behind (lock);
  support_gate_clear (&result.is_alone);
}

static gboolean
sleep_three_times (ThredoThread  *thread,
                   gpointer       user_data,
                   GError       **error)
{
  was_here = TRUE;
  for (int i = 0; i < 3; i++)
    {
      if (!thredo_sleep (1000, NULL, error))
        return FALSE;
    }
  return TRUE;
}

/* The waits are counted from the beginning of the thread, not of its OS thread. */
static void
test_n_waits (void)
{
  g_autoptr(ThredoMonitor) monitor = thredo_monitor_new ();
  g_autoptr(ThredoThread) thread = spawn ("t", sleep_three_times, NULL);
  g_autoptr(GPtrArray) snapshot = NULL;
  Successors successors;
  guint n_found = 0;

  support_join_ok (thread);
  successors_come (&successors, NULL);
  support_wait_for_state (successors.next, THREDO_THREAD_STATE_WAITING);
  snapshot = thredo_monitor_snapshot (monitor);
  for (guint i = 0; i < snapshot->len; i++)
    {
      ThredoThreadInfo *info = snapshot->pdata[i];

      if (thredo_thread_info_get_thread (info) != successors.next)
        continue;
      g_assert_cmpuint (thredo_thread_info_get_n_waits (info), ==, 1);
      n_found++;
    }
  g_assert_cmpuint (n_found, ==, 1);
  successors_go (&successors);
}

/* --- thousands of locks --------------------------------------------------- */

static gboolean
acquire_all (ThredoThread  *thread,
             gpointer       locks,
             GError       **error)
{
  GPtrArray *all = locks;

  for (guint i = 0; i < all->len; i++)
    {
      circle_acquire (all->pdata[i]);
      if (THREDO_IS_RLOCK (all->pdata[i]))
        circle_acquire (all->pdata[i]);
    }
  return TRUE;
}

static gpointer
acquire_all_foreign (gpointer locks)
{
  acquire_all (NULL, locks, NULL);
  return NULL;
}

static GPtrArray *
locks_new (guint n)
{
  GPtrArray *locks = g_ptr_array_new_with_free_func (g_object_unref);

  for (guint i = 0; i < n; i++)
    {
      g_autofree char *name = g_strdup_printf ("l%u", i);

      if (i % 2 == 0)
        g_ptr_array_add (locks, g_object_new (THREDO_TYPE_LOCK, "name", name, NULL));
      else
        g_ptr_array_add (locks, g_object_new (THREDO_TYPE_RLOCK, "name", name, NULL));
    }
  return locks;
}

/* Each is told of once. */
static void
assert_all_told (guint n)
{
  g_autoptr(GHashTable) told = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);

  for (guint i = 0; i < n; i++)
    {
      char *warning = messages_take (G_LOG_LEVEL_WARNING);

      g_assert_nonnull (strstr (warning, "ended while it held"));
      g_assert_true (g_hash_table_add (told, warning));
    }
  messages_assert_none ();
}

static gboolean
is_abandoned (gpointer lockable)
{
  return THREDO_IS_RLOCK (lockable) ? thredo_rlock_get_abandoned (lockable)
                                    : thredo_lock_get_abandoned (lockable);
}

static void
assert_all_abandoned (GPtrArray *locks)
{
  guint n_abandoned = 0;

  for (guint i = 0; i < locks->len; i++)
    {
      if (!thredo_lockable_try_acquire (locks->pdata[i]))
        continue;
      if (is_abandoned (locks->pdata[i]))
        n_abandoned++;
      circle_release (locks->pdata[i]);
      g_assert_false (is_abandoned (locks->pdata[i]));
    }
  g_assert_cmpuint (n_abandoned, ==, locks->len);
}

static void
test_thousands (gconstpointer whose)
{
  g_autoptr(GPtrArray) locks = locks_new (N_HELD);
  g_autoptr(GPtrArray) others = locks_new (10);

  acquire_all (NULL, others, NULL);
  if (g_str_equal (whose, "foreign"))
    {
      g_thread_join (g_thread_new ("t", acquire_all_foreign, locks));
    }
  else
    {
      g_autoptr(ThredoThread) thread = spawn ("t", acquire_all, locks);

      support_join_ok (thread);
    }
  assert_all_told (N_HELD);
  assert_all_abandoned (locks);

  for (guint i = 0; i < others->len; i++)
    {
      g_assert_true (thredo_lockable_is_owned (others->pdata[i]));
      g_assert_false (is_abandoned (others->pdata[i]));
      thredo_lockable_release_all (others->pdata[i]);
    }
}

int
main (int    argc,
      char **argv)
{
  support_init (&argc, &argv);
  messages_init ();

  g_test_add_data_func ("/aftermath/line/task", "task", test_line);
  g_test_add_data_func ("/aftermath/line/thread", "thread", test_line);
  g_test_add_data_func ("/aftermath/still-leaving/lock", "lock", test_still_leaving);
  g_test_add_data_func ("/aftermath/still-leaving/join", "join", test_still_leaving);
  g_test_add_data_func ("/aftermath/cancelled/lock", "lock", test_cancelled);
  g_test_add_data_func ("/aftermath/cancelled/join", "join", test_cancelled);
  g_test_add_func ("/aftermath/last-reference", test_last_reference);
  g_test_add_func ("/aftermath/left/by-handler", test_left_by_handler);
  g_test_add_func ("/aftermath/left/by-data", test_left_by_data);
  g_test_add_func ("/aftermath/left/by-result", test_left_by_result);
  g_test_add_func ("/aftermath/n-waits", test_n_waits);
  g_test_add_data_func ("/aftermath/thousands/thread", "thread", test_thousands);
  g_test_add_data_func ("/aftermath/thousands/foreign", "foreign", test_thousands);

  return g_test_run ();
}
