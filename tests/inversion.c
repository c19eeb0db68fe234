/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Circles that close over the lock of a condition, which who has waited on it wants
 * back and cannot do without: it can be neither refused nor cancelled.
 */

#include "circle.h"

/* One has the outer lock and waits on a condition, whose lock the other has taken
 * meanwhile, and then wants the outer one. */
typedef struct
{
  ThredoLock *outer;
  ThredoLockable *inner;
  ThredoCondition *condition;
  ThredoThread *one;
  ThredoThread *other;
  GCancellable *cancellable;
  SupportGate go;
  gboolean notify_first;
  gboolean one_got;
  GError *one_error;
  gboolean other_got;
  GError *other_error;
} Inversion;

static gboolean
wait_holding_outer (ThredoThread  *thread,
                    gpointer       user_data,
                    GError       **error)
{
  Inversion *self = user_data;

  circle_acquire (self->outer);
  circle_acquire (self->inner);
  self->one_got = thredo_condition_wait (self->condition, self->cancellable, &self->one_error);
  g_assert_true (thredo_lockable_is_owned (self->inner));
  circle_release (self->inner);
  circle_release (self->outer);
  return TRUE;
}

static gboolean
want_outer_holding_inner (ThredoThread  *thread,
                          gpointer       user_data,
                          GError       **error)
{
  Inversion *self = user_data;
  g_autoptr(GError) own = NULL;

  circle_acquire (self->inner);
  if (self->notify_first)
    {
      thredo_condition_notify (self->condition, 1, &own);
      g_assert_no_error (own);
    }
  support_gate_wait (&self->go);
  self->other_got = thredo_lock_acquire (self->outer, NULL, &self->other_error);
  if (self->other_got)
    circle_release (self->outer);
  circle_release (self->inner);
  return TRUE;
}

static void
inversion_init (Inversion            *self,
                GType                 type,
                gboolean              notify_first,
                ThredoDeadlockPolicy  policy)
{
  g_autoptr(GError) error = NULL;

  thredo_set_deadlock_policy (policy);
  *self = (Inversion) { .outer = thredo_lock_new (), .notify_first = notify_first };
  thredo_lock_set_name (self->outer, "outer");
  self->inner = g_object_new (type, "name", "inner", NULL);
  self->condition = thredo_condition_new (self->inner);
  thredo_condition_set_name (self->condition, "condition");
  self->cancellable = g_cancellable_new ();
  support_gate_init (&self->go);
  self->one = thredo_thread_spawn ("A", wait_holding_outer, self, NULL, &error);
  g_assert_no_error (error);
  support_wait_for_wait (self->one, "wait on Condition 'condition'");
  self->other = thredo_thread_spawn ("B", want_outer_holding_inner, self, NULL, &error);
  g_assert_no_error (error);
}

static void
inversion_end (Inversion *self)
{
  support_join_ok (self->one);
  support_join_ok (self->other);
  g_assert_false (thredo_lock_is_locked (self->outer));
  g_assert_true (thredo_lockable_try_acquire (self->inner));
  circle_release (self->inner);
  g_object_unref (self->one);
  g_object_unref (self->other);
  g_object_unref (self->condition);
  g_object_unref (self->inner);
  g_object_unref (self->outer);
  g_object_unref (self->cancellable);
  support_gate_clear (&self->go);
  messages_assert_none ();
}

static const char *
get_wait_for_inner (GType type)
{
  return type == THREDO_TYPE_LOCK ? "acquire on Lock 'inner'" : "acquire on RLock 'inner'";
}

static char *
describe_inversion (GType    type,
                    gboolean closed_by_one)
{
  const char *noun = type == THREDO_TYPE_LOCK ? "Lock" : "RLock";
  g_autofree char *one =
      g_strdup_printf ("'A' holds Lock 'outer', waits for %s 'inner' held by 'B'", noun);
  g_autofree char *other =
      g_strdup_printf ("'B' holds %s 'inner', waits for Lock 'outer' held by 'A'", noun);

  return g_strdup_printf ("Deadlock of 2 threads: %s; %s", closed_by_one ? one : other,
                          closed_by_one ? other : one);
}

