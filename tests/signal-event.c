/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Signals to wait for.
 */

#include "support.h"

#include <glib-unix.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

static const int all_signals[] = { SIGINT, SIGTERM, SIGHUP, SIGUSR1, SIGUSR2, SIGCHLD };

static ThredoSignalEvent *
new_event (int first,
           int second)
{
  const int signals[] = { first, second };
  g_autoptr(GError) error = NULL;
  ThredoSignalEvent *event = thredo_signal_event_new (signals, second != 0 ? 2 : 1, &error);

  g_assert_no_error (error);
  return event;
}

static void
expect (ThredoSignalEvent *event,
        int                number)
{
  g_autoptr(GError) error = NULL;
  int got = thredo_signal_event_wait (event, NULL, &error);

  g_assert_no_error (error);
  g_assert_cmpint (got, ==, number);
}

/* Nothing has come that was not waited for. */
static void
expect_none (ThredoSignalEvent *event)
{
  g_autoptr(ThredoScope) scope = thredo_scope_new_with_timeout (20 * G_TIME_SPAN_MILLISECOND);
  G_GNUC_UNUSED g_autoptr(ThredoScopeGuard) scope_guard = thredo_scope_guard_new (scope);
  g_autoptr(GError) error = NULL;

  g_assert_cmpint (thredo_signal_event_wait (event, NULL, &error), ==, 0);
  support_assert_timed_out (&error);
}

static gboolean
wait_for_one (ThredoThread  *thread,
              gpointer       event,
              GError       **error)
{
  int number = thredo_signal_event_wait (event, NULL, error);

  if (number != 0)
    thredo_thread_set_result_pointer (thread, GINT_TO_POINTER (number), NULL);
  return number != 0;
}

static ThredoThread *
spawn_waiter (ThredoSignalEvent *event)
{
  g_autoptr(GError) error = NULL;
  ThredoThread *thread = thredo_thread_spawn ("waits", wait_for_one, event, NULL, &error);

  g_assert_no_error (error);
  support_wait_for_wait (thread, "wait on SignalEvent");
  return thread;
}

static int
join_waiter (ThredoThread *thread)
{
  g_autoptr(GError) error = NULL;
  int number = GPOINTER_TO_INT (thredo_thread_join_pointer (thread, NULL, &error));

  g_assert_no_error (error);
  g_object_unref (thread);
  return number;
}

static void
test_signal_each (void)
{
  for (guint i = 0; i < G_N_ELEMENTS (all_signals); i++)
    {
      g_autoptr(ThredoSignalEvent) event = new_event (all_signals[i], 0);
      ThredoThread *thread;

      raise (all_signals[i]);
      expect (event, all_signals[i]);

      thread = spawn_waiter (event);
      kill (getpid (), all_signals[i]);
      g_assert_cmpint (join_waiter (thread), ==, all_signals[i]);
      expect_none (event);
    }
}

static void
test_signal_invalid (void)
{
  const int signals[] = { SIGUSR1, SIGALRM };
  g_autoptr(GError) error = NULL;
  struct sigaction now;

  g_assert_null (thredo_signal_event_new (signals, 2, &error));
  support_assert_error (&error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT);
  sigaction (SIGUSR1, NULL, &now);
  g_assert_true (now.sa_handler == SIG_DFL);
}

static gboolean
come_round (gpointer told)
{
  g_atomic_int_set ((int *) told, 1);
  return G_SOURCE_REMOVE;
}

/* GLib tells its sources one after the other: when this returns, all have been. */
static void
wait_until_told (ThredoSignalEvent *event,
                 int                number)
{
  g_autoptr(GSource) source = g_idle_source_new ();
  int told = 0;

  raise (number);
  expect (event, number);
  g_source_set_callback (source, come_round, &told, NULL);
  g_source_attach (source, thredo_get_main_context ());
  support_wait_for_int (&told, 1);
}

static void
test_signal_coalesced (void)
{
  g_autoptr(ThredoSignalEvent) event = new_event (SIGUSR1, SIGUSR2);
  g_autoptr(ThredoSignalEvent) other = new_event (SIGUSR1, SIGUSR2);

  for (guint i = 0; i < 10; i++)
    wait_until_told (other, SIGUSR1);
  wait_until_told (other, SIGUSR2);
  for (guint i = 0; i < 10; i++)
    wait_until_told (other, SIGUSR1);

  /* In the order in which they came. */
  expect (event, SIGUSR1);
  expect (event, SIGUSR2);
  expect_none (event);
  expect_none (other);
}

