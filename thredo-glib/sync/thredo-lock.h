/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include "thredo-types.h"

G_BEGIN_DECLS

#define THREDO_TYPE_LOCK (thredo_lock_get_type ())

THREDO_AVAILABLE
G_DECLARE_FINAL_TYPE (ThredoLock, thredo_lock, THREDO, LOCK, GObject)

THREDO_AVAILABLE
ThredoLock *thredo_lock_new (void);
THREDO_AVAILABLE
gboolean thredo_lock_acquire (ThredoLock    *self,
                              GCancellable  *cancellable,
                              GError       **error);
THREDO_AVAILABLE
void thredo_lock_acquire_async (ThredoLock          *self,
                                GCancellable        *cancellable,
                                GAsyncReadyCallback  callback,
                                gpointer             user_data);
THREDO_AVAILABLE
gboolean thredo_lock_acquire_finish (ThredoLock    *self,
                                     GAsyncResult  *result,
                                     GError       **error);
THREDO_AVAILABLE
gboolean thredo_lock_try_acquire (ThredoLock *self);
THREDO_AVAILABLE
gboolean thredo_lock_release (ThredoLock  *self,
                              GError     **error);
THREDO_AVAILABLE
gboolean thredo_lock_is_locked (ThredoLock *self);
THREDO_AVAILABLE
ThredoThread *thredo_lock_get_owner (ThredoLock *self);
THREDO_AVAILABLE
gboolean thredo_lock_get_abandoned (ThredoLock *self);
THREDO_AVAILABLE
const char *thredo_lock_get_name (ThredoLock *self);
THREDO_AVAILABLE
void thredo_lock_set_name (ThredoLock *self,
                           const char *name);

G_END_DECLS
