/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "thredo-stream-private.h"

#include "thredo-blocking-private.h"
#include "thredo-input-stream.h"
#include "thredo-output-stream.h"
#include "watch.h"

#include <errno.h>
#include <gio/gfiledescriptorbased.h>
#include <string.h>
#include <sys/stat.h>

/* The very classes of GIO, and none derived from them: what those do beside is not known. */
static gboolean
is_one_of (GObject    *stream,
           const char *input_name,
           const char *output_name)
{
  const char *name = G_OBJECT_TYPE_NAME (stream);

  return strcmp (name, input_name) == 0 || strcmp (name, output_name) == 0;
}

static gboolean
can_be_waited_for (int fd)
{
  struct stat status;

  return fstat (fd, &status) == 0 && !S_ISREG (status.st_mode) && !S_ISDIR (status.st_mode) &&
         !S_ISBLK (status.st_mode);
}

static ThredoStreamKind
find_kind (ThredoStreamBase *self,
           GObject          *stream)
{
  if (THREDO_IS_INPUT_STREAM (stream) || THREDO_IS_OUTPUT_STREAM (stream) ||
      is_one_of (stream, "GMemoryInputStream", "GMemoryOutputStream"))
    return THREDO_STREAM_DIRECT;

  if (is_one_of (stream, "GSocketInputStream", "GSocketOutputStream"))
    {
      g_object_get (stream, "socket", &self->socket, NULL);
      return THREDO_STREAM_SOCKET;
    }

  if (is_one_of (stream, "GUnixInputStream", "GUnixOutputStream"))
    {
      self->fd = g_file_descriptor_based_get_fd (G_FILE_DESCRIPTOR_BASED (stream));
      return can_be_waited_for (self->fd) ? THREDO_STREAM_PIPE : THREDO_STREAM_DIRECT;
    }

  /* Files of a file system, which nobody can wait for. */
  if (G_IS_FILE_DESCRIPTOR_BASED (stream) &&
      !can_be_waited_for (g_file_descriptor_based_get_fd (G_FILE_DESCRIPTOR_BASED (stream))))
    return THREDO_STREAM_DIRECT;

  if ((G_IS_POLLABLE_INPUT_STREAM (stream) &&
       g_pollable_input_stream_can_poll (G_POLLABLE_INPUT_STREAM (stream))) ||
      (G_IS_POLLABLE_OUTPUT_STREAM (stream) &&
       g_pollable_output_stream_can_poll (G_POLLABLE_OUTPUT_STREAM (stream))))
    return THREDO_STREAM_POLLABLE;

  return THREDO_STREAM_ASYNC;
}

void
thredo_stream_base_init (ThredoStreamBase *self,
                         GObject          *stream)
{
  self->fd = -1;
  self->kind = find_kind (self, stream);
  thredo_source_line_init (&self->line);
}

void
thredo_stream_base_clear (ThredoStreamBase *self)
{
  g_clear_object (&self->socket);
  thredo_source_line_clear (&self->line);
}

int
thredo_stream_base_get_fd (ThredoStreamBase *self)
{
  return self->socket != NULL ? g_socket_get_fd (self->socket) : self->fd;
}

void
thredo_stream_base_close (ThredoStreamBase *self)
{
  thredo_source_line_close (&self->line);
}

gboolean
thredo_stream_may_wait (GCancellable *cancellable)
{
  ThredoSlot *slot = thredo_slot_self ();

  return !slot->is_loop && thredo_level_check (slot) == THREDO_WAIT_IDLE &&
         !g_cancellable_is_cancelled (cancellable);
}

GCancellable *
thredo_stream_new_cancelled (void)
{
  GCancellable *cancelled = g_cancellable_new ();

  g_cancellable_cancel (cancelled);
  return cancelled;
}

void
thredo_stream_set_pipe_error (GError     **error,
                              int          error_number,
                              const char  *what)
{
  g_set_error (error, G_IO_ERROR,
               error_number == EBADF ? G_IO_ERROR_CLOSED
                                     : (int) g_io_error_from_errno (error_number),
               "%s: %s", what, g_strerror (error_number));
}

gboolean
thredo_stream_wait_for_pipe (ThredoStreamBase *self,
                             const ThredoWaitInfo *info,
                             gpointer object,
                             GIOCondition condition,
                             int error_number,
                             const char *what,
                             gboolean (*is_closed) (gpointer stream),
                             gpointer stream,
                             GCancellable *cancellable,
                             GError **error)
{
  guint32 era;

  if (error_number == EINTR)
    return TRUE;
  if (error_number != EAGAIN && error_number != EWOULDBLOCK)
    {
      thredo_stream_set_pipe_error (error, error_number, what);
      return FALSE;
    }

  /* Another thread may be closing it: the era comes first. */
  era = thredo_watch_get_era (self->fd);
  if (is_closed (stream))
    {
      g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_CLOSED, "Stream is already closed");
      return FALSE;
    }
  return thredo_fd_wait_since (thredo_slot_self (), info, object, self->fd, condition, era,
                               cancellable, error) != 0;
}
