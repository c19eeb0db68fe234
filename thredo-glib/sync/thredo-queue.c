/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "thredo-queue.h"

#include "thredo-async-private.h"
#include "thredo-enum-types.h"
#include "thredo-error.h"
#include "thredo-queue-private.h"

/**
 * ThredoQueue:
 *
 * Passes items from threads that put them to threads that get them.
 *
 * [method@Thredo.Queue.get] waits while the queue is empty, and
 * [method@Thredo.Queue.put] while it is full, if it was given a size. Both are
 * waits like any other: a cancel, a deadline or a cancellable ends them, and
 * then they did not happen. An item is never lost and never delivered twice:
 * where an item and a cancel arrive together, one of the two wins.
 *
 * Items are [struct@GObject.Value]s, of any type. In C pointers are handier:
 * `thredo_queue_put_pointer()` and `thredo_queue_get_pointer()` pass them on,
 * together with what they own.
 *
 * Items come out in the order in which they went in, or as the queue's
 * [enum@Thredo.QueueOrder] says. Those who wait are served in the order in
 * which they came.
 *
 * Who gets an item may call [method@Thredo.Queue.task_done] when it is dealt
 * with; [method@Thredo.Queue.join] waits until all are.
 *
 * [method@Thredo.Queue.close] says that nothing more will come: getters are
 * given what is left, and then fail with `G_IO_ERROR_CLOSED`.
 *
 * ```c
 * static gboolean
 * worker (ThredoThread *thread, gpointer user_data, GError **error)
 * {
 *   ThredoQueue *jobs = user_data;
 *   gpointer job;
 *
 *   while ((job = thredo_queue_get_pointer (jobs, NULL, error)))
 *     {
 *       do_work (job);
 *       if (!thredo_queue_task_done (jobs, error))
 *         return FALSE;
 *     }
 *   return FALSE;
 * }
 * ```
 *
 * The semantics are those of Python's
 * [queue.Queue](https://docs.python.org/3/library/queue.html), with
 * cancellation on top.
 *
 * Since: 1.0
 */

/**
 * ThredoQueueOrder:
 * @THREDO_QUEUE_ORDER_FIFO: the oldest item first
 * @THREDO_QUEUE_ORDER_LIFO: the newest item first
 * @THREDO_QUEUE_ORDER_PRIORITY: the least item first, and the older of two that
 *   are equal
 *
 * In which order the items of a [class@Thredo.Queue] come out.
 *
 * Since: 1.0
 */

/**
 * ThredoQueueCompareFunc:
 * @a: an item
 * @b: another item
 * @user_data: what was given with the function
 *
 * Compares two items of a priority queue.
 *
 * It is called with the queue locked, on any thread that puts or gets: it must
 * be quick, and must not use the queue or wait for anything.
 *
 * If it cannot say, it returns %G_MININT. Then an item that is just being put is not put, and the
 * put fails with `G_IO_ERROR_INVALID_ARGUMENT`; of two that are in the queue, the older one goes
 * first. A put compares its item with some of those that are there, not with all.
 *
 * Returns: less than 0 if @a is to come out before @b, more than 0 if after, 0
 *   if the older one goes first, %G_MININT if they cannot be compared
 *
 * Since: 1.0
 */

enum
{
  PROP_0,
  PROP_NAME,
  PROP_ORDER,
  PROP_MAX_SIZE,
  PROP_LENGTH,
  PROP_CLOSED,
  N_PROPS
};

G_DEFINE_FINAL_TYPE (ThredoQueue, thredo_queue, G_TYPE_OBJECT)

static GParamSpec *properties[N_PROPS];

/* What g_value_init() makes of an empty value; a copy is much quicker. */
static GValue empty_pointer;

static const char *
get_name (gpointer object)
{
  return thredo_queue_get_name (object);
}

static const ThredoWaitInfo put_info = { "thredo_queue_put", "put", "Queue", get_name };
static const ThredoWaitInfo get_info = { "thredo_queue_get", "get", "Queue", get_name };
static const ThredoWaitInfo join_info = { "thredo_queue_join", "join", "Queue", get_name };

static inline gboolean
has_item (ThredoQueue *self)
{
  return thredo_end_has_item (&self->getting, &self->putting);
}

static inline gboolean
has_room (ThredoQueue *self)
{
  return self->max_size == 0 ||
         thredo_end_has_room (&self->putting, &self->getting, self->max_size);
}

static inline gboolean
may_take (ThredoQueueGetter *getter,
          const GValue      *item)
{
  return !getter->wants_pointer || item->g_type == G_TYPE_POINTER || g_value_fits_pointer (item);
}

/* Under the getting end's lock: moves the next item out. */
static inline void
take_item (ThredoQueue *self,
           GValue      *item)
{
  *item = *thredo_queue_store_peek (&self->store);
  thredo_queue_store_drop (&self->store);
  thredo_end_advance (&self->getting);
}

/* Under the putting end's lock: moves an item in, if it can be compared with what is there. */
static inline gboolean
add_item (ThredoQueue  *self,
          const GValue *item)
{
  gboolean is_added;
  guint place;

  if (G_LIKELY (self->store.order == THREDO_QUEUE_ORDER_FIFO))
    {
      thredo_fifo_push (&self->store.fifo, item);
      thredo_end_advance (&self->putting);
      return TRUE;
    }

  thredo_mutex_lock (&self->getting.lock);
  is_added = thredo_queue_store_find_place (&self->store, item, &place);
  if (is_added)
    {
      thredo_queue_store_push_at (&self->store, item, place);
      thredo_end_advance (&self->putting);
    }
  thredo_mutex_unlock (&self->getting.lock);

  return is_added;
}

