/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "monitor-table.h"

#include "monitor-control.h"
#include "monitor-order.h"
#include "monitor-track.h"

/* Only the cells that are on the screen are brought up to date, and only when something has been
 * looked at again: with many threads, most rows cost nothing.
 *
 *   threads (filtered by the window) ─► sorted by the header ─► selection ─► rows */

#define RESORT_INTERVAL G_TIME_SPAN_SECOND

typedef struct
{
  const char *title;
  int width;        /* 0: takes what is left */
  int narrow_width; /* 0: left out where there is no room */
  gboolean is_numeric;
  void (*update) (GtkWidget        *child,
                  ThredoThreadInfo *info);
  int (*compare) (ThredoThreadInfo *a,
                  ThredoThreadInfo *b);
} Column;

struct _MonitorTable
{
  GtkWidget parent_instance;

  GtkWidget *scrolled_window;
  GtkColumnView *view;
  GtkSortListModel *sorted;
  GtkSingleSelection *selection;
  GHashTable *cells; /* of GtkListItem, with the Column each is in: those that show a thread */
  gint64 resorted;
  gboolean resorting;
  guint settle_source;
};

enum
{
  SIGNAL_THREAD_ACTIVATED,
  N_SIGNALS
};

static guint signals[N_SIGNALS];

G_DEFINE_FINAL_TYPE (MonitorTable, monitor_table, GTK_TYPE_WIDGET)

/* What is written in the cells */

static char *
format_duration (gint64 duration)
{
  double seconds = (double) MAX (duration, 0) / G_TIME_SPAN_SECOND;

  if (seconds < 10)
    return g_strdup_printf ("%.1f s", seconds);
  if (seconds < 120)
    return g_strdup_printf ("%.0f s", seconds);
  if (seconds < 7200)
    return g_strdup_printf ("%.0f min", seconds / 60);
  return g_strdup_printf ("%.1f h", seconds / 3600);
}

char *
monitor_format_since (ThredoThreadInfo *info)
{
  gint64 since = monitor_track_get_since (info);

  return since != 0 ? format_duration (g_get_monotonic_time () - since) : g_strdup ("");
}

char *
monitor_format_cpu (ThredoThreadInfo *info)
{
  MonitorTrack *track = monitor_track_get (info);

  return g_strdup_printf ("%.0f %%", track->load * 100);
}

const char *
monitor_describe_state (ThredoThreadInfo *info)
{
  MonitorActivity activity = monitor_activity_of (info);

  if (monitor_track_is_out_of_reach (info))
    return "Out of reach";
  if (activity == MONITOR_ACTIVITY_CANCELLING && thredo_thread_info_is_shielded (info))
    return "Cancelling, shielded";
  switch (activity)
    {
    case MONITOR_ACTIVITY_CANCELLING:
      return "Cancelling…";
    case MONITOR_ACTIVITY_LOCKED:
      return "Wants a lock";
    case MONITOR_ACTIVITY_RUNNING:
    case MONITOR_ACTIVITY_WAITING:
    case MONITOR_ACTIVITY_SLEEPING:
    default:
      return monitor_activity_get_name (activity);
    }
}

static void
set_label (GtkWidget  *label,
           const char *text)
{
  if (g_strcmp0 (gtk_label_get_label (GTK_LABEL (label)), text) != 0)
    gtk_label_set_label (GTK_LABEL (label), text);
}

static void
update_name (GtkWidget        *child,
             ThredoThreadInfo *info)
{
  set_label (child, thredo_thread_info_get_name (info));
}

static void
update_group (GtkWidget        *child,
              ThredoThreadInfo *info)
{
  g_autofree char *path = monitor_group_path_format (info);

  set_label (child, path);
}

