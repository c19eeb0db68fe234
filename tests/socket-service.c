/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A server with a thread for each connection.
 */

#include "support.h"

#include <fcntl.h>
#include <gio/gnetworking.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#define BLOCK 100000
#define N_LINES 5

/* ThreadSanitizer and AddressSanitizer need a lot for a thread. */
#if SUPPORT_WITH_TSAN || SUPPORT_WITH_ASAN
#define MOST_CLIENTS 200
#else
#define MOST_CLIENTS 1000
#endif

/* Fewer where the process may not have as many files: two for each, and some besides. */
#define OTHER_FILES 100

static guint n_clients;

typedef struct
{
  ThredoSocketService *service;
  GSocketAddress *address;
  int n_begun;
  int n_ended;
  int n_at_once;
  int most_at_once;
  int n_failed;
  int n_answered;           /* clients that have their answer, and hold on */
  ThredoBarrier *all_there; /* NULL: nobody waits for the others */
} Server;

static void
note_begin (Server *server)
{
  int n = g_atomic_int_add (&server->n_at_once, 1) + 1;
  int most;

  while (n > (most = g_atomic_int_get (&server->most_at_once)) &&
         !g_atomic_int_compare_and_exchange (&server->most_at_once, most, n))
    ;
  g_atomic_int_inc (&server->n_begun);
}

static void
note_end (Server *server)
{
  g_atomic_int_add (&server->n_at_once, -1);
  g_atomic_int_inc (&server->n_ended);
}

/* Knows nothing of cancellation. */
static gboolean
echo (ThredoSocketService  *service,
      GIOStream            *connection,
      GObject              *source_object,
      gpointer              user_data,
      GError              **error)
{
  GInputStream *input = g_io_stream_get_input_stream (connection);
  GOutputStream *output = g_io_stream_get_output_stream (connection);
  Server *server = user_data;
  char buffer[8192];
  gssize n;

  g_assert_true (THREDO_IS_IO_STREAM (connection));
  g_assert_true (service == server->service);
  note_begin (server);
  while ((n = g_input_stream_read (input, buffer, sizeof buffer, NULL, error)) > 0)
    {
      if (!g_output_stream_write_all (output, buffer, (gsize) n, NULL, NULL, error))
        {
          n = -1;
          break;
        }
    }
  if (n < 0)
    g_atomic_int_inc (&server->n_failed);
  note_end (server);
  return n == 0;
}

static gboolean
fail (ThredoSocketService  *service,
      GIOStream            *connection,
      GObject              *source_object,
      gpointer              user_data,
      GError              **error)
{
  g_atomic_int_inc (&((Server *) user_data)->n_begun);
  g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED, "Not today");
  return FALSE;
}

static void
server_init (Server                  *self,
             ThredoSocketServiceFunc  func)
{
  g_autoptr(GInetAddress) loopback = g_inet_address_new_loopback (G_SOCKET_FAMILY_IPV4);
  g_autoptr(GSocketAddress) any_port = g_inet_socket_address_new (loopback, 0);
  g_autoptr(GError) error = NULL;

  *self = (Server) { 0 };
  self->service = thredo_socket_service_new (func, self, NULL);
  g_socket_listener_add_address (thredo_socket_service_get_listener (self->service), any_port,
                                 G_SOCKET_TYPE_STREAM, G_SOCKET_PROTOCOL_TCP, NULL,
                                 &self->address, &error);
  g_assert_no_error (error);
}

static void
server_start (Server                  *self,
              ThredoSocketServiceFunc  func)
{
  g_autoptr(GError) error = NULL;

  server_init (self, func);
  thredo_socket_service_start (self->service, &error);
  g_assert_no_error (error);
}

static void
server_clear (Server *self)
{
  g_object_unref (self->service);
  g_object_unref (self->address);
}

/* Stops, and asserts that it did. */
static void
server_stop (Server                  *self,
             ThredoSocketServiceStop  how)
{
  g_autoptr(GError) error = NULL;

  thredo_socket_service_stop (self->service, how, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpint (g_atomic_int_get (&self->n_begun), ==, g_atomic_int_get (&self->n_ended));
  g_assert_cmpuint (thredo_socket_service_get_n_connections (self->service), ==, 0);
}

static GIOStream *
connect_to (Server *server)
{
  g_autoptr(GError) error = NULL;
  GIOStream *stream = thredo_connect (G_SOCKET_CONNECTABLE (server->address), THREDO_CONNECT_NONE,
                                      NULL, &error);

  g_assert_no_error (error);
  return stream;
}

/* A connection that the kernel keeps for whoever accepts it. */
static GSocket *
connect_plainly (Server *server)
{
  g_autoptr(GError) error = NULL;
  GSocket *socket = g_socket_new (G_SOCKET_FAMILY_IPV4, G_SOCKET_TYPE_STREAM,
                                  G_SOCKET_PROTOCOL_TCP, &error);

  g_assert_no_error (error);
  g_socket_set_timeout (socket, SUPPORT_LIMIT / G_TIME_SPAN_SECOND);
  g_socket_connect (socket, server->address, NULL, &error);
  g_assert_no_error (error);
  return socket;
}

static void
assert_echoed (GSocket *socket)
{
  g_autoptr(GError) error = NULL;
  char answer;

  g_assert_cmpint (g_socket_send (socket, "x", 1, NULL, &error), ==, 1);
  g_assert_no_error (error);
  g_assert_cmpint (g_socket_receive (socket, &answer, 1, NULL, &error), ==, 1);
  g_assert_no_error (error);
  g_assert_cmpint (answer, ==, 'x');
}

static guint
count_threads (void)
{
  g_autoptr(GPtrArray) threads = thredo_thread_list_all ();

  return threads->len;
}

static gboolean
drains (gpointer data)
{
  g_autoptr(GPtrArray) threads = thredo_thread_list_all ();

  for (guint i = 0; i < threads->len; i++)
    {
      g_autofree char *now = thredo_thread_dup_waiting_for (threads->pdata[i]);

      if (now != NULL && g_str_has_prefix (now, "join on Group"))
        return TRUE;
    }
  return FALSE;
}

/* A client that is accepted while the service is being stopped is served still. */
static void
wait_for_end_of_accepting (void)
{
  support_wait_for ("the end of accepting", drains, NULL);
}

/* A thousand clients. */

typedef struct
{
  Server *server;
  guint number;
  GIOStream *stream;
} Client;

static void
vanish (Client *self)
{
  GSocketConnection *connection =
      G_SOCKET_CONNECTION (thredo_io_stream_get_base (THREDO_IO_STREAM (self->stream)));

  /* Some without a word. */
  if (self->number % 4 == 1)
    {
      struct linger at_once = { 1, 0 };

      setsockopt (g_socket_get_fd (g_socket_connection_get_socket (connection)), SOL_SOCKET,
                  SO_LINGER, &at_once, sizeof at_once);
    }
  g_io_stream_close (self->stream, NULL, NULL);
}

static gboolean
exchange (Client      *self,
          const char  *data,
          gsize        size,
          char        *answer,
          GError     **error)
{
  gsize n_read;

  if (!g_output_stream_write_all (g_io_stream_get_output_stream (self->stream), data, size, NULL,
                                  NULL, error) ||
      !g_input_stream_read_all (g_io_stream_get_input_stream (self->stream), answer, size,
                                &n_read, NULL, error))
    return FALSE;
  g_assert_cmpuint (n_read, <=, size);
  g_assert_true (memcmp (data, answer, n_read) == 0);
  if (n_read < size)
    g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_CONNECTION_CLOSED, "It hung up");
  return n_read == size;
}

