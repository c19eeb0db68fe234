/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include <gtk/gtk.h>

#include "monitor-row.h"

G_BEGIN_DECLS

typedef struct
{
  const char *title;
  int width;        /* 0: takes what is left */
  int narrow_width; /* 0: left out where there is no room, -1: takes what is left */
  gboolean is_numeric;
  GtkWidget *(*create) (void); /* NULL: a label */
  void (*update) (GtkWidget  *child,
                  MonitorRow *row,
                  gpointer    panel);
  int (*compare) (gpointer a, /* what was seen of one row, and of another */
                  gpointer b);
} MonitorListColumn;

typedef struct
{
  const char *name;
  const char *empty; /* what to say where there are no rows */
  const MonitorListColumn *columns;
  guint n_columns;
  MonitorRowIdFunc get_id;
  void (*note) (MonitorRow *row, /* nullable: each row that was seen */
                gint64 now);
  char *(*describe) (gpointer info, /* the selected row in words */
                     gpointer panel);
} MonitorListKind;

/* A table of things that come and go, kept in step by their numbers: rows stay what they are. */
#define MONITOR_TYPE_LIST (monitor_list_get_type ())
G_DECLARE_FINAL_TYPE (MonitorList, monitor_list, MONITOR, LIST, GtkWidget)

GtkWidget *monitor_list_new (const MonitorListKind *kind,
                             gpointer               panel);
void monitor_list_sort_by (MonitorList *self,
                           guint        column,
                           GtkSortType  order);
guint monitor_list_get_n_rows (MonitorList *self);
gboolean monitor_list_is_due (MonitorList *self,
                              GTimeSpan    interval,
                              GTimeSpan    unseen_interval);
void monitor_list_update (MonitorList *self,
                          GPtrArray   *infos);
void monitor_list_clear (MonitorList *self,
                         const char  *empty);

void monitor_cell_set_text (GtkWidget  *child,
                            const char *text);
GtkWidget *monitor_mark_new (void);
void monitor_mark_set (GtkWidget  *mark,
                       const char *icon_name,
                       const char *css_class,
                       const char *text);

G_END_DECLS
