/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include "ctl.h"

GPtrArray *ctl_select_list (GError **error);
char *ctl_select_dup_none (void);
ThredoMonitor *ctl_select_connect (guint    pid,
                                   GError **error);
ThredoMonitor *ctl_select (const char  *process,
                           GError     **error);
gboolean ctl_select_refresh (ThredoMonitor  *monitor,
                             GError        **error);
gboolean ctl_select_is_too_long (guint     pid,
                                 GTimeSpan silence);
