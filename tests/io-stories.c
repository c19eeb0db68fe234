/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * What I/O that can be cancelled is for: servers and clients as people write them. That of an
 * echo server with a thousand clients is in socket-service.c.
 */

#include "support.h"

#include <errno.h>
#include <gio/gnetworking.h>
#include <signal.h>
#include <string.h>

static GSocketAddress *
any_port (void)
{
  g_autoptr(GInetAddress) loopback = g_inet_address_new_loopback (G_SOCKET_FAMILY_IPV4);

  return g_inet_socket_address_new (loopback, 0);
}

static ThredoThread *
spawn (ThredoGroup      *group,
       ThredoThreadFunc  func,
       gpointer          data)
{
  g_autoptr(GError) error = NULL;
  ThredoThread *thread = thredo_group_spawn (group, "part", func, data, NULL, &error);

  g_assert_no_error (error);
  return thread;
}

/* A service that runs, and where. */
static ThredoSocketService *
start_service (ThredoSocketServiceFunc   func,
               gpointer                  data,
               GSocketAddress          **address)
{
  ThredoSocketService *service = thredo_socket_service_new (func, data, NULL);
  g_autoptr(GSocketAddress) where = any_port ();
  g_autoptr(GError) error = NULL;

  g_socket_listener_add_address (thredo_socket_service_get_listener (service), where,
                                 G_SOCKET_TYPE_STREAM, G_SOCKET_PROTOCOL_TCP, NULL, address,
                                 &error);
  g_assert_no_error (error);
  thredo_socket_service_start (service, &error);
  g_assert_no_error (error);
  return service;
}

static void
stop_service (ThredoSocketService *service)
{
  g_autoptr(GError) error = NULL;

  thredo_socket_service_stop (service, THREDO_SOCKET_SERVICE_STOP_CANCEL, NULL, &error);
  g_assert_no_error (error);
  g_object_unref (service);
}

static GIOStream *
connect_to (GSocketAddress *address)
{
  g_autoptr(GError) error = NULL;
  GIOStream *stream = thredo_connect (G_SOCKET_CONNECTABLE (address), THREDO_CONNECT_NONE, NULL,
                                      &error);

  g_assert_no_error (error);
  return stream;
}

/* Without closing what it reads from. */
static char *
read_line (GIOStream  *stream,
           GError    **error)
{
  g_autoptr(GDataInputStream) lines =
      g_data_input_stream_new (g_io_stream_get_input_stream (stream));

  g_filter_input_stream_set_close_base_stream (G_FILTER_INPUT_STREAM (lines), FALSE);
  return g_data_input_stream_read_line (lines, NULL, NULL, error);
}

static gboolean
write_text (GIOStream   *stream,
            const char  *text,
            GError     **error)
{
  return g_output_stream_write_all (g_io_stream_get_output_stream (stream), text, strlen (text),
                                    NULL, NULL, error);
}

/* Happy eyeballs: a host with several addresses. */

typedef struct
{
  GObject parent_instance;
  GPtrArray *addresses;
} Host;

typedef struct
{
  GObjectClass parent_class;
} HostClass;

typedef struct
{
  GSocketAddressEnumerator parent_instance;
  Host *host;
  guint n_given;
} HostEnumerator;

typedef struct
{
  GSocketAddressEnumeratorClass parent_class;
} HostEnumeratorClass;

static GType host_get_type (void);
static GType host_enumerator_get_type (void);
static void host_connectable_init (GSocketConnectableIface *iface);

G_DEFINE_TYPE_WITH_CODE (Host,
                         host,
                         G_TYPE_OBJECT,
                         G_IMPLEMENT_INTERFACE (G_TYPE_SOCKET_CONNECTABLE,
                                                host_connectable_init))
G_DEFINE_TYPE (HostEnumerator, host_enumerator, G_TYPE_SOCKET_ADDRESS_ENUMERATOR)

static GSocketAddress *
host_enumerator_next (GSocketAddressEnumerator  *enumerator,
                      GCancellable              *cancellable,
                      GError                   **error)
{
  HostEnumerator *self = (HostEnumerator *) enumerator;

  if (self->n_given == self->host->addresses->len)
    return NULL;
  return g_object_ref (g_ptr_array_index (self->host->addresses, self->n_given++));
}

