/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include "thredo-types.h"

/* How long a process may take to answer those who wait for it, in microseconds. */
#define THREDO_PATIENCE (5 * G_TIME_SPAN_SECOND)

GDBusConnection *thredo_attach (GPid           pid,
                                GCancellable  *cancellable,
                                GError       **error);
void thredo_attach_async (GPid                 pid,
                          GCancellable        *cancellable,
                          GAsyncReadyCallback  callback,
                          gpointer             user_data);
GDBusConnection *thredo_attach_finish (GAsyncResult  *result,
                                       GError       **error);
