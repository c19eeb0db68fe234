/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The monitor as a list: what a window sees of the threads. */

#include "duel.h"
#include "support.h"

/* A copy that is kept by what the list says of its changes. */
typedef struct
{
  ThredoMonitor *monitor;
  GPtrArray *infos;
  guint n_changes;
  gboolean changed;
} Mirror;

static void
mirror_changed (GListModel *list,
                guint       position,
                guint       n_removed,
                guint       n_added,
                gpointer    user_data)
{
  Mirror *self = user_data;

  g_assert_cmpuint (n_removed + n_added, >, 0);
  g_assert_cmpuint (position + n_removed, <=, self->infos->len);
  if (n_removed > 0)
    g_ptr_array_remove_range (self->infos, position, n_removed);
  for (guint i = 0; i < n_added; i++)
    g_ptr_array_insert (self->infos, (int) (position + i),
                        g_list_model_get_item (list, position + i));
  /* Also in the middle of it. */
  g_assert_cmpuint (g_list_model_get_n_items (list), ==, self->infos->len);
  self->n_changes++;
  self->changed = TRUE;
  thredo_monitor_refresh (self->monitor);
}

static void
mirror_assert_same (Mirror *self)
{
  guint64 last = 0;

  g_assert_cmpuint (g_list_model_get_n_items (G_LIST_MODEL (self->monitor)), ==, self->infos->len);
  for (guint i = 0; i < self->infos->len; i++)
    {
      g_autoptr(ThredoThreadInfo) info = g_list_model_get_item (G_LIST_MODEL (self->monitor), i);

      g_assert_true (info == self->infos->pdata[i]);
      g_assert_cmpuint (thredo_thread_info_get_id (info), >, last);
      last = thredo_thread_info_get_id (info);
    }
  g_assert_null (g_list_model_get_item (G_LIST_MODEL (self->monitor), self->infos->len));
}

static void
mirror_init (Mirror *self)
{
  *self = (Mirror) { .monitor = thredo_monitor_new () };
  self->infos = g_ptr_array_new_with_free_func (g_object_unref);
  for (guint i = 0; i < g_list_model_get_n_items (G_LIST_MODEL (self->monitor)); i++)
    g_ptr_array_add (self->infos, g_list_model_get_item (G_LIST_MODEL (self->monitor), i));
  g_signal_connect (self->monitor, "items-changed", G_CALLBACK (mirror_changed), self);
  mirror_assert_same (self);
}

static void
mirror_clear (Mirror *self)
{
  g_object_add_weak_pointer (G_OBJECT (self->monitor), (gpointer *) &self->monitor);
  g_object_unref (self->monitor);
  g_assert_null (self->monitor);
  g_ptr_array_unref (self->infos);
}

static ThredoThreadInfo *
mirror_find (Mirror       *self,
             ThredoThread *thread)
{
  for (guint i = 0; i < self->infos->len; i++)
    {
      if (thredo_thread_info_get_thread (self->infos->pdata[i]) == thread)
        return self->infos->pdata[i];
    }
  return NULL;
}

/* Threads that come and go at random, most of them between two looks. */
static void
test_changes (void)
{
  g_autoptr(GPtrArray) threads = g_ptr_array_new_with_free_func (g_object_unref);
  g_autoptr(GRand) random = g_rand_new_with_seed ((guint32) g_test_rand_int ());
  Mirror mirror;

  mirror_init (&mirror);
  thredo_monitor_set_interval (mirror.monitor, 0);
  for (guint round = 0; round < 200; round++)
    {
      for (guint i = g_rand_int_range (random, 0, 10); i > 0; i--)
        g_ptr_array_add (threads,
                         thredo_thread_spawn (NULL, support_sleep_forever, NULL, NULL, NULL));
      for (guint i = g_rand_int_range (random, 0, 10); i > 0 && threads->len > 0; i--)
        {
          guint n = g_rand_int_range (random, 0, (int) threads->len);

          support_cancel_and_join (threads->pdata[n]);
          g_ptr_array_remove_index_fast (threads, n);
        }
      thredo_monitor_refresh (mirror.monitor);
      mirror_assert_same (&mirror);
      for (guint i = 0; i < threads->len; i++)
        g_assert_nonnull (mirror_find (&mirror, threads->pdata[i]));
      /* The main thread is one as well. */
      g_assert_cmpuint (mirror.infos->len, ==, threads->len + 1);
    }
  g_assert_cmpuint (mirror.n_changes, >, 100);
  g_ptr_array_foreach (threads, (GFunc) support_cancel_and_join, NULL);
  thredo_monitor_refresh (mirror.monitor);
  mirror_assert_same (&mirror);
  mirror_clear (&mirror);
}

