/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "native.h"

/* The methods of Lock, RLock, Semaphore and Event that are called often. The
 * first three are of one kind: acquire, try to, and release. */

typedef struct
{
  GType (*get_type) (void);
  NativeWaitFunc acquire;
  gboolean (*try_acquire) (gpointer object);
  gboolean (*release) (gpointer   object,
                       GError   **error);
} LockKind;

static PyObject *
acquire (const LockKind  *kind,
         PyObject        *self,
         PyObject *const *args,
         Py_ssize_t       n_args,
         PyObject        *names)
{
  gpointer object = native_get_object (self, kind->get_type ());
  NativeLimits limits;
  GError *error = NULL;

  if (object == NULL || !native_parse_limits (&limits, NATIVE_TIMEOUT_LOCK, args, n_args, names))
    return NULL;
  if (!limits.blocking || limits.timeout == 0)
    return PyBool_FromLong (kind->try_acquire (object));

  if (!thredo_check_cancelled (limits.cancellable, &error))
    return native_raise (error);
  if (G_LIKELY (kind->try_acquire (object)))
    Py_RETURN_TRUE;
  return native_wait_bool (kind->acquire, object, limits.cancellable, limits.timeout,
                           NATIVE_WAIT_RESTARTS);
}

static PyObject *
release (const LockKind *kind,
         PyObject       *self)
{
  gpointer object = native_get_object (self, kind->get_type ());
  GError *error = NULL;

  if (object == NULL)
    return NULL;
  if (G_UNLIKELY (!kind->release (object, &error)))
    return native_raise (error);
  Py_RETURN_NONE;
}

PyDoc_STRVAR (acquire_doc,
              "acquire(blocking=True, timeout=-1, *, cancellable=None)\n--\n\n"
              "Acquire it, and wait until it is to be had.\n\n"
              "The wait ends when it is, by a cancel of the thread or a scope around it\n"
              "(CancelledError), the deadline of a scope (ThreadTimeout), or a cancel of\n"
              "`cancellable`; then it was not acquired. Returns False if it was not to be had\n"
              "within `timeout` seconds, or at once if not `blocking`, and else True.");
PyDoc_STRVAR (release_doc, "release()\n--\n\nRelease it, which whoever waits longest gets then.");

#define DEFINE_LOCK(Type, prefix) \
  static gboolean prefix##_acquire_native (gpointer object, GCancellable *cancellable, \
                                           GError **error) \
  { \
    return thredo_##prefix##_acquire (object, cancellable, error); \
  } \
\
  static gboolean prefix##_try_acquire_native (gpointer object) \
  { \
    return thredo_##prefix##_try_acquire (object); \
  } \
\
  static gboolean prefix##_release_native (gpointer object, GError **error) \
  { \
    return thredo_##prefix##_release (object, error); \
  } \
\
  static const LockKind prefix##_kind = { thredo_##prefix##_get_type, prefix##_acquire_native, \
                                          prefix##_try_acquire_native, prefix##_release_native }; \
