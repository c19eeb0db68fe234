/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "thredo-socket.h"

#include "level.h"
#include "thredo-blocking-private.h"
#include "thredo-fd-private.h"
#include "thredo-run.h"
#include "watch.h"

#include <errno.h>
#include <fcntl.h>
#include <gio/gnetworking.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* [class@Gio.Socket] keeps its file descriptor non-blocking, whatever its property says, so
 * the calls are tried as they are, and what would block is waited for.
 *
 * What GSocket does beside the call itself, to look at its own state and to make an error
 * where the call would block, takes as long as the call: the quick ways are without it. */

#ifndef MSG_NOSIGNAL
#define MSG_NOSIGNAL 0
#endif
#ifndef MSG_DONTWAIT
#define MSG_DONTWAIT 0
#endif
#ifndef MSG_CMSG_CLOEXEC
#define MSG_CMSG_CLOEXEC 0
#endif
#ifndef MSG_ERRQUEUE
#define MSG_ERRQUEUE 0
#endif

/* As much as the kernel takes at once. */
#define MOST_VECTORS 1024
#define CONTROL_SIZE 2048

/* What the kernel does not tell of can only be tried again: whether there is room in the queue
 * of another local socket, for a connection or a datagram, or whether there is more than an
 * error. */
#define FIRST_PAUSE 1000
#define LONGEST_PAUSE 50000

static const ThredoWaitInfo receive_info = { "thredo_socket_receive", "receive", "Socket", NULL };
static const ThredoWaitInfo send_info = { "thredo_socket_send", "send", "Socket", NULL };
static const ThredoWaitInfo receive_message_info = { "thredo_socket_receive_message",
                                                     "receive_message", "Socket", NULL };
static const ThredoWaitInfo send_message_info = { "thredo_socket_send_message", "send_message",
                                                  "Socket", NULL };
static const ThredoWaitInfo accept_info = { "thredo_socket_accept", "accept", "Socket", NULL };
static const ThredoWaitInfo connect_info = { "thredo_socket_connect", "connect", "Socket", NULL };
static const ThredoWaitInfo wait_info = { "thredo_socket_wait", "wait", "Socket", NULL };

static gboolean
set_error (GError     **error,
           int          error_number,
           const char  *what)
{
  if (error_number == EBADF)
    g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_CLOSED, "Socket is already closed");
  else
    g_set_error (error, G_IO_ERROR, g_io_error_from_errno (error_number), "%s: %s", what,
                 g_strerror (error_number));
  return FALSE;
}

/* The same within the socket's own timeout. */
static GIOCondition
wait_within_timeout (ThredoSlot            *slot,
                     const ThredoWaitInfo  *info,
                     GSocket               *socket,
                     GIOCondition           condition,
                     guint32                era,
                     guint                  timeout,
                     GCancellable          *cancellable,
                     GError               **error)
{
  g_autoptr(GError) local_error = NULL;
  gboolean expired;
  GIOCondition seen;
  ThredoLevel level;

  thredo_level_init (&level);
  thredo_level_set_deadline (&level, g_get_monotonic_time () + timeout * G_TIME_SPAN_SECOND);
  thredo_level_enter (&level, slot, FALSE);
  seen = thredo_fd_wait_since (slot, info, socket, g_socket_get_fd (socket), condition, era,
                               cancellable, &local_error);
  expired = thredo_level_is_expired (&level);
  thredo_level_leave (&level, FALSE);
  thredo_level_clear (&level);

  if (expired && g_error_matches (local_error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT) &&
      thredo_level_check (slot) == THREDO_WAIT_IDLE)
    g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT, "Socket I/O timed out");
  else if (local_error != NULL)
    g_propagate_error (error, g_steal_pointer (&local_error));
  return seen;
}

/* Waits for what was not ready at the first look. The caller has a reference to the socket, as in
 * every call on an object, so none is taken. */
static GIOCondition
wait_for (ThredoSlot            *slot,
          const ThredoWaitInfo  *info,
          GSocket               *socket,
          GIOCondition           condition,
          GCancellable          *cancellable,
          GError               **error)
{
  int fd = g_socket_get_fd (socket);
  guint32 era = thredo_watch_get_era (fd);
  guint timeout = g_socket_get_timeout (socket);

  /* Another thread may be closing it: the era comes first. */
  if (fd == -1 || g_socket_get_fd (socket) != fd)
    {
      set_error (error, EBADF, NULL);
      return 0;
    }

  if (G_LIKELY (timeout == 0))
    return thredo_fd_wait_since (slot, info, socket, fd, condition, era, cancellable, error);
  return wait_within_timeout (slot, info, socket, condition, era, timeout, cancellable, error);
}

