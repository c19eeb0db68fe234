/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include <gtk/gtk.h>
#include <thredo.h>

G_BEGIN_DECLS

/* Cancels by number, in this process or another one. What goes wrong is told by the window that
 * @widget is in. */
gboolean monitor_control_can_cancel (ThredoMonitor    *monitor,
                                     ThredoThreadInfo *info);
void monitor_control_cancel_thread (GtkWidget        *widget,
                                    ThredoMonitor    *monitor,
                                    ThredoThreadInfo *info);
void monitor_control_cancel_thread_id (GtkWidget     *widget,
                                       ThredoMonitor *monitor,
                                       guint64        id,
                                       const char    *name);
void monitor_control_cancel_group (GtkWidget     *widget,
                                   ThredoMonitor *monitor,
                                   guint64        id,
                                   const char    *name);
void monitor_control_cancel_group_of (GtkWidget        *widget,
                                      ThredoMonitor    *monitor,
                                      ThredoThreadInfo *info);

G_END_DECLS
