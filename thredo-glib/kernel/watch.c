/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "watch.h"

#include "loop.h"

#include <errno.h>

static guint n_forks;

/* How often the number was about to be closed in the upper half, and was in the
 * lower one. */
#define ERA_CLOSING 0x10000
#define ERA_CLOSED 1
#define ERA_CLOSED_MASK (ERA_CLOSING - 1)

static guint32
end_era (guint32 era)
{
  return (era & ~ERA_CLOSED_MASK) | ((era + ERA_CLOSED) & ERA_CLOSED_MASK);
}

/* What becomes of a wait that is of another era. IDLE: it is of this one. */
static ThredoWaitState
compare_eras (guint32 now,
              guint32 then)
{
  if (G_LIKELY (now == then))
    return THREDO_WAIT_IDLE;
  return (now ^ then) & ~ERA_CLOSED_MASK ? THREDO_WAIT_CLOSED : THREDO_WAIT_DONE;
}

#if !THREDO_PORTABLE

#include <sys/epoll.h>
#include <time.h>

typedef struct
{
  _Atomic guint32 era; /* changed with the lock held */
  ThredoMutex lock;    /* guards the following, and the tickets */
  guint32 generation;
  gboolean registered; /* the kernel was told of it, and may have forgotten it since */
  ThredoWaitList waiting;
} ThredoWatch;

/* Room for more numbers than a process has: fs.nr_open is a million by default. */
#define CHUNK 256
#define N_CHUNKS 16384

static ThredoWatch *_Atomic chunks[N_CHUNKS];
static _Atomic guint n_chunks; /* none is beyond */
static _Atomic int poller_fd = -1;

/* When the latest wait began, in steps of a quarter of a second, so that hardly
 * anybody writes it. */
#define STEP (G_USEC_PER_SEC / 4)
#define SHORTEST_SWEEP G_USEC_PER_SEC
#define LONGEST_SWEEP (64 * G_USEC_PER_SEC)

/* After so many questions to the kernel, which take half a microsecond each, the loop
 * gets to do something else. */
#define SWEEP_SLICE 128
#define SLICE_PAUSE 1000

static _Atomic gint64 latest_began;

static struct
{
  ThredoTimer timer; /* guarded by the timers' lock, as is the next */
  gint64 interval;   /* 0: no sweep is due */

  /* The loop's thread's alone. */
  gboolean is_due;
  guint position;
  gint64 began; /* this one, or the one before */
  gint64 began_before;
  gboolean any;
} sweep;

/* NULL if there is none yet. */
static ThredoWatch *
peek_watch (int fd)
{
  ThredoWatch *chunk;

  if (fd < 0 || fd >= CHUNK * N_CHUNKS)
    return NULL;
  chunk = atomic_load_explicit (&chunks[fd / CHUNK], memory_order_acquire);
  return chunk != NULL ? &chunk[fd % CHUNK] : NULL;
}

/* NULL for what is not the number of a file. */
static ThredoWatch *
get_watch (int fd)
{
  ThredoWatch *self = peek_watch (fd);
  ThredoWatch *made;
  ThredoWatch *found = NULL;
  guint n;

  if (G_LIKELY (self != NULL) || fd < 0 || fd >= CHUNK * N_CHUNKS)
    return self;

  n = atomic_load (&n_chunks);
  while (n <= (guint) fd / CHUNK &&
         !atomic_compare_exchange_weak (&n_chunks, &n, (guint) fd / CHUNK + 1))
    ;

  made = g_new0 (ThredoWatch, CHUNK);
  for (guint i = 0; i < CHUNK; i++)
    thredo_mutex_init (&made[i].lock);
  if (!atomic_compare_exchange_strong (&chunks[fd / CHUNK], &found, made))
    {
      g_free (made);
      made = found;
    }
  return &made[fd % CHUNK];
}

static int
tell_kernel_locked (ThredoWatch *self,
                    int          operation,
                    int          fd,
                    guint        wanted)
{
  int epoll_fd = atomic_load_explicit (&poller_fd, memory_order_relaxed);
  struct epoll_event event = { .events = EPOLLONESHOT | wanted };

  event.data.u64 = ((guint64) self->generation << 32) | (guint32) fd;
  return epoll_ctl (epoll_fd, operation, fd, &event) == 0 ? 0 : errno;
}

