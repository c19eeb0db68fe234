/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Processes that are watched by others: what is seen, who may look, and what is left behind. */

#include "support.h"

#include <errno.h>
#include <gio/gunixsocketaddress.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

static char *runtime_folder;

static char *
dup_socket_path (guint pid)
{
  return g_strdup_printf ("%s/thredo-glib/%u", runtime_folder, pid);
}

/* What the children of the tests do, as they are told line by line. */

typedef struct
{
  ThredoLock *locks[2];
  ThredoEvent *go;
} Embrace;

static gboolean
take_first (ThredoThread  *thread,
            gpointer       user_data,
            GError       **error)
{
  Embrace *embrace = user_data;

  return thredo_lock_acquire (embrace->locks[0], NULL, error) &&
         thredo_event_wait (embrace->go, NULL, error) &&
         thredo_lock_acquire (embrace->locks[1], NULL, error);
}

static gboolean
take_second (ThredoThread  *thread,
             gpointer       user_data,
             GError       **error)
{
  Embrace *embrace = user_data;

  if (!thredo_lock_acquire (embrace->locks[1], NULL, error))
    return FALSE;
  thredo_event_set (embrace->go);
  return thredo_lock_acquire (embrace->locks[0], NULL, error);
}

static void
make_deadlock (GHashTable *threads)
{
  static Embrace embrace;
  ThredoThread *first;

  embrace.locks[0] = thredo_lock_new ();
  embrace.locks[1] = thredo_lock_new ();
  embrace.go = thredo_event_new ();
  first = thredo_thread_spawn ("first", take_first, &embrace, NULL, NULL);
  support_wait_for_state (first, THREDO_THREAD_STATE_WAITING);
  g_hash_table_insert (threads, g_strdup ("first"), first);
  g_hash_table_insert (threads, g_strdup ("second"),
                       thredo_thread_spawn ("second", take_second, &embrace, NULL, NULL));
}

static void
obey (GHashTable  *threads,
      ThredoGroup *group,
      const char  *verb,
      const char  *name)
{
  if (g_str_equal (verb, "spawn"))
    g_hash_table_insert (threads, g_strdup (name),
                         thredo_thread_spawn (name, support_sleep_forever, NULL, NULL, NULL));
  else if (g_str_equal (verb, "member"))
    g_object_unref (thredo_group_spawn (group, name, support_sleep_forever, NULL, NULL, NULL));
  else if (g_str_equal (verb, "cancel"))
    thredo_thread_cancel (g_hash_table_lookup (threads, name));
  else if (g_str_equal (verb, "rename"))
    thredo_thread_set_name (g_hash_table_lookup (threads, name), "renamed");
  else if (g_str_equal (verb, "deadlock"))
    make_deadlock (threads);
  else if (g_str_equal (verb, "unexport"))
    thredo_monitor_unexport ();
  else
    g_error ("What is '%s'?", verb);
}

static int
run_child (gboolean is_exporting)
{
  g_autoptr(GHashTable) threads = NULL;
  g_autoptr(ThredoGroup) group = thredo_group_new (THREDO_GROUP_WAIT_ALL);
  g_autoptr(GError) error = NULL;
  char line[256];

  threads = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_object_unref);
  thredo_thread_self ();
  thredo_group_set_name (group, "family");
  if (is_exporting && !thredo_monitor_export (&error))
    g_error ("%s", error->message);
  g_print ("ready\n");
  while (fgets (line, sizeof line, stdin) != NULL)
    {
      g_auto(GStrv) words = g_strsplit (g_strchomp (line), " ", 2);

      if (g_str_equal (words[0], "quit"))
        break;
      obey (threads, group, words[0], words[1]);
      g_print ("done\n");
    }
  thredo_group_cancel (group);
  thredo_group_join (group, NULL, NULL);
  return 0;
}

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

/* Their parent's side. */

typedef struct
{
  GSubprocess *process;
  GOutputStream *input;
  GDataInputStream *output;
  guint pid;
} Child;

static void
expect (Child      *self,
        const char *line)
{
  g_autoptr(GError) error = NULL;
  g_autofree char *said = g_data_input_stream_read_line (self->output, NULL, NULL, &error);

  g_assert_no_error (error);
  g_assert_cmpstr (said, ==, line);
}

static void
tell (Child      *self,
      const char *line)
{
  g_autofree char *whole = g_strconcat (line, "\n", NULL);
  g_autoptr(GError) error = NULL;

  g_output_stream_write_all (self->input, whole, strlen (whole), NULL, NULL, &error);
  g_assert_no_error (error);
}

