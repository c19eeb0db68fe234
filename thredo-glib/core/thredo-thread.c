/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "thredo-thread-private.h"

#include "thredo-async-private.h"
#include "gate.h"
#include "hold.h"
#include "thredo-enum-types.h"
#include "thredo-error.h"
#include "thredo-group-private.h"
#include "thredo-name-private.h"
#include "thredo-scope-private.h"
#include "thredo-value-private.h"
#include "worker.h"

/**
 * ThredoThread:
 *
 * A thread that can be cancelled, joined for a result, and asked what it waits
 * for.
 *
 * It is an operating system's thread like any other, and runs in parallel with
 * all others. What is new is how it waits: every blocking call of this library
 * can be ended by [method@Thredo.Thread.cancel], by the deadline of a
 * [class@Thredo.Scope] around it, and by the cancellable that it is given.
 *
 * [func@Thredo.Thread.spawn] makes and starts one; [ctor@Thredo.Thread.new] and
 * [method@Thredo.Thread.start] do it in two steps. It ends when its function
 * returns. [method@Thredo.Thread.join] waits for that and passes on what went
 * wrong; [method@Thredo.Thread.set_result] is how a function that went well
 * leaves a result.
 *
 * ```c
 * static gboolean
 * count (ThredoThread *thread, gpointer user_data, GError **error)
 * {
 *   for (int i = 0; i < 10; i++)
 *     {
 *       if (!thredo_sleep (G_TIME_SPAN_SECOND, NULL, error))
 *         return FALSE;
 *       g_print ("%d\n", i);
 *     }
 *   return TRUE;
 * }
 * ```
 *
 * A cancel reaches the thread only where it blocks, or asks with
 * [func@Thredo.check_cancelled]; never in the middle of something else. It
 * stays: after it every further blocking call fails at once, until the function
 * has returned. Clean-up that has to block does so in a shielded scope.
 *
 * Threads that were started elsewhere, the main thread among them, get a
 * `ThredoThread` of their own when they first use the library.
 *
 * The OS threads underneath are kept and used again, so thread-local data
 * (`GPrivate`) may live on from one `ThredoThread` to the next.
 *
 * To derive a class, override `run`.
 *
 * Since: 1.0
 */

/**
 * ThredoThreadFunc:
 * @thread: the thread that runs the function
 * @user_data: what was given with the function
 * @error: return location for an error
 *
 * What a thread runs.
 *
 * An error goes to whoever joins the thread. To end with `G_IO_ERROR_CANCELLED`
 * is to have been cancelled; to return %FALSE without an error is
 * `THREDO_ERROR_FAILED`.
 *
 * Returns: %TRUE if all went well, %FALSE with @error set if not
 *
 * Since: 1.0
 */

/**
 * ThredoThreadState:
 * @THREDO_THREAD_STATE_NEW: it has not been started
 * @THREDO_THREAD_STATE_RUNNING: it runs, or blocks where the library does not
 *   know of it
 * @THREDO_THREAD_STATE_WAITING: it is parked in a blocking call of the library
 * @THREDO_THREAD_STATE_FINISHED: its function has returned %TRUE
 * @THREDO_THREAD_STATE_FAILED: its function has returned %FALSE
 * @THREDO_THREAD_STATE_CANCELLED: its function has returned %FALSE with
 *   `G_IO_ERROR_CANCELLED`, or will never run because it was cancelled before
 *
 * What a thread is doing, or how it ended.
 *
 * Since: 1.0
 */

enum
{
  PROP_0,
  PROP_ID,
  PROP_NAME,
  PROP_STATE,
  PROP_DAEMON,
  PROP_STACK_SIZE,
  PROP_GROUP,
  N_PROPS
};

G_DEFINE_TYPE_WITH_PRIVATE (ThredoThread, thredo_thread, G_TYPE_OBJECT)

static GParamSpec *properties[N_PROPS];

ThredoThreadPrivate *
thredo_thread_get_private (ThredoThread *self)
{
  return thredo_thread_get_instance_private (self);
}

static inline ThredoThreadPrivate *
private_of (ThredoThread *self)
{
  return thredo_thread_get_instance_private (self);
}

/* How it ended, or NEW or RUNNING. */
ThredoThreadState
thredo_thread_get_end (ThredoThread *self)
{
  return (ThredoThreadState) thredo_gate_get (&private_of (self)->state);
}

ThredoMember *
thredo_thread_get_member (ThredoThread *self)
{
  return &private_of (self)->member;
}

gboolean
thredo_thread_is_daemon (ThredoThread *self)
{
  return private_of (self)->daemon;
}

/* Where the thread keeps its group, to be looked at and changed until it is
 * unlocked. */
ThredoGroupCore **
thredo_thread_lock_core (ThredoThread *self)
{
  ThredoThreadPrivate *priv = private_of (self);

  thredo_mutex_lock (&priv->lock);
  return &priv->core;
}

void
thredo_thread_unlock_core (ThredoThread *self)
{
  thredo_mutex_unlock (&private_of (self)->lock);
}

ThredoGroupCore *
thredo_thread_dup_core (ThredoThread *self)
{
  ThredoGroupCore **core = thredo_thread_lock_core (self);
  ThredoGroupCore *copy = *core != NULL ? thredo_group_core_ref (*core) : NULL;

  thredo_thread_unlock_core (self);

  return copy;
}

