/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Processes that are watched by others: what is seen, who may look, and what is left behind. */

#include "watched.h"

#include <errno.h>
#include <gio/gunixsocketaddress.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

static int
run_export_and_tell (void)
{
  g_autoptr(GError) error = NULL;

  if (thredo_monitor_export (&error))
    g_print ("exported\n");
  else
    g_print ("%s %d: %s\n", g_quark_to_string (error->domain), error->code, error->message);
  return 0;
}

static int
run_list_and_tell (void)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(GPtrArray) processes = thredo_monitor_list_processes (&error);

  if (processes != NULL)
    g_print ("%u\n", processes->len);
  else
    g_print ("%s %d: %s\n", g_quark_to_string (error->domain), error->code, error->message);
  return 0;
}

static int
run_plain (void)
{
  g_autoptr(ThredoThread) thread = NULL;

  thread = thredo_thread_spawn ("plain", support_return_true, NULL, NULL, NULL);
  return thredo_thread_join (thread, NULL, NULL) ? 0 : 1;
}

/* With the socket's path, as another user: 'c' if it cannot connect, 'd' if it is dropped there,
 * 'a' if it is answered; and 'p' if the library says that it is not permitted. */
static int
run_stranger (const char *path,
              guint       pid)
{
  struct sockaddr_un address = { .sun_family = AF_UNIX };
  int fd = socket (AF_UNIX, SOCK_STREAM, 0);
  const char hello[] = "\0AUTH EXTERNAL 3635353334\r\n";
  g_autoptr(ThredoMonitor) monitor = NULL;
  g_autoptr(GError) error = NULL;
  char answer;
  char told;

  if (setgid (65534) < 0 || setuid (65534) < 0)
    g_error ("%s", g_strerror (errno));

  g_strlcpy (address.sun_path, path, sizeof address.sun_path);
  if (connect (fd, (struct sockaddr *) &address, sizeof address) < 0)
    told = 'c';
  else if (send (fd, hello, sizeof hello - 1, MSG_NOSIGNAL) < 0)
    told = 'd';
  else
    told = read (fd, &answer, 1) > 0 ? 'a' : 'd';
  close (fd);

  monitor = thredo_monitor_new_for_process (pid, NULL, &error);
  g_assert_null (monitor);
  if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_PERMISSION_DENIED))
    g_print ("%cp\n", told);
  else
    g_print ("%c: %s\n", told, error->message);
  fflush (stdout);
  _exit (0);
}

static void
note (gpointer flag)
{
  *(gboolean *) flag = TRUE;
}

static gboolean
is_closed (gpointer monitor)
{
  return thredo_monitor_is_closed (monitor);
}

static gboolean
is_listed (guint pid)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(GPtrArray) processes = thredo_monitor_list_processes (&error);
  gboolean found = FALSE;

  g_assert_no_error (error);
  for (guint i = 0; i < processes->len; i++)
    {
      if (thredo_process_info_get_pid (processes->pdata[i]) != pid)
        continue;
      g_assert_cmpstr (thredo_process_info_get_program (processes->pdata[i]), ==,
                       "test-monitor-export");
      g_assert_nonnull (strstr (thredo_process_info_get_command (processes->pdata[i]), " --"));
      found = TRUE;
    }
  return found;
}

