/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#ifndef NATIVE_MODULE
#define NO_IMPORT_PYGOBJECT
#endif
#include <pygobject.h>

#include <thredo.h>

#if PY_VERSION_HEX < 0x030A0000
static inline PyObject *
Py_XNewRef (PyObject *object)
{
  Py_XINCREF (object);
  return object;
}
#define Py_NewRef Py_XNewRef
#endif

/* The part of the overrides that is called often: waits, queues, locks and
 * threads, without the cost of introspection, and with the interpreter's lock
 * (the GIL) let go of only where a call really blocks.
 *
 * Two rules keep the GIL out of deadlocks. Who holds it calls only what neither
 * blocks nor runs code of users; everything else is between native_release()
 * and native_acquire(). And the library never calls Python with a lock of its
 * own held, but for a comparison of a priority queue: such a queue is used
 * without the GIL only. */

/* module.c: what the Python side lends. */
typedef struct
{
  PyObject *translate;    /* (domain, code, message): the exception of an error */
  PyObject *fail_join;    /* (thread, task, domain, code, message): that of a failed thread */
  PyObject *note_failure; /* (task): a function has failed, and nobody was told yet */
  PyObject *report;       /* (task): a function has failed, and nobody will be told */
  PyObject *enter;        /* (task): a thread begins with it */
  PyObject *error_class;  /* GLib.Error */
  PyObject *empty;        /* raised by a get that may not wait */
  PyObject *full;
  PyObject *closed; /* raised by what a queue refuses for good */
  PyObject *cancellable_class;
} NativeHooks;

extern NativeHooks native_hooks;
extern GType native_object_gtype; /* of values that hold any Python object */

gpointer native_get_object (PyObject *self,
                            GType     type);
PyObject *native_raise (GError *error);
PyObject *native_adopt (PyObject *self,
                        gpointer  object);

/* interpreter.c */
typedef struct
{
  PyThreadState *own_state; /* made for the thread, or NULL */
  PyGILState_STATE state;
} NativeEntry;

void native_enter (NativeEntry *entry);
void native_leave (NativeEntry *entry);

/* arguments.c */
typedef struct
{
  gboolean blocking;
  gint64 timeout; /* microseconds, or NATIVE_FOREVER */
  GCancellable *cancellable;
} NativeLimits;

#define NATIVE_FOREVER (-1)

/* Microseconds for what has to be tried by a wait: one whose deadline has passed when it
 * begins looks at nothing. */
#define NATIVE_LEAST 1000

typedef enum
{
  NATIVE_TIMEOUT_QUEUE, /* not negative, ignored unless blocking */
  NATIVE_TIMEOUT_LOCK,  /* -1 for ever, none unless blocking */
  NATIVE_TIMEOUT_EVENT, /* below 0 is 0, and there is no blocking argument */
} NativeTimeoutRule;

gboolean native_parse_limits (NativeLimits      *limits,
                              NativeTimeoutRule  rule,
                              PyObject *const   *args,
                              Py_ssize_t         n_args,
                              PyObject          *names);
gboolean native_parse_seconds (PyObject *seconds,
                               gint64   *microseconds);

/* wait.c */
typedef gboolean (*NativeWaitFunc) (gpointer       object,
                                    GCancellable  *cancellable,
                                    GError       **error);

typedef enum
{
  NATIVE_WAIT_DONE,
  NATIVE_WAIT_TIMED_OUT,
  NATIVE_WAIT_FAILED,      /* the error is set */
  NATIVE_WAIT_INTERRUPTED, /* a Python exception is set, by a signal's handler */
} NativeOutcome;

typedef enum
{
  NATIVE_WAIT_RESTARTS,
  NATIVE_WAIT_WAKES, /* to wait anew would miss what happens meanwhile: it is done */
} NativeWaitManner;

PyThreadState *native_release (void);
void native_acquire (PyThreadState *state);
NativeOutcome native_wait (NativeWaitFunc     func,
                           gpointer           object,
                           GCancellable      *cancellable,
                           gint64             timeout,
                           NativeWaitManner   manner,
                           GError           **error);
PyObject *native_wait_none (NativeWaitFunc  func,
                            gpointer        object,
                            GCancellable   *cancellable);
PyObject *native_wait_bool (NativeWaitFunc    func,
                            gpointer          object,
                            GCancellable     *cancellable,
                            gint64            timeout,
                            NativeWaitManner  manner);
NativeOutcome native_wait_by_proxy (NativeWaitFunc   func,
                                    gpointer         object,
                                    GCancellable    *cancellable,
                                    gint64           timeout,
                                    GError         **error);

/* interrupt.c */
gboolean native_is_main_thread (void);
gboolean native_interrupt_concerns_us (void);
gboolean native_interrupt_begin (ThredoScope *scope);
gboolean native_interrupt_end (void);

/* value.c */
gboolean native_value_init (GValue   *value,
                            PyObject *object);
PyObject *native_value_take (GValue *value);

/* task.c */

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
  PyObject *run;            /* what thredo.run() it belongs to, or NULL */
  PyObject *group_failures; /* where those of its group are noted, or NULL */
  PyObject *name;
  unsigned long long number; /* in which order tasks ended, from 1; 0 if this has not */
  unsigned long ident;       /* of the thread that ran it */
  unsigned int n_armed;      /* who have armed it, and not disarmed it */
  char is_cancelled;
  char is_told; /* somebody asked how it ended */
  PyObject *weak_references;
} NativeTask;

extern PyTypeObject *native_task_type;
extern PyObject *native_task_attribute;

/* The types that lend their methods to the overrides' classes. */
gboolean native_queue_register (PyObject *module);
gboolean native_lock_register (PyObject *module);
gboolean native_task_register (PyObject *module);
gboolean native_thread_register (PyObject *module);

/* The functions of the module, which the overrides call. */
extern PyMethodDef native_barrier_functions[];
extern PyMethodDef native_condition_functions[];
extern PyMethodDef native_fd_functions[];
extern PyMethodDef native_group_functions[];
extern PyMethodDef native_interpreter_functions[];
extern PyMethodDef native_interrupt_functions[];
extern PyMethodDef native_signal_event_functions[];
extern PyMethodDef native_sleep_functions[];
extern PyMethodDef native_socket_functions[];
extern PyMethodDef native_task_functions[];
