/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Happy eyeballs: a host has several addresses, and some of them are dead.
 *
 * An attempt is a thread that connects, in a group that waits for a result. Each
 * begins a quarter of a second after the one before it, or as soon as that has
 * failed. The first that has a connection ends the join, which cancels the others
 * and returns when they have closed their sockets.
 */

#include <thredo.h>

#include <stdlib.h>

#define HEAD_START (250 * G_TIME_SPAN_MILLISECOND)
#define N_ATTEMPTS 4

typedef enum
{
  SILENT,
  REFUSING,
  ANSWERING,
} Behaviour;

typedef struct _Attempt Attempt;

struct _Attempt
{
  const char *name;
  Behaviour behaviour;
  Attempt *previous;
  GSocketAddress *address;
  ThredoEvent *begun;
  ThredoEvent *failed;
};

static gint64 start;

static void G_GNUC_PRINTF (2, 3)
    report (const Attempt *attempt,
            const char    *format,
            ...)
{
  g_autofree char *address =
      g_socket_connectable_to_string (G_SOCKET_CONNECTABLE (attempt->address));
  g_autofree char *message = NULL;
  va_list args;

  va_start (args, format);
  message = g_strdup_vprintf (format, args);
  va_end (args);
  g_print ("%4" G_GINT64_FORMAT " ms  %-16s  %-8s  %s\n",
           (g_get_monotonic_time () - start) / G_TIME_SPAN_MILLISECOND, address, attempt->name,
           message);
}

/* The attempts */

static gboolean
wait_for_turn (Attempt  *self,
               GError  **error)
{
  g_autoptr(ThredoScope) head_start = NULL;
  g_autoptr(GError) reason = NULL;
  gboolean waited;

  if (self->previous == NULL)
    return TRUE;
  if (!thredo_event_wait (self->previous->begun, NULL, error))
    return FALSE;

  head_start = thredo_scope_new_with_timeout (HEAD_START);
  thredo_scope_enter (head_start);
  waited = thredo_event_wait (self->previous->failed, NULL, &reason);
  thredo_scope_leave (head_start);

  if (waited || g_error_matches (reason, G_IO_ERROR, G_IO_ERROR_TIMED_OUT))
    return TRUE;
  g_propagate_error (error, g_steal_pointer (&reason));
  return FALSE;
}

/* It is no failure of the whole if one address is dead, so this is not the thread's, which
 * would cancel the others. */
