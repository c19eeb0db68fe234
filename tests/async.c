/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Waits that block nobody, of what is not a type of its own with a test of its own; and the
 * promise that one that was cancelled did not happen, from both sides. */

#include "duel.h"

#include <glib-unix.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

static void
make_pipe (int fds[2])
{
  g_autoptr(GError) error = NULL;

  g_unix_open_pipe (fds, FD_CLOEXEC, &error);
  g_assert_no_error (error);
  g_unix_set_fd_nonblocking (fds[0], TRUE, &error);
  g_assert_no_error (error);
}

static void
close_pipe (int fds[2])
{
  for (int i = 0; i < 2; i++)
    g_close (fds[i], NULL);
}

static void
put_byte (int fd)
{
  g_assert_cmpint (write (fd, "x", 1), ==, 1);
}

static void
take_byte (int fd)
{
  char byte;

  g_assert_cmpint (read (fd, &byte, 1), ==, 1);
}

/* Everything that the context has to do now. */
static void
iterate_while_pending (void)
{
  while (g_main_context_iteration (NULL, FALSE))
    ;
}

static gboolean
end_sleep (GAsyncResult **result,
           GError       **error)
{
  gboolean ok;

  support_iterate_until_result (result);
  ok = thredo_sleep_finish (*result, error);
  g_clear_object (result);
  return ok;
}

/* --- sleep ---------------------------------------------------------------- */

static void
test_sleep (void)
{
  const GTimeSpan durations[] = { 0, 1, 10 * G_TIME_SPAN_MILLISECOND };

  for (guint i = 0; i < G_N_ELEMENTS (durations); i++)
    {
      g_autoptr(GCancellable) cancellable = g_cancellable_new ();
      g_autoptr(GError) error = NULL;
      GAsyncResult *result = NULL;
      gint64 begun = g_get_monotonic_time ();

      thredo_sleep_async (durations[i], cancellable, support_keep_result, &result);
      g_assert_null (result);
      g_assert_true (end_sleep (&result, &error));
      g_assert_no_error (error);
      g_assert_cmpint (g_get_monotonic_time () - begun, >=, durations[i]);
      g_assert_cmpuint (G_OBJECT (cancellable)->ref_count, ==, 1);
    }
}

static void
append_index (GObject      *source,
              GAsyncResult *result,
              gpointer      user_data)
{
  g_autoptr(GError) error = NULL;
  GArray *order = user_data;
  guint index = GPOINTER_TO_UINT (g_object_get_data (G_OBJECT (g_task_get_cancellable (
                                                         G_TASK (result))),
                                                     "index"));

  g_assert_true (thredo_sleep_finish (result, &error));
  g_assert_no_error (error);
  g_array_append_val (order, index);
}

static void
test_sleep_order (void)
{
  const guint milliseconds[] = { 40, 0, 20, 60 };
  const guint expected[] = { 1, 2, 0, 3 };
  g_autoptr(GArray) order = g_array_new (FALSE, FALSE, sizeof (guint));

  for (guint i = 0; i < G_N_ELEMENTS (milliseconds); i++)
    {
      g_autoptr(GCancellable) cancellable = g_cancellable_new ();

      g_object_set_data (G_OBJECT (cancellable), "index", GUINT_TO_POINTER (i));
      thredo_sleep_async (milliseconds[i] * G_TIME_SPAN_MILLISECOND, cancellable, append_index,
                          order);
    }
  while (order->len < G_N_ELEMENTS (milliseconds))
    g_main_context_iteration (NULL, TRUE);
  g_assert_cmpmem (order->data, sizeof (expected), expected, sizeof (expected));
}

static void
test_sleep_cancelled (void)
{
  const GTimeSpan durations[] = { 0, SUPPORT_FOREVER, G_MAXINT64 };

  for (guint i = 0; i < 2 * G_N_ELEMENTS (durations); i++)
    {
      gboolean before = i % 2 == 0;
      g_autoptr(GCancellable) cancellable = g_cancellable_new ();
      g_autoptr(GError) error = NULL;
      GAsyncResult *result = NULL;

      if (durations[i / 2] == 0 && !before)
        continue;
      if (before)
        g_cancellable_cancel (cancellable);
      thredo_sleep_async (durations[i / 2], cancellable, support_keep_result, &result);
      g_cancellable_cancel (cancellable);
      g_assert_null (result);
      g_assert_false (end_sleep (&result, &error));
      support_assert_cancelled (&error);
      g_assert_cmpuint (G_OBJECT (cancellable)->ref_count, ==, 1);
    }
}

static void
test_sleep_negative (void)
{
  g_autoptr(GError) error = NULL;
  GAsyncResult *result = NULL;

  thredo_sleep_async (-1, NULL, support_keep_result, &result);
  g_assert_false (end_sleep (&result, &error));
  support_assert_error (&error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT);
}

