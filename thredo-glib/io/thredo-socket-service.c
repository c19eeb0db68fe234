/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "thredo-socket-service.h"

#include "gate.h"
#include "thredo-await-private.h"
#include "thredo-blocking-private.h"
#include "thredo-enum-types.h"
#include "thredo-error.h"
#include "thredo-group.h"
#include "thredo-io-stream.h"
#include "thredo-name-private.h"
#include "thredo-scope.h"

/**
 * ThredoSocketService:
 *
 * A server that has a thread for each connection.
 *
 * What to listen on is up to the [class@Gio.SocketListener] that it has. The function
 * is called for each connection, in a thread of its own, and may block there as it
 * likes: the stream that it is given is a [class@Thredo.IOStream], so whatever it does
 * with it ends when the service is cancelled. When the function returns, the stream is
 * closed.
 *
 * ```c
 * static gboolean
 * echo (ThredoSocketService *service, GIOStream *connection, GObject *source_object,
 *       gpointer user_data, GError **error)
 * {
 *   return g_output_stream_splice (g_io_stream_get_output_stream (connection),
 *                                  g_io_stream_get_input_stream (connection),
 *                                  G_OUTPUT_STREAM_SPLICE_NONE, NULL, error) >= 0;
 * }
 *
 * static gboolean
 * serve (ThredoThread *thread, gpointer user_data, GError **error)
 * {
 *   g_autoptr(ThredoSocketService) service = thredo_socket_service_new (echo, NULL, NULL);
 *   GSocketListener *listener = thredo_socket_service_get_listener (service);
 *
 *   return g_socket_listener_add_inet_port (listener, 7777, NULL, error) &&
 *          thredo_socket_service_run (service, NULL, error);
 * }
 * ```
 *
 * There are two ways to run it: [method@Thredo.SocketService.run] in the thread that
 * calls it, until that is cancelled; or [method@Thredo.SocketService.start] in one of
 * its own, until [method@Thredo.SocketService.stop]. Either way all threads of the
 * service have ended when the call that ends it returns.
 *
 * Connections beyond [property@Thredo.SocketService:max-connections] are left in the
 * listener's backlog until one of the others ends, and so are all while the process has
 * no room for them, no file descriptors or no threads. That is logged, once a minute at
 * most, and tried again when a connection has ended, or after a while.
 *
 * A function that fails ends its connection, and nothing else. It is logged, unless it
 * was cancelled or the other end is to blame. To return %FALSE without an error, as is
 * handy at the end of what there is to read, is to have served.
 *
 * A limit on how long a client may be silent is a [class@Thredo.Scope] with a timeout
 * around each read. What has to be done beside, such as to wait for signals, is for threads
 * of one's own, which are cancelled when [method@Thredo.SocketService.run] has returned.
 *
 * A service that is dropped while it runs is cancelled, with a warning.
 *
 * Since: 1.0
 */

/**
 * ThredoSocketServiceStop:
 * @THREDO_SOCKET_SERVICE_STOP_DRAIN: accept no more, and let the connections that are
 *   there come to their ends
 * @THREDO_SOCKET_SERVICE_STOP_CANCEL: cancel them
 *
 * How to stop a [class@Thredo.SocketService].
 *
 * Since: 1.0
 */

/**
 * ThredoSocketServiceFunc:
 * @service: the service
 * @connection: the connection, a [class@Thredo.IOStream] on a
 *   [class@Gio.SocketConnection]
 * @source_object: (nullable): what the socket that accepted it was added with
 * @user_data: what was given with the function
 * @error: return location for an error
 *
 * Serves a connection, in a thread of its own. The connection is closed after it.
 *
 * Returns: %TRUE, or %FALSE, with an error if something went wrong
 *
 * Since: 1.0
 */

typedef enum
{
  IDLE,
  RUNNING,
  STOPPING,
} ServiceState;

/* Values of the gate that opens when there may be room for a connection. */
enum
{
  FULL,
  ROOM,
};

/* Values of the gate that opens when the service has stopped. */
enum
{
  BUSY,
  STOPPED,
};

struct _ThredoSocketService
{
  GObject parent_instance;

  ThredoName name;
  ThredoSocketServiceFunc func;
  gpointer user_data;
  GDestroyNotify destroy;
  GSocketListener *listener;

  ThredoGate room;
  ThredoGate stopped;

  ThredoMutex lock; /* guards the following */
  ServiceState state;
  ThredoSocketServiceStop how;
  guint max_connections; /* 0: no limit */
  guint n_connections;
  guint n_ended; /* threads of the group that have ended, or are about to */
  ThredoScope *accepting;
  ThredoGroup *group;
  ThredoThread *acceptor; /* that start() made */
  gboolean dropped;       /* who serves has the last reference */
};

