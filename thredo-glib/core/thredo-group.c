/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "thredo-group-private.h"

#include "thredo-async-private.h"
#include "thredo-enum-types.h"
#include "thredo-error.h"
#include "thredo-name-private.h"
#include "thredo-scope.h"

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
 * Since: 1.0
 */

/* Lock order: a thread's lock, then its group's. Nothing is called with either
 * held that could run code of users. */
struct _ThredoGroupCore
{
  gatomicrefcount ref_count;
  GWeakRef group;
  ThredoGroupWait policy;

  ThredoMutex lock;   /* guards what is below */
  guint max_running;  /* 0: no limit */
  GQueue pending;     /* members that wait for room, by their links */
  GQueue running;     /* members that have not ended, but for the pending */
  GQueue done;        /* members that have ended and were not handed out */
  guint n_waited_for; /* pending and running, but for daemons */

  gboolean cancelled; /* for good: later members too */
  gboolean joining;
  gboolean settled; /* the join waits for nothing any more but the end */
  gboolean joined;
  gboolean abandoned; /* the object is gone */
  ThredoThread *completed;
  ThredoThread *failed; /* the first failure that the join has to report */

  ThredoWaitList joiners;
  ThredoWaitList takers; /* those in next_done(); the payload is the thread */
};

struct _ThredoGroup
{
  GObject parent_instance;

