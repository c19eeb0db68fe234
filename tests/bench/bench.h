/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The harness of the benches: a table of rows, each with our way and the
 * peer's way of doing the same work, measured in the same run, round by round
 * in turns, so that what disturbs the machine disturbs both.
 *
 * A row's verdict is the median of its per-round ratios, not the ratio of two
 * medians: the two halves of a round are neighbours in time.
 */

#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Nanoseconds per operation unless the row's unit says otherwise. */
typedef struct
{
  double wall; /* NAN: not measured */
  double cpu;  /* user + system of the whole process; NAN: not measured */
} BenchSample;

/* Does the work n times and says what one time cost. */
typedef void (*BenchFunc) (guint64      n,
                           BenchSample *sample);

typedef enum
{
  BENCH_JUDGE_WALL,       /* ratio of the wall times */
  BENCH_JUDGE_CPU,        /* ratio of the CPU times */
  BENCH_JUDGE_DIFFERENCE, /* ours minus the peer's */
  BENCH_JUDGE_ZERO,       /* our CPU time, which is to be nothing */
} BenchJudge;

typedef enum
{
  BENCH_FLAGS_NONE = 0,
  BENCH_SAME_N = 1 << 0,  /* both sides do the same number of operations */
  BENCH_FIXED_N = 1 << 1, /* n is what it says, nothing is calibrated */
  BENCH_BUSY = 1 << 2,    /* with 4 computing threads per core beside it */
} BenchFlags;

typedef struct
{
  const char *name;    /* family/row */
  const char *work;    /* what the table says */
  const char *against; /* the peer */
  const char *unit;    /* of the wall column: "ns", "B", "%" or "switches" */
  BenchJudge judge;
  double budget; /* 0: for information, but for BENCH_JUDGE_ZERO */
  BenchFlags flags;
  guint64 n;          /* where calibration starts, and the least */
  guint times;        /* how many rounds there are for each that is asked for; 0: one */
  guint milliseconds; /* what one side of a round is to take; 0: the usual */
  BenchFunc ours;
  BenchFunc peer;
  const char *(*obstacle) (void); /* says why it cannot be measured here, or NULL */
  void (*enter) (void);
  void (*leave) (void);
} BenchRow;

/* What a child process can be: it is set up once, then measured on demand. */
typedef struct
{
  const char *name;
  void (*setup) (guint64 size);
  BenchFunc measure;
} BenchRole;

typedef struct _BenchChild BenchChild;

typedef struct
{
  gint64 wall;
  gint64 cpu;
  gint64 cpu_read; /* what reading the CPU clock costs: it walks all threads */
} BenchClock;

/* Tables end with an entry that has no name. */
int bench_main (int                      argc,
                char                   **argv,
                const BenchRow *const   *tables,
                const BenchRole *const  *roles);

/* n in a real run, few when the run is the smoke test. */
guint64 bench_size (guint64 n,
                    guint64 few);

gint64 bench_now (void);
gint64 bench_thread_cpu (void);
void bench_start (BenchClock *stopwatch);
void bench_stop (const BenchClock *stopwatch,
                 guint64           n,
                 BenchSample      *sample);
double bench_median (double *values,
                     gsize   n_values);

/* Ends the process with a message; the row has failed. */
void bench_fail (const char *format,
                 ...) G_GNUC_PRINTF (1, 2) G_GNUC_NORETURN;

/* Whether so many files can be open at once. Allows them as far as that can be done. */
gboolean bench_allow_files (guint64 n);

/* Why two threads cannot be kept to a processor each, or NULL. */
const char *bench_find_no_two_processors (void);

/* Keeps the caller to the first or the second of those that the process may use; lets it go to any
 * again. Where two threads run that pass work to each other, side by side or in turn, changes from
 * moment to moment, and with it what the work takes. */
void bench_keep_to_processor (guint number);
void bench_keep_to_none (void);

/* Returns once thread tid of this process sleeps in the kernel. */
void bench_wait_asleep (int tid);

/*
 * A fresh process (fork and exec of ourselves), for what must not see the
 * other side's heap and threads.
 */
BenchChild *bench_child_new (const char *role,
                             guint64     size);
void bench_child_measure (BenchChild  *self,
                          guint64      n,
                          BenchSample *sample);
void bench_child_free (BenchChild *self);

G_END_DECLS
