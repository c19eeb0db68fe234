/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "monitor-control.h"

#include "monitor-track.h"

typedef struct
{
  GtkWidget *widget;
  ThredoThreadInfo *info; /* NULL: it is told by its number */
  char *name;
} Request;

static Request *
request_new (GtkWidget        *widget,
             ThredoThreadInfo *info,
             const char       *name)
{
  Request *self = g_new0 (Request, 1);

  self->widget = g_object_ref (widget);
  self->info = info != NULL ? g_object_ref (info) : NULL;
  self->name = g_strdup (name);
  return self;
}

static void
request_free (Request *self)
{
  g_object_unref (self->widget);
  g_clear_object (&self->info);
  g_free (self->name);
  g_free (self);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC (Request, request_free)

static void
tell (Request      *self,
      const GError *error)
{
  g_autofree char *message = NULL;

  /* The answer may come when the window is closed. */
  if (gtk_widget_get_root (self->widget) == NULL)
    return;
  /* The program may have ended of just that, before its answer; that it has gone, the window tells
   * itself. */
  if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CLOSED))
    return;
  if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND))
    message = g_strdup_printf ("%s has already ended", self->name);
  else
    message = g_strdup_printf ("%s could not be cancelled: %s", self->name, error->message);
  gtk_widget_activate_action (self->widget, "monitor.tell", "s", message);
}

static void
on_thread_cancelled (GObject      *source,
                     GAsyncResult *result,
                     gpointer      user_data)
{
  g_autoptr(Request) self = user_data;
  g_autoptr(GError) error = NULL;

  if (thredo_monitor_cancel_thread_finish (THREDO_MONITOR (source), result, &error))
    return;
  if (self->info != NULL)
    monitor_track_get (self->info)->asked = 0;
  tell (self, error);
}

static void
on_group_cancelled (GObject      *source,
                    GAsyncResult *result,
                    gpointer      user_data)
{
  g_autoptr(Request) self = user_data;
  g_autoptr(GError) error = NULL;

  if (!thredo_monitor_cancel_group_finish (THREDO_MONITOR (source), result, &error))
    tell (self, error);
}

/* Whether it makes sense to ask the thread to end: the one that shows the window is not asked. */
gboolean
monitor_control_can_cancel (ThredoMonitor    *monitor,
                            ThredoThreadInfo *info)
{
  return monitor != NULL && !thredo_monitor_is_closed (monitor) &&
         !monitor_track_is_cancelling (info) &&
         thredo_thread_info_get_thread (info) != thredo_thread_self ();
}

void
monitor_control_cancel_thread (GtkWidget        *widget,
                               ThredoMonitor    *monitor,
                               ThredoThreadInfo *info)
{
  if (!monitor_control_can_cancel (monitor, info))
    return;
  monitor_track_get (info)->asked = g_get_monotonic_time ();
  thredo_monitor_cancel_thread_async (monitor, thredo_thread_info_get_id (info), NULL,
                                      on_thread_cancelled,
                                      request_new (widget, info,
                                                   thredo_thread_info_get_name (info)));
}

/* Of which nothing but that may be known. */
void
monitor_control_cancel_thread_id (GtkWidget     *widget,
                                  ThredoMonitor *monitor,
                                  guint64        id,
                                  const char    *name)
{
  thredo_monitor_cancel_thread_async (monitor, id, NULL, on_thread_cancelled,
                                      request_new (widget, NULL, name));
}

void
monitor_control_cancel_group (GtkWidget     *widget,
                              ThredoMonitor *monitor,
                              guint64        id,
                              const char    *name)
{
  g_autofree char *title = g_strdup_printf ("Group %s", name);

  if (!thredo_monitor_is_closed (monitor))
    thredo_monitor_cancel_group_async (monitor, id, NULL, on_group_cancelled,
                                       request_new (widget, NULL, title));
}

/* That the thread is in. */
void
monitor_control_cancel_group_of (GtkWidget        *widget,
                                 ThredoMonitor    *monitor,
                                 ThredoThreadInfo *info)
{
  guint64 id = thredo_thread_info_get_group_id (info);
  const char *const *path = thredo_thread_info_get_group_path (info);
  gsize n = g_strv_length ((char **) path);

  if (id != 0)
    monitor_control_cancel_group (widget, monitor, id,
                                  n > 0 && *path[n - 1] != '\0' ? path[n - 1] : "unnamed");
}
