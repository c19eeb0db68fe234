/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include "slot.h"

/* OS threads that outlive what they run: the next function gets the one that
 * went idle last, whose stack is warm and which may still be spinning. One
 * that stays idle for some seconds ends. */
typedef void (*ThredoWorkerFunc) (gpointer data);

gboolean thredo_worker_run (ThredoWorkerFunc   func,
                            gpointer           data,
                            gpointer           owner,
                            gsize              stack_size,
                            GError           **error);
void thredo_worker_finishing (ThredoSlot *slot);
void thredo_worker_set_default_stack_size (gsize stack_size);
void thredo_worker_fork_prepare (void);
void thredo_worker_fork_parent (void);
void thredo_worker_fork_child (void);
