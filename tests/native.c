/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Functions of a library, for threads of tests that load it. */

#include <gmodule.h>
#include <thredo.h>

G_MODULE_EXPORT gboolean native_echo (ThredoThread  *thread,
                                      gpointer       argument,
                                      GError       **error);
G_MODULE_EXPORT gboolean native_fail (ThredoThread  *thread,
                                      gpointer       argument,
                                      GError       **error);
G_MODULE_EXPORT gboolean native_sleep (ThredoThread  *thread,
                                       gpointer       argument,
                                       GError       **error);

/* Has its argument as its result, and nothing if there is none. */
gboolean
native_echo (ThredoThread  *thread,
             gpointer       argument,
             GError       **error)
{
  g_auto(GValue) result = G_VALUE_INIT;

  if (argument == NULL)
    return TRUE;
  g_value_init (&result, G_TYPE_STRING);
  g_value_set_string (&result, argument);
  thredo_thread_set_result (thread, &result);
  return TRUE;
}

gboolean
native_fail (ThredoThread  *thread,
             gpointer       argument,
             GError       **error)
{
  g_set_error_literal (error, G_FILE_ERROR, G_FILE_ERROR_NOENT, argument);
  return FALSE;
}

gboolean
native_sleep (ThredoThread  *thread,
              gpointer       argument,
              GError       **error)
{
  return thredo_sleep (G_TIME_SPAN_HOUR, NULL, error);
}
