/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "thredo-semaphore.h"

#include "thredo-async-private.h"
#include "thredo-error.h"
#include "thredo-name-private.h"
#include "turnstile.h"

/**
 * ThredoSemaphore:
 *
 * A number of permits, of which each [method@Thredo.Semaphore.acquire] takes one and
 * each [method@Thredo.Semaphore.release] gives one back.
 *
 * When there is none left, acquire waits. The wait is one like any other: a cancel, a
 * deadline or a cancellable ends it, and then no permit was taken. Where a permit and
 * a cancel arrive together, one of the two wins, and no permit is lost.
 *
 * Nobody owns a permit: any thread may release, also one that has not acquired, and
 * a thread that ends gives nothing back by itself. [class@Thredo.BoundedSemaphore]
 * refuses to have more permits than it began with.
 *
 * Those who wait are served in the order in which they came, as with a
 * [class@Thredo.Lock].
 *
 * The semantics are those of Python's
 * [threading.Semaphore](https://docs.python.org/3/library/threading.html#semaphore-objects).
 *
 * Since: 1.0
 */

/**
 * ThredoBoundedSemaphore:
 *
 * A semaphore that never has more permits than it began with.
 *
 * A release too many is most often a mistake; here it fails.
 *
 * The semantics are those of Python's
 * [BoundedSemaphore](https://docs.python.org/3/library/threading.html#threading.BoundedSemaphore).
 *
 * Since: 1.0
 */

typedef struct
{
  ThredoTurnstile turnstile;
  ThredoName name;
  guint value; /* at the beginning */
  guint most;
} ThredoSemaphorePrivate;

struct _ThredoBoundedSemaphore
{
  ThredoSemaphore parent_instance;
};

enum
{
  PROP_0,
  PROP_NAME,
  PROP_VALUE,
  N_PROPS
};

enum
{
  PROP_BOUND = 1,
  N_BOUNDED_PROPS
};

G_DEFINE_TYPE_WITH_PRIVATE (ThredoSemaphore, thredo_semaphore, G_TYPE_OBJECT)
G_DEFINE_FINAL_TYPE (ThredoBoundedSemaphore, thredo_bounded_semaphore, THREDO_TYPE_SEMAPHORE)

static GParamSpec *properties[N_PROPS];
static GParamSpec *bounded_properties[N_BOUNDED_PROPS];

static inline ThredoSemaphorePrivate *
private_of (ThredoSemaphore *self)
{
  return thredo_semaphore_get_instance_private (self);
}

static const char *
get_name (gpointer object)
{
  return thredo_name_get (&private_of (object)->name);
}

static const ThredoWaitInfo acquire_info = {
  "thredo_semaphore_acquire",
  "acquire",
  "Semaphore",
  get_name,
};

static void
thredo_semaphore_get_property (GObject    *object,
                               guint       prop_id,
                               GValue     *value,
                               GParamSpec *pspec)
{
  ThredoSemaphore *self = THREDO_SEMAPHORE (object);

  switch (prop_id)
    {
    case PROP_NAME:
      g_value_set_string (value, thredo_semaphore_get_name (self));
      break;
    case PROP_VALUE:
      g_value_set_uint (value, thredo_semaphore_get_value (self));
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, prop_id, pspec);
    }
}

static void
thredo_semaphore_set_property (GObject      *object,
                               guint         prop_id,
                               const GValue *value,
                               GParamSpec   *pspec)
{
  ThredoSemaphore *self = THREDO_SEMAPHORE (object);

  switch (prop_id)
    {
    case PROP_NAME:
      thredo_semaphore_set_name (self, g_value_get_string (value));
      break;
    case PROP_VALUE:
      private_of (self)->value = g_value_get_uint (value);
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, prop_id, pspec);
    }
}

static void
thredo_semaphore_constructed (GObject *object)
{
  ThredoSemaphorePrivate *priv = private_of (THREDO_SEMAPHORE (object));

  priv->most = THREDO_IS_BOUNDED_SEMAPHORE (object) ? priv->value : G_MAXINT;
  thredo_turnstile_give_permits (&priv->turnstile, priv->value, G_MAXINT);

  G_OBJECT_CLASS (thredo_semaphore_parent_class)->constructed (object);
}

static void
thredo_semaphore_finalize (GObject *object)
{
  ThredoSemaphorePrivate *priv = private_of (THREDO_SEMAPHORE (object));

  thredo_turnstile_clear (&priv->turnstile);
  thredo_name_clear (&priv->name);

  G_OBJECT_CLASS (thredo_semaphore_parent_class)->finalize (object);
}

