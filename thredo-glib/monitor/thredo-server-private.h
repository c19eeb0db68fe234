/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include "thredo-types.h"

/* Serves what a monitor sees to other processes, on a thread of its own, which takes no
 * part in what the program does: it has its own main context, gets no signals, and waits
 * for nobody. */
typedef struct _ThredoServer ThredoServer;

ThredoServer *thredo_server_new (GSocket *socket);
void thredo_server_free (ThredoServer *self);
void thredo_server_run (ThredoServer *self);
void thredo_server_stop (ThredoServer *self);
