/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include "thredo-queue.h"

G_BEGIN_DECLS

#define THREDO_TYPE_QUEUE_INFO (thredo_queue_info_get_type ())

THREDO_AVAILABLE
G_DECLARE_FINAL_TYPE (ThredoQueueInfo, thredo_queue_info, THREDO, QUEUE_INFO, GObject)

THREDO_AVAILABLE
guint64 thredo_queue_info_get_id (ThredoQueueInfo *self);
THREDO_AVAILABLE
const char *thredo_queue_info_get_name (ThredoQueueInfo *self);
THREDO_AVAILABLE
ThredoQueueOrder thredo_queue_info_get_order (ThredoQueueInfo *self);
THREDO_AVAILABLE
guint thredo_queue_info_get_length (ThredoQueueInfo *self);
THREDO_AVAILABLE
guint thredo_queue_info_get_max_size (ThredoQueueInfo *self);
THREDO_AVAILABLE
guint64 thredo_queue_info_get_n_unfinished (ThredoQueueInfo *self);
THREDO_AVAILABLE
guint thredo_queue_info_get_n_getters (ThredoQueueInfo *self);
THREDO_AVAILABLE
guint thredo_queue_info_get_n_putters (ThredoQueueInfo *self);
THREDO_AVAILABLE
gboolean thredo_queue_info_is_closed (ThredoQueueInfo *self);

G_END_DECLS
