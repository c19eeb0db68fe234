/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "support.h"

#include <errno.h>
#include <fcntl.h>
#include <glib-unix.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* A thread as a class, with its work in the vfunc. */

#define TEST_TYPE_COUNTER (test_counter_get_type ())
G_DECLARE_FINAL_TYPE (TestCounter, test_counter, TEST, COUNTER, ThredoThread)

struct _TestCounter
{
  ThredoThread parent_instance;

  int n;
  gboolean fails;
};

G_DEFINE_FINAL_TYPE (TestCounter, test_counter, THREDO_TYPE_THREAD)

static int n_counters_finalized;

static gboolean
test_counter_run (ThredoThread  *thread,
                  GError       **error)
{
  TestCounter *self = TEST_COUNTER (thread);

  g_assert_true (thredo_thread_self () == thread);
  self->n++;
  if (self->fails)
    {
      g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_BUSY, "The counter is busy");
      return FALSE;
    }
  return TRUE;
}

static void
test_counter_finalize (GObject *object)
{
  g_atomic_int_inc (&n_counters_finalized);

  G_OBJECT_CLASS (test_counter_parent_class)->finalize (object);
}

static void
test_counter_class_init (TestCounterClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = test_counter_finalize;
  THREDO_THREAD_CLASS (klass)->run = test_counter_run;
}

static void
test_counter_init (TestCounter *self)
{
}

/* Functions of threads. */

static ThredoThread *
spawn (const char       *name,
       ThredoThreadFunc  func,
       gpointer          user_data)
{
  g_autoptr(GError) error = NULL;
  ThredoThread *thread = thredo_thread_spawn (name, func, user_data, NULL, &error);

  g_assert_no_error (error);
  g_assert_nonnull (thread);
  return thread;
}

static gboolean
return_42 (ThredoThread  *thread,
           gpointer       user_data,
           GError       **error)
{
  g_auto(GValue) result = G_VALUE_INIT;

  g_value_init (&result, G_TYPE_INT);
  g_value_set_int (&result, 42);
  thredo_thread_set_result (thread, &result);
  return TRUE;
}

static gboolean
fail_with_busy (ThredoThread  *thread,
                gpointer       user_data,
                GError       **error)
{
  g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_BUSY, "I am busy");
  return FALSE;
}

static gboolean
fail_with_timed_out (ThredoThread  *thread,
                     gpointer       user_data,
                     GError       **error)
{
  g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT, "It took too long");
  return FALSE;
}

static gboolean
fail_with_cancelled (ThredoThread  *thread,
                     gpointer       user_data,
                     GError       **error)
{
  g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_CANCELLED, "I gave up");
  return FALSE;
}

static gboolean
wait_for_release (ThredoThread  *thread,
                  gpointer       queue,
                  GError       **error)
{
  g_auto(GValue) item = G_VALUE_INIT;

  return thredo_queue_get (queue, &item, NULL, error);
}

static void
release (ThredoQueue *queue)
{
  g_auto(GValue) item = G_VALUE_INIT;
  g_autoptr(GError) error = NULL;

  g_value_init (&item, G_TYPE_INT);
  thredo_queue_put (queue, &item, NULL, &error);
  g_assert_no_error (error);
}

/* The life of a thread. */

static void
test_state (void)
{
  g_autoptr(ThredoQueue) queue = thredo_queue_new (0);
  g_autoptr(ThredoThread) thread = thredo_thread_new ("t", wait_for_release, queue, NULL);
  g_autoptr(GError) error = NULL;

  g_assert_cmpint (thredo_thread_get_state (thread), ==, THREDO_THREAD_STATE_NEW);
  g_assert_false (thredo_thread_is_alive (thread));

  thredo_thread_start (thread, &error);
  g_assert_no_error (error);
  g_assert_true (thredo_thread_is_alive (thread));
  support_wait_for_state (thread, THREDO_THREAD_STATE_WAITING);
  g_assert_true (thredo_thread_is_alive (thread));

  release (queue);
  support_join_ok (thread);
  g_assert_false (thredo_thread_is_alive (thread));
  g_assert_null (thredo_thread_get_error (thread));
}

static gboolean
check_own_state (ThredoThread  *thread,
                 gpointer       user_data,
                 GError       **error)
{
  g_assert_cmpint (thredo_thread_get_state (thread), ==, THREDO_THREAD_STATE_RUNNING);
  g_assert_true (thredo_thread_is_alive (thread));
  g_assert_true (thredo_thread_self () == thread);
  g_assert_null (thredo_thread_dup_waiting_for (thread));
  return TRUE;
}

static void
test_state_inside (void)
{
  g_autoptr(ThredoThread) thread = spawn ("t", check_own_state, NULL);

  support_join_ok (thread);
}

static void
test_state_running (void)
{
  SupportGate gate;
  g_autoptr(ThredoThread) thread = NULL;

  support_gate_init (&gate);
  thread = spawn ("t", support_wait_at_gate, &gate);
  support_wait_for_state (thread, THREDO_THREAD_STATE_RUNNING);
  g_assert_null (thredo_thread_dup_waiting_for (thread));
  support_gate_open (&gate);
  support_join_ok (thread);
  support_gate_clear (&gate);
}

static void
test_waiting_for (void)
{
  g_autoptr(ThredoQueue) queue = thredo_queue_new (0);
  g_autoptr(ThredoThread) sleeper = NULL;
  g_autoptr(ThredoThread) getter = NULL;
  gint64 before = g_get_monotonic_time ();

  sleeper = spawn ("sleeper", support_sleep_forever, NULL);
  support_wait_for_wait (sleeper, "sleep");
  g_assert_cmpint (thredo_thread_get_waiting_since (sleeper), >=, before);
  g_assert_cmpint (thredo_thread_get_waiting_since (sleeper), <=, g_get_monotonic_time ());
  support_cancel_and_join (sleeper);
  g_assert_null (thredo_thread_dup_waiting_for (sleeper));

  /* A queue without a name. */
  getter = spawn ("getter", wait_for_release, queue);
  support_wait_for_wait (getter, "get on Queue");
  release (queue);
  support_join_ok (getter);
  g_assert_null (thredo_thread_dup_waiting_for (getter));
}

static void
test_cancelled_before_start (void)
{
  g_autoptr(ThredoThread) thread = thredo_thread_new ("t", support_sleep_forever, NULL, NULL);
  g_autoptr(GError) error = NULL;

  thredo_thread_cancel (thread);
  g_assert_true (thredo_thread_is_cancelled (thread));
  thredo_thread_start (thread, &error);
  g_assert_no_error (error);
  g_assert_false (thredo_thread_join (thread, NULL, &error));
  support_assert_error (&error, THREDO_ERROR, THREDO_ERROR_THREAD_CANCELLED);
}

static void
test_cancelled_before_start_runs (void)
{
  g_autoptr(ThredoThread) thread = thredo_thread_new ("t", return_42, NULL, NULL);
  g_auto(GValue) result = G_VALUE_INIT;
  g_autoptr(GError) error = NULL;

  thredo_thread_cancel (thread);
  thredo_thread_start (thread, &error);
  g_assert_no_error (error);

  /* It never waited and never asked, so nothing cancelled it. */
  support_join_ok (thread);
  g_assert_true (thredo_thread_get_result (thread, &result));
}

static void
test_dropped_while_running (void)
{
  g_autoptr(ThredoQueue) queue = thredo_queue_new (0);
  gpointer thread = spawn ("t", wait_for_release, queue);

  /* The library keeps a running thread alive. */
  g_object_add_weak_pointer (thread, &thread);
  g_object_unref (thread);
  support_wait_for_state (thread, THREDO_THREAD_STATE_WAITING);
  release (queue);
  support_wait_for_finalize (&thread);
}

static void
test_dropped_new (void)
{
  gpointer thread = thredo_thread_new ("t", support_return_true, NULL, NULL);

  g_object_add_weak_pointer (thread, &thread);
  g_object_unref (thread);
  g_assert_null (thread);
}

/* Results and errors. */

static void
test_join_result (void)
{
  g_autoptr(ThredoThread) thread = spawn ("t", return_42, NULL);
  g_auto(GValue) result = G_VALUE_INIT;
  g_auto(GValue) again = G_VALUE_INIT;

  support_join_ok (thread);
  g_assert_true (thredo_thread_get_result (thread, &result));
  g_assert_true (G_VALUE_HOLDS_INT (&result));
  g_assert_cmpint (g_value_get_int (&result), ==, 42);

  /* The thread keeps it for the next one who asks. */
  g_assert_true (thredo_thread_get_result (thread, &again));
  g_assert_cmpint (g_value_get_int (&again), ==, 42);
}

static void
test_join_no_result (void)
{
  g_autoptr(ThredoThread) thread = spawn ("t", support_return_true, NULL);
  g_auto(GValue) result = G_VALUE_INIT;
  g_autoptr(GError) error = NULL;

  support_join_ok (thread);
  g_assert_false (thredo_thread_get_result (thread, &result));
  g_assert_null (thredo_thread_join_pointer (thread, NULL, &error));
  g_assert_no_error (error);
}

