/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Every race there is, a hundred thousand times from both sides: whoever wins,
 * nothing is lost and nothing comes twice.
 *
 * The actors of a race are threads that stay for all its rounds. They meet at
 * a barrier they spin at, and each is then held for a moment; how long is
 * steered by who won the rounds before, towards one half each, so that the
 * two sides come as close to each other as the machine lets them.
 */

#include "support.h"

#define N_ROUNDS 100000
#define MAX_ACTORS 3

/* So few rounds need not have seen both outcomes. */
#define FEW_ROUNDS 200

typedef enum
{
  LEFT,
  RIGHT,
} Side;

/* --- meeting -------------------------------------------------------------- */

typedef struct
{
  int n_expected;
  int n_arrived;
  int phase;
} Meeting;

static void
meet (Meeting *meeting)
{
  int phase = g_atomic_int_get (&meeting->phase);
  guint n_spins = 0;

  if (g_atomic_int_add (&meeting->n_arrived, 1) == meeting->n_expected - 1)
    {
      g_atomic_int_set (&meeting->n_arrived, 0);
      g_atomic_int_set (&meeting->phase, phase + 1);
      return;
    }
  while (g_atomic_int_get (&meeting->phase) == phase)
    if (++n_spins > 300)
      g_thread_yield ();
}

/* --- steering ------------------------------------------------------------- */

typedef struct
{
  /* Above 0 it is LEFT that is held, below 0 RIGHT. */
  int lead;
  int step;
  int max_lead;
  Side last;
  int streak;
} Steering;

static void
steering_init (Steering *steering,
               int       max_lead)
{
  *steering = (Steering) { .step = 1, .max_lead = max_lead };
}

/* Holds the winner back; more so the longer he has been winning. */
static void
steering_won (Steering *steering,
              Side      winner)
{
  if (winner == steering->last)
    {
      if (++steering->streak > 3)
        steering->step = MIN (steering->step * 2, steering->max_lead / 8);
    }
  else
    {
      steering->streak = 0;
      steering->step = MAX (steering->step / 2, 1);
    }
  steering->last = winner;
  steering->lead += winner == LEFT ? steering->step : -steering->step;
  steering->lead = CLAMP (steering->lead, -steering->max_lead, steering->max_lead);
}

static void
hold_for (int n)
{
  for (volatile int i = 0; i < n; i++)
    if (i % 4096 == 4095)
      g_thread_yield ();
}

static void
steering_hold (Steering *steering,
               Side      side,
               guint32  *random)
{
  int n = side == LEFT ? steering->lead : -steering->lead;

  /* xorshift32 */
  *random ^= *random << 13;
  *random ^= *random >> 17;
  *random ^= *random << 5;
  hold_for (MAX (n, 0) + *random % 64);
}

/* --- a race --------------------------------------------------------------- */

typedef struct _Race Race;

typedef struct
{
  const char *path;
  guint n_actors;

  /* Of three actors, 1 is LEFT and 2 is RIGHT, and both of them are after
   * what 0 waits for; of two actors, 0 is LEFT and 1 is RIGHT. */
  void (*act[MAX_ACTORS]) (Race *race);

  /* By actor 0, while the others stand still. */
  void (*prepare) (Race *race);
  Side (*judge) (Race *race);

  /* The steering is by time: actor 1 aims, nobody is held. */
  gboolean aims;

  /* The waiter waits on a main context, which nobody can see. */
  gboolean never_parks;
} RaceKind;

struct _Race
{
  const RaceKind *kind;
  guint n_rounds;
  guint round;
  guint n_won[2];

  Meeting start;
  Meeting pair;
  Meeting end;

  /* In some rounds the two set out only once the waiter is parked. */
  Steering steering[2];
  ThredoThread *waiter;

  ThredoQueue *queue;
  ThredoQueue *other_queue;
  ThredoGroup *group;
  ThredoThread *thread;
  ThredoScope *scope;
  GCancellable *cancellable;
  gint64 deadline;
  int flag;

