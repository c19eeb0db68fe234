/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Two threads and a lock: one that waits for it is cancelled, then one that holds it. */

#include <thredo.h>

typedef struct
{
  ThredoLock *lock;
  ThredoEvent *held;
  ThredoEvent *wanted;
  ThredoEvent *go_on;
} Scene;

static gboolean
hold (ThredoThread  *thread,
      gpointer       user_data,
      GError       **error)
{
  Scene *scene = user_data;
  g_autoptr(ThredoLockGuard) guard =
      thredo_lock_guard_new (THREDO_LOCKABLE (scene->lock), NULL, error);
  gboolean done;

  if (guard == NULL)
    return FALSE;
  g_print ("holder: has the lock\n");
  thredo_event_set (scene->held);
  done = thredo_event_wait (scene->go_on, NULL, error);
  g_print ("holder: %s, and gives it back\n", done ? "is done" : "is cancelled");
  return done;
}

static gboolean
want (ThredoThread  *thread,
      gpointer       user_data,
      GError       **error)
{
  Scene *scene = user_data;
  g_autoptr(ThredoLockGuard) guard = NULL;

  g_print ("waiter: wants the lock\n");
  thredo_event_set (scene->wanted);
  guard = thredo_lock_guard_new (THREDO_LOCKABLE (scene->lock), NULL, error);
  g_print ("waiter: %s\n", guard != NULL ? "has the lock" : "is cancelled, without it");
  return guard != NULL;
}

static void
play (gboolean cancels_the_holder)
{
  Scene scene = { thredo_lock_new (), thredo_event_new (), thredo_event_new (),
                  thredo_event_new () };
  g_autoptr(ThredoThread) holder = thredo_thread_spawn ("holder", hold, &scene, NULL, NULL);
  g_autoptr(ThredoThread) waiter = NULL;

  thredo_event_wait (scene.held, NULL, NULL);
  waiter = thredo_thread_spawn ("waiter", want, &scene, NULL, NULL);
  thredo_event_wait (scene.wanted, NULL, NULL);

  if (cancels_the_holder)
    {
      thredo_thread_cancel (holder);
    }
  else
    {
      thredo_thread_cancel (waiter);
      thredo_thread_wait (waiter, NULL, NULL);
      thredo_event_set (scene.go_on);
    }
  thredo_thread_wait (holder, NULL, NULL);
  thredo_thread_wait (waiter, NULL, NULL);

  g_object_unref (scene.lock);
  g_object_unref (scene.held);
  g_object_unref (scene.wanted);
  g_object_unref (scene.go_on);
}

int
main (void)
{
  g_print ("== the waiter is cancelled\n");
  play (FALSE);
  g_print ("== the holder is cancelled\n");
  play (TRUE);
  return 0;
}
