/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "native.h"

/* The methods of Queue, LifoQueue and PriorityQueue that are called often. */

typedef struct
{
  ThredoQueue *queue;
  GValue item;
} Transfer;

static gboolean
get (gpointer       object,
     GCancellable  *cancellable,
     GError       **error)
{
  Transfer *transfer = object;

  return thredo_queue_get (transfer->queue, &transfer->item, cancellable, error);
}

static gboolean
try_get (gpointer       object,
         GCancellable  *cancellable,
         GError       **error)
{
  Transfer *transfer = object;

  return thredo_queue_try_get (transfer->queue, &transfer->item, error);
}

static gboolean
put (gpointer       object,
     GCancellable  *cancellable,
     GError       **error)
{
  Transfer *transfer = object;

  return thredo_queue_put (transfer->queue, &transfer->item, cancellable, error);
}

static gboolean
try_put (gpointer       object,
         GCancellable  *cancellable,
         GError       **error)
{
  Transfer *transfer = object;

  return thredo_queue_try_put (transfer->queue, &transfer->item, error);
}

static gboolean
join (gpointer       object,
      GCancellable  *cancellable,
      GError       **error)
{
  return thredo_queue_join (object, cancellable, error);
}

/* Which cannot block, but may compare. */
static gboolean
attempt (Transfer        *transfer,
         NativeWaitFunc   func,
         GError         **error)
{
  PyThreadState *state;
  gboolean is_done;

  if (G_LIKELY (thredo_queue_get_order (transfer->queue) != THREDO_QUEUE_ORDER_PRIORITY))
    return func (transfer, NULL, error);

  state = native_release ();
  is_done = func (transfer, NULL, error);
  native_acquire (state);
  return is_done;
}

/* What the calling thread puts in a priority queue, and what came of comparing it. */
typedef struct
{
  PyObject *item;
  PyObject *type, *value, *traceback;
} Comparison;

static __thread Comparison *comparison;

/* The exception that is set is for whoever puts the item, if that is the caller; to
 * others nothing can be raised. */
static void
keep_failure (PyObject *item)
{
  if (comparison == NULL || comparison->item != item || comparison->type != NULL)
    PyErr_WriteUnraisable (item);
  else
    PyErr_Fetch (&comparison->type, &comparison->value, &comparison->traceback);
}

static PyObject *
copy_item (const GValue *item)
{
  GValue copy = G_VALUE_INIT;

  g_value_init (&copy, G_VALUE_TYPE (item));
  g_value_copy (item, &copy);
  return native_value_take (&copy);
}

/* Takes the error, and raises. */
static void
raise_failure (GError *error)
{
  if (!g_error_matches (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT))
    {
      native_raise (error);
      return;
    }

  if (comparison != NULL && comparison->type != NULL)
    {
      PyErr_Restore (comparison->type, comparison->value, comparison->traceback);
      comparison->type = comparison->value = comparison->traceback = NULL;
    }
  else
    PyErr_SetString (PyExc_TypeError, error->message);
  g_error_free (error);
}

static PyObject *
raise_would_block (GError   *error,
                   PyObject *exception)
{
  if (!g_error_matches (error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK))
    {
      raise_failure (error);
      return NULL;
    }

  g_error_free (error);
  PyErr_SetNone (exception);
  return NULL;
}

/* Of how many comparisons the thread is in the middle: with the locks of a queue. */
static __thread guint n_comparing;

static gboolean
is_refused (ThredoQueue *queue)
{
  if (G_LIKELY (n_comparing == 0) ||
      thredo_queue_get_order (queue) != THREDO_QUEUE_ORDER_PRIORITY)
    return FALSE;

  native_raise (g_error_new_literal (THREDO_ERROR, THREDO_ERROR_DEADLOCK,
                                     "A comparison for a priority queue cannot use one"));
  return TRUE;
}

