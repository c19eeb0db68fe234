/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include <gtk/gtk.h>
#include <thredo.h>

G_BEGIN_DECLS

/* All that is known of one thread, until it is put away. */
#define MONITOR_TYPE_DETAILS (monitor_details_get_type ())
G_DECLARE_FINAL_TYPE (MonitorDetails, monitor_details, MONITOR, DETAILS, GtkWidget)

GtkWidget *monitor_details_new (void);
void monitor_details_set_monitor (MonitorDetails *self,
                                  ThredoMonitor  *monitor);
void monitor_details_show (MonitorDetails   *self,
                           ThredoThreadInfo *info);
void monitor_details_hide (MonitorDetails *self);
gboolean monitor_details_is_shown (MonitorDetails *self);
void monitor_details_refresh (MonitorDetails *self,
                              gint64          now);

G_END_DECLS