/* For the group of a thread, which alone starts it. */
void
thredo_thread_set_started (ThredoThread *self)
{
  thredo_gate_set (&private_of (self)->state, THREDO_THREAD_STATE_RUNNING);
}

/* Whether it was not started, and will not be by a group. */
gboolean
thredo_thread_is_new (ThredoThread *self)
{
  ThredoThreadPrivate *priv = private_of (self);
  gboolean is_new_and_alone;

  thredo_mutex_lock (&priv->lock);
  is_new_and_alone = priv->core == NULL &&
                     thredo_thread_get_end (self) == THREDO_THREAD_STATE_NEW;
  thredo_mutex_unlock (&priv->lock);

  return is_new_and_alone;
}

/* With the thread's lock held. */
void
thredo_thread_refuse_locked (ThredoThread    *self,
                             ThredoWakeBatch *batch)
{
  thredo_gate_refuse (&private_of (self)->state, THREDO_THREAD_STATE_NEW, batch);
}

/* The system refused: the thread is new again, those who joined it meanwhile are
 * told, and it is in no group. */
void
thredo_thread_set_not_started (ThredoThread *self)
{
  ThredoWakeBatch batch = THREDO_WAKE_BATCH_INIT;
  gboolean is_told = FALSE;

  while (!is_told)
    {
      ThredoGroupCore *core = thredo_thread_dup_core (self);

      if (core != NULL)
        {
          is_told = thredo_group_core_forget (core, self, TRUE);
          thredo_group_core_unref (core);
          continue;
        }

      /* Unless somebody adds it to a group this moment. */
      is_told = *thredo_thread_lock_core (self) == NULL;
      if (is_told)
        thredo_thread_refuse_locked (self, &batch);
      thredo_thread_unlock_core (self);
    }
  thredo_wake_batch_flush (&batch);
}

/* A function's data are given back on the thread that ran it, before anybody
 * is told that it has ended. */
static void
drop_user_data (ThredoThread *self)
{
  ThredoThreadPrivate *priv = private_of (self);
  GDestroyNotify destroy = g_steal_pointer (&priv->destroy);
  gpointer user_data = g_steal_pointer (&priv->user_data);

  priv->func = NULL;
  if (destroy != NULL)
    destroy (user_data);
}

/* Called with how a thread has ended, on the thread that ran it, before anybody is told. */
static void (*end_hook) (ThredoThread      *thread,
                         ThredoThreadState  end,
                         const GError      *error,
                         gint64             cpu_time);

/* For a constructor. */
void
thredo_thread_set_end_hook (void (*hook) (ThredoThread      *thread,
                                          ThredoThreadState  end,
                                          const GError      *error,
                                          gint64             cpu_time))
{
  end_hook = hook;
}

/* Takes the error. The group is told by the caller. */
static void
set_ended (ThredoThread *self,
           gboolean      ok,
           GError       *error)
{
  ThredoThreadPrivate *priv = private_of (self);
  ThredoWakeBatch batch = THREDO_WAKE_BATCH_INIT;
  guint state = THREDO_THREAD_STATE_FINISHED;

  if (ok && error != NULL)
    {
      g_critical ("Thread '%s' returned TRUE and set an error: %s",
                  thredo_thread_get_name (self), error->message);
      ok = FALSE;
    }
  if (!ok && error == NULL)
    g_set_error (&error, THREDO_ERROR, THREDO_ERROR_FAILED,
                 "Thread '%s' returned FALSE and did not say why: it set no error",
                 thredo_thread_get_name (self));
  if (!ok)
    state = g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED)
                ? THREDO_THREAD_STATE_CANCELLED
                : THREDO_THREAD_STATE_FAILED;

  if (G_UNLIKELY (thredo_slot_is_accounting ()))
    end_hook (self, state, error,
              priv->slot != NULL ? thredo_slot_get_own_cpu_time (priv->slot) : 0);

  thredo_owner_set_slot (&priv->runner, NULL);
  thredo_mutex_lock (&priv->lock);
  priv->slot = NULL;
  priv->error = error;
  thredo_gate_open (&priv->state, state, &batch);
  thredo_mutex_unlock (&priv->lock);
  thredo_wake_batch_flush (&batch);
}

static void
tell_group (ThredoThread *self)
{
  ThredoGroupCore *core = thredo_thread_dup_core (self);

  if (core != NULL)
    {
      thredo_group_core_member_ended (core, self);
      thredo_group_core_unref (core);
    }
}

/* Called by the group, which knows. */
void
thredo_thread_end_without_running (ThredoThread *self,
                                   GError       *error)
{
  drop_user_data (self);
  set_ended (self, FALSE, error);
}

/* What a thread has locked and not released is free before anybody is told that
 * the thread has ended. It is said before, so that the next owner can rely on it; and
 * as that runs code of users, it may not be the same any more after it. */
static void
abandon_locks (ThredoThread *self,
               ThredoSlot   *slot)
{
  while (slot->n_held > 0)
    {
      g_autoptr(GPtrArray) locks = thredo_hold_describe_all (slot);

      for (guint i = 0; i < locks->len; i++)
        g_warning ("Thread '%s' ended while it held %s; the lock is released and marked abandoned",
                   thredo_thread_get_name (self), (char *) g_ptr_array_index (locks, i));
      thredo_hold_abandon_all (slot);
    }
}

