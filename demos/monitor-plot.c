/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "monitor-plot.h"

#include "monitor-paint.h"

#define SPAN (60 * G_TIME_SPAN_SECOND)
#define MARGIN 10
#define HEAD_HEIGHT 26
#define HEIGHT 92
#define MIN_WIDTH 96

typedef struct
{
  gint64 when;
  double value;
  double inner_value;
} Sample;

struct _MonitorPlot
{
  GtkWidget parent_instance;

  char *title;
  char *text; /* the newest value */
  double least_top;
  GArray *samples; /* of Sample */
  gint64 now;
};

G_DEFINE_FINAL_TYPE (MonitorPlot, monitor_plot, GTK_TYPE_WIDGET)

static double
get_top (MonitorPlot *self)
{
  double most = self->least_top;
  double top = 1;

  for (guint i = 0; i < self->samples->len; i++)
    most = MAX (most, g_array_index (self->samples, Sample, i).value);
  /* 1, 2, 5, 10, 20… so that it does not move with every sample. */
  for (guint i = 0; top < most; i++)
    top *= i % 3 == 1 ? 2.5 : 2;
  return top;
}

static void
trace (MonitorPlot *self,
       cairo_t     *cr,
       gboolean     inner,
       double       top,
       double       width,
       double       height)
{
  for (guint i = 0; i < self->samples->len; i++)
    {
      const Sample *sample = &g_array_index (self->samples, Sample, i);
      double x = width - (double) (self->now - sample->when) * width / SPAN;
      double y = height - (inner ? sample->inner_value : sample->value) * height / top;

      if (i == 0)
        cairo_move_to (cr, x, y);
      else
        cairo_line_to (cr, x, y);
    }
}

static void
draw_series (MonitorPlot   *self,
             cairo_t       *cr,
             gboolean       inner,
             const GdkRGBA *color,
             double         top,
             double         width,
             double         height)
{
  const Sample *oldest = &g_array_index (self->samples, Sample, 0);

  trace (self, cr, inner, top, width, height);
  cairo_line_to (cr, width, height);
  cairo_line_to (cr, width - (double) (self->now - oldest->when) * width / SPAN, height);
  cairo_close_path (cr);
  cairo_set_source_rgba (cr, color->red, color->green, color->blue, inner ? 0.35 : 0.18);
  cairo_fill (cr);

  trace (self, cr, inner, top, width, height);
  gdk_cairo_set_source_rgba (cr, color);
  cairo_set_line_width (cr, inner ? 1 : 1.5);
  cairo_stroke (cr);
}

static void
draw_curve (MonitorPlot           *self,
            GtkSnapshot           *snapshot,
            const graphene_rect_t *area)
{
  static const GdkRGBA outer = { 0, 0.62f, 0.45f, 1 };
  static const GdkRGBA inner = { 0.34f, 0.71f, 0.91f, 1 };
  double top = get_top (self);
  cairo_t *cr = gtk_snapshot_append_cairo (snapshot, area);

  cairo_translate (cr, area->origin.x, area->origin.y);
  draw_series (self, cr, FALSE, &outer, top, area->size.width, area->size.height);
  if (g_array_index (self->samples, Sample, self->samples->len - 1).inner_value >= 0)
    draw_series (self, cr, TRUE, &inner, top, area->size.width, area->size.height);
  cairo_destroy (cr);
}

