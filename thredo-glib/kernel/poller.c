/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "poller.h"

#include "watch.h"

#if !THREDO_PORTABLE

#include <errno.h>
#include <gio/gio.h>
#include <glib/gstdio.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

/* What no watch is called: no file has a number below 0. */
#define ALARM_KEY G_MAXUINT64
#define WAKEUP_KEY (G_MAXUINT64 - 1)

/* So many are taken from the kernel at once. */
#define EVENTS 128

gboolean
thredo_poller_init (ThredoPoller  *self,
                    GError       **error)
{
  struct epoll_event event = { .events = EPOLLIN };
  int saved_errno;

  self->alarm_fd = -1;
  self->epoll_fd = epoll_create1 (EPOLL_CLOEXEC);
  if (self->epoll_fd != -1)
    self->alarm_fd = timerfd_create (CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
  event.data.u64 = ALARM_KEY;
  if (self->alarm_fd != -1 &&
      epoll_ctl (self->epoll_fd, EPOLL_CTL_ADD, self->alarm_fd, &event) == 0)
    return TRUE;

  saved_errno = errno;
  thredo_poller_clear (self);
  g_set_error (error, G_IO_ERROR, g_io_error_from_errno (saved_errno),
               "Could not set up the loop's poller: %s", g_strerror (saved_errno));
  return FALSE;
}

void
thredo_poller_clear (ThredoPoller *self)
{
  if (self->epoll_fd != -1)
    close (self->epoll_fd);
  if (self->alarm_fd != -1)
    close (self->alarm_fd);
  self->epoll_fd = self->alarm_fd = -1;
}

/* The fd is watched as long as the poller is there. */
gboolean
thredo_poller_add_wakeup (ThredoPoller *self,
                          int           fd)
{
  struct epoll_event event = { .events = EPOLLIN };

  event.data.u64 = WAKEUP_KEY;
  return epoll_ctl (self->epoll_fd, EPOLL_CTL_ADD, fd, &event) == 0;
}

/* Completes the waits for whatever can be done, and waits for that if need be, for so
 * many milliseconds at most (-1: for ever). */
ThredoPollerEvents
thredo_poller_poll (ThredoPoller *self,
                    int           timeout)
{
  ThredoWakeBatch batch = THREDO_WAKE_BATCH_INIT;
  struct epoll_event events[EVENTS];
  ThredoPollerEvents seen = 0;
  int n = epoll_wait (self->epoll_fd, events, EVENTS, timeout);

  for (int i = 0; i < n; i++)
    {
      if (events[i].data.u64 == ALARM_KEY)
        seen |= THREDO_POLLER_RUNG;
      else if (events[i].data.u64 == WAKEUP_KEY)
        seen |= THREDO_POLLER_WOKEN;
      else
        thredo_watch_event (events[i].data.u64, events[i].events, &batch);
    }
  thredo_wake_batch_flush (&batch);

  return n > 0 ? seen : THREDO_POLLER_IDLE;
}

/* Any thread may set the alarm, without waking the loop. G_MAXINT64: none.
 *
 * Setting it also takes back one that has rung, so that nothing has to be
 * read from it. The clock of a timerfd has no slack, unlike that of poll(). */
void
thredo_poller_set_alarm (ThredoPoller *self,
                         gint64        when)
{
  struct itimerspec spec = { { 0 } };

  if (when != G_MAXINT64)
    {
      when = MAX (when, 1);
      spec.it_value.tv_sec = when / G_USEC_PER_SEC;
      spec.it_value.tv_nsec = (when % G_USEC_PER_SEC) * 1000;
    }
  timerfd_settime (self->alarm_fd, TFD_TIMER_ABSTIME, &spec, NULL);
}

#endif