  ThredoGroupCore *core;
  ThredoName name;
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
static const ThredoWaitInfo next_done_info = { "thredo_group_next_done", "next_done", "Group",
                                               get_name };

/* What follows from a change of the group, to be carried out once its lock is
 * dropped. */
typedef struct
{
  ThredoWakeBatch wakes;
  GPtrArray *to_cancel;
  GPtrArray *to_start;
  GPtrArray *to_end;
} Consequences;

#define CONSEQUENCES_INIT { THREDO_WAKE_BATCH_INIT, NULL, NULL, NULL }

static void settle (ThredoGroupCore *self,
                    Consequences    *consequences);

static void
add_to (GPtrArray    **array,
        ThredoThread  *thread)
{
  if (*array == NULL)
    *array = g_ptr_array_new_with_free_func (g_object_unref);
  g_ptr_array_add (*array, g_object_ref (thread));
}

static ThredoGroupCore *
core_new (ThredoGroup *group)
{
  ThredoGroupCore *self = g_new0 (ThredoGroupCore, 1);

  g_atomic_ref_count_init (&self->ref_count);
  g_weak_ref_init (&self->group, group);
  thredo_mutex_init (&self->lock);

  return self;
}

ThredoGroupCore *
thredo_group_core_ref (ThredoGroupCore *self)
{
  g_atomic_ref_count_inc (&self->ref_count);
  return self;
}

void
thredo_group_core_unref (ThredoGroupCore *self)
{
  if (!g_atomic_ref_count_dec (&self->ref_count))
    return;

  g_assert (self->running.length == 0 && self->pending.length == 0 && self->done.length == 0);
  g_clear_object (&self->completed);
  g_clear_object (&self->failed);
  g_weak_ref_clear (&self->group);
  thredo_mutex_clear (&self->lock);
  g_free (self);
}

ThredoGroup *
thredo_group_core_dup_group (ThredoGroupCore *self)
{
  return g_weak_ref_get (&self->group);
}

static gboolean
is_waited_for (ThredoThread *thread)
{
  return !thredo_thread_is_daemon (thread);
}

static gboolean
is_empty (ThredoGroupCore *self)
{
  return self->running.length == 0 && self->pending.length == 0;
}

/* The lists hold a reference to each of their members. */
static void
move_to (ThredoThread      *thread,
         GQueue            *queue,
         ThredoMemberPlace  place)
{
  ThredoMember *member = thredo_thread_get_member (thread);

  g_queue_push_tail_link (queue, &member->link);
  member->place = place;
}

static void
take_from (ThredoThread *thread,
           GQueue       *queue)
{
  ThredoMember *member = thredo_thread_get_member (thread);

  g_queue_unlink (queue, &member->link);
  member->place = THREDO_MEMBER_NONE;
}

static void
carry_out (ThredoGroupCore *self,
           Consequences    *consequences)
{
  g_autoptr(GPtrArray) to_cancel = g_steal_pointer (&consequences->to_cancel);
  g_autoptr(GPtrArray) to_start = g_steal_pointer (&consequences->to_start);
  g_autoptr(GPtrArray) to_end = g_steal_pointer (&consequences->to_end);

  thredo_wake_batch_flush (&consequences->wakes);

  for (guint i = 0; to_cancel != NULL && i < to_cancel->len; i++)
    thredo_thread_cancel (to_cancel->pdata[i]);

  for (guint i = 0; to_start != NULL && i < to_start->len; i++)
    {
      GError *error = NULL;

      if (!thredo_thread_start_os_thread (to_start->pdata[i], &error))
        thredo_thread_end_without_running (to_start->pdata[i], error);
    }

  for (guint i = 0; to_end != NULL && i < to_end->len; i++)
    thredo_thread_end_without_running (to_end->pdata[i],
                                       g_error_new (G_IO_ERROR, G_IO_ERROR_CANCELLED,
                                                    "Cancelled before it was started"));
}

/* Cancels everyone who has not ended; those who have not started never will. */
static void
cancel_members (ThredoGroupCore *self,
                Consequences    *consequences)
{
  GList *link;

  for (link = self->running.head; link != NULL; link = link->next)
    add_to (&consequences->to_cancel, link->data);

  while ((link = self->pending.head) != NULL)
    {
      ThredoThread *thread = link->data;

      take_from (thread, &self->pending);
      move_to (thread, &self->running, THREDO_MEMBER_RUNNING);
      add_to (&consequences->to_end, thread);
    }
}

/* Starts members that have been waiting for room. */
static void
start_members (ThredoGroupCore *self,
               Consequences    *consequences)
{
  while (self->pending.length > 0 &&
         (self->max_running == 0 || self->running.length < self->max_running))
    {
      ThredoThread *thread = self->pending.head->data;

      take_from (thread, &self->pending);
      move_to (thread, &self->running, THREDO_MEMBER_RUNNING);
      if (thredo_thread_is_cancelled (thread))
        {
          add_to (&consequences->to_end, thread);
          continue;
        }
      thredo_thread_set_started (thread, TRUE);
      add_to (&consequences->to_start, thread);
    }
}

/* Decides whether the join still waits, and what follows if it does not. To be
 * called after each change. */
static void
settle (ThredoGroupCore *self,
        Consequences    *consequences)
{
  gboolean decided = self->n_waited_for == 0;

  if (!decided && self->joining)
    {
      switch (self->policy)
        {
        case THREDO_GROUP_WAIT_ALL:
          decided = self->failed != NULL;
          break;
        case THREDO_GROUP_WAIT_ANY:
        case THREDO_GROUP_WAIT_RESULT:
          decided = self->failed != NULL || self->completed != NULL;
          break;
        case THREDO_GROUP_WAIT_NONE:
        default:
          decided = TRUE;
          break;
        }
    }

  if (self->joining && decided && !self->settled)
    {
      self->settled = TRUE;
      cancel_members (self, consequences);
    }
  if (self->settled && is_empty (self) && !self->joined)
    {
      self->joined = TRUE;
      thredo_wait_list_claim_all (&self->joiners, THREDO_WAIT_DONE, &consequences->wakes);
    }
  /* Nobody is left to be handed out. */
  if (self->n_waited_for == 0 && self->done.length == 0)
    thredo_wait_list_claim_all (&self->takers, THREDO_WAIT_CLOSED, &consequences->wakes);
}

static void
note_end (ThredoGroupCore *self,
          ThredoThread    *thread)
{
  ThredoThreadState end = thredo_thread_get_end (thread);
  gboolean completes;

  if (end == THREDO_THREAD_STATE_FAILED)
    {
      if (self->failed == NULL && !self->settled)
        self->failed = g_object_ref (thread);
    }

  completes = end != THREDO_THREAD_STATE_CANCELLED && self->policy != THREDO_GROUP_WAIT_NONE;
  if (self->policy == THREDO_GROUP_WAIT_RESULT)
    completes = end == THREDO_THREAD_STATE_FINISHED && thredo_thread_has_result (thread);
  if (completes && self->completed == NULL && !self->settled)
    self->completed = g_object_ref (thread);
}

/* Gives an ended member to the one who has waited longest for it. */
static gboolean
hand_out (ThredoGroupCore *self,
          ThredoThread    *thread,
          Consequences    *consequences)
{
  ThredoWait *taker;

  while ((taker = thredo_wait_list_pop (&self->takers)) != NULL)
    {
      ThredoThread **location = taker->payload;

      *location = g_object_ref (thread);
      if (thredo_wait_claim (taker, taker->token, THREDO_WAIT_DONE, &consequences->wakes))
        return TRUE;
      /* Cancelled before, and on its way to the lock: it has not seen this. */
      *location = NULL;
      g_object_unref (thread);
    }
  return FALSE;
}

/* A failure that somebody takes is theirs, and not the join's any more. */
static void
forgive (ThredoGroupCore *self,
         ThredoThread    *thread)
{
  if (self->failed != thread || self->settled)
    return;

  g_clear_object (&self->failed);
  for (GList *link = self->done.head; link != NULL && self->failed == NULL; link = link->next)
    {
      if (thredo_thread_get_end (link->data) == THREDO_THREAD_STATE_FAILED)
        self->failed = g_object_ref (link->data);
    }
}

/* Takes a member out that has ended or will not start. Returns whether it was
 * among those that had not. Its reference is the caller's. */
static gboolean
remove_running (ThredoGroupCore *self,
                ThredoThread    *thread)
{
  if (thredo_thread_get_member (thread)->place != THREDO_MEMBER_RUNNING)
    return FALSE;

  take_from (thread, &self->running);
  if (is_waited_for (thread))
    self->n_waited_for--;
  return TRUE;
}

/* Called by a member, after its state has become the one it ended in; does
 * nothing if it is no member any more. */
void
thredo_group_core_member_ended (ThredoGroupCore *self,
                                ThredoThread    *thread)
{
  g_autoptr(ThredoThread) dropped = NULL;
  Consequences consequences = CONSEQUENCES_INIT;

  thredo_mutex_lock (&self->lock);
  if (remove_running (self, thread))
    {
      dropped = thread;
      if (is_waited_for (thread))
        {
          note_end (self, thread);
          if (hand_out (self, thread, &consequences))
            forgive (self, thread);
          else if (!self->abandoned)
            move_to (g_steal_pointer (&dropped), &self->done, THREDO_MEMBER_DONE);
        }
      if (!self->settled)
        start_members (self, &consequences);
      settle (self, &consequences);
    }
  thredo_mutex_unlock (&self->lock);

  carry_out (self, &consequences);
}

/* Called when a member has been cancelled by hand: if it waits for room, it
 * need not wait to end. */
void
thredo_group_core_member_cancelled (ThredoGroupCore *self,
                                    ThredoThread    *thread)
{
  Consequences consequences = CONSEQUENCES_INIT;

  thredo_mutex_lock (&self->lock);
  if (thredo_thread_get_member (thread)->place == THREDO_MEMBER_PENDING)
    {
      take_from (thread, &self->pending);
      move_to (thread, &self->running, THREDO_MEMBER_RUNNING);
      add_to (&consequences.to_end, thread);
    }
  thredo_mutex_unlock (&self->lock);

  carry_out (self, &consequences);
}

/* Called when a member has been joined by hand. */
void
thredo_group_core_forget (ThredoGroupCore *self,
                          ThredoThread    *thread)
{
  g_autoptr(ThredoThread) dropped = NULL;
  Consequences consequences = CONSEQUENCES_INIT;

  thredo_mutex_lock (&self->lock);
  if (remove_running (self, thread))
    {
      dropped = thread;
    }
  else if (thredo_thread_get_member (thread)->place == THREDO_MEMBER_DONE)
    {
      dropped = thread;
      take_from (thread, &self->done);
      forgive (self, thread);
    }
  if (dropped != NULL)
    {
      if (!self->settled)
        start_members (self, &consequences);
      settle (self, &consequences);
    }
  thredo_mutex_unlock (&self->lock);

  carry_out (self, &consequences);
  thredo_thread_unset_core (thread, self);
}

static gboolean
core_add (ThredoGroupCore  *self,
          ThredoThread     *thread,
          GError          **error)
{
  Consequences consequences = CONSEQUENCES_INIT;
  gboolean is_new, starts = FALSE, is_late, is_cancelled;

  if (!thredo_thread_set_core (thread, self, &is_new, error))
    return FALSE;

  thredo_mutex_lock (&self->lock);
  is_late = self->joined;
  is_cancelled = self->cancelled || self->settled;
  if (!is_late)
    {
      g_object_ref (thread);
      if (is_waited_for (thread))
        self->n_waited_for++;
      starts = is_new && (is_cancelled || self->max_running == 0 ||
                          self->running.length < self->max_running);
      if (is_new && !starts)
        {
          move_to (thread, &self->pending, THREDO_MEMBER_PENDING);
        }
      else
        {
          move_to (thread, &self->running, THREDO_MEMBER_RUNNING);
          if (starts)
            thredo_thread_set_started (thread, TRUE);
        }
    }
  thredo_mutex_unlock (&self->lock);

  if (is_late)
    {
      thredo_thread_unset_core (thread, self);
      g_set_error (error, THREDO_ERROR, THREDO_ERROR_STATE, "The group has been joined already");
      return FALSE;
    }

  if (is_cancelled)
    thredo_thread_cancel (thread);
  if (starts && !thredo_thread_start_os_thread (thread, error))
    {
      thredo_mutex_lock (&self->lock);
      thredo_thread_set_started (thread, FALSE);
      remove_running (self, thread);
      settle (self, &consequences);
      thredo_mutex_unlock (&self->lock);

      carry_out (self, &consequences);
      thredo_thread_unset_core (thread, self);
      g_object_unref (thread);
      return FALSE;
    }

  /* One that was running already may have ended before it was in our list. */
  if (!is_new && thredo_thread_get_end (thread) >= THREDO_THREAD_STATE_FINISHED)
    thredo_group_core_member_ended (self, thread);

  return TRUE;
}

static void
core_cancel (ThredoGroupCore *self,
             gboolean         for_good)
{
  Consequences consequences = CONSEQUENCES_INIT;

  thredo_mutex_lock (&self->lock);
  if (for_good)
    self->cancelled = TRUE;
  cancel_members (self, &consequences);
  thredo_mutex_unlock (&self->lock);

  carry_out (self, &consequences);
}

static gboolean
has_running (ThredoGroupCore *self,
             ThredoThread    *thread)
{
  return thread != NULL && g_queue_find (&self->running, thread) != NULL;
}

/* Begins the join, for whoever of joiners the wait is. */
static gboolean
core_begin_join (ThredoGroupCore  *self,
                 ThredoThread     *joiner,
                 ThredoWait       *wait,
                 GError          **error)
{
  Consequences consequences = CONSEQUENCES_INIT;
  const char *problem = NULL;

  thredo_mutex_lock (&self->lock);
  if (self->joining)
    problem = "The group is being joined, or has been";
  else if (has_running (self, joiner))
    problem = "A thread that joins its own group would wait for itself, for ever";
  if (problem == NULL)
    {
      self->joining = TRUE;
      thredo_wait_list_append (&self->joiners, wait);
      settle (self, &consequences);
    }
  thredo_mutex_unlock (&self->lock);

  carry_out (self, &consequences);
  if (problem != NULL)
    g_set_error_literal (error, THREDO_ERROR, THREDO_ERROR_STATE, problem);
  return problem == NULL;
}

/* The joiner has been cancelled: everyone else is too, and the wait, armed
 * anew, is for their end. FALSE: they have all ended. */
static gboolean
core_abort_join (ThredoGroupCore *self,
                 ThredoWait      *wait)
{
  Consequences consequences = CONSEQUENCES_INIT;
  gboolean waits;

  thredo_mutex_lock (&self->lock);
  if (wait->list != NULL)
    thredo_wait_list_remove (&self->joiners, wait);
  waits = !self->joined;
  if (waits)
    {
      thredo_wait_arm (wait);
      thredo_wait_list_append (&self->joiners, wait);
      self->settled = TRUE;
      cancel_members (self, &consequences);
      settle (self, &consequences);
    }
  thredo_mutex_unlock (&self->lock);

  carry_out (self, &consequences);
  return waits;
}

static GError *
core_dup_failure (ThredoGroupCore *self)
{
  GError *error = NULL;

  thredo_mutex_lock (&self->lock);
  if (self->failed != NULL)
    error = thredo_thread_dup_join_error (self->failed);
  thredo_mutex_unlock (&self->lock);

  return error;
}

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
      self->core->policy = g_value_get_enum (value);
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
  ThredoGroupCore *core = self->core;
  Consequences consequences = CONSEQUENCES_INIT;
  GQueue done = G_QUEUE_INIT;
  guint n_left;
  GList *link;

