/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "duel.h"

#define N_WAITERS 10

/* --- threads that wait once ----------------------------------------------- */

typedef struct
{
  ThredoEvent *event;
  GCancellable *cancellable;
  ThredoScope *scope;
  gboolean ok;
  ThredoThread *thread;
} Use;

static gboolean
wait_once (ThredoThread  *thread,
           gpointer       user_data,
           GError       **error)
{
  Use *use = user_data;
  g_autoptr(ThredoScopeGuard) guard = NULL;

  if (use->scope != NULL)
    guard = thredo_scope_guard_new (use->scope);
  use->ok = thredo_event_wait (use->event, use->cancellable, error);
  g_assert_true (use->ok == (*error == NULL));

  return use->ok;
}

static void
use_start (Use *use)
{
  g_autoptr(GError) error = NULL;

  use->thread = thredo_thread_spawn ("user", wait_once, use, NULL, &error);
  g_assert_no_error (error);
}

static void
use_start_and_park (Use *use)
{
  use_start (use);
  support_wait_for_state (use->thread, THREDO_THREAD_STATE_WAITING);
}

static void
use_end_ok (Use *use)
{
  support_join_ok (use->thread);
  g_assert_true (use->ok);
  g_clear_object (&use->thread);
}

static void
use_end_failed (Use          *use,
                GIOErrorEnum  code)
{
  g_assert_false (thredo_thread_join (use->thread, NULL, NULL));
  g_assert_false (use->ok);
  g_assert_error (thredo_thread_get_error (use->thread), G_IO_ERROR, (int) code);
  g_clear_object (&use->thread);
}

static void
assert_waits_alone (ThredoEvent *event)
{
  g_assert_cmpuint (G_OBJECT (event)->ref_count, ==, 1);
}

/* --- making one ----------------------------------------------------------- */

static void
count_notify (GObject    *object,
              GParamSpec *pspec,
              gpointer    user_data)
{
  int *n_notified = user_data;

  (*n_notified)++;
}

static void
test_new (void)
{
  g_autoptr(ThredoEvent) event = thredo_event_new ();
  g_autofree char *name = NULL;
  int n_notified = 0;

  g_assert_true (THREDO_IS_EVENT (event));
  g_assert_false (thredo_event_is_set (event));
  g_assert_null (thredo_event_get_name (event));

  g_signal_connect (event, "notify::name", G_CALLBACK (count_notify), &n_notified);
  thredo_event_set_name (event, "ready");
  g_assert_cmpstr (thredo_event_get_name (event), ==, "ready");
  g_assert_cmpint (n_notified, ==, 1);
  g_object_get (event, "name", &name, NULL);
  g_assert_cmpstr (name, ==, "ready");
  g_object_set (event, "name", NULL, NULL);
  g_assert_null (thredo_event_get_name (event));
}

static void
test_set_and_clear (void)
{
  g_autoptr(ThredoEvent) event = thredo_event_new ();

  thredo_event_clear (event);
  g_assert_false (thredo_event_is_set (event));
  for (int i = 0; i < 3; i++)
    {
      thredo_event_set (event);
      g_assert_true (thredo_event_is_set (event));
      thredo_event_set (event);
      g_assert_true (thredo_event_is_set (event));
      thredo_event_clear (event);
      g_assert_false (thredo_event_is_set (event));
      thredo_event_clear (event);
      g_assert_false (thredo_event_is_set (event));
    }
}

/* --- waiting -------------------------------------------------------------- */

static void
test_wait_set (void)
{
  g_autoptr(ThredoEvent) event = thredo_event_new ();
  g_autoptr(GCancellable) cancellable = g_cancellable_new ();
  g_autoptr(GError) error = NULL;

  thredo_event_set (event);
  for (int i = 0; i < 3; i++)
    {
      g_assert_true (thredo_event_wait (event, i == 1 ? cancellable : NULL, &error));
      g_assert_no_error (error);
      g_assert_true (thredo_event_is_set (event));
    }
  g_assert_true (thredo_event_wait (event, NULL, NULL));
  assert_waits_alone (event);
}

