/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * What a monitor tells of the process besides its threads: queues, locks, how late the loop
 * serves, how threads have ended; and the cancel of what is known by its number.
 */

#include "support.h"

#include <errno.h>
#include <string.h>
#include <sys/wait.h>
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

/* Queues. */

static ThredoQueueInfo *
find_queue (ThredoMonitor *monitor,
            const char    *name)
{
  g_autoptr(GPtrArray) infos = thredo_monitor_list_queues (monitor);
  ThredoQueueInfo *found = NULL;
  guint64 last = 0;

  for (guint i = 0; i < infos->len; i++)
    {
      g_assert_cmpuint (thredo_queue_info_get_id (infos->pdata[i]), >, last);
      last = thredo_queue_info_get_id (infos->pdata[i]);
      if (g_strcmp0 (thredo_queue_info_get_name (infos->pdata[i]), name) == 0)
        g_set_object (&found, infos->pdata[i]);
    }
  return found;
}

static void
assert_queue (ThredoMonitor *monitor,
              const char    *name,
              guint          length,
              guint          n_unfinished,
              guint          n_getters,
              guint          n_putters)
{
  g_autoptr(ThredoQueueInfo) info = find_queue (monitor, name);

  g_assert_nonnull (info);
  g_assert_cmpuint (thredo_queue_info_get_length (info), ==, length);
  g_assert_cmpuint (thredo_queue_info_get_n_unfinished (info), ==, n_unfinished);
  g_assert_cmpuint (thredo_queue_info_get_n_getters (info), ==, n_getters);
  g_assert_cmpuint (thredo_queue_info_get_n_putters (info), ==, n_putters);
}

static gboolean
put_one (ThredoThread  *thread,
         gpointer       queue,
         GError       **error)
{
  return thredo_queue_put_pointer (queue, thread, NULL, error);
}

static gboolean
get_one (ThredoThread  *thread,
         gpointer       queue,
         GError       **error)
{
  return thredo_queue_get_pointer (queue, NULL, error) != NULL;
}

static void
test_queues_depth (void)
{
  g_autoptr(ThredoMonitor) monitor = thredo_monitor_new ();
  g_autoptr(ThredoQueue) queue = thredo_queue_new (2);
  g_autoptr(ThredoThread) putter = NULL;
  g_autoptr(GError) error = NULL;

  thredo_queue_set_name (queue, "depth");
  assert_queue (monitor, "depth", 0, 0, 0, 0);
  thredo_queue_put_pointer (queue, queue, NULL, &error);
  thredo_queue_put_pointer (queue, queue, NULL, &error);
  g_assert_no_error (error);
  assert_queue (monitor, "depth", 2, 2, 0, 0);

  putter = spawn ("putter", put_one, queue);
  support_wait_for_wait (putter, "put on Queue 'depth'");
  assert_queue (monitor, "depth", 2, 2, 0, 1);

  g_assert_true (thredo_queue_get_pointer (queue, NULL, &error) == queue);
  support_join_ok (putter);
  assert_queue (monitor, "depth", 2, 3, 0, 0);
  thredo_queue_task_done (queue, &error);
  g_assert_no_error (error);
  assert_queue (monitor, "depth", 2, 2, 0, 0);
}

static void
test_queues_getters (void)
{
  g_autoptr(ThredoMonitor) monitor = thredo_monitor_new ();
  g_autoptr(ThredoQueue) queue = thredo_queue_new (0);
  g_autoptr(GCancellable) cancellable = g_cancellable_new ();
  g_autoptr(ThredoThread) getter = spawn ("getter", get_one, queue);
  g_autoptr(GAsyncResult) result = NULL;
  g_autoptr(GError) error = NULL;
  GValue item = G_VALUE_INIT;

  thredo_queue_set_name (queue, "getters");
  support_wait_for_wait (getter, "get on Queue 'getters'");
  assert_queue (monitor, "getters", 0, 0, 1, 0);

  /* What waits without a thread stands in the same line. */
  thredo_queue_get_async (queue, cancellable, support_keep_result, &result);
  assert_queue (monitor, "getters", 0, 0, 2, 0);
  g_cancellable_cancel (cancellable);
  support_iterate_until_result (&result);
  g_assert_false (thredo_queue_get_finish (queue, result, &item, &error));
  support_assert_cancelled (&error);
  assert_queue (monitor, "getters", 0, 0, 1, 0);

  thredo_queue_put_pointer (queue, queue, NULL, &error);
  g_assert_no_error (error);
  support_join_ok (getter);
  assert_queue (monitor, "getters", 0, 1, 0, 0);
}

