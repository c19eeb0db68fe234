/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "thredo-scope-private.h"

/**
 * ThredoScope:
 *
 * A stretch of code whose waits end together: at a deadline, or when the scope
 * is cancelled.
 *
 * A thread enters a scope, and from then until it leaves every blocking call
 * it makes is surrounded by it. When the deadline passes, a call that waits
 * fails with `G_IO_ERROR_TIMED_OUT`, and so does every further one inside the
 * scope. A cancel by [method@Thredo.Scope.cancel] does the same with
 * `G_IO_ERROR_CANCELLED`.
 *
 * Scopes nest, and the nearest deadline counts. Whether it was this scope's
 * own deadline that passed, and not that of one further out, tells
 * [method@Thredo.Scope.is_expired].
 *
 * A shielded scope keeps everything outside out: a cancel of the thread and
 * the cancels and deadlines of outer scopes do not reach the calls in it. It is
 * for clean-up that has to block. Its own deadline and cancel still count, and
 * it is well given one.
 *
 * While a scope is entered its [class@Gio.Cancellable] is what
 * [func@Gio.Cancellable.get_current] and [func@Thredo.get_cancellable] return.
 * It is cancelled whenever the waits inside the scope would fail, for
 * whichever reason, so code that only knows of cancellables takes part.
 *
 * ```c
 * g_autoptr(ThredoScope) scope = thredo_scope_new_with_timeout (2 * G_TIME_SPAN_SECOND);
 *
 * thredo_scope_enter (scope);
 * item = thredo_queue_get_pointer (queue, NULL, &error);
 * thredo_scope_leave (scope);
 *
 * if (thredo_scope_is_expired (scope))
 *   g_print ("nothing came within two seconds\n");
 * ```
 *
 * The semantics are those of
 * [Trio's cancel scopes](https://trio.readthedocs.io/en/stable/reference-core.html).
 *
 * Since: 1.0
 */

struct _ThredoScope
{
  GObject parent_instance;

  ThredoLevel level;
};

enum
{
  PROP_0,
  PROP_DEADLINE,
  PROP_SHIELDED,
  N_PROPS
};

G_DEFINE_FINAL_TYPE (ThredoScope, thredo_scope, G_TYPE_OBJECT)

static GParamSpec *properties[N_PROPS];

static ThredoScope *
scope_of (ThredoLevel *level)
{
  return (ThredoScope *) ((char *) level - G_STRUCT_OFFSET (ThredoScope, level));
}

/* Leaves the scopes that a thread has not left before it ended. */
void
thredo_scope_leave_all (ThredoSlot  *slot,
                        ThredoLevel *until)
{
  while (slot->innermost != until)
    {
      ThredoScope *self = scope_of (slot->innermost);

      g_critical ("A thread ended inside a scope that it has not left");
      thredo_level_leave (&self->level, TRUE);
      g_object_unref (self);
    }
}

static void
thredo_scope_get_property (GObject    *object,
                           guint       prop_id,
                           GValue     *value,
                           GParamSpec *pspec)
{
  ThredoScope *self = THREDO_SCOPE (object);

  switch (prop_id)
    {
    case PROP_DEADLINE:
      g_value_set_int64 (value, thredo_scope_get_deadline (self));
      break;
    case PROP_SHIELDED:
      g_value_set_boolean (value, thredo_scope_get_shielded (self));
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, prop_id, pspec);
    }
}

static void
thredo_scope_set_property (GObject      *object,
                           guint         prop_id,
                           const GValue *value,
                           GParamSpec   *pspec)
{
  ThredoScope *self = THREDO_SCOPE (object);

  switch (prop_id)
    {
    case PROP_DEADLINE:
      thredo_scope_set_deadline (self, g_value_get_int64 (value));
      break;
    case PROP_SHIELDED:
      thredo_scope_set_shielded (self, g_value_get_boolean (value));
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, prop_id, pspec);
    }
}

static void
thredo_scope_finalize (GObject *object)
{
  ThredoScope *self = THREDO_SCOPE (object);

  thredo_level_clear (&self->level);

  G_OBJECT_CLASS (thredo_scope_parent_class)->finalize (object);
}

static void
thredo_scope_class_init (ThredoScopeClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);

  object_class->get_property = thredo_scope_get_property;
  object_class->set_property = thredo_scope_set_property;
  object_class->finalize = thredo_scope_finalize;

  /**
   * ThredoScope:deadline:
   *
   * When the scope expires, in microseconds of [func@GLib.get_monotonic_time];
   * [const@Thredo.NO_DEADLINE] for never.
   *
   * Since: 1.0
   */
  properties[PROP_DEADLINE] =
      g_param_spec_int64 ("deadline", NULL, NULL,
                          G_MININT64, G_MAXINT64, THREDO_NO_DEADLINE,
                          G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | G_PARAM_EXPLICIT_NOTIFY);
  /**
   * ThredoScope:shielded:
   *
   * Whether cancels and deadlines from outside are kept out.
   *
   * Since: 1.0
   */
  properties[PROP_SHIELDED] =
      g_param_spec_boolean ("shielded", NULL, NULL, FALSE,
                            G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | G_PARAM_EXPLICIT_NOTIFY);
  g_object_class_install_properties (object_class, N_PROPS, properties);
}