static gboolean
talk (Client  *self,
      GError **error)
{
  g_autofree char *block = g_malloc (BLOCK);
  g_autofree char *answer = g_malloc (BLOCK);

  for (guint i = 0; i < N_LINES; i++)
    {
      g_autofree char *line = g_strdup_printf ("line %u of client %u\n", i, self->number);

      if (!exchange (self, line, strlen (line), answer, error))
        return FALSE;
    }

  if (!thredo_barrier_wait (self->server->all_there, NULL, NULL, error))
    return FALSE;

  for (guint i = 0; i < BLOCK; i++)
    block[i] = (char) (i * (self->number + 1) + i / 255);
  /* Half of them are gone in the middle of it. */
  if (self->number % 2 == 1)
    {
      if (!g_output_stream_write_all (g_io_stream_get_output_stream (self->stream), block,
                                      BLOCK / 2, NULL, NULL, error))
        return FALSE;
      vanish (self);
      return TRUE;
    }
  return exchange (self, block, BLOCK, answer, error);
}

static gboolean
be_client (ThredoThread  *thread,
           gpointer       data,
           GError       **error)
{
  Client *self = data;
  gboolean ok;

  self->stream = thredo_connect (G_SOCKET_CONNECTABLE (self->server->address),
                                 THREDO_CONNECT_NONE, NULL, error);
  ok = self->stream != NULL && talk (self, error);
  g_clear_object (&self->stream);
  return ok;
}

static ThredoGroup *
spawn_clients (Server           *server,
               ThredoThreadFunc  func,
               guint             n)
{
  ThredoGroup *group = thredo_group_new (THREDO_GROUP_WAIT_ALL);

  for (guint i = 0; i < n; i++)
    {
      Client *client = g_new0 (Client, 1);
      g_autoptr(ThredoThread) thread = NULL;
      g_autoptr(GError) error = NULL;

      client->server = server;
      client->number = i;
      thread = thredo_group_spawn (group, "client", func, client, g_free, &error);
      g_assert_no_error (error);
    }
  return group;
}

/* Sees to it that what is made once is made. */
static void
warm_up (void)
{
  Server server;
  g_autoptr(GSocket) socket = NULL;
  GIOStream *stream;

  server_start (&server, echo);
  socket = connect_plainly (&server);
  assert_echoed (socket);
  stream = connect_to (&server);
  g_object_unref (stream);
  server_stop (&server, THREDO_SOCKET_SERVICE_STOP_CANCEL);
  server_clear (&server);
}

static void
test_service_thousand (void)
{
  g_autoptr(GError) error = NULL;
  guint n_fds, n_threads;
  Server server;

  warm_up ();
  n_fds = support_count_fds ();
  n_threads = count_threads ();

  server_start (&server, echo);
  server.all_there = thredo_barrier_new (n_clients);
  {
    g_autoptr(ThredoGroup) clients = spawn_clients (&server, be_client, n_clients);

    thredo_group_join (clients, NULL, &error);
    g_assert_no_error (error);
  }
  server_stop (&server, THREDO_SOCKET_SERVICE_STOP_DRAIN);
  g_assert_cmpint (g_atomic_int_get (&server.n_begun), ==, n_clients);
  g_assert_cmpint (g_atomic_int_get (&server.most_at_once), ==, n_clients);
  g_test_message ("%u clients, of which %d broke off", n_clients,
                  g_atomic_int_get (&server.n_failed));
  g_clear_object (&server.all_there);
  server_clear (&server);

  g_assert_cmpuint (support_count_fds (), ==, n_fds);
  g_assert_cmpuint (count_threads (), ==, n_threads);
}

/* All of them there, and in the middle of a read, when it ends. */
static gboolean
hold_on (ThredoThread  *thread,
         gpointer       data,
         GError       **error)
{
  Client *self = data;
  char answer[8];
  gboolean ok;

  self->stream = thredo_connect (G_SOCKET_CONNECTABLE (self->server->address),
                                 THREDO_CONNECT_NONE, NULL, error);
  ok = self->stream != NULL && exchange (self, "hello", 5, answer, error);
  if (ok)
    g_atomic_int_inc (&self->server->n_answered);
  /* The server hangs up. */
  ok = ok && g_input_stream_read (g_io_stream_get_input_stream (self->stream), answer, 1, NULL,
                                  error) == 0;
  g_clear_object (&self->stream);
  return ok;
}