/* What was seen stays as it was, and is the same by getter and by property. */
static void
test_queues_properties (void)
{
  g_autoptr(ThredoMonitor) monitor = thredo_monitor_new ();
  g_autoptr(ThredoQueue) queue = thredo_queue_new_full (THREDO_QUEUE_ORDER_LIFO, 7, NULL);
  g_autoptr(ThredoQueueInfo) before = NULL;
  g_autoptr(ThredoQueueInfo) after = NULL;
  g_autoptr(GError) error = NULL;
  g_autofree char *name = NULL;
  guint length, max_size, n_getters, n_putters;
  guint64 id, n_unfinished;
  ThredoQueueOrder order;
  gboolean closed;

  thredo_queue_set_name (queue, "properties");
  before = find_queue (monitor, "properties");
  thredo_queue_put_pointer (queue, queue, NULL, &error);
  g_assert_no_error (error);
  thredo_queue_close (queue);
  after = find_queue (monitor, "properties");

  g_assert_false (thredo_queue_info_is_closed (before));
  g_assert_cmpuint (thredo_queue_info_get_length (before), ==, 0);
  g_assert_true (thredo_queue_info_is_closed (after));
  g_assert_cmpuint (thredo_queue_info_get_id (before), ==, thredo_queue_info_get_id (after));
  g_assert_cmpuint (thredo_queue_info_get_max_size (after), ==, 7);
  g_assert_cmpint (thredo_queue_info_get_order (after), ==, THREDO_QUEUE_ORDER_LIFO);

  g_object_get (after, "id", &id, "name", &name, "order", &order, "length", &length,
                "max-size", &max_size, "n-unfinished", &n_unfinished, "n-getters", &n_getters,
                "n-putters", &n_putters, "closed", &closed, NULL);
  g_assert_cmpuint (id, ==, thredo_queue_info_get_id (after));
  g_assert_cmpstr (name, ==, "properties");
  g_assert_cmpint (order, ==, THREDO_QUEUE_ORDER_LIFO);
  g_assert_cmpuint (length, ==, 1);
  g_assert_cmpuint (max_size, ==, 7);
  g_assert_cmpuint (n_unfinished, ==, 1);
  g_assert_cmpuint (n_getters, ==, 0);
  g_assert_cmpuint (n_putters, ==, 0);
  g_assert_true (closed);
}

/* A queue is seen as long as it is there. */
static void
test_queues_gone (void)
{
  g_autoptr(ThredoMonitor) monitor = thredo_monitor_new ();
  ThredoQueue *queues[3];
  G_GNUC_UNUSED g_autoptr(ThredoQueueInfo) info = NULL;

  for (guint i = 0; i < 3; i++)
    {
      g_autofree char *name = g_strdup_printf ("gone %u", i);

      queues[i] = thredo_queue_new (0);
      thredo_queue_set_name (queues[i], name);
    }
  g_object_unref (queues[1]);
  g_assert_null (find_queue (monitor, "gone 1"));
  assert_queue (monitor, "gone 0", 0, 0, 0, 0);
  assert_queue (monitor, "gone 2", 0, 0, 0, 0);
  g_object_unref (queues[2]);
  g_assert_null (find_queue (monitor, "gone 2"));
  assert_queue (monitor, "gone 0", 0, 0, 0, 0);
  g_object_unref (queues[0]);
  g_assert_null (find_queue (monitor, "gone 0"));
}

/* A comparison runs with its queue locked, and may drop another queue. */
static int
compare_with_a_queue (const GValue *a,
                      const GValue *b,
                      gpointer      user_data)
{
  G_GNUC_UNUSED g_autoptr(ThredoQueue) other = thredo_queue_new (0);
  guintptr of_a = (guintptr) g_value_get_pointer (a);
  guintptr of_b = (guintptr) g_value_get_pointer (b);

  return (of_a > of_b) - (of_a < of_b);
}

typedef struct
{
  ThredoMonitor *monitor;
  int stop;
  guint n_seen;
} Looker;

static gboolean
look_again_and_again (ThredoThread  *thread,
                      gpointer       user_data,
                      GError       **error)
{
  Looker *looker = user_data;

  do
    {
      g_autoptr(GPtrArray) queues = thredo_monitor_list_queues (looker->monitor);
      g_autoptr(GPtrArray) locks = thredo_monitor_list_locks (looker->monitor);
      g_autoptr(GPtrArray) history = thredo_monitor_get_history (looker->monitor);

      looker->n_seen += queues->len + locks->len + history->len;
    }
  while (!g_atomic_int_get (&looker->stop));
  return TRUE;
}

static void
test_queues_comparison (void)
{
  g_autoptr(ThredoMonitor) monitor = thredo_monitor_new ();
  g_autoptr(ThredoQueue) queue = NULL;
  g_autoptr(ThredoThread) thread = NULL;
  g_autoptr(GError) error = NULL;
  Looker looker = { monitor, 0, 0 };
  guint n = support_rounds (2000);

  queue = thredo_queue_new_priority (0, compare_with_a_queue, NULL, NULL);
  thread = spawn ("looker", look_again_and_again, &looker);
  for (guint i = n; i > 0; i--)
    thredo_queue_put_pointer (queue, GUINT_TO_POINTER (i), NULL, &error);
  for (guint i = 1; i <= n; i++)
    g_assert_true (thredo_queue_get_pointer (queue, NULL, &error) == GUINT_TO_POINTER (i));
  g_assert_no_error (error);
  g_atomic_int_set (&looker.stop, 1);
  support_join_ok (thread);
  g_assert_cmpuint (looker.n_seen, >, 0);
}

/* Queues and locks that come and go, and are used, while somebody looks. */

static gboolean
make_use_and_drop (ThredoThread  *thread,
                   gpointer       shared,
                   GError       **error)
{
  for (guint i = support_rounds (2000); i > 0; i--)
    {
      g_autoptr(ThredoQueue) queue = thredo_queue_new (1);
      g_autoptr(ThredoRLock) lock = thredo_rlock_new ();

      thredo_queue_set_name (queue, "mine");
      thredo_rlock_set_name (lock, "mine");
      if (!thredo_rlock_acquire (lock, NULL, error) ||
          !thredo_lock_acquire (shared, NULL, error) ||
          !thredo_queue_put_pointer (queue, thread, NULL, error) ||
          thredo_queue_get_pointer (queue, NULL, error) != thread ||
          !thredo_queue_task_done (queue, error) ||
          !thredo_lock_release (shared, error) ||
          !thredo_rlock_release (lock, error))
        return FALSE;
    }
  return TRUE;
}