/* Tells the kernel what those who wait look for. Returns 0, or an error number: then
 * nobody who has waited so far will be told anything by it. */
static int
enable_locked (ThredoWatch *self,
               int          fd)
{
  guint wanted = 0;

  for (ThredoWait *wait = self->waiting.first; wait != NULL; wait = wait->next)
    wanted |= ((ThredoWatchTicket *) wait->payload)->wanted;
  return tell_kernel_locked (self, EPOLL_CTL_MOD, fd, wanted);
}

static void
send_home_locked (ThredoWatch     *self,
                  ThredoWakeBatch *batch)
{
  self->registered = FALSE;
  thredo_wait_list_claim_all (&self->waiting, THREDO_WAIT_CLOSED, batch);
}

static void
enable_rest_locked (ThredoWatch     *self,
                    int              fd,
                    ThredoWakeBatch *batch)
{
  if (self->waiting.first != NULL && enable_locked (self, fd) != 0)
    send_home_locked (self, batch);
}

static int
add_locked (ThredoWatch *self,
            int          fd,
            guint        wanted)
{
  int error_number;

  self->generation++;
  error_number = tell_kernel_locked (self, EPOLL_CTL_ADD, fd, wanted);
  /* A file that had this number before, and has it again. */
  if (error_number == EEXIST)
    error_number = tell_kernel_locked (self, EPOLL_CTL_MOD, fd, wanted);
  self->registered = error_number == 0;
  return error_number;
}

/* Puts the wait in line. Whoever waits for what the number meant before is sent
 * home. */
static int
begin_locked (ThredoWatch     *self,
              ThredoWait      *wait,
              int              fd,
              ThredoWakeBatch *batch)
{
  ThredoWatchTicket *ticket = wait->payload;
  int error_number = ENOENT;

  thredo_wait_list_append (&self->waiting, wait);
  if (self->registered)
    error_number = enable_locked (self, fd);
  if (G_LIKELY (error_number == 0))
    return 0;

  thredo_wait_list_remove (&self->waiting, wait);
  send_home_locked (self, batch);
  if (error_number == ENOENT)
    error_number = add_locked (self, fd, ticket->wanted);
  if (error_number == 0)
    thredo_wait_list_append (&self->waiting, wait);
  return error_number;
}

static void
sweep_timer_fire (ThredoTimer      *timer,
                  ThredoTimerBatch *batch)
{
  sweep.is_due = TRUE;
}

/* Sees to it that a sweep comes soon. The wait is in line already: a sweep that has
 * not met it sees here that one began. */
static void
note_wait (void)
{
  gint64 latest = atomic_load_explicit (&latest_began, memory_order_relaxed);
  struct timespec clock;
  gint64 now;

  /* Some milliseconds do not matter, and are cheaper. */
  clock_gettime (CLOCK_MONOTONIC_COARSE, &clock);
  now = (gint64) clock.tv_sec * G_USEC_PER_SEC + clock.tv_nsec / 1000;
  if (G_LIKELY (now - latest < STEP))
    return;
  atomic_store_explicit (&latest_began, now, memory_order_relaxed);

  thredo_timers_lock ();
  if (sweep.interval == 0 || sweep.interval > SHORTEST_SWEEP)
    {
      if (sweep.timer.fire == NULL)
        thredo_timer_init (&sweep.timer, sweep_timer_fire);
      sweep.interval = SHORTEST_SWEEP;
      thredo_timers_remove_locked (&sweep.timer);
      thredo_timers_add_locked (&sweep.timer, now + SHORTEST_SWEEP);
    }
  thredo_timers_unlock ();
}

/* Asks the kernel whether it still knows the file that is waited for. */
static gboolean
sweep_one (int fd)
{
  ThredoWakeBatch batch = THREDO_WAKE_BATCH_INIT;
  ThredoWatch *self = peek_watch (fd);
  gboolean asked;

  thredo_mutex_lock (&self->lock);
  asked = self->waiting.first != NULL;
  enable_rest_locked (self, fd, &batch);
  thredo_mutex_unlock (&self->lock);
  thredo_wake_batch_flush (&batch);

  return asked;
}

