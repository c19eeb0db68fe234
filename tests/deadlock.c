/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Threads that wait for each other in a circle: each circle is found at the moment
 * in which it closes, said once, and dealt with as the policy says.
 */

#include "circle.h"

#include <stdlib.h>
#include <string.h>

static const char alone[] =
    "Deadlock of 1 thread: 'A' holds Lock 'L', waits for Lock 'L' held by 'A'";

static guint
count_in (const char *text,
          const char *part)
{
  guint n = 0;

  for (const char *at = strstr (text, part); at != NULL; at = strstr (at + 1, part))
    n++;
  return n;
}

/* --- circles -------------------------------------------------------------- */

/* A circle whoever closes it. Reported, it stands until somebody is cancelled. */
static void
show_report (const char *edges,
             gboolean    foreign)
{
  guint n = strlen (edges);

  thredo_set_deadlock_policy (THREDO_DEADLOCK_POLICY_REPORT);
  for (guint i = 0; i < n * n; i++)
    {
      guint closer = i / n, loser = i % n;
      g_autofree char *description = NULL;
      g_autoptr(ThredoDeadlock) found = NULL;
      Circle circle;

      circle_init (&circle, edges, foreign);
      description = circle_describe (&circle, closer);
      circle_block_others (&circle, closer);
      circle_assert_no_deadlock ();
      circle_block (&circle, closer);
      messages_assert_next (G_LOG_LEVEL_WARNING, description);
      messages_assert_none ();
      found = circle_find_deadlock ();
      g_assert_cmpuint (thredo_deadlock_get_threads (found)->len, ==, n);

      g_cancellable_cancel (circle.actors[loser].cancellable);
      circle_end_cancelled (&circle, loser);
      circle_assert_no_deadlock ();
      circle_clear (&circle);
    }
}

static void
show_fail (const char *edges,
           gboolean    foreign)
{
  thredo_set_deadlock_policy (THREDO_DEADLOCK_POLICY_FAIL);
  for (guint closer = 0; closer < strlen (edges); closer++)
    {
      g_autofree char *description = NULL;
      Circle circle;

      circle_init (&circle, edges, foreign);
      description = circle_describe (&circle, closer);
      circle_block_others (&circle, closer);
      circle_let_go (&circle, closer);
      circle_end_all (&circle);
      g_assert_error (circle.actors[closer].error, THREDO_ERROR, THREDO_ERROR_DEADLOCK);
      g_assert_cmpstr (circle.actors[closer].error->message, ==, description);
      circle_end (&circle, closer, THREDO_ERROR, THREDO_ERROR_DEADLOCK);
      circle_clear (&circle);
    }
}

static void
show_cancel (const char *edges,
             gboolean    foreign)
{
  guint youngest = strlen (edges) - 1;

  thredo_set_deadlock_policy (THREDO_DEADLOCK_POLICY_CANCEL);
  for (guint closer = 0; closer < strlen (edges); closer++)
    {
      g_autofree char *description = NULL;
      Circle circle;

      circle_init (&circle, edges, foreign);
      description = circle_describe (&circle, closer);
      circle_block_others (&circle, closer);
      circle_let_go (&circle, closer);
      circle_end_all (&circle);
      circle_assert_cancel_message (description, youngest);
      for (guint i = 0; i < circle.n; i++)
        g_assert_cmpint (thredo_thread_is_cancelled (circle.actors[i].thread), ==, i == youngest);
      circle_end_cancelled (&circle, youngest);
      circle_clear (&circle);
    }
}

static void
test_circle_report (gconstpointer edges)
{
  show_report (edges, FALSE);
}

static void
test_circle_fail (gconstpointer edges)
{
  show_fail (edges, FALSE);
}

static void
test_circle_cancel (gconstpointer edges)
{
  show_cancel (edges, FALSE);
}

/* Threads that the library did not start. */
static void
test_foreign (void)
{
  show_report ("lrl", TRUE);
  show_fail ("lrl", TRUE);
  show_cancel ("lrl", TRUE);
}

/* The words, as the specification has them. */
static void
test_words (void)
{
  Circle circle;

  thredo_set_deadlock_policy (THREDO_DEADLOCK_POLICY_REPORT);
  circle_init (&circle, "ll", FALSE);
  circle_block_others (&circle, 0);
  circle_block (&circle, 0);
  messages_assert_next (G_LOG_LEVEL_WARNING,
                        "Deadlock of 2 threads: 'A' holds Lock 'L1', waits for Lock 'L0' held by "
                        "'B'; 'B' holds Lock 'L0', waits for Lock 'L1' held by 'A'");
  g_cancellable_cancel (circle.actors[0].cancellable);
  circle_end_cancelled (&circle, 0);
  circle_clear (&circle);

  circle_init (&circle, "jr", FALSE);
  circle_block_others (&circle, 1);
  circle_block (&circle, 1);
  messages_assert_next (G_LOG_LEVEL_WARNING,
                        "Deadlock of 2 threads: 'B' waits for RLock 'L1' held by 'A'; 'A' holds "
                        "RLock 'L1', waits for the end of Thread 'B'");
  g_cancellable_cancel (circle.actors[0].cancellable);
  circle_end_cancelled (&circle, 0);
  circle_clear (&circle);
}

