/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Five philosophers lock each other out, until a timeout: one leaves, and the others eat. */

#include <thredo.h>

#define N_SEATS 5

static const char *const names[N_SEATS] = { "Aristotle", "Hypatia", "Confucius", "Avicenna",
                                            "Kant" };

static ThredoLock *forks[N_SEATS];
static ThredoBarrier *all_have_one;

static gboolean
dine (ThredoThread  *thread,
      gpointer       user_data,
      GError       **error)
{
  guint seat = GPOINTER_TO_UINT (user_data);
  g_autoptr(ThredoLockGuard) left = NULL;
  g_autoptr(ThredoLockGuard) right = NULL;

  left = thredo_lock_guard_new (THREDO_LOCKABLE (forks[seat]), NULL, error);
  if (left == NULL || !thredo_barrier_wait (all_have_one, NULL, NULL, error))
    return FALSE;

  right = thredo_lock_guard_new (THREDO_LOCKABLE (forks[(seat + 1) % N_SEATS]), NULL, error);
  g_print ("%s %s\n", names[seat], right != NULL ? "eats" : "leaves");
  return right != NULL;
}

int
main (void)
{
  g_autoptr(ThredoScope) timeout = thredo_scope_new_with_timeout (300 * G_TIME_SPAN_MILLISECOND);
  ThredoThread *philosophers[N_SEATS];

  all_have_one = thredo_barrier_new (N_SEATS);
  for (guint i = 0; i < N_SEATS; i++)
    forks[i] = thredo_lock_new ();
  for (guint i = 0; i < N_SEATS; i++)
    philosophers[i] = thredo_thread_spawn (names[i], dine, GUINT_TO_POINTER (i), NULL, NULL);

  thredo_scope_enter (timeout);
  for (guint i = 0; i < N_SEATS; i++)
    thredo_thread_wait (philosophers[i], NULL, NULL);
  thredo_scope_leave (timeout);

  if (thredo_scope_is_expired (timeout))
    {
      g_print ("Time is up, and nobody has eaten\n");
      thredo_thread_cancel (philosophers[0]);
    }
  for (guint i = 0; i < N_SEATS; i++)
    {
      thredo_thread_wait (philosophers[i], NULL, NULL);
      g_object_unref (philosophers[i]);
    }

  for (guint i = 0; i < N_SEATS; i++)
    g_object_unref (forks[i]);
  g_object_unref (all_have_one);
  return 0;
}