/* Returns whether there is more to do. */
static gboolean
sweep_slice (void)
{
  guint n_asked = 0;
  guint end = atomic_load (&n_chunks) * CHUNK;

  while (sweep.position < end && n_asked < SWEEP_SLICE)
    {
      if (peek_watch ((int) sweep.position) == NULL)
        sweep.position += CHUNK;
      else
        n_asked += sweep_one ((int) sweep.position++);
    }
  sweep.any |= n_asked > 0;
  return sweep.position < end;
}

/* On the loop's thread, after the timers. */
void
thredo_watch_sweep (void)
{
  gint64 now;
  gint64 latest;

  if (G_LIKELY (!sweep.is_due))
    return;

  sweep.is_due = FALSE;
  now = g_get_monotonic_time ();
  if (sweep.position == 0)
    {
      sweep.began_before = sweep.began;
      sweep.began = now;
      sweep.any = FALSE;
    }
  if (sweep_slice ())
    {
      thredo_timers_lock ();
      if (sweep.timer.index == 0)
        thredo_timers_add_locked (&sweep.timer, now + SLICE_PAUSE);
      thredo_timers_unlock ();
      return;
    }

  sweep.position = 0;
  thredo_timers_lock ();
  latest = atomic_load_explicit (&latest_began, memory_order_relaxed);
  if (latest > sweep.began_before - STEP)
    sweep.interval = SHORTEST_SWEEP;
  else if (sweep.any)
    sweep.interval = MIN (sweep.interval * 2, LONGEST_SWEEP);
  else
    sweep.interval = 0;
  if (sweep.interval != 0 && sweep.timer.index == 0)
    thredo_timers_add_locked (&sweep.timer, now + sweep.interval);
  thredo_timers_unlock ();
}

void
thredo_watch_set_poller (int epoll_fd)
{
  atomic_store (&poller_fd, epoll_fd);
}

/* What epoll has seen, on the loop's thread. */
void
thredo_watch_event (guint64          key,
                    guint            seen,
                    ThredoWakeBatch *batch)
{
  int fd = (int) (guint32) key;
  ThredoWatch *self = peek_watch (fd);
  ThredoWait *next;

  thredo_mutex_lock (&self->lock);
  if (self->generation == key >> 32)
    {
      for (ThredoWait *wait = self->waiting.first; wait != NULL; wait = next)
        {
          ThredoWatchTicket *ticket = wait->payload;

          next = wait->next;
          if ((seen & (ticket->wanted | EPOLLERR | EPOLLHUP)) == 0)
            continue;
          thredo_wait_list_remove (&self->waiting, wait);
          ticket->seen = seen & (ticket->wanted | EPOLLERR | EPOLLHUP);
          thredo_wait_claim (wait, wait->token, THREDO_WAIT_DONE, batch);
        }
      enable_rest_locked (self, fd, batch);
    }
  thredo_mutex_unlock (&self->lock);
}

/* Which era of a number it is. To be asked before the number is seen to be good. */
guint32
thredo_watch_get_era (int fd)
{
  ThredoWatch *self = get_watch (fd);

  return self != NULL ? atomic_load (&self->era) : 0;
}

/* Lets an armed wait, whose payload is a ticket, stand in line for an fd (IDLE). If not,
 * nobody will complete it, and what is returned is what became of it: DONE, CLOSED or
 * REFUSED, as of thredo_watch_wait(). */