/* Does it at once, or waits until it is done. */
static gboolean
transfer_within (Transfer           *transfer,
                 NativeWaitFunc      at_once,
                 NativeWaitFunc      in_time,
                 gboolean            may_do_at_once,
                 const NativeLimits *limits,
                 PyObject           *would_block)
{
  GError *error = NULL;

  if (is_refused (transfer->queue))
    return FALSE;
  if (!limits->blocking || limits->timeout == 0)
    {
      if (attempt (transfer, at_once, &error))
        return TRUE;
      raise_would_block (error, would_block);
      return FALSE;
    }

  if (G_LIKELY (may_do_at_once) &&
      thredo_queue_get_order (transfer->queue) != THREDO_QUEUE_ORDER_PRIORITY)
    {
      if (!thredo_check_cancelled (limits->cancellable, &error))
        {
          raise_failure (error);
          return FALSE;
        }
      if (G_LIKELY (at_once (transfer, NULL, &error)))
        return TRUE;
      if (!g_error_matches (error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK))
        {
          raise_failure (error);
          return FALSE;
        }
      g_clear_error (&error);
    }

  /* Its deadline may have passed before it has looked. */
  if (limits->timeout != NATIVE_FOREVER &&
      thredo_queue_get_order (transfer->queue) == THREDO_QUEUE_ORDER_PRIORITY)
    {
      if (!thredo_check_cancelled (limits->cancellable, &error))
        {
          raise_failure (error);
          return FALSE;
        }
      if (attempt (transfer, at_once, &error))
        return TRUE;
      if (!g_error_matches (error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK))
        {
          raise_failure (error);
          return FALSE;
        }
      g_clear_error (&error);
    }

  switch (native_wait (in_time, transfer, limits->cancellable, limits->timeout,
                       NATIVE_WAIT_RESTARTS, &error))
    {
    case NATIVE_WAIT_DONE:
      return TRUE;
    case NATIVE_WAIT_TIMED_OUT:
      PyErr_SetNone (would_block);
      return FALSE;
    case NATIVE_WAIT_FAILED:
      raise_failure (error);
      return FALSE;
    default:
      return FALSE;
    }
}

static PyObject *
get_within (ThredoQueue        *queue,
            const NativeLimits *limits)
{
  Transfer transfer = { queue, G_VALUE_INIT };

  if (!transfer_within (&transfer, try_get, get, !thredo_queue_is_empty (queue), limits,
                        native_hooks.empty))
    return NULL;
  return native_value_take (&transfer.item);
}

static PyObject *
put_within (ThredoQueue        *queue,
            PyObject           *item,
            const NativeLimits *limits)
{
  Transfer transfer = { queue, G_VALUE_INIT };
  gboolean is_done;

  if (!native_value_init (&transfer.item, item))
    return NULL;
  if (G_LIKELY (thredo_queue_get_order (queue) != THREDO_QUEUE_ORDER_PRIORITY))
    is_done = transfer_within (&transfer, try_put, put, !thredo_queue_is_full (queue), limits,
                               native_hooks.full);
  else
    {
      Comparison *outer = comparison;
      Comparison own = { .item = item };

      /* A handler of a signal may put something while this waits. */
      comparison = &own;
      is_done = transfer_within (&transfer, try_put, put, FALSE, limits, native_hooks.full);
      comparison = outer;
      Py_XDECREF (own.type);
      Py_XDECREF (own.value);
      Py_XDECREF (own.traceback);
    }
  g_value_unset (&transfer.item);
  if (!is_done)
    return NULL;
  Py_RETURN_NONE;
}

static PyObject *
queue_get (PyObject        *self,
           PyObject *const *args,
           Py_ssize_t       n_args,
           PyObject        *names)
{
  ThredoQueue *queue = native_get_object (self, THREDO_TYPE_QUEUE);
  NativeLimits limits;

  if (queue == NULL || !native_parse_limits (&limits, NATIVE_TIMEOUT_QUEUE, args, n_args, names))
    return NULL;
  return get_within (queue, &limits);
}

static PyObject *
queue_put (PyObject        *self,
           PyObject *const *args,
           Py_ssize_t       n_args,
           PyObject        *names)
{
  ThredoQueue *queue = native_get_object (self, THREDO_TYPE_QUEUE);
  PyObject *item, *rest = NULL, *result;
  PyObject *gathered[4];
  NativeLimits limits;

  if (queue == NULL)
    return NULL;
  if (G_LIKELY (n_args > 0))
    {
      if (!native_parse_limits (&limits, NATIVE_TIMEOUT_QUEUE, args + 1, n_args - 1, names))
        return NULL;
      return put_within (queue, args[0], &limits);
    }

  /* put (item=…), which costs more to tell. */
  item = NULL;
  rest = PyList_New (0);
  if (rest == NULL)
    return NULL;
  n_args = 0;
  for (Py_ssize_t i = 0; names != NULL && i < PyTuple_GET_SIZE (names); i++)
    {
      PyObject *name = PyTuple_GET_ITEM (names, i);

      if (PyUnicode_CompareWithASCIIString (name, "item") == 0)
        item = args[i];
      else if (n_args == G_N_ELEMENTS (gathered) || PyList_Append (rest, name) < 0)
        {
          Py_DECREF (rest);
          if (!PyErr_Occurred ())
            PyErr_SetString (PyExc_TypeError, "put() has no such arguments");
          return NULL;
        }
      else
        gathered[n_args++] = args[i];
    }
  if (item == NULL)
    {
      Py_DECREF (rest);
      PyErr_SetString (PyExc_TypeError, "put() needs an item");
      return NULL;
    }

  names = PyList_AsTuple (rest);
  Py_DECREF (rest);
  result = NULL;
  if (names != NULL && native_parse_limits (&limits, NATIVE_TIMEOUT_QUEUE, gathered, 0, names))
    result = put_within (queue, item, &limits);
  Py_XDECREF (names);
  return result;
}