/* The same of one who waits to put it, if that is not over. */
static gboolean
take_from_putter (ThredoQueue     *self,
                  ThredoWait      *wait,
                  ThredoWakeBatch *batch)
{
  ThredoQueuePutter *putter = wait->payload;
  GValue item = putter->item;
  gboolean is_taken = FALSE;
  guint place;

  if (G_LIKELY (self->store.order == THREDO_QUEUE_ORDER_FIFO))
    {
      is_taken = thredo_wait_claim (wait, wait->token, THREDO_WAIT_DONE, batch);
      return is_taken && add_item (self, &item);
    }

  thredo_mutex_lock (&self->getting.lock);
  if (!thredo_queue_store_find_place (&self->store, &item, &place))
    {
      thredo_wait_claim (wait, wait->token, THREDO_WAIT_REFUSED, batch);
    }
  else if (thredo_wait_claim (wait, wait->token, THREDO_WAIT_DONE, batch))
    {
      thredo_queue_store_push_at (&self->store, &item, place);
      thredo_end_advance (&self->putting);
      is_taken = TRUE;
    }
  thredo_mutex_unlock (&self->getting.lock);

  return is_taken;
}

/* Under the getting end's lock: gives items to those who wait for them. */
static gboolean
serve_getters_locked (ThredoQueue     *self,
                      ThredoWakeBatch *batch)
{
  gboolean served = FALSE;
  ThredoWait *wait;

  while ((wait = self->getting.waiting.first) != NULL && has_item (self))
    {
      ThredoQueueGetter *getter = wait->payload;
      const GValue *item = thredo_queue_store_peek (&self->store);

      thredo_end_step_out (&self->getting, wait);
      if (!may_take (getter, item))
        {
          thredo_wait_claim (wait, wait->token, THREDO_WAIT_REFUSED, batch);
          continue;
        }
      getter->item = *item;
      if (thredo_wait_claim (wait, wait->token, THREDO_WAIT_DONE, batch))
        {
          thredo_queue_store_drop (&self->store);
          thredo_end_advance (&self->getting);
          served = TRUE;
        }
    }

  return served;
}

/* Under the putting end's lock: takes items from those who wait to put them. */
static gboolean
serve_putters_locked (ThredoQueue     *self,
                      ThredoWakeBatch *batch)
{
  gboolean served = FALSE;
  ThredoWait *wait;

  while ((wait = self->putting.waiting.first) != NULL && has_room (self))
    {
      thredo_end_step_out (&self->putting, wait);
      served |= take_from_putter (self, wait, batch);
    }

  return served;
}

/* Serves both lines until there is nothing to be done for either: what is put
 * may be waited for, and what is got makes room. */
void
thredo_queue_serve (ThredoQueue *self)
{
  ThredoWakeBatch batch = THREDO_WAKE_BATCH_INIT;
  gboolean served;

  do
    {
      served = FALSE;
      if (thredo_end_has_waiting (&self->getting))
        {
          thredo_mutex_lock (&self->getting.lock);
          served |= serve_getters_locked (self, &batch);
          thredo_mutex_unlock (&self->getting.lock);
          thredo_wake_batch_flush (&batch);
        }
      if (self->max_size != 0 && thredo_end_has_waiting (&self->putting))
        {
          thredo_mutex_lock (&self->putting.lock);
          served |= serve_putters_locked (self, &batch);
          thredo_mutex_unlock (&self->putting.lock);
          thredo_wake_batch_flush (&batch);
        }
    }
  while (served);
}

/* Under the getting end's lock. Those who wait go first. */
ThredoQueueTried
thredo_queue_try_get_locked (ThredoQueue       *self,
                             ThredoQueueGetter *getter)
{
  if (G_UNLIKELY (self->getting.waiting.first != NULL))
    {
      ThredoWakeBatch batch = THREDO_WAKE_BATCH_INIT;

      serve_getters_locked (self, &batch);
      thredo_wake_batch_flush (&batch);
    }
  if (!has_item (self))
    return thredo_figure_get (&self->closed) != 0 ? THREDO_QUEUE_TRIED_CLOSED
                                                  : THREDO_QUEUE_TRIED_NOTHING;
  if (!may_take (getter, thredo_queue_store_peek (&self->store)))
    return THREDO_QUEUE_TRIED_REFUSED;
  take_item (self, &getter->item);
  return THREDO_QUEUE_TRIED_DONE;
}

/* Under the putting end's lock. */
ThredoQueueTried
thredo_queue_try_put_locked (ThredoQueue       *self,
                             ThredoQueuePutter *putter)
{
  if (G_UNLIKELY (thredo_figure_get (&self->closed) != 0))
    return THREDO_QUEUE_TRIED_CLOSED;
  if (G_UNLIKELY (self->putting.waiting.first != NULL))
    {
      ThredoWakeBatch batch = THREDO_WAKE_BATCH_INIT;

      serve_putters_locked (self, &batch);
      thredo_wake_batch_flush (&batch);
    }
  if (!has_room (self))
    return THREDO_QUEUE_TRIED_NOTHING;
  return add_item (self, &putter->item) ? THREDO_QUEUE_TRIED_DONE : THREDO_QUEUE_TRIED_REFUSED;
}

void
thredo_queue_set_tried_error (ThredoQueueTried   tried,
                              gboolean           is_getting,
                              GError           **error)
{
  switch (tried)
    {
    case THREDO_QUEUE_TRIED_CLOSED:
      g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_CLOSED, "The queue is closed");
      break;
    case THREDO_QUEUE_TRIED_REFUSED:
      if (is_getting)
        g_set_error_literal (error, THREDO_ERROR, THREDO_ERROR_STATE,
                             "The next item of the queue is not a pointer");
      else
        g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
                             "The item cannot be compared with those in the queue");
      break;
    default:
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK, "The queue is %s",
                   is_getting ? "empty" : "full");
      break;
    }
}

static gboolean
fail (ThredoQueueTried       tried,
      const ThredoWaitInfo  *info,
      GError               **error)
{
  thredo_queue_set_tried_error (tried, info == &get_info, error);
  return FALSE;
}

