/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "team.h"

typedef struct
{
  BenchPart part;
  gpointer user_data;
  guint64 n; /* of each */
  guint n_threads;
  BenchSample *sample;

  BenchClock stopwatch;
  int n_at_work; /* atomic */
  GMutex mutex;
  GCond cond;
  guint n_ready; /* these are guarded by the mutex */
  gboolean open;
  gboolean done;
} Team;

typedef struct
{
  Team *team;
  guint number;
  gpointer thread;
} Member;

static void
do_part (Member *member)
{
  Team *team = member->team;

  g_mutex_lock (&team->mutex);
  team->n_ready++;
  g_cond_broadcast (&team->cond);
  while (!team->open)
    g_cond_wait (&team->cond, &team->mutex);
  g_mutex_unlock (&team->mutex);

  team->part (team->user_data, member->number, team->n);

  if (!g_atomic_int_dec_and_test (&team->n_at_work))
    return;
  bench_stop (&team->stopwatch, team->n * team->n_threads, team->sample);
  g_mutex_lock (&team->mutex);
  team->done = TRUE;
  g_cond_broadcast (&team->cond);
  g_mutex_unlock (&team->mutex);
}

static gboolean
work_ours (ThredoThread  *thread,
           gpointer       user_data,
           GError       **error)
{
  do_part (user_data);
  return TRUE;
}

static gpointer
work_peer (gpointer user_data)
{
  do_part (user_data);
  return NULL;
}

static void
open_and_wait (Team *team)
{
  g_mutex_lock (&team->mutex);
  while (team->n_ready < team->n_threads)
    g_cond_wait (&team->cond, &team->mutex);
  bench_start (&team->stopwatch);
  team->open = TRUE;
  g_cond_broadcast (&team->cond);
  while (!team->done)
    g_cond_wait (&team->cond, &team->mutex);
  g_mutex_unlock (&team->mutex);
}

static void
run_team (gboolean     is_ours,
          guint        n_threads,
          BenchPart    part,
          gpointer     user_data,
          guint64      n,
          BenchSample *sample)
{
  g_autofree Member *members = g_new0 (Member, n_threads);
  Team team = {
    .part = part,
    .user_data = user_data,
    .n = MAX (n / n_threads, 1),
    .n_threads = n_threads,
    .sample = sample,
    .n_at_work = (int) n_threads,
  };

  g_mutex_init (&team.mutex);
  g_cond_init (&team.cond);
  for (guint i = 0; i < n_threads; i++)
    {
      members[i].team = &team;
      members[i].number = i;
      if (is_ours)
        members[i].thread = bench_spawn ("team", work_ours, &members[i]);
      else
        members[i].thread = g_thread_new ("team", work_peer, &members[i]);
    }
  open_and_wait (&team);
  for (guint i = 0; i < n_threads; i++)
    {
      if (is_ours)
        bench_join (members[i].thread);
      else
        g_thread_join (members[i].thread);
    }
  g_cond_clear (&team.cond);
  g_mutex_clear (&team.mutex);
}

void
bench_team_ours (guint        n_threads,
                 BenchPart    part,
                 gpointer     user_data,
                 guint64      n,
                 BenchSample *sample)
{
  run_team (TRUE, n_threads, part, user_data, n, sample);
}

void
bench_team_peer (guint        n_threads,
                 BenchPart    part,
                 gpointer     user_data,
                 guint64      n,
                 BenchSample *sample)
{
  run_team (FALSE, n_threads, part, user_data, n, sample);
}

/* Nobody else */

static struct
{
  GMutex mutex;
  GCond cond;
  gboolean leaving; /* guarded by the mutex */
  GThread *thread;
} bystander;

static gpointer
stand_by (gpointer user_data)
{
  g_mutex_lock (&bystander.mutex);
  while (!bystander.leaving)
    g_cond_wait (&bystander.cond, &bystander.mutex);
  g_mutex_unlock (&bystander.mutex);
  return NULL;
}

void
bench_bystander_enter (void)
{
  bystander.leaving = FALSE;
  bystander.thread = g_thread_new ("bystander", stand_by, NULL);
}

void
bench_bystander_leave (void)
{
  g_mutex_lock (&bystander.mutex);
  bystander.leaving = TRUE;
  g_cond_signal (&bystander.cond);
  g_mutex_unlock (&bystander.mutex);
  g_thread_join (g_steal_pointer (&bystander.thread));
}