/* The pauses of a call that can only be tried again, from the first on. */
typedef struct
{
  GTimeSpan next; /* 0: none is needed */
  gint64 since;
} Pauses;

static void
pauses_begin (Pauses *self)
{
  self->next = FIRST_PAUSE;
  self->since = g_get_monotonic_time ();
}

/* Within the socket's own timeout. */
static gboolean
pauses_sleep (Pauses        *self,
              GSocket       *socket,
              GCancellable  *cancellable,
              GError       **error)
{
  guint timeout = g_socket_get_timeout (socket);

  if (timeout != 0 && g_get_monotonic_time () - self->since >= timeout * G_TIME_SPAN_SECOND)
    {
      g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT, "Socket I/O timed out");
      return FALSE;
    }
  if (!thredo_sleep (self->next, cancellable, error))
    return FALSE;
  self->next = MIN (self->next * 2, LONGEST_PAUSE);
  return TRUE;
}

/* Waits again and again. A pause comes before the wait if the last one ended without what
 * was waited for: with an error that stays until somebody asks for it, or, where the
 * condition is not sure to say what matters, with nothing but the condition. */
static gboolean
wait_again (ThredoSlot            *slot,
            const ThredoWaitInfo  *info,
            GSocket               *socket,
            GIOCondition           condition,
            gboolean               sure,
            Pauses                *pauses,
            GCancellable          *cancellable,
            GError               **error)
{
  GIOCondition seen;

  if (pauses->next != 0 && !pauses_sleep (pauses, socket, cancellable, error))
    return FALSE;
  seen = wait_for (slot, info, socket, condition, cancellable, error);
  if (G_LIKELY (sure && (seen & condition) != 0))
    pauses->next = 0;
  else if (pauses->next == 0)
    pauses_begin (pauses);
  return seen != 0;
}

/* Whether the call that failed with this is to be tried again, after a wait. */
static gboolean
try_again (ThredoSlot            *slot,
           const ThredoWaitInfo  *info,
           GSocket               *socket,
           GIOCondition           condition,
           int                    error_number,
           const char            *what,
           Pauses                *pauses,
           GCancellable          *cancellable,
           GError               **error)
{
  if (error_number == EINTR)
    return TRUE;
  if (G_UNLIKELY (error_number != EAGAIN && error_number != EWOULDBLOCK))
    return set_error (error, error_number, what);
  return wait_again (slot, info, socket, condition, TRUE, pauses, cancellable, error);
}

/**
 * thredo_socket_receive:
 * @socket: a socket
 * @buffer: (out caller-allocates) (array length=size) (element-type guint8): where to put what
 *   is received
 * @size: the size of @buffer, in bytes
 * @cancellable: (nullable): what else can end the wait
 * @error: return location for an error
 *
 * Receives what there is, and waits while there is nothing.
 *
 * The wait ends with the first bytes, or the end of the stream; by a cancel of the
 * caller, the deadline of a scope around it, or a cancel of @cancellable; after the
 * socket's own [property@Gio.Socket:timeout], if it has one; and if the socket is closed
 * by [func@Thredo.socket_close]. If this fails, nothing was taken from the socket.
 *
 * It waits also if the socket's [property@Gio.Socket:blocking] is %FALSE: it is the
 * thread that is blocked, never the program's main loop. Any thread but the loop's may
 * call this, also while others receive from the socket or send to it.
 *
 * Returns: the number of bytes, 0 at the end of the stream, or -1 with an error:
 *   `G_IO_ERROR_CANCELLED` ([error@Gio.IOErrorEnum]) if the wait was cancelled;
 *   `G_IO_ERROR_TIMED_OUT` if it was too long; `G_IO_ERROR_CLOSED` if the socket was
 *   closed, `G_IO_ERROR_CONNECTION_CLOSED` by the other end before it had got what was
 *   sent to it; `THREDO_ERROR_LOOP_THREAD`; what the operating system says
 *
 * Since: 1.0
 */
