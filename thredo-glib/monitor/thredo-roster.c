/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "thredo-roster-private.h"

#include <stdlib.h>

static int
compare_ids (gconstpointer a,
             gconstpointer b)
{
  const ThredoThreadSeen *seen_a = a, *seen_b = b;

  return (seen_a->id > seen_b->id) - (seen_a->id < seen_b->id);
}

static void
clear_seen (gpointer data)
{
  thredo_thread_seen_clear (data);
}

GArray *
thredo_thread_seen_array_new (void)
{
  GArray *self = g_array_new (FALSE, FALSE, sizeof (ThredoThreadSeen));

  g_array_set_clear_func (self, clear_seen);
  return self;
}

/* By their numbers. */
void
thredo_thread_seen_array_sort (GArray *self)
{
  g_array_sort (self, compare_ids);
}

void
thredo_roster_init (ThredoRoster *self,
                    GListModel   *list)
{
  self->list = list;
  self->infos = g_ptr_array_new_with_free_func (g_object_unref);
}

void
thredo_roster_clear (ThredoRoster *self)
{
  g_ptr_array_unref (self->infos);
}

static guint64
get_id (ThredoRoster *self,
        guint         position)
{
  return thredo_thread_info_get_id (self->infos->pdata[position]);
}

/* Threads that have ended, in as few changes as they stand together. */
void
thredo_roster_remove_ended (ThredoRoster *self,
                            GArray       *all)
{
  guint position = 0;
  guint i = 0;

  while (position < self->infos->len)
    {
      guint n = 0;

      while (position + n < self->infos->len &&
             (i >= all->len ||
              get_id (self, position + n) < g_array_index (all, ThredoThreadSeen, i).id))
        n++;
      if (n > 0)
        {
          g_ptr_array_remove_range (self->infos, position, n);
          g_list_model_items_changed (self->list, position, n, 0);
          continue;
        }
      if (get_id (self, position) == g_array_index (all, ThredoThreadSeen, i).id)
        position++;
      i++;
    }
}

static int
compare_numbers (gconstpointer a,
                 gconstpointer b)
{
  guint64 one = *(const guint64 *) a, other = *(const guint64 *) b;

  return (one > other) - (one < other);
}

/* The same, where it is known which have ended. */
void
thredo_roster_remove_gone (ThredoRoster  *self,
                           const guint64 *ids,
                           guint          n_gone)
{
  g_autofree guint64 *gone = g_memdup2 (ids, n_gone * sizeof (guint64));
  guint position = 0;

  if (n_gone > 0)
    qsort (gone, n_gone, sizeof (guint64), compare_numbers);

  while (position < self->infos->len && n_gone > 0)
    {
      guint n = 0;

      while (position + n < self->infos->len)
        {
          guint64 id = get_id (self, position + n);

          if (bsearch (&id, gone, n_gone, sizeof (guint64), compare_numbers) == NULL)
            break;
          n++;
        }
      if (n > 0)
        {
          g_ptr_array_remove_range (self->infos, position, n);
          g_list_model_items_changed (self->list, position, n, 0);
        }
      position++;
    }
}

/* Those who have come, who are younger than all others but for threads that the library has
 * come to know late. What else was seen is brought up to date. */
void
thredo_roster_insert_new (ThredoRoster *self,
                          GArray       *all)
{
  guint position = 0;
  guint i = 0;

  while (i < all->len)
    {
      ThredoThreadSeen *first = &g_array_index (all, ThredoThreadSeen, i);
      guint n = 0;

      while (position < self->infos->len && get_id (self, position) < first->id)
        position++;
      while (i + n < all->len &&
             (position + n >= self->infos->len ||
              get_id (self, position + n) > g_array_index (all, ThredoThreadSeen, i + n).id))
        {
          ThredoThreadSeen *seen = &g_array_index (all, ThredoThreadSeen, i + n);

          g_ptr_array_insert (self->infos, (int) (position + n), thredo_thread_info_new (seen));
          n++;
        }
      if (n > 0)
        g_list_model_items_changed (self->list, position, 0, n);
      else
        thredo_thread_info_update (self->infos->pdata[position], first);
      position += MAX (n, 1);
      i += MAX (n, 1);
    }
}
