/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* An echo server with a thread for each client, and plain code in it, that can be cancelled. */

#include <thredo.h>

static gboolean
echo (ThredoSocketService  *service,
      GIOStream            *connection,
      GObject              *source_object,
      gpointer              user_data,
      GError              **error)
{
  GOutputStream *output = g_io_stream_get_output_stream (connection);
  g_autoptr(GDataInputStream) input =
      g_data_input_stream_new (g_io_stream_get_input_stream (connection));
  g_autofree char *line = NULL;

  while ((line = g_data_input_stream_read_line (input, NULL, NULL, error)) != NULL)
    {
      if (!g_output_stream_printf (output, NULL, NULL, error, "%s\n", line))
        return FALSE;
      g_clear_pointer (&line, g_free);
    }
  return FALSE; /* the end: error is not set */
}

/* Returns: (transfer full): where the service listens, on a port that was free */
static GSocketAddress *
listen_somewhere (ThredoSocketService *service)
{
  g_autoptr(GSocketAddress) any = g_inet_socket_address_new_from_string ("127.0.0.1", 0);
  GSocketAddress *address = NULL;

  g_socket_listener_add_address (thredo_socket_service_get_listener (service), any,
                                 G_SOCKET_TYPE_STREAM, G_SOCKET_PROTOCOL_TCP, NULL, &address,
                                 NULL);
  return address;
}

static void
talk (GIOStream        *connection,
      GDataInputStream *replies,
      const char       *line)
{
  g_autofree char *reply = NULL;

  g_output_stream_printf (g_io_stream_get_output_stream (connection), NULL, NULL, NULL, "%s\n",
                          line);
  reply = g_data_input_stream_read_line (replies, NULL, NULL, NULL);
  g_print ("%s\n", reply);
}

int
main (void)
{
  const char *lines[2][2] = { { "one", "two" }, { "three", "four" } };
  g_autoptr(ThredoSocketService) service = thredo_socket_service_new (echo, NULL, NULL);
  g_autoptr(GSocketAddress) address = listen_somewhere (service);
  g_autoptr(GIOStream) connection = NULL;
  g_autoptr(GDataInputStream) replies = NULL;

  thredo_socket_service_start (service, NULL);
  for (guint i = 0; i < 2; i++)
    {
      g_clear_object (&replies);
      g_clear_object (&connection);
      connection =
          thredo_connect (G_SOCKET_CONNECTABLE (address), THREDO_CONNECT_NONE, NULL, NULL);
      replies = g_data_input_stream_new (g_io_stream_get_input_stream (connection));
      for (guint j = 0; j < 2; j++)
        talk (connection, replies, lines[i][j]);
    }

  /* With the thread of the last client, which is still there. */
  thredo_socket_service_stop (service, THREDO_SOCKET_SERVICE_STOP_CANCEL, NULL, NULL);
  if (g_data_input_stream_read_line (replies, NULL, NULL, NULL) == NULL)
    g_print ("The server has ended, and so have its connections\n");
  return 0;
}
