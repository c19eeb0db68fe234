/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Monitors and exported processes, treated as nobody ought to treat them. */

#include "support.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char *runtime_folder;

static char *
dup_socket_path (guint pid)
{
  return g_strdup_printf ("%s/thredo-glib/%u", runtime_folder, pid);
}

static gboolean
is_listed (guint pid)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(GPtrArray) processes = thredo_monitor_list_processes (&error);
  gboolean found = FALSE;

  g_assert_no_error (error);
  for (guint i = 0; i < processes->len; i++)
    found = found || thredo_process_info_get_pid (processes->pdata[i]) == pid;
  return found;
}

/* The last reference is dropped by another thread, which could be a garbage collector's, while
 * the list is brought up to date. */

typedef struct
{
  ThredoMonitor *monitor;
  int begun;
  guint delay;
  int ended;
} Drop;

static gpointer
drop (gpointer data)
{
  Drop *self = data;

  g_atomic_int_set (&self->begun, TRUE);
  for (guint i = 0; i < self->delay; i++)
    g_atomic_int_get (&self->begun);
  g_object_unref (self->monitor);
  g_atomic_int_set (&self->ended, TRUE);
  g_main_context_wakeup (NULL);
  return NULL;
}

static void
test_drop (void)
{
  if (SUPPORT_WITH_TSAN)
    {
      g_test_skip ("ThreadSanitizer does not see what the counts of references order");
      return;
    }

  for (guint i = 0; i < support_rounds (500); i++)
    {
      Drop self = { .monitor = thredo_monitor_new (), .delay = (i * 97) % 5000 };
      GThread *thread;

      thredo_monitor_set_interval (self.monitor, 1);
      thread = g_thread_new ("drop", drop, &self);
      while (!g_atomic_int_get (&self.begun))
        g_thread_yield ();
      while (!g_atomic_int_get (&self.ended))
        g_main_context_iteration (NULL, FALSE);
      g_thread_join (thread);
    }
  while (g_main_context_iteration (NULL, FALSE))
    ;
}

static void
test_interval (void)
{
  g_autoptr(ThredoMonitor) monitor = thredo_monitor_new ();

  thredo_monitor_set_interval (monitor, G_MAXINT64);
  g_assert_cmpint (thredo_monitor_get_interval (monitor), ==, G_MAXINT64);
  thredo_monitor_refresh (monitor);
}

/* Each thread makes a group for the one that goes on, and ends: what is remembered of those before
 * does not grow for ever. */

#define N_GENERATIONS 200

typedef struct
{
  ThredoGroup *before;
  ThredoGroup *own;
  guint n_left;
  guint depth;
  guint max_depth;
  ThredoEvent *done;
} Relay;

static guint
count_groups_around (ThredoThread *thread)
{
  g_autoptr(ThredoMonitor) monitor = thredo_monitor_new ();

  for (guint i = 0; i < g_list_model_get_n_items (G_LIST_MODEL (monitor)); i++)
    {
      g_autoptr(ThredoThreadInfo) info = g_list_model_get_item (G_LIST_MODEL (monitor), i);

      if (thredo_thread_info_get_thread (info) == thread)
        return g_strv_length ((char **) thredo_thread_info_get_group_path (info));
    }
  g_assert_not_reached ();
}

static gboolean
go_on (ThredoThread  *thread,
       gpointer       user_data,
       GError       **error)
{
  Relay *self = user_data;
  g_autoptr(ThredoThread) next = NULL;

  if (self->before != NULL && !thredo_group_join (self->before, NULL, error))
    return FALSE;
  g_clear_object (&self->before);

  self->depth = count_groups_around (thread);
  self->max_depth = MAX (self->max_depth, self->depth);
  if (--self->n_left == 0)
    {
      thredo_event_set (self->done);
      return TRUE;
    }
  self->before = self->own;
  self->own = thredo_group_new (THREDO_GROUP_WAIT_ALL);
  next = thredo_group_spawn (self->own, NULL, go_on, self, NULL, error);
  return next != NULL;
}

static void
test_handover (void)
{
  Relay self = { .n_left = N_GENERATIONS };
  g_autoptr(ThredoThread) first = NULL;
  g_autoptr(GError) error = NULL;

  self.done = thredo_event_new ();
  self.own = thredo_group_new (THREDO_GROUP_WAIT_ALL);
  first = thredo_group_spawn (self.own, NULL, go_on, &self, NULL, &error);
  g_assert_no_error (error);
  thredo_event_wait (self.done, NULL, &error);
  g_assert_no_error (error);
  thredo_group_join (self.own, NULL, &error);
  g_assert_no_error (error);

  g_assert_cmpuint (self.depth, ==, self.max_depth);
  g_assert_cmpuint (self.max_depth, >=, 16);
  g_assert_cmpuint (self.max_depth, <=, 64);
  g_assert_null (self.before);
  g_object_unref (self.own);
  g_object_unref (self.done);
}