static void
order (Child      *self,
       const char *line)
{
  tell (self, line);
  expect (self, "done");
}

static void
child_init (Child      *self,
            const char *argument)
{
  self->process = support_spawn_self (G_SUBPROCESS_FLAGS_STDIN_PIPE |
                                          G_SUBPROCESS_FLAGS_STDOUT_PIPE |
                                          G_SUBPROCESS_FLAGS_STDERR_SILENCE,
                                      argument, NULL);
  self->pid = (guint) atoi (g_subprocess_get_identifier (self->process));
  self->input = g_subprocess_get_stdin_pipe (self->process);
  self->output = g_data_input_stream_new (g_subprocess_get_stdout_pipe (self->process));
  expect (self, "ready");
}

static void
child_clear (Child *self)
{
  g_subprocess_force_exit (self->process);
  support_wait_for_process (self->process);
  g_object_unref (self->output);
  g_object_unref (self->process);
}

static gboolean
wake_up (gpointer user_data)
{
  return G_SOURCE_CONTINUE;
}

static void
watch_until (const char       *what,
             SupportCondition  condition,
             gpointer          user_data)
{
  guint ticks = g_timeout_add (100, wake_up, NULL);
  gint64 limit = g_get_monotonic_time () + SUPPORT_LIMIT;

  while (!condition (user_data))
    {
      if (g_get_monotonic_time () > limit)
        g_error ("Hang: %s did not come true", what);
      g_main_context_iteration (NULL, TRUE);
    }
  g_source_remove (ticks);
}

static ThredoMonitor *
watch (guint pid)
{
  g_autoptr(GError) error = NULL;
  ThredoMonitor *monitor = thredo_monitor_new_for_process (pid, NULL, &error);

  g_assert_no_error (error);
  g_assert_cmpuint (thredo_monitor_get_pid (monitor), ==, pid);
  thredo_monitor_set_interval (monitor, 5000);
  return monitor;
}

typedef struct
{
  ThredoMonitor *monitor;
  const char *name;
  const char *waiting_for;
  ThredoThreadInfo *info;
} Sought;

static gboolean
is_found (gpointer user_data)
{
  Sought *sought = user_data;
  GListModel *list = G_LIST_MODEL (sought->monitor);
  guint64 last = 0;

  sought->info = NULL;
  for (guint i = 0; i < g_list_model_get_n_items (list); i++)
    {
      g_autoptr(ThredoThreadInfo) info = g_list_model_get_item (list, i);

      g_assert_null (thredo_thread_info_get_thread (info));
      g_assert_cmpuint (thredo_thread_info_get_id (info), >, last);
      last = thredo_thread_info_get_id (info);
      if (g_str_equal (thredo_thread_info_get_name (info), sought->name))
        sought->info = info;
    }
  return sought->info != NULL &&
         (sought->waiting_for == NULL ||
          g_strcmp0 (thredo_thread_info_get_waiting_for (sought->info), sought->waiting_for) == 0);
}

static gboolean
is_missing (gpointer user_data)
{
  is_found (user_data);
  return ((Sought *) user_data)->info == NULL;
}

static ThredoThreadInfo *
find (ThredoMonitor *monitor,
      const char    *name,
      const char    *waiting_for)
{
  Sought sought = { monitor, name, waiting_for, NULL };

  watch_until (name, is_found, &sought);
  return sought.info;
}

static void
find_gone (ThredoMonitor *monitor,
           const char    *name)
{
  Sought sought = { monitor, name, NULL, NULL };

  watch_until (name, is_missing, &sought);
}

static gboolean
has_items (gpointer monitor)
{
  return g_list_model_get_n_items (monitor) > 0;
}

