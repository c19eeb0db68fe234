/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "echo-clients.h"

#include <signal.h>
#include <string.h>

#include "loopback.h"

#define N_LINES 10
#define BLOCK_SIZE 100000

/* Clients of an echo server, all of them connected at once. Each sends lines and a block, and
 * checks every byte that comes back; but half of them vanish on the way, in the middle of what
 * they send or of what they receive. The others stay until the server ends. */

static gboolean
send_all (GIOStream   *connection,
          const char  *bytes,
          gsize        size,
          GError     **error)
{
  return g_output_stream_write_all (g_io_stream_get_output_stream (connection), bytes, size, NULL,
                                    NULL, error);
}

static gboolean
receive_all (GIOStream   *connection,
             const char  *expected,
             gsize        size,
             GError     **error)
{
  g_autofree char *received = g_malloc (size);
  gsize n_received;

  if (!g_input_stream_read_all (g_io_stream_get_input_stream (connection), received, size,
                                &n_received, NULL, error))
    return FALSE;
  if (n_received == size && memcmp (expected, received, size) == 0)
    return TRUE;

  g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA,
               "Of %" G_GSIZE_FORMAT " bytes not all came back, or not as they were", size);
  return FALSE;
}

static gboolean
check_lines (GIOStream  *connection,
             guint       number,
             GError    **error)
{
  for (guint i = 0; i < N_LINES; i++)
    {
      g_autofree char *line = g_strdup_printf ("line %u of client %u\n", i, number);

      if (!send_all (connection, line, strlen (line), error) ||
          !receive_all (connection, line, strlen (line), error))
        return FALSE;
    }
  return TRUE;
}

/* A line of its own, another one for each client. */
static char *
make_block (guint number)
{
  char *block = g_malloc (BLOCK_SIZE);

  for (gsize i = 0; i < BLOCK_SIZE; i++)
    block[i] = (char) ('a' + (i + number) % 26);
  block[BLOCK_SIZE - 1] = '\n';
  return block;
}

static gboolean
wait_for_end (GIOStream  *connection,
              GError    **error)
{
  char byte;

  return g_input_stream_read (g_io_stream_get_input_stream (connection), &byte, 1, NULL,
                              error) == 0;
}

static gboolean
run_client (ThredoThread  *thread,
            gpointer       user_data,
            GError       **error)
{
  EchoClients *self = user_data;
  g_autoptr(GIOStream) connection = loopback_connect (self->address, error);
  g_autofree char *block = NULL;
  gboolean vanishes, while_sending;
  gsize size;
  guint number;

  if (connection == NULL || !thredo_barrier_wait (self->all_connected, &number, NULL, error) ||
      !check_lines (connection, number, error))
    return FALSE;

  vanishes = number % 2 == 1;
  while_sending = number % 4 == 1;
  size = vanishes ? BLOCK_SIZE / 2 : BLOCK_SIZE;
  block = make_block (number);
  if (!send_all (connection, block, while_sending ? size : BLOCK_SIZE, error) ||
      (!while_sending && !receive_all (connection, block, size, error)) ||
      (vanishes && !g_io_stream_close (connection, NULL, error)))
    return FALSE;

  return thredo_barrier_wait (self->all_done, NULL, NULL, error) &&
         (vanishes || wait_for_end (connection, error));
}

/* In the thread of the last client that is done, before the others go on. */
static gboolean
finish (ThredoBarrier  *barrier,
        gpointer        user_data,
        GError        **error)
{
  EchoClients *self = user_data;
  guint n_vanished = self->n_clients / 2;

  g_print ("%u clients at once: %u have vanished midway, and every byte came back to %u\n",
           self->n_clients, n_vanished, self->n_clients - n_vanished);
  g_atomic_int_set (&self->are_done, TRUE);
  return !self->interrupts || raise (SIGINT) == 0;
}

void
echo_clients_init (EchoClients    *self,
                   GSocketAddress *address,
                   guint           n_clients,
                   gboolean        interrupts)
{
  *self = (EchoClients){
    .address = g_object_ref (address),
    .n_clients = n_clients,
    .interrupts = interrupts,
    .all_connected = thredo_barrier_new (n_clients),
    .all_done = thredo_barrier_new_with_action (n_clients, finish, self, NULL),
  };
}

/* The first one that fails ends them all. */
gboolean
echo_clients_run (EchoClients  *self,
                  GError      **error)
{
  g_autoptr(ThredoGroup) group = thredo_group_new (THREDO_GROUP_WAIT_ALL);
  G_GNUC_UNUSED g_autoptr(ThredoGroupGuard) guard = thredo_group_guard_new (group);

  for (guint i = 0; i < self->n_clients; i++)
    {
      g_autoptr(ThredoThread) client =
          thredo_group_spawn (group, "client", run_client, self, NULL, error);

      if (client == NULL)
        return FALSE;
    }
  return thredo_group_join (group, NULL, error);
}

void
echo_clients_clear (EchoClients *self)
{
  g_clear_object (&self->address);
  g_clear_object (&self->all_connected);
  g_clear_object (&self->all_done);
}
