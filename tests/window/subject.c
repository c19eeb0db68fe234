/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * What the window attaches to. It knows nothing of the monitor, which THREDO_MONITOR brings in.
 *
 *   window-subject crew   three threads that wait for what never comes; ends when all of them have
 *                         been cancelled
 *   window-subject last   a thread that waits for what never comes; to cancel it ends the process
 *                         at once, before whoever has asked for that has an answer
 *   window-subject flood  10,000 threads in a second, each of which ends at once, until standard
 *                         input is closed; says how many they were in a second
 */

#include <stdio.h>
#include <string.h>
#include <thredo.h>
#include <unistd.h>

#define N_BURST 100
#define BURSTS_PER_SECOND 100

/* The crew */

static gboolean
wait_for_work (ThredoThread  *thread,
               gpointer       user_data,
               GError       **error)
{
  return thredo_queue_get_pointer (user_data, NULL, error) != NULL;
}

static void
spawn (ThredoGroup      *group,
       const char       *name,
       ThredoThreadFunc  func,
       gpointer          user_data)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(ThredoThread) thread = thredo_group_spawn (group, name, func, user_data, NULL, &error);

  if (thread == NULL)
    g_error ("%s: %s", name, error->message);
}

static void
run_crew (void)
{
  g_autoptr(ThredoQueue) work = thredo_queue_new (0);
  g_autoptr(ThredoGroup) crew = thredo_group_new (THREDO_GROUP_WAIT_ALL);

  thredo_queue_set_name (work, "work");
  thredo_group_set_name (crew, "crew");
  spawn (crew, "cook", wait_for_work, work);
  spawn (crew, "helmsman", wait_for_work, work);
  spawn (crew, "lookout", wait_for_work, work);
  puts ("ready");
  fflush (stdout);
  thredo_group_join (crew, NULL, NULL);
}

/* The last one */

static void
end_process (void)
{
  _exit (0);
}

static gboolean
end_with_process (ThredoThread  *thread,
                  gpointer       user_data,
                  GError       **error)
{
  g_cancellable_connect (thredo_thread_get_cancellable (thread), end_process, NULL, NULL);
  puts ("ready");
  fflush (stdout);
  return thredo_queue_get_pointer (user_data, NULL, error) != NULL;
}

static void
run_last (void)
{
  g_autoptr(ThredoQueue) work = thredo_queue_new (0);
  g_autoptr(ThredoGroup) group = thredo_group_new (THREDO_GROUP_WAIT_ALL);

  spawn (group, "last", end_with_process, work);
  thredo_group_join (group, NULL, NULL);
}

/* The flood */

static gboolean
begin_and_end (ThredoThread  *thread,
               gpointer       user_data,
               GError       **error)
{
  return TRUE;
}

static gboolean
wait_for_end (ThredoThread  *thread,
              gpointer       user_data,
              GError       **error)
{
  int *is_over = user_data;
  char c;

  while (read (STDIN_FILENO, &c, 1) > 0)
    ;
  g_atomic_int_set (is_over, TRUE);
  return TRUE;
}

static void
run_flood (void)
{
  g_autoptr(ThredoGroup) group = thredo_group_new (THREDO_GROUP_WAIT_ALL);
  gint64 began = g_get_monotonic_time ();
  guint64 n = 0;
  int is_over = FALSE;

  thredo_group_set_name (group, "flood");
  spawn (group, "end", wait_for_end, &is_over);
  puts ("ready");
  fflush (stdout);
  while (!g_atomic_int_get (&is_over))
    {
      g_autoptr(ThredoGroup) burst = thredo_group_new (THREDO_GROUP_WAIT_ALL);
      gint64 ahead;

      thredo_group_set_name (burst, "burst");
      for (guint i = 0; i < N_BURST; i++)
        spawn (burst, "drop", begin_and_end, NULL);
      thredo_group_join (burst, NULL, NULL);
      n += N_BURST;
      ahead = began + (gint64) (n / N_BURST) * G_TIME_SPAN_SECOND / BURSTS_PER_SECOND -
              g_get_monotonic_time ();
      if (ahead > 0)
        thredo_sleep (ahead, NULL, NULL);
    }
  thredo_group_join (group, NULL, NULL);
  printf ("%.0f\n", (double) n * G_TIME_SPAN_SECOND / (double) (g_get_monotonic_time () - began));
}

int
main (int    argc,
      char **argv)
{
  if (argc == 2 && strcmp (argv[1], "crew") == 0)
    run_crew ();
  else if (argc == 2 && strcmp (argv[1], "last") == 0)
    run_last ();
  else if (argc == 2 && strcmp (argv[1], "flood") == 0)
    run_flood ();
  else
    return 2;
  return 0;
}
