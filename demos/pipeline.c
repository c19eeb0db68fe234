/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A pipeline of child processes, with a deadline: seq | grep | sed
 *
 * It finds the numbers that are all ones, and each takes ten times as long to find as
 * the one before. After a second, or as many as are given, there is an end of it: the
 * lines until then are there, and the children are not. Ctrl+C does the same earlier.
 *
 * For one command alone there is ThredoCommand, which does all of this by itself.
 */

#include <thredo.h>

#include <errno.h>
#include <gio/gunixinputstream.h>
#include <signal.h>
#include <stdlib.h>

#define GRACE (2 * G_TIME_SPAN_SECOND)
#define N_STAGES 3

static const char *const stages[N_STAGES][4] = {
  { "seq", "10000000000", NULL },
  { "grep", "--line-buffered", "^1*$", NULL },
  { "sed", "-u", "s/$/ is all ones/", NULL },
};

typedef struct
{
  GTimeSpan deadline;
  GSubprocess *children[N_STAGES];
  pid_t pids[N_STAGES];
  GPtrArray *lines;
} Pipeline;

static gint64 start;

static void G_GNUC_PRINTF (1, 2)
    report (const char *format,
            ...)
{
  g_autofree char *message = NULL;
  va_list args;

  va_start (args, format);
  message = g_strdup_vprintf (format, args);
  va_end (args);
  g_print ("%4" G_GINT64_FORMAT " ms  %s\n",
           (g_get_monotonic_time () - start) / G_TIME_SPAN_MILLISECOND, message);
}

/* Each child reads from the pipe that the one before it writes to. */
static gboolean
start_children (Pipeline  *self,
                GError   **error)
{
  for (guint i = 0; i < N_STAGES; i++)
    {
      g_autoptr(GSubprocessLauncher) launcher =
          g_subprocess_launcher_new (G_SUBPROCESS_FLAGS_STDOUT_PIPE);

      if (i > 0)
        {
          GUnixInputStream *pipe =
              G_UNIX_INPUT_STREAM (g_subprocess_get_stdout_pipe (self->children[i - 1]));

          g_unix_input_stream_set_close_fd (pipe, FALSE);
          g_subprocess_launcher_take_stdin_fd (launcher, g_unix_input_stream_get_fd (pipe));
        }
      self->children[i] = g_subprocess_launcher_spawnv (launcher, stages[i], error);
      if (self->children[i] == NULL)
        return FALSE;
      self->pids[i] = atoi (g_subprocess_get_identifier (self->children[i]));
    }
  return TRUE;
}

/* Nothing in here knows of the deadline. */
static gboolean
collect (Pipeline  *self,
         GError   **error)
{
  GInputStream *pipe = g_subprocess_get_stdout_pipe (self->children[N_STAGES - 1]);
  g_autoptr(GInputStream) output = thredo_input_stream_new (pipe);
  g_autoptr(GDataInputStream) input = g_data_input_stream_new (output);
  char *line;

  while ((line = g_data_input_stream_read_line (input, NULL, NULL, error)) != NULL)
    {
      report ("%s", line);
      g_ptr_array_add (self->lines, line);
    }
  return *error == NULL;
}

static void
wait_for_children (Pipeline *self)
{
  for (guint i = 0; i < N_STAGES && self->children[i] != NULL; i++)
    thredo_wait_subprocess (self->children[i], NULL, NULL);
}

/* Asks them to end, and after a while does not ask any more. The shield is for the case that
 * this thread was cancelled, in which all further waits would fail. */
static void
end_children (Pipeline *self)
{
  g_autoptr(ThredoScope) shield = thredo_scope_new_shielded ();
  g_autoptr(ThredoScope) grace = thredo_scope_new_with_timeout (GRACE);

  thredo_scope_enter (shield);

  for (guint i = 0; i < N_STAGES && self->children[i] != NULL; i++)
    g_subprocess_send_signal (self->children[i], SIGTERM);
  thredo_scope_enter (grace);
  wait_for_children (self);
  thredo_scope_leave (grace);

  for (guint i = 0; i < N_STAGES && self->children[i] != NULL; i++)
    g_subprocess_force_exit (self->children[i]);
  wait_for_children (self);

  thredo_scope_leave (shield);
}

static void
report_children (Pipeline *self)
{
  for (guint i = 0; i < N_STAGES && self->children[i] != NULL; i++)
    {
      GSubprocess *child = self->children[i];
      gboolean is_gone = kill (self->pids[i], 0) != 0 && errno == ESRCH;

      if (g_subprocess_get_if_signaled (child))
        report ("%-4s was ended by signal %d, and is %s", stages[i][0],
                g_subprocess_get_term_sig (child), is_gone ? "gone" : "still there");
      else
        report ("%-4s ended with %d, and is %s", stages[i][0],
                g_subprocess_get_exit_status (child), is_gone ? "gone" : "still there");
    }
}

static gboolean
run_pipeline (ThredoThread  *thread,
              gpointer       user_data,
              GError       **error)
{
  Pipeline *self = user_data;
  g_autoptr(ThredoScope) scope = thredo_scope_new_with_timeout (self->deadline);
  gboolean complete;

  start = g_get_monotonic_time ();
  thredo_scope_enter (scope);
  complete = start_children (self, error) && collect (self, error);
  thredo_scope_leave (scope);

  if (!complete)
    report ("%s", (*error)->message);
  end_children (self);
  report_children (self);
  g_print ("%u lines until then\n", self->lines->len);

  /* That is how it was meant. */
  if (thredo_scope_is_expired (scope))
    g_clear_error (error);
  return *error == NULL;
}

int
main (int    argc,
      char **argv)
{
  Pipeline pipeline = { .lines = NULL };
  g_autoptr(GError) error = NULL;
  guint64 n_seconds = 1;

  g_set_prgname ("thredo-pipeline");
  if (argc > 2 ||
      (argc == 2 && !g_ascii_string_to_unsigned (argv[1], 10, 0, 3600, &n_seconds, NULL)))
    {
      g_printerr ("Usage: %s [SECONDS]\n", g_get_prgname ());
      return 2;
    }

  pipeline.deadline = n_seconds * G_TIME_SPAN_SECOND;
  pipeline.lines = g_ptr_array_new_with_free_func (g_free);
  if (!thredo_run (THREDO_RUN_HANDLE_SIGNALS, run_pipeline, &pipeline, NULL, &error))
    g_printerr ("%s: %s\n", g_get_prgname (), error->message);

  for (guint i = 0; i < N_STAGES; i++)
    g_clear_object (&pipeline.children[i]);
  g_ptr_array_unref (pipeline.lines);
  if (error == NULL)
    return EXIT_SUCCESS;
  return g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED) ? 130 : EXIT_FAILURE;
}
