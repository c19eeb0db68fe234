/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include "config.h"

#include <glib.h>

/* Spinning before parking.
 *
 * A wake across cores costs some twenty microseconds, a spin that succeeds a
 * tenth of one, and one that fails costs a processor its time. So a thread
 * spins only while it has paid lately, and not when more threads spin than there
 * are processors. */

/* What a thread remembers of its spins; its owner's alone. */
typedef struct
{
  gint credit;
  guint skipped;     /* waits without a spin since the last one with */
  guint probe_after; /* of how many, without credit, one spins */
} ThredoSpinHistory;

/* For how long, in nanoseconds, the spinner stays off the cache line between two looks
 * at it: hardly at all where it waits for one change, and a microsecond at the heels of
 * somebody who goes on writing. A getter that breathed down a putter's neck would make
 * each item cost two transfers between cores, instead of dozens of items costing one. In
 * the time for which who waits for a lock stays away, its owner may release and take it a
 * hundred times. */
typedef enum
{
  THREDO_SPIN_CLOSE = 0,
  THREDO_SPIN_AT_A_DISTANCE = 1000,
  THREDO_SPIN_FROM_AFAR = 1250,
} ThredoSpinManner;

/* One spin in progress. */
typedef struct
{
  ThredoSpinHistory *history;
  gint64 started;
  gint64 looked;
  guint distance;
  gboolean has_idle_processors;
  gboolean counted;
  gboolean crowded_out; /* which says nothing of whether it would have paid */
} ThredoSpin;

static inline void
thredo_cpu_relax (void)
{
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause ();
#elif defined(__aarch64__)
  __asm__ volatile ("isb" ::: "memory");
#else
  __asm__ volatile ("" ::: "memory");
#endif
}

gboolean thredo_spin_is_useful (void);
void thredo_spin_history_init (ThredoSpinHistory *self);
gboolean thredo_spin_begin (ThredoSpin        *self,
                            ThredoSpinHistory *history,
                            ThredoSpinManner   manner);
gboolean thredo_spin_step (ThredoSpin *self);
void thredo_spin_end (ThredoSpin *self,
                      gboolean    paid);