static void
test_wait (void)
{
  g_autoptr(ThredoEvent) event = thredo_event_new ();
  Use use = { event };

  use_start_and_park (&use);
  thredo_event_set (event);
  use_end_ok (&use);
  assert_waits_alone (event);
}

static void
test_wait_all (void)
{
  g_autoptr(ThredoEvent) event = thredo_event_new ();
  Use uses[N_WAITERS];

  for (int i = 0; i < N_WAITERS; i++)
    {
      uses[i] = (Use) { event };
      use_start_and_park (&uses[i]);
    }
  thredo_event_set (event);
  for (int i = 0; i < N_WAITERS; i++)
    use_end_ok (&uses[i]);
  g_assert_true (thredo_event_is_set (event));
  assert_waits_alone (event);
}

/* Those who waited when it was set go on, though it is clear again. */
static void
test_wait_pulse (void)
{
  g_autoptr(ThredoEvent) event = thredo_event_new ();
  Use uses[N_WAITERS];
  Use late = { event };

  for (int i = 0; i < N_WAITERS; i++)
    {
      uses[i] = (Use) { event };
      use_start_and_park (&uses[i]);
    }
  thredo_event_set (event);
  thredo_event_clear (event);
  use_start_and_park (&late);
  for (int i = 0; i < N_WAITERS; i++)
    use_end_ok (&uses[i]);
  g_assert_cmpint (thredo_thread_get_state (late.thread), ==, THREDO_THREAD_STATE_WAITING);
  thredo_event_set (event);
  use_end_ok (&late);
}

static void
test_wait_ignoring_errors (void)
{
  g_autoptr(ThredoEvent) event = thredo_event_new ();
  g_autoptr(GCancellable) cancellable = g_cancellable_new ();

  g_cancellable_cancel (cancellable);
  g_assert_false (thredo_event_wait (event, cancellable, NULL));
}

static void
test_waiting_for (void)
{
  g_autoptr(ThredoEvent) event = thredo_event_new ();
  Use use = { event };

  use_start (&use);
  support_wait_for_wait (use.thread, "wait on Event");
  thredo_event_set_name (event, "e");
  support_wait_for_wait (use.thread, "wait on Event 'e'");
  thredo_event_set (event);
  use_end_ok (&use);
}

/* --- waits that do not happen --------------------------------------------- */

static void
test_cancelled (void)
{
  g_autoptr(ThredoEvent) event = thredo_event_new ();
  Use uses[N_WAITERS];

  for (int i = 0; i < N_WAITERS; i++)
    {
      uses[i] = (Use) { event };
      use_start_and_park (&uses[i]);
    }
  for (int i = 0; i < N_WAITERS; i += 2)
    {
      thredo_thread_cancel (uses[i].thread);
      use_end_failed (&uses[i], G_IO_ERROR_CANCELLED);
    }
  g_assert_false (thredo_event_is_set (event));
  for (int i = 1; i < N_WAITERS; i += 2)
    g_assert_cmpint (thredo_thread_get_state (uses[i].thread), ==, THREDO_THREAD_STATE_WAITING);
  thredo_event_set (event);
  for (int i = 1; i < N_WAITERS; i += 2)
    use_end_ok (&uses[i]);
  assert_waits_alone (event);
}

static void
test_cancellable (void)
{
  g_autoptr(ThredoEvent) event = thredo_event_new ();
  g_autoptr(GCancellable) cancellable = g_cancellable_new ();
  Use use = { event, .cancellable = cancellable };
  Use other = { event };

  use_start_and_park (&use);
  use_start_and_park (&other);
  g_cancellable_cancel (cancellable);
  use_end_failed (&use, G_IO_ERROR_CANCELLED);
  thredo_event_set (event);
  use_end_ok (&other);
  assert_waits_alone (event);
}

