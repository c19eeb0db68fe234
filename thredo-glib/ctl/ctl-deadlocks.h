/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include "ctl-json.h"
#include "ctl.h"

void ctl_deadlocks_add_json (CtlJson    *json,
                             const char *key,
                             GPtrArray  *deadlocks);
