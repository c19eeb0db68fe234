/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "monitor-workload-private.h"

/* Many threads that sleep. They are started by one of them, which the window need not wait for. */

#define N_THREADS 10000

typedef struct
{
  ThredoGroup *group; /* the workload's own */
} Crowd;

static gboolean
run_sleeper (ThredoThread  *thread,
             gpointer       user_data,
             GError       **error)
{
  while (thredo_sleep (g_random_int_range (5, 60) * G_TIME_SPAN_SECOND, NULL, error))
    ;
  return FALSE;
}

static gboolean
run_starter (ThredoThread  *thread,
             gpointer       user_data,
             GError       **error)
{
  Crowd *crowd = user_data;

  for (guint i = 1; i <= N_THREADS; i++)
    {
      g_autofree char *name = g_strdup_printf ("sleeper %u", i);

      if (!thredo_check_cancelled (NULL, error) ||
          !monitor_workload_spawn (crowd->group, name, run_sleeper, NULL, error))
        return FALSE;
    }
  return TRUE;
}

static gpointer
crowd_start (ThredoGroup  *group,
             GError      **error)
{
  Crowd *crowd = g_new0 (Crowd, 1);

  crowd->group = group;
  if (monitor_workload_spawn (group, "starter", run_starter, crowd, error))
    return crowd;
  g_free (crowd);
  return NULL;
}

const MonitorWorkloadKind monitor_crowd = {
  .id = "crowd",
  .title = "Ten thousand threads",
  .description = "All of them asleep, most of the time",
  .start = crowd_start,
  .free = g_free,
};