  thredo_mutex_lock (&core->lock);
  n_left = core->joined ? 0 : core->running.length + core->pending.length;
  core->cancelled = core->abandoned = TRUE;
  cancel_members (core, &consequences);
  while ((link = core->done.head) != NULL)
    {
      ThredoThread *thread = link->data;

      take_from (thread, &core->done);
      g_queue_push_tail (&done, thread);
    }
  thredo_mutex_unlock (&core->lock);

  if (n_left > 0)
    g_warning ("Group" THREDO_NAME_FORMAT " was dropped without a join: %u of its threads had not "
               "ended, and have been cancelled",
               THREDO_NAME_ARGS (self->name.current), n_left);
  carry_out (core, &consequences);
  g_queue_clear_full (&done, g_object_unref);

  G_OBJECT_CLASS (thredo_group_parent_class)->dispose (object);
}

static void
thredo_group_finalize (GObject *object)
{
  ThredoGroup *self = THREDO_GROUP (object);

  thredo_group_core_unref (self->core);
  thredo_name_clear (&self->name);

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
  self->core = core_new (self);
  thredo_name_init (&self->name);
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
  if (!core_add (self->core, thread, error))
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

  return core_add (self->core, thread, error);
}

/* The second wait of a join that was cancelled. */
static void
join_shielded (ThredoGroup *self,
               ThredoSlot  *slot)
{
  ThredoLevel shield;

  thredo_level_enter_shield (&shield, slot);
  if (core_abort_join (self->core, &slot->wait))
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

  thredo_wait_arm (&slot->wait);
  if (own_error != NULL)
    thredo_wait_complete (&slot->wait, slot->wait.token, THREDO_WAIT_CANCELLED);
  if (!core_begin_join (self->core, slot->owner, &slot->wait, error))
    {
      thredo_wait_disarm (&slot->wait);
      g_clear_error (&own_error);
      return FALSE;
    }

  outcome = thredo_slot_block (slot, &join_info, self, cancellable);
  if (outcome != THREDO_WAIT_DONE)
    {
      if (own_error == NULL)
        thredo_blocking_set_error (slot, &join_info, outcome, cancellable, &own_error);
      join_shielded (self, slot);
    }

  if (own_error == NULL)
    own_error = core_dup_failure (self->core);
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
      if (core_abort_join (self->core, &async->wait))
        return FALSE;
    }

  error = g_steal_pointer (&join->error);
  if (error == NULL)
    error = core_dup_failure (self->core);
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
  if (core_begin_join (self->core, NULL, &async->wait, &error))
    {
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

/* Hands out a member that has ended; or, if there is none yet, lets the wait
 * stand in line for one (FALSE). */
static gboolean
core_take (ThredoGroupCore  *self,
           ThredoWait       *wait,
           ThredoThread    **thread)
{
  GList *link;
  gboolean is_over;

  thredo_mutex_lock (&self->lock);
  link = self->done.head;
  is_over = link != NULL || self->n_waited_for == 0;
  if (link != NULL)
    {
      *thread = link->data;
      take_from (*thread, &self->done);
      forgive (self, *thread);
    }
  else if (!is_over)
    {
      wait->payload = thread;
      thredo_wait_list_append (&self->takers, wait);
    }
  thredo_mutex_unlock (&self->lock);

  return is_over;
}

static void
core_untake (ThredoGroupCore *self,
             ThredoWait      *wait)
{
  thredo_mutex_lock (&self->lock);
  if (wait->list != NULL)
    thredo_wait_list_remove (&self->takers, wait);
  thredo_mutex_unlock (&self->lock);
}

/* FALSE: the wait failed. */
static gboolean
take (ThredoGroup    *self,
      GCancellable   *cancellable,
      ThredoThread  **thread,
      GError        **error)
{
  ThredoSlot *slot = thredo_slot_self ();
  ThredoWaitState outcome;

  *thread = NULL;
  if (!thredo_blocking_begin (slot, &next_done_info, cancellable, error))
    return FALSE;

  thredo_wait_arm (&slot->wait);
  if (core_take (self->core, &slot->wait, thread))
    {
      thredo_wait_disarm (&slot->wait);
      return TRUE;
    }

  outcome = thredo_slot_block (slot, &next_done_info, self, cancellable);
  if (outcome == THREDO_WAIT_DONE || outcome == THREDO_WAIT_CLOSED)
    return TRUE;

  core_untake (self->core, &slot->wait);
  *thread = NULL;
  return thredo_blocking_set_error (slot, &next_done_info, outcome, cancellable, error);
}

/**
 * thredo_group_next_done:
 * @self: a group
 * @cancellable: (nullable): what else can end the wait
 * @error: return location for an error
 *
 * Waits for the next member to end, and hands it out: each member once, in the
 * order in which they end, daemons left out.
 *
 * How the member has ended is the caller's business from then on: if it failed,
 * the join does not. The wait ends as well when no member is left, by a cancel
 * of the caller, the deadline of a scope around it, and a cancel of
 * @cancellable. Any thread but the loop's may call this.
 *
 * Returns: (transfer full) (nullable): a thread that has ended; %NULL without
 *   an error if no member is left; %NULL with an error: `G_IO_ERROR_CANCELLED`
 *   or `G_IO_ERROR_TIMED_OUT` ([error@Gio.IOErrorEnum]) if the wait was
 *   cancelled or too long; `THREDO_ERROR_LOOP_THREAD`
 *
 * Since: 1.0
 */
ThredoThread *
thredo_group_next_done (ThredoGroup   *self,
                        GCancellable  *cancellable,
                        GError       **error)
{
  ThredoThread *thread;

  g_return_val_if_fail (THREDO_IS_GROUP (self), NULL);
  g_return_val_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable), NULL);

  return take (self, cancellable, &thread, error) ? thread : NULL;
}

