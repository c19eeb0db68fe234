/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include <gtk/gtk.h>

G_BEGIN_DECLS

/* A popover with a switch for each of @workloads. */
GtkWidget *monitor_chooser_new (GListModel *workloads);

G_END_DECLS
