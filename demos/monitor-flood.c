/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "monitor-workload-private.h"

/* Threads that have hardly begun when they end, in bursts of a hundred. */

#define N_BURST 100
#define PAUSE (5 * G_TIME_SPAN_MILLISECOND)

static gboolean
run_drop (ThredoThread  *thread,
          gpointer       user_data,
          GError       **error)
{
  return thredo_sleep (G_TIME_SPAN_MILLISECOND, NULL, error);
}

static gboolean
run_burst (GError **error)
{
  g_autoptr(ThredoGroup) group = thredo_group_new (THREDO_GROUP_WAIT_ALL);
  G_GNUC_UNUSED g_autoptr(ThredoGroupGuard) guard = thredo_group_guard_new (group);

  thredo_group_set_name (group, "burst");
  for (guint i = 0; i < N_BURST; i++)
    if (!monitor_workload_spawn (group, "drop", run_drop, NULL, error))
      return FALSE;
  return thredo_group_join (group, NULL, error);
}

static gboolean
run_source (ThredoThread  *thread,
            gpointer       user_data,
            GError       **error)
{
  while (run_burst (error) && thredo_sleep (PAUSE, NULL, error))
    ;
  return FALSE;
}

static gpointer
flood_start (ThredoGroup  *group,
             GError      **error)
{
  return monitor_workload_spawn (group, "source", run_source, NULL, error) ? g_new0 (char, 1)
                                                                           : NULL;
}

const MonitorWorkloadKind monitor_flood = {
  .id = "flood",
  .title = "Flood of threads",
  .description = "Thousands in a second, each gone at once",
  .start = flood_start,
  .free = g_free,
};