static void
test_scope_cancelled (void)
{
  g_autoptr(ThredoEvent) event = thredo_event_new ();
  g_autoptr(ThredoScope) scope = thredo_scope_new ();
  Use use = { event, .scope = scope };

  use_start_and_park (&use);
  thredo_scope_cancel (scope);
  use_end_failed (&use, G_IO_ERROR_CANCELLED);
}

static void
test_deadline (void)
{
  g_autoptr(ThredoEvent) event = thredo_event_new ();
  g_autoptr(ThredoScope) scope = thredo_scope_new_with_timeout (2000);
  Use use = { event, .scope = scope };

  use_start (&use);
  use_end_failed (&use, G_IO_ERROR_TIMED_OUT);
  g_assert_true (thredo_scope_is_expired (scope));
  assert_waits_alone (event);
}

/* Also where it need not have waited. */
static void
test_cancelled_before (void)
{
  g_autoptr(ThredoEvent) event = thredo_event_new ();
  g_autoptr(GCancellable) cancellable = g_cancellable_new ();
  g_autoptr(ThredoScope) scope = thredo_scope_new_with_timeout (0);
  g_autoptr(GError) error = NULL;

  thredo_event_set (event);
  g_cancellable_cancel (cancellable);
  g_assert_false (thredo_event_wait (event, cancellable, &error));
  support_assert_cancelled (&error);

  thredo_scope_enter (scope);
  g_assert_false (thredo_event_wait (event, NULL, &error));
  support_assert_timed_out (&error);
  thredo_scope_cancel (scope);
  g_assert_false (thredo_event_wait (event, NULL, &error));
  support_assert_cancelled (&error);
  thredo_scope_leave (scope);

  g_assert_true (thredo_event_is_set (event));
  g_assert_true (thredo_event_wait (event, NULL, &error));
  g_assert_no_error (error);
}

static void
test_shielded (void)
{
  g_autoptr(ThredoEvent) event = thredo_event_new ();
  g_autoptr(ThredoScope) scope = thredo_scope_new_shielded ();
  Use use = { event, .scope = scope };

  use_start_and_park (&use);
  thredo_thread_cancel (use.thread);
  g_assert_cmpint (thredo_thread_get_state (use.thread), ==, THREDO_THREAD_STATE_WAITING);
  thredo_event_set (event);
  thredo_thread_wait (use.thread, NULL, NULL);
  g_assert_true (use.ok);
  g_clear_object (&use.thread);
}

typedef struct
{
  ThredoEvent *event;
  gboolean done;
} LoopCall;

static gboolean
wait_on_loop (gpointer user_data)
{
  LoopCall *call = user_data;
  g_autoptr(GError) error = NULL;

  g_assert_false (thredo_event_wait (call->event, NULL, &error));
  support_assert_error (&error, THREDO_ERROR, THREDO_ERROR_LOOP_THREAD);

  /* The rest does not block, and may be used there. */
  thredo_event_set (call->event);
  thredo_event_clear (call->event);
  thredo_event_set (call->event);
  g_assert_true (thredo_event_is_set (call->event));
  g_atomic_int_set (&call->done, TRUE);

  return G_SOURCE_REMOVE;
}

static void
test_on_loop_thread (void)
{
  g_autoptr(ThredoEvent) event = thredo_event_new ();
  LoopCall call = { event, FALSE };
  Use use = { event };

  use_start_and_park (&use);
  g_main_context_invoke (thredo_get_main_context (), wait_on_loop, &call);
  support_wait_for_int (&call.done, TRUE);
  use_end_ok (&use);
}