static void
test_sleep_unheard (void)
{
  GAsyncResult *result = NULL;

  thredo_sleep_async (1, NULL, NULL, NULL);
  thredo_sleep_async (10 * G_TIME_SPAN_MILLISECOND, NULL, support_keep_result, &result);
  g_assert_true (end_sleep (&result, NULL));
}

/* On the loop's own context, where nothing may block. */
static void
keep_result_atomically (GObject      *source,
                        GAsyncResult *result,
                        gpointer      location)
{
  g_atomic_pointer_set ((GAsyncResult **) location, g_object_ref (result));
}

static gboolean
sleep_on_loop (gpointer result)
{
  g_main_context_push_thread_default (thredo_get_main_context ());
  thredo_sleep_async (G_TIME_SPAN_MILLISECOND, NULL, keep_result_atomically, result);
  g_main_context_pop_thread_default (thredo_get_main_context ());
  return G_SOURCE_REMOVE;
}

static void
test_sleep_loop (void)
{
  GAsyncResult *result = NULL;

  g_main_context_invoke (thredo_get_main_context (), sleep_on_loop, &result);
  while (g_atomic_pointer_get (&result) == NULL)
    g_thread_yield ();
  g_assert_true (thredo_sleep_finish (result, NULL));
  /* The loop lets go of it a moment later. */
  g_object_unref (result);
}

/* --- the end of a thread -------------------------------------------------- */

static gboolean
wait_and_fail (ThredoThread  *thread,
               gpointer       event,
               GError       **error)
{
  if (thredo_event_wait (event, NULL, error))
    g_set_error_literal (error, G_FILE_ERROR, G_FILE_ERROR_NOENT, "as ordered");
  return FALSE;
}

static gboolean
end_wait (ThredoThread  *thread,
          GAsyncResult **result,
          GError       **error)
{
  gboolean ok;

  support_iterate_until_result (result);
  ok = thredo_thread_wait_finish (thread, *result, error);
  g_clear_object (result);
  return ok;
}

/* However it ends, and it stays in its group. */
static void
test_thread_wait (void)
{
  g_autoptr(ThredoEvent) event = thredo_event_new ();
  g_autoptr(ThredoGroup) group = thredo_group_new (THREDO_GROUP_WAIT_ALL);
  g_autoptr(ThredoThread) fails = NULL;
  g_autoptr(ThredoThread) cancelled = NULL;
  g_autoptr(GError) error = NULL;
  GAsyncResult *first = NULL, *second = NULL, *third = NULL;

  fails = thredo_group_spawn (group, "fails", wait_and_fail, event, NULL, &error);
  g_assert_no_error (error);
  cancelled = thredo_group_spawn (group, "cancelled", wait_and_fail, event, NULL, &error);
  g_assert_no_error (error);

  thredo_thread_wait_async (fails, NULL, support_keep_result, &first);
  thredo_thread_wait_async (cancelled, NULL, support_keep_result, &second);
  iterate_while_pending ();
  g_assert_null (first);
  g_assert_null (second);

  thredo_thread_cancel (cancelled);
  g_assert_true (end_wait (cancelled, &second, &error));
  g_assert_no_error (error);
  g_assert_cmpint (thredo_thread_get_state (cancelled), ==, THREDO_THREAD_STATE_CANCELLED);
  thredo_event_set (event);
  g_assert_true (end_wait (fails, &first, &error));
  g_assert_no_error (error);
  g_assert_cmpint (thredo_thread_get_state (fails), ==, THREDO_THREAD_STATE_FAILED);

  /* One that has ended. */
  thredo_thread_wait_async (fails, NULL, support_keep_result, &third);
  g_assert_null (third);
  g_assert_true (end_wait (fails, &third, &error));
  g_assert_no_error (error);

  g_assert_false (thredo_group_join (group, NULL, &error));
  support_assert_error (&error, G_FILE_ERROR, G_FILE_ERROR_NOENT);
}

static void
test_thread_wait_cancelled (void)
{
  g_autoptr(GCancellable) cancellable = g_cancellable_new ();
  g_autoptr(ThredoThread) thread = NULL;
  g_autoptr(GError) error = NULL;
  GAsyncResult *result = NULL;

  thread = thredo_thread_spawn ("sleeper", support_sleep_forever, NULL, NULL, &error);
  g_assert_no_error (error);
  for (int i = 0; i < 2; i++)
    {
      thredo_thread_wait_async (thread, cancellable, support_keep_result, &result);
      g_cancellable_cancel (cancellable);
      g_assert_false (end_wait (thread, &result, &error));
      support_assert_cancelled (&error);
      g_assert_true (thredo_thread_is_alive (thread));
    }
  support_cancel_and_join (thread);
}

static void
test_thread_wait_not_started (void)
{
  g_autoptr(ThredoThread) thread = thredo_thread_new ("new", support_return_true, NULL, NULL);
  g_autoptr(GError) error = NULL;
  GAsyncResult *result = NULL;

  thredo_thread_wait_async (thread, NULL, support_keep_result, &result);
  g_assert_false (end_wait (thread, &result, &error));
  support_assert_error (&error, THREDO_ERROR, THREDO_ERROR_STATE);
}