static void
test_churn (void)
{
  g_autoptr(ThredoMonitor) monitor = thredo_monitor_new ();
  g_autoptr(ThredoGroup) group = thredo_group_new (THREDO_GROUP_WAIT_ALL);
  g_autoptr(ThredoLock) shared = thredo_lock_new ();
  g_autoptr(ThredoThread) thread = NULL;
  g_autoptr(GPtrArray) before = thredo_monitor_list_queues (monitor);
  g_autoptr(GPtrArray) after = NULL;
  g_autoptr(GError) error = NULL;
  Looker looker = { monitor, 0, 0 };

  thread = spawn ("looker", look_again_and_again, &looker);
  for (guint i = 0; i < 3; i++)
    g_object_unref (thredo_group_spawn (group, NULL, make_use_and_drop, shared, NULL, &error));
  thredo_group_join (group, NULL, &error);
  g_assert_no_error (error);
  g_atomic_int_set (&looker.stop, 1);
  support_join_ok (thread);
  after = thredo_monitor_list_queues (monitor);
  g_assert_cmpuint (after->len, ==, before->len);
}

/* So many that those who look at them let others in meanwhile: what stays is seen once, and in
 * order. */

#define N_KEPT 1500

typedef guint64 (*GetId) (gpointer info);
typedef const char *(*GetName) (gpointer info);

static void
assert_kept (GPtrArray *infos,
             GetId      get_id,
             GetName    get_name)
{
  guint64 last = 0;
  guint n = 0;

  for (guint i = 0; i < infos->len; i++)
    {
      guint64 id = get_id (infos->pdata[i]);

      g_assert_cmpuint (id, >, last);
      last = id;
      if (g_strcmp0 (get_name (infos->pdata[i]), "kept") == 0)
        n++;
    }
  g_assert_cmpuint (n, ==, N_KEPT);
}

static gboolean
look_for_kept (ThredoThread  *thread,
               gpointer       user_data,
               GError       **error)
{
  Looker *looker = user_data;

  do
    {
      g_autoptr(GPtrArray) queues = thredo_monitor_list_queues (looker->monitor);
      g_autoptr(GPtrArray) locks = thredo_monitor_list_locks (looker->monitor);

      assert_kept (queues, (GetId) thredo_queue_info_get_id, (GetName) thredo_queue_info_get_name);
      assert_kept (locks, (GetId) thredo_lock_info_get_id, (GetName) thredo_lock_info_get_name);
    }
  while (!g_atomic_int_get (&looker->stop));
  return TRUE;
}

static void
test_many (void)
{
  g_autoptr(ThredoMonitor) monitor = thredo_monitor_new ();
  g_autoptr(ThredoGroup) group = thredo_group_new (THREDO_GROUP_WAIT_ALL);
  g_autoptr(GPtrArray) kept = g_ptr_array_new_with_free_func (g_object_unref);
  g_autoptr(ThredoLock) shared = thredo_lock_new ();
  g_autoptr(ThredoThread) thread = NULL;
  g_autoptr(GError) error = NULL;
  Looker looker = { monitor, 0, 0 };

  for (guint i = 0; i < N_KEPT; i++)
    {
      ThredoQueue *queue = thredo_queue_new (0);
      ThredoLock *lock = thredo_lock_new ();

      thredo_queue_set_name (queue, "kept");
      thredo_lock_set_name (lock, "kept");
      g_ptr_array_add (kept, queue);
      g_ptr_array_add (kept, lock);
    }
  thread = spawn ("looker", look_for_kept, &looker);
  for (guint i = 0; i < 2; i++)
    g_object_unref (thredo_group_spawn (group, NULL, make_use_and_drop, shared, NULL, &error));
  thredo_group_join (group, NULL, &error);
  g_assert_no_error (error);
  g_atomic_int_set (&looker.stop, 1);
  support_join_ok (thread);
}

/* Locks. */

static ThredoLockInfo *
find_lock (ThredoMonitor *monitor,
           const char    *name)
{
  g_autoptr(GPtrArray) infos = thredo_monitor_list_locks (monitor);
  ThredoLockInfo *found = NULL;
  guint64 last = 0;

  for (guint i = 0; i < infos->len; i++)
    {
      g_assert_cmpuint (thredo_lock_info_get_id (infos->pdata[i]), >, last);
      last = thredo_lock_info_get_id (infos->pdata[i]);
      if (g_strcmp0 (thredo_lock_info_get_name (infos->pdata[i]), name) == 0)
        g_set_object (&found, infos->pdata[i]);
    }
  return found;
}

static void
assert_lock (ThredoMonitor *monitor,
             const char    *name,
             ThredoThread  *owner,
             guint          n_waiting,
             gboolean       abandoned)
{
  g_autoptr(ThredoLockInfo) info = find_lock (monitor, name);

  g_assert_nonnull (info);
  g_assert_cmpuint (thredo_lock_info_get_owner_id (info), ==,
                    owner != NULL ? thredo_thread_get_id (owner) : 0);
  g_assert_cmpstr (thredo_lock_info_get_owner_name (info), ==,
                   owner != NULL ? thredo_thread_get_name (owner) : NULL);
  g_assert_cmpuint (thredo_lock_info_get_n_waiting (info), ==, n_waiting);
  g_assert_cmpint (thredo_lock_info_is_abandoned (info), ==, abandoned);
}

static gboolean
acquire_and_release (ThredoThread  *thread,
                     gpointer       lock,
                     GError       **error)
{
  return thredo_lock_acquire (lock, NULL, error) && thredo_lock_release (lock, error);
}

