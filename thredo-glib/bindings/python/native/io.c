/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "native.h"

/* Waits that belong to no object, or are called too seldom for methods. */

typedef struct
{
  int fd;
  GIOCondition wanted;
  GIOCondition found;
} FdWait;

static gboolean
wait_fd (gpointer       object,
         GCancellable  *cancellable,
         GError       **error)
{
  FdWait *wait = object;

  wait->found = thredo_wait_fd (wait->fd, wait->wanted, cancellable, error);
  return wait->found != 0;
}

static PyObject *
io_wait_fd (PyObject        *module,
            PyObject *const *args,
            Py_ssize_t       n_args,
            PyObject        *names)
{
  NativeLimits limits;
  GError *error = NULL;
  FdWait wait = { 0 };

  if (n_args < 2)
    {
      PyErr_SetString (PyExc_TypeError, "wait_fd() needs a file descriptor and a condition");
      return NULL;
    }
  wait.fd = PyObject_AsFileDescriptor (args[0]);
  if (wait.fd < 0)
    return NULL;
  wait.wanted = (GIOCondition) PyLong_AsLong (args[1]);
  if (!PyErr_Occurred () && (wait.wanted & (G_IO_IN | G_IO_OUT | G_IO_PRI)) == 0)
    PyErr_SetString (PyExc_ValueError, "a condition is needed of GLib.IOCondition IN, OUT or PRI");
  if (PyErr_Occurred () ||
      !native_parse_limits (&limits, NATIVE_TIMEOUT_EVENT, args + 2, n_args - 2, names))
    return NULL;
  if (limits.timeout != NATIVE_FOREVER)
    {
      GPollFD poll = { .fd = wait.fd, .events = wait.wanted };

      if (!thredo_check_cancelled (limits.cancellable, &error))
        return native_raise (error);
      if (g_poll (&poll, 1, 0) == 1 && (poll.revents & G_IO_NVAL) == 0)
        return PyLong_FromLong (poll.revents);
    }

  switch (native_wait (wait_fd, &wait, limits.cancellable, limits.timeout, NATIVE_WAIT_RESTARTS,
                       &error))
    {
    case NATIVE_WAIT_DONE:
      return PyLong_FromLong ((long) wait.found);
    case NATIVE_WAIT_TIMED_OUT:
      return PyLong_FromLong (0);
    case NATIVE_WAIT_FAILED:
      return native_raise (error);
    default:
      return NULL;
    }
}

static gboolean
sleep_until (gpointer       object,
             GCancellable  *cancellable,
             GError       **error)
{
  gint64 rest = *(gint64 *) object - g_get_monotonic_time ();

  return thredo_sleep (MAX (rest, 0), cancellable, error);
}

static PyObject *
io_sleep (PyObject        *module,
          PyObject *const *args,
          Py_ssize_t       n_args,
          PyObject        *names)
{
  gint64 until;
  NativeLimits limits;

  if (n_args < 1)
    {
      PyErr_SetString (PyExc_TypeError, "sleep() needs a number of seconds");
      return NULL;
    }
  if (!native_parse_seconds (args[0], &until) ||
      !native_parse_limits (&limits, NATIVE_TIMEOUT_EVENT, args + 1, n_args - 1, names))
    return NULL;
  if (until < 0)
    {
      PyErr_SetString (PyExc_ValueError, "sleep length must be non-negative");
      return NULL;
    }
  until += g_get_monotonic_time ();
  return native_wait_none (sleep_until, &until, limits.cancellable);
}

static PyObject *
io_check_cancelled (PyObject        *module,
                    PyObject *const *args,
                    Py_ssize_t       n_args,
                    PyObject        *names)
{
  NativeLimits limits;
  GError *error = NULL;

  if (!native_parse_limits (&limits, NATIVE_TIMEOUT_EVENT, args, n_args, names))
    return NULL;
  if (!thredo_check_cancelled (limits.cancellable, &error))
    return native_raise (error);
  Py_RETURN_NONE;
}

