/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Every race there is about a lock or a permit, a hundred thousand times from
 * both sides: whoever wins, it is neither lost nor there twice. And crowds that
 * come, go and are cancelled as they like, while a counter that nothing but the
 * lock protects stays exact.
 */

#include "duel.h"
#include "exclusive.h"

/* --- an arena ------------------------------------------------------------- */

typedef struct
{
  const Exclusive *kind;
  gpointer object;
  ThredoScope *scope;
  GCancellable *cancellable;
  gint64 deadline;
  ThredoThread *holder;
  int holder_may_end;
  int n_ended;
  int n_messages;

  /* Nothing but what is raced for protects it. */
  guint n_passed;

  gboolean ok;
  GError *error;
} Arena;

static void
pass (Arena *arena)
{
  g_autoptr(GError) error = NULL;

  arena->n_passed++;
  arena->kind->release (arena->object, &error);
  g_assert_no_error (error);
}

static void
hold (Duel *duel)
{
  Arena *arena = duel->data;
  g_autoptr(GError) error = NULL;

  arena->kind->acquire (arena->object, NULL, &error);
  g_assert_no_error (error);
}

static void
give_back (Duel *duel)
{
  pass (duel->data);
}

/* The wait is surrounded by a scope, or has a cancellable, in turn. */
static void
prepare_cancel (Duel *duel)
{
  Arena *arena = duel->data;

  if (duel->round % 2)
    {
      arena->scope = thredo_scope_new ();
      thredo_scope_enter (arena->scope);
    }
  else
    {
      arena->cancellable = g_cancellable_new ();
    }
}

static void
cancel (Duel *duel)
{
  Arena *arena = duel->data;

  if (arena->scope != NULL)
    thredo_scope_cancel (arena->scope);
  else
    g_cancellable_cancel (arena->cancellable);
}

/* By now the cancel was made, whoever won: the next call has to say so. */
static void
end_cancel (Arena *arena)
{
  g_autoptr(GError) error = NULL;

  g_assert_false (arena->kind->acquire (arena->object, arena->cancellable, &error));
  support_assert_cancelled (&error);
  if (arena->scope != NULL)
    thredo_scope_leave (arena->scope);
  g_clear_object (&arena->scope);
  g_clear_object (&arena->cancellable);
}

static void
acquire (Duel *duel)
{
  Arena *arena = duel->data;

  arena->ok = arena->kind->acquire (arena->object, arena->cancellable, &arena->error);
  if (arena->ok)
    pass (arena);
}

static void
acquire_unhurt (Duel *duel)
{
  hold (duel);
  give_back (duel);
}

/* Nobody has it, it can be had, and it is there once. */
static void
assert_not_lost (Arena *arena)
{
  const Exclusive *kind = arena->kind;

  g_assert_true (kind->is_free (arena->object));
  g_assert_true (kind->try_acquire (arena->object));
  g_assert_false (kind->is_free (arena->object));
  pass (arena);
  g_assert_true (kind->is_free (arena->object));
}

/* `n_passed` are those who pass every time. */
static DuelSide
judge_outcome (Duel         *duel,
               guint         n_passed,
               GIOErrorEnum  code)
{
  Arena *arena = duel->data;

  assert_not_lost (arena);
  g_assert_cmpuint (arena->n_passed, ==, 1 + n_passed + arena->ok);
  arena->n_passed = 0;
  if (arena->ok)
    {
      g_assert_no_error (arena->error);
      return DUEL_RIGHT;
    }
  support_assert_error (&arena->error, G_IO_ERROR, (int) code);

  return DUEL_LEFT;
}

static DuelSide
judge_cancel (Duel *duel)
{
  end_cancel (duel->data);
  return judge_outcome (duel, duel->kind->behind != NULL ? 2 : 1, G_IO_ERROR_CANCELLED);
}

static void
run_duel (const Exclusive *kind,
          const DuelKind  *duel)
{
  Arena arena = { .kind = kind, .object = kind->create () };

  duel_run (duel, &arena);
  g_object_unref (arena.object);
}

/* --- a release against the cancel of who waits for it --------------------- */

static void
test_cancel (gconstpointer kind)
{
  static const DuelKind duel = {
    .hold = hold,
    .prepare = prepare_cancel,
    .wait = acquire,
    .left = cancel,
    .right = give_back,
    .judge = judge_cancel,
  };

  run_duel (kind, &duel);
}

