/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "thredo-remote-private.h"

#include "figure.h"
#include "thredo-attach-private.h"
#include "thredo-deadlock-private.h"
#include "thredo-history-private.h"
#include "thredo-monitor-private.h"
#include "thredo-wire-private.h"

#include <errno.h>
#include <signal.h>

/* So often queues, or locks, are asked for after somebody has wanted to know them. */
#define WANTED_REFRESHES 10

/* At most one question is open: a process that does not answer is not asked again. Whoever
 * waits for an answer keeps this, and this does not keep the monitor. */
struct _ThredoRemote
{
  ThredoListener *listener; /* has the monitor, which any thread may drop meanwhile */
  GMainContext *context;
  GPid pid;
  GDBusConnection *connection;
  GCancellable *cancellable; /* of what is open */
  ThredoFigure closed;       /* 1: nothing is asked any more */
  gboolean is_asking;
  guint asked; /* Ask */
  guint64 serial;
  guint64 history_serial;
  guint queues_wanted; /* for so many refreshes */
  guint locks_wanted;
  GPtrArray *deadlocks;
  GPtrArray *queues;
  GPtrArray *locks;
  GPtrArray *history;
  guint subscription;
};

static void
remote_clear (gpointer data)
{
  ThredoRemote *self = data;

  thredo_listener_unref (self->listener);
  g_main_context_unref (self->context);
  g_clear_object (&self->connection);
  g_object_unref (self->cancellable);
  g_ptr_array_unref (self->deadlocks);
  g_ptr_array_unref (self->queues);
  g_ptr_array_unref (self->locks);
  g_ptr_array_unref (self->history);
}

static void
remote_unref (gpointer data)
{
  g_atomic_rc_box_release_full (data, remote_clear);
}

static void
note_closed (ThredoRemote *self)
{
  g_autoptr(ThredoMonitor) monitor = thredo_weak_dup (&self->listener->monitor);

  if (thredo_remote_is_closed (self))
    return;
  thredo_figure_set (&self->closed, 1);
  g_cancellable_cancel (self->cancellable);
  if (monitor != NULL)
    thredo_monitor_note_closed (monitor);
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
  g_autoptr(ThredoMonitor) monitor = thredo_weak_dup (&self->listener->monitor);
  g_autoptr(ThredoDeadlock) deadlock = NULL;
  g_autoptr(GVariant) ids = NULL;
  const char *description;

  if (monitor == NULL || !g_variant_is_of_type (parameters, G_VARIANT_TYPE ("(sat)")))
    return;
  g_variant_get (parameters, "(&s@at)", &description, &ids);
  deadlock = unpack_deadlock (description, ids);
  thredo_monitor_emit_deadlock (monitor, deadlock);
}

static void
connection_closed (GDBusConnection *connection,
                   gboolean         remote_peer_vanished,
                   GError          *error,
                   ThredoRemote    *self)
{
  note_closed (self);
}

static void
unref_closure (gpointer  data,
               GClosure *closure)
{
  remote_unref (data);
}

/* In the context of the listener, with a connection that is for it, which it takes. */
ThredoRemote *
thredo_remote_new (ThredoListener  *listener,
                   GPid             pid,
                   GDBusConnection *connection)
{
  ThredoRemote *self = g_atomic_rc_box_new0 (ThredoRemote);

  self->listener = g_atomic_rc_box_acquire (listener);
  self->context = g_main_context_ref (listener->context);
  self->pid = pid;
  self->connection = connection;
  self->cancellable = g_cancellable_new ();
  self->deadlocks = g_ptr_array_new_with_free_func (g_object_unref);
  self->queues = g_ptr_array_new_with_free_func (g_object_unref);
  self->locks = g_ptr_array_new_with_free_func (g_object_unref);
  self->history = g_ptr_array_new_with_free_func (g_object_unref);
  self->queues_wanted = self->locks_wanted = 1;
  g_signal_connect_data (connection, "closed", G_CALLBACK (connection_closed),
                         g_atomic_rc_box_acquire (self), unref_closure, G_CONNECT_DEFAULT);
  g_main_context_push_thread_default (self->context);
  self->subscription = g_dbus_connection_signal_subscribe (
      connection, NULL, THREDO_WIRE_INTERFACE, "Deadlock", THREDO_WIRE_PATH, NULL,
      G_DBUS_SIGNAL_FLAGS_NONE, deadlock_told, g_atomic_rc_box_acquire (self), remote_unref);
  g_main_context_pop_thread_default (self->context);
  g_dbus_connection_start_message_processing (connection);
  return self;
}

