/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include <glib-object.h>

/* Values that are handed out. They overwrite what was there: the caller's is
 * empty, or has been unset. */

/* A NULL pointer, for when there is nothing to hand out. The forms for bindings
 * need it: GJS 1.74 converts what a call hands out also when it fails, and
 * chokes on a value without a type. */
static inline void
thredo_value_set_nothing (GValue *self)
{
  GValue nothing = G_VALUE_INIT;

  g_value_init (&nothing, G_TYPE_POINTER);
  *self = nothing;
}

static inline void
thredo_value_set_copy (GValue       *self,
                       const GValue *from)
{
  GValue copy = G_VALUE_INIT;

  g_value_init (&copy, G_VALUE_TYPE (from));
  g_value_copy (from, &copy);
  *self = copy;
}

/* Moves a value to where g_boxed_free() takes it from. */
static inline GValue *
thredo_value_box (GValue *self)
{
  GValue *box = g_new (GValue, 1);
  GValue nothing = G_VALUE_INIT;

  *box = *self;
  *self = nothing;
  return box;
}
