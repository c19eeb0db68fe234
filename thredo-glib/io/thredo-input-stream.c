/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "thredo-input-stream.h"

#include "thredo-await-private.h"
#include "thredo-blocking-private.h"
#include "thredo-pipe-private.h"
#include "thredo-socket.h"
#include "thredo-stream-end-private.h"

#include <errno.h>

/**
 * ThredoInputStream:
 *
 * A stream to read from, whose reads can be cancelled by whatever surrounds the thread.
 *
 * It reads from another stream. Where that would block, the thread waits as it does
 * everywhere in this library: a cancel of the thread or of a scope around it, a deadline, and
 * the cancellable that the read was given end the wait. So code that knows nothing of this
 * library, and reads with %NULL for the cancellable, a [class@Gio.DataInputStream] or a
 * parser, can be cancelled and obeys deadlines.
 *
 * Nothing is kept in between: what was read from the other stream was returned. A read that
 * fails has taken nothing; [method@Gio.InputStream.read_all] says how much there was before.
 *
 * Sockets and pipes are waited for by their file descriptors, and others by what
 * [iface@Gio.PollableInputStream] says, TLS among them. Streams that cannot be polled are
 * read from asynchronously; how soon such a read obeys a cancel is up to them. Files on a disk
 * are read as they are. A TLS stream whose operation was cancelled is fit for being closed.
 *
 * As with any stream, one thread at a time may read. The asynchronous calls and those of
 * [iface@Gio.PollableInputStream] go on to the other stream.
 *
 * Since: 1.0
 */

struct _ThredoInputStream
{
  GFilterInputStream parent_instance;

  ThredoStreamBase base;
};

static void pollable_iface_init (GPollableInputStreamInterface *iface);

G_DEFINE_FINAL_TYPE_WITH_CODE (ThredoInputStream,
                               thredo_input_stream,
                               G_TYPE_FILTER_INPUT_STREAM,
                               G_IMPLEMENT_INTERFACE (G_TYPE_POLLABLE_INPUT_STREAM,
                                                      pollable_iface_init))

#define SKIP_SIZE 8192

static const ThredoWaitInfo read_info = { "thredo_input_stream_read", "read", "InputStream", NULL };
static const ThredoWaitInfo close_info = { "thredo_input_stream_close", "close", "InputStream",
                                           NULL };

static inline GInputStream *
base_of (gpointer self)
{
  return g_filter_input_stream_get_base_stream (G_FILTER_INPUT_STREAM (self));
}

static gboolean
is_closed (gpointer stream)
{
  return g_input_stream_is_closed (stream);
}

static gssize
read_pipe (ThredoInputStream  *self,
           void               *buffer,
           gsize               size,
           GCancellable       *cancellable,
           GError            **error)
{
  gssize n;

  while ((n = thredo_pipe_read (self->base.fd, buffer, size)) < 0)
    {
      if (!thredo_stream_wait_for_pipe (&self->base, &read_info, self, G_IO_IN, errno,
                                        "Error reading", is_closed, base_of (self), cancellable,
                                        error))
        return -1;
    }
  return n;
}

static gssize
read_pollable (ThredoInputStream  *self,
               ThredoSlot         *slot,
               void               *buffer,
               gsize               size,
               GCancellable       *cancellable,
               GError            **error)
{
  GPollableInputStream *base = G_POLLABLE_INPUT_STREAM (base_of (self));

  for (;;)
    {
      g_autoptr(GError) local_error = NULL;
      g_autoptr(GSource) source = NULL;
      gssize n = g_pollable_input_stream_read_nonblocking (base, buffer, size, NULL, &local_error);

      if (n >= 0)
        return n;
      if (!g_error_matches (local_error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK))
        {
          g_propagate_error (error, g_steal_pointer (&local_error));
          return -1;
        }
      source = g_pollable_input_stream_create_source (base, NULL);
      if (!thredo_source_wait (slot, &read_info, self, source, &self->base.line, cancellable,
                               error))
        return -1;
    }
}

typedef struct
{
  GInputStream *base;
  void *buffer;
  gsize size;
} Read;

static void
start_read (GCancellable        *cancellable,
            GAsyncReadyCallback  callback,
            gpointer             callback_data,
            gpointer             data)
{
  Read *self = data;

  g_input_stream_read_async (self->base, self->buffer, self->size, G_PRIORITY_DEFAULT, cancellable,
                             callback, callback_data);
}

static gssize
read_async (ThredoInputStream  *self,
            void               *buffer,
            gsize               size,
            GCancellable       *cancellable,
            GError            **error)
{
  Read read = { base_of (self), buffer, size };
  g_autoptr(GAsyncResult) result = NULL;
  gssize n;

  result = thredo_await_as (&read_info, self, start_read, &read, cancellable, error);
  if (result == NULL)
    return -1;
  /* What was read before a cancel is there no more. */
  thredo_await_keep (result);
  n = g_input_stream_read_finish (read.base, result, error);
  if (n < 0)
    thredo_clarify_error (error);
  return n;
}