/* Threads come, change and go. */
static void
test_watch (void)
{
  g_autoptr(ThredoMonitor) monitor = NULL;
  ThredoThreadInfo *info;
  gboolean is_renamed = FALSE;
  Child child;

  child_init (&child, "--child");
  monitor = watch_process (child.pid);
  g_assert_true (is_listed (child.pid));
  child_order (&child, "spawn one");
  child_order (&child, "spawn two");
  info = watch_find (monitor, "one", "sleep");
  g_assert_cmpint (thredo_thread_info_get_state (info), ==, THREDO_THREAD_STATE_WAITING);
  g_assert_cmpint (thredo_thread_info_get_waiting_since (info), >, 0);
  g_assert_cmpint (thredo_thread_info_get_waiting_since (info), <=, g_get_monotonic_time ());
  g_assert_cmpuint (thredo_thread_info_get_n_waits (info), ==, 1);
  g_assert_cmpuint (thredo_thread_info_get_group_id (info), ==, 0);
  g_assert_null (*thredo_thread_info_get_held (info));

  g_signal_connect_swapped (info, "notify::name", G_CALLBACK (note), &is_renamed);
  child_order (&child, "rename one");
  g_assert_true (watch_find (monitor, "renamed", NULL) == info);
  g_assert_true (is_renamed);

  child_order (&child, "member son");
  info = watch_find (monitor, "son", "sleep");
  g_assert_cmpuint (thredo_thread_info_get_group_id (info), !=, 0);
  g_assert_cmpstr (thredo_thread_info_get_group_path (info)[0], ==, "family");
  g_assert_null (thredo_thread_info_get_group_path (info)[1]);
  g_assert_nonnull (watch_find (monitor, "two", "sleep"));

  child_order (&child, "cancel one");
  watch_find_gone (monitor, "renamed");
  g_assert_nonnull (watch_find (monitor, "two", NULL));
  g_assert_false (thredo_monitor_is_closed (monitor));
  child_clear (&child);
}

/* By their numbers. */
static void
test_cancel (void)
{
  g_autoptr(ThredoMonitor) monitor = NULL;
  g_autoptr(GError) error = NULL;
  ThredoThreadInfo *info;
  guint64 id, group_id;
  Child child;

  child_init (&child, "--child");
  monitor = watch_process (child.pid);
  child_order (&child, "spawn one");
  child_order (&child, "spawn two");
  child_order (&child, "member son");
  child_order (&child, "member daughter");
  info = watch_find (monitor, "one", "sleep");
  id = thredo_thread_info_get_id (info);
  g_assert_true (thredo_monitor_cancel_thread (monitor, id, NULL, &error));
  g_assert_no_error (error);
  watch_find_gone (monitor, "one");
  g_assert_false (thredo_monitor_cancel_thread (monitor, id, NULL, &error));
  support_assert_error (&error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND);
  g_assert_false (thredo_monitor_cancel_thread (monitor, 0, NULL, &error));
  support_assert_error (&error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND);

  group_id = thredo_thread_info_get_group_id (watch_find (monitor, "son", NULL));
  g_assert_true (thredo_monitor_cancel_group (monitor, group_id, NULL, &error));
  g_assert_no_error (error);
  watch_find_gone (monitor, "son");
  watch_find_gone (monitor, "daughter");
  g_assert_false (thredo_monitor_cancel_group (monitor, group_id, NULL, &error));
  support_assert_error (&error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND);
  g_assert_false (thredo_monitor_cancel_group (monitor, 0, NULL, &error));
  support_assert_error (&error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND);
  g_assert_nonnull (watch_find (monitor, "two", "sleep"));
  child_clear (&child);

  watch_until ("the end of the process", is_closed, monitor);
  g_assert_false (thredo_monitor_cancel_thread (monitor, 1, NULL, &error));
  support_assert_error (&error, G_IO_ERROR, G_IO_ERROR_CLOSED);
}

static void
keep_deadlock (ThredoMonitor   *monitor,
               ThredoDeadlock  *deadlock,
               ThredoDeadlock **location)
{
  g_set_object (location, deadlock);
}

static gboolean
is_set (gpointer location)
{
  return *(gpointer *) location != NULL;
}

static gboolean
is_in_deadlock (gpointer monitor)
{
  g_autoptr(GPtrArray) deadlocks = thredo_monitor_find_deadlocks (monitor);

  return deadlocks->len == 1;
}

static gboolean
is_out_of_deadlock (gpointer monitor)
{
  return !is_in_deadlock (monitor);
}

static gboolean
is_holding (gpointer info)
{
  return *thredo_thread_info_get_held (info) != NULL;
}

