/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include "thredo-types.h"

G_BEGIN_DECLS

THREDO_AVAILABLE
GIOCondition thredo_wait_fd (int            fd,
                             GIOCondition   condition,
                             GCancellable  *cancellable,
                             GError       **error);
THREDO_AVAILABLE
void thredo_wait_fd_async (int                  fd,
                           GIOCondition         condition,
                           GCancellable        *cancellable,
                           GAsyncReadyCallback  callback,
                           gpointer             user_data);
THREDO_AVAILABLE
GIOCondition thredo_wait_fd_finish (GAsyncResult  *result,
                                    GError       **error);
THREDO_AVAILABLE
void thredo_notify_closing (int fd);

G_END_DECLS
