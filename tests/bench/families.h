/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The rows of each family, and what one family borrows from another. */

#pragma once

#include "bench.h"

#include <thredo.h>

G_BEGIN_DECLS

extern const BenchRow spawn_rows[];
extern const BenchRow queue_rows[];
extern const BenchRow wake_rows[];
extern const BenchRow waits_rows[];
extern const BenchRow memory_rows[];
extern const BenchRow lock_rows[];
extern const BenchRow semaphore_rows[];
extern const BenchRow event_rows[];
extern const BenchRow condition_rows[];
extern const BenchRow deadlock_rows[];
extern const BenchRow socket_rows[];
extern const BenchRow fd_rows[];
extern const BenchRow await_rows[];
extern const BenchRow monitor_rows[];
#ifdef HAVE_LIBDEX
extern const BenchRow libdex_rows[];
#endif

extern const BenchRole waits_roles[];
extern const BenchRole memory_roles[];
extern const BenchRole socket_roles[];
extern const BenchRole fd_roles[];
extern const BenchRole monitor_roles[];

void spawn_ours (guint64      n,
                 BenchSample *sample);
void queue_one_to_one_ours (guint64      n,
                            BenchSample *sample);
void queue_one_to_one_apart_ours (guint64      n,
                                  BenchSample *sample);
void queue_four_to_four_ours (guint64      n,
                              BenchSample *sample);
void queue_ping_pong_ours (guint64      n,
                           BenchSample *sample);
void lock_uncontended_ours (guint64      n,
                            BenchSample *sample);

/* A thread that must start and end well: anything else fails the row. */
ThredoThread *bench_spawn (const char       *name,
                           ThredoThreadFunc  func,
                           gpointer          user_data);
void bench_join (ThredoThread *thread);

/* Returns once the thread is parked. */
void bench_wait_parked (ThredoThread *thread);

G_END_DECLS
