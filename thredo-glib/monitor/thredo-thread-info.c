/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "thredo-thread-info-private.h"

#include "thredo-enum-types.h"

/**
 * ThredoThreadInfo:
 *
 * What a thread was doing at the moment of [method@Thredo.Monitor.snapshot].
 *
 * It does not change any more, and keeps a reference to the thread.
 *
 * Since: 1.0
 */

struct _ThredoThreadInfo
{
  GObject parent_instance;

  ThredoThreadSeen seen;
};

enum
{
  PROP_0,
  PROP_THREAD,
  PROP_ID,
  PROP_NAME,
  PROP_STATE,
  PROP_WAITING_FOR,
  PROP_WAITING_SINCE,
  PROP_N_WAITS,
  PROP_HELD,
  N_PROPS
};

G_DEFINE_FINAL_TYPE (ThredoThreadInfo, thredo_thread_info, G_TYPE_OBJECT)

static GParamSpec *properties[N_PROPS];

/* Takes what was seen. */
ThredoThreadInfo *
thredo_thread_info_new (ThredoThreadSeen *seen)
{
  ThredoThreadInfo *self = g_object_new (THREDO_TYPE_THREAD_INFO, NULL);

  self->seen = *seen;
  if (self->seen.held == NULL)
    self->seen.held = g_new0 (char *, 1);
  *seen = (ThredoThreadSeen) { NULL };

  return self;
}

static void
thredo_thread_info_get_property (GObject    *object,
                                 guint       prop_id,
                                 GValue     *value,
                                 GParamSpec *pspec)
{
  ThredoThreadInfo *self = THREDO_THREAD_INFO (object);

  switch (prop_id)
    {
    case PROP_THREAD:
      g_value_set_object (value, self->seen.thread);
      break;
    case PROP_ID:
      g_value_set_uint64 (value, self->seen.id);
      break;
    case PROP_NAME:
      g_value_set_string (value, self->seen.name);
      break;
    case PROP_STATE:
      g_value_set_enum (value, self->seen.state);
      break;
    case PROP_WAITING_FOR:
      g_value_set_string (value, self->seen.waiting_for);
      break;
    case PROP_WAITING_SINCE:
      g_value_set_int64 (value, self->seen.waiting_since);
      break;
    case PROP_N_WAITS:
      g_value_set_uint64 (value, self->seen.n_waits);
      break;
    case PROP_HELD:
      g_value_set_boxed (value, self->seen.held);
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, prop_id, pspec);
    }
}

static void
thredo_thread_info_finalize (GObject *object)
{
  ThredoThreadInfo *self = THREDO_THREAD_INFO (object);

  g_clear_object (&self->seen.thread);
  g_free (self->seen.name);
  g_free (self->seen.waiting_for);
  g_strfreev (self->seen.held);

  G_OBJECT_CLASS (thredo_thread_info_parent_class)->finalize (object);
}

static void
thredo_thread_info_class_init (ThredoThreadInfoClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);

  object_class->get_property = thredo_thread_info_get_property;
  object_class->finalize = thredo_thread_info_finalize;

  /**
   * ThredoThreadInfo:thread:
   *
   * The thread.
   *
   * Since: 1.0
   */
  properties[PROP_THREAD] =
      g_param_spec_object ("thread", NULL, NULL, THREDO_TYPE_THREAD,
                           G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);
  /**
   * ThredoThreadInfo:id:
   *
   * The thread's [property@Thredo.Thread:id].
   *
   * Since: 1.0
   */
  properties[PROP_ID] =
      g_param_spec_uint64 ("id", NULL, NULL, 0, G_MAXUINT64, 0,
                           G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);
  /**
   * ThredoThreadInfo:name:
   *
   * What the thread was called.
   *
   * Since: 1.0
   */
  properties[PROP_NAME] =
      g_param_spec_string ("name", NULL, NULL, NULL,
                           G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);
  /**
   * ThredoThreadInfo:state:
   *
   * What the thread was doing.
   *
   * Since: 1.0
   */
  properties[PROP_STATE] =
      g_param_spec_enum ("state", NULL, NULL,
                         THREDO_TYPE_THREAD_STATE, THREDO_THREAD_STATE_NEW,
                         G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);
  /**
   * ThredoThreadInfo:waiting-for:
   *
   * What the thread waited for, such as "acquire on Lock 'jobs'".
   *
   * Since: 1.0
   */
  properties[PROP_WAITING_FOR] =
      g_param_spec_string ("waiting-for", NULL, NULL, NULL,
                           G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);
  /**
   * ThredoThreadInfo:waiting-since:
   *
   * When the wait began, in microseconds of [func@GLib.get_monotonic_time].
   *
   * Since: 1.0
   */
  properties[PROP_WAITING_SINCE] =
      g_param_spec_int64 ("waiting-since", NULL, NULL, 0, G_MAXINT64, 0,
                          G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);
  /**
   * ThredoThreadInfo:n-waits:
   *
   * How often the thread had been parked in a wait.
   *
   * Since: 1.0
   */
  properties[PROP_N_WAITS] =
      g_param_spec_uint64 ("n-waits", NULL, NULL, 0, G_MAXUINT64, 0,
                           G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);
  /**
   * ThredoThreadInfo:held:
   *
   * The locks that the thread owned, such as "Lock 'jobs'".
   *
   * Since: 1.0
   */
  properties[PROP_HELD] =
      g_param_spec_boxed ("held", NULL, NULL, G_TYPE_STRV,
                          G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);
  g_object_class_install_properties (object_class, N_PROPS, properties);
}