gssize
thredo_socket_receive (GSocket       *socket,
                       char          *buffer,
                       gsize          size,
                       GCancellable  *cancellable,
                       GError       **error)
{
  ThredoSlot *slot = thredo_slot_self ();
  Pauses pauses = { 0 };
  gssize n;

  g_return_val_if_fail (G_IS_SOCKET (socket), -1);
  g_return_val_if_fail (buffer != NULL || size == 0, -1);
  g_return_val_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable), -1);

  if (!thredo_blocking_begin (slot, &receive_info, cancellable, error))
    return -1;

  while ((n = recv (g_socket_get_fd (socket), buffer, size, MSG_DONTWAIT)) < 0)
    {
      if (!try_again (slot, &receive_info, socket, G_IO_IN, errno, "Error receiving data",
                      &pauses, cancellable, error))
        return -1;
    }
  return n;
}

/**
 * thredo_socket_send:
 * @socket: a connected socket
 * @buffer: (array length=size) (element-type guint8): what to send
 * @size: how many bytes
 * @cancellable: (nullable): what else can end the wait
 * @error: return location for an error
 *
 * Sends as much as there is room for, and waits while there is none.
 *
 * The wait ends as that of [func@Thredo.socket_receive] does. If this fails, nothing was
 * sent. No `SIGPIPE` is raised. Any thread but the loop's may call this.
 *
 * Returns: the number of bytes, which may be less than @size, or -1 with an error, as
 *   [func@Thredo.socket_receive]; `G_IO_ERROR_BROKEN_PIPE` ([error@Gio.IOErrorEnum]) if
 *   the other end has closed the connection
 *
 * Since: 1.0
 */
gssize
thredo_socket_send (GSocket       *socket,
                    const char    *buffer,
                    gsize          size,
                    GCancellable  *cancellable,
                    GError       **error)
{
  ThredoSlot *slot = thredo_slot_self ();
  Pauses pauses = { 0 };
  gssize n;

  g_return_val_if_fail (G_IS_SOCKET (socket), -1);
  g_return_val_if_fail (buffer != NULL || size == 0, -1);
  g_return_val_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable), -1);

  if (!thredo_blocking_begin (slot, &send_info, cancellable, error))
    return -1;

  while ((n = send (g_socket_get_fd (socket), buffer, size, MSG_DONTWAIT | MSG_NOSIGNAL)) < 0)
    {
      if (!try_again (slot, &send_info, socket, G_IO_OUT, errno, "Error sending data",
                      &pauses, cancellable, error))
        return -1;
    }
  return n;
}

/**
 * thredo_socket_receive_all: (skip)
 * @socket: a connected socket
 * @buffer: (out caller-allocates) (array length=size) (element-type guint8): where to put what
 *   is received
 * @size: how many bytes to receive
 * @bytes_received: (out) (optional): return location for how many there were, set also if
 *   this fails
 * @cancellable: (nullable): what else can end the wait
 * @error: return location for an error
 *
 * Receives exactly so many bytes, and waits until they are there.
 *
 * The wait ends as that of [func@Thredo.socket_receive] does. If the stream ends early
 * this succeeds with fewer bytes, as [method@Gio.InputStream.read_all] does. If it fails,
 * @bytes_received says how many bytes are in @buffer, and taken from the socket.
 *
 * Returns: %TRUE, or %FALSE with an error as [func@Thredo.socket_receive]
 *
 * Since: 1.0
 */
gboolean
thredo_socket_receive_all (GSocket       *socket,
                           char          *buffer,
                           gsize          size,
                           gsize         *bytes_received,
                           GCancellable  *cancellable,
                           GError       **error)
{
  gsize received = 0;
  gssize n = 1;

  while (received < size && n > 0)
    {
      n = thredo_socket_receive (socket, buffer + received, size - received, cancellable, error);
      received += MAX (n, 0);
    }

  if (bytes_received != NULL)
    *bytes_received = received;
  return n >= 0;
}

/**
 * thredo_socket_send_all:
 * @socket: a connected socket
 * @buffer: (array length=size) (element-type guint8): what to send
 * @size: how many bytes
 * @bytes_sent: (out) (optional): return location for how many there were, set also if this
 *   fails
 * @cancellable: (nullable): what else can end the wait
 * @error: return location for an error
 *
 * Sends so many bytes, and waits until there was room for all of them.
 *
 * The wait ends as that of [func@Thredo.socket_receive] does. If this fails, @bytes_sent
 * says how many bytes are on their way.
 *
 * Returns: %TRUE, or %FALSE with an error as [func@Thredo.socket_send]
 *
 * Since: 1.0
 */
