/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "child.h"

#include "loop.h"
#include "mutex.h"

#ifdef G_OS_UNIX

#include <errno.h>
#include <glib-unix.h>
#include <signal.h>
#include <unistd.h>

#define LOOK_INTERVAL 1 /* seconds */

/* What a handler may be reading is never changed, and never freed: there are as many as
 * there were different actions before ours. */
typedef struct _Before Before;

struct _Before
{
  struct sigaction action;
  Before *next;
};

static struct
{
  ThredoMutex lock; /* guards the following */
  ThredoChildFunc func;
  guint n_listeners;
  gboolean opened; /* once in a process: the pipe and its source stay */
  int ends[2];
  GSource *look;
  Before *befores;
} child;

/* For the handler. */
static Before *_Atomic before;
static _Atomic int pipe_end;
static _Atomic pid_t pipe_process; /* whose the pipe is */

#if defined(__GLIBC__)
static __thread volatile sig_atomic_t in_handler __attribute__ ((tls_model ("initial-exec")));
#else
static __thread volatile sig_atomic_t in_handler;
#endif

static void
handler (int        number,
         siginfo_t *info,
         void      *context)
{
  const struct sigaction *action;
  int saved = errno;

  /* Somebody whose handler we call may be calling ours. */
  if (in_handler)
    return;
  in_handler = TRUE;

  if (atomic_load (&pipe_process) == getpid () && write (atomic_load (&pipe_end), "", 1) < 0)
    {
      /* It is full: the loop has not heard of the last ones yet. */
    }
  action = &atomic_load (&before)->action;
  if ((action->sa_flags & SA_SIGINFO) != 0)
    action->sa_sigaction (number, info, context);
  else if (action->sa_handler != SIG_DFL && action->sa_handler != SIG_IGN)
    action->sa_handler (number);

  in_handler = FALSE;
  errno = saved;
}

static gboolean
is_ours (const struct sigaction *action)
{
  return (action->sa_flags & SA_SIGINFO) != 0 && action->sa_sigaction == handler;
}

static gboolean
is_same (const struct sigaction *a,
         const struct sigaction *b)
{
  if (a->sa_flags != b->sa_flags)
    return FALSE;
  return (a->sa_flags & SA_SIGINFO) != 0 ? a->sa_sigaction == b->sa_sigaction
                                         : a->sa_handler == b->sa_handler;
}

static Before *
keep_locked (const struct sigaction *action)
{
  Before *self;

  for (self = child.befores; self != NULL; self = self->next)
    {
      if (is_same (&self->action, action))
        return self;
    }
  self = g_new (Before, 1);
  self->action = *action;
  self->next = child.befores;
  child.befores = self;
  return self;
}

/* Returns whether it was not there. */
static gboolean
install_locked (void)
{
  struct sigaction action = { 0 };
  struct sigaction now;

  if (sigaction (SIGCHLD, NULL, &now) != 0 || is_ours (&now))
    return FALSE;

  atomic_store (&before, keep_locked (&now));
  action.sa_sigaction = handler;
  sigemptyset (&action.sa_mask);
  action.sa_flags = SA_SIGINFO | SA_RESTART | SA_NOCLDSTOP;
  /* Where the children of the process were not to be asked for their status, they
   * still are not. */
  if ((now.sa_flags & SA_SIGINFO) == 0 && now.sa_handler == SIG_IGN)
    action.sa_flags |= SA_NOCLDWAIT;
  else if ((now.sa_flags & SA_SIGINFO) != 0 || now.sa_handler != SIG_DFL)
    action.sa_flags = SA_SIGINFO | (now.sa_flags & ~(int) SA_RESETHAND);
  sigaction (SIGCHLD, &action, NULL);
  return TRUE;
}

/* Unless somebody has put a handler of their own in its place, who may call ours. */
static void
remove_locked (void)
{
  struct sigaction now;

  if (sigaction (SIGCHLD, NULL, &now) == 0 && is_ours (&now))
    sigaction (SIGCHLD, &atomic_load (&before)->action, NULL);
}

static gboolean
pipe_ready (int          fd,
            GIOCondition condition,
            gpointer     data)
{
  ThredoChildFunc func;
  char bytes[64];

  while (read (fd, bytes, sizeof bytes) > 0)
    ;
  thredo_mutex_lock (&child.lock);
  func = child.n_listeners > 0 ? child.func : NULL;
  thredo_mutex_unlock (&child.lock);
  if (func != NULL)
    func ();

  return G_SOURCE_CONTINUE;
}

static gboolean
look_at_handler (gpointer data)
{
  ThredoChildFunc func = NULL;

  thredo_mutex_lock (&child.lock);
  /* Who knows what has come meanwhile. */
  if (child.n_listeners > 0 && install_locked ())
    func = child.func;
  thredo_mutex_unlock (&child.lock);
  if (func != NULL)
    func ();

  return G_SOURCE_CONTINUE;
}

static gboolean
open_locked (GError **error)
{
  g_autoptr(GSource) source = NULL;

  if (child.opened)
    return TRUE;
  if (!g_unix_open_pipe (child.ends, FD_CLOEXEC, error))
    return FALSE;
  g_unix_set_fd_nonblocking (child.ends[0], TRUE, NULL);
  g_unix_set_fd_nonblocking (child.ends[1], TRUE, NULL);

  source = g_unix_fd_source_new (child.ends[0], G_IO_IN);
  g_source_set_callback (source, G_SOURCE_FUNC (pipe_ready), NULL, NULL);
  g_source_set_static_name (source, "[thredo] SIGCHLD");
  g_source_attach (source, thredo_loop_get_context ());

  atomic_store (&pipe_end, child.ends[1]);
  atomic_store (&pipe_process, getpid ());
  child.opened = TRUE;
  return TRUE;
}

gboolean
thredo_child_listen (ThredoChildFunc   func,
                     GError          **error)
{
  gboolean opened;

  if (!thredo_loop_ensure (error))
    return FALSE;

  thredo_mutex_lock (&child.lock);
  opened = open_locked (error);
  if (opened)
    {
      child.func = func;
      if (child.n_listeners++ == 0)
        {
          child.look = g_timeout_source_new_seconds (LOOK_INTERVAL);
          g_source_set_callback (child.look, look_at_handler, NULL, NULL);
          g_source_set_static_name (child.look, "[thredo] SIGCHLD handler");
          g_source_attach (child.look, thredo_loop_get_context ());
        }
      install_locked ();
    }
  thredo_mutex_unlock (&child.lock);

  return opened;
}

void
thredo_child_ignore (void)
{
  GSource *look = NULL;

  thredo_mutex_lock (&child.lock);
  /* What a forked child has inherited did not come along. */
  if (child.n_listeners > 0 && --child.n_listeners == 0)
    {
      remove_locked ();
      look = g_steal_pointer (&child.look);
    }
  thredo_mutex_unlock (&child.lock);

  if (look != NULL)
    {
      g_source_destroy (look);
      g_source_unref (look);
    }
}

/* The handler came along, but has nobody to tell; the pipe is the parent's. */
void
thredo_child_fork_child (void)
{
  thredo_mutex_init (&child.lock);
  child.n_listeners = 0;
  child.look = NULL;
  if (child.opened)
    {
      close (child.ends[0]);
      close (child.ends[1]);
    }
  child.opened = FALSE;
}

#endif
