/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include "thredo-monitor.h"

#include "thredo-listener-private.h"
#include "thredo-loop-probe-private.h"
#include "thredo-remote-private.h"
#include "thredo-roster-private.h"

struct _ThredoMonitor
{
  GObject parent_instance;

  ThredoListener *listener;
  guint pid;            /* construction: 0 is this process */
  ThredoRemote *remote; /* NULL: it watches this process, or another one in vain */

  ThredoRoster roster;
  GSource *ticks; /* NULL: the list is not kept up to date */
  GTimeSpan interval;
  gint64 refreshed;
  guint64 n_waits; /* by then */
  guint n_waiting;
  double waits_per_second;
  ThredoLoopProbe *probe;
  GTimeSpan loop_latency;
  gboolean refreshing;
};

void thredo_monitor_start_ticking (ThredoMonitor *self);

/* For what comes from another process. */
void thredo_monitor_take_changes (ThredoMonitor *self,
                                  GArray        *changed,
                                  gboolean       is_all,
                                  const guint64 *gone,
                                  guint          n_gone);
void thredo_monitor_set_figures (ThredoMonitor *self,
                                 guint          n_waiting,
                                 double         waits_per_second,
                                 GTimeSpan      loop_latency);
void thredo_monitor_note_refreshed (ThredoMonitor *self);
void thredo_monitor_note_closed (ThredoMonitor *self);
void thredo_monitor_emit_deadlock (ThredoMonitor  *self,
                                   ThredoDeadlock *deadlock);