/* With one more behind, who has to get it in any case. */
static void
test_cancel_in_front (gconstpointer kind)
{
  static const DuelKind duel = {
    .hold = hold,
    .prepare = prepare_cancel,
    .wait = acquire,
    .left = cancel,
    .right = give_back,
    .behind = acquire_unhurt,
    .judge = judge_cancel,
  };

  run_duel (kind, &duel);
}

/* Who has waited for long is handed the lock, instead of being woken to try.
 * Fewer rounds, since each takes as long as that. */
static void
test_cancel_in_front_handed_over (gconstpointer kind)
{
  static const DuelKind duel = {
    .n_rounds = 10000,
    .parked_for = 600,
    .hold = hold,
    .prepare = prepare_cancel,
    .wait = acquire,
    .left = cancel,
    .right = give_back,
    .behind = acquire_unhurt,
    .judge = judge_cancel,
  };

  run_duel (kind, &duel);
}

/* --- a release against a deadline ----------------------------------------- */

static void
prepare_deadline (Duel *duel)
{
  Arena *arena = duel->data;

  arena->deadline = g_get_monotonic_time () + 40 + duel->round % 61;
  arena->scope = thredo_scope_new ();
  thredo_scope_set_deadline (arena->scope, arena->deadline);
}

static void
acquire_with_deadline (Duel *duel)
{
  Arena *arena = duel->data;

  thredo_scope_enter (arena->scope);
  acquire (duel);
  thredo_scope_leave (arena->scope);
}

static void
give_back_at_deadline (Duel *duel)
{
  Arena *arena = duel->data;
  gint64 aim = arena->deadline - duel->lead;

  while (g_get_monotonic_time () < aim)
    ;
  for (volatile guint i = duel->round % 300; i > 0; i--)
    ;
  give_back (duel);
}

static DuelSide
judge_deadline (Duel *duel)
{
  Arena *arena = duel->data;

  if (!arena->ok)
    g_assert_true (thredo_scope_is_expired (arena->scope));
  g_clear_object (&arena->scope);

  return judge_outcome (duel, 1, G_IO_ERROR_TIMED_OUT);
}

static void
test_deadline (gconstpointer kind)
{
  static const DuelKind duel = {
    /* A round takes a millisecond where that is what a timer is good to. */
    .n_rounds = THREDO_PORTABLE ? 20000 : 100000,
    .hold = hold,
    .prepare = prepare_deadline,
    .wait = acquire_with_deadline,
    .right = give_back_at_deadline,
    .judge = judge_deadline,
  };

  run_duel (kind, &duel);
}

/* --- on a main context ---------------------------------------------------- */

static gboolean
acquire_on_context (Arena         *arena,
                    GCancellable  *cancellable,
                    GError       **error)
{
  g_autoptr(GMainContext) context = g_main_context_new ();
  g_autoptr(GAsyncResult) result = NULL;
  gboolean ok;

  g_main_context_push_thread_default (context);
  arena->kind->acquire_async (arena->object, cancellable, support_keep_result, &result);
  while (result == NULL)
    g_main_context_iteration (context, TRUE);
  ok = arena->kind->acquire_finish (arena->object, result, error);
  g_main_context_pop_thread_default (context);

  return ok;
}

static void
prepare_cancellable (Duel *duel)
{
  Arena *arena = duel->data;

  arena->cancellable = g_cancellable_new ();
}

static void
acquire_async (Duel *duel)
{
  Arena *arena = duel->data;

  arena->ok = acquire_on_context (arena, arena->cancellable, &arena->error);
  if (arena->ok)
    pass (arena);
}

static void
test_cancel_async (gconstpointer kind)
{
  static const DuelKind duel = {
    .hold = hold,
    .prepare = prepare_cancellable,
    .wait = acquire_async,
    .left = cancel,
    .right = give_back,
    .judge = judge_cancel,
    .never_parks = TRUE,
  };

  run_duel (kind, &duel);
}

static void
test_cancel_async_in_front (gconstpointer kind)
{
  static const DuelKind duel = {
    .hold = hold,
    .prepare = prepare_cancellable,
    .wait = acquire_async,
    .left = cancel,
    .right = give_back,
    .behind = acquire_unhurt,
    .judge = judge_cancel,
    .never_parks = TRUE,
  };

  run_duel (kind, &duel);
}

/* --- the end of the owner against the cancel of who waits ----------------- */

