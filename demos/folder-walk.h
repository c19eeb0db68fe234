/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include "thredo.h"

G_BEGIN_DECLS

typedef enum
{
  FOLDER_ENTRY_FILE,       /* a regular file */
  FOLDER_ENTRY_SKIPPED,    /* a symbolic link, socket, device or pipe */
  FOLDER_ENTRY_UNREADABLE, /* its error says why; the walk goes on without it */
} FolderEntryKind;

typedef struct
{
  FolderEntryKind kind;
  const char *path; /* relative to the root */
  guint64 size;     /* bytes, of a file */
  const GError *error;
} FolderEntry;

typedef gboolean (*FolderVisit) (const FolderEntry  *entry,
                                 gpointer            user_data,
                                 GError            **error);

gboolean folder_walk (int           root_fd,
                      FolderVisit   visit,
                      gpointer      user_data,
                      GError      **error);

G_END_DECLS
