/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "thredo-rlock.h"

#include "thredo-error.h"
#include "thredo-hold-private.h"
#include "thredo-lockable.h"
#include "thredo-name-private.h"

/**
 * ThredoRLock:
 *
 * A recursive lock: its owner may acquire it again.
 *
 * It is free when it has been released as often as it was acquired. In everything
 * else it is a [class@Thredo.Lock]: waits for it can be cancelled, it is released and
 * marked as abandoned if its owner ends without releasing it, and those who wait are
 * served in order.
 *
 * The semantics are those of Python's
 * [threading.RLock](https://docs.python.org/3/library/threading.html#rlock-objects).
 *
 * Since: 1.0
 */

struct _ThredoRLock
{
  GObject parent_instance;

  ThredoHold hold;
  ThredoName name;
  guint depth; /* the owner's alone */
};

enum
{
  PROP_0,
  PROP_NAME,
  PROP_LOCKED,
  PROP_OWNER,
  PROP_ABANDONED,
  PROP_DEPTH,
  N_PROPS
};

static void lockable_init (ThredoLockableInterface *iface);

G_DEFINE_FINAL_TYPE_WITH_CODE (ThredoRLock,
                               thredo_rlock,
                               G_TYPE_OBJECT,
                               G_IMPLEMENT_INTERFACE (THREDO_TYPE_LOCKABLE, lockable_init))

static GParamSpec *properties[N_PROPS];

static const char *
get_name (gpointer object)
{
  return thredo_name_get (&((ThredoRLock *) object)->name);
}

static const ThredoWaitInfo acquire_info = { "thredo_rlock_acquire", "acquire", "RLock", get_name };

static gboolean
acquire_again (ThredoRLock  *self,
               GError      **error)
{
  if (G_UNLIKELY (self->depth == G_MAXUINT))
    {
      g_set_error_literal (error, THREDO_ERROR, THREDO_ERROR_STATE,
                           "The lock was acquired too often");
      return FALSE;
    }
  self->depth++;
  return TRUE;
}

/* Whether callbacks of what the calling thread begins are called on it. */
static gboolean
runs_callbacks (void)
{
  if (g_main_context_get_thread_default () != NULL)
    return TRUE;
  if (!g_main_context_acquire (NULL))
    return FALSE;
  g_main_context_release (NULL);
  return TRUE;
}

static gboolean
lockable_acquire (ThredoLockable  *lockable,
                  GCancellable    *cancellable,
                  GError         **error)
{
  return thredo_rlock_acquire (THREDO_RLOCK (lockable), cancellable, error);
}

static void
lockable_acquire_async (ThredoLockable      *lockable,
                        GCancellable        *cancellable,
                        GAsyncReadyCallback  callback,
                        gpointer             user_data)
{
  thredo_rlock_acquire_async (THREDO_RLOCK (lockable), cancellable, callback, user_data);
}

static gboolean
lockable_acquire_finish (ThredoLockable  *lockable,
                         GAsyncResult    *result,
                         GError         **error)
{
  return thredo_rlock_acquire_finish (THREDO_RLOCK (lockable), result, error);
}

static gboolean
lockable_try_acquire (ThredoLockable *lockable)
{
  return thredo_rlock_try_acquire (THREDO_RLOCK (lockable));
}

static gboolean
lockable_release (ThredoLockable  *lockable,
                  GError         **error)
{
  return thredo_rlock_release (THREDO_RLOCK (lockable), error);
}

static gboolean
lockable_is_owned (ThredoLockable *lockable)
{
  return thredo_hold_is_owned (&THREDO_RLOCK (lockable)->hold, thredo_slot_self ());
}

static guint
lockable_release_all (ThredoLockable *lockable)
{
  ThredoRLock *self = THREDO_RLOCK (lockable);
  ThredoSlot *slot = thredo_slot_self ();
  guint depth;

  g_return_val_if_fail (thredo_hold_is_owned (&self->hold, slot), 0);

  depth = self->depth;
  self->depth = 0;
  thredo_hold_give_back (&self->hold, slot);
  return depth;
}

static void
lockable_reacquire (ThredoLockable *lockable,
                    guint           depth)
{
  ThredoRLock *self = THREDO_RLOCK (lockable);
  ThredoSlot *slot = thredo_slot_self ();

  g_return_if_fail (!thredo_hold_is_owned (&self->hold, slot));

  thredo_hold_reacquire (&self->hold, slot, &acquire_info);
  self->depth = depth;
}

