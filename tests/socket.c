/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The calls on GSocket: every one of them ended in every way, what was moved before, errors. */

#include "ways.h"

#include <errno.h>
#include <fcntl.h>
#include <gio/gunixcredentialsmessage.h>
#include <gio/gunixfdmessage.h>
#include <gio/gunixsocketaddress.h>
#include <glib/gstdio.h>
#include <netinet/in.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#define BLOCK 4096
#define HUGE (8 * 1024 * 1024)

/* Two sockets that are connected, and what was moved. */
typedef struct
{
  GSocket *near;
  GSocket *far;
  GSocket *third;
  GSocketAddress *address;
  GSource *sources;
  char *buffer;
  gsize moved;
} Pair;

static GSocket *
socket_from_fd (int fd)
{
  g_autoptr(GError) error = NULL;
  GSocket *socket = g_socket_new_from_fd (fd, &error);

  g_assert_no_error (error);
  return socket;
}

static gpointer
set_up_of_type (int type)
{
  Pair *self = g_new0 (Pair, 1);
  int fds[2];

  g_assert_cmpint (socketpair (AF_UNIX, type | SOCK_CLOEXEC, 0, fds), ==, 0);
  self->near = socket_from_fd (fds[0]);
  self->far = socket_from_fd (fds[1]);
  self->buffer = g_malloc0 (HUGE);
  return self;
}

static gpointer
set_up_stream (void)
{
  return set_up_of_type (SOCK_STREAM);
}

static gpointer
set_up_datagram (void)
{
  return set_up_of_type (SOCK_DGRAM);
}

static void
fill (GSocket *socket)
{
  char block[BLOCK] = { 0 };

  while (send (g_socket_get_fd (socket), block, sizeof block, MSG_DONTWAIT) > 0)
    ;
  g_assert_cmpint (errno, ==, EAGAIN);
  while (send (g_socket_get_fd (socket), block, 1, MSG_DONTWAIT) > 0)
    ;
}

static gsize
drain (GSocket *socket)
{
  static char block[BLOCK];
  gsize total = 0;
  gssize n;

  while ((n = recv (g_socket_get_fd (socket), block, sizeof block, MSG_DONTWAIT)) > 0)
    total += (gsize) n;
  return total;
}

static gpointer
set_up_full_stream (void)
{
  Pair *self = set_up_stream ();

  fill (self->near);
  return self;
}

static gpointer
set_up_full_datagram (void)
{
  Pair *self = set_up_datagram ();

  fill (self->near);
  return self;
}

static void
tear_down (gpointer data)
{
  Pair *self = data;

  g_clear_object (&self->near);
  g_clear_object (&self->far);
  g_clear_object (&self->third);
  g_clear_object (&self->address);
  g_free (self->buffer);
  g_free (self);
}

static void
send_far (Pair       *self,
          const char *text)
{
  g_autoptr(GError) error = NULL;

  g_assert_cmpint (g_socket_send (self->far, text, strlen (text), NULL, &error), ==, strlen (text));
  g_assert_no_error (error);
}

static void
complete_receive (gpointer data)
{
  send_far (data, "hello");
}

/* What a failed receive has left where it was. */
static void
assert_not_received (gpointer data)
{
  Pair *self = data;
  char buffer[16];
  gssize n;

  if (g_socket_condition_check (self->near, G_IO_IN) == 0)
    send_far (self, "hello");
  n = g_socket_receive (self->near, buffer, sizeof buffer, NULL, NULL);
  g_assert_cmpmem (buffer, n, "hello", 5);
}

static gboolean
wait_receive (gpointer       data,
              GCancellable  *cancellable,
              GError       **error)
{
  Pair *self = data;
  char buffer[16];
  gssize n = thredo_socket_receive (self->near, buffer, sizeof buffer, cancellable, error);

  if (n < 0)
    return FALSE;
  g_assert_cmpmem (buffer, n, "hello", 5);
  return TRUE;
}

static gboolean
wait_receive_all (gpointer       data,
                  GCancellable  *cancellable,
                  GError       **error)
{
  Pair *self = data;
  char buffer[5];

  if (!thredo_socket_receive_all (self->near, buffer, sizeof buffer, &self->moved, cancellable,
                                  error))
    {
      g_assert_cmpuint (self->moved, ==, 0);
      return FALSE;
    }
  g_assert_cmpmem (buffer, self->moved, "hello", 5);
  return TRUE;
}

static gboolean
wait_receive_from (gpointer       data,
                   GCancellable  *cancellable,
                   GError       **error)
{
  Pair *self = data;
  char buffer[16];
  gssize n = thredo_socket_receive_from (self->near, NULL, buffer, sizeof buffer, cancellable,
                                         error);

  if (n < 0)
    return FALSE;
  g_assert_cmpmem (buffer, n, "hello", 5);
  return TRUE;
}

static gboolean
wait_receive_message (gpointer       data,
                      GCancellable  *cancellable,
                      GError       **error)
{
  Pair *self = data;
  char first[2];
  char second[8];
  GInputVector vectors[] = { { first, sizeof first }, { second, sizeof second } };
  int flags = 0;
  gssize n = thredo_socket_receive_message (self->near, NULL, vectors, 2, NULL, NULL, &flags,
                                            cancellable, error);

  if (n < 0)
    return FALSE;
  g_assert_cmpint (n, ==, 5);
  g_assert_cmpmem (first, 2, "he", 2);
  g_assert_cmpmem (second, 3, "llo", 3);
  return TRUE;
}

static void
complete_send (gpointer data)
{
  drain (((Pair *) data)->far);
}

static gboolean
wait_send (gpointer       data,
           GCancellable  *cancellable,
           GError       **error)
{
  Pair *self = data;

  return thredo_socket_send (self->near, self->buffer, 16, cancellable, error) == 16;
}

static gboolean
wait_send_all (gpointer       data,
               GCancellable  *cancellable,
               GError       **error)
{
  Pair *self = data;
  gboolean sent = thredo_socket_send_all (self->near, self->buffer, 16, &self->moved, cancellable,
                                          error);

  g_assert_cmpuint (self->moved, ==, sent ? 16 : 0);
  return sent;
}

static gboolean
wait_send_to (gpointer       data,
              GCancellable  *cancellable,
              GError       **error)
{
  Pair *self = data;

  return thredo_socket_send_to (self->near, NULL, self->buffer, 16, cancellable, error) == 16;
}

static gboolean
wait_send_message (gpointer       data,
                   GCancellable  *cancellable,
                   GError       **error)
{
  Pair *self = data;
  GOutputVector vectors[] = { { self->buffer, 8 }, { self->buffer + 8, 8 } };

  return thredo_socket_send_message (self->near, NULL, vectors, 2, NULL, 0, 0, cancellable,
                                     error) == 16;
}

static gboolean
wait_condition (gpointer       data,
                GCancellable  *cancellable,
                GError       **error)
{
  Pair *self = data;

  return thredo_socket_wait (self->near, G_IO_IN, cancellable, error) == G_IO_IN;
}

