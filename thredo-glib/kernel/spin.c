/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "spin.h"

#include <stdatomic.h>
#if defined(__linux__)
#include <fcntl.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>
#endif

/* Nanoseconds. About what parking and being woken costs both sides, which
 * bounds the loss of a spin that fails to the cost of not having tried. */
#define SPIN_LIMIT_NS 15000
/* A spin that took this much longer than its limit had lost its processor. */
#define PREEMPTED_NS 200000
/* For how long a preempted spin keeps everybody from spinning. */
#define BUSY_NS 4000000

#define FIRST_PAUSES 4

/* A spin this short is nobody's loss. Longer ones are counted, so that no more
 * threads spin than there are processors; the counter is a cache line that all
 * of them would otherwise fight for at each spin. */
#define UNCOUNTED_NS 2000

/* How often the kernel is asked whether there are idle processors. It takes
 * some microseconds. */
#define SAMPLE_NS 5000000

#define CREDIT_START 4
#define CREDIT_MOST 16
#define CREDIT_LOSS 2
#define PROBE_EVERY 64

static _Atomic gint n_spinning;
static _Atomic gint64 busy_until;

static inline gint64
now_ns (void)
{
#if defined(__linux__)
  struct timespec ts;

  clock_gettime (CLOCK_MONOTONIC, &ts);
  return (gint64) ts.tv_sec * 1000000000 + ts.tv_nsec;
#else
  return g_get_monotonic_time () * 1000;
#endif
}

static inline gint
processors (void)
{
  static _Atomic gint cached;
  gint n = atomic_load_explicit (&cached, memory_order_relaxed);

  if (G_UNLIKELY (n == 0))
    {
      n = (gint) g_get_num_processors ();
      atomic_store_explicit (&cached, n, memory_order_relaxed);
    }
  return n;
}

/* Whether no more threads want to run, on the whole machine, than there are
 * processors: a spinner beyond that holds up somebody, as likely as not the one
 * that it waits for. */
static gboolean
has_idle_processors (gint64 now)
{
#if defined(__linux__) && !THREDO_PORTABLE
  static _Atomic gint64 next_sample;
  static _Atomic gboolean idle = TRUE;
  gint64 due = atomic_load_explicit (&next_sample, memory_order_relaxed);
  char buffer[64];
  gint running;
  gssize n;
  int fd;

  if (G_LIKELY (now < due) ||
      !atomic_compare_exchange_strong_explicit (&next_sample, &due, now + SAMPLE_NS,
                                                memory_order_relaxed, memory_order_relaxed))
    return atomic_load_explicit (&idle, memory_order_relaxed);

  /* Without /proc, nothing is known, and the spins' success has to tell. */
  fd = open ("/proc/loadavg", O_RDONLY | O_CLOEXEC);
  if (fd == -1)
    return TRUE;
  n = read (fd, buffer, sizeof buffer - 1);
  close (fd);
  buffer[MAX (n, 0)] = '\0';
  if (sscanf (buffer, "%*s %*s %*s %d/", &running) == 1)
    atomic_store_explicit (&idle, running <= sysconf (_SC_NPROCESSORS_ONLN), memory_order_relaxed);

  return atomic_load_explicit (&idle, memory_order_relaxed);
#else
  return TRUE;
#endif
}

gboolean
thredo_spin_is_useful (void)
{
  return processors () > 1;
}

void
thredo_spin_history_init (ThredoSpinHistory *self)
{
  self->credit = CREDIT_START;
  self->skipped = 0;
}

/* Whether the caller may spin now. If so, it calls thredo_spin_step() until
 * that returns FALSE or what it looks for is there, and then
 * thredo_spin_end(). */
gboolean
thredo_spin_begin (ThredoSpin        *self,
                   ThredoSpinHistory *history,
                   ThredoSpinManner   manner)
{
  if (history->credit <= 0 && ++history->skipped < PROBE_EVERY)
    return FALSE;
  if (!thredo_spin_is_useful ())
    return FALSE;

  self->started = now_ns ();
  if (self->started < atomic_load_explicit (&busy_until, memory_order_relaxed) ||
      !has_idle_processors (self->started))
    return FALSE;

  self->history = history;
  self->pauses = FIRST_PAUSES;
  self->most_pauses = manner;
  self->counted = FALSE;
  history->skipped = 0;
  return TRUE;
}

gboolean
thredo_spin_step (ThredoSpin *self)
{
  gint64 spent;

  for (guint i = 0; i < self->pauses; i++)
    thredo_cpu_relax ();
  if (self->pauses < self->most_pauses)
    self->pauses += self->pauses / 2;

  spent = now_ns () - self->started;
  if (G_LIKELY (spent < UNCOUNTED_NS))
    return TRUE;
  if (!self->counted)
    {
      self->counted = TRUE;
      if (atomic_fetch_add_explicit (&n_spinning, 1, memory_order_relaxed) >= processors ())
        return FALSE;
    }
  return spent < SPIN_LIMIT_NS;
}

void
thredo_spin_end (ThredoSpin *self,
                 gboolean    paid)
{
  ThredoSpinHistory *history = self->history;

  if (self->counted)
    atomic_fetch_sub_explicit (&n_spinning, 1, memory_order_relaxed);

  if (paid)
    {
      history->credit = MIN (history->credit + 1, CREDIT_MOST);
    }
  else
    {
      gint64 now = now_ns ();

      history->credit = MAX (history->credit - CREDIT_LOSS, 0);
      if (now - self->started > SPIN_LIMIT_NS + PREEMPTED_NS)
        atomic_store_explicit (&busy_until, now + BUSY_NS, memory_order_relaxed);
    }
}