/* The slow ways: nothing there at the first look, whose lock is still held.
 * From here until it returns the thread is inside: the queue waits for it
 * before it goes. */
static ThredoQueueTried
spin_at (ThredoQueue          *self,
         ThredoSlot           *slot,
         const ThredoWaitInfo *info,
         ThredoEnd            *end,
         gpointer              with)
{
  gboolean is_getting = end == &self->getting;
  gboolean paid = FALSE;
  ThredoSpin spin;

  thredo_mutex_unlock (&end->lock);
  if (thredo_spin_begin (&spin, &slot->history, THREDO_SPIN_AT_A_DISTANCE))
    {
      do
        {
          guint64 n_put = thredo_end_get_count (&self->putting);
          guint64 n_got = thredo_end_get_count (&self->getting);

          paid = is_getting ? n_put != n_got : n_put - n_got < self->max_size;
        }
      while (!paid && thredo_spin_step (&spin));
      thredo_spin_end (&spin, paid);
    }
  if (!paid)
    thredo_slot_prepare (slot, info);
  thredo_mutex_lock (&end->lock);

  return is_getting ? thredo_queue_try_get_locked (self, with)
                    : thredo_queue_try_put_locked (self, with);
}

static gboolean
wait_at (ThredoQueue           *self,
         ThredoSlot            *slot,
         const ThredoWaitInfo  *info,
         ThredoEnd             *end,
         gpointer               with,
         GCancellable          *cancellable,
         GError               **error)
{
  ThredoEnd *opposite = end == &self->getting ? &self->putting : &self->getting;
  ThredoWaitState outcome;
  ThredoQueueTried tried;

  end->n_inside++;
  tried = spin_at (self, slot, info, end, with);
  if (tried != THREDO_QUEUE_TRIED_NOTHING)
    {
      thredo_mutex_unlock (&end->lock);
      thredo_queue_serve (self);
      thredo_mutex_lock (&end->lock);
      end->n_inside--;
      thredo_mutex_unlock (&end->lock);
      return tried == THREDO_QUEUE_TRIED_DONE || fail (tried, info, error);
    }

  thredo_wait_arm (&slot->wait);
  slot->wait.payload = with;
  thredo_end_line_up (end, &slot->wait);
  thredo_mutex_unlock (&end->lock);
  thredo_end_barrier (opposite);
  thredo_queue_serve (self);

  outcome = thredo_slot_block (slot, info, self, cancellable);

  thredo_mutex_lock (&end->lock);
  thredo_end_step_out (end, &slot->wait);
  end->n_inside--;
  thredo_mutex_unlock (&end->lock);

  switch (outcome)
    {
    case THREDO_WAIT_DONE:
      return TRUE;
    case THREDO_WAIT_CLOSED:
      return fail (THREDO_QUEUE_TRIED_CLOSED, info, error);
    case THREDO_WAIT_REFUSED:
      return fail (THREDO_QUEUE_TRIED_REFUSED, info, error);
    default:
      return thredo_blocking_set_error (slot, info, outcome, cancellable, error);
    }
}

static inline gboolean
get (ThredoQueue        *self,
     ThredoQueueGetter  *getter,
     GCancellable       *cancellable,
     GError            **error)
{
  ThredoSlot *slot = thredo_slot_self ();
  ThredoQueueTried tried;

  if (!thredo_blocking_check (slot, &get_info, cancellable, error))
    return FALSE;

  thredo_mutex_lock (&self->getting.lock);
  tried = thredo_queue_try_get_locked (self, getter);
  if (G_UNLIKELY (tried == THREDO_QUEUE_TRIED_NOTHING))
    return wait_at (self, slot, &get_info, &self->getting, getter, cancellable, error);
  thredo_mutex_unlock (&self->getting.lock);

  if (self->max_size != 0 && thredo_end_has_waiting (&self->putting))
    thredo_queue_serve (self);
  return G_LIKELY (tried == THREDO_QUEUE_TRIED_DONE) || fail (tried, &get_info, error);
}

/* Takes the putter's item if it succeeds. */
static inline gboolean
put (ThredoQueue        *self,
     ThredoQueuePutter  *putter,
     GCancellable       *cancellable,
     GError            **error)
{
  ThredoSlot *slot = thredo_slot_self ();
  ThredoQueueTried tried;

  if (!thredo_blocking_check (slot, &put_info, cancellable, error))
    return FALSE;

  thredo_mutex_lock (&self->putting.lock);
  tried = thredo_queue_try_put_locked (self, putter);
  if (G_UNLIKELY (tried == THREDO_QUEUE_TRIED_NOTHING))
    return wait_at (self, slot, &put_info, &self->putting, putter, cancellable, error);
  thredo_mutex_unlock (&self->putting.lock);

  if (thredo_end_has_waiting (&self->getting))
    thredo_queue_serve (self);
  return G_LIKELY (tried == THREDO_QUEUE_TRIED_DONE) || fail (tried, &put_info, error);
}

static void
free_item (ThredoQueue *self,
           GValue      *item)
{
  if (item->g_type == G_TYPE_POINTER && self->free_func != NULL && item->data[0].v_pointer != NULL)
    self->free_func (item->data[0].v_pointer);
  g_value_unset (item);
}

static void
thredo_queue_get_property (GObject    *object,
                           guint       prop_id,
                           GValue     *value,
                           GParamSpec *pspec)
{
  ThredoQueue *self = THREDO_QUEUE (object);

  switch (prop_id)
    {
    case PROP_NAME:
      g_value_set_string (value, thredo_queue_get_name (self));
      break;
    case PROP_ORDER:
      g_value_set_enum (value, thredo_queue_get_order (self));
      break;
    case PROP_MAX_SIZE:
      g_value_set_uint (value, thredo_queue_get_max_size (self));
      break;
    case PROP_LENGTH:
      g_value_set_uint (value, thredo_queue_get_length (self));
      break;
    case PROP_CLOSED:
      g_value_set_boolean (value, thredo_queue_is_closed (self));
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, prop_id, pspec);
    }
}

