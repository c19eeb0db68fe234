/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include "thredo-fd.h"

#include "slot.h"

/* Waits for what was not ready at the first look. Returns what is, or 0 with an
 * error. The caller tries again: somebody else may have been quicker. */
GIOCondition thredo_fd_wait (ThredoSlot            *slot,
                             const ThredoWaitInfo  *info,
                             gpointer               object,
                             int                    fd,
                             GIOCondition           condition,
                             GCancellable          *cancellable,
                             GError               **error);

/* The same for an fd that another thread may close in between: the era is that of
 * thredo_watch_get_era(), after which the fd was seen to be what the caller means. */
GIOCondition thredo_fd_wait_since (ThredoSlot            *slot,
                                   const ThredoWaitInfo  *info,
                                   gpointer               object,
                                   int                    fd,
                                   GIOCondition           condition,
                                   guint32                era,
                                   GCancellable          *cancellable,
                                   GError               **error);

/* Tells those who wait for the fd, before it is closed and after. */
void thredo_fd_closing (int fd);
void thredo_fd_closed (int fd);

/* Where waits for sources stand that are to end when a stream is closed. */
typedef struct
{
  ThredoMutex lock; /* guards the following */
  ThredoWaitList waiting;
  gboolean closed;
} ThredoSourceLine;

void thredo_source_line_init (ThredoSourceLine *self);
void thredo_source_line_clear (ThredoSourceLine *self);
void thredo_source_line_close (ThredoSourceLine *self);

/* Waits for a source that is not attached to anything yet, and destroys it. For
 * streams whose fd nobody knows, and TLS, which may want to write in order to read. The
 * line may be NULL. */
gboolean thredo_source_wait (ThredoSlot            *slot,
                             const ThredoWaitInfo  *info,
                             gpointer               object,
                             GSource               *source,
                             ThredoSourceLine      *line,
                             GCancellable          *cancellable,
                             GError               **error);
