/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "thredo-condition.h"

#include "thredo-async-private.h"
#include "thredo-error.h"
#include "thredo-lockable.h"
#include "thredo-name-private.h"
#include "thredo-rlock.h"

/**
 * ThredoCondition:
 *
 * Waits for something to become true that a lock guards.
 *
 * A thread that owns the lock and finds that it has to wait for others to change
 * what the lock guards calls [method@Thredo.Condition.wait]: that releases the lock,
 * waits, and has the lock back when it returns, in every case: also if the wait was
 * cancelled or took too long. Who changes it calls [method@Thredo.Condition.notify]
 * or [method@Thredo.Condition.notify_all], and owns the lock too.
 *
 * When a wait has returned, others may have changed everything once more. So a wait
 * is in a loop, which [method@Thredo.Condition.wait_for] is.
 *
 * ```c
 * static gboolean
 * spend (Account *account, gint64 amount, GError **error)
 * {
 *   g_autoptr(ThredoLockGuard) guard = thredo_lock_guard_new (account->lock, NULL, error);
 *
 *   if (guard == NULL)
 *     return FALSE;
 *   while (account->balance < amount)
 *     {
 *       if (!thredo_condition_wait (account->changed, NULL, error))
 *         return FALSE;
 *     }
 *   account->balance -= amount;
 *   return TRUE;
 * }
 * ```
 *
 * A notify is never lost: where one and a cancel come together, either the wait
 * succeeds, and the next one says that the thread was cancelled, or the notify goes
 * to the next who waits.
 *
 * It works with any [iface@Thredo.Lockable], of which it releases all levels. The
 * semantics are those of Python's
 * [threading.Condition](https://docs.python.org/3/library/threading.html#condition-objects),
 * with cancellation on top.
 *
 * Since: 1.0
 */

/**
 * ThredoConditionFunc:
 * @condition: the condition
 * @user_data: what was given with the function
 *
 * Says whether what is waited for has come true.
 *
 * It is called by the thread that waits, which owns the lock.
 *
 * Returns: whether to wait no longer
 *
 * Since: 1.0
 */
struct _ThredoCondition
{
  GObject parent_instance;

  ThredoName name;
  ThredoLockable *lockable;

  ThredoMutex lock; /* guards the following, and every ticket */
  GQueue line;
};

/* What stands in line for a thread or a task. It stands there before the lockable
 * is released, so that no notify is missed, but its wait is armed only after that:
 * a lockable may be of the user's making and wait itself. */
typedef struct
{
  GList link;
  gboolean in_line;
  gboolean notified; /* before its wait was armed */
  ThredoWait *wait;  /* NULL until it is armed */
} Ticket;

enum
{
  PROP_0,
  PROP_NAME,
  PROP_LOCKABLE,
  PROP_N_WAITING,
  N_PROPS
};

G_DEFINE_FINAL_TYPE (ThredoCondition, thredo_condition, G_TYPE_OBJECT)

static GParamSpec *properties[N_PROPS];

static const char *
get_name (gpointer object)
{
  return thredo_condition_get_name (object);
}

static const ThredoWaitInfo wait_info = { "thredo_condition_wait", "wait", "Condition", get_name };
static const ThredoWaitInfo wait_for_info = { "thredo_condition_wait_for", "wait", "Condition",
                                              get_name };
static const ThredoWaitInfo wait_async_info = { "thredo_condition_wait_async", "wait", "Condition",
                                                get_name };

static gboolean
check_owned (ThredoCondition  *self,
             const char       *function,
             GError          **error)
{
  if (thredo_lockable_is_owned (self->lockable))
    return TRUE;
  g_set_error (error, THREDO_ERROR, THREDO_ERROR_NOT_OWNER,
               "%s() needs the lock of the condition, which the calling thread does not own",
               function);
  return FALSE;
}

