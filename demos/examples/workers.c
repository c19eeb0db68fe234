/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A pool of workers on a queue, who are cancelled when the work is done. */

#include <thredo.h>

static gboolean
worker (ThredoThread  *thread,
        gpointer       user_data,
        GError       **error)
{
  ThredoQueue *jobs = user_data;
  gpointer job;

  while ((job = thredo_queue_get_pointer (jobs, NULL, error)) != NULL)
    {
      int n = GPOINTER_TO_INT (job);

      g_print ("%d squared is %d\n", n, n * n);
      thredo_queue_task_done (jobs, NULL);
    }
  return FALSE; /* cancelled: error says so */
}

int
main (void)
{
  g_autoptr(ThredoQueue) jobs = thredo_queue_new (0);
  g_autoptr(ThredoGroup) group = thredo_group_new (THREDO_GROUP_WAIT_NONE);

  for (guint i = 0; i < 4; i++)
    g_object_unref (thredo_group_spawn (group, "worker", worker, jobs, NULL, NULL));
  for (int i = 1; i <= 8; i++)
    thredo_queue_put_pointer (jobs, GINT_TO_POINTER (i), NULL, NULL);

  thredo_queue_join (jobs, NULL, NULL);  /* until all are done */
  thredo_group_join (group, NULL, NULL); /* waits for none: all four are cancelled */
  g_print ("No job is left, and no worker\n");
  return 0;
}
