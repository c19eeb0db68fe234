/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/* Something with a number of its own that is seen again and again. */
#define MONITOR_TYPE_ROW (monitor_row_get_type ())
G_DECLARE_FINAL_TYPE (MonitorRow, monitor_row, MONITOR, ROW, GObject)

struct _MonitorRow
{
  GObject parent_instance;

  guint64 id;
  GObject *info;   /* what was seen last, which does not change */
  GObject *ranked; /* what it is sorted by */
  gpointer data;   /* freed with g_free() */
};

typedef guint64 (*MonitorRowIdFunc) (gpointer info);

void monitor_rows_merge (GListStore       *rows,
                         GPtrArray        *infos,
                         MonitorRowIdFunc  get_id);

G_END_DECLS
