/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "slot.h"

#include "fork.h"
#include "level.h"
#include "loop.h"
#include "walk.h"

#include <string.h>
#include <time.h>

/* All slots of the process. */
static struct
{
  ThredoMutex lock;
  ThredoSlot *first;
  guint n;
  guint64 n_waits; /* of slots that are gone */
  ThredoWalk *walks;
} registry;

_Atomic guint thredo_slot_n_accounting;

static void (*foreign_attached) (ThredoSlot *slot);
static void (*foreign_detached) (ThredoSlot *slot);

static void detach (gpointer data);
static GPrivate foreign_slot = G_PRIVATE_INIT (detach);

#if THREDO_PORTABLE

static GPrivate own_slot;

ThredoSlot *
thredo_slot_self_portable (void)
{
  ThredoSlot *slot = g_private_get (&own_slot);

  return slot != NULL ? slot : thredo_slot_attach ();
}

static ThredoSlot *
get_current (void)
{
  return g_private_get (&own_slot);
}

void
thredo_slot_set_self (ThredoSlot *self)
{
  g_private_set (&own_slot, self);
}

#else

THREDO_TLS ThredoSlot *thredo_slot_current;

static ThredoSlot *
get_current (void)
{
  return thredo_slot_current;
}

void
thredo_slot_set_self (ThredoSlot *self)
{
  thredo_slot_current = self;
  if (self == NULL)
    return;

  thredo_mutex_lock (&self->lock);
  self->os_thread = pthread_self ();
  self->has_os_thread = TRUE;
  thredo_mutex_unlock (&self->lock);
}

#endif

/* A sleep's timer: it is the event that is waited for. */
static void
fire (ThredoTimer      *timer,
      ThredoTimerBatch *batch)
{
  ThredoSlot *self = (ThredoSlot *) ((char *) timer - G_STRUCT_OFFSET (ThredoSlot, timer));

  thredo_wait_claim_current (&self->wait, THREDO_WAIT_DONE, &batch->wakes);
}

void
thredo_slot_init (ThredoSlot *self)
{
  thredo_wait_init (&self->wait);
  thredo_spin_history_init (&self->history);
  thredo_timer_init (&self->timer, fire);
  thredo_mutex_init (&self->lock);

  thredo_mutex_lock (&registry.lock);
  self->prev = NULL;
  self->next = registry.first;
  if (self->next != NULL)
    self->next->prev = self;
  registry.first = self;
  registry.n++;
  thredo_mutex_unlock (&registry.lock);
}

void
thredo_slot_clear (ThredoSlot *self)
{
  thredo_mutex_lock (&registry.lock);
  if (self->prev != NULL)
    self->prev->next = self->next;
  else
    registry.first = self->next;
  if (self->next != NULL)
    self->next->prev = self->prev;
  thredo_walk_skip (registry.walks, self, self->next);
  registry.n--;
  registry.n_waits += self->n_waits_before + self->n_waits;
  thredo_mutex_unlock (&registry.lock);

  g_clear_object (&self->spare);
  thredo_wait_clear (&self->wait);
  thredo_mutex_clear (&self->lock);
}

/* A number that has not been given before. */
guint64
thredo_slot_new_serial (void)
{
  static _Atomic guint64 last;

  return atomic_fetch_add_explicit (&last, 1, memory_order_relaxed) + 1;
}

/* The calling thread's slot, if it has one. */
ThredoSlot *
thredo_slot_peek (void)
{
  return get_current ();
}

/* Whether the calling thread is the loop's. Does not attach it. */
gboolean
thredo_slot_is_loop (void)
{
  ThredoSlot *slot = get_current ();

  return slot != NULL && slot->is_loop;
}

/* Gives a thread of ours that has no owner one as if it were foreign: it runs code of
 * users. */
void
thredo_slot_attach_stray (ThredoSlot *self)
{
  foreign_attached (self);
}

/* What a thread of ours has in the way of a foreign one's is taken off it, and with it
 * the locks that code of users has left behind. */
