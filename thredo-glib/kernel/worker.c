/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "worker.h"

#include "cancellable.h"
#include "fork.h"
#include "loop.h"

#if !THREDO_PORTABLE
#include <limits.h>
#include <pthread.h>
#include <unistd.h>
#endif

#define IDLE_TIME (5 * G_TIME_SPAN_SECOND)
/* How long a spawn waits for a worker that is on its way to be idle, in
 * looks: a microsecond or two, against forty for a new thread. */
#define FINISHING_LOOKS 100

typedef struct _ThredoWorker ThredoWorker;

struct _ThredoWorker
{
  ThredoSlot slot; /* first: a worker's slot is the worker */
  ThredoSpinHistory idle_history;
  gsize stack_size;      /* 0: what the system gives */
  gboolean is_cached;    /* FALSE: ends after its first function */
  gboolean is_from_loop; /* whose signal mask and name it has inherited */
  gboolean is_finishing;

  /* Set by whoever takes it off the idle list, before it completes its wait. */
  ThredoWorkerFunc func;
  gpointer data;

  /* Guarded by the idle list's lock. */
  gboolean is_idle;
  ThredoWorker *next;
  ThredoWorker *prev;
};

static struct
{
  ThredoMutex lock;
  ThredoWorker *_Atomic first;
  _Atomic gint n_finishing; /* workers that have announced to be idle soon */
} idle;

static _Atomic gsize default_stack_size;

/* Called by a worker when it is about to let others know that its function
 * has ended: they may want to spawn at once, and had better wait for this
 * worker than start another. Not earlier for good reason: what is still to
 * run (the last unref of what the function used) is code of users, which can
 * take any time and may even wait for a thread that is spawned meanwhile. */
void
thredo_worker_finishing (ThredoSlot *slot)
{
  ThredoWorker *self = (ThredoWorker *) slot;

  self->is_finishing = TRUE;
  atomic_fetch_add (&idle.n_finishing, 1);
}

static void
push_idle (ThredoWorker *self)
{
  ThredoWorker *first;

  thredo_mutex_lock (&idle.lock);
  first = atomic_load_explicit (&idle.first, memory_order_relaxed);
  self->is_idle = TRUE;
  self->prev = NULL;
  self->next = first;
  if (first != NULL)
    first->prev = self;
  atomic_store_explicit (&idle.first, self, memory_order_relaxed);
  if (self->is_finishing)
    atomic_fetch_sub (&idle.n_finishing, 1);
  self->is_finishing = FALSE;
  thredo_mutex_unlock (&idle.lock);
}

static void
remove_idle_locked (ThredoWorker *self)
{
  if (self->prev != NULL)
    self->prev->next = self->next;
  else
    atomic_store_explicit (&idle.first, self->next, memory_order_relaxed);
  if (self->next != NULL)
    self->next->prev = self->prev;
  self->next = self->prev = NULL;
  self->is_idle = FALSE;
}

/* Those with another stack lie below, since the default was changed, and will
 * end there. */
static ThredoWorker *
pop_idle (gsize stack_size)
{
  ThredoWorker *worker;

  thredo_mutex_lock (&idle.lock);
  worker = atomic_load_explicit (&idle.first, memory_order_relaxed);
  if (worker != NULL && worker->stack_size != stack_size)
    worker = NULL;
  if (worker != NULL)
    remove_idle_locked (worker);
  thredo_mutex_unlock (&idle.lock);

  return worker;
}

static ThredoWorker *
take_idle (gsize stack_size)
{
  ThredoWorker *worker = pop_idle (stack_size);

  for (guint i = 0; worker == NULL && i < FINISHING_LOOKS; i++)
    {
      if (atomic_load_explicit (&idle.n_finishing, memory_order_relaxed) <= 0)
        break;
      thredo_cpu_relax ();
      if (atomic_load_explicit (&idle.first, memory_order_relaxed) != NULL)
        worker = pop_idle (stack_size);
    }

  return worker;
}

/* Waits for a function. FALSE: none came for long enough, and nobody can give
 * it one any more. */
static gboolean
wait_idle (ThredoWorker *self)
{
  ThredoWait *wait = &self->slot.wait;
  ThredoSpin spin;
  gint64 until;
  gboolean given_up = FALSE;

  thredo_wait_arm (wait);
  push_idle (self);

  if (thredo_spin_begin (&spin, &self->idle_history, THREDO_SPIN_CLOSE))
    {
      gboolean paid;

      while (!(paid = thredo_wait_get_state (wait) == THREDO_WAIT_DONE) &&
             thredo_spin_step (&spin))
        ;
      thredo_spin_end (&spin, paid);
    }

  if (thredo_wait_get_state (wait) == THREDO_WAIT_DONE)
    return TRUE;
  until = g_get_monotonic_time () + IDLE_TIME;
  while (!thredo_wait_park (wait, until))
    {
      thredo_mutex_lock (&idle.lock);
      given_up = self->is_idle;
      if (given_up)
        remove_idle_locked (self);
      thredo_mutex_unlock (&idle.lock);
      if (given_up)
        break;
      /* Taken off the list this moment: the function is coming. */
      until = THREDO_PARK_FOREVER;
    }

  return !given_up;
}

