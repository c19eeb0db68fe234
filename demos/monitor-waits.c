/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "monitor-workload-private.h"

/* A hundred threads that wait for a hundredth of a second each, over and over. */

#define N_THREADS 100

static gboolean
run_waiter (ThredoThread  *thread,
            gpointer       user_data,
            GError       **error)
{
  while (thredo_sleep (10 * G_TIME_SPAN_MILLISECOND, NULL, error))
    ;
  return FALSE;
}

static gpointer
waits_start (ThredoGroup  *group,
             GError      **error)
{
  for (guint i = 1; i <= N_THREADS; i++)
    {
      g_autofree char *name = g_strdup_printf ("waiter %u", i);

      /* A group that lacks some of its threads is still one. */
      if (!monitor_workload_spawn (group, name, run_waiter, NULL, i == 1 ? error : NULL) && i == 1)
        return NULL;
    }
  return group;
}

static void
waits_free (gpointer data)
{
}

const MonitorWorkloadKind monitor_waits = {
  .id = "waits",
  .title = "Ten thousand waits a second",
  .description = "A hundred threads that sleep for a hundredth of one",
  .start = waits_start,
  .free = waits_free,
};
