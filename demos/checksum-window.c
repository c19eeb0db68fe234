/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "checksum-window.h"

#include <glib-unix.h>
#include <gtk/gtk.h>
#include <signal.h>
#include <stdlib.h>

#include "checksum-sample.h"
#include "format.h"
#include "screenshot.h"
#include "thread-view.h"

/* A job in a window. The main thread only starts it, looks at it ten times a second and joins it
 * with a callback: it never waits.
 *
 *   before the first frame ─► RUNNING ─► (CANCELLING) ─► ENDED ─► RUNNING again
 *                                └────────────┴─► CLOSING ─► gone, once every thread has ended */

#define REFRESH_INTERVAL 100    /* milliseconds */
#define SCREENSHOT_FRACTION 0.4 /* of the job, to be done before the picture */

typedef enum
{
  CHECKSUM_WINDOW_WAITING, /* for its first frame */
  CHECKSUM_WINDOW_RUNNING,
  CHECKSUM_WINDOW_CANCELLING,
  CHECKSUM_WINDOW_ENDED,
  CHECKSUM_WINDOW_CLOSING,
} ChecksumWindowState;

typedef struct
{
  ChecksumJob *job;
  const char *screenshot;
  gboolean autoclose;
  int exit_status;
} ChecksumWindowOptions;

#define CHECKSUM_TYPE_WINDOW (checksum_window_get_type ())
G_DECLARE_FINAL_TYPE (ChecksumWindow, checksum_window, CHECKSUM, WINDOW, GtkApplicationWindow)

struct _ChecksumWindow
{
  GtkApplicationWindow parent_instance;

  ChecksumWindowOptions *options; /* of the function that runs the application */
  ChecksumJob *job;
  ChecksumWindowState state;
  FormatThroughput throughput;
  guint refresh_source;
  guint signal_source;
  guint n_problems;
  char *failure; /* why the job as a whole failed, or NULL */

  GtkWidget *folder_label;
  GtkWidget *cancel_button;
  GtkWidget *again_button;
  GtkWidget *heading_label;
  GtkWidget *rate_label;
  GtkWidget *progress_bar;
  GtkWidget *bytes_label;
  GtkWidget *elapsed_label;
  ThreadView *thread_view;
  GtkWidget *problems_expander;
  GtkListView *problems_view;
  GtkStringList *problems;
  GtkWidget *total_box;
  GtkWidget *total_title;
  GtkWidget *total_label;
};

G_DEFINE_FINAL_TYPE (ChecksumWindow, checksum_window, GTK_TYPE_APPLICATION_WINDOW)

/* What is shown */

static const char *
describe_state (ChecksumWindow         *self,
                const ChecksumProgress *progress)
{
  if (self->failure != NULL)
    return "Failed";
  if (progress->ended)
    return progress->complete ? "Finished" : "Cancelled";
  if (self->state == CHECKSUM_WINDOW_CANCELLING)
    return "Cancelling";
  if (self->state == CHECKSUM_WINDOW_CLOSING)
    return "Closing";
  return progress->counted ? "Hashing" : "Counting and hashing";
}

static void
show_problems (ChecksumWindow       *self,
               const ChecksumSample *sample)
{
  g_autofree char *label = NULL;

  if (sample->problems->len == 0)
    return;

  for (guint i = 0; i < sample->problems->len; i++)
    {
      ChecksumProblem *problem = g_ptr_array_index (sample->problems, i);
      g_autofree char *path = format_path (problem->path);
      g_autofree char *line = g_strdup_printf ("%s: %s", path, problem->message);

      gtk_string_list_append (self->problems, line);
    }
  label = format_problems (&sample->progress);
  gtk_expander_set_label (GTK_EXPANDER (self->problems_expander), label);
  gtk_widget_set_sensitive (self->problems_expander, TRUE);
  /* The first ones are shown; whoever folds them away again has them folded. */
  if (self->n_problems == 0)
    gtk_expander_set_expanded (GTK_EXPANDER (self->problems_expander), TRUE);
  self->n_problems += sample->problems->len;
}

static void
show_sample (ChecksumWindow       *self,
             const ChecksumSample *sample)
{
  const ChecksumProgress *progress = &sample->progress;
  g_autofree char *files = progress->ended && progress->complete ? format_summary (progress)
                                                                 : format_files (progress);
  g_autofree char *heading = g_strdup_printf ("%s: %s", describe_state (self, progress),
                                              self->failure != NULL ? self->failure : files);
  g_autofree char *bytes = format_bytes (progress);
  g_autofree char *rate = format_throughput (&self->throughput, progress);
  g_autofree char *elapsed = format_seconds (progress->elapsed);

  gtk_label_set_label (GTK_LABEL (self->heading_label), heading);
  gtk_label_set_label (GTK_LABEL (self->bytes_label), bytes);
  gtk_label_set_label (GTK_LABEL (self->rate_label), progress->ended ? "" : rate);
  gtk_label_set_label (GTK_LABEL (self->elapsed_label), elapsed);
  gtk_progress_bar_set_fraction (GTK_PROGRESS_BAR (self->progress_bar),
                                 checksum_progress_get_fraction (progress));
  show_problems (self, sample);
  thread_view_update (self->thread_view, sample->threads);
}

