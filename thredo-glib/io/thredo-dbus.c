/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "thredo-dbus.h"

#include "thredo-await-private.h"

typedef struct
{
  GDBusConnection *connection;
  const char *bus_name;
  const char *object_path;
  const char *interface_name;
  const char *method_name;
  GVariant *parameters;
  const GVariantType *reply_type;
} Call;

static const char *
get_name (gpointer object)
{
  return g_dbus_connection_get_unique_name (object);
}

static const ThredoWaitInfo call_info = { "thredo_dbus_call", "call", "DBusConnection", get_name };

static void
start_call (GCancellable        *cancellable,
            GAsyncReadyCallback  callback,
            gpointer             callback_data,
            gpointer             user_data)
{
  Call *call = user_data;

  g_dbus_connection_call (call->connection, call->bus_name, call->object_path,
                          call->interface_name, call->method_name, call->parameters,
                          call->reply_type, G_DBUS_CALL_FLAGS_NONE, G_MAXINT, cancellable,
                          callback, callback_data);
}

/**
 * thredo_dbus_call:
 * @connection: a connection to a bus, or to a peer
 * @bus_name: (nullable): whom to call, or %NULL on a connection to a peer
 * @object_path: the object to call it on
 * @interface_name: the interface that has the method
 * @method_name: the method
 * @parameters: (nullable): a tuple with what to call it with; taken if it is floating
 * @reply_type: (nullable): what is expected to come back, or %NULL for anything
 * @cancellable: (nullable): what else can end the wait
 * @error: return location for an error
 *
 * Calls a D-Bus method, and waits for the reply.
 *
 * The wait ends with the reply, an error in its place, or the end of the connection;
 * by a cancel of the caller, the deadline of a scope around it, or a cancel of
 * @cancellable. There is no other time limit. The method has been called all the same
 * when the wait was cancelled, unless that was before it began: what comes back then
 * is dropped.
 *
 * Any thread but the loop's may call this.
 *
 * Returns: (transfer full): a tuple with what came back, or %NULL with an error:
 *   `G_IO_ERROR_CANCELLED` or `G_IO_ERROR_TIMED_OUT` ([error@Gio.IOErrorEnum]) if the
 *   wait was cancelled or too long; `THREDO_ERROR_LOOP_THREAD`; what
 *   [method@Gio.DBusConnection.call] says, `G_IO_ERROR_CLOSED`,
 *   `G_IO_ERROR_INVALID_ARGUMENT` for a reply of another type, and whatever error the
 *   method returned ([error@Gio.DBusError]) among it
 *
 * Since: 1.0
 */
GVariant *
thredo_dbus_call (GDBusConnection     *connection,
                  const char          *bus_name,
                  const char          *object_path,
                  const char          *interface_name,
                  const char          *method_name,
                  GVariant            *parameters,
                  const GVariantType  *reply_type,
                  GCancellable        *cancellable,
                  GError             **error)
{
  Call call = { connection, bus_name, object_path, interface_name, method_name, parameters,
                reply_type };
  g_autoptr(GVariant) kept = NULL;
  g_autoptr(GAsyncResult) result = NULL;
  GVariant *reply;

  g_return_val_if_fail (G_IS_DBUS_CONNECTION (connection), NULL);
  /* What GIO refuses it does not call back for, and the wait would have no end. */
  g_return_val_if_fail (bus_name == NULL || g_dbus_is_name (bus_name), NULL);
  g_return_val_if_fail (object_path != NULL && g_variant_is_object_path (object_path), NULL);
  g_return_val_if_fail (interface_name != NULL && g_dbus_is_interface_name (interface_name), NULL);
  g_return_val_if_fail (method_name != NULL && g_dbus_is_member_name (method_name), NULL);
  g_return_val_if_fail (parameters == NULL ||
                            g_variant_is_of_type (parameters, G_VARIANT_TYPE_TUPLE),
                        NULL);
  g_return_val_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable), NULL);

  /* Also if the call is never made. */
  if (parameters != NULL)
    kept = g_variant_ref_sink (parameters);

  result = thredo_await_as (&call_info, connection, start_call, &call, cancellable, error);
  if (result == NULL)
    return NULL;
  thredo_await_keep (result);
  reply = g_dbus_connection_call_finish (connection, result, error);
  if (reply == NULL)
    thredo_await_clarify (&call_info, error);
  return reply;
}
