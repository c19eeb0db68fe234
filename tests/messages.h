/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Warnings and messages of the library, kept in order for the test to take instead
 * of printed. What it does not take is a failure at messages_assert_none().
 */

#pragma once

#include "support.h"

G_BEGIN_DECLS

/* After support_init(), which makes warnings fatal: from now on they are not. */
void messages_init (void);

guint messages_count (void);

/* The oldest one, which is of this level. */
char *messages_take (GLogLevelFlags level);
void messages_assert_next (GLogLevelFlags  level,
                           const char     *text);
void messages_assert_none (void);

G_END_DECLS
