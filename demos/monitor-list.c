/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "monitor-list.h"

/* What was seen is merged into the rows that there are:
 *
 *   seen ─► rows, by number ─► sorted by the header ─► selection ─► cells
 *
 * Only the cells that are on the screen are brought up to date. However much there is to look at,
 * looking takes a small part of the time only. */

#define LEAST_WIDTH 100 /* of a column that takes what is left */
#define RESORT_INTERVAL G_TIME_SPAN_SECOND
#define IDLE_FACTOR 20 /* times as long as it took, it is left alone */

struct _MonitorList
{
  GtkWidget parent_instance;

  const MonitorListKind *kind;
  gpointer panel;

  GListStore *rows; /* of MonitorRow, by number */
  GtkSortListModel *sorted;
  GtkSingleSelection *selection;
  GHashTable *cells; /* of GtkListItem that show a row, with the MonitorListColumn each is in */
  gint64 began;
  gint64 next;
  gint64 resorted;
  gboolean resorting;
  int wide_width; /* from which on there is room for every column */
  gboolean narrow;
  guint narrow_source;
  guint settle_source;

  GtkWidget *box;
  GtkWidget *scrolled_window;
  GtkColumnView *view;
  GtkWidget *empty;
  GtkWidget *description;
};

G_DEFINE_FINAL_TYPE (MonitorList, monitor_list, GTK_TYPE_WIDGET)

/* Cells */

void
monitor_cell_set_text (GtkWidget  *child,
                       const char *text)
{
  if (g_strcmp0 (gtk_label_get_label (GTK_LABEL (child)), text) != 0)
    gtk_label_set_label (GTK_LABEL (child), text);
}

static GtkWidget *
new_label (gboolean is_numeric)
{
  GtkWidget *label = gtk_label_new (NULL);

  gtk_label_set_xalign (GTK_LABEL (label), is_numeric ? 1 : 0);
  gtk_label_set_ellipsize (GTK_LABEL (label), PANGO_ELLIPSIZE_END);
  gtk_label_set_single_line_mode (GTK_LABEL (label), TRUE);
  if (is_numeric)
    gtk_widget_add_css_class (label, "numeric");
  return label;
}

/* An icon, and what it means. */
GtkWidget *
monitor_mark_new (void)
{
  GtkWidget *mark = gtk_box_new (GTK_ORIENTATION_HORIZONTAL, 6);
  GtkWidget *image = gtk_image_new ();

  gtk_widget_set_visible (image, FALSE);
  gtk_box_append (GTK_BOX (mark), image);
  gtk_box_append (GTK_BOX (mark), new_label (FALSE));
  return mark;
}

/* Without an icon if @icon_name is NULL. */
void
monitor_mark_set (GtkWidget  *mark,
                  const char *icon_name,
                  const char *css_class,
                  const char *text)
{
  const char *classes[] = { "mark", css_class, NULL };
  GtkWidget *image = gtk_widget_get_first_child (mark);
  GtkWidget *label = gtk_widget_get_next_sibling (image);

  if (g_strcmp0 (gtk_label_get_label (GTK_LABEL (label)), text) == 0)
    return;
  gtk_widget_set_visible (image, icon_name != NULL);
  gtk_image_set_from_icon_name (GTK_IMAGE (image), icon_name);
  gtk_label_set_label (GTK_LABEL (label), text);
  gtk_widget_set_css_classes (mark, classes);
}

static MonitorList *
get_list (GtkListItemFactory *factory)
{
  return g_object_get_data (G_OBJECT (factory), "list");
}

static void
on_setup (GtkListItemFactory      *factory,
          GtkListItem             *cell,
          const MonitorListColumn *column)
{
  gtk_list_item_set_child (cell, column->create != NULL ? column->create ()
                                                        : new_label (column->is_numeric));
}

static void
on_bind (GtkListItemFactory      *factory,
         GtkListItem             *cell,
         const MonitorListColumn *column)
{
  MonitorList *self = get_list (factory);

  g_hash_table_insert (self->cells, cell, (gpointer) column);
  column->update (gtk_list_item_get_child (cell), gtk_list_item_get_item (cell), self->panel);
}

