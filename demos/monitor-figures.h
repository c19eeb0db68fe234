/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include <gtk/gtk.h>
#include <thredo.h>

G_BEGIN_DECLS

/* The plots of a program: its threads, waits, processor time, and how late its loop is. */
#define MONITOR_TYPE_FIGURES (monitor_figures_get_type ())
G_DECLARE_FINAL_TYPE (MonitorFigures, monitor_figures, MONITOR, FIGURES, GtkWidget)

GtkWidget *monitor_figures_new (void);
void monitor_figures_set_monitor (MonitorFigures *self,
                                  ThredoMonitor  *monitor);
void monitor_figures_refresh (MonitorFigures *self,
                              gint64          now);
void monitor_figures_set_narrow (MonitorFigures *self,
                                 gboolean        narrow);

G_END_DECLS
