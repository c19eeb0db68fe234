/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What a monitor of another process tells besides its threads, calls that do not wait, and peers
 * that behave badly. */

#include "watched.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

typedef struct
{
  ThredoMonitor *monitor;
  const char *name;
  gpointer info; /* a reference */
} Sought;

static gboolean
is_queue_found (gpointer user_data)
{
  Sought *sought = user_data;
  g_autoptr(GPtrArray) queues = thredo_monitor_list_queues (sought->monitor);

  for (guint i = 0; i < queues->len; i++)
    {
      if (g_strcmp0 (thredo_queue_info_get_name (queues->pdata[i]), sought->name) == 0)
        g_set_object (&sought->info, queues->pdata[i]);
    }
  return sought->info != NULL;
}

static gboolean
is_line_found (gpointer user_data)
{
  Sought *sought = user_data;
  g_autoptr(GPtrArray) locks = thredo_monitor_list_locks (sought->monitor);

  for (guint i = 0; i < locks->len; i++)
    {
      if (g_strcmp0 (thredo_lock_info_get_name (locks->pdata[i]), sought->name) == 0 &&
          thredo_lock_info_get_n_waiting (locks->pdata[i]) == 2)
        g_set_object (&sought->info, locks->pdata[i]);
    }
  return sought->info != NULL;
}

static gboolean
is_end_found (gpointer user_data)
{
  Sought *sought = user_data;
  g_autoptr(GPtrArray) history = thredo_monitor_get_history (sought->monitor);
  guint64 last = 0;

  g_assert_cmpuint (history->len, <=, 64);
  for (guint i = 0; i < history->len; i++)
    {
      g_assert_cmpuint (thredo_ended_info_get_serial (history->pdata[i]), >, last);
      last = thredo_ended_info_get_serial (history->pdata[i]);
      if (g_strcmp0 (thredo_ended_info_get_name (history->pdata[i]), sought->name) == 0)
        g_set_object (&sought->info, history->pdata[i]);
    }
  return sought->info != NULL;
}

static gboolean
is_count_reached (gpointer count)
{
  return *(guint *) count == 0;
}

static void
count_down (guint *count)
{
  if (*count > 0)
    (*count)--;
}

static void
refresh_times (ThredoMonitor *monitor,
               guint          n)
{
  gulong handler = g_signal_connect_swapped (monitor, "refreshed", G_CALLBACK (count_down), &n);

  watch_until ("so many refreshes", is_count_reached, &n);
  g_signal_handler_disconnect (monitor, handler);
}

static void
test_queues (void)
{
  g_autoptr(ThredoMonitor) monitor = NULL;
  g_autoptr(ThredoQueueInfo) info = NULL;
  g_autoptr(GPtrArray) before = NULL;
  Sought sought = { NULL, "jobs", NULL };
  Child child;

  child_init (&child, "--child");
  child_order (&child, "queue jobs");
  monitor = watch_process (child.pid);
  before = thredo_monitor_list_queues (monitor);
  g_assert_cmpuint (before->len, ==, 0);
  sought.monitor = monitor;
  watch_until ("a queue", is_queue_found, &sought);
  info = sought.info;
  g_assert_cmpuint (thredo_queue_info_get_id (info), >, 0);
  g_assert_cmpuint (thredo_queue_info_get_length (info), ==, 3);
  g_assert_cmpuint (thredo_queue_info_get_max_size (info), ==, 10);
  g_assert_cmpuint (thredo_queue_info_get_n_unfinished (info), ==, 3);
  g_assert_cmpuint (thredo_queue_info_get_n_getters (info), ==, 0);
  g_assert_cmpuint (thredo_queue_info_get_n_putters (info), ==, 0);
  g_assert_cmpint (thredo_queue_info_get_order (info), ==, THREDO_QUEUE_ORDER_FIFO);
  g_assert_false (thredo_queue_info_is_closed (info));
  child_clear (&child);

  /* What was seen last stays. */
  g_clear_pointer (&before, g_ptr_array_unref);
  before = thredo_monitor_list_queues (monitor);
  g_assert_cmpuint (before->len, ==, 1);
}