/* --- the next result ------------------------------------------------------ */

typedef struct
{
  ThredoEvent *event;
  int number; /* 0: none; negative: it fails */
} Member;

static gboolean
wait_for_result (ThredoThread  *thread,
                 gpointer       user_data,
                 GError       **error)
{
  g_auto(GValue) result = G_VALUE_INIT;
  Member *member = user_data;

  if (!thredo_event_wait (member->event, NULL, error))
    return FALSE;
  if (member->number < 0)
    {
      g_set_error_literal (error, G_FILE_ERROR, G_FILE_ERROR_NOENT, "as ordered");
      return FALSE;
    }
  if (member->number > 0)
    {
      g_value_init (&result, G_TYPE_INT);
      g_value_set_int (&result, member->number);
      thredo_thread_set_result (thread, &result);
    }
  return TRUE;
}

static gboolean
end_next_result (ThredoGroup   *group,
                 GAsyncResult **result,
                 GValue        *value,
                 GError       **error)
{
  gboolean ok;

  support_iterate_until_result (result);
  ok = thredo_group_next_result_finish (group, *result, value, error);
  g_clear_object (result);
  return ok;
}

static void
test_next_result (void)
{
  g_autoptr(ThredoGroup) group = thredo_group_new (THREDO_GROUP_WAIT_ALL);
  Member members[] = { { NULL, 7 }, { NULL, 0 }, { NULL, -1 } };
  g_autoptr(GError) error = NULL;
  GAsyncResult *result = NULL;

  for (guint i = 0; i < G_N_ELEMENTS (members); i++)
    {
      g_autoptr(ThredoThread) thread = NULL;

      members[i].event = thredo_event_new ();
      thread = thredo_group_spawn (group, NULL, wait_for_result, &members[i], NULL, &error);
      g_assert_no_error (error);
    }

  for (guint i = 0; i < G_N_ELEMENTS (members); i++)
    {
      g_auto(GValue) value = G_VALUE_INIT;
      gboolean ok;

      thredo_group_next_result_async (group, NULL, support_keep_result, &result);
      iterate_while_pending ();
      g_assert_null (result);
      thredo_event_set (members[i].event);
      ok = end_next_result (group, &result, &value, &error);
      switch (i)
        {
        case 0:
          g_assert_true (ok);
          g_assert_cmpint (g_value_get_int (&value), ==, 7);
          break;
        case 1:
          g_assert_true (ok);
          g_assert_true (G_VALUE_HOLDS_POINTER (&value));
          g_assert_null (g_value_get_pointer (&value));
          break;
        default:
          g_assert_false (ok);
          support_assert_error (&error, G_FILE_ERROR, G_FILE_ERROR_NOENT);
          g_assert_false (G_IS_VALUE (&value));
          break;
        }
      g_assert_no_error (error);
    }

  /* No member is left; and those that were handed out are not the join's business. */
  for (int i = 0; i < 2; i++)
    {
      g_auto(GValue) value = G_VALUE_INIT;

      thredo_group_next_result_async (group, NULL, support_keep_result, &result);
      support_iterate_until_result (&result);
      if (i == 0)
        {
          g_assert_false (thredo_group_next_result_finish (group, result, &value, &error));
          g_assert_false (G_IS_VALUE (&value));
        }
      else
        {
          g_assert_false (
              thredo_group_next_result_finish_for_bindings (group, result, &value, &error));
          g_assert_true (G_VALUE_HOLDS_POINTER (&value));
        }
      support_assert_error (&error, THREDO_ERROR, THREDO_ERROR_STATE);
      g_clear_object (&result);
    }
  thredo_group_next_result_async (group, NULL, support_keep_result, &result);
  support_iterate_until_result (&result);
  g_assert_null (thredo_group_next_result_finish_boxed (group, result, &error));
  support_assert_error (&error, THREDO_ERROR, THREDO_ERROR_STATE);
  g_clear_object (&result);
  g_assert_true (thredo_group_join (group, NULL, &error));
  g_assert_no_error (error);
  for (guint i = 0; i < G_N_ELEMENTS (members); i++)
    g_object_unref (members[i].event);
}

static void
take_boxed_int (GValue *box,
                int     number)
{
  g_assert_nonnull (box);
  g_assert_cmpint (g_value_get_int (box), ==, number);
  g_boxed_free (G_TYPE_VALUE, box);
}

