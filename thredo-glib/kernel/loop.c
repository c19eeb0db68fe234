/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "loop.h"

#include "fork.h"
#include "poller.h"
#include "slot.h"
#include "timers.h"
#include "watch.h"

#ifdef G_OS_UNIX
#include <signal.h>
#endif

/* One source for everything the library waits for, because an iteration of a
 * main context walks every source it has. */
typedef struct
{
  GSource source;
#if !THREDO_PORTABLE
  ThredoPoller poller;
  gpointer tag;
#endif
} ThredoLoopSource;

_Atomic gboolean thredo_loop_running;

static void (*started_hook) (void);

static struct
{
  ThredoMutex lock; /* guards starting */
  GMainContext *context;
  ThredoLoopSource *source;
#if !THREDO_PORTABLE
  int wakeup_fd; /* the context's, or -1 */
#endif
#ifdef G_OS_UNIX
  sigset_t signals_before; /* the mask of the thread that started it */
#endif
} loop;

#if THREDO_PORTABLE

static void
set_alarm (gint64 when)
{
  /* Below zero is never. */
  g_source_set_ready_time (&loop.source->source, when == G_MAXINT64 ? -1 : MAX (when, 0));
}

static gboolean
thredo_loop_source_dispatch (GSource     *source,
                             GSourceFunc  callback,
                             gpointer     user_data)
{
  /* Before the timers are looked at: one set meanwhile sets it anew. */
  g_source_set_ready_time (source, -1);
  thredo_timers_expire (g_get_monotonic_time ());
  return G_SOURCE_CONTINUE;
}

static GSourceFuncs thredo_loop_source_funcs = {
  .dispatch = thredo_loop_source_dispatch,
};

#else

static void
set_alarm (gint64 when)
{
  thredo_poller_set_alarm (&loop.source->poller, when);
}

static gboolean
thredo_loop_source_prepare (GSource *source,
                            int     *timeout)
{
  *timeout = -1;
  return FALSE;
}

static gboolean
thredo_loop_source_check (GSource *source)
{
  ThredoLoopSource *self = (ThredoLoopSource *) source;

  return g_source_query_unix_fd (source, self->tag) != 0;
}

static ThredoPollerEvents
serve (ThredoLoopSource *self,
       int               timeout)
{
  ThredoPollerEvents seen = thredo_poller_poll (&self->poller, timeout);

  if (seen & THREDO_POLLER_RUNG)
    {
      /* Before the timers are looked at: one set meanwhile sets it anew. */
      thredo_poller_set_alarm (&self->poller, G_MAXINT64);
      thredo_timers_expire (g_get_monotonic_time ());
      thredo_watch_sweep ();
    }
  return seen;
}

static gboolean
thredo_loop_source_dispatch (GSource     *source,
                             GSourceFunc  callback,
                             gpointer     user_data)
{
  serve ((ThredoLoopSource *) source, 0);
  return G_SOURCE_CONTINUE;
}

static gboolean
is_ours_alone (GPollFD *fds,
               guint    n_fds)
{
  int epoll_fd = loop.source->poller.epoll_fd;

  return n_fds == 2 && ((fds[0].fd == epoll_fd && fds[1].fd == loop.wakeup_fd) ||
                        (fds[1].fd == epoll_fd && fds[0].fd == loop.wakeup_fd));
}

/* Sleeps until a source of somebody else's is ready, or the context is woken, and serves
 * ours meanwhile, which is never said to be ready: under heavy traffic it always is, and a
 * context dispatches no source while one of a higher priority is ready. */
static int
poll_among_others (GPollFD *fds,
                   guint    n_fds,
                   int      timeout)
{
  GPollFD *ours = NULL;
  int n;

  for (guint i = 0; i < n_fds; i++)
    {
      if (fds[i].fd == loop.source->poller.epoll_fd)
        ours = &fds[i];
    }

  do
    {
      n = g_poll (fds, n_fds, timeout);
      if (n <= 0 || ours == NULL || ours->revents == 0)
        return n;
      serve (loop.source, 0);
      ours->revents = 0;
      n--;
    }
  while (n == 0 && timeout < 0);

  return n;
}

/* The context's, which need not go through all that it does for each thing that comes. As
 * long as no source has an fd but ours, the loop sleeps in the epoll set itself: to poll
 * one from outside costs as much again as what is in it. */
static int
poll_context (GPollFD *fds,
              guint    n_fds,
              int      timeout)
{
  ThredoPollerEvents seen = 0;

  if (!is_ours_alone (fds, n_fds))
    return poll_among_others (fds, n_fds, timeout);

  do
    seen |= serve (loop.source, timeout);
  while (timeout < 0 && (seen & THREDO_POLLER_WOKEN) == 0);

  for (guint i = 0; i < n_fds; i++)
    fds[i].revents = fds[i].fd == loop.wakeup_fd && (seen & THREDO_POLLER_WOKEN) ? G_IO_IN : 0;
  return (seen & THREDO_POLLER_WOKEN) != 0;
}

/* A new context polls nothing but the fd by which it is woken. */
static void
find_wakeup (ThredoPoller *poller,
             GMainContext *context)
{
  GPollFD fds[2];
  int priority;
  int timeout;

  loop.wakeup_fd = -1;
  if (!g_main_context_acquire (context))
    return;
  g_main_context_prepare (context, &priority);
  if (g_main_context_query (context, G_MAXINT, &timeout, fds, G_N_ELEMENTS (fds)) == 1 &&
      thredo_poller_add_wakeup (poller, fds[0].fd))
    loop.wakeup_fd = fds[0].fd;
  g_main_context_release (context);
}

