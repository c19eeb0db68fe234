/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "monitor-workload-private.h"

/* Dining philosophers who all take the fork on the left before any of them takes the other, so that
 * they lock each other out at once. With one of them gone the others eat for ever. */

#define N_SEATS 5

typedef struct
{
  ThredoLock *left;
  ThredoLock *right;
  guint number;
} Philosopher;

typedef struct
{
  Philosopher philosophers[N_SEATS];
  ThredoLock *forks[N_SEATS];
} Table;

static gboolean
eat (Philosopher  *self,
     GError      **error)
{
  g_autoptr(ThredoLockGuard) left = NULL;
  g_autoptr(ThredoLockGuard) right = NULL;

  left = thredo_lock_guard_new (THREDO_LOCKABLE (self->left), NULL, error);
  if (left == NULL || !thredo_sleep (600 * G_TIME_SPAN_MILLISECOND, NULL, error))
    return FALSE;
  right = thredo_lock_guard_new (THREDO_LOCKABLE (self->right), NULL, error);
  return right != NULL && thredo_sleep (300 * G_TIME_SPAN_MILLISECOND, NULL, error);
}

static gboolean
run_philosopher (ThredoThread  *thread,
                 gpointer       user_data,
                 GError       **error)
{
  Philosopher *self = user_data;
  GTimeSpan thought = (500 + 40 * self->number) * G_TIME_SPAN_MILLISECOND;

  while (thredo_sleep (thought, NULL, error) && eat (self, error))
    ;
  return FALSE;
}

static void
table_free (gpointer data)
{
  Table *table = data;

  for (guint i = 0; i < N_SEATS; i++)
    g_object_unref (table->forks[i]);
  g_free (table);
}

static gpointer
table_start (ThredoGroup  *group,
             GError      **error)
{
  static const char *const names[N_SEATS] = {
    "Aristotle",
    "Hypatia",
    "Confucius",
    "Avicenna",
    "Kant",
  };
  Table *table = g_new0 (Table, 1);
  guint n_seated = 0;

  for (guint i = 0; i < N_SEATS; i++)
    {
      g_autofree char *name = g_strdup_printf ("fork %u", i + 1);

      table->forks[i] = thredo_lock_new ();
      thredo_lock_set_name (table->forks[i], name);
    }
  for (guint i = 0; i < N_SEATS; i++)
    {
      Philosopher *philosopher = &table->philosophers[i];

      *philosopher = (Philosopher) { table->forks[i], table->forks[(i + 1) % N_SEATS], i };
      n_seated += monitor_workload_spawn (group, names[i], run_philosopher, philosopher,
                                          n_seated == 0 ? error : NULL);
      if (n_seated == 0)
        {
          table_free (table);
          return NULL;
        }
    }
  return table;
}

const MonitorWorkloadKind monitor_philosophers = {
  .id = "philosophers",
  .title = "Dining philosophers",
  .description = "Five threads that deadlock within two seconds",
  .start = table_start,
  .free = table_free,
};
