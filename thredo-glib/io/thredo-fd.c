/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "thredo-fd-private.h"

#include "loop.h"
#include "thredo-async-private.h"
#include "thredo-blocking-private.h"
#include "thredo-error.h"
#include "watch.h"

#include <errno.h>

static const ThredoWaitInfo wait_fd_info = { "thredo_wait_fd", "wait for a file descriptor", NULL,
                                             NULL };
static const ThredoWaitInfo wait_fd_async_info = { "thredo_wait_fd_async",
                                                   "wait for a file descriptor", NULL, NULL };

static gboolean
set_refused_error (const ThredoWaitInfo  *info,
                   int                    fd,
                   int                    error_number,
                   GError               **error)
{
  if (error_number == EBADF)
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_CLOSED, "%s(): file descriptor %d is not open",
                 info->function, fd);
  else
    g_set_error (error, G_IO_ERROR, g_io_error_from_errno (error_number),
                 "%s(): file descriptor %d cannot be waited for: %s",
                 info->function, fd, g_strerror (error_number));
  return FALSE;
}

static void
set_closed_error (const ThredoWaitInfo  *info,
                  int                    fd,
                  GError               **error)
{
  g_set_error (error, G_IO_ERROR, G_IO_ERROR_CLOSED,
               "%s(): file descriptor %d was closed while it was waited for", info->function, fd);
}

/* Returns whether the wait happened; nothing seen: the caller is to look again. */
static gboolean
wait_for_fd (ThredoSlot            *slot,
             const ThredoWaitInfo  *info,
             gpointer               object,
             int                    fd,
             GIOCondition           condition,
             guint32                era,
             guint                 *seen,
             GCancellable          *cancellable,
             GError               **error)
{
  ThredoWaitState outcome;
  int error_number = 0;

  if (!thredo_loop_ensure (error))
    return FALSE;

  outcome = thredo_watch_wait (slot, info, object, fd, condition, era, seen, cancellable,
                               &error_number);
  switch (outcome)
    {
    case THREDO_WAIT_DONE:
      return TRUE;
    case THREDO_WAIT_CLOSED:
      set_closed_error (info, fd, error);
      return FALSE;
    case THREDO_WAIT_REFUSED:
      return set_refused_error (info, fd, error_number, error);
    default:
      return thredo_blocking_set_error (slot, info, outcome, cancellable, error);
    }
}

GIOCondition
thredo_fd_wait_since (ThredoSlot            *slot,
                      const ThredoWaitInfo  *info,
                      gpointer               object,
                      int                    fd,
                      GIOCondition           condition,
                      guint32                era,
                      GCancellable          *cancellable,
                      GError               **error)
{
  guint seen;

  if (!wait_for_fd (slot, info, object, fd, condition, era, &seen, cancellable, error))
    return 0;
  return seen != 0 ? (GIOCondition) seen : condition;
}

GIOCondition
thredo_fd_wait (ThredoSlot            *slot,
                const ThredoWaitInfo  *info,
                gpointer               object,
                int                    fd,
                GIOCondition           condition,
                GCancellable          *cancellable,
                GError               **error)
{
  return thredo_fd_wait_since (slot, info, object, fd, condition, thredo_watch_get_era (fd),
                               cancellable, error);
}

/* Looks at the fd without waiting. TRUE: what was seen, or, where poll() looks at nothing (in
 * a process that may open no files, if it has some), what had been seen before. FALSE: to be
 * waited for, in the era that is returned. What is seen while somebody announces a close may be
 * the close, and is not returned: the wait is of another era then, and ends by it. */
static gboolean
look_at_fd (int           fd,
            GIOCondition  condition,
            guint        *seen,
            guint32      *era)
{
  GPollFD poll = { .fd = fd, .events = condition };
  int n;

  *era = thredo_watch_get_era (fd);
  n = fd >= 0 ? g_poll (&poll, 1, 0) : 0;
  if (n == -1)
    return *seen != 0;
  if (n == 0 || (poll.revents & G_IO_NVAL) != 0 || thredo_watch_get_era (fd) != *era)
    return FALSE;
  *seen = poll.revents;
  return TRUE;
}

void
thredo_fd_closing (int fd)
{
  thredo_watch_closing (fd);
}