enum
{
  PROP_0,
  PROP_NAME,
  PROP_LISTENER,
  PROP_MAX_CONNECTIONS,
  PROP_N_CONNECTIONS,
  N_PROPS
};

/* One connection, on its way to its thread and in it. */
typedef struct
{
  ThredoSocketService *service; /* which does not go before it */
  GIOStream *stream;
  GObject *source_object;
  gboolean is_member; /* its thread is in the group */
} Connection;

/* As many as may come at once. A client that finds it full tries again a second later. */
#define BACKLOG 1024

/* How long to wait where there is no room in the process. */
#define SHORTEST_PAUSE (100 * G_TIME_SPAN_MILLISECOND)
#define LONGEST_PAUSE G_TIME_SPAN_SECOND

/* How long not to log it again. */
#define MESSAGE_INTERVAL G_TIME_SPAN_MINUTE

/* What has gone wrong since the last connection. */
typedef struct
{
  guint n_failures;
  GTimeSpan pause;
  gint64 logged; /* also before it; 0: never */
} Trouble;

G_DEFINE_FINAL_TYPE (ThredoSocketService, thredo_socket_service, G_TYPE_OBJECT)

/* A listener that knows whether there is something to accept from. One without waits for
 * ever, and does not look at its cancellable. */
typedef GSocketListener ThredoServiceListener;
typedef GSocketListenerClass ThredoServiceListenerClass;

static GType thredo_service_listener_get_type (void);

G_DEFINE_TYPE (ThredoServiceListener, thredo_service_listener, G_TYPE_SOCKET_LISTENER)
static G_DEFINE_QUARK (thredo_listens, listens)

static void
thredo_service_listener_changed (GSocketListener *listener)
{
  g_object_set_qdata (G_OBJECT (listener), listens_quark (), GINT_TO_POINTER (TRUE));
}

static void
thredo_service_listener_class_init (ThredoServiceListenerClass *klass)
{
  klass->changed = thredo_service_listener_changed;
}

static void
thredo_service_listener_init (ThredoServiceListener *self)
{
}

static GParamSpec *properties[N_PROPS];

static const char *
get_name (gpointer object)
{
  return thredo_socket_service_get_name (object);
}

static const ThredoWaitInfo run_info = { "thredo_socket_service_run", "run", "SocketService",
                                         get_name };
static const ThredoWaitInfo accept_info = { "thredo_socket_service_run", "accept",
                                            "SocketService", get_name };
static const ThredoWaitInfo room_info = { "thredo_socket_service_run",
                                          "wait for a connection to end", "SocketService",
                                          get_name };
static const ThredoWaitInfo stop_info = { "thredo_socket_service_stop", "stop", "SocketService",
                                          get_name };

static void
open_gate (ThredoGate *gate,
           guint       value)
{
  ThredoWakeBatch batch = THREDO_WAKE_BATCH_INIT;

  thredo_gate_open (gate, value, &batch);
  thredo_wake_batch_flush (&batch);
}

static void
count_out (ThredoSocketService *self,
           guint                n_ended)
{
  thredo_mutex_lock (&self->lock);
  self->n_connections--;
  self->n_ended += n_ended;
  thredo_mutex_unlock (&self->lock);
  open_gate (&self->room, ROOM);
}

static void
connection_clear (gpointer data)
{
  Connection *self = data;

  g_object_unref (self->stream);
  g_clear_object (&self->source_object);
  if (self->is_member)
    count_out (self->service, 1);
}

static void
connection_unref (gpointer data)
{
  g_atomic_rc_box_release_full (data, connection_clear);
}

static gboolean
is_worth_a_message (const GError *error)
{
  return error != NULL &&
         !g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED) &&
         !g_error_matches (error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT) &&
         !g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CLOSED) &&
         !g_error_matches (error, G_IO_ERROR, G_IO_ERROR_BROKEN_PIPE) &&
         !g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CONNECTION_CLOSED);
}

/* In a thread of its own. It never fails, since that would cancel the others. */
static gboolean
serve_connection (ThredoThread  *thread,
                  gpointer       data,
                  GError       **error)
{
  Connection *self = data;
  ThredoSocketService *service = self->service;
  g_autoptr(GError) local_error = NULL;

  if (!service->func (service, self->stream, self->source_object, service->user_data,
                      &local_error) &&
      is_worth_a_message (local_error))
    g_message ("A connection of SocketService" THREDO_NAME_FORMAT " failed: %s",
               THREDO_NAME_ARGS (get_name (service)), local_error->message);

  /* It is, whatever happens. */
  g_io_stream_close (self->stream, NULL, NULL);
  return TRUE;
}

static gboolean
has_room (ThredoSocketService *self)
{
  gboolean has;

  thredo_mutex_lock (&self->lock);
  has = self->max_connections == 0 || self->n_connections < self->max_connections;
  thredo_mutex_unlock (&self->lock);
  return has;
}

