/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include "thredo-group.h"
#include "thredo-thread-private.h"

/* The part of a group that its threads know, and that outlives the object. */
ThredoGroupCore *thredo_group_core_ref (ThredoGroupCore *self);
void thredo_group_core_unref (ThredoGroupCore *self);
ThredoGroup *thredo_group_core_dup_group (ThredoGroupCore *self);
void thredo_group_core_member_ended (ThredoGroupCore *self,
                                     ThredoThread    *thread);
void thredo_group_core_member_cancelled (ThredoGroupCore *self,
                                         ThredoThread    *thread);
void thredo_group_core_forget (ThredoGroupCore *self,
                               ThredoThread    *thread);
