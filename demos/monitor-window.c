/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "monitor-window.h"

#include "monitor-banner.h"
#include "monitor-chooser.h"
#include "monitor-control.h"
#include "monitor-details.h"
#include "monitor-plot.h"
#include "monitor-table.h"
#include "monitor-timeline.h"
#include "monitor-track.h"
#include "monitor-workload.h"

/* Everything is brought up to date together, whenever the monitor has looked at its threads;
 * between two looks the window does nothing. */

#define NARROW_WIDTH 640 /* up to which it has one column of things */
#define REFILTER_INTERVAL G_TIME_SPAN_SECOND

struct _MonitorWindow
{
  GtkApplicationWindow parent_instance;

  ThredoMonitor *monitor;
  GListModel *workloads;
  GtkFilterListModel *filtered;
  gint64 refiltered;
  gboolean narrow;
  guint narrow_source;
  gboolean closing;

  GtkWidget *subtitle;
  GtkWidget *workload_button;
  GtkWidget *search_bar;
  GtkWidget *search_entry;
  MonitorBanner *banner;
  GtkWidget *plots;
  MonitorPlot *threads_plot;
  MonitorPlot *waits_plot;
  MonitorPlot *cpu_plot;
  MonitorTable *table;
  MonitorTimeline *timeline;
  GtkWidget *legend;
  GtkWidget *hint;
  MonitorDetails *details;
};

G_DEFINE_FINAL_TYPE (MonitorWindow, monitor_window, GTK_TYPE_APPLICATION_WINDOW)

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
  MonitorWindow *self = user_data;
  ThredoThreadInfo *info = item;
  const char *text = gtk_editable_get_text (GTK_EDITABLE (self->search_entry));
  g_autofree char *wanted = NULL;
  g_autofree char *group = NULL;

  if (*text == '\0')
    return TRUE;
  wanted = g_utf8_casefold (text, -1);
  group = monitor_group_path_format (info);
  return contains (thredo_thread_info_get_name (info), wanted) ||
         contains (thredo_thread_info_get_waiting_for (info), wanted) ||
         contains (monitor_describe_state (info), wanted) || contains (group, wanted);
}

static void
refilter (MonitorWindow *self)
{
  gtk_filter_changed (gtk_filter_list_model_get_filter (self->filtered),
                      GTK_FILTER_CHANGE_DIFFERENT);
}

/* What was searched for may be what a thread does, which changes. */
static void
refilter_now_and_then (MonitorWindow *self,
                       gint64         now)
{
  if (now - self->refiltered < REFILTER_INTERVAL ||
      *gtk_editable_get_text (GTK_EDITABLE (self->search_entry)) == '\0')
    return;
  self->refiltered = now;
  refilter (self);
}

/* The figures */

static double
measure_load (MonitorWindow *self)
{
  guint n = g_list_model_get_n_items (G_LIST_MODEL (self->monitor));
  double load = 0;

  for (guint i = 0; i < n; i++)
    {
      g_autoptr(ThredoThreadInfo) info = g_list_model_get_item (G_LIST_MODEL (self->monitor), i);

      load += monitor_track_get (info)->load;
    }
  return load;
}

static void
show_figures (MonitorWindow *self,
              gint64         now)
{
  guint n = g_list_model_get_n_items (G_LIST_MODEL (self->monitor));
  guint n_waiting = thredo_monitor_get_n_waiting (self->monitor);
  double waits = thredo_monitor_get_waits_per_second (self->monitor);
  double load = measure_load (self);
  g_autofree char *threads_text = g_strdup_printf ("%'u", n);
  g_autofree char *waits_text = g_strdup_printf ("%'.0f", waits);
  g_autofree char *load_text = g_strdup_printf ("%.0f %%", load * 100);
  g_autofree char *subtitle = NULL;

  subtitle = g_strdup_printf ("%'u thread%s, %'u waiting", n, n == 1 ? "" : "s", n_waiting);
  gtk_label_set_label (GTK_LABEL (self->subtitle), subtitle);
  gtk_widget_set_visible (self->hint, n <= 1);
  monitor_plot_add (self->threads_plot, now, n, n_waiting, threads_text);
  monitor_plot_add (self->waits_plot, now, waits, -1, waits_text);
  monitor_plot_add (self->cpu_plot, now, load * 100, -1, load_text);
}

