/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "thredo-ended-info-private.h"

#include "thredo-enum-types.h"

/**
 * ThredoEndedInfo:
 *
 * How a thread has ended.
 *
 * It comes from [method@Thredo.Monitor.get_history], and does not change any more.
 *
 * Since: 1.0
 */

struct _ThredoEndedInfo
{
  GObject parent_instance;

  ThredoEndedSeen seen;
};

enum
{
  PROP_0,
  PROP_SERIAL,
  PROP_ID,
  PROP_NAME,
  PROP_STATE,
  PROP_MESSAGE,
  PROP_ENDED_AT,
  PROP_CPU_TIME,
  N_PROPS
};

G_DEFINE_FINAL_TYPE (ThredoEndedInfo, thredo_ended_info, G_TYPE_OBJECT)

static GParamSpec *properties[N_PROPS];

void
thredo_ended_seen_clear (ThredoEndedSeen *self)
{
  g_free (self->name);
  g_free (self->message);
  *self = (ThredoEndedSeen) { 0 };
}

/* Takes what was seen. */
ThredoEndedInfo *
thredo_ended_info_new (ThredoEndedSeen *seen)
{
  ThredoEndedInfo *self = g_object_new (THREDO_TYPE_ENDED_INFO, NULL);

  self->seen = *seen;
  *seen = (ThredoEndedSeen) { 0 };

  return self;
}

static void
thredo_ended_info_get_property (GObject    *object,
                                guint       prop_id,
                                GValue     *value,
                                GParamSpec *pspec)
{
  ThredoEndedInfo *self = THREDO_ENDED_INFO (object);

  switch (prop_id)
    {
    case PROP_SERIAL:
      g_value_set_uint64 (value, self->seen.serial);
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
    case PROP_MESSAGE:
      g_value_set_string (value, self->seen.message);
      break;
    case PROP_ENDED_AT:
      g_value_set_int64 (value, self->seen.ended_at);
      break;
    case PROP_CPU_TIME:
      g_value_set_int64 (value, self->seen.cpu_time);
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, prop_id, pspec);
    }
}

static void
thredo_ended_info_finalize (GObject *object)
{
  ThredoEndedInfo *self = THREDO_ENDED_INFO (object);

  thredo_ended_seen_clear (&self->seen);

  G_OBJECT_CLASS (thredo_ended_info_parent_class)->finalize (object);
}

static void
thredo_ended_info_class_init (ThredoEndedInfoClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);

  object_class->get_property = thredo_ended_info_get_property;
  object_class->finalize = thredo_ended_info_finalize;

  /**
   * ThredoEndedInfo:serial:
   *
   * A number that is one more for each thread of the process that ends while there is a monitor.
   *
   * Since: 1.0
   */
  properties[PROP_SERIAL] =
      g_param_spec_uint64 ("serial", NULL, NULL, 0, G_MAXUINT64, 0,
                           G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);
  /**
   * ThredoEndedInfo:id:
   *
   * The thread's [property@Thredo.Thread:id].
   *
   * Since: 1.0
   */
  properties[PROP_ID] =
      g_param_spec_uint64 ("id", NULL, NULL, 0, G_MAXUINT64, 0,
                           G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);
  /**
   * ThredoEndedInfo:name:
   *
   * What the thread was called.
   *
   * Since: 1.0
   */
  properties[PROP_NAME] =
      g_param_spec_string ("name", NULL, NULL, NULL,
                           G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);
  /**
   * ThredoEndedInfo:state:
   *
   * How the thread ended.
   *
   * Since: 1.0
   */
  properties[PROP_STATE] =
      g_param_spec_enum ("state", NULL, NULL, THREDO_TYPE_THREAD_STATE, THREDO_THREAD_STATE_NEW,
                         G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);
  /**
   * ThredoEndedInfo:message:
   *
   * What went wrong, if the thread did not end well.
   *
   * Since: 1.0
   */
  properties[PROP_MESSAGE] =
      g_param_spec_string ("message", NULL, NULL, NULL,
                           G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);
  /**
   * ThredoEndedInfo:ended-at:
   *
   * When the thread ended, in microseconds of [func@GLib.get_monotonic_time].
   *
   * Since: 1.0
   */
  properties[PROP_ENDED_AT] =
      g_param_spec_int64 ("ended-at", NULL, NULL, 0, G_MAXINT64, 0,
                          G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);
  /**
   * ThredoEndedInfo:cpu-time:
   *
   * How much processor time the thread had taken, in microseconds, see
   * [property@Thredo.ThreadInfo:cpu-time].
   *
   * Since: 1.0
   */
  properties[PROP_CPU_TIME] =
      g_param_spec_int64 ("cpu-time", NULL, NULL, 0, G_MAXINT64, 0,
                          G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);
  g_object_class_install_properties (object_class, N_PROPS, properties);
}