static void
thredo_scope_init (ThredoScope *self)
{
  thredo_level_init (&self->level);
}

/**
 * thredo_scope_new:
 *
 * Makes a scope with no deadline.
 *
 * Returns: (transfer full): a new scope
 *
 * Since: 1.0
 */
ThredoScope *
thredo_scope_new (void)
{
  return g_object_new (THREDO_TYPE_SCOPE, NULL);
}

/**
 * thredo_scope_new_with_timeout:
 * @timeout: microseconds from now, not negative
 *
 * Makes a scope that expires after a time.
 *
 * The time starts now, not when the scope is entered. A timeout of 0 lets no
 * blocking call in the scope succeed, and one too long for the clock is none.
 *
 * Returns: (transfer full): a new scope
 *
 * Since: 1.0
 */
ThredoScope *
thredo_scope_new_with_timeout (GTimeSpan timeout)
{
  ThredoScope *self;
  gint64 now = g_get_monotonic_time ();

  g_return_val_if_fail (timeout >= 0, NULL);

  self = thredo_scope_new ();
  thredo_level_set_deadline (&self->level,
                             timeout < THREDO_NO_DEADLINE - now ? now + timeout
                                                                : THREDO_NO_DEADLINE);
  return self;
}

/**
 * thredo_scope_new_shielded:
 *
 * Makes a scope that keeps out what surrounds it.
 *
 * Returns: (transfer full): a new scope
 *
 * Since: 1.0
 */
ThredoScope *
thredo_scope_new_shielded (void)
{
  ThredoScope *self = thredo_scope_new ();

  thredo_scope_set_shielded (self, TRUE);
  return self;
}

/**
 * thredo_scope_enter:
 * @self: a scope
 *
 * Surrounds the calling thread with the scope, until
 * [method@Thredo.Scope.leave].
 *
 * A scope is entered by one thread at a time. It may be entered again after it
 * was left; that it was cancelled or has expired stays so. The thread holds a
 * reference to it meanwhile.
 *
 * To enter a scope that is entered already is a programming error, and changes
 * nothing. Any thread may call this.
 *
 * Since: 1.0
 */
void
thredo_scope_enter (ThredoScope *self)
{
  ThredoSlot *slot = thredo_slot_self ();
  gboolean entered;

  g_return_if_fail (THREDO_IS_SCOPE (self));

  thredo_mutex_lock (&self->level.lock);
  entered = self->level.slot != NULL;
  thredo_mutex_unlock (&self->level.lock);
  if (entered)
    {
      g_critical ("A scope was entered that is entered already");
      return;
    }

  g_object_ref (self);
  thredo_level_enter (&self->level, slot, TRUE);
}

/**
 * thredo_scope_leave:
 * @self: the scope that the calling thread has entered last
 *
 * Ends what [method@Thredo.Scope.enter] began.
 *
 * To leave a scope that is not entered, on another thread than the one that
 * entered it, or before one that was entered after it, is a programming error,
 * and changes nothing.
 *
 * Since: 1.0
 */
void
thredo_scope_leave (ThredoScope *self)
{
  ThredoSlot *slot = thredo_slot_self ();
  ThredoSlot *entered;

  g_return_if_fail (THREDO_IS_SCOPE (self));

  thredo_mutex_lock (&self->level.lock);
  entered = self->level.slot;
  thredo_mutex_unlock (&self->level.lock);

  if (entered == NULL)
    {
      g_critical ("A scope was left that is not entered");
    }
  else if (entered != slot)
    {
      g_critical ("A scope was left on another thread than the one that entered it");
    }
  else if (slot->innermost != &self->level)
    {
      g_critical ("A scope was left before one that was entered after it");
    }
  else
    {
      thredo_level_leave (&self->level, TRUE);
      g_object_unref (self);
    }
}

/**
 * thredo_scope_cancel:
 * @self: a scope
 *
 * Cancels the scope: a blocking call inside it fails with
 * `G_IO_ERROR_CANCELLED`, and so does every further one.
 *
 * Returns at once. A scope that is not entered yet is cancelled for when it
 * will be. Any thread may call this.
 *
 * Since: 1.0
 */
void
thredo_scope_cancel (ThredoScope *self)
{
  g_return_if_fail (THREDO_IS_SCOPE (self));

  thredo_level_cancel (&self->level);
}