static void
test_service_stop_cancel (void)
{
  g_autoptr(GError) error = NULL;
  guint n_fds, n_threads;
  Server server;

  warm_up ();
  n_fds = support_count_fds ();
  n_threads = count_threads ();

  server_start (&server, echo);
  {
    g_autoptr(ThredoGroup) clients = spawn_clients (&server, hold_on, n_clients);

    support_wait_for_int (&server.n_answered, n_clients);
    g_assert_cmpuint (thredo_socket_service_get_n_connections (server.service), ==, n_clients);
    server_stop (&server, THREDO_SOCKET_SERVICE_STOP_CANCEL);
    thredo_group_join (clients, NULL, NULL);
  }
  g_assert_cmpint (g_atomic_int_get (&server.n_failed), ==, n_clients);
  server_clear (&server);

  g_assert_cmpuint (support_count_fds (), ==, n_fds);
  g_assert_cmpuint (count_threads (), ==, n_threads);
  g_assert_no_error (error);
}

/* Half of them are gone before it ends, in the middle of a block. */
static gboolean
hold_on_or_vanish (ThredoThread  *thread,
                   gpointer       data,
                   GError       **error)
{
  Client *self = data;
  char block[1000] = "half of a block";
  gboolean ok;

  if (self->number % 2 == 0)
    return hold_on (thread, data, error);

  self->stream = thredo_connect (G_SOCKET_CONNECTABLE (self->server->address),
                                 THREDO_CONNECT_NONE, NULL, error);
  ok = self->stream != NULL && exchange (self, "hello", 5, block, error) &&
       g_output_stream_write_all (g_io_stream_get_output_stream (self->stream), block,
                                  sizeof block / 2, NULL, NULL, error);
  if (ok)
    vanish (self);
  g_clear_object (&self->stream);
  return ok;
}

static gboolean
interrupt_main (ThredoThread  *thread,
                gpointer       data,
                GError       **error)
{
  Server *server = data;
  g_autoptr(ThredoGroup) clients = spawn_clients (server, hold_on_or_vanish, n_clients);
  gboolean ok = thredo_socket_service_run (server->service, NULL, error);
  g_autoptr(ThredoScope) shield = thredo_scope_new_shielded ();
  G_GNUC_UNUSED g_autoptr(ThredoScopeGuard) shield_guard = thredo_scope_guard_new (shield);

  g_assert_cmpint (g_atomic_int_get (&server->n_begun), ==, g_atomic_int_get (&server->n_ended));
  thredo_group_join (clients, NULL, NULL);
  return ok;
}

static gpointer
interrupt_when_served (gpointer data)
{
  support_wait_for_int (&((Server *) data)->n_begun, n_clients);
  support_wait_for_int (&((Server *) data)->n_ended, n_clients / 2);
  raise (SIGINT);
  return NULL;
}

static void
test_service_ctrl_c (void)
{
  g_autoptr(GError) error = NULL;
  guint n_fds, n_threads;
  GThread *thread;
  Server server;

  warm_up ();
  n_fds = support_count_fds ();
  n_threads = count_threads ();

  server_init (&server, echo);
  thread = g_thread_new ("user", interrupt_when_served, &server);
  g_assert_false (thredo_run (THREDO_RUN_HANDLE_SIGNALS, interrupt_main, &server, NULL, &error));
  support_assert_cancelled (&error);
  g_thread_join (thread);
  g_assert_cmpint (g_atomic_int_get (&server.n_begun), ==, n_clients);
  g_assert_cmpint (g_atomic_int_get (&server.n_ended), ==, n_clients);
  server_clear (&server);

  g_assert_cmpuint (support_count_fds (), ==, n_fds);
  g_assert_cmpuint (count_threads (), ==, n_threads);
}

/* Running. */

typedef struct
{
  Server *server;
  GCancellable *cancellable;
  ThredoScope *scope;
  ThredoSocketServiceStop how;
} Run;

static gboolean
run_service (ThredoThread  *thread,
             gpointer       data,
             GError       **error)
{
  Run *run = data;
  G_GNUC_UNUSED g_autoptr(ThredoScopeGuard) scope_guard = thredo_scope_guard_new (run->scope);

  return thredo_socket_service_run (run->server->service, run->cancellable, error);
}

static gboolean
stop_service (ThredoThread  *thread,
              gpointer       data,
              GError       **error)
{
  Run *run = data;
  G_GNUC_UNUSED g_autoptr(ThredoScopeGuard) scope_guard = thredo_scope_guard_new (run->scope);

  return thredo_socket_service_stop (run->server->service, run->how, run->cancellable, error);
}

typedef enum
{
  BY_CANCEL,
  BY_CANCELLABLE,
  BY_DEADLINE,
  BY_STOP,
  BY_SERVICE_CANCEL,
} How;

static void
test_service_run (gconstpointer data)
{
  How how = GPOINTER_TO_INT (data);
  g_autoptr(GCancellable) cancellable = g_cancellable_new ();
  g_autoptr(ThredoScope) scope = thredo_scope_new ();
  g_autoptr(ThredoThread) thread = NULL;
  g_autoptr(GSocket) socket = NULL;
  g_autoptr(GError) error = NULL;
  Server server;
  Run run = { &server, cancellable, scope, 0 };
  char answer;

  server_init (&server, echo);
  thredo_socket_service_set_name (server.service, "echo");
  thread = thredo_thread_spawn ("runs", run_service, &run, NULL, &error);
  g_assert_no_error (error);
  socket = connect_plainly (&server);
  assert_echoed (socket);

  switch (how)
    {
    case BY_CANCEL:
      support_wait_for_wait (thread, "accept on SocketService 'echo'");
      support_cancel_and_join (thread);
      break;
    case BY_CANCELLABLE:
      support_wait_for_wait (thread, "accept on SocketService 'echo'");
      g_cancellable_cancel (cancellable);
      g_assert_false (thredo_thread_join (thread, NULL, &error));
      support_assert_error (&error, THREDO_ERROR, THREDO_ERROR_THREAD_CANCELLED);
      break;
    case BY_DEADLINE:
      thredo_scope_set_deadline (scope, g_get_monotonic_time ());
      g_assert_false (thredo_thread_join (thread, NULL, &error));
      support_assert_timed_out (&error);
      break;
    case BY_STOP:
      server_stop (&server, THREDO_SOCKET_SERVICE_STOP_CANCEL);
      support_join_ok (thread);
      break;
    case BY_SERVICE_CANCEL:
      thredo_socket_service_cancel (server.service);
      support_join_ok (thread);
      break;
    }
  g_assert_cmpint (g_atomic_int_get (&server.n_begun), ==, 1);
  g_assert_cmpint (g_atomic_int_get (&server.n_ended), ==, 1);
  g_assert_cmpint (g_socket_receive (socket, &answer, 1, NULL, &error), ==, 0);
  g_assert_no_error (error);
  server_clear (&server);
}

