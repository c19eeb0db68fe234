/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * What a monitor costs those who are watched: the work of other rows with one in the process, or
 * attached to it from another one, against the same work without.
 *
 * Some percent are looked for, so both sides are in one process, where the same memory is used for
 * both, and there are many rounds, each of them short. A part of a round is about as long as a
 * monitor's interval, and begins at a random moment of it: how often the monitor looks meanwhile is
 * what it is in the long run. The rows with a budget are kept to a processor for each thread: else
 * whether the two run side by side or in turn makes more of a difference than a monitor.
 */

#include "team.h"

#include <glib/gstdio.h>
#include <unistd.h>

#define INTERVAL (100 * G_TIME_SPAN_MILLISECOND)
#define MILLISECONDS 100

/* A thread that runs the main context of a monitor, as the main thread of a program does. */

static struct
{
  GMainContext *context;
  GThread *thread;
  guint pid; /* 0: it is our process that is watched */

  GMutex mutex;
  GCond cond;
  gboolean is_wanted; /* these are guarded by the mutex */
  gboolean is_there;
} watcher;

static gpointer
watch (gpointer user_data)
{
  ThredoMonitor *monitor = NULL;

  g_main_context_push_thread_default (watcher.context);
  for (;;)
    {
      gboolean is_wanted;

      g_mutex_lock (&watcher.mutex);
      while (!watcher.is_wanted && !watcher.is_there)
        g_cond_wait (&watcher.cond, &watcher.mutex);
      is_wanted = watcher.is_wanted;
      g_mutex_unlock (&watcher.mutex);

      if (is_wanted && monitor == NULL)
        {
          g_autoptr(GError) error = NULL;

          monitor = watcher.pid == 0 ? thredo_monitor_new ()
                                     : thredo_monitor_new_for_process (watcher.pid, NULL, &error);
          if (monitor == NULL)
            bench_fail ("attach: %s", error->message);
          thredo_monitor_set_interval (monitor, INTERVAL);
        }
      else if (!is_wanted)
        g_clear_object (&monitor);

      g_mutex_lock (&watcher.mutex);
      watcher.is_there = is_wanted;
      g_cond_broadcast (&watcher.cond);
      g_mutex_unlock (&watcher.mutex);
      if (is_wanted)
        g_main_context_iteration (watcher.context, TRUE);
    }
  return NULL;
}

static void
switch_watcher (gboolean is_wanted)
{
  g_mutex_lock (&watcher.mutex);
  if (watcher.thread == NULL)
    {
      watcher.context = g_main_context_new ();
      watcher.thread = g_thread_new ("watcher", watch, NULL);
    }
  watcher.is_wanted = is_wanted;
  g_cond_broadcast (&watcher.cond);
  g_main_context_wakeup (watcher.context);
  while (watcher.is_there != is_wanted)
    g_cond_wait (&watcher.cond, &watcher.mutex);
  g_mutex_unlock (&watcher.mutex);
}

/* In a process of its own: told 1 it attaches to its parent, told 2 it detaches. */

#define ATTACH 1
#define DETACH 2

static void
outsider_setup (guint64 size)
{
  watcher.pid = (guint) getppid ();
}

static void
outsider_measure (guint64      n,
                  BenchSample *sample)
{
  switch_watcher (n == ATTACH);
}

/*
 * For tests/bench/dashboard, which looks at their CPU time from outside: many threads that do
 * nothing, or many waits a second; and each with a monitor, and nobody who looks at it.
 */

#define WAIT (10 * G_TIME_SPAN_MILLISECOND)

static gboolean
sleep_for_good (ThredoThread  *thread,
                gpointer       user_data,
                GError       **error)
{
  return thredo_sleep (24 * G_TIME_SPAN_HOUR, NULL, error);
}

static gboolean
sleep_often (ThredoThread  *thread,
             gpointer       user_data,
             GError       **error)
{
  while (thredo_sleep (WAIT, NULL, error))
    ;
  return FALSE;
}

static void
crowd_setup (guint64 size)
{
  for (guint64 i = 0; i < size; i++)
    bench_spawn ("idle", sleep_for_good, NULL);
}

static void
waits_setup (guint64 size)
{
  for (guint64 i = 0; i < size * WAIT / G_TIME_SPAN_SECOND; i++)
    bench_spawn ("waiter", sleep_often, NULL);
}

static void
watched_crowd_setup (guint64 size)
{
  crowd_setup (size);
  switch_watcher (TRUE);
}

static void
watched_waits_setup (guint64 size)
{
  waits_setup (size);
  switch_watcher (TRUE);
}

static void
measure_nothing (guint64      n,
                 BenchSample *sample)
{
}

const BenchRole monitor_roles[] = {
  { "outsider", outsider_setup, outsider_measure },
  { "crowd", crowd_setup, measure_nothing },
  { "waits", waits_setup, measure_nothing },
  { "watched-crowd", watched_crowd_setup, measure_nothing },
  { "watched-waits", watched_waits_setup, measure_nothing },
  { NULL }
};

static BenchChild *outsider;
static char *folder;

/* The socket is in a folder of our own, whatever there is for a user here. */
static void
enter_attached (void)
{
  g_autoptr(GError) error = NULL;

  if (folder == NULL)
    {
      folder = g_dir_make_tmp ("thredo-bench-XXXXXX", &error);
      if (folder == NULL)
        bench_fail ("a folder: %s", error->message);
      g_setenv ("XDG_RUNTIME_DIR", folder, TRUE);
    }
  else
    g_mkdir (folder, 0700);
  if (!thredo_monitor_export (&error))
    bench_fail ("export: %s", error->message);
  outsider = bench_child_new ("outsider", 0);
}

