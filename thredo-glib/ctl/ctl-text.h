/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include <glib.h>

/* Text for people: in one line, and nothing in it that a terminal obeys. */
char *ctl_text_plain (const char *text);
char *ctl_text_quote (const char *text);
char *ctl_text_duration (gint64 microseconds);
char *ctl_text_since (gint64 moment);
char *ctl_text_path (const char *const *path);
guint ctl_text_get_width (const char *text);
char *ctl_text_cut (const char *text,
                    guint       width);
