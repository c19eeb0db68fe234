/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "thredo-barrier.h"

#include "thredo-async-private.h"
#include "thredo-error.h"
#include "thredo-name-private.h"

/**
 * ThredoBarrier:
 *
 * A point at which a number of threads wait for each other.
 *
 * Each calls [method@Thredo.Barrier.wait], and when as many have as the barrier
 * has parties, all go on together, and the barrier is ready for the next time. An
 * action, if there is one, is run by the last to arrive, before the others go.
 *
 * It is all or none: if one of them will not come, the others must not wait for it
 * for ever. So a wait that is cancelled or takes too long breaks the barrier: all
 * that wait, and all that come, get `THREDO_ERROR_BROKEN`, until somebody calls
 * [method@Thredo.Barrier.reset]. When the last has arrived it is too late for that:
 * a member that is cancelled in the same moment goes on with the others, and its
 * next wait says that it was cancelled. Only while an action is being run, which may
 * take long, a cancel ends a member's wait; it has arrived, and the others go on.
 *
 * ```c
 * static gboolean
 * simulate (ThredoThread *thread, gpointer user_data, GError **error)
 * {
 *   Part *part = user_data;
 *
 *   while (part->n_steps-- > 0)
 *     {
 *       part_compute_next (part);
 *       if (!thredo_barrier_wait (part->all_computed, NULL, NULL, error))
 *         return FALSE;
 *       part_exchange_borders (part);
 *       if (!thredo_barrier_wait (part->all_exchanged, NULL, NULL, error))
 *         return FALSE;
 *     }
 *   return TRUE;
 * }
 * ```
 *
 * The semantics are those of Python's
 * [threading.Barrier](https://docs.python.org/3/library/threading.html#barrier-objects),
 * with cancellation on top.
 *
 * Since: 1.0
 */

/**
 * ThredoBarrierFunc:
 * @barrier: the barrier
 * @user_data: what was given with the function
 * @error: return location for an error
 *
 * What is to happen when all have arrived, before they go on.
 *
 * It is run by the thread that arrived last, which holds no lock of the barrier
 * meanwhile. If it fails, the barrier is broken.
 *
 * Returns: %TRUE, or %FALSE with an error
 *
 * Since: 1.0
 */

/* What has become of a member. */
typedef enum
{
  WAITS,
  PASSES,
  BREAKS,
} Fate;

/* What a member stands in line with. Its fate is decided under the lock, before
 * its wait is claimed: a member whose wait was claimed by a cancel just before
 * takes the lock to step out, and finds what was decided. */
typedef struct
{
  Fate fate;
} Member;

/* All have arrived, and the action is being run: on the stack of the one who runs
 * it. */
typedef struct _Trip Trip;

struct _Trip
{
  ThredoWaitList members;
  Fate fate;
  Trip *next;
};

struct _ThredoBarrier
{
  GObject parent_instance;

  ThredoName name;
  guint parties;
  ThredoBarrierFunc action;
  gpointer action_data;
  GDestroyNotify action_destroy;

  ThredoMutex lock; /* guards the following, and every trip */
  ThredoWaitList waiting;
  gboolean broken;
  Trip *trips;
};

enum
{
  PROP_0,
  PROP_NAME,
  PROP_PARTIES,
  PROP_N_WAITING,
  PROP_BROKEN,
  N_PROPS
};

G_DEFINE_FINAL_TYPE (ThredoBarrier, thredo_barrier, G_TYPE_OBJECT)

static GParamSpec *properties[N_PROPS];

static const char *
get_name (gpointer object)
{
  return thredo_barrier_get_name (object);
}

static const ThredoWaitInfo wait_info = { "thredo_barrier_wait", "wait", "Barrier", get_name };
static const ThredoWaitInfo wait_async_info = { "thredo_barrier_wait_async", "wait", "Barrier",
                                                get_name };

static gboolean
set_broken_error (GError **error)
{
  g_set_error_literal (error, THREDO_ERROR, THREDO_ERROR_BROKEN, "The barrier is broken");
  return FALSE;
}

/* Under the lock. */
static void
send_locked (ThredoWaitList  *members,
             Fate             fate,
             ThredoWakeBatch *batch)
{
  for (ThredoWait *wait = members->first; wait != NULL; wait = wait->next)
    ((Member *) wait->payload)->fate = fate;
  thredo_wait_list_claim_all (members, fate == PASSES ? THREDO_WAIT_DONE : THREDO_WAIT_REFUSED,
                              batch);
}