/* They come with the first refresh, and after that only for who wants them. */
static void
test_unasked (void)
{
  g_autoptr(ThredoMonitor) monitor = NULL;
  Sought early = { NULL, "early", NULL };
  Sought late = { NULL, "late", NULL };
  Child child;

  child_init (&child, "--child");
  child_order (&child, "queue early");
  monitor = watch_process (child.pid);
  early.monitor = late.monitor = monitor;
  refresh_times (monitor, 1);
  g_assert_true (is_queue_found (&early));
  refresh_times (monitor, 11);
  child_order (&child, "queue late");
  refresh_times (monitor, 2);
  g_assert_false (is_queue_found (&late));
  watch_until ("the late queue", is_queue_found, &late);
  g_object_unref (early.info);
  g_object_unref (late.info);
  child_clear (&child);
}

static void
test_locks (void)
{
  g_autoptr(ThredoMonitor) monitor = NULL;
  g_autoptr(ThredoLockInfo) info = NULL;
  g_autoptr(GVariant) property = NULL;
  Sought sought = { NULL, "gate", NULL };
  const guint64 *ids;
  gsize n_ids;
  Child child;

  child_init (&child, "--child");
  child_order (&child, "line gate");
  monitor = watch_process (child.pid);
  sought.monitor = monitor;
  watch_until ("a line", is_line_found, &sought);
  info = sought.info;
  g_assert_cmpstr (thredo_lock_info_get_noun (info), ==, "Lock");
  g_assert_cmpstr (thredo_lock_info_get_owner_name (info), ==, "owner");
  g_assert_cmpuint (thredo_lock_info_get_owner_id (info), ==,
                    thredo_thread_info_get_id (watch_find (monitor, "owner", "sleep")));
  g_assert_false (thredo_lock_info_is_abandoned (info));
  ids = thredo_lock_info_get_waiting_ids (info, &n_ids);
  g_assert_cmpuint (n_ids, ==, 2);
  g_assert_cmpuint (ids[0], ==, thredo_thread_info_get_id (watch_find (monitor, "first", NULL)));
  g_assert_cmpuint (ids[1], ==, thredo_thread_info_get_id (watch_find (monitor, "second", NULL)));
  g_object_get (info, "waiting-ids", &property, NULL);
  g_assert_cmpuint (g_variant_n_children (property), ==, 2);
  child_clear (&child);
}

static gboolean
is_owned_lock_found (gpointer user_data)
{
  Sought *sought = user_data;
  g_autoptr(GPtrArray) locks = thredo_monitor_list_locks (sought->monitor);

  for (guint i = 0; i < locks->len; i++)
    {
      if (g_strcmp0 (thredo_lock_info_get_name (locks->pdata[i]), sought->name) == 0 &&
          thredo_lock_info_get_owner_id (locks->pdata[i]) != 0)
        g_set_object (&sought->info, locks->pdata[i]);
    }
  return sought->info != NULL;
}

/* Of too many, those that matter. */
static void
test_locks_many (void)
{
  g_autoptr(ThredoMonitor) monitor = NULL;
  g_autoptr(ThredoLockInfo) info = NULL;
  g_autoptr(GPtrArray) locks = NULL;
  Sought sought = { NULL, "youngest", NULL };
  Child child;

  child_init (&child, "--child");
  child_order (&child, "crowd youngest");
  monitor = watch_process (child.pid);
  sought.monitor = monitor;
  watch_until ("a lock that is owned", is_owned_lock_found, &sought);
  info = sought.info;
  locks = thredo_monitor_list_locks (monitor);
  g_assert_cmpuint (locks->len, ==, 10000);
  g_assert_cmpstr (thredo_lock_info_get_name (locks->pdata[9999]), ==, "youngest");
  child_clear (&child);
}

static gboolean
is_loop_late (gpointer monitor)
{
  return thredo_monitor_get_loop_latency (monitor) > G_TIME_SPAN_SECOND / 2;
}

