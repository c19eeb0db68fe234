/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Locks: alone, nested, contended, and what each of those who contend gets.
 *
 * What the lock guards is a few words that its owner counts up. They have a cache
 * line of their own on both sides, and so has the peer's lock. Between unlocking and
 * locking again a thread does nothing else: what is compared is the locks alone, at
 * the most contention there can be.
 */

#include "team.h"

#include <math.h>

#define WORDS 4
#define LINE 64

typedef struct
{
  _Alignas(LINE) guint64 words[WORDS];
  _Alignas(LINE) GMutex mutex;
  _Alignas(LINE) GRecMutex rec_mutex;
  _Alignas(LINE) ThredoLock *lock;
  ThredoRLock *rlock;
} Guarded;

static inline void
count_up (Guarded *guarded)
{
  for (guint i = 0; i < WORDS; i++)
    guarded->words[i]++;
}

static void
guarded_init (Guarded *guarded)
{
  *guarded = (Guarded) { .lock = thredo_lock_new (), .rlock = thredo_rlock_new () };
  g_mutex_init (&guarded->mutex);
  g_rec_mutex_init (&guarded->rec_mutex);
}

static void
guarded_clear (Guarded *guarded,
               guint64  n)
{
  for (guint i = 0; i < WORDS; i++)
    {
      if (guarded->words[i] != n)
        bench_fail ("two threads had the lock at once");
    }
  g_object_unref (guarded->lock);
  g_object_unref (guarded->rlock);
  g_mutex_clear (&guarded->mutex);
  g_rec_mutex_clear (&guarded->rec_mutex);
}

/* Each of these is one thread's part, and the whole of what is measured when there is only
 * one thread. */

static void
lock_ours (gpointer user_data,
           guint    number,
           guint64  n)
{
  Guarded *guarded = user_data;

  for (guint64 i = 0; i < n; i++)
    {
      if (!thredo_lock_acquire (guarded->lock, NULL, NULL))
        bench_fail ("thredo_lock_acquire() failed");
      count_up (guarded);
      thredo_lock_release (guarded->lock, NULL);
    }
}

static void
lock_peer (gpointer user_data,
           guint    number,
           guint64  n)
{
  Guarded *guarded = user_data;

  for (guint64 i = 0; i < n; i++)
    {
      g_mutex_lock (&guarded->mutex);
      count_up (guarded);
      g_mutex_unlock (&guarded->mutex);
    }
}

static void
rlock_ours (gpointer user_data,
            guint    number,
            guint64  n)
{
  Guarded *guarded = user_data;

  for (guint64 i = 0; i < n; i++)
    {
      if (!thredo_rlock_acquire (guarded->rlock, NULL, NULL))
        bench_fail ("thredo_rlock_acquire() failed");
      count_up (guarded);
      thredo_rlock_release (guarded->rlock, NULL);
    }
}

static void
rlock_peer (gpointer user_data,
            guint    number,
            guint64  n)
{
  Guarded *guarded = user_data;

  for (guint64 i = 0; i < n; i++)
    {
      g_rec_mutex_lock (&guarded->rec_mutex);
      count_up (guarded);
      g_rec_mutex_unlock (&guarded->rec_mutex);
    }
}

/* Nobody else */

static void
measure_alone (BenchPart    part,
               guint64      n,
               BenchSample *sample)
{
  Guarded guarded;
  BenchClock stopwatch;

  guarded_init (&guarded);
  bench_start (&stopwatch);
  part (&guarded, 0, n);
  bench_stop (&stopwatch, n, sample);
  guarded_clear (&guarded, n);
}

void
lock_uncontended_ours (guint64      n,
                       BenchSample *sample)
{
  measure_alone (lock_ours, n, sample);
}

static void
uncontended_peer (guint64      n,
                  BenchSample *sample)
{
  measure_alone (lock_peer, n, sample);
}

static void
uncontended_rlock_ours (guint64      n,
                        BenchSample *sample)
{
  measure_alone (rlock_ours, n, sample);
}

static void
uncontended_rlock_peer (guint64      n,
                        BenchSample *sample)
{
  measure_alone (rlock_peer, n, sample);
}

static void
nested_ours (guint64      n,
             BenchSample *sample)
{
  Guarded guarded;
  BenchClock stopwatch;

  guarded_init (&guarded);
  if (!thredo_rlock_acquire (guarded.rlock, NULL, NULL))
    bench_fail ("thredo_rlock_acquire() failed");
  bench_start (&stopwatch);
  rlock_ours (&guarded, 0, n);
  bench_stop (&stopwatch, n, sample);
  thredo_rlock_release (guarded.rlock, NULL);
  guarded_clear (&guarded, n);
}