static void
on_unbind (GtkListItemFactory      *factory,
           GtkListItem             *cell,
           const MonitorListColumn *column)
{
  MonitorList *self = get_list (factory);

  if (self->cells != NULL)
    g_hash_table_remove (self->cells, cell);
}

static void
update_cells (MonitorList *self)
{
  GHashTableIter iter;
  gpointer cell, data;

  g_hash_table_iter_init (&iter, self->cells);
  while (g_hash_table_iter_next (&iter, &cell, &data))
    {
      const MonitorListColumn *column = data;
      GtkWidget *child = gtk_list_item_get_child (cell);

      if (gtk_widget_get_mapped (child))
        column->update (child, gtk_list_item_get_item (cell), self->panel);
    }
}

static int
compare_rows (gconstpointer a,
              gconstpointer b,
              gpointer      user_data)
{
  const MonitorListColumn *column = user_data;
  int order = column->compare (((MonitorRow *) a)->ranked, ((MonitorRow *) b)->ranked);

  return (order > 0) - (order < 0);
}

static void
append_column (MonitorList             *self,
               const MonitorListColumn *column)
{
  GtkListItemFactory *factory = gtk_signal_list_item_factory_new ();
  g_autoptr(GtkColumnViewColumn) view_column = gtk_column_view_column_new (column->title, factory);

  g_object_set_data (G_OBJECT (factory), "list", self);
  g_signal_connect (factory, "setup", G_CALLBACK (on_setup), (gpointer) column);
  g_signal_connect (factory, "bind", G_CALLBACK (on_bind), (gpointer) column);
  g_signal_connect (factory, "unbind", G_CALLBACK (on_unbind), (gpointer) column);
  if (column->compare != NULL)
    {
      g_autoptr(GtkSorter) sorter = GTK_SORTER (gtk_custom_sorter_new (compare_rows,
                                                                        (gpointer) column, NULL));

      gtk_column_view_column_set_sorter (view_column, sorter);
    }
  gtk_column_view_column_set_resizable (view_column, TRUE);
  gtk_column_view_append_column (self->view, view_column);
}

/* The order of the rows */

static gboolean
is_sorted (MonitorList *self,
           GtkSorter   *sorter)
{
  GListModel *list = G_LIST_MODEL (self->sorted);
  guint n = g_list_model_get_n_items (list);

  for (guint i = 1; i < n; i++)
    {
      g_autoptr(GObject) before = g_list_model_get_item (list, i - 1);
      g_autoptr(GObject) item = g_list_model_get_item (list, i);

      if (gtk_sorter_compare (sorter, before, item) == GTK_ORDERING_LARGER)
        return FALSE;
    }
  return TRUE;
}

static void
rank_anew (MonitorList *self)
{
  guint n = g_list_model_get_n_items (G_LIST_MODEL (self->rows));

  for (guint i = 0; i < n; i++)
    {
      g_autoptr(MonitorRow) row = g_list_model_get_item (G_LIST_MODEL (self->rows), i);

      g_set_object (&row->ranked, row->info);
    }
}

/* Rows move at most once a second, so that they can be read. */
static void
resort (MonitorList *self,
        gint64       now)
{
  GtkSorter *sorter = gtk_sort_list_model_get_sorter (self->sorted);

  if (now - self->resorted < RESORT_INTERVAL)
    return;
  self->resorted = now;
  if (gtk_sorter_get_order (sorter) == GTK_SORTER_ORDER_NONE)
    return;
  rank_anew (self);
  if (is_sorted (self, sorter))
    return;
  self->resorting = TRUE;
  gtk_sorter_changed (sorter, GTK_SORTER_CHANGE_DIFFERENT);
  self->resorting = FALSE;
}

static GtkAdjustment *
get_adjustment (MonitorList *self)
{
  return gtk_scrolled_window_get_vadjustment (GTK_SCROLLED_WINDOW (self->scrolled_window));
}