static void
test_misuse (void)
{
  g_autoptr(ThredoEvent) event = thredo_event_new ();
  g_autoptr(GObject) other = g_object_new (G_TYPE_OBJECT, NULL);
  g_autoptr(GError) error = NULL;

  g_test_expect_message ("Thredo", G_LOG_LEVEL_CRITICAL, "thredo_event_set:*failed");
  thredo_event_set ((ThredoEvent *) other);
  g_test_expect_message ("Thredo", G_LOG_LEVEL_CRITICAL, "thredo_event_clear:*failed");
  thredo_event_clear (NULL);
  g_test_expect_message ("Thredo", G_LOG_LEVEL_CRITICAL, "thredo_event_is_set:*failed");
  g_assert_false (thredo_event_is_set (NULL));
  g_test_expect_message ("Thredo", G_LOG_LEVEL_CRITICAL, "thredo_event_wait:*failed");
  g_assert_false (thredo_event_wait (NULL, NULL, &error));
  g_test_expect_message ("Thredo", G_LOG_LEVEL_CRITICAL, "thredo_event_wait:*failed");
  g_assert_false (thredo_event_wait (event, (GCancellable *) other, &error));
  g_test_expect_message ("Thredo", G_LOG_LEVEL_CRITICAL, "thredo_event_wait_async:*failed");
  thredo_event_wait_async (NULL, NULL, NULL, NULL);
  g_test_assert_expected_messages ();
  g_assert_no_error (error);
  g_assert_false (thredo_event_is_set (event));
  assert_waits_alone (event);
}

/* --- dropping one --------------------------------------------------------- */

static gboolean
wait_and_set_other (ThredoThread  *thread,
                    gpointer       user_data,
                    GError       **error)
{
  ThredoEvent **events = user_data;
  gboolean ok = thredo_event_wait (events[0], NULL, error);

  thredo_event_set (events[1]);
  return ok;
}

/* Whoever waits keeps it. */
static void
test_drop_waited_for (void)
{
  ThredoEvent *event = thredo_event_new ();
  g_autoptr(ThredoEvent) left = thredo_event_new ();
  ThredoEvent *events[] = { event, left };
  g_autoptr(ThredoThread) thread = NULL;
  g_autoptr(GError) error = NULL;

  thread = thredo_thread_spawn ("waiter", wait_and_set_other, events, NULL, &error);
  g_assert_no_error (error);
  support_wait_for_state (thread, THREDO_THREAD_STATE_WAITING);
  g_object_add_weak_pointer (G_OBJECT (event), (gpointer *) &events[0]);
  g_object_unref (event);
  g_assert_nonnull (events[0]);
  support_wait_for_wait (thread, "wait on Event");

  thredo_thread_cancel (thread);
  g_assert_true (thredo_event_wait (left, NULL, &error));
  g_assert_no_error (error);
  g_assert_null (events[0]);
  thredo_thread_wait (thread, NULL, NULL);
}

/* Who made it for one wait frees it when it has waited, and the one who sets it has
 * no reference of its own. */
typedef struct
{
  ThredoEvent *event;
  ThredoEvent *wanted;
  guint n_rounds;
} Favour;

static gboolean
do_favours (ThredoThread  *thread,
            gpointer       user_data,
            GError       **error)
{
  Favour *favour = user_data;

  for (guint i = 0; i < favour->n_rounds; i++)
    {
      ThredoEvent *event;

      while ((event = g_atomic_pointer_exchange (&favour->event, NULL)) == NULL)
        g_thread_yield ();
      thredo_event_set (event);
    }
  return TRUE;
}

static void
test_drop_after_wait (void)
{
  Favour favour = { .n_rounds = support_rounds (100000) };
  g_autoptr(ThredoThread) thread = NULL;
  g_autoptr(GError) error = NULL;

  thread = thredo_thread_spawn ("setter", do_favours, &favour, NULL, &error);
  g_assert_no_error (error);
  for (guint i = 0; i < favour.n_rounds; i++)
    {
      ThredoEvent *event = thredo_event_new ();

      g_atomic_pointer_set (&favour.event, event);
      g_assert_true (thredo_event_wait (event, NULL, &error));
      g_assert_no_error (error);
      assert_waits_alone (event);
      g_object_unref (event);
    }
  support_join_ok (thread);
}

