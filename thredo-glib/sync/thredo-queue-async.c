/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "thredo-queue-private.h"

#include "thredo-async-private.h"

/* The asynchronous forms: waits of tasks, in one line with those of threads. */

static const char *
get_name (gpointer object)
{
  return thredo_queue_get_name (object);
}

static const ThredoWaitInfo put_info = { "thredo_queue_put_async", "put", "Queue", get_name };
static const ThredoWaitInfo get_info = { "thredo_queue_get_async", "get", "Queue", get_name };
static const ThredoWaitInfo join_info = { "thredo_queue_join_async", "join", "Queue", get_name };

/* A put for a task. */
typedef struct
{
  ThredoAsync async;
  ThredoQueuePutter putter;
} PutAsync;

static gboolean
put_async_finish (ThredoAsync     *async,
                  ThredoWaitState  outcome)
{
  PutAsync *put_async = (PutAsync *) async;
  ThredoQueue *self = g_task_get_source_object (async->task);

  thredo_mutex_lock (&self->putting.lock);
  thredo_end_step_out (&self->putting, &async->wait);
  thredo_mutex_unlock (&self->putting.lock);

  if (outcome == THREDO_WAIT_DONE)
    {
      g_task_return_boolean (async->task, TRUE);
      return TRUE;
    }
  g_value_unset (&put_async->putter.item);
  if (outcome == THREDO_WAIT_REFUSED)
    {
      GError *error = NULL;

      thredo_queue_set_tried_error (THREDO_QUEUE_TRIED_REFUSED, FALSE, &error);
      g_task_return_error (async->task, error);
      return TRUE;
    }
  thredo_async_return_error (async, outcome);
  return TRUE;
}

/**
 * thredo_queue_put_async:
 * @self: a queue
 * @item: the item, which is copied
 * @cancellable: (nullable): what can end the wait
 * @callback: (scope async) (nullable): called when the item was put, or not
 * @user_data: data for @callback
 *
 * Puts an item as soon as there is room, without blocking.
 *
 * Stands in one line with the threads that wait. The callback runs in the
 * thread-default main context of the caller. Any thread may call this.
 *
 * Since: 1.0
 */
void
thredo_queue_put_async (ThredoQueue         *self,
                        const GValue        *item,
                        GCancellable        *cancellable,
                        GAsyncReadyCallback  callback,
                        gpointer             user_data)
{
  g_autoptr(GTask) task = NULL;
  g_autoptr(GError) error = NULL;
  PutAsync *put_async;
  ThredoQueueTried tried;

  g_return_if_fail (THREDO_IS_QUEUE (self));
  g_return_if_fail (G_IS_VALUE (item));
  g_return_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable));

  task = g_task_new (self, cancellable, callback, user_data);
  g_task_set_source_tag (task, thredo_queue_put_async);
  if (g_task_return_error_if_cancelled (task))
    return;

  put_async = (PutAsync *) thredo_async_new (sizeof (PutAsync), task, &put_info,
                                             put_async_finish);
  put_async->async.wait.payload = &put_async->putter;
  thredo_value_set_copy (&put_async->putter.item, item);

  thredo_mutex_lock (&self->putting.lock);
  tried = thredo_queue_try_put_locked (self, &put_async->putter);
  if (tried == THREDO_QUEUE_TRIED_NOTHING)
    thredo_end_line_up (&self->putting, &put_async->async.wait);
  thredo_mutex_unlock (&self->putting.lock);

  if (tried == THREDO_QUEUE_TRIED_NOTHING)
    {
      thredo_end_barrier (&self->getting);
      thredo_async_start (&put_async->async);
    }
  else
    {
      if (tried == THREDO_QUEUE_TRIED_DONE)
        {
          g_task_return_boolean (task, TRUE);
        }
      else
        {
          g_value_unset (&put_async->putter.item);
          thredo_queue_set_tried_error (tried, FALSE, &error);
          g_task_return_error (task, g_steal_pointer (&error));
        }
      thredo_async_drop (&put_async->async);
    }
  thredo_queue_serve (self);
}

