/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A chat server: what one client says, all of them get.
 *
 * The thread of a connection reads what its client says, and puts it into the queue of
 * the room. A thread of the room takes it from there and puts it into the queues of all
 * members, each of whom has a second thread that writes it to the client.
 *
 * A client that does not read holds up the thread that writes to it, and nobody else:
 * when its queue is full, the oldest line in it goes, and the client is told later how
 * many it has missed.
 *
 * It is there for "nc localhost 7778", of which the first line is a name. Ctrl+C ends
 * it. With --self-test it has clients of its own, see chat-clients.c.
 */

#include <thredo.h>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "chat-clients.h"
#include "leftovers.h"
#include "loopback.h"

#define DEFAULT_PORT 7778
#define MAX_WAITING 100  /* lines, for a client that is slow */
#define SEND_BUFFER 8192 /* bytes */

typedef struct
{
  ThredoSocketService *service;
  ThredoQueue *lines; /* as GBytes, and so are those of the members */
  ThredoLock *lock;   /* guards the following */
  GPtrArray *members;

  int n_connections;
  int n_lines;

  ChatClients clients;
  ThredoThread *self_test; /* or NULL */
} Room;

typedef struct
{
  char *name;
  GOutputStream *output;
  ThredoQueue *lines;
  int n_missed; /* since it was last told */
} Member;

/* The room */

/* Frees what is said. */
static gboolean
room_say (Room    *self,
          char    *what,
          GError **error)
{
  g_auto(GValue) line = G_VALUE_INIT;

  g_value_init (&line, G_TYPE_BYTES);
  g_value_take_boxed (&line, g_bytes_new_take (what, strlen (what)));
  return thredo_queue_put (self->lines, &line, NULL, error);
}

static gboolean
room_enter (Room    *self,
            Member  *member,
            GError **error)
{
  g_autoptr(ThredoLockGuard) guard =
      thredo_lock_guard_new (THREDO_LOCKABLE (self->lock), NULL, error);

  if (guard == NULL)
    return FALSE;
  g_ptr_array_add (self->members, member);
  return TRUE;
}

/* Whoever leaves may do so by a cancel, after which there are no locks to be had, but in here. */
static void
room_leave (Room   *self,
            Member *member)
{
  g_autoptr(ThredoScope) shield = thredo_scope_new_shielded ();

  thredo_scope_enter (shield);
  thredo_lock_acquire (self->lock, NULL, NULL);
  g_ptr_array_remove (self->members, member);
  thredo_lock_release (self->lock, NULL);
  thredo_scope_leave (shield);
}

/* Never waits. Where there is no room, the oldest line makes some. */
static void
member_give (Member       *self,
             const GValue *line)
{
  while (!thredo_queue_try_put (self->lines, line, NULL))
    {
      g_auto(GValue) oldest = G_VALUE_INIT;

      if (thredo_queue_try_get (self->lines, &oldest, NULL))
        g_atomic_int_inc (&self->n_missed);
    }
}

static gboolean
run_room (ThredoThread  *thread,
          gpointer       user_data,
          GError       **error)
{
  Room *self = user_data;

  for (;;)
    {
      g_auto(GValue) line = G_VALUE_INIT;
      g_autoptr(ThredoLockGuard) guard = NULL;

      if (!thredo_queue_get (self->lines, &line, NULL, error))
        return FALSE;
      guard = thredo_lock_guard_new (THREDO_LOCKABLE (self->lock), NULL, error);
      if (guard == NULL)
        return FALSE;

      for (guint i = 0; i < self->members->len; i++)
        member_give (g_ptr_array_index (self->members, i), &line);
      self->n_lines++;
    }
}

/* The members */

static gboolean
write_text (GOutputStream  *output,
            const char     *text,
            GError        **error)
{
  return g_output_stream_write_all (output, text, strlen (text), NULL, NULL, error);
}

