/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "chat-clients.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "loopback.h"

#define N_ROUNDS 200
#define LINE_LENGTH 1000

/* Clients of a chat server: those who talk, and a slow one that reads nothing all the while.
 *
 * In each round every talker says a line, and waits until it has those of all; so the slow one
 * would hold them up for ever if it could. All have to receive the same in the same order. In the
 * end the slow one reads, too, and has to come to the same number of lines, with those that it is
 * told to have missed. */

typedef struct
{
  GIOStream *connection;
  GDataInputStream *input;
} Client;

static void
client_clear (Client *self)
{
  g_clear_object (&self->input);
  g_clear_object (&self->connection); /* which closes it */
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Client, client_clear)

static gboolean
client_say (Client      *self,
            const char  *text,
            GError     **error)
{
  g_autofree char *line = g_strconcat (text, "\n", NULL);

  return g_output_stream_write_all (g_io_stream_get_output_stream (self->connection), line,
                                    strlen (line), NULL, NULL, error);
}

/* Returns: (transfer full): a line */
static char *
client_hear (Client  *self,
             GError **error)
{
  char *line = g_data_input_stream_read_line (self->input, NULL, NULL, error);

  if (line == NULL && *error == NULL)
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_CONNECTION_CLOSED, "The server has hung up");
  return line;
}

/* Returns: (transfer full): a line that somebody has said */
static char *
client_hear_talk (Client  *self,
                  GError **error)
{
  char *line;

  while ((line = client_hear (self, error)) != NULL && *line == '*')
    g_free (line);
  return line;
}

/* Returns with the client in the room. */
static gboolean
client_enter (Client          *self,
              GSocketAddress  *address,
              const char      *name,
              GError         **error)
{
  g_autofree char *welcome = g_strdup_printf (CHAT_IS_HERE, name);
  gboolean is_here = FALSE;

  self->connection = loopback_connect (address, error);
  if (self->connection == NULL)
    return FALSE;
  self->input = g_data_input_stream_new (g_io_stream_get_input_stream (self->connection));
  if (!client_say (self, name, error))
    return FALSE;

  while (!is_here)
    {
      g_autofree char *line = client_hear (self, error);

      if (line == NULL)
        return FALSE;
      is_here = strcmp (line, welcome) == 0;
    }
  return TRUE;
}

static gboolean
client_wait_for_end (Client  *self,
                     GError **error)
{
  char *line;

  while ((line = g_data_input_stream_read_line (self->input, NULL, NULL, error)) != NULL)
    g_free (line);
  return *error == NULL;
}

/* One line of each talker, in any order, but in the same one for all. */
static gboolean
talk_a_round (Client  *self,
              guint    number,
              guint   *hash,
              GError **error)
{
  g_autofree char *filling = g_strnfill (LINE_LENGTH, '.');
  g_autofree char *text = g_strdup_printf ("round %u %s", number, filling);

  if (!client_say (self, text, error))
    return FALSE;
  for (guint i = 0; i < CHAT_TALKERS; i++)
    {
      g_autofree char *line = client_hear_talk (self, error);

      if (line == NULL)
        return FALSE;
      if (!g_str_has_suffix (line, text))
        {
          g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA, "Out of round %u: %s", number,
                       line);
          return FALSE;
        }
      *hash = *hash * 31 + g_str_hash (line);
    }
  return TRUE;
}

static gboolean
run_talker (ThredoThread  *thread,
            gpointer       user_data,
            GError       **error)
{
  ChatClients *self = user_data;
  guint number = g_atomic_int_add (&self->n_started, 1);
  g_autofree char *name = g_strdup_printf ("Talker %u", number + 1);
  g_auto(Client) client = { NULL };

  if (!client_enter (&client, self->address, name, error) ||
      !thredo_barrier_wait (self->all, NULL, NULL, error) || /* the talkers are here */
      !thredo_barrier_wait (self->all, NULL, NULL, error))   /* the slow one is here */
    return FALSE;

  for (guint i = 0; i < N_ROUNDS; i++)
    {
      if (!talk_a_round (&client, i, &self->hashes[number], error) ||
          !thredo_barrier_wait (self->talkers, NULL, NULL, error))
        return FALSE;
    }

  return thredo_barrier_wait (self->all, NULL, NULL, error) && /* the talk is over */
         thredo_barrier_wait (self->the_end, NULL, NULL, error) &&
         client_wait_for_end (&client, error);
}

