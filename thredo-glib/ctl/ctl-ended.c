/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "ctl-ended.h"

#include "ctl-output.h"
#include "ctl-select.h"
#include "ctl-table.h"
#include "ctl-text.h"

static const char *
get_end (ThredoEndedInfo *info)
{
  switch (thredo_ended_info_get_state (info))
    {
    case THREDO_THREAD_STATE_CANCELLED:
      return "cancelled";
    case THREDO_THREAD_STATE_FAILED:
      return "failed";
    default:
      return "finished";
    }
}

const char *
ctl_ended_describe (ThredoEndedInfo *info)
{
  switch (thredo_ended_info_get_state (info))
    {
    case THREDO_THREAD_STATE_CANCELLED:
      return "has ended: it was cancelled";
    case THREDO_THREAD_STATE_FAILED:
      return "has ended: it failed";
    default:
      return "has ended";
    }
}

void
ctl_ended_add_json (CtlJson       *json,
                    const char    *key,
                    ThredoMonitor *monitor)
{
  g_autoptr(GPtrArray) history = thredo_monitor_get_history (monitor);

  ctl_json_begin_array (json, key);
  for (guint i = 0; i < history->len; i++)
    {
      ThredoEndedInfo *info = history->pdata[i];

      ctl_json_begin_object (json, NULL);
      ctl_json_add_uint (json, "id", thredo_ended_info_get_id (info));
      ctl_json_add_string (json, "name", thredo_ended_info_get_name (info));
      ctl_json_add_string (json, "end", get_end (info));
      ctl_json_add_string (json, "message", thredo_ended_info_get_message (info));
      ctl_json_add_int (json, "ended_at", thredo_ended_info_get_ended_at (info));
      ctl_json_add_int (json, "cpu_time", thredo_ended_info_get_cpu_time (info));
      ctl_json_end_object (json);
    }
  ctl_json_end_array (json);
}

static char *
new_table (GPtrArray *history)
{
  CtlTable *table = ctl_table_new ();

  ctl_table_add_column (table, CTL_COLUMN_RIGHT, "THREAD");
  ctl_table_add_column (table, CTL_COLUMN_TEXT, "NAME");
  ctl_table_add_column (table, CTL_COLUMN_LEFT, "END");
  ctl_table_add_column (table, CTL_COLUMN_RIGHT, "AGO");
  ctl_table_add_column (table, CTL_COLUMN_RIGHT, "CPU");
  ctl_table_add_column (table, CTL_COLUMN_TEXT, "ERROR");
  for (guint i = 0; i < history->len; i++)
    {
      ThredoEndedInfo *info = history->pdata[i];

      ctl_table_add_number (table, thredo_ended_info_get_id (info));
      ctl_table_add (table, thredo_ended_info_get_name (info));
      ctl_table_add (table, get_end (info));
      ctl_table_take (table, ctl_text_since (thredo_ended_info_get_ended_at (info)));
      ctl_table_take (table, ctl_text_duration (thredo_ended_info_get_cpu_time (info)));
      ctl_table_add (table, thredo_ended_info_get_message (info));
    }
  return ctl_table_free_to_string (table, ctl_table_get_terminal_width (), 0);
}

/* Whoever has ended since the last of that number, one on each line. */
static CtlStatus
write_new (ThredoMonitor *monitor,
           guint64       *serial)
{
  g_autoptr(GPtrArray) history = thredo_monitor_get_history (monitor);
  g_autoptr(GString) lines = g_string_new (NULL);

  for (guint i = 0; i < history->len; i++)
    {
      ThredoEndedInfo *info = history->pdata[i];
      const char *message = thredo_ended_info_get_message (info);
      g_autofree char *name = ctl_text_quote (thredo_ended_info_get_name (info));
      g_autofree char *plain = message != NULL ? ctl_text_plain (message) : NULL;

      if (thredo_ended_info_get_serial (info) <= *serial)
        continue;
      *serial = thredo_ended_info_get_serial (info);
      g_string_append_printf (lines, "Thread %" G_GUINT64_FORMAT " %s: %s%s%s\n",
                              thredo_ended_info_get_id (info), name, get_end (info),
                              plain != NULL ? ": " : "", plain != NULL ? plain : "");
    }
  return lines->len > 0 ? ctl_output_write (lines->str) : CTL_DONE;
}

/* Until the process has gone. */
static CtlStatus
follow (ThredoMonitor *monitor)
{
  CtlStatus status;
  guint64 serial = 0;

  ctl_output_complain ("From now on the ends of threads of process %u are told",
                       thredo_monitor_get_pid (monitor));
  do
    {
      status = write_new (monitor, &serial);
      g_main_context_iteration (NULL, TRUE);
    }
  while (status == CTL_DONE && !thredo_monitor_is_closed (monitor));
  return status;
}

CtlStatus
ctl_history_run (CtlOptions *options)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(ThredoMonitor) monitor = ctl_select (options->process, &error);
  g_autoptr(GPtrArray) history = NULL;
  g_autofree char *text = NULL;

  if (monitor == NULL)
    return ctl_output_fail (error);
  if (options->follows)
    return follow (monitor);
  if (options->is_json)
    {
      CtlJson *json = ctl_json_new ();

      ctl_ended_add_json (json, NULL, monitor);
      text = ctl_json_free_to_string (json);
      return ctl_output_write_json (text);
    }
  history = thredo_monitor_get_history (monitor);
  text = new_table (history);
  return ctl_output_write (text);
}
