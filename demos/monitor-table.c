/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "monitor-table.h"

#include "monitor-columns.h"
#include "monitor-control.h"
#include "monitor-groups.h"
#include "monitor-order.h"
#include "monitor-track.h"

/* Only the cells that are on the screen are brought up to date, and only when something has been
 * looked at again: with many threads, most rows cost nothing.
 *
 *   threads (filtered by the window) ─┬─► sorted by the header ─┬─► selection ─► rows
 *                                     └─► groups of them ───────┘
 *
 * A row has a thread, or in the tree a GtkTreeListRow with a thread or a group. */

#define RESORT_INTERVAL G_TIME_SPAN_SECOND

struct _MonitorTable
{
  GtkWidget parent_instance;

  GtkWidget *scrolled_window;
  GtkColumnView *view;
  ThredoMonitor *monitor;
  GListModel *threads;
  GtkSortListModel *sorted;
  MonitorGroups *groups; /* NULL: the rows are not a tree */
  GtkSingleSelection *selection;
  ThredoThreadInfo *selected; /* which stays when its row is made anew; NULL: none, or a group */
  GHashTable *cells;          /* of GtkListItem, with the MonitorColumn each is in: those in use */
  gint64 resorted;
  gboolean changing; /* the order of the rows, or all of them */
  guint settle_source;
};

enum
{
  SIGNAL_THREAD_ACTIVATED,
  N_SIGNALS
};

static guint signals[N_SIGNALS];

G_DEFINE_FINAL_TYPE (MonitorTable, monitor_table, GTK_TYPE_WIDGET)

/* What is in a row: a thread or a group; NULL if it has just gone. */
static GObject *
unpack (gpointer item)
{
  if (GTK_IS_TREE_LIST_ROW (item))
    return gtk_tree_list_row_get_item (item);
  return item != NULL ? g_object_ref (item) : NULL;
}

static void
name_button (GtkWidget *button,
             GObject   *item)
{
  g_autofree char *label = NULL;

  if (MONITOR_IS_GROUP (item))
    label = g_strdup_printf ("Cancel group %s", monitor_group_get_name (MONITOR_GROUP (item)));
  else if (item != NULL)
    label = g_strdup_printf ("Cancel %s", thredo_thread_info_get_name (THREDO_THREAD_INFO (item)));
  gtk_accessible_update_property (GTK_ACCESSIBLE (button), GTK_ACCESSIBLE_PROPERTY_LABEL, label,
                                  -1);
}

/* A button that gets another label is called by that. */
static void
update_button (MonitorTable        *self,
               GtkWidget           *button,
               const MonitorColumn *column,
               GObject             *item)
{
  g_autofree char *before = g_strdup (gtk_button_get_label (GTK_BUTTON (button)));

  monitor_column_update (column, button, item, self->monitor);
  if (g_strcmp0 (gtk_button_get_label (GTK_BUTTON (button)), before) != 0)
    name_button (button, item);
}

static void
update_cell (MonitorTable        *self,
             GtkListItem         *cell,
             const MonitorColumn *column)
{
  GtkWidget *child = gtk_list_item_get_child (cell);
  g_autoptr(GObject) item = unpack (gtk_list_item_get_item (cell));

  if (GTK_IS_TREE_EXPANDER (child))
    child = gtk_tree_expander_get_child (GTK_TREE_EXPANDER (child));
  if (GTK_IS_BUTTON (child))
    update_button (self, child, column, item);
  else
    monitor_column_update (column, child, item, self->monitor);
}

static MonitorTable *
get_table (GtkListItemFactory *factory)
{
  return g_object_get_data (G_OBJECT (factory), "table");
}

static void
on_cancel_clicked (GtkButton   *button,
                   GtkListItem *cell)
{
  MonitorTable *self = g_object_get_data (G_OBJECT (button), "table");
  g_autoptr(GObject) item = unpack (gtk_list_item_get_item (cell));

  if (THREDO_IS_THREAD_INFO (item))
    monitor_control_cancel_thread (GTK_WIDGET (self), self->monitor, THREDO_THREAD_INFO (item));
  else if (MONITOR_IS_GROUP (item))
    monitor_control_cancel_group (GTK_WIDGET (self), self->monitor,
                                  monitor_group_get_id (MONITOR_GROUP (item)),
                                  monitor_group_get_name (MONITOR_GROUP (item)));
  else
    return;
  monitor_columns_note_cancelling (GTK_WIDGET (button));
}