static void
find_any (ThredoMonitor *monitor)
{
  watch_until ("a thread", has_items, monitor);
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
  monitor = watch (child.pid);
  g_assert_true (is_listed (child.pid));
  order (&child, "spawn one");
  order (&child, "spawn two");
  info = find (monitor, "one", "sleep");
  g_assert_cmpint (thredo_thread_info_get_state (info), ==, THREDO_THREAD_STATE_WAITING);
  g_assert_cmpint (thredo_thread_info_get_waiting_since (info), >, 0);
  g_assert_cmpint (thredo_thread_info_get_waiting_since (info), <=, g_get_monotonic_time ());
  g_assert_cmpuint (thredo_thread_info_get_n_waits (info), ==, 1);
  g_assert_cmpuint (thredo_thread_info_get_group_id (info), ==, 0);
  g_assert_null (*thredo_thread_info_get_held (info));

  g_signal_connect_swapped (info, "notify::name", G_CALLBACK (note), &is_renamed);
  order (&child, "rename one");
  g_assert_true (find (monitor, "renamed", NULL) == info);
  g_assert_true (is_renamed);

  order (&child, "member son");
  info = find (monitor, "son", "sleep");
  g_assert_cmpuint (thredo_thread_info_get_group_id (info), !=, 0);
  g_assert_cmpstr (thredo_thread_info_get_group_path (info)[0], ==, "family");
  g_assert_null (thredo_thread_info_get_group_path (info)[1]);
  g_assert_nonnull (find (monitor, "two", "sleep"));

  order (&child, "cancel one");
  find_gone (monitor, "renamed");
  g_assert_nonnull (find (monitor, "two", NULL));
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
  monitor = watch (child.pid);
  order (&child, "spawn one");
  order (&child, "spawn two");
  order (&child, "member son");
  order (&child, "member daughter");
  info = find (monitor, "one", "sleep");
  id = thredo_thread_info_get_id (info);
  g_assert_true (thredo_monitor_cancel_thread (monitor, id, NULL, &error));
  g_assert_no_error (error);
  find_gone (monitor, "one");
  g_assert_false (thredo_monitor_cancel_thread (monitor, id, NULL, &error));
  support_assert_error (&error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND);
  g_assert_false (thredo_monitor_cancel_thread (monitor, 0, NULL, &error));
  support_assert_error (&error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND);

  group_id = thredo_thread_info_get_group_id (find (monitor, "son", NULL));
  g_assert_true (thredo_monitor_cancel_group (monitor, group_id, NULL, &error));
  g_assert_no_error (error);
  find_gone (monitor, "son");
  find_gone (monitor, "daughter");
  g_assert_false (thredo_monitor_cancel_group (monitor, group_id, NULL, &error));
  support_assert_error (&error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND);
  g_assert_false (thredo_monitor_cancel_group (monitor, 0, NULL, &error));
  support_assert_error (&error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND);
  g_assert_nonnull (find (monitor, "two", "sleep"));
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
  monitor = watch (child.pid);
  g_signal_connect (monitor, "deadlock", G_CALLBACK (keep_deadlock), &told);
  order (&child, "deadlock");
  watch_until ("a deadlock", is_set, &told);
  g_assert_true (g_str_has_prefix (thredo_deadlock_get_description (told),
                                   "Deadlock of 2 threads: "));
  ids = thredo_deadlock_get_thread_ids (told, &n_ids);
  g_assert_cmpuint (n_ids, ==, 2);
  watch_until ("a deadlock that is found", is_in_deadlock, monitor);
  g_assert_cmpuint (thredo_deadlock_get_threads (told)->len, ==, 0);
  watch_until ("a lock that is held", is_holding, find (monitor, "first", NULL));

  g_assert_true (thredo_monitor_cancel_thread (monitor, ids[1], NULL, &error));
  g_assert_no_error (error);
  watch_until ("the end of a deadlock", is_out_of_deadlock, monitor);
  find_gone (monitor, "first");
  find_gone (monitor, "second");
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
  path = dup_socket_path (child.pid);
  monitor = watch (child.pid);
  order (&child, "spawn one");
  find (monitor, "one", NULL);
  g_signal_connect_swapped (monitor, "notify::closed", G_CALLBACK (note), &told);
  g_assert_false (thredo_monitor_is_closed (monitor));
  child_clear (&child);
  watch_until ("the end of the process", is_closed, monitor);
  g_assert_true (told);
  /* What was seen last. */
  g_assert_nonnull (find (monitor, "one", NULL));
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
  path = dup_socket_path (child.pid);
  monitor = watch (child.pid);
  g_assert_true (g_file_test (path, G_FILE_TEST_EXISTS));
  tell (&child, "quit");
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
  monitor = watch (child.pid);
  order (&child, "unexport");
  watch_until ("the end of the connection", is_closed, monitor);
  g_assert_false (is_listed (child.pid));
  g_assert_null (thredo_monitor_new_for_process (child.pid, NULL, &error));
  support_assert_error (&error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND);
  order (&child, "spawn one");
  child_clear (&child);
}

