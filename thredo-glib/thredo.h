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
#include "thredo-lockable.h"
#include "thredo-lock.h"
#include "thredo-rlock.h"
#include "thredo-semaphore.h"
#include "thredo-event.h"
#include "thredo-condition.h"
#include "thredo-barrier.h"
#include "thredo-deadlock.h"
#include "thredo-thread-info.h"
#include "thredo-monitor.h"
