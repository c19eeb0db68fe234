/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "native.h"

typedef struct
{
  int fd;
  GIOCondition wanted;
  GIOCondition found;
} FdWait;

static gboolean
wait_fd (gpointer       object,
         GCancellable  *cancellable,
         GError       **error)
{
  FdWait *wait = object;

  wait->found = thredo_wait_fd (wait->fd, wait->wanted, cancellable, error);
  return wait->found != 0;
}

static PyObject *
fd_wait (PyObject        *module,
         PyObject *const *args,
         Py_ssize_t       n_args,
         PyObject        *names)
{
  NativeLimits limits;
  GError *error = NULL;
  FdWait wait = { 0 };

  if (n_args < 2)
    {
      PyErr_SetString (PyExc_TypeError, "wait_fd() needs a file descriptor and a condition");
      return NULL;
    }
  wait.fd = PyObject_AsFileDescriptor (args[0]);
  if (wait.fd < 0)
    return NULL;
  wait.wanted = (GIOCondition) PyLong_AsLong (args[1]);
  if (!PyErr_Occurred () && (wait.wanted & (G_IO_IN | G_IO_OUT | G_IO_PRI)) == 0)
    PyErr_SetString (PyExc_ValueError, "a condition is needed of GLib.IOCondition IN, OUT or PRI");
  if (PyErr_Occurred () ||
      !native_parse_limits (&limits, NATIVE_TIMEOUT_EVENT, args + 2, n_args - 2, names))
    return NULL;
  if (limits.timeout != NATIVE_FOREVER)
    {
      GPollFD poll = { .fd = wait.fd, .events = wait.wanted };

      if (!thredo_check_cancelled (limits.cancellable, &error))
        return native_raise (error);
      if (g_poll (&poll, 1, 0) == 1 && (poll.revents & G_IO_NVAL) == 0)
        return PyLong_FromLong (poll.revents);
    }

  switch (native_wait (wait_fd, &wait, limits.cancellable, limits.timeout, NATIVE_WAIT_RESTARTS,
                       &error))
    {
    case NATIVE_WAIT_DONE:
      return PyLong_FromLong ((long) wait.found);
    case NATIVE_WAIT_TIMED_OUT:
      return PyLong_FromLong (0);
    case NATIVE_WAIT_FAILED:
      return native_raise (error);
    default:
      return NULL;
    }
}

PyDoc_STRVAR (wait_fd_doc,
              "wait_fd(fd, condition, /, timeout=None, *, cancellable=None)\n--\n\n"
              "Wait until a file descriptor, or what has a fileno(), is ready.\n\n"
              "`condition` and what is returned are GLib.IOCondition. 0 is returned after\n"
              "`timeout` seconds.");

PyMethodDef native_fd_functions[] = {
  { "wait_fd", (PyCFunction) (void (*) (void)) fd_wait,
    METH_FASTCALL | METH_KEYWORDS, wait_fd_doc },
  { NULL }
};
