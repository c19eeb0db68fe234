/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "native.h"

#include <structmember.h>

/* A function that a thread runs, and what came of it.
 *
 * It is a Python object of its own, held by the thread's wrapper in its
 * dictionary, and by the thread while the function runs: so Python's collector
 * sees the way from an exception through its frames back to the thread, and can
 * break the cycle. */

typedef struct
{
  PyObject_HEAD
      PyObject *function; /* the three are dropped when it has run */
  PyObject *args;
  PyObject *kwargs;
  PyObject *result;
  PyObject *exception;
  PyObject *run;   /* what thredo.run() it belongs to, or NULL */
  PyObject *group; /* a weak reference to it, or NULL */
  PyObject *name;
  unsigned long long number; /* in which order tasks ended, from 1; 0 if this has not */
  unsigned long ident;       /* of the thread that ran it */
  char is_cancelled;
  char is_told; /* somebody asked how it ended */
  PyObject *weak_references;
} Task;

static PyTypeObject *task_type;
static unsigned long long last_number;
static __thread Task *current;

static PyObject *threading_module;
static PyObject *task_attribute; /* "_task" */

static int
task_traverse (PyObject  *object,
               visitproc  visit,
               void      *arg)
{
  Task *self = (Task *) object;

#if PY_VERSION_HEX >= 0x03090000
  Py_VISIT (Py_TYPE (object));
#endif
  Py_VISIT (self->function);
  Py_VISIT (self->args);
  Py_VISIT (self->kwargs);
  Py_VISIT (self->result);
  Py_VISIT (self->exception);
  Py_VISIT (self->run);
  Py_VISIT (self->group);
  return 0;
}

static int
task_clear (PyObject *object)
{
  Task *self = (Task *) object;

  Py_CLEAR (self->function);
  Py_CLEAR (self->args);
  Py_CLEAR (self->kwargs);
  Py_CLEAR (self->result);
  Py_CLEAR (self->exception);
  Py_CLEAR (self->run);
  Py_CLEAR (self->group);
  return 0;
}

/* The last to know of the failure goes without having asked: it is reported. */
static void
task_finalize (PyObject *object)
{
  Task *self = (Task *) object;
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
  Task *self = (Task *) object;
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
  { "result", T_OBJECT, offsetof (Task, result), READONLY, NULL },
  { "exception", T_OBJECT, offsetof (Task, exception), READONLY, NULL },
  { "run", T_OBJECT, offsetof (Task, run), READONLY, NULL },
  { "group", T_OBJECT, offsetof (Task, group), 0, NULL },
  { "name", T_OBJECT, offsetof (Task, name), READONLY, NULL },
  { "number", T_ULONGLONG, offsetof (Task, number), READONLY, NULL },
  { "ident", T_ULONG, offsetof (Task, ident), READONLY, NULL },
  { "is_cancelled", T_BOOL, offsetof (Task, is_cancelled), READONLY, NULL },
  { "is_told", T_BOOL, offsetof (Task, is_told), 0, NULL },
  { "__weaklistoffset__", T_PYSSIZET, offsetof (Task, weak_references), READONLY, NULL },
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
  .basicsize = sizeof (Task),
  .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
  .slots = task_slots,
};