/**
 * thredo_queue_put_finish:
 * @self: a queue
 * @result: what the callback was given
 * @error: return location for an error
 *
 * Ends what [method@Thredo.Queue.put_async] began.
 *
 * Returns: as [method@Thredo.Queue.put]
 *
 * Since: 1.0
 */
gboolean
thredo_queue_put_finish (ThredoQueue   *self,
                         GAsyncResult  *result,
                         GError       **error)
{
  g_return_val_if_fail (g_task_is_valid (result, self), FALSE);

  return g_task_propagate_boolean (G_TASK (result), error);
}

/* A get for a task. */
typedef struct
{
  ThredoAsync async;
  ThredoQueueGetter getter;
} GetAsync;

static void
free_value (gpointer data)
{
  GValue *value = data;

  g_value_unset (value);
  g_free (value);
}

static void
return_item (GTask  *task,
             GValue *item)
{
  g_task_return_pointer (task, g_memdup2 (item, sizeof (GValue)), free_value);
}

static gboolean
get_async_finish (ThredoAsync     *async,
                  ThredoWaitState  outcome)
{
  GetAsync *get_async = (GetAsync *) async;
  ThredoQueue *self = g_task_get_source_object (async->task);

  thredo_mutex_lock (&self->getting.lock);
  thredo_end_step_out (&self->getting, &async->wait);
  thredo_mutex_unlock (&self->getting.lock);

  if (outcome == THREDO_WAIT_DONE)
    return_item (async->task, &get_async->getter.item);
  else
    thredo_async_return_error (async, outcome);
  return TRUE;
}

/**
 * thredo_queue_get_async:
 * @self: a queue
 * @cancellable: (nullable): what can end the wait
 * @callback: (scope async) (nullable): called with an item, or without
 * @user_data: data for @callback
 *
 * Gets an item as soon as there is one, without blocking.
 *
 * Stands in one line with the threads that wait. The callback runs in the
 * thread-default main context of the caller, and has the item whatever happens
 * to @cancellable after it was handed over. Any thread may call this.
 *
 * Since: 1.0
 */
void
thredo_queue_get_async (ThredoQueue         *self,
                        GCancellable        *cancellable,
                        GAsyncReadyCallback  callback,
                        gpointer             user_data)
{
  g_autoptr(GTask) task = NULL;
  g_autoptr(GError) error = NULL;
  GetAsync *get_async;
  ThredoQueueTried tried;

  g_return_if_fail (THREDO_IS_QUEUE (self));
  g_return_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable));

  task = g_task_new (self, cancellable, callback, user_data);
  g_task_set_source_tag (task, thredo_queue_get_async);
  if (g_task_return_error_if_cancelled (task))
    return;

  get_async = (GetAsync *) thredo_async_new (sizeof (GetAsync), task, &get_info,
                                             get_async_finish);
  get_async->async.wait.payload = &get_async->getter;

  thredo_mutex_lock (&self->getting.lock);
  tried = thredo_queue_try_get_locked (self, &get_async->getter);
  if (tried == THREDO_QUEUE_TRIED_NOTHING)
    thredo_end_line_up (&self->getting, &get_async->async.wait);
  thredo_mutex_unlock (&self->getting.lock);

  if (tried == THREDO_QUEUE_TRIED_NOTHING)
    {
      thredo_end_barrier (&self->putting);
      thredo_async_start (&get_async->async);
    }
  else
    {
      if (tried == THREDO_QUEUE_TRIED_DONE)
        {
          return_item (task, &get_async->getter.item);
        }
      else
        {
          thredo_queue_set_tried_error (tried, TRUE, &error);
          g_task_return_error (task, g_steal_pointer (&error));
        }
      thredo_async_drop (&get_async->async);
    }
  thredo_queue_serve (self);
}

/**
 * thredo_queue_get_finish:
 * @self: a queue
 * @result: what the callback was given
 * @item: (out caller-allocates): location for the item, which is initialised
 *   and moved to
 * @error: return location for an error
 *
 * Ends what [method@Thredo.Queue.get_async] began.
 *
 * Returns: as [method@Thredo.Queue.get]
 *
 * Since: 1.0
 */
