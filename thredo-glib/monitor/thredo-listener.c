/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "thredo-listener-private.h"

#include "fork.h"
#include "thredo-monitor-private.h"

static struct
{
  ThredoMutex lock;
  GPtrArray *all;
} listeners;

__attribute__ ((constructor)) static void
protect_listeners (void)
{
  thredo_fork_protect (&listeners.lock, NULL);
}

static void
listener_clear (gpointer data)
{
  ThredoListener *self = data;

  g_clear_pointer (&self->context, g_main_context_unref);
  thredo_weak_clear (&self->monitor);
}

void
thredo_listener_unref (ThredoListener *self)
{
  g_atomic_rc_box_release_full (self, listener_clear);
}

/* For the thread-default main context of the caller. */
ThredoListener *
thredo_listener_new (ThredoMonitor *monitor)
{
  ThredoListener *self = g_atomic_rc_box_new0 (ThredoListener);

  self->context = g_main_context_ref_thread_default ();
  thredo_weak_init (&self->monitor, monitor);

  return self;
}

void
thredo_listener_begin (ThredoListener *self)
{
  thredo_mutex_lock (&listeners.lock);
  if (listeners.all == NULL)
    listeners.all = g_ptr_array_new ();
  g_ptr_array_add (listeners.all, self);
  thredo_mutex_unlock (&listeners.lock);
}

/* Also of one that has not begun. It lets its context go: there may be news in that, which keep
 * this. */
void
thredo_listener_end (ThredoListener *self)
{
  GMainContext *context;

  thredo_mutex_lock (&listeners.lock);
  if (listeners.all != NULL)
    g_ptr_array_remove_fast (listeners.all, self);
  context = g_steal_pointer (&self->context);
  thredo_mutex_unlock (&listeners.lock);
  g_main_context_unref (context);
}

typedef struct
{
  ThredoListener *listener;
  ThredoDeadlock *deadlock;
} News;

static void
news_free (gpointer data)
{
  News *news = data;

  thredo_listener_unref (news->listener);
  g_object_unref (news->deadlock);
  g_free (news);
}

static gboolean
emit (gpointer data)
{
  News *news = data;
  g_autoptr(ThredoMonitor) self = thredo_weak_dup (&news->listener->monitor);

  if (self != NULL)
    thredo_monitor_emit_deadlock (self, news->deadlock);
  return G_SOURCE_REMOVE;
}

static void
source_unref (gpointer data)
{
  g_source_unref (data);
}

static void
context_unref (gpointer data)
{
  g_main_context_unref (data);
}

static GSource *
new_source (ThredoListener *listener,
            ThredoDeadlock *deadlock)
{
  GSource *source = g_idle_source_new ();
  News *news = g_new (News, 1);

  news->listener = g_atomic_rc_box_acquire (listener);
  news->deadlock = g_object_ref (deadlock);
  g_source_set_priority (source, G_PRIORITY_DEFAULT);
  g_source_set_callback (source, emit, news, news_free);
  g_source_set_static_name (source, "[thredo] deadlock");
  return source;
}

/* Tells every monitor, each in its own main context, later. */
void
thredo_listener_tell_all (ThredoDeadlock *deadlock)
{
  g_autoptr(GPtrArray) contexts = g_ptr_array_new_with_free_func (context_unref);
  g_autoptr(GPtrArray) sources = g_ptr_array_new_with_free_func (source_unref);

  thredo_mutex_lock (&listeners.lock);
  for (guint i = 0; listeners.all != NULL && i < listeners.all->len; i++)
    {
      ThredoListener *listener = listeners.all->pdata[i];

      g_ptr_array_add (contexts, g_main_context_ref (listener->context));
      g_ptr_array_add (sources, new_source (listener, deadlock));
    }
  thredo_mutex_unlock (&listeners.lock);

  for (guint i = 0; i < sources->len; i++)
    g_source_attach (sources->pdata[i], contexts->pdata[i]);
}
