/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "native.h"

typedef struct
{
  ThredoSignalEvent *event;
  int number;
} SignalWait;

static gboolean
wait_signal (gpointer       object,
             GCancellable  *cancellable,
             GError       **error)
{
  SignalWait *wait = object;

  wait->number = thredo_signal_event_wait (wait->event, cancellable, error);
  return wait->number != 0;
}

/* signal_event_wait(event, timeout=None, *, cancellable=None): its number, or 0. */
static PyObject *
signal_event_wait (PyObject        *module,
                   PyObject *const *args,
                   Py_ssize_t       n_args,
                   PyObject        *names)
{
  SignalWait wait = { NULL, 0 };
  NativeLimits limits;
  GError *error = NULL;

  if (n_args < 1)
    {
      PyErr_SetString (PyExc_TypeError, "signal_event_wait() needs an event");
      return NULL;
    }
  wait.event = native_get_object (args[0], THREDO_TYPE_SIGNAL_EVENT);
  if (wait.event == NULL ||
      !native_parse_limits (&limits, NATIVE_TIMEOUT_EVENT, args + 1, n_args - 1, names))
    return NULL;

  if (limits.timeout != NATIVE_FOREVER)
    limits.timeout = MAX (limits.timeout, NATIVE_LEAST);
  switch (native_wait (wait_signal, &wait, limits.cancellable, limits.timeout, NATIVE_WAIT_RESTARTS,
                       &error))
    {
    case NATIVE_WAIT_DONE:
      return PyLong_FromLong (wait.number);
    case NATIVE_WAIT_TIMED_OUT:
      return PyLong_FromLong (0);
    case NATIVE_WAIT_FAILED:
      return native_raise (error);
    default:
      return NULL;
    }
}

/* adopt_signal_event(wrapper, signals) */
static PyObject *
signal_event_adopt (PyObject *module,
                    PyObject *arguments)
{
  PyObject *wrapper, *signals;
  ThredoSignalEvent *event;
  GError *error = NULL;
  g_autofree int *numbers = NULL;
  Py_ssize_t n;

  if (!PyArg_ParseTuple (arguments, "OO!", &wrapper, &PyTuple_Type, &signals))
    return NULL;
  n = PyTuple_GET_SIZE (signals);
  if (n == 0)
    {
      PyErr_SetString (PyExc_ValueError, "at least one signal is needed");
      return NULL;
    }
  numbers = g_new (int, n);
  for (Py_ssize_t i = 0; i < n; i++)
    {
      long number = PyLong_AsLong (PyTuple_GET_ITEM (signals, i));

      if (PyErr_Occurred ())
        return NULL;
      numbers[i] = (int) CLAMP (number, -1, G_MAXINT); /* neither of which is a signal */
    }
  event = thredo_signal_event_new (numbers, (guint) n, &error);
  if (event == NULL)
    {
      PyErr_SetString (PyExc_ValueError, error->message);
      g_error_free (error);
      return NULL;
    }
  return native_adopt (wrapper, event);
}

/* dispose(object): what it does ends now, whoever has references. */
static PyObject *
signal_event_dispose (PyObject *module,
                      PyObject *wrapper)
{
  GObject *object = native_get_object (wrapper, G_TYPE_OBJECT);

  if (object == NULL)
    return NULL;
  Py_BEGIN_ALLOW_THREADS
      g_object_run_dispose (object);
  Py_END_ALLOW_THREADS
      Py_RETURN_NONE;
}

PyMethodDef native_signal_event_functions[] = {
  { "adopt_signal_event", signal_event_adopt, METH_VARARGS, NULL },
  { "signal_event_wait", (PyCFunction) (void (*) (void)) signal_event_wait,
    METH_FASTCALL | METH_KEYWORDS, NULL },
  { "dispose", signal_event_dispose, METH_O, NULL },
  { NULL }
};
