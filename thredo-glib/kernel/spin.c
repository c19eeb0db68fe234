/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "spin.h"

#include <stdatomic.h>
#if defined(__linux__)
#include <fcntl.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>
#endif

/* Nanoseconds; about the time of two wakes across cores. A shorter limit would
 * never find out that spinning pays where two threads answer each other: as
 * long as both park, each answer takes a wake, and a probe of one would end
 * before the other is awake. */
#define SPIN_LIMIT_NS 45000
/* The same where processors are wanted by others. There it pays as well: two
 * threads that happen to run at the same time get thousands of answers done in a
 * slice of the scheduler's, against a few by waking each other. */
#define BUSY_SPIN_LIMIT_NS 15000

/* A spin this short, beside its first look, is nobody's loss. Longer ones let others
 * run in between, and are counted, so that hardly more threads spin than there are
 * processors; the counter is a cache line that all of them would otherwise fight
 * for. */
#define SHORT_NS 1000

/* Between two looks at the clock. */
#define PAUSES 4

/* How often the kernel is asked how many threads are ready to run, which takes
 * some microseconds; and how often in a row the answer has to be too many. One
 * alone is often some daemon, or a thread of the kernel's that our own wakes have
 * brought about. */
#define SAMPLE_NS 1000000
#define BUSY_SAMPLES 2

#define CREDIT_START 4
#define CREDIT_MOST 16
#define CREDIT_LOSS 2
#define FEWEST_SKIPPED 4
#define MOST_SKIPPED 128

static _Atomic gint n_spinning;

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

/* Whether not many more threads want to run, on the whole machine, than there
 * are processors. */
static gboolean
has_idle_processors (gint64 now)
{
#if defined(__linux__) && !THREDO_PORTABLE
  static _Atomic gint64 next_sample;
  static _Atomic gint n_busy_samples;
  gint64 due = atomic_load_explicit (&next_sample, memory_order_relaxed);
  char buffer[64];
  gint running;
  gssize n;
  int fd;

  if (G_UNLIKELY (now >= due) &&
      atomic_compare_exchange_strong_explicit (&next_sample, &due, now + SAMPLE_NS,
                                               memory_order_relaxed, memory_order_relaxed))
    {
      /* Without /proc nothing is known, and the spins' success has to tell. */
      fd = open ("/proc/loadavg", O_RDONLY | O_CLOEXEC);
      n = fd != -1 ? read (fd, buffer, sizeof buffer - 1) : 0;
      if (fd != -1)
        close (fd);
      buffer[MAX (n, 0)] = '\0';
      if (sscanf (buffer, "%*s %*s %*s %d/", &running) == 1 &&
          running > processors ())
        atomic_fetch_add_explicit (&n_busy_samples, 1, memory_order_relaxed);
      else
        atomic_store_explicit (&n_busy_samples, 0, memory_order_relaxed);
    }

  return atomic_load_explicit (&n_busy_samples, memory_order_relaxed) < BUSY_SAMPLES;
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
  self->probe_after = FEWEST_SKIPPED;
}

/* Whether the caller may spin now. If so, it calls thredo_spin_step() until
 * that returns FALSE or what it looks for is there, and then
 * thredo_spin_end(). */
gboolean
thredo_spin_begin (ThredoSpin        *self,
                   ThredoSpinHistory *history,
                   ThredoSpinManner   manner)
{
  if (history->credit <= 0 && ++history->skipped < history->probe_after)
    return FALSE;
  if (!thredo_spin_is_useful ())
    return FALSE;

  self->started = self->looked = now_ns ();

  self->history = history;
  self->distance = manner;
  self->has_idle_processors = has_idle_processors (self->started);
  self->counted = self->crowded_out = FALSE;
  history->skipped = 0;
  return TRUE;
}

gboolean
thredo_spin_step (ThredoSpin *self)
{
  gint64 spent;
  gint64 now;

  /* How long a pause lasts is up to the processor. */
  do
    {
      for (guint i = 0; i < PAUSES; i++)
        thredo_cpu_relax ();
      now = now_ns ();
    }
  while (now - self->looked < self->distance);

  self->looked = now;
  spent = now - self->started;
  if (G_LIKELY (spent < SHORT_NS + self->distance))
    return TRUE;
  if (!self->counted)
    {
      self->counted = TRUE;
      if (atomic_fetch_add_explicit (&n_spinning, 1, memory_order_relaxed) > processors ())
        {
          self->crowded_out = TRUE;
          return FALSE;
        }
    }
  if (!self->has_idle_processors)
    return spent < BUSY_SPIN_LIMIT_NS;

  /* The one that is waited for may be ready to run on this very processor, where
   * the kernel likes to put those who wake each other. Nobody else is, or the
   * processor would be gone for long. */
  g_thread_yield ();
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
      history->probe_after = FEWEST_SKIPPED;
    }
  else if (!self->crowded_out)
    {
      if (history->credit == 0)
        history->probe_after = MIN (history->probe_after * 2, MOST_SKIPPED);
      history->credit = MAX (history->credit - CREDIT_LOSS, 0);
    }
}
