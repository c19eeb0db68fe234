/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "thredo-weak-private.h"

void
thredo_weak_init (ThredoWeak *self,
                  gpointer    object)
{
  g_weak_ref_init (&self->is_alive, object);
  thredo_mutex_init (&self->lock);
  self->object = object;
  self->n_takers = 0;
}

void
thredo_weak_clear (ThredoWeak *self)
{
  thredo_mutex_clear (&self->lock);
  g_weak_ref_clear (&self->is_alive);
}

gpointer
thredo_weak_dup (ThredoWeak *self)
{
  GObject *object, *alive;

  thredo_mutex_lock (&self->lock);
  object = self->object;
  self->n_takers += object != NULL;
  thredo_mutex_unlock (&self->lock);
  if (object == NULL)
    return NULL;

  g_object_ref (object);
  alive = g_weak_ref_get (&self->is_alive);
  g_object_unref (object);

  thredo_mutex_lock (&self->lock);
  self->n_takers--;
  thredo_mutex_unlock (&self->lock);

  return alive;
}

/* The takers are through in some instructions: an object at its last reference has no toggle
 * reference left. With more of them it is g_object_run_dispose(), and they may have it. */
void
thredo_weak_end (ThredoWeak *self)
{
  GObject *alive = g_weak_ref_get (&self->is_alive);

  thredo_mutex_lock (&self->lock);
  self->object = NULL;
  while (alive == NULL && self->n_takers > 0)
    {
      thredo_mutex_unlock (&self->lock);
      g_thread_yield ();
      thredo_mutex_lock (&self->lock);
    }
  thredo_mutex_unlock (&self->lock);

  g_clear_object (&alive);
}