static void
on_refreshed (MonitorWindow *self)
{
  gint64 now = g_get_monotonic_time ();

  monitor_track_note_all (G_LIST_MODEL (self->monitor), now);
  refilter_now_and_then (self, now);
  show_figures (self, now);
  monitor_table_refresh (self->table);
  monitor_timeline_refresh (self->timeline, now);
  monitor_details_refresh (self->details, now);
  monitor_banner_refresh (self->banner);
  /* There is no room for both. */
  gtk_widget_set_visible (self->plots, !self->narrow || !monitor_banner_is_shown (self->banner));
}

/* Actions */

static void
cancel_thread (GtkWidget  *widget,
               const char *action,
               GVariant   *parameter)
{
  ThredoThreadInfo *info = monitor_table_get_selected (MONITOR_WINDOW (widget)->table);

  if (info != NULL)
    monitor_control_cancel_thread (info);
}

static void
cancel_group (GtkWidget  *widget,
              const char *action,
              GVariant   *parameter)
{
  ThredoThreadInfo *info = monitor_table_get_selected (MONITOR_WINDOW (widget)->table);

  if (info != NULL)
    monitor_control_cancel_group (info);
}

static void
search (GtkWidget  *widget,
        const char *action,
        GVariant   *parameter)
{
  MonitorWindow *self = MONITOR_WINDOW (widget);

  gtk_search_bar_set_search_mode (GTK_SEARCH_BAR (self->search_bar), TRUE);
  gtk_widget_grab_focus (self->search_entry);
}

static void
choose (GtkWidget  *widget,
        const char *action,
        GVariant   *parameter)
{
  gtk_menu_button_popup (GTK_MENU_BUTTON (MONITOR_WINDOW (widget)->workload_button));
}

static void
stop_workloads (MonitorWindow *self)
{
  for (guint i = 0; i < g_list_model_get_n_items (self->workloads); i++)
    {
      g_autoptr(MonitorWorkload) workload = g_list_model_get_item (self->workloads, i);

      monitor_workload_stop (workload);
    }
}

static gboolean
have_workloads_ended (MonitorWindow *self)
{
  for (guint i = 0; i < g_list_model_get_n_items (self->workloads); i++)
    {
      g_autoptr(MonitorWorkload) workload = g_list_model_get_item (self->workloads, i);

      if (monitor_workload_is_running (workload))
        return FALSE;
    }
  return TRUE;
}

static void
stop_all (GtkWidget  *widget,
          const char *action,
          GVariant   *parameter)
{
  stop_workloads (MONITOR_WINDOW (widget));
}

static void
close_details (GtkWidget  *widget,
               const char *action,
               GVariant   *parameter)
{
  monitor_details_hide (MONITOR_WINDOW (widget)->details);
}

static void
on_thread_activated (MonitorTable     *table,
                     ThredoThreadInfo *info,
                     MonitorWindow    *self)
{
  monitor_details_show (self->details, info);
}

/* The window */

static void
adapt (MonitorWindow *self)
{
  monitor_table_set_narrow (self->table, self->narrow);
  monitor_banner_set_narrow (self->banner, self->narrow);
  gtk_widget_set_visible (GTK_WIDGET (self->cpu_plot), !self->narrow);
  if (self->narrow)
    gtk_menu_button_set_icon_name (GTK_MENU_BUTTON (self->workload_button),
                                   "media-playback-start-symbolic");
  else
    gtk_menu_button_set_label (GTK_MENU_BUTTON (self->workload_button), "_Workloads");
  if (self->narrow)
    gtk_widget_add_css_class (GTK_WIDGET (self), "narrow");
  else
    gtk_widget_remove_css_class (GTK_WIDGET (self), "narrow");
}

