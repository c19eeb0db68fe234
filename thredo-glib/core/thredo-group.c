/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "thredo-group-private.h"

#include "thredo-async-private.h"
#include "thredo-enum-types.h"
#include "thredo-error.h"
#include "thredo-name-private.h"

/**
 * ThredoGroup:
 *
 * Threads that are started, joined and cancelled together.
 *
 * A group gives the structured guarantee: when [method@Thredo.Group.join]
 * returns, for whatever reason, every thread of the group has ended.
 *
 * Members are made by [method@Thredo.Group.spawn] or brought in by
 * [method@Thredo.Group.add], at any time until the group has been joined, by
 * members too. How long a join waits says the policy, a
 * [enum@Thredo.GroupWait]; what is left running then is cancelled. The first
 * member that fails cancels the rest as well, and its error is what the join
 * returns. A cancel of the joiner is a cancel of the members, so groups within
 * members of groups come down as one.
 *
 * A member that was cancelled has not failed. One that is joined by hand leaves
 * the group. Daemon members ([property@Thredo.Thread:daemon]) are not waited
 * for: they are cancelled when all others have ended, and how they ended does
 * not matter.
 *
 * [method@Thredo.Group.next_done] hands out the members one by one as they end.
 * How one that was handed out has ended is its taker's business: it does not
 * make the join fail.
 *
 * ```c
 * g_autoptr(ThredoGroup) group = thredo_group_new (THREDO_GROUP_WAIT_ALL);
 *
 * for (guint i = 0; i < 4; i++)
 *   {
 *     g_autoptr(ThredoThread) thread =
 *       thredo_group_spawn (group, "worker", worker, jobs, NULL, &error);
 *
 *     if (thread == NULL)
 *       break;
 *   }
 * if (!thredo_group_join (group, NULL, &error))
 *   g_printerr ("%s\n", error->message);
 * ```
 *
 * A group is to be joined. One that is dropped before, with members that have
 * not ended, cancels them and says so in the log.
 *
 * The semantics are those of
 * [curio's task groups](https://curio.readthedocs.io/en/latest/reference.html#task-groups).
 *
 * Since: 1.0
 */

/**
 * ThredoGroupWait:
 * @THREDO_GROUP_WAIT_ALL: until all members have ended
 * @THREDO_GROUP_WAIT_ANY: until one member has ended, and not by a cancel
 * @THREDO_GROUP_WAIT_RESULT: until one member has ended with a result that is
 *   not empty: it has set one, and not a %NULL
 * @THREDO_GROUP_WAIT_NONE: for nobody: the members are cancelled at once
 *
 * How long [method@Thredo.Group.join] waits before it cancels what is left.
 *
 * A member that fails ends the wait with all of them. Where the first that succeeds is to
 * win and the failures of the others are nothing, the policy is `RESULT`, and a member that had
 * no luck returns %TRUE without a result.
 *
 * Since: 1.0
 */

struct _ThredoGroup
{
  GObject parent_instance;

  ThredoGroupCore *core;
};

enum
{
  PROP_0,
  PROP_NAME,
  PROP_POLICY,
  PROP_MAX_RUNNING,
  N_PROPS
};

G_DEFINE_FINAL_TYPE (ThredoGroup, thredo_group, G_TYPE_OBJECT)

static GParamSpec *properties[N_PROPS];

static const char *
get_name (gpointer object)
{
  return thredo_group_get_name (object);
}

static const ThredoWaitInfo join_info = { "thredo_group_join", "join", "Group", get_name };

static void
thredo_group_get_property (GObject    *object,
                           guint       prop_id,
                           GValue     *value,
                           GParamSpec *pspec)
{
  ThredoGroup *self = THREDO_GROUP (object);

  switch (prop_id)
    {
    case PROP_NAME:
      g_value_set_string (value, thredo_group_get_name (self));
      break;
    case PROP_POLICY:
      g_value_set_enum (value, thredo_group_get_policy (self));
      break;
    case PROP_MAX_RUNNING:
      g_value_set_uint (value, thredo_group_get_max_running (self));
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, prop_id, pspec);
    }
}

