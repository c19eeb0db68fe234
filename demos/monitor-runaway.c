/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "monitor-workload-private.h"

/* Two loops that compute and never wait. One asks now and then whether it was cancelled. The other
 * does not: nothing but the workload's own switch ends it. */

typedef struct
{
  int stopped;
} Runaway;

static gboolean
run_deaf (ThredoThread  *thread,
          gpointer       user_data,
          GError       **error)
{
  Runaway *runaway = user_data;

  while (!g_atomic_int_get (&runaway->stopped))
    ;
  return TRUE;
}

static gboolean
run_polite (ThredoThread  *thread,
            gpointer       user_data,
            GError       **error)
{
  while (thredo_check_cancelled (NULL, error))
    for (volatile int i = 0; i < 100000; i++)
      ;
  return FALSE;
}

static void
runaway_stop (gpointer data)
{
  Runaway *runaway = data;

  g_atomic_int_set (&runaway->stopped, TRUE);
}

static gpointer
runaway_start (ThredoGroup  *group,
               GError      **error)
{
  Runaway *runaway = g_new0 (Runaway, 1);

  if (monitor_workload_spawn (group, "deaf loop", run_deaf, runaway, error))
    {
      monitor_workload_spawn (group, "polite loop", run_polite, runaway, NULL);
      return runaway;
    }
  g_free (runaway);
  return NULL;
}

const MonitorWorkloadKind monitor_runaway = {
  .id = "runaway",
  .title = "Runaway loops",
  .description = "One hears a cancel, one never asks for it",
  .start = runaway_start,
  .stop = runaway_stop,
  .free = g_free,
};