/* --- without blocking ----------------------------------------------------- */

static void
test_async (void)
{
  g_autoptr(ThredoEvent) event = thredo_event_new ();
  GAsyncResult *results[N_WAITERS] = { NULL };
  g_autoptr(GError) error = NULL;
  Use use = { event };

  use_start_and_park (&use);
  for (int i = 0; i < N_WAITERS; i++)
    thredo_event_wait_async (event, NULL, support_keep_result, &results[i]);
  thredo_event_set (event);
  thredo_event_clear (event);
  for (int i = 0; i < N_WAITERS; i++)
    {
      support_iterate_until_result (&results[i]);
      g_assert_true (thredo_event_wait_finish (event, results[i], &error));
      g_assert_no_error (error);
      g_clear_object (&results[i]);
    }
  use_end_ok (&use);
  assert_waits_alone (event);
}

static void
test_async_set (void)
{
  g_autoptr(ThredoEvent) event = thredo_event_new ();
  g_autoptr(GAsyncResult) result = NULL;
  g_autoptr(GError) error = NULL;

  thredo_event_set (event);
  thredo_event_wait_async (event, NULL, support_keep_result, &result);
  g_assert_null (result);
  thredo_event_clear (event);
  support_iterate_until_result (&result);
  g_assert_true (thredo_event_wait_finish (event, result, &error));
  g_assert_no_error (error);
}

static void
test_async_cancelled (void)
{
  g_autoptr(ThredoEvent) event = thredo_event_new ();
  g_autoptr(GCancellable) cancellable = g_cancellable_new ();
  GAsyncResult *cancelled = NULL;
  GAsyncResult *before = NULL;
  GAsyncResult *other = NULL;
  g_autoptr(GError) error = NULL;

  thredo_event_wait_async (event, cancellable, support_keep_result, &cancelled);
  thredo_event_wait_async (event, NULL, support_keep_result, &other);
  g_cancellable_cancel (cancellable);
  support_iterate_until_result (&cancelled);
  g_assert_false (thredo_event_wait_finish (event, cancelled, &error));
  support_assert_cancelled (&error);
  g_clear_object (&cancelled);

  thredo_event_set (event);
  support_iterate_until_result (&other);
  g_assert_true (thredo_event_wait_finish (event, other, &error));
  g_assert_no_error (error);
  g_clear_object (&other);

  thredo_event_wait_async (event, cancellable, support_keep_result, &before);
  support_iterate_until_result (&before);
  g_assert_false (thredo_event_wait_finish (event, before, &error));
  support_assert_cancelled (&error);
  g_clear_object (&before);
  assert_waits_alone (event);
}

/* A cancel that comes after the set does not take it back. */
static void
test_async_cancelled_late (void)
{
  g_autoptr(ThredoEvent) event = thredo_event_new ();
  g_autoptr(GCancellable) cancellable = g_cancellable_new ();
  g_autoptr(GAsyncResult) result = NULL;
  g_autoptr(GError) error = NULL;

  thredo_event_wait_async (event, cancellable, support_keep_result, &result);
  thredo_event_set (event);
  g_cancellable_cancel (cancellable);
  support_iterate_until_result (&result);
  g_assert_true (thredo_event_wait_finish (event, result, &error));
  g_assert_no_error (error);
}

static void
test_async_dropped (void)
{
  ThredoEvent *event = thredo_event_new ();
  g_autoptr(GCancellable) cancellable = g_cancellable_new ();
  GAsyncResult *result = NULL;
  g_autoptr(GError) error = NULL;
  gpointer weak = event;

  g_object_add_weak_pointer (G_OBJECT (event), &weak);
  thredo_event_wait_async (event, cancellable, support_keep_result, &result);
  g_object_unref (event);
  g_assert_nonnull (weak);
  g_cancellable_cancel (cancellable);
  support_iterate_until_result (&result);
  g_assert_false (thredo_event_wait_finish (weak, result, &error));
  support_assert_cancelled (&error);
  g_clear_object (&result);
  support_wait_for_finalize (&weak);
}

