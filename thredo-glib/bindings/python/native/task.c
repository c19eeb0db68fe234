/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "native.h"

#include <structmember.h>

PyTypeObject *native_task_type;
static unsigned long long last_number;
static __thread NativeTask *current;

static PyObject *threading_module;
PyObject *native_task_attribute; /* "_task" */

static int
task_traverse (PyObject  *object,
               visitproc  visit,
               void      *arg)
{
  NativeTask *self = (NativeTask *) object;

  Py_VISIT (Py_TYPE (object));
  Py_VISIT (self->function);
  Py_VISIT (self->args);
  Py_VISIT (self->kwargs);
  Py_VISIT (self->result);
  Py_VISIT (self->exception);
  Py_VISIT (self->run);
  Py_VISIT (self->group_failures);
  return 0;
}

static int
task_clear (PyObject *object)
{
  NativeTask *self = (NativeTask *) object;

  Py_CLEAR (self->function);
  Py_CLEAR (self->args);
  Py_CLEAR (self->kwargs);
  Py_CLEAR (self->result);
  Py_CLEAR (self->exception);
  Py_CLEAR (self->run);
  Py_CLEAR (self->group_failures);
  return 0;
}

/* The last to know of the failure goes without having asked: it is reported. */
static void
task_finalize (PyObject *object)
{
  NativeTask *self = (NativeTask *) object;
  PyObject *type, *value, *traceback, *result;

  if (self->exception == NULL || self->is_told || self->is_cancelled)
    return;

  PyErr_Fetch (&type, &value, &traceback);
  self->is_told = TRUE;
  result = PyObject_CallFunctionObjArgs (native_hooks.report, object, NULL);
  if (result == NULL)
    PyErr_WriteUnraisable (object);
  Py_XDECREF (result);
  PyErr_Restore (type, value, traceback);
}

static void
task_dealloc (PyObject *object)
{
  NativeTask *self = (NativeTask *) object;
  PyTypeObject *type = Py_TYPE (object);

  if (PyObject_CallFinalizerFromDealloc (object) < 0)
    return;
  PyObject_GC_UnTrack (object);
  if (self->weak_references != NULL)
    PyObject_ClearWeakRefs (object);
  task_clear (object);
  Py_CLEAR (self->name);
  type->tp_free (object);
  Py_DECREF (type);
}

static PyMemberDef task_members[] = {
  { "result", T_OBJECT, offsetof (NativeTask, result), READONLY, NULL },
  { "exception", T_OBJECT, offsetof (NativeTask, exception), READONLY, NULL },
  { "run", T_OBJECT, offsetof (NativeTask, run), READONLY, NULL },
  { "group_failures", T_OBJECT, offsetof (NativeTask, group_failures), 0, NULL },
  { "name", T_OBJECT, offsetof (NativeTask, name), READONLY, NULL },
  { "number", T_ULONGLONG, offsetof (NativeTask, number), READONLY, NULL },
  { "ident", T_ULONG, offsetof (NativeTask, ident), READONLY, NULL },
  { "is_cancelled", T_BOOL, offsetof (NativeTask, is_cancelled), READONLY, NULL },
  { "is_told", T_BOOL, offsetof (NativeTask, is_told), 0, NULL },
  { "__weaklistoffset__", T_PYSSIZET, offsetof (NativeTask, weak_references), READONLY, NULL },
  { NULL }
};

static PyType_Slot task_slots[] = {
  { Py_tp_traverse, task_traverse },
  { Py_tp_clear, task_clear },
  { Py_tp_finalize, task_finalize },
  { Py_tp_dealloc, task_dealloc },
  { Py_tp_members, task_members },
  { 0, NULL },
};

static PyType_Spec task_spec = {
  .name = "gi.overrides._thredo_native.Task",
  .basicsize = sizeof (NativeTask),
  .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
  .slots = task_slots,
};

static NativeTask *
task_new (PyObject *function,
          PyObject *args,
          PyObject *kwargs,
          PyObject *name,
          PyObject *run)
{
  NativeTask *self = (NativeTask *) native_task_type->tp_alloc (native_task_type, 0);

  if (self == NULL)
    return NULL;
  self->function = Py_XNewRef (function);
  self->args = Py_XNewRef (args);
  self->kwargs = Py_XNewRef (kwargs);
  self->name = Py_NewRef (name);
  if (run == NULL && current != NULL)
    run = current->run;
  self->run = Py_XNewRef (run);
  return self;
}

/* threading.settrace() and setprofile() are for new threads: these are such. */
static void
install_hook (const char *attribute,
              const char *function_name)
{
  PyObject *hook = PyObject_GetAttrString (threading_module, attribute);

  if (hook != NULL && hook != Py_None)
    {
      PyObject *function = PySys_GetObject (function_name);
      PyObject *result = function != NULL ? PyObject_CallOneArg (function, hook) : NULL;

      Py_XDECREF (result);
    }
  Py_XDECREF (hook);
  PyErr_Clear ();
}