/* What a worker runs. It has the reference that start took. */
static void
thread_main (gpointer data)
{
  ThredoThread *self = data;
  ThredoThreadPrivate *priv = private_of (self);
  ThredoSlot *slot = thredo_slot_self ();
  GError *error = NULL;
  gboolean ok;

  thredo_mutex_lock (&priv->lock);
  priv->slot = slot;
  thredo_slot_set_os_name (slot, thredo_thread_get_name (self));
  thredo_mutex_unlock (&priv->lock);
  thredo_owner_set_slot (&priv->runner, slot);

  thredo_level_enter (&priv->level, slot, TRUE);
  ok = THREDO_THREAD_GET_CLASS (self)->run (self, &error);
  drop_user_data (self);
  thredo_scope_leave_all (slot, &priv->level);
  thredo_level_leave (&priv->level, TRUE);
  abandon_locks (self, slot);

  thredo_worker_finishing (slot);
  thredo_slot_set_owner (slot, NULL);
  set_ended (self, ok, error);
  tell_group (self);
  g_object_unref (self);
}

/* A thread that the library did not start, when it first uses it. */
static void
attach_foreign (ThredoSlot *slot)
{
  g_autofree char *name = thredo_slot_dup_os_name (slot);
  ThredoThread *self = thredo_thread_new (name, NULL, NULL, NULL);
  ThredoThreadPrivate *priv = private_of (self);

  priv->slot = slot;
  thredo_owner_set_slot (&priv->runner, slot);
  thredo_gate_set (&priv->state, THREDO_THREAD_STATE_RUNNING);
  thredo_level_enter (&priv->level, slot, FALSE);
  thredo_slot_set_owner (slot, self);
}

static void
detach_foreign (ThredoSlot *slot)
{
  ThredoThread *self = slot->owner;
  ThredoThreadPrivate *priv = private_of (self);

  thredo_scope_leave_all (slot, &priv->level);
  thredo_level_leave (&priv->level, FALSE);
  abandon_locks (self, slot);
  thredo_slot_set_owner (slot, NULL);
  set_ended (self, TRUE, NULL);
  tell_group (self);
  g_object_unref (self);
}

__attribute__ ((constructor)) static void
install_foreign_hooks (void)
{
  thredo_slot_set_foreign_hooks (attach_foreign, detach_foreign);
}

/* Starts what the caller has put into the state RUNNING. */
gboolean
thredo_thread_start_os_thread (ThredoThread  *self,
                               GError       **error)
{
  ThredoThreadPrivate *priv = private_of (self);

  if (!thredo_loop_ensure (error))
    return FALSE;

  g_object_ref (self);
  if (thredo_worker_run (thread_main, self, self, priv->stack_size, error))
    return TRUE;
  g_object_unref (self);
  return FALSE;
}

static gboolean
thredo_thread_real_run (ThredoThread  *self,
                        GError       **error)
{
  ThredoThreadPrivate *priv = private_of (self);

  if (priv->func == NULL)
    {
      g_set_error (error, THREDO_ERROR, THREDO_ERROR_FAILED,
                   "Thread '%s' has no function to run", thredo_thread_get_name (self));
      return FALSE;
    }
  return priv->func (self, priv->user_data, error);
}

static void
thredo_thread_get_property (GObject    *object,
                            guint       prop_id,
                            GValue     *value,
                            GParamSpec *pspec)
{
  ThredoThread *self = THREDO_THREAD (object);

  switch (prop_id)
    {
    case PROP_ID:
      g_value_set_uint64 (value, thredo_thread_get_id (self));
      break;
    case PROP_NAME:
      g_value_set_string (value, thredo_thread_get_name (self));
      break;
    case PROP_STATE:
      g_value_set_enum (value, thredo_thread_get_state (self));
      break;
    case PROP_DAEMON:
      g_value_set_boolean (value, thredo_thread_get_daemon (self));
      break;
    case PROP_STACK_SIZE:
      g_value_set_uint64 (value, thredo_thread_get_stack_size (self));
      break;
    case PROP_GROUP:
      g_value_take_object (value, thredo_thread_get_group (self));
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, prop_id, pspec);
    }
}

static void
thredo_thread_set_property (GObject      *object,
                            guint         prop_id,
                            const GValue *value,
                            GParamSpec   *pspec)
{
  ThredoThread *self = THREDO_THREAD (object);

  switch (prop_id)
    {
    case PROP_NAME:
      if (g_value_get_string (value) != NULL)
        thredo_thread_set_name (self, g_value_get_string (value));
      break;
    case PROP_DAEMON:
      thredo_thread_set_daemon (self, g_value_get_boolean (value));
      break;
    case PROP_STACK_SIZE:
      thredo_thread_set_stack_size (self, (gsize) g_value_get_uint64 (value));
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, prop_id, pspec);
    }
}

