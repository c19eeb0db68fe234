/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include <gtk/gtk.h>
#include <thredo.h>

G_BEGIN_DECLS

/* Appears when threads have locked each other out, and goes when they have not any more. */
#define MONITOR_TYPE_BANNER (monitor_banner_get_type ())
G_DECLARE_FINAL_TYPE (MonitorBanner, monitor_banner, MONITOR, BANNER, GtkWidget)

GtkWidget *monitor_banner_new (void);
void monitor_banner_set_monitor (MonitorBanner *self,
                                 ThredoMonitor *monitor);
void monitor_banner_refresh (MonitorBanner *self);
gboolean monitor_banner_is_shown (MonitorBanner *self);
void monitor_banner_set_narrow (MonitorBanner *self,
                                gboolean       narrow);

G_END_DECLS