static void
refresh (ChecksumWindow *self)
{
  g_autoptr(ChecksumSample) sample = checksum_sample_new (self->job, self->n_problems);

  show_sample (self, sample);
}

static void
set_state (ChecksumWindow      *self,
           ChecksumWindowState  state)
{
  self->state = state;
  gtk_widget_set_sensitive (self->cancel_button, state == CHECKSUM_WINDOW_RUNNING);
  gtk_widget_set_visible (self->cancel_button, state != CHECKSUM_WINDOW_ENDED);
  gtk_widget_set_visible (self->again_button, state == CHECKSUM_WINDOW_ENDED);
}

static void
show_total (ChecksumWindow *self)
{
  ChecksumRecord *record = checksum_job_get_record (self->job);
  g_autofree char *total = checksum_record_dup_total (record);
  ChecksumProgress progress;

  checksum_record_get_progress (record, &progress);
  gtk_label_set_label (GTK_LABEL (self->total_title),
                       progress.complete ? "Total" : "Total of the files done");
  gtk_label_set_label (GTK_LABEL (self->total_label), total);
  gtk_widget_set_visible (self->total_box, TRUE);
}

/* The picture */

static void
on_screenshot_saved (GObject      *source,
                     GAsyncResult *result,
                     gpointer      user_data)
{
  ChecksumWindow *self = CHECKSUM_WINDOW (source);
  g_autoptr(GError) error = NULL;

  if (!screenshot_save_finish (GTK_WINDOW (self), result, &error))
    {
      g_printerr ("%s: %s\n", g_get_prgname (), error->message);
      self->options->exit_status = EXIT_FAILURE;
    }
  gtk_window_close (GTK_WINDOW (self));
}

/* Nothing else is shown from here on: the picture is of this instant, though the job goes on. */
static void
on_screenshot_sample (GObject      *source,
                      GAsyncResult *result,
                      gpointer      user_data)
{
  g_autoptr(ChecksumWindow) self = user_data;
  g_autoptr(ChecksumSample) sample = checksum_sample_at_finish (result);

  if (self->job == NULL) /* the window was closed in the meantime */
    return;
  show_sample (self, sample);
  screenshot_save_async (GTK_WINDOW (self), self->options->screenshot, on_screenshot_saved, NULL);
}

/* The job */

/* Of the job as a whole; the first one is the cause. */
static void
set_failure (ChecksumWindow *self,
             const GError   *error)
{
  if (self->failure == NULL)
    self->failure = g_strdup (error->message);
}

static void
on_job_joined (GObject      *source,
               GAsyncResult *result,
               gpointer      user_data)
{
  g_autoptr(ChecksumWindow) self = user_data;
  g_autoptr(GError) error = NULL;

  if (!checksum_job_join_finish (self->job, result, &error))
    set_failure (self, error);

  if (self->state == CHECKSUM_WINDOW_CLOSING)
    {
      gtk_window_destroy (GTK_WINDOW (self));
      return;
    }

  if (self->options->screenshot != NULL)
    {
      self->state = CHECKSUM_WINDOW_ENDED;
      return;
    }

  g_clear_handle_id (&self->refresh_source, g_source_remove);
  set_state (self, CHECKSUM_WINDOW_ENDED);
  refresh (self);
  show_total (self);
  if (self->options->autoclose)
    gtk_window_close (GTK_WINDOW (self));
}

static gboolean
on_refresh (gpointer user_data)
{
  refresh (user_data);
  return G_SOURCE_CONTINUE;
}

static void
start_job (ChecksumWindow *self)
{
  g_autoptr(GError) error = NULL;

  g_clear_pointer (&self->failure, g_free);
  if (!checksum_job_start (self->job, &error))
    set_failure (self, error);
  checksum_job_join_async (self->job, on_job_joined, g_object_ref (self));
  set_state (self, CHECKSUM_WINDOW_RUNNING);

  if (self->options->screenshot != NULL)
    {
      checksum_sample_at_async (self->job, SCREENSHOT_FRACTION,
                                on_screenshot_sample, g_object_ref (self));
      return;
    }
  refresh (self);
  self->refresh_source = g_timeout_add (REFRESH_INTERVAL, on_refresh, self);
}