/* One signal is for one thread, the one that has waited longest. */
static void
test_signal_several_waiters (void)
{
  g_autoptr(ThredoSignalEvent) event = new_event (SIGUSR1, SIGUSR2);
  ThredoThread *first = spawn_waiter (event);
  ThredoThread *second = spawn_waiter (event);
  ThredoThread *third = spawn_waiter (event);

  raise (SIGUSR1);
  g_assert_cmpint (join_waiter (first), ==, SIGUSR1);
  g_assert_cmpint (thredo_thread_get_state (second), ==, THREDO_THREAD_STATE_WAITING);
  support_cancel_and_join (second);
  g_object_unref (second);
  raise (SIGUSR2);
  g_assert_cmpint (join_waiter (third), ==, SIGUSR2);
}

static void
test_signal_several_events (void)
{
  ThredoSignalEvent *events[3];

  for (guint i = 0; i < 3; i++)
    events[i] = new_event (SIGUSR1, SIGCHLD);
  raise (SIGUSR1);
  for (guint i = 0; i < 3; i++)
    expect (events[i], SIGUSR1);
  g_object_unref (events[1]);
  raise (SIGCHLD);
  expect (events[0], SIGCHLD);
  expect (events[2], SIGCHLD);
  g_object_unref (events[0]);
  g_object_unref (events[2]);
}

static void
test_signal_cancelled (void)
{
  g_autoptr(ThredoSignalEvent) event = new_event (SIGUSR1, 0);
  g_autoptr(GCancellable) cancellable = g_cancellable_new ();
  g_autoptr(ThredoThread) thread = spawn_waiter (event);
  g_autoptr(GError) error = NULL;

  support_cancel_and_join (thread);

  g_cancellable_cancel (cancellable);
  raise (SIGUSR1);
  g_assert_cmpint (thredo_signal_event_wait (event, cancellable, &error), ==, 0);
  support_assert_cancelled (&error);
  /* It was not taken. */
  expect (event, SIGUSR1);
  expect_none (event);
}

static gboolean
wait_with (ThredoThread  *thread,
           gpointer       data,
           GError       **error)
{
  gpointer *shared = data;

  return thredo_signal_event_wait (shared[0], shared[1], error) != 0;
}

static void
test_signal_explicit_cancellable (void)
{
  g_autoptr(ThredoSignalEvent) event = new_event (SIGUSR1, 0);
  g_autoptr(GCancellable) cancellable = g_cancellable_new ();
  g_autoptr(ThredoThread) thread = NULL;
  g_autoptr(GError) error = NULL;
  gpointer shared[] = { event, cancellable };

  thredo_signal_event_set_name (event, "of the user");
  thread = thredo_thread_spawn ("waits", wait_with, shared, NULL, &error);
  g_assert_no_error (error);
  support_wait_for_wait (thread, "wait on SignalEvent 'of the user'");
  g_cancellable_cancel (cancellable);
  g_assert_false (thredo_thread_join (thread, NULL, &error));
  support_assert_error (&error, THREDO_ERROR, THREDO_ERROR_THREAD_CANCELLED);
}

/* A signal and a cancel at once: it is taken, or it is left for the next. */
static void
test_signal_race (void)
{
  g_autoptr(ThredoSignalEvent) event = new_event (SIGUSR1, 0);
  guint rounds = support_rounds (10000);
  guint n_taken = 0, n_left = 0;

  for (guint i = 0; i < rounds || ((n_taken == 0 || n_left == 0) && i < 100 * rounds); i++)
    {
      g_autoptr(GError) error = NULL;
      g_autoptr(ThredoThread) thread =
          thredo_thread_spawn ("waits", wait_for_one, event, NULL, &error);

      g_assert_no_error (error);
      raise (SIGUSR1);
      for (volatile guint n = 0; n < i * 997 % 300000; n++)
        ;
      thredo_thread_cancel (thread);
      if (thredo_thread_join (thread, NULL, &error))
        {
          n_taken++;
          continue;
        }
      n_left++;
      support_assert_error (&error, THREDO_ERROR, THREDO_ERROR_THREAD_CANCELLED);
      expect (event, SIGUSR1);
    }
  g_test_message ("%u taken, %u left", n_taken, n_left);
  g_assert_cmpuint (n_taken, >, 0);
  g_assert_cmpuint (n_left, >, 0);
  expect_none (event);
}

