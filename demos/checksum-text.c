/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "checksum-text.h"

#include <stdio.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "format.h"
#include "thread-info.h"

/* A job in the terminal: the first thread sits in the join, a thread of its own draws. Ctrl+C
 * cancels the first thread, whose join then cancels the job and waits for all of it. */

#define EXIT_INTERRUPTED 130 /* what a shell says of a process that SIGINT ended */
#define BAR_WIDTH 30

typedef struct
{
  ChecksumJob *job;
  gboolean is_terminal;
  guint n_columns;
  guint n_rows;
  guint n_drawn; /* lines of the table on the screen */
  FormatThroughput throughput;
  gboolean was_interrupted;
} ChecksumText;

/* The table */

static guint
get_char_width (gunichar c)
{
  if (g_unichar_iszerowidth (c))
    return 0;
  return g_unichar_iswide (c) ? 2 : 1;
}

/* Appends @text in exactly @width columns, with its end cut off where it is longer. */
static void
append_cell (GString    *line,
             const char *text,
             guint       width)
{
  guint used = 0;

  for (const char *p = text; *p != '\0'; p = g_utf8_next_char (p))
    {
      guint char_width = get_char_width (g_utf8_get_char (p));

      if (used + char_width > width)
        break;
      g_string_append_len (line, p, g_utf8_next_char (p) - p);
      used += char_width;
    }
  for (; used < width; used++)
    g_string_append_c (line, ' ');
}

static void
append_row (GString    *screen,
            guint       n_columns,
            const char *name,
            const char *state,
            const char *since,
            const char *activity)
{
  g_autoptr(GString) line = g_string_new (NULL);

  append_cell (line, name, 16);
  append_cell (line, state, 12);
  append_cell (line, since, 10);
  g_string_append (line, activity);
  append_cell (screen, line->str, n_columns);
  g_string_append_c (screen, '\n');
}

static void
append_bar (GString *screen,
            double   fraction)
{
  guint n_full = fraction * BAR_WIDTH;

  g_string_append_c (screen, '[');
  for (guint i = 0; i < BAR_WIDTH; i++)
    g_string_append_c (screen, i < n_full ? '#' : '.');
  g_string_append_printf (screen, "] %3d %%\n", (int) (fraction * 100));
}

static char *
describe_progress (ChecksumText           *self,
                   const ChecksumProgress *progress)
{
  g_autofree char *files = format_files (progress);
  g_autofree char *bytes = format_bytes (progress);
  g_autofree char *rate = format_throughput (&self->throughput, progress);
  g_autofree char *problems = format_problems (progress);

  return g_strdup_printf ("%s, %s, %s, %s", files, bytes, rate, problems);
}