static GSocket *
tcp_listen (int backlog)
{
  g_autoptr(GInetAddress) any = g_inet_address_new_loopback (G_SOCKET_FAMILY_IPV4);
  g_autoptr(GSocketAddress) address = g_inet_socket_address_new (any, 0);
  g_autoptr(GError) error = NULL;
  GSocket *socket = NULL;

  socket = g_socket_new (G_SOCKET_FAMILY_IPV4, G_SOCKET_TYPE_STREAM, G_SOCKET_PROTOCOL_TCP, &error);
  g_assert_no_error (error);
  g_socket_bind (socket, address, FALSE, &error);
  g_assert_no_error (error);
  g_socket_set_listen_backlog (socket, backlog);
  g_socket_listen (socket, &error);
  g_assert_no_error (error);
  return socket;
}

static GSocket *
tcp_new (void)
{
  g_autoptr(GError) error = NULL;
  GSocket *socket = NULL;

  socket = g_socket_new (G_SOCKET_FAMILY_IPV4, G_SOCKET_TYPE_STREAM, G_SOCKET_PROTOCOL_TCP, &error);
  g_assert_no_error (error);
  return socket;
}

static GSocket *
udp_new (void)
{
  g_autoptr(GInetAddress) any = g_inet_address_new_loopback (G_SOCKET_FAMILY_IPV4);
  g_autoptr(GSocketAddress) address = g_inet_socket_address_new (any, 0);
  g_autoptr(GError) error = NULL;
  GSocket *socket = NULL;

  socket = g_socket_new (G_SOCKET_FAMILY_IPV4, G_SOCKET_TYPE_DATAGRAM, 0, &error);
  g_assert_no_error (error);
  g_socket_bind (socket, address, FALSE, &error);
  g_assert_no_error (error);
  return socket;
}

static GSocketAddress *
address_of (GSocket *socket)
{
  g_autoptr(GError) error = NULL;
  GSocketAddress *address = g_socket_get_local_address (socket, &error);

  g_assert_no_error (error);
  return address;
}

/* The near one listens. */
static gpointer
set_up_listen (void)
{
  Pair *self = g_new0 (Pair, 1);

  self->near = tcp_listen (10);
  self->address = address_of (self->near);
  return self;
}

static void
complete_accept (gpointer data)
{
  Pair *self = data;
  g_autoptr(GError) error = NULL;

  if (self->far != NULL)
    return;
  self->far = tcp_new ();
  g_socket_connect (self->far, self->address, NULL, &error);
  g_assert_no_error (error);
}

static gboolean
wait_accept (gpointer       data,
             GCancellable  *cancellable,
             GError       **error)
{
  Pair *self = data;
  g_autoptr(GSocket) accepted = thredo_socket_accept (self->near, cancellable, error);

  if (accepted == NULL)
    return FALSE;
  g_assert_true (g_socket_is_connected (accepted));
  g_assert_cmpint (fcntl (g_socket_get_fd (accepted), F_GETFD), ==, FD_CLOEXEC);
  return TRUE;
}

static void
assert_not_accepted (gpointer data)
{
  Pair *self = data;
  g_autoptr(GSocket) accepted = NULL;

  complete_accept (self);
  accepted = g_socket_accept (self->near, NULL, NULL);
  g_assert_nonnull (accepted);
}

/* The queue of connections that nobody accepts is full, so the kernel does not answer. The far one
 * listens, and the third is in its queue. */
static gpointer
set_up_silent (void)
{
  Pair *self = g_new0 (Pair, 1);
  g_autoptr(GError) error = NULL;

  self->far = tcp_listen (0);
  self->address = address_of (self->far);
  self->third = tcp_new ();
  g_socket_connect (self->third, self->address, NULL, &error);
  g_assert_no_error (error);
  self->near = tcp_new ();
  return self;
}

/* The kernel tries again after a second. */
static void
complete_connect (gpointer data)
{
  Pair *self = data;
  g_autoptr(GSocket) accepted = NULL;
  g_autoptr(GError) error = NULL;

  accepted = g_socket_accept (self->far, NULL, &error);
  g_assert_no_error (error);
}

static gboolean
wait_connect (gpointer       data,
              GCancellable  *cancellable,
              GError       **error)
{
  Pair *self = data;

  if (!thredo_socket_connect (self->near, self->address, cancellable, error))
    {
      g_socket_close (self->near, NULL);
      return FALSE;
    }
  g_assert_true (g_socket_is_connected (self->near));
  return TRUE;
}

static const WaysWait waits[] = {
  { "/socket/receive", "receive on Socket", set_up_stream, tear_down, wait_receive,
    complete_receive, assert_not_received },
  { "/socket/receive-all", "receive on Socket", set_up_stream, tear_down, wait_receive_all,
    complete_receive, assert_not_received },
  { "/socket/receive-from", "receive_message on Socket", set_up_datagram, tear_down,
    wait_receive_from, complete_receive, assert_not_received },
  { "/socket/receive-message", "receive_message on Socket", set_up_datagram, tear_down,
    wait_receive_message, complete_receive, assert_not_received },
  { "/socket/send", "send on Socket", set_up_full_stream, tear_down, wait_send, complete_send,
    NULL },
  { "/socket/send-all", "send on Socket", set_up_full_stream, tear_down, wait_send_all,
    complete_send, NULL },
  { "/socket/send-to", "send_message on Socket", set_up_full_datagram, tear_down, wait_send_to,
    complete_send, NULL },
  { "/socket/send-message", "send_message on Socket", set_up_full_datagram, tear_down,
    wait_send_message, complete_send, NULL },
  { "/socket/wait", "wait on Socket", set_up_stream, tear_down, wait_condition, complete_receive,
    assert_not_received },
  { "/socket/accept", "accept on Socket", set_up_listen, tear_down, wait_accept, complete_accept,
    assert_not_accepted },
  { "/socket/connect", "connect on Socket", set_up_silent, tear_down, wait_connect,
    complete_connect, NULL },
};

/* One end of a pair in a thread of its own. */
typedef struct
{
  Pair *pair;
  gsize size;
  gsize moved;
  gboolean result;
  GError *error;
} Mover;

static gboolean
receive_all (ThredoThread  *thread,
             gpointer       data,
             GError       **error)
{
  Mover *self = data;

  self->result = thredo_socket_receive_all (self->pair->near, self->pair->buffer, self->size,
                                            &self->moved, NULL, &self->error);
  return TRUE;
}

static gboolean
send_all (ThredoThread  *thread,
          gpointer       data,
          GError       **error)
{
  Mover *self = data;

  self->result = thredo_socket_send_all (self->pair->near, self->pair->buffer, self->size,
                                         &self->moved, NULL, &self->error);
  return TRUE;
}

static ThredoThread *
spawn (ThredoThreadFunc func,
       gpointer         data)
{
  g_autoptr(GError) error = NULL;
  ThredoThread *thread = thredo_thread_spawn ("mover", func, data, NULL, &error);

  g_assert_no_error (error);
  return thread;
}