static gboolean
wait_condition (gpointer       object,
                GCancellable  *cancellable,
                GError       **error)
{
  return thredo_condition_wait (object, cancellable, error);
}

/* condition_wait(condition, timeout=None, *, cancellable=None) */
static PyObject *
io_condition_wait (PyObject        *module,
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

/* Whether a signal has to end waits of the calling thread. */
static PyObject *
io_is_interruptible (PyObject *module,
                     PyObject *unused)
{
  return PyBool_FromLong (native_interrupt_concerns_us ());
}

typedef struct
{
  NativeWaitFunc func;
  gpointer object;
} Proxy;

static gboolean
proxy_main (ThredoThread  *thread,
            gpointer       data,
            GError       **error)
{
  Proxy *proxy = data;
  gboolean is_done = proxy->func (proxy->object, NULL, error);

  /* The one whom it stands for is told. */
  thredo_thread_hush_failure (thread);
  return is_done;
}

static gboolean
wait_for_proxy (gpointer       object,
                GCancellable  *cancellable,
                GError       **error)
{
  return thredo_thread_wait (object, cancellable, error);
}

/* To end some waits does something to others: members of a group are cancelled, a
 * barrier breaks. So a signal must not end them before its handler has raised: the
 * main thread has another thread wait, and waits for that. */
static NativeOutcome
wait_by_proxy (NativeWaitFunc   func,
               gpointer         object,
               GCancellable    *cancellable,
               gint64           timeout,
               GError         **error)
{
  Proxy proxy = { func, object };
  NativeOutcome outcome;
  ThredoThread *thread;

  if (!native_interrupt_concerns_us ())
    return native_wait (func, object, cancellable, timeout, NATIVE_WAIT_RESTARTS, error);

  if (!thredo_check_cancelled (cancellable, error))
    {
      /* The wait itself is to say so, and to do what comes of it. */
      g_clear_error (error);
      return native_wait (func, object, cancellable, timeout, NATIVE_WAIT_RESTARTS, error);
    }
  thread = thredo_thread_spawn ("main", proxy_main, &proxy, NULL, error);
  if (thread == NULL)
    return NATIVE_WAIT_FAILED;
  outcome = native_wait (wait_for_proxy, thread, cancellable, timeout, NATIVE_WAIT_RESTARTS, error);
  if (outcome != NATIVE_WAIT_DONE)
    {
      ThredoScope *shield = thredo_scope_new_shielded ();
      PyThreadState *state = native_release ();

      thredo_thread_cancel (thread);
      thredo_scope_enter (shield);
      thredo_thread_wait (thread, NULL, NULL);
      thredo_scope_leave (shield);
      native_acquire (state);
      g_object_unref (shield);
      /* It may have been faster than the end of the wait for it. */
      if (outcome != NATIVE_WAIT_INTERRUPTED && thredo_thread_get_error (thread) == NULL)
        {
          g_clear_error (error);
          outcome = NATIVE_WAIT_DONE;
        }
    }
  else if (thredo_thread_get_error (thread) != NULL)
    {
      g_propagate_error (error, g_error_copy (thredo_thread_get_error (thread)));
      outcome = NATIVE_WAIT_FAILED;
    }
  g_object_unref (thread);
  return outcome;
}

/* The action of a barrier is its wrapper's, so that Python's collector sees a cycle
 * between them. */
static gboolean
act (ThredoBarrier  *barrier,
     gpointer        unused,
     GError        **error)
{
  PyGILState_STATE state = PyGILState_Ensure ();
  PyObject *wrapper = pygobject_new (G_OBJECT (barrier));
  PyObject *result = wrapper != NULL ? PyObject_CallMethod (wrapper, "_act", NULL) : NULL;
  gboolean has_succeeded = result != NULL && PyObject_IsTrue (result) > 0;

  if (PyErr_Occurred ())
    PyErr_WriteUnraisable (wrapper);
  if (!has_succeeded)
    g_set_error_literal (error, THREDO_ERROR, THREDO_ERROR_FAILED,
                         "The action of the barrier has failed");
  Py_XDECREF (result);
  Py_XDECREF (wrapper);
  PyGILState_Release (state);
  return has_succeeded;
}

/* adopt_barrier(wrapper, parties): with an action, the _act() of the wrapper. */
static PyObject *
io_adopt_barrier (PyObject *module,
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
io_barrier_wait (PyObject        *module,
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
  switch (wait_by_proxy (wait_barrier, &wait, limits.cancellable, limits.timeout, &error))
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
io_signal_event_wait (PyObject        *module,
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
io_adopt_signal_event (PyObject *module,
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
      numbers[i] = (int) PyLong_AsLong (PyTuple_GET_ITEM (signals, i));
      if (PyErr_Occurred ())
        return NULL;
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
io_dispose (PyObject *module,
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
io_next_done (PyObject        *module,
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
io_join_group (PyObject        *module,
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

  switch (wait_by_proxy (join_group, group, limits.cancellable, NATIVE_FOREVER, &error))
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

PyDoc_STRVAR (sleep_doc,
              "sleep(seconds, /, *, cancellable=None)\n--\n\n"
              "Block the calling thread for a time.\n\n"
              "The wait ends when the time is over, by a cancel of the thread or a scope around\n"
              "it (CancelledError), the deadline of a scope (ThreadTimeout), or a cancel of\n"
              "`cancellable`.");
PyDoc_STRVAR (check_cancelled_doc,
              "check_cancelled(*, cancellable=None)\n--\n\n"
              "Raise CancelledError or ThreadTimeout if a wait would. Never waits: it makes a\n"
              "thread that computes one that can be cancelled.");
PyDoc_STRVAR (wait_fd_doc,
              "wait_fd(fd, condition, /, timeout=None, *, cancellable=None)\n--\n\n"
              "Wait until a file descriptor, or what has a fileno(), is ready.\n\n"
              "`condition` and what is returned are GLib.IOCondition. 0 is returned after\n"
              "`timeout` seconds.");

PyMethodDef native_io_functions[] = {
  { "sleep", (PyCFunction) (void (*) (void)) io_sleep, METH_FASTCALL | METH_KEYWORDS, sleep_doc },
  { "check_cancelled", (PyCFunction) (void (*) (void)) io_check_cancelled,
    METH_FASTCALL | METH_KEYWORDS, check_cancelled_doc },
  { "wait_fd", (PyCFunction) (void (*) (void)) io_wait_fd, METH_FASTCALL | METH_KEYWORDS,
    wait_fd_doc },
  { "condition_wait", (PyCFunction) (void (*) (void)) io_condition_wait,
    METH_FASTCALL | METH_KEYWORDS, NULL },
  { "join_group", (PyCFunction) (void (*) (void)) io_join_group, METH_FASTCALL | METH_KEYWORDS,
    NULL },
  { "next_done", (PyCFunction) (void (*) (void)) io_next_done, METH_FASTCALL | METH_KEYWORDS,
    NULL },
  { "barrier_wait", (PyCFunction) (void (*) (void)) io_barrier_wait, METH_FASTCALL | METH_KEYWORDS,
    NULL },
  { "signal_event_wait", (PyCFunction) (void (*) (void)) io_signal_event_wait,
    METH_FASTCALL | METH_KEYWORDS, NULL },
  { "adopt_barrier", io_adopt_barrier, METH_VARARGS, NULL },
  { "adopt_signal_event", io_adopt_signal_event, METH_VARARGS, NULL },
  { "dispose", io_dispose, METH_O, NULL },
  { "is_interruptible", io_is_interruptible, METH_NOARGS, NULL },
  { "set_main_thread", native_interrupt_set_main_thread, METH_O, NULL },
  { NULL }
};
