/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include <thredo.h>

typedef struct
{
  GSocketConnectable *address;
  guint n_clients;
  ThredoBarrier *all_connected;
  ThredoBarrier *all_done;
} EchoClients;

void echo_clients_init (EchoClients        *self,
                        GSocketConnectable *address,
                        guint               n_clients);
gboolean echo_clients_run (EchoClients  *self,
                           GError      **error);
void echo_clients_clear (EchoClients *self);
