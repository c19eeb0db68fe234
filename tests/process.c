/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Children: waiting for one, and commands that are run for their output.
 */

#include "support.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define MANY (3 * 1024 * 1024)

static GPid
spawn_shell (const char *script)
{
  const char *const argv[] = { "/bin/sh", "-c", script, NULL };
  g_autoptr(GError) error = NULL;
  GPid pid;

  g_spawn_async (NULL, (char **) argv, NULL, G_SPAWN_DO_NOT_REAP_CHILD, NULL, NULL, &pid, &error);
  g_assert_no_error (error);
  return pid;
}

static gboolean
is_alive (GPid pid)
{
  return kill (pid, 0) == 0;
}

static gboolean
is_gone (gpointer pid)
{
  return !is_alive (GPOINTER_TO_INT (pid));
}

static ThredoCommand *
new_shell_command (const char *script)
{
  const char *const argv[] = { "/bin/sh", "-c", script, NULL };

  return thredo_command_new (argv);
}

/* A file that is not there until a script, or the test, has got so far. For the script it is $0. */
static char *
new_flag (void)
{
  static guint n_flags;

  return g_strdup_printf ("%s/thredo-process-%d-%u", g_get_tmp_dir (), (int) getpid (),
                          n_flags++);
}

static ThredoCommand *
new_flag_command (const char *script,
                  const char *flag)
{
  const char *const argv[] = { "/bin/sh", "-c", script, flag, NULL };

  return thredo_command_new (argv);
}

static gboolean
is_flag_there (gpointer flag)
{
  return g_file_test (flag, G_FILE_TEST_EXISTS);
}

static void
wait_for_flag (const char *flag)
{
  support_wait_for ("a script getting so far", is_flag_there, (gpointer) flag);
  g_unlink (flag);
}

/* Whether it runs no more, and nobody has taken notice of it, or somebody has. */
static gboolean
is_ended (gpointer pid)
{
  siginfo_t info = { 0 };

  return waitid (P_PID, (id_t) GPOINTER_TO_INT (pid), &info, WEXITED | WNOHANG | WNOWAIT) == -1 ||
         info.si_pid != 0;
}

static void
assert_output (ThredoCommand *command,
               const char    *expected)
{
  g_autoptr(GBytes) output = thredo_command_get_output (command);

  g_assert_nonnull (output);
  g_assert_cmpmem (g_bytes_get_data (output, NULL), g_bytes_get_size (output), expected,
                   strlen (expected));
}

typedef struct
{
  GPid pid;
  GSubprocess *subprocess;
  ThredoCommand *command;
  GCancellable *cancellable;
  GTimeSpan timeout;
  ThredoScope *scope; /* of a command; NULL: none */
  int wait_status;
  gint64 took;
} Job;

static gboolean
wait_for_child (ThredoThread  *thread,
                gpointer       data,
                GError       **error)
{
  Job *job = data;
  g_autoptr(ThredoScope) scope = thredo_scope_new_with_timeout (job->timeout);
  G_GNUC_UNUSED g_autoptr(ThredoScopeGuard) scope_guard = thredo_scope_guard_new (scope);

  return thredo_wait_child (job->pid, &job->wait_status, job->cancellable, error);
}

static gboolean
wait_for_subprocess (ThredoThread  *thread,
                     gpointer       data,
                     GError       **error)
{
  Job *job = data;
  g_autoptr(ThredoScope) scope = thredo_scope_new_with_timeout (job->timeout);
  G_GNUC_UNUSED g_autoptr(ThredoScopeGuard) scope_guard = thredo_scope_guard_new (scope);

  return thredo_wait_subprocess (job->subprocess, job->cancellable, error);
}

static gboolean
run_command (ThredoThread  *thread,
             gpointer       data,
             GError       **error)
{
  Job *job = data;
  gint64 began = g_get_monotonic_time ();
  gboolean ok;

  if (job->scope != NULL)
    thredo_scope_enter (job->scope);
  ok = thredo_command_run (job->command, job->cancellable, error);
  if (job->scope != NULL)
    thredo_scope_leave (job->scope);
  job->took = g_get_monotonic_time () - began;
  return ok;
}

