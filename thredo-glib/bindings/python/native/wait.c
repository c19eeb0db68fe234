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
NativeOutcome
native_wait_by_proxy (NativeWaitFunc   func,
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
