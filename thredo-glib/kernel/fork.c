/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "fork.h"

#include "child.h"
#include "hold.h"
#include "level.h"
#include "loop.h"
#include "slot.h"
#include "timers.h"
#include "watch.h"
#include "worker.h"

#ifdef G_OS_UNIX

#include <pthread.h>

/* Every lock of the kernel that is not of one object is taken around a fork,
 * so that the child gets what they guard in one piece. The child has the
 * thread that forked and no other: no loop, no idle workers. */

/* The global locks of other layers. */
static struct
{
  ThredoMutex *lock;
  void (*in_child) (void);
} foreign_locks[8];
static guint n_foreign_locks;

static void
prepare (void)
{
  for (guint i = 0; i < n_foreign_locks; i++)
    thredo_mutex_lock (foreign_locks[i].lock);
  thredo_loop_fork_prepare ();
  thredo_worker_fork_prepare ();
  thredo_hold_fork_prepare ();
  thredo_slot_fork_prepare ();
  thredo_timers_lock ();
}

static void
parent (void)
{
  thredo_timers_unlock ();
  thredo_slot_fork_parent ();
  thredo_hold_fork_parent ();
  thredo_worker_fork_parent ();
  thredo_loop_fork_parent ();
  for (guint i = n_foreign_locks; i > 0; i--)
    thredo_mutex_unlock (foreign_locks[i - 1].lock);
}

static void
child (void)
{
  thredo_timers_fork_child ();
  thredo_watch_fork_child ();
  thredo_child_fork_child ();
  thredo_slot_fork_child ();
  thredo_hold_fork_child ();
  thredo_worker_fork_child ();
  thredo_loop_fork_child ();
  for (guint i = 0; i < n_foreign_locks; i++)
    {
      thredo_mutex_init (foreign_locks[i].lock);
      if (foreign_locks[i].in_child != NULL)
        foreign_locks[i].in_child ();
    }
}

void
thredo_fork_register (void)
{
  static gsize registered;

  if (g_once_init_enter (&registered))
    {
      pthread_atfork (prepare, parent, child);
      g_once_init_leave (&registered, 1);
    }
}

/* Has a lock of another layer taken around forks as well, before those of the
 * kernel. What the child has to do with what it guards, if that is not NULL, may not take
 * other locks. For constructors. */
void
thredo_fork_protect (ThredoMutex *lock,
                     void (*in_child) (void))
{
  g_assert (n_foreign_locks < G_N_ELEMENTS (foreign_locks));
  foreign_locks[n_foreign_locks].lock = lock;
  foreign_locks[n_foreign_locks].in_child = in_child;
  n_foreign_locks++;
}

#else

void
thredo_fork_register (void)
{
}

void
thredo_fork_protect (ThredoMutex *lock,
                     void (*in_child) (void))
{
}

#endif
