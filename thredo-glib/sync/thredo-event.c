/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "thredo-event.h"

#include "gate.h"
#include "thredo-async-private.h"
#include "thredo-name-private.h"

/**
 * ThredoEvent:
 *
 * A flag that threads wait for.
 *
 * [method@Thredo.Event.wait] waits until the event is set, and returns at once if
 * it is. [method@Thredo.Event.set] lets all that wait go, and all that come until
 * [method@Thredo.Event.clear]. A wait like any other: a cancel, a deadline or a
 * cancellable ends it.
 *
 * ```c
 * static gboolean
 * serve (ThredoThread *thread, gpointer user_data, GError **error)
 * {
 *   Server *server = user_data;
 *
 *   if (!thredo_event_wait (server->ready, NULL, error))
 *     return FALSE;
 *   return answer_all (server, error);
 * }
 * ```
 *
 * What a thread does before it sets the event, another one sees after its wait.
 * Nobody who waits when the event is set misses it, even if it is cleared in the
 * next moment. Any thread may set and clear it.
 *
 * The semantics are those of Python's
 * [threading.Event](https://docs.python.org/3/library/threading.html#event-objects),
 * with cancellation on top.
 *
 * Since: 1.0
 */
struct _ThredoEvent
{
  GObject parent_instance;

  ThredoName name;
  ThredoGate gate;
};

typedef enum
{
  CLEAR,
  SET,
} EventState;

enum
{
  PROP_0,
  PROP_NAME,
  N_PROPS
};

G_DEFINE_FINAL_TYPE (ThredoEvent, thredo_event, G_TYPE_OBJECT)

static GParamSpec *properties[N_PROPS];

static const char *
get_name (gpointer object)
{
  return thredo_event_get_name (object);
}

static const ThredoWaitInfo wait_info = { "thredo_event_wait", "wait", "Event", get_name };
static const ThredoWaitInfo wait_async_info = { "thredo_event_wait_async", "wait", "Event",
                                                get_name };

static void
thredo_event_get_property (GObject    *object,
                           guint       prop_id,
                           GValue     *value,
                           GParamSpec *pspec)
{
  ThredoEvent *self = THREDO_EVENT (object);

  switch (prop_id)
    {
    case PROP_NAME:
      g_value_set_string (value, thredo_event_get_name (self));
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, prop_id, pspec);
    }
}

static void
thredo_event_set_property (GObject      *object,
                           guint         prop_id,
                           const GValue *value,
                           GParamSpec   *pspec)
{
  ThredoEvent *self = THREDO_EVENT (object);

  switch (prop_id)
    {
    case PROP_NAME:
      thredo_event_set_name (self, g_value_get_string (value));
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, prop_id, pspec);
    }
}

static void
thredo_event_finalize (GObject *object)
{
  ThredoEvent *self = THREDO_EVENT (object);

  thredo_gate_clear (&self->gate);
  thredo_name_clear (&self->name);

  G_OBJECT_CLASS (thredo_event_parent_class)->finalize (object);
}

static void
thredo_event_class_init (ThredoEventClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);

  object_class->get_property = thredo_event_get_property;
  object_class->set_property = thredo_event_set_property;
  object_class->finalize = thredo_event_finalize;

  /**
   * ThredoEvent:name:
   *
   * What the event is called where threads that wait for it are shown.
   *
   * Since: 1.0
   */
  properties[PROP_NAME] =
      g_param_spec_string ("name", NULL, NULL, NULL,
                           G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | G_PARAM_EXPLICIT_NOTIFY);
  g_object_class_install_properties (object_class, N_PROPS, properties);
}

static void
thredo_event_init (ThredoEvent *self)
{
  thredo_name_init (&self->name);
  thredo_gate_init (&self->gate, SET);
}

/**
 * thredo_event_new:
 *
 * Makes an event that is not set.
 *
 * Returns: (transfer full): a new event
 *
 * Since: 1.0
 */
ThredoEvent *
thredo_event_new (void)
{
  return g_object_new (THREDO_TYPE_EVENT, NULL);
}

/**
 * thredo_event_set:
 * @self: an event
 *
 * Sets the event: all that wait for it go on.
 *
 * To set it again changes nothing. Never waits; any thread may call this.
 *
 * Since: 1.0
 */
void
thredo_event_set (ThredoEvent *self)
{
  ThredoWakeBatch batch = THREDO_WAKE_BATCH_INIT;

  g_return_if_fail (THREDO_IS_EVENT (self));

  if (thredo_gate_keep_open (&self->gate))
    return;
  thredo_gate_open (&self->gate, SET, &batch);
  /* From here on the event may be gone, with those who waited for it. */
  thredo_wake_batch_flush (&batch);
}

/**
 * thredo_event_clear:
 * @self: an event
 *
 * Clears the event: all that come from now on wait until it is set again.
 *
 * Those who waited when it was set go on all the same. Any thread may call this.
 *
 * Since: 1.0
 */
void
thredo_event_clear (ThredoEvent *self)
{
  g_return_if_fail (THREDO_IS_EVENT (self));

  if (thredo_gate_is_open (&self->gate))
    thredo_gate_shut (&self->gate, CLEAR);
}