static void
nested_peer (guint64      n,
             BenchSample *sample)
{
  Guarded guarded;
  BenchClock stopwatch;

  guarded_init (&guarded);
  g_rec_mutex_lock (&guarded.rec_mutex);
  bench_start (&stopwatch);
  rlock_peer (&guarded, 0, n);
  bench_stop (&stopwatch, n, sample);
  g_rec_mutex_unlock (&guarded.rec_mutex);
  guarded_clear (&guarded, n);
}

/* Many at once */

#define FEW 2
#define MANY 8

static void
contend_ours (guint        n_threads,
              BenchPart    part,
              guint64      n,
              BenchSample *sample)
{
  Guarded guarded;

  guarded_init (&guarded);
  bench_team_ours (n_threads, part, &guarded, n, sample);
  guarded_clear (&guarded, MAX (n / n_threads, 1) * n_threads);
}

static void
contend_peer (guint        n_threads,
              BenchPart    part,
              guint64      n,
              BenchSample *sample)
{
  Guarded guarded;

  guarded_init (&guarded);
  bench_team_peer (n_threads, part, &guarded, n, sample);
  guarded_clear (&guarded, MAX (n / n_threads, 1) * n_threads);
}

static void
few_ours (guint64      n,
          BenchSample *sample)
{
  contend_ours (FEW, lock_ours, n, sample);
}

static void
few_peer (guint64      n,
          BenchSample *sample)
{
  contend_peer (FEW, lock_peer, n, sample);
}

static void
many_ours (guint64      n,
           BenchSample *sample)
{
  contend_ours (MANY, lock_ours, n, sample);
}

static void
many_peer (guint64      n,
           BenchSample *sample)
{
  contend_peer (MANY, lock_peer, n, sample);
}

static void
few_rlock_ours (guint64      n,
                BenchSample *sample)
{
  contend_ours (FEW, rlock_ours, n, sample);
}

static void
few_rlock_peer (guint64      n,
                BenchSample *sample)
{
  contend_peer (FEW, rlock_peer, n, sample);
}

/*
 * What each gets: many threads contend for a time, and each notes how often it got the lock
 * and how long it waited at the longest. The clock is read twice for each operation on both
 * sides, once inside the lock.
 */

typedef struct
{
  _Alignas(LINE) guint64 served;
  gint64 longest;
} Share;

typedef struct
{
  Guarded guarded;
  gint64 length; /* nanoseconds */
  Share shares[MANY];
} Rivals;

static gboolean
note_share (Share  *share,
            gint64  asked,
            gint64  until)
{
  gint64 now = bench_now ();

  share->served++;
  share->longest = MAX (share->longest, now - asked);
  return now < until;
}

static void
rival_ours (gpointer user_data,
            guint    number,
            guint64  n)
{
  Rivals *rivals = user_data;
  Share share = { 0 };
  gint64 until = bench_now () + rivals->length;
  gboolean go_on;

  do
    {
      gint64 asked = bench_now ();

      if (!thredo_lock_acquire (rivals->guarded.lock, NULL, NULL))
        bench_fail ("thredo_lock_acquire() failed");
      count_up (&rivals->guarded);
      go_on = note_share (&share, asked, until);
      thredo_lock_release (rivals->guarded.lock, NULL);
    }
  while (go_on);
  rivals->shares[number] = share;
}

static void
rival_peer (gpointer user_data,
            guint    number,
            guint64  n)
{
  Rivals *rivals = user_data;
  Share share = { 0 };
  gint64 until = bench_now () + rivals->length;
  gboolean go_on;

  do
    {
      gint64 asked = bench_now ();

      g_mutex_lock (&rivals->guarded.mutex);
      count_up (&rivals->guarded);
      go_on = note_share (&share, asked, until);
      g_mutex_unlock (&rivals->guarded.mutex);
    }
  while (go_on);
  rivals->shares[number] = share;
}

static void
rivals_init (Rivals  *rivals,
             guint64  milliseconds)
{
  *rivals = (Rivals) { .length = (gint64) bench_size (milliseconds, 5) * 1000000 };
  guarded_init (&rivals->guarded);
}

/* The longest wait of all, and the least served one's share of the mean in percent. */
static void
rivals_clear (Rivals *rivals,
              double *longest,
              double *least)
{
  guint64 fewest = G_MAXUINT64, sum = 0;
  gint64 most = 0;

  for (guint i = 0; i < MANY; i++)
    {
      fewest = MIN (fewest, rivals->shares[i].served);
      sum += rivals->shares[i].served;
      most = MAX (most, rivals->shares[i].longest);
    }
  guarded_clear (&rivals->guarded, sum);
  *longest = most;
  *least = 100.0 * fewest * MANY / sum;
}