static void
test_deadlock (void)
{
  g_autoptr(ThredoMonitor) monitor = NULL;
  g_autoptr(ThredoDeadlock) told = NULL;
  g_autoptr(GError) error = NULL;
  const guint64 *ids;
  gsize n_ids = 0;
  Child child;

  child_init (&child, "--child");
  monitor = watch_process (child.pid);
  g_signal_connect (monitor, "deadlock", G_CALLBACK (keep_deadlock), &told);
  /* What comes about before the process looks is not told. */
  watch_find_any (monitor);
  child_order (&child, "deadlock");
  watch_until ("a deadlock", is_set, &told);
  g_assert_true (g_str_has_prefix (thredo_deadlock_get_description (told),
                                   "Deadlock of 2 threads: "));
  ids = thredo_deadlock_get_thread_ids (told, &n_ids);
  g_assert_cmpuint (n_ids, ==, 2);
  watch_until ("a deadlock that is found", is_in_deadlock, monitor);
  g_assert_cmpuint (thredo_deadlock_get_threads (told)->len, ==, 0);
  watch_until ("a lock that is held", is_holding, watch_find (monitor, "first", NULL));

  g_assert_true (thredo_monitor_cancel_thread (monitor, ids[1], NULL, &error));
  g_assert_no_error (error);
  watch_until ("the end of a deadlock", is_out_of_deadlock, monitor);
  watch_find_gone (monitor, "first");
  watch_find_gone (monitor, "second");
  child_clear (&child);
}

static void
test_killed (void)
{
  g_autoptr(ThredoMonitor) monitor = NULL;
  g_autoptr(GError) error = NULL;
  g_autofree char *path = NULL;
  gboolean told = FALSE;
  Child child;

  child_init (&child, "--child");
  path = watch_dup_socket_path (child.pid);
  monitor = watch_process (child.pid);
  child_order (&child, "spawn one");
  watch_find (monitor, "one", NULL);
  g_signal_connect_swapped (monitor, "notify::closed", G_CALLBACK (note), &told);
  g_assert_false (thredo_monitor_is_closed (monitor));
  child_clear (&child);
  watch_until ("the end of the process", is_closed, monitor);
  g_assert_true (told);
  /* What was seen last. */
  g_assert_nonnull (watch_find (monitor, "one", NULL));
  thredo_monitor_refresh (monitor);

  g_assert_true (g_file_test (path, G_FILE_TEST_EXISTS));
  g_assert_false (is_listed (child.pid));
  g_assert_false (g_file_test (path, G_FILE_TEST_EXISTS));
  g_assert_null (thredo_monitor_new_for_process (child.pid, NULL, &error));
  support_assert_error (&error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND);
}

/* One that ends well leaves nothing. */
static void
test_exit (void)
{
  g_autoptr(ThredoMonitor) monitor = NULL;
  g_autofree char *path = NULL;
  Child child;

  child_init (&child, "--child");
  path = watch_dup_socket_path (child.pid);
  monitor = watch_process (child.pid);
  g_assert_true (g_file_test (path, G_FILE_TEST_EXISTS));
  child_tell (&child, "quit");
  support_wait_for_process (child.process);
  g_assert_true (g_subprocess_get_successful (child.process));
  g_assert_false (g_file_test (path, G_FILE_TEST_EXISTS));
  watch_until ("the end of the process", is_closed, monitor);
  child_clear (&child);
}

static void
test_unexport (void)
{
  g_autoptr(ThredoMonitor) monitor = NULL;
  g_autoptr(GError) error = NULL;
  Child child;

  child_init (&child, "--child");
  monitor = watch_process (child.pid);
  child_order (&child, "unexport");
  watch_until ("the end of the connection", is_closed, monitor);
  g_assert_false (is_listed (child.pid));
  g_assert_null (thredo_monitor_new_for_process (child.pid, NULL, &error));
  support_assert_error (&error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND);
  child_order (&child, "spawn one");
  child_clear (&child);
}

