/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include "config.h"

#include <glib.h>

/* The loop's one fd: an epoll set that holds the alarm clock and whatever
 * else is to be waited for in the kernel.
 *
 * Without epoll there is no fd, and the alarm is the source's ready time. */
typedef struct
{
  int epoll_fd;
  int alarm_fd;
} ThredoPoller;

gboolean thredo_poller_init (ThredoPoller  *self,
                             GError       **error);
void thredo_poller_clear (ThredoPoller *self);
void thredo_poller_set_alarm (ThredoPoller *self,
                              gint64        when);
