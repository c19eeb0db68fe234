/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include "ctl.h"

/* In what was seen of a process. */
ThredoThreadInfo *ctl_find_by_id (GPtrArray *threads,
                                  guint64    id);
ThredoThreadInfo *ctl_find_thread (GPtrArray   *threads,
                                   const char  *which,
                                   GError     **error);
gboolean ctl_find_group (GPtrArray   *threads,
                         const char  *which,
                         guint64     *id,
                         GError     **error);
gboolean ctl_find_is_in_group (ThredoThreadInfo *info,
                               guint64           id);
