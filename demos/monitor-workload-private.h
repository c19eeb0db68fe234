/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include <thredo.h>

G_BEGIN_DECLS

/* How a workload is made: @start spawns threads into the group and returns what they share, or NULL
 * with an error; @stop, which may be NULL, is called before the group is cancelled, and @free when
 * all of them have ended. */
typedef struct
{
  const char *id;
  const char *title;
  const char *description;
  gpointer (*start) (ThredoGroup  *group,
                     GError      **error);
  void (*stop) (gpointer data);
  void (*free) (gpointer data);
} MonitorWorkloadKind;

extern const MonitorWorkloadKind monitor_pool;
extern const MonitorWorkloadKind monitor_folder;
extern const MonitorWorkloadKind monitor_philosophers;
extern const MonitorWorkloadKind monitor_echo;
extern const MonitorWorkloadKind monitor_runaway;
extern const MonitorWorkloadKind monitor_crowd;
extern const MonitorWorkloadKind monitor_flood;
extern const MonitorWorkloadKind monitor_waits;

gboolean monitor_workload_spawn (ThredoGroup       *group,
                                 const char        *name,
                                 ThredoThreadFunc   func,
                                 gpointer           user_data,
                                 GError           **error);

G_END_DECLS