/* Many that begin and end together are one change. */
static void
test_batches (void)
{
  g_autoptr(ThredoGroup) group = thredo_group_new (THREDO_GROUP_WAIT_ALL);
  Mirror mirror;

  mirror_init (&mirror);
  thredo_monitor_set_interval (mirror.monitor, 0);
  for (guint i = 0; i < 100; i++)
    g_object_unref (thredo_group_spawn (group, NULL, support_sleep_forever, NULL, NULL, NULL));
  thredo_monitor_refresh (mirror.monitor);
  g_assert_cmpuint (mirror.n_changes, ==, 1);
  g_assert_cmpuint (mirror.infos->len, ==, 101);
  thredo_group_cancel (group);
  thredo_group_join (group, NULL, NULL);
  thredo_monitor_refresh (mirror.monitor);
  g_assert_cmpuint (mirror.n_changes, ==, 2);
  g_assert_cmpuint (mirror.infos->len, ==, 1);
  mirror_clear (&mirror);
}

/* By itself, in the main context. */
static void
test_interval (void)
{
  g_autoptr(ThredoThread) thread = NULL;
  Mirror mirror;

  mirror_init (&mirror);
  g_assert_cmpint (thredo_monitor_get_interval (mirror.monitor), ==,
                   100 * G_TIME_SPAN_MILLISECOND);
  thread = thredo_thread_spawn (NULL, support_sleep_forever, NULL, NULL, NULL);
  while (!mirror.changed)
    g_main_context_iteration (NULL, TRUE);
  g_assert_nonnull (mirror_find (&mirror, thread));

  g_object_set (mirror.monitor, "interval", (gint64) 1000, NULL);
  mirror.changed = FALSE;
  support_cancel_and_join (thread);
  while (!mirror.changed)
    g_main_context_iteration (NULL, TRUE);
  g_assert_null (mirror_find (&mirror, thread));
  mirror_clear (&mirror);
}

static void
count_notify (GObject    *object,
              GParamSpec *pspec,
              gpointer    user_data)
{
  (*(guint *) user_data)++;
}

/* What stays is the same object, and says what of it has changed, and no more. */
static void
test_properties (void)
{
  g_autoptr(ThredoThread) thread = NULL;
  G_GNUC_UNUSED g_autoptr(ThredoLock) lock = thredo_lock_new ();
  guint n_states = 0, n_names = 0, n_all = 0;
  ThredoThreadInfo *info;
  SupportGate gate;
  Mirror mirror;

  support_gate_init (&gate);
  mirror_init (&mirror);
  thredo_monitor_set_interval (mirror.monitor, 0);
  thread = thredo_thread_spawn ("first", support_wait_at_gate, &gate, NULL, NULL);
  thredo_monitor_refresh (mirror.monitor);
  info = mirror_find (&mirror, thread);
  g_assert_cmpint (thredo_thread_info_get_state (info), ==, THREDO_THREAD_STATE_RUNNING);
  g_assert_false (thredo_thread_info_is_cancelled (info));
  g_signal_connect (info, "notify::state", G_CALLBACK (count_notify), &n_states);
  g_signal_connect (info, "notify::name", G_CALLBACK (count_notify), &n_names);
  g_signal_connect (info, "notify::waiting-for", G_CALLBACK (count_notify), &n_all);

  thredo_monitor_refresh (mirror.monitor);
  g_assert_cmpuint (n_states + n_names + n_all, ==, 0);
  thredo_thread_set_name (thread, "second");
  thredo_thread_cancel (thread);
  thredo_monitor_refresh (mirror.monitor);
  g_assert_true (mirror_find (&mirror, thread) == info);
  g_assert_cmpuint (n_names, ==, 1);
  g_assert_cmpuint (n_states + n_all, ==, 0);
  g_assert_cmpstr (thredo_thread_info_get_name (info), ==, "second");
  g_assert_true (thredo_thread_info_is_cancelled (info));

  support_gate_open (&gate);
  support_join_ok (thread);
  thredo_monitor_refresh (mirror.monitor);
  g_assert_null (mirror_find (&mirror, thread));
  mirror_clear (&mirror);
  support_gate_clear (&gate);
}