/**
 * thredo_scope_is_cancelled:
 * @self: a scope
 *
 * Whether this scope itself was cancelled, and not one further out or its
 * thread.
 *
 * Returns: %TRUE if [method@Thredo.Scope.cancel] was called
 *
 * Since: 1.0
 */
gboolean
thredo_scope_is_cancelled (ThredoScope *self)
{
  g_return_val_if_fail (THREDO_IS_SCOPE (self), FALSE);

  return thredo_level_is_cancelled (&self->level);
}

/**
 * thredo_scope_is_expired:
 * @self: a scope
 *
 * Whether this scope's own deadline has passed while it was entered, and not
 * that of one further out.
 *
 * Returns: %TRUE if it has expired
 *
 * Since: 1.0
 */
gboolean
thredo_scope_is_expired (ThredoScope *self)
{
  g_return_val_if_fail (THREDO_IS_SCOPE (self), FALSE);

  return thredo_level_is_expired (&self->level);
}

/**
 * thredo_scope_get_deadline:
 * @self: a scope
 *
 * Gets when the scope expires.
 *
 * Returns: microseconds of [func@GLib.get_monotonic_time], or
 *   [const@Thredo.NO_DEADLINE]
 *
 * Since: 1.0
 */
gint64
thredo_scope_get_deadline (ThredoScope *self)
{
  g_return_val_if_fail (THREDO_IS_SCOPE (self), THREDO_NO_DEADLINE);

  return thredo_level_get_deadline (&self->level);
}

/**
 * thredo_scope_set_deadline:
 * @self: a scope
 * @deadline: microseconds of [func@GLib.get_monotonic_time], or
 *   [const@Thredo.NO_DEADLINE]
 *
 * Moves the deadline, to earlier or later.
 *
 * A wait inside the scope obeys the new one at once. A scope that has expired
 * stays expired. Any thread may call this.
 *
 * Since: 1.0
 */
void
thredo_scope_set_deadline (ThredoScope *self,
                           gint64       deadline)
{
  g_return_if_fail (THREDO_IS_SCOPE (self));

  thredo_level_set_deadline (&self->level, deadline);
  g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_DEADLINE]);
}

/**
 * thredo_scope_get_shielded:
 * @self: a scope
 *
 * Gets whether what surrounds the scope is kept out.
 *
 * Returns: %TRUE for a shielded scope
 *
 * Since: 1.0
 */
gboolean
thredo_scope_get_shielded (ThredoScope *self)
{
  g_return_val_if_fail (THREDO_IS_SCOPE (self), FALSE);

  return thredo_level_is_shielded (&self->level);
}

/**
 * thredo_scope_set_shielded:
 * @self: a scope
 * @shielded: whether to keep out what surrounds the scope
 *
 * Raises or lowers the shield. What waited outside when it is lowered reaches
 * the scope at once. Any thread may call this.
 *
 * Since: 1.0
 */
void
thredo_scope_set_shielded (ThredoScope *self,
                           gboolean     shielded)
{
  g_return_if_fail (THREDO_IS_SCOPE (self));

  if (thredo_level_is_shielded (&self->level) == !!shielded)
    return;
  thredo_level_set_shielded (&self->level, !!shielded);
  g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_SHIELDED]);
}

/**
 * thredo_scope_get_cancellable:
 * @self: a scope
 *
 * Gets the scope's own cancellable. To cancel it is to cancel the scope.
 *
 * Returns: (transfer none): the cancellable, which lives as long as the scope
 *
 * Since: 1.0
 */
GCancellable *
thredo_scope_get_cancellable (ThredoScope *self)
{
  g_return_val_if_fail (THREDO_IS_SCOPE (self), NULL);

  return thredo_level_get_cancellable (&self->level);
}

/**
 * thredo_scope_guard_new: (skip)
 * @scope: (transfer none): a scope
 *
 * Enters the scope, and leaves it on every way out of the block.
 *
 * ```c
 * g_autoptr(ThredoScope) scope = thredo_scope_new_with_timeout (G_TIME_SPAN_SECOND);
 * G_GNUC_UNUSED g_autoptr(ThredoScopeGuard) guard = thredo_scope_guard_new (scope);
 * ```
 *
 * Returns: (transfer full): the guard
 *
 * Since: 1.0
 */
ThredoScopeGuard *
thredo_scope_guard_new (ThredoScope *scope)
{
  g_return_val_if_fail (THREDO_IS_SCOPE (scope), NULL);

  thredo_scope_enter (scope);
  return (ThredoScopeGuard *) scope;
}

/**
 * thredo_scope_guard_free: (skip)
 * @guard: (transfer full): a guard
 *
 * Leaves the scope.
 *
 * Since: 1.0
 */
void
thredo_scope_guard_free (ThredoScopeGuard *guard)
{
  thredo_scope_leave ((ThredoScope *) guard);
}