/* The forms that return a value. */
static void
test_boxed (void)
{
  g_autoptr(ThredoQueue) queue = thredo_queue_new (0);
  g_autoptr(ThredoGroup) group = thredo_group_new (THREDO_GROUP_WAIT_ALL);
  g_autoptr(ThredoEvent) event = thredo_event_new ();
  g_auto(GValue) item = G_VALUE_INIT;
  g_autoptr(GError) error = NULL;
  Member members[] = { { event, 3 }, { event, 3 }, { event, 0 } };
  GAsyncResult *result = NULL;
  g_autoptr(ThredoThread) last = NULL;
  GValue *box;

  g_value_init (&item, G_TYPE_INT);
  for (int i = 0; i < 3; i++)
    {
      g_value_set_int (&item, i);
      g_assert_true (thredo_queue_put (queue, &item, NULL, NULL));
    }
  take_boxed_int (thredo_queue_get_boxed (queue, NULL, &error), 0);
  take_boxed_int (thredo_queue_try_get_boxed (queue, &error), 1);
  thredo_queue_get_async (queue, NULL, support_keep_result, &result);
  support_iterate_until_result (&result);
  take_boxed_int (thredo_queue_get_finish_boxed (queue, result, &error), 2);
  g_clear_object (&result);
  g_assert_no_error (error);
  g_assert_null (thredo_queue_try_get_boxed (queue, &error));
  support_assert_error (&error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK);
  thredo_queue_close (queue);
  g_assert_null (thredo_queue_get_boxed (queue, NULL, &error));
  support_assert_closed (&error);
  thredo_queue_get_async (queue, NULL, support_keep_result, &result);
  support_iterate_until_result (&result);
  g_assert_null (thredo_queue_get_finish_boxed (queue, result, &error));
  support_assert_closed (&error);
  g_clear_object (&result);

  thredo_event_set (event);
  for (guint i = 0; i < G_N_ELEMENTS (members); i++)
    {
      g_clear_object (&last);
      last = thredo_group_spawn (group, NULL, wait_for_result, &members[i], NULL, &error);
      g_assert_no_error (error);
      switch (i)
        {
        case 0:
          g_assert_true (thredo_thread_wait (last, NULL, NULL));
          take_boxed_int (thredo_thread_get_result_boxed (last), 3);
          take_boxed_int (thredo_group_next_result_boxed (group, NULL, &error), 3);
          break;
        case 1:
          thredo_group_next_result_async (group, NULL, support_keep_result, &result);
          support_iterate_until_result (&result);
          take_boxed_int (thredo_group_next_result_finish_boxed (group, result, &error), 3);
          g_clear_object (&result);
          break;
        default:
          g_assert_true (thredo_thread_wait (last, NULL, NULL));
          g_assert_null (thredo_thread_get_result_boxed (last));
          box = thredo_group_next_result_boxed (group, NULL, &error);
          g_assert_true (G_VALUE_HOLDS_POINTER (box));
          g_boxed_free (G_TYPE_VALUE, box);
          break;
        }
      g_assert_no_error (error);
    }
  g_assert_true (thredo_group_join (group, NULL, &error));
  g_assert_null (thredo_group_next_result_boxed (group, NULL, &error));
  support_assert_error (&error, THREDO_ERROR, THREDO_ERROR_STATE);
}

static void
test_next_result_cancelled (void)
{
  g_autoptr(ThredoGroup) group = thredo_group_new (THREDO_GROUP_WAIT_ALL);
  g_autoptr(ThredoEvent) event = thredo_event_new ();
  g_autoptr(ThredoThread) thread = NULL;
  g_autoptr(GError) error = NULL;
  Member member = { event, 3 };
  g_auto(GValue) value = G_VALUE_INIT;
  GAsyncResult *result = NULL;

  thread = thredo_group_spawn (group, NULL, wait_for_result, &member, NULL, &error);
  g_assert_no_error (error);
  for (int i = 0; i < 2; i++)
    {
      g_autoptr(GCancellable) cancellable = g_cancellable_new ();

      if (i == 1)
        g_cancellable_cancel (cancellable);
      thredo_group_next_result_async (group, cancellable, support_keep_result, &result);
      g_cancellable_cancel (cancellable);
      g_assert_false (end_next_result (group, &result, &value, &error));
      support_assert_cancelled (&error);
    }

  /* A member that was cancelled. */
  thredo_group_next_result_async (group, NULL, support_keep_result, &result);
  thredo_thread_cancel (thread);
  g_assert_false (end_next_result (group, &result, &value, &error));
  support_assert_error (&error, THREDO_ERROR, THREDO_ERROR_THREAD_CANCELLED);
  g_assert_true (thredo_group_join (group, NULL, &error));
}

/* --- file descriptors ----------------------------------------------------- */

static GIOCondition
end_wait_fd (GAsyncResult **result,
             GError       **error)
{
  GIOCondition seen;

  support_iterate_until_result (result);
  seen = thredo_wait_fd_finish (*result, error);
  g_clear_object (result);
  return seen;
}