/* Threads that do not know of each other export, and take it back. */

static gpointer
export_and_unexport (gpointer data)
{
  for (guint i = 0; i < support_rounds (500); i++)
    {
      g_autoptr(GError) error = NULL;

      thredo_monitor_export (&error);
      g_assert_no_error (error);
      thredo_monitor_unexport ();
    }
  return NULL;
}

static void
test_cycles (void)
{
  g_autofree char *path = dup_socket_path ((guint) getpid ());
  GThread *threads[3];

  for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
    threads[i] = g_thread_new ("cycles", export_and_unexport, NULL);
  for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
    g_thread_join (threads[i]);
  g_assert_false (g_file_test (path, G_FILE_TEST_EXISTS));
  g_assert_false (is_listed ((guint) getpid ()));
}

/* A process that was killed is not there, though a child of it has what it had. */

static int
run_parent (void)
{
  g_autoptr(GError) error = NULL;
  int forked[2];
  char byte = 0;

  thredo_monitor_export (&error);
  g_assert_no_error (error);
  g_assert_cmpint (pipe (forked), ==, 0);
  if (fork () == 0)
    {
      g_assert_cmpint (write (forked[1], &byte, 1), ==, 1);
      /* Until the test closes its end. */
      while (read (STDIN_FILENO, &byte, 1) < 0 && errno == EINTR)
        ;
      _exit (0);
    }
  g_assert_cmpint (read (forked[0], &byte, 1), ==, 1);
  kill (getpid (), SIGKILL);
  return 1;
}

static void
test_orphan (void)
{
  g_autoptr(GSubprocess) process = NULL;
  g_autoptr(ThredoMonitor) monitor = NULL;
  g_autoptr(GError) error = NULL;
  g_autofree char *path = NULL;
  guint pid;

  if (SUPPORT_WITH_TSAN)
    {
      g_test_skip ("ThreadSanitizer has no threads after a fork");
      return;
    }

  process = support_spawn_self (G_SUBPROCESS_FLAGS_STDIN_PIPE, "--parent", NULL);
  pid = (guint) atoi (g_subprocess_get_identifier (process));
  support_wait_for_process (process);
  path = dup_socket_path (pid);
  g_assert_true (g_file_test (path, G_FILE_TEST_EXISTS));

  monitor = thredo_monitor_new_for_process (pid, NULL, &error);
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CONNECTION_REFUSED);
  g_assert_null (monitor);
  g_assert_false (is_listed (pid));
  g_assert_false (g_file_test (path, G_FILE_TEST_EXISTS));
}

/* In a pid namespace of its own a process has the number 1, which here is that of another. */

static int
run_namespace (void)
{
  g_autoptr(GError) error = NULL;
  char byte;

  if (unshare (CLONE_NEWPID) < 0)
    {
      g_print ("cannot\n");
      return 0;
    }
  if (fork () != 0)
    {
      wait (NULL);
      return 0;
    }
  g_assert_cmpint (getpid (), ==, 1);
  thredo_monitor_export (&error);
  g_assert_no_error (error);
  g_print ("ready\n");
  while (read (STDIN_FILENO, &byte, 1) < 0 && errno == EINTR)
    ;
  thredo_monitor_unexport ();
  _exit (0);
}

static void
test_namespace (void)
{
  g_autoptr(GSubprocess) process = NULL;
  g_autoptr(GDataInputStream) output = NULL;
  g_autoptr(ThredoMonitor) monitor = NULL;
  g_autoptr(GError) error = NULL;
  g_autofree char *line = NULL;
  g_autofree char *path = dup_socket_path (1);

  if (SUPPORT_WITH_TSAN)
    {
      g_test_skip ("ThreadSanitizer has no threads after a fork");
      return;
    }

  process = support_spawn_self (G_SUBPROCESS_FLAGS_STDIN_PIPE | G_SUBPROCESS_FLAGS_STDOUT_PIPE,
                                "--namespace", NULL);
  output = g_data_input_stream_new (g_subprocess_get_stdout_pipe (process));
  line = g_data_input_stream_read_line (output, NULL, NULL, &error);
  g_assert_no_error (error);
  if (g_strcmp0 (line, "cannot") == 0)
    g_test_skip ("No pid namespace can be made");
  else
    {
      g_assert_cmpstr (line, ==, "ready");
      g_assert_false (is_listed (1));
      monitor = thredo_monitor_new_for_process (1, NULL, &error);
      g_assert_error (error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND);
      g_assert_null (monitor);
      g_assert_true (g_file_test (path, G_FILE_TEST_EXISTS));
    }

  g_output_stream_close (g_subprocess_get_stdin_pipe (process), NULL, NULL);
  support_wait_for_process (process);
  g_assert_false (g_file_test (path, G_FILE_TEST_EXISTS));
}

/* What has more rights than who started it does not do what the environment says. */

