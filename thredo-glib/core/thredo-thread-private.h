/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include "thredo-thread.h"

#include "thredo-blocking-private.h"

typedef struct _ThredoGroupCore ThredoGroupCore;

/* What a thread is to the group it is in; guarded by the group's lock. */
typedef enum
{
  THREDO_MEMBER_NONE,
  THREDO_MEMBER_PENDING,
  THREDO_MEMBER_RUNNING,
  THREDO_MEMBER_DONE,
} ThredoMemberPlace;

typedef struct
{
  GList link;
  ThredoMemberPlace place;
} ThredoMember;

ThredoMember *thredo_thread_get_member (ThredoThread *self);
gboolean thredo_thread_set_core (ThredoThread     *self,
                                 ThredoGroupCore  *core,
                                 gboolean         *is_new,
                                 GError          **error);
void thredo_thread_unset_core (ThredoThread    *self,
                               ThredoGroupCore *core);
void thredo_thread_set_started (ThredoThread *self,
                                gboolean      started);
gboolean thredo_thread_start_os_thread (ThredoThread  *self,
                                        GError       **error);
void thredo_thread_end_without_running (ThredoThread *self,
                                        GError       *error);
gboolean thredo_thread_is_daemon (ThredoThread *self);
gboolean thredo_thread_has_result (ThredoThread *self);
GError *thredo_thread_dup_join_error (ThredoThread *self);
ThredoThreadState thredo_thread_get_end (ThredoThread *self);
void thredo_thread_sort_by_id (GPtrArray *threads);