static gboolean
on_settled (gpointer user_data)
{
  MonitorList *self = user_data;

  self->settle_source = 0;
  gtk_adjustment_set_value (get_adjustment (self), 0);
  return G_SOURCE_REMOVE;
}

/* Whoever looks at the beginning wants to see it, also when rows come before what was the first. */
static void
on_rows_changed (MonitorList *self)
{
  if (self->settle_source == 0 && gtk_adjustment_get_value (get_adjustment (self)) <= 0)
    self->settle_source = g_idle_add_full (GDK_PRIORITY_REDRAW + 10, on_settled, self, NULL);
}

/* What another order was asked for is at its beginning. */
static void
on_sorter_changed (MonitorList *self)
{
  if (self->resorting)
    return;
  gtk_adjustment_set_value (get_adjustment (self), 0);
  self->resorted = 0; /* what it was sorted by may be old */
}

/* The selected row in words */

static void
describe_selected (MonitorList *self)
{
  MonitorRow *row = gtk_single_selection_get_selected_item (self->selection);
  g_autofree char *text = row != NULL ? self->kind->describe (row->info, self->panel) : NULL;

  gtk_widget_set_visible (self->description, text != NULL);
  if (text != NULL && g_strcmp0 (gtk_label_get_label (GTK_LABEL (self->description)), text) != 0)
    gtk_label_set_label (GTK_LABEL (self->description), text);
}

/* The widget */

/* 0: there is no room for it. */
static int
get_width (const MonitorListColumn *column,
           gboolean                 narrow)
{
  if (narrow)
    return column->narrow_width;
  return column->width > 0 ? column->width : -1;
}

static void
adapt (MonitorList *self)
{
  GListModel *view_columns = gtk_column_view_get_columns (self->view);

  for (guint i = 0; i < self->kind->n_columns; i++)
    {
      g_autoptr(GtkColumnViewColumn) view_column = g_list_model_get_item (view_columns, i);
      int width = get_width (&self->kind->columns[i], self->narrow);

      gtk_column_view_column_set_visible (view_column, width != 0);
      /* Also a column that is not to be seen gets its width, which the others then lack. */
      gtk_column_view_column_set_fixed_width (view_column, width);
      gtk_column_view_column_set_expand (view_column, width == -1);
    }
}

static gboolean
on_narrow (gpointer user_data)
{
  MonitorList *self = user_data;

  self->narrow_source = 0;
  adapt (self);
  return G_SOURCE_REMOVE;
}

/* What it has to change for its width, it may not change just now. */
static void
monitor_list_size_allocate (GtkWidget *widget,
                            int        width,
                            int        height,
                            int        baseline)
{
  MonitorList *self = MONITOR_LIST (widget);
  gboolean narrow = width < self->wide_width;

  gtk_widget_allocate (self->box, width, height, baseline, NULL);
  if (narrow == self->narrow)
    return;
  self->narrow = narrow;
  if (self->narrow_source == 0)
    self->narrow_source = g_idle_add_full (G_PRIORITY_HIGH_IDLE, on_narrow, self, NULL);
}

static void
monitor_list_measure (GtkWidget      *widget,
                      GtkOrientation  orientation,
                      int             for_size,
                      int            *minimum,
                      int            *natural,
                      int            *minimum_baseline,
                      int            *natural_baseline)
{
  gtk_widget_measure (MONITOR_LIST (widget)->box, orientation, for_size, minimum, natural,
                      minimum_baseline, natural_baseline);
}

/* What is to be seen now has been left alone for a while. */
static void
monitor_list_map (GtkWidget *widget)
{
  MONITOR_LIST (widget)->next = 0;
  GTK_WIDGET_CLASS (monitor_list_parent_class)->map (widget);
}

static GtkSizeRequestMode
monitor_list_get_request_mode (GtkWidget *widget)
{
  return gtk_widget_get_request_mode (MONITOR_LIST (widget)->box);
}

