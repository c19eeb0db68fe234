/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include <thredo.h>

G_BEGIN_DECLS

gboolean monitor_control_can_cancel (ThredoThreadInfo *info);
void monitor_control_cancel_thread (ThredoThreadInfo *info);
void monitor_control_cancel_group (ThredoThreadInfo *info);

G_END_DECLS