static void
thredo_group_set_property (GObject      *object,
                           guint         prop_id,
                           const GValue *value,
                           GParamSpec   *pspec)
{
  ThredoGroup *self = THREDO_GROUP (object);

  switch (prop_id)
    {
    case PROP_NAME:
      thredo_group_set_name (self, g_value_get_string (value));
      break;
    case PROP_POLICY:
      thredo_group_core_set_policy (self->core, g_value_get_enum (value));
      break;
    case PROP_MAX_RUNNING:
      thredo_group_set_max_running (self, g_value_get_uint (value));
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, prop_id, pspec);
    }
}

static void
thredo_group_dispose (GObject *object)
{
  ThredoGroup *self = THREDO_GROUP (object);
  guint n_left = thredo_group_core_abandon (self->core);

  if (n_left > 0)
    g_warning ("Group" THREDO_NAME_FORMAT " was dropped without a join: %u of its threads had not "
               "ended, and have been cancelled",
               THREDO_NAME_ARGS (thredo_group_get_name (self)), n_left);

  G_OBJECT_CLASS (thredo_group_parent_class)->dispose (object);
}

static void
thredo_group_finalize (GObject *object)
{
  ThredoGroup *self = THREDO_GROUP (object);

  thredo_group_core_unref (self->core);

  G_OBJECT_CLASS (thredo_group_parent_class)->finalize (object);
}

static void
thredo_group_class_init (ThredoGroupClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);

  object_class->get_property = thredo_group_get_property;
  object_class->set_property = thredo_group_set_property;
  object_class->dispose = thredo_group_dispose;
  object_class->finalize = thredo_group_finalize;

  /**
   * ThredoGroup:name:
   *
   * What the group is called where its threads are shown.
   *
   * Since: 1.0
   */
  properties[PROP_NAME] =
      g_param_spec_string ("name", NULL, NULL, NULL,
                           G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | G_PARAM_EXPLICIT_NOTIFY);
  /**
   * ThredoGroup:policy:
   *
   * How long a join waits.
   *
   * Since: 1.0
   */
  properties[PROP_POLICY] =
      g_param_spec_enum ("policy", NULL, NULL,
                         THREDO_TYPE_GROUP_WAIT, THREDO_GROUP_WAIT_ALL,
                         G_PARAM_READWRITE | G_PARAM_CONSTRUCT_ONLY | G_PARAM_STATIC_STRINGS);
  /**
   * ThredoGroup:max-running:
   *
   * How many members run at once; 0 for no limit.
   *
   * Since: 1.0
   */
  properties[PROP_MAX_RUNNING] =
      g_param_spec_uint ("max-running", NULL, NULL, 0, G_MAXUINT, 0,
                         G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | G_PARAM_EXPLICIT_NOTIFY);
  g_object_class_install_properties (object_class, N_PROPS, properties);
}

static void
thredo_group_init (ThredoGroup *self)
{
  self->core = thredo_group_core_new (self);
}

ThredoGroupCore *
thredo_group_get_core (ThredoGroup *self)
{
  return self->core;
}

/**
 * thredo_group_new:
 * @policy: how long a join waits
 *
 * Makes a group with no members.
 *
 * Returns: (transfer full): a new group
 *
 * Since: 1.0
 */
ThredoGroup *
thredo_group_new (ThredoGroupWait policy)
{
  return g_object_new (THREDO_TYPE_GROUP, "policy", policy, NULL);
}

