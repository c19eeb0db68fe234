/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "thredo-lock-info-private.h"

/**
 * ThredoLockInfo:
 *
 * What a lock was like when somebody looked.
 *
 * It comes from [method@Thredo.Monitor.list_locks], and does not change any more.
 *
 * Since: 1.0
 */

struct _ThredoLockInfo
{
  GObject parent_instance;

  ThredoLockSeen seen;
};

enum
{
  PROP_0,
  PROP_ID,
  PROP_NAME,
  PROP_NOUN,
  PROP_OWNER_ID,
  PROP_OWNER_NAME,
  PROP_N_WAITING,
  PROP_WAITING_IDS,
  PROP_ABANDONED,
  N_PROPS
};

G_DEFINE_FINAL_TYPE (ThredoLockInfo, thredo_lock_info, G_TYPE_OBJECT)

static GParamSpec *properties[N_PROPS];

void
thredo_lock_seen_clear (ThredoLockSeen *self)
{
  g_free (self->name);
  g_free (self->noun);
  g_free (self->owner_name);
  g_free (self->waiting_ids);
  *self = (ThredoLockSeen) { 0 };
}

/* Takes what was seen. */
ThredoLockInfo *
thredo_lock_info_new (ThredoLockSeen *seen)
{
  ThredoLockInfo *self = g_object_new (THREDO_TYPE_LOCK_INFO, NULL);

  self->seen = *seen;
  *seen = (ThredoLockSeen) { 0 };

  return self;
}

static void
thredo_lock_info_get_property (GObject    *object,
                               guint       prop_id,
                               GValue     *value,
                               GParamSpec *pspec)
{
  ThredoLockInfo *self = THREDO_LOCK_INFO (object);

  switch (prop_id)
    {
    case PROP_ID:
      g_value_set_uint64 (value, self->seen.id);
      break;
    case PROP_NAME:
      g_value_set_string (value, self->seen.name);
      break;
    case PROP_NOUN:
      g_value_set_string (value, self->seen.noun);
      break;
    case PROP_OWNER_ID:
      g_value_set_uint64 (value, self->seen.owner_id);
      break;
    case PROP_OWNER_NAME:
      g_value_set_string (value, self->seen.owner_name);
      break;
    case PROP_N_WAITING:
      g_value_set_uint (value, self->seen.n_waiting);
      break;
    case PROP_WAITING_IDS:
      g_value_set_variant (value,
                           g_variant_new_fixed_array (G_VARIANT_TYPE_UINT64, self->seen.waiting_ids,
                                                      self->seen.n_waiting_ids, sizeof (guint64)));
      break;
    case PROP_ABANDONED:
      g_value_set_boolean (value, self->seen.is_abandoned);
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, prop_id, pspec);
    }
}

static void
thredo_lock_info_finalize (GObject *object)
{
  ThredoLockInfo *self = THREDO_LOCK_INFO (object);

  thredo_lock_seen_clear (&self->seen);

  G_OBJECT_CLASS (thredo_lock_info_parent_class)->finalize (object);
}

static void
thredo_lock_info_class_init (ThredoLockInfoClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);

  object_class->get_property = thredo_lock_info_get_property;
  object_class->finalize = thredo_lock_info_finalize;

  /**
   * ThredoLockInfo:id:
   *
   * A number of the lock, which no other lock of the process has or will have.
   *
   * Since: 1.0
   */
  properties[PROP_ID] =
      g_param_spec_uint64 ("id", NULL, NULL, 0, G_MAXUINT64, 0,
                           G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);
  /**
   * ThredoLockInfo:name:
   *
   * What the lock was called.
   *
   * Since: 1.0
   */
  properties[PROP_NAME] =
      g_param_spec_string ("name", NULL, NULL, NULL,
                           G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);
  /**
   * ThredoLockInfo:noun:
   *
   * Which kind of lock it is: "Lock" or "RLock".
   *
   * Since: 1.0
   */
  properties[PROP_NOUN] =
      g_param_spec_string ("noun", NULL, NULL, NULL,
                           G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);
  /**
   * ThredoLockInfo:owner-id:
   *
   * The [property@Thredo.Thread:id] of the thread that owned the lock; 0 if there was none.
   *
   * Since: 1.0
   */
  properties[PROP_OWNER_ID] =
      g_param_spec_uint64 ("owner-id", NULL, NULL, 0, G_MAXUINT64, 0,
                           G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);
  /**
   * ThredoLockInfo:owner-name:
   *
   * What the thread that owned the lock was called.
   *
   * Since: 1.0
   */
  properties[PROP_OWNER_NAME] =
      g_param_spec_string ("owner-name", NULL, NULL, NULL,
                           G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);
  /**
   * ThredoLockInfo:n-waiting:
   *
   * How many stood in line for the lock: threads, and asynchronous operations.
   *
   * Since: 1.0
   */
  properties[PROP_N_WAITING] =
      g_param_spec_uint ("n-waiting", NULL, NULL, 0, G_MAXUINT, 0,
                         G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);
  /**
   * ThredoLockInfo:waiting-ids:
   *
   * The [property@Thredo.Thread:id] of each thread that stood in line for the lock, the one that
   * has waited longest first.
   *
   * Since: 1.0
   */
  properties[PROP_WAITING_IDS] =
      g_param_spec_variant ("waiting-ids", NULL, NULL, G_VARIANT_TYPE ("at"), NULL,
                            G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);
  /**
   * ThredoLockInfo:abandoned: (getter is_abandoned)
   *
   * Whether an owner had ended without releasing the lock, see [property@Thredo.Lock:abandoned].
   *
   * Since: 1.0
   */
  properties[PROP_ABANDONED] =
      g_param_spec_boolean ("abandoned", NULL, NULL, FALSE,
                            G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);
  g_object_class_install_properties (object_class, N_PROPS, properties);
}