static gboolean
has_nothing_unread (gpointer socket)
{
  return g_socket_get_available_bytes (socket) == 0;
}

/* Bytes that came before the cancel are accounted for. */
static void
test_receive_partial (void)
{
  Pair *pair = set_up_stream ();
  Mover mover = { .pair = pair, .size = 100 };
  g_autoptr(ThredoThread) thread = spawn (receive_all, &mover);

  send_far (pair, "some of it");
  support_wait_for ("receiving", has_nothing_unread, pair->near);
  support_wait_for_wait (thread, "receive on Socket");
  thredo_thread_cancel (thread);
  thredo_thread_wait (thread, NULL, NULL);

  g_assert_false (mover.result);
  support_assert_cancelled (&mover.error);
  g_assert_cmpmem (pair->buffer, mover.moved, "some of it", 10);
  tear_down (pair);
}

/* As many bytes as it says are there for the other end to read, and no more. */
static void
test_send_partial (void)
{
  Pair *pair = set_up_stream ();
  Mover mover = { .pair = pair, .size = HUGE };
  g_autoptr(ThredoThread) thread = spawn (send_all, &mover);

  support_wait_for_wait (thread, "send on Socket");
  thredo_thread_cancel (thread);
  thredo_thread_wait (thread, NULL, NULL);

  g_assert_false (mover.result);
  support_assert_cancelled (&mover.error);
  g_assert_cmpuint (mover.moved, >, 0);
  g_assert_cmpuint (mover.moved, <, HUGE);
  g_assert_cmpuint (drain (pair->far), ==, mover.moved);
  tear_down (pair);
}

static void
test_receive_end (void)
{
  Pair *pair = set_up_stream ();
  Mover mover = { .pair = pair, .size = 100 };
  g_autoptr(GError) error = NULL;
  char byte;

  send_far (pair, "that is all");
  g_socket_close (pair->far, NULL);
  receive_all (NULL, &mover, NULL);
  g_assert_no_error (mover.error);
  g_assert_true (mover.result);
  g_assert_cmpmem (pair->buffer, mover.moved, "that is all", 11);

  g_assert_cmpint (thredo_socket_receive (pair->near, &byte, 1, NULL, &error), ==, 0);
  g_assert_no_error (error);
  tear_down (pair);
}

static void
test_both_directions (void)
{
  Pair *pair = set_up_stream ();
  g_autofree char *expected = g_malloc (HUGE);
  g_autofree char *received = g_malloc (HUGE);
  Mover mover = { .pair = pair, .size = HUGE };
  g_autoptr(ThredoThread) thread = NULL;
  g_autoptr(GError) error = NULL;
  gsize n;

  for (gsize i = 0; i < HUGE; i++)
    expected[i] = pair->buffer[i] = (char) (i * 7 + i / 251);
  thread = spawn (send_all, &mover);
  g_assert_true (thredo_socket_receive_all (pair->far, received, HUGE, &n, NULL, &error));
  g_assert_no_error (error);
  g_assert_cmpmem (received, n, expected, HUGE);
  support_join_ok (thread);
  g_assert_true (mover.result);
  g_assert_cmpuint (mover.moved, ==, HUGE);
  tear_down (pair);
}

static int n_signals;

static void
on_broken_pipe (int number)
{
  g_atomic_int_inc (&n_signals);
}

static void
test_broken_pipe (void)
{
  struct sigaction action = { .sa_handler = on_broken_pipe };
  struct sigaction before;
  Pair *pair = set_up_stream ();
  GOutputVector vector = { "x", 1 };
  g_autoptr(GError) error = NULL;

  /* GSocket has the signal ignored; others may not. */
  sigaction (SIGPIPE, &action, &before);
  g_socket_close (pair->far, NULL);
  g_assert_cmpint (thredo_socket_send (pair->near, "x", 1, NULL, &error), ==, -1);
  support_assert_error (&error, G_IO_ERROR, G_IO_ERROR_BROKEN_PIPE);
  g_assert_cmpint (thredo_socket_send_message (pair->near, NULL, &vector, 1, NULL, 0, 0, NULL,
                                               &error),
                   ==, -1);
  support_assert_error (&error, G_IO_ERROR, G_IO_ERROR_BROKEN_PIPE);
  g_assert_cmpint (g_atomic_int_get (&n_signals), ==, 0);
  sigaction (SIGPIPE, &before, NULL);
  tear_down (pair);
}

/* A pair by TCP. */
static Pair *
set_up_tcp (void)
{
  Pair *pair = g_new0 (Pair, 1);
  g_autoptr(GSocket) listener = tcp_listen (1);
  g_autoptr(GSocketAddress) address = address_of (listener);
  g_autoptr(GError) error = NULL;

  pair->near = tcp_new ();
  g_assert_true (thredo_socket_connect (pair->near, address, NULL, &error));
  g_assert_no_error (error);
  pair->far = thredo_socket_accept (listener, NULL, &error);
  g_assert_no_error (error);
  pair->buffer = g_malloc0 (HUGE);
  return pair;
}

