/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include "ctl-json.h"
#include "ctl.h"

const char *ctl_ended_describe (ThredoEndedInfo *info);
void ctl_ended_add_json (CtlJson       *json,
                         const char    *key,
                         ThredoMonitor *monitor);
