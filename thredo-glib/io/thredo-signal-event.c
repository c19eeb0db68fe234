/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "thredo-signal-event-private.h"

#include "child.h"
#include "loop.h"
#include "thredo-async-private.h"
#include "thredo-disposition-private.h"
#include "thredo-name-private.h"

#ifdef G_OS_UNIX
#include <glib-unix.h>
#include <signal.h>
#endif

/**
 * ThredoSignalEvent:
 *
 * Signals of the operating system, as something to wait for.
 *
 * While there is a `ThredoSignalEvent` for a signal, the signal does not do what it did
 * before, such as to end the process; [method@Thredo.SignalEvent.wait] returns its
 * number instead. When the last one for a signal goes, so does that.
 *
 * A signal that comes when nobody waits is kept for who waits next; if it comes again
 * before that, it is still one. Of several threads that wait for one event, the one that
 * has waited longest gets it. Each event gets it for itself, and so does
 * [func@Thredo.run].
 *
 * ```c
 * const int signals[] = { SIGHUP, SIGUSR1 };
 * g_autoptr(ThredoSignalEvent) event =
 *   thredo_signal_event_new (signals, G_N_ELEMENTS (signals), &error);
 * int number;
 *
 * while ((number = thredo_signal_event_wait (event, NULL, &error)) != 0)
 *   {
 *     if (number == SIGHUP)
 *       read_configuration ();
 *     else
 *       print_statistics ();
 *   }
 * ```
 *
 * The signals are SIGINT, SIGTERM, SIGHUP, SIGUSR1, SIGUSR2 and SIGCHLD. SIGCHLD is no
 * child's end in particular, and says nothing about who is to ask for its status; to
 * wait for a child there is [func@Thredo.wait_child]. A forked child process gets
 * nothing from the events that it inherits.
 *
 * Since: 1.0
 */

static const int signal_numbers[] = { SIGINT, SIGTERM, SIGHUP, SIGUSR1, SIGUSR2, SIGCHLD };

#define N_SIGNALS G_N_ELEMENTS (signal_numbers)

/* What has arrived, and who waits for it. It outlives the event where the loop is
 * just looking at it. */
typedef struct
{
  ThredoMutex lock; /* guards the following */
  guint n_arrived;
  int arrived[N_SIGNALS]; /* each at most once, in the order in which they came */
  ThredoWaitList waiting; /* the payload is where the number goes */
} Inbox;

/* One signal that an event listens to. */
typedef struct
{
  Inbox *inbox;
  int number;
} Listening;

struct _ThredoSignalEvent
{
  GObject parent_instance;

  ThredoName name;
  Inbox *inbox;
  guint n_signals;
  int signals[N_SIGNALS];
  GSource *sources[N_SIGNALS]; /* NULL for SIGCHLD */
};

enum
{
  PROP_0,
  PROP_NAME,
  N_PROPS
};

G_DEFINE_FINAL_TYPE (ThredoSignalEvent, thredo_signal_event, G_TYPE_OBJECT)

static GParamSpec *properties[N_PROPS];

static const char *
get_name (gpointer object)
{
  return thredo_signal_event_get_name (object);
}

static const ThredoWaitInfo wait_info = { "thredo_signal_event_wait", "wait", "SignalEvent",
                                          get_name };
static const ThredoWaitInfo wait_async_info = { "thredo_signal_event_wait_async", "wait",
                                                "SignalEvent", get_name };

static Inbox *
inbox_new (void)
{
  Inbox *self = g_atomic_rc_box_new0 (Inbox);

  thredo_mutex_init (&self->lock);
  return self;
}

static void
inbox_clear (gpointer data)
{
  thredo_mutex_clear (&((Inbox *) data)->lock);
}

static void
inbox_unref (gpointer data)
{
  g_atomic_rc_box_release_full (data, inbox_clear);
}

/* Takes what came first; 0 if nothing did. */
static int
inbox_take_locked (Inbox *self)
{
  int number;

  if (self->n_arrived == 0)
    return 0;
  number = self->arrived[0];
  self->n_arrived--;
  memmove (self->arrived, self->arrived + 1, self->n_arrived * sizeof (int));
  return number;
}

/* Gives it to who has waited longest, or keeps it. */
static void
inbox_put_locked (Inbox           *self,
                  int              number,
                  ThredoWakeBatch *batch)
{
  ThredoWait *wait;

  while ((wait = thredo_wait_list_pop (&self->waiting)) != NULL)
    {
      *(int *) wait->payload = number;
      if (thredo_wait_claim (wait, wait->token, THREDO_WAIT_DONE, batch))
        return;
    }
  for (guint i = 0; i < self->n_arrived; i++)
    {
      if (self->arrived[i] == number)
        return;
    }
  self->arrived[self->n_arrived++] = number;
}

