/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include "config.h"

#include <glib.h>

/* The loop's one fd: an epoll set that holds the alarm clock and whatever
 * else is to be waited for in the kernel; among it the fd by which a main context is
 * woken, so that the loop can sleep in the set itself where there is nothing else.
 *
 * Without epoll there is no fd, and the alarm is the source's ready time. */
typedef struct
{
  int epoll_fd;
  int alarm_fd;
} ThredoPoller;

typedef enum
{
  THREDO_POLLER_RUNG = 1 << 0,  /* the alarm */
  THREDO_POLLER_WOKEN = 1 << 1, /* the main context */
  THREDO_POLLER_IDLE = 1 << 2,  /* there was nothing */
} ThredoPollerEvents;

gboolean thredo_poller_init (ThredoPoller  *self,
                             GError       **error);
void thredo_poller_clear (ThredoPoller *self);
gboolean thredo_poller_add_wakeup (ThredoPoller *self,
                                   int           fd);
ThredoPollerEvents thredo_poller_poll (ThredoPoller *self,
                                       int           timeout);
void thredo_poller_set_alarm (ThredoPoller *self,
                              gint64        when);