/* Waits until something has changed since the gate was shut. */
static gboolean
wait_at_gate (ThredoSocketService  *self,
              GCancellable         *cancellable,
              GError              **error)
{
  ThredoSlot *slot = thredo_slot_self ();
  guint turn = thredo_gate_get_turn (&self->room);
  ThredoWaitState outcome;

  if (!thredo_blocking_begin (slot, &room_info, cancellable, error))
    return FALSE;
  outcome = thredo_gate_wait (&self->room, slot, &room_info, self, turn, NULL, cancellable, NULL);
  return outcome == THREDO_WAIT_DONE ||
         thredo_blocking_set_error (slot, &room_info, outcome, cancellable, error);
}

static gboolean
wait_for_room (ThredoSocketService  *self,
               GCancellable         *cancellable,
               GError              **error)
{
  while (!has_room (self))
    {
      thredo_gate_shut (&self->room, FULL);
      if (!has_room (self) && !wait_at_gate (self, cancellable, error))
        return FALSE;
    }
  return TRUE;
}

/* There is no room in the process. A connection that ends may make some, and so may
 * time. The gate was shut before it was tried, so nothing that ended since is missed. */
static gboolean
pause_accepting (ThredoSocketService  *self,
                 Trouble              *trouble,
                 GCancellable         *cancellable,
                 GError              **error)
{
  g_autoptr(ThredoScope) scope = thredo_scope_new_with_timeout (trouble->pause);
  g_autoptr(GError) local_error = NULL;
  gboolean waited;

  thredo_scope_enter (scope);
  waited = wait_at_gate (self, cancellable, &local_error);
  thredo_scope_leave (scope);
  trouble->pause = MIN (trouble->pause * 2, LONGEST_PAUSE);

  if (waited || (g_error_matches (local_error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT) &&
                 thredo_scope_is_expired (scope)))
    return TRUE;
  g_propagate_error (error, g_steal_pointer (&local_error));
  return FALSE;
}

static void
start_accept (GCancellable        *cancellable,
              GAsyncReadyCallback  callback,
              gpointer             callback_data,
              gpointer             user_data)
{
  g_socket_listener_accept_async (user_data, cancellable, callback, callback_data);
}

static Connection *
accept_connection (ThredoSocketService  *self,
                   GCancellable         *cancellable,
                   GError              **error)
{
  g_autoptr(GAsyncResult) result = NULL;
  g_autoptr(GSocketConnection) accepted = NULL;
  GObject *source_object = NULL;
  Connection *connection;

  result = thredo_await_as (&accept_info, self, start_accept, self->listener, cancellable, error);
  if (result == NULL)
    return NULL;
  /* A client that was accepted is served, even if it was the last one. */
  thredo_await_keep (result);
  accepted = g_socket_listener_accept_finish (self->listener, result, &source_object, error);
  if (accepted == NULL)
    {
      thredo_await_clarify (&accept_info, error);
      return NULL;
    }

  connection = g_atomic_rc_box_new0 (Connection);
  connection->service = self;
  connection->stream = thredo_io_stream_new (G_IO_STREAM (accepted));
  connection->source_object = source_object != NULL ? g_object_ref (source_object) : NULL;
  return connection;
}

/* Gives a connection to a thread. */
static gboolean
spawn_connection (ThredoSocketService  *self,
                  ThredoGroup          *group,
                  Connection           *connection,
                  GError              **error)
{
  g_autoptr(ThredoThread) thread = NULL;

  thredo_mutex_lock (&self->lock);
  self->n_connections++;
  thredo_mutex_unlock (&self->lock);
  connection->is_member = TRUE;

  thread = thredo_thread_new (get_name (self), serve_connection,
                              g_atomic_rc_box_acquire (connection), connection_unref);
  if (thredo_group_add (group, thread, error))
    return TRUE;

  connection->is_member = FALSE;
  count_out (self, 0);
  /* That is nothing to try again for. */
  thredo_gate_shut (&self->room, FULL);
  return FALSE;
}

/* Members that have ended are the group's until somebody takes them. */
static void
forget_ended (ThredoSocketService *self,
              ThredoGroup         *group)
{
  ThredoThread *thread;
  guint n_ended;

  thredo_mutex_lock (&self->lock);
  n_ended = self->n_ended;
  self->n_ended = 0;
  thredo_mutex_unlock (&self->lock);

  for (; n_ended > 0; n_ended--)
    {
      thread = thredo_group_next_done (group, NULL, NULL);
      g_clear_object (&thread);
    }
}

