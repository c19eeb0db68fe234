/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Ten thousand threads that block at once, cancelled with one call, and not a
 * descriptor, OS thread or byte left of them.
 */

#include "support.h"

#include <malloc.h>

#define N_THREADS 10000
#define N_THREADS_VALGRIND 200

/* ThreadSanitizer knows of 8128 threads at most, and each is dear to both. */
#define N_THREADS_SANITIZED 1000

#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer) || __has_feature(address_sanitizer)
#define SANITIZED 1
#endif
#endif
#ifndef SANITIZED
#define SANITIZED 0
#endif

/* As it was before the library was first used. */
static guint n_tasks_at_start;

static guint
count (void)
{
  if (g_getenv ("THREDO_TEST_VALGRIND") != NULL)
    return N_THREADS_VALGRIND;
  return MIN (support_rounds (N_THREADS), SANITIZED ? N_THREADS_SANITIZED : N_THREADS);
}

/* Every thread has a deadline of its own, in no order. */
static gboolean
sleep_long (ThredoThread  *thread,
            gpointer       user_data,
            GError       **error)
{
  guint32 scattered = (guint32) (thredo_thread_get_id (thread) * 2654435761u);

  return thredo_sleep (SUPPORT_FOREVER + scattered, NULL, error);
}

static gboolean
get_one (ThredoThread  *thread,
         gpointer       user_data,
         GError       **error)
{
  g_auto(GValue) value = G_VALUE_INIT;

  return thredo_queue_get (user_data, &value, NULL, error);
}

/* Half of them in a scope, and all with a cancellable in common as well. */
static gboolean
get_surrounded (ThredoThread  *thread,
                gpointer       user_data,
                GError       **error)
{
  g_autoptr(ThredoScope) scope = thredo_scope_new_with_timeout (SUPPORT_FOREVER);
  g_auto(GValue) value = G_VALUE_INIT;
  GCancellable *cancellable = g_object_get_data (user_data, "cancellable");
  gboolean ok;

  if (thredo_thread_get_id (thread) % 2)
    return thredo_queue_get (user_data, &value, cancellable, error);

  thredo_scope_enter (scope);
  ok = thredo_queue_get (user_data, &value, cancellable, error);
  thredo_scope_leave (scope);

  return ok;
}

static void
block_and_cancel (guint            n,
                  ThredoThreadFunc func,
                  gpointer         user_data)
{
  g_autoptr(ThredoGroup) group = thredo_group_new (THREDO_GROUP_WAIT_ALL);
  g_autoptr(GPtrArray) threads = g_ptr_array_new_with_free_func (g_object_unref);
  g_autoptr(GError) error = NULL;

  for (guint i = 0; i < n; i++)
    {
      ThredoThread *thread =
          thredo_group_spawn (group, "one of many", func, user_data, NULL, &error);

      g_assert_no_error (error);
      g_ptr_array_add (threads, thread);
    }
  for (guint i = 0; i < n; i++)
    support_wait_for_state (g_ptr_array_index (threads, i), THREDO_THREAD_STATE_WAITING);
  g_assert_cmpuint (support_count_tasks (), >=, n);

  thredo_group_cancel (group);
  g_assert_true (thredo_group_join (group, NULL, &error));
  g_assert_no_error (error);
  for (guint i = 0; i < n; i++)
    g_assert_cmpint (thredo_thread_get_state (g_ptr_array_index (threads, i)), ==,
                     THREDO_THREAD_STATE_CANCELLED);
}

/* --- what is left --------------------------------------------------------- */

typedef struct
{
  guint n_fds;
  guint n_threads;
  guint n_maps;
  gsize n_bytes;
} Census;

/* The loop's thread is all that stays. The rest takes seconds to go, and with
 * so many of them it takes a while to count them. */
static gboolean
os_threads_have_ended (gpointer user_data)
{
  g_usleep (50 * G_TIME_SPAN_MILLISECOND);
  return support_count_tasks () <= n_tasks_at_start + 1;
}

static guint
count_maps (void)
{
  g_autofree char *maps = NULL;
  guint n = 0;

  g_assert_true (g_file_get_contents ("/proc/self/maps", &maps, NULL, NULL));
  for (const char *c = maps; *c != '\0'; c++)
    n += *c == '\n';

  return n;
}

static gsize
count_bytes (void)
{
#if defined(__GLIBC__) && __GLIBC_PREREQ(2, 33)
  struct mallinfo2 info = mallinfo2 ();

  return info.uordblks + info.hblkhd;
#else
  return 0;
#endif
}

static gboolean
note_that_loop_runs (gpointer user_data)
{
  g_atomic_int_set ((int *) user_data, TRUE);
  return G_SOURCE_REMOVE;
}

