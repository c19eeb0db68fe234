/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "thredo-remote-private.h"

#include "loop.h"
#include "thredo-deadlock-private.h"
#include "thredo-monitor-private.h"
#include "thredo-runtime-private.h"
#include "thredo-wire-private.h"

#include <errno.h>
#include <signal.h>

/* How long a process may take to answer those who wait for it. */
#define PATIENCE (5 * G_TIME_SPAN_SECOND)

#define FLAGS \
  (G_DBUS_CONNECTION_FLAGS_AUTHENTICATION_CLIENT | \
   G_DBUS_CONNECTION_FLAGS_DELAY_MESSAGE_PROCESSING)

/* At most one question is open: a process that does not answer is not asked again. Whoever
 * waits for an answer keeps this, and this does not keep the monitor. */
struct _ThredoRemote
{
  ThredoMonitor *monitor; /* NULL: it has gone */
  GMainContext *context;
  GPid pid;
  GDBusConnection *connection;
  GCancellable *cancellable; /* of what is open */
  gboolean is_closed;
  gboolean is_asking;
  guint64 serial;
  GPtrArray *deadlocks;
  guint subscription;
};

static void
remote_clear (gpointer data)
{
  ThredoRemote *self = data;

  g_main_context_unref (self->context);
  g_clear_object (&self->connection);
  g_object_unref (self->cancellable);
  g_ptr_array_unref (self->deadlocks);
}

static void
remote_unref (gpointer data)
{
  g_atomic_rc_box_release_full (data, remote_clear);
}

static void
note_closed (ThredoRemote *self)
{
  if (self->is_closed)
    return;
  self->is_closed = TRUE;
  g_cancellable_cancel (self->cancellable);
  if (self->monitor != NULL)
    thredo_monitor_note_closed (self->monitor);
}

/* To connect. */

static gboolean
lose_patience (gpointer cancellable)
{
  g_cancellable_cancel (cancellable);
  return G_SOURCE_REMOVE;
}

static void
pass_on_cancel (GCancellable *from,
                GCancellable *to)
{
  g_cancellable_cancel (to);
}

/* GDBus blocks for what the other side has to say, for ever if that is not running. */
static gboolean
init_connection (GDBusConnection  *connection,
                 GPid              pid,
                 GCancellable     *cancellable,
                 GError          **error)
{
  g_autoptr(GCancellable) both = g_cancellable_new ();
  g_autoptr(GSource) timer = NULL;
  GMainContext *loop = thredo_loop_get_context ();
  g_autoptr(GError) why = NULL;
  gulong handler = 0;
  gboolean done;

  if (loop != NULL)
    {
      timer = g_timeout_source_new ((guint) (PATIENCE / 1000));
      g_source_set_callback (timer, lose_patience, g_object_ref (both), g_object_unref);
      g_source_attach (timer, loop);
    }
  if (cancellable != NULL)
    handler = g_cancellable_connect (cancellable, G_CALLBACK (pass_on_cancel), both, NULL);
  done = g_initable_init (G_INITABLE (connection), both, &why);
  if (cancellable != NULL)
    g_cancellable_disconnect (cancellable, handler);
  if (timer != NULL)
    g_source_destroy (timer);

  if (done || g_cancellable_set_error_if_cancelled (cancellable, error))
    return done;
  if (g_cancellable_is_cancelled (both))
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT,
                 "Process %d cannot be watched: it does not answer", (int) pid);
  else
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_FAILED,
                 "Process %d cannot be watched: %s", (int) pid, why->message);
  return FALSE;
}

static ThredoDeadlock *
unpack_deadlock (const char *description,
                 GVariant   *ids)
{
  gsize n = 0;
  const guint64 *numbers = g_variant_get_fixed_array (ids, &n, sizeof (guint64));

  return thredo_deadlock_new_elsewhere (description, numbers, (guint) n);
}

static void
deadlock_told (GDBusConnection *connection,
               const char      *sender,
               const char      *path,
               const char      *interface,
               const char      *signal,
               GVariant        *parameters,
               gpointer         user_data)
{
  ThredoRemote *self = user_data;
  g_autoptr(ThredoDeadlock) deadlock = NULL;
  g_autoptr(GVariant) ids = NULL;
  const char *description;

  if (self->monitor == NULL || !g_variant_is_of_type (parameters, G_VARIANT_TYPE ("(sat)")))
    return;
  g_variant_get (parameters, "(&s@at)", &description, &ids);
  deadlock = unpack_deadlock (description, ids);
  thredo_monitor_emit_deadlock (self->monitor, deadlock);
}

static void
connection_closed (GDBusConnection *connection,
                   gboolean         remote_peer_vanished,
                   GError          *error,
                   ThredoRemote    *self)
{
  note_closed (self);
}