/* Says whether to go on after a failure, and when. */
static gboolean
survive (ThredoSocketService  *self,
         Trouble              *trouble,
         GError               *failure,
         GCancellable         *cancellable,
         GError              **error)
{
  gint64 now = g_get_monotonic_time ();

  if (g_error_matches (failure, G_IO_ERROR, G_IO_ERROR_CLOSED) ||
      !thredo_blocking_begin (thredo_slot_self (), &accept_info, cancellable, NULL))
    {
      g_propagate_error (error, failure);
      return FALSE;
    }

  /* One alone may have been the fault of a client that was gone again. */
  if (++trouble->n_failures == 2 && (trouble->logged == 0 ||
                                     now - trouble->logged >= MESSAGE_INTERVAL))
    {
      trouble->logged = now;
      g_message ("SocketService" THREDO_NAME_FORMAT " cannot take a connection, and goes on "
                 "trying: %s",
                 THREDO_NAME_ARGS (get_name (self)), failure->message);
    }
  g_error_free (failure);
  return trouble->n_failures < 2 || pause_accepting (self, trouble, cancellable, error);
}

/* Until it fails, which is always in the end. */
static void
accept_all (ThredoSocketService  *self,
            ThredoGroup          *group,
            GCancellable         *cancellable,
            GError              **error)
{
  Trouble trouble = { 0, SHORTEST_PAUSE, 0 };
  Connection *connection = NULL;
  GError *failure = NULL;

  while (wait_for_room (self, cancellable, error))
    {
      thredo_gate_shut (&self->room, FULL);
      forget_ended (self, group);

      if (connection == NULL)
        connection = accept_connection (self, cancellable, &failure);
      if (connection != NULL && spawn_connection (self, group, connection, &failure))
        {
          g_clear_pointer (&connection, connection_unref);
          trouble.n_failures = 0;
          trouble.pause = SHORTEST_PAUSE;
        }
      else if (!survive (self, &trouble, g_steal_pointer (&failure), cancellable, error))
        {
          break;
        }
    }
  if (connection != NULL)
    connection_unref (connection);
}

/* From idle to running. */
static gboolean
begin (ThredoSocketService  *self,
       GError              **error)
{
  g_autoptr(ThredoScope) accepting = thredo_scope_new ();
  g_autoptr(ThredoGroup) group = thredo_group_new (THREDO_GROUP_WAIT_ALL);
  g_autoptr(ThredoThread) acceptor = NULL;
  gboolean is_idle;

  if (g_object_get_qdata (G_OBJECT (self->listener), listens_quark ()) == NULL)
    {
      g_set_error (error, THREDO_ERROR, THREDO_ERROR_STATE,
                   "SocketService" THREDO_NAME_FORMAT
                   " listens on nothing: add an address to its listener first",
                   THREDO_NAME_ARGS (get_name (self)));
      return FALSE;
    }

  thredo_group_set_name (group, get_name (self));
  thredo_mutex_lock (&self->lock);
  is_idle = self->state == IDLE;
  if (is_idle)
    {
      thredo_gate_shut (&self->stopped, BUSY);
      self->state = RUNNING;
      self->n_ended = 0;
      self->accepting = g_steal_pointer (&accepting);
      self->group = g_steal_pointer (&group);
      acceptor = g_steal_pointer (&self->acceptor);
    }
  thredo_mutex_unlock (&self->lock);

  if (!is_idle)
    g_set_error (error, THREDO_ERROR, THREDO_ERROR_STATE,
                 "SocketService" THREDO_NAME_FORMAT " runs already",
                 THREDO_NAME_ARGS (get_name (self)));
  return is_idle;
}

/* Back to idle, with all threads ended but the caller's. After this the service may be
 * gone. */
static void
end (ThredoSocketService *self)
{
  g_autoptr(ThredoScope) accepting = NULL;
  g_autoptr(ThredoGroup) group = NULL;
  ThredoWakeBatch batch = THREDO_WAKE_BATCH_INIT;
  gboolean dropped;

  thredo_mutex_lock (&self->lock);
  accepting = g_steal_pointer (&self->accepting);
  group = g_steal_pointer (&self->group);
  dropped = self->dropped;
  self->state = IDLE;
  thredo_gate_open (&self->stopped, STOPPED, &batch);
  thredo_mutex_unlock (&self->lock);
  thredo_wake_batch_flush (&batch);

  if (dropped)
    g_object_unref (self);
}

