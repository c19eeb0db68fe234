/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include "mutex.h"

/* A walk along one of the lists of everything there is, for a monitor, that does not keep others
 * from the list for long: when somebody wants the list's lock it lets go of it for a moment.
 * What comes to the list meanwhile at its beginning is not seen; whoever takes something out of
 * it has the walks look past it. */
typedef struct _ThredoWalk ThredoWalk;

/* So many at least. */
#if THREDO_PORTABLE
#define THREDO_WALK_STEPS 500
#else
#define THREDO_WALK_STEPS 50
#endif

struct _ThredoWalk
{
  gpointer next_item; /* NULL: that was all */
  guint n_steps;
  ThredoWalk *next;
};

/* All of these with the list's lock held. `walks` are those under way. */

static inline void
thredo_walk_begin (ThredoWalk  *self,
                   ThredoWalk **walks,
                   gpointer     first)
{
  self->next_item = first;
  self->n_steps = 0;
  self->next = *walks;
  *walks = self;
}

static inline void
thredo_walk_end (ThredoWalk  *self,
                 ThredoWalk **walks)
{
  while (*walks != self)
    walks = &(*walks)->next;
  *walks = self->next;
}

static inline void
thredo_walk_skip (ThredoWalk *walks,
                  gpointer    item,
                  gpointer    next_item)
{
  for (ThredoWalk *walk = walks; walk != NULL; walk = walk->next)
    {
      if (walk->next_item == item)
        walk->next_item = next_item;
    }
}

/* After each step: lets others in, if they want to. A lock like this one goes to whoever runs,
 * and not to who is being woken: so a walk that came back at once would find it free every time. */
static inline void
thredo_walk_pause (ThredoWalk  *self,
                   ThredoMutex *lock)
{
  if (++self->n_steps < THREDO_WALK_STEPS || self->next_item == NULL ||
      !thredo_mutex_is_wanted (lock))
    return;
  self->n_steps = 0;
  thredo_mutex_unlock (lock);
  g_usleep (20);
  thredo_mutex_lock (lock);
}
