/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A team of threads that contend: on our side threads of ours, on the peer's
 * GThreads.
 *
 * All are started, and asleep at one gate, before the clock starts. Then the gate
 * is opened for all at once, and the clock stops when the last has done its part:
 * starting and joining threads is not what is measured. The gate is the same on
 * both sides, and so is what it costs to pass it.
 *
 * The parts are equal. A lock that lets one thread do its whole part before
 * another gets anything is not slower for it, so these rows say nothing of
 * fairness; lock/longest-wait and lock/least-served do.
 */

#pragma once

#include "families.h"

G_BEGIN_DECLS

/* What one of the team does: its part of the work, n times. */
typedef void (*BenchPart) (gpointer user_data,
                           guint    number,
                           guint64  n);

/* The work is done n times by all together, or a few times less if n cannot be
 * parted. */
void bench_team_ours (guint        n_threads,
                      BenchPart    part,
                      gpointer     user_data,
                      guint64      n,
                      BenchSample *sample);
void bench_team_peer (guint        n_threads,
                      BenchPart    part,
                      gpointer     user_data,
                      guint64      n,
                      BenchSample *sample);

/*
 * For rows with one thread: another one that sleeps from enter to leave. In a
 * process that has one thread alone, glibc's mutexes (GRecMutex) do without
 * atomics, and programs that need a lock have more than one.
 */
void bench_bystander_enter (void);
void bench_bystander_leave (void);

G_END_DECLS
