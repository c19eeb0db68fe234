/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include "park.h"

/* The lock for a few instructions: it spins briefly, then sleeps, has no
 * owner and is never held across a wait, a callback or a system call that can
 * block. It is ours, not GMutex, because it costs a compare-and-swap inline
 * and because ThreadSanitizer has to see it.
 *
 * word: 0 free, 1 held, 2 held and somebody may be asleep on it. Only the
 * holder writes 0. */
typedef struct
{
#if THREDO_PORTABLE
  GMutex mutex;
#else
  _Atomic guint32 word;
#endif
} ThredoMutex;

#if THREDO_PORTABLE

static inline void
thredo_mutex_init (ThredoMutex *self)
{
  g_mutex_init (&self->mutex);
}

static inline void
thredo_mutex_clear (ThredoMutex *self)
{
  g_mutex_clear (&self->mutex);
}

static inline void
thredo_mutex_lock (ThredoMutex *self)
{
  g_mutex_lock (&self->mutex);
}

static inline void
thredo_mutex_unlock (ThredoMutex *self)
{
  g_mutex_unlock (&self->mutex);
}

/* It cannot be told. */
static inline gboolean
thredo_mutex_is_wanted (ThredoMutex *self)
{
  return TRUE;
}

#else

void thredo_mutex_lock_slow (ThredoMutex *self);
void thredo_mutex_wake (ThredoMutex *self);

static inline void
thredo_mutex_init (ThredoMutex *self)
{
  atomic_init (&self->word, 0);
}

static inline void
thredo_mutex_clear (ThredoMutex *self)
{
}

static inline void
thredo_mutex_lock (ThredoMutex *self)
{
  guint32 expected = 0;

  if (G_UNLIKELY (!atomic_compare_exchange_strong_explicit (&self->word, &expected, 1,
                                                            memory_order_acquire,
                                                            memory_order_relaxed)))
    thredo_mutex_lock_slow (self);
}

/* Sequentially consistent, so that what was stored before it is seen before
 * anything is read after it: ThredoQueue publishes an item and then asks who
 * waits. */
static inline void
thredo_mutex_unlock (ThredoMutex *self)
{
  if (G_UNLIKELY (atomic_exchange (&self->word, 0) == 2))
    thredo_mutex_wake (self);
}

/* For the holder: whether somebody may be asleep on it. */
static inline gboolean
thredo_mutex_is_wanted (ThredoMutex *self)
{
  return atomic_load_explicit (&self->word, memory_order_relaxed) == 2;
}

#endif