static gboolean
run_writer (ThredoThread  *thread,
            gpointer       user_data,
            GError       **error)
{
  Member *self = user_data;

  for (;;)
    {
      g_auto(GValue) line = G_VALUE_INIT;
      gconstpointer text;
      gsize length;
      int n_missed;

      if (!thredo_queue_get (self->lines, &line, NULL, error))
        return FALSE;

      /* Those that went were older than this one. */
      n_missed = g_atomic_int_exchange (&self->n_missed, 0);
      if (n_missed > 0)
        {
          g_autofree char *notice = g_strdup_printf (CHAT_MISSED "\n", n_missed);

          if (!write_text (self->output, notice, error))
            return FALSE;
        }

      text = g_bytes_get_data (g_value_get_boxed (&line), &length);
      if (!g_output_stream_write_all (self->output, text, length, NULL, NULL, error))
        return FALSE;
    }
}

static gboolean
listen_to_client (Room              *self,
                  Member            *member,
                  GDataInputStream  *input,
                  GError           **error)
{
  gboolean is_heard = room_say (self, g_strdup_printf (CHAT_IS_HERE "\n", member->name), error);
  char *line;

  while (is_heard && (line = g_data_input_stream_read_line (input, NULL, NULL, error)) != NULL)
    {
      is_heard = room_say (self, g_strdup_printf ("%s: %s\n", member->name, g_strchomp (line)),
                           error);
      g_free (line);
    }

  /* Not if it was by a cancel, after which nothing is said any more. */
  room_say (self, g_strdup_printf ("* %s has left\n", member->name), NULL);
  return *error == NULL;
}

static gboolean
serve_member (Room              *self,
              Member            *member,
              GDataInputStream  *input,
              GError           **error)
{
  g_autoptr(ThredoGroup) group = thredo_group_new (THREDO_GROUP_WAIT_NONE);
  g_autoptr(ThredoThread) writer =
      thredo_group_spawn (group, "writer", run_writer, member, NULL, error);
  gboolean served = FALSE;

  if (writer != NULL && room_enter (self, member, error))
    {
      served = listen_to_client (self, member, input, error);
      room_leave (self, member);
    }
  thredo_group_join (group, NULL, NULL); /* NONE: whatever it is at, it is cancelled */
  return served;
}

/* Lines are to go as soon as they are there; and what a client does not read is to wait in its
 * queue, and not out of sight. */
static void
set_options (GIOStream *connection)
{
  GIOStream *base = thredo_io_stream_get_base (THREDO_IO_STREAM (connection));
  GSocket *socket = g_socket_connection_get_socket (G_SOCKET_CONNECTION (base));

  g_socket_set_option (socket, IPPROTO_TCP, TCP_NODELAY, TRUE, NULL);
  g_socket_set_option (socket, SOL_SOCKET, SO_SNDBUF, SEND_BUFFER, NULL);
}

static gboolean
serve_client (ThredoSocketService  *service,
              GIOStream            *connection,
              GObject              *source_object,
              gpointer              user_data,
              GError              **error)
{
  Room *self = user_data;
  g_autoptr(GDataInputStream) input =
      g_data_input_stream_new (g_io_stream_get_input_stream (connection));
  Member member = { .output = g_io_stream_get_output_stream (connection) };
  gboolean served = FALSE;

  g_atomic_int_inc (&self->n_connections);
  set_options (connection);
  if (write_text (member.output, "* Your name, please\n", error))
    member.name = g_data_input_stream_read_line (input, NULL, NULL, error);
  if (member.name != NULL)
    {
      g_strchomp (member.name);
      member.lines = thredo_queue_new (MAX_WAITING);
      served = serve_member (self, &member, input, error);
    }

  g_clear_object (&member.lines);
  g_free (member.name);
  return served || *error == NULL;
}

/* The server */

static gboolean
run_self_test (ThredoThread  *thread,
               gpointer       user_data,
               GError       **error)
{
  Room *self = user_data;

  if (chat_clients_run (&self->clients, error))
    return TRUE;
  thredo_socket_service_cancel (self->service);
  return FALSE;
}

