/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include <gtk/gtk.h>
#include <thredo.h>

G_BEGIN_DECLS

/* The dashboard: all it shows comes from a ThredoMonitor. */
#define MONITOR_TYPE_WINDOW (monitor_window_get_type ())
G_DECLARE_FINAL_TYPE (MonitorWindow, monitor_window, MONITOR, WINDOW, GtkApplicationWindow)

GtkWidget *monitor_window_new (GtkApplication *application,
                               ThredoMonitor  *monitor,
                               GListModel     *workloads);
void monitor_window_show_first (MonitorWindow *self);
void monitor_window_search (MonitorWindow *self,
                            const char    *text);
void monitor_window_sort_by (MonitorWindow *self,
                             const char    *column);
void monitor_window_open_chooser (MonitorWindow *self);

G_END_DECLS