/* Peers that say nonsense, at first or once they are known, are dropped; the program lives. */
static void
test_garbage (void)
{
  static const char *const openings[] = {
    "garbage\r\n",
    "\0garbage\r\n",
    "\0AUTH ANONYMOUS\r\n",
    "\0AUTH EXTERNAL 3939393939\r\n",
    "\0AUTH EXTERNAL zz\r\nBEGIN\r\n",
  };
  static const gsize lengths[] = { 9, 10, 17, 27, 26 };
  g_autoptr(ThredoMonitor) monitor = NULL;
  g_autofree char *path = NULL;
  Child child;

  child_init (&child, "--child");
  path = watch_dup_socket_path (child.pid);
  for (guint i = 0; i < G_N_ELEMENTS (openings); i++)
    {
      int fd = watch_connect (path);

      g_assert_cmpint (send (fd, openings[i], lengths[i], MSG_NOSIGNAL), >, 0);
      shutdown (fd, SHUT_WR);
      watch_read_to_end (fd);
    }
  for (guint i = 0; i < 20; i++)
    {
      g_autofree char *hello = g_strdup_printf ("%u", (guint) getuid ());
      g_autoptr(GString) bytes = g_string_new ("AUTH EXTERNAL ");
      int fd = watch_connect (path);

      g_string_prepend_len (bytes, "\0", 1);
      for (const char *digit = hello; *digit != '\0'; digit++)
        g_string_append_printf (bytes, "%02x", (guint) *digit);
      g_string_append (bytes, "\r\nBEGIN\r\n");
      for (guint n = 0; n < 200; n++)
        g_string_append_c (bytes, (char) g_test_rand_int_range (0, 256));
      g_assert_cmpint (send (fd, bytes->str, bytes->len, MSG_NOSIGNAL), >, 0);
      shutdown (fd, SHUT_WR);
      watch_read_to_end (fd);
    }

  monitor = watch_process (child.pid);
  child_order (&child, "spawn one");
  watch_find (monitor, "one", "sleep");
  child_clear (&child);
}

/* Peers that say nothing are in nobody's way, and are dropped after a while. */
static void
test_silent (void)
{
  g_autoptr(ThredoMonitor) monitor = NULL;
  g_autofree char *path = NULL;
  int fds[10];
  Child child;

  child_init (&child, "--child");
  path = watch_dup_socket_path (child.pid);
  for (guint i = 0; i < G_N_ELEMENTS (fds); i++)
    fds[i] = watch_connect (path);
  monitor = watch_process (child.pid);
  child_order (&child, "spawn one");
  watch_find (monitor, "one", "sleep");
  for (guint i = 0; i < G_N_ELEMENTS (fds); i++)
    watch_read_to_end (fds[i]);
  child_order (&child, "spawn two");
  watch_find (monitor, "two", "sleep");
  child_clear (&child);
}

/* A process that is stopped does not answer: who wants to watch it is told so, and can give up
 * before; who does is not held up. */
static gpointer
cancel_later (gpointer cancellable)
{
  g_usleep (10000);
  g_cancellable_cancel (cancellable);
  return NULL;
}

static void
test_stopped (void)
{
  g_autoptr(ThredoMonitor) monitor = NULL;
  g_autoptr(GCancellable) cancellable = g_cancellable_new ();
  g_autoptr(GError) error = NULL;
  GThread *thread;
  Child child;

  child_init (&child, "--child");
  monitor = watch_process (child.pid);
  watch_find_any (monitor);
  child_stop (&child);
  g_assert_null (thredo_monitor_new_for_process (child.pid, NULL, &error));
  support_assert_error (&error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT);
  thread = g_thread_new (NULL, cancel_later, cancellable);
  g_assert_null (thredo_monitor_new_for_process (child.pid, cancellable, &error));
  support_assert_cancelled (&error);
  g_thread_join (thread);
  for (guint i = 0; i < 10; i++)
    thredo_monitor_refresh (monitor);
  g_assert_false (thredo_monitor_is_closed (monitor));

  child_continue (&child);
  child_order (&child, "spawn one");
  watch_find (monitor, "one", "sleep");
  child_clear (&child);
}

/* Two at once, of which one goes. */
static void
test_two (void)
{
  g_autoptr(ThredoMonitor) one = NULL;
  g_autoptr(ThredoMonitor) other = NULL;
  Child child;

  child_init (&child, "--child");
  one = watch_process (child.pid);
  other = watch_process (child.pid);
  child_order (&child, "spawn one");
  watch_find (one, "one", "sleep");
  watch_find (other, "one", "sleep");
  g_clear_object (&one);
  child_order (&child, "cancel one");
  watch_find_gone (other, "one");
  g_clear_object (&other);
  one = watch_process (child.pid);
  child_order (&child, "spawn two");
  watch_find (one, "two", "sleep");
  child_clear (&child);
}