static void
thredo_thread_finalize (GObject *object)
{
  ThredoThread *self = THREDO_THREAD (object);
  ThredoThreadPrivate *priv = private_of (self);

  /* How a member ended is its group's business. */
  if (thredo_thread_get_end (self) == THREDO_THREAD_STATE_FAILED &&
      !priv->joined && !priv->daemon && priv->core == NULL)
    g_message ("Thread '%s' failed, and nobody joined it: %s",
               priv->name.current, priv->error->message);

  drop_user_data (self);
  if (priv->result_destroy != NULL)
    priv->result_destroy (priv->result_pointer);
  if (G_IS_VALUE (&priv->result))
    g_value_unset (&priv->result);
  g_clear_error (&priv->error);
  g_clear_pointer (&priv->core, thredo_group_core_unref);
  thredo_name_clear (&priv->name);
  thredo_level_clear (&priv->level);
  thredo_gate_clear (&priv->state);
  thredo_mutex_clear (&priv->lock);

  G_OBJECT_CLASS (thredo_thread_parent_class)->finalize (object);
}

static void
thredo_thread_class_init (ThredoThreadClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);

  klass->run = thredo_thread_real_run;

  object_class->get_property = thredo_thread_get_property;
  object_class->set_property = thredo_thread_set_property;
  object_class->finalize = thredo_thread_finalize;

  /**
   * ThredoThread:id:
   *
   * A number that no other thread of the process has or will have.
   *
   * Since: 1.0
   */
  properties[PROP_ID] =
      g_param_spec_uint64 ("id", NULL, NULL, 0, G_MAXUINT64, 0,
                           G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);
  /**
   * ThredoThread:name:
   *
   * What the thread is called, here and by the operating system.
   *
   * Since: 1.0
   */
  properties[PROP_NAME] =
      g_param_spec_string ("name", NULL, NULL, NULL,
                           G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | G_PARAM_EXPLICIT_NOTIFY);
  /**
   * ThredoThread:state:
   *
   * What the thread is doing. There is no notification of a change: it would
   * come from the thread itself, at moments when its code expects nobody else's
   * to run.
   *
   * Since: 1.0
   */
  properties[PROP_STATE] =
      g_param_spec_enum ("state", NULL, NULL,
                         THREDO_TYPE_THREAD_STATE, THREDO_THREAD_STATE_NEW,
                         G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);
  /**
   * ThredoThread:daemon:
   *
   * Whether the thread only serves others: a group cancels it at its end and
   * ignores how it ended.
   *
   * Since: 1.0
   */
  properties[PROP_DAEMON] =
      g_param_spec_boolean ("daemon", NULL, NULL, FALSE,
                            G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | G_PARAM_EXPLICIT_NOTIFY);
  /**
   * ThredoThread:stack-size:
   *
   * Bytes of stack, or 0 for the default.
   *
   * Since: 1.0
   */
  properties[PROP_STACK_SIZE] =
      g_param_spec_uint64 ("stack-size", NULL, NULL, 0, G_MAXSIZE, 0,
                           G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | G_PARAM_EXPLICIT_NOTIFY);
  /**
   * ThredoThread:group:
   *
   * The group that the thread is in.
   *
   * Since: 1.0
   */
  properties[PROP_GROUP] =
      g_param_spec_object ("group", NULL, NULL, THREDO_TYPE_GROUP,
                           G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);
  g_object_class_install_properties (object_class, N_PROPS, properties);
}

static void
thredo_thread_init (ThredoThread *self)
{
  ThredoThreadPrivate *priv = private_of (self);

  priv->id = thredo_slot_new_serial ();
  thredo_gate_init (&priv->state, THREDO_THREAD_STATE_FINISHED);
  thredo_level_init (&priv->level);
  thredo_mutex_init (&priv->lock);
  priv->member.link.data = self;
  thredo_name_init (&priv->name);
}

/**
 * thredo_thread_new:
 * @name: (nullable): what to call the thread, or %NULL for a number
 * @func: (scope notified) (closure user_data) (destroy destroy): what it is to
 *   run
 * @user_data: data for @func
 * @destroy: (nullable): called with @user_data once, when @func has returned
 *   or will never run
 *
 * Makes a thread, which does not run until [method@Thredo.Thread.start].
 *
 * Returns: (transfer full): a new thread
 *
 * Since: 1.0
 */
ThredoThread *
thredo_thread_new (const char       *name,
                   ThredoThreadFunc  func,
                   gpointer          user_data,
                   GDestroyNotify    destroy)
{
  ThredoThread *self = g_object_new (THREDO_TYPE_THREAD, NULL);
  ThredoThreadPrivate *priv = private_of (self);

  if (name != NULL)
    thredo_name_set (&priv->name, name);
  priv->func = func;
  priv->user_data = user_data;
  priv->destroy = destroy;

  return self;
}

/**
 * thredo_thread_spawn:
 * @name: (nullable): what to call the thread, or %NULL for a number
 * @func: (scope notified) (closure user_data) (destroy destroy): what it is to
 *   run
 * @user_data: data for @func
 * @destroy: (nullable): called with @user_data once, when @func has returned
 *   or will never run
 * @error: return location for an error
 *
 * Makes a thread and starts it.
 *
 * To drop the thread that is returned neither ends nor cancels it. If nobody
 * joins it and it fails, a message in the log says so.
 *
 * Any thread may call this. It does not block.
 *
 * Returns: (transfer full): the running thread, or %NULL with an error:
 *   `G_THREAD_ERROR_AGAIN` ([error@GLib.ThreadError]) if the system refuses
 *   another thread
 *
 * Since: 1.0
 */