static void
host_enumerator_finalize (GObject *object)
{
  g_object_unref (((HostEnumerator *) object)->host);
  G_OBJECT_CLASS (host_enumerator_parent_class)->finalize (object);
}

static void
host_enumerator_class_init (HostEnumeratorClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = host_enumerator_finalize;
  klass->parent_class.next = host_enumerator_next;
}

static void
host_enumerator_init (HostEnumerator *self)
{
}

static GSocketAddressEnumerator *
host_enumerate (GSocketConnectable *connectable)
{
  HostEnumerator *enumerator = g_object_new (host_enumerator_get_type (), NULL);

  enumerator->host = g_object_ref ((Host *) connectable);
  return G_SOCKET_ADDRESS_ENUMERATOR (enumerator);
}

static void
host_connectable_init (GSocketConnectableIface *iface)
{
  iface->enumerate = host_enumerate;
  iface->proxy_enumerate = host_enumerate;
}

static void
host_finalize (GObject *object)
{
  g_ptr_array_unref (((Host *) object)->addresses);
  G_OBJECT_CLASS (host_parent_class)->finalize (object);
}

static void
host_class_init (HostClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = host_finalize;
}

static void
host_init (Host *self)
{
  self->addresses = g_ptr_array_new_with_free_func (g_object_unref);
}

static GSocket *
new_socket (void)
{
  g_autoptr(GError) error = NULL;
  GSocket *socket = g_socket_new (G_SOCKET_FAMILY_IPV4, G_SOCKET_TYPE_STREAM,
                                  G_SOCKET_PROTOCOL_TCP, &error);

  g_assert_no_error (error);
  return socket;
}

/* A port of this host, where nobody listens if the backlog is negative, and the address of it
 * for the host. */
static GSocket *
host_add (Host *self,
          int   backlog)
{
  g_autoptr(GSocketAddress) where = any_port ();
  g_autoptr(GError) error = NULL;
  GSocket *socket = new_socket ();

  g_socket_bind (socket, where, FALSE, &error);
  g_assert_no_error (error);
  if (backlog >= 0)
    {
      g_socket_set_listen_backlog (socket, backlog);
      g_socket_listen (socket, &error);
      g_assert_no_error (error);
    }
  g_ptr_array_add (self->addresses, g_socket_get_local_address (socket, &error));
  g_assert_no_error (error);
  return socket;
}

static gboolean
has_n_fds (gpointer data)
{
  return support_count_fds () == *(guint *) data;
}

static void
test_happy_eyeballs (void)
{
  Host *host = g_object_new (host_get_type (), NULL);
  G_GNUC_UNUSED g_autoptr(GSocket) refusing = host_add (host, -1);
  G_GNUC_UNUSED g_autoptr(GSocket) silent = host_add (host, 0);
  g_autoptr(GSocket) good = host_add (host, 10);
  g_autoptr(GSocket) spare = host_add (host, 10);
  g_autoptr(GSocket) filler = new_socket ();
  g_autoptr(GSocket) accepted = NULL;
  g_autoptr(GSocketAddress) remote = NULL;
  g_autoptr(GIOStream) stream = NULL;
  g_autoptr(GError) error = NULL;
  GSocketConnection *connection;
  guint n_fds;

  /* Its queue is full, so the kernel says nothing to whoever comes next. */
  g_socket_connect (filler, g_ptr_array_index (host->addresses, 1), NULL, &error);
  g_assert_no_error (error);
  n_fds = support_count_fds ();

  stream = thredo_connect (G_SOCKET_CONNECTABLE (host), THREDO_CONNECT_NONE, NULL, &error);
  g_assert_no_error (error);
  connection = G_SOCKET_CONNECTION (thredo_io_stream_get_base (THREDO_IO_STREAM (stream)));
  remote = g_socket_connection_get_remote_address (connection, &error);
  g_assert_no_error (error);
  g_assert_cmpint (g_inet_socket_address_get_port (G_INET_SOCKET_ADDRESS (remote)), ==,
                   g_inet_socket_address_get_port (g_ptr_array_index (host->addresses, 2)));

  /* The one that waits for the silent one goes, and there was none to the last. */
  n_fds++;
  support_wait_for ("the others to be closed", has_n_fds, &n_fds);
  g_assert_cmpint (g_socket_condition_check (spare, G_IO_IN), ==, 0);
  accepted = thredo_socket_accept (good, NULL, &error);
  g_assert_no_error (error);
  g_assert_true (write_text (stream, "x", &error));
  g_object_unref (host);
}