/* threading.current_thread() makes a stand-in for a thread that it does not
 * know, and keeps it by the system's number of the thread, which the next one
 * here will have, too. */
static void
forget_stand_in (unsigned long ident)
{
  PyObject *active = PyObject_GetAttrString (threading_module, "_active");
  PyObject *key = PyLong_FromUnsignedLong (ident);

  if (active != NULL && key != NULL && PyDict_Check (active) &&
      PyDict_GetItemWithError (active, key) != NULL)
    PyDict_DelItem (active, key);
  Py_XDECREF (key);
  Py_XDECREF (active);
  PyErr_Clear ();
}

/* The error that the thread ends with, for those who do not run Python. */
static void
set_thread_error (GError   **error,
                  PyObject  *exception)
{
  if (PyObject_IsInstance (exception, native_hooks.error_class) > 0)
    {
      PyObject *domain = PyObject_GetAttrString (exception, "domain");
      PyObject *code = PyObject_GetAttrString (exception, "code");
      PyObject *message = PyObject_GetAttrString (exception, "message");
      const char *domain_string = domain != NULL && PyUnicode_Check (domain)
                                      ? PyUnicode_AsUTF8 (domain)
                                      : NULL;
      const char *message_string = message != NULL && PyUnicode_Check (message)
                                       ? PyUnicode_AsUTF8 (message)
                                       : NULL;

      PyErr_Clear ();
      if (domain_string != NULL && message_string != NULL && code != NULL && PyLong_Check (code))
        g_set_error_literal (error, g_quark_from_string (domain_string), (int) PyLong_AsLong (code),
                             message_string);
      Py_XDECREF (domain);
      Py_XDECREF (code);
      Py_XDECREF (message);
    }

  PyErr_Clear ();
  if (*error == NULL)
    {
      PyObject *string = PyObject_Str (exception);
      const char *message = string != NULL ? PyUnicode_AsUTF8 (string) : NULL;

      if (message != NULL && *message != '\0')
        g_set_error (error, THREDO_ERROR, THREDO_ERROR_FAILED, "%s: %s",
                     Py_TYPE (exception)->tp_name, message);
      else
        g_set_error_literal (error, THREDO_ERROR, THREDO_ERROR_FAILED,
                             Py_TYPE (exception)->tp_name);
      Py_XDECREF (string);
    }
  PyErr_Clear ();
}

static PyObject *
take_exception (void)
{
#if PY_VERSION_HEX >= 0x030C0000
  return PyErr_GetRaisedException ();
#else
  PyObject *type, *value, *traceback;

  PyErr_Fetch (&type, &value, &traceback);
  PyErr_NormalizeException (&type, &value, &traceback);
  if (traceback != NULL)
    PyException_SetTraceback (value, traceback);
  Py_XDECREF (type);
  Py_XDECREF (traceback);
  return value;
#endif
}

/* Whether Python has attributes of its own on an object, or it is no GObject at all. */
static gboolean
is_of_python (PyObject *object)
{
  if (PyObject_TypeCheck (object, &PyGObject_Type))
    return ((PyGObject *) object)->inst_dict != NULL;
  return !PyObject_TypeCheck (object, &PyGBoxed_Type) ||
         ((PyGBoxed *) object)->gtype != G_TYPE_VALUE;
}

/* For those that do not run Python, and for a group that waits for a result. What
 * is Python's is only said to be there: if it led back to the thread, which would
 * have it in C, Python's collector could not see that. */
static void
leave_result (ThredoThread *thread,
              PyObject     *result)
{
  GValue value = G_VALUE_INIT;

  if (is_of_python (result))
    {
      g_value_init (&value, G_TYPE_BOOLEAN);
      g_value_set_boolean (&value, TRUE);
    }
  else if (!native_value_init (&value, result))
    {
      PyErr_Clear ();
      return;
    }
  thredo_thread_set_result (thread, &value);
  g_value_unset (&value);
}

