/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A program as a user's first one. */

#include <thredo.h>

#if !THREDO_CHECK_VERSION(1, 0, 0)
#error "This is not the version it says"
#endif

static gboolean
answer (ThredoThread  *thread,
        gpointer       lock,
        GError       **error)
{
  g_autoptr(ThredoLockGuard) guard = NULL;

  guard = thredo_lock_guard_new (THREDO_LOCKABLE (lock), NULL, error);
  if (guard == NULL)
    return FALSE;
  if (!thredo_sleep (1000, NULL, error))
    return FALSE;

  thredo_thread_set_result_pointer (thread, g_strdup ("42"), g_free);

  return TRUE;
}

int
main (void)
{
  g_autoptr(ThredoLock) lock = thredo_lock_new ();
  g_autoptr(GError) error = NULL;
  g_autoptr(ThredoThread) thread = NULL;
  const char *result;

  thread = thredo_thread_spawn ("answer", answer, lock, NULL, &error);
  g_assert_no_error (error);
  result = thredo_thread_join_pointer (thread, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpstr (result, ==, "42");
  g_assert_true (thredo_lock_try_acquire (lock));
  thredo_lock_release (lock, &error);
  g_assert_no_error (error);

  g_print ("%s\n", result);

  return 0;
}
