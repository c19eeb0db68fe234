/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * What nobody should do, and what happens then: a GError, or a critical where
 * it is the programmer's mistake, and nothing is lost.
 */

#include "support.h"

#include <sys/resource.h>
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

static void
expect_critical (const char *pattern)
{
  g_test_expect_message ("Thredo", G_LOG_LEVEL_CRITICAL, pattern);
}

static void
assert_state_error (GError **error)
{
  support_assert_error (error, THREDO_ERROR, THREDO_ERROR_STATE);
}

static void
put_int (ThredoQueue *queue,
         int          n)
{
  g_auto(GValue) item = G_VALUE_INIT;
  g_autoptr(GError) error = NULL;

  g_value_init (&item, G_TYPE_INT);
  g_value_set_int (&item, n);
  thredo_queue_try_put (queue, &item, &error);
  g_assert_no_error (error);
}

static int
take_int (ThredoQueue *queue)
{
  g_auto(GValue) item = G_VALUE_INIT;
  g_autoptr(GError) error = NULL;

  thredo_queue_try_get (queue, &item, &error);
  g_assert_no_error (error);
  return g_value_get_int (&item);
}

static gboolean
wait_for_release (ThredoThread  *thread,
                  gpointer       queue,
                  GError       **error)
{
  g_auto(GValue) item = G_VALUE_INIT;

  return thredo_queue_get (queue, &item, NULL, error);
}

/* Threads. */

static void
test_start_twice (void)
{
  g_autoptr(ThredoQueue) queue = thredo_queue_new (0);
  g_autoptr(ThredoThread) thread = thredo_thread_new ("t", wait_for_release, queue, NULL);
  g_autoptr(GError) error = NULL;

  thredo_thread_start (thread, &error);
  g_assert_no_error (error);
  g_assert_false (thredo_thread_start (thread, &error));
  assert_state_error (&error);

  /* It runs on. */
  support_wait_for_state (thread, THREDO_THREAD_STATE_WAITING);
  put_int (queue, 1);
  support_join_ok (thread);

  g_assert_false (thredo_thread_start (thread, &error));
  assert_state_error (&error);
  g_assert_cmpint (thredo_thread_get_state (thread), ==, THREDO_THREAD_STATE_FINISHED);
}

static gboolean
start_oneself (ThredoThread  *thread,
               gpointer       user_data,
               GError       **error)
{
  g_autoptr(GError) own = NULL;

  g_assert_false (thredo_thread_start (thread, &own));
  assert_state_error (&own);
  return TRUE;
}

static void
test_start_running (void)
{
  g_autoptr(ThredoThread) thread = spawn ("t", start_oneself, NULL);
  g_autoptr(GError) error = NULL;

  support_join_ok (thread);

  /* Nor can one start what runs already without the library's doing. */
  g_assert_false (thredo_thread_start (thredo_thread_self (), &error));
  assert_state_error (&error);
}

static gboolean
join_oneself (ThredoThread  *thread,
              gpointer       user_data,
              GError       **error)
{
  g_autoptr(GError) own = NULL;

  g_assert_false (thredo_thread_join (thread, NULL, &own));
  assert_state_error (&own);
  g_assert_false (thredo_thread_wait (thread, NULL, &own));
  assert_state_error (&own);
  g_assert_null (thredo_thread_join_pointer (thread, NULL, &own));
  assert_state_error (&own);
  return TRUE;
}

static void
test_join_oneself (void)
{
  g_autoptr(ThredoThread) thread = spawn ("t", join_oneself, NULL);
  g_autoptr(GError) error = NULL;

  support_join_ok (thread);
  g_assert_false (thredo_thread_join (thredo_thread_self (), NULL, &error));
  assert_state_error (&error);
}

static void
test_join_not_started (void)
{
  g_autoptr(ThredoThread) thread = thredo_thread_new ("t", support_return_true, NULL, NULL);
  g_autoptr(GAsyncResult) result = NULL;
  g_autoptr(GError) error = NULL;

  g_assert_false (thredo_thread_join (thread, NULL, &error));
  assert_state_error (&error);
  g_assert_false (thredo_thread_wait (thread, NULL, &error));
  assert_state_error (&error);
  thredo_thread_join_async (thread, NULL, support_keep_result, &result);
  support_iterate_until_result (&result);
  g_assert_false (thredo_thread_join_finish (thread, result, &error));
  assert_state_error (&error);

  /* It can still be started. */
  thredo_thread_start (thread, &error);
  g_assert_no_error (error);
  support_join_ok (thread);
}

static gboolean
return_false (ThredoThread  *thread,
              gpointer       user_data,
              GError       **error)
{
  return FALSE;
}

static void
test_false_without_error (void)
{
  g_autoptr(ThredoThread) thread = spawn ("forgetful", return_false, NULL);
  g_autoptr(GError) error = NULL;

  g_assert_false (thredo_thread_join (thread, NULL, &error));
  support_assert_error (&error, THREDO_ERROR, THREDO_ERROR_FAILED);
  g_assert_cmpint (thredo_thread_get_state (thread), ==, THREDO_THREAD_STATE_FAILED);
  g_assert_error (thredo_thread_get_error (thread), THREDO_ERROR, THREDO_ERROR_FAILED);
}

static gboolean
return_true_with_error (ThredoThread  *thread,
                        gpointer       user_data,
                        GError       **error)
{
  g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_BUSY, "I am busy");
  return TRUE;
}

static void
test_true_with_error (void)
{
  g_autoptr(ThredoThread) thread = NULL;
  g_autoptr(GError) error = NULL;

  expect_critical ("*confused*");
  thread = spawn ("confused", return_true_with_error, NULL);
  g_assert_false (thredo_thread_join (thread, NULL, &error));
  g_test_assert_expected_messages ();
  support_assert_error (&error, G_IO_ERROR, G_IO_ERROR_BUSY);
  g_assert_cmpint (thredo_thread_get_state (thread), ==, THREDO_THREAD_STATE_FAILED);
}

static gboolean
leave_a_mess (ThredoThread  *thread,
              gpointer       user_data,
              GError       **error)
{
  g_autoptr(ThredoScope) scope = thredo_scope_new_with_timeout (0);
  g_autoptr(ThredoScope) shield = thredo_scope_new_shielded ();

  thredo_scope_enter (scope);
  thredo_scope_enter (shield);
  return TRUE;
}

static gboolean
find_no_mess (ThredoThread  *thread,
              gpointer       user_data,
              GError       **error)
{
  g_assert_true (thredo_get_cancellable () == thredo_thread_get_cancellable (thread));
  g_assert_true (g_cancellable_get_current () == thredo_thread_get_cancellable (thread));
  return thredo_sleep (1, NULL, error);
}

static void
test_end_in_scope (void)
{
  for (int i = 0; i < 10; i++)
    {
      g_autoptr(ThredoThread) careless = NULL;
      g_autoptr(ThredoThread) next = NULL;

      /* Two scopes that were not left. */
      expect_critical ("*ended inside a scope*");
      expect_critical ("*ended inside a scope*");
      careless = spawn ("careless", leave_a_mess, NULL);
      support_join_ok (careless);
      g_test_assert_expected_messages ();

      /* The next one on the same OS thread is not to suffer. */
      next = spawn ("next", find_no_mess, NULL);
      support_join_ok (next);
    }
}

static void
test_no_function (void)
{
  g_autoptr(ThredoThread) thread = thredo_thread_new ("t", NULL, NULL, NULL);
  g_autoptr(GError) error = NULL;

  thredo_thread_start (thread, &error);
  g_assert_no_error (error);
  g_assert_false (thredo_thread_join (thread, NULL, &error));
  support_assert_error (&error, THREDO_ERROR, THREDO_ERROR_FAILED);
}

static void
test_change_started (void)
{
  g_autoptr(ThredoThread) thread = spawn ("t", support_sleep_forever, NULL);

  expect_critical ("*thredo_thread_set_daemon*");
  thredo_thread_set_daemon (thread, TRUE);
  g_test_assert_expected_messages ();
  g_assert_false (thredo_thread_get_daemon (thread));
  expect_critical ("*thredo_thread_set_stack_size*");
  thredo_thread_set_stack_size (thread, 1 << 20);
  g_test_assert_expected_messages ();
  g_assert_cmpuint (thredo_thread_get_stack_size (thread), ==, 0);
  support_cancel_and_join (thread);
}

static void
test_result_after_end (void)
{
  g_autoptr(ThredoThread) thread = spawn ("t", support_return_true, NULL);
  g_auto(GValue) result = G_VALUE_INIT;
  int destroyed = 0;

  support_join_ok (thread);
  expect_critical ("*takes no result*");
  thredo_thread_set_result_pointer (thread, &destroyed, support_count_destroy);
  g_test_assert_expected_messages ();
  g_assert_false (thredo_thread_get_result (thread, &result));
  g_assert_cmpint (destroyed, ==, 1);
}

static void
test_stack_size (void)
{
  const gsize sizes[] = { 1, G_MAXSIZE, G_MAXSIZE / 2, G_MAXSSIZE };

#if THREDO_PORTABLE
  g_test_skip ("GLib does not let one choose");
  return;
#endif

  for (gsize i = 0; i < G_N_ELEMENTS (sizes); i++)
    {
      int destroyed = 0;
      gpointer thread;
      g_autoptr(GError) error = NULL;

      thread = thredo_thread_new ("t", support_return_true, &destroyed, support_count_destroy);
      thredo_thread_set_stack_size (thread, sizes[i]);
      if (thredo_thread_start (thread, &error))
        {
          /* Too small a size is made large enough. */
          g_assert_no_error (error);
          g_assert_cmpuint (sizes[i], ==, 1);
          support_join_ok (thread);
        }
      else
        {
          g_assert_nonnull (error);
          g_assert_false (thredo_thread_is_alive (thread));
          g_assert_cmpuint (sizes[i], !=, 1);
        }
      g_object_add_weak_pointer (thread, &thread);
      g_object_unref (thread);
      support_wait_for_finalize (&thread);
      support_wait_for_int (&destroyed, 1);
      g_assert_cmpint (destroyed, ==, 1);
    }
}

/* More stack than there is: the system refuses the start. */

static ThredoThread *
thread_too_large (ThredoThreadFunc func,
                  gpointer         user_data,
                  GDestroyNotify   destroy)
{
  ThredoThread *thread = thredo_thread_new ("too large", func, user_data, destroy);

  thredo_thread_set_stack_size (thread, G_MAXSIZE / 2);
  return thread;
}

static gboolean
can_be_refused (void)
{
#if THREDO_PORTABLE
  g_test_skip ("GLib does not let one choose");
  return FALSE;
#else
  return TRUE;
#endif
}

static void
assert_refused (GError **error)
{
  support_assert_error (error, G_THREAD_ERROR, G_THREAD_ERROR_AGAIN);
}

static gpointer
start_in_vain (gpointer user_data)
{
  gpointer *shared = user_data;
  g_autoptr(GError) error = NULL;

  if (shared[2] != NULL)
    g_assert_false (thredo_group_add (shared[2], shared[0], &error));
  else
    g_assert_false (thredo_thread_start (shared[0], &error));
  assert_refused (&error);
  g_atomic_int_set ((int *) shared[1], TRUE);
  return NULL;
}

/* Whoever joins it while it is being started is not left waiting. */
static void
test_refused_while_joined (gconstpointer in_group)
{
  guint n_rounds = support_rounds (500);

  if (!can_be_refused ())
    return;

  for (guint i = 0; i < n_rounds; i++)
    {
      g_autoptr(ThredoGroup) group = thredo_group_new (THREDO_GROUP_WAIT_ALL);
      g_autoptr(ThredoThread) thread = thread_too_large (support_return_true, NULL, NULL);
      g_autoptr(ThredoScope) limit = thredo_scope_new_with_timeout (SUPPORT_LIMIT);
      g_autoptr(ThredoScopeGuard) guard = thredo_scope_guard_new (limit);
      int refused = FALSE;
      gpointer shared[] = { thread, &refused, in_group != NULL ? group : NULL };
      GThread *starter = g_thread_new ("starter", start_in_vain, shared);
      gboolean last;

      g_assert_nonnull (guard);
      do
        {
          g_autoptr(GError) error = NULL;

          last = g_atomic_int_get (&refused);
          g_assert_false (thredo_thread_join (thread, NULL, &error));
          assert_state_error (&error);
        }
      while (!last);
      g_thread_join (starter);
      g_assert_cmpint (thredo_thread_get_state (thread), ==, THREDO_THREAD_STATE_NEW);
    }
}

/* No more threads to be had. */

#define NOBODY 65534

static gboolean
become_nobody (void)
{
  /* Root may have as many as it likes. */
  if (geteuid () != 0)
    return TRUE;
  return setresgid (NOBODY, NOBODY, NOBODY) == 0 && setresuid (NOBODY, NOBODY, NOBODY) == 0;
}

static void
allow_threads (rlim_t n)
{
  struct rlimit limit;

  g_assert_cmpint (getrlimit (RLIMIT_NPROC, &limit), ==, 0);
  limit.rlim_cur = MIN (n, limit.rlim_max);
  g_assert_cmpint (setrlimit (RLIMIT_NPROC, &limit), ==, 0);
}

