/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include "thredo-monitor.h"

void thredo_monitor_tell_all (ThredoDeadlock *deadlock);
