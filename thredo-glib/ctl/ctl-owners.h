/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include "ctl.h"

/* Who has what the threads of a process wait for. */
typedef struct _CtlOwners CtlOwners;

CtlOwners *ctl_owners_new (ThredoMonitor *monitor,
                           GPtrArray     *threads);
void ctl_owners_free (CtlOwners *self);
ThredoThreadInfo *ctl_owners_find (CtlOwners        *self,
                                   ThredoThreadInfo *waiting,
                                   guint            *n_others);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (CtlOwners, ctl_owners_free)
