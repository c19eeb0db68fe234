/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "native.h"

/* An item or a result as a GValue. GObjects travel as such, and so does what a
 * GObject.Value holds: those are for threads that do not run Python. Anything
 * else is the Python object itself. */
gboolean
native_value_init (GValue   *value,
                   PyObject *object)
{
  *value = (GValue) G_VALUE_INIT;

  if (PyObject_TypeCheck (object, &PyGObject_Type) && pygobject_get (object) != NULL)
    {
      g_value_init (value, G_OBJECT_TYPE (pygobject_get (object)));
      g_value_set_object (value, pygobject_get (object));
      return TRUE;
    }
  if (PyObject_TypeCheck (object, &PyGBoxed_Type) &&
      ((PyGBoxed *) object)->gtype == G_TYPE_VALUE)
    {
      const GValue *held = pyg_boxed_get (object, GValue);

      if (!G_IS_VALUE (held))
        {
          PyErr_SetString (PyExc_ValueError, "a GObject.Value without a type holds nothing");
          return FALSE;
        }
      g_value_init (value, G_VALUE_TYPE (held));
      g_value_copy (held, value);
      return TRUE;
    }

  g_value_init (value, native_object_gtype);
  g_value_take_boxed (value, Py_NewRef (object));
  return TRUE;
}

/* The other way round, and unsets the value. */
PyObject *
native_value_take (GValue *value)
{
  PyObject *object;

  if ((G_VALUE_TYPE (value) == native_object_gtype || G_VALUE_TYPE (value) == G_TYPE_POINTER) &&
      g_value_peek_pointer (value) == NULL)
    object = Py_NewRef (Py_None);
  else if (G_VALUE_TYPE (value) == native_object_gtype)
    object = Py_NewRef (g_value_get_boxed (value));
  else
    object = pyg_value_as_pyobject (value, TRUE);
  g_value_unset (value);

  return object;
}
