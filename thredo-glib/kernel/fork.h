/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

void thredo_fork_register (void);
