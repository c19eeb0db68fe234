/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include "thredo-thread.h"

G_BEGIN_DECLS

#define THREDO_TYPE_THREAD_INFO (thredo_thread_info_get_type ())

THREDO_AVAILABLE
G_DECLARE_FINAL_TYPE (ThredoThreadInfo, thredo_thread_info, THREDO, THREAD_INFO, GObject)

THREDO_AVAILABLE
ThredoThread *thredo_thread_info_get_thread (ThredoThreadInfo *self);
THREDO_AVAILABLE
guint64 thredo_thread_info_get_id (ThredoThreadInfo *self);
THREDO_AVAILABLE
const char *thredo_thread_info_get_name (ThredoThreadInfo *self);
THREDO_AVAILABLE
ThredoThreadState thredo_thread_info_get_state (ThredoThreadInfo *self);
THREDO_AVAILABLE
const char *thredo_thread_info_get_waiting_for (ThredoThreadInfo *self);
THREDO_AVAILABLE
gint64 thredo_thread_info_get_waiting_since (ThredoThreadInfo *self);
THREDO_AVAILABLE
guint64 thredo_thread_info_get_n_waits (ThredoThreadInfo *self);
THREDO_AVAILABLE
gint64 thredo_thread_info_get_cpu_time (ThredoThreadInfo *self);
THREDO_AVAILABLE
guint64 thredo_thread_info_get_group_id (ThredoThreadInfo *self);
THREDO_AVAILABLE
const char *const *thredo_thread_info_get_group_path (ThredoThreadInfo *self);
THREDO_AVAILABLE
const guint64 *thredo_thread_info_get_group_ids (ThredoThreadInfo *self,
                                                 gsize            *n_ids);
THREDO_AVAILABLE
gboolean thredo_thread_info_is_daemon (ThredoThreadInfo *self);
THREDO_AVAILABLE
gboolean thredo_thread_info_is_cancelled (ThredoThreadInfo *self);
THREDO_AVAILABLE
gboolean thredo_thread_info_is_shielded (ThredoThreadInfo *self);
THREDO_AVAILABLE
const char *const *thredo_thread_info_get_held (ThredoThreadInfo *self);

G_END_DECLS