static int
connect_raw (const char *path)
{
  struct sockaddr_un address = { .sun_family = AF_UNIX };
  int fd = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

  g_strlcpy (address.sun_path, path, sizeof address.sun_path);
  g_assert_cmpint (connect (fd, (struct sockaddr *) &address, sizeof address), ==, 0);
  return fd;
}

/* Until the other side closes. */
static void
read_to_end (int fd)
{
  struct timeval limit = { SUPPORT_LIMIT / G_TIME_SPAN_SECOND, 0 };
  char bytes[256];
  gssize n;

  setsockopt (fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  do
    n = read (fd, bytes, sizeof bytes);
  while (n > 0 || (n < 0 && errno == EINTR));
  if (n < 0 && errno != ECONNRESET)
    g_error ("Hang: a peer was not dropped: %s", g_strerror (errno));
  close (fd);
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
  path = dup_socket_path (child.pid);
  for (guint i = 0; i < G_N_ELEMENTS (openings); i++)
    {
      int fd = connect_raw (path);

      g_assert_cmpint (send (fd, openings[i], lengths[i], MSG_NOSIGNAL), >, 0);
      shutdown (fd, SHUT_WR);
      read_to_end (fd);
    }
  for (guint i = 0; i < 20; i++)
    {
      g_autofree char *hello = g_strdup_printf ("%u", (guint) getuid ());
      g_autoptr(GString) bytes = g_string_new ("AUTH EXTERNAL ");
      int fd = connect_raw (path);

      g_string_prepend_len (bytes, "\0", 1);
      for (const char *digit = hello; *digit != '\0'; digit++)
        g_string_append_printf (bytes, "%02x", (guint) *digit);
      g_string_append (bytes, "\r\nBEGIN\r\n");
      for (guint n = 0; n < 200; n++)
        g_string_append_c (bytes, (char) g_test_rand_int_range (0, 256));
      g_assert_cmpint (send (fd, bytes->str, bytes->len, MSG_NOSIGNAL), >, 0);
      shutdown (fd, SHUT_WR);
      read_to_end (fd);
    }

  monitor = watch (child.pid);
  order (&child, "spawn one");
  find (monitor, "one", "sleep");
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
  path = dup_socket_path (child.pid);
  for (guint i = 0; i < G_N_ELEMENTS (fds); i++)
    fds[i] = connect_raw (path);
  monitor = watch (child.pid);
  order (&child, "spawn one");
  find (monitor, "one", "sleep");
  for (guint i = 0; i < G_N_ELEMENTS (fds); i++)
    read_to_end (fds[i]);
  order (&child, "spawn two");
  find (monitor, "two", "sleep");
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
  monitor = watch (child.pid);
  find_any (monitor);
  kill ((pid_t) child.pid, SIGSTOP);
  g_assert_null (thredo_monitor_new_for_process (child.pid, NULL, &error));
  support_assert_error (&error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT);
  thread = g_thread_new (NULL, cancel_later, cancellable);
  g_assert_null (thredo_monitor_new_for_process (child.pid, cancellable, &error));
  support_assert_cancelled (&error);
  g_thread_join (thread);
  for (guint i = 0; i < 10; i++)
    thredo_monitor_refresh (monitor);
  g_assert_false (thredo_monitor_is_closed (monitor));

  kill ((pid_t) child.pid, SIGCONT);
  order (&child, "spawn one");
  find (monitor, "one", "sleep");
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
  one = watch (child.pid);
  other = watch (child.pid);
  order (&child, "spawn one");
  find (one, "one", "sleep");
  find (other, "one", "sleep");
  g_clear_object (&one);
  order (&child, "cancel one");
  find_gone (other, "one");
  g_clear_object (&other);
  one = watch (child.pid);
  order (&child, "spawn two");
  find (one, "two", "sleep");
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
  path = dup_socket_path (child.pid);
  folder = g_path_get_dirname (path);
  g_assert_cmpint (g_chmod (runtime_folder, 0755), ==, 0);
  assert_stranger (&child, path, "cp\n");
  g_assert_cmpint (g_chmod (folder, 0755), ==, 0);
  g_assert_cmpint (g_chmod (path, 0777), ==, 0);
  assert_stranger (&child, path, "dp\n");
  g_assert_cmpint (g_chmod (folder, 0700), ==, 0);
  g_assert_cmpint (g_chmod (runtime_folder, 0700), ==, 0);
  monitor = watch (child.pid);
  find_any (monitor);
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
test_folder (void)
{
  g_autofree char *folder = g_build_filename (runtime_folder, "other", NULL);
  g_autofree char *inner = g_build_filename (folder, "thredo-glib", NULL);
  g_autofree char *missing = g_build_filename (folder, "missing", NULL);
  g_autofree char *long_name = g_strnfill (100, 'x');
  g_autofree char *long_path = g_build_filename (folder, long_name, NULL);
  g_autofree char *output = NULL;
  g_autofree char *errors = NULL;

  g_assert_cmpint (g_mkdir (folder, 0700), ==, 0);
  assert_refused (missing, G_IO_ERROR_NOT_FOUND, missing);

  g_assert_cmpint (g_mkdir (long_path, 0700), ==, 0);
  assert_refused (long_path, G_IO_ERROR_FILENAME_TOO_LONG, long_path);

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
}

/* A program that knows nothing of it, with THREDO_MONITOR in its environment. */
static void
test_environment (void)
{
  g_autofree char *missing = g_build_filename (runtime_folder, "missing", NULL);
  g_autoptr(ThredoMonitor) monitor = NULL;
  const char *const silent[] = { "", "0", "1" };
  Child child;

  g_setenv ("THREDO_MONITOR", "1", TRUE);
  child_init (&child, "--plain-child");
  g_unsetenv ("THREDO_MONITOR");
  order (&child, "spawn one");
  monitor = watch (child.pid);
  find (monitor, "one", "sleep");
  child_clear (&child);

  for (guint i = 0; i < G_N_ELEMENTS (silent); i++)
    {
      g_autofree char *errors = NULL;
      g_autofree char *output = run_with (runtime_folder, silent[i], "--plain", &errors);

      g_assert_cmpstr (errors, ==, "");
    }
  {
    g_autofree char *errors = NULL;
    g_autofree char *output = run_with (runtime_folder, "yes", "--plain", &errors);

    g_assert_nonnull (strstr (errors, "THREDO_MONITOR is 'yes', and not 0 or 1"));
  }
  {
    g_autofree char *errors = NULL;
    g_autofree char *output = run_with (missing, "1", "--plain", &errors);

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
  g_autofree char *path = dup_socket_path ((guint) getpid ());

  for (guint round = 0; round < 8; round++)
    {
      g_autoptr(ThredoMonitor) monitor = NULL;
      int silent, idle;

      thredo_monitor_export (&error);
      g_assert_no_error (error);
      thredo_monitor_export (&error);
      g_assert_no_error (error);
      silent = connect_raw (path);
      idle = connect_raw (path);
      g_assert_cmpint (send (idle, "\0AUTH", 5, MSG_NOSIGNAL), ==, 5);
      monitor = watch ((guint) getpid ());
      find_any (monitor);
      thredo_monitor_unexport ();
      g_assert_false (g_file_test (path, G_FILE_TEST_EXISTS));
      g_assert_cmpuint (support_count_tasks_named ("thredo-monitor"), ==, 0);
      watch_until ("the end of the connection", is_closed, monitor);
      thredo_monitor_unexport ();
      g_clear_object (&monitor);
      read_to_end (silent);
      read_to_end (idle);
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
    return run_child (TRUE);
  if (argc > 1 && g_str_equal (argv[1], "--plain-child"))
    return run_child (FALSE);
  if (argc > 1 && g_str_equal (argv[1], "--export-and-tell"))
    return run_export_and_tell ();
  if (argc > 1 && g_str_equal (argv[1], "--plain"))
    return run_plain ();
  if (argc > 3 && g_str_equal (argv[1], "--stranger"))
    return run_stranger (argv[2], (guint) atoi (argv[3]));

  support_init (&argc, &argv);
  runtime_folder = g_dir_make_tmp ("thredo-XXXXXX", NULL);
  g_setenv ("XDG_RUNTIME_DIR", runtime_folder, TRUE);
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
  g_test_add_func ("/monitor/export/environment", test_environment);
  g_test_add_func ("/monitor/export/resources", test_resources);

  status = g_test_run ();
  if (status == 0)
    {
      g_autofree char *sockets = g_build_filename (runtime_folder, "thredo-glib", NULL);
      g_autoptr(GPtrArray) rest = thredo_monitor_list_processes (NULL);
      g_autofree char *other = g_build_filename (runtime_folder, "other", NULL);
      g_autofree char *long_name = g_strnfill (100, 'x');
      g_autofree char *long_path = g_build_filename (other, long_name, NULL);

      g_rmdir (long_path);
      g_rmdir (other);
      g_rmdir (sockets);
      g_rmdir (runtime_folder);
    }
  g_free (runtime_folder);
  return status;
}