static void
leave_attached (void)
{
  g_autofree char *sockets = g_build_filename (folder, "thredo-glib", NULL);

  g_clear_pointer (&outsider, bench_child_free);
  thredo_monitor_unexport ();
  g_rmdir (sockets);
  g_rmdir (folder);
}

static void
enter_lock_attached (void)
{
  bench_bystander_enter ();
  enter_attached ();
}

static void
leave_lock_attached (void)
{
  leave_attached ();
  bench_bystander_leave ();
}

/* Without, with, and attached */

static void
wait_for_a_moment (void)
{
  if (bench_size (1, 0) > 0)
    g_usleep (g_random_int_range (0, INTERVAL));
}

static void
measure_alone (BenchFunc    work,
               guint64      n,
               BenchSample *sample)
{
  wait_for_a_moment ();
  work (n, sample);
}

static void
measure_watched (BenchFunc    work,
                 guint64      n,
                 BenchSample *sample)
{
  switch_watcher (TRUE);
  wait_for_a_moment ();
  work (n, sample);
  switch_watcher (FALSE);
}

static void
measure_attached (BenchFunc    work,
                  guint64      n,
                  BenchSample *sample)
{
  BenchSample none;

  bench_child_measure (outsider, ATTACH, &none);
  wait_for_a_moment ();
  work (n, sample);
  bench_child_measure (outsider, DETACH, &none);
}

#define WORK(name, work) \
  static void name##_alone (guint64 n, BenchSample *sample) \
  { \
    measure_alone (work, n, sample); \
  } \
  static void name##_watched (guint64 n, BenchSample *sample) \
  { \
    measure_watched (work, n, sample); \
  } \
  static void name##_attached (guint64 n, BenchSample *sample) \
  { \
    measure_attached (work, n, sample); \
  }

WORK (one_to_one, queue_one_to_one_apart_ours)
WORK (four_to_four, queue_four_to_four_ours)
WORK (ping_pong, queue_ping_pong_ours)
WORK (lock, lock_uncontended_ours)
WORK (spawn, spawn_ours)

#define COMMON \
  .against = "no monitor", .unit = "ns", .flags = BENCH_SAME_N, .milliseconds = MILLISECONDS

const BenchRow monitor_rows[] = {
  {
      .name = "monitor/1p1g",
      .work = "queue, 1 putter 1 getter, kept apart, per item; a monitor in it",
      COMMON,
      .budget = 1.03,
      .n = 10000,
      .times = 6,
      .ours = one_to_one_watched,
      .peer = one_to_one_alone,
      .obstacle = bench_find_no_two_processors,
  },
  {
      .name = "monitor/4p4g",
      .work = "… 4 putters 4 getters",
      COMMON,
      .n = 10000,
      .times = 2,
      .ours = four_to_four_watched,
      .peer = four_to_four_alone,
  },
  {
      .name = "monitor/ping-pong",
      .work = "… ping-pong, per round trip",
      COMMON,
      .n = 200,
      .times = 2,
      .ours = ping_pong_watched,
      .peer = ping_pong_alone,
  },
  {
      .name = "monitor/lock",
      .work = "… lock and unlock, nobody else",
      COMMON,
      .n = 100000,
      .times = 2,
      .ours = lock_watched,
      .peer = lock_alone,
      .enter = bench_bystander_enter,
      .leave = bench_bystander_leave,
  },
  {
      .name = "monitor/spawn",
      .work = "… spawn and join, empty function",
      COMMON,
      .n = 100,
      .times = 2,
      .ours = spawn_watched,
      .peer = spawn_alone,
  },
  {
      .name = "monitor/1p1g-attached",
      .work = "queue, 1 putter 1 getter, kept apart, per item; one attached",
      COMMON,
      .budget = 1.03,
      .n = 10000,
      .times = 6,
      .ours = one_to_one_attached,
      .peer = one_to_one_alone,
      .obstacle = bench_find_no_two_processors,
      .enter = enter_attached,
      .leave = leave_attached,
  },
  {
      .name = "monitor/4p4g-attached",
      .work = "… 4 putters 4 getters",
      COMMON,
      .n = 10000,
      .times = 2,
      .ours = four_to_four_attached,
      .peer = four_to_four_alone,
      .enter = enter_attached,
      .leave = leave_attached,
  },
  {
      .name = "monitor/ping-pong-attached",
      .work = "… ping-pong, per round trip",
      COMMON,
      .n = 200,
      .times = 2,
      .ours = ping_pong_attached,
      .peer = ping_pong_alone,
      .enter = enter_attached,
      .leave = leave_attached,
  },
  {
      .name = "monitor/lock-attached",
      .work = "… lock and unlock, nobody else",
      COMMON,
      .n = 100000,
      .times = 2,
      .ours = lock_attached,
      .peer = lock_alone,
      .enter = enter_lock_attached,
      .leave = leave_lock_attached,
  },
  {
      .name = "monitor/spawn-attached",
      .work = "… spawn and join, empty function",
      COMMON,
      .n = 100,
      .times = 2,
      .ours = spawn_attached,
      .peer = spawn_alone,
      .enter = enter_attached,
      .leave = leave_attached,
  },
  { NULL }
};