static void
test_signal_async (void)
{
  g_autoptr(ThredoSignalEvent) event = new_event (SIGUSR1, SIGUSR2);
  g_autoptr(GCancellable) cancellable = g_cancellable_new ();
  g_autoptr(GAsyncResult) first = NULL;
  g_autoptr(GAsyncResult) second = NULL;
  g_autoptr(GAsyncResult) third = NULL;
  g_autoptr(GError) error = NULL;

  thredo_signal_event_wait_async (event, NULL, support_keep_result, &first);
  thredo_signal_event_wait_async (event, cancellable, support_keep_result, &second);
  raise (SIGUSR1);
  support_iterate_until_result (&first);
  g_assert_cmpint (thredo_signal_event_wait_finish (event, first, &error), ==, SIGUSR1);
  g_assert_no_error (error);

  g_cancellable_cancel (cancellable);
  support_iterate_until_result (&second);
  g_assert_cmpint (thredo_signal_event_wait_finish (event, second, &error), ==, 0);
  support_assert_cancelled (&error);

  /* One that has come before. */
  {
    g_autoptr(ThredoSignalEvent) other = new_event (SIGUSR2, 0);

    wait_until_told (other, SIGUSR2);
    wait_until_told (other, SIGUSR2);
  }
  thredo_signal_event_wait_async (event, NULL, support_keep_result, &third);
  support_iterate_until_result (&third);
  g_assert_cmpint (thredo_signal_event_wait_finish (event, third, &error), ==, SIGUSR2);
  g_assert_no_error (error);
}

static gboolean
wait_on_loop (gpointer data)
{
  gpointer *shared = data;
  g_autoptr(GError) error = NULL;

  g_assert_cmpint (thredo_signal_event_wait (shared[0], NULL, &error), ==, 0);
  support_assert_error (&error, THREDO_ERROR, THREDO_ERROR_LOOP_THREAD);
  g_atomic_int_set ((int *) shared[1], 1);
  return G_SOURCE_REMOVE;
}

static void
test_signal_loop_thread (void)
{
  g_autoptr(ThredoSignalEvent) event = new_event (SIGUSR1, 0);
  int done = 0;
  gpointer shared[] = { event, &done };

  g_main_context_invoke (thredo_get_main_context (), wait_on_loop, shared);
  support_wait_for_int (&done, 1);
}

/* What it did before comes back. */

static int n_handled;

static void
handler (int number)
{
  g_atomic_int_inc (&n_handled);
}

static gboolean
is_handler_back (gpointer data)
{
  struct sigaction now;

  sigaction (GPOINTER_TO_INT (data), NULL, &now);
  return now.sa_handler == handler;
}

static void
test_signal_restored (void)
{
  struct sigaction action = { .sa_handler = handler, .sa_flags = SA_RESTART }, before, now;

  for (guint i = 0; i < G_N_ELEMENTS (all_signals); i++)
    {
      int number = all_signals[i];
      ThredoSignalEvent *first, *second;

      sigaction (number, &action, &before);
      for (guint round = 0; round < support_rounds (100); round++)
        {
          first = new_event (number, 0);
          second = new_event (number, 0);
          raise (number);
          expect (second, number);
          g_object_unref (first);
          sigaction (number, NULL, &now);
          g_assert_true (now.sa_handler != handler);
          g_object_unref (second);
          support_wait_for ("what a signal did before", is_handler_back,
                            GINT_TO_POINTER (number));
        }
      n_handled = 0;
      raise (number);
      g_assert_cmpint (n_handled, ==, 1);
      sigaction (number, &before, NULL);
    }
}

static gboolean
is_default (gpointer data)
{
  struct sigaction now;

  sigaction (GPOINTER_TO_INT (data), NULL, &now);
  return now.sa_handler == SIG_DFL;
}

static gboolean
keep_listening (gpointer data)
{
  return G_SOURCE_CONTINUE;
}

/* Somebody else listens by a source of GLib's, from before to somewhere in between: no
 * handler is left that does nothing. */
static void
test_signal_beside_source (void)
{
  for (guint i = 0; i < G_N_ELEMENTS (all_signals); i++)
    {
      int number = all_signals[i];
      guint id;
      ThredoSignalEvent *event;

      if (number == SIGCHLD)
        continue;
      id = g_unix_signal_add (number, keep_listening, NULL);
      event = new_event (number, 0);
      g_source_remove (id);
      raise (number);
      expect (event, number);
      g_object_unref (event);
      support_wait_for ("the default", is_default, GINT_TO_POINTER (number));
    }
}

