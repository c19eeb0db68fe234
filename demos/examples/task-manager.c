/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A task manager that starts more and more work, until Ctrl+C ends all of it. */

#include <thredo.h>

#include <stdlib.h>

typedef struct
{
  ThredoGroup *tasks;
  int limit;
  int n_tasks;
} Manager;

static gboolean
task (ThredoThread  *thread,
      gpointer       user_data,
      GError       **error)
{
  g_print ("task %d works\n", GPOINTER_TO_INT (user_data));
  thredo_sleep (G_TIME_SPAN_HOUR, NULL, error);
  g_print ("task %d is cancelled\n", GPOINTER_TO_INT (user_data));
  return FALSE;
}

static gboolean
manage (ThredoThread  *thread,
        gpointer       user_data,
        GError       **error)
{
  Manager *self = user_data;
  G_GNUC_UNUSED g_autoptr(ThredoGroupGuard) guard = thredo_group_guard_new (self->tasks);

  while (self->n_tasks != self->limit)
    {
      self->n_tasks++;
      g_object_unref (thredo_group_spawn (self->tasks, "task", task,
                                          GINT_TO_POINTER (self->n_tasks), NULL, NULL));
      if (!thredo_sleep (100 * G_TIME_SPAN_MILLISECOND, NULL, error))
        return FALSE;
    }
  return TRUE; /* the guard cancels the tasks, and waits for their end, as it does on Ctrl+C */
}

/* With an argument, it starts as many tasks, or with 0 goes on until Ctrl+C. */
int
main (int    argc,
      char **argv)
{
  Manager manager = { thredo_group_new (THREDO_GROUP_WAIT_ALL), argc > 1 ? atoi (argv[1]) : 5, 0 };
  g_autoptr(GError) error = NULL;

  if (manager.limit == 0)
    manager.limit = -1;
  if (thredo_run (THREDO_RUN_HANDLE_SIGNALS, manage, &manager, NULL, &error))
    g_print ("%d tasks are enough\n", manager.n_tasks);
  else
    g_print ("Ctrl+C ends %d tasks\n", manager.n_tasks);
  g_object_unref (manager.tasks);
  return 0;
}
