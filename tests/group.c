/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "duel.h"
#include "support.h"

/* --- members that do as they are told ------------------------------------- */

typedef enum
{
  ORDER_FINISH = 1,
  ORDER_NUMBER,       /* a result, the member's number */
  ORDER_NULL_POINTER, /* results that are none */
  ORDER_NULL_STRING,
  ORDER_NULL_OBJECT,
  ORDER_EMPTY_STRING, /* and one that is */
  ORDER_FAIL,
  ORDER_FAIL_OTHERWISE,
  ORDER_FAIL_SILENTLY,
} Order;

typedef struct
{
  ThredoQueue *orders;
  ThredoThread *thread;
  int number;
} Member;

static gboolean
obey (ThredoThread  *thread,
      gpointer       user_data,
      GError       **error)
{
  Member *member = user_data;
  g_auto(GValue) value = G_VALUE_INIT;

  switch ((Order) GPOINTER_TO_INT (thredo_queue_get_pointer (member->orders, NULL, error)))
    {
    case ORDER_FINISH:
      return TRUE;
    case ORDER_NUMBER:
      g_value_init (&value, G_TYPE_INT);
      g_value_set_int (&value, member->number);
      thredo_thread_set_result (thread, &value);
      return TRUE;
    case ORDER_NULL_POINTER:
      thredo_thread_set_result_pointer (thread, NULL, NULL);
      return TRUE;
    case ORDER_NULL_STRING:
      g_value_init (&value, G_TYPE_STRING);
      thredo_thread_set_result (thread, &value);
      return TRUE;
    case ORDER_NULL_OBJECT:
      g_value_init (&value, G_TYPE_OBJECT);
      thredo_thread_set_result (thread, &value);
      return TRUE;
    case ORDER_EMPTY_STRING:
      g_value_init (&value, G_TYPE_STRING);
      g_value_set_static_string (&value, "");
      thredo_thread_set_result (thread, &value);
      return TRUE;
    case ORDER_FAIL:
      g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND, "As ordered");
      return FALSE;
    case ORDER_FAIL_OTHERWISE:
      g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_EXISTS, "As ordered");
      return FALSE;
    case ORDER_FAIL_SILENTLY:
      return FALSE;
    default:
      /* Cancelled. */
      return FALSE;
    }
}

static void
member_init (Member *member,
             int     number)
{
  member->orders = thredo_queue_new (0);
  member->number = number;
  member->thread = NULL;
}

static void
member_clear (Member *member)
{
  g_clear_object (&member->thread);
  g_clear_object (&member->orders);
}

static void
member_order (Member *member,
              Order   order)
{
  g_assert_true (thredo_queue_put_pointer (member->orders, GINT_TO_POINTER (order), NULL, NULL));
}

/* Orders, and waits until it is done. */
static void
member_order_and_wait (Member            *member,
                       Order              order,
                       ThredoThreadState  state)
{
  member_order (member, order);
  support_wait_for_state (member->thread, state);
}

static void
assert_state (Member            *member,
              ThredoThreadState  state)
{
  g_assert_cmpint (thredo_thread_get_state (member->thread), ==, state);
}

/* A group of obedient members, all of them waiting for orders. */
#define N_MEMBERS 4

typedef struct
{
  ThredoGroup *group;
  Member members[N_MEMBERS];
} Team;

static void
team_init (Team            *team,
           ThredoGroupWait  policy)
{
  g_autoptr(GError) error = NULL;

  team->group = thredo_group_new (policy);
  for (int i = 0; i < N_MEMBERS; i++)
    {
      g_autofree char *name = g_strdup_printf ("member %d", i);

      member_init (&team->members[i], i);
      team->members[i].thread =
          thredo_group_spawn (team->group, name, obey, &team->members[i], NULL, &error);
      g_assert_no_error (error);
      g_assert_nonnull (team->members[i].thread);
      support_wait_for_state (team->members[i].thread, THREDO_THREAD_STATE_WAITING);
    }
}

static void
team_clear (Team *team)
{
  g_clear_object (&team->group);
  for (int i = 0; i < N_MEMBERS; i++)
    member_clear (&team->members[i]);
}

/* Joins; everybody has ended when that returns. */
static void
team_join_ok (Team *team)
{
  g_autoptr(GError) error = NULL;
  gboolean ok;

  ok = thredo_group_join (team->group, NULL, &error);
  g_assert_no_error (error);
  g_assert_true (ok);
  for (int i = 0; i < N_MEMBERS; i++)
    g_assert_false (thredo_thread_is_alive (team->members[i].thread));
}

static void
team_join_failed (Team   *team,
                  GQuark  domain,
                  int     code)
{
  g_autoptr(GError) error = NULL;

  g_assert_false (thredo_group_join (team->group, NULL, &error));
  g_assert_error (error, domain, code);
  for (int i = 0; i < N_MEMBERS; i++)
    g_assert_false (thredo_thread_is_alive (team->members[i].thread));
}

static void
spawn_and_forget (ThredoGroup      *group,
                  ThredoThreadFunc  func,
                  gpointer          user_data,
                  GDestroyNotify    destroy)
{
  g_autoptr(GError) error = NULL;
  ThredoThread *thread;

  thread = thredo_group_spawn (group, NULL, func, user_data, destroy, &error);
  g_assert_no_error (error);
  g_object_unref (thread);
}

static void
assert_completed (ThredoGroup  *group,
                  ThredoThread *thread)
{
  g_autoptr(ThredoThread) completed = thredo_group_get_completed (group);

  g_assert_true (completed == thread);
}

/* A thread that joins a group. */
typedef struct
{
  ThredoGroup *group;
  GCancellable *cancellable;
  ThredoScope *scope;
  gboolean ok;
  ThredoThread *thread;
} Joiner;

static gboolean
join_group (ThredoThread  *thread,
            gpointer       user_data,
            GError       **error)
{
  Joiner *joiner = user_data;
  g_autoptr(ThredoScopeGuard) guard = NULL;

  if (joiner->scope != NULL)
    guard = thredo_scope_guard_new (joiner->scope);
  joiner->ok = thredo_group_join (joiner->group, joiner->cancellable, error);

  return joiner->ok;
}

static void
joiner_start (Joiner *joiner)
{
  g_autoptr(GError) error = NULL;

  joiner->thread = thredo_thread_spawn ("joiner", join_group, joiner, NULL, &error);
  g_assert_no_error (error);
  support_wait_for_wait (joiner->thread, "join on Group");
}

static void
joiner_end_ok (Joiner *joiner)
{
  support_join_ok (joiner->thread);
  g_assert_true (joiner->ok);
  g_clear_object (&joiner->thread);
}

static void
joiner_end_failed (Joiner *joiner,
                   GQuark  domain,
                   int     code)
{
  g_assert_false (thredo_thread_join (joiner->thread, NULL, NULL));
  g_assert_false (joiner->ok);
  g_assert_error (thredo_thread_get_error (joiner->thread), domain, code);
  g_clear_object (&joiner->thread);
}

/* --- the group itself ----------------------------------------------------- */

static void
test_new (void)
{
  g_autoptr(ThredoGroup) group = thredo_group_new (THREDO_GROUP_WAIT_ANY);
  g_autoptr(GPtrArray) threads = thredo_group_get_threads (group);

  g_assert_true (THREDO_IS_GROUP (group));
  g_assert_cmpint (thredo_group_get_policy (group), ==, THREDO_GROUP_WAIT_ANY);
  g_assert_cmpuint (thredo_group_get_max_running (group), ==, 0);
  g_assert_false (thredo_group_is_cancelled (group));
  g_assert_null (thredo_group_get_name (group));
  thredo_group_set_name (group, "crew");
  g_assert_cmpstr (thredo_group_get_name (group), ==, "crew");
  g_assert_cmpuint (threads->len, ==, 0);
  assert_completed (group, NULL);
}

static void
test_empty (void)
{
  static const ThredoGroupWait policies[] = {
    THREDO_GROUP_WAIT_ALL, THREDO_GROUP_WAIT_ANY, THREDO_GROUP_WAIT_RESULT, THREDO_GROUP_WAIT_NONE
  };

  for (guint i = 0; i < G_N_ELEMENTS (policies); i++)
    {
      g_autoptr(ThredoGroup) group = thredo_group_new (policies[i]);
      g_autoptr(GError) error = NULL;

      g_assert_null (thredo_group_next_done (group, NULL, &error));
      g_assert_no_error (error);
      g_assert_true (thredo_group_join (group, NULL, &error));
      g_assert_no_error (error);
      assert_completed (group, NULL);
    }
}

/* A group nobody ever used may be dropped without a word. */
static void
test_unused (void)
{
  g_autoptr(ThredoGroup) group = thredo_group_new (THREDO_GROUP_WAIT_ALL);

  g_assert_nonnull (group);
}

static void
test_threads (void)
{
  Team team;
  g_autoptr(GPtrArray) threads = NULL;

  team_init (&team, THREDO_GROUP_WAIT_ALL);
  threads = thredo_group_get_threads (team.group);
  g_assert_cmpuint (threads->len, ==, N_MEMBERS);
  for (int i = 0; i < N_MEMBERS; i++)
    {
      g_autoptr(ThredoGroup) group = thredo_thread_get_group (team.members[i].thread);

      g_assert_true (g_ptr_array_find (threads, team.members[i].thread, NULL));
      g_assert_true (group == team.group);
      member_order (&team.members[i], ORDER_FINISH);
    }
  team_join_ok (&team);
  team_clear (&team);
}

static void
test_waiting_for (void)
{
  Team team;
  Joiner joiner;

  team_init (&team, THREDO_GROUP_WAIT_ALL);
  thredo_group_set_name (team.group, "crew");
  joiner = (Joiner) { .group = team.group };
  joiner.thread = thredo_thread_spawn ("joiner", join_group, &joiner, NULL, NULL);
  support_wait_for_wait (joiner.thread, "join on Group 'crew'");
  thredo_group_cancel (team.group);
  joiner_end_ok (&joiner);
  team_clear (&team);
}

/* --- policies ------------------------------------------------------------- */

static void
test_all (void)
{
  Team team;
  Joiner joiner;

  team_init (&team, THREDO_GROUP_WAIT_ALL);
  joiner = (Joiner) { .group = team.group };
  joiner_start (&joiner);
  for (int i = N_MEMBERS - 1; i > 0; i--)
    {
      member_order_and_wait (&team.members[i], ORDER_NUMBER, THREDO_THREAD_STATE_FINISHED);
      support_wait_for_wait (joiner.thread, "join on Group");
    }
  assert_state (&team.members[0], THREDO_THREAD_STATE_WAITING);
  member_order (&team.members[0], ORDER_NUMBER);
  joiner_end_ok (&joiner);
  assert_completed (team.group, team.members[N_MEMBERS - 1].thread);

  for (int i = 0; i < N_MEMBERS; i++)
    {
      g_auto(GValue) value = G_VALUE_INIT;

      assert_state (&team.members[i], THREDO_THREAD_STATE_FINISHED);
      g_assert_true (thredo_thread_get_result (team.members[i].thread, &value));
      g_assert_cmpint (g_value_get_int (&value), ==, i);
    }
  team_clear (&team);
}

static void
test_all_ended_before (void)
{
  Team team;

  team_init (&team, THREDO_GROUP_WAIT_ALL);
  for (int i = 0; i < N_MEMBERS; i++)
    member_order_and_wait (&team.members[i], ORDER_FINISH, THREDO_THREAD_STATE_FINISHED);
  team_join_ok (&team);
  assert_completed (team.group, team.members[0].thread);
  team_clear (&team);
}

static void
assert_only_finished (Team *team,
                      int   finished)
{
  for (int i = 0; i < N_MEMBERS; i++)
    assert_state (&team->members[i],
                  i == finished ? THREDO_THREAD_STATE_FINISHED : THREDO_THREAD_STATE_CANCELLED);
  assert_completed (team->group, team->members[finished].thread);
}

