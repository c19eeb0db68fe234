/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "thredo-thread-info-private.h"

#include "thredo-enum-types.h"

/**
 * ThredoThreadInfo:
 *
 * What a thread is doing, or was doing when somebody looked.
 *
 * What [method@Thredo.Monitor.snapshot] returns does not change any more. What is in a
 * [class@Thredo.Monitor] as a list is brought up to date by it, with a notification for each
 * property that is not as it was. Either keeps a reference to the thread, if it is one of this
 * process.
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
  PROP_CPU_TIME,
  PROP_GROUP_ID,
  PROP_GROUP_PATH,
  PROP_GROUP_IDS,
  PROP_DAEMON,
  PROP_CANCELLED,
  PROP_SHIELDED,
  PROP_HELD,
  N_PROPS
};

G_DEFINE_FINAL_TYPE (ThredoThreadInfo, thredo_thread_info, G_TYPE_OBJECT)

static GParamSpec *properties[N_PROPS];

void
thredo_thread_seen_clear (ThredoThreadSeen *self)
{
  g_clear_object (&self->thread);
  g_free (self->name);
  g_free (self->waiting_for);
  g_strfreev (self->group_path);
  g_free (self->group_ids);
  g_strfreev (self->held);
  *self = (ThredoThreadSeen) { NULL };
}

static void
complete_seen (ThredoThreadSeen *seen)
{
  if (seen->held == NULL)
    seen->held = g_new0 (char *, 1);
  if (seen->group_path == NULL)
    seen->group_path = g_new0 (char *, 1);
}

/* Takes what was seen. */
ThredoThreadInfo *
thredo_thread_info_new (ThredoThreadSeen *seen)
{
  ThredoThreadInfo *self = g_object_new (THREDO_TYPE_THREAD_INFO, NULL);

  complete_seen (seen);
  self->seen = *seen;
  *seen = (ThredoThreadSeen) { NULL };

  return self;
}

static gboolean
are_group_ids_equal (const ThredoThreadSeen *one,
                     const ThredoThreadSeen *other)
{
  if (one->n_group_ids != other->n_group_ids)
    return FALSE;
  for (gsize i = 0; i < one->n_group_ids; i++)
    {
      if (one->group_ids[i] != other->group_ids[i])
        return FALSE;
    }
  return TRUE;
}

static void
notify (ThredoThreadInfo *self,
        guint             property)
{
  g_object_notify_by_pspec (G_OBJECT (self), properties[property]);
}

/* Takes what was seen of the same thread later. */
void
thredo_thread_info_update (ThredoThreadInfo *self,
                           ThredoThreadSeen *seen)
{
  ThredoThreadSeen old = self->seen;

  complete_seen (seen);
  self->seen = *seen;
  *seen = (ThredoThreadSeen) { NULL };

  g_object_freeze_notify (G_OBJECT (self));
  if (g_strcmp0 (old.name, self->seen.name) != 0)
    notify (self, PROP_NAME);
  if (old.state != self->seen.state)
    notify (self, PROP_STATE);
  if (g_strcmp0 (old.waiting_for, self->seen.waiting_for) != 0)
    notify (self, PROP_WAITING_FOR);
  if (old.waiting_since != self->seen.waiting_since)
    notify (self, PROP_WAITING_SINCE);
  if (old.n_waits != self->seen.n_waits)
    notify (self, PROP_N_WAITS);
  if (old.cpu_time != self->seen.cpu_time)
    notify (self, PROP_CPU_TIME);
  if (old.group_id != self->seen.group_id)
    notify (self, PROP_GROUP_ID);
  if (!g_strv_equal ((const char *const *) old.group_path,
                     (const char *const *) self->seen.group_path))
    notify (self, PROP_GROUP_PATH);
  if (!are_group_ids_equal (&old, &self->seen))
    notify (self, PROP_GROUP_IDS);
  if (old.is_daemon != self->seen.is_daemon)
    notify (self, PROP_DAEMON);
  if (old.is_cancelled != self->seen.is_cancelled)
    notify (self, PROP_CANCELLED);
  if (old.is_shielded != self->seen.is_shielded)
    notify (self, PROP_SHIELDED);
  if (!g_strv_equal ((const char *const *) old.held, (const char *const *) self->seen.held))
    notify (self, PROP_HELD);
  g_object_thaw_notify (G_OBJECT (self));
  thredo_thread_seen_clear (&old);
}

