/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "monitor-groups.h"

#include "monitor-track.h"

/* Each group has a list of the groups in it and a list of its threads; what is seen of it is the
 * one after the other, the threads sorted. So a group never moves when threads are sorted anew, and
 * stays open.
 *
 * The lists are kept up to date from what the list of all threads says of its changes. */

struct _MonitorGroup
{
  GObject parent_instance;

  guint64 id;
  char *name;
  MonitorGroup *outer; /* which holds this one; NULL: this is what holds all */
  GListStore *groups;
  GListStore *threads;      /* by their numbers */
  GtkSortListModel *sorted; /* weak; NULL: nobody looks at them */
  guint n_threads;          /* also of those in it */
  guint n_all;              /* with those that are not in the list */
  guint n_cancelled;        /* of all */
  guint64 n_waits;
  double load;
  gboolean is_named;
};

G_DEFINE_FINAL_TYPE (MonitorGroup, monitor_group, G_TYPE_OBJECT)

static void
monitor_group_finalize (GObject *object)
{
  MonitorGroup *self = MONITOR_GROUP (object);

  g_clear_weak_pointer (&self->sorted);
  g_clear_object (&self->groups);
  g_clear_object (&self->threads);
  g_free (self->name);
  G_OBJECT_CLASS (monitor_group_parent_class)->finalize (object);
}

static void
monitor_group_class_init (MonitorGroupClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = monitor_group_finalize;
}

static void
monitor_group_init (MonitorGroup *self)
{
  self->groups = g_list_store_new (MONITOR_TYPE_GROUP);
  self->threads = g_list_store_new (THREDO_TYPE_THREAD_INFO);
}

static MonitorGroup *
monitor_group_new (guint64       id,
                   const char   *name,
                   MonitorGroup *outer)
{
  MonitorGroup *self = g_object_new (MONITOR_TYPE_GROUP, NULL);

  self->id = id;
  self->name = g_strdup (name);
  self->outer = outer;
  return self;
}

guint64
monitor_group_get_id (MonitorGroup *self)
{
  return self->id;
}

const char *
monitor_group_get_name (MonitorGroup *self)
{
  return *self->name != '\0' ? self->name : "unnamed";
}

guint
monitor_group_get_n_threads (MonitorGroup *self)
{
  return self->n_threads;
}

/* With those that are not in the list, but belong to it all the same. */
guint
monitor_group_get_n_all (MonitorGroup *self)
{
  return MAX (self->n_all, self->n_threads);
}

/* Of its threads so far, and those in its groups; as is what follows. */
guint64
monitor_group_get_n_waits (MonitorGroup *self)
{
  return self->n_waits;
}

double
monitor_group_get_load (MonitorGroup *self)
{
  return self->load;
}

/* All of it, whatever is in the list. */
gboolean
monitor_group_is_cancelled (MonitorGroup *self)
{
  return self->n_cancelled > 0 && self->n_cancelled >= monitor_group_get_n_all (self);
}

/* The tree */

typedef struct
{
  ThredoThreadInfo *info;
  MonitorGroup *group;
} Place;

struct _MonitorGroups
{
  GObject parent_instance;

  GtkSorter *sorter;
  GListModel *threads;
  GArray *places; /* of Place: what there was in the list, by the numbers */
  MonitorGroup *root;
  GHashTable *by_id;
  GHashTable *collapsed; /* numbers of groups */
  GPtrArray *arrived;    /* groups that are new */
  GtkTreeListModel *rows;
};

G_DEFINE_FINAL_TYPE (MonitorGroups, monitor_groups, G_TYPE_OBJECT)

static void
place_clear (gpointer data)
{
  Place *self = data;

  g_clear_object (&self->info);
  g_clear_object (&self->group);
}

