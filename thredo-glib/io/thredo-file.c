/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "thredo-file.h"

#include "thredo-await-private.h"
#include "thredo-blocking-private.h"
#include "thredo-fd-private.h"

#ifdef G_OS_UNIX
#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <sys/stat.h>
#include <unistd.h>
#endif

typedef struct
{
  GFile *file;
  GBytes *bytes;
  GFileCreateFlags flags;
} Replacing;

/* The path, or NULL: a file that has none keeps its URI to itself. */
static const char *
get_name (gpointer object)
{
  return g_file_peek_path (object);
}

static const ThredoWaitInfo load_info = { "thredo_load_bytes", "load", "File", get_name };
static const ThredoWaitInfo replace_info = { "thredo_replace_bytes", "replace", "File", get_name };

#ifdef G_OS_UNIX

/* Read at once, with a look at the caller's cancellation after each. */
#define PIECE 65536

static void
set_error_from_errno (GError     **error,
                      const char  *what,
                      GFile       *file,
                      int          error_number)
{
  g_autofree char *name = g_file_get_parse_name (file);

  g_set_error (error, G_IO_ERROR, g_io_error_from_errno (error_number), "%s “%s”: %s", what, name,
               g_strerror (error_number));
}

/* Opens without waiting for a writer, which the plain open() of a FIFO does where
 * nobody can reach it. Tells how many bytes to expect, and whether reading may have
 * to wait for somebody. */
static int
open_to_read (GFile       *file,
              const char  *path,
              gsize       *size,
              gboolean    *waits,
              GError     **error)
{
  struct stat status;
  int fd;

  do
    fd = open (path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  while (fd < 0 && errno == EINTR);
  if (fd < 0 || fstat (fd, &status) != 0)
    {
      set_error_from_errno (error, "Error opening file", file, errno);
      if (fd >= 0)
        close (fd);
      return -1;
    }

  *size = S_ISREG (status.st_mode) ? (gsize) status.st_size : 0;
  *waits = !S_ISREG (status.st_mode) && !S_ISDIR (status.st_mode);
  return fd;
}

/* To the end. */
static gboolean
read_all (GFile         *file,
          int            fd,
          gboolean       waits,
          GByteArray    *bytes,
          GCancellable  *cancellable,
          GError       **error)
{
  ThredoSlot *slot = thredo_slot_self ();
  gssize n_read;

  /* A FIFO that no writer has opened yet looks as if it were at its end. */
  if (waits && thredo_fd_wait (slot, &load_info, file, fd, G_IO_IN, cancellable, error) == 0)
    return FALSE;

  do
    {
      guint length = bytes->len;

      if (!thredo_blocking_begin (slot, &load_info, cancellable, error))
        return FALSE;
      if (length > G_MAXUINT - PIECE)
        {
          set_error_from_errno (error, "Error reading file", file, EFBIG);
          return FALSE;
        }
      g_byte_array_set_size (bytes, length + PIECE);
      n_read = read (fd, bytes->data + length, PIECE);
      g_byte_array_set_size (bytes, length + (guint) MAX (n_read, 0));

      if (n_read >= 0 || errno == EINTR)
        continue;
      if (errno != EAGAIN && errno != EWOULDBLOCK)
        {
          set_error_from_errno (error, "Error reading file", file, errno);
          return FALSE;
        }
      if (thredo_fd_wait (slot, &load_info, file, fd, G_IO_IN, cancellable, error) == 0)
        return FALSE;
    }
  while (n_read != 0);

  return TRUE;
}

static GBytes *
load_native (GFile         *file,
             const char    *path,
             GCancellable  *cancellable,
             GError       **error)
{
  g_autoptr(GByteArray) bytes = NULL;
  gboolean waits, loaded;
  gsize size;
  int fd;

  if (!thredo_blocking_begin (thredo_slot_self (), &load_info, cancellable, error))
    return NULL;
  fd = open_to_read (file, path, &size, &waits, error);
  if (fd < 0)
    return NULL;

  bytes = g_byte_array_sized_new ((guint) MIN (size + PIECE, G_MAXUINT / 2));
  loaded = read_all (file, fd, waits, bytes, cancellable, error);
  close (fd);

  return loaded ? g_byte_array_free_to_bytes (g_steal_pointer (&bytes)) : NULL;
}

#endif

static void
start_load (GCancellable        *cancellable,
            GAsyncReadyCallback  callback,
            gpointer             callback_data,
            gpointer             user_data)
{
  g_file_load_bytes_async (user_data, cancellable, callback, callback_data);
}

/**
 * thredo_load_bytes:
 * @file: a file
 * @cancellable: (nullable): what else can end the wait
 * @error: return location for an error
 *
 * Reads a whole file.
 *
 * Waits for the file's end, which of a FIFO is where its last writer has closed it,
 * after the first has opened it. The wait ends by a cancel of the caller, the deadline
 * of a scope around it, or a cancel of @cancellable too. What a local disk does is not
 * interrupted, but looked away from after every 64 KiB.
 *
 * Any thread but the loop's may call this.
 *
 * Returns: (transfer full): what is in the file, or %NULL with an error:
 *   `G_IO_ERROR_CANCELLED` or `G_IO_ERROR_TIMED_OUT` ([error@Gio.IOErrorEnum]) if the
 *   wait was cancelled or too long, where what was read is dropped;
 *   `THREDO_ERROR_LOOP_THREAD`; what [method@Gio.File.load_contents] says,
 *   `G_IO_ERROR_NOT_FOUND` and `G_IO_ERROR_IS_DIRECTORY` among it
 *
 * Since: 1.0
 */
GBytes *
thredo_load_bytes (GFile         *file,
                   GCancellable  *cancellable,
                   GError       **error)
{
  g_autoptr(GAsyncResult) result = NULL;
  GBytes *bytes;

  g_return_val_if_fail (G_IS_FILE (file), NULL);
  g_return_val_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable), NULL);