static void
test_async_without_callback (void)
{
  ThredoEvent *event = thredo_event_new ();
  gpointer weak = event;

  g_object_add_weak_pointer (G_OBJECT (event), &weak);
  thredo_event_wait_async (event, NULL, NULL, NULL);
  thredo_event_set (event);
  g_object_unref (event);
  while (weak != NULL)
    g_main_context_iteration (NULL, TRUE);
}

static void
keep_thread (GObject      *source,
             GAsyncResult *result,
             gpointer      user_data)
{
  GThread **thread = user_data;
  g_autoptr(GError) error = NULL;

  g_assert_true (thredo_event_wait_finish (THREDO_EVENT (source), result, &error));
  g_assert_no_error (error);
  *thread = g_thread_self ();
}

static gboolean
wait_on_own_context (ThredoThread  *thread,
                     gpointer       event,
                     GError       **error)
{
  g_autoptr(GMainContext) context = g_main_context_new ();
  GThread *called_by = NULL;

  g_main_context_push_thread_default (context);
  thredo_event_wait_async (event, NULL, keep_thread, &called_by);
  thredo_event_set (event);
  while (called_by == NULL)
    g_main_context_iteration (context, TRUE);
  g_assert_true (called_by == g_thread_self ());
  g_main_context_pop_thread_default (context);

  return TRUE;
}

static void
test_async_thread_default (void)
{
  g_autoptr(ThredoEvent) event = thredo_event_new ();
  g_autoptr(ThredoThread) thread = NULL;

  thread = thredo_thread_spawn ("waiter", wait_on_own_context, event, NULL, NULL);
  support_join_ok (thread);
}

/* --- nothing is lost ------------------------------------------------------ */

/* Each gives the other a number and sets its event; the one who waits clears the
 * event before it looks for the number. The event alone keeps these in order. */
typedef struct
{
  ThredoEvent *event[2];
  int number[2]; /* 0: taken */
  guint n_rounds;
} Exchange;

static void
give (Exchange *exchange,
      int       to,
      int       number)
{
  __atomic_store_n (&exchange->number[to], number, __ATOMIC_RELAXED);
  thredo_event_set (exchange->event[to]);
}

static gboolean
take (Exchange  *exchange,
      int        own,
      int        number,
      GError   **error)
{
  int taken;

  do
    {
      if (!thredo_event_wait (exchange->event[own], NULL, error))
        return FALSE;
      thredo_event_clear (exchange->event[own]);
      taken = __atomic_load_n (&exchange->number[own], __ATOMIC_RELAXED);
    }
  while (taken != number);

  return TRUE;
}

static gboolean
answer (ThredoThread  *thread,
        gpointer       user_data,
        GError       **error)
{
  Exchange *exchange = user_data;

  for (guint i = 1; i <= exchange->n_rounds; i++)
    {
      if (!take (exchange, 0, (int) i, error))
        return FALSE;
      give (exchange, 1, (int) i);
    }
  return TRUE;
}

static void
test_ping_pong (void)
{
  Exchange exchange = {
    { thredo_event_new (), thredo_event_new () },
    { 0, 0 },
    support_rounds (100000),
  };
  g_autoptr(ThredoScope) scope = thredo_scope_new_with_timeout (SUPPORT_LIMIT * 5);
  g_autoptr(ThredoThread) answerer = NULL;
  g_autoptr(GError) error = NULL;

  answerer = thredo_thread_spawn ("answerer", answer, &exchange, NULL, NULL);
  thredo_scope_enter (scope);
  for (guint i = 1; i <= exchange.n_rounds; i++)
    {
      give (&exchange, 0, (int) i);
      take (&exchange, 1, (int) i, &error);
      g_assert_no_error (error);
    }
  thredo_scope_leave (scope);
  support_join_ok (answerer);
  for (int i = 0; i < 2; i++)
    {
      assert_waits_alone (exchange.event[i]);
      g_object_unref (exchange.event[i]);
    }
}

