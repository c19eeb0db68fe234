/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "native.h"

static gboolean
wait_condition (gpointer       object,
                GCancellable  *cancellable,
                GError       **error)
{
  return thredo_condition_wait (object, cancellable, error);
}

/* condition_wait(condition, timeout=None, *, cancellable=None) */
static PyObject *
condition_wait (PyObject        *module,
                PyObject *const *args,
                Py_ssize_t       n_args,
                PyObject        *names)
{
  ThredoCondition *condition;
  NativeLimits limits;

  if (n_args < 1)
    {
      PyErr_SetString (PyExc_TypeError, "condition_wait() needs a condition");
      return NULL;
    }
  condition = native_get_object (args[0], THREDO_TYPE_CONDITION);
  if (condition == NULL ||
      !native_parse_limits (&limits, NATIVE_TIMEOUT_EVENT, args + 1, n_args - 1, names))
    return NULL;
  return native_wait_bool (wait_condition, condition, limits.cancellable, limits.timeout,
                           NATIVE_WAIT_WAKES);
}

PyMethodDef native_condition_functions[] = {
  { "condition_wait", (PyCFunction) (void (*) (void)) condition_wait,
    METH_FASTCALL | METH_KEYWORDS, NULL },
  { NULL }
};
