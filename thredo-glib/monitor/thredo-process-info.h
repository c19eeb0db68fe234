/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include "thredo-types.h"

G_BEGIN_DECLS

#define THREDO_TYPE_PROCESS_INFO (thredo_process_info_get_type ())

THREDO_AVAILABLE
G_DECLARE_FINAL_TYPE (ThredoProcessInfo, thredo_process_info, THREDO, PROCESS_INFO, GObject)

THREDO_AVAILABLE
guint thredo_process_info_get_pid (ThredoProcessInfo *self);
THREDO_AVAILABLE
const char *thredo_process_info_get_program (ThredoProcessInfo *self);
THREDO_AVAILABLE
const char *thredo_process_info_get_command (ThredoProcessInfo *self);
THREDO_AVAILABLE
GPtrArray *thredo_monitor_list_processes (GError **error);

G_END_DECLS