static void
thredo_lock_info_init (ThredoLockInfo *self)
{
}

/**
 * thredo_lock_info_get_id:
 * @self: what was seen of a lock
 *
 * Gets which lock it was.
 *
 * Returns: a number that no other lock of the process has or will have
 *
 * Since: 1.0
 */
guint64
thredo_lock_info_get_id (ThredoLockInfo *self)
{
  g_return_val_if_fail (THREDO_IS_LOCK_INFO (self), 0);

  return self->seen.id;
}

/**
 * thredo_lock_info_get_name:
 * @self: what was seen of a lock
 *
 * Gets what the lock was called.
 *
 * Returns: (transfer none) (nullable): the name, or %NULL if it had none
 *
 * Since: 1.0
 */
const char *
thredo_lock_info_get_name (ThredoLockInfo *self)
{
  g_return_val_if_fail (THREDO_IS_LOCK_INFO (self), NULL);

  return self->seen.name;
}

/**
 * thredo_lock_info_get_noun:
 * @self: what was seen of a lock
 *
 * Gets which kind of lock it is.
 *
 * Returns: (transfer none): "Lock" or "RLock"
 *
 * Since: 1.0
 */
const char *
thredo_lock_info_get_noun (ThredoLockInfo *self)
{
  g_return_val_if_fail (THREDO_IS_LOCK_INFO (self), NULL);

  return self->seen.noun;
}

/**
 * thredo_lock_info_get_owner_id:
 * @self: what was seen of a lock
 *
 * Gets which thread owned the lock.
 *
 * Returns: the [property@Thredo.Thread:id] of the thread, or 0 if nobody owned it
 *
 * Since: 1.0
 */
guint64
thredo_lock_info_get_owner_id (ThredoLockInfo *self)
{
  g_return_val_if_fail (THREDO_IS_LOCK_INFO (self), 0);

  return self->seen.owner_id;
}

/**
 * thredo_lock_info_get_owner_name:
 * @self: what was seen of a lock
 *
 * Gets what the thread that owned the lock was called.
 *
 * Returns: (transfer none) (nullable): the name, or %NULL if nobody owned it
 *
 * Since: 1.0
 */
const char *
thredo_lock_info_get_owner_name (ThredoLockInfo *self)
{
  g_return_val_if_fail (THREDO_IS_LOCK_INFO (self), NULL);

  return self->seen.owner_name;
}

/**
 * thredo_lock_info_get_n_waiting:
 * @self: what was seen of a lock
 *
 * Gets how many stood in line for the lock.
 *
 * Returns: a number of threads and asynchronous operations
 *
 * Since: 1.0
 */
guint
thredo_lock_info_get_n_waiting (ThredoLockInfo *self)
{
  g_return_val_if_fail (THREDO_IS_LOCK_INFO (self), 0);

  return self->seen.n_waiting;
}

/**
 * thredo_lock_info_get_waiting_ids:
 * @self: what was seen of a lock
 * @n_ids: (out): return location for how many there are
 *
 * Gets which threads stood in line for the lock.
 *
 * Asynchronous operations have no number; [method@Thredo.LockInfo.get_n_waiting] counts them too.
 *
 * Returns: (transfer none) (array length=n_ids): the [property@Thredo.Thread:id] of each, the
 *   one that has waited longest first
 *
 * Since: 1.0
 */
const guint64 *
thredo_lock_info_get_waiting_ids (ThredoLockInfo *self,
                                  gsize          *n_ids)
{
  g_return_val_if_fail (n_ids != NULL, NULL);
  *n_ids = 0;
  g_return_val_if_fail (THREDO_IS_LOCK_INFO (self), NULL);

  *n_ids = self->seen.n_waiting_ids;
  return self->seen.waiting_ids;
}

/**
 * thredo_lock_info_is_abandoned:
 * @self: what was seen of a lock
 *
 * Tells whether an owner had ended without releasing the lock.
 *
 * Returns: %TRUE if it was abandoned
 *
 * Since: 1.0
 */
gboolean
thredo_lock_info_is_abandoned (ThredoLockInfo *self)
{
  g_return_val_if_fail (THREDO_IS_LOCK_INFO (self), FALSE);

  return self->seen.is_abandoned;
}
