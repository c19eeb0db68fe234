/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include "thredo-types.h"

/* Where the sockets are, one for each process, named after its number. */

typedef enum
{
  THREDO_RUNTIME_LIVE,
  THREDO_RUNTIME_STALE,
  THREDO_RUNTIME_ELSEWHERE, /* in another pid namespace, where its number is another's */
} ThredoRuntimeState;

char *thredo_runtime_get_folder (void);
char *thredo_runtime_get_socket_path (GPid pid);
gboolean thredo_runtime_check_folder (const char  *folder,
                                      GError     **error);
gboolean thredo_runtime_make_folder (GError **error);
GSocket *thredo_runtime_listen (GPid     pid,
                                GError **error);
GSocket *thredo_runtime_connect (GPid     pid,
                                 GError **error);
ThredoRuntimeState thredo_runtime_look (GPid pid);
gboolean thredo_runtime_is_same_user (GSocket *socket);