static void
test_join_failed (void)
{
  g_autoptr(ThredoThread) thread = spawn ("t", fail_with_busy, NULL);
  g_autoptr(GError) error = NULL;

  g_assert_false (thredo_thread_join (thread, NULL, &error));
  g_assert_cmpstr (error->message, ==, "I am busy");
  support_assert_error (&error, G_IO_ERROR, G_IO_ERROR_BUSY);
  g_assert_cmpint (thredo_thread_get_state (thread), ==, THREDO_THREAD_STATE_FAILED);
  g_assert_error (thredo_thread_get_error (thread), G_IO_ERROR, G_IO_ERROR_BUSY);

  /* Every joiner gets a copy of its own. */
  g_assert_false (thredo_thread_join (thread, NULL, &error));
  support_assert_error (&error, G_IO_ERROR, G_IO_ERROR_BUSY);
  g_assert_null (thredo_thread_join_pointer (thread, NULL, &error));
  support_assert_error (&error, G_IO_ERROR, G_IO_ERROR_BUSY);

  /* A joiner may not want the error. */
  g_assert_false (thredo_thread_join (thread, NULL, NULL));
}

static void
test_join_timed_out_inside (void)
{
  g_autoptr(ThredoThread) thread = spawn ("t", fail_with_timed_out, NULL);
  g_autoptr(GError) error = NULL;

  g_assert_false (thredo_thread_join (thread, NULL, &error));
  support_assert_timed_out (&error);
  g_assert_cmpint (thredo_thread_get_state (thread), ==, THREDO_THREAD_STATE_FAILED);
}

static void
test_join_gave_up (void)
{
  g_autoptr(ThredoThread) thread = spawn ("t", fail_with_cancelled, NULL);
  g_autoptr(GError) error = NULL;

  g_assert_false (thredo_thread_join (thread, NULL, &error));
  support_assert_error (&error, THREDO_ERROR, THREDO_ERROR_THREAD_CANCELLED);
  g_assert_cmpint (thredo_thread_get_state (thread), ==, THREDO_THREAD_STATE_CANCELLED);
}

static void
test_wait_ignores_end (void)
{
  const ThredoThreadFunc funcs[] = { support_return_true, fail_with_busy, fail_with_cancelled };
  const ThredoThreadState states[] = {
    THREDO_THREAD_STATE_FINISHED,
    THREDO_THREAD_STATE_FAILED,
    THREDO_THREAD_STATE_CANCELLED,
  };

  for (gsize i = 0; i < G_N_ELEMENTS (funcs); i++)
    {
      g_autoptr(ThredoThread) thread = thredo_thread_new ("t", funcs[i], NULL, NULL);
      g_autoptr(GError) error = NULL;

      /* Nobody misses the error of a daemon. */
      thredo_thread_set_daemon (thread, TRUE);
      thredo_thread_start (thread, &error);
      g_assert_no_error (error);
      g_assert_true (thredo_thread_wait (thread, NULL, &error));
      g_assert_no_error (error);
      g_assert_cmpint (thredo_thread_get_state (thread), ==, states[i]);
      g_assert_true (thredo_thread_wait (thread, NULL, &error));
      g_assert_no_error (error);
    }
}

static gboolean
return_pointer (ThredoThread  *thread,
                gpointer       counter,
                GError       **error)
{
  thredo_thread_set_result_pointer (thread, counter, support_count_destroy);
  return TRUE;
}

static void
test_result_pointer (void)
{
  int destroyed = 0;
  gpointer thread = spawn ("t", return_pointer, &destroyed);
  g_autoptr(GError) error = NULL;

  /* The first one who asks gets it, and has it. */
  g_assert_true (thredo_thread_join_pointer (thread, NULL, &error) == &destroyed);
  g_assert_no_error (error);
  g_assert_null (thredo_thread_join_pointer (thread, NULL, &error));
  g_assert_no_error (error);

  g_object_add_weak_pointer (thread, &thread);
  g_object_unref (thread);
  support_wait_for_finalize (&thread);
  g_assert_cmpint (g_atomic_int_get (&destroyed), ==, 0);
}

static void
test_result_pointer_not_taken (void)
{
  int destroyed = 0;
  gpointer thread = spawn ("t", return_pointer, &destroyed);

  support_join_ok (thread);
  g_assert_cmpint (g_atomic_int_get (&destroyed), ==, 0);
  g_object_add_weak_pointer (thread, &thread);
  g_object_unref (thread);
  support_wait_for_finalize (&thread);
  support_wait_for_int (&destroyed, 1);
  g_assert_cmpint (g_atomic_int_get (&destroyed), ==, 1);
}

static gboolean
return_two_pointers (ThredoThread  *thread,
                     gpointer       user_data,
                     GError       **error)
{
  int *counters = user_data;

  thredo_thread_set_result_pointer (thread, &counters[0], support_count_destroy);
  thredo_thread_set_result_pointer (thread, &counters[1], support_count_destroy);
  return return_42 (thread, NULL, error);
}

static void
test_result_replaced (void)
{
  int destroyed[2] = { 0, 0 };
  g_autoptr(ThredoThread) thread = spawn ("t", return_two_pointers, destroyed);
  g_auto(GValue) result = G_VALUE_INIT;

  support_join_ok (thread);
  g_assert_cmpint (destroyed[0], ==, 1);
  g_assert_cmpint (destroyed[1], ==, 1);
  g_assert_true (thredo_thread_get_result (thread, &result));
  g_assert_cmpint (g_value_get_int (&result), ==, 42);
}

static gboolean
return_pointer_and_fail (ThredoThread  *thread,
                         gpointer       counter,
                         GError       **error)
{
  thredo_thread_set_result_pointer (thread, counter, support_count_destroy);
  return fail_with_busy (thread, NULL, error);
}

static void
test_result_of_failed (void)
{
  int destroyed = 0;
  gpointer thread = spawn ("t", return_pointer_and_fail, &destroyed);
  g_autoptr(GError) error = NULL;

  g_assert_null (thredo_thread_join_pointer (thread, NULL, &error));
  support_assert_error (&error, G_IO_ERROR, G_IO_ERROR_BUSY);
  g_object_add_weak_pointer (thread, &thread);
  g_object_unref (thread);
  support_wait_for_finalize (&thread);
  support_wait_for_int (&destroyed, 1);
  g_assert_cmpint (g_atomic_int_get (&destroyed), ==, 1);
}

static gboolean
join_and_count (ThredoThread  *thread,
                gpointer       joined,
                GError       **error)
{
  return thredo_thread_join (joined, NULL, error);
}

static void
test_join_by_many (void)
{
  g_autoptr(ThredoQueue) queue = thredo_queue_new (0);
  g_autoptr(ThredoThread) thread = spawn ("joined", wait_for_release, queue);
  ThredoThread *joiners[8];

  for (gsize i = 0; i < G_N_ELEMENTS (joiners); i++)
    joiners[i] = spawn ("joiner", join_and_count, thread);
  for (gsize i = 0; i < G_N_ELEMENTS (joiners); i++)
    support_wait_for_wait (joiners[i], "join on Thread 'joined'");

  /* One of them gives up, which is of no concern to the others. */
  support_cancel_and_join (joiners[3]);
  release (queue);
  for (gsize i = 0; i < G_N_ELEMENTS (joiners); i++)
    {
      if (i != 3)
        support_join_ok (joiners[i]);
      g_object_unref (joiners[i]);
    }
}

static void
test_join_cancelled_is_not_thread_cancelled (void)
{
  g_autoptr(ThredoThread) joined = spawn ("joined", support_sleep_forever, NULL);
  g_autoptr(GCancellable) cancellable = g_cancellable_new ();
  g_autoptr(GError) error = NULL;

  g_cancellable_cancel (cancellable);
  g_assert_false (thredo_thread_join (joined, cancellable, &error));
  support_assert_cancelled (&error);
  g_assert_true (thredo_thread_is_alive (joined));

  support_cancel_and_join (joined);
}

/* Messages about errors that nobody saw. */

static int n_messages;

static GLogWriterOutput
count_messages (GLogLevelFlags   log_level,
                const GLogField *fields,
                gsize            n_fields,
                gpointer         user_data)
{
  if (log_level & G_LOG_LEVEL_MESSAGE)
    g_atomic_int_inc (&n_messages);
  return G_LOG_WRITER_HANDLED;
}

static void
drop_and_wait (ThredoThread *thread)
{
  gpointer weak = thread;

  g_object_add_weak_pointer (weak, &weak);
  g_object_unref (thread);
  support_wait_for_finalize (&weak);
}

