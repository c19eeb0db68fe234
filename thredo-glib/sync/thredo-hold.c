/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "thredo-hold-private.h"

#include "thredo-async-private.h"
#include "thredo-error.h"

/* Takes it if it is free, whatever flags are up. */
gboolean
thredo_hold_try_take (ThredoHold *self,
                      ThredoSlot *slot)
{
  if (thredo_hold_try (self, slot))
    return TRUE;
  if (!thredo_turnstile_take (&self->turnstile, slot))
    return FALSE;
  slot->n_held++;
  return TRUE;
}

/* Waits for what was not free at the first look. A reference keeps the object
 * until nobody waits for it any more. */
gboolean
thredo_hold_acquire_slow (ThredoHold            *self,
                          ThredoSlot            *slot,
                          const ThredoWaitInfo  *info,
                          GCancellable          *cancellable,
                          GError               **error)
{
  GError *refusal = NULL;
  ThredoWaitState outcome;
  gpointer object;

  if (thredo_hold_try_take (self, slot))
    return TRUE;

  object = g_object_ref (self->object);
  outcome = thredo_turnstile_wait (&self->turnstile, slot, info, object, cancellable,
                                   &refusal);
  if (outcome == THREDO_WAIT_DONE)
    slot->n_held++;
  else if (refusal != NULL)
    g_propagate_error (error, refusal);
  else
    thredo_blocking_set_error (slot, info, outcome, cancellable, error);
  g_object_unref (object);

  return outcome == THREDO_WAIT_DONE;
}

/* Waits for it whatever happens to the caller. */
void
thredo_hold_reacquire (ThredoHold           *self,
                       ThredoSlot           *slot,
                       const ThredoWaitInfo *info)
{
  gpointer object;
  ThredoLevel shield;

  if (thredo_hold_try (self, slot))
    return;

  object = g_object_ref (self->object);
  slot->n_bound++;
  thredo_level_enter_shield (&shield, slot);
  thredo_turnstile_wait (&self->turnstile, slot, info, object, NULL, NULL);
  thredo_level_leave (&shield, FALSE);
  slot->n_bound--;
  thredo_level_clear (&shield);
  slot->n_held++;
  g_object_unref (object);
}

/* A lock for a task. */
typedef struct
{
  ThredoAsync async;
  ThredoTicket ticket;
  ThredoHold *hold;
  guint *depth;
  guint to_depth;
} HoldAsync;

static gboolean
finish_async (ThredoAsync     *async,
              ThredoWaitState  outcome)
{
  HoldAsync *self = (HoldAsync *) async;
  ThredoSlot *slot = thredo_slot_self ();

  if (outcome == THREDO_WAIT_DONE)
    {
      thredo_turnstile_adopt (&self->hold->turnstile, slot);
      slot->n_held++;
      if (self->depth != NULL)
        *self->depth = self->to_depth;
      g_task_return_boolean (async->task, TRUE);
      return TRUE;
    }

  thredo_turnstile_step_out (&self->hold->turnstile, &async->wait);
  thredo_async_return_error (async, outcome);
  return TRUE;
}

/* Acquires for the thread that runs the caller's thread-default main context. How
 * deep it then holds the lock is stored where `depth` points to, if that is not
 * NULL. */
void
thredo_hold_acquire_async (ThredoHold           *self,
                           const ThredoWaitInfo *info,
                           guint                *depth,
                           guint                 to_depth,
                           GCancellable         *cancellable,
                           gpointer              tag,
                           GAsyncReadyCallback   callback,
                           gpointer              user_data)
{
  g_autoptr(GTask) task = g_task_new (self->object, cancellable, callback, user_data);
  HoldAsync *hold_async;

  g_task_set_source_tag (task, tag);
  if (g_task_return_error_if_cancelled (task))
    return;

  hold_async = (HoldAsync *) thredo_async_new (sizeof (HoldAsync), task, info, finish_async);
  hold_async->hold = self;
  hold_async->depth = depth;
  hold_async->to_depth = to_depth;
  hold_async->async.wait.payload = &hold_async->ticket;
  thredo_turnstile_line_up_task (&self->turnstile, &hold_async->async.wait);
  thredo_async_start (&hold_async->async);
}

gboolean
thredo_hold_check_owned (ThredoHold  *self,
                         ThredoSlot  *slot,
                         GError     **error)
{
  g_autofree char *description = NULL;
  g_autoptr(ThredoThread) owner = NULL;

  if (G_LIKELY (thredo_hold_is_owned (self, slot)))
    return TRUE;

  description = thredo_hold_describe (self);
  owner = thredo_hold_dup_owner (self);
  if (owner != NULL)
    g_set_error (error, THREDO_ERROR, THREDO_ERROR_NOT_OWNER,
                 "%s is owned by Thread '%s', and not by the caller",
                 description, thredo_thread_get_name (owner));
  else
    g_set_error (error, THREDO_ERROR, THREDO_ERROR_NOT_OWNER, "%s is not owned by the caller",
                 description);
  return FALSE;
}

gboolean
thredo_hold_is_abandoned (ThredoHold *self)
{
  return (thredo_turnstile_get_word (&self->turnstile) & THREDO_TURNSTILE_ABANDONED) != 0;
}

/* The object's last reference was dropped. If it is held, it lives on until it is
 * not. */
void
thredo_hold_dispose (ThredoHold *self)
{
  g_autofree char *description = NULL;
  g_autoptr(ThredoThread) owner = NULL;

  owner = thredo_hold_dup_owner (self);
  g_object_ref (self->object);
  if (!thredo_turnstile_mark_orphaned (&self->turnstile))
    {
      g_object_unref (self->object);
      return;
    }

  description = thredo_hold_describe (self);
  g_critical ("The last reference to %s was dropped while Thread '%s' held it; it is kept until it "
              "is released",
              description, owner != NULL ? thredo_thread_get_name (owner) : "?");
}