static GListModel *
new_children (MonitorGroups *self,
              MonitorGroup  *group)
{
  GListStore *parts = g_list_store_new (G_TYPE_LIST_MODEL);
  g_autoptr(GtkSortListModel) sorted = NULL;

  sorted = gtk_sort_list_model_new (g_object_ref (G_LIST_MODEL (group->threads)),
                                    g_object_ref (self->sorter));
  g_set_weak_pointer (&group->sorted, sorted);
  g_list_store_append (parts, group->groups);
  g_list_store_append (parts, sorted);
  return G_LIST_MODEL (gtk_flatten_list_model_new (G_LIST_MODEL (parts)));
}

static GListModel *
create_children (gpointer item,
                 gpointer user_data)
{
  return MONITOR_IS_GROUP (item) ? new_children (user_data, item) : NULL;
}

static guint64
get_id_at (GListModel *threads,
           guint       position)
{
  g_autoptr(ThredoThreadInfo) info = g_list_model_get_item (threads, position);

  return info != NULL ? thredo_thread_info_get_id (info) : G_MAXUINT64;
}

/* Where @id is, or belongs. */
static guint
search (GListModel *threads,
        guint64     id)
{
  guint low = 0, high = g_list_model_get_n_items (threads);

  /* Most are the youngest. */
  if (high > 0 && get_id_at (threads, high - 1) < id)
    return high;
  while (low < high)
    {
      guint middle = low + (high - low) / 2;

      if (get_id_at (threads, middle) < id)
        low = middle + 1;
      else
        high = middle;
    }
  return low;
}

static void
count (MonitorGroup *group,
       int           n)
{
  for (; group != NULL; group = group->outer)
    group->n_threads = (guint) ((int) group->n_threads + n);
}

static guint64
get_group_id (ThredoThreadInfo *info)
{
  gsize n;
  const guint64 *ids = thredo_thread_info_get_group_ids (info, &n);

  while (n > 0 && ids[n - 1] == 0)
    n--;
  return n > 0 ? ids[n - 1] : 0;
}

static MonitorGroup *
find_group (MonitorGroups    *self,
            ThredoThreadInfo *info)
{
  const char *const *path = thredo_thread_info_get_group_path (info);
  MonitorGroup *group = self->root;
  gsize n;
  const guint64 *ids = thredo_thread_info_get_group_ids (info, &n);

  for (gsize i = 0; i < n && path[i] != NULL; i++)
    {
      MonitorGroup *inner = g_hash_table_lookup (self->by_id, &ids[i]);

      if (ids[i] == 0)
        continue;
      if (inner == NULL)
        {
          inner = monitor_group_new (ids[i], path[i], group);
          g_hash_table_insert (self->by_id, &inner->id, inner);
          g_ptr_array_add (self->arrived, g_object_ref (inner));
          g_list_store_append (group->groups, inner);
        }
      group = inner;
    }
  return group;
}

/* How many of @places from @first on are in one group, and in one piece of its list from @position
 * on. */
static guint
measure_run (GArray   *places,
             guint     first,
             guint     position,
             gboolean  is_in)
{
  MonitorGroup *group = g_array_index (places, Place, first).group;
  GListModel *threads = G_LIST_MODEL (group->threads);
  guint64 limit = is_in ? 0 : get_id_at (threads, position);
  guint n = 1;

  while (first + n < places->len && g_array_index (places, Place, first + n).group == group)
    {
      guint64 id = thredo_thread_info_get_id (g_array_index (places, Place, first + n).info);

      if (is_in ? get_id_at (threads, position + n) != id : id >= limit)
        break;
      n++;
    }
  return n;
}

static void
enter (GArray *places)
{
  guint n;

  for (guint i = 0; i < places->len; i += n)
    {
      Place *place = &g_array_index (places, Place, i);
      guint64 id = thredo_thread_info_get_id (place->info);
      guint position = search (G_LIST_MODEL (place->group->threads), id);
      g_autofree gpointer *infos = NULL;

      n = measure_run (places, i, position, FALSE);
      infos = g_new (gpointer, n);
      for (guint k = 0; k < n; k++)
        infos[k] = g_array_index (places, Place, i + k).info;
      count (place->group, (int) n);
      g_list_store_splice (place->group->threads, position, 0, infos, n);
    }
}

