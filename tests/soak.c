/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The two processes of tests/soak:
 *
 *   thredo-soak work        does all of soak-parts.c, with monitors, and exported
 *   thredo-soak watch PID   attaches to that process, and detaches, over and over
 *
 * Each tells every quarter of a second what it has, one line of JSON, and ends when its input does.
 * The process that works ends well if nothing is left of its objects then.
 */

#include "soak-parts.h"

#include <glib-unix.h>

#ifdef HAVE_MALLINFO2
#include <malloc.h>
#endif
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define REPORT_MILLISECONDS 250
#define PASSING_REFRESHES 7
#define EXPORT_SECONDS 5
#define ATTACHED_REFRESHES 5
#define RETRY_MILLISECONDS 20
#define WATCHED_INTERVAL (50 * G_TIME_SPAN_MILLISECOND)

static struct
{
  GMainLoop *loop;
  gboolean is_ending;
  ThredoMonitor *monitor; /* for as long as there is work */
  ThredoMonitor *passing; /* one that is made and dropped */
  guint n_refreshes;      /* of that which is made and dropped */

  int n_messages; /* atomic: what the log has not printed */
  guint64 n_monitors;
  guint64 n_exports;
  guint64 n_freed;
  guint64 n_joined;
  guint64 n_cancelled;
  guint64 n_refused;
} soak;

/* The log. Abandoned locks and deadlocks are what the parts are for. */

static GLogWriterOutput
write_log (GLogLevelFlags   level,
           const GLogField *fields,
           gsize            n_fields,
           gpointer         user_data)
{
  for (gsize i = 0; i < n_fields; i++)
    {
      if (strcmp (fields[i].key, "MESSAGE") == 0 &&
          (strstr (fields[i].value, "eadlock") != NULL ||
           strstr (fields[i].value, "marked abandoned") != NULL))
        {
          g_atomic_int_inc (&soak.n_messages);
          return G_LOG_WRITER_HANDLED;
        }
    }
  return g_log_writer_default (level, fields, n_fields, user_data);
}

/* What is told */

static guint64
count_heap (void)
{
#ifdef HAVE_MALLINFO2
  struct mallinfo2 info = mallinfo2 ();

  return info.uordblks + info.hblkhd;
#else
  return 0;
#endif
}

static void
print_count (const char *name,
             guint64     n)
{
  printf (", \"%s\": %" G_GUINT64_FORMAT, name, n);
}

static gboolean
report (gpointer user_data)
{
  gboolean works = GPOINTER_TO_INT (user_data);

  printf ("{\"heap\": %" G_GUINT64_FORMAT, count_heap ());
  if (works)
    print_count ("objects", (guint64) soak_count_tracked (NULL));
  printf (", \"done\": {\"monitors\": %" G_GUINT64_FORMAT, soak.n_monitors);
  for (SoakPart *part = soak_parts; works && part->name != NULL; part++)
    print_count (part->name, (guint64) g_atomic_int_get (&part->n_done));
  if (works)
    {
      print_count ("exports", soak.n_exports);
      print_count ("deadlocks freed by the monitor", soak.n_freed);
      print_count ("joined in the main loop", soak.n_joined);
      print_count ("messages logged", (guint64) g_atomic_int_get (&soak.n_messages));
    }
  else
    {
      print_count ("threads cancelled from outside", soak.n_cancelled);
      print_count ("refused, or closed meanwhile", soak.n_refused);
    }
  puts ("}}");
  fflush (stdout);
  return G_SOURCE_CONTINUE;
}

/* The monitors. Whatever they have is looked at. */

static void
look_at_all (ThredoMonitor *monitor)
{
  g_autoptr(GPtrArray) queues = thredo_monitor_list_queues (monitor);
  g_autoptr(GPtrArray) locks = thredo_monitor_list_locks (monitor);
  g_autoptr(GPtrArray) history = thredo_monitor_get_history (monitor);
  g_autoptr(GPtrArray) deadlocks = thredo_monitor_find_deadlocks (monitor);
  g_autoptr(GPtrArray) threads = thredo_monitor_snapshot (monitor);

  g_assert_true (queues != NULL && locks != NULL && history != NULL);
  g_assert_true (deadlocks != NULL && threads != NULL);
}

static void
on_passing_refreshed (ThredoMonitor *monitor)
{
  look_at_all (monitor);
  soak.n_refreshes++;
}

static ThredoMonitor *
passing_new (void)
{
  ThredoMonitor *monitor = soak_track (thredo_monitor_new ());

  g_signal_connect (monitor, "refreshed", G_CALLBACK (on_passing_refreshed), NULL);
  soak.n_refreshes = 0;
  soak.n_monitors++;
  return monitor;
}

