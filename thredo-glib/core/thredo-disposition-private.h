/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include <glib.h>

#ifdef G_OS_UNIX

/* What signals did before the library listened to them by GLib's sources. GLib sets
 * them to their defaults when nobody listens any more.
 *
 * To be held before the first of the sources is made, and released when the last has
 * been destroyed. */
void thredo_disposition_hold (int signal_number);
void thredo_disposition_release (int signal_number);

#endif
