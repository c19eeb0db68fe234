/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "thredo-output-stream.h"

#include "thredo-await-private.h"
#include "thredo-blocking-private.h"
#include "thredo-pipe-private.h"
#include "thredo-socket.h"
#include "thredo-stream-end-private.h"

#include <errno.h>

/**
 * ThredoOutputStream:
 *
 * A stream to write to, whose writes can be cancelled by whatever surrounds the thread.
 *
 * It writes to another stream, and is in all the counterpart of
 * [class@Thredo.InputStream]. Where the other end does not read and there is no room left, the
 * thread waits, and a cancel, a deadline and a cancellable end the wait.
 *
 * Nothing is kept in between: what a write says was written has been given to the other
 * stream. A write that fails has written nothing; [method@Gio.OutputStream.write_all] says how
 * much went before.
 *
 * No `SIGPIPE` is raised where the other end has gone; it is `G_IO_ERROR_BROKEN_PIPE`
 * ([error@Gio.IOErrorEnum]).
 *
 * Since: 1.0
 */

struct _ThredoOutputStream
{
  GFilterOutputStream parent_instance;

  ThredoStreamBase base;
};

static void pollable_iface_init (GPollableOutputStreamInterface *iface);

G_DEFINE_FINAL_TYPE_WITH_CODE (ThredoOutputStream,
                               thredo_output_stream,
                               G_TYPE_FILTER_OUTPUT_STREAM,
                               G_IMPLEMENT_INTERFACE (G_TYPE_POLLABLE_OUTPUT_STREAM,
                                                      pollable_iface_init))

static const ThredoWaitInfo write_info = { "thredo_output_stream_write", "write", "OutputStream",
                                           NULL };
static const ThredoWaitInfo flush_info = { "thredo_output_stream_flush", "flush", "OutputStream",
                                           NULL };
static const ThredoWaitInfo close_info = { "thredo_output_stream_close", "close", "OutputStream",
                                           NULL };

static inline GOutputStream *
base_of (gpointer self)
{
  return g_filter_output_stream_get_base_stream (G_FILTER_OUTPUT_STREAM (self));
}

static gboolean
is_closed (gpointer stream)
{
  return g_output_stream_is_closed (stream);
}

static gboolean
is_async (ThredoOutputStream *self)
{
  return self->base.kind == THREDO_STREAM_POLLABLE || self->base.kind == THREDO_STREAM_ASYNC;
}

static gssize
write_pipe (ThredoOutputStream  *self,
            const void          *buffer,
            gsize                size,
            GCancellable        *cancellable,
            GError             **error)
{
  gssize n;

  while ((n = thredo_pipe_write (self->base.fd, buffer, size)) < 0)
    {
      if (!thredo_stream_wait_for_pipe (&self->base, &write_info, self, G_IO_OUT, errno,
                                        "Error writing", is_closed, base_of (self), cancellable,
                                        error))
        return -1;
    }
  return n;
}

static gssize
write_pollable (ThredoOutputStream  *self,
                ThredoSlot          *slot,
                const void          *buffer,
                gsize                size,
                GCancellable        *cancellable,
                GError             **error)
{
  GPollableOutputStream *base = G_POLLABLE_OUTPUT_STREAM (base_of (self));

  for (;;)
    {
      g_autoptr(GError) local_error = NULL;
      g_autoptr(GSource) source = NULL;
      gssize n = g_pollable_output_stream_write_nonblocking (base, buffer, size, NULL,
                                                             &local_error);

      if (n >= 0)
        return n;
      if (!g_error_matches (local_error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK))
        {
          g_propagate_error (error, g_steal_pointer (&local_error));
          return -1;
        }
      source = g_pollable_output_stream_create_source (base, NULL);
      if (!thredo_source_wait (slot, &write_info, self, source, &self->base.line, cancellable,
                               error))
        return -1;
    }
}

typedef struct
{
  GOutputStream *base;
  const void *buffer;
  gsize size;
} Write;

static void
start_write (GCancellable        *cancellable,
             GAsyncReadyCallback  callback,
             gpointer             callback_data,
             gpointer             data)
{
  Write *self = data;

  g_output_stream_write_async (self->base, self->buffer, self->size, G_PRIORITY_DEFAULT,
                               cancellable, callback, callback_data);
}

static gssize
write_async (ThredoOutputStream  *self,
             const void          *buffer,
             gsize                size,
             GCancellable        *cancellable,
             GError             **error)
{
  Write write = { base_of (self), buffer, size };
  g_autoptr(GAsyncResult) result = NULL;
  gssize n;

  result = thredo_await_as (&write_info, self, start_write, &write, cancellable, error);
  if (result == NULL)
    return -1;
  /* What was written before a cancel is gone. */
  thredo_await_keep (result);
  n = g_output_stream_write_finish (write.base, result, error);
  if (n < 0)
    thredo_clarify_error (error);
  return n;
}