ThredoThread *
thredo_thread_spawn (const char        *name,
                     ThredoThreadFunc   func,
                     gpointer           user_data,
                     GDestroyNotify     destroy,
                     GError           **error)
{
  ThredoThread *self;

  g_return_val_if_fail (func != NULL, NULL);

  self = thredo_thread_new (name, func, user_data, destroy);
  if (!thredo_thread_start (self, error))
    g_clear_object (&self);

  return self;
}

/**
 * thredo_thread_self:
 *
 * Gets the thread that calls it.
 *
 * A thread that was started without this library, the main thread for one,
 * gets an object of its own at its first call: it can be cancelled and joined
 * like any other. It has no result.
 *
 * Returns: (transfer none): the calling thread
 *
 * Since: 1.0
 */
ThredoThread *
thredo_thread_self (void)
{
  ThredoSlot *slot = thredo_slot_self ();

  /* The loop's thread is in no list, but a source on it may ask. */
  if (G_UNLIKELY (slot->owner == NULL))
    attach_foreign (slot);

  return slot->owner;
}

/**
 * thredo_thread_start:
 * @self: a thread
 * @error: return location for an error
 *
 * Starts the thread.
 *
 * A thread that was cancelled before still runs: its first blocking call
 * fails. If starting fails, the thread is as new and may be started again. Any
 * thread may call this. It does not block.
 *
 * Returns: %TRUE, or %FALSE with an error: `THREDO_ERROR_STATE` if it was
 *   started before, `G_THREAD_ERROR_AGAIN` ([error@GLib.ThreadError]) if the
 *   system refuses another thread
 *
 * Since: 1.0
 */
gboolean
thredo_thread_start (ThredoThread  *self,
                     GError       **error)
{
  ThredoThreadPrivate *priv;
  gboolean is_new;

  g_return_val_if_fail (THREDO_IS_THREAD (self), FALSE);

  priv = private_of (self);

  thredo_mutex_lock (&priv->lock);
  is_new = thredo_gate_get (&priv->state) == THREDO_THREAD_STATE_NEW && priv->core == NULL;
  if (is_new)
    thredo_gate_set (&priv->state, THREDO_THREAD_STATE_RUNNING);
  thredo_mutex_unlock (&priv->lock);

  if (!is_new)
    {
      g_set_error (error, THREDO_ERROR, THREDO_ERROR_STATE,
                   "Thread '%s' was started before", thredo_thread_get_name (self));
      return FALSE;
    }

  if (thredo_thread_start_os_thread (self, error))
    return TRUE;

  thredo_thread_set_not_started (self);
  return FALSE;
}

/**
 * thredo_thread_cancel:
 * @self: a thread
 *
 * Asks the thread to end.
 *
 * If it is blocked in a call of this library, that call fails with
 * `G_IO_ERROR_CANCELLED`; and so does every further one. A thread that computes
 * is not stopped: it ends when it next blocks, or asks by
 * [func@Thredo.check_cancelled].
 *
 * Returns at once; [method@Thredo.Thread.wait] waits for the end. Any thread
 * may call this, the thread itself too. On a thread that has ended it does
 * nothing.
 *
 * Since: 1.0
 */
void
thredo_thread_cancel (ThredoThread *self)
{
  ThredoGroupCore *core;

  g_return_if_fail (THREDO_IS_THREAD (self));

  thredo_level_cancel (&private_of (self)->level);

  if (thredo_thread_get_end (self) != THREDO_THREAD_STATE_NEW)
    return;
  core = thredo_thread_dup_core (self);
  if (core != NULL)
    {
      thredo_group_core_member_cancelled (core, self);
      thredo_group_core_unref (core);
    }
}

/**
 * thredo_thread_is_cancelled:
 * @self: a thread
 *
 * Whether the thread was asked to end. It may not have got to it yet.
 *
 * Returns: %TRUE after [method@Thredo.Thread.cancel]
 *
 * Since: 1.0
 */
gboolean
thredo_thread_is_cancelled (ThredoThread *self)
{
  g_return_val_if_fail (THREDO_IS_THREAD (self), FALSE);

  return thredo_level_is_cancelled (&private_of (self)->level);
}

/* Takes the pointer; the value is copied. */
static void
set_result (ThredoThread   *self,
            const GValue   *value,
            gpointer        pointer,
            GDestroyNotify  destroy)
{
  ThredoThreadPrivate *priv = private_of (self);
  GValue new_value = G_VALUE_INIT, old_value;
  gpointer old_pointer = pointer;
  GDestroyNotify old_destroy = destroy;
  gboolean is_late;

  if (value != NULL)
    thredo_value_set_copy (&new_value, value);

  thredo_mutex_lock (&priv->lock);
  is_late = thredo_gate_is_open (&priv->state);
  old_value = new_value;
  if (!is_late)
    {
      old_pointer = priv->result_pointer;
      old_destroy = priv->result_destroy;
      old_value = priv->result;
      priv->result_pointer = pointer;
      priv->result_destroy = destroy;
      priv->result = new_value;
    }
  thredo_mutex_unlock (&priv->lock);

  if (old_destroy != NULL)
    old_destroy (old_pointer);
  if (G_IS_VALUE (&old_value))
    g_value_unset (&old_value);
  if (is_late)
    g_critical ("Thread '%s' has ended and takes no result any more",
                thredo_thread_get_name (self));
}

