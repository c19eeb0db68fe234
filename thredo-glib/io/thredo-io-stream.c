/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "thredo-io-stream.h"

#include "thredo-await-private.h"
#include "thredo-blocking-private.h"
#include "thredo-stream-end-private.h"

/**
 * ThredoIOStream:
 *
 * A stream to read from and write to, both of which can be cancelled by whatever surrounds the
 * thread.
 *
 * It is what [class@Thredo.InputStream] and [class@Thredo.OutputStream] are, for both
 * directions of another stream: a [class@Gio.SocketConnection], a
 * [class@Gio.TlsConnection]. One thread may read while another writes.
 *
 * Any thread may close it, also while others read or write: they fail with
 * `G_IO_ERROR_CLOSED` ([error@Gio.IOErrorEnum]). To close it closes the other stream. Where
 * that takes a while, because there is something to say goodbye with, it can be cancelled as
 * any wait can, and in a thread that was cancelled it does not wait. The stream is closed in any
 * case.
 *
 * Since: 1.0
 */

struct _ThredoIOStream
{
  GIOStream parent_instance;

  GIOStream *base;
  GInputStream *input;
  GOutputStream *output;
};

enum
{
  PROP_0,
  PROP_BASE_IO_STREAM,
  N_PROPS
};

G_DEFINE_FINAL_TYPE (ThredoIOStream, thredo_io_stream, G_TYPE_IO_STREAM)

static GParamSpec *properties[N_PROPS];

static const ThredoWaitInfo close_info = { "thredo_io_stream_close", "close", "IOStream", NULL };

static GInputStream *
thredo_io_stream_get_input_stream (GIOStream *stream)
{
  return THREDO_IO_STREAM (stream)->input;
}

static GOutputStream *
thredo_io_stream_get_output_stream (GIOStream *stream)
{
  return THREDO_IO_STREAM (stream)->output;
}

/* The sockets of a connection that is closed by closing them, and nothing else. */
static GSocket *
get_plain_socket (ThredoIOStream *self)
{
  if (!G_IS_SOCKET_CONNECTION (self->base) || G_IS_TCP_WRAPPER_CONNECTION (self->base))
    return NULL;
  if (G_IS_TCP_CONNECTION (self->base) &&
      g_tcp_connection_get_graceful_disconnect (G_TCP_CONNECTION (self->base)))
    return NULL;
  return g_socket_connection_get_socket (G_SOCKET_CONNECTION (self->base));
}

static void
start_close (GCancellable        *cancellable,
             GAsyncReadyCallback  callback,
             gpointer             callback_data,
             gpointer             base)
{
  g_io_stream_close_async (base, G_PRIORITY_DEFAULT, cancellable, callback, callback_data);
}

static gboolean
close_async (ThredoIOStream  *self,
             GCancellable    *cancellable,
             GError         **error)
{
  g_autoptr(GAsyncResult) result = NULL;
  gboolean closed;

  result = thredo_await_as (&close_info, self, start_close, self->base, cancellable, error);
  if (result == NULL)
    return FALSE;
  closed = g_io_stream_close_finish (self->base, result, error);
  if (!closed)
    thredo_clarify_error (error);
  return closed;
}

static gboolean
close_socket (ThredoIOStream  *self,
              GSocket         *socket,
              GError         **error)
{
  int fd = g_socket_get_fd (socket);
  gboolean closed;

  thredo_fd_closing (fd);
  closed = g_io_stream_close (self->base, NULL, error);
  thredo_fd_closed (fd);
  return closed;
}

static gboolean
close_base (ThredoIOStream  *self,
            GCancellable    *cancellable,
            GError         **error)
{
  GSocket *socket = get_plain_socket (self);
  g_autoptr(GCancellable) cancelled = NULL;

  if (socket != NULL)
    return close_socket (self, socket, error);
  if (thredo_stream_may_wait (cancellable))
    return close_async (self, cancellable, error);
  cancelled = thredo_stream_new_cancelled ();
  return g_io_stream_close (self->base, cancelled, error);
}

/* What GIO would do in two steps, one for each direction. A pipe's number is known to them. */
static int
get_fd (ThredoStreamBase *base)
{
  return base->kind == THREDO_STREAM_PIPE ? base->fd : -1;
}

