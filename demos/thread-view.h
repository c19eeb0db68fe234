/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include <gtk/gtk.h>

G_BEGIN_DECLS

/* The live threads of the process as a table, with a Cancel button on each. */
#define THREAD_TYPE_VIEW (thread_view_get_type ())
G_DECLARE_FINAL_TYPE (ThreadView, thread_view, THREAD, VIEW, GtkWidget)

void thread_view_update (ThreadView *self,
                         GPtrArray  *infos);

G_END_DECLS
