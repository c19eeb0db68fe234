/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Two threads that compute: each has a processor of its own, and can be cancelled where it asks. */

#include <thredo.h>

static gboolean
is_prime (guint n)
{
  for (guint i = 2; i * i <= n; i++)
    if (n % i == 0)
      return FALSE;
  return n > 1;
}

static gboolean
count_primes (ThredoThread  *thread,
              gpointer       user_data,
              GError       **error)
{
  const guint *range = user_data;
  guint n_primes = 0;

  for (guint n = range[0]; n < range[1]; n++)
    n_primes += is_prime (n);
  thredo_thread_set_result_pointer (thread, GUINT_TO_POINTER (n_primes), NULL);
  return TRUE;
}

static gboolean
compute_for_ever (ThredoThread  *thread,
                  gpointer       user_data,
                  GError       **error)
{
  for (guint n = 0; thredo_check_cancelled (NULL, error); n++)
    is_prime (n);
  return FALSE;
}

int
main (void)
{
  const guint ranges[2][2] = { { 0, 20000 }, { 20000, 40000 } };
  g_autoptr(ThredoThread) endless =
      thredo_thread_spawn ("endless", compute_for_ever, NULL, NULL, NULL);
  ThredoThread *threads[2];

  for (guint i = 0; i < 2; i++)
    threads[i] =
        thredo_thread_spawn ("primes", count_primes, (gpointer) ranges[i], NULL, NULL);
  for (guint i = 0; i < 2; i++)
    {
      g_autoptr(ThredoThread) thread = threads[i];

      g_print ("%u primes from %u to %u\n",
               GPOINTER_TO_UINT (thredo_thread_join_pointer (thread, NULL, NULL)), ranges[i][0],
               ranges[i][1]);
    }

  thredo_thread_cancel (endless);
  thredo_thread_wait (endless, NULL, NULL);
  if (thredo_thread_get_state (endless) == THREDO_THREAD_STATE_CANCELLED)
    g_print ("The endless one is cancelled\n");
  return 0;
}