static gboolean
interrupted_main (ThredoThread  *thread,
                  gpointer       data,
                  GError       **error)
{
  gpointer *shared = data;

  {
    g_autoptr(ThredoScope) shield = thredo_scope_new_shielded ();
    G_GNUC_UNUSED g_autoptr(ThredoScopeGuard) guard = thredo_scope_guard_new (shield);

    /* It outlives the run in which it is made. */
    shared[0] = new_event (SIGINT, 0);
    raise (SIGINT);
    expect (shared[0], SIGINT);
  }
  return thredo_sleep (SUPPORT_FOREVER, NULL, error);
}

/* Both hear of it, and both give it back. */
static void
test_signal_beside_run (void)
{
  struct sigaction action = { .sa_handler = handler }, before;
  g_autoptr(GError) error = NULL;
  gpointer shared[] = { NULL };

  sigaction (SIGINT, &action, &before);
  g_assert_false (thredo_run (THREDO_RUN_HANDLE_SIGNALS, interrupted_main, shared, NULL, &error));
  support_assert_cancelled (&error);
  raise (SIGINT);
  expect (shared[0], SIGINT);
  g_object_unref (shared[0]);
  support_wait_for ("what SIGINT did before", is_handler_back, GINT_TO_POINTER (SIGINT));
  sigaction (SIGINT, &before, NULL);
}

/* Children. */

static void
child_watched (GPid     pid,
               int      wait_status,
               gpointer status)
{
  g_atomic_int_set ((int *) status, wait_status);
}

static GPid
spawn_child (void)
{
  const char *const argv[] = { "/bin/sh", "-c", "exit 3", NULL };
  g_autoptr(GError) error = NULL;
  GPid pid;

  g_spawn_async (NULL, (char **) argv, NULL, G_SPAWN_DO_NOT_REAP_CHILD, NULL, NULL, &pid, &error);
  g_assert_no_error (error);
  return pid;
}

static void
test_signal_child (void)
{
  struct sigaction action = { .sa_handler = handler, .sa_flags = SA_RESTART }, before;
  g_autoptr(GError) error = NULL;
  int waited = -1;
  GPid pid;

#if SUPPORT_WITH_TSAN
  /* It keeps a signal from a thread that sleeps on a futex, as this one does. */
  g_test_skip ("ThreadSanitizer does not deliver SIGCHLD");
  return;
#endif

  sigaction (SIGCHLD, &action, &before);
  n_handled = 0;
  {
    g_autoptr(ThredoSignalEvent) event = new_event (SIGCHLD, 0);
    g_autoptr(GSubprocess) subprocess = NULL;
    g_autoptr(GSource) source = NULL;
    int watched = -1;

    /* Ours, */
    pid = spawn_child ();
    expect (event, SIGCHLD);
    g_assert_cmpint (waitpid (pid, &waited, 0), ==, pid);
    g_assert_cmpint (WEXITSTATUS (waited), ==, 3);
    /* whoever was there before, */
    g_assert_cmpint (g_atomic_int_get (&n_handled), >=, 1);

    /* GLib's watches, */
    source = g_child_watch_source_new (spawn_child ());
    g_source_set_callback (source, G_SOURCE_FUNC (child_watched), &watched, NULL);
    g_source_attach (source, thredo_get_main_context ());
    expect (event, SIGCHLD);
    support_wait_for_int (&watched, 0);
    g_assert_cmpint (WEXITSTATUS (watched), ==, 3);

    /* its subprocesses, */
    subprocess = g_subprocess_new (G_SUBPROCESS_FLAGS_NONE, &error, "/bin/sh", "-c", "exit 4",
                                   NULL);
    g_assert_no_error (error);
    expect (event, SIGCHLD);
    g_subprocess_wait (subprocess, NULL, &error);
    g_assert_no_error (error);
    g_assert_cmpint (g_subprocess_get_exit_status (subprocess), ==, 4);

    /* and our own waits. */
    thredo_wait_child (spawn_child (), &waited, NULL, &error);
    g_assert_no_error (error);
    g_assert_cmpint (WEXITSTATUS (waited), ==, 3);
    expect (event, SIGCHLD);
  }
  g_assert_true (is_handler_back (GINT_TO_POINTER (SIGCHLD)));
  sigaction (SIGCHLD, &before, NULL);
}

/* As GLib does where there are no pidfds: it sets a handler of its own without a word,
 * and the default after it. */