static void
monitor_list_dispose (GObject *object)
{
  MonitorList *self = MONITOR_LIST (object);

  if (self->sorted != NULL)
    g_signal_handlers_disconnect_by_data (self->sorted, self);
  if (self->selection != NULL)
    g_signal_handlers_disconnect_by_data (self->selection, self);
  g_clear_handle_id (&self->narrow_source, g_source_remove);
  g_clear_handle_id (&self->settle_source, g_source_remove);
  g_clear_pointer (&self->cells, g_hash_table_unref);
  g_clear_pointer (&self->box, gtk_widget_unparent);
  g_clear_object (&self->sorted);
  g_clear_object (&self->selection);
  g_clear_object (&self->rows);
  G_OBJECT_CLASS (monitor_list_parent_class)->dispose (object);
}

static void
monitor_list_class_init (MonitorListClass *klass)
{
  GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (klass);

  G_OBJECT_CLASS (klass)->dispose = monitor_list_dispose;
  widget_class->map = monitor_list_map;
  widget_class->measure = monitor_list_measure;
  widget_class->get_request_mode = monitor_list_get_request_mode;
  widget_class->size_allocate = monitor_list_size_allocate;
}

static GtkWidget *
new_empty (void)
{
  GtkWidget *empty = gtk_label_new (NULL);

  gtk_label_set_wrap (GTK_LABEL (empty), TRUE);
  gtk_label_set_justify (GTK_LABEL (empty), GTK_JUSTIFY_CENTER);
  gtk_widget_add_css_class (empty, "dim-label");
  gtk_widget_set_can_target (empty, FALSE);
  gtk_widget_set_halign (empty, GTK_ALIGN_CENTER);
  gtk_widget_set_valign (empty, GTK_ALIGN_CENTER);
  gtk_widget_set_margin_start (empty, 12);
  gtk_widget_set_margin_end (empty, 12);
  return empty;
}

static GtkWidget *
new_description (void)
{
  GtkWidget *description = gtk_label_new (NULL);

  gtk_label_set_wrap (GTK_LABEL (description), TRUE);
  gtk_label_set_wrap_mode (GTK_LABEL (description), PANGO_WRAP_WORD_CHAR);
  gtk_label_set_lines (GTK_LABEL (description), 6);
  gtk_label_set_ellipsize (GTK_LABEL (description), PANGO_ELLIPSIZE_END);
  gtk_label_set_xalign (GTK_LABEL (description), 0);
  gtk_label_set_selectable (GTK_LABEL (description), TRUE);
  gtk_widget_add_css_class (description, "description");
  gtk_widget_set_visible (description, FALSE);
  return description;
}

static void
monitor_list_init (MonitorList *self)
{
  GtkWidget *frame = gtk_frame_new (NULL);
  GtkWidget *overlay = gtk_overlay_new ();
  GtkSorter *sorter;

  self->cells = g_hash_table_new (NULL, NULL);
  self->rows = g_list_store_new (MONITOR_TYPE_ROW);
  /* Until it is known to be wide, so that it needs no more room than it must. */
  self->narrow = TRUE;
  self->view = GTK_COLUMN_VIEW (gtk_column_view_new (NULL));
  gtk_widget_add_css_class (GTK_WIDGET (self->view), "list");

  sorter = g_object_ref (gtk_column_view_get_sorter (self->view));
  self->sorted = gtk_sort_list_model_new (g_object_ref (G_LIST_MODEL (self->rows)), sorter);
  self->selection = gtk_single_selection_new (g_object_ref (G_LIST_MODEL (self->sorted)));
  gtk_single_selection_set_autoselect (self->selection, FALSE);
  gtk_single_selection_set_can_unselect (self->selection, TRUE);
  gtk_column_view_set_model (self->view, GTK_SELECTION_MODEL (self->selection));

  self->scrolled_window = gtk_scrolled_window_new ();
  gtk_scrolled_window_set_child (GTK_SCROLLED_WINDOW (self->scrolled_window),
                                 GTK_WIDGET (self->view));
  gtk_widget_set_vexpand (self->scrolled_window, TRUE);
  self->empty = new_empty ();
  gtk_overlay_set_child (GTK_OVERLAY (overlay), self->scrolled_window);
  gtk_overlay_add_overlay (GTK_OVERLAY (overlay), self->empty);
  gtk_frame_set_child (GTK_FRAME (frame), overlay);

  self->description = new_description ();
  self->box = gtk_box_new (GTK_ORIENTATION_VERTICAL, 0);
  gtk_box_append (GTK_BOX (self->box), frame);
  gtk_box_append (GTK_BOX (self->box), self->description);
  gtk_widget_set_parent (self->box, GTK_WIDGET (self));
  gtk_widget_set_vexpand (GTK_WIDGET (self), TRUE);

  g_signal_connect_swapped (self->sorted, "items-changed", G_CALLBACK (on_rows_changed), self);
  g_signal_connect_swapped (self->selection, "notify::selected-item",
                            G_CALLBACK (describe_selected), self);
  g_signal_connect_object (sorter, "changed", G_CALLBACK (on_sorter_changed), self,
                           G_CONNECT_SWAPPED | G_CONNECT_AFTER);
}

