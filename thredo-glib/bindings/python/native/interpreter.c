/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "native.h"

/* The way into Python from threads that it may not know. */

/* Python makes a state under a lock, without the GIL; a child that is forked meanwhile would
 * never get that. Who forks has this one, from before to after. */
static GMutex birth_lock;

/* The thread has a state of its own, as Python's own threads have. One of
 * PyGILState_Ensure() has nobody inside any more when it is cleared, in most versions: if
 * what is in a threading.local() then calls that as well, on its way out, the state is
 * freed twice. */
void
native_enter (NativeEntry *entry)
{
  entry->own_state = NULL;
  if (PyGILState_GetThisThreadState () == NULL)
    {
      g_mutex_lock (&birth_lock);
      entry->own_state = PyThreadState_New (PyInterpreterState_Main ());
      g_mutex_unlock (&birth_lock);
      if (entry->own_state != NULL)
        PyEval_RestoreThread (entry->own_state);
    }
  entry->state = PyGILState_Ensure ();
}

void
native_leave (NativeEntry *entry)
{
  PyGILState_Release (entry->state);
  if (entry->own_state != NULL)
    {
      PyThreadState_Clear (entry->own_state);
      PyThreadState_DeleteCurrent ();
    }
}

/* Another thread may be about to fork as well: it has the lock then, and needs the
 * interpreter to go on. */
static PyObject *
interpreter_before_fork (PyObject *module,
                         PyObject *unused)
{
  PyThreadState *state;

  if (!g_mutex_trylock (&birth_lock))
    {
      state = native_release ();
      g_mutex_lock (&birth_lock);
      native_acquire (state);
    }
  Py_RETURN_NONE;
}

/* after_fork(is_child) */
static PyObject *
interpreter_after_fork (PyObject *module,
                        PyObject *is_child)
{
  if (is_child == Py_True)
    g_mutex_init (&birth_lock);
  else
    g_mutex_unlock (&birth_lock);
  Py_RETURN_NONE;
}

PyMethodDef native_interpreter_functions[] = {
  { "before_fork", interpreter_before_fork, METH_NOARGS, NULL },
  { "after_fork", interpreter_after_fork, METH_O, NULL },
  { NULL }
};
