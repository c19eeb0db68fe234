/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include <gtk/gtk.h>
#include <thredo.h>

G_BEGIN_DECLS

/* The queues of the process that a monitor watches, and how full each has been. */
#define MONITOR_TYPE_QUEUES (monitor_queues_get_type ())
G_DECLARE_FINAL_TYPE (MonitorQueues, monitor_queues, MONITOR, QUEUES, GtkWidget)

GtkWidget *monitor_queues_new (void);
void monitor_queues_set_monitor (MonitorQueues *self,
                                 ThredoMonitor *monitor);
void monitor_queues_refresh (MonitorQueues *self);

G_END_DECLS
