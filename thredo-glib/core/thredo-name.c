/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "thredo-name-private.h"

void
thredo_name_init (ThredoName *self)
{
  thredo_mutex_init (&self->lock);
}

void
thredo_name_clear (ThredoName *self)
{
  g_free (self->current);
  g_slist_free_full (self->former, g_free);
  thredo_mutex_clear (&self->lock);
}

const char *
thredo_name_get (ThredoName *self)
{
  const char *name;

  thredo_mutex_lock (&self->lock);
  name = self->current;
  thredo_mutex_unlock (&self->lock);

  return name;
}

void
thredo_name_set (ThredoName *self,
                 const char *name)
{
  thredo_mutex_lock (&self->lock);
  if (self->current != NULL)
    self->former = g_slist_prepend (self->former, self->current);
  self->current = g_strdup (name);
  thredo_mutex_unlock (&self->lock);
}

void
thredo_name_set_if_none (ThredoName *self,
                         const char *name)
{
  thredo_mutex_lock (&self->lock);
  if (self->current == NULL)
    self->current = g_strdup (name);
  thredo_mutex_unlock (&self->lock);
}