static gboolean
connect_and_drop (ThredoThread  *thread,
                  gpointer       host,
                  GError       **error)
{
  g_autoptr(GIOStream) stream = thredo_connect (host, THREDO_CONNECT_NONE, NULL, error);

  return stream != NULL;
}

/* All of them are dead. */
static void
test_no_eyeballs (void)
{
  Host *host = g_object_new (host_get_type (), NULL);
  G_GNUC_UNUSED g_autoptr(GSocket) refusing = host_add (host, -1);
  G_GNUC_UNUSED g_autoptr(GSocket) silent = host_add (host, 0);
  g_autoptr(GSocket) filler = new_socket ();
  g_autoptr(ThredoThread) cancelled = NULL;
  g_autoptr(ThredoScope) scope = NULL;
  g_autoptr(GError) error = NULL;
  guint n_fds;

  g_socket_connect (filler, g_ptr_array_index (host->addresses, 1), NULL, &error);
  g_assert_no_error (error);
  n_fds = support_count_fds ();

  cancelled = thredo_thread_spawn ("connects", connect_and_drop, host, NULL, &error);
  g_assert_no_error (error);
  support_wait_for_wait (cancelled, "connect on host 'Host'");
  support_cancel_and_join (cancelled);

  scope = thredo_scope_new_with_timeout (10000);
  thredo_scope_enter (scope);
  g_assert_null (thredo_connect (G_SOCKET_CONNECTABLE (host), THREDO_CONNECT_NONE, NULL, &error));
  g_assert_cmpstr (error->message, ==, "thredo_connect() timed out");
  support_assert_timed_out (&error);
  thredo_scope_leave (scope);
  support_wait_for ("all of them to be closed", has_n_fds, &n_fds);
  g_object_unref (host);
}

/* Die requests: of four that ask a slow server, one gets an answer. */

#define N_REQUESTS 4

typedef struct
{
  ThredoEvent *release; /* the answer to one */
  int n_asked;
  int n_closed; /* by who asked */
} SlowServer;