static void
on_refreshed (ThredoMonitor *monitor)
{
  look_at_all (monitor);
  if (soak.n_refreshes < PASSING_REFRESHES || soak.is_ending)
    return;
  g_object_unref (soak.passing);
  soak.passing = passing_new ();
}

/* As somebody would who sees it. */
static void
on_deadlock (ThredoMonitor  *monitor,
             ThredoDeadlock *deadlock)
{
  gsize n_ids;
  const guint64 *ids = thredo_deadlock_get_thread_ids (deadlock, &n_ids);

  if (thredo_get_deadlock_policy () == THREDO_DEADLOCK_POLICY_REPORT && n_ids > 0)
    soak.n_freed += thredo_monitor_cancel_thread (monitor, ids[0], NULL, NULL);
}

static gboolean
export_again (gpointer user_data)
{
  g_autoptr(GError) error = NULL;

  if (soak.n_exports > 0)
    thredo_monitor_unexport ();
  if (!thredo_monitor_export (&error))
    g_error ("It is not exported: %s", error->message);
  soak.n_exports++;
  return G_SOURCE_CONTINUE;
}

/* Threads of the main loop */

static gboolean
return_at_once (ThredoThread  *thread,
                gpointer       user_data,
                GError       **error)
{
  return TRUE;
}

static void
on_thread_joined (GObject      *source,
                  GAsyncResult *result,
                  gpointer      user_data)
{
  g_autoptr(GError) error = NULL;

  if (!thredo_thread_join_finish (THREDO_THREAD (source), result, &error))
    g_error ("A thread has failed: %s", error->message);
  soak.n_joined++;
}

static gboolean
spawn_one (gpointer user_data)
{
  g_autoptr(ThredoThread) thread = NULL;

  thread = thredo_thread_spawn ("brief", return_at_once, NULL, NULL, NULL);
  soak_track (thread);
  thredo_thread_join_async (thread, NULL, on_thread_joined, NULL);
  return G_SOURCE_CONTINUE;
}

/* Work */

/* What it does once it does to the end: its cancel is for the pauses. */
static gboolean
run_part (ThredoThread  *thread,
          gpointer       user_data,
          GError       **error)
{
  SoakPart *part = user_data;
  gboolean is_ok = TRUE;

  while (is_ok && thredo_sleep (part->pause, NULL, error))
    {
      g_autoptr(ThredoScope) shield = soak_track (thredo_scope_new_shielded ());

      thredo_scope_enter (shield);
      is_ok = part->once (error);
      thredo_scope_leave (shield);
      if (is_ok)
        g_atomic_int_inc (&part->n_done);
      else
        g_error ("%s: %s", part->name, (*error)->message);
    }
  return FALSE;
}

static void
on_parts_joined (GObject      *source,
                 GAsyncResult *result,
                 gpointer      user_data)
{
  thredo_group_join_finish (THREDO_GROUP (source), result, NULL);
  g_main_loop_quit (soak.loop);
}

static gboolean
on_input_ended (int          fd,
                GIOCondition condition,
                gpointer     user_data)
{
  char bytes[64];

  if ((condition & G_IO_IN) != 0 && read (fd, bytes, sizeof bytes) > 0)
    return G_SOURCE_CONTINUE;
  soak.is_ending = TRUE;
  if (user_data != NULL)
    thredo_group_cancel (user_data);
  else
    g_main_loop_quit (soak.loop);
  return G_SOURCE_REMOVE;
}

static gboolean
wake (gpointer user_data)
{
  return G_SOURCE_CONTINUE;
}

/* Some are held for a moment by what another thread is just doing. */
static int
wait_for_objects (void)
{
  gint64 limit = g_get_monotonic_time () + G_TIME_SPAN_MINUTE;
  guint waker = g_timeout_add (10, wake, NULL);

  while (soak_count_tracked (NULL) > 0 && g_get_monotonic_time () < limit)
    g_main_context_iteration (NULL, TRUE);
  g_source_remove (waker);
  return soak_count_tracked (NULL);
}

