/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include "thredo-types.h"

G_BEGIN_DECLS

/* The last one is not called data: what comes after a callback and is would be taken for the
 * callback's by other languages. */
typedef void (*ThredoAwaitFunc) (GCancellable        *cancellable,
                                 GAsyncReadyCallback  callback,
                                 gpointer             callback_data,
                                 gpointer             closure);

THREDO_AVAILABLE
GAsyncResult *thredo_await (ThredoAwaitFunc   start,
                            gpointer          user_data,
                            GDestroyNotify    destroy,
                            GCancellable     *cancellable,
                            GError          **error);
THREDO_AVAILABLE
void thredo_clarify_error (GError **error);

G_END_DECLS
