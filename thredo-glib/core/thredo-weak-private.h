/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include "mutex.h"

#include <glib-object.h>

/* A GWeakRef for objects that languages wrap.
 *
 * g_weak_ref_get() of GLib 2.74 takes the reference under a lock of GObject's. If that is the
 * second one, beside a toggle reference, it waits in there for a lock of the language (Python's
 * GIL), and whoever has that may be on the way to GObject's. So here the second reference is
 * taken before, with no lock held, and g_weak_ref_get() only says whether that was in time:
 * GObject forgets its weak references, at once for all, before it disposes of an object.
 *
 * What keeps the object until then: it is not finalized before it was disposed of, and that
 * waits for those who have found it (the takers). One who was too late has dropped his reference
 * by the time dispose goes on. GObject bears no other: it touches an object after it has given up
 * the last reference but that. */
typedef struct
{
  GWeakRef is_alive;
  ThredoMutex lock;
  GObject *object; /* until it is disposed of */
  guint n_takers;
} ThredoWeak;

void thredo_weak_init (ThredoWeak *self,
                       gpointer    object);
void thredo_weak_clear (ThredoWeak *self);

/* Any thread: the object, or NULL if it is going. */
gpointer thredo_weak_dup (ThredoWeak *self);

/* By the object's dispose. Afterwards nobody finds it. */
void thredo_weak_end (ThredoWeak *self);
