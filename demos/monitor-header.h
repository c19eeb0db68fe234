/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include <gtk/gtk.h>

#include "monitor-programs.h"

G_BEGIN_DECLS

/* The header bar: which program is watched, as a button with all others; emits "chosen" with one of
 * them. */
#define MONITOR_TYPE_HEADER (monitor_header_get_type ())
G_DECLARE_FINAL_TYPE (MonitorHeader, monitor_header, MONITOR, HEADER, GtkWidget)

GtkWidget *monitor_header_new (GListModel *workloads,
                               GtkWidget  *search_bar);
void monitor_header_set_program (MonitorHeader  *self,
                                 MonitorProgram *program);
void monitor_header_set_subtitle (MonitorHeader *self,
                                  const char    *subtitle);
void monitor_header_set_narrow (MonitorHeader *self,
                                gboolean       narrow);
void monitor_header_open_programs (MonitorHeader *self);
void monitor_header_open_workloads (MonitorHeader *self);

G_END_DECLS