/**
 * thredo_group_spawn:
 * @self: a group
 * @name: (nullable): what to call the thread, or %NULL for a number
 * @func: (scope notified) (closure user_data) (destroy destroy): what it is to
 *   run
 * @user_data: data for @func
 * @destroy: (nullable): called with @user_data once, when @func has returned
 *   or will never run
 * @error: return location for an error
 *
 * Makes a thread, puts it into the group, and starts it as soon as
 * [property@Thredo.Group:max-running] has room for it.
 *
 * In a group that has been cancelled the thread is cancelled from the start.
 * Any thread may call this, members too. It does not block.
 *
 * Returns: (transfer full): the thread, or %NULL with an error:
 *   `THREDO_ERROR_STATE` if the group has been joined; `G_THREAD_ERROR_AGAIN`
 *   ([error@GLib.ThreadError]) if the system refuses another thread, with the
 *   group as it was
 *
 * Since: 1.0
 */
ThredoThread *
thredo_group_spawn (ThredoGroup       *self,
                    const char        *name,
                    ThredoThreadFunc   func,
                    gpointer           user_data,
                    GDestroyNotify     destroy,
                    GError           **error)
{
  ThredoThread *thread;

  g_return_val_if_fail (THREDO_IS_GROUP (self), NULL);
  g_return_val_if_fail (func != NULL, NULL);

  thread = thredo_thread_new (name, func, user_data, destroy);
  if (!thredo_group_core_add (self->core, thread, error))
    g_clear_object (&thread);

  return thread;
}

/**
 * thredo_group_add:
 * @self: a group
 * @thread: a thread that is in no group
 * @error: return location for an error
 *
 * Puts a thread into the group.
 *
 * If it has not been started, the group starts it as soon as
 * [property@Thredo.Group:max-running] has room for it. If it has ended already,
 * it is a member that has ended. Any thread may call this. It does not block.
 *
 * Returns: %TRUE, or %FALSE with an error: `THREDO_ERROR_STATE` if the group
 *   has been joined or the thread is in a group; `G_THREAD_ERROR_AGAIN`
 *   ([error@GLib.ThreadError]) if the system refuses another thread
 *
 * Since: 1.0
 */
gboolean
thredo_group_add (ThredoGroup   *self,
                  ThredoThread  *thread,
                  GError       **error)
{
  g_return_val_if_fail (THREDO_IS_GROUP (self), FALSE);
  g_return_val_if_fail (THREDO_IS_THREAD (thread), FALSE);

  return thredo_group_core_add (self->core, thread, error);
}

/* Waits until every member has ended, whatever happens to the caller. */
static void
wait_shielded (ThredoGroup *self,
               ThredoSlot  *slot)
{
  ThredoLevel shield;

  if (thredo_group_core_is_joined (self->core))
    return;

  thredo_level_enter_shield (&shield, slot);
  thredo_slot_prepare (slot, &join_info);
  thredo_wait_arm (&slot->wait);
  thredo_group_core_line_up (self->core, &slot->wait);
  thredo_slot_block (slot, &join_info, self, NULL);
  thredo_level_leave (&shield, FALSE);
  thredo_level_clear (&shield);
}

/**
 * thredo_group_join:
 * @self: a group that has not been joined
 * @cancellable: (nullable): what else can end the wait
 * @error: return location for an error
 *
 * Waits for the members, as the policy says, cancels those that are left, and
 * waits until every one has ended.
 *
 * The first member that fails ends the first wait, and so do a cancel of the
 * caller, the deadline of a scope around it, and a cancel of @cancellable. The
 * second wait, for the end of the cancelled, ends with their end alone: a
 * member that does not heed its cancel holds it up.
 *
 * A group is joined once; after that it takes no more members. Any thread but
 * the loop's and the members may call this.
 *
 * Returns: %TRUE if no member failed, or %FALSE with an error: that of the
 *   first member that failed; `G_IO_ERROR_CANCELLED` or
 *   `G_IO_ERROR_TIMED_OUT` ([error@Gio.IOErrorEnum]) if the wait was cancelled
 *   or too long, and all members have ended nevertheless; `THREDO_ERROR_STATE`
 *   if the group was joined before, or the caller is a member;
 *   `THREDO_ERROR_LOOP_THREAD`
 *
 * Since: 1.0
 */
