/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include <gtk/gtk.h>
#include <thredo.h>

G_BEGIN_DECLS

/* The threads of the process that a monitor watches which have ended, and how. */
#define MONITOR_TYPE_ENDED (monitor_ended_get_type ())
G_DECLARE_FINAL_TYPE (MonitorEnded, monitor_ended, MONITOR, ENDED, GtkWidget)

GtkWidget *monitor_ended_new (void);
void monitor_ended_set_monitor (MonitorEnded  *self,
                                ThredoMonitor *monitor);
void monitor_ended_refresh (MonitorEnded *self);

G_END_DECLS
