/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "thredo-export.h"

#include "fork.h"
#include "loop.h"
#include "thredo-monitor.h"
#include "thredo-runtime-private.h"
#include "thredo-server-private.h"

#include <glib/gstdio.h>
#include <signal.h>
#include <unistd.h>
#ifdef __linux__
#include <sys/auxv.h>
#endif

static struct
{
  ThredoMutex lock;
  ThredoServer *server; /* owned by the thread */
  GThread *thread;
  GPid pid; /* a forked child has none of it */
  int fd;   /* the socket's */
  char *path;
} exported;

static gpointer
serve (gpointer data)
{
  thredo_server_run (data);
  return NULL;
}

/* Signals are for the threads of the user, not for this one and those it starts. */
static GThread *
start_thread (ThredoServer  *server,
              GError       **error)
{
  sigset_t all, before;
  GThread *thread;

  sigfillset (&all);
  pthread_sigmask (SIG_SETMASK, &all, &before);
  thread = g_thread_try_new ("thredo-monitor", serve, server, error);
  pthread_sigmask (SIG_SETMASK, &before, NULL);
  return thread;
}

/* The child does not listen, and who looks for its parent when that has died is not to find
 * somebody who seems to. Nobody closes it twice: the thread is not there. */
static void
close_in_child (void)
{
  if (exported.thread == NULL)
    return;
  close (exported.fd);
  exported.server = NULL;
  exported.thread = NULL;
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
  ThredoServer *server;
  GThread *thread;
  int fd;

  if (!thredo_runtime_make_folder (error))
    return FALSE;
  socket = thredo_runtime_listen (getpid (), error);
  if (socket == NULL)
    return FALSE;
  fd = g_socket_get_fd (socket);
  server = thredo_server_new (socket);
  thread = start_thread (server, error);
  if (thread == NULL)
    {
      g_unlink (path);
      thredo_server_free (server);
      return FALSE;
    }

  g_free (exported.path);
  exported.path = g_steal_pointer (&path);
  exported.server = server;
  exported.thread = thread;
  exported.pid = getpid ();
  exported.fd = fd;
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
 * a thread of the library or waits in one, but not if it has rights that its user does not, such
 * as a setuid program. To export again what is exported changes nothing.
 * A forked child is not exported. Any thread may call this.
 *
 * Returns: %TRUE, or %FALSE with an error of `G_IO_ERROR`: `G_IO_ERROR_NOT_FOUND` if there is
 *   no runtime folder, `G_IO_ERROR_PERMISSION_DENIED` if it is another user's, if it cannot be
 *   written to, or if what is in it is open to others, and others if the socket cannot be made;
 *   or of `G_THREAD_ERROR`
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
      thredo_server_stop (exported.server);
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

/* Whether the program has rights that whoever has started it does not, who then has no say in what
 * it does. */
static gboolean
is_privileged (void)
{
#ifdef __linux__
  if (getauxval (AT_SECURE) != 0)
    return TRUE;
#endif
  return getuid () != geteuid () || getgid () != getegid ();
}

static void
export_if_told (void)
{
  const char *value = is_privileged () ? NULL : g_getenv ("THREDO_MONITOR");
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
  thredo_fork_protect (&exported.lock, close_in_child);
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
