/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "thredo-run.h"

#include "thredo-async-private.h"

static const ThredoWaitInfo sleep_info = { "thredo_sleep", "sleep", NULL, NULL };
static const ThredoWaitInfo sleep_async_info = { "thredo_sleep_async", "sleep", NULL, NULL };

static gboolean
is_valid (GTimeSpan   duration,
          GError    **error)
{
  if (duration >= 0)
    return TRUE;
  g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
               "One cannot sleep for %" G_GINT64_FORMAT " microseconds", duration);
  return FALSE;
}

/**
 * thredo_sleep:
 * @duration: microseconds, not negative
 * @cancellable: (nullable): what else can end the sleep
 * @error: return location for an error
 *
 * Blocks the calling thread for a time.
 *
 * The wait ends when the time is over, by a cancel of the thread, the deadline
 * of a scope around it, or a cancel of @cancellable. A duration of 0 lets other
 * threads run; one too long for the clock never ends by itself. Any thread but
 * the loop's may call this.
 *
 * Returns: %TRUE if the time is over, or %FALSE with an error:
 *   `G_IO_ERROR_CANCELLED`, `G_IO_ERROR_TIMED_OUT`, or
 *   `G_IO_ERROR_INVALID_ARGUMENT` for a negative duration
 *   ([error@Gio.IOErrorEnum]); `THREDO_ERROR_LOOP_THREAD`
 *
 * Since: 1.0
 */
gboolean
thredo_sleep (GTimeSpan      duration,
              GCancellable  *cancellable,
              GError       **error)
{
  ThredoSlot *slot = thredo_slot_self ();
  gint64 now = g_get_monotonic_time ();
  ThredoWaitState outcome;

  g_return_val_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable), FALSE);

  if (!is_valid (duration, error))
    return FALSE;
  if (!thredo_blocking_begin (slot, &sleep_info, cancellable, error) ||
      !thredo_loop_ensure (error))
    return FALSE;
  if (duration == 0)
    {
      g_thread_yield ();
      return TRUE;
    }

  thredo_slot_prepare (slot, &sleep_info);
  thredo_wait_arm (&slot->wait);
  if (duration < G_MAXINT64 - now)
    thredo_timers_add (&slot->timer, now + duration);

  outcome = thredo_slot_block (slot, &sleep_info, NULL, cancellable);
  if (outcome == THREDO_WAIT_DONE)
    return TRUE;

  thredo_timers_remove (&slot->timer);
  return thredo_blocking_set_error (slot, &sleep_info, outcome, cancellable, error);
}

/* A sleep for a task. */
typedef struct
{
  ThredoAsync async;
  ThredoTimer timer;
} SleepAsync;

static void
wake_task (ThredoTimer      *timer,
           ThredoTimerBatch *batch)
{
  SleepAsync *self = (SleepAsync *) ((char *) timer - G_STRUCT_OFFSET (SleepAsync, timer));
  ThredoWait *wait = &self->async.wait;

  thredo_wait_claim (wait, wait->token, THREDO_WAIT_DONE, &batch->wakes);
}

static gboolean
sleep_async_finish (ThredoAsync     *async,
                    ThredoWaitState  outcome)
{
  thredo_timers_remove (&((SleepAsync *) async)->timer);

  if (outcome == THREDO_WAIT_DONE)
    g_task_return_boolean (async->task, TRUE);
  else
    thredo_async_return_error (async, outcome);
  return TRUE;
}

/**
 * thredo_sleep_async:
 * @duration: microseconds, not negative
 * @cancellable: (nullable): what can end the sleep before
 * @callback: (scope async) (nullable): called when the time is over, or not waited for any
 *   longer
 * @user_data: data for @callback
 *
 * Lets a time pass without blocking.
 *
 * The callback runs in the thread-default main context of the caller, when that gets to it.
 * Scopes of the caller have no say in this: nothing blocks. Any thread may call this.
 *
 * Since: 1.0
 */
void
thredo_sleep_async (GTimeSpan            duration,
                    GCancellable        *cancellable,
                    GAsyncReadyCallback  callback,
                    gpointer             user_data)
{
  g_autoptr(GTask) task = NULL;
  gint64 now = g_get_monotonic_time ();
  GError *error = NULL;
  SleepAsync *self;

  g_return_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable));

  task = g_task_new (NULL, cancellable, callback, user_data);
  g_task_set_source_tag (task, thredo_sleep_async);
  if (!is_valid (duration, &error))
    {
      g_task_return_error (task, error);
      return;
    }
  if (g_task_return_error_if_cancelled (task))
    return;
  if (!thredo_loop_ensure (&error))
    {
      g_task_return_error (task, error);
      return;
    }
  if (duration == 0)
    {
      g_task_return_boolean (task, TRUE);
      return;
    }

  self = (SleepAsync *) thredo_async_new (sizeof (SleepAsync), task, &sleep_async_info,
                                          sleep_async_finish);
  thredo_timer_init (&self->timer, wake_task);
  if (duration < G_MAXINT64 - now)
    thredo_timers_add (&self->timer, now + duration);
  thredo_async_start (&self->async);
}

/**
 * thredo_sleep_finish:
 * @result: what the callback was given
 * @error: return location for an error
 *
 * Ends what [func@Thredo.sleep_async] began.
 *
 * Returns: %TRUE if the time is over, or %FALSE with an error: `G_IO_ERROR_CANCELLED`, or
 *   `G_IO_ERROR_INVALID_ARGUMENT` for a negative duration ([error@Gio.IOErrorEnum])
 *
 * Since: 1.0
 */
gboolean
thredo_sleep_finish (GAsyncResult  *result,
                     GError       **error)
{
  g_return_val_if_fail (g_task_is_valid (result, NULL), FALSE);

  return g_task_propagate_boolean (G_TASK (result), error);
}
