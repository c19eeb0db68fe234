/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * What the monitor tells: of every thread, and of those that have locked each other
 * out.
 */

#include "circle.h"

/* --- the signal ----------------------------------------------------------- */

typedef struct
{
  GThread *thread;
  GMainContext *context;
  ThredoMonitor *monitor;
  guint n;
  ThredoDeadlock *last;
  gboolean done;
} Ear;

static void
hear (ThredoMonitor  *monitor,
      ThredoDeadlock *deadlock,
      gpointer        user_data)
{
  Ear *ear = user_data;

  g_assert_true (monitor == ear->monitor);
  g_assert_true (THREDO_IS_DEADLOCK (deadlock));
  g_assert_true (g_thread_self () == ear->thread);
  g_assert_true (g_main_context_is_owner (ear->context));
  ear->n++;
  g_set_object (&ear->last, deadlock);
  g_atomic_int_set (&ear->done, TRUE);
}

static void
ear_init (Ear *ear)
{
  *ear = (Ear) { .thread = g_thread_self (), .context = g_main_context_ref_thread_default () };
  ear->monitor = thredo_monitor_new ();
  g_signal_connect (ear->monitor, "deadlock", G_CALLBACK (hear), ear);
}

static void
ear_clear (Ear *ear)
{
  g_clear_object (&ear->last);
  g_clear_object (&ear->monitor);
  g_clear_pointer (&ear->context, g_main_context_unref);
}

/* Lets a circle close, and gets everybody out of it; it takes as long as it takes. */
static char *
run_through_deadlock (ThredoDeadlockPolicy policy)
{
  GQuark domain = policy == THREDO_DEADLOCK_POLICY_FAIL ? THREDO_ERROR : G_IO_ERROR;
  int code = policy == THREDO_DEADLOCK_POLICY_FAIL ? (int) THREDO_ERROR_DEADLOCK
                                                   : (int) G_IO_ERROR_CANCELLED;
  char *description;
  Circle circle;

  thredo_set_deadlock_policy (policy);
  circle_init (&circle, "lr", FALSE);
  description = circle_describe (&circle, 1);
  circle_block_others (&circle, 1);
  switch (policy)
    {
    case THREDO_DEADLOCK_POLICY_REPORT:
      circle_block (&circle, 1);
      messages_assert_next (G_LOG_LEVEL_WARNING, description);
      g_cancellable_cancel (circle.actors[1].cancellable);
      break;
    case THREDO_DEADLOCK_POLICY_FAIL:
      circle_let_go (&circle, 1);
      break;
    case THREDO_DEADLOCK_POLICY_CANCEL:
      circle_let_go (&circle, 1);
      circle_end_one (&circle, 1);
      circle_assert_cancel_message (description, 1);
      break;
    }
  circle_end (&circle, 1, domain, code);
  circle_clear (&circle);

  return description;
}

static void
test_signal (gconstpointer user_data)
{
  g_autofree char *description = NULL;
  Ear ear;

  ear_init (&ear);
  description = run_through_deadlock (GPOINTER_TO_INT (user_data));

  /* Not before the main context is run. */
  g_assert_cmpuint (ear.n, ==, 0);
  support_iterate_until (&ear.done);
  g_assert_cmpuint (ear.n, ==, 1);
  g_assert_cmpstr (thredo_deadlock_get_description (ear.last), ==, description);
  while (g_main_context_iteration (ear.context, FALSE))
    ;
  g_assert_cmpuint (ear.n, ==, 1);
  ear_clear (&ear);
}

/* Each monitor in its own context. */

typedef struct
{
  SupportGate ready;
  Ear ear;
} Elsewhere;

static gpointer
hear_elsewhere (gpointer user_data)
{
  Elsewhere *elsewhere = user_data;
  g_autoptr(GMainContext) context = g_main_context_new ();

  g_main_context_push_thread_default (context);
  ear_init (&elsewhere->ear);
  support_gate_open (&elsewhere->ready);
  support_iterate_until (&elsewhere->ear.done);
  g_main_context_pop_thread_default (context);
  return NULL;
}

static void
test_signal_elsewhere (void)
{
  g_autofree char *description = NULL;
  Elsewhere elsewhere = { .ear.n = 0 };
  GThread *thread;
  Ear ear;

  support_gate_init (&elsewhere.ready);
  thread = g_thread_new ("elsewhere", hear_elsewhere, &elsewhere);
  support_gate_wait (&elsewhere.ready);
  ear_init (&ear);
  description = run_through_deadlock (THREDO_DEADLOCK_POLICY_REPORT);
  g_thread_join (thread);
  g_assert_cmpuint (elsewhere.ear.n, ==, 1);
  g_assert_cmpuint (ear.n, ==, 0);
  support_iterate_until (&ear.done);
  g_assert_true (ear.last == elsewhere.ear.last);
  ear_clear (&elsewhere.ear);
  ear_clear (&ear);
  support_gate_clear (&elsewhere.ready);
}