void
thredo_slot_detach_stray (ThredoSlot *self)
{
  if (self->owner == NULL && self->n_held > 0)
    foreign_attached (self);
  if (self->owner != NULL)
    foreign_detached (self);
}

/* What the OS thread has taken so far, in nanoseconds; 0 if that is not known. With the
 * slot's lock held, and its thread alive. */
static gint64
ask_for_cpu_time_locked (ThredoSlot *self)
{
#if !THREDO_PORTABLE
  struct timespec time;
  clockid_t clock;

  if (self->has_os_thread && pthread_getcpuclockid (self->os_thread, &clock) == 0 &&
      clock_gettime (clock, &time) == 0)
    return (gint64) time.tv_sec * 1000000000 + time.tv_nsec;
#endif
  return 0;
}

/* By its thread, or while that is idle. */
void
thredo_slot_set_owner (ThredoSlot *self,
                       gpointer    owner)
{
  thredo_mutex_lock (&self->lock);
  self->owner = owner;
  if (owner != NULL)
    {
      self->n_waits_before += self->n_waits;
      self->n_waits = 0;
      if (G_UNLIKELY (thredo_slot_is_accounting ()))
        self->cpu_before = ask_for_cpu_time_locked (self);
    }
  thredo_mutex_unlock (&self->lock);
}

void
thredo_slot_begin_accounting (void)
{
  atomic_fetch_add (&thredo_slot_n_accounting, 1);
}

void
thredo_slot_end_accounting (void)
{
  atomic_fetch_sub (&thredo_slot_n_accounting, 1);
}

/* What its owner has taken, in nanoseconds. With the registry's lock held, so that its thread
 * is there, and its own. */
gint64
thredo_slot_get_cpu_time_locked (ThredoSlot *self)
{
  return MAX (ask_for_cpu_time_locked (self) - self->cpu_before, 0);
}

/* The same, for its thread to ask. */
gint64
thredo_slot_get_own_cpu_time (ThredoSlot *self)
{
  gint64 time;

  thredo_mutex_lock (&self->lock);
  time = thredo_slot_get_cpu_time_locked (self);
  thredo_mutex_unlock (&self->lock);

  return time;
}

/* How often threads were parked since the beginning. With the registry's lock held. */
guint64
thredo_slot_count_waits_locked (void)
{
  guint64 n = registry.n_waits;

  for (ThredoSlot *slot = registry.first; slot != NULL; slot = slot->next)
    {
      thredo_mutex_lock (&slot->lock);
      n += slot->n_waits_before + slot->n_waits;
      thredo_mutex_unlock (&slot->lock);
    }
  return n;
}

/* What is to happen when a thread that we did not start makes itself known,
 * and when it ends. */
void
thredo_slot_set_foreign_hooks (void (*attached) (ThredoSlot *slot),
                               void (*detached) (ThredoSlot *slot))
{
  foreign_attached = attached;
  foreign_detached = detached;
}

ThredoSlot *
thredo_slot_attach (void)
{
  ThredoSlot *slot = g_new0 (ThredoSlot, 1);

  thredo_fork_register ();
  thredo_slot_init (slot);
  thredo_slot_set_self (slot);
  g_private_set (&foreign_slot, slot);
  foreign_attached (slot);

  return slot;
}

static void
detach (gpointer data)
{
  ThredoSlot *slot = data;

  /* Other destructors may have run before, and may run after. */
  thredo_slot_set_self (slot);
  foreign_detached (slot);
  thredo_slot_set_self (NULL);
  thredo_slot_clear (slot);
  g_free (slot);
}

/* As long as the registry is locked, no slot goes. */
void
thredo_slot_lock_registry (void)
{
  thredo_mutex_lock (&registry.lock);
}

void
thredo_slot_unlock_registry (void)
{
  thredo_mutex_unlock (&registry.lock);
}

guint
thredo_slot_count_registered_locked (void)
{
  return registry.n;
}

/* Calls the function for every slot, with the registry's and the slot's lock
 * held. */
