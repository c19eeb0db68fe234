/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include <gtk/gtk.h>
#include <thredo.h>

G_BEGIN_DECLS

/* Threads as a table that can be sorted by any column, with a Cancel button on each row. */
#define MONITOR_TYPE_TABLE (monitor_table_get_type ())
G_DECLARE_FINAL_TYPE (MonitorTable, monitor_table, MONITOR, TABLE, GtkWidget)

GtkWidget *monitor_table_new (void);
void monitor_table_set_threads (MonitorTable *self,
                                GListModel   *threads);
void monitor_table_refresh (MonitorTable *self);
void monitor_table_set_narrow (MonitorTable *self,
                               gboolean      narrow);
ThredoThreadInfo *monitor_table_get_selected (MonitorTable *self);
void monitor_table_sort_by (MonitorTable *self,
                            const char   *title);

/* How long @info waits, or has computed; empty if that is not known. */
char *monitor_format_since (ThredoThreadInfo *info);
char *monitor_format_cpu (ThredoThreadInfo *info);
const char *monitor_describe_state (ThredoThreadInfo *info);

G_END_DECLS