static gboolean
on_narrow (gpointer user_data)
{
  MonitorWindow *self = user_data;

  self->narrow_source = 0;
  adapt (self);
  return G_SOURCE_REMOVE;
}

/* What it has to change for its width, it may not change just now. */
static void
monitor_window_size_allocate (GtkWidget *widget,
                              int        width,
                              int        height,
                              int        baseline)
{
  MonitorWindow *self = MONITOR_WINDOW (widget);
  gboolean narrow = width <= NARROW_WIDTH;

  GTK_WIDGET_CLASS (monitor_window_parent_class)->size_allocate (widget, width, height, baseline);
  if (narrow == self->narrow)
    return;
  self->narrow = narrow;
  if (self->narrow_source == 0)
    self->narrow_source = g_idle_add_full (G_PRIORITY_HIGH_IDLE, on_narrow, self, NULL);
}

static void
on_workload_changed (MonitorWindow *self)
{
  if (self->closing && have_workloads_ended (self))
    gtk_window_destroy (GTK_WINDOW (self));
}

/* Not before the last thread has ended. */
static gboolean
monitor_window_close_request (GtkWindow *window)
{
  MonitorWindow *self = MONITOR_WINDOW (window);

  if (have_workloads_ended (self))
    return GTK_WINDOW_CLASS (monitor_window_parent_class)->close_request (window);
  self->closing = TRUE;
  stop_workloads (self);
  return TRUE;
}

static void
monitor_window_dispose (GObject *object)
{
  MonitorWindow *self = MONITOR_WINDOW (object);

  g_clear_handle_id (&self->narrow_source, g_source_remove);
  if (self->monitor != NULL)
    g_signal_handlers_disconnect_by_data (self->monitor, self);
  g_clear_object (&self->monitor);
  g_clear_object (&self->workloads);
  g_clear_object (&self->filtered);
  G_OBJECT_CLASS (monitor_window_parent_class)->dispose (object);
}

static void
monitor_window_class_init (MonitorWindowClass *klass)
{
  GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (klass);
  const GdkModifierType control = GDK_CONTROL_MASK;

  G_OBJECT_CLASS (klass)->dispose = monitor_window_dispose;
  GTK_WINDOW_CLASS (klass)->close_request = monitor_window_close_request;
  widget_class->size_allocate = monitor_window_size_allocate;

  gtk_widget_class_install_action (widget_class, "monitor.search", NULL, search);
  gtk_widget_class_install_action (widget_class, "monitor.choose", NULL, choose);
  gtk_widget_class_install_action (widget_class, "monitor.cancel-thread", NULL, cancel_thread);
  gtk_widget_class_install_action (widget_class, "monitor.cancel-group", NULL, cancel_group);
  gtk_widget_class_install_action (widget_class, "monitor.stop-all", NULL, stop_all);
  gtk_widget_class_install_action (widget_class, "monitor.close-details", NULL, close_details);
  gtk_widget_class_add_binding_action (widget_class, GDK_KEY_f, control, "monitor.search", NULL);
  gtk_widget_class_add_binding_action (widget_class, GDK_KEY_n, control, "monitor.choose", NULL);
  gtk_widget_class_add_binding_action (widget_class, GDK_KEY_Delete, 0, "monitor.cancel-thread",
                                       NULL);
  gtk_widget_class_add_binding_action (widget_class, GDK_KEY_Delete, GDK_SHIFT_MASK,
                                       "monitor.cancel-group", NULL);
  gtk_widget_class_add_binding_action (widget_class, GDK_KEY_Escape, 0, "monitor.close-details",
                                       NULL);
}

