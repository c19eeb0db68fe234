/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "thredo-export.h"

#include "fork.h"
#include "loop.h"
#include "thredo-deadlock.h"
#include "thredo-enum-types.h"
#include "thredo-monitor-private.h"
#include "thredo-monitor-interface.h"
#include "thredo-runtime-private.h"
#include "thredo-wire-private.h"

#include <glib/gstdio.h>
#include <signal.h>
#include <unistd.h>

/* Serves what a monitor sees to other processes, on a thread of its own, which takes no
 * part in what the program does: it has its own main context, gets no signals, and waits
 * for nobody. Who connects has a few seconds to prove who it is, on yet another thread,
 * because GDBus blocks meanwhile. The monitor is there while there is a peer. */

#define MAX_PEERS 16
#define PATIENCE_SECONDS 5

/* A list of those that have gone is kept so long; who asks less often is told of all. */
#define MAX_GONE 20000

/* So many queues, or locks, are told of. */
#define MAX_LISTED 10000u

/* Peers that ask more often are told what was seen last. */
#define MIN_INTERVAL (10 * G_TIME_SPAN_MILLISECOND)

#define PEER_FLAGS \
  (G_DBUS_CONNECTION_FLAGS_AUTHENTICATION_SERVER | \
   G_DBUS_CONNECTION_FLAGS_AUTHENTICATION_REQUIRE_SAME_USER | \
   G_DBUS_CONNECTION_FLAGS_DELAY_MESSAGE_PROCESSING)

typedef struct _Server Server;

typedef struct
{
  Server *server;
  GSocket *socket;
  GDBusConnection *connection;
  GCancellable *cancellable; /* of its proof */
  GThread *thread;           /* where that takes place, or NULL when it is over */
  GSource *deadline;
  gboolean is_proven;
  gboolean is_closed;
  guint registration;
} Peer;

/* One for each thread in the monitor's list, in its order. */
typedef struct
{
  Server *server;
  ThredoThreadInfo *info;
  guint64 id;
  guint64 serial; /* when it last changed */
  gulong handler;
} Record;

typedef struct
{
  guint64 id;
  guint64 serial;
} Gone;

struct _Server
{
  GMainContext *context;
  GMainLoop *loop;
  GSocket *socket;
  GSource *arrivals;
  char *guid;
  GDBusAuthObserver *observer;
  GPtrArray *peers;
  gboolean is_ending;

  /* While there are proven peers. */
  ThredoMonitor *monitor;
  GPtrArray *records;
  GArray *gone;
  guint64 serial;
  guint64 forgotten; /* what has gone up to this one is not known any more */
  gint64 refreshed;
};

static struct
{
  ThredoMutex lock;
  Server *server; /* owned by the thread */
  GThread *thread;
  GPid pid; /* a forked child has none of it */
  char *path;
} exported;

static void listen_for_arrivals (Server *self);

/* The list. */

static void
note_change (ThredoThreadInfo *info,
             GParamSpec       *pspec,
             Record           *record)
{
  record->serial = record->server->serial;
}

static Record *
record_new (Server           *server,
            ThredoThreadInfo *info)
{
  Record *self = g_new (Record, 1);

  self->server = server;
  self->info = info;
  self->id = thredo_thread_info_get_id (info);
  self->serial = server->serial;
  self->handler = g_signal_connect (info, "notify", G_CALLBACK (note_change), self);
  return self;
}

static void
record_free (gpointer data)
{
  Record *self = data;

  g_signal_handler_disconnect (self->info, self->handler);
  g_object_unref (self->info);
  g_free (self);
}

static void
forget_some (Server *self)
{
  guint n = self->gone->len / 2;

  if (self->gone->len <= MAX_GONE)
    return;
  self->forgotten = g_array_index (self->gone, Gone, n - 1).serial;
  g_array_remove_range (self->gone, 0, n);
}