static void
thredo_queue_set_property (GObject      *object,
                           guint         prop_id,
                           const GValue *value,
                           GParamSpec   *pspec)
{
  ThredoQueue *self = THREDO_QUEUE (object);

  switch (prop_id)
    {
    case PROP_NAME:
      thredo_queue_set_name (self, g_value_get_string (value));
      break;
    case PROP_ORDER:
      thredo_queue_store_init (&self->store, g_value_get_enum (value));
      break;
    case PROP_MAX_SIZE:
      self->max_size = g_value_get_uint (value);
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, prop_id, pspec);
    }
}

/* The last reference is gone, so the threads that are inside have none: they
 * are sent home, and waited for. */
static void
thredo_queue_dispose (GObject *object)
{
  ThredoQueue *self = THREDO_QUEUE (object);
  gboolean is_alone;

  thredo_queue_close (self);
  do
    {
      ThredoWakeBatch batch = THREDO_WAKE_BATCH_INIT;

      thredo_mutex_lock (&self->putting.lock);
      thredo_mutex_lock (&self->getting.lock);
      thredo_mutex_lock (&self->done_lock);
      is_alone = self->putting.n_inside + self->getting.n_inside + self->n_joining == 0;
      thredo_wait_list_claim_all (&self->joiners, THREDO_WAIT_CLOSED, &batch);
      thredo_mutex_unlock (&self->done_lock);
      thredo_mutex_unlock (&self->getting.lock);
      thredo_mutex_unlock (&self->putting.lock);

      thredo_wake_batch_flush (&batch);
      if (!is_alone)
        g_thread_yield ();
    }
  while (!is_alone);

  G_OBJECT_CLASS (thredo_queue_parent_class)->dispose (object);
}

/* Not before max_size and the order are set. */
static void
thredo_queue_constructed (GObject *object)
{
  G_OBJECT_CLASS (thredo_queue_parent_class)->constructed (object);

  thredo_queue_list_add (THREDO_QUEUE (object));
}

static void
thredo_queue_finalize (GObject *object)
{
  ThredoQueue *self = THREDO_QUEUE (object);

  thredo_queue_list_remove (self);
  while (has_item (self))
    {
      GValue item;

      take_item (self, &item);
      free_item (self, &item);
    }
  thredo_queue_store_clear (&self->store);
  thredo_end_clear (&self->putting);
  thredo_end_clear (&self->getting);
  thredo_mutex_clear (&self->done_lock);
  thredo_name_clear (&self->name);

  G_OBJECT_CLASS (thredo_queue_parent_class)->finalize (object);
}

static void
thredo_queue_class_init (ThredoQueueClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);

  g_value_init (&empty_pointer, G_TYPE_POINTER);

  object_class->get_property = thredo_queue_get_property;
  object_class->set_property = thredo_queue_set_property;
  object_class->constructed = thredo_queue_constructed;
  object_class->dispose = thredo_queue_dispose;
  object_class->finalize = thredo_queue_finalize;

  /**
   * ThredoQueue:name:
   *
   * What the queue is called where threads that wait for it are shown.
   *
   * Since: 1.0
   */
  properties[PROP_NAME] =
      g_param_spec_string ("name", NULL, NULL, NULL,
                           G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | G_PARAM_EXPLICIT_NOTIFY);
  /**
   * ThredoQueue:order:
   *
   * In which order the items come out.
   *
   * Since: 1.0
   */
  properties[PROP_ORDER] =
      g_param_spec_enum ("order", NULL, NULL,
                         THREDO_TYPE_QUEUE_ORDER, THREDO_QUEUE_ORDER_FIFO,
                         G_PARAM_READWRITE | G_PARAM_CONSTRUCT_ONLY | G_PARAM_STATIC_STRINGS);
  /**
   * ThredoQueue:max-size:
   *
   * How many items the queue takes before a put waits; 0 for no limit.
   *
   * Since: 1.0
   */
  properties[PROP_MAX_SIZE] =
      g_param_spec_uint ("max-size", NULL, NULL, 0, G_MAXUINT, 0,
                         G_PARAM_READWRITE | G_PARAM_CONSTRUCT_ONLY | G_PARAM_STATIC_STRINGS);
  /**
   * ThredoQueue:length:
   *
   * How many items are in the queue. There is no notification of a change.
   *
   * Since: 1.0
   */
  properties[PROP_LENGTH] =
      g_param_spec_uint ("length", NULL, NULL, 0, G_MAXUINT, 0,
                         G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);
  /**
   * ThredoQueue:closed:
   *
   * Whether the queue takes no more items. There is no notification of a
   * change.
   *
   * Since: 1.0
   */
  properties[PROP_CLOSED] =
      g_param_spec_boolean ("closed", NULL, NULL, FALSE,
                            G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);
  g_object_class_install_properties (object_class, N_PROPS, properties);
}

static void
thredo_queue_init (ThredoQueue *self)
{
  thredo_name_init (&self->name);
  thredo_end_init (&self->putting);
  thredo_end_init (&self->getting);
  thredo_mutex_init (&self->done_lock);
}

/**
 * thredo_queue_new:
 * @max_size: how many items it takes before a put waits, or 0 for no limit
 *
 * Makes a queue that hands items out in the order in which they came.
 *
 * Returns: (transfer full): a new queue
 *
 * Since: 1.0
 */
ThredoQueue *
thredo_queue_new (guint max_size)
{
  return thredo_queue_new_full (THREDO_QUEUE_ORDER_FIFO, max_size, NULL);
}

/**
 * thredo_queue_new_full: (skip)
 * @order: in which order items come out
 * @max_size: how many items it takes before a put waits, or 0 for no limit
 * @free_func: (nullable): frees pointers that nobody took
 *
 * Makes a queue.
 *
 * What `thredo_queue_put_pointer()` put and nobody got is freed by @free_func
 * when the queue is dropped. In other languages, set the properties instead.
 *
 * Returns: (transfer full): a new queue
 *
 * Since: 1.0
 */
