/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "ctl-json.h"
#include "ctl-output.h"
#include "ctl-select.h"
#include "ctl-table.h"

/* One program; what it says of itself, or why it does not. */
typedef struct
{
  ThredoProcessInfo *process;
  guint n_threads;
  guint n_waiting;
  GError *error;
  GThread *thread;
} Row;

static void
row_clear (gpointer data)
{
  Row *row = data;

  g_object_unref (row->process);
  g_clear_error (&row->error);
}

static gpointer
ask (gpointer data)
{
  Row *row = data;
  g_autoptr(GMainContext) context = g_main_context_new ();
  g_autoptr(ThredoMonitor) monitor = NULL;

  g_main_context_push_thread_default (context);
  monitor = ctl_select_connect (thredo_process_info_get_pid (row->process), &row->error);
  if (monitor != NULL)
    {
      row->n_threads = g_list_model_get_n_items (G_LIST_MODEL (monitor));
      row->n_waiting = thredo_monitor_get_n_waiting (monitor);
      g_clear_object (&monitor);
    }
  g_main_context_pop_thread_default (context);
  return NULL;
}

/* All at once: one that does not answer holds up no other. */
static GArray *
ask_all (GPtrArray *processes)
{
  GArray *rows = g_array_sized_new (FALSE, TRUE, sizeof (Row), processes->len);

  g_array_set_clear_func (rows, row_clear);
  g_array_set_size (rows, processes->len);
  for (guint i = 0; i < rows->len; i++)
    {
      Row *row = &g_array_index (rows, Row, i);

      row->process = g_object_ref (processes->pdata[i]);
      row->thread = g_thread_new ("ask", ask, row);
    }
  for (guint i = 0; i < rows->len; i++)
    g_thread_join (g_array_index (rows, Row, i).thread);
  return rows;
}

static CtlStatus
write_numbers (GPtrArray *processes)
{
  g_autoptr(GString) lines = g_string_new (NULL);

  for (guint i = 0; i < processes->len; i++)
    g_string_append_printf (lines, "%u\n", thredo_process_info_get_pid (processes->pdata[i]));
  return ctl_output_write (lines->str);
}

static CtlStatus
write_json (GArray *rows)
{
  CtlJson *json = ctl_json_new ();
  g_autofree char *text = NULL;

  ctl_json_begin_array (json, NULL);
  for (guint i = 0; i < rows->len; i++)
    {
      Row *row = &g_array_index (rows, Row, i);

      ctl_json_begin_object (json, NULL);
      ctl_json_add_uint (json, "pid", thredo_process_info_get_pid (row->process));
      ctl_json_add_string (json, "program", thredo_process_info_get_program (row->process));
      ctl_json_add_string (json, "command", thredo_process_info_get_command (row->process));
      if (row->error == NULL)
        {
          ctl_json_add_uint (json, "n_threads", row->n_threads);
          ctl_json_add_uint (json, "n_waiting", row->n_waiting);
        }
      else
        {
          ctl_json_add_string (json, "error", row->error->message);
        }
      ctl_json_end_object (json);
    }
  ctl_json_end_array (json);
  text = ctl_json_free_to_string (json);
  return ctl_output_write_json (text);
}

static CtlStatus
write_table (GArray *rows)
{
  CtlTable *table = ctl_table_new ();
  g_autofree char *text = NULL;

  ctl_table_add_column (table, CTL_COLUMN_RIGHT, "PID");
  ctl_table_add_column (table, CTL_COLUMN_RIGHT, "THREADS");
  ctl_table_add_column (table, CTL_COLUMN_RIGHT, "WAITING");
  ctl_table_add_column (table, CTL_COLUMN_TEXT, "PROGRAM");
  ctl_table_add_column (table, CTL_COLUMN_TEXT, "COMMAND");
  for (guint i = 0; i < rows->len; i++)
    {
      Row *row = &g_array_index (rows, Row, i);

      ctl_table_add_number (table, thredo_process_info_get_pid (row->process));
      if (row->error == NULL)
        {
          ctl_table_add_number (table, row->n_threads);
          ctl_table_add_number (table, row->n_waiting);
        }
      else
        {
          ctl_table_add (table, NULL);
          ctl_table_add (table, NULL);
        }
      ctl_table_add (table, thredo_process_info_get_program (row->process));
      ctl_table_add (table, thredo_process_info_get_command (row->process));
    }
  text = ctl_table_free_to_string (table, ctl_table_get_terminal_width (), 0);
  return ctl_output_write (text);
}

CtlStatus
ctl_list_run (CtlOptions *options)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(GPtrArray) processes = ctl_select_list (&error);
  g_autoptr(GArray) rows = NULL;
  CtlStatus status;

  if (processes == NULL)
    return ctl_output_fail (error);
  if (options->is_bare)
    return write_numbers (processes);

  rows = ask_all (processes);
  if (options->is_json)
    return write_json (rows);
  if (rows->len == 0)
    {
      g_autofree char *none = ctl_select_dup_none ();

      ctl_output_complain ("%s", none);
      return CTL_DONE;
    }
  status = write_table (rows);
  for (guint i = 0; i < rows->len; i++)
    {
      Row *row = &g_array_index (rows, Row, i);

      if (row->error != NULL)
        ctl_output_complain ("%s", row->error->message);
    }
  return status;
}
