/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "thredo-runtime-private.h"

#include <errno.h>
#include <gio/gunixsocketaddress.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

/* Nobody else can reach what is in a folder with the mode 0700; and who connects is
 * asked for again, see thredo_runtime_is_same_user(). */

#define MAX_PATH 107

char *
thredo_runtime_get_folder (void)
{
  return g_build_filename (g_get_user_runtime_dir (), "thredo-glib", NULL);
}

char *
thredo_runtime_get_socket_path (GPid pid)
{
  g_autofree char *folder = thredo_runtime_get_folder ();
  g_autofree char *name = g_strdup_printf ("%d", (int) pid);

  return g_build_filename (folder, name, NULL);
}

static void
set_error_of (GError     **error,
              int          saved,
              const char  *what,
              const char  *path)
{
  g_set_error (error, G_IO_ERROR, g_io_error_from_errno (saved), "%s '%s': %s", what, path,
               g_strerror (saved));
}

gboolean
thredo_runtime_check_folder (const char  *folder,
                             GError     **error)
{
  struct stat found;

  if (lstat (folder, &found) < 0)
    {
      set_error_of (error, errno, "Cannot look at the folder", folder);
      return FALSE;
    }
  if (!S_ISDIR (found.st_mode))
    {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_NOT_DIRECTORY, "'%s' is not a folder", folder);
      return FALSE;
    }
  if (found.st_uid != geteuid () || (found.st_mode & 0077) != 0)
    {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_PERMISSION_DENIED,
                   "The folder '%s' is of user %u with mode %04o, and has to be of user %u with "
                   "mode 0700",
                   folder, (guint) found.st_uid, (guint) found.st_mode & 07777, (guint) geteuid ());
      return FALSE;
    }
  return TRUE;
}

/* Root, with the environment of another user, would make a folder there that the user then cannot
 * use. */
static gboolean
check_owner (const char  *folder,
             GError     **error)
{
  struct stat found;

  if (stat (folder, &found) < 0 || found.st_uid == geteuid ())
    return TRUE;
  g_set_error (error, G_IO_ERROR, G_IO_ERROR_PERMISSION_DENIED,
               "The runtime folder '%s' is of user %u, and this process of user %u", folder,
               (guint) found.st_uid, (guint) geteuid ());
  return FALSE;
}

gboolean
thredo_runtime_make_folder (GError **error)
{
  g_autofree char *folder = thredo_runtime_get_folder ();

  if (!check_owner (g_get_user_runtime_dir (), error))
    return FALSE;
  if (g_mkdir (folder, 0700) < 0 && errno != EEXIST)
    {
      set_error_of (error, errno, "Cannot make the folder", folder);
      return FALSE;
    }
  return thredo_runtime_check_folder (folder, error);
}

static GSocketAddress *
new_address (const char  *path,
             GError     **error)
{
  if (strlen (path) > MAX_PATH)
    {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_FILENAME_TOO_LONG,
                   "The path of the socket '%s' is longer than %d bytes", path, MAX_PATH);
      return NULL;
    }
  return g_unix_socket_address_new (path);
}

static GSocket *
new_socket (GError **error)
{
  return g_socket_new (G_SOCKET_FAMILY_UNIX, G_SOCKET_TYPE_STREAM, G_SOCKET_PROTOCOL_DEFAULT,
                       error);
}

/* Under its name there is never a socket that does not listen yet: that is how one that was
 * left behind looks. */
GSocket *
thredo_runtime_listen (GPid     pid,
                       GError **error)
{
  g_autofree char *path = thredo_runtime_get_socket_path (pid);
  g_autofree char *new_path = g_strconcat (path, "~", NULL);
  g_autoptr(GSocketAddress) address = new_address (new_path, error);
  g_autoptr(GSocket) socket = NULL;

  if (address == NULL)
    return NULL;
  socket = new_socket (error);
  if (socket == NULL)
    return NULL;
  g_unlink (new_path);
  if (!g_socket_bind (socket, address, FALSE, error))
    {
      g_prefix_error (error, "Cannot make the socket '%s': ", new_path);
      return NULL;
    }
  if (!g_socket_listen (socket, error))
    {
      g_prefix_error (error, "Cannot listen at the socket '%s': ", new_path);
      g_unlink (new_path);
      return NULL;
    }
  if (g_rename (new_path, path) < 0)
    {
      set_error_of (error, errno, "Cannot make the socket", path);
      g_unlink (new_path);
      return NULL;
    }
  g_socket_set_blocking (socket, FALSE);
  return g_steal_pointer (&socket);
}