static void
follow_list (GListModel *list,
             guint       position,
             guint       n_removed,
             guint       n_added,
             Server     *self)
{
  for (guint i = 0; i < n_removed; i++)
    {
      Record *record = self->records->pdata[position + i];
      Gone gone = { record->id, self->serial };

      g_array_append_val (self->gone, gone);
    }
  if (n_removed > 0)
    g_ptr_array_remove_range (self->records, position, n_removed);
  for (guint i = 0; i < n_added; i++)
    g_ptr_array_insert (self->records, (int) (position + i),
                        record_new (self, g_list_model_get_item (list, position + i)));
  forget_some (self);
}

static GVariant *
new_thread_ids (ThredoDeadlock *deadlock)
{
  GPtrArray *threads = thredo_deadlock_get_threads (deadlock);
  GVariantBuilder builder;

  g_variant_builder_init (&builder, G_VARIANT_TYPE ("at"));
  for (guint i = 0; i < threads->len; i++)
    g_variant_builder_add (&builder, "t", thredo_thread_get_id (threads->pdata[i]));
  return g_variant_builder_end (&builder);
}

static GVariant *
new_deadlock (ThredoDeadlock *deadlock)
{
  return g_variant_new ("(@s@at)",
                        thredo_wire_new_string (thredo_deadlock_get_description (deadlock)),
                        new_thread_ids (deadlock));
}

static void
tell_of_deadlock (ThredoMonitor  *monitor,
                  ThredoDeadlock *deadlock,
                  Server         *self)
{
  g_autoptr(GVariant) parameters = g_variant_ref_sink (new_deadlock (deadlock));

  for (guint i = 0; i < self->peers->len; i++)
    {
      Peer *peer = self->peers->pdata[i];

      if (peer->registration != 0)
        g_dbus_connection_emit_signal (peer->connection, NULL, THREDO_WIRE_PATH,
                                       THREDO_WIRE_INTERFACE, "Deadlock", parameters, NULL);
    }
}

static void
begin_watching (Server *self)
{
  if (self->monitor != NULL)
    return;

  self->serial++;
  self->forgotten = self->serial;
  self->monitor = thredo_monitor_new ();
  thredo_monitor_set_interval (self->monitor, 0);
  g_signal_connect (self->monitor, "items-changed", G_CALLBACK (follow_list), self);
  g_signal_connect (self->monitor, "deadlock", G_CALLBACK (tell_of_deadlock), self);
  follow_list (G_LIST_MODEL (self->monitor), 0, 0,
               g_list_model_get_n_items (G_LIST_MODEL (self->monitor)), self);
}

static void
end_watching (Server *self)
{
  if (self->monitor == NULL)
    return;

  g_ptr_array_set_size (self->records, 0);
  g_array_set_size (self->gone, 0);
  g_signal_handlers_disconnect_by_data (self->monitor, self);
  g_clear_object (&self->monitor);
}

static void
look_again (Server *self)
{
  gint64 now = g_get_monotonic_time ();

  if (now < self->refreshed + MIN_INTERVAL)
    return;
  self->serial++;
  thredo_monitor_refresh (self->monitor);
  self->refreshed = g_get_monotonic_time ();
}

/* Calls. */

static GVariant *
get_process (Server *self)
{
  GEnumClass *policies = g_type_class_ref (THREDO_TYPE_DEADLOCK_POLICY);
  GEnumValue *policy = g_enum_get_value (policies, (int) thredo_get_deadlock_policy ());
  const char *program = g_get_prgname ();
  GVariantBuilder builder;

  g_variant_builder_init (&builder, G_VARIANT_TYPE_VARDICT);
  g_variant_builder_add (&builder, "{sv}", "pid", g_variant_new_uint32 ((guint32) getpid ()));
  if (program != NULL)
    g_variant_builder_add (&builder, "{sv}", "program", thredo_wire_new_string (program));
  g_variant_builder_add (&builder, "{sv}", "version", g_variant_new_string (THREDO_VERSION));
  g_variant_builder_add (&builder, "{sv}", "deadlock-policy",
                         g_variant_new_string (policy->value_nick));
  g_variant_builder_add (&builder, "{sv}", "now", g_variant_new_int64 (g_get_monotonic_time ()));
  g_type_class_unref (policies);
  return g_variant_new ("(a{sv})", &builder);
}