/* Groups, shields, daemons. */

typedef struct
{
  ThredoGroup *inner;
  ThredoThread *innermost;
  SupportGate gate;
  int ready;
} Nest;

static gboolean
sleep_in_shield (ThredoThread  *thread,
                 gpointer       user_data,
                 GError       **error)
{
  g_autoptr(ThredoScope) shield = thredo_scope_new_shielded ();
  Nest *nest = user_data;

  thredo_scope_enter (shield);
  nest->innermost = g_object_ref (thread);
  g_atomic_int_set (&nest->ready, 1);
  support_gate_wait (&nest->gate);
  thredo_scope_leave (shield);
  return TRUE;
}

static gboolean
make_inner_group (ThredoThread  *thread,
                  gpointer       user_data,
                  GError       **error)
{
  g_autoptr(ThredoGroup) group = thredo_group_new (THREDO_GROUP_WAIT_ALL);
  g_autoptr(ThredoThread) innermost = NULL;
  Nest *nest = user_data;

  thredo_group_set_name (group, "inner");
  innermost = thredo_group_spawn (group, "innermost", sleep_in_shield, nest, NULL, error);
  return innermost != NULL && thredo_group_join (group, NULL, error);
}

static void
test_nested (void)
{
  g_autoptr(ThredoGroup) outer = thredo_group_new (THREDO_GROUP_WAIT_ALL);
  g_autoptr(ThredoThread) thread = NULL;
  g_autoptr(GError) error = NULL;
  const char *const *path;
  ThredoThreadInfo *info;
  const guint64 *ids;
  guint64 outer_id;
  gsize n_ids;
  Nest nest = { NULL };
  Mirror mirror;

  support_gate_init (&nest.gate);
  mirror_init (&mirror);
  thredo_monitor_set_interval (mirror.monitor, 0);
  thredo_group_set_name (outer, "outer");
  thread = thredo_group_spawn (outer, "maker", make_inner_group, &nest, NULL, &error);
  g_assert_no_error (error);
  support_wait_for_int (&nest.ready, 1);
  thredo_monitor_refresh (mirror.monitor);

  info = mirror_find (&mirror, nest.innermost);
  path = thredo_thread_info_get_group_path (info);
  g_assert_cmpuint (g_strv_length ((char **) path), ==, 2);
  g_assert_cmpstr (path[0], ==, "outer");
  g_assert_cmpstr (path[1], ==, "inner");
  ids = thredo_thread_info_get_group_ids (info, &n_ids);
  g_assert_cmpuint (n_ids, ==, 2);
  g_assert_cmpuint (ids[0], !=, ids[1]);
  g_assert_cmpuint (ids[1], ==, thredo_thread_info_get_group_id (info));
  outer_id = ids[0];
  g_assert_true (thredo_thread_info_is_shielded (info));
  g_assert_false (thredo_thread_info_is_daemon (info));
  info = mirror_find (&mirror, thread);
  path = thredo_thread_info_get_group_path (info);
  g_assert_cmpuint (g_strv_length ((char **) path), ==, 1);
  g_assert_cmpstr (path[0], ==, "outer");
  g_assert_cmpuint (thredo_thread_info_get_group_id (info), ==, outer_id);
  g_assert_false (thredo_thread_info_is_shielded (info));

  support_gate_open (&nest.gate);
  g_assert_true (thredo_group_join (outer, NULL, &error));
  g_assert_no_error (error);
  g_clear_object (&nest.innermost);
  mirror_clear (&mirror);
  support_gate_clear (&nest.gate);
}

typedef struct
{
  ThredoGroup *group;
  SupportGate gate;
} Heirloom;

static gboolean
wait_at_gate (ThredoThread  *thread,
              gpointer       gate,
              GError       **error)
{
  support_gate_wait (gate);
  return TRUE;
}

