/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include "mutex.h"

void thredo_fork_register (void);
void thredo_fork_protect (ThredoMutex *lock,
                          void (*in_child) (void));