static void
leave (GArray *places)
{
  guint n;

  for (guint i = 0; i < places->len; i += n)
    {
      Place *place = &g_array_index (places, Place, i);
      guint64 id = thredo_thread_info_get_id (place->info);
      guint position = search (G_LIST_MODEL (place->group->threads), id);

      n = measure_run (places, i, position, TRUE);
      count (place->group, -(int) n);
      g_list_store_splice (place->group->threads, position, n, NULL, 0);
    }
}

/* Groups in which there is nobody any more. */
static void
prune (MonitorGroups *self,
       GArray        *left)
{
  for (guint i = 0; i < left->len; i++)
    {
      MonitorGroup *group = g_array_index (left, Place, i).group;

      while (group != self->root && group->n_threads == 0)
        {
          MonitorGroup *outer = group->outer;
          guint position;

          if (g_hash_table_lookup (self->by_id, &group->id) != group)
            break;
          if (g_list_store_find (outer->groups, group, &position))
            g_list_store_remove (outer->groups, position);
          g_hash_table_remove (self->by_id, &group->id);
          group = outer;
        }
    }
}

static GtkTreeListRow *
find_row (MonitorGroups *self,
          MonitorGroup  *group)
{
  g_autoptr(GtkTreeListRow) outer = NULL;
  guint position;

  if (!g_list_store_find (group->outer->groups, group, &position))
    return NULL;
  if (group->outer == self->root)
    return gtk_tree_list_model_get_child_row (self->rows, position);
  outer = find_row (self, group->outer);
  return outer != NULL ? gtk_tree_list_row_get_child_row (outer, position) : NULL;
}

static void
collapse_again (MonitorGroups *self,
                MonitorGroup  *group)
{
  g_autoptr(GtkTreeListRow) row = NULL;

  if (!g_hash_table_contains (self->collapsed, &group->id))
    return;
  row = find_row (self, group);
  if (row != NULL)
    gtk_tree_list_row_set_expanded (row, FALSE);
}

/* All come open, also what has only been away. */
static void
settle_arrived (MonitorGroups *self)
{
  g_autoptr(GPtrArray) arrived = g_steal_pointer (&self->arrived);

  self->arrived = g_ptr_array_new_with_free_func (g_object_unref);
  if (g_hash_table_size (self->collapsed) == 0)
    return;
  for (guint i = 0; i < arrived->len; i++)
    if (g_hash_table_lookup (self->by_id, &((MonitorGroup *) arrived->pdata[i])->id) != NULL)
      collapse_again (self, arrived->pdata[i]);
}

/* What is in @places gets the groups that it is in. */
static void
assign (MonitorGroups *self,
        GArray        *places)
{
  MonitorGroup *last = NULL;

  for (guint i = 0; i < places->len; i++)
    {
      Place *place = &g_array_index (places, Place, i);
      guint64 id = get_group_id (place->info);

      if (last == NULL || id == 0 || last->id != id)
        last = find_group (self, place->info);
      g_set_object (&place->group, last);
    }
}

static void
add_place (GArray *places,
           Place  *place)
{
  Place copy = { g_object_ref (place->info),
                 place->group != NULL ? g_object_ref (place->group) : NULL };

  g_array_append_val (places, copy);
}

static GArray *
new_places (void)
{
  GArray *places = g_array_new (FALSE, FALSE, sizeof (Place));

  g_array_set_clear_func (places, place_clear);
  return places;
}

/* Also what stays is said to have gone and come, if it stands between what has. Nothing happens to
 * it here. */