static GtkWidget *
new_cancel_button (MonitorTable *self,
                   GtkListItem  *cell)
{
  GtkWidget *button = gtk_button_new_with_label ("Cancel");

  gtk_widget_add_css_class (button, "cancel");
  /* With the keyboard it is Delete on the row. A button that has the focus when its thread ends
   * would leave it to another row's, and the next key press would cancel that one. */
  gtk_widget_set_focusable (button, FALSE);
  g_object_set_data (G_OBJECT (button), "table", self);
  g_signal_connect_object (button, "clicked", G_CALLBACK (on_cancel_clicked), cell, 0);
  return button;
}

static void
on_setup (GtkListItemFactory  *factory,
          GtkListItem         *cell,
          const MonitorColumn *column)
{
  GtkWidget *child;

  if (column->compare == NULL)
    {
      gtk_list_item_set_child (cell, new_cancel_button (get_table (factory), cell));
      return;
    }
  child = gtk_label_new (NULL);
  gtk_label_set_xalign (GTK_LABEL (child), column->is_numeric ? 1 : 0);
  gtk_label_set_ellipsize (GTK_LABEL (child), PANGO_ELLIPSIZE_END);
  if (column->is_numeric)
    gtk_widget_add_css_class (child, "numeric");
  if (column == &monitor_columns[0])
    {
      GtkWidget *expander = gtk_tree_expander_new ();

      /* With the keyboard it is Left and Right on the row. */
      gtk_widget_set_focusable (expander, FALSE);
      gtk_tree_expander_set_child (GTK_TREE_EXPANDER (expander), child);
      child = expander;
    }
  gtk_list_item_set_child (cell, child);
}

static void
on_expanded (GtkTreeListRow *row,
             GParamSpec     *pspec,
             MonitorTable   *self)
{
  if (self->groups != NULL)
    monitor_groups_note_expanded (self->groups, row);
}

static void
set_row (GtkWidget    *expander,
         MonitorTable *self,
         gpointer      item)
{
  GtkTreeListRow *before = gtk_tree_expander_get_list_row (GTK_TREE_EXPANDER (expander));
  GtkTreeListRow *row = GTK_IS_TREE_LIST_ROW (item) ? item : NULL;

  if (before != NULL)
    g_signal_handlers_disconnect_by_func (before, on_expanded, self);
  gtk_tree_expander_set_list_row (GTK_TREE_EXPANDER (expander), row);
  if (row != NULL)
    g_signal_connect_object (row, "notify::expanded", G_CALLBACK (on_expanded), self, 0);
}

static void
on_bind (GtkListItemFactory  *factory,
         GtkListItem         *cell,
         const MonitorColumn *column)
{
  MonitorTable *self = get_table (factory);
  GtkWidget *child = gtk_list_item_get_child (cell);
  g_autoptr(GObject) item = unpack (gtk_list_item_get_item (cell));

  g_hash_table_insert (self->cells, cell, (gpointer) column);
  if (GTK_IS_TREE_EXPANDER (child))
    {
      set_row (child, self, gtk_list_item_get_item (cell));
      if (MONITOR_IS_GROUP (item))
        gtk_widget_add_css_class (child, "group");
      else
        gtk_widget_remove_css_class (child, "group");
    }
  update_cell (self, cell, column);
  if (column->compare == NULL)
    name_button (child, item);
}

static void
on_unbind (GtkListItemFactory  *factory,
           GtkListItem         *cell,
           const MonitorColumn *column)
{
  MonitorTable *self = get_table (factory);
  GtkWidget *child = gtk_list_item_get_child (cell);

  if (GTK_IS_TREE_EXPANDER (child))
    set_row (child, self, NULL);
  if (self->cells != NULL)
    g_hash_table_remove (self->cells, cell);
}

static int
compare_rows (gconstpointer a,
              gconstpointer b,
              gpointer      user_data)
{
  const MonitorColumn *column = user_data;
  int order = column->compare ((ThredoThreadInfo *) a, (ThredoThreadInfo *) b);

  return (order > 0) - (order < 0);
}

