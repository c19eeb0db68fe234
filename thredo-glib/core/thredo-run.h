/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include "thredo-thread.h"

G_BEGIN_DECLS

typedef enum
{
  THREDO_RUN_DEFAULT = 0,
  THREDO_RUN_HANDLE_SIGNALS = 1 << 0,
} ThredoRunFlags;

THREDO_AVAILABLE
gboolean thredo_run (ThredoRunFlags     flags,
                     ThredoThreadFunc   func,
                     gpointer           user_data,
                     GDestroyNotify     destroy,
                     GError           **error);
THREDO_AVAILABLE
gboolean thredo_sleep (GTimeSpan      duration,
                       GCancellable  *cancellable,
                       GError       **error);
THREDO_AVAILABLE
void thredo_sleep_async (GTimeSpan            duration,
                         GCancellable        *cancellable,
                         GAsyncReadyCallback  callback,
                         gpointer             user_data);
THREDO_AVAILABLE
gboolean thredo_sleep_finish (GAsyncResult  *result,
                              GError       **error);
THREDO_AVAILABLE
gboolean thredo_check_cancelled (GCancellable  *cancellable,
                                 GError       **error);
THREDO_AVAILABLE
GCancellable *thredo_get_cancellable (void);
THREDO_AVAILABLE
GMainContext *thredo_get_main_context (void);

G_END_DECLS