static void
test_reset (void)
{
  Pair *pair = set_up_tcp ();
  struct linger linger = { 1, 0 };
  Mover mover = { .pair = pair, .size = 100 };
  g_autoptr(ThredoThread) thread = spawn (receive_all, &mover);

  support_wait_for_wait (thread, "receive on Socket");
  setsockopt (g_socket_get_fd (pair->far), SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
  g_socket_close (pair->far, NULL);
  support_join_ok (thread);
  g_assert_false (mover.result);
  support_assert_error (&mover.error, G_IO_ERROR, G_IO_ERROR_CONNECTION_CLOSED);
  tear_down (pair);
}

static void
test_refused (void)
{
  g_autoptr(GSocket) listener = tcp_listen (1);
  g_autoptr(GSocketAddress) address = address_of (listener);
  g_autoptr(GSocket) socket = tcp_new ();
  g_autoptr(GError) error = NULL;

  g_socket_close (listener, NULL);
  g_assert_false (thredo_socket_connect (socket, address, NULL, &error));
  support_assert_error (&error, G_IO_ERROR, G_IO_ERROR_CONNECTION_REFUSED);
  g_assert_true (g_socket_get_blocking (socket));
}

/* A local socket whose queue is full says so at once, and is tried again. */
typedef struct
{
  GSocketAddress *address;
  GSocket *listener;
  guint timeout;
  GError *error;
  gboolean connected;
} LocalConnect;

static gboolean
connect_local (ThredoThread  *thread,
               gpointer       data,
               GError       **error)
{
  LocalConnect *self = data;
  g_autoptr(GSocket) socket = NULL;

  socket = g_socket_new (G_SOCKET_FAMILY_UNIX, G_SOCKET_TYPE_STREAM, 0, NULL);
  g_socket_set_timeout (socket, self->timeout);
  self->connected = thredo_socket_connect (socket, self->address, NULL, &self->error);
  return TRUE;
}

static void
test_full_local_queue (void)
{
  g_autofree char *name = g_strdup_printf ("thredo-test-%d", (int) getpid ());
  LocalConnect test = { 0 };
  GSocket *queued[3];
  g_autoptr(ThredoThread) thread = NULL;
  g_autoptr(GError) error = NULL;
  guint n_queued = 0;

  test.address = g_unix_socket_address_new_with_type (name, -1, G_UNIX_SOCKET_ADDRESS_ABSTRACT);
  test.listener = g_socket_new (G_SOCKET_FAMILY_UNIX, G_SOCKET_TYPE_STREAM, 0, &error);
  g_assert_no_error (error);
  g_socket_bind (test.listener, test.address, FALSE, &error);
  g_assert_no_error (error);
  g_socket_set_listen_backlog (test.listener, 0);
  g_socket_listen (test.listener, &error);
  g_assert_no_error (error);

  for (n_queued = 0; n_queued < G_N_ELEMENTS (queued); n_queued++)
    {
      queued[n_queued] = g_socket_new (G_SOCKET_FAMILY_UNIX, G_SOCKET_TYPE_STREAM, 0, &error);
      g_socket_set_blocking (queued[n_queued], FALSE);
      if (!g_socket_connect (queued[n_queued], test.address, NULL, NULL))
        {
          g_object_unref (queued[n_queued]);
          break;
        }
    }
  g_assert_cmpuint (n_queued, <, G_N_ELEMENTS (queued));

  thread = spawn (connect_local, &test);
  support_wait_for_state (thread, THREDO_THREAD_STATE_WAITING);
  thredo_thread_cancel (thread);
  thredo_thread_wait (thread, NULL, NULL);
  support_assert_cancelled (&test.error);
  g_clear_object (&thread);

  test.timeout = 1;
  thread = spawn (connect_local, &test);
  support_join_ok (thread);
  g_assert_cmpstr (test.error->message, ==, "Socket I/O timed out");
  support_assert_timed_out (&test.error);
  g_clear_object (&thread);

  test.timeout = 0;
  thread = spawn (connect_local, &test);
  support_wait_for_state (thread, THREDO_THREAD_STATE_WAITING);
  for (guint i = 0; i < n_queued; i++)
    {
      GSocket *accepted = thredo_socket_accept (test.listener, NULL, &error);

      g_assert_no_error (error);
      g_object_unref (accepted);
      g_object_unref (queued[i]);
    }
  support_join_ok (thread);
  g_assert_no_error (test.error);
  g_assert_true (test.connected);

  g_object_unref (test.listener);
  g_object_unref (test.address);
}

static void
test_closed (void)
{
  Pair *pair = set_up_stream ();
  g_autoptr(GSocket) accepted = NULL;
  g_autoptr(GError) error = NULL;
  char byte = 0;

  g_assert_true (thredo_socket_close (pair->near, &error));
  g_assert_no_error (error);
  g_assert_true (thredo_socket_close (pair->near, &error));
  g_assert_no_error (error);
  g_assert_true (g_socket_is_closed (pair->near));
  g_assert_cmpint (thredo_socket_receive (pair->near, &byte, 1, NULL, &error), ==, -1);
  support_assert_closed (&error);
  g_assert_cmpint (thredo_socket_send (pair->near, &byte, 1, NULL, &error), ==, -1);
  support_assert_closed (&error);
  g_assert_cmpint (thredo_socket_receive_from (pair->near, NULL, &byte, 1, NULL, &error), ==, -1);
  support_assert_closed (&error);
  g_assert_cmpint (thredo_socket_send_to (pair->near, NULL, &byte, 1, NULL, &error), ==, -1);
  support_assert_closed (&error);
  g_assert_cmpint (thredo_socket_wait (pair->near, G_IO_IN, NULL, &error), ==, 0);
  support_assert_closed (&error);
  accepted = thredo_socket_accept (pair->near, NULL, &error);
  g_assert_null (accepted);
  support_assert_closed (&error);
  tear_down (pair);
}

/* Closed by another thread while two wait, with a word to them and without. */
static void
close_meanwhile (gboolean (*close_it) (GSocket  *socket,
                                       GError  **error))
{
  Pair *pair = set_up_full_stream ();
  Mover receiver = { .pair = pair, .size = 100 };
  Mover sender = { .pair = pair, .size = 100 };
  g_autoptr(ThredoThread) receiving = spawn (receive_all, &receiver);
  g_autoptr(ThredoThread) sending = spawn (send_all, &sender);
  g_autoptr(GError) error = NULL;

  support_wait_for_wait (receiving, "receive on Socket");
  support_wait_for_wait (sending, "send on Socket");
  g_assert_true (close_it (pair->near, &error));
  g_assert_no_error (error);
  support_join_ok (receiving);
  support_join_ok (sending);
  g_assert_false (receiver.result);
  support_assert_closed (&receiver.error);
  g_assert_false (sender.result);
  support_assert_closed (&sender.error);
  tear_down (pair);
}

static void
test_closed_meanwhile (void)
{
  close_meanwhile (thredo_socket_close);
}

static void
test_closed_silently (void)
{
  close_meanwhile (g_socket_close);
}

/* The close comes anywhere between the first look and the wait, and the number is another socket's
 * at once: whoever waits hears of it, and is not left with the other's. */
static gpointer
take_numbers (gpointer data)
{
  int *stop = data;

  while (!g_atomic_int_get (stop))
    {
      int fds[2];

      if (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) == 0)
        {
          close (fds[0]);
          close (fds[1]);
        }
    }
  return NULL;
}

static void
test_race_close (void)
{
  guint rounds = support_rounds (20000);
  int stop = 0;
  GThread *taker = g_thread_new ("taker", take_numbers, &stop);

  for (guint i = 0; i < rounds; i++)
    {
      Pair *pair = g_new0 (Pair, 1);
      Mover mover = { .pair = pair, .size = 1 };
      g_autoptr(ThredoThread) thread = NULL;
      int fds[2];
      char byte;

      g_assert_cmpint (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), ==, 0);
      pair->near = socket_from_fd (fds[0]);
      pair->far = socket_from_fd (fds[1]);
      pair->buffer = &byte;
      thread = spawn (receive_all, &mover);
      for (volatile guint j = 0; j < i % 50 * 400; j++)
        ;
      thredo_socket_close (pair->near, NULL);
      support_join_ok (thread);
      /* Or it got nothing of somebody else's, which was closed. */
      if (mover.error != NULL)
        support_assert_closed (&mover.error);
      g_object_unref (pair->near);
      g_object_unref (pair->far);
      g_free (pair);
    }
  g_atomic_int_set (&stop, 1);
  g_thread_join (taker);
}

/* A byte and a deadline at the same time: it was received, or is still there. */
static gpointer
send_each (gpointer data)
{
  Pair *pair = data;
  guint rounds = (guint) pair->moved;
  GPollFD answer = { .fd = g_socket_get_fd (pair->far), .events = G_IO_IN };

  for (guint i = 0; i < rounds; i++)
    {
      char byte;

      g_assert_cmpint (send (answer.fd, "x", 1, 0), ==, 1);
      g_assert_cmpint (g_poll (&answer, 1, -1), ==, 1);
      g_assert_cmpint (recv (answer.fd, &byte, 1, MSG_DONTWAIT), ==, 1);
    }
  return NULL;
}