static void
test_unjoined_failure (void)
{
  g_autoptr(GError) error = NULL;
  ThredoThread *thread;

  if (!g_test_subprocess ())
    {
      g_test_trap_subprocess (NULL, 0, G_TEST_SUBPROCESS_INHERIT_STDERR);
      g_test_trap_assert_passed ();
      return;
    }

  g_log_set_writer_func (count_messages, NULL, NULL);

  /* Nobody asked. */
  thread = spawn ("careless", fail_with_busy, NULL);
  support_wait_for_state (thread, THREDO_THREAD_STATE_FAILED);
  drop_and_wait (thread);
  support_wait_for_int (&n_messages, 1);

  /* It was joined. */
  thread = spawn ("careful", fail_with_busy, NULL);
  g_assert_false (thredo_thread_join (thread, NULL, NULL));
  drop_and_wait (thread);

  /* Somebody else says so. */
  thread = spawn ("hushed", fail_with_busy, NULL);
  thredo_thread_hush_failure (thread);
  support_wait_for_state (thread, THREDO_THREAD_STATE_FAILED);
  drop_and_wait (thread);

  /* It is a daemon. */
  thread = thredo_thread_new ("daemon", fail_with_busy, NULL, NULL);
  g_assert_false (thredo_thread_get_daemon (thread));
  thredo_thread_set_daemon (thread, TRUE);
  g_assert_true (thredo_thread_get_daemon (thread));
  thredo_thread_start (thread, &error);
  g_assert_no_error (error);
  support_wait_for_state (thread, THREDO_THREAD_STATE_FAILED);
  drop_and_wait (thread);

  /* It was cancelled, which is no failure. */
  thread = spawn ("cancelled", fail_with_cancelled, NULL);
  support_wait_for_state (thread, THREDO_THREAD_STATE_CANCELLED);
  drop_and_wait (thread);

  /* One more, so that the ones before have been finalized. */
  thread = spawn ("careless", fail_with_busy, NULL);
  support_wait_for_state (thread, THREDO_THREAD_STATE_FAILED);
  drop_and_wait (thread);
  support_wait_for_int (&n_messages, 2);
  g_assert_cmpint (g_atomic_int_get (&n_messages), ==, 2);
}

/* Names and identity. */

/* Without the calls only Linux has, a thread keeps the name of its worker. */
static void
assert_os_name (const char *comm,
                const char *expected)
{
#if THREDO_PORTABLE
  g_assert_nonnull (comm);
#else
  g_assert_cmpstr (comm, ==, expected);
#endif
}

static gboolean
read_own_comm (ThredoThread  *thread,
               gpointer       location,
               GError       **error)
{
  g_autofree char *path = g_strdup_printf ("/proc/self/task/%ld/comm", (long) syscall (SYS_gettid));
  char **comm = location;

  if (!g_file_get_contents (path, comm, NULL, error))
    return FALSE;
  g_strchomp (*comm);
  return TRUE;
}

static void
test_name (void)
{
  g_autofree char *comm = NULL;
  g_autoptr(ThredoThread) thread = spawn ("reader", read_own_comm, &comm);

  support_join_ok (thread);
  g_assert_cmpstr (thredo_thread_get_name (thread), ==, "reader");
  assert_os_name (comm, "reader");
}

static void
test_name_long (void)
{
  g_autofree char *comm = NULL;
  g_autoptr(ThredoThread) thread = spawn ("a name longer than the system's", read_own_comm, &comm);

  support_join_ok (thread);
  g_assert_cmpstr (thredo_thread_get_name (thread), ==, "a name longer than the system's");
  assert_os_name (comm, "a name longer t");
}

static void
test_name_of_reused (void)
{
  /* The OS threads are the same, their names are not. */
  for (int i = 0; i < 20; i++)
    {
      g_autofree char *name = g_strdup_printf ("reused-%d", i);
      g_autofree char *comm = NULL;
      g_autoptr(ThredoThread) thread = spawn (name, read_own_comm, &comm);

      support_join_ok (thread);
      assert_os_name (comm, name);
    }
}

static gboolean
rename_oneself (ThredoThread  *thread,
                gpointer       location,
                GError       **error)
{
  thredo_thread_set_name (thread, "after");
  return read_own_comm (thread, location, error);
}

static void
test_name_set_inside (void)
{
  g_autofree char *comm = NULL;
  g_autoptr(ThredoThread) thread = spawn ("before", rename_oneself, &comm);

  support_join_ok (thread);
  assert_os_name (comm, "after");
  g_assert_cmpstr (thredo_thread_get_name (thread), ==, "after");
}

static gboolean
has_task_named (gpointer comm)
{
  return THREDO_PORTABLE || support_count_tasks_named (comm) == 1;
}

static void
test_name_set_outside (void)
{
  g_autoptr(ThredoThread) thread = spawn ("before", support_sleep_forever, NULL);
  const char *before;

  support_wait_for_state (thread, THREDO_THREAD_STATE_WAITING);
  support_wait_for ("a task of that name", has_task_named, (gpointer) "before");
  before = thredo_thread_get_name (thread);
  thredo_thread_set_name (thread, "renamed");
  g_assert_cmpstr (thredo_thread_get_name (thread), ==, "renamed");
  /* Valid as long as the thread is. */
  g_assert_cmpstr (before, ==, "before");
  support_wait_for ("a task of that name", has_task_named, (gpointer) "renamed");
  support_cancel_and_join (thread);
}

static void
test_name_none (void)
{
  g_autoptr(ThredoThread) first = spawn (NULL, support_return_true, NULL);
  g_autoptr(ThredoThread) second = spawn (NULL, support_return_true, NULL);

  support_join_ok (first);
  support_join_ok (second);
  g_assert_cmpstr (thredo_thread_get_name (first), !=, thredo_thread_get_name (second));
}

static void
test_name_before_start (void)
{
  g_autofree char *comm = NULL;
  g_autoptr(ThredoThread) thread = thredo_thread_new ("first", read_own_comm, &comm, NULL);
  g_autoptr(GError) error = NULL;

  thredo_thread_set_name (thread, "second");
  thredo_thread_start (thread, &error);
  g_assert_no_error (error);
  support_join_ok (thread);
  assert_os_name (comm, "second");
}

static void
test_id (void)
{
  g_autoptr(ThredoThread) first = spawn ("first", support_sleep_forever, NULL);
  g_autoptr(ThredoThread) second = spawn ("second", support_sleep_forever, NULL);
  guint64 main_id = thredo_thread_get_id (thredo_thread_self ());

  support_wait_for_state (first, THREDO_THREAD_STATE_WAITING);
  support_wait_for_state (second, THREDO_THREAD_STATE_WAITING);
  g_assert_cmpuint (thredo_thread_get_id (first), !=, 0);
  g_assert_cmpuint (thredo_thread_get_id (first), !=, thredo_thread_get_id (second));
  g_assert_cmpuint (thredo_thread_get_id (first), !=, main_id);
  g_assert_cmpuint (thredo_thread_get_id (thredo_thread_self ()), ==, main_id);
  support_cancel_and_join (first);
  support_cancel_and_join (second);
}

static void
test_properties (void)
{
  g_autoptr(ThredoThread) thread = thredo_thread_new ("t", support_return_true, NULL, NULL);
  g_autofree char *name = NULL;
  gboolean is_daemon = TRUE;

  g_object_set (thread, "daemon", TRUE, NULL);
  g_assert_true (thredo_thread_get_daemon (thread));
  g_object_set (thread, "daemon", FALSE, NULL);
  g_object_get (thread, "name", &name, "daemon", &is_daemon, NULL);
  g_assert_cmpstr (name, ==, "t");
  g_assert_false (is_daemon);
  g_assert_null (thredo_thread_get_group (thread));
}

static void
test_group (void)
{
  g_autoptr(ThredoGroup) group = thredo_group_new (THREDO_GROUP_WAIT_ALL);
  g_autoptr(ThredoGroup) found = NULL;
  g_autoptr(ThredoThread) thread = NULL;
  g_autoptr(GError) error = NULL;

  thread = thredo_group_spawn (group, "member", support_sleep_forever, NULL, NULL, &error);
  g_assert_no_error (error);
  found = thredo_thread_get_group (thread);
  g_assert_true (found == group);
  thredo_group_cancel (group);
  thredo_group_join (group, NULL, &error);
  g_assert_no_error (error);
}

/* A class of one's own. */

static void
test_derived (void)
{
  g_autoptr(TestCounter) counter = g_object_new (TEST_TYPE_COUNTER, "name", "counter", NULL);
  g_autoptr(GError) error = NULL;

  g_assert_cmpstr (thredo_thread_get_name (THREDO_THREAD (counter)), ==, "counter");
  thredo_thread_start (THREDO_THREAD (counter), &error);
  g_assert_no_error (error);
  support_join_ok (THREDO_THREAD (counter));
  g_assert_cmpint (counter->n, ==, 1);
}

static void
test_derived_fails (void)
{
  gpointer counter = g_object_new (TEST_TYPE_COUNTER, NULL);
  int n_before = g_atomic_int_get (&n_counters_finalized);
  g_autoptr(GError) error = NULL;

  TEST_COUNTER (counter)->fails = TRUE;
  thredo_thread_start (counter, &error);
  g_assert_no_error (error);
  g_assert_false (thredo_thread_join (counter, NULL, &error));
  support_assert_error (&error, G_IO_ERROR, G_IO_ERROR_BUSY);

  g_object_unref (counter);
  support_wait_for_int (&n_counters_finalized, n_before + 1);
}

