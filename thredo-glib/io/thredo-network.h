/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include "thredo-types.h"

G_BEGIN_DECLS

typedef enum
{
  THREDO_CONNECT_NONE = 0,
  THREDO_CONNECT_TLS = 1 << 0,
} ThredoConnectFlags;

THREDO_AVAILABLE
GList *thredo_lookup_by_name (const char    *hostname,
                              GCancellable  *cancellable,
                              GError       **error);
THREDO_AVAILABLE
GIOStream *thredo_connect_to_host (const char          *host_and_port,
                                   guint16              default_port,
                                   ThredoConnectFlags   flags,
                                   GCancellable        *cancellable,
                                   GError             **error);
THREDO_AVAILABLE
GIOStream *thredo_connect (GSocketConnectable  *connectable,
                           ThredoConnectFlags   flags,
                           GCancellable        *cancellable,
                           GError             **error);

G_END_DECLS
