/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The streams, over all that they can be put around: sockets, pipes, TLS, memory, files, and what
 * nobody can poll. */

#include "ways.h"

#include <errno.h>
#include <fcntl.h>
#include <gio/gunixinputstream.h>
#include <gio/gunixoutputstream.h>
#include <glib-unix.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define HUGE (8 * 1024 * 1024)

/* A stream of ours, and the fd of the other end of what is below it. */
typedef struct
{
  GIOStream *stream; /* of both, or NULL */
  GInputStream *input;
  GOutputStream *output;
  int near;
  int far;
} Fixture;

/* A stream that cannot be polled, as there are many: it reads from a pipe, and can be cancelled. */
typedef struct
{
  GInputStream parent_instance;
  int fd;
} SlowInputStream;

typedef struct
{
  GInputStreamClass parent_class;
} SlowInputStreamClass;

static GType slow_input_stream_get_type (void);
G_DEFINE_TYPE (SlowInputStream, slow_input_stream, G_TYPE_INPUT_STREAM)

static gssize
slow_input_stream_read (GInputStream  *stream,
                        void          *buffer,
                        gsize          size,
                        GCancellable  *cancellable,
                        GError       **error)
{
  SlowInputStream *self = (SlowInputStream *) stream;
  int fd = g_atomic_int_get (&self->fd);
  GPollFD fds[2] = { { .fd = fd, .events = G_IO_IN } };
  guint n = g_cancellable_make_pollfd (cancellable, &fds[1]) ? 2 : 1;

  g_poll (fds, n, -1);
  if (n == 2)
    g_cancellable_release_fd (cancellable);
  if (g_cancellable_set_error_if_cancelled (cancellable, error))
    return -1;
  return read (fd, buffer, size);
}

static gboolean
slow_input_stream_close (GInputStream  *stream,
                         GCancellable  *cancellable,
                         GError       **error)
{
  return g_close (g_atomic_int_get (&((SlowInputStream *) stream)->fd), error);
}

static void
slow_input_stream_class_init (SlowInputStreamClass *klass)
{
  klass->parent_class.read_fn = slow_input_stream_read;
  klass->parent_class.close_fn = slow_input_stream_close;
}

static void
slow_input_stream_init (SlowInputStream *self)
{
}

static GInputStream *
wrap_input (GInputStream *base)
{
  GInputStream *stream = thredo_input_stream_new (base);

  g_object_unref (base);
  return stream;
}

static GOutputStream *
wrap_output (GOutputStream *base)
{
  GOutputStream *stream = thredo_output_stream_new (base);

  g_object_unref (base);
  return stream;
}

static GIOStream *
connection_from_fd (int fd)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(GSocket) socket = g_socket_new_from_fd (fd, &error);

  g_assert_no_error (error);
  return G_IO_STREAM (g_socket_connection_factory_create_connection (socket));
}

static void
make_socket_pair (int fds[2])
{
  g_assert_cmpint (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), ==, 0);
}

static void
make_pipe (int fds[2])
{
  g_autoptr(GError) error = NULL;

  g_unix_open_pipe (fds, FD_CLOEXEC, &error);
  g_assert_no_error (error);
}

static void
set_non_blocking (int      fd,
                  gboolean non_blocking)
{
  g_autoptr(GError) error = NULL;

  g_unix_set_fd_nonblocking (fd, non_blocking, &error);
  g_assert_no_error (error);
}

static gpointer
set_up_socket (void)
{
  Fixture *self = g_new0 (Fixture, 1);
  g_autoptr(GIOStream) connection = NULL;
  int fds[2];

  make_socket_pair (fds);
  connection = connection_from_fd (fds[0]);
  self->stream = thredo_io_stream_new (connection);
  self->input = g_object_ref (g_io_stream_get_input_stream (self->stream));
  self->output = g_object_ref (g_io_stream_get_output_stream (self->stream));
  self->near = fds[0];
  self->far = fds[1];
  return self;
}

/* Both ends are in blocking mode, as those are that other programs have open. */
static gpointer
set_up_pipe_in (void)
{
  Fixture *self = g_new0 (Fixture, 1);
  int fds[2];

  make_pipe (fds);
  self->input = wrap_input (g_unix_input_stream_new (fds[0], TRUE));
  self->near = fds[0];
  self->far = fds[1];
  return self;
}

static gpointer
set_up_pipe_out (void)
{
  Fixture *self = g_new0 (Fixture, 1);
  int fds[2];

  make_pipe (fds);
  self->output = wrap_output (g_unix_output_stream_new (fds[1], TRUE));
  self->near = fds[1];
  self->far = fds[0];
  return self;
}

static gpointer
set_up_slow (void)
{
  Fixture *self = g_new0 (Fixture, 1);
  SlowInputStream *base = g_object_new (slow_input_stream_get_type (), NULL);
  int fds[2];

  make_pipe (fds);
  g_atomic_int_set (&base->fd, fds[0]);
  self->input = wrap_input (G_INPUT_STREAM (base));
  self->near = fds[0];
  self->far = fds[1];
  return self;
}

/* Pollable, and not one of those that are known: what a buffer or a converter is. */
static gpointer
set_up_pollable (void)
{
  Fixture *self = g_new0 (Fixture, 1);
  g_autoptr(GIOStream) connection = NULL;
  g_autoptr(GCharsetConverter) converter = NULL;
  g_autoptr(GError) error = NULL;
  int fds[2];

  make_socket_pair (fds);
  connection = connection_from_fd (fds[0]);
  converter = g_charset_converter_new ("UTF-8", "UTF-8", &error);
  g_assert_no_error (error);
  self->input = wrap_input (g_converter_input_stream_new (
      g_io_stream_get_input_stream (connection), G_CONVERTER (converter)));
  self->output = wrap_output (g_converter_output_stream_new (
      g_io_stream_get_output_stream (connection), G_CONVERTER (converter)));
  self->near = fds[0];
  self->far = fds[1];
  return self;
}

static void
fill (int fd)
{
  char block[4096] = { 0 };

  set_non_blocking (fd, TRUE);
  while (write (fd, block, sizeof block) > 0)
    ;
  while (write (fd, block, 1) > 0)
    ;
  g_assert_cmpint (errno, ==, EAGAIN);
}

static gsize
drain (int fd)
{
  char block[4096];
  gsize total = 0;
  gssize n;

  set_non_blocking (fd, TRUE);
  while ((n = read (fd, block, sizeof block)) > 0)
    total += (gsize) n;
  return total;
}

static gpointer
set_up_full_socket (void)
{
  Fixture *self = set_up_socket ();

  fill (self->near);
  return self;
}

static gpointer
set_up_full_pipe (void)
{
  Fixture *self = set_up_pipe_out ();

  fill (self->near);
  set_non_blocking (self->near, FALSE);
  return self;
}

