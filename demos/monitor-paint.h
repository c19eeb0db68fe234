/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include <gtk/gtk.h>

#include "monitor-track.h"

G_BEGIN_DECLS

void monitor_paint_activity (GtkSnapshot           *snapshot,
                             MonitorActivity        activity,
                             const graphene_rect_t *area);
void monitor_paint_text (GtkSnapshot   *snapshot,
                         PangoLayout   *layout,
                         const char    *text,
                         const GdkRGBA *color,
                         float          x,
                         float          y,
                         float          width,
                         float          xalign);
void monitor_get_color (GtkWidget *widget,
                        double     opacity,
                        GdkRGBA   *color);

G_END_DECLS
