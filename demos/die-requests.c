/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Four requests, of which the first answer is wanted, and the others are to die.
 *
 * A request is a thread that says what it does from top to bottom: connect, write,
 * read. The group that they are in waits for a result, and when there is one cancels
 * the rest, which does not have to wait for the server: that would take half a minute
 * for the slowest. The server sees three connections close, and stops working.
 */

#include <thredo.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "loopback.h"

#define N_REQUESTS 4

typedef struct
{
  ThredoSocketService *service;
  GSocketAddress *address;
  ThredoBarrier *all_here;
  int n_answered;
  int n_closed; /* by the client */
} Server;

typedef struct
{
  const char *name;
  guint duration; /* that the server takes, in milliseconds */
  GSocketAddress *address;
} Request;

static gint64 start;

static void G_GNUC_PRINTF (2, 3)
    report (const char *who,
            const char *format,
            ...)
{
  g_autofree char *message = NULL;
  va_list args;

  va_start (args, format);
  message = g_strdup_vprintf (format, args);
  va_end (args);
  g_print ("%4" G_GINT64_FORMAT " ms  %-9s  %s\n",
           (g_get_monotonic_time () - start) / G_TIME_SPAN_MILLISECOND, who, message);
}

/* Reads the head of a request or of an answer, with the blank line at its end.
 *
 * Returns: (transfer full) (nullable): the first line of it */
static char *
read_head (GDataInputStream  *input,
           GError           **error)
{
  g_autofree char *first = NULL;

  for (;;)
    {
      g_autofree char *line = g_data_input_stream_read_line (input, NULL, NULL, error);

      if (line == NULL || *g_strchomp (line) == '\0')
        return line != NULL ? g_steal_pointer (&first) : NULL;
      if (first == NULL)
        first = g_steal_pointer (&line);
    }
}

/* The server */

/* Takes as long as it is asked to, or until the client has gone, whichever is first: there is
 * nothing for a client to say before it has its answer.
 *
 * Returns: whether the client is still there */
static gboolean
work (GInputStream *input,
      guint         duration)
{
  g_autoptr(ThredoScope) scope =
      thredo_scope_new_with_timeout (duration * G_TIME_SPAN_MILLISECOND);
  char byte;

  thredo_scope_enter (scope);
  g_input_stream_read (input, &byte, 1, NULL, NULL);
  thredo_scope_leave (scope);
  return thredo_scope_is_expired (scope);
}

static gboolean
serve_request (ThredoSocketService  *service,
               GIOStream            *connection,
               GObject              *source_object,
               gpointer              user_data,
               GError              **error)
{
  Server *self = user_data;
  g_autoptr(GDataInputStream) input =
      g_data_input_stream_new (g_io_stream_get_input_stream (connection));
  g_autofree char *request = read_head (input, error);
  g_autofree char *answer = NULL;
  guint duration = 0;

  /* All four are here before the first is answered, or there would be fewer to close. */
  if (request == NULL || sscanf (request, "GET /%u", &duration) != 1 ||
      !thredo_barrier_wait (self->all_here, NULL, NULL, error))
    return FALSE;

  report ("server", "begins with %s", request);
  if (!work (G_INPUT_STREAM (input), duration))
    {
      report ("server", "sees the client of %s go", request);
      g_atomic_int_inc (&self->n_closed);
      return TRUE;
    }

  report ("server", "answers %s", request);
  g_atomic_int_inc (&self->n_answered);
  answer = g_strdup_printf ("HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n\r\n"
                            "That took %u ms.\n",
                            duration);
  return g_output_stream_write_all (g_io_stream_get_output_stream (connection), answer,
                                    strlen (answer), NULL, NULL, error);
}

static gboolean
server_start (Server  *self,
              GError **error)
{
  *self = (Server){
    .service = thredo_socket_service_new (serve_request, self, NULL),
    .all_here = thredo_barrier_new (N_REQUESTS),
  };
  self->address = loopback_listen (self->service, 0, error);
  return self->address != NULL && thredo_socket_service_start (self->service, error);
}

