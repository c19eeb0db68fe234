/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include "thredo-group.h"
#include "thredo-name-private.h"
#include "thredo-thread-private.h"

/* The part of a group that its threads know, and that outlives the object. */
ThredoGroupCore *thredo_group_get_core (ThredoGroup *self);
ThredoGroupCore *thredo_group_core_new (ThredoGroup *group);
ThredoGroupCore *thredo_group_core_ref (ThredoGroupCore *self);
void thredo_group_core_unref (ThredoGroupCore *self);
ThredoGroup *thredo_group_core_dup_group (ThredoGroupCore *self);
guint64 thredo_group_core_get_id (ThredoGroupCore *self);
ThredoName *thredo_group_core_get_name (ThredoGroupCore *self);
char **thredo_group_core_dup_path (ThredoGroupCore  *self,
                                   guint64         **ids);
void thredo_group_core_member_ended (ThredoGroupCore *self,
                                     ThredoThread    *thread);
void thredo_group_core_member_cancelled (ThredoGroupCore *self,
                                         ThredoThread    *thread);
gboolean thredo_group_core_forget (ThredoGroupCore *self,
                                   ThredoThread    *thread,
                                   gboolean         is_refused);

gboolean thredo_group_core_add (ThredoGroupCore  *self,
                                ThredoThread     *thread,
                                GError          **error);
void thredo_group_core_cancel (ThredoGroupCore *self,
                               gboolean         for_good);
gboolean thredo_group_core_begin_join (ThredoGroupCore  *self,
                                       ThredoThread     *joiner,
                                       GError          **error);
void thredo_group_core_abort_join (ThredoGroupCore *self);
gboolean thredo_group_core_is_joined (ThredoGroupCore *self);
void thredo_group_core_line_up (ThredoGroupCore *self,
                                ThredoWait      *wait);
void thredo_group_core_step_out (ThredoGroupCore *self,
                                 ThredoWait      *wait);
ThredoThread *thredo_group_core_dup_failed (ThredoGroupCore *self);
GError *thredo_group_core_dup_failure (ThredoGroupCore *self);
gboolean thredo_group_core_take (ThredoGroupCore  *self,
                                 ThredoWait       *wait,
                                 ThredoThread    **thread);
guint thredo_group_core_abandon (ThredoGroupCore *self);
GPtrArray *thredo_group_core_dup_threads (ThredoGroupCore *self);
ThredoThread *thredo_group_core_dup_completed (ThredoGroupCore *self);
gboolean thredo_group_core_is_cancelled (ThredoGroupCore *self);
guint thredo_group_core_get_max_running (ThredoGroupCore *self);
void thredo_group_core_set_max_running (ThredoGroupCore *self,
                                        guint            max_running);
ThredoGroupWait thredo_group_core_get_policy (ThredoGroupCore *self);
void thredo_group_core_set_policy (ThredoGroupCore *self,
                                   ThredoGroupWait  policy);
