/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include "thredo-group.h"
#include "thredo-thread.h"

G_BEGIN_DECLS

THREDO_AVAILABLE
ThredoThread *thredo_thread_spawn_command (const char *const  *argv,
                                           GError            **error);
THREDO_AVAILABLE
ThredoThread *thredo_thread_spawn_native (const char  *library,
                                          const char  *symbol,
                                          const char  *argument,
                                          GError     **error);
THREDO_AVAILABLE
ThredoThread *thredo_group_spawn_command (ThredoGroup        *self,
                                          const char *const  *argv,
                                          GError            **error);
THREDO_AVAILABLE
ThredoThread *thredo_group_spawn_native (ThredoGroup  *self,
                                         const char   *library,
                                         const char   *symbol,
                                         const char   *argument,
                                         GError      **error);

G_END_DECLS
