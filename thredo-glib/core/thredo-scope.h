/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include "thredo-types.h"

G_BEGIN_DECLS

#define THREDO_TYPE_SCOPE (thredo_scope_get_type ())

THREDO_AVAILABLE
G_DECLARE_FINAL_TYPE (ThredoScope, thredo_scope, THREDO, SCOPE, GObject)

/**
 * THREDO_NO_DEADLINE: (value 9223372036854775807)
 *
 * The deadline of a scope that has none.
 *
 * Since: 1.0
 */
#define THREDO_NO_DEADLINE (G_GINT64_CONSTANT (0x7fffffffffffffff))

THREDO_AVAILABLE
ThredoScope *thredo_scope_new (void);
THREDO_AVAILABLE
ThredoScope *thredo_scope_new_with_timeout (GTimeSpan timeout);
THREDO_AVAILABLE
ThredoScope *thredo_scope_new_shielded (void);
THREDO_AVAILABLE
void thredo_scope_enter (ThredoScope *self);
THREDO_AVAILABLE
void thredo_scope_leave (ThredoScope *self);
THREDO_AVAILABLE
void thredo_scope_cancel (ThredoScope *self);
THREDO_AVAILABLE
gboolean thredo_scope_is_cancelled (ThredoScope *self);
THREDO_AVAILABLE
gboolean thredo_scope_is_expired (ThredoScope *self);
THREDO_AVAILABLE
gint64 thredo_scope_get_deadline (ThredoScope *self);
THREDO_AVAILABLE
void thredo_scope_set_deadline (ThredoScope *self,
                                gint64       deadline);
THREDO_AVAILABLE
gboolean thredo_scope_get_shielded (ThredoScope *self);
THREDO_AVAILABLE
void thredo_scope_set_shielded (ThredoScope *self,
                                gboolean     shielded);
THREDO_AVAILABLE
GCancellable *thredo_scope_get_cancellable (ThredoScope *self);

/**
 * ThredoScopeGuard: (skip)
 *
 * A scope that is left on every way out of a block.
 *
 * Since: 1.0
 */
typedef struct _ThredoScope ThredoScopeGuard;

THREDO_AVAILABLE
ThredoScopeGuard *thredo_scope_guard_new (ThredoScope *scope);
THREDO_AVAILABLE
void thredo_scope_guard_free (ThredoScopeGuard *guard);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (ThredoScopeGuard, thredo_scope_guard_free)

G_END_DECLS
