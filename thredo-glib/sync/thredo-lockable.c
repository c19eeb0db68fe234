/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "thredo-lockable.h"

#include "slot.h"
#include "thredo-scope.h"

/**
 * ThredoLockable:
 *
 * What one thread at a time can own: [class@Thredo.Lock] and
 * [class@Thredo.RLock], and types of others that implement it.
 *
 * It is what [class@Thredo.Condition] works on, and, in C, the guard:
 *
 * ```c
 * static gboolean
 * add (Account *account, int amount, GError **error)
 * {
 *   g_autoptr(ThredoLockGuard) guard = NULL;
 *
 *   guard = thredo_lock_guard_new (THREDO_LOCKABLE (account->lock), NULL, error);
 *   if (guard == NULL)
 *     return FALSE;
 *   account->balance += amount;
 *   return TRUE;
 * }
 * ```
 *
 * Since: 1.0
 */

G_DEFINE_INTERFACE (ThredoLockable, thredo_lockable, G_TYPE_OBJECT)

/* A type of somebody else may fail without saying why. */
static const char *
get_reason (const GError *error)
{
  return error != NULL ? error->message : "no reason was given";
}

static guint
thredo_lockable_default_release_all (ThredoLockable *self)
{
  g_autoptr(GError) error = NULL;

  if (thredo_lockable_release (self, &error))
    return 1;
  g_critical ("A %s could not be released: %s", G_OBJECT_TYPE_NAME (self), get_reason (error));
  return 0;
}

static void
thredo_lockable_default_reacquire (ThredoLockable *self,
                                   guint           depth)
{
  g_autoptr(ThredoScope) shield = thredo_scope_new_shielded ();
  ThredoSlot *slot = thredo_slot_self ();

  thredo_scope_enter (shield);
  slot->n_bound++;
  for (guint i = 0; i < depth; i++)
    {
      g_autoptr(GError) error = NULL;

      if (!thredo_lockable_acquire (self, NULL, &error))
        g_critical ("A %s could not be acquired again: %s",
                    G_OBJECT_TYPE_NAME (self), get_reason (error));
    }
  slot->n_bound--;
  thredo_scope_leave (shield);
}

static void
thredo_lockable_default_acquire_async (ThredoLockable      *self,
                                       GCancellable        *cancellable,
                                       GAsyncReadyCallback  callback,
                                       gpointer             user_data)
{
  g_task_report_new_error (self, callback, user_data, thredo_lockable_acquire_async,
                           G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED,
                           "A %s cannot be acquired asynchronously", G_OBJECT_TYPE_NAME (self));
}

static gboolean
thredo_lockable_default_acquire_finish (ThredoLockable  *self,
                                        GAsyncResult    *result,
                                        GError         **error)
{
  g_return_val_if_fail (g_task_is_valid (result, self), FALSE);

  return g_task_propagate_boolean (G_TASK (result), error);
}

static void
thredo_lockable_default_init (ThredoLockableInterface *iface)
{
  iface->release_all = thredo_lockable_default_release_all;
  iface->reacquire = thredo_lockable_default_reacquire;
  iface->acquire_async = thredo_lockable_default_acquire_async;
  iface->acquire_finish = thredo_lockable_default_acquire_finish;
}

/**
 * thredo_lockable_acquire:
 * @self: a lock
 * @cancellable: (nullable): what else can end the wait
 * @error: return location for an error
 *
 * Acquires it for the calling thread, and waits while another one has it.
 *
 * The wait ends when it is the caller's, by a cancel of the caller, the deadline
 * of a scope around it, or a cancel of @cancellable. If this fails, it is not the
 * caller's. Any thread but the loop's may call this.
 *
 * Returns: %TRUE, or %FALSE with an error: `G_IO_ERROR_CANCELLED` or
 *   `G_IO_ERROR_TIMED_OUT` ([error@Gio.IOErrorEnum]) if the wait was cancelled or
 *   too long; `THREDO_ERROR_DEADLOCK` if it would never end and the
 *   [func@Thredo.set_deadlock_policy] is to fail; `THREDO_ERROR_LOOP_THREAD`
 *
 * Since: 1.0
 */