static void
line_up (ThredoCondition *self,
         Ticket          *ticket)
{
  ticket->link.data = ticket;
  ticket->in_line = TRUE;
  thredo_mutex_lock (&self->lock);
  g_queue_push_tail_link (&self->line, &ticket->link);
  thredo_mutex_unlock (&self->lock);
}

static void
step_out (ThredoCondition *self,
          Ticket          *ticket)
{
  thredo_mutex_lock (&self->lock);
  if (ticket->in_line)
    g_queue_unlink (&self->line, &ticket->link);
  ticket->in_line = FALSE;
  thredo_mutex_unlock (&self->lock);
}

/* Under the lock. One whose wait cannot be claimed was cancelled in this moment, and
 * the next is notified in its place. */
static void
notify_locked (ThredoCondition *self,
               guint            n,
               ThredoWakeBatch *batch)
{
  GList *link;

  while (n > 0 && (link = g_queue_pop_head_link (&self->line)) != NULL)
    {
      Ticket *ticket = link->data;

      ticket->in_line = FALSE;
      if (ticket->wait == NULL)
        ticket->notified = TRUE;
      else if (!thredo_wait_claim (ticket->wait, ticket->wait->token, THREDO_WAIT_DONE, batch))
        continue;
      n--;
    }
}

static gboolean
notify (ThredoCondition  *self,
        guint             n,
        const char       *function,
        GError          **error)
{
  ThredoWakeBatch batch = THREDO_WAKE_BATCH_INIT;

  if (!check_owned (self, function, error))
    return FALSE;

  thredo_mutex_lock (&self->lock);
  notify_locked (self, n, &batch);
  thredo_mutex_unlock (&self->lock);
  thredo_wake_batch_flush (&batch);

  return TRUE;
}

/* Waits for the notify of a ticket that stands in line since before the lockable
 * was released. */
static ThredoWaitState
await_notify (ThredoCondition      *self,
              ThredoSlot           *slot,
              const ThredoWaitInfo *info,
              Ticket               *ticket,
              GCancellable         *cancellable)
{
  ThredoWaitState outcome;

  thredo_slot_prepare (slot, info);

  thredo_mutex_lock (&self->lock);
  if (ticket->notified)
    {
      thredo_mutex_unlock (&self->lock);
      return THREDO_WAIT_DONE;
    }
  thredo_wait_arm (&slot->wait);
  ticket->wait = &slot->wait;
  thredo_mutex_unlock (&self->lock);

  outcome = thredo_slot_spin_and_block (slot, info, self, cancellable);
  if (outcome != THREDO_WAIT_DONE)
    step_out (self, ticket);

  return outcome;
}

static gboolean
wait_once (ThredoCondition       *self,
           const ThredoWaitInfo  *info,
           GCancellable          *cancellable,
           GError               **error)
{
  g_autoptr(ThredoCondition) kept = NULL;
  ThredoSlot *slot = thredo_slot_self ();
  Ticket ticket = { .wait = NULL };
  ThredoWaitState outcome;
  guint depth;

  if (!thredo_blocking_begin (slot, info, cancellable, error) ||
      !check_owned (self, info->function, error))
    return FALSE;

  kept = g_object_ref (self);
  line_up (self, &ticket);
  depth = thredo_lockable_release_all (self->lockable);
  outcome = await_notify (self, slot, info, &ticket, cancellable);
  thredo_lockable_reacquire (self->lockable, depth);

  return outcome == THREDO_WAIT_DONE ||
         thredo_blocking_set_error (slot, info, outcome, cancellable, error);
}

static void
thredo_condition_get_property (GObject    *object,
                               guint       prop_id,
                               GValue     *value,
                               GParamSpec *pspec)
{
  ThredoCondition *self = THREDO_CONDITION (object);

  switch (prop_id)
    {
    case PROP_NAME:
      g_value_set_string (value, thredo_condition_get_name (self));
      break;
    case PROP_LOCKABLE:
      g_value_set_object (value, thredo_condition_get_lockable (self));
      break;
    case PROP_N_WAITING:
      g_value_set_uint (value, thredo_condition_get_n_waiting (self));
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, prop_id, pspec);
    }
}