static char *
read_output (GSubprocess  *process,
             char        **error_output)
{
  g_autoptr(GError) error = NULL;
  char *output = NULL;

  g_subprocess_communicate_utf8 (process, NULL, NULL, &output, error_output, &error);
  g_assert_no_error (error);
  return output;
}

static void
assert_stranger (Child      *child,
                 const char *path,
                 const char *told)
{
  g_autofree char *pid = g_strdup_printf ("%u", child->pid);
  g_autofree char *output = NULL;
  g_autoptr(GSubprocess) process = NULL;

  process = support_spawn_self (G_SUBPROCESS_FLAGS_STDOUT_PIPE, "--stranger", path, pid, NULL);
  output = read_output (process, NULL);
  g_assert_cmpstr (output, ==, told);
}

/* Another user cannot reach the socket; and if the folders had been opened, is dropped. */
static void
test_stranger (void)
{
  g_autoptr(ThredoMonitor) monitor = NULL;
  g_autofree char *path = NULL;
  g_autofree char *folder = NULL;
  Child child;

  if (getuid () != 0)
    {
      g_test_skip ("It takes root to become another user");
      return;
    }

  child_init (&child, "--child");
  path = watch_dup_socket_path (child.pid);
  folder = g_path_get_dirname (path);
  g_assert_cmpint (g_chmod (watch_folder, 0755), ==, 0);
  assert_stranger (&child, path, "cp\n");
  g_assert_cmpint (g_chmod (folder, 0755), ==, 0);
  g_assert_cmpint (g_chmod (path, 0777), ==, 0);
  assert_stranger (&child, path, "dp\n");
  g_assert_cmpint (g_chmod (folder, 0700), ==, 0);
  g_assert_cmpint (g_chmod (watch_folder, 0700), ==, 0);
  monitor = watch_process (child.pid);
  watch_find_any (monitor);
  child_clear (&child);
}

static char *
run_with (const char  *runtime,
          const char  *variable,
          const char  *argument,
          char       **error_output)
{
  g_autoptr(GSubprocessLauncher) launcher = NULL;
  g_autofree char *program = g_file_read_link ("/proc/self/exe", NULL);
  g_autoptr(GSubprocess) process = NULL;
  g_autoptr(GError) error = NULL;
  char *output;

  launcher = g_subprocess_launcher_new (G_SUBPROCESS_FLAGS_STDOUT_PIPE |
                                        G_SUBPROCESS_FLAGS_STDERR_PIPE);
  g_subprocess_launcher_setenv (launcher, "XDG_RUNTIME_DIR", runtime, TRUE);
  if (variable != NULL)
    g_subprocess_launcher_setenv (launcher, "THREDO_MONITOR", variable, TRUE);
  process = g_subprocess_launcher_spawn (launcher, &error, program, argument, NULL);
  g_assert_no_error (error);
  output = read_output (process, error_output);
  g_assert_true (g_subprocess_get_successful (process));
  return output;
}

static void
assert_refused (const char *runtime,
                int         code,
                const char *what)
{
  g_autofree char *errors = NULL;
  g_autofree char *output = run_with (runtime, NULL, "--export-and-tell", &errors);
  g_autofree char *prefix = g_strdup_printf ("g-io-error-quark %d: ", code);

  g_test_message ("%s", output);
  g_assert_true (g_str_has_prefix (output, prefix));
  g_assert_nonnull (strstr (output, what));
}

static void
assert_list_says (const char *runtime,
                  const char *prefix,
                  const char *what)
{
  g_autofree char *errors = NULL;
  g_autofree char *output = run_with (runtime, NULL, "--list-and-tell", &errors);

  g_test_message ("%s", output);
  g_assert_true (g_str_has_prefix (output, prefix));
  g_assert_nonnull (strstr (output, what));
}