static void
task_call (NativeTask    *self,
           ThredoThread  *thread,
           GError       **error)
{
  PyObject *entered, *function, *args, *kwargs;

  install_hook ("_trace_hook", "settrace");
  install_hook ("_profile_hook", "setprofile");

  self->ident = PyThread_get_thread_ident ();
  entered = PyObject_CallOneArg (native_hooks.enter, (PyObject *) self);
  if (entered == NULL)
    PyErr_WriteUnraisable ((PyObject *) self);
  Py_XDECREF (entered);

  /* It may be disarmed meanwhile, by who was slower to start it. */
  function = Py_XNewRef (self->function);
  args = Py_XNewRef (self->args);
  kwargs = Py_XNewRef (self->kwargs);
  if (function != NULL)
    self->result = PyObject_Call (function, args, kwargs);
  else
    self->result = Py_NewRef (Py_None); /* started by what knows nothing of Python */
  if (self->result == NULL && PyErr_ExceptionMatches (PyExc_SystemExit) &&
      !native_is_main_thread ())
    {
      PyErr_Clear ();
      self->result = Py_NewRef (Py_None);
    }

  if (self->result == NULL)
    {
      self->exception = take_exception ();
      set_thread_error (error, self->exception);
      self->is_cancelled = g_error_matches (*error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
    }
  else if (self->result != Py_None)
    {
      leave_result (thread, self->result);
    }

  Py_XDECREF (function);
  Py_XDECREF (args);
  Py_XDECREF (kwargs);
  Py_CLEAR (self->function);
  Py_CLEAR (self->args);
  Py_CLEAR (self->kwargs);
  self->number = ++last_number;
  thredo_thread_hush_failure (thread);
  if (self->exception != NULL && !self->is_cancelled)
    {
      PyObject *noted = PyObject_CallOneArg (native_hooks.note_failure, (PyObject *) self);

      if (noted == NULL)
        PyErr_WriteUnraisable ((PyObject *) self);
      Py_XDECREF (noted);
    }
  forget_stand_in (self->ident);
}

/* What the thread holds. It lets go of the task while it has the interpreter, so that it need not
 * queue for it a second time, against the one that it has just woken. */
typedef struct
{
  NativeTask *task;
} Hold;

static Hold *
hold_new (NativeTask *task)
{
  Hold *self = g_new (Hold, 1);

  self->task = (NativeTask *) Py_NewRef ((PyObject *) task);
  return self;
}

/* In a child that was forked here, this is the main thread, and its function was the
 * program: what would be left of it has no end. */
static void
end_child (NativeTask *task)
{
  if (task->exception == NULL)
    Py_Exit (0);

  task->is_told = TRUE;
  PyErr_SetObject ((PyObject *) Py_TYPE (task->exception), task->exception);
  PyErr_Print (); /* which does not return for a SystemExit */
  Py_Exit (1);
}

/* The function of the thread. */
static gboolean
task_main (ThredoThread  *thread,
           gpointer       data,
           GError       **error)
{
  Hold *hold = data;
  NativeEntry entry;

  native_enter (&entry);
  current = hold->task;
  task_call (hold->task, thread, error);
  if (G_UNLIKELY (native_is_main_thread ()))
    end_child (hold->task);
  current = NULL;
  Py_CLEAR (hold->task);
  native_leave (&entry);

  return *error == NULL;
}

/* A thread that never ran has its task still. The interpreter may be gone by then. */
static void
hold_free (gpointer data)
{
  Hold *self = data;
  NativeEntry entry;

  if (self->task != NULL && Py_IsInitialized ())
    {
      native_enter (&entry);
      Py_CLEAR (self->task);
      native_leave (&entry);
    }
  g_free (self);
}

static PyObject *
wrap (ThredoThread *thread,
      NativeTask   *task)
{
  PyObject *wrapper = pygobject_new_full (G_OBJECT (thread), TRUE, NULL);

  if (wrapper != NULL && PyObject_SetAttr (wrapper, native_task_attribute, (PyObject *) task) < 0)
    Py_CLEAR (wrapper);
  return wrapper;
}

/* spawn(group, name, daemon, run, function, args): the GIL is held throughout, so that nobody sees
 * the thread without its task. */
static PyObject *
task_spawn (PyObject *module,
            PyObject *arguments)
{
  PyObject *group_wrapper, *name, *run, *function, *args, *kwargs = NULL, *wrapper = NULL;
  ThredoGroup *group = NULL;
  const char *name_string;
  ThredoThread *thread;
  GError *error = NULL;
  int is_daemon;
  NativeTask *task;

  if (!PyArg_ParseTuple (arguments, "OUpOOO!|O!", &group_wrapper, &name, &is_daemon, &run,
                         &function, &PyTuple_Type, &args, &PyDict_Type, &kwargs))
    return NULL;
  name_string = PyUnicode_AsUTF8 (name);
  if (name_string == NULL)
    return NULL;
  if (group_wrapper != Py_None)
    {
      group = native_get_object (group_wrapper, THREDO_TYPE_GROUP);
      if (group == NULL)
        return NULL;
    }

  task = task_new (function, args, kwargs, name, run != Py_None ? run : NULL);
  if (task == NULL)
    return NULL;

  if (group != NULL)
    {
      task->group_failures = PyObject_GetAttrString (group_wrapper, "_failures");
      if (task->group_failures == NULL)
        {
          Py_DECREF (task);
          return NULL;
        }
    }
  if (group != NULL && !is_daemon)
    thread = thredo_group_spawn (group, name_string, task_main, hold_new (task), hold_free, &error);
  else
    {
      gboolean is_started;

      thread = thredo_thread_new (name_string, task_main, hold_new (task), hold_free);
      thredo_thread_set_daemon (thread, is_daemon);
      is_started = group != NULL ? thredo_group_add (group, thread, &error)
                                 : thredo_thread_start (thread, &error);
      if (!is_started)
        g_clear_object (&thread);
    }

  if (thread != NULL)
    wrapper = wrap (thread, task);
  else
    native_raise (error);
  Py_DECREF (task);
  return wrapper;
}

/* adopt_thread(wrapper, name): a thread that is not started, for a Python object
 * that has none yet. */
static PyObject *
task_adopt (PyObject *module,
            PyObject *arguments)
{
  PyObject *wrapper, *name, *result;
  const char *name_string;
  NativeTask *task;

  if (!PyArg_ParseTuple (arguments, "OU", &wrapper, &name))
    return NULL;
  name_string = PyUnicode_AsUTF8 (name);
  if (name_string == NULL)
    return NULL;
  task = task_new (NULL, NULL, NULL, name, NULL);
  if (task == NULL)
    return NULL;

  result = native_adopt (
      wrapper, thredo_thread_new (name_string, task_main, hold_new (task), hold_free));
  if (result != NULL && PyObject_SetAttr (wrapper, native_task_attribute, (PyObject *) task) < 0)
    Py_CLEAR (result);
  Py_DECREF (task);
  return result;
}

/* arm_task(task, function, args): what it runs, from just before it is started: a
 * thread that never is must not hold what holds it. Returns whether it is to be disarmed
 * by who does not get to start it; several may try, and one of them does. */
static PyObject *
task_arm (PyObject *module,
          PyObject *arguments)
{
  PyObject *object, *function, *args;
  NativeTask *task;

  if (!PyArg_ParseTuple (arguments, "O!OO!", native_task_type, &object, &function, &PyTuple_Type,
                         &args))
    return NULL;
  task = (NativeTask *) object;
  if (task->number != 0)
    Py_RETURN_FALSE;
  if (task->function == NULL)
    {
      task->function = Py_NewRef (function);
      task->args = Py_NewRef (args);
    }
  task->n_armed++;
  Py_RETURN_TRUE;
}

/* disarm_task(task): the caller has not started it. */
static PyObject *
task_disarm (PyObject *module,
             PyObject *object)
{
  NativeTask *task = (NativeTask *) object;

  if (Py_TYPE (object) == native_task_type && (task->n_armed == 0 || --task->n_armed == 0))
    {
      Py_CLEAR (task->function);
      Py_CLEAR (task->args);
    }
  Py_RETURN_NONE;
}

/* set_result(thread, result), for those that do not run Python too. */
static PyObject *
task_set_result (PyObject *module,
                 PyObject *arguments)
{
  PyObject *wrapper, *result;
  ThredoThread *thread;
  GValue value;

  if (!PyArg_ParseTuple (arguments, "OO", &wrapper, &result))
    return NULL;
  thread = native_get_object (wrapper, THREDO_TYPE_THREAD);
  if (thread == NULL || !native_value_init (&value, result))
    return NULL;
  thredo_thread_set_result (thread, &value);
  g_value_unset (&value);
  Py_RETURN_NONE;
}

/* get_result(thread): in a tuple of one, or None. */
static PyObject *
task_get_result (PyObject *module,
                 PyObject *wrapper)
{
  ThredoThread *thread = native_get_object (wrapper, THREDO_TYPE_THREAD);
  GValue value = G_VALUE_INIT;

  if (thread == NULL)
    return NULL;
  if (!thredo_thread_get_result (thread, &value))
    Py_RETURN_NONE;
  return Py_BuildValue ("(N)", native_value_take (&value));
}

PyMethodDef native_task_functions[] = {
  { "spawn", task_spawn, METH_VARARGS, NULL },
  { "adopt_thread", task_adopt, METH_VARARGS, NULL },
  { "arm_task", task_arm, METH_VARARGS, NULL },
  { "disarm_task", task_disarm, METH_O, NULL },
  { "set_result", task_set_result, METH_VARARGS, NULL },
  { "get_result", task_get_result, METH_O, NULL },
  { NULL }
};

gboolean
native_task_register (PyObject *module)
{
  PyObject *type = PyType_FromSpec (&task_spec);

  threading_module = PyImport_ImportModule ("threading");
  native_task_attribute = PyUnicode_InternFromString ("_task");
  if (type == NULL || threading_module == NULL || native_task_attribute == NULL)
    return FALSE;
  native_task_type = (PyTypeObject *) Py_NewRef (type);

  return PyModule_AddObject (module, "Task", type) == 0;
}