static void
test_any (void)
{
  Team team;
  Joiner joiner;

  team_init (&team, THREDO_GROUP_WAIT_ANY);
  joiner = (Joiner) { .group = team.group };
  joiner_start (&joiner);
  member_order (&team.members[2], ORDER_FINISH);
  joiner_end_ok (&joiner);
  assert_only_finished (&team, 2);
  team_clear (&team);
}

static void
test_any_ended_before (void)
{
  Team team;

  team_init (&team, THREDO_GROUP_WAIT_ANY);
  member_order_and_wait (&team.members[1], ORDER_FINISH, THREDO_THREAD_STATE_FINISHED);
  team_join_ok (&team);
  assert_only_finished (&team, 1);
  team_clear (&team);
}

static void
test_any_fails (void)
{
  Team team;

  team_init (&team, THREDO_GROUP_WAIT_ANY);
  member_order (&team.members[1], ORDER_FAIL);
  team_join_failed (&team, G_IO_ERROR, G_IO_ERROR_NOT_FOUND);
  assert_state (&team.members[1], THREDO_THREAD_STATE_FAILED);
  assert_state (&team.members[0], THREDO_THREAD_STATE_CANCELLED);
  team_clear (&team);
}

/* What is no result does not end the wait. */
static void
test_result (void)
{
  static const Order empty[] = {
    ORDER_FINISH, ORDER_NULL_POINTER, ORDER_NULL_STRING, ORDER_NULL_OBJECT
  };

  for (guint i = 0; i < G_N_ELEMENTS (empty); i++)
    {
      Team team;
      Joiner joiner;

      team_init (&team, THREDO_GROUP_WAIT_RESULT);
      joiner = (Joiner) { .group = team.group };
      joiner_start (&joiner);
      member_order_and_wait (&team.members[0], empty[i], THREDO_THREAD_STATE_FINISHED);
      support_wait_for_wait (joiner.thread, "join on Group");
      assert_state (&team.members[1], THREDO_THREAD_STATE_WAITING);
      member_order (&team.members[3], ORDER_NUMBER);
      joiner_end_ok (&joiner);
      assert_state (&team.members[0], THREDO_THREAD_STATE_FINISHED);
      assert_state (&team.members[1], THREDO_THREAD_STATE_CANCELLED);
      assert_state (&team.members[2], THREDO_THREAD_STATE_CANCELLED);
      assert_completed (team.group, team.members[3].thread);
      team_clear (&team);
    }
}

/* A number that is 0 and a string of no length are results. */
static void
test_result_zero (void)
{
  Team team;

  team_init (&team, THREDO_GROUP_WAIT_RESULT);
  member_order (&team.members[0], ORDER_NUMBER);
  team_join_ok (&team);
  assert_only_finished (&team, 0);
  team_clear (&team);

  team_init (&team, THREDO_GROUP_WAIT_RESULT);
  member_order (&team.members[1], ORDER_EMPTY_STRING);
  team_join_ok (&team);
  assert_only_finished (&team, 1);
  team_clear (&team);
}

static void
test_result_none_has (void)
{
  Team team;

  team_init (&team, THREDO_GROUP_WAIT_RESULT);
  for (int i = 0; i < N_MEMBERS; i++)
    member_order (&team.members[i], ORDER_FINISH);
  team_join_ok (&team);
  for (int i = 0; i < N_MEMBERS; i++)
    assert_state (&team.members[i], THREDO_THREAD_STATE_FINISHED);
  assert_completed (team.group, NULL);
  team_clear (&team);
}

static void
test_result_fails (void)
{
  Team team;

  team_init (&team, THREDO_GROUP_WAIT_RESULT);
  member_order (&team.members[0], ORDER_FAIL);
  team_join_failed (&team, G_IO_ERROR, G_IO_ERROR_NOT_FOUND);
  assert_completed (team.group, NULL);
  team_clear (&team);
}

static void
test_none (void)
{
  Team team;

  team_init (&team, THREDO_GROUP_WAIT_NONE);
  team_join_ok (&team);
  for (int i = 0; i < N_MEMBERS; i++)
    assert_state (&team.members[i], THREDO_THREAD_STATE_CANCELLED);
  assert_completed (team.group, NULL);
  team_clear (&team);
}

/* --- failure -------------------------------------------------------------- */

static void
assert_failed (ThredoGroup  *group,
               ThredoThread *thread)
{
  g_autoptr(ThredoThread) failed = thredo_group_get_failed (group);

  g_assert_true (failed == thread);
}

static void
test_fail_cancels_rest (void)
{
  Team team;
  Joiner joiner;

  team_init (&team, THREDO_GROUP_WAIT_ALL);
  joiner = (Joiner) { .group = team.group };
  joiner_start (&joiner);
  member_order (&team.members[2], ORDER_FAIL);
  joiner_end_failed (&joiner, G_IO_ERROR, G_IO_ERROR_NOT_FOUND);
  assert_failed (team.group, team.members[2].thread);
  for (int i = 0; i < N_MEMBERS; i++)
    assert_state (&team.members[i],
                  i == 2 ? THREDO_THREAD_STATE_FAILED : THREDO_THREAD_STATE_CANCELLED);
  team_clear (&team);
}

/* Nobody joins yet: the rest goes on until somebody does. */
static void
test_fail_before_join (void)
{
  Team team;

  team_init (&team, THREDO_GROUP_WAIT_ALL);
  member_order_and_wait (&team.members[0], ORDER_FAIL, THREDO_THREAD_STATE_FAILED);
  assert_state (&team.members[1], THREDO_THREAD_STATE_WAITING);
  member_order_and_wait (&team.members[1], ORDER_FINISH, THREDO_THREAD_STATE_FINISHED);
  team_join_failed (&team, G_IO_ERROR, G_IO_ERROR_NOT_FOUND);
  assert_state (&team.members[2], THREDO_THREAD_STATE_CANCELLED);
  team_clear (&team);
}

static void
test_fail_first_counts (void)
{
  Team team;

  team_init (&team, THREDO_GROUP_WAIT_ALL);
  member_order_and_wait (&team.members[3], ORDER_FAIL_OTHERWISE, THREDO_THREAD_STATE_FAILED);
  member_order_and_wait (&team.members[0], ORDER_FAIL, THREDO_THREAD_STATE_FAILED);
  team_join_failed (&team, G_IO_ERROR, G_IO_ERROR_EXISTS);
  assert_failed (team.group, team.members[3].thread);
  team_clear (&team);
}

static void
test_fail_silently (void)
{
  Team team;

  team_init (&team, THREDO_GROUP_WAIT_ALL);
  member_order (&team.members[0], ORDER_FAIL_SILENTLY);
  team_join_failed (&team, THREDO_ERROR, THREDO_ERROR_FAILED);
  team_clear (&team);
}

/* A member cancelled by hand, or by a button, is no failure. */
static void
test_fail_not_by_cancel (void)
{
  Team team;
  Joiner joiner;

  team_init (&team, THREDO_GROUP_WAIT_ALL);
  joiner = (Joiner) { .group = team.group };
  joiner_start (&joiner);
  thredo_thread_cancel (team.members[1].thread);
  support_wait_for_state (team.members[1].thread, THREDO_THREAD_STATE_CANCELLED);
  support_wait_for_wait (joiner.thread, "join on Group");
  for (int i = 0; i < N_MEMBERS; i++)
    {
      if (i == 1)
        continue;
      assert_state (&team.members[i], THREDO_THREAD_STATE_WAITING);
      member_order_and_wait (&team.members[i], ORDER_FINISH, THREDO_THREAD_STATE_FINISHED);
    }
  joiner_end_ok (&joiner);
  team_clear (&team);
}

/* --- cancel --------------------------------------------------------------- */

static void
test_cancel (void)
{
  Team team;
  g_autoptr(ThredoThread) late = NULL;
  g_autoptr(GError) error = NULL;

  team_init (&team, THREDO_GROUP_WAIT_ALL);
  member_order_and_wait (&team.members[0], ORDER_FINISH, THREDO_THREAD_STATE_FINISHED);
  thredo_group_cancel (team.group);
  thredo_group_cancel (team.group);
  g_assert_true (thredo_group_is_cancelled (team.group));

  /* Who comes later is cancelled as well. */
  late = thredo_group_spawn (team.group, "late", support_sleep_forever, NULL, NULL, &error);
  g_assert_no_error (error);
  team_join_ok (&team);
  assert_state (&team.members[0], THREDO_THREAD_STATE_FINISHED);
  for (int i = 1; i < N_MEMBERS; i++)
    assert_state (&team.members[i], THREDO_THREAD_STATE_CANCELLED);
  g_assert_cmpint (thredo_thread_get_state (late), ==, THREDO_THREAD_STATE_CANCELLED);
  team_clear (&team);
}

/* A failure is a failure, cancel or not. */
static void
test_cancel_after_failure (void)
{
  Team team;

  team_init (&team, THREDO_GROUP_WAIT_ALL);
  member_order_and_wait (&team.members[0], ORDER_FAIL, THREDO_THREAD_STATE_FAILED);
  thredo_group_cancel (team.group);
  team_join_failed (&team, G_IO_ERROR, G_IO_ERROR_NOT_FOUND);
  team_clear (&team);
}

static void
test_cancel_remaining (void)
{
  Team team;
  Member late;
  g_autoptr(GError) error = NULL;

  team_init (&team, THREDO_GROUP_WAIT_ALL);
  member_order_and_wait (&team.members[0], ORDER_FINISH, THREDO_THREAD_STATE_FINISHED);
  thredo_group_cancel_remaining (team.group);
  for (int i = 1; i < N_MEMBERS; i++)
    support_wait_for_state (team.members[i].thread, THREDO_THREAD_STATE_CANCELLED);

  /* Who comes later is not meant. */
  member_init (&late, 9);
  late.thread = thredo_group_spawn (team.group, "late", obey, &late, NULL, &error);
  g_assert_no_error (error);
  support_wait_for_state (late.thread, THREDO_THREAD_STATE_WAITING);
  g_assert_false (thredo_thread_is_cancelled (late.thread));
  member_order (&late, ORDER_FINISH);
  team_join_ok (&team);
  assert_state (&late, THREDO_THREAD_STATE_FINISHED);
  member_clear (&late);
  team_clear (&team);
}

/* --- the joiner's own cancel ---------------------------------------------- */

/* Members whose cleanup takes its time, as long as the gate is empty. */
typedef struct
{
  ThredoQueue *orders;
  ThredoQueue *cleanup;
  int n_cleaned;
} Slow;

static gboolean
clean_up_slowly (ThredoThread  *thread,
                 gpointer       user_data,
                 GError       **error)
{
  Slow *slow = user_data;
  g_autoptr(ThredoScope) shield = NULL;
  g_autoptr(ThredoScopeGuard) guard = NULL;

  if (thredo_queue_get_pointer (slow->orders, NULL, error) != NULL)
    return TRUE;

  shield = thredo_scope_new_shielded ();
  guard = thredo_scope_guard_new (shield);
  g_assert_nonnull (thredo_queue_get_pointer (slow->cleanup, NULL, NULL));
  g_atomic_int_inc (&slow->n_cleaned);

  return FALSE;
}

static void
slow_init (Slow         *slow,
           ThredoGroup  *group,
           ThredoThread *threads[3])
{
  slow->orders = thredo_queue_new (0);
  slow->cleanup = thredo_queue_new (0);
  slow->n_cleaned = 0;
  thredo_queue_set_name (slow->cleanup, "cleanup");
  for (int i = 0; i < 3; i++)
    {
      threads[i] = thredo_group_spawn (group, "slow", clean_up_slowly, slow, NULL, NULL);
      support_wait_for_state (threads[i], THREDO_THREAD_STATE_WAITING);
    }
}

/* Lets them end one by one; the joiner, if there is one, stays until the last has. */
static void
slow_let_go (Slow         *slow,
             ThredoThread *threads[3],
             ThredoThread *joiner)
{
  for (int i = 0; i < 3; i++)
    support_wait_for_wait (threads[i], "get on Queue 'cleanup'");
  for (int i = 0; i < 3; i++)
    {
      if (joiner != NULL)
        g_assert_true (thredo_thread_is_alive (joiner));
      g_assert_true (thredo_queue_put_pointer (slow->cleanup, slow, NULL, NULL));
      support_wait_for_int (&slow->n_cleaned, i + 1);
    }
}

