/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include <thredo.h>

G_BEGIN_DECLS

/* The orders that rows can be in. They compare what was noted of a thread: what it was like
 * when it was compared first, or when all were noted last. */
void monitor_order_note_all (GListModel *threads);

int monitor_order_compare_names (ThredoThreadInfo *a,
                                 ThredoThreadInfo *b);
int monitor_order_compare_groups (ThredoThreadInfo *a,
                                  ThredoThreadInfo *b);
int monitor_order_compare_states (ThredoThreadInfo *a,
                                  ThredoThreadInfo *b);
int monitor_order_compare_waiting_for (ThredoThreadInfo *a,
                                       ThredoThreadInfo *b);
int monitor_order_compare_since (ThredoThreadInfo *a,
                                 ThredoThreadInfo *b);
int monitor_order_compare_waits (ThredoThreadInfo *a,
                                 ThredoThreadInfo *b);
int monitor_order_compare_cpu (ThredoThreadInfo *a,
                               ThredoThreadInfo *b);

G_END_DECLS