static int
work (void)
{
  g_autoptr(ThredoGroup) parts = thredo_group_new (THREDO_GROUP_WAIT_ALL);
  guint sources[3];
  g_autoptr(GString) types = g_string_new (NULL);
  int n_left;

  soak.monitor = soak_track (thredo_monitor_new ());
  g_signal_connect (soak.monitor, "refreshed", G_CALLBACK (on_refreshed), NULL);
  g_signal_connect (soak.monitor, "deadlock", G_CALLBACK (on_deadlock), NULL);
  soak.passing = passing_new ();
  export_again (NULL);
  thredo_group_set_name (parts, "soak");
  for (SoakPart *part = soak_parts; part->name != NULL; part++)
    {
      g_autoptr(GError) error = NULL;
      g_autoptr(ThredoThread) thread =
          thredo_group_spawn (parts, part->name, run_part, part, NULL, &error);

      if (thread == NULL)
        g_error ("%s: %s", part->name, error->message);
    }
  thredo_group_join_async (parts, NULL, on_parts_joined, NULL);
  sources[0] = g_timeout_add (REPORT_MILLISECONDS, report, GINT_TO_POINTER (TRUE));
  sources[1] = g_timeout_add_seconds (EXPORT_SECONDS, export_again, NULL);
  sources[2] = g_timeout_add (20, spawn_one, NULL);
  g_unix_fd_add (STDIN_FILENO, G_IO_IN | G_IO_HUP, on_input_ended, parts);
  g_main_loop_run (soak.loop);

  for (guint i = 0; i < G_N_ELEMENTS (sources); i++)
    g_source_remove (sources[i]);
  thredo_monitor_unexport ();
  g_clear_object (&soak.passing);
  g_clear_object (&soak.monitor);
  n_left = wait_for_objects ();
  report (GINT_TO_POINTER (TRUE));
  if (n_left == 0)
    return EXIT_SUCCESS;
  soak_count_tracked (types);
  g_printerr ("thredo-soak: %d objects are left at the end:%s\n", n_left, types->str);
  return EXIT_FAILURE;
}

/* Watch */

static void
cancel_a_victim (ThredoMonitor *monitor)
{
  for (guint i = 0; i < g_list_model_get_n_items (G_LIST_MODEL (monitor)); i++)
    {
      g_autoptr(ThredoThreadInfo) info = g_list_model_get_item (G_LIST_MODEL (monitor), i);

      if (g_strcmp0 (thredo_thread_info_get_name (info), SOAK_VICTIM) != 0)
        continue;
      soak.n_cancelled += thredo_monitor_cancel_thread (monitor, thredo_thread_info_get_id (info),
                                                        NULL, NULL);
      return;
    }
}

static void
on_watched_refreshed (ThredoMonitor *monitor)
{
  look_at_all (monitor);
  soak.n_refreshes++;
}

/* Attached for some refreshes, or until the process is not exported any more. */
static void
watch_for_a_while (guint pid)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(ThredoMonitor) monitor = thredo_monitor_new_for_process (pid, NULL, &error);

  if (monitor == NULL)
    {
      soak.n_refused++;
      g_main_context_iteration (NULL, TRUE);
      return;
    }
  soak.n_monitors++;
  soak.n_refreshes = 0;
  thredo_monitor_set_interval (monitor, WATCHED_INTERVAL);
  g_signal_connect (monitor, "refreshed", G_CALLBACK (on_watched_refreshed), NULL);
  while (soak.n_refreshes < ATTACHED_REFRESHES && !soak.is_ending &&
         !thredo_monitor_is_closed (monitor))
    g_main_context_iteration (NULL, TRUE);
  if (thredo_monitor_is_closed (monitor))
    soak.n_refused++;
  else
    cancel_a_victim (monitor);
}

static int
watch (guint pid)
{
  guint sources[2];

  sources[0] = g_timeout_add (REPORT_MILLISECONDS, report, GINT_TO_POINTER (FALSE));
  sources[1] = g_timeout_add (RETRY_MILLISECONDS, wake, NULL);
  g_unix_fd_add (STDIN_FILENO, G_IO_IN | G_IO_HUP, on_input_ended, NULL);
  while (!soak.is_ending)
    watch_for_a_while (pid);
  for (guint i = 0; i < G_N_ELEMENTS (sources); i++)
    g_source_remove (sources[i]);
  report (GINT_TO_POINTER (FALSE));
  return EXIT_SUCCESS;
}

int
main (int    argc,
      char **argv)
{
  gboolean works = argc == 2 && strcmp (argv[1], "work") == 0;
  guint64 pid = 0;
  int status;

  if (!works && !(argc == 3 && strcmp (argv[1], "watch") == 0 &&
                  g_ascii_string_to_unsigned (argv[2], 10, 1, G_MAXINT, &pid, NULL)))
    {
      g_printerr ("Usage: thredo-soak work | watch PID\n");
      return 2;
    }
  g_log_set_writer_func (write_log, NULL, NULL);
  soak.loop = g_main_loop_new (NULL, FALSE);
  status = works ? work () : watch ((guint) pid);
  g_main_loop_unref (soak.loop);
  return status;
}