static PyObject *
queue_get_nowait (PyObject *self,
                  PyObject *unused)
{
  ThredoQueue *queue = native_get_object (self, THREDO_TYPE_QUEUE);
  NativeLimits limits = { FALSE, NATIVE_FOREVER, NULL };

  return queue != NULL ? get_within (queue, &limits) : NULL;
}

static PyObject *
queue_put_nowait (PyObject *self,
                  PyObject *item)
{
  ThredoQueue *queue = native_get_object (self, THREDO_TYPE_QUEUE);
  NativeLimits limits = { FALSE, NATIVE_FOREVER, NULL };

  return queue != NULL ? put_within (queue, item, &limits) : NULL;
}

static PyObject *
queue_task_done (PyObject *self,
                 PyObject *unused)
{
  ThredoQueue *queue = native_get_object (self, THREDO_TYPE_QUEUE);
  GError *error = NULL;

  if (queue == NULL)
    return NULL;
  if (!thredo_queue_task_done (queue, &error))
    return native_raise (error);
  Py_RETURN_NONE;
}

static PyObject *
queue_join (PyObject        *self,
            PyObject *const *args,
            Py_ssize_t       n_args,
            PyObject        *names)
{
  ThredoQueue *queue = native_get_object (self, THREDO_TYPE_QUEUE);
  NativeLimits limits;

  if (queue == NULL || !native_parse_limits (&limits, NATIVE_TIMEOUT_EVENT, args, n_args, names))
    return NULL;
  if (limits.timeout != NATIVE_FOREVER && thredo_queue_get_unfinished (queue) == 0)
    {
      GError *error = NULL;

      if (!thredo_check_cancelled (limits.cancellable, &error))
        return native_raise (error);
      Py_RETURN_TRUE;
    }
  return native_wait_bool (join, queue, limits.cancellable, limits.timeout, NATIVE_WAIT_RESTARTS);
}

static PyObject *
queue_qsize (PyObject *self,
             PyObject *unused)
{
  ThredoQueue *queue = native_get_object (self, THREDO_TYPE_QUEUE);

  return queue != NULL ? PyLong_FromUnsignedLong (thredo_queue_get_length (queue)) : NULL;
}

static PyObject *
queue_empty (PyObject *self,
             PyObject *unused)
{
  ThredoQueue *queue = native_get_object (self, THREDO_TYPE_QUEUE);

  return queue != NULL ? PyBool_FromLong (thredo_queue_is_empty (queue)) : NULL;
}

static PyObject *
queue_full (PyObject *self,
            PyObject *unused)
{
  ThredoQueue *queue = native_get_object (self, THREDO_TYPE_QUEUE);

  return queue != NULL ? PyBool_FromLong (thredo_queue_is_full (queue)) : NULL;
}

static PyObject *
queue_iter (PyObject *self)
{
  return Py_NewRef (self);
}

/* Until the queue is closed and empty. */
static PyObject *
queue_next (PyObject *self)
{
  ThredoQueue *queue = native_get_object (self, THREDO_TYPE_QUEUE);
  NativeLimits limits = { TRUE, NATIVE_FOREVER, NULL };
  PyObject *item;

  if (queue == NULL)
    return NULL;
  item = get_within (queue, &limits);
  if (item == NULL && PyErr_ExceptionMatches (native_hooks.closed))
    PyErr_Clear ();
  return item;
}

/* Of a priority queue, by Python's "<". Whoever puts or gets runs this, under the
 * queue's locks and without the GIL. */
static int
compare (const GValue *a,
         const GValue *b,
         gpointer      unused)
{
  int is_less = -1;
  int is_greater = 0;
  PyObject *items[2];
  NativeEntry entry;

  native_enter (&entry);
  n_comparing++;
  items[0] = copy_item (a);
  items[1] = copy_item (b);
  if (items[0] != NULL && items[1] != NULL)
    {
      is_less = PyObject_RichCompareBool (items[0], items[1], Py_LT);
      if (is_less == 0)
        is_greater = PyObject_RichCompareBool (items[1], items[0], Py_LT);
    }
  if (is_less < 0 || is_greater < 0)
    keep_failure (items[0]);

  Py_XDECREF (items[0]);
  Py_XDECREF (items[1]);
  n_comparing--;
  native_leave (&entry);
  return is_less < 0 || is_greater < 0 ? G_MININT : is_greater - is_less;
}

