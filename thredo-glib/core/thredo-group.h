/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include "thredo-thread.h"

G_BEGIN_DECLS

typedef enum
{
  THREDO_GROUP_WAIT_ALL,
  THREDO_GROUP_WAIT_ANY,
  THREDO_GROUP_WAIT_RESULT,
  THREDO_GROUP_WAIT_NONE,
} ThredoGroupWait;

#define THREDO_TYPE_GROUP (thredo_group_get_type ())

THREDO_AVAILABLE
G_DECLARE_FINAL_TYPE (ThredoGroup, thredo_group, THREDO, GROUP, GObject)

THREDO_AVAILABLE
ThredoGroup *thredo_group_new (ThredoGroupWait policy);
THREDO_AVAILABLE
ThredoThread *thredo_group_spawn (ThredoGroup       *self,
                                  const char        *name,
                                  ThredoThreadFunc   func,
                                  gpointer           user_data,
                                  GDestroyNotify     destroy,
                                  GError           **error);
THREDO_AVAILABLE
gboolean thredo_group_add (ThredoGroup   *self,
                           ThredoThread  *thread,
                           GError       **error);
THREDO_AVAILABLE
gboolean thredo_group_join (ThredoGroup   *self,
                            GCancellable  *cancellable,
                            GError       **error);
THREDO_AVAILABLE
void thredo_group_join_async (ThredoGroup         *self,
                              GCancellable        *cancellable,
                              GAsyncReadyCallback  callback,
                              gpointer             user_data);
THREDO_AVAILABLE
gboolean thredo_group_join_finish (ThredoGroup   *self,
                                   GAsyncResult  *result,
                                   GError       **error);
THREDO_AVAILABLE
ThredoThread *thredo_group_next_done (ThredoGroup   *self,
                                      GCancellable  *cancellable,
                                      GError       **error);
THREDO_AVAILABLE
void thredo_group_next_done_async (ThredoGroup         *self,
                                   GCancellable        *cancellable,
                                   GAsyncReadyCallback  callback,
                                   gpointer             user_data);
THREDO_AVAILABLE
ThredoThread *thredo_group_next_done_finish (ThredoGroup   *self,
                                             GAsyncResult  *result,
                                             GError       **error);
THREDO_AVAILABLE
gboolean thredo_group_next_result (ThredoGroup   *self,
                                   GValue        *result,
                                   GCancellable  *cancellable,
                                   GError       **error);
THREDO_AVAILABLE
void thredo_group_next_result_async (ThredoGroup         *self,
                                     GCancellable        *cancellable,
                                     GAsyncReadyCallback  callback,
                                     gpointer             user_data);
THREDO_AVAILABLE
gboolean thredo_group_next_result_finish (ThredoGroup   *self,
                                          GAsyncResult  *result,
                                          GValue        *value,
                                          GError       **error);
THREDO_AVAILABLE
void thredo_group_cancel (ThredoGroup *self);
THREDO_AVAILABLE
void thredo_group_cancel_remaining (ThredoGroup *self);
THREDO_AVAILABLE
gboolean thredo_group_is_cancelled (ThredoGroup *self);
THREDO_AVAILABLE
ThredoThread *thredo_group_get_completed (ThredoGroup *self);
THREDO_AVAILABLE
ThredoThread *thredo_group_get_failed (ThredoGroup *self);
THREDO_AVAILABLE
GPtrArray *thredo_group_get_threads (ThredoGroup *self);
THREDO_AVAILABLE
ThredoGroupWait thredo_group_get_policy (ThredoGroup *self);
THREDO_AVAILABLE
guint thredo_group_get_max_running (ThredoGroup *self);
THREDO_AVAILABLE
void thredo_group_set_max_running (ThredoGroup *self,
                                   guint        max_running);
THREDO_AVAILABLE
const char *thredo_group_get_name (ThredoGroup *self);
THREDO_AVAILABLE
void thredo_group_set_name (ThredoGroup *self,
                            const char  *name);

/**
 * ThredoGroupGuard: (skip)
 *
 * A group that is cancelled and joined on every way out of a block.
 *
 * Since: 1.0
 */
typedef struct _ThredoGroup ThredoGroupGuard;

THREDO_AVAILABLE
ThredoGroupGuard *thredo_group_guard_new (ThredoGroup *group);
THREDO_AVAILABLE
void thredo_group_guard_free (ThredoGroupGuard *guard);

/* For other languages, where it has the name without the ending. */
THREDO_AVAILABLE
gboolean thredo_group_next_result_for_bindings (ThredoGroup   *self,
                                                GValue        *result,
                                                GCancellable  *cancellable,
                                                GError       **error);
THREDO_AVAILABLE
GValue *thredo_group_next_result_boxed (ThredoGroup   *self,
                                        GCancellable  *cancellable,
                                        GError       **error);
THREDO_AVAILABLE
gboolean thredo_group_next_result_finish_for_bindings (ThredoGroup   *self,
                                                       GAsyncResult  *result,
                                                       GValue        *value,
                                                       GError       **error);
THREDO_AVAILABLE
GValue *thredo_group_next_result_finish_boxed (ThredoGroup   *self,
                                               GAsyncResult  *result,
                                               GError       **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (ThredoGroupGuard, thredo_group_guard_free)

G_END_DECLS