/* What it has, and what it is told that it has not, up to what it says itself. */
static gboolean
catch_up (ChatClients  *self,
          Client       *client,
          GError      **error)
{
  gboolean has_all = FALSE;

  while (!has_all)
    {
      g_autofree char *line = client_hear (client, error);
      int n_missed;

      if (line == NULL)
        return FALSE;
      if (sscanf (line, CHAT_MISSED, &n_missed) == 1)
        self->n_missed += n_missed;
      else if (strcmp (line, "Slow: bye") == 0)
        has_all = TRUE;
      else
        self->n_received++;
    }
  return TRUE;
}

static gboolean
run_slow (ThredoThread  *thread,
          gpointer       user_data,
          GError       **error)
{
  ChatClients *self = user_data;
  g_auto(Client) client = { NULL };

  return thredo_barrier_wait (self->all, NULL, NULL, error) && /* the talkers are here */
         client_enter (&client, self->address, "Slow", error) &&
         thredo_barrier_wait (self->all, NULL, NULL, error) && /* the slow one is here */
         thredo_barrier_wait (self->all, NULL, NULL, error) && /* the talk is over */
         client_say (&client, "bye", error) &&
         catch_up (self, &client, error) &&
         thredo_barrier_wait (self->the_end, NULL, NULL, error) &&
         client_wait_for_end (&client, error);
}

/* In the thread of whoever comes to the end last, before the others go on. */
static gboolean
finish (ThredoBarrier  *barrier,
        gpointer        user_data,
        GError        **error)
{
  ChatClients *self = user_data;
  guint n_lines = CHAT_TALKERS * N_ROUNDS;
  guint n_alike = 0;

  for (guint i = 0; i < CHAT_TALKERS; i++)
    n_alike += self->hashes[i] == self->hashes[0];
  g_print ("%u clients have said %u lines, and %u of them received all in the same order\n",
           CHAT_TALKERS, n_lines, n_alike);
  g_print ("One read nothing until then; now it got %u of them, and was told to have missed %u\n",
           self->n_received, self->n_missed);

  if (n_alike < CHAT_TALKERS || self->n_missed == 0 ||
      self->n_received + self->n_missed != n_lines)
    {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA, "That is not as it should be");
      return FALSE;
    }
  g_atomic_int_set (&self->are_done, TRUE);
  return raise (SIGINT) == 0;
}

void
chat_clients_init (ChatClients    *self,
                   GSocketAddress *address)
{
  *self = (ChatClients){
    .address = g_object_ref (address),
    .talkers = thredo_barrier_new (CHAT_TALKERS),
    .all = thredo_barrier_new (CHAT_TALKERS + 1),
    .the_end = thredo_barrier_new_with_action (CHAT_TALKERS + 1, finish, self, NULL),
  };
}

/* The first one that fails ends them all. */
gboolean
chat_clients_run (ChatClients  *self,
                  GError      **error)
{
  g_autoptr(ThredoGroup) group = thredo_group_new (THREDO_GROUP_WAIT_ALL);
  G_GNUC_UNUSED g_autoptr(ThredoGroupGuard) guard = thredo_group_guard_new (group);
  g_autoptr(ThredoThread) slow =
      thredo_group_spawn (group, "slow", run_slow, self, NULL, error);

  if (slow == NULL)
    return FALSE;
  for (guint i = 0; i < CHAT_TALKERS; i++)
    {
      g_autoptr(ThredoThread) talker =
          thredo_group_spawn (group, "talker", run_talker, self, NULL, error);

      if (talker == NULL)
        return FALSE;
    }
  return thredo_group_join (group, NULL, error);
}

void
chat_clients_clear (ChatClients *self)
{
  g_clear_object (&self->address);
  g_clear_object (&self->talkers);
  g_clear_object (&self->all);
  g_clear_object (&self->the_end);
}
