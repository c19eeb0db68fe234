/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "hold.h"

#include "walk.h"

#include <glib-object.h>

/* All locks of the process. */
static struct
{
  ThredoMutex lock;
  ThredoHold *first; /* the newest */
  guint64 last_id;
  ThredoWalk *walks;
} holds;

void
thredo_hold_init (ThredoHold *self,
                  const char *noun,
                  gpointer object,
                  const char *(*get_name) (gpointer object))
{
  thredo_turnstile_init (&self->turnstile, FALSE);
  self->noun = noun;
  self->object = object;
  self->get_name = get_name;

  thredo_mutex_lock (&holds.lock);
  self->id = ++holds.last_id;
  self->prev = NULL;
  self->next = holds.first;
  if (self->next != NULL)
    self->next->prev = self;
  holds.first = self;
  thredo_mutex_unlock (&holds.lock);
}

void
thredo_hold_clear (ThredoHold *self)
{
  thredo_mutex_lock (&holds.lock);
  if (self->prev != NULL)
    self->prev->next = self->next;
  else
    holds.first = self->next;
  if (self->next != NULL)
    self->next->prev = self->prev;
  thredo_walk_skip (holds.walks, self, self->next);
  thredo_mutex_unlock (&holds.lock);

  thredo_turnstile_clear (&self->turnstile);
}

/* "Lock 'jobs'" */
char *
thredo_hold_describe (ThredoHold *self)
{
  const char *name = self->get_name (self->object);

  return name != NULL ? g_strdup_printf ("%s '%s'", self->noun, name) : g_strdup (self->noun);
}

void
thredo_hold_give_back_slow (ThredoHold *self,
                            ThredoSlot *slot)
{
  gpointer object = self->object;

  slot->n_held--;
  if (thredo_turnstile_give_back (&self->turnstile, 0) & THREDO_TURNSTILE_ORPHANED)
    g_object_unref (object);
}

/* What the locks are called that the calling thread has. */
GPtrArray *
thredo_hold_describe_all (ThredoSlot *slot)
{
  GPtrArray *descriptions = g_ptr_array_new_with_free_func (g_free);

  thredo_mutex_lock (&holds.lock);
  for (ThredoHold *hold = holds.first; hold != NULL; hold = hold->next)
    {
      if (thredo_hold_is_owned (hold, slot))
        g_ptr_array_add (descriptions, thredo_hold_describe (hold));
    }
  thredo_mutex_unlock (&holds.lock);

  return descriptions;
}

/* Gives back the locks that the calling thread has, which is ending. Nobody else can
 * give them back, or free them, meanwhile. Orphans go when all have been given back,
 * since that may run code of users. */
void
thredo_hold_abandon_all (ThredoSlot *slot)
{
  g_autoptr(GPtrArray) abandoned = g_ptr_array_new ();
  g_autoptr(GPtrArray) orphans = g_ptr_array_new_with_free_func (g_object_unref);

  thredo_mutex_lock (&holds.lock);
  for (ThredoHold *hold = holds.first; hold != NULL; hold = hold->next)
    {
      if (thredo_hold_is_owned (hold, slot))
        g_ptr_array_add (abandoned, hold);
    }
  thredo_mutex_unlock (&holds.lock);

  slot->n_held = 0;
  for (guint i = 0; i < abandoned->len; i++)
    {
      ThredoHold *hold = g_ptr_array_index (abandoned, i);
      gpointer object = hold->object;

      if (thredo_turnstile_give_back (&hold->turnstile, THREDO_TURNSTILE_ABANDONED) &
          THREDO_TURNSTILE_ORPHANED)
        g_ptr_array_add (orphans, object);
    }
}

/* A reference to the owner's thread, or NULL. */
gpointer
thredo_hold_dup_owner (ThredoHold *self)
{
  gpointer thread = NULL;
  ThredoSlot *slot;

  thredo_slot_lock_registry ();
  slot = thredo_owner_get_slot (&self->turnstile.word);
  if (slot != NULL)
    {
      thredo_mutex_lock (&slot->lock);
      if (slot->owner != NULL)
        thread = g_object_ref (slot->owner);
      thredo_mutex_unlock (&slot->lock);
    }
  thredo_slot_unlock_registry ();

  return thread;
}

