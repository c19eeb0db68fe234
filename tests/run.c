/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * thredo_run() and what else thredo-run.h has. Signals go to real processes:
 * this program again, with "--child" and the name of a function in children[].
 */

#include "support.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static gboolean
fail_with_busy (ThredoThread  *thread,
                gpointer       user_data,
                GError       **error)
{
  g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_BUSY, "I am busy");
  return FALSE;
}

static gboolean
fail_without_error (ThredoThread  *thread,
                    gpointer       user_data,
                    GError       **error)
{
  return FALSE;
}

static gboolean
note_self (ThredoThread  *thread,
           gpointer       user_data,
           GError       **error)
{
  g_assert_true (thredo_thread_self () == thread);
  g_assert_cmpint (thredo_thread_get_state (thread), ==, THREDO_THREAD_STATE_RUNNING);
  *(gpointer *) user_data = g_object_ref (thread);
  return TRUE;
}

/* In this process. */

static void
test_run (void)
{
  g_autoptr(ThredoThread) thread = NULL;
  g_autoptr(GError) error = NULL;

  g_assert_true (thredo_run (THREDO_RUN_DEFAULT, note_self, &thread, NULL, &error));
  g_assert_no_error (error);
  g_assert_nonnull (thread);
  g_assert_false (thredo_thread_is_cancelled (thread));
}

static void
test_run_failed (void)
{
  g_autoptr(GError) error = NULL;

  g_assert_false (thredo_run (THREDO_RUN_DEFAULT, fail_with_busy, NULL, NULL, &error));
  g_assert_cmpstr (error->message, ==, "I am busy");
  support_assert_error (&error, G_IO_ERROR, G_IO_ERROR_BUSY);
  g_assert_false (thredo_run (THREDO_RUN_DEFAULT, fail_without_error, NULL, NULL, &error));
  support_assert_error (&error, THREDO_ERROR, THREDO_ERROR_FAILED);
  g_assert_false (thredo_run (THREDO_RUN_DEFAULT, fail_with_busy, NULL, NULL, NULL));
}

static void
test_run_destroy (void)
{
  int destroyed = 0;

  g_assert_true (thredo_run (THREDO_RUN_DEFAULT, support_return_true, &destroyed,
                             support_count_destroy, NULL));
  support_wait_for_int (&destroyed, 1);
  g_assert_false (thredo_run (THREDO_RUN_HANDLE_SIGNALS, fail_with_busy, &destroyed,
                              support_count_destroy, NULL));
  support_wait_for_int (&destroyed, 2);
  g_assert_cmpint (g_atomic_int_get (&destroyed), ==, 2);
}

static gboolean
use_everything (ThredoThread  *thread,
                gpointer       user_data,
                GError       **error)
{
  g_autoptr(ThredoThread) worker = NULL;

  worker = thredo_thread_spawn ("worker", support_sleep_forever, NULL, NULL, error);
  g_assert_no_error (*error);
  support_wait_for_state (worker, THREDO_THREAD_STATE_WAITING);
  support_cancel_and_join (worker);
  return thredo_sleep (1000, NULL, error);
}

static void
test_run_again (void)
{
  g_autoptr(GError) error = NULL;

  for (int i = 0; i < 3; i++)
    {
      thredo_run (THREDO_RUN_HANDLE_SIGNALS, use_everything, NULL, NULL, &error);
      g_assert_no_error (error);
    }
}

static void
test_sleep (void)
{
  const GTimeSpan durations[] = { 0, 1, 100, 5000, 20000 };
  g_autoptr(GError) error = NULL;

  for (gsize i = 0; i < G_N_ELEMENTS (durations); i++)
    {
      gint64 before = g_get_monotonic_time ();

      thredo_sleep (durations[i], NULL, &error);
      g_assert_no_error (error);
      /* Never too short. */
      g_assert_cmpint (g_get_monotonic_time () - before, >=, durations[i]);
    }
}

static void
test_sleep_negative (void)
{
  g_autoptr(GError) error = NULL;

  g_assert_false (thredo_sleep (-1, NULL, &error));
  support_assert_error (&error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT);
  g_assert_false (thredo_sleep (G_MININT64, NULL, &error));
  support_assert_error (&error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT);
}