gboolean
thredo_group_join (ThredoGroup   *self,
                   GCancellable  *cancellable,
                   GError       **error)
{
  ThredoSlot *slot = thredo_slot_self ();
  ThredoWaitState outcome;
  GError *own_error = NULL;

  g_return_val_if_fail (THREDO_IS_GROUP (self), FALSE);
  g_return_val_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable), FALSE);

  if (!thredo_blocking_begin (slot, &join_info, cancellable, &own_error) && slot->is_loop)
    {
      g_propagate_error (error, own_error);
      return FALSE;
    }
  if (!thredo_group_core_begin_join (self->core, slot->owner, error))
    {
      g_clear_error (&own_error);
      return FALSE;
    }

  if (own_error == NULL && !thredo_group_core_is_joined (self->core))
    {
      thredo_slot_prepare (slot, &join_info);
      thredo_wait_arm (&slot->wait);
      thredo_group_core_line_up (self->core, &slot->wait);
      outcome = thredo_slot_block (slot, &join_info, self, cancellable);
      if (outcome != THREDO_WAIT_DONE)
        {
          thredo_group_core_step_out (self->core, &slot->wait);
          thredo_blocking_set_error (slot, &join_info, outcome, cancellable, &own_error);
        }
    }
  if (own_error != NULL)
    {
      thredo_group_core_abort_join (self->core);
      wait_shielded (self, slot);
      g_propagate_error (error, own_error);
      return FALSE;
    }

  own_error = thredo_group_core_dup_failure (self->core);
  if (own_error == NULL)
    return TRUE;
  g_propagate_error (error, own_error);
  return FALSE;
}

/* A join for a task. */
typedef struct
{
  ThredoAsync async;
  GError *error; /* why it was cut short */
} JoinAsync;

static gboolean
join_async_finish (ThredoAsync     *async,
                   ThredoWaitState  outcome)
{
  JoinAsync *join = (JoinAsync *) async;
  ThredoGroup *self = g_task_get_source_object (async->task);
  GError *error;

  if (outcome != THREDO_WAIT_DONE)
    {
      thredo_blocking_set_error (thredo_slot_self (), &join_info, outcome,
                                 g_task_get_cancellable (async->task), &join->error);
      thredo_group_core_step_out (self->core, &async->wait);
      thredo_group_core_abort_join (self->core);
      thredo_wait_arm (&async->wait);
      thredo_group_core_line_up (self->core, &async->wait);
      return FALSE;
    }

  error = g_steal_pointer (&join->error);
  if (error == NULL)
    error = thredo_group_core_dup_failure (self->core);
  if (error != NULL)
    g_task_return_error (async->task, error);
  else
    g_task_return_boolean (async->task, TRUE);
  return TRUE;
}

/**
 * thredo_group_join_async:
 * @self: a group that has not been joined
 * @cancellable: (nullable): what can end the wait before the members do
 * @callback: (scope async) (nullable): called when every member has ended
 * @user_data: data for @callback
 *
 * Joins the group without blocking.
 *
 * As with [method@Thredo.Group.join], a cancel of @cancellable cancels the
 * members, and the callback comes when they have ended. It runs in the
 * thread-default main context of the caller. Any thread may call this.
 *
 * Since: 1.0
 */
void
thredo_group_join_async (ThredoGroup         *self,
                         GCancellable        *cancellable,
                         GAsyncReadyCallback  callback,
                         gpointer             user_data)
{
  g_autoptr(GTask) task = NULL;
  ThredoAsync *async;
  GError *error = NULL;

  g_return_if_fail (THREDO_IS_GROUP (self));
  g_return_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable));

  task = g_task_new (self, cancellable, callback, user_data);
  g_task_set_source_tag (task, thredo_group_join_async);

  async = thredo_async_new (sizeof (JoinAsync), task, &join_info, join_async_finish);
  if (thredo_group_core_begin_join (self->core, NULL, &error))
    {
      thredo_group_core_line_up (self->core, &async->wait);
      thredo_async_start (async);
    }
  else
    {
      g_task_return_error (task, error);
      thredo_async_drop (async);
    }
}

