/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "monitor-timeline.h"

#include "monitor-paint.h"
#include "monitor-track.h"

/* Draws the rows that are to be seen and no others, so that what it costs does not depend on how
 * many threads there are. It scrolls by itself for that, as GtkScrollable. */

#define ROW_HEIGHT 22
#define ROW_GAP 5
#define SCALE_HEIGHT 22
#define MAX_NAME_WIDTH 150
#define MIN_NAME_WIDTH 80
#define PIXELS_PER_SECOND 40
#define MARK_INTERVAL 5 /* seconds */

struct _MonitorTimeline
{
  GtkWidget parent_instance;

  GListModel *threads;
  gint64 now;
  PangoLayout *layout;

  GtkAdjustment *hadjustment;
  GtkAdjustment *vadjustment;
  GtkScrollablePolicy hscroll_policy;
  GtkScrollablePolicy vscroll_policy;
};

enum
{
  PROP_0,
  PROP_HADJUSTMENT,
  PROP_VADJUSTMENT,
  PROP_HSCROLL_POLICY,
  PROP_VSCROLL_POLICY,
};

G_DEFINE_FINAL_TYPE_WITH_CODE (MonitorTimeline,
                               monitor_timeline,
                               GTK_TYPE_WIDGET,
                               G_IMPLEMENT_INTERFACE (GTK_TYPE_SCROLLABLE, NULL))

static guint
count_threads (MonitorTimeline *self)
{
  return self->threads != NULL ? g_list_model_get_n_items (self->threads) : 0;
}

/* Scrolling */

static void
configure_adjustments (MonitorTimeline *self)
{
  int width = gtk_widget_get_width (GTK_WIDGET (self));
  double page = MAX (gtk_widget_get_height (GTK_WIDGET (self)) - SCALE_HEIGHT, 0);
  double upper = MAX ((double) count_threads (self) * ROW_HEIGHT, page);

  if (self->hadjustment != NULL)
    gtk_adjustment_configure (self->hadjustment, 0, 0, width, 10, width, width);
  if (self->vadjustment != NULL)
    gtk_adjustment_configure (self->vadjustment,
                              CLAMP (gtk_adjustment_get_value (self->vadjustment), 0, upper - page),
                              0, upper, ROW_HEIGHT, page, page);
}

static void
set_adjustment (MonitorTimeline  *self,
                GtkAdjustment   **place,
                GtkAdjustment    *adjustment)
{
  if (*place != NULL)
    g_signal_handlers_disconnect_by_data (*place, self);
  g_set_object (place, adjustment);
  if (adjustment != NULL)
    g_signal_connect_swapped (adjustment, "value-changed", G_CALLBACK (gtk_widget_queue_draw),
                              self);
  configure_adjustments (self);
}

/* Drawing */

static void
draw_stretches (GtkSnapshot      *snapshot,
                ThredoThreadInfo *info,
                gint64            now,
                float             left,
                float             right,
                float             y)
{
  GArray *stretches = monitor_track_get (info)->stretches;
  gint64 end = now;

  for (guint i = stretches->len; i > 0; i--)
    {
      const MonitorStretch *stretch = &g_array_index (stretches, MonitorStretch, i - 1);
      float x_end = right - (float) (now - end) * PIXELS_PER_SECOND / G_TIME_SPAN_SECOND;
      float x = right - (float) (now - stretch->since) * PIXELS_PER_SECOND / G_TIME_SPAN_SECOND;

      x = MAX (roundf (x), left);
      x_end = roundf (x_end);
      if (x_end > x)
        monitor_paint_activity (snapshot, stretch->activity,
                                &GRAPHENE_RECT_INIT (x, y + ROW_GAP / 2, x_end - x,
                                                     ROW_HEIGHT - ROW_GAP));
      if (x <= left)
        break;
      end = stretch->since;
    }
}