static void
lockable_reacquire_async (ThredoLockable      *lockable,
                          guint                depth,
                          GAsyncReadyCallback  callback,
                          gpointer             user_data)
{
  ThredoRLock *self = THREDO_RLOCK (lockable);

  thredo_hold_acquire_async (&self->hold, &acquire_info, &self->depth, depth, NULL,
                             thredo_rlock_acquire_async, callback, user_data);
}

static void
lockable_init (ThredoLockableInterface *iface)
{
  iface->acquire = lockable_acquire;
  iface->acquire_async = lockable_acquire_async;
  iface->acquire_finish = lockable_acquire_finish;
  iface->try_acquire = lockable_try_acquire;
  iface->release = lockable_release;
  iface->is_owned = lockable_is_owned;
  iface->release_all = lockable_release_all;
  iface->reacquire = lockable_reacquire;
  iface->reacquire_async = lockable_reacquire_async;
}

static void
thredo_rlock_get_property (GObject    *object,
                           guint       prop_id,
                           GValue     *value,
                           GParamSpec *pspec)
{
  ThredoRLock *self = THREDO_RLOCK (object);

  switch (prop_id)
    {
    case PROP_NAME:
      g_value_set_string (value, thredo_rlock_get_name (self));
      break;
    case PROP_LOCKED:
      g_value_set_boolean (value, thredo_rlock_is_locked (self));
      break;
    case PROP_OWNER:
      g_value_take_object (value, thredo_rlock_get_owner (self));
      break;
    case PROP_ABANDONED:
      g_value_set_boolean (value, thredo_rlock_get_abandoned (self));
      break;
    case PROP_DEPTH:
      g_value_set_uint (value, thredo_rlock_get_depth (self));
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, prop_id, pspec);
    }
}

static void
thredo_rlock_set_property (GObject      *object,
                           guint         prop_id,
                           const GValue *value,
                           GParamSpec   *pspec)
{
  ThredoRLock *self = THREDO_RLOCK (object);

  switch (prop_id)
    {
    case PROP_NAME:
      thredo_rlock_set_name (self, g_value_get_string (value));
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, prop_id, pspec);
    }
}

static void
thredo_rlock_dispose (GObject *object)
{
  thredo_hold_dispose (&THREDO_RLOCK (object)->hold);

  G_OBJECT_CLASS (thredo_rlock_parent_class)->dispose (object);
}

static void
thredo_rlock_finalize (GObject *object)
{
  ThredoRLock *self = THREDO_RLOCK (object);

  thredo_hold_clear (&self->hold);
  thredo_name_clear (&self->name);

  G_OBJECT_CLASS (thredo_rlock_parent_class)->finalize (object);
}

static void
thredo_rlock_class_init (ThredoRLockClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);

  object_class->get_property = thredo_rlock_get_property;
  object_class->set_property = thredo_rlock_set_property;
  object_class->dispose = thredo_rlock_dispose;
  object_class->finalize = thredo_rlock_finalize;

  /**
   * ThredoRLock:name:
   *
   * What the lock is called where threads that wait for it are shown.
   *
   * Since: 1.0
   */
  properties[PROP_NAME] =
      g_param_spec_string ("name", NULL, NULL, NULL,
                           G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | G_PARAM_EXPLICIT_NOTIFY);
  /**
   * ThredoRLock:locked:
   *
   * Whether a thread owns the lock. There is no notification of a change.
   *
   * Since: 1.0
   */
  properties[PROP_LOCKED] =
      g_param_spec_boolean ("locked", NULL, NULL, FALSE,
                            G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);
  /**
   * ThredoRLock:owner:
   *
   * The thread that owns the lock. There is no notification of a change.
   *
   * Since: 1.0
   */
  properties[PROP_OWNER] =
      g_param_spec_object ("owner", NULL, NULL, THREDO_TYPE_THREAD,
                           G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);
  /**
   * ThredoRLock:abandoned:
   *
   * Whether the owner before has ended without releasing the lock. It is so for the
   * next owner, until that one releases it. There is no notification of a change.
   *
   * Since: 1.0
   */
  properties[PROP_ABANDONED] =
      g_param_spec_boolean ("abandoned", NULL, NULL, FALSE,
                            G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);
  /**
   * ThredoRLock:depth:
   *
   * How often the calling thread has acquired the lock and not released it. There is
   * no notification of a change.
   *
   * Since: 1.0
   */
  properties[PROP_DEPTH] =
      g_param_spec_uint ("depth", NULL, NULL, 0, G_MAXUINT, 0,
                         G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);
  g_object_class_install_properties (object_class, N_PROPS, properties);
}

static void
thredo_rlock_init (ThredoRLock *self)
{
  thredo_name_init (&self->name);
  thredo_hold_init (&self->hold, "RLock", self, get_name);
}

