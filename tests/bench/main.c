/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "families.h"

int
main (int    argc,
      char **argv)
{
  const BenchRow *const tables[] = {
    spawn_rows,
    queue_rows,
    cancel_rows,
    waits_rows,
    memory_rows,
#ifdef HAVE_LIBDEX
    libdex_rows,
#endif
    NULL,
  };
  const BenchRole *const roles[] = {
    waits_roles,
    memory_roles,
    NULL,
  };

  return bench_main (argc, argv, tables, roles);
}