ThredoWaitState
thredo_watch_line_up (ThredoWait *wait,
                      int         fd,
                      int        *error_number)
{
  ThredoWakeBatch batch = THREDO_WAKE_BATCH_INIT;
  ThredoWatchTicket *ticket = wait->payload;
  ThredoWatch *self = get_watch (fd);
  ThredoWaitState outcome;

  *error_number = fd < 0 ? EBADF : EMFILE;
  if (self == NULL)
    return THREDO_WAIT_REFUSED;

  thredo_mutex_lock (&self->lock);
  outcome = compare_eras (atomic_load_explicit (&self->era, memory_order_relaxed), ticket->era);
  *error_number = 0;
  ticket->n_forks = n_forks;
  if (outcome == THREDO_WAIT_IDLE)
    *error_number = begin_locked (self, wait, fd, &batch);
  thredo_mutex_unlock (&self->lock);
  thredo_wake_batch_flush (&batch);

  if (*error_number == 0)
    {
      if (outcome == THREDO_WAIT_IDLE)
        note_wait ();
      return outcome;
    }
  /* What epoll does not take, plain files, can always be read and written. */
  if (*error_number == EPERM)
    ticket->seen = ticket->wanted & (EPOLLIN | EPOLLOUT);
  return ticket->seen != 0 ? THREDO_WAIT_DONE : THREDO_WAIT_REFUSED;
}

/* After the wait has ended. */
void
thredo_watch_step_out (ThredoWait *wait,
                       int         fd)
{
  ThredoWatch *self = peek_watch (fd);

  thredo_mutex_lock (&self->lock);
  if (((ThredoWatchTicket *) wait->payload)->n_forks != n_forks)
    wait->list = NULL;
  else if (wait->list != NULL)
    thredo_wait_list_remove (&self->waiting, wait);
  thredo_mutex_unlock (&self->lock);
}

/* Blocks until one of the things that are wanted can be done with the fd (DONE), or
 * the wait has another outcome: CLOSED if the fd was closed meanwhile. REFUSED is for
 * an fd that cannot be waited for, with the reason in error_number. DONE with nothing
 * seen: the caller is to look again. */
ThredoWaitState
thredo_watch_wait (ThredoSlot           *slot,
                   const ThredoWaitInfo *info,
                   gpointer              object,
                   int                   fd,
                   guint                 wanted,
                   guint32               era,
                   guint                *seen,
                   GCancellable         *cancellable,
                   int                  *error_number)
{
  ThredoWatchTicket ticket = { wanted, 0, era };
  ThredoWait *wait = &slot->wait;
  ThredoWaitState outcome;

  thredo_slot_prepare (slot, info);
  thredo_wait_arm (wait);
  wait->payload = &ticket;
  outcome = thredo_watch_line_up (wait, fd, error_number);
  if (outcome == THREDO_WAIT_IDLE)
    {
      outcome = thredo_slot_block (slot, info, object, cancellable);
      if (outcome != THREDO_WAIT_DONE)
        thredo_watch_step_out (wait, fd);
    }
  else
    {
      thredo_wait_disarm (wait);
    }
  *seen = ticket.seen;
  return outcome;
}

/* Ends the waits for an fd that is about to be closed. */
void
thredo_watch_closing (int fd)
{
  ThredoWakeBatch batch = THREDO_WAKE_BATCH_INIT;
  ThredoWatch *self = get_watch (fd);

  if (self == NULL)
    return;

  thredo_mutex_lock (&self->lock);
  atomic_fetch_add (&self->era, ERA_CLOSING);
  if (self->registered)
    tell_kernel_locked (self, EPOLL_CTL_DEL, fd, 0);
  send_home_locked (self, &batch);
  thredo_mutex_unlock (&self->lock);
  thredo_wake_batch_flush (&batch);
}

/* The fd was closed, and may be another's already. Whoever has looked at it since it
 * was about to be closed looks again. */
void
thredo_watch_closed (int fd)
{
  ThredoWakeBatch batch = THREDO_WAKE_BATCH_INIT;
  ThredoWatch *self = get_watch (fd);
  ThredoWait *next;
  guint32 era;

  if (self == NULL)
    return;

  thredo_mutex_lock (&self->lock);
  era = end_era (atomic_load_explicit (&self->era, memory_order_relaxed));
  atomic_store (&self->era, era);
  for (ThredoWait *wait = self->waiting.first; wait != NULL; wait = next)
    {
      next = wait->next;
      if (((ThredoWatchTicket *) wait->payload)->era == era)
        continue;
      thredo_wait_list_remove (&self->waiting, wait);
      thredo_wait_claim (wait, wait->token, THREDO_WAIT_DONE, &batch);
    }
  thredo_mutex_unlock (&self->lock);
  thredo_wake_batch_flush (&batch);
}