static void
inbox_put (Inbox *self,
           int    number)
{
  ThredoWakeBatch batch = THREDO_WAKE_BATCH_INIT;

  thredo_mutex_lock (&self->lock);
  inbox_put_locked (self, number, &batch);
  thredo_mutex_unlock (&self->lock);
  thredo_wake_batch_flush (&batch);
}

static void
inbox_step_out (Inbox      *self,
                ThredoWait *wait)
{
  thredo_mutex_lock (&self->lock);
  if (wait->list != NULL)
    thredo_wait_list_remove (&self->waiting, wait);
  thredo_mutex_unlock (&self->lock);
}

/* SIGCHLD. */

static ThredoMutex children_lock; /* guards the following */
static GSList *children_inboxes;

static void
child_arrived (void)
{
  thredo_mutex_lock (&children_lock);
  for (GSList *link = children_inboxes; link != NULL; link = link->next)
    inbox_put (link->data, SIGCHLD);
  thredo_mutex_unlock (&children_lock);
}

static gboolean
listen_to_children (Inbox   *inbox,
                    GError **error)
{
  thredo_mutex_lock (&children_lock);
  children_inboxes = g_slist_prepend (children_inboxes, g_atomic_rc_box_acquire (inbox));
  thredo_mutex_unlock (&children_lock);
  if (thredo_child_listen (child_arrived, error))
    return TRUE;

  thredo_mutex_lock (&children_lock);
  children_inboxes = g_slist_remove (children_inboxes, inbox);
  thredo_mutex_unlock (&children_lock);
  inbox_unref (inbox);
  return FALSE;
}

static void
stop_listening_to_children (Inbox *inbox)
{
  thredo_child_ignore ();
  thredo_mutex_lock (&children_lock);
  children_inboxes = g_slist_remove (children_inboxes, inbox);
  thredo_mutex_unlock (&children_lock);
  inbox_unref (inbox);
}

/* The others, for which it has. */

static gboolean
signal_arrived (gpointer data)
{
  Listening *self = data;

  inbox_put (self->inbox, self->number);
  return G_SOURCE_CONTINUE;
}

static void
listening_free (gpointer data)
{
  Listening *self = data;

  inbox_unref (self->inbox);
  g_free (self);
}

static GSource *
listen_to_signal (Inbox *inbox,
                  int    number)
{
  Listening *listening = g_new (Listening, 1);
  GSource *source;

  listening->inbox = g_atomic_rc_box_acquire (inbox);
  listening->number = number;
  source = thredo_disposition_hold (number);
  g_source_set_callback (source, signal_arrived, listening, listening_free);
  g_source_attach (source, thredo_loop_get_context ());
  return source;
}

static void
thredo_signal_event_get_property (GObject    *object,
                                  guint       prop_id,
                                  GValue     *value,
                                  GParamSpec *pspec)
{
  switch (prop_id)
    {
    case PROP_NAME:
      g_value_set_string (value, thredo_signal_event_get_name (THREDO_SIGNAL_EVENT (object)));
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, prop_id, pspec);
    }
}

static void
thredo_signal_event_set_property (GObject      *object,
                                  guint         prop_id,
                                  const GValue *value,
                                  GParamSpec   *pspec)
{
  switch (prop_id)
    {
    case PROP_NAME:
      thredo_signal_event_set_name (THREDO_SIGNAL_EVENT (object), g_value_get_string (value));
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, prop_id, pspec);
    }
}

static void
thredo_signal_event_finalize (GObject *object)
{
  ThredoSignalEvent *self = THREDO_SIGNAL_EVENT (object);

  for (guint i = 0; i < self->n_signals; i++)
    {
      if (self->sources[i] == NULL)
        {
          stop_listening_to_children (self->inbox);
          continue;
        }
      g_source_destroy (self->sources[i]);
      g_source_unref (self->sources[i]);
      thredo_disposition_release (self->signals[i]);
    }
  inbox_unref (self->inbox);
  thredo_name_clear (&self->name);

  G_OBJECT_CLASS (thredo_signal_event_parent_class)->finalize (object);
}

