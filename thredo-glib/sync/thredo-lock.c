/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "thredo-lock.h"

#include "thredo-error.h"
#include "thredo-hold-private.h"
#include "thredo-lockable.h"
#include "thredo-name-private.h"

/**
 * ThredoLock:
 *
 * A lock that one thread at a time can own, and that survives cancellation.
 *
 * [method@Thredo.Lock.acquire] waits while another thread owns the lock. The wait
 * can be cancelled and has deadlines like any other; a thread that gives up so steps
 * out of the line, and those behind it keep their order.
 *
 * A thread that is cancelled while it owns a lock goes on owning it until its code
 * releases it. In C a guard does so on every way out of a block, see
 * [iface@Thredo.Lockable]. If a thread ends without releasing, the library does it,
 * warns, and marks the lock as [property@Thredo.Lock:abandoned] for the next owner,
 * who had better look at what it protects.
 *
 * Those who wait are served in the order in which they came. A thread that runs may
 * go before those who would have to be woken, because that is what makes locks
 * fast, but not for longer than half a millisecond after one became the first in
 * line: then the lock is handed to it.
 *
 * The lock is not recursive: to acquire it twice is a deadlock of one thread, see
 * [func@Thredo.set_deadlock_policy]. [class@Thredo.RLock] is.
 *
 * ```c
 * if (!thredo_lock_acquire (lock, NULL, error))
 *   return FALSE;
 * total += n;
 * thredo_lock_release (lock, NULL);
 * ```
 *
 * The semantics are those of Python's
 * [threading.Lock](https://docs.python.org/3/library/threading.html#lock-objects),
 * but that only the owner may release it.
 *
 * Since: 1.0
 */

struct _ThredoLock
{
  GObject parent_instance;

  ThredoHold hold;
  ThredoName name;
};

enum
{
  PROP_0,
  PROP_NAME,
  PROP_LOCKED,
  PROP_OWNER,
  PROP_ABANDONED,
  N_PROPS
};

static void lockable_init (ThredoLockableInterface *iface);

G_DEFINE_FINAL_TYPE_WITH_CODE (ThredoLock,
                               thredo_lock,
                               G_TYPE_OBJECT,
                               G_IMPLEMENT_INTERFACE (THREDO_TYPE_LOCKABLE, lockable_init))

static GParamSpec *properties[N_PROPS];

static const char *
get_name (gpointer object)
{
  return thredo_name_get (&((ThredoLock *) object)->name);
}

static const ThredoWaitInfo acquire_info = { "thredo_lock_acquire", "acquire", "Lock", get_name };

static gboolean
lockable_acquire (ThredoLockable  *lockable,
                  GCancellable    *cancellable,
                  GError         **error)
{
  return thredo_lock_acquire (THREDO_LOCK (lockable), cancellable, error);
}

static void
lockable_acquire_async (ThredoLockable      *lockable,
                        GCancellable        *cancellable,
                        GAsyncReadyCallback  callback,
                        gpointer             user_data)
{
  thredo_lock_acquire_async (THREDO_LOCK (lockable), cancellable, callback, user_data);
}

static gboolean
lockable_acquire_finish (ThredoLockable  *lockable,
                         GAsyncResult    *result,
                         GError         **error)
{
  return thredo_lock_acquire_finish (THREDO_LOCK (lockable), result, error);
}

static gboolean
lockable_try_acquire (ThredoLockable *lockable)
{
  return thredo_lock_try_acquire (THREDO_LOCK (lockable));
}

static gboolean
lockable_release (ThredoLockable  *lockable,
                  GError         **error)
{
  return thredo_lock_release (THREDO_LOCK (lockable), error);
}

static gboolean
lockable_is_owned (ThredoLockable *lockable)
{
  return thredo_hold_is_owned (&THREDO_LOCK (lockable)->hold, thredo_slot_self ());
}

static guint
lockable_release_all (ThredoLockable *lockable)
{
  ThredoLock *self = THREDO_LOCK (lockable);
  ThredoSlot *slot = thredo_slot_self ();

  g_return_val_if_fail (thredo_hold_is_owned (&self->hold, slot), 0);

  thredo_hold_give_back (&self->hold, slot);
  return 1;
}

static void
lockable_reacquire (ThredoLockable *lockable,
                    guint           depth)
{
  ThredoLock *self = THREDO_LOCK (lockable);
  ThredoSlot *slot = thredo_slot_self ();

  g_return_if_fail (!thredo_hold_is_owned (&self->hold, slot));

  thredo_hold_reacquire (&self->hold, slot, &acquire_info);
}

static void
lockable_reacquire_async (ThredoLockable      *lockable,
                          guint                depth,
                          GAsyncReadyCallback  callback,
                          gpointer             user_data)
{
  thredo_lock_acquire_async (THREDO_LOCK (lockable), NULL, callback, user_data);
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
thredo_lock_get_property (GObject    *object,
                          guint       prop_id,
                          GValue     *value,
                          GParamSpec *pspec)
{
  ThredoLock *self = THREDO_LOCK (object);

  switch (prop_id)
    {
    case PROP_NAME:
      g_value_set_string (value, thredo_lock_get_name (self));
      break;
    case PROP_LOCKED:
      g_value_set_boolean (value, thredo_lock_is_locked (self));
      break;
    case PROP_OWNER:
      g_value_take_object (value, thredo_lock_get_owner (self));
      break;
    case PROP_ABANDONED:
      g_value_set_boolean (value, thredo_lock_get_abandoned (self));
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, prop_id, pspec);
    }
}

