/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The programs that this library was wished for, each as a test.
 */

#include "support.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static ThredoThread *
spawn (const char       *name,
       ThredoThreadFunc  func,
       gpointer          user_data)
{
  g_autoptr(GError) error = NULL;
  ThredoThread *thread = thredo_thread_spawn (name, func, user_data, NULL, &error);

  g_assert_no_error (error);
  return thread;
}

/* A function's result, by join. */

static gboolean
add_up (ThredoThread  *thread,
        gpointer       user_data,
        GError       **error)
{
  g_auto(GValue) result = G_VALUE_INIT;
  int *numbers = user_data;
  int sum = 0;

  for (int i = 0; numbers[i] != 0; i++)
    sum += numbers[i];
  g_value_init (&result, G_TYPE_INT);
  g_value_set_int (&result, sum);
  thredo_thread_set_result (thread, &result);
  return TRUE;
}

static void
test_result (void)
{
  int numbers[] = { 1, 2, 3, 4, 0 };
  g_autoptr(ThredoThread) thread = spawn ("adder", add_up, numbers);
  g_auto(GValue) result = G_VALUE_INIT;
  g_autoptr(GError) error = NULL;

  thredo_thread_join (thread, NULL, &error);
  g_assert_no_error (error);
  g_assert_true (thredo_thread_get_result (thread, &result));
  g_assert_cmpint (g_value_get_int (&result), ==, 10);
}

/* Its error, by join. */

static gboolean
read_file (ThredoThread  *thread,
           gpointer       path,
           GError       **error)
{
  char *contents;

  if (!g_file_get_contents (path, &contents, NULL, error))
    return FALSE;
  thredo_thread_set_result_pointer (thread, contents, g_free);
  return TRUE;
}

static void
test_error (void)
{
  g_autoptr(ThredoThread) thread = spawn ("reader", read_file, (gpointer) "/nowhere/to/be/found");
  g_autoptr(GError) error = NULL;

  g_assert_null (thredo_thread_join_pointer (thread, NULL, &error));
  g_assert_nonnull (strstr (error->message, "/nowhere/to/be/found"));
  support_assert_error (&error, G_FILE_ERROR, G_FILE_ERROR_NOENT);
}

/* Two threads that compute beside one that waits. */

typedef struct
{
  ThredoQueue *results;
  int start;
} Computation;

static gboolean
compute (ThredoThread  *thread,
         gpointer       user_data,
         GError       **error)
{
  Computation *computation = user_data;
  g_auto(GValue) item = G_VALUE_INIT;
  guint n_primes = 0;

  for (int n = computation->start; n < computation->start + 20000; n++)
    {
      gboolean is_prime = n > 1;

      for (int divisor = 2; is_prime && divisor * divisor <= n; divisor++)
        is_prime = n % divisor != 0;
      n_primes += is_prime;
    }
  g_value_init (&item, G_TYPE_UINT);
  g_value_set_uint (&item, n_primes);
  return thredo_queue_put (computation->results, &item, NULL, error);
}

static gboolean
collect (ThredoThread  *thread,
         gpointer       results,
         GError       **error)
{
  g_auto(GValue) result = G_VALUE_INIT;
  guint n_primes = 0;

  for (int i = 0; i < 2; i++)
    {
      g_auto(GValue) item = G_VALUE_INIT;

      if (!thredo_queue_get (results, &item, NULL, error))
        return FALSE;
      n_primes += g_value_get_uint (&item);
    }
  g_value_init (&result, G_TYPE_UINT);
  g_value_set_uint (&result, n_primes);
  thredo_thread_set_result (thread, &result);
  return TRUE;
}

static void
test_compute_beside_wait (void)
{
  g_autoptr(ThredoQueue) results = thredo_queue_new (0);
  Computation lower = { results, 0 };
  Computation upper = { results, 20000 };
  g_autoptr(ThredoThread) collector = spawn ("collector", collect, results);
  g_autoptr(ThredoThread) sleeper = spawn ("sleeper", support_sleep_forever, NULL);
  g_autoptr(ThredoThread) first = NULL;
  g_autoptr(ThredoThread) second = NULL;
  g_auto(GValue) n_primes = G_VALUE_INIT;

  support_wait_for_state (collector, THREDO_THREAD_STATE_WAITING);
  first = spawn ("first", compute, &lower);
  second = spawn ("second", compute, &upper);
  support_join_ok (collector);
  support_join_ok (first);
  support_join_ok (second);
  g_assert_true (thredo_thread_get_result (collector, &n_primes));
  g_assert_cmpuint (g_value_get_uint (&n_primes), ==, 4203);

  support_wait_for_state (sleeper, THREDO_THREAD_STATE_WAITING);
  support_cancel_and_join (sleeper);
}

