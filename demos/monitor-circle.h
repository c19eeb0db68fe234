/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include <gtk/gtk.h>

G_BEGIN_DECLS

/* Threads that wait for each other, drawn as the circle they are. */
#define MONITOR_TYPE_CIRCLE (monitor_circle_get_type ())
G_DECLARE_FINAL_TYPE (MonitorCircle, monitor_circle, MONITOR, CIRCLE, GtkWidget)

GtkWidget *monitor_circle_new (void);
void monitor_circle_set_threads (MonitorCircle     *self,
                                 const char *const *threads,
                                 const char *const *locks,
                                 const char        *description);

G_END_DECLS
