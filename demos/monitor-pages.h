/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include <gtk/gtk.h>
#include <thredo.h>

#include "monitor-threads.h"

G_BEGIN_DECLS

/* What can be seen of a program, one page at a time, with a row of tabs to choose by. */
#define MONITOR_TYPE_PAGES (monitor_pages_get_type ())
G_DECLARE_FINAL_TYPE (MonitorPages, monitor_pages, MONITOR, PAGES, GtkWidget)

GtkWidget *monitor_pages_new (void);
MonitorThreads *monitor_pages_get_threads (MonitorPages *self);
void monitor_pages_set_monitor (MonitorPages  *self,
                                ThredoMonitor *monitor);
void monitor_pages_refresh (MonitorPages *self,
                            gint64        now);
void monitor_pages_show (MonitorPages *self,
                         const char   *name);
void monitor_pages_show_number (MonitorPages *self,
                                guint         number);

G_END_DECLS
