/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include "thredo-types.h"

G_BEGIN_DECLS

#define THREDO_TYPE_LOCKABLE (thredo_lockable_get_type ())

THREDO_AVAILABLE
G_DECLARE_INTERFACE (ThredoLockable, thredo_lockable, THREDO, LOCKABLE, GObject)

/**
 * ThredoLockableInterface:
 * @parent_iface: the parent
 * @acquire: see [method@Thredo.Lockable.acquire]
 * @try_acquire: see [method@Thredo.Lockable.try_acquire]
 * @release: see [method@Thredo.Lockable.release]
 * @is_owned: see [method@Thredo.Lockable.is_owned]
 * @release_all: see [method@Thredo.Lockable.release_all]; has a default, which
 *   releases once
 * @reacquire: see [method@Thredo.Lockable.reacquire]; has a default, which
 *   acquires in a shielded scope
 * @acquire_async: see [method@Thredo.Lockable.acquire_async]; optional
 * @acquire_finish: see [method@Thredo.Lockable.acquire_finish]; optional
 * @reacquire_async: see [method@Thredo.Lockable.reacquire_async]; optional
 *
 * What a type implements to be used with conditions and guards.
 *
 * Since: 1.0
 */
struct _ThredoLockableInterface
{
  GTypeInterface parent_iface;

  gboolean (*acquire) (ThredoLockable  *self,
                       GCancellable    *cancellable,
                       GError         **error);
  gboolean (*try_acquire) (ThredoLockable *self);
  gboolean (*release) (ThredoLockable  *self,
                       GError         **error);
  gboolean (*is_owned) (ThredoLockable *self);
  guint (*release_all) (ThredoLockable *self);
  void (*reacquire) (ThredoLockable *self,
                     guint           depth);
  void (*acquire_async) (ThredoLockable      *self,
                         GCancellable        *cancellable,
                         GAsyncReadyCallback  callback,
                         gpointer             user_data);
  gboolean (*acquire_finish) (ThredoLockable  *self,
                              GAsyncResult    *result,
                              GError         **error);
  void (*reacquire_async) (ThredoLockable      *self,
                           guint                depth,
                           GAsyncReadyCallback  callback,
                           gpointer             user_data);

  /*< private >*/
  gpointer padding[7];
};

THREDO_AVAILABLE
gboolean thredo_lockable_acquire (ThredoLockable  *self,
                                  GCancellable    *cancellable,
                                  GError         **error);
THREDO_AVAILABLE
void thredo_lockable_acquire_async (ThredoLockable      *self,
                                    GCancellable        *cancellable,
                                    GAsyncReadyCallback  callback,
                                    gpointer             user_data);
THREDO_AVAILABLE
gboolean thredo_lockable_acquire_finish (ThredoLockable  *self,
                                         GAsyncResult    *result,
                                         GError         **error);
THREDO_AVAILABLE
gboolean thredo_lockable_try_acquire (ThredoLockable *self);
THREDO_AVAILABLE
gboolean thredo_lockable_release (ThredoLockable  *self,
                                  GError         **error);
THREDO_AVAILABLE
gboolean thredo_lockable_is_owned (ThredoLockable *self);
THREDO_AVAILABLE
guint thredo_lockable_release_all (ThredoLockable *self);
THREDO_AVAILABLE
void thredo_lockable_reacquire (ThredoLockable *self,
                                guint           depth);
THREDO_AVAILABLE
void thredo_lockable_reacquire_async (ThredoLockable      *self,
                                      guint                depth,
                                      GAsyncReadyCallback  callback,
                                      gpointer             user_data);

/**
 * ThredoLockGuard: (skip)
 *
 * A lock that is released on every way out of a block.
 *
 * Since: 1.0
 */
typedef struct _ThredoLockGuard ThredoLockGuard;

THREDO_AVAILABLE
ThredoLockGuard *thredo_lock_guard_new (ThredoLockable  *lockable,
                                        GCancellable    *cancellable,
                                        GError         **error);
THREDO_AVAILABLE
void thredo_lock_guard_free (ThredoLockGuard *guard);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (ThredoLockGuard, thredo_lock_guard_free)

G_END_DECLS
