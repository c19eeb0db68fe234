/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include "thredo-types.h"

G_BEGIN_DECLS

#define THREDO_TYPE_RLOCK (thredo_rlock_get_type ())

THREDO_AVAILABLE
G_DECLARE_FINAL_TYPE (ThredoRLock, thredo_rlock, THREDO, RLOCK, GObject)

THREDO_AVAILABLE
ThredoRLock *thredo_rlock_new (void);
THREDO_AVAILABLE
gboolean thredo_rlock_acquire (ThredoRLock   *self,
                               GCancellable  *cancellable,
                               GError       **error);
THREDO_AVAILABLE
void thredo_rlock_acquire_async (ThredoRLock         *self,
                                 GCancellable        *cancellable,
                                 GAsyncReadyCallback  callback,
                                 gpointer             user_data);
THREDO_AVAILABLE
gboolean thredo_rlock_acquire_finish (ThredoRLock   *self,
                                      GAsyncResult  *result,
                                      GError       **error);
THREDO_AVAILABLE
gboolean thredo_rlock_try_acquire (ThredoRLock *self);
THREDO_AVAILABLE
gboolean thredo_rlock_release (ThredoRLock  *self,
                               GError      **error);
THREDO_AVAILABLE
gboolean thredo_rlock_is_locked (ThredoRLock *self);
THREDO_AVAILABLE
ThredoThread *thredo_rlock_get_owner (ThredoRLock *self);
THREDO_AVAILABLE
gboolean thredo_rlock_get_abandoned (ThredoRLock *self);
THREDO_AVAILABLE
guint thredo_rlock_get_depth (ThredoRLock *self);
THREDO_AVAILABLE
const char *thredo_rlock_get_name (ThredoRLock *self);
THREDO_AVAILABLE
void thredo_rlock_set_name (ThredoRLock *self,
                            const char  *name);

G_END_DECLS
