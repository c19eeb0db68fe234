/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "native.h"

/* The methods of Thread that wait, and one that must not let go of the interpreter. */

static gboolean
join (gpointer       object,
      GCancellable  *cancellable,
      GError       **error)
{
  return thredo_thread_join (object, cancellable, error);
}

static gboolean
wait_for (gpointer       object,
          GCancellable  *cancellable,
          GError       **error)
{
  return thredo_thread_wait (object, cancellable, error);
}

/* Whether the error of a join is that of the thread, or of the wait for it. A
 * thread's own G_IO_ERROR_CANCELLED would be THREAD_CANCELLED. */
static gboolean
is_of_thread (ThredoThread *thread,
              GError       *error)
{
  if (thredo_thread_is_alive (thread) ||
      thredo_thread_get_state (thread) == THREDO_THREAD_STATE_NEW ||
      thredo_thread_get_state (thread) == THREDO_THREAD_STATE_FINISHED ||
      g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED) ||
      g_error_matches (error, THREDO_ERROR, THREDO_ERROR_LOOP_THREAD))
    return FALSE;
  return !g_error_matches (error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT) ||
         thredo_check_cancelled (NULL, NULL);
}

/* The end of a thread is seen even if there is no time to wait for it. One that was not
 * started is an error, which is told before a deadline only if that is yet to come. */
static void
spare_ended (ThredoThread *thread,
             NativeLimits *limits)
{
  if (limits->timeout == NATIVE_FOREVER || thredo_thread_is_alive (thread))
    return;
  if (thredo_thread_get_state (thread) == THREDO_THREAD_STATE_NEW)
    limits->timeout = MAX (limits->timeout, NATIVE_LEAST);
  else
    limits->timeout = NATIVE_FOREVER;
}

static PyObject *
get_task (PyObject *wrapper)
{
  PyObject *task = PyObject_GetAttr (wrapper, native_task_attribute);

  if (task == NULL && PyErr_ExceptionMatches (PyExc_AttributeError))
    {
      PyErr_Clear ();
      return Py_NewRef (Py_None);
    }
  return task;
}

static PyObject *
conclude_join (PyObject     *wrapper,
               ThredoThread *thread,
               GError       *error)
{
  PyObject *task = get_task (wrapper);
  PyObject *result = NULL;

  if (task == NULL)
    {
      g_clear_error (&error);
      return NULL;
    }
  if (error != NULL)
    {
      PyObject *exception = PyObject_CallFunction (
          native_hooks.fail_join, "OOsis", wrapper, task, g_quark_to_string (error->domain),
          error->code, error->message);

      if (exception != NULL)
        PyErr_SetObject ((PyObject *) Py_TYPE (exception), exception);
      Py_XDECREF (exception);
      g_error_free (error);
    }
  else if (Py_TYPE (task) == native_task_type && ((NativeTask *) task)->result != NULL &&
           ((NativeTask *) task)->result != Py_None)
    result = Py_NewRef (((NativeTask *) task)->result);
  else
    {
      GValue value = G_VALUE_INIT;

      result = thredo_thread_get_result (thread, &value) ? native_value_take (&value)
                                                         : Py_NewRef (Py_None);
    }
  Py_DECREF (task);
  return result;
}

/* With a reference meanwhile: the thread's own is then not the last but the wrapper's. Who drops
 * that one needs the interpreter, to tell PyGObject, and the thread would queue for it against the
 * one that it has just woken. And with one more chance for the thread to end before all is made
 * ready for a wait: it may only have waited for the interpreter. */
static NativeOutcome
wait_with_reference (NativeWaitFunc       func,
                     ThredoThread        *thread,
                     const NativeLimits  *limits,
                     GError             **error)
{
  NativeOutcome outcome;

  g_object_ref (thread);
  if (thredo_thread_is_alive (thread) && limits->timeout != 0)
    {
      PyThreadState *state = native_release ();

      g_thread_yield ();
      native_acquire (state);
    }
  /* There is nothing to wait for then. A member of a group that is not alive may have to be. */
  if (thredo_thread_get_state (thread) >= THREDO_THREAD_STATE_FINISHED &&
      thredo_check_cancelled (limits->cancellable, NULL))
    outcome = func (thread, NULL, error) ? NATIVE_WAIT_DONE : NATIVE_WAIT_FAILED;
  else
    outcome = native_wait (func, thread, limits->cancellable, limits->timeout,
                           NATIVE_WAIT_RESTARTS, error);
  g_object_unref (thread);
  return outcome;
}

