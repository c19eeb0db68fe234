/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "thredo-server-private.h"

#include "thredo-monitor.h"
#include "thredo-peer-private.h"
#include "thredo-reporter-private.h"
#include "thredo-runtime-private.h"

#include <time.h>
#include <unistd.h>

/* Peers are answered in turn, one call at a time; all of them together get no more than a half of
 * a processor, but for a while. The monitor is there while there is a peer. */

#define MAX_PEERS 16

/* How long they may be answered without a rest, if there was none to answer before. */
#define CREDIT (20 * G_TIME_SPAN_MILLISECOND)

/* Who does not take what it was told is looked at again after it. */
#define RETRY (20 * G_TIME_SPAN_MILLISECOND)

struct _ThredoServer
{
  GMainContext *context;
  GMainLoop *loop;
  GSocket *socket;
  GSource *arrivals;
  char *guid;
  GDBusAuthObserver *observer;
  GPtrArray *peers;
  gboolean is_ending;
  ThredoReporter *reporter; /* while there are proven peers */
  guint64 serial;           /* the last of the reporter before */

  GQueue line; /* of peers with calls */
  GSource *turn;
  GTimeSpan credit;
  gint64 credited; /* by then */
};

static void listen_for_arrivals (ThredoServer *self);

/* Answers. */

static void
answer (ThredoServer          *self,
        GDBusMethodInvocation *call)
{
  g_autoptr(GError) error = NULL;
  const char *failure = NULL;
  GVariant *reply;

  reply = thredo_reporter_answer (self->reporter, g_dbus_method_invocation_get_method_name (call),
                                  g_dbus_method_invocation_get_parameters (call), &failure,
                                  &error);
  if (failure != NULL)
    g_dbus_method_invocation_return_dbus_error (call, failure, error->message);
  else
    g_dbus_method_invocation_return_value (call, reply);
}

/* The processor time of this thread, in microseconds; or simply the time. */
static gint64
get_own_time (void)
{
#ifdef CLOCK_THREAD_CPUTIME_ID
  struct timespec time;

  if (clock_gettime (CLOCK_THREAD_CPUTIME_ID, &time) == 0)
    return (gint64) time.tv_sec * G_TIME_SPAN_SECOND + time.tv_nsec / 1000;
#endif
  return g_get_monotonic_time ();
}

/* Credit comes half as fast as time goes by. */
static void
note_spent (ThredoServer *self,
            GTimeSpan     spent)
{
  gint64 now = g_get_monotonic_time ();

  self->credit = MIN (self->credit + (now - self->credited) / 2, CREDIT) - spent;
  self->credited = now;
}

static gint64
get_next_turn (ThredoServer *self)
{
  return self->credit < 0 ? self->credited - 2 * self->credit : 0;
}

static gboolean
take_turn (gpointer data)
{
  ThredoServer *self = data;
  gint64 begun = get_own_time ();

  g_source_set_ready_time (self->turn, -1);
  for (guint n = self->line.length; n > 0; n--)
    {
      ThredoPeer *peer = g_queue_pop_head (&self->line);

      if (!thredo_peer_is_listening (peer))
        {
          g_queue_push_tail (&self->line, peer);
          continue;
        }
      answer (self, thredo_peer_take_call (peer));
      if (thredo_peer_has_calls (peer))
        g_queue_push_tail (&self->line, peer);
      note_spent (self, get_own_time () - begun);
      if (self->line.length > 0)
        g_source_set_ready_time (self->turn, get_next_turn (self));
      return G_SOURCE_CONTINUE;
    }

  if (self->line.length > 0)
    g_source_set_ready_time (self->turn, g_get_monotonic_time () + RETRY);
  return G_SOURCE_CONTINUE;
}

static gboolean
dispatch_turn (GSource     *source,
               GSourceFunc  callback,
               gpointer     user_data)
{
  return callback (user_data);
}

static GSourceFuncs turn_funcs = { .dispatch = dispatch_turn };

static void
peer_called (ThredoPeer *peer,
             gpointer    user_data)
{
  ThredoServer *self = user_data;

  if (g_queue_find (&self->line, peer) != NULL)
    return;
  g_queue_push_tail (&self->line, peer);
  g_source_set_ready_time (self->turn, get_next_turn (self));
}

static void
tell_of_deadlock (ThredoMonitor  *monitor,
                  ThredoDeadlock *deadlock,
                  ThredoServer   *self)
{
  g_autoptr(GVariant) parameters =
      g_variant_ref_sink (thredo_reporter_new_deadlock (deadlock));

  for (guint i = 0; i < self->peers->len; i++)
    {
      if (thredo_peer_is_proven (self->peers->pdata[i]))
        thredo_peer_tell (self->peers->pdata[i], "Deadlock", parameters);
    }
}

/* Peers. */

static void
begin_watching (ThredoServer *self)
{
  if (self->reporter != NULL)
    return;
  self->reporter = thredo_reporter_new (self->serial + 1);
  g_signal_connect (thredo_reporter_get_monitor (self->reporter), "deadlock",
                    G_CALLBACK (tell_of_deadlock), self);
}

