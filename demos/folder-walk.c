/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "folder-walk.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Everything below a folder, entry by entry, on the calling thread.
 *
 * Symbolic links are reported and never followed, so there are no loops. Folders still to be read
 * wait in a list of ours and not on the C stack, and one descriptor is open at a time: neither the
 * depth nor the breadth of the tree can exhaust anything but memory. */

typedef struct
{
  int root_fd;
  FolderVisit visit;
  gpointer user_data;
  GQueue pending; /* of char *, relative paths; "" is the root itself */
} FolderWalk;

static gboolean
report_unreadable (FolderWalk  *walk,
                   const char  *path,
                   int          errsv,
                   GError     **error)
{
  g_autoptr(GError) reason = g_error_new_literal (G_IO_ERROR,
                                                   g_io_error_from_errno (errsv),
                                                   g_strerror (errsv));
  FolderEntry entry = { FOLDER_ENTRY_UNREADABLE, *path != '\0' ? path : ".", 0, reason };

  return walk->visit (&entry, walk->user_data, error);
}

static gboolean
visit_entry (FolderWalk  *walk,
             int          folder_fd,
             const char  *folder,
             const char  *name,
             GError     **error)
{
  g_autofree char *path = *folder != '\0' ? g_build_filename (folder, name, NULL) : g_strdup (name);
  FolderEntry entry = { FOLDER_ENTRY_SKIPPED, path, 0, NULL };
  struct stat info;

  if (fstatat (folder_fd, name, &info, AT_SYMLINK_NOFOLLOW) != 0)
    {
      /* Removed since the folder was read: it is not there, which is no error. */
      if (errno == ENOENT)
        return TRUE;
      return report_unreadable (walk, path, errno, error);
    }

  if (S_ISDIR (info.st_mode))
    {
      g_queue_push_head (&walk->pending, g_steal_pointer (&path));
      return TRUE;
    }

  if (S_ISREG (info.st_mode))
    {
      entry.kind = FOLDER_ENTRY_FILE;
      entry.size = info.st_size;
    }
  return walk->visit (&entry, walk->user_data, error);
}

static gboolean
visit_folder (FolderWalk  *walk,
              const char  *folder,
              GError     **error)
{
  struct dirent *dirent;
  gboolean success = TRUE;
  DIR *dir = NULL;
  int fd;

  fd = openat (walk->root_fd, *folder != '\0' ? folder : ".",
               O_RDONLY | O_DIRECTORY | O_CLOEXEC | (*folder != '\0' ? O_NOFOLLOW : 0));
  if (fd >= 0)
    dir = fdopendir (fd);
  if (dir == NULL)
    {
      int errsv = errno;

      if (fd >= 0)
        close (fd);
      return errsv == ENOENT || report_unreadable (walk, folder, errsv, error);
    }

  while (success && (errno = 0, dirent = readdir (dir)) != NULL)
    {
      if (strcmp (dirent->d_name, ".") == 0 || strcmp (dirent->d_name, "..") == 0)
        continue;
      success = thredo_check_cancelled (NULL, error) &&
                visit_entry (walk, fd, folder, dirent->d_name, error);
    }
  if (success && errno != 0)
    success = report_unreadable (walk, folder, errno, error);

  closedir (dir);
  return success;
}

/* Returns FALSE when the calling thread was cancelled, or with the error of @visit, which ends the
 * walk. What cannot be read is an entry, not an error. */
gboolean
folder_walk (int           root_fd,
             FolderVisit   visit,
             gpointer      user_data,
             GError      **error)
{
  FolderWalk walk = { root_fd, visit, user_data, G_QUEUE_INIT };
  gboolean success = TRUE;
  char *folder;

  g_queue_push_head (&walk.pending, g_strdup (""));
  while (success && (folder = g_queue_pop_head (&walk.pending)) != NULL)
    {
      success = visit_folder (&walk, folder, error);
      g_free (folder);
    }

  g_queue_clear_full (&walk.pending, g_free);
  return success;
}