static void
on_cancel_all (ChecksumWindow *self)
{
  checksum_job_cancel (self->job);
  set_state (self, CHECKSUM_WINDOW_CANCELLING);
  refresh (self);
}

static void
on_start_again (ChecksumWindow *self)
{
  g_autoptr(GError) error = NULL;
  ChecksumJob *job = checksum_job_new (checksum_job_get_folder (self->job),
                                       checksum_job_get_n_workers (self->job), &error);

  if (job == NULL)
    {
      set_failure (self, error);
      refresh (self);
      return;
    }

  checksum_job_unref (self->job);
  self->job = job;
  self->throughput = (FormatThroughput) { 0 };
  self->n_problems = 0;
  gtk_string_list_splice (self->problems, 0,
                          g_list_model_get_n_items (G_LIST_MODEL (self->problems)), NULL);
  gtk_expander_set_label (GTK_EXPANDER (self->problems_expander), "No errors");
  gtk_expander_set_expanded (GTK_EXPANDER (self->problems_expander), FALSE);
  gtk_widget_set_sensitive (self->problems_expander, FALSE);
  gtk_widget_set_visible (self->total_box, FALSE);
  start_job (self);
}

/* The window */

/* The second frame means that the first was shown: a short job would be over before it. */
static gboolean
on_frame (GtkWidget     *widget,
          GdkFrameClock *clock,
          gpointer       user_data)
{
  ChecksumWindow *self = CHECKSUM_WINDOW (widget);
  gboolean *is_second = user_data;

  if (!*is_second)
    {
      *is_second = TRUE;
      gtk_widget_queue_draw (widget);
      return G_SOURCE_CONTINUE;
    }
  if (self->state == CHECKSUM_WINDOW_WAITING)
    start_job (self);
  return G_SOURCE_REMOVE;
}

static gboolean
checksum_window_close_request (GtkWindow *window)
{
  ChecksumWindow *self = CHECKSUM_WINDOW (window);

  switch (self->state)
    {
    case CHECKSUM_WINDOW_WAITING:
    case CHECKSUM_WINDOW_ENDED:
      return GTK_WINDOW_CLASS (checksum_window_parent_class)->close_request (window);

    case CHECKSUM_WINDOW_RUNNING:
    case CHECKSUM_WINDOW_CANCELLING:
      checksum_job_cancel (self->job);
      set_state (self, CHECKSUM_WINDOW_CLOSING);
      refresh (self);
      return TRUE;

    case CHECKSUM_WINDOW_CLOSING:
      return TRUE;

    default:
      g_return_val_if_reached (FALSE);
    }
}

static gboolean
on_signal (gpointer user_data)
{
  gtk_window_close (user_data);
  return G_SOURCE_CONTINUE;
}

static void
on_setup_problem (GtkListItemFactory *factory,
                  GtkListItem        *cell)
{
  GtkWidget *label = gtk_label_new (NULL);
  GtkExpression *item = gtk_property_expression_new (GTK_TYPE_LIST_ITEM, NULL, "item");
  GtkExpression *text = gtk_property_expression_new (GTK_TYPE_STRING_OBJECT, item, "string");

  gtk_label_set_xalign (GTK_LABEL (label), 0);
  gtk_label_set_ellipsize (GTK_LABEL (label), PANGO_ELLIPSIZE_MIDDLE);
  gtk_expression_bind (gtk_expression_ref (text), label, "label", cell);
  gtk_expression_bind (text, label, "tooltip-text", cell);
  gtk_list_item_set_child (cell, label);
}

static void
checksum_window_dispose (GObject *object)
{
  ChecksumWindow *self = CHECKSUM_WINDOW (object);

  g_clear_handle_id (&self->refresh_source, g_source_remove);
  g_clear_handle_id (&self->signal_source, g_source_remove);
  g_clear_pointer (&self->job, checksum_job_unref);
  g_clear_pointer (&self->failure, g_free);
  g_clear_object (&self->problems);
  G_OBJECT_CLASS (checksum_window_parent_class)->dispose (object);
}