/**
 * thredo_rlock_new:
 *
 * Makes a recursive lock that nobody owns.
 *
 * Returns: (transfer full): a new lock
 *
 * Since: 1.0
 */
ThredoRLock *
thredo_rlock_new (void)
{
  return g_object_new (THREDO_TYPE_RLOCK, NULL);
}

/**
 * thredo_rlock_acquire:
 * @self: a lock
 * @cancellable: (nullable): what else can end the wait
 * @error: return location for an error
 *
 * Acquires the lock for the calling thread, once more if it owns it already, and
 * waits while another one owns it.
 *
 * The wait ends when the lock is the caller's, by a cancel of the caller, the
 * deadline of a scope around it, or a cancel of @cancellable. If this fails, the
 * lock is not the caller's. Any thread but the loop's may call this.
 *
 * Returns: %TRUE, or %FALSE with an error: `G_IO_ERROR_CANCELLED` or
 *   `G_IO_ERROR_TIMED_OUT` ([error@Gio.IOErrorEnum]) if the wait was cancelled or
 *   too long; `THREDO_ERROR_DEADLOCK` if it would never end and the
 *   [func@Thredo.set_deadlock_policy] is to fail; `THREDO_ERROR_STATE` if it was
 *   acquired 4,294,967,295 times already; `THREDO_ERROR_LOOP_THREAD`
 *
 * Since: 1.0
 */
gboolean
thredo_rlock_acquire (ThredoRLock   *self,
                      GCancellable  *cancellable,
                      GError       **error)
{
  ThredoSlot *slot = thredo_slot_self ();

  g_return_val_if_fail (THREDO_IS_RLOCK (self), FALSE);
  g_return_val_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable), FALSE);

  if (!thredo_blocking_begin (slot, &acquire_info, cancellable, error))
    return FALSE;
  if (thredo_hold_is_owned (&self->hold, slot))
    return acquire_again (self, error);
  if (G_UNLIKELY (!thredo_hold_try (&self->hold, slot)) &&
      !thredo_hold_acquire_slow (&self->hold, slot, &acquire_info, cancellable, error))
    return FALSE;
  self->depth = 1;
  return TRUE;
}

/**
 * thredo_rlock_acquire_async:
 * @self: a lock
 * @cancellable: (nullable): what can end the wait
 * @callback: (scope async) (nullable): called when the lock is acquired, or not
 * @user_data: data for @callback
 *
 * Acquires the lock as soon as it is free, without blocking.
 *
 * It stands in one line with the threads that wait. The callback runs in the
 * thread-default main context of the caller, and the thread that runs that context
 * is the owner, whatever happens to @cancellable after it was handed the lock. A
 * caller that owns the lock, and runs that context, has it once more at once. What is
 * begun before that is a wait of its own: of two, the second waits until the first has
 * released. Any thread may call this.
 *
 * Since: 1.0
 */
void
thredo_rlock_acquire_async (ThredoRLock         *self,
                            GCancellable        *cancellable,
                            GAsyncReadyCallback  callback,
                            gpointer             user_data)
{
  g_return_if_fail (THREDO_IS_RLOCK (self));
  g_return_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable));

  if (thredo_hold_is_owned (&self->hold, thredo_slot_self ()) && runs_callbacks () &&
      !g_cancellable_is_cancelled (cancellable))
    {
      g_autoptr(GTask) task = g_task_new (self, NULL, callback, user_data);
      GError *error = NULL;

      g_task_set_source_tag (task, thredo_rlock_acquire_async);
      if (acquire_again (self, &error))
        g_task_return_boolean (task, TRUE);
      else
        g_task_return_error (task, error);
      return;
    }

  thredo_hold_acquire_async (&self->hold, &acquire_info, &self->depth, 1, cancellable,
                             thredo_rlock_acquire_async, callback, user_data);
}

/**
 * thredo_rlock_acquire_finish:
 * @self: a lock
 * @result: what the callback was given
 * @error: return location for an error
 *
 * Ends what [method@Thredo.RLock.acquire_async] began.
 *
 * Returns: %TRUE, or %FALSE with `G_IO_ERROR_CANCELLED`
 *   ([error@Gio.IOErrorEnum])
 *
 * Since: 1.0
 */
gboolean
thredo_rlock_acquire_finish (ThredoRLock   *self,
                             GAsyncResult  *result,
                             GError       **error)
{
  g_return_val_if_fail (g_task_is_valid (result, self), FALSE);

  return g_task_propagate_boolean (G_TASK (result), error);
}

