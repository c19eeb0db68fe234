/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include "ctl-json.h"
#include "ctl.h"

void ctl_locks_add_json (CtlJson       *json,
                         const char    *key,
                         ThredoMonitor *monitor);
void ctl_queues_add_json (CtlJson       *json,
                          const char    *key,
                          ThredoMonitor *monitor);