gboolean
thredo_lockable_acquire (ThredoLockable  *self,
                         GCancellable    *cancellable,
                         GError         **error)
{
  g_return_val_if_fail (THREDO_IS_LOCKABLE (self), FALSE);
  g_return_val_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable), FALSE);

  return THREDO_LOCKABLE_GET_IFACE (self)->acquire (self, cancellable, error);
}

/**
 * thredo_lockable_acquire_async:
 * @self: a lock
 * @cancellable: (nullable): what can end the wait
 * @callback: (scope async) (nullable): called when it is acquired, or not
 * @user_data: data for @callback
 *
 * Acquires it as soon as it is free, without blocking.
 *
 * It stands in one line with the threads that wait. The callback runs in the
 * thread-default main context of the caller, and the thread that runs that context
 * is the owner. Any thread may call this.
 *
 * Since: 1.0
 */
void
thredo_lockable_acquire_async (ThredoLockable      *self,
                               GCancellable        *cancellable,
                               GAsyncReadyCallback  callback,
                               gpointer             user_data)
{
  g_return_if_fail (THREDO_IS_LOCKABLE (self));
  g_return_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable));

  THREDO_LOCKABLE_GET_IFACE (self)->acquire_async (self, cancellable, callback, user_data);
}

/**
 * thredo_lockable_acquire_finish:
 * @self: a lock
 * @result: what the callback was given
 * @error: return location for an error
 *
 * Ends what [method@Thredo.Lockable.acquire_async] or
 * [method@Thredo.Lockable.reacquire_async] began.
 *
 * Returns: as [method@Thredo.Lockable.acquire]; or %FALSE with
 *   `G_IO_ERROR_NOT_SUPPORTED` ([error@Gio.IOErrorEnum]) for a type that has no such
 *   form
 *
 * Since: 1.0
 */
gboolean
thredo_lockable_acquire_finish (ThredoLockable  *self,
                                GAsyncResult    *result,
                                GError         **error)
{
  g_return_val_if_fail (THREDO_IS_LOCKABLE (self), FALSE);
  g_return_val_if_fail (G_IS_ASYNC_RESULT (result), FALSE);

  /* What the default has said is not the type's to finish. */
  if (g_async_result_is_tagged (result, thredo_lockable_acquire_async))
    return thredo_lockable_default_acquire_finish (self, result, error);
  return THREDO_LOCKABLE_GET_IFACE (self)->acquire_finish (self, result, error);
}

/**
 * thredo_lockable_try_acquire:
 * @self: a lock
 *
 * Acquires it for the calling thread, if that takes no waiting.
 *
 * Any thread may call this. A cancel is not asked for.
 *
 * Returns: %TRUE if it is the caller's
 *
 * Since: 1.0
 */
gboolean
thredo_lockable_try_acquire (ThredoLockable *self)
{
  g_return_val_if_fail (THREDO_IS_LOCKABLE (self), FALSE);

  return THREDO_LOCKABLE_GET_IFACE (self)->try_acquire (self);
}

/**
 * thredo_lockable_release:
 * @self: a lock that the calling thread owns
 * @error: return location for an error
 *
 * Gives it up.
 *
 * Returns: %TRUE, or %FALSE with `THREDO_ERROR_NOT_OWNER` if the calling thread
 *   does not own it
 *
 * Since: 1.0
 */
gboolean
thredo_lockable_release (ThredoLockable  *self,
                         GError         **error)
{
  g_return_val_if_fail (THREDO_IS_LOCKABLE (self), FALSE);

  return THREDO_LOCKABLE_GET_IFACE (self)->release (self, error);
}

/**
 * thredo_lockable_is_owned:
 * @self: a lock
 *
 * Whether the calling thread owns it.
 *
 * Returns: %TRUE if it may release it
 *
 * Since: 1.0
 */