/**
 * thredo_rlock_try_acquire:
 * @self: a lock
 *
 * Acquires the lock for the calling thread, if nobody else owns it.
 *
 * Any thread may call this. A cancel is not asked for.
 *
 * Returns: %TRUE if the lock is the caller's now, or is so once more
 *
 * Since: 1.0
 */
gboolean
thredo_rlock_try_acquire (ThredoRLock *self)
{
  ThredoSlot *slot = thredo_slot_self ();

  g_return_val_if_fail (THREDO_IS_RLOCK (self), FALSE);

  if (thredo_hold_is_owned (&self->hold, slot))
    return acquire_again (self, NULL);
  if (!thredo_hold_try_take (&self->hold, slot))
    return FALSE;
  self->depth = 1;
  return TRUE;
}

/**
 * thredo_rlock_release:
 * @self: a lock that the calling thread owns
 * @error: return location for an error
 *
 * Gives the lock up, once.
 *
 * It never waits, and works in a thread that was cancelled.
 *
 * Returns: %TRUE, or %FALSE with `THREDO_ERROR_NOT_OWNER` if the calling thread
 *   does not own the lock, which then stays as it was
 *
 * Since: 1.0
 */
gboolean
thredo_rlock_release (ThredoRLock  *self,
                      GError      **error)
{
  ThredoSlot *slot = thredo_slot_self ();

  g_return_val_if_fail (THREDO_IS_RLOCK (self), FALSE);

  if (!thredo_hold_is_owned (&self->hold, slot))
    return thredo_hold_check_owned (&self->hold, slot, error);
  if (--self->depth == 0)
    thredo_hold_give_back (&self->hold, slot);
  return TRUE;
}

/**
 * thredo_rlock_is_locked:
 * @self: a lock
 *
 * Whether a thread owns the lock, at this moment.
 *
 * Returns: %TRUE if it is owned
 *
 * Since: 1.0
 */
gboolean
thredo_rlock_is_locked (ThredoRLock *self)
{
  g_return_val_if_fail (THREDO_IS_RLOCK (self), FALSE);

  return thredo_owner_get_slot (&self->hold.turnstile.word) != NULL;
}

/**
 * thredo_rlock_get_owner:
 * @self: a lock
 *
 * Gets the thread that owns the lock, at this moment.
 *
 * Returns: (transfer full) (nullable): the owner, or %NULL
 *
 * Since: 1.0
 */
ThredoThread *
thredo_rlock_get_owner (ThredoRLock *self)
{
  g_return_val_if_fail (THREDO_IS_RLOCK (self), NULL);

  return thredo_hold_dup_owner (&self->hold);
}

/**
 * thredo_rlock_get_abandoned:
 * @self: a lock
 *
 * Whether the owner before has ended without releasing the lock, so that what it
 * protects may be half done.
 *
 * It is so for the next owner, until that one releases it.
 *
 * Returns: %TRUE if it was abandoned
 *
 * Since: 1.0
 */
gboolean
thredo_rlock_get_abandoned (ThredoRLock *self)
{
  g_return_val_if_fail (THREDO_IS_RLOCK (self), FALSE);

  return thredo_hold_is_abandoned (&self->hold);
}

/**
 * thredo_rlock_get_depth:
 * @self: a lock
 *
 * Gets how often the calling thread has acquired the lock, and not released it.
 *
 * Returns: the number of times, 0 if the thread does not own it
 *
 * Since: 1.0
 */
guint
thredo_rlock_get_depth (ThredoRLock *self)
{
  g_return_val_if_fail (THREDO_IS_RLOCK (self), 0);

  return thredo_hold_is_owned (&self->hold, thredo_slot_self ()) ? self->depth : 0;
}

/**
 * thredo_rlock_get_name:
 * @self: a lock
 *
 * Gets what the lock is called.
 *
 * Returns: (transfer none) (nullable): the name, valid as long as the lock
 *
 * Since: 1.0
 */
const char *
thredo_rlock_get_name (ThredoRLock *self)
{
  g_return_val_if_fail (THREDO_IS_RLOCK (self), NULL);

  return thredo_name_get (&self->name);
}

/**
 * thredo_rlock_set_name:
 * @self: a lock
 * @name: (nullable): what to call it
 *
 * Sets what the lock is called where threads that wait for it are shown, and in
 * reports of deadlocks.
 *
 * Since: 1.0
 */
void
thredo_rlock_set_name (ThredoRLock *self,
                       const char  *name)
{
  g_return_if_fail (THREDO_IS_RLOCK (self));

  thredo_name_set (&self->name, name);
  g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_NAME]);
}
