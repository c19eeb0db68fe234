/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "monitor-workload-private.h"

/* One thread puts jobs to a queue, six get them. Each job computes for a moment, and what came out
 * of it is written down under a lock. */

#define N_WORKERS 6
#define QUEUE_SIZE 32
#define N_BLOCKS 40 /* a job's most */

typedef struct
{
  ThredoQueue *jobs;
  ThredoLock *results;
  guint64 n_done;
} Pool;

static gboolean
run_feeder (ThredoThread  *thread,
            gpointer       user_data,
            GError       **error)
{
  Pool *pool = user_data;
  g_autoptr(GRand) rand = g_rand_new_with_seed (1);

  do
    {
      int n_jobs = g_rand_int_range (rand, 1, QUEUE_SIZE);

      for (int i = 0; i < n_jobs; i++)
        if (!thredo_queue_put_pointer (pool->jobs,
                                       GINT_TO_POINTER (g_rand_int_range (rand, 1, N_BLOCKS)),
                                       NULL, error))
          return FALSE;
    }
  while (thredo_sleep (g_rand_int_range (rand, 100, 500) * G_TIME_SPAN_MILLISECOND, NULL, error));
  return FALSE;
}

static void
compute (int n_blocks)
{
  static const guchar block[4096];
  g_autoptr(GChecksum) checksum = g_checksum_new (G_CHECKSUM_SHA256);

  for (int i = 0; i < n_blocks; i++)
    g_checksum_update (checksum, block, sizeof block);
}

static gboolean
write_down (Pool    *pool,
            GError **error)
{
  g_autoptr(ThredoLockGuard) guard =
      thredo_lock_guard_new (THREDO_LOCKABLE (pool->results), NULL, error);

  if (guard == NULL)
    return FALSE;
  pool->n_done++;
  return thredo_sleep (8 * G_TIME_SPAN_MILLISECOND, NULL, error);
}

static gboolean
run_worker (ThredoThread  *thread,
            gpointer       user_data,
            GError       **error)
{
  Pool *pool = user_data;
  gpointer job;

  while ((job = thredo_queue_get_pointer (pool->jobs, NULL, error)) != NULL)
    {
      compute (GPOINTER_TO_INT (job));
      thredo_queue_task_done (pool->jobs, NULL);
      if (!write_down (pool, error))
        break;
    }
  return FALSE;
}

static void
pool_free (gpointer data)
{
  Pool *pool = data;

  g_object_unref (pool->jobs);
  g_object_unref (pool->results);
  g_free (pool);
}

static gpointer
pool_start (ThredoGroup  *group,
            GError      **error)
{
  Pool *pool = g_new0 (Pool, 1);

  pool->jobs = thredo_queue_new (QUEUE_SIZE);
  thredo_queue_set_name (pool->jobs, "jobs");
  pool->results = thredo_lock_new ();
  thredo_lock_set_name (pool->results, "results");

  /* A group that lacks some of its threads is still one. */
  if (!monitor_workload_spawn (group, "feeder", run_feeder, pool, error))
    {
      pool_free (pool);
      return NULL;
    }
  for (guint i = 1; i <= N_WORKERS; i++)
    {
      g_autofree char *name = g_strdup_printf ("worker %u", i);

      monitor_workload_spawn (group, name, run_worker, pool, NULL);
    }
  return pool;
}

const MonitorWorkloadKind monitor_pool = {
  .id = "pool",
  .title = "Worker pool",
  .description = "Six workers on a queue, and a lock they all want",
  .start = pool_start,
  .free = pool_free,
};