/* Under the lock: nobody passes, not even those whose action is being run. */
static void
send_all_home_locked (ThredoBarrier   *self,
                      ThredoWakeBatch *batch)
{
  send_locked (&self->waiting, BREAKS, batch);
  for (Trip *trip = self->trips; trip != NULL; trip = trip->next)
    {
      trip->fate = BREAKS;
      send_locked (&trip->members, BREAKS, batch);
    }
}

/* Under the lock: those who wait for somebody who will not come. */
static void
break_locked (ThredoBarrier   *self,
              ThredoWakeBatch *batch)
{
  self->broken = TRUE;
  send_locked (&self->waiting, BREAKS, batch);
}

/* A member that is told before it has arrived that it must not wait. */
static gboolean
stay_away (ThredoBarrier *self)
{
  ThredoWakeBatch batch = THREDO_WAKE_BATCH_INIT;

  thredo_mutex_lock (&self->lock);
  break_locked (self, &batch);
  thredo_mutex_unlock (&self->lock);
  thredo_wake_batch_flush (&batch);

  return FALSE;
}

/* Ends a wait that has this outcome. If the member still waits, its own cancel is
 * why, and it breaks the barrier if it was waited for. */
static Fate
step_out (ThredoBarrier   *self,
          ThredoWait      *wait,
          ThredoWaitState  outcome)
{
  ThredoWakeBatch batch = THREDO_WAKE_BATCH_INIT;
  Member *member = wait->payload;

  if (outcome == THREDO_WAIT_DONE || outcome == THREDO_WAIT_REFUSED)
    return member->fate;

  thredo_mutex_lock (&self->lock);
  if (wait->list != NULL)
    {
      gboolean is_missed = wait->list == &self->waiting;

      thredo_wait_list_remove (wait->list, wait);
      if (is_missed)
        break_locked (self, &batch);
    }
  thredo_mutex_unlock (&self->lock);
  thredo_wake_batch_flush (&batch);

  return member->fate;
}

static void
begin_trip_locked (ThredoBarrier *self,
                   Trip          *trip)
{
  *trip = (Trip) { .members = self->waiting, .fate = WAITS, .next = self->trips };
  for (ThredoWait *wait = trip->members.first; wait != NULL; wait = wait->next)
    wait->list = &trip->members;
  self->waiting = (ThredoWaitList) { 0 };
  self->trips = trip;
}

/* The members go, if nobody has sent them home meanwhile. */
static Fate
end_trip (ThredoBarrier *self,
          Trip          *trip,
          gboolean       succeeded)
{
  ThredoWakeBatch batch = THREDO_WAKE_BATCH_INIT;
  Trip **link;

  thredo_mutex_lock (&self->lock);
  for (link = &self->trips; *link != trip; link = &(*link)->next)
    ;
  *link = trip->next;
  if (trip->fate == WAITS)
    {
      trip->fate = succeeded ? PASSES : BREAKS;
      send_locked (&trip->members, trip->fate, &batch);
      if (!succeeded)
        break_locked (self, &batch);
    }
  thredo_mutex_unlock (&self->lock);
  thredo_wake_batch_flush (&batch);

  return trip->fate;
}

static gboolean
act (ThredoBarrier  *self,
     Trip           *trip,
     GError        **error)
{
  GError *action_error = NULL;
  Fate fate;

  if (self->action (self, self->action_data, &action_error))
    {
      g_clear_error (&action_error);
      fate = end_trip (self, trip, TRUE);
      return fate == PASSES || set_broken_error (error);
    }

  end_trip (self, trip, FALSE);
  if (action_error == NULL)
    g_set_error_literal (error, THREDO_ERROR, THREDO_ERROR_FAILED,
                         "The action of the barrier failed and did not say why");
  else
    g_propagate_error (error, action_error);
  return FALSE;
}

typedef enum
{
  ARRIVED_BROKEN,
  ARRIVED_LAST,
  ARRIVED_EARLY,
} Arrived;

/* Under the lock: what it means to arrive now. The last lets the others go, or
 * begins a trip if there is an action. One who is early has yet to stand in line. */
