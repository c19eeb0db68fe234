/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include <thredo.h>

#include "monitor-programs.h"

G_BEGIN_DECLS

/* Makes a monitor of another program; errors say which, and why not. */
void monitor_attach_async (MonitorProgram      *program,
                           GCancellable        *cancellable,
                           GAsyncReadyCallback  callback,
                           gpointer             user_data);
void monitor_attach_by_name_async (const char          *wanted,
                                   GCancellable        *cancellable,
                                   GAsyncReadyCallback  callback,
                                   gpointer             user_data);
ThredoMonitor *monitor_attach_finish (GAsyncResult    *result,
                                      MonitorProgram **program,
                                      GError         **error);

G_END_DECLS
