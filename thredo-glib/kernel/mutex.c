/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "mutex.h"

#if !THREDO_PORTABLE

#include "spin.h"

/* Enough for a few critical sections of others; a holder that takes longer
 * has lost its processor. */
#define LOCK_SPINS 40

void
thredo_mutex_lock_slow (ThredoMutex *self)
{
  if (thredo_spin_is_useful ())
    {
      for (guint i = 0; i < LOCK_SPINS; i++)
        {
          guint32 word = atomic_load_explicit (&self->word, memory_order_relaxed);

          if (word == 0 &&
              atomic_compare_exchange_strong_explicit (&self->word, &word, 1,
                                                       memory_order_acquire,
                                                       memory_order_relaxed))
            return;
          if (word == 2)
            break;
          thredo_cpu_relax ();
        }
    }

  /* Whoever gets it from here on leaves 2 behind, because it cannot know
   * whether it was the last one asleep. */
  while (atomic_exchange (&self->word, 2) != 0)
    thredo_futex_wait (&self->word, 2, THREDO_PARK_FOREVER, THREDO_FUTEX_PRIVATE);
}

void
thredo_mutex_wake (ThredoMutex *self)
{
  thredo_futex_wake (&self->word, 1, THREDO_FUTEX_PRIVATE);
}

#endif
