/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Waits with a deadline beside few and beside many blocked threads, how late a
 * sleep is, and what blocked threads cost while nothing happens.
 *
 * The blocked threads of the deadline rows live in two child processes, one
 * with few and one with many, both there all the time and measured in turns.
 */

#include "families.h"

#include <dirent.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define MANY 10000
#define FEW 10
#define FAR (24 * G_TIME_SPAN_HOUR)

/* Microseconds */
#define EXPIRY 100
#define SLEEP 1000

/* Blocked threads */

static gboolean
block (ThredoThread  *thread,
       gpointer       user_data,
       GError       **error)
{
  ThredoQueue *never = user_data;
  g_autoptr(ThredoScope) scope = thredo_scope_new_with_timeout (FAR);
  gpointer item;

  thredo_scope_enter (scope);
  item = thredo_queue_get_pointer (never, NULL, error);
  thredo_scope_leave (scope);
  return item != NULL;
}

static gboolean
block_without_deadline (ThredoThread  *thread,
                        gpointer       user_data,
                        GError       **error)
{
  ThredoQueue *never = user_data;

  return thredo_queue_get_pointer (never, NULL, error) != NULL;
}

static gboolean
block_in_sleep (ThredoThread  *thread,
                gpointer       user_data,
                GError       **error)
{
  return thredo_sleep (FAR, NULL, error);
}

static void
block_threads (guint64                 n_threads,
               const ThredoThreadFunc *funcs,
               gsize                   n_funcs)
{
  ThredoQueue *never = thredo_queue_new (0);
  ThredoThread **threads = g_new (ThredoThread *, n_threads);

  for (guint64 i = 0; i < n_threads; i++)
    threads[i] = bench_spawn ("blocked", funcs[i % n_funcs], never);
  for (guint64 i = 0; i < n_threads; i++)
    bench_wait_parked (threads[i]);
  /* Nobody frees them: the process ends with them blocked. */
}

static void
deadline_setup (guint64 size)
{
  const ThredoThreadFunc funcs[] = { block };

  block_threads (size, funcs, G_N_ELEMENTS (funcs));
}

/* A deadline that does not pass: a partner answers */

typedef struct
{
  ThredoQueue *there;
  ThredoQueue *back;
  guint64 n;
} Pair;

static gboolean
echo (ThredoThread  *thread,
      gpointer       user_data,
      GError       **error)
{
  Pair *pair = user_data;

  for (guint64 i = 0; i < pair->n; i++)
    {
      gpointer item = thredo_queue_get_pointer (pair->there, NULL, error);

      if (item == NULL || !thredo_queue_put_pointer (pair->back, item, NULL, error))
        return FALSE;
    }
  return TRUE;
}

static void
answered_measure (guint64      n,
                  BenchSample *sample)
{
  g_autoptr(ThredoQueue) there = thredo_queue_new (0);
  g_autoptr(ThredoQueue) back = thredo_queue_new (0);
  Pair pair = { there, back, n };
  g_autoptr(GError) error = NULL;
  ThredoThread *thread = bench_spawn ("echo", echo, &pair);
  BenchClock stopwatch;

  bench_start (&stopwatch);
  for (guint64 i = 0; i < n; i++)
    {
      g_autoptr(ThredoScope) scope = thredo_scope_new_with_timeout (10 * G_TIME_SPAN_SECOND);
      gpointer item = NULL;

      thredo_scope_enter (scope);
      if (thredo_queue_put_pointer (there, &pair, NULL, &error))
        item = thredo_queue_get_pointer (back, NULL, &error);
      thredo_scope_leave (scope);
      if (item != &pair)
        bench_fail ("get with a deadline: %s", error != NULL ? error->message : "a wrong item");
    }
  bench_stop (&stopwatch, n, sample);
  bench_join (thread);
}

/* A deadline that passes: the timer is set, fires, and ends the wait */

static void
expired_measure (guint64      n,
                 BenchSample *sample)
{
  g_autoptr(ThredoQueue) never = thredo_queue_new (0);
  BenchClock stopwatch;

  bench_start (&stopwatch);
  for (guint64 i = 0; i < n; i++)
    {
      g_autoptr(ThredoScope) scope = thredo_scope_new_with_timeout (EXPIRY);
      g_autoptr(GError) error = NULL;

      thredo_scope_enter (scope);
      thredo_queue_get_pointer (never, NULL, &error);
      thredo_scope_leave (scope);
      if (!g_error_matches (error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT))
        bench_fail ("a deadline that passed: %s", error != NULL ? error->message : "an item");
    }
  bench_stop (&stopwatch, n, sample);
}

static BenchChild *beside_many;
static BenchChild *beside_few;

static void
enter_answered (void)
{
  beside_many = bench_child_new ("deadline-answered", bench_size (MANY, 50));
  beside_few = bench_child_new ("deadline-answered", FEW);
}

static void
enter_expired (void)
{
  beside_many = bench_child_new ("deadline-expired", bench_size (MANY, 50));
  beside_few = bench_child_new ("deadline-expired", FEW);
}

static void
leave_deadline (void)
{
  g_clear_pointer (&beside_many, bench_child_free);
  g_clear_pointer (&beside_few, bench_child_free);
}

static void
deadline_many (guint64      n,
               BenchSample *sample)
{
  bench_child_measure (beside_many, n, sample);
}

static void
deadline_few (guint64      n,
              BenchSample *sample)
{
  bench_child_measure (beside_few, n, sample);
}

/* Sleep */

static gboolean
sleep_ours_once (void)
{
  return thredo_sleep (SLEEP, NULL, NULL);
}