/* Leaves a group to whoever wants it, and ends. */
static gboolean
leave_group (ThredoThread  *thread,
             gpointer       user_data,
             GError       **error)
{
  Heirloom *heirloom = user_data;

  heirloom->group = thredo_group_new (THREDO_GROUP_WAIT_ALL);
  return TRUE;
}

/* A group that is gone keeps its name for what was made in it; one that has none has a number. */
static void
test_dropped_group (void)
{
  ThredoGroup *outer = thredo_group_new (THREDO_GROUP_WAIT_ALL);
  g_autoptr(ThredoThread) maker = NULL;
  g_autoptr(ThredoThread) thread = NULL;
  g_autofree char *number = NULL;
  g_autoptr(GError) error = NULL;
  const char *const *path;
  Heirloom heirloom = { NULL };
  ThredoThreadInfo *info;
  const guint64 *ids;
  gsize n_ids;
  Mirror mirror;

  support_gate_init (&heirloom.gate);
  mirror_init (&mirror);
  thredo_monitor_set_interval (mirror.monitor, 0);
  thredo_group_set_name (outer, "outer");
  maker = thredo_group_spawn (outer, "maker", leave_group, &heirloom, NULL, &error);
  g_assert_no_error (error);
  g_assert_true (thredo_group_join (outer, NULL, &error));
  g_assert_no_error (error);
  g_object_add_weak_pointer (G_OBJECT (outer), (gpointer *) &outer);
  g_object_unref (outer);
  support_wait_for_finalize ((gpointer *) &outer);

  thread = thredo_group_spawn (heirloom.group, "heir", wait_at_gate, &heirloom.gate, NULL, &error);
  g_assert_no_error (error);
  thredo_monitor_refresh (mirror.monitor);
  info = mirror_find (&mirror, thread);
  path = thredo_thread_info_get_group_path (info);
  ids = thredo_thread_info_get_group_ids (info, &n_ids);
  g_assert_cmpuint (n_ids, ==, 2);
  g_assert_cmpuint (g_strv_length ((char **) path), ==, 2);
  number = g_strdup_printf ("group %" G_GUINT64_FORMAT, ids[1]);
  g_assert_cmpstr (path[0], ==, "outer");
  g_assert_cmpstr (path[1], ==, number);

  support_gate_open (&heirloom.gate);
  g_assert_true (thredo_group_join (heirloom.group, NULL, &error));
  g_assert_no_error (error);
  g_object_unref (heirloom.group);
  mirror_clear (&mirror);
  support_gate_clear (&heirloom.gate);
}

/* Figures. */

typedef struct
{
  int stop;
  ThredoQueue *here;
  ThredoQueue *there;
} Busy;

#if !THREDO_PORTABLE
static gboolean
compute (ThredoThread  *thread,
         gpointer       user_data,
         GError       **error)
{
  while (!g_atomic_int_get ((int *) user_data))
    ;
  return TRUE;
}
#endif

/* The OS thread of one that has computed is given to one that does not: that has taken
 * nothing. */
static void
test_cpu_time (void)
{
#if THREDO_PORTABLE
  g_test_skip ("The portable build does not know");
#else
  g_autoptr(ThredoThread) busy = NULL;
  g_autoptr(ThredoThread) idle = NULL;
  ThredoThreadInfo *info;
  Mirror mirror;
  int stop = 0;
  gint64 taken;

  mirror_init (&mirror);
  thredo_monitor_set_interval (mirror.monitor, 0);
  busy = thredo_thread_spawn ("busy", compute, &stop, NULL, NULL);
  do
    {
      thredo_monitor_refresh (mirror.monitor);
      info = mirror_find (&mirror, busy);
      taken = thredo_thread_info_get_cpu_time (info);
    }
  while (taken < 300 * G_TIME_SPAN_MILLISECOND);
  g_atomic_int_set (&stop, 1);
  support_join_ok (busy);

  idle = thredo_thread_spawn ("idle", support_sleep_forever, NULL, NULL, NULL);
  support_wait_for_state (idle, THREDO_THREAD_STATE_WAITING);
  thredo_monitor_refresh (mirror.monitor);
  g_assert_cmpint (thredo_thread_info_get_cpu_time (mirror_find (&mirror, idle)), <,
                   300 * G_TIME_SPAN_MILLISECOND);
  support_cancel_and_join (idle);
  mirror_clear (&mirror);
#endif
}

