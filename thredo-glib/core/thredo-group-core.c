/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "thredo-group-private.h"

#include "thredo-error.h"
#include "thredo-weak-private.h"

/* Who is in a group, what the join waits for, and what follows when a member
 * ends.
 *
 * Lock order: a thread's lock, then its group's. Nothing is called with either
 * held that could run code of users. To take the second reference to an object
 * does so where the first is a toggle reference, as languages have: under a lock
 * only what somebody is known to have one to already is referred to. */
struct _ThredoGroupCore
{
  gatomicrefcount ref_count;
  guint64 id;
  ThredoName name;
  ThredoGroupCore *parent; /* that of the thread which made the group */
  guint depth;             /* how many are around it */
  ThredoGroupWait policy;

  ThredoWeak group;

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

/* How long a line of groups, each around the next, may be. */
#define MAX_DEPTH 32

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

/* Those around a group stay as long as it does, which has no bound where threads hand over to
 * others, in groups that they make, and end: the innermost of too many is left out. */
static ThredoGroupCore *
dup_parent (void)
{
  ThredoSlot *slot = thredo_slot_peek ();
  ThredoGroupCore *maker, *parent;

  maker = slot != NULL && slot->owner != NULL ? thredo_thread_dup_core (slot->owner) : NULL;
  if (maker == NULL || maker->depth < MAX_DEPTH - 1)
    return maker;

  parent = thredo_group_core_ref (maker->parent);
  thredo_group_core_unref (maker);
  return parent;
}

ThredoGroupCore *
thredo_group_core_new (ThredoGroup *group)
{
  ThredoGroupCore *self = g_new0 (ThredoGroupCore, 1);

  g_atomic_ref_count_init (&self->ref_count);
  thredo_weak_init (&self->group, group);
  self->id = thredo_slot_new_serial ();
  thredo_name_init (&self->name);
  self->parent = dup_parent ();
  self->depth = self->parent != NULL ? self->parent->depth + 1 : 0;
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
  thredo_name_clear (&self->name);
  g_clear_pointer (&self->parent, thredo_group_core_unref);
  thredo_mutex_clear (&self->lock);
  thredo_weak_clear (&self->group);
  g_free (self);
}

/* The object, or NULL if it is going. */
ThredoGroup *
thredo_group_core_dup_group (ThredoGroupCore *self)
{
  return thredo_weak_dup (&self->group);
}

guint64
thredo_group_core_get_id (ThredoGroupCore *self)
{
  return self->id;
}

ThredoName *
thredo_group_core_get_name (ThredoGroupCore *self)
{
  return &self->name;
}

/* What the group and those around it are called, and their numbers, the outermost first. The
 * object may be gone. */
char **
thredo_group_core_dup_path (ThredoGroupCore  *self,
                            guint64         **ids)
{
  guint n = 0;
  char **path;

  for (ThredoGroupCore *core = self; core != NULL; core = core->parent)
    n++;
  path = g_new0 (char *, n + 1);
  *ids = g_new (guint64, n);
  for (ThredoGroupCore *core = self; core != NULL; core = core->parent)
    {
      const char *name = thredo_name_get (&core->name);

      n--;
      (*ids)[n] = core->id;
      path[n] = name != NULL && *name != '\0'
                    ? g_strdup (name)
                    : g_strdup_printf ("group %" G_GUINT64_FORMAT, core->id);
    }
  return path;
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

static void end_member (ThredoGroupCore *self,
                        ThredoThread    *thread,
                        GError          *error,
                        Consequences    *consequences);

/* Does what follows from a change, and what follows from that. Handlers and
 * clean-up of users run in here: no lock may be held, and no wait be armed. */
static void
carry_out (ThredoGroupCore *self,
           Consequences    *consequences)
{
  thredo_wake_batch_flush (&consequences->wakes);

  while (consequences->to_cancel != NULL || consequences->to_start != NULL ||
         consequences->to_end != NULL)
    {
      g_autoptr(GPtrArray) to_cancel = g_steal_pointer (&consequences->to_cancel);
      g_autoptr(GPtrArray) to_start = g_steal_pointer (&consequences->to_start);
      g_autoptr(GPtrArray) to_end = g_steal_pointer (&consequences->to_end);

      for (guint i = 0; to_cancel != NULL && i < to_cancel->len; i++)
        thredo_thread_cancel (to_cancel->pdata[i]);

      for (guint i = 0; to_start != NULL && i < to_start->len; i++)
        {
          GError *error = NULL;

          if (!thredo_thread_start_os_thread (to_start->pdata[i], &error))
            end_member (self, to_start->pdata[i], error, consequences);
        }

      for (guint i = 0; to_end != NULL && i < to_end->len; i++)
        end_member (self, to_end->pdata[i],
                    g_error_new (G_IO_ERROR, G_IO_ERROR_CANCELLED,
                                 "Cancelled before it was started"),
                    consequences);

      thredo_wake_batch_flush (&consequences->wakes);
    }
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
      thredo_thread_set_started (thread);
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

/* Called after the state of a member has become the one it ended in; does
 * nothing if it is no member any more. */
static void
note_member_ended (ThredoGroupCore *self,
                   ThredoThread    *thread,
                   Consequences    *consequences)
{
  g_autoptr(ThredoThread) dropped = NULL;
  ThredoGroupCore **core = thredo_thread_lock_core (thread);

  if (*core == self)
    {
      thredo_mutex_lock (&self->lock);
      if (remove_running (self, thread))
        {
          dropped = thread;
          if (is_waited_for (thread))
            {
              if (!self->abandoned)
                note_end (self, thread);
              if (hand_out (self, thread, consequences))
                forgive (self, thread);
              else if (!self->abandoned)
                move_to (g_steal_pointer (&dropped), &self->done, THREDO_MEMBER_DONE);
            }
          if (!self->settled)
            start_members (self, consequences);
          settle (self, consequences);
        }
      thredo_mutex_unlock (&self->lock);
    }
  thredo_thread_unlock_core (thread);
}

void
thredo_group_core_member_ended (ThredoGroupCore *self,
                                ThredoThread    *thread)
{
  Consequences consequences = CONSEQUENCES_INIT;

  note_member_ended (self, thread, &consequences);
  carry_out (self, &consequences);
}

/* For a member that will never run. Takes the error. */
static void
end_member (ThredoGroupCore *self,
            ThredoThread    *thread,
            GError          *error,
            Consequences    *consequences)
{
  thredo_thread_end_without_running (thread, error);
  note_member_ended (self, thread, consequences);
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

/* Called when a member has been joined by hand, or could not be started: the
 * latter is refused under the same hold of its lock, so that nobody sees it new
 * and a member, as one is that waits for room. Returns whether it was one. */
gboolean
thredo_group_core_forget (ThredoGroupCore *self,
                          ThredoThread    *thread,
                          gboolean         is_refused)
{
  g_autoptr(ThredoThread) dropped = NULL;
  Consequences consequences = CONSEQUENCES_INIT;
  ThredoGroupCore **core = thredo_thread_lock_core (thread);
  gboolean was_member = *core == self;

  if (was_member)
    {
      *core = NULL;
      if (is_refused)
        thredo_thread_refuse_locked (thread, &consequences.wakes);
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
      if (!self->settled)
        start_members (self, &consequences);
      settle (self, &consequences);
      thredo_mutex_unlock (&self->lock);
    }
  thredo_thread_unlock_core (thread);

  carry_out (self, &consequences);
  if (was_member)
    thredo_group_core_unref (self);
  return was_member;
}

gboolean
thredo_group_core_add (ThredoGroupCore  *self,
                       ThredoThread     *thread,
                       GError          **error)
{
  gboolean starts = FALSE, is_cancelled = FALSE, is_new;
  const char *problem = NULL;
  ThredoGroupCore **core;

  /* Not under a lock: it may be the second one, of which a binding is told. */
  g_object_ref (thread);
  core = thredo_thread_lock_core (thread);
  is_new = thredo_thread_get_end (thread) == THREDO_THREAD_STATE_NEW;
  thredo_mutex_lock (&self->lock);
  if (*core != NULL)
    {
      problem = "The thread is in a group already";
    }
  else if (self->joined)
    {
      problem = "The group has been joined already";
    }
  else
    {
      *core = thredo_group_core_ref (self);
      if (is_waited_for (thread))
        self->n_waited_for++;
      is_cancelled = self->cancelled || self->settled;
      starts = is_new && (is_cancelled || self->max_running == 0 ||
                          self->running.length < self->max_running);
      if (is_new && !starts)
        move_to (thread, &self->pending, THREDO_MEMBER_PENDING);
      else
        move_to (thread, &self->running, THREDO_MEMBER_RUNNING);
      if (starts)
        thredo_thread_set_started (thread);
    }
  thredo_mutex_unlock (&self->lock);
  thredo_thread_unlock_core (thread);

  if (problem != NULL)
    {
      g_set_error_literal (error, THREDO_ERROR, THREDO_ERROR_STATE, problem);
      g_object_unref (thread);
      return FALSE;
    }

  if (is_cancelled)
    thredo_thread_cancel (thread);
  if (starts && !thredo_thread_start_os_thread (thread, error))
    {
      thredo_thread_set_not_started (thread);
      return FALSE;
    }

  /* One that had ended before it was in our list has told nobody. */
  if (thredo_thread_get_end (thread) >= THREDO_THREAD_STATE_FINISHED)
    thredo_group_core_member_ended (self, thread);

  return TRUE;
}

void
thredo_group_core_cancel (ThredoGroupCore *self,
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

/* Begins the join. What follows runs code of users, so the joiner arms its wait
 * after it. The joiner is NULL if it is no thread. */
gboolean
thredo_group_core_begin_join (ThredoGroupCore  *self,
                              ThredoThread     *joiner,
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
      settle (self, &consequences);
    }
  thredo_mutex_unlock (&self->lock);

  carry_out (self, &consequences);
  if (problem != NULL)
    g_set_error_literal (error, THREDO_ERROR, THREDO_ERROR_STATE, problem);
  return problem == NULL;
}

/* The joiner has been cancelled: so is everyone else. */
void
thredo_group_core_abort_join (ThredoGroupCore *self)
{
  Consequences consequences = CONSEQUENCES_INIT;

  thredo_mutex_lock (&self->lock);
  self->settled = TRUE;
  cancel_members (self, &consequences);
  settle (self, &consequences);
  thredo_mutex_unlock (&self->lock);

  carry_out (self, &consequences);
}

/* Whether every member has ended, and none will come. */
gboolean
thredo_group_core_is_joined (ThredoGroupCore *self)
{
  gboolean joined;

  thredo_mutex_lock (&self->lock);
  joined = self->joined;
  thredo_mutex_unlock (&self->lock);

  return joined;
}

/* Lets an armed wait stand in line for the end of the join, or completes it if
 * that is past. */
void
thredo_group_core_line_up (ThredoGroupCore *self,
                           ThredoWait      *wait)
{
  ThredoWakeBatch batch = THREDO_WAKE_BATCH_INIT;

  thredo_mutex_lock (&self->lock);
  if (self->joined)
    thredo_wait_claim (wait, wait->token, THREDO_WAIT_DONE, &batch);
  else
    thredo_wait_list_append (&self->joiners, wait);
  thredo_mutex_unlock (&self->lock);

  thredo_wake_batch_flush (&batch);
}

void
thredo_group_core_step_out (ThredoGroupCore *self,
                            ThredoWait      *wait)
{
  thredo_mutex_lock (&self->lock);
  if (wait->list != NULL)
    thredo_wait_list_remove (wait->list, wait);
  thredo_mutex_unlock (&self->lock);
}

/* The first member that has failed, if that is the join's business. */
ThredoThread *
thredo_group_core_dup_failed (ThredoGroupCore *self)
{
  ThredoThread *failed = NULL;

  thredo_mutex_lock (&self->lock);
  g_set_object (&failed, self->failed);
  thredo_mutex_unlock (&self->lock);

  return failed;
}

/* What the join returns of it; NULL if nobody has. */
GError *
thredo_group_core_dup_failure (ThredoGroupCore *self)
{
  g_autoptr(ThredoThread) failed = thredo_group_core_dup_failed (self);

  return failed != NULL ? thredo_thread_dup_join_error (failed) : NULL;
}

/* Hands out a member that has ended; or, if there is none yet (FALSE), lets the
 * wait, if there is one, stand in line for it. */
gboolean
thredo_group_core_take (ThredoGroupCore  *self,
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
  else if (!is_over && wait != NULL)
    {
      wait->payload = thread;
      thredo_wait_list_append (&self->takers, wait);
    }
  thredo_mutex_unlock (&self->lock);

  return is_over;
}

/* The group object goes: the members that have not ended are cancelled, and
 * nobody will ask for those that have. Returns how many had not, if nobody has
 * joined them. */
guint
thredo_group_core_abandon (ThredoGroupCore *self)
{
  Consequences consequences = CONSEQUENCES_INIT;
  g_autoptr(ThredoThread) completed = NULL;
  g_autoptr(ThredoThread) failed = NULL;
  GQueue done = G_QUEUE_INIT;
  guint n_left = 0;
  GList *link;

  thredo_weak_end (&self->group);

  thredo_mutex_lock (&self->lock);
  if (!self->joined)
    {
      n_left = self->pending.length;
      /* One that has just ended may not have told us yet. */
      for (link = self->running.head; link != NULL; link = link->next)
        n_left += thredo_thread_get_end (link->data) < THREDO_THREAD_STATE_FINISHED;
    }
  self->cancelled = self->abandoned = TRUE;
  cancel_members (self, &consequences);
  while ((link = self->done.head) != NULL)
    {
      ThredoThread *thread = link->data;

      take_from (thread, &self->done);
      g_queue_push_tail (&done, thread);
    }
  /* They refer to us in turn. */
  completed = g_steal_pointer (&self->completed);
  failed = g_steal_pointer (&self->failed);
  thredo_mutex_unlock (&self->lock);

  carry_out (self, &consequences);
  g_queue_clear_full (&done, g_object_unref);
  return n_left;
}

static void
add_all (GPtrArray *threads,
         GQueue    *queue)
{
  for (GList *link = queue->head; link != NULL; link = link->next)
    g_ptr_array_add (threads, g_object_ref (link->data));
}

GPtrArray *
thredo_group_core_dup_threads (ThredoGroupCore *self)
{
  GPtrArray *threads = g_ptr_array_new_with_free_func (g_object_unref);

  thredo_mutex_lock (&self->lock);
  add_all (threads, &self->done);
  add_all (threads, &self->running);
  add_all (threads, &self->pending);
  thredo_mutex_unlock (&self->lock);
  thredo_thread_sort_by_id (threads);

  return threads;
}

ThredoThread *
thredo_group_core_dup_completed (ThredoGroupCore *self)
{
  ThredoThread *completed = NULL;

  thredo_mutex_lock (&self->lock);
  g_set_object (&completed, self->completed);
  thredo_mutex_unlock (&self->lock);

  return completed;
}

gboolean
thredo_group_core_is_cancelled (ThredoGroupCore *self)
{
  gboolean cancelled;

  thredo_mutex_lock (&self->lock);
  cancelled = self->cancelled;
  thredo_mutex_unlock (&self->lock);

  return cancelled;
}

guint
thredo_group_core_get_max_running (ThredoGroupCore *self)
{
  guint max_running;

  thredo_mutex_lock (&self->lock);
  max_running = self->max_running;
  thredo_mutex_unlock (&self->lock);

  return max_running;
}

void
thredo_group_core_set_max_running (ThredoGroupCore *self,
                                   guint            max_running)
{
  Consequences consequences = CONSEQUENCES_INIT;

  thredo_mutex_lock (&self->lock);
  self->max_running = max_running;
  start_members (self, &consequences);
  thredo_mutex_unlock (&self->lock);
  carry_out (self, &consequences);
}

ThredoGroupWait
thredo_group_core_get_policy (ThredoGroupCore *self)
{
  return self->policy;
}

/* Before there are members. */
void
thredo_group_core_set_policy (ThredoGroupCore *self,
                              ThredoGroupWait  policy)
{
  self->policy = policy;
}
