/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "loopback.h"

/* A server and its clients on one host. */

/* Returns: (transfer full): where it listens, which for port 0 is a free one */
GSocketAddress *
loopback_listen (ThredoSocketService  *service,
                 guint16               port,
                 GError              **error)
{
  GSocketListener *listener = thredo_socket_service_get_listener (service);
  g_autoptr(GInetAddress) loopback = g_inet_address_new_loopback (G_SOCKET_FAMILY_IPV4);
  g_autoptr(GSocketAddress) wanted = g_inet_socket_address_new (loopback, port);
  GSocketAddress *address;

  if (!g_socket_listener_add_address (listener, wanted, G_SOCKET_TYPE_STREAM,
                                      G_SOCKET_PROTOCOL_TCP, NULL, &address, error))
    return NULL;
  return address;
}

/* thredo_connect() is for the world outside, and asks for its proxies, which leaves more behind
 * than the connection. */
GIOStream *
loopback_connect (GSocketAddress  *address,
                  GError         **error)
{
  g_autoptr(GSocketConnection) connection = NULL;
  g_autoptr(GSocket) socket = g_socket_new (g_socket_address_get_family (address),
                                             G_SOCKET_TYPE_STREAM, G_SOCKET_PROTOCOL_TCP, error);

  if (socket == NULL || !thredo_socket_connect (socket, address, NULL, error))
    return NULL;
  connection = g_socket_connection_factory_create_connection (socket);
  return thredo_io_stream_new (G_IO_STREAM (connection));
}
