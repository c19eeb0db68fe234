/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "native.h"

static gboolean
join_group (gpointer       object,
            GCancellable  *cancellable,
            GError       **error)
{
  return thredo_group_join (object, cancellable, error);
}

/* As a member's own G_IO_ERROR_CANCELLED is no failure. */
static gboolean
is_of_member (ThredoGroup *group,
              GError      *error)
{
  g_autoptr(ThredoThread) failed = thredo_group_get_failed (group);
  const GError *failure = failed != NULL ? thredo_thread_get_error (failed) : NULL;

  if (failure == NULL || !g_error_matches (error, failure->domain, failure->code))
    return FALSE;
  return !g_error_matches (error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT) ||
         thredo_check_cancelled (NULL, NULL);
}

typedef struct
{
  ThredoGroup *group;
  ThredoThread *thread;
} NextWait;

static gboolean
wait_next (gpointer       object,
           GCancellable  *cancellable,
           GError       **error)
{
  NextWait *wait = object;
  GError *own = NULL;

  wait->thread = thredo_group_next_done (wait->group, cancellable, &own);
  if (own == NULL)
    return TRUE;
  g_propagate_error (error, own);
  return FALSE;
}

/* next_done(group, *, cancellable=None): a thread, or None. */
static PyObject *
group_next_done (PyObject        *module,
                 PyObject *const *args,
                 Py_ssize_t       n_args,
                 PyObject        *names)
{
  NextWait wait = { NULL, NULL };
  NativeLimits limits;
  GError *error = NULL;

  if (n_args != 1)
    {
      PyErr_SetString (PyExc_TypeError, "next_done() needs a group");
      return NULL;
    }
  wait.group = native_get_object (args[0], THREDO_TYPE_GROUP);
  if (wait.group == NULL ||
      !native_parse_limits (&limits, NATIVE_TIMEOUT_EVENT, args + 1, 0, names))
    return NULL;

  switch (native_wait (wait_next, &wait, limits.cancellable, NATIVE_FOREVER, NATIVE_WAIT_RESTARTS,
                       &error))
    {
    case NATIVE_WAIT_DONE:
      if (wait.thread == NULL)
        Py_RETURN_NONE;
      return pygobject_new_full (G_OBJECT (wait.thread), TRUE, NULL);
    case NATIVE_WAIT_FAILED:
      return native_raise (error);
    default:
      return NULL;
    }
}

/* join_group(group, *, cancellable=None): None, or (domain, code, message, whether
 * it is a member's) of the error. */
static PyObject *
group_join (PyObject        *module,
            PyObject *const *args,
            Py_ssize_t       n_args,
            PyObject        *names)
{
  ThredoGroup *group;
  NativeLimits limits;
  GError *error = NULL;
  PyObject *result;

  if (n_args != 1)
    {
      PyErr_SetString (PyExc_TypeError, "join_group() needs a group");
      return NULL;
    }
  group = native_get_object (args[0], THREDO_TYPE_GROUP);
  if (group == NULL ||
      !native_parse_limits (&limits, NATIVE_TIMEOUT_EVENT, args + 1, n_args - 1, names))
    return NULL;

  switch (native_wait_by_proxy (join_group, group, limits.cancellable, NATIVE_FOREVER, &error))
    {
    case NATIVE_WAIT_DONE:
      Py_RETURN_NONE;
    case NATIVE_WAIT_FAILED:
      result = Py_BuildValue ("(sisO)", g_quark_to_string (error->domain), error->code,
                              error->message, is_of_member (group, error) ? Py_True : Py_False);
      g_error_free (error);
      return result;
    default:
      return NULL;
    }
}

PyMethodDef native_group_functions[] = {
  { "next_done", (PyCFunction) (void (*) (void)) group_next_done,
    METH_FASTCALL | METH_KEYWORDS, NULL },
  { "join_group", (PyCFunction) (void (*) (void)) group_join,
    METH_FASTCALL | METH_KEYWORDS, NULL },
  { NULL }
};