/* The second may be NULL: the first alone. */
static void
assert_line (ThredoMonitor *monitor,
             const char    *name,
             ThredoThread  *first,
             ThredoThread  *second)
{
  g_autoptr(GPtrArray) infos = thredo_monitor_list_locks (monitor);

  for (guint i = 0; i < infos->len; i++)
    {
      const guint64 *ids;
      gsize n_ids;

      if (g_strcmp0 (thredo_lock_info_get_name (infos->pdata[i]), name) != 0)
        continue;
      ids = thredo_lock_info_get_waiting_ids (infos->pdata[i], &n_ids);
      g_assert_cmpuint (n_ids, ==, second != NULL ? 2 : 1);
      g_assert_cmpuint (ids[0], ==, thredo_thread_get_id (first));
      if (second != NULL)
        g_assert_cmpuint (ids[1], ==, thredo_thread_get_id (second));
      return;
    }
  g_error ("There is no lock '%s'", name);
}

static void
test_locks_line (void)
{
  g_autoptr(ThredoMonitor) monitor = thredo_monitor_new ();
  g_autoptr(ThredoLock) lock = thredo_lock_new ();
  g_autoptr(ThredoThread) first = NULL;
  g_autoptr(ThredoThread) second = NULL;
  g_autoptr(GAsyncResult) result = NULL;
  g_autoptr(GError) error = NULL;

  thredo_lock_set_name (lock, "line");
  assert_lock (monitor, "line", NULL, 0, FALSE);
  thredo_lock_acquire (lock, NULL, &error);
  g_assert_no_error (error);
  assert_lock (monitor, "line", thredo_thread_self (), 0, FALSE);

  first = spawn ("first", acquire_and_release, lock);
  support_wait_for_wait (first, "acquire on Lock 'line'");
  second = spawn ("second", acquire_and_release, lock);
  support_wait_for_wait (second, "acquire on Lock 'line'");
  assert_lock (monitor, "line", thredo_thread_self (), 2, FALSE);
  assert_line (monitor, "line", first, second);
  thredo_lock_acquire_async (lock, NULL, support_keep_result, &result);
  assert_lock (monitor, "line", thredo_thread_self (), 3, FALSE);
  assert_line (monitor, "line", first, second);

  support_cancel_and_join (first);
  assert_lock (monitor, "line", thredo_thread_self (), 2, FALSE);
  assert_line (monitor, "line", second, NULL);
  thredo_lock_release (lock, &error);
  support_join_ok (second);
  support_iterate_until_result (&result);
  thredo_lock_acquire_finish (lock, result, &error);
  g_assert_no_error (error);
  assert_lock (monitor, "line", thredo_thread_self (), 0, FALSE);
  thredo_lock_release (lock, &error);
  g_assert_no_error (error);
  assert_lock (monitor, "line", NULL, 0, FALSE);
}

static gboolean
acquire_and_end (ThredoThread  *thread,
                 gpointer       lock,
                 GError       **error)
{
  return thredo_lock_acquire (lock, NULL, error);
}

static void
test_locks_abandoned (void)
{
  g_autoptr(ThredoMonitor) monitor = thredo_monitor_new ();
  g_autoptr(ThredoLock) lock = thredo_lock_new ();
  g_autoptr(ThredoThread) thread = NULL;
  g_autoptr(GError) error = NULL;

  thredo_lock_set_name (lock, "left");
  g_test_expect_message ("Thredo", G_LOG_LEVEL_WARNING, "Thread 'careless' ended while it held *");
  thread = spawn ("careless", acquire_and_end, lock);
  support_join_ok (thread);
  g_test_assert_expected_messages ();
  assert_lock (monitor, "left", NULL, 0, TRUE);
  thredo_lock_acquire (lock, NULL, &error);
  assert_lock (monitor, "left", thredo_thread_self (), 0, TRUE);
  thredo_lock_release (lock, &error);
  g_assert_no_error (error);
  assert_lock (monitor, "left", NULL, 0, FALSE);
}

static void
test_locks_properties (void)
{
  g_autoptr(ThredoMonitor) monitor = thredo_monitor_new ();
  g_autoptr(ThredoRLock) lock = thredo_rlock_new ();
  g_autoptr(ThredoLockInfo) info = NULL;
  g_autoptr(GError) error = NULL;
  g_autofree char *name = NULL;
  g_autofree char *noun = NULL;
  g_autofree char *owner_name = NULL;
  guint64 id, owner_id;
  guint n_waiting;
  gboolean abandoned;

  thredo_rlock_set_name (lock, "properties");
  thredo_rlock_acquire (lock, NULL, &error);
  thredo_rlock_acquire (lock, NULL, &error);
  g_assert_no_error (error);
  info = find_lock (monitor, "properties");
  thredo_rlock_release (lock, &error);
  thredo_rlock_release (lock, &error);
  g_assert_no_error (error);
  g_clear_object (&lock);
  g_assert_null (find_lock (monitor, "properties"));

  g_assert_cmpstr (thredo_lock_info_get_noun (info), ==, "RLock");
  g_object_get (info, "id", &id, "name", &name, "noun", &noun, "owner-id", &owner_id,
                "owner-name", &owner_name, "n-waiting", &n_waiting, "abandoned", &abandoned, NULL);
  g_assert_cmpuint (id, ==, thredo_lock_info_get_id (info));
  g_assert_cmpstr (name, ==, "properties");
  g_assert_cmpstr (noun, ==, "RLock");
  g_assert_cmpuint (owner_id, ==, thredo_thread_get_id (thredo_thread_self ()));
  g_assert_cmpstr (owner_name, ==, thredo_thread_get_name (thredo_thread_self ()));
  g_assert_cmpuint (n_waiting, ==, 0);
  g_assert_false (abandoned);
}

