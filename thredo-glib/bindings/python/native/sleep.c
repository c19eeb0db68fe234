/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "native.h"

static gboolean
sleep_until (gpointer       object,
             GCancellable  *cancellable,
             GError       **error)
{
  gint64 rest = *(gint64 *) object - g_get_monotonic_time ();

  return thredo_sleep (MAX (rest, 0), cancellable, error);
}

static PyObject *
sleep_for (PyObject        *module,
           PyObject *const *args,
           Py_ssize_t       n_args,
           PyObject        *names)
{
  gint64 until;
  NativeLimits limits;

  if (n_args < 1)
    {
      PyErr_SetString (PyExc_TypeError, "sleep() needs a number of seconds");
      return NULL;
    }
  if (!native_parse_seconds (args[0], &until) ||
      !native_parse_limits (&limits, NATIVE_TIMEOUT_EVENT, args + 1, n_args - 1, names))
    return NULL;
  if (until < 0)
    {
      PyErr_SetString (PyExc_ValueError, "sleep length must be non-negative");
      return NULL;
    }
  until += g_get_monotonic_time ();
  return native_wait_none (sleep_until, &until, limits.cancellable);
}

static PyObject *
sleep_check_cancelled (PyObject        *module,
                       PyObject *const *args,
                       Py_ssize_t       n_args,
                       PyObject        *names)
{
  NativeLimits limits;
  GError *error = NULL;

  if (!native_parse_limits (&limits, NATIVE_TIMEOUT_EVENT, args, n_args, names))
    return NULL;
  if (!thredo_check_cancelled (limits.cancellable, &error))
    return native_raise (error);
  Py_RETURN_NONE;
}

PyDoc_STRVAR (sleep_doc,
              "sleep(seconds, /, *, cancellable=None)\n--\n\n"
              "Block the calling thread for a time.\n\n"
              "The wait ends when the time is over, by a cancel of the thread or a scope around\n"
              "it (CancelledError), the deadline of a scope (ThreadTimeout), or a cancel of\n"
              "`cancellable`.");
PyDoc_STRVAR (check_cancelled_doc,
              "check_cancelled(*, cancellable=None)\n--\n\n"
              "Raise CancelledError or ThreadTimeout if a wait would. Never waits: it makes a\n"
              "thread that computes one that can be cancelled.");

PyMethodDef native_sleep_functions[] = {
  { "sleep", (PyCFunction) (void (*) (void)) sleep_for,
    METH_FASTCALL | METH_KEYWORDS, sleep_doc },
  { "check_cancelled", (PyCFunction) (void (*) (void)) sleep_check_cancelled,
    METH_FASTCALL | METH_KEYWORDS, check_cancelled_doc },
  { NULL }
};
