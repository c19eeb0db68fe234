/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "duel.h"

#define N_ROUNDS 100000

/* So few rounds need not have seen both outcomes. */
#define FEW_ROUNDS 200

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
  DuelSide last;
  int streak;
} Steering;

/* Holds the winner back; more so the longer it has been winning. */
static void
steering_won (Steering *steering,
              DuelSide  winner)
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
  steering->lead += winner == DUEL_LEFT ? steering->step : -steering->step;
  steering->lead = CLAMP (steering->lead, -steering->max_lead, steering->max_lead);
}

static void
steering_hold (Steering *steering,
               DuelSide  side,
               guint32  *random)
{
  int n = side == DUEL_LEFT ? steering->lead : -steering->lead;

  /* xorshift32 */
  *random ^= *random << 13;
  *random ^= *random >> 17;
  *random ^= *random << 5;
  n = MAX (n, 0) + (int) (*random % 64);
  for (volatile int i = 0; i < n; i++)
    if (i % 4096 == 4095)
      g_thread_yield ();
}

/* --- actors --------------------------------------------------------------- */

typedef enum
{
  WAITER,
  LEFT,
  RIGHT,
  BEHIND,
  N_ROLES
} Role;

typedef struct
{
  Duel duel;
  guint n_rounds;
  guint n_won[2];
  Meeting over;
  Meeting start;
  Meeting pair;
  Meeting end;
  Steering steering[2]; /* [1] for rounds in which the waiter is parked */
  ThredoThread *threads[N_ROLES];
} Ring;

typedef struct
{
  Ring *ring;
  Role role;
} Actor;

static gboolean
ring_parks (Ring *ring)
{
  const DuelKind *kind = ring->duel.kind;

  return kind->parked_for > 0 ||
         (kind->left != NULL && !kind->never_parks && ring->duel.round % 4 == 0);
}

static Steering *
ring_get_steering (Ring *ring)
{
  return &ring->steering[ring_parks (ring)];
}

static void
wait_until_parked (Ring *ring,
                   Role  role)
{
  guint n_spins = 0;

  while (thredo_thread_get_state (ring->threads[role]) != THREDO_THREAD_STATE_WAITING)
    if (++n_spins > 100)
      g_thread_yield ();
}

static void
set_out (Ring    *ring,
         Role     role,
         guint32 *random)
{
  const DuelKind *kind = ring->duel.kind;

  if (ring_parks (ring))
    {
      wait_until_parked (ring, WAITER);
      if (kind->behind != NULL)
        wait_until_parked (ring, BEHIND);
      if (role == RIGHT && kind->parked_for > 0)
        g_usleep (kind->parked_for);
    }
  meet (&ring->pair);
  if (kind->left != NULL)
    steering_hold (ring_get_steering (ring), role == LEFT ? DUEL_LEFT : DUEL_RIGHT, random);
  else
    ring->duel.lead = ring_get_steering (ring)->lead;
}

static void
act (Ring    *ring,
     Role     role,
     guint32 *random)
{
  const DuelKind *kind = ring->duel.kind;

  switch (role)
    {
    case WAITER:
      kind->wait (&ring->duel);
      break;

    case LEFT:
      set_out (ring, role, random);
      kind->left (&ring->duel);
      break;

    case RIGHT:
      set_out (ring, role, random);
      kind->right (&ring->duel);
      break;

    case BEHIND:
    default:
      if (ring_parks (ring))
        wait_until_parked (ring, WAITER);
      kind->behind (&ring->duel);
      break;
    }
}

static gboolean
run_actor (ThredoThread  *thread,
           gpointer       user_data,
           GError       **error)
{
  Actor *actor = user_data;
  Ring *ring = actor->ring;
  Duel *duel = &ring->duel;
  guint32 random = 2463534242u + actor->role;

  for (guint i = 0; i < ring->n_rounds; i++)
    {
      if (actor->role == WAITER)
        duel->round = i;
      meet (&ring->over);
      if (actor->role == RIGHT && duel->kind->hold != NULL)
        duel->kind->hold (duel);
      if (actor->role == WAITER && duel->kind->prepare != NULL)
        duel->kind->prepare (duel);
      meet (&ring->start);
      act (ring, actor->role, &random);
      meet (&ring->end);
      if (actor->role == WAITER)
        {
          DuelSide winner = duel->kind->judge (duel);

          ring->n_won[winner]++;
          steering_won (ring_get_steering (ring), winner);
        }
    }

  return TRUE;
}

void
duel_run (const DuelKind *kind,
          gpointer        data)
{
  gboolean has[N_ROLES] = { TRUE, kind->left != NULL, TRUE, kind->behind != NULL };
  Ring ring = {
    .duel = { .kind = kind, .data = data },
    .n_rounds = support_rounds (kind->n_rounds > 0 ? kind->n_rounds : N_ROUNDS),
  };
  gint64 begun = g_get_monotonic_time ();
  int n_actors = has[WAITER] + has[LEFT] + has[RIGHT] + has[BEHIND];
  Actor actors[N_ROLES];

  ring.over.n_expected = ring.start.n_expected = ring.end.n_expected = n_actors;
  ring.pair.n_expected = has[LEFT] + has[RIGHT];
  for (int i = 0; i < 2; i++)
    ring.steering[i] = (Steering) { .step = 1, .max_lead = has[LEFT] ? 1 << 18 : 2000 };

  for (Role role = 0; role < N_ROLES; role++)
    {
      actors[role] = (Actor) { &ring, role };
      if (has[role])
        ring.threads[role] = thredo_thread_new ("actor", run_actor, &actors[role], NULL);
    }
  for (Role role = 0; role < N_ROLES; role++)
    if (has[role])
      g_assert_true (thredo_thread_start (ring.threads[role], NULL));
  for (Role role = 0; role < N_ROLES; role++)
    {
      if (has[role])
        support_join_ok (ring.threads[role]);
      g_clear_object (&ring.threads[role]);
    }

  g_test_message ("%u rounds, won %u to %u, in %.1f s", ring.n_rounds, ring.n_won[DUEL_LEFT],
                  ring.n_won[DUEL_RIGHT], (g_get_monotonic_time () - begun) / 1e6);
  if (ring.n_rounds >= FEW_ROUNDS)
    {
      g_assert_cmpuint (ring.n_won[DUEL_LEFT], >, 0);
      g_assert_cmpuint (ring.n_won[DUEL_RIGHT], >, 0);
    }
}
