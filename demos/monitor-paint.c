/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "monitor-paint.h"

/* Each activity has a colour, and a pattern of eight by eight pixels and a height of its own, so
 * that none of them is needed to tell them apart. The colours are those of Okabe and Ito. */

#define PATTERN_SIZE 8

typedef const char *const Pattern[PATTERN_SIZE];

typedef struct
{
  GdkRGBA ground;
  GdkRGBA ink;
  float height; /* of the row */
  Pattern *pattern;
} Look;

static Pattern hatched = {
  "#.......",
  ".#......",
  "..#.....",
  "...#....",
  "....#...",
  ".....#..",
  "......#.",
  ".......#",
};

static Pattern striped = {
  "..#.....",
  "..#.....",
  "..#.....",
  "..#.....",
  "..#.....",
  "..#.....",
  "..#.....",
  "..#.....",
};

static Pattern dotted = {
  "........",
  "..##....",
  "..##....",
  "........",
  "........",
  "......##",
  "......##",
  "........",
};

static Pattern crossed = {
  "#......#",
  ".#....#.",
  "..#..#..",
  "...##...",
  "...##...",
  "..#..#..",
  ".#....#.",
  "#......#",
};

static const Look looks[MONITOR_N_ACTIVITIES] = {
  [MONITOR_ACTIVITY_RUNNING] = {
      .ground = { 0, 0.62f, 0.45f, 1 },
      .height = 1,
  },
  [MONITOR_ACTIVITY_WAITING] = {
      .ground = { 0.34f, 0.71f, 0.91f, 0.35f },
      .ink = { 0.1f, 0.5f, 0.75f, 1 },
      .height = 0.6f,
      .pattern = &hatched,
  },
  [MONITOR_ACTIVITY_LOCKED] = {
      .ground = { 0.84f, 0.37f, 0, 1 },
      .ink = { 0.4f, 0.13f, 0, 1 },
      .height = 1,
      .pattern = &striped,
  },
  [MONITOR_ACTIVITY_SLEEPING] = {
      .ground = { 0.5f, 0.5f, 0.5f, 0.18f },
      .ink = { 0.5f, 0.5f, 0.5f, 0.9f },
      .height = 0.35f,
      .pattern = &dotted,
  },
  [MONITOR_ACTIVITY_CANCELLING] = {
      .ground = { 0.8f, 0.47f, 0.65f, 1 },
      .ink = { 0.25f, 0, 0.2f, 0.8f },
      .height = 1,
      .pattern = &crossed,
  },
};

static GdkTexture *
make_pattern (const Look *look)
{
  guint8 *pixels = g_malloc0 (PATTERN_SIZE * PATTERN_SIZE * 4);
  g_autoptr(GBytes) bytes = NULL;

  for (guint y = 0; y < PATTERN_SIZE; y++)
    for (guint x = 0; x < PATTERN_SIZE; x++)
      if ((*look->pattern)[y][x] == '#')
        {
          guint8 *pixel = &pixels[(y * PATTERN_SIZE + x) * 4];

          pixel[0] = (guint8) (255 * look->ink.red);
          pixel[1] = (guint8) (255 * look->ink.green);
          pixel[2] = (guint8) (255 * look->ink.blue);
          pixel[3] = (guint8) (255 * look->ink.alpha);
        }
  bytes = g_bytes_new_take (pixels, PATTERN_SIZE * PATTERN_SIZE * 4);
  return gdk_memory_texture_new (PATTERN_SIZE, PATTERN_SIZE, GDK_MEMORY_R8G8B8A8, bytes,
                                 PATTERN_SIZE * 4);
}

static GdkTexture *
get_pattern (MonitorActivity activity)
{
  static GdkTexture *patterns[MONITOR_N_ACTIVITIES];

  if (patterns[activity] == NULL && looks[activity].pattern != NULL)
    patterns[activity] = make_pattern (&looks[activity]);
  return patterns[activity];
}

/* In the middle of @area, which is as high as a row. */
void
monitor_paint_activity (GtkSnapshot           *snapshot,
                        MonitorActivity        activity,
                        const graphene_rect_t *area)
{
  const Look *look = &looks[activity];
  GdkTexture *pattern = get_pattern (activity);
  float height = roundf (area->size.height * look->height);
  graphene_rect_t bar, tile;

  bar = GRAPHENE_RECT_INIT (area->origin.x,
                            area->origin.y + roundf ((area->size.height - height) / 2),
                            area->size.width, height);
  gtk_snapshot_append_color (snapshot, &look->ground, &bar);
  if (pattern == NULL)
    return;

  /* The same pattern everywhere, wherever a bar begins. */
  tile = GRAPHENE_RECT_INIT (0, bar.origin.y, PATTERN_SIZE, PATTERN_SIZE);
  gtk_snapshot_push_repeat (snapshot, &bar, &tile);
  gtk_snapshot_append_texture (snapshot, pattern, &tile);
  gtk_snapshot_pop (snapshot);
}

/* @width of 0: as wide as it is. @layout is used for it. */
void
monitor_paint_text (GtkSnapshot   *snapshot,
                    PangoLayout   *layout,
                    const char    *text,
                    const GdkRGBA *color,
                    float          x,
                    float          y,
                    float          width,
                    float          xalign)
{
  int text_width;

  pango_layout_set_text (layout, text, -1);
  pango_layout_set_width (layout, width > 0 ? (int) width * PANGO_SCALE : -1);
  pango_layout_set_ellipsize (layout, width > 0 ? PANGO_ELLIPSIZE_END : PANGO_ELLIPSIZE_NONE);
  pango_layout_get_pixel_size (layout, &text_width, NULL);
  gtk_snapshot_save (snapshot);
  gtk_snapshot_translate (snapshot,
                          &GRAPHENE_POINT_INIT (roundf (x - xalign * (float) text_width), y));
  gtk_snapshot_append_layout (snapshot, layout, color);
  gtk_snapshot_restore (snapshot);
}

/* Of the widget's text. */
void
monitor_get_color (GtkWidget *widget,
                   double     opacity,
                   GdkRGBA   *color)
{
  gtk_style_context_get_color (gtk_widget_get_style_context (widget), color);
  color->alpha *= (float) opacity;
}
