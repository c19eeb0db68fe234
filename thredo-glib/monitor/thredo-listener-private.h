/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include "thredo-monitor.h"

#include "thredo-weak-private.h"

/* Where a monitor is told of deadlocks; it may go before it hears of them. Whoever has a
 * reference keeps this, and not the monitor. */
typedef struct
{
  GMainContext *context;
  ThredoWeak monitor;
} ThredoListener;

ThredoListener *thredo_listener_new (ThredoMonitor *monitor);
void thredo_listener_unref (ThredoListener *self);
void thredo_listener_begin (ThredoListener *self);
void thredo_listener_end (ThredoListener *self);
void thredo_listener_tell_all (ThredoDeadlock *deadlock);