static void
test_list_folder (void)
{
  g_autofree char *missing = g_build_filename (watch_folder, "missing", NULL);
  g_autofree char *file = g_build_filename (watch_folder, "file", NULL);
  g_autofree char *not_directory = g_strdup_printf ("g-io-error-quark %d: ",
                                                    G_IO_ERROR_NOT_DIRECTORY);

  assert_list_says (missing, "0", "\n");
  g_assert_true (g_file_set_contents (file, "", 0, NULL));
  assert_list_says (file, not_directory, file);
  g_assert_cmpint (g_unlink (file), ==, 0);
}

static void
test_folder (void)
{
  g_autofree char *folder = g_build_filename (watch_folder, "other", NULL);
  g_autofree char *inner = g_build_filename (folder, "thredo-glib", NULL);
  g_autofree char *missing = g_build_filename (folder, "missing", NULL);
  g_autofree char *long_name = g_strnfill (100, 'x');
  g_autofree char *long_path = g_build_filename (folder, long_name, NULL);
  g_autofree char *long_inner = g_build_filename (long_path, "thredo-glib", NULL);
  g_autofree char *output = NULL;
  g_autofree char *errors = NULL;

  g_assert_cmpint (g_mkdir (folder, 0700), ==, 0);
  assert_refused (missing, G_IO_ERROR_NOT_FOUND, missing);

  g_assert_cmpint (g_mkdir (long_path, 0700), ==, 0);
  assert_refused (long_path, G_IO_ERROR_FILENAME_TOO_LONG, long_path);
  g_assert_cmpint (g_rmdir (long_inner), ==, 0);
  g_assert_cmpint (g_rmdir (long_path), ==, 0);

  g_assert_true (g_file_set_contents (inner, "", 0, NULL));
  assert_refused (folder, G_IO_ERROR_NOT_DIRECTORY, inner);
  g_assert_cmpint (g_unlink (inner), ==, 0);

  g_assert_cmpint (g_mkdir (inner, 0700), ==, 0);
  g_assert_cmpint (g_chmod (inner, 0750), ==, 0);
  assert_refused (folder, G_IO_ERROR_PERMISSION_DENIED, inner);
  g_assert_cmpint (g_rmdir (inner), ==, 0);

  assert_refused ("/proc", getuid () == 0 ? G_IO_ERROR_NOT_FOUND : G_IO_ERROR_PERMISSION_DENIED,
                  "/proc");
  if (getuid () != 0)
    {
      g_assert_cmpint (g_chmod (folder, 0500), ==, 0);
      assert_refused (folder, G_IO_ERROR_PERMISSION_DENIED, inner);
      g_assert_cmpint (g_chmod (folder, 0700), ==, 0);
    }

  output = run_with (folder, NULL, "--export-and-tell", &errors);
  g_assert_cmpstr (output, ==, "exported\n");
  g_assert_cmpint (g_rmdir (inner), ==, 0);
  g_assert_cmpint (g_rmdir (folder), ==, 0);
}

/* A program that knows nothing of it, with THREDO_MONITOR in its environment. */
static void
test_environment (void)
{
  g_autofree char *missing = g_build_filename (watch_folder, "missing", NULL);
  g_autoptr(ThredoMonitor) monitor = NULL;
  const char *const silent[] = { "", "0", "1" };
  Child child;

  g_setenv ("THREDO_MONITOR", "1", TRUE);
  child_init (&child, "--plain-child");
  g_unsetenv ("THREDO_MONITOR");
  child_order (&child, "spawn one");
  monitor = watch_process (child.pid);
  watch_find (monitor, "one", "sleep");
  child_clear (&child);

  for (guint i = 0; i < G_N_ELEMENTS (silent); i++)
    {
      g_autofree char *errors = NULL;
      G_GNUC_UNUSED g_autofree char *output =
          run_with (watch_folder, silent[i], "--plain", &errors);

      g_assert_cmpstr (errors, ==, "");
    }
  {
    g_autofree char *errors = NULL;
    G_GNUC_UNUSED g_autofree char *output = run_with (watch_folder, "yes", "--plain", &errors);

    g_assert_nonnull (strstr (errors, "THREDO_MONITOR is 'yes', and not 0 or 1"));
  }
  {
    g_autofree char *errors = NULL;
    G_GNUC_UNUSED g_autofree char *output = run_with (missing, "1", "--plain", &errors);

    g_assert_nonnull (strstr (errors, missing));
  }
}