static GSocket *
try_connect (GPid     pid,
             GError **error)
{
  g_autofree char *path = thredo_runtime_get_socket_path (pid);
  g_autoptr(GSocketAddress) address = new_address (path, error);
  g_autoptr(GSocket) socket = NULL;

  if (address == NULL)
    return NULL;
  socket = new_socket (error);
  if (socket == NULL)
    return NULL;
  g_socket_set_blocking (socket, FALSE);
  return g_socket_connect (socket, address, NULL, error) ? g_steal_pointer (&socket) : NULL;
}

/* Of the process that listens; 0 if it cannot be seen from the pid namespace of this one. */
static GPid
get_peer_pid (GSocket *socket)
{
  g_autoptr(GCredentials) credentials = g_socket_get_credentials (socket, NULL);
  GPid pid = credentials != NULL ? g_credentials_get_unix_pid (credentials, NULL) : 0;

  return MAX (pid, 0);
}

/* Does not block: a socket has room for those who connect, or has not. */
GSocket *
thredo_runtime_connect (GPid     pid,
                        GError **error)
{
  g_autofree char *folder = thredo_runtime_get_folder ();
  g_autoptr(GError) why = NULL;
  g_autoptr(GSocket) socket = NULL;

  if (g_file_test (folder, G_FILE_TEST_EXISTS) && !thredo_runtime_check_folder (folder, error))
    return NULL;
  socket = try_connect (pid, &why);
  if (g_error_matches (why, G_IO_ERROR, G_IO_ERROR_NOT_FOUND) ||
      g_error_matches (why, G_IO_ERROR, G_IO_ERROR_CONNECTION_REFUSED))
    {
      g_set_error (error, G_IO_ERROR, why->code,
                   "Process %d cannot be watched: it has ended, or is not exported in '%s'",
                   (int) pid, folder);
      return NULL;
    }
  if (socket == NULL)
    {
      g_set_error (error, G_IO_ERROR, why->code,
                   "Process %d cannot be watched: %s", (int) pid, why->message);
      return NULL;
    }
  if (get_peer_pid (socket) != pid)
    {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND,
                   "Process %d cannot be watched: who has that number there is in another pid "
                   "namespace",
                   (int) pid);
      return NULL;
    }
  if (!thredo_runtime_is_same_user (socket))
    {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_PERMISSION_DENIED,
                   "Process %d cannot be watched: it is another user's", (int) pid);
      return NULL;
    }
  return g_steal_pointer (&socket);
}

/* Containers may share the folder. There is no telling from here whether a process in another pid
 * namespace runs, but somebody listens. */
ThredoRuntimeState
thredo_runtime_look (GPid pid)
{
  gboolean has_gone = kill (pid, 0) < 0 && errno == ESRCH;
  g_autoptr(GError) error = NULL;
  g_autoptr(GSocket) socket = try_connect (pid, &error);

  if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CONNECTION_REFUSED))
    return THREDO_RUNTIME_STALE;
  if (socket == NULL && !has_gone)
    return THREDO_RUNTIME_LIVE;
  if (socket == NULL && g_error_matches (error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND))
    return THREDO_RUNTIME_STALE;
  if (socket == NULL || get_peer_pid (socket) != pid)
    return THREDO_RUNTIME_ELSEWHERE;
  /* A child of it may have inherited the socket. */
  return has_gone ? THREDO_RUNTIME_STALE : THREDO_RUNTIME_LIVE;
}

/* What the kernel says of the process at the other end, which that has no part in. */
gboolean
thredo_runtime_is_same_user (GSocket *socket)
{
  g_autoptr(GCredentials) credentials = g_socket_get_credentials (socket, NULL);

  return credentials != NULL && g_credentials_get_unix_user (credentials, NULL) == geteuid ();
}