/* A monitor that is gone by then hears nothing. */
static void
test_signal_too_late (void)
{
  g_autofree char *description = NULL;
  g_autofree char *again = NULL;
  Ear gone, ear;

  ear_init (&gone);
  ear_init (&ear);
  description = run_through_deadlock (THREDO_DEADLOCK_POLICY_REPORT);
  g_clear_object (&gone.monitor);
  again = run_through_deadlock (THREDO_DEADLOCK_POLICY_FAIL);
  support_iterate_until (&ear.done);
  while (g_main_context_iteration (NULL, FALSE))
    ;
  g_assert_cmpuint (ear.n, ==, 2);
  g_assert_cmpuint (gone.n, ==, 0);
  ear_clear (&ear);
  ear_clear (&gone);
}

/* --- the threads ---------------------------------------------------------- */

static ThredoThreadInfo *
get_info (GPtrArray    *snapshot,
          ThredoThread *thread)
{
  ThredoThreadInfo *found = NULL;

  for (guint i = 0; i < snapshot->len; i++)
    {
      ThredoThreadInfo *info = g_ptr_array_index (snapshot, i);

      if (thredo_thread_info_get_thread (info) == thread)
        {
          g_assert_null (found);
          found = info;
        }
    }
  return found;
}

static void
assert_held (ThredoThreadInfo *info,
             const char       *first,
             const char       *second)
{
  const char *const *held = thredo_thread_info_get_held (info);

  g_assert_nonnull (held);
  g_assert_cmpuint (g_strv_length ((char **) held), ==, (first != NULL) + (second != NULL));
  if (first != NULL)
    g_assert_true (g_strv_contains (held, first));
  if (second != NULL)
    g_assert_true (g_strv_contains (held, second));
}

static void
assert_same_properties (ThredoThreadInfo *info)
{
  g_autoptr(ThredoThread) thread = NULL;
  g_autofree char *name = NULL;
  g_autofree char *waiting_for = NULL;
  g_auto(GStrv) held = NULL;
  ThredoThreadState state;
  guint64 id, n_waits;
  gint64 since;

  g_object_get (info,
                "thread", &thread,
                "id", &id,
                "name", &name,
                "state", &state,
                "waiting-for", &waiting_for,
                "waiting-since", &since,
                "n-waits", &n_waits,
                "held", &held,
                NULL);
  g_assert_true (thread == thredo_thread_info_get_thread (info));
  g_assert_cmpuint (id, ==, thredo_thread_info_get_id (info));
  g_assert_cmpstr (name, ==, thredo_thread_info_get_name (info));
  g_assert_cmpint (state, ==, thredo_thread_info_get_state (info));
  g_assert_cmpstr (waiting_for, ==, thredo_thread_info_get_waiting_for (info));
  g_assert_cmpint (since, ==, thredo_thread_info_get_waiting_since (info));
  g_assert_cmpuint (n_waits, ==, thredo_thread_info_get_n_waits (info));
  g_assert_true (g_strv_equal ((const char *const *) held, thredo_thread_info_get_held (info)));
}

