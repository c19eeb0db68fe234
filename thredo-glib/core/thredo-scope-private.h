/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include "thredo-scope.h"

#include "level.h"

void thredo_scope_leave_all (ThredoSlot  *slot,
                             ThredoLevel *until);