/* A cancel of the thread itself, and a deadline, free it as well. */
static void
test_freed_by_thread_cancel (void)
{
  Circle circle;

  thredo_set_deadlock_policy (THREDO_DEADLOCK_POLICY_REPORT);
  for (guint loser = 0; loser < 3; loser++)
    {
      circle_init (&circle, "lrj", FALSE);
      circle_block_others (&circle, 1);
      circle_block (&circle, 1);
      g_free (messages_take (G_LOG_LEVEL_WARNING));
      thredo_thread_cancel (circle.actors[loser].thread);
      circle_end_cancelled (&circle, loser);
      circle_clear (&circle);
    }
}

/* Whether the deadline is that of the closer or of somebody who has waited before. */
static void
test_freed_by_deadline (void)
{
  thredo_set_deadlock_policy (THREDO_DEADLOCK_POLICY_REPORT);
  for (guint loser = 0; loser < 3; loser++)
    {
      g_autofree char *description = NULL;
      Actor *actor;
      Circle circle;

      circle_init (&circle, "lrj", FALSE);
      actor = &circle.actors[loser];
      actor->scope = thredo_scope_new ();
      description = circle_describe (&circle, 0);
      circle_block_others (&circle, 0);
      circle_block (&circle, 0);
      messages_assert_next (G_LOG_LEVEL_WARNING, description);
      thredo_scope_set_deadline (actor->scope, g_get_monotonic_time () + G_TIME_SPAN_MILLISECOND);
      circle_end (&circle, loser, G_IO_ERROR, G_IO_ERROR_TIMED_OUT);
      circle_clear (&circle);
    }
}

/* The deadline is there before the circle is, and nobody has to do anything; unless
 * the deadline comes first, on a slow machine. */
static void
test_freed_by_own_deadline (void)
{
  GTimeSpan timeout = 10 * G_TIME_SPAN_MILLISECOND;
  gboolean closed = FALSE;

  thredo_set_deadlock_policy (THREDO_DEADLOCK_POLICY_REPORT);
  while (!closed)
    {
      g_autofree char *description = NULL;
      Circle circle;

      circle_init (&circle, "ll", FALSE);
      description = circle_describe (&circle, 0);
      circle_block_others (&circle, 0);
      circle.actors[0].scope = thredo_scope_new_with_timeout (timeout);
      circle_let_go (&circle, 0);
      circle_end_all (&circle);
      closed = messages_count () > 0;
      if (closed)
        messages_assert_next (G_LOG_LEVEL_WARNING, description);
      circle_end (&circle, 0, G_IO_ERROR, G_IO_ERROR_TIMED_OUT);
      circle_clear (&circle);
      timeout *= 2;
      g_assert_cmpint (timeout, <, SUPPORT_LIMIT);
    }
}

/* A shield keeps a cancel out: the youngest of those that can be reached. */
static void
test_shielded (void)
{
  thredo_set_deadlock_policy (THREDO_DEADLOCK_POLICY_CANCEL);
  for (guint closer = 0; closer < 4; closer++)
    {
      g_autofree char *description = NULL;
      Circle circle;

      circle_init (&circle, "lrjl", FALSE);
      circle.actors[3].scope = thredo_scope_new_shielded ();
      circle.actors[2].scope = thredo_scope_new_shielded ();
      description = circle_describe (&circle, closer);
      circle_block_others (&circle, closer);
      circle_let_go (&circle, closer);
      circle_end_all (&circle);
      circle_assert_cancel_message (description, 1);
      circle_end_cancelled (&circle, 1);
      circle_clear (&circle);
    }
}

/* Nobody can be reached: it is reported, and what reaches inside the shields helps. */
static void
test_all_shielded (void)
{
  thredo_set_deadlock_policy (THREDO_DEADLOCK_POLICY_CANCEL);
  for (guint closer = 0; closer < 3; closer++)
    {
      g_autofree char *description = NULL;
      Circle circle;

      circle_init (&circle, "lrl", FALSE);
      for (guint i = 0; i < circle.n; i++)
        circle.actors[i].scope = thredo_scope_new_shielded ();
      description = circle_describe (&circle, closer);
      circle_block_others (&circle, closer);
      circle_block (&circle, closer);
      messages_assert_next (G_LOG_LEVEL_WARNING, description);
      for (guint i = 0; i < circle.n; i++)
        g_assert_false (thredo_thread_is_cancelled (circle.actors[i].thread));
      thredo_scope_cancel (circle.actors[closer].scope);
      circle_end_cancelled (&circle, closer);
      circle_clear (&circle);
    }
}

/* A scope that is not shielded in a shielded one is shielded too. */

typedef struct
{
  ThredoLock *lock;
  ThredoScope *shield;
} Nested;

static gboolean
wait_in_nested_shield (ThredoThread  *thread,
                       gpointer       user_data,
                       GError       **error)
{
  Nested *nested = user_data;
  g_autoptr(ThredoScope) inner = thredo_scope_new ();
  g_autoptr(GError) own = NULL;

  circle_acquire (nested->lock);
  thredo_scope_enter (nested->shield);
  thredo_scope_enter (inner);
  g_assert_false (thredo_lock_acquire (nested->lock, NULL, &own));
  support_assert_timed_out (&own);
  thredo_scope_leave (inner);
  thredo_scope_leave (nested->shield);
  g_assert_false (thredo_thread_is_cancelled (thread));
  circle_release (nested->lock);
  return TRUE;
}