static gboolean
answer_slowly (ThredoSocketService  *service,
               GIOStream            *connection,
               GObject              *source_object,
               gpointer              data,
               GError              **error)
{
  SlowServer *self = data;
  g_autofree char *request = read_line (connection, error);
  g_autofree char *answer = NULL;
  gboolean favoured;
  char byte;

  if (request == NULL)
    return FALSE;
  g_assert_true (g_str_has_prefix (request, "GET /"));
  favoured = g_str_equal (request, "GET /2 HTTP/1.0\r");
  g_atomic_int_inc (&self->n_asked);
  if (favoured)
    {
      if (!thredo_event_wait (self->release, NULL, error))
        return FALSE;
      answer = g_strdup_printf ("HTTP/1.0 200 %s\r\n", request);
      return write_text (connection, answer, error);
    }

  /* There is never an answer, only an end: of the stream, or by a reset. */
  if (g_input_stream_read (g_io_stream_get_input_stream (connection), &byte, 1, NULL, error) > 0)
    g_assert_not_reached ();
  if (error == NULL || !g_error_matches (*error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    g_atomic_int_inc (&self->n_closed);
  return TRUE;
}

typedef struct
{
  GSocketAddress *address;
  guint number;
} Request;

static gboolean
ask (ThredoThread  *thread,
     gpointer       data,
     GError       **error)
{
  Request *self = data;
  g_autofree char *request = g_strdup_printf ("GET /%u HTTP/1.0\r\n", self->number);
  g_autoptr(GIOStream) stream = NULL;
  char *answer;

  stream = thredo_connect (G_SOCKET_CONNECTABLE (self->address), THREDO_CONNECT_NONE, NULL, error);
  if (stream == NULL || !write_text (stream, request, error))
    return FALSE;
  answer = read_line (stream, error);
  if (answer == NULL)
    return FALSE;
  thredo_thread_set_result_pointer (thread, answer, g_free);
  return TRUE;
}

static gpointer
release_when_asked (gpointer data)
{
  SlowServer *self = data;

  support_wait_for_int (&self->n_asked, N_REQUESTS);
  thredo_event_set (self->release);
  return NULL;
}

static void
test_die_requests (void)
{
  SlowServer server = { .release = thredo_event_new () };
  g_autoptr(GSocketAddress) address = NULL;
  ThredoSocketService *service = start_service (answer_slowly, &server, &address);
  g_autoptr(ThredoGroup) group = thredo_group_new (THREDO_GROUP_WAIT_RESULT);
  g_autoptr(ThredoThread) winner = NULL;
  g_auto(GValue) result = G_VALUE_INIT;
  g_autoptr(GError) error = NULL;
  Request requests[N_REQUESTS];
  GThread *releaser;

  for (guint i = 0; i < N_REQUESTS; i++)
    {
      g_autoptr(ThredoThread) thread = NULL;

      requests[i] = (Request) { address, i };
      thread = spawn (group, ask, &requests[i]);
    }
  releaser = g_thread_new ("releaser", release_when_asked, &server);
  g_assert_true (thredo_group_join (group, NULL, &error));
  g_assert_no_error (error);
  winner = thredo_group_get_completed (group);
  g_assert_true (thredo_thread_get_result (winner, &result));
  g_assert_cmpstr (g_value_get_pointer (&result), ==, "HTTP/1.0 200 GET /2 HTTP/1.0\r\r");

  /* Not because it is stopped. */
  support_wait_for_int (&server.n_closed, N_REQUESTS - 1);
  g_thread_join (releaser);
  stop_service (service);
  g_object_unref (server.release);
}

/* A pipeline of two children, until a deadline. */

typedef struct
{
  GInputStream *input;
  GOutputStream *output;
} Pump;

static gboolean
pump (ThredoThread  *thread,
      gpointer       data,
      GError       **error)
{
  Pump *self = data;

  return g_output_stream_splice (self->output, self->input,
                                 G_OUTPUT_STREAM_SPLICE_CLOSE_TARGET, NULL, error) >= 0;
}

typedef struct
{
  GInputStream *input;
  GByteArray *bytes;
  ThredoScope *scope; /* whose deadline it is */
} Collector;

/* The deadline passes when there is something. */
static gboolean
collect (ThredoThread  *thread,
         gpointer       data,
         GError       **error)
{
  Collector *self = data;
  guint8 buffer[64];
  gssize n;

  while ((n = g_input_stream_read (self->input, buffer, sizeof buffer, NULL, error)) > 0)
    {
      g_byte_array_append (self->bytes, buffer, (guint) n);
      if (self->bytes->len == strlen ("first\nsecond\n"))
        thredo_scope_set_deadline (self->scope, g_get_monotonic_time ());
    }
  return n == 0;
}

static GSubprocess *
start_child (const char *program,
             const char *argument,
             const char *script)
{
  g_autoptr(GError) error = NULL;
  GSubprocess *child = g_subprocess_new (G_SUBPROCESS_FLAGS_STDIN_PIPE |
                                             G_SUBPROCESS_FLAGS_STDOUT_PIPE,
                                         &error, program, argument, script, NULL);

  g_assert_no_error (error);
  return child;
}

static void
test_pipeline (void)
{
  g_autoptr(GSubprocess) producer = start_child ("sh", "-c",
                                                  "echo first; echo second; exec sleep 86400");
  g_autoptr(GSubprocess) filter = start_child ("sh", "-c", "exec cat");
  g_autoptr(GInputStream) produced =
      thredo_input_stream_new (g_subprocess_get_stdout_pipe (producer));
  g_autoptr(GOutputStream) to_filter =
      thredo_output_stream_new (g_subprocess_get_stdin_pipe (filter));
  g_autoptr(GInputStream) filtered =
      thredo_input_stream_new (g_subprocess_get_stdout_pipe (filter));
  g_autoptr(ThredoGroup) group = thredo_group_new (THREDO_GROUP_WAIT_ALL);
  g_autoptr(ThredoScope) scope = thredo_scope_new ();
  g_autoptr(ThredoThread) pumping = NULL;
  g_autoptr(ThredoThread) collecting = NULL;
  g_autoptr(GByteArray) bytes = g_byte_array_new ();
  g_autoptr(GError) error = NULL;
  pid_t pids[2] = { (pid_t) g_ascii_strtoll (g_subprocess_get_identifier (producer), NULL, 10),
                    (pid_t) g_ascii_strtoll (g_subprocess_get_identifier (filter), NULL, 10) };
  Pump between = { produced, to_filter };
  Collector collector = { filtered, bytes, scope };

  thredo_scope_enter (scope);
  pumping = spawn (group, pump, &between);
  collecting = spawn (group, collect, &collector);
  g_assert_false (thredo_group_join (group, NULL, &error));
  support_assert_timed_out (&error);
  thredo_scope_leave (scope);
  g_assert_cmpmem (bytes->data, bytes->len, "first\nsecond\n", 13);

  /* The filter has come to the end of its input, as its pump has gone. */
  g_assert_true (thredo_wait_subprocess (filter, NULL, &error));
  g_assert_no_error (error);
  g_assert_cmpint (g_subprocess_get_exit_status (filter), ==, 0);
  g_subprocess_send_signal (producer, SIGTERM);
  g_assert_true (thredo_wait_subprocess (producer, NULL, &error));
  g_assert_no_error (error);
  for (guint i = 0; i < G_N_ELEMENTS (pids); i++)
    {
      g_assert_cmpint (kill (pids[i], 0), ==, -1);
      g_assert_cmpint (errno, ==, ESRCH);
    }
}

/* A parser that has never heard of cancellation, and a peer that stops in the middle. */

typedef struct
{
  GInputStream *input;
  int n_elements;
} Document;

static void
count_element (GMarkupParseContext  *context,
               const char           *name,
               const char          **attribute_names,
               const char          **attribute_values,
               gpointer              data,
               GError              **error)
{
  g_atomic_int_inc (&((Document *) data)->n_elements);
}

static gboolean
parse (ThredoThread  *thread,
       gpointer       data,
       GError       **error)
{
  const GMarkupParser parser = { .start_element = count_element };
  Document *self = data;
  g_autoptr(GMarkupParseContext) context = g_markup_parse_context_new (&parser, 0, self, NULL);
  char buffer[5];
  gssize n;

  while ((n = g_input_stream_read (self->input, buffer, sizeof buffer, NULL, error)) > 0)
    {
      if (!g_markup_parse_context_parse (context, buffer, n, error))
        return FALSE;
    }
  return n == 0 && g_markup_parse_context_end_parse (context, error);
}

static void
test_parser (void)
{
  g_autoptr(GSocket) listener = NULL;
  Host *host = g_object_new (host_get_type (), NULL);
  g_autoptr(GIOStream) stream = NULL;
  g_autoptr(GSocket) peer = NULL;
  g_autoptr(ThredoThread) cancelled = NULL;
  g_autoptr(ThredoThread) whole = NULL;
  g_autoptr(ThredoScope) scope = NULL;
  g_autoptr(GError) error = NULL;
  Document document = { 0 };

  listener = host_add (host, 1);
  stream = connect_to (g_ptr_array_index (host->addresses, 0));
  peer = thredo_socket_accept (listener, NULL, &error);
  g_assert_no_error (error);
  document.input = g_io_stream_get_input_stream (stream);

  cancelled = thredo_thread_spawn ("parser", parse, &document, NULL, &error);
  g_assert_no_error (error);
  thredo_socket_send_all (peer, "<all><one/><tw", 14, NULL, NULL, &error);
  g_assert_no_error (error);
  support_wait_for_int (&document.n_elements, 2);
  support_wait_for_wait (cancelled, "receive on Socket");
  thredo_thread_cancel (cancelled);
  g_assert_false (thredo_thread_join (cancelled, NULL, &error));
  support_assert_error (&error, THREDO_ERROR, THREDO_ERROR_THREAD_CANCELLED);

  scope = thredo_scope_new_with_timeout (1000);
  thredo_scope_enter (scope);
  g_assert_false (parse (NULL, &document, &error));
  support_assert_timed_out (&error);
  thredo_scope_leave (scope);

  document.n_elements = 0;
  thredo_socket_send_all (peer, "<all><one/></all>", 17, NULL, NULL, &error);
  g_assert_no_error (error);
  g_assert_true (thredo_socket_close (peer, &error));
  whole = thredo_thread_spawn ("parser", parse, &document, NULL, &error);
  g_assert_true (thredo_thread_join (whole, NULL, &error));
  g_assert_no_error (error);
  g_assert_cmpint (document.n_elements, ==, 2);
  g_object_unref (host);
}

/* A chat, with one who does not read. */

#define N_TALKERS 4
#define N_MESSAGES 50
#define MESSAGE_SIZE 60000
#define MOST_WAITING 400

typedef struct
{
  GMutex mutex;      /* guards the following */
  GPtrArray *queues; /* of those who are there */
  int n_there;
  int n_dropped;
} Chat;

typedef struct
{
  GOutputStream *output;
  ThredoQueue *queue;
} Postman;

static gboolean
deliver (ThredoThread  *thread,
         gpointer       data,
         GError       **error)
{
  Postman *self = data;

  for (;;)
    {
      g_auto(GValue) item = G_VALUE_INIT;
      GBytes *message;

      if (!thredo_queue_get (self->queue, &item, NULL, error))
        return FALSE;
      message = g_value_get_boxed (&item);
      if (!g_output_stream_write_all (self->output, g_bytes_get_data (message, NULL),
                                      g_bytes_get_size (message), NULL, NULL, error))
        return FALSE;
    }
}

/* To all, and waiting for none of them. */
static void
broadcast (Chat   *self,
           GBytes *message)
{
  g_auto(GValue) item = G_VALUE_INIT;

  g_value_init (&item, G_TYPE_BYTES);
  g_value_set_boxed (&item, message);
  g_mutex_lock (&self->mutex);
  for (guint i = 0; i < self->queues->len; i++)
    {
      if (!thredo_queue_try_put (g_ptr_array_index (self->queues, i), &item, NULL))
        g_atomic_int_inc (&self->n_dropped);
    }
  g_mutex_unlock (&self->mutex);
}

/* What the sockets have room for is not to be all that there is. */
static void
keep_small (GIOStream *stream,
            int        option)
{
  GIOStream *connection = thredo_io_stream_get_base (THREDO_IO_STREAM (stream));
  g_autoptr(GError) error = NULL;

  g_socket_set_option (g_socket_connection_get_socket (G_SOCKET_CONNECTION (connection)),
                       SOL_SOCKET, option, MESSAGE_SIZE, &error);
  g_assert_no_error (error);
}

static gboolean
chat (ThredoSocketService  *service,
      GIOStream            *connection,
      GObject              *source_object,
      gpointer              data,
      GError              **error)
{
  Chat *self = data;
  g_autoptr(ThredoQueue) queue = thredo_queue_new (MOST_WAITING);
  g_autoptr(ThredoGroup) group = thredo_group_new (THREDO_GROUP_WAIT_ALL);
  G_GNUC_UNUSED g_autoptr(ThredoGroupGuard) guard = thredo_group_guard_new (group);
  Postman postman = { g_io_stream_get_output_stream (connection), queue };
  G_GNUC_UNUSED g_autoptr(ThredoThread) thread = spawn (group, deliver, &postman);
  GInputStream *input = g_io_stream_get_input_stream (connection);
  g_autofree char *buffer = g_malloc (MESSAGE_SIZE);
  gsize n;

  keep_small (connection, SO_SNDBUF);
  g_mutex_lock (&self->mutex);
  g_ptr_array_add (self->queues, queue);
  g_mutex_unlock (&self->mutex);
  g_atomic_int_inc (&self->n_there);

  while (g_input_stream_read_all (input, buffer, MESSAGE_SIZE, &n, NULL, error) &&
         n == MESSAGE_SIZE)
    {
      g_autoptr(GBytes) message = g_bytes_new (buffer, n);

      broadcast (self, message);
    }

  g_mutex_lock (&self->mutex);
  g_ptr_array_remove (self->queues, queue);
  g_mutex_unlock (&self->mutex);
  thredo_group_cancel (group);
  return TRUE;
}

typedef struct
{
  GIOStream *stream;
  char letter;
  guint n_heard;
} Talker;

static gboolean
talk (ThredoThread  *thread,
      gpointer       data,
      GError       **error)
{
  Talker *self = data;
  g_autofree char *message = g_malloc (MESSAGE_SIZE);

  memset (message, self->letter, MESSAGE_SIZE);
  for (guint i = 0; i < N_MESSAGES; i++)
    {
      if (!g_output_stream_write_all (g_io_stream_get_output_stream (self->stream), message,
                                      MESSAGE_SIZE, NULL, NULL, error))
        return FALSE;
    }
  return TRUE;
}

/* What all say, each message in one piece. */
static gboolean
listen_to_all (ThredoThread  *thread,
               gpointer       data,
               GError       **error)
{
  Talker *self = data;
  g_autofree char *message = g_malloc (MESSAGE_SIZE);
  gsize n;

  while (self->n_heard < N_TALKERS * N_MESSAGES)
    {
      if (!g_input_stream_read_all (g_io_stream_get_input_stream (self->stream), message,
                                    MESSAGE_SIZE, &n, NULL, error))
        return FALSE;
      g_assert_cmpuint (n, ==, MESSAGE_SIZE);
      for (gsize i = 0; i < n; i++)
        g_assert_true (message[i] == message[0]);
      self->n_heard++;
    }
  return TRUE;
}

static void
test_chat (void)
{
  Chat server = { .queues = g_ptr_array_new () };
  g_autoptr(GSocketAddress) address = NULL;
  g_autoptr(ThredoGroup) group = thredo_group_new (THREDO_GROUP_WAIT_ALL);
  g_autoptr(GIOStream) slow = NULL;
  g_autoptr(GError) error = NULL;
  ThredoSocketService *service;
  Talker talkers[N_TALKERS];
  guint n_waiting = 0;

  g_mutex_init (&server.mutex);
  service = start_service (chat, &server, &address);
  slow = connect_to (address);
  keep_small (slow, SO_RCVBUF);
  for (guint i = 0; i < N_TALKERS; i++)
    talkers[i] = (Talker) { connect_to (address), (char) ('a' + i), 0 };
  support_wait_for_int (&server.n_there, N_TALKERS + 1);

  for (guint i = 0; i < N_TALKERS; i++)
    {
      G_GNUC_UNUSED g_autoptr(ThredoThread) talking = spawn (group, talk, &talkers[i]);
      G_GNUC_UNUSED g_autoptr(ThredoThread) listening = spawn (group, listen_to_all, &talkers[i]);
    }
  g_assert_true (thredo_group_join (group, NULL, &error));
  g_assert_no_error (error);
  g_assert_cmpint (server.n_dropped, ==, 0);

  /* What the slow one did not read is waiting there. */
  g_mutex_lock (&server.mutex);
  g_assert_cmpuint (server.queues->len, ==, N_TALKERS + 1);
  for (guint i = 0; i < server.queues->len; i++)
    n_waiting += thredo_queue_get_length (g_ptr_array_index (server.queues, i));
  g_mutex_unlock (&server.mutex);
  g_assert_cmpuint (n_waiting, >, N_TALKERS * N_MESSAGES / 2);

  for (guint i = 0; i < N_TALKERS; i++)
    g_object_unref (talkers[i].stream);
  /* Also the one for whom there is still something to write. */
  stop_service (service);
  g_assert_cmpuint (server.queues->len, ==, 0);
  g_ptr_array_unref (server.queues);
  g_mutex_clear (&server.mutex);
}

int
main (int    argc,
      char **argv)
{
  support_init (&argc, &argv);

  /* What GIO and the loop open once is open from now on. */
  {
    Host *host = g_object_new (host_get_type (), NULL);
    G_GNUC_UNUSED g_autoptr(GSocket) listener = host_add (host, 10);
    G_GNUC_UNUSED g_autoptr(GIOStream) stream = connect_to (g_ptr_array_index (host->addresses, 0));

    g_object_unref (host);
  }

  g_test_add_func ("/stories/happy-eyeballs", test_happy_eyeballs);
  g_test_add_func ("/stories/happy-eyeballs/all-dead", test_no_eyeballs);
  g_test_add_func ("/stories/die-requests", test_die_requests);
  g_test_add_func ("/stories/pipeline", test_pipeline);
  g_test_add_func ("/stories/parser", test_parser);
  g_test_add_func ("/stories/chat", test_chat);

  return g_test_run ();
}
