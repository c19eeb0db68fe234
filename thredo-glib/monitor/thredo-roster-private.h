/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include "thredo-thread-info-private.h"

/* A list of threads by their numbers, which grow, that is brought up to date with what was seen
 * of them. */
typedef struct
{
  GListModel *list; /* what says that it has changed */
  GPtrArray *infos;
} ThredoRoster;

/* What was seen goes with the array, but for what was taken from it. */
GArray *thredo_thread_seen_array_new (void);
void thredo_thread_seen_array_sort (GArray *self);

void thredo_roster_init (ThredoRoster *self,
                         GListModel   *list);
void thredo_roster_clear (ThredoRoster *self);
void thredo_roster_remove_ended (ThredoRoster *self,
                                 GArray       *all);
void thredo_roster_remove_gone (ThredoRoster  *self,
                                const guint64 *ids,
                                guint          n_gone);
void thredo_roster_insert_new (ThredoRoster *self,
                               GArray       *all);