static void
contend_for_a_time_ours (guint64  milliseconds,
                         double  *longest,
                         double  *least)
{
  BenchSample unused;
  Rivals rivals;

  rivals_init (&rivals, milliseconds);
  bench_team_ours (MANY, rival_ours, &rivals, MANY, &unused);
  rivals_clear (&rivals, longest, least);
}

static void
contend_for_a_time_peer (guint64  milliseconds,
                         double  *longest,
                         double  *least)
{
  BenchSample unused;
  Rivals rivals;

  rivals_init (&rivals, milliseconds);
  bench_team_peer (MANY, rival_peer, &rivals, MANY, &unused);
  rivals_clear (&rivals, longest, least);
}

static void
longest_wait_ours (guint64      n,
                   BenchSample *sample)
{
  double least;

  contend_for_a_time_ours (n, &sample->wall, &least);
  sample->cpu = NAN;
}

static void
longest_wait_peer (guint64      n,
                   BenchSample *sample)
{
  double least;

  contend_for_a_time_peer (n, &sample->wall, &least);
  sample->cpu = NAN;
}

static void
least_served_ours (guint64      n,
                   BenchSample *sample)
{
  double longest;

  contend_for_a_time_ours (n, &longest, &sample->wall);
  sample->cpu = NAN;
}

static void
least_served_peer (guint64      n,
                   BenchSample *sample)
{
  double longest;

  contend_for_a_time_peer (n, &longest, &sample->wall);
  sample->cpu = NAN;
}

const BenchRow lock_rows[] = {
  {
      .name = "lock/uncontended",
      .work = "lock and unlock, nobody else",
      .against = "GMutex",
      .unit = "ns",
      .budget = 2.0,
      .flags = BENCH_SAME_N,
      .n = 100000,
      .ours = lock_uncontended_ours,
      .peer = uncontended_peer,
      .enter = bench_bystander_enter,
      .leave = bench_bystander_leave,
  },
  {
      .name = "lock/contended-2",
      .work = "lock and unlock, 2 threads contend",
      .against = "GMutex",
      .unit = "ns",
      .budget = 1.0,
      .flags = BENCH_SAME_N,
      .n = 100000,
      .milliseconds = 150,
      .ours = few_ours,
      .peer = few_peer,
  },
  {
      .name = "lock/contended-8",
      .work = "lock and unlock, 8 threads contend",
      .against = "GMutex",
      .unit = "ns",
      .budget = 1.0,
      .flags = BENCH_SAME_N,
      .n = 100000,
      .milliseconds = 150,
      .ours = many_ours,
      .peer = many_peer,
  },
  {
      .name = "lock/longest-wait",
      .work = "the longest wait in 1 s, 8 threads contend",
      .against = "GMutex",
      .unit = "ns",
      .flags = BENCH_FIXED_N,
      .n = 1000,
      .ours = longest_wait_ours,
      .peer = longest_wait_peer,
  },
  {
      .name = "lock/least-served",
      .work = "the least served thread's share of the mean, 8 threads contend for 1 s",
      .against = "GMutex",
      .unit = "%",
      .flags = BENCH_FIXED_N,
      .n = 1000,
      .ours = least_served_ours,
      .peer = least_served_peer,
  },
  {
      .name = "rlock/uncontended",
      .work = "recursive lock and unlock, nobody else",
      .against = "GRecMutex",
      .unit = "ns",
      .flags = BENCH_SAME_N,
      .n = 100000,
      .ours = uncontended_rlock_ours,
      .peer = uncontended_rlock_peer,
      .enter = bench_bystander_enter,
      .leave = bench_bystander_leave,
  },
  {
      .name = "rlock/nested",
      .work = "recursive lock and unlock by the owner",
      .against = "GRecMutex",
      .unit = "ns",
      .flags = BENCH_SAME_N,
      .n = 100000,
      .ours = nested_ours,
      .peer = nested_peer,
      .enter = bench_bystander_enter,
      .leave = bench_bystander_leave,
  },
  {
      .name = "rlock/contended-2",
      .work = "recursive lock and unlock, 2 threads contend",
      .against = "GRecMutex",
      .unit = "ns",
      .flags = BENCH_SAME_N,
      .n = 100000,
      .milliseconds = 150,
      .ours = few_rlock_ours,
      .peer = few_rlock_peer,
  },
  { NULL }
};
