/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Programs for tests of thredoctl, which know nothing of it:
 *
 *   ctl-program hang|deadlock|line|compute|shield|crew|names
 *
 * Each says "begun" when its threads are there, and ends with them, or when its input does. */

#include <thredo.h>

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static gboolean
get_job (ThredoThread  *thread,
         gpointer       jobs,
         GError       **error)
{
  return thredo_queue_get_pointer (jobs, NULL, error) != NULL;
}

static int
join (ThredoThread *thread)
{
  g_autoptr(GError) error = NULL;

  if (thredo_thread_join (thread, NULL, &error))
    return 0;
  puts (error->message);
  return 3;
}

static void
say_begun (void)
{
  puts ("begun");
  fflush (stdout);
}

/* A queue that nobody fills. */
static int
hang (void)
{
  g_autoptr(ThredoQueue) jobs = thredo_queue_new (0);
  g_autoptr(ThredoThread) worker = NULL;

  thredo_queue_set_name (jobs, "jobs");
  worker = thredo_thread_spawn ("worker", get_job, jobs, NULL, NULL);
  say_begun ();
  return join (worker);
}

typedef struct
{
  ThredoLock *first;
  ThredoLock *second;
  ThredoBarrier *both;
} Grip;

static gboolean
take_two (ThredoThread  *thread,
          gpointer       data,
          GError       **error)
{
  Grip *grip = data;

  if (!thredo_lock_acquire (grip->first, NULL, error))
    return FALSE;
  thredo_barrier_wait (grip->both, NULL, NULL, NULL);
  if (thredo_lock_acquire (grip->second, NULL, error))
    {
      thredo_lock_release (grip->second, NULL);
      thredo_lock_release (grip->first, NULL);
      return TRUE;
    }
  thredo_lock_release (grip->first, NULL);
  return FALSE;
}

static int
deadlock (void)
{
  g_autoptr(ThredoLock) left = thredo_lock_new ();
  g_autoptr(ThredoLock) right = thredo_lock_new ();
  g_autoptr(ThredoBarrier) both = thredo_barrier_new (2);
  Grip grips[] = { { left, right, both }, { right, left, both } };
  g_autoptr(ThredoThread) one = NULL;
  g_autoptr(ThredoThread) other = NULL;
  int status;

  thredo_lock_set_name (left, "left");
  thredo_lock_set_name (right, "right");
  one = thredo_thread_spawn ("one", take_two, &grips[0], NULL, NULL);
  other = thredo_thread_spawn ("other", take_two, &grips[1], NULL, NULL);
  say_begun ();
  status = join (one);
  return status + join (other);
}

static gboolean
hold (ThredoThread  *thread,
      gpointer       lock,
      GError       **error)
{
  return thredo_lock_acquire (lock, NULL, error) && thredo_sleep (G_TIME_SPAN_DAY, NULL, error);
}

/* Two locks without names, one of which somebody waits for. Whoever holds one ends with it. */
static int
stand_in_line (void)
{
  g_autoptr(ThredoLock) other_lock = thredo_lock_new ();
  g_autoptr(ThredoLock) lock = thredo_lock_new ();
  g_autoptr(ThredoThread) decoy = NULL;
  g_autoptr(ThredoThread) owner = NULL;
  g_autoptr(ThredoThread) waiter = NULL;

  decoy = thredo_thread_spawn ("decoy", hold, other_lock, NULL, NULL);
  owner = thredo_thread_spawn ("owner", hold, lock, NULL, NULL);
  while (!thredo_lock_is_locked (other_lock) || !thredo_lock_is_locked (lock))
    g_thread_yield ();
  waiter = thredo_thread_spawn ("waiter", hold, lock, NULL, NULL);
  say_begun ();
  return join (owner) + join (waiter) + join (decoy);
}

static gboolean
sleep_long (ThredoThread  *thread,
            gpointer       data,
            GError       **error)
{
  return thredo_sleep (G_TIME_SPAN_DAY, NULL, error);
}

static gint is_over;

static gboolean
compute (ThredoThread  *thread,
         gpointer       data,
         GError       **error)
{
  while (!g_atomic_int_get (&is_over))
    continue;
  return TRUE;
}

static void
wait_for_end_of_input (void)
{
  char byte;

  while (read (STDIN_FILENO, &byte, 1) == 1)
    continue;
}

/* Beside one that does nothing. */
static int
keep_computing (void)
{
  g_autoptr(ThredoThread) idle = thredo_thread_spawn ("idle", sleep_long, NULL, NULL, NULL);
  g_autoptr(ThredoThread) runaway = thredo_thread_spawn ("runaway", compute, NULL, NULL, NULL);

  say_begun ();
  wait_for_end_of_input ();
  g_atomic_int_set (&is_over, TRUE);
  thredo_thread_cancel (idle);
  thredo_thread_join (idle, NULL, NULL);
  return join (runaway);
}

static gboolean
wait_shielded (ThredoThread  *thread,
               gpointer       event,
               GError       **error)
{
  g_autoptr(ThredoScope) shield = thredo_scope_new_shielded ();
  gboolean done;

  thredo_scope_enter (shield);
  done = thredo_event_wait (event, NULL, error);
  thredo_scope_leave (shield);
  return done;
}

static int
shield (void)
{
  g_autoptr(ThredoEvent) event = thredo_event_new ();
  g_autoptr(ThredoThread) thread = NULL;

  thread = thredo_thread_spawn ("knight", wait_shielded, event, NULL, NULL);
  say_begun ();
  wait_for_end_of_input ();
  thredo_event_set (event);
  return join (thread);
}

/* A group of threads of the same name. */
static int
man_crew (void)
{
  g_autoptr(ThredoGroup) group = thredo_group_new (THREDO_GROUP_WAIT_ALL);

  thredo_group_set_name (group, "crew");
  for (guint i = 0; i < 3; i++)
    g_object_unref (thredo_group_spawn (group, "sailor", sleep_long, NULL, NULL, NULL));
  say_begun ();
  thredo_group_join (group, NULL, NULL);
  puts ("all ashore");
  return 0;
}

/* Whatever a name may hold. */
static int
bear_names (void)
{
  static const char *const names[] = {
    "clear\033[2J\033]0;title\a",
    "line\nbreak\ttab",
    "quote\" back\\slash 'single'",
    "\xc3\xbc \xe6\x97\xa5\xe6\x9c\xac \xf0\x9f\xa7\xb5",
    "\xe2\x80\xaeturned",
    "\302\2332J",
    "broken\xff",
    "",
    "a name so long that no terminal has room for all of it in the one line that it is to be in",
  };
  g_autoptr(ThredoGroup) group = thredo_group_new (THREDO_GROUP_WAIT_ALL);

  for (guint i = 0; i < G_N_ELEMENTS (names); i++)
    g_object_unref (thredo_group_spawn (group, names[i], sleep_long, NULL, NULL, NULL));
  say_begun ();
  wait_for_end_of_input ();
  thredo_group_cancel (group);
  thredo_group_join (group, NULL, NULL);
  return 0;
}

int
main (int    argc,
      char **argv)
{
  static const struct
  {
    const char *name;
    int (*run) (void);
  } programs[] = {
    { "hang", hang },
    { "deadlock", deadlock },
    { "line", stand_in_line },
    { "compute", keep_computing },
    { "shield", shield },
    { "crew", man_crew },
    { "names", bear_names },
  };

  for (guint i = 0; argc == 2 && i < G_N_ELEMENTS (programs); i++)
    {
      if (strcmp (argv[1], programs[i].name) == 0)
        return programs[i].run ();
    }
  return 2;
}
