/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include "thredo-types.h"

G_BEGIN_DECLS

typedef enum
{
  THREDO_THREAD_STATE_NEW,
  THREDO_THREAD_STATE_RUNNING,
  THREDO_THREAD_STATE_WAITING,
  THREDO_THREAD_STATE_FINISHED,
  THREDO_THREAD_STATE_FAILED,
  THREDO_THREAD_STATE_CANCELLED,
} ThredoThreadState;

typedef gboolean (*ThredoThreadFunc) (ThredoThread  *thread,
                                      gpointer       user_data,
                                      GError       **error);

#define THREDO_TYPE_THREAD (thredo_thread_get_type ())

THREDO_AVAILABLE
G_DECLARE_DERIVABLE_TYPE (ThredoThread, thredo_thread, THREDO, THREAD, GObject)

/**
 * ThredoThreadClass:
 * @parent_class: the parent class
 * @run: what the thread runs; the default calls the function it was given
 *
 * The class of [class@Thredo.Thread].
 *
 * Since: 1.0
 */
struct _ThredoThreadClass
{
  GObjectClass parent_class;

  gboolean (*run) (ThredoThread  *self,
                   GError       **error);

  /*< private >*/
  gpointer padding[8];
};

THREDO_AVAILABLE
ThredoThread *thredo_thread_new (const char       *name,
                                 ThredoThreadFunc  func,
                                 gpointer          user_data,
                                 GDestroyNotify    destroy);
THREDO_AVAILABLE
ThredoThread *thredo_thread_spawn (const char        *name,
                                   ThredoThreadFunc   func,
                                   gpointer           user_data,
                                   GDestroyNotify     destroy,
                                   GError           **error);
THREDO_AVAILABLE
ThredoThread *thredo_thread_self (void);
THREDO_AVAILABLE
gboolean thredo_thread_start (ThredoThread  *self,
                              GError       **error);
THREDO_AVAILABLE
gboolean thredo_thread_join (ThredoThread  *self,
                             GCancellable  *cancellable,
                             GError       **error);
THREDO_AVAILABLE
gpointer thredo_thread_join_pointer (ThredoThread  *self,
                                     GCancellable  *cancellable,
                                     GError       **error);
THREDO_AVAILABLE
void thredo_thread_join_async (ThredoThread        *self,
                               GCancellable        *cancellable,
                               GAsyncReadyCallback  callback,
                               gpointer             user_data);
THREDO_AVAILABLE
gboolean thredo_thread_join_finish (ThredoThread  *self,
                                    GAsyncResult  *result,
                                    GError       **error);
THREDO_AVAILABLE
gboolean thredo_thread_wait (ThredoThread  *self,
                             GCancellable  *cancellable,
                             GError       **error);
THREDO_AVAILABLE
void thredo_thread_wait_async (ThredoThread        *self,
                               GCancellable        *cancellable,
                               GAsyncReadyCallback  callback,
                               gpointer             user_data);
THREDO_AVAILABLE
gboolean thredo_thread_wait_finish (ThredoThread  *self,
                                    GAsyncResult  *result,
                                    GError       **error);
THREDO_AVAILABLE
void thredo_thread_cancel (ThredoThread *self);
THREDO_AVAILABLE
gboolean thredo_thread_is_cancelled (ThredoThread *self);

THREDO_AVAILABLE
void thredo_thread_set_result (ThredoThread *self,
                               const GValue *result);
THREDO_AVAILABLE
void thredo_thread_set_result_pointer (ThredoThread   *self,
                                       gpointer        result,
                                       GDestroyNotify  destroy);
THREDO_AVAILABLE
gboolean thredo_thread_get_result (ThredoThread *self,
                                   GValue       *result);
THREDO_AVAILABLE
const GError *thredo_thread_get_error (ThredoThread *self);
THREDO_AVAILABLE
ThredoThreadState thredo_thread_get_state (ThredoThread *self);
THREDO_AVAILABLE
gboolean thredo_thread_is_alive (ThredoThread *self);
THREDO_AVAILABLE
guint64 thredo_thread_get_id (ThredoThread *self);
THREDO_AVAILABLE
const char *thredo_thread_get_name (ThredoThread *self);
THREDO_AVAILABLE
void thredo_thread_set_name (ThredoThread *self,
                             const char   *name);
THREDO_AVAILABLE
GCancellable *thredo_thread_get_cancellable (ThredoThread *self);
THREDO_AVAILABLE
ThredoGroup *thredo_thread_get_group (ThredoThread *self);
THREDO_AVAILABLE
gboolean thredo_thread_get_daemon (ThredoThread *self);
THREDO_AVAILABLE
void thredo_thread_set_daemon (ThredoThread *self,
                               gboolean      daemon);
THREDO_AVAILABLE
gsize thredo_thread_get_stack_size (ThredoThread *self);
THREDO_AVAILABLE
void thredo_thread_set_stack_size (ThredoThread *self,
                                   gsize         stack_size);
THREDO_AVAILABLE
void thredo_thread_set_default_stack_size (gsize stack_size);
THREDO_AVAILABLE
char *thredo_thread_dup_waiting_for (ThredoThread *self);
THREDO_AVAILABLE
gint64 thredo_thread_get_waiting_since (ThredoThread *self);
THREDO_AVAILABLE
GPtrArray *thredo_thread_list_all (void);

/* For other languages. */
THREDO_AVAILABLE
void thredo_thread_hush_failure (ThredoThread *self);

/* For other languages, where it has the name without the ending. */
THREDO_AVAILABLE
gboolean thredo_thread_get_result_for_bindings (ThredoThread *self,
                                                GValue       *result);
THREDO_AVAILABLE
GValue *thredo_thread_get_result_boxed (ThredoThread *self);

G_END_DECLS