static void
test_race_deadline (void)
{
  Pair *pair = set_up_stream ();
  guint rounds = support_rounds (100000);
  guint n_received = 0;
  guint n_late = 0;
  GTimeSpan timeout = 0;
  GThread *sender;

  pair->moved = rounds;
  sender = g_thread_new ("sender", send_each, pair);
  for (guint i = 0; i < rounds; i++)
    {
      g_autoptr(ThredoScope) scope = thredo_scope_new_with_timeout (timeout);
      g_autoptr(GError) error = NULL;
      char byte;

      thredo_scope_enter (scope);
      if (thredo_socket_receive (pair->near, &byte, 1, NULL, &error) == 1)
        n_received++;
      else
        n_late++;
      thredo_scope_leave (scope);
      timeout = support_aim (timeout, error != NULL);
      if (error != NULL)
        {
          support_assert_timed_out (&error);
          g_assert_cmpint (thredo_socket_receive (pair->near, &byte, 1, NULL, &error), ==, 1);
        }
      g_assert_cmpint (recv (g_socket_get_fd (pair->near), &byte, 1, MSG_DONTWAIT), ==, -1);
      g_assert_cmpint (thredo_socket_send (pair->near, "y", 1, NULL, NULL), ==, 1);
    }
  g_thread_join (sender);
  g_test_message ("%u received, %u late", n_received, n_late);
  if (rounds >= 1000)
    {
      g_assert_cmpuint (n_received, >, 0);
      g_assert_cmpuint (n_late, >, 0);
    }
  pair->moved = 0;
  tear_down (pair);
}

/* The socket's own timeout, in seconds. */
static void
test_timeout (void)
{
  Pair *pair = set_up_stream ();
  g_autoptr(ThredoScope) scope = thredo_scope_new_with_timeout (SUPPORT_FOREVER);
  g_autoptr(GError) error = NULL;
  char byte;

  g_socket_set_timeout (pair->near, 1);
  g_assert_cmpint (thredo_socket_receive (pair->near, &byte, 1, NULL, &error), ==, -1);
  g_assert_cmpstr (error->message, ==, "Socket I/O timed out");
  support_assert_timed_out (&error);

  thredo_scope_enter (scope);
  g_assert_cmpint (thredo_socket_receive (pair->near, &byte, 1, NULL, &error), ==, -1);
  support_assert_timed_out (&error);
  g_assert_false (thredo_scope_is_expired (scope));
  thredo_scope_leave (scope);

  send_far (pair, "x");
  g_assert_cmpint (thredo_socket_receive (pair->near, &byte, 1, NULL, &error), ==, 1);
  g_assert_no_error (error);
  tear_down (pair);
}

/* One of so many seconds that it does not fit into 32 bits in microseconds. */
static void
test_long_timeout (void)
{
  Pair *pair = set_up_stream ();
  g_autoptr(ThredoScope) scope = thredo_scope_new_with_timeout (100 * G_TIME_SPAN_MILLISECOND);
  g_autoptr(GError) error = NULL;
  char byte;

  g_socket_set_timeout (pair->near, 4295);
  thredo_scope_enter (scope);
  g_assert_cmpint (thredo_socket_receive (pair->near, &byte, 1, NULL, &error), ==, -1);
  g_assert_true (thredo_scope_is_expired (scope));
  g_assert_cmpstr (error->message, !=, "Socket I/O timed out");
  support_assert_timed_out (&error);
  thredo_scope_leave (scope);
  tear_down (pair);
}

/* The property is about the program's thread, and all of these are about ours. */
static void
test_non_blocking (void)
{
  Pair *pair = set_up_stream ();
  Mover mover = { .pair = pair, .size = 5 };
  g_autoptr(ThredoThread) thread = NULL;

  g_socket_set_blocking (pair->near, FALSE);
  thread = spawn (receive_all, &mover);
  support_wait_for_wait (thread, "receive on Socket");
  send_far (pair, "hello");
  support_join_ok (thread);
  g_assert_true (mover.result);
  tear_down (pair);
}

