/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "circle.h"

#include <string.h>

static const char *const actor_names[CIRCLE_MAX] = { "A", "B", "C", "D", "E" };
static const char *const lock_names[CIRCLE_MAX] = { "L0", "L1", "L2", "L3", "L4" };

gboolean
circle_is_lock (Circle *self,
                guint   index)
{
  return strchr ("lrR", self->edges[index]) != NULL;
}

const char *
circle_get_name (guint index)
{
  return actor_names[index];
}

static guint
previous (Circle *self,
          guint   index)
{
  return (index + self->n - 1) % self->n;
}

static const char *
get_noun (Circle *self,
          guint   index)
{
  return self->edges[index] == 'l' ? "Lock" : "RLock";
}

guint
circle_next (Circle *self,
             guint   index)
{
  return (index + 1) % self->n;
}

void
circle_acquire (gpointer lockable)
{
  g_autoptr(GError) error = NULL;

  thredo_lockable_acquire (lockable, NULL, &error);
  g_assert_no_error (error);
}

void
circle_release (gpointer lockable)
{
  g_autoptr(GError) error = NULL;

  thredo_lockable_release (lockable, &error);
  g_assert_no_error (error);
}

static gboolean
want (Actor *self)
{
  Circle *circle = self->circle;
  Actor *other = &circle->actors[circle_next (circle, self->index)];
  ThredoLockable *lock = circle->locks[self->index];

  switch (circle->edges[self->index])
    {
    case 'j':
      return thredo_thread_join (other->thread, self->cancellable, &self->error);
    case 'w':
      return thredo_thread_wait (other->thread, self->cancellable, &self->error);
    default:
      if (!thredo_lockable_acquire (lock, self->cancellable, &self->error))
        return FALSE;
      circle_release (lock);
      return TRUE;
    }
}

static void
act (Actor *self)
{
  guint wanted_by = previous (self->circle, self->index);
  ThredoLockable *has = self->circle->locks[wanted_by];
  guint depth = self->circle->edges[wanted_by] == 'R' ? 2 : 1;

  for (guint i = 0; has != NULL && i < depth; i++)
    circle_acquire (has);
  support_gate_open (&self->has_it);
  support_gate_wait (&self->go);

  if (self->scope != NULL)
    thredo_scope_enter (self->scope);
  self->got = want (self);
  if (self->scope != NULL)
    thredo_scope_leave (self->scope);

  for (guint i = 0; has != NULL && i < depth; i++)
    circle_release (has);
}

static gboolean
run_actor (ThredoThread  *thread,
           gpointer       user_data,
           GError       **error)
{
  act (user_data);
  return TRUE;
}

static gpointer
run_foreign_actor (gpointer user_data)
{
  Actor *self = user_data;

  self->thread = g_object_ref (thredo_thread_self ());
  thredo_thread_set_name (self->thread, actor_names[self->index]);
  act (self);
  return NULL;
}

void
circle_init (Circle     *self,
             const char *edges,
             gboolean    foreign)
{
  *self = (Circle) { .edges = edges, .n = strlen (edges), .is_foreign = foreign };
  g_assert_cmpuint (self->n, <=, CIRCLE_MAX);

  for (guint i = 0; i < self->n; i++)
    {
      if (circle_is_lock (self, i))
        self->locks[i] = g_object_new (edges[i] == 'l' ? THREDO_TYPE_LOCK : THREDO_TYPE_RLOCK,
                                       "name", lock_names[i],
                                       NULL);
    }
  for (guint i = 0; i < self->n; i++)
    {
      Actor *actor = &self->actors[i];
      g_autoptr(GError) error = NULL;

      actor->circle = self;
      actor->index = i;
      actor->cancellable = g_cancellable_new ();
      support_gate_init (&actor->has_it);
      support_gate_init (&actor->go);
      if (foreign)
        actor->gthread = g_thread_new (actor_names[i], run_foreign_actor, actor);
      else
        actor->thread = thredo_thread_spawn (actor_names[i], run_actor, actor, NULL, &error);
      g_assert_no_error (error);
      support_gate_wait (&actor->has_it);
    }
}

void
circle_let_go (Circle *self,
               guint   index)
{
  support_gate_open (&self->actors[index].go);
}

