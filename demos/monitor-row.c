/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "monitor-row.h"

G_DEFINE_FINAL_TYPE (MonitorRow, monitor_row, G_TYPE_OBJECT)

static void
monitor_row_finalize (GObject *object)
{
  MonitorRow *self = MONITOR_ROW (object);

  g_clear_object (&self->info);
  g_clear_object (&self->ranked);
  g_free (self->data);
  G_OBJECT_CLASS (monitor_row_parent_class)->finalize (object);
}

static void
monitor_row_class_init (MonitorRowClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = monitor_row_finalize;
}

static void
monitor_row_init (MonitorRow *self)
{
}

static MonitorRow *
new_row (gpointer         info,
         MonitorRowIdFunc get_id)
{
  MonitorRow *row = g_object_new (MONITOR_TYPE_ROW, NULL);

  row->id = get_id (info);
  row->info = g_object_ref (info);
  row->ranked = g_object_ref (info);
  return row;
}

static guint64
get_row_id (GListStore *rows,
            guint       position)
{
  g_autoptr(MonitorRow) row = g_list_model_get_item (G_LIST_MODEL (rows), position);

  return row->id;
}

static int
compare_ids (gconstpointer a,
             gconstpointer b,
             gpointer      user_data)
{
  MonitorRowIdFunc get_id = *(MonitorRowIdFunc *) user_data;
  guint64 id_a = get_id (*(gpointer *) a);
  guint64 id_b = get_id (*(gpointer *) b);

  return (id_a > id_b) - (id_a < id_b);
}

/* Each number once, in order. Nearly always it is so already; but what another process says may be
 * anything. */
static void
put_in_order (GPtrArray        *infos,
              MonitorRowIdFunc  get_id)
{
  guint n_kept = 0;

  for (guint i = 1; i < infos->len; i++)
    if (compare_ids (&infos->pdata[i - 1], &infos->pdata[i], &get_id) >= 0)
      {
        g_ptr_array_sort_with_data (infos, compare_ids, &get_id);
        break;
      }
  for (guint i = 0; i < infos->len; i++)
    if (n_kept == 0 || compare_ids (&infos->pdata[n_kept - 1], &infos->pdata[i], &get_id) < 0)
      {
        gpointer kept = infos->pdata[n_kept];

        infos->pdata[n_kept++] = infos->pdata[i];
        if (n_kept - 1 != i)
          infos->pdata[i] = kept;
      }
  g_ptr_array_set_size (infos, (int) n_kept);
}

/* Takes away the rows from @position on that are before @info, which may be NULL for the end. */
static gboolean
remove_gone (GListStore       *rows,
             guint             position,
             gpointer          info,
             MonitorRowIdFunc  get_id)
{
  guint n = g_list_model_get_n_items (G_LIST_MODEL (rows));
  guint end = position;

  while (end < n && (info == NULL || get_row_id (rows, end) < get_id (info)))
    end++;
  if (end == position)
    return FALSE;
  g_list_store_splice (rows, position, end - position, NULL, 0);
  return TRUE;
}

/* Puts in those of @infos from @first on that are before the row at @position; returns how many. */
static guint
insert_new (GListStore       *rows,
            guint             position,
            GPtrArray        *infos,
            guint             first,
            MonitorRowIdFunc  get_id)
{
  gboolean at_end = position == g_list_model_get_n_items (G_LIST_MODEL (rows));
  guint64 before = at_end ? 0 : get_row_id (rows, position);
  g_autoptr(GPtrArray) additions = g_ptr_array_new_with_free_func (g_object_unref);

  for (guint i = first; i < infos->len; i++)
    {
      if (!at_end && get_id (infos->pdata[i]) >= before)
        break;
      g_ptr_array_add (additions, new_row (infos->pdata[i], get_id));
    }
  g_list_store_splice (rows, position, 0, additions->pdata, additions->len);
  return additions->len;
}

/* Makes @rows those of @infos, which are put in order. */
void
monitor_rows_merge (GListStore       *rows,
                    GPtrArray        *infos,
                    MonitorRowIdFunc  get_id)
{
  guint position = 0;

  put_in_order (infos, get_id);
  while (position < infos->len)
    {
      gpointer info = infos->pdata[position];
      g_autoptr(MonitorRow) row = g_list_model_get_item (G_LIST_MODEL (rows), position);

      if (row != NULL && row->id == get_id (info))
        {
          g_set_object (&row->info, info);
          position++;
        }
      else if (!remove_gone (rows, position, info, get_id))
        position += insert_new (rows, position, infos, position, get_id);
    }
  remove_gone (rows, position, NULL, get_id);
}
