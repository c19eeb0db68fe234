/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include "config.h"

#include <glib.h>
#include <stdatomic.h>

/* A number that one thread at a time changes, and that others read without a lock, as monitors
 * do: they must not wait for anybody. Release and acquire, so that of two that are changed one
 * after the other, whoever sees the second and then reads the first sees that too. */
typedef struct
{
  _Atomic guint64 value;
} ThredoFigure;

static inline void
thredo_figure_set (ThredoFigure *self,
                   guint64       value)
{
  atomic_store_explicit (&self->value, value, memory_order_release);
}

static inline guint64
thredo_figure_get (ThredoFigure *self)
{
  return atomic_load_explicit (&self->value, memory_order_acquire);
}