static void
test_service_states (void)
{
  g_autoptr(GError) error = NULL;
  Server server;

  server_init (&server, echo);
  /* There is nothing to stop. */
  g_assert_true (thredo_socket_service_stop (server.service, THREDO_SOCKET_SERVICE_STOP_DRAIN,
                                             NULL, &error));
  g_assert_no_error (error);
  thredo_socket_service_cancel (server.service);

  for (guint i = 0; i < 3; i++)
    {
      g_autoptr(GSocket) socket = NULL;

      g_assert_true (thredo_socket_service_start (server.service, &error));
      g_assert_no_error (error);
      g_assert_false (thredo_socket_service_start (server.service, &error));
      support_assert_error (&error, THREDO_ERROR, THREDO_ERROR_STATE);
      g_assert_false (thredo_socket_service_run (server.service, NULL, &error));
      support_assert_error (&error, THREDO_ERROR, THREDO_ERROR_STATE);

      socket = connect_plainly (&server);
      assert_echoed (socket);
      server_stop (&server, THREDO_SOCKET_SERVICE_STOP_CANCEL);
      g_assert_true (thredo_socket_service_stop (server.service,
                                                 THREDO_SOCKET_SERVICE_STOP_CANCEL, NULL,
                                                 &error));
    }
  server_clear (&server);
}

static void
test_service_properties (void)
{
  g_autoptr(GSocketListener) listener = NULL;
  g_autofree char *name = NULL;
  guint max_connections, n_connections;
  Server server;

  server_init (&server, echo);
  g_object_set (server.service, "name", "echo", "max-connections", 7, NULL);
  g_object_get (server.service, "name", &name, "max-connections", &max_connections,
                "n-connections", &n_connections, "listener", &listener, NULL);
  g_assert_cmpstr (name, ==, "echo");
  g_assert_cmpuint (max_connections, ==, 7);
  g_assert_cmpuint (n_connections, ==, 0);
  g_assert_true (listener == thredo_socket_service_get_listener (server.service));
  server_clear (&server);
}

/* A drain waits for those who are there, and takes nobody new. */
static void
test_service_drain (void)
{
  g_autoptr(ThredoScope) scope = thredo_scope_new ();
  g_autoptr(ThredoThread) thread = NULL;
  g_autoptr(GSocket) socket = NULL;
  g_autoptr(GSocket) late = NULL;
  g_autoptr(GError) error = NULL;
  Server server;
  Run run = { &server, NULL, scope, THREDO_SOCKET_SERVICE_STOP_DRAIN };

  server_start (&server, echo);
  socket = connect_plainly (&server);
  assert_echoed (socket);

  thread = thredo_thread_spawn ("stops", stop_service, &run, NULL, &error);
  g_assert_no_error (error);
  support_wait_for_wait (thread, "stop on SocketService");
  wait_for_end_of_accepting ();
  late = connect_plainly (&server);
  assert_echoed (socket);
  g_assert_true (thredo_thread_is_alive (thread));
  g_socket_close (socket, &error);
  g_assert_no_error (error);
  support_join_ok (thread);
  g_assert_cmpint (g_atomic_int_get (&server.n_begun), ==, 1);

  /* It is there still, for when the service runs again. */
  thredo_socket_service_start (server.service, &error);
  g_assert_no_error (error);
  assert_echoed (late);
  server_stop (&server, THREDO_SOCKET_SERVICE_STOP_CANCEL);
  server_clear (&server);
}

/* The patience of who drains ends, and so do the connections. */
static void
test_service_drain_ended (gconstpointer data)
{
  How how = GPOINTER_TO_INT (data);
  g_autoptr(GCancellable) cancellable = g_cancellable_new ();
  g_autoptr(ThredoScope) scope = thredo_scope_new ();
  g_autoptr(ThredoThread) thread = NULL;
  g_autoptr(GSocket) socket = NULL;
  g_autoptr(GError) error = NULL;
  Server server;
  Run run = { &server, cancellable, scope, THREDO_SOCKET_SERVICE_STOP_DRAIN };

  server_start (&server, echo);
  socket = connect_plainly (&server);
  assert_echoed (socket);
  thread = thredo_thread_spawn ("stops", stop_service, &run, NULL, &error);
  g_assert_no_error (error);
  support_wait_for_wait (thread, "stop on SocketService");

  switch (how)
    {
    case BY_CANCEL:
      support_cancel_and_join (thread);
      break;
    case BY_CANCELLABLE:
      g_cancellable_cancel (cancellable);
      g_assert_false (thredo_thread_join (thread, NULL, &error));
      support_assert_error (&error, THREDO_ERROR, THREDO_ERROR_THREAD_CANCELLED);
      break;
    case BY_DEADLINE:
      thredo_scope_set_deadline (scope, g_get_monotonic_time ());
      g_assert_false (thredo_thread_join (thread, NULL, &error));
      support_assert_timed_out (&error);
      break;
    case BY_STOP:
      server_stop (&server, THREDO_SOCKET_SERVICE_STOP_CANCEL);
      support_join_ok (thread);
      break;
    case BY_SERVICE_CANCEL:
      thredo_socket_service_cancel (server.service);
      support_join_ok (thread);
      break;
    }
  g_assert_cmpint (g_atomic_int_get (&server.n_ended), ==, 1);
  g_assert_cmpuint (thredo_socket_service_get_n_connections (server.service), ==, 0);
  server_clear (&server);
}

