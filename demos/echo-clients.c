/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "echo-clients.h"

#include <signal.h>
#include <string.h>
#include <unistd.h>

#define N_LINES 10
#define BLOCK_SIZE 100000

/* Clients of an echo server, all of them connected at once. Each sends lines and a block, and
 * checks every byte that comes back; half of them vanish in the middle of the block. The others
 * stay until the server ends, which is when the last of them is done: by SIGINT. */

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
check_echo (GIOStream   *connection,
            const char  *sent,
            gsize        size,
            GError     **error)
{
  g_autofree char *received = g_malloc (size);
  gsize n_received;

  if (!send_all (connection, sent, size, error) ||
      !g_input_stream_read_all (g_io_stream_get_input_stream (connection), received, size,
                                &n_received, NULL, error))
    return FALSE;
  if (n_received == size && memcmp (sent, received, size) == 0)
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

      if (!check_echo (connection, line, strlen (line), error))
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
  g_autoptr(GIOStream) connection = NULL;
  g_autofree char *block = NULL;
  guint number;

  connection = thredo_connect (self->address, THREDO_CONNECT_NONE, NULL, error);
  if (connection == NULL || !thredo_barrier_wait (self->all_connected, &number, NULL, error) ||
      !check_lines (connection, number, error))
    return FALSE;

  block = make_block (number);
  if (number % 2 == 1)
    return send_all (connection, block, BLOCK_SIZE / 2, error) &&
           g_io_stream_close (connection, NULL, error) &&
           thredo_barrier_wait (self->all_done, NULL, NULL, error);

  return check_echo (connection, block, BLOCK_SIZE, error) &&
         thredo_barrier_wait (self->all_done, NULL, NULL, error) &&
         wait_for_end (connection, error);
}

/* In the thread of the last client that is done, before the others go on. */
static gboolean
interrupt (ThredoBarrier  *barrier,
           gpointer        user_data,
           GError        **error)
{
  EchoClients *self = user_data;

  g_print ("%u clients at once are done, and %u of them have vanished: SIGINT\n",
           self->n_clients, self->n_clients / 2);
  return kill (getpid (), SIGINT) == 0;
}

void
echo_clients_init (EchoClients        *self,
                   GSocketConnectable *address,
                   guint               n_clients)
{
  self->address = g_object_ref (address);
  self->n_clients = n_clients;
  self->all_connected = thredo_barrier_new (n_clients);
  self->all_done = thredo_barrier_new_with_action (n_clients, interrupt, self, NULL);
}

/* The first one that fails ends them all. */
gboolean
echo_clients_run (EchoClients  *self,
                  GError      **error)
{
  g_autoptr(ThredoGroup) group = thredo_group_new (THREDO_GROUP_WAIT_ALL);
  g_autoptr(GError) refusal = NULL;

  for (guint i = 0; refusal == NULL && i < self->n_clients; i++)
    {
      g_autoptr(ThredoThread) client =
          thredo_group_spawn (group, "client", run_client, self, NULL, &refusal);
    }
  if (refusal == NULL)
    return thredo_group_join (group, NULL, error);

  thredo_group_cancel (group);
  thredo_group_join (group, NULL, NULL);
  g_propagate_error (error, g_steal_pointer (&refusal));
  return FALSE;
}

void
echo_clients_clear (EchoClients *self)
{
  g_clear_object (&self->address);
  g_clear_object (&self->all_connected);
  g_clear_object (&self->all_done);
}