  /* What came of it. */
  gboolean ok[MAX_ACTORS];
  guint item[MAX_ACTORS];
  GError *error[MAX_ACTORS];
};

static gboolean
race_parks (Race *race)
{
  return race->kind->n_actors == 3 && !race->kind->never_parks && race->round % 4 == 0;
}

static Steering *
race_get_steering (Race *race)
{
  return &race->steering[race_parks (race)];
}

static void
race_wait_for_waiter (Race *race)
{
  guint n_spins = 0;

  while (thredo_thread_get_state (race->waiter) != THREDO_THREAD_STATE_WAITING)
    if (++n_spins > 100)
      g_thread_yield ();
}

typedef struct
{
  Race *race;
  guint index;
} Actor;

static gboolean
run_actor (ThredoThread  *thread,
           gpointer       user_data,
           GError       **error)
{
  Actor *actor = user_data;
  Race *race = actor->race;
  const RaceKind *kind = race->kind;
  Side side = actor->index + 2 - kind->n_actors;
  gboolean is_waiter = kind->n_actors == 3 && actor->index == 0;
  guint32 random = 2463534242u + actor->index;

  if (is_waiter)
    race->waiter = thread;

  for (guint i = 0; i < race->n_rounds; i++)
    {
      if (actor->index == 0)
        {
          race->round = i;
          kind->prepare (race);
        }
      meet (&race->start);
      if (!is_waiter)
        {
          if (race_parks (race))
            race_wait_for_waiter (race);
          meet (&race->pair);
          if (!kind->aims)
            steering_hold (race_get_steering (race), side, &random);
        }
      kind->act[actor->index](race);
      meet (&race->end);
      if (actor->index == 0)
        {
          Side winner = kind->judge (race);

          race->n_won[winner]++;
          steering_won (race_get_steering (race), winner);
        }
    }

  return TRUE;
}

static void
race_run (gconstpointer user_data)
{
  const RaceKind *kind = user_data;
  Race race = {
    .kind = kind,
    .n_rounds = support_rounds (N_ROUNDS),
    .start = { .n_expected = kind->n_actors },
    .pair = { .n_expected = 2 },
    .end = { .n_expected = kind->n_actors },
  };
  Actor actors[MAX_ACTORS];
  ThredoThread *threads[MAX_ACTORS];
  gint64 begun = g_get_monotonic_time ();

  for (int i = 0; i < 2; i++)
    steering_init (&race.steering[i], kind->aims ? 2000 : 1 << 18);
  for (guint i = 0; i < kind->n_actors; i++)
    {
      actors[i] = (Actor) { &race, i };
      threads[i] = thredo_thread_spawn ("actor", run_actor, &actors[i], NULL, NULL);
      g_assert_nonnull (threads[i]);
    }
  for (guint i = 0; i < kind->n_actors; i++)
    {
      support_join_ok (threads[i]);
      g_object_unref (threads[i]);
    }
  g_clear_object (&race.queue);
  g_clear_object (&race.other_queue);

  g_test_message ("%u rounds, won %u to %u, in %.1f s", race.n_rounds,
                  race.n_won[LEFT], race.n_won[RIGHT], (g_get_monotonic_time () - begun) / 1e6);
  if (race.n_rounds >= FEW_ROUNDS)
    {
      g_assert_cmpuint (race.n_won[LEFT], >, 0);
      g_assert_cmpuint (race.n_won[RIGHT], >, 0);
    }
}

/* --- what races are made of ----------------------------------------------- */

/* Through the pointer calls in one round and the value calls in the next. */
static gboolean
put_item (Race          *race,
          ThredoQueue   *queue,
          guint          item,
          GCancellable  *cancellable,
          GError       **error)
{
  g_auto(GValue) value = G_VALUE_INIT;

  if (race->round / 2 % 2)
    return thredo_queue_put_pointer (queue, GUINT_TO_POINTER (item), cancellable, error);

  g_value_init (&value, G_TYPE_POINTER);
  g_value_set_pointer (&value, GUINT_TO_POINTER (item));

  return thredo_queue_put (queue, &value, cancellable, error);
}