static void
tear_down (gpointer data)
{
  Fixture *self = data;

  g_clear_object (&self->output);
  g_clear_object (&self->input);
  g_clear_object (&self->stream);
  if (self->far != -1)
    g_close (self->far, NULL);
  g_free (self);
}

static void
send_far (Fixture    *self,
          const char *text)
{
  g_assert_cmpint (write (self->far, text, strlen (text)), ==, strlen (text));
}

static void
complete_read (gpointer data)
{
  send_far (data, "hello\n");
}

static gboolean
wait_read (gpointer       data,
           GCancellable  *cancellable,
           GError       **error)
{
  Fixture *self = data;
  char buffer[16];
  gssize n = g_input_stream_read (self->input, buffer, sizeof buffer, cancellable, error);

  if (n < 0)
    return FALSE;
  g_assert_cmpmem (buffer, n, "hello\n", 6);
  return TRUE;
}

static gboolean
wait_line (gpointer       data,
           GCancellable  *cancellable,
           GError       **error)
{
  Fixture *self = data;
  g_autoptr(GDataInputStream) lines = g_data_input_stream_new (self->input);
  g_autofree char *line = NULL;

  g_filter_input_stream_set_close_base_stream (G_FILTER_INPUT_STREAM (lines), FALSE);
  line = g_data_input_stream_read_line_utf8 (lines, NULL, cancellable, error);
  if (line == NULL)
    return FALSE;
  g_assert_cmpstr (line, ==, "hello");
  return TRUE;
}

static gboolean
wait_skip (gpointer       data,
           GCancellable  *cancellable,
           GError       **error)
{
  Fixture *self = data;

  return g_input_stream_skip (self->input, 6, cancellable, error) == 6;
}

static gboolean
wait_write (gpointer       data,
            GCancellable  *cancellable,
            GError       **error)
{
  Fixture *self = data;

  return g_output_stream_write (self->output, "hello", 5, cancellable, error) == 5;
}

static gboolean
wait_write_all (gpointer       data,
                GCancellable  *cancellable,
                GError       **error)
{
  Fixture *self = data;
  gsize written = 77;
  gboolean result = g_output_stream_write_all (self->output, "hello", 5, &written, cancellable,
                                               error);

  g_assert_cmpuint (written, ==, result ? 5 : 0);
  return result;
}

static void
complete_write (gpointer data)
{
  drain (((Fixture *) data)->far);
}

static const WaysWait waits[] = {
  { "/streams/socket/read", "receive on Socket", set_up_socket, tear_down, wait_read,
    complete_read, NULL },
  { "/streams/socket/line", "receive on Socket", set_up_socket, tear_down, wait_line,
    complete_read, NULL },
  { "/streams/socket/skip", "receive on Socket", set_up_socket, tear_down, wait_skip,
    complete_read, NULL },
  { "/streams/socket/write", "send on Socket", set_up_full_socket, tear_down, wait_write,
    complete_write, NULL },
  { "/streams/socket/write-all", "send on Socket", set_up_full_socket, tear_down, wait_write_all,
    complete_write, NULL },
  { "/streams/pipe/read", "read on InputStream", set_up_pipe_in, tear_down, wait_read,
    complete_read, NULL },
  { "/streams/pipe/write", "write on OutputStream", set_up_full_pipe, tear_down, wait_write,
    complete_write, NULL },
  { "/streams/slow/read", "read on InputStream", set_up_slow, tear_down, wait_read, complete_read,
    NULL },
  { "/streams/pollable/read", "read on InputStream", set_up_pollable, tear_down, wait_read,
    complete_read, NULL },
};

/* A thread that moves data, and what came of it. */
typedef struct
{
  GInputStream *input;
  GOutputStream *output;
  char *buffer;
  gsize size;
  gsize moved;
  gboolean result;
  GError *error;
} Mover;

static gboolean
read_all (ThredoThread  *thread,
          gpointer       data,
          GError       **error)
{
  Mover *self = data;

  self->result = g_input_stream_read_all (self->input, self->buffer, self->size, &self->moved, NULL,
                                          &self->error);
  return TRUE;
}