/* Calls the function for every lock, the newest first, with the list's lock held. */
static void
walk (void (*func) (ThredoHold *hold,
                    gpointer    user_data),
      gpointer user_data)
{
  ThredoWalk walk;

  thredo_mutex_lock (&holds.lock);
  thredo_walk_begin (&walk, &holds.walks, holds.first);
  while (walk.next_item != NULL)
    {
      ThredoHold *hold = walk.next_item;

      walk.next_item = hold->next;
      func (hold, user_data);
      thredo_walk_pause (&walk, &holds.lock);
    }
  thredo_walk_end (&walk, &holds.walks);
  thredo_mutex_unlock (&holds.lock);
}

typedef struct
{
  void (*func) (ThredoHold *hold,
                ThredoSlot *owner,
                gpointer    user_data);
  gpointer user_data;
} OwnedVisitor;

static void
visit_owned (ThredoHold *hold,
             gpointer    user_data)
{
  ThredoSlot *owner = thredo_owner_get_slot (&hold->turnstile.word);
  OwnedVisitor *visitor = user_data;

  if (owner != NULL)
    visitor->func (hold, owner, visitor->user_data);
}

/* Calls the function for every lock that somebody owns, with the list's lock
 * held. The owner is a name, as it may give the lock back meanwhile, and end. */
void
thredo_hold_foreach (void (*func) (ThredoHold *hold,
                                   ThredoSlot *owner,
                                   gpointer    user_data),
                     gpointer user_data)
{
  OwnedVisitor visitor = { func, user_data };

  walk (visit_owned, &visitor);
}

typedef struct
{
  void (*func) (ThredoHoldSeen *seen,
                gpointer        user_data);
  gpointer user_data;
  GPtrArray *waiting;
} SeenVisitor;

static void
visit_seen (ThredoHold *hold,
            gpointer    user_data)
{
  guintptr word = thredo_turnstile_get_word (&hold->turnstile);
  SeenVisitor *visitor = user_data;
  ThredoHoldSeen seen = {
    .id = hold->id,
    .noun = hold->noun,
    .name = hold->get_name (hold->object),
    .is_abandoned = (word & THREDO_TURNSTILE_ABANDONED) != 0,
  };

  if (thredo_owner_get_slot (&hold->turnstile.word) != NULL)
    seen.owner = thredo_hold_dup_owner (hold);
  if (visitor->waiting == NULL)
    visitor->waiting = g_ptr_array_new_with_free_func (g_object_unref);
  seen.n_waiting = thredo_turnstile_list_waiting (&hold->turnstile, visitor->waiting);
  if (visitor->waiting->len > 0)
    seen.waiting = g_steal_pointer (&visitor->waiting);
  visitor->func (&seen, visitor->user_data);
}

/* Calls the function for every lock, the newest first, with the list's lock held: last
 * references must not be dropped in it. */
void
thredo_hold_foreach_seen (void (*func) (ThredoHoldSeen *seen,
                                        gpointer        user_data),
                          gpointer user_data)
{
  SeenVisitor visitor = { func, user_data, NULL };

  walk (visit_seen, &visitor);
  g_clear_pointer (&visitor.waiting, g_ptr_array_unref);
}

void
thredo_hold_fork_prepare (void)
{
  thredo_mutex_lock (&holds.lock);
}

void
thredo_hold_fork_parent (void)
{
  thredo_mutex_unlock (&holds.lock);
}

/* What threads held that did not come along is abandoned, and nobody waits. */
void
thredo_hold_fork_child (void)
{
  ThredoSlot *self = thredo_slot_peek ();

  thredo_mutex_init (&holds.lock);
  holds.walks = NULL;
  for (ThredoHold *hold = holds.first; hold != NULL; hold = hold->next)
    thredo_turnstile_fork_child (&hold->turnstile, self);
}
