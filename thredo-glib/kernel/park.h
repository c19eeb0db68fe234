/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include "config.h"

#include <glib.h>
#include <stdatomic.h>

/* A word that its owner can sleep on until somebody changes it.
 *
 * On Linux the word is the futex word. Elsewhere, and with -Dportable=true,
 * a mutex and a condition stand beside it. */
typedef struct
{
  _Atomic guint32 word;
#if THREDO_PORTABLE
  GMutex mutex;
  GCond cond;
#endif
} ThredoParker;

#define THREDO_PARK_FOREVER G_MAXINT64

void thredo_parker_init (ThredoParker *self);
void thredo_parker_clear (ThredoParker *self);
void thredo_parker_park (ThredoParker *self,
                         guint32       while_equal,
                         gint64        until);
gboolean thredo_parker_swap (ThredoParker *self,
                             guint32      *expected,
                             guint32       desired);
void thredo_parker_wake (ThredoParker *self);

#if !THREDO_PORTABLE
/* In whose table the kernel keeps those who wait. From Linux 6.16 on a process
 * has one of its own for private futexes, of a few slots for each processor: a
 * list of thousands in each, if thousands of threads are parked. The table for
 * futexes that may be shared is sized for the machine; to find a word in it
 * takes a little longer. */
typedef enum
{
  THREDO_FUTEX_PRIVATE = 128, /* FUTEX_PRIVATE_FLAG */
  THREDO_FUTEX_GLOBAL = 0,
} ThredoFutexScope;

void thredo_futex_wait (_Atomic guint32  *word,
                        guint32           while_equal,
                        gint64            until,
                        ThredoFutexScope  scope);
void thredo_futex_wake (_Atomic guint32  *word,
                        int               n_waiters,
                        ThredoFutexScope  scope);
#endif