/* One clears the event and then looks for a number, the other gives one and sets the
 * event, which was set already: either the number is seen, or the event stays set. */
typedef struct
{
  ThredoEvent *event;
  int number;
  int seen;
} Glance;

static void
prepare_glance (Duel *duel)
{
  Glance *glance = duel->data;

  glance->number = 0;
  thredo_event_set (glance->event);
}

static void
do_not_wait (Duel *duel)
{
}

static void
clear_and_look (Duel *duel)
{
  Glance *glance = duel->data;

  thredo_event_clear (glance->event);
  glance->seen = __atomic_load_n (&glance->number, __ATOMIC_RELAXED);
}

static void
write_and_set (Duel *duel)
{
  Glance *glance = duel->data;

  __atomic_store_n (&glance->number, 1, __ATOMIC_RELAXED);
  thredo_event_set (glance->event);
}

static DuelSide
judge_glance (Duel *duel)
{
  Glance *glance = duel->data;

  if (glance->seen == 0)
    g_assert_true (thredo_event_is_set (glance->event));
  return glance->seen == 0 ? DUEL_LEFT : DUEL_RIGHT;
}

static const DuelKind glances = {
  .n_rounds = 500000,
  .prepare = prepare_glance,
  .wait = do_not_wait,
  .left = clear_and_look,
  .right = write_and_set,
  .judge = judge_glance,
  .never_parks = TRUE,
};

static void
test_set_and_clear_at_once (void)
{
  g_autoptr(ThredoEvent) event = thredo_event_new ();
  Glance glance = { .event = event };

  duel_run (&glances, &glance);
}

/* What one wrote before it set the event, the other reads after its wait. */
typedef struct
{
  ThredoEvent *event;
  guint number;
  gboolean ok;
  GError *error;
  GCancellable *cancellable;
  ThredoScope *scope;
} Contest;

static void
prepare_contest (Duel *duel)
{
  Contest *contest = duel->data;

  thredo_event_clear (contest->event);
  contest->number = 0;
  if (duel->round % 2)
    {
      contest->scope = thredo_scope_new ();
      thredo_scope_enter (contest->scope);
    }
  else
    {
      contest->cancellable = g_cancellable_new ();
    }
}

static void
wait_in_contest (Duel *duel)
{
  Contest *contest = duel->data;

  contest->ok = thredo_event_wait (contest->event, contest->cancellable, &contest->error);
  if (contest->ok)
    g_assert_cmpuint (contest->number, ==, duel->round + 1);
}

static void
wait_in_contest_async (Duel *duel)
{
  Contest *contest = duel->data;
  g_autoptr(GMainContext) context = g_main_context_new ();
  GAsyncResult *result = NULL;

  g_main_context_push_thread_default (context);
  thredo_event_wait_async (contest->event, contest->cancellable, support_keep_result, &result);
  while (result == NULL)
    g_main_context_iteration (context, TRUE);
  contest->ok = thredo_event_wait_finish (contest->event, result, &contest->error);
  if (contest->ok)
    g_assert_cmpuint (contest->number, ==, duel->round + 1);
  g_object_unref (result);
  g_main_context_pop_thread_default (context);
}

static void
prepare_contest_async (Duel *duel)
{
  Contest *contest = duel->data;

  thredo_event_clear (contest->event);
  contest->number = 0;
  contest->cancellable = g_cancellable_new ();
}

static void
cancel_contest (Duel *duel)
{
  Contest *contest = duel->data;

  if (contest->scope != NULL)
    thredo_scope_cancel (contest->scope);
  else
    g_cancellable_cancel (contest->cancellable);
}

