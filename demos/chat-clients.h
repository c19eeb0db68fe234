/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include <thredo.h>

/* What the server tells, for printf and scanf. */
#define CHAT_IS_HERE "* %s is here"
#define CHAT_MISSED "* You have missed %d lines"

#define CHAT_TALKERS 10

typedef struct
{
  GSocketAddress *address;
  int n_started;
  ThredoBarrier *talkers; /* at the end of a round */
  ThredoBarrier *all;     /* when there is something new */
  ThredoBarrier *the_end; /* also of all */

  guint hashes[CHAT_TALKERS]; /* of what each has received */
  guint n_received, n_missed; /* lines, by the slow one */
  int are_done;               /* TRUE: what is left is to see the server end */
} ChatClients;

void chat_clients_init (ChatClients    *self,
                        GSocketAddress *address);
gboolean chat_clients_run (ChatClients  *self,
                           GError      **error);
void chat_clients_clear (ChatClients *self);