/* By the monitor, which goes, on any thread. */
void
thredo_remote_close (ThredoRemote *self)
{
  g_signal_handlers_disconnect_by_data (self->connection, self);
  g_dbus_connection_signal_unsubscribe (self->connection, self->subscription);
  g_cancellable_cancel (self->cancellable);
  g_dbus_connection_close (self->connection, NULL, NULL, NULL);
  remote_unref (self);
}

gboolean
thredo_remote_is_closed (ThredoRemote *self)
{
  return thredo_figure_get (&self->closed) != 0;
}

/* To ask: one question after the other, and then everything has been refreshed. */

typedef enum
{
  ASK_THREADS,
  ASK_FIGURES,
  ASK_DEADLOCKS,
  ASK_QUEUES,
  ASK_LOCKS,
  ASK_HISTORY,
  N_ASKS
} Ask;

static void ask (ThredoRemote *self,
                 Ask           what);

/* Each thread once, by their numbers, whatever was sent. */
static GArray *
unpack_threads (GVariant *threads)
{
  g_autoptr(GArray) sent = g_array_new (FALSE, FALSE, sizeof (ThredoThreadSeen));
  GArray *all = thredo_thread_seen_array_new ();
  guint64 last = 0;
  GVariantIter iter;
  GVariant *one;

  g_variant_iter_init (&iter, threads);
  while ((one = g_variant_iter_next_value (&iter)) != NULL)
    {
      ThredoThreadSeen seen;

      if (thredo_wire_unpack_thread (one, &seen))
        g_array_append_val (sent, seen);
      g_variant_unref (one);
    }
  thredo_thread_seen_array_sort (sent);
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
take_threads (ThredoRemote  *self,
              ThredoMonitor *monitor,
              GVariant      *reply)
{
  g_autoptr(GVariant) threads = NULL, ids = NULL;
  g_autoptr(GArray) changed = NULL;
  const guint64 *gone;
  gsize n_gone = 0;
  gboolean all;

  g_variant_get (reply, "(tb@aa{sv}@at)", &self->serial, &all, &threads, &ids);
  changed = unpack_threads (threads);
  gone = g_variant_get_fixed_array (ids, &n_gone, sizeof (guint64));
  thredo_monitor_take_changes (monitor, changed, all, gone, (guint) n_gone);
}

static void
take_figures (ThredoRemote  *self,
              ThredoMonitor *monitor,
              GVariant      *reply)
{
  g_autoptr(GVariant) figures = g_variant_get_child_value (reply, 0);
  double waits_per_second = 0;
  GTimeSpan loop_latency = 0;
  guint n_waiting = 0;

  g_variant_lookup (figures, "n-waiting", "u", &n_waiting);
  g_variant_lookup (figures, "waits-per-second", "d", &waits_per_second);
  g_variant_lookup (figures, "loop-latency", "x", &loop_latency);
  thredo_monitor_set_figures (monitor, n_waiting, waits_per_second, MAX (loop_latency, 0));
}

static void
take_deadlocks (ThredoRemote  *self,
                ThredoMonitor *monitor,
                GVariant      *reply)
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
}

static void
take_queues (ThredoRemote  *self,
             ThredoMonitor *monitor,
             GVariant      *reply)
{
  g_autoptr(GVariant) queues = g_variant_get_child_value (reply, 1);

  g_ptr_array_set_size (self->queues, 0);
  for (gsize i = 0; i < g_variant_n_children (queues); i++)
    {
      g_autoptr(GVariant) one = g_variant_get_child_value (queues, i);
      ThredoQueueInfo *info = thredo_wire_unpack_queue (one);

      if (info != NULL)
        g_ptr_array_add (self->queues, info);
    }
}

static void
take_locks (ThredoRemote  *self,
            ThredoMonitor *monitor,
            GVariant      *reply)
{
  g_autoptr(GVariant) locks = g_variant_get_child_value (reply, 1);

  g_ptr_array_set_size (self->locks, 0);
  for (gsize i = 0; i < g_variant_n_children (locks); i++)
    {
      g_autoptr(GVariant) one = g_variant_get_child_value (locks, i);
      ThredoLockInfo *info = thredo_wire_unpack_lock (one);

      if (info != NULL)
        g_ptr_array_add (self->locks, info);
    }
}