ThredoQueue *
thredo_queue_new_full (ThredoQueueOrder order,
                       guint            max_size,
                       GDestroyNotify   free_func)
{
  ThredoQueue *self;

  g_return_val_if_fail ((guint) order <= THREDO_QUEUE_ORDER_PRIORITY, NULL);

  self = g_object_new (THREDO_TYPE_QUEUE,
                       "order", order,
                       "max-size", max_size,
                       NULL);
  self->free_func = free_func;

  return self;
}

/**
 * thredo_queue_new_priority:
 * @max_size: how many items it takes before a put waits, or 0 for no limit
 * @compare: (nullable) (scope notified) (closure user_data) (destroy destroy):
 *   which of two items comes out first, or %NULL for the least number, or the
 *   first string by `strcmp()`, and variants by what is in them: tuples and arrays by the
 *   first element in which they differ
 * @user_data: data for @compare
 * @destroy: (nullable): called with @user_data when the queue goes
 *
 * Makes a queue that hands out the least item first.
 *
 * Returns: (transfer full): a new queue
 *
 * Since: 1.0
 */
ThredoQueue *
thredo_queue_new_priority (guint                  max_size,
                           ThredoQueueCompareFunc compare,
                           gpointer               user_data,
                           GDestroyNotify         destroy)
{
  ThredoQueue *self = thredo_queue_new_full (THREDO_QUEUE_ORDER_PRIORITY, max_size, NULL);

  self->store.compare = compare;
  self->store.compare_data = user_data;
  self->store.compare_destroy = destroy;

  return self;
}

/**
 * thredo_queue_put:
 * @self: a queue
 * @item: the item, which is copied
 * @cancellable: (nullable): what else can end the wait
 * @error: return location for an error
 *
 * Puts an item, and waits for room if the queue is full.
 *
 * The wait ends when there is room, by [method@Thredo.Queue.close], a cancel of
 * the caller, the deadline of a scope around it, or a cancel of @cancellable.
 * If this fails, nothing was put. Any thread but the loop's may call this.
 *
 * Returns: %TRUE, or %FALSE with an error: `G_IO_ERROR_CLOSED` if the queue is
 *   closed, `G_IO_ERROR_CANCELLED` or `G_IO_ERROR_TIMED_OUT`
 *   ([error@Gio.IOErrorEnum]) if the wait was cancelled or too long,
 *   `G_IO_ERROR_INVALID_ARGUMENT` if the item cannot be compared with one that is there
 *   ([callback@Thredo.QueueCompareFunc]); `THREDO_ERROR_LOOP_THREAD`
 *
 * Since: 1.0
 */
gboolean
thredo_queue_put (ThredoQueue   *self,
                  const GValue  *item,
                  GCancellable  *cancellable,
                  GError       **error)
{
  ThredoQueuePutter putter;

  g_return_val_if_fail (THREDO_IS_QUEUE (self), FALSE);
  g_return_val_if_fail (G_IS_VALUE (item), FALSE);
  g_return_val_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable), FALSE);

  thredo_value_set_copy (&putter.item, item);
  if (put (self, &putter, cancellable, error))
    return TRUE;
  g_value_unset (&putter.item);
  return FALSE;
}

/**
 * thredo_queue_get:
 * @self: a queue
 * @item: (out caller-allocates): location for the item, which is initialised
 *   and moved to
 * @cancellable: (nullable): what else can end the wait
 * @error: return location for an error
 *
 * Gets an item, and waits for one if the queue is empty.
 *
 * The wait ends with an item, by [method@Thredo.Queue.close], a cancel of the
 * caller, the deadline of a scope around it, or a cancel of @cancellable. If
 * this fails, nothing was taken. In C, @item is `G_VALUE_INIT`, and is to be
 * unset on success; on failure it is left alone. Any thread but the loop's may call this.
 *
 * Returns: %TRUE, or %FALSE with an error: `G_IO_ERROR_CLOSED` if the queue is
 *   closed and empty, `G_IO_ERROR_CANCELLED` or `G_IO_ERROR_TIMED_OUT`
 *   ([error@Gio.IOErrorEnum]) if the wait was cancelled or too long;
 *   `THREDO_ERROR_LOOP_THREAD`
 *
 * Since: 1.0
 */
gboolean
thredo_queue_get (ThredoQueue   *self,
                  GValue        *item,
                  GCancellable  *cancellable,
                  GError       **error)
{
  ThredoQueueGetter getter;

  g_return_val_if_fail (THREDO_IS_QUEUE (self), FALSE);
  g_return_val_if_fail (item != NULL, FALSE);
  g_return_val_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable), FALSE);

  getter.wants_pointer = FALSE;
  if (!get (self, &getter, cancellable, error))
    return FALSE;
  *item = getter.item;
  return TRUE;
}

/**
 * thredo_queue_get_for_bindings: (rename-to thredo_queue_get)
 * @self: a queue
 * @item: (out caller-allocates): location for the item
 * @cancellable: (nullable): what else can end the wait
 * @error: return location for an error
 *
 * Gets an item, and waits for one if the queue is empty.
 *
 * The same as `thredo_queue_get()`, but that @item is a %NULL pointer on
 * failure.
 *
 * Returns: as `thredo_queue_get()`
 *
 * Since: 1.0
 */
gboolean
thredo_queue_get_for_bindings (ThredoQueue   *self,
                               GValue        *item,
                               GCancellable  *cancellable,
                               GError       **error)
{
  thredo_value_set_nothing (item);
  return thredo_queue_get (self, item, cancellable, error);
}

/**
 * thredo_queue_get_boxed:
 * @self: a queue
 * @cancellable: (nullable): what else can end the wait
 * @error: return location for an error
 *
 * Gets an item, as [method@Thredo.Queue.get] does.
 *
 * For languages that do not let go of what a call fills in, as GJS does not.
 *
 * Returns: (transfer full): the item, or %NULL with an error, as there
 *
 * Since: 1.0
 */
