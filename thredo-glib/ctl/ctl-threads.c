/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "ctl-threads.h"

#include "ctl-output.h"
#include "ctl-select.h"
#include "ctl-text.h"

static gboolean
waits (ThredoThreadInfo *info)
{
  return thredo_thread_info_get_state (info) == THREDO_THREAD_STATE_WAITING;
}

static void
append_flag (GString    *flags,
             gboolean    is_set,
             const char *flag)
{
  if (is_set)
    g_string_append_printf (flags, "%s%s", flags->len > 0 ? "," : "", flag);
}

static char *
dup_flags (ThredoThreadInfo *info)
{
  GString *flags = g_string_new (NULL);

  append_flag (flags, thredo_thread_info_is_cancelled (info), "cancelled");
  append_flag (flags, thredo_thread_info_is_shielded (info), "shielded");
  append_flag (flags, thredo_thread_info_is_daemon (info), "daemon");
  return g_string_free (flags, FALSE);
}

void
ctl_threads_add_columns (CtlTable *table,
                         gboolean  has_percent)
{
  ctl_table_add_column (table, CTL_COLUMN_RIGHT, "THREAD");
  ctl_table_add_column (table, CTL_COLUMN_TEXT, "NAME");
  ctl_table_add_column (table, CTL_COLUMN_TEXT, "GROUP");
  if (has_percent)
    ctl_table_add_column (table, CTL_COLUMN_RIGHT, "%CPU");
  ctl_table_add_column (table, CTL_COLUMN_RIGHT, "CPU");
  ctl_table_add_column (table, CTL_COLUMN_LEFT, "STATE");
  ctl_table_add_column (table, CTL_COLUMN_RIGHT, "FOR");
  ctl_table_add_column (table, CTL_COLUMN_LEFT, "FLAGS");
  ctl_table_add_column (table, CTL_COLUMN_TEXT, "WAITS");
}

/* A percent of NULL: there is no such column. */
void
ctl_threads_add_row (CtlTable         *table,
                     ThredoThreadInfo *info,
                     const char       *percent)
{
  gint64 since = thredo_thread_info_get_waiting_since (info);
  gboolean is_waiting = waits (info);

  ctl_table_add_number (table, thredo_thread_info_get_id (info));
  ctl_table_add (table, thredo_thread_info_get_name (info));
  ctl_table_take (table, ctl_text_path (thredo_thread_info_get_group_path (info)));
  if (percent != NULL)
    ctl_table_add (table, percent);
  ctl_table_take (table, ctl_text_duration (thredo_thread_info_get_cpu_time (info)));
  ctl_table_add (table, is_waiting ? "waiting" : "running");
  ctl_table_take (table, is_waiting && since > 0 ? ctl_text_since (since) : NULL);
  ctl_table_take (table, dup_flags (info));
  ctl_table_add (table, thredo_thread_info_get_waiting_for (info));
}

static void
add_thread (CtlJson          *json,
            ThredoThreadInfo *info)
{
  gboolean is_waiting = waits (info);

  ctl_json_begin_object (json, NULL);
  ctl_json_add_uint (json, "id", thredo_thread_info_get_id (info));
  ctl_json_add_string (json, "name", thredo_thread_info_get_name (info));
  ctl_json_add_string (json, "state", is_waiting ? "waiting" : "running");
  ctl_json_add_string (json, "waiting_for", thredo_thread_info_get_waiting_for (info));
  if (is_waiting)
    ctl_json_add_int (json, "waiting_since", thredo_thread_info_get_waiting_since (info));
  ctl_json_add_uint (json, "n_waits", thredo_thread_info_get_n_waits (info));
  ctl_json_add_int (json, "cpu_time", thredo_thread_info_get_cpu_time (info));
  if (thredo_thread_info_get_group_id (info) != 0)
    ctl_json_add_uint (json, "group_id", thredo_thread_info_get_group_id (info));
  ctl_json_add_strings (json, "group_path", thredo_thread_info_get_group_path (info));
  ctl_json_add_strings (json, "held", thredo_thread_info_get_held (info));
  ctl_json_add_boolean (json, "cancelled", thredo_thread_info_is_cancelled (info));
  ctl_json_add_boolean (json, "shielded", thredo_thread_info_is_shielded (info));
  ctl_json_add_boolean (json, "daemon", thredo_thread_info_is_daemon (info));
  ctl_json_end_object (json);
}

void
ctl_threads_add_json (CtlJson    *json,
                      const char *key,
                      GPtrArray  *threads)
{
  ctl_json_begin_array (json, key);
  for (guint i = 0; i < threads->len; i++)
    add_thread (json, threads->pdata[i]);
  ctl_json_end_array (json);
}

/* "thread 12 'name'". */
char *
ctl_threads_describe (ThredoThreadInfo *info)
{
  g_autofree char *name = ctl_text_quote (thredo_thread_info_get_name (info));

  return g_strdup_printf ("thread %" G_GUINT64_FORMAT " %s", thredo_thread_info_get_id (info),
                          name);
}

CtlStatus
ctl_ps_run (CtlOptions *options)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(ThredoMonitor) monitor = ctl_select (options->process, &error);
  g_autoptr(GPtrArray) threads = NULL;
  g_autofree char *text = NULL;
  CtlTable *table;

  if (monitor == NULL)
    return ctl_output_fail (error);
  threads = thredo_monitor_snapshot (monitor);
  if (options->is_json)
    {
      CtlJson *json = ctl_json_new ();

      ctl_threads_add_json (json, NULL, threads);
      text = ctl_json_free_to_string (json);
      return ctl_output_write_json (text);
    }

  table = ctl_table_new ();
  ctl_threads_add_columns (table, FALSE);
  for (guint i = 0; i < threads->len; i++)
    ctl_threads_add_row (table, threads->pdata[i], NULL);
  text = ctl_table_free_to_string (table, ctl_table_get_terminal_width (), 0);
  return ctl_output_write (text);
}