static void
test_threads_refused (void)
{
  g_autoptr(ThredoQueue) queue = thredo_queue_new (0);
  g_autoptr(ThredoGroup) group = thredo_group_new (THREDO_GROUP_WAIT_ALL);
  g_autoptr(GPtrArray) threads = g_ptr_array_new_with_free_func (g_object_unref);
  g_autoptr(GPtrArray) members = NULL;
  g_autoptr(ThredoThread) refused = NULL;
  g_autoptr(ThredoThread) later = NULL;
  g_autoptr(GError) error = NULL;
  int destroyed = 0;
  int n_spawned = 0;

  if (!g_test_subprocess ())
    {
      g_test_trap_subprocess (NULL, 0, G_TEST_SUBPROCESS_INHERIT_STDERR);
      g_test_trap_assert_passed ();
      return;
    }
  if (!become_nobody ())
    {
      g_test_skip ("The system does not let this process become nobody");
      return;
    }

  /* A few, then no more. Cached threads may still be used up. */
  while (n_spawned < 1000)
    {
      ThredoThread *thread;

      if (n_spawned == 5)
        allow_threads (1);
      thread = thredo_group_spawn (group, "member", wait_for_release, queue, NULL, &error);
      if (thread == NULL)
        break;
      g_assert_no_error (error);
      g_ptr_array_add (threads, thread);
      n_spawned++;
    }
  g_assert_cmpint (n_spawned, >=, 5);
  g_assert_cmpint (n_spawned, <, 1000);
  g_assert_nonnull (error);
  g_assert_cmpstr (error->message, !=, "");
  g_clear_error (&error);

  /* The group has those that run, and no other. */
  members = thredo_group_get_threads (group);
  g_assert_cmpuint (members->len, ==, n_spawned);
  for (int i = 0; i < n_spawned; i++)
    support_wait_for_state (threads->pdata[i], THREDO_THREAD_STATE_WAITING);

  /* Alone it is no different. */
  refused = thredo_thread_spawn ("refused", support_return_true, &destroyed,
                                 support_count_destroy, &error);
  g_assert_null (refused);
  g_assert_nonnull (error);
  g_clear_error (&error);
  g_assert_cmpint (destroyed, ==, 1);

  refused = thredo_thread_new ("refused", support_return_true, NULL, NULL);
  g_assert_false (thredo_thread_start (refused, &error));
  g_assert_nonnull (error);
  g_clear_error (&error);
  g_assert_false (thredo_thread_is_alive (refused));

  /* Waits go on as ever, and so does the group once there is room. */
  thredo_sleep (1000, NULL, &error);
  g_assert_no_error (error);
  allow_threads (RLIM_INFINITY);
  later = thredo_group_spawn (group, "later", wait_for_release, queue, NULL, &error);
  g_assert_no_error (error);
  for (int i = 0; i < n_spawned + 1; i++)
    put_int (queue, i);
  thredo_group_join (group, NULL, &error);
  g_assert_no_error (error);
  for (int i = 0; i < n_spawned; i++)
    g_assert_cmpint (thredo_thread_get_state (threads->pdata[i]), ==, THREDO_THREAD_STATE_FINISHED);
}

static void
test_loop_refused (void)
{
  g_autoptr(GError) error = NULL;

  if (!g_test_subprocess ())
    {
      g_test_trap_subprocess (NULL, 0, G_TEST_SUBPROCESS_INHERIT_STDERR);
      g_test_trap_assert_passed ();
      return;
    }
  if (!become_nobody ())
    {
      g_test_skip ("The system does not let this process become nobody");
      return;
    }

  /* The very first wait finds no thread for the loop. */
  allow_threads (1);
  if (!thredo_sleep (1000, NULL, &error))
    g_assert_nonnull (error);
  g_clear_error (&error);
  g_assert_null (thredo_thread_spawn ("refused", support_return_true, NULL, NULL, &error));
  g_assert_nonnull (error);
  g_clear_error (&error);

  allow_threads (RLIM_INFINITY);
  thredo_sleep (1000, NULL, &error);
  g_assert_no_error (error);
}

/* Groups. */

static void
test_joined_group (void)
{
  g_autoptr(ThredoGroup) group = thredo_group_new (THREDO_GROUP_WAIT_ALL);
  g_autoptr(ThredoThread) thread = thredo_thread_new ("t", support_return_true, NULL, NULL);
  g_autoptr(GError) error = NULL;
  int destroyed = 0;

  thredo_group_join (group, NULL, &error);
  g_assert_no_error (error);

  g_assert_null (thredo_group_spawn (group, "late", support_return_true, &destroyed,
                                     support_count_destroy, &error));
  assert_state_error (&error);
  g_assert_cmpint (destroyed, ==, 1);
  g_assert_false (thredo_group_add (group, thread, &error));
  assert_state_error (&error);
  g_assert_false (thredo_group_join (group, NULL, &error));
  assert_state_error (&error);

  /* The thread that was refused is as it was. */
  g_assert_cmpint (thredo_thread_get_state (thread), ==, THREDO_THREAD_STATE_NEW);
  g_assert_null (thredo_thread_get_group (thread));
  thredo_thread_start (thread, &error);
  g_assert_no_error (error);
  support_join_ok (thread);
}

static void
test_two_groups (void)
{
  g_autoptr(ThredoGroup) group = thredo_group_new (THREDO_GROUP_WAIT_ALL);
  g_autoptr(ThredoGroup) other = thredo_group_new (THREDO_GROUP_WAIT_ALL);
  g_autoptr(ThredoGroup) found = NULL;
  g_autoptr(ThredoThread) member = thredo_thread_new ("member", support_sleep_forever, NULL, NULL);
  g_autoptr(GError) error = NULL;

  thredo_group_add (group, member, &error);
  g_assert_no_error (error);
  g_assert_false (thredo_group_add (other, member, &error));
  assert_state_error (&error);
  g_assert_false (thredo_group_add (group, member, &error));
  assert_state_error (&error);

  /* It is the group that starts it. */
  g_assert_false (thredo_thread_start (member, &error));
  assert_state_error (&error);

  found = thredo_thread_get_group (member);
  g_assert_true (found == group);
  thredo_group_join (other, NULL, &error);
  g_assert_no_error (error);
  g_assert_true (thredo_thread_is_alive (member));
  thredo_group_cancel (group);
  thredo_group_join (group, NULL, &error);
  g_assert_no_error (error);
}

static gboolean
join_own_group (ThredoThread  *thread,
                gpointer       group,
                GError       **error)
{
  g_autoptr(GError) own = NULL;

  g_assert_false (thredo_group_join (group, NULL, &own));
  assert_state_error (&own);
  return TRUE;
}

static void
test_join_own_group (void)
{
  g_autoptr(ThredoGroup) group = thredo_group_new (THREDO_GROUP_WAIT_ALL);
  g_autoptr(ThredoThread) member = NULL;
  g_autoptr(GError) error = NULL;

  member = thredo_group_spawn (group, "member", join_own_group, group, NULL, &error);
  g_assert_no_error (error);
  thredo_group_join (group, NULL, &error);
  g_assert_no_error (error);
}