static GtkWidget *
new_title (MonitorWindow *self)
{
  GtkWidget *box = gtk_box_new (GTK_ORIENTATION_VERTICAL, 0);
  GtkWidget *title = gtk_label_new ("Thredo Monitor");

  self->subtitle = gtk_label_new (NULL);
  gtk_widget_add_css_class (title, "title");
  gtk_widget_add_css_class (self->subtitle, "subtitle");
  gtk_label_set_ellipsize (GTK_LABEL (title), PANGO_ELLIPSIZE_END);
  gtk_label_set_ellipsize (GTK_LABEL (self->subtitle), PANGO_ELLIPSIZE_END);
  gtk_widget_set_valign (box, GTK_ALIGN_CENTER);
  gtk_box_append (GTK_BOX (box), title);
  gtk_box_append (GTK_BOX (box), self->subtitle);
  return box;
}

static GMenuModel *
new_menu (void)
{
  g_autoptr(GMenu) threads = g_menu_new ();
  g_autoptr(GMenu) window = g_menu_new ();
  GMenu *menu = g_menu_new ();

  g_menu_append (threads, "Cancel the Selected Thread", "monitor.cancel-thread");
  g_menu_append (threads, "Cancel Its Group", "monitor.cancel-group");
  g_menu_append (threads, "Stop All Workloads", "monitor.stop-all");
  g_menu_append (window, "Dark Style", "app.dark");
  g_menu_append (window, "Keyboard Shortcuts", "win.show-help-overlay");
  g_menu_append_section (menu, NULL, G_MENU_MODEL (threads));
  g_menu_append_section (menu, NULL, G_MENU_MODEL (window));
  return G_MENU_MODEL (menu);
}

static void
set_name (GtkWidget  *widget,
          const char *name)
{
  gtk_widget_set_tooltip_text (widget, name);
  gtk_accessible_update_property (GTK_ACCESSIBLE (widget), GTK_ACCESSIBLE_PROPERTY_LABEL, name, -1);
}

static GtkWidget *
new_header (MonitorWindow *self)
{
  GtkWidget *header = gtk_header_bar_new ();
  GtkWidget *menu_button = gtk_menu_button_new ();
  GtkWidget *search_button = gtk_toggle_button_new ();
  g_autoptr(GMenuModel) menu = new_menu ();

  self->workload_button = gtk_menu_button_new ();
  gtk_menu_button_set_use_underline (GTK_MENU_BUTTON (self->workload_button), TRUE);
  set_name (self->workload_button, "Workloads to watch");

  gtk_menu_button_set_icon_name (GTK_MENU_BUTTON (menu_button), "open-menu-symbolic");
  gtk_menu_button_set_menu_model (GTK_MENU_BUTTON (menu_button), menu);
  gtk_menu_button_set_primary (GTK_MENU_BUTTON (menu_button), TRUE);
  set_name (menu_button, "Menu");

  gtk_button_set_icon_name (GTK_BUTTON (search_button), "system-search-symbolic");
  set_name (search_button, "Search");
  g_object_bind_property (search_button, "active", self->search_bar, "search-mode-enabled",
                          G_BINDING_BIDIRECTIONAL | G_BINDING_SYNC_CREATE);

  gtk_header_bar_set_title_widget (GTK_HEADER_BAR (header), new_title (self));
  gtk_header_bar_pack_start (GTK_HEADER_BAR (header), self->workload_button);
  gtk_header_bar_pack_end (GTK_HEADER_BAR (header), menu_button);
  gtk_header_bar_pack_end (GTK_HEADER_BAR (header), search_button);
  return header;
}

static void
add_search (MonitorWindow *self)
{
  self->search_bar = gtk_search_bar_new ();
  self->search_entry = gtk_search_entry_new ();
  gtk_widget_set_hexpand (self->search_entry, TRUE);
  g_object_set (self->search_entry, "placeholder-text", "Name, group, state or what it waits for",
                NULL);
  gtk_accessible_update_property (GTK_ACCESSIBLE (self->search_entry),
                                  GTK_ACCESSIBLE_PROPERTY_LABEL, "Search the threads", -1);
  gtk_search_bar_set_child (GTK_SEARCH_BAR (self->search_bar), self->search_entry);
  gtk_search_bar_connect_entry (GTK_SEARCH_BAR (self->search_bar),
                                GTK_EDITABLE (self->search_entry));
  g_signal_connect_swapped (self->search_entry, "search-changed", G_CALLBACK (refilter), self);
}

