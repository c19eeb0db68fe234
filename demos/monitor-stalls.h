/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Finds out how long the main loop is held up at a time. */
typedef struct _MonitorStalls MonitorStalls;

MonitorStalls *monitor_stalls_new (double after);
void monitor_stalls_free (MonitorStalls *self);
char *monitor_stalls_format (MonitorStalls *self);

G_END_DECLS