static void
end_watching (ThredoServer *self)
{
  if (self->reporter == NULL)
    return;
  g_signal_handlers_disconnect_by_data (thredo_reporter_get_monitor (self->reporter), self);
  self->serial = thredo_reporter_free (g_steal_pointer (&self->reporter));
}

static void
peer_proven (ThredoPeer *peer,
             gpointer    user_data)
{
  begin_watching (user_data);
  thredo_peer_listen (peer);
}

static void
peer_lost (ThredoPeer *peer,
           gpointer    user_data)
{
  ThredoServer *self = user_data;
  gboolean was_full = self->peers->len == MAX_PEERS;
  gboolean is_watched = FALSE;

  g_queue_remove (&self->line, peer);
  g_ptr_array_remove (self->peers, peer);
  for (guint i = 0; i < self->peers->len; i++)
    is_watched = is_watched || thredo_peer_is_proven (self->peers->pdata[i]);
  if (!is_watched)
    end_watching (self);
  if (was_full)
    listen_for_arrivals (self);
}

static const ThredoPeerEvents peer_events = { peer_proven, peer_called, peer_lost };

static void
free_peer (gpointer data)
{
  thredo_peer_free (data);
}

static void
admit (ThredoServer *self,
       GSocket      *socket)
{
  ThredoPeer *peer = thredo_peer_new (socket, self->guid, self->observer, &peer_events, self);

  g_ptr_array_add (self->peers, peer);
  if (!thredo_peer_begin (peer))
    peer_lost (peer, self);
}

static gboolean
listen_later (gpointer data)
{
  listen_for_arrivals (data);
  return G_SOURCE_REMOVE;
}

static void
pause_arrivals (ThredoServer *self)
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
  ThredoServer *self = data;
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
listen_for_arrivals (ThredoServer *self)
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

ThredoServer *
thredo_server_new (GSocket *socket)
{
  ThredoServer *self = g_new0 (ThredoServer, 1);

  self->context = g_main_context_new ();
  self->loop = g_main_loop_new (self->context, FALSE);
  self->socket = socket;
  self->guid = g_dbus_generate_guid ();
  self->observer = g_dbus_auth_observer_new ();
  g_signal_connect (self->observer, "allow-mechanism", G_CALLBACK (allow_mechanism), NULL);
  g_signal_connect (self->observer, "authorize-authenticated-peer", G_CALLBACK (authorize), NULL);
  self->peers = g_ptr_array_new_with_free_func (free_peer);
  self->credit = CREDIT;
  self->turn = g_source_new (&turn_funcs, sizeof (GSource));
  g_source_set_callback (self->turn, take_turn, self, NULL);
  g_source_attach (self->turn, self->context);
  return self;
}

/* Until a connection has said that it is closed it would keep the context, and the context
 * it. */
static void
dismiss_peers (ThredoServer *self)
{
  self->is_ending = TRUE;
  if (self->arrivals != NULL)
    g_source_destroy (self->arrivals);
  g_clear_pointer (&self->arrivals, g_source_unref);
  for (guint i = 0; i < self->peers->len; i++)
    thredo_peer_dismiss (self->peers->pdata[i]);
  while (self->peers->len > 0)
    g_main_context_iteration (self->context, TRUE);
}

/* When it has not been run, or has been stopped. */
void
thredo_server_free (ThredoServer *self)
{
  g_ptr_array_unref (self->peers);
  end_watching (self);
  g_source_destroy (self->turn);
  g_source_unref (self->turn);
  g_socket_close (self->socket, NULL);
  g_object_unref (self->socket);
  g_object_unref (self->observer);
  g_free (self->guid);
  g_main_loop_unref (self->loop);
  g_main_context_unref (self->context);
  g_free (self);
}

/* On its own thread, until it is stopped; frees it. */
void
thredo_server_run (ThredoServer *self)
{
  GMainContext *context = g_main_context_ref (self->context);

  g_main_context_push_thread_default (context);
  listen_for_arrivals (self);
  g_main_loop_run (self->loop);
  dismiss_peers (self);
  thredo_server_free (self);
  g_main_context_pop_thread_default (context);
  g_main_context_unref (context);
}

static gboolean
quit (gpointer data)
{
  g_main_loop_quit (data);
  return G_SOURCE_REMOVE;
}

/* From any thread. By way of the loop: it may not run yet. The server may be gone as soon as it
 * does, and the source needs its context until it has been let go. */
void
thredo_server_stop (ThredoServer *self)
{
  g_autoptr(GMainContext) context = g_main_context_ref (self->context);
  g_autoptr(GSource) source = g_idle_source_new ();

  g_source_set_priority (source, G_PRIORITY_HIGH);
  g_source_set_callback (source, quit, g_main_loop_ref (self->loop),
                         (GDestroyNotify) g_main_loop_unref);
  g_source_attach (source, context);
}