static void
thredo_semaphore_class_init (ThredoSemaphoreClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);

  object_class->get_property = thredo_semaphore_get_property;
  object_class->set_property = thredo_semaphore_set_property;
  object_class->constructed = thredo_semaphore_constructed;
  object_class->finalize = thredo_semaphore_finalize;

  /**
   * ThredoSemaphore:name:
   *
   * What the semaphore is called where threads that wait for it are shown.
   *
   * Since: 1.0
   */
  properties[PROP_NAME] =
      g_param_spec_string ("name", NULL, NULL, NULL,
                           G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | G_PARAM_EXPLICIT_NOTIFY);
  /**
   * ThredoSemaphore:value:
   *
   * How many permits there are. There is no notification of a change.
   *
   * Since: 1.0
   */
  properties[PROP_VALUE] =
      g_param_spec_uint ("value", NULL, NULL, 0, G_MAXINT, 1,
                         G_PARAM_READWRITE | G_PARAM_CONSTRUCT_ONLY | G_PARAM_STATIC_STRINGS);
  g_object_class_install_properties (object_class, N_PROPS, properties);
}

static void
thredo_semaphore_init (ThredoSemaphore *self)
{
  ThredoSemaphorePrivate *priv = private_of (self);

  thredo_name_init (&priv->name);
  thredo_turnstile_init (&priv->turnstile, TRUE);
}

static void
thredo_bounded_semaphore_get_property (GObject    *object,
                                       guint       prop_id,
                                       GValue     *value,
                                       GParamSpec *pspec)
{
  switch (prop_id)
    {
    case PROP_BOUND:
      g_value_set_uint (value,
                        thredo_bounded_semaphore_get_bound (THREDO_BOUNDED_SEMAPHORE (object)));
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, prop_id, pspec);
    }
}

static void
thredo_bounded_semaphore_class_init (ThredoBoundedSemaphoreClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);

  object_class->get_property = thredo_bounded_semaphore_get_property;

  /**
   * ThredoBoundedSemaphore:bound:
   *
   * How many permits there were at the beginning, and are at most.
   *
   * Since: 1.0
   */
  bounded_properties[PROP_BOUND] =
      g_param_spec_uint ("bound", NULL, NULL, 0, G_MAXINT, 1,
                         G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);
  g_object_class_install_properties (object_class, N_BOUNDED_PROPS, bounded_properties);
}

static void
thredo_bounded_semaphore_init (ThredoBoundedSemaphore *self)
{
}

/**
 * thredo_semaphore_new:
 * @value: how many permits there are at the beginning, at most %G_MAXINT
 *
 * Makes a semaphore.
 *
 * Returns: (transfer full): a new semaphore
 *
 * Since: 1.0
 */
ThredoSemaphore *
thredo_semaphore_new (guint value)
{
  g_return_val_if_fail (value <= G_MAXINT, NULL);

  return g_object_new (THREDO_TYPE_SEMAPHORE, "value", value, NULL);
}

static gboolean
acquire_slow (ThredoSemaphore  *self,
              ThredoSlot       *slot,
              GCancellable     *cancellable,
              GError          **error)
{
  ThredoWaitState outcome;

  /* Until nobody waits for it any more. */
  g_object_ref (self);
  outcome = thredo_turnstile_wait (&private_of (self)->turnstile, slot, &acquire_info, self,
                                   cancellable, NULL);
  if (outcome != THREDO_WAIT_DONE)
    thredo_blocking_set_error (slot, &acquire_info, outcome, cancellable, error);
  g_object_unref (self);

  return outcome == THREDO_WAIT_DONE;
}

/**
 * thredo_semaphore_acquire:
 * @self: a semaphore
 * @cancellable: (nullable): what else can end the wait
 * @error: return location for an error
 *
 * Takes a permit, and waits while there is none.
 *
 * The wait ends with a permit, by a cancel of the caller, the deadline of a scope
 * around it, or a cancel of @cancellable. If this fails, no permit was taken. Any
 * thread but the loop's may call this.
 *
 * Returns: %TRUE, or %FALSE with an error: `G_IO_ERROR_CANCELLED` or
 *   `G_IO_ERROR_TIMED_OUT` ([error@Gio.IOErrorEnum]) if the wait was cancelled or
 *   too long; `THREDO_ERROR_LOOP_THREAD`
 *
 * Since: 1.0
 */
gboolean
thredo_semaphore_acquire (ThredoSemaphore  *self,
                          GCancellable     *cancellable,
                          GError          **error)
{
  ThredoSlot *slot = thredo_slot_self ();

  g_return_val_if_fail (THREDO_IS_SEMAPHORE (self), FALSE);
  g_return_val_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable), FALSE);

  if (!thredo_blocking_begin (slot, &acquire_info, cancellable, error))
    return FALSE;
  return G_LIKELY (thredo_turnstile_take (&private_of (self)->turnstile, slot)) ||
         acquire_slow (self, slot, cancellable, error);
}

