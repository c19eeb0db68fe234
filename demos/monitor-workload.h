/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include <thredo.h>

G_BEGIN_DECLS

/* Something to watch: a group of threads of this process that is started and stopped. */
#define MONITOR_TYPE_WORKLOAD (monitor_workload_get_type ())
G_DECLARE_FINAL_TYPE (MonitorWorkload, monitor_workload, MONITOR, WORKLOAD, GObject)

GListModel *monitor_workload_list_new (void);
const char *monitor_workload_get_id (MonitorWorkload *self);
const char *monitor_workload_get_title (MonitorWorkload *self);
const char *monitor_workload_get_description (MonitorWorkload *self);
gboolean monitor_workload_is_running (MonitorWorkload *self);
gboolean monitor_workload_start (MonitorWorkload  *self,
                                 GError          **error);
void monitor_workload_stop (MonitorWorkload *self);

G_END_DECLS
