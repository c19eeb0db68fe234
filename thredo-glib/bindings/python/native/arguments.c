/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "native.h"

#include <math.h>

/* What threading.TIMEOUT_MAX is on 64-bit machines. */
#define LONGEST (G_MAXINT64 / 1000)

gboolean
native_parse_seconds (PyObject *seconds,
                      gint64   *microseconds)
{
  double number = PyFloat_AsDouble (seconds);

  if (number == -1.0 && PyErr_Occurred ())
    return FALSE;
  if (isnan (number))
    {
      PyErr_SetString (PyExc_ValueError, "Invalid value NaN (not a number)");
      return FALSE;
    }
  if (number * G_USEC_PER_SEC > (double) LONGEST || number * G_USEC_PER_SEC < -(double) LONGEST)
    {
      PyErr_SetString (PyExc_OverflowError, "timeout value is too large");
      return FALSE;
    }
  *microseconds = (gint64) ceil (number * G_USEC_PER_SEC);
  return TRUE;
}

static gboolean
set_cancellable (NativeLimits *limits,
                 PyObject     *object)
{
  if (object == Py_None)
    {
      limits->cancellable = NULL;
      return TRUE;
    }
  if (!PyObject_TypeCheck (object, (PyTypeObject *) native_hooks.cancellable_class) ||
      pygobject_get (object) == NULL)
    {
      PyErr_Format (PyExc_TypeError, "a Gio.Cancellable or None is needed, not %.100s",
                    Py_TYPE (object)->tp_name);
      return FALSE;
    }
  limits->cancellable = G_CANCELLABLE (pygobject_get (object));
  return TRUE;
}

static gboolean
set_blocking (NativeLimits *limits,
              PyObject     *object)
{
  int truth;

  /* The first argument of the C function is the cancellable, or NULL. */
  if (object == Py_None ||
      (!PyBool_Check (object) && PyObject_TypeCheck (object, &PyGObject_Type)))
    return set_cancellable (limits, object);

  truth = PyObject_IsTrue (object);
  if (truth < 0)
    return FALSE;
  limits->blocking = truth;
  return TRUE;
}

static gboolean
set_timeout (NativeLimits      *limits,
             NativeTimeoutRule  rule,
             PyObject          *object)
{
  if (object == Py_None)
    {
      limits->timeout = NATIVE_FOREVER;
      return TRUE;
    }
  if (rule == NATIVE_TIMEOUT_EVENT &&
      PyObject_TypeCheck (object, (PyTypeObject *) native_hooks.cancellable_class))
    return set_cancellable (limits, object);
  if (!native_parse_seconds (object, &limits->timeout))
    return FALSE;
  if (limits->timeout >= 0)
    return TRUE;

  switch (rule)
    {
    case NATIVE_TIMEOUT_EVENT:
      limits->timeout = 0;
      return TRUE;
    case NATIVE_TIMEOUT_LOCK:
      if (limits->timeout == -G_USEC_PER_SEC)
        {
          limits->timeout = NATIVE_FOREVER;
          return TRUE;
        }
      PyErr_SetString (PyExc_ValueError, "timeout value must be a non-negative number");
      return FALSE;
    default:
      PyErr_SetString (PyExc_ValueError, "'timeout' must be a non-negative number");
      return FALSE;
    }
}

/* The arguments that all waits have: blocking (or block), timeout, and
 * cancellable, of which the last is by name alone but where the C function
 * has it. */
gboolean
native_parse_limits (NativeLimits      *limits,
                     NativeTimeoutRule  rule,
                     PyObject *const   *args,
                     Py_ssize_t         n_args,
                     PyObject          *names)
{
  Py_ssize_t n_names = names != NULL ? PyTuple_GET_SIZE (names) : 0;
  Py_ssize_t index = 0;
  gboolean has_blocking = FALSE, has_timeout = FALSE;

  limits->blocking = TRUE;
  limits->timeout = NATIVE_FOREVER;
  limits->cancellable = NULL;
  if (G_LIKELY (n_args + n_names == 0))
    return TRUE;

  if (rule != NATIVE_TIMEOUT_EVENT && index < n_args)
    {
      has_blocking = TRUE;
      if (!set_blocking (limits, args[index++]))
        return FALSE;
    }
  if (index < n_args)
    {
      has_timeout = TRUE;
      if (!set_timeout (limits, rule, args[index++]))
        return FALSE;
    }
  if (index < n_args)
    {
      PyErr_Format (PyExc_TypeError, "at most %zd arguments are taken, not %zd", index, n_args);
      return FALSE;
    }

  for (Py_ssize_t i = 0; i < n_names; i++)
    {
      PyObject *name = PyTuple_GET_ITEM (names, i);
      PyObject *object = args[n_args + i];
      gboolean is_good, is_double = FALSE;

      if (PyUnicode_CompareWithASCIIString (name, "timeout") == 0)
        {
          is_double = has_timeout;
          has_timeout = TRUE;
          is_good = set_timeout (limits, rule, object);
        }
      else if (PyUnicode_CompareWithASCIIString (name, "cancellable") == 0)
        is_good = set_cancellable (limits, object);
      else if (rule != NATIVE_TIMEOUT_EVENT &&
               PyUnicode_CompareWithASCIIString (
                   name, rule == NATIVE_TIMEOUT_QUEUE ? "block" : "blocking") == 0)
        {
          is_double = has_blocking;
          is_good = set_blocking (limits, object);
        }
      else
        {
          PyErr_Format (PyExc_TypeError, "there is no argument '%U'", name);
          return FALSE;
        }
      if (!is_good)
        return FALSE;
      if (is_double)
        {
          PyErr_Format (PyExc_TypeError, "argument '%U' is given by name and by position", name);
          return FALSE;
        }
    }

  if (rule == NATIVE_TIMEOUT_LOCK && !limits->blocking && has_timeout &&
      limits->timeout != NATIVE_FOREVER)
    {
      PyErr_SetString (PyExc_ValueError, "can't specify a timeout for a non-blocking call");
      return FALSE;
    }
  return TRUE;
}