static void
test_datagrams (void)
{
  g_autoptr(GSocket) here = udp_new ();
  g_autoptr(GSocket) there = udp_new ();
  g_autoptr(GSocketAddress) to = address_of (there);
  g_autoptr(GSocketAddress) own = address_of (here);
  g_autoptr(GSocketAddress) from = NULL;
  g_autoptr(GError) error = NULL;
  char buffer[16];
  gssize n;

  g_assert_cmpint (thredo_socket_send_to (here, to, "first", 5, NULL, &error), ==, 5);
  g_assert_no_error (error);
  g_assert_cmpint (thredo_socket_send_to (here, to, "second", 6, NULL, &error), ==, 6);
  g_assert_no_error (error);

  n = thredo_socket_receive_from (there, &from, buffer, sizeof buffer, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpmem (buffer, n, "first", 5);
  g_assert_cmpint (g_inet_socket_address_get_port (G_INET_SOCKET_ADDRESS (from)), ==,
                   g_inet_socket_address_get_port (G_INET_SOCKET_ADDRESS (own)));
  n = thredo_socket_receive_from (there, NULL, buffer, sizeof buffer, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpmem (buffer, n, "second", 6);
}

/* For languages that do not hand out memory. */
static void
test_bytes (void)
{
  g_autoptr(GSocket) here = udp_new ();
  g_autoptr(GSocket) there = udp_new ();
  g_autoptr(GSocketAddress) to = address_of (there);
  g_autoptr(GSocketAddress) own = address_of (here);
  g_autoptr(GSocketAddress) from = NULL;
  g_autoptr(ThredoScope) scope = thredo_scope_new_with_timeout (0);
  g_autoptr(GBytes) first = NULL;
  g_autoptr(GBytes) second = NULL;
  g_autoptr(GError) error = NULL;

  g_assert_cmpint (thredo_socket_send_to (here, to, "first", 5, NULL, &error), ==, 5);
  g_assert_cmpint (thredo_socket_send_to (here, to, "second", 6, NULL, &error), ==, 6);
  g_assert_no_error (error);

  first = thredo_socket_receive_bytes_from (there, &from, 100, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpmem (g_bytes_get_data (first, NULL), g_bytes_get_size (first), "first", 5);
  g_assert_cmpint (g_inet_socket_address_get_port (G_INET_SOCKET_ADDRESS (from)), ==,
                   g_inet_socket_address_get_port (G_INET_SOCKET_ADDRESS (own)));
  second = thredo_socket_receive_bytes (there, 3, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpmem (g_bytes_get_data (second, NULL), g_bytes_get_size (second), "sec", 3);

  thredo_scope_enter (scope);
  g_assert_null (thredo_socket_receive_bytes (there, 3, NULL, &error));
  support_assert_timed_out (&error);
  g_clear_object (&from);
  g_assert_null (thredo_socket_receive_bytes_from (there, &from, 3, NULL, &error));
  support_assert_timed_out (&error);
  g_assert_null (from);
  thredo_scope_leave (scope);
}

/* A file descriptor goes along with the data, and none is left over. */
static void
test_messages (void)
{
  Pair *pair = set_up_stream ();
  g_autoptr(GUnixFDList) list = g_unix_fd_list_new ();
  g_autoptr(GSocketControlMessage) message = NULL;
  g_autoptr(GError) error = NULL;
  GOutputVector out = { "data", 4 };
  char buffer[16];
  GInputVector in = { buffer, sizeof buffer };
  GSocketControlMessage **messages = NULL;
  int n_messages = -1;
  int flags = 0;

  g_unix_fd_list_append (list, 0, &error);
  g_assert_no_error (error);
  message = g_unix_fd_message_new_with_fd_list (list);
  g_assert_cmpint (thredo_socket_send_message (pair->near, NULL, &out, 1, &message, 1, 0, NULL,
                                               &error),
                   ==, 4);
  g_assert_no_error (error);
  g_assert_cmpint (thredo_socket_receive_message (pair->far, NULL, &in, 1, &messages, &n_messages,
                                                  &flags, NULL, &error),
                   ==, 4);
  g_assert_no_error (error);
  g_assert_cmpmem (buffer, 4, "data", 4);
  g_assert_cmpint (n_messages, ==, 1);
  g_assert_true (G_IS_UNIX_FD_MESSAGE (messages[0]));
  g_assert_cmpint (g_unix_fd_list_get_length (g_unix_fd_message_get_fd_list (
                       G_UNIX_FD_MESSAGE (messages[0]))),
                   ==, 1);
  g_object_unref (messages[0]);
  g_free (messages);

  /* Nobody asks for what comes along. */
  g_assert_cmpint (thredo_socket_send_message (pair->near, NULL, &out, 1, &message, 1, 0, NULL,
                                               &error),
                   ==, 4);
  g_assert_cmpint (thredo_socket_receive (pair->far, buffer, sizeof buffer, NULL, &error), ==, 4);
  g_assert_no_error (error);

  /* Nothing comes along. */
  g_assert_cmpint (thredo_socket_send (pair->near, "x", 1, NULL, &error), ==, 1);
  g_assert_cmpint (thredo_socket_receive_message (pair->far, NULL, &in, 1, &messages, &n_messages,
                                                  NULL, NULL, &error),
                   ==, 1);
  g_assert_no_error (error);
  g_assert_null (messages);
  g_assert_cmpint (n_messages, ==, 0);

  /* Nothing is asked for. */
  g_assert_cmpint (thredo_socket_send (pair->near, "x", 1, NULL, &error), ==, 1);
  n_messages = -1;
  g_assert_cmpint (thredo_socket_receive_message (pair->far, NULL, &in, 1, NULL, &n_messages,
                                                  NULL, NULL, &error),
                   ==, 1);
  g_assert_no_error (error);
  g_assert_cmpint (n_messages, ==, 0);
  tear_down (pair);
}

/* Runs a call that fails at a deadline, and asserts that it was not busy meanwhile. */
static void
assert_idle_until_late (Pair *pair,
                        gboolean (*call) (gpointer       data,
                                          GCancellable  *cancellable,
                                          GError       **error))
{
  g_autoptr(ThredoScope) scope = thredo_scope_new_with_timeout (500 * G_TIME_SPAN_MILLISECOND);
  g_autoptr(GError) error = NULL;
  struct rusage before;
  struct rusage after;

  thredo_scope_enter (scope);
  getrusage (RUSAGE_THREAD, &before);
  g_assert_false (call (pair, NULL, &error));
  getrusage (RUSAGE_THREAD, &after);
  thredo_scope_leave (scope);
  support_assert_timed_out (&error);
  g_test_message ("slept %ld times", after.ru_nvcsw - before.ru_nvcsw);
  g_assert_cmpint (after.ru_nvcsw - before.ru_nvcsw, <, 200);
}

static gboolean
send_to_third (gpointer       data,
               GCancellable  *cancellable,
               GError       **error)
{
  Pair *pair = data;

  return thredo_socket_send_to (pair->near, pair->address, "x", 1, cancellable, error) == 1;
}

static gboolean
send_to_third_run (ThredoThread  *thread,
                   gpointer       data,
                   GError       **error)
{
  return send_to_third (data, NULL, error);
}

/* The kernel says that a local socket which is connected to nobody can be written to, also while
 * the queue of whom it writes to is full. */
static void
test_full_local_datagrams (void)
{
  Pair *pair = set_up_datagram ();
  g_autofree char *name = g_strdup_printf ("thredo-test-%d", (int) getpid ());
  g_autoptr(ThredoThread) thread = NULL;
  g_autoptr(GError) error = NULL;
  gsize n_received;
  gsize n_sent = 0;

  pair->address = g_unix_socket_address_new_with_type (name, -1, G_UNIX_SOCKET_ADDRESS_ABSTRACT);
  pair->third = g_socket_new (G_SOCKET_FAMILY_UNIX, G_SOCKET_TYPE_DATAGRAM, 0, &error);
  g_assert_no_error (error);
  g_socket_bind (pair->third, pair->address, FALSE, &error);
  g_assert_no_error (error);
  g_object_unref (pair->near);
  pair->near = g_socket_new (G_SOCKET_FAMILY_UNIX, G_SOCKET_TYPE_DATAGRAM, 0, &error);
  g_assert_no_error (error);
  g_socket_set_blocking (pair->near, FALSE);
  while (g_socket_send_to (pair->near, pair->address, "x", 1, NULL, &error) == 1)
    n_sent++;
  support_assert_error (&error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK);

  assert_idle_until_late (pair, send_to_third);

  g_socket_set_timeout (pair->near, 1);
  g_assert_false (send_to_third (pair, NULL, &error));
  g_assert_cmpstr (error->message, ==, "Socket I/O timed out");
  support_assert_timed_out (&error);

  g_socket_set_timeout (pair->near, 0);
  thread = spawn (send_to_third_run, pair);
  support_wait_for_state (thread, THREDO_THREAD_STATE_WAITING);
  n_received = drain (pair->third);
  support_join_ok (thread);
  n_received += drain (pair->third);
  g_assert_cmpuint (n_received, ==, n_sent + 1);
  tear_down (pair);
}

static gboolean
receive_queued_error (gpointer       data,
                      GCancellable  *cancellable,
                      GError       **error)
{
  Pair *pair = data;
  char buffer[16];
  GInputVector vector = { buffer, sizeof buffer };
  int flags = MSG_ERRQUEUE;

  return thredo_socket_receive_message (pair->near, NULL, &vector, 1, NULL, NULL, &flags,
                                        cancellable, error) == 1;
}

static gboolean
receive_queued_error_run (ThredoThread  *thread,
                          gpointer       data,
                          GError       **error)
{
  return receive_queued_error (data, NULL, error);
}

/* Whoever waits for an error has nothing to do with what else there is. */
static void
test_wait_for_queued_error (void)
{
  Pair *pair = g_new0 (Pair, 1);
  g_autoptr(GSocket) nobody = udp_new ();
  g_autoptr(GSocketAddress) address = NULL;
  g_autoptr(ThredoThread) thread = NULL;
  g_autoptr(GError) error = NULL;

  pair->near = udp_new ();
  pair->address = address_of (nobody);
  g_socket_close (nobody, NULL);
  g_socket_set_option (pair->near, IPPROTO_IP, IP_RECVERR, 1, &error);
  g_assert_no_error (error);
  address = address_of (pair->near);
  g_assert_cmpint (thredo_socket_send_to (pair->near, address, "hello", 5, NULL, &error), ==, 5);
  g_assert_no_error (error);

  assert_idle_until_late (pair, receive_queued_error);
  thread = spawn (receive_queued_error_run, pair);
  support_wait_for_wait (thread, "receive_message on Socket");
  thredo_socket_send_to (pair->near, pair->address, "x", 1, NULL, &error);
  g_assert_no_error (error);
  support_join_ok (thread);
  tear_down (pair);
}

/* An error that is there until somebody asks for it in its own way, and nothing else. */
static void
test_queued_error (void)
{
  Pair *pair = g_new0 (Pair, 1);
  g_autoptr(GSocket) nobody = udp_new ();
  g_autoptr(GError) error = NULL;

  pair->near = udp_new ();
  pair->address = address_of (nobody);
  g_socket_close (nobody, NULL);
  g_socket_set_option (pair->near, IPPROTO_IP, IP_RECVERR, 1, &error);
  g_assert_no_error (error);
  thredo_socket_send_to (pair->near, pair->address, "x", 1, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpint (thredo_socket_wait (pair->near, G_IO_IN, NULL, &error), ==, G_IO_ERR);
  g_assert_false (wait_receive (pair, NULL, &error));
  support_assert_error (&error, G_IO_ERROR, G_IO_ERROR_CONNECTION_REFUSED);

  assert_idle_until_late (pair, wait_receive);
  tear_down (pair);
}

static gboolean
close_near (ThredoThread  *thread,
            gpointer       data,
            GError       **error)
{
  return thredo_socket_close (((Pair *) data)->near, error);
}

static gboolean
connect_near (ThredoThread  *thread,
              gpointer       data,
              GError       **error)
{
  return wait_connect (data, NULL, error);
}

static gboolean
is_no_file (gpointer number)
{
  return fcntl (GPOINTER_TO_INT (number), F_GETFD) == -1;
}

/* A socket that is still being closed, since it lingers, although its number is free. */
static Pair *
set_up_lingering (ThredoThread **closer,
                  int           *number)
{
  Pair *pair = set_up_tcp ();
  struct linger linger = { .l_onoff = 1, .l_linger = 3600 };

  *number = g_socket_get_fd (pair->near);
  setsockopt (*number, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
  fill (pair->near);
  *closer = spawn (close_near, pair);
  support_wait_for ("the number to be free", is_no_file, GINT_TO_POINTER (*number));
  return pair;
}

static GSocket *
socket_with_number (int family,
                    int number)
{
  int fd = socket (family, SOCK_STREAM | SOCK_CLOEXEC, 0);

  g_assert_cmpint (fd, !=, -1);
  if (fd != number)
    {
      g_assert_cmpint (dup3 (fd, number, O_CLOEXEC), ==, number);
      close (fd);
    }
  return socket_from_fd (number);
}

/* Its number is another's: that one is not taken to be connected because the other is closed at
 * last. */
static void
test_connect_after_lingering (void)
{
  g_autoptr(ThredoThread) closer = NULL;
  g_autoptr(ThredoThread) connecter = NULL;
  int number;
  Pair *pair = set_up_silent ();
  Pair *closed = set_up_lingering (&closer, &number);

  g_object_unref (pair->near);
  pair->near = socket_with_number (AF_INET, number);
  connecter = spawn (connect_near, pair);
  support_wait_for_wait (connecter, "connect on Socket");

  /* What is not read is thrown away, and the connection with it. */
  g_socket_close (closed->far, NULL);
  support_join_ok (closer);
  support_cancel_and_join (connecter);

  tear_down (closed);
  tear_down (pair);
}

/* Who waits for it after all, and by its number for another's, is not left there. */
static void
test_receive_after_lingering (void)
{
  g_autoptr(ThredoThread) closer = NULL;
  g_autoptr(ThredoThread) receiver = NULL;
  int number;
  Pair *other = set_up_stream ();
  Pair *closed = set_up_lingering (&closer, &number);
  Mover mover = { .pair = closed, .size = 1 };

  g_assert_cmpint (dup3 (g_socket_get_fd (other->near), number, O_CLOEXEC), ==, number);
  receiver = spawn (receive_all, &mover);
  support_wait_for_wait (receiver, "receive on Socket");

  g_socket_close (closed->far, NULL);
  support_join_ok (closer);
  support_join_ok (receiver);
  g_assert_false (mover.result);
  support_assert_closed (&mover.error);

  close (number);
  tear_down (closed);
  tear_down (other);
}

/* No number is left for what is accepted; when there is one again it is. */
static void
test_too_many_files (void)
{
  Pair *pair = set_up_listen ();
  struct rlimit before;
  struct rlimit few;
  g_autoptr(GSocket) accepted = NULL;
  g_autoptr(GError) error = NULL;
  int highest = dup (0);

  complete_accept (pair);
  getrlimit (RLIMIT_NOFILE, &before);
  few = before;
  few.rlim_cur = 0;
  setrlimit (RLIMIT_NOFILE, &few);
  accepted = thredo_socket_accept (pair->near, NULL, &error);
  setrlimit (RLIMIT_NOFILE, &before);
  g_assert_null (accepted);
  support_assert_error (&error, G_IO_ERROR, G_IO_ERROR_TOO_MANY_OPEN_FILES);

  accepted = thredo_socket_accept (pair->near, NULL, &error);
  g_assert_no_error (error);
  g_assert_nonnull (accepted);
  close (highest);
  tear_down (pair);
}

static gboolean
receive_one (ThredoThread  *thread,
             gpointer       data,
             GError       **error)
{
  char byte;

  return thredo_socket_receive (((Pair *) data)->near, &byte, 1, NULL, error) == 1;
}

/* Several threads receive from one socket, and each byte is one's. */
static void
test_several (void)
{
  Pair *pair = set_up_stream ();
  ThredoThread *threads[4];

  for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
    threads[i] = spawn (receive_one, pair);
  for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
    support_wait_for_wait (threads[i], "receive on Socket");
  for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
    send_far (pair, "x");
  for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
    support_join_ok (threads[i]);
  g_assert_cmpuint (drain (pair->near), ==, 0);
  for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
    g_clear_object (&threads[i]);
  tear_down (pair);
}

/* Each answers what the other says. */
static gboolean
echo (ThredoThread  *thread,
      gpointer       data,
      GError       **error)
{
  GSocket *socket = data;
  char buffer[64];
  gssize n;

  while ((n = thredo_socket_receive (socket, buffer, sizeof buffer, NULL, error)) > 0)
    {
      if (!thredo_socket_send_all (socket, buffer, (gsize) n, NULL, NULL, error))
        return FALSE;
    }
  return n == 0;
}

static void
talk (guint rounds)
{
  Pair *pair = set_up_tcp ();
  g_autoptr(ThredoThread) thread = spawn (echo, pair->far);
  g_autoptr(GError) error = NULL;

  for (guint i = 0; i < rounds; i++)
    {
      guint32 answer = 0;
      gsize n;

      thredo_socket_send_all (pair->near, (char *) &i, sizeof i, NULL, NULL, &error);
      g_assert_no_error (error);
      thredo_socket_receive_all (pair->near, (char *) &answer, sizeof answer, &n, NULL, &error);
      g_assert_no_error (error);
      g_assert_cmpuint (n, ==, sizeof answer);
      g_assert_cmpuint (answer, ==, i);
    }
  g_socket_shutdown (pair->near, FALSE, TRUE, NULL);
  support_join_ok (thread);
  tear_down (pair);
}

static void
test_echo (void)
{
  talk (support_rounds (20000));
}

static void
test_storm (void)
{
  support_begin_storm ();
  talk (support_rounds (20000));
  support_end_storm ();
}

static gboolean
on_loop (gpointer data)
{
  Pair *pair = set_up_stream ();
  g_autoptr(GError) error = NULL;
  char byte;

  send_far (pair, "x");
  g_assert_cmpint (thredo_socket_receive (pair->near, &byte, 1, NULL, &error), ==, -1);
  support_assert_error (&error, THREDO_ERROR, THREDO_ERROR_LOOP_THREAD);
  tear_down (pair);
  g_atomic_int_set ((int *) data, 1);
  return G_SOURCE_REMOVE;
}

static void
test_loop_thread (void)
{
  int done = 0;

  g_main_context_invoke (thredo_get_main_context (), on_loop, &done);
  support_wait_for_int (&done, 1);
}

/* Half of a thousand clients vanish midway; the threads of all end, and every byte of the others is
 * right. */
#define N_CLIENTS 500

static gboolean
client (ThredoThread  *thread,
        gpointer       data,
        GError       **error)
{
  Pair *pair = data;
  guint n = GPOINTER_TO_UINT (pair->buffer);

  for (guint i = 0; i < 20; i++)
    {
      guint32 sent[2] = { n, i };
      guint32 received[2];
      gsize size;

      if (n % 2 == 1 && i == 10)
        break;
      if (!thredo_socket_send_all (pair->near, (char *) sent, sizeof sent, NULL, NULL, error) ||
          !thredo_socket_receive_all (pair->near, (char *) received, sizeof received, &size, NULL,
                                      error))
        return FALSE;
      g_assert_cmpmem (received, size, sent, sizeof sent);
    }
  return thredo_socket_close (pair->near, error);
}

static void
test_many (void)
{
  g_autoptr(ThredoGroup) group = thredo_group_new (THREDO_GROUP_WAIT_ALL);
  g_autoptr(GError) error = NULL;
  Pair *pairs[N_CLIENTS / 2];

  for (guint i = 0; i < G_N_ELEMENTS (pairs); i++)
    {
      g_autoptr(ThredoThread) server = NULL;
      g_autoptr(ThredoThread) peer = NULL;

      pairs[i] = set_up_stream ();
      g_clear_pointer (&pairs[i]->buffer, g_free);
      pairs[i]->buffer = GUINT_TO_POINTER (i);
      server = thredo_group_spawn (group, "server", echo, pairs[i]->far, NULL, &error);
      g_assert_no_error (error);
      peer = thredo_group_spawn (group, "client", client, pairs[i], NULL, &error);
      g_assert_no_error (error);
    }
  thredo_group_join (group, NULL, &error);
  g_assert_no_error (error);
  for (guint i = 0; i < G_N_ELEMENTS (pairs); i++)
    {
      pairs[i]->buffer = NULL;
      tear_down (pairs[i]);
    }
}

int
main (int    argc,
      char **argv)
{
  g_autoptr(GError) error = NULL;
  guint n_fds;
  int status;

  support_init (&argc, &argv);

  /* The loop's own are there from now on, and what GSocket opens once. */
  thredo_sleep (1, NULL, &error);
  g_assert_no_error (error);
  tear_down (set_up_tcp ());
  n_fds = support_count_fds ();

  ways_add (waits, G_N_ELEMENTS (waits));
  g_test_add_func ("/socket/receive/partial", test_receive_partial);
  g_test_add_func ("/socket/receive/end", test_receive_end);
  g_test_add_func ("/socket/send/partial", test_send_partial);
  g_test_add_func ("/socket/send/broken-pipe", test_broken_pipe);
  g_test_add_func ("/socket/both-directions", test_both_directions);
  g_test_add_func ("/socket/reset", test_reset);
  g_test_add_func ("/socket/connect/refused", test_refused);
  g_test_add_func ("/socket/connect/full-local-queue", test_full_local_queue);
  g_test_add_func ("/socket/connect/after-lingering", test_connect_after_lingering);
  g_test_add_func ("/socket/receive/after-lingering", test_receive_after_lingering);
  g_test_add_func ("/socket/send-to/full-local-queue", test_full_local_datagrams);
  g_test_add_func ("/socket/receive/queued-error", test_queued_error);
  g_test_add_func ("/socket/receive-message/queued-error", test_wait_for_queued_error);
  g_test_add_func ("/socket/accept/too-many-files", test_too_many_files);
  g_test_add_func ("/socket/closed", test_closed);
  g_test_add_func ("/socket/closed-meanwhile", test_closed_meanwhile);
  g_test_add_func ("/socket/closed-silently", test_closed_silently);
  g_test_add_func ("/socket/race/close", test_race_close);
  g_test_add_func ("/socket/race/deadline", test_race_deadline);
  g_test_add_func ("/socket/timeout", test_timeout);
  g_test_add_func ("/socket/timeout/long", test_long_timeout);
  g_test_add_func ("/socket/non-blocking", test_non_blocking);
  g_test_add_func ("/socket/datagrams", test_datagrams);
  g_test_add_func ("/socket/bytes", test_bytes);
  g_test_add_func ("/socket/messages", test_messages);
  g_test_add_func ("/socket/several", test_several);
  g_test_add_func ("/socket/echo", test_echo);
  g_test_add_func ("/socket/storm", test_storm);
  g_test_add_func ("/socket/many", test_many);
  g_test_add_func ("/socket/loop-thread", test_loop_thread);

  status = g_test_run ();
  g_assert_cmpuint (support_count_fds (), ==, n_fds);
  return status;
}