/* A next_done for a task. */
typedef struct
{
  ThredoAsync async;
  ThredoThread *thread;
} TakeAsync;

static gboolean
take_async_finish (ThredoAsync     *async,
                   ThredoWaitState  outcome)
{
  TakeAsync *take_async = (TakeAsync *) async;
  ThredoGroup *self = g_task_get_source_object (async->task);

  if (outcome == THREDO_WAIT_DONE || outcome == THREDO_WAIT_CLOSED)
    {
      g_task_return_pointer (async->task, g_steal_pointer (&take_async->thread), g_object_unref);
    }
  else
    {
      core_untake (self->core, &async->wait);
      thredo_async_return_error (async, outcome);
    }
  return TRUE;
}

/**
 * thredo_group_next_done_async:
 * @self: a group
 * @cancellable: (nullable): what else can end the wait
 * @callback: (scope async) (nullable): called when the wait has ended
 * @user_data: data for @callback
 *
 * Waits for the next member to end, without blocking.
 *
 * The callback runs in the thread-default main context of the caller. Any
 * thread may call this.
 *
 * Since: 1.0
 */
void
thredo_group_next_done_async (ThredoGroup         *self,
                              GCancellable        *cancellable,
                              GAsyncReadyCallback  callback,
                              gpointer             user_data)
{
  g_autoptr(GTask) task = NULL;
  ThredoAsync *async;
  TakeAsync *take_async;
  ThredoThread *thread = NULL;

  g_return_if_fail (THREDO_IS_GROUP (self));
  g_return_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable));

  task = g_task_new (self, cancellable, callback, user_data);
  g_task_set_source_tag (task, thredo_group_next_done_async);
  if (g_task_return_error_if_cancelled (task))
    return;

  async = thredo_async_new (sizeof (TakeAsync), task, &next_done_info, take_async_finish);
  take_async = (TakeAsync *) async;
  if (core_take (self->core, &async->wait, &take_async->thread))
    {
      thread = g_steal_pointer (&take_async->thread);
      g_task_return_pointer (task, thread, g_object_unref);
      thredo_async_drop (async);
      return;
    }
  thredo_async_start (async);
}

