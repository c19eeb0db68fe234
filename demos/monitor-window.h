/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include <gtk/gtk.h>
#include <thredo.h>

#include "monitor-programs.h"

G_BEGIN_DECLS

/* The dashboard: all it shows comes from a ThredoMonitor, of this program or another one. */
#define MONITOR_TYPE_WINDOW (monitor_window_get_type ())
G_DECLARE_FINAL_TYPE (MonitorWindow, monitor_window, MONITOR, WINDOW, GtkApplicationWindow)

GtkWidget *monitor_window_new (GtkApplication *application,
                               ThredoMonitor  *monitor,
                               GListModel     *workloads);
void monitor_window_set_monitor (MonitorWindow  *self,
                                 ThredoMonitor  *monitor,
                                 MonitorProgram *program);
void monitor_window_attach (MonitorWindow *self,
                            const char    *wanted);
void monitor_window_set_grouped (MonitorWindow *self,
                                 gboolean       grouped);
void monitor_window_show_first (MonitorWindow *self);
void monitor_window_search (MonitorWindow *self,
                            const char    *text);
void monitor_window_sort_by (MonitorWindow *self,
                             const char    *column);
void monitor_window_show_page (MonitorWindow *self,
                               const char    *name);
void monitor_window_cancel (MonitorWindow *self,
                            const char    *name);

G_END_DECLS
