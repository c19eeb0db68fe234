/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "monitor-locks.h"

#include "monitor-list.h"

#define INTERVAL (G_TIME_SPAN_SECOND / 4)
#define MOST_IN_CELL 8 /* of those who wait; there is room for fewer */
#define MOST_IN_DESCRIPTION 100

struct _MonitorLocks
{
  GtkWidget parent_instance;

  ThredoMonitor *monitor;
  GHashTable *names; /* of the threads, by number; as of this time, and only if it is asked for */
  GtkWidget *list;
};

G_DEFINE_FINAL_TYPE (MonitorLocks, monitor_locks, GTK_TYPE_WIDGET)

/* Those who wait */

static GHashTable *
get_names (MonitorLocks *self)
{
  GListModel *threads = G_LIST_MODEL (self->monitor);
  guint n = g_list_model_get_n_items (threads);

  if (self->names != NULL)
    return self->names;
  self->names = g_hash_table_new_full (g_int64_hash, g_int64_equal, g_free, g_free);
  for (guint i = 0; i < n; i++)
    {
      g_autoptr(ThredoThreadInfo) info = g_list_model_get_item (threads, i);
      guint64 id = thredo_thread_info_get_id (info);

      g_hash_table_insert (self->names, g_memdup2 (&id, sizeof id),
                           g_strdup (thredo_thread_info_get_name (info)));
    }
  return self->names;
}

/* In line, whoever is next first. */
static char *
format_line (MonitorLocks   *self,
             ThredoLockInfo *info,
             guint           most)
{
  gsize n_ids;
  const guint64 *ids = thredo_lock_info_get_waiting_ids (info, &n_ids);
  GString *line = g_string_new (NULL);

  if (self->monitor == NULL)
    n_ids = 0;
  for (gsize i = 0; i < MIN (n_ids, most); i++)
    {
      const char *name = g_hash_table_lookup (get_names (self), &ids[i]);

      g_string_append (line, i > 0 ? ", " : "");
      if (name != NULL)
        g_string_append (line, name);
      else
        g_string_append_printf (line, "thread %" G_GUINT64_FORMAT, ids[i]);
    }
  if (n_ids > most)
    g_string_append_printf (line, " and %" G_GSIZE_FORMAT " more", n_ids - most);
  return g_string_free (line, FALSE);
}

/* What is written in the cells */

static const char *
get_name (ThredoLockInfo *info)
{
  const char *name = thredo_lock_info_get_name (info);

  return name != NULL && *name != '\0' ? name : "(without a name)";
}

static const char *
get_owner (ThredoLockInfo *info)
{
  const char *name = thredo_lock_info_get_owner_name (info);

  return name != NULL ? name : "";
}

static void
update_name (GtkWidget  *child,
             MonitorRow *row,
             gpointer    panel)
{
  monitor_cell_set_text (child, get_name (THREDO_LOCK_INFO (row->info)));
}

static void
update_kind (GtkWidget  *child,
             MonitorRow *row,
             gpointer    panel)
{
  monitor_cell_set_text (child, thredo_lock_info_get_noun (THREDO_LOCK_INFO (row->info)));
}

static void
update_state (GtkWidget  *child,
              MonitorRow *row,
              gpointer    panel)
{
  ThredoLockInfo *info = THREDO_LOCK_INFO (row->info);

  if (thredo_lock_info_is_abandoned (info))
    monitor_mark_set (child, "dialog-warning-symbolic", "abandoned", "Abandoned");
  else if (thredo_lock_info_get_owner_id (info) != 0)
    monitor_mark_set (child, "changes-prevent-symbolic", "owned", "Owned");
  else
    monitor_mark_set (child, NULL, NULL, "Free");
}

static void
update_owner (GtkWidget  *child,
              MonitorRow *row,
              gpointer    panel)
{
  monitor_cell_set_text (child, get_owner (THREDO_LOCK_INFO (row->info)));
}

static void
update_waiting (GtkWidget  *child,
                MonitorRow *row,
                gpointer    panel)
{
  g_autofree char *text = NULL;

  text = g_strdup_printf ("%'u", thredo_lock_info_get_n_waiting (THREDO_LOCK_INFO (row->info)));
  monitor_cell_set_text (child, text);
}

static void
update_line (GtkWidget  *child,
             MonitorRow *row,
             gpointer    panel)
{
  g_autofree char *line = format_line (panel, THREDO_LOCK_INFO (row->info), MOST_IN_CELL);

  monitor_cell_set_text (child, line);
}