/* Who was cancelled before it stops the service stops it all the same. */
static void
test_service_stop_cancelled_before (void)
{
  g_autoptr(GCancellable) cancellable = g_cancellable_new ();
  g_autoptr(GSocket) socket = NULL;
  g_autoptr(GError) error = NULL;
  Server server;

  server_start (&server, echo);
  socket = connect_plainly (&server);
  assert_echoed (socket);
  g_cancellable_cancel (cancellable);
  g_assert_false (thredo_socket_service_stop (server.service, THREDO_SOCKET_SERVICE_STOP_DRAIN,
                                              cancellable, &error));
  support_assert_cancelled (&error);
  g_assert_cmpint (g_atomic_int_get (&server.n_ended), ==, 1);
  server_clear (&server);
}

static gboolean
stop_from_inside (ThredoSocketService  *service,
                  GIOStream            *connection,
                  GObject              *source_object,
                  gpointer              user_data,
                  GError              **error)
{
  g_autoptr(GError) local_error = NULL;

  g_assert_false (thredo_socket_service_stop (service, THREDO_SOCKET_SERVICE_STOP_DRAIN, NULL,
                                              &local_error));
  support_assert_error (&local_error, THREDO_ERROR, THREDO_ERROR_STATE);
  thredo_socket_service_cancel (service);
  g_assert_false (thredo_check_cancelled (NULL, error));
  g_atomic_int_inc (&((Server *) user_data)->n_begun);
  g_atomic_int_inc (&((Server *) user_data)->n_ended);
  return FALSE;
}

static void
test_service_stop_inside (void)
{
  g_autoptr(GSocket) socket = NULL;
  Server server;

  server_start (&server, stop_from_inside);
  socket = connect_plainly (&server);
  support_wait_for_int (&server.n_ended, 1);
  server_stop (&server, THREDO_SOCKET_SERVICE_STOP_DRAIN);
  server_clear (&server);
}

static gboolean
stop_on_loop (gpointer data)
{
  gpointer *shared = data;
  g_autoptr(GError) error = NULL;

  g_assert_false (thredo_socket_service_stop (shared[0], THREDO_SOCKET_SERVICE_STOP_DRAIN, NULL,
                                              &error));
  support_assert_error (&error, THREDO_ERROR, THREDO_ERROR_LOOP_THREAD);
  g_assert_false (thredo_socket_service_run (shared[0], NULL, &error));
  support_assert_error (&error, THREDO_ERROR, THREDO_ERROR_LOOP_THREAD);
  g_atomic_int_set ((int *) shared[1], 1);
  return G_SOURCE_REMOVE;
}

static void
test_service_loop_thread (void)
{
  Server server;
  int done = 0;
  gpointer shared[2];

  server_init (&server, echo);
  shared[0] = server.service;
  shared[1] = &done;
  g_main_context_invoke (thredo_get_main_context (), stop_on_loop, shared);
  support_wait_for_int (&done, 1);
  server_clear (&server);
}

/* What goes wrong in one connection is nothing to the others. */

static int n_messages;

static void
count_message (const char     *log_domain,
               GLogLevelFlags  log_level,
               const char     *message,
               gpointer        user_data)
{
  g_test_message ("%s", message);
  g_atomic_int_inc (&n_messages);
}

