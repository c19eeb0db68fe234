/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include <thredo.h>

GSocketAddress *loopback_listen (ThredoSocketService  *service,
                                 guint16               port,
                                 GError              **error);
GIOStream *loopback_connect (GSocketAddress  *address,
                             GError         **error);
