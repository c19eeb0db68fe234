/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include <gtk/gtk.h>

G_BEGIN_DECLS

#define MONITOR_DEPTHS_LENGTH 120

/* How full something was over the last minute, by half seconds. */
typedef struct
{
  gint64 newest; /* number of half seconds */
  guint n_slots;
  guint slots[MONITOR_DEPTHS_LENGTH]; /* by their numbers' remainders; the most there was in each */
} MonitorDepths;

void monitor_depths_note (MonitorDepths *self,
                          gint64         now,
                          guint          depth);

/* The curve of it. */
#define MONITOR_TYPE_SPARK (monitor_spark_get_type ())
G_DECLARE_FINAL_TYPE (MonitorSpark, monitor_spark, MONITOR, SPARK, GtkWidget)

GtkWidget *monitor_spark_new (void);
void monitor_spark_show (MonitorSpark        *self,
                         const MonitorDepths *depths);

/* How full it is now: a text, on a bar. */
#define MONITOR_TYPE_GAUGE (monitor_gauge_get_type ())
G_DECLARE_FINAL_TYPE (MonitorGauge, monitor_gauge, MONITOR, GAUGE, GtkWidget)

GtkWidget *monitor_gauge_new (void);
void monitor_gauge_show (MonitorGauge *self,
                         guint         level,
                         guint         full);

G_END_DECLS
