/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include "thread-info.h"

G_BEGIN_DECLS

/* A thread in the window's list: stays the same object for as long as the thread lives, and tells
 * of each property only when it changed. */
#define THREAD_TYPE_ROW (thread_row_get_type ())
G_DECLARE_FINAL_TYPE (ThreadRow, thread_row, THREAD, ROW, GObject)

ThreadRow *thread_row_new (const ThreadInfo *info);
void thread_row_update (ThreadRow        *self,
                        const ThreadInfo *info);
guint64 thread_row_get_id (ThreadRow *self);
const char *thread_row_get_name (ThreadRow *self);
void thread_row_cancel (ThreadRow *self);

G_END_DECLS
