/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include "thredo-types.h"

G_BEGIN_DECLS

typedef gboolean (*ThredoBarrierFunc) (ThredoBarrier  *barrier,
                                       gpointer        user_data,
                                       GError        **error);

#define THREDO_TYPE_BARRIER (thredo_barrier_get_type ())

THREDO_AVAILABLE
G_DECLARE_FINAL_TYPE (ThredoBarrier, thredo_barrier, THREDO, BARRIER, GObject)

THREDO_AVAILABLE
ThredoBarrier *thredo_barrier_new (guint parties);
THREDO_AVAILABLE
ThredoBarrier *thredo_barrier_new_with_action (guint             parties,
                                               ThredoBarrierFunc action,
                                               gpointer          user_data,
                                               GDestroyNotify    destroy);
THREDO_AVAILABLE
gboolean thredo_barrier_wait (ThredoBarrier  *self,
                              guint          *index,
                              GCancellable   *cancellable,
                              GError        **error);
THREDO_AVAILABLE
void thredo_barrier_wait_async (ThredoBarrier       *self,
                                GCancellable        *cancellable,
                                GAsyncReadyCallback  callback,
                                gpointer             user_data);
THREDO_AVAILABLE
gboolean thredo_barrier_wait_finish (ThredoBarrier  *self,
                                     GAsyncResult   *result,
                                     guint          *index,
                                     GError        **error);
THREDO_AVAILABLE
void thredo_barrier_reset (ThredoBarrier *self);
THREDO_AVAILABLE
void thredo_barrier_abort (ThredoBarrier *self);
THREDO_AVAILABLE
gboolean thredo_barrier_is_broken (ThredoBarrier *self);
THREDO_AVAILABLE
guint thredo_barrier_get_parties (ThredoBarrier *self);
THREDO_AVAILABLE
guint thredo_barrier_get_n_waiting (ThredoBarrier *self);
THREDO_AVAILABLE
const char *thredo_barrier_get_name (ThredoBarrier *self);
THREDO_AVAILABLE
void thredo_barrier_set_name (ThredoBarrier *self,
                              const char    *name);

G_END_DECLS