GValue *
thredo_queue_get_boxed (ThredoQueue   *self,
                        GCancellable  *cancellable,
                        GError       **error)
{
  GValue value = G_VALUE_INIT;

  return thredo_queue_get (self, &value, cancellable, error) ? thredo_value_box (&value) : NULL;
}

/**
 * thredo_queue_put_pointer: (skip)
 * @self: a queue
 * @item: (transfer full) (not nullable): the item
 * @cancellable: (nullable): what else can end the wait
 * @error: return location for an error
 *
 * Puts a pointer, as [method@Thredo.Queue.put] puts a value.
 *
 * It belongs to the queue then, and to whoever gets it. If this fails, it still
 * belongs to the caller.
 *
 * Returns: as [method@Thredo.Queue.put]
 *
 * Since: 1.0
 */
gboolean
thredo_queue_put_pointer (ThredoQueue   *self,
                          gpointer       item,
                          GCancellable  *cancellable,
                          GError       **error)
{
  ThredoQueuePutter putter;

  g_return_val_if_fail (THREDO_IS_QUEUE (self), FALSE);
  g_return_val_if_fail (item != NULL, FALSE);
  g_return_val_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable), FALSE);

  putter.item = empty_pointer;
  putter.item.data[0].v_pointer = item;

  return put (self, &putter, cancellable, error);
}

/* Passes on what a value of a pointer's kind holds, with what it owns. */
static gpointer
steal_pointer (GValue *item)
{
  gpointer pointer = item->data[0].v_pointer;

  if (item->g_type == G_TYPE_POINTER)
    return pointer;
  if (G_VALUE_HOLDS_STRING (item))
    pointer = g_value_dup_string (item);
  else if (G_VALUE_HOLDS_OBJECT (item))
    pointer = g_value_dup_object (item);
  else if (G_VALUE_HOLDS_BOXED (item))
    pointer = g_value_dup_boxed (item);
  else if (G_VALUE_HOLDS_VARIANT (item))
    pointer = g_value_dup_variant (item);
  else
    pointer = g_value_peek_pointer (item);
  g_value_unset (item);

  return pointer;
}

/**
 * thredo_queue_get_pointer: (skip)
 * @self: a queue
 * @cancellable: (nullable): what else can end the wait
 * @error: return location for an error
 *
 * Gets a pointer, as [method@Thredo.Queue.get] gets a value.
 *
 * It belongs to the caller then. An item that was put as a value of a type that
 * is a pointer (a string, an object, a boxed type) is had so too; at one that
 * is not, a number for one, this fails and leaves it in the queue.
 *
 * Returns: (transfer full) (nullable): the item, or %NULL with an error: those
 *   of [method@Thredo.Queue.get], and `THREDO_ERROR_STATE` if the next item is
 *   not a pointer
 *
 * Since: 1.0
 */
gpointer
thredo_queue_get_pointer (ThredoQueue   *self,
                          GCancellable  *cancellable,
                          GError       **error)
{
  ThredoQueueGetter getter;

  g_return_val_if_fail (THREDO_IS_QUEUE (self), NULL);
  g_return_val_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable), NULL);

  getter.wants_pointer = TRUE;
  if (!get (self, &getter, cancellable, error))
    return NULL;
  return steal_pointer (&getter.item);
}

/**
 * thredo_queue_try_put:
 * @self: a queue
 * @item: the item, which is copied
 * @error: return location for an error
 *
 * Puts an item if there is room, and does not wait.
 *
 * Whether the caller was cancelled does not matter. Any thread may call this.
 *
 * Returns: %TRUE, or %FALSE with an error: `G_IO_ERROR_WOULD_BLOCK` if the
 *   queue is full, `G_IO_ERROR_CLOSED` if it is closed,
 *   `G_IO_ERROR_INVALID_ARGUMENT` if the item cannot be compared with one that is there
 *   ([error@Gio.IOErrorEnum])
 *
 * Since: 1.0
 */
gboolean
thredo_queue_try_put (ThredoQueue   *self,
                      const GValue  *item,
                      GError       **error)
{
  ThredoQueuePutter putter;
  ThredoQueueTried tried;

  g_return_val_if_fail (THREDO_IS_QUEUE (self), FALSE);
  g_return_val_if_fail (G_IS_VALUE (item), FALSE);

  thredo_value_set_copy (&putter.item, item);
  thredo_mutex_lock (&self->putting.lock);
  tried = thredo_queue_try_put_locked (self, &putter);
  thredo_mutex_unlock (&self->putting.lock);

  thredo_queue_serve (self);
  if (tried == THREDO_QUEUE_TRIED_DONE)
    return TRUE;
  g_value_unset (&putter.item);
  return fail (tried, &put_info, error);
}

/**
 * thredo_queue_try_get:
 * @self: a queue
 * @item: (out caller-allocates): location for the item, which is initialised
 *   and moved to
 * @error: return location for an error
 *
 * Gets an item if there is one, and does not wait.
 *
 * Whether the caller was cancelled does not matter. In C, @item is
 * `G_VALUE_INIT`, and is to be unset on success; on failure it is left alone.
 * Any thread may call this.
 *
 * Returns: %TRUE, or %FALSE with an error: `G_IO_ERROR_WOULD_BLOCK` if the
 *   queue is empty, `G_IO_ERROR_CLOSED` if it is closed as well
 *   ([error@Gio.IOErrorEnum])
 *
 * Since: 1.0
 */
