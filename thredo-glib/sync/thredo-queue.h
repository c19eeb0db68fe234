/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include "thredo-types.h"

G_BEGIN_DECLS

typedef enum
{
  THREDO_QUEUE_ORDER_FIFO,
  THREDO_QUEUE_ORDER_LIFO,
  THREDO_QUEUE_ORDER_PRIORITY,
} ThredoQueueOrder;

typedef int (*ThredoQueueCompareFunc) (const GValue *a,
                                       const GValue *b,
                                       gpointer      user_data);

#define THREDO_TYPE_QUEUE (thredo_queue_get_type ())

THREDO_AVAILABLE
G_DECLARE_FINAL_TYPE (ThredoQueue, thredo_queue, THREDO, QUEUE, GObject)

THREDO_AVAILABLE
ThredoQueue *thredo_queue_new (guint max_size);
THREDO_AVAILABLE
ThredoQueue *thredo_queue_new_full (ThredoQueueOrder order,
                                    guint            max_size,
                                    GDestroyNotify   free_func);
THREDO_AVAILABLE
ThredoQueue *thredo_queue_new_priority (guint                  max_size,
                                        ThredoQueueCompareFunc compare,
                                        gpointer               user_data,
                                        GDestroyNotify         destroy);
THREDO_AVAILABLE
gboolean thredo_queue_put (ThredoQueue   *self,
                           const GValue  *item,
                           GCancellable  *cancellable,
                           GError       **error);
THREDO_AVAILABLE
void thredo_queue_put_async (ThredoQueue         *self,
                             const GValue        *item,
                             GCancellable        *cancellable,
                             GAsyncReadyCallback  callback,
                             gpointer             user_data);
THREDO_AVAILABLE
gboolean thredo_queue_put_finish (ThredoQueue   *self,
                                  GAsyncResult  *result,
                                  GError       **error);
THREDO_AVAILABLE
gboolean thredo_queue_get (ThredoQueue   *self,
                           GValue        *item,
                           GCancellable  *cancellable,
                           GError       **error);
THREDO_AVAILABLE
void thredo_queue_get_async (ThredoQueue         *self,
                             GCancellable        *cancellable,
                             GAsyncReadyCallback  callback,
                             gpointer             user_data);
THREDO_AVAILABLE
gboolean thredo_queue_get_finish (ThredoQueue   *self,
                                  GAsyncResult  *result,
                                  GValue        *item,
                                  GError       **error);
THREDO_AVAILABLE
gboolean thredo_queue_put_pointer (ThredoQueue   *self,
                                   gpointer       item,
                                   GCancellable  *cancellable,
                                   GError       **error);
THREDO_AVAILABLE
gpointer thredo_queue_get_pointer (ThredoQueue   *self,
                                   GCancellable  *cancellable,
                                   GError       **error);
THREDO_AVAILABLE
gboolean thredo_queue_try_put (ThredoQueue   *self,
                               const GValue  *item,
                               GError       **error);
THREDO_AVAILABLE
gboolean thredo_queue_try_get (ThredoQueue  *self,
                               GValue       *item,
                               GError      **error);
THREDO_AVAILABLE
gboolean thredo_queue_task_done (ThredoQueue  *self,
                                 GError      **error);
THREDO_AVAILABLE
gboolean thredo_queue_join (ThredoQueue   *self,
                            GCancellable  *cancellable,
                            GError       **error);
THREDO_AVAILABLE
void thredo_queue_join_async (ThredoQueue         *self,
                              GCancellable        *cancellable,
                              GAsyncReadyCallback  callback,
                              gpointer             user_data);
THREDO_AVAILABLE
gboolean thredo_queue_join_finish (ThredoQueue   *self,
                                   GAsyncResult  *result,
                                   GError       **error);
THREDO_AVAILABLE
void thredo_queue_close (ThredoQueue *self);
THREDO_AVAILABLE
gboolean thredo_queue_is_closed (ThredoQueue *self);
THREDO_AVAILABLE
guint thredo_queue_get_length (ThredoQueue *self);
THREDO_AVAILABLE
gboolean thredo_queue_is_empty (ThredoQueue *self);
THREDO_AVAILABLE
gboolean thredo_queue_is_full (ThredoQueue *self);
THREDO_AVAILABLE
guint64 thredo_queue_get_unfinished (ThredoQueue *self);
THREDO_AVAILABLE
guint thredo_queue_get_max_size (ThredoQueue *self);
THREDO_AVAILABLE
ThredoQueueOrder thredo_queue_get_order (ThredoQueue *self);
THREDO_AVAILABLE
const char *thredo_queue_get_name (ThredoQueue *self);
THREDO_AVAILABLE
void thredo_queue_set_name (ThredoQueue *self,
                            const char  *name);

/* For other languages, where they have the names without the ending. */
THREDO_AVAILABLE
gboolean thredo_queue_get_for_bindings (ThredoQueue   *self,
                                        GValue        *item,
                                        GCancellable  *cancellable,
                                        GError       **error);
THREDO_AVAILABLE
GValue *thredo_queue_get_boxed (ThredoQueue   *self,
                                GCancellable  *cancellable,
                                GError       **error);
THREDO_AVAILABLE
gboolean thredo_queue_get_finish_for_bindings (ThredoQueue   *self,
                                               GAsyncResult  *result,
                                               GValue        *item,
                                               GError       **error);
THREDO_AVAILABLE
GValue *thredo_queue_get_finish_boxed (ThredoQueue   *self,
                                       GAsyncResult  *result,
                                       GError       **error);
THREDO_AVAILABLE
gboolean thredo_queue_try_get_for_bindings (ThredoQueue  *self,
                                            GValue       *item,
                                            GError      **error);
THREDO_AVAILABLE
GValue *thredo_queue_try_get_boxed (ThredoQueue  *self,
                                    GError      **error);

G_END_DECLS
