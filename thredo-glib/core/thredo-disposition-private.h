/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include <glib.h>

#ifdef G_OS_UNIX

/* What signals did before the library listened to them by GLib's sources. GLib sets
 * them to their defaults when nobody listens any more.
 *
 * Each source is made by holding it, and released when it has been destroyed. */
GSource *thredo_disposition_hold (int signal_number);
void thredo_disposition_release (int signal_number);

#endif