/* The loop. */

typedef struct
{
  SupportGate gate;
  int held;
  int passed;
} Hold;

static gboolean
hold_loop (gpointer user_data)
{
  Hold *hold = user_data;

  g_atomic_int_set (&hold->held, 1);
  support_gate_wait (&hold->gate);
  return G_SOURCE_REMOVE;
}

static gboolean
pass (gpointer user_data)
{
  g_atomic_int_set (&((Hold *) user_data)->passed, 1);
  return G_SOURCE_REMOVE;
}

/* Not by g_main_context_invoke(), which calls it here if the loop has only just started. */
static void
run_on_loop (GSourceFunc  func,
             Hold        *hold)
{
  g_autoptr(GSource) source = g_idle_source_new ();

  g_source_set_callback (source, func, hold, NULL);
  g_source_attach (source, thredo_get_main_context ());
}

/* Has the loop's thread stand still, in a source like one of a user's, until it is let go. */
static void
hold_begin (Hold *hold)
{
  *hold = (Hold) { .held = 0 };
  support_gate_init (&hold->gate);
  run_on_loop (hold_loop, hold);
  support_wait_for_int (&hold->held, 1);
}

static void
hold_end (Hold *hold)
{
  support_gate_open (&hold->gate);
  run_on_loop (pass, hold);
  support_wait_for_int (&hold->passed, 1);
  support_gate_clear (&hold->gate);
}

static gboolean
is_late (gpointer monitor)
{
  thredo_monitor_refresh (monitor);
  return thredo_monitor_get_loop_latency (monitor) >= 50 * G_TIME_SPAN_MILLISECOND;
}

static gboolean
is_in_time (gpointer monitor)
{
  thredo_monitor_refresh (monitor);
  return thredo_monitor_get_loop_latency (monitor) < 50 * G_TIME_SPAN_MILLISECOND;
}

static void
count_notify (GObject    *object,
              GParamSpec *pspec,
              gpointer    user_data)
{
  (*(guint *) user_data)++;
}

/* A source that blocks the loop's thread shows, also before it is over. */
static void
test_loop_latency (void)
{
  g_autoptr(ThredoMonitor) monitor = thredo_monitor_new ();
  guint n_notified = 0;
  gint64 latency;
  Hold hold;

  thredo_monitor_set_interval (monitor, 0);
  g_signal_connect (monitor, "notify::loop-latency", G_CALLBACK (count_notify), &n_notified);
  hold_begin (&hold);
  support_wait_for ("the loop to be late", is_late, monitor);
  g_assert_cmpuint (n_notified, >, 0);
  g_object_get (monitor, "loop-latency", &latency, NULL);
  g_assert_cmpint (latency, ==, thredo_monitor_get_loop_latency (monitor));

  hold_end (&hold);
  support_wait_for ("the loop to be in time", is_in_time, monitor);
}

/* A monitor may go while the loop has still to answer it. */
static void
test_loop_unanswered (void)
{
  ThredoMonitor *monitor = thredo_monitor_new ();
  Hold hold;

  thredo_monitor_set_interval (monitor, 0);
  hold_begin (&hold);
  support_wait_for ("the loop to be late", is_late, monitor);
  g_object_unref (monitor);
  hold_end (&hold);

  monitor = thredo_monitor_new ();
  support_wait_for ("the loop to be in time", is_in_time, monitor);
  g_object_unref (monitor);
}

/* How threads end. */

static gboolean
fail (ThredoThread  *thread,
      gpointer       message,
      GError       **error)
{
  g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_FAILED, message);
  return FALSE;
}

static ThredoEndedInfo *
get_last (ThredoMonitor *monitor)
{
  g_autoptr(GPtrArray) history = thredo_monitor_get_history (monitor);

  g_assert_cmpuint (history->len, >, 0);
  return g_object_ref (history->pdata[history->len - 1]);
}

static void
assert_last (ThredoMonitor     *monitor,
             ThredoThread      *thread,
             ThredoThreadState  state,
             const char        *message)
{
  g_autoptr(ThredoEndedInfo) info = get_last (monitor);

  g_assert_cmpuint (thredo_ended_info_get_id (info), ==, thredo_thread_get_id (thread));
  g_assert_cmpstr (thredo_ended_info_get_name (info), ==, thredo_thread_get_name (thread));
  g_assert_cmpint (thredo_ended_info_get_state (info), ==, state);
  g_assert_cmpstr (thredo_ended_info_get_message (info), ==, message);
}

static gpointer
use_library (gpointer thread)
{
  *(ThredoThread **) thread = g_object_ref (thredo_thread_self ());
  return NULL;
}

static void
test_history_ends (void)
{
  g_autoptr(ThredoMonitor) monitor = thredo_monitor_new ();
  g_autoptr(ThredoThread) finished = spawn ("finished", support_return_true, NULL);
  g_autoptr(ThredoThread) failed = NULL;
  g_autoptr(ThredoThread) cancelled = NULL;
  g_autoptr(ThredoThread) foreign = NULL;
  g_autoptr(GError) error = NULL;

  support_join_ok (finished);
  assert_last (monitor, finished, THREDO_THREAD_STATE_FINISHED, NULL);

  failed = spawn ("failed", fail, (gpointer) "No luck");
  g_assert_false (thredo_thread_join (failed, NULL, &error));
  support_assert_error (&error, G_IO_ERROR, G_IO_ERROR_FAILED);
  assert_last (monitor, failed, THREDO_THREAD_STATE_FAILED, "No luck");

  cancelled = spawn ("cancelled", support_sleep_forever, NULL);
  support_cancel_and_join (cancelled);
  assert_last (monitor, cancelled, THREDO_THREAD_STATE_CANCELLED,
               thredo_thread_get_error (cancelled)->message);

  g_thread_join (g_thread_new ("foreign", use_library, &foreign));
  support_wait_for_state (foreign, THREDO_THREAD_STATE_FINISHED);
  assert_last (monitor, foreign, THREDO_THREAD_STATE_FINISHED, NULL);
}