static void
append_column (MonitorTable        *self,
               const MonitorColumn *column)
{
  GtkListItemFactory *factory = gtk_signal_list_item_factory_new ();
  g_autoptr(GtkColumnViewColumn) view_column = gtk_column_view_column_new (column->title, factory);

  g_object_set_data (G_OBJECT (factory), "table", self);
  g_signal_connect (factory, "setup", G_CALLBACK (on_setup), (gpointer) column);
  g_signal_connect (factory, "bind", G_CALLBACK (on_bind), (gpointer) column);
  g_signal_connect (factory, "unbind", G_CALLBACK (on_unbind), (gpointer) column);

  if (column->width > 0)
    gtk_column_view_column_set_fixed_width (view_column, column->width);
  else
    gtk_column_view_column_set_expand (view_column, TRUE);
  if (column->compare != NULL)
    {
      g_autoptr(GtkSorter) sorter = GTK_SORTER (gtk_custom_sorter_new (compare_rows,
                                                                        (gpointer) column, NULL));

      gtk_column_view_column_set_sorter (view_column, sorter);
      gtk_column_view_column_set_resizable (view_column, TRUE);
    }
  gtk_column_view_append_column (self->view, view_column);
}

/* The widget */

static GtkAdjustment *
get_adjustment (MonitorTable *self)
{
  return gtk_scrolled_window_get_vadjustment (GTK_SCROLLED_WINDOW (self->scrolled_window));
}

/* Selects a row, and gives it the focus. */
static void
show_position (MonitorTable *self,
               guint         position)
{
  GtkWidget *rows = gtk_widget_get_last_child (GTK_WIDGET (self->view));
  GHashTableIter iter;
  gpointer cell;

  gtk_single_selection_set_selected (self->selection, position);
  gtk_widget_activate_action (rows, "list.scroll-to-item", "u", position);
  g_hash_table_iter_init (&iter, self->cells);
  while (g_hash_table_iter_next (&iter, &cell, NULL))
    if (gtk_list_item_get_position (cell) == position)
      {
        GtkWidget *row = gtk_widget_get_parent (gtk_list_item_get_child (cell));

        gtk_widget_grab_focus (gtk_widget_get_parent (row));
        break;
      }
}

static void
on_activate (GtkColumnView *view,
             guint          position,
             MonitorTable  *self)
{
  GListModel *rows = G_LIST_MODEL (self->selection);
  g_autoptr(GObject) row = g_list_model_get_item (rows, position);
  g_autoptr(GObject) item = unpack (row);

  if (THREDO_IS_THREAD_INFO (item))
    g_signal_emit (self, signals[SIGNAL_THREAD_ACTIVATED], 0, item);
  else if (MONITOR_IS_GROUP (item))
    gtk_tree_list_row_set_expanded (GTK_TREE_LIST_ROW (row),
                                    !gtk_tree_list_row_get_expanded (GTK_TREE_LIST_ROW (row)));
}

/* Opens and closes groups, and goes from a thread to its group. */
static gboolean
on_key_pressed (GtkEventControllerKey *controller,
                guint                  key,
                guint                  code,
                GdkModifierType        modifiers,
                MonitorTable          *self)
{
  gpointer item = gtk_single_selection_get_selected_item (self->selection);
  gboolean right = key == GDK_KEY_Right || key == GDK_KEY_KP_Right;
  gboolean left = key == GDK_KEY_Left || key == GDK_KEY_KP_Left;
  g_autoptr(GtkTreeListRow) outer = NULL;
  GtkTreeListRow *row;

  if ((!left && !right) || !GTK_IS_TREE_LIST_ROW (item) ||
      (modifiers & gtk_accelerator_get_default_mod_mask ()) != 0)
    return FALSE;
  if (gtk_widget_get_direction (GTK_WIDGET (self)) == GTK_TEXT_DIR_RTL)
    right = left;
  row = item;
  if (right || gtk_tree_list_row_get_expanded (row))
    {
      gtk_tree_list_row_set_expanded (row, right);
      return TRUE;
    }
  outer = gtk_tree_list_row_get_parent (row);
  if (outer != NULL)
    show_position (self, gtk_tree_list_row_get_position (outer));
  return TRUE;
}

static gboolean
has_cell_at (MonitorTable *self,
             guint         position)
{
  GHashTableIter iter;
  gpointer cell;

  g_hash_table_iter_init (&iter, self->cells);
  while (g_hash_table_iter_next (&iter, &cell, NULL))
    if (gtk_list_item_get_position (cell) == position)
      return TRUE;
  return FALSE;
}

