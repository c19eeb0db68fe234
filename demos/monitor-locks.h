/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include <gtk/gtk.h>
#include <thredo.h>

G_BEGIN_DECLS

/* The locks of the process that a monitor watches, who owns each, and who stands in line for it. */
#define MONITOR_TYPE_LOCKS (monitor_locks_get_type ())
G_DECLARE_FINAL_TYPE (MonitorLocks, monitor_locks, MONITOR, LOCKS, GtkWidget)

GtkWidget *monitor_locks_new (void);
void monitor_locks_set_monitor (MonitorLocks  *self,
                                ThredoMonitor *monitor);
void monitor_locks_refresh (MonitorLocks *self);

G_END_DECLS