gboolean
thredo_queue_try_get (ThredoQueue  *self,
                      GValue       *item,
                      GError      **error)
{
  ThredoQueueGetter getter;
  ThredoQueueTried tried;

  g_return_val_if_fail (THREDO_IS_QUEUE (self), FALSE);
  g_return_val_if_fail (item != NULL, FALSE);

  getter.wants_pointer = FALSE;
  thredo_mutex_lock (&self->getting.lock);
  tried = thredo_queue_try_get_locked (self, &getter);
  thredo_mutex_unlock (&self->getting.lock);

  thredo_queue_serve (self);
  if (tried != THREDO_QUEUE_TRIED_DONE)
    return fail (tried, &get_info, error);
  *item = getter.item;
  return TRUE;
}

/**
 * thredo_queue_try_get_for_bindings: (rename-to thredo_queue_try_get)
 * @self: a queue
 * @item: (out caller-allocates): location for the item
 * @error: return location for an error
 *
 * Gets an item if there is one, and does not wait.
 *
 * The same as `thredo_queue_try_get()`, but that @item is a %NULL pointer on
 * failure.
 *
 * Returns: as `thredo_queue_try_get()`
 *
 * Since: 1.0
 */
gboolean
thredo_queue_try_get_for_bindings (ThredoQueue  *self,
                                   GValue       *item,
                                   GError      **error)
{
  thredo_value_set_nothing (item);
  return thredo_queue_try_get (self, item, error);
}

/**
 * thredo_queue_try_get_boxed:
 * @self: a queue
 * @error: return location for an error
 *
 * Gets an item without waiting, as [method@Thredo.Queue.try_get] does.
 *
 * For languages that do not let go of what a call fills in, as GJS does not.
 *
 * Returns: (transfer full): the item, or %NULL with an error, as there
 *
 * Since: 1.0
 */
GValue *
thredo_queue_try_get_boxed (ThredoQueue  *self,
                            GError      **error)
{
  GValue value = G_VALUE_INIT;

  return thredo_queue_try_get (self, &value, error) ? thredo_value_box (&value) : NULL;
}

/**
 * thredo_queue_task_done:
 * @self: a queue
 * @error: return location for an error
 *
 * Says that an item that was got has been dealt with.
 *
 * When that has been said of every item that was put, those who wait in
 * [method@Thredo.Queue.join] go on. Any thread may call this. It does not
 * block.
 *
 * Returns: %TRUE, or %FALSE with an error: `THREDO_ERROR_STATE` if it has been
 *   said of every item already
 *
 * Since: 1.0
 */
gboolean
thredo_queue_task_done (ThredoQueue  *self,
                        GError      **error)
{
  ThredoWakeBatch batch = THREDO_WAKE_BATCH_INIT;
  guint64 n_put, n_done;
  gboolean is_valid;

  g_return_val_if_fail (THREDO_IS_QUEUE (self), FALSE);

  thredo_mutex_lock (&self->done_lock);
  n_put = thredo_end_get_count (&self->putting);
  n_done = thredo_figure_get (&self->n_done);
  is_valid = n_done < n_put;
  if (is_valid)
    thredo_figure_set (&self->n_done, n_done + 1);
  if (is_valid && n_done + 1 == n_put)
    thredo_wait_list_claim_all (&self->joiners, THREDO_WAIT_DONE, &batch);
  thredo_mutex_unlock (&self->done_lock);
  thredo_wake_batch_flush (&batch);

  if (!is_valid)
    g_set_error_literal (error, THREDO_ERROR, THREDO_ERROR_STATE,
                         "task_done was called more often than items were put");
  return is_valid;
}

/* Completes the wait at once if everything has been dealt with meanwhile. */
void
thredo_queue_line_up_to_join (ThredoQueue *self,
                              ThredoWait  *wait)
{
  ThredoWakeBatch batch = THREDO_WAKE_BATCH_INIT;

  thredo_mutex_lock (&self->done_lock);
  if (thredo_figure_get (&self->n_done) == thredo_end_get_count (&self->putting))
    thredo_wait_claim (wait, wait->token, THREDO_WAIT_DONE, &batch);
  else
    thredo_wait_list_append (&self->joiners, wait);
  thredo_mutex_unlock (&self->done_lock);

  thredo_wake_batch_flush (&batch);
}

/**
 * thredo_queue_join:
 * @self: a queue
 * @cancellable: (nullable): what else can end the wait
 * @error: return location for an error
 *
 * Waits until every item that was put has been dealt with, which is to say
 * until [method@Thredo.Queue.task_done] has been called as often.
 *
 * The wait ends as well by a cancel of the caller, the deadline of a scope
 * around it, and a cancel of @cancellable. Any thread but the loop's may call
 * this.
 *
 * Returns: %TRUE, or %FALSE with an error: `G_IO_ERROR_CANCELLED` or
 *   `G_IO_ERROR_TIMED_OUT` ([error@Gio.IOErrorEnum]) if the wait was cancelled
 *   or too long; `THREDO_ERROR_LOOP_THREAD`
 *
 * Since: 1.0
 */
gboolean
thredo_queue_join (ThredoQueue   *self,
                   GCancellable  *cancellable,
                   GError       **error)
{
  ThredoSlot *slot = thredo_slot_self ();
  ThredoWaitState outcome;

  g_return_val_if_fail (THREDO_IS_QUEUE (self), FALSE);
  g_return_val_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable), FALSE);

  if (!thredo_blocking_check (slot, &join_info, cancellable, error))
    return FALSE;

  thredo_mutex_lock (&self->done_lock);
  if (thredo_figure_get (&self->n_done) == thredo_end_get_count (&self->putting))
    {
      thredo_mutex_unlock (&self->done_lock);
      return TRUE;
    }
  self->n_joining++;
  thredo_mutex_unlock (&self->done_lock);

  thredo_slot_prepare (slot, &join_info);
  thredo_wait_arm (&slot->wait);
  thredo_queue_line_up_to_join (self, &slot->wait);
  outcome = thredo_slot_block (slot, &join_info, self, cancellable);

  thredo_mutex_lock (&self->done_lock);
  if (slot->wait.list != NULL)
    thredo_wait_list_remove (&self->joiners, &slot->wait);
  self->n_joining--;
  thredo_mutex_unlock (&self->done_lock);

  if (outcome == THREDO_WAIT_DONE)
    return TRUE;
  return thredo_blocking_set_error (slot, &join_info, outcome, cancellable, error);
}

