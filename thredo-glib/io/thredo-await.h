/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include "thredo-types.h"

G_BEGIN_DECLS

typedef void (*ThredoAwaitFunc) (GCancellable        *cancellable,
                                 GAsyncReadyCallback  callback,
                                 gpointer             callback_data,
                                 gpointer             user_data);

THREDO_AVAILABLE
GAsyncResult *thredo_await (ThredoAwaitFunc   start,
                            gpointer          user_data,
                            GDestroyNotify    destroy,
                            GCancellable     *cancellable,
                            GError          **error);
THREDO_AVAILABLE
void thredo_clarify_error (GError **error);

G_END_DECLS
