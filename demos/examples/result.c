/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The result of a function: whoever joins a thread is given what it has computed. */

#include <thredo.h>

static gboolean
fibonacci (ThredoThread  *thread,
           gpointer       user_data,
           GError       **error)
{
  g_auto(GValue) result = G_VALUE_INIT;
  guint64 a = 0, b = 1;

  for (guint i = 0; i < GPOINTER_TO_UINT (user_data); i++)
    {
      guint64 next = a + b;

      a = b;
      b = next;
    }

  g_value_init (&result, G_TYPE_UINT64);
  g_value_set_uint64 (&result, a);
  thredo_thread_set_result (thread, &result);
  return TRUE;
}

int
main (void)
{
  const guint numbers[] = { 10, 30, 90 };
  ThredoThread *threads[G_N_ELEMENTS (numbers)];

  for (guint i = 0; i < G_N_ELEMENTS (numbers); i++)
    threads[i] =
        thredo_thread_spawn ("fibonacci", fibonacci, GUINT_TO_POINTER (numbers[i]), NULL, NULL);

  for (guint i = 0; i < G_N_ELEMENTS (numbers); i++)
    {
      g_autoptr(ThredoThread) thread = threads[i];
      g_auto(GValue) result = G_VALUE_INIT;

      if (thredo_thread_join (thread, NULL, NULL) && thredo_thread_get_result (thread, &result))
        g_print ("fibonacci (%u) = %" G_GUINT64_FORMAT "\n", numbers[i],
                 g_value_get_uint64 (&result));
    }
  return 0;
}
