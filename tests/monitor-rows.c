/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "../demos/monitor-row.h"

/* Something with a number. */

static GObject *
new_thing (guint64 id)
{
  GObject *thing = g_object_new (G_TYPE_OBJECT, NULL);

  g_object_set_data (thing, "id", GSIZE_TO_POINTER ((gsize) id));
  return thing;
}

static guint64
get_id (gpointer thing)
{
  return GPOINTER_TO_SIZE (g_object_get_data (thing, "id"));
}

static GPtrArray *
new_things (const guint64 *ids,
            guint          n_ids)
{
  GPtrArray *things = g_ptr_array_new_with_free_func (g_object_unref);

  for (guint i = 0; i < n_ids; i++)
    g_ptr_array_add (things, new_thing (ids[i]));
  return things;
}

static void
assert_ids (GListStore    *rows,
            const guint64 *ids,
            guint          n_ids)
{
  g_assert_cmpuint (g_list_model_get_n_items (G_LIST_MODEL (rows)), ==, n_ids);
  for (guint i = 0; i < n_ids; i++)
    {
      g_autoptr(MonitorRow) row = g_list_model_get_item (G_LIST_MODEL (rows), i);

      g_assert_cmpuint (row->id, ==, ids[i]);
      g_assert_cmpuint (get_id (row->info), ==, ids[i]);
    }
}

/* Somebody who only knows what he was told. */
static void
on_items_changed (GListModel *rows,
                  guint       position,
                  guint       n_removed,
                  guint       n_added,
                  GPtrArray  *told)
{
  if (n_removed > 0)
    g_ptr_array_remove_range (told, position, n_removed);
  for (guint i = 0; i < n_added; i++)
    g_ptr_array_insert (told, (int) (position + i), g_list_model_get_item (rows, position + i));
}

static void
test_row_stays (void)
{
  const guint64 before[] = { 1, 3, 5, 7 };
  const guint64 after[] = { 3, 4, 7, 9 };
  g_autoptr(GListStore) rows = g_list_store_new (MONITOR_TYPE_ROW);
  g_autoptr(GPtrArray) first = new_things (before, G_N_ELEMENTS (before));
  g_autoptr(GPtrArray) second = new_things (after, G_N_ELEMENTS (after));
  g_autoptr(MonitorRow) three = NULL;
  g_autoptr(MonitorRow) same = NULL;

  monitor_rows_merge (rows, first, get_id);
  assert_ids (rows, before, G_N_ELEMENTS (before));
  three = g_list_model_get_item (G_LIST_MODEL (rows), 1);
  g_assert_true (three->info == first->pdata[1]);

  monitor_rows_merge (rows, second, get_id);
  assert_ids (rows, after, G_N_ELEMENTS (after));
  same = g_list_model_get_item (G_LIST_MODEL (rows), 0);
  g_assert_true (same == three);
  g_assert_true (same->info == second->pdata[0]);
  /* What it is sorted by waits for whoever sorts. */
  g_assert_true (same->ranked == first->pdata[1]);
}

static void
test_disorder (void)
{
  const guint64 ids[] = { 5, 2, 5, 9, 2, 2, 1, 9 };
  const guint64 in_order[] = { 1, 2, 5, 9 };
  g_autoptr(GListStore) rows = g_list_store_new (MONITOR_TYPE_ROW);
  g_autoptr(GPtrArray) things = new_things (ids, G_N_ELEMENTS (ids));

  monitor_rows_merge (rows, things, get_id);
  assert_ids (rows, in_order, G_N_ELEMENTS (in_order));
  g_assert_cmpuint (things->len, ==, G_N_ELEMENTS (in_order));
}

static void
test_empty (void)
{
  const guint64 ids[] = { 1, 2 };
  g_autoptr(GListStore) rows = g_list_store_new (MONITOR_TYPE_ROW);
  g_autoptr(GPtrArray) things = new_things (ids, G_N_ELEMENTS (ids));
  g_autoptr(GPtrArray) none = new_things (NULL, 0);

  monitor_rows_merge (rows, none, get_id);
  assert_ids (rows, NULL, 0);
  monitor_rows_merge (rows, things, get_id);
  monitor_rows_merge (rows, none, get_id);
  assert_ids (rows, NULL, 0);
}

static void
test_random (void)
{
  g_autoptr(GListStore) rows = g_list_store_new (MONITOR_TYPE_ROW);
  g_autoptr(GPtrArray) told = g_ptr_array_new_with_free_func (g_object_unref);

  g_signal_connect (rows, "items-changed", G_CALLBACK (on_items_changed), told);
  for (guint round = 0; round < 2000; round++)
    {
      int share = g_test_rand_int_range (0, 100);
      guint64 ids[40];
      guint n_ids = 0;
      g_autoptr(GPtrArray) things = NULL;

      for (guint64 id = 1; id <= G_N_ELEMENTS (ids); id++)
        if (g_test_rand_int_range (0, 100) < share)
          ids[n_ids++] = id;
      things = new_things (ids, n_ids);
      monitor_rows_merge (rows, things, get_id);
      assert_ids (rows, ids, n_ids);
      g_assert_cmpuint (told->len, ==, n_ids);
      for (guint i = 0; i < n_ids; i++)
        g_assert_cmpuint (MONITOR_ROW (told->pdata[i])->id, ==, ids[i]);
    }
  g_signal_handlers_disconnect_by_data (rows, told);
}

int
main (int    argc,
      char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/monitor-rows/row-stays", test_row_stays);
  g_test_add_func ("/monitor-rows/disorder", test_disorder);
  g_test_add_func ("/monitor-rows/empty", test_empty);
  g_test_add_func ("/monitor-rows/random", test_random);
  return g_test_run ();
}