#ifdef G_OS_UNIX
  /* GIO's own threads would hang in such a FIFO, and with them the caller. */
  if (g_file_is_native (file) && g_file_peek_path (file) != NULL)
    return load_native (file, g_file_peek_path (file), cancellable, error);
#endif

  result = thredo_await_as (&load_info, file, start_load, file, cancellable, error);
  if (result == NULL)
    return NULL;
  bytes = g_file_load_bytes_finish (file, result, NULL, error);
  if (bytes == NULL)
    thredo_await_clarify (&load_info, error);
  return bytes;
}

static void
start_replace (GCancellable        *cancellable,
               GAsyncReadyCallback  callback,
               gpointer             callback_data,
               gpointer             user_data)
{
  Replacing *replacing = user_data;

  g_file_replace_contents_bytes_async (replacing->file, replacing->bytes, NULL, FALSE,
                                       replacing->flags, cancellable, callback, callback_data);
}

#ifdef G_OS_UNIX

/* GIO opens what it is to replace, and would wait for the reader of a FIFO there. */
static gboolean
can_be_replaced (const char  *path,
                 GError     **error)
{
  GStatBuf status;

  if (g_stat (path, &status) != 0 || S_ISREG (status.st_mode) || S_ISDIR (status.st_mode))
    return TRUE;

  g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_NOT_REGULAR_FILE,
                       "Target file is not a regular file");
  return FALSE;
}

static gboolean
write_all (GFile          *file,
           GOutputStream  *stream,
           GBytes         *bytes,
           GCancellable   *cancellable,
           GError        **error)
{
  ThredoSlot *slot = thredo_slot_self ();
  gsize size, written = 0;
  const char *data = g_bytes_get_data (bytes, &size);

  while (written < size)
    {
      gssize n;

      if (!thredo_blocking_begin (slot, &replace_info, cancellable, error))
        return FALSE;
      n = g_output_stream_write (stream, data + written, MIN (size - written, PIECE), NULL, error);
      if (n < 0)
        return FALSE;
      written += (gsize) n;
    }
  /* The last moment in which the file is what it was. */
  return thredo_blocking_begin (slot, &replace_info, cancellable, error);
}