static GVariant *
get_threads (Server  *self,
             guint64  since)
{
  gboolean all = since < self->forgotten || since > self->serial;
  GVariantBuilder changed, gone;

  look_again (self);
  all = all || since < self->forgotten;
  g_variant_builder_init (&changed, G_VARIANT_TYPE ("aa{sv}"));
  for (guint i = 0; i < self->records->len; i++)
    {
      Record *record = self->records->pdata[i];

      if (all || record->serial > since)
        g_variant_builder_add_value (&changed, thredo_wire_pack_thread (record->info));
    }
  g_variant_builder_init (&gone, G_VARIANT_TYPE ("at"));
  for (guint i = self->gone->len; !all && i > 0; i--)
    {
      Gone *one = &g_array_index (self->gone, Gone, i - 1);

      if (one->serial <= since)
        break;
      g_variant_builder_add (&gone, "t", one->id);
    }
  return g_variant_new ("(tbaa{sv}at)", self->serial, all, &changed, &gone);
}

static GVariant *
get_figures (Server *self)
{
  GVariantBuilder builder;

  g_variant_builder_init (&builder, G_VARIANT_TYPE_VARDICT);
  g_variant_builder_add (&builder, "{sv}", "n-threads", g_variant_new_uint32 (self->records->len));
  g_variant_builder_add (&builder, "{sv}", "n-waiting",
                         g_variant_new_uint32 (thredo_monitor_get_n_waiting (self->monitor)));
  g_variant_builder_add (&builder, "{sv}", "waits-per-second",
                         g_variant_new_double (
                             thredo_monitor_get_waits_per_second (self->monitor)));
  g_variant_builder_add (&builder, "{sv}", "loop-latency",
                         g_variant_new_int64 (thredo_monitor_get_loop_latency (self->monitor)));
  return g_variant_new ("(a{sv})", &builder);
}

static GVariant *
get_deadlocks (Server *self)
{
  g_autoptr(GPtrArray) deadlocks = thredo_monitor_find_deadlocks (self->monitor);
  GVariantBuilder builder;

  g_variant_builder_init (&builder, G_VARIANT_TYPE ("a(sat)"));
  for (guint i = 0; i < deadlocks->len; i++)
    g_variant_builder_add_value (&builder, new_deadlock (deadlocks->pdata[i]));
  return g_variant_new ("(a(sat))", &builder);
}

/* Of too many, all that are used are told of before any other. */
static GVariant *
pack_list (GPtrArray *infos,
           gboolean (*is_used) (gpointer info),
           GVariant *(*pack) (gpointer info))
{
  guint n_used = 0, n_unused;
  GVariantBuilder builder;

  for (guint i = 0; i < infos->len; i++)
    n_used += is_used (infos->pdata[i]) ? 1 : 0;
  n_used = MIN (n_used, MAX_LISTED);
  n_unused = MAX_LISTED - n_used;
  g_variant_builder_init (&builder, G_VARIANT_TYPE ("aa{sv}"));
  for (guint i = 0; i < infos->len; i++)
    {
      guint *n_left = is_used (infos->pdata[i]) ? &n_used : &n_unused;

      if (*n_left == 0)
        continue;
      (*n_left)--;
      g_variant_builder_add_value (&builder, pack (infos->pdata[i]));
    }
  return g_variant_new ("(uaa{sv})", infos->len, &builder);
}

static gboolean
is_queue_used (gpointer info)
{
  return thredo_queue_info_get_length (info) > 0 || thredo_queue_info_get_n_getters (info) > 0 ||
         thredo_queue_info_get_n_putters (info) > 0;
}

static GVariant *
pack_queue (gpointer info)
{
  return thredo_wire_pack_queue (info);
}

static GVariant *
get_queues (Server *self)
{
  g_autoptr(GPtrArray) queues = thredo_monitor_list_queues (self->monitor);

  return pack_list (queues, is_queue_used, pack_queue);
}

static gboolean
is_lock_used (gpointer info)
{
  return thredo_lock_info_get_owner_id (info) != 0 || thredo_lock_info_get_n_waiting (info) > 0;
}

