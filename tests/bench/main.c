/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "families.h"

int
main (int    argc,
      char **argv)
{
  const BenchRow *const tables[] = {
    spawn_rows,
    queue_rows,
    wake_rows,
    waits_rows,
    memory_rows,
    lock_rows,
    semaphore_rows,
    event_rows,
    condition_rows,
    deadlock_rows,
    socket_rows,
    fd_rows,
    await_rows,
    monitor_rows,
#ifdef HAVE_LIBDEX
    libdex_rows,
#endif
    NULL,
  };
  const BenchRole *const roles[] = {
    waits_roles,
    memory_roles,
    socket_roles,
    fd_roles,
    monitor_roles,
    NULL,
  };

  return bench_main (argc, argv, tables, roles);
}