static void
thredo_ended_info_init (ThredoEndedInfo *self)
{
}

/**
 * thredo_ended_info_get_serial:
 * @self: what was seen of a thread that has ended
 *
 * Gets the place of the thread among all that have ended.
 *
 * Returns: a number, higher than that of any thread which has ended before
 *
 * Since: 1.0
 */
guint64
thredo_ended_info_get_serial (ThredoEndedInfo *self)
{
  g_return_val_if_fail (THREDO_IS_ENDED_INFO (self), 0);

  return self->seen.serial;
}

/**
 * thredo_ended_info_get_id:
 * @self: what was seen of a thread that has ended
 *
 * Gets the thread's [property@Thredo.Thread:id].
 *
 * Returns: the number
 *
 * Since: 1.0
 */
guint64
thredo_ended_info_get_id (ThredoEndedInfo *self)
{
  g_return_val_if_fail (THREDO_IS_ENDED_INFO (self), 0);

  return self->seen.id;
}

/**
 * thredo_ended_info_get_name:
 * @self: what was seen of a thread that has ended
 *
 * Gets what the thread was called.
 *
 * Returns: (transfer none): the name
 *
 * Since: 1.0
 */
const char *
thredo_ended_info_get_name (ThredoEndedInfo *self)
{
  g_return_val_if_fail (THREDO_IS_ENDED_INFO (self), NULL);

  return self->seen.name;
}

/**
 * thredo_ended_info_get_state:
 * @self: what was seen of a thread that has ended
 *
 * Gets how the thread ended.
 *
 * Returns: `FINISHED`, `FAILED` or `CANCELLED`
 *
 * Since: 1.0
 */
ThredoThreadState
thredo_ended_info_get_state (ThredoEndedInfo *self)
{
  g_return_val_if_fail (THREDO_IS_ENDED_INFO (self), THREDO_THREAD_STATE_NEW);

  return self->seen.state;
}

/**
 * thredo_ended_info_get_message:
 * @self: what was seen of a thread that has ended
 *
 * Gets what went wrong.
 *
 * Returns: (transfer none) (nullable): the message of the error, or %NULL if the thread is
 *   `FINISHED`
 *
 * Since: 1.0
 */
const char *
thredo_ended_info_get_message (ThredoEndedInfo *self)
{
  g_return_val_if_fail (THREDO_IS_ENDED_INFO (self), NULL);

  return self->seen.message;
}

/**
 * thredo_ended_info_get_ended_at:
 * @self: what was seen of a thread that has ended
 *
 * Gets when the thread ended.
 *
 * Returns: microseconds of [func@GLib.get_monotonic_time]
 *
 * Since: 1.0
 */
gint64
thredo_ended_info_get_ended_at (ThredoEndedInfo *self)
{
  g_return_val_if_fail (THREDO_IS_ENDED_INFO (self), 0);

  return self->seen.ended_at;
}

/**
 * thredo_ended_info_get_cpu_time:
 * @self: what was seen of a thread that has ended
 *
 * Gets how much processor time the thread had taken.
 *
 * Returns: microseconds, see [property@Thredo.ThreadInfo:cpu-time]
 *
 * Since: 1.0
 */
gint64
thredo_ended_info_get_cpu_time (ThredoEndedInfo *self)
{
  g_return_val_if_fail (THREDO_IS_ENDED_INFO (self), 0);

  return self->seen.cpu_time;
}
