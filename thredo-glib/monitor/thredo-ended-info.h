/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include "thredo-thread.h"

G_BEGIN_DECLS

#define THREDO_TYPE_ENDED_INFO (thredo_ended_info_get_type ())

THREDO_AVAILABLE
G_DECLARE_FINAL_TYPE (ThredoEndedInfo, thredo_ended_info, THREDO, ENDED_INFO, GObject)

THREDO_AVAILABLE
guint64 thredo_ended_info_get_serial (ThredoEndedInfo *self);
THREDO_AVAILABLE
guint64 thredo_ended_info_get_id (ThredoEndedInfo *self);
THREDO_AVAILABLE
const char *thredo_ended_info_get_name (ThredoEndedInfo *self);
THREDO_AVAILABLE
ThredoThreadState thredo_ended_info_get_state (ThredoEndedInfo *self);
THREDO_AVAILABLE
const char *thredo_ended_info_get_message (ThredoEndedInfo *self);
THREDO_AVAILABLE
gint64 thredo_ended_info_get_ended_at (ThredoEndedInfo *self);
THREDO_AVAILABLE
gint64 thredo_ended_info_get_cpu_time (ThredoEndedInfo *self);

G_END_DECLS
