/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include "slot.h"

/* Waiting for a file descriptor.
 *
 * Each number has a watch, which is never freed: a lock, those who wait, and what
 * the kernel is told to look for on their behalf. The thread that waits tells it
 * itself, once for each wait (EPOLLONESHOT), and the loop's thread completes the
 * waits for which something has come. If others are left, it tells the kernel
 * again.
 *
 * A number can be closed and given to another file at any time. The kernel forgets
 * a file that is closed, and says so when it is told of it again. Then those who
 * still wait for it do so in vain, and their waits end as CLOSED; the new file gets a
 * new generation, and events of an older one are not looked at (a file may live on
 * under another number, or in another process, and with it the kernel's memory of
 * this one).
 *
 * Nobody tells when a number is closed while somebody waits and it is not used
 * again. So the loop asks the kernel about the numbers that are waited for: a second
 * after a wait began, and ever more rarely if none began since.
 *
 * Who looks at a file and then waits for it may do so around the moment in which the
 * number changes hands. The era tells: it is asked for before the number is known to
 * be good, and given to the wait. Whoever closes a number says so before and after,
 * and either way ends what is of another era, waits that stand in line and waits that
 * are still to come: before, as CLOSED; after, as DONE with nothing seen, because
 * who waits by then may mean the old file or the new one, and has to look again. And who
 * has looked meanwhile has seen nothing: it may be the close itself. */

/* A wait's payload. The bits are those of poll(). */
typedef struct
{
  guint wanted;
  guint seen;
  guint32 era;

  guint n_forks; /* until then: who stood in line in the parent does not stand there in the child */
#if THREDO_PORTABLE
  gpointer watching;
#endif
} ThredoWatchTicket;

guint32 thredo_watch_get_era (int fd);
ThredoWaitState thredo_watch_wait (ThredoSlot           *slot,
                                   const ThredoWaitInfo *info,
                                   gpointer              object,
                                   int                   fd,
                                   guint                 wanted,
                                   guint32               era,
                                   guint                *seen,
                                   GCancellable         *cancellable,
                                   int                  *error_number);
ThredoWaitState thredo_watch_line_up (ThredoWait *wait,
                                      int         fd,
                                      int        *error_number);
void thredo_watch_step_out (ThredoWait *wait,
                            int         fd);
void thredo_watch_closing (int fd);
void thredo_watch_closed (int fd);
void thredo_watch_fork_child (void);
#if !THREDO_PORTABLE
void thredo_watch_set_poller (int epoll_fd);
void thredo_watch_event (guint64          key,
                         guint            seen,
                         ThredoWakeBatch *batch);
void thredo_watch_sweep (void);
#endif