/* Ends without giving it back. */
static gboolean
hold_until_told (ThredoThread  *thread,
                 gpointer       user_data,
                 GError       **error)
{
  Duel *duel = user_data;
  Arena *arena = duel->data;

  hold (duel);
  g_atomic_int_set (&arena->holder_may_end, 0);
  while (!g_atomic_int_get (&arena->holder_may_end))
    g_thread_yield ();

  return TRUE;
}

static void
spawn_holder (Duel *duel)
{
  Arena *arena = duel->data;

  g_atomic_int_set (&arena->holder_may_end, -1);
  arena->holder = thredo_thread_spawn ("holder", hold_until_told, duel, NULL, NULL);
  g_assert_nonnull (arena->holder);
  while (g_atomic_int_get (&arena->holder_may_end) == -1)
    g_thread_yield ();
}

static void
end_holder (Duel *duel)
{
  Arena *arena = duel->data;

  g_atomic_int_set (&arena->holder_may_end, 1);
  support_join_ok (arena->holder);
  g_clear_object (&arena->holder);
}

static void
acquire_from_ended (Duel *duel)
{
  Arena *arena = duel->data;

  arena->ok = thredo_lock_acquire (arena->object, arena->cancellable, &arena->error);
  if (arena->ok)
    {
      g_assert_true (thredo_lock_get_abandoned (arena->object));
      pass (arena);
    }
}

/* The mark is there for the next owner, and for nobody after it. */
static DuelSide
judge_ended (Duel *duel)
{
  Arena *arena = duel->data;

  end_cancel (arena);
  g_assert_true (thredo_lock_try_acquire (arena->object));
  g_assert_true (thredo_lock_get_abandoned (arena->object) == !arena->ok);
  g_assert_true (thredo_lock_release (arena->object, NULL));
  g_assert_true (thredo_lock_try_acquire (arena->object));
  g_assert_false (thredo_lock_get_abandoned (arena->object));
  g_assert_true (thredo_lock_release (arena->object, NULL));

  return judge_outcome (duel, 0, G_IO_ERROR_CANCELLED);
}

static void
count_message (const char     *domain,
               GLogLevelFlags  level,
               const char     *message,
               gpointer        n)
{
  g_assert_true (g_pattern_match_simple ("Thread 'holder' ended while it held Lock 'l';*",
                                         message));
  g_atomic_int_inc ((int *) n);
}

static void
test_ended (void)
{
  static const DuelKind duel = {
    .n_rounds = 20000,
    .hold = spawn_holder,
    .prepare = prepare_cancel,
    .wait = acquire_from_ended,
    .left = cancel,
    .right = end_holder,
    .judge = judge_ended,
  };
  Arena arena = { .kind = &exclusives[0], .object = thredo_lock_new () };
  GLogLevelFlags fatal = g_log_set_always_fatal (G_LOG_FATAL_MASK);
  int n_messages = 0;
  guint handler;

  g_assert_cmpstr (arena.kind->name, ==, "lock");
  thredo_lock_set_name (arena.object, "l");
  handler = g_log_set_handler ("Thredo", G_LOG_LEVEL_WARNING, count_message, &n_messages);
  duel_run (&duel, &arena);
  g_log_remove_handler ("Thredo", handler);
  g_log_set_always_fatal (fatal);
  g_object_unref (arena.object);
  g_assert_cmpint (n_messages, ==, (int) support_rounds (duel.n_rounds));
}

/* --- the last reference against the release ------------------------------- */

static void
make_and_hold (Duel *duel)
{
  Arena *arena = duel->data;

  arena->object = arena->kind->create ();
  arena->n_ended = 0;
  g_object_set_data_full (arena->object, "end", &arena->n_ended, support_count_destroy);
  hold (duel);
}

/* From here on it is only there because somebody waits for it, or has it. */
static void
drop (Duel *duel)
{
  Arena *arena = duel->data;

  g_object_unref (arena->object);
}

static void
note_message (const char     *domain,
              GLogLevelFlags  level,
              const char     *message,
              gpointer        user_data)
{
  Arena *arena = user_data;

  g_assert_true (g_pattern_match_simple ("The last reference to *Lock was dropped while Thread "
                                         "'*' held it; *",
                                         message));
  arena->n_messages++;
}

/* LEFT was told of it, or the last reference was one to a lock that is free. */
static DuelSide
judge_dropped (Duel *duel)
{
  Arena *arena = duel->data;
  DuelSide winner = arena->n_messages > 0 ? DUEL_LEFT : DUEL_RIGHT;

  g_assert_true (arena->ok);
  g_assert_no_error (arena->error);
  g_assert_cmpint (arena->n_messages, <=, 1);
  g_assert_cmpint (arena->n_ended, ==, 1);
  arena->n_messages = 0;

  return winner;
}