static void
test_snapshot (void)
{
  g_autoptr(ThredoMonitor) monitor = thredo_monitor_new ();
  g_autoptr(ThredoLock) mine = thredo_lock_new ();
  g_autoptr(ThredoLock) nameless = thredo_lock_new ();
  g_autoptr(GPtrArray) before = NULL;
  g_autoptr(GPtrArray) after = NULL;
  gint64 start = g_get_monotonic_time ();
  ThredoThreadInfo *info;
  guint64 last_id = 0;
  Circle circle;

  thredo_set_deadlock_policy (THREDO_DEADLOCK_POLICY_REPORT);
  thredo_lock_set_name (mine, "mine");
  circle_acquire (mine);
  circle_init (&circle, "lR", FALSE);

  /* A waits, B does not. */
  circle_block_others (&circle, 1);
  before = thredo_monitor_snapshot (monitor);

  info = get_info (before, circle.actors[0].thread);
  g_assert_nonnull (info);
  g_assert_cmpuint (thredo_thread_info_get_id (info), ==,
                    thredo_thread_get_id (circle.actors[0].thread));
  g_assert_cmpstr (thredo_thread_info_get_name (info), ==, "A");
  g_assert_cmpint (thredo_thread_info_get_state (info), ==, THREDO_THREAD_STATE_WAITING);
  g_assert_cmpstr (thredo_thread_info_get_waiting_for (info), ==, "acquire on Lock 'L0'");
  g_assert_cmpint (thredo_thread_info_get_waiting_since (info), >=, start);
  g_assert_cmpint (thredo_thread_info_get_waiting_since (info), <=, g_get_monotonic_time ());
  g_assert_cmpuint (thredo_thread_info_get_n_waits (info), ==, 1);
  assert_held (info, "RLock 'L1'", NULL);
  assert_same_properties (info);

  info = get_info (before, circle.actors[1].thread);
  g_assert_nonnull (info);
  g_assert_cmpint (thredo_thread_info_get_state (info), ==, THREDO_THREAD_STATE_RUNNING);
  g_assert_null (thredo_thread_info_get_waiting_for (info));
  g_assert_cmpint (thredo_thread_info_get_waiting_since (info), ==, 0);
  assert_held (info, "Lock 'L0'", NULL);
  assert_same_properties (info);

  info = get_info (before, thredo_thread_self ());
  g_assert_nonnull (info);
  g_assert_cmpint (thredo_thread_info_get_state (info), ==, THREDO_THREAD_STATE_RUNNING);
  assert_held (info, "Lock 'mine'", NULL);

  /* The oldest first. */
  for (guint i = 0; i < before->len; i++)
    {
      guint64 id = thredo_thread_info_get_id (g_ptr_array_index (before, i));

      g_assert_cmpuint (id, >, last_id);
      last_id = id;
    }

  circle_acquire (nameless);
  circle_block (&circle, 1);
  g_free (messages_take (G_LOG_LEVEL_WARNING));
  g_cancellable_cancel (circle.actors[1].cancellable);
  circle_end_cancelled (&circle, 1);
  after = thredo_monitor_snapshot (monitor);
  g_assert_null (get_info (after, circle.actors[0].thread));
  info = get_info (after, thredo_thread_self ());
  assert_held (info, "Lock 'mine'", "Lock");
  circle_release (mine);
  circle_release (nameless);

  /* What was seen stays as it was. */
  info = get_info (before, circle.actors[0].thread);
  g_assert_cmpint (thredo_thread_info_get_state (info), ==, THREDO_THREAD_STATE_WAITING);
  g_assert_cmpstr (thredo_thread_info_get_waiting_for (info), ==, "acquire on Lock 'L0'");
  circle_clear (&circle);
}

/* Each counts its own waits, whatever its OS thread was used for before. */

static gboolean
sleep_three_times (ThredoThread  *thread,
                   gpointer       user_data,
                   GError       **error)
{
  for (int i = 0; i < 3; i++)
    {
      if (!thredo_sleep (1, NULL, error))
        return FALSE;
    }
  return TRUE;
}

static guint64
get_n_waits (GPtrArray    *snapshot,
             ThredoThread *thread)
{
  return thredo_thread_info_get_n_waits (get_info (snapshot, thread));
}

static void
test_snapshot_counts_waits (void)
{
  g_autoptr(ThredoMonitor) monitor = thredo_monitor_new ();
  ThredoThread *self = thredo_thread_self ();
  g_autoptr(GPtrArray) before = thredo_monitor_snapshot (monitor);
  g_autoptr(GPtrArray) after = NULL;
  g_autoptr(GError) error = NULL;
  Circle circle;

  for (int i = 0; i < 5; i++)
    {
      g_autoptr(ThredoThread) thread = thredo_thread_spawn ("t", sleep_three_times, NULL, NULL,
                                                             &error);

      g_assert_no_error (error);
      support_join_ok (thread);
    }
  thredo_sleep (G_TIME_SPAN_MILLISECOND, NULL, &error);
  g_assert_no_error (error);

  circle_init (&circle, "lr", FALSE);
  circle_block (&circle, 0);
  after = thredo_monitor_snapshot (monitor);
  g_assert_cmpuint (get_n_waits (after, self), >, get_n_waits (before, self));
  g_assert_cmpuint (get_n_waits (after, circle.actors[0].thread), ==, 1);
  g_assert_cmpuint (get_n_waits (after, circle.actors[1].thread), ==, 0);
  g_cancellable_cancel (circle.actors[1].cancellable);
  circle_let_go (&circle, 1);
  circle_end_cancelled (&circle, 1);
  circle_clear (&circle);
}

/* --- the deadlocks -------------------------------------------------------- */

static gboolean
is_of (ThredoDeadlock *deadlock,
       Circle         *circle)
{
  return g_ptr_array_find (thredo_deadlock_get_threads (deadlock), circle->actors[0].thread, NULL);
}

