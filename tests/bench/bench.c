/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "bench.h"

#include <glib-unix.h>

#include <math.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define DEFAULT_ROUNDS 9
#define DEFAULT_MILLISECONDS 80
#define BUSY_PER_CORE 4

/* The share of a core that may be measuring noise where nothing should run: 0.05 %. */
#define NOISE_NS_PER_SECOND 500000.0

static struct
{
  guint rounds;
  gboolean smoke;
  char *row;
} options = { DEFAULT_ROUNDS, FALSE, NULL };

guint64
bench_size (guint64 n,
            guint64 few)
{
  return options.smoke ? few : n;
}

/* Clocks */

static gint64
read_clock (clockid_t id)
{
  struct timespec now;

  clock_gettime (id, &now);
  return now.tv_sec * G_GINT64_CONSTANT (1000000000) + now.tv_nsec;
}

gint64
bench_now (void)
{
  return read_clock (CLOCK_MONOTONIC);
}

gint64
bench_thread_cpu (void)
{
  return read_clock (CLOCK_THREAD_CPUTIME_ID);
}

void
bench_start (BenchClock *stopwatch)
{
  gint64 first = read_clock (CLOCK_PROCESS_CPUTIME_ID);

  stopwatch->cpu = read_clock (CLOCK_PROCESS_CPUTIME_ID);
  stopwatch->cpu_read = stopwatch->cpu - first;
  stopwatch->wall = bench_now ();
}

void
bench_stop (const BenchClock *stopwatch,
            guint64           n,
            BenchSample      *sample)
{
  gint64 wall = bench_now () - stopwatch->wall;
  gint64 cpu = read_clock (CLOCK_PROCESS_CPUTIME_ID) - stopwatch->cpu - stopwatch->cpu_read;

  sample->wall = (double) wall / n;
  sample->cpu = (double) MAX (cpu, 0) / n;
}

static int
compare_doubles (const void *a,
                 const void *b)
{
  double x = *(const double *) a;
  double y = *(const double *) b;

  return (x > y) - (x < y);
}

/* Sorts the values. */
double
bench_median (double *values,
              gsize   n_values)
{
  qsort (values, n_values, sizeof *values, compare_doubles);
  return (values[(n_values - 1) / 2] + values[n_values / 2]) / 2;
}

void
bench_fail (const char *format,
            ...)
{
  va_list args;

  fputs ("thredo-bench: ", stderr);
  va_start (args, format);
  vfprintf (stderr, format, args);
  va_end (args);
  fputc ('\n', stderr);
  fflush (stdout);
  /* At once, whatever threads there are; children end with their pipes. */
  _exit (2);
}

gboolean
bench_allow_files (guint64 n)
{
  struct rlimit limit;

  if (getrlimit (RLIMIT_NOFILE, &limit) != 0)
    return FALSE;
  if (limit.rlim_cur < n)
    {
      limit.rlim_cur = MIN (limit.rlim_max, n);
      setrlimit (RLIMIT_NOFILE, &limit);
    }
  return limit.rlim_cur >= n;
}

/* Processors */

static cpu_set_t all_processors;
static cpu_set_t two_processors[2];
static guint n_processors;

static gpointer
find_processors (gpointer user_data)
{
  if (sched_getaffinity (0, sizeof all_processors, &all_processors) != 0)
    return NULL;
  for (int i = 0; i < CPU_SETSIZE && n_processors < G_N_ELEMENTS (two_processors); i++)
    {
      if (!CPU_ISSET (i, &all_processors))
        continue;
      CPU_ZERO (&two_processors[n_processors]);
      CPU_SET (i, &two_processors[n_processors]);
      n_processors++;
    }
  return NULL;
}

const char *
bench_find_no_two_processors (void)
{
  static GOnce once = G_ONCE_INIT;

  g_once (&once, find_processors, NULL);
  return n_processors == G_N_ELEMENTS (two_processors) ? NULL : "there is one processor alone";
}

static void
keep_to (const cpu_set_t *processors)
{
  if (pthread_setaffinity_np (pthread_self (), sizeof *processors, processors) != 0)
    bench_fail ("a thread cannot be kept to a processor");
}

void
bench_keep_to_processor (guint number)
{
  keep_to (&two_processors[number]);
}

void
bench_keep_to_none (void)
{
  keep_to (&all_processors);
}