static void
test_check_cancelled (void)
{
  g_autoptr(ThredoScope) scope = thredo_scope_new ();
  g_autoptr(GCancellable) cancellable = g_cancellable_new ();
  g_autoptr(GError) error = NULL;

  g_assert_true (thredo_check_cancelled (NULL, &error));
  g_assert_no_error (error);
  g_assert_true (thredo_check_cancelled (cancellable, &error));
  g_assert_no_error (error);

  g_cancellable_cancel (cancellable);
  g_assert_false (thredo_check_cancelled (cancellable, &error));
  support_assert_cancelled (&error);
  g_assert_false (thredo_check_cancelled (cancellable, NULL));

  thredo_scope_enter (scope);
  thredo_scope_set_deadline (scope, g_get_monotonic_time ());
  g_assert_false (thredo_check_cancelled (NULL, &error));
  support_assert_timed_out (&error);
  thredo_scope_cancel (scope);
  g_assert_false (thredo_check_cancelled (NULL, &error));
  support_assert_cancelled (&error);
  thredo_scope_set_shielded (scope, TRUE);
  g_assert_false (thredo_check_cancelled (cancellable, &error));
  support_assert_cancelled (&error);
  thredo_scope_leave (scope);

  g_assert_true (thredo_check_cancelled (NULL, &error));
  g_assert_no_error (error);
}

static void
test_get_cancellable (void)
{
  GCancellable *cancellable = thredo_get_cancellable ();

  g_assert_true (G_IS_CANCELLABLE (cancellable));
  g_assert_true (cancellable == thredo_thread_get_cancellable (thredo_thread_self ()));
  g_assert_true (thredo_get_cancellable () == cancellable);
}

