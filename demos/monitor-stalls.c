/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "monitor-stalls.h"

#include <time.h>

#define INTERVAL 5 /* milliseconds */

/* A timer that tells how late it is, and how much of the processor the thread has had meanwhile: on
 * a machine with much else to do that says more of the program. */
struct _MonitorStalls
{
  GArray *stalls; /* of gint64, microseconds */
  GArray *work;   /* as well */
  gint64 worked;
  gint64 start;
  gint64 due;
  guint source;
};

static int
compare (gconstpointer a,
         gconstpointer b)
{
  gint64 one = *(const gint64 *) a, other = *(const gint64 *) b;

  return (one > other) - (one < other);
}

static gint64
get_cpu_time (void)
{
  struct timespec time;

  clock_gettime (CLOCK_THREAD_CPUTIME_ID, &time);
  return time.tv_sec * G_TIME_SPAN_SECOND + time.tv_nsec / 1000;
}

static gboolean
on_time (gpointer user_data)
{
  MonitorStalls *self = user_data;
  gint64 now = g_get_monotonic_time ();
  gint64 stall = MAX (now - self->due, 0);
  gint64 cpu_time = get_cpu_time ();
  gint64 work = cpu_time - self->worked;

  if (now >= self->start)
    {
      g_array_append_val (self->stalls, stall);
      g_array_append_val (self->work, work);
    }
  self->worked = cpu_time;
  self->due = now + INTERVAL * G_TIME_SPAN_MILLISECOND;
  g_source_set_ready_time (g_main_current_source (), self->due);
  return G_SOURCE_CONTINUE;
}

/* From so many seconds from now on. */
MonitorStalls *
monitor_stalls_new (double after)
{
  MonitorStalls *self = g_new0 (MonitorStalls, 1);
  gint64 now = g_get_monotonic_time ();

  self->stalls = g_array_new (FALSE, FALSE, sizeof (gint64));
  self->work = g_array_new (FALSE, FALSE, sizeof (gint64));
  self->worked = get_cpu_time ();
  self->start = now + (gint64) (after * G_TIME_SPAN_SECOND);
  self->due = now + INTERVAL * G_TIME_SPAN_MILLISECOND;
  self->source = g_timeout_add (INTERVAL, on_time, self);
  return self;
}

void
monitor_stalls_free (MonitorStalls *self)
{
  g_source_remove (self->source);
  g_array_unref (self->stalls);
  g_array_unref (self->work);
  g_free (self);
}

static char *
format (GArray *spans)
{
  double ranks[] = { 0.5, 0.99, 1 };

  g_array_sort (spans, compare);
  for (gsize i = 0; i < G_N_ELEMENTS (ranks); i++)
    {
      guint place = MIN ((guint) (ranks[i] * spans->len), spans->len - 1);

      ranks[i] = (double) g_array_index (spans, gint64, place) / G_TIME_SPAN_MILLISECOND;
    }
  return g_strdup_printf ("%.1f ms median, %.1f ms 99th percentile, %.1f ms most", ranks[0],
                          ranks[1], ranks[2]);
}

char *
monitor_stalls_format (MonitorStalls *self)
{
  g_autofree char *stalls = NULL;
  g_autofree char *work = NULL;

  if (self->stalls->len == 0)
    return g_strdup ("The main loop was held up all the time");
  stalls = format (self->stalls);
  work = format (self->work);
  return g_strdup_printf ("The main loop was held up: %s\nand worked at a time: %s", stalls, work);
}