gboolean
thredo_socket_send_all (GSocket       *socket,
                        const char    *buffer,
                        gsize          size,
                        gsize         *bytes_sent,
                        GCancellable  *cancellable,
                        GError       **error)
{
  gsize sent = 0;
  gssize n = 0;

  while (sent < size && n >= 0)
    {
      n = thredo_socket_send (socket, buffer + sent, size - sent, cancellable, error);
      sent += MAX (n, 0);
    }

  if (bytes_sent != NULL)
    *bytes_sent = sent;
  return n >= 0;
}

/**
 * thredo_socket_receive_from:
 * @socket: a socket, for datagrams
 * @address: (out) (optional) (nullable) (transfer full): return location for whom it is
 *   from; %NULL where that is not known
 * @buffer: (out caller-allocates) (array length=size) (element-type guint8): where to put the
 *   datagram
 * @size: the size of @buffer, in bytes; what is beyond it is lost
 * @cancellable: (nullable): what else can end the wait
 * @error: return location for an error
 *
 * Receives a datagram, and waits while there is none.
 *
 * The wait ends as that of [func@Thredo.socket_receive] does. If this fails, no datagram
 * was taken.
 *
 * Returns: the number of bytes, or -1 with an error as [func@Thredo.socket_receive]
 *
 * Since: 1.0
 */
gssize
thredo_socket_receive_from (GSocket         *socket,
                            GSocketAddress **address,
                            char            *buffer,
                            gsize            size,
                            GCancellable    *cancellable,
                            GError         **error)
{
  GInputVector vector = { buffer, size };

  return thredo_socket_receive_message (socket, address, &vector, 1, NULL, NULL, NULL, cancellable,
                                        error);
}

static GBytes *
receive_bytes (GSocket         *socket,
               GSocketAddress **address,
               gsize            size,
               GCancellable    *cancellable,
               GError         **error)
{
  g_autofree char *buffer = g_malloc (MAX (size, 1));
  gssize n;

  if (address != NULL)
    n = thredo_socket_receive_from (socket, address, buffer, size, cancellable, error);
  else
    n = thredo_socket_receive (socket, buffer, size, cancellable, error);
  if (n < 0)
    return NULL;
  if ((gsize) n < size / 2)
    return g_bytes_new (buffer, (gsize) n);
  return g_bytes_new_take (g_steal_pointer (&buffer), (gsize) n);
}

/**
 * thredo_socket_receive_bytes: (rename-to thredo_socket_receive)
 * @socket: a socket
 * @size: how many bytes to receive at most
 * @cancellable: (nullable): what else can end the wait
 * @error: return location for an error
 *
 * Receives what there is, and waits while there is nothing.
 *
 * This is `thredo_socket_receive()` with memory of its own, and the one that other
 * languages have. The wait ends with the first bytes, or the end of the stream; by a cancel of the
 * caller, the deadline of a scope around it, or a cancel of @cancellable; after the
 * socket's own [property@Gio.Socket:timeout], if it has one; and if the socket is closed
 * by [func@Thredo.socket_close]. If this fails, nothing was taken from the socket.
 *
 * Any thread but the loop's may call this.
 *
 * Returns: (transfer full): the bytes, none at the end of the stream, or %NULL with an
 *   error: `G_IO_ERROR_CANCELLED` ([error@Gio.IOErrorEnum]) if the wait was cancelled;
 *   `G_IO_ERROR_TIMED_OUT` if it was too long; `G_IO_ERROR_CLOSED` if the socket was
 *   closed, `G_IO_ERROR_CONNECTION_CLOSED` by the other end before it had got what was
 *   sent to it; `THREDO_ERROR_LOOP_THREAD`; what the operating system says
 *
 * Since: 1.0
 */
GBytes *
thredo_socket_receive_bytes (GSocket       *socket,
                             gsize          size,
                             GCancellable  *cancellable,
                             GError       **error)
{
  g_return_val_if_fail (G_IS_SOCKET (socket), NULL);
  g_return_val_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable), NULL);

  return receive_bytes (socket, NULL, size, cancellable, error);
}

/**
 * thredo_socket_receive_bytes_from: (rename-to thredo_socket_receive_from)
 * @socket: a socket, for datagrams
 * @address: (out) (nullable) (transfer full): return location for whom it is from; %NULL
 *   where that is not known
 * @size: how many bytes to receive at most; what is beyond them is lost
 * @cancellable: (nullable): what else can end the wait
 * @error: return location for an error
 *
 * Receives a datagram, and waits while there is none.
 *
 * The wait ends as that of [func@Thredo.socket_receive] does. If this fails, no
 * datagram was taken. Any thread but the loop's may call this.
 *
 * Returns: (transfer full): the bytes, or %NULL with an error as
 *   [func@Thredo.socket_receive]
 *
 * Since: 1.0
 */
