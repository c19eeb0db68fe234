/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "native.h"

#include <errno.h>
#include <fcntl.h>
#include <glib-unix.h>
#include <unistd.h>

/* Ctrl+C in a wait of the main thread.
 *
 * Python's handler of a signal only takes a note, and the main thread runs the
 * function that is meant for it when it is back in the interpreter. So a signal
 * has to end a wait of that thread. Python writes a byte to a "wakeup fd" at each
 * signal; while the main thread waits, that is our pipe, whose other end the
 * library's loop watches. It cancels the scope around the wait. */

static struct
{
  unsigned long main_thread;
  GMainContext *context; /* which the pipe is watched in; a forked child has another */
  int pipe[2];

  int outer_fd;       /* whose wakeup fd it is meanwhile not */
  gboolean is_inside; /* a handler may wait as well: the outer wait has the pipe then */

  GMutex lock;        /* of what follows, and of the loop's callback */
  ThredoScope *scope; /* of the wait, or NULL */
  char bytes[64];     /* what came from the pipe */
  gsize n_bytes;
} interrupt = { .pipe = { -1, -1 }, .outer_fd = -1 };

gboolean
native_is_main_thread (void)
{
  return PyThread_get_thread_ident () == interrupt.main_thread;
}

gboolean
native_interrupt_concerns_us (void)
{
  return native_is_main_thread () && !interrupt.is_inside;
}

static void
drain_locked (void)
{
  gsize room = sizeof interrupt.bytes - interrupt.n_bytes;
  char spare[64];
  ssize_t n;

  while ((n = read (interrupt.pipe[0], spare, sizeof spare)) > 0)
    {
      gsize n_kept = MIN ((gsize) n, room);

      memcpy (interrupt.bytes + interrupt.n_bytes, spare, n_kept);
      interrupt.n_bytes += n_kept;
      room -= n_kept;
    }
}

static gboolean
on_bytes (int          fd,
          GIOCondition condition,
          gpointer     data)
{
  g_autoptr(ThredoScope) scope = NULL;

  g_mutex_lock (&interrupt.lock);
  if (fd == interrupt.pipe[0])
    {
      drain_locked ();
      if (interrupt.n_bytes > 0 && interrupt.scope != NULL)
        scope = g_object_ref (interrupt.scope);
    }
  g_mutex_unlock (&interrupt.lock);
  /* Not under the lock: it may call Python, where the scope's cancellable is known. If the
   * wait is over by now, so is the scope. */
  if (scope != NULL)
    thredo_scope_cancel (scope);

  return G_SOURCE_CONTINUE;
}

/* At the first wait, and at the first one of a forked child. */
static gboolean
ensure_pipe (void)
{
  GMainContext *context = thredo_get_main_context ();
  g_autoptr(GSource) source = NULL;
  g_autoptr(GError) error = NULL;

  if (interrupt.context == context)
    return TRUE;

  for (int i = 0; i < 2; i++)
    if (interrupt.pipe[i] != -1)
      close (interrupt.pipe[i]);
  interrupt.pipe[0] = interrupt.pipe[1] = -1;
  if (!g_unix_open_pipe (interrupt.pipe, FD_CLOEXEC, &error))
    {
      PyErr_SetString (PyExc_OSError, error->message);
      return FALSE;
    }
  for (int i = 0; i < 2; i++)
    g_unix_set_fd_nonblocking (interrupt.pipe[i], TRUE, NULL);

  source = g_unix_fd_source_new (interrupt.pipe[0], G_IO_IN);
  g_source_set_static_name (source, "thredo-python-signals");
  g_source_set_callback (source, G_SOURCE_FUNC (on_bytes), NULL, NULL);
  g_source_attach (source, context);
  interrupt.context = context;
  return TRUE;
}

/* By the function of the signal module: the C function is declared, but not in
 * every Python. Returns the one before, or -2 with an exception. */
