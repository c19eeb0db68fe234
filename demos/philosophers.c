/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The dining philosophers, three ways.
 *
 * Each takes the fork on the left, waits at a barrier until all have one, and then
 * wants the one on the right. So it is certain, and not just likely, that each of
 * them waits for a neighbour and none will ever eat, unless something is done:
 *
 *   deadline  the library warns; the main thread has a deadline, and when it has
 *             passed asks one of them to leave
 *   fail      the one who would close the circle is refused
 *   cancel    the youngest in the circle is cancelled, and seated again
 */

#include <thredo.h>

#include <stdlib.h>
#include <string.h>

#define N_SEATS 5
#define N_MEALS 3

static const char *const names[N_SEATS] = {
  "Aristotle",
  "Hypatia",
  "Confucius",
  "Avicenna",
  "Kant",
};

typedef struct
{
  const char *name;
  ThredoThread *thread;
  ThredoLock *first;
  ThredoLock *second;
  ThredoBarrier *all_have_one; /* NULL once they have met */
  guint n_meals;
} Philosopher;

typedef struct
{
  Philosopher philosophers[N_SEATS];
  ThredoLock *forks[N_SEATS];
  ThredoBarrier *all_have_one;
  ThredoGroup *group;
} Table;

typedef struct
{
  const char *name;
  const char *title;
  ThredoDeadlockPolicy policy;
  gboolean has_deadline;
  guint n_finish;
} Way;

static const Way ways[] = {
  { "deadline", "== Report: a deadline passes, and one cancel frees them",
    THREDO_DEADLOCK_POLICY_REPORT, TRUE, N_SEATS - 1 },
  { "fail", "== Fail: whoever would close the circle is refused",
    THREDO_DEADLOCK_POLICY_FAIL, FALSE, N_SEATS },
  { "cancel", "== Cancel: the youngest is cancelled, and seated again",
    THREDO_DEADLOCK_POLICY_CANCEL, FALSE, N_SEATS },
};

/* What the library says of a deadlock, a line for each thread. */
static char *
fold (const char *description)
{
  GString *lines = g_string_new (description);

  g_string_replace (lines, ": ", ":\n    ", 1);
  g_string_replace (lines, "; ", "\n    ", 0);
  return g_string_free (lines, FALSE);
}

static void
print_log (const char     *domain,
           GLogLevelFlags  level,
           const char     *message,
           gpointer        user_data)
{
  g_autofree char *lines = fold (message);

  g_print ("%s: %s\n", domain, lines);
}

/* On every way out, the guards put down what was taken up. */
static gboolean
eat (Philosopher  *self,
     GError      **error)
{
  g_autoptr(ThredoLockGuard) one = NULL;
  g_autoptr(ThredoLockGuard) other = NULL;

  one = thredo_lock_guard_new (THREDO_LOCKABLE (self->first), NULL, error);
  if (one == NULL)
    return FALSE;

  if (self->all_have_one != NULL)
    {
      g_print ("%s takes %s\n", self->name, thredo_lock_get_name (self->first));
      if (!thredo_barrier_wait (self->all_have_one, NULL, NULL, error))
        return FALSE;
      self->all_have_one = NULL;
    }

  other = thredo_lock_guard_new (THREDO_LOCKABLE (self->second), NULL, error);
  if (other == NULL)
    return FALSE;

  self->n_meals++;
  return TRUE;
}

/* By now the fork has been put down. The one that was refused is the first to be waited
 * for from now on: with one who does so, no circle closes any more. */
static void
try_the_other_first (Philosopher  *self,
                     const GError *refusal)
{
  g_autofree char *lines = fold (refusal->message);
  ThredoLock *refused = self->second;

  g_print ("%s is refused %s: %s\n  and puts down %s, to try again\n", self->name,
           thredo_lock_get_name (refused), lines, thredo_lock_get_name (self->first));
  self->second = self->first;
  self->first = refused;
}

static gboolean
dine (ThredoThread  *thread,
      gpointer       user_data,
      GError       **error)
{
  Philosopher *self = user_data;

  while (self->n_meals < N_MEALS)
    {
      g_autoptr(GError) problem = NULL;

      if (eat (self, &problem))
        continue;

      if (!g_error_matches (problem, THREDO_ERROR, THREDO_ERROR_DEADLOCK))
        {
          g_print ("%s leaves: %s\n", self->name, problem->message);
          g_propagate_error (error, g_steal_pointer (&problem));
          return FALSE;
        }
      try_the_other_first (self, problem);
    }

  g_print ("%s has finished\n", self->name);
  return TRUE;
}

static gboolean
seat (Philosopher  *self,
      ThredoGroup  *group,
      GError      **error)
{
  g_clear_object (&self->thread);
  self->thread = thredo_group_spawn (group, self->name, dine, self, NULL, error);

  return self->thread != NULL;
}