static void
draw_scale (MonitorTimeline *self,
            GtkSnapshot     *snapshot,
            float            left,
            float            right,
            float            height)
{
  GdkRGBA text, line;

  monitor_get_color (GTK_WIDGET (self), 0.6, &text);
  monitor_get_color (GTK_WIDGET (self), 0.12, &line);
  for (int seconds = 0;; seconds += MARK_INTERVAL)
    {
      float x = right - (float) (seconds * PIXELS_PER_SECOND);
      g_autofree char *label = NULL;

      if (x < left)
        break;
      gtk_snapshot_append_color (snapshot, &line,
                                 &GRAPHENE_RECT_INIT (x, SCALE_HEIGHT, 1, height - SCALE_HEIGHT));
      label = seconds == 0 ? g_strdup ("now") : g_strdup_printf ("−%d s", seconds);
      if (x - left > 20)
        monitor_paint_text (snapshot, self->layout, label, &text, x, 3, 0, seconds == 0 ? 1 : 0.5f);
    }
}

static void
draw_rows (MonitorTimeline *self,
           GtkSnapshot     *snapshot,
           float            width,
           float            height,
           float            name_width,
           float            right)
{
  double offset = self->vadjustment != NULL ? gtk_adjustment_get_value (self->vadjustment) : 0;
  guint n = count_threads (self);
  guint first = (guint) (offset / ROW_HEIGHT);
  GdkRGBA text, stripe;

  monitor_get_color (GTK_WIDGET (self), 0.9, &text);
  monitor_get_color (GTK_WIDGET (self), 0.03, &stripe);
  gtk_snapshot_push_clip (snapshot, &GRAPHENE_RECT_INIT (0, SCALE_HEIGHT, width,
                                                         height - SCALE_HEIGHT));
  for (guint i = first; i < n; i++)
    {
      g_autoptr(ThredoThreadInfo) info = NULL;
      float y = roundf ((float) ((double) i * ROW_HEIGHT - offset)) + SCALE_HEIGHT;

      if (y >= height)
        break;
      info = g_list_model_get_item (self->threads, i);
      if (i % 2 == 1)
        gtk_snapshot_append_color (snapshot, &stripe,
                                   &GRAPHENE_RECT_INIT (0, y, width, ROW_HEIGHT));
      draw_stretches (snapshot, info, self->now, name_width, right, y);
      monitor_paint_text (snapshot, self->layout, thredo_thread_info_get_name (info), &text, 8,
                          y + 2, name_width - 14, 0);
    }
  gtk_snapshot_pop (snapshot);
}

static void
monitor_timeline_snapshot (GtkWidget   *widget,
                           GtkSnapshot *snapshot)
{
  MonitorTimeline *self = MONITOR_TIMELINE (widget);
  float width = (float) gtk_widget_get_width (widget);
  float height = (float) gtk_widget_get_height (widget);
  float name_width = CLAMP (width * 0.2f, MIN_NAME_WIDTH, MAX_NAME_WIDTH);
  float right = width - 10;

  if (self->layout == NULL)
    self->layout = gtk_widget_create_pango_layout (widget, NULL);
  draw_scale (self, snapshot, name_width, right, height);
  draw_rows (self, snapshot, width, height, name_width, right);
}

/* What is at the pointer, in words. */
static gboolean
on_query_tooltip (GtkWidget  *widget,
                  int         x,
                  int         y,
                  gboolean    keyboard_mode,
                  GtkTooltip *tooltip,
                  gpointer    user_data)
{
  MonitorTimeline *self = MONITOR_TIMELINE (widget);
  double offset = self->vadjustment != NULL ? gtk_adjustment_get_value (self->vadjustment) : 0;
  g_autoptr(ThredoThreadInfo) info = NULL;
  g_autofree char *text = NULL;
  const char *waiting_for;

  if (y < SCALE_HEIGHT || self->threads == NULL)
    return FALSE;
  info = g_list_model_get_item (self->threads, (guint) ((y - SCALE_HEIGHT + offset) / ROW_HEIGHT));
  if (info == NULL)
    return FALSE;
  waiting_for = thredo_thread_info_get_waiting_for (info);
  text = g_strdup_printf ("%s: %s%s%s", thredo_thread_info_get_name (info),
                          monitor_activity_get_name (monitor_activity_of (info)),
                          waiting_for != NULL ? "\n" : "", waiting_for != NULL ? waiting_for : "");
  gtk_tooltip_set_text (tooltip, text);
  return TRUE;
}