static gboolean
sleep_and_tell (ThredoThread  *thread,
                gpointer       told,
                GError       **error)
{
  gboolean slept = thredo_sleep (SUPPORT_FOREVER, NULL, error);

  g_assert_false (slept);
  g_assert_error (*error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  *(gboolean *) told = TRUE;
  return FALSE;
}

static void
test_run_surrounded (void)
{
  g_autoptr(ThredoScope) scope = thredo_scope_new_with_timeout (1000);
  g_autoptr(GError) error = NULL;
  gboolean told = FALSE;

  /* What ends the caller's waits cancels what it runs, and waits for its end. */
  thredo_scope_enter (scope);
  g_assert_false (thredo_run (THREDO_RUN_DEFAULT, sleep_and_tell, &told, NULL, &error));
  thredo_scope_leave (scope);
  support_assert_cancelled (&error);
  g_assert_true (told);
}

/* The children. */

static void
say (const char *line)
{
  puts (line);
  fflush (stdout);
}

static gboolean
say_ready_when_joined (ThredoThread  *thread,
                       gpointer       joiner,
                       GError       **error)
{
  support_wait_for_wait (joiner, "join on Thread 'worker'");
  say ("ready");
  return thredo_sleep (SUPPORT_FOREVER, NULL, error);
}

/* The main thread sits in a join, and cleans up when it is told to stop. */
static gboolean
join_worker (ThredoThread  *thread,
             gpointer       user_data,
             GError       **error)
{
  g_autoptr(ThredoThread) worker = NULL;
  g_autoptr(ThredoScope) shield = thredo_scope_new_shielded ();
  gboolean joined;

  worker = thredo_thread_spawn ("worker", say_ready_when_joined, thread, NULL, error);
  if (worker == NULL)
    return FALSE;
  joined = thredo_thread_join (worker, NULL, error);
  g_assert_false (joined);
  g_assert_error (*error, G_IO_ERROR, G_IO_ERROR_CANCELLED);

  thredo_scope_enter (shield);
  support_cancel_and_join (worker);
  thredo_scope_leave (shield);
  say ("cleaned up");
  return FALSE;
}

static int
child_join (void)
{
  g_autoptr(GError) error = NULL;

  g_assert_false (thredo_run (THREDO_RUN_HANDLE_SIGNALS, join_worker, NULL, NULL, &error));
  g_assert_nonnull (error);
  say ("returned");
  return 3;
}

static int
child_twice (void)
{
  child_join ();
  return child_join ();
}

/* Takes no notice of a cancel until a line comes in. */
static gboolean
be_stubborn (ThredoThread  *thread,
             gpointer       user_data,
             GError       **error)
{
  g_autoptr(ThredoScope) shield = thredo_scope_new_shielded ();
  char line[16];

  thredo_scope_enter (shield);
  say ("ready");
  while (!thredo_thread_is_cancelled (thread))
    thredo_sleep (1000, NULL, NULL);
  if (user_data != NULL)
    thredo_sleep (2100 * G_TIME_SPAN_MILLISECOND, NULL, NULL);
  say ("cancelled");
  while (fgets (line, sizeof line, stdin) != NULL)
    {
      /* Long enough for a signal that was sent before the line. */
      thredo_sleep (20 * G_TIME_SPAN_MILLISECOND, NULL, NULL);
      say ("alive");
    }
  thredo_scope_leave (shield);
  return TRUE;
}

static int
child_stubborn (void)
{
  g_assert_true (thredo_run (THREDO_RUN_HANDLE_SIGNALS, be_stubborn, NULL, NULL, NULL));
  return 0;
}

static int
child_stubborn_and_slow (void)
{
  g_assert_true (thredo_run (THREDO_RUN_HANDLE_SIGNALS, be_stubborn, (char *) "slow", NULL, NULL));
  return 0;
}

static void
tell_where (GCancellable *cancellable,
            gpointer      where)
{
  gboolean on_loop = g_main_context_is_owner (thredo_get_main_context ());

  g_atomic_pointer_set ((gpointer *) where, (gpointer) (on_loop ? "on the loop" : "off the loop"));
}

static gboolean
is_told (gpointer where)
{
  return g_atomic_pointer_get ((gpointer *) where) != NULL;
}

static gboolean
tell_where_on_loop (gpointer where)
{
  tell_where (NULL, where);
  return G_SOURCE_REMOVE;
}

/* Handlers of users may take their time, and a source on the loop may not. */
static gboolean
join_worker_and_tell (ThredoThread  *thread,
                      gpointer       user_data,
                      GError       **error)
{
  g_autoptr(GSource) source = g_idle_source_new ();
  gpointer source_ran = NULL;
  gpointer handler_ran = NULL;

  g_source_set_callback (source, tell_where_on_loop, &source_ran, NULL);
  g_source_attach (source, thredo_get_main_context ());
  support_wait_for ("a source on the loop", is_told, &source_ran);
  g_assert_cmpstr (source_ran, ==, "on the loop");

  g_cancellable_connect (thredo_thread_get_cancellable (thread), G_CALLBACK (tell_where),
                         &handler_ran, NULL);
  join_worker (thread, NULL, error);
  support_wait_for ("a handler of the cancel", is_told, &handler_ran);
  say (handler_ran);
  return FALSE;
}

static int
child_handler (void)
{
  g_assert_false (thredo_run (THREDO_RUN_HANDLE_SIGNALS, join_worker_and_tell, NULL, NULL, NULL));
  return 3;
}

static int
child_plain (void)
{
  thredo_run (THREDO_RUN_DEFAULT, join_worker, NULL, NULL, NULL);
  return 3;
}

static int
child_restored (void)
{
  g_assert_true (thredo_run (THREDO_RUN_HANDLE_SIGNALS, use_everything, NULL, NULL, NULL));
  say ("ready");
  for (;;)
    pause ();
  return 0;
}

static void
handle (int signal_number)
{
  ssize_t n_written = write (STDOUT_FILENO, "handled\n", 8);
  _exit (n_written == 8 ? 5 : 6);
}

static int
child_own_handler (void)
{
  struct sigaction action = { .sa_handler = handle };

  sigaction (SIGINT, &action, NULL);
  return child_restored ();
}

static const struct
{
  const char *name;
  int (*run) (void);
} children[] = {
  { "join", child_join },
  { "twice", child_twice },
  { "stubborn", child_stubborn },
  { "stubborn-and-slow", child_stubborn_and_slow },
  { "handler", child_handler },
  { "plain", child_plain },
  { "restored", child_restored },
  { "own-handler", child_own_handler },
};

static int
run_child (const char *name)
{
  /* A child that hangs dies of this, and the parent says so. */
  alarm (60);
  for (gsize i = 0; i < G_N_ELEMENTS (children); i++)
    {
      if (g_str_equal (children[i].name, name))
        return children[i].run ();
    }
  g_assert_not_reached ();
}

/* Their parent. */

typedef struct
{
  GSubprocess *process;
  GDataInputStream *output;
} Child;

/* FALSE: there is nothing to test here. */
static gboolean
child_start (Child      *child,
             const char *name)
{
  GSubprocessFlags flags = G_SUBPROCESS_FLAGS_STDIN_PIPE | G_SUBPROCESS_FLAGS_STDOUT_PIPE;

#if SUPPORT_WITH_TSAN
  g_test_skip ("ThreadSanitizer keeps signals back while a thread is in a futex");
  return FALSE;
#endif

  child->process = support_spawn_self (flags, "--child", name, NULL);
  child->output = g_data_input_stream_new (g_subprocess_get_stdout_pipe (child->process));
  return TRUE;
}

static void
child_expect (Child      *child,
              const char *expected)
{
  g_autoptr(GError) error = NULL;
  g_autofree char *line = g_data_input_stream_read_line (child->output, NULL, NULL, &error);

  g_assert_no_error (error);
  g_assert_cmpstr (line, ==, expected);
}

static void
child_end (Child *child)
{
  support_wait_for_process (child->process);
  if (g_subprocess_get_if_signaled (child->process))
    g_assert_cmpint (g_subprocess_get_term_sig (child->process), !=, SIGALRM);
}

static void
child_clear (Child *child)
{
  g_object_unref (child->output);
  g_object_unref (child->process);
}

static void
test_signal (gconstpointer signal_number)
{
  Child child;

  if (!child_start (&child, "join"))
    return;
  child_expect (&child, "ready");
  g_subprocess_send_signal (child.process, GPOINTER_TO_INT (signal_number));
  child_expect (&child, "cleaned up");
  child_expect (&child, "returned");
  child_end (&child);
  g_assert_true (g_subprocess_get_if_exited (child.process));
  g_assert_cmpint (g_subprocess_get_exit_status (child.process), ==, 3);
  child_clear (&child);
}

static void
test_signal_in_second_run (void)
{
  Child child;

  if (!child_start (&child, "twice"))
    return;
  for (int i = 0; i < 2; i++)
    {
      child_expect (&child, "ready");
      g_subprocess_send_signal (child.process, SIGINT);
      child_expect (&child, "cleaned up");
      child_expect (&child, "returned");
    }
  child_end (&child);
  g_assert_true (g_subprocess_get_if_exited (child.process));
  g_assert_cmpint (g_subprocess_get_exit_status (child.process), ==, 3);
  child_clear (&child);
}

static void
test_second_signal (gconstpointer signal_number)
{
  Child child;

  if (!child_start (&child, "stubborn"))
    return;
  child_expect (&child, "ready");
  g_subprocess_send_signal (child.process, SIGINT);
  child_expect (&child, "cancelled");
  g_subprocess_send_signal (child.process, GPOINTER_TO_INT (signal_number));
  child_expect (&child, NULL);
  child_end (&child);
  g_assert_false (g_subprocess_get_successful (child.process));
  child_clear (&child);
}

static void
test_second_signal_late (void)
{
  Child child;
  GOutputStream *input;
  g_autoptr(GError) error = NULL;

  if (!child_start (&child, "stubborn-and-slow"))
    return;
  input = g_subprocess_get_stdin_pipe (child.process);
  child_expect (&child, "ready");
  g_subprocess_send_signal (child.process, SIGINT);
  /* This comes more than two seconds later. */
  child_expect (&child, "cancelled");
  g_subprocess_send_signal (child.process, SIGINT);
  g_output_stream_write_all (input, "\n", 1, NULL, NULL, &error);
  g_assert_no_error (error);
  child_expect (&child, "alive");
  g_output_stream_close (input, NULL, &error);
  g_assert_no_error (error);
  child_end (&child);
  g_assert_true (g_subprocess_get_successful (child.process));
  child_clear (&child);
}

static void
test_signal_handlers (void)
{
  Child child;

  if (!child_start (&child, "handler"))
    return;
  child_expect (&child, "ready");
  g_subprocess_send_signal (child.process, SIGINT);
  child_expect (&child, "cleaned up");
  child_expect (&child, "off the loop");
  child_end (&child);
  g_assert_true (g_subprocess_get_if_exited (child.process));
  g_assert_cmpint (g_subprocess_get_exit_status (child.process), ==, 3);
  child_clear (&child);
}

static void
test_signal_without_flag (void)
{
  Child child;

  if (!child_start (&child, "plain"))
    return;
  child_expect (&child, "ready");
  g_subprocess_send_signal (child.process, SIGINT);
  child_expect (&child, NULL);
  child_end (&child);
  g_assert_true (g_subprocess_get_if_signaled (child.process));
  g_assert_cmpint (g_subprocess_get_term_sig (child.process), ==, SIGINT);
  child_clear (&child);
}

static void
test_signal_after_run (void)
{
  Child child;

  if (!child_start (&child, "restored"))
    return;
  child_expect (&child, "ready");
  g_subprocess_send_signal (child.process, SIGINT);
  child_expect (&child, NULL);
  child_end (&child);
  g_assert_true (g_subprocess_get_if_signaled (child.process));
  g_assert_cmpint (g_subprocess_get_term_sig (child.process), ==, SIGINT);
  child_clear (&child);
}

static void
test_own_handler_after_run (void)
{
  Child child;

  if (!child_start (&child, "own-handler"))
    return;
  child_expect (&child, "ready");
  g_subprocess_send_signal (child.process, SIGINT);
  child_expect (&child, "handled");
  child_end (&child);
  g_assert_true (g_subprocess_get_if_exited (child.process));
  g_assert_cmpint (g_subprocess_get_exit_status (child.process), ==, 5);
  child_clear (&child);
}

int
main (int    argc,
      char **argv)
{
  if (argc == 3 && g_str_equal (argv[1], "--child"))
    return run_child (argv[2]);

  support_init (&argc, &argv);

  g_test_add_func ("/run", test_run);
  g_test_add_func ("/run/failed", test_run_failed);
  g_test_add_func ("/run/destroy", test_run_destroy);
  g_test_add_func ("/run/again", test_run_again);
  g_test_add_func ("/run/surrounded", test_run_surrounded);

  g_test_add_func ("/run/sleep", test_sleep);
  g_test_add_func ("/run/sleep/negative", test_sleep_negative);
  g_test_add_func ("/run/check-cancelled", test_check_cancelled);
  g_test_add_func ("/run/get-cancellable", test_get_cancellable);

  g_test_add_data_func ("/run/signal/int", GINT_TO_POINTER (SIGINT), test_signal);
  g_test_add_data_func ("/run/signal/term", GINT_TO_POINTER (SIGTERM), test_signal);
  g_test_add_func ("/run/signal/in-second-run", test_signal_in_second_run);
  g_test_add_data_func ("/run/signal/second-int", GINT_TO_POINTER (SIGINT), test_second_signal);
  g_test_add_data_func ("/run/signal/second-term", GINT_TO_POINTER (SIGTERM), test_second_signal);
  g_test_add_func ("/run/signal/second-late", test_second_signal_late);
  g_test_add_func ("/run/signal/handlers", test_signal_handlers);
  g_test_add_func ("/run/signal/without-flag", test_signal_without_flag);
  g_test_add_func ("/run/signal/after-run", test_signal_after_run);
  g_test_add_func ("/run/signal/own-handler-after-run", test_own_handler_after_run);

  return g_test_run ();
}