void
thredo_fd_closed (int fd)
{
  thredo_watch_closed (fd);
}

/* A source that stands for another one, whose callback has another type for each
 * kind of source: it is dispatched when its child is ready. */
typedef struct
{
  GSource source;
  ThredoMutex lock; /* guards wait, and with it what it points to */
  ThredoWait *wait;
  guint32 token;
} WaitSource;

static gboolean
wait_source_dispatch (GSource     *source,
                      GSourceFunc  callback,
                      gpointer     user_data)
{
  WaitSource *self = (WaitSource *) source;
  ThredoWakeBatch batch = THREDO_WAKE_BATCH_INIT;

  thredo_mutex_lock (&self->lock);
  if (self->wait != NULL)
    thredo_wait_claim (self->wait, self->token, THREDO_WAIT_DONE, &batch);
  self->wait = NULL;
  thredo_mutex_unlock (&self->lock);
  thredo_wake_batch_flush (&batch);

  return G_SOURCE_REMOVE;
}

static void
wait_source_finalize (GSource *source)
{
  thredo_mutex_clear (&((WaitSource *) source)->lock);
}

static GSourceFuncs wait_source_funcs = {
  .dispatch = wait_source_dispatch,
  .finalize = wait_source_finalize,
};

void
thredo_source_line_init (ThredoSourceLine *self)
{
  thredo_mutex_init (&self->lock);
  self->waiting = (ThredoWaitList) { 0 };
  self->closed = FALSE;
}

void
thredo_source_line_clear (ThredoSourceLine *self)
{
  thredo_mutex_clear (&self->lock);
}

/* Ends the waits, and those to come, as CLOSED. */
void
thredo_source_line_close (ThredoSourceLine *self)
{
  ThredoWakeBatch batch = THREDO_WAKE_BATCH_INIT;

  thredo_mutex_lock (&self->lock);
  self->closed = TRUE;
  thredo_wait_list_claim_all (&self->waiting, THREDO_WAIT_CLOSED, &batch);
  thredo_mutex_unlock (&self->lock);
  thredo_wake_batch_flush (&batch);
}

/* The wait is armed. */
static void
stand_in_line (ThredoSourceLine *line,
               ThredoWait       *wait)
{
  gboolean closed;

  if (line == NULL)
    return;

  thredo_mutex_lock (&line->lock);
  closed = line->closed;
  if (!closed)
    thredo_wait_list_append (&line->waiting, wait);
  thredo_mutex_unlock (&line->lock);

  if (closed)
    thredo_wait_complete (wait, wait->token, THREDO_WAIT_CLOSED);
}

static void
step_out_of_line (ThredoSourceLine *line,
                  ThredoWait       *wait)
{
  if (line == NULL)
    return;

  thredo_mutex_lock (&line->lock);
  if (wait->list != NULL)
    thredo_wait_list_remove (&line->waiting, wait);
  thredo_mutex_unlock (&line->lock);
}

gboolean
thredo_source_wait (ThredoSlot            *slot,
                    const ThredoWaitInfo  *info,
                    gpointer               object,
                    GSource               *source,
                    ThredoSourceLine      *line,
                    GCancellable          *cancellable,
                    GError               **error)
{
  GSource *parent;
  WaitSource *self;
  ThredoWaitState outcome;

  if (!thredo_loop_ensure (error))
    return FALSE;

  parent = g_source_new (&wait_source_funcs, sizeof (WaitSource));
  self = (WaitSource *) parent;
  thredo_mutex_init (&self->lock);
  g_source_set_static_name (parent, info->function);
  g_source_set_dummy_callback (source);
  g_source_add_child_source (parent, source);

  thredo_slot_prepare (slot, info);
  thredo_mutex_lock (&self->lock);
  self->token = thredo_wait_arm (&slot->wait);
  self->wait = &slot->wait;
  thredo_mutex_unlock (&self->lock);
  stand_in_line (line, &slot->wait);
  g_source_attach (parent, thredo_loop_get_context ());
  outcome = thredo_slot_block (slot, info, object, cancellable);
  step_out_of_line (line, &slot->wait);

  thredo_mutex_lock (&self->lock);
  self->wait = NULL;
  thredo_mutex_unlock (&self->lock);
  g_source_destroy (parent);
  g_source_unref (parent);

  if (outcome == THREDO_WAIT_DONE)
    return TRUE;
  if (outcome != THREDO_WAIT_CLOSED)
    return thredo_blocking_set_error (slot, info, outcome, cancellable, error);
  g_set_error (error, G_IO_ERROR, G_IO_ERROR_CLOSED, "%s(): the stream was closed", info->function);
  return FALSE;
}

