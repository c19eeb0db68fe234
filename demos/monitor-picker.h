/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include <gtk/gtk.h>

#include "monitor-programs.h"

G_BEGIN_DECLS

/* Lets one choose which program to watch; emits "chosen" with it. */
#define MONITOR_TYPE_PICKER (monitor_picker_get_type ())
G_DECLARE_FINAL_TYPE (MonitorPicker, monitor_picker, MONITOR, PICKER, GtkPopover)

GtkWidget *monitor_picker_new (void);
void monitor_picker_set_current (MonitorPicker *self,
                                 guint          pid);

G_END_DECLS