static void
checksum_window_class_init (ChecksumWindowClass *klass)
{
  GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (klass);

  G_OBJECT_CLASS (klass)->dispose = checksum_window_dispose;
  GTK_WINDOW_CLASS (klass)->close_request = checksum_window_close_request;

  g_type_ensure (THREAD_TYPE_VIEW);
  gtk_widget_class_set_template_from_resource (widget_class,
                                               "/org/thredo/checksum/checksum-window.ui");
  gtk_widget_class_bind_template_child (widget_class, ChecksumWindow, folder_label);
  gtk_widget_class_bind_template_child (widget_class, ChecksumWindow, cancel_button);
  gtk_widget_class_bind_template_child (widget_class, ChecksumWindow, again_button);
  gtk_widget_class_bind_template_child (widget_class, ChecksumWindow, heading_label);
  gtk_widget_class_bind_template_child (widget_class, ChecksumWindow, rate_label);
  gtk_widget_class_bind_template_child (widget_class, ChecksumWindow, progress_bar);
  gtk_widget_class_bind_template_child (widget_class, ChecksumWindow, bytes_label);
  gtk_widget_class_bind_template_child (widget_class, ChecksumWindow, elapsed_label);
  gtk_widget_class_bind_template_child (widget_class, ChecksumWindow, thread_view);
  gtk_widget_class_bind_template_child (widget_class, ChecksumWindow, problems_expander);
  gtk_widget_class_bind_template_child (widget_class, ChecksumWindow, problems_view);
  gtk_widget_class_bind_template_child (widget_class, ChecksumWindow, total_box);
  gtk_widget_class_bind_template_child (widget_class, ChecksumWindow, total_title);
  gtk_widget_class_bind_template_child (widget_class, ChecksumWindow, total_label);
  gtk_widget_class_bind_template_callback (widget_class, on_cancel_all);
  gtk_widget_class_bind_template_callback (widget_class, on_start_again);
}

static void
checksum_window_init (ChecksumWindow *self)
{
  g_autoptr(GtkListItemFactory) factory = gtk_signal_list_item_factory_new ();
  g_autoptr(GtkNoSelection) model = NULL;

  gtk_widget_init_template (GTK_WIDGET (self));

  self->problems = gtk_string_list_new (NULL);
  model = gtk_no_selection_new (g_object_ref (G_LIST_MODEL (self->problems)));
  g_signal_connect (factory, "setup", G_CALLBACK (on_setup_problem), NULL);
  gtk_list_view_set_model (self->problems_view, GTK_SELECTION_MODEL (model));
  gtk_list_view_set_factory (self->problems_view, factory);

  self->signal_source = g_unix_signal_add (SIGINT, on_signal, self);
}

/* As high as its rows need it, within what fits on a small screen. */
static void
set_default_height (ChecksumWindow *self)
{
  int n_rows = checksum_job_get_n_workers (self->job) + 3;

  gtk_window_set_default_size (GTK_WINDOW (self), 860, CLAMP (270 + 32 * n_rows, 400, 700));
}

static void
load_style (void)
{
  g_autoptr(GtkCssProvider) provider = gtk_css_provider_new ();

  gtk_css_provider_load_from_resource (provider, "/org/thredo/checksum/checksum-window.css");
  gtk_style_context_add_provider_for_display (gdk_display_get_default (),
                                              GTK_STYLE_PROVIDER (provider),
                                              GTK_STYLE_PROVIDER_PRIORITY_APPLICATION);
}

static void
on_activate (GtkApplication        *application,
             ChecksumWindowOptions *options)
{
  const char *close_keys[] = { "<Control>q", "<Control>w", NULL };
  ChecksumWindow *window;
  g_autofree char *folder = format_path (checksum_job_get_folder (options->job));

  load_style ();
  gtk_application_set_accels_for_action (application, "window.close", close_keys);
  window = g_object_new (CHECKSUM_TYPE_WINDOW, "application", application, NULL);
  window->options = options;
  window->job = checksum_job_ref (options->job);
  gtk_label_set_label (GTK_LABEL (window->folder_label), folder);
  set_default_height (window);
  refresh (window);
  gtk_widget_add_tick_callback (GTK_WIDGET (window), on_frame, g_new0 (gboolean, 1), g_free);
  gtk_window_present (GTK_WINDOW (window));
}

/* Whether there is a display to show a window on. */
gboolean
checksum_window_is_possible (void)
{
  return gtk_init_check ();
}

/* Shows @job in a window and runs it there, until the window is closed and every thread has ended.
 * With @screenshot, saves a picture of it on the way, and closes. Returns the exit status. */
int
checksum_window_run (ChecksumJob *job,
                     const char  *screenshot,
                     gboolean     autoclose)
{
  ChecksumWindowOptions options = { job, screenshot, autoclose, EXIT_SUCCESS };
  g_autoptr(GtkApplication) application = NULL;
  int status;

  /* A look at itself attaches the main thread: it is in the list too. */
  thredo_thread_self ();

  application = gtk_application_new ("org.thredo.Checksum", G_APPLICATION_NON_UNIQUE);
  g_signal_connect (application, "activate", G_CALLBACK (on_activate), &options);
  status = g_application_run (G_APPLICATION (application), 0, NULL);
  return status != 0 ? status : options.exit_status;
}