void
bench_wait_asleep (int tid)
{
  g_autofree char *path = g_strdup_printf ("/proc/self/task/%d/stat", tid);

  for (gint64 limit = bench_now () + 10 * G_GINT64_CONSTANT (1000000000); bench_now () < limit;)
    {
      char line[256] = "";
      FILE *file = fopen (path, "r");
      char *state;

      if (file != NULL)
        {
          if (fgets (line, sizeof line, file) == NULL)
            line[0] = '\0';
          fclose (file);
        }
      state = strrchr (line, ')');
      if (state != NULL && state[1] == ' ' && state[2] == 'S')
        return;
    }
  bench_fail ("thread %d did not fall asleep within 10 s", tid);
}

/* Children */

struct _BenchChild
{
  pid_t pid;
  FILE *orders;
  FILE *answers;
};

static void
read_answer (BenchChild  *self,
             BenchSample *sample)
{
  char line[128];

  if (fgets (line, sizeof line, self->answers) == NULL)
    bench_fail ("a child process failed");
  if (sample != NULL && sscanf (line, "%lf %lf", &sample->wall, &sample->cpu) != 2)
    bench_fail ("a child process answered “%s”", g_strchomp (line));
}

BenchChild *
bench_child_new (const char *role,
                 guint64     size)
{
  BenchChild *self = g_new0 (BenchChild, 1);
  g_autofree char *size_arg = g_strdup_printf ("%" G_GUINT64_FORMAT, size);
  char *argv[] = { (char *) "thredo-bench", (char *) "--child", (char *) role, size_arg,
                   options.smoke ? (char *) "--smoke" : NULL, NULL };
  g_autoptr(GError) error = NULL;
  posix_spawn_file_actions_t actions;
  int orders[2], answers[2], status;

  /* Closed on exec: the end of file on its orders is what ends a child. */
  if (!g_unix_open_pipe (orders, FD_CLOEXEC, &error) ||
      !g_unix_open_pipe (answers, FD_CLOEXEC, &error))
    bench_fail ("pipe: %s", error->message);

  posix_spawn_file_actions_init (&actions);
  posix_spawn_file_actions_adddup2 (&actions, orders[0], STDIN_FILENO);
  posix_spawn_file_actions_adddup2 (&actions, answers[1], STDOUT_FILENO);
  status = posix_spawn (&self->pid, "/proc/self/exe", &actions, NULL, argv, environ);
  posix_spawn_file_actions_destroy (&actions);
  close (orders[0]);
  close (answers[1]);
  if (status != 0)
    bench_fail ("posix_spawn: %s", g_strerror (status));

  self->orders = fdopen (orders[1], "w");
  self->answers = fdopen (answers[0], "r");
  read_answer (self, NULL);
  return self;
}

void
bench_child_measure (BenchChild  *self,
                     guint64      n,
                     BenchSample *sample)
{
  fprintf (self->orders, "%" G_GUINT64_FORMAT "\n", n);
  fflush (self->orders);
  read_answer (self, sample);
}

void
bench_child_free (BenchChild *self)
{
  fclose (self->orders);
  fclose (self->answers);
  waitpid (self->pid, NULL, 0);
  g_free (self);
}

/* A child's life: ready, then a sample for each order until there are no more. */
static void
serve (const BenchRole *role,
       guint64          size)
{
  char line[64];

  role->setup (size);
  puts ("ready");
  fflush (stdout);
  while (fgets (line, sizeof line, stdin) != NULL)
    {
      BenchSample sample = { NAN, NAN };

      role->measure (g_ascii_strtoull (line, NULL, 10), &sample);
      printf ("%.17g %.17g\n", sample.wall, sample.cpu);
      fflush (stdout);
    }
  /* Thousands of threads are blocked for good: leave them to the kernel. */
  _exit (0);
}

/* The busy neighbours */

static gpointer
compute (gpointer data)
{
  volatile guint32 *sink = data;
  guint32 x = 1;

  for (;;)
    {
      for (guint i = 0; i < 1000000; i++)
        x = x * 1664525u + 1013904223u;
      *sink = x;
    }
  return NULL;
}

static void
busy_setup (guint64 size)
{
  static guint32 sink;

  for (guint64 i = 0; i < size; i++)
    g_thread_unref (g_thread_new ("busy", compute, &sink));
}

static void
busy_measure (guint64      n,
              BenchSample *sample)
{
}