static void
test_fd (void)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(GCancellable) cancellable = g_cancellable_new ();
  GAsyncResult *result = NULL;
  int fds[2];

  make_pipe (fds);
  thredo_wait_fd_async (fds[1], G_IO_OUT, cancellable, support_keep_result, &result);
  g_assert_null (result);
  g_assert_cmpint (end_wait_fd (&result, &error), ==, G_IO_OUT);
  g_assert_no_error (error);

  thredo_wait_fd_async (fds[0], G_IO_IN, cancellable, support_keep_result, &result);
  iterate_while_pending ();
  g_assert_null (result);
  put_byte (fds[1]);
  g_assert_cmpint (end_wait_fd (&result, &error), ==, G_IO_IN);
  g_assert_no_error (error);
  take_byte (fds[0]);

  thredo_wait_fd_async (fds[0], G_IO_IN, NULL, support_keep_result, &result);
  g_close (fds[1], NULL);
  g_assert_cmpint (end_wait_fd (&result, &error), ==, G_IO_HUP);
  g_assert_no_error (error);
  g_close (fds[0], NULL);
  g_assert_cmpuint (G_OBJECT (cancellable)->ref_count, ==, 1);
}

static void
test_fd_plain_file (void)
{
  g_autoptr(GError) error = NULL;
  g_autofree char *path = NULL;
  int fd = g_file_open_tmp ("thredo-XXXXXX", &path, &error);
  GAsyncResult *result = NULL;

  g_assert_no_error (error);
  thredo_wait_fd_async (fd, G_IO_IN | G_IO_OUT, NULL, support_keep_result, &result);
  g_assert_cmpint (end_wait_fd (&result, &error), ==, G_IO_IN | G_IO_OUT);
  g_assert_no_error (error);
  g_close (fd, NULL);
  g_unlink (path);
}

static void
test_fd_closed (void)
{
  g_autoptr(GError) error = NULL;
  GAsyncResult *result = NULL;
  int fds[2];

  make_pipe (fds);
  thredo_wait_fd_async (fds[0], G_IO_IN, NULL, support_keep_result, &result);
  thredo_notify_closing (fds[0]);
  close_pipe (fds);
  g_assert_cmpint (end_wait_fd (&result, &error), ==, 0);
  support_assert_closed (&error);

  thredo_wait_fd_async (fds[0], G_IO_IN, NULL, support_keep_result, &result);
  g_assert_cmpint (end_wait_fd (&result, &error), ==, 0);
  support_assert_closed (&error);
  thredo_wait_fd_async (-1, G_IO_IN, NULL, support_keep_result, &result);
  g_assert_cmpint (end_wait_fd (&result, &error), ==, 0);
  support_assert_closed (&error);
}

/* Beside threads that wait for the same, and tasks: all are told. */
static gboolean
wait_for_fd (ThredoThread  *thread,
             gpointer       user_data,
             GError       **error)
{
  int *fds = user_data;

  return thredo_wait_fd (fds[0], G_IO_IN, NULL, error) == G_IO_IN;
}

static void
test_fd_several (void)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(ThredoThread) thread = NULL;
  g_autoptr(GCancellable) cancellable = g_cancellable_new ();
  GAsyncResult *results[3] = { NULL };
  int fds[2];

  make_pipe (fds);
  thread = thredo_thread_spawn ("waits", wait_for_fd, fds, NULL, &error);
  g_assert_no_error (error);
  support_wait_for_state (thread, THREDO_THREAD_STATE_WAITING);
  for (guint i = 0; i < G_N_ELEMENTS (results); i++)
    thredo_wait_fd_async (fds[0], G_IO_IN, i == 1 ? cancellable : NULL, support_keep_result,
                          &results[i]);
  g_cancellable_cancel (cancellable);
  g_assert_cmpint (end_wait_fd (&results[1], &error), ==, 0);
  support_assert_cancelled (&error);
  put_byte (fds[1]);
  g_assert_cmpint (end_wait_fd (&results[0], &error), ==, G_IO_IN);
  g_assert_no_error (error);
  g_assert_cmpint (end_wait_fd (&results[2], &error), ==, G_IO_IN);
  g_assert_no_error (error);
  support_join_ok (thread);
  close_pipe (fds);
}

/* What was seen has gone by the time the context gets to it: the wait goes on, and can
 * still be cancelled, or end. */
static void
test_fd_taken (void)
{
  g_autoptr(GError) error = NULL;
  int fds[2];

  make_pipe (fds);
  for (int i = 0; i < 200; i++)
    {
      g_autoptr(GCancellable) cancellable = g_cancellable_new ();
      GAsyncResult *result = NULL;
      g_autoptr(ThredoThread) thread = NULL;

      thredo_wait_fd_async (fds[0], G_IO_IN, cancellable, support_keep_result, &result);
      thread = thredo_thread_spawn ("waits", wait_for_fd, fds, NULL, &error);
      g_assert_no_error (error);
      support_wait_for_state (thread, THREDO_THREAD_STATE_WAITING);
      put_byte (fds[1]);
      /* Both have been told, by one look of the loop. */
      support_join_ok (thread);
      take_byte (fds[0]);
      iterate_while_pending ();
      g_assert_null (result);

      if (i % 2 == 0)
        {
          g_cancellable_cancel (cancellable);
          g_assert_cmpint (end_wait_fd (&result, &error), ==, 0);
          support_assert_cancelled (&error);
        }
      else
        {
          put_byte (fds[1]);
          g_assert_cmpint (end_wait_fd (&result, &error), ==, G_IO_IN);
          g_assert_no_error (error);
          take_byte (fds[0]);
        }
      g_assert_cmpuint (G_OBJECT (cancellable)->ref_count, ==, 1);
    }
  close_pipe (fds);
}