/* @panel is what the functions of @kind get. */
GtkWidget *
monitor_list_new (const MonitorListKind *kind,
                  gpointer               panel)
{
  MonitorList *self = g_object_new (MONITOR_TYPE_LIST, NULL);

  self->kind = kind;
  self->panel = panel;
  for (guint i = 0; i < kind->n_columns; i++)
    {
      append_column (self, &kind->columns[i]);
      self->wide_width += kind->columns[i].width > 0 ? kind->columns[i].width : LEAST_WIDTH;
    }
  gtk_accessible_update_property (GTK_ACCESSIBLE (self->view), GTK_ACCESSIBLE_PROPERTY_LABEL,
                                  kind->name, -1);
  gtk_label_set_label (GTK_LABEL (self->empty), kind->empty);
  adapt (self);
  return GTK_WIDGET (self);
}

void
monitor_list_sort_by (MonitorList *self,
                      guint        column,
                      GtkSortType  order)
{
  GListModel *view_columns = gtk_column_view_get_columns (self->view);
  g_autoptr(GtkColumnViewColumn) view_column = g_list_model_get_item (view_columns, column);

  gtk_column_view_sort_by_column (self->view, view_column, order);
}

guint
monitor_list_get_n_rows (MonitorList *self)
{
  return g_list_model_get_n_items (G_LIST_MODEL (self->rows));
}

/* Whether it is time to look again, and to call monitor_list_update(): after @interval, or where
 * nobody sees it after @unseen_interval; never if that is 0. */
gboolean
monitor_list_is_due (MonitorList *self,
                     GTimeSpan    interval,
                     GTimeSpan    unseen_interval)
{
  gint64 now = g_get_monotonic_time ();
  gboolean seen = gtk_widget_get_mapped (GTK_WIDGET (self));

  if (now < self->next || (!seen && unseen_interval == 0))
    return FALSE;
  self->began = now;
  self->next = now + (seen ? interval : unseen_interval);
  return TRUE;
}

/* Takes over @infos, a list that the caller has no more use for. */
void
monitor_list_update (MonitorList *self,
                     GPtrArray   *infos)
{
  gint64 now = g_get_monotonic_time ();

  monitor_rows_merge (self->rows, infos, self->kind->get_id);
  if (self->kind->note != NULL)
    for (guint i = 0; i < infos->len; i++)
      {
        g_autoptr(MonitorRow) row = g_list_model_get_item (G_LIST_MODEL (self->rows), i);

        self->kind->note (row, now);
      }
  gtk_label_set_label (GTK_LABEL (self->empty), self->kind->empty);
  gtk_widget_set_visible (self->empty, infos->len == 0);
  resort (self, now);
  update_cells (self);
  describe_selected (self);

  now = g_get_monotonic_time ();
  self->next = MAX (self->next, now + IDLE_FACTOR * (now - self->began));
}

/* There is nothing to be seen; NULL: just not yet. */
void
monitor_list_clear (MonitorList *self,
                    const char  *empty)
{
  g_list_store_remove_all (self->rows);
  gtk_label_set_label (GTK_LABEL (self->empty), empty != NULL ? empty : "");
  gtk_widget_set_visible (self->empty, TRUE);
  self->next = 0;
}