/* Nothing is left of it, whoever was there. */

static guint n_fds_before;

/* The first time some may not be closed yet, but fewer than there are rounds. */
static gboolean
are_fds_as_before (gpointer user_data)
{
  return support_count_fds () <= n_fds_before;
}

static void
test_resources (void)
{
  g_autoptr(GError) error = NULL;
  g_autofree char *path = watch_dup_socket_path ((guint) getpid ());

  for (guint round = 0; round < 8; round++)
    {
      g_autoptr(ThredoMonitor) monitor = NULL;
      int silent, idle;

      thredo_monitor_export (&error);
      g_assert_no_error (error);
      thredo_monitor_export (&error);
      g_assert_no_error (error);
      silent = watch_connect (path);
      idle = watch_connect (path);
      g_assert_cmpint (send (idle, "\0AUTH", 5, MSG_NOSIGNAL), ==, 5);
      monitor = watch_process ((guint) getpid ());
      watch_find_any (monitor);
      thredo_monitor_unexport ();
      g_assert_false (g_file_test (path, G_FILE_TEST_EXISTS));
      g_assert_cmpuint (support_count_tasks_named ("thredo-monitor"), ==, 0);
      watch_until ("the end of the connection", is_closed, monitor);
      thredo_monitor_unexport ();
      g_clear_object (&monitor);
      watch_read_to_end (silent);
      watch_read_to_end (idle);
      if (round == 0)
        {
          while (g_main_context_iteration (NULL, FALSE))
            ;
          n_fds_before = support_count_fds ();
        }
      else
        watch_until ("no file descriptor too many", are_fds_as_before, NULL);
    }
}

int
main (int    argc,
      char **argv)
{
  int status;

  if (argc > 1 && g_str_equal (argv[1], "--child"))
    return child_run (TRUE);
  if (argc > 1 && g_str_equal (argv[1], "--plain-child"))
    return child_run (FALSE);
  if (argc > 1 && g_str_equal (argv[1], "--export-and-tell"))
    return run_export_and_tell ();
  if (argc > 1 && g_str_equal (argv[1], "--list-and-tell"))
    return run_list_and_tell ();
  if (argc > 1 && g_str_equal (argv[1], "--plain"))
    return run_plain ();
  if (argc > 3 && g_str_equal (argv[1], "--stranger"))
    return run_stranger (argv[2], (guint) atoi (argv[3]));

  support_init (&argc, &argv);
  watch_make_folder ();
  thredo_thread_self ();

  g_test_add_func ("/monitor/export/watch", test_watch);
  g_test_add_func ("/monitor/export/cancel", test_cancel);
  g_test_add_func ("/monitor/export/deadlock", test_deadlock);
  g_test_add_func ("/monitor/export/killed", test_killed);
  g_test_add_func ("/monitor/export/exit", test_exit);
  g_test_add_func ("/monitor/export/unexport", test_unexport);
  g_test_add_func ("/monitor/export/garbage", test_garbage);
  g_test_add_func ("/monitor/export/silent", test_silent);
  g_test_add_func ("/monitor/export/stopped", test_stopped);
  g_test_add_func ("/monitor/export/two", test_two);
  g_test_add_func ("/monitor/export/stranger", test_stranger);
  g_test_add_func ("/monitor/export/folder", test_folder);
  g_test_add_func ("/monitor/export/list-folder", test_list_folder);
  g_test_add_func ("/monitor/export/environment", test_environment);
  g_test_add_func ("/monitor/export/resources", test_resources);

  status = g_test_run ();
  if (status == 0)
    {
      g_autofree char *sockets = g_build_filename (watch_folder, "thredo-glib", NULL);
      G_GNUC_UNUSED g_autoptr(GPtrArray) rest = thredo_monitor_list_processes (NULL);

      g_rmdir (sockets);
      g_assert_cmpint (g_rmdir (watch_folder), ==, 0);
    }
  g_free (watch_folder);
  return status;
}
