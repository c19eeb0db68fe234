/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Threads that wait for each other in a circle, which closes when the test says.
 *
 * What each wants of the next is told by a letter:
 *
 *   l a lock   r a recursive lock   R one that it holds twice
 *   j its end, by a join   w its end, by a wait
 *
 * The actors are called A, B, C…; what the first one wants, if it is a lock, is
 * called L0, and so on. They are made in order, so the last one is the youngest.
 */

#pragma once

#include "messages.h"

G_BEGIN_DECLS

#define CIRCLE_MAX 5

typedef struct _Circle Circle;

typedef struct
{
  Circle *circle;
  guint index;
  ThredoThread *thread;
  GThread *gthread;
  SupportGate has_it;
  SupportGate go;
  ThredoScope *scope; /* around what it wants, or NULL; given away */
  GCancellable *cancellable;
  gboolean got;
  GError *error;
} Actor;

struct _Circle
{
  const char *edges;
  guint n;
  gboolean is_foreign;
  ThredoLockable *locks[CIRCLE_MAX]; /* what each one wants, or NULL */
  Actor actors[CIRCLE_MAX];
};

/* Makes the actors, who have what the one before them wants: as threads of the
 * library, or as plain ones. */
void circle_init (Circle     *self,
                  const char *edges,
                  gboolean    foreign);

guint circle_next (Circle *self,
                   guint   index);
gboolean circle_is_lock (Circle *self,
                         guint   index);
const char *circle_get_name (guint index);

/* Lets one go for what it wants; and waits until it waits for it. */
void circle_let_go (Circle *self,
                    guint   index);
void circle_block (Circle *self,
                   guint   index);
/* All but one, in silence. */
void circle_block_others (Circle *self,
                          guint   closer);

/* What the library is to say when one has closed it. */
char *circle_describe (Circle *self,
                       guint   closer);

/* Waits until one, or all, have ended. */
void circle_end_one (Circle *self,
                     guint   index);
void circle_end_all (Circle *self);

/* All have ended and got what they wanted, but one, who has the error; and nobody
 * has said anything more. */
void circle_end (Circle *self,
                 guint   loser,
                 GQuark  domain,
                 int     code);
void circle_end_cancelled (Circle *self,
                           guint   loser);
void circle_clear (Circle *self);

/* That the message says of a description who was cancelled. */
void circle_assert_cancel_message (const char *description,
                                   guint       loser);

/* What the monitor finds: the one deadlock that there is, or none. */
ThredoDeadlock *circle_find_deadlock (void);
void circle_assert_no_deadlock (void);

/* The calls that go well. */
void circle_acquire (gpointer lockable);
void circle_release (gpointer lockable);

G_END_DECLS
