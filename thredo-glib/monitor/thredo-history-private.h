/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include "thredo-types.h"

/* How the last threads of this process have ended. It is kept as long as somebody wants it. */
#define THREDO_HISTORY_LENGTH 64

void thredo_history_begin (void);
void thredo_history_end (void);
GPtrArray *thredo_history_list (void);
