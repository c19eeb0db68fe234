/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include "thredo-types.h"

G_BEGIN_DECLS

#define THREDO_TYPE_LOCK_INFO (thredo_lock_info_get_type ())

THREDO_AVAILABLE
G_DECLARE_FINAL_TYPE (ThredoLockInfo, thredo_lock_info, THREDO, LOCK_INFO, GObject)

THREDO_AVAILABLE
guint64 thredo_lock_info_get_id (ThredoLockInfo *self);
THREDO_AVAILABLE
const char *thredo_lock_info_get_name (ThredoLockInfo *self);
THREDO_AVAILABLE
const char *thredo_lock_info_get_noun (ThredoLockInfo *self);
THREDO_AVAILABLE
guint64 thredo_lock_info_get_owner_id (ThredoLockInfo *self);
THREDO_AVAILABLE
const char *thredo_lock_info_get_owner_name (ThredoLockInfo *self);
THREDO_AVAILABLE
guint thredo_lock_info_get_n_waiting (ThredoLockInfo *self);
THREDO_AVAILABLE
const guint64 *thredo_lock_info_get_waiting_ids (ThredoLockInfo *self,
                                                 gsize          *n_ids);
THREDO_AVAILABLE
gboolean thredo_lock_info_is_abandoned (ThredoLockInfo *self);

G_END_DECLS