static GVariant *
pack_lock (gpointer info)
{
  return thredo_wire_pack_lock (info);
}

static GVariant *
get_locks (Server *self)
{
  g_autoptr(GPtrArray) locks = thredo_monitor_list_locks (self->monitor);

  return pack_list (locks, is_lock_used, pack_lock);
}

static GVariant *
get_history (Server  *self,
             guint64  since)
{
  g_autoptr(GPtrArray) history = thredo_monitor_get_history (self->monitor);
  GVariantBuilder builder;

  g_variant_builder_init (&builder, G_VARIANT_TYPE ("aa{sv}"));
  for (guint i = 0; i < history->len; i++)
    {
      if (thredo_ended_info_get_serial (history->pdata[i]) > since)
        g_variant_builder_add_value (&builder, thredo_wire_pack_ended (history->pdata[i]));
    }
  return g_variant_new ("(aa{sv})", &builder);
}

static void
call (GDBusConnection       *connection,
      const char            *sender,
      const char            *path,
      const char            *interface,
      const char            *method,
      GVariant              *parameters,
      GDBusMethodInvocation *invocation,
      gpointer               user_data)
{
  Server *self = user_data;
  g_autoptr(GError) error = NULL;
  GVariant *reply = NULL;
  const char *failure = NULL;
  guint64 number = 0;

  if (g_variant_is_of_type (parameters, G_VARIANT_TYPE ("(t)")))
    g_variant_get (parameters, "(t)", &number);

  if (g_str_equal (method, "GetProcess"))
    reply = get_process (self);
  else if (g_str_equal (method, "GetThreads"))
    reply = get_threads (self, number);
  else if (g_str_equal (method, "GetFigures"))
    reply = get_figures (self);
  else if (g_str_equal (method, "GetDeadlocks"))
    reply = get_deadlocks (self);
  else if (g_str_equal (method, "GetQueues"))
    reply = get_queues (self);
  else if (g_str_equal (method, "GetLocks"))
    reply = get_locks (self);
  else if (g_str_equal (method, "GetHistory"))
    reply = get_history (self, number);
  else if (g_str_equal (method, "CancelThread"))
    {
      if (!thredo_monitor_cancel_thread (self->monitor, number, NULL, &error))
        failure = THREDO_WIRE_NO_SUCH_THREAD;
    }
  else if (!thredo_monitor_cancel_group (self->monitor, number, NULL, &error))
    failure = THREDO_WIRE_NO_SUCH_GROUP;

  if (failure != NULL)
    g_dbus_method_invocation_return_dbus_error (invocation, failure, error->message);
  else
    g_dbus_method_invocation_return_value (invocation, reply);
}

static const GDBusInterfaceVTable vtable = { .method_call = call };

/* Peers. */

/* The connection is closed by then, or never was one. */
static void
peer_free (gpointer data)
{
  Peer *self = data;

  if (self->deadline != NULL)
    {
      g_source_destroy (self->deadline);
      g_source_unref (self->deadline);
    }
  if (self->registration != 0)
    g_dbus_connection_unregister_object (self->connection, self->registration);
  g_signal_handlers_disconnect_by_data (self->connection, self);
  g_object_unref (self->connection);
  g_socket_close (self->socket, NULL);
  g_object_unref (self->socket);
  g_object_unref (self->cancellable);
  g_free (self);
}

static void
drop (Peer *peer)
{
  Server *self = peer->server;
  gboolean was_full = self->peers->len == MAX_PEERS;
  gboolean is_watched = FALSE;

  g_ptr_array_remove (self->peers, peer);
  for (guint i = 0; i < self->peers->len; i++)
    is_watched = is_watched || ((Peer *) self->peers->pdata[i])->registration != 0;
  if (!is_watched)
    end_watching (self);
  if (was_full)
    listen_for_arrivals (self);
}

static void
peer_closed (GDBusConnection *connection,
             gboolean         remote_peer_vanished,
             GError          *error,
             Peer            *peer)
{
  peer->is_closed = TRUE;
  if (peer->thread == NULL)
    drop (peer);
}

