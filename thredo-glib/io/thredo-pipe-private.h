/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include <gio/gio.h>

/* Reads and writes a pipe, a FIFO or a terminal without blocking, also where its file is in
 * blocking mode: that mode belongs to everybody who has the file open, perhaps in other
 * processes. Where nothing can be moved, -1 with EAGAIN. A write raises no SIGPIPE. */
gssize thredo_pipe_read (int    fd,
                         void  *buffer,
                         gsize  size);
gssize thredo_pipe_write (int         fd,
                          const void *buffer,
                          gsize       size);