/**
 * thredo_group_next_done_finish:
 * @self: a group
 * @result: what the callback was given
 * @error: return location for an error
 *
 * Ends what [method@Thredo.Group.next_done_async] began.
 *
 * Returns: (transfer full) (nullable): as [method@Thredo.Group.next_done]
 *
 * Since: 1.0
 */
ThredoThread *
thredo_group_next_done_finish (ThredoGroup   *self,
                               GAsyncResult  *result,
                               GError       **error)
{
  g_return_val_if_fail (g_task_is_valid (result, self), NULL);

  return g_task_propagate_pointer (G_TASK (result), error);
}

/**
 * thredo_group_next_result:
 * @self: a group
 * @result: (out caller-allocates): location for the result, which is
 *   initialised and copied to
 * @cancellable: (nullable): what else can end the wait
 * @error: return location for an error
 *
 * Waits for the next member to end, as [method@Thredo.Group.next_done] does,
 * and gets its result.
 *
 * In C, @result must be `G_VALUE_INIT`, and is to be unset on success. Of a
 * member that has set no result it is a %NULL pointer. Any thread but the
 * loop's may call this.
 *
 * Returns: %TRUE, or %FALSE with an error: the member's own;
 *   `THREDO_ERROR_THREAD_CANCELLED` if it was cancelled;
 *   `THREDO_ERROR_STATE` if no member is left; `G_IO_ERROR_CANCELLED` or
 *   `G_IO_ERROR_TIMED_OUT` ([error@Gio.IOErrorEnum]) if the wait was
 *   cancelled or too long; `THREDO_ERROR_LOOP_THREAD`
 *
 * Since: 1.0
 */
