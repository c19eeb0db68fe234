/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "park.h"

#if !THREDO_PORTABLE

#include <errno.h>
#include <linux/futex.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* Where pointers are narrower than the C library's time, the older call takes
 * a time that is narrower too. */
#if defined(SYS_futex_time64)
#define FUTEX_CALL (sizeof (time_t) > sizeof (long) ? SYS_futex_time64 : SYS_futex)
#else
#define FUTEX_CALL SYS_futex
#endif

void
thredo_futex_wait (_Atomic guint32  *word,
                   guint32           while_equal,
                   gint64            until,
                   ThredoFutexScope  scope)
{
  struct timespec ts, *timeout = NULL;

  if (until != THREDO_PARK_FOREVER)
    {
      ts.tv_sec = until / G_USEC_PER_SEC;
      ts.tv_nsec = (until % G_USEC_PER_SEC) * 1000;
      timeout = &ts;
    }

  /* The bitset form is the one that takes an absolute time. Every way in
   * which it returns (woken, changed, EINTR, ETIMEDOUT) sends the caller back
   * to look at the word, so none needs telling from another. */
  syscall (FUTEX_CALL, (guint32 *) word, FUTEX_WAIT_BITSET | (int) scope,
           while_equal, timeout, NULL, FUTEX_BITSET_MATCH_ANY);
}

void
thredo_futex_wake (_Atomic guint32  *word,
                   int               n_waiters,
                   ThredoFutexScope  scope)
{
  /* The word's owner may be gone by now: the kernel takes the address as a
   * name only, so the worst is a spurious wake of somebody else. */
  int saved_errno = errno;

  syscall (FUTEX_CALL, (guint32 *) word, FUTEX_WAKE | (int) scope, n_waiters);
  errno = saved_errno;
}

void
thredo_parker_init (ThredoParker *self)
{
  atomic_init (&self->word, 0);
}

void
thredo_parker_clear (ThredoParker *self)
{
}

/* Sleeps while the word has the value given, until a time on the monotonic
 * clock at most. May return early: the caller looks again. */
void
thredo_parker_park (ThredoParker *self,
                    guint32       while_equal,
                    gint64        until)
{
  thredo_futex_wait (&self->word, while_equal, until, THREDO_FUTEX_GLOBAL);
}

gboolean
thredo_parker_swap (ThredoParker *self,
                    guint32      *expected,
                    guint32       desired)
{
  return atomic_compare_exchange_strong (&self->word, expected, desired);
}

void
thredo_parker_wake (ThredoParker *self)
{
  thredo_futex_wake (&self->word, 1, THREDO_FUTEX_GLOBAL);
}

#else /* THREDO_PORTABLE */

void
thredo_parker_init (ThredoParker *self)
{
  atomic_init (&self->word, 0);
  g_mutex_init (&self->mutex);
  g_cond_init (&self->cond);
}

void
thredo_parker_clear (ThredoParker *self)
{
  /* Whoever swapped the word may still be inside the mutex. */
  g_mutex_lock (&self->mutex);
  g_mutex_unlock (&self->mutex);
  g_mutex_clear (&self->mutex);
  g_cond_clear (&self->cond);
}

void
thredo_parker_park (ThredoParker *self,
                    guint32       while_equal,
                    gint64        until)
{
  g_mutex_lock (&self->mutex);
  while (atomic_load (&self->word) == while_equal)
    {
      if (until == THREDO_PARK_FOREVER)
        g_cond_wait (&self->cond, &self->mutex);
      else if (!g_cond_wait_until (&self->cond, &self->mutex, until))
        break;
    }
  g_mutex_unlock (&self->mutex);
}

/* The signal is given inside the mutex, so that the owner, which clears the
 * parker only through the mutex, cannot be gone before it. */
gboolean
thredo_parker_swap (ThredoParker *self,
                    guint32      *expected,
                    guint32       desired)
{
  gboolean swapped;

  g_mutex_lock (&self->mutex);
  swapped = atomic_compare_exchange_strong (&self->word, expected, desired);
  if (swapped)
    g_cond_signal (&self->cond);
  g_mutex_unlock (&self->mutex);

  return swapped;
}

void
thredo_parker_wake (ThredoParker *self)
{
  /* Done by the swap. */
}

#endif