static gssize
thredo_output_stream_write (GOutputStream  *stream,
                            const void     *buffer,
                            gsize           size,
                            GCancellable   *cancellable,
                            GError        **error)
{
  ThredoOutputStream *self = THREDO_OUTPUT_STREAM (stream);
  ThredoSlot *slot;
  gssize n;

  if (G_LIKELY (self->base.kind == THREDO_STREAM_SOCKET))
    return thredo_socket_send (self->base.socket, buffer, size, cancellable, error);

  slot = thredo_slot_self ();
  if (!thredo_blocking_begin (slot, &write_info, cancellable, error))
    return -1;
  if (g_output_stream_is_closed (base_of (self)))
    {
      g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_CLOSED, "Stream is already closed");
      return -1;
    }

  if (self->base.kind == THREDO_STREAM_PIPE)
    return write_pipe (self, buffer, size, cancellable, error);
  if (self->base.kind == THREDO_STREAM_DIRECT)
    return g_output_stream_write (base_of (self), buffer, size, cancellable, error);
  if (self->base.kind == THREDO_STREAM_POLLABLE && self->base.begun)
    return write_pollable (self, slot, buffer, size, cancellable, error);

  n = write_async (self, buffer, size, cancellable, error);
  self->base.begun |= n >= 0;
  return n;
}

static void
start_flush (GCancellable        *cancellable,
             GAsyncReadyCallback  callback,
             gpointer             callback_data,
             gpointer             base)
{
  g_output_stream_flush_async (base, G_PRIORITY_DEFAULT, cancellable, callback, callback_data);
}

static gboolean
thredo_output_stream_flush (GOutputStream  *stream,
                            GCancellable   *cancellable,
                            GError        **error)
{
  ThredoOutputStream *self = THREDO_OUTPUT_STREAM (stream);
  g_autoptr(GAsyncResult) result = NULL;
  gboolean flushed;

  if (!thredo_blocking_begin (thredo_slot_self (), &flush_info, cancellable, error))
    return FALSE;
  if (!is_async (self))
    return g_output_stream_flush (base_of (self), cancellable, error);

  result = thredo_await_as (&flush_info, self, start_flush, base_of (self), cancellable, error);
  if (result == NULL)
    return FALSE;
  flushed = g_output_stream_flush_finish (base_of (self), result, error);
  if (!flushed)
    thredo_clarify_error (error);
  return flushed;
}

static void
start_close (GCancellable        *cancellable,
             GAsyncReadyCallback  callback,
             gpointer             callback_data,
             gpointer             base)
{
  g_output_stream_close_async (base, G_PRIORITY_DEFAULT, cancellable, callback, callback_data);
}

static gboolean
close_async (ThredoOutputStream  *self,
             GCancellable        *cancellable,
             GError             **error)
{
  g_autoptr(GAsyncResult) result = NULL;
  gboolean closed;

  result = thredo_await_as (&close_info, self, start_close, base_of (self), cancellable, error);
  if (result == NULL)
    return FALSE;
  closed = g_output_stream_close_finish (base_of (self), result, error);
  if (!closed)
    thredo_clarify_error (error);
  return closed;
}

/* Like any close, it leaves the stream closed also if it is cancelled. */
static gboolean
thredo_output_stream_close (GOutputStream  *stream,
                            GCancellable   *cancellable,
                            GError        **error)
{
  ThredoOutputStream *self = THREDO_OUTPUT_STREAM (stream);
  GOutputStream *base = base_of (self);
  g_autoptr(GCancellable) cancelled = NULL;
  int fd = self->base.fd;
  gboolean closed;

  thredo_stream_base_close (&self->base);
  if (!g_filter_output_stream_get_close_base_stream (G_FILTER_OUTPUT_STREAM (self)))
    return TRUE;

  if (is_async (self) && thredo_stream_may_wait (cancellable))
    return close_async (self, cancellable, error);

  /* A file that was to be replaced is not, by whoever was cancelled. */
  if (!thredo_stream_may_wait (cancellable))
    cancellable = cancelled = thredo_stream_new_cancelled ();
  if (fd != -1)
    thredo_fd_closing (fd);
  closed = g_output_stream_close (base, cancellable, error);
  if (fd != -1)
    thredo_fd_closed (fd);
  return closed;
}

/* As for ThredoInputStream. */
static gboolean
is_polled (ThredoOutputStream *self)
{
  return g_pollable_output_stream_can_poll (G_POLLABLE_OUTPUT_STREAM (self));
}

static void
write_ready (GObject      *base,
             GAsyncResult *result,
             gpointer      data)
{
  g_autoptr(GTask) task = data;
  GError *error = NULL;
  gssize n = g_output_stream_write_finish (G_OUTPUT_STREAM (base), result, &error);

  if (n < 0)
    g_task_return_error (task, error);
  else
    g_task_return_int (task, n);
}

static void
thredo_output_stream_write_async (GOutputStream       *stream,
                                  const void          *buffer,
                                  gsize                size,
                                  int                  priority,
                                  GCancellable        *cancellable,
                                  GAsyncReadyCallback  callback,
                                  gpointer             user_data)
{
  GOutputStreamClass *parent_class = G_OUTPUT_STREAM_CLASS (thredo_output_stream_parent_class);
  GTask *task;

  if (is_polled (THREDO_OUTPUT_STREAM (stream)))
    {
      parent_class->write_async (stream, buffer, size, priority, cancellable, callback, user_data);
      return;
    }

  task = g_task_new (stream, cancellable, callback, user_data);
  g_task_set_source_tag (task, thredo_output_stream_write_async);
  g_task_set_check_cancellable (task, FALSE);
  g_output_stream_write_async (base_of (stream), buffer, size, priority, cancellable, write_ready,
                               task);
}

