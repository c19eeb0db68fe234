/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The failure of a function: it reaches whoever joins the thread, and nobody else. */

#include <thredo.h>

static gboolean
parse (ThredoThread  *thread,
       gpointer       user_data,
       GError       **error)
{
  const char *text = user_data;
  guint64 number;

  if (!g_ascii_string_to_unsigned (text, 10, 0, G_MAXINT, &number, NULL))
    {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA, "'%s' is no number", text);
      return FALSE;
    }
  thredo_thread_set_result_pointer (thread, GUINT_TO_POINTER (number), NULL);
  return TRUE;
}

static void
ask_for (const char *text)
{
  g_autoptr(ThredoThread) thread =
      thredo_thread_spawn ("parser", parse, (gpointer) text, NULL, NULL);
  g_autoptr(GError) error = NULL;
  gpointer number = thredo_thread_join_pointer (thread, NULL, &error);

  if (error == NULL)
    g_print ("It was %u\n", GPOINTER_TO_UINT (number));
  else
    g_print ("It failed: %s\n", error->message);
}

int
main (void)
{
  ask_for ("7");
  ask_for ("seven");
  ask_for ("8");
  return 0;
}