static Arrived
arrive_locked (ThredoBarrier   *self,
               guint           *index,
               Trip            *trip,
               ThredoWakeBatch *batch)
{
  if (self->broken)
    return ARRIVED_BROKEN;

  *index = self->waiting.length;
  if (*index + 1 < self->parties)
    return ARRIVED_EARLY;

  if (self->action != NULL)
    begin_trip_locked (self, trip);
  else
    send_locked (&self->waiting, PASSES, batch);
  return ARRIVED_LAST;
}

static void
thredo_barrier_get_property (GObject    *object,
                             guint       prop_id,
                             GValue     *value,
                             GParamSpec *pspec)
{
  ThredoBarrier *self = THREDO_BARRIER (object);

  switch (prop_id)
    {
    case PROP_NAME:
      g_value_set_string (value, thredo_barrier_get_name (self));
      break;
    case PROP_PARTIES:
      g_value_set_uint (value, thredo_barrier_get_parties (self));
      break;
    case PROP_N_WAITING:
      g_value_set_uint (value, thredo_barrier_get_n_waiting (self));
      break;
    case PROP_BROKEN:
      g_value_set_boolean (value, thredo_barrier_is_broken (self));
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, prop_id, pspec);
    }
}

static void
thredo_barrier_set_property (GObject      *object,
                             guint         prop_id,
                             const GValue *value,
                             GParamSpec   *pspec)
{
  ThredoBarrier *self = THREDO_BARRIER (object);

  switch (prop_id)
    {
    case PROP_NAME:
      thredo_barrier_set_name (self, g_value_get_string (value));
      break;
    case PROP_PARTIES:
      self->parties = g_value_get_uint (value);
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, prop_id, pspec);
    }
}

static void
thredo_barrier_finalize (GObject *object)
{
  ThredoBarrier *self = THREDO_BARRIER (object);

  /* The last to arrive may not have let go of the lock yet. */
  thredo_mutex_lock (&self->lock);
  thredo_mutex_unlock (&self->lock);
  thredo_mutex_clear (&self->lock);
  if (self->action_destroy != NULL)
    self->action_destroy (self->action_data);
  thredo_name_clear (&self->name);

  G_OBJECT_CLASS (thredo_barrier_parent_class)->finalize (object);
}

static void
thredo_barrier_class_init (ThredoBarrierClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);

  object_class->get_property = thredo_barrier_get_property;
  object_class->set_property = thredo_barrier_set_property;
  object_class->finalize = thredo_barrier_finalize;

  /**
   * ThredoBarrier:name:
   *
   * What the barrier is called where threads that wait at it are shown.
   *
   * Since: 1.0
   */
  properties[PROP_NAME] =
      g_param_spec_string ("name", NULL, NULL, NULL,
                           G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | G_PARAM_EXPLICIT_NOTIFY);
  /**
   * ThredoBarrier:parties:
   *
   * How many have to arrive until they go on.
   *
   * Since: 1.0
   */
  properties[PROP_PARTIES] =
      g_param_spec_uint ("parties", NULL, NULL, 1, G_MAXUINT, 1,
                         G_PARAM_READWRITE | G_PARAM_CONSTRUCT_ONLY | G_PARAM_STATIC_STRINGS);
  /**
   * ThredoBarrier:n-waiting:
   *
   * How many have arrived and wait for the others. There is no notification of a
   * change.
   *
   * Since: 1.0
   */
  properties[PROP_N_WAITING] =
      g_param_spec_uint ("n-waiting", NULL, NULL, 0, G_MAXUINT, 0,
                         G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);
  /**
   * ThredoBarrier:broken: (getter is_broken)
   *
   * Whether the barrier is broken. There is no notification of a change.
   *
   * Since: 1.0
   */
  properties[PROP_BROKEN] =
      g_param_spec_boolean ("broken", NULL, NULL, FALSE,
                            G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);
  g_object_class_install_properties (object_class, N_PROPS, properties);
}

static void
thredo_barrier_init (ThredoBarrier *self)
{
  thredo_name_init (&self->name);
  thredo_mutex_init (&self->lock);
  self->parties = 1;
}

/**
 * thredo_barrier_new:
 * @parties: how many have to arrive until they go on, at least 1
 *
 * Makes a barrier.
 *
 * Returns: (transfer full): a new barrier
 *
 * Since: 1.0
 */