GBytes *
thredo_socket_receive_bytes_from (GSocket         *socket,
                                  GSocketAddress **address,
                                  gsize            size,
                                  GCancellable    *cancellable,
                                  GError         **error)
{
  g_return_val_if_fail (G_IS_SOCKET (socket), NULL);
  g_return_val_if_fail (address != NULL, NULL);
  g_return_val_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable), NULL);

  *address = NULL;
  return receive_bytes (socket, address, size, cancellable, error);
}

/**
 * thredo_socket_send_to:
 * @socket: a socket, for datagrams
 * @address: (nullable): whom to send to; %NULL: whom the socket is connected to
 * @buffer: (array length=size) (element-type guint8): what to send
 * @size: how many bytes
 * @cancellable: (nullable): what else can end the wait
 * @error: return location for an error
 *
 * Sends a datagram, and waits while there is no room for it.
 *
 * The wait ends as that of [func@Thredo.socket_receive] does. If this fails, nothing was
 * sent.
 *
 * Returns: the number of bytes, or -1 with an error as [func@Thredo.socket_send]
 *
 * Since: 1.0
 */
gssize
thredo_socket_send_to (GSocket         *socket,
                       GSocketAddress  *address,
                       const char      *buffer,
                       gsize            size,
                       GCancellable    *cancellable,
                       GError         **error)
{
  GOutputVector vector = { buffer, size };

  return thredo_socket_send_message (socket, address, &vector, 1, NULL, 0, G_SOCKET_MSG_NONE,
                                     cancellable, error);
}

/* What came beside the data. What nobody asked for is not there: the kernel drops it. */
static void
take_messages (struct msghdr           *header,
               GSocketControlMessage ***messages,
               int                     *num_messages)
{
  g_autoptr(GPtrArray) taken = NULL;

  if (num_messages != NULL)
    *num_messages = 0;
  if (messages == NULL)
    return;

  taken = g_ptr_array_new ();
  for (struct cmsghdr *c = CMSG_FIRSTHDR (header); c != NULL; c = CMSG_NXTHDR (header, c))
    {
      gsize length = c->cmsg_len - ((char *) CMSG_DATA (c) - (char *) c);
      GSocketControlMessage *message = g_socket_control_message_deserialize (c->cmsg_level,
                                                                             c->cmsg_type, length,
                                                                             CMSG_DATA (c));

      /* NULL for what GIO has no class for, as in g_socket_receive_message(). */
      if (message != NULL)
        g_ptr_array_add (taken, message);
    }

  if (num_messages != NULL)
    *num_messages = (int) taken->len;
  *messages = NULL;
  if (taken->len == 0)
    return;
  g_ptr_array_add (taken, NULL);
  *messages = (GSocketControlMessage **) g_ptr_array_free (g_steal_pointer (&taken), FALSE);
}

/**
 * thredo_socket_receive_message:
 * @socket: a socket
 * @address: (out) (optional) (nullable) (transfer full): return location for whom it is
 *   from; %NULL where that is not known
 * @vectors: (array length=num_vectors): where to put what is received, one after the other
 * @num_vectors: how many @vectors there are, or -1 if they end with one whose buffer is
 *   %NULL
 * @messages: (array length=num_messages) (out) (optional) (nullable) (transfer full): return
 *   location for what came beside the data (credentials, file descriptors), or %NULL if
 *   there is none
 * @num_messages: (out) (optional): return location for how many @messages there are
 * @flags: (inout) (optional): what to ask for, of [flags@Gio.SocketMsgFlags] and what the
 *   system has besides, and what there was
 * @cancellable: (nullable): what else can end the wait
 * @error: return location for an error
 *
 * Receives a message with all that belongs to it, and waits while there is none.
 *
 * This is [method@Gio.Socket.receive_message]. The wait ends as that of
 * [func@Thredo.socket_receive] does. If this fails, nothing was taken from the socket.
 *
 * Returns: the number of bytes, 0 at the end of a stream, or -1 with an error as
 *   [func@Thredo.socket_receive]
 *
 * Since: 1.0
 */