/* A permit for a task. */
typedef struct
{
  ThredoAsync async;
  ThredoTicket ticket;
} AcquireAsync;

static gboolean
acquire_async_finish (ThredoAsync     *async,
                      ThredoWaitState  outcome)
{
  ThredoSemaphore *self = g_task_get_source_object (async->task);

  if (outcome == THREDO_WAIT_DONE)
    {
      g_task_return_boolean (async->task, TRUE);
      return TRUE;
    }

  thredo_turnstile_step_out (&private_of (self)->turnstile, &async->wait);
  thredo_async_return_error (async, outcome);
  return TRUE;
}

/**
 * thredo_semaphore_acquire_async:
 * @self: a semaphore
 * @cancellable: (nullable): what can end the wait
 * @callback: (scope async) (nullable): called when a permit was taken, or not
 * @user_data: data for @callback
 *
 * Takes a permit as soon as there is one, without blocking.
 *
 * Stands in one line with the threads that wait. The callback runs in the
 * thread-default main context of the caller, and has the permit whatever happens to
 * @cancellable after it was handed over. Any thread may call this.
 *
 * Since: 1.0
 */
void
thredo_semaphore_acquire_async (ThredoSemaphore     *self,
                                GCancellable        *cancellable,
                                GAsyncReadyCallback  callback,
                                gpointer             user_data)
{
  g_autoptr(GTask) task = NULL;
  AcquireAsync *acquire_async;

  g_return_if_fail (THREDO_IS_SEMAPHORE (self));
  g_return_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable));

  task = g_task_new (self, cancellable, callback, user_data);
  g_task_set_source_tag (task, thredo_semaphore_acquire_async);
  if (g_task_return_error_if_cancelled (task))
    return;

  acquire_async = (AcquireAsync *) thredo_async_new (sizeof (AcquireAsync), task, &acquire_info,
                                                     acquire_async_finish);
  acquire_async->async.wait.payload = &acquire_async->ticket;
  thredo_turnstile_line_up_task (&private_of (self)->turnstile, &acquire_async->async.wait);
  thredo_async_start (&acquire_async->async);
}

/**
 * thredo_semaphore_acquire_finish:
 * @self: a semaphore
 * @result: what the callback was given
 * @error: return location for an error
 *
 * Ends what [method@Thredo.Semaphore.acquire_async] began.
 *
 * Returns: %TRUE, or %FALSE with `G_IO_ERROR_CANCELLED`
 *   ([error@Gio.IOErrorEnum])
 *
 * Since: 1.0
 */
gboolean
thredo_semaphore_acquire_finish (ThredoSemaphore  *self,
                                 GAsyncResult     *result,
                                 GError          **error)
{
  g_return_val_if_fail (g_task_is_valid (result, self), FALSE);

  return g_task_propagate_boolean (G_TASK (result), error);
}

/**
 * thredo_semaphore_try_acquire:
 * @self: a semaphore
 *
 * Takes a permit, if there is one.
 *
 * Any thread may call this. A cancel is not asked for.
 *
 * Returns: %TRUE if a permit was taken
 *
 * Since: 1.0
 */
gboolean
thredo_semaphore_try_acquire (ThredoSemaphore *self)
{
  g_return_val_if_fail (THREDO_IS_SEMAPHORE (self), FALSE);

  return thredo_turnstile_take (&private_of (self)->turnstile, NULL);
}

/**
 * thredo_semaphore_release:
 * @self: a semaphore
 * @error: return location for an error
 *
 * Gives a permit.
 *
 * It never waits, and works in a thread that was cancelled. Any thread may call
 * this.
 *
 * Returns: %TRUE, or %FALSE with `THREDO_ERROR_STATE` if there would be more permits
 *   than a bounded semaphore began with, or than %G_MAXINT; the value stays as it was
 *
 * Since: 1.0
 */
gboolean
thredo_semaphore_release (ThredoSemaphore  *self,
                          GError          **error)
{
  return thredo_semaphore_release_many (self, 1, error);
}

/**
 * thredo_semaphore_release_many:
 * @self: a semaphore
 * @n: how many permits, at least 1
 * @error: return location for an error
 *
 * Gives several permits at once.
 *
 * Returns: as [method@Thredo.Semaphore.release]; if it fails, none was given
 *
 * Since: 1.0
 */
