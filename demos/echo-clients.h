/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include <thredo.h>

typedef struct
{
  GSocketAddress *address;
  guint n_clients;
  gboolean interrupts; /* the process, when they are done */
  ThredoBarrier *all_connected;
  ThredoBarrier *all_done;
  int are_done; /* TRUE: what is left is to see the server end */
} EchoClients;

void echo_clients_init (EchoClients    *self,
                        GSocketAddress *address,
                        guint           n_clients,
                        gboolean        interrupts);
gboolean echo_clients_run (EchoClients  *self,
                           GError      **error);
void echo_clients_clear (EchoClients *self);