/* Thread i waits for object i, which the next one owns, or is. */
static void
assert_deadlock (ThredoDeadlock *deadlock,
                 Circle         *circle)
{
  GPtrArray *threads = thredo_deadlock_get_threads (deadlock);
  GPtrArray *objects = thredo_deadlock_get_objects (deadlock);
  g_autofree char *property = NULL;
  g_autofree char *expected = NULL;
  guint first = 0;

  g_assert_cmpuint (threads->len, ==, circle->n);
  g_assert_cmpuint (objects->len, ==, circle->n);
  while (circle->actors[first].thread != g_ptr_array_index (threads, 0))
    first++;
  for (guint i = 0; i < circle->n; i++)
    {
      guint index = (first + i) % circle->n;
      guint after = circle_next (circle, index);

      g_assert_true (g_ptr_array_index (threads, i) == circle->actors[index].thread);
      if (circle_is_lock (circle, index))
        g_assert_true (g_ptr_array_index (objects, i) == circle->locks[index]);
      else
        g_assert_true (g_ptr_array_index (objects, i) == circle->actors[after].thread);
    }
  expected = circle_describe (circle, first);
  g_object_get (deadlock, "description", &property, NULL);
  g_assert_cmpstr (property, ==, expected);
  g_assert_cmpstr (thredo_deadlock_get_description (deadlock), ==, expected);
}

static void
test_find_deadlocks (void)
{
  g_autoptr(ThredoMonitor) monitor = thredo_monitor_new ();
  g_autoptr(GPtrArray) one = NULL;
  g_autoptr(GPtrArray) both = NULL;
  g_autoptr(GPtrArray) other = NULL;
  Circle first, second;
  gboolean swapped;

  thredo_set_deadlock_policy (THREDO_DEADLOCK_POLICY_REPORT);
  circle_assert_no_deadlock ();
  circle_init (&first, "lrj", FALSE);
  circle_init (&second, "Rl", FALSE);
  circle_assert_no_deadlock ();

  circle_block_others (&first, 2);
  circle_block (&first, 2);
  g_free (messages_take (G_LOG_LEVEL_WARNING));
  one = thredo_monitor_find_deadlocks (monitor);
  g_assert_cmpuint (one->len, ==, 1);
  assert_deadlock (g_ptr_array_index (one, 0), &first);

  circle_block_others (&second, 0);
  circle_block (&second, 0);
  g_free (messages_take (G_LOG_LEVEL_WARNING));
  both = thredo_monitor_find_deadlocks (monitor);
  g_assert_cmpuint (both->len, ==, 2);
  swapped = is_of (g_ptr_array_index (both, 1), &first);
  assert_deadlock (g_ptr_array_index (both, swapped), &first);
  assert_deadlock (g_ptr_array_index (both, !swapped), &second);

  g_cancellable_cancel (first.actors[0].cancellable);
  circle_end_cancelled (&first, 0);
  other = thredo_monitor_find_deadlocks (monitor);
  g_assert_cmpuint (other->len, ==, 1);
  assert_deadlock (g_ptr_array_index (other, 0), &second);

  g_cancellable_cancel (second.actors[0].cancellable);
  circle_end_cancelled (&second, 0);
  circle_assert_no_deadlock ();

  /* What was found stays as it was, threads and locks included. */
  circle_clear (&second);
  circle_clear (&first);
  g_assert_cmpstr (thredo_thread_get_name (g_ptr_array_index (
                       thredo_deadlock_get_threads (g_ptr_array_index (other, 0)), 0)),
                   !=, NULL);
}

int
main (int    argc,
      char **argv)
{
  support_init (&argc, &argv);
  messages_init ();

  g_test_add_data_func ("/monitor/signal/report", GINT_TO_POINTER (THREDO_DEADLOCK_POLICY_REPORT),
                        test_signal);
  g_test_add_data_func ("/monitor/signal/fail", GINT_TO_POINTER (THREDO_DEADLOCK_POLICY_FAIL),
                        test_signal);
  g_test_add_data_func ("/monitor/signal/cancel", GINT_TO_POINTER (THREDO_DEADLOCK_POLICY_CANCEL),
                        test_signal);
  g_test_add_func ("/monitor/signal/elsewhere", test_signal_elsewhere);
  g_test_add_func ("/monitor/signal/too-late", test_signal_too_late);
  g_test_add_func ("/monitor/snapshot", test_snapshot);
  g_test_add_func ("/monitor/snapshot/waits", test_snapshot_counts_waits);
  g_test_add_func ("/monitor/find-deadlocks", test_find_deadlocks);

  return g_test_run ();
}
