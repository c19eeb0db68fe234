/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "monitor-track.h"

#include <string.h>

/* From which on a cancelled thread that computes is said to be out of reach. */
#define REACH_LIMIT G_TIME_SPAN_SECOND
/* From which on it is worth to be said how long a thread has computed. */
#define COMPUTING_LIMIT G_TIME_SPAN_SECOND
#define LOAD_SMOOTHING 0.3
/* How long a thread is believed to be cancelled before that is seen. */
#define ASKED_LIMIT (2 * G_TIME_SPAN_SECOND)

static GQuark
get_quark (void)
{
  return g_quark_from_static_string ("monitor-track");
}

static void
monitor_track_free (gpointer data)
{
  MonitorTrack *self = data;

  g_array_unref (self->stretches);
  g_free (self);
}

MonitorTrack *
monitor_track_get (ThredoThreadInfo *info)
{
  MonitorTrack *self = g_object_get_qdata (G_OBJECT (info), get_quark ());

  if (self != NULL)
    return self;

  self = g_new0 (MonitorTrack, 1);
  self->stretches = g_array_new (FALSE, FALSE, sizeof (MonitorStretch));
  g_object_set_qdata_full (G_OBJECT (info), get_quark (), self, monitor_track_free);
  return self;
}

static gboolean
is_for_lock (const char *waiting_for)
{
  return strstr (waiting_for, " on Lock") != NULL || strstr (waiting_for, " on RLock") != NULL;
}

MonitorActivity
monitor_activity_of (ThredoThreadInfo *info)
{
  const char *waiting_for = thredo_thread_info_get_waiting_for (info);

  if (monitor_track_is_cancelling (info))
    return MONITOR_ACTIVITY_CANCELLING;
  if (thredo_thread_info_get_state (info) != THREDO_THREAD_STATE_WAITING)
    return MONITOR_ACTIVITY_RUNNING;
  if (waiting_for != NULL && is_for_lock (waiting_for))
    return MONITOR_ACTIVITY_LOCKED;
  if (waiting_for != NULL && g_str_has_prefix (waiting_for, "sleep"))
    return MONITOR_ACTIVITY_SLEEPING;
  return MONITOR_ACTIVITY_WAITING;
}

static void
note_activity (MonitorTrack    *self,
               MonitorActivity  activity,
               gint64           now)
{
  GArray *stretches = self->stretches;
  MonitorStretch stretch = { now, activity };
  guint n_old = 0;

  if (stretches->len == 0 ||
      g_array_index (stretches, MonitorStretch, stretches->len - 1).activity != activity)
    g_array_append_val (stretches, stretch);

  /* One that has begun before the span may reach into it. */
  while (n_old + 1 < stretches->len &&
         g_array_index (stretches, MonitorStretch, n_old + 1).since < now - MONITOR_TRACK_SPAN)
    n_old++;
  if (n_old > 0)
    g_array_remove_range (stretches, 0, n_old);
}

static void
note_load (MonitorTrack *self,
           gint64        cpu_time,
           gint64        now)
{
  if (self->noted != 0 && now > self->noted)
    {
      double load = (double) (cpu_time - self->cpu_time) / (double) (now - self->noted);

      self->load += LOAD_SMOOTHING * (MAX (load, 0) - self->load);
    }
  self->cpu_time = cpu_time;
}

void
monitor_track_note (ThredoThreadInfo *info,
                    gint64            now)
{
  MonitorTrack *self = monitor_track_get (info);
  guint64 n_waits = thredo_thread_info_get_n_waits (info);

  note_activity (self, monitor_activity_of (info), now);
  note_load (self, thredo_thread_info_get_cpu_time (info), now);

  if (thredo_thread_info_get_state (info) == THREDO_THREAD_STATE_WAITING)
    self->computing_since = 0;
  else if (self->computing_since == 0 || self->n_waits != n_waits)
    self->computing_since = now;
  self->n_waits = n_waits;

  if (!thredo_thread_info_is_cancelled (info))
    self->cancelled_since = 0;
  else if (self->cancelled_since == 0)
    self->cancelled_since = now;
  if (self->cancelled_since != 0 || now - self->asked > ASKED_LIMIT)
    self->asked = 0;
  self->noted = now;
}

/* After each time that @threads was brought up to date. */
void
monitor_track_note_all (GListModel *threads,
                        gint64      now)
{
  guint n = g_list_model_get_n_items (threads);

  for (guint i = 0; i < n; i++)
    {
      g_autoptr(ThredoThreadInfo) info = g_list_model_get_item (threads, i);

      monitor_track_note (info, now);
    }
}

/* Before they are looked at again after a while in which they were not. */
void
monitor_track_forget_all (GListModel *threads)
{
  guint n = g_list_model_get_n_items (threads);

  for (guint i = 0; i < n; i++)
    {
      g_autoptr(ThredoThreadInfo) info = g_list_model_get_item (threads, i);
      MonitorTrack *self = monitor_track_get (info);

      g_array_set_size (self->stretches, 0);
      self->noted = 0;
      self->computing_since = 0;
    }
}

/* Whether the thread was cancelled, or is just being asked to end. */
gboolean
monitor_track_is_cancelling (ThredoThreadInfo *info)
{
  return thredo_thread_info_is_cancelled (info) || monitor_track_get (info)->asked != 0;
}

/* Whether the thread was cancelled, but only computes: a cancel is heard where a thread waits, or
 * asks for it. */
gboolean
monitor_track_is_out_of_reach (ThredoThreadInfo *info)
{
  MonitorTrack *self = monitor_track_get (info);

  return self->cancelled_since != 0 && self->computing_since != 0 &&
         self->noted - MAX (self->cancelled_since, self->computing_since) > REACH_LIMIT;
}

/* When it began to wait, or when it was last seen to if it has computed for a while; or 0. */
gint64
monitor_track_get_since (ThredoThreadInfo *info)
{
  MonitorTrack *self = monitor_track_get (info);

  if (thredo_thread_info_get_state (info) == THREDO_THREAD_STATE_WAITING)
    return thredo_thread_info_get_waiting_since (info);
  /* Whoever looks is never seen to wait. */
  if (thredo_thread_info_get_thread (info) == thredo_thread_self () ||
      self->noted - self->computing_since < COMPUTING_LIMIT)
    return 0;
  return self->computing_since;
}

const char *
monitor_activity_get_name (MonitorActivity activity)
{
  static const char *const names[] = {
    "Running",
    "Waiting",
    "Waiting for a lock",
    "Sleeping",
    "Cancelling",
  };

  G_STATIC_ASSERT (G_N_ELEMENTS (names) == MONITOR_N_ACTIVITIES);
  return names[activity];
}

const char *
monitor_activity_get_css_class (MonitorActivity activity)
{
  static const char *const classes[] = {
    "running",
    "waiting",
    "locked",
    "sleeping",
    "cancelling",
  };

  G_STATIC_ASSERT (G_N_ELEMENTS (classes) == MONITOR_N_ACTIVITIES);
  return classes[activity];
}

/* "pool › inner", with "unnamed" for what has no name; empty for a thread in no group. */
char *
monitor_group_path_format (ThredoThreadInfo *info)
{
  const char *const *path = thredo_thread_info_get_group_path (info);
  GString *text = g_string_new (NULL);

  for (guint i = 0; path[i] != NULL; i++)
    {
      if (i > 0)
        g_string_append (text, " › ");
      g_string_append (text, *path[i] != '\0' ? path[i] : "unnamed");
    }
  return g_string_free (text, FALSE);
}