static void
take_history (ThredoRemote  *self,
              ThredoMonitor *monitor,
              GVariant      *reply)
{
  g_autoptr(GVariant) ended = g_variant_get_child_value (reply, 0);

  for (gsize i = 0; i < g_variant_n_children (ended); i++)
    {
      g_autoptr(GVariant) one = g_variant_get_child_value (ended, i);
      g_autoptr(ThredoEndedInfo) info = thredo_wire_unpack_ended (one);

      if (info == NULL || thredo_ended_info_get_serial (info) <= self->history_serial)
        continue;
      self->history_serial = thredo_ended_info_get_serial (info);
      g_ptr_array_add (self->history, g_steal_pointer (&info));
    }
  if (self->history->len > THREDO_HISTORY_LENGTH)
    g_ptr_array_remove_range (self->history, 0, self->history->len - THREDO_HISTORY_LENGTH);
}

static const struct
{
  const char *method;
  const char *type;
  void (*take) (ThredoRemote  *self,
                ThredoMonitor *monitor,
                GVariant      *reply);
} asks[N_ASKS] = {
  [ASK_THREADS] = { "GetThreads", "(tbaa{sv}at)", take_threads },
  [ASK_FIGURES] = { "GetFigures", "(a{sv})", take_figures },
  [ASK_DEADLOCKS] = { "GetDeadlocks", "(a(sat))", take_deadlocks },
  [ASK_QUEUES] = { "GetQueues", "(uaa{sv})", take_queues },
  [ASK_LOCKS] = { "GetLocks", "(uaa{sv})", take_locks },
  [ASK_HISTORY] = { "GetHistory", "(aa{sv})", take_history },
};

static gboolean
is_wanted (guint *n_refreshes)
{
  if (*n_refreshes == 0)
    return FALSE;
  (*n_refreshes)--;
  return TRUE;
}

static Ask
get_next (ThredoRemote *self,
          Ask           what)
{
  Ask next = what + 1;

  if (next == ASK_QUEUES && !is_wanted (&self->queues_wanted))
    next++;
  if (next == ASK_LOCKS && !is_wanted (&self->locks_wanted))
    next++;
  return next;
}

/* The next question is asked before users get to know of the answer to this one, and may drop
 * the monitor. What an older process does not understand is left as it is. */
static void
told (GObject      *source,
      GAsyncResult *result,
      gpointer      user_data)
{
  ThredoRemote *self = user_data;
  g_autoptr(GVariant) reply = g_dbus_connection_call_finish (self->connection, result, NULL);
  ThredoMonitor *monitor = thredo_weak_dup (&self->listener->monitor);
  Ask what = self->asked;

  self->is_asking = FALSE;
  if (monitor != NULL && !thredo_remote_is_closed (self) &&
      (reply != NULL || what != ASK_THREADS))
    {
      Ask next = get_next (self, what);

      if (next < N_ASKS)
        ask (self, next);
      if (reply != NULL)
        asks[what].take (self, monitor, reply);
      if (next == N_ASKS)
        thredo_monitor_note_refreshed (monitor);
    }
  g_clear_object (&monitor);
  remote_unref (self);
}

static void
ask (ThredoRemote *self,
     Ask           what)
{
  GVariant *parameters = NULL;

  if (what == ASK_THREADS)
    parameters = g_variant_new ("(t)", self->serial);
  else if (what == ASK_HISTORY)
    parameters = g_variant_new ("(t)", self->history_serial);
  self->is_asking = TRUE;
  self->asked = what;
  g_main_context_push_thread_default (self->context);
  g_dbus_connection_call (self->connection, NULL, THREDO_WIRE_PATH, THREDO_WIRE_INTERFACE,
                          asks[what].method, parameters, G_VARIANT_TYPE (asks[what].type),
                          G_DBUS_CALL_FLAGS_NO_AUTO_START, G_MAXINT, self->cancellable, told,
                          g_atomic_rc_box_acquire (self));
  g_main_context_pop_thread_default (self->context);
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
  if (thredo_remote_is_closed (self))
    return;
  if (!self->is_asking)
    ask (self, ASK_THREADS);
  else if (has_process_gone (self))
    note_closed (self);
}