gssize
thredo_socket_receive_message (GSocket                 *socket,
                               GSocketAddress         **address,
                               GInputVector            *vectors,
                               int                      num_vectors,
                               GSocketControlMessage ***messages,
                               int                     *num_messages,
                               int                     *flags,
                               GCancellable            *cancellable,
                               GError                 **error)
{
  ThredoSlot *slot = thredo_slot_self ();
  union
  {
    struct cmsghdr aligned;
    char bytes[CONTROL_SIZE];
  } control;
  /* What is in the queue of errors is no input. */
  GIOCondition condition = flags != NULL && (*flags & MSG_ERRQUEUE) != 0 ? G_IO_ERR : G_IO_IN;
  struct sockaddr_storage from;
  struct msghdr header;
  Pauses pauses = { 0 };
  gssize n;

  /* A GInputVector is laid out as a struct iovec, which GIO makes use of as well. */
  G_STATIC_ASSERT (sizeof (GInputVector) == sizeof (struct iovec));
  G_STATIC_ASSERT (G_STRUCT_OFFSET (GInputVector, size) == G_STRUCT_OFFSET (struct iovec, iov_len));

  g_return_val_if_fail (G_IS_SOCKET (socket), -1);
  g_return_val_if_fail (vectors != NULL || num_vectors == 0, -1);
  g_return_val_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable), -1);

  if (num_vectors == -1)
    {
      for (num_vectors = 0; vectors[num_vectors].buffer != NULL; num_vectors++)
        ;
    }
  if (!thredo_blocking_begin (slot, &receive_message_info, cancellable, error))
    return -1;

  for (;;)
    {
      header = (struct msghdr){
        .msg_name = address != NULL ? &from : NULL,
        .msg_namelen = address != NULL ? sizeof from : 0,
        .msg_iov = (struct iovec *) vectors,
        .msg_iovlen = MIN (num_vectors, MOST_VECTORS),
        .msg_control = messages != NULL ? &control : NULL,
        .msg_controllen = messages != NULL ? sizeof control : 0,
      };
      n = recvmsg (g_socket_get_fd (socket), &header,
                   (flags != NULL ? *flags : 0) | MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
      if (n >= 0)
        break;
      if (!try_again (slot, &receive_message_info, socket, condition, errno,
                      "Error receiving message", &pauses, cancellable, error))
        return -1;
    }

  if (address != NULL)
    *address = header.msg_namelen > 0
                   ? g_socket_address_new_from_native (&from, header.msg_namelen)
                   : NULL;
  take_messages (&header, messages, num_messages);
  if (flags != NULL)
    *flags = header.msg_flags & ~MSG_CMSG_CLOEXEC;
  return n;
}

/**
 * thredo_socket_send_message:
 * @socket: a socket
 * @address: (nullable): whom to send to; %NULL: whom the socket is connected to
 * @vectors: (array length=num_vectors): what to send, one after the other
 * @num_vectors: how many @vectors there are, or -1 if they end with one whose buffer is
 *   %NULL
 * @messages: (array length=num_messages) (nullable): what to send beside the data
 *   (credentials, file descriptors)
 * @num_messages: how many @messages there are, or -1 if they end with %NULL
 * @flags: of [flags@Gio.SocketMsgFlags] and what the system has besides
 * @cancellable: (nullable): what else can end the wait
 * @error: return location for an error
 *
 * Sends a message with all that belongs to it, and waits while there is no room.
 *
 * This is [method@Gio.Socket.send_message]. The wait ends as that of
 * [func@Thredo.socket_receive] does. If this fails, nothing was sent.
 *
 * Returns: the number of bytes, which for a stream may be less than there are, or -1 with
 *   an error as [func@Thredo.socket_send]
 *
 * Since: 1.0
 */
gssize
thredo_socket_send_message (GSocket                *socket,
                            GSocketAddress         *address,
                            GOutputVector          *vectors,
                            int                     num_vectors,
                            GSocketControlMessage **messages,
                            int                     num_messages,
                            int                     flags,
                            GCancellable           *cancellable,
                            GError                **error)
{
  ThredoSlot *slot = thredo_slot_self ();
  Pauses pauses = { 0 };
  gboolean sure;
  gsize n = 0;

  g_return_val_if_fail (G_IS_SOCKET (socket), -1);
  g_return_val_if_fail (address == NULL || G_IS_SOCKET_ADDRESS (address), -1);
  g_return_val_if_fail (vectors != NULL || num_vectors == 0, -1);
  g_return_val_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable), -1);

  if (!thredo_blocking_begin (slot, &send_message_info, cancellable, error))
    return -1;

  /* What a local socket says is about itself, not about whom an address stands for. */
  sure = address == NULL || g_socket_address_get_family (address) != G_SOCKET_FAMILY_UNIX;
  for (;;)
    {
      switch (g_socket_send_message_with_timeout (socket, address, vectors, num_vectors, messages,
                                                  num_messages, flags, 0, &n, NULL, error))
        {
        case G_POLLABLE_RETURN_OK:
          return (gssize) n;
        case G_POLLABLE_RETURN_WOULD_BLOCK:
          if (!wait_again (slot, &send_message_info, socket, G_IO_OUT, sure, &pauses, cancellable,
                           error))
            return -1;
          break;
        default:
          return -1;
        }
    }
}