/* Accepts, then sees to it that all connections end. */
static gboolean
serve (ThredoSocketService  *self,
       GCancellable         *cancellable,
       GError              **error)
{
  ThredoScope *accepting = self->accepting;
  ThredoGroup *group = self->group;
  g_autoptr(GError) reason = NULL;
  gboolean was_asked;
  gboolean drains;

  thredo_scope_enter (accepting);
  accept_all (self, group, cancellable, &reason);
  thredo_scope_leave (accepting);

  thredo_mutex_lock (&self->lock);
  was_asked = self->state == STOPPING;
  drains = was_asked && self->how == THREDO_SOCKET_SERVICE_STOP_DRAIN;
  self->state = STOPPING;
  thredo_mutex_unlock (&self->lock);

  if (!drains)
    thredo_group_cancel (group);
  if (was_asked)
    g_clear_error (&reason);
  /* A cancel of the caller cancels them too. */
  thredo_group_join (group, cancellable, reason == NULL ? &reason : NULL);
  end (self);

  if (reason == NULL)
    return TRUE;
  g_propagate_error (error, g_steal_pointer (&reason));
  return FALSE;
}

/* In a thread of its own, which start() has made. The service is there until it has
 * ended, see dispose. */
static gboolean
serve_in_thread (ThredoThread  *thread,
                 gpointer       data,
                 GError       **error)
{
  g_autofree char *name = g_strdup (get_name (data));
  g_autoptr(GError) local_error = NULL;

  if (!serve (data, NULL, &local_error) &&
      !g_error_matches (local_error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    g_message ("SocketService" THREDO_NAME_FORMAT " has ended: %s", THREDO_NAME_ARGS (name),
               local_error->message);
  return TRUE;
}

/* What runs ends soon. */
static void
request_stop (ThredoSocketService     *self,
              ThredoSocketServiceStop  how)
{
  g_autoptr(ThredoScope) accepting = NULL;
  g_autoptr(ThredoGroup) group = NULL;

  thredo_mutex_lock (&self->lock);
  if (self->state != IDLE)
    {
      accepting = g_object_ref (self->accepting);
      group = g_object_ref (self->group);
      if (self->state == RUNNING || how == THREDO_SOCKET_SERVICE_STOP_CANCEL)
        self->how = how;
      self->state = STOPPING;
    }
  thredo_mutex_unlock (&self->lock);

  if (accepting == NULL)
    return;
  thredo_scope_cancel (accepting);
  if (how == THREDO_SOCKET_SERVICE_STOP_CANCEL)
    thredo_group_cancel (group);
}

static void
thredo_socket_service_get_property (GObject    *object,
                                    guint       prop_id,
                                    GValue     *value,
                                    GParamSpec *pspec)
{
  ThredoSocketService *self = THREDO_SOCKET_SERVICE (object);

  switch (prop_id)
    {
    case PROP_NAME:
      g_value_set_string (value, thredo_socket_service_get_name (self));
      break;
    case PROP_LISTENER:
      g_value_set_object (value, self->listener);
      break;
    case PROP_MAX_CONNECTIONS:
      g_value_set_uint (value, thredo_socket_service_get_max_connections (self));
      break;
    case PROP_N_CONNECTIONS:
      g_value_set_uint (value, thredo_socket_service_get_n_connections (self));
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, prop_id, pspec);
    }
}

static void
thredo_socket_service_set_property (GObject      *object,
                                    guint         prop_id,
                                    const GValue *value,
                                    GParamSpec   *pspec)
{
  ThredoSocketService *self = THREDO_SOCKET_SERVICE (object);

  switch (prop_id)
    {
    case PROP_NAME:
      thredo_socket_service_set_name (self, g_value_get_string (value));
      break;
    case PROP_MAX_CONNECTIONS:
      thredo_socket_service_set_max_connections (self, g_value_get_uint (value));
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, prop_id, pspec);
    }
}

/* Threads of a service have no reference to it, or it could never be dropped. If it is
 * dropped while there are any, it is kept until they have ended. */
static void
thredo_socket_service_dispose (GObject *object)
{
  ThredoSocketService *self = THREDO_SOCKET_SERVICE (object);
  gboolean is_kept;

  thredo_mutex_lock (&self->lock);
  is_kept = self->state != IDLE && !self->dropped;
  if (is_kept)
    {
      self->dropped = TRUE;
      g_object_ref (self);
    }
  thredo_mutex_unlock (&self->lock);

  if (is_kept)
    {
      g_warning ("SocketService" THREDO_NAME_FORMAT " was dropped while it was running, and has "
                 "been cancelled",
                 THREDO_NAME_ARGS (get_name (self)));
      request_stop (self, THREDO_SOCKET_SERVICE_STOP_CANCEL);
    }

  G_OBJECT_CLASS (thredo_socket_service_parent_class)->dispose (object);
}

static void
thredo_socket_service_finalize (GObject *object)
{
  ThredoSocketService *self = THREDO_SOCKET_SERVICE (object);

  if (self->destroy != NULL)
    self->destroy (self->user_data);
  g_object_unref (self->listener);
  g_clear_object (&self->acceptor);
  thredo_gate_clear (&self->room);
  thredo_gate_clear (&self->stopped);
  /* Who has ended it may not have let go of it yet. */
  thredo_mutex_lock (&self->lock);
  thredo_mutex_unlock (&self->lock);
  thredo_mutex_clear (&self->lock);
  thredo_name_clear (&self->name);

  G_OBJECT_CLASS (thredo_socket_service_parent_class)->finalize (object);
}