/**
 * thredo_group_join_finish:
 * @self: a group
 * @result: what the callback was given
 * @error: return location for an error
 *
 * Ends what [method@Thredo.Group.join_async] began.
 *
 * Returns: as [method@Thredo.Group.join]
 *
 * Since: 1.0
 */
gboolean
thredo_group_join_finish (ThredoGroup   *self,
                          GAsyncResult  *result,
                          GError       **error)
{
  g_return_val_if_fail (g_task_is_valid (result, self), FALSE);

  return g_task_propagate_boolean (G_TASK (result), error);
}

/**
 * thredo_group_cancel:
 * @self: a group
 *
 * Cancels the group for good: every member that has not ended, and every one
 * that comes later.
 *
 * Members that wait for room under [property@Thredo.Group:max-running] end
 * without having run. Returns at once: [method@Thredo.Group.join] waits for
 * the end. Any thread may call this.
 *
 * Since: 1.0
 */
void
thredo_group_cancel (ThredoGroup *self)
{
  g_return_if_fail (THREDO_IS_GROUP (self));

  thredo_group_core_cancel (self->core, TRUE);
}

/**
 * thredo_group_cancel_remaining:
 * @self: a group
 *
 * Cancels every member that has not ended.
 *
 * Unlike after [method@Thredo.Group.cancel], the group goes on with members
 * that come later. Returns at once. Any thread may call this.
 *
 * Since: 1.0
 */
void
thredo_group_cancel_remaining (ThredoGroup *self)
{
  g_return_if_fail (THREDO_IS_GROUP (self));

  thredo_group_core_cancel (self->core, FALSE);
}

/**
 * thredo_group_is_cancelled:
 * @self: a group
 *
 * Whether the group was cancelled for good.
 *
 * Returns: %TRUE after [method@Thredo.Group.cancel]
 *
 * Since: 1.0
 */
gboolean
thredo_group_is_cancelled (ThredoGroup *self)
{
  g_return_val_if_fail (THREDO_IS_GROUP (self), FALSE);

  return thredo_group_core_is_cancelled (self->core);
}

/**
 * thredo_group_get_completed:
 * @self: a group
 *
 * Gets the member that the policy is about: the first one to end, and not by a
 * cancel (`ALL`, `ANY`), or the first one with a result that is not empty
 * (`RESULT`).
 *
 * Returns: (transfer full) (nullable): the member, or %NULL if there is none
 *
 * Since: 1.0
 */
ThredoThread *
thredo_group_get_completed (ThredoGroup *self)
{
  g_return_val_if_fail (THREDO_IS_GROUP (self), NULL);

  return thredo_group_core_dup_completed (self->core);
}

/**
 * thredo_group_get_failed:
 * @self: a group
 *
 * Gets the member whose error [method@Thredo.Group.join] returns, or has
 * returned: the first that has failed.
 *
 * One that was taken by [method@Thredo.Group.next_done], or joined by hand, does
 * not count. Any thread may call this.
 *
 * Returns: (transfer full) (nullable): the member, or %NULL if none has failed
 *
 * Since: 1.0
 */
ThredoThread *
thredo_group_get_failed (ThredoGroup *self)
{
  g_return_val_if_fail (THREDO_IS_GROUP (self), NULL);

  return thredo_group_core_dup_failed (self->core);
}

/**
 * thredo_group_get_threads:
 * @self: a group
 *
 * Gets the members: those that run or wait to, and those that have ended and
 * were neither handed out by [method@Thredo.Group.next_done] nor joined by
 * hand.
 *
 * Returns: (transfer container) (element-type Thredo.Thread): the members, oldest
 *   first
 *
 * Since: 1.0
 */
GPtrArray *
thredo_group_get_threads (ThredoGroup *self)
{
  g_return_val_if_fail (THREDO_IS_GROUP (self), NULL);

  return thredo_group_core_dup_threads (self->core);
}

