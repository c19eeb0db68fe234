/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include "config.h"

#include <glib.h>
#include <stdatomic.h>

typedef struct _ThredoSlot ThredoSlot;

/* A word that says which thread has something: the address of its slot, or 0
 * for nobody, with flags in the low bits. It is read by whoever follows a chain
 * of threads that wait for each other; see chain.h for what keeps the slot. */
typedef struct
{
  _Atomic guintptr word;
} ThredoOwner;

#define THREDO_OWNER_FLAGS ((guintptr) 7)

static inline ThredoSlot *
thredo_owner_get_slot (ThredoOwner *self)
{
  return (ThredoSlot *) (atomic_load (&self->word) & ~THREDO_OWNER_FLAGS);
}

/* For a word without flags, and one thread that writes it. */
static inline void
thredo_owner_set_slot (ThredoOwner *self,
                       ThredoSlot  *slot)
{
  atomic_store (&self->word, (guintptr) slot);
}
