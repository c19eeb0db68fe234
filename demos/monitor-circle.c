/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "monitor-circle.h"

#include "monitor-paint.h"

#include <math.h>

/* Clockwise: a thread, the lock that it waits for (a dashed arrow), the thread that holds that one
 * (a plain arrow), and so on. Where a thread is waited for itself there is no lock between. */

#define WIDTH 440
#define MIN_WIDTH 280
#define HEIGHT 250
#define NODE_HEIGHT 24
#define MAX_NODE_WIDTH 110
#define MAX_THREADS 8 /* more are counted, not drawn */

typedef struct
{
  char *name;
  gboolean is_lock;
} Node;

struct _MonitorCircle
{
  GtkWidget parent_instance;

  GPtrArray *nodes; /* of Node */
};

G_DEFINE_FINAL_TYPE (MonitorCircle, monitor_circle, GTK_TYPE_WIDGET)

static void
node_free (gpointer data)
{
  Node *node = data;

  g_free (node->name);
  g_free (node);
}

static void
add_node (MonitorCircle *self,
          char          *name,
          gboolean       is_lock)
{
  Node *node = g_new (Node, 1);

  *node = (Node) { name, is_lock };
  g_ptr_array_add (self->nodes, node);
}

static void
get_place (MonitorCircle *self,
           guint          i,
           double         width,
           double         height,
           double        *x,
           double        *y)
{
  double angle = 2 * G_PI * i / self->nodes->len - G_PI / 2;
  double rise = copysign (pow (fabs (sin (angle)), 1.4), sin (angle));

  *x = width / 2 + (width - MAX_NODE_WIDTH) / 2 * cos (angle);
  /* Pointed a little, so that those at the top and at the bottom stand clear of each other. */
  *y = height / 2 + (height - NODE_HEIGHT) / 2 * 0.94 * rise;
}

static void
get_node_size (Node        *node,
               PangoLayout *layout,
               double      *width)
{
  int text_width;

  pango_layout_set_width (layout, -1);
  pango_layout_set_text (layout, node->name, -1);
  pango_layout_get_pixel_size (layout, &text_width, NULL);
  *width = MIN (text_width + 20, MAX_NODE_WIDTH);
}

/* How far from the middle of a node its edge is, on the way to (@dx, @dy). */
static double
get_reach (double node_width,
           double dx,
           double dy)
{
  double across = fabs (dx) > 0.001 ? node_width / 2 / fabs (dx) : G_MAXDOUBLE;
  double down = fabs (dy) > 0.001 ? NODE_HEIGHT / 2.0 / fabs (dy) : G_MAXDOUBLE;

  return MIN (across, down) + 3;
}

static void
draw_arrow (cairo_t  *cr,
            double    x0,
            double    y0,
            double    x1,
            double    y1,
            gboolean  dashed)
{
  const double dashes[] = { 4, 3 };
  double angle = atan2 (y1 - y0, x1 - x0);

  cairo_set_dash (cr, dashes, dashed ? 2 : 0, 0);
  cairo_move_to (cr, x0, y0);
  cairo_line_to (cr, x1, y1);
  cairo_stroke (cr);
  cairo_set_dash (cr, NULL, 0, 0);
  cairo_move_to (cr, x1, y1);
  cairo_line_to (cr, x1 - 8 * cos (angle - 0.4), y1 - 8 * sin (angle - 0.4));
  cairo_line_to (cr, x1 - 8 * cos (angle + 0.4), y1 - 8 * sin (angle + 0.4));
  cairo_close_path (cr);
  cairo_fill (cr);
}

static void
draw_arrows (MonitorCircle *self,
             cairo_t       *cr,
             PangoLayout   *layout,
             double         width,
             double         height)
{
  for (guint i = 0; i < self->nodes->len; i++)
    {
      Node *from = g_ptr_array_index (self->nodes, i);
      Node *to = g_ptr_array_index (self->nodes, (i + 1) % self->nodes->len);
      double x0, y0, x1, y1, w0, w1, length, dx, dy, start, end;

      get_place (self, i, width, height, &x0, &y0);
      get_place (self, (i + 1) % self->nodes->len, width, height, &x1, &y1);
      get_node_size (from, layout, &w0);
      get_node_size (to, layout, &w1);
      length = hypot (x1 - x0, y1 - y0);
      if (length < 1)
        continue;
      dx = (x1 - x0) / length;
      dy = (y1 - y0) / length;
      start = get_reach (w0, dx, dy);
      end = length - get_reach (w1, dx, dy);
      if (end > start)
        draw_arrow (cr, x0 + dx * start, y0 + dy * start, x0 + dx * end, y0 + dy * end,
                    !from->is_lock);
    }
}