/* In a process of their own, so that our CPU time stays ours. */
static const BenchRole busy_role = { "busy", busy_setup, busy_measure };

/* Rows */

/* The number of operations that takes about the target, found by running: the warm-up too. */
static guint64
calibrate (BenchFunc func,
           guint64   n,
           double    target)
{
  BenchSample sample;

  for (;;)
    {
      gint64 start = bench_now ();
      double took;

      func (n, &sample);
      took = MAX (bench_now () - start, 1);
      if (took >= target / 2)
        return MAX (n * (target / took), 1);
      n = MAX (n + 1, n * MIN (target / took, 10.0));
    }
}

static void
print_number (const char *key,
              double      value)
{
  if (isfinite (value))
    printf ("\"%s\": %.6g", key, value);
  else
    printf ("\"%s\": null", key);
}

static guint
count_rounds (const BenchRow *row)
{
  return options.smoke ? 1 : options.rounds * MAX (row->times, 1);
}

static void
print_side (const char        *key,
            const BenchSample *samples,
            guint              rounds,
            guint64            n)
{
  g_autofree double *values = g_new (double, rounds);

  printf ("\"%s\": {", key);
  for (guint i = 0; i < rounds; i++)
    values[i] = samples[i].wall;
  print_number ("wall", bench_median (values, rounds));
  printf (", ");
  for (guint i = 0; i < rounds; i++)
    values[i] = samples[i].cpu;
  print_number ("cpu", bench_median (values, rounds));
  printf (", \"operations\": %" G_GUINT64_FORMAT ", \"rounds\": [", n);
  for (guint i = 0; i < rounds; i++)
    {
      printf ("%s{", i > 0 ? ", " : "");
      print_number ("wall", samples[i].wall);
      printf (", ");
      print_number ("cpu", samples[i].cpu);
      printf ("}");
    }
  printf ("]}");
}

static double
value_of_round (const BenchRow    *row,
                const BenchSample *ours,
                const BenchSample *peer,
                BenchJudge         judge)
{
  switch (judge)
    {
    case BENCH_JUDGE_WALL:
      return ours->wall / peer->wall;
    case BENCH_JUDGE_CPU:
      return ours->cpu / peer->cpu;
    case BENCH_JUDGE_DIFFERENCE:
      return ours->wall - peer->wall;
    case BENCH_JUDGE_ZERO:
      return ours->cpu;
    default:
      g_assert_not_reached ();
    }
}

static double
value_of_row (const BenchRow    *row,
              const BenchSample *ours,
              const BenchSample *peer,
              BenchJudge         judge)
{
  guint rounds = count_rounds (row);
  g_autofree double *values = g_new (double, rounds);

  for (guint i = 0; i < rounds; i++)
    values[i] = value_of_round (row, &ours[i], &peer[i], judge);
  return bench_median (values, rounds);
}

static void
print_row_head (const BenchRow *row)
{
  static const char *const judges[] = { "wall", "cpu", "difference", "zero" };

  printf ("{\"name\": \"%s\", \"work\": \"%s\", \"against\": \"%s\", \"unit\": \"%s\", "
          "\"judge\": \"%s\", ",
          row->name, row->work, row->against, row->unit, judges[row->judge]);
  print_number ("budget", row->budget > 0 || row->judge == BENCH_JUDGE_ZERO ? row->budget : NAN);
}

static void
report_row (const BenchRow    *row,
            const BenchSample *ours,
            const BenchSample *peer,
            guint64            n_ours,
            guint64            n_peer)
{
  guint rounds = count_rounds (row);
  double value = value_of_row (row, ours, peer, row->judge);
  double limit = row->judge == BENCH_JUDGE_ZERO ? NOISE_NS_PER_SECOND : row->budget;

  print_row_head (row);
  printf (", ");
  print_side ("ours", ours, rounds, n_ours);
  if (row->peer != NULL)
    {
      printf (", ");
      print_side ("peer", peer, rounds, n_peer);
      printf (", ");
      print_number ("wall_ratio", value_of_row (row, ours, peer, BENCH_JUDGE_WALL));
      printf (", ");
      print_number ("cpu_ratio", value_of_row (row, ours, peer, BENCH_JUDGE_CPU));
    }
  printf (", ");
  print_number ("value", value);
  printf (", \"ok\": %s}\n", limit <= 0 ? "null" : isfinite (value) && value <= limit ? "true"
                                                                                      : "false");
}

