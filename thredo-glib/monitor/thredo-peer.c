/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "thredo-peer-private.h"

#include "figure.h"
#include "thredo-monitor-interface.h"
#include "thredo-wire-private.h"

/* GDBus reads whatever a peer sends, and keeps what it does not read. So whoever has many calls
 * open, or sends large ones, is not waited for but dropped, and no answer is given while the one
 * before has not gone out. */

#define PATIENCE_SECONDS 5

#define MAX_OPEN 32
#define MAX_CALL_SIZE 4096
#define MAX_SIGNALS 100

#define FLAGS \
  (G_DBUS_CONNECTION_FLAGS_AUTHENTICATION_SERVER | \
   G_DBUS_CONNECTION_FLAGS_AUTHENTICATION_REQUIRE_SAME_USER | \
   G_DBUS_CONNECTION_FLAGS_DELAY_MESSAGE_PROCESSING)

/* What is known of the messages that go to and fro, between the peer's thread and that of GDBus,
 * which sees each as it comes, and as it is about to go: then those before have gone. */
typedef struct
{
  GSocket *socket;
  guint n_open; /* calls without an answer; GDBus's alone */

  ThredoFigure awaited;   /* the call that is being answered, by its serial; the peer's to change */
  ThredoFigure answered;  /* the last such whose answer has gone; GDBus's to change */
  ThredoFigure n_signals; /* that have gone; the same */
} Traffic;

struct _ThredoPeer
{
  const ThredoPeerEvents *events;
  gpointer user_data;
  GMainContext *context; /* the one who frees this keeps it */
  GSocket *socket;
  GDBusConnection *connection;
  Traffic *traffic; /* see g_atomic_rc_box_acquire() */
  guint filter;
  GCancellable *cancellable; /* of its proof */
  GThread *thread;           /* where that takes place, or NULL when it is over */
  GSource *deadline;
  gboolean is_proven;
  gboolean is_closed;
  guint registration;
  GQueue calls;
  guint64 n_signals;
};

static void
traffic_clear (gpointer data)
{
  Traffic *self = data;

  g_object_unref (self->socket);
}

static void
traffic_unref (gpointer data)
{
  g_atomic_rc_box_release_full (data, traffic_clear);
}

/* NULL: it goes no further. An answer that is not wanted could not be counted. */
static GDBusMessage *
look_at_call (Traffic      *self,
              GDBusMessage *message)
{
  GVariant *body = g_dbus_message_get_body (message);
  gboolean is_small = body == NULL || g_variant_get_size (body) <= MAX_CALL_SIZE;

  if (g_dbus_message_get_message_type (message) == G_DBUS_MESSAGE_TYPE_METHOD_CALL &&
      (g_dbus_message_get_flags (message) & G_DBUS_MESSAGE_FLAGS_NO_REPLY_EXPECTED) == 0 &&
      is_small && self->n_open < MAX_OPEN)
    {
      self->n_open++;
      return message;
    }

  if (!is_small || self->n_open == MAX_OPEN)
    g_socket_shutdown (self->socket, TRUE, TRUE, NULL);
  g_object_unref (message);
  return NULL;
}

/* On the thread of GDBus. */
static GDBusMessage *
look_at_message (GDBusConnection *connection,
                 GDBusMessage    *message,
                 gboolean         incoming,
                 gpointer         user_data)
{
  guint32 answered = g_dbus_message_get_reply_serial (message);
  Traffic *self = user_data;

  if (incoming)
    return look_at_call (self, message);

  if (g_dbus_message_get_message_type (message) == G_DBUS_MESSAGE_TYPE_SIGNAL)
    thredo_figure_set (&self->n_signals, thredo_figure_get (&self->n_signals) + 1);
  else if (answered != 0)
    {
      self->n_open--;
      if (answered == thredo_figure_get (&self->awaited))
        thredo_figure_set (&self->answered, answered);
    }
  return message;
}

static void
called (GDBusConnection       *connection,
        const char            *sender,
        const char            *path,
        const char            *interface,
        const char            *method,
        GVariant              *parameters,
        GDBusMethodInvocation *invocation,
        gpointer               user_data)
{
  ThredoPeer *self = user_data;

  g_queue_push_tail (&self->calls, invocation);
  self->events->called (self, self->user_data);
}

static const GDBusInterfaceVTable vtable = { .method_call = called };

static void
closed (GDBusConnection *connection,
        gboolean         remote_peer_vanished,
        GError          *error,
        ThredoPeer      *self)
{
  self->is_closed = TRUE;
  if (self->thread == NULL)
    self->events->lost (self, self->user_data);
}

static gboolean
end_proof (gpointer data)
{
  ThredoPeer *self = data;

  g_thread_join (g_steal_pointer (&self->thread));
  g_source_destroy (self->deadline);
  g_clear_pointer (&self->deadline, g_source_unref);
  if (self->is_proven && !self->is_closed)
    self->registration = g_dbus_connection_register_object (
        self->connection, THREDO_WIRE_PATH, (GDBusInterfaceInfo *) &org_thredo_monitor1_interface,
        &vtable, self, NULL, NULL);
  if (self->registration != 0)
    self->events->proven (self, self->user_data);
  else
    self->events->lost (self, self->user_data);
  return G_SOURCE_REMOVE;
}