static void
server_clear (Server *self)
{
  g_clear_object (&self->service);
  g_clear_object (&self->address);
  g_clear_object (&self->all_here);
}

/* The requests */

/* Returns: (transfer full): the answer */
static char *
ask (Request  *self,
     GError  **error)
{
  g_autofree char *request = g_strdup_printf ("GET /%u HTTP/1.0\r\n\r\n", self->duration);
  g_autofree char *head = NULL;
  g_autoptr(GDataInputStream) input = NULL;
  g_autoptr(GIOStream) connection =
      thredo_connect (G_SOCKET_CONNECTABLE (self->address), THREDO_CONNECT_NONE, NULL, error);

  if (connection == NULL ||
      !g_output_stream_write_all (g_io_stream_get_output_stream (connection), request,
                                  strlen (request), NULL, NULL, error))
    return NULL;

  input = g_data_input_stream_new (g_io_stream_get_input_stream (connection));
  head = read_head (input, error);
  return head != NULL ? g_data_input_stream_read_line (input, NULL, NULL, error) : NULL;
}

static gboolean
run_request (ThredoThread  *thread,
             gpointer       user_data,
             GError       **error)
{
  Request *self = user_data;
  char *answer = ask (self, error);

  if (answer == NULL)
    {
      report (self->name, "ends: %s", *error != NULL ? (*error)->message : "no answer");
      return FALSE;
    }
  report (self->name, "has an answer: %s", answer);
  thredo_thread_set_result_pointer (thread, answer, g_free);
  return TRUE;
}

/* Returns: (transfer full): the first answer, with the other requests dead */
static char *
ask_all (GSocketAddress  *address,
         GError         **error)
{
  Request requests[N_REQUESTS] = {
    { "request 1", 20000, address },
    { "request 2", 300, address },
    { "request 3", 30000, address },
    { "request 4", 10000, address },
  };
  g_autoptr(ThredoGroup) group = thredo_group_new (THREDO_GROUP_WAIT_RESULT);
  G_GNUC_UNUSED g_autoptr(ThredoGroupGuard) guard = thredo_group_guard_new (group);
  g_autoptr(ThredoThread) first = NULL;

  for (guint i = 0; i < N_REQUESTS; i++)
    {
      g_autoptr(ThredoThread) thread =
          thredo_group_spawn (group, requests[i].name, run_request, &requests[i], NULL, error);

      if (thread == NULL)
        return NULL;
    }
  if (!thredo_group_join (group, NULL, error))
    return NULL;

  first = thredo_group_get_completed (group);
  return thredo_thread_join_pointer (first, NULL, error);
}

static gboolean
run (Server  *server,
     GError **error)
{
  g_autofree char *answer = NULL;

  if (!server_start (server, error))
    return FALSE;

  start = g_get_monotonic_time ();
  answer = ask_all (server->address, error);
  if (answer == NULL)
    return FALSE;
  report ("main", "goes on with the first answer: %s", answer);

  /* This would take half a minute if anybody were still waited for. */
  if (!thredo_socket_service_stop (server->service, THREDO_SOCKET_SERVICE_STOP_DRAIN, NULL,
                                   error))
    return FALSE;
  report ("main", "%d answered, %d closed, no thread left", server->n_answered,
          server->n_closed);
  return TRUE;
}

int
main (void)
{
  Server server = { NULL };
  g_autoptr(GError) error = NULL;

  g_set_prgname ("thredo-die-requests");
  if (!run (&server, &error))
    {
      g_printerr ("%s: %s\n", g_get_prgname (), error->message);
      if (server.service != NULL)
        thredo_socket_service_stop (server.service, THREDO_SOCKET_SERVICE_STOP_CANCEL, NULL, NULL);
    }
  server_clear (&server);

  return error == NULL ? EXIT_SUCCESS : EXIT_FAILURE;
}