static void
update_state (GtkWidget        *child,
              ThredoThreadInfo *info)
{
  const char *text = monitor_describe_state (info);
  const char *classes[] = { "activity", NULL, NULL, NULL };

  if (g_strcmp0 (gtk_label_get_label (GTK_LABEL (child)), text) == 0)
    return;
  classes[1] = monitor_activity_get_css_class (monitor_activity_of (info));
  if (monitor_track_is_out_of_reach (info))
    classes[2] = "out-of-reach";
  gtk_widget_set_css_classes (child, classes);
  gtk_label_set_label (GTK_LABEL (child), text);
  gtk_widget_set_tooltip_text (child, monitor_track_is_out_of_reach (info)
                                          ? "It was cancelled, but only computes: a thread hears "
                                            "of a cancel where it waits, or asks for it"
                                          : NULL);
}

static void
update_waiting_for (GtkWidget        *child,
                    ThredoThreadInfo *info)
{
  const char *waiting_for = thredo_thread_info_get_waiting_for (info);

  if (monitor_track_is_out_of_reach (info))
    waiting_for = "nothing: computes, hears no cancel";
  set_label (child, waiting_for != NULL ? waiting_for : "");
}

static void
update_since (GtkWidget        *child,
              ThredoThreadInfo *info)
{
  g_autofree char *since = monitor_format_since (info);

  set_label (child, since);
}

static void
update_waits (GtkWidget        *child,
              ThredoThreadInfo *info)
{
  g_autofree char *waits = g_strdup_printf ("%'" G_GUINT64_FORMAT,
                                            thredo_thread_info_get_n_waits (info));

  set_label (child, waits);
}

static void
update_cpu (GtkWidget        *child,
            ThredoThreadInfo *info)
{
  g_autofree char *cpu = monitor_format_cpu (info);

  set_label (child, cpu);
}

static void
update_cancel (GtkWidget        *child,
               ThredoThreadInfo *info)
{
  const char *label = thredo_thread_info_is_cancelled (info) ? "Cancelling…" : "Cancel";

  gtk_widget_set_sensitive (child, monitor_control_can_cancel (info));
  if (g_strcmp0 (gtk_button_get_label (GTK_BUTTON (child)), label) != 0)
    gtk_button_set_label (GTK_BUTTON (child), label);
}

/* Columns */

static const Column columns[] = {
  { "Thread", 140, 80, FALSE, update_name, monitor_order_compare_names },
  { "Group", 120, 0, FALSE, update_group, monitor_order_compare_groups },
  { "State", 130, 112, FALSE, update_state, monitor_order_compare_states },
  { "Waiting for", 0, 0, FALSE, update_waiting_for, monitor_order_compare_waiting_for },
  { "Since", 70, 0, TRUE, update_since, monitor_order_compare_since },
  { "Waits", 84, 0, TRUE, update_waits, monitor_order_compare_waits },
  { "CPU", 64, 0, TRUE, update_cpu, monitor_order_compare_cpu },
  { "", 116, 112, FALSE, update_cancel, NULL },
};

static void
on_cancel_clicked (GtkButton   *button,
                   GtkListItem *cell)
{
  ThredoThreadInfo *info = gtk_list_item_get_item (cell);

  if (info == NULL)
    return;
  monitor_control_cancel_thread (info);
  gtk_widget_set_sensitive (GTK_WIDGET (button), FALSE);
  gtk_button_set_label (button, "Cancelling…");
}

static void
on_setup (GtkListItemFactory *factory,
          GtkListItem        *cell,
          const Column       *column)
{
  GtkWidget *child;

  if (column->compare == NULL)
    {
      child = gtk_button_new_with_label ("Cancel");
      gtk_widget_add_css_class (child, "cancel");
      /* With the keyboard it is Delete on the row. A button that has the focus when its thread ends
       * would leave it to another row's, and the next key press would cancel that one. */
      gtk_widget_set_focusable (child, FALSE);
      g_signal_connect_object (child, "clicked", G_CALLBACK (on_cancel_clicked), cell, 0);
    }
  else
    {
      child = gtk_label_new (NULL);
      gtk_label_set_xalign (GTK_LABEL (child), column->is_numeric ? 1 : 0);
      gtk_label_set_ellipsize (GTK_LABEL (child), PANGO_ELLIPSIZE_END);
      if (column->is_numeric)
        gtk_widget_add_css_class (child, "numeric");
    }
  gtk_list_item_set_child (cell, child);
}

