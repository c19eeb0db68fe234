/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include <thredo.h>

G_BEGIN_DECLS

/* What the dashboard tells apart in what a thread does. */
typedef enum
{
  MONITOR_ACTIVITY_RUNNING,
  MONITOR_ACTIVITY_WAITING,
  MONITOR_ACTIVITY_LOCKED, /* waits for a lock */
  MONITOR_ACTIVITY_SLEEPING,
  MONITOR_ACTIVITY_CANCELLING,
  MONITOR_N_ACTIVITIES
} MonitorActivity;

/* From when on; until the next one, or now. */
typedef struct
{
  gint64 since;
  MonitorActivity activity;
} MonitorStretch;

/* What is remembered of a thread beside what was seen of it last. */
typedef struct
{
  GArray *stretches; /* of MonitorStretch, of the last MONITOR_TRACK_SPAN */
  gint64 noted;
  gint64 cpu_time;
  guint64 n_waits;
  double load;            /* processors' worth, lately */
  gint64 computing_since; /* when it was last seen to wait; 0: it waits */
  gint64 cancelled_since; /* 0: it is not */
  gint64 asked;           /* when it was to be cancelled, which is not seen yet; 0: it was not */
} MonitorTrack;

#define MONITOR_TRACK_SPAN (60 * G_TIME_SPAN_SECOND)

MonitorTrack *monitor_track_get (ThredoThreadInfo *info);
void monitor_track_note_all (GListModel *threads,
                             gint64      now);
void monitor_track_note (ThredoThreadInfo *info,
                         gint64            now);
void monitor_track_forget_all (GListModel *threads);
gint64 monitor_track_get_since (ThredoThreadInfo *info);
gboolean monitor_track_is_cancelling (ThredoThreadInfo *info);
gboolean monitor_track_is_out_of_reach (ThredoThreadInfo *info);

MonitorActivity monitor_activity_of (ThredoThreadInfo *info);
const char *monitor_activity_get_name (MonitorActivity activity);
const char *monitor_activity_get_css_class (MonitorActivity activity);
char *monitor_group_path_format (ThredoThreadInfo *info);

G_END_DECLS