static gboolean
on_settled (gpointer user_data)
{
  MonitorTable *self = user_data;

  self->settle_source = 0;
  gtk_adjustment_set_value (get_adjustment (self), 0);
  /* Rows that have moved along while they had no height yet are out of sight, at what is 0. */
  if (g_list_model_get_n_items (G_LIST_MODEL (self->selection)) > 0 && !has_cell_at (self, 0))
    gtk_widget_activate_action (gtk_widget_get_last_child (GTK_WIDGET (self->view)),
                                "list.scroll-to-item", "u", 0);
  return G_SOURCE_REMOVE;
}

/* Whoever looks at the beginning wants to see it, also when rows come before what was the first;
 * the list would go along with that one. */
static void
on_rows_changed (MonitorTable *self)
{
  if (self->settle_source == 0 && gtk_adjustment_get_value (get_adjustment (self)) <= 0)
    self->settle_source = g_idle_add_full (GDK_PRIORITY_REDRAW + 10, on_settled, self, NULL);
}

/* In the tree, a thread that moves gets another row. */
static void
on_selected (MonitorTable *self)
{
  g_autoptr(GObject) item = NULL;

  if (self->changing)
    return;
  item = unpack (gtk_single_selection_get_selected_item (self->selection));
  g_clear_object (&self->selected);
  if (THREDO_IS_THREAD_INFO (item))
    self->selected = THREDO_THREAD_INFO (g_steal_pointer (&item));
}

static guint
find_position (MonitorTable     *self,
               ThredoThreadInfo *info)
{
  GListModel *rows = G_LIST_MODEL (self->sorted);

  if (self->groups != NULL)
    return monitor_groups_find (self->groups, info);
  for (guint i = 0; i < g_list_model_get_n_items (rows); i++)
    {
      g_autoptr(ThredoThreadInfo) found = g_list_model_get_item (rows, i);

      if (found == info)
        return i;
    }
  return GTK_INVALID_LIST_POSITION;
}

static void
restore_selection (MonitorTable *self)
{
  guint position;

  if (self->selected == NULL ||
      gtk_single_selection_get_selected (self->selection) != GTK_INVALID_LIST_POSITION)
    return;
  position = find_position (self, self->selected);
  if (position != GTK_INVALID_LIST_POSITION)
    gtk_single_selection_set_selected (self->selection, position);
  else
    g_clear_object (&self->selected);
}

/* What another order was asked for is at its beginning. */
static void
on_sorter_changed (MonitorTable *self)
{
  if (self->changing || self->scrolled_window == NULL)
    return;
  gtk_adjustment_set_value (get_adjustment (self), 0);
  self->resorted = 0; /* what it was sorted by may be old */
}

static void
monitor_table_dispose (GObject *object)
{
  MonitorTable *self = MONITOR_TABLE (object);

  if (self->selection != NULL)
    g_signal_handlers_disconnect_by_data (self->selection, self);
  g_clear_handle_id (&self->settle_source, g_source_remove);
  g_clear_pointer (&self->cells, g_hash_table_unref);
  g_clear_pointer (&self->scrolled_window, gtk_widget_unparent);
  g_clear_object (&self->groups);
  g_clear_object (&self->sorted);
  g_clear_object (&self->selection);
  g_clear_object (&self->selected);
  g_clear_object (&self->threads);
  g_clear_object (&self->monitor);
  G_OBJECT_CLASS (monitor_table_parent_class)->dispose (object);
}

static void
monitor_table_class_init (MonitorTableClass *klass)
{
  G_OBJECT_CLASS (klass)->dispose = monitor_table_dispose;
  gtk_widget_class_set_layout_manager_type (GTK_WIDGET_CLASS (klass), GTK_TYPE_BIN_LAYOUT);

  signals[SIGNAL_THREAD_ACTIVATED] =
      g_signal_new ("thread-activated", MONITOR_TYPE_TABLE, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                    G_TYPE_NONE, 1, THREDO_TYPE_THREAD_INFO);
}