static void
test_service_failure (void)
{
  g_autoptr(GError) error = NULL;
  Server server;
  guint handler;

  n_messages = 0;
  handler = g_log_set_handler ("Thredo", G_LOG_LEVEL_MESSAGE, count_message, NULL);
  server_start (&server, fail);
  for (guint i = 0; i < 10; i++)
    {
      g_autoptr(GSocket) socket = connect_plainly (&server);
      char answer;

      g_assert_cmpint (g_socket_receive (socket, &answer, 1, NULL, &error), ==, 0);
      g_assert_no_error (error);
    }
  thredo_socket_service_stop (server.service, THREDO_SOCKET_SERVICE_STOP_DRAIN, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpint (server.n_begun, ==, 10);
  g_assert_cmpint (n_messages, ==, 10);
  server_clear (&server);
  g_log_remove_handler ("Thredo", handler);
}

static void
test_service_listener_closed (void)
{
  g_autoptr(GError) error = NULL;
  Server server;

  server_init (&server, echo);
  g_socket_listener_close (thredo_socket_service_get_listener (server.service));
  g_assert_false (thredo_socket_service_run (server.service, NULL, &error));
  support_assert_closed (&error);
  server_clear (&server);
}

/* However an address was added, it is one. Without any, GIO would wait for ever. */
static void
test_service_no_address (void)
{
  enum
  {
    ADDRESS,
    ANY_PORT,
    SOCKET,
    N_WAYS
  };

  for (guint way = 0; way < N_WAYS; way++)
    {
      g_autoptr(ThredoSocketService) service = thredo_socket_service_new (echo, NULL, NULL);
      GSocketListener *listener = thredo_socket_service_get_listener (service);
      g_autoptr(GInetAddress) loopback = g_inet_address_new_loopback (G_SOCKET_FAMILY_IPV4);
      g_autoptr(GSocketAddress) address = g_inet_socket_address_new (loopback, 0);
      g_autoptr(GSocket) socket = NULL;
      g_autoptr(GError) error = NULL;

      g_assert_false (thredo_socket_service_run (service, NULL, &error));
      support_assert_error (&error, THREDO_ERROR, THREDO_ERROR_STATE);
      g_assert_false (thredo_socket_service_start (service, &error));
      support_assert_error (&error, THREDO_ERROR, THREDO_ERROR_STATE);

      switch (way)
        {
        case ADDRESS:
          g_socket_listener_add_address (listener, address, G_SOCKET_TYPE_STREAM,
                                         G_SOCKET_PROTOCOL_DEFAULT, NULL, NULL, &error);
          break;
        case ANY_PORT:
          g_socket_listener_add_any_inet_port (listener, NULL, &error);
          break;
        default:
          socket = g_socket_new (G_SOCKET_FAMILY_IPV4, G_SOCKET_TYPE_STREAM,
                                 G_SOCKET_PROTOCOL_DEFAULT, &error);
          g_assert_no_error (error);
          g_socket_bind (socket, address, TRUE, &error);
          g_assert_no_error (error);
          g_socket_listen (socket, &error);
          g_assert_no_error (error);
          g_socket_listener_add_socket (listener, socket, NULL, &error);
          break;
        }
      g_assert_no_error (error);

      g_assert_true (thredo_socket_service_start (service, &error));
      g_assert_no_error (error);
      g_assert_true (thredo_socket_service_stop (service, THREDO_SOCKET_SERVICE_STOP_CANCEL,
                                                 NULL, &error));
      g_assert_no_error (error);
    }
}

/* Limits. */

static void
test_service_max_connections (void)
{
  GSocket *sockets[20];
  Server server;

  server_init (&server, echo);
  thredo_socket_service_set_max_connections (server.service, 3);
  g_assert_true (thredo_socket_service_start (server.service, NULL));
  for (guint i = 0; i < 20; i++)
    sockets[i] = connect_plainly (&server);
  for (guint i = 0; i < 10; i++)
    {
      assert_echoed (sockets[i]);
      g_assert_cmpuint (thredo_socket_service_get_n_connections (server.service), <=, 3);
      g_clear_object (&sockets[i]);
    }
  g_assert_cmpint (g_atomic_int_get (&server.most_at_once), <=, 3);

  /* Those who wait need not any more. */
  thredo_socket_service_set_max_connections (server.service, 0);
  support_wait_for_int (&server.n_begun, 20);
  g_assert_cmpint (g_atomic_int_get (&server.most_at_once), >, 3);
  for (guint i = 10; i < 20; i++)
    {
      assert_echoed (sockets[i]);
      g_object_unref (sockets[i]);
    }
  server_stop (&server, THREDO_SOCKET_SERVICE_STOP_DRAIN);
  g_assert_cmpint (g_atomic_int_get (&server.n_begun), ==, 20);
  server_clear (&server);
}

/* One that is full can be stopped. */
static void
test_service_full_stopped (void)
{
  g_autoptr(GSocket) first = NULL;
  g_autoptr(GSocket) second = NULL;
  Server server;

  server_init (&server, echo);
  thredo_socket_service_set_max_connections (server.service, 1);
  g_assert_true (thredo_socket_service_start (server.service, NULL));
  first = connect_plainly (&server);
  assert_echoed (first);
  second = connect_plainly (&server);
  server_stop (&server, THREDO_SOCKET_SERVICE_STOP_CANCEL);
  g_assert_cmpint (g_atomic_int_get (&server.n_begun), ==, 1);
  server_clear (&server);
}

static gint64
get_cpu_time (void)
{
  struct rusage usage;

  getrusage (RUSAGE_SELF, &usage);
  return (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * G_USEC_PER_SEC +
         usage.ru_utime.tv_usec + usage.ru_stime.tv_usec;
}

/* Whoever spins looks there now and then whether that can pay. */
static gboolean
is_load_being_read (void)
{
  for (int fd = 0; fd < 1000; fd++)
    {
      g_autofree char *path = g_strdup_printf ("/proc/self/fd/%d", fd);
      g_autofree char *target = g_file_read_link (path, NULL);

      if (g_strcmp0 (target, "/proc/loadavg") == 0)
        return TRUE;
    }
  return FALSE;
}

static guint
count_free_fds (void)
{
  int fds[16];
  guint n;

  for (n = 0; n < G_N_ELEMENTS (fds); n++)
    {
      fds[n] = fcntl (0, F_DUPFD_CLOEXEC, 0);
      if (fds[n] < 0)
        break;
    }
  for (guint i = 0; i < n; i++)
    close (fds[i]);
  return n;
}

/* Leaves room for so many file descriptors. What comes and goes meanwhile does not count. */
static void
limit_fds (struct rlimit *before,
           guint          n)
{
  struct rlimit limit;
  int fds[16];

  g_assert_cmpint (getrlimit (RLIMIT_NOFILE, before), ==, 0);
  do
    {
      limit = *before;
      g_assert_cmpint (setrlimit (RLIMIT_NOFILE, &limit), ==, 0);
      for (guint i = 0; i <= n; i++)
        {
          fds[i] = fcntl (0, F_DUPFD_CLOEXEC, 0);
          g_assert_cmpint (fds[i], >=, 0);
        }
      limit.rlim_cur = (rlim_t) fds[n];
      for (guint i = 0; i <= n; i++)
        close (fds[i]);
      g_assert_cmpint (setrlimit (RLIMIT_NOFILE, &limit), ==, 0);
    }
  while (is_load_being_read () || count_free_fds () != n);
}

/* No room for what wants to connect: no processor time, one message; and as soon as
 * there is room, it goes on. */
static void
test_service_no_fds (void)
{
  GSocket *sockets[6];
  g_autoptr(GError) error = NULL;
  struct rlimit before;
  guint n_seconds = 0;
  gint64 cpu_time;
  guint handler;
  Server server;

  warm_up ();
  n_messages = 0;
  handler = g_log_set_handler ("Thredo", G_LOG_LEVEL_MESSAGE, count_message, NULL);
  server_init (&server, echo);
  for (guint i = 0; i < G_N_ELEMENTS (sockets); i++)
    sockets[i] = connect_plainly (&server);
  limit_fds (&before, 2);
  thredo_socket_service_start (server.service, &error);
  g_assert_no_error (error);

  support_wait_for_int (&server.n_begun, 2);
  support_wait_for_int (&n_messages, 1);
  assert_echoed (sockets[0]);
  assert_echoed (sockets[1]);
  /* The idle threads of the tests before may be ending just now. */
  do
    {
      cpu_time = get_cpu_time ();
      g_usleep (G_USEC_PER_SEC);
      cpu_time = get_cpu_time () - cpu_time;
      g_test_message ("%.3f ms of processor time in a second", (double) cpu_time / 1000);
    }
  while (cpu_time >= 50000 && ++n_seconds < 10);
  g_assert_cmpint (cpu_time, <, 50000);
  g_assert_cmpint (g_atomic_int_get (&server.n_begun), ==, 2);
  g_assert_cmpint (g_atomic_int_get (&n_messages), ==, 1);

  /* One goes, which is noticed at once: both ends are this process's. */
  g_clear_object (&sockets[0]);
  support_wait_for_int (&server.n_ended, 1);
  support_wait_for_int (&server.n_begun, 3);
  assert_echoed (sockets[2]);
  g_assert_cmpint (g_atomic_int_get (&n_messages), ==, 1);

  setrlimit (RLIMIT_NOFILE, &before);
  for (guint i = 1; i < G_N_ELEMENTS (sockets); i++)
    {
      assert_echoed (sockets[i]);
      g_object_unref (sockets[i]);
    }
  server_stop (&server, THREDO_SOCKET_SERVICE_STOP_DRAIN);
  g_assert_cmpint (g_atomic_int_get (&server.n_begun), ==, 6);
  server_clear (&server);
  g_log_remove_handler ("Thredo", handler);
}

static void
test_service_no_fds_stopped (void)
{
  g_autoptr(GSocket) socket = NULL;
  g_autoptr(GError) error = NULL;
  struct rlimit before;
  guint handler;
  Server server;

  warm_up ();
  n_messages = 0;
  handler = g_log_set_handler ("Thredo", G_LOG_LEVEL_MESSAGE, count_message, NULL);
  server_init (&server, echo);
  socket = connect_plainly (&server);
  limit_fds (&before, 0);
  thredo_socket_service_start (server.service, &error);
  g_assert_no_error (error);
  support_wait_for_int (&n_messages, 1);
  server_stop (&server, THREDO_SOCKET_SERVICE_STOP_DRAIN);
  setrlimit (RLIMIT_NOFILE, &before);
  server_clear (&server);
  g_log_remove_handler ("Thredo", handler);
}

/* One that is dropped. */

static void
test_service_dropped (void)
{
  g_autoptr(GSocket) socket = NULL;
  g_autoptr(GError) error = NULL;
  gpointer weak;
  char answer;
  Server server;

  server_start (&server, echo);
  thredo_socket_service_set_name (server.service, "echo");
  socket = connect_plainly (&server);
  assert_echoed (socket);

  weak = server.service;
  g_object_add_weak_pointer (weak, &weak);
  g_test_expect_message ("Thredo", G_LOG_LEVEL_WARNING,
                         "SocketService 'echo' was dropped while it was running*");
  g_object_unref (server.service);
  g_test_assert_expected_messages ();

  g_assert_cmpint (g_socket_receive (socket, &answer, 1, NULL, &error), ==, 0);
  g_assert_no_error (error);
  support_wait_for_int (&server.n_ended, 1);
  g_object_unref (server.address);
}

static gboolean
drop_service (ThredoSocketService  *service,
              GIOStream            *connection,
              GObject              *source_object,
              gpointer              user_data,
              GError              **error)
{
  Server *server = user_data;
  char byte;
  gssize n;

  g_object_unref (service);
  n = g_input_stream_read (g_io_stream_get_input_stream (connection), &byte, 1, NULL, error);
  g_assert_cmpint (n, ==, -1);
  g_assert_error (*error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_atomic_int_inc (&server->n_ended);
  return FALSE;
}

/* By who serves a connection, with the last reference. */
static void
test_service_dropped_inside (void)
{
  g_autoptr(GSocket) socket = NULL;
  g_autoptr(GError) error = NULL;
  gpointer weak;
  char answer;
  Server server;

  g_test_expect_message ("Thredo", G_LOG_LEVEL_WARNING,
                         "SocketService was dropped while it was running*");
  server_start (&server, drop_service);
  weak = server.service;
  g_object_add_weak_pointer (weak, &weak);
  socket = connect_plainly (&server);
  g_assert_cmpint (g_socket_receive (socket, &answer, 1, NULL, &error), ==, 0);
  g_assert_no_error (error);
  support_wait_for_int (&server.n_ended, 1);
  support_wait_for_finalize (&weak);
  g_test_assert_expected_messages ();
  g_object_unref (server.address);
}

static void
test_service_destroy (void)
{
  ThredoSocketService *service;
  int n_destroyed = 0;

  service = thredo_socket_service_new (echo, &n_destroyed, support_count_destroy);
  g_object_unref (service);
  g_assert_cmpint (n_destroyed, ==, 1);
}

/* A client whose connection is there is served, however often the service stops. */
static gboolean
come_and_go (ThredoThread  *thread,
             gpointer       data,
             GError       **error)
{
  Server *server = data;

  while (!g_atomic_int_get (&server->n_failed))
    {
      g_autoptr(GSocket) socket = connect_plainly (server);

      assert_echoed (socket);
    }
  return TRUE;
}

static void
test_service_drain_race (void)
{
  g_autoptr(GError) error = NULL;
  ThredoThread *threads[2];
  Server server;

  server_init (&server, echo);
  for (guint i = 0; i < 2; i++)
    {
      threads[i] = thredo_thread_spawn ("client", come_and_go, &server, NULL, &error);
      g_assert_no_error (error);
    }
  for (guint i = 0; i < support_rounds (2000); i++)
    {
      thredo_socket_service_start (server.service, &error);
      g_assert_no_error (error);
      g_usleep (i % 10 * 20);
      server_stop (&server, THREDO_SOCKET_SERVICE_STOP_DRAIN);
    }
  thredo_socket_service_start (server.service, &error);
  g_assert_no_error (error);
  g_atomic_int_set (&server.n_failed, 1);
  for (guint i = 0; i < 2; i++)
    {
      support_join_ok (threads[i]);
      g_object_unref (threads[i]);
    }
  server_stop (&server, THREDO_SOCKET_SERVICE_STOP_DRAIN);
  server_clear (&server);
}

/* Who vanishes at any time, and a service that is cancelled at any time. */
static gboolean
come_and_vanish (ThredoThread  *thread,
                 gpointer       data,
                 GError       **error)
{
  Server *server = data;

  while (!g_atomic_int_get (&server->n_failed))
    {
      GSocket *socket = connect_plainly (server);

      g_object_unref (socket);
    }
  return TRUE;
}

static gboolean
hang_up (ThredoSocketService  *service,
         GIOStream            *connection,
         GObject              *source_object,
         gpointer              user_data,
         GError              **error)
{
  return TRUE;
}

static void
test_service_cancel_race (void)
{
  g_autoptr(ThredoThread) thread = NULL;
  g_autoptr(GError) error = NULL;
  Server server;

  server_init (&server, hang_up);
  thread = thredo_thread_spawn ("client", come_and_vanish, &server, NULL, &error);
  g_assert_no_error (error);
  for (guint i = 0; i < support_rounds (2000); i++)
    {
      thredo_socket_service_start (server.service, &error);
      g_assert_no_error (error);
      g_usleep (i % 10 * 20);
      server_stop (&server, THREDO_SOCKET_SERVICE_STOP_CANCEL);
    }
  g_atomic_int_set (&server.n_failed, 1);
  support_join_ok (thread);
  server_clear (&server);
}

static gboolean
are_few (gpointer at_most)
{
  return count_threads () <= GPOINTER_TO_UINT (at_most);
}

/* Members of the service that have ended are not kept. */
static void
test_service_forgets (void)
{
  g_autoptr(GSocket) last = NULL;
  guint n_threads;
  Server server;

  server_start (&server, echo);
  n_threads = count_threads ();
  for (guint i = 0; i < 200; i++)
    {
      g_autoptr(GSocket) socket = connect_plainly (&server);

      assert_echoed (socket);
    }
  support_wait_for_int (&server.n_ended, 200);
  last = connect_plainly (&server);
  assert_echoed (last);
  support_wait_for ("threads of the service being forgotten", are_few,
                    GUINT_TO_POINTER (n_threads + 2));
  server_stop (&server, THREDO_SOCKET_SERVICE_STOP_CANCEL);
  server_clear (&server);
}

static void
ignore (const char     *log_domain,
        GLogLevelFlags  log_level,
        const char     *message,
        gpointer        user_data)
{
}

int
main (int    argc,
      char **argv)
{
  struct rlimit limit;

  support_init (&argc, &argv);

  /* GSocketClient has much to say about a thousand connections. */
  g_log_set_handler ("GLib-GIO", G_LOG_LEVEL_DEBUG, ignore, NULL);

  getrlimit (RLIMIT_NOFILE, &limit);
  limit.rlim_cur = MIN (limit.rlim_max, 8192);
  setrlimit (RLIMIT_NOFILE, &limit);
  n_clients = (guint) CLAMP ((gint64) limit.rlim_cur - OTHER_FILES, 4, 2 * MOST_CLIENTS) / 4 * 2;

  g_test_add_func ("/socket-service/thousand", test_service_thousand);
  g_test_add_func ("/socket-service/stop-cancel", test_service_stop_cancel);
  g_test_add_func ("/socket-service/ctrl-c", test_service_ctrl_c);
  g_test_add_data_func ("/socket-service/run/cancelled", GINT_TO_POINTER (BY_CANCEL),
                        test_service_run);
  g_test_add_data_func ("/socket-service/run/explicit-cancellable",
                        GINT_TO_POINTER (BY_CANCELLABLE), test_service_run);
  g_test_add_data_func ("/socket-service/run/deadline", GINT_TO_POINTER (BY_DEADLINE),
                        test_service_run);
  g_test_add_data_func ("/socket-service/run/stop", GINT_TO_POINTER (BY_STOP), test_service_run);
  g_test_add_data_func ("/socket-service/run/service-cancel",
                        GINT_TO_POINTER (BY_SERVICE_CANCEL), test_service_run);
  g_test_add_func ("/socket-service/states", test_service_states);
  g_test_add_func ("/socket-service/properties", test_service_properties);
  g_test_add_func ("/socket-service/drain/waits", test_service_drain);
  g_test_add_data_func ("/socket-service/drain/cancelled", GINT_TO_POINTER (BY_CANCEL),
                        test_service_drain_ended);
  g_test_add_data_func ("/socket-service/drain/explicit-cancellable",
                        GINT_TO_POINTER (BY_CANCELLABLE), test_service_drain_ended);
  g_test_add_data_func ("/socket-service/drain/deadline", GINT_TO_POINTER (BY_DEADLINE),
                        test_service_drain_ended);
  g_test_add_data_func ("/socket-service/drain/stop", GINT_TO_POINTER (BY_STOP),
                        test_service_drain_ended);
  g_test_add_data_func ("/socket-service/drain/service-cancel",
                        GINT_TO_POINTER (BY_SERVICE_CANCEL), test_service_drain_ended);
  g_test_add_func ("/socket-service/drain/race", test_service_drain_race);
  g_test_add_func ("/socket-service/stop/cancelled-before", test_service_stop_cancelled_before);
  g_test_add_func ("/socket-service/stop/inside", test_service_stop_inside);
  g_test_add_func ("/socket-service/stop/race", test_service_cancel_race);
  g_test_add_func ("/socket-service/loop-thread", test_service_loop_thread);
  g_test_add_func ("/socket-service/failure", test_service_failure);
  g_test_add_func ("/socket-service/listener-closed", test_service_listener_closed);
  g_test_add_func ("/socket-service/no-address", test_service_no_address);
  g_test_add_func ("/socket-service/max-connections", test_service_max_connections);
  g_test_add_func ("/socket-service/full-stopped", test_service_full_stopped);
  g_test_add_func ("/socket-service/no-fds/survived", test_service_no_fds);
  g_test_add_func ("/socket-service/no-fds/stopped", test_service_no_fds_stopped);
  g_test_add_func ("/socket-service/dropped", test_service_dropped);
  g_test_add_func ("/socket-service/dropped-inside", test_service_dropped_inside);
  g_test_add_func ("/socket-service/destroy", test_service_destroy);
  g_test_add_func ("/socket-service/forgets", test_service_forgets);

  return g_test_run ();
}
