/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "monitor-window.h"

#include "monitor-attach.h"
#include "monitor-banner.h"
#include "monitor-control.h"
#include "monitor-details.h"
#include "monitor-figures.h"
#include "monitor-header.h"
#include "monitor-notice.h"
#include "monitor-pages.h"
#include "monitor-programs.h"
#include "monitor-track.h"
#include "monitor-workload.h"

/* Everything is brought up to date together, whenever the monitor has looked at its threads;
 * between two looks the window does nothing. */

#define NARROW_WIDTH 640 /* up to which it has one column of things */
#define LOW_HEIGHT 780   /* from which on there is room for a deadlock beside all else */
#define BRIEFLY 10       /* seconds */
#define ENDING_TIME 500  /* milliseconds in which a program that has gone has ended */

struct _MonitorWindow
{
  GtkApplicationWindow parent_instance;

  ThredoMonitor *own;
  GTimeSpan own_interval;
  ThredoMonitor *monitor; /* whose threads are shown */
  MonitorProgram *program;
  GCancellable *attaching; /* NULL: it is not asked for another one */
  guint ended_source;
  GListModel *workloads;
  gboolean is_grouped;
  gboolean narrow;
  gboolean low;
  guint adapt_source;
  gboolean closing;

  MonitorHeader *header;
  MonitorNotice *notice;
  MonitorBanner *banner;
  GtkWidget *search_bar;
  GtkWidget *search_entry;
  GtkWidget *content;
  MonitorFigures *figures;
  MonitorPages *pages;
  MonitorDetails *details;
};

enum
{
  PROP_0,
  PROP_GROUP_THREADS,
  N_PROPS
};

static GParamSpec *properties[N_PROPS];

G_DEFINE_FINAL_TYPE (MonitorWindow, monitor_window, GTK_TYPE_APPLICATION_WINDOW)

static MonitorTable *
get_table (MonitorWindow *self)
{
  return monitor_threads_get_table (monitor_pages_get_threads (self->pages));
}

/* The program */

static void
show_counts (MonitorWindow *self)
{
  guint n = g_list_model_get_n_items (G_LIST_MODEL (self->monitor));
  guint n_waiting = thredo_monitor_get_n_waiting (self->monitor);
  g_autofree char *subtitle = NULL;
  const char *hint = NULL;

  subtitle = g_strdup_printf ("%'u thread%s, %'u waiting", n, n == 1 ? "" : "s", n_waiting);
  if (thredo_monitor_is_closed (self->monitor))
    monitor_header_set_subtitle (self->header, "Has ended");
  else if (self->attaching == NULL)
    monitor_header_set_subtitle (self->header, subtitle);
  if (self->monitor == self->own && n <= 1)
    hint = "Start a workload, to have something to watch";
  else if (n == 0)
    hint = "It has no threads";
  else if (monitor_threads_count (monitor_pages_get_threads (self->pages)) == 0)
    hint = "No thread is like what is searched for";
  monitor_threads_set_hint (monitor_pages_get_threads (self->pages), hint);
}

/* A deadlock comes first. */
static void
make_room (MonitorWindow *self)
{
  gboolean is_deadlocked = monitor_banner_is_shown (self->banner);

  gtk_widget_set_visible (GTK_WIDGET (self->figures),
                          !is_deadlocked || (!self->narrow && !self->low));
  monitor_threads_show_timeline (monitor_pages_get_threads (self->pages),
                                 !is_deadlocked || !self->low);
}

static void
on_refreshed (MonitorWindow *self)
{
  gint64 now = g_get_monotonic_time ();

  monitor_track_note_all (G_LIST_MODEL (self->monitor), now);
  show_counts (self);
  monitor_figures_refresh (self->figures, now);
  monitor_pages_refresh (self->pages, now);
  monitor_details_refresh (self->details, now);
  monitor_banner_refresh (self->banner);
  make_room (self);
}

static void
tell_ended (MonitorWindow *self)
{
  const char *name = monitor_program_get_name (self->program);
  g_autofree char *text = NULL;

  text = monitor_program_is_running (self->program)
             ? g_strdup_printf ("%s cannot be watched any more", name)
             : g_strdup_printf ("%s has ended", name);
  monitor_notice_tell (self->notice, text, TRUE, 0);
}

static gboolean
on_ended (gpointer user_data)
{
  MonitorWindow *self = user_data;

  self->ended_source = 0;
  tell_ended (self);
  return G_SOURCE_REMOVE;
}