static gboolean
end_proof (gpointer data)
{
  Peer *peer = data;
  g_autoptr(GError) error = NULL;

  g_thread_join (g_steal_pointer (&peer->thread));
  g_source_destroy (peer->deadline);
  g_clear_pointer (&peer->deadline, g_source_unref);
  if (peer->is_proven && !peer->is_closed)
    peer->registration = g_dbus_connection_register_object (
        peer->connection, THREDO_WIRE_PATH, (GDBusInterfaceInfo *) &org_thredo_monitor1_interface,
        &vtable, peer->server, NULL, &error);
  if (peer->registration == 0)
    {
      drop (peer);
      return G_SOURCE_REMOVE;
    }

  begin_watching (peer->server);
  g_dbus_connection_start_message_processing (peer->connection);
  return G_SOURCE_REMOVE;
}

static gpointer
prove (gpointer data)
{
  Peer *peer = data;
  g_autoptr(GSource) source = g_idle_source_new ();

  peer->is_proven = g_initable_init (G_INITABLE (peer->connection), peer->cancellable, NULL);
  g_source_set_priority (source, G_PRIORITY_DEFAULT);
  g_source_set_callback (source, end_proof, peer, NULL);
  g_source_attach (source, peer->server->context);
  return NULL;
}

static gboolean
lose_patience (gpointer data)
{
  Peer *peer = data;

  g_cancellable_cancel (peer->cancellable);
  return G_SOURCE_REMOVE;
}

static void
admit (Server  *self,
       GSocket *socket)
{
  g_autoptr(GSocketConnection) stream = g_socket_connection_factory_create_connection (socket);
  Peer *peer = g_new0 (Peer, 1);

  peer->server = self;
  peer->socket = g_object_ref (socket);
  peer->cancellable = g_cancellable_new ();
  peer->connection = g_object_new (G_TYPE_DBUS_CONNECTION, "stream", stream, "guid", self->guid,
                                   "flags", PEER_FLAGS,
                                   "authentication-observer", self->observer, NULL);
  g_signal_connect (peer->connection, "closed", G_CALLBACK (peer_closed), peer);
  peer->deadline = g_timeout_source_new_seconds (PATIENCE_SECONDS);
  g_source_set_callback (peer->deadline, lose_patience, peer, NULL);
  g_source_attach (peer->deadline, self->context);
  g_ptr_array_add (self->peers, peer);
  peer->thread = g_thread_try_new ("thredo-monitor", prove, peer, NULL);
  if (peer->thread == NULL)
    drop (peer);
}

static gboolean
listen_later (gpointer data)
{
  listen_for_arrivals (data);
  return G_SOURCE_REMOVE;
}

static void
pause_arrivals (Server *self)
{
  g_autoptr(GSource) source = g_timeout_source_new_seconds (1);

  g_source_set_callback (source, listen_later, self, NULL);
  g_source_attach (source, self->context);
}

/* Stops to listen when there is no room. Who cannot be accepted, because there are no file
 * descriptors left for example, stays in line, and would be found there again at once. */
static gboolean
arrive (GSocket      *listening,
        GIOCondition  condition,
        gpointer      data)
{
  Server *self = data;
  g_autoptr(GError) error = NULL;
  g_autoptr(GSocket) socket = g_socket_accept (listening, NULL, &error);

  if (socket != NULL && thredo_runtime_is_same_user (socket))
    admit (self, socket);
  if (self->peers->len < MAX_PEERS &&
      (error == NULL || g_error_matches (error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK)))
    return G_SOURCE_CONTINUE;

  if (error != NULL)
    pause_arrivals (self);
  g_clear_pointer (&self->arrivals, g_source_unref);
  return G_SOURCE_REMOVE;
}

static void
listen_for_arrivals (Server *self)
{
  if (self->arrivals != NULL || self->is_ending || self->peers->len >= MAX_PEERS)
    return;
  self->arrivals = g_socket_create_source (self->socket, G_IO_IN, NULL);
  g_source_set_callback (self->arrivals, G_SOURCE_FUNC (arrive), self, NULL);
  g_source_attach (self->arrivals, self->context);
}