/* By GIO's blocking calls: its asynchronous ones leave the half of a file that they
 * have written where they are cancelled. */
static gboolean
replace_native (GFile             *file,
                GBytes            *bytes,
                GFileCreateFlags   flags,
                GCancellable      *cancellable,
                GError           **error)
{
  g_autoptr(GFileOutputStream) stream = NULL;
  g_autoptr(GCancellable) cancelled = NULL;

  if (!can_be_replaced (g_file_peek_path (file), error))
    return FALSE;
  stream = g_file_replace (file, NULL, FALSE, flags, NULL, error);
  if (stream == NULL)
    return FALSE;

  if (write_all (file, G_OUTPUT_STREAM (stream), bytes, cancellable, error))
    return g_output_stream_close (G_OUTPUT_STREAM (stream), NULL, error);

  /* Closed like this, it puts nothing in the place of anything. */
  cancelled = g_cancellable_new ();
  g_cancellable_cancel (cancelled);
  g_output_stream_close (G_OUTPUT_STREAM (stream), cancelled, NULL);
  return FALSE;
}

#endif

/**
 * thredo_replace_bytes:
 * @file: a file
 * @bytes: what is to be in it
 * @flags: how to make it
 * @cancellable: (nullable): what else can end the wait
 * @error: return location for an error
 *
 * Writes a whole file, in place of what it was.
 *
 * Waits until everything is written. A cancel of the caller, the deadline of a scope
 * around it, or a cancel of @cancellable ends that, and then the file has the contents
 * that it had before, or is not there, if it was not; but what can only be written in
 * place (see [method@Gio.File.replace]) may have lost them. What a local disk does is not
 * interrupted, but looked away from after every 64 KiB.
 *
 * Any thread but the loop's may call this.
 *
 * Returns: %TRUE, or %FALSE with an error: `G_IO_ERROR_CANCELLED` or
 *   `G_IO_ERROR_TIMED_OUT` ([error@Gio.IOErrorEnum]) if the wait was cancelled or too
 *   long; `THREDO_ERROR_LOOP_THREAD`; what [method@Gio.File.replace_contents] says,
 *   `G_IO_ERROR_NOT_REGULAR_FILE` and `G_IO_ERROR_NO_SPACE` among it
 *
 * Since: 1.0
 */
gboolean
thredo_replace_bytes (GFile             *file,
                      GBytes            *bytes,
                      GFileCreateFlags   flags,
                      GCancellable      *cancellable,
                      GError           **error)
{
  Replacing replacing = { file, bytes, flags };
  g_autoptr(GAsyncResult) result = NULL;
  g_autoptr(GBytes) nothing = NULL;

  g_return_val_if_fail (G_IS_FILE (file), FALSE);
  g_return_val_if_fail (bytes != NULL, FALSE);
  g_return_val_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable), FALSE);

#ifdef G_OS_UNIX
  if (g_file_is_native (file) && g_file_peek_path (file) != NULL)
    return thredo_blocking_begin (thredo_slot_self (), &replace_info, cancellable, error) &&
           replace_native (file, bytes, flags, cancellable, error);
#endif

  /* GIO wants an address also for nothing. */
  if (g_bytes_get_size (bytes) == 0)
    replacing.bytes = nothing = g_bytes_new_static ("", 0);

  result = thredo_await_as (&replace_info, file, start_replace, &replacing, cancellable, error);
  if (result == NULL)
    return FALSE;
  if (g_file_replace_contents_finish (file, result, NULL, error))
    return TRUE;
  thredo_await_clarify (&replace_info, error);
  return FALSE;
}