/* It may be about to end. */
static void
on_closed (MonitorWindow *self)
{
  gint64 now = g_get_monotonic_time ();

  if (!thredo_monitor_is_closed (self->monitor) || self->ended_source != 0)
    return;
  gtk_widget_add_css_class (self->content, "ended");
  show_counts (self);
  monitor_pages_refresh (self->pages, now);
  monitor_details_refresh (self->details, now);
  monitor_banner_refresh (self->banner);
  make_room (self);
  if (monitor_program_is_running (self->program))
    self->ended_source = g_timeout_add (ENDING_TIME, on_ended, self);
  else
    tell_ended (self);
}

/* What is not looked at costs nothing. */
static void
leave_monitor (MonitorWindow *self)
{
  g_clear_handle_id (&self->ended_source, g_source_remove);
  if (self->monitor == NULL)
    return;
  g_signal_handlers_disconnect_by_data (self->monitor, self);
  if (self->monitor != self->own)
    return;
  self->own_interval = thredo_monitor_get_interval (self->own);
  thredo_monitor_set_interval (self->own, 0);
}

/* Shows another program in the same window; search, order and page stay. */
static void
set_monitor (MonitorWindow  *self,
             ThredoMonitor  *monitor,
             MonitorProgram *program)
{
  g_autoptr(ThredoMonitor) before = NULL;

  if (self->monitor == monitor)
    return;
  leave_monitor (self);
  before = g_steal_pointer (&self->monitor);
  self->monitor = g_object_ref (monitor);
  g_set_object (&self->program, program);
  if (monitor == self->own && self->own_interval != 0)
    {
      thredo_monitor_set_interval (monitor, self->own_interval);
      monitor_track_forget_all (G_LIST_MODEL (monitor));
      thredo_monitor_refresh (monitor); /* it is as it was when it was left */
    }
  gtk_widget_remove_css_class (self->content, "ended");
  monitor_notice_hide (self->notice);
  monitor_header_set_program (self->header, program);
  monitor_details_set_monitor (self->details, monitor);
  monitor_banner_set_monitor (self->banner, monitor);
  monitor_figures_set_monitor (self->figures, monitor);
  monitor_pages_set_monitor (self->pages, monitor);
  g_signal_connect_swapped (monitor, "refreshed", G_CALLBACK (on_refreshed), self);
  g_signal_connect_swapped (monitor, "notify::closed", G_CALLBACK (on_closed), self);
  on_refreshed (self);
  if (thredo_monitor_is_closed (monitor))
    on_closed (self);
}

void
monitor_window_set_monitor (MonitorWindow  *self,
                            ThredoMonitor  *monitor,
                            MonitorProgram *program)
{
  if (self->attaching != NULL)
    g_cancellable_cancel (self->attaching);
  g_clear_object (&self->attaching);
  set_monitor (self, monitor, program);
}

static void
watch_own (MonitorWindow *self)
{
  g_autoptr(MonitorProgram) program = monitor_program_new_own ();

  monitor_window_set_monitor (self, self->own, program);
}

/* The window goes on with what it shows until the other program has answered. */
static GCancellable *
begin_attaching (MonitorWindow *self,
                 const char    *name)
{
  g_autofree char *subtitle = g_strdup_printf ("Asking %s…", name);

  if (self->attaching != NULL)
    g_cancellable_cancel (self->attaching);
  g_clear_object (&self->attaching);
  self->attaching = g_cancellable_new ();
  monitor_header_set_subtitle (self->header, subtitle);
  return self->attaching;
}

static void
on_attached (GObject      *source,
             GAsyncResult *result,
             gpointer      user_data)
{
  g_autoptr(MonitorWindow) self = user_data;
  g_autoptr(MonitorProgram) program = NULL;
  g_autoptr(GError) error = NULL;
  g_autoptr(ThredoMonitor) monitor = monitor_attach_finish (result, &program, &error);

  /* Another one was chosen meanwhile, or the window was closed. */
  if (g_task_get_cancellable (G_TASK (result)) != self->attaching || self->monitor == NULL)
    return;
  g_clear_object (&self->attaching);
  if (monitor != NULL)
    {
      set_monitor (self, monitor, program);
      return;
    }
  monitor_notice_tell (self->notice, error->message, FALSE, 0);
  show_counts (self);
}

static void
attach (MonitorWindow  *self,
        MonitorProgram *program)
{
  guint pid = monitor_program_get_pid (program);

  if (!thredo_monitor_is_closed (self->monitor) && pid == monitor_program_get_pid (self->program))
    monitor_window_set_monitor (self, self->monitor, self->program);
  else if (pid == 0)
    watch_own (self);
  else
    monitor_attach_async (program, begin_attaching (self, monitor_program_get_name (program)),
                          on_attached, g_object_ref (self));
}

