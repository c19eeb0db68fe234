/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "thread-view.h"

#include "thread-row.h"

struct _ThreadView
{
  GtkWidget parent_instance;

  GListStore *rows; /* of ThreadRow, by id */
  GtkWidget *scrolled_window;
};

G_DEFINE_FINAL_TYPE (ThreadView, thread_view, GTK_TYPE_WIDGET)

/* Columns */

/* Keeps a property of a cell's widget equal to one of whichever row the cell shows. */
static void
bind_to_row (GtkListItem *cell,
             const char  *row_property,
             GtkWidget   *widget,
             const char  *widget_property)
{
  GtkExpression *row = gtk_property_expression_new (GTK_TYPE_LIST_ITEM, NULL, "item");
  GtkExpression *value = gtk_property_expression_new (THREAD_TYPE_ROW, row, row_property);

  gtk_expression_bind (value, widget, widget_property, cell);
}

static GtkWidget *
new_cell_label (GtkListItem *cell,
                const char  *row_property)
{
  GtkWidget *label = gtk_label_new (NULL);

  gtk_label_set_xalign (GTK_LABEL (label), 0);
  gtk_label_set_ellipsize (GTK_LABEL (label), PANGO_ELLIPSIZE_MIDDLE);
  bind_to_row (cell, row_property, label, "label");
  gtk_list_item_set_child (cell, label);
  return label;
}

static void
on_setup_name (GtkListItemFactory *factory,
               GtkListItem        *cell)
{
  new_cell_label (cell, "name");
}

static void
on_setup_state (GtkListItemFactory *factory,
                GtkListItem        *cell)
{
  GtkWidget *label = new_cell_label (cell, "state");

  gtk_widget_set_halign (label, GTK_ALIGN_START);
  bind_to_row (cell, "state-classes", label, "css-classes");
}

static void
on_setup_activity (GtkListItemFactory *factory,
                   GtkListItem        *cell)
{
  GtkWidget *label = new_cell_label (cell, "activity");

  bind_to_row (cell, "activity", label, "tooltip-text");
}

static void
on_setup_since (GtkListItemFactory *factory,
                GtkListItem        *cell)
{
  gtk_widget_add_css_class (new_cell_label (cell, "since"), "numeric");
}

static void
on_cancel_clicked (GtkButton   *button,
                   GtkListItem *cell)
{
  thread_row_cancel (gtk_list_item_get_item (cell));
}

static void
on_setup_cancel (GtkListItemFactory *factory,
                 GtkListItem        *cell)
{
  GtkWidget *button = gtk_button_new ();

  gtk_widget_add_css_class (button, "cancel");
  bind_to_row (cell, "cancel-label", button, "label");
  bind_to_row (cell, "can-cancel", button, "sensitive");
  g_signal_connect_object (button, "clicked", G_CALLBACK (on_cancel_clicked), cell, 0);
  gtk_list_item_set_child (cell, button);
}

static void
on_bind_cancel (GtkListItemFactory *factory,
                GtkListItem        *cell)
{
  ThreadRow *row = gtk_list_item_get_item (cell);
  g_autofree char *label = g_strdup_printf ("Cancel %s", thread_row_get_name (row));

  gtk_accessible_update_property (GTK_ACCESSIBLE (gtk_list_item_get_child (cell)),
                                  GTK_ACCESSIBLE_PROPERTY_LABEL, label, -1);
}

static GtkColumnViewColumn *
append_column (GtkColumnView *view,
               const char    *title,
               int            width,
               GCallback      on_setup)
{
  GtkListItemFactory *factory = gtk_signal_list_item_factory_new ();
  g_autoptr(GtkColumnViewColumn) column = gtk_column_view_column_new (title, factory);

  g_signal_connect (factory, "setup", on_setup, NULL);
  if (width > 0)
    gtk_column_view_column_set_fixed_width (column, width);
  else
    gtk_column_view_column_set_expand (column, TRUE);
  gtk_column_view_append_column (view, column);
  return column;
}

/* The widget */

static void
thread_view_dispose (GObject *object)
{
  ThreadView *self = THREAD_VIEW (object);

  g_clear_pointer (&self->scrolled_window, gtk_widget_unparent);
  g_clear_object (&self->rows);
  G_OBJECT_CLASS (thread_view_parent_class)->dispose (object);
}

static void
thread_view_class_init (ThreadViewClass *klass)
{
  G_OBJECT_CLASS (klass)->dispose = thread_view_dispose;
  gtk_widget_class_set_layout_manager_type (GTK_WIDGET_CLASS (klass), GTK_TYPE_BIN_LAYOUT);
}

static void
thread_view_init (ThreadView *self)
{
  GtkSelectionModel *model;
  GtkColumnViewColumn *column;
  GtkColumnView *view;

  self->rows = g_list_store_new (THREAD_TYPE_ROW);
  model = GTK_SELECTION_MODEL (gtk_no_selection_new (g_object_ref (G_LIST_MODEL (self->rows))));
  view = GTK_COLUMN_VIEW (gtk_column_view_new (model));
  gtk_widget_add_css_class (GTK_WIDGET (view), "threads");
  gtk_accessible_update_property (GTK_ACCESSIBLE (view),
                                  GTK_ACCESSIBLE_PROPERTY_LABEL, "Threads", -1);

  append_column (view, "Thread", 150, G_CALLBACK (on_setup_name));
  append_column (view, "State", 105, G_CALLBACK (on_setup_state));
  append_column (view, "Waiting for, or file", 0, G_CALLBACK (on_setup_activity));
  append_column (view, "Since", 90, G_CALLBACK (on_setup_since));
  column = append_column (view, "", 130, G_CALLBACK (on_setup_cancel));
  g_signal_connect (gtk_column_view_column_get_factory (column), "bind",
                    G_CALLBACK (on_bind_cancel), NULL);

  self->scrolled_window = gtk_scrolled_window_new ();
  gtk_scrolled_window_set_policy (GTK_SCROLLED_WINDOW (self->scrolled_window),
                                  GTK_POLICY_NEVER, GTK_POLICY_AUTOMATIC);
  gtk_scrolled_window_set_child (GTK_SCROLLED_WINDOW (self->scrolled_window), GTK_WIDGET (view));
  gtk_widget_set_parent (self->scrolled_window, GTK_WIDGET (self));
}

/* Shows @infos, of ThreadInfo. Both lists are sorted by id, so one pass finds who came, who stayed
 * and who is gone; a thread that stayed keeps its row, and nothing flickers. */
void
thread_view_update (ThreadView *self,
                    GPtrArray  *infos)
{
  guint position = 0;
  guint next = 0;

  while (TRUE)
    {
      g_autoptr(ThreadRow) row = g_list_model_get_item (G_LIST_MODEL (self->rows), position);
      ThreadInfo *info = next < infos->len ? g_ptr_array_index (infos, next) : NULL;

      if (row == NULL && info == NULL)
        break;

      if (row != NULL && (info == NULL || thread_row_get_id (row) < info->id))
        {
          g_list_store_remove (self->rows, position);
          continue;
        }

      if (row != NULL && thread_row_get_id (row) == info->id)
        thread_row_update (row, info);
      else
        {
          g_autoptr(ThreadRow) new_row = thread_row_new (info);

          g_list_store_insert (self->rows, position, new_row);
        }
      position++;
      next++;
    }
}
