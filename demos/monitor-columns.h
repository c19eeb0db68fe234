/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include <gtk/gtk.h>
#include <thredo.h>

#include "monitor-groups.h"

G_BEGIN_DECLS

/* The columns of the table, and what is written in them: a label, and a Cancel button in the last
 * one. */
typedef struct
{
  const char *title;
  int width;        /* 0: takes what is left */
  int narrow_width; /* 0: left out where there is no room */
  gboolean is_numeric;
  void (*update) (GtkWidget        *label,
                  ThredoThreadInfo *info);
  void (*update_group) (GtkWidget    *label,
                        MonitorGroup *group); /* NULL: there is nothing to be said */
  int (*compare) (ThredoThreadInfo *a,
                  ThredoThreadInfo *b); /* NULL: it is the button */
} MonitorColumn;

#define MONITOR_N_COLUMNS 8

extern const MonitorColumn monitor_columns[MONITOR_N_COLUMNS];

void monitor_column_update (const MonitorColumn *self,
                            GtkWidget           *child,
                            GObject             *item,
                            ThredoMonitor       *monitor);
void monitor_columns_note_cancelling (GtkWidget *button);

/* How long @info waits, or has computed; empty if that is not known. */
char *monitor_format_since (ThredoThreadInfo *info);
char *monitor_format_cpu (ThredoThreadInfo *info);
const char *monitor_describe_state (ThredoThreadInfo *info);

G_END_DECLS
