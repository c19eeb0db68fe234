/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include "thredo-types.h"

G_BEGIN_DECLS

THREDO_AVAILABLE
GBytes *thredo_load_bytes (GFile         *file,
                           GCancellable  *cancellable,
                           GError       **error);
THREDO_AVAILABLE
gboolean thredo_replace_bytes (GFile             *file,
                               GBytes            *bytes,
                               GFileCreateFlags   flags,
                               GCancellable      *cancellable,
                               GError           **error);

G_END_DECLS