static gpointer
prove (gpointer data)
{
  ThredoPeer *self = data;
  g_autoptr(GSource) source = g_idle_source_new ();

  self->is_proven = g_initable_init (G_INITABLE (self->connection), self->cancellable, NULL);
  g_source_set_priority (source, G_PRIORITY_DEFAULT);
  g_source_set_callback (source, end_proof, self, NULL);
  g_source_attach (source, self->context);
  return NULL;
}

static gboolean
lose_patience (gpointer data)
{
  ThredoPeer *self = data;

  g_cancellable_cancel (self->cancellable);
  return G_SOURCE_REMOVE;
}

ThredoPeer *
thredo_peer_new (GSocket                *socket,
                 const char             *guid,
                 GDBusAuthObserver      *observer,
                 const ThredoPeerEvents *events,
                 gpointer                user_data)
{
  g_autoptr(GSocketConnection) stream = g_socket_connection_factory_create_connection (socket);
  ThredoPeer *self = g_new0 (ThredoPeer, 1);

  self->events = events;
  self->user_data = user_data;
  self->context = g_main_context_get_thread_default ();
  self->socket = g_object_ref (socket);
  self->cancellable = g_cancellable_new ();
  self->connection = g_object_new (G_TYPE_DBUS_CONNECTION, "stream", stream, "guid", guid,
                                   "flags", FLAGS, "authentication-observer", observer, NULL);
  g_signal_connect (self->connection, "closed", G_CALLBACK (closed), self);
  self->traffic = g_atomic_rc_box_new0 (Traffic);
  self->traffic->socket = g_object_ref (socket);
  self->deadline = g_timeout_source_new_seconds (PATIENCE_SECONDS);
  g_source_set_callback (self->deadline, lose_patience, self, NULL);
  g_source_attach (self->deadline, self->context);
  return self;
}

/* The connection is closed by then, or never was one. */
void
thredo_peer_free (ThredoPeer *self)
{
  GDBusMethodInvocation *call;

  while ((call = g_queue_pop_head (&self->calls)) != NULL)
    g_object_unref (call);
  if (self->deadline != NULL)
    {
      g_source_destroy (self->deadline);
      g_source_unref (self->deadline);
    }
  if (self->registration != 0)
    g_dbus_connection_unregister_object (self->connection, self->registration);
  if (self->filter != 0)
    g_dbus_connection_remove_filter (self->connection, self->filter);
  g_signal_handlers_disconnect_by_data (self->connection, self);
  g_object_unref (self->connection);
  g_socket_close (self->socket, NULL);
  g_object_unref (self->socket);
  traffic_unref (self->traffic);
  g_object_unref (self->cancellable);
  g_free (self);
}

/* FALSE: there is no thread for its proof. */
gboolean
thredo_peer_begin (ThredoPeer *self)
{
  self->thread = g_thread_try_new ("thredo-monitor", prove, self, NULL);
  return self->thread != NULL;
}

gboolean
thredo_peer_is_proven (ThredoPeer *self)
{
  return self->registration != 0;
}

/* Now it is called. */
void
thredo_peer_listen (ThredoPeer *self)
{
  self->filter = g_dbus_connection_add_filter (self->connection, look_at_message,
                                               g_atomic_rc_box_acquire (self->traffic),
                                               traffic_unref);
  g_dbus_connection_start_message_processing (self->connection);
}

/* It is lost soon. What it does not read is not waited for. */
void
thredo_peer_dismiss (ThredoPeer *self)
{
  g_cancellable_cancel (self->cancellable);
  g_socket_shutdown (self->socket, TRUE, TRUE, NULL);
}

gboolean
thredo_peer_has_calls (ThredoPeer *self)
{
  return self->calls.length > 0;
}

/* Whether it has begun to take the last answer. */
gboolean
thredo_peer_is_listening (ThredoPeer *self)
{
  return thredo_figure_get (&self->traffic->answered) ==
         thredo_figure_get (&self->traffic->awaited);
}

/* The next call, to be answered at once. */
GDBusMethodInvocation *
thredo_peer_take_call (ThredoPeer *self)
{
  GDBusMethodInvocation *call = g_queue_pop_head (&self->calls);
  GDBusMessage *message = g_dbus_method_invocation_get_message (call);

  thredo_figure_set (&self->traffic->awaited, g_dbus_message_get_serial (message));
  return call;
}

void
thredo_peer_tell (ThredoPeer *self,
                  const char *signal,
                  GVariant   *parameters)
{
  if (self->n_signals - thredo_figure_get (&self->traffic->n_signals) >= MAX_SIGNALS)
    return;
  self->n_signals++;
  g_dbus_connection_emit_signal (self->connection, NULL, THREDO_WIRE_PATH, THREDO_WIRE_INTERFACE,
                                 signal, parameters, NULL);
}
