/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "monitor-depth.h"

#include "monitor-paint.h"

#define SLOT (G_TIME_SPAN_SECOND / 2)
#define UNKNOWN G_MAXUINT
#define MOST_MISSED 4 /* slots in which nobody looked are taken to be as the one before */

struct _MonitorSpark
{
  GtkWidget parent_instance;

  MonitorDepths depths;
};

struct _MonitorGauge
{
  GtkWidget parent_instance;

  GtkWidget *label;
  guint level;
  guint full;
};

G_DEFINE_FINAL_TYPE (MonitorSpark, monitor_spark, GTK_TYPE_WIDGET)
G_DEFINE_FINAL_TYPE (MonitorGauge, monitor_gauge, GTK_TYPE_WIDGET)

/* Depths */

static guint *
get_slot (MonitorDepths *self,
          gint64         number)
{
  return &self->slots[number % MONITOR_DEPTHS_LENGTH];
}

void
monitor_depths_note (MonitorDepths *self,
                     gint64         now,
                     guint          depth)
{
  gint64 number = now / SLOT;
  gint64 n_missed = number - self->newest - 1;
  guint last;

  depth = MIN (depth, UNKNOWN - 1);
  if (self->n_slots > 0 && n_missed < 0)
    {
      guint *slot = get_slot (self, self->newest);

      *slot = MAX (*slot, depth);
      return;
    }
  if (self->n_slots == 0 || n_missed >= MONITOR_DEPTHS_LENGTH)
    self->n_slots = 0;
  else
    {
      last = n_missed > MOST_MISSED ? UNKNOWN : *get_slot (self, self->newest);
      for (gint64 i = number - n_missed; i < number; i++)
        *get_slot (self, i) = last;
      self->n_slots += (guint) n_missed;
    }
  *get_slot (self, number) = depth;
  self->n_slots = MIN (self->n_slots + 1, MONITOR_DEPTHS_LENGTH);
  self->newest = number;
}

/* @i of 0 is the newest. */
static guint
get_depth (const MonitorDepths *self,
           guint                i)
{
  return i < self->n_slots ? self->slots[(self->newest - i) % MONITOR_DEPTHS_LENGTH] : UNKNOWN;
}

static guint
get_most (const MonitorDepths *self)
{
  guint most = 0;

  for (guint i = 0; i < self->n_slots; i++)
    if (get_depth (self, i) != UNKNOWN)
      most = MAX (most, get_depth (self, i));
  return most;
}

/* The curve */

/* From the newest depth to the oldest, in as many pieces as are known. */
static void
trace (MonitorSpark *self,
       cairo_t      *cr,
       gboolean      filled,
       double        width,
       double        height)
{
  double top = MAX (get_most (&self->depths), 1);
  double step = width / (MONITOR_DEPTHS_LENGTH - 1);
  double x = width;
  gboolean drawing = FALSE;

  for (guint i = 0; i <= MONITOR_DEPTHS_LENGTH; i++)
    {
      guint depth = i < MONITOR_DEPTHS_LENGTH ? get_depth (&self->depths, i) : UNKNOWN;

      if (depth == UNKNOWN)
        {
          if (drawing && filled)
            cairo_line_to (cr, x, height);
          drawing = FALSE;
          continue;
        }
      x = width - i * step;
      if (!drawing)
        cairo_move_to (cr, x, filled ? height : height - depth * height / top);
      cairo_line_to (cr, x, height - depth * height / top);
      drawing = TRUE;
    }
}

static void
monitor_spark_snapshot (GtkWidget   *widget,
                        GtkSnapshot *snapshot)
{
  MonitorSpark *self = MONITOR_SPARK (widget);
  double width = gtk_widget_get_width (widget);
  double height = gtk_widget_get_height (widget);
  GdkRGBA color, line;
  cairo_t *cr;

  if (width < 2 || height < 5)
    return;
  monitor_get_color (widget, 1, &color);
  monitor_get_color (widget, 0.3, &line);
  gtk_snapshot_append_color (snapshot, &line,
                             &GRAPHENE_RECT_INIT (0, (float) height - 1, (float) width, 1));
  cr = gtk_snapshot_append_cairo (snapshot,
                                  &GRAPHENE_RECT_INIT (0, 0, (float) width, (float) height));
  cairo_translate (cr, 0, 2);
  trace (self, cr, TRUE, width, height - 3);
  gdk_cairo_set_source_rgba (cr, &line);
  cairo_fill (cr);
  trace (self, cr, FALSE, width, height - 3);
  gdk_cairo_set_source_rgba (cr, &color);
  cairo_set_line_width (cr, 1.2);
  cairo_stroke (cr);
  cairo_destroy (cr);
}