static gboolean
write_all (ThredoThread  *thread,
           gpointer       data,
           GError       **error)
{
  Mover *self = data;

  self->result = g_output_stream_write_all (self->output, self->buffer, self->size, &self->moved,
                                            NULL, &self->error);
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

/* Lines that come in pieces, and pieces that are several lines. */
static gboolean
send_pieces (ThredoThread  *thread,
             gpointer       data,
             GError       **error)
{
  Fixture *self = data;
  const char *const pieces[] = { "one", "\ntw", "o\r\nthree\nfo", "u", "r\n\n", "the rest" };

  for (guint i = 0; i < G_N_ELEMENTS (pieces); i++)
    {
      send_far (self, pieces[i]);
      if (!thredo_sleep (2000, NULL, error))
        return FALSE;
    }
  g_close (self->far, NULL);
  self->far = -1;
  return TRUE;
}

static void
test_lines (void)
{
  const char *const expected[] = { "one", "two", "three", "four", "", "the rest" };
  Fixture *self = set_up_socket ();
  g_autoptr(GDataInputStream) lines = g_data_input_stream_new (self->input);
  g_autoptr(ThredoThread) sender = spawn (send_pieces, self);
  g_autoptr(GError) error = NULL;

  g_data_input_stream_set_newline_type (lines, G_DATA_STREAM_NEWLINE_TYPE_ANY);
  for (guint i = 0; i < G_N_ELEMENTS (expected); i++)
    {
      g_autofree char *line = g_data_input_stream_read_line_utf8 (lines, NULL, NULL, &error);

      g_assert_no_error (error);
      g_assert_cmpstr (line, ==, expected[i]);
    }
  g_assert_null (g_data_input_stream_read_line_utf8 (lines, NULL, NULL, &error));
  g_assert_no_error (error);
  support_join_ok (sender);
  tear_down (self);
}

/* A line that was cut short by a deadline is whole the next time. */
static void
test_line_not_dropped (void)
{
  Fixture *self = set_up_socket ();
  g_autoptr(GDataInputStream) lines = g_data_input_stream_new (self->input);
  g_autoptr(ThredoScope) scope = thredo_scope_new_with_timeout (5000);
  g_autoptr(GError) error = NULL;
  g_autofree char *line = NULL;

  send_far (self, "half a li");
  thredo_scope_enter (scope);
  line = g_data_input_stream_read_line (lines, NULL, NULL, &error);
  thredo_scope_leave (scope);
  g_assert_null (line);
  support_assert_timed_out (&error);

  send_far (self, "ne\n");
  line = g_data_input_stream_read_line (lines, NULL, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpstr (line, ==, "half a line");
  tear_down (self);
}

static gboolean
is_empty (gpointer fd)
{
  GPollFD poll = { .fd = GPOINTER_TO_INT (fd), .events = G_IO_IN };

  return g_poll (&poll, 1, 0) == 0;
}

static void
read_partial (Fixture *self)
{
  char buffer[100];
  Mover mover = { .input = self->input, .buffer = buffer, .size = sizeof buffer };
  g_autoptr(ThredoThread) thread = spawn (read_all, &mover);

  send_far (self, "some of it");
  support_wait_for ("reading", is_empty, GINT_TO_POINTER (self->near));
  support_wait_for_state (thread, THREDO_THREAD_STATE_WAITING);
  thredo_thread_cancel (thread);
  thredo_thread_wait (thread, NULL, NULL);
  g_assert_false (mover.result);
  support_assert_cancelled (&mover.error);
  g_assert_cmpmem (buffer, mover.moved, "some of it", 10);
  tear_down (self);
}

static void
test_read_partial (void)
{
  read_partial (set_up_socket ());
  read_partial (set_up_pipe_in ());
  read_partial (set_up_pollable ());
}

static void
read_early_end (Fixture *self)
{
  char buffer[100];
  gsize n;
  g_autoptr(GError) error = NULL;

  send_far (self, "that is all");
  g_close (self->far, NULL);
  self->far = -1;
  g_assert_true (g_input_stream_read_all (self->input, buffer, 4, &n, NULL, &error));
  g_assert_no_error (error);
  g_assert_cmpmem (buffer, n, "that", 4);
  g_assert_true (g_input_stream_read_all (self->input, buffer, sizeof buffer, &n, NULL, &error));
  g_assert_no_error (error);
  g_assert_cmpmem (buffer, n, " is all", 7);
  g_assert_true (g_input_stream_read_all (self->input, buffer, sizeof buffer, &n, NULL, &error));
  g_assert_no_error (error);
  g_assert_cmpuint (n, ==, 0);
  tear_down (self);
}

static void
test_read_early_end (void)
{
  read_early_end (set_up_socket ());
  read_early_end (set_up_pipe_in ());
  read_early_end (set_up_pollable ());
  read_early_end (set_up_slow ());
}

static char
byte_at (gsize i)
{
  return (char) (i * 7 + i / 251);
}

static gpointer
write_far (gpointer data)
{
  Fixture *self = data;
  gsize sent = 0;
  char block[1000];

  while (sent < HUGE)
    {
      gsize n = MIN (sizeof block, HUGE - sent);

      for (gsize i = 0; i < n; i++)
        block[i] = byte_at (sent + i);
      n = (gsize) write (self->far, block, n);
      sent += n;
    }
  g_close (self->far, NULL);
  self->far = -1;
  return NULL;
}

static void
assert_bytes (GOutputStream *stream)
{
  GMemoryOutputStream *memory = G_MEMORY_OUTPUT_STREAM (stream);
  const char *data = g_memory_output_stream_get_data (memory);

  g_assert_cmpuint (g_memory_output_stream_get_data_size (memory), ==, HUGE);
  for (gsize i = 0; i < HUGE; i++)
    {
      if (data[i] != byte_at (i))
        g_error ("Byte %" G_GSIZE_FORMAT " is wrong", i);
    }
}

/* To the end, whatever is below. */
static void
read_to_end (Fixture *self)
{
  g_autoptr(GOutputStream) memory = g_memory_output_stream_new_resizable ();
  GThread *writer = g_thread_new ("writer", write_far, self);
  g_autoptr(GError) error = NULL;

  g_output_stream_splice (memory, self->input, G_OUTPUT_STREAM_SPLICE_CLOSE_SOURCE, NULL, &error);
  g_assert_no_error (error);
  g_thread_join (writer);
  assert_bytes (memory);
  tear_down (self);
}

static void
test_read_to_end (void)
{
  read_to_end (set_up_socket ());
  read_to_end (set_up_pipe_in ());
  read_to_end (set_up_slow ());
}

/* Into a pipe in blocking mode, more than it holds. */
static void
test_write_to_pipe (void)
{
  Fixture *self = set_up_pipe_out ();
  g_autofree char *sent = g_malloc (HUGE);
  g_autofree char *received = g_malloc (HUGE);
  Mover mover = { .output = self->output, .buffer = sent, .size = HUGE };
  g_autoptr(ThredoThread) thread = NULL;
  gsize n = 0;

  for (gsize i = 0; i < HUGE; i++)
    sent[i] = byte_at (i);
  thread = spawn (write_all, &mover);
  while (n < HUGE)
    n += (gsize) read (self->far, received + n, HUGE - n);
  support_join_ok (thread);
  g_assert_no_error (mover.error);
  g_assert_cmpmem (sent, HUGE, received, HUGE);
  tear_down (self);
}

/* The other end does not read: what was written is known, and there. */
static void
write_to_silent_peer (Fixture *self)
{
  g_autofree char *buffer = g_malloc0 (HUGE);
  Mover mover = { .output = self->output, .buffer = buffer, .size = HUGE };
  g_autoptr(ThredoThread) thread = spawn (write_all, &mover);

  support_wait_for_state (thread, THREDO_THREAD_STATE_WAITING);
  thredo_thread_cancel (thread);
  thredo_thread_wait (thread, NULL, NULL);
  g_assert_false (mover.result);
  support_assert_cancelled (&mover.error);
  g_assert_cmpuint (mover.moved, >, 0);
  g_assert_cmpuint (mover.moved, <, HUGE);
  g_assert_cmpuint (drain (self->far), ==, mover.moved);
  tear_down (self);
}

static void
test_write_to_silent_peer (void)
{
  write_to_silent_peer (set_up_socket ());
  write_to_silent_peer (set_up_pipe_out ());
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
  Fixture *socket = set_up_socket ();
  Fixture *pipe = set_up_pipe_out ();
  g_autoptr(GError) error = NULL;
  sigset_t mask;

  sigaction (SIGPIPE, &action, &before);
  g_close (socket->far, NULL);
  socket->far = -1;
  g_assert_cmpint (g_output_stream_write (socket->output, "x", 1, NULL, &error), ==, -1);
  support_assert_error (&error, G_IO_ERROR, G_IO_ERROR_BROKEN_PIPE);
  g_close (pipe->far, NULL);
  pipe->far = -1;
  g_assert_cmpint (g_output_stream_write (pipe->output, "x", 1, NULL, &error), ==, -1);
  support_assert_error (&error, G_IO_ERROR, G_IO_ERROR_BROKEN_PIPE);
  g_assert_cmpint (g_atomic_int_get (&n_signals), ==, 0);
  pthread_sigmask (SIG_SETMASK, NULL, &mask);
  g_assert_false (sigismember (&mask, SIGPIPE));
  sigaction (SIGPIPE, &before, NULL);
  tear_down (socket);
  tear_down (pipe);
}

/* The end that is typed at a terminal is one, and the terminal goes on after it. */
static void
test_terminal (void)
{
  g_autoptr(GInputStream) input = NULL;
  g_autoptr(GError) error = NULL;
  char buffer[16];
  int far = posix_openpt (O_RDWR | O_NOCTTY | O_CLOEXEC);
  int near = -1;

  if (far != -1 && grantpt (far) == 0 && unlockpt (far) == 0)
    near = open (ptsname (far), O_RDWR | O_NOCTTY | O_CLOEXEC);
  if (near == -1)
    {
      g_test_skip ("There are no pseudo-terminals");
      if (far != -1)
        g_close (far, NULL);
      return;
    }

  input = wrap_input (g_unix_input_stream_new (near, TRUE));
  g_assert_cmpint (write (far, "hello\n\004", 7), ==, 7);
  g_assert_cmpint (g_input_stream_read (input, buffer, sizeof buffer, NULL, &error), ==, 6);
  g_assert_no_error (error);
  g_assert_cmpint (g_input_stream_read (input, buffer, sizeof buffer, NULL, &error), ==, 0);
  g_assert_no_error (error);
  g_assert_cmpint (write (far, "more\n", 5), ==, 5);
  g_assert_cmpint (g_input_stream_read (input, buffer, sizeof buffer, NULL, &error), ==, 5);
  g_assert_no_error (error);
  g_assert_true (g_input_stream_close (input, NULL, &error));
  g_assert_no_error (error);
  g_close (far, NULL);
}

static void
test_memory (void)
{
  g_autoptr(GInputStream) input = NULL;
  g_autoptr(GOutputStream) output = NULL;
  g_autoptr(GError) error = NULL;
  char buffer[16];

  input = wrap_input (g_memory_input_stream_new_from_data ("0123456789", 10, NULL));
  g_assert_cmpint (g_input_stream_read (input, buffer, 4, NULL, &error), ==, 4);
  g_assert_no_error (error);
  g_assert_cmpint (g_input_stream_skip (input, 4, NULL, &error), ==, 4);
  g_assert_no_error (error);
  g_assert_cmpint (g_input_stream_read (input, buffer, 4, NULL, &error), ==, 2);
  g_assert_no_error (error);
  g_assert_cmpmem (buffer, 2, "89", 2);
  g_assert_cmpint (g_input_stream_read (input, buffer, 4, NULL, &error), ==, 0);
  g_assert_no_error (error);
  g_assert_true (g_input_stream_close (input, NULL, &error));
  g_assert_no_error (error);
  g_assert_cmpint (g_input_stream_read (input, buffer, 4, NULL, &error), ==, -1);
  support_assert_closed (&error);

  output = wrap_output (g_memory_output_stream_new_resizable ());
  g_assert_true (g_output_stream_printf (output, NULL, NULL, &error, "%d", 42));
  g_assert_no_error (error);
  g_assert_true (g_output_stream_close (output, NULL, &error));
  g_assert_no_error (error);
  g_assert_cmpint (g_output_stream_write (output, "x", 1, NULL, &error), ==, -1);
  support_assert_closed (&error);
}

/* A file that is replaced by whoever finishes, and not by whoever is cancelled. */
static void
test_file (void)
{
  g_autoptr(GFile) file = NULL;
  g_autoptr(GFileIOStream) made = NULL;
  g_autoptr(GOutputStream) output = NULL;
  g_autoptr(GInputStream) input = NULL;
  g_autoptr(GOutputStream) cancelled = NULL;
  g_autoptr(ThredoScope) scope = thredo_scope_new ();
  g_autoptr(GError) error = NULL;
  char buffer[16];

  file = g_file_new_tmp ("thredo-XXXXXX", &made, &error);
  g_assert_no_error (error);
  output = wrap_output (G_OUTPUT_STREAM (g_file_replace (file, NULL, FALSE, 0, NULL, &error)));
  g_assert_no_error (error);
  g_assert_true (g_output_stream_write_all (output, "hello", 5, NULL, NULL, &error));
  g_assert_no_error (error);
  g_assert_true (g_output_stream_close (output, NULL, &error));
  g_assert_no_error (error);

  cancelled = wrap_output (G_OUTPUT_STREAM (g_file_replace (file, NULL, FALSE, 0, NULL, &error)));
  g_assert_no_error (error);
  g_assert_true (g_output_stream_write_all (cancelled, "half", 4, NULL, NULL, &error));
  thredo_scope_enter (scope);
  thredo_scope_cancel (scope);
  g_assert_false (g_output_stream_close (cancelled, NULL, &error));
  support_assert_cancelled (&error);
  g_assert_true (g_output_stream_is_closed (cancelled));
  thredo_scope_leave (scope);

  input = wrap_input (G_INPUT_STREAM (g_file_read (file, NULL, &error)));
  g_assert_no_error (error);
  g_assert_cmpint (g_input_stream_read (input, buffer, sizeof buffer, NULL, &error), ==, 5);
  g_assert_no_error (error);
  g_assert_cmpmem (buffer, 5, "hello", 5);
  g_file_delete (file, NULL, NULL);
}

/* One of ours around one of ours. */
static void
test_nested (void)
{
  Fixture *self = set_up_socket ();
  g_autoptr(GInputStream) outer = thredo_input_stream_new (self->input);
  char buffer[10];
  Mover mover = { .input = outer, .buffer = buffer, .size = 10 };
  g_autoptr(ThredoThread) thread = spawn (read_all, &mover);

  support_wait_for_wait (thread, "receive on Socket");
  thredo_thread_cancel (thread);
  thredo_thread_wait (thread, NULL, NULL);
  support_assert_cancelled (&mover.error);
  g_filter_input_stream_set_close_base_stream (G_FILTER_INPUT_STREAM (outer), FALSE);
  tear_down (self);
}

static gboolean
on_pollable (GObject  *stream,
             gpointer  data)
{
  g_assert_true (THREDO_IS_INPUT_STREAM (stream));
  g_atomic_int_set ((int *) data, 1);
  return G_SOURCE_REMOVE;
}

static void
test_pollable (void)
{
  Fixture *self = set_up_socket ();
  GPollableInputStream *input = G_POLLABLE_INPUT_STREAM (self->input);
  GPollableOutputStream *output = G_POLLABLE_OUTPUT_STREAM (self->output);
  g_autoptr(GSource) source = NULL;
  g_autoptr(GError) error = NULL;
  char buffer[16];
  gboolean called = FALSE;

  g_assert_true (g_pollable_input_stream_can_poll (input));
  g_assert_true (g_pollable_output_stream_can_poll (output));
  g_assert_false (g_pollable_input_stream_is_readable (input));
  g_assert_true (g_pollable_output_stream_is_writable (output));
  g_assert_cmpint (g_pollable_input_stream_read_nonblocking (input, buffer, 1, NULL, &error), ==,
                   -1);
  support_assert_error (&error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK);
  g_assert_cmpint (g_pollable_output_stream_write_nonblocking (output, "x", 1, NULL, &error), ==,
                   1);
  g_assert_no_error (error);

  source = g_pollable_input_stream_create_source (input, NULL);
  g_source_set_callback (source, G_SOURCE_FUNC (on_pollable), &called, NULL);
  g_source_attach (source, NULL);
  send_far (self, "x");
  support_iterate_until (&called);
  g_assert_true (g_pollable_input_stream_is_readable (input));
  tear_down (self);
}

/* A pipe in blocking mode does not hold up the main loop, and a broken one is no signal. */
static void
test_pollable_pipe (void)
{
  struct sigaction action = { .sa_handler = on_broken_pipe };
  struct sigaction before;
  Fixture *out = set_up_pipe_out ();
  Fixture *in = set_up_pipe_in ();
  GPollableOutputStream *output = G_POLLABLE_OUTPUT_STREAM (out->output);
  GPollableInputStream *input = G_POLLABLE_INPUT_STREAM (in->input);
  g_autofree char *buffer = g_malloc0 (HUGE);
  g_autoptr(GAsyncResult) result = NULL;
  g_autoptr(GError) error = NULL;
  gssize n;

  sigaction (SIGPIPE, &action, &before);
  g_output_stream_write_async (out->output, buffer, HUGE, 0, NULL, support_keep_result, &result);
  support_iterate_until_result (&result);
  n = g_output_stream_write_finish (out->output, result, &error);
  g_assert_no_error (error);
  g_assert_cmpint (n, >, 0);
  g_assert_cmpint (n, <, HUGE);
  while ((n = g_pollable_output_stream_write_nonblocking (output, buffer, HUGE, NULL, &error)) > 0)
    ;
  support_assert_error (&error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK);
  g_close (out->far, NULL);
  out->far = -1;
  n = g_pollable_output_stream_write_nonblocking (output, "x", 1, NULL, &error);
  g_assert_cmpint (n, ==, -1);
  support_assert_error (&error, G_IO_ERROR, G_IO_ERROR_BROKEN_PIPE);
  g_assert_cmpint (g_atomic_int_get (&n_signals), ==, 0);

  n = g_pollable_input_stream_read_nonblocking (input, buffer, 1, NULL, &error);
  g_assert_cmpint (n, ==, -1);
  support_assert_error (&error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK);
  send_far (in, "hello");
  n = g_pollable_input_stream_read_nonblocking (input, buffer, 100, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpmem (buffer, n, "hello", 5);
  g_close (in->far, NULL);
  in->far = -1;
  n = g_pollable_input_stream_read_nonblocking (input, buffer, 100, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpint (n, ==, 0);

  sigaction (SIGPIPE, &before, NULL);
  tear_down (out);
  tear_down (in);
}

static void
read_async (Fixture *self)
{
  g_autoptr(GCancellable) cancellable = g_cancellable_new ();
  g_autoptr(GAsyncResult) result = NULL;
  g_autoptr(GError) error = NULL;
  char buffer[16];

  g_input_stream_read_async (self->input, buffer, sizeof buffer, 0, NULL, support_keep_result,
                             &result);
  send_far (self, "hello");
  support_iterate_until_result (&result);
  g_assert_cmpint (g_input_stream_read_finish (self->input, result, &error), ==, 5);
  g_assert_no_error (error);
  g_clear_object (&result);

  g_input_stream_read_async (self->input, buffer, sizeof buffer, 0, cancellable,
                             support_keep_result, &result);
  g_cancellable_cancel (cancellable);
  support_iterate_until_result (&result);
  g_assert_cmpint (g_input_stream_read_finish (self->input, result, &error), ==, -1);
  support_assert_cancelled (&error);
  tear_down (self);
}

static void
test_async (void)
{
  Fixture *self = set_up_socket ();
  g_autoptr(GAsyncResult) result = NULL;
  g_autoptr(GError) error = NULL;

  g_output_stream_write_async (self->output, "hello", 5, 0, NULL, support_keep_result, &result);
  support_iterate_until_result (&result);
  g_assert_cmpint (g_output_stream_write_finish (self->output, result, &error), ==, 5);
  g_assert_no_error (error);
  tear_down (self);

  read_async (set_up_socket ());
  read_async (set_up_pollable ());
  read_async (set_up_slow ());
}

/* Another thread closes the stream while one reads and one writes. */
static void
close_meanwhile (GIOStream *stream)
{
  g_autofree char *buffer = g_malloc0 (HUGE);
  Mover reader = { .input = g_io_stream_get_input_stream (stream), .buffer = buffer, .size = 1 };
  GOutputStream *output = g_io_stream_get_output_stream (stream);
  Mover writer = { .output = output, .buffer = buffer, .size = HUGE };
  g_autoptr(ThredoThread) reading = spawn (read_all, &reader);
  g_autoptr(ThredoThread) writing = spawn (write_all, &writer);
  g_autoptr(GError) error = NULL;

  support_wait_for_state (reading, THREDO_THREAD_STATE_WAITING);
  support_wait_for_state (writing, THREDO_THREAD_STATE_WAITING);
  g_io_stream_close (stream, NULL, &error);
  g_clear_error (&error);
  support_join_ok (reading);
  support_join_ok (writing);
  g_assert_false (reader.result);
  support_assert_closed (&reader.error);
  g_assert_false (writer.result);
  support_assert_closed (&writer.error);
  g_assert_true (g_io_stream_is_closed (stream));
}

static void
test_closed_meanwhile (void)
{
  g_autoptr(GIOStream) connection = NULL;
  g_autoptr(GIOStream) pipes = NULL;
  g_autoptr(GIOStream) stream = NULL;
  g_autoptr(GInputStream) input = NULL;
  g_autoptr(GOutputStream) output = NULL;
  int fds[2];
  int there[2];
  int back[2];

  make_socket_pair (fds);
  connection = connection_from_fd (fds[0]);
  stream = thredo_io_stream_new (connection);
  g_assert_true (thredo_io_stream_get_base (THREDO_IO_STREAM (stream)) == connection);
  close_meanwhile (stream);
  g_assert_true (g_io_stream_is_closed (connection));
  g_clear_object (&stream);
  g_close (fds[1], NULL);

  make_pipe (there);
  make_pipe (back);
  input = g_unix_input_stream_new (there[0], TRUE);
  output = g_unix_output_stream_new (back[1], TRUE);
  pipes = g_simple_io_stream_new (input, output);
  stream = thredo_io_stream_new (pipes);
  close_meanwhile (stream);
  g_close (there[1], NULL);
  g_close (back[0], NULL);
}

/* What a buffer below had of it is not lost when the rest does not come. */
static void
test_buffer_below (void)
{
  char buffer[16];
  Mover mover = { .buffer = buffer, .size = 10 };
  g_autoptr(GIOStream) connection = NULL;
  g_autoptr(GInputStream) input = NULL;
  g_autoptr(ThredoThread) thread = NULL;
  g_autoptr(GError) error = NULL;
  int fds[2];

  make_socket_pair (fds);
  connection = connection_from_fd (fds[0]);
  input = wrap_input (g_buffered_input_stream_new (g_io_stream_get_input_stream (connection)));
  g_assert_cmpint (write (fds[1], "abcdef", 6), ==, 6);
  g_assert_cmpint (g_input_stream_read (input, buffer, 2, NULL, &error), ==, 2);
  g_assert_no_error (error);
  g_assert_cmpmem (buffer, 2, "ab", 2);

  mover.input = input;
  thread = spawn (read_all, &mover);
  support_wait_for_wait (thread, "read on InputStream");
  thredo_thread_cancel (thread);
  thredo_thread_wait (thread, NULL, NULL);
  g_assert_false (mover.result);
  support_assert_cancelled (&mover.error);

  /* Nothing, where it was too early. */
  g_assert_cmpint (write (fds[1], "gh", 2), ==, 2);
  g_assert_true (g_input_stream_read_all (input, buffer + mover.moved, 6 - mover.moved, NULL, NULL,
                                          &error));
  g_assert_no_error (error);
  g_assert_cmpmem (buffer, 6, "cdefgh", 6);
  g_assert_true (g_input_stream_close (input, NULL, &error));
  g_assert_no_error (error);
  g_close (fds[1], NULL);
}

/* A write that was done by the time of the cancel was done. */

typedef struct
{
  GOutputStream parent_instance;
  SupportGate written;
  SupportGate go_on;
} SlowOutputStream;

typedef struct
{
  GOutputStreamClass parent_class;
} SlowOutputStreamClass;

static GType slow_output_stream_get_type (void);
G_DEFINE_TYPE (SlowOutputStream, slow_output_stream, G_TYPE_OUTPUT_STREAM)

static gssize
slow_output_stream_write (GOutputStream  *stream,
                          const void     *buffer,
                          gsize           size,
                          GCancellable   *cancellable,
                          GError        **error)
{
  SlowOutputStream *self = (SlowOutputStream *) stream;

  if (g_cancellable_set_error_if_cancelled (cancellable, error))
    return -1;
  support_gate_open (&self->written);
  support_gate_wait (&self->go_on);
  return MIN (size, 3);
}

static void
slow_output_stream_finalize (GObject *object)
{
  SlowOutputStream *self = (SlowOutputStream *) object;

  support_gate_clear (&self->written);
  support_gate_clear (&self->go_on);
  G_OBJECT_CLASS (slow_output_stream_parent_class)->finalize (object);
}

static void
slow_output_stream_class_init (SlowOutputStreamClass *klass)
{
  klass->parent_class.write_fn = slow_output_stream_write;
  G_OBJECT_CLASS (klass)->finalize = slow_output_stream_finalize;
}

static void
slow_output_stream_init (SlowOutputStream *self)
{
  support_gate_init (&self->written);
  support_gate_init (&self->go_on);
  /* GIO's threads have nothing but the locks to see it by. */
  g_mutex_lock (&self->written.mutex);
  g_mutex_unlock (&self->written.mutex);
  g_mutex_lock (&self->go_on.mutex);
  g_mutex_unlock (&self->go_on.mutex);
}

static void
test_write_done (void)
{
  SlowOutputStream *slow = g_object_new (slow_output_stream_get_type (), NULL);
  g_autoptr(GOutputStream) output = thredo_output_stream_new (G_OUTPUT_STREAM (slow));
  char buffer[] = "hello";
  Mover mover = { .output = output, .buffer = buffer, .size = 5 };
  g_autoptr(ThredoThread) thread = spawn (write_all, &mover);

  support_gate_wait (&slow->written);
  thredo_thread_cancel (thread);
  support_gate_open (&slow->go_on);
  thredo_thread_wait (thread, NULL, NULL);
  g_assert_false (mover.result);
  support_assert_cancelled (&mover.error);
  g_assert_cmpuint (mover.moved, ==, 3);
  g_object_unref (slow);
}

static void
test_storm (void)
{
  int fds[2];
  g_autofree char *sent = g_malloc (HUGE);
  g_autofree char *received = g_malloc (HUGE);
  g_autoptr(GInputStream) input = NULL;
  g_autoptr(GOutputStream) output = NULL;
  g_autoptr(ThredoThread) writing = NULL;
  g_autoptr(GError) error = NULL;
  Mover writer = { .buffer = sent, .size = HUGE };
  gsize n;

  for (gsize i = 0; i < HUGE; i++)
    sent[i] = byte_at (i);
  make_pipe (fds);
  input = wrap_input (g_unix_input_stream_new (fds[0], TRUE));
  output = wrap_output (g_unix_output_stream_new (fds[1], TRUE));
  writer.output = output;

  support_begin_storm ();
  writing = spawn (write_all, &writer);
  g_assert_true (g_input_stream_read_all (input, received, HUGE, &n, NULL, &error));
  g_assert_no_error (error);
  support_join_ok (writing);
  support_end_storm ();
  g_assert_no_error (writer.error);
  g_assert_cmpmem (received, n, sent, HUGE);
}

/* Cleaning up works in a thread that was cancelled. */
static void
test_close_cancelled (void)
{
  g_autoptr(ThredoScope) scope = thredo_scope_new ();
  g_autoptr(GIOStream) connection = NULL;
  g_autoptr(GIOStream) stream = NULL;
  Fixture *self;
  g_autoptr(GError) error = NULL;
  int fds[2];

  make_socket_pair (fds);
  connection = connection_from_fd (fds[0]);
  stream = thredo_io_stream_new (connection);
  thredo_scope_enter (scope);
  thredo_scope_cancel (scope);
  g_assert_true (g_io_stream_close (stream, NULL, &error));
  g_assert_no_error (error);
  g_assert_cmpint (fcntl (fds[0], F_GETFD), ==, -1);
  g_close (fds[1], NULL);

  self = set_up_pipe_in ();
  g_assert_true (g_input_stream_close (self->input, NULL, &error));
  g_assert_no_error (error);
  g_assert_cmpint (fcntl (self->near, F_GETFD), ==, -1);
  tear_down (self);
  thredo_scope_leave (scope);
}

/* TLS. */

static gboolean
accept_any (GTlsConnection       *connection,
            GTlsCertificate      *certificate,
            GTlsCertificateFlags  flags,
            gpointer              data)
{
  return TRUE;
}

typedef struct
{
  GIOStream *server;
  GIOStream *client;
} Tls;

/* For localhost, and signed by itself. */
static GTlsCertificate *
make_certificate (void)
{
  static const char *const argv[] = {
    "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
    "-nodes", "-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost",
    "-keyout", "-", "-out", "-", NULL
  };
  static GTlsCertificate *certificate;
  g_autoptr(GError) error = NULL;
  g_autofree char *pem = NULL;

  if (certificate == NULL)
    {
      g_spawn_sync (NULL, (char **) argv, NULL, G_SPAWN_SEARCH_PATH | G_SPAWN_STDERR_TO_DEV_NULL,
                    NULL, NULL, &pem, NULL, NULL, &error);
      g_assert_no_error (error);
      certificate = g_tls_certificate_new_from_pem (pem, -1, &error);
      g_assert_no_error (error);
    }
  return g_object_ref (certificate);
}

static gboolean
tls_init (Tls *self)
{
  g_autoptr(GTlsCertificate) certificate = NULL;
  g_autoptr(GIOStream) server_base = NULL;
  g_autoptr(GIOStream) client_base = NULL;
  g_autoptr(GIOStream) server = NULL;
  g_autoptr(GIOStream) client = NULL;
  g_autoptr(GError) error = NULL;
  int fds[2];

  if (!g_tls_backend_supports_tls (g_tls_backend_get_default ()))
    {
      g_test_skip ("There is no TLS: glib-networking is not installed");
      return FALSE;
    }

  certificate = make_certificate ();
  make_socket_pair (fds);
  server_base = connection_from_fd (fds[0]);
  client_base = connection_from_fd (fds[1]);
  server = g_tls_server_connection_new (server_base, certificate, &error);
  g_assert_no_error (error);
  client = g_tls_client_connection_new (client_base, NULL, &error);
  g_assert_no_error (error);
  g_signal_connect (client, "accept-certificate", G_CALLBACK (accept_any), NULL);
  self->server = thredo_io_stream_new (server);
  self->client = thredo_io_stream_new (client);
  return TRUE;
}

static void
tls_clear (Tls *self)
{
  g_clear_object (&self->server);
  g_clear_object (&self->client);
}

static gboolean
echo (ThredoThread  *thread,
      gpointer       stream,
      GError       **error)
{
  GInputStream *input = g_io_stream_get_input_stream (stream);
  GOutputStream *output = g_io_stream_get_output_stream (stream);
  char buffer[10000];
  gssize n;

  while ((n = g_input_stream_read (input, buffer, sizeof buffer, NULL, error)) > 0)
    {
      if (!g_output_stream_write_all (output, buffer, (gsize) n, NULL, NULL, error))
        return FALSE;
    }
  return n == 0 && g_io_stream_close (stream, NULL, error);
}

#define TLS_SIZE (1024 * 1024)

static void
test_tls_echo (void)
{
  Tls tls;
  g_autoptr(ThredoThread) server = NULL;
  g_autoptr(ThredoThread) writer = NULL;
  g_autofree char *sent = g_malloc (TLS_SIZE);
  g_autofree char *received = g_malloc (TLS_SIZE);
  g_autoptr(GError) error = NULL;
  Mover mover = { .buffer = sent, .size = TLS_SIZE };
  gsize n;

  if (!tls_init (&tls))
    return;

  for (gsize i = 0; i < TLS_SIZE; i++)
    sent[i] = byte_at (i);
  server = spawn (echo, tls.server);
  mover.output = g_io_stream_get_output_stream (tls.client);
  writer = spawn (write_all, &mover);
  g_assert_true (g_input_stream_read_all (g_io_stream_get_input_stream (tls.client), received,
                                          TLS_SIZE, &n, NULL, &error));
  g_assert_no_error (error);
  g_assert_cmpmem (received, n, sent, TLS_SIZE);
  support_join_ok (writer);
  g_assert_no_error (mover.error);
  g_assert_true (g_output_stream_close (mover.output, NULL, &error));
  g_assert_no_error (error);
  support_join_ok (server);
  g_assert_true (g_io_stream_close (tls.client, NULL, &error));
  g_assert_no_error (error);
  tls_clear (&tls);
}

/* The other end never begins to speak. */
static void
test_tls_handshake_cancelled (void)
{
  Tls tls;
  char byte;
  Mover mover = { .buffer = &byte, .size = 1 };
  g_autoptr(ThredoThread) thread = NULL;

  if (!tls_init (&tls))
    return;

  mover.input = g_io_stream_get_input_stream (tls.client);
  thread = spawn (read_all, &mover);
  support_wait_for_wait (thread, "read on InputStream");
  thredo_thread_cancel (thread);
  thredo_thread_wait (thread, NULL, NULL);
  g_assert_false (mover.result);
  support_assert_cancelled (&mover.error);
  tls_clear (&tls);
}

static void
test_tls_read_cancelled (void)
{
  Tls tls;
  char bytes[2];
  Mover mover = { .buffer = bytes, .size = 2 };
  g_autoptr(ThredoThread) server = NULL;
  g_autoptr(ThredoThread) thread = NULL;
  g_autoptr(ThredoScope) scope = thredo_scope_new_with_timeout (10000);
  g_autoptr(GError) error = NULL;
  GInputStream *input;
  GOutputStream *output;

  if (!tls_init (&tls))
    return;

  input = g_io_stream_get_input_stream (tls.client);
  output = g_io_stream_get_output_stream (tls.client);
  server = spawn (echo, tls.server);
  g_assert_true (g_output_stream_write_all (output, "x", 1, NULL, NULL, &error));
  g_assert_no_error (error);
  g_assert_cmpint (g_input_stream_read (input, bytes, 1, NULL, &error), ==, 1);
  g_assert_no_error (error);

  mover.input = input;
  thread = spawn (read_all, &mover);
  support_wait_for_wait (thread, "read on InputStream");
  thredo_thread_cancel (thread);
  thredo_thread_wait (thread, NULL, NULL);
  support_assert_cancelled (&mover.error);
  g_assert_cmpuint (mover.moved, ==, 0);

  /* The stream goes on. */
  thredo_scope_enter (scope);
  g_assert_cmpint (g_input_stream_read (input, bytes, 1, NULL, &error), ==, -1);
  support_assert_timed_out (&error);
  thredo_scope_leave (scope);
  g_assert_true (g_output_stream_write_all (output, "y", 1, NULL, NULL, &error));
  g_assert_no_error (error);
  g_assert_cmpint (g_input_stream_read (input, bytes, 1, NULL, &error), ==, 1);
  g_assert_no_error (error);
  g_assert_cmpint (bytes[0], ==, 'y');

  thredo_thread_cancel (server);
  thredo_thread_wait (server, NULL, NULL);
  tls_clear (&tls);
}

/* What the other end takes is not known, but that it stops, and that nothing is lost: what
 * was written can be read. */
static void
test_tls_write_cancelled (void)
{
  Tls tls;
  Mover writer = { .size = HUGE };
  g_autofree char *sent = g_malloc (HUGE);
  g_autofree char *received = g_malloc (HUGE);
  Mover reader = { .buffer = received, .size = 1 };
  g_autoptr(ThredoThread) reading = NULL;
  g_autoptr(ThredoThread) writing = NULL;
  g_autoptr(ThredoThread) rest = NULL;

  if (!tls_init (&tls))
    return;

  for (gsize i = 0; i < HUGE; i++)
    sent[i] = byte_at (i);
  reader.input = g_io_stream_get_input_stream (tls.server);
  writer.output = g_io_stream_get_output_stream (tls.client);
  writer.buffer = sent;
  reading = spawn (read_all, &reader);
  writing = spawn (write_all, &writer);
  support_join_ok (reading);
  g_assert_no_error (reader.error);
  support_wait_for_wait (writing, "write on OutputStream");
  thredo_thread_cancel (writing);
  thredo_thread_wait (writing, NULL, NULL);
  g_assert_false (writer.result);
  support_assert_cancelled (&writer.error);
  g_assert_cmpuint (writer.moved, >, 0);
  g_assert_cmpuint (writer.moved, <, HUGE);

  reader.buffer = received + 1;
  reader.size = writer.moved - 1;
  rest = spawn (read_all, &reader);
  support_join_ok (rest);
  g_assert_no_error (reader.error);
  g_assert_cmpmem (received, writer.moved, sent, writer.moved);
  tls_clear (&tls);
}

/* In the handshake, in a read and in a write. */
static void
test_tls_deadline (void)
{
  Tls tls;
  g_autofree char *buffer = g_malloc0 (HUGE);
  Mover reader = { .buffer = buffer, .size = 1 };
  g_autoptr(ThredoThread) reading = NULL;
  g_autoptr(ThredoScope) scope = thredo_scope_new_with_timeout (1000);
  g_autoptr(GError) error = NULL;
  gsize written;

  if (!tls_init (&tls))
    return;

  thredo_scope_enter (scope);
  g_assert_cmpint (g_input_stream_read (g_io_stream_get_input_stream (tls.client), buffer, 1, NULL,
                                        &error),
                   ==, -1);
  support_assert_timed_out (&error);
  thredo_scope_leave (scope);
  tls_clear (&tls);

  g_assert_true (tls_init (&tls));
  reader.input = g_io_stream_get_input_stream (tls.server);
  reading = spawn (read_all, &reader);
  g_assert_true (g_output_stream_write_all (g_io_stream_get_output_stream (tls.client), "x", 1,
                                            &written, NULL, &error));
  g_assert_no_error (error);
  support_join_ok (reading);
  g_assert_no_error (reader.error);

  g_object_unref (scope);
  scope = thredo_scope_new_with_timeout (1000);
  thredo_scope_enter (scope);
  g_assert_cmpint (g_input_stream_read (g_io_stream_get_input_stream (tls.client), buffer, 1, NULL,
                                        &error),
                   ==, -1);
  support_assert_timed_out (&error);
  thredo_scope_leave (scope);

  g_object_unref (scope);
  scope = thredo_scope_new_with_timeout (20000);
  thredo_scope_enter (scope);
  g_assert_false (g_output_stream_write_all (g_io_stream_get_output_stream (tls.client), buffer,
                                             HUGE, &written, NULL, &error));
  support_assert_timed_out (&error);
  g_assert_cmpuint (written, <, HUGE);
  thredo_scope_leave (scope);
  tls_clear (&tls);
}

static void
test_tls_closed_meanwhile (void)
{
  Tls tls;
  g_autoptr(ThredoThread) reading = NULL;
  g_autoptr(ThredoThread) server = NULL;
  g_autoptr(GError) error = NULL;
  char bytes[2];
  Mover reader = { .buffer = bytes, .size = 2 };
  GInputStream *input;
  GOutputStream *output;

  if (!tls_init (&tls))
    return;

  input = g_io_stream_get_input_stream (tls.client);
  output = g_io_stream_get_output_stream (tls.client);
  server = spawn (echo, tls.server);
  g_assert_true (g_output_stream_write_all (output, "x", 1, NULL, NULL, &error));
  g_assert_no_error (error);
  g_assert_cmpint (g_input_stream_read (input, bytes, 1, NULL, &error), ==, 1);
  g_assert_no_error (error);
  reader.input = input;
  reading = spawn (read_all, &reader);
  support_wait_for_state (reading, THREDO_THREAD_STATE_WAITING);
  g_assert_true (g_io_stream_close (tls.client, NULL, &error));
  g_assert_no_error (error);
  support_join_ok (reading);
  g_assert_false (reader.result);
  support_assert_closed (&reader.error);
  thredo_thread_wait (server, NULL, NULL);
  tls_clear (&tls);
}

int
main (int    argc,
      char **argv)
{
  g_autoptr(GError) error = NULL;
  guint n_fds;
  int status;
  Tls tls;

  support_init (&argc, &argv);

  /* What GIO and the loop open once is open from now on. */
  thredo_sleep (1, NULL, &error);
  g_assert_no_error (error);
  if (g_tls_backend_supports_tls (g_tls_backend_get_default ()) && tls_init (&tls))
    tls_clear (&tls);
  read_early_end (set_up_slow ());
  n_fds = support_count_fds ();

  ways_add (waits, G_N_ELEMENTS (waits));
  g_test_add_func ("/streams/lines", test_lines);
  g_test_add_func ("/streams/line-not-dropped", test_line_not_dropped);
  g_test_add_func ("/streams/read/partial", test_read_partial);
  g_test_add_func ("/streams/read/early-end", test_read_early_end);
  g_test_add_func ("/streams/read/to-end", test_read_to_end);
  g_test_add_func ("/streams/write/pipe", test_write_to_pipe);
  g_test_add_func ("/streams/write/silent-peer", test_write_to_silent_peer);
  g_test_add_func ("/streams/write/broken-pipe", test_broken_pipe);
  g_test_add_func ("/streams/terminal", test_terminal);
  g_test_add_func ("/streams/memory", test_memory);
  g_test_add_func ("/streams/file", test_file);
  g_test_add_func ("/streams/nested", test_nested);
  g_test_add_func ("/streams/pollable", test_pollable);
  g_test_add_func ("/streams/pollable-pipe", test_pollable_pipe);
  g_test_add_func ("/streams/async", test_async);
  g_test_add_func ("/streams/closed-meanwhile", test_closed_meanwhile);
  g_test_add_func ("/streams/buffer-below", test_buffer_below);
  g_test_add_func ("/streams/write/done", test_write_done);
  g_test_add_func ("/streams/storm", test_storm);
  g_test_add_func ("/streams/close-cancelled", test_close_cancelled);
  g_test_add_func ("/streams/tls/echo", test_tls_echo);
  g_test_add_func ("/streams/tls/handshake-cancelled", test_tls_handshake_cancelled);
  g_test_add_func ("/streams/tls/read-cancelled", test_tls_read_cancelled);
  g_test_add_func ("/streams/tls/write-cancelled", test_tls_write_cancelled);
  g_test_add_func ("/streams/tls/deadline", test_tls_deadline);
  g_test_add_func ("/streams/tls/closed-meanwhile", test_tls_closed_meanwhile);

  status = g_test_run ();
  g_assert_cmpuint (support_count_fds (), ==, n_fds);
  return status;
}
