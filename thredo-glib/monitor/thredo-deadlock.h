/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include "thredo-types.h"

G_BEGIN_DECLS

typedef enum
{
  THREDO_DEADLOCK_POLICY_REPORT,
  THREDO_DEADLOCK_POLICY_FAIL,
  THREDO_DEADLOCK_POLICY_CANCEL,
} ThredoDeadlockPolicy;

THREDO_AVAILABLE
void thredo_set_deadlock_policy (ThredoDeadlockPolicy policy);
THREDO_AVAILABLE
ThredoDeadlockPolicy thredo_get_deadlock_policy (void);

#define THREDO_TYPE_DEADLOCK (thredo_deadlock_get_type ())

THREDO_AVAILABLE
G_DECLARE_FINAL_TYPE (ThredoDeadlock, thredo_deadlock, THREDO, DEADLOCK, GObject)

THREDO_AVAILABLE
GPtrArray *thredo_deadlock_get_threads (ThredoDeadlock *self);
THREDO_AVAILABLE
GPtrArray *thredo_deadlock_get_objects (ThredoDeadlock *self);
THREDO_AVAILABLE
const guint64 *thredo_deadlock_get_thread_ids (ThredoDeadlock *self,
                                               gsize          *n_ids);
THREDO_AVAILABLE
const char *thredo_deadlock_get_description (ThredoDeadlock *self);

G_END_DECLS