static GDBusConnection *
new_connection (GPid           pid,
                GCancellable  *cancellable,
                GError       **error)
{
  g_autoptr(GSocket) socket = thredo_runtime_connect (pid, error);
  g_autoptr(GSocketConnection) stream = NULL;
  g_autoptr(GDBusConnection) connection = NULL;

  if (socket == NULL)
    return NULL;
  g_socket_set_blocking (socket, TRUE);
  stream = g_socket_connection_factory_create_connection (socket);
  connection = g_object_new (G_TYPE_DBUS_CONNECTION, "stream", stream, "flags", FLAGS, NULL);
  if (!init_connection (connection, pid, cancellable, error))
    {
      g_socket_close (socket, NULL);
      return NULL;
    }
  return g_steal_pointer (&connection);
}

/* In the context, which GDBus asks the calling thread for. */
ThredoRemote *
thredo_remote_new (ThredoMonitor  *monitor,
                   GMainContext   *context,
                   GPid            pid,
                   GCancellable   *cancellable,
                   GError        **error)
{
  GDBusConnection *connection = new_connection (pid, cancellable, error);
  ThredoRemote *self;

  if (connection == NULL)
    return NULL;

  self = g_atomic_rc_box_new0 (ThredoRemote);
  self->monitor = monitor;
  self->context = g_main_context_ref (context);
  self->pid = pid;
  self->connection = connection;
  self->cancellable = g_cancellable_new ();
  self->deadlocks = g_ptr_array_new_with_free_func (g_object_unref);
  g_signal_connect (connection, "closed", G_CALLBACK (connection_closed), self);
  self->subscription = g_dbus_connection_signal_subscribe (
      connection, NULL, THREDO_WIRE_INTERFACE, "Deadlock", THREDO_WIRE_PATH, NULL,
      G_DBUS_SIGNAL_FLAGS_NONE, deadlock_told, g_atomic_rc_box_acquire (self), remote_unref);
  g_dbus_connection_start_message_processing (connection);
  return self;
}

/* By the monitor, which goes. */
void
thredo_remote_close (ThredoRemote *self)
{
  self->monitor = NULL;
  g_signal_handlers_disconnect_by_data (self->connection, self);
  g_dbus_connection_signal_unsubscribe (self->connection, self->subscription);
  g_cancellable_cancel (self->cancellable);
  g_dbus_connection_close (self->connection, NULL, NULL, NULL);
  remote_unref (self);
}

gboolean
thredo_remote_is_closed (ThredoRemote *self)
{
  return self->is_closed;
}

/* To ask. */

static void
ask (ThredoRemote        *self,
     const char          *method,
     GVariant            *parameters,
     const char          *type,
     GAsyncReadyCallback  callback)
{
  self->is_asking = TRUE;
  g_main_context_push_thread_default (self->context);
  g_dbus_connection_call (self->connection, NULL, THREDO_WIRE_PATH, THREDO_WIRE_INTERFACE, method,
                          parameters, G_VARIANT_TYPE (type), G_DBUS_CALL_FLAGS_NO_AUTO_START,
                          G_MAXINT, self->cancellable, callback, g_atomic_rc_box_acquire (self));
  g_main_context_pop_thread_default (self->context);
}

/* NULL: there is nobody any more to whom it matters. */
static GVariant *
end_asking (ThredoRemote *self,
            GAsyncResult *result)
{
  GVariant *reply = g_dbus_connection_call_finish (self->connection, result, NULL);

  self->is_asking = FALSE;
  if (self->monitor == NULL || self->is_closed)
    g_clear_pointer (&reply, g_variant_unref);
  return reply;
}

static void
deadlocks_told (GObject      *source,
                GAsyncResult *result,
                gpointer      user_data)
{
  ThredoRemote *self = user_data;
  g_autoptr(GVariant) reply = end_asking (self, result);

  if (reply != NULL)
    {
      g_autoptr(GVariantIter) iter = NULL;
      const char *description;
      GVariant *ids;

      g_ptr_array_set_size (self->deadlocks, 0);
      g_variant_get (reply, "(a(sat))", &iter);
      while (g_variant_iter_next (iter, "(&s@at)", &description, &ids))
        {
          g_ptr_array_add (self->deadlocks, unpack_deadlock (description, ids));
          g_variant_unref (ids);
        }
      thredo_monitor_note_refreshed (self->monitor);
    }
  remote_unref (self);
}

static void
figures_told (GObject      *source,
              GAsyncResult *result,
              gpointer      user_data)
{
  ThredoRemote *self = user_data;
  g_autoptr(GVariant) reply = end_asking (self, result);

  if (reply != NULL)
    {
      g_autoptr(GVariant) figures = g_variant_get_child_value (reply, 0);
      double waits_per_second = 0;
      GTimeSpan loop_latency = 0;
      guint n_waiting = 0;

      g_variant_lookup (figures, "n-waiting", "u", &n_waiting);
      g_variant_lookup (figures, "waits-per-second", "d", &waits_per_second);
      g_variant_lookup (figures, "loop-latency", "x", &loop_latency);
      /* After this the monitor may have gone. */
      ask (self, "GetDeadlocks", NULL, "(a(sat))", deadlocks_told);
      thredo_monitor_set_figures (self->monitor, n_waiting, waits_per_second,
                                  MAX (loop_latency, 0));
    }
  remote_unref (self);
}

