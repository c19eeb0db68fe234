/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "monitor-figures.h"

#include "monitor-plot.h"
#include "monitor-track.h"

struct _MonitorFigures
{
  GtkWidget parent_instance;

  ThredoMonitor *monitor;
  GtkWidget *box;
  MonitorPlot *threads;
  MonitorPlot *waits;
  MonitorPlot *cpu;
  MonitorPlot *latency;
};

G_DEFINE_FINAL_TYPE (MonitorFigures, monitor_figures, GTK_TYPE_WIDGET)

static double
measure_load (MonitorFigures *self)
{
  guint n = g_list_model_get_n_items (G_LIST_MODEL (self->monitor));
  double load = 0;

  for (guint i = 0; i < n; i++)
    {
      g_autoptr(ThredoThreadInfo) info = g_list_model_get_item (G_LIST_MODEL (self->monitor), i);

      load += monitor_track_get (info)->load;
    }
  return load;
}

/* After each time that the threads were looked at. */
void
monitor_figures_refresh (MonitorFigures *self,
                         gint64          now)
{
  guint n = g_list_model_get_n_items (G_LIST_MODEL (self->monitor));
  guint n_waiting = thredo_monitor_get_n_waiting (self->monitor);
  double waits = thredo_monitor_get_waits_per_second (self->monitor);
  double load = measure_load (self);
  g_autofree char *threads_text = g_strdup_printf ("%'u", n);
  g_autofree char *waits_text = g_strdup_printf ("%'.0f", waits);
  double latency = (double) thredo_monitor_get_loop_latency (self->monitor) / 1000; /* ms */
  g_autofree char *load_text = g_strdup_printf ("%.0f %%", load * 100);
  g_autofree char *latency_text = NULL;

  monitor_plot_add (self->threads, now, n, n_waiting, threads_text);
  monitor_plot_add (self->waits, now, waits, -1, waits_text);
  monitor_plot_add (self->cpu, now, load * 100, -1, load_text);
  latency_text = latency < 10 ? g_strdup_printf ("%.1f ms", latency)
                              : g_strdup_printf ("%'.0f ms", latency);
  monitor_plot_add (self->latency, now, latency, -1, latency_text);
}

static void
monitor_figures_dispose (GObject *object)
{
  MonitorFigures *self = MONITOR_FIGURES (object);

  g_clear_pointer (&self->box, gtk_widget_unparent);
  g_clear_object (&self->monitor);
  G_OBJECT_CLASS (monitor_figures_parent_class)->dispose (object);
}

static void
monitor_figures_class_init (MonitorFiguresClass *klass)
{
  G_OBJECT_CLASS (klass)->dispose = monitor_figures_dispose;
  gtk_widget_class_set_layout_manager_type (GTK_WIDGET_CLASS (klass), GTK_TYPE_BIN_LAYOUT);
}

static MonitorPlot *
add_plot (MonitorFigures *self,
          const char     *title,
          double          least_top,
          const char     *explanation)
{
  GtkWidget *plot = monitor_plot_new (title, least_top);

  gtk_widget_set_tooltip_text (plot, explanation);
  gtk_box_append (GTK_BOX (self->box), plot);
  return MONITOR_PLOT (plot);
}

static void
monitor_figures_init (MonitorFigures *self)
{
  self->box = gtk_box_new (GTK_ORIENTATION_HORIZONTAL, 8);
  gtk_box_set_homogeneous (GTK_BOX (self->box), TRUE);
  self->threads = add_plot (self, "Threads", 5, "Threads, and within them those that wait");
  self->waits = add_plot (self, "Waits/s", 10, "How often threads begin to wait in a second");
  self->cpu = add_plot (self, "CPU", 100, "Of one processor, by all threads together");
  self->latency = add_plot (self, "Loop latency", 5,
                            "How late the library's loop is; what blocks it holds up everybody");
  gtk_widget_set_parent (self->box, GTK_WIDGET (self));
}

GtkWidget *
monitor_figures_new (void)
{
  return g_object_new (MONITOR_TYPE_FIGURES, NULL);
}

/* They begin anew. */
void
monitor_figures_set_monitor (MonitorFigures *self,
                             ThredoMonitor  *monitor)
{
  if (!g_set_object (&self->monitor, monitor))
    return;
  monitor_plot_clear (self->threads);
  monitor_plot_clear (self->waits);
  monitor_plot_clear (self->cpu);
  monitor_plot_clear (self->latency);
}

void
monitor_figures_set_narrow (MonitorFigures *self,
                            gboolean        narrow)
{
  gtk_widget_set_visible (GTK_WIDGET (self->cpu), !narrow);
  gtk_widget_set_visible (GTK_WIDGET (self->latency), !narrow);
}