static void
add_plots (MonitorWindow *self)
{
  GtkWidget *threads = monitor_plot_new ("Threads", 5);
  GtkWidget *waits = monitor_plot_new ("Waits/s", 10);
  GtkWidget *cpu = monitor_plot_new ("CPU", 100);

  self->plots = gtk_box_new (GTK_ORIENTATION_HORIZONTAL, 8);
  gtk_box_set_homogeneous (GTK_BOX (self->plots), TRUE);
  gtk_widget_set_tooltip_text (threads, "Threads, and within them those that wait");
  gtk_widget_set_tooltip_text (waits, "How often threads begin to wait in a second");
  gtk_widget_set_tooltip_text (cpu, "Of one processor, by all threads together");
  gtk_box_append (GTK_BOX (self->plots), threads);
  gtk_box_append (GTK_BOX (self->plots), waits);
  gtk_box_append (GTK_BOX (self->plots), cpu);
  self->threads_plot = MONITOR_PLOT (threads);
  self->waits_plot = MONITOR_PLOT (waits);
  self->cpu_plot = MONITOR_PLOT (cpu);
}

static GtkWidget *
new_timeline (MonitorWindow *self)
{
  GtkWidget *box = gtk_box_new (GTK_ORIENTATION_VERTICAL, 4);
  GtkWidget *scrolled_window = gtk_scrolled_window_new ();
  GtkWidget *frame = gtk_frame_new (NULL);
  GtkWidget *timeline = monitor_timeline_new ();

  self->timeline = MONITOR_TIMELINE (timeline);
  self->legend = monitor_legend_new ();
  gtk_scrolled_window_set_policy (GTK_SCROLLED_WINDOW (scrolled_window), GTK_POLICY_NEVER,
                                  GTK_POLICY_AUTOMATIC);
  gtk_scrolled_window_set_child (GTK_SCROLLED_WINDOW (scrolled_window), timeline);
  gtk_widget_set_vexpand (scrolled_window, TRUE);
  gtk_frame_set_child (GTK_FRAME (frame), scrolled_window);
  gtk_box_append (GTK_BOX (box), frame);
  gtk_box_append (GTK_BOX (box), self->legend);
  return box;
}

static GtkWidget *
new_panes (MonitorWindow *self)
{
  GtkWidget *panes = gtk_paned_new (GTK_ORIENTATION_VERTICAL);
  GtkWidget *frame = gtk_frame_new (NULL);
  GtkWidget *overlay = gtk_overlay_new ();
  GtkWidget *table = monitor_table_new ();

  self->table = MONITOR_TABLE (table);
  g_signal_connect (table, "thread-activated", G_CALLBACK (on_thread_activated), self);
  self->hint = gtk_label_new ("Start a workload, to have something to watch");
  gtk_label_set_wrap (GTK_LABEL (self->hint), TRUE);
  gtk_widget_add_css_class (self->hint, "dim-label");
  gtk_widget_set_can_target (self->hint, FALSE);
  gtk_widget_set_halign (self->hint, GTK_ALIGN_CENTER);
  gtk_widget_set_valign (self->hint, GTK_ALIGN_CENTER);
  gtk_overlay_set_child (GTK_OVERLAY (overlay), table);
  gtk_overlay_add_overlay (GTK_OVERLAY (overlay), self->hint);
  gtk_frame_set_child (GTK_FRAME (frame), overlay);
  gtk_widget_set_size_request (frame, -1, 120);
  gtk_paned_set_start_child (GTK_PANED (panes), frame);
  gtk_paned_set_end_child (GTK_PANED (panes), new_timeline (self));
  gtk_paned_set_shrink_start_child (GTK_PANED (panes), FALSE);
  gtk_paned_set_shrink_end_child (GTK_PANED (panes), FALSE);
  gtk_paned_set_wide_handle (GTK_PANED (panes), TRUE);
  gtk_widget_set_vexpand (panes, TRUE);
  return panes;
}

