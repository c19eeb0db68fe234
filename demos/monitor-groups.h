/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include <gtk/gtk.h>
#include <thredo.h>

G_BEGIN_DECLS

/* A group of threads, as a row. */
#define MONITOR_TYPE_GROUP (monitor_group_get_type ())
G_DECLARE_FINAL_TYPE (MonitorGroup, monitor_group, MONITOR, GROUP, GObject)

guint64 monitor_group_get_id (MonitorGroup *self);
const char *monitor_group_get_name (MonitorGroup *self);
guint monitor_group_get_n_threads (MonitorGroup *self);
guint monitor_group_get_n_all (MonitorGroup *self);
guint64 monitor_group_get_n_waits (MonitorGroup *self);
double monitor_group_get_load (MonitorGroup *self);
gboolean monitor_group_is_cancelled (MonitorGroup *self);

/* A list of threads as a tree of their groups. */
#define MONITOR_TYPE_GROUPS (monitor_groups_get_type ())
G_DECLARE_FINAL_TYPE (MonitorGroups, monitor_groups, MONITOR, GROUPS, GObject)

MonitorGroups *monitor_groups_new (GtkSorter *sorter);
void monitor_groups_set_threads (MonitorGroups *self,
                                 GListModel    *threads);
GListModel *monitor_groups_get_rows (MonitorGroups *self);
void monitor_groups_refresh (MonitorGroups *self,
                             GListModel    *all);
gboolean monitor_groups_is_sorted (MonitorGroups *self);
void monitor_groups_note_expanded (MonitorGroups  *self,
                                   GtkTreeListRow *row);
guint monitor_groups_find (MonitorGroups    *self,
                           ThredoThreadInfo *info);

gboolean monitor_is_sorted (GListModel *list,
                            GtkSorter  *sorter);

G_END_DECLS
