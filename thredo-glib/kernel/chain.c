/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "chain.h"

#include "level.h"

static ThredoChainHandler handler;

void
thredo_chain_set_handler (ThredoChainHandler new_handler)
{
  handler = new_handler;
}

static void
clear_link (gpointer data)
{
  ThredoChainLink *link = data;

  g_clear_object (&link->thread);
  g_clear_object (&link->object);
}

static GArray *
cycle_new (void)
{
  GArray *cycle = g_array_new (FALSE, TRUE, sizeof (ThredoChainLink));

  g_array_set_clear_func (cycle, clear_link);
  return cycle;
}

/* Everything down to thredo_chain_declare() is under the registry's lock. */

/* Whether the wait has ended without what was declared, or is bound to. */
static gboolean
is_on_its_way_out (ThredoSlot *slot)
{
  return thredo_wait_get_state (&slot->wait) > THREDO_WAIT_DONE ||
         thredo_level_ends_waits (slot) ||
         g_cancellable_is_cancelled (slot->blocked->cancellable);
}

/* Whose turn it is to do something before the slot's thread can go on. Somebody
 * who has got what he has declared, and not yet withdrawn, waits for nobody. */
static ThredoSlot *
get_next (ThredoSlot *slot,
          guint32    *serial)
{
  ThredoSlot *next = NULL;

  thredo_mutex_lock (&slot->lock);
  if (slot->blocked != NULL && !is_on_its_way_out (slot))
    {
      next = thredo_owner_get_slot (slot->blocked->owner);
      if (next == slot && !slot->blocked->is_own)
        next = NULL;
      *serial = slot->blocked->serial;
    }
  thredo_mutex_unlock (&slot->lock);

  return next;
}

/* Whether the way from the slot leads back to it. It may also lead into a cycle
 * that the slot is not part of: then the hare meets the tortoise, which waits at
 * every power of two. */
static gboolean
is_in_cycle (ThredoSlot *start)
{
  ThredoSlot *tortoise = start;
  guint32 serial;
  guint power = 1;
  guint n = 0;

  for (ThredoSlot *hare = get_next (start, &serial); hare != NULL; hare = get_next (hare, &serial))
    {
      if (hare == start)
        return TRUE;
      if (hare == tortoise)
        return FALSE;
      if (++n == power)
        {
          tortoise = hare;
          power *= 2;
          n = 0;
        }
    }
  return FALSE;
}

/* The first walk: notes who is come by, and in which declaration. */
static gboolean
walk (ThredoSlot *start,
      GArray     *cycle)
{
  ThredoSlot *slot = start;
  guint limit = thredo_slot_count_registered_locked ();

  do
    {
      ThredoChainLink link = { .slot = slot };

      slot = get_next (slot, &link.serial);
      if (slot == NULL || cycle->len == limit)
        return FALSE;
      g_array_append_val (cycle, link);
    }
  while (slot != start);
  return TRUE;
}

/* The second walk: whether all is as before. References are safe to take: whoever
 * waits holds one, or its caller does. */
static gboolean
walk_again (GArray *cycle)
{
  for (guint i = 0; i < cycle->len; i++)
    {
      ThredoChainLink *link = &g_array_index (cycle, ThredoChainLink, i);
      ThredoSlot *next = g_array_index (cycle, ThredoChainLink, (i + 1) % cycle->len).slot;
      ThredoSlot *slot = link->slot;
      ThredoBlocked *blocked;
      gboolean same;

      thredo_mutex_lock (&slot->lock);
      blocked = slot->blocked;
      same = blocked != NULL && blocked->serial == link->serial && slot->owner != NULL &&
             !is_on_its_way_out (slot) && thredo_owner_get_slot (blocked->owner) == next;
      if (same)
        {
          link->thread = g_object_ref (slot->owner);
          link->object = g_object_ref (blocked->object);
          link->info = blocked->info;
          link->is_shielded = thredo_level_keeps_cancel_out (slot);
        }
      thredo_mutex_unlock (&slot->lock);
      if (!same)
        return FALSE;
    }
  return TRUE;
}

/* The cycle that the slot is part of, empty if there is none. It is for the caller
 * to free, without the registry's lock: there may be last references in it, also
 * if it turned out to be none. */
static GArray *
find_cycle (ThredoSlot *start,
            gboolean   *found)
{
  GArray *cycle;

  *found = FALSE;
  if (G_LIKELY (!is_in_cycle (start)))
    return NULL;

  cycle = cycle_new ();
  *found = walk (start, cycle) && walk_again (cycle);
  return cycle;
}

