/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include "thredo-monitor.h"

#include "thredo-thread-info-private.h"

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

void thredo_monitor_tell_all (ThredoDeadlock *deadlock);
