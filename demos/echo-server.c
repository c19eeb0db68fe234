/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * An echo server, with a thread for each connection.
 *
 * The thread reads a line and writes it. There is nothing about cancellation in it,
 * and yet Ctrl+C ends every connection, whatever its thread is doing, and the server
 * has ended when the last of them has.
 *
 * It is there for "nc localhost 7777", and with --clients for as many clients of its
 * own, see echo-clients.c. With --self-test it gets the Ctrl+C from them, too.
 */

#include <thredo.h>

#include <stdlib.h>
#include <sys/resource.h>

#include "echo-clients.h"
#include "leftovers.h"
#include "loopback.h"

#define DEFAULT_PORT 7777
#define DEFAULT_CLIENTS 1000

typedef struct
{
  ThredoSocketService *service;
  int n_connections;
  int n_ended; /* by the end of the server */
  int n_lines;

  EchoClients clients;
  ThredoThread *load; /* that runs the clients; NULL: there are none */
} EchoServer;

static gboolean
echo_lines (EchoServer  *self,
            GIOStream   *connection,
            GError     **error)
{
  GOutputStream *output = g_io_stream_get_output_stream (connection);
  g_autoptr(GDataInputStream) input =
      g_data_input_stream_new (g_io_stream_get_input_stream (connection));

  for (;;)
    {
      gsize length;
      g_autofree char *line = g_data_input_stream_read_line (input, &length, NULL, error);

      if (line == NULL)
        return *error == NULL;
      line[length] = '\n'; /* for the NUL; a last line that has none gets one */
      if (!g_output_stream_write_all (output, line, length + 1, NULL, NULL, error))
        return FALSE;
      g_atomic_int_inc (&self->n_lines);
    }
}

static gboolean
serve_client (ThredoSocketService  *service,
              GIOStream            *connection,
              GObject              *source_object,
              gpointer              user_data,
              GError              **error)
{
  EchoServer *self = user_data;
  gboolean served;

  g_atomic_int_inc (&self->n_connections);
  served = echo_lines (self, connection, error);
  if (thredo_thread_is_cancelled (thredo_thread_self ()))
    g_atomic_int_inc (&self->n_ended);
  return served;
}

static gboolean
run_clients (ThredoThread  *thread,
             gpointer       user_data,
             GError       **error)
{
  EchoServer *self = user_data;

  if (echo_clients_run (&self->clients, error))
    return TRUE;
  thredo_socket_service_cancel (self->service);
  return FALSE;
}

static gboolean
run_server (ThredoThread  *thread,
            gpointer       user_data,
            GError       **error)
{
  EchoServer *self = user_data;

  if (self->clients.n_clients > 0)
    {
      self->load = thredo_thread_spawn ("load", run_clients, self, NULL, error);
      if (self->load == NULL)
        return FALSE;
    }
  return thredo_socket_service_run (self->service, NULL, error);
}

/* Until the Ctrl+C, which is no failure. */
static gboolean
serve (EchoServer  *self,
       GError     **error)
{
  g_autoptr(GError) reason = NULL;
  gboolean served = thredo_run (THREDO_RUN_HANDLE_SIGNALS, run_server, self, NULL, &reason) ||
                    g_error_matches (reason, G_IO_ERROR, G_IO_ERROR_CANCELLED);

  g_print ("%d connections in all, of which %d were there to the end; %d lines\n",
           self->n_connections, self->n_ended, self->n_lines);
  if (self->load != NULL)
    {
      gboolean are_done = g_atomic_int_get (&self->clients.are_done);

      if (!are_done)
        thredo_thread_cancel (self->load);
      if (!thredo_thread_join (self->load, NULL, error))
        {
          if (!are_done)
            g_prefix_error_literal (error, "Before the clients were done: ");
          return FALSE;
        }
    }

  if (!served)
    g_propagate_error (error, g_steal_pointer (&reason));
  return served;
}

/* Returns with all of it gone. */
static gboolean
run (guint16    port,
     guint      n_clients,
     gboolean   interrupts,
     GError   **error)
{
  EchoServer self = { .service = thredo_socket_service_new (serve_client, &self, NULL) };
  g_autoptr(GSocketAddress) address = loopback_listen (self.service, port, error);
  gboolean served = FALSE;

  thredo_socket_service_set_name (self.service, "echo");
  if (address != NULL)
    {
      g_print ("Listening on port %u of the loopback interface; Ctrl+C ends it\n",
               g_inet_socket_address_get_port (G_INET_SOCKET_ADDRESS (address)));
      if (n_clients > 0)
        echo_clients_init (&self.clients, address, n_clients, interrupts);
      served = serve (&self, error);
    }

  g_clear_object (&self.load);
  g_clear_object (&self.service);
  echo_clients_clear (&self.clients);
  return served;
}

/* Two file descriptors for each client: its own, and the server's. */
static gboolean
make_room (guint    n_clients,
           GError **error)
{
  rlim_t wanted = 2 * n_clients + 100;
  struct rlimit limit;

  if (getrlimit (RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= wanted)
    return TRUE;
  limit.rlim_cur = MIN (wanted, limit.rlim_max);
  if (limit.rlim_cur == wanted && setrlimit (RLIMIT_NOFILE, &limit) == 0)
    return TRUE;

  g_set_error (error, G_IO_ERROR, G_IO_ERROR_TOO_MANY_OPEN_FILES,
               "%u clients need %u file descriptors, which are more than there may be", n_clients,
               (guint) wanted);
  return FALSE;
}

int
main (int    argc,
      char **argv)
{
  int port = -1, n_clients = 0;
  gboolean tests_itself = FALSE;
  const GOptionEntry options[] = {
    { "port", 'p', 0, G_OPTION_ARG_INT, &port, "Where to listen (7777)", "PORT" },
    { "clients", 'c', 0, G_OPTION_ARG_INT, &n_clients, "Have clients, too, up to 10,000", "N" },
    { "self-test", 0, 0, G_OPTION_ARG_NONE, &tests_itself,
      "Have clients (1,000), and end by SIGINT when they are done", NULL },
    G_OPTION_ENTRY_NULL,
  };
  g_autoptr(GOptionContext) context = g_option_context_new (NULL);
  g_autoptr(GError) error = NULL;
  guint n_files = count_open_files ();
  gboolean ok;

  g_set_prgname ("thredo-echo-server");
  g_option_context_add_main_entries (context, options, NULL);
  if (!g_option_context_parse (context, &argc, &argv, &error) || argc > 1 || port < -1 ||
      port > G_MAXUINT16 || n_clients < 0 || n_clients > 10000)
    {
      g_printerr ("%s: %s\n", g_get_prgname (),
                  error != NULL ? error->message : "Bad arguments; see --help");
      return 2;
    }
  if (tests_itself && n_clients == 0)
    n_clients = DEFAULT_CLIENTS;
  if (port == -1)
    port = n_clients > 0 ? 0 : DEFAULT_PORT;

  ok = make_room (n_clients, &error) && run (port, n_clients, tests_itself, &error);
  if (!ok)
    g_printerr ("%s: %s\n", g_get_prgname (), error->message);
  g_print ("Left: %u threads, %d file descriptors\n", count_threads (),
           (int) count_open_files () - (int) n_files);
  return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}
