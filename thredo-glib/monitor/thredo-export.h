/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include "thredo-types.h"

G_BEGIN_DECLS

THREDO_AVAILABLE
gboolean thredo_monitor_export (GError **error);
THREDO_AVAILABLE
void thredo_monitor_unexport (void);

G_END_DECLS