ThredoBarrier *
thredo_barrier_new (guint parties)
{
  g_return_val_if_fail (parties >= 1, NULL);

  return g_object_new (THREDO_TYPE_BARRIER, "parties", parties, NULL);
}

/**
 * thredo_barrier_new_with_action:
 * @parties: how many have to arrive until they go on, at least 1
 * @action: (nullable) (scope notified) (closure user_data) (destroy destroy): what
 *   the last to arrive does before the others go
 * @user_data: data for @action
 * @destroy: (nullable): called with @user_data when the barrier goes
 *
 * Makes a barrier with an action.
 *
 * Returns: (transfer full): a new barrier
 *
 * Since: 1.0
 */
ThredoBarrier *
thredo_barrier_new_with_action (guint             parties,
                                ThredoBarrierFunc action,
                                gpointer          user_data,
                                GDestroyNotify    destroy)
{
  ThredoBarrier *self = thredo_barrier_new (parties);

  if (self == NULL)
    return NULL;
  self->action = action;
  self->action_data = user_data;
  self->action_destroy = destroy;

  return self;
}

/* All but the last. */
static gboolean
wait_for_others (ThredoBarrier  *self,
                 ThredoSlot     *slot,
                 GCancellable   *cancellable,
                 GError        **error)
{
  ThredoWaitState outcome = thredo_slot_spin_and_block (slot, &wait_info, self, cancellable);

  switch (step_out (self, &slot->wait, outcome))
    {
    case PASSES:
      return TRUE;
    case BREAKS:
      return set_broken_error (error);
    default:
      return thredo_blocking_set_error (slot, &wait_info, outcome, cancellable, error);
    }
}

/**
 * thredo_barrier_wait:
 * @self: a barrier
 * @index: (out) (optional): location for the caller's place in the order of
 *   arrival, from 0 to one less than the parties
 * @cancellable: (nullable): what else can end the wait
 * @error: return location for an error
 *
 * Waits until all have arrived.
 *
 * The last to arrive runs the action, if there is one, and while it does the
 * others wait on; those who come meanwhile are the first of the next time. If more
 * threads use the barrier than it has parties, the action may so be run by two of
 * them at once.
 *
 * The wait ends when all have arrived and the action is done, by
 * [method@Thredo.Barrier.abort] or [method@Thredo.Barrier.reset], by a cancel of
 * the caller, the deadline of a scope around it, or a cancel of @cancellable. If one
 * of the latter three is why it ends, or why it does not even begin, the barrier is
 * broken, unless all had arrived. While it lasts, it keeps the barrier alive. Any
 * thread but the loop's may call this.
 *
 * Returns: %TRUE, or %FALSE with an error: `THREDO_ERROR_BROKEN` if the barrier is
 *   broken, or was while the caller waited; `G_IO_ERROR_CANCELLED` or
 *   `G_IO_ERROR_TIMED_OUT` ([error@Gio.IOErrorEnum]) if the caller's own wait was
 *   cancelled or too long; what the action failed with if the caller ran it, or
 *   `THREDO_ERROR_FAILED` if that said nothing; `THREDO_ERROR_LOOP_THREAD`
 *
 * Since: 1.0
 */
gboolean
thredo_barrier_wait (ThredoBarrier  *self,
                     guint          *index,
                     GCancellable   *cancellable,
                     GError        **error)
{
  g_autoptr(ThredoBarrier) kept = NULL;
  ThredoSlot *slot = thredo_slot_self ();
  ThredoWakeBatch batch = THREDO_WAKE_BATCH_INIT;
  Member member = { WAITS };
  Arrived arrived;
  guint place = 0;
  Trip trip;

  g_return_val_if_fail (THREDO_IS_BARRIER (self), FALSE);
  g_return_val_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable), FALSE);

  if (!thredo_blocking_begin (slot, &wait_info, cancellable, error))
    return slot->is_loop ? FALSE : stay_away (self);

  kept = g_object_ref (self);
  thredo_mutex_lock (&self->lock);
  arrived = arrive_locked (self, &place, &trip, &batch);
  if (arrived == ARRIVED_EARLY)
    {
      thredo_mutex_unlock (&self->lock);
      thredo_slot_prepare (slot, &wait_info);
      thredo_mutex_lock (&self->lock);
      arrived = arrive_locked (self, &place, &trip, &batch);
    }
  if (arrived == ARRIVED_EARLY)
    {
      thredo_wait_arm (&slot->wait);
      slot->wait.payload = &member;
      thredo_wait_list_append (&self->waiting, &slot->wait);
    }
  thredo_mutex_unlock (&self->lock);
  thredo_wake_batch_flush (&batch);

  if (arrived == ARRIVED_BROKEN)
    return set_broken_error (error);
  if (arrived == ARRIVED_EARLY && !wait_for_others (self, slot, cancellable, error))
    return FALSE;
  if (arrived == ARRIVED_LAST && self->action != NULL && !act (self, &trip, error))
    return FALSE;
  if (index != NULL)
    *index = place;
  return TRUE;
}

