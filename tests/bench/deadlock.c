/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * What it costs a thread that is about to block on a lock to follow the chain of
 * owners: a chain of ten against one of one.
 *
 * The owner of the lock waits for a second lock, the owner of that for a third, and
 * so on; the last one waits for an event, where the chain ends. The wait is made as
 * cheap as one that blocks can be: nobody gives the lock, and a deadline ends it.
 * CPU time is the median of what the waiting thread used from the call to its
 * return, which leaves out the few waits that spin before they park; what the
 * loop's thread does for the deadline is not in it. Wall time is the deadline, and
 * what it takes to wake.
 */

#include "families.h"

#define LONG 10
#define SHORT 1

/* Microseconds */
#define EXPIRY 100

typedef struct
{
  ThredoLock *own;
  ThredoLock *next; /* NULL: the last */
  ThredoEvent *end;
  ThredoThread *thread;
} Link;

typedef struct
{
  guint length;
  Link *links;
  ThredoEvent *end;
} Chain;

static Chain *chains[2];

static gboolean
own_and_wait (ThredoThread  *thread,
              gpointer       user_data,
              GError       **error)
{
  Link *link = user_data;

  if (!thredo_lock_acquire (link->own, NULL, error))
    return FALSE;
  if (link->next == NULL)
    {
      if (!thredo_event_wait (link->end, NULL, error))
        return FALSE;
    }
  else
    {
      if (!thredo_lock_acquire (link->next, NULL, error))
        return FALSE;
      thredo_lock_release (link->next, NULL);
    }
  return thredo_lock_release (link->own, error);
}

/* From the end on, so that each owns its lock before another one waits for it. */
static Chain *
chain_new (guint length)
{
  Chain *self = g_new0 (Chain, 1);

  self->length = length;
  self->links = g_new0 (Link, length);
  self->end = thredo_event_new ();
  for (guint i = length; i-- > 0;)
    {
      Link *link = &self->links[i];

      link->own = thredo_lock_new ();
      link->next = i + 1 < length ? self->links[i + 1].own : NULL;
      link->end = self->end;
      link->thread = bench_spawn ("link", own_and_wait, link);
      bench_wait_parked (link->thread);
    }
  return self;
}

static void
chain_free (Chain *self)
{
  thredo_event_set (self->end);
  for (guint i = 0; i < self->length; i++)
    bench_join (self->links[i].thread);
  for (guint i = 0; i < self->length; i++)
    g_object_unref (self->links[i].own);
  g_object_unref (self->end);
  g_free (self->links);
  g_free (self);
}

static void
enter (void)
{
  chains[0] = chain_new (LONG);
  chains[1] = chain_new (SHORT);
}

static void
leave (void)
{
  for (guint i = 0; i < G_N_ELEMENTS (chains); i++)
    g_clear_pointer (&chains[i], chain_free);
}

static void
measure (Chain       *chain,
         guint64      n,
         BenchSample *sample)
{
  g_autofree double *walls = g_new (double, n);
  g_autofree double *cpus = g_new (double, n);

  for (guint64 i = 0; i < n; i++)
    {
      g_autoptr(ThredoScope) scope = thredo_scope_new_with_timeout (EXPIRY);
      g_autoptr(GError) error = NULL;
      gint64 wall, cpu;

      thredo_scope_enter (scope);
      wall = bench_now ();
      cpu = bench_thread_cpu ();
      thredo_lock_acquire (chain->links[0].own, NULL, &error);
      cpus[i] = bench_thread_cpu () - cpu;
      walls[i] = bench_now () - wall;
      thredo_scope_leave (scope);
      if (!g_error_matches (error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT))
        bench_fail ("a lock that is not given: %s", error != NULL ? error->message : "acquired");
    }
  sample->wall = bench_median (walls, n);
  sample->cpu = bench_median (cpus, n);
}

static void
measure_long (guint64      n,
              BenchSample *sample)
{
  measure (chains[0], n, sample);
}

static void
measure_short (guint64      n,
               BenchSample *sample)
{
  measure (chains[1], n, sample);
}

const BenchRow deadlock_rows[] = {
  {
      .name = "deadlock/chain",
      .work = "a wait for a lock, expired (CPU); a chain of 10 owners",
      .against = "the same, 1 owner",
      .unit = "ns",
      .judge = BENCH_JUDGE_CPU,
      .flags = BENCH_SAME_N,
      .n = 50,
      .milliseconds = 200,
      .ours = measure_long,
      .peer = measure_short,
      .enter = enter,
      .leave = leave,
  },
  { NULL }
};
