/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "thredo-disposition-private.h"

#include "loop.h"
#include "mutex.h"

#ifdef G_OS_UNIX

#include <glib-unix.h>
#include <signal.h>

typedef struct
{
  guint n_holders;
  gboolean restoring; /* the loop will see to it */
  struct sigaction before;
} Disposition;

static ThredoMutex lock; /* guards all of them */
static Disposition dispositions[NSIG];

/* Returns whether GLib is done with the signal. */
static gboolean
restore_locked (int signal_number)
{
  struct sigaction now;

  if (sigaction (signal_number, NULL, &now) == 0 && now.sa_handler != SIG_DFL)
    return FALSE;

  sigaction (signal_number, &dispositions[signal_number].before, NULL);
  return TRUE;
}

static gboolean
restore_late (gpointer data)
{
  int signal_number = GPOINTER_TO_INT (data);
  Disposition *self = &dispositions[signal_number];

  thredo_mutex_lock (&lock);
  if (self->n_holders == 0)
    restore_locked (signal_number); /* or somebody else listens by now, or still */
  self->restoring = FALSE;
  thredo_mutex_unlock (&lock);

  return G_SOURCE_REMOVE;
}

/* When the loop has let go of the sources that it was just looking at. */
static void
restore_later (int signal_number)
{
  g_autoptr(GSource) source = g_idle_source_new ();

  g_source_set_callback (source, restore_late, GINT_TO_POINTER (signal_number), NULL);
  g_source_set_static_name (source, "[thredo] restore signal");
  g_source_attach (source, thredo_loop_get_context ());
}

/* If GLib's handler is there already, for a source of somebody else's, that is nothing to
 * come back to: it goes with the last source, and GLib puts the default in its place. */
static void
forget_glib_locked (Disposition *self,
                    int          signal_number)
{
  struct sigaction now;

  if (sigaction (signal_number, NULL, &now) == 0 && now.sa_handler == self->before.sa_handler)
    self->before = (struct sigaction) { .sa_handler = SIG_DFL };
}

GSource *
thredo_disposition_hold (int signal_number)
{
  Disposition *self = &dispositions[signal_number];
  GSource *source;

  thredo_mutex_lock (&lock);
  if (self->n_holders++ == 0 && !self->restoring)
    sigaction (signal_number, NULL, &self->before);
  source = g_unix_signal_source_new (signal_number);
  forget_glib_locked (self, signal_number);
  thredo_mutex_unlock (&lock);

  return source;
}

void
thredo_disposition_release (int signal_number)
{
  Disposition *self = &dispositions[signal_number];
  gboolean is_late = FALSE;

  thredo_mutex_lock (&lock);
  if (--self->n_holders == 0 && !self->restoring && !restore_locked (signal_number))
    is_late = self->restoring = TRUE;
  thredo_mutex_unlock (&lock);

  if (is_late)
    restore_later (signal_number);
}

#endif