static void
test_nested_shield (void)
{
  Nested nested = { thredo_lock_new (), thredo_scope_new_shielded () };
  g_autoptr(ThredoThread) thread = NULL;
  g_autoptr(GError) error = NULL;

  thredo_set_deadlock_policy (THREDO_DEADLOCK_POLICY_CANCEL);
  thredo_lock_set_name (nested.lock, "L");
  thread = thredo_thread_spawn ("A", wait_in_nested_shield, &nested, NULL, &error);
  g_assert_no_error (error);
  support_wait_for_wait (thread, "acquire on Lock 'L'");
  messages_assert_next (G_LOG_LEVEL_WARNING, alone);
  thredo_scope_set_deadline (nested.shield, g_get_monotonic_time ());
  support_join_ok (thread);
  messages_assert_none ();
  g_object_unref (nested.lock);
  g_object_unref (nested.shield);
}

/* --- one thread ----------------------------------------------------------- */

typedef struct
{
  ThredoLock *lock;
  GError *error;
} Twice;

static gboolean
acquire_twice (ThredoThread  *thread,
               gpointer       user_data,
               GError       **error)
{
  Twice *twice = user_data;
  g_autoptr(ThredoThread) owner = NULL;

  circle_acquire (twice->lock);
  g_assert_false (thredo_lock_try_acquire (twice->lock));
  g_assert_false (thredo_lock_acquire (twice->lock, NULL, &twice->error));

  /* It is as it was. */
  owner = thredo_lock_get_owner (twice->lock);
  g_assert_true (owner == thread);
  g_assert_true (thredo_lockable_is_owned (THREDO_LOCKABLE (twice->lock)));
  circle_release (twice->lock);
  g_assert_false (thredo_lock_is_locked (twice->lock));
  return TRUE;
}

static ThredoThread *
twice_init (Twice                *twice,
            ThredoDeadlockPolicy  policy)
{
  g_autoptr(GError) error = NULL;
  ThredoThread *thread;

  *twice = (Twice) { .lock = thredo_lock_new () };
  thredo_lock_set_name (twice->lock, "L");
  thredo_set_deadlock_policy (policy);
  thread = thredo_thread_spawn ("A", acquire_twice, twice, NULL, &error);
  g_assert_no_error (error);

  return thread;
}

static void
test_alone_report (void)
{
  g_autoptr(ThredoThread) thread = NULL;
  g_autoptr(ThredoDeadlock) found = NULL;
  Twice twice;

  thread = twice_init (&twice, THREDO_DEADLOCK_POLICY_REPORT);
  support_wait_for_wait (thread, "acquire on Lock 'L'");
  messages_assert_next (G_LOG_LEVEL_WARNING, alone);
  found = circle_find_deadlock ();
  g_assert_cmpstr (thredo_deadlock_get_description (found), ==, alone);
  thredo_thread_cancel (thread);
  support_join_ok (thread);
  support_assert_cancelled (&twice.error);
  messages_assert_none ();
  g_object_unref (twice.lock);
}

static void
test_alone_fail (void)
{
  g_autoptr(ThredoThread) thread = NULL;
  Twice twice;

  thread = twice_init (&twice, THREDO_DEADLOCK_POLICY_FAIL);
  support_join_ok (thread);
  g_assert_error (twice.error, THREDO_ERROR, THREDO_ERROR_DEADLOCK);
  g_assert_cmpstr (twice.error->message, ==, alone);
  g_clear_error (&twice.error);
  messages_assert_none ();
  g_object_unref (twice.lock);
}

static void
test_alone_cancel (void)
{
  g_autoptr(ThredoThread) thread = NULL;
  Twice twice;

  thread = twice_init (&twice, THREDO_DEADLOCK_POLICY_CANCEL);
  support_join_ok (thread);
  g_assert_true (thredo_thread_is_cancelled (thread));
  support_assert_cancelled (&twice.error);
  circle_assert_cancel_message (alone, 0);
  messages_assert_none ();
  g_object_unref (twice.lock);
}

/* One who has locked itself out is in nobody else's circle: who waits for it just
 * waits. */
static gboolean
acquire_once (ThredoThread  *thread,
              gpointer       lock,
              GError       **error)
{
  circle_acquire (lock);
  circle_release (lock);
  return TRUE;
}

static void
test_alone_waited_for (void)
{
  g_autoptr(ThredoThread) thread = NULL;
  g_autoptr(ThredoThread) other = NULL;
  g_autoptr(ThredoDeadlock) found = NULL;
  g_autoptr(GError) error = NULL;
  Twice twice;

  thread = twice_init (&twice, THREDO_DEADLOCK_POLICY_REPORT);
  support_wait_for_wait (thread, "acquire on Lock 'L'");
  messages_assert_next (G_LOG_LEVEL_WARNING, alone);
  other = thredo_thread_spawn ("B", acquire_once, twice.lock, NULL, &error);
  g_assert_no_error (error);
  support_wait_for_wait (other, "acquire on Lock 'L'");
  messages_assert_none ();
  found = circle_find_deadlock ();
  g_assert_cmpstr (thredo_deadlock_get_description (found), ==, alone);
  thredo_thread_cancel (thread);
  support_join_ok (thread);
  support_join_ok (other);
  support_assert_cancelled (&twice.error);
  messages_assert_none ();
  g_object_unref (twice.lock);
}

