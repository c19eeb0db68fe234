/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The first of four requests: when one has its answer, the others are cancelled and closed. */

#include <thredo.h>

#include <string.h>

#define N_REQUESTS 4

static GSocketAddress *address;
static ThredoBarrier *all_here;
static ThredoSemaphore *gone;

/* The server */

/* Returns: (transfer full): what is asked for */
static char *
read_request (GDataInputStream  *input,
              GError           **error)
{
  g_autofree char *path = NULL;

  for (;;)
    {
      g_autofree char *line = g_data_input_stream_read_line (input, NULL, NULL, error);

      if (line == NULL || *g_strchomp (line) == '\0')
        return g_steal_pointer (&path);
      if (g_str_has_prefix (line, "GET /") && g_str_has_suffix (line, " HTTP/1.0"))
        path = g_strndup (line + 5, strlen (line) - 5 - 9);
    }
}

static gboolean
serve (ThredoSocketService  *service,
       GIOStream            *connection,
       GObject              *source_object,
       gpointer              user_data,
       GError              **error)
{
  g_autoptr(GDataInputStream) input =
      g_data_input_stream_new (g_io_stream_get_input_stream (connection));
  g_autofree char *path = read_request (input, error);

  if (path == NULL || !thredo_barrier_wait (all_here, NULL, NULL, error))
    return FALSE;
  if (strcmp (path, "fast") == 0)
    return g_output_stream_printf (g_io_stream_get_output_stream (connection), NULL, NULL, error,
                                   "HTTP/1.0 200 OK\r\n\r\nfast\n");

  g_data_input_stream_read_byte (input, NULL, NULL); /* no more will come, until it goes */
  return thredo_semaphore_release (gone, error);
}

/* The requests */

/* Returns: (transfer full): the first line of the body */
static char *
get (const char  *path,
     GError     **error)
{
  g_autoptr(GDataInputStream) input = NULL;
  g_autoptr(GIOStream) connection =
      thredo_connect (G_SOCKET_CONNECTABLE (address), THREDO_CONNECT_NONE, NULL, error);
  g_autofree char *line = NULL;

  if (connection == NULL ||
      !g_output_stream_printf (g_io_stream_get_output_stream (connection), NULL, NULL, error,
                               "GET /%s HTTP/1.0\r\n\r\n", path))
    return NULL;

  input = g_data_input_stream_new (g_io_stream_get_input_stream (connection));
  while ((line = g_data_input_stream_read_line (input, NULL, NULL, error)) != NULL)
    {
      if (*g_strchomp (line) == '\0')
        return g_data_input_stream_read_line (input, NULL, NULL, error);
      g_clear_pointer (&line, g_free);
    }
  return NULL;
}

static gboolean
request (ThredoThread  *thread,
         gpointer       user_data,
         GError       **error)
{
  char *answer = get (user_data, error);

  if (answer == NULL)
    {
      g_print ("%s: %s\n", (const char *) user_data,
               thredo_thread_is_cancelled (thread) ? "cancelled" : "no answer");
      return FALSE;
    }
  thredo_thread_set_result_pointer (thread, answer, g_free);
  return TRUE;
}

static void
request_all (void)
{
  const char *paths[N_REQUESTS] = { "slow", "slower", "fast", "slowest" };
  g_autoptr(ThredoGroup) group = thredo_group_new (THREDO_GROUP_WAIT_ANY);
  g_autoptr(ThredoThread) first = NULL;
  g_autofree char *answer = NULL;

  for (guint i = 0; i < N_REQUESTS; i++)
    g_object_unref (
        thredo_group_spawn (group, paths[i], request, (gpointer) paths[i], NULL, NULL));
  thredo_group_join (group, NULL, NULL);

  first = thredo_group_get_completed (group);
  answer = thredo_thread_join_pointer (first, NULL, NULL);
  g_print ("The answer is: %s\n", answer);
}

int
main (void)
{
  g_autoptr(ThredoSocketService) service = thredo_socket_service_new (serve, NULL, NULL);
  g_autoptr(GSocketAddress) any = g_inet_socket_address_new_from_string ("127.0.0.1", 0);

  all_here = thredo_barrier_new (N_REQUESTS);
  gone = thredo_semaphore_new (0);
  g_socket_listener_add_address (thredo_socket_service_get_listener (service), any,
                                 G_SOCKET_TYPE_STREAM, G_SOCKET_PROTOCOL_TCP, NULL, &address,
                                 NULL);
  thredo_socket_service_start (service, NULL);

  request_all ();
  for (guint i = 1; i < N_REQUESTS; i++)
    thredo_semaphore_acquire (gone, NULL, NULL);
  g_print ("The server has seen three go\n");

  thredo_socket_service_stop (service, THREDO_SOCKET_SERVICE_STOP_DRAIN, NULL, NULL);
  g_object_unref (address);
  g_object_unref (all_here);
  g_object_unref (gone);
  return 0;
}