/* Those who waited are gone, and so is the set that knew the files. */
void
thredo_watch_fork_child (void)
{
  for (guint i = 0; i < atomic_load (&n_chunks); i++)
    {
      ThredoWatch *chunk = atomic_load (&chunks[i]);

      for (guint j = 0; chunk != NULL && j < CHUNK; j++)
        {
          thredo_mutex_init (&chunk[j].lock);
          chunk[j].registered = FALSE;
          chunk[j].waiting = (ThredoWaitList) { 0 };
        }
    }
  n_forks++;
  atomic_store (&poller_fd, -1);
  atomic_store (&latest_began, 0);
  sweep.interval = 0;
  sweep.is_due = FALSE;
  sweep.position = 0;
}

#else /* THREDO_PORTABLE */

#include <glib-unix.h>

/* A source for each wait. */
typedef struct _Watching Watching;

struct _Watching
{
  GSource *source;
  int fd;
  gint64 interval;

  ThredoMutex lock; /* guards the following, and as long as there is a wait, that */
  ThredoWait *wait;
  guint32 token;
  guint seen;

  Watching *next; /* guarded by the list's lock */
  Watching *prev;
};

static struct
{
  ThredoMutex lock;
  Watching *first;
  GHashTable *eras; /* by number, of those that were about to be closed */
} all;

/* After this poll() is asked again, which does not notice a close while it sleeps. */
#define SHORTEST_SLEEP G_USEC_PER_SEC
#define LONGEST_SLEEP (64 * G_USEC_PER_SEC)

static guint32
get_era_locked (int fd)
{
  return all.eras != NULL
             ? GPOINTER_TO_UINT (g_hash_table_lookup (all.eras, GINT_TO_POINTER (fd)))
             : 0;
}

static void
set_era_locked (int     fd,
                guint32 era)
{
  if (all.eras == NULL)
    all.eras = g_hash_table_new (NULL, NULL);
  g_hash_table_insert (all.eras, GINT_TO_POINTER (fd), GUINT_TO_POINTER (era));
}

static void
complete (Watching        *self,
          ThredoWaitState  outcome,
          guint            seen)
{
  ThredoWakeBatch batch = THREDO_WAKE_BATCH_INIT;

  thredo_mutex_lock (&self->lock);
  if (self->wait != NULL)
    {
      self->seen = seen;
      thredo_wait_claim (self->wait, self->token, outcome, &batch);
    }
  self->wait = NULL;
  thredo_mutex_unlock (&self->lock);
  thredo_wake_batch_flush (&batch);
}

static gboolean
source_ready (int          fd,
              GIOCondition condition,
              gpointer     data)
{
  Watching *self = data;

  if (condition == 0)
    {
      self->interval = MIN (self->interval * 2, LONGEST_SLEEP);
      g_source_set_ready_time (self->source, g_get_monotonic_time () + self->interval);
      return G_SOURCE_CONTINUE;
    }
  complete (self, (condition & G_IO_NVAL) != 0 ? THREDO_WAIT_CLOSED : THREDO_WAIT_DONE, condition);
  return G_SOURCE_REMOVE;
}

static void
watching_clear (gpointer data)
{
  thredo_mutex_clear (&((Watching *) data)->lock);
}

static void
watching_unref (gpointer data)
{
  g_atomic_rc_box_release_full (data, watching_clear);
}

static Watching *
watching_new (ThredoWait *wait,
              int         fd,
              guint       wanted,
              guint32     era)
{
  Watching *self = g_atomic_rc_box_new0 (Watching);
  ThredoWaitState outcome;

  thredo_mutex_init (&self->lock);
  self->fd = fd;
  self->interval = SHORTEST_SLEEP;
  self->source = g_unix_fd_source_new (fd, (GIOCondition) wanted);
  g_source_set_callback (self->source, G_SOURCE_FUNC (source_ready),
                         g_atomic_rc_box_acquire (self), watching_unref);
  g_source_set_ready_time (self->source, g_get_monotonic_time () + self->interval);

  thredo_mutex_lock (&self->lock);
  self->wait = wait;
  self->token = wait->token;
  thredo_mutex_unlock (&self->lock);

  thredo_mutex_lock (&all.lock);
  self->next = all.first;
  if (self->next != NULL)
    self->next->prev = self;
  all.first = self;
  outcome = compare_eras (get_era_locked (fd), era);
  thredo_mutex_unlock (&all.lock);
  if (outcome != THREDO_WAIT_IDLE)
    complete (self, outcome, 0);

  return self;
}