/* --- the main thread ------------------------------------------------------ */

/* Ends the wait of a thread by a deadline, if it comes to wait at all. */

typedef struct
{
  ThredoThread *thread;
  ThredoScope *scope;
  int is_over;
  GThread *gthread;
} Ender;

static gboolean
waits_or_is_over (gpointer user_data)
{
  Ender *ender = user_data;

  return g_atomic_int_get (&ender->is_over) ||
         thredo_thread_get_state (ender->thread) == THREDO_THREAD_STATE_WAITING;
}

static gpointer
end_the_wait (gpointer user_data)
{
  Ender *ender = user_data;

  support_wait_for ("a wait, or its end", waits_or_is_over, ender);
  thredo_scope_set_deadline (ender->scope, g_get_monotonic_time ());
  return NULL;
}

static void
ender_begin (Ender *ender)
{
  *ender = (Ender) { .thread = thredo_thread_self (), .scope = thredo_scope_new () };
  thredo_scope_enter (ender->scope);
  ender->gthread = g_thread_new ("ender", end_the_wait, ender);
}

static void
ender_end (Ender *ender)
{
  g_atomic_int_set (&ender->is_over, TRUE);
  g_thread_join (ender->gthread);
  thredo_scope_leave (ender->scope);
  g_object_unref (ender->scope);
}

static const char closed_by_main[] =
    "Deadlock of 2 threads: 'main' holds Lock 'M', waits for Lock 'O' held by 'other'; "
    "'other' holds Lock 'O', waits for Lock 'M' held by 'main'";

typedef struct
{
  ThredoLock *of_main;
  ThredoLock *of_other;
  ThredoThread *thread;
  ThredoScope *scope;
  gboolean got;
  GError *error;
} WithMain;

static gboolean
want_of_main (ThredoThread  *thread,
              gpointer       user_data,
              GError       **error)
{
  WithMain *with = user_data;

  circle_acquire (with->of_other);
  if (with->scope != NULL)
    thredo_scope_enter (with->scope);
  with->got = thredo_lock_acquire (with->of_main, NULL, &with->error);
  if (with->scope != NULL)
    thredo_scope_leave (with->scope);
  if (with->got)
    circle_release (with->of_main);
  circle_release (with->of_other);
  return TRUE;
}

/* Main has its lock, and the other waits for that. */
static void
with_main_init (WithMain             *with,
                ThredoScope          *scope,
                ThredoDeadlockPolicy  policy)
{
  g_autoptr(GError) error = NULL;

  *with = (WithMain) { .of_main = thredo_lock_new (), .of_other = thredo_lock_new () };
  with->scope = scope;
  thredo_set_deadlock_policy (policy);
  thredo_thread_set_name (thredo_thread_self (), "main");
  thredo_lock_set_name (with->of_main, "M");
  thredo_lock_set_name (with->of_other, "O");
  circle_acquire (with->of_main);
  with->thread = thredo_thread_spawn ("other", want_of_main, with, NULL, &error);
  g_assert_no_error (error);
  support_wait_for_wait (with->thread, "acquire on Lock 'M'");
}

static void
with_main_end (WithMain *with)
{
  g_autoptr(ThredoScope) shield = thredo_scope_new_shielded ();

  circle_release (with->of_main);
  thredo_scope_enter (shield);
  support_join_ok (with->thread);
  thredo_scope_leave (shield);
  g_object_unref (with->thread);
  g_object_unref (with->of_main);
  g_object_unref (with->of_other);
  g_clear_object (&with->scope);
  messages_assert_none ();
}

static void
test_main_report (void)
{
  g_autoptr(GError) error = NULL;
  WithMain with;
  Ender ender;

  with_main_init (&with, NULL, THREDO_DEADLOCK_POLICY_REPORT);
  ender_begin (&ender);
  g_assert_false (thredo_lock_acquire (with.of_other, NULL, &error));
  ender_end (&ender);
  support_assert_timed_out (&error);
  messages_assert_next (G_LOG_LEVEL_WARNING, closed_by_main);
  with_main_end (&with);
  g_assert_true (with.got);
}

static void
test_main_fail (void)
{
  g_autoptr(GError) error = NULL;
  WithMain with;

  with_main_init (&with, NULL, THREDO_DEADLOCK_POLICY_FAIL);
  g_assert_false (thredo_lock_acquire (with.of_other, NULL, &error));
  g_assert_error (error, THREDO_ERROR, THREDO_ERROR_DEADLOCK);
  g_assert_cmpstr (error->message, ==, closed_by_main);
  with_main_end (&with);
  g_assert_true (with.got);
}

static void
assert_cancelled (const char *description,
                  const char *name)
{
  g_autofree char *expected = g_strdup_printf ("%s; '%s' is cancelled", description, name);

  messages_assert_next (G_LOG_LEVEL_MESSAGE, expected);
}