/* A program by its name or number. */
void
monitor_window_attach (MonitorWindow *self,
                       const char    *wanted)
{
  monitor_attach_by_name_async (wanted, begin_attaching (self, wanted), on_attached,
                                g_object_ref (self));
}

/* Actions */

static void
on_cancel_thread (GtkWidget  *widget,
                  const char *action,
                  GVariant   *parameter)
{
  monitor_table_cancel_selected (get_table (MONITOR_WINDOW (widget)));
}

static void
on_cancel_group (GtkWidget  *widget,
                 const char *action,
                 GVariant   *parameter)
{
  monitor_table_cancel_selected_group (get_table (MONITOR_WINDOW (widget)));
}

static void
on_search (GtkWidget  *widget,
           const char *action,
           GVariant   *parameter)
{
  MonitorWindow *self = MONITOR_WINDOW (widget);

  gtk_search_bar_set_search_mode (GTK_SEARCH_BAR (self->search_bar), TRUE);
  gtk_widget_grab_focus (self->search_entry);
}

static void
on_choose (GtkWidget  *widget,
           const char *action,
           GVariant   *parameter)
{
  monitor_header_open_workloads (MONITOR_WINDOW (widget)->header);
}

static void
on_choose_program (GtkWidget  *widget,
                   const char *action,
                   GVariant   *parameter)
{
  monitor_header_open_programs (MONITOR_WINDOW (widget)->header);
}

static void
on_watch_own (GtkWidget  *widget,
              const char *action,
              GVariant   *parameter)
{
  watch_own (MONITOR_WINDOW (widget));
}

static void
on_tell (GtkWidget  *widget,
         const char *action,
         GVariant   *parameter)
{
  monitor_notice_tell (MONITOR_WINDOW (widget)->notice, g_variant_get_string (parameter, NULL),
                       FALSE, BRIEFLY);
}

