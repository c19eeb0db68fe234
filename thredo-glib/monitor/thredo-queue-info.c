/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "thredo-queue-info-private.h"

#include "thredo-enum-types.h"

/**
 * ThredoQueueInfo:
 *
 * What a queue was like when somebody looked.
 *
 * It comes from [method@Thredo.Monitor.list_queues], and does not change any more. The figures
 * were read one after the other, with nobody kept from putting and getting.
 *
 * Since: 1.0
 */

struct _ThredoQueueInfo
{
  GObject parent_instance;

  ThredoQueueSeen seen;
};

enum
{
  PROP_0,
  PROP_ID,
  PROP_NAME,
  PROP_ORDER,
  PROP_LENGTH,
  PROP_MAX_SIZE,
  PROP_N_UNFINISHED,
  PROP_N_GETTERS,
  PROP_N_PUTTERS,
  PROP_CLOSED,
  N_PROPS
};

G_DEFINE_FINAL_TYPE (ThredoQueueInfo, thredo_queue_info, G_TYPE_OBJECT)

static GParamSpec *properties[N_PROPS];

void
thredo_queue_seen_clear (ThredoQueueSeen *self)
{
  g_free (self->name);
  *self = (ThredoQueueSeen) { 0 };
}

/* Takes what was seen. */
ThredoQueueInfo *
thredo_queue_info_new (ThredoQueueSeen *seen)
{
  ThredoQueueInfo *self = g_object_new (THREDO_TYPE_QUEUE_INFO, NULL);

  self->seen = *seen;
  *seen = (ThredoQueueSeen) { 0 };

  return self;
}

static void
thredo_queue_info_get_property (GObject    *object,
                                guint       prop_id,
                                GValue     *value,
                                GParamSpec *pspec)
{
  ThredoQueueInfo *self = THREDO_QUEUE_INFO (object);

  switch (prop_id)
    {
    case PROP_ID:
      g_value_set_uint64 (value, self->seen.id);
      break;
    case PROP_NAME:
      g_value_set_string (value, self->seen.name);
      break;
    case PROP_ORDER:
      g_value_set_enum (value, self->seen.order);
      break;
    case PROP_LENGTH:
      g_value_set_uint (value, self->seen.length);
      break;
    case PROP_MAX_SIZE:
      g_value_set_uint (value, self->seen.max_size);
      break;
    case PROP_N_UNFINISHED:
      g_value_set_uint64 (value, self->seen.n_unfinished);
      break;
    case PROP_N_GETTERS:
      g_value_set_uint (value, self->seen.n_getters);
      break;
    case PROP_N_PUTTERS:
      g_value_set_uint (value, self->seen.n_putters);
      break;
    case PROP_CLOSED:
      g_value_set_boolean (value, self->seen.is_closed);
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, prop_id, pspec);
    }
}

static void
thredo_queue_info_finalize (GObject *object)
{
  ThredoQueueInfo *self = THREDO_QUEUE_INFO (object);

  thredo_queue_seen_clear (&self->seen);

  G_OBJECT_CLASS (thredo_queue_info_parent_class)->finalize (object);
}

static void
thredo_queue_info_class_init (ThredoQueueInfoClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);

  object_class->get_property = thredo_queue_info_get_property;
  object_class->finalize = thredo_queue_info_finalize;

  /**
   * ThredoQueueInfo:id:
   *
   * A number of the queue, which no other queue of the process has or will have.
   *
   * Since: 1.0
   */
  properties[PROP_ID] =
      g_param_spec_uint64 ("id", NULL, NULL, 0, G_MAXUINT64, 0,
                           G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);
  /**
   * ThredoQueueInfo:name:
   *
   * What the queue was called.
   *
   * Since: 1.0
   */
  properties[PROP_NAME] =
      g_param_spec_string ("name", NULL, NULL, NULL,
                           G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);
  /**
   * ThredoQueueInfo:order:
   *
   * In which order the queue's items come out.
   *
   * Since: 1.0
   */
  properties[PROP_ORDER] =
      g_param_spec_enum ("order", NULL, NULL, THREDO_TYPE_QUEUE_ORDER, THREDO_QUEUE_ORDER_FIFO,
                         G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);
  /**
   * ThredoQueueInfo:length:
   *
   * How many items were in the queue.
   *
   * Since: 1.0
   */
  properties[PROP_LENGTH] =
      g_param_spec_uint ("length", NULL, NULL, 0, G_MAXUINT, 0,
                         G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);
  /**
   * ThredoQueueInfo:max-size:
   *
   * How many items the queue takes before a put waits; 0 for no limit.
   *
   * Since: 1.0
   */
  properties[PROP_MAX_SIZE] =
      g_param_spec_uint ("max-size", NULL, NULL, 0, G_MAXUINT, 0,
                         G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);
  /**
   * ThredoQueueInfo:n-unfinished:
   *
   * How many of the items that were ever put had not been dealt with, see
   * [method@Thredo.Queue.task_done].
   *
   * Since: 1.0
   */
  properties[PROP_N_UNFINISHED] =
      g_param_spec_uint64 ("n-unfinished", NULL, NULL, 0, G_MAXUINT64, 0,
                           G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);
  /**
   * ThredoQueueInfo:n-getters:
   *
   * How many stood in line for an item: threads, and asynchronous operations.
   *
   * Since: 1.0
   */
  properties[PROP_N_GETTERS] =
      g_param_spec_uint ("n-getters", NULL, NULL, 0, G_MAXUINT, 0,
                         G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);
  /**
   * ThredoQueueInfo:n-putters:
   *
   * How many stood in line for room: threads, and asynchronous operations.
   *
   * Since: 1.0
   */
  properties[PROP_N_PUTTERS] =
      g_param_spec_uint ("n-putters", NULL, NULL, 0, G_MAXUINT, 0,
                         G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);
  /**
   * ThredoQueueInfo:closed: (getter is_closed)
   *
   * Whether the queue took no more items.
   *
   * Since: 1.0
   */
  properties[PROP_CLOSED] =
      g_param_spec_boolean ("closed", NULL, NULL, FALSE,
                            G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);
  g_object_class_install_properties (object_class, N_PROPS, properties);
}

