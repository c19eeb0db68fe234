/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "monitor-threads.h"

#include "monitor-columns.h"
#include "monitor-timeline.h"
#include "monitor-track.h"

#define REFILTER_INTERVAL G_TIME_SPAN_SECOND

struct _MonitorThreads
{
  GtkWidget parent_instance;

  ThredoMonitor *monitor;
  GtkFilterListModel *filtered;
  char *wanted; /* folded; empty: there is no search */
  gint64 refiltered;

  GtkWidget *panes;
  MonitorTable *table;
  MonitorTimeline *timeline;
  GtkWidget *hint;
};

G_DEFINE_FINAL_TYPE (MonitorThreads, monitor_threads, GTK_TYPE_WIDGET)

/* The search */

static gboolean
contains (const char *text,
          const char *wanted)
{
  g_autofree char *folded = text != NULL ? g_utf8_casefold (text, -1) : NULL;

  return folded != NULL && strstr (folded, wanted) != NULL;
}

static gboolean
matches (gpointer item,
         gpointer user_data)
{
  MonitorThreads *self = user_data;
  ThredoThreadInfo *info = item;
  g_autofree char *group = NULL;

  if (*self->wanted == '\0')
    return TRUE;
  if (contains (thredo_thread_info_get_name (info), self->wanted) ||
      contains (thredo_thread_info_get_waiting_for (info), self->wanted) ||
      contains (monitor_describe_state (info), self->wanted))
    return TRUE;
  group = monitor_group_path_format (info);
  return contains (group, self->wanted);
}

static void
refilter (MonitorThreads *self)
{
  gtk_filter_changed (gtk_filter_list_model_get_filter (self->filtered),
                      GTK_FILTER_CHANGE_DIFFERENT);
}

/* What was searched for may be what a thread does, which changes. */
static void
refilter_now_and_then (MonitorThreads *self,
                       gint64          now)
{
  if (now - self->refiltered < REFILTER_INTERVAL || *self->wanted == '\0')
    return;
  self->refiltered = now;
  refilter (self);
}

/* Empty: all of them. */
void
monitor_threads_set_search (MonitorThreads *self,
                            const char     *text)
{
  g_autofree char *wanted = g_utf8_casefold (text, -1);

  if (strcmp (wanted, self->wanted) == 0)
    return;
  g_free (self->wanted);
  self->wanted = g_steal_pointer (&wanted);
  refilter (self);
}

/* The widget */

static void
monitor_threads_dispose (GObject *object)
{
  MonitorThreads *self = MONITOR_THREADS (object);

  g_clear_pointer (&self->panes, gtk_widget_unparent);
  g_clear_object (&self->filtered);
  g_clear_object (&self->monitor);
  G_OBJECT_CLASS (monitor_threads_parent_class)->dispose (object);
}

static void
monitor_threads_finalize (GObject *object)
{
  g_free (MONITOR_THREADS (object)->wanted);
  G_OBJECT_CLASS (monitor_threads_parent_class)->finalize (object);
}

static void
monitor_threads_class_init (MonitorThreadsClass *klass)
{
  G_OBJECT_CLASS (klass)->dispose = monitor_threads_dispose;
  G_OBJECT_CLASS (klass)->finalize = monitor_threads_finalize;
  gtk_widget_class_set_layout_manager_type (GTK_WIDGET_CLASS (klass), GTK_TYPE_BIN_LAYOUT);
}

static GtkWidget *
new_table (MonitorThreads *self)
{
  GtkWidget *frame = gtk_frame_new (NULL);
  GtkWidget *overlay = gtk_overlay_new ();
  GtkWidget *table = monitor_table_new ();

  self->table = MONITOR_TABLE (table);
  self->hint = gtk_label_new (NULL);
  gtk_label_set_wrap (GTK_LABEL (self->hint), TRUE);
  gtk_widget_add_css_class (self->hint, "dim-label");
  gtk_widget_set_can_target (self->hint, FALSE);
  gtk_widget_set_halign (self->hint, GTK_ALIGN_CENTER);
  gtk_widget_set_valign (self->hint, GTK_ALIGN_CENTER);
  gtk_overlay_set_child (GTK_OVERLAY (overlay), table);
  gtk_overlay_add_overlay (GTK_OVERLAY (overlay), self->hint);
  gtk_frame_set_child (GTK_FRAME (frame), overlay);
  gtk_widget_set_size_request (frame, -1, 120);
  return frame;
}