static gboolean
is_loop_in_time (gpointer monitor)
{
  return !is_loop_late (monitor);
}

static gboolean
do_three_wait (gpointer monitor)
{
  return thredo_monitor_get_n_waiting (monitor) == 3;
}

static void
note_waits (ThredoMonitor *monitor,
            GParamSpec    *pspec,
            gpointer       user_data)
{
  double *most = user_data;

  *most = MAX (*most, thredo_monitor_get_waits_per_second (monitor));
}

static gboolean
is_positive (gpointer number)
{
  return *(double *) number > 0;
}

static void
test_figures (void)
{
  g_autoptr(ThredoMonitor) monitor = NULL;
  double most = 0;
  Child child;

  child_init (&child, "--child");
  monitor = watch_process (child.pid);
  refresh_times (monitor, 2);
  g_signal_connect (monitor, "notify::waits-per-second", G_CALLBACK (note_waits), &most);
  child_order (&child, "spawn one");
  child_order (&child, "spawn two");
  child_order (&child, "spawn three");
  watch_until ("three that wait", do_three_wait, monitor);
  watch_until ("some waits", is_positive, &most);

  child_order (&child, "hold");
  watch_until ("the loop to be late", is_loop_late, monitor);
  child_order (&child, "release");
  watch_until ("the loop to be in time", is_loop_in_time, monitor);
  child_clear (&child);
}

static void
test_history (void)
{
  g_autoptr(ThredoMonitor) monitor = NULL;
  g_autoptr(ThredoEndedInfo) failed = NULL;
  g_autoptr(ThredoEndedInfo) finished = NULL;
  g_autoptr(ThredoEndedInfo) cancelled = NULL;
  g_autoptr(GPtrArray) history = NULL;
  Sought sought = { NULL, "bad", NULL };
  Child child;

  child_init (&child, "--child");
  child_order (&child, "finish unseen");
  monitor = watch_process (child.pid);
  sought.monitor = monitor;
  refresh_times (monitor, 1);
  child_order (&child, "fail bad");
  watch_until ("an end", is_end_found, &sought);
  failed = g_steal_pointer (&sought.info);
  g_assert_cmpint (thredo_ended_info_get_state (failed), ==, THREDO_THREAD_STATE_FAILED);
  g_assert_cmpstr (thredo_ended_info_get_message (failed), ==, "It went wrong");
  g_assert_cmpint (thredo_ended_info_get_ended_at (failed), >, 0);
  g_assert_cmpint (thredo_ended_info_get_ended_at (failed), <=, g_get_monotonic_time ());
  g_assert_cmpint (thredo_ended_info_get_cpu_time (failed), >=, 0);

  child_order (&child, "spawn one");
  child_order (&child, "cancel one");
  sought.name = "one";
  watch_until ("an end", is_end_found, &sought);
  cancelled = g_steal_pointer (&sought.info);
  g_assert_cmpint (thredo_ended_info_get_state (cancelled), ==, THREDO_THREAD_STATE_CANCELLED);

  /* More than are kept, of which each comes once. */
  for (guint i = 0; i < 70; i++)
    child_order (&child, "finish many");
  child_order (&child, "finish last");
  sought.name = "last";
  watch_until ("an end", is_end_found, &sought);
  finished = g_steal_pointer (&sought.info);
  g_assert_cmpint (thredo_ended_info_get_state (finished), ==, THREDO_THREAD_STATE_FINISHED);
  g_assert_null (thredo_ended_info_get_message (finished));
  g_assert_cmpuint (thredo_ended_info_get_serial (finished), ==,
                    thredo_ended_info_get_serial (failed) + 72);
  history = thredo_monitor_get_history (monitor);
  g_assert_cmpuint (history->len, ==, 64);
  child_clear (&child);
}