static void
worker_free (ThredoWorker *self)
{
  thredo_slot_clear (&self->slot);
  g_free (self);
}

static gpointer
worker_main (gpointer data)
{
  ThredoWorker *self = data;

  thredo_slot_set_self (&self->slot);
  if (self->is_from_loop)
    {
      thredo_loop_shed ();
      thredo_slot_set_os_name (&self->slot, "thredo-worker");
    }
  do
    {
      if (self->slot.owner == NULL)
        thredo_slot_attach_stray (&self->slot);
      self->func (self->data);
      thredo_slot_detach_stray (&self->slot);
    }
  while (self->is_cached && wait_idle (self));

  if (self->is_finishing)
    atomic_fetch_sub (&idle.n_finishing, 1);
  thredo_slot_set_self (NULL);
  worker_free (self);
  return NULL;
}

#if THREDO_PORTABLE

static gboolean
start_os_thread (ThredoWorker  *self,
                 gsize          stack_size,
                 GError       **error)
{
  GThread *thread = g_thread_try_new ("thredo-worker", worker_main, self, error);

  if (thread == NULL)
    return FALSE;
  g_thread_unref (thread);
  return TRUE;
}

#else

/* Not through GThread, which cannot set the size of a stack. */
static gboolean
start_os_thread (ThredoWorker  *self,
                 gsize          stack_size,
                 GError       **error)
{
  pthread_attr_t attr;
  pthread_t thread;
  int code;

  pthread_attr_init (&attr);
  pthread_attr_setdetachstate (&attr, PTHREAD_CREATE_DETACHED);
  code = 0;
  if (stack_size > 0)
    {
      gsize page = (gsize) sysconf (_SC_PAGESIZE);
      gsize size = MAX (stack_size, (gsize) PTHREAD_STACK_MIN);

      if (size > G_MAXSIZE - page)
        code = EAGAIN;
      else
        code = pthread_attr_setstacksize (&attr, (size + page - 1) / page * page);
    }
  if (code == 0)
    code = pthread_create (&thread, &attr, worker_main, self);
  pthread_attr_destroy (&attr);

  if (code != 0)
    {
      g_set_error (error, G_THREAD_ERROR, G_THREAD_ERROR_AGAIN,
                   "Could not start a thread: %s", g_strerror (code));
      return FALSE;
    }
  return TRUE;
}

#endif

/* Runs the function on an idle worker or a new one. The owner is what the
 * worker's slot belongs to until the function sets it back.
 *
 * A stack size of 0 is the default. A worker that was asked for another is not
 * kept. */
gboolean
thredo_worker_run (ThredoWorkerFunc   func,
                   gpointer           data,
                   gpointer           owner,
                   gsize              stack_size,
                   GError           **error)
{
  ThredoWorker *worker = NULL;
  gboolean is_cached = stack_size == 0;

  if (is_cached)
    {
      stack_size = atomic_load_explicit (&default_stack_size, memory_order_relaxed);
      worker = take_idle (stack_size);
    }

  if (worker != NULL)
    {
      worker->func = func;
      worker->data = data;
      thredo_slot_set_owner (&worker->slot, owner);
      thredo_wait_complete (&worker->slot.wait, worker->slot.wait.token, THREDO_WAIT_DONE);
      return TRUE;
    }

  worker = g_new0 (ThredoWorker, 1);
  thredo_slot_init (&worker->slot);
  /* The first cancellable is made here and not by the new thread, which would
   * need a cache of GSlice's for it: 3 KiB for each thread, in GLib 2.74. */
  worker->slot.spare = G_CANCELLABLE (thredo_cancellable_new (NULL));
  thredo_spin_history_init (&worker->idle_history);
  worker->func = func;
  worker->data = data;
  worker->stack_size = stack_size;
  worker->is_cached = is_cached;
  worker->is_from_loop = thredo_slot_is_loop ();
  thredo_slot_set_owner (&worker->slot, owner);
  if (start_os_thread (worker, stack_size, error))
    return TRUE;

  worker_free (worker);
  return FALSE;
}

void
thredo_worker_set_default_stack_size (gsize stack_size)
{
  atomic_store (&default_stack_size, stack_size);
}

void
thredo_worker_fork_prepare (void)
{
  thredo_mutex_lock (&idle.lock);
}

void
thredo_worker_fork_parent (void)
{
  thredo_mutex_unlock (&idle.lock);
}

/* The idle workers did not come along. */
void
thredo_worker_fork_child (void)
{
  thredo_mutex_init (&idle.lock);
  atomic_store (&idle.first, NULL);
  atomic_store (&idle.n_finishing, 0);
}