/* A wait for a task. */
typedef struct
{
  ThredoAsync async;
  Member member;
  guint index;
} WaitAsync;

static void
return_index (GTask *task,
              guint  index)
{
  g_task_set_task_data (task, GUINT_TO_POINTER (index), NULL);
  g_task_return_boolean (task, TRUE);
}

static gboolean
wait_async_finish (ThredoAsync     *async,
                   ThredoWaitState  outcome)
{
  ThredoBarrier *self = g_task_get_source_object (async->task);
  GError *error = NULL;

  switch (step_out (self, &async->wait, outcome))
    {
    case PASSES:
      return_index (async->task, ((WaitAsync *) async)->index);
      break;
    case BREAKS:
      set_broken_error (&error);
      g_task_return_error (async->task, error);
      break;
    default:
      thredo_async_return_error (async, outcome);
      break;
    }
  return TRUE;
}

/**
 * thredo_barrier_wait_async:
 * @self: a barrier
 * @cancellable: (nullable): what can end the wait
 * @callback: (scope async) (nullable): called when all have arrived, or will not
 * @user_data: data for @callback
 *
 * Waits until all have arrived, without blocking.
 *
 * Counts as one party, like a thread that waits. If it is the last to arrive, it
 * runs the action before it returns. The callback runs in the thread-default main
 * context of the caller. Any thread may call this.
 *
 * Since: 1.0
 */
void
thredo_barrier_wait_async (ThredoBarrier       *self,
                           GCancellable        *cancellable,
                           GAsyncReadyCallback  callback,
                           gpointer             user_data)
{
  g_autoptr(GTask) task = NULL;
  ThredoWakeBatch batch = THREDO_WAKE_BATCH_INIT;
  GError *error = NULL;
  WaitAsync *wait_async;
  Arrived arrived;
  guint place = 0;
  Trip trip;

  g_return_if_fail (THREDO_IS_BARRIER (self));
  g_return_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable));

  task = g_task_new (self, cancellable, callback, user_data);
  g_task_set_source_tag (task, thredo_barrier_wait_async);
  if (g_task_return_error_if_cancelled (task))
    {
      stay_away (self);
      return;
    }

  wait_async = (WaitAsync *) thredo_async_new (sizeof (WaitAsync), task, &wait_async_info,
                                               wait_async_finish);
  wait_async->async.wait.payload = &wait_async->member;

  thredo_mutex_lock (&self->lock);
  arrived = arrive_locked (self, &place, &trip, &batch);
  if (arrived == ARRIVED_EARLY)
    {
      wait_async->index = place;
      thredo_wait_list_append (&self->waiting, &wait_async->async.wait);
    }
  thredo_mutex_unlock (&self->lock);
  thredo_wake_batch_flush (&batch);

  if (arrived == ARRIVED_EARLY)
    {
      thredo_async_start (&wait_async->async);
      return;
    }
  thredo_async_drop (&wait_async->async);
  if (arrived == ARRIVED_BROKEN)
    set_broken_error (&error);
  else if (self->action != NULL)
    act (self, &trip, &error);
  if (error != NULL)
    g_task_return_error (task, error);
  else
    return_index (task, place);
}

/**
 * thredo_barrier_wait_finish:
 * @self: a barrier
 * @result: what the callback was given
 * @index: (out) (optional): location for the place in the order of arrival
 * @error: return location for an error
 *
 * Ends what [method@Thredo.Barrier.wait_async] began.
 *
 * Returns: as [method@Thredo.Barrier.wait]
 *
 * Since: 1.0
 */
