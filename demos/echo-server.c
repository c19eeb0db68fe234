/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * An echo server, with a thread for each connection.
 *
 * The thread reads a line and writes it. There is nothing about cancellation in it,
 * and yet Ctrl+C ends every connection, whatever its thread is doing, and the server
 * has ended when the last of them has.
 *
 * With --self-test it has clients of its own, 1,000 if nobody says otherwise.
 */

#include <thredo.h>

#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "echo-clients.h"

#define DEFAULT_PORT 7777
#define DEFAULT_CLIENTS 1000

typedef struct
{
  ThredoSocketService *service;
  int n_connections;
  int n_ended; /* by the end of the server */
  int n_lines;

  EchoClients clients;
  ThredoThread *self_test; /* or NULL */
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
      line[length] = '\n'; /* for the NUL */
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
run_self_test (ThredoThread  *thread,
               gpointer       user_data,
               GError       **error)
{
  EchoServer *self = user_data;
  gboolean passed = echo_clients_run (&self->clients, error);

  thredo_socket_service_cancel (self->service); /* if it is not the SIGINT that ended it */
  return passed;
}

static gboolean
run_server (ThredoThread  *thread,
            gpointer       user_data,
            GError       **error)
{
  EchoServer *self = user_data;

  if (self->clients.n_clients > 0)
    {
      self->self_test = thredo_thread_spawn ("self-test", run_self_test, self, NULL, error);
      if (self->self_test == NULL)
        return FALSE;
    }
  return thredo_socket_service_run (self->service, NULL, error);
}

static GSocketAddress *
listen_at (EchoServer  *self,
           guint16      port,
           GError     **error)
{
  GSocketListener *listener = thredo_socket_service_get_listener (self->service);
  g_autoptr(GInetAddress) loopback = g_inet_address_new_loopback (G_SOCKET_FAMILY_IPV4);
  g_autoptr(GSocketAddress) wanted = g_inet_socket_address_new (loopback, port);
  GSocketAddress *address;

  if (!g_socket_listener_add_address (listener, wanted, G_SOCKET_TYPE_STREAM,
                                      G_SOCKET_PROTOCOL_TCP, NULL, &address, error))
    return NULL;
  return address;
}

/* Two file descriptors for each client: its own, and the server's. */
static void
make_room (guint n_clients)
{
  struct rlimit limit;

  if (getrlimit (RLIMIT_NOFILE, &limit) != 0)
    return;
  limit.rlim_cur = MIN (limit.rlim_max, MAX (limit.rlim_cur, 2 * n_clients + 100));
  setrlimit (RLIMIT_NOFILE, &limit);
}

static guint
count_sockets (void)
{
  g_autoptr(GDir) folder = g_dir_open ("/dev/fd", 0, NULL);
  const char *name;
  guint n_sockets = 0;

  while (folder != NULL && (name = g_dir_read_name (folder)) != NULL)
    {
      struct stat status;

      n_sockets += fstat (atoi (name), &status) == 0 && S_ISSOCK (status.st_mode);
    }
  return n_sockets;
}

/* All but the caller, and those that end now, such as the one that has passed on the SIGINT. */
static guint
count_threads (void)
{
  g_autoptr(GPtrArray) threads = thredo_thread_list_all ();
  g_autoptr(ThredoScope) scope = thredo_scope_new_with_timeout (G_TIME_SPAN_SECOND);
  guint n_left = 0;

  thredo_scope_enter (scope);
  for (guint i = 0; i < threads->len; i++)
    {
      ThredoThread *thread = g_ptr_array_index (threads, i);

      n_left += thread != thredo_thread_self () && !thredo_thread_wait (thread, NULL, NULL);
    }
  thredo_scope_leave (scope);
  return n_left;
}

/* Returns with all of it gone. */
static gboolean
run (guint16   port,
     guint     n_clients,
     GError  **error)
{
  EchoServer self = { .service = thredo_socket_service_new (serve_client, &self, NULL) };
  g_autoptr(GSocketAddress) address = listen_at (&self, port, error);
  g_autoptr(GError) reason = NULL;
  gboolean passed = TRUE;

  thredo_socket_service_set_name (self.service, "echo");
  if (address != NULL)
    {
      g_print ("Listening on port %u of the loopback interface; Ctrl+C ends it\n",
               g_inet_socket_address_get_port (G_INET_SOCKET_ADDRESS (address)));
      if (n_clients > 0)
        echo_clients_init (&self.clients, G_SOCKET_CONNECTABLE (address), n_clients);
      thredo_run (THREDO_RUN_HANDLE_SIGNALS, run_server, &self, NULL, &reason);
      g_print ("%d connections in all, of which %d were there to the end; %d lines\n",
               self.n_connections, self.n_ended, self.n_lines);
    }
  if (self.self_test != NULL)
    passed = thredo_thread_join (self.self_test, NULL, error);

  g_clear_object (&self.self_test);
  g_clear_object (&self.service);
  echo_clients_clear (&self.clients);
  if (address == NULL || !passed)
    return FALSE;
  if (reason == NULL || g_error_matches (reason, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    return TRUE;
  g_propagate_error (error, g_steal_pointer (&reason));
  return FALSE;
}

int
main (int    argc,
      char **argv)
{
  gboolean tests_itself = argc > 1 && strcmp (argv[1], "--self-test") == 0;
  const char *argument = argc > 1 && !tests_itself ? argv[1] : argc > 2 ? argv[2]
                                                                        : NULL;
  guint64 number = tests_itself ? DEFAULT_CLIENTS : DEFAULT_PORT;
  guint n_sockets = count_sockets ();
  g_autoptr(GError) error = NULL;
  gboolean ok;

  g_set_prgname ("thredo-echo-server");
  if (argc > (tests_itself ? 3 : 2) ||
      (argument != NULL &&
       !g_ascii_string_to_unsigned (argument, 10, 1, G_MAXUINT16, &number, NULL)))
    {
      g_printerr ("Usage: %s [PORT | --self-test [CLIENTS]]\n", g_get_prgname ());
      return 2;
    }

  if (tests_itself)
    make_room (number);
  ok = tests_itself ? run (0, number, &error) : run (number, 0, &error);
  if (!ok)
    g_printerr ("%s: %s\n", g_get_prgname (), error->message);
  g_print ("Left: %u threads, %d sockets\n", count_threads (),
           (int) count_sockets () - (int) n_sockets);
  return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}