/* One that never ran has ended as well. */
static void
test_history_never_ran (void)
{
  g_autoptr(ThredoMonitor) monitor = thredo_monitor_new ();
  g_autoptr(ThredoGroup) group = thredo_group_new (THREDO_GROUP_WAIT_ALL);
  g_autoptr(ThredoThread) running = NULL;
  g_autoptr(ThredoThread) pending = NULL;
  g_autoptr(GPtrArray) history = NULL;
  g_autoptr(GError) error = NULL;
  guint n_found = 0;

  thredo_group_set_max_running (group, 1);
  running = thredo_group_spawn (group, "running", support_sleep_forever, NULL, NULL, &error);
  pending = thredo_group_spawn (group, "pending", support_sleep_forever, NULL, NULL, &error);
  g_assert_no_error (error);
  thredo_group_cancel (group);
  thredo_group_join (group, NULL, NULL);
  history = thredo_monitor_get_history (monitor);
  for (guint i = 0; i < history->len; i++)
    {
      ThredoEndedInfo *info = history->pdata[i];

      if (thredo_ended_info_get_id (info) != thredo_thread_get_id (pending))
        continue;
      g_assert_cmpint (thredo_ended_info_get_state (info), ==, THREDO_THREAD_STATE_CANCELLED);
      g_assert_cmpint (thredo_ended_info_get_cpu_time (info), ==, 0);
      n_found++;
    }
  g_assert_cmpuint (n_found, ==, 1);
}

/* The last ones, in their order. */
static void
test_history_length (void)
{
  g_autoptr(ThredoMonitor) monitor = thredo_monitor_new ();
  g_autoptr(GPtrArray) history = NULL;
  guint64 serial;
  guint64 ids[200];

  for (guint i = 0; i < G_N_ELEMENTS (ids); i++)
    {
      g_autoptr(ThredoThread) thread = spawn (NULL, support_return_true, NULL);

      ids[i] = thredo_thread_get_id (thread);
      support_join_ok (thread);
    }
  history = thredo_monitor_get_history (monitor);
  g_assert_cmpuint (history->len, ==, 64);
  serial = thredo_ended_info_get_serial (history->pdata[0]);
  for (guint i = 0; i < 64; i++)
    {
      g_assert_cmpuint (thredo_ended_info_get_id (history->pdata[i]), ==, ids[200 - 64 + i]);
      g_assert_cmpuint (thredo_ended_info_get_serial (history->pdata[i]), ==, serial + i);
    }
}

/* Nothing is kept without a monitor, nor what there was before it. */
static void
test_history_without_monitor (void)
{
  g_autoptr(ThredoMonitor) first = NULL;
  g_autoptr(ThredoMonitor) second = NULL;
  g_autoptr(ThredoThread) before = spawn ("before", support_return_true, NULL);
  g_autoptr(ThredoThread) meanwhile = NULL;
  g_autoptr(GPtrArray) history = NULL;
  guint64 serial;
  g_autoptr(ThredoEndedInfo) info = NULL;

  support_join_ok (before);
  first = thredo_monitor_new ();
  history = thredo_monitor_get_history (first);
  g_assert_cmpuint (history->len, ==, 0);

  meanwhile = spawn ("meanwhile", support_return_true, NULL);
  support_join_ok (meanwhile);
  second = thredo_monitor_new ();
  g_clear_object (&first);
  assert_last (second, meanwhile, THREDO_THREAD_STATE_FINISHED, NULL);
  info = get_last (second);
  serial = thredo_ended_info_get_serial (info);

  g_clear_object (&second);
  g_clear_pointer (&history, g_ptr_array_unref);
  first = thredo_monitor_new ();
  history = thredo_monitor_get_history (first);
  g_assert_cmpuint (history->len, ==, 0);

  /* Whoever asks for what is new since then is not misled. */
  g_clear_object (&meanwhile);
  meanwhile = spawn ("later", support_return_true, NULL);
  support_join_ok (meanwhile);
  g_clear_object (&info);
  info = get_last (first);
  g_assert_cmpuint (thredo_ended_info_get_serial (info), >, serial);
}

static gboolean
compute (ThredoThread  *thread,
         gpointer       user_data,
         GError       **error)
{
  while (!g_atomic_int_get ((int *) user_data))
    ;
  return TRUE;
}

static gint64
get_cpu_time (ThredoMonitor *monitor,
              ThredoThread  *thread)
{
  g_autoptr(GPtrArray) infos = thredo_monitor_snapshot (monitor);

  for (guint i = 0; i < infos->len; i++)
    {
      if (thredo_thread_info_get_thread (infos->pdata[i]) == thread)
        return thredo_thread_info_get_cpu_time (infos->pdata[i]);
    }
  g_assert_not_reached ();
}