static int
compare_ids (gconstpointer a,
             gconstpointer b)
{
  const ThredoThreadSeen *seen_a = a, *seen_b = b;

  return (seen_a->id > seen_b->id) - (seen_a->id < seen_b->id);
}

static void
clear_seen (gpointer data)
{
  thredo_thread_seen_clear (data);
}

/* Each thread once, by their numbers, whatever was sent. */
static GArray *
unpack_threads (GVariant *threads)
{
  g_autoptr(GArray) sent = g_array_new (FALSE, FALSE, sizeof (ThredoThreadSeen));
  GArray *all = g_array_new (FALSE, FALSE, sizeof (ThredoThreadSeen));
  guint64 last = 0;
  GVariantIter iter;
  GVariant *one;

  g_array_set_clear_func (all, clear_seen);
  g_variant_iter_init (&iter, threads);
  while ((one = g_variant_iter_next_value (&iter)) != NULL)
    {
      ThredoThreadSeen seen;

      if (thredo_wire_unpack_thread (one, &seen))
        g_array_append_val (sent, seen);
      g_variant_unref (one);
    }
  g_array_sort (sent, compare_ids);
  for (guint i = 0; i < sent->len; i++)
    {
      ThredoThreadSeen *seen = &g_array_index (sent, ThredoThreadSeen, i);

      if (seen->id > last)
        g_array_append_val (all, *seen);
      else
        thredo_thread_seen_clear (seen);
      last = MAX (last, seen->id);
    }
  return all;
}

static void
threads_told (GObject      *source,
              GAsyncResult *result,
              gpointer      user_data)
{
  ThredoRemote *self = user_data;
  g_autoptr(GVariant) reply = end_asking (self, result);

  if (reply != NULL)
    {
      g_autoptr(GVariant) threads = NULL, ids = NULL;
      g_autoptr(GArray) changed = NULL;
      const guint64 *gone;
      gsize n_gone = 0;
      gboolean all;

      g_variant_get (reply, "(tb@aa{sv}@at)", &self->serial, &all, &threads, &ids);
      changed = unpack_threads (threads);
      gone = g_variant_get_fixed_array (ids, &n_gone, sizeof (guint64));
      /* After this the monitor may have gone. */
      ask (self, "GetFigures", NULL, "(a{sv})", figures_told);
      thredo_monitor_take_changes (self->monitor, changed, all, gone, (guint) n_gone);
    }
  remote_unref (self);
}

/* A child of the process may have inherited its connections, and keep them open. */
static gboolean
has_process_gone (ThredoRemote *self)
{
  return kill (self->pid, 0) < 0 && errno == ESRCH;
}

void
thredo_remote_refresh (ThredoRemote *self)
{
  if (self->is_closed)
    return;
  if (!self->is_asking)
    ask (self, "GetThreads", g_variant_new ("(t)", self->serial), "(tbaa{sv}at)", threads_told);
  else if (has_process_gone (self))
    note_closed (self);
}

GPtrArray *
thredo_remote_dup_deadlocks (ThredoRemote *self)
{
  GPtrArray *copy = g_ptr_array_new_with_free_func (g_object_unref);

  for (guint i = 0; i < self->deadlocks->len; i++)
    g_ptr_array_add (copy, g_object_ref (self->deadlocks->pdata[i]));
  return copy;
}

/* Waits for the answer, which comes from a thread of the process that nothing holds up. */
gboolean
thredo_remote_cancel (ThredoRemote  *self,
                      const char    *method,
                      guint64        id,
                      GCancellable  *cancellable,
                      GError       **error)
{
  g_autoptr(GError) why = NULL;
  g_autoptr(GVariant) reply = NULL;
  g_autofree char *name = NULL;

  if (self == NULL || self->is_closed)
    {
      g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_CLOSED,
                           "The process has gone, or is not exported any more");
      return FALSE;
    }
  reply = g_dbus_connection_call_sync (self->connection, NULL, THREDO_WIRE_PATH,
                                       THREDO_WIRE_INTERFACE, method, g_variant_new ("(t)", id),
                                       NULL, G_DBUS_CALL_FLAGS_NO_AUTO_START,
                                       (int) (PATIENCE / 1000), cancellable, &why);
  if (reply != NULL)
    return TRUE;

  name = g_dbus_error_get_remote_error (why);
  g_dbus_error_strip_remote_error (why);
  if (g_strcmp0 (name, THREDO_WIRE_NO_SUCH_THREAD) == 0 ||
      g_strcmp0 (name, THREDO_WIRE_NO_SUCH_GROUP) == 0)
    g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND, why->message);
  else
    g_propagate_error (error, g_steal_pointer (&why));
  return FALSE;
}
