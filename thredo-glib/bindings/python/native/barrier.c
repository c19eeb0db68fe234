/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "native.h"

/* The action of a barrier is its wrapper's, so that Python's collector sees a cycle
 * between them. */
static gboolean
act (ThredoBarrier  *barrier,
     gpointer        unused,
     GError        **error)
{
  PyObject *wrapper, *result;
  gboolean has_succeeded;
  NativeEntry entry;

  native_enter (&entry);
  wrapper = pygobject_new (G_OBJECT (barrier));
  result = wrapper != NULL ? PyObject_CallMethod (wrapper, "_act", NULL) : NULL;
  has_succeeded = result != NULL && PyObject_IsTrue (result) > 0;
  if (PyErr_Occurred ())
    PyErr_WriteUnraisable (wrapper);
  Py_XDECREF (result);
  Py_XDECREF (wrapper);
  native_leave (&entry);
  if (!has_succeeded)
    g_set_error_literal (error, THREDO_ERROR, THREDO_ERROR_FAILED,
                         "The action of the barrier has failed");
  return has_succeeded;
}

/* adopt_barrier(wrapper, parties): with an action, the _act() of the wrapper. */
static PyObject *
barrier_adopt (PyObject *module,
               PyObject *arguments)
{
  PyObject *wrapper;
  unsigned int parties;

  if (!PyArg_ParseTuple (arguments, "OI", &wrapper, &parties))
    return NULL;
  return native_adopt (wrapper, thredo_barrier_new_with_action (parties, act, NULL, NULL));
}

typedef struct
{
  ThredoBarrier *barrier;
  guint index;
} BarrierWait;

static gboolean
wait_barrier (gpointer       object,
              GCancellable  *cancellable,
              GError       **error)
{
  BarrierWait *wait = object;

  return thredo_barrier_wait (wait->barrier, &wait->index, cancellable, error);
}

/* barrier_wait(barrier, timeout=None, *, cancellable=None) */
static PyObject *
barrier_wait (PyObject        *module,
              PyObject *const *args,
              Py_ssize_t       n_args,
              PyObject        *names)
{
  BarrierWait wait = { NULL, 0 };
  NativeLimits limits;
  GError *error = NULL;

  if (n_args < 1)
    {
      PyErr_SetString (PyExc_TypeError, "barrier_wait() needs a barrier");
      return NULL;
    }
  wait.barrier = native_get_object (args[0], THREDO_TYPE_BARRIER);
  if (wait.barrier == NULL ||
      !native_parse_limits (&limits, NATIVE_TIMEOUT_EVENT, args + 1, n_args - 1, names))
    return NULL;

  if (limits.timeout != NATIVE_FOREVER)
    limits.timeout = MAX (limits.timeout, NATIVE_LEAST);
  switch (native_wait_by_proxy (wait_barrier, &wait, limits.cancellable, limits.timeout, &error))
    {
    case NATIVE_WAIT_DONE:
      return PyLong_FromUnsignedLong (wait.index);
    case NATIVE_WAIT_TIMED_OUT:
      return native_raise (g_error_new_literal (THREDO_ERROR, THREDO_ERROR_BROKEN,
                                                "The wait for the others was too long"));
    case NATIVE_WAIT_FAILED:
      return native_raise (error);
    default:
      return NULL;
    }
}

PyMethodDef native_barrier_functions[] = {
  { "adopt_barrier", barrier_adopt, METH_VARARGS, NULL },
  { "barrier_wait", (PyCFunction) (void (*) (void)) barrier_wait,
    METH_FASTCALL | METH_KEYWORDS, NULL },
  { NULL }
};