static gboolean
run_server (ThredoThread  *thread,
            gpointer       user_data,
            GError       **error)
{
  Room *self = user_data;
  g_autoptr(ThredoGroup) group = thredo_group_new (THREDO_GROUP_WAIT_NONE);
  g_autoptr(ThredoThread) room = thredo_group_spawn (group, "room", run_room, self, NULL, error);
  gboolean served = FALSE;

  if (room != NULL && self->clients.address != NULL)
    self->self_test = thredo_thread_spawn ("self-test", run_self_test, self, NULL, error);
  if (room != NULL && (self->clients.address == NULL || self->self_test != NULL))
    served = thredo_socket_service_run (self->service, NULL, error);

  thredo_group_join (group, NULL, NULL);
  return served;
}

/* Until the Ctrl+C, which is no failure. */
static gboolean
serve (Room    *self,
       GError **error)
{
  g_autoptr(GError) reason = NULL;
  gboolean served = thredo_run (THREDO_RUN_HANDLE_SIGNALS, run_server, self, NULL, &reason) ||
                    g_error_matches (reason, G_IO_ERROR, G_IO_ERROR_CANCELLED);

  g_print ("%d connections in all, and %d lines; %u members are left in the room\n",
           self->n_connections, self->n_lines, self->members->len);
  if (self->self_test != NULL)
    {
      gboolean are_done = g_atomic_int_get (&self->clients.are_done);

      if (!are_done)
        thredo_thread_cancel (self->self_test);
      if (!thredo_thread_join (self->self_test, NULL, error))
        {
          if (!are_done)
            g_prefix_error_literal (error, "Before the clients were done: ");
          return FALSE;
        }
    }

  if (!served)
    g_propagate_error (error, g_steal_pointer (&reason));
  return served;
}

/* Returns with all of it gone. */
static gboolean
run (guint16    port,
     gboolean   tests_itself,
     GError   **error)
{
  Room self = {
    .service = thredo_socket_service_new (serve_client, &self, NULL),
    .lines = thredo_queue_new (MAX_WAITING),
    .lock = thredo_lock_new (),
    .members = g_ptr_array_new (),
  };
  g_autoptr(GSocketAddress) address = loopback_listen (self.service, port, error);
  gboolean served = FALSE;

  thredo_socket_service_set_name (self.service, "chat");
  if (address != NULL)
    {
      g_print ("Listening on port %u of the loopback interface; Ctrl+C ends it\n",
               g_inet_socket_address_get_port (G_INET_SOCKET_ADDRESS (address)));
      if (tests_itself)
        chat_clients_init (&self.clients, address);
      served = serve (&self, error);
    }

  g_clear_object (&self.self_test);
  g_clear_object (&self.service);
  g_clear_object (&self.lines);
  g_clear_object (&self.lock);
  g_ptr_array_unref (self.members);
  chat_clients_clear (&self.clients);
  return served;
}

int
main (int    argc,
      char **argv)
{
  int port = -1;
  gboolean tests_itself = FALSE;
  const GOptionEntry options[] = {
    { "port", 'p', 0, G_OPTION_ARG_INT, &port, "Where to listen (7778)", "PORT" },
    { "self-test", 0, 0, G_OPTION_ARG_NONE, &tests_itself,
      "Have clients, one of them slow, and end by SIGINT when they are done", NULL },
    G_OPTION_ENTRY_NULL,
  };
  g_autoptr(GOptionContext) context = g_option_context_new (NULL);
  g_autoptr(GError) error = NULL;
  guint n_files = count_open_files ();
  gboolean ok;

  g_set_prgname ("thredo-chat-server");
  g_option_context_add_main_entries (context, options, NULL);
  if (!g_option_context_parse (context, &argc, &argv, &error) || argc > 1 || port < -1 ||
      port > G_MAXUINT16)
    {
      g_printerr ("%s: %s\n", g_get_prgname (),
                  error != NULL ? error->message : "Bad arguments; see --help");
      return 2;
    }
  if (port == -1)
    port = tests_itself ? 0 : DEFAULT_PORT;

  ok = run (port, tests_itself, &error);
  if (!ok)
    g_printerr ("%s: %s\n", g_get_prgname (), error->message);
  g_print ("Left: %u threads, %d file descriptors\n", count_threads (),
           (int) count_open_files () - (int) n_files);
  return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}