/**
 * thredo_group_get_policy:
 * @self: a group
 *
 * Gets how long a join waits.
 *
 * Returns: the policy
 *
 * Since: 1.0
 */
ThredoGroupWait
thredo_group_get_policy (ThredoGroup *self)
{
  g_return_val_if_fail (THREDO_IS_GROUP (self), THREDO_GROUP_WAIT_ALL);

  return thredo_group_core_get_policy (self->core);
}

/**
 * thredo_group_get_max_running:
 * @self: a group
 *
 * Gets how many members run at once.
 *
 * Returns: a number of threads, or 0 for no limit
 *
 * Since: 1.0
 */
guint
thredo_group_get_max_running (ThredoGroup *self)
{
  g_return_val_if_fail (THREDO_IS_GROUP (self), 0);

  return thredo_group_core_get_max_running (self->core);
}

/**
 * thredo_group_set_max_running:
 * @self: a group
 * @max_running: a number of threads, or 0 for no limit
 *
 * Sets how many members run at once.
 *
 * Members above that stay `NEW` until others have ended. A higher number
 * starts waiting members at once; a lower one stops none. Any thread may call
 * this.
 *
 * Since: 1.0
 */
void
thredo_group_set_max_running (ThredoGroup *self,
                              guint        max_running)
{
  g_return_if_fail (THREDO_IS_GROUP (self));

  thredo_group_core_set_max_running (self->core, max_running);
  g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_MAX_RUNNING]);
}

/**
 * thredo_group_get_name:
 * @self: a group
 *
 * Gets what the group is called.
 *
 * Returns: (transfer none) (nullable): the name, valid as long as the group
 *
 * Since: 1.0
 */
const char *
thredo_group_get_name (ThredoGroup *self)
{
  g_return_val_if_fail (THREDO_IS_GROUP (self), NULL);

  return thredo_name_get (thredo_group_core_get_name (self->core));
}

/**
 * thredo_group_set_name:
 * @self: a group
 * @name: (nullable): what to call it
 *
 * Sets what the group is called where its threads are shown.
 *
 * Since: 1.0
 */
void
thredo_group_set_name (ThredoGroup *self,
                       const char  *name)
{
  g_return_if_fail (THREDO_IS_GROUP (self));

  thredo_name_set (thredo_group_core_get_name (self->core), name);
  g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_NAME]);
}

/**
 * thredo_group_guard_new: (skip)
 * @group: (transfer none): a group
 *
 * Makes a guard that cancels and joins the group on every way out of the
 * block, so that no thread of it outlives the block.
 *
 * ```c
 * g_autoptr(ThredoGroup) group = thredo_group_new (THREDO_GROUP_WAIT_ALL);
 * G_GNUC_UNUSED g_autoptr(ThredoGroupGuard) guard = thredo_group_guard_new (group);
 * ```
 *
 * Returns: (transfer full): the guard
 *
 * Since: 1.0
 */
ThredoGroupGuard *
thredo_group_guard_new (ThredoGroup *group)
{
  g_return_val_if_fail (THREDO_IS_GROUP (group), NULL);

  return (ThredoGroupGuard *) g_object_ref (group);
}

/**
 * thredo_group_guard_free: (skip)
 * @guard: (transfer full): a guard
 *
 * Cancels the members that have not ended, and waits until all have.
 *
 * The wait ends with their end alone. In a group that was joined there is
 * nothing left to do.
 *
 * Since: 1.0
 */
void
thredo_group_guard_free (ThredoGroupGuard *guard)
{
  g_autoptr(ThredoGroup) self = (ThredoGroup *) guard;

  thredo_group_core_cancel (self->core, TRUE);
  /* Somebody else may be joining it, who has their own wait. */
  thredo_group_core_begin_join (self->core, NULL, NULL);
  wait_shielded (self, thredo_slot_self ());
}