\
  static PyObject *prefix##_acquire (PyObject *self, PyObject *const *args, Py_ssize_t n_args, \
                                     PyObject *names) \
  { \
    return acquire (&prefix##_kind, self, args, n_args, names); \
  } \
\
  static PyObject *prefix##_enter (PyObject *self, PyObject *unused) \
  { \
    return acquire (&prefix##_kind, self, NULL, 0, NULL); \
  } \
\
  static PyObject *prefix##_release (PyObject *self, PyObject *unused) \
  { \
    return release (&prefix##_kind, self); \
  } \
\
  static PyObject *prefix##_exit (PyObject *self, PyObject *const *args, Py_ssize_t n_args) \
  { \
    return release (&prefix##_kind, self); \
  } \
\
  static PyMethodDef prefix##_methods[] = { \
    { "acquire", (PyCFunction) (void (*) (void)) prefix##_acquire, METH_FASTCALL | METH_KEYWORDS, \
      acquire_doc }, \
    { "release", prefix##_release, METH_NOARGS, release_doc }, \
    { "__enter__", prefix##_enter, METH_NOARGS, NULL }, \
    { "__exit__", (PyCFunction) (void (*) (void)) prefix##_exit, METH_FASTCALL, NULL }, \
    { NULL } \
  }; \
\
  static PyType_Slot prefix##_slots[] = { \
    { Py_tp_methods, prefix##_methods }, \
    { 0, NULL }, \
  }; \
\
  static PyType_Spec prefix##_spec = { \
    .name = "gi.overrides._thredo_native." #Type "Methods", \
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE, \
    .slots = prefix##_slots, \
  };

DEFINE_LOCK (Lock, lock)
DEFINE_LOCK (RLock, rlock)
DEFINE_LOCK (Semaphore, semaphore)

static gboolean
wait_event (gpointer       object,
            GCancellable  *cancellable,
            GError       **error)
{
  return thredo_event_wait (object, cancellable, error);
}

static PyObject *
event_wait (PyObject        *self,
            PyObject *const *args,
            Py_ssize_t       n_args,
            PyObject        *names)
{
  ThredoEvent *event = native_get_object (self, THREDO_TYPE_EVENT);
  NativeLimits limits;
  GError *error = NULL;

  if (event == NULL || !native_parse_limits (&limits, NATIVE_TIMEOUT_EVENT, args, n_args, names))
    return NULL;
  if (limits.timeout == 0)
    return PyBool_FromLong (thredo_event_is_set (event));
  if (!thredo_check_cancelled (limits.cancellable, &error))
    return native_raise (error);
  if (thredo_event_is_set (event))
    Py_RETURN_TRUE;
  return native_wait_bool (wait_event, event, limits.cancellable, limits.timeout,
                           NATIVE_WAIT_RESTARTS);
}

static PyObject *
event_set (PyObject *self,
           PyObject *unused)
{
  ThredoEvent *event = native_get_object (self, THREDO_TYPE_EVENT);

  if (event == NULL)
    return NULL;
  thredo_event_set (event);
  Py_RETURN_NONE;
}

static PyObject *
event_clear (PyObject *self,
             PyObject *unused)
{
  ThredoEvent *event = native_get_object (self, THREDO_TYPE_EVENT);

  if (event == NULL)
    return NULL;
  thredo_event_clear (event);
  Py_RETURN_NONE;
}

static PyObject *
event_is_set (PyObject *self,
              PyObject *unused)
{
  ThredoEvent *event = native_get_object (self, THREDO_TYPE_EVENT);

  return event != NULL ? PyBool_FromLong (thredo_event_is_set (event)) : NULL;
}

PyDoc_STRVAR (wait_doc,
              "wait(timeout=None, *, cancellable=None)\n--\n\n"
              "Wait until the event is set.\n\n"
              "The wait ends when it is, by a cancel of the thread or a scope around it\n"
              "(CancelledError), the deadline of a scope (ThreadTimeout), or a cancel of\n"
              "`cancellable`. Returns False if `timeout` seconds were too short, or else True.");
PyDoc_STRVAR (set_doc, "set()\n--\n\nSet the event, and wake all that wait for it.");
PyDoc_STRVAR (clear_doc, "clear()\n--\n\nHave it set no more.");
PyDoc_STRVAR (is_set_doc, "is_set()\n--\n\nWhether it is set.");

static PyMethodDef event_methods[] = {
  { "wait", (PyCFunction) (void (*) (void)) event_wait, METH_FASTCALL | METH_KEYWORDS, wait_doc },
  { "set", event_set, METH_NOARGS, set_doc },
  { "clear", event_clear, METH_NOARGS, clear_doc },
  { "is_set", event_is_set, METH_NOARGS, is_set_doc },
  { NULL }
};

static PyType_Slot event_slots[] = {
  { Py_tp_methods, event_methods },
  { 0, NULL },
};

static PyType_Spec event_spec = {
  .name = "gi.overrides._thredo_native.EventMethods",
  .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE,
  .slots = event_slots,
};

gboolean
native_lock_register (PyObject *module)
{
  static const struct
  {
    const char *name;
    PyType_Spec *spec;
  } types[] = {
    { "LockMethods", &lock_spec },
    { "RLockMethods", &rlock_spec },
    { "SemaphoreMethods", &semaphore_spec },
    { "EventMethods", &event_spec },
  };

  for (guint i = 0; i < G_N_ELEMENTS (types); i++)
    {
      PyObject *type = PyType_FromSpec (types[i].spec);

      if (type == NULL || PyModule_AddObject (module, types[i].name, type) < 0)
        return FALSE;
    }
  return TRUE;
}