static gboolean
sleep_peer_once (void)
{
  g_usleep (SLEEP);
  return TRUE;
}

/* Wall time: how much later than asked, the median of n. CPU time: of one sleep. */
static void
measure_lateness (guint64 n,
                  BenchSample *sample,
                  gboolean (*sleep_once) (void))
{
  g_autofree double *lateness = g_new (double, n);
  BenchClock stopwatch;

  bench_start (&stopwatch);
  for (guint64 i = 0; i < n; i++)
    {
      gint64 start = bench_now ();

      if (!sleep_once ())
        bench_fail ("thredo_sleep() failed");
      lateness[i] = bench_now () - start - SLEEP * 1000;
      if (lateness[i] < 0)
        bench_fail ("a sleep was too short by %g ns", -lateness[i]);
    }
  bench_stop (&stopwatch, n, sample);
  sample->wall = bench_median (lateness, n);
}

static void
sleep_ours (guint64      n,
            BenchSample *sample)
{
  measure_lateness (n, sample, sleep_ours_once);
}

static void
sleep_peer (guint64      n,
            BenchSample *sample)
{
  measure_lateness (n, sample, sleep_peer_once);
}

/* Nothing happens */

static void
idle_setup (guint64 size)
{
  const ThredoThreadFunc funcs[] = { block, block_without_deadline, block_in_sleep };

  block_threads (size, funcs, G_N_ELEMENTS (funcs));
  g_usleep (bench_size (1000000, 1000));
}

/*
 * The CPU time of all threads but this one, in nanoseconds. Thread by thread:
 * reading the clock of the whole process walks its threads in the kernel, which
 * with 10,000 of them costs more than what is looked for.
 */
static double
others_cpu (void)
{
  DIR *tasks = opendir ("/proc/self/task");
  pid_t self = syscall (SYS_gettid);
  struct dirent *entry;
  double sum = 0;

  if (tasks == NULL)
    bench_fail ("/proc/self/task is not there");
  while ((entry = readdir (tasks)) != NULL)
    {
      pid_t tid = atoi (entry->d_name);
      struct timespec cpu;

      /* What pthread_getcpuclockid() makes of a thread: clock_getcpuclockid(3) does not. */
      if (tid > 0 && tid != self && clock_gettime ((clockid_t) (~(guint) tid << 3 | 6), &cpu) == 0)
        sum += cpu.tv_sec * 1e9 + cpu.tv_nsec;
    }
  closedir (tasks);
  return sum;
}

/* How often all threads but this one were switched away from. */
static double
others_switches (void)
{
  struct rusage all, self;

  getrusage (RUSAGE_SELF, &all);
  getrusage (RUSAGE_THREAD, &self);
  return all.ru_nvcsw + all.ru_nivcsw - self.ru_nvcsw - self.ru_nivcsw;
}

/* CPU time and context switches per second, over n milliseconds, without the thread that looks. */
static void
idle_measure (guint64      n,
              BenchSample *sample)
{
  double cpu = others_cpu ();
  double switches = others_switches ();

  g_usleep (n * 1000);
  sample->wall = (others_switches () - switches) / (n / 1000.0);
  sample->cpu = (others_cpu () - cpu) / (n / 1000.0);
}

static BenchChild *idle_child;

static void
enter_idle (void)
{
  idle_child = bench_child_new ("idle", bench_size (MANY, 50));
}

static void
leave_idle (void)
{
  g_clear_pointer (&idle_child, bench_child_free);
}

static void
idle_ours (guint64      n,
           BenchSample *sample)
{
  bench_child_measure (idle_child, bench_size (n, 20), sample);
}

const BenchRole waits_roles[] = {
  { "deadline-answered", deadline_setup, answered_measure },
  { "deadline-expired", deadline_setup, expired_measure },
  { "idle", idle_setup, idle_measure },
  { NULL }
};

const BenchRow waits_rows[] = {
  {
      .name = "waits/deadline-answered",
      .work = "a wait with a deadline, answered; 10,000 threads blocked",
      .against = "the same, 10 blocked",
      .unit = "ns",
      .budget = 1.5,
      .flags = BENCH_SAME_N,
      .n = 1000,
      .ours = deadline_many,
      .peer = deadline_few,
      .enter = enter_answered,
      .leave = leave_deadline,
  },
  {
      .name = "waits/deadline-expired",
      .work = "a wait with a deadline, expired (CPU); 10,000 threads blocked",
      .against = "the same, 10 blocked",
      .unit = "ns",
      .judge = BENCH_JUDGE_CPU,
      .budget = 1.5,
      .flags = BENCH_SAME_N,
      .n = 50,
      .milliseconds = 200,
      .ours = deadline_many,
      .peer = deadline_few,
      .enter = enter_expired,
      .leave = leave_deadline,
  },
  {
      .name = "waits/sleep",
      .work = "thredo_sleep (1 ms), lateness, median",
      .against = "g_usleep",
      .unit = "ns",
      .budget = 2.0,
      .n = 20,
      .flags = BENCH_SAME_N,
      .milliseconds = 120,
      .ours = sleep_ours,
      .peer = sleep_peer,
  },
  {
      .name = "waits/idle",
      .work = "CPU of 10,000 blocked threads while nothing happens, per second",
      .against = "nothing",
      .unit = "switches",
      .judge = BENCH_JUDGE_ZERO,
      .flags = BENCH_FIXED_N,
      .n = 2000,
      .ours = idle_ours,
      .enter = enter_idle,
      .leave = leave_idle,
  },
  { NULL }
};
