/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "ctl-output.h"
#include "ctl-process.h"
#include "ctl-screen.h"
#include "ctl-select.h"
#include "ctl-text.h"
#include "ctl-threads.h"

#include <glib-unix.h>
#include <signal.h>
#include <unistd.h>

typedef struct
{
  guint64 id;
  gint64 cpu_time;
  double percent; /* -1: it was not there before */
  ThredoThreadInfo *info;
} Row;

typedef struct
{
  ThredoMonitor *monitor;
  CtlOptions *options;
  GMainLoop *loop;
  GArray *rows;
  gint64 looked_at; /* when the rows were made; 0: never */
  gint64 asked_at;  /* 0: everything is answered */
  guint n_rounds;
  gboolean is_screen;
  CtlStatus status;
} Top;

static void
row_clear (gpointer data)
{
  g_object_unref (((Row *) data)->info);
}

static int
compare_rows (gconstpointer a,
              gconstpointer b)
{
  const Row *one = a, *other = b;

  if (one->percent != other->percent)
    return one->percent > other->percent ? -1 : 1;
  if (one->cpu_time != other->cpu_time)
    return one->cpu_time > other->cpu_time ? -1 : 1;
  return (one->id > other->id) - (one->id < other->id);
}

/* Whoever has used most since the last time comes first. */
static void
look (Top *top)
{
  g_autoptr(GPtrArray) threads = thredo_monitor_snapshot (top->monitor);
  g_autoptr(GHashTable) before = g_hash_table_new (g_int64_hash, g_int64_equal);
  GArray *rows = g_array_sized_new (FALSE, FALSE, sizeof (Row), threads->len);
  gint64 now = g_get_monotonic_time ();

  for (guint i = 0; i < top->rows->len; i++)
    g_hash_table_insert (before, &g_array_index (top->rows, Row, i).id,
                         &g_array_index (top->rows, Row, i));
  g_array_set_clear_func (rows, row_clear);
  for (guint i = 0; i < threads->len; i++)
    {
      Row row = { .info = g_object_ref (threads->pdata[i]), .percent = -1 };
      Row *old;

      row.id = thredo_thread_info_get_id (row.info);
      row.cpu_time = thredo_thread_info_get_cpu_time (row.info);
      old = g_hash_table_lookup (before, &row.id);
      if (old != NULL && now > top->looked_at)
        row.percent = 100.0 * ((double) row.cpu_time - (double) old->cpu_time) /
                      (double) (now - top->looked_at);
      g_array_append_val (rows, row);
    }
  g_array_sort (rows, compare_rows);
  g_array_unref (top->rows);
  top->rows = rows;
  top->looked_at = now;
}

static char *
new_heading (Top   *top,
             guint  width)
{
  g_autoptr(GPtrArray) deadlocks = thredo_monitor_find_deadlocks (top->monitor);
  g_autofree char *process = ctl_process_describe (thredo_monitor_get_pid (top->monitor));
  g_autofree char *plain = ctl_text_plain (process);
  g_autofree char *latency = NULL;
  g_autoptr(GString) line = g_string_new (NULL);
  guint n_waiting = thredo_monitor_get_n_waiting (top->monitor);

  latency = ctl_text_duration (thredo_monitor_get_loop_latency (top->monitor));
  g_string_printf (line, "%s: %u thread%s, %u waiting, %.0f waits/s, loop late by %s", plain,
                   top->rows->len, top->rows->len != 1 ? "s" : "", n_waiting,
                   thredo_monitor_get_waits_per_second (top->monitor), latency);
  if (deadlocks->len > 0)
    g_string_append_printf (line, ", %u DEADLOCK%s", deadlocks->len, deadlocks->len > 1 ? "S" : "");
  if (top->asked_at != 0 && g_get_monotonic_time () - top->asked_at > G_TIME_SPAN_SECOND)
    {
      g_autofree char *since = ctl_text_since (top->asked_at);

      g_string_append_printf (line, "; no answer for %s", since);
    }
  return width > 0 ? ctl_text_cut (line->str, width) : g_strdup (line->str);
}