static void
monitor_window_init (MonitorWindow *self)
{
  GtkWidget *box = gtk_box_new (GTK_ORIENTATION_VERTICAL, 0);
  GtkWidget *content = gtk_box_new (GTK_ORIENTATION_VERTICAL, 8);
  GtkWidget *banner = monitor_banner_new ();
  GtkWidget *details = monitor_details_new ();

  gtk_widget_add_css_class (GTK_WIDGET (self), "monitor");
  gtk_window_set_title (GTK_WINDOW (self), "Thredo Monitor");
  gtk_window_set_default_size (GTK_WINDOW (self), 1000, 780);

  self->banner = MONITOR_BANNER (banner);
  self->details = MONITOR_DETAILS (details);
  add_search (self);
  add_plots (self);
  gtk_window_set_titlebar (GTK_WINDOW (self), new_header (self));

  gtk_widget_add_css_class (content, "content");
  gtk_box_append (GTK_BOX (content), self->plots);
  gtk_box_append (GTK_BOX (content), new_panes (self));
  gtk_box_append (GTK_BOX (box), banner);
  gtk_box_append (GTK_BOX (box), self->search_bar);
  gtk_box_append (GTK_BOX (box), content);
  gtk_box_append (GTK_BOX (box), details);
  gtk_window_set_child (GTK_WINDOW (self), box);

  /* Until it is known to be wide, so that it needs no more room than it must. */
  self->narrow = TRUE;
  adapt (self);
}

GtkWidget *
monitor_window_new (GtkApplication *application,
                    ThredoMonitor  *monitor,
                    GListModel     *workloads)
{
  MonitorWindow *self = g_object_new (MONITOR_TYPE_WINDOW, "application", application, NULL);
  GtkFilter *filter = GTK_FILTER (gtk_custom_filter_new (matches, self, NULL));

  self->monitor = g_object_ref (monitor);
  self->workloads = g_object_ref (workloads);
  self->filtered = gtk_filter_list_model_new (g_object_ref (G_LIST_MODEL (monitor)), filter);
  monitor_table_set_threads (self->table, G_LIST_MODEL (self->filtered));
  monitor_timeline_set_threads (self->timeline, G_LIST_MODEL (self->filtered));
  monitor_banner_set_monitor (self->banner, monitor);
  gtk_menu_button_set_popover (GTK_MENU_BUTTON (self->workload_button),
                               monitor_chooser_new (workloads));
  for (guint i = 0; i < g_list_model_get_n_items (workloads); i++)
    {
      g_autoptr(MonitorWorkload) workload = g_list_model_get_item (workloads, i);

      g_signal_connect_object (workload, "notify::running", G_CALLBACK (on_workload_changed), self,
                               G_CONNECT_SWAPPED);
    }

  /* It is told after each look, also when it is the same as before. */
  g_signal_connect_swapped (monitor, "notify::waits-per-second", G_CALLBACK (on_refreshed), self);
  on_refreshed (self);
  return GTK_WIDGET (self);
}

/* Opens the details of the first row. */
void
monitor_window_show_first (MonitorWindow *self)
{
  guint n = g_list_model_get_n_items (G_LIST_MODEL (self->filtered));
  g_autoptr(ThredoThreadInfo) info = NULL;

  info = g_list_model_get_item (G_LIST_MODEL (self->filtered), n > 1 ? 1 : 0);
  if (info != NULL)
    monitor_details_show (self->details, info);
}

void
monitor_window_search (MonitorWindow *self,
                       const char    *text)
{
  gtk_search_bar_set_search_mode (GTK_SEARCH_BAR (self->search_bar), TRUE);
  gtk_editable_set_text (GTK_EDITABLE (self->search_entry), text);
}

void
monitor_window_sort_by (MonitorWindow *self,
                        const char    *column)
{
  monitor_table_sort_by (self->table, column);
}

void
monitor_window_open_chooser (MonitorWindow *self)
{
  gtk_menu_button_popup (GTK_MENU_BUTTON (self->workload_button));
}
