/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "ctl-deadlocks.h"
#include "ctl-ended.h"
#include "ctl-objects.h"
#include "ctl-output.h"
#include "ctl-select.h"
#include "ctl-threads.h"

static void
add_program (CtlJson *json,
             guint    pid)
{
  g_autoptr(GPtrArray) processes = ctl_select_list (NULL);

  for (guint i = 0; processes != NULL && i < processes->len; i++)
    {
      ThredoProcessInfo *process = processes->pdata[i];

      if (thredo_process_info_get_pid (process) != pid)
        continue;
      ctl_json_add_string (json, "program", thredo_process_info_get_program (process));
      ctl_json_add_string (json, "command", thredo_process_info_get_command (process));
    }
}

CtlStatus
ctl_dump_run (CtlOptions *options)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(ThredoMonitor) monitor = ctl_select (options->process, &error);
  g_autoptr(GPtrArray) threads = NULL;
  g_autoptr(GPtrArray) deadlocks = NULL;
  g_autofree char *text = NULL;
  CtlJson *json;

  if (monitor == NULL)
    return ctl_output_fail (error);
  threads = thredo_monitor_snapshot (monitor);
  deadlocks = thredo_monitor_find_deadlocks (monitor);

  json = ctl_json_new ();
  ctl_json_begin_object (json, NULL);
  ctl_json_add_uint (json, "pid", thredo_monitor_get_pid (monitor));
  add_program (json, thredo_monitor_get_pid (monitor));
  ctl_json_add_int (json, "now", g_get_monotonic_time ());
  ctl_json_add_uint (json, "n_threads", threads->len);
  ctl_json_add_uint (json, "n_waiting", thredo_monitor_get_n_waiting (monitor));
  ctl_json_add_double (json, "waits_per_second", thredo_monitor_get_waits_per_second (monitor));
  ctl_json_add_int (json, "loop_latency", thredo_monitor_get_loop_latency (monitor));
  ctl_threads_add_json (json, "threads", threads);
  ctl_locks_add_json (json, "locks", monitor);
  ctl_queues_add_json (json, "queues", monitor);
  ctl_deadlocks_add_json (json, "deadlocks", deadlocks);
  ctl_ended_add_json (json, "history", monitor);
  ctl_json_end_object (json);
  text = ctl_json_free_to_string (json);
  return ctl_output_write_json (text);
}
