/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What the soak does all the time, each part on a thread of its own. */

#pragma once

#include <thredo.h>

G_BEGIN_DECLS

typedef struct
{
  const char *name;
  gboolean (*once) (GError **error);
  GTimeSpan pause; /* between one time and the next */
  int n_done;      /* atomic: how many times so far */
} SoakPart;

/* Ends with one that has no name. */
extern SoakPart soak_parts[];

/* The threads of this name wait to be cancelled by whoever sees them. */
#define SOAK_VICTIM "victim"

/* Counts an object of the library until it is finalized. */
gpointer soak_track (gpointer object);

/* How many there are; and how many of each type, if anybody wants to read that. */
int soak_count_tracked (GString *types);

G_END_DECLS