/* The widget */

static void
monitor_timeline_size_allocate (GtkWidget *widget,
                                int        width,
                                int        height,
                                int        baseline)
{
  configure_adjustments (MONITOR_TIMELINE (widget));
}

static void
monitor_timeline_css_changed (GtkWidget         *widget,
                              GtkCssStyleChange *change)
{
  GTK_WIDGET_CLASS (monitor_timeline_parent_class)->css_changed (widget, change);
  g_clear_object (&MONITOR_TIMELINE (widget)->layout);
}

static void
monitor_timeline_measure (GtkWidget      *widget,
                          GtkOrientation  orientation,
                          int             for_size,
                          int            *minimum,
                          int            *natural,
                          int            *minimum_baseline,
                          int            *natural_baseline)
{
  *minimum = orientation == GTK_ORIENTATION_VERTICAL ? SCALE_HEIGHT + ROW_HEIGHT : 100;
  *natural = orientation == GTK_ORIENTATION_VERTICAL ? SCALE_HEIGHT + 8 * ROW_HEIGHT : 600;
}

static void
monitor_timeline_get_property (GObject    *object,
                               guint       property_id,
                               GValue     *value,
                               GParamSpec *pspec)
{
  MonitorTimeline *self = MONITOR_TIMELINE (object);

  switch (property_id)
    {
    case PROP_HADJUSTMENT:
      g_value_set_object (value, self->hadjustment);
      break;
    case PROP_VADJUSTMENT:
      g_value_set_object (value, self->vadjustment);
      break;
    case PROP_HSCROLL_POLICY:
      g_value_set_enum (value, self->hscroll_policy);
      break;
    case PROP_VSCROLL_POLICY:
      g_value_set_enum (value, self->vscroll_policy);
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, property_id, pspec);
    }
}

static void
monitor_timeline_set_property (GObject      *object,
                               guint         property_id,
                               const GValue *value,
                               GParamSpec   *pspec)
{
  MonitorTimeline *self = MONITOR_TIMELINE (object);

  switch (property_id)
    {
    case PROP_HADJUSTMENT:
      set_adjustment (self, &self->hadjustment, g_value_get_object (value));
      break;
    case PROP_VADJUSTMENT:
      set_adjustment (self, &self->vadjustment, g_value_get_object (value));
      break;
    case PROP_HSCROLL_POLICY:
      self->hscroll_policy = g_value_get_enum (value);
      break;
    case PROP_VSCROLL_POLICY:
      self->vscroll_policy = g_value_get_enum (value);
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, property_id, pspec);
    }
}

static void
monitor_timeline_dispose (GObject *object)
{
  MonitorTimeline *self = MONITOR_TIMELINE (object);

  set_adjustment (self, &self->hadjustment, NULL);
  set_adjustment (self, &self->vadjustment, NULL);
  g_clear_object (&self->threads);
  g_clear_object (&self->layout);
  G_OBJECT_CLASS (monitor_timeline_parent_class)->dispose (object);
}

static void
monitor_timeline_class_init (MonitorTimelineClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (klass);

  object_class->dispose = monitor_timeline_dispose;
  object_class->get_property = monitor_timeline_get_property;
  object_class->set_property = monitor_timeline_set_property;
  widget_class->snapshot = monitor_timeline_snapshot;
  widget_class->measure = monitor_timeline_measure;
  widget_class->size_allocate = monitor_timeline_size_allocate;
  widget_class->css_changed = monitor_timeline_css_changed;
  gtk_widget_class_set_css_name (widget_class, "timeline");
  gtk_widget_class_set_accessible_role (widget_class, GTK_ACCESSIBLE_ROLE_IMG);

  g_object_class_override_property (object_class, PROP_HADJUSTMENT, "hadjustment");
  g_object_class_override_property (object_class, PROP_VADJUSTMENT, "vadjustment");
  g_object_class_override_property (object_class, PROP_HSCROLL_POLICY, "hscroll-policy");
  g_object_class_override_property (object_class, PROP_VSCROLL_POLICY, "vscroll-policy");
}