static void
test_group_ids (void)
{
  g_autoptr(ThredoMonitor) monitor = NULL;
  g_autoptr(GVariant) property = NULL;
  ThredoThreadInfo *info;
  const guint64 *ids;
  gsize n_ids;
  Child child;

  child_init (&child, "--child");
  monitor = watch_process (child.pid);
  child_order (&child, "member son");
  child_order (&child, "spawn orphan");
  info = watch_find (monitor, "son", NULL);
  ids = thredo_thread_info_get_group_ids (info, &n_ids);
  g_assert_cmpuint (n_ids, ==, 1);
  g_assert_cmpuint (ids[0], ==, thredo_thread_info_get_group_id (info));
  g_object_get (info, "group-ids", &property, NULL);
  g_assert_cmpuint (g_variant_n_children (property), ==, 1);
  thredo_thread_info_get_group_ids (watch_find (monitor, "orphan", NULL), &n_ids);
  g_assert_cmpuint (n_ids, ==, 0);
  child_clear (&child);
}

/* Calls that do not wait. */

static void
keep_result (GObject      *source,
             GAsyncResult *result,
             gpointer      user_data)
{
  g_set_object ((GAsyncResult **) user_data, result);
}

static gboolean
is_set (gpointer location)
{
  return *(gpointer *) location != NULL;
}

static ThredoMonitor *
watch_async (guint          pid,
             GCancellable  *cancellable,
             GError       **error)
{
  g_autoptr(GAsyncResult) result = NULL;

  thredo_monitor_new_for_process_async (pid, cancellable, keep_result, &result);
  g_assert_null (result);
  watch_until ("a result", is_set, &result);
  return thredo_monitor_new_for_process_finish (result, error);
}

static gboolean
cancel_async (ThredoMonitor  *monitor,
              guint64         id,
              GCancellable   *cancellable,
              GError        **error)
{
  g_autoptr(GAsyncResult) result = NULL;

  thredo_monitor_cancel_thread_async (monitor, id, cancellable, keep_result, &result);
  g_assert_null (result);
  watch_until ("a result", is_set, &result);
  return thredo_monitor_cancel_thread_finish (monitor, result, error);
}

static gboolean
cancel_group_async (ThredoMonitor  *monitor,
                    guint64         id,
                    GCancellable   *cancellable,
                    GError        **error)
{
  g_autoptr(GAsyncResult) result = NULL;

  thredo_monitor_cancel_group_async (monitor, id, cancellable, keep_result, &result);
  g_assert_null (result);
  watch_until ("a result", is_set, &result);
  return thredo_monitor_cancel_group_finish (monitor, result, error);
}

static void
assert_not_found (GError **error)
{
  g_assert_error (*error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND);
  g_assert_true (g_str_has_prefix ((*error)->message, "There is no "));
  g_assert_null (strstr ((*error)->message, "GDBus"));
  g_clear_error (error);
}

static gboolean
is_closed (gpointer monitor)
{
  return thredo_monitor_is_closed (monitor);
}