/* In a child the list is another one. */
static guint
watching_end (Watching *self,
              gboolean  is_listed)
{
  guint seen;

  if (is_listed)
    {
      thredo_mutex_lock (&all.lock);
      if (self->prev != NULL)
        self->prev->next = self->next;
      else
        all.first = self->next;
      if (self->next != NULL)
        self->next->prev = self->prev;
      thredo_mutex_unlock (&all.lock);
    }

  thredo_mutex_lock (&self->lock);
  self->wait = NULL;
  seen = self->seen;
  thredo_mutex_unlock (&self->lock);

  g_source_destroy (self->source);
  g_source_unref (self->source);
  watching_unref (self);

  return seen;
}

guint32
thredo_watch_get_era (int fd)
{
  guint32 era;

  thredo_mutex_lock (&all.lock);
  era = get_era_locked (fd);
  thredo_mutex_unlock (&all.lock);

  return era;
}

ThredoWaitState
thredo_watch_line_up (ThredoWait *wait,
                      int         fd,
                      int        *error_number)
{
  ThredoWatchTicket *ticket = wait->payload;
  Watching *self;

  *error_number = EBADF;
  if (fd < 0)
    return THREDO_WAIT_REFUSED;

  *error_number = 0;
  ticket->n_forks = n_forks;
  ticket->watching = self = watching_new (wait, fd, ticket->wanted, ticket->era);
  g_source_attach (self->source, thredo_loop_get_context ());
  return THREDO_WAIT_IDLE;
}

void
thredo_watch_step_out (ThredoWait *wait,
                       int         fd)
{
  ThredoWatchTicket *ticket = wait->payload;

  ticket->seen = watching_end (ticket->watching, ticket->n_forks == n_forks);
}

ThredoWaitState
thredo_watch_wait (ThredoSlot           *slot,
                   const ThredoWaitInfo *info,
                   gpointer              object,
                   int                   fd,
                   guint                 wanted,
                   guint32               era,
                   guint                *seen,
                   GCancellable         *cancellable,
                   int                  *error_number)
{
  ThredoWatchTicket ticket = { wanted, 0, era };
  ThredoWait *wait = &slot->wait;
  ThredoWaitState outcome;

  *seen = 0;
  thredo_slot_prepare (slot, info);
  thredo_wait_arm (wait);
  wait->payload = &ticket;
  outcome = thredo_watch_line_up (wait, fd, error_number);
  if (outcome != THREDO_WAIT_IDLE)
    {
      thredo_wait_disarm (wait);
      return outcome;
    }

  outcome = thredo_slot_block (slot, info, object, cancellable);
  thredo_watch_step_out (wait, fd);
  *seen = ticket.seen;
  return outcome;
}

void
thredo_watch_closing (int fd)
{
  thredo_mutex_lock (&all.lock);
  set_era_locked (fd, get_era_locked (fd) + ERA_CLOSING);
  for (Watching *self = all.first; self != NULL; self = self->next)
    {
      if (self->fd == fd)
        complete (self, THREDO_WAIT_CLOSED, 0);
    }
  thredo_mutex_unlock (&all.lock);
}

/* Which file those who wait for the number mean is not known: all of them look again. */
void
thredo_watch_closed (int fd)
{
  thredo_mutex_lock (&all.lock);
  set_era_locked (fd, end_era (get_era_locked (fd)));
  for (Watching *self = all.first; self != NULL; self = self->next)
    {
      if (self->fd == fd)
        complete (self, THREDO_WAIT_DONE, 0);
    }
  thredo_mutex_unlock (&all.lock);
}

void
thredo_watch_fork_child (void)
{
  n_forks++;
  thredo_mutex_init (&all.lock);
  all.first = NULL;
  all.eras = NULL; /* it may have been in the middle of a change */
}

#endif