static void
monitor_table_init (MonitorTable *self)
{
  GtkEventController *keys;
  GtkSorter *sorter;

  self->cells = g_hash_table_new (NULL, NULL);
  self->view = GTK_COLUMN_VIEW (gtk_column_view_new (NULL));
  gtk_widget_add_css_class (GTK_WIDGET (self->view), "threads");
  gtk_accessible_update_property (GTK_ACCESSIBLE (self->view),
                                  GTK_ACCESSIBLE_PROPERTY_LABEL, "Threads", -1);
  for (gsize i = 0; i < MONITOR_N_COLUMNS; i++)
    append_column (self, &monitor_columns[i]);
  g_signal_connect (self->view, "activate", G_CALLBACK (on_activate), self);
  keys = gtk_event_controller_key_new ();
  gtk_event_controller_set_propagation_phase (keys, GTK_PHASE_CAPTURE);
  g_signal_connect (keys, "key-pressed", G_CALLBACK (on_key_pressed), self);
  gtk_widget_add_controller (GTK_WIDGET (self->view), keys);

  sorter = g_object_ref (gtk_column_view_get_sorter (self->view));
  self->sorted = gtk_sort_list_model_new (NULL, sorter);
  self->selection = gtk_single_selection_new (g_object_ref (G_LIST_MODEL (self->sorted)));
  gtk_single_selection_set_autoselect (self->selection, FALSE);
  gtk_single_selection_set_can_unselect (self->selection, TRUE);
  gtk_column_view_set_model (self->view, GTK_SELECTION_MODEL (self->selection));

  self->scrolled_window = gtk_scrolled_window_new ();
  gtk_scrolled_window_set_child (GTK_SCROLLED_WINDOW (self->scrolled_window),
                                 GTK_WIDGET (self->view));
  g_signal_connect_swapped (self->selection, "items-changed", G_CALLBACK (on_rows_changed), self);
  g_signal_connect_swapped (self->selection, "notify::selected-item", G_CALLBACK (on_selected),
                            self);
  g_signal_connect_object (sorter, "changed", G_CALLBACK (on_sorter_changed), self,
                           G_CONNECT_SWAPPED | G_CONNECT_AFTER);
  gtk_widget_set_parent (self->scrolled_window, GTK_WIDGET (self));
}

GtkWidget *
monitor_table_new (void)
{
  return g_object_new (MONITOR_TYPE_TABLE, NULL);
}

/* Of which the threads are. */
void
monitor_table_set_monitor (MonitorTable  *self,
                           ThredoMonitor *monitor)
{
  g_set_object (&self->monitor, monitor);
}

/* @threads is of ThredoThreadInfo. */
void
monitor_table_set_threads (MonitorTable *self,
                           GListModel   *threads)
{
  g_set_object (&self->threads, threads);
  if (self->groups != NULL)
    monitor_groups_set_threads (self->groups, threads);
  else
    gtk_sort_list_model_set_model (self->sorted, threads);
}

/* Whether the rows are a tree, by groups. */
void
monitor_table_set_tree (MonitorTable *self,
                        gboolean      tree)
{
  g_autoptr(MonitorGroups) before = NULL;

  if (tree == (self->groups != NULL))
    return;
  self->changing = TRUE;
  if (tree)
    {
      monitor_order_note_all (self->threads);
      self->groups = monitor_groups_new (gtk_sort_list_model_get_sorter (self->sorted));
      monitor_groups_set_threads (self->groups, self->threads);
      monitor_groups_refresh (self->groups, G_LIST_MODEL (self->monitor));
      gtk_single_selection_set_model (self->selection, monitor_groups_get_rows (self->groups));
      gtk_sort_list_model_set_model (self->sorted, NULL);
    }
  else
    {
      gtk_sort_list_model_set_model (self->sorted, self->threads);
      gtk_single_selection_set_model (self->selection, G_LIST_MODEL (self->sorted));
      before = g_steal_pointer (&self->groups);
    }
  self->changing = FALSE;
  gtk_adjustment_set_value (get_adjustment (self), 0);
  restore_selection (self);
}

static gboolean
are_rows_sorted (MonitorTable *self,
                 GtkSorter    *sorter)
{
  if (self->groups != NULL)
    return monitor_groups_is_sorted (self->groups);
  return monitor_is_sorted (G_LIST_MODEL (self->sorted), sorter);
}

