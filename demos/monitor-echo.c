/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "monitor-workload-private.h"

#include "loopback.h"

#include <string.h>

/* An echo server with a thread for each connection, and clients that send it a line each now and
 * then. A client that is cancelled takes its connection's thread with it. */

#define N_CLIENTS 12

typedef struct
{
  ThredoSocketService *service;
  GSocketAddress *address;
} Echo;

static gboolean
send_line (GIOStream   *connection,
           const char  *line,
           gsize        length,
           GError     **error)
{
  return g_output_stream_write_all (g_io_stream_get_output_stream (connection), line, length, NULL,
                                    NULL, error);
}

static gboolean
serve_client (ThredoSocketService  *service,
              GIOStream            *connection,
              GObject              *source_object,
              gpointer              user_data,
              GError              **error)
{
  GInputStream *input = g_io_stream_get_input_stream (connection);
  char bytes[256];
  gssize n;

  while ((n = g_input_stream_read (input, bytes, sizeof bytes, NULL, error)) > 0)
    if (!send_line (connection, bytes, n, error))
      return FALSE;
  return n == 0;
}

static gboolean
exchange (GIOStream  *connection,
          GError    **error)
{
  static const char line[] = "The quick brown fox jumps over the lazy dog\n";
  char bytes[sizeof line];
  gsize n;

  return send_line (connection, line, strlen (line), error) &&
         g_input_stream_read_all (g_io_stream_get_input_stream (connection), bytes, strlen (line),
                                  &n, NULL, error) &&
         n == strlen (line);
}

/* Without the server it just ends. */
static gboolean
run_client (ThredoThread  *thread,
            gpointer       user_data,
            GError       **error)
{
  Echo *echo = user_data;
  g_autoptr(GIOStream) connection = loopback_connect (echo->address, error);

  while (connection != NULL && exchange (connection, NULL))
    if (!thredo_sleep (g_random_int_range (20, 200) * G_TIME_SPAN_MILLISECOND, NULL, error))
      return FALSE;
  return thredo_check_cancelled (NULL, error);
}

static gboolean
run_server (ThredoThread  *thread,
            gpointer       user_data,
            GError       **error)
{
  Echo *echo = user_data;

  return thredo_socket_service_run (echo->service, NULL, error);
}

static void
echo_free (gpointer data)
{
  Echo *echo = data;

  g_clear_object (&echo->address);
  g_object_unref (echo->service);
  g_free (echo);
}

static gpointer
echo_start (ThredoGroup  *group,
            GError      **error)
{
  Echo *echo = g_new0 (Echo, 1);

  echo->service = thredo_socket_service_new (serve_client, NULL, NULL);
  thredo_socket_service_set_name (echo->service, "connections");
  echo->address = loopback_listen (echo->service, 0, error);
  if (echo->address == NULL ||
      !monitor_workload_spawn (group, "server", run_server, echo, error))
    {
      echo_free (echo);
      return NULL;
    }
  for (guint i = 1; i <= N_CLIENTS; i++)
    {
      g_autofree char *name = g_strdup_printf ("client %u", i);

      monitor_workload_spawn (group, name, run_client, echo, NULL);
    }
  return echo;
}

const MonitorWorkloadKind monitor_echo = {
  .id = "echo",
  .title = "Echo server under load",
  .description = "Twelve clients, and a thread for each connection",
  .start = echo_start,
  .free = echo_free,
};