static void
draw_nodes (MonitorCircle *self,
            GtkSnapshot   *snapshot,
            PangoLayout   *layout,
            double         width,
            double         height)
{
  static const GdkRGBA lock_color = { 0.84f, 0.37f, 0, 1 };
  static const GdkRGBA white = { 1, 1, 1, 1 };
  GdkRGBA text, ground;

  monitor_get_color (GTK_WIDGET (self), 1, &text);
  monitor_get_color (GTK_WIDGET (self), 0.12, &ground);
  for (guint i = 0; i < self->nodes->len; i++)
    {
      Node *node = g_ptr_array_index (self->nodes, i);
      double x, y, node_width;
      GskRoundedRect outline;

      get_place (self, i, width, height, &x, &y);
      get_node_size (node, layout, &node_width);
      gsk_rounded_rect_init_from_rect (&outline,
                                       &GRAPHENE_RECT_INIT ((float) (x - node_width / 2),
                                                            (float) (y - NODE_HEIGHT / 2.0),
                                                            (float) node_width, NODE_HEIGHT),
                                       node->is_lock ? 3 : NODE_HEIGHT / 2.0f);
      gtk_snapshot_push_rounded_clip (snapshot, &outline);
      gtk_snapshot_append_color (snapshot, node->is_lock ? &lock_color : &ground, &outline.bounds);
      gtk_snapshot_pop (snapshot);
      monitor_paint_text (snapshot, layout, node->name, node->is_lock ? &white : &text,
                          outline.bounds.origin.x + 10, outline.bounds.origin.y + 3,
                          outline.bounds.size.width - 16, 0);
    }
}

static void
monitor_circle_snapshot (GtkWidget   *widget,
                         GtkSnapshot *snapshot)
{
  MonitorCircle *self = MONITOR_CIRCLE (widget);
  double width = gtk_widget_get_width (widget);
  double height = gtk_widget_get_height (widget);
  g_autoptr(PangoLayout) layout = gtk_widget_create_pango_layout (widget, NULL);
  GdkRGBA color;
  cairo_t *cr;

  monitor_get_color (widget, 0.75, &color);
  cr = gtk_snapshot_append_cairo (snapshot,
                                  &GRAPHENE_RECT_INIT (0, 0, (float) width, (float) height));
  gdk_cairo_set_source_rgba (cr, &color);
  cairo_set_line_width (cr, 1.5);
  draw_arrows (self, cr, layout, width, height);
  cairo_destroy (cr);
  draw_nodes (self, snapshot, layout, width, height);
}

static void
monitor_circle_measure (GtkWidget      *widget,
                        GtkOrientation  orientation,
                        int             for_size,
                        int            *minimum,
                        int            *natural,
                        int            *minimum_baseline,
                        int            *natural_baseline)
{
  *minimum = orientation == GTK_ORIENTATION_VERTICAL ? HEIGHT : MIN_WIDTH;
  *natural = orientation == GTK_ORIENTATION_VERTICAL ? HEIGHT : WIDTH;
}

static void
monitor_circle_finalize (GObject *object)
{
  g_ptr_array_unref (MONITOR_CIRCLE (object)->nodes);
  G_OBJECT_CLASS (monitor_circle_parent_class)->finalize (object);
}

static void
monitor_circle_class_init (MonitorCircleClass *klass)
{
  GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (klass);

  G_OBJECT_CLASS (klass)->finalize = monitor_circle_finalize;
  widget_class->snapshot = monitor_circle_snapshot;
  widget_class->measure = monitor_circle_measure;
  gtk_widget_class_set_accessible_role (widget_class, GTK_ACCESSIBLE_ROLE_IMG);
}

static void
monitor_circle_init (MonitorCircle *self)
{
  self->nodes = g_ptr_array_new_with_free_func (node_free);
}

GtkWidget *
monitor_circle_new (void)
{
  return g_object_new (MONITOR_TYPE_CIRCLE, NULL);
}

/* @threads are names; each of @locks, in the same order, is what the thread waits for, or empty if
 * it is the next thread itself. */
void
monitor_circle_set_threads (MonitorCircle     *self,
                            const char *const *threads,
                            const char *const *locks,
                            const char        *description)
{
  guint n = g_strv_length ((char **) threads);

  g_ptr_array_set_size (self->nodes, 0);
  for (guint i = 0; i < n && i < MAX_THREADS; i++)
    {
      add_node (self, g_strdup (threads[i]), FALSE);
      if (*locks[i] != '\0')
        add_node (self, g_strdup (locks[i]), TRUE);
    }
  if (n > MAX_THREADS)
    add_node (self, g_strdup_printf ("%u more", n - MAX_THREADS), FALSE);
  gtk_accessible_update_property (GTK_ACCESSIBLE (self), GTK_ACCESSIBLE_PROPERTY_LABEL, description,
                                  -1);
  gtk_widget_queue_draw (GTK_WIDGET (self));
}