static void
on_threads_changed (GListModel    *threads,
                    guint          position,
                    guint          removed,
                    guint          added,
                    MonitorGroups *self)
{
  g_autoptr(GArray) left = new_places ();
  g_autoptr(GArray) come = new_places ();
  g_autoptr(GArray) after = new_places ();
  g_autofree guint *places_of_come = g_new (guint, MAX (added, 1));
  guint i = 0;

  for (guint k = 0; k < added; k++)
    {
      Place place = { g_list_model_get_item (threads, position + k), NULL };
      guint64 id = thredo_thread_info_get_id (place.info);
      Place *old;

      for (; i < removed; i++)
        {
          old = &g_array_index (self->places, Place, position + i);
          if (thredo_thread_info_get_id (old->info) >= id)
            break;
          add_place (left, old);
        }
      old = i < removed ? &g_array_index (self->places, Place, position + i) : NULL;
      if (old != NULL && old->info == place.info)
        {
          place.group = g_object_ref (old->group);
          i++;
        }
      else
        {
          places_of_come[come->len] = k;
          add_place (come, &place);
        }
      g_array_append_val (after, place);
    }
  for (; i < removed; i++)
    add_place (left, &g_array_index (self->places, Place, position + i));

  leave (left);
  assign (self, come);
  for (guint k = 0; k < come->len; k++)
    g_set_object (&g_array_index (after, Place, places_of_come[k]).group,
                  g_array_index (come, Place, k).group);
  enter (come);
  if (removed > 0)
    g_array_remove_range (self->places, position, removed);
  if (after->len > 0)
    g_array_insert_vals (self->places, position, after->data, after->len);
  g_array_set_clear_func (after, NULL); /* they have gone over */
  prune (self, left);
  settle_arrived (self);
}

static void
monitor_groups_dispose (GObject *object)
{
  MonitorGroups *self = MONITOR_GROUPS (object);

  monitor_groups_set_threads (self, NULL);
  g_clear_object (&self->rows);
  g_clear_object (&self->sorter);
  G_OBJECT_CLASS (monitor_groups_parent_class)->dispose (object);
}

static void
monitor_groups_finalize (GObject *object)
{
  MonitorGroups *self = MONITOR_GROUPS (object);

  g_array_unref (self->places);
  g_hash_table_unref (self->by_id);
  g_hash_table_unref (self->collapsed);
  g_ptr_array_unref (self->arrived);
  g_object_unref (self->root);
  G_OBJECT_CLASS (monitor_groups_parent_class)->finalize (object);
}

static void
monitor_groups_class_init (MonitorGroupsClass *klass)
{
  G_OBJECT_CLASS (klass)->dispose = monitor_groups_dispose;
  G_OBJECT_CLASS (klass)->finalize = monitor_groups_finalize;
}

static void
monitor_groups_init (MonitorGroups *self)
{
  self->places = new_places ();
  self->by_id = g_hash_table_new_full (g_int64_hash, g_int64_equal, NULL, g_object_unref);
  self->collapsed = g_hash_table_new_full (g_int64_hash, g_int64_equal, g_free, NULL);
  self->arrived = g_ptr_array_new_with_free_func (g_object_unref);
  self->root = monitor_group_new (0, "", NULL);
}

/* @sorter is for the threads in each of the groups. */
MonitorGroups *
monitor_groups_new (GtkSorter *sorter)
{
  MonitorGroups *self = g_object_new (MONITOR_TYPE_GROUPS, NULL);

  self->sorter = g_object_ref (sorter);
  self->rows = gtk_tree_list_model_new (new_children (self, self->root), FALSE, TRUE,
                                        create_children, self, NULL);
  return self;
}

/* @threads is of ThredoThreadInfo, by their numbers; NULL for none. */
void
monitor_groups_set_threads (MonitorGroups *self,
                            GListModel    *threads)
{
  if (self->threads == threads)
    return;
  if (self->threads != NULL)
    {
      g_autoptr(GArray) left = new_places ();

      g_signal_handlers_disconnect_by_data (self->threads, self);
      g_array_append_vals (left, self->places->data, self->places->len);
      g_array_set_clear_func (self->places, NULL);
      g_array_set_size (self->places, 0);
      g_array_set_clear_func (self->places, place_clear);
      leave (left);
      prune (self, left);
    }
  g_set_object (&self->threads, threads);
  if (threads == NULL)
    return;
  g_signal_connect (threads, "items-changed", G_CALLBACK (on_threads_changed), self);
  on_threads_changed (threads, 0, 0, g_list_model_get_n_items (threads), self);
}

