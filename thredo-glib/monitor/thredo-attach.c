/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "thredo-attach-private.h"

#include "loop.h"
#include "thredo-runtime-private.h"

#include <errno.h>
#include <signal.h>

/* Connections to other processes, which do nothing yet: their messages are held back. GDBus
 * blocks for what the other side has to say, for ever if that is not running; so it is cancelled
 * after a while. The connection is for the thread-default main context of the caller. */

#define FLAGS \
  (G_DBUS_CONNECTION_FLAGS_AUTHENTICATION_CLIENT | \
   G_DBUS_CONNECTION_FLAGS_DELAY_MESSAGE_PROCESSING)

typedef struct
{
  GPid pid;
  GSocket *socket;
  GDBusConnection *connection;
  GCancellable *outer; /* NULL: the caller has none */
  GCancellable *inner; /* of what GDBus does: the caller's, or patience has been lost */
  gulong handler;
  GSource *timer;
} Attempt;

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

/* In the context of the timer nobody blocks. */
static Attempt *
attempt_new (GPid           pid,
             GCancellable  *cancellable,
             GMainContext  *timer_context,
             GError       **error)
{
  g_autoptr(GSocketConnection) stream = NULL;
  GSocket *socket = thredo_runtime_connect (pid, error);
  Attempt *self;

  if (socket == NULL)
    return NULL;

  self = g_new0 (Attempt, 1);
  self->pid = pid;
  self->socket = socket;
  g_socket_set_blocking (socket, TRUE);
  stream = g_socket_connection_factory_create_connection (socket);
  self->connection = g_object_new (G_TYPE_DBUS_CONNECTION, "stream", stream, "flags", FLAGS, NULL);
  self->inner = g_cancellable_new ();
  if (timer_context != NULL)
    {
      self->timer = g_timeout_source_new ((guint) (THREDO_PATIENCE / 1000));
      g_source_set_callback (self->timer, lose_patience, g_object_ref (self->inner),
                             g_object_unref);
      g_source_attach (self->timer, timer_context);
    }
  if (cancellable != NULL)
    {
      self->outer = g_object_ref (cancellable);
      self->handler = g_cancellable_connect (cancellable, G_CALLBACK (pass_on_cancel), self->inner,
                                             NULL);
    }
  return self;
}

static void
attempt_free (gpointer data)
{
  Attempt *self = data;

  if (self->outer != NULL)
    g_cancellable_disconnect (self->outer, self->handler);
  g_clear_object (&self->outer);
  if (self->timer != NULL)
    {
      g_source_destroy (self->timer);
      g_source_unref (self->timer);
    }
  g_object_unref (self->inner);
  g_clear_object (&self->connection);
  g_object_unref (self->socket);
  g_free (self);
}

/* What came of it: a connection, or NULL with an error, given what GDBus said went wrong. */
static GDBusConnection *
attempt_end (Attempt       *self,
             const GError  *why,
             GError       **error)
{
  if (why == NULL)
    return g_steal_pointer (&self->connection);

  g_socket_close (self->socket, NULL);
  if (g_cancellable_set_error_if_cancelled (self->outer, error))
    return NULL;
  if (g_cancellable_is_cancelled (self->inner))
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT,
                 "Process %d cannot be watched: it does not answer", (int) self->pid);
  else if (kill (self->pid, 0) < 0 && errno == ESRCH)
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND, "Process %d has ended",
                 (int) self->pid);
  else
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_FAILED,
                 "Process %d cannot be watched: %s", (int) self->pid, why->message);
  return NULL;
}

GDBusConnection *
thredo_attach (GPid           pid,
               GCancellable  *cancellable,
               GError       **error)
{
  Attempt *attempt = attempt_new (pid, cancellable, thredo_loop_get_context (), error);
  g_autoptr(GError) why = NULL;
  GDBusConnection *connection;

  if (attempt == NULL)
    return NULL;
  g_initable_init (G_INITABLE (attempt->connection), attempt->inner, &why);
  connection = attempt_end (attempt, why, error);
  attempt_free (attempt);
  return connection;
}

static void
connected (GObject      *source,
           GAsyncResult *result,
           gpointer      user_data)
{
  g_autoptr(GTask) task = user_data;
  g_autoptr(GError) why = NULL;
  GDBusConnection *connection;
  GError *error = NULL;

  g_async_initable_init_finish (G_ASYNC_INITABLE (source), result, &why);
  connection = attempt_end (g_task_get_task_data (task), why, &error);
  if (connection != NULL)
    g_task_return_pointer (task, connection, g_object_unref);
  else
    g_task_return_error (task, error);
}

void
thredo_attach_async (GPid                 pid,
                     GCancellable        *cancellable,
                     GAsyncReadyCallback  callback,
                     gpointer             user_data)
{
  g_autoptr(GTask) task = g_task_new (NULL, cancellable, callback, user_data);
  GError *error = NULL;
  Attempt *attempt;

  g_task_set_source_tag (task, thredo_attach_async);
  g_task_set_check_cancellable (task, FALSE);
  if (g_task_return_error_if_cancelled (task))
    return;
  attempt = attempt_new (pid, cancellable, g_task_get_context (task), &error);
  if (attempt == NULL)
    {
      g_task_return_error (task, error);
      return;
    }
  g_task_set_task_data (task, attempt, attempt_free);
  g_async_initable_init_async (G_ASYNC_INITABLE (attempt->connection), G_PRIORITY_DEFAULT,
                               attempt->inner, connected, g_object_ref (task));
}

GDBusConnection *
thredo_attach_finish (GAsyncResult  *result,
                      GError       **error)
{
  return g_task_propagate_pointer (G_TASK (result), error);
}