static void
thredo_queue_info_init (ThredoQueueInfo *self)
{
}

/**
 * thredo_queue_info_get_id:
 * @self: what was seen of a queue
 *
 * Gets which queue it was.
 *
 * Returns: a number that no other queue of the process has or will have
 *
 * Since: 1.0
 */
guint64
thredo_queue_info_get_id (ThredoQueueInfo *self)
{
  g_return_val_if_fail (THREDO_IS_QUEUE_INFO (self), 0);

  return self->seen.id;
}

/**
 * thredo_queue_info_get_name:
 * @self: what was seen of a queue
 *
 * Gets what the queue was called.
 *
 * Returns: (transfer none) (nullable): the name, or %NULL if it had none
 *
 * Since: 1.0
 */
const char *
thredo_queue_info_get_name (ThredoQueueInfo *self)
{
  g_return_val_if_fail (THREDO_IS_QUEUE_INFO (self), NULL);

  return self->seen.name;
}

/**
 * thredo_queue_info_get_order:
 * @self: what was seen of a queue
 *
 * Gets in which order the queue's items come out.
 *
 * Returns: the order
 *
 * Since: 1.0
 */
ThredoQueueOrder
thredo_queue_info_get_order (ThredoQueueInfo *self)
{
  g_return_val_if_fail (THREDO_IS_QUEUE_INFO (self), THREDO_QUEUE_ORDER_FIFO);

  return self->seen.order;
}

/**
 * thredo_queue_info_get_length:
 * @self: what was seen of a queue
 *
 * Gets how many items were in the queue.
 *
 * Returns: a number of items
 *
 * Since: 1.0
 */
guint
thredo_queue_info_get_length (ThredoQueueInfo *self)
{
  g_return_val_if_fail (THREDO_IS_QUEUE_INFO (self), 0);

  return self->seen.length;
}

/**
 * thredo_queue_info_get_max_size:
 * @self: what was seen of a queue
 *
 * Gets how many items the queue takes before a put waits.
 *
 * Returns: a number of items, or 0 for no limit
 *
 * Since: 1.0
 */
guint
thredo_queue_info_get_max_size (ThredoQueueInfo *self)
{
  g_return_val_if_fail (THREDO_IS_QUEUE_INFO (self), 0);

  return self->seen.max_size;
}

/**
 * thredo_queue_info_get_n_unfinished:
 * @self: what was seen of a queue
 *
 * Gets how many of the items that were ever put had not been dealt with, as
 * [method@Thredo.Queue.task_done] counts.
 *
 * Returns: a number of items
 *
 * Since: 1.0
 */
guint64
thredo_queue_info_get_n_unfinished (ThredoQueueInfo *self)
{
  g_return_val_if_fail (THREDO_IS_QUEUE_INFO (self), 0);

  return self->seen.n_unfinished;
}

/**
 * thredo_queue_info_get_n_getters:
 * @self: what was seen of a queue
 *
 * Gets how many stood in line for an item.
 *
 * Returns: a number of threads and asynchronous operations
 *
 * Since: 1.0
 */
guint
thredo_queue_info_get_n_getters (ThredoQueueInfo *self)
{
  g_return_val_if_fail (THREDO_IS_QUEUE_INFO (self), 0);

  return self->seen.n_getters;
}

/**
 * thredo_queue_info_get_n_putters:
 * @self: what was seen of a queue
 *
 * Gets how many stood in line for room.
 *
 * Returns: a number of threads and asynchronous operations
 *
 * Since: 1.0
 */
guint
thredo_queue_info_get_n_putters (ThredoQueueInfo *self)
{
  g_return_val_if_fail (THREDO_IS_QUEUE_INFO (self), 0);

  return self->seen.n_putters;
}

/**
 * thredo_queue_info_is_closed:
 * @self: what was seen of a queue
 *
 * Tells whether the queue took no more items.
 *
 * Returns: %TRUE if it was closed
 *
 * Since: 1.0
 */
gboolean
thredo_queue_info_is_closed (ThredoQueueInfo *self)
{
  g_return_val_if_fail (THREDO_IS_QUEUE_INFO (self), FALSE);

  return self->seen.is_closed;
}