static void
test_derived_in_group (void)
{
  g_autoptr(ThredoGroup) group = thredo_group_new (THREDO_GROUP_WAIT_ALL);
  g_autoptr(TestCounter) counter = g_object_new (TEST_TYPE_COUNTER, "name", "counter", NULL);
  g_autoptr(GError) error = NULL;

  thredo_group_add (group, THREDO_THREAD (counter), &error);
  g_assert_no_error (error);
  thredo_group_join (group, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpint (counter->n, ==, 1);
}

/* user_data */

static void
test_destroy_once (void)
{
  const ThredoThreadFunc funcs[] = { support_return_true, fail_with_busy, fail_with_cancelled };

  for (gsize i = 0; i < G_N_ELEMENTS (funcs); i++)
    {
      int destroyed = 0;
      gpointer thread;
      g_autoptr(GError) error = NULL;

      thread = thredo_thread_spawn ("t", funcs[i], &destroyed, support_count_destroy, &error);
      g_assert_no_error (error);
      g_assert_cmpint (thredo_thread_join (thread, NULL, NULL), ==, i == 0);
      g_object_add_weak_pointer (thread, &thread);
      g_object_unref (thread);
      support_wait_for_finalize (&thread);
      support_wait_for_int (&destroyed, 1);
      g_assert_cmpint (g_atomic_int_get (&destroyed), ==, 1);
    }
}

static void
test_destroy_never_started (void)
{
  int destroyed = 0;

  g_object_unref (thredo_thread_new ("t", support_return_true, &destroyed, support_count_destroy));
  g_assert_cmpint (destroyed, ==, 1);
}

/* Cancelling. */

typedef struct
{
  ThredoQueue *queue;
  int caught;
} Catcher;

static gboolean
catch_cancel (ThredoThread  *thread,
              gpointer       user_data,
              GError       **error)
{
  Catcher *catcher = user_data;
  g_autoptr(GError) cancel = NULL;
  g_auto(GValue) item = G_VALUE_INIT;

  g_assert_false (thredo_sleep (SUPPORT_FOREVER, NULL, &cancel));
  support_assert_cancelled (&cancel);
  catcher->caught++;

  /* It lasts: every further wait fails at once, also one that need not wait. */
  g_assert_false (thredo_sleep (0, NULL, &cancel));
  support_assert_cancelled (&cancel);
  g_assert_false (thredo_queue_get (catcher->queue, &item, NULL, &cancel));
  support_assert_cancelled (&cancel);
  g_assert_false (thredo_check_cancelled (NULL, &cancel));
  support_assert_cancelled (&cancel);
  catcher->caught++;

  /* What tries only does not wait. */
  g_assert_true (thredo_queue_try_get (catcher->queue, &item, &cancel));
  g_assert_no_error (cancel);

  /* And a thread may end well after all. */
  return TRUE;
}

static void
test_cancel_is_level_triggered (void)
{
  Catcher catcher = { thredo_queue_new (0), 0 };
  g_autoptr(ThredoThread) thread = NULL;

  release (catcher.queue);
  thread = spawn ("catcher", catch_cancel, &catcher);
  support_wait_for_state (thread, THREDO_THREAD_STATE_WAITING);
  thredo_thread_cancel (thread);
  support_join_ok (thread);
  g_assert_cmpint (catcher.caught, ==, 2);
  g_object_unref (catcher.queue);
}

static gboolean
spin_until_told (ThredoThread  *thread,
                 gpointer       stop,
                 GError       **error)
{
  while (!g_atomic_int_get ((int *) stop))
    ;
  return thredo_check_cancelled (NULL, error);
}

static void
test_cancel_leaves_spinning_alone (void)
{
  int stop = FALSE;
  g_autoptr(ThredoThread) thread = spawn ("spinner", spin_until_told, &stop);
  g_autoptr(GError) error = NULL;

  support_wait_for_state (thread, THREDO_THREAD_STATE_RUNNING);
  thredo_thread_cancel (thread);
  g_assert_true (thredo_thread_is_alive (thread));
  g_assert_cmpint (thredo_thread_get_state (thread), ==, THREDO_THREAD_STATE_RUNNING);

  /* It comes to know when it asks. */
  g_atomic_int_set (&stop, TRUE);
  g_assert_false (thredo_thread_join (thread, NULL, &error));
  support_assert_error (&error, THREDO_ERROR, THREDO_ERROR_THREAD_CANCELLED);
}

static void
test_cancel_twice (void)
{
  g_autoptr(ThredoThread) thread = spawn ("t", support_sleep_forever, NULL);

  thredo_thread_cancel (thread);
  thredo_thread_cancel (thread);
  support_cancel_and_join (thread);
}

static void
test_cancel_after_end (void)
{
  g_autoptr(ThredoThread) thread = spawn ("t", return_42, NULL);

  support_join_ok (thread);
  thredo_thread_cancel (thread);
  support_join_ok (thread);
}

static gboolean
cancel_oneself (ThredoThread  *thread,
                gpointer       user_data,
                GError       **error)
{
  thredo_thread_cancel (thread);
  return thredo_sleep (SUPPORT_FOREVER, NULL, error);
}

static void
test_cancel_oneself (void)
{
  g_autoptr(ThredoThread) thread = spawn ("t", cancel_oneself, NULL);
  g_autoptr(GError) error = NULL;

  g_assert_false (thredo_thread_join (thread, NULL, &error));
  support_assert_error (&error, THREDO_ERROR, THREDO_ERROR_THREAD_CANCELLED);
}

static void
test_cancel_one_of_two (void)
{
  g_autoptr(ThredoQueue) queue = thredo_queue_new (0);
  g_autoptr(ThredoThread) first = spawn ("first", wait_for_release, queue);
  g_autoptr(ThredoThread) second = spawn ("second", wait_for_release, queue);

  support_wait_for_state (first, THREDO_THREAD_STATE_WAITING);
  support_wait_for_state (second, THREDO_THREAD_STATE_WAITING);
  support_cancel_and_join (first);
  g_assert_cmpint (thredo_thread_get_state (second), ==, THREDO_THREAD_STATE_WAITING);
  release (queue);
  support_join_ok (second);
}

static void
count_cancel (GCancellable *cancellable,
              gpointer      counter)
{
  g_atomic_int_inc ((int *) counter);
}

static void
test_cancellable_handlers (void)
{
  g_autoptr(ThredoThread) thread = spawn ("t", support_sleep_forever, NULL);
  GCancellable *cancellable = thredo_thread_get_cancellable (thread);
  int n_calls = 0;
  gulong id;

  g_assert_true (G_IS_CANCELLABLE (cancellable));
  g_assert_true (thredo_thread_get_cancellable (thread) == cancellable);
  id = g_cancellable_connect (cancellable, G_CALLBACK (count_cancel), &n_calls, NULL);
  support_wait_for_state (thread, THREDO_THREAD_STATE_WAITING);
  thredo_thread_cancel (thread);
  g_assert_cmpint (g_atomic_int_get (&n_calls), ==, 1);
  thredo_thread_cancel (thread);
  g_assert_cmpint (g_atomic_int_get (&n_calls), ==, 1);
  g_cancellable_disconnect (cancellable, id);
  support_cancel_and_join (thread);
}

static void
test_cancellable_is_the_way_in (void)
{
  g_autoptr(ThredoThread) thread = spawn ("t", support_sleep_forever, NULL);
  g_autoptr(GError) error = NULL;

  support_wait_for_state (thread, THREDO_THREAD_STATE_WAITING);
  g_cancellable_cancel (thredo_thread_get_cancellable (thread));
  g_assert_true (thredo_thread_is_cancelled (thread));
  g_assert_false (thredo_thread_join (thread, NULL, &error));
  support_assert_error (&error, THREDO_ERROR, THREDO_ERROR_THREAD_CANCELLED);
}

static gboolean
check_current_cancellable (ThredoThread  *thread,
                           gpointer       user_data,
                           GError       **error)
{
  g_autoptr(ThredoScope) outer = thredo_scope_new ();
  g_autoptr(ThredoScope) inner = thredo_scope_new ();
  GCancellable *own = thredo_thread_get_cancellable (thread);

  g_assert_true (thredo_get_cancellable () == own);
  g_assert_true (g_cancellable_get_current () == own);

  thredo_scope_enter (outer);
  g_assert_true (thredo_get_cancellable () == thredo_scope_get_cancellable (outer));
  g_assert_true (g_cancellable_get_current () == thredo_scope_get_cancellable (outer));
  thredo_scope_enter (inner);
  g_assert_true (thredo_get_cancellable () == thredo_scope_get_cancellable (inner));
  g_assert_true (g_cancellable_get_current () == thredo_scope_get_cancellable (inner));
  thredo_scope_leave (inner);
  g_assert_true (thredo_get_cancellable () == thredo_scope_get_cancellable (outer));
  g_assert_true (g_cancellable_get_current () == thredo_scope_get_cancellable (outer));
  thredo_scope_leave (outer);

  g_assert_true (thredo_get_cancellable () == own);
  g_assert_true (g_cancellable_get_current () == own);
  return TRUE;
}

static void
test_cancellable_current (void)
{
  /* Twice, for the second runs on the OS thread of the first. */
  for (int i = 0; i < 2; i++)
    {
      g_autoptr(ThredoThread) thread = spawn ("t", check_current_cancellable, NULL);

      support_join_ok (thread);
    }
}

typedef struct
{
  int fds[2];
  gboolean in_scope;
} Pipe;

static gboolean
read_plainly (ThredoThread  *thread,
              gpointer       user_data,
              GError       **error)
{
  Pipe *channel = user_data;
  g_autoptr(ThredoScope) scope = thredo_scope_new ();
  GPollFD poll_fd = { channel->fds[0], G_IO_IN, 0 };
  GPollFD fds[2] = { poll_fd };
  gboolean cancelled;

  /* What GIO itself does in a blocking call that was given a cancellable. */
  if (channel->in_scope)
    thredo_scope_enter (scope);
  g_assert_true (g_cancellable_make_pollfd (thredo_get_cancellable (), &fds[1]));
  g_poll (fds, 2, -1);
  cancelled = g_cancellable_set_error_if_cancelled (thredo_get_cancellable (), error);
  g_cancellable_release_fd (thredo_get_cancellable ());
  if (channel->in_scope)
    thredo_scope_leave (scope);

  return !cancelled;
}

static void
test_cancellable_for_plain_gio (void)
{
  /* An outer cancel reaches the innermost cancellable, too. */
  for (int in_scope = 0; in_scope < 2; in_scope++)
    {
      g_autoptr(ThredoThread) thread = NULL;
      g_autoptr(GError) error = NULL;
      Pipe channel = { { -1, -1 }, in_scope };

      g_unix_open_pipe (channel.fds, FD_CLOEXEC, &error);
      g_assert_no_error (error);
      thread = spawn ("reader", read_plainly, &channel);
      support_cancel_and_join (thread);
      close (channel.fds[0]);
      close (channel.fds[1]);
    }
}

/* Threads that the library did not start. */

typedef struct
{
  SupportGate gate;
  gpointer self;
} Foreigner;

static gpointer
live_abroad (gpointer user_data)
{
  Foreigner *foreigner = user_data;
  ThredoThread *self = thredo_thread_self ();

  g_assert_true (THREDO_IS_THREAD (self));
  g_assert_true (thredo_thread_self () == self);
  g_assert_cmpint (thredo_thread_get_state (self), ==, THREDO_THREAD_STATE_RUNNING);
  g_atomic_pointer_set (&foreigner->self, g_object_ref (self));
  support_gate_wait (&foreigner->gate);
  return NULL;
}

static gboolean
is_known (gpointer user_data)
{
  return g_atomic_pointer_get ((gpointer *) user_data) != NULL;
}

static gboolean
is_listed (gpointer thread)
{
  g_autoptr(GPtrArray) all = thredo_thread_list_all ();

  return g_ptr_array_find (all, thread, NULL);
}

static gboolean
is_not_listed (gpointer thread)
{
  return !is_listed (thread);
}

static void
test_foreign (void)
{
  Foreigner foreigner = { 0 };
  GThread *gthread;

  support_gate_init (&foreigner.gate);
  gthread = g_thread_new ("abroad", live_abroad, &foreigner);
  support_wait_for ("a foreign thread", is_known, &foreigner.self);

  g_assert_true (is_listed (foreigner.self));
  assert_os_name (thredo_thread_get_name (foreigner.self), "abroad");
  g_assert_true (thredo_thread_is_alive (foreigner.self));

  support_gate_open (&foreigner.gate);
  g_thread_join (gthread);
  support_wait_for_state (foreigner.self, THREDO_THREAD_STATE_FINISHED);
  g_assert_false (thredo_thread_is_alive (foreigner.self));
  support_wait_for ("a thread's leaving", is_not_listed, foreigner.self);
  support_join_ok (foreigner.self);

  /* Nothing of the library holds it now. */
  g_object_add_weak_pointer (foreigner.self, &foreigner.self);
  g_object_unref (foreigner.self);
  support_wait_for_finalize (&foreigner.self);
  support_gate_clear (&foreigner.gate);
}

static void
test_foreign_join (void)
{
  Foreigner foreigner = { 0 };
  g_autoptr(ThredoThread) joiner = NULL;
  g_autofree char *waiting_for = NULL;
  GThread *gthread;

  support_gate_init (&foreigner.gate);
  gthread = g_thread_new ("abroad", live_abroad, &foreigner);
  support_wait_for ("a foreign thread", is_known, &foreigner.self);
  joiner = spawn ("joiner", join_and_count, foreigner.self);
  waiting_for = g_strdup_printf ("join on Thread '%s'", thredo_thread_get_name (foreigner.self));
  support_wait_for_wait (joiner, waiting_for);

  support_gate_open (&foreigner.gate);
  support_join_ok (joiner);
  g_thread_join (gthread);
  g_object_unref (foreigner.self);
  support_gate_clear (&foreigner.gate);
}

static gpointer
sleep_briefly (gpointer user_data)
{
  g_autoptr(GError) error = NULL;

  thredo_sleep (1, NULL, &error);
  g_assert_no_error (error);
  return NULL;
}

typedef struct
{
  guint at_most;
} Listing;

static gboolean
list_is_short (gpointer user_data)
{
  g_autoptr(GPtrArray) all = thredo_thread_list_all ();

  return all->len <= ((Listing *) user_data)->at_most;
}

static void
test_foreign_detach (void)
{
  g_autoptr(GPtrArray) before = NULL;
  Listing listing;

  thredo_thread_self ();
  before = thredo_thread_list_all ();
  listing.at_most = before->len;
  for (int i = 0; i < 100; i++)
    g_thread_join (g_thread_new ("abroad", sleep_briefly, NULL));
  support_wait_for ("a shorter list", list_is_short, &listing);
}

/* Code of users that asks for its thread where the library runs it in between. */

typedef struct
{
  GMutex lock;
  ThredoThread *test;
  GPtrArray *threads;
  int n;
} Strays;

#define N_STRAYS 20

static void
note_stray (gpointer user_data)
{
  Strays *strays = user_data;
  ThredoThread *self = thredo_thread_self ();

  /* On a slow machine the test itself may see the deadline first. */
  g_mutex_lock (&strays->lock);
  if (self != strays->test)
    g_ptr_array_add (strays->threads, g_object_ref (self));
  g_mutex_unlock (&strays->lock);
  g_atomic_int_inc (&strays->n);
}

static void
note_stray_when_cancelled (GCancellable *cancellable,
                           gpointer      strays)
{
  note_stray (strays);
}

static void
stray_by_deadline (Strays *strays)
{
  g_autoptr(ThredoScope) scope = thredo_scope_new_with_timeout (2000);
  int before = g_atomic_int_get (&strays->n);

  g_cancellable_connect (thredo_scope_get_cancellable (scope),
                         G_CALLBACK (note_stray_when_cancelled), strays, NULL);
  thredo_scope_enter (scope);
  g_assert_false (thredo_sleep (SUPPORT_FOREVER, NULL, NULL));
  support_wait_for_int (&strays->n, before + 1);
  thredo_scope_leave (scope);
}

typedef struct
{
  ThredoQueue *queue;
  Strays *strays;
} Leaver;

static gboolean
leave_result (ThredoThread  *thread,
              gpointer       user_data,
              GError       **error)
{
  Leaver *leaver = user_data;

  thredo_thread_set_result_pointer (thread, leaver->strays, note_stray);
  return wait_for_release (thread, leaver->queue, error);
}

/* The library has the last reference, so the result goes on the thread itself. */
static void
stray_by_result (Strays *strays)
{
  g_autoptr(ThredoQueue) queue = thredo_queue_new (0);
  Leaver leaver = { queue, strays };
  ThredoThread *thread = spawn ("leaver", leave_result, &leaver);
  int before = g_atomic_int_get (&strays->n);

  support_wait_for_state (thread, THREDO_THREAD_STATE_WAITING);
  g_object_unref (thread);
  release (queue);
  support_wait_for_int (&strays->n, before + 1);
}

/* Such a thread is over with that code, and no other is it. */
static void
test_foreign_stray (gconstpointer make_stray)
{
  g_autoptr(ThredoQueue) queue = thredo_queue_new (0);
  Strays strays = { .test = thredo_thread_self () };
  ThredoThread *later[10];

  strays.threads = g_ptr_array_new_with_free_func (g_object_unref);
  while (strays.threads->len < N_STRAYS)
    ((void (*) (Strays *)) make_stray) (&strays);

  for (gsize i = 0; i < G_N_ELEMENTS (later); i++)
    {
      later[i] = spawn ("later", wait_for_release, queue);
      support_wait_for_state (later[i], THREDO_THREAD_STATE_WAITING);
    }
  g_ptr_array_foreach (strays.threads, (GFunc) thredo_thread_cancel, NULL);
  for (gsize i = 0; i < G_N_ELEMENTS (later); i++)
    release (queue);
  for (gsize i = 0; i < G_N_ELEMENTS (later); i++)
    {
      support_join_ok (later[i]);
      g_object_unref (later[i]);
    }

  for (guint i = 0; i < N_STRAYS; i++)
    {
      support_wait_for_state (strays.threads->pdata[i], THREDO_THREAD_STATE_FINISHED);
      support_wait_for ("a stray thread's leaving", is_not_listed, strays.threads->pdata[i]);
    }
  g_ptr_array_unref (strays.threads);
}

static void
test_foreign_main (void)
{
  ThredoThread *self = thredo_thread_self ();

  g_assert_true (is_listed (self));
  g_assert_cmpint (thredo_thread_get_state (self), ==, THREDO_THREAD_STATE_RUNNING);
  g_assert_nonnull (thredo_thread_get_name (self));
  g_assert_null (thredo_thread_get_group (self));
  g_assert_true (thredo_get_cancellable () == thredo_thread_get_cancellable (self));
}

static void
test_list_all (void)
{
  g_autoptr(ThredoThread) thread = thredo_thread_new ("t", support_sleep_forever, NULL, NULL);
  g_autoptr(GError) error = NULL;

  g_assert_false (is_listed (thread));
  thredo_thread_start (thread, &error);
  g_assert_no_error (error);
  g_assert_true (is_listed (thread));
  support_cancel_and_join (thread);
  support_wait_for ("a thread's leaving", is_not_listed, thread);
}

/* OS threads. */

static gboolean
store_tid (ThredoThread  *thread,
           gpointer       tid,
           GError       **error)
{
  *(long *) tid = syscall (SYS_gettid);
  return TRUE;
}

static void
test_caching (void)
{
  g_autoptr(GHashTable) tids = g_hash_table_new (NULL, NULL);
  guint before = support_count_tasks ();

  for (int i = 0; i < 1000; i++)
    {
      long tid = 0;
      g_autoptr(ThredoThread) thread = spawn ("t", store_tid, &tid);

      support_join_ok (thread);
      g_hash_table_add (tids, GSIZE_TO_POINTER (tid));
    }

  g_assert_cmpuint (g_hash_table_size (tids), <, 100);
  g_assert_cmpuint (support_count_tasks (), <, before + 20);
}

static void
test_caching_after_burst (void)
{
  ThredoThread *threads[50];
  guint after_burst;

  for (gsize i = 0; i < G_N_ELEMENTS (threads); i++)
    threads[i] = spawn ("burst", support_sleep_forever, NULL);
  for (gsize i = 0; i < G_N_ELEMENTS (threads); i++)
    {
      support_cancel_and_join (threads[i]);
      g_object_unref (threads[i]);
    }
  after_burst = support_count_tasks ();

  /* The next fifty find those that the first fifty left. */
  for (gsize i = 0; i < G_N_ELEMENTS (threads); i++)
    threads[i] = spawn ("burst", support_sleep_forever, NULL);
  g_assert_cmpuint (support_count_tasks (), <=, after_burst + 25);
  for (gsize i = 0; i < G_N_ELEMENTS (threads); i++)
    {
      support_cancel_and_join (threads[i]);
      g_object_unref (threads[i]);
    }
}

#define FRAME (64 * 1024)

__attribute__ ((noinline)) static guint
touch_stack (gsize size)
{
  volatile char frame[FRAME];

  for (gsize i = 0; i < sizeof frame; i += 1024)
    frame[i] = 1;
  if (size <= sizeof frame)
    return frame[0];
  return touch_stack (size - sizeof frame) + frame[0];
}

static gboolean
touch_mebibytes (ThredoThread  *thread,
                 gpointer       mebibytes,
                 GError       **error)
{
  g_assert_cmpuint (touch_stack (GPOINTER_TO_SIZE (mebibytes) << 20), >, 0);
  return TRUE;
}

static void
test_stack_size (void)
{
  const gsize mebibytes[][2] = { { 8, 6 }, { 32, 24 } };

#if THREDO_PORTABLE
  g_test_skip ("GLib does not let one choose");
  return;
#endif

  for (gsize i = 0; i < G_N_ELEMENTS (mebibytes); i++)
    {
      g_autoptr(ThredoThread) small = NULL;
      g_autoptr(ThredoThread) thread = NULL;
      g_autoptr(GError) error = NULL;

      /* A cached thread with too small a stack must not be taken. */
      small = spawn ("small", support_return_true, NULL);
      support_join_ok (small);

      thread = thredo_thread_new ("t", touch_mebibytes, GSIZE_TO_POINTER (mebibytes[i][1]), NULL);
      thredo_thread_set_stack_size (thread, mebibytes[i][0] << 20);
      g_assert_cmpuint (thredo_thread_get_stack_size (thread), ==, mebibytes[i][0] << 20);
      thredo_thread_start (thread, &error);
      g_assert_no_error (error);
      support_join_ok (thread);
    }
}

static void
test_stack_size_default (void)
{
#if THREDO_PORTABLE
  g_test_skip ("GLib does not let one choose");
  return;
#endif

  if (g_test_subprocess ())
    {
      g_autoptr(ThredoThread) before = spawn ("before", support_return_true, NULL);
      g_autoptr(ThredoThread) thread = NULL;

      support_join_ok (before);
      thredo_thread_set_default_stack_size (32 << 20);
      thread = spawn ("t", touch_mebibytes, GSIZE_TO_POINTER (24));
      support_join_ok (thread);
      return;
    }
  g_test_trap_subprocess (NULL, 0, G_TEST_SUBPROCESS_INHERIT_STDERR);
  g_test_trap_assert_passed ();
}

/* Signals. */

#if !THREDO_PORTABLE

static void
assert_mask (const sigset_t *expected)
{
  sigset_t mask;

  pthread_sigmask (SIG_SETMASK, NULL, &mask);
  for (int i = 1; i < SIGRTMIN; i++)
    g_assert_cmpint (sigismember (&mask, i), ==, sigismember (expected, i));
}

typedef struct
{
  sigset_t mask;
  int n_looked;
} MaskLook;

static void
look_at_mask_when_cancelled (GCancellable *cancellable,
                             gpointer      user_data)
{
  MaskLook *look = user_data;

  assert_mask (&look->mask);
  g_atomic_int_inc (&look->n_looked);
}

static gboolean
look_at_mask (ThredoThread  *thread,
              gpointer       user_data,
              GError       **error)
{
  look_at_mask_when_cancelled (NULL, user_data);
  return TRUE;
}

#endif

/* The loop blocks signals, but what it starts is not to inherit that. */
static void
test_signal_mask (void)
{
#if THREDO_PORTABLE
  g_test_skip ("GLib starts the threads");
#else
  g_autoptr(ThredoScope) scope = NULL;
  g_autoptr(ThredoThread) later = NULL;
  g_autoptr(GError) error = NULL;
  MaskLook look = { .n_looked = 0 };
  sigset_t blocked;

  if (!g_test_subprocess ())
    {
      g_test_trap_subprocess (NULL, 0, G_TEST_SUBPROCESS_INHERIT_STDERR);
      g_test_trap_assert_passed ();
      return;
    }

  sigemptyset (&blocked);
  sigaddset (&blocked, SIGUSR1);
  pthread_sigmask (SIG_BLOCK, &blocked, NULL);
  pthread_sigmask (SIG_SETMASK, NULL, &look.mask);
  g_assert_true (sigismember (&look.mask, SIGUSR1));
  g_assert_false (sigismember (&look.mask, SIGTERM));

  scope = thredo_scope_new_with_timeout (1000);
  g_cancellable_connect (thredo_scope_get_cancellable (scope),
                         G_CALLBACK (look_at_mask_when_cancelled), &look, NULL);
  thredo_scope_enter (scope);
  g_assert_false (thredo_sleep (SUPPORT_FOREVER, NULL, &error));
  support_assert_timed_out (&error);
  support_wait_for_int (&look.n_looked, 1);
  thredo_scope_leave (scope);

  later = spawn ("later", look_at_mask, &look);
  support_join_ok (later);
  g_assert_cmpint (look.n_looked, ==, 2);
#endif
}

/* Fork. */

/* NULL if there is something to test. */
static const char *
reason_not_to_fork (void)
{
#if SUPPORT_WITH_TSAN
  return "ThreadSanitizer has no threads after a fork";
#else
  if (g_getenv ("THREDO_TEST_VALGRIND") != NULL)
    return "To valgrind, what the parent's threads hold is lost in the child";
  return NULL;
#endif
}

static void
live_as_child (void)
{
  g_autoptr(ThredoQueue) queue = thredo_queue_new (0);
  g_autoptr(ThredoScope) scope = NULL;
  g_autoptr(ThredoThread) sleeper = NULL;
  g_autoptr(ThredoThread) getter = NULL;
  g_autoptr(GError) error = NULL;

  /* A child that hangs dies of this, and the parent says so. */
  alarm (60);

  sleeper = spawn ("sleeper", support_sleep_forever, NULL);
  getter = spawn ("getter", wait_for_release, queue);
  support_wait_for_state (sleeper, THREDO_THREAD_STATE_WAITING);
  thredo_sleep (1000, NULL, &error);
  g_assert_no_error (error);

  scope = thredo_scope_new_with_timeout (1000);
  thredo_scope_enter (scope);
  g_assert_false (thredo_sleep (SUPPORT_FOREVER, NULL, &error));
  support_assert_timed_out (&error);
  thredo_scope_leave (scope);

  support_cancel_and_join (sleeper);
  release (queue);
  support_join_ok (getter);

#if SUPPORT_WITH_ASAN
  /* What the parent's threads held on their stacks looks like a leak here. */
  _exit (0);
#else
  /* Destructors, too: a child may leave by exit(). */
  exit (0);
#endif
}

static void
fork_and_wait (void)
{
  pid_t pid = fork ();
  int status = 0;

  g_assert_cmpint (pid, >=, 0);
  if (pid == 0)
    live_as_child ();

  while (waitpid (pid, &status, 0) < 0)
    g_assert_cmpint (errno, ==, EINTR);
  if (WIFSIGNALED (status))
    g_error ("The child ended by signal %d", WTERMSIG (status));
  g_assert_true (WIFEXITED (status));
  g_assert_cmpint (WEXITSTATUS (status), ==, 0);
}

static gboolean
fork_from_thread (ThredoThread  *thread,
                  gpointer       user_data,
                  GError       **error)
{
  fork_and_wait ();
  return TRUE;
}

static gboolean
fork_from_loop (gpointer done)
{
  fork_and_wait ();
  g_atomic_int_set ((int *) done, TRUE);
  return G_SOURCE_REMOVE;
}

static void
fork_from (const char *where)
{
  if (g_strcmp0 (where, "thread") == 0)
    {
      g_autoptr(ThredoThread) forker = spawn ("forker", fork_from_thread, NULL);

      support_join_ok (forker);
    }
  else if (g_strcmp0 (where, "loop") == 0)
    {
      g_autoptr(GSource) source = g_idle_source_new ();
      int done = FALSE;

      g_source_set_callback (source, fork_from_loop, &done, NULL);
      g_source_attach (source, thredo_get_main_context ());
      support_wait_for_int (&done, TRUE);
    }
  else
    {
      fork_and_wait ();
    }
}

static void
test_fork (gconstpointer where)
{
  g_autoptr(ThredoQueue) queue = thredo_queue_new (0);
  g_autoptr(ThredoThread) sleeper = NULL;
  g_autoptr(ThredoThread) getter = NULL;
  g_autoptr(GError) error = NULL;

  if (reason_not_to_fork () != NULL)
    {
      g_test_skip (reason_not_to_fork ());
      return;
    }

  sleeper = spawn ("sleeper", support_sleep_forever, NULL);
  getter = spawn ("getter", wait_for_release, queue);
  support_wait_for_state (sleeper, THREDO_THREAD_STATE_WAITING);
  support_wait_for_state (getter, THREDO_THREAD_STATE_WAITING);

  for (int i = 0; i < 5; i++)
    fork_from (where);

  /* The parent goes on as before. */
  g_assert_cmpint (thredo_thread_get_state (sleeper), ==, THREDO_THREAD_STATE_WAITING);
  support_cancel_and_join (sleeper);
  release (queue);
  support_join_ok (getter);
  thredo_sleep (1000, NULL, &error);
  g_assert_no_error (error);
}

/* Fork while threads wait and wake each other: no lock may be lost in the child. They make and drop
 * no object: GObject's own locks are not for a fork. */

typedef struct
{
  ThredoQueue *queue;
  int n_begun;
} Busy;

static gboolean
keep_busy (ThredoThread  *thread,
           gpointer       user_data,
           GError       **error)
{
  Busy *busy = user_data;

  g_atomic_int_inc (&busy->n_begun);
  while (thredo_sleep (10, NULL, error))
    {
      if (!thredo_queue_put_pointer (busy->queue, thread, NULL, error) ||
          thredo_queue_get_pointer (busy->queue, NULL, error) == NULL)
        return FALSE;
    }
  return FALSE;
}

static void
test_fork_while_busy (void)
{
  g_autoptr(ThredoQueue) queue = thredo_queue_new (0);
  Busy busy = { queue, 0 };
  ThredoThread *threads[3];

  if (reason_not_to_fork () != NULL)
    {
      g_test_skip (reason_not_to_fork ());
      return;
    }

  for (gsize i = 0; i < G_N_ELEMENTS (threads); i++)
    threads[i] = spawn ("busy", keep_busy, &busy);
  support_wait_for_int (&busy.n_begun, G_N_ELEMENTS (threads));
  for (int i = 0; i < 20; i++)
    fork_and_wait ();
  for (gsize i = 0; i < G_N_ELEMENTS (threads); i++)
    thredo_thread_cancel (threads[i]);
  for (gsize i = 0; i < G_N_ELEMENTS (threads); i++)
    {
      g_autoptr(GError) error = NULL;

      g_assert_false (thredo_thread_join (threads[i], NULL, &error));
      support_assert_error (&error, THREDO_ERROR, THREDO_ERROR_THREAD_CANCELLED);
      g_object_unref (threads[i]);
    }
}

/* The loop. */

static gboolean
note_thread (gpointer user_data)
{
  g_atomic_pointer_set ((gpointer *) user_data, g_thread_self ());
  return G_SOURCE_REMOVE;
}

static void
test_main_context (void)
{
  GMainContext *context = thredo_get_main_context ();
  gpointer first = NULL;
  gpointer second = NULL;
  g_autoptr(GSource) idle = g_idle_source_new ();
  g_autoptr(GSource) timeout = g_timeout_source_new (1);

  g_assert_nonnull (context);
  g_assert_true (thredo_get_main_context () == context);
  g_assert_true (context != g_main_context_default ());

  /* Sources of the user's own run on the loop's thread. */
  g_source_set_callback (idle, note_thread, &first, NULL);
  g_source_attach (idle, context);
  support_wait_for ("an idle source", is_known, &first);
  g_source_set_callback (timeout, note_thread, &second, NULL);
  g_source_attach (timeout, context);
  support_wait_for ("a timeout source", is_known, &second);
  g_assert_true (first == second);
  g_assert_true (first != g_thread_self ());
  g_assert_cmpuint (support_count_tasks_named ("thredo-loop"), ==, 1);
}

static gboolean
count_up (gpointer counter)
{
  return g_atomic_int_add ((int *) counter, 1) < 9;
}

static void
test_main_context_beside_waits (void)
{
  g_autoptr(ThredoThread) sleeper = spawn ("sleeper", support_sleep_forever, NULL);
  g_autoptr(GSource) timeout = g_timeout_source_new (1);
  g_autoptr(GError) error = NULL;
  int n = 0;

  support_wait_for_state (sleeper, THREDO_THREAD_STATE_WAITING);
  g_source_set_callback (timeout, count_up, &n, NULL);
  g_source_attach (timeout, thredo_get_main_context ());
  for (int i = 0; i < 10; i++)
    {
      thredo_sleep (1000, NULL, &error);
      g_assert_no_error (error);
    }
  support_wait_for_int (&n, 10);
  support_cancel_and_join (sleeper);
}

/* Async. */

static void
test_join_async (void)
{
  g_autoptr(ThredoQueue) queue = thredo_queue_new (0);
  g_autoptr(ThredoThread) thread = spawn ("t", wait_for_release, queue);
  g_autoptr(GAsyncResult) result = NULL;
  g_autoptr(GError) error = NULL;

  support_wait_for_state (thread, THREDO_THREAD_STATE_WAITING);
  thredo_thread_join_async (thread, NULL, support_keep_result, &result);
  while (g_main_context_iteration (NULL, FALSE))
    ;
  g_assert_null (result);

  release (queue);
  support_iterate_until_result (&result);
  g_assert_true (thredo_thread_join_finish (thread, result, &error));
  g_assert_no_error (error);
}

static void
test_join_async_failed (void)
{
  g_autoptr(ThredoThread) thread = spawn ("t", fail_with_busy, NULL);
  g_autoptr(GAsyncResult) result = NULL;
  g_autoptr(GError) error = NULL;

  thredo_thread_join_async (thread, NULL, support_keep_result, &result);
  support_iterate_until_result (&result);
  g_assert_false (thredo_thread_join_finish (thread, result, &error));
  support_assert_error (&error, G_IO_ERROR, G_IO_ERROR_BUSY);
}

static void
test_join_async_thread_cancelled (void)
{
  g_autoptr(ThredoThread) thread = spawn ("t", support_sleep_forever, NULL);
  g_autoptr(GAsyncResult) result = NULL;
  g_autoptr(GError) error = NULL;

  thredo_thread_join_async (thread, NULL, support_keep_result, &result);
  thredo_thread_cancel (thread);
  support_iterate_until_result (&result);
  g_assert_false (thredo_thread_join_finish (thread, result, &error));
  support_assert_error (&error, THREDO_ERROR, THREDO_ERROR_THREAD_CANCELLED);
}

static void
test_join_async_ended (void)
{
  g_autoptr(ThredoThread) thread = spawn ("t", return_42, NULL);
  g_autoptr(GAsyncResult) result = NULL;
  g_autoptr(GError) error = NULL;

  /* Never before the call returns. */
  support_join_ok (thread);
  thredo_thread_join_async (thread, NULL, support_keep_result, &result);
  g_assert_null (result);
  support_iterate_until_result (&result);
  g_assert_true (thredo_thread_join_finish (thread, result, &error));
  g_assert_no_error (error);
}

static void
test_join_async_cancelled (void)
{
  g_autoptr(ThredoThread) thread = spawn ("t", support_sleep_forever, NULL);
  g_autoptr(GCancellable) cancellable = g_cancellable_new ();

  for (int before = 0; before < 2; before++)
    {
      g_autoptr(GAsyncResult) result = NULL;
      g_autoptr(GError) error = NULL;

      g_cancellable_reset (cancellable);
      if (before)
        g_cancellable_cancel (cancellable);
      thredo_thread_join_async (thread, cancellable, support_keep_result, &result);
      g_cancellable_cancel (cancellable);
      support_iterate_until_result (&result);
      g_assert_false (thredo_thread_join_finish (thread, result, &error));
      support_assert_cancelled (&error);
    }

  g_assert_true (thredo_thread_is_alive (thread));
  support_cancel_and_join (thread);
}

static gboolean
join_on_own_context (ThredoThread  *thread,
                     gpointer       user_data,
                     GError       **error)
{
  g_autoptr(GMainContext) context = g_main_context_new ();
  g_autoptr(GAsyncResult) result = NULL;
  g_autoptr(ThredoQueue) queue = thredo_queue_new (0);
  g_autoptr(ThredoThread) other = spawn ("other", wait_for_release, queue);
  gboolean joined;

  /* The callback runs where the call was made. */
  g_main_context_push_thread_default (context);
  thredo_thread_join_async (other, NULL, support_keep_result, &result);
  release (queue);
  support_iterate_until_result (&result);
  joined = thredo_thread_join_finish (other, result, error);
  g_main_context_pop_thread_default (context);
  return joined;
}

static void
test_join_async_context (void)
{
  g_autoptr(ThredoThread) thread = spawn ("t", join_on_own_context, NULL);

  support_join_ok (thread);
}

static void
test_join_async_many (void)
{
  g_autoptr(ThredoQueue) queue = thredo_queue_new (0);
  g_autoptr(ThredoThread) thread = spawn ("t", wait_for_release, queue);
  GAsyncResult *results[10] = { NULL };

  for (gsize i = 0; i < G_N_ELEMENTS (results); i++)
    thredo_thread_join_async (thread, NULL, support_keep_result, &results[i]);
  release (queue);
  for (gsize i = 0; i < G_N_ELEMENTS (results); i++)
    {
      g_autoptr(GError) error = NULL;

      support_iterate_until_result (&results[i]);
      thredo_thread_join_finish (thread, results[i], &error);
      g_assert_no_error (error);
      g_object_unref (results[i]);
    }
}

int
main (int    argc,
      char **argv)
{
  support_init (&argc, &argv);

  g_test_add_func ("/thread/state", test_state);
  g_test_add_func ("/thread/state/inside", test_state_inside);
  g_test_add_func ("/thread/state/running", test_state_running);
  g_test_add_func ("/thread/waiting-for", test_waiting_for);
  g_test_add_func ("/thread/start/cancelled-before", test_cancelled_before_start);
  g_test_add_func ("/thread/start/cancelled-before-runs", test_cancelled_before_start_runs);
  g_test_add_func ("/thread/dropped/running", test_dropped_while_running);
  g_test_add_func ("/thread/dropped/new", test_dropped_new);

  g_test_add_func ("/thread/join/result", test_join_result);
  g_test_add_func ("/thread/join/no-result", test_join_no_result);
  g_test_add_func ("/thread/join/failed", test_join_failed);
  g_test_add_func ("/thread/join/timed-out-inside", test_join_timed_out_inside);
  g_test_add_func ("/thread/join/gave-up", test_join_gave_up);
  g_test_add_func ("/thread/join/by-many", test_join_by_many);
  g_test_add_func ("/thread/join/cancelled", test_join_cancelled_is_not_thread_cancelled);
  g_test_add_func ("/thread/wait/ignores-end", test_wait_ignores_end);
  g_test_add_func ("/thread/result/pointer", test_result_pointer);
  g_test_add_func ("/thread/result/pointer-not-taken", test_result_pointer_not_taken);
  g_test_add_func ("/thread/result/replaced", test_result_replaced);
  g_test_add_func ("/thread/result/of-failed", test_result_of_failed);
  g_test_add_func ("/thread/unjoined-failure", test_unjoined_failure);

  g_test_add_func ("/thread/name", test_name);
  g_test_add_func ("/thread/name/long", test_name_long);
  g_test_add_func ("/thread/name/of-reused", test_name_of_reused);
  g_test_add_func ("/thread/name/set-inside", test_name_set_inside);
  g_test_add_func ("/thread/name/set-outside", test_name_set_outside);
  g_test_add_func ("/thread/name/none", test_name_none);
  g_test_add_func ("/thread/name/before-start", test_name_before_start);
  g_test_add_func ("/thread/id", test_id);
  g_test_add_func ("/thread/properties", test_properties);
  g_test_add_func ("/thread/group", test_group);

  g_test_add_func ("/thread/derived", test_derived);
  g_test_add_func ("/thread/derived/fails", test_derived_fails);
  g_test_add_func ("/thread/derived/in-group", test_derived_in_group);
  g_test_add_func ("/thread/destroy/once", test_destroy_once);
  g_test_add_func ("/thread/destroy/never-started", test_destroy_never_started);

  g_test_add_func ("/thread/cancel/level-triggered", test_cancel_is_level_triggered);
  g_test_add_func ("/thread/cancel/leaves-spinning-alone", test_cancel_leaves_spinning_alone);
  g_test_add_func ("/thread/cancel/twice", test_cancel_twice);
  g_test_add_func ("/thread/cancel/after-end", test_cancel_after_end);
  g_test_add_func ("/thread/cancel/oneself", test_cancel_oneself);
  g_test_add_func ("/thread/cancel/one-of-two", test_cancel_one_of_two);
  g_test_add_func ("/thread/cancellable/handlers", test_cancellable_handlers);
  g_test_add_func ("/thread/cancellable/is-the-way-in", test_cancellable_is_the_way_in);
  g_test_add_func ("/thread/cancellable/current", test_cancellable_current);
  g_test_add_func ("/thread/cancellable/for-plain-gio", test_cancellable_for_plain_gio);

  g_test_add_func ("/thread/foreign", test_foreign);
  g_test_add_func ("/thread/foreign/join", test_foreign_join);
  g_test_add_func ("/thread/foreign/detach", test_foreign_detach);
  g_test_add_data_func ("/thread/foreign/in-handler", stray_by_deadline, test_foreign_stray);
  g_test_add_data_func ("/thread/foreign/in-destroy", stray_by_result, test_foreign_stray);
  g_test_add_func ("/thread/foreign/main", test_foreign_main);
  g_test_add_func ("/thread/list-all", test_list_all);

  g_test_add_func ("/thread/caching", test_caching);
  g_test_add_func ("/thread/caching/after-burst", test_caching_after_burst);
  g_test_add_func ("/thread/stack-size", test_stack_size);
  g_test_add_func ("/thread/stack-size/default", test_stack_size_default);
  g_test_add_func ("/thread/signal-mask", test_signal_mask);
  g_test_add_data_func ("/thread/fork/from-main", NULL, test_fork);
  g_test_add_data_func ("/thread/fork/from-thread", "thread", test_fork);
  g_test_add_data_func ("/thread/fork/from-loop", "loop", test_fork);
  g_test_add_func ("/thread/fork/while-busy", test_fork_while_busy);

  g_test_add_func ("/thread/main-context", test_main_context);
  g_test_add_func ("/thread/main-context/beside-waits", test_main_context_beside_waits);

  g_test_add_func ("/thread/join-async", test_join_async);
  g_test_add_func ("/thread/join-async/failed", test_join_async_failed);
  g_test_add_func ("/thread/join-async/thread-cancelled", test_join_async_thread_cancelled);
  g_test_add_func ("/thread/join-async/ended", test_join_async_ended);
  g_test_add_func ("/thread/join-async/cancelled", test_join_async_cancelled);
  g_test_add_func ("/thread/join-async/context", test_join_async_context);
  g_test_add_func ("/thread/join-async/many", test_join_async_many);

  return g_test_run ();
}