static void
test_history_properties (void)
{
  g_autoptr(ThredoMonitor) monitor = thredo_monitor_new ();
  g_autoptr(ThredoThread) thread = NULL;
  g_autoptr(ThredoEndedInfo) info = NULL;
  g_autofree char *name = NULL;
  g_autofree char *message = NULL;
  gint64 taken = 0, ended_at, cpu_time, before, after;
  ThredoThreadState state;
  guint64 id, serial;
  int stop = 0;

  thread = spawn ("busy", compute, &stop);
#if !THREDO_PORTABLE
  while (taken < 20 * G_TIME_SPAN_MILLISECOND)
    taken = get_cpu_time (monitor, thread);
#else
  g_assert_cmpint (get_cpu_time (monitor, thread), ==, 0);
#endif
  before = g_get_monotonic_time ();
  g_atomic_int_set (&stop, 1);
  support_join_ok (thread);
  after = g_get_monotonic_time ();

  info = get_last (monitor);
  g_object_get (info, "serial", &serial, "id", &id, "name", &name, "state", &state,
                "message", &message, "ended-at", &ended_at, "cpu-time", &cpu_time, NULL);
  g_assert_cmpuint (serial, ==, thredo_ended_info_get_serial (info));
  g_assert_cmpuint (id, ==, thredo_thread_get_id (thread));
  g_assert_cmpstr (name, ==, "busy");
  g_assert_cmpint (state, ==, THREDO_THREAD_STATE_FINISHED);
  g_assert_null (message);
  g_assert_cmpint (ended_at, ==, thredo_ended_info_get_ended_at (info));
  g_assert_cmpint (ended_at, >=, before);
  g_assert_cmpint (ended_at, <=, after);
  g_assert_cmpint (cpu_time, ==, thredo_ended_info_get_cpu_time (info));
  g_assert_cmpint (cpu_time, >=, taken);
}

/* Cancels. */

static void
test_cancel_thread (void)
{
  g_autoptr(ThredoMonitor) monitor = thredo_monitor_new ();
  g_autoptr(ThredoThread) thread = spawn ("sleeper", support_sleep_forever, NULL);
  g_autoptr(ThredoThread) other = spawn ("other", support_sleep_forever, NULL);
  g_autoptr(GCancellable) cancelled = g_cancellable_new ();
  g_autoptr(GError) error = NULL;
  guint64 id = thredo_thread_get_id (thread);

  g_cancellable_cancel (cancelled);
  g_assert_false (thredo_monitor_cancel_thread (monitor, id, cancelled, &error));
  support_assert_cancelled (&error);
  g_assert_false (thredo_thread_is_cancelled (thread));

  g_assert_true (thredo_monitor_cancel_thread (monitor, id, NULL, &error));
  g_assert_no_error (error);
  support_wait_for_state (thread, THREDO_THREAD_STATE_CANCELLED);
  g_assert_false (thredo_thread_is_cancelled (other));

  g_assert_false (thredo_monitor_cancel_thread (monitor, id, NULL, &error));
  g_assert_nonnull (strstr (error->message, "There is no thread "));
  support_assert_error (&error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND);
  g_assert_false (thredo_monitor_cancel_thread (monitor, 0, NULL, &error));
  support_assert_error (&error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND);
  g_assert_false (thredo_monitor_cancel_thread (monitor, G_MAXUINT64, NULL, NULL));
  support_cancel_and_join (other);
}

static guint64
get_group_id (ThredoMonitor *monitor,
              ThredoThread  *thread)
{
  g_autoptr(GPtrArray) infos = thredo_monitor_snapshot (monitor);

  for (guint i = 0; i < infos->len; i++)
    {
      if (thredo_thread_info_get_thread (infos->pdata[i]) == thread)
        return thredo_thread_info_get_group_id (infos->pdata[i]);
    }
  g_assert_not_reached ();
}

static void
test_cancel_group (void)
{
  g_autoptr(ThredoMonitor) monitor = thredo_monitor_new ();
  g_autoptr(ThredoGroup) group = thredo_group_new (THREDO_GROUP_WAIT_ALL);
  g_autoptr(ThredoGroup) others = thredo_group_new (THREDO_GROUP_WAIT_ALL);
  g_autoptr(GCancellable) cancelled = g_cancellable_new ();
  g_autoptr(ThredoThread) other = NULL;
  g_autoptr(GError) error = NULL;
  ThredoThread *threads[3];
  guint64 id;

  thredo_group_set_max_running (group, 2);
  for (guint i = 0; i < 3; i++)
    threads[i] = thredo_group_spawn (group, NULL, support_sleep_forever, NULL, NULL, &error);
  other = thredo_group_spawn (others, NULL, support_sleep_forever, NULL, NULL, &error);
  g_assert_no_error (error);
  id = get_group_id (monitor, threads[0]);

  g_cancellable_cancel (cancelled);
  g_assert_false (thredo_monitor_cancel_group (monitor, id, cancelled, &error));
  support_assert_cancelled (&error);
  g_assert_false (thredo_group_is_cancelled (group));

  g_assert_true (thredo_monitor_cancel_group (monitor, id, NULL, &error));
  g_assert_no_error (error);
  g_assert_true (thredo_group_is_cancelled (group));
  g_assert_true (thredo_group_join (group, NULL, &error));
  g_assert_no_error (error);
  for (guint i = 0; i < 3; i++)
    {
      g_assert_cmpint (thredo_thread_get_state (threads[i]), ==, THREDO_THREAD_STATE_CANCELLED);
      g_object_unref (threads[i]);
    }
  g_assert_false (thredo_thread_is_cancelled (other));

  g_assert_false (thredo_monitor_cancel_group (monitor, id, NULL, &error));
  g_assert_nonnull (strstr (error->message, "There is no group "));
  support_assert_error (&error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND);
  /* What is in no group is not in a group 0. */
  g_assert_false (thredo_monitor_cancel_group (monitor, 0, NULL, &error));
  support_assert_error (&error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND);
  thredo_group_cancel (others);
  thredo_group_join (others, NULL, NULL);
}