/* The main thread is the oldest, and so is the last to be cancelled. */
static void
test_main_cancel_other (void)
{
  WithMain with;

  with_main_init (&with, NULL, THREDO_DEADLOCK_POLICY_CANCEL);
  circle_acquire (with.of_other);
  circle_release (with.of_other);
  assert_cancelled (closed_by_main, "other");
  g_assert_false (thredo_thread_is_cancelled (thredo_thread_self ()));
  with_main_end (&with);
  g_assert_false (with.got);
  support_assert_cancelled (&with.error);
}

/* A main thread that was cancelled stays so: this takes a process. */
static void
test_main_cancel_main (void)
{
  g_autoptr(GError) error = NULL;
  WithMain with;

  if (!g_test_subprocess ())
    {
      g_test_trap_subprocess (NULL, 0, G_TEST_SUBPROCESS_INHERIT_STDERR);
      g_test_trap_assert_passed ();
      return;
    }

  with_main_init (&with, thredo_scope_new_shielded (), THREDO_DEADLOCK_POLICY_CANCEL);
  g_assert_false (thredo_lock_acquire (with.of_other, NULL, &error));
  support_assert_cancelled (&error);
  assert_cancelled (closed_by_main, "main");
  g_assert_true (thredo_thread_is_cancelled (thredo_thread_self ()));
  with_main_end (&with);
  g_assert_true (with.got);
}

/* --- owned by way of a main context --------------------------------------- */

typedef struct
{
  ThredoLock *one;
  ThredoLock *other;
  ThredoThread *thread;
  gboolean done;
} ByContext;

static gboolean
want_one_holding_other (ThredoThread  *thread,
                        gpointer       user_data,
                        GError       **error)
{
  ByContext *self = user_data;

  circle_acquire (self->other);
  circle_acquire (self->one);
  circle_release (self->one);
  circle_release (self->other);
  return TRUE;
}

/* The lock is the context's thread's by now, as if that had waited for it. */
static void
close_in_callback (GObject      *source,
                   GAsyncResult *result,
                   gpointer      user_data)
{
  ByContext *self = user_data;
  g_autoptr(GError) error = NULL;

  thredo_lock_acquire_finish (self->one, result, &error);
  g_assert_no_error (error);
  self->thread = thredo_thread_spawn ("B", want_one_holding_other, self, NULL, &error);
  g_assert_no_error (error);
  support_wait_for_wait (self->thread, "acquire on Lock 'one'");

  g_assert_false (thredo_lock_acquire (self->other, NULL, &error));
  g_assert_error (error, THREDO_ERROR, THREDO_ERROR_DEADLOCK);
  g_assert_cmpstr (error->message, ==,
                   "Deadlock of 2 threads: 'A' holds Lock 'one', waits for Lock 'other' held by "
                   "'B'; 'B' holds Lock 'other', waits for Lock 'one' held by 'A'");
  circle_release (self->one);
  self->done = TRUE;
}

static gpointer
run_context (gpointer user_data)
{
  ByContext *self = user_data;
  g_autoptr(GMainContext) context = g_main_context_new ();

  thredo_thread_set_name (thredo_thread_self (), "A");
  g_main_context_push_thread_default (context);
  circle_acquire (self->one);
  thredo_lock_acquire_async (self->one, NULL, close_in_callback, self);
  circle_release (self->one);
  support_iterate_until (&self->done);
  g_main_context_pop_thread_default (context);
  return NULL;
}

static void
test_by_context (void)
{
  ByContext by_context = { thredo_lock_new (), thredo_lock_new () };

  thredo_set_deadlock_policy (THREDO_DEADLOCK_POLICY_FAIL);
  thredo_lock_set_name (by_context.one, "one");
  thredo_lock_set_name (by_context.other, "other");
  g_thread_join (g_thread_new ("A", run_context, &by_context));
  support_join_ok (by_context.thread);
  messages_assert_none ();
  g_object_unref (by_context.thread);
  g_object_unref (by_context.one);
  g_object_unref (by_context.other);
}

/* --- a large circle ------------------------------------------------------- */

#define N_MANY 200

typedef struct
{
  ThredoLock *locks[N_MANY];
  ThredoBarrier *all_have_one;
  int n_refused;
} Many;

typedef struct
{
  Many *many;
  guint index;
} OneOfMany;

static gboolean
want_next_of_many (ThredoThread  *thread,
                   gpointer       user_data,
                   GError       **error)
{
  OneOfMany *self = user_data;
  Many *many = self->many;
  g_autoptr(GError) own = NULL;

  circle_acquire (many->locks[self->index]);
  if (!thredo_barrier_wait (many->all_have_one, NULL, NULL, error))
    return FALSE;
  if (thredo_lock_acquire (many->locks[(self->index + 1) % N_MANY], NULL, &own))
    {
      circle_release (many->locks[(self->index + 1) % N_MANY]);
    }
  else
    {
      g_assert_error (own, THREDO_ERROR, THREDO_ERROR_DEADLOCK);
      g_assert_true (g_str_has_prefix (own->message, "Deadlock of 200 threads: "));
      g_assert_cmpuint (count_in (own->message, " holds Lock,"), ==, N_MANY);
      g_atomic_int_inc (&many->n_refused);
    }
  circle_release (many->locks[self->index]);
  return TRUE;
}

