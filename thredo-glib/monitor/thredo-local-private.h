/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include "thredo-types.h"

/* What a monitor of this process tells, and does. For any thread. */
GArray *thredo_local_look (guint64 *n_waits);
GPtrArray *thredo_local_list_queues (void);
GPtrArray *thredo_local_list_locks (void);
gboolean thredo_local_cancel_thread (guint64   id,
                                     GError  **error);
gboolean thredo_local_cancel_group (guint64   id,
                                    GError  **error);
