/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The parent and the kid: an event, a signal (Ctrl+C), a group of friends, and a deadline. */

#include <thredo.h>

#include <signal.h>

#define N_FRIENDS 3

static const char *const friends[N_FRIENDS] = { "Ada", "Grace", "Linus" };

static ThredoSemaphore *asked;
static ThredoSemaphore *arrived;
static ThredoEvent *may_play;
static ThredoEvent *all_here;
static GTimeSpan patience;

/* Returns: whether event was set before the time was up */
static gboolean
wait_for (ThredoEvent *event,
          GTimeSpan    timeout)
{
  g_autoptr(ThredoScope) scope = thredo_scope_new_with_timeout (timeout);
  G_GNUC_UNUSED g_autoptr(ThredoScopeGuard) guard = thredo_scope_guard_new (scope);

  return thredo_event_wait (event, NULL, NULL);
}

static gboolean
visit (ThredoThread  *thread,
       gpointer       user_data,
       GError       **error)
{
  const char *name = user_data;

  g_print ("%s: comes to play\n", name);
  thredo_semaphore_release (arrived, NULL);
  thredo_sleep (G_TIME_SPAN_HOUR, NULL, error);
  g_print ("%s: goes home\n", name);
  return FALSE;
}

static gboolean
play (GError **error)
{
  g_autoptr(ThredoGroup) group = thredo_group_new (THREDO_GROUP_WAIT_ALL);
  G_GNUC_UNUSED g_autoptr(ThredoGroupGuard) guard = thredo_group_guard_new (group);

  g_print ("kid: builds a castle\n");
  for (guint i = 0; i < N_FRIENDS; i++)
    {
      g_object_unref (
          thredo_group_spawn (group, friends[i], visit, (gpointer) friends[i], NULL, NULL));
      thredo_semaphore_acquire (arrived, NULL, NULL);
    }
  thredo_event_set (all_here);
  thredo_sleep (G_TIME_SPAN_HOUR, NULL, error);
  g_print ("kid: saves the castle\n");
  return FALSE; /* the guard sends the friends home, and waits for them */
}

static gboolean
be_a_kid (ThredoThread  *thread,
          gpointer       user_data,
          GError       **error)
{
  for (guint i = 0; i < 2; i++)
    {
      g_print ("kid: may I play?\n");
      thredo_semaphore_release (asked, NULL);
      if (wait_for (may_play, 100 * G_TIME_SPAN_MILLISECOND))
        return play (error);
      g_print ("kid: why not?\n");
    }

  g_print ("kid: pretty please!\n");
  thredo_semaphore_release (asked, NULL);
  return thredo_event_wait (may_play, NULL, error) && play (error);
}

static gboolean
count_down (ThredoThread  *thread,
            gpointer       user_data,
            GError       **error)
{
  for (int n = 3; n > 0; n--)
    {
      g_print ("countdown: %d\n", n);
      if (!thredo_sleep (50 * G_TIME_SPAN_MILLISECOND, NULL, error))
        return FALSE;
    }
  return TRUE;
}

static gboolean
is_called (GError **error)
{
  const int signals[] = { SIGINT, SIGTERM };
  g_autoptr(ThredoSignalEvent) call = thredo_signal_event_new (signals, 2, error);
  g_autoptr(ThredoScope) scope = thredo_scope_new_with_timeout (patience);
  G_GNUC_UNUSED g_autoptr(ThredoScopeGuard) guard = NULL;

  thredo_event_wait (all_here, NULL, NULL);
  g_print ("parent: waits for a call (Ctrl+C)\n");
  guard = thredo_scope_guard_new (scope);
  return thredo_signal_event_wait (call, NULL, NULL) > 0;
}

static gboolean
be_a_parent (ThredoThread  *thread,
             gpointer       user_data,
             GError       **error)
{
  g_autoptr(ThredoThread) kid = thredo_thread_spawn ("kid", be_a_kid, NULL, NULL, error);
  g_autoptr(ThredoThread) countdown = NULL;
  g_autoptr(ThredoScope) deadline = NULL;

  for (guint i = 0; i < 3; i++)
    thredo_semaphore_acquire (asked, NULL, NULL);
  g_print ("parent: go and play\n");
  thredo_event_set (may_play);

  g_print ("parent: %s\n", is_called (error) ? "somebody calls" : "it is late");
  countdown = thredo_thread_spawn ("countdown", count_down, NULL, NULL, error);
  thredo_thread_join (countdown, NULL, NULL);

  g_print ("parent: we are leaving\n");
  deadline = thredo_scope_new_with_timeout (100 * G_TIME_SPAN_MILLISECOND);
  thredo_scope_enter (deadline);
  thredo_thread_wait (kid, NULL, NULL);
  thredo_scope_leave (deadline);
  if (thredo_scope_is_expired (deadline))
    {
      g_print ("parent: now!\n");
      thredo_thread_cancel (kid);
      thredo_thread_wait (kid, NULL, NULL);
    }
  g_print ("parent: everybody is gone\n");
  return TRUE;
}

int
main (int    argc,
      char **argv)
{
  patience = (argc > 1 ? g_ascii_strtod (argv[1], NULL) : 1) * G_TIME_SPAN_SECOND;
  asked = thredo_semaphore_new (0);
  arrived = thredo_semaphore_new (0);
  may_play = thredo_event_new ();
  all_here = thredo_event_new ();

  thredo_run (THREDO_RUN_DEFAULT, be_a_parent, NULL, NULL, NULL);

  g_object_unref (asked);
  g_object_unref (arrived);
  g_object_unref (may_play);
  g_object_unref (all_here);
  return 0;
}
