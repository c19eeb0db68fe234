/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A sleeper is cancelled, wakes at once, and has time to clean up. */

#include <thredo.h>

static gboolean
sleeper (ThredoThread  *thread,
         gpointer       user_data,
         GError       **error)
{
  ThredoEvent *asleep = user_data;

  g_print ("sleeper: good night, for an hour\n");
  thredo_event_set (asleep);
  if (thredo_sleep (G_TIME_SPAN_HOUR, NULL, error))
    {
      g_print ("sleeper: good morning\n");
      return TRUE;
    }

  /* From here on every wait fails at once, but in a shield. */
  g_autoptr(ThredoScope) shield = thredo_scope_new_shielded ();
  G_GNUC_UNUSED g_autoptr(ThredoScopeGuard) guard = thredo_scope_guard_new (shield);

  g_print ("sleeper: cancelled, makes the bed\n");
  thredo_sleep (10 * G_TIME_SPAN_MILLISECOND, NULL, NULL);
  g_print ("sleeper: the bed is made\n");
  return FALSE;
}

int
main (void)
{
  g_autoptr(ThredoEvent) asleep = thredo_event_new ();
  g_autoptr(ThredoThread) thread = thredo_thread_spawn ("sleeper", sleeper, asleep, NULL, NULL);
  g_autoptr(GError) error = NULL;

  thredo_event_wait (asleep, NULL, NULL);
  g_print ("main: get up\n");
  thredo_thread_cancel (thread);
  if (!thredo_thread_join (thread, NULL, &error) &&
      g_error_matches (error, THREDO_ERROR, THREDO_ERROR_THREAD_CANCELLED))
    g_print ("main: the sleeper was cancelled\n");
  return 0;
}