/**
 * thredo_queue_close:
 * @self: a queue
 *
 * Says that nothing more will be put.
 *
 * Getters are given what is left in the queue; then they fail with
 * `G_IO_ERROR_CLOSED`, and so do those that wait now. Putters fail with that at
 * once, those that wait for room too. Joins go on waiting for what is left. To
 * close it again does nothing. Any thread may call this. It does not block.
 *
 * Since: 1.0
 */
void
thredo_queue_close (ThredoQueue *self)
{
  ThredoWakeBatch batch = THREDO_WAKE_BATCH_INIT;
  ThredoWait *wait;

  g_return_if_fail (THREDO_IS_QUEUE (self));

  thredo_mutex_lock (&self->putting.lock);
  thredo_mutex_lock (&self->getting.lock);
  thredo_figure_set (&self->closed, TRUE);
  serve_getters_locked (self, &batch);
  while ((wait = self->putting.waiting.first) != NULL)
    {
      thredo_end_step_out (&self->putting, wait);
      thredo_wait_claim (wait, wait->token, THREDO_WAIT_CLOSED, &batch);
    }
  while ((wait = self->getting.waiting.first) != NULL)
    {
      thredo_end_step_out (&self->getting, wait);
      thredo_wait_claim (wait, wait->token, THREDO_WAIT_CLOSED, &batch);
    }
  thredo_mutex_unlock (&self->getting.lock);
  thredo_mutex_unlock (&self->putting.lock);

  thredo_wake_batch_flush (&batch);
}

/**
 * thredo_queue_is_closed:
 * @self: a queue
 *
 * Whether the queue takes no more items.
 *
 * Returns: %TRUE after [method@Thredo.Queue.close]
 *
 * Since: 1.0
 */
gboolean
thredo_queue_is_closed (ThredoQueue *self)
{
  g_return_val_if_fail (THREDO_IS_QUEUE (self), FALSE);

  return thredo_figure_get (&self->closed) != 0;
}

/**
 * thredo_queue_get_length:
 * @self: a queue
 *
 * Gets how many items are in the queue, at this moment.
 *
 * Returns: a number of items
 *
 * Since: 1.0
 */
guint
thredo_queue_get_length (ThredoQueue *self)
{
  guint64 n_got, n_put;

  g_return_val_if_fail (THREDO_IS_QUEUE (self), 0);

  /* In this order, so that it is never below zero. */
  n_got = thredo_end_get_count (&self->getting);
  n_put = thredo_end_get_count (&self->putting);

  return (guint) MIN (n_put - n_got, G_MAXUINT);
}

/**
 * thredo_queue_is_empty:
 * @self: a queue
 *
 * Whether the queue has no items, at this moment.
 *
 * Returns: %TRUE if a get would wait, or fail
 *
 * Since: 1.0
 */
gboolean
thredo_queue_is_empty (ThredoQueue *self)
{
  return thredo_queue_get_length (self) == 0;
}

/**
 * thredo_queue_is_full:
 * @self: a queue
 *
 * Whether the queue has no room, at this moment.
 *
 * Returns: %TRUE if a put would wait; never for a queue with no limit
 *
 * Since: 1.0
 */
gboolean
thredo_queue_is_full (ThredoQueue *self)
{
  g_return_val_if_fail (THREDO_IS_QUEUE (self), FALSE);

  return self->max_size != 0 && thredo_queue_get_length (self) >= self->max_size;
}

/**
 * thredo_queue_get_unfinished:
 * @self: a queue
 *
 * Gets how many of the items that were ever put have not been dealt with, as
 * [method@Thredo.Queue.task_done] counts.
 *
 * Returns: a number of items
 *
 * Since: 1.0
 */
guint64
thredo_queue_get_unfinished (ThredoQueue *self)
{
  guint64 n_done;

  g_return_val_if_fail (THREDO_IS_QUEUE (self), 0);

  /* In this order, so that it is never below zero. */
  n_done = thredo_figure_get (&self->n_done);
  return thredo_end_get_count (&self->putting) - n_done;
}

/**
 * thredo_queue_get_max_size:
 * @self: a queue
 *
 * Gets how many items the queue takes before a put waits.
 *
 * Returns: a number of items, or 0 for no limit
 *
 * Since: 1.0
 */
guint
thredo_queue_get_max_size (ThredoQueue *self)
{
  g_return_val_if_fail (THREDO_IS_QUEUE (self), 0);

  return self->max_size;
}

/**
 * thredo_queue_get_order:
 * @self: a queue
 *
 * Gets in which order the items come out.
 *
 * Returns: the order
 *
 * Since: 1.0
 */
ThredoQueueOrder
thredo_queue_get_order (ThredoQueue *self)
{
  g_return_val_if_fail (THREDO_IS_QUEUE (self), THREDO_QUEUE_ORDER_FIFO);

  return self->store.order;
}

/**
 * thredo_queue_get_name:
 * @self: a queue
 *
 * Gets what the queue is called.
 *
 * Returns: (transfer none) (nullable): the name, valid as long as the queue
 *
 * Since: 1.0
 */
const char *
thredo_queue_get_name (ThredoQueue *self)
{
  g_return_val_if_fail (THREDO_IS_QUEUE (self), NULL);

  return thredo_name_get (&self->name);
}

/**
 * thredo_queue_set_name:
 * @self: a queue
 * @name: (nullable): what to call it
 *
 * Sets what the queue is called where threads that wait for it are shown.
 *
 * Since: 1.0
 */
void
thredo_queue_set_name (ThredoQueue *self,
                       const char  *name)
{
  g_return_if_fail (THREDO_IS_QUEUE (self));

  thredo_name_set (&self->name, name);
  g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_NAME]);
}
