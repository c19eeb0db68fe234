/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "thredo-loop-probe-private.h"

#include "loop.h"

/* An asker writes asked_at while it is 0, and the loop's thread both figures while it is not. */

ThredoLoopProbe *
thredo_loop_probe_new (void)
{
  return g_atomic_rc_box_new0 (ThredoLoopProbe);
}

void
thredo_loop_probe_unref (ThredoLoopProbe *self)
{
  g_atomic_rc_box_release (self);
}

static void
unref_probe (gpointer data)
{
  thredo_loop_probe_unref (data);
}

static gboolean
answer (gpointer data)
{
  ThredoLoopProbe *self = data;
  gint64 asked_at = (gint64) thredo_figure_get (&self->asked_at);

  thredo_figure_set (&self->latency, (guint64) (g_get_monotonic_time () - asked_at));
  thredo_figure_set (&self->asked_at, 0);
  return G_SOURCE_REMOVE;
}

static void
post (ThredoLoopProbe *self)
{
  g_autoptr(GSource) source = g_idle_source_new ();

  g_source_set_priority (source, G_PRIORITY_HIGH);
  g_source_set_callback (source, answer, g_atomic_rc_box_acquire (self), unref_probe);
  g_source_set_static_name (source, "[thredo] probe");
  g_source_attach (source, self->context);
}

/* How late the loop served last, or how late it already is; 0 if it has not been started. Asks
 * it again. For one thread at a time. */
GTimeSpan
thredo_loop_probe_ask (ThredoLoopProbe *self)
{
  GMainContext *context = thredo_loop_peek_context ();
  gint64 now = g_get_monotonic_time ();
  gint64 asked_at = (gint64) thredo_figure_get (&self->asked_at);

  if (context == NULL)
    return 0;
  /* That of the process which this one was forked from will not answer. */
  if (asked_at != 0 && context == self->context)
    return now - asked_at;

  self->context = context;
  thredo_figure_set (&self->asked_at, (guint64) now);
  post (self);
  return (GTimeSpan) thredo_figure_get (&self->latency);
}