/**
 * thredo_thread_set_result:
 * @self: a thread that has not ended
 * @result: the result, which is copied
 *
 * Sets what the thread leaves behind; called by its function.
 *
 * A result that was set before is dropped.
 *
 * Since: 1.0
 */
void
thredo_thread_set_result (ThredoThread *self,
                          const GValue *result)
{
  g_return_if_fail (THREDO_IS_THREAD (self));
  g_return_if_fail (G_IS_VALUE (result));

  set_result (self, result, NULL, NULL);
}

/**
 * thredo_thread_set_result_pointer: (skip)
 * @self: a thread that has not ended
 * @result: (transfer full) (nullable): the result
 * @destroy: (nullable): frees @result if nobody takes it
 *
 * Sets what the thread leaves behind, for
 * [method@Thredo.Thread.join_pointer] to take.
 *
 * Since: 1.0
 */
void
thredo_thread_set_result_pointer (ThredoThread   *self,
                                  gpointer        result,
                                  GDestroyNotify  destroy)
{
  GValue value = G_VALUE_INIT;

  g_return_if_fail (THREDO_IS_THREAD (self));

  g_value_init (&value, G_TYPE_POINTER);
  g_value_set_pointer (&value, result);
  set_result (self, &value, result, destroy);
}

/**
 * thredo_thread_get_result:
 * @self: a thread that has ended
 * @result: (out caller-allocates): location for the result, which is
 *   initialised and copied to
 *
 * Gets what the thread left behind by [method@Thredo.Thread.set_result].
 *
 * In C, @result is `G_VALUE_INIT`, and is to be unset when there was one; else
 * it is left alone. Does not wait: join the thread first.
 *
 * Returns: %TRUE if there is a result; %FALSE if none was set, or the thread
 *   has not ended
 *
 * Since: 1.0
 */
gboolean
thredo_thread_get_result (ThredoThread *self,
                          GValue       *result)
{
  ThredoThreadPrivate *priv;
  gboolean has_result;

  g_return_val_if_fail (THREDO_IS_THREAD (self), FALSE);
  g_return_val_if_fail (result != NULL, FALSE);

  /* It does not change once the thread has ended, and to copy it may call code
   * of users: no lock. */
  priv = private_of (self);
  has_result = thredo_gate_is_open (&priv->state) && G_IS_VALUE (&priv->result);
  if (has_result)
    thredo_value_set_copy (result, &priv->result);

  return has_result;
}

/**
 * thredo_thread_hush_failure: (skip)
 * @self: a thread
 *
 * Keeps the library from saying in the log that the thread has failed, and
 * nobody joined it.
 *
 * For bindings that say so themselves, in the manner of their language. Any
 * thread may call this.
 *
 * Since: 1.0
 */
void
thredo_thread_hush_failure (ThredoThread *self)
{
  ThredoThreadPrivate *priv;

  g_return_if_fail (THREDO_IS_THREAD (self));

  priv = private_of (self);
  thredo_mutex_lock (&priv->lock);
  priv->joined = TRUE;
  thredo_mutex_unlock (&priv->lock);
}

/**
 * thredo_thread_get_result_for_bindings: (rename-to thredo_thread_get_result)
 * @self: a thread that has ended
 * @result: (out caller-allocates): location for the result
 *
 * Gets what the thread left behind by [method@Thredo.Thread.set_result].
 *
 * The same as `thredo_thread_get_result()`, but that @result is a %NULL pointer
 * if there is none.
 *
 * Returns: as `thredo_thread_get_result()`
 *
 * Since: 1.0
 */
gboolean
thredo_thread_get_result_for_bindings (ThredoThread *self,
                                       GValue       *result)
{
  thredo_value_set_nothing (result);
  return thredo_thread_get_result (self, result);
}

/**
 * thredo_thread_get_result_boxed:
 * @self: a thread that has ended
 *
 * Gets what the thread left behind by [method@Thredo.Thread.set_result].
 *
 * For languages that do not let go of what a call fills in, as GJS does not.
 *
 * Returns: (transfer full) (nullable): the result, or %NULL if there is none
 *
 * Since: 1.0
 */
GValue *
thredo_thread_get_result_boxed (ThredoThread *self)
{
  GValue value = G_VALUE_INIT;

  return thredo_thread_get_result (self, &value) ? thredo_value_box (&value) : NULL;
}

/* Whether there is a result, and it is something. Once the thread has ended. */
gboolean
thredo_thread_has_result (ThredoThread *self)
{
  ThredoThreadPrivate *priv = private_of (self);

  if (!G_IS_VALUE (&priv->result))
    return FALSE;
  return !g_value_fits_pointer (&priv->result) || g_value_peek_pointer (&priv->result) != NULL;
}

/**
 * thredo_thread_get_error:
 * @self: a thread
 *
 * Gets what the thread's function ended with, if it went wrong.
 *
 * Returns: (transfer none) (nullable): the error of a thread that has ended
 *   `FAILED` or `CANCELLED`, else %NULL; valid as long as the thread
 *
 * Since: 1.0
 */
