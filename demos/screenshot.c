/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "screenshot.h"

#define FRAMES_TO_WAIT 2

typedef struct
{
  char *file;
  guint n_frames;
  gulong handler;
} Screenshot;

static void
screenshot_free (Screenshot *screenshot)
{
  g_free (screenshot->file);
  g_free (screenshot);
}

static gboolean
save_window (GtkWindow   *window,
             const char  *file,
             GError     **error)
{
  GdkPaintable *paintable = gtk_widget_paintable_new (GTK_WIDGET (window));
  GtkSnapshot *snapshot = gtk_snapshot_new ();
  g_autoptr(GdkTexture) texture = NULL;
  GskRenderNode *node;

  gdk_paintable_snapshot (paintable, snapshot,
                          gdk_paintable_get_intrinsic_width (paintable),
                          gdk_paintable_get_intrinsic_height (paintable));
  g_object_unref (paintable);

  node = gtk_snapshot_free_to_node (snapshot);
  if (node == NULL)
    {
      g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_FAILED, "The window shows nothing");
      return FALSE;
    }
  texture = gsk_renderer_render_texture (gtk_native_get_renderer (GTK_NATIVE (window)), node, NULL);
  gsk_render_node_unref (node);

  if (!gdk_texture_save_to_png (texture, file))
    {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_FAILED, "%s: cannot be written", file);
      return FALSE;
    }
  return TRUE;
}

static void
on_after_paint (GdkFrameClock *clock,
                gpointer       user_data)
{
  g_autoptr(GTask) task = NULL;
  GtkWindow *window = g_task_get_source_object (user_data);
  Screenshot *screenshot = g_task_get_task_data (user_data);
  GError *error = NULL;

  if (++screenshot->n_frames < FRAMES_TO_WAIT)
    {
      gtk_widget_queue_draw (GTK_WIDGET (window));
      return;
    }

  task = user_data;
  g_signal_handler_disconnect (clock, screenshot->handler);
  if (save_window (window, screenshot->file, &error))
    g_task_return_boolean (task, TRUE);
  else
    g_task_return_error (task, error);
}

/* Saves what @window shows now as a PNG. It is painted first: what was changed a moment ago, a new
 * row for one, gets its place only then. */
void
screenshot_save_async (GtkWindow           *window,
                       const char          *file,
                       GAsyncReadyCallback  callback,
                       gpointer             user_data)
{
  GdkFrameClock *clock = gtk_widget_get_frame_clock (GTK_WIDGET (window));
  GTask *task = g_task_new (window, NULL, callback, user_data);
  Screenshot *screenshot = g_new0 (Screenshot, 1);

  g_task_set_source_tag (task, screenshot_save_async);
  g_task_set_task_data (task, screenshot, (GDestroyNotify) screenshot_free);
  screenshot->file = g_strdup (file);
  screenshot->handler = g_signal_connect (clock, "after-paint", G_CALLBACK (on_after_paint), task);
  gtk_widget_queue_draw (GTK_WIDGET (window));
}

gboolean
screenshot_save_finish (GtkWindow     *window,
                        GAsyncResult  *result,
                        GError       **error)
{
  return g_task_propagate_boolean (G_TASK (result), error);
}
