/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "native.h"

/* Who comes back from a wait does not spin for the interpreter: it was tried, and
 * where processors are wanted by others it doubled the cost of an answer, while
 * it gained nothing where they are not. */
PyThreadState *
native_release (void)
{
  return PyEval_SaveThread ();
}

void
native_acquire (PyThreadState *state)
{
  PyEval_RestoreThread (state);
}

/* With a scope, for a timeout or for signals. */
static NativeOutcome
wait_once (NativeWaitFunc   func,
           gpointer         object,
           GCancellable    *cancellable,
           gint64           deadline,
           gboolean         may_interrupt,
           gboolean        *is_interrupted,
           GError         **error)
{
  ThredoScope *scope = thredo_scope_new ();
  gboolean is_done, is_expired;
  PyThreadState *state;

  if (deadline != NATIVE_FOREVER)
    thredo_scope_set_deadline (scope, deadline);
  if (may_interrupt && !native_interrupt_begin (scope))
    {
      g_object_unref (scope);
      return NATIVE_WAIT_INTERRUPTED;
    }

  state = native_release ();
  thredo_scope_enter (scope);
  is_done = func (object, cancellable, error);
  thredo_scope_leave (scope);
  is_expired = thredo_scope_is_expired (scope);
  native_acquire (state);

  *is_interrupted = may_interrupt && native_interrupt_end ();
  g_object_unref (scope);

  if (is_done)
    return NATIVE_WAIT_DONE;
  if (is_expired && g_error_matches (*error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT))
    {
      g_clear_error (error);
      return NATIVE_WAIT_TIMED_OUT;
    }
  return NATIVE_WAIT_FAILED;
}

/* Blocks in @func without the GIL, up to @timeout. On the main thread, where
 * Python runs the handlers of signals, a signal ends the wait; it is taken up
 * again if the handler does not raise. */
NativeOutcome
native_wait (NativeWaitFunc     func,
             gpointer           object,
             GCancellable      *cancellable,
             gint64             timeout,
             NativeWaitManner   manner,
             GError           **error)
{
  gboolean may_interrupt = native_interrupt_concerns_us ();
  gint64 now = g_get_monotonic_time ();
  gint64 deadline = NATIVE_FOREVER;
  NativeOutcome outcome;
  gboolean is_interrupted = FALSE;

  if (G_LIKELY (timeout == NATIVE_FOREVER && !may_interrupt))
    {
      PyThreadState *state = native_release ();
      gboolean is_done = func (object, cancellable, error);

      native_acquire (state);
      return is_done ? NATIVE_WAIT_DONE : NATIVE_WAIT_FAILED;
    }

  if (timeout != NATIVE_FOREVER)
    deadline = timeout < G_MAXINT64 - now ? now + timeout : THREDO_NO_DEADLINE;
  for (;;)
    {
      outcome = wait_once (func, object, cancellable, deadline, may_interrupt, &is_interrupted,
                           error);
      if (outcome != NATIVE_WAIT_FAILED || !is_interrupted)
        return outcome;
      if (PyErr_CheckSignals () < 0)
        {
          g_clear_error (error);
          return NATIVE_WAIT_INTERRUPTED;
        }
      if (!g_error_matches (*error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
        return outcome;
      g_clear_error (error);
      if (manner == NATIVE_WAIT_WAKES)
        return NATIVE_WAIT_DONE;
    }
}

PyObject *
native_wait_none (NativeWaitFunc  func,
                  gpointer        object,
                  GCancellable   *cancellable)
{
  GError *error = NULL;

  switch (native_wait (func, object, cancellable, NATIVE_FOREVER, NATIVE_WAIT_RESTARTS, &error))
    {
    case NATIVE_WAIT_DONE:
      Py_RETURN_NONE;
    case NATIVE_WAIT_FAILED:
      return native_raise (error);
    default:
      return NULL;
    }
}

/* Whether it came to pass within the timeout. */
PyObject *
native_wait_bool (NativeWaitFunc    func,
                  gpointer          object,
                  GCancellable     *cancellable,
                  gint64            timeout,
                  NativeWaitManner  manner)
{
  GError *error = NULL;

  switch (native_wait (func, object, cancellable, timeout, manner, &error))
    {
    case NATIVE_WAIT_DONE:
      Py_RETURN_TRUE;
    case NATIVE_WAIT_TIMED_OUT:
      Py_RETURN_FALSE;
    case NATIVE_WAIT_FAILED:
      return native_raise (error);
    default:
      return NULL;
    }
}