static void
test_waits (void)
{
  g_autoptr(ThredoThread) thread = NULL;
  Mirror mirror;

  mirror_init (&mirror);
  thredo_monitor_set_interval (mirror.monitor, 0);
  thredo_monitor_refresh (mirror.monitor);
  g_assert_cmpuint (thredo_monitor_get_n_waiting (mirror.monitor), ==, 0);
  thread = thredo_thread_spawn (NULL, support_sleep_forever, NULL, NULL, NULL);
  support_wait_for_state (thread, THREDO_THREAD_STATE_WAITING);
  thredo_monitor_refresh (mirror.monitor);
  g_assert_cmpuint (thredo_monitor_get_n_waiting (mirror.monitor), ==, 1);
  g_assert_cmpfloat (thredo_monitor_get_waits_per_second (mirror.monitor), >, 0);
  support_cancel_and_join (thread);
  thredo_monitor_refresh (mirror.monitor);
  thredo_monitor_refresh (mirror.monitor);
  g_assert_cmpuint (thredo_monitor_get_n_waiting (mirror.monitor), ==, 0);
  g_assert_cmpfloat (thredo_monitor_get_waits_per_second (mirror.monitor), ==, 0);
  mirror_clear (&mirror);
}

/* The source that a monitor has in its context keeps what keeps the context. */
static void
test_last_of_its_context (void)
{
  for (GTimeSpan interval = 0; interval <= G_TIME_SPAN_HOUR; interval += G_TIME_SPAN_HOUR)
    {
      GMainContext *context = g_main_context_new ();
      ThredoMonitor *monitor;

      g_main_context_push_thread_default (context);
      monitor = thredo_monitor_new ();
      g_main_context_pop_thread_default (context);
      thredo_monitor_set_interval (monitor, interval);
      g_main_context_unref (context);
      g_assert_finalize_object (monitor);
    }
}

/* What it was to be told of is not kept when it goes, and its context. */
static void
test_untold (void)
{
  GMainContext *context = g_main_context_new ();
  ThredoLock *lock = thredo_lock_new ();
  g_autoptr(GError) error = NULL;
  ThredoMonitor *monitor;

  g_main_context_push_thread_default (context);
  monitor = thredo_monitor_new ();
  g_main_context_pop_thread_default (context);

  thredo_set_deadlock_policy (THREDO_DEADLOCK_POLICY_FAIL);
  g_assert_true (thredo_lock_acquire (lock, NULL, NULL));
  g_assert_false (thredo_lock_acquire (lock, NULL, &error));
  support_assert_error (&error, THREDO_ERROR, THREDO_ERROR_DEADLOCK);
  g_assert_true (thredo_lock_release (lock, NULL));
  thredo_set_deadlock_policy (THREDO_DEADLOCK_POLICY_REPORT);

  g_assert_finalize_object (monitor);
  g_main_context_unref (context);
  g_assert_finalize_object (lock);
}

/* --- the last reference elsewhere ------------------------------------------ */

/* A monitor with a wrapper in a language. */
typedef struct
{
  ThredoMonitor *monitor;
  GMainContext *context;
  SupportLanguage language;
  int is_done;
} Wrapped;

static gpointer
run_context (gpointer data)
{
  Wrapped *wrapped = data;

  while (!g_atomic_int_get (&wrapped->is_done))
    g_main_context_iteration (wrapped->context, TRUE);
  return NULL;
}

static void
make_in_context (Wrapped   *wrapped,
                 GTimeSpan  interval)
{
  g_main_context_push_thread_default (wrapped->context);
  wrapped->monitor = thredo_monitor_new ();
  g_main_context_pop_thread_default (wrapped->context);
  thredo_monitor_set_interval (wrapped->monitor, interval);
}