/* What concerns one connection that was lost before it was accepted, and not the socket;
 * Linux reports errors of the network, which is pending on the connection, here. */
static gboolean
is_of_the_connection (int error_number)
{
  switch (error_number)
    {
    case ECONNABORTED:
    case ENETDOWN:
    case EPROTO:
    case ENOPROTOOPT:
    case EHOSTDOWN:
    case EHOSTUNREACH:
    case ENETUNREACH:
#ifdef ENONET
    case ENONET:
#endif
      return TRUE;
    default:
      return FALSE;
    }
}

static int
accept_fd (GSocket *socket)
{
#if THREDO_PORTABLE
  int fd = accept (g_socket_get_fd (socket), NULL, NULL);

  if (fd >= 0)
    fcntl (fd, F_SETFD, FD_CLOEXEC);
  return fd;
#else
  return accept4 (g_socket_get_fd (socket), NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
#endif
}

/**
 * thredo_socket_accept:
 * @socket: a socket that listens
 * @cancellable: (nullable): what else can end the wait
 * @error: return location for an error
 *
 * Accepts a connection, and waits while there is none.
 *
 * The wait ends as that of [func@Thredo.socket_receive] does. If this fails, no connection
 * was accepted. Connections that are gone before they are accepted are passed over.
 *
 * Returns: (transfer full): a socket, or %NULL with an error as
 *   [func@Thredo.socket_receive]; `G_IO_ERROR_TOO_MANY_OPEN_FILES`
 *   ([error@Gio.IOErrorEnum]) if the process has no file descriptor left for it
 *
 * Since: 1.0
 */
GSocket *
thredo_socket_accept (GSocket       *socket,
                      GCancellable  *cancellable,
                      GError       **error)
{
  ThredoSlot *slot = thredo_slot_self ();
  Pauses pauses = { 0 };
  GSocket *accepted;
  int fd;

  g_return_val_if_fail (G_IS_SOCKET (socket), NULL);
  g_return_val_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable), NULL);

  if (!thredo_blocking_begin (slot, &accept_info, cancellable, error))
    return NULL;

  while ((fd = accept_fd (socket)) < 0)
    {
      int error_number = errno;

      if (!is_of_the_connection (error_number) &&
          !try_again (slot, &accept_info, socket, G_IO_IN, error_number,
                      "Error accepting connection", &pauses, cancellable, error))
        return NULL;
    }

  accepted = g_socket_new_from_fd (fd, error);
  if (accepted == NULL)
    close (fd);
  return accepted;
}

/* One connect that does not wait, with what GSocket makes of it. It does as the property
 * says, and nobody else uses a socket that is not connected. */
static gboolean
begin_connect (GSocket         *socket,
               GSocketAddress  *address,
               GError         **error)
{
  gboolean blocking = g_socket_get_blocking (socket);
  gboolean connected;

  if (blocking)
    g_socket_set_blocking (socket, FALSE);
  connected = g_socket_connect (socket, address, NULL, error);
  if (blocking)
    g_socket_set_blocking (socket, TRUE);
  return connected;
}

/* Whether it was answered is not to be told from the wait alone, which may end with no more
 * than the advice to look again. */
static gboolean
wait_for_answer (ThredoSlot    *slot,
                 GSocket       *socket,
                 GCancellable  *cancellable,
                 GError       **error)
{
  GPollFD poll = { .events = G_IO_OUT };

  do
    {
      if (wait_for (slot, &connect_info, socket, G_IO_OUT, cancellable, error) == 0)
        return FALSE;
      poll.fd = g_socket_get_fd (socket);
    }
  while (g_poll (&poll, 1, 0) == 0);

  return TRUE;
}