static void
test_many (void)
{
  Many many = { .all_have_one = thredo_barrier_new (N_MANY) };
  OneOfMany each[N_MANY];
  ThredoThread *threads[N_MANY];

  thredo_set_deadlock_policy (THREDO_DEADLOCK_POLICY_FAIL);
  for (guint i = 0; i < N_MANY; i++)
    many.locks[i] = thredo_lock_new ();
  for (guint i = 0; i < N_MANY; i++)
    {
      g_autoptr(GError) error = NULL;

      each[i] = (OneOfMany) { &many, i };
      threads[i] = thredo_thread_spawn ("one of many", want_next_of_many, &each[i], NULL, &error);
      g_assert_no_error (error);
    }
  for (guint i = 0; i < N_MANY; i++)
    {
      support_join_ok (threads[i]);
      g_object_unref (threads[i]);
    }
  g_assert_cmpint (many.n_refused, ==, 1);
  for (guint i = 0; i < N_MANY; i++)
    g_object_unref (many.locks[i]);
  g_object_unref (many.all_have_one);
  messages_assert_none ();
}

/* --- a handler of the log that waits -------------------------------------- */

/* What it waits for is as good a wait as any, and its thread not deadlocked yet. */

static ThredoLock *handlers_lock;

static void
wait_in_handler (const char     *domain,
                 GLogLevelFlags  level,
                 const char     *text,
                 gpointer        count)
{
  g_atomic_int_inc ((int *) count);
  circle_acquire (handlers_lock);
  circle_release (handlers_lock);
}

static void
test_handler_waits (void)
{
  int n_reports = 0;
  guint handler = g_log_set_handler ("Thredo", G_LOG_LEVEL_WARNING, wait_in_handler, &n_reports);
  g_autoptr(ThredoDeadlock) found = NULL;
  Circle circle;

  handlers_lock = thredo_lock_new ();
  thredo_lock_set_name (handlers_lock, "H");
  thredo_set_deadlock_policy (THREDO_DEADLOCK_POLICY_REPORT);

  /* It goes on to wait for what it wanted. */
  circle_acquire (handlers_lock);
  circle_init (&circle, "lr", FALSE);
  circle_block_others (&circle, 0);
  circle_let_go (&circle, 0);
  support_wait_for_wait (circle.actors[0].thread, "acquire on Lock 'H'");
  circle_assert_no_deadlock ();
  circle_release (handlers_lock);
  support_wait_for_wait (circle.actors[0].thread, "acquire on Lock 'L0'");
  found = circle_find_deadlock ();
  g_assert_cmpint (g_atomic_int_get (&n_reports), ==, 1);
  g_cancellable_cancel (circle.actors[1].cancellable);
  circle_end_cancelled (&circle, 1);
  circle_clear (&circle);

  /* And finds that it need not, if somebody has left meanwhile. */
  circle_acquire (handlers_lock);
  circle_init (&circle, "lr", FALSE);
  circle_block_others (&circle, 0);
  circle_let_go (&circle, 0);
  support_wait_for_wait (circle.actors[0].thread, "acquire on Lock 'H'");
  g_cancellable_cancel (circle.actors[1].cancellable);
  circle_end_one (&circle, 1);
  circle_release (handlers_lock);
  circle_end_cancelled (&circle, 1);
  g_assert_cmpint (n_reports, ==, 2);
  circle_clear (&circle);

  g_log_remove_handler ("Thredo", handler);
  messages_init ();
  g_clear_object (&handlers_lock);
}

/* --- no deadlock ---------------------------------------------------------- */

/* A long line of those who wait, the first of whom is merely slow. */
static void
test_slow_owner (gconstpointer user_data)
{
  Circle circle;

  thredo_set_deadlock_policy (GPOINTER_TO_INT (user_data));
  circle_init (&circle, "lrjwl", FALSE);
  circle_block_others (&circle, 0);
  circle_assert_no_deadlock ();
  messages_assert_none ();

  /* It does without what would have closed the circle. */
  g_cancellable_cancel (circle.actors[0].cancellable);
  circle_let_go (&circle, 0);
  circle_end_cancelled (&circle, 0);
  circle_clear (&circle);
}

/* Somebody whose wait has been cancelled, or is over, is on its way out, and gives
 * back what it has: to wait for that is to wait a little. */

typedef enum
{
  BY_CANCELLABLE,
  BY_SCOPE,
  BY_DEADLINE,
  N_WAYS_OUT,
} WayOut;

typedef struct
{
  ThredoLock *of_main;
  ThredoLock *of_other;
  GCancellable *cancellable;
  ThredoScope *scope;
} Leaving;

static gboolean
wait_and_leave (ThredoThread  *thread,
                gpointer       user_data,
                GError       **error)
{
  Leaving *self = user_data;
  g_autoptr(GError) own = NULL;

  circle_acquire (self->of_other);
  thredo_scope_enter (self->scope);
  g_assert_false (thredo_lock_acquire (self->of_main, self->cancellable, &own));
  thredo_scope_leave (self->scope);
  circle_release (self->of_other);
  return TRUE;
}