static GVariant *
new_group_ids (ThredoThreadInfo *self)
{
  return g_variant_new_fixed_array (G_VARIANT_TYPE_UINT64, self->seen.group_ids,
                                    self->seen.n_group_ids, sizeof (guint64));
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
    case PROP_CPU_TIME:
      g_value_set_int64 (value, self->seen.cpu_time);
      break;
    case PROP_GROUP_ID:
      g_value_set_uint64 (value, self->seen.group_id);
      break;
    case PROP_GROUP_PATH:
      g_value_set_boxed (value, self->seen.group_path);
      break;
    case PROP_GROUP_IDS:
      g_value_set_variant (value, new_group_ids (self));
      break;
    case PROP_DAEMON:
      g_value_set_boolean (value, self->seen.is_daemon);
      break;
    case PROP_CANCELLED:
      g_value_set_boolean (value, self->seen.is_cancelled);
      break;
    case PROP_SHIELDED:
      g_value_set_boolean (value, self->seen.is_shielded);
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

  thredo_thread_seen_clear (&self->seen);

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
   * The thread, if it is one of this process.
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
   * ThredoThreadInfo:cpu-time:
   *
   * How much processor time the thread has taken, in microseconds. Of a thread that began
   * before there was a monitor, also what its OS thread had taken before.
   *
   * Since: 1.0
   */
  properties[PROP_CPU_TIME] =
      g_param_spec_int64 ("cpu-time", NULL, NULL, 0, G_MAXINT64, 0,
                          G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);
  /**
   * ThredoThreadInfo:group-id:
   *
   * A number of the group that the thread is in, which no other group has; 0 if it is in
   * none.
   *
   * Since: 1.0
   */
  properties[PROP_GROUP_ID] =
      g_param_spec_uint64 ("group-id", NULL, NULL, 0, G_MAXUINT64, 0,
                           G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);
  /**
   * ThredoThreadInfo:group-path:
   *
   * What the group that the thread is in is called, after those around it: the group of the
   * thread that made it, and so on.
   *
   * Since: 1.0
   */
  properties[PROP_GROUP_PATH] =
      g_param_spec_boxed ("group-path", NULL, NULL, G_TYPE_STRV,
                          G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);
  /**
   * ThredoThreadInfo:group-ids:
   *
   * The numbers of the groups in [property@Thredo.ThreadInfo:group-path].
   *
   * Since: 1.0
   */
  properties[PROP_GROUP_IDS] =
      g_param_spec_variant ("group-ids", NULL, NULL, G_VARIANT_TYPE ("at"), NULL,
                            G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);
  /**
   * ThredoThreadInfo:daemon: (getter is_daemon)
   *
   * Whether nobody waits for the thread, see [property@Thredo.Thread:daemon].
   *
   * Since: 1.0
   */
  properties[PROP_DAEMON] = g_param_spec_boolean ("daemon", NULL, NULL, FALSE,
                                                  G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);
  /**
   * ThredoThreadInfo:cancelled: (getter is_cancelled)
   *
   * Whether the thread was cancelled, and has not ended yet.
   *
   * Since: 1.0
   */
  properties[PROP_CANCELLED] = g_param_spec_boolean ("cancelled", NULL, NULL, FALSE,
                                                     G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);
  /**
   * ThredoThreadInfo:shielded: (getter is_shielded)
   *
   * Whether a cancel of the thread does not reach it where it is.
   *
   * Since: 1.0
   */
  properties[PROP_SHIELDED] = g_param_spec_boolean ("shielded", NULL, NULL, FALSE,
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
 * Returns: (transfer none) (nullable): the thread, or %NULL if it is another process's
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
 * thredo_thread_info_get_cpu_time:
 * @self: what was seen of a thread
 *
 * Gets how much processor time the thread had taken.
 *
 * Returns: microseconds, see [property@Thredo.ThreadInfo:cpu-time]
 *
 * Since: 1.0
 */
gint64
thredo_thread_info_get_cpu_time (ThredoThreadInfo *self)
{
  g_return_val_if_fail (THREDO_IS_THREAD_INFO (self), 0);

  return self->seen.cpu_time;
}

/**
 * thredo_thread_info_get_group_id:
 * @self: what was seen of a thread
 *
 * Gets which group the thread was in.
 *
 * Returns: a number, or 0 if it was in none
 *
 * Since: 1.0
 */
guint64
thredo_thread_info_get_group_id (ThredoThreadInfo *self)
{
  g_return_val_if_fail (THREDO_IS_THREAD_INFO (self), 0);

  return self->seen.group_id;
}

/**
 * thredo_thread_info_get_group_path:
 * @self: what was seen of a thread
 *
 * Gets what the group that the thread was in is called, after those around it.
 *
 * Returns: (transfer none) (array zero-terminated=1): the names, the outermost first; something
 *   like "group 12" for one that has none
 *
 * Since: 1.0
 */
const char *const *
thredo_thread_info_get_group_path (ThredoThreadInfo *self)
{
  g_return_val_if_fail (THREDO_IS_THREAD_INFO (self), NULL);

  return (const char *const *) self->seen.group_path;
}

/**
 * thredo_thread_info_get_group_ids:
 * @self: what was seen of a thread
 * @n_ids: (out): return location for how many there are
 *
 * Gets the numbers of the groups in [method@Thredo.ThreadInfo.get_group_path], for
 * [method@Thredo.Monitor.cancel_group] for example.
 *
 * Returns: (transfer none) (array length=n_ids): the numbers, the outermost first; the last one
 *   is the [property@Thredo.ThreadInfo:group-id]
 *
 * Since: 1.0
 */
const guint64 *
thredo_thread_info_get_group_ids (ThredoThreadInfo *self,
                                  gsize            *n_ids)
{
  g_return_val_if_fail (n_ids != NULL, NULL);
  *n_ids = 0;
  g_return_val_if_fail (THREDO_IS_THREAD_INFO (self), NULL);

  *n_ids = self->seen.n_group_ids;
  return self->seen.group_ids;
}

/**
 * thredo_thread_info_is_daemon:
 * @self: what was seen of a thread
 *
 * Tells whether nobody waits for the thread.
 *
 * Returns: %TRUE if it is a daemon
 *
 * Since: 1.0
 */
gboolean
thredo_thread_info_is_daemon (ThredoThreadInfo *self)
{
  g_return_val_if_fail (THREDO_IS_THREAD_INFO (self), FALSE);

  return self->seen.is_daemon;
}

/**
 * thredo_thread_info_is_cancelled:
 * @self: what was seen of a thread
 *
 * Tells whether the thread was cancelled, and had not ended yet.
 *
 * Returns: %TRUE if so
 *
 * Since: 1.0
 */
gboolean
thredo_thread_info_is_cancelled (ThredoThreadInfo *self)
{
  g_return_val_if_fail (THREDO_IS_THREAD_INFO (self), FALSE);

  return self->seen.is_cancelled;
}

/**
 * thredo_thread_info_is_shielded:
 * @self: what was seen of a thread
 *
 * Tells whether a cancel of the thread did not reach it where it was.
 *
 * Returns: %TRUE if so
 *
 * Since: 1.0
 */
gboolean
thredo_thread_info_is_shielded (ThredoThreadInfo *self)
{
  g_return_val_if_fail (THREDO_IS_THREAD_INFO (self), FALSE);

  return self->seen.is_shielded;
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