static int
set_wakeup_fd (int fd)
{
  static PyObject *function;
  PyObject *result;
  int old;

  if (function == NULL)
    {
      PyObject *module = PyImport_ImportModule ("signal");

      function = module != NULL ? PyObject_GetAttrString (module, "set_wakeup_fd") : NULL;
      Py_XDECREF (module);
      if (function == NULL)
        return -2;
    }
  result = PyObject_CallFunction (function, "i", fd);
  if (result == NULL)
    return -2;
  old = (int) PyLong_AsLong (result);
  Py_DECREF (result);
  return old;
}

/* FALSE with an exception if a signal was handled just now, and raised. */
gboolean
native_interrupt_begin (ThredoScope *scope)
{
  PyObject *type, *value, *traceback;

  if (!ensure_pipe ())
    return FALSE;

  g_mutex_lock (&interrupt.lock);
  interrupt.n_bytes = 0;
  interrupt.scope = scope;
  g_mutex_unlock (&interrupt.lock);

  interrupt.outer_fd = set_wakeup_fd (interrupt.pipe[1]);
  if (interrupt.outer_fd == -2)
    {
      interrupt.outer_fd = -1;
      g_mutex_lock (&interrupt.lock);
      interrupt.scope = NULL;
      g_mutex_unlock (&interrupt.lock);
      return FALSE;
    }
  interrupt.is_inside = TRUE;

  /* Those that came before the pipe was there. */
  if (PyErr_CheckSignals () == 0)
    return TRUE;
  PyErr_Fetch (&type, &value, &traceback);
  native_interrupt_end ();
  PyErr_Restore (type, value, traceback);
  return FALSE;
}

/* Whether there was a signal. Its handler has not run yet. */
gboolean
native_interrupt_end (void)
{
  gboolean is_interrupted;

  if (set_wakeup_fd (interrupt.outer_fd) == -2)
    {
      /* Whoever had it has closed it meanwhile. */
      PyErr_Clear ();
      interrupt.outer_fd = -1;
      if (set_wakeup_fd (-1) == -2)
        PyErr_Clear ();
    }
  interrupt.is_inside = FALSE;

  g_mutex_lock (&interrupt.lock);
  interrupt.scope = NULL;
  /* Else the loop takes them, at its leisure. */
  if (interrupt.outer_fd != -1)
    drain_locked ();
  is_interrupted = interrupt.n_bytes > 0;
  /* They were meant for whoever had the wakeup fd. */
  if (is_interrupted && interrupt.outer_fd != -1 &&
      write (interrupt.outer_fd, interrupt.bytes, interrupt.n_bytes) < 0 && errno != EAGAIN)
    g_debug ("Python's wakeup fd could not be written to: %s", g_strerror (errno));
  interrupt.n_bytes = 0;
  g_mutex_unlock (&interrupt.lock);

  return is_interrupted;
}

/* Whether a signal has to end waits of the calling thread. */
static PyObject *
interrupt_is_possible (PyObject *module,
                       PyObject *unused)
{
  return PyBool_FromLong (native_interrupt_concerns_us ());
}

/* set_main_thread(ident): which one Python runs the handlers of signals in. Told at
 * the start, and in a forked child. */
static PyObject *
interrupt_set_main_thread (PyObject *module,
                           PyObject *ident)
{
  unsigned long main_thread = PyLong_AsUnsignedLong (ident);

  if (PyErr_Occurred ())
    return NULL;
  interrupt.main_thread = main_thread;
  /* A thread has forked while the main thread waited: signals of the child are not for
   * the pipe of its parent. */
  if (interrupt.is_inside && set_wakeup_fd (interrupt.outer_fd) == -2)
    PyErr_Clear ();
  interrupt.is_inside = FALSE;
  interrupt.scope = NULL;
  g_mutex_init (&interrupt.lock);

  Py_RETURN_NONE;
}

PyMethodDef native_interrupt_functions[] = {
  { "is_interruptible", interrupt_is_possible, METH_NOARGS, NULL },
  { "set_main_thread", interrupt_set_main_thread, METH_O, NULL },
  { NULL }
};