static MonitorTable *
get_table (GtkListItemFactory *factory)
{
  return g_object_get_data (G_OBJECT (factory), "table");
}

static void
on_bind (GtkListItemFactory *factory,
         GtkListItem        *cell,
         const Column       *column)
{
  GtkWidget *child = gtk_list_item_get_child (cell);
  ThredoThreadInfo *info = gtk_list_item_get_item (cell);
  g_autofree char *label = NULL;

  g_hash_table_insert (get_table (factory)->cells, cell, (gpointer) column);
  column->update (child, info);
  if (column->compare != NULL)
    return;
  label = g_strdup_printf ("Cancel %s", thredo_thread_info_get_name (info));
  gtk_accessible_update_property (GTK_ACCESSIBLE (child), GTK_ACCESSIBLE_PROPERTY_LABEL, label, -1);
}

static void
on_unbind (GtkListItemFactory *factory,
           GtkListItem        *cell,
           const Column       *column)
{
  MonitorTable *self = get_table (factory);

  if (self->cells != NULL)
    g_hash_table_remove (self->cells, cell);
}

static int
compare_rows (gconstpointer a,
              gconstpointer b,
              gpointer      user_data)
{
  const Column *column = user_data;
  int order = column->compare ((ThredoThreadInfo *) a, (ThredoThreadInfo *) b);

  return (order > 0) - (order < 0);
}

static void
append_column (MonitorTable *self,
               const Column *column)
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

static void
on_activate (GtkColumnView *view,
             guint          position,
             MonitorTable  *self)
{
  GListModel *rows = G_LIST_MODEL (self->selection);
  g_autoptr(ThredoThreadInfo) info = g_list_model_get_item (rows, position);

  g_signal_emit (self, signals[SIGNAL_THREAD_ACTIVATED], 0, info);
}

static GtkAdjustment *
get_adjustment (MonitorTable *self)
{
  return gtk_scrolled_window_get_vadjustment (GTK_SCROLLED_WINDOW (self->scrolled_window));
}

