/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include <glib.h>

#ifdef G_OS_UNIX

/* SIGCHLD, for which GLib has no source.
 *
 * Our handler tells the loop by a pipe, and calls the one that was there before it.
 * Where GLib watches children by a handler of its own, which it does if the kernel has no
 * pidfds, it sets that without regard to ours, and the default after it: so while
 * anybody listens, the loop looks now and then whether ours is there still. */

/* Called on the loop's thread when a child may have ended. There is one for all who
 * listen. */
typedef void (*ThredoChildFunc) (void);

gboolean thredo_child_listen (ThredoChildFunc   func,
                              GError          **error);
void thredo_child_ignore (void);
void thredo_child_fork_child (void);

#endif