static void
thredo_condition_set_property (GObject      *object,
                               guint         prop_id,
                               const GValue *value,
                               GParamSpec   *pspec)
{
  ThredoCondition *self = THREDO_CONDITION (object);

  switch (prop_id)
    {
    case PROP_NAME:
      thredo_condition_set_name (self, g_value_get_string (value));
      break;
    case PROP_LOCKABLE:
      self->lockable = g_value_dup_object (value);
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, prop_id, pspec);
    }
}

static void
thredo_condition_constructed (GObject *object)
{
  ThredoCondition *self = THREDO_CONDITION (object);

  if (self->lockable == NULL)
    self->lockable = g_object_new (THREDO_TYPE_RLOCK, NULL);

  G_OBJECT_CLASS (thredo_condition_parent_class)->constructed (object);
}

static void
thredo_condition_finalize (GObject *object)
{
  ThredoCondition *self = THREDO_CONDITION (object);

  /* Whoever notified the last one may not have let go of the lock yet. */
  thredo_mutex_lock (&self->lock);
  thredo_mutex_unlock (&self->lock);
  thredo_mutex_clear (&self->lock);
  g_clear_object (&self->lockable);
  thredo_name_clear (&self->name);

  G_OBJECT_CLASS (thredo_condition_parent_class)->finalize (object);
}

static void
thredo_condition_class_init (ThredoConditionClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);

  object_class->get_property = thredo_condition_get_property;
  object_class->set_property = thredo_condition_set_property;
  object_class->constructed = thredo_condition_constructed;
  object_class->finalize = thredo_condition_finalize;

  /**
   * ThredoCondition:name:
   *
   * What the condition is called where threads that wait for it are shown.
   *
   * Since: 1.0
   */
  properties[PROP_NAME] =
      g_param_spec_string ("name", NULL, NULL, NULL,
                           G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | G_PARAM_EXPLICIT_NOTIFY);
  /**
   * ThredoCondition:lockable:
   *
   * What guards what is waited for. If none is given, it is a new
   * [class@Thredo.RLock].
   *
   * Since: 1.0
   */
  properties[PROP_LOCKABLE] =
      g_param_spec_object ("lockable", NULL, NULL, THREDO_TYPE_LOCKABLE,
                           G_PARAM_READWRITE | G_PARAM_CONSTRUCT_ONLY | G_PARAM_STATIC_STRINGS);
  /**
   * ThredoCondition:n-waiting:
   *
   * How many wait for a notify. There is no notification of a change.
   *
   * Since: 1.0
   */
  properties[PROP_N_WAITING] =
      g_param_spec_uint ("n-waiting", NULL, NULL, 0, G_MAXUINT, 0,
                         G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);
  g_object_class_install_properties (object_class, N_PROPS, properties);
}

static void
thredo_condition_init (ThredoCondition *self)
{
  thredo_name_init (&self->name);
  thredo_mutex_init (&self->lock);
}

/**
 * thredo_condition_new:
 * @lockable: (nullable): what guards what is to be waited for, or %NULL for a new
 *   [class@Thredo.RLock]
 *
 * Makes a condition. Any number of them may be of one lock.
 *
 * Returns: (transfer full): a new condition
 *
 * Since: 1.0
 */
ThredoCondition *
thredo_condition_new (ThredoLockable *lockable)
{
  g_return_val_if_fail (lockable == NULL || THREDO_IS_LOCKABLE (lockable), NULL);

  return g_object_new (THREDO_TYPE_CONDITION, "lockable", lockable, NULL);
}