static gboolean
allow_mechanism (GDBusAuthObserver *observer,
                 const char        *mechanism,
                 gpointer           user_data)
{
  return g_str_equal (mechanism, "EXTERNAL");
}

static gboolean
authorize (GDBusAuthObserver *observer,
           GIOStream         *stream,
           GCredentials      *credentials,
           gpointer           user_data)
{
  return credentials != NULL && g_credentials_get_unix_user (credentials, NULL) == geteuid ();
}

/* The server. */

static Server *
server_new (GSocket *socket)
{
  Server *self = g_new0 (Server, 1);

  self->context = g_main_context_new ();
  self->loop = g_main_loop_new (self->context, FALSE);
  self->socket = socket;
  self->guid = g_dbus_generate_guid ();
  self->observer = g_dbus_auth_observer_new ();
  g_signal_connect (self->observer, "allow-mechanism", G_CALLBACK (allow_mechanism), NULL);
  g_signal_connect (self->observer, "authorize-authenticated-peer", G_CALLBACK (authorize), NULL);
  self->peers = g_ptr_array_new_with_free_func (peer_free);
  self->records = g_ptr_array_new_with_free_func (record_free);
  self->gone = g_array_new (FALSE, FALSE, sizeof (Gone));
  return self;
}

/* What a peer does not read is not waited for. Until a connection has said that it is closed
 * it would keep the context, and the context it. */
static void
dismiss_peers (Server *self)
{
  self->is_ending = TRUE;
  if (self->arrivals != NULL)
    g_source_destroy (self->arrivals);
  g_clear_pointer (&self->arrivals, g_source_unref);
  for (guint i = 0; i < self->peers->len; i++)
    {
      Peer *peer = self->peers->pdata[i];

      g_cancellable_cancel (peer->cancellable);
      g_socket_shutdown (peer->socket, TRUE, TRUE, NULL);
    }
  while (self->peers->len > 0)
    g_main_context_iteration (self->context, TRUE);
}

static void
server_free (Server *self)
{
  g_ptr_array_unref (self->peers);
  end_watching (self);
  g_ptr_array_unref (self->records);
  g_array_unref (self->gone);
  g_socket_close (self->socket, NULL);
  g_object_unref (self->socket);
  g_object_unref (self->observer);
  g_free (self->guid);
  g_main_loop_unref (self->loop);
  g_main_context_unref (self->context);
  g_free (self);
}

static gpointer
serve (gpointer data)
{
  Server *self = data;
  GMainContext *context = g_main_context_ref (self->context);

  g_main_context_push_thread_default (context);
  listen_for_arrivals (self);
  g_main_loop_run (self->loop);
  dismiss_peers (self);
  server_free (self);
  g_main_context_pop_thread_default (context);
  g_main_context_unref (context);
  return NULL;
}

/* Signals are for the threads of the user, not for this one and those it starts. */
static GThread *
start_thread (Server  *server,
              GError **error)
{
  sigset_t all, before;
  GThread *thread;

  sigfillset (&all);
  pthread_sigmask (SIG_SETMASK, &all, &before);
  thread = g_thread_try_new ("thredo-monitor", serve, server, error);
  pthread_sigmask (SIG_SETMASK, &before, NULL);
  return thread;
}

static gboolean
is_exported_locked (void)
{
  return exported.thread != NULL && exported.pid == getpid ();
}

static gboolean
export_locked (GError **error)
{
  g_autofree char *path = thredo_runtime_get_socket_path (getpid ());
  GSocket *socket;
  Server *server;
  GThread *thread;

  if (!thredo_runtime_make_folder (error))
    return FALSE;
  socket = thredo_runtime_listen (getpid (), error);
  if (socket == NULL)
    return FALSE;
  server = server_new (socket);
  thread = start_thread (server, error);
  if (thread == NULL)
    {
      g_unlink (path);
      server_free (server);
      return FALSE;
    }

  g_free (exported.path);
  exported.path = g_steal_pointer (&path);
  exported.server = server;
  exported.thread = thread;
  exported.pid = getpid ();
  return TRUE;
}