gboolean
thredo_group_next_result (ThredoGroup   *self,
                          GValue        *result,
                          GCancellable  *cancellable,
                          GError       **error)
{
  g_autoptr(ThredoThread) thread = NULL;
  GError *join_error;

  g_return_val_if_fail (THREDO_IS_GROUP (self), FALSE);
  g_return_val_if_fail (result != NULL, FALSE);
  g_return_val_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable), FALSE);

  if (!take (self, cancellable, &thread, error))
    return FALSE;
  if (thread == NULL)
    {
      g_set_error_literal (error, THREDO_ERROR, THREDO_ERROR_STATE,
                           "No member of the group is left");
      return FALSE;
    }

  join_error = thredo_thread_dup_join_error (thread);
  if (join_error != NULL)
    {
      g_propagate_error (error, join_error);
      return FALSE;
    }
  if (!thredo_thread_get_result (thread, result))
    g_value_init (result, G_TYPE_POINTER);
  return TRUE;
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

  core_cancel (self->core, TRUE);
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

  core_cancel (self->core, FALSE);
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
  gboolean cancelled;

  g_return_val_if_fail (THREDO_IS_GROUP (self), FALSE);

  thredo_mutex_lock (&self->core->lock);
  cancelled = self->core->cancelled;
  thredo_mutex_unlock (&self->core->lock);

  return cancelled;
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
  ThredoThread *completed = NULL;

  g_return_val_if_fail (THREDO_IS_GROUP (self), NULL);

  thredo_mutex_lock (&self->core->lock);
  g_set_object (&completed, self->core->completed);
  thredo_mutex_unlock (&self->core->lock);

  return completed;
}