/**
 * thredo_condition_wait:
 * @self: a condition
 * @cancellable: (nullable): what else can end the wait
 * @error: return location for an error
 *
 * Releases the lock, waits for a notify, and has the lock back.
 *
 * The calling thread owns the lock; if it has acquired it several times, it is
 * released as often, and has the same depth after the wait.
 *
 * The wait ends with a notify, by a cancel of the caller, the deadline of a scope
 * around it, or a cancel of @cancellable. The lock is then acquired again, before
 * this returns, and nothing of all that ends the waiting for it. While the wait
 * lasts, it keeps the condition alive. Any thread but the loop's may call this.
 *
 * Returns: %TRUE, or %FALSE with an error: `G_IO_ERROR_CANCELLED` or
 *   `G_IO_ERROR_TIMED_OUT` ([error@Gio.IOErrorEnum]) if the wait was cancelled or
 *   too long; `THREDO_ERROR_NOT_OWNER` if the caller does not own the lock;
 *   `THREDO_ERROR_LOOP_THREAD`
 *
 * Since: 1.0
 */
gboolean
thredo_condition_wait (ThredoCondition  *self,
                       GCancellable     *cancellable,
                       GError          **error)
{
  g_return_val_if_fail (THREDO_IS_CONDITION (self), FALSE);
  g_return_val_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable), FALSE);

  return wait_once (self, &wait_info, cancellable, error);
}

/* What a task waits with. It is there for longer than the wait: until the lock is
 * had back. */
typedef struct
{
  Ticket ticket;
  guint depth;
  GTask *task;
  GError *error;
} TaskTicket;

/* The wait of a task. */
typedef struct
{
  ThredoAsync async;
  TaskTicket *task_ticket;
} WaitAsync;

static void
had_back (GObject      *lockable,
          GAsyncResult *result,
          gpointer      user_data)
{
  g_autofree TaskTicket *task_ticket = user_data;
  g_autoptr(GTask) task = task_ticket->task;

  if (task_ticket->error != NULL)
    g_task_return_error (task, task_ticket->error);
  else
    g_task_return_boolean (task, TRUE);
}

static void
have_back (ThredoCondition *self,
           TaskTicket      *task_ticket)
{
  thredo_lockable_reacquire_async (self->lockable, task_ticket->depth, had_back, task_ticket);
}

static gboolean
wait_async_finish (ThredoAsync     *async,
                   ThredoWaitState  outcome)
{
  ThredoCondition *self = g_task_get_source_object (async->task);
  GMainContext *context = g_task_get_context (async->task);
  TaskTicket *task_ticket = ((WaitAsync *) async)->task_ticket;

  step_out (self, &task_ticket->ticket);
  if (outcome != THREDO_WAIT_DONE)
    thredo_blocking_set_error (thredo_slot_self (), async->info, outcome,
                               g_task_get_cancellable (async->task), &task_ticket->error);

  /* The thread that runs this context is to own the lock, and the context need not
   * be the thread's default one. */
  g_main_context_push_thread_default (context);
  have_back (self, task_ticket);
  g_main_context_pop_thread_default (context);

  return TRUE;
}

/* For a ticket that stands in line since before the lockable was released. */
static void
await_notify_async (ThredoCondition *self,
                    TaskTicket      *task_ticket)
{
  WaitAsync *wait_async = (WaitAsync *) thredo_async_new (sizeof (WaitAsync), task_ticket->task,
                                                          &wait_async_info, wait_async_finish);
  gboolean notified;

  wait_async->task_ticket = task_ticket;
  thredo_mutex_lock (&self->lock);
  notified = task_ticket->ticket.notified;
  if (!notified)
    task_ticket->ticket.wait = &wait_async->async.wait;
  thredo_mutex_unlock (&self->lock);

  if (!notified)
    {
      thredo_async_start (&wait_async->async);
      return;
    }
  thredo_async_drop (&wait_async->async);
  have_back (self, task_ticket);
}