static void
set_in_contest (Duel *duel)
{
  Contest *contest = duel->data;

  contest->number = duel->round + 1;
  thredo_event_set (contest->event);
}

static DuelSide
judge_contest (Duel *duel)
{
  Contest *contest = duel->data;
  g_autoptr(GError) error = NULL;

  /* Whoever won: the event is set, and the next call says that it was cancelled. */
  g_assert_true (thredo_event_is_set (contest->event));
  assert_waits_alone (contest->event);
  g_assert_false (thredo_event_wait (contest->event, contest->cancellable, &error));
  support_assert_cancelled (&error);
  if (contest->scope != NULL)
    thredo_scope_leave (contest->scope);
  g_clear_object (&contest->scope);
  g_clear_object (&contest->cancellable);

  if (contest->ok)
    {
      g_assert_no_error (contest->error);
      return DUEL_RIGHT;
    }
  support_assert_cancelled (&contest->error);
  return DUEL_LEFT;
}

static void
test_race (gconstpointer user_data)
{
  const DuelKind *kind = user_data;
  g_autoptr(ThredoEvent) event = thredo_event_new ();
  Contest contest = { .event = event };

  duel_run (kind, &contest);
}

static const DuelKind cancelled = {
  .prepare = prepare_contest,
  .wait = wait_in_contest,
  .left = cancel_contest,
  .right = set_in_contest,
  .judge = judge_contest,
};

static const DuelKind cancelled_async = {
  .prepare = prepare_contest_async,
  .wait = wait_in_contest_async,
  .left = cancel_contest,
  .right = set_in_contest,
  .judge = judge_contest,
  .never_parks = TRUE,
};

int
main (int    argc,
      char **argv)
{
  support_init (&argc, &argv);

  g_test_add_func ("/event/new", test_new);
  g_test_add_func ("/event/set-and-clear", test_set_and_clear);
  g_test_add_func ("/event/misuse", test_misuse);
  g_test_add_func ("/event/wait/set", test_wait_set);
  g_test_add_func ("/event/wait/waits", test_wait);
  g_test_add_func ("/event/wait/all", test_wait_all);
  g_test_add_func ("/event/wait/pulse", test_wait_pulse);
  g_test_add_func ("/event/wait/ignoring-errors", test_wait_ignoring_errors);
  g_test_add_func ("/event/wait/waiting-for", test_waiting_for);
  g_test_add_func ("/event/wait/cancelled", test_cancelled);
  g_test_add_func ("/event/wait/cancellable", test_cancellable);
  g_test_add_func ("/event/wait/scope-cancelled", test_scope_cancelled);
  g_test_add_func ("/event/wait/deadline", test_deadline);
  g_test_add_func ("/event/wait/cancelled-before", test_cancelled_before);
  g_test_add_func ("/event/wait/shielded", test_shielded);
  g_test_add_func ("/event/wait/loop-thread", test_on_loop_thread);
  g_test_add_func ("/event/drop/waited-for", test_drop_waited_for);
  g_test_add_func ("/event/drop/after-wait", test_drop_after_wait);
  g_test_add_func ("/event/async/waits", test_async);
  g_test_add_func ("/event/async/set", test_async_set);
  g_test_add_func ("/event/async/cancelled", test_async_cancelled);
  g_test_add_func ("/event/async/cancelled-late", test_async_cancelled_late);
  g_test_add_func ("/event/async/dropped", test_async_dropped);
  g_test_add_func ("/event/async/without-callback", test_async_without_callback);
  g_test_add_func ("/event/async/thread-default", test_async_thread_default);
  g_test_add_func ("/event/race/ping-pong", test_ping_pong);
  g_test_add_func ("/event/race/set-and-clear", test_set_and_clear_at_once);
  g_test_add_data_func ("/event/race/cancelled", &cancelled, test_race);
  g_test_add_data_func ("/event/race/cancelled-async", &cancelled_async, test_race);

  return g_test_run ();
}