static Task *
task_new (PyObject *function,
          PyObject *args,
          PyObject *kwargs,
          PyObject *name,
          PyObject *run)
{
  Task *self = (Task *) task_type->tp_alloc (task_type, 0);

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
task_call (Task          *self,
           ThredoThread  *thread,
           GError       **error)
{
  install_hook ("_trace_hook", "settrace");
  install_hook ("_profile_hook", "setprofile");

  self->ident = PyThread_get_thread_ident ();
  if (self->function != NULL)
    self->result = PyObject_Call (self->function, self->args, self->kwargs);
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
  Task *task;
} Hold;

static Hold *
hold_new (Task *task)
{
  Hold *self = g_new (Hold, 1);

  self->task = (Task *) Py_NewRef ((PyObject *) task);
  return self;
}

/* In a child that was forked here, this is the main thread, and its function was the
 * program: what would be left of it has no end. */
static void
end_child (Task *task)
{
  if (task->exception == NULL)
    Py_Exit (0);

  task->is_told = TRUE;
  PyErr_SetObject ((PyObject *) Py_TYPE (task->exception), task->exception);
  PyErr_Print (); /* which does not return for a SystemExit */
  Py_Exit (1);
}

/* Python makes a state under a lock, without the GIL; a child that is forked meanwhile would
 * never get that. */
static GMutex birth_lock;

/* The thread has a state of its own, as Python's own threads have. One of
 * PyGILState_Ensure() has nobody inside any more when it is cleared, in most versions: if
 * what is in a threading.local() then calls that as well, on its way out, the state is
 * freed twice. Returns NULL if there is one already: that is for PyGILState_Ensure(). */
static PyThreadState *
enter_python (void)
{
  PyThreadState *state;

  if (PyGILState_GetThisThreadState () != NULL)
    return NULL;
  g_mutex_lock (&birth_lock);
  state = PyThreadState_New (PyInterpreterState_Main ());
  g_mutex_unlock (&birth_lock);
  if (state != NULL)
    PyEval_RestoreThread (state);
  return state;
}

static void
leave_python (PyThreadState *state)
{
  PyThreadState_Clear (state);
  PyThreadState_DeleteCurrent ();
}

/* The function of the thread. */
static gboolean
task_main (ThredoThread  *thread,
           gpointer       data,
           GError       **error)
{
  Hold *hold = data;
  PyThreadState *own_state = enter_python ();
  PyGILState_STATE state = PyGILState_Ensure ();

  current = hold->task;
  task_call (hold->task, thread, error);
  if (G_UNLIKELY (native_is_main_thread ()))
    end_child (hold->task);
  current = NULL;
  Py_CLEAR (hold->task);
  PyGILState_Release (state);
  if (own_state != NULL)
    leave_python (own_state);

  return *error == NULL;
}

/* A thread that never ran has its task still. The interpreter may be gone by then. */
static void
hold_free (gpointer data)
{
  Hold *self = data;

  if (self->task != NULL && Py_IsInitialized ())
    {
      PyGILState_STATE state = PyGILState_Ensure ();

      Py_CLEAR (self->task);
      PyGILState_Release (state);
    }
  g_free (self);
}

static PyObject *
wrap (ThredoThread *thread,
      Task         *task)
{
  PyObject *wrapper = pygobject_new_full (G_OBJECT (thread), TRUE, NULL);

  if (wrapper != NULL && PyObject_SetAttr (wrapper, task_attribute, (PyObject *) task) < 0)
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
  Task *task;

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
    task->group = PyWeakref_NewRef (group_wrapper, NULL);
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
  Task *task;

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
  if (result != NULL && PyObject_SetAttr (wrapper, task_attribute, (PyObject *) task) < 0)
    Py_CLEAR (result);
  Py_DECREF (task);
  return result;
}

/* arm_task(task, function, args): what it runs, from just before it is started: a
 * thread that never is must not hold what holds it. */
static PyObject *
task_arm (PyObject *module,
          PyObject *arguments)
{
  PyObject *object, *function, *args;
  Task *task;

  if (!PyArg_ParseTuple (arguments, "O!OO!", task_type, &object, &function, &PyTuple_Type, &args))
    return NULL;
  task = (Task *) object;
  if (task->number == 0 && task->function == NULL)
    {
      task->function = Py_NewRef (function);
      task->args = Py_NewRef (args);
    }
  Py_RETURN_NONE;
}

/* disarm_task(task): it was not started. */
static PyObject *
task_disarm (PyObject *module,
             PyObject *object)
{
  if (Py_TYPE (object) == task_type)
    {
      Py_CLEAR (((Task *) object)->function);
      Py_CLEAR (((Task *) object)->args);
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
  PyObject *task = PyObject_GetAttr (wrapper, task_attribute);

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
  else if (Py_TYPE (task) == task_type && ((Task *) task)->result != NULL &&
           ((Task *) task)->result != Py_None)
    result = Py_NewRef (((Task *) task)->result);
  else
    {
      GValue value = G_VALUE_INIT;

      result = thredo_thread_get_result (thread, &value) ? native_value_take (&value)
                                                         : Py_NewRef (Py_None);
    }
  Py_DECREF (task);
  return result;
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

  switch (native_wait (join, thread, limits.cancellable, limits.timeout, NATIVE_WAIT_RESTARTS,
                       &error))
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

static PyObject *
thread_wait (PyObject        *self,
             PyObject *const *args,
             Py_ssize_t       n_args,
             PyObject        *names)
{
  ThredoThread *thread = native_get_object (self, THREDO_TYPE_THREAD);
  NativeLimits limits;
  PyObject *task, *result;

  if (thread == NULL || !native_parse_limits (&limits, NATIVE_TIMEOUT_EVENT, args, n_args, names))
    return NULL;
  spare_ended (thread, &limits);
  result = native_wait_bool (wait_for, thread, limits.cancellable, limits.timeout,
                             NATIVE_WAIT_RESTARTS);
  if (result != Py_True)
    return result;

  task = get_task (self);
  if (task == NULL)
    Py_CLEAR (result);
  else if (Py_TYPE (task) == task_type)
    ((Task *) task)->is_told = TRUE;
  Py_XDECREF (task);
  return result;
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

static PyMethodDef thread_methods[] = {
  { "join", (PyCFunction) (void (*) (void)) thread_join, METH_FASTCALL | METH_KEYWORDS, join_doc },
  { "wait", (PyCFunction) (void (*) (void)) thread_wait, METH_FASTCALL | METH_KEYWORDS, wait_doc },
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

/* before_fork(), after_fork(is_child) */
static PyObject *
task_before_fork (PyObject *module,
                  PyObject *unused)
{
  g_mutex_lock (&birth_lock);
  Py_RETURN_NONE;
}

static PyObject *
task_after_fork (PyObject *module,
                 PyObject *is_child)
{
  if (is_child == Py_True)
    g_mutex_init (&birth_lock);
  else
    g_mutex_unlock (&birth_lock);
  Py_RETURN_NONE;
}

PyMethodDef native_task_functions[] = {
  { "before_fork", task_before_fork, METH_NOARGS, NULL },
  { "after_fork", task_after_fork, METH_O, NULL },
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
  PyObject *methods = PyType_FromSpec (&thread_spec);

  threading_module = PyImport_ImportModule ("threading");
  task_attribute = PyUnicode_InternFromString ("_task");
  if (type == NULL || methods == NULL || threading_module == NULL || task_attribute == NULL)
    return FALSE;
  task_type = (PyTypeObject *) Py_NewRef (type);

  return PyModule_AddObject (module, "Task", type) == 0 &&
         PyModule_AddObject (module, "ThreadMethods", methods) == 0;
}