static void
thredo_socket_service_class_init (ThredoSocketServiceClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);

  object_class->get_property = thredo_socket_service_get_property;
  object_class->set_property = thredo_socket_service_set_property;
  object_class->dispose = thredo_socket_service_dispose;
  object_class->finalize = thredo_socket_service_finalize;

  /**
   * ThredoSocketService:name:
   *
   * What the service and its threads are called where they are shown.
   *
   * Since: 1.0
   */
  properties[PROP_NAME] =
      g_param_spec_string ("name", NULL, NULL, NULL,
                           G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | G_PARAM_EXPLICIT_NOTIFY);
  /**
   * ThredoSocketService:listener:
   *
   * What the service listens on.
   *
   * Since: 1.0
   */
  properties[PROP_LISTENER] =
      g_param_spec_object ("listener", NULL, NULL, G_TYPE_SOCKET_LISTENER,
                           G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);
  /**
   * ThredoSocketService:max-connections:
   *
   * How many connections there are at once; 0 for no limit.
   *
   * Since: 1.0
   */
  properties[PROP_MAX_CONNECTIONS] =
      g_param_spec_uint ("max-connections", NULL, NULL, 0, G_MAXUINT, 0,
                         G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | G_PARAM_EXPLICIT_NOTIFY);
  /**
   * ThredoSocketService:n-connections:
   *
   * How many connections there are. There is no notification of a change.
   *
   * Since: 1.0
   */
  properties[PROP_N_CONNECTIONS] =
      g_param_spec_uint ("n-connections", NULL, NULL, 0, G_MAXUINT, 0,
                         G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);
  g_object_class_install_properties (object_class, N_PROPS, properties);
}

static void
thredo_socket_service_init (ThredoSocketService *self)
{
  thredo_name_init (&self->name);
  thredo_mutex_init (&self->lock);
  thredo_gate_init (&self->room, ROOM);
  thredo_gate_init (&self->stopped, STOPPED);
  open_gate (&self->stopped, STOPPED);
  self->listener = g_object_new (thredo_service_listener_get_type (), NULL);
  g_socket_listener_set_backlog (self->listener, BACKLOG);
}

/**
 * thredo_socket_service_new:
 * @func: (scope notified) (closure user_data) (destroy destroy): serves a connection
 * @user_data: data for @func
 * @destroy: (nullable): called with @user_data when the service goes
 *
 * Makes a service that listens on nothing yet, and does not run.
 *
 * Returns: (transfer full): a new service
 *
 * Since: 1.0
 */
ThredoSocketService *
thredo_socket_service_new (ThredoSocketServiceFunc func,
                           gpointer                user_data,
                           GDestroyNotify          destroy)
{
  ThredoSocketService *self;

  g_return_val_if_fail (func != NULL, NULL);

  self = g_object_new (THREDO_TYPE_SOCKET_SERVICE, NULL);
  self->func = func;
  self->user_data = user_data;
  self->destroy = destroy;
  return self;
}

/**
 * thredo_socket_service_get_listener:
 * @self: a service
 *
 * Gets what the service listens on, to add addresses to.
 *
 * That is to be done while it does not run, because a [class@Gio.SocketListener] is for
 * one thread at a time. What was added stays open when the service stops, and clients
 * that come then wait for it to run again; [method@Gio.SocketListener.close] turns them
 * away, and so does the end of the service.
 *
 * Returns: (transfer none): a listener
 *
 * Since: 1.0
 */
GSocketListener *
thredo_socket_service_get_listener (ThredoSocketService *self)
{
  g_return_val_if_fail (THREDO_IS_SOCKET_SERVICE (self), NULL);

  return self->listener;
}

/**
 * thredo_socket_service_start:
 * @self: a service that does not run
 * @error: return location for an error
 *
 * Makes the service run, in a thread of its own.
 *
 * Does not wait. Any thread may call this.
 *
 * Returns: %TRUE, or %FALSE with an error: `THREDO_ERROR_STATE` if it runs, or there is
 *   nothing that it listens on; `G_THREAD_ERROR_AGAIN` ([error@GLib.ThreadError]) if
 *   the system refuses another thread
 *
 * Since: 1.0
 */