/* Who has the language's lock uses weak references, while a tick waits for it. */
static void
test_toggle (void)
{
  Wrapped wrapped = { .context = g_main_context_new () };
  ThredoMonitor *other = thredo_monitor_new ();
  GThread *runner;
  GWeakRef weak;

  g_mutex_init (&wrapped.language.lock);
  make_in_context (&wrapped, 1);
  g_object_add_toggle_ref (G_OBJECT (wrapped.monitor), support_language_toggled,
                           &wrapped.language);
  g_object_unref (wrapped.monitor);

  g_mutex_lock (&wrapped.language.lock);
  runner = g_thread_new ("runner", run_context, &wrapped);
  support_wait_for_int (&wrapped.language.is_waited_for, TRUE);
  g_weak_ref_init (&weak, other);
  g_assert_finalize_object (other);
  g_weak_ref_clear (&weak);
  g_assert_cmpuint (g_list_model_get_n_items (G_LIST_MODEL (wrapped.monitor)), ==, 1);
  g_mutex_unlock (&wrapped.language.lock);

  g_atomic_int_set (&wrapped.is_done, TRUE);
  g_main_context_wakeup (wrapped.context);
  g_thread_join (runner);
  g_object_add_weak_pointer (G_OBJECT (wrapped.monitor), (gpointer *) &wrapped.monitor);
  g_object_remove_toggle_ref (G_OBJECT (wrapped.monitor), support_language_toggled,
                              &wrapped.language);
  g_assert_null (wrapped.monitor);
  g_main_context_unref (wrapped.context);
  g_mutex_clear (&wrapped.language.lock);
}

typedef struct
{
  Wrapped wrapped;
  int n_finalized;
  guint n_refreshed;
  guint n_seen;
} Drop;

static void
count_refreshed (ThredoMonitor *monitor,
                 guint         *n)
{
  ++*n;
}

static void
drop_prepare (Duel *duel)
{
  Drop *drop = duel->data;

  make_in_context (&drop->wrapped, 1);
  g_object_set_data_full (G_OBJECT (drop->wrapped.monitor), "counter", &drop->n_finalized,
                          support_count_destroy);
  g_signal_connect (drop->wrapped.monitor, "refreshed", G_CALLBACK (count_refreshed),
                    &drop->n_refreshed);
}

static void
drop_wait (Duel *duel)
{
}

static void
drop_tick (Duel *duel)
{
  Drop *drop = duel->data;

  g_main_context_iteration (drop->wrapped.context, FALSE);
}

static void
drop_drop (Duel *duel)
{
  Drop *drop = duel->data;

  g_object_unref (drop->wrapped.monitor);
}

/* It goes once, and whole, whoever was the last to have it. */
static DuelSide
drop_judge (Duel *duel)
{
  Drop *drop = duel->data;
  DuelSide winner = drop->n_refreshed > drop->n_seen ? DUEL_LEFT : DUEL_RIGHT;

  g_assert_cmpint (drop->n_finalized, ==, duel->round + 1);
  g_assert_false (g_main_context_pending (drop->wrapped.context));
  drop->n_seen = drop->n_refreshed;
  return winner;
}

static void
test_dropped_elsewhere (void)
{
  const DuelKind kind = {
    .n_rounds = 20000,
    .prepare = drop_prepare,
    .wait = drop_wait,
    .left = drop_tick,
    .right = drop_drop,
    .judge = drop_judge,
    .never_parks = TRUE,
  };
  Drop drop = { .wrapped.context = g_main_context_new () };

  duel_run (&kind, &drop);
  g_main_context_unref (drop.wrapped.context);
}

int
main (int    argc,
      char **argv)
{
  support_init (&argc, &argv);
  thredo_thread_self ();

  g_test_add_func ("/monitor/list/changes", test_changes);
  g_test_add_func ("/monitor/list/batches", test_batches);
  g_test_add_func ("/monitor/list/interval", test_interval);
  g_test_add_func ("/monitor/list/properties", test_properties);
  g_test_add_func ("/monitor/list/nested", test_nested);
  g_test_add_func ("/monitor/list/dropped-group", test_dropped_group);
  g_test_add_func ("/monitor/list/cpu-time", test_cpu_time);
  g_test_add_func ("/monitor/list/waits", test_waits);
  g_test_add_func ("/monitor/list/last-of-its-context", test_last_of_its_context);
  g_test_add_func ("/monitor/list/untold", test_untold);
  g_test_add_func ("/monitor/list/toggle", test_toggle);
  g_test_add_func ("/monitor/list/dropped-elsewhere", test_dropped_elsewhere);

  return g_test_run ();
}