/* Of GtkTreeListRow, with a MonitorGroup or a ThredoThreadInfo in each. */
GListModel *
monitor_groups_get_rows (MonitorGroups *self)
{
  return G_LIST_MODEL (self->rows);
}

/* A thread leaves its group when it is joined by hand. */
static void
move (MonitorGroups *self,
      guint          position)
{
  Place *place = &g_array_index (self->places, Place, position);
  g_autoptr(GArray) places = new_places ();
  g_autoptr(GArray) left = new_places ();

  add_place (places, place);
  add_place (left, place);
  leave (places);
  assign (self, places);
  g_set_object (&place->group, g_array_index (places, Place, 0).group);
  enter (places);
  prune (self, left);
}

static void
sum_up (MonitorGroup     *group,
        ThredoThreadInfo *info)
{
  double load = monitor_track_get (info)->load;
  guint64 n_waits = thredo_thread_info_get_n_waits (info);

  for (; group != NULL; group = group->outer)
    {
      group->load += load;
      group->n_waits += n_waits;
    }
}

/* What is cancelled with a group is more than a search may have found of it. */
static void
count_all (MonitorGroups *self,
           GListModel    *all)
{
  guint n_all = g_list_model_get_n_items (all);

  for (guint i = 0; i < n_all; i++)
    {
      g_autoptr(ThredoThreadInfo) info = g_list_model_get_item (all, i);
      gboolean is_cancelled = monitor_track_is_cancelling (info);
      gsize n;
      const guint64 *ids = thredo_thread_info_get_group_ids (info, &n);

      for (gsize k = 0; k < n; k++)
        {
          MonitorGroup *group = g_hash_table_lookup (self->by_id, &ids[k]);

          if (group == NULL)
            continue;
          group->n_all++;
          group->n_cancelled += is_cancelled;
        }
    }
}

static void
take_name (MonitorGroup     *group,
           ThredoThreadInfo *info)
{
  const char *const *path = thredo_thread_info_get_group_path (info);
  gsize n = g_strv_length ((char **) path);

  group->is_named = TRUE;
  if (n == 0 || strcmp (path[n - 1], group->name) == 0)
    return;
  g_free (group->name);
  group->name = g_strdup (path[n - 1]);
}

/* After each time that the threads were looked at; @all of them, also those that are not in the
 * list. */
void
monitor_groups_refresh (MonitorGroups *self,
                        GListModel    *all)
{
  GHashTableIter iter;
  gpointer group;

  g_hash_table_iter_init (&iter, self->by_id);
  while (g_hash_table_iter_next (&iter, NULL, &group))
    {
      ((MonitorGroup *) group)->load = 0;
      ((MonitorGroup *) group)->n_waits = 0;
      ((MonitorGroup *) group)->n_all = 0;
      ((MonitorGroup *) group)->n_cancelled = 0;
      ((MonitorGroup *) group)->is_named = FALSE;
    }
  for (guint i = 0; i < self->places->len; i++)
    {
      Place *place = &g_array_index (self->places, Place, i);

      if (get_group_id (place->info) != place->group->id)
        {
          move (self, i);
          place = &g_array_index (self->places, Place, i);
        }
      sum_up (place->group, place->info);
      if (!place->group->is_named && place->group != self->root)
        take_name (place->group, place->info);
    }
  count_all (self, all);
  settle_arrived (self);
}

gboolean
monitor_is_sorted (GListModel *list,
                   GtkSorter  *sorter)
{
  g_autoptr(GObject) before = g_list_model_get_item (list, 0);
  guint n = g_list_model_get_n_items (list);

  for (guint i = 1; i < n; i++)
    {
      GObject *item = g_list_model_get_item (list, i);

      if (gtk_sorter_compare (sorter, before, item) == GTK_ORDERING_LARGER)
        {
          g_object_unref (item);
          return FALSE;
        }
      g_set_object (&before, item);
      g_object_unref (item);
    }
  return TRUE;
}