/**
 * thredo_wait_fd:
 * @fd: a file descriptor
 * @condition: what to wait for: `G_IO_IN`, `G_IO_OUT`, `G_IO_PRI`
 * @cancellable: (nullable): what else can end the wait
 * @error: return location for an error
 *
 * Waits until something can be done with a file descriptor.
 *
 * The wait ends when one of the things asked for can be done, or the other end has
 * hung up or failed, which is then in what is returned also if it was not asked for;
 * by a cancel of the caller, the deadline of a scope around it, or a cancel of
 * @cancellable; and if the file descriptor is closed. Several threads may wait for
 * one, for the same thing or different ones; all for whom it is ready are woken, and
 * one of them may have taken what there was before the others get to it, so it had
 * better be non-blocking.
 *
 * A hang-up or a failure (`G_IO_HUP`, `G_IO_ERR`) alone is waited for by asking for
 * `G_IO_PRI`, which most file descriptors never have.
 *
 * Files that can always be read and written are ready at once.
 *
 * A file descriptor that is closed without [func@Thredo.notify_closing] is noticed
 * when its number is used again, or within seconds, or, where nobody has begun to wait
 * for a file descriptor for long, within a minute.
 *
 * Any thread but the loop's may call this.
 *
 * Returns: what is ready, or 0 with an error: `G_IO_ERROR_CLOSED`
 *   ([error@Gio.IOErrorEnum]) if it is not open, or was closed meanwhile;
 *   `G_IO_ERROR_CANCELLED` or `G_IO_ERROR_TIMED_OUT` if the wait was cancelled or
 *   too long; `THREDO_ERROR_LOOP_THREAD`; what the operating system says if it
 *   cannot be waited for
 *
 * Since: 1.0
 */
GIOCondition
thredo_wait_fd (int            fd,
                GIOCondition   condition,
                GCancellable  *cancellable,
                GError       **error)
{
  ThredoSlot *slot = thredo_slot_self ();
  guint seen = 0;
  guint32 era;

  g_return_val_if_fail ((condition & (G_IO_IN | G_IO_OUT | G_IO_PRI)) != 0, 0);
  g_return_val_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable), 0);

  if (!thredo_blocking_begin (slot, &wait_fd_info, cancellable, error))
    return 0;

  /* It is looked at again also after the wait: what the loop has seen may be what the wait
   * before would have been told, had it not been too late, and is gone. */
  while (!look_at_fd (fd, condition, &seen, &era))
    if (!wait_for_fd (slot, &wait_fd_info, NULL, fd, condition, era, &seen, cancellable, error))
      return 0;
  return (GIOCondition) seen;
}

/* A wait for a task. */
typedef struct
{
  ThredoAsync async;
  ThredoWatchTicket ticket;
  int fd;
} WaitAsync;

/* Returns the task (FALSE), or lets its wait stand in line (TRUE). Seen is what the wait
 * before has seen, if there was one. */
static gboolean
look_or_line_up (WaitAsync    *self,
                 GIOCondition  condition,
                 guint         seen)
{
  ThredoWait *wait = &self->async.wait;
  GError *error = NULL;
  int error_number;
  guint32 era;

  while (!look_at_fd (self->fd, condition, &seen, &era))
    {
      self->ticket = (ThredoWatchTicket) { condition, 0, era };
      thredo_wait_arm (wait);
      wait->payload = &self->ticket;
      switch (thredo_watch_line_up (wait, self->fd, &error_number))
        {
        case THREDO_WAIT_IDLE:
          return TRUE;
        case THREDO_WAIT_DONE:
          seen = self->ticket.seen;
          continue;
        case THREDO_WAIT_CLOSED:
          set_closed_error (&wait_fd_async_info, self->fd, &error);
          break;
        default:
          set_refused_error (&wait_fd_async_info, self->fd, error_number, &error);
          break;
        }
      g_task_return_error (self->async.task, error);
      return FALSE;
    }
  g_task_return_int (self->async.task, (gssize) seen);
  return FALSE;
}