/**
 * thredo_condition_wait_async:
 * @self: a condition
 * @cancellable: (nullable): what can end the wait
 * @callback: (scope async) (nullable): called when the wait has ended and the lock
 *   is had back
 * @user_data: data for @callback
 *
 * Releases the lock, and waits for a notify without blocking.
 *
 * The calling thread owns the lock. It is released here, and in the callback, which
 * runs in the thread-default main context of the caller, it belongs to the thread
 * that runs that context, as deep as before, and is that thread's to release. That
 * is so also if the wait was cancelled.
 *
 * If this fails at once, because @cancellable is cancelled already, the caller does
 * not own the lock (`THREDO_ERROR_NOT_OWNER`), or it is of a type that has no
 * asynchronous form (`G_IO_ERROR_NOT_SUPPORTED`), it is not released at all. Any
 * thread may call this.
 *
 * Since: 1.0
 */
void
thredo_condition_wait_async (ThredoCondition     *self,
                             GCancellable        *cancellable,
                             GAsyncReadyCallback  callback,
                             gpointer             user_data)
{
  g_autoptr(GTask) task = NULL;
  GError *error = NULL;
  TaskTicket *task_ticket;

  g_return_if_fail (THREDO_IS_CONDITION (self));
  g_return_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable));

  task = g_task_new (self, cancellable, callback, user_data);
  g_task_set_source_tag (task, thredo_condition_wait_async);
  if (g_task_return_error_if_cancelled (task))
    return;
  if (!check_owned (self, wait_async_info.function, &error))
    {
      g_task_return_error (task, error);
      return;
    }
  if (THREDO_LOCKABLE_GET_IFACE (self->lockable)->reacquire_async == NULL)
    {
      g_task_return_new_error (task, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED,
                               "A %s cannot be acquired asynchronously",
                               G_OBJECT_TYPE_NAME (self->lockable));
      return;
    }

  task_ticket = g_new0 (TaskTicket, 1);
  task_ticket->task = g_object_ref (task);
  line_up (self, &task_ticket->ticket);
  task_ticket->depth = thredo_lockable_release_all (self->lockable);
  await_notify_async (self, task_ticket);
}

/**
 * thredo_condition_wait_finish:
 * @self: a condition
 * @result: what the callback was given
 * @error: return location for an error
 *
 * Ends what [method@Thredo.Condition.wait_async] began.
 *
 * Returns: as [method@Thredo.Condition.wait]; also `G_IO_ERROR_NOT_SUPPORTED`
 *
 * Since: 1.0
 */
gboolean
thredo_condition_wait_finish (ThredoCondition  *self,
                              GAsyncResult     *result,
                              GError          **error)
{
  g_return_val_if_fail (g_task_is_valid (result, self), FALSE);

  return g_task_propagate_boolean (G_TASK (result), error);
}

/**
 * thredo_condition_wait_for:
 * @self: a condition
 * @predicate: (scope call) (closure user_data): says whether to wait no longer
 * @user_data: data for @predicate
 * @cancellable: (nullable): what else can end the wait
 * @error: return location for an error
 *
 * Waits until a predicate is true.
 *
 * The predicate is called with the lock owned: at once, and after each notify. If
 * it is true at once, this does not wait; the lock has to be owned all the same. The
 * deadline of a scope is for all of the waits together. A wait that was cancelled or
 * too long is followed by a last look.
 *
 * Returns: %TRUE if the predicate is true; or %FALSE with an error, as
 *   [method@Thredo.Condition.wait]
 *
 * Since: 1.0
 */