static void
measure_row (const BenchRow *row,
             BenchSample    *ours,
             BenchSample    *peer)
{
  guint rounds = count_rounds (row);
  double target = (row->milliseconds != 0 ? row->milliseconds : DEFAULT_MILLISECONDS) * 1e6;
  guint64 n_ours = row->n, n_peer = row->n;

  if (options.smoke)
    target = 1e6;

  if (!(row->flags & BENCH_FIXED_N))
    {
      BenchSample warm;

      n_peer = calibrate (row->peer, row->n, target);
      if (row->flags & BENCH_SAME_N)
        row->ours (n_ours = n_peer, &warm);
      else
        n_ours = calibrate (row->ours, row->n, target);
    }

  for (guint i = 0; i < rounds; i++)
    {
      gboolean ours_first = i % 2 == 1;

      if (ours_first)
        row->ours (n_ours, &ours[i]);
      if (row->peer != NULL)
        row->peer (n_peer, &peer[i]);
      if (!ours_first)
        row->ours (n_ours, &ours[i]);
    }
  report_row (row, ours, peer, n_ours, n_peer);
}

static void
run_row (const BenchRow *row)
{
  guint rounds = count_rounds (row);
  g_autofree BenchSample *ours = g_new0 (BenchSample, rounds);
  g_autofree BenchSample *peer = g_new0 (BenchSample, rounds);
  const char *obstacle = row->obstacle != NULL ? row->obstacle () : NULL;
  BenchChild *busy = NULL;

  if (obstacle != NULL)
    {
      printf ("{\"name\": \"%s\", \"error\": \"not measured: %s\", \"ok\": null}\n", row->name,
              obstacle);
      return;
    }

  if (row->flags & BENCH_BUSY)
    busy = bench_child_new (busy_role.name,
                            bench_size (BUSY_PER_CORE * g_get_num_processors (), 1));
  if (row->enter != NULL)
    row->enter ();
  measure_row (row, ours, peer);
  if (row->leave != NULL)
    row->leave ();
  g_clear_pointer (&busy, bench_child_free);
  fflush (stdout);
}

static gboolean
is_wanted (const BenchRow *row)
{
  return options.row == NULL || strcmp (options.row, row->name) == 0;
}

static int
run_child (char                   **argv,
           const BenchRole *const  *roles)
{
  guint64 size = g_ascii_strtoull (argv[3], NULL, 10);

  options.smoke = argv[4] != NULL;
  if (strcmp (argv[2], busy_role.name) == 0)
    serve (&busy_role, size);
  for (; *roles != NULL; roles++)
    {
      for (const BenchRole *role = *roles; role->name != NULL; role++)
        {
          if (strcmp (argv[2], role->name) == 0)
            serve (role, size);
        }
    }
  return 2;
}

int
bench_main (int                      argc,
            char                   **argv,
            const BenchRow *const   *tables,
            const BenchRole *const  *roles)
{
  int rounds = DEFAULT_ROUNDS;
  gboolean list = FALSE;
  const GOptionEntry entries[] = {
    { "rounds", 0, 0, G_OPTION_ARG_INT, &rounds, "Rounds for each row (9)", "N" },
    { "row", 0, 0, G_OPTION_ARG_STRING, &options.row, "This row alone", "NAME" },
    { "list", 0, 0, G_OPTION_ARG_NONE, &list, "List the rows and do nothing", NULL },
    { "smoke", 0, 0, G_OPTION_ARG_NONE, &options.smoke, "One round, tiny sizes", NULL },
    { NULL }
  };
  g_autoptr(GOptionContext) context = g_option_context_new ("- one line of JSON for each row");
  g_autoptr(GError) error = NULL;

  /* A child that ended is known by the answer it does not give. */
  signal (SIGPIPE, SIG_IGN);
  if (argc >= 4 && strcmp (argv[1], "--child") == 0)
    return run_child (argv, roles);

  g_option_context_add_main_entries (context, entries, NULL);
  if (!g_option_context_parse (context, &argc, &argv, &error))
    bench_fail ("%s", error->message);
  options.rounds = options.smoke ? 1 : MAX (rounds, 1);

  for (; *tables != NULL; tables++)
    {
      for (const BenchRow *row = *tables; row->name != NULL; row++)
        {
          if (list && is_wanted (row))
            puts (row->name);
          else if (is_wanted (row))
            run_row (row);
        }
    }
  return 0;
}