static void
thredo_loop_source_finalize (GSource *source)
{
  ThredoLoopSource *self = (ThredoLoopSource *) source;

  thredo_poller_clear (&self->poller);
}

static GSourceFuncs thredo_loop_source_funcs = {
  .prepare = thredo_loop_source_prepare,
  .check = thredo_loop_source_check,
  .dispatch = thredo_loop_source_dispatch,
  .finalize = thredo_loop_source_finalize,
};

#endif

static ThredoLoopSource *
thredo_loop_source_new (GError **error)
{
  GSource *source = g_source_new (&thredo_loop_source_funcs, sizeof (ThredoLoopSource));

#if !THREDO_PORTABLE
  ThredoLoopSource *self = (ThredoLoopSource *) source;

  if (!thredo_poller_init (&self->poller, error))
    {
      g_source_unref (source);
      return NULL;
    }
  self->tag = g_source_add_unix_fd (source, self->poller.epoll_fd, G_IO_IN);
#endif
  g_source_set_static_name (source, "thredo loop");
  g_source_set_priority (source, G_PRIORITY_HIGH);
  /* It never does. But around the dispatch of a source that cannot, GLib takes its fds
   * out of the poll, and wakes the context to have them back: to which we would answer,
   * and so on without end, and before all sources of less priority. */
  g_source_set_can_recurse (source, TRUE);

  return (ThredoLoopSource *) source;
}

static gpointer
loop_main (gpointer data)
{
  GMainContext *context = data;
  g_autoptr(GMainLoop) main_loop = g_main_loop_new (context, FALSE);
  ThredoSlot *slot = g_new0 (ThredoSlot, 1);

  thredo_slot_init (slot);
  slot->is_loop = TRUE;
  thredo_slot_set_self (slot);

  g_main_context_push_thread_default (context);
  g_main_loop_run (main_loop);
  return NULL;
}

/* Signals are for the threads of the user, not for this one. */
static GThread *
start_thread_without_signals (GMainContext  *context,
                              GError       **error)
{
  GThread *thread;
#ifdef G_OS_UNIX
  sigset_t all;

  sigfillset (&all);
  pthread_sigmask (SIG_SETMASK, &all, &loop.signals_before);
#endif
  thread = g_thread_try_new ("thredo-loop", loop_main, context, error);
#ifdef G_OS_UNIX
  pthread_sigmask (SIG_SETMASK, &loop.signals_before, NULL);
#endif
  return thread;
}

/* For a thread that was started by the loop's, and is not to be like it. */
void
thredo_loop_shed (void)
{
#ifdef G_OS_UNIX
  pthread_sigmask (SIG_SETMASK, &loop.signals_before, NULL);
#endif
}

static gboolean
start_locked (GError **error)
{
  g_autoptr(GMainContext) context = NULL;
  ThredoLoopSource *source;
  GThread *thread;

  thredo_fork_register ();

  source = thredo_loop_source_new (error);
  if (source == NULL)
    return FALSE;

  context = g_main_context_new ();
#if !THREDO_PORTABLE
  find_wakeup (&source->poller, context);
  g_main_context_set_poll_func (context, poll_context);
#endif
  g_source_attach (&source->source, context);
  loop.source = source;
  /* The thread asks for it first of all. Were it to make it, a child that was forked at this moment
   * would wait for ever for its parent's loop to be done. */
  g_main_context_default ();
  thread = start_thread_without_signals (context, error);
  if (thread == NULL)
    {
      loop.source = NULL;
      g_source_destroy (&source->source);
      g_source_unref (&source->source);
      return FALSE;
    }
  g_thread_unref (thread);
  loop.context = g_steal_pointer (&context);
  thredo_timers_set_alarm (set_alarm);
#if !THREDO_PORTABLE
  thredo_watch_set_poller (source->poller.epoll_fd);
#endif
  atomic_store (&thredo_loop_running, TRUE);
  return TRUE;
}

/* Called with no lock held by the thread that has started the loop, once in a process; by a
 * forked child anew. For a constructor. */
void
thredo_loop_set_started_hook (void (*hook) (void))
{
  started_hook = hook;
}

gboolean
thredo_loop_start (GError **error)
{
  gboolean was_running;
  gboolean running;

  thredo_mutex_lock (&loop.lock);
  was_running = atomic_load (&thredo_loop_running);
  running = was_running || start_locked (error);
  thredo_mutex_unlock (&loop.lock);

  if (running && !was_running && started_hook != NULL)
    started_hook ();
  return running;
}

/* NULL if the loop could not be started. */
GMainContext *
thredo_loop_get_context (void)
{
  return thredo_loop_ensure (NULL) ? loop.context : NULL;
}

/* NULL if the loop has not been started. */
GMainContext *
thredo_loop_peek_context (void)
{
  return atomic_load (&thredo_loop_running) ? loop.context : NULL;
}

void
thredo_loop_fork_prepare (void)
{
  thredo_mutex_lock (&loop.lock);
}

void
thredo_loop_fork_parent (void)
{
  thredo_mutex_unlock (&loop.lock);
}

/* The loop's thread did not come along, and its main context may have been
 * locked by it: the child leaves both behind and starts anew when needed. */
void
thredo_loop_fork_child (void)
{
  thredo_mutex_init (&loop.lock);
#if !THREDO_PORTABLE
  if (loop.source != NULL)
    thredo_poller_clear (&loop.source->poller);
#endif
  loop.source = NULL;
  loop.context = NULL;
  atomic_store (&thredo_loop_running, FALSE);
}
