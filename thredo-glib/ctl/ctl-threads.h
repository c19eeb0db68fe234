/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include "ctl-json.h"
#include "ctl-table.h"
#include "ctl.h"

/* Threads, as a table and as JSON has them. */
void ctl_threads_add_columns (CtlTable *table,
                              gboolean  has_percent);
void ctl_threads_add_row (CtlTable         *table,
                          ThredoThreadInfo *info,
                          const char       *percent);
void ctl_threads_add_json (CtlJson    *json,
                           const char *key,
                           GPtrArray  *threads);
char *ctl_threads_describe (ThredoThreadInfo *info);