static void
thredo_lock_set_property (GObject      *object,
                          guint         prop_id,
                          const GValue *value,
                          GParamSpec   *pspec)
{
  ThredoLock *self = THREDO_LOCK (object);

  switch (prop_id)
    {
    case PROP_NAME:
      thredo_lock_set_name (self, g_value_get_string (value));
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, prop_id, pspec);
    }
}

static void
thredo_lock_dispose (GObject *object)
{
  thredo_hold_dispose (&THREDO_LOCK (object)->hold);

  G_OBJECT_CLASS (thredo_lock_parent_class)->dispose (object);
}

static void
thredo_lock_finalize (GObject *object)
{
  ThredoLock *self = THREDO_LOCK (object);

  thredo_hold_clear (&self->hold);
  thredo_name_clear (&self->name);

  G_OBJECT_CLASS (thredo_lock_parent_class)->finalize (object);
}

static void
thredo_lock_class_init (ThredoLockClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);

  object_class->get_property = thredo_lock_get_property;
  object_class->set_property = thredo_lock_set_property;
  object_class->dispose = thredo_lock_dispose;
  object_class->finalize = thredo_lock_finalize;

  /**
   * ThredoLock:name:
   *
   * What the lock is called where threads that wait for it are shown.
   *
   * Since: 1.0
   */
  properties[PROP_NAME] =
      g_param_spec_string ("name", NULL, NULL, NULL,
                           G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | G_PARAM_EXPLICIT_NOTIFY);
  /**
   * ThredoLock:locked:
   *
   * Whether a thread owns the lock. There is no notification of a change.
   *
   * Since: 1.0
   */
  properties[PROP_LOCKED] =
      g_param_spec_boolean ("locked", NULL, NULL, FALSE,
                            G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);
  /**
   * ThredoLock:owner:
   *
   * The thread that owns the lock. There is no notification of a change.
   *
   * Since: 1.0
   */
  properties[PROP_OWNER] =
      g_param_spec_object ("owner", NULL, NULL, THREDO_TYPE_THREAD,
                           G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);
  /**
   * ThredoLock:abandoned:
   *
   * Whether the owner before has ended without releasing the lock. It is so for the
   * next owner, until that one releases it. There is no notification of a change.
   *
   * Since: 1.0
   */
  properties[PROP_ABANDONED] =
      g_param_spec_boolean ("abandoned", NULL, NULL, FALSE,
                            G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);
  g_object_class_install_properties (object_class, N_PROPS, properties);
}

static void
thredo_lock_init (ThredoLock *self)
{
  thredo_name_init (&self->name);
  thredo_hold_init (&self->hold, "Lock", self, get_name);
}

/**
 * thredo_lock_new:
 *
 * Makes a lock that nobody owns.
 *
 * Returns: (transfer full): a new lock
 *
 * Since: 1.0
 */
ThredoLock *
thredo_lock_new (void)
{
  return g_object_new (THREDO_TYPE_LOCK, NULL);
}

/**
 * thredo_lock_acquire:
 * @self: a lock
 * @cancellable: (nullable): what else can end the wait
 * @error: return location for an error
 *
 * Acquires the lock for the calling thread, and waits while another one owns it.
 *
 * The wait ends when the lock is the caller's, by a cancel of the caller, the
 * deadline of a scope around it, or a cancel of @cancellable. If this fails, the
 * lock is not the caller's. Any thread but the loop's may call this.
 *
 * Returns: %TRUE, or %FALSE with an error: `G_IO_ERROR_CANCELLED` or
 *   `G_IO_ERROR_TIMED_OUT` ([error@Gio.IOErrorEnum]) if the wait was cancelled or
 *   too long; `THREDO_ERROR_DEADLOCK` if it would never end and the
 *   [func@Thredo.set_deadlock_policy] is to fail; `THREDO_ERROR_LOOP_THREAD`
 *
 * Since: 1.0
 */
gboolean
thredo_lock_acquire (ThredoLock    *self,
                     GCancellable  *cancellable,
                     GError       **error)
{
  ThredoSlot *slot = thredo_slot_self ();

  g_return_val_if_fail (THREDO_IS_LOCK (self), FALSE);
  g_return_val_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable), FALSE);

  if (!thredo_blocking_begin (slot, &acquire_info, cancellable, error))
    return FALSE;
  return G_LIKELY (thredo_hold_try (&self->hold, slot)) ||
         thredo_hold_acquire_slow (&self->hold, slot, &acquire_info, cancellable, error);
}