static void
test_signal_child_overwritten (void)
{
  struct sigaction action = { .sa_handler = handler, .sa_flags = SA_RESTART };
  struct sigaction none = { .sa_handler = SIG_DFL };
  struct sigaction before;

  sigaction (SIGCHLD, NULL, &before);
  {
    g_autoptr(ThredoSignalEvent) event = new_event (SIGCHLD, 0);
    ThredoThread *thread = spawn_waiter (event);

    sigaction (SIGCHLD, &none, NULL);
    raise (SIGCHLD);
    g_assert_cmpint (join_waiter (thread), ==, SIGCHLD);
    /* That may have been its being put back, and the signal come after it. */
    wait_until_told (event, SIGCHLD);
  }
  {
    g_autoptr(ThredoSignalEvent) event = new_event (SIGCHLD, 0);
    ThredoThread *thread = spawn_waiter (event);

    n_handled = 0;
    sigaction (SIGCHLD, &action, NULL);
    raise (SIGCHLD);
    g_assert_cmpint (join_waiter (thread), ==, SIGCHLD);
    raise (SIGCHLD);
    expect (event, SIGCHLD);
    g_assert_cmpint (n_handled, ==, 2);
  }
  sigaction (SIGCHLD, &before, NULL);
}

/* Where the children's ends are of no interest, they still are not. */
static void
test_signal_child_ignored (void)
{
  struct sigaction action = { .sa_handler = SIG_IGN }, before, now;

#if SUPPORT_WITH_TSAN
  /* It keeps a signal from a thread that sleeps on a futex, as this one does. */
  g_test_skip ("ThreadSanitizer does not deliver SIGCHLD");
  return;
#endif

  sigaction (SIGCHLD, &action, &before);
  {
    g_autoptr(ThredoSignalEvent) event = new_event (SIGCHLD, 0);
    GPid pid = spawn_child ();

    /* Returns when there are none left. */
    g_assert_cmpint (waitpid (pid, NULL, 0), ==, -1);
    expect (event, SIGCHLD);
  }
  sigaction (SIGCHLD, NULL, &now);
  g_assert_true (now.sa_handler == SIG_IGN);
  sigaction (SIGCHLD, &before, NULL);
}

/* Dropped by one thread while another sends. */
static gpointer
raise_until_told (gpointer data)
{
  while (!g_atomic_int_get ((int *) data))
    {
      kill (getpid (), SIGUSR1);
      kill (getpid (), SIGCHLD);
      g_usleep (10);
    }
  return NULL;
}

static void
test_signal_dropped (void)
{
  G_GNUC_UNUSED g_autoptr(ThredoSignalEvent) keeper = new_event (SIGUSR1, SIGCHLD);
  int told = 0;
  GThread *thread = g_thread_new ("raiser", raise_until_told, &told);
  guint n_fds = support_count_fds ();

  for (guint i = 0; i < support_rounds (5000); i++)
    {
      g_autoptr(ThredoSignalEvent) event = new_event (SIGUSR1, SIGCHLD);

      if (i % 10 == 0)
        g_assert_cmpint (thredo_signal_event_wait (event, NULL, NULL), !=, 0);
    }
  g_atomic_int_set (&told, 1);
  g_thread_join (thread);
  g_assert_cmpuint (support_count_fds (), ==, n_fds);
}

int
main (int    argc,
      char **argv)
{
  support_init (&argc, &argv);

  g_test_add_func ("/signal-event/each", test_signal_each);
  g_test_add_func ("/signal-event/invalid", test_signal_invalid);
  g_test_add_func ("/signal-event/coalesced", test_signal_coalesced);
  g_test_add_func ("/signal-event/several-waiters", test_signal_several_waiters);
  g_test_add_func ("/signal-event/several-events", test_signal_several_events);
  g_test_add_func ("/signal-event/cancelled", test_signal_cancelled);
  g_test_add_func ("/signal-event/explicit-cancellable", test_signal_explicit_cancellable);
  g_test_add_func ("/signal-event/race", test_signal_race);
  g_test_add_func ("/signal-event/async", test_signal_async);
  g_test_add_func ("/signal-event/loop-thread", test_signal_loop_thread);
  g_test_add_func ("/signal-event/restored", test_signal_restored);
  g_test_add_func ("/signal-event/beside-source", test_signal_beside_source);
  g_test_add_func ("/signal-event/beside-run", test_signal_beside_run);
  g_test_add_func ("/signal-event/child/coexists", test_signal_child);
  g_test_add_func ("/signal-event/child/overwritten", test_signal_child_overwritten);
  g_test_add_func ("/signal-event/child/ignored", test_signal_child_ignored);
  g_test_add_func ("/signal-event/dropped", test_signal_dropped);

  return g_test_run ();
}