static gboolean
thredo_io_stream_close (GIOStream     *stream,
                        GCancellable  *cancellable,
                        GError       **error)
{
  ThredoIOStream *self = THREDO_IO_STREAM (stream);
  int input_fd = get_fd (thredo_input_stream_get_base (THREDO_INPUT_STREAM (self->input)));
  int output_fd = get_fd (thredo_output_stream_get_base (THREDO_OUTPUT_STREAM (self->output)));
  gboolean closed;

  thredo_stream_base_close (thredo_input_stream_get_base (THREDO_INPUT_STREAM (self->input)));
  thredo_stream_base_close (thredo_output_stream_get_base (THREDO_OUTPUT_STREAM (self->output)));
  thredo_fd_closing (input_fd);
  thredo_fd_closing (output_fd);
  closed = close_base (self, cancellable, error);
  thredo_fd_closed (input_fd);
  thredo_fd_closed (output_fd);

  /* They have nothing left to close, and are not to be used any more; one that another
   * thread is inside of says so by itself. */
  g_filter_input_stream_set_close_base_stream (G_FILTER_INPUT_STREAM (self->input), FALSE);
  g_filter_output_stream_set_close_base_stream (G_FILTER_OUTPUT_STREAM (self->output), FALSE);
  g_input_stream_close (self->input, NULL, NULL);
  g_output_stream_close (self->output, NULL, NULL);

  return closed;
}

static void
thredo_io_stream_get_property (GObject    *object,
                               guint       prop_id,
                               GValue     *value,
                               GParamSpec *pspec)
{
  ThredoIOStream *self = THREDO_IO_STREAM (object);

  switch (prop_id)
    {
    case PROP_BASE_IO_STREAM:
      g_value_set_object (value, self->base);
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, prop_id, pspec);
    }
}

static void
thredo_io_stream_set_property (GObject      *object,
                               guint         prop_id,
                               const GValue *value,
                               GParamSpec   *pspec)
{
  ThredoIOStream *self = THREDO_IO_STREAM (object);

  switch (prop_id)
    {
    case PROP_BASE_IO_STREAM:
      self->base = g_value_dup_object (value);
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, prop_id, pspec);
    }
}

static void
thredo_io_stream_constructed (GObject *object)
{
  ThredoIOStream *self = THREDO_IO_STREAM (object);

  G_OBJECT_CLASS (thredo_io_stream_parent_class)->constructed (object);

  g_assert (self->base != NULL);
  self->input = thredo_input_stream_new (g_io_stream_get_input_stream (self->base));
  self->output = thredo_output_stream_new (g_io_stream_get_output_stream (self->base));
}

static void
thredo_io_stream_finalize (GObject *object)
{
  ThredoIOStream *self = THREDO_IO_STREAM (object);

  g_clear_object (&self->input);
  g_clear_object (&self->output);
  g_clear_object (&self->base);

  G_OBJECT_CLASS (thredo_io_stream_parent_class)->finalize (object);
}

static void
thredo_io_stream_class_init (ThredoIOStreamClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  GIOStreamClass *stream_class = G_IO_STREAM_CLASS (klass);

  object_class->get_property = thredo_io_stream_get_property;
  object_class->set_property = thredo_io_stream_set_property;
  object_class->constructed = thredo_io_stream_constructed;
  object_class->finalize = thredo_io_stream_finalize;

  stream_class->get_input_stream = thredo_io_stream_get_input_stream;
  stream_class->get_output_stream = thredo_io_stream_get_output_stream;
  stream_class->close_fn = thredo_io_stream_close;

  /**
   * ThredoIOStream:base-io-stream: (getter get_base)
   *
   * The stream that is read from and written to.
   *
   * Since: 1.0
   */
  properties[PROP_BASE_IO_STREAM] =
      g_param_spec_object ("base-io-stream", NULL, NULL, G_TYPE_IO_STREAM,
                           G_PARAM_READWRITE | G_PARAM_CONSTRUCT_ONLY | G_PARAM_STATIC_STRINGS);
  g_object_class_install_properties (object_class, N_PROPS, properties);
}

static void
thredo_io_stream_init (ThredoIOStream *self)
{
}

/**
 * thredo_io_stream_new:
 * @base_stream: what to read from and write to
 *
 * Makes a stream that can be cancelled of one that may not.
 *
 * Returns: (transfer full): a new stream
 *
 * Since: 1.0
 */
GIOStream *
thredo_io_stream_new (GIOStream *base_stream)
{
  g_return_val_if_fail (G_IS_IO_STREAM (base_stream), NULL);

  return g_object_new (THREDO_TYPE_IO_STREAM, "base-io-stream", base_stream, NULL);
}

/**
 * thredo_io_stream_get_base: (get-property base-io-stream)
 * @self: a stream
 *
 * Gets the stream that is read from and written to.
 *
 * Returns: (transfer none): a stream, valid as long as @self
 *
 * Since: 1.0
 */
GIOStream *
thredo_io_stream_get_base (ThredoIOStream *self)
{
  g_return_val_if_fail (THREDO_IS_IO_STREAM (self), NULL);

  return self->base;
}