static void
draw (Top *top)
{
  CtlTable *table = ctl_table_new ();
  guint width = 0, height = 0;
  g_autofree char *heading = NULL;
  g_autofree char *lines = NULL;
  g_autofree char *text = NULL;

  if (top->is_screen)
    ctl_screen_get_size (&width, &height);
  heading = new_heading (top, width);
  ctl_threads_add_columns (table, TRUE);
  for (guint i = 0; i < top->rows->len && (height == 0 || i + 2 < height); i++)
    {
      Row *row = &g_array_index (top->rows, Row, i);
      g_autofree char *percent = NULL;

      percent = row->percent >= 0 ? g_strdup_printf ("%.1f", row->percent) : g_strdup ("-");
      ctl_threads_add_row (table, row->info, percent);
    }
  lines = ctl_table_free_to_string (table, width, height > 1 ? height - 1 : 0);
  text = g_strdup_printf ("%s\n%s%s", heading, lines, top->is_screen ? "" : "\n");
  top->status = top->is_screen ? ctl_screen_draw (text) : ctl_output_write (text);
  if (top->status != CTL_DONE)
    g_main_loop_quit (top->loop);
}

static void
refreshed (Top *top)
{
  if (top->asked_at == 0)
    return;
  top->asked_at = 0;
  look (top);
  draw (top);
  top->n_rounds++;
  if (top->n_rounds == top->options->rounds)
    g_main_loop_quit (top->loop);
}

static void
closed (Top *top)
{
  g_main_loop_quit (top->loop);
}

static gboolean
tick (gpointer data)
{
  Top *top = data;
  guint pid = thredo_monitor_get_pid (top->monitor);

  /* On a screen the table stays, and it is said how old it is. */
  if (top->asked_at == 0)
    top->asked_at = g_get_monotonic_time ();
  else if (top->is_screen)
    draw (top);
  else if (ctl_select_is_too_long (pid, g_get_monotonic_time () - top->asked_at))
    {
      ctl_output_complain ("Process %u does not answer", pid);
      top->status = CTL_FAILED;
      g_main_loop_quit (top->loop);
    }
  thredo_monitor_refresh (top->monitor);
  return G_SOURCE_CONTINUE;
}

static gboolean
end (gpointer data)
{
  g_main_loop_quit (((Top *) data)->loop);
  return G_SOURCE_CONTINUE;
}

static gboolean
resized (gpointer data)
{
  draw (data);
  return G_SOURCE_CONTINUE;
}

static gboolean
key_pressed (int          fd,
             GIOCondition condition,
             gpointer     data)
{
  Top *top = data;
  int key = ctl_screen_read_key ();

  if (key == 0)
    return G_SOURCE_REMOVE;
  if (key == 'q' || key == 'Q')
    g_main_loop_quit (top->loop);
  else if (key == ' ')
    tick (top);
  return G_SOURCE_CONTINUE;
}

static void
run_screen (Top *top)
{
  g_unix_signal_add (SIGINT, end, top);
  g_unix_signal_add (SIGTERM, end, top);
  g_unix_signal_add (SIGHUP, end, top);
  g_unix_signal_add (SIGWINCH, resized, top);
  if (isatty (STDIN_FILENO))
    g_unix_fd_add (STDIN_FILENO, G_IO_IN | G_IO_HUP, key_pressed, top);
}

CtlStatus
ctl_top_run (CtlOptions *options)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(ThredoMonitor) monitor = ctl_select (options->process, &error);
  g_autoptr(GMainLoop) loop = g_main_loop_new (NULL, FALSE);
  GTimeSpan delay = options->delay > 0 ? options->delay : 2 * G_TIME_SPAN_SECOND;
  Top top = { monitor, options, loop };
  guint pid;

  if (monitor == NULL)
    return ctl_output_fail (error);
  pid = thredo_monitor_get_pid (monitor);
  top.rows = g_array_new (FALSE, FALSE, sizeof (Row));
  g_array_set_clear_func (top.rows, row_clear);
  top.is_screen = ctl_screen_open ();
  if (top.is_screen)
    run_screen (&top);
  thredo_monitor_set_interval (monitor, 0);
  g_signal_connect_swapped (monitor, "refreshed", G_CALLBACK (refreshed), &top);
  g_signal_connect_swapped (monitor, "notify::closed", G_CALLBACK (closed), &top);
  g_timeout_add ((guint) MAX (delay / 1000, 1), tick, &top);
  tick (&top);
  if (!thredo_monitor_is_closed (monitor))
    g_main_loop_run (loop);

  g_signal_handlers_disconnect_by_data (monitor, &top);
  ctl_screen_close ();
  g_array_unref (top.rows);
  if (thredo_monitor_is_closed (monitor) && top.status == CTL_DONE)
    ctl_output_complain ("Process %u has gone", pid);
  return top.status;
}