gboolean
thredo_queue_get_finish (ThredoQueue   *self,
                         GAsyncResult  *result,
                         GValue        *item,
                         GError       **error)
{
  g_autofree GValue *value = NULL;

  g_return_val_if_fail (g_task_is_valid (result, self), FALSE);
  g_return_val_if_fail (item != NULL, FALSE);

  value = g_task_propagate_pointer (G_TASK (result), error);
  if (value == NULL)
    return FALSE;
  *item = *value;
  return TRUE;
}

/**
 * thredo_queue_get_finish_for_bindings: (rename-to thredo_queue_get_finish)
 * @self: a queue
 * @result: what the callback was given
 * @item: (out caller-allocates): location for the item
 * @error: return location for an error
 *
 * Ends what [method@Thredo.Queue.get_async] began.
 *
 * The same as `thredo_queue_get_finish()`, but that @item is a %NULL pointer on
 * failure.
 *
 * Returns: as `thredo_queue_get_finish()`
 *
 * Since: 1.0
 */
gboolean
thredo_queue_get_finish_for_bindings (ThredoQueue   *self,
                                      GAsyncResult  *result,
                                      GValue        *item,
                                      GError       **error)
{
  thredo_value_set_nothing (item);
  return thredo_queue_get_finish (self, result, item, error);
}

/**
 * thredo_queue_get_finish_boxed:
 * @self: a queue
 * @result: what the callback was given
 * @error: return location for an error
 *
 * Ends what [method@Thredo.Queue.get_async] began.
 *
 * For languages that do not let go of what a call fills in, as GJS does not.
 *
 * Returns: (transfer full): the item, or %NULL with an error, as of [method@Thredo.Queue.get]
 *
 * Since: 1.0
 */
GValue *
thredo_queue_get_finish_boxed (ThredoQueue   *self,
                               GAsyncResult  *result,
                               GError       **error)
{
  GValue value = G_VALUE_INIT;

  return thredo_queue_get_finish (self, result, &value, error) ? thredo_value_box (&value) : NULL;
}

static gboolean
join_async_finish (ThredoAsync     *async,
                   ThredoWaitState  outcome)
{
  ThredoQueue *self = g_task_get_source_object (async->task);

  thredo_mutex_lock (&self->done_lock);
  if (async->wait.list != NULL)
    thredo_wait_list_remove (&self->joiners, &async->wait);
  thredo_mutex_unlock (&self->done_lock);

  if (outcome == THREDO_WAIT_DONE)
    g_task_return_boolean (async->task, TRUE);
  else
    thredo_async_return_error (async, outcome);
  return TRUE;
}

/**
 * thredo_queue_join_async:
 * @self: a queue
 * @cancellable: (nullable): what can end the wait
 * @callback: (scope async) (nullable): called when the wait has ended
 * @user_data: data for @callback
 *
 * Waits until every item has been dealt with, without blocking.
 *
 * The callback runs in the thread-default main context of the caller. Any
 * thread may call this.
 *
 * Since: 1.0
 */
void
thredo_queue_join_async (ThredoQueue         *self,
                         GCancellable        *cancellable,
                         GAsyncReadyCallback  callback,
                         gpointer             user_data)
{
  g_autoptr(GTask) task = NULL;
  ThredoAsync *async;

  g_return_if_fail (THREDO_IS_QUEUE (self));
  g_return_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable));

  task = g_task_new (self, cancellable, callback, user_data);
  g_task_set_source_tag (task, thredo_queue_join_async);

  async = thredo_async_new (sizeof (ThredoAsync), task, &join_info, join_async_finish);
  thredo_queue_line_up_to_join (self, &async->wait);
  thredo_async_start (async);
}

/**
 * thredo_queue_join_finish:
 * @self: a queue
 * @result: what the callback was given
 * @error: return location for an error
 *
 * Ends what [method@Thredo.Queue.join_async] began.
 *
 * Returns: as [method@Thredo.Queue.join]
 *
 * Since: 1.0
 */
gboolean
thredo_queue_join_finish (ThredoQueue   *self,
                          GAsyncResult  *result,
                          GError       **error)
{
  g_return_val_if_fail (g_task_is_valid (result, self), FALSE);

  return g_task_propagate_boolean (G_TASK (result), error);
}
