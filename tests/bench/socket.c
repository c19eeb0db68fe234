/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A server that echoes messages of 64 bytes with a thread for each connection,
 * against the same server written with GThread, GSocket's blocking calls and a
 * cancellable for each connection, by which its thread can be ended.
 *
 * Each server is a process, and has a client of its own, another process, which
 * is the same for both: one thread with an epoll set that has one message on its
 * way on each connection. Both servers are there all the time and are measured in
 * turns. Wall time is per message, as the client sees it; CPU time is the
 * server's alone.
 */

#include "families.h"

#include <errno.h>
#include <gio/gio.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define MESSAGE 64
#define BUFFER 4096
#define EVENTS 256
#define LIMIT 20000 /* milliseconds; only a hang takes this long */

/* For each connection its own, and the peer's cancellable another while it waits. */
#define FILES(n) (2 * (n) + 100)

/* The client */

typedef struct
{
  int fd;
  gsize received; /* of the answer */
  guint64 message[MESSAGE / sizeof (guint64)];
} Connection;

static struct
{
  Connection *connections;
  guint64 n_connections;
  int epoll_fd;
  guint64 serial; /* of the latest message */
} client;

static void
connect_to (Connection *self,
            guint16     port)
{
  struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons (port) };
  struct epoll_event event = { .events = EPOLLIN, .data.ptr = self };

  address.sin_addr.s_addr = htonl (INADDR_LOOPBACK);
  self->fd = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (self->fd == -1 || connect (self->fd, (struct sockaddr *) &address, sizeof address) != 0 ||
      epoll_ctl (client.epoll_fd, EPOLL_CTL_ADD, self->fd, &event) != 0)
    bench_fail ("a connection: %s", g_strerror (errno));
}

/* The size is the number of connections, with the port in the lower 16 bits. */
static void
client_setup (guint64 size)
{
  client.n_connections = size >> 16;
  bench_allow_files (FILES (client.n_connections));
  client.connections = g_new0 (Connection, client.n_connections);
  client.epoll_fd = epoll_create1 (EPOLL_CLOEXEC);
  for (guint64 i = 0; i < client.n_connections; i++)
    connect_to (&client.connections[i], (guint16) size);
}

static void
send_message (Connection *self)
{
  self->message[0] = ++client.serial;
  self->received = 0;
  if (send (self->fd, self->message, MESSAGE, MSG_NOSIGNAL) != MESSAGE)
    bench_fail ("send: %s", g_strerror (errno));
}

/* Returns whether the answer is complete. */
static gboolean
receive_answer (Connection *self)
{
  guint64 answer[MESSAGE / sizeof (guint64)];
  gssize n = recv (self->fd, answer, MESSAGE - self->received, MSG_DONTWAIT);

  if (n <= 0)
    bench_fail ("recv: %s", n == 0 ? "the server has closed" : g_strerror (errno));
  if (memcmp (answer, (char *) self->message + self->received, n) != 0)
    bench_fail ("an answer is not what was sent");
  self->received += n;
  return self->received == MESSAGE;
}

static void
client_measure (guint64      n,
                BenchSample *sample)
{
  struct epoll_event events[EVENTS];
  guint64 n_sent = MIN (n, client.n_connections);
  guint64 n_answered = 0;
  BenchClock stopwatch;

  bench_start (&stopwatch);
  for (guint64 i = 0; i < n_sent; i++)
    send_message (&client.connections[i]);
  while (n_answered < n)
    {
      int n_events = epoll_wait (client.epoll_fd, events, EVENTS, LIMIT);

      if (n_events <= 0)
        bench_fail ("the server does not answer");
      for (int i = 0; i < n_events; i++)
        {
          if (!receive_answer (events[i].data.ptr))
            continue;
          n_answered++;
          if (n_sent < n)
            {
              send_message (events[i].data.ptr);
              n_sent++;
            }
        }
    }
  bench_stop (&stopwatch, n, sample);
}

/* The servers */

static gboolean
echo_ours (ThredoThread  *thread,
           gpointer       user_data,
           GError       **error)
{
  GSocket *socket = user_data;
  char buffer[BUFFER];
  gssize n;

  while ((n = thredo_socket_receive (socket, buffer, sizeof buffer, NULL, error)) > 0)
    {
      if (thredo_socket_send (socket, buffer, n, NULL, error) != n)
        return FALSE;
    }
  return n == 0;
}

static gpointer
echo_peer (gpointer user_data)
{
  g_autoptr(GSocket) socket = user_data;
  g_autoptr(GCancellable) cancellable = g_cancellable_new ();
  g_autoptr(GError) error = NULL;
  char buffer[BUFFER];
  gssize n;

  while ((n = g_socket_receive (socket, buffer, sizeof buffer, cancellable, &error)) > 0)
    {
      if (g_socket_send (socket, buffer, n, cancellable, &error) != n)
        break;
    }
  return NULL;
}

static void
serve_ours (GSocket *connection)
{
  static ThredoGroup *group;
  g_autoptr(ThredoThread) thread = NULL;
  g_autoptr(GError) error = NULL;

  if (group == NULL)
    group = thredo_group_new (THREDO_GROUP_WAIT_ALL);
  thread = thredo_group_spawn (group, "echo", echo_ours, connection, g_object_unref, &error);
  if (thread == NULL)
    bench_fail ("spawn: %s", error->message);
}