static void
on_show_page (GtkWidget  *widget,
              const char *action,
              GVariant   *parameter)
{
  monitor_pages_show_number (MONITOR_WINDOW (widget)->pages, g_variant_get_uint32 (parameter));
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
on_stop_all (GtkWidget  *widget,
             const char *action,
             GVariant   *parameter)
{
  stop_workloads (MONITOR_WINDOW (widget));
}

static void
on_close_details (GtkWidget  *widget,
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

static void
on_search_changed (MonitorWindow *self)
{
  monitor_threads_set_search (monitor_pages_get_threads (self->pages),
                              gtk_editable_get_text (GTK_EDITABLE (self->search_entry)));
  monitor_pages_show (self->pages, "threads");
}

/* The window */

static void
adapt (MonitorWindow *self)
{
  monitor_header_set_narrow (self->header, self->narrow);
  monitor_table_set_narrow (get_table (self), self->narrow);
  monitor_banner_set_narrow (self->banner, self->narrow);
  monitor_figures_set_narrow (self->figures, self->narrow);
  if (self->narrow)
    gtk_widget_add_css_class (GTK_WIDGET (self), "narrow");
  else
    gtk_widget_remove_css_class (GTK_WIDGET (self), "narrow");
  make_room (self);
}

static gboolean
on_resized (gpointer user_data)
{
  MonitorWindow *self = user_data;

  self->adapt_source = 0;
  adapt (self);
  return G_SOURCE_REMOVE;
}

/* What it has to change for its size, it may not change just now. */
static void
monitor_window_size_allocate (GtkWidget *widget,
                              int        width,
                              int        height,
                              int        baseline)
{
  MonitorWindow *self = MONITOR_WINDOW (widget);
  gboolean narrow = width <= NARROW_WIDTH;
  gboolean low = height < LOW_HEIGHT;

  GTK_WIDGET_CLASS (monitor_window_parent_class)->size_allocate (widget, width, height, baseline);
  if (narrow == self->narrow && low == self->low)
    return;
  self->narrow = narrow;
  self->low = low;
  if (self->adapt_source == 0)
    self->adapt_source = g_idle_add_full (G_PRIORITY_HIGH_IDLE, on_resized, self, NULL);
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
monitor_window_get_property (GObject    *object,
                             guint       property_id,
                             GValue     *value,
                             GParamSpec *pspec)
{
  switch (property_id)
    {
    case PROP_GROUP_THREADS:
      g_value_set_boolean (value, MONITOR_WINDOW (object)->is_grouped);
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, property_id, pspec);
    }
}

static void
monitor_window_set_property (GObject      *object,
                             guint         property_id,
                             const GValue *value,
                             GParamSpec   *pspec)
{
  switch (property_id)
    {
    case PROP_GROUP_THREADS:
      monitor_window_set_grouped (MONITOR_WINDOW (object), g_value_get_boolean (value));
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, property_id, pspec);
    }
}

static void
monitor_window_dispose (GObject *object)
{
  MonitorWindow *self = MONITOR_WINDOW (object);

  g_clear_handle_id (&self->adapt_source, g_source_remove);
  leave_monitor (self);
  if (self->attaching != NULL)
    g_cancellable_cancel (self->attaching);
  g_clear_object (&self->attaching);
  g_clear_object (&self->monitor);
  g_clear_object (&self->own);
  g_clear_object (&self->program);
  g_clear_object (&self->workloads);
  G_OBJECT_CLASS (monitor_window_parent_class)->dispose (object);
}

static void
add_shortcuts (GtkWidgetClass *widget_class)
{
  static const struct
  {
    guint key;
    GdkModifierType modifiers;
    const char *action;
  } shortcuts[] = {
    { GDK_KEY_f, GDK_CONTROL_MASK, "monitor.search" },
    { GDK_KEY_n, GDK_CONTROL_MASK, "monitor.choose" },
    { GDK_KEY_o, GDK_CONTROL_MASK, "monitor.choose-program" },
    { GDK_KEY_Home, GDK_ALT_MASK, "monitor.watch-own" },
    { GDK_KEY_g, GDK_CONTROL_MASK, "monitor.group-threads" },
    { GDK_KEY_Delete, 0, "monitor.cancel-thread" },
    { GDK_KEY_Delete, GDK_SHIFT_MASK, "monitor.cancel-group" },
    { GDK_KEY_Escape, 0, "monitor.close-details" },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (shortcuts); i++)
    gtk_widget_class_add_binding_action (widget_class, shortcuts[i].key, shortcuts[i].modifiers,
                                         shortcuts[i].action, NULL);
  for (guint i = 1; i <= 4; i++)
    gtk_widget_class_add_binding_action (widget_class, GDK_KEY_0 + i, GDK_ALT_MASK,
                                         "monitor.show-page", "u", i);
}

static void
monitor_window_class_init (MonitorWindowClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (klass);

  object_class->dispose = monitor_window_dispose;
  object_class->get_property = monitor_window_get_property;
  object_class->set_property = monitor_window_set_property;
  GTK_WINDOW_CLASS (klass)->close_request = monitor_window_close_request;
  widget_class->size_allocate = monitor_window_size_allocate;

  properties[PROP_GROUP_THREADS] = g_param_spec_boolean (
      "group-threads", NULL, NULL, FALSE, G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS);
  g_object_class_install_properties (object_class, N_PROPS, properties);

  gtk_widget_class_install_action (widget_class, "monitor.search", NULL, on_search);
  gtk_widget_class_install_action (widget_class, "monitor.choose", NULL, on_choose);
  gtk_widget_class_install_action (widget_class, "monitor.choose-program", NULL,
                                   on_choose_program);
  gtk_widget_class_install_action (widget_class, "monitor.watch-own", NULL, on_watch_own);
  gtk_widget_class_install_action (widget_class, "monitor.cancel-thread", NULL, on_cancel_thread);
  gtk_widget_class_install_action (widget_class, "monitor.cancel-group", NULL, on_cancel_group);
  gtk_widget_class_install_action (widget_class, "monitor.stop-all", NULL, on_stop_all);
  gtk_widget_class_install_action (widget_class, "monitor.close-details", NULL, on_close_details);
  gtk_widget_class_install_action (widget_class, "monitor.tell", "s", on_tell);
  gtk_widget_class_install_action (widget_class, "monitor.show-page", "u", on_show_page);
  gtk_widget_class_install_property_action (widget_class, "monitor.group-threads",
                                            "group-threads");
  add_shortcuts (widget_class);
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
  g_signal_connect_swapped (self->search_entry, "search-changed", G_CALLBACK (on_search_changed),
                            self);
}

static void
monitor_window_init (MonitorWindow *self)
{
  GtkWidget *scrolled_window = gtk_scrolled_window_new ();
  GtkWidget *box = gtk_box_new (GTK_ORIENTATION_VERTICAL, 0);
  GtkWidget *notice = monitor_notice_new ("Choose another program", "monitor.choose-program");
  GtkWidget *banner = monitor_banner_new ();
  GtkWidget *figures = monitor_figures_new ();
  GtkWidget *pages = monitor_pages_new ();
  GtkWidget *details = monitor_details_new ();

  gtk_widget_add_css_class (GTK_WIDGET (self), "monitor");
  gtk_window_set_title (GTK_WINDOW (self), "Thredo Monitor");
  gtk_window_set_default_size (GTK_WINDOW (self), 1000, 780);

  self->notice = MONITOR_NOTICE (notice);
  self->banner = MONITOR_BANNER (banner);
  self->figures = MONITOR_FIGURES (figures);
  self->pages = MONITOR_PAGES (pages);
  self->details = MONITOR_DETAILS (details);
  add_search (self);
  g_signal_connect (get_table (self), "thread-activated", G_CALLBACK (on_thread_activated), self);

  self->content = gtk_box_new (GTK_ORIENTATION_VERTICAL, 8);
  gtk_widget_add_css_class (self->content, "content");
  gtk_box_append (GTK_BOX (self->content), figures);
  gtk_box_append (GTK_BOX (self->content), pages);
  gtk_box_append (GTK_BOX (box), notice);
  gtk_box_append (GTK_BOX (box), banner);
  gtk_box_append (GTK_BOX (box), self->search_bar);
  gtk_box_append (GTK_BOX (box), self->content);
  gtk_box_append (GTK_BOX (box), details);
  /* Only where there is no room for it at its lowest does the whole of it scroll. */
  gtk_scrolled_window_set_policy (GTK_SCROLLED_WINDOW (scrolled_window), GTK_POLICY_NEVER,
                                  GTK_POLICY_AUTOMATIC);
  gtk_scrolled_window_set_child (GTK_SCROLLED_WINDOW (scrolled_window), box);
  gtk_window_set_child (GTK_WINDOW (self), scrolled_window);
}

/* @monitor is of this process. */
GtkWidget *
monitor_window_new (GtkApplication *application,
                    ThredoMonitor  *monitor,
                    GListModel     *workloads)
{
  MonitorWindow *self = g_object_new (MONITOR_TYPE_WINDOW, "application", application, NULL);
  GtkWidget *header = monitor_header_new (workloads, self->search_bar);

  self->own = g_object_ref (monitor);
  self->workloads = g_object_ref (workloads);
  self->header = MONITOR_HEADER (header);
  g_signal_connect_swapped (header, "chosen", G_CALLBACK (attach), self);
  gtk_window_set_titlebar (GTK_WINDOW (self), header);
  for (guint i = 0; i < g_list_model_get_n_items (workloads); i++)
    {
      g_autoptr(MonitorWorkload) workload = g_list_model_get_item (workloads, i);

      g_signal_connect_object (workload, "notify::running", G_CALLBACK (on_workload_changed), self,
                               G_CONNECT_SWAPPED);
    }

  /* Until it is known to be wide, so that it needs no more room than it must. */
  self->narrow = TRUE;
  adapt (self);
  watch_own (self);
  return GTK_WIDGET (self);
}

/* Whether the threads are shown as a tree of their groups. */
void
monitor_window_set_grouped (MonitorWindow *self,
                            gboolean       grouped)
{
  if (self->is_grouped == grouped)
    return;
  self->is_grouped = grouped;
  monitor_table_set_tree (get_table (self), grouped);
  monitor_pages_show (self->pages, "threads");
  g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_GROUP_THREADS]);
}

/* Opens the details of one of the first threads. */
void
monitor_window_show_first (MonitorWindow *self)
{
  g_autoptr(ThredoThreadInfo) info = NULL;

  info = monitor_threads_dup_example (monitor_pages_get_threads (self->pages));
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
  monitor_table_sort_by (get_table (self), column);
}

void
monitor_window_show_page (MonitorWindow *self,
                          const char    *name)
{
  monitor_pages_show (self->pages, name);
}

/* Cancels the threads of that name. */
void
monitor_window_cancel (MonitorWindow *self,
                       const char    *name)
{
  GListModel *threads = G_LIST_MODEL (self->monitor);

  for (guint i = 0; i < g_list_model_get_n_items (threads); i++)
    {
      g_autoptr(ThredoThreadInfo) info = g_list_model_get_item (threads, i);

      if (strcmp (thredo_thread_info_get_name (info), name) == 0)
        monitor_control_cancel_thread (GTK_WIDGET (self), self->monitor, info);
    }
}