/* Refused at once, it is no member, and the next has its room. */
static void
test_group_start_refused (void)
{
  g_autoptr(ThredoGroup) group = thredo_group_new (THREDO_GROUP_WAIT_ALL);
  g_autoptr(ThredoThread) large = NULL;
  g_autoptr(ThredoThread) next = NULL;
  g_autoptr(GError) error = NULL;

  if (!can_be_refused ())
    return;

  thredo_group_set_max_running (group, 1);
  large = thread_too_large (support_return_true, NULL, NULL);
  g_assert_false (thredo_group_add (group, large, &error));
  assert_refused (&error);
  g_assert_null (thredo_thread_get_group (large));
  g_assert_cmpint (thredo_thread_get_state (large), ==, THREDO_THREAD_STATE_NEW);
  next = thredo_group_spawn (group, "next", support_return_true, NULL, NULL, &error);
  g_assert_no_error (error);
  thredo_group_join (group, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpint (thredo_thread_get_state (next), ==, THREDO_THREAD_STATE_FINISHED);
}

/* Refused when its turn comes, it has failed. */
static void
test_group_pending_refused (void)
{
  g_autoptr(ThredoGroup) group = thredo_group_new (THREDO_GROUP_WAIT_ALL);
  g_autoptr(ThredoQueue) queue = thredo_queue_new (0);
  g_autoptr(ThredoThread) first = NULL;
  g_autoptr(ThredoThread) large = NULL;
  g_autoptr(ThredoThread) last = NULL;
  g_autoptr(GError) error = NULL;
  int destroyed = 0;

  if (!can_be_refused ())
    return;

  thredo_group_set_max_running (group, 1);
  first = thredo_group_spawn (group, "first", wait_for_release, queue, NULL, &error);
  g_assert_no_error (error);
  large = thread_too_large (support_return_true, &destroyed, support_count_destroy);
  g_assert_true (thredo_group_add (group, large, &error));
  g_assert_no_error (error);
  last = thredo_group_spawn (group, "last", support_return_true, NULL, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpint (thredo_thread_get_state (large), ==, THREDO_THREAD_STATE_NEW);

  put_int (queue, 0);
  g_assert_false (thredo_group_join (group, NULL, &error));
  assert_refused (&error);
  g_assert_cmpint (thredo_thread_get_state (first), ==, THREDO_THREAD_STATE_FINISHED);
  g_assert_cmpint (thredo_thread_get_state (large), ==, THREDO_THREAD_STATE_FAILED);
  g_assert_false (thredo_thread_is_alive (last));
  g_assert_cmpint (destroyed, ==, 1);
}

/* Each that is refused makes room for the next that is. */
static void
test_group_many_refused (void)
{
  guint n_members = support_rounds (SUPPORT_WITH_ASAN || SUPPORT_WITH_TSAN ? 6000 : 60000);
  g_autoptr(ThredoGroup) group = thredo_group_new (THREDO_GROUP_WAIT_ALL);
  g_autoptr(ThredoQueue) queue = thredo_queue_new (0);
  g_autoptr(ThredoThread) first = NULL;
  g_autoptr(GError) error = NULL;
  int destroyed = 0;

  if (!can_be_refused ())
    return;

  thredo_group_set_max_running (group, 1);
  first = thredo_group_spawn (group, "first", wait_for_release, queue, NULL, &error);
  g_assert_no_error (error);
  for (guint i = 0; i < n_members; i++)
    {
      g_autoptr(ThredoThread) large = NULL;

      large = thread_too_large (support_return_true, &destroyed, support_count_destroy);
      thredo_group_add (group, large, &error);
      g_assert_no_error (error);
    }

  /* Nobody joins before the end, which would cancel the rest. */
  put_int (queue, 0);
  support_wait_for_int (&destroyed, (int) n_members);
  g_assert_false (thredo_group_join (group, NULL, &error));
  assert_refused (&error);
  g_assert_cmpint (destroyed, ==, n_members);
}

static gpointer
spawn_beside (gpointer group)
{
  g_autoptr(ThredoThread) thread = NULL;
  g_autoptr(GError) error = NULL;

  thread = thredo_group_spawn (group, "beside", support_return_true, NULL, NULL, &error);
  g_assert_no_error (error);
  return NULL;
}

/* One that becomes a member while another is being refused is not forgotten. */
static void
test_group_refused_beside (void)
{
  guint n_rounds = support_rounds (2000);

  if (!can_be_refused ())
    return;

  for (guint i = 0; i < n_rounds; i++)
    {
      g_autoptr(ThredoGroup) group = thredo_group_new (THREDO_GROUP_WAIT_ALL);
      g_autoptr(ThredoScope) limit = thredo_scope_new_with_timeout (SUPPORT_LIMIT);
      g_autoptr(ThredoScopeGuard) guard = thredo_scope_guard_new (limit);
      g_autoptr(ThredoThread) large = thread_too_large (support_return_true, NULL, NULL);
      g_autoptr(GError) error = NULL;
      GThread *beside;

      g_assert_nonnull (guard);
      thredo_group_set_max_running (group, 1);
      beside = g_thread_new ("beside", spawn_beside, group);
      for (volatile guint spin = i * 37 % 40000; spin > 0; spin--)
        ;

      /* Refused now, or when its turn comes. */
      if (!thredo_group_add (group, large, &error))
        {
          assert_refused (&error);
          g_thread_join (beside);
          thredo_group_join (group, NULL, &error);
          g_assert_no_error (error);
        }
      else
        {
          g_thread_join (beside);
          g_assert_false (thredo_group_join (group, NULL, &error));
          assert_refused (&error);
        }
    }
}

static void
test_group_dropped (void)
{
  ThredoGroup *group = thredo_group_new (THREDO_GROUP_WAIT_ALL);
  g_autoptr(ThredoThread) member = NULL;
  g_autoptr(GError) error = NULL;

  thredo_group_set_name (group, "forgotten");
  member = thredo_group_spawn (group, "member", support_sleep_forever, NULL, NULL, &error);
  g_assert_no_error (error);
  g_test_expect_message ("Thredo", G_LOG_LEVEL_WARNING, "*forgotten*");
  g_object_unref (group);
  g_test_assert_expected_messages ();

  g_assert_false (thredo_thread_join (member, NULL, &error));
  support_assert_error (&error, THREDO_ERROR, THREDO_ERROR_THREAD_CANCELLED);
  g_assert_null (thredo_thread_get_group (member));
}

/* Queues. */

static void
test_task_done_too_often (void)
{
  g_autoptr(ThredoQueue) queue = thredo_queue_new (0);
  g_autoptr(GError) error = NULL;

  g_assert_false (thredo_queue_task_done (queue, &error));
  assert_state_error (&error);
  put_int (queue, 1);
  g_assert_true (thredo_queue_task_done (queue, &error));
  g_assert_no_error (error);
  g_assert_false (thredo_queue_task_done (queue, &error));
  assert_state_error (&error);
  g_assert_cmpuint (thredo_queue_get_unfinished (queue), ==, 0);
  g_assert_cmpint (take_int (queue), ==, 1);
}

static void
test_put_closed (void)
{
  g_autoptr(ThredoQueue) queue = thredo_queue_new (0);
  g_autoptr(GAsyncResult) result = NULL;
  g_autoptr(GError) error = NULL;
  g_auto(GValue) item = G_VALUE_INIT;

  put_int (queue, 1);
  thredo_queue_close (queue);
  thredo_queue_close (queue);
  g_assert_true (thredo_queue_is_closed (queue));

  g_value_init (&item, G_TYPE_INT);
  g_assert_false (thredo_queue_put (queue, &item, NULL, &error));
  support_assert_closed (&error);
  g_assert_false (thredo_queue_try_put (queue, &item, &error));
  support_assert_closed (&error);
  g_assert_false (thredo_queue_put_pointer (queue, queue, NULL, &error));
  support_assert_closed (&error);
  thredo_queue_put_async (queue, &item, NULL, support_keep_result, &result);
  support_iterate_until_result (&result);
  g_assert_false (thredo_queue_put_finish (queue, result, &error));
  support_assert_closed (&error);

  /* What was in it is in it. */
  g_assert_cmpuint (thredo_queue_get_length (queue), ==, 1);
  g_assert_cmpint (take_int (queue), ==, 1);
}

static void
test_get_pointer_of_value (void)
{
  g_autoptr(ThredoQueue) queue = thredo_queue_new (0);
  g_autoptr(GError) error = NULL;

  put_int (queue, 42);
  g_assert_null (thredo_queue_get_pointer (queue, NULL, &error));
  assert_state_error (&error);
  g_assert_cmpint (take_int (queue), ==, 42);
}

static void
test_put_nothing (void)
{
  g_autoptr(ThredoQueue) queue = thredo_queue_new (0);
  g_autoptr(GError) error = NULL;
  GValue unset = G_VALUE_INIT;

  expect_critical ("*thredo_queue_put_pointer*");
  g_assert_false (thredo_queue_put_pointer (queue, NULL, NULL, &error));
  g_test_assert_expected_messages ();
  expect_critical ("*thredo_queue_put*");
  g_assert_false (thredo_queue_put (queue, NULL, NULL, &error));
  g_test_assert_expected_messages ();
  expect_critical ("*thredo_queue_put*");
  g_assert_false (thredo_queue_put (queue, &unset, NULL, &error));
  g_test_assert_expected_messages ();
  expect_critical ("*thredo_queue_try_put*");
  g_assert_false (thredo_queue_try_put (queue, NULL, &error));
  g_test_assert_expected_messages ();
  g_assert_true (thredo_queue_is_empty (queue));
}

static void
test_queue_sizes (void)
{
  g_autoptr(ThredoQueue) huge = thredo_queue_new (G_MAXUINT);
  g_autoptr(ThredoQueue) unbounded = thredo_queue_new (0);

  g_assert_cmpuint (thredo_queue_get_max_size (huge), ==, G_MAXUINT);
  for (int i = 0; i < 1000; i++)
    {
      put_int (huge, i);
      put_int (unbounded, i);
    }
  g_assert_false (thredo_queue_is_full (huge));
  g_assert_false (thredo_queue_is_full (unbounded));
  g_assert_cmpint (take_int (huge), ==, 0);
}

static gboolean
get_from_dropped (ThredoThread  *thread,
                  gpointer       queue,
                  GError       **error)
{
  g_autoptr(GError) closed = NULL;
  g_auto(GValue) item = G_VALUE_INIT;

  g_assert_false (thredo_queue_get (queue, &item, NULL, &closed));
  support_assert_closed (&closed);
  return TRUE;
}

static gboolean
put_to_dropped (ThredoThread  *thread,
                gpointer       queue,
                GError       **error)
{
  g_autoptr(GError) closed = NULL;

  /* What was not put is still the putter's. */
  g_assert_false (thredo_queue_put_pointer (queue, &closed, NULL, &closed));
  support_assert_closed (&closed);
  return TRUE;
}

static gboolean
join_dropped (ThredoThread  *thread,
              gpointer       queue,
              GError       **error)
{
  g_autoptr(GError) closed = NULL;

  g_assert_false (thredo_queue_join (queue, NULL, &closed));
  support_assert_closed (&closed);
  return TRUE;
}

static void
test_queue_order (void)
{
  for (int i = -1; i <= THREDO_QUEUE_ORDER_PRIORITY + 1; i += THREDO_QUEUE_ORDER_PRIORITY + 2)
    {
      expect_critical ("*order*");
      g_assert_null (thredo_queue_new_full (i, 0, NULL));
      g_test_assert_expected_messages ();
    }
}

static void
test_queue_dropped (void)
{
  const ThredoThreadFunc funcs[] = { get_from_dropped, put_to_dropped, join_dropped };

  for (gsize i = 0; i < G_N_ELEMENTS (funcs); i++)
    {
      int freed = 0;
      ThredoQueue *queue = NULL;
      ThredoThread *threads[3];
      g_autoptr(GError) error = NULL;

      queue = thredo_queue_new_full (THREDO_QUEUE_ORDER_FIFO, 1, support_count_destroy);
      if (funcs[i] != get_from_dropped)
        {
          thredo_queue_put_pointer (queue, &freed, NULL, &error);
          g_assert_no_error (error);
        }
      for (gsize j = 0; j < G_N_ELEMENTS (threads); j++)
        threads[j] = spawn ("t", funcs[i], queue);
      for (gsize j = 0; j < G_N_ELEMENTS (threads); j++)
        support_wait_for_state (threads[j], THREDO_THREAD_STATE_WAITING);

      g_object_unref (queue);
      for (gsize j = 0; j < G_N_ELEMENTS (threads); j++)
        {
          support_join_ok (threads[j]);
          g_object_unref (threads[j]);
        }
      /* The item that nobody took. */
      support_wait_for_int (&freed, funcs[i] != get_from_dropped);
      g_assert_cmpint (g_atomic_int_get (&freed), ==, funcs[i] != get_from_dropped);
    }
}

/* Locks. */

static void
assert_not_owner (GError **error)
{
  support_assert_error (error, THREDO_ERROR, THREDO_ERROR_NOT_OWNER);
}

static ThredoLock *
lock_new (const char *name)
{
  ThredoLock *lock = thredo_lock_new ();

  thredo_lock_set_name (lock, name);
  return lock;
}

static ThredoRLock *
rlock_new (const char *name)
{
  ThredoRLock *lock = thredo_rlock_new ();

  thredo_rlock_set_name (lock, name);
  return lock;
}

static void
acquire (gpointer lock)
{
  g_autoptr(GError) error = NULL;

  thredo_lockable_acquire (lock, NULL, &error);
  g_assert_no_error (error);
}

static void
release (gpointer lock)
{
  g_autoptr(GError) error = NULL;

  thredo_lockable_release (lock, &error);
  g_assert_no_error (error);
}

/* A thread that owns a lock until it is told otherwise. */
typedef struct
{
  ThredoLockable *lock;
  SupportGate owns;
  SupportGate end;
  GThread *thread;
} Owner;

static gpointer
own_until_told (gpointer user_data)
{
  Owner *owner = user_data;

  acquire (owner->lock);
  support_gate_open (&owner->owns);
  support_gate_wait (&owner->end);
  release (owner->lock);
  return NULL;
}

static void
owner_init (Owner    *owner,
            gpointer  lock)
{
  owner->lock = lock;
  support_gate_init (&owner->owns);
  support_gate_init (&owner->end);
  owner->thread = g_thread_new ("owner", own_until_told, owner);
  support_gate_wait (&owner->owns);
}

static void
owner_clear (Owner *owner)
{
  support_gate_open (&owner->end);
  g_thread_join (owner->thread);
  support_gate_clear (&owner->owns);
  support_gate_clear (&owner->end);
}

/* It is free, and works. */
static void
assert_free (gpointer lock)
{
  g_assert_true (thredo_lockable_try_acquire (lock));
  g_assert_true (thredo_lockable_is_owned (lock));
  release (lock);
  g_assert_false (thredo_lockable_is_owned (lock));
}

static void
test_release_free (void)
{
  g_autoptr(ThredoLock) lock = lock_new ("l");
  g_autoptr(ThredoRLock) rlock = rlock_new ("r");
  g_autoptr(GError) error = NULL;

  g_assert_false (thredo_lock_release (lock, &error));
  assert_not_owner (&error);
  g_assert_false (thredo_lock_release (lock, NULL));
  g_assert_false (thredo_rlock_release (rlock, &error));
  assert_not_owner (&error);
  g_assert_false (thredo_lockable_release (THREDO_LOCKABLE (rlock), &error));
  assert_not_owner (&error);
  g_assert_cmpuint (thredo_rlock_get_depth (rlock), ==, 0);
  assert_free (lock);
  assert_free (rlock);

  /* Once acquired, once released. */
  acquire (lock);
  release (lock);
  g_assert_false (thredo_lock_release (lock, &error));
  assert_not_owner (&error);
  for (int i = 0; i < 3; i++)
    acquire (rlock);
  for (int i = 0; i < 3; i++)
    release (rlock);
  g_assert_false (thredo_rlock_release (rlock, &error));
  assert_not_owner (&error);
  assert_free (lock);
  assert_free (rlock);
}

static void
test_release_of_other (void)
{
  gpointer locks[] = { lock_new ("l"), rlock_new ("r") };

  for (gsize i = 0; i < G_N_ELEMENTS (locks); i++)
    {
      g_autoptr(GError) error = NULL;
      Owner owner;

      owner_init (&owner, locks[i]);
      g_assert_false (thredo_lockable_is_owned (locks[i]));
      g_assert_false (thredo_lockable_release (locks[i], &error));
      assert_not_owner (&error);

      /* It is the owner's still, and the owner can release it. */
      g_assert_false (thredo_lockable_try_acquire (locks[i]));
      owner_clear (&owner);
      assert_free (locks[i]);
      g_object_unref (locks[i]);
    }
}

/* The lock as it was: a guard freed on another thread, or freed in vain. */

static gpointer
free_guard (gpointer guard)
{
  thredo_lock_guard_free (guard);
  return NULL;
}

static void
test_guard (void)
{
  g_autoptr(ThredoLock) lock = lock_new ("l");
  g_autoptr(ThredoBoundedSemaphore) semaphore = thredo_bounded_semaphore_new (1);
  ThredoLockGuard *guard;
  ThredoSemaphoreGuard *permit;
  g_autoptr(GError) error = NULL;

  guard = thredo_lock_guard_new (THREDO_LOCKABLE (lock), NULL, &error);
  g_assert_no_error (error);
  expect_critical ("*guard*");
  g_thread_join (g_thread_new ("other", free_guard, guard));
  g_test_assert_expected_messages ();
  g_assert_true (thredo_lockable_is_owned (THREDO_LOCKABLE (lock)));
  thredo_lock_guard_free (guard);
  assert_free (lock);

  /* Released by hand, and by the guard. */
  guard = thredo_lock_guard_new (THREDO_LOCKABLE (lock), NULL, &error);
  g_assert_no_error (error);
  release (lock);
  expect_critical ("*guard*");
  thredo_lock_guard_free (guard);
  g_test_assert_expected_messages ();
  assert_free (lock);

  permit = thredo_semaphore_guard_new (THREDO_SEMAPHORE (semaphore), NULL, &error);
  g_assert_no_error (error);
  thredo_semaphore_release (THREDO_SEMAPHORE (semaphore), &error);
  g_assert_no_error (error);
  expect_critical ("*guard*");
  thredo_semaphore_guard_free (permit);
  g_test_assert_expected_messages ();
  g_assert_cmpuint (thredo_semaphore_get_value (THREDO_SEMAPHORE (semaphore)), ==, 1);

  /* What g_autoptr() has when acquiring has failed. */
  guard = NULL;
  permit = NULL;
  g_clear_pointer (&guard, thredo_lock_guard_free);
  g_clear_pointer (&permit, thredo_semaphore_guard_free);
  expect_critical ("*");
  thredo_lock_guard_free (NULL);
  g_test_assert_expected_messages ();
  expect_critical ("*");
  thredo_semaphore_guard_free (NULL);
  g_test_assert_expected_messages ();
  expect_critical ("*");
  g_assert_null (thredo_lock_guard_new (NULL, NULL, &error));
  g_test_assert_expected_messages ();
  expect_critical ("*");
  g_assert_null (thredo_semaphore_guard_new (NULL, NULL, &error));
  g_test_assert_expected_messages ();
}

/* A plain lock, twice in one thread. */

#define DEADLOCK_OF_ONE "Deadlock of 1 thread: 'A' holds Lock 'L', waits for Lock 'L' held by 'A'"

typedef struct
{
  ThredoLock *lock;
  ThredoScope *scope;
} Twice;

static gboolean
acquire_twice_in_scope (ThredoThread  *thread,
                        gpointer       user_data,
                        GError       **error)
{
  Twice *twice = user_data;
  g_autoptr(GError) own = NULL;

  acquire (twice->lock);
  thredo_scope_enter (twice->scope);
  g_assert_false (thredo_lock_acquire (twice->lock, NULL, &own));
  support_assert_timed_out (&own);
  thredo_scope_leave (twice->scope);

  /* Once is how often it has it. */
  g_assert_true (thredo_lockable_is_owned (THREDO_LOCKABLE (twice->lock)));
  release (twice->lock);
  g_assert_false (thredo_lock_release (twice->lock, &own));
  assert_not_owner (&own);
  return TRUE;
}

/* It is reported, and then waited until the scope's deadline. */
static void
assert_reported (ThredoLock  *lock,
                 ThredoScope *scope)
{
  Twice twice = { lock, scope };
  g_autoptr(ThredoThread) thread = NULL;

  g_test_expect_message ("Thredo", G_LOG_LEVEL_WARNING, DEADLOCK_OF_ONE);
  thread = spawn ("A", acquire_twice_in_scope, &twice);
  support_wait_for_wait (thread, "acquire on Lock 'L'");
  g_test_assert_expected_messages ();
  thredo_scope_set_deadline (scope, g_get_monotonic_time ());
  support_join_ok (thread);
  g_assert_false (thredo_thread_is_cancelled (thread));
  assert_free (lock);
}

static gboolean
acquire_twice (ThredoThread  *thread,
               gpointer       lock,
               GError       **error)
{
  gboolean twice;

  acquire (lock);
  twice = thredo_lock_acquire (lock, NULL, error);
  g_assert_true (thredo_lockable_is_owned (lock));
  release (lock);
  return twice;
}

static void
test_twice_reported (void)
{
  g_autoptr(ThredoLock) lock = lock_new ("L");
  g_autoptr(ThredoScope) scope = thredo_scope_new ();
  g_autoptr(ThredoThread) cancelled = NULL;

  g_assert_cmpint (thredo_get_deadlock_policy (), ==, THREDO_DEADLOCK_POLICY_REPORT);
  assert_reported (lock, scope);

  /* It waits on, until it is cancelled. */
  g_test_expect_message ("Thredo", G_LOG_LEVEL_WARNING, DEADLOCK_OF_ONE);
  cancelled = spawn ("A", acquire_twice, lock);
  support_wait_for_wait (cancelled, "acquire on Lock 'L'");
  g_test_assert_expected_messages ();
  support_cancel_and_join (cancelled);
  assert_free (lock);
}

static void
test_twice_refused (void)
{
  g_autoptr(ThredoLock) lock = lock_new ("L");
  g_autoptr(ThredoThread) thread = NULL;
  g_autoptr(GError) error = NULL;

  thredo_set_deadlock_policy (THREDO_DEADLOCK_POLICY_FAIL);
  for (int i = 0; i < 2; i++)
    {
      g_clear_object (&thread);
      thread = spawn ("A", acquire_twice, lock);
      g_assert_false (thredo_thread_join (thread, NULL, &error));
      g_assert_cmpstr (error->message, ==, DEADLOCK_OF_ONE);
      support_assert_error (&error, THREDO_ERROR, THREDO_ERROR_DEADLOCK);
      assert_free (lock);
    }
  thredo_set_deadlock_policy (THREDO_DEADLOCK_POLICY_REPORT);
}

static void
test_twice_cancelled (void)
{
  g_autoptr(ThredoLock) lock = lock_new ("L");
  g_autoptr(ThredoThread) thread = NULL;
  g_autoptr(GError) error = NULL;

  thredo_set_deadlock_policy (THREDO_DEADLOCK_POLICY_CANCEL);
  g_test_expect_message ("Thredo", G_LOG_LEVEL_MESSAGE, "*" DEADLOCK_OF_ONE "*");
  thread = spawn ("A", acquire_twice, lock);
  g_assert_false (thredo_thread_join (thread, NULL, &error));
  support_assert_error (&error, THREDO_ERROR, THREDO_ERROR_THREAD_CANCELLED);
  g_test_assert_expected_messages ();
  g_assert_true (thredo_thread_is_cancelled (thread));
  assert_free (lock);
  thredo_set_deadlock_policy (THREDO_DEADLOCK_POLICY_REPORT);
}

/* Where a cancel reaches nobody there is nobody to cancel, and it is reported. */
static void
test_twice_shielded (void)
{
  g_autoptr(ThredoLock) lock = lock_new ("L");
  g_autoptr(ThredoScope) shield = thredo_scope_new_shielded ();

  thredo_set_deadlock_policy (THREDO_DEADLOCK_POLICY_CANCEL);
  assert_reported (lock, shield);
  thredo_set_deadlock_policy (THREDO_DEADLOCK_POLICY_REPORT);
}

/* Whoever tries, waits for nothing. */
static void
test_twice_tried (void)
{
  g_autoptr(ThredoLock) lock = lock_new ("L");

  acquire (lock);
  g_assert_false (thredo_lock_try_acquire (lock));
  g_assert_false (thredo_lockable_try_acquire (THREDO_LOCKABLE (lock)));
  g_assert_true (thredo_lockable_is_owned (THREDO_LOCKABLE (lock)));
  release (lock);
  assert_free (lock);
}

static void
test_policy_of_environment (void)
{
  const struct
  {
    const char *value;
    ThredoDeadlockPolicy policy;
  } known[] = {
    { "report", THREDO_DEADLOCK_POLICY_REPORT },
    { "fail", THREDO_DEADLOCK_POLICY_FAIL },
    { "cancel", THREDO_DEADLOCK_POLICY_CANCEL },
    { "", THREDO_DEADLOCK_POLICY_REPORT },
    { "nonsense", THREDO_DEADLOCK_POLICY_REPORT },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (known); i++)
    {
      if (!g_test_subprocess ())
        {
          g_setenv ("THREDO_DEADLOCK_POLICY", known[i].value, TRUE);
          g_test_trap_subprocess (NULL, 0, G_TEST_SUBPROCESS_INHERIT_STDERR);
          g_test_trap_assert_passed ();
          g_unsetenv ("THREDO_DEADLOCK_POLICY");
        }
      else if (g_str_equal (g_getenv ("THREDO_DEADLOCK_POLICY"), known[i].value))
        {
          if (g_str_equal (known[i].value, "nonsense"))
            g_test_expect_message ("Thredo", G_LOG_LEVEL_WARNING, "*'nonsense'*");
          g_assert_cmpint (thredo_get_deadlock_policy (), ==, known[i].policy);
          g_test_assert_expected_messages ();

          /* What a program says goes before what its environment says. */
          thredo_set_deadlock_policy (THREDO_DEADLOCK_POLICY_CANCEL);
          g_assert_cmpint (thredo_get_deadlock_policy (), ==, THREDO_DEADLOCK_POLICY_CANCEL);
        }
    }
}

static void
test_no_policy (void)
{
  expect_critical ("*thredo_set_deadlock_policy*");
  thredo_set_deadlock_policy ((ThredoDeadlockPolicy) 3);
  g_test_assert_expected_messages ();
  expect_critical ("*thredo_set_deadlock_policy*");
  thredo_set_deadlock_policy ((ThredoDeadlockPolicy) -1);
  g_test_assert_expected_messages ();
  g_assert_cmpint (thredo_get_deadlock_policy (), ==, THREDO_DEADLOCK_POLICY_REPORT);
}

/* Held by a thread that ends. */

static gboolean
end_holding (ThredoThread  *thread,
             gpointer       locks,
             GError       **error)
{
  acquire (((gpointer *) locks)[0]);
  for (int i = 0; i < 3; i++)
    acquire (((gpointer *) locks)[1]);
  return TRUE;
}

static gpointer
end_gthread_holding (gpointer locks)
{
  g_autoptr(ThredoThread) self = g_object_ref (thredo_thread_self ());

  thredo_thread_set_name (self, "careless");
  end_holding (self, locks, NULL);
  return NULL;
}

static void
assert_abandoned_once (gpointer lock)
{
  gboolean abandoned;

  acquire (lock);
  g_object_get (lock, "abandoned", &abandoned, NULL);
  g_assert_true (abandoned);
  if (THREDO_IS_RLOCK (lock))
    g_assert_cmpuint (thredo_rlock_get_depth (lock), ==, 1);
  release (lock);
  g_object_get (lock, "abandoned", &abandoned, NULL);
  g_assert_false (abandoned);
  acquire (lock);
  g_object_get (lock, "abandoned", &abandoned, NULL);
  g_assert_false (abandoned);
  release (lock);
}

static void
expect_abandoned (void)
{
  g_test_expect_message ("Thredo", G_LOG_LEVEL_WARNING,
                         "Thread 'careless' ended while it held *Lock '?'; the lock is released "
                         "and marked abandoned");
}

static void
test_end_holding (void)
{
  gpointer locks[] = { lock_new ("l"), rlock_new ("r") };

  for (int i = 0; i < 2; i++)
    {
      expect_abandoned ();
      expect_abandoned ();
      if (i == 0)
        {
          g_autoptr(ThredoThread) thread = spawn ("careless", end_holding, locks);

          support_join_ok (thread);
        }
      else
        {
          g_thread_join (g_thread_new ("careless", end_gthread_holding, locks));
        }
      g_test_assert_expected_messages ();
      assert_abandoned_once (locks[0]);
      assert_abandoned_once (locks[1]);
    }
  g_object_unref (locks[0]);
  g_object_unref (locks[1]);
}

/* Dropped while it is held, or waited for. */

static void
expect_kept (const char *what,
             const char *thread)
{
  g_autofree char *pattern = NULL;

  pattern = g_strdup_printf ("The last reference to %s was dropped while Thread '%s' held it; "
                             "it is kept until it is released",
                             what, thread);
  expect_critical (pattern);
}

/* A weak reference goes when dispose() runs, which is not when the object goes. */
static void
count_finalize (gpointer  object,
                int      *gone)
{
  g_object_set_data_full (object, "gone", gone, support_count_destroy);
}

static gboolean
drop_held (ThredoThread  *thread,
           gpointer       user_data,
           GError       **error)
{
  gpointer locks[] = { lock_new ("l"), rlock_new ("r") };
  const char *names[] = { "Lock 'l'", "RLock 'r'" };

  for (gsize i = 0; i < G_N_ELEMENTS (locks); i++)
    {
      int gone = 0;

      count_finalize (locks[i], &gone);
      acquire (locks[i]);
      if (i == 1)
        acquire (locks[i]);
      expect_kept (names[i], "holder");
      g_object_unref (locks[i]);
      g_test_assert_expected_messages ();
      g_assert_cmpint (gone, ==, 0);

      /* One may even take a new reference, while one holds it. */
      g_object_ref (locks[i]);
      g_assert_true (thredo_lockable_is_owned (locks[i]));
      g_object_unref (locks[i]);
      g_assert_cmpint (gone, ==, 0);
      if (i == 1)
        release (locks[i]);
      g_assert_cmpint (gone, ==, 0);
      release (locks[i]);
      g_assert_cmpint (gone, ==, 1);
    }
  return TRUE;
}

static void
test_dropped_held (void)
{
  g_autoptr(ThredoThread) thread = spawn ("holder", drop_held, NULL);

  support_join_ok (thread);
}

static gboolean
acquire_and_release (ThredoThread  *thread,
                     gpointer       lock,
                     GError       **error)
{
  if (!thredo_lockable_acquire (lock, NULL, error))
    return FALSE;
  g_assert_true (thredo_lockable_is_owned (lock));
  return thredo_lockable_release (lock, error);
}

/* Those who wait get it, and it goes when the last of them has released it. */
static void
test_dropped_waited_for (void)
{
  const gboolean cancels[] = { FALSE, TRUE };

  for (gsize i = 0; i < G_N_ELEMENTS (cancels); i++)
    {
      gpointer lock = lock_new ("l");
      ThredoThread *threads[3];
      Owner owner;
      int gone = 0;

      count_finalize (lock, &gone);
      owner_init (&owner, lock);
      for (gsize j = 0; j < G_N_ELEMENTS (threads); j++)
        {
          threads[j] = spawn ("t", acquire_and_release, lock);
          support_wait_for_wait (threads[j], "acquire on Lock 'l'");
        }
      /* As long as somebody waits it is held by those; the one who is left
       * with it, and no reference, is told so. */
      expect_critical ("The last reference to Lock 'l' was dropped while Thread '*' held it; "
                       "it is kept until it is released");
      g_object_unref (lock);
      g_assert_cmpint (g_atomic_int_get (&gone), ==, 0);
      if (cancels[i])
        {
          for (gsize j = 0; j < G_N_ELEMENTS (threads); j++)
            support_cancel_and_join (threads[j]);
          g_assert_cmpint (g_atomic_int_get (&gone), ==, 0);
        }
      owner_clear (&owner);
      for (gsize j = 0; j < G_N_ELEMENTS (threads); j++)
        {
          if (!cancels[i])
            support_join_ok (threads[j]);
          g_object_unref (threads[j]);
        }
      g_test_assert_expected_messages ();
      support_wait_for_int (&gone, 1);
    }
}

/* Semaphores. */

static void
test_release_above_bound (void)
{
  g_autoptr(ThredoBoundedSemaphore) bounded = thredo_bounded_semaphore_new (2);
  ThredoSemaphore *semaphore = THREDO_SEMAPHORE (bounded);
  g_autoptr(GError) error = NULL;

  g_assert_cmpuint (thredo_bounded_semaphore_get_bound (bounded), ==, 2);
  g_assert_false (thredo_semaphore_release (semaphore, &error));
  assert_state_error (&error);
  g_assert_cmpuint (thredo_semaphore_get_value (semaphore), ==, 2);
  g_assert_true (thredo_semaphore_try_acquire (semaphore));

  /* All of them, or none. */
  g_assert_false (thredo_semaphore_release_many (semaphore, 2, &error));
  assert_state_error (&error);
  g_assert_false (thredo_semaphore_release_many (semaphore, G_MAXUINT, &error));
  assert_state_error (&error);
  g_assert_cmpuint (thredo_semaphore_get_value (semaphore), ==, 1);
  g_assert_true (thredo_semaphore_release (semaphore, &error));
  g_assert_no_error (error);
  g_assert_false (thredo_semaphore_release (semaphore, NULL));
  g_assert_cmpuint (thredo_semaphore_get_value (semaphore), ==, 2);
  g_assert_cmpuint (thredo_bounded_semaphore_get_bound (bounded), ==, 2);
}

static void
test_too_many_permits (void)
{
  g_autoptr(ThredoSemaphore) semaphore = thredo_semaphore_new (G_MAXINT);
  g_autoptr(ThredoSemaphore) empty = thredo_semaphore_new (0);
  g_autoptr(GError) error = NULL;

  g_assert_false (thredo_semaphore_release (semaphore, &error));
  assert_state_error (&error);
  g_assert_cmpuint (thredo_semaphore_get_value (semaphore), ==, G_MAXINT);
  g_assert_true (thredo_semaphore_try_acquire (semaphore));
  g_assert_true (thredo_semaphore_release (semaphore, &error));
  g_assert_no_error (error);

  g_assert_false (thredo_semaphore_release_many (empty, G_MAXUINT, &error));
  assert_state_error (&error);
  g_assert_cmpuint (thredo_semaphore_get_value (empty), ==, 0);
  g_assert_false (thredo_semaphore_try_acquire (empty));
  g_assert_true (thredo_semaphore_release_many (empty, G_MAXINT, &error));
  g_assert_no_error (error);
  g_assert_false (thredo_semaphore_release_many (empty, 1, &error));
  assert_state_error (&error);
  g_assert_cmpuint (thredo_semaphore_get_value (empty), ==, G_MAXINT);

  expect_critical ("*thredo_semaphore_new*");
  g_assert_null (thredo_semaphore_new (G_MAXUINT));
  g_test_assert_expected_messages ();
  expect_critical ("*thredo_bounded_semaphore_new*");
  g_assert_null (thredo_bounded_semaphore_new ((guint) G_MAXINT + 1));
  g_test_assert_expected_messages ();
}

static void
test_release_none (void)
{
  g_autoptr(ThredoSemaphore) semaphore = thredo_semaphore_new (1);
  g_autoptr(GError) error = NULL;

  expect_critical ("*thredo_semaphore_release_many*");
  g_assert_false (thredo_semaphore_release_many (semaphore, 0, &error));
  g_test_assert_expected_messages ();
  g_assert_no_error (error);
  g_assert_cmpuint (thredo_semaphore_get_value (semaphore), ==, 1);
  g_assert_true (thredo_semaphore_try_acquire (semaphore));
}

/* Nobody is served by a release that is refused. */
static gboolean
acquire_permit (ThredoThread  *thread,
                gpointer       semaphore,
                GError       **error)
{
  return thredo_semaphore_acquire (semaphore, NULL, error);
}

static void
test_too_many_while_waited_for (void)
{
  g_autoptr(ThredoBoundedSemaphore) bounded = thredo_bounded_semaphore_new (1);
  ThredoSemaphore *semaphore = THREDO_SEMAPHORE (bounded);
  g_autoptr(ThredoThread) thread = NULL;
  g_autoptr(GError) error = NULL;

  thredo_semaphore_set_name (semaphore, "s");
  g_assert_true (thredo_semaphore_try_acquire (semaphore));
  thread = spawn ("t", acquire_permit, semaphore);
  support_wait_for_wait (thread, "acquire on Semaphore 's'");
  g_assert_false (thredo_semaphore_release_many (semaphore, 2, &error));
  assert_state_error (&error);
  g_assert_cmpuint (thredo_semaphore_get_value (semaphore), ==, 0);
  g_assert_cmpint (thredo_thread_get_state (thread), ==, THREDO_THREAD_STATE_WAITING);
  thredo_semaphore_release (semaphore, &error);
  g_assert_no_error (error);
  support_join_ok (thread);
  g_assert_cmpuint (thredo_semaphore_get_value (semaphore), ==, 0);
}

/* Conditions. */

static gboolean
never_asked (ThredoCondition *condition,
             gpointer         user_data)
{
  g_assert_not_reached ();
}

static void
assert_needs_lock (ThredoCondition *condition)
{
  g_autoptr(GAsyncResult) result = NULL;
  g_autoptr(GError) error = NULL;

  g_assert_false (thredo_condition_wait (condition, NULL, &error));
  assert_not_owner (&error);
  g_assert_false (thredo_condition_wait_for (condition, never_asked, NULL, NULL, &error));
  assert_not_owner (&error);
  g_assert_false (thredo_condition_notify (condition, 1, &error));
  assert_not_owner (&error);
  g_assert_false (thredo_condition_notify (condition, 0, &error));
  assert_not_owner (&error);
  g_assert_false (thredo_condition_notify_all (condition, &error));
  assert_not_owner (&error);
  g_assert_false (thredo_condition_notify_all (condition, NULL));
  thredo_condition_wait_async (condition, NULL, support_keep_result, &result);
  support_iterate_until_result (&result);
  g_assert_false (thredo_condition_wait_finish (condition, result, &error));
  assert_not_owner (&error);
  g_assert_cmpuint (thredo_condition_get_n_waiting (condition), ==, 0);
}

static gboolean
wait_on_condition (ThredoThread  *thread,
                   gpointer       condition,
                   GError       **error)
{
  g_autoptr(ThredoLockable) lock = g_object_ref (thredo_condition_get_lockable (condition));
  gboolean notified;

  acquire (lock);
  notified = thredo_condition_wait (condition, NULL, error);
  g_assert_true (thredo_lockable_is_owned (lock));
  release (lock);
  return notified;
}

static void
test_condition_without_lock (void)
{
  gpointer locks[] = { lock_new ("l"), rlock_new ("r"), NULL };

  for (gsize i = 0; i < G_N_ELEMENTS (locks); i++)
    {
      g_autoptr(ThredoCondition) condition = thredo_condition_new (locks[i]);
      gpointer lock = thredo_condition_get_lockable (condition);
      g_autoptr(ThredoThread) waiter = NULL;
      g_autoptr(GError) error = NULL;
      Owner owner;

      g_assert_true (locks[i] != NULL ? lock == locks[i] : THREDO_IS_RLOCK (lock));
      thredo_condition_set_name (condition, "c");
      assert_needs_lock (condition);
      assert_free (lock);

      /* That another thread has it does not help. */
      owner_init (&owner, lock);
      assert_needs_lock (condition);
      g_assert_false (thredo_lockable_try_acquire (lock));
      owner_clear (&owner);
      assert_free (lock);

      /* Nor does it when somebody waits, who stays. */
      waiter = spawn ("waiter", wait_on_condition, condition);
      support_wait_for_wait (waiter, "wait on Condition 'c'");
      g_assert_false (thredo_condition_notify (condition, 1, &error));
      assert_not_owner (&error);
      g_assert_false (thredo_condition_notify_all (condition, &error));
      assert_not_owner (&error);
      g_assert_cmpuint (thredo_condition_get_n_waiting (condition), ==, 1);
      acquire (lock);
      thredo_condition_notify (condition, 0, &error);
      g_assert_no_error (error);
      g_assert_cmpuint (thredo_condition_get_n_waiting (condition), ==, 1);
      thredo_condition_notify (condition, G_MAXUINT, &error);
      g_assert_no_error (error);
      release (lock);
      support_join_ok (waiter);
      assert_free (lock);
      g_clear_object (&locks[i]);
    }
}

static void
test_wait_for_nothing (void)
{
  g_autoptr(ThredoCondition) condition = thredo_condition_new (NULL);
  gpointer lock = thredo_condition_get_lockable (condition);

  acquire (lock);
  expect_critical ("*thredo_condition_wait_for*");
  g_assert_false (thredo_condition_wait_for (condition, NULL, NULL, NULL, NULL));
  g_test_assert_expected_messages ();
  g_assert_true (thredo_lockable_is_owned (lock));
  release (lock);
}

/* Nobody but those who wait has it: they can still be cancelled, and then it goes. */
static void
test_condition_dropped (void)
{
  gpointer condition = thredo_condition_new (NULL);
  ThredoThread *threads[3];

  thredo_condition_set_name (condition, "c");
  for (gsize i = 0; i < G_N_ELEMENTS (threads); i++)
    {
      threads[i] = spawn ("t", wait_on_condition, condition);
      support_wait_for_wait (threads[i], "wait on Condition 'c'");
    }
  g_object_add_weak_pointer (condition, &condition);
  g_object_unref (condition);
  for (gsize i = 0; i < G_N_ELEMENTS (threads); i++)
    {
      g_assert_cmpint (thredo_thread_get_state (threads[i]), ==, THREDO_THREAD_STATE_WAITING);
      g_assert_nonnull (condition);
    }
  for (gsize i = 0; i < G_N_ELEMENTS (threads); i++)
    {
      support_cancel_and_join (threads[i]);
      g_object_unref (threads[i]);
    }
  support_wait_for_finalize (&condition);
}

typedef struct
{
  ThredoCondition *condition;
  ThredoLock *lock;
  gboolean true_now;
  int n_asked;
} Question;

static gboolean
is_true_now (ThredoCondition *condition,
             gpointer         user_data)
{
  Question *question = user_data;

  g_assert_true (THREDO_IS_CONDITION (condition));
  g_assert_true (thredo_condition_get_lockable (condition) == THREDO_LOCKABLE (question->lock));
  question->n_asked++;
  return question->true_now;
}

static gboolean
wait_until_true (ThredoThread  *thread,
                 gpointer       user_data,
                 GError       **error)
{
  Question *question = user_data;
  gboolean came_true;

  acquire (question->lock);
  came_true = thredo_condition_wait_for (question->condition, is_true_now, question, NULL, error);
  release (question->lock);
  return came_true;
}

/* By the one who has notified: it is there still when the predicate is asked. */
static void
test_condition_dropped_after_notify (void)
{
  for (int i = 0; i < 10; i++)
    {
      g_autoptr(ThredoLock) lock = lock_new ("l");
      Question question = { thredo_condition_new (THREDO_LOCKABLE (lock)), lock, FALSE, 0 };
      gpointer condition = question.condition;
      g_autoptr(ThredoThread) waiter = NULL;
      g_autoptr(GError) error = NULL;

      thredo_condition_set_name (condition, "c");
      waiter = spawn ("waiter", wait_until_true, &question);
      support_wait_for_wait (waiter, "wait on Condition 'c'");
      g_object_add_weak_pointer (condition, &condition);
      acquire (lock);
      question.true_now = TRUE;
      thredo_condition_notify (condition, 1, &error);
      g_assert_no_error (error);
      g_object_unref (question.condition);
      release (lock);
      support_join_ok (waiter);
      g_assert_cmpint (question.n_asked, ==, 2);
      support_wait_for_finalize (&condition);
    }
}

/* Events, barriers and semaphores that are dropped while threads wait for them. */

static gboolean
wait_for_event (ThredoThread  *thread,
                gpointer       event,
                GError       **error)
{
  return thredo_event_wait (event, NULL, error);
}

static gboolean
wait_at_barrier (ThredoThread  *thread,
                 gpointer       barrier,
                 GError       **error)
{
  return thredo_barrier_wait (barrier, NULL, NULL, error);
}

static void
assert_dropped (gpointer          object,
                ThredoThreadFunc  func,
                const char       *waiting_for)
{
  g_autoptr(ThredoThread) thread = NULL;

  g_object_set (object, "name", "x", NULL);
  thread = spawn ("t", func, object);
  support_wait_for_wait (thread, waiting_for);
  g_object_add_weak_pointer (object, &object);
  g_object_unref (object);
  g_assert_nonnull (object);
  g_assert_cmpint (thredo_thread_get_state (thread), ==, THREDO_THREAD_STATE_WAITING);
  support_cancel_and_join (thread);
  support_wait_for_finalize (&object);
}

static void
test_dropped_others (void)
{
  assert_dropped (thredo_event_new (), wait_for_event, "wait on Event 'x'");
  assert_dropped (thredo_barrier_new (2), wait_at_barrier, "wait on Barrier 'x'");
  assert_dropped (thredo_semaphore_new (0), acquire_permit, "acquire on Semaphore 'x'");
  assert_dropped (thredo_bounded_semaphore_new (0), acquire_permit, "acquire on Semaphore 'x'");
}

/* Barriers. */

static void
test_barrier_of_none (void)
{
  g_autoptr(ThredoBarrier) alone = thredo_barrier_new (1);
  g_autoptr(GError) error = NULL;
  guint index = G_MAXUINT;
  int destroyed = 0;

  expect_critical ("*thredo_barrier_new*");
  g_assert_null (thredo_barrier_new (0));
  g_test_assert_expected_messages ();
  expect_critical ("*thredo_barrier_new*");
  g_assert_null (thredo_barrier_new_with_action (0, NULL, &destroyed, support_count_destroy));
  g_test_assert_expected_messages ();

  /* One is enough, and needs no second. */
  for (int i = 0; i < 3; i++)
    {
      g_assert_true (thredo_barrier_wait (alone, &index, NULL, &error));
      g_assert_no_error (error);
      g_assert_cmpuint (index, ==, 0);
    }
}

static void
test_barrier_aborted (void)
{
  g_autoptr(ThredoBarrier) barrier = thredo_barrier_new (1);
  g_autoptr(GAsyncResult) result = NULL;
  g_autoptr(GError) error = NULL;
  guint index = G_MAXUINT;

  thredo_barrier_abort (barrier);
  thredo_barrier_abort (barrier);
  g_assert_true (thredo_barrier_is_broken (barrier));
  g_assert_false (thredo_barrier_wait (barrier, &index, NULL, &error));
  support_assert_error (&error, THREDO_ERROR, THREDO_ERROR_BROKEN);
  g_assert_cmpuint (index, ==, G_MAXUINT);
  thredo_barrier_wait_async (barrier, NULL, support_keep_result, &result);
  support_iterate_until_result (&result);
  g_assert_false (thredo_barrier_wait_finish (barrier, result, &index, &error));
  support_assert_error (&error, THREDO_ERROR, THREDO_ERROR_BROKEN);

  thredo_barrier_reset (barrier);
  thredo_barrier_reset (barrier);
  g_assert_true (thredo_barrier_wait (barrier, NULL, NULL, &error));
  g_assert_no_error (error);
}

/* An action that says that it failed, and not why. */
static gboolean
fail_without_error (ThredoBarrier  *barrier,
                    gpointer        user_data,
                    GError        **error)
{
  return FALSE;
}

static void
test_action_without_error (void)
{
  g_autoptr(ThredoBarrier) barrier = NULL;
  g_autoptr(GError) error = NULL;
  int destroyed = 0;

  barrier = thredo_barrier_new_with_action (1, fail_without_error, &destroyed,
                                            support_count_destroy);
  g_assert_false (thredo_barrier_wait (barrier, NULL, NULL, &error));
  support_assert_error (&error, THREDO_ERROR, THREDO_ERROR_FAILED);
  g_assert_true (thredo_barrier_is_broken (barrier));
  g_clear_object (&barrier);
  g_assert_cmpint (destroyed, ==, 1);
}

/* Somebody else's lock, with the least there can be: no asynchronous form. */

#define TEST_TYPE_TURNSTILE (test_turnstile_get_type ())
G_DECLARE_FINAL_TYPE (TestTurnstile, test_turnstile, TEST, TURNSTILE, GObject)

struct _TestTurnstile
{
  GObject parent_instance;

  ThredoLock *inner;
};

static gboolean
turnstile_acquire (ThredoLockable  *lockable,
                   GCancellable    *cancellable,
                   GError         **error)
{
  return thredo_lock_acquire (TEST_TURNSTILE (lockable)->inner, cancellable, error);
}

static gboolean
turnstile_try_acquire (ThredoLockable *lockable)
{
  return thredo_lock_try_acquire (TEST_TURNSTILE (lockable)->inner);
}

static gboolean
turnstile_release (ThredoLockable  *lockable,
                   GError         **error)
{
  /* FALSE, but not why. */
  return thredo_lock_release (TEST_TURNSTILE (lockable)->inner, NULL);
}

static gboolean
turnstile_is_owned (ThredoLockable *lockable)
{
  return thredo_lockable_is_owned (THREDO_LOCKABLE (TEST_TURNSTILE (lockable)->inner));
}

static void
turnstile_lockable_init (ThredoLockableInterface *iface)
{
  iface->acquire = turnstile_acquire;
  iface->try_acquire = turnstile_try_acquire;
  iface->release = turnstile_release;
  iface->is_owned = turnstile_is_owned;
}

G_DEFINE_FINAL_TYPE_WITH_CODE (TestTurnstile,
                               test_turnstile,
                               G_TYPE_OBJECT,
                               G_IMPLEMENT_INTERFACE (THREDO_TYPE_LOCKABLE,
                                                      turnstile_lockable_init))

static void
test_turnstile_dispose (GObject *object)
{
  g_clear_object (&TEST_TURNSTILE (object)->inner);
  G_OBJECT_CLASS (test_turnstile_parent_class)->dispose (object);
}

static void
test_turnstile_class_init (TestTurnstileClass *klass)
{
  G_OBJECT_CLASS (klass)->dispose = test_turnstile_dispose;
}

static void
test_turnstile_init (TestTurnstile *self)
{
  self->inner = thredo_lock_new ();
}

static void
test_lockable_without_async (void)
{
  g_autoptr(TestTurnstile) turnstile = g_object_new (TEST_TYPE_TURNSTILE, NULL);
  g_autoptr(ThredoCondition) condition = thredo_condition_new (THREDO_LOCKABLE (turnstile));
  g_autoptr(GAsyncResult) result = NULL;
  g_autoptr(ThredoThread) waiter = NULL;
  g_autoptr(GError) error = NULL;
  ThredoLockGuard *guard;

  thredo_lockable_acquire_async (THREDO_LOCKABLE (turnstile), NULL, support_keep_result, &result);
  support_iterate_until_result (&result);
  g_assert_false (thredo_lockable_acquire_finish (THREDO_LOCKABLE (turnstile), result, &error));
  support_assert_error (&error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED);
  g_clear_object (&result);
  assert_free (turnstile);

  /* Nor can a condition over it be waited for so; its lock stays the caller's. */
  acquire (turnstile);
  thredo_condition_wait_async (condition, NULL, support_keep_result, &result);
  support_iterate_until_result (&result);
  g_assert_false (thredo_condition_wait_finish (condition, result, &error));
  support_assert_error (&error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED);
  g_assert_true (thredo_lockable_is_owned (THREDO_LOCKABLE (turnstile)));
  g_assert_cmpuint (thredo_condition_get_n_waiting (condition), ==, 0);
  release (turnstile);

  /* Everything else works. */
  thredo_condition_set_name (condition, "c");
  assert_needs_lock (condition);
  waiter = spawn ("waiter", wait_on_condition, condition);
  support_wait_for_wait (waiter, "wait on Condition 'c'");
  acquire (turnstile);
  thredo_condition_notify_all (condition, &error);
  g_assert_no_error (error);
  release (turnstile);
  support_join_ok (waiter);
  assert_free (turnstile);

  /* It need not say why it cannot be released. */
  expect_critical ("*could not be released*");
  g_assert_cmpuint (thredo_lockable_release_all (THREDO_LOCKABLE (turnstile)), ==, 0);
  g_test_assert_expected_messages ();
  guard = thredo_lock_guard_new (THREDO_LOCKABLE (turnstile), NULL, &error);
  g_assert_no_error (error);
  release (turnstile);
  expect_critical ("*guard*");
  thredo_lock_guard_free (guard);
  g_test_assert_expected_messages ();
}

/* The lock of a condition is had back also where that closes a cycle, and cycles
 * are refused. */

typedef struct
{
  ThredoLock *outer;
  ThredoCondition *condition;
} Embrace;

static gboolean
hold_and_wait (ThredoThread  *thread,
               gpointer       user_data,
               GError       **error)
{
  Embrace *embrace = user_data;
  gpointer lock = thredo_condition_get_lockable (embrace->condition);
  gboolean notified;

  acquire (embrace->outer);
  acquire (lock);
  notified = thredo_condition_wait (embrace->condition, NULL, error);
  g_assert_true (thredo_lockable_is_owned (lock));
  release (lock);
  release (embrace->outer);
  return notified;
}

static gboolean
take_and_want (ThredoThread  *thread,
               gpointer       user_data,
               GError       **error)
{
  Embrace *embrace = user_data;
  gpointer lock = thredo_condition_get_lockable (embrace->condition);
  gboolean acquired;

  acquire (lock);
  acquired = thredo_lock_acquire (embrace->outer, NULL, error);
  g_assert_false (acquired);
  release (lock);
  return acquired;
}

static void
test_reacquire_in_cycle (void)
{
  TestTurnstile *turnstile = g_object_new (TEST_TYPE_TURNSTILE, NULL);
  gpointer locks[] = { lock_new ("L"), rlock_new ("L"), turnstile };

  thredo_lock_set_name (turnstile->inner, "L");
  thredo_set_deadlock_policy (THREDO_DEADLOCK_POLICY_FAIL);
  for (gsize i = 0; i < G_N_ELEMENTS (locks); i++)
    {
      g_autoptr(ThredoLock) outer = lock_new ("outer");
      g_autoptr(ThredoCondition) condition = thredo_condition_new (locks[i]);
      Embrace embrace = { outer, condition };
      g_autoptr(ThredoThread) waiter = NULL;
      g_autoptr(ThredoThread) wanter = NULL;

      thredo_condition_set_name (condition, "c");
      waiter = spawn ("waiter", hold_and_wait, &embrace);
      support_wait_for_wait (waiter, "wait on Condition 'c'");
      wanter = spawn ("wanter", take_and_want, &embrace);
      support_wait_for_wait (wanter, "acquire on Lock 'outer'");
      g_test_expect_message ("Thredo", G_LOG_LEVEL_WARNING,
                             "Deadlock of 2 threads: 'waiter' holds Lock 'outer', "
                             "waits for *Lock 'L' held by 'wanter'; *");
      thredo_thread_cancel (waiter);
      support_wait_for_wait (waiter, i == 1 ? "acquire on RLock 'L'" : "acquire on Lock 'L'");
      g_test_assert_expected_messages ();
      support_cancel_and_join (wanter);
      support_cancel_and_join (waiter);
      assert_free (locks[i]);
      g_object_unref (locks[i]);
    }
  thredo_set_deadlock_policy (THREDO_DEADLOCK_POLICY_REPORT);
}

/* The result of another call, or of another object's. */
static void
test_foreign_result (void)
{
  g_autoptr(ThredoLock) lock = lock_new ("l");
  g_autoptr(ThredoLock) other = lock_new ("o");
  g_autoptr(ThredoEvent) event = thredo_event_new ();
  g_autoptr(GAsyncResult) result = NULL;
  g_autoptr(GError) error = NULL;

  thredo_lock_acquire_async (lock, NULL, support_keep_result, &result);
  support_iterate_until_result (&result);
  g_assert_true (thredo_lockable_is_owned (THREDO_LOCKABLE (lock)));
  expect_critical ("*thredo_lock_acquire_finish*");
  g_assert_false (thredo_lock_acquire_finish (other, result, &error));
  g_test_assert_expected_messages ();
  expect_critical ("*thredo_event_wait_finish*");
  g_assert_false (thredo_event_wait_finish (event, result, &error));
  g_test_assert_expected_messages ();
  g_assert_true (thredo_lock_acquire_finish (lock, result, &error));
  g_assert_no_error (error);
  release (lock);
  assert_free (other);
}

/* Durations. */

static void
test_negative_durations (void)
{
  g_autoptr(GError) error = NULL;

  g_assert_false (thredo_sleep (-1, NULL, &error));
  support_assert_error (&error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT);
  expect_critical ("*thredo_scope_new_with_timeout*");
  g_assert_null (thredo_scope_new_with_timeout (-1));
  g_test_assert_expected_messages ();
}

static gboolean
sleep_for (ThredoThread  *thread,
           gpointer       duration,
           GError       **error)
{
  return thredo_sleep (*(GTimeSpan *) duration, NULL, error);
}

static gboolean
sleep_in_timeout (ThredoThread  *thread,
                  gpointer       duration,
                  GError       **error)
{
  g_autoptr(ThredoScope) scope = thredo_scope_new_with_timeout (*(GTimeSpan *) duration);
  G_GNUC_UNUSED g_autoptr(ThredoScopeGuard) guard = thredo_scope_guard_new (scope);

  g_assert_cmpint (thredo_scope_get_deadline (scope), ==, THREDO_NO_DEADLINE);
  return thredo_sleep (SUPPORT_FOREVER, NULL, error);
}

static void
test_enormous_durations (void)
{
  GTimeSpan durations[] = { G_MAXINT64, G_MAXINT64 - 1, G_MAXINT64 - 1000 };

  for (gsize i = 0; i < G_N_ELEMENTS (durations); i++)
    {
      g_autoptr(ThredoThread) sleeper = spawn ("sleeper", sleep_for, &durations[i]);
      g_autoptr(ThredoThread) scoped = spawn ("scoped", sleep_in_timeout, &durations[i]);

      support_wait_for_state (sleeper, THREDO_THREAD_STATE_WAITING);
      support_wait_for_state (scoped, THREDO_THREAD_STATE_WAITING);
      support_cancel_and_join (sleeper);
      support_cancel_and_join (scoped);
    }
}

/* Scopes. */

static void
test_scope_entered_twice (void)
{
  g_autoptr(ThredoScope) scope = thredo_scope_new ();
  GCancellable *own = thredo_thread_get_cancellable (thredo_thread_self ());
  g_autoptr(GError) error = NULL;

  thredo_scope_enter (scope);
  expect_critical ("*");
  thredo_scope_enter (scope);
  g_test_assert_expected_messages ();

  /* Once entered, once left. */
  thredo_scope_leave (scope);
  g_assert_true (thredo_get_cancellable () == own);
  thredo_scope_cancel (scope);
  thredo_sleep (1, NULL, &error);
  g_assert_no_error (error);
}

static void
test_scope_left_twice (void)
{
  g_autoptr(ThredoScope) outer = thredo_scope_new ();
  g_autoptr(ThredoScope) scope = thredo_scope_new ();

  expect_critical ("*");
  thredo_scope_leave (scope);
  g_test_assert_expected_messages ();

  thredo_scope_enter (outer);
  thredo_scope_enter (scope);
  thredo_scope_leave (scope);
  expect_critical ("*");
  thredo_scope_leave (scope);
  g_test_assert_expected_messages ();
  g_assert_true (thredo_get_cancellable () == thredo_scope_get_cancellable (outer));
  thredo_scope_leave (outer);
}

static gboolean
leave_scope_of_other (ThredoThread  *thread,
                      gpointer       scope,
                      GError       **error)
{
  thredo_scope_leave (scope);
  return TRUE;
}

static gboolean
enter_scope_of_other (ThredoThread  *thread,
                      gpointer       scope,
                      GError       **error)
{
  thredo_scope_enter (scope);
  g_assert_true (thredo_get_cancellable () == thredo_thread_get_cancellable (thread));
  return TRUE;
}

static void
test_scope_of_other_thread (void)
{
  const ThredoThreadFunc funcs[] = { leave_scope_of_other, enter_scope_of_other };
  g_autoptr(ThredoScope) scope = thredo_scope_new ();
  g_autoptr(GError) error = NULL;

  thredo_scope_enter (scope);
  for (gsize i = 0; i < G_N_ELEMENTS (funcs); i++)
    {
      g_autoptr(ThredoThread) thread = NULL;

      expect_critical ("*");
      thread = spawn ("t", funcs[i], scope);
      support_join_ok (thread);
      g_test_assert_expected_messages ();
    }

  /* It is still ours. */
  thredo_scope_cancel (scope);
  g_assert_false (thredo_sleep (0, NULL, &error));
  support_assert_cancelled (&error);
  thredo_scope_leave (scope);
  thredo_sleep (0, NULL, &error);
  g_assert_no_error (error);
}

static void
test_scope_out_of_order (void)
{
  g_autoptr(ThredoScope) outer = thredo_scope_new ();
  g_autoptr(ThredoScope) inner = thredo_scope_new ();
  g_autoptr(GError) error = NULL;

  thredo_scope_enter (outer);
  thredo_scope_enter (inner);
  expect_critical ("*");
  thredo_scope_leave (outer);
  g_test_assert_expected_messages ();

  g_assert_true (thredo_get_cancellable () == thredo_scope_get_cancellable (inner));
  thredo_scope_cancel (outer);
  g_assert_false (thredo_sleep (0, NULL, &error));
  support_assert_cancelled (&error);
  thredo_scope_leave (inner);
  thredo_scope_leave (outer);
  thredo_sleep (0, NULL, &error);
  g_assert_no_error (error);
}

/* Blocking where one must not, and where one should not. */

typedef struct _Blocker Blocker;

struct _Blocker
{
  ThredoQueue *empty;
  ThredoQueue *full;
  ThredoThread *thread;
  ThredoGroup *group;
  ThredoThread *member;
  Owner owners[2];
  ThredoLock *lock;
  ThredoRLock *rlock;
  ThredoSemaphore *semaphore;
  ThredoEvent *event;
  ThredoCondition *condition;
  ThredoBarrier *barrier;
  ThredoScope *scope;
  const char *call;
  gboolean (*block) (Blocker  *blocker,
                     GError  **error);
  gboolean twice;
  gboolean done;
};

static gboolean
block_sleep (Blocker  *blocker,
             GError  **error)
{
  return thredo_sleep (SUPPORT_FOREVER, NULL, error);
}

static gboolean
block_get (Blocker  *blocker,
           GError  **error)
{
  g_auto(GValue) item = G_VALUE_INIT;

  return thredo_queue_get (blocker->empty, &item, NULL, error);
}

static gboolean
block_get_pointer (Blocker  *blocker,
                   GError  **error)
{
  return thredo_queue_get_pointer (blocker->empty, NULL, error) != NULL;
}

static gboolean
block_put (Blocker  *blocker,
           GError  **error)
{
  g_auto(GValue) item = G_VALUE_INIT;

  g_value_init (&item, G_TYPE_INT);
  return thredo_queue_put (blocker->full, &item, NULL, error);
}

static gboolean
block_put_pointer (Blocker  *blocker,
                   GError  **error)
{
  return thredo_queue_put_pointer (blocker->full, blocker, NULL, error);
}

static gboolean
block_queue_join (Blocker  *blocker,
                  GError  **error)
{
  return thredo_queue_join (blocker->full, NULL, error);
}

static gboolean
block_thread_join (Blocker  *blocker,
                   GError  **error)
{
  return thredo_thread_join (blocker->thread, NULL, error);
}

static gboolean
block_thread_wait (Blocker  *blocker,
                   GError  **error)
{
  return thredo_thread_wait (blocker->thread, NULL, error);
}

static gboolean
block_next_done (Blocker  *blocker,
                 GError  **error)
{
  return thredo_group_next_done (blocker->group, NULL, error) != NULL;
}

static gboolean
block_next_result (Blocker  *blocker,
                   GError  **error)
{
  g_auto(GValue) result = G_VALUE_INIT;

  return thredo_group_next_result (blocker->group, &result, NULL, error);
}

static gboolean
block_group_join (Blocker  *blocker,
                  GError  **error)
{
  return thredo_group_join (blocker->group, NULL, error);
}

static gboolean
block_lock (Blocker  *blocker,
            GError  **error)
{
  return thredo_lock_acquire (blocker->lock, NULL, error);
}

static gboolean
block_rlock (Blocker  *blocker,
             GError  **error)
{
  return thredo_rlock_acquire (blocker->rlock, NULL, error);
}

static gboolean
block_lockable (Blocker  *blocker,
                GError  **error)
{
  return thredo_lockable_acquire (THREDO_LOCKABLE (blocker->lock), NULL, error);
}

static gboolean
block_lock_guard (Blocker  *blocker,
                  GError  **error)
{
  g_autoptr(ThredoLockGuard) guard = NULL;

  guard = thredo_lock_guard_new (THREDO_LOCKABLE (blocker->rlock), NULL, error);
  return guard != NULL;
}

static gboolean
block_semaphore (Blocker  *blocker,
                 GError  **error)
{
  return thredo_semaphore_acquire (blocker->semaphore, NULL, error);
}

static gboolean
block_semaphore_guard (Blocker  *blocker,
                       GError  **error)
{
  g_autoptr(ThredoSemaphoreGuard) guard = NULL;

  guard = thredo_semaphore_guard_new (blocker->semaphore, NULL, error);
  return guard != NULL;
}

static gboolean
block_event (Blocker  *blocker,
             GError  **error)
{
  return thredo_event_wait (blocker->event, NULL, error);
}

static gboolean
says_no (ThredoCondition *condition,
         gpointer         user_data)
{
  return FALSE;
}

static gboolean
says_yes (ThredoCondition *condition,
          gpointer         user_data)
{
  return TRUE;
}

/* The lock is the caller's before and after. */
static gboolean
block_condition (Blocker  *blocker,
                 GError  **error)
{
  gpointer lock = thredo_condition_get_lockable (blocker->condition);
  gboolean happened;

  g_assert_true (thredo_lockable_try_acquire (lock));
  happened = thredo_condition_wait (blocker->condition, NULL, error);
  release (lock);
  return happened;
}

static gboolean
block_condition_for (Blocker  *blocker,
                     GError  **error)
{
  gpointer lock = thredo_condition_get_lockable (blocker->condition);
  gboolean happened;

  g_assert_true (thredo_lockable_try_acquire (lock));
  happened = thredo_condition_wait_for (blocker->condition, says_no, NULL, NULL, error);
  release (lock);
  return happened;
}

static gboolean
block_barrier (Blocker  *blocker,
               GError  **error)
{
  thredo_barrier_reset (blocker->barrier);
  return thredo_barrier_wait (blocker->barrier, NULL, NULL, error);
}

static const struct
{
  const char *call;
  gboolean (*block) (Blocker  *blocker,
                     GError  **error);
} blocking_calls[] = {
  { "thredo_sleep", block_sleep },
  { "thredo_queue_get", block_get },
  { "thredo_queue_put", block_put },
  { "thredo_queue_join", block_queue_join },
  { "thredo_thread_join", block_thread_join },
  { "thredo_thread_wait", block_thread_wait },
  { "thredo_group_next_done", block_next_done },
  { "thredo_group_join", block_group_join },
  { "thredo_lock_acquire", block_lock },
  { "thredo_rlock_acquire", block_rlock },
  { "thredo_semaphore_acquire", block_semaphore },
  { "thredo_event_wait", block_event },
  { "thredo_condition_wait", block_condition },
  { "thredo_condition_wait_for", block_condition_for },
  { "thredo_barrier_wait", block_barrier },
  /* These warn under the name of what they stand on. */
  { "thredo_queue_get_pointer", block_get_pointer },
  { "thredo_queue_put_pointer", block_put_pointer },
  { "thredo_group_next_result", block_next_result },
  { "thredo_lockable_acquire", block_lockable },
  { "thredo_lock_guard_new", block_lock_guard },
  { "thredo_semaphore_guard_new", block_semaphore_guard },
};

#define N_WARNING_CALLS 15

static void
blocker_init (Blocker *blocker)
{
  g_autoptr(GError) error = NULL;

  *blocker = (Blocker) { .empty = thredo_queue_new (0) };
  blocker->full = thredo_queue_new (1);
  put_int (blocker->full, 0);
  blocker->thread = spawn ("t", support_sleep_forever, NULL);
  blocker->group = thredo_group_new (THREDO_GROUP_WAIT_ALL);
  blocker->member = thredo_group_spawn (blocker->group, "m", support_sleep_forever, NULL, NULL,
                                        &error);
  g_assert_no_error (error);
  blocker->lock = lock_new ("l");
  blocker->rlock = rlock_new ("r");
  owner_init (&blocker->owners[0], blocker->lock);
  owner_init (&blocker->owners[1], blocker->rlock);
  blocker->semaphore = thredo_semaphore_new (0);
  blocker->event = thredo_event_new ();
  blocker->condition = thredo_condition_new (NULL);
  blocker->barrier = thredo_barrier_new (2);
  blocker->scope = thredo_scope_new ();
}

static void
blocker_clear (Blocker *blocker)
{
  support_cancel_and_join (blocker->thread);
  g_object_unref (blocker->empty);
  g_object_unref (blocker->full);
  g_object_unref (blocker->thread);
  g_object_unref (blocker->group);
  g_object_unref (blocker->member);
  owner_clear (&blocker->owners[0]);
  owner_clear (&blocker->owners[1]);
  assert_free (blocker->lock);
  assert_free (blocker->rlock);
  assert_free (thredo_condition_get_lockable (blocker->condition));
  g_object_unref (blocker->lock);
  g_object_unref (blocker->rlock);
  g_object_unref (blocker->semaphore);
  g_object_unref (blocker->event);
  g_object_unref (blocker->condition);
  g_object_unref (blocker->barrier);
  g_object_unref (blocker->scope);
}

static gboolean
block_on_loop (gpointer user_data)
{
  Blocker *blocker = user_data;
  g_autoptr(GError) error = NULL;

  for (gsize i = 0; i < G_N_ELEMENTS (blocking_calls); i++)
    {
      g_test_message ("%s", blocking_calls[i].call);
      g_assert_false (blocking_calls[i].block (blocker, &error));
      support_assert_error (&error, THREDO_ERROR, THREDO_ERROR_LOOP_THREAD);
    }
  g_atomic_int_set (&blocker->done, TRUE);
  return G_SOURCE_REMOVE;
}

static void
test_block_on_loop (void)
{
  Blocker blocker;
  g_autoptr(GSource) idle = g_idle_source_new ();
  g_autoptr(GError) error = NULL;

  blocker_init (&blocker);
  g_source_set_callback (idle, block_on_loop, &blocker, NULL);
  g_source_attach (idle, thredo_get_main_context ());
  support_wait_for_int (&blocker.done, TRUE);

  /* A join that was refused did not happen. */
  g_assert_false (thredo_thread_is_cancelled (blocker.member));
  g_assert_true (thredo_thread_is_alive (blocker.member));
  thredo_group_cancel (blocker.group);
  thredo_group_join (blocker.group, NULL, &error);
  g_assert_no_error (error);
  blocker_clear (&blocker);
}

static gpointer
cancel_when_waiting (gpointer user_data)
{
  gpointer *shared = user_data;

  support_wait_for_state (shared[0], THREDO_THREAD_STATE_WAITING);
  thredo_scope_cancel (shared[1]);
  return NULL;
}

static gboolean
block_in_callback (gpointer user_data)
{
  Blocker *blocker = user_data;

  for (int i = 0; i < 2; i++)
    {
      g_autoptr(ThredoScope) scope = thredo_scope_new ();
      gpointer shared[] = { thredo_thread_self (), scope };
      g_autoptr(GError) error = NULL;
      GThread *canceller;

      canceller = g_thread_new ("canceller", cancel_when_waiting, shared);
      thredo_scope_enter (scope);
      g_assert_false (blocker->block (blocker, &error));
      support_assert_cancelled (&error);
      thredo_scope_leave (scope);
      g_thread_join (canceller);

      /* A group is joined once. */
      if (blocker->block == block_group_join)
        break;
    }
  g_atomic_int_set (&blocker->done, TRUE);
  return G_SOURCE_REMOVE;
}

static void
test_block_in_callback (gconstpointer index)
{
  g_autofree char *pattern = NULL;
  Blocker blocker;

  blocker_init (&blocker);
  blocker.block = blocking_calls[GPOINTER_TO_INT (index)].block;
  pattern = g_strdup_printf ("*%s()*main loop*", blocking_calls[GPOINTER_TO_INT (index)].call);

  /* One warning, for two times. */
  g_test_expect_message ("Thredo", G_LOG_LEVEL_WARNING, pattern);
  g_idle_add (block_in_callback, &blocker);
  support_iterate_until (&blocker.done);
  g_test_assert_expected_messages ();

  if (blocker.block != block_group_join)
    {
      thredo_group_cancel (blocker.group);
      thredo_group_join (blocker.group, NULL, NULL);
    }
  blocker_clear (&blocker);
}

static gboolean
do_not_block_in_callback (gpointer user_data)
{
  Blocker *blocker = user_data;
  g_autoptr(ThredoQueue) done = thredo_queue_new (0);
  g_autoptr(ThredoThread) ended = spawn ("ended", support_return_true, NULL);
  g_autoptr(ThredoThread) next = NULL;
  g_autoptr(ThredoGroup) group = thredo_group_new (THREDO_GROUP_WAIT_ALL);
  g_autoptr(ThredoLock) lock = lock_new ("free");
  g_autoptr(ThredoRLock) rlock = rlock_new ("free");
  g_autoptr(ThredoCondition) condition = thredo_condition_new (THREDO_LOCKABLE (rlock));
  g_autoptr(ThredoBarrier) alone = thredo_barrier_new (1);
  g_autoptr(GError) error = NULL;

  support_wait_for_state (ended, THREDO_THREAD_STATE_FINISHED);

  /* Nothing of this has to wait. */
  put_int (blocker->empty, 1);
  g_assert_true (block_get (blocker, &error));
  g_assert_no_error (error);
  take_int (blocker->full);
  g_assert_true (block_put (blocker, &error));
  g_assert_no_error (error);
  g_assert_true (thredo_queue_join (done, NULL, &error));
  g_assert_no_error (error);
  g_assert_true (thredo_thread_wait (ended, NULL, &error));
  g_assert_no_error (error);
  g_assert_true (thredo_group_add (group, ended, &error));
  g_assert_no_error (error);
  next = thredo_group_next_done (group, NULL, &error);
  g_assert_no_error (error);
  g_assert_true (next == ended);
  g_assert_true (thredo_thread_join (ended, NULL, &error));
  g_assert_no_error (error);
  g_assert_true (thredo_group_join (group, NULL, &error));
  g_assert_no_error (error);
  acquire (lock);
  release (lock);
  acquire (rlock);
  acquire (rlock);
  release (rlock);
  g_assert_true (thredo_condition_wait_for (condition, says_yes, NULL, NULL, &error));
  g_assert_no_error (error);
  release (rlock);
  g_assert_true (thredo_semaphore_release (blocker->semaphore, &error));
  g_assert_no_error (error);
  g_assert_true (block_semaphore (blocker, &error));
  g_assert_no_error (error);
  thredo_event_set (blocker->event);
  g_assert_true (block_event (blocker, &error));
  g_assert_no_error (error);
  g_assert_true (thredo_barrier_wait (alone, NULL, NULL, &error));
  g_assert_no_error (error);
  blocker->done = TRUE;
  return G_SOURCE_REMOVE;
}

static gboolean
block_on_own_context (ThredoThread  *thread,
                      gpointer       user_data,
                      GError       **error)
{
  g_autoptr(GMainContext) context = g_main_context_new ();
  g_autoptr(GSource) idle = g_idle_source_new ();
  Blocker blocker;

  /* A worker's own context is nobody's user interface. */
  g_main_context_push_thread_default (context);
  blocker_init (&blocker);
  blocker.block = block_sleep;
  g_source_set_callback (idle, block_in_callback, &blocker, NULL);
  g_source_attach (idle, context);
  support_iterate_until (&blocker.done);
  thredo_group_cancel (blocker.group);
  thredo_group_join (blocker.group, NULL, NULL);
  blocker_clear (&blocker);
  g_main_context_pop_thread_default (context);
  return TRUE;
}

static void
test_no_warning (void)
{
  g_autoptr(ThredoThread) thread = NULL;
  Blocker blocker;

  if (!g_test_subprocess ())
    {
      g_test_trap_subprocess (NULL, 0, G_TEST_SUBPROCESS_INHERIT_STDERR);
      g_test_trap_assert_passed ();
      return;
    }

  /* A warning would be fatal. */
  blocker_init (&blocker);
  g_idle_add (do_not_block_in_callback, &blocker);
  support_iterate_until (&blocker.done);
  thredo_group_cancel (blocker.group);
  thredo_group_join (blocker.group, NULL, NULL);
  blocker_clear (&blocker);

  thread = spawn ("t", block_on_own_context, NULL);
  support_join_ok (thread);
}

static void
block_in_log_handler (const char     *log_domain,
                      GLogLevelFlags  log_level,
                      const char     *message,
                      gpointer        n_logged)
{
  g_autoptr(GError) error = NULL;

  thredo_sleep (1000, NULL, &error);
  g_assert_no_error (error);
  g_atomic_int_inc ((int *) n_logged);
}

static gboolean
put_when_got (ThredoThread  *thread,
              gpointer       user_data,
              GError       **error)
{
  gpointer *shared = user_data;

  support_wait_for_wait (shared[0], "get on Queue 'empty'");
  put_int (shared[1], 7);
  return TRUE;
}

static gboolean
get_with_log_handler (gpointer done)
{
  g_autoptr(ThredoQueue) queue = thredo_queue_new (0);
  g_autoptr(ThredoThread) putter = NULL;
  g_auto(GValue) item = G_VALUE_INIT;
  g_autoptr(GError) error = NULL;
  gpointer shared[] = { thredo_thread_self (), queue };
  int n_logged = 0;

  /* The handler's own call has been warned of. */
  thredo_sleep (1000, NULL, &error);
  g_assert_no_error (error);
  g_log_set_default_handler (block_in_log_handler, &n_logged);

  thredo_queue_set_name (queue, "empty");
  putter = spawn ("putter", put_when_got, shared);
  thredo_queue_get (queue, &item, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpint (n_logged, ==, 1);
  g_assert_cmpint (g_value_get_int (&item), ==, 7);
  support_join_ok (putter);
  *(gboolean *) done = TRUE;
  return G_SOURCE_REMOVE;
}

/* The warning comes before the wait, which its handler's does not disturb. */
static void
test_log_handler_that_blocks (void)
{
  gboolean done = FALSE;

  if (!g_test_subprocess ())
    {
      g_test_trap_subprocess (NULL, 0, G_TEST_SUBPROCESS_INHERIT_STDERR);
      g_test_trap_assert_passed ();
      return;
    }

  g_log_set_always_fatal (G_LOG_FATAL_MASK);
  g_idle_add (get_with_log_handler, &done);
  support_iterate_until (&done);
}

/* Not an object at all. */

static void
test_null (void)
{
  g_auto(GValue) value = G_VALUE_INIT;

#define ASSERT_CRITICAL(function, ...) \
  G_STMT_START \
  { \
    expect_critical ("*" #function "*assertion*failed*"); \
    function (__VA_ARGS__); \
    g_test_assert_expected_messages (); \
  } \
  G_STMT_END

  ASSERT_CRITICAL (thredo_thread_spawn, "t", NULL, NULL, NULL, NULL);
  ASSERT_CRITICAL (thredo_thread_start, NULL, NULL);
  ASSERT_CRITICAL (thredo_thread_join, NULL, NULL, NULL);
  ASSERT_CRITICAL (thredo_thread_wait, NULL, NULL, NULL);
  ASSERT_CRITICAL (thredo_thread_cancel, NULL);
  ASSERT_CRITICAL (thredo_thread_get_state, NULL);
  ASSERT_CRITICAL (thredo_thread_get_name, NULL);
  ASSERT_CRITICAL (thredo_group_spawn, NULL, "t", support_return_true, NULL, NULL, NULL);
  ASSERT_CRITICAL (thredo_group_add, NULL, NULL, NULL);
  ASSERT_CRITICAL (thredo_group_join, NULL, NULL, NULL);
  ASSERT_CRITICAL (thredo_group_next_done, NULL, NULL, NULL);
  ASSERT_CRITICAL (thredo_group_cancel, NULL);
  ASSERT_CRITICAL (thredo_scope_enter, NULL);
  ASSERT_CRITICAL (thredo_scope_leave, NULL);
  ASSERT_CRITICAL (thredo_scope_cancel, NULL);
  ASSERT_CRITICAL (thredo_queue_put, NULL, &value, NULL, NULL);
  ASSERT_CRITICAL (thredo_queue_get, NULL, &value, NULL, NULL);
  ASSERT_CRITICAL (thredo_queue_task_done, NULL, NULL);
  ASSERT_CRITICAL (thredo_queue_join, NULL, NULL, NULL);
  ASSERT_CRITICAL (thredo_queue_close, NULL);
  ASSERT_CRITICAL (thredo_run, THREDO_RUN_DEFAULT, NULL, NULL, NULL, NULL);
}

/* Nothing at all, and an object of another type. */
static void
test_not_a_lock (void)
{
  g_autoptr(ThredoQueue) queue = thredo_queue_new (0);
  gpointer objects[] = { NULL, queue };

  for (gsize i = 0; i < G_N_ELEMENTS (objects); i++)
    {
      gpointer object = objects[i];

      ASSERT_CRITICAL (thredo_lockable_acquire, object, NULL, NULL);
      ASSERT_CRITICAL (thredo_lockable_acquire_async, object, NULL, NULL, NULL);
      ASSERT_CRITICAL (thredo_lockable_try_acquire, object);
      ASSERT_CRITICAL (thredo_lockable_release, object, NULL);
      ASSERT_CRITICAL (thredo_lockable_is_owned, object);
      ASSERT_CRITICAL (thredo_lockable_release_all, object);
      ASSERT_CRITICAL (thredo_lockable_reacquire, object, 1);
      ASSERT_CRITICAL (thredo_lockable_reacquire_async, object, 1, NULL, NULL);
      ASSERT_CRITICAL (thredo_lock_acquire, object, NULL, NULL);
      ASSERT_CRITICAL (thredo_lock_acquire_async, object, NULL, NULL, NULL);
      ASSERT_CRITICAL (thredo_lock_try_acquire, object);
      ASSERT_CRITICAL (thredo_lock_release, object, NULL);
      ASSERT_CRITICAL (thredo_lock_is_locked, object);
      ASSERT_CRITICAL (thredo_lock_get_owner, object);
      ASSERT_CRITICAL (thredo_lock_get_abandoned, object);
      ASSERT_CRITICAL (thredo_lock_get_name, object);
      ASSERT_CRITICAL (thredo_lock_set_name, object, "x");
      ASSERT_CRITICAL (thredo_rlock_acquire, object, NULL, NULL);
      ASSERT_CRITICAL (thredo_rlock_acquire_async, object, NULL, NULL, NULL);
      ASSERT_CRITICAL (thredo_rlock_try_acquire, object);
      ASSERT_CRITICAL (thredo_rlock_release, object, NULL);
      ASSERT_CRITICAL (thredo_rlock_is_locked, object);
      ASSERT_CRITICAL (thredo_rlock_get_owner, object);
      ASSERT_CRITICAL (thredo_rlock_get_abandoned, object);
      ASSERT_CRITICAL (thredo_rlock_get_depth, object);
      ASSERT_CRITICAL (thredo_rlock_get_name, object);
      ASSERT_CRITICAL (thredo_rlock_set_name, object, "x");
      ASSERT_CRITICAL (thredo_semaphore_acquire, object, NULL, NULL);
      ASSERT_CRITICAL (thredo_semaphore_acquire_async, object, NULL, NULL, NULL);
      ASSERT_CRITICAL (thredo_semaphore_try_acquire, object);
      ASSERT_CRITICAL (thredo_semaphore_release, object, NULL);
      ASSERT_CRITICAL (thredo_semaphore_release_many, object, 1, NULL);
      ASSERT_CRITICAL (thredo_semaphore_get_value, object);
      ASSERT_CRITICAL (thredo_semaphore_get_name, object);
      ASSERT_CRITICAL (thredo_semaphore_set_name, object, "x");
      ASSERT_CRITICAL (thredo_bounded_semaphore_get_bound, object);
      ASSERT_CRITICAL (thredo_event_set, object);
      ASSERT_CRITICAL (thredo_event_clear, object);
      ASSERT_CRITICAL (thredo_event_is_set, object);
      ASSERT_CRITICAL (thredo_event_wait, object, NULL, NULL);
      ASSERT_CRITICAL (thredo_event_wait_async, object, NULL, NULL, NULL);
      ASSERT_CRITICAL (thredo_event_get_name, object);
      ASSERT_CRITICAL (thredo_event_set_name, object, "x");
      ASSERT_CRITICAL (thredo_condition_wait, object, NULL, NULL);
      ASSERT_CRITICAL (thredo_condition_wait_async, object, NULL, NULL, NULL);
      ASSERT_CRITICAL (thredo_condition_wait_for, object, says_yes, NULL, NULL, NULL);
      ASSERT_CRITICAL (thredo_condition_notify, object, 1, NULL);
      expect_critical ("*thredo_condition_notify*assertion*failed*");
      thredo_condition_notify_all (object, NULL);
      g_test_assert_expected_messages ();
      ASSERT_CRITICAL (thredo_condition_get_lockable, object);
      ASSERT_CRITICAL (thredo_condition_get_n_waiting, object);
      ASSERT_CRITICAL (thredo_condition_get_name, object);
      ASSERT_CRITICAL (thredo_condition_set_name, object, "x");
      ASSERT_CRITICAL (thredo_barrier_wait, object, NULL, NULL, NULL);
      ASSERT_CRITICAL (thredo_barrier_wait_async, object, NULL, NULL, NULL);
      ASSERT_CRITICAL (thredo_barrier_reset, object);
      ASSERT_CRITICAL (thredo_barrier_abort, object);
      ASSERT_CRITICAL (thredo_barrier_is_broken, object);
      ASSERT_CRITICAL (thredo_barrier_get_parties, object);
      ASSERT_CRITICAL (thredo_barrier_get_n_waiting, object);
      ASSERT_CRITICAL (thredo_barrier_get_name, object);
      ASSERT_CRITICAL (thredo_barrier_set_name, object, "x");
      ASSERT_CRITICAL (thredo_deadlock_get_threads, object);
      ASSERT_CRITICAL (thredo_deadlock_get_objects, object);
      ASSERT_CRITICAL (thredo_deadlock_get_description, object);
      ASSERT_CRITICAL (thredo_monitor_snapshot, object);
      ASSERT_CRITICAL (thredo_monitor_find_deadlocks, object);
      ASSERT_CRITICAL (thredo_thread_info_get_thread, object);
      ASSERT_CRITICAL (thredo_thread_info_get_id, object);
      ASSERT_CRITICAL (thredo_thread_info_get_name, object);
      ASSERT_CRITICAL (thredo_thread_info_get_state, object);
      ASSERT_CRITICAL (thredo_thread_info_get_waiting_for, object);
      ASSERT_CRITICAL (thredo_thread_info_get_waiting_since, object);
      ASSERT_CRITICAL (thredo_thread_info_get_n_waits, object);
      ASSERT_CRITICAL (thredo_thread_info_get_held, object);
    }
  ASSERT_CRITICAL (thredo_condition_new, (gpointer) queue);
}

int
main (int    argc,
      char **argv)
{
  support_init (&argc, &argv);

  g_test_add_func ("/bad-input/thread/start-twice", test_start_twice);
  g_test_add_func ("/bad-input/thread/start-running", test_start_running);
  g_test_add_func ("/bad-input/thread/join-oneself", test_join_oneself);
  g_test_add_func ("/bad-input/thread/join-not-started", test_join_not_started);
  g_test_add_func ("/bad-input/thread/false-without-error", test_false_without_error);
  g_test_add_func ("/bad-input/thread/true-with-error", test_true_with_error);
  g_test_add_func ("/bad-input/thread/end-in-scope", test_end_in_scope);
  g_test_add_func ("/bad-input/thread/no-function", test_no_function);
  g_test_add_func ("/bad-input/thread/change-started", test_change_started);
  g_test_add_func ("/bad-input/thread/result-after-end", test_result_after_end);
  g_test_add_func ("/bad-input/thread/stack-size", test_stack_size);
  g_test_add_data_func ("/bad-input/thread/refused-while-joined", NULL, test_refused_while_joined);
  g_test_add_data_func ("/bad-input/group/refused-while-joined", "group",
                        test_refused_while_joined);
  g_test_add_func ("/bad-input/thread/refused", test_threads_refused);
  g_test_add_func ("/bad-input/thread/loop-refused", test_loop_refused);

  g_test_add_func ("/bad-input/group/joined", test_joined_group);
  g_test_add_func ("/bad-input/group/two-groups", test_two_groups);
  g_test_add_func ("/bad-input/group/join-own", test_join_own_group);
  g_test_add_func ("/bad-input/group/start-refused", test_group_start_refused);
  g_test_add_func ("/bad-input/group/pending-refused", test_group_pending_refused);
  g_test_add_func ("/bad-input/group/many-refused", test_group_many_refused);
  g_test_add_func ("/bad-input/group/refused-beside-another", test_group_refused_beside);
  g_test_add_func ("/bad-input/group/dropped", test_group_dropped);

  g_test_add_func ("/bad-input/queue/task-done-too-often", test_task_done_too_often);
  g_test_add_func ("/bad-input/queue/put-closed", test_put_closed);
  g_test_add_func ("/bad-input/queue/get-pointer-of-value", test_get_pointer_of_value);
  g_test_add_func ("/bad-input/queue/put-nothing", test_put_nothing);
  g_test_add_func ("/bad-input/queue/sizes", test_queue_sizes);
  g_test_add_func ("/bad-input/queue/order", test_queue_order);
  g_test_add_func ("/bad-input/queue/dropped", test_queue_dropped);

  g_test_add_func ("/bad-input/lock/release-free", test_release_free);
  g_test_add_func ("/bad-input/lock/release-of-other", test_release_of_other);
  g_test_add_func ("/bad-input/lock/guard", test_guard);
  g_test_add_func ("/bad-input/lock/twice/reported", test_twice_reported);
  g_test_add_func ("/bad-input/lock/twice/refused", test_twice_refused);
  g_test_add_func ("/bad-input/lock/twice/cancelled", test_twice_cancelled);
  g_test_add_func ("/bad-input/lock/twice/shielded", test_twice_shielded);
  g_test_add_func ("/bad-input/lock/twice/tried", test_twice_tried);
  g_test_add_func ("/bad-input/lock/policy/of-environment", test_policy_of_environment);
  g_test_add_func ("/bad-input/lock/policy/none", test_no_policy);
  g_test_add_func ("/bad-input/lock/end-holding", test_end_holding);
  g_test_add_func ("/bad-input/lock/dropped-held", test_dropped_held);
  g_test_add_func ("/bad-input/lock/dropped-waited-for", test_dropped_waited_for);
  g_test_add_func ("/bad-input/lock/without-async", test_lockable_without_async);
  g_test_add_func ("/bad-input/lock/foreign-result", test_foreign_result);

  g_test_add_func ("/bad-input/semaphore/above-bound", test_release_above_bound);
  g_test_add_func ("/bad-input/semaphore/too-many", test_too_many_permits);
  g_test_add_func ("/bad-input/semaphore/none", test_release_none);
  g_test_add_func ("/bad-input/semaphore/too-many-while-waited-for",
                   test_too_many_while_waited_for);

  g_test_add_func ("/bad-input/condition/without-lock", test_condition_without_lock);
  g_test_add_func ("/bad-input/condition/without-predicate", test_wait_for_nothing);
  g_test_add_func ("/bad-input/condition/reacquire-in-cycle", test_reacquire_in_cycle);
  g_test_add_func ("/bad-input/condition/dropped", test_condition_dropped);
  g_test_add_func ("/bad-input/condition/dropped-after-notify",
                   test_condition_dropped_after_notify);
  g_test_add_func ("/bad-input/sync/dropped", test_dropped_others);

  g_test_add_func ("/bad-input/barrier/of-none", test_barrier_of_none);
  g_test_add_func ("/bad-input/barrier/aborted", test_barrier_aborted);
  g_test_add_func ("/bad-input/barrier/action-without-error", test_action_without_error);

  g_test_add_func ("/bad-input/duration/negative", test_negative_durations);
  g_test_add_func ("/bad-input/duration/enormous", test_enormous_durations);

  g_test_add_func ("/bad-input/scope/entered-twice", test_scope_entered_twice);
  g_test_add_func ("/bad-input/scope/left-twice", test_scope_left_twice);
  g_test_add_func ("/bad-input/scope/of-other-thread", test_scope_of_other_thread);
  g_test_add_func ("/bad-input/scope/out-of-order", test_scope_out_of_order);

  g_test_add_func ("/bad-input/block/on-loop", test_block_on_loop);
  for (gsize i = 0; i < N_WARNING_CALLS; i++)
    {
      g_autofree char *path = NULL;

      path = g_strconcat ("/bad-input/block/in-callback/", blocking_calls[i].call, NULL);

      g_test_add_data_func (path, GSIZE_TO_POINTER (i), test_block_in_callback);
    }
  g_test_add_func ("/bad-input/block/no-warning", test_no_warning);
  g_test_add_func ("/bad-input/block/log-handler-that-blocks", test_log_handler_that_blocks);
  g_test_add_func ("/bad-input/null", test_null);
  g_test_add_func ("/bad-input/not-a-lock", test_not_a_lock);

  return g_test_run ();
}