void
thredo_slot_foreach_locked (void (*func) (ThredoSlot *slot,
                                          gpointer    user_data),
                            gpointer user_data)
{
  for (ThredoSlot *slot = registry.first; slot != NULL; slot = slot->next)
    {
      thredo_mutex_lock (&slot->lock);
      func (slot, user_data);
      thredo_mutex_unlock (&slot->lock);
    }
}

void
thredo_slot_foreach (void (*func) (ThredoSlot *slot,
                                   gpointer    user_data),
                     gpointer user_data)
{
  thredo_slot_lock_registry ();
  thredo_slot_foreach_locked (func, user_data);
  thredo_slot_unlock_registry ();
}

/* The same for a monitor, which lets others to the registry meanwhile. */
void
thredo_slot_walk (void (*func) (ThredoSlot *slot,
                                gpointer    user_data),
                  gpointer user_data)
{
  ThredoWalk walk;

  thredo_slot_lock_registry ();
  thredo_walk_begin (&walk, &registry.walks, registry.first);
  while (walk.next_item != NULL)
    {
      ThredoSlot *slot = walk.next_item;

      walk.next_item = slot->next;
      thredo_mutex_lock (&slot->lock);
      func (slot, user_data);
      thredo_mutex_unlock (&slot->lock);
      thredo_walk_pause (&walk, &registry.lock);
    }
  thredo_walk_end (&walk, &registry.walks);
  thredo_slot_unlock_registry ();
}

void
thredo_slot_fork_prepare (void)
{
  thredo_mutex_lock (&registry.lock);
}

void
thredo_slot_fork_parent (void)
{
  thredo_mutex_unlock (&registry.lock);
}

void
thredo_slot_fork_child (void)
{
  ThredoSlot *self = get_current ();

  /* Those of threads that are gone may still be somebody's owner. */
  for (ThredoSlot *slot = registry.first; slot != NULL; slot = slot->next)
    {
      thredo_mutex_init (&slot->lock);
      slot->blocked = NULL;
    }

  thredo_mutex_init (&registry.lock);
  registry.walks = NULL;
  registry.first = self;
  registry.n = self != NULL ? 1 : 0;
  if (self == NULL)
    return;

  self->next = self->prev = NULL;
  self->is_loop = FALSE;
  thredo_level_fork_child (self);
}

/* The name that ps, top and gdb show, cut to what the kernel takes. The slot's
 * thread is alive. */
void
thredo_slot_set_os_name (ThredoSlot *self,
                         const char *name)
{
#if !THREDO_PORTABLE
  char buffer[sizeof self->os_name];

  g_strlcpy (buffer, name, sizeof buffer);
  if (strcmp (buffer, self->os_name) == 0)
    return;
  memcpy (self->os_name, buffer, sizeof buffer);
  pthread_setname_np (self->os_thread, buffer);
#endif
}

char *
thredo_slot_dup_os_name (ThredoSlot *self)
{
#if !THREDO_PORTABLE
  char buffer[sizeof self->os_name];

  if (pthread_getname_np (self->os_thread, buffer, sizeof buffer) == 0)
    return g_strdup (buffer);
#endif
  return NULL;
}

/* What a thread that is parked waits for: "get on Queue 'jobs'". Called with
 * the slot's lock held, which keeps the object. */
char *
thredo_slot_describe_wait (ThredoSlot *self)
{
  const ThredoWaitInfo *info = self->info;
  const char *name;

  if (info == NULL)
    return NULL;
  if (info->noun == NULL)
    return g_strdup (info->verb);
  name = self->object != NULL && info->get_name != NULL ? info->get_name (self->object) : NULL;
  if (name == NULL)
    return g_strdup_printf ("%s on %s", info->verb, info->noun);
  return g_strdup_printf ("%s on %s '%s'", info->verb, info->noun, name);
}

/* A callback of the default main context that blocks keeps a GUI from being
 * drawn. It works, so it is a warning, once for each call. */
