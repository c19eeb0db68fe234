/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include <gtk/gtk.h>
#include <thredo.h>

#include "monitor-table.h"

G_BEGIN_DECLS

/* The page of threads: the table, with the timeline below. */
#define MONITOR_TYPE_THREADS (monitor_threads_get_type ())
G_DECLARE_FINAL_TYPE (MonitorThreads, monitor_threads, MONITOR, THREADS, GtkWidget)

GtkWidget *monitor_threads_new (void);
MonitorTable *monitor_threads_get_table (MonitorThreads *self);
void monitor_threads_set_monitor (MonitorThreads *self,
                                  ThredoMonitor  *monitor);
void monitor_threads_set_search (MonitorThreads *self,
                                 const char     *text);
guint monitor_threads_count (MonitorThreads *self);
void monitor_threads_set_hint (MonitorThreads *self,
                               const char     *hint);
void monitor_threads_show_timeline (MonitorThreads *self,
                                    gboolean        show);
void monitor_threads_refresh (MonitorThreads *self,
                              gint64          now);
ThredoThreadInfo *monitor_threads_dup_example (MonitorThreads *self);

G_END_DECLS