/**
 * thredo_monitor_export:
 * @error: return location for an error
 *
 * Lets other processes of the same user watch this one, and cancel its threads, see
 * [ctor@Thredo.Monitor.new_for_process].
 *
 * There is a thread for it, and a socket in the folder `thredo-glib` of the user's runtime
 * folder, see [func@GLib.get_user_runtime_dir]. What is spoken there is D-Bus, from peer to
 * peer; `org.thredo.Monitor1.xml` describes it. It costs nothing else while nobody watches.
 *
 * With `THREDO_MONITOR=1` in its environment a program does so by itself when it first uses
 * a thread of the library or waits in one. To export again what is exported changes nothing.
 * A forked child is not exported. Any thread may call this.
 *
 * Returns: %TRUE, or %FALSE with an error of `G_IO_ERROR`: `G_IO_ERROR_NOT_FOUND` if there is
 *   no runtime folder, `G_IO_ERROR_PERMISSION_DENIED` if it cannot be written to, or if what is
 *   in it is open to others, and others if the socket cannot be made; or of `G_THREAD_ERROR`
 *
 * Since: 1.0
 */
gboolean
thredo_monitor_export (GError **error)
{
  gboolean done;

  g_return_val_if_fail (error == NULL || *error == NULL, FALSE);

  thredo_fork_register ();
  thredo_mutex_lock (&exported.lock);
  done = is_exported_locked () || export_locked (error);
  thredo_mutex_unlock (&exported.lock);
  return done;
}

static gboolean
quit (gpointer data)
{
  g_main_loop_quit (data);
  return G_SOURCE_REMOVE;
}

/* By way of the loop: it may not run yet. */
static void
stop_locked (Server *server)
{
  g_autoptr(GSource) source = g_idle_source_new ();

  g_source_set_priority (source, G_PRIORITY_HIGH);
  g_source_set_callback (source, quit, g_main_loop_ref (server->loop),
                         (GDestroyNotify) g_main_loop_unref);
  g_source_attach (source, server->context);
}

/**
 * thredo_monitor_unexport:
 *
 * Takes back [func@Thredo.Monitor.export]: who watches loses the connection, and when this
 * returns, the thread and the socket have gone.
 *
 * If nothing is exported it does nothing. Any thread may call this.
 *
 * Since: 1.0
 */
void
thredo_monitor_unexport (void)
{
  GThread *thread = NULL;

  thredo_mutex_lock (&exported.lock);
  if (is_exported_locked ())
    {
      g_unlink (exported.path);
      stop_locked (exported.server);
      exported.server = NULL;
      thread = g_steal_pointer (&exported.thread);
      g_clear_pointer (&exported.path, g_free);
    }
  thredo_mutex_unlock (&exported.lock);

  if (thread == NULL)
    return;
  /* A handler of the user's may call this, when a peer cancels a thread. */
  if (thread == g_thread_self ())
    g_thread_unref (thread);
  else
    g_thread_join (thread);
}

static void
export_if_told (void)
{
  const char *value = g_getenv ("THREDO_MONITOR");
  g_autoptr(GError) error = NULL;

  if (value == NULL || *value == '\0' || g_str_equal (value, "0"))
    return;
  if (!g_str_equal (value, "1"))
    g_warning ("THREDO_MONITOR is '%s', and not 0 or 1", value);
  else if (!thredo_monitor_export (&error))
    g_warning ("THREDO_MONITOR: this process cannot be watched: %s", error->message);
}

__attribute__ ((constructor)) static void
install_hook (void)
{
  thredo_fork_protect (&exported.lock, NULL);
  thredo_loop_set_started_hook (export_if_told);
}

/* At the end of the process, which the thread does not outlive. A forked child leaves what is
 * its parent's. */
__attribute__ ((destructor)) static void
remove_socket (void)
{
  thredo_mutex_lock (&exported.lock);
  if (is_exported_locked ())
    g_unlink (exported.path);
  thredo_mutex_unlock (&exported.lock);
}