static void
monitor_plot_snapshot (GtkWidget   *widget,
                       GtkSnapshot *snapshot)
{
  MonitorPlot *self = MONITOR_PLOT (widget);
  float width = (float) gtk_widget_get_width (widget);
  float height = (float) gtk_widget_get_height (widget);
  g_autoptr(PangoLayout) layout = gtk_widget_create_pango_layout (widget, NULL);
  graphene_rect_t area = GRAPHENE_RECT_INIT (MARGIN, HEAD_HEIGHT, MAX (width - 2 * MARGIN, 1),
                                             MAX (height - HEAD_HEIGHT - MARGIN, 1));
  GdkRGBA strong, dim, line;
  int text_width;

  monitor_get_color (widget, 1, &strong);
  monitor_get_color (widget, 0.65, &dim);
  monitor_get_color (widget, 0.2, &line);
  pango_layout_set_text (layout, self->text, -1);
  pango_layout_get_pixel_size (layout, &text_width, NULL);
  monitor_paint_text (snapshot, layout, self->title, &dim, MARGIN, 5,
                      MAX (width - 3 * MARGIN - (float) text_width, 1), 0);
  monitor_paint_text (snapshot, layout, self->text, &strong, width - MARGIN, 5, 0, 1);

  gtk_snapshot_append_color (snapshot, &line,
                             &GRAPHENE_RECT_INIT (MARGIN, height - MARGIN, area.size.width, 1));
  if (self->samples->len > 1)
    draw_curve (self, snapshot, &area);
}

static void
monitor_plot_measure (GtkWidget      *widget,
                      GtkOrientation  orientation,
                      int             for_size,
                      int            *minimum,
                      int            *natural,
                      int            *minimum_baseline,
                      int            *natural_baseline)
{
  *minimum = orientation == GTK_ORIENTATION_VERTICAL ? HEIGHT : MIN_WIDTH;
  *natural = orientation == GTK_ORIENTATION_VERTICAL ? HEIGHT : 240;
}

static void
monitor_plot_finalize (GObject *object)
{
  MonitorPlot *self = MONITOR_PLOT (object);

  g_free (self->title);
  g_free (self->text);
  g_array_unref (self->samples);
  G_OBJECT_CLASS (monitor_plot_parent_class)->finalize (object);
}

static void
monitor_plot_class_init (MonitorPlotClass *klass)
{
  GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (klass);

  G_OBJECT_CLASS (klass)->finalize = monitor_plot_finalize;
  widget_class->snapshot = monitor_plot_snapshot;
  widget_class->measure = monitor_plot_measure;
  gtk_widget_class_set_css_name (widget_class, "plot");
  gtk_widget_class_set_accessible_role (widget_class, GTK_ACCESSIBLE_ROLE_IMG);
}

static void
monitor_plot_init (MonitorPlot *self)
{
  self->samples = g_array_new (FALSE, FALSE, sizeof (Sample));
  self->text = g_strdup ("");
  gtk_widget_set_hexpand (GTK_WIDGET (self), TRUE);
}

/* Its top is @least_top at least. */
GtkWidget *
monitor_plot_new (const char *title,
                  double      least_top)
{
  MonitorPlot *self = g_object_new (MONITOR_TYPE_PLOT, NULL);

  self->title = g_strdup (title);
  self->least_top = least_top;
  return GTK_WIDGET (self);
}

/* @inner_value below 0: there is none. @text is the value in words. */
void
monitor_plot_add (MonitorPlot *self,
                  gint64       now,
                  double       value,
                  double       inner_value,
                  const char  *text)
{
  Sample sample = { now, value, inner_value };
  guint n_old = 0;

  g_array_append_val (self->samples, sample);
  while (g_array_index (self->samples, Sample, n_old).when < now - SPAN)
    n_old++;
  if (n_old > 0)
    g_array_remove_range (self->samples, 0, n_old);
  self->now = now;

  if (g_strcmp0 (self->text, text) != 0)
    {
      g_autofree char *label = g_strdup_printf ("%s: %s", self->title, text);

      g_free (self->text);
      self->text = g_strdup (text);
      gtk_accessible_update_property (GTK_ACCESSIBLE (self), GTK_ACCESSIBLE_PROPERTY_LABEL, label,
                                      -1);
    }
  gtk_widget_queue_draw (GTK_WIDGET (self));
}

void
monitor_plot_clear (MonitorPlot *self)
{
  g_array_set_size (self->samples, 0);
  gtk_widget_queue_draw (GTK_WIDGET (self));
}