static void
add_all (GPtrArray *threads,
         GQueue    *queue)
{
  for (GList *link = queue->head; link != NULL; link = link->next)
    g_ptr_array_add (threads, g_object_ref (link->data));
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
  GPtrArray *threads;

  g_return_val_if_fail (THREDO_IS_GROUP (self), NULL);

  threads = g_ptr_array_new_with_free_func (g_object_unref);
  thredo_mutex_lock (&self->core->lock);
  add_all (threads, &self->core->done);
  add_all (threads, &self->core->running);
  add_all (threads, &self->core->pending);
  thredo_mutex_unlock (&self->core->lock);
  thredo_thread_sort_by_id (threads);

  return threads;
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

  return self->core->policy;
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
  guint max_running;

  g_return_val_if_fail (THREDO_IS_GROUP (self), 0);

  thredo_mutex_lock (&self->core->lock);
  max_running = self->core->max_running;
  thredo_mutex_unlock (&self->core->lock);

  return max_running;
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
  Consequences consequences = CONSEQUENCES_INIT;

  g_return_if_fail (THREDO_IS_GROUP (self));

  thredo_mutex_lock (&self->core->lock);
  self->core->max_running = max_running;
  start_members (self->core, &consequences);
  thredo_mutex_unlock (&self->core->lock);
  carry_out (self->core, &consequences);

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

  return thredo_name_get (&self->name);
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

  thredo_name_set (&self->name, name);
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
 * g_autoptr(ThredoGroupGuard) guard = thredo_group_guard_new (group);
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
  g_autoptr(ThredoScope) shield = thredo_scope_new_shielded ();

  core_cancel (self->core, TRUE);
  thredo_scope_enter (shield);
  thredo_group_join (self, NULL, NULL);
  thredo_scope_leave (shield);
}
