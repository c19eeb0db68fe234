/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include "config.h"

#include <gio/gio.h>

/* The dedicated thread and its main context. Started at the first wait or
 * spawn, it stays to the end of the process. */
gboolean thredo_loop_start (GError **error);
GMainContext *thredo_loop_get_context (void);
GMainContext *thredo_loop_peek_context (void);
void thredo_loop_set_started_hook (void (*hook) (void));
void thredo_loop_shed (void);

extern _Atomic gboolean thredo_loop_running;

static inline gboolean
thredo_loop_ensure (GError **error)
{
  return G_LIKELY (thredo_loop_running) || thredo_loop_start (error);
}

void thredo_loop_fork_prepare (void);
void thredo_loop_fork_parent (void);
void thredo_loop_fork_child (void);
