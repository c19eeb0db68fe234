/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include "thredo-deadlock.h"

#include "chain.h"

ThredoDeadlock *thredo_deadlock_new (GArray *cycle);
ThredoDeadlock *thredo_deadlock_new_elsewhere (const char    *description,
                                               const guint64 *ids,
                                               guint          n_ids);
