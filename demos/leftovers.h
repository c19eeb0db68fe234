/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include <glib.h>

guint count_threads (void);
guint count_open_files (void);
