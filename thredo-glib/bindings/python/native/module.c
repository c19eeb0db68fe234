/* SPDX-License-Identifier: LGPL-2.1-or-later */

#define NATIVE_MODULE
#include "native.h"

NativeHooks native_hooks;
GType native_object_gtype;

/* The GObject of a wrapper. */
gpointer
native_get_object (PyObject *self,
                   GType     type)
{
  GObject *object = NULL;

  if (G_LIKELY (PyObject_TypeCheck (self, &PyGObject_Type)))
    object = pygobject_get (self);
  if (G_LIKELY (object != NULL && g_type_is_a (G_OBJECT_TYPE (object), type)))
    return object;

  if (object == NULL && PyObject_TypeCheck (self, &PyGObject_Type))
    PyErr_Format (PyExc_RuntimeError, "%.100s.__init__() was not called", Py_TYPE (self)->tp_name);
  else
    PyErr_Format (PyExc_TypeError, "a %s is needed, not %.100s", g_type_name (type),
                  Py_TYPE (self)->tp_name);
  return NULL;
}

/* Takes the error, raises, and returns NULL. */
PyObject *
native_raise (GError *error)
{
  PyObject *exception;

  if (error == NULL)
    {
      /* The library has written that it was called in the wrong way. */
      PyErr_SetString (PyExc_SystemError, "the call was refused without an error");
      return NULL;
    }
  exception = PyObject_CallFunction (native_hooks.translate, "sis",
                                     g_quark_to_string (error->domain), error->code,
                                     error->message);
  g_error_free (error);
  if (exception != NULL)
    PyErr_SetObject ((PyObject *) Py_TYPE (exception), exception);
  Py_XDECREF (exception);
  return NULL;
}

/* Makes a Python object that is just being initialised the wrapper of @object,
 * whose reference it takes. */
PyObject *
native_adopt (PyObject *self,
              gpointer  object)
{
  if (object == NULL)
    return native_raise (NULL);
  if (!PyObject_TypeCheck (self, &PyGObject_Type) || pygobject_get (self) != NULL)
    {
      g_object_unref (object);
      PyErr_Format (PyExc_TypeError, "%.100s.__init__() was called already",
                    Py_TYPE (self)->tp_name);
      return NULL;
    }
  ((PyGObject *) self)->obj = object;
  pygobject_register_wrapper (self);
  Py_RETURN_NONE;
}

static PyObject *
set_hooks (PyObject *module,
           PyObject *args)
{
  NativeHooks hooks;

  if (!PyArg_ParseTuple (args, "OOOOOOOOOO", &hooks.translate, &hooks.fail_join,
                         &hooks.note_failure, &hooks.report, &hooks.enter, &hooks.error_class,
                         &hooks.empty, &hooks.full, &hooks.closed, &hooks.cancellable_class))
    return NULL;
  Py_INCREF (args); /* which owns them, for ever */
  native_hooks = hooks;
  Py_RETURN_NONE;
}

static PyMethodDef functions[] = {
  { "set_hooks", set_hooks, METH_VARARGS, NULL },
  { NULL }
};

static PyMethodDef *const functions_of_others[] = {
  native_barrier_functions,
  native_condition_functions,
  native_fd_functions,
  native_group_functions,
  native_interpreter_functions,
  native_interrupt_functions,
  native_signal_event_functions,
  native_sleep_functions,
  native_socket_functions,
  native_task_functions,
};

static struct PyModuleDef definition = {
  PyModuleDef_HEAD_INIT,
  .m_name = "_thredo_native",
  .m_doc = "What the overrides of Thredo call often.",
  .m_size = -1,
  .m_methods = functions,
};

PyMODINIT_FUNC PyInit__thredo_native (void);

PyMODINIT_FUNC
PyInit__thredo_native (void)
{
  PyObject *module = PyModule_Create (&definition);

  if (module == NULL)
    return NULL;
  if (pygobject_init (3, 42, 0) == NULL)
    goto fail;
  native_object_gtype = g_type_from_name ("PyObject");
  if (native_object_gtype == G_TYPE_INVALID)
    {
      PyErr_SetString (PyExc_ImportError, "PyGObject has no type PyObject");
      goto fail;
    }
  for (guint i = 0; i < G_N_ELEMENTS (functions_of_others); i++)
    if (PyModule_AddFunctions (module, functions_of_others[i]) < 0)
      goto fail;
  if (!native_queue_register (module) || !native_lock_register (module) ||
      !native_task_register (module) || !native_thread_register (module))
    goto fail;
  return module;

fail:
  Py_DECREF (module);
  return NULL;
}