const GError *
thredo_thread_get_error (ThredoThread *self)
{
  ThredoThreadPrivate *priv;

  g_return_val_if_fail (THREDO_IS_THREAD (self), NULL);

  priv = private_of (self);
  return thredo_gate_is_open (&priv->state) ? priv->error : NULL;
}

/* Calls the function with the slot if the thread is parked in a wait. */
#define WITH_PARKED_SLOT(self, slot, statement) \
  G_STMT_START \
  { \
    ThredoThreadPrivate *with_priv = private_of (self); \
    ThredoSlot *slot; \
\
    thredo_mutex_lock (&with_priv->lock); \
    slot = with_priv->slot; \
    if (slot != NULL) \
      { \
        thredo_mutex_lock (&slot->lock); \
        if (slot->info != NULL && \
            thredo_wait_get_state (&slot->wait) == THREDO_WAIT_PARKED) \
          statement; \
        thredo_mutex_unlock (&slot->lock); \
      } \
    thredo_mutex_unlock (&with_priv->lock); \
  } \
  G_STMT_END

/**
 * thredo_thread_get_state:
 * @self: a thread
 *
 * Gets what the thread is doing, at this moment.
 *
 * It is `WAITING` while it is parked in a blocking call of this library, and by
 * then stands in line for what it waits for. Any thread may call this.
 *
 * Returns: the state
 *
 * Since: 1.0
 */
ThredoThreadState
thredo_thread_get_state (ThredoThread *self)
{
  ThredoThreadState state;

  g_return_val_if_fail (THREDO_IS_THREAD (self), THREDO_THREAD_STATE_NEW);

  state = thredo_thread_get_end (self);
  if (state == THREDO_THREAD_STATE_RUNNING)
    WITH_PARKED_SLOT (self, slot, state = THREDO_THREAD_STATE_WAITING);

  return state;
}

/**
 * thredo_thread_is_alive:
 * @self: a thread
 *
 * Whether the thread was started and has not ended.
 *
 * Returns: %TRUE while it is `RUNNING` or `WAITING`
 *
 * Since: 1.0
 */
gboolean
thredo_thread_is_alive (ThredoThread *self)
{
  g_return_val_if_fail (THREDO_IS_THREAD (self), FALSE);

  return thredo_thread_get_end (self) == THREDO_THREAD_STATE_RUNNING;
}

/**
 * thredo_thread_get_id:
 * @self: a thread
 *
 * Gets the thread's number.
 *
 * Returns: a number that no other thread of the process has or will have
 *
 * Since: 1.0
 */
guint64
thredo_thread_get_id (ThredoThread *self)
{
  g_return_val_if_fail (THREDO_IS_THREAD (self), 0);

  return private_of (self)->id;
}

/**
 * thredo_thread_get_name:
 * @self: a thread
 *
 * Gets what the thread is called.
 *
 * Returns: (transfer none): the name, valid as long as the thread
 *
 * Since: 1.0
 */
const char *
thredo_thread_get_name (ThredoThread *self)
{
  ThredoName *name;

  g_return_val_if_fail (THREDO_IS_THREAD (self), NULL);

  name = &private_of (self)->name;
  if (G_UNLIKELY (thredo_name_get (name) == NULL))
    {
      g_autofree char *number = g_strdup_printf ("thread %" G_GUINT64_FORMAT,
                                                 private_of (self)->id);

      thredo_name_set_if_none (name, number);
    }
  return thredo_name_get (name);
}

/**
 * thredo_thread_set_name:
 * @self: a thread
 * @name: what to call it
 *
 * Sets what the thread is called, here and by the operating system, which may
 * show its beginning only (15 bytes on Linux). Any thread may call this.
 *
 * Since: 1.0
 */
void
thredo_thread_set_name (ThredoThread *self,
                        const char   *name)
{
  ThredoThreadPrivate *priv;

  g_return_if_fail (THREDO_IS_THREAD (self));
  g_return_if_fail (name != NULL);

  priv = private_of (self);
  thredo_name_set (&priv->name, name);
  thredo_mutex_lock (&priv->lock);
  if (priv->slot != NULL)
    thredo_slot_set_os_name (priv->slot, name);
  thredo_mutex_unlock (&priv->lock);

  g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_NAME]);
}

/**
 * thredo_thread_get_cancellable:
 * @self: a thread
 *
 * Gets the thread's own cancellable. To cancel it is to cancel the thread.
 *
 * Returns: (transfer none): the cancellable, which lives as long as the thread
 *
 * Since: 1.0
 */
GCancellable *
thredo_thread_get_cancellable (ThredoThread *self)
{
  g_return_val_if_fail (THREDO_IS_THREAD (self), NULL);

  return thredo_level_get_cancellable (&private_of (self)->level);
}

/**
 * thredo_thread_get_group:
 * @self: a thread
 *
 * Gets the group that the thread is in.
 *
 * One that is dropped at this moment may still be returned, and is as good as
 * cancelled. Any thread may call this.
 *
 * Returns: (transfer full) (nullable): the group, or %NULL if it is in none
 *
 * Since: 1.0
 */
ThredoGroup *
thredo_thread_get_group (ThredoThread *self)
{
  ThredoGroupCore *core;
  ThredoGroup *group = NULL;

  g_return_val_if_fail (THREDO_IS_THREAD (self), NULL);

  core = thredo_thread_dup_core (self);
  if (core != NULL)
    {
      group = thredo_group_core_dup_group (core);
      thredo_group_core_unref (core);
    }
  return group;
}

