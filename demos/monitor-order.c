/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "monitor-order.h"

#include "monitor-track.h"

#include <string.h>

/* A list that is sorted by what changes under it is not sorted any more, and to put a new row into
 * it goes wrong. So each thread keeps a copy of what it is sorted by. */
typedef struct
{
  char *name;
  char *group;
  char *waiting_for;
  MonitorActivity activity;
  gint64 since;
  gint64 n_waits;
  gint64 load; /* in thousandths of a processor */
} Rank;

static GQuark
get_quark (void)
{
  return g_quark_from_static_string ("monitor-rank");
}

static void
rank_clear (Rank *self)
{
  g_free (self->name);
  g_free (self->group);
  g_free (self->waiting_for);
}

static void
rank_free (gpointer data)
{
  rank_clear (data);
  g_free (data);
}

static void
rank_note (Rank             *self,
           ThredoThreadInfo *info)
{
  rank_clear (self);
  *self = (Rank){
    .name = g_strdup (thredo_thread_info_get_name (info)),
    .group = monitor_group_path_format (info),
    .waiting_for = g_strdup (thredo_thread_info_get_waiting_for (info)),
    .activity = monitor_activity_of (info),
    .since = monitor_track_get_since (info),
    .n_waits = (gint64) thredo_thread_info_get_n_waits (info),
    .load = (gint64) (monitor_track_get (info)->load * 1000),
  };
}

static Rank *
get_rank (ThredoThreadInfo *info)
{
  Rank *rank = g_object_get_qdata (G_OBJECT (info), get_quark ());

  if (rank != NULL)
    return rank;

  rank = g_new0 (Rank, 1);
  rank_note (rank, info);
  g_object_set_qdata_full (G_OBJECT (info), get_quark (), rank, rank_free);
  return rank;
}

/* After which a list of them has to be sorted anew. */
void
monitor_order_note_all (GListModel *threads)
{
  guint n = g_list_model_get_n_items (threads);

  for (guint i = 0; i < n; i++)
    {
      g_autoptr(ThredoThreadInfo) info = g_list_model_get_item (threads, i);

      rank_note (get_rank (info), info);
    }
}

static int
compare_numbers (gint64 a,
                 gint64 b)
{
  return (a > b) - (a < b);
}

/* Where the number at its end begins. */
static gsize
find_number (const char *name)
{
  gsize end = strlen (name);

  while (end > 0 && g_ascii_isdigit (name[end - 1]))
    end--;
  return end;
}

/* "worker 9" is before "worker 10". */
int
monitor_order_compare_names (ThredoThreadInfo *a,
                             ThredoThreadInfo *b)
{
  const char *name_a = get_rank (a)->name;
  const char *name_b = get_rank (b)->name;
  gsize end_a = find_number (name_a);
  gsize end_b = find_number (name_b);
  g_autofree char *words_a = g_strndup (name_a, end_a);
  g_autofree char *words_b = g_strndup (name_b, end_b);
  int order = g_utf8_collate (words_a, words_b);

  if (order != 0)
    return order;
  return compare_numbers (g_ascii_strtoll (name_a + end_a, NULL, 10),
                          g_ascii_strtoll (name_b + end_b, NULL, 10));
}

int
monitor_order_compare_groups (ThredoThreadInfo *a,
                              ThredoThreadInfo *b)
{
  return g_utf8_collate (get_rank (a)->group, get_rank (b)->group);
}

int
monitor_order_compare_states (ThredoThreadInfo *a,
                              ThredoThreadInfo *b)
{
  return compare_numbers (get_rank (a)->activity, get_rank (b)->activity);
}

int
monitor_order_compare_waiting_for (ThredoThreadInfo *a,
                                   ThredoThreadInfo *b)
{
  return g_strcmp0 (get_rank (a)->waiting_for, get_rank (b)->waiting_for);
}

/* Whoever has been at it for longer is more. */
int
monitor_order_compare_since (ThredoThreadInfo *a,
                             ThredoThreadInfo *b)
{
  gint64 since_a = get_rank (a)->since;
  gint64 since_b = get_rank (b)->since;

  return compare_numbers (since_b != 0 ? since_b : G_MAXINT64, since_a != 0 ? since_a : G_MAXINT64);
}

int
monitor_order_compare_waits (ThredoThreadInfo *a,
                             ThredoThreadInfo *b)
{
  return compare_numbers (get_rank (a)->n_waits, get_rank (b)->n_waits);
}

int
monitor_order_compare_cpu (ThredoThreadInfo *a,
                           ThredoThreadInfo *b)
{
  return compare_numbers (get_rank (a)->load, get_rank (b)->load);
}
