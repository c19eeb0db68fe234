/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include "thredo-types.h"

G_BEGIN_DECLS

THREDO_AVAILABLE
gssize thredo_socket_receive (GSocket       *socket,
                              char          *buffer,
                              gsize          size,
                              GCancellable  *cancellable,
                              GError       **error);
THREDO_AVAILABLE
gssize thredo_socket_send (GSocket       *socket,
                           const char    *buffer,
                           gsize          size,
                           GCancellable  *cancellable,
                           GError       **error);
THREDO_AVAILABLE
gboolean thredo_socket_receive_all (GSocket       *socket,
                                    char          *buffer,
                                    gsize          size,
                                    gsize         *bytes_received,
                                    GCancellable  *cancellable,
                                    GError       **error);
THREDO_AVAILABLE
gboolean thredo_socket_send_all (GSocket       *socket,
                                 const char    *buffer,
                                 gsize          size,
                                 gsize         *bytes_sent,
                                 GCancellable  *cancellable,
                                 GError       **error);
THREDO_AVAILABLE
gssize thredo_socket_receive_from (GSocket         *socket,
                                   GSocketAddress **address,
                                   char            *buffer,
                                   gsize            size,
                                   GCancellable    *cancellable,
                                   GError         **error);
THREDO_AVAILABLE
GBytes *thredo_socket_receive_bytes (GSocket       *socket,
                                     gsize          size,
                                     GCancellable  *cancellable,
                                     GError       **error);
THREDO_AVAILABLE
GBytes *thredo_socket_receive_bytes_from (GSocket         *socket,
                                          GSocketAddress **address,
                                          gsize            size,
                                          GCancellable    *cancellable,
                                          GError         **error);
THREDO_AVAILABLE
gssize thredo_socket_send_to (GSocket         *socket,
                              GSocketAddress  *address,
                              const char      *buffer,
                              gsize            size,
                              GCancellable    *cancellable,
                              GError         **error);
THREDO_AVAILABLE
gssize thredo_socket_receive_message (GSocket                 *socket,
                                      GSocketAddress         **address,
                                      GInputVector            *vectors,
                                      int                      num_vectors,
                                      GSocketControlMessage ***messages,
                                      int                     *num_messages,
                                      int                     *flags,
                                      GCancellable            *cancellable,
                                      GError                 **error);
THREDO_AVAILABLE
gssize thredo_socket_send_message (GSocket                *socket,
                                   GSocketAddress         *address,
                                   GOutputVector          *vectors,
                                   int                     num_vectors,
                                   GSocketControlMessage **messages,
                                   int                     num_messages,
                                   int                     flags,
                                   GCancellable           *cancellable,
                                   GError                **error);
THREDO_AVAILABLE
GSocket *thredo_socket_accept (GSocket       *socket,
                               GCancellable  *cancellable,
                               GError       **error);
THREDO_AVAILABLE
gboolean thredo_socket_connect (GSocket         *socket,
                                GSocketAddress  *address,
                                GCancellable    *cancellable,
                                GError         **error);
THREDO_AVAILABLE
GIOCondition thredo_socket_wait (GSocket       *socket,
                                 GIOCondition   condition,
                                 GCancellable  *cancellable,
                                 GError       **error);
THREDO_AVAILABLE
gboolean thredo_socket_close (GSocket  *socket,
                              GError  **error);

G_END_DECLS
