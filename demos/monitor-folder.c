/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "monitor-workload-private.h"

#include "checksum-job.h"

/* The checksums of a folder, again and again. */

#define FOLDER "/usr/share"
#define N_WORKERS 4

static gboolean
run_jobs (ThredoThread  *thread,
          gpointer       user_data,
          GError       **error)
{
  do
    {
      g_autoptr(ChecksumJob) job = checksum_job_new (FOLDER, N_WORKERS, error);
      gboolean started;

      if (job == NULL)
        return FALSE;
      started = checksum_job_start (job, error);
      if (!checksum_job_join (job, started ? error : NULL) || !started)
        return FALSE;
    }
  while (thredo_sleep (G_TIME_SPAN_SECOND, NULL, error));
  return FALSE;
}

static gpointer
folder_start (ThredoGroup  *group,
              GError      **error)
{
  return monitor_workload_spawn (group, "jobs", run_jobs, NULL, error) ? g_new0 (char, 1) : NULL;
}

const MonitorWorkloadKind monitor_folder = {
  .id = "folder",
  .title = "Checksum a folder",
  .description = "Every file below " FOLDER ", by four workers",
  .start = folder_start,
  .free = g_free,
};
