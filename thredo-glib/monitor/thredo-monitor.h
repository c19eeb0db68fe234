/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include "thredo-types.h"

G_BEGIN_DECLS

#define THREDO_TYPE_MONITOR (thredo_monitor_get_type ())

THREDO_AVAILABLE
G_DECLARE_FINAL_TYPE (ThredoMonitor, thredo_monitor, THREDO, MONITOR, GObject)

THREDO_AVAILABLE
ThredoMonitor *thredo_monitor_new (void);
THREDO_AVAILABLE
ThredoMonitor *thredo_monitor_new_for_process (guint          pid,
                                               GCancellable  *cancellable,
                                               GError       **error);
THREDO_AVAILABLE
void thredo_monitor_new_for_process_async (guint                pid,
                                           GCancellable        *cancellable,
                                           GAsyncReadyCallback  callback,
                                           gpointer             user_data);
THREDO_AVAILABLE
ThredoMonitor *thredo_monitor_new_for_process_finish (GAsyncResult  *result,
                                                      GError       **error);
THREDO_AVAILABLE
guint thredo_monitor_get_pid (ThredoMonitor *self);
THREDO_AVAILABLE
gboolean thredo_monitor_is_closed (ThredoMonitor *self);
THREDO_AVAILABLE
GPtrArray *thredo_monitor_snapshot (ThredoMonitor *self);
THREDO_AVAILABLE
GPtrArray *thredo_monitor_find_deadlocks (ThredoMonitor *self);
THREDO_AVAILABLE
void thredo_monitor_refresh (ThredoMonitor *self);
THREDO_AVAILABLE
GTimeSpan thredo_monitor_get_interval (ThredoMonitor *self);
THREDO_AVAILABLE
void thredo_monitor_set_interval (ThredoMonitor *self,
                                  GTimeSpan      interval);
THREDO_AVAILABLE
guint thredo_monitor_get_n_waiting (ThredoMonitor *self);
THREDO_AVAILABLE
double thredo_monitor_get_waits_per_second (ThredoMonitor *self);
THREDO_AVAILABLE
GTimeSpan thredo_monitor_get_loop_latency (ThredoMonitor *self);
THREDO_AVAILABLE
GPtrArray *thredo_monitor_list_queues (ThredoMonitor *self);
THREDO_AVAILABLE
GPtrArray *thredo_monitor_list_locks (ThredoMonitor *self);
THREDO_AVAILABLE
GPtrArray *thredo_monitor_get_history (ThredoMonitor *self);
THREDO_AVAILABLE
gboolean thredo_monitor_cancel_thread (ThredoMonitor  *self,
                                       guint64         id,
                                       GCancellable   *cancellable,
                                       GError        **error);
THREDO_AVAILABLE
gboolean thredo_monitor_cancel_group (ThredoMonitor  *self,
                                      guint64         id,
                                      GCancellable   *cancellable,
                                      GError        **error);
THREDO_AVAILABLE
void thredo_monitor_cancel_thread_async (ThredoMonitor       *self,
                                         guint64              id,
                                         GCancellable        *cancellable,
                                         GAsyncReadyCallback  callback,
                                         gpointer             user_data);
THREDO_AVAILABLE
gboolean thredo_monitor_cancel_thread_finish (ThredoMonitor  *self,
                                              GAsyncResult   *result,
                                              GError        **error);
THREDO_AVAILABLE
void thredo_monitor_cancel_group_async (ThredoMonitor       *self,
                                        guint64              id,
                                        GCancellable        *cancellable,
                                        GAsyncReadyCallback  callback,
                                        gpointer             user_data);
THREDO_AVAILABLE
gboolean thredo_monitor_cancel_group_finish (ThredoMonitor  *self,
                                             GAsyncResult   *result,
                                             GError        **error);

G_END_DECLS