/**
 * thredo_thread_get_daemon:
 * @self: a thread
 *
 * Gets whether the thread only serves others.
 *
 * Returns: %TRUE for a daemon
 *
 * Since: 1.0
 */
gboolean
thredo_thread_get_daemon (ThredoThread *self)
{
  g_return_val_if_fail (THREDO_IS_THREAD (self), FALSE);

  return private_of (self)->daemon;
}

/**
 * thredo_thread_set_daemon:
 * @self: a thread that was not started, and is in no group
 * @daemon: whether the thread only serves others
 *
 * Makes the thread one that its group does not wait for: the group cancels it
 * when all others have ended, and ignores how it ended.
 *
 * Since: 1.0
 */
void
thredo_thread_set_daemon (ThredoThread *self,
                          gboolean      daemon)
{
  g_return_if_fail (THREDO_IS_THREAD (self));
  g_return_if_fail (thredo_thread_is_new (self));

  if (private_of (self)->daemon == !!daemon)
    return;
  private_of (self)->daemon = !!daemon;
  g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_DAEMON]);
}

/**
 * thredo_thread_get_stack_size:
 * @self: a thread
 *
 * Gets how much stack the thread asks for.
 *
 * Returns: bytes, or 0 for the default
 *
 * Since: 1.0
 */
gsize
thredo_thread_get_stack_size (ThredoThread *self)
{
  g_return_val_if_fail (THREDO_IS_THREAD (self), 0);

  return private_of (self)->stack_size;
}

/**
 * thredo_thread_set_stack_size:
 * @self: a thread that was not started
 * @stack_size: bytes, or 0 for the default
 *
 * Sets how much stack the thread is to have.
 *
 * It is rounded up to what the system can do. A size that the system cannot
 * provide makes [method@Thredo.Thread.start] fail. A thread with a size of its
 * own does not share in the cache of OS threads, so it starts slower. The
 * library built with `portable` ignores this.
 *
 * Since: 1.0
 */
void
thredo_thread_set_stack_size (ThredoThread *self,
                              gsize         stack_size)
{
  g_return_if_fail (THREDO_IS_THREAD (self));
  g_return_if_fail (thredo_thread_is_new (self));

  if (private_of (self)->stack_size == stack_size)
    return;
  private_of (self)->stack_size = stack_size;
  g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_STACK_SIZE]);
}

/**
 * thredo_thread_set_default_stack_size:
 * @stack_size: bytes, or 0 for what the system gives
 *
 * Sets how much stack threads have that are started from now on and do not
 * say.
 *
 * Since: 1.0
 */
void
thredo_thread_set_default_stack_size (gsize stack_size)
{
  thredo_worker_set_default_stack_size (stack_size);
}

/**
 * thredo_thread_dup_waiting_for:
 * @self: a thread
 *
 * Tells what the thread waits for, for people: "get on Queue 'jobs'". Any
 * thread may call this.
 *
 * Returns: (transfer full) (nullable): a text, or %NULL if the thread is not
 *   `WAITING`
 *
 * Since: 1.0
 */
char *
thredo_thread_dup_waiting_for (ThredoThread *self)
{
  char *text = NULL;

  g_return_val_if_fail (THREDO_IS_THREAD (self), NULL);

  WITH_PARKED_SLOT (self, slot, text = thredo_slot_describe_wait (slot));

  return text;
}

/**
 * thredo_thread_get_waiting_since:
 * @self: a thread
 *
 * Tells since when the thread waits. Any thread may call this.
 *
 * Returns: microseconds of [func@GLib.get_monotonic_time], or 0 if the thread
 *   is not `WAITING`
 *
 * Since: 1.0
 */
gint64
thredo_thread_get_waiting_since (ThredoThread *self)
{
  gint64 since = 0;

  g_return_val_if_fail (THREDO_IS_THREAD (self), 0);

  WITH_PARKED_SLOT (self, slot, since = slot->since);

  return since;
}

static void
add_owner (ThredoSlot *slot,
           gpointer    threads)
{
  if (slot->owner != NULL && !slot->is_loop)
    g_ptr_array_add (threads, g_object_ref (slot->owner));
}

static int
compare_ids (gconstpointer a,
             gconstpointer b)
{
  guint64 id_a = thredo_thread_get_id (*(ThredoThread **) a);
  guint64 id_b = thredo_thread_get_id (*(ThredoThread **) b);

  return id_a < id_b ? -1 : id_a > id_b;
}

void
thredo_thread_sort_by_id (GPtrArray *threads)
{
  g_ptr_array_sort (threads, compare_ids);
}

/**
 * thredo_thread_list_all:
 *
 * Lists the threads of the process that are alive and known to the library:
 * those it has started, and those that have used it. Any thread may call this.
 *
 * Returns: (transfer container) (element-type Thredo.Thread): the threads,
 *   oldest first
 *
 * Since: 1.0
 */
GPtrArray *
thredo_thread_list_all (void)
{
  GPtrArray *threads = g_ptr_array_new_with_free_func (g_object_unref);

  thredo_slot_foreach (add_owner, threads);
  thredo_thread_sort_by_id (threads);

  return threads;
}