static gssize
thredo_input_stream_read (GInputStream  *stream,
                          void          *buffer,
                          gsize          size,
                          GCancellable  *cancellable,
                          GError       **error)
{
  ThredoInputStream *self = THREDO_INPUT_STREAM (stream);
  ThredoSlot *slot;
  gssize n;

  if (G_LIKELY (self->base.kind == THREDO_STREAM_SOCKET))
    return thredo_socket_receive (self->base.socket, buffer, size, cancellable, error);

  slot = thredo_slot_self ();
  if (!thredo_blocking_begin (slot, &read_info, cancellable, error))
    return -1;
  if (g_input_stream_is_closed (base_of (self)))
    {
      g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_CLOSED, "Stream is already closed");
      return -1;
    }

  if (self->base.kind == THREDO_STREAM_PIPE)
    return read_pipe (self, buffer, size, cancellable, error);
  if (self->base.kind == THREDO_STREAM_DIRECT)
    return g_input_stream_read (base_of (self), buffer, size, cancellable, error);
  if (self->base.kind == THREDO_STREAM_POLLABLE && self->base.begun)
    return read_pollable (self, slot, buffer, size, cancellable, error);

  n = read_async (self, buffer, size, cancellable, error);
  self->base.begun |= n >= 0;
  return n;
}

/* What is skipped is read: the other stream's own way would block. */
static gssize
thredo_input_stream_skip (GInputStream  *stream,
                          gsize          size,
                          GCancellable  *cancellable,
                          GError       **error)
{
  char buffer[SKIP_SIZE];
  gsize skipped = 0;

  while (skipped < size)
    {
      g_autoptr(GError) local_error = NULL;
      gssize n = thredo_input_stream_read (stream, buffer, MIN (size - skipped, sizeof buffer),
                                           cancellable, &local_error);

      if (n < 0 && skipped == 0)
        {
          g_propagate_error (error, g_steal_pointer (&local_error));
          return -1;
        }
      if (n <= 0)
        break;
      skipped += (gsize) n;
    }
  return (gssize) skipped;
}

static void
start_close (GCancellable        *cancellable,
             GAsyncReadyCallback  callback,
             gpointer             callback_data,
             gpointer             base)
{
  g_input_stream_close_async (base, G_PRIORITY_DEFAULT, cancellable, callback, callback_data);
}

static gboolean
close_async (ThredoInputStream  *self,
             GCancellable       *cancellable,
             GError            **error)
{
  g_autoptr(GAsyncResult) result = NULL;
  gboolean closed;

  result = thredo_await_as (&close_info, self, start_close, base_of (self), cancellable, error);
  if (result == NULL)
    return FALSE;
  closed = g_input_stream_close_finish (base_of (self), result, error);
  if (!closed)
    thredo_clarify_error (error);
  return closed;
}

/* Like any close, it leaves the stream closed also if it is cancelled. */
static gboolean
thredo_input_stream_close (GInputStream  *stream,
                           GCancellable  *cancellable,
                           GError       **error)
{
  ThredoInputStream *self = THREDO_INPUT_STREAM (stream);
  GInputStream *base = base_of (self);
  int fd = self->base.fd;
  gboolean closed;

  thredo_stream_base_close (&self->base);
  if (!g_filter_input_stream_get_close_base_stream (G_FILTER_INPUT_STREAM (self)))
    return TRUE;

  if (self->base.kind == THREDO_STREAM_POLLABLE || self->base.kind == THREDO_STREAM_ASYNC)
    {
      g_autoptr(GCancellable) cancelled = NULL;

      if (thredo_stream_may_wait (cancellable))
        return close_async (self, cancellable, error);
      cancelled = thredo_stream_new_cancelled ();
      return g_input_stream_close (base, cancelled, error);
    }

  if (fd != -1)
    thredo_fd_closing (fd);
  closed = g_input_stream_close (base, cancellable, error);
  if (fd != -1)
    thredo_fd_closed (fd);
  return closed;
}

/* Where the other stream cannot be polled its own asynchronous calls are the ones to use;
 * GInputStream's would occupy a thread, which waits for another. */
static gboolean
is_polled (ThredoInputStream *self)
{
  return g_pollable_input_stream_can_poll (G_POLLABLE_INPUT_STREAM (self));
}

static void
read_ready (GObject      *base,
            GAsyncResult *result,
            gpointer      data)
{
  g_autoptr(GTask) task = data;
  GError *error = NULL;
  gssize n = g_input_stream_read_finish (G_INPUT_STREAM (base), result, &error);

  if (n < 0)
    g_task_return_error (task, error);
  else
    g_task_return_int (task, n);
}