static int
run_privileged (const char *real_user)
{
  g_autoptr(GError) error = NULL;
  g_autofree char *path = dup_socket_path ((guint) getpid ());
  struct stat found;

  if (setresuid ((uid_t) atoi (real_user), (uid_t) -1, (uid_t) -1) < 0)
    g_error ("%s", g_strerror (errno));
  thredo_sleep (1, NULL, &error);
  g_assert_no_error (error);
  g_print ("%s\n", lstat (path, &found) == 0 ? "exported" : "not exported");
  return 0;
}

static char *
tell_exported (const char *real_user)
{
  g_autoptr(GSubprocess) process = NULL;
  g_autoptr(GError) error = NULL;
  char *output = NULL;

  g_setenv ("THREDO_MONITOR", "1", TRUE);
  process = support_spawn_self (G_SUBPROCESS_FLAGS_STDOUT_PIPE, "--privileged", real_user, NULL);
  g_unsetenv ("THREDO_MONITOR");
  g_subprocess_communicate_utf8 (process, NULL, NULL, &output, NULL, &error);
  g_assert_no_error (error);
  return output;
}

static void
test_privileged (void)
{
  g_autofree char *with = NULL;
  g_autofree char *without = NULL;

  if (getuid () != 0)
    {
      g_test_skip ("It takes root to have more rights than another user");
      return;
    }
  without = tell_exported ("0");
  with = tell_exported ("65534");
  g_assert_cmpstr (without, ==, "exported\n");
  g_assert_cmpstr (with, ==, "not exported\n");
}

/* Nothing is made in the runtime folder of another user. */

static int
run_visitor (void)
{
  g_autoptr(GError) error = NULL;

  if (thredo_monitor_export (&error))
    g_print ("exported\n");
  else
    g_print ("%s %d\n", g_quark_to_string (error->domain), error->code);
  return 0;
}

static void
test_visitor (void)
{
  g_autofree char *folder = g_build_filename (runtime_folder, "visited", NULL);
  g_autofree char *inner = g_build_filename (folder, "thredo-glib", NULL);
  g_autofree char *expected = NULL;
  g_autofree char *output = NULL;
  g_autoptr(GSubprocess) process = NULL;
  g_autoptr(GError) error = NULL;

  if (getuid () != 0)
    {
      g_test_skip ("It takes root to get at the folder of another user");
      return;
    }
  g_assert_cmpint (g_mkdir (folder, 0700), ==, 0);
  g_assert_cmpint (chown (folder, 65534, 65534), ==, 0);
  g_setenv ("XDG_RUNTIME_DIR", folder, TRUE);
  process = support_spawn_self (G_SUBPROCESS_FLAGS_STDOUT_PIPE, "--visitor", NULL);
  g_setenv ("XDG_RUNTIME_DIR", runtime_folder, TRUE);
  g_subprocess_communicate_utf8 (process, NULL, NULL, &output, NULL, &error);
  g_assert_no_error (error);
  expected = g_strdup_printf ("g-io-error-quark %d\n", G_IO_ERROR_PERMISSION_DENIED);
  g_assert_cmpstr (output, ==, expected);
  g_assert_false (g_file_test (inner, G_FILE_TEST_EXISTS));
  g_assert_cmpint (g_rmdir (folder), ==, 0);
}

int
main (int    argc,
      char **argv)
{
  int status;

  if (argc > 1 && g_str_has_prefix (argv[1], "--"))
    runtime_folder = g_strdup (g_getenv ("XDG_RUNTIME_DIR"));
  if (argc > 1 && g_str_equal (argv[1], "--parent"))
    return run_parent ();
  if (argc > 1 && g_str_equal (argv[1], "--namespace"))
    return run_namespace ();
  if (argc > 1 && g_str_equal (argv[1], "--visitor"))
    return run_visitor ();
  if (argc > 2 && g_str_equal (argv[1], "--privileged"))
    return run_privileged (argv[2]);
  g_free (runtime_folder);

  support_init (&argc, &argv);
  runtime_folder = g_dir_make_tmp ("thredo-XXXXXX", NULL);
  g_setenv ("XDG_RUNTIME_DIR", runtime_folder, TRUE);

  g_test_add_func ("/monitor/attack/drop", test_drop);
  g_test_add_func ("/monitor/attack/interval", test_interval);
  g_test_add_func ("/monitor/attack/handover", test_handover);
  g_test_add_func ("/monitor/attack/cycles", test_cycles);
  g_test_add_func ("/monitor/attack/orphan", test_orphan);
  g_test_add_func ("/monitor/attack/namespace", test_namespace);
  g_test_add_func ("/monitor/attack/privileged", test_privileged);
  g_test_add_func ("/monitor/attack/visitor", test_visitor);

  status = g_test_run ();
  if (status == 0)
    {
      g_autofree char *sockets = g_build_filename (runtime_folder, "thredo-glib", NULL);

      g_rmdir (sockets);
      g_rmdir (runtime_folder);
    }
  g_free (runtime_folder);
  return status;
}
