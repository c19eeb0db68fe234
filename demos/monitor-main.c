/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A window with every thread of a program, and what each of them does: of this one, or of another
 * one that can be watched.
 *
 * The workloads that it starts are there to be watched, and cancelled. With --screenshot it saves a
 * picture of what it shows after a while, and ends.
 */

#include <gtk/gtk.h>
#include <locale.h>
#include <stdlib.h>
#include <thredo.h>

#include "monitor-stalls.h"
#include "monitor-window.h"
#include "monitor-workload.h"
#include "screenshot.h"

typedef struct
{
  char **workloads;
  char *screenshot;
  double after; /* seconds */
  int width;
  int height;
  gboolean dark;
  gboolean details;
  char *cancel;
  char *search;
  char *sort;
  char *page;
  char *attach;
  int pid;
  gboolean groups;
  double stalls_after; /* seconds; below 0: they are not measured */

  ThredoMonitor *monitor;
  GListModel *list; /* of MonitorWorkload */
  MonitorWindow *window;
  MonitorStalls *stalls;
  int exit_status;
} Options;

static void
load_style (void)
{
  g_autoptr(GtkCssProvider) provider = gtk_css_provider_new ();

  gtk_css_provider_load_from_resource (provider, "/org/thredo/Monitor/monitor.css");
  gtk_style_context_add_provider_for_display (gdk_display_get_default (),
                                              GTK_STYLE_PROVIDER (provider),
                                              GTK_STYLE_PROVIDER_PRIORITY_APPLICATION);
}

static void
set_dark (GSimpleAction *action,
          GVariant      *state,
          gpointer       user_data)
{
  g_object_set (gtk_settings_get_default (), "gtk-application-prefer-dark-theme",
                g_variant_get_boolean (state), NULL);
  g_simple_action_set_state (action, state);
}

/* The picture */

static void
on_screenshot_saved (GObject      *source,
                     GAsyncResult *result,
                     gpointer      user_data)
{
  Options *options = user_data;
  g_autoptr(GError) error = NULL;

  if (!screenshot_save_finish (GTK_WINDOW (source), result, &error))
    {
      g_printerr ("%s: %s\n", g_get_prgname (), error->message);
      options->exit_status = EXIT_FAILURE;
    }
  gtk_window_close (GTK_WINDOW (source));
}

static void
tell_stalls (Options *options)
{
  g_autofree char *text = NULL;

  if (options->stalls == NULL)
    return;
  text = monitor_stalls_format (options->stalls);
  g_print ("%s\n", text);
  g_clear_pointer (&options->stalls, monitor_stalls_free);
}

static gboolean
on_time (gpointer user_data)
{
  Options *options = user_data;

  tell_stalls (options);
  screenshot_save_async (GTK_WINDOW (options->window), options->screenshot, on_screenshot_saved,
                         options);
  return G_SOURCE_REMOVE;
}

/* Early enough before the picture for it to show what came of that. */
static gboolean
on_before_time (gpointer user_data)
{
  Options *options = user_data;

  if (options->cancel != NULL)
    monitor_window_cancel (options->window, options->cancel);
  if (options->details)
    monitor_window_show_first (options->window);
  return G_SOURCE_REMOVE;
}

static void
start_workloads (Options *options)
{
  for (guint i = 0; i < g_list_model_get_n_items (options->list); i++)
    {
      g_autoptr(MonitorWorkload) workload = g_list_model_get_item (options->list, i);
      g_autoptr(GError) error = NULL;

      if (options->workloads == NULL ||
          !g_strv_contains ((const char *const *) options->workloads,
                            monitor_workload_get_id (workload)))
        continue;
      if (!monitor_workload_start (workload, &error))
        g_printerr ("%s: %s\n", g_get_prgname (), error->message);
    }
}

static void
attach (Options *options)
{
  g_autofree char *pid = options->pid > 0 ? g_strdup_printf ("%d", options->pid) : NULL;

  if (pid != NULL || options->attach != NULL)
    monitor_window_attach (options->window, pid != NULL ? pid : options->attach);
}