static gboolean
get_item (Race          *race,
          ThredoQueue   *queue,
          guint         *item,
          GCancellable  *cancellable,
          GError       **error)
{
  g_auto(GValue) value = G_VALUE_INIT;

  if (race->round / 4 % 2)
    {
      gpointer pointer = thredo_queue_get_pointer (queue, cancellable, error);

      *item = GPOINTER_TO_UINT (pointer);
      return pointer != NULL;
    }

  if (!thredo_queue_get (queue, &value, cancellable, error))
    return FALSE;
  *item = GPOINTER_TO_UINT (g_value_get_pointer (&value));

  return TRUE;
}

/* What is left in the queue: 0 for nothing. */
static guint
take_rest (ThredoQueue *queue)
{
  g_auto(GValue) value = G_VALUE_INIT;

  if (!thredo_queue_try_get (queue, &value, NULL))
    return 0;

  return GPOINTER_TO_UINT (g_value_get_pointer (&value));
}

static guint
race_item (Race *race)
{
  return race->round + 1;
}

static void
assert_and_clear (Race         *race,
                  guint         actor,
                  GIOErrorEnum  code)
{
  g_assert_error (race->error[actor], G_IO_ERROR, (int) code);
  g_clear_error (&race->error[actor]);
}

/* The wait is surrounded by a scope, or has a cancellable, in turn. */
static void
prepare_cancel (Race *race)
{
  if (race->round % 2)
    {
      race->scope = thredo_scope_new ();
      thredo_scope_enter (race->scope);
    }
  else
    {
      race->cancellable = g_cancellable_new ();
    }
}

static void
act_cancel (Race *race)
{
  if (race->scope != NULL)
    thredo_scope_cancel (race->scope);
  else
    g_cancellable_cancel (race->cancellable);
}

