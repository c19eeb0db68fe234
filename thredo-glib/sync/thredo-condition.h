/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include "thredo-types.h"

G_BEGIN_DECLS

typedef gboolean (*ThredoConditionFunc) (ThredoCondition *condition,
                                         gpointer         user_data);

#define THREDO_TYPE_CONDITION (thredo_condition_get_type ())

THREDO_AVAILABLE
G_DECLARE_FINAL_TYPE (ThredoCondition, thredo_condition, THREDO, CONDITION, GObject)

THREDO_AVAILABLE
ThredoCondition *thredo_condition_new (ThredoLockable *lockable);
THREDO_AVAILABLE
gboolean thredo_condition_wait (ThredoCondition  *self,
                                GCancellable     *cancellable,
                                GError          **error);
THREDO_AVAILABLE
void thredo_condition_wait_async (ThredoCondition     *self,
                                  GCancellable        *cancellable,
                                  GAsyncReadyCallback  callback,
                                  gpointer             user_data);
THREDO_AVAILABLE
gboolean thredo_condition_wait_finish (ThredoCondition  *self,
                                       GAsyncResult     *result,
                                       GError          **error);
THREDO_AVAILABLE
gboolean thredo_condition_wait_for (ThredoCondition      *self,
                                    ThredoConditionFunc   predicate,
                                    gpointer              user_data,
                                    GCancellable         *cancellable,
                                    GError              **error);
THREDO_AVAILABLE
gboolean thredo_condition_notify (ThredoCondition  *self,
                                  guint             n,
                                  GError          **error);
THREDO_AVAILABLE
gboolean thredo_condition_notify_all (ThredoCondition  *self,
                                      GError          **error);
THREDO_AVAILABLE
ThredoLockable *thredo_condition_get_lockable (ThredoCondition *self);
THREDO_AVAILABLE
guint thredo_condition_get_n_waiting (ThredoCondition *self);
THREDO_AVAILABLE
const char *thredo_condition_get_name (ThredoCondition *self);
THREDO_AVAILABLE
void thredo_condition_set_name (ThredoCondition *self,
                                const char      *name);

G_END_DECLS
