/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include "thredo-monitor.h"

#include "thredo-listener-private.h"

/* The connection of a monitor to another process. For the thread that runs the monitor's main
 * context, but for the calls that wait. */
typedef struct _ThredoRemote ThredoRemote;

ThredoRemote *thredo_remote_new (ThredoListener  *listener,
                                 GPid             pid,
                                 GDBusConnection *connection);
void thredo_remote_close (ThredoRemote *self);
gboolean thredo_remote_is_closed (ThredoRemote *self);
void thredo_remote_refresh (ThredoRemote *self);
GPtrArray *thredo_remote_dup_deadlocks (ThredoRemote *self);
GPtrArray *thredo_remote_dup_queues (ThredoRemote *self);
GPtrArray *thredo_remote_dup_locks (ThredoRemote *self);
GPtrArray *thredo_remote_dup_history (ThredoRemote *self);
gboolean thredo_remote_cancel (ThredoRemote  *self,
                               const char    *method,
                               guint64        id,
                               GCancellable  *cancellable,
                               GError       **error);
void thredo_remote_cancel_async (ThredoRemote *self,
                                 const char   *method,
                                 guint64       id,
                                 GTask        *task);
