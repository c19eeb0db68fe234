/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include "thredo-version.h"
#include "thredo-types.h"
#include "thredo-error.h"
#include "thredo-enum-types.h"
#include "thredo-thread.h"
#include "thredo-group.h"
#include "thredo-scope.h"
#include "thredo-run.h"
#include "thredo-queue.h"