static void
thredo_thread_info_init (ThredoThreadInfo *self)
{
}

/**
 * thredo_thread_info_get_thread:
 * @self: what was seen of a thread
 *
 * Gets the thread, to cancel it for example.
 *
 * Returns: (transfer none): the thread
 *
 * Since: 1.0
 */
ThredoThread *
thredo_thread_info_get_thread (ThredoThreadInfo *self)
{
  g_return_val_if_fail (THREDO_IS_THREAD_INFO (self), NULL);

  return self->seen.thread;
}

/**
 * thredo_thread_info_get_id:
 * @self: what was seen of a thread
 *
 * Gets the thread's [property@Thredo.Thread:id].
 *
 * Returns: the number
 *
 * Since: 1.0
 */
guint64
thredo_thread_info_get_id (ThredoThreadInfo *self)
{
  g_return_val_if_fail (THREDO_IS_THREAD_INFO (self), 0);

  return self->seen.id;
}

/**
 * thredo_thread_info_get_name:
 * @self: what was seen of a thread
 *
 * Gets what the thread was called.
 *
 * Returns: the name
 *
 * Since: 1.0
 */
const char *
thredo_thread_info_get_name (ThredoThreadInfo *self)
{
  g_return_val_if_fail (THREDO_IS_THREAD_INFO (self), NULL);

  return self->seen.name;
}

/**
 * thredo_thread_info_get_state:
 * @self: what was seen of a thread
 *
 * Gets what the thread was doing.
 *
 * Returns: `RUNNING` or `WAITING`
 *
 * Since: 1.0
 */
ThredoThreadState
thredo_thread_info_get_state (ThredoThreadInfo *self)
{
  g_return_val_if_fail (THREDO_IS_THREAD_INFO (self), THREDO_THREAD_STATE_NEW);

  return self->seen.state;
}

/**
 * thredo_thread_info_get_waiting_for:
 * @self: what was seen of a thread
 *
 * Gets what the thread waited for, such as "acquire on Lock 'jobs'".
 *
 * Returns: (nullable): for what, or %NULL if it did not wait
 *
 * Since: 1.0
 */
const char *
thredo_thread_info_get_waiting_for (ThredoThreadInfo *self)
{
  g_return_val_if_fail (THREDO_IS_THREAD_INFO (self), NULL);

  return self->seen.waiting_for;
}

/**
 * thredo_thread_info_get_waiting_since:
 * @self: what was seen of a thread
 *
 * Gets when the thread's wait had begun.
 *
 * Returns: microseconds of [func@GLib.get_monotonic_time], or 0 if it did not wait
 *
 * Since: 1.0
 */
gint64
thredo_thread_info_get_waiting_since (ThredoThreadInfo *self)
{
  g_return_val_if_fail (THREDO_IS_THREAD_INFO (self), 0);

  return self->seen.waiting_since;
}

/**
 * thredo_thread_info_get_n_waits:
 * @self: what was seen of a thread
 *
 * Gets how often the thread had been parked in a wait.
 *
 * Returns: the number of times, the present one included
 *
 * Since: 1.0
 */
guint64
thredo_thread_info_get_n_waits (ThredoThreadInfo *self)
{
  g_return_val_if_fail (THREDO_IS_THREAD_INFO (self), 0);

  return self->seen.n_waits;
}

/**
 * thredo_thread_info_get_held:
 * @self: what was seen of a thread
 *
 * Gets which locks the thread owned.
 *
 * Returns: (transfer none) (array zero-terminated=1): the locks, such as
 *   "Lock 'jobs'"
 *
 * Since: 1.0
 */
const char *const *
thredo_thread_info_get_held (ThredoThreadInfo *self)
{
  g_return_val_if_fail (THREDO_IS_THREAD_INFO (self), NULL);

  return (const char *const *) self->seen.held;
}