/* By now the cancel was made, whoever won: the next call has to say so. */
static void
end_cancel (Race *race)
{
  g_autoptr(GError) error = NULL;

  g_assert_false (thredo_check_cancelled (race->cancellable, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  if (race->scope != NULL)
    thredo_scope_leave (race->scope);
  g_clear_object (&race->scope);
  g_clear_object (&race->cancellable);
}

/* --- put against a cancelled get ------------------------------------------ */

static void
prepare_get_and_cancel (Race *race)
{
  if (race->queue == NULL)
    race->queue = thredo_queue_new (0);
  prepare_cancel (race);
}

static void
act_get_0 (Race *race)
{
  race->ok[0] = get_item (race, race->queue, &race->item[0], race->cancellable, &race->error[0]);
}

static void
act_put_1 (Race *race)
{
  race->ok[1] = put_item (race, race->queue, race_item (race), NULL, &race->error[1]);
}

static Side
judge_get_and_cancel (Race *race)
{
  guint rest = take_rest (race->queue);

  end_cancel (race);
  g_assert_true (race->ok[1]);
  g_assert_cmpuint (take_rest (race->queue), ==, 0);
  if (race->ok[0])
    {
      g_assert_no_error (race->error[0]);
      g_assert_cmpuint (race->item[0], ==, race_item (race));
      g_assert_cmpuint (rest, ==, 0);
      return LEFT;
    }
  assert_and_clear (race, 0, G_IO_ERROR_CANCELLED);
  g_assert_cmpuint (rest, ==, race_item (race));

  return RIGHT;
}

/* The same, with the getter on a main context. */
static void
act_get_async_0 (Race *race)
{
  g_autoptr(GMainContext) context = g_main_context_new ();
  g_auto(GValue) value = G_VALUE_INIT;
  GAsyncResult *result = NULL;

  g_main_context_push_thread_default (context);
  thredo_queue_get_async (race->queue, race->cancellable, support_keep_result, &result);
  while (result == NULL)
    g_main_context_iteration (context, TRUE);
  race->ok[0] = thredo_queue_get_finish (race->queue, result, &value, &race->error[0]);
  if (race->ok[0])
    race->item[0] = GPOINTER_TO_UINT (g_value_get_pointer (&value));
  g_object_unref (result);
  g_main_context_pop_thread_default (context);
}

static void
prepare_get_async_and_cancel (Race *race)
{
  if (race->queue == NULL)
    race->queue = thredo_queue_new (0);
  race->cancellable = g_cancellable_new ();
}

/* --- get against a cancelled put ------------------------------------------ */

#define OLD_ITEM G_MAXUINT32

static void
prepare_put_and_cancel (Race *race)
{
  if (race->queue == NULL)
    race->queue = thredo_queue_new (1);
  g_assert_true (put_item (race, race->queue, OLD_ITEM, NULL, NULL));
  prepare_cancel (race);
}

static void
act_put_0 (Race *race)
{
  race->ok[0] = put_item (race, race->queue, race_item (race), race->cancellable, &race->error[0]);
}

static void
act_get_1 (Race *race)
{
  race->ok[1] = get_item (race, race->queue, &race->item[1], NULL, &race->error[1]);
}

/* The old item went to the getter, and what of the new one? */
static Side
judge_put (Race         *race,
           GIOErrorEnum  code)
{
  guint rest = take_rest (race->queue);

  g_assert_true (race->ok[1]);
  g_assert_cmpuint (race->item[1], ==, OLD_ITEM);
  g_assert_cmpuint (take_rest (race->queue), ==, 0);
  if (race->ok[0])
    {
      g_assert_no_error (race->error[0]);
      g_assert_cmpuint (rest, ==, race_item (race));
      return LEFT;
    }
  assert_and_clear (race, 0, code);
  g_assert_cmpuint (rest, ==, 0);

  return RIGHT;
}

static Side
judge_put_and_cancel (Race *race)
{
  end_cancel (race);

  return judge_put (race, G_IO_ERROR_CANCELLED);
}

/* --- deadline against put ------------------------------------------------- */

static void
prepare_deadline (Race *race)
{
  GTimeSpan timeout = 40 + race->round % 61;

  if (race->queue == NULL)
    race->queue = thredo_queue_new (0);
  race->deadline = g_get_monotonic_time () + timeout;
  race->scope = thredo_scope_new ();
  thredo_scope_set_deadline (race->scope, race->deadline);
}

static void
act_get_with_deadline (Race *race)
{
  thredo_scope_enter (race->scope);
  act_get_0 (race);
  thredo_scope_leave (race->scope);
}

static void
act_put_at_deadline (Race *race)
{
  gint64 aim = race->deadline - race_get_steering (race)->lead;

  while (g_get_monotonic_time () < aim)
    ;
  hold_for (race->round % 300);
  act_put_1 (race);
}

static Side
judge_deadline (Race *race)
{
  guint rest = take_rest (race->queue);

  g_assert_true (race->ok[1]);
  g_assert_cmpuint (take_rest (race->queue), ==, 0);
  if (!race->ok[0])
    {
      g_assert_true (thredo_scope_is_expired (race->scope));
      g_clear_object (&race->scope);
      assert_and_clear (race, 0, G_IO_ERROR_TIMED_OUT);
      g_assert_cmpuint (rest, ==, race_item (race));
      return LEFT;
    }
  g_clear_object (&race->scope);
  g_assert_no_error (race->error[0]);
  g_assert_cmpuint (race->item[0], ==, race_item (race));
  g_assert_cmpuint (rest, ==, 0);

  return RIGHT;
}

/* --- two cancels ---------------------------------------------------------- */

/* Whoever comes first; afterwards each puts a token, and the waiter has to
 * get both: a cancel that comes late must not end the waits after it. */
static void
prepare_two_cancels (Race *race)
{
  if (race->queue == NULL)
    {
      race->queue = thredo_queue_new (0);
      race->other_queue = thredo_queue_new (0);
    }
  race->flag = 0;
  race->scope = thredo_scope_new ();
  race->cancellable = g_cancellable_new ();
}

static void
act_wait_for_two_cancels (Race *race)
{
  guint token = 0;

  thredo_scope_enter (race->scope);
  act_get_0 (race);
  thredo_scope_leave (race->scope);
  for (int i = 0; i < 2; i++)
    {
      g_assert_true (get_item (race, race->other_queue, &token, NULL, &race->error[1]));
      g_assert_cmpuint (token, ==, race_item (race));
    }
}

static void
put_token (Race  *race,
           guint  actor)
{
  race->ok[actor] = put_item (race, race->other_queue, race_item (race), NULL, NULL);
}

static void
act_cancel_scope_1 (Race *race)
{
  race->item[1] = g_atomic_int_add (&race->flag, 1);
  thredo_scope_cancel (race->scope);
  put_token (race, 1);
}

static void
act_cancel_scope_2 (Race *race)
{
  race->item[2] = g_atomic_int_add (&race->flag, 1);
  thredo_scope_cancel (race->scope);
  put_token (race, 2);
}

static void
act_cancel_cancellable_2 (Race *race)
{
  race->item[2] = g_atomic_int_add (&race->flag, 1);
  g_cancellable_cancel (race->cancellable);
  put_token (race, 2);
}

static Side
judge_two_cancels (Race *race)
{
  g_assert_false (race->ok[0]);
  assert_and_clear (race, 0, G_IO_ERROR_CANCELLED);
  g_assert_no_error (race->error[1]);
  g_assert_true (race->ok[1]);
  g_assert_true (race->ok[2]);
  g_assert_true (thredo_scope_is_cancelled (race->scope));
  g_assert_cmpuint (take_rest (race->other_queue), ==, 0);
  g_clear_object (&race->scope);
  g_clear_object (&race->cancellable);
  g_assert_cmpuint (race->item[1] + race->item[2], ==, 1);

  return race->item[1] == 0 ? LEFT : RIGHT;
}

/* Two cancel a thread. */
static void
prepare_two_thread_cancels (Race *race)
{
  race->flag = 0;
  race->thread = thredo_thread_spawn ("victim", support_sleep_forever, NULL, NULL, &race->error[0]);
  g_assert_no_error (race->error[0]);
}

static void
act_join_0 (Race *race)
{
  race->ok[0] = thredo_thread_join (race->thread, race->cancellable, &race->error[0]);
}

static void
act_cancel_thread_1 (Race *race)
{
  race->item[1] = g_atomic_int_add (&race->flag, 1);
  thredo_thread_cancel (race->thread);
}

static void
act_cancel_thread_2 (Race *race)
{
  race->item[2] = g_atomic_int_add (&race->flag, 1);
  thredo_thread_cancel (race->thread);
}

static Side
judge_two_thread_cancels (Race *race)
{
  g_assert_false (race->ok[0]);
  g_assert_error (race->error[0], THREDO_ERROR, THREDO_ERROR_THREAD_CANCELLED);
  g_clear_error (&race->error[0]);
  g_assert_cmpint (thredo_thread_get_state (race->thread), ==, THREDO_THREAD_STATE_CANCELLED);
  g_clear_object (&race->thread);

  return race->item[1] == 0 ? LEFT : RIGHT;
}

/* --- close against put and get -------------------------------------------- */

static void
prepare_close_and_put (Race *race)
{
  g_clear_object (&race->queue);
  race->queue = thredo_queue_new (race->round % 3);
}

static void
act_close (Race *race)
{
  thredo_queue_close (race->queue);
}

/* It is in the queue, to be drained, or the putter was told. */
static Side
judge_close_and_put (Race *race)
{
  guint rest = take_rest (race->queue);

  if (race->ok[0])
    {
      g_assert_no_error (race->error[0]);
      g_assert_cmpuint (rest, ==, race_item (race));
      return LEFT;
    }
  assert_and_clear (race, 0, G_IO_ERROR_CLOSED);
  g_assert_cmpuint (rest, ==, 0);

  return RIGHT;
}

static void
prepare_close_and_full_put (Race *race)
{
  g_clear_object (&race->queue);
  race->queue = thredo_queue_new (1);
  g_assert_true (put_item (race, race->queue, OLD_ITEM, NULL, NULL));
}

static Side
judge_close_and_full_put (Race *race)
{
  return judge_put (race, G_IO_ERROR_CLOSED);
}

static void
prepare_close_and_get (Race *race)
{
  g_clear_object (&race->queue);
  race->queue = thredo_queue_new (race->round % 3);
}

/* What was put is got: also by a getter that was waiting as it was closed. */
static Side
judge_close_and_get (Race *race)
{
  g_assert_cmpuint (take_rest (race->queue), ==, 0);
  g_assert_cmpint (race->ok[0], ==, race->ok[1]);
  if (race->ok[0])
    {
      g_assert_no_error (race->error[0]);
      g_assert_cmpuint (race->item[0], ==, race_item (race));
      return LEFT;
    }
  assert_and_clear (race, 0, G_IO_ERROR_CLOSED);
  assert_and_clear (race, 1, G_IO_ERROR_CLOSED);

  return RIGHT;
}

/* --- a cancelled join against the end ------------------------------------- */

static gboolean
end_on_order (ThredoThread  *thread,
              gpointer       user_data,
              GError       **error)
{
  Race *race = user_data;

  if (thredo_queue_get_pointer (race->queue, NULL, error) == NULL)
    return FALSE;
  thredo_thread_set_result_pointer (thread, race, NULL);

  return TRUE;
}

static void
prepare_join_and_cancel (Race *race)
{
  prepare_get_and_cancel (race);
  race->thread = thredo_thread_spawn ("ending", end_on_order, race, NULL, &race->error[0]);
  g_assert_no_error (race->error[0]);
}

static Side
judge_join_and_cancel (Race *race)
{
  gboolean ok = race->ok[0];

  end_cancel (race);
  g_assert_true (race->ok[1]);
  if (ok)
    g_assert_no_error (race->error[0]);
  else
    assert_and_clear (race, 0, G_IO_ERROR_CANCELLED);

  /* A join that was cancelled did not happen: it can be made again. */
  g_assert_true (thredo_thread_join_pointer (race->thread, NULL, NULL) == race);
  g_assert_cmpint (thredo_thread_get_state (race->thread), ==, THREDO_THREAD_STATE_FINISHED);
  g_clear_object (&race->thread);

  return ok ? LEFT : RIGHT;
}

/* --- a cancelled next_done against the end -------------------------------- */

static void
prepare_next_done_and_cancel (Race *race)
{
  prepare_get_and_cancel (race);
  race->group = thredo_group_new (THREDO_GROUP_WAIT_ALL);
  race->thread =
      thredo_group_spawn (race->group, "ending", end_on_order, race, NULL, &race->error[0]);
  g_assert_no_error (race->error[0]);
}

static void
act_next_done_0 (Race *race)
{
  g_autoptr(ThredoThread) next = NULL;

  next = thredo_group_next_done (race->group, race->cancellable, &race->error[0]);
  g_assert_true (next == NULL || next == race->thread);
  race->ok[0] = next != NULL;
}

static Side
judge_next_done_and_cancel (Race *race)
{
  g_autoptr(ThredoThread) next = NULL;
  g_autoptr(GError) error = NULL;

  end_cancel (race);
  g_assert_true (race->ok[1]);
  next = thredo_group_next_done (race->group, NULL, &error);
  g_assert_no_error (error);
  if (race->ok[0])
    {
      g_assert_no_error (race->error[0]);
      g_assert_null (next);
    }
  else
    {
      assert_and_clear (race, 0, G_IO_ERROR_CANCELLED);
      g_assert_true (next == race->thread);
    }
  g_assert_true (thredo_group_join (race->group, NULL, &error));
  g_assert_no_error (error);
  g_clear_object (&race->group);
  g_clear_object (&race->thread);

  return race->ok[0] ? LEFT : RIGHT;
}

/* --- against the end of a thread of one round ----------------------------- */

typedef struct
{
  Meeting meeting;
  Steering steering;
  guint32 random;
  gboolean asks;
  int cancel_made;
  int at_end;
} Ending;

static gboolean
end_soon (ThredoThread  *thread,
          gpointer       user_data,
          GError       **error)
{
  Ending *ending = user_data;
  gboolean ok = TRUE;

  meet (&ending->meeting);
  steering_hold (&ending->steering, LEFT, &ending->random);
  if (ending->asks)
    {
      ok = thredo_check_cancelled (NULL, error);
      /* Not by the cancel of a thread that was here before. */
      if (!ok)
        g_assert_true (g_atomic_int_get (&ending->cancel_made));
    }
  else
    {
      thredo_thread_set_result_pointer (thread, ending, NULL);
    }
  g_atomic_int_set (&ending->at_end, TRUE);

  return ok;
}

/* One half of the rounds asks for the cancel, the other ends without. */
static void
test_cancel_end (void)
{
  guint n_rounds = support_rounds (N_ROUNDS);
  guint n_won[2] = { 0, 0 };
  guint32 random = 2463534242u;
  Ending ending = { .random = 88172645u };

  steering_init (&ending.steering, 1 << 18);
  for (guint i = 0; i < n_rounds; i++)
    {
      g_autoptr(ThredoThread) thread = NULL;
      g_autoptr(GError) error = NULL;
      gboolean ok;

      ending.meeting = (Meeting) { .n_expected = 2 };
      ending.asks = i % 2 == 0;
      ending.cancel_made = FALSE;
      ending.at_end = FALSE;
      thread = thredo_thread_spawn ("ending", end_soon, &ending, NULL, &error);
      g_assert_no_error (error);
      meet (&ending.meeting);
      steering_hold (&ending.steering, RIGHT, &random);
      g_atomic_int_set (&ending.cancel_made, TRUE);
      thredo_thread_cancel (thread);
      ok = thredo_thread_join (thread, NULL, &error);
      g_assert_true (thredo_thread_is_cancelled (thread) || ok);

      if (ok)
        {
          g_assert_no_error (error);
          g_assert_cmpint (thredo_thread_get_state (thread), ==, THREDO_THREAD_STATE_FINISHED);
        }
      else
        {
          g_assert_true (ending.asks);
          g_assert_error (error, THREDO_ERROR, THREDO_ERROR_THREAD_CANCELLED);
          g_assert_cmpint (thredo_thread_get_state (thread), ==, THREDO_THREAD_STATE_CANCELLED);
        }
      if (ending.asks)
        {
          n_won[ok ? LEFT : RIGHT]++;
          steering_won (&ending.steering, ok ? LEFT : RIGHT);
        }
    }

  g_test_message ("%u rounds, won %u to %u", n_rounds, n_won[LEFT], n_won[RIGHT]);
  if (n_rounds >= FEW_ROUNDS)
    {
      g_assert_cmpuint (n_won[LEFT], >, 0);
      g_assert_cmpuint (n_won[RIGHT], >, 0);
    }
}

/* The joiner finds the thread at its end already, or has to wait. */
static void
test_join_end (void)
{
  guint n_rounds = support_rounds (N_ROUNDS);
  guint n_won[2] = { 0, 0 };
  guint32 random = 2463534242u;
  Ending ending = { .random = 88172645u };

  steering_init (&ending.steering, 1 << 18);
  for (guint i = 0; i < n_rounds; i++)
    {
      g_autoptr(ThredoThread) thread = NULL;
      g_autoptr(GError) error = NULL;
      gpointer result;
      Side winner;

      ending.meeting = (Meeting) { .n_expected = 2 };
      ending.asks = FALSE;
      ending.at_end = FALSE;
      thread = thredo_thread_spawn ("ending", end_soon, &ending, NULL, &error);
      g_assert_no_error (error);
      meet (&ending.meeting);
      steering_hold (&ending.steering, RIGHT, &random);
      winner = g_atomic_int_get (&ending.at_end) ? LEFT : RIGHT;
      result = thredo_thread_join_pointer (thread, NULL, &error);
      g_assert_no_error (error);
      g_assert_true (result == &ending);
      g_assert_true (ending.at_end);
      g_assert_cmpint (thredo_thread_get_state (thread), ==, THREDO_THREAD_STATE_FINISHED);
      n_won[winner]++;
      steering_won (&ending.steering, winner);
    }

  g_test_message ("%u rounds, won %u to %u", n_rounds, n_won[LEFT], n_won[RIGHT]);
  if (n_rounds >= FEW_ROUNDS)
    {
      g_assert_cmpuint (n_won[LEFT], >, 0);
      g_assert_cmpuint (n_won[RIGHT], >, 0);
    }
}

/* -------------------------------------------------------------------------- */

static const RaceKind kinds[] = {
  {
      .path = "/races/put/cancelled-get",
      .n_actors = 3,
      .prepare = prepare_get_and_cancel,
      .act = { act_get_0, act_put_1, act_cancel },
      .judge = judge_get_and_cancel,
  },
  {
      .path = "/races/put/cancelled-get-async",
      .n_actors = 3,
      .prepare = prepare_get_async_and_cancel,
      .act = { act_get_async_0, act_put_1, act_cancel },
      .judge = judge_get_and_cancel,
      .never_parks = TRUE,
  },
  {
      .path = "/races/get/cancelled-put",
      .n_actors = 3,
      .prepare = prepare_put_and_cancel,
      .act = { act_put_0, act_get_1, act_cancel },
      .judge = judge_put_and_cancel,
  },
  {
      .path = "/races/deadline/put",
      .n_actors = 2,
      .prepare = prepare_deadline,
      .act = { act_get_with_deadline, act_put_at_deadline },
      .judge = judge_deadline,
      .aims = TRUE,
  },
  {
      .path = "/races/cancel/cancel-of-the-same",
      .n_actors = 3,
      .prepare = prepare_two_cancels,
      .act = { act_wait_for_two_cancels, act_cancel_scope_1, act_cancel_scope_2 },
      .judge = judge_two_cancels,
  },
  {
      .path = "/races/cancel/cancel-of-another",
      .n_actors = 3,
      .prepare = prepare_two_cancels,
      .act = { act_wait_for_two_cancels, act_cancel_scope_1, act_cancel_cancellable_2 },
      .judge = judge_two_cancels,
  },
  {
      .path = "/races/cancel/cancel-of-thread",
      .n_actors = 3,
      .prepare = prepare_two_thread_cancels,
      .act = { act_join_0, act_cancel_thread_1, act_cancel_thread_2 },
      .judge = judge_two_thread_cancels,
  },
  {
      .path = "/races/close/put",
      .n_actors = 2,
      .prepare = prepare_close_and_put,
      .act = { act_put_0, act_close },
      .judge = judge_close_and_put,
  },
  {
      .path = "/races/close/put-into-full",
      .n_actors = 3,
      .prepare = prepare_close_and_full_put,
      .act = { act_put_0, act_get_1, act_close },
      .judge = judge_close_and_full_put,
  },
  {
      .path = "/races/close/get",
      .n_actors = 3,
      .prepare = prepare_close_and_get,
      .act = { act_get_0, act_put_1, act_close },
      .judge = judge_close_and_get,
  },
  {
      .path = "/races/end/cancelled-join",
      .n_actors = 3,
      .prepare = prepare_join_and_cancel,
      .act = { act_join_0, act_put_1, act_cancel },
      .judge = judge_join_and_cancel,
  },
  {
      .path = "/races/end/cancelled-next-done",
      .n_actors = 3,
      .prepare = prepare_next_done_and_cancel,
      .act = { act_next_done_0, act_put_1, act_cancel },
      .judge = judge_next_done_and_cancel,
  },
};

int
main (int    argc,
      char **argv)
{
  support_init (&argc, &argv);

  for (guint i = 0; i < G_N_ELEMENTS (kinds); i++)
    g_test_add_data_func (kinds[i].path, &kinds[i], race_run);
  g_test_add_func ("/races/end/cancel", test_cancel_end);
  g_test_add_func ("/races/end/join", test_join_end);

  return g_test_run ();
}