static void
monitor_spark_class_init (MonitorSparkClass *klass)
{
  GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (klass);

  widget_class->snapshot = monitor_spark_snapshot;
  gtk_widget_class_set_css_name (widget_class, "spark");
  gtk_widget_class_set_accessible_role (widget_class, GTK_ACCESSIBLE_ROLE_IMG);
}

static void
monitor_spark_init (MonitorSpark *self)
{
  gtk_widget_set_hexpand (GTK_WIDGET (self), TRUE);
}

GtkWidget *
monitor_spark_new (void)
{
  return g_object_new (MONITOR_TYPE_SPARK, NULL);
}

void
monitor_spark_show (MonitorSpark        *self,
                    const MonitorDepths *depths)
{
  guint most = get_most (depths);

  if (self->depths.n_slots == 0 || most != get_most (&self->depths))
    {
      g_autofree char *label = g_strdup_printf ("At most %u in the last minute", most);

      gtk_accessible_update_property (GTK_ACCESSIBLE (self), GTK_ACCESSIBLE_PROPERTY_LABEL, label,
                                      -1);
      gtk_widget_set_tooltip_text (GTK_WIDGET (self), label);
    }
  self->depths = *depths;
  gtk_widget_queue_draw (GTK_WIDGET (self));
}

/* The bar */

static void
monitor_gauge_snapshot (GtkWidget   *widget,
                        GtkSnapshot *snapshot)
{
  static const GdkRGBA some = { 0, 0.62f, 0.45f, 0.35f };
  static const GdkRGBA all = { 0.84f, 0.37f, 0, 0.45f };
  MonitorGauge *self = MONITOR_GAUGE (widget);
  float width = (float) gtk_widget_get_width (widget);
  float height = (float) gtk_widget_get_height (widget);
  gboolean is_full = self->level >= self->full;
  GdkRGBA ground;

  if (self->full > 0)
    {
      double part = is_full ? 1 : (double) self->level / self->full;

      monitor_get_color (widget, 0.08, &ground);
      gtk_snapshot_append_color (snapshot, &ground, &GRAPHENE_RECT_INIT (0, 0, width, height));
      gtk_snapshot_append_color (snapshot, is_full ? &all : &some,
                                 &GRAPHENE_RECT_INIT (0, 0, (float) part * width, height));
    }
  gtk_widget_snapshot_child (widget, self->label, snapshot);
}

static void
monitor_gauge_dispose (GObject *object)
{
  g_clear_pointer (&MONITOR_GAUGE (object)->label, gtk_widget_unparent);
  G_OBJECT_CLASS (monitor_gauge_parent_class)->dispose (object);
}

static void
monitor_gauge_class_init (MonitorGaugeClass *klass)
{
  GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (klass);

  G_OBJECT_CLASS (klass)->dispose = monitor_gauge_dispose;
  widget_class->snapshot = monitor_gauge_snapshot;
  gtk_widget_class_set_layout_manager_type (widget_class, GTK_TYPE_BIN_LAYOUT);
  gtk_widget_class_set_accessible_role (widget_class, GTK_ACCESSIBLE_ROLE_METER);
}

static void
monitor_gauge_init (MonitorGauge *self)
{
  self->label = gtk_label_new (NULL);
  gtk_label_set_ellipsize (GTK_LABEL (self->label), PANGO_ELLIPSIZE_END);
  gtk_widget_add_css_class (self->label, "numeric");
  gtk_widget_set_margin_start (self->label, 6);
  gtk_widget_set_margin_end (self->label, 6);
  gtk_label_set_xalign (GTK_LABEL (self->label), 0);
  gtk_widget_set_parent (self->label, GTK_WIDGET (self));
}

GtkWidget *
monitor_gauge_new (void)
{
  return g_object_new (MONITOR_TYPE_GAUGE, NULL);
}

/* @full of 0: it never is. */
void
monitor_gauge_show (MonitorGauge *self,
                    guint         level,
                    guint         full)
{
  g_autofree char *text = NULL;

  if (self->level == level && self->full == full &&
      *gtk_label_get_label (GTK_LABEL (self->label)) != '\0')
    return;
  if (full == 0)
    text = g_strdup_printf ("%'u", level);
  else
    text = g_strdup_printf ("%'u of %'u%s", level, full, level >= full ? ", full" : "");
  self->level = level;
  self->full = full;
  gtk_label_set_label (GTK_LABEL (self->label), text);
  gtk_accessible_update_property (GTK_ACCESSIBLE (self), GTK_ACCESSIBLE_PROPERTY_VALUE_MIN, 0.0,
                                  GTK_ACCESSIBLE_PROPERTY_VALUE_NOW, (double) level,
                                  GTK_ACCESSIBLE_PROPERTY_VALUE_MAX, (double) MAX (full, level),
                                  GTK_ACCESSIBLE_PROPERTY_VALUE_TEXT, text, -1);
  gtk_widget_queue_draw (GTK_WIDGET (self));
}
