/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "leftovers.h"

#include <thredo.h>

#include <stdlib.h>
#include <sys/stat.h>

/* What a program that has cleaned up has none of. */

/* All but the caller, and those that end now, such as the one that has passed on a SIGINT. */
guint
count_threads (void)
{
  g_autoptr(GPtrArray) threads = thredo_thread_list_all ();
  g_autoptr(ThredoScope) scope = thredo_scope_new_with_timeout (10 * G_TIME_SPAN_SECOND);
  guint n_threads = 0;

  thredo_scope_enter (scope);
  for (guint i = 0; i < threads->len; i++)
    {
      ThredoThread *thread = g_ptr_array_index (threads, i);

      n_threads += thread != thredo_thread_self () && !thredo_thread_wait (thread, NULL, NULL);
    }
  thredo_scope_leave (scope);
  return n_threads;
}

/* Sockets, pipes and all else that has a file descriptor, but for what event loops have of their
 * own, which is no file at all. */
guint
count_open_files (void)
{
  g_autoptr(GDir) folder = g_dir_open ("/dev/fd", 0, NULL);
  const char *name;
  guint n_files = 0;

  while (folder != NULL && (name = g_dir_read_name (folder)) != NULL)
    {
      struct stat status;

      n_files += fstat (atoi (name), &status) == 0 && (status.st_mode & S_IFMT) != 0;
    }
  return n_files;
}