/* Closed by the one that was notified and wants its lock back: it cannot be refused,
 * nor cancelled. */
static void
show_closed_by_reacquire (GType                type,
                          ThredoDeadlockPolicy policy)
{
  g_autofree char *description = describe_inversion (type, TRUE);
  Inversion inversion;

  inversion_init (&inversion, type, FALSE, policy);
  support_gate_open (&inversion.go);
  support_wait_for_wait (inversion.other, "acquire on Lock 'outer'");
  messages_assert_none ();
  g_cancellable_cancel (inversion.cancellable);

  if (policy == THREDO_DEADLOCK_POLICY_CANCEL)
    {
      support_join_ok (inversion.one);
      circle_assert_cancel_message (description, 1);
    }
  else
    {
      support_wait_for_wait (inversion.one, get_wait_for_inner (type));
      messages_assert_next (G_LOG_LEVEL_WARNING, description);
      thredo_thread_cancel (inversion.other);
    }
  inversion_end (&inversion);

  g_assert_false (inversion.one_got);
  support_assert_cancelled (&inversion.one_error);
  g_assert_false (inversion.other_got);
  support_assert_cancelled (&inversion.other_error);
}

/* Closed by the other, who can. */
static void
show_closed_on_reacquire (GType                type,
                          ThredoDeadlockPolicy policy)
{
  g_autofree char *description = describe_inversion (type, FALSE);
  Inversion inversion;

  inversion_init (&inversion, type, TRUE, policy);
  support_wait_for_wait (inversion.one, get_wait_for_inner (type));
  messages_assert_none ();
  support_gate_open (&inversion.go);

  switch (policy)
    {
    case THREDO_DEADLOCK_POLICY_REPORT:
      support_wait_for_wait (inversion.other, "acquire on Lock 'outer'");
      messages_assert_next (G_LOG_LEVEL_WARNING, description);
      thredo_thread_cancel (inversion.one);
      g_assert_cmpint (thredo_thread_get_state (inversion.one), ==, THREDO_THREAD_STATE_WAITING);
      thredo_thread_cancel (inversion.other);
      break;
    case THREDO_DEADLOCK_POLICY_FAIL:
      support_join_ok (inversion.other);
      break;
    case THREDO_DEADLOCK_POLICY_CANCEL:
      support_join_ok (inversion.other);
      circle_assert_cancel_message (description, 1);
      break;
    }
  inversion_end (&inversion);

  /* It was notified in time. */
  g_assert_no_error (inversion.one_error);
  g_assert_true (inversion.one_got);
  g_assert_false (inversion.other_got);
  if (policy == THREDO_DEADLOCK_POLICY_FAIL)
    support_assert_error (&inversion.other_error, THREDO_ERROR, THREDO_ERROR_DEADLOCK);
  else
    support_assert_cancelled (&inversion.other_error);
}

static void
test_reacquire (gconstpointer user_data)
{
  ThredoDeadlockPolicy policy = GPOINTER_TO_INT (user_data);

  show_closed_by_reacquire (THREDO_TYPE_LOCK, policy);
  show_closed_by_reacquire (THREDO_TYPE_RLOCK, policy);
  show_closed_on_reacquire (THREDO_TYPE_LOCK, policy);
  show_closed_on_reacquire (THREDO_TYPE_RLOCK, policy);
}

int
main (int    argc,
      char **argv)
{
  support_init (&argc, &argv);
  messages_init ();

  g_test_add_data_func ("/inversion/report", GINT_TO_POINTER (THREDO_DEADLOCK_POLICY_REPORT),
                        test_reacquire);
  g_test_add_data_func ("/inversion/fail", GINT_TO_POINTER (THREDO_DEADLOCK_POLICY_FAIL),
                        test_reacquire);
  g_test_add_data_func ("/inversion/cancel", GINT_TO_POINTER (THREDO_DEADLOCK_POLICY_CANCEL),
                        test_reacquire);

  return g_test_run ();
}