static gboolean
is_group_sorted (MonitorGroups *self,
                 MonitorGroup  *group)
{
  return group->sorted == NULL ||
         monitor_is_sorted (G_LIST_MODEL (group->sorted), self->sorter);
}

/* Whether those that are to be seen are. */
gboolean
monitor_groups_is_sorted (MonitorGroups *self)
{
  GHashTableIter iter;
  gpointer group;

  if (!is_group_sorted (self, self->root))
    return FALSE;
  g_hash_table_iter_init (&iter, self->by_id);
  while (g_hash_table_iter_next (&iter, NULL, &group))
    if (!is_group_sorted (self, group))
      return FALSE;
  return TRUE;
}

static void
collapse_inner (MonitorGroups *self,
                MonitorGroup  *group)
{
  GListModel *groups = G_LIST_MODEL (group->groups);

  for (guint i = 0; i < g_list_model_get_n_items (groups); i++)
    {
      g_autoptr(MonitorGroup) inner = g_list_model_get_item (groups, i);

      collapse_inner (self, inner);
      collapse_again (self, inner);
    }
}

/* After @row was opened or closed by whoever looks at it. */
void
monitor_groups_note_expanded (MonitorGroups  *self,
                              GtkTreeListRow *row)
{
  g_autoptr(GObject) item = gtk_tree_list_row_get_item (row);
  MonitorGroup *group;

  if (!MONITOR_IS_GROUP (item)) /* or it has just gone */
    return;
  group = MONITOR_GROUP (item);
  if (!gtk_tree_list_row_get_expanded (row))
    {
      g_hash_table_add (self->collapsed, g_memdup2 (&group->id, sizeof group->id));
      return;
    }
  g_hash_table_remove (self->collapsed, &group->id);
  if (g_hash_table_size (self->collapsed) > 0)
    collapse_inner (self, group);
}

static MonitorGroup *
get_group_of (MonitorGroups    *self,
              ThredoThreadInfo *info)
{
  guint64 id = thredo_thread_info_get_id (info);
  guint low = 0, high = self->places->len;

  while (low < high)
    {
      guint middle = low + (high - low) / 2;
      Place *place = &g_array_index (self->places, Place, middle);

      if (place->info == info)
        return place->group;
      if (thredo_thread_info_get_id (place->info) < id)
        low = middle + 1;
      else
        high = middle;
    }
  return NULL;
}

/* Which row is of @info; GTK_INVALID_LIST_POSITION if none is. */
guint
monitor_groups_find (MonitorGroups    *self,
                     ThredoThreadInfo *info)
{
  MonitorGroup *group = get_group_of (self, info);
  g_autoptr(GtkTreeListRow) outer = NULL;
  guint n_groups;

  if (group == NULL)
    return GTK_INVALID_LIST_POSITION;
  n_groups = g_list_model_get_n_items (G_LIST_MODEL (group->groups));
  if (group != self->root)
    outer = find_row (self, group);
  if (group->sorted == NULL || (group != self->root && outer == NULL))
    return GTK_INVALID_LIST_POSITION;
  for (guint i = 0; i < g_list_model_get_n_items (G_LIST_MODEL (group->sorted)); i++)
    {
      g_autoptr(ThredoThreadInfo) found = NULL;
      g_autoptr(GtkTreeListRow) row = NULL;

      found = g_list_model_get_item (G_LIST_MODEL (group->sorted), i);
      if (found != info)
        continue;
      row = outer != NULL ? gtk_tree_list_row_get_child_row (outer, n_groups + i)
                          : gtk_tree_list_model_get_child_row (self->rows, n_groups + i);
      return row != NULL ? gtk_tree_list_row_get_position (row) : GTK_INVALID_LIST_POSITION;
    }
  return GTK_INVALID_LIST_POSITION;
}
