/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include <gtk/gtk.h>
#include <thredo.h>

G_BEGIN_DECLS

/* What each thread has been doing lately: a row for each, which moves to the left as time goes by.
 * To be put into a scrolled window. */
#define MONITOR_TYPE_TIMELINE (monitor_timeline_get_type ())
G_DECLARE_FINAL_TYPE (MonitorTimeline, monitor_timeline, MONITOR, TIMELINE, GtkWidget)

GtkWidget *monitor_timeline_new (void);
void monitor_timeline_set_threads (MonitorTimeline *self,
                                   GListModel      *threads);
void monitor_timeline_refresh (MonitorTimeline *self,
                               gint64           now);

/* A square of each colour and pattern, and what it means. */
GtkWidget *monitor_legend_new (void);

G_END_DECLS
