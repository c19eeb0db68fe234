/* SPDX-License-Identifier: LGPL-2.1-or-later */

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
      thredo_sleep (10 * G_TIME_SPAN_MILLISECOND, NULL, NULL); /* the work */
      g_print ("%s: job %d\n", thredo_thread_get_name (thread), GPOINTER_TO_INT (job));
      thredo_queue_task_done (jobs, NULL);
    }
  return FALSE; /* cancelled: error says so */
}

int
main (void)
{
  g_autoptr(ThredoQueue) jobs = thredo_queue_new (0);
  g_autoptr(ThredoGroup) group = thredo_group_new (THREDO_GROUP_WAIT_ALL);
  const char *names[] = { "Ada", "Grace", "Margaret" };

  for (guint i = 0; i < G_N_ELEMENTS (names); i++)
    g_object_unref (thredo_group_spawn (group, names[i], worker, jobs, NULL, NULL));
  for (int i = 1; i <= 10; i++)
    thredo_queue_put_pointer (jobs, GINT_TO_POINTER (i), NULL, NULL);

  thredo_queue_join (jobs, NULL, NULL); /* until all ten are done */
  thredo_group_cancel (group);          /* wakes the three from their get */
  thredo_group_join (group, NULL, NULL);
  g_print ("done\n");
  return 0;
}