void
circle_block (Circle *self,
              guint   index)
{
  g_autofree char *wait = NULL;

  if (circle_is_lock (self, index))
    wait = g_strdup_printf ("acquire on %s '%s'", get_noun (self, index), lock_names[index]);
  else
    wait = g_strdup_printf ("join on Thread '%s'", actor_names[circle_next (self, index)]);
  circle_let_go (self, index);
  support_wait_for_wait (self->actors[index].thread, wait);
}

void
circle_block_others (Circle *self,
                     guint   closer)
{
  for (guint i = circle_next (self, closer); i != closer; i = circle_next (self, i))
    circle_block (self, i);
  messages_assert_none ();
}

char *
circle_describe (Circle *self,
                 guint   closer)
{
  GString *text = g_string_new (NULL);
  guint i = closer;

  g_string_append_printf (text, "Deadlock of %u threads:", self->n);
  do
    {
      guint before = previous (self, i), after = circle_next (self, i);

      g_string_append_printf (text, "%s '%s'", i == closer ? "" : ";", actor_names[i]);
      if (circle_is_lock (self, before))
        g_string_append_printf (text, " holds %s '%s',", get_noun (self, before),
                                lock_names[before]);
      if (circle_is_lock (self, i))
        g_string_append_printf (text, " waits for %s '%s' held by '%s'", get_noun (self, i),
                                lock_names[i], actor_names[after]);
      else
        g_string_append_printf (text, " waits for the end of Thread '%s'", actor_names[after]);
      i = after;
    }
  while (i != closer);

  return g_string_free (text, FALSE);
}

void
circle_end_one (Circle *self,
                guint   index)
{
  Actor *actor = &self->actors[index];

  if (actor->gthread != NULL)
    g_thread_join (g_steal_pointer (&actor->gthread));
  else
    support_join_ok (actor->thread);
}

void
circle_end_all (Circle *self)
{
  for (guint i = 0; i < self->n; i++)
    {
      if (self->actors[i].gthread != NULL || !self->is_foreign)
        circle_end_one (self, i);
    }
}

void
circle_end (Circle *self,
            guint   loser,
            GQuark  domain,
            int     code)
{
  circle_end_all (self);
  for (guint i = 0; i < self->n; i++)
    {
      Actor *actor = &self->actors[i];

      g_assert_cmpint (actor->got, ==, i != loser);
      if (i == loser)
        support_assert_error (&actor->error, domain, code);
      g_assert_no_error (actor->error);
    }
  messages_assert_none ();
}

void
circle_end_cancelled (Circle *self,
                      guint   loser)
{
  circle_end (self, loser, G_IO_ERROR, G_IO_ERROR_CANCELLED);
}

void
circle_clear (Circle *self)
{
  for (guint i = 0; i < self->n; i++)
    {
      Actor *actor = &self->actors[i];

      if (self->locks[i] != NULL)
        {
          g_assert_true (thredo_lockable_try_acquire (self->locks[i]));
          circle_release (self->locks[i]);
          g_object_unref (self->locks[i]);
        }
      g_clear_object (&actor->thread);
      g_clear_object (&actor->scope);
      g_clear_object (&actor->cancellable);
      support_gate_clear (&actor->has_it);
      support_gate_clear (&actor->go);
    }
}

void
circle_assert_cancel_message (const char *description,
                              guint       loser)
{
  g_autofree char *expected = g_strdup_printf ("%s; '%s' is cancelled", description,
                                               actor_names[loser]);

  messages_assert_next (G_LOG_LEVEL_MESSAGE, expected);
}

ThredoDeadlock *
circle_find_deadlock (void)
{
  g_autoptr(ThredoMonitor) monitor = thredo_monitor_new ();
  g_autoptr(GPtrArray) deadlocks = thredo_monitor_find_deadlocks (monitor);

  g_assert_cmpuint (deadlocks->len, ==, 1);
  return g_object_ref (g_ptr_array_index (deadlocks, 0));
}

void
circle_assert_no_deadlock (void)
{
  g_autoptr(ThredoMonitor) monitor = thredo_monitor_new ();
  g_autoptr(GPtrArray) deadlocks = thredo_monitor_find_deadlocks (monitor);

  g_assert_cmpuint (deadlocks->len, ==, 0);
}