/* Rows move at most once a second, so that they can be read, and hit. */
static void
resort (MonitorTable *self)
{
  GtkSorter *sorter = gtk_sort_list_model_get_sorter (self->sorted);
  gint64 now = g_get_monotonic_time ();

  if (now - self->resorted < RESORT_INTERVAL)
    return;
  self->resorted = now;
  if (gtk_sorter_get_order (sorter) == GTK_SORTER_ORDER_NONE || self->threads == NULL)
    return;
  monitor_order_note_all (self->threads);
  if (are_rows_sorted (self, sorter))
    return;
  self->changing = TRUE;
  gtk_sorter_changed (sorter, GTK_SORTER_CHANGE_DIFFERENT);
  self->changing = FALSE;
  restore_selection (self);
}

/* After each time that the threads were looked at. */
void
monitor_table_refresh (MonitorTable *self)
{
  gboolean is_last = self->monitor != NULL && thredo_monitor_is_closed (self->monitor);
  GHashTableIter iter;
  gpointer cell, data;

  resort (self);
  if (self->groups != NULL)
    monitor_groups_refresh (self->groups, G_LIST_MODEL (self->monitor));
  g_hash_table_iter_init (&iter, self->cells);
  while (g_hash_table_iter_next (&iter, &cell, &data))
    if (is_last || gtk_widget_get_mapped (gtk_list_item_get_child (cell)))
      update_cell (self, cell, data);
}

/* 0: there is no room for it. */
static int
get_width (const MonitorColumn *column,
           gboolean             narrow)
{
  if (narrow)
    return column->narrow_width;
  return column->width > 0 ? column->width : -1;
}

void
monitor_table_set_narrow (MonitorTable *self,
                          gboolean      narrow)
{
  GListModel *view_columns = gtk_column_view_get_columns (self->view);

  for (guint i = 0; i < MONITOR_N_COLUMNS; i++)
    {
      g_autoptr(GtkColumnViewColumn) view_column = g_list_model_get_item (view_columns, i);
      int width = get_width (&monitor_columns[i], narrow);

      gtk_column_view_column_set_visible (view_column, width != 0);
      /* Also a column that is not to be seen gets its width, which the others then lack. */
      gtk_column_view_column_set_fixed_width (view_column, width);
      gtk_column_view_column_set_expand (view_column, narrow ? i == 0 : width == -1);
    }
}

/* NULL: no row is, or a group's. */
ThredoThreadInfo *
monitor_table_get_selected (MonitorTable *self)
{
  return self->selected;
}

/* Selects the thread of that number, if there is one. */
void
monitor_table_select (MonitorTable *self,
                      guint64       id)
{
  guint n = self->threads != NULL ? g_list_model_get_n_items (self->threads) : 0;

  for (guint i = 0; i < n; i++)
    {
      g_autoptr(ThredoThreadInfo) info = g_list_model_get_item (self->threads, i);

      if (thredo_thread_info_get_id (info) == id)
        {
          gtk_single_selection_set_selected (self->selection, find_position (self, info));
          return;
        }
    }
}

/* In which the selected thread is, or which is selected itself. */
void
monitor_table_cancel_selected_group (MonitorTable *self)
{
  g_autoptr(GObject) item = unpack (gtk_single_selection_get_selected_item (self->selection));

  if (MONITOR_IS_GROUP (item))
    monitor_control_cancel_group (GTK_WIDGET (self), self->monitor,
                                  monitor_group_get_id (MONITOR_GROUP (item)),
                                  monitor_group_get_name (MONITOR_GROUP (item)));
  else if (THREDO_IS_THREAD_INFO (item))
    monitor_control_cancel_group_of (GTK_WIDGET (self), self->monitor, THREDO_THREAD_INFO (item));
}

void
monitor_table_cancel_selected (MonitorTable *self)
{
  if (self->selected != NULL)
    monitor_control_cancel_thread (GTK_WIDGET (self), self->monitor, self->selected);
}

void
monitor_table_sort_by (MonitorTable *self,
                       const char   *title)
{
  GListModel *view_columns = gtk_column_view_get_columns (self->view);

  for (guint i = 0; i < MONITOR_N_COLUMNS; i++)
    if (g_ascii_strcasecmp (monitor_columns[i].title, title) == 0)
      {
        g_autoptr(GtkColumnViewColumn) view_column = g_list_model_get_item (view_columns, i);

        gtk_column_view_sort_by_column (self->view, view_column,
                                        monitor_columns[i].is_numeric ? GTK_SORT_DESCENDING
                                                                      : GTK_SORT_ASCENDING);
      }
}