gboolean
thredo_semaphore_release_many (ThredoSemaphore  *self,
                               guint             n,
                               GError          **error)
{
  ThredoSemaphorePrivate *priv;

  g_return_val_if_fail (THREDO_IS_SEMAPHORE (self), FALSE);
  g_return_val_if_fail (n > 0, FALSE);

  priv = private_of (self);
  if (G_LIKELY (thredo_turnstile_give_permits (&priv->turnstile, n, priv->most)))
    return TRUE;

  g_set_error (error, THREDO_ERROR, THREDO_ERROR_STATE,
               "Semaphore" THREDO_NAME_FORMAT " was released too often: it has room for %u permits",
               THREDO_NAME_ARGS (thredo_semaphore_get_name (self)), priv->most);
  return FALSE;
}

/**
 * thredo_semaphore_get_value:
 * @self: a semaphore
 *
 * Gets how many permits there are, at this moment.
 *
 * Returns: a number of permits
 *
 * Since: 1.0
 */
guint
thredo_semaphore_get_value (ThredoSemaphore *self)
{
  g_return_val_if_fail (THREDO_IS_SEMAPHORE (self), 0);

  return (guint) (thredo_turnstile_get_word (&private_of (self)->turnstile) /
                  THREDO_TURNSTILE_PERMIT);
}

/**
 * thredo_semaphore_get_name:
 * @self: a semaphore
 *
 * Gets what the semaphore is called.
 *
 * Returns: (transfer none) (nullable): the name, valid as long as the semaphore
 *
 * Since: 1.0
 */
const char *
thredo_semaphore_get_name (ThredoSemaphore *self)
{
  g_return_val_if_fail (THREDO_IS_SEMAPHORE (self), NULL);

  return thredo_name_get (&private_of (self)->name);
}

/**
 * thredo_semaphore_set_name:
 * @self: a semaphore
 * @name: (nullable): what to call it
 *
 * Sets what the semaphore is called where threads that wait for it are shown.
 *
 * Since: 1.0
 */
void
thredo_semaphore_set_name (ThredoSemaphore *self,
                           const char      *name)
{
  g_return_if_fail (THREDO_IS_SEMAPHORE (self));

  thredo_name_set (&private_of (self)->name, name);
  g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_NAME]);
}

/**
 * thredo_bounded_semaphore_new:
 * @bound: how many permits there are at the beginning, and at most
 *
 * Makes a semaphore that refuses more permits than it began with.
 *
 * Returns: (transfer full): a new semaphore
 *
 * Since: 1.0
 */
ThredoBoundedSemaphore *
thredo_bounded_semaphore_new (guint bound)
{
  g_return_val_if_fail (bound <= G_MAXINT, NULL);

  return g_object_new (THREDO_TYPE_BOUNDED_SEMAPHORE, "value", bound, NULL);
}

/**
 * thredo_bounded_semaphore_get_bound:
 * @self: a semaphore
 *
 * Gets how many permits there were at the beginning, and are at most.
 *
 * Returns: a number of permits
 *
 * Since: 1.0
 */
guint
thredo_bounded_semaphore_get_bound (ThredoBoundedSemaphore *self)
{
  g_return_val_if_fail (THREDO_IS_BOUNDED_SEMAPHORE (self), 0);

  return private_of (THREDO_SEMAPHORE (self))->most;
}

/**
 * thredo_semaphore_guard_new: (skip)
 * @semaphore: (transfer none): a semaphore
 * @cancellable: (nullable): what else can end the wait
 * @error: return location for an error
 *
 * Takes a permit, and gives it back on every way out of the block.
 *
 * ```c
 * g_autoptr(ThredoSemaphoreGuard) guard = NULL;
 *
 * guard = thredo_semaphore_guard_new (semaphore, NULL, error);
 * if (guard == NULL)
 *   return FALSE;
 * ```
 *
 * The guard takes no reference.
 *
 * Returns: (transfer full) (nullable): the guard, or %NULL with an error as of
 *   [method@Thredo.Semaphore.acquire]
 *
 * Since: 1.0
 */
ThredoSemaphoreGuard *
thredo_semaphore_guard_new (ThredoSemaphore  *semaphore,
                            GCancellable     *cancellable,
                            GError          **error)
{
  return thredo_semaphore_acquire (semaphore, cancellable, error)
             ? (ThredoSemaphoreGuard *) semaphore
             : NULL;
}

/**
 * thredo_semaphore_guard_free: (skip)
 * @guard: (transfer full): a guard
 *
 * Gives the permit back.
 *
 * Since: 1.0
 */
void
thredo_semaphore_guard_free (ThredoSemaphoreGuard *guard)
{
  g_autoptr(GError) error = NULL;

  g_return_if_fail (guard != NULL);

  if (!thredo_semaphore_release (THREDO_SEMAPHORE (guard), &error))
    g_critical ("A guard could not give its permit back: %s", error->message);
}