static void
table_init (Table *self)
{
  *self = (Table) { .group = thredo_group_new (THREDO_GROUP_WAIT_ALL),
                   .all_have_one = thredo_barrier_new (N_SEATS) };

  for (guint i = 0; i < N_SEATS; i++)
    {
      g_autofree char *name = g_strdup_printf ("fork %u", i + 1);

      self->forks[i] = thredo_lock_new ();
      thredo_lock_set_name (self->forks[i], name);
    }
  for (guint i = 0; i < N_SEATS; i++)
    {
      self->philosophers[i] = (Philosopher){
        .name = names[i],
        .first = self->forks[i],
        .second = self->forks[(i + 1) % N_SEATS],
        .all_have_one = self->all_have_one,
      };
    }
}

static void
table_clear (Table *self)
{
  for (guint i = 0; i < N_SEATS; i++)
    {
      g_clear_object (&self->philosophers[i].thread);
      g_clear_object (&self->forks[i]);
    }
  g_clear_object (&self->all_have_one);
  g_clear_object (&self->group);
}

/* Nobody finishes, so the deadline ends the wait; then one of each circle has to go. */
static gboolean
help (Table   *self,
      GError **error)
{
  g_autoptr(ThredoScope) scope = thredo_scope_new_with_timeout (G_TIME_SPAN_SECOND);
  g_autoptr(ThredoMonitor) monitor = thredo_monitor_new ();
  g_autoptr(ThredoThread) finished = NULL;
  g_autoptr(GPtrArray) deadlocks = NULL;

  thredo_scope_enter (scope);
  finished = thredo_group_next_done (self->group, NULL, error);
  thredo_scope_leave (scope);
  if (!thredo_scope_is_expired (scope))
    return finished != NULL;
  g_clear_error (error);

  g_print ("A second has passed, and nobody has eaten\n");
  deadlocks = thredo_monitor_find_deadlocks (monitor);
  for (guint i = 0; i < deadlocks->len; i++)
    {
      GPtrArray *threads = thredo_deadlock_get_threads (g_ptr_array_index (deadlocks, i));
      ThredoThread *thread = g_ptr_array_index (threads, 0);

      g_print ("%s, of the circle of %u, is asked to leave\n", thredo_thread_get_name (thread),
               threads->len);
      thredo_thread_cancel (thread);
    }

  return TRUE;
}

static gboolean
seat_again (Table         *self,
            ThredoThread  *thread,
            GError       **error)
{
  Philosopher *philosopher = self->philosophers;

  while (philosopher->thread != thread)
    philosopher++;
  g_print ("%s is seated again\n", philosopher->name);
  return seat (philosopher, self->group, error);
}

/* Until nobody is left at the table. */
static gboolean
serve (Table      *self,
       const Way  *way,
       GError    **error)
{
  ThredoThread *thread;
  gboolean ok = TRUE;

  for (guint i = 0; ok && i < N_SEATS; i++)
    ok = seat (&self->philosophers[i], self->group, error);
  if (ok && way->has_deadline)
    ok = help (self, error);

  while (ok && (thread = thredo_group_next_done (self->group, NULL, error)) != NULL)
    {
      if (way->policy == THREDO_DEADLOCK_POLICY_CANCEL &&
          thredo_thread_get_state (thread) == THREDO_THREAD_STATE_CANCELLED)
        ok = seat_again (self, thread, error);
      g_object_unref (thread);
    }

  if (!ok)
    thredo_group_cancel (self->group);
  return thredo_group_join (self->group, NULL, *error == NULL ? error : NULL) && ok;
}

static gboolean
show (const Way *way)
{
  g_autoptr(GError) error = NULL;
  guint n_finished = 0;
  Table table;

  g_print ("%s\n\n", way->title);
  thredo_set_deadlock_policy (way->policy);
  table_init (&table);
  if (!serve (&table, way, &error))
    g_printerr ("%s: %s\n", g_get_prgname (), error != NULL ? error->message : "cut short");

  g_print ("\nMeals:");
  for (guint i = 0; i < N_SEATS; i++)
    {
      guint n_meals = table.philosophers[i].n_meals;

      g_print ("%s %s %u", i > 0 ? "," : "", names[i], n_meals);
      n_finished += n_meals == N_MEALS;
    }
  g_print ("\n");
  table_clear (&table);

  return error == NULL && n_finished == way->n_finish;
}

int
main (int    argc,
      char **argv)
{
  gboolean ok = TRUE;
  guint n_shown = 0;

  g_set_prgname ("thredo-philosophers");
  g_log_set_handler ("Thredo", G_LOG_LEVEL_WARNING | G_LOG_LEVEL_MESSAGE, print_log, NULL);

  for (gsize i = 0; argc <= 2 && i < G_N_ELEMENTS (ways); i++)
    {
      if (argc == 2 && strcmp (argv[1], ways[i].name) != 0)
        continue;
      if (n_shown++ > 0)
        g_print ("\n");
      ok &= show (&ways[i]);
    }
  if (n_shown == 0)
    {
      g_printerr ("Usage: %s [deadline|fail|cancel]\n", g_get_prgname ());
      return 2;
    }

  return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}