static void
serve_peer (GSocket *connection)
{
  g_thread_unref (g_thread_new ("echo", echo_peer, connection));
}

static BenchChild *clients;

static GSocket *
listen_on_loopback (guint64  backlog,
                    guint16 *port)
{
  g_autoptr(GSocketAddress) any = g_inet_socket_address_new_from_string ("127.0.0.1", 0);
  g_autoptr(GSocketAddress) address = NULL;
  g_autoptr(GError) error = NULL;
  GSocket *listener = g_socket_new (G_SOCKET_FAMILY_IPV4, G_SOCKET_TYPE_STREAM,
                                    G_SOCKET_PROTOCOL_DEFAULT, &error);

  if (listener == NULL)
    bench_fail ("socket: %s", error->message);
  g_socket_set_listen_backlog (listener, (int) backlog);
  if (!g_socket_bind (listener, any, TRUE, &error) || !g_socket_listen (listener, &error) ||
      (address = g_socket_get_local_address (listener, &error)) == NULL)
    bench_fail ("listen: %s", error->message);
  *port = g_inet_socket_address_get_port (G_INET_SOCKET_ADDRESS (address));
  return listener;
}

/* The client is connected before anything is accepted: the backlog has room for all. */
static void
set_up_server (guint64 n_connections,
               void (*serve) (GSocket *connection))
{
  g_autoptr(GSocket) listener = NULL;
  guint16 port;

  bench_allow_files (FILES (n_connections));
  listener = listen_on_loopback (n_connections, &port);
  clients = bench_child_new ("echo-client", n_connections << 16 | port);
  for (guint64 i = 0; i < n_connections; i++)
    {
      g_autoptr(GError) error = NULL;
      GSocket *connection = g_socket_accept (listener, NULL, &error);

      if (connection == NULL)
        bench_fail ("accept: %s", error->message);
      serve (connection);
    }
}

static void
ours_setup (guint64 size)
{
  set_up_server (size, serve_ours);
}

static void
peer_setup (guint64 size)
{
  set_up_server (size, serve_peer);
}

static void
server_measure (guint64      n,
                BenchSample *sample)
{
  BenchSample seen_by_client;
  BenchClock stopwatch;

  bench_start (&stopwatch);
  bench_child_measure (clients, n, &seen_by_client);
  bench_stop (&stopwatch, n, sample);
  sample->wall = seen_by_client.wall;
}

/* Rows */

static BenchChild *server_ours;
static BenchChild *server_peer;

static void
start_servers (guint64 n_connections)
{
  server_ours = bench_child_new ("echo-ours", n_connections);
  server_peer = bench_child_new ("echo-peer", n_connections);
}

static void
enter_1 (void)
{
  start_servers (1);
}

static void
enter_64 (void)
{
  start_servers (bench_size (64, 8));
}

static void
enter_1000 (void)
{
  start_servers (bench_size (1000, 20));
}

static const char *
obstacle_1000 (void)
{
  return bench_allow_files (FILES (bench_size (1000, 20))) ? NULL : "too few files are allowed";
}

static void
leave (void)
{
  g_clear_pointer (&server_ours, bench_child_free);
  g_clear_pointer (&server_peer, bench_child_free);
}

static void
ours (guint64      n,
      BenchSample *sample)
{
  bench_child_measure (server_ours, n, sample);
}

static void
peer (guint64      n,
      BenchSample *sample)
{
  bench_child_measure (server_peer, n, sample);
}

const BenchRole socket_roles[] = {
  { "echo-client", client_setup, client_measure },
  { "echo-ours", ours_setup, server_measure },
  { "echo-peer", peer_setup, server_measure },
  { NULL }
};

const BenchRow socket_rows[] = {
  {
      .name = "socket/echo-1",
      .work = "echo of 64 bytes, a thread per connection, 1 connection, per message",
      .against = "blocking GSocket, GCancellable",
      .unit = "ns",
      .flags = BENCH_SAME_N,
      .n = 200,
      .milliseconds = 150,
      .ours = ours,
      .peer = peer,
      .enter = enter_1,
      .leave = leave,
  },
  {
      .name = "socket/echo-64",
      .work = "… 64 connections",
      .against = "blocking GSocket, GCancellable",
      .unit = "ns",
      .budget = 1.0,
      .flags = BENCH_SAME_N,
      .n = 1000,
      .milliseconds = 300,
      .ours = ours,
      .peer = peer,
      .enter = enter_64,
      .leave = leave,
  },
  {
      .name = "socket/echo-1000",
      .work = "… 1,000 connections",
      .against = "blocking GSocket, GCancellable",
      .unit = "ns",
      .budget = 0.77,
      .flags = BENCH_SAME_N,
      .n = 10000,
      .milliseconds = 500,
      .ours = ours,
      .peer = peer,
      .obstacle = obstacle_1000,
      .enter = enter_1000,
      .leave = leave,
  },
  { NULL }
};