gboolean
thredo_socket_service_start (ThredoSocketService  *self,
                             GError              **error)
{
  g_autoptr(ThredoThread) thread = NULL;

  g_return_val_if_fail (THREDO_IS_SOCKET_SERVICE (self), FALSE);
  g_return_val_if_fail (self->func != NULL, FALSE);

  if (!begin (self, error))
    return FALSE;

  thread = thredo_thread_new (get_name (self), serve_in_thread, self, NULL);
  thredo_mutex_lock (&self->lock);
  self->acceptor = g_object_ref (thread);
  thredo_mutex_unlock (&self->lock);
  if (thredo_thread_start (thread, error))
    return TRUE;

  thredo_mutex_lock (&self->lock);
  g_clear_object (&self->acceptor);
  thredo_mutex_unlock (&self->lock);
  end (self);
  return FALSE;
}

/**
 * thredo_socket_service_run:
 * @self: a service that does not run
 * @cancellable: (nullable): what else can end it
 * @error: return location for an error
 *
 * Runs the service, in the calling thread.
 *
 * Returns when the service is stopped from elsewhere, by a cancel of the caller, the
 * deadline of a scope around it, or a cancel of @cancellable; in the last three cases
 * the connections are cancelled. All threads of the service have ended when this
 * returns, for whatever reason. Any thread but the loop's may call this.
 *
 * Returns: %TRUE if it was stopped or cancelled by its own methods, or %FALSE with an
 *   error: `G_IO_ERROR_CANCELLED` or `G_IO_ERROR_TIMED_OUT` ([error@Gio.IOErrorEnum]);
 *   `G_IO_ERROR_CLOSED` if the listener is closed; `THREDO_ERROR_STATE` if it runs, or
 *   there is nothing that it listens on; `THREDO_ERROR_LOOP_THREAD`
 *
 * Since: 1.0
 */
gboolean
thredo_socket_service_run (ThredoSocketService  *self,
                           GCancellable         *cancellable,
                           GError              **error)
{
  gboolean served;

  g_return_val_if_fail (THREDO_IS_SOCKET_SERVICE (self), FALSE);
  g_return_val_if_fail (self->func != NULL, FALSE);
  g_return_val_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable), FALSE);

  if (!thredo_blocking_begin (thredo_slot_self (), &run_info, cancellable, error) ||
      !begin (self, error))
    return FALSE;

  g_object_ref (self);
  served = serve (self, cancellable, error);
  g_object_unref (self);
  return served;
}

/* In a thread that serves a connection of this service. */
static gboolean
is_inside (ThredoSocketService *self,
           ThredoSlot          *slot)
{
  g_autoptr(ThredoGroup) group = NULL;
  gboolean inside;

  if (slot->owner == NULL)
    return FALSE;
  group = thredo_thread_get_group (slot->owner);
  thredo_mutex_lock (&self->lock);
  inside = (group != NULL && group == self->group) || slot->owner == self->acceptor;
  thredo_mutex_unlock (&self->lock);
  return inside;
}

/* Whatever happens to the caller. */
static void
wait_until_stopped (ThredoSocketService *self,
                    ThredoSlot          *slot,
                    guint                turn)
{
  g_autoptr(ThredoThread) acceptor = NULL;
  ThredoLevel shield;

  thredo_level_enter_shield (&shield, slot);
  thredo_gate_wait (&self->stopped, slot, &stop_info, self, turn, NULL, NULL, NULL);

  thredo_mutex_lock (&self->lock);
  g_set_object (&acceptor, self->acceptor);
  thredo_mutex_unlock (&self->lock);
  if (acceptor != NULL)
    thredo_thread_wait (acceptor, NULL, NULL);
  thredo_level_leave (&shield, FALSE);
  thredo_level_clear (&shield);
}

/**
 * thredo_socket_service_stop:
 * @self: a service
 * @how: what is to become of the connections
 * @cancellable: (nullable): what else can end the patience
 * @error: return location for an error
 *
 * Stops the service, and waits until all of its threads have ended.
 *
 * If the caller is cancelled, the deadline of a scope around it passes, or @cancellable
 * is cancelled, the connections that are left are cancelled, and waited for all the
 * same. To stop a service that does not run does nothing. Any thread but the loop's
 * and the service's own may call this.
 *
 * Returns: %TRUE, or %FALSE with an error: `G_IO_ERROR_CANCELLED` or
 *   `G_IO_ERROR_TIMED_OUT` ([error@Gio.IOErrorEnum]) if connections had to be cancelled
 *   because the caller was; `THREDO_ERROR_STATE` in a thread of the service, which would
 *   wait for itself; `THREDO_ERROR_LOOP_THREAD`
 *
 * Since: 1.0
 */
