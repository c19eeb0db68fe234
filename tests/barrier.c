/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "duel.h"

#define N_PARTIES 5

/* --- threads that wait once ----------------------------------------------- */

typedef struct
{
  ThredoBarrier *barrier;
  GCancellable *cancellable;
  ThredoScope *scope;
  gboolean ok;
  guint index;
  ThredoThread *thread;
} Use;

static gboolean
wait_once (ThredoThread  *thread,
           gpointer       user_data,
           GError       **error)
{
  Use *use = user_data;
  g_autoptr(ThredoScopeGuard) guard = NULL;

  if (use->scope != NULL)
    guard = thredo_scope_guard_new (use->scope);
  use->index = G_MAXUINT;
  use->ok = thredo_barrier_wait (use->barrier, &use->index, use->cancellable, error);
  g_assert_true (use->ok == (*error == NULL));
  g_assert_true (use->ok == (use->index != G_MAXUINT));

  return use->ok;
}

static void
use_start (Use *use)
{
  g_autoptr(GError) error = NULL;

  use->thread = thredo_thread_spawn ("user", wait_once, use, NULL, &error);
  g_assert_no_error (error);
}

static void
use_start_and_park (Use *use)
{
  use_start (use);
  support_wait_for_state (use->thread, THREDO_THREAD_STATE_WAITING);
}

