/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include <gio/gio.h>

/* What the system says of any process, whether it can be watched or not. */
char *ctl_process_describe (guint pid);
gboolean ctl_process_is_stopped (guint pid);
gboolean ctl_process_has_ended (guint pid);
void ctl_process_explain (guint    pid,
                          GError **error);