static gssize
thredo_output_stream_write_finish (GOutputStream  *stream,
                                   GAsyncResult   *result,
                                   GError        **error)
{
  if (g_async_result_is_tagged (result, thredo_output_stream_write_async))
    return g_task_propagate_int (G_TASK (result), error);
  return G_OUTPUT_STREAM_CLASS (thredo_output_stream_parent_class)
      ->write_finish (stream, result, error);
}

static gboolean
thredo_output_stream_can_poll (GPollableOutputStream *stream)
{
  GOutputStream *base = base_of (stream);

  return G_IS_POLLABLE_OUTPUT_STREAM (base) &&
         g_pollable_output_stream_can_poll (G_POLLABLE_OUTPUT_STREAM (base));
}

static gboolean
thredo_output_stream_is_writable (GPollableOutputStream *stream)
{
  return g_pollable_output_stream_is_writable (G_POLLABLE_OUTPUT_STREAM (base_of (stream)));
}

static GSource *
thredo_output_stream_create_source (GPollableOutputStream *stream,
                                    GCancellable          *cancellable)
{
  g_autoptr(GSource) source = NULL;

  source = g_pollable_output_stream_create_source (G_POLLABLE_OUTPUT_STREAM (base_of (stream)),
                                                   NULL);
  return g_pollable_source_new_full (stream, source, cancellable);
}

/* The other stream would write all to a pipe in blocking mode, and with a signal to one that
 * is broken. */
static gssize
thredo_output_stream_write_nonblocking (GPollableOutputStream  *stream,
                                        const void             *buffer,
                                        gsize                   size,
                                        GError                **error)
{
  ThredoOutputStream *self = THREDO_OUTPUT_STREAM (stream);

  if (self->base.kind == THREDO_STREAM_PIPE)
    {
      gssize n = -1;

      if (g_output_stream_is_closed (base_of (self)))
        errno = EBADF;
      else
        {
          do
            n = thredo_pipe_write (self->base.fd, buffer, size);
          while (n < 0 && errno == EINTR);
        }
      if (n < 0)
        thredo_stream_set_pipe_error (error, errno, "Error writing");
      return n;
    }
  return g_pollable_output_stream_write_nonblocking (G_POLLABLE_OUTPUT_STREAM (base_of (stream)),
                                                     buffer, size, NULL, error);
}

static void
pollable_iface_init (GPollableOutputStreamInterface *iface)
{
  iface->can_poll = thredo_output_stream_can_poll;
  iface->is_writable = thredo_output_stream_is_writable;
  iface->create_source = thredo_output_stream_create_source;
  iface->write_nonblocking = thredo_output_stream_write_nonblocking;
}

static void
thredo_output_stream_constructed (GObject *object)
{
  ThredoOutputStream *self = THREDO_OUTPUT_STREAM (object);

  G_OBJECT_CLASS (thredo_output_stream_parent_class)->constructed (object);

  thredo_stream_base_init (&self->base, G_OBJECT (base_of (self)));
}

static void
thredo_output_stream_finalize (GObject *object)
{
  ThredoOutputStream *self = THREDO_OUTPUT_STREAM (object);

  thredo_stream_base_clear (&self->base);

  G_OBJECT_CLASS (thredo_output_stream_parent_class)->finalize (object);
}

static void
thredo_output_stream_class_init (ThredoOutputStreamClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  GOutputStreamClass *stream_class = G_OUTPUT_STREAM_CLASS (klass);

  object_class->constructed = thredo_output_stream_constructed;
  object_class->finalize = thredo_output_stream_finalize;

  stream_class->write_fn = thredo_output_stream_write;
  stream_class->flush = thredo_output_stream_flush;
  stream_class->close_fn = thredo_output_stream_close;
  stream_class->write_async = thredo_output_stream_write_async;
  stream_class->write_finish = thredo_output_stream_write_finish;
}

static void
thredo_output_stream_init (ThredoOutputStream *self)
{
}

ThredoStreamBase *
thredo_output_stream_get_base (ThredoOutputStream *self)
{
  return &self->base;
}

/**
 * thredo_output_stream_new:
 * @base_stream: what to write to
 *
 * Makes a stream whose writes can be cancelled of one whose writes may not.
 *
 * It closes @base_stream when it is closed, unless
 * [property@Gio.FilterOutputStream:close-base-stream] says otherwise.
 *
 * Returns: (transfer full): a new stream
 *
 * Since: 1.0
 */
GOutputStream *
thredo_output_stream_new (GOutputStream *base_stream)
{
  g_return_val_if_fail (G_IS_OUTPUT_STREAM (base_stream), NULL);

  return g_object_new (THREDO_TYPE_OUTPUT_STREAM, "base-stream", base_stream, NULL);
}