static void
thredo_input_stream_read_async (GInputStream        *stream,
                                void                *buffer,
                                gsize                size,
                                int                  priority,
                                GCancellable        *cancellable,
                                GAsyncReadyCallback  callback,
                                gpointer             user_data)
{
  GInputStreamClass *parent_class = G_INPUT_STREAM_CLASS (thredo_input_stream_parent_class);
  GTask *task;

  if (is_polled (THREDO_INPUT_STREAM (stream)))
    {
      parent_class->read_async (stream, buffer, size, priority, cancellable, callback, user_data);
      return;
    }

  task = g_task_new (stream, cancellable, callback, user_data);
  g_task_set_source_tag (task, thredo_input_stream_read_async);
  g_task_set_check_cancellable (task, FALSE);
  g_input_stream_read_async (base_of (stream), buffer, size, priority, cancellable, read_ready,
                             task);
}

static gssize
thredo_input_stream_read_finish (GInputStream  *stream,
                                 GAsyncResult  *result,
                                 GError       **error)
{
  if (g_async_result_is_tagged (result, thredo_input_stream_read_async))
    return g_task_propagate_int (G_TASK (result), error);
  return G_INPUT_STREAM_CLASS (thredo_input_stream_parent_class)
      ->read_finish (stream, result, error);
}

static gboolean
thredo_input_stream_can_poll (GPollableInputStream *stream)
{
  GInputStream *base = base_of (stream);

  return G_IS_POLLABLE_INPUT_STREAM (base) &&
         g_pollable_input_stream_can_poll (G_POLLABLE_INPUT_STREAM (base));
}

static gboolean
thredo_input_stream_is_readable (GPollableInputStream *stream)
{
  return g_pollable_input_stream_is_readable (G_POLLABLE_INPUT_STREAM (base_of (stream)));
}

static GSource *
thredo_input_stream_create_source (GPollableInputStream *stream,
                                   GCancellable         *cancellable)
{
  g_autoptr(GSource) source = NULL;

  source = g_pollable_input_stream_create_source (G_POLLABLE_INPUT_STREAM (base_of (stream)), NULL);
  return g_pollable_source_new_full (stream, source, cancellable);
}

/* As a read would without waiting, which of a FIFO without a writer is not the end. */
static gssize
thredo_input_stream_read_nonblocking (GPollableInputStream  *stream,
                                      void                  *buffer,
                                      gsize                  size,
                                      GError               **error)
{
  ThredoInputStream *self = THREDO_INPUT_STREAM (stream);

  if (self->base.kind == THREDO_STREAM_PIPE)
    {
      gssize n = -1;

      if (g_input_stream_is_closed (base_of (self)))
        errno = EBADF;
      else
        {
          do
            n = thredo_pipe_read (self->base.fd, buffer, size);
          while (n < 0 && errno == EINTR);
        }
      if (n < 0)
        thredo_stream_set_pipe_error (error, errno, "Error reading");
      return n;
    }
  return g_pollable_input_stream_read_nonblocking (G_POLLABLE_INPUT_STREAM (base_of (stream)),
                                                   buffer, size, NULL, error);
}

static void
pollable_iface_init (GPollableInputStreamInterface *iface)
{
  iface->can_poll = thredo_input_stream_can_poll;
  iface->is_readable = thredo_input_stream_is_readable;
  iface->create_source = thredo_input_stream_create_source;
  iface->read_nonblocking = thredo_input_stream_read_nonblocking;
}

static void
thredo_input_stream_constructed (GObject *object)
{
  ThredoInputStream *self = THREDO_INPUT_STREAM (object);

  G_OBJECT_CLASS (thredo_input_stream_parent_class)->constructed (object);

  thredo_stream_base_init (&self->base, G_OBJECT (base_of (self)));
}

static void
thredo_input_stream_finalize (GObject *object)
{
  ThredoInputStream *self = THREDO_INPUT_STREAM (object);

  thredo_stream_base_clear (&self->base);

  G_OBJECT_CLASS (thredo_input_stream_parent_class)->finalize (object);
}

static void
thredo_input_stream_class_init (ThredoInputStreamClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  GInputStreamClass *stream_class = G_INPUT_STREAM_CLASS (klass);

  object_class->constructed = thredo_input_stream_constructed;
  object_class->finalize = thredo_input_stream_finalize;

  stream_class->read_fn = thredo_input_stream_read;
  stream_class->skip = thredo_input_stream_skip;
  stream_class->close_fn = thredo_input_stream_close;
  stream_class->read_async = thredo_input_stream_read_async;
  stream_class->read_finish = thredo_input_stream_read_finish;
}

static void
thredo_input_stream_init (ThredoInputStream *self)
{
}

ThredoStreamBase *
thredo_input_stream_get_base (ThredoInputStream *self)
{
  return &self->base;
}

/**
 * thredo_input_stream_new:
 * @base_stream: what to read from
 *
 * Makes a stream whose reads can be cancelled of one whose reads may not.
 *
 * It closes @base_stream when it is closed, unless
 * [property@Gio.FilterInputStream:close-base-stream] says otherwise.
 *
 * Returns: (transfer full): a new stream
 *
 * Since: 1.0
 */
GInputStream *
thredo_input_stream_new (GInputStream *base_stream)
{
  g_return_val_if_fail (G_IS_INPUT_STREAM (base_stream), NULL);

  return g_object_new (THREDO_TYPE_INPUT_STREAM, "base-stream", base_stream, NULL);
}