static void
test_new_async (void)
{
  g_autoptr(GCancellable) cancellable = g_cancellable_new ();
  g_autoptr(GAsyncResult) result = NULL;
  g_autoptr(ThredoMonitor) monitor = NULL;
  g_autoptr(GError) error = NULL;
  Child child;

  child_init (&child, "--child");
  monitor = watch_async (child.pid, cancellable, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (thredo_monitor_get_pid (monitor), ==, child.pid);
  child_order (&child, "spawn one");
  watch_find (monitor, "one", "sleep");

  /* One that is stopped cannot answer; the caller goes on, and gives up. */
  child_stop (&child);
  thredo_monitor_new_for_process_async (child.pid, cancellable, keep_result, &result);
  g_assert_null (result);
  g_cancellable_cancel (cancellable);
  watch_until ("a result", is_set, &result);
  g_assert_null (thredo_monitor_new_for_process_finish (result, &error));
  support_assert_cancelled (&error);
  g_assert_null (watch_async (child.pid, cancellable, &error));
  support_assert_cancelled (&error);
  child_continue (&child);
  child_clear (&child);

  g_assert_null (watch_async (child.pid, NULL, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CONNECTION_REFUSED);
  g_assert_true (g_str_has_prefix (error->message, "Process "));
}

/* Numbers that no process has, or none of those that can be watched. */
static void
test_no_such_process (void)
{
  const guint none[] = { 0, 1, (guint) G_MAXINT + 1, G_MAXUINT };

  for (guint i = 0; i < G_N_ELEMENTS (none); i++)
    {
      g_autofree char *number = g_strdup_printf ("rocess %u", none[i]);
      g_autoptr(GError) error = NULL;
      g_autoptr(GError) later = NULL;

      g_assert_null (thredo_monitor_new_for_process (none[i], NULL, &error));
      g_assert_error (error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND);
      g_assert_nonnull (strstr (error->message, number));
      g_assert_null (watch_async (none[i], NULL, &later));
      g_assert_error (later, G_IO_ERROR, G_IO_ERROR_NOT_FOUND);
      g_assert_cmpstr (later->message, ==, error->message);
    }
}

static void
test_cancel_async (void)
{
  g_autoptr(GCancellable) cancelled = g_cancellable_new ();
  g_autoptr(ThredoMonitor) monitor = NULL;
  g_autoptr(GError) error = NULL;
  guint64 id, group_id;
  Child child;

  g_cancellable_cancel (cancelled);
  child_init (&child, "--child");
  monitor = watch_process (child.pid);
  child_order (&child, "spawn one");
  child_order (&child, "member son");
  id = thredo_thread_info_get_id (watch_find (monitor, "one", "sleep"));
  g_assert_false (cancel_async (monitor, id, cancelled, &error));
  support_assert_cancelled (&error);
  refresh_times (monitor, 2);
  g_assert_false (thredo_thread_info_is_cancelled (watch_find (monitor, "one", "sleep")));
  g_assert_true (cancel_async (monitor, id, NULL, &error));
  g_assert_no_error (error);
  watch_find_gone (monitor, "one");
  g_assert_false (cancel_async (monitor, id, NULL, &error));
  assert_not_found (&error);
  g_assert_false (thredo_monitor_cancel_thread (monitor, id, NULL, &error));
  assert_not_found (&error);

  group_id = thredo_thread_info_get_group_id (watch_find (monitor, "son", NULL));
  g_assert_false (cancel_group_async (monitor, group_id, cancelled, &error));
  support_assert_cancelled (&error);
  g_assert_true (cancel_group_async (monitor, group_id, NULL, &error));
  g_assert_no_error (error);
  watch_find_gone (monitor, "son");
  g_assert_false (cancel_group_async (monitor, group_id, NULL, &error));
  assert_not_found (&error);

  child_clear (&child);
  watch_until ("the end of the process", is_closed, monitor);
  g_assert_false (cancel_async (monitor, 1, NULL, &error));
  support_assert_error (&error, G_IO_ERROR, G_IO_ERROR_CLOSED);
  g_assert_false (cancel_group_async (monitor, 1, NULL, &error));
  support_assert_error (&error, G_IO_ERROR, G_IO_ERROR_CLOSED);
}

/* The process ends while it is being asked. */
static void
test_cancel_async_killed (void)
{
  g_autoptr(GAsyncResult) result = NULL;
  g_autoptr(ThredoMonitor) monitor = NULL;
  g_autoptr(GError) error = NULL;
  Child child;

  child_init (&child, "--child");
  monitor = watch_process (child.pid);
  watch_find_any (monitor);
  child_stop (&child);
  thredo_monitor_cancel_thread_async (monitor, 1, NULL, keep_result, &result);
  child_clear (&child);
  watch_until ("a result", is_set, &result);
  g_assert_false (thredo_monitor_cancel_thread_finish (monitor, result, &error));
  g_assert_nonnull (strstr (error->message, "The process"));
  support_assert_error (&error, G_IO_ERROR, G_IO_ERROR_CLOSED);
}

/* Of this process: the same. */
static void
test_cancel_async_here (void)
{
  g_autoptr(ThredoMonitor) monitor = thredo_monitor_new ();
  g_autoptr(GCancellable) cancelled = g_cancellable_new ();
  g_autoptr(ThredoThread) thread = NULL;
  g_autoptr(GError) error = NULL;
  guint64 id;

  g_cancellable_cancel (cancelled);
  thread = thredo_thread_spawn ("one", support_sleep_forever, NULL, NULL, &error);
  g_assert_no_error (error);
  id = thredo_thread_get_id (thread);
  g_assert_false (cancel_async (monitor, id, cancelled, &error));
  support_assert_cancelled (&error);
  g_assert_false (thredo_thread_is_cancelled (thread));
  g_assert_true (cancel_async (monitor, id, NULL, &error));
  g_assert_no_error (error);
  g_assert_true (thredo_thread_wait (thread, NULL, NULL));
  g_assert_false (cancel_async (monitor, id, NULL, &error));
  assert_not_found (&error);
  g_assert_false (cancel_group_async (monitor, id, NULL, &error));
  assert_not_found (&error);
}

/* Peers that behave badly. */

static void
send_all (int         fd,
          const char *bytes,
          gsize       length)
{
  g_assert_cmpint (send (fd, bytes, length, MSG_NOSIGNAL), ==, (gssize) length);
}

/* One that is known. */
static int
connect_known (guint pid)
{
  g_autofree char *path = watch_dup_socket_path (pid);
  g_autofree char *user = g_strdup_printf ("%u", (guint) getuid ());
  g_autoptr(GString) hello = g_string_new ("AUTH EXTERNAL ");
  int fd = watch_connect (path);
  char answer;

  g_string_prepend_len (hello, "\0", 1);
  for (const char *digit = user; *digit != '\0'; digit++)
    g_string_append_printf (hello, "%02x", (guint) *digit);
  g_string_append (hello, "\r\n");
  send_all (fd, hello->str, hello->len);
  g_assert_cmpint (read (fd, &answer, 1), ==, 1);
  g_assert_cmpint (answer, ==, 'O');
  while (answer != '\n')
    g_assert_cmpint (read (fd, &answer, 1), ==, 1);
  send_all (fd, "BEGIN\r\n", 7);
  return fd;
}

static guchar *
make_call (const char *method,
           GVariant   *parameters,
           guint32     serial,
           gsize      *length)
{
  g_autoptr(GDBusMessage) message = NULL;
  g_autoptr(GError) error = NULL;
  guchar *bytes;

  message = g_dbus_message_new_method_call (NULL, "/org/thredo/Monitor1", "org.thredo.Monitor1",
                                            method);
  if (parameters != NULL)
    g_dbus_message_set_body (message, parameters);
  g_dbus_message_set_serial (message, serial);
  bytes = g_dbus_message_to_blob (message, length, G_DBUS_CAPABILITY_FLAGS_NONE, &error);
  g_assert_no_error (error);
  return bytes;
}

/* One that asks and asks, and never reads. It is dropped before it can have filled anything; and
 * those who are well-behaved see no difference. */
static void
test_flood (void)
{
  struct timeval limit = { SUPPORT_LIMIT / G_TIME_SPAN_SECOND, 0 };
  g_autoptr(ThredoMonitor) monitor = NULL;
  guint32 serial = 0;
  gboolean is_open = TRUE;
  Child child;
  int fd;

  child_init (&child, "--child");
  monitor = watch_process (child.pid);
  fd = connect_known (child.pid);
  setsockopt (fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
  while (is_open)
    {
      gsize length;
      g_autofree guchar *bytes = NULL;

      g_assert_cmpuint (serial, <, 1000000);
      bytes = make_call ("GetThreads", g_variant_new ("(t)", (guint64) 0), ++serial, &length);
      is_open = send (fd, bytes, length, MSG_NOSIGNAL) == (gssize) length;
      if (!is_open && errno != EPIPE && errno != ECONNRESET)
        g_error ("Hang: %s", g_strerror (errno));
    }
  watch_read_to_end (fd);
  child_order (&child, "spawn one");
  watch_find (monitor, "one", "sleep");
  child_clear (&child);
}

/* One that has asked, and is silent since. */
static void
test_silent (void)
{
  g_autoptr(ThredoMonitor) monitor = NULL;
  g_autofree guchar *bytes = NULL;
  gsize length;
  Child child;
  int fds[3];

  child_init (&child, "--child");
  bytes = make_call ("GetThreads", g_variant_new ("(t)", (guint64) 0), 1, &length);
  for (guint i = 0; i < G_N_ELEMENTS (fds); i++)
    {
      fds[i] = connect_known (child.pid);
      send_all (fds[i], (const char *) bytes, length);
    }
  monitor = watch_process (child.pid);
  child_order (&child, "spawn one");
  watch_find (monitor, "one", "sleep");
  child_order (&child, "unexport");
  for (guint i = 0; i < G_N_ELEMENTS (fds); i++)
    watch_read_to_end (fds[i]);
  child_clear (&child);
}

/* Calls that are larger than any that there is; and the ones that there are not. */
static void
test_odd_calls (void)
{
  g_autofree char *text = g_strnfill (100000, 'x');
  g_autoptr(ThredoMonitor) monitor = NULL;
  g_autofree guchar *large = NULL;
  gsize length;
  Child child;
  int fd;

  child_init (&child, "--child");
  monitor = watch_process (child.pid);
  large = make_call ("GetThreads", g_variant_new ("(s)", text), 1, &length);
  fd = connect_known (child.pid);
  send (fd, large, length, MSG_NOSIGNAL);
  watch_read_to_end (fd);

  fd = connect_known (child.pid);
  for (guint i = 0; i < 5; i++)
    {
      g_autofree guchar *unknown = make_call ("GetLost", NULL, 2 * i + 1, &length);
      g_autofree guchar *wrong = NULL;

      send_all (fd, (const char *) unknown, length);
      wrong = make_call ("GetThreads", g_variant_new ("(s)", "all"), 2 * i + 2, &length);
      send_all (fd, (const char *) wrong, length);
    }
  shutdown (fd, SHUT_WR);
  watch_read_to_end (fd);

  child_order (&child, "spawn one");
  watch_find (monitor, "one", "sleep");
  child_clear (&child);
}

int
main (int    argc,
      char **argv)
{
  int status;

  if (argc > 1 && g_str_equal (argv[1], "--child"))
    return child_run (TRUE);

  support_init (&argc, &argv);
  watch_make_folder ();
  thredo_thread_self ();

  g_test_add_func ("/monitor/remote/queues", test_queues);
  g_test_add_func ("/monitor/remote/unasked", test_unasked);
  g_test_add_func ("/monitor/remote/locks", test_locks);
  g_test_add_func ("/monitor/remote/locks/many", test_locks_many);
  g_test_add_func ("/monitor/remote/figures", test_figures);
  g_test_add_func ("/monitor/remote/history", test_history);
  g_test_add_func ("/monitor/remote/group-ids", test_group_ids);
  g_test_add_func ("/monitor/remote/new-async", test_new_async);
  g_test_add_func ("/monitor/remote/no-such-process", test_no_such_process);
  g_test_add_func ("/monitor/remote/cancel-async", test_cancel_async);
  g_test_add_func ("/monitor/remote/cancel-async/killed", test_cancel_async_killed);
  g_test_add_func ("/monitor/remote/cancel-async/here", test_cancel_async_here);
  g_test_add_func ("/monitor/remote/flood", test_flood);
  g_test_add_func ("/monitor/remote/silent", test_silent);
  g_test_add_func ("/monitor/remote/odd-calls", test_odd_calls);

  status = g_test_run ();
  if (status == 0)
    {
      g_autofree char *sockets = g_build_filename (watch_folder, "thredo-glib", NULL);
      G_GNUC_UNUSED g_autoptr(GPtrArray) rest = thredo_monitor_list_processes (NULL);

      g_rmdir (sockets);
      g_rmdir (watch_folder);
    }
  g_free (watch_folder);
  return status;
}