gboolean
thredo_barrier_wait_finish (ThredoBarrier  *self,
                            GAsyncResult   *result,
                            guint          *index,
                            GError        **error)
{
  g_return_val_if_fail (g_task_is_valid (result, self), FALSE);

  if (!g_task_propagate_boolean (G_TASK (result), error))
    return FALSE;
  if (index != NULL)
    *index = GPOINTER_TO_UINT (g_task_get_task_data (G_TASK (result)));
  return TRUE;
}

/**
 * thredo_barrier_reset:
 * @self: a barrier
 *
 * Makes the barrier whole and empty, as it was when it was new.
 *
 * Those who wait, also for an action that is being run, get `THREDO_ERROR_BROKEN`.
 * Any thread may call this.
 *
 * Since: 1.0
 */
void
thredo_barrier_reset (ThredoBarrier *self)
{
  ThredoWakeBatch batch = THREDO_WAKE_BATCH_INIT;

  g_return_if_fail (THREDO_IS_BARRIER (self));

  thredo_mutex_lock (&self->lock);
  self->broken = FALSE;
  send_all_home_locked (self, &batch);
  thredo_mutex_unlock (&self->lock);
  thredo_wake_batch_flush (&batch);
}

/**
 * thredo_barrier_abort:
 * @self: a barrier
 *
 * Breaks the barrier, for somebody who will not come.
 *
 * Those who wait, also for an action that is being run, get `THREDO_ERROR_BROKEN`,
 * and so do all that come until [method@Thredo.Barrier.reset]. Any thread may call
 * this.
 *
 * Since: 1.0
 */
void
thredo_barrier_abort (ThredoBarrier *self)
{
  ThredoWakeBatch batch = THREDO_WAKE_BATCH_INIT;

  g_return_if_fail (THREDO_IS_BARRIER (self));

  thredo_mutex_lock (&self->lock);
  self->broken = TRUE;
  send_all_home_locked (self, &batch);
  thredo_mutex_unlock (&self->lock);
  thredo_wake_batch_flush (&batch);
}

/**
 * thredo_barrier_is_broken: (get-property broken)
 * @self: a barrier
 *
 * Says whether the barrier is broken. Any thread may call this.
 *
 * Returns: whether it is broken
 *
 * Since: 1.0
 */
gboolean
thredo_barrier_is_broken (ThredoBarrier *self)
{
  gboolean broken;

  g_return_val_if_fail (THREDO_IS_BARRIER (self), FALSE);

  thredo_mutex_lock (&self->lock);
  broken = self->broken;
  thredo_mutex_unlock (&self->lock);

  return broken;
}

/**
 * thredo_barrier_get_parties:
 * @self: a barrier
 *
 * Gets how many have to arrive until they go on.
 *
 * Returns: the number of parties
 *
 * Since: 1.0
 */
guint
thredo_barrier_get_parties (ThredoBarrier *self)
{
  g_return_val_if_fail (THREDO_IS_BARRIER (self), 0);

  return self->parties;
}

/**
 * thredo_barrier_get_n_waiting:
 * @self: a barrier
 *
 * Gets how many have arrived and wait for the others. Those who only wait for the
 * action do not count. Any thread may call this.
 *
 * Returns: how many wait
 *
 * Since: 1.0
 */
guint
thredo_barrier_get_n_waiting (ThredoBarrier *self)
{
  guint n_waiting;

  g_return_val_if_fail (THREDO_IS_BARRIER (self), 0);

  thredo_mutex_lock (&self->lock);
  n_waiting = self->waiting.length;
  thredo_mutex_unlock (&self->lock);

  return n_waiting;
}

/**
 * thredo_barrier_get_name:
 * @self: a barrier
 *
 * Gets what the barrier is called.
 *
 * Returns: (transfer none) (nullable): the name, valid as long as the barrier
 *
 * Since: 1.0
 */
const char *
thredo_barrier_get_name (ThredoBarrier *self)
{
  g_return_val_if_fail (THREDO_IS_BARRIER (self), NULL);

  return thredo_name_get (&self->name);
}

/**
 * thredo_barrier_set_name:
 * @self: a barrier
 * @name: (nullable): what to call it
 *
 * Sets what the barrier is called where threads that wait at it are shown.
 *
 * Since: 1.0
 */
void
thredo_barrier_set_name (ThredoBarrier *self,
                         const char    *name)
{
  g_return_if_fail (THREDO_IS_BARRIER (self));

  thredo_name_set (&self->name, name);
  g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_NAME]);
}