/* What the loop has seen may have been taken by somebody else since, and a wait that goes
 * on is one that can be cancelled. */
static gboolean
wait_async_finish (ThredoAsync     *async,
                   ThredoWaitState  outcome)
{
  WaitAsync *self = (WaitAsync *) async;
  GError *error = NULL;

  thredo_watch_step_out (&async->wait, self->fd);
  switch (outcome)
    {
    case THREDO_WAIT_DONE:
      if (!look_or_line_up (self, (GIOCondition) self->ticket.wanted, self->ticket.seen))
        return TRUE;
      thredo_async_restart (async);
      return FALSE;
    case THREDO_WAIT_CLOSED:
      set_closed_error (&wait_fd_async_info, self->fd, &error);
      g_task_return_error (async->task, error);
      return TRUE;
    default:
      thredo_async_return_error (async, outcome);
      return TRUE;
    }
}

/**
 * thredo_wait_fd_async:
 * @fd: a file descriptor
 * @condition: what to wait for: `G_IO_IN`, `G_IO_OUT`, `G_IO_PRI`
 * @cancellable: (nullable): what can end the wait
 * @callback: (scope async) (nullable): called when something can be done with it, or it
 *   will not be waited for any longer
 * @user_data: data for @callback
 *
 * Waits until something can be done with a file descriptor, as [func@Thredo.wait_fd]
 * does, without blocking.
 *
 * The callback runs in the thread-default main context of the caller. Scopes of
 * the caller have no say in this: nothing blocks. Any thread may call this.
 *
 * Since: 1.0
 */
void
thredo_wait_fd_async (int                  fd,
                      GIOCondition         condition,
                      GCancellable        *cancellable,
                      GAsyncReadyCallback  callback,
                      gpointer             user_data)
{
  g_autoptr(GTask) task = NULL;
  GError *error = NULL;
  WaitAsync *self;

  g_return_if_fail ((condition & (G_IO_IN | G_IO_OUT | G_IO_PRI)) != 0);
  g_return_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable));

  task = g_task_new (NULL, cancellable, callback, user_data);
  g_task_set_source_tag (task, thredo_wait_fd_async);
  if (g_task_return_error_if_cancelled (task))
    return;
  if (!thredo_loop_ensure (&error))
    {
      g_task_return_error (task, error);
      return;
    }

  self = (WaitAsync *) thredo_async_new (sizeof (WaitAsync), task, &wait_fd_async_info,
                                         wait_async_finish);
  self->fd = fd;
  if (look_or_line_up (self, condition, 0))
    thredo_async_start (&self->async);
  else
    thredo_async_drop (&self->async);
}

/**
 * thredo_wait_fd_finish:
 * @result: what the callback was given
 * @error: return location for an error
 *
 * Ends what [func@Thredo.wait_fd_async] began.
 *
 * Returns: as [func@Thredo.wait_fd]
 *
 * Since: 1.0
 */
GIOCondition
thredo_wait_fd_finish (GAsyncResult  *result,
                       GError       **error)
{
  gssize seen;

  g_return_val_if_fail (g_task_is_valid (result, NULL), 0);

  seen = g_task_propagate_int (G_TASK (result), error);
  return seen > 0 ? (GIOCondition) seen : 0;
}

/**
 * thredo_notify_closing:
 * @fd: a file descriptor that is about to be closed
 *
 * Ends the waits of other threads for a file descriptor, with `G_IO_ERROR_CLOSED`
 * ([error@Gio.IOErrorEnum]).
 *
 * To be called before the file descriptor is closed, where others may be waiting for
 * it. [class@Thredo.IOStream] and [func@Thredo.socket_close] do so. Any thread may
 * call this.
 *
 * The semantics are those of `notify_closing()` in
 * [Trio](https://trio.readthedocs.io/en/stable/reference-lowlevel.html).
 *
 * Since: 1.0
 */
void
thredo_notify_closing (int fd)
{
  thredo_watch_closing (fd);
}
