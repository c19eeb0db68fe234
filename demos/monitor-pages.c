/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "monitor-pages.h"

#include "monitor-ended.h"
#include "monitor-locks.h"
#include "monitor-queues.h"

/* Only the page that is to be seen is brought up to date, and another one when it is chosen; but
 * for those that have to remember what they have not shown. */

typedef struct
{
  const char *name;
  const char *title;
  GtkWidget *(*create) (void);
  void (*set_monitor) (GtkWidget     *page,
                       ThredoMonitor *monitor);
  void (*refresh) (GtkWidget *page,
                   gint64     now);
  gboolean remembers; /* it is brought up to date as well where it is not to be seen */
} PageKind;

struct _MonitorPages
{
  GtkWidget parent_instance;

  GtkWidget *box;
  GtkWidget *stack;
  ThredoMonitor *monitor;
};

G_DEFINE_FINAL_TYPE (MonitorPages, monitor_pages, GTK_TYPE_WIDGET)

static void
set_threads_monitor (GtkWidget     *page,
                     ThredoMonitor *monitor)
{
  monitor_threads_set_monitor (MONITOR_THREADS (page), monitor);
}

static void
refresh_threads (GtkWidget *page,
                 gint64     now)
{
  monitor_threads_refresh (MONITOR_THREADS (page), now);
}

static void
set_queues_monitor (GtkWidget     *page,
                    ThredoMonitor *monitor)
{
  monitor_queues_set_monitor (MONITOR_QUEUES (page), monitor);
}

static void
refresh_queues (GtkWidget *page,
                gint64     now)
{
  monitor_queues_refresh (MONITOR_QUEUES (page));
}

static void
set_locks_monitor (GtkWidget     *page,
                   ThredoMonitor *monitor)
{
  monitor_locks_set_monitor (MONITOR_LOCKS (page), monitor);
}

static void
refresh_locks (GtkWidget *page,
               gint64     now)
{
  monitor_locks_refresh (MONITOR_LOCKS (page));
}

static void
set_ended_monitor (GtkWidget     *page,
                   ThredoMonitor *monitor)
{
  monitor_ended_set_monitor (MONITOR_ENDED (page), monitor);
}

static void
refresh_ended (GtkWidget *page,
               gint64     now)
{
  monitor_ended_refresh (MONITOR_ENDED (page));
}

static const PageKind kinds[] = {
  { "threads", "Threads", monitor_threads_new, set_threads_monitor, refresh_threads, FALSE },
  { "queues", "Queues", monitor_queues_new, set_queues_monitor, refresh_queues, TRUE },
  { "locks", "Locks", monitor_locks_new, set_locks_monitor, refresh_locks, FALSE },
  { "ended", "Ended", monitor_ended_new, set_ended_monitor, refresh_ended, FALSE },
};

static GtkWidget *
get_page (MonitorPages   *self,
          const PageKind *kind)
{
  return gtk_stack_get_child_by_name (GTK_STACK (self->stack), kind->name);
}

/* After each time that the program was looked at. */
void
monitor_pages_refresh (MonitorPages *self,
                       gint64        now)
{
  const char *name = gtk_stack_get_visible_child_name (GTK_STACK (self->stack));

  for (gsize i = 0; i < G_N_ELEMENTS (kinds); i++)
    if (kinds[i].remembers || g_strcmp0 (kinds[i].name, name) == 0)
      kinds[i].refresh (get_page (self, &kinds[i]), now);
}

static void
on_chosen (MonitorPages *self)
{
  if (self->monitor != NULL)
    monitor_pages_refresh (self, g_get_monotonic_time ());
}

static void
monitor_pages_dispose (GObject *object)
{
  MonitorPages *self = MONITOR_PAGES (object);

  if (self->stack != NULL)
    g_signal_handlers_disconnect_by_data (self->stack, self);
  self->stack = NULL;
  g_clear_pointer (&self->box, gtk_widget_unparent);
  g_clear_object (&self->monitor);
  G_OBJECT_CLASS (monitor_pages_parent_class)->dispose (object);
}

static void
monitor_pages_class_init (MonitorPagesClass *klass)
{
  G_OBJECT_CLASS (klass)->dispose = monitor_pages_dispose;
  gtk_widget_class_set_layout_manager_type (GTK_WIDGET_CLASS (klass), GTK_TYPE_BIN_LAYOUT);
}

static void
monitor_pages_init (MonitorPages *self)
{
  GtkWidget *switcher = gtk_stack_switcher_new ();

  self->box = gtk_box_new (GTK_ORIENTATION_VERTICAL, 8);
  self->stack = gtk_stack_new ();
  for (gsize i = 0; i < G_N_ELEMENTS (kinds); i++)
    gtk_stack_add_titled (GTK_STACK (self->stack), kinds[i].create (), kinds[i].name,
                          kinds[i].title);
  gtk_stack_switcher_set_stack (GTK_STACK_SWITCHER (switcher), GTK_STACK (self->stack));
  gtk_widget_set_halign (switcher, GTK_ALIGN_CENTER);
  gtk_widget_set_visible (switcher, G_N_ELEMENTS (kinds) > 1);
  gtk_widget_set_vexpand (self->stack, TRUE);
  gtk_widget_set_vexpand (GTK_WIDGET (self), TRUE);
  gtk_stack_set_vhomogeneous (GTK_STACK (self->stack), FALSE);
  gtk_stack_set_hhomogeneous (GTK_STACK (self->stack), FALSE);
  g_signal_connect_swapped (self->stack, "notify::visible-child", G_CALLBACK (on_chosen), self);
  gtk_box_append (GTK_BOX (self->box), switcher);
  gtk_box_append (GTK_BOX (self->box), self->stack);
  gtk_widget_set_parent (self->box, GTK_WIDGET (self));
  gtk_widget_set_vexpand (GTK_WIDGET (self), TRUE);
}

GtkWidget *
monitor_pages_new (void)
{
  return g_object_new (MONITOR_TYPE_PAGES, NULL);
}

MonitorThreads *
monitor_pages_get_threads (MonitorPages *self)
{
  return MONITOR_THREADS (get_page (self, &kinds[0]));
}

void
monitor_pages_set_monitor (MonitorPages  *self,
                           ThredoMonitor *monitor)
{
  g_set_object (&self->monitor, monitor);
  for (gsize i = 0; i < G_N_ELEMENTS (kinds); i++)
    kinds[i].set_monitor (get_page (self, &kinds[i]), monitor);
}

void
monitor_pages_show (MonitorPages *self,
                    const char   *name)
{
  if (gtk_stack_get_child_by_name (GTK_STACK (self->stack), name) != NULL)
    gtk_stack_set_visible_child_name (GTK_STACK (self->stack), name);
}

/* From 1 on; those that there are not are left alone. */
void
monitor_pages_show_number (MonitorPages *self,
                           guint         number)
{
  if (number >= 1 && number <= G_N_ELEMENTS (kinds))
    monitor_pages_show (self, kinds[number - 1].name);
}