static void
monitor_timeline_init (MonitorTimeline *self)
{
  gtk_widget_set_overflow (GTK_WIDGET (self), GTK_OVERFLOW_HIDDEN);
  gtk_widget_set_has_tooltip (GTK_WIDGET (self), TRUE);
  g_signal_connect (self, "query-tooltip", G_CALLBACK (on_query_tooltip), NULL);
  gtk_accessible_update_property (GTK_ACCESSIBLE (self), GTK_ACCESSIBLE_PROPERTY_LABEL,
                                  "What each thread has been doing", -1);
}

GtkWidget *
monitor_timeline_new (void)
{
  return g_object_new (MONITOR_TYPE_TIMELINE, NULL);
}

/* @threads is of ThredoThreadInfo. */
void
monitor_timeline_set_threads (MonitorTimeline *self,
                              GListModel      *threads)
{
  g_set_object (&self->threads, threads);
  configure_adjustments (self);
}

/* After each time that the threads were looked at. */
void
monitor_timeline_refresh (MonitorTimeline *self,
                          gint64           now)
{
  self->now = now;
  configure_adjustments (self);
  gtk_widget_queue_draw (GTK_WIDGET (self));
}

/* The legend */

#define SAMPLE_WIDTH 28
#define SAMPLE_HEIGHT 16

static GtkWidget *
new_sample (MonitorActivity activity)
{
  GtkSnapshot *snapshot = gtk_snapshot_new ();
  g_autoptr(GdkPaintable) paintable = NULL;
  GtkWidget *picture;

  monitor_paint_activity (snapshot, activity,
                          &GRAPHENE_RECT_INIT (0, 0, SAMPLE_WIDTH, SAMPLE_HEIGHT));
  paintable = gtk_snapshot_free_to_paintable (snapshot,
                                              &GRAPHENE_SIZE_INIT (SAMPLE_WIDTH, SAMPLE_HEIGHT));
  picture = gtk_picture_new_for_paintable (paintable);
  gtk_picture_set_can_shrink (GTK_PICTURE (picture), FALSE);
  gtk_widget_set_valign (picture, GTK_ALIGN_CENTER);
  return picture;
}

GtkWidget *
monitor_legend_new (void)
{
  GtkWidget *legend = gtk_flow_box_new ();

  gtk_flow_box_set_selection_mode (GTK_FLOW_BOX (legend), GTK_SELECTION_NONE);
  gtk_flow_box_set_max_children_per_line (GTK_FLOW_BOX (legend), MONITOR_N_ACTIVITIES);
  gtk_flow_box_set_column_spacing (GTK_FLOW_BOX (legend), 14);
  gtk_widget_set_halign (legend, GTK_ALIGN_FILL);
  for (MonitorActivity activity = 0; activity < MONITOR_N_ACTIVITIES; activity++)
    {
      GtkWidget *box = gtk_box_new (GTK_ORIENTATION_HORIZONTAL, 6);
      GtkWidget *child = gtk_flow_box_child_new ();

      gtk_box_append (GTK_BOX (box), new_sample (activity));
      gtk_box_append (GTK_BOX (box), gtk_label_new (monitor_activity_get_name (activity)));
      gtk_flow_box_child_set_child (GTK_FLOW_BOX_CHILD (child), box);
      gtk_widget_set_focusable (child, FALSE);
      gtk_flow_box_append (GTK_FLOW_BOX (legend), child);
    }
  gtk_widget_add_css_class (legend, "legend");
  gtk_accessible_update_property (GTK_ACCESSIBLE (legend), GTK_ACCESSIBLE_PROPERTY_LABEL, "Legend",
                                  -1);
  return legend;
}