static void
test_dropped (gconstpointer kind)
{
  static const DuelKind duel = {
    .parked_for = 1,
    .hold = make_and_hold,
    .wait = acquire,
    .left = drop,
    .right = give_back,
    .judge = judge_dropped,
  };
  Arena arena = { .kind = kind };
  GLogLevelFlags fatal = g_log_set_always_fatal (G_LOG_FATAL_MASK);
  guint handler =
      g_log_set_handler ("Thredo", G_LOG_LEVEL_CRITICAL, note_message, &arena);

  duel_run (&duel, &arena);
  g_log_remove_handler ("Thredo", handler);
  g_log_set_always_fatal (fatal);
}

/* --- crowds --------------------------------------------------------------- */

#define N_THREADS 8

typedef struct
{
  const Exclusive *kind;
  gpointer object;
  guint n_rounds;

  /* What is protected. */
  guint counter;
  guint halves[2];

  /* The cancellable that each waits with, for anybody to cancel. */
  GMutex mutex;
  GCancellable *cancellables[N_THREADS];
  int next;
} Crowd;

typedef struct
{
  guint n_acquired;
  guint n_cancelled;
  guint n_timed_out;
  guint n_not_tried;
} Tally;

static void
publish (Crowd        *crowd,
         int           number,
         GCancellable *cancellable)
{
  g_mutex_lock (&crowd->mutex);
  g_set_object (&crowd->cancellables[number], cancellable);
  g_mutex_unlock (&crowd->mutex);
}

static void
cancel_somebody (Crowd *crowd,
                 int    number)
{
  g_autoptr(GCancellable) cancellable = NULL;

  g_mutex_lock (&crowd->mutex);
  if (crowd->cancellables[number] != NULL)
    cancellable = g_object_ref (crowd->cancellables[number]);
  g_mutex_unlock (&crowd->mutex);
  if (cancellable != NULL)
    g_cancellable_cancel (cancellable);
}

static void
use_what_is_protected (Crowd *crowd,
                       GRand *rand)
{
  guint before = crowd->counter;

  crowd->halves[0]++;
  if (g_rand_int_range (rand, 0, 16) == 0)
    g_thread_yield ();
  for (volatile int i = g_rand_int_range (rand, 0, 200); i > 0; i--)
    ;
  g_assert_cmpuint (crowd->counter, ==, before);
  g_assert_cmpuint (crowd->halves[1] + 1, ==, crowd->halves[0]);
  crowd->counter = before + 1;
  crowd->halves[1]++;
}

static void
tally_failure (Tally  *tally,
               GError *error)
{
  if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    tally->n_cancelled++;
  else if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT))
    tally->n_timed_out++;
  else
    g_error ("Not this: %s", error->message);
}

static gboolean
acquire_somehow (Crowd *crowd,
                 int    number,
                 GRand *rand,
                 Tally *tally)
{
  g_autoptr(GCancellable) cancellable = NULL;
  g_autoptr(ThredoScope) scope = NULL;
  g_autoptr(GError) error = NULL;
  Arena arena = { .kind = crowd->kind, .object = crowd->object };
  int way = g_rand_int_range (rand, 0, 8);
  gboolean ok;

  switch (way)
    {
    case 0:
      ok = crowd->kind->try_acquire (crowd->object);
      tally->n_not_tried += !ok;
      return ok;

    case 1:
      scope = thredo_scope_new_with_timeout (g_rand_int_range (rand, 0, 300));
      thredo_scope_enter (scope);
      ok = crowd->kind->acquire (crowd->object, NULL, &error);
      thredo_scope_leave (scope);
      break;

    case 2:
    case 3:
      cancellable = g_cancellable_new ();
      publish (crowd, number, cancellable);
      if (way == 2)
        ok = crowd->kind->acquire (crowd->object, cancellable, &error);
      else
        ok = acquire_on_context (&arena, cancellable, &error);
      publish (crowd, number, NULL);
      break;

    case 4:
      scope = thredo_scope_new ();
      publish (crowd, number, thredo_scope_get_cancellable (scope));
      thredo_scope_enter (scope);
      ok = crowd->kind->acquire (crowd->object, NULL, &error);
      thredo_scope_leave (scope);
      publish (crowd, number, NULL);
      break;

    default:
      ok = crowd->kind->acquire (crowd->object, NULL, &error);
      g_assert_no_error (error);
      break;
    }

  if (!ok)
    tally_failure (tally, error);
  return ok;
}