/* --- races ---------------------------------------------------------------- */

/* The waiter waits on a context of its own for what RIGHT does; LEFT cancels. */
typedef struct
{
  const char *path;
  guint n_rounds;
  void (*prepare) (Duel *duel);
  void (*begin) (gpointer            race,
                 GAsyncReadyCallback callback,
                 gpointer            user_data);
  gboolean (*finish) (gpointer       race,
                      GAsyncResult  *result,
                      GError       **error);
  void (*right) (Duel *duel);
  DuelSide (*judge) (Duel *duel);
} RaceKind;

typedef struct
{
  const RaceKind *kind;
  GCancellable *cancellable;
  gint64 deadline;
  ThredoEvent *event;
  ThredoThread *thread;
  ThredoGroup *group;
  ThredoSemaphore *semaphore;
  ThredoSignalEvent *signal_event;
  Member member;
  GMainContext *context;
  int fds[2];

  gboolean ok;
  GError *error;
} Race;

static void
race_wait (Duel *duel)
{
  Race *race = duel->data;
  GAsyncResult *result = NULL;

  g_main_context_push_thread_default (race->context);
  race->kind->begin (race, support_keep_result, &result);
  while (result == NULL)
    g_main_context_iteration (race->context, TRUE);
  race->ok = race->kind->finish (race, result, &race->error);
  g_object_unref (result);
  g_main_context_pop_thread_default (race->context);
}

static void
race_prepare (Duel *duel)
{
  Race *race = duel->data;

  race->cancellable = g_cancellable_new ();
}

static void
race_cancel (Duel *duel)
{
  Race *race = duel->data;

  g_cancellable_cancel (race->cancellable);
}

/* TRUE: what RIGHT did came first. */
static gboolean
race_end (Race *race)
{
  g_assert_cmpuint (G_OBJECT (race->cancellable)->ref_count, ==, 1);
  g_clear_object (&race->cancellable);
  if (race->ok)
    g_assert_no_error (race->error);
  else
    support_assert_cancelled (&race->error);
  return race->ok;
}

/* A moment, and RIGHT cancels. */
static void
prepare_sleep (Duel *duel)
{
  Race *race = duel->data;

  race_prepare (duel);
  race->deadline = g_get_monotonic_time () + 60 + duel->round % 61;
}

static void
begin_sleep (gpointer            data,
             GAsyncReadyCallback callback,
             gpointer            user_data)
{
  Race *race = data;

  thredo_sleep_async (MAX (race->deadline - g_get_monotonic_time (), 1), race->cancellable,
                      callback, user_data);
}

static gboolean
finish_sleep (gpointer       data,
              GAsyncResult  *result,
              GError       **error)
{
  return thredo_sleep_finish (result, error);
}

static void
cancel_at_deadline (Duel *duel)
{
  Race *race = duel->data;

  while (g_get_monotonic_time () < race->deadline - duel->lead)
    ;
  g_cancellable_cancel (race->cancellable);
}

static DuelSide
judge_sleep (Duel *duel)
{
  return race_end (duel->data) ? DUEL_LEFT : DUEL_RIGHT;
}

/* The end of a thread. */
static void
prepare_thread (Duel *duel)
{
  Race *race = duel->data;

  race_prepare (duel);
  race->event = thredo_event_new ();
  race->member = (Member) { race->event, 5 };
  race->group = thredo_group_new (THREDO_GROUP_WAIT_ALL);
  race->thread = thredo_group_spawn (race->group, NULL, wait_for_result, &race->member, NULL, NULL);
  g_assert_nonnull (race->thread);
}

static void
set_event (Duel *duel)
{
  thredo_event_set (((Race *) duel->data)->event);
}

static void
begin_thread_wait (gpointer            data,
                   GAsyncReadyCallback callback,
                   gpointer            user_data)
{
  Race *race = data;

  thredo_thread_wait_async (race->thread, race->cancellable, callback, user_data);
}

static gboolean
finish_thread_wait (gpointer       data,
                    GAsyncResult  *result,
                    GError       **error)
{
  Race *race = data;

  if (!thredo_thread_wait_finish (race->thread, result, error))
    return FALSE;
  g_assert_cmpint (thredo_thread_get_state (race->thread), ==, THREDO_THREAD_STATE_FINISHED);
  return TRUE;
}