static gpointer
copy_reference (gconstpointer object,
                gpointer      user_data)
{
  return g_object_ref ((gpointer) object);
}

GPtrArray *
thredo_remote_dup_deadlocks (ThredoRemote *self)
{
  return g_ptr_array_copy (self->deadlocks, copy_reference, NULL);
}

GPtrArray *
thredo_remote_dup_queues (ThredoRemote *self)
{
  self->queues_wanted = WANTED_REFRESHES;
  return g_ptr_array_copy (self->queues, copy_reference, NULL);
}

GPtrArray *
thredo_remote_dup_locks (ThredoRemote *self)
{
  self->locks_wanted = WANTED_REFRESHES;
  return g_ptr_array_copy (self->locks, copy_reference, NULL);
}

GPtrArray *
thredo_remote_dup_history (ThredoRemote *self)
{
  return g_ptr_array_copy (self->history, copy_reference, NULL);
}

/* To cancel. The answer comes from a thread of the process that nothing holds up. */

static gboolean
check_open (ThredoRemote  *self,
            GError       **error)
{
  if (self != NULL && !thredo_remote_is_closed (self))
    return TRUE;

  g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_CLOSED,
                       "The process has gone, or is not exported any more");
  return FALSE;
}

static void
set_message (GError     *error,
             const char *message)
{
  g_free (error->message);
  error->message = g_strdup (message);
}

/* Makes an error of the process, or of GDBus, ours; takes it. */
static GError *
translate (GError *why)
{
  g_autofree char *name = g_dbus_error_get_remote_error (why);

  g_dbus_error_strip_remote_error (why);
  if (g_strcmp0 (name, THREDO_WIRE_NO_SUCH_THREAD) == 0 ||
      g_strcmp0 (name, THREDO_WIRE_NO_SUCH_GROUP) == 0)
    {
      why->domain = G_IO_ERROR;
      why->code = G_IO_ERROR_NOT_FOUND;
    }
  else if (g_error_matches (why, G_IO_ERROR, G_IO_ERROR_CLOSED))
    set_message (why, "The process has gone before it has answered");
  else if (g_error_matches (why, G_IO_ERROR, G_IO_ERROR_TIMED_OUT))
    set_message (why, "The process does not answer");
  return why;
}

/* Waits for the answer. */
gboolean
thredo_remote_cancel (ThredoRemote  *self,
                      const char    *method,
                      guint64        id,
                      GCancellable  *cancellable,
                      GError       **error)
{
  g_autoptr(GVariant) reply = NULL;
  GError *why = NULL;

  if (!check_open (self, error))
    return FALSE;
  reply = g_dbus_connection_call_sync (self->connection, NULL, THREDO_WIRE_PATH,
                                       THREDO_WIRE_INTERFACE, method, g_variant_new ("(t)", id),
                                       NULL, G_DBUS_CALL_FLAGS_NO_AUTO_START,
                                       (int) (THREDO_PATIENCE / 1000), cancellable, &why);
  if (reply == NULL)
    g_propagate_error (error, translate (why));
  return reply != NULL;
}

static void
cancel_told (GObject      *source,
             GAsyncResult *result,
             gpointer      user_data)
{
  g_autoptr(GTask) task = user_data;
  g_autoptr(GVariant) reply = NULL;
  GError *why = NULL;

  reply = g_dbus_connection_call_finish (G_DBUS_CONNECTION (source), result, &why);
  if (reply != NULL)
    g_task_return_boolean (task, TRUE);
  else
    g_task_return_error (task, translate (why));
}

/* Returns the task, which it takes, when the answer has come. */
void
thredo_remote_cancel_async (ThredoRemote *self,
                            const char   *method,
                            guint64       id,
                            GTask        *task)
{
  GError *error = NULL;

  if (!check_open (self, &error))
    {
      g_task_return_error (task, error);
      g_object_unref (task);
      return;
    }
  g_dbus_connection_call (self->connection, NULL, THREDO_WIRE_PATH, THREDO_WIRE_INTERFACE, method,
                          g_variant_new ("(t)", id), NULL, G_DBUS_CALL_FLAGS_NO_AUTO_START,
                          (int) (THREDO_PATIENCE / 1000), g_task_get_cancellable (task),
                          cancel_told, task);
}