gboolean
thredo_socket_service_stop (ThredoSocketService      *self,
                            ThredoSocketServiceStop   how,
                            GCancellable             *cancellable,
                            GError                  **error)
{
  ThredoSlot *slot = thredo_slot_self ();
  GError *reason = NULL;
  ThredoWaitState outcome;
  guint turn;

  g_return_val_if_fail (THREDO_IS_SOCKET_SERVICE (self), FALSE);
  g_return_val_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable), FALSE);

  if (is_inside (self, slot))
    {
      g_set_error (error, THREDO_ERROR, THREDO_ERROR_STATE,
                   "A thread that stops its own SocketService" THREDO_NAME_FORMAT
                   " would wait for itself, for ever",
                   THREDO_NAME_ARGS (get_name (self)));
      return FALSE;
    }
  if (!thredo_blocking_begin (slot, &stop_info, cancellable, &reason))
    {
      if (slot->is_loop)
        {
          g_propagate_error (error, reason);
          return FALSE;
        }
      how = THREDO_SOCKET_SERVICE_STOP_CANCEL;
    }

  turn = thredo_gate_get_turn (&self->stopped);
  request_stop (self, how);
  if (reason == NULL)
    {
      outcome = thredo_gate_wait (&self->stopped, slot, &stop_info, self, turn, NULL, cancellable,
                                  NULL);
      if (outcome != THREDO_WAIT_DONE)
        {
          thredo_blocking_set_error (slot, &stop_info, outcome, cancellable, &reason);
          request_stop (self, THREDO_SOCKET_SERVICE_STOP_CANCEL);
        }
    }
  wait_until_stopped (self, slot, turn);

  if (reason == NULL)
    return TRUE;
  g_propagate_error (error, reason);
  return FALSE;
}

/**
 * thredo_socket_service_cancel:
 * @self: a service
 *
 * Cancels the service and its connections, without waiting for anything.
 *
 * A service that does not run is left alone. Any thread may call this, also those of
 * the service.
 *
 * Since: 1.0
 */
void
thredo_socket_service_cancel (ThredoSocketService *self)
{
  g_return_if_fail (THREDO_IS_SOCKET_SERVICE (self));

  request_stop (self, THREDO_SOCKET_SERVICE_STOP_CANCEL);
}

/**
 * thredo_socket_service_get_max_connections:
 * @self: a service
 *
 * Gets how many connections there are at once.
 *
 * Returns: a number of connections, or 0 for no limit
 *
 * Since: 1.0
 */
guint
thredo_socket_service_get_max_connections (ThredoSocketService *self)
{
  guint max_connections;

  g_return_val_if_fail (THREDO_IS_SOCKET_SERVICE (self), 0);

  thredo_mutex_lock (&self->lock);
  max_connections = self->max_connections;
  thredo_mutex_unlock (&self->lock);
  return max_connections;
}

/**
 * thredo_socket_service_set_max_connections:
 * @self: a service
 * @max_connections: a number of connections, or 0 for no limit
 *
 * Sets how many connections there are at once.
 *
 * Those that are there stay, if they are more. Any thread may call this, at any time.
 *
 * Since: 1.0
 */
void
thredo_socket_service_set_max_connections (ThredoSocketService *self,
                                           guint                max_connections)
{
  g_return_if_fail (THREDO_IS_SOCKET_SERVICE (self));

  thredo_mutex_lock (&self->lock);
  self->max_connections = max_connections;
  thredo_mutex_unlock (&self->lock);
  open_gate (&self->room, ROOM);
  g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_MAX_CONNECTIONS]);
}

/**
 * thredo_socket_service_get_n_connections:
 * @self: a service
 *
 * Gets how many connections there are, at this moment.
 *
 * Returns: a number of connections
 *
 * Since: 1.0
 */
guint
thredo_socket_service_get_n_connections (ThredoSocketService *self)
{
  guint n_connections;

  g_return_val_if_fail (THREDO_IS_SOCKET_SERVICE (self), 0);

  thredo_mutex_lock (&self->lock);
  n_connections = self->n_connections;
  thredo_mutex_unlock (&self->lock);
  return n_connections;
}

/**
 * thredo_socket_service_get_name:
 * @self: a service
 *
 * Gets what the service is called.
 *
 * Returns: (transfer none) (nullable): the name, valid as long as the service
 *
 * Since: 1.0
 */
const char *
thredo_socket_service_get_name (ThredoSocketService *self)
{
  g_return_val_if_fail (THREDO_IS_SOCKET_SERVICE (self), NULL);

  return thredo_name_get (&self->name);
}

/**
 * thredo_socket_service_set_name:
 * @self: a service
 * @name: (nullable): what to call it
 *
 * Sets what the service is called where it and its threads are shown, those that are
 * made from now on.
 *
 * Since: 1.0
 */
void
thredo_socket_service_set_name (ThredoSocketService *self,
                                const char          *name)
{
  g_return_if_fail (THREDO_IS_SOCKET_SERVICE (self));

  thredo_name_set (&self->name, name);
  g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_NAME]);
}