static DuelSide
end_thread (Race *race)
{
  gboolean ok = race_end (race);

  g_assert_true (thredo_group_join (race->group, NULL, NULL));
  g_clear_object (&race->group);
  g_clear_object (&race->thread);
  g_clear_object (&race->event);
  return ok ? DUEL_RIGHT : DUEL_LEFT;
}

static DuelSide
judge_thread_wait (Duel *duel)
{
  return end_thread (duel->data);
}

/* The result of a member: the one or the other call gets it. */
static void
begin_next_result (gpointer            data,
                   GAsyncReadyCallback callback,
                   gpointer            user_data)
{
  Race *race = data;

  thredo_group_next_result_async (race->group, race->cancellable, callback, user_data);
}

static gboolean
finish_next_result (gpointer       data,
                    GAsyncResult  *result,
                    GError       **error)
{
  Race *race = data;
  g_auto(GValue) value = G_VALUE_INIT;

  if (!thredo_group_next_result_finish (race->group, result, &value, error))
    return FALSE;
  g_assert_cmpint (g_value_get_int (&value), ==, 5);
  return TRUE;
}

static DuelSide
judge_next_result (Duel *duel)
{
  Race *race = duel->data;
  g_auto(GValue) value = G_VALUE_INIT;
  g_autoptr(GError) error = NULL;

  if (thredo_group_next_result (race->group, &value, NULL, &error))
    {
      g_assert_false (race->ok);
      g_assert_cmpint (g_value_get_int (&value), ==, 5);
    }
  else
    {
      g_assert_true (race->ok);
      support_assert_error (&error, THREDO_ERROR, THREDO_ERROR_STATE);
    }
  return end_thread (race);
}

/* A byte: nobody takes it but who reads it. */
static void
begin_fd (gpointer            data,
          GAsyncReadyCallback callback,
          gpointer            user_data)
{
  Race *race = data;

  thredo_wait_fd_async (race->fds[0], G_IO_IN, race->cancellable, callback, user_data);
}

static gboolean
finish_fd (gpointer       data,
           GAsyncResult  *result,
           GError       **error)
{
  GIOCondition seen = thredo_wait_fd_finish (result, error);

  g_assert_true (seen == 0 || seen == G_IO_IN);
  return seen != 0;
}

static void
write_byte (Duel *duel)
{
  put_byte (((Race *) duel->data)->fds[1]);
}

static DuelSide
judge_fd (Duel *duel)
{
  Race *race = duel->data;

  take_byte (race->fds[0]);
  return race_end (race) ? DUEL_RIGHT : DUEL_LEFT;
}

/* A number that is closed: the wait ends by it, whoever waits. The other end stays open until
 * then: who begins after the announcement may see that it has hung up. */
static void
prepare_closing (Duel *duel)
{
  Race *race = duel->data;

  race_prepare (duel);
  make_pipe (race->fds);
}

static gboolean
finish_closing (gpointer       data,
                GAsyncResult  *result,
                GError       **error)
{
  g_autoptr(GError) local_error = NULL;

  g_assert_cmpint (thredo_wait_fd_finish (result, &local_error), ==, 0);
  if (g_error_matches (local_error, G_IO_ERROR, G_IO_ERROR_CLOSED))
    return TRUE;
  g_propagate_error (error, g_steal_pointer (&local_error));
  return FALSE;
}

static void
close_number (Duel *duel)
{
  Race *race = duel->data;

  thredo_notify_closing (race->fds[0]);
  g_close (race->fds[0], NULL);
}

static DuelSide
judge_closing (Duel *duel)
{
  g_close (((Race *) duel->data)->fds[1], NULL);
  return race_end (duel->data) ? DUEL_RIGHT : DUEL_LEFT;
}

/* A permit. */
static void
begin_acquire (gpointer            data,
               GAsyncReadyCallback callback,
               gpointer            user_data)
{
  Race *race = data;

  thredo_semaphore_acquire_async (race->semaphore, race->cancellable, callback, user_data);
}

static gboolean
finish_acquire (gpointer       data,
                GAsyncResult  *result,
                GError       **error)
{
  Race *race = data;

  return thredo_semaphore_acquire_finish (race->semaphore, result, error);
}

static void
release_permit (Duel *duel)
{
  g_assert_true (thredo_semaphore_release (((Race *) duel->data)->semaphore, NULL));
}

static DuelSide
judge_acquire (Duel *duel)
{
  Race *race = duel->data;

  g_assert_cmpuint (thredo_semaphore_get_value (race->semaphore), ==, !race->ok);
  g_assert_cmpint (thredo_semaphore_try_acquire (race->semaphore), ==, !race->ok);
  return race_end (race) ? DUEL_RIGHT : DUEL_LEFT;
}

/* A signal. */
static void
begin_signal (gpointer            data,
              GAsyncReadyCallback callback,
              gpointer            user_data)
{
  Race *race = data;

  thredo_signal_event_wait_async (race->signal_event, race->cancellable, callback, user_data);
}