/**
 * thredo_event_is_set: (get-property set)
 * @self: an event
 *
 * Says whether the event is set. Any thread may call this.
 *
 * Returns: whether it is set
 *
 * Since: 1.0
 */
gboolean
thredo_event_is_set (ThredoEvent *self)
{
  g_return_val_if_fail (THREDO_IS_EVENT (self), FALSE);

  return thredo_gate_is_open (&self->gate);
}

/**
 * thredo_event_wait:
 * @self: an event
 * @cancellable: (nullable): what else can end the wait
 * @error: return location for an error
 *
 * Waits until the event is set.
 *
 * The wait ends when the event is set, by a cancel of the caller, the deadline of
 * a scope around it, or a cancel of @cancellable. While it lasts, it keeps the
 * event alive. Any thread but the loop's may call this.
 *
 * Returns: %TRUE, or %FALSE with an error: `G_IO_ERROR_CANCELLED` or
 *   `G_IO_ERROR_TIMED_OUT` ([error@Gio.IOErrorEnum]) if the wait was cancelled or
 *   too long; `THREDO_ERROR_LOOP_THREAD`
 *
 * Since: 1.0
 */
gboolean
thredo_event_wait (ThredoEvent   *self,
                   GCancellable  *cancellable,
                   GError       **error)
{
  ThredoSlot *slot = thredo_slot_self ();
  ThredoWaitState outcome;
  guint turn;

  g_return_val_if_fail (THREDO_IS_EVENT (self), FALSE);
  g_return_val_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable), FALSE);

  if (!thredo_blocking_begin (slot, &wait_info, cancellable, error))
    return FALSE;

  turn = thredo_gate_get_turn (&self->gate);
  if (thredo_gate_is_open (&self->gate))
    return TRUE;

  g_object_ref (self);
  outcome = thredo_gate_wait (&self->gate, slot, &wait_info, self, turn, NULL, cancellable, NULL);
  g_object_unref (self);

  return outcome == THREDO_WAIT_DONE ||
         thredo_blocking_set_error (slot, &wait_info, outcome, cancellable, error);
}

static gboolean
wait_async_finish (ThredoAsync     *async,
                   ThredoWaitState  outcome)
{
  ThredoEvent *self = g_task_get_source_object (async->task);

  if (outcome == THREDO_WAIT_DONE)
    {
      g_task_return_boolean (async->task, TRUE);
      return TRUE;
    }
  thredo_gate_step_out (&self->gate, &async->wait);
  thredo_async_return_error (async, outcome);
  return TRUE;
}

/**
 * thredo_event_wait_async:
 * @self: an event
 * @cancellable: (nullable): what can end the wait
 * @callback: (scope async) (nullable): called when the event is set, or will not
 *   be waited for any longer
 * @user_data: data for @callback
 *
 * Waits until the event is set, without blocking.
 *
 * The callback runs in the thread-default main context of the caller. Scopes of
 * the caller have no say in this: nothing blocks. Any thread may call this.
 *
 * Since: 1.0
 */
void
thredo_event_wait_async (ThredoEvent         *self,
                         GCancellable        *cancellable,
                         GAsyncReadyCallback  callback,
                         gpointer             user_data)
{
  g_autoptr(GTask) task = NULL;
  ThredoAsync *async;
  guint turn;

  g_return_if_fail (THREDO_IS_EVENT (self));
  g_return_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable));

  task = g_task_new (self, cancellable, callback, user_data);
  g_task_set_source_tag (task, thredo_event_wait_async);
  if (g_task_return_error_if_cancelled (task))
    return;

  turn = thredo_gate_get_turn (&self->gate);
  async = thredo_async_new (sizeof (ThredoAsync), task, &wait_async_info, wait_async_finish);
  thredo_gate_line_up (&self->gate, &async->wait, turn);
  thredo_async_start (async);
}

/**
 * thredo_event_wait_finish:
 * @self: an event
 * @result: what the callback was given
 * @error: return location for an error
 *
 * Ends what [method@Thredo.Event.wait_async] began.
 *
 * Returns: as [method@Thredo.Event.wait]
 *
 * Since: 1.0
 */
gboolean
thredo_event_wait_finish (ThredoEvent   *self,
                          GAsyncResult  *result,
                          GError       **error)
{
  g_return_val_if_fail (g_task_is_valid (result, self), FALSE);

  return g_task_propagate_boolean (G_TASK (result), error);
}

/**
 * thredo_event_get_name:
 * @self: an event
 *
 * Gets what the event is called.
 *
 * Returns: (transfer none) (nullable): the name, valid as long as the event
 *
 * Since: 1.0
 */
const char *
thredo_event_get_name (ThredoEvent *self)
{
  g_return_val_if_fail (THREDO_IS_EVENT (self), NULL);

  return thredo_name_get (&self->name);
}

/**
 * thredo_event_set_name:
 * @self: an event
 * @name: (nullable): what to call it
 *
 * Sets what the event is called where threads that wait for it are shown.
 *
 * Since: 1.0
 */
void
thredo_event_set_name (ThredoEvent *self,
                       const char  *name)
{
  g_return_if_fail (THREDO_IS_EVENT (self));

  thredo_name_set (&self->name, name);
  g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_NAME]);
}