static void
thredo_signal_event_class_init (ThredoSignalEventClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);

  object_class->get_property = thredo_signal_event_get_property;
  object_class->set_property = thredo_signal_event_set_property;
  object_class->finalize = thredo_signal_event_finalize;

  /**
   * ThredoSignalEvent:name:
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
thredo_signal_event_init (ThredoSignalEvent *self)
{
  thredo_name_init (&self->name);
  self->inbox = inbox_new ();
}

static gboolean
is_supported (int number)
{
  for (guint i = 0; i < N_SIGNALS; i++)
    {
      if (signal_numbers[i] == number)
        return TRUE;
    }
  return FALSE;
}

static gboolean
listen_to (ThredoSignalEvent  *self,
           int                 number,
           GError            **error)
{
  GSource *source = NULL;

  for (guint i = 0; i < self->n_signals; i++)
    {
      if (self->signals[i] == number)
        return TRUE;
    }

  if (number != SIGCHLD)
    source = listen_to_signal (self->inbox, number);
  else if (!listen_to_children (self->inbox, error))
    return FALSE;
  self->signals[self->n_signals] = number;
  self->sources[self->n_signals++] = source;
  return TRUE;
}

/**
 * thredo_signal_event_new:
 * @signals: (array length=n_signals): numbers of signals
 * @n_signals: how many they are, at least one
 * @error: return location for an error
 *
 * Begins to listen to signals.
 *
 * From now on they do nothing else than to end the waits for this. Any thread may call
 * this, and unreference what it returns.
 *
 * Returns: (transfer full): a new event, or %NULL with an error:
 *   `G_IO_ERROR_INVALID_ARGUMENT` ([error@Gio.IOErrorEnum]) if one of the signals is
 *   none of SIGINT, SIGTERM, SIGHUP, SIGUSR1, SIGUSR2 and SIGCHLD; or what the
 *   operating system says if the loop could not be started
 *
 * Since: 1.0
 */
ThredoSignalEvent *
thredo_signal_event_new (const int  *signals,
                         guint       n_signals,
                         GError    **error)
{
  g_autoptr(ThredoSignalEvent) self = NULL;

  g_return_val_if_fail (signals != NULL && n_signals > 0, NULL);

  for (guint i = 0; i < n_signals; i++)
    {
      if (is_supported (signals[i]))
        continue;
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
                   "Signal %d cannot be waited for: those that can are SIGINT, SIGTERM, SIGHUP, "
                   "SIGUSR1, SIGUSR2 and SIGCHLD",
                   signals[i]);
      return NULL;
    }
  if (!thredo_loop_ensure (error))
    return NULL;

  self = g_object_new (THREDO_TYPE_SIGNAL_EVENT, NULL);
  for (guint i = 0; i < n_signals; i++)
    {
      if (!listen_to (self, signals[i], error))
        return NULL;
    }
  return g_steal_pointer (&self);
}

/* Blocks for the next one. */
static int
wait_for_signal (ThredoSignalEvent     *self,
                 ThredoSlot            *slot,
                 const ThredoWaitInfo  *info,
                 gpointer               object,
                 GCancellable          *cancellable,
                 GError               **error)
{
  Inbox *inbox = self->inbox;
  ThredoWaitState outcome;
  int number = 0; /* whoever puts it writes it */
  int taken;

  thredo_slot_prepare (slot, info);
  thredo_mutex_lock (&inbox->lock);
  taken = inbox_take_locked (inbox);
  if (taken == 0)
    {
      thredo_wait_arm (&slot->wait);
      slot->wait.payload = &number;
      thredo_wait_list_append (&inbox->waiting, &slot->wait);
    }
  thredo_mutex_unlock (&inbox->lock);
  if (taken != 0)
    return taken;

  outcome = thredo_slot_block (slot, info, object, cancellable);
  if (outcome == THREDO_WAIT_DONE)
    return number;
  inbox_step_out (inbox, &slot->wait);
  thredo_blocking_set_error (slot, info, outcome, cancellable, error);
  return 0;
}

int
thredo_signal_event_wait_as (ThredoSignalEvent     *self,
                             ThredoSlot            *slot,
                             const ThredoWaitInfo  *info,
                             gpointer               object,
                             GCancellable          *cancellable,
                             GError               **error)
{
  int number;

  if (!thredo_blocking_begin (slot, info, cancellable, error))
    return 0;

  thredo_mutex_lock (&self->inbox->lock);
  number = inbox_take_locked (self->inbox);
  thredo_mutex_unlock (&self->inbox->lock);
  if (number != 0)
    return number;

  g_object_ref (self);
  number = wait_for_signal (self, slot, info, object, cancellable, error);
  g_object_unref (self);
  return number;
}

/**
 * thredo_signal_event_wait:
 * @self: an event
 * @cancellable: (nullable): what else can end the wait
 * @error: return location for an error
 *
 * Waits for one of the signals, and takes it.
 *
 * The wait ends with a signal, by a cancel of the caller, the deadline of a scope
 * around it, or a cancel of @cancellable; then no signal was taken. While it lasts,
 * it keeps the event alive. Any thread but the loop's may call this.
 *
 * Returns: the number of the signal, or 0 with an error: `G_IO_ERROR_CANCELLED` or
 *   `G_IO_ERROR_TIMED_OUT` ([error@Gio.IOErrorEnum]) if the wait was cancelled or
 *   too long; `THREDO_ERROR_LOOP_THREAD`
 *
 * Since: 1.0
 */