static void
slow_clear (Slow         *slow,
            ThredoThread *threads[3])
{
  for (int i = 0; i < 3; i++)
    {
      g_assert_cmpint (thredo_thread_get_state (threads[i]), ==, THREDO_THREAD_STATE_CANCELLED);
      g_object_unref (threads[i]);
    }
  g_object_unref (slow->orders);
  g_object_unref (slow->cleanup);
}

static void
test_joiner_cancelled (void)
{
  g_autoptr(ThredoGroup) group = thredo_group_new (THREDO_GROUP_WAIT_ALL);
  ThredoThread *threads[3];
  Joiner joiner = { .group = group };
  Slow slow;

  slow_init (&slow, group, threads);
  joiner_start (&joiner);
  thredo_thread_cancel (joiner.thread);
  slow_let_go (&slow, threads, joiner.thread);
  joiner_end_failed (&joiner, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  slow_clear (&slow, threads);
}

static void
test_joiner_cancellable (void)
{
  g_autoptr(ThredoGroup) group = thredo_group_new (THREDO_GROUP_WAIT_ALL);
  g_autoptr(GCancellable) cancellable = g_cancellable_new ();
  ThredoThread *threads[3];
  Joiner joiner = { .group = group, .cancellable = cancellable };
  Slow slow;

  slow_init (&slow, group, threads);
  joiner_start (&joiner);
  g_cancellable_cancel (cancellable);
  slow_let_go (&slow, threads, joiner.thread);
  joiner_end_failed (&joiner, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  slow_clear (&slow, threads);
}

static void
test_joiner_scope (void)
{
  g_autoptr(ThredoGroup) group = thredo_group_new (THREDO_GROUP_WAIT_ALL);
  g_autoptr(ThredoScope) scope = thredo_scope_new ();
  ThredoThread *threads[3];
  Joiner joiner = { .group = group, .scope = scope };
  Slow slow;

  slow_init (&slow, group, threads);
  joiner_start (&joiner);
  thredo_scope_cancel (scope);
  slow_let_go (&slow, threads, joiner.thread);
  joiner_end_failed (&joiner, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  slow_clear (&slow, threads);
}

static void
test_joiner_deadline (void)
{
  g_autoptr(ThredoGroup) group = thredo_group_new (THREDO_GROUP_WAIT_ALL);
  g_autoptr(ThredoScope) scope = thredo_scope_new ();
  ThredoThread *threads[3];
  Joiner joiner = { .group = group, .scope = scope };
  Slow slow;

  slow_init (&slow, group, threads);
  joiner_start (&joiner);
  thredo_scope_set_deadline (scope, g_get_monotonic_time () + G_TIME_SPAN_MILLISECOND);
  slow_let_go (&slow, threads, joiner.thread);
  joiner_end_failed (&joiner, G_IO_ERROR, G_IO_ERROR_TIMED_OUT);
  slow_clear (&slow, threads);
}

/* The deadline of whoever joins, here of the main thread. */
static void
test_joiner_outer_deadline (void)
{
  g_autoptr(ThredoScope) outer = thredo_scope_new_with_timeout (G_TIME_SPAN_MILLISECOND);
  g_autoptr(ThredoScope) inner = thredo_scope_new_with_timeout (SUPPORT_FOREVER);
  Team team;

  team_init (&team, THREDO_GROUP_WAIT_ALL);
  thredo_scope_enter (outer);
  thredo_scope_enter (inner);
  team_join_failed (&team, G_IO_ERROR, G_IO_ERROR_TIMED_OUT);
  thredo_scope_leave (inner);
  thredo_scope_leave (outer);
  for (int i = 0; i < N_MEMBERS; i++)
    assert_state (&team.members[i], THREDO_THREAD_STATE_CANCELLED);
  team_clear (&team);
}

static void
test_joiner_cancelled_before (void)
{
  g_autoptr(GCancellable) cancellable = g_cancellable_new ();
  g_autoptr(GError) error = NULL;
  Team team;

  team_init (&team, THREDO_GROUP_WAIT_ALL);
  g_cancellable_cancel (cancellable);
  g_assert_false (thredo_group_join (team.group, cancellable, &error));
  support_assert_cancelled (&error);
  for (int i = 0; i < N_MEMBERS; i++)
    assert_state (&team.members[i], THREDO_THREAD_STATE_CANCELLED);
  team_clear (&team);
}

static gboolean
join_shielded (ThredoThread  *thread,
               gpointer       user_data,
               GError       **error)
{
  Joiner *joiner = user_data;
  g_autoptr(ThredoScope) shield = thredo_scope_new_shielded ();
  gboolean ok;

  thredo_scope_enter (shield);
  ok = join_group (thread, joiner, error);
  thredo_scope_leave (shield);

  return ok;
}

static void
test_joiner_shielded (void)
{
  Team team;
  Joiner joiner;

  team_init (&team, THREDO_GROUP_WAIT_ALL);
  joiner = (Joiner) { .group = team.group };
  joiner.thread = thredo_thread_spawn ("joiner", join_shielded, &joiner, NULL, NULL);
  support_wait_for_wait (joiner.thread, "join on Group");
  thredo_thread_cancel (joiner.thread);
  for (int i = 0; i < N_MEMBERS; i++)
    member_order_and_wait (&team.members[i], ORDER_FINISH, THREDO_THREAD_STATE_FINISHED);
  joiner_end_ok (&joiner);
  team_clear (&team);
}

/* --- code of users that blocks while a join goes on ----------------------- */

static void
block_in_shield (gpointer counter)
{
  g_autoptr(ThredoScope) shield = thredo_scope_new_shielded ();
  g_autoptr(GError) error = NULL;

  thredo_scope_enter (shield);
  thredo_sleep (1000, NULL, &error);
  g_assert_no_error (error);
  thredo_scope_leave (shield);
  g_atomic_int_inc ((int *) counter);
}

static void
block_when_cancelled (GCancellable *cancellable,
                      gpointer      counter)
{
  block_in_shield (counter);
}

typedef struct
{
  ThredoGroup *group;
  ThredoThread *threads[3];
} Crew;

static void
assert_crew_ended (Crew *crew)
{
  for (gsize i = 0; i < G_N_ELEMENTS (crew->threads); i++)
    g_assert_false (thredo_thread_is_alive (crew->threads[i]));
}

static gboolean
join_crew (ThredoThread  *thread,
           gpointer       user_data,
           GError       **error)
{
  Crew *crew = user_data;
  gboolean ok = thredo_group_join (crew->group, NULL, error);

  assert_crew_ended (crew);
  return ok;
}

/* A clean-up and a handler that block are run when the join is settled, or cut
 * short: the join waits for every member all the same. */
static void
join_while_others_block (ThredoGroupWait policy,
                         gboolean        cut_short)
{
  g_autoptr(ThredoGroup) group = thredo_group_new (policy);
  g_autoptr(ThredoThread) surplus = NULL;
  g_autoptr(ThredoThread) joiner = NULL;
  g_autoptr(GError) error = NULL;
  Crew crew = { .group = group };
  int n_blocked = 0;
  Slow slow;

  slow_init (&slow, group, crew.threads);
  thredo_group_set_max_running (group, G_N_ELEMENTS (crew.threads));
  surplus = thredo_group_spawn (group, "surplus", support_return_true, &n_blocked,
                                block_in_shield, &error);
  g_assert_no_error (error);
  g_cancellable_connect (thredo_thread_get_cancellable (crew.threads[1]),
                         G_CALLBACK (block_when_cancelled), &n_blocked, NULL);

  joiner = thredo_thread_spawn ("joiner", join_crew, &crew, NULL, &error);
  g_assert_no_error (error);
  if (cut_short)
    {
      support_wait_for_wait (joiner, "join on Group");
      thredo_thread_cancel (joiner);
    }
  support_wait_for_int (&n_blocked, 2);
  support_wait_for_wait (joiner, "join on Group");
  slow_let_go (&slow, crew.threads, joiner);

  if (cut_short)
    {
      g_assert_false (thredo_thread_join (joiner, NULL, &error));
      support_assert_error (&error, THREDO_ERROR, THREDO_ERROR_THREAD_CANCELLED);
    }
  else
    {
      support_join_ok (joiner);
    }
  g_assert_cmpint (thredo_thread_get_state (surplus), ==, THREDO_THREAD_STATE_CANCELLED);
  g_assert_cmpint (n_blocked, ==, 2);
  slow_clear (&slow, crew.threads);
}

static void
test_join_clean_up_that_blocks (void)
{
  join_while_others_block (THREDO_GROUP_WAIT_NONE, FALSE);
}

static void
test_joiner_clean_up_that_blocks (void)
{
  join_while_others_block (THREDO_GROUP_WAIT_ALL, TRUE);
}

/* --- joined once ---------------------------------------------------------- */

static void
test_joined_already (void)
{
  g_autoptr(ThredoGroup) group = thredo_group_new (THREDO_GROUP_WAIT_ALL);
  g_autoptr(ThredoThread) thread = thredo_thread_new ("left out", support_return_true, NULL, NULL);
  g_autoptr(GError) error = NULL;
  int n_destroyed = 0;

  g_assert_true (thredo_group_join (group, NULL, &error));
  g_assert_false (thredo_group_join (group, NULL, &error));
  support_assert_error (&error, THREDO_ERROR, THREDO_ERROR_STATE);
  g_assert_null (thredo_group_spawn (group, "late", support_return_true, &n_destroyed,
                                     support_count_destroy, &error));
  support_assert_error (&error, THREDO_ERROR, THREDO_ERROR_STATE);
  g_assert_cmpint (n_destroyed, ==, 1);
  g_assert_false (thredo_group_add (group, thread, &error));
  support_assert_error (&error, THREDO_ERROR, THREDO_ERROR_STATE);

  /* What was not taken in is as before. */
  g_assert_cmpint (thredo_thread_get_state (thread), ==, THREDO_THREAD_STATE_NEW);
  g_assert_true (thredo_thread_start (thread, &error));
  support_join_ok (thread);
}

/* --- nested groups -------------------------------------------------------- */

#define NEST_DEPTH 3
#define NEST_WIDTH 3

typedef struct
{
  int n_waiting;
  int n_started;
  int n_ended;
  ThredoQueue *orders;
} Nest;

typedef struct
{
  Nest *nest;
  int depth;
} NestLevel;

static gboolean
run_nest (ThredoThread  *thread,
          gpointer       user_data,
          GError       **error)
{
  NestLevel *level = user_data;
  gboolean ok;

  g_atomic_int_inc (&level->nest->n_started);
  if (level->depth == 0)
    {
      g_atomic_int_inc (&level->nest->n_waiting);
      ok = thredo_queue_get_pointer (level->nest->orders, NULL, error) != NULL;
      if (ok)
        {
          g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND, "As ordered");
          ok = FALSE;
        }
    }
  else
    {
      g_autoptr(ThredoGroup) group = thredo_group_new (THREDO_GROUP_WAIT_ALL);
      ThredoThread *threads[NEST_WIDTH];
      NestLevel *below = g_new (NestLevel, 1);

      *below = (NestLevel) { level->nest, level->depth - 1 };
      for (int i = 0; i < NEST_WIDTH; i++)
        threads[i] = thredo_group_spawn (group, "nested", run_nest, below, NULL, NULL);
      ok = thredo_group_join (group, NULL, error);
      for (int i = 0; i < NEST_WIDTH; i++)
        {
          g_assert_false (thredo_thread_is_alive (threads[i]));
          g_object_unref (threads[i]);
        }
      /* Nobody below can still read it. */
      g_free (below);
    }
  g_atomic_int_inc (&level->nest->n_ended);

  return ok;
}

static void
test_nested_cancelled (void)
{
  g_autoptr(ThredoQueue) orders = thredo_queue_new (0);
  Nest nest = { .orders = orders };
  NestLevel top = { &nest, NEST_DEPTH };
  g_autoptr(ThredoThread) thread = NULL;

  thread = thredo_thread_spawn ("top", run_nest, &top, NULL, NULL);
  support_wait_for_int (&nest.n_waiting, 27);
  support_cancel_and_join (thread);
  g_assert_cmpint (nest.n_started, ==, 1 + 3 + 9 + 27);
  g_assert_cmpint (nest.n_ended, ==, 1 + 3 + 9 + 27);
}

/* As above, with the cancel coming through a group of the outside. */
static void
test_nested_group_cancelled (void)
{
  g_autoptr(ThredoGroup) group = thredo_group_new (THREDO_GROUP_WAIT_ALL);
  g_autoptr(ThredoQueue) orders = thredo_queue_new (0);
  Nest nest = { .orders = orders };
  NestLevel top = { &nest, NEST_DEPTH };
  g_autoptr(ThredoThread) thread = NULL;
  g_autoptr(GError) error = NULL;

  thread = thredo_group_spawn (group, "top", run_nest, &top, NULL, NULL);
  support_wait_for_int (&nest.n_waiting, 27);
  thredo_group_cancel (group);
  g_assert_true (thredo_group_join (group, NULL, &error));
  g_assert_no_error (error);
  g_assert_cmpint (thredo_thread_get_state (thread), ==, THREDO_THREAD_STATE_CANCELLED);
  g_assert_cmpint (nest.n_ended, ==, 1 + 3 + 9 + 27);
}

/* Cancelled while the nest is still being built, at whatever point that is. */
static void
test_nested_cancelled_early (void)
{
  guint n_rounds = support_rounds (200);

  for (guint i = 0; i < n_rounds; i++)
    {
      g_autoptr(ThredoQueue) orders = thredo_queue_new (0);
      Nest nest = { .orders = orders };
      NestLevel top = { &nest, NEST_DEPTH };
      g_autoptr(ThredoThread) thread = NULL;

      thread = thredo_thread_spawn ("top", run_nest, &top, NULL, NULL);
      support_wait_for_int (&nest.n_started, i % 20);
      thredo_thread_cancel (thread);
      g_assert_true (thredo_thread_wait (thread, NULL, NULL));
      g_assert_cmpint (nest.n_ended, ==, nest.n_started);
    }
}

/* A failure at the very bottom comes up through all groups. */
static void
test_nested_fails (void)
{
  g_autoptr(ThredoQueue) orders = thredo_queue_new (0);
  Nest nest = { .orders = orders };
  NestLevel top = { &nest, NEST_DEPTH };
  g_autoptr(ThredoThread) thread = NULL;
  g_autoptr(GError) error = NULL;

  thread = thredo_thread_spawn ("top", run_nest, &top, NULL, NULL);
  support_wait_for_int (&nest.n_waiting, 27);
  g_assert_true (thredo_queue_put_pointer (orders, &nest, NULL, NULL));
  g_assert_false (thredo_thread_join (thread, NULL, &error));
  support_assert_error (&error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND);
  g_assert_cmpint (nest.n_ended, ==, 1 + 3 + 9 + 27);
}

/* --- many members --------------------------------------------------------- */

static gboolean
take_one (ThredoThread  *thread,
          gpointer       user_data,
          GError       **error)
{
  return thredo_queue_get_pointer (user_data, NULL, error) != NULL;
}

static void
test_thousand (void)
{
  g_autoptr(ThredoGroup) group = thredo_group_new (THREDO_GROUP_WAIT_ALL);
  g_autoptr(ThredoQueue) queue = thredo_queue_new (0);
  g_autoptr(GPtrArray) threads = g_ptr_array_new_with_free_func (g_object_unref);
  g_autoptr(GError) error = NULL;
  guint n = MAX (support_rounds (1000), 100);

  for (guint i = 0; i < n; i++)
    {
      g_ptr_array_add (threads, thredo_group_spawn (group, NULL, take_one, queue, NULL, &error));
      g_assert_no_error (error);
    }
  for (guint i = 0; i < n; i++)
    support_wait_for_state (g_ptr_array_index (threads, i), THREDO_THREAD_STATE_WAITING);
  for (guint i = 0; i < n; i++)
    g_assert_true (thredo_queue_put_pointer (queue, queue, NULL, NULL));
  g_assert_true (thredo_group_join (group, NULL, &error));
  g_assert_no_error (error);
  for (guint i = 0; i < n; i++)
    g_assert_cmpint (thredo_thread_get_state (g_ptr_array_index (threads, i)), ==,
                     THREDO_THREAD_STATE_FINISHED);
}

static void
test_thousand_cancelled (void)
{
  g_autoptr(ThredoGroup) group = thredo_group_new (THREDO_GROUP_WAIT_ALL);
  g_autoptr(GError) error = NULL;
  guint n = MAX (support_rounds (1000), 100);
  int n_destroyed = 0;

  for (guint i = 0; i < n; i++)
    spawn_and_forget (group, support_sleep_forever, &n_destroyed, support_count_destroy);
  thredo_group_cancel (group);
  g_assert_true (thredo_group_join (group, NULL, &error));
  g_assert_no_error (error);
  g_assert_cmpuint (g_atomic_int_get (&n_destroyed), ==, n);
}

/* --- spawned from inside -------------------------------------------------- */

typedef struct
{
  int n_left;
  int n_run;
} Chain;

static gboolean
spawn_next (ThredoThread  *thread,
            gpointer       user_data,
            GError       **error)
{
  Chain *chain = user_data;
  g_autoptr(ThredoGroup) group = thredo_thread_get_group (thread);
  g_autoptr(ThredoThread) next = NULL;

  g_assert_nonnull (group);
  g_atomic_int_inc (&chain->n_run);
  if (g_atomic_int_add (&chain->n_left, -1) <= 0)
    return TRUE;
  next = thredo_group_spawn (group, "next", spawn_next, chain, NULL, error);

  return next != NULL;
}

static void
test_spawn_inside (void)
{
  for (int max_running = 0; max_running < 3; max_running++)
    {
      g_autoptr(ThredoGroup) group = thredo_group_new (THREDO_GROUP_WAIT_ALL);
      g_autoptr(GError) error = NULL;
      Chain chain = { .n_left = 300 };

      thredo_group_set_max_running (group, max_running);
      for (int i = 0; i < 3; i++)
        spawn_and_forget (group, spawn_next, &chain, NULL);
      g_assert_true (thredo_group_join (group, NULL, &error));
      g_assert_no_error (error);
      g_assert_cmpint (chain.n_run, ==, 303);
    }
}

/* --- max-running ---------------------------------------------------------- */

typedef struct
{
  int n_running;
  int peak;
  int n_run;
  ThredoQueue *leave;
} Crowding;

static gboolean
count_running (ThredoThread  *thread,
               gpointer       user_data,
               GError       **error)
{
  Crowding *crowding = user_data;
  int now = g_atomic_int_add (&crowding->n_running, 1) + 1;
  int peak;
  gboolean ok = TRUE;

  do
    peak = g_atomic_int_get (&crowding->peak);
  while (now > peak && !g_atomic_int_compare_and_exchange (&crowding->peak, peak, now));

  g_atomic_int_inc (&crowding->n_run);
  if (crowding->leave != NULL)
    ok = thredo_queue_get_pointer (crowding->leave, NULL, error) != NULL;
  else
    g_thread_yield ();
  g_atomic_int_add (&crowding->n_running, -1);

  return ok;
}

static void
test_max_running (void)
{
  g_autoptr(ThredoGroup) group = thredo_group_new (THREDO_GROUP_WAIT_ALL);
  g_autoptr(GError) error = NULL;
  Crowding crowding = { 0 };
  guint n = support_rounds (2000);

  thredo_group_set_max_running (group, 4);
  g_assert_cmpuint (thredo_group_get_max_running (group), ==, 4);
  for (guint i = 0; i < n; i++)
    spawn_and_forget (group, count_running, &crowding, NULL);
  g_assert_true (thredo_group_join (group, NULL, &error));
  g_assert_no_error (error);
  g_assert_cmpuint (crowding.n_run, ==, n);
  g_assert_cmpint (crowding.n_running, ==, 0);
  g_assert_cmpint (crowding.peak, <=, 4);
}

static guint
count_in_state (GPtrArray         *threads,
                ThredoThreadState  state)
{
  guint n = 0;

  for (guint i = 0; i < threads->len; i++)
    n += thredo_thread_get_state (g_ptr_array_index (threads, i)) == state;

  return n;
}

static guint
count_new (GPtrArray *threads)
{
  return count_in_state (threads, THREDO_THREAD_STATE_NEW);
}

static gboolean
seven_have_finished (gpointer threads)
{
  return count_in_state (threads, THREDO_THREAD_STATE_FINISHED) == 7;
}

/* Exactly as many as may: who is over that stays NEW, and starts in order. */
static void
test_max_running_exact (void)
{
  g_autoptr(ThredoGroup) group = thredo_group_new (THREDO_GROUP_WAIT_ALL);
  g_autoptr(ThredoQueue) leave = thredo_queue_new (0);
  g_autoptr(GPtrArray) threads = g_ptr_array_new_with_free_func (g_object_unref);
  g_autoptr(GError) error = NULL;
  Crowding crowding = { .leave = leave };

  thredo_group_set_max_running (group, 3);
  for (int i = 0; i < 20; i++)
    g_ptr_array_add (threads,
                     thredo_group_spawn (group, NULL, count_running, &crowding, NULL, NULL));
  for (int i = 0; i < 3; i++)
    support_wait_for_state (g_ptr_array_index (threads, i), THREDO_THREAD_STATE_WAITING);
  g_assert_cmpuint (count_new (threads), ==, 17);

  g_assert_true (thredo_queue_put_pointer (leave, leave, NULL, NULL));
  support_wait_for_state (g_ptr_array_index (threads, 3), THREDO_THREAD_STATE_WAITING);
  g_assert_cmpuint (count_new (threads), ==, 16);

  /* More room at once, then less: nobody who runs is sent away. */
  thredo_group_set_max_running (group, 8);
  for (int i = 4; i < 9; i++)
    support_wait_for_state (g_ptr_array_index (threads, i), THREDO_THREAD_STATE_WAITING);
  g_assert_cmpuint (count_new (threads), ==, 11);
  thredo_group_set_max_running (group, 2);
  for (int i = 0; i < 6; i++)
    g_assert_true (thredo_queue_put_pointer (leave, leave, NULL, NULL));
  support_wait_for ("the end of seven", seven_have_finished, threads);
  g_assert_cmpuint (count_new (threads), ==, 11);
  g_assert_cmpint (crowding.peak, ==, 8);

  /* And no limit. */
  thredo_group_set_max_running (group, 0);
  for (int i = 9; i < 20; i++)
    support_wait_for_state (g_ptr_array_index (threads, i), THREDO_THREAD_STATE_WAITING);
  thredo_queue_close (leave);
  g_assert_false (thredo_group_join (group, NULL, &error));
  support_assert_closed (&error);
}

/* Cancelled before there was room: it never runs, and its data is freed. */
static void
test_max_running_cancelled (void)
{
  g_autoptr(ThredoGroup) group = thredo_group_new (THREDO_GROUP_WAIT_ALL);
  g_autoptr(GPtrArray) threads = g_ptr_array_new_with_free_func (g_object_unref);
  g_autoptr(GError) error = NULL;
  Member first;
  Chain chain = { 0 };
  int n_destroyed = 0;

  member_init (&first, 0);
  thredo_group_set_max_running (group, 1);
  first.thread = thredo_group_spawn (group, "first", obey, &first, NULL, NULL);
  for (int i = 0; i < 5; i++)
    g_ptr_array_add (threads,
                     thredo_group_spawn (group, "surplus", spawn_next, &chain, NULL, NULL));
  for (int i = 0; i < 5; i++)
    g_ptr_array_add (threads,
                     thredo_group_spawn (group, "surplus", support_return_true, &n_destroyed,
                                         support_count_destroy, NULL));
  support_wait_for_state (first.thread, THREDO_THREAD_STATE_WAITING);
  g_assert_cmpuint (count_new (threads), ==, 10);

  /* One of them by hand, the rest with the group. */
  thredo_thread_cancel (g_ptr_array_index (threads, 9));
  support_wait_for_state (g_ptr_array_index (threads, 9), THREDO_THREAD_STATE_CANCELLED);
  support_wait_for_int (&n_destroyed, 1);
  thredo_group_cancel (group);
  g_assert_true (thredo_group_join (group, NULL, &error));
  g_assert_no_error (error);
  for (int i = 0; i < 10; i++)
    g_assert_cmpint (thredo_thread_get_state (g_ptr_array_index (threads, i)), ==,
                     THREDO_THREAD_STATE_CANCELLED);
  g_assert_cmpint (chain.n_run, ==, 0);
  g_assert_cmpint (n_destroyed, ==, 5);
  member_clear (&first);
}

/* --- daemons -------------------------------------------------------------- */

static void
add_daemon (ThredoGroup *group,
            Member      *member)
{
  g_autoptr(GError) error = NULL;

  member_init (member, -1);
  member->thread = thredo_thread_new ("daemon", obey, member, NULL);
  thredo_thread_set_daemon (member->thread, TRUE);
  g_assert_true (thredo_group_add (group, member->thread, &error));
  g_assert_no_error (error);
  support_wait_for_state (member->thread, THREDO_THREAD_STATE_WAITING);
}

static void
test_daemon (void)
{
  Team team;
  Member daemons[3];
  Joiner joiner;

  team_init (&team, THREDO_GROUP_WAIT_ALL);
  for (int i = 0; i < 3; i++)
    add_daemon (team.group, &daemons[i]);
  joiner = (Joiner) { .group = team.group };
  joiner_start (&joiner);

  /* Its failure is nobody's business, its result neither. */
  member_order_and_wait (&daemons[0], ORDER_FAIL, THREDO_THREAD_STATE_FAILED);
  member_order_and_wait (&daemons[1], ORDER_NUMBER, THREDO_THREAD_STATE_FINISHED);
  support_wait_for_wait (joiner.thread, "join on Group");
  for (int i = 0; i < N_MEMBERS; i++)
    member_order_and_wait (&team.members[i], ORDER_FINISH, THREDO_THREAD_STATE_FINISHED);
  joiner_end_ok (&joiner);

  assert_completed (team.group, team.members[0].thread);
  assert_state (&daemons[2], THREDO_THREAD_STATE_CANCELLED);
  for (int i = 0; i < 3; i++)
    member_clear (&daemons[i]);
  team_clear (&team);
}

static void
test_daemon_does_not_decide (void)
{
  static const ThredoGroupWait policies[] = { THREDO_GROUP_WAIT_ANY, THREDO_GROUP_WAIT_RESULT };

  for (guint i = 0; i < G_N_ELEMENTS (policies); i++)
    {
      Team team;
      Member daemon;
      Joiner joiner;

      team_init (&team, policies[i]);
      add_daemon (team.group, &daemon);
      joiner = (Joiner) { .group = team.group };
      joiner_start (&joiner);
      member_order_and_wait (&daemon, ORDER_NUMBER, THREDO_THREAD_STATE_FINISHED);
      support_wait_for_wait (joiner.thread, "join on Group");
      member_order (&team.members[2], ORDER_NUMBER);
      joiner_end_ok (&joiner);
      assert_only_finished (&team, 2);
      member_clear (&daemon);
      team_clear (&team);
    }
}

static void
test_daemon_only (void)
{
  g_autoptr(ThredoGroup) group = thredo_group_new (THREDO_GROUP_WAIT_ALL);
  g_autoptr(GError) error = NULL;
  Member daemon;

  add_daemon (group, &daemon);
  g_assert_true (thredo_group_join (group, NULL, &error));
  g_assert_no_error (error);
  assert_state (&daemon, THREDO_THREAD_STATE_CANCELLED);
  member_clear (&daemon);
}

/* --- next_done, next_result ----------------------------------------------- */

static void
assert_next_done (ThredoGroup  *group,
                  ThredoThread *thread)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(ThredoThread) next = thredo_group_next_done (group, NULL, &error);

  g_assert_no_error (error);
  g_assert_true (next == thread);
}

static void
test_next_done (void)
{
  static const int sequence[N_MEMBERS] = { 2, 0, 3, 1 };
  Team team;

  team_init (&team, THREDO_GROUP_WAIT_ALL);
  for (int i = 0; i < N_MEMBERS; i++)
    member_order_and_wait (&team.members[sequence[i]], ORDER_FINISH, THREDO_THREAD_STATE_FINISHED);
  for (int i = 0; i < N_MEMBERS; i++)
    assert_next_done (team.group, team.members[sequence[i]].thread);

  /* None is left, and asking again is no error. */
  assert_next_done (team.group, NULL);
  assert_next_done (team.group, NULL);
  team_join_ok (&team);
  team_clear (&team);
}

typedef struct
{
  ThredoGroup *group;
  GCancellable *cancellable;
  ThredoThread *next;
  ThredoThread *thread;
} Asker;

static gboolean
ask_next_done (ThredoThread  *thread,
               gpointer       user_data,
               GError       **error)
{
  Asker *asker = user_data;

  asker->next = thredo_group_next_done (asker->group, asker->cancellable, error);

  return asker->next != NULL || error == NULL || *error == NULL;
}

static void
asker_start (Asker *asker)
{
  asker->thread = thredo_thread_spawn ("asker", ask_next_done, asker, NULL, NULL);
  support_wait_for_wait (asker->thread, "next_done on Group");
}

static void
test_next_done_waits (void)
{
  Team team;
  Asker askers[2];

  team_init (&team, THREDO_GROUP_WAIT_ALL);
  for (int i = 0; i < 2; i++)
    {
      askers[i] = (Asker) { .group = team.group };
      asker_start (&askers[i]);
    }
  for (int i = 0; i < 2; i++)
    {
      member_order_and_wait (&team.members[3 - i], ORDER_FINISH, THREDO_THREAD_STATE_FINISHED);
      support_join_ok (askers[i].thread);
      g_assert_true (askers[i].next == team.members[3 - i].thread);
      g_object_unref (askers[i].next);
      g_object_unref (askers[i].thread);
    }
  thredo_group_cancel (team.group);
  team_join_ok (&team);
  team_clear (&team);
}

/* The asker waits for the last one there is, and somebody else gets it. */
static void
test_next_done_none_left (void)
{
  g_autoptr(ThredoGroup) group = thredo_group_new (THREDO_GROUP_WAIT_ALL);
  Member member;
  Asker askers[2];
  int n_taken = 0;

  member_init (&member, 0);
  member.thread = thredo_group_spawn (group, "only", obey, &member, NULL, NULL);
  for (int i = 0; i < 2; i++)
    {
      askers[i] = (Asker) { .group = group };
      asker_start (&askers[i]);
    }
  member_order (&member, ORDER_FINISH);
  for (int i = 0; i < 2; i++)
    {
      support_join_ok (askers[i].thread);
      n_taken += askers[i].next != NULL;
      g_clear_object (&askers[i].next);
      g_object_unref (askers[i].thread);
    }
  g_assert_cmpint (n_taken, ==, 1);
  g_assert_true (thredo_group_join (group, NULL, NULL));
  member_clear (&member);
}

/* A failed member that was taken is its taker's business. */
static void
test_next_done_failed (void)
{
  Team team;

  team_init (&team, THREDO_GROUP_WAIT_ALL);
  member_order (&team.members[1], ORDER_FAIL);
  assert_next_done (team.group, team.members[1].thread);
  assert_failed (team.group, NULL);
  g_assert_error (thredo_thread_get_error (team.members[1].thread),
                  G_IO_ERROR, G_IO_ERROR_NOT_FOUND);
  assert_state (&team.members[0], THREDO_THREAD_STATE_WAITING);
  member_order (&team.members[0], ORDER_FINISH);
  assert_next_done (team.group, team.members[0].thread);
  member_order (&team.members[2], ORDER_FINISH);
  member_order (&team.members[3], ORDER_FINISH);
  team_join_ok (&team);
  team_clear (&team);
}

static void
test_next_done_cancelled (void)
{
  g_autoptr(GCancellable) cancellable = g_cancellable_new ();
  g_autoptr(ThredoScope) scope = thredo_scope_new_with_timeout (G_TIME_SPAN_MILLISECOND);
  g_autoptr(GError) error = NULL;
  Team team;
  Asker askers[2];

  team_init (&team, THREDO_GROUP_WAIT_ALL);
  askers[0] = (Asker) { .group = team.group };
  askers[1] = (Asker) { .group = team.group, .cancellable = cancellable };
  asker_start (&askers[0]);
  asker_start (&askers[1]);
  support_cancel_and_join (askers[0].thread);
  g_cancellable_cancel (cancellable);
  g_assert_false (thredo_thread_join (askers[1].thread, NULL, &error));
  support_assert_error (&error, THREDO_ERROR, THREDO_ERROR_THREAD_CANCELLED);
  for (int i = 0; i < 2; i++)
    {
      g_assert_null (askers[i].next);
      g_object_unref (askers[i].thread);
    }
  thredo_scope_enter (scope);
  g_assert_null (thredo_group_next_done (team.group, NULL, &error));
  support_assert_timed_out (&error);
  thredo_scope_leave (scope);

  /* A cancelled ask takes nobody, and cancels nobody. */
  for (int i = 0; i < N_MEMBERS; i++)
    assert_state (&team.members[i], THREDO_THREAD_STATE_WAITING);
  member_order_and_wait (&team.members[0], ORDER_FINISH, THREDO_THREAD_STATE_FINISHED);
  g_assert_null (thredo_group_next_done (team.group, cancellable, &error));
  support_assert_cancelled (&error);
  assert_next_done (team.group, team.members[0].thread);
  thredo_group_cancel (team.group);
  team_join_ok (&team);
  team_clear (&team);
}

static void
test_next_result (void)
{
  static const int sequence[] = { 3, 1, 0 };
  Team team;
  g_autoptr(GError) error = NULL;
  g_auto(GValue) none = G_VALUE_INIT;

  team_init (&team, THREDO_GROUP_WAIT_ALL);
  member_order (&team.members[2], ORDER_FAIL);
  g_assert_false (thredo_group_next_result (team.group, &none, NULL, &error));
  support_assert_error (&error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND);
  for (guint i = 0; i < G_N_ELEMENTS (sequence); i++)
    member_order_and_wait (&team.members[sequence[i]], ORDER_NUMBER, THREDO_THREAD_STATE_FINISHED);
  for (guint i = 0; i < G_N_ELEMENTS (sequence); i++)
    {
      g_auto(GValue) result = G_VALUE_INIT;

      g_assert_true (thredo_group_next_result (team.group, &result, NULL, &error));
      g_assert_no_error (error);
      g_assert_cmpint (g_value_get_int (&result), ==, sequence[i]);
    }
  g_assert_false (thredo_group_next_result (team.group, &none, NULL, &error));
  support_assert_error (&error, THREDO_ERROR, THREDO_ERROR_STATE);
  team_join_ok (&team);
  team_clear (&team);
}

/* Many members end on their own, many threads ask: each is given once. */
typedef struct
{
  ThredoGroup *group;
  int n_given;
} Harvest;

static gboolean
harvest (ThredoThread  *thread,
         gpointer       user_data,
         GError       **error)
{
  Harvest *common = user_data;

  for (;;)
    {
      g_autoptr(ThredoThread) next = NULL;
      g_autoptr(GError) wrong = NULL;
      int *n_taken;

      next = thredo_group_next_done (common->group, NULL, &wrong);
      g_assert_no_error (wrong);
      if (next == NULL)
        return TRUE;
      n_taken = g_object_get_data (G_OBJECT (next), "n-taken");
      g_assert_cmpint (g_atomic_int_add (n_taken, 1), ==, 0);
      g_atomic_int_inc (&common->n_given);
    }
}

static void
test_next_done_many (void)
{
  g_autoptr(ThredoGroup) group = thredo_group_new (THREDO_GROUP_WAIT_ALL);
  Harvest common = { .group = group };
  guint n = support_rounds (5000);
  g_autofree int *n_taken = g_new0 (int, n);
  ThredoThread *harvesters[3] = { NULL };

  thredo_group_set_max_running (group, 8);
  for (guint i = 0; i < n; i++)
    {
      g_autoptr(ThredoThread) thread = thredo_thread_new ("short", support_return_true, NULL, NULL);

      g_object_set_data (G_OBJECT (thread), "n-taken", &n_taken[i]);
      g_assert_true (thredo_group_add (group, thread, NULL));
      if (i == n / 2)
        for (int j = 0; j < 3; j++)
          harvesters[j] = thredo_thread_spawn ("harvester", harvest, &common, NULL, NULL);
    }
  for (int j = 0; j < 3; j++)
    {
      support_join_ok (harvesters[j]);
      g_object_unref (harvesters[j]);
    }
  /* They may have found the group empty before the last was added. */
  harvest (NULL, &common, NULL);
  g_assert_cmpuint (common.n_given, ==, n);
  g_assert_true (thredo_group_join (group, NULL, NULL));
}

/* --- the group of a thread ------------------------------------------------ */

/* A group with a wrapper in a language. */
typedef struct
{
  ThredoGroup *group;
  ThredoThread *member;
  SupportLanguage language;
  int is_held;
  int is_done;
} Wrapped;

static gpointer
ask_for_group (gpointer data)
{
  Wrapped *wrapped = data;

  return thredo_thread_get_group (wrapped->member);
}

/* With the language's lock, while somebody waits for that in order to have the group. */
static gpointer
use_groups (gpointer data)
{
  Wrapped *wrapped = data;
  g_autoptr(ThredoGroup) other = thredo_group_new (THREDO_GROUP_WAIT_ALL);
  g_autoptr(GPtrArray) threads = NULL;
  g_autoptr(ThredoThread) taken = NULL;
  GWeakRef weak;

  g_mutex_lock (&wrapped->language.lock);
  g_atomic_int_set (&wrapped->is_held, TRUE);
  support_wait_for_int (&wrapped->language.is_waited_for, TRUE);

  thredo_group_set_max_running (wrapped->group, 2);
  threads = thredo_group_get_threads (wrapped->group);
  spawn_and_forget (wrapped->group, support_sleep_forever, NULL, NULL);
  thredo_thread_cancel (wrapped->member);
  taken = thredo_group_next_done (wrapped->group, NULL, NULL);
  g_assert_true (taken == wrapped->member);
  g_weak_ref_init (&weak, other);
  g_clear_object (&other);
  g_weak_ref_clear (&weak);

  g_mutex_unlock (&wrapped->language.lock);
  g_atomic_int_set (&wrapped->is_done, TRUE);
  return NULL;
}

static void
test_get_group_toggle (void)
{
  Wrapped wrapped = { .group = thredo_group_new (THREDO_GROUP_WAIT_ALL) };
  g_autoptr(ThredoGroup) found = NULL;
  GThread *asker, *user;

  g_mutex_init (&wrapped.language.lock);
  wrapped.member = thredo_group_spawn (wrapped.group, "member", support_sleep_forever, NULL, NULL,
                                       NULL);
  support_wait_for_state (wrapped.member, THREDO_THREAD_STATE_WAITING);
  g_object_add_toggle_ref (G_OBJECT (wrapped.group), support_language_toggled,
                           &wrapped.language);
  g_object_unref (wrapped.group);

  user = g_thread_new ("user", use_groups, &wrapped);
  support_wait_for_int (&wrapped.is_held, TRUE);
  asker = g_thread_new ("asker", ask_for_group, &wrapped);
  support_wait_for_int (&wrapped.is_done, TRUE);
  g_thread_join (user);
  found = g_thread_join (asker);
  g_assert_true (found == wrapped.group);

  thredo_group_cancel (found);
  g_assert_true (thredo_group_join (found, NULL, NULL));
  g_clear_object (&found);
  g_object_remove_toggle_ref (G_OBJECT (wrapped.group), support_language_toggled,
                              &wrapped.language);
  g_object_unref (wrapped.member);
  g_mutex_clear (&wrapped.language.lock);
}

typedef struct
{
  ThredoThread *member;
  ThredoGroup *group;
  ThredoGroup *found;
  gboolean keeps_it; /* who has found it */
  int n_finalized;
} Drop;

static void
drop_prepare (Duel *duel)
{
  Drop *drop = duel->data;

  drop->group = thredo_group_new (THREDO_GROUP_WAIT_ALL);
  g_object_set_data_full (G_OBJECT (drop->group), "counter", &drop->n_finalized,
                          support_count_destroy);
  g_assert_true (thredo_group_add (drop->group, drop->member, NULL));
}

static void
drop_wait (Duel *duel)
{
}

static void
drop_ask (Duel *duel)
{
  Drop *drop = duel->data;

  drop->found = thredo_thread_get_group (drop->member);
  if (drop->found == NULL)
    return;
  g_assert_true (drop->found == drop->group);
  g_assert_cmpuint (thredo_group_get_policy (drop->found), ==, THREDO_GROUP_WAIT_ALL);
  g_assert_cmpint (g_atomic_int_get (&drop->n_finalized), ==, duel->round);
  if (!drop->keeps_it)
    {
      /* About as long as it takes to dispose of a group. */
      for (volatile guint i = 0; i < duel->round % 2048; i++)
        ;
      g_object_unref (drop->found);
    }
}

static void
drop_drop (Duel *duel)
{
  Drop *drop = duel->data;

  g_object_unref (drop->group);
}

/* Who has come first has it, whole; and it goes once, when nobody has it. */
static DuelSide
drop_judge (Duel *duel)
{
  Drop *drop = duel->data;
  DuelSide winner = drop->found != NULL ? DUEL_LEFT : DUEL_RIGHT;

  if (drop->found != NULL && drop->keeps_it)
    {
      g_assert_cmpint (drop->n_finalized, ==, duel->round);
      g_object_unref (drop->found);
    }
  drop->found = NULL;
  g_assert_cmpint (drop->n_finalized, ==, duel->round + 1);
  support_join_ok (drop->member);
  g_assert_null (thredo_thread_get_group (drop->member));
  return winner;
}

static void
test_get_group_dropped (gconstpointer keeps_it)
{
  const DuelKind kind = {
    .prepare = drop_prepare,
    .wait = drop_wait,
    .left = drop_ask,
    .right = drop_drop,
    .judge = drop_judge,
    .never_parks = TRUE,
  };
  Drop drop = {
    .member = thredo_thread_spawn (NULL, support_return_true, NULL, NULL, NULL),
    .keeps_it = keeps_it != NULL,
  };

  support_join_ok (drop.member);
  duel_run (&kind, &drop);
  g_object_unref (drop.member);
}

/* --- joined by hand ------------------------------------------------------- */

static void
test_joined_by_hand (void)
{
  Team team;
  g_autoptr(GError) error = NULL;
  g_autoptr(GPtrArray) threads = NULL;

  team_init (&team, THREDO_GROUP_WAIT_ALL);
  member_order (&team.members[1], ORDER_FAIL);
  g_assert_false (thredo_thread_join (team.members[1].thread, NULL, &error));
  support_assert_error (&error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND);
  g_assert_null (thredo_thread_get_group (team.members[1].thread));
  threads = thredo_group_get_threads (team.group);
  g_assert_cmpuint (threads->len, ==, N_MEMBERS - 1);
  g_assert_false (g_ptr_array_find (threads, team.members[1].thread, NULL));

  for (int i = 0; i < N_MEMBERS; i++)
    {
      if (i == 1)
        continue;
      member_order (&team.members[i], ORDER_FINISH);
      assert_next_done (team.group, team.members[i].thread);
    }
  assert_next_done (team.group, NULL);
  team_join_ok (&team);
  team_clear (&team);
}

static gboolean
wait_for_end (ThredoThread  *thread,
              gpointer       other,
              GError       **error)
{
  return thredo_thread_wait (other, NULL, error);
}

/* It may be in the next group while the first is still being told of its end,
 * after all who wait for it. */
static void
test_joined_by_hand_for_another (void)
{
  guint n_rounds = support_rounds (2000);

  for (guint i = 0; i < n_rounds; i++)
    {
      g_autoptr(ThredoGroup) first = thredo_group_new (THREDO_GROUP_WAIT_ALL);
      g_autoptr(ThredoGroup) second = thredo_group_new (THREDO_GROUP_WAIT_ALL);
      g_autoptr(ThredoGroup) waiters = thredo_group_new (THREDO_GROUP_WAIT_ALL);
      g_autoptr(ThredoScope) limit = thredo_scope_new_with_timeout (SUPPORT_LIMIT);
      g_autoptr(ThredoScopeGuard) guard = thredo_scope_guard_new (limit);
      g_autoptr(GError) error = NULL;
      Member member;

      g_assert_nonnull (guard);
      member_init (&member, 0);
      member.thread = thredo_group_spawn (first, "t", obey, &member, NULL, &error);
      g_assert_no_error (error);
      for (int j = 0; j < 3; j++)
        spawn_and_forget (waiters, wait_for_end, member.thread, NULL);
      member_order (&member, ORDER_FINISH);
      support_join_ok (member.thread);
      g_assert_true (thredo_group_add (second, member.thread, &error));
      g_assert_no_error (error);

      thredo_group_join (second, NULL, &error);
      g_assert_no_error (error);
      assert_completed (second, member.thread);
      thredo_group_join (first, NULL, &error);
      g_assert_no_error (error);
      thredo_group_join (waiters, NULL, &error);
      g_assert_no_error (error);
      member_clear (&member);
    }
}

/* --- dropped, guarded ----------------------------------------------------- */

static void
test_drop (void)
{
  Team team;

  team_init (&team, THREDO_GROUP_WAIT_ALL);
  thredo_group_set_name (team.group, "crew");
  g_test_expect_message ("Thredo", G_LOG_LEVEL_WARNING, "*crew*");
  g_clear_object (&team.group);
  g_test_assert_expected_messages ();
  for (int i = 0; i < N_MEMBERS; i++)
    {
      g_autoptr(ThredoGroup) group = NULL;

      g_assert_true (thredo_thread_wait (team.members[i].thread, NULL, NULL));
      assert_state (&team.members[i], THREDO_THREAD_STATE_CANCELLED);
      group = thredo_thread_get_group (team.members[i].thread);
      g_assert_null (group);
    }
  team_clear (&team);
}

/* Nobody is alive in it: nothing to warn of. */
static void
test_drop_ended (void)
{
  Team team;

  team_init (&team, THREDO_GROUP_WAIT_ALL);
  for (int i = 0; i < N_MEMBERS; i++)
    member_order_and_wait (&team.members[i], ORDER_FINISH, THREDO_THREAD_STATE_FINISHED);
  team_clear (&team);
}

/* What a group knows of its members goes with it, joined or not. */
static void
test_drop_frees_members (void)
{
  for (int i = 0; i < 4; i++)
    {
      gboolean fails = i & 1;
      gboolean joined = i & 2;
      ThredoGroup *group = thredo_group_new (THREDO_GROUP_WAIT_ALL);
      gpointer weak;
      Member member;

      member_init (&member, i);
      member.thread = thredo_group_spawn (group, "member", obey, &member, NULL, NULL);
      member_order_and_wait (&member, fails ? ORDER_FAIL : ORDER_FINISH,
                             fails ? THREDO_THREAD_STATE_FAILED : THREDO_THREAD_STATE_FINISHED);
      if (joined)
        g_assert_cmpint (thredo_group_join (group, NULL, NULL), ==, !fails);

      weak = member.thread;
      g_object_add_weak_pointer (weak, &weak);
      member_clear (&member);
      g_assert_nonnull (weak);
      g_object_unref (group);
      support_wait_for_finalize (&weak);
    }
}

static void
test_guard (void)
{
  Team team;

  team_init (&team, THREDO_GROUP_WAIT_ALL);
  {
    g_autoptr(ThredoGroupGuard) guard = thredo_group_guard_new (team.group);

    g_assert_nonnull (guard);
    member_order_and_wait (&team.members[0], ORDER_FINISH, THREDO_THREAD_STATE_FINISHED);
  }
  assert_state (&team.members[0], THREDO_THREAD_STATE_FINISHED);
  for (int i = 1; i < N_MEMBERS; i++)
    assert_state (&team.members[i], THREDO_THREAD_STATE_CANCELLED);
  team_clear (&team);
}

/* Joined already: there is nothing left for the guard. */
static void
test_guard_joined (void)
{
  Team team;

  team_init (&team, THREDO_GROUP_WAIT_NONE);
  {
    g_autoptr(ThredoGroupGuard) guard = thredo_group_guard_new (team.group);

    g_assert_nonnull (guard);
    team_join_ok (&team);
  }
  team_clear (&team);
}

typedef struct
{
  Slow slow;
  ThredoThread *threads[3];
  gboolean ready;
} Guarded;

static gboolean
guard_a_group (ThredoThread  *thread,
               gpointer       user_data,
               GError       **error)
{
  Guarded *guarded = user_data;
  g_autoptr(ThredoGroup) group = thredo_group_new (THREDO_GROUP_WAIT_ALL);
  g_autoptr(ThredoGroupGuard) guard = thredo_group_guard_new (group);

  g_assert_nonnull (guard);
  slow_init (&guarded->slow, group, guarded->threads);
  g_atomic_int_set (&guarded->ready, TRUE);

  /* Cancelled here, and the guard waits all the same. */
  return thredo_sleep (SUPPORT_FOREVER, NULL, error);
}

static void
test_guard_cancelled (void)
{
  g_autoptr(ThredoThread) thread = NULL;
  Guarded guarded = { .ready = FALSE };

  thread = thredo_thread_spawn ("guarding", guard_a_group, &guarded, NULL, NULL);
  support_wait_for_int (&guarded.ready, TRUE);
  thredo_thread_cancel (thread);
  slow_let_go (&guarded.slow, guarded.threads, thread);
  support_cancel_and_join (thread);
  slow_clear (&guarded.slow, guarded.threads);
}

static gboolean
guard_crew (ThredoThread  *thread,
            gpointer       user_data,
            GError       **error)
{
  Crew *crew = user_data;

  {
    g_autoptr(ThredoGroupGuard) guard = thredo_group_guard_new (crew->group);

    g_assert_nonnull (guard);
  }
  assert_crew_ended (crew);
  return TRUE;
}

/* Somebody else is joining it: the guard waits beside them. */
static void
test_guard_join_async (void)
{
  g_autoptr(ThredoGroup) group = thredo_group_new (THREDO_GROUP_WAIT_ALL);
  g_autoptr(ThredoThread) thread = NULL;
  g_autoptr(GError) error = NULL;
  GAsyncResult *result = NULL;
  Crew crew = { .group = group };
  Slow slow;

  slow_init (&slow, group, crew.threads);
  thredo_group_join_async (group, NULL, support_keep_result, &result);
  thread = thredo_thread_spawn ("guarding", guard_crew, &crew, NULL, &error);
  g_assert_no_error (error);
  support_wait_for_wait (thread, "join on Group");
  slow_let_go (&slow, crew.threads, thread);
  support_join_ok (thread);

  support_iterate_until_result (&result);
  g_assert_true (thredo_group_join_finish (group, result, &error));
  g_assert_no_error (error);
  g_clear_object (&result);
  slow_clear (&slow, crew.threads);
}

/* --- add ------------------------------------------------------------------ */

static void
test_add (void)
{
  g_autoptr(ThredoGroup) group = thredo_group_new (THREDO_GROUP_WAIT_ALL);
  g_autoptr(ThredoGroup) other = thredo_group_new (THREDO_GROUP_WAIT_ALL);
  g_autoptr(ThredoGroup) its_group = NULL;
  g_autoptr(GError) error = NULL;
  Member fresh, running, ended;

  member_init (&fresh, 1);
  member_init (&running, 2);
  member_init (&ended, 3);

  /* A new one is started. */
  fresh.thread = thredo_thread_new ("fresh", obey, &fresh, NULL);
  g_assert_true (thredo_group_add (group, fresh.thread, &error));
  g_assert_no_error (error);
  support_wait_for_state (fresh.thread, THREDO_THREAD_STATE_WAITING);

  /* One that has a group cannot have another, nor the same twice. */
  g_assert_false (thredo_group_add (other, fresh.thread, &error));
  support_assert_error (&error, THREDO_ERROR, THREDO_ERROR_STATE);
  g_assert_false (thredo_group_add (group, fresh.thread, &error));
  support_assert_error (&error, THREDO_ERROR, THREDO_ERROR_STATE);
  its_group = thredo_thread_get_group (fresh.thread);
  g_assert_true (its_group == group);

  /* One that runs is a member from now on, and so is one that has ended. */
  running.thread = thredo_thread_spawn ("running", obey, &running, NULL, &error);
  support_wait_for_state (running.thread, THREDO_THREAD_STATE_WAITING);
  g_assert_true (thredo_group_add (group, running.thread, &error));
  g_assert_no_error (error);
  ended.thread = thredo_thread_spawn ("ended", obey, &ended, NULL, &error);
  member_order_and_wait (&ended, ORDER_FAIL, THREDO_THREAD_STATE_FAILED);
  g_assert_true (thredo_group_add (group, ended.thread, &error));
  g_assert_no_error (error);
  assert_next_done (group, ended.thread);
  member_order (&running, ORDER_FINISH);
  assert_next_done (group, running.thread);
  member_order (&fresh, ORDER_FINISH);
  assert_next_done (group, fresh.thread);
  g_assert_true (thredo_group_join (group, NULL, &error));
  g_assert_no_error (error);
  member_clear (&fresh);
  member_clear (&running);
  member_clear (&ended);
}

/* The guarantee holds for those that ran before they were members. */
static void
test_add_running (void)
{
  g_autoptr(ThredoGroup) group = thredo_group_new (THREDO_GROUP_WAIT_ALL);
  g_autoptr(GError) error = NULL;
  Member failing, running;

  member_init (&failing, 1);
  member_init (&running, 2);
  failing.thread = thredo_thread_spawn ("failing", obey, &failing, NULL, NULL);
  running.thread = thredo_thread_spawn ("running", obey, &running, NULL, NULL);
  g_assert_true (thredo_group_add (group, failing.thread, &error));
  g_assert_true (thredo_group_add (group, running.thread, &error));
  member_order (&failing, ORDER_FAIL);
  g_assert_false (thredo_group_join (group, NULL, &error));
  support_assert_error (&error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND);
  assert_state (&running, THREDO_THREAD_STATE_CANCELLED);
  member_clear (&failing);
  member_clear (&running);
}

/* To a group that is cancelled: cancelled, whether it runs already or not. */
static void
test_add_to_cancelled (void)
{
  g_autoptr(ThredoGroup) group = thredo_group_new (THREDO_GROUP_WAIT_ALL);
  g_autoptr(GError) error = NULL;
  Member fresh, running;

  member_init (&fresh, 1);
  member_init (&running, 2);
  fresh.thread = thredo_thread_new ("fresh", obey, &fresh, NULL);
  running.thread = thredo_thread_spawn ("running", obey, &running, NULL, NULL);
  thredo_group_cancel (group);
  g_assert_true (thredo_group_add (group, fresh.thread, &error));
  g_assert_true (thredo_group_add (group, running.thread, &error));
  g_assert_true (thredo_group_join (group, NULL, &error));
  g_assert_no_error (error);
  assert_state (&fresh, THREDO_THREAD_STATE_CANCELLED);
  assert_state (&running, THREDO_THREAD_STATE_CANCELLED);
  member_clear (&fresh);
  member_clear (&running);
}

/* A member cannot join its own group: it would wait for itself. */
static gboolean
join_own_group (ThredoThread  *thread,
                gpointer       user_data,
                GError       **error)
{
  return thredo_group_join (user_data, NULL, error);
}

static void
test_join_by_member (void)
{
  g_autoptr(ThredoGroup) group = thredo_group_new (THREDO_GROUP_WAIT_ALL);
  g_autoptr(GError) error = NULL;

  spawn_and_forget (group, join_own_group, group, NULL);
  g_assert_false (thredo_group_join (group, NULL, &error));
  support_assert_error (&error, THREDO_ERROR, THREDO_ERROR_STATE);
}

/* One that still waits for room in its group is NEW, and taken all the same. */
static void
test_add_surplus (void)
{
  g_autoptr(ThredoGroup) group = thredo_group_new (THREDO_GROUP_WAIT_ALL);
  g_autoptr(ThredoGroup) other = thredo_group_new (THREDO_GROUP_WAIT_ALL);
  g_autoptr(ThredoThread) surplus = NULL;
  g_autoptr(GError) error = NULL;
  Member first;

  member_init (&first, 0);
  thredo_group_set_max_running (group, 1);
  first.thread = thredo_group_spawn (group, "first", obey, &first, NULL, NULL);
  surplus = thredo_group_spawn (group, "surplus", support_return_true, NULL, NULL, NULL);
  g_assert_cmpint (thredo_thread_get_state (surplus), ==, THREDO_THREAD_STATE_NEW);
  g_assert_false (thredo_group_add (other, surplus, &error));
  support_assert_error (&error, THREDO_ERROR, THREDO_ERROR_STATE);
  g_assert_false (thredo_thread_start (surplus, &error));
  support_assert_error (&error, THREDO_ERROR, THREDO_ERROR_STATE);
  member_order (&first, ORDER_FINISH);
  g_assert_true (thredo_group_join (group, NULL, &error));
  g_assert_cmpint (thredo_thread_get_state (surplus), ==, THREDO_THREAD_STATE_FINISHED);
  member_clear (&first);
}

/* --- async ---------------------------------------------------------------- */

static void
test_join_async (void)
{
  Team team;
  g_autoptr(GError) error = NULL;
  GAsyncResult *result = NULL;

  team_init (&team, THREDO_GROUP_WAIT_ALL);
  thredo_group_join_async (team.group, NULL, support_keep_result, &result);
  for (int i = 0; i < N_MEMBERS; i++)
    {
      g_assert_null (result);
      member_order (&team.members[i], ORDER_FINISH);
    }
  support_iterate_until_result (&result);
  g_assert_true (thredo_group_join_finish (team.group, result, &error));
  g_assert_no_error (error);
  g_clear_object (&result);
  for (int i = 0; i < N_MEMBERS; i++)
    g_assert_false (thredo_thread_is_alive (team.members[i].thread));

  /* Once is enough. */
  thredo_group_join_async (team.group, NULL, support_keep_result, &result);
  g_assert_null (result);
  support_iterate_until_result (&result);
  g_assert_false (thredo_group_join_finish (team.group, result, &error));
  support_assert_error (&error, THREDO_ERROR, THREDO_ERROR_STATE);
  g_clear_object (&result);
  team_clear (&team);
}

static void
test_join_async_fails (void)
{
  Team team;
  g_autoptr(GError) error = NULL;
  GAsyncResult *result = NULL;

  team_init (&team, THREDO_GROUP_WAIT_ALL);
  thredo_group_join_async (team.group, NULL, support_keep_result, &result);
  member_order (&team.members[1], ORDER_FAIL);
  support_iterate_until_result (&result);
  g_assert_false (thredo_group_join_finish (team.group, result, &error));
  support_assert_error (&error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND);
  g_clear_object (&result);
  for (int i = 0; i < N_MEMBERS; i++)
    g_assert_false (thredo_thread_is_alive (team.members[i].thread));
  team_clear (&team);
}

static void
test_join_async_policies (void)
{
  Team team;
  g_autoptr(GError) error = NULL;
  GAsyncResult *result = NULL;

  team_init (&team, THREDO_GROUP_WAIT_ANY);
  thredo_group_join_async (team.group, NULL, support_keep_result, &result);
  member_order (&team.members[1], ORDER_FINISH);
  support_iterate_until_result (&result);
  g_assert_true (thredo_group_join_finish (team.group, result, &error));
  g_clear_object (&result);
  assert_only_finished (&team, 1);
  team_clear (&team);

  team_init (&team, THREDO_GROUP_WAIT_NONE);
  thredo_group_join_async (team.group, NULL, support_keep_result, &result);
  support_iterate_until_result (&result);
  g_assert_true (thredo_group_join_finish (team.group, result, &error));
  g_clear_object (&result);
  for (int i = 0; i < N_MEMBERS; i++)
    assert_state (&team.members[i], THREDO_THREAD_STATE_CANCELLED);
  team_clear (&team);
}

/* Iterates the main loop, which a cancel of its calls may need. */
static gboolean
all_clean_up (gpointer user_data)
{
  ThredoThread **threads = user_data;
  guint n = 0;

  g_main_context_iteration (NULL, FALSE);
  for (int i = 0; i < 3; i++)
    {
      g_autofree char *waiting_for = thredo_thread_dup_waiting_for (threads[i]);

      n += g_strcmp0 (waiting_for, "get on Queue 'cleanup'") == 0;
    }

  return n == 3;
}

static void
test_join_async_cancelled (void)
{
  g_autoptr(ThredoGroup) group = thredo_group_new (THREDO_GROUP_WAIT_ALL);
  g_autoptr(GCancellable) cancellable = g_cancellable_new ();
  g_autoptr(GError) error = NULL;
  GAsyncResult *result = NULL;
  ThredoThread *threads[3];
  Slow slow;

  slow_init (&slow, group, threads);
  thredo_group_join_async (group, cancellable, support_keep_result, &result);
  g_cancellable_cancel (cancellable);

  /* The main loop passes the cancel on, and waits for everybody's end. */
  support_wait_for ("the cancel of all members", all_clean_up, threads);
  g_assert_null (result);
  slow_let_go (&slow, threads, NULL);
  support_iterate_until_result (&result);
  g_assert_false (thredo_group_join_finish (group, result, &error));
  support_assert_cancelled (&error);
  g_clear_object (&result);
  slow_clear (&slow, threads);
}

static void
test_next_done_async (void)
{
  Team team;
  g_autoptr(GError) error = NULL;
  GAsyncResult *result = NULL;

  team_init (&team, THREDO_GROUP_WAIT_ALL);
  for (int i = N_MEMBERS - 1; i >= 0; i--)
    {
      g_autoptr(ThredoThread) next = NULL;

      /* In turn, the ask first and the end first. */
      if (i % 2)
        member_order_and_wait (&team.members[i], ORDER_FINISH, THREDO_THREAD_STATE_FINISHED);
      thredo_group_next_done_async (team.group, NULL, support_keep_result, &result);
      g_assert_null (result);
      if (i % 2 == 0)
        member_order (&team.members[i], i == 2 ? ORDER_FAIL : ORDER_FINISH);
      support_iterate_until_result (&result);
      next = thredo_group_next_done_finish (team.group, result, &error);
      g_assert_no_error (error);
      g_assert_true (next == team.members[i].thread);
      g_clear_object (&result);
    }
  thredo_group_next_done_async (team.group, NULL, support_keep_result, &result);
  support_iterate_until_result (&result);
  g_assert_null (thredo_group_next_done_finish (team.group, result, &error));
  g_assert_no_error (error);
  g_clear_object (&result);
  team_join_ok (&team);
  team_clear (&team);
}

static void
test_next_done_async_cancelled (void)
{
  g_autoptr(GCancellable) cancellable = g_cancellable_new ();
  g_autoptr(ThredoThread) next = NULL;
  Team team;
  g_autoptr(GError) error = NULL;
  GAsyncResult *cancelled = NULL;
  GAsyncResult *late = NULL;

  team_init (&team, THREDO_GROUP_WAIT_ALL);
  thredo_group_next_done_async (team.group, cancellable, support_keep_result, &cancelled);
  g_cancellable_cancel (cancellable);
  support_iterate_until_result (&cancelled);
  g_assert_null (thredo_group_next_done_finish (team.group, cancelled, &error));
  support_assert_cancelled (&error);
  g_clear_object (&cancelled);
  member_order (&team.members[0], ORDER_FINISH);
  assert_next_done (team.group, team.members[0].thread);

  /* Given before the cancel, told after it: it stays given. */
  g_cancellable_reset (cancellable);
  thredo_group_next_done_async (team.group, cancellable, support_keep_result, &late);
  member_order (&team.members[1], ORDER_FINISH);
  support_iterate_until_result (&late);
  g_cancellable_cancel (cancellable);
  next = thredo_group_next_done_finish (team.group, late, &error);
  g_assert_no_error (error);
  g_assert_true (next == team.members[1].thread);
  g_clear_object (&late);
  thredo_group_cancel (team.group);
  team_join_ok (&team);
  team_clear (&team);
}

static gboolean
join_async_in_own_context (ThredoThread  *thread,
                           gpointer       user_data,
                           GError       **error)
{
  ThredoGroup *group = user_data;
  g_autoptr(GMainContext) context = g_main_context_new ();
  GAsyncResult *result = NULL;
  gboolean ok;

  g_main_context_push_thread_default (context);
  thredo_group_join_async (group, NULL, support_keep_result, &result);
  support_iterate_until_result (&result);
  ok = thredo_group_join_finish (group, result, error);
  g_object_unref (result);
  g_main_context_pop_thread_default (context);

  return ok;
}

static void
test_join_async_thread_default (void)
{
  Team team;
  g_autoptr(ThredoThread) thread = NULL;

  team_init (&team, THREDO_GROUP_WAIT_ALL);
  thread = thredo_thread_spawn ("own context", join_async_in_own_context, team.group, NULL, NULL);
  for (int i = 0; i < N_MEMBERS; i++)
    member_order (&team.members[i], ORDER_FINISH);
  support_join_ok (thread);
  team_clear (&team);
}

int
main (int    argc,
      char **argv)
{
  support_init (&argc, &argv);

  g_test_add_func ("/group/new", test_new);
  g_test_add_func ("/group/empty", test_empty);
  g_test_add_func ("/group/unused", test_unused);
  g_test_add_func ("/group/threads", test_threads);
  g_test_add_func ("/group/waiting-for", test_waiting_for);
  g_test_add_func ("/group/all/waits", test_all);
  g_test_add_func ("/group/all/ended-before", test_all_ended_before);
  g_test_add_func ("/group/any/first", test_any);
  g_test_add_func ("/group/any/ended-before", test_any_ended_before);
  g_test_add_func ("/group/any/fails", test_any_fails);
  g_test_add_func ("/group/result/first", test_result);
  g_test_add_func ("/group/result/zero", test_result_zero);
  g_test_add_func ("/group/result/none-has", test_result_none_has);
  g_test_add_func ("/group/result/fails", test_result_fails);
  g_test_add_func ("/group/none", test_none);
  g_test_add_func ("/group/fail/cancels-rest", test_fail_cancels_rest);
  g_test_add_func ("/group/fail/before-join", test_fail_before_join);
  g_test_add_func ("/group/fail/first-counts", test_fail_first_counts);
  g_test_add_func ("/group/fail/silently", test_fail_silently);
  g_test_add_func ("/group/fail/not-by-cancel", test_fail_not_by_cancel);
  g_test_add_func ("/group/cancel/all", test_cancel);
  g_test_add_func ("/group/cancel/after-failure", test_cancel_after_failure);
  g_test_add_func ("/group/cancel/remaining", test_cancel_remaining);
  g_test_add_func ("/group/joiner/cancelled", test_joiner_cancelled);
  g_test_add_func ("/group/joiner/cancellable", test_joiner_cancellable);
  g_test_add_func ("/group/joiner/scope-cancelled", test_joiner_scope);
  g_test_add_func ("/group/joiner/deadline", test_joiner_deadline);
  g_test_add_func ("/group/joiner/outer-deadline", test_joiner_outer_deadline);
  g_test_add_func ("/group/joiner/cancelled-before", test_joiner_cancelled_before);
  g_test_add_func ("/group/joiner/shielded", test_joiner_shielded);
  g_test_add_func ("/group/joiner/clean-up-that-blocks", test_joiner_clean_up_that_blocks);
  g_test_add_func ("/group/join/clean-up-that-blocks", test_join_clean_up_that_blocks);
  g_test_add_func ("/group/joined-already", test_joined_already);
  g_test_add_func ("/group/nested/cancelled", test_nested_cancelled);
  g_test_add_func ("/group/nested/group-cancelled", test_nested_group_cancelled);
  g_test_add_func ("/group/nested/cancelled-early", test_nested_cancelled_early);
  g_test_add_func ("/group/nested/fails", test_nested_fails);
  g_test_add_func ("/group/thousand/released", test_thousand);
  g_test_add_func ("/group/thousand/cancelled", test_thousand_cancelled);
  g_test_add_func ("/group/spawn/inside", test_spawn_inside);
  g_test_add_func ("/group/max-running/never-exceeded", test_max_running);
  g_test_add_func ("/group/max-running/exact", test_max_running_exact);
  g_test_add_func ("/group/max-running/cancelled", test_max_running_cancelled);
  g_test_add_func ("/group/daemon/ignored", test_daemon);
  g_test_add_func ("/group/daemon/does-not-decide", test_daemon_does_not_decide);
  g_test_add_func ("/group/daemon/only", test_daemon_only);
  g_test_add_func ("/group/next-done/order", test_next_done);
  g_test_add_func ("/group/next-done/waits", test_next_done_waits);
  g_test_add_func ("/group/next-done/none-left", test_next_done_none_left);
  g_test_add_func ("/group/next-done/failed", test_next_done_failed);
  g_test_add_func ("/group/next-done/cancelled", test_next_done_cancelled);
  g_test_add_func ("/group/next-done/many", test_next_done_many);
  g_test_add_func ("/group/next-result", test_next_result);
  g_test_add_func ("/group/joined-by-hand", test_joined_by_hand);
  g_test_add_func ("/group/joined-by-hand/for-another", test_joined_by_hand_for_another);
  g_test_add_func ("/group/drop/alive", test_drop);
  g_test_add_func ("/group/drop/ended", test_drop_ended);
  g_test_add_func ("/group/drop/frees-members", test_drop_frees_members);
  g_test_add_func ("/group/guard/leaves", test_guard);
  g_test_add_func ("/group/guard/joined", test_guard_joined);
  g_test_add_func ("/group/guard/cancelled", test_guard_cancelled);
  g_test_add_func ("/group/guard/join-async", test_guard_join_async);
  g_test_add_func ("/group/add/states", test_add);
  g_test_add_func ("/group/add/running", test_add_running);
  g_test_add_func ("/group/add/to-cancelled", test_add_to_cancelled);
  g_test_add_func ("/group/join-by-member", test_join_by_member);
  g_test_add_func ("/group/get-group/toggle", test_get_group_toggle);
  g_test_add_data_func ("/group/get-group/dropped/kept", "kept", test_get_group_dropped);
  g_test_add_data_func ("/group/get-group/dropped/by-both", NULL, test_get_group_dropped);
  g_test_add_func ("/group/add/surplus", test_add_surplus);
  g_test_add_func ("/group/join-async/waits", test_join_async);
  g_test_add_func ("/group/join-async/fails", test_join_async_fails);
  g_test_add_func ("/group/join-async/policies", test_join_async_policies);
  g_test_add_func ("/group/join-async/cancelled", test_join_async_cancelled);
  g_test_add_func ("/group/join-async/thread-default", test_join_async_thread_default);
  g_test_add_func ("/group/next-done-async/order", test_next_done_async);
  g_test_add_func ("/group/next-done-async/cancelled", test_next_done_async_cancelled);

  return g_test_run ();
}
