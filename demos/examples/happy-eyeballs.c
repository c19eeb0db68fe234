/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Happy eyeballs: of several addresses, some dead, the first to answer is connected to. */

#include <thredo.h>

#define HEAD_START (250 * G_TIME_SPAN_MILLISECOND)

typedef enum
{
  SILENT,
  DEAD,
  GOOD,
  N_ADDRESSES,
} Behaviour;

static const char *const names[N_ADDRESSES] = { "silent", "dead", "good" };
static GSocketAddress *addresses[N_ADDRESSES];
static ThredoGroup *group;

static GSocket *
new_socket (void)
{
  return g_socket_new (G_SOCKET_FAMILY_IPV4, G_SOCKET_TYPE_STREAM, G_SOCKET_PROTOCOL_TCP, NULL);
}

/* The attempts */

static gboolean
attempt (ThredoThread  *thread,
         gpointer       user_data,
         GError       **error)
{
  guint i = GPOINTER_TO_UINT (user_data);
  g_autoptr(GSocket) socket = new_socket ();
  g_autoptr(GError) problem = NULL;

  if (thredo_socket_connect (socket, addresses[i], NULL, &problem))
    {
      g_print ("%s: answers\n", names[i]);
      thredo_thread_set_result_pointer (thread, g_steal_pointer (&socket), g_object_unref);
      return TRUE;
    }

  thredo_socket_close (socket, NULL);
  if (g_error_matches (problem, G_IO_ERROR, G_IO_ERROR_CONNECTION_REFUSED))
    {
      g_print ("%s: refuses\n", names[i]);
      return TRUE; /* with no result; a failure would end the other attempts */
    }
  g_print ("%s: is given up\n", names[i]);
  g_propagate_error (error, g_steal_pointer (&problem));
  return FALSE;
}

/* One after the other, each as soon as the one before has failed, or has had its time. */
static gboolean
try_each (ThredoThread  *thread,
          gpointer       user_data,
          GError       **error)
{
  for (guint i = 0; i < N_ADDRESSES && thredo_check_cancelled (NULL, NULL); i++)
    {
      g_autoptr(ThredoScope) scope = NULL;
      g_autoptr(ThredoThread) one = NULL;

      g_print ("%s: is tried\n", names[i]);
      one = thredo_group_spawn (group, names[i], attempt, GUINT_TO_POINTER (i), NULL, NULL);
      scope = thredo_scope_new_with_timeout (HEAD_START);
      thredo_scope_enter (scope);
      thredo_thread_wait (one, NULL, NULL);
      thredo_scope_leave (scope);
    }
  return TRUE;
}

/* The addresses */

/* The system refuses for a port that nobody listens at, answers by itself for one that somebody
 * does, and says nothing while the backlog of that is full. */
static GSocket *
listen_at (guint      i,
           GPtrArray *fillers)
{
  g_autoptr(GSocketAddress) any = g_inet_socket_address_new_from_string ("127.0.0.1", 0);
  GSocket *socket = new_socket ();

  g_socket_bind (socket, any, FALSE, NULL);
  addresses[i] = g_socket_get_local_address (socket, NULL);
  g_socket_set_listen_backlog (socket, i == SILENT ? 0 : 10);
  if (i != DEAD)
    g_socket_listen (socket, NULL);
  for (guint j = 0; i == SILENT && j < 8; j++)
    {
      GSocket *filler = new_socket ();

      g_ptr_array_add (fillers, filler);
      g_socket_set_blocking (filler, FALSE);
      g_socket_connect (filler, addresses[i], NULL, NULL);
    }
  return socket;
}

static guint
port_of (GSocketAddress *address)
{
  return g_inet_socket_address_get_port (G_INET_SOCKET_ADDRESS (address));
}

int
main (void)
{
  g_autoptr(GPtrArray) sockets = g_ptr_array_new_with_free_func (g_object_unref);
  g_autoptr(ThredoThread) winner = NULL;
  g_autoptr(GSocket) connection = NULL;
  g_autoptr(GSocketAddress) peer = NULL;

  for (guint i = 0; i < N_ADDRESSES; i++)
    g_ptr_array_add (sockets, listen_at (i, sockets));

  group = thredo_group_new (THREDO_GROUP_WAIT_RESULT);
  g_object_unref (thredo_group_spawn (group, "try each", try_each, NULL, NULL, NULL));
  thredo_group_join (group, NULL, NULL);
  winner = thredo_group_get_completed (group);
  connection = thredo_thread_join_pointer (winner, NULL, NULL);
  peer = g_socket_get_remote_address (connection, NULL);
  if (port_of (peer) == port_of (addresses[GOOD]))
    g_print ("Connected to the good one\n");

  for (guint i = 0; i < N_ADDRESSES; i++)
    g_object_unref (addresses[i]);
  g_object_unref (group);
  return 0;
}