static gboolean
be_in_the_crowd (ThredoThread  *thread,
                 gpointer       user_data,
                 GError       **error)
{
  Crowd *crowd = user_data;
  int number = g_atomic_int_add (&crowd->next, 1);
  g_autoptr(GRand) rand = g_rand_new_with_seed ((guint32) number + 1);
  Tally *tally = g_new0 (Tally, 1);

  for (guint i = 0; i < crowd->n_rounds; i++)
    {
      if (g_rand_int_range (rand, 0, 2) == 0)
        cancel_somebody (crowd, g_rand_int_range (rand, 0, N_THREADS));
      if (acquire_somehow (crowd, number, rand, tally))
        {
          use_what_is_protected (crowd, rand);
          if (!crowd->kind->release (crowd->object, error))
            return FALSE;
          tally->n_acquired++;
        }
    }
  thredo_thread_set_result_pointer (thread, tally, g_free);

  return TRUE;
}

static void
test_crowd (gconstpointer user_data)
{
  const Exclusive *kind = user_data;
  Crowd crowd = {
    .kind = kind,
    .object = kind->create (),
    .n_rounds = support_rounds (100000),
  };
  Arena arena = { .kind = kind, .object = crowd.object };
  ThredoThread *threads[N_THREADS];
  Tally sum = { 0 };

  g_mutex_init (&crowd.mutex);
  for (int i = 0; i < N_THREADS; i++)
    {
      threads[i] = thredo_thread_spawn ("user", be_in_the_crowd, &crowd, NULL, NULL);
      g_assert_nonnull (threads[i]);
    }
  for (int i = 0; i < N_THREADS; i++)
    {
      g_autoptr(GError) error = NULL;
      g_autofree Tally *tally = thredo_thread_join_pointer (threads[i], NULL, &error);

      g_assert_no_error (error);
      sum.n_acquired += tally->n_acquired;
      sum.n_cancelled += tally->n_cancelled;
      sum.n_timed_out += tally->n_timed_out;
      sum.n_not_tried += tally->n_not_tried;
      g_object_unref (threads[i]);
    }

  g_test_message ("%u acquired, %u cancelled, %u timed out, %u were not to be had at once",
                  sum.n_acquired, sum.n_cancelled, sum.n_timed_out, sum.n_not_tried);
  g_assert_cmpuint (crowd.counter, ==, sum.n_acquired);
  g_assert_cmpuint (crowd.halves[0], ==, sum.n_acquired);
  g_assert_cmpuint (crowd.halves[1], ==, sum.n_acquired);
  g_assert_cmpuint (sum.n_acquired + sum.n_cancelled + sum.n_timed_out + sum.n_not_tried, ==,
                    N_THREADS * crowd.n_rounds);
  if (crowd.n_rounds >= 1000)
    {
      g_assert_cmpuint (sum.n_cancelled, >, 0);
      g_assert_cmpuint (sum.n_timed_out, >, 0);
      g_assert_cmpuint (sum.n_not_tried, >, 0);
    }
  assert_not_lost (&arena);
  g_object_unref (crowd.object);
  g_mutex_clear (&crowd.mutex);
}

/* -------------------------------------------------------------------------- */

static const struct
{
  const char *name;
  GTestDataFunc func;
} tests[] = {
  { "cancel", test_cancel },
  { "cancel-in-front", test_cancel_in_front },
  { "cancel-in-front-handed-over", test_cancel_in_front_handed_over },
  { "deadline", test_deadline },
  { "cancel-async", test_cancel_async },
  { "cancel-async-in-front", test_cancel_async_in_front },
  { "crowd", test_crowd },
};

int
main (int    argc,
      char **argv)
{
  support_init (&argc, &argv);

  for (gsize i = 0; i < G_N_ELEMENTS (exclusives); i++)
    {
      for (gsize j = 0; j < G_N_ELEMENTS (tests); j++)
        {
          g_autofree char *path =
              g_strdup_printf ("/lock-races/%s/%s", exclusives[i].name, tests[j].name);

          g_test_add_data_func (path, &exclusives[i], tests[j].func);
        }
    }
  g_test_add_func ("/lock-races/lock/ended-owner", test_ended);
  g_test_add_data_func ("/lock-races/lock/dropped", &exclusives[0], test_dropped);
  g_test_add_data_func ("/lock-races/rlock/dropped", &exclusives[1], test_dropped);

  return g_test_run ();
}
