/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include <gtk/gtk.h>

G_BEGIN_DECLS

void screenshot_save_async (GtkWindow           *window,
                            const char          *file,
                            GAsyncReadyCallback  callback,
                            gpointer             user_data);
gboolean screenshot_save_finish (GtkWindow     *window,
                                 GAsyncResult  *result,
                                 GError       **error);

G_END_DECLS
