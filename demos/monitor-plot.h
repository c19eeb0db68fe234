/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include <gtk/gtk.h>

G_BEGIN_DECLS

/* One or two figures over the last minute, the second one drawn within the first. */
#define MONITOR_TYPE_PLOT (monitor_plot_get_type ())
G_DECLARE_FINAL_TYPE (MonitorPlot, monitor_plot, MONITOR, PLOT, GtkWidget)

GtkWidget *monitor_plot_new (const char *title,
                             double      least_top);
void monitor_plot_add (MonitorPlot *self,
                       gint64       now,
                       double       value,
                       double       inner_value,
                       const char  *text);
void monitor_plot_clear (MonitorPlot *self);

G_END_DECLS