static PyObject *
thread_join (PyObject        *self,
             PyObject *const *args,
             Py_ssize_t       n_args,
             PyObject        *names)
{
  ThredoThread *thread = native_get_object (self, THREDO_TYPE_THREAD);
  NativeLimits limits;
  GError *error = NULL;

  if (thread == NULL || !native_parse_limits (&limits, NATIVE_TIMEOUT_EVENT, args, n_args, names))
    return NULL;
  spare_ended (thread, &limits);

  switch (wait_with_reference (join, thread, &limits, &error))
    {
    case NATIVE_WAIT_DONE:
      return conclude_join (self, thread, NULL);
    case NATIVE_WAIT_TIMED_OUT:
      Py_RETURN_NONE;
    case NATIVE_WAIT_FAILED:
      return is_of_thread (thread, error) ? conclude_join (self, thread, error)
                                          : native_raise (error);
    default:
      return NULL;
    }
}

/* As wait(), but that nobody is told how the thread has ended. */
static PyObject *
thread_wait_for_end (PyObject        *self,
                     PyObject *const *args,
                     Py_ssize_t       n_args,
                     PyObject        *names)
{
  ThredoThread *thread = native_get_object (self, THREDO_TYPE_THREAD);
  NativeLimits limits;

  if (thread == NULL || !native_parse_limits (&limits, NATIVE_TIMEOUT_EVENT, args, n_args, names))
    return NULL;
  spare_ended (thread, &limits);
  return native_wait_bool (wait_for, thread, limits.cancellable, limits.timeout,
                           NATIVE_WAIT_RESTARTS);
}

static PyObject *
thread_wait (PyObject        *self,
             PyObject *const *args,
             Py_ssize_t       n_args,
             PyObject        *names)
{
  PyObject *result = thread_wait_for_end (self, args, n_args, names);
  PyObject *task;

  if (result != Py_True)
    return result;

  task = get_task (self);
  if (task == NULL)
    Py_CLEAR (result);
  else if (Py_TYPE (task) == native_task_type)
    ((NativeTask *) task)->is_told = TRUE;
  Py_XDECREF (task);
  return result;
}

/* The reference is taken, and wrapped, with the interpreter: if another thread dropped the wrapper
 * in between, and a third made the next one, PyGObject would take that for the one that it was to
 * keep because of the reference, and keep it for ever. */
static PyObject *
thread_get_group (PyObject *self,
                  PyObject *unused)
{
  ThredoThread *thread = native_get_object (self, THREDO_TYPE_THREAD);
  ThredoGroup *group;

  if (thread == NULL)
    return NULL;
  group = thredo_thread_get_group (thread);
  if (group == NULL)
    Py_RETURN_NONE;
  return pygobject_new_full (G_OBJECT (group), TRUE, NULL);
}

PyDoc_STRVAR (join_doc,
              "join(timeout=None, *, cancellable=None)\n--\n\n"
              "Wait until the thread has ended, and return the result of its function.\n\n"
              "Raises ThreadError if the function has raised, or the thread was cancelled; the\n"
              "exception of the thread is its __cause__. The wait ends with the thread, a cancel\n"
              "of the caller or a scope around it (CancelledError), the deadline of a scope\n"
              "(ThreadTimeout), or a cancel of `cancellable`; these leave the thread alone.\n"
              "Returns None after `timeout` seconds, as threading.Thread's: is_alive() tells.");
PyDoc_STRVAR (wait_doc,
              "wait(timeout=None, *, cancellable=None)\n--\n\n"
              "Wait until the thread has ended, however it ended.\n\n"
              "What ends the wait is as of join(). Returns False if `timeout` seconds were too\n"
              "short, or else True.");
PyDoc_STRVAR (get_group_doc, "get_group()\n--\n\nIts group, or None.");

static PyMethodDef thread_methods[] = {
  { "join", (PyCFunction) (void (*) (void)) thread_join, METH_FASTCALL | METH_KEYWORDS, join_doc },
  { "wait", (PyCFunction) (void (*) (void)) thread_wait, METH_FASTCALL | METH_KEYWORDS, wait_doc },
  { "get_group", thread_get_group, METH_NOARGS, get_group_doc },
  { "_wait_for_end", (PyCFunction) (void (*) (void)) thread_wait_for_end,
    METH_FASTCALL | METH_KEYWORDS, NULL },
  { NULL }
};

static PyType_Slot thread_slots[] = {
  { Py_tp_methods, thread_methods },
  { 0, NULL },
};

static PyType_Spec thread_spec = {
  .name = "gi.overrides._thredo_native.ThreadMethods",
  .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE,
  .slots = thread_slots,
};

gboolean
native_thread_register (PyObject *module)
{
  PyObject *type = PyType_FromSpec (&thread_spec);

  return type != NULL && PyModule_AddObject (module, "ThreadMethods", type) == 0;
}