int
thredo_signal_event_wait (ThredoSignalEvent  *self,
                          GCancellable       *cancellable,
                          GError            **error)
{
  g_return_val_if_fail (THREDO_IS_SIGNAL_EVENT (self), 0);
  g_return_val_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable), 0);

  return thredo_signal_event_wait_as (self, thredo_slot_self (), &wait_info, self, cancellable,
                                      error);
}

/* A signal for a task. */
typedef struct
{
  ThredoAsync async;
  int number;
} WaitAsync;

static gboolean
wait_async_finish (ThredoAsync     *async,
                   ThredoWaitState  outcome)
{
  ThredoSignalEvent *self = g_task_get_source_object (async->task);

  if (outcome == THREDO_WAIT_DONE)
    {
      g_task_return_int (async->task, ((WaitAsync *) async)->number);
      return TRUE;
    }
  inbox_step_out (self->inbox, &async->wait);
  thredo_async_return_error (async, outcome);
  return TRUE;
}

/**
 * thredo_signal_event_wait_async:
 * @self: an event
 * @cancellable: (nullable): what can end the wait
 * @callback: (scope async) (nullable): called when there is a signal, or it will not
 *   be waited for any longer
 * @user_data: data for @callback
 *
 * Waits for one of the signals, and takes it, without blocking.
 *
 * Stands in one line with the threads that wait. The callback runs in the
 * thread-default main context of the caller. Any thread may call this.
 *
 * Since: 1.0
 */
void
thredo_signal_event_wait_async (ThredoSignalEvent   *self,
                                GCancellable        *cancellable,
                                GAsyncReadyCallback  callback,
                                gpointer             user_data)
{
  ThredoWakeBatch batch = THREDO_WAKE_BATCH_INIT;
  g_autoptr(GTask) task = NULL;
  WaitAsync *wait_async;

  g_return_if_fail (THREDO_IS_SIGNAL_EVENT (self));
  g_return_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable));

  task = g_task_new (self, cancellable, callback, user_data);
  g_task_set_source_tag (task, thredo_signal_event_wait_async);
  if (g_task_return_error_if_cancelled (task))
    return;

  wait_async = (WaitAsync *) thredo_async_new (sizeof (WaitAsync), task, &wait_async_info,
                                               wait_async_finish);
  wait_async->async.wait.payload = &wait_async->number;
  thredo_mutex_lock (&self->inbox->lock);
  wait_async->number = inbox_take_locked (self->inbox);
  if (wait_async->number != 0)
    thredo_wait_claim (&wait_async->async.wait, wait_async->async.wait.token, THREDO_WAIT_DONE,
                       &batch);
  else
    thredo_wait_list_append (&self->inbox->waiting, &wait_async->async.wait);
  thredo_mutex_unlock (&self->inbox->lock);
  thredo_wake_batch_flush (&batch);
  thredo_async_start (&wait_async->async);
}

/**
 * thredo_signal_event_wait_finish:
 * @self: an event
 * @result: what the callback was given
 * @error: return location for an error
 *
 * Ends what [method@Thredo.SignalEvent.wait_async] began.
 *
 * Returns: as [method@Thredo.SignalEvent.wait]
 *
 * Since: 1.0
 */
int
thredo_signal_event_wait_finish (ThredoSignalEvent  *self,
                                 GAsyncResult       *result,
                                 GError            **error)
{
  gssize number;

  g_return_val_if_fail (g_task_is_valid (result, self), 0);

  number = g_task_propagate_int (G_TASK (result), error);
  return number > 0 ? (int) number : 0;
}

/**
 * thredo_signal_event_get_name:
 * @self: an event
 *
 * Gets what the event is called.
 *
 * Returns: (transfer none) (nullable): the name, valid as long as the event
 *
 * Since: 1.0
 */
const char *
thredo_signal_event_get_name (ThredoSignalEvent *self)
{
  g_return_val_if_fail (THREDO_IS_SIGNAL_EVENT (self), NULL);

  return thredo_name_get (&self->name);
}

/**
 * thredo_signal_event_set_name:
 * @self: an event
 * @name: (nullable): what to call it
 *
 * Sets what the event is called where threads that wait for it are shown.
 *
 * Since: 1.0
 */
void
thredo_signal_event_set_name (ThredoSignalEvent *self,
                              const char        *name)
{
  g_return_if_fail (THREDO_IS_SIGNAL_EVENT (self));

  thredo_name_set (&self->name, name);
  g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_NAME]);
}