static void
on_activate (GtkApplication *application,
             Options        *options)
{
  const GActionEntry actions[] = { { .name = "dark", .state = "false", .change_state = set_dark } };
  const char *close_keys[] = { "<Control>q", "<Control>w", NULL };
  const char *dark_keys[] = { "<Control>d", NULL };
  g_autoptr(GVariant) dark = g_variant_ref_sink (g_variant_new_boolean (options->dark));

  load_style ();
  gtk_window_set_default_icon_name (g_application_get_application_id (G_APPLICATION (application)));
  g_action_map_add_action_entries (G_ACTION_MAP (application), actions, G_N_ELEMENTS (actions),
                                   NULL);
  gtk_application_set_accels_for_action (application, "window.close", close_keys);
  gtk_application_set_accels_for_action (application, "app.dark", dark_keys);
  if (options->dark)
    g_action_group_change_action_state (G_ACTION_GROUP (application), "dark", dark);

  options->monitor = thredo_monitor_new ();
  options->list = monitor_workload_list_new ();
  options->window = MONITOR_WINDOW (monitor_window_new (application, options->monitor,
                                                        options->list));
  if (options->width > 0 && options->height > 0)
    gtk_window_set_default_size (GTK_WINDOW (options->window), options->width, options->height);
  if (options->search != NULL)
    monitor_window_search (options->window, options->search);
  if (options->sort != NULL)
    monitor_window_sort_by (options->window, options->sort);
  if (options->page != NULL)
    monitor_window_show_page (options->window, options->page);
  monitor_window_set_grouped (options->window, options->groups);
  start_workloads (options);
  attach (options);
  if (options->stalls_after >= 0)
    options->stalls = monitor_stalls_new (options->stalls_after);
  gtk_window_present (GTK_WINDOW (options->window));

  if (options->screenshot == NULL)
    return;
  g_timeout_add ((guint) (options->after * 0.7 * 1000), on_before_time, options);
  g_timeout_add ((guint) (options->after * 1000), on_time, options);
}

static int
run (Options *options)
{
  g_autoptr(GtkApplication) application = NULL;
  int status;

  /* A look at itself attaches the main thread: it is in the list too. */
  thredo_thread_self ();

  application = gtk_application_new ("org.thredo.Monitor", G_APPLICATION_NON_UNIQUE);
  g_signal_connect (application, "activate", G_CALLBACK (on_activate), options);
  status = g_application_run (G_APPLICATION (application), 0, NULL);
  tell_stalls (options);
  g_clear_object (&options->list);
  g_clear_object (&options->monitor);
  return status != 0 ? status : options->exit_status;
}

int
main (int    argc,
      char **argv)
{
  Options options = { .after = 6, .stalls_after = -1 };
  const GOptionEntry entries[] = {
    { "workload", 'w', 0, G_OPTION_ARG_STRING_ARRAY, &options.workloads,
      "Start pool, folder, philosophers, echo, runaway, crowd or flood; may be repeated",
      "NAME" },
    { "pid", 'p', 0, G_OPTION_ARG_INT, &options.pid, "Watch that process", "PID" },
    { "attach", 'a', 0, G_OPTION_ARG_STRING, &options.attach, "Watch another program",
      "NAME or PID" },
    { "groups", 0, 0, G_OPTION_ARG_NONE, &options.groups, "Show the threads by their groups",
      NULL },
    { "page", 0, 0, G_OPTION_ARG_STRING, &options.page, "Show that page", "PAGE" },
    { "search", 0, 0, G_OPTION_ARG_STRING, &options.search, "Search for that", "TEXT" },
    { "sort", 0, 0, G_OPTION_ARG_STRING, &options.sort, "Sort by that column", "COLUMN" },
    { "dark", 0, 0, G_OPTION_ARG_NONE, &options.dark, "Be dark", NULL },
    { "width", 0, 0, G_OPTION_ARG_INT, &options.width, "Of the window", "PIXELS" },
    { "height", 0, 0, G_OPTION_ARG_INT, &options.height, "Of the window", "PIXELS" },
    { "screenshot", 0, 0, G_OPTION_ARG_FILENAME, &options.screenshot,
      "Save a picture, and end", "FILE.png" },
    { "after", 0, 0, G_OPTION_ARG_DOUBLE, &options.after, "When to save it (6)", "SECONDS" },
    { "stalls", 0, 0, G_OPTION_ARG_DOUBLE, &options.stalls_after,
      "Tell in the end how long the main loop was held up, from then on", "SECONDS" },
    { "cancel", 0, 0, G_OPTION_ARG_STRING, &options.cancel,
      "Cancel the threads of that name before it", "NAME" },
    { "details", 0, 0, G_OPTION_ARG_NONE, &options.details, "Show the details of one in it", NULL },
    G_OPTION_ENTRY_NULL,
  };
  g_autoptr(GOptionContext) context = g_option_context_new (NULL);
  g_autoptr(GError) error = NULL;
  int exit_status = 2;

  setlocale (LC_ALL, "");
  g_set_prgname ("thredo-monitor");
  g_option_context_add_main_entries (context, entries, NULL);
  if (!g_option_context_parse (context, &argc, &argv, &error) || argc > 1 || options.after <= 0)
    g_printerr ("%s: %s\n", g_get_prgname (),
                error != NULL ? error->message : "Bad arguments; see --help");
  else
    {
      /* Nobody reads a picture aloud; and where it is taken there may be no bus to do it on. */
      if (options.screenshot != NULL)
        g_setenv ("GTK_A11Y", "none", FALSE);
      if (gtk_init_check ())
        exit_status = run (&options);
      else
        g_printerr ("%s: no display\n", g_get_prgname ());
    }

  g_strfreev (options.workloads);
  g_free (options.screenshot);
  g_free (options.cancel);
  g_free (options.search);
  g_free (options.sort);
  g_free (options.page);
  g_free (options.attach);
  return exit_status;
}
