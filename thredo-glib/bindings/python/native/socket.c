/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "native.h"

#include <errno.h>
#include <sys/socket.h>

/* Attempts to receive and to send, for sockets that wait elsewhere if there is nothing.
 *
 * Python's own let go of the interpreter around each call, which is right for one that
 * blocks. These do not block, and are over sooner than another thread would have taken
 * the interpreter and given it back; and that there is nothing is no exception here, but
 * None. They are for what is small. */

/* Whether the call is to be made again, after signals were handled. */
static gboolean
is_interrupted (void)
{
  return errno == EINTR && PyErr_CheckSignals () == 0;
}

static PyObject *
nothing_or_error (void)
{
  if (PyErr_Occurred ())
    return NULL;
  if (errno == EAGAIN || errno == EWOULDBLOCK)
    Py_RETURN_NONE;
  return PyErr_SetFromErrno (PyExc_OSError);
}

/* try_recv(fd, size, flags): bytes, or None. */
static PyObject *
socket_try_recv (PyObject        *module,
                 PyObject *const *args,
                 Py_ssize_t       n_args)
{
  PyObject *data;
  Py_ssize_t size;
  ssize_t n;
  int fd, flags;

  if (n_args != 3)
    {
      PyErr_SetString (PyExc_TypeError, "try_recv() takes three arguments");
      return NULL;
    }
  fd = (int) PyLong_AsLong (args[0]);
  size = PyNumber_AsSsize_t (args[1], PyExc_OverflowError);
  flags = (int) PyLong_AsLong (args[2]);
  if (PyErr_Occurred ())
    return NULL;
  if (size < 0)
    {
      PyErr_SetString (PyExc_ValueError, "negative buffersize in recv");
      return NULL;
    }

  data = PyBytes_FromStringAndSize (NULL, size);
  if (data == NULL)
    return NULL;
  do
    n = recv (fd, PyBytes_AS_STRING (data), size, flags | MSG_DONTWAIT);
  while (n < 0 && is_interrupted ());
  if (n < 0)
    {
      int error_number = errno;

      Py_DECREF (data);
      errno = error_number;
      return nothing_or_error ();
    }
  if (n != size)
    _PyBytes_Resize (&data, n);
  return data;
}

/* try_send(fd, data, flags): how much of it was sent, or None. */
static PyObject *
socket_try_send (PyObject        *module,
                 PyObject *const *args,
                 Py_ssize_t       n_args)
{
  Py_buffer data;
  ssize_t n;
  int fd, flags, error_number;

  if (n_args != 3)
    {
      PyErr_SetString (PyExc_TypeError, "try_send() takes three arguments");
      return NULL;
    }
  fd = (int) PyLong_AsLong (args[0]);
  flags = (int) PyLong_AsLong (args[2]);
  if (PyErr_Occurred () || PyObject_GetBuffer (args[1], &data, PyBUF_SIMPLE) < 0)
    return NULL;

  do
    n = send (fd, data.buf, data.len, flags | MSG_DONTWAIT | MSG_NOSIGNAL);
  while (n < 0 && is_interrupted ());
  error_number = errno;
  PyBuffer_Release (&data);
  errno = error_number;
  return n < 0 ? nothing_or_error () : PyLong_FromSsize_t (n);
}

PyMethodDef native_socket_functions[] = {
  { "try_recv", (PyCFunction) (void (*) (void)) socket_try_recv, METH_FASTCALL, NULL },
  { "try_send", (PyCFunction) (void (*) (void)) socket_try_send, METH_FASTCALL, NULL },
  { NULL }
};