/* A child. */

static void
test_child_exit (void)
{
  g_autoptr(GError) error = NULL;
  int status = -1;

  thredo_wait_child (spawn_shell ("exit 7"), &status, NULL, &error);
  g_assert_no_error (error);
  g_assert_true (WIFEXITED (status));
  g_assert_cmpint (WEXITSTATUS (status), ==, 7);

  thredo_wait_child (spawn_shell ("kill -9 $$"), &status, NULL, &error);
  g_assert_no_error (error);
  g_assert_true (WIFSIGNALED (status));
  g_assert_cmpint (WTERMSIG (status), ==, SIGKILL);

  thredo_wait_child (spawn_shell ("sleep 0.05"), NULL, NULL, &error);
  g_assert_no_error (error);
}

static void
test_child_none (void)
{
  g_autoptr(GError) error = NULL;
  GPid pid = spawn_shell ("exit 0");

  g_assert_false (thredo_wait_child (getpid (), NULL, NULL, &error));
  support_assert_error (&error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND);

  g_assert_true (thredo_wait_child (pid, NULL, NULL, &error));
  g_assert_no_error (error);
  g_assert_false (thredo_wait_child (pid, NULL, NULL, &error));
  support_assert_error (&error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND);
}

/* The child goes on, and its status is still there for somebody else. */
static void
test_child_cancelled (void)
{
  g_autoptr(GCancellable) cancellable = g_cancellable_new ();
  g_autoptr(ThredoThread) cancelled = NULL;
  g_autoptr(ThredoThread) explicit = NULL;
  g_autoptr(ThredoThread) late = NULL;
  g_autoptr(GError) error = NULL;
  Job job = { .pid = spawn_shell ("exec sleep 1000"), .timeout = SUPPORT_FOREVER };

  cancelled = thredo_thread_spawn ("waits", wait_for_child, &job, NULL, &error);
  g_assert_no_error (error);
  support_wait_for_wait (cancelled, "wait for a child process");
  support_cancel_and_join (cancelled);

  job.cancellable = cancellable;
  explicit = thredo_thread_spawn ("waits", wait_for_child, &job, NULL, &error);
  g_assert_no_error (error);
  support_wait_for_wait (explicit, "wait for a child process");
  g_cancellable_cancel (cancellable);
  g_assert_false (thredo_thread_join (explicit, NULL, &error));
  support_assert_error (&error, THREDO_ERROR, THREDO_ERROR_THREAD_CANCELLED);

  job.cancellable = NULL;
  job.timeout = 10 * G_TIME_SPAN_MILLISECOND;
  late = thredo_thread_spawn ("waits", wait_for_child, &job, NULL, &error);
  g_assert_no_error (error);
  g_assert_false (thredo_thread_join (late, NULL, &error));
  support_assert_timed_out (&error);

  g_assert_true (is_alive (job.pid));
  kill (job.pid, SIGTERM);
  thredo_wait_child (job.pid, &job.wait_status, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpint (WTERMSIG (job.wait_status), ==, SIGTERM);
}

/* Whoever gets the status gets it once, whenever the cancel comes. */
static void
test_child_race (void)
{
  guint rounds = support_rounds (500);
  guint n_waited = 0, n_cancelled = 0;

  for (guint i = 0; i < rounds || (n_cancelled == 0 && i < 100 * rounds); i++)
    {
      Job job = { .pid = spawn_shell ("exit 3"), .timeout = SUPPORT_FOREVER, .wait_status = -1 };
      g_autoptr(GError) error = NULL;
      g_autoptr(ThredoThread) thread =
          thredo_thread_spawn ("waits", wait_for_child, &job, NULL, &error);

      g_assert_no_error (error);
      g_usleep (i % 20 * 100);
      thredo_thread_cancel (thread);
      if (thredo_thread_join (thread, NULL, &error))
        {
          n_waited++;
        }
      else
        {
          support_assert_error (&error, THREDO_ERROR, THREDO_ERROR_THREAD_CANCELLED);
          n_cancelled++;
          thredo_wait_child (job.pid, &job.wait_status, NULL, &error);
          g_assert_no_error (error);
        }
      g_assert_cmpint (WEXITSTATUS (job.wait_status), ==, 3);
    }
  g_test_message ("%u waited, %u cancelled", n_waited, n_cancelled);
  g_assert_cmpuint (n_cancelled, >, 0);
}

static void
child_watched (GPid     pid,
               int      wait_status,
               gpointer status)
{
  g_atomic_int_set ((int *) status, wait_status);
}

/* Beside GLib's own ways, all at once. */
static void
test_child_beside_glib (void)
{
  g_autoptr(GError) error = NULL;
  GSubprocess *subprocesses[8];
  ThredoThread *threads[8];
  Job jobs[8];
  int watched[8];

  for (guint i = 0; i < 8; i++)
    {
      g_autoptr(GSource) source = g_child_watch_source_new (spawn_shell ("sleep 0.02; exit 1"));

      watched[i] = -1;
      g_source_set_callback (source, G_SOURCE_FUNC (child_watched), &watched[i], NULL);
      g_source_attach (source, thredo_get_main_context ());
      subprocesses[i] = g_subprocess_new (G_SUBPROCESS_FLAGS_NONE, &error, "/bin/sh", "-c",
                                          "sleep 0.02; exit 2", NULL);
      g_assert_no_error (error);
      jobs[i] = (Job) { .pid = spawn_shell ("sleep 0.02; exit 3"), .timeout = SUPPORT_FOREVER };
      threads[i] = thredo_thread_spawn ("waits", wait_for_child, &jobs[i], NULL, &error);
      g_assert_no_error (error);
    }
  for (guint i = 0; i < 8; i++)
    {
      support_join_ok (threads[i]);
      g_assert_cmpint (WEXITSTATUS (jobs[i].wait_status), ==, 3);
      thredo_wait_subprocess (subprocesses[i], NULL, &error);
      g_assert_no_error (error);
      g_assert_cmpint (g_subprocess_get_exit_status (subprocesses[i]), ==, 2);
      support_wait_for_int (&watched[i], 0);
      g_assert_cmpint (WEXITSTATUS (watched[i]), ==, 1);
      g_object_unref (threads[i]);
      g_object_unref (subprocesses[i]);
    }
}

static void
test_child_resources (void)
{
  guint n_fds;

  test_child_exit ();
  n_fds = support_count_fds ();
  for (guint i = 0; i < 20; i++)
    test_child_exit ();
  g_assert_cmpuint (support_count_fds (), ==, n_fds);
}

static void
test_subprocess (void)
{
  g_autoptr(GCancellable) cancellable = g_cancellable_new ();
  g_autoptr(ThredoThread) cancelled = NULL;
  g_autoptr(ThredoThread) explicit = NULL;
  g_autoptr(ThredoThread) late = NULL;
  g_autoptr(GError) error = NULL;
  Job job = { .timeout = SUPPORT_FOREVER };
  g_autofree char *what = NULL;

  job.subprocess = g_subprocess_new (G_SUBPROCESS_FLAGS_NONE, &error, "sleep", "1000", NULL);
  g_assert_no_error (error);
  what = g_strdup_printf ("wait on Subprocess '%s'",
                          g_subprocess_get_identifier (job.subprocess));

  cancelled = thredo_thread_spawn ("waits", wait_for_subprocess, &job, NULL, &error);
  g_assert_no_error (error);
  support_wait_for_wait (cancelled, what);
  support_cancel_and_join (cancelled);

  job.cancellable = cancellable;
  explicit = thredo_thread_spawn ("waits", wait_for_subprocess, &job, NULL, &error);
  g_assert_no_error (error);
  support_wait_for_wait (explicit, what);
  g_cancellable_cancel (cancellable);
  g_assert_false (thredo_thread_join (explicit, NULL, &error));
  support_assert_error (&error, THREDO_ERROR, THREDO_ERROR_THREAD_CANCELLED);

  job.cancellable = NULL;
  job.timeout = 10 * G_TIME_SPAN_MILLISECOND;
  late = thredo_thread_spawn ("waits", wait_for_subprocess, &job, NULL, &error);
  g_assert_no_error (error);
  g_assert_false (thredo_thread_join (late, NULL, &error));
  support_assert_timed_out (&error);

  g_subprocess_send_signal (job.subprocess, SIGTERM);
  thredo_wait_subprocess (job.subprocess, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpint (g_subprocess_get_term_sig (job.subprocess), ==, SIGTERM);
  /* And once more, when it has ended. */
  g_assert_true (thredo_wait_subprocess (job.subprocess, NULL, &error));
  g_object_unref (job.subprocess);
}

/* Commands. */

static void
test_command_run (void)
{
  g_autoptr(ThredoCommand) command = new_shell_command ("echo out; echo err >&2; exit 3");
  g_autoptr(GBytes) errors = NULL;
  g_autoptr(GError) error = NULL;

  g_assert_null (thredo_command_get_output (command));
  g_assert_null (thredo_command_get_error_output (command));
  g_assert_cmpint (thredo_command_get_exit_status (command), ==, -1);
  g_assert_cmpint (thredo_command_get_term_signal (command), ==, 0);

  thredo_command_run (command, NULL, &error);
  g_assert_no_error (error);
  assert_output (command, "out\n");
  errors = thredo_command_get_error_output (command);
  g_assert_cmpmem (g_bytes_get_data (errors, NULL), g_bytes_get_size (errors), "err\n", 4);
  g_assert_cmpint (thredo_command_get_exit_status (command), ==, 3);
  g_assert_cmpint (thredo_command_get_term_signal (command), ==, 0);

  g_assert_false (thredo_command_run (command, NULL, &error));
  support_assert_error (&error, THREDO_ERROR, THREDO_ERROR_STATE);
  assert_output (command, "out\n");
}

static void
test_command_signal (void)
{
  g_autoptr(ThredoCommand) command = new_shell_command ("echo out; kill -USR1 $$");
  g_autoptr(GError) error = NULL;

  thredo_command_run (command, NULL, &error);
  g_assert_no_error (error);
  assert_output (command, "out\n");
  g_assert_cmpint (thredo_command_get_exit_status (command), ==, -1);
  g_assert_cmpint (thredo_command_get_term_signal (command), ==, SIGUSR1);
}

static void
test_command_properties (void)
{
  g_autoptr(ThredoCommand) command = new_shell_command ("pwd; cat; echo $MOOD");
  g_autoptr(GBytes) input = g_bytes_new_static ("input", 5);
  g_autoptr(GBytes) same_input = NULL;
  g_auto(GStrv) argv = NULL;
  g_auto(GStrv) environment = NULL;
  g_auto(GStrv) mood = g_environ_setenv (g_get_environ (), "MOOD", "sunny", TRUE);
  g_autofree char *folder = NULL;
  g_autoptr(GError) error = NULL;
  gint64 grace;

  g_object_get (command, "argv", &argv, "grace", &grace, "working-directory", &folder,
                "environment", &environment, NULL);
  g_assert_cmpstr (argv[2], ==, "pwd; cat; echo $MOOD");
  g_assert_cmpint (grace, ==, 2 * G_TIME_SPAN_SECOND);
  g_assert_null (folder);
  g_assert_null (environment);

  g_object_set (command, "input", input, "grace", (gint64) 5, "working-directory", "/",
                "environment", mood, NULL);
  g_object_get (command, "input", &same_input, NULL);
  g_assert_true (same_input == input);
  thredo_command_run (command, NULL, &error);
  g_assert_no_error (error);
  assert_output (command, "/\ninputsunny\n");
}

static void
test_command_not_found (void)
{
  const char *const argv[] = { "/no/such/program", NULL };
  g_autoptr(ThredoCommand) command = thredo_command_new (argv);
  g_autoptr(GError) error = NULL;

  for (guint i = 0; i < 2; i++)
    {
      g_assert_false (thredo_command_run (command, NULL, &error));
      support_assert_error (&error, G_SPAWN_ERROR, G_SPAWN_ERROR_NOENT);
      g_assert_null (thredo_command_get_output (command));
    }
}

/* More than any pipe holds, in all three directions at once. */
static void
test_command_much (void)
{
  g_autoptr(ThredoCommand) command = new_shell_command ("tee /dev/stderr");
  g_autofree char *data = g_malloc (MANY);
  g_autoptr(GBytes) input = NULL;
  g_autoptr(GBytes) output = NULL;
  g_autoptr(GBytes) error_output = NULL;
  g_autoptr(GError) error = NULL;

  for (guint i = 0; i < MANY; i++)
    data[i] = (char) (i * 31 + i / 257);
  input = g_bytes_new_static (data, MANY);
  thredo_command_set_input (command, input);
  thredo_command_run (command, NULL, &error);
  g_assert_no_error (error);
  output = thredo_command_get_output (command);
  error_output = thredo_command_get_error_output (command);
  g_assert_true (g_bytes_equal (input, output));
  g_assert_true (g_bytes_equal (input, error_output));
}

/* The child does not read what it is given: no error, and no SIGPIPE. */
static void
test_command_input_ignored (void)
{
  g_autofree char *data = g_malloc0 (MANY);
  g_autoptr(GBytes) input = g_bytes_new_static (data, MANY);
  g_autoptr(GError) error = NULL;
  struct sigaction before, now;

  /* GIO may have had it ignored. */
  sigaction (SIGPIPE, NULL, &before);
  signal (SIGPIPE, SIG_DFL);
  for (guint i = 0; i < 20; i++)
    {
      g_autoptr(ThredoCommand) command =
          new_shell_command (i % 2 == 0 ? "exit 0" : "exec <&-; sleep 0.01; echo out");

      thredo_command_set_input (command, input);
      thredo_command_run (command, NULL, &error);
      g_assert_no_error (error);
      g_assert_cmpint (thredo_command_get_exit_status (command), ==, 0);
    }
  sigaction (SIGPIPE, NULL, &now);
  g_assert_true (now.sa_handler == SIG_DFL);
  sigaction (SIGPIPE, &before, NULL);
}

/* Somebody keeps the child's input open, reads none of it, and lives longer. */
static void
test_command_input_kept (void)
{
  g_autoptr(ThredoCommand) command =
      new_shell_command ("exec 3<&0; sleep 1000 >/dev/null 2>&1 <&3 & echo $!");
  g_autofree char *data = g_malloc0 (MANY);
  g_autoptr(GBytes) input = g_bytes_new_static (data, MANY);
  g_autoptr(GBytes) output = NULL;
  g_autoptr(GError) error = NULL;

  thredo_command_set_input (command, input);
  thredo_command_run (command, NULL, &error);
  g_assert_no_error (error);
  output = thredo_command_get_output (command);
  kill (atoi (g_bytes_get_data (output, NULL)), SIGKILL);
}

static int
first_number (ThredoCommand *command)
{
  g_autoptr(GBytes) output = thredo_command_get_output (command);

  g_assert_nonnull (output);
  g_assert_cmpuint (g_bytes_get_size (output), >, 0);
  return atoi (g_bytes_get_data (output, NULL));
}

typedef enum
{
  BY_CANCEL,
  BY_CANCELLABLE,
  BY_DEADLINE,
} How;

/* What it has written before is kept, and it is gone. */
static void
test_command_ended (gconstpointer data)
{
  How how = GPOINTER_TO_INT (data);
  g_autofree char *flag = new_flag ();
  g_autoptr(ThredoCommand) command =
      new_flag_command ("echo $$; : >\"$0\"; exec sleep 1000", flag);
  g_autoptr(GCancellable) cancellable = g_cancellable_new ();
  g_autoptr(ThredoScope) scope = thredo_scope_new ();
  g_autoptr(ThredoThread) thread = NULL;
  g_autoptr(GError) error = NULL;
  Job job = { .command = command, .scope = scope };

  job.cancellable = how == BY_CANCELLABLE ? cancellable : NULL;
  thread = thredo_thread_spawn ("runs", run_command, &job, NULL, &error);
  g_assert_no_error (error);
  support_wait_for_wait (thread, "run on Command '/bin/sh'");
  wait_for_flag (flag);
  if (how == BY_CANCEL)
    thredo_thread_cancel (thread);
  else if (how == BY_CANCELLABLE)
    g_cancellable_cancel (cancellable);
  else
    thredo_scope_set_deadline (scope, g_get_monotonic_time ());
  g_assert_false (thredo_thread_join (thread, NULL, &error));
  if (how == BY_DEADLINE)
    support_assert_timed_out (&error);
  else
    support_assert_error (&error, THREDO_ERROR, THREDO_ERROR_THREAD_CANCELLED);

  g_assert_false (is_alive (first_number (command)));
  g_assert_cmpint (thredo_command_get_term_signal (command), ==, SIGTERM);
  g_assert_cmpint (thredo_command_get_exit_status (command), ==, -1);
  g_assert_cmpint (waitpid (-1, NULL, WNOHANG), ==, -1);
  g_assert_cmpint (errno, ==, ECHILD);
}

/* One that does as it is told, but says something first. */
static void
test_command_last_words (void)
{
  g_autofree char *flag = new_flag ();
  g_autoptr(ThredoCommand) command = new_flag_command (
      "trap 'head -c 500000 /dev/zero; echo; echo bye; exit 9' TERM; echo ready; : >\"$0\"; "
      "while :; do sleep 0.01; done",
      flag);
  g_autoptr(ThredoScope) scope = thredo_scope_new ();
  g_autoptr(GBytes) output = NULL;
  g_autoptr(ThredoThread) thread = NULL;
  g_autoptr(GError) error = NULL;
  Job job = { .command = command, .scope = scope };

  thredo_command_set_grace (command, SUPPORT_LIMIT);
  thread = thredo_thread_spawn ("runs", run_command, &job, NULL, &error);
  g_assert_no_error (error);
  wait_for_flag (flag);
  thredo_scope_set_deadline (scope, g_get_monotonic_time ());
  g_assert_false (thredo_thread_join (thread, NULL, &error));
  support_assert_timed_out (&error);
  g_assert_cmpint (thredo_command_get_exit_status (command), ==, 9);
  output = thredo_command_get_output (command);
  g_assert_cmpuint (g_bytes_get_size (output), ==, 6 + 500000 + 1 + 4);
}

/* One that does not. */
static void
test_command_killed (void)
{
  g_autofree char *flag = new_flag ();
  g_autoptr(ThredoCommand) command = new_flag_command (
      "trap '' TERM; echo $$; : >\"$0\"; while :; do sleep 0.01; done", flag);
  g_autoptr(ThredoScope) scope = thredo_scope_new ();
  g_autoptr(ThredoThread) thread = NULL;
  g_autoptr(GError) error = NULL;
  Job job = { .command = command, .scope = scope };

  thredo_command_set_grace (command, 200 * G_TIME_SPAN_MILLISECOND);
  thread = thredo_thread_spawn ("runs", run_command, &job, NULL, &error);
  g_assert_no_error (error);
  wait_for_flag (flag);
  thredo_scope_set_deadline (scope, g_get_monotonic_time ());
  g_assert_false (thredo_thread_join (thread, NULL, &error));
  support_assert_timed_out (&error);
  g_assert_false (is_alive (first_number (command)));
  g_assert_cmpint (thredo_command_get_term_signal (command), ==, SIGKILL);
  g_assert_cmpint (job.took, >=, 200 * G_TIME_SPAN_MILLISECOND);
}

/* It leaves behind somebody who writes for ever to where it has written. */
static void
test_command_left_behind (void)
{
  g_autofree char *flag = new_flag ();
  g_autofree char *pid = NULL;
  g_autoptr(ThredoCommand) command = new_flag_command (
      "yes & echo $! >&2; echo $$ >\"$0-\"; mv \"$0-\" \"$0\"; exit 0", flag);
  g_autoptr(ThredoScope) scope = thredo_scope_new ();
  g_autoptr(GBytes) error_output = NULL;
  g_autoptr(ThredoThread) thread = NULL;
  g_autoptr(GError) error = NULL;
  Job job = { .command = command, .scope = scope };
  int other;

  thread = thredo_thread_spawn ("runs", run_command, &job, NULL, &error);
  g_assert_no_error (error);
  support_wait_for ("a script getting so far", is_flag_there, flag);
  g_file_get_contents (flag, &pid, NULL, &error);
  g_assert_no_error (error);
  g_unlink (flag);
  support_wait_for ("the end of the child", is_ended, GINT_TO_POINTER (atoi (pid)));
  thredo_scope_set_deadline (scope, g_get_monotonic_time ());
  g_assert_false (thredo_thread_join (thread, NULL, &error));
  support_assert_timed_out (&error);
  g_assert_cmpint (thredo_command_get_exit_status (command), ==, 0);
  error_output = thredo_command_get_error_output (command);
  other = atoi (g_bytes_get_data (error_output, NULL));
  kill (other, SIGKILL);
  support_wait_for ("the end of what the child left behind", is_gone, GINT_TO_POINTER (other));
}

static void
test_command_cancelled_before (void)
{
  g_autoptr(ThredoCommand) command = new_shell_command ("echo out");
  g_autoptr(GCancellable) cancellable = g_cancellable_new ();
  g_autoptr(GError) error = NULL;

  g_cancellable_cancel (cancellable);
  g_assert_false (thredo_command_run (command, cancellable, &error));
  support_assert_cancelled (&error);

  /* It was not run. */
  thredo_command_run (command, NULL, &error);
  g_assert_no_error (error);
  assert_output (command, "out\n");
}

static gboolean
run_shielded (ThredoThread  *thread,
              gpointer       command,
              GError       **error)
{
  g_autoptr(ThredoScope) shield = thredo_scope_new_shielded ();
  G_GNUC_UNUSED g_autoptr(ThredoScopeGuard) shield_guard = thredo_scope_guard_new (shield);

  return thredo_command_run (command, NULL, error);
}

static void
test_command_shielded (void)
{
  g_autofree char *flag = new_flag ();
  g_autoptr(ThredoCommand) command = new_flag_command (
      "while ! [ -e \"$0\" ]; do sleep 0.01; done; echo out", flag);
  g_autoptr(ThredoThread) thread = NULL;
  g_autoptr(GError) error = NULL;

  thread = thredo_thread_spawn ("runs", run_shielded, command, NULL, &error);
  g_assert_no_error (error);
  support_wait_for_wait (thread, "run on Command '/bin/sh'");
  thredo_thread_cancel (thread);
  g_assert_cmpint (thredo_thread_get_state (thread), ==, THREDO_THREAD_STATE_WAITING);
  g_file_set_contents (flag, "", 0, &error);
  g_assert_no_error (error);
  support_join_ok (thread);
  g_unlink (flag);
  assert_output (command, "out\n");
}

/* Many at once; and at the end no process, thread or file descriptor too many. */
static gboolean
run_some (ThredoThread  *thread,
          gpointer       data,
          GError       **error)
{
  for (guint i = 0; i < 5; i++)
    {
      g_autoptr(ThredoCommand) command = new_shell_command ("cat; echo end");
      g_autoptr(GBytes) input = g_bytes_new_static ("begin\n", 6);

      thredo_command_set_input (command, input);
      if (!thredo_command_run (command, NULL, error))
        return FALSE;
      assert_output (command, "begin\nend\n");
    }
  return TRUE;
}

static void
test_command_many (void)
{
  g_autoptr(GError) error = NULL;
  guint n_fds = 0;

  for (guint round = 0; round < 2; round++)
    {
      g_autoptr(ThredoGroup) group = thredo_group_new (THREDO_GROUP_WAIT_ALL);

      for (guint i = 0; i < 10; i++)
        {
          G_GNUC_UNUSED g_autoptr(ThredoThread) thread =
              thredo_group_spawn (group, NULL, run_some, NULL, NULL, &error);

          g_assert_no_error (error);
        }
      thredo_group_join (group, NULL, &error);
      g_assert_no_error (error);
      if (round == 0)
        n_fds = support_count_fds ();
    }
  g_assert_cmpuint (support_count_fds (), ==, n_fds);
  g_assert_cmpint (waitpid (-1, NULL, WNOHANG), ==, -1);
  g_assert_cmpint (errno, ==, ECHILD);
}

/* The deadline passes about when the child ends: it has either ended or not, and is gone. */
static void
test_command_race (void)
{
  GTimeSpan timeout = 2 * G_TIME_SPAN_MILLISECOND;
  guint n_ended = 0;
  guint n_late = 0;

  while (n_ended < 20 || n_late < 20)
    {
      g_autoptr(ThredoCommand) command = new_shell_command ("echo out");
      g_autoptr(ThredoScope) scope = thredo_scope_new_with_timeout (timeout);
      g_autoptr(GError) error = NULL;
      gboolean ended;

      g_assert_cmpuint (n_ended + n_late, <, 10000);
      thredo_scope_enter (scope);
      ended = thredo_command_run (command, NULL, &error);
      thredo_scope_leave (scope);
      if (ended)
        {
          assert_output (command, "out\n");
          g_assert_cmpint (thredo_command_get_exit_status (command), ==, 0);
          n_ended++;
        }
      else
        {
          support_assert_timed_out (&error);
          n_late++;
        }
      g_assert_cmpint (waitpid (-1, NULL, WNOHANG), ==, -1);
      g_assert_cmpint (errno, ==, ECHILD);
      timeout = support_aim (timeout, !ended);
    }
  g_test_message ("%u ended, %u late", n_ended, n_late);
}

static void
test_command_interrupted (void)
{
  support_begin_storm ();
  for (guint i = 0; i < 3; i++)
    {
      test_command_much ();
      test_child_exit ();
    }
  support_end_storm ();
}

int
main (int    argc,
      char **argv)
{
  support_init (&argc, &argv);

  g_test_add_func ("/child/exit", test_child_exit);
  g_test_add_func ("/child/none", test_child_none);
  g_test_add_func ("/child/cancelled", test_child_cancelled);
  g_test_add_func ("/child/race", test_child_race);
  g_test_add_func ("/child/beside-glib", test_child_beside_glib);
  g_test_add_func ("/child/resources", test_child_resources);
  g_test_add_func ("/child/of-gio", test_subprocess);

  g_test_add_func ("/command/run", test_command_run);
  g_test_add_func ("/command/signal", test_command_signal);
  g_test_add_func ("/command/properties", test_command_properties);
  g_test_add_func ("/command/not-found", test_command_not_found);
  g_test_add_func ("/command/much", test_command_much);
  g_test_add_func ("/command/input-ignored", test_command_input_ignored);
  g_test_add_func ("/command/input-kept", test_command_input_kept);
  g_test_add_data_func ("/command/cancelled", GINT_TO_POINTER (BY_CANCEL), test_command_ended);
  g_test_add_data_func ("/command/explicit-cancellable", GINT_TO_POINTER (BY_CANCELLABLE),
                        test_command_ended);
  g_test_add_data_func ("/command/deadline", GINT_TO_POINTER (BY_DEADLINE), test_command_ended);
  g_test_add_func ("/command/last-words", test_command_last_words);
  g_test_add_func ("/command/killed", test_command_killed);
  g_test_add_func ("/command/left-behind", test_command_left_behind);
  g_test_add_func ("/command/cancelled-before", test_command_cancelled_before);
  g_test_add_func ("/command/shielded", test_command_shielded);
  g_test_add_func ("/command/many", test_command_many);
  g_test_add_func ("/command/race", test_command_race);
  g_test_add_func ("/command/interrupted", test_command_interrupted);

  return g_test_run ();
}