/* A forked child looks, whatever threads that have not come along were doing to the queue. They
 * make and drop no object: GObject's own locks are not for a fork. */

typedef struct
{
  ThredoQueue *queue;
  int n_begun;
} Sharers;

static gboolean
use_shared (ThredoThread  *thread,
            gpointer       user_data,
            GError       **error)
{
  Sharers *sharers = user_data;
  ThredoQueue *queue = sharers->queue;

  g_atomic_int_inc (&sharers->n_begun);
  while (thredo_check_cancelled (NULL, error))
    {
      if (!thredo_queue_put_pointer (queue, thread, NULL, error) ||
          thredo_queue_get_pointer (queue, NULL, error) == NULL ||
          !thredo_queue_task_done (queue, error))
        return FALSE;
    }
  return FALSE;
}

static int
look_in_child (ThredoMonitor *monitor)
{
  g_autoptr(GPtrArray) locks = thredo_monitor_list_locks (monitor);
  g_autoptr(GPtrArray) history = thredo_monitor_get_history (monitor);
  g_autoptr(ThredoQueueInfo) info = find_queue (monitor, "shared");
  g_autoptr(ThredoThread) thread = NULL;

  thredo_monitor_refresh (monitor);
  thread = spawn ("of the child", support_return_true, NULL);
  support_join_ok (thread);
  assert_last (monitor, thread, THREDO_THREAD_STATE_FINISHED, NULL);
  /* Its own loop, and not the parent's, which does not answer. */
  support_wait_for ("the loop to be in time", is_in_time, monitor);
  return info != NULL && locks->len > 0 && history->len > 0 ? 0 : 1;
}

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
test_fork (void)
{
  g_autoptr(ThredoMonitor) monitor = NULL;
  g_autoptr(ThredoQueue) queue = NULL;
  g_autoptr(ThredoLock) lock = NULL;
  g_autoptr(ThredoThread) ended = NULL;
  ThredoThread *threads[2];
  Sharers sharers = { NULL, 0 };
  Hold hold;

  if (reason_not_to_fork () != NULL)
    {
      g_test_skip (reason_not_to_fork ());
      return;
    }

  monitor = thredo_monitor_new ();
  queue = sharers.queue = thredo_queue_new (0);
  lock = thredo_lock_new ();
  thredo_queue_set_name (queue, "shared");
  thredo_monitor_set_interval (monitor, 0);
  ended = spawn ("ended", support_return_true, NULL);
  support_join_ok (ended);
  for (guint i = 0; i < 2; i++)
    threads[i] = spawn ("busy", use_shared, &sharers);

  support_wait_for_int (&sharers.n_begun, 2);
  hold_begin (&hold);
  support_wait_for ("the loop to be late", is_late, monitor);

  for (guint i = 0; i < 20; i++)
    {
      pid_t pid = fork ();
      int status = 0;

      g_assert_cmpint (pid, >=, 0);
      if (pid == 0)
        {
          alarm (60);
          _exit (look_in_child (monitor));
        }
      while (waitpid (pid, &status, 0) < 0)
        g_assert_cmpint (errno, ==, EINTR);
      g_assert_true (WIFEXITED (status));
      g_assert_cmpint (WEXITSTATUS (status), ==, 0);
    }

  hold_end (&hold);
  support_wait_for ("the loop to be in time", is_in_time, monitor);
  for (guint i = 0; i < 2; i++)
    {
      support_cancel_and_join (threads[i]);
      g_object_unref (threads[i]);
    }
}

int
main (int    argc,
      char **argv)
{
  support_init (&argc, &argv);
  thredo_thread_self ();

  g_test_add_func ("/monitor/data/queues/depth", test_queues_depth);
  g_test_add_func ("/monitor/data/queues/getters", test_queues_getters);
  g_test_add_func ("/monitor/data/queues/properties", test_queues_properties);
  g_test_add_func ("/monitor/data/queues/gone", test_queues_gone);
  g_test_add_func ("/monitor/data/queues/comparison", test_queues_comparison);
  g_test_add_func ("/monitor/data/churn", test_churn);
  g_test_add_func ("/monitor/data/many", test_many);
  g_test_add_func ("/monitor/data/locks/line", test_locks_line);
  g_test_add_func ("/monitor/data/locks/abandoned", test_locks_abandoned);
  g_test_add_func ("/monitor/data/locks/properties", test_locks_properties);
  g_test_add_func ("/monitor/data/loop/latency", test_loop_latency);
  g_test_add_func ("/monitor/data/loop/unanswered", test_loop_unanswered);
  g_test_add_func ("/monitor/data/history/ends", test_history_ends);
  g_test_add_func ("/monitor/data/history/never-ran", test_history_never_ran);
  g_test_add_func ("/monitor/data/history/length", test_history_length);
  g_test_add_func ("/monitor/data/history/without-monitor", test_history_without_monitor);
  g_test_add_func ("/monitor/data/history/properties", test_history_properties);
  g_test_add_func ("/monitor/data/cancel/thread", test_cancel_thread);
  g_test_add_func ("/monitor/data/cancel/group", test_cancel_group);
  g_test_add_func ("/monitor/data/fork", test_fork);

  return g_test_run ();
}