static void
show_leaving (WayOut way_out)
{
  Leaving leaving = { thredo_lock_new (), thredo_lock_new () };
  guint n_rounds = support_rounds (1000);

  for (guint i = 0; i < n_rounds; i++)
    {
      g_autoptr(ThredoThread) thread = NULL;
      g_autoptr(GError) error = NULL;

      leaving.cancellable = g_cancellable_new ();
      leaving.scope = thredo_scope_new ();
      circle_acquire (leaving.of_main);
      thread = thredo_thread_spawn ("A", wait_and_leave, &leaving, NULL, &error);
      g_assert_no_error (error);
      support_wait_for_wait (thread, "acquire on Lock");

      if (way_out == BY_CANCELLABLE)
        g_cancellable_cancel (leaving.cancellable);
      else if (way_out == BY_SCOPE)
        thredo_scope_cancel (leaving.scope);
      else
        thredo_scope_set_deadline (leaving.scope, g_get_monotonic_time ());
      thredo_lock_acquire (leaving.of_other, NULL, &error);
      g_assert_no_error (error);
      circle_release (leaving.of_other);
      circle_release (leaving.of_main);
      support_join_ok (thread);
      messages_assert_none ();
      g_object_unref (leaving.cancellable);
      g_object_unref (leaving.scope);
    }
  g_object_unref (leaving.of_main);
  g_object_unref (leaving.of_other);
}

static void
test_leaving (gconstpointer user_data)
{
  thredo_set_deadlock_policy (GPOINTER_TO_INT (user_data));
  for (WayOut way_out = 0; way_out < N_WAYS_OUT; way_out++)
    show_leaving (way_out);
}

/* --- the policy ----------------------------------------------------------- */

static void
test_policy (void)
{
  thredo_set_deadlock_policy (THREDO_DEADLOCK_POLICY_CANCEL);
  g_assert_cmpint (thredo_get_deadlock_policy (), ==, THREDO_DEADLOCK_POLICY_CANCEL);
  thredo_set_deadlock_policy (THREDO_DEADLOCK_POLICY_REPORT);
  g_assert_cmpint (thredo_get_deadlock_policy (), ==, THREDO_DEADLOCK_POLICY_REPORT);

  /* There is no such policy. */
  g_test_expect_message ("Thredo", G_LOG_LEVEL_CRITICAL, "*policy*");
  thredo_set_deadlock_policy ((ThredoDeadlockPolicy) 42);
  g_test_assert_expected_messages ();
  g_assert_cmpint (thredo_get_deadlock_policy (), ==, THREDO_DEADLOCK_POLICY_REPORT);
}

/* A process of its own, that locks itself out and says what comes of it. */
static int
be_child (const char *set_policy)
{
  g_autoptr(ThredoLock) lock = thredo_lock_new ();
  g_autoptr(GError) error = NULL;
  Ender ender;

  if (g_strcmp0 (set_policy, "fail") == 0)
    thredo_set_deadlock_policy (THREDO_DEADLOCK_POLICY_FAIL);
  thredo_thread_set_name (thredo_thread_self (), "A");
  thredo_lock_set_name (lock, "L");
  circle_acquire (lock);
  ender_begin (&ender);
  g_assert_false (thredo_lock_acquire (lock, NULL, &error));
  ender_end (&ender);
  circle_release (lock);
  g_print ("policy %d: %s %d\n", thredo_get_deadlock_policy (), g_quark_to_string (error->domain),
           error->code);
  return EXIT_SUCCESS;
}

typedef struct
{
  const char *name;
  const char *value; /* of the environment variable, NULL if there is none */
  const char *set;
  ThredoDeadlockPolicy policy;
  const char *log;
} Environment;

static const Environment environments[] = {
  { "none", NULL, "no", THREDO_DEADLOCK_POLICY_REPORT, alone },
  { "empty", "", "no", THREDO_DEADLOCK_POLICY_REPORT, alone },
  { "report", "report", "no", THREDO_DEADLOCK_POLICY_REPORT, alone },
  { "fail", "fail", "no", THREDO_DEADLOCK_POLICY_FAIL, NULL },
  { "cancel", "cancel", "no", THREDO_DEADLOCK_POLICY_CANCEL, "; 'A' is cancelled" },
  { "bad", "explode", "no", THREDO_DEADLOCK_POLICY_REPORT, "THREDO_DEADLOCK_POLICY is 'explode'" },
  { "case", "FAIL", "no", THREDO_DEADLOCK_POLICY_REPORT, "THREDO_DEADLOCK_POLICY is 'FAIL'" },
  { "set", "cancel", "fail", THREDO_DEADLOCK_POLICY_FAIL, NULL },
  { "set-over-bad", "explode", "fail", THREDO_DEADLOCK_POLICY_FAIL, NULL },
};

