/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "watched.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

char *watch_folder;

void
watch_make_folder (void)
{
  watch_folder = g_dir_make_tmp ("thredo-XXXXXX", NULL);
  g_setenv ("XDG_RUNTIME_DIR", watch_folder, TRUE);
}

char *
watch_dup_socket_path (guint pid)
{
  return g_strdup_printf ("%s/thredo-glib/%u", watch_folder, pid);
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

static gboolean
take_and_sleep (ThredoThread  *thread,
                gpointer       lock,
                GError       **error)
{
  return thredo_lock_acquire (lock, NULL, error) &&
         thredo_sleep (SUPPORT_FOREVER, NULL, error);
}

/* Threads in a line for a lock, and the one who has it. */
static void
make_line (GHashTable *threads,
           const char *name)
{
  static const char *const names[] = { "owner", "first", "second" };
  ThredoLock *lock = thredo_lock_new ();
  g_autofree char *wait = g_strdup_printf ("acquire on Lock '%s'", name);

  thredo_lock_set_name (lock, name);
  for (guint i = 0; i < G_N_ELEMENTS (names); i++)
    {
      ThredoThread *thread = thredo_thread_spawn (names[i], take_and_sleep, lock, NULL, NULL);

      support_wait_for_wait (thread, i == 0 ? "sleep" : wait);
      g_hash_table_insert (threads, g_strdup (names[i]), thread);
    }
}

static void
make_queue (const char *name)
{
  ThredoQueue *queue = thredo_queue_new (10);

  thredo_queue_set_name (queue, name);
  for (guint i = 0; i < 3; i++)
    thredo_queue_put_pointer (queue, GUINT_TO_POINTER (i + 1), NULL, NULL);
}

/* More locks than one answer tells of, of which the last one is owned. */
static void
make_crowd (GHashTable *threads,
            const char *name)
{
  ThredoLock *lock;

  for (guint i = 0; i < 10100; i++)
    thredo_lock_new ();
  lock = thredo_lock_new ();
  thredo_lock_set_name (lock, name);
  g_hash_table_insert (threads, g_strdup (name),
                       thredo_thread_spawn (name, take_and_sleep, lock, NULL, NULL));
}

static SupportGate gate;

static gboolean
wait_for_gate (gpointer user_data)
{
  support_gate_wait (&gate);
  return G_SOURCE_REMOVE;
}

/* Keeps the loop's thread from serving until the gate is opened. */
static void
hold_loop (void)
{
  g_autoptr(GSource) source = g_idle_source_new ();

  support_gate_init (&gate);
  g_source_set_callback (source, wait_for_gate, NULL, NULL);
  g_source_attach (source, thredo_get_main_context ());
}

static gboolean
fail (ThredoThread  *thread,
      gpointer       user_data,
      GError       **error)
{
  g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_FAILED, "It went wrong");
  return FALSE;
}

static void
run_and_join (const char       *name,
              ThredoThreadFunc  func)
{
  g_autoptr(ThredoThread) thread = thredo_thread_spawn (name, func, NULL, NULL, NULL);

  thredo_thread_wait (thread, NULL, NULL);
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
  else if (g_str_equal (verb, "line"))
    make_line (threads, name);
  else if (g_str_equal (verb, "crowd"))
    make_crowd (threads, name);
  else if (g_str_equal (verb, "hold"))
    hold_loop ();
  else if (g_str_equal (verb, "release"))
    support_gate_open (&gate);
  else if (g_str_equal (verb, "queue"))
    make_queue (name);
  else if (g_str_equal (verb, "fail"))
    run_and_join (name, fail);
  else if (g_str_equal (verb, "finish"))
    run_and_join (name, support_return_true);
  else if (g_str_equal (verb, "unexport"))
    thredo_monitor_unexport ();
  else
    g_error ("What is '%s'?", verb);
}

int
child_run (gboolean is_exporting)
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

/* Their parent's side. */

void
child_expect (Child      *self,
              const char *line)
{
  g_autoptr(GError) error = NULL;
  g_autofree char *said = g_data_input_stream_read_line (self->output, NULL, NULL, &error);

  g_assert_no_error (error);
  g_assert_cmpstr (said, ==, line);
}

void
child_tell (Child      *self,
            const char *line)
{
  g_autofree char *whole = g_strconcat (line, "\n", NULL);
  g_autoptr(GError) error = NULL;

  g_output_stream_write_all (self->input, whole, strlen (whole), NULL, NULL, &error);
  g_assert_no_error (error);
}

void
child_order (Child      *self,
             const char *line)
{
  child_tell (self, line);
  child_expect (self, "done");
}

void
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
  child_expect (self, "ready");
}

void
child_clear (Child *self)
{
  g_subprocess_force_exit (self->process);
  support_wait_for_process (self->process);
  g_object_unref (self->output);
  g_object_unref (self->process);
}

void
child_stop (Child *self)
{
  siginfo_t info;

  kill ((pid_t) self->pid, SIGSTOP);
  while (waitid (P_PID, self->pid, &info, WSTOPPED) < 0)
    g_assert_cmpint (errno, ==, EINTR);
}

void
child_continue (Child *self)
{
  kill ((pid_t) self->pid, SIGCONT);
}

static gboolean
wake_up (gpointer user_data)
{
  return G_SOURCE_CONTINUE;
}

void
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

ThredoMonitor *
watch_process (guint pid)
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

ThredoThreadInfo *
watch_find (ThredoMonitor *monitor,
            const char    *name,
            const char    *waiting_for)
{
  Sought sought = { monitor, name, waiting_for, NULL };

  watch_until (name, is_found, &sought);
  return sought.info;
}

void
watch_find_gone (ThredoMonitor *monitor,
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

void
watch_find_any (ThredoMonitor *monitor)
{
  watch_until ("a thread", has_items, monitor);
}

int
watch_connect (const char *path)
{
  struct sockaddr_un address = { .sun_family = AF_UNIX };
  int fd = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

  g_strlcpy (address.sun_path, path, sizeof address.sun_path);
  g_assert_cmpint (connect (fd, (struct sockaddr *) &address, sizeof address), ==, 0);
  return fd;
}

/* Until the other side closes. */
void
watch_read_to_end (int fd)
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