static void
uses_start_and_park (Use           *uses,
                     guint          n_uses,
                     ThredoBarrier *barrier)
{
  for (guint i = 0; i < n_uses; i++)
    {
      uses[i] = (Use) { barrier };
      use_start_and_park (&uses[i]);
      g_assert_cmpuint (thredo_barrier_get_n_waiting (barrier), ==, i + 1);
    }
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
use_end_broken (Use *use)
{
  use_end_failed (use, THREDO_ERROR, THREDO_ERROR_BROKEN);
}

static void
assert_broken (ThredoBarrier *barrier)
{
  g_autoptr(GError) error = NULL;
  guint index = 77;

  g_assert_true (thredo_barrier_is_broken (barrier));
  g_assert_cmpuint (thredo_barrier_get_n_waiting (barrier), ==, 0);
  g_assert_false (thredo_barrier_wait (barrier, &index, NULL, &error));
  support_assert_error (&error, THREDO_ERROR, THREDO_ERROR_BROKEN);
  g_assert_cmpuint (index, ==, 77);
}

/* It works, as often as one likes, and nobody keeps it. */
static void
assert_whole (ThredoBarrier *barrier)
{
  guint n_parties = thredo_barrier_get_parties (barrier);
  g_autofree Use *uses = g_new0 (Use, n_parties);

  g_assert_false (thredo_barrier_is_broken (barrier));
  for (int round = 0; round < 3; round++)
    {
      g_assert_cmpuint (thredo_barrier_get_n_waiting (barrier), ==, 0);
      uses_start_and_park (uses, n_parties - 1, barrier);
      uses[n_parties - 1] = (Use) { barrier };
      use_start (&uses[n_parties - 1]);
      for (guint i = 0; i < n_parties; i++)
        {
          use_end_ok (&uses[i]);
          g_assert_cmpuint (uses[i].index, ==, i);
        }
    }
  g_assert_cmpuint (G_OBJECT (barrier)->ref_count, ==, 1);
}

static void
assert_whole_after_reset (ThredoBarrier *barrier)
{
  assert_broken (barrier);
  thredo_barrier_reset (barrier);
  assert_whole (barrier);
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
  g_autoptr(ThredoBarrier) barrier = thredo_barrier_new (3);
  g_autofree char *name = NULL;
  guint parties, n_waiting;
  int n_notified = 0;
  gboolean broken;

  g_assert_true (THREDO_IS_BARRIER (barrier));
  g_assert_cmpuint (thredo_barrier_get_parties (barrier), ==, 3);
  g_assert_null (thredo_barrier_get_name (barrier));
  g_signal_connect (barrier, "notify::name", G_CALLBACK (count_notify), &n_notified);
  thredo_barrier_set_name (barrier, "finish");
  g_assert_cmpstr (thredo_barrier_get_name (barrier), ==, "finish");
  g_assert_cmpint (n_notified, ==, 1);
  g_object_get (barrier, "name", &name, "parties", &parties, "n-waiting", &n_waiting,
                "broken", &broken, NULL);
  g_assert_cmpstr (name, ==, "finish");
  g_assert_cmpuint (parties, ==, 3);
  g_assert_cmpuint (n_waiting, ==, 0);
  g_assert_false (broken);
  assert_whole (barrier);

  thredo_barrier_abort (barrier);
  g_object_get (barrier, "broken", &broken, NULL);
  g_assert_true (broken);
}

static gboolean
succeed (ThredoBarrier  *barrier,
         gpointer        user_data,
         GError        **error)
{
  return TRUE;
}

static void
test_zero (void)
{
  int n_destroyed = 0;

  g_test_expect_message ("Thredo", G_LOG_LEVEL_CRITICAL, "thredo_barrier_new:*failed");
  g_assert_null (thredo_barrier_new (0));
  g_test_expect_message ("Thredo", G_LOG_LEVEL_CRITICAL, "thredo_barrier_new*failed");
  g_assert_null (thredo_barrier_new_with_action (0, succeed, &n_destroyed, support_count_destroy));
  g_test_assert_expected_messages ();
  g_assert_cmpint (n_destroyed, ==, 0);
}

static void
test_one (void)
{
  g_autoptr(ThredoBarrier) barrier = thredo_barrier_new (1);
  g_autoptr(GError) error = NULL;
  guint index = 77;

  for (int i = 0; i < 3; i++)
    {
      g_assert_true (thredo_barrier_wait (barrier, &index, NULL, &error));
      g_assert_no_error (error);
      g_assert_cmpuint (index, ==, 0);
    }
  g_assert_true (thredo_barrier_wait (barrier, NULL, NULL, NULL));
}

static void
test_misuse (void)
{
  g_autoptr(ThredoBarrier) barrier = thredo_barrier_new (2);
  g_autoptr(GObject) other = g_object_new (G_TYPE_OBJECT, NULL);
  g_autoptr(GError) error = NULL;

  g_test_expect_message ("Thredo", G_LOG_LEVEL_CRITICAL, "thredo_barrier_wait:*failed");
  g_assert_false (thredo_barrier_wait (NULL, NULL, NULL, &error));
  g_test_expect_message ("Thredo", G_LOG_LEVEL_CRITICAL, "thredo_barrier_wait:*failed");
  g_assert_false (thredo_barrier_wait (barrier, NULL, (GCancellable *) other, &error));
  g_test_expect_message ("Thredo", G_LOG_LEVEL_CRITICAL, "thredo_barrier_wait_async:*failed");
  thredo_barrier_wait_async ((ThredoBarrier *) other, NULL, NULL, NULL);
  g_test_expect_message ("Thredo", G_LOG_LEVEL_CRITICAL, "thredo_barrier_abort:*failed");
  thredo_barrier_abort (NULL);
  g_test_expect_message ("Thredo", G_LOG_LEVEL_CRITICAL, "thredo_barrier_reset:*failed");
  thredo_barrier_reset (NULL);
  g_test_assert_expected_messages ();
  g_assert_no_error (error);
  assert_whole (barrier);
}

/* --- waiting -------------------------------------------------------------- */

static void
test_waiting_for (void)
{
  g_autoptr(ThredoBarrier) barrier = thredo_barrier_new (2);
  Use use = { barrier };

  use_start (&use);
  support_wait_for_wait (use.thread, "wait on Barrier");
  thredo_barrier_set_name (barrier, "b");
  support_wait_for_wait (use.thread, "wait on Barrier 'b'");
  g_assert_true (thredo_barrier_wait (barrier, NULL, NULL, NULL));
  use_end_ok (&use);
}

static void
test_order (void)
{
  g_autoptr(ThredoBarrier) barrier = thredo_barrier_new (N_PARTIES);

  assert_whole (barrier);
}

/* Nobody is ahead of anybody by more than a round. */
typedef struct
{
  ThredoBarrier *barrier;
  guint n_rounds;
  int n_done;
  guint8 *seen;
} Crowd;

static gboolean
go_with_crowd (ThredoThread  *thread,
               gpointer       user_data,
               GError       **error)
{
  Crowd *crowd = user_data;
  guint index;

  for (guint i = 0; i < crowd->n_rounds; i++)
    {
      g_atomic_int_inc (&crowd->n_done);
      if (!thredo_barrier_wait (crowd->barrier, &index, NULL, error))
        return FALSE;
      g_assert_cmpint (g_atomic_int_get (&crowd->n_done), >=, (i + 1) * N_PARTIES);
      g_assert_cmpint (g_atomic_int_get (&crowd->n_done), <, (i + 2) * N_PARTIES);
      crowd->seen[i * N_PARTIES + index]++;
    }
  return TRUE;
}

static void
test_crowd (void)
{
  g_autoptr(ThredoBarrier) barrier = thredo_barrier_new (N_PARTIES);
  Crowd crowd = { barrier, support_rounds (20000), 0, NULL };
  ThredoThread *threads[N_PARTIES];

  crowd.seen = g_new0 (guint8, crowd.n_rounds * N_PARTIES);
  for (int i = 0; i < N_PARTIES; i++)
    threads[i] = thredo_thread_spawn ("member", go_with_crowd, &crowd, NULL, NULL);
  for (int i = 0; i < N_PARTIES; i++)
    {
      support_join_ok (threads[i]);
      g_object_unref (threads[i]);
    }
  /* In each round each index once. */
  for (guint i = 0; i < crowd.n_rounds * N_PARTIES; i++)
    g_assert_cmpint (crowd.seen[i], ==, 1);
  g_free (crowd.seen);
  assert_whole (barrier);
}

/* --- the action ----------------------------------------------------------- */

typedef struct
{
  int n_called;
  int n_destroyed;
  GThread *called_by;
  GError *error;
  gboolean fails;
  SupportGate *entered;
  SupportGate *gate;
  void (*during) (ThredoBarrier *barrier);
} Action;

static gboolean
run_action (ThredoBarrier  *barrier,
            gpointer        user_data,
            GError        **error)
{
  Action *action = user_data;

  /* Nothing of the barrier's is locked. */
  g_assert_false (thredo_barrier_is_broken (barrier));
  g_assert_cmpuint (thredo_barrier_get_n_waiting (barrier), ==, 0);
  action->called_by = g_thread_self ();
  g_atomic_int_inc (&action->n_called);
  if (action->entered != NULL)
    support_gate_open (action->entered);
  if (action->gate != NULL)
    support_gate_wait (action->gate);
  if (action->during != NULL)
    action->during (barrier);
  if (action->error != NULL)
    g_propagate_error (error, g_error_copy (action->error));

  return action->error == NULL && !action->fails;
}

static void
destroy_action (gpointer user_data)
{
  Action *action = user_data;

  g_atomic_int_inc (&action->n_destroyed);
}

static ThredoBarrier *
barrier_new (guint   parties,
             Action *action)
{
  return thredo_barrier_new_with_action (parties, run_action, action, destroy_action);
}

static void
test_action (void)
{
  Action action = { 0 };
  ThredoBarrier *barrier = barrier_new (N_PARTIES, &action);
  Use uses[N_PARTIES - 1];
  g_autoptr(GError) error = NULL;
  guint index;

  for (int round = 1; round <= 3; round++)
    {
      uses_start_and_park (uses, N_PARTIES - 1, barrier);
      g_assert_cmpint (action.n_called, ==, round - 1);
      g_assert_true (thredo_barrier_wait (barrier, &index, NULL, &error));
      g_assert_no_error (error);
      g_assert_cmpuint (index, ==, N_PARTIES - 1);
      g_assert_cmpint (action.n_called, ==, round);
      g_assert_true (action.called_by == g_thread_self ());
      for (int i = 0; i < N_PARTIES - 1; i++)
        use_end_ok (&uses[i]);
    }
  g_assert_cmpint (action.n_destroyed, ==, 0);
  g_object_unref (barrier);
  g_assert_cmpint (action.n_destroyed, ==, 1);
}

static void
test_action_null (void)
{
  int n_destroyed = 0;
  ThredoBarrier *barrier = thredo_barrier_new_with_action (2, NULL, &n_destroyed,
                                                           support_count_destroy);

  assert_whole (barrier);
  g_object_unref (barrier);
  g_assert_cmpint (n_destroyed, ==, 1);
}

static void
test_action_fails (void)
{
  Action action = { 0 };
  g_autoptr(ThredoBarrier) barrier = barrier_new (N_PARTIES, &action);
  Use uses[N_PARTIES - 1];
  g_autoptr(GError) error = NULL;
  guint index = 77;

  for (int round = 0; round < 2; round++)
    {
      action.error = round == 0 ? g_error_new (G_IO_ERROR, G_IO_ERROR_NO_SPACE, "No space") : NULL;
      action.fails = TRUE;
      uses_start_and_park (uses, N_PARTIES - 1, barrier);
      g_assert_false (thredo_barrier_wait (barrier, &index, NULL, &error));
      if (round == 0)
        support_assert_error (&error, G_IO_ERROR, G_IO_ERROR_NO_SPACE);
      else
        support_assert_error (&error, THREDO_ERROR, THREDO_ERROR_FAILED);
      g_assert_cmpuint (index, ==, 77);
      for (int i = 0; i < N_PARTIES - 1; i++)
        use_end_broken (&uses[i]);
      g_clear_error (&action.error);
      action.fails = FALSE;
      assert_whole_after_reset (barrier);
    }
}

/* While an action runs: the others of its time wait in `uses`, and one runs it. */
typedef struct
{
  Action action;
  SupportGate entered;
  SupportGate gate;
  ThredoBarrier *barrier;
  Use uses[N_PARTIES];
} Running;

static void
running_begin (Running *running)
{
  *running = (Running) { 0 };
  support_gate_init (&running->entered);
  support_gate_init (&running->gate);
  running->action.entered = &running->entered;
  running->action.gate = &running->gate;
  running->barrier = barrier_new (N_PARTIES, &running->action);
  uses_start_and_park (running->uses, N_PARTIES - 1, running->barrier);
  running->uses[N_PARTIES - 1] = (Use) { running->barrier };
  use_start (&running->uses[N_PARTIES - 1]);
  support_gate_wait (&running->entered);
}

static void
running_end (Running *running)
{
  assert_whole (running->barrier);
  g_object_unref (running->barrier);
  g_assert_cmpint (running->action.n_destroyed, ==, 1);
  support_gate_clear (&running->entered);
  support_gate_clear (&running->gate);
}

/* Those who come meanwhile belong to the next time. */
static void
test_action_and_next (void)
{
  Use next[N_PARTIES - 1];
  Running running;

  running_begin (&running);
  uses_start_and_park (next, N_PARTIES - 1, running.barrier);
  for (int i = 0; i < N_PARTIES - 1; i++)
    g_assert_cmpint (thredo_thread_get_state (running.uses[i].thread), ==,
                     THREDO_THREAD_STATE_WAITING);
  support_gate_open (&running.gate);
  for (int i = 0; i < N_PARTIES; i++)
    use_end_ok (&running.uses[i]);
  g_assert_cmpuint (thredo_barrier_get_n_waiting (running.barrier), ==, N_PARTIES - 1);
  for (int i = 0; i < N_PARTIES - 1; i++)
    g_assert_cmpint (thredo_thread_get_state (next[i].thread), ==, THREDO_THREAD_STATE_WAITING);
  g_assert_true (thredo_barrier_wait (running.barrier, NULL, NULL, NULL));
  for (int i = 0; i < N_PARTIES - 1; i++)
    {
      use_end_ok (&next[i]);
      g_assert_cmpuint (next[i].index, ==, i);
    }
  g_assert_cmpint (running.action.n_called, ==, 2);
  running_end (&running);
}

/* A cancel, by then, is too late to break anything. */
static void
test_action_cancelled (void)
{
  Running running;

  running_begin (&running);
  thredo_thread_cancel (running.uses[1].thread);
  use_end_failed (&running.uses[1], G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_assert_false (thredo_barrier_is_broken (running.barrier));
  support_gate_open (&running.gate);
  for (int i = 0; i < N_PARTIES; i++)
    if (i != 1)
      use_end_ok (&running.uses[i]);
  running_end (&running);
}

/* One of the next time breaks that, and not the one before. */
static void
test_action_and_next_cancelled (void)
{
  Use next[2];
  Running running;

  running_begin (&running);
  uses_start_and_park (next, 2, running.barrier);
  thredo_thread_cancel (next[0].thread);
  use_end_failed (&next[0], G_IO_ERROR, G_IO_ERROR_CANCELLED);
  use_end_broken (&next[1]);
  support_gate_open (&running.gate);
  for (int i = 0; i < N_PARTIES; i++)
    use_end_ok (&running.uses[i]);
  assert_broken (running.barrier);
  thredo_barrier_reset (running.barrier);
  running_end (&running);
}

static void
test_action_aborted (void)
{
  Running running;

  running_begin (&running);
  thredo_barrier_abort (running.barrier);
  for (int i = 0; i < N_PARTIES - 1; i++)
    use_end_broken (&running.uses[i]);
  support_gate_open (&running.gate);
  use_end_broken (&running.uses[N_PARTIES - 1]);
  assert_broken (running.barrier);
  thredo_barrier_reset (running.barrier);
  running_end (&running);
}

/* What comes of the action then concerns nobody but the one who runs it. */
static void
test_action_reset (void)
{
  Running running;
  Use next;

  running_begin (&running);
  thredo_barrier_reset (running.barrier);
  for (int i = 0; i < N_PARTIES - 1; i++)
    use_end_broken (&running.uses[i]);
  uses_start_and_park (&next, 1, running.barrier);
  running.action.error = g_error_new (G_IO_ERROR, G_IO_ERROR_NO_SPACE, "No space");
  support_gate_open (&running.gate);
  use_end_failed (&running.uses[N_PARTIES - 1], G_IO_ERROR, G_IO_ERROR_NO_SPACE);
  g_clear_error (&running.action.error);
  g_assert_false (thredo_barrier_is_broken (running.barrier));
  g_assert_cmpint (thredo_thread_get_state (next.thread), ==, THREDO_THREAD_STATE_WAITING);
  thredo_barrier_reset (running.barrier);
  use_end_broken (&next);
  running_end (&running);
}

static void
test_action_aborts (void)
{
  Action action = { .during = thredo_barrier_abort };
  g_autoptr(ThredoBarrier) barrier = barrier_new (2, &action);
  Use use = { barrier };
  g_autoptr(GError) error = NULL;

  use_start_and_park (&use);
  g_assert_false (thredo_barrier_wait (barrier, NULL, NULL, &error));
  support_assert_error (&error, THREDO_ERROR, THREDO_ERROR_BROKEN);
  use_end_broken (&use);
  action.during = NULL;
  assert_whole_after_reset (barrier);
}

/* The action may itself wait, and be cancelled. */
static gboolean
sleep_in_action (ThredoBarrier  *barrier,
                 gpointer        user_data,
                 GError        **error)
{
  return thredo_sleep (SUPPORT_FOREVER, NULL, error);
}

static void
test_action_waits (void)
{
  g_autoptr(ThredoBarrier) barrier = NULL;
  Use uses[2];

  barrier = thredo_barrier_new_with_action (2, sleep_in_action, NULL, NULL);
  uses_start_and_park (uses, 1, barrier);
  uses[1] = (Use) { barrier };
  use_start (&uses[1]);
  support_wait_for_wait (uses[1].thread, "sleep");
  support_wait_for_wait (uses[0].thread, "wait on Barrier");
  thredo_thread_cancel (uses[1].thread);
  use_end_failed (&uses[1], G_IO_ERROR, G_IO_ERROR_CANCELLED);
  use_end_broken (&uses[0]);
  assert_broken (barrier);
}

/* --- waits that do not happen --------------------------------------------- */

static void
run_broken_by (ThredoBarrier *barrier,
               Use *culprit,
               void (*break_it) (Use *culprit),
               GIOErrorEnum code)
{
  Use uses[N_PARTIES - 2];

  uses_start_and_park (uses, N_PARTIES - 2, barrier);
  use_start (culprit);
  if (break_it != NULL)
    {
      support_wait_for_state (culprit->thread, THREDO_THREAD_STATE_WAITING);
      break_it (culprit);
    }
  use_end_failed (culprit, G_IO_ERROR, code);
  for (int i = 0; i < N_PARTIES - 2; i++)
    use_end_broken (&uses[i]);
  assert_whole_after_reset (barrier);
}

static void
cancel_thread (Use *use)
{
  thredo_thread_cancel (use->thread);
}

static void
cancel_cancellable (Use *use)
{
  g_cancellable_cancel (use->cancellable);
}

static void
cancel_scope (Use *use)
{
  thredo_scope_cancel (use->scope);
}

static void
test_cancelled (void)
{
  g_autoptr(ThredoBarrier) barrier = thredo_barrier_new (N_PARTIES);
  Use use = { barrier };

  run_broken_by (barrier, &use, cancel_thread, G_IO_ERROR_CANCELLED);
}

static void
test_first_cancelled (void)
{
  g_autoptr(ThredoBarrier) barrier = thredo_barrier_new (N_PARTIES);
  Use uses[N_PARTIES - 1];

  uses_start_and_park (uses, N_PARTIES - 1, barrier);
  thredo_thread_cancel (uses[0].thread);
  use_end_failed (&uses[0], G_IO_ERROR, G_IO_ERROR_CANCELLED);
  for (int i = 1; i < N_PARTIES - 1; i++)
    use_end_broken (&uses[i]);
  assert_whole_after_reset (barrier);
}

static void
test_cancellable (void)
{
  g_autoptr(ThredoBarrier) barrier = thredo_barrier_new (N_PARTIES);
  g_autoptr(GCancellable) cancellable = g_cancellable_new ();
  Use use = { barrier, .cancellable = cancellable };

  run_broken_by (barrier, &use, cancel_cancellable, G_IO_ERROR_CANCELLED);
}

static void
test_scope_cancelled (void)
{
  g_autoptr(ThredoBarrier) barrier = thredo_barrier_new (N_PARTIES);
  g_autoptr(ThredoScope) scope = thredo_scope_new ();
  Use use = { barrier, .scope = scope };

  run_broken_by (barrier, &use, cancel_scope, G_IO_ERROR_CANCELLED);
}

static void
test_deadline (void)
{
  g_autoptr(ThredoBarrier) barrier = thredo_barrier_new (N_PARTIES);
  g_autoptr(ThredoScope) scope = thredo_scope_new_with_timeout (2000);
  Use use = { barrier, .scope = scope };

  run_broken_by (barrier, &use, NULL, G_IO_ERROR_TIMED_OUT);
}

/* One who is cancelled before it has arrived will not come either. */
static void
test_cancelled_before (void)
{
  g_autoptr(ThredoBarrier) barrier = thredo_barrier_new (N_PARTIES);
  g_autoptr(GCancellable) cancellable = g_cancellable_new ();
  Use use = { barrier, .cancellable = cancellable };

  g_cancellable_cancel (cancellable);
  run_broken_by (barrier, &use, NULL, G_IO_ERROR_CANCELLED);
}

/* Also where it would not have waited. */
static void
test_last_cancelled_before (void)
{
  Action action = { 0 };
  g_autoptr(ThredoBarrier) barrier = barrier_new (2, &action);
  g_autoptr(ThredoScope) scope = thredo_scope_new_with_timeout (0);
  Use use = { barrier };
  Use last = { barrier, .scope = scope };

  use_start_and_park (&use);
  use_start (&last);
  use_end_failed (&last, G_IO_ERROR, G_IO_ERROR_TIMED_OUT);
  use_end_broken (&use);
  g_assert_cmpint (action.n_called, ==, 0);
  assert_whole_after_reset (barrier);
}

/* A cancel goes before all else. */
static void
test_cancelled_and_broken (void)
{
  g_autoptr(ThredoBarrier) barrier = thredo_barrier_new (2);
  g_autoptr(GCancellable) cancellable = g_cancellable_new ();
  g_autoptr(GError) error = NULL;

  thredo_barrier_abort (barrier);
  g_cancellable_cancel (cancellable);
  g_assert_false (thredo_barrier_wait (barrier, NULL, cancellable, &error));
  support_assert_cancelled (&error);
  assert_whole_after_reset (barrier);
}

static void
test_shielded (void)
{
  g_autoptr(ThredoBarrier) barrier = thredo_barrier_new (2);
  g_autoptr(ThredoScope) scope = thredo_scope_new_shielded ();
  Use use = { barrier, .scope = scope };

  use_start_and_park (&use);
  thredo_thread_cancel (use.thread);
  g_assert_cmpint (thredo_thread_get_state (use.thread), ==, THREDO_THREAD_STATE_WAITING);
  g_assert_true (thredo_barrier_wait (barrier, NULL, NULL, NULL));
  thredo_thread_wait (use.thread, NULL, NULL);
  g_assert_true (use.ok);
  g_clear_object (&use.thread);
  assert_whole (barrier);
}

static void
test_abort (void)
{
  g_autoptr(ThredoBarrier) barrier = thredo_barrier_new (N_PARTIES);
  Use uses[N_PARTIES - 1];

  uses_start_and_park (uses, N_PARTIES - 1, barrier);
  thredo_barrier_abort (barrier);
  thredo_barrier_abort (barrier);
  for (int i = 0; i < N_PARTIES - 1; i++)
    use_end_broken (&uses[i]);
  assert_whole_after_reset (barrier);
}

static void
test_reset (void)
{
  g_autoptr(ThredoBarrier) barrier = thredo_barrier_new (N_PARTIES);
  Use uses[N_PARTIES - 1];

  thredo_barrier_reset (barrier);
  assert_whole (barrier);
  uses_start_and_park (uses, N_PARTIES - 1, barrier);
  thredo_barrier_reset (barrier);
  for (int i = 0; i < N_PARTIES - 1; i++)
    use_end_broken (&uses[i]);
  assert_whole (barrier);
}

typedef struct
{
  ThredoBarrier *barrier;
  gboolean done;
} LoopCall;

static gboolean
wait_on_loop (gpointer user_data)
{
  LoopCall *call = user_data;
  g_autoptr(GError) error = NULL;

  g_assert_false (thredo_barrier_wait (call->barrier, NULL, NULL, &error));
  support_assert_error (&error, THREDO_ERROR, THREDO_ERROR_LOOP_THREAD);
  g_atomic_int_set (&call->done, TRUE);

  return G_SOURCE_REMOVE;
}

/* It is not one of the members: nothing breaks. */
static void
test_on_loop_thread (void)
{
  g_autoptr(ThredoBarrier) barrier = thredo_barrier_new (2);
  LoopCall call = { barrier, FALSE };
  Use use = { barrier };

  use_start_and_park (&use);
  g_main_context_invoke (thredo_get_main_context (), wait_on_loop, &call);
  support_wait_for_int (&call.done, TRUE);
  g_assert_false (thredo_barrier_is_broken (barrier));
  g_assert_true (thredo_barrier_wait (barrier, NULL, NULL, NULL));
  use_end_ok (&use);
}

/* --- dropping one --------------------------------------------------------- */

static gboolean
wait_and_set (ThredoThread  *thread,
              gpointer       user_data,
              GError       **error)
{
  gpointer *shared = user_data;
  gboolean ok = thredo_barrier_wait (shared[0], NULL, NULL, error);

  thredo_event_set (shared[1]);
  return ok;
}

/* Whoever waits keeps it. */
static void
test_drop_waited_for (void)
{
  Action action = { 0 };
  ThredoBarrier *barrier = barrier_new (2, &action);
  g_autoptr(ThredoEvent) left = thredo_event_new ();
  gpointer shared[] = { barrier, left };
  g_autoptr(ThredoThread) thread = NULL;
  g_autoptr(GError) error = NULL;

  thread = thredo_thread_spawn ("waiter", wait_and_set, shared, NULL, &error);
  g_assert_no_error (error);
  support_wait_for_state (thread, THREDO_THREAD_STATE_WAITING);
  g_object_unref (barrier);
  g_assert_cmpint (action.n_destroyed, ==, 0);
  support_wait_for_wait (thread, "wait on Barrier");
  thredo_thread_cancel (thread);
  g_assert_true (thredo_event_wait (left, NULL, &error));
  g_assert_cmpint (action.n_destroyed, ==, 1);
  thredo_thread_wait (thread, NULL, NULL);
}

/* --- without blocking ----------------------------------------------------- */

static void
finish_ok (ThredoBarrier  *barrier,
           GAsyncResult  **result,
           guint           index)
{
  g_autoptr(GError) error = NULL;
  guint got = 77;

  support_iterate_until_result (result);
  g_assert_true (thredo_barrier_wait_finish (barrier, *result, &got, &error));
  g_assert_no_error (error);
  g_assert_cmpuint (got, ==, index);
  g_assert_true (G_IS_TASK (*result));
  g_clear_object (result);
}

static void
finish_failed (ThredoBarrier  *barrier,
               GAsyncResult  **result,
               GQuark          domain,
               int             code)
{
  g_autoptr(GError) error = NULL;
  guint got = 77;

  support_iterate_until_result (result);
  g_assert_false (thredo_barrier_wait_finish (barrier, *result, &got, &error));
  support_assert_error (&error, domain, code);
  g_assert_cmpuint (got, ==, 77);
  g_clear_object (result);
}

static void
test_async (void)
{
  Action action = { 0 };
  g_autoptr(ThredoBarrier) barrier = barrier_new (4, &action);
  GAsyncResult *results[4] = { NULL };
  Use use = { barrier };

  /* A thread among tasks. */
  for (int i = 0; i < 2; i++)
    thredo_barrier_wait_async (barrier, NULL, support_keep_result, &results[i]);
  use_start_and_park (&use);
  g_assert_cmpuint (thredo_barrier_get_n_waiting (barrier), ==, 3);
  g_assert_cmpint (action.n_called, ==, 0);
  thredo_barrier_wait_async (barrier, NULL, support_keep_result, &results[3]);
  g_assert_cmpint (action.n_called, ==, 1);
  g_assert_true (action.called_by == g_thread_self ());
  g_assert_null (results[3]);
  use_end_ok (&use);
  g_assert_cmpuint (use.index, ==, 2);
  finish_ok (barrier, &results[0], 0);
  finish_ok (barrier, &results[1], 1);
  finish_ok (barrier, &results[3], 3);

  /* And a thread last. */
  for (int i = 0; i < 3; i++)
    thredo_barrier_wait_async (barrier, NULL, support_keep_result, &results[i]);
  use_start (&use);
  use_end_ok (&use);
  g_assert_cmpuint (use.index, ==, 3);
  g_assert_cmpint (action.n_called, ==, 2);
  for (int i = 0; i < 3; i++)
    finish_ok (barrier, &results[i], i);
  assert_whole (barrier);
}

static void
test_async_cancelled (void)
{
  g_autoptr(ThredoBarrier) barrier = thredo_barrier_new (4);
  g_autoptr(GCancellable) cancellable = g_cancellable_new ();
  GAsyncResult *cancelled = NULL;
  GAsyncResult *other = NULL;
  Use use = { barrier };

  thredo_barrier_wait_async (barrier, cancellable, support_keep_result, &cancelled);
  thredo_barrier_wait_async (barrier, NULL, support_keep_result, &other);
  use_start_and_park (&use);
  g_cancellable_cancel (cancellable);
  finish_failed (barrier, &cancelled, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  finish_failed (barrier, &other, THREDO_ERROR, THREDO_ERROR_BROKEN);
  use_end_broken (&use);
  thredo_barrier_wait_async (barrier, NULL, support_keep_result, &other);
  finish_failed (barrier, &other, THREDO_ERROR, THREDO_ERROR_BROKEN);
  assert_whole_after_reset (barrier);

  /* Before it has arrived. */
  use_start_and_park (&use);
  thredo_barrier_wait_async (barrier, cancellable, support_keep_result, &cancelled);
  finish_failed (barrier, &cancelled, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  use_end_broken (&use);
  assert_whole_after_reset (barrier);
}

static void
test_async_cancelled_late (void)
{
  g_autoptr(ThredoBarrier) barrier = thredo_barrier_new (2);
  g_autoptr(GCancellable) cancellable = g_cancellable_new ();
  GAsyncResult *results[2] = { NULL };

  thredo_barrier_wait_async (barrier, cancellable, support_keep_result, &results[0]);
  thredo_barrier_wait_async (barrier, cancellable, support_keep_result, &results[1]);
  g_cancellable_cancel (cancellable);
  finish_ok (barrier, &results[0], 0);
  finish_ok (barrier, &results[1], 1);
  assert_whole (barrier);
}

static void
test_async_action_fails (void)
{
  Action action = { 0 };
  g_autoptr(ThredoBarrier) barrier = barrier_new (2, &action);
  GAsyncResult *results[2] = { NULL };

  action.error = g_error_new (G_IO_ERROR, G_IO_ERROR_NO_SPACE, "No space");
  for (int i = 0; i < 2; i++)
    thredo_barrier_wait_async (barrier, NULL, support_keep_result, &results[i]);
  finish_failed (barrier, &results[0], THREDO_ERROR, THREDO_ERROR_BROKEN);
  finish_failed (barrier, &results[1], G_IO_ERROR, G_IO_ERROR_NO_SPACE);
  g_clear_error (&action.error);
  assert_whole_after_reset (barrier);
}

static void
test_async_dropped (void)
{
  Action action = { 0 };
  ThredoBarrier *barrier = barrier_new (2, &action);
  g_autoptr(GCancellable) cancellable = g_cancellable_new ();
  GAsyncResult *result = NULL;

  thredo_barrier_wait_async (barrier, cancellable, support_keep_result, &result);
  g_object_unref (barrier);
  g_assert_cmpint (action.n_destroyed, ==, 0);
  g_cancellable_cancel (cancellable);
  finish_failed (barrier, &result, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  support_wait_for_int (&action.n_destroyed, 1);
}

/* --- all or none ---------------------------------------------------------- */

typedef struct
{
  ThredoBarrier *barrier;
  int n_called;
  gboolean ok[3];
  guint index[3];
  GError *error[3];
  GCancellable *cancellable;
  ThredoScope *scope;
  guint n_not_told; /* who passed though it was cancelled before that */
} Contest;

enum
{
  CANCELLED,
  LAST,
  OTHER,
};

static void
prepare_contest (Duel *duel)
{
  Contest *contest = duel->data;

  contest->n_called = 0;
  if (duel->round % 2)
    {
      contest->scope = thredo_scope_new ();
      thredo_scope_enter (contest->scope);
    }
  else
    {
      contest->cancellable = g_cancellable_new ();
    }
}

static void
prepare_contest_async (Duel *duel)
{
  Contest *contest = duel->data;

  contest->n_called = 0;
  contest->cancellable = g_cancellable_new ();
}

static void
wait_in_contest (Duel         *duel,
                 int           who,
                 GCancellable *cancellable)
{
  Contest *contest = duel->data;

  contest->ok[who] = thredo_barrier_wait (contest->barrier, &contest->index[who], cancellable,
                                          &contest->error[who]);
}

static void
wait_to_be_cancelled (Duel *duel)
{
  wait_in_contest (duel, CANCELLED, ((Contest *) duel->data)->cancellable);
}

static void
wait_to_be_cancelled_async (Duel *duel)
{
  Contest *contest = duel->data;
  g_autoptr(GMainContext) context = g_main_context_new ();
  GAsyncResult *result = NULL;

  g_main_context_push_thread_default (context);
  thredo_barrier_wait_async (contest->barrier, contest->cancellable, support_keep_result, &result);
  while (result == NULL)
    g_main_context_iteration (context, TRUE);
  contest->ok[CANCELLED] = thredo_barrier_wait_finish (contest->barrier, result,
                                                       &contest->index[CANCELLED],
                                                       &contest->error[CANCELLED]);
  g_object_unref (result);
  g_main_context_pop_thread_default (context);
}

static void
arrive (Duel *duel)
{
  wait_in_contest (duel, LAST, NULL);
}

static void
wait_too (Duel *duel)
{
  wait_in_contest (duel, OTHER, NULL);
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
end_cancel (Contest *contest)
{
  g_autoptr(GError) error = NULL;

  g_assert_false (thredo_check_cancelled (contest->cancellable, &error));
  support_assert_cancelled (&error);
  if (contest->scope != NULL)
    thredo_scope_leave (contest->scope);
  g_clear_object (&contest->scope);
  g_clear_object (&contest->cancellable);
}

static DuelSide
judge_contest (Duel *duel)
{
  Contest *contest = duel->data;
  guint n_parties = thredo_barrier_get_parties (contest->barrier);
  guint indexes = 0;
  gboolean passed = contest->ok[LAST];

  end_cancel (contest);
  for (guint i = CANCELLED; i < n_parties; i++)
    {
      g_assert_cmpint (contest->ok[i], ==, passed);
      if (passed)
        {
          g_assert_no_error (contest->error[i]);
          indexes |= 1 << contest->index[i];
        }
      else if (i == CANCELLED)
        {
          support_assert_cancelled (&contest->error[i]);
        }
      else
        {
          support_assert_error (&contest->error[i], THREDO_ERROR, THREDO_ERROR_BROKEN);
        }
    }
  g_assert_cmpint (thredo_barrier_is_broken (contest->barrier), ==, !passed);
  g_assert_cmpuint (thredo_barrier_get_n_waiting (contest->barrier), ==, 0);
  if (passed)
    g_assert_cmpuint (indexes, ==, (1 << n_parties) - 1);
  else
    thredo_barrier_reset (contest->barrier);

  return passed ? DUEL_RIGHT : DUEL_LEFT;
}

static gboolean
count_action (ThredoBarrier  *barrier,
              gpointer        user_data,
              GError        **error)
{
  Contest *contest = user_data;

  contest->n_called++;
  return TRUE;
}

/* With an action there is a third thing that can happen: while it runs, the others
 * pass, and the one who is cancelled does not. */
static DuelSide
judge_contest_with_action (Duel *duel)
{
  Contest *contest = duel->data;

  g_assert_cmpint (contest->n_called, ==, contest->ok[LAST]);
  if (!contest->ok[LAST] || contest->ok[CANCELLED])
    return judge_contest (duel);

  end_cancel (contest);
  support_assert_cancelled (&contest->error[CANCELLED]);
  g_assert_true (contest->ok[OTHER]);
  g_assert_false (thredo_barrier_is_broken (contest->barrier));
  g_assert_cmpuint (thredo_barrier_get_n_waiting (contest->barrier), ==, 0);
  contest->n_not_told++;

  return DUEL_RIGHT;
}

static void
run_contest (const DuelKind    *kind,
             guint              n_parties,
             ThredoBarrierFunc  action)
{
  Contest contest = { 0 };

  contest.barrier = thredo_barrier_new_with_action (n_parties, action, &contest, NULL);
  duel_run (kind, &contest);
  if (action != NULL)
    g_test_message ("%u were cancelled while the action ran", contest.n_not_told);
  g_assert_cmpuint (G_OBJECT (contest.barrier)->ref_count, ==, 1);
  g_object_unref (contest.barrier);
}

static const DuelKind of_two = {
  .prepare = prepare_contest,
  .wait = wait_to_be_cancelled,
  .left = cancel_contest,
  .right = arrive,
  .judge = judge_contest,
};

static const DuelKind of_three = {
  .prepare = prepare_contest,
  .wait = wait_to_be_cancelled,
  .left = cancel_contest,
  .right = arrive,
  .behind = wait_too,
  .judge = judge_contest,
};

static const DuelKind with_action = {
  .prepare = prepare_contest,
  .wait = wait_to_be_cancelled,
  .left = cancel_contest,
  .right = arrive,
  .behind = wait_too,
  .judge = judge_contest_with_action,
};

static const DuelKind of_a_task = {
  .prepare = prepare_contest_async,
  .wait = wait_to_be_cancelled_async,
  .left = cancel_contest,
  .right = arrive,
  .judge = judge_contest,
  .never_parks = TRUE,
};

static void
test_race_of_two (void)
{
  run_contest (&of_two, 2, NULL);
}

static void
test_race_of_three (void)
{
  run_contest (&of_three, 3, NULL);
}

static void
test_race_with_action (void)
{
  run_contest (&with_action, 3, count_action);
}

static void
test_race_of_a_task (void)
{
  run_contest (&of_a_task, 2, NULL);
}

int
main (int    argc,
      char **argv)
{
  support_init (&argc, &argv);

  g_test_add_func ("/barrier/new", test_new);
  g_test_add_func ("/barrier/zero", test_zero);
  g_test_add_func ("/barrier/one", test_one);
  g_test_add_func ("/barrier/misuse", test_misuse);
  g_test_add_func ("/barrier/wait/waiting-for", test_waiting_for);
  g_test_add_func ("/barrier/wait/order", test_order);
  g_test_add_func ("/barrier/wait/crowd", test_crowd);
  g_test_add_func ("/barrier/wait/cancelled", test_cancelled);
  g_test_add_func ("/barrier/wait/first-cancelled", test_first_cancelled);
  g_test_add_func ("/barrier/wait/cancellable", test_cancellable);
  g_test_add_func ("/barrier/wait/scope-cancelled", test_scope_cancelled);
  g_test_add_func ("/barrier/wait/deadline", test_deadline);
  g_test_add_func ("/barrier/wait/cancelled-before", test_cancelled_before);
  g_test_add_func ("/barrier/wait/last-cancelled-before", test_last_cancelled_before);
  g_test_add_func ("/barrier/wait/cancelled-and-broken", test_cancelled_and_broken);
  g_test_add_func ("/barrier/wait/shielded", test_shielded);
  g_test_add_func ("/barrier/wait/loop-thread", test_on_loop_thread);
  g_test_add_func ("/barrier/action/called", test_action);
  g_test_add_func ("/barrier/action/null", test_action_null);
  g_test_add_func ("/barrier/action/fails", test_action_fails);
  g_test_add_func ("/barrier/action/and-next", test_action_and_next);
  g_test_add_func ("/barrier/action/cancelled", test_action_cancelled);
  g_test_add_func ("/barrier/action/and-next-cancelled", test_action_and_next_cancelled);
  g_test_add_func ("/barrier/action/aborted", test_action_aborted);
  g_test_add_func ("/barrier/action/reset", test_action_reset);
  g_test_add_func ("/barrier/action/aborts", test_action_aborts);
  g_test_add_func ("/barrier/action/waits", test_action_waits);
  g_test_add_func ("/barrier/abort", test_abort);
  g_test_add_func ("/barrier/reset", test_reset);
  g_test_add_func ("/barrier/drop/waited-for", test_drop_waited_for);
  g_test_add_func ("/barrier/async/waits", test_async);
  g_test_add_func ("/barrier/async/cancelled", test_async_cancelled);
  g_test_add_func ("/barrier/async/cancelled-late", test_async_cancelled_late);
  g_test_add_func ("/barrier/async/action-fails", test_async_action_fails);
  g_test_add_func ("/barrier/async/dropped", test_async_dropped);
  g_test_add_func ("/barrier/race/of-two", test_race_of_two);
  g_test_add_func ("/barrier/race/of-three", test_race_of_three);
  g_test_add_func ("/barrier/race/with-action", test_race_with_action);
  g_test_add_func ("/barrier/race/of-a-task", test_race_of_a_task);

  return g_test_run ();
}
