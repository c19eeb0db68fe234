/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include "thredo-types.h"

G_BEGIN_DECLS

#define THREDO_TYPE_SEMAPHORE (thredo_semaphore_get_type ())

THREDO_AVAILABLE
G_DECLARE_DERIVABLE_TYPE (ThredoSemaphore, thredo_semaphore, THREDO, SEMAPHORE, GObject)

struct _ThredoSemaphoreClass
{
  GObjectClass parent_class;

  /*< private >*/
  gpointer padding[4];
};

#define THREDO_TYPE_BOUNDED_SEMAPHORE (thredo_bounded_semaphore_get_type ())

THREDO_AVAILABLE
G_DECLARE_FINAL_TYPE (ThredoBoundedSemaphore,
                      thredo_bounded_semaphore,
                      THREDO,
                      BOUNDED_SEMAPHORE,
                      ThredoSemaphore)

THREDO_AVAILABLE
ThredoSemaphore *thredo_semaphore_new (guint value);
THREDO_AVAILABLE
gboolean thredo_semaphore_acquire (ThredoSemaphore  *self,
                                   GCancellable     *cancellable,
                                   GError          **error);
THREDO_AVAILABLE
void thredo_semaphore_acquire_async (ThredoSemaphore     *self,
                                     GCancellable        *cancellable,
                                     GAsyncReadyCallback  callback,
                                     gpointer             user_data);
THREDO_AVAILABLE
gboolean thredo_semaphore_acquire_finish (ThredoSemaphore  *self,
                                          GAsyncResult     *result,
                                          GError          **error);
THREDO_AVAILABLE
gboolean thredo_semaphore_try_acquire (ThredoSemaphore *self);
THREDO_AVAILABLE
gboolean thredo_semaphore_release (ThredoSemaphore  *self,
                                   GError          **error);
THREDO_AVAILABLE
gboolean thredo_semaphore_release_many (ThredoSemaphore  *self,
                                        guint             n,
                                        GError          **error);
THREDO_AVAILABLE
guint thredo_semaphore_get_value (ThredoSemaphore *self);
THREDO_AVAILABLE
const char *thredo_semaphore_get_name (ThredoSemaphore *self);
THREDO_AVAILABLE
void thredo_semaphore_set_name (ThredoSemaphore *self,
                                const char      *name);

THREDO_AVAILABLE
ThredoBoundedSemaphore *thredo_bounded_semaphore_new (guint bound);
THREDO_AVAILABLE
guint thredo_bounded_semaphore_get_bound (ThredoBoundedSemaphore *self);

/**
 * ThredoSemaphoreGuard: (skip)
 *
 * A permit that is given back on every way out of a block.
 *
 * Since: 1.0
 */
typedef struct _ThredoSemaphoreGuard ThredoSemaphoreGuard;

THREDO_AVAILABLE
ThredoSemaphoreGuard *thredo_semaphore_guard_new (ThredoSemaphore  *semaphore,
                                                  GCancellable     *cancellable,
                                                  GError          **error);
THREDO_AVAILABLE
void thredo_semaphore_guard_free (ThredoSemaphoreGuard *guard);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (ThredoSemaphoreGuard, thredo_semaphore_guard_free)

G_END_DECLS