static void
warn_about_main_loop (const ThredoWaitInfo *info)
{
  static ThredoMutex lock;
  static GHashTable *warned;
  gboolean first;

  if (G_LIKELY (g_main_depth () == 0) || !g_main_context_is_owner (g_main_context_default ()))
    return;

  thredo_mutex_lock (&lock);
  if (warned == NULL)
    warned = g_hash_table_new (g_str_hash, g_str_equal);
  first = g_hash_table_add (warned, (gpointer) info->function);
  thredo_mutex_unlock (&lock);

  if (first)
    g_warning ("%s() blocks the main loop that called it until it returns; use a thread there, "
               "or the async form if it has one",
               info->function);
}

typedef struct
{
  ThredoWait *wait;
  guint32 token;
} CancelClosure;

/* Takes no lock but, in the portable build, that of the wait's parker. */
static void
cancellable_cancelled (GCancellable *cancellable,
                       gpointer      data)
{
  CancelClosure *closure = data;

  thredo_wait_complete (closure->wait, closure->token, THREDO_WAIT_CANCELLED);
}

static void
park (ThredoSlot           *self,
      const ThredoWaitInfo *info,
      gpointer              object)
{
  thredo_mutex_lock (&self->lock);
  self->info = info;
  self->object = object;
  self->since = g_get_monotonic_time ();
  self->n_waits++;
  thredo_mutex_unlock (&self->lock);

  thredo_wait_park (&self->wait, THREDO_PARK_FOREVER);

  /* Readers that look at the object hold the lock: it stays until they are
   * done. */
  thredo_mutex_lock (&self->lock);
  self->info = NULL;
  self->object = NULL;
  self->since = 0;
  thredo_mutex_unlock (&self->lock);
}

/* To be called before the wait is armed and any lock is taken: a log handler of
 * the user may run in here, and may block. */
void
thredo_slot_prepare (ThredoSlot           *self,
                     const ThredoWaitInfo *info)
{
  thredo_loop_ensure (NULL);
  warn_about_main_loop (info);
}

/* Blocks until the armed wait, which by now stands where its completer will
 * find it, has an outcome. */
ThredoWaitState
thredo_slot_block (ThredoSlot           *self,
                   const ThredoWaitInfo *info,
                   gpointer              object,
                   GCancellable         *cancellable)
{
  ThredoWait *wait = &self->wait;
  CancelClosure closure = { wait, wait->token };
  ThredoWaitState reason;
  gulong handler = 0;

  /* After arming: see thredo_wait_arm(). */
  reason = thredo_level_check (self);
  if (reason != THREDO_WAIT_IDLE)
    {
      thredo_wait_complete (wait, wait->token, reason);
      return thredo_wait_get_state (wait);
    }

  if (cancellable != NULL && !thredo_level_surrounds (self, cancellable))
    handler = g_cancellable_connect (cancellable, G_CALLBACK (cancellable_cancelled),
                                     &closure, NULL);

  park (self, info, object);

  /* Waits for a handler that is running, so the closure may go. */
  if (handler != 0)
    g_cancellable_disconnect (cancellable, handler);

  return thredo_wait_get_state (wait);
}

/* The same for a wait that others are likely to complete in a moment, and that there
 * is nothing to look at for but itself: looks at it for a while before it parks. */
ThredoWaitState
thredo_slot_spin_and_block (ThredoSlot           *self,
                            const ThredoWaitInfo *info,
                            gpointer              object,
                            GCancellable         *cancellable)
{
  ThredoWaitState state = THREDO_WAIT_ARMED;
  ThredoSpin spin;

  if (thredo_spin_begin (&spin, &self->history, THREDO_SPIN_CLOSE))
    {
      do
        state = thredo_wait_get_state (&self->wait);
      while (state == THREDO_WAIT_ARMED && thredo_spin_step (&spin));
      thredo_spin_end (&spin, state != THREDO_WAIT_ARMED);
    }
  return state != THREDO_WAIT_ARMED ? state : thredo_slot_block (self, info, object, cancellable);
}