static void
test_environment (gconstpointer user_data)
{
  const Environment *environment = user_data;
  g_autoptr(GSubprocessLauncher) launcher =
      g_subprocess_launcher_new (G_SUBPROCESS_FLAGS_STDOUT_PIPE | G_SUBPROCESS_FLAGS_STDERR_PIPE);
  g_autoptr(GSubprocess) process = NULL;
  g_autofree char *program = NULL;
  g_autoptr(GError) error = NULL;
  g_autofree char *out = NULL;
  g_autofree char *err = NULL;
  g_autofree char *expected = NULL;

#if SUPPORT_WITH_TSAN
  g_test_skip ("What stands in front of GLib for ThreadSanitizer knows no child watches");
  return;
#endif

  program = g_file_read_link ("/proc/self/exe", &error);
  g_assert_no_error (error);
  if (environment->value != NULL)
    g_subprocess_launcher_setenv (launcher, "THREDO_DEADLOCK_POLICY", environment->value, TRUE);
  else
    g_subprocess_launcher_unsetenv (launcher, "THREDO_DEADLOCK_POLICY");
  process = g_subprocess_launcher_spawn (launcher, &error, program, "--child", environment->set,
                                         NULL);
  g_assert_no_error (error);
  support_wait_for_process (process);
  g_subprocess_communicate_utf8 (process, NULL, NULL, &out, &err, &error);
  g_assert_no_error (error);
  g_assert_true (g_subprocess_get_successful (process));

  switch (environment->policy)
    {
    case THREDO_DEADLOCK_POLICY_REPORT:
      expected = g_strdup_printf ("policy 0: g-io-error-quark %d\n", G_IO_ERROR_TIMED_OUT);
      break;
    case THREDO_DEADLOCK_POLICY_FAIL:
      expected = g_strdup_printf ("policy 1: %s %d\n", g_quark_to_string (THREDO_ERROR),
                                  THREDO_ERROR_DEADLOCK);
      break;
    case THREDO_DEADLOCK_POLICY_CANCEL:
      expected = g_strdup_printf ("policy 2: g-io-error-quark %d\n", G_IO_ERROR_CANCELLED);
      break;
    }
  g_assert_cmpstr (out, ==, expected);
  if (environment->log != NULL)
    g_assert_cmpuint (count_in (err, environment->log), ==, 1);
  else
    g_assert_cmpstr (err, ==, "");
}

/* -------------------------------------------------------------------------- */

static const char *const policy_names[] = { "report", "fail", "cancel" };

static void
add_for_policies (const char    *name,
                  GTestDataFunc  func)
{
  for (gsize i = 0; i < G_N_ELEMENTS (policy_names); i++)
    {
      g_autofree char *path = g_strdup_printf ("/deadlock/%s/%s", name, policy_names[i]);

      g_test_add_data_func (path, GINT_TO_POINTER (i), func);
    }
}

int
main (int    argc,
      char **argv)
{
  static const char *const circles[] = { "ll", "rr", "RR", "lj", "jl", "rw", "jj", "wj",
                                         "lll", "llj", "jrw", "lRjrw" };
  static const GTestDataFunc tests[] = { test_circle_report, test_circle_fail,
                                         test_circle_cancel };

  if (argc == 3 && strcmp (argv[1], "--child") == 0)
    return be_child (argv[2]);

  support_init (&argc, &argv);
  messages_init ();

  for (gsize i = 0; i < G_N_ELEMENTS (circles); i++)
    {
      for (gsize j = 0; j < G_N_ELEMENTS (tests); j++)
        {
          g_autofree char *path = g_strdup_printf ("/deadlock/circle/%s/%s", circles[i],
                                                   policy_names[j]);

          g_test_add_data_func (path, circles[i], tests[j]);
        }
    }
  g_test_add_func ("/deadlock/foreign", test_foreign);
  g_test_add_func ("/deadlock/words", test_words);
  g_test_add_func ("/deadlock/freed/thread-cancel", test_freed_by_thread_cancel);
  g_test_add_func ("/deadlock/freed/deadline", test_freed_by_deadline);
  g_test_add_func ("/deadlock/freed/own-deadline", test_freed_by_own_deadline);
  g_test_add_func ("/deadlock/shield/some", test_shielded);
  g_test_add_func ("/deadlock/shield/all", test_all_shielded);
  g_test_add_func ("/deadlock/shield/nested", test_nested_shield);
  g_test_add_func ("/deadlock/alone/report", test_alone_report);
  g_test_add_func ("/deadlock/alone/fail", test_alone_fail);
  g_test_add_func ("/deadlock/alone/cancel", test_alone_cancel);
  g_test_add_func ("/deadlock/alone/waited-for", test_alone_waited_for);
  g_test_add_func ("/deadlock/main/report", test_main_report);
  g_test_add_func ("/deadlock/main/fail", test_main_fail);
  g_test_add_func ("/deadlock/main/cancel-other", test_main_cancel_other);
  g_test_add_func ("/deadlock/main/cancel-main", test_main_cancel_main);
  g_test_add_func ("/deadlock/by-context", test_by_context);
  g_test_add_func ("/deadlock/many", test_many);
  g_test_add_func ("/deadlock/handler-waits", test_handler_waits);
  add_for_policies ("none/slow-owner", test_slow_owner);
  add_for_policies ("none/leaving", test_leaving);
  g_test_add_func ("/deadlock/policy", test_policy);
  for (gsize i = 0; i < G_N_ELEMENTS (environments); i++)
    {
      g_autofree char *path = g_strdup_printf ("/deadlock/policy/environment/%s",
                                               environments[i].name);

      g_test_add_data_func (path, &environments[i], test_environment);
    }

  return g_test_run ();
}
