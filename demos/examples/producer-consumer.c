/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A producer and a consumer over a queue of one, which neither can get ahead of by more. */

#include <thredo.h>

#define N_ITEMS 5

static gboolean
produce (ThredoThread  *thread,
         gpointer       user_data,
         GError       **error)
{
  ThredoQueue *queue = user_data;

  for (int i = 1; i <= N_ITEMS; i++)
    {
      if (!thredo_queue_put_pointer (queue, GINT_TO_POINTER (i), NULL, error))
        return FALSE;
      g_print ("put %d\n", i);
    }
  thredo_queue_close (queue);
  return TRUE;
}

static gboolean
consume (ThredoThread  *thread,
         gpointer       user_data,
         GError       **error)
{
  ThredoQueue *queue = user_data;
  g_autoptr(GError) reason = NULL;
  gpointer item;

  while ((item = thredo_queue_get_pointer (queue, NULL, &reason)) != NULL)
    g_print ("got %d\n", GPOINTER_TO_INT (item));
  if (g_error_matches (reason, G_IO_ERROR, G_IO_ERROR_CLOSED))
    return TRUE; /* the last was had */
  g_propagate_error (error, g_steal_pointer (&reason));
  return FALSE;
}

int
main (void)
{
  g_autoptr(ThredoQueue) queue = thredo_queue_new (1);
  g_autoptr(ThredoThread) producer = thredo_thread_spawn ("producer", produce, queue, NULL, NULL);
  g_autoptr(ThredoThread) consumer = thredo_thread_spawn ("consumer", consume, queue, NULL, NULL);

  if (thredo_thread_join (producer, NULL, NULL) && thredo_thread_join (consumer, NULL, NULL))
    g_print ("The queue is closed, and empty\n");
  return 0;
}
