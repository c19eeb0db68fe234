/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include "checksum-job.h"

G_BEGIN_DECLS

gboolean checksum_window_is_possible (void);
int checksum_window_run (ChecksumJob *job,
                         const char  *screenshot,
                         gboolean     autoclose);

G_END_DECLS