static gboolean
run_attempt (ThredoThread  *thread,
             gpointer       user_data,
             GError       **error)
{
  Attempt *self = user_data;
  g_autoptr(GSocket) socket = NULL;
  g_autoptr(GError) problem = NULL;

  if (!wait_for_turn (self, error))
    {
      report (self, "is not tried any more");
      return FALSE;
    }

  report (self, "is tried");
  thredo_event_set (self->begun);
  socket = g_socket_new (G_SOCKET_FAMILY_IPV4, G_SOCKET_TYPE_STREAM, G_SOCKET_PROTOCOL_TCP,
                         error);
  if (socket == NULL)
    return FALSE;

  if (thredo_socket_connect (socket, self->address, NULL, &problem))
    {
      report (self, "answers");
      thredo_thread_set_result_pointer (thread, g_steal_pointer (&socket), g_object_unref);
      return TRUE;
    }

  thredo_socket_close (socket, NULL);
  report (self, "is closed: %s", problem->message);
  thredo_event_set (self->failed);
  if (!g_error_matches (problem, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    return TRUE;
  g_propagate_error (error, g_steal_pointer (&problem));
  return FALSE;
}

/* Returns: (transfer full): a connection to the address that answers first */
static GSocket *
connect_to_first (Attempt  *attempts,
                  GError  **error)
{
  g_autoptr(ThredoGroup) group = thredo_group_new (THREDO_GROUP_WAIT_RESULT);
  G_GNUC_UNUSED g_autoptr(ThredoGroupGuard) guard = thredo_group_guard_new (group);
  g_autoptr(ThredoThread) winner = NULL;

  for (guint i = 0; i < N_ATTEMPTS; i++)
    {
      g_autoptr(ThredoThread) thread =
          thredo_group_spawn (group, attempts[i].name, run_attempt, &attempts[i], NULL, error);

      if (thread == NULL)
        return NULL;
    }
  if (!thredo_group_join (group, NULL, error))
    return NULL;

  winner = thredo_group_get_completed (group);
  if (winner != NULL)
    return thredo_thread_join_pointer (winner, NULL, error);
  g_set_error (error, G_IO_ERROR, G_IO_ERROR_HOST_UNREACHABLE, "No address answers");
  return NULL;
}

/* The addresses */

static GSocket *
add_socket (GPtrArray  *sockets,
            GError    **error)
{
  GSocket *socket = g_socket_new (G_SOCKET_FAMILY_IPV4, G_SOCKET_TYPE_STREAM,
                                  G_SOCKET_PROTOCOL_TCP, error);

  if (socket != NULL)
    g_ptr_array_add (sockets, socket);
  return socket;
}

/* One connection fills a backlog of 0, and the others make sure of it. They are not waited for. */
static gboolean
fill_backlog (GSocketAddress  *address,
              GPtrArray       *sockets,
              GError         **error)
{
  for (guint i = 0; i < 8; i++)
    {
      GSocket *socket = add_socket (sockets, error);

      if (socket == NULL)
        return FALSE;
      g_socket_set_blocking (socket, FALSE);
      g_socket_connect (socket, address, NULL, NULL);
    }
  return TRUE;
}

/* A port of this host. The system refuses for one that nobody listens at, answers by itself for
 * one that somebody does, and says nothing at all while the backlog of that is full. */
static gboolean
open_address (Attempt    *attempt,
              GPtrArray  *sockets,
              GError    **error)
{
  g_autoptr(GInetAddress) loopback = g_inet_address_new_loopback (G_SOCKET_FAMILY_IPV4);
  g_autoptr(GSocketAddress) any_port = g_inet_socket_address_new (loopback, 0);
  GSocket *socket = add_socket (sockets, error);

  if (socket == NULL || !g_socket_bind (socket, any_port, FALSE, error))
    return FALSE;
  g_socket_set_listen_backlog (socket, attempt->behaviour == SILENT ? 0 : 10);
  if (attempt->behaviour != REFUSING && !g_socket_listen (socket, error))
    return FALSE;

  attempt->address = g_socket_get_local_address (socket, error);
  return attempt->address != NULL &&
         (attempt->behaviour != SILENT || fill_backlog (attempt->address, sockets, error));
}

static gboolean
run (Attempt  *attempts,
     GError  **error)
{
  g_autoptr(GPtrArray) sockets = g_ptr_array_new_with_free_func (g_object_unref);
  g_autoptr(GSocketAddress) address = NULL;
  g_autoptr(GSocket) winner = NULL;
  g_autofree char *text = NULL;

  for (guint i = 0; i < N_ATTEMPTS; i++)
    {
      attempts[i].previous = i > 0 ? &attempts[i - 1] : NULL;
      attempts[i].begun = thredo_event_new ();
      attempts[i].failed = thredo_event_new ();
      if (!open_address (&attempts[i], sockets, error))
        return FALSE;
    }

  start = g_get_monotonic_time ();
  winner = connect_to_first (attempts, error);
  if (winner == NULL || (address = g_socket_get_remote_address (winner, error)) == NULL)
    return FALSE;
  text = g_socket_connectable_to_string (G_SOCKET_CONNECTABLE (address));
  g_print ("Connected to %s after %" G_GINT64_FORMAT " ms\n", text,
           (g_get_monotonic_time () - start) / G_TIME_SPAN_MILLISECOND);
  return TRUE;
}

int
main (void)
{
  Attempt attempts[N_ATTEMPTS] = {
    { .name = "silent", .behaviour = SILENT },
    { .name = "dead", .behaviour = REFUSING },
    { .name = "good", .behaviour = ANSWERING },
    { .name = "spare", .behaviour = ANSWERING },
  };
  g_autoptr(GError) error = NULL;

  g_set_prgname ("thredo-happy-eyeballs");
  if (!run (attempts, &error))
    g_printerr ("%s: %s\n", g_get_prgname (), error->message);

  for (guint i = 0; i < N_ATTEMPTS; i++)
    {
      g_clear_object (&attempts[i].address);
      g_clear_object (&attempts[i].begun);
      g_clear_object (&attempts[i].failed);
    }
  return error == NULL ? EXIT_SUCCESS : EXIT_FAILURE;
}