/* A thread that sleeps, is cancelled and catches it. */

static gboolean
sleep_and_catch (ThredoThread  *thread,
                 gpointer       user_data,
                 GError       **error)
{
  g_autoptr(GError) caught = NULL;

  if (!thredo_sleep (SUPPORT_FOREVER, NULL, &caught))
    {
      g_assert_error (caught, G_IO_ERROR, G_IO_ERROR_CANCELLED);
      thredo_thread_set_result_pointer (thread, g_strdup ("caught"), g_free);
    }
  return TRUE;
}

static void
test_sleeper_cancelled (void)
{
  g_autoptr(ThredoThread) lets_through = spawn ("lets-through", support_sleep_forever, NULL);
  g_autoptr(ThredoThread) catches = spawn ("catches", sleep_and_catch, NULL);
  g_autofree char *result = NULL;
  g_autoptr(GError) error = NULL;

  support_wait_for_state (lets_through, THREDO_THREAD_STATE_WAITING);
  support_wait_for_state (catches, THREDO_THREAD_STATE_WAITING);
  thredo_thread_cancel (lets_through);
  thredo_thread_cancel (catches);

  g_assert_false (thredo_thread_join (lets_through, NULL, &error));
  support_assert_error (&error, THREDO_ERROR, THREDO_ERROR_THREAD_CANCELLED);
  result = thredo_thread_join_pointer (catches, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpstr (result, ==, "caught");
}

/* A pool of workers on a queue, then cancelled as a whole. */

#define N_WORKERS 4
#define N_JOBS 1000

typedef struct
{
  int n_done;
} Job;

static gboolean
worker (ThredoThread  *thread,
        gpointer       user_data,
        GError       **error)
{
  ThredoQueue *jobs = user_data;
  gpointer job;

  while ((job = thredo_queue_get_pointer (jobs, NULL, error)))
    {
      g_atomic_int_inc (&((Job *) job)->n_done);
      if (!thredo_queue_task_done (jobs, error))
        return FALSE;
    }
  return FALSE;
}

static void
test_worker_pool (void)
{
  g_autoptr(ThredoQueue) jobs = thredo_queue_new (10);
  g_autoptr(ThredoGroup) group = thredo_group_new (THREDO_GROUP_WAIT_ALL);
  g_autoptr(GPtrArray) workers = g_ptr_array_new_with_free_func (g_object_unref);
  g_autofree Job *all = g_new0 (Job, N_JOBS);
  g_autoptr(GError) error = NULL;

  for (int i = 0; i < N_WORKERS; i++)
    {
      g_ptr_array_add (workers, thredo_group_spawn (group, "worker", worker, jobs, NULL, &error));
      g_assert_no_error (error);
    }
  for (int i = 0; i < N_JOBS; i++)
    {
      thredo_queue_put_pointer (jobs, &all[i], NULL, &error);
      g_assert_no_error (error);
    }

  thredo_queue_join (jobs, NULL, &error);
  g_assert_no_error (error);
  for (int i = 0; i < N_JOBS; i++)
    g_assert_cmpint (all[i].n_done, ==, 1);
  g_assert_cmpuint (thredo_queue_get_unfinished (jobs), ==, 0);

  thredo_group_cancel (group);
  thredo_group_join (group, NULL, &error);
  g_assert_no_error (error);
  for (guint i = 0; i < workers->len; i++)
    {
      g_assert_cmpint (thredo_thread_get_state (workers->pdata[i]), ==,
                       THREDO_THREAD_STATE_CANCELLED);
    }
}

/* The first of four answers wins, and the other three are cancelled. */

typedef struct
{
  ThredoQueue *replies;
  int n;
} Question;

static gboolean
ask (ThredoThread  *thread,
     gpointer       user_data,
     GError       **error)
{
  Question *question = user_data;
  g_auto(GValue) reply = G_VALUE_INIT;

  if (!thredo_queue_get (question->replies, &reply, NULL, error))
    return FALSE;
  thredo_thread_set_result (thread, &reply);
  return TRUE;
}

static void
test_first_of_four (void)
{
  g_autoptr(ThredoGroup) group = thredo_group_new (THREDO_GROUP_WAIT_RESULT);
  g_autoptr(GError) error = NULL;
  g_auto(GValue) reply = G_VALUE_INIT;
  g_auto(GValue) result = G_VALUE_INIT;
  Question questions[4];
  ThredoThread *threads[4];

  for (int i = 0; i < 4; i++)
    {
      questions[i] = (Question) { thredo_queue_new (0), i };
      threads[i] = thredo_group_spawn (group, "asker", ask, &questions[i], NULL, &error);
      g_assert_no_error (error);
    }
  for (int i = 0; i < 4; i++)
    support_wait_for_state (threads[i], THREDO_THREAD_STATE_WAITING);

  g_value_init (&reply, G_TYPE_STRING);
  g_value_set_static_string (&reply, "the third");
  thredo_queue_put (questions[2].replies, &reply, NULL, &error);
  g_assert_no_error (error);
  thredo_group_join (group, NULL, &error);
  g_assert_no_error (error);

  g_assert_true (thredo_group_get_completed (group) == threads[2]);
  g_assert_true (thredo_thread_get_result (threads[2], &result));
  g_assert_cmpstr (g_value_get_string (&result), ==, "the third");
  for (int i = 0; i < 4; i++)
    {
      g_assert_cmpint (thredo_thread_get_state (threads[i]), ==,
                       i == 2 ? THREDO_THREAD_STATE_FINISHED : THREDO_THREAD_STATE_CANCELLED);
      g_object_unref (threads[i]);
      g_object_unref (questions[i].replies);
    }
}

/* Ctrl+C in a program whose main thread sits in a join. */

static void
say (const char *line)
{
  puts (line);
  fflush (stdout);
}

static gboolean
tell_when_joined (ThredoThread  *thread,
                  gpointer       main_thread,
                  GError       **error)
{
  support_wait_for_wait (main_thread, "join on Thread 'server'");
  say ("serving");
  return thredo_sleep (SUPPORT_FOREVER, NULL, error);
}

static gboolean
serve (ThredoThread  *thread,
       gpointer       user_data,
       GError       **error)
{
  g_autoptr(ThredoGroup) group = thredo_group_new (THREDO_GROUP_WAIT_ALL);
  G_GNUC_UNUSED g_autoptr(ThredoGroupGuard) guard = thredo_group_guard_new (group);
  g_autoptr(ThredoThread) helper = NULL;
  g_autoptr(ThredoThread) server = NULL;
  gboolean joined;

  helper = thredo_group_spawn (group, "helper", support_sleep_forever, NULL, NULL, error);
  if (helper == NULL)
    return FALSE;
  server = spawn ("server", tell_when_joined, thread);
  joined = thredo_thread_join (server, NULL, error);
  say ("cleaning up");
  thredo_thread_cancel (server);
  return joined;
}

static int
run_server (void)
{
  alarm (60);
  thredo_run (THREDO_RUN_HANDLE_SIGNALS, serve, NULL, NULL, NULL);
  say ("bye");
  return 0;
}

static void
test_ctrl_c (void)
{
  g_autoptr(GSubprocess) process = NULL;
  g_autoptr(GDataInputStream) output = NULL;
  const char *expected[] = { "serving", "cleaning up", "bye", NULL };

#if SUPPORT_WITH_TSAN
  g_test_skip ("ThreadSanitizer keeps signals back while a thread is in a futex");
  return;
#endif

  process = support_spawn_self (G_SUBPROCESS_FLAGS_STDOUT_PIPE, "--serve", NULL);
  output = g_data_input_stream_new (g_subprocess_get_stdout_pipe (process));
  for (gsize i = 0; i < G_N_ELEMENTS (expected); i++)
    {
      g_autofree char *line = g_data_input_stream_read_line (output, NULL, NULL, NULL);

      g_assert_cmpstr (line, ==, expected[i]);
      if (i == 0)
        g_subprocess_send_signal (process, SIGINT);
    }
  support_wait_for_process (process);
  g_assert_true (g_subprocess_get_successful (process));
}

int
main (int    argc,
      char **argv)
{
  if (argc == 2 && g_str_equal (argv[1], "--serve"))
    return run_server ();

  support_init (&argc, &argv);

  g_test_add_func ("/seeds/result", test_result);
  g_test_add_func ("/seeds/error", test_error);
  g_test_add_func ("/seeds/compute-beside-wait", test_compute_beside_wait);
  g_test_add_func ("/seeds/sleeper-cancelled", test_sleeper_cancelled);
  g_test_add_func ("/seeds/worker-pool", test_worker_pool);
  g_test_add_func ("/seeds/first-of-four", test_first_of_four);
  g_test_add_func ("/seeds/ctrl-c", test_ctrl_c);

  return g_test_run ();
}