static char *
describe (gpointer info,
          gpointer panel)
{
  g_autofree char *line = format_line (panel, info, MOST_IN_DESCRIPTION);
  GString *text = g_string_new (get_name (info));

  g_string_append_printf (text, " (%s): ", thredo_lock_info_get_noun (info));
  if (thredo_lock_info_get_owner_id (info) != 0)
    g_string_append_printf (text, "%s owns it", get_owner (info));
  else
    g_string_append (text, "nobody owns it");
  if (thredo_lock_info_is_abandoned (info))
    g_string_append (text, "; a thread ended without releasing it");
  if (*line != '\0')
    g_string_append_printf (text, ". In line, first to last: %s.", line);
  else
    g_string_append (text, ". Nobody waits for it.");
  return g_string_free (text, FALSE);
}

/* Columns */

#define COMPARE(a, b) (((a) > (b)) - ((a) < (b)))

static int
compare_names (gpointer a,
               gpointer b)
{
  return g_utf8_collate (get_name (a), get_name (b));
}

static int
compare_kinds (gpointer a,
               gpointer b)
{
  return g_strcmp0 (thredo_lock_info_get_noun (a), thredo_lock_info_get_noun (b));
}

static int
get_state_rank (ThredoLockInfo *info)
{
  if (thredo_lock_info_is_abandoned (info))
    return 2;
  return thredo_lock_info_get_owner_id (info) != 0 ? 1 : 0;
}

static int
compare_states (gpointer a,
                gpointer b)
{
  return COMPARE (get_state_rank (a), get_state_rank (b));
}

static int
compare_owners (gpointer a,
                gpointer b)
{
  return g_utf8_collate (get_owner (a), get_owner (b));
}

static int
compare_waiting (gpointer a,
                 gpointer b)
{
  return COMPARE (thredo_lock_info_get_n_waiting (a), thredo_lock_info_get_n_waiting (b));
}

static const MonitorListColumn columns[] = {
  { "Lock", 140, -1, FALSE, NULL, update_name, compare_names },
  { "Kind", 70, 0, FALSE, NULL, update_kind, compare_kinds },
  { "State", 120, 106, FALSE, monitor_mark_new, update_state, compare_states },
  { "Owner", 140, 88, FALSE, NULL, update_owner, compare_owners },
  { "Waiting", 80, 68, TRUE, NULL, update_waiting, compare_waiting },
  { "In line", 0, 0, FALSE, NULL, update_line, NULL },
};

static guint64
get_id (gpointer info)
{
  return thredo_lock_info_get_id (info);
}

static const MonitorListKind kind = {
  .name = "Locks",
  .empty = "The program has no locks",
  .columns = columns,
  .n_columns = G_N_ELEMENTS (columns),
  .get_id = get_id,
  .describe = describe,
};

/* The widget */

static void
monitor_locks_dispose (GObject *object)
{
  MonitorLocks *self = MONITOR_LOCKS (object);

  g_clear_pointer (&self->list, gtk_widget_unparent);
  g_clear_object (&self->monitor);
  g_clear_pointer (&self->names, g_hash_table_unref);
  G_OBJECT_CLASS (monitor_locks_parent_class)->dispose (object);
}

static void
monitor_locks_class_init (MonitorLocksClass *klass)
{
  G_OBJECT_CLASS (klass)->dispose = monitor_locks_dispose;
  gtk_widget_class_set_layout_manager_type (GTK_WIDGET_CLASS (klass), GTK_TYPE_BIN_LAYOUT);
}

static void
monitor_locks_init (MonitorLocks *self)
{
  self->list = monitor_list_new (&kind, self);
  gtk_widget_set_parent (self->list, GTK_WIDGET (self));
  gtk_widget_set_vexpand (GTK_WIDGET (self), TRUE);
}

GtkWidget *
monitor_locks_new (void)
{
  return g_object_new (MONITOR_TYPE_LOCKS, NULL);
}

/* @monitor is nullable. */
void
monitor_locks_set_monitor (MonitorLocks  *self,
                           ThredoMonitor *monitor)
{
  if (!g_set_object (&self->monitor, monitor))
    return;
  g_clear_pointer (&self->names, g_hash_table_unref);
  monitor_list_clear (MONITOR_LIST (self->list), monitor == NULL ? "No program is watched" : NULL);
}

/* After each time that the monitor has looked at the process. */
void
monitor_locks_refresh (MonitorLocks *self)
{
  MonitorList *list = MONITOR_LIST (self->list);
  g_autoptr(GPtrArray) infos = NULL;

  if (self->monitor == NULL || !monitor_list_is_due (list, INTERVAL, 0))
    return;
  g_clear_pointer (&self->names, g_hash_table_unref);
  infos = thredo_monitor_list_locks (self->monitor);
  monitor_list_update (list, infos);
}