gboolean
thredo_condition_wait_for (ThredoCondition      *self,
                           ThredoConditionFunc   predicate,
                           gpointer              user_data,
                           GCancellable         *cancellable,
                           GError              **error)
{
  g_autoptr(ThredoCondition) kept = NULL;
  GError *wait_error = NULL;

  g_return_val_if_fail (THREDO_IS_CONDITION (self), FALSE);
  g_return_val_if_fail (predicate != NULL, FALSE);
  g_return_val_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable), FALSE);

  if (!thredo_blocking_begin (thredo_slot_self (), &wait_for_info, cancellable, error) ||
      !check_owned (self, wait_for_info.function, error))
    return FALSE;

  kept = g_object_ref (self);
  while (!predicate (self, user_data))
    {
      if (wait_error != NULL)
        {
          g_propagate_error (error, wait_error);
          return FALSE;
        }
      wait_once (self, &wait_for_info, cancellable, &wait_error);
    }
  g_clear_error (&wait_error);
  return TRUE;
}

/**
 * thredo_condition_notify:
 * @self: a condition
 * @n: how many to notify
 * @error: return location for an error
 *
 * Lets the @n that have waited longest go on, or all if there are fewer.
 *
 * The calling thread owns the lock, and those who are notified get it when it has
 * released it. One who was cancelled in the same moment does not count: another is
 * notified in its place. Never waits; any thread may call this.
 *
 * Returns: %TRUE, or %FALSE with the error `THREDO_ERROR_NOT_OWNER` if the caller
 *   does not own the lock
 *
 * Since: 1.0
 */
gboolean
thredo_condition_notify (ThredoCondition  *self,
                         guint             n,
                         GError          **error)
{
  g_return_val_if_fail (THREDO_IS_CONDITION (self), FALSE);

  return notify (self, n, "thredo_condition_notify", error);
}

/**
 * thredo_condition_notify_all:
 * @self: a condition
 * @error: return location for an error
 *
 * Lets all that wait go on, as [method@Thredo.Condition.notify].
 *
 * Returns: %TRUE, or %FALSE with the error `THREDO_ERROR_NOT_OWNER` if the caller
 *   does not own the lock
 *
 * Since: 1.0
 */
gboolean
thredo_condition_notify_all (ThredoCondition  *self,
                             GError          **error)
{
  g_return_val_if_fail (THREDO_IS_CONDITION (self), FALSE);

  return notify (self, G_MAXUINT, "thredo_condition_notify_all", error);
}

/**
 * thredo_condition_get_lockable:
 * @self: a condition
 *
 * Gets what guards what is waited for.
 *
 * Returns: (transfer none): the lock
 *
 * Since: 1.0
 */
ThredoLockable *
thredo_condition_get_lockable (ThredoCondition *self)
{
  g_return_val_if_fail (THREDO_IS_CONDITION (self), NULL);

  return self->lockable;
}

/**
 * thredo_condition_get_n_waiting:
 * @self: a condition
 *
 * Gets how many wait for a notify. Those who have been notified and wait for the
 * lock do not count. Any thread may call this.
 *
 * Returns: how many wait
 *
 * Since: 1.0
 */
guint
thredo_condition_get_n_waiting (ThredoCondition *self)
{
  guint n_waiting;

  g_return_val_if_fail (THREDO_IS_CONDITION (self), 0);

  thredo_mutex_lock (&self->lock);
  n_waiting = self->line.length;
  thredo_mutex_unlock (&self->lock);

  return n_waiting;
}

/**
 * thredo_condition_get_name:
 * @self: a condition
 *
 * Gets what the condition is called.
 *
 * Returns: (transfer none) (nullable): the name, valid as long as the condition
 *
 * Since: 1.0
 */
const char *
thredo_condition_get_name (ThredoCondition *self)
{
  g_return_val_if_fail (THREDO_IS_CONDITION (self), NULL);

  return thredo_name_get (&self->name);
}

/**
 * thredo_condition_set_name:
 * @self: a condition
 * @name: (nullable): what to call it
 *
 * Sets what the condition is called where threads that wait for it are shown.
 *
 * Since: 1.0
 */
void
thredo_condition_set_name (ThredoCondition *self,
                           const char      *name)
{
  g_return_if_fail (THREDO_IS_CONDITION (self));

  thredo_name_set (&self->name, name);
  g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_NAME]);
}