static GtkWidget *
new_timeline (MonitorThreads *self)
{
  GtkWidget *box = gtk_box_new (GTK_ORIENTATION_VERTICAL, 4);
  GtkWidget *scrolled_window = gtk_scrolled_window_new ();
  GtkWidget *frame = gtk_frame_new (NULL);
  GtkWidget *timeline = monitor_timeline_new ();

  self->timeline = MONITOR_TIMELINE (timeline);
  gtk_scrolled_window_set_policy (GTK_SCROLLED_WINDOW (scrolled_window), GTK_POLICY_NEVER,
                                  GTK_POLICY_AUTOMATIC);
  gtk_scrolled_window_set_child (GTK_SCROLLED_WINDOW (scrolled_window), timeline);
  gtk_widget_set_vexpand (scrolled_window, TRUE);
  gtk_frame_set_child (GTK_FRAME (frame), scrolled_window);
  gtk_box_append (GTK_BOX (box), frame);
  gtk_box_append (GTK_BOX (box), monitor_legend_new ());
  return box;
}

static void
monitor_threads_init (MonitorThreads *self)
{
  GtkFilter *filter = GTK_FILTER (gtk_custom_filter_new (matches, self, NULL));

  self->wanted = g_strdup ("");
  self->filtered = gtk_filter_list_model_new (NULL, filter);
  self->panes = gtk_paned_new (GTK_ORIENTATION_VERTICAL);
  gtk_paned_set_start_child (GTK_PANED (self->panes), new_table (self));
  gtk_paned_set_end_child (GTK_PANED (self->panes), new_timeline (self));
  gtk_paned_set_shrink_start_child (GTK_PANED (self->panes), FALSE);
  gtk_paned_set_shrink_end_child (GTK_PANED (self->panes), FALSE);
  gtk_paned_set_wide_handle (GTK_PANED (self->panes), TRUE);
  gtk_widget_set_parent (self->panes, GTK_WIDGET (self));

  monitor_table_set_threads (self->table, G_LIST_MODEL (self->filtered));
  monitor_timeline_set_threads (self->timeline, G_LIST_MODEL (self->filtered));
}

GtkWidget *
monitor_threads_new (void)
{
  return g_object_new (MONITOR_TYPE_THREADS, NULL);
}

MonitorTable *
monitor_threads_get_table (MonitorThreads *self)
{
  return self->table;
}

static GQuark
get_selected_quark (void)
{
  return g_quark_from_static_string ("monitor-selected");
}

/* Search and order stay; and whoever comes back to a program finds the same thread selected. */
void
monitor_threads_set_monitor (MonitorThreads *self,
                             ThredoMonitor  *monitor)
{
  ThredoThreadInfo *selected = monitor_table_get_selected (self->table);
  guint64 *id;

  if (self->monitor == monitor)
    return;
  if (self->monitor != NULL)
    {
      guint64 number = selected != NULL ? thredo_thread_info_get_id (selected) : 0;

      g_object_set_qdata_full (G_OBJECT (self->monitor), get_selected_quark (),
                               g_memdup2 (&number, sizeof number), g_free);
    }
  g_set_object (&self->monitor, monitor);
  monitor_table_set_monitor (self->table, monitor);
  gtk_filter_list_model_set_model (self->filtered, G_LIST_MODEL (monitor));
  id = g_object_get_qdata (G_OBJECT (monitor), get_selected_quark ());
  if (id != NULL && *id != 0)
    monitor_table_select (self->table, *id);
}

/* Those that are found. */
guint
monitor_threads_count (MonitorThreads *self)
{
  return g_list_model_get_n_items (G_LIST_MODEL (self->filtered));
}

/* Stands where there would be threads; NULL: there are some. */
void
monitor_threads_set_hint (MonitorThreads *self,
                          const char     *hint)
{
  gtk_widget_set_visible (self->hint, hint != NULL);
  if (hint != NULL && g_strcmp0 (gtk_label_get_label (GTK_LABEL (self->hint)), hint) != 0)
    gtk_label_set_label (GTK_LABEL (self->hint), hint);
}

void
monitor_threads_show_timeline (MonitorThreads *self,
                               gboolean        show)
{
  gtk_widget_set_visible (gtk_paned_get_end_child (GTK_PANED (self->panes)), show);
}

/* After each time that the threads were looked at. */
void
monitor_threads_refresh (MonitorThreads *self,
                         gint64          now)
{
  refilter_now_and_then (self, now);
  monitor_table_refresh (self->table);
  monitor_timeline_refresh (self->timeline, now);
}

/* One of them that is not the first; NULL: there is none. */
ThredoThreadInfo *
monitor_threads_dup_example (MonitorThreads *self)
{
  guint n = g_list_model_get_n_items (G_LIST_MODEL (self->filtered));

  return g_list_model_get_item (G_LIST_MODEL (self->filtered), n > 1 ? 1 : 0);
}