/**
 * thredo_socket_connect:
 * @socket: a socket
 * @address: what to connect it to
 * @cancellable: (nullable): what else can end the wait
 * @error: return location for an error
 *
 * Connects a socket, and waits until the other end has answered.
 *
 * The wait ends as that of [func@Thredo.socket_receive] does. If this fails, the socket is
 * of no more use, also after a cancel, and is to be closed.
 *
 * Returns: %TRUE, or %FALSE with an error as [func@Thredo.socket_receive];
 *   `G_IO_ERROR_CONNECTION_REFUSED` ([error@Gio.IOErrorEnum]) if nobody listens
 *
 * Since: 1.0
 */
gboolean
thredo_socket_connect (GSocket         *socket,
                       GSocketAddress  *address,
                       GCancellable    *cancellable,
                       GError         **error)
{
  ThredoSlot *slot = thredo_slot_self ();
  Pauses pauses = { 0 };

  g_return_val_if_fail (G_IS_SOCKET (socket), FALSE);
  g_return_val_if_fail (G_IS_SOCKET_ADDRESS (address), FALSE);
  g_return_val_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable), FALSE);

  if (!thredo_blocking_begin (slot, &connect_info, cancellable, error))
    return FALSE;

  for (;;)
    {
      g_autoptr(GError) local_error = NULL;

      if (begin_connect (socket, address, &local_error))
        return TRUE;
      if (g_error_matches (local_error, G_IO_ERROR, G_IO_ERROR_PENDING))
        return wait_for_answer (slot, socket, cancellable, error) &&
               g_socket_check_connect_result (socket, error);
      if (!g_error_matches (local_error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK))
        {
          g_propagate_error (error, g_steal_pointer (&local_error));
          return FALSE;
        }
      if (pauses.next == 0)
        pauses_begin (&pauses);
      if (!pauses_sleep (&pauses, socket, cancellable, error))
        return FALSE;
    }
}

/**
 * thredo_socket_wait:
 * @socket: a socket
 * @condition: what to wait for: `G_IO_IN`, `G_IO_OUT`, `G_IO_PRI`
 * @cancellable: (nullable): what else can end the wait
 * @error: return location for an error
 *
 * Waits until something can be done with a socket.
 *
 * This is [func@Thredo.wait_fd] for sockets. The wait ends, besides, as that of
 * [func@Thredo.socket_receive] does.
 *
 * Returns: what is ready, or 0 with an error as [func@Thredo.socket_receive]
 *
 * Since: 1.0
 */
GIOCondition
thredo_socket_wait (GSocket       *socket,
                    GIOCondition   condition,
                    GCancellable  *cancellable,
                    GError       **error)
{
  ThredoSlot *slot = thredo_slot_self ();
  GPollFD poll = { .events = condition };
  GIOCondition seen = 0;

  g_return_val_if_fail (G_IS_SOCKET (socket), 0);
  g_return_val_if_fail ((condition & (G_IO_IN | G_IO_OUT | G_IO_PRI)) != 0, 0);
  g_return_val_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable), 0);

  if (!thredo_blocking_begin (slot, &wait_info, cancellable, error))
    return 0;

  for (;;)
    {
      int n;

      poll.fd = g_socket_get_fd (socket);
      n = poll.fd != -1 ? g_poll (&poll, 1, 0) : 0;
      if (n == 1 && (poll.revents & G_IO_NVAL) == 0)
        return poll.revents;
      /* As in thredo_wait_fd(). */
      if (n == -1 && seen != 0)
        return seen;
      seen = wait_for (slot, &wait_info, socket, condition, cancellable, error);
      if (seen == 0)
        return 0;
    }
}

/**
 * thredo_socket_close:
 * @socket: a socket
 * @error: return location for an error
 *
 * Closes a socket, and ends the waits of other threads for it.
 *
 * This is [method@Gio.Socket.close]; threads that wait in functions of this library are
 * told, and fail with `G_IO_ERROR_CLOSED` ([error@Gio.IOErrorEnum]). It does not block,
 * works in a thread that was cancelled, and any thread may call it.
 *
 * Returns: %TRUE, or %FALSE with what the operating system says
 *
 * Since: 1.0
 */
gboolean
thredo_socket_close (GSocket  *socket,
                     GError  **error)
{
  gboolean closed;
  int fd;

  g_return_val_if_fail (G_IS_SOCKET (socket), FALSE);

  fd = g_socket_get_fd (socket);
  thredo_fd_closing (fd);
  closed = g_socket_close (socket, error);
  thredo_fd_closed (fd);

  return closed;
}
