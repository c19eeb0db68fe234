/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include <gtk/gtk.h>
#include <thredo.h>

G_BEGIN_DECLS

/* Threads as a table that can be sorted by any column, or a tree by their groups, with a Cancel
 * button on each row. */
#define MONITOR_TYPE_TABLE (monitor_table_get_type ())
G_DECLARE_FINAL_TYPE (MonitorTable, monitor_table, MONITOR, TABLE, GtkWidget)

GtkWidget *monitor_table_new (void);
void monitor_table_set_monitor (MonitorTable  *self,
                                ThredoMonitor *monitor);
void monitor_table_set_threads (MonitorTable *self,
                                GListModel   *threads);
void monitor_table_set_tree (MonitorTable *self,
                             gboolean      tree);
void monitor_table_refresh (MonitorTable *self);
void monitor_table_set_narrow (MonitorTable *self,
                               gboolean      narrow);
ThredoThreadInfo *monitor_table_get_selected (MonitorTable *self);
void monitor_table_select (MonitorTable *self,
                           guint64       id);
void monitor_table_cancel_selected (MonitorTable *self);
void monitor_table_cancel_selected_group (MonitorTable *self);
void monitor_table_sort_by (MonitorTable *self,
                            const char   *title);

G_END_DECLS
