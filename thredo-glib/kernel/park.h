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
void thredo_futex_wait (_Atomic guint32 *word,
                        guint32          while_equal,
                        gint64           until);
void thredo_futex_wake (_Atomic guint32 *word,
                        int              n_waiters);
#endif