static void
measure_terminal (ChecksumText *self)
{
  struct winsize size;

  self->n_columns = 80;
  self->n_rows = 24;
  if (ioctl (STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 1 && size.ws_row > 0)
    {
      self->n_columns = size.ws_col - 1; /* the last one makes some terminals wrap */
      self->n_rows = size.ws_row;
    }
}

static void
append_threads (ChecksumText *self,
                GString      *screen)
{
  g_autoptr(GPtrArray) infos = thread_info_list (self->job);
  guint room = MAX (self->n_rows, 8) - 6;
  guint n_shown = infos->len <= room ? infos->len : room - 1;

  g_string_append (screen, "\033[1m");
  append_row (screen, self->n_columns, "THREAD", "STATE", "SINCE", "WAITING FOR / FILE");
  g_string_append (screen, "\033[0m");
  for (guint i = 0; i < n_shown; i++)
    {
      ThreadInfo *info = g_ptr_array_index (infos, i);

      append_row (screen, self->n_columns, info->name,
                  info->cancelling ? "cancelling" : info->state, info->since, info->activity);
    }
  if (n_shown < infos->len)
    g_string_append_printf (screen, "... and %u more\n", infos->len - n_shown);
}

static guint
count_lines (const char *text)
{
  guint n_lines = 0;

  for (; *text != '\0'; text++)
    n_lines += *text == '\n';
  return n_lines;
}

/* Goes back over what was drawn before and clears from there, all in one write, so that nothing
 * flickers. */
static void
erase_table (ChecksumText *self,
             GString      *screen)
{
  g_string_append_c (screen, '\r');
  if (self->n_drawn > 0)
    g_string_append_printf (screen, "\033[%uA", self->n_drawn);
  g_string_append (screen, "\033[J");
  self->n_drawn = 0;
}

static void
draw_table (ChecksumText           *self,
            const ChecksumProgress *progress)
{
  g_autoptr(GString) screen = g_string_new (NULL);
  g_autoptr(GString) table = g_string_new (NULL);
  g_autofree char *line = describe_progress (self, progress);

  measure_terminal (self);
  append_cell (table, line, self->n_columns);
  g_string_append_c (table, '\n');
  append_bar (table, checksum_progress_get_fraction (progress));
  append_threads (self, table);

  erase_table (self, screen);
  g_string_append (screen, table->str);
  fwrite (screen->str, 1, screen->len, stdout);
  fflush (stdout);
  self->n_drawn = count_lines (table->str);
}

static void
print_progress (ChecksumText           *self,
                const ChecksumProgress *progress)
{
  g_autofree char *line = describe_progress (self, progress);

  printf ("%s\n", line);
  fflush (stdout);
}

static gboolean
run_display (ThredoThread  *thread,
             gpointer       user_data,
             GError       **error)
{
  ChecksumText *self = user_data;
  ChecksumProgress progress;

  while (thredo_sleep (self->is_terminal ? G_TIME_SPAN_SECOND / 10 : G_TIME_SPAN_SECOND,
                       NULL, error))
    {
      checksum_record_get_progress (checksum_job_get_record (self->job), &progress);
      if (self->is_terminal)
        draw_table (self, &progress);
      else
        print_progress (self, &progress);
    }
  return FALSE;
}

/* The end */

static void
print_problems (ChecksumText *self)
{
  ChecksumRecord *record = checksum_job_get_record (self->job);
  g_autoptr(GPtrArray) problems = checksum_record_list_problems (record, 0);

  for (guint i = 0; i < problems->len; i++)
    {
      ChecksumProblem *problem = g_ptr_array_index (problems, i);
      g_autofree char *path = format_path (problem->path);

      fprintf (stderr, "%s: %s: %s\n", g_get_prgname (), path, problem->message);
    }
}

static void
print_summary (ChecksumText           *self,
               const ChecksumProgress *progress)
{
  g_autofree char *folder = format_path (checksum_job_get_folder (self->job));
  g_autofree char *files = format_count (progress->files_done);
  g_autofree char *found = format_count (progress->files_found);
  g_autofree char *size = format_size (progress->bytes_done);
  g_autofree char *bytes = format_count (progress->bytes_done);
  g_autofree char *skipped = format_count (progress->entries_skipped);
  g_autofree char *elapsed = format_seconds (progress->elapsed);
  g_autofree char *rate = format_size (progress->bytes_done * (double) G_TIME_SPAN_SECOND /
                                       MAX (progress->elapsed, 1));
  g_autofree char *total = checksum_record_dup_total (checksum_job_get_record (self->job));

  if (self->was_interrupted)
    printf ("Interrupted: every thread was cancelled and has ended.\n");
  printf ("folder      %s\n", folder);
  printf ("files       %s of %s%s\n", files, found, progress->counted ? "" : "+");
  printf ("bytes       %s (%s)\n", bytes, size);
  printf ("skipped     %s (links and special files)\n", skipped);
  printf ("errors      %u\n", progress->n_errors);
  if (progress->n_not_done > 0)
    printf ("not done    %u, as their worker was cancelled\n", progress->n_not_done);
  printf ("workers     %u\n", checksum_job_get_n_workers (self->job));
  printf ("elapsed     %s\n", elapsed);
  printf ("throughput  %s/s\n", rate);
  printf ("total       %s%s\n", total, progress->complete ? "" : " (of the files done)");
  fflush (stdout);
}

/* The beginning */

/* Waits for the display even where the caller is cancelled: it draws to what the caller owns. */
static void
stop_display (ThredoThread *display)
{
  g_autoptr(ThredoScope) shield = thredo_scope_new_shielded ();

  thredo_thread_cancel (display);
  thredo_scope_enter (shield);
  thredo_thread_wait (display, NULL, NULL);
  thredo_scope_leave (shield);
}

static gboolean
run_job (ThredoThread  *thread,
         gpointer       user_data,
         GError       **error)
{
  ChecksumText *self = user_data;
  g_autoptr(ThredoThread) display = NULL;
  g_autoptr(GError) local_error = NULL;
  g_autoptr(GError) join_error = NULL;

  if (checksum_job_start (self->job, &local_error))
    display = thredo_thread_spawn ("display", run_display, self, NULL, &local_error);
  if (display == NULL)
    checksum_job_cancel (self->job);

  checksum_job_join (self->job, &join_error);
  if (display != NULL)
    stop_display (display);

  self->was_interrupted = g_error_matches (join_error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  if (local_error == NULL)
    local_error = g_steal_pointer (&join_error);
  if (local_error == NULL)
    return TRUE;
  g_propagate_error (error, g_steal_pointer (&local_error));
  return FALSE;
}

/* Runs @job to its end, shows it, and returns the exit status: 0, or 1 where a file could not be
 * read, or 130 after Ctrl+C. */
int
checksum_text_run (ChecksumJob *job)
{
  ChecksumText self = { .job = job, .is_terminal = isatty (STDOUT_FILENO) };
  g_autoptr(GString) screen = g_string_new (NULL);
  g_autoptr(GError) error = NULL;
  ChecksumProgress progress;

  thredo_run (THREDO_RUN_HANDLE_SIGNALS, run_job, &self, NULL, &error);

  if (self.n_drawn > 0)
    {
      erase_table (&self, screen);
      fputs (screen->str, stdout);
      fflush (stdout);
    }
  if (error != NULL && !self.was_interrupted)
    fprintf (stderr, "%s: %s\n", g_get_prgname (), error->message);

  checksum_record_get_progress (checksum_job_get_record (job), &progress);
  print_problems (&self);
  print_summary (&self, &progress);

  if (self.was_interrupted)
    return EXIT_INTERRUPTED;
  return error == NULL && progress.n_errors == 0 ? 0 : 1;
}
