/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include <gtk/gtk.h>

G_BEGIN_DECLS

/* One thing that whoever looks at the window has to be told. */
#define MONITOR_TYPE_NOTICE (monitor_notice_get_type ())
G_DECLARE_FINAL_TYPE (MonitorNotice, monitor_notice, MONITOR, NOTICE, GtkWidget)

GtkWidget *monitor_notice_new (const char *label,
                               const char *action);
void monitor_notice_tell (MonitorNotice *self,
                          const char    *text,
                          gboolean       offer,
                          guint          seconds);
void monitor_notice_hide (MonitorNotice *self);

G_END_DECLS