gboolean
thredo_lockable_is_owned (ThredoLockable *self)
{
  g_return_val_if_fail (THREDO_IS_LOCKABLE (self), FALSE);

  return THREDO_LOCKABLE_GET_IFACE (self)->is_owned (self);
}

/**
 * thredo_lockable_release_all:
 * @self: a lock that the calling thread owns
 *
 * Gives it up, however often the thread has acquired it. For conditions, and their
 * like.
 *
 * Returns: how often it was acquired, for [method@Thredo.Lockable.reacquire]
 *
 * Since: 1.0
 */
guint
thredo_lockable_release_all (ThredoLockable *self)
{
  g_return_val_if_fail (THREDO_IS_LOCKABLE (self), 0);

  return THREDO_LOCKABLE_GET_IFACE (self)->release_all (self);
}

/**
 * thredo_lockable_reacquire:
 * @self: a lock that the calling thread does not own
 * @depth: what [method@Thredo.Lockable.release_all] has returned
 *
 * Waits until it is the caller's again, as deep as it was.
 *
 * Nothing else ends the wait: no cancel, and no deadline.
 *
 * Since: 1.0
 */
void
thredo_lockable_reacquire (ThredoLockable *self,
                           guint           depth)
{
  g_return_if_fail (THREDO_IS_LOCKABLE (self));

  if (depth > 0)
    THREDO_LOCKABLE_GET_IFACE (self)->reacquire (self, depth);
}

/**
 * thredo_lockable_reacquire_async: (skip)
 * @self: a lock
 * @depth: what [method@Thredo.Lockable.release_all] has returned
 * @callback: (scope async) (nullable): called when it is acquired
 * @user_data: data for @callback
 *
 * The same as [method@Thredo.Lockable.reacquire], without blocking. It is ended by
 * [method@Thredo.Lockable.acquire_finish].
 *
 * Since: 1.0
 */
void
thredo_lockable_reacquire_async (ThredoLockable      *self,
                                 guint                depth,
                                 GAsyncReadyCallback  callback,
                                 gpointer             user_data)
{
  ThredoLockableInterface *iface;

  g_return_if_fail (THREDO_IS_LOCKABLE (self));

  iface = THREDO_LOCKABLE_GET_IFACE (self);
  if (iface->reacquire_async != NULL)
    iface->reacquire_async (self, depth, callback, user_data);
  else
    thredo_lockable_default_acquire_async (self, NULL, callback, user_data);
}

/**
 * thredo_lock_guard_new: (skip)
 * @lockable: (transfer none): a lock
 * @cancellable: (nullable): what else can end the wait
 * @error: return location for an error
 *
 * Acquires a lock, and releases it on every way out of the block.
 *
 * ```c
 * g_autoptr(ThredoLockGuard) guard = NULL;
 *
 * guard = thredo_lock_guard_new (THREDO_LOCKABLE (lock), NULL, error);
 * if (guard == NULL)
 *   return FALSE;
 * ```
 *
 * The guard takes no reference. To release earlier, use `g_clear_pointer (&guard,
 * thredo_lock_guard_free)`.
 *
 * Returns: (transfer full) (nullable): the guard, or %NULL with an error as of
 *   [method@Thredo.Lockable.acquire]
 *
 * Since: 1.0
 */
ThredoLockGuard *
thredo_lock_guard_new (ThredoLockable  *lockable,
                       GCancellable    *cancellable,
                       GError         **error)
{
  return thredo_lockable_acquire (lockable, cancellable, error) ? (ThredoLockGuard *) lockable
                                                                : NULL;
}

/**
 * thredo_lock_guard_free: (skip)
 * @guard: (transfer full): a guard
 *
 * Releases the lock. To do so on another thread than the one that made the guard is
 * a programming error, and changes nothing.
 *
 * Since: 1.0
 */
void
thredo_lock_guard_free (ThredoLockGuard *guard)
{
  g_autoptr(GError) error = NULL;

  g_return_if_fail (guard != NULL);

  if (!thredo_lockable_release (THREDO_LOCKABLE (guard), &error))
    g_critical ("A guard could not release its lock: %s", get_reason (error));
}
