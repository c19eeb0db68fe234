/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include "ctl.h"

/* The whole terminal, drawn anew in place, and as it was before in the end. */
gboolean ctl_screen_open (void);
void ctl_screen_close (void);
void ctl_screen_get_size (guint *width,
                          guint *height);
CtlStatus ctl_screen_draw (const char *text);
int ctl_screen_read_key (void);
