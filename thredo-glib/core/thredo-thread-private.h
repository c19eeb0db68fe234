/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include "thredo-thread.h"

#include "gate.h"
#include "thredo-blocking-private.h"
#include "thredo-name-private.h"

typedef struct _ThredoGroupCore ThredoGroupCore;

/* What a thread is to the group it is in; guarded by the group's lock. It goes
 * into a group and out of it under its own lock as well. */
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

typedef struct
{
  ThredoLevel level;
  guint64 id;
  ThredoName name;

  /* NEW, RUNNING, and then open: how it ended. What the thread leaves behind
   * is written before that, by the thread, and not changed after it. */
  ThredoGate state;

  /* The slot of whoever runs it, for those who follow a chain of joins. */
  ThredoOwner runner;

  ThredoMutex lock; /* guards what is below; taken before the gate's */
  ThredoSlot *slot; /* while it runs */
  ThredoGroupCore *core;
  gboolean joined;

  ThredoThreadFunc func;
  gpointer user_data;
  GDestroyNotify destroy;
  gsize stack_size;
  gboolean daemon;

  GValue result;
  gpointer result_pointer;
  GDestroyNotify result_destroy;
  GError *error;

  ThredoMember member;
} ThredoThreadPrivate;

ThredoThreadPrivate *thredo_thread_get_private (ThredoThread *self);
ThredoGroupCore *thredo_thread_dup_core (ThredoThread *self);
ThredoMember *thredo_thread_get_member (ThredoThread *self);
ThredoGroupCore **thredo_thread_lock_core (ThredoThread *self);
void thredo_thread_unlock_core (ThredoThread *self);
void thredo_thread_set_started (ThredoThread *self);
void thredo_thread_set_not_started (ThredoThread *self);
void thredo_thread_refuse_locked (ThredoThread    *self,
                                  ThredoWakeBatch *batch);
gboolean thredo_thread_is_new (ThredoThread *self);
gboolean thredo_thread_start_os_thread (ThredoThread  *self,
                                        GError       **error);
void thredo_thread_end_without_running (ThredoThread *self,
                                        GError       *error);
void thredo_thread_set_end_hook (void (*hook) (ThredoThread      *thread,
                                               ThredoThreadState  end,
                                               const GError      *error,
                                               gint64             cpu_time));
gboolean thredo_thread_is_daemon (ThredoThread *self);
gboolean thredo_thread_has_result (ThredoThread *self);
GError *thredo_thread_dup_join_error (ThredoThread *self);
ThredoThreadState thredo_thread_get_end (ThredoThread *self);
void thredo_thread_sort_by_id (GPtrArray *threads);