static gboolean
finish_signal (gpointer       data,
               GAsyncResult  *result,
               GError       **error)
{
  Race *race = data;
  int number = thredo_signal_event_wait_finish (race->signal_event, result, error);

  g_assert_true (number == 0 || number == SIGUSR1);
  return number != 0;
}

static void
send_signal (Duel *duel)
{
  raise (SIGUSR1);
}

static DuelSide
judge_signal (Duel *duel)
{
  Race *race = duel->data;

  /* Who was cancelled has left it for the next. */
  if (!race->ok)
    g_assert_cmpint (thredo_signal_event_wait (race->signal_event, NULL, NULL), ==, SIGUSR1);
  return race_end (race) ? DUEL_RIGHT : DUEL_LEFT;
}

static const RaceKind kinds[] = {
  {
      .path = "/async/race/sleep",
      .n_rounds = 20000,
      .prepare = prepare_sleep,
      .begin = begin_sleep,
      .finish = finish_sleep,
      .right = cancel_at_deadline,
      .judge = judge_sleep,
  },
  {
      .path = "/async/race/thread-wait",
      .prepare = prepare_thread,
      .begin = begin_thread_wait,
      .finish = finish_thread_wait,
      .right = set_event,
      .judge = judge_thread_wait,
  },
  {
      .path = "/async/race/next-result",
      .prepare = prepare_thread,
      .begin = begin_next_result,
      .finish = finish_next_result,
      .right = set_event,
      .judge = judge_next_result,
  },
  {
      .path = "/async/race/fd",
      .prepare = race_prepare,
      .begin = begin_fd,
      .finish = finish_fd,
      .right = write_byte,
      .judge = judge_fd,
  },
  {
      .path = "/async/race/closing",
      .n_rounds = 20000,
      .prepare = prepare_closing,
      .begin = begin_fd,
      .finish = finish_closing,
      .right = close_number,
      .judge = judge_closing,
  },
  {
      .path = "/async/race/semaphore",
      .prepare = race_prepare,
      .begin = begin_acquire,
      .finish = finish_acquire,
      .right = release_permit,
      .judge = judge_acquire,
  },
  {
      .path = "/async/race/signal",
      .n_rounds = 20000,
      .prepare = race_prepare,
      .begin = begin_signal,
      .finish = finish_signal,
      .right = send_signal,
      .judge = judge_signal,
  },
};

static void
test_race (gconstpointer data)
{
  const RaceKind *kind = data;
  const int signals[] = { SIGUSR1 };
  g_autoptr(ThredoSemaphore) semaphore = thredo_semaphore_new (0);
  g_autoptr(ThredoSignalEvent) signal_event = NULL;
  g_autoptr(GMainContext) context = g_main_context_new ();
  g_autoptr(GError) error = NULL;
  Race race = { .kind = kind, .semaphore = semaphore, .context = context };
  DuelKind duel = {
    .n_rounds = kind->n_rounds,
    .prepare = kind->prepare,
    .wait = race_wait,
    .left = kind->begin != begin_sleep ? race_cancel : NULL,
    .right = kind->right,
    .judge = kind->judge,
    .never_parks = TRUE,
  };

  signal_event = thredo_signal_event_new (signals, 1, &error);
  g_assert_no_error (error);
  race.signal_event = signal_event;
  if (kind->begin == begin_fd && kind->finish == finish_fd)
    make_pipe (race.fds);
  duel_run (&duel, &race);
  if (kind->begin == begin_fd && kind->finish == finish_fd)
    close_pipe (race.fds);
}

int
main (int    argc,
      char **argv)
{
  support_init (&argc, &argv);

  g_test_add_func ("/async/sleep", test_sleep);
  g_test_add_func ("/async/sleep/order", test_sleep_order);
  g_test_add_func ("/async/sleep/cancelled", test_sleep_cancelled);
  g_test_add_func ("/async/sleep/negative", test_sleep_negative);
  g_test_add_func ("/async/sleep/unheard", test_sleep_unheard);
  g_test_add_func ("/async/sleep/loop", test_sleep_loop);
  g_test_add_func ("/async/thread-wait", test_thread_wait);
  g_test_add_func ("/async/thread-wait/cancelled", test_thread_wait_cancelled);
  g_test_add_func ("/async/thread-wait/not-started", test_thread_wait_not_started);
  g_test_add_func ("/async/next-result", test_next_result);
  g_test_add_func ("/async/next-result/cancelled", test_next_result_cancelled);
  g_test_add_func ("/async/boxed", test_boxed);
  g_test_add_func ("/async/fd", test_fd);
  g_test_add_func ("/async/fd/plain-file", test_fd_plain_file);
  g_test_add_func ("/async/fd/closed", test_fd_closed);
  g_test_add_func ("/async/fd/several", test_fd_several);
  g_test_add_func ("/async/fd/taken", test_fd_taken);
  for (guint i = 0; i < G_N_ELEMENTS (kinds); i++)
    g_test_add_data_func (kinds[i].path, &kinds[i], test_race);

  return g_test_run ();
}