static gboolean
on_settled (gpointer user_data)
{
  MonitorTable *self = user_data;

  self->settle_source = 0;
  gtk_adjustment_set_value (get_adjustment (self), 0);
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

/* What another order was asked for is at its beginning. */
static void
on_sorter_changed (MonitorTable *self)
{
  if (self->resorting || self->scrolled_window == NULL)
    return;
  gtk_adjustment_set_value (get_adjustment (self), 0);
  self->resorted = 0; /* what it was sorted by may be old */
}

static void
monitor_table_dispose (GObject *object)
{
  MonitorTable *self = MONITOR_TABLE (object);

  if (self->sorted != NULL)
    g_signal_handlers_disconnect_by_data (self->sorted, self);
  g_clear_handle_id (&self->settle_source, g_source_remove);
  g_clear_pointer (&self->cells, g_hash_table_unref);
  g_clear_pointer (&self->scrolled_window, gtk_widget_unparent);
  g_clear_object (&self->sorted);
  g_clear_object (&self->selection);
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
  GtkSorter *sorter;

  self->cells = g_hash_table_new (NULL, NULL);
  self->view = GTK_COLUMN_VIEW (gtk_column_view_new (NULL));
  gtk_widget_add_css_class (GTK_WIDGET (self->view), "threads");
  gtk_accessible_update_property (GTK_ACCESSIBLE (self->view),
                                  GTK_ACCESSIBLE_PROPERTY_LABEL, "Threads", -1);
  for (gsize i = 0; i < G_N_ELEMENTS (columns); i++)
    append_column (self, &columns[i]);
  g_signal_connect (self->view, "activate", G_CALLBACK (on_activate), self);

  sorter = g_object_ref (gtk_column_view_get_sorter (self->view));
  self->sorted = gtk_sort_list_model_new (NULL, sorter);
  self->selection = gtk_single_selection_new (g_object_ref (G_LIST_MODEL (self->sorted)));
  gtk_single_selection_set_autoselect (self->selection, FALSE);
  gtk_single_selection_set_can_unselect (self->selection, TRUE);
  gtk_column_view_set_model (self->view, GTK_SELECTION_MODEL (self->selection));

  self->scrolled_window = gtk_scrolled_window_new ();
  gtk_scrolled_window_set_child (GTK_SCROLLED_WINDOW (self->scrolled_window),
                                 GTK_WIDGET (self->view));
  g_signal_connect_swapped (self->sorted, "items-changed", G_CALLBACK (on_rows_changed), self);
  g_signal_connect_object (sorter, "changed", G_CALLBACK (on_sorter_changed), self,
                           G_CONNECT_SWAPPED | G_CONNECT_AFTER);
  gtk_widget_set_parent (self->scrolled_window, GTK_WIDGET (self));
}

GtkWidget *
monitor_table_new (void)
{
  return g_object_new (MONITOR_TYPE_TABLE, NULL);
}

/* @threads is of ThredoThreadInfo. */
void
monitor_table_set_threads (MonitorTable *self,
                           GListModel   *threads)
{
  gtk_sort_list_model_set_model (self->sorted, threads);
}

static gboolean
is_sorted (MonitorTable *self,
           GtkSorter    *sorter)
{
  GListModel *list = G_LIST_MODEL (self->sorted);
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

/* Rows move at most once a second, so that they can be read, and hit. */
static void
resort (MonitorTable *self)
{
  GtkSorter *sorter = gtk_sort_list_model_get_sorter (self->sorted);
  gint64 now = g_get_monotonic_time ();

  if (now - self->resorted < RESORT_INTERVAL)
    return;
  self->resorted = now;
  if (gtk_sorter_get_order (sorter) == GTK_SORTER_ORDER_NONE)
    return;
  monitor_order_note_all (G_LIST_MODEL (self->sorted));
  if (is_sorted (self, sorter))
    return;
  self->resorting = TRUE;
  gtk_sorter_changed (sorter, GTK_SORTER_CHANGE_DIFFERENT);
  self->resorting = FALSE;
}

/* After each time that the threads were looked at. */
void
monitor_table_refresh (MonitorTable *self)
{
  GHashTableIter iter;
  gpointer cell, data;

  resort (self);
  g_hash_table_iter_init (&iter, self->cells);
  while (g_hash_table_iter_next (&iter, &cell, &data))
    {
      const Column *column = data;
      GtkWidget *child = gtk_list_item_get_child (cell);

      if (gtk_widget_get_mapped (child))
        column->update (child, gtk_list_item_get_item (cell));
    }
}

/* 0: there is no room for it. */
static int
get_width (const Column *column,
           gboolean      narrow)
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

  for (guint i = 0; i < G_N_ELEMENTS (columns); i++)
    {
      g_autoptr(GtkColumnViewColumn) view_column = g_list_model_get_item (view_columns, i);

      gtk_column_view_column_set_visible (view_column, get_width (&columns[i], narrow) != 0);
      /* Also a column that is not to be seen gets its width, which the others then lack. */
      gtk_column_view_column_set_fixed_width (view_column, get_width (&columns[i], narrow));
      gtk_column_view_column_set_expand (view_column, narrow ? i == 0 : columns[i].width == 0);
    }
}

/* NULL: no row is. */
ThredoThreadInfo *
monitor_table_get_selected (MonitorTable *self)
{
  return gtk_single_selection_get_selected_item (self->selection);
}

void
monitor_table_sort_by (MonitorTable *self,
                       const char   *title)
{
  GListModel *view_columns = gtk_column_view_get_columns (self->view);

  for (guint i = 0; i < G_N_ELEMENTS (columns); i++)
    if (g_ascii_strcasecmp (columns[i].title, title) == 0)
      {
        g_autoptr(GtkColumnViewColumn) view_column = g_list_model_get_item (view_columns, i);

        gtk_column_view_sort_by_column (self->view, view_column,
                                        columns[i].is_numeric ? GTK_SORT_DESCENDING
                                                              : GTK_SORT_ASCENDING);
      }
}
