/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include "checksum-job.h"

G_BEGIN_DECLS

int checksum_text_run (ChecksumJob *job);

G_END_DECLS