/* Whether a cycle is the one that the thread at its beginning has just dealt with;
 * it has declared itself anew since. */
static gboolean
is_same (GArray *cycle,
         GArray *before)
{
  if (before == NULL || before->len != cycle->len)
    return FALSE;
  for (guint i = 1; i < cycle->len; i++)
    {
      ThredoChainLink *a = &g_array_index (cycle, ThredoChainLink, i);
      ThredoChainLink *b = &g_array_index (before, ThredoChainLink, i);

      if (a->slot != b->slot || a->serial != b->serial)
        return FALSE;
    }
  return TRUE;
}

static void
push (ThredoSlot    *slot,
      ThredoBlocked *blocked)
{
  blocked->is_own = thredo_owner_get_slot (blocked->owner) == slot;
  /* The outcome of the wait before is not this one's. */
  thredo_wait_rest (&slot->wait);

  thredo_mutex_lock (&slot->lock);
  g_assert (slot->blocked == NULL);
  blocked->serial = ++slot->n_declared;
  slot->blocked = blocked;
  thredo_mutex_unlock (&slot->lock);
}

static void
pop (ThredoSlot *slot)
{
  thredo_mutex_lock (&slot->lock);
  slot->blocked = NULL;
  thredo_mutex_unlock (&slot->lock);
}

/* Declares what the calling thread, which the slot is of, is about to wait for.
 * TRUE: it may, and withdraws when it has got it or given up. FALSE with an error:
 * it would have closed a cycle, and must not wait.
 *
 * While a cycle is dealt with the declaration is withdrawn, since code of users
 * runs that may wait for something else. The same goes for dropping references to
 * those in it. */
gboolean
thredo_chain_declare (ThredoSlot     *slot,
                      ThredoBlocked  *blocked,
                      GError        **error)
{
  for (;;)
    {
      gboolean is_news;
      GArray *cycle;

      thredo_slot_lock_registry ();
      push (slot, blocked);
      cycle = find_cycle (slot, &is_news);
      is_news = is_news && !is_same (cycle, blocked->before);
      /* What is dealt with, and may be refused, nobody else gets to see. */
      if (is_news)
        pop (slot);
      thredo_slot_unlock_registry ();

      if (!is_news)
        {
          blocked->cycle = cycle;
          return TRUE;
        }

      g_clear_pointer (&blocked->before, g_array_unref);
      if (!handler (cycle, slot->n_bound == 0, error))
        {
          g_array_unref (cycle);
          return FALSE;
        }
      blocked->before = cycle;
    }
}

void
thredo_chain_withdraw (ThredoSlot *slot)
{
  ThredoBlocked *blocked = slot->blocked;

  pop (slot);
  g_clear_pointer (&blocked->before, g_array_unref);
  g_clear_pointer (&blocked->cycle, g_array_unref);
}

static void
add_blocked (ThredoSlot *slot,
             gpointer    blocked)
{
  if (slot->blocked != NULL)
    g_ptr_array_add (blocked, slot);
}

/* All cycles that there are now, each once. Each walk ends where an earlier one has
 * been, so that all of them together pass every thread once. */
GPtrArray *
thredo_chain_find_cycles (void)
{
  static guint64 walks; /* under the registry's lock */
  GPtrArray *cycles = g_ptr_array_new_with_free_func ((GDestroyNotify) g_array_unref);
  g_autoptr(GPtrArray) others = g_ptr_array_new_with_free_func ((GDestroyNotify) g_array_unref);
  g_autoptr(GPtrArray) blocked = g_ptr_array_new ();
  guint64 walks_before;

  thredo_slot_lock_registry ();
  walks_before = walks;
  thredo_slot_foreach_locked (add_blocked, blocked);
  for (guint i = 0; i < blocked->len; i++)
    {
      ThredoSlot *slot = g_ptr_array_index (blocked, i);
      gboolean found;
      GArray *cycle;
      guint32 serial;

      walks++;
      while (slot != NULL && slot->walked <= walks_before)
        {
          slot->walked = walks;
          slot = get_next (slot, &serial);
        }
      cycle = slot != NULL && slot->walked == walks ? find_cycle (slot, &found) : NULL;
      if (cycle != NULL)
        g_ptr_array_add (found ? cycles : others, cycle);
    }
  thredo_slot_unlock_registry ();

  return cycles;
}