/**
 * thredo_lock_acquire_async:
 * @self: a lock
 * @cancellable: (nullable): what can end the wait
 * @callback: (scope async) (nullable): called when the lock is acquired, or not
 * @user_data: data for @callback
 *
 * Acquires the lock as soon as it is free, without blocking.
 *
 * It stands in one line with the threads that wait. The callback runs in the
 * thread-default main context of the caller, and the thread that runs that context
 * is the owner, whatever happens to @cancellable after it was handed the lock. Any
 * thread may call this.
 *
 * Since: 1.0
 */
void
thredo_lock_acquire_async (ThredoLock          *self,
                           GCancellable        *cancellable,
                           GAsyncReadyCallback  callback,
                           gpointer             user_data)
{
  g_return_if_fail (THREDO_IS_LOCK (self));
  g_return_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable));

  thredo_hold_acquire_async (&self->hold, &acquire_info, NULL, 1, cancellable,
                             thredo_lock_acquire_async, callback, user_data);
}

/**
 * thredo_lock_acquire_finish:
 * @self: a lock
 * @result: what the callback was given
 * @error: return location for an error
 *
 * Ends what [method@Thredo.Lock.acquire_async] began.
 *
 * Returns: %TRUE, or %FALSE with `G_IO_ERROR_CANCELLED`
 *   ([error@Gio.IOErrorEnum])
 *
 * Since: 1.0
 */
gboolean
thredo_lock_acquire_finish (ThredoLock    *self,
                            GAsyncResult  *result,
                            GError       **error)
{
  g_return_val_if_fail (g_task_is_valid (result, self), FALSE);

  return g_task_propagate_boolean (G_TASK (result), error);
}

/**
 * thredo_lock_try_acquire:
 * @self: a lock
 *
 * Acquires the lock for the calling thread, if nobody owns it.
 *
 * Any thread may call this. A cancel is not asked for.
 *
 * Returns: %TRUE if the lock is the caller's now, %FALSE if somebody owned it, the
 *   caller included
 *
 * Since: 1.0
 */
gboolean
thredo_lock_try_acquire (ThredoLock *self)
{
  g_return_val_if_fail (THREDO_IS_LOCK (self), FALSE);

  return thredo_hold_try_take (&self->hold, thredo_slot_self ());
}

/**
 * thredo_lock_release:
 * @self: a lock that the calling thread owns
 * @error: return location for an error
 *
 * Gives the lock up.
 *
 * It never waits, and works in a thread that was cancelled.
 *
 * Returns: %TRUE, or %FALSE with `THREDO_ERROR_NOT_OWNER` if the calling thread
 *   does not own the lock, which then stays as it was
 *
 * Since: 1.0
 */
gboolean
thredo_lock_release (ThredoLock  *self,
                     GError     **error)
{
  ThredoSlot *slot = thredo_slot_self ();

  g_return_val_if_fail (THREDO_IS_LOCK (self), FALSE);

  if (!thredo_hold_is_owned (&self->hold, slot))
    return thredo_hold_check_owned (&self->hold, slot, error);
  thredo_hold_give_back (&self->hold, slot);
  return TRUE;
}

/**
 * thredo_lock_is_locked:
 * @self: a lock
 *
 * Whether a thread owns the lock, at this moment.
 *
 * Returns: %TRUE if it is owned
 *
 * Since: 1.0
 */
gboolean
thredo_lock_is_locked (ThredoLock *self)
{
  g_return_val_if_fail (THREDO_IS_LOCK (self), FALSE);

  return thredo_owner_get_slot (&self->hold.turnstile.word) != NULL;
}

/**
 * thredo_lock_get_owner:
 * @self: a lock
 *
 * Gets the thread that owns the lock, at this moment.
 *
 * Returns: (transfer full) (nullable): the owner, or %NULL
 *
 * Since: 1.0
 */
ThredoThread *
thredo_lock_get_owner (ThredoLock *self)
{
  g_return_val_if_fail (THREDO_IS_LOCK (self), NULL);

  return thredo_hold_dup_owner (&self->hold);
}

/**
 * thredo_lock_get_abandoned:
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
thredo_lock_get_abandoned (ThredoLock *self)
{
  g_return_val_if_fail (THREDO_IS_LOCK (self), FALSE);

  return thredo_hold_is_abandoned (&self->hold);
}

/**
 * thredo_lock_get_name:
 * @self: a lock
 *
 * Gets what the lock is called.
 *
 * Returns: (transfer none) (nullable): the name, valid as long as the lock
 *
 * Since: 1.0
 */
const char *
thredo_lock_get_name (ThredoLock *self)
{
  g_return_val_if_fail (THREDO_IS_LOCK (self), NULL);

  return thredo_name_get (&self->name);
}

/**
 * thredo_lock_set_name:
 * @self: a lock
 * @name: (nullable): what to call it
 *
 * Sets what the lock is called where threads that wait for it are shown, and in
 * reports of deadlocks.
 *
 * Since: 1.0
 */
void
thredo_lock_set_name (ThredoLock *self,
                      const char *name)
{
  g_return_if_fail (THREDO_IS_LOCK (self));

  thredo_name_set (&self->name, name);
  g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_NAME]);
}
