/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "thredo-network.h"

#include "thredo-await-private.h"
#include "thredo-io-stream.h"

/**
 * ThredoConnectFlags:
 * @THREDO_CONNECT_NONE: an ordinary connection
 * @THREDO_CONNECT_TLS: with TLS on top, for which
 *   [glib-networking](https://gitlab.gnome.org/GNOME/glib-networking) has to be there
 *
 * How to connect.
 *
 * Since: 1.0
 */

typedef struct
{
  GSocketClient *client;
  GSocketConnectable *connectable;
} Connecting;

typedef struct
{
  GResolver *resolver;
  const char *hostname;
} Lookup;

static const char *
get_hostname (gpointer object)
{
  return object;
}

static const ThredoWaitInfo lookup_info = { "thredo_lookup_by_name", "look up", "host",
                                            get_hostname };
static const ThredoWaitInfo connect_info = { "thredo_connect", "connect", "host", get_hostname };

static void
start_lookup (GCancellable        *cancellable,
              GAsyncReadyCallback  callback,
              gpointer             callback_data,
              gpointer             user_data)
{
  Lookup *lookup = user_data;

  g_resolver_lookup_by_name_async (lookup->resolver, lookup->hostname, cancellable, callback,
                                   callback_data);
}

/**
 * thredo_lookup_by_name:
 * @hostname: the name of a host, or an address in text form
 * @cancellable: (nullable): what else can end the wait
 * @error: return location for an error
 *
 * Finds the addresses of a host, with the default [class@Gio.Resolver].
 *
 * The wait ends with an answer, by a cancel of the caller, the deadline of a scope
 * around it, or a cancel of @cancellable. Any thread but the loop's may call this.
 *
 * Returns: (transfer full) (element-type Gio.InetAddress): at least one address, to be
 *   freed with [func@Gio.Resolver.free_addresses], or %NULL with an error: what the
 *   resolver says ([error@Gio.ResolverError]); `G_IO_ERROR_CANCELLED` or
 *   `G_IO_ERROR_TIMED_OUT` ([error@Gio.IOErrorEnum]) if the wait was cancelled or
 *   too long; `THREDO_ERROR_LOOP_THREAD`
 *
 * Since: 1.0
 */
GList *
thredo_lookup_by_name (const char    *hostname,
                       GCancellable  *cancellable,
                       GError       **error)
{
  g_autoptr(GResolver) resolver = NULL;
  g_autoptr(GAsyncResult) result = NULL;
  Lookup lookup = { NULL, hostname };
  GList *addresses;

  g_return_val_if_fail (hostname != NULL, NULL);
  g_return_val_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable), NULL);

  lookup.resolver = resolver = g_resolver_get_default ();
  result = thredo_await_as (&lookup_info, (gpointer) hostname, start_lookup, &lookup, cancellable,
                            error);
  if (result == NULL)
    return NULL;
  addresses = g_resolver_lookup_by_name_finish (resolver, result, error);
  if (addresses == NULL)
    thredo_await_clarify (&lookup_info, error);
  return addresses;
}

/**
 * thredo_connect_to_host:
 * @host_and_port: a name or an address, and optionally `:` and a port
 * @default_port: the port to take if there is none
 * @flags: how to connect
 * @cancellable: (nullable): what else can end the wait
 * @error: return location for an error
 *
 * Connects to a host.
 *
 * As [func@Thredo.connect]; @host_and_port is what
 * [func@Gio.NetworkAddress.parse] understands.
 *
 * Returns: (transfer full): as [func@Thredo.connect]
 *
 * Since: 1.0
 */
GIOStream *
thredo_connect_to_host (const char          *host_and_port,
                        guint16              default_port,
                        ThredoConnectFlags   flags,
                        GCancellable        *cancellable,
                        GError             **error)
{
  g_autoptr(GSocketConnectable) connectable = NULL;

  g_return_val_if_fail (host_and_port != NULL, NULL);

  connectable = g_network_address_parse (host_and_port, default_port, error);
  return connectable != NULL ? thredo_connect (connectable, flags, cancellable, error) : NULL;
}

static void
start_connect (GCancellable        *cancellable,
               GAsyncReadyCallback  callback,
               gpointer             callback_data,
               gpointer             user_data)
{
  Connecting *connecting = user_data;

  g_socket_client_connect_async (connecting->client, connecting->connectable, cancellable,
                                 callback, callback_data);
}

/**
 * thredo_connect:
 * @connectable: where to connect to: a [class@Gio.NetworkAddress],
 *   [class@Gio.NetworkService] or [class@Gio.SocketAddress]
 * @flags: how to connect
 * @cancellable: (nullable): what else can end the wait
 * @error: return location for an error
 *
 * Connects to a host by a stream.
 *
 * If it has several addresses, they are tried one after the other, a quarter of a
 * second apart, without waiting for those that say nothing; the first that answers
 * is taken, and the others are closed
 * ([RFC 8305](https://www.rfc-editor.org/rfc/rfc8305), "happy eyeballs"). The
 * proxies of the user's settings are used. This is [class@Gio.SocketClient], which
 * can do more; to have that, wait for its own calls by [func@Thredo.await].
 *
 * The wait ends when there is a connection, or no hope of one; by a cancel of the
 * caller, the deadline of a scope around it, or a cancel of @cancellable. Any thread
 * but the loop's may call this.
 *
 * Returns: (transfer full): a [class@Thredo.IOStream], whose base stream is the
 *   [class@Gio.SocketConnection], or %NULL with an error: `G_IO_ERROR_CANCELLED` or
 *   `G_IO_ERROR_TIMED_OUT` ([error@Gio.IOErrorEnum]) if the wait was cancelled or too
 *   long; `THREDO_ERROR_LOOP_THREAD`; what [method@Gio.SocketClient.connect] says,
 *   `G_IO_ERROR_CONNECTION_REFUSED`, [error@Gio.ResolverError] and
 *   [error@Gio.TlsError] among it
 *
 * Since: 1.0
 */
GIOStream *
thredo_connect (GSocketConnectable  *connectable,
                ThredoConnectFlags   flags,
                GCancellable        *cancellable,
                GError             **error)
{
  g_autoptr(GSocketClient) client = NULL;
  g_autoptr(GAsyncResult) result = NULL;
  g_autoptr(GSocketConnection) connection = NULL;
  g_autofree char *name = NULL;
  Connecting connecting = { NULL, connectable };

  g_return_val_if_fail (G_IS_SOCKET_CONNECTABLE (connectable), NULL);
  g_return_val_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable), NULL);

  connecting.client = client = g_socket_client_new ();
  if ((flags & THREDO_CONNECT_TLS) != 0)
    g_socket_client_set_tls (client, TRUE);

  name = g_socket_connectable_to_string (connectable);
  result = thredo_await_as (&connect_info, name, start_connect, &connecting, cancellable, error);
  if (result == NULL)
    return NULL;
  thredo_await_keep (result);
  connection = g_socket_client_connect_finish (client, result, error);
  if (connection == NULL)
    {
      thredo_await_clarify (&connect_info, error);
      return NULL;
    }
  return thredo_io_stream_new (G_IO_STREAM (connection));
}