static PyObject *
queue_init_native (PyObject *self,
                   PyObject *args)
{
  int order;
  unsigned int max_size;

  if (!PyArg_ParseTuple (args, "iI", &order, &max_size))
    return NULL;
  if (order == THREDO_QUEUE_ORDER_PRIORITY)
    return native_adopt (self, thredo_queue_new_priority (max_size, compare, NULL, NULL));
  return native_adopt (self, thredo_queue_new_full (order, max_size, NULL));
}

PyDoc_STRVAR (get_doc,
              "get(block=True, timeout=None, *, cancellable=None)\n--\n\n"
              "Take an item, and wait for one if the queue is empty.\n\n"
              "The wait ends with an item, by close() (ClosedError, once the queue is empty), a\n"
              "cancel of the thread or a scope around it (CancelledError), the deadline of a\n"
              "scope (ThreadTimeout), or a cancel of `cancellable`. After `timeout` seconds, or\n"
              "at once if not `block`, queue.Empty is raised. Whatever is raised, nothing was\n"
              "taken.");
PyDoc_STRVAR (put_doc,
              "put(item, block=True, timeout=None, *, cancellable=None)\n--\n\n"
              "Put an item, any Python object, and wait for room if the queue is full.\n\n"
              "The wait ends as that of get(), but that queue.Full is raised, and ClosedError at\n"
              "once; a PriorityQueue raises what comparing the item has raised, as TypeError.\n"
              "Whatever is raised, nothing was put. To threads that do not run Python the\n"
              "item is a GObject if it is one, what a GObject.Value holds if it is that, and else\n"
              "a boxed PyObject.");
PyDoc_STRVAR (get_nowait_doc,
              "get_nowait()\n--\n\nTake an item, or raise queue.Empty. Never waits.");
PyDoc_STRVAR (put_nowait_doc,
              "put_nowait(item)\n--\n\nPut an item, or raise queue.Full. Never waits.");
PyDoc_STRVAR (task_done_doc,
              "task_done()\n--\n\n"
              "Say that an item that was taken is done with. One time too often is a ValueError.");
PyDoc_STRVAR (join_doc,
              "join(timeout=None, *, cancellable=None)\n--\n\n"
              "Wait until task_done() was called for every item that was put. Returns False if\n"
              "`timeout` seconds were too short, or else True.");
PyDoc_STRVAR (qsize_doc, "qsize()\n--\n\nHow many items are in the queue.");
PyDoc_STRVAR (empty_doc, "empty()\n--\n\nWhether no item is in the queue.");
PyDoc_STRVAR (full_doc, "full()\n--\n\nWhether a put would wait for room.");

static PyMethodDef queue_methods[] = {
  { "get", (PyCFunction) (void (*) (void)) queue_get, METH_FASTCALL | METH_KEYWORDS, get_doc },
  { "put", (PyCFunction) (void (*) (void)) queue_put, METH_FASTCALL | METH_KEYWORDS, put_doc },
  { "get_nowait", queue_get_nowait, METH_NOARGS, get_nowait_doc },
  { "put_nowait", queue_put_nowait, METH_O, put_nowait_doc },
  { "task_done", queue_task_done, METH_NOARGS, task_done_doc },
  { "join", (PyCFunction) (void (*) (void)) queue_join, METH_FASTCALL | METH_KEYWORDS, join_doc },
  { "qsize", queue_qsize, METH_NOARGS, qsize_doc },
  { "empty", queue_empty, METH_NOARGS, empty_doc },
  { "full", queue_full, METH_NOARGS, full_doc },
  { "_init_native", queue_init_native, METH_VARARGS, NULL },
  { NULL }
};

static PyType_Slot queue_slots[] = {
  { Py_tp_methods, queue_methods },
  { Py_tp_iter, queue_iter },
  { Py_tp_iternext, queue_next },
  { 0, NULL },
};

static PyType_Spec queue_spec = {
  .name = "gi.overrides._thredo_native.QueueMethods",
  .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE,
  .slots = queue_slots,
};

gboolean
native_queue_register (PyObject *module)
{
  PyObject *type = PyType_FromSpec (&queue_spec);

  return type != NULL && PyModule_AddObject (module, "QueueMethods", type) == 0;
}
