/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A race, run from both sides as often as it takes.
 *
 * The actors are threads that stay for all rounds. One waits for something that
 * RIGHT has; LEFT ends the wait, RIGHT gives it what it waits for, both at the
 * same time. They meet at a barrier they spin at, and each is then held for a
 * moment; how long is steered by who won the rounds before, towards one half
 * each, so that the two sides come as close to each other as the machine lets
 * them.
 */

#pragma once

#include "support.h"

G_BEGIN_DECLS

typedef enum
{
  DUEL_LEFT,
  DUEL_RIGHT,
} DuelSide;

typedef struct _Duel Duel;

typedef struct
{
  guint n_rounds; /* 0: a hundred thousand */

  /* Before each round: by RIGHT, and at the same time by the waiter. */
  void (*hold) (Duel *duel);
  void (*prepare) (Duel *duel);

  void (*wait) (Duel *duel);
  void (*left) (Duel *duel); /* NULL: a moment does it, which RIGHT aims at */
  void (*right) (Duel *duel);
  void (*behind) (Duel *duel); /* or NULL: one more who waits, and is left alone */

  /* By the waiter, while the others stand still. */
  DuelSide (*judge) (Duel *duel);

  /* The waiter waits on a main context, which nobody can see. */
  gboolean never_parks;

  /* The two set out only once the waiter has been parked for this many
   * microseconds. 0: in one round of four once it is parked, else at once. */
  guint parked_for;
} DuelKind;

struct _Duel
{
  const DuelKind *kind;
  gpointer data;
  guint round;
  /* Where there is no LEFT: for how many microseconds before the moment RIGHT is
   * to act. */
  int lead;
};

/* Runs all rounds and asserts that either side has won some. */
void duel_run (const DuelKind *kind,
               gpointer        data);

G_END_DECLS