/* What stays for good is made at first use, some of it by the loop's thread. */
static void
warm_up (void)
{
  static gboolean is_warm = FALSE;
  int loop_runs = FALSE;

  if (is_warm)
    return;
  is_warm = TRUE;
  block_and_cancel (3, sleep_long, NULL);
  g_main_context_invoke (thredo_get_main_context (), note_that_loop_runs, &loop_runs);
  support_wait_for_int (&loop_runs, TRUE);
}

static void
take_census (Census *census)
{
  g_autoptr(GPtrArray) threads = NULL;

  support_wait_for ("the end of idle OS threads", os_threads_have_ended, NULL);
  threads = thredo_thread_list_all ();
  census->n_fds = support_count_fds ();
  census->n_threads = threads->len;
  census->n_maps = count_maps ();
  g_clear_pointer (&threads, g_ptr_array_unref);
  census->n_bytes = count_bytes ();
}

static void
note_census (guint   n,
             Census *census)
{
  g_test_message ("%u threads: %u fds, %u maps, %" G_GSIZE_FORMAT " bytes", n, census->n_fds,
                  census->n_maps, census->n_bytes);
}

/* Once to warm up, and once more to see whether that left more behind. */
static void
block_and_leave_nothing (guint            n,
                         ThredoThreadFunc func,
                         gpointer         user_data)
{
  Census before, between, after;

  warm_up ();
  take_census (&before);
  block_and_cancel (n, func, user_data);
  take_census (&between);
  block_and_cancel (n, func, user_data);
  take_census (&after);

  note_census (n, &before);
  note_census (n, &between);
  note_census (n, &after);
  g_assert_cmpuint (between.n_fds, ==, before.n_fds);
  g_assert_cmpuint (after.n_fds, ==, before.n_fds);
  g_assert_cmpuint (between.n_threads, ==, before.n_threads);
  g_assert_cmpuint (after.n_threads, ==, before.n_threads);

  /* A stack that stayed would be a map at least, and a leak of the smallest
   * block would be 16 bytes, for each thread. What malloc() and its arenas
   * keep for themselves is less than half of that. */
  if (!SANITIZED)
    {
      g_assert_cmpuint (after.n_maps, <, between.n_maps + MAX (n / 2, 100));
      if (n >= N_THREADS)
        g_assert_cmpuint (after.n_bytes, <, between.n_bytes + 8 * n);
    }
}

static void
test_sleep (gconstpointer n)
{
  block_and_leave_nothing (GPOINTER_TO_UINT (n), sleep_long, NULL);
}

static void
test_get (gconstpointer n)
{
  g_autoptr(ThredoQueue) queue = thredo_queue_new (0);

  block_and_leave_nothing (GPOINTER_TO_UINT (n), get_one, queue);
  g_assert_true (thredo_queue_is_empty (queue));
}

static void
test_get_surrounded (gconstpointer n)
{
  g_autoptr(ThredoQueue) queue = thredo_queue_new (0);

  g_object_set_data_full (G_OBJECT (queue), "cancellable", g_cancellable_new (), g_object_unref);
  block_and_leave_nothing (GPOINTER_TO_UINT (n), get_surrounded, queue);
}

/* One after the other, so that each finds the OS thread of the one before. */
static void
test_one_after_the_other (gconstpointer n)
{
  Census before, after;

  warm_up ();
  take_census (&before);
  for (guint i = 0; i < GPOINTER_TO_UINT (n); i++)
    {
      g_autoptr(ThredoThread) thread = NULL;

      thread = thredo_thread_spawn ("next", support_return_true, NULL, NULL, NULL);
      support_join_ok (thread);
      g_assert_cmpuint (support_count_tasks (), <, n_tasks_at_start + 20);
    }
  take_census (&after);
  g_assert_cmpuint (after.n_fds, ==, before.n_fds);
  g_assert_cmpuint (after.n_threads, ==, before.n_threads);
}

static gpointer
do_nothing (gpointer user_data)
{
  return NULL;
}

int
main (int    argc,
      char **argv)
{
  gpointer n;

  support_init (&argc, &argv);

  /* ThreadSanitizer has a thread of its own, from the first other one on. */
  g_thread_join (g_thread_new ("first", do_nothing, NULL));
  n_tasks_at_start = support_count_tasks ();

  n = GUINT_TO_POINTER (count ());
  g_test_add_data_func ("/scale/sleep", n, test_sleep);
  g_test_add_data_func ("/scale/get", n, test_get);
  g_test_add_data_func ("/scale/get-surrounded", n, test_get_surrounded);
  g_test_add_data_func ("/scale/one-after-the-other", n, test_one_after_the_other);

  return g_test_run ();
}
