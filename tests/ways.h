/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A wait that is ended in every way there is. tests/waits.c does so on every kind of thread, for
 * the waits of core/ and sync/; this is for those that have a fixture of their own.
 */

#pragma once

#include "support.h"

typedef struct
{
  const char *name;        /* "/socket/receive" */
  const char *waiting_for; /* what the monitor says; NULL: not looked at */
  gpointer (*set_up) (void);
  void (*tear_down) (gpointer fixture);
  gboolean (*wait) (gpointer       fixture,
                    GCancellable  *cancellable,
                    GError       **error);
  /* What is waited for happens. */
  void (*complete) (gpointer fixture);
  /* A wait that was cancelled or timed out did not happen; NULL: cannot be told. */
  void (*assert_undone) (gpointer fixture);
} WaysWait;

typedef enum
{
  WAYS_COMPLETES,
  WAYS_CANCEL,
  WAYS_CANCELLED_BEFORE,
  WAYS_EXPLICIT,
  WAYS_EXPLICIT_BEFORE,
  WAYS_SCOPE,
  WAYS_DEADLINE,
  WAYS_DEADLINE_BEFORE,
  WAYS_SHIELD,
  N_WAYS
} Way;

static const char *const ways_names[N_WAYS] = {
  "completes",
  "cancelled",
  "cancelled-before",
  "explicit",
  "explicit-before",
  "scope",
  "deadline",
  "deadline-before",
  "shield",
};

typedef struct
{
  const WaysWait *wait;
  Way way;
} WaysCase;

typedef struct
{
  const WaysWait *wait;
  gpointer fixture;
  ThredoScope *scope;
  GCancellable *cancellable;
  gboolean result;
  GError *error;
} WaysRun;

static gboolean
ways_thread (ThredoThread  *thread,
             gpointer       data,
             GError       **error)
{
  WaysRun *run = data;

  thredo_scope_enter (run->scope);
  run->result = run->wait->wait (run->fixture, run->cancellable, &run->error);
  thredo_scope_leave (run->scope);

  return TRUE;
}

static void
ways_assert_waiting (ThredoThread   *thread,
                     const WaysWait *wait)
{
  if (wait->waiting_for != NULL)
    support_wait_for_wait (thread, wait->waiting_for);
  else
    support_wait_for_state (thread, THREDO_THREAD_STATE_WAITING);
}

static void
ways_case (gconstpointer data)
{
  const WaysCase *test = data;
  const WaysWait *wait = test->wait;
  WaysRun run = { .wait = wait, .fixture = wait->set_up () };
  g_autoptr(ThredoThread) thread = thredo_thread_new ("waiter", ways_thread, &run, NULL);
  GError *error = NULL;

  run.scope = thredo_scope_new ();
  if (test->way == WAYS_EXPLICIT || test->way == WAYS_EXPLICIT_BEFORE)
    run.cancellable = g_cancellable_new ();

  /* Level-triggered: it fails also where it need not wait. */
  if (test->way == WAYS_CANCELLED_BEFORE)
    {
      wait->complete (run.fixture);
      thredo_scope_cancel (run.scope);
    }
  if (test->way == WAYS_EXPLICIT_BEFORE)
    {
      wait->complete (run.fixture);
      g_cancellable_cancel (run.cancellable);
    }
  if (test->way == WAYS_DEADLINE_BEFORE)
    {
      wait->complete (run.fixture);
      thredo_scope_set_deadline (run.scope, g_get_monotonic_time ());
    }
  if (test->way == WAYS_SHIELD)
    thredo_scope_set_shielded (run.scope, TRUE);

  thredo_thread_start (thread, &error);
  g_assert_no_error (error);

  switch (test->way)
    {
    case WAYS_COMPLETES:
      ways_assert_waiting (thread, wait);
      wait->complete (run.fixture);
      break;
    case WAYS_CANCEL:
      ways_assert_waiting (thread, wait);
      thredo_thread_cancel (thread);
      break;
    case WAYS_EXPLICIT:
      ways_assert_waiting (thread, wait);
      g_cancellable_cancel (run.cancellable);
      break;
    case WAYS_SCOPE:
      ways_assert_waiting (thread, wait);
      thredo_scope_cancel (run.scope);
      break;
    case WAYS_DEADLINE:
      ways_assert_waiting (thread, wait);
      thredo_scope_set_deadline (run.scope, g_get_monotonic_time ());
      break;
    case WAYS_SHIELD:
      ways_assert_waiting (thread, wait);
      thredo_thread_cancel (thread);
      g_assert_cmpint (thredo_thread_get_state (thread), ==, THREDO_THREAD_STATE_WAITING);
      wait->complete (run.fixture);
      break;
    default:
      break;
    }

  thredo_thread_wait (thread, NULL, &error);
  g_assert_no_error (error);

  switch (test->way)
    {
    case WAYS_COMPLETES:
    case WAYS_SHIELD:
      g_assert_no_error (run.error);
      g_assert_true (run.result);
      break;
    case WAYS_DEADLINE:
    case WAYS_DEADLINE_BEFORE:
      g_assert_false (run.result);
      support_assert_timed_out (&run.error);
      if (wait->assert_undone != NULL)
        wait->assert_undone (run.fixture);
      break;
    default:
      g_assert_false (run.result);
      support_assert_cancelled (&run.error);
      if (wait->assert_undone != NULL)
        wait->assert_undone (run.fixture);
      break;
    }

  g_clear_object (&run.cancellable);
  g_clear_object (&run.scope);
  wait->tear_down (run.fixture);
}

/* The waits stay where they are. */
static void
ways_add (const WaysWait *waits,
          gsize           n_waits)
{
  for (gsize i = 0; i < n_waits; i++)
    {
      for (Way way = 0; way < N_WAYS; way++)
        {
          WaysCase *test = g_new (WaysCase, 1);
          g_autofree char *path = g_strdup_printf ("%s/%s", waits[i].name, ways_names[way]);

          *test = (WaysCase) { &waits[i], way };
          g_test_add_data_func_full (path, test, ways_case, g_free);
        }
    }
}
