/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "thredo-history-private.h"

#include "fork.h"
#include "slot.h"
#include "thredo-ended-info-private.h"
#include "thredo-thread-private.h"

#include <string.h>

/* A ring: the thread with the serial n is at n modulo its length. */
static struct
{
  ThredoMutex lock;
  guint n_users;
  guint64 last_serial;
  ThredoEndedSeen ended[THREDO_HISTORY_LENGTH];
} history;

/* On the thread that ends. Whoever joins it finds it in the history. */
static void
note_end (ThredoThread      *thread,
          ThredoThreadState  end,
          const GError      *error,
          gint64             cpu_time)
{
  ThredoEndedSeen seen = {
    .id = thredo_thread_get_id (thread),
    .name = g_strdup (thredo_thread_get_name (thread)),
    .state = end,
    .message = error != NULL ? g_strdup (error->message) : NULL,
    .ended_at = g_get_monotonic_time (),
    .cpu_time = cpu_time / 1000,
  };

  thredo_mutex_lock (&history.lock);
  if (history.n_users > 0)
    {
      ThredoEndedSeen *place = &history.ended[++history.last_serial % THREDO_HISTORY_LENGTH];
      ThredoEndedSeen oldest = *place;

      seen.serial = history.last_serial;
      *place = seen;
      seen = oldest;
    }
  thredo_mutex_unlock (&history.lock);
  thredo_ended_seen_clear (&seen);
}

__attribute__ ((constructor)) static void
install_end_hook (void)
{
  thredo_thread_set_end_hook (note_end);
  thredo_fork_protect (&history.lock, NULL);
}

void
thredo_history_begin (void)
{
  thredo_mutex_lock (&history.lock);
  history.n_users++;
  thredo_mutex_unlock (&history.lock);
  thredo_slot_begin_accounting ();
}

/* Whoever begins again has missed some, and is not told of those before. */
void
thredo_history_end (void)
{
  ThredoEndedSeen ended[THREDO_HISTORY_LENGTH] = { 0 };

  thredo_slot_end_accounting ();
  thredo_mutex_lock (&history.lock);
  if (--history.n_users == 0)
    {
      memcpy (ended, history.ended, sizeof ended);
      memset (history.ended, 0, sizeof history.ended);
    }
  thredo_mutex_unlock (&history.lock);

  for (guint i = 0; i < G_N_ELEMENTS (ended); i++)
    thredo_ended_seen_clear (&ended[i]);
}

/* The oldest first. */
GPtrArray *
thredo_history_list (void)
{
  GPtrArray *infos = g_ptr_array_new_with_free_func (g_object_unref);
  ThredoEndedSeen ended[THREDO_HISTORY_LENGTH];
  guint64 last_serial;

  thredo_mutex_lock (&history.lock);
  last_serial = history.last_serial;
  for (guint i = 0; i < G_N_ELEMENTS (ended); i++)
    {
      ended[i] = history.ended[i];
      ended[i].name = g_strdup (ended[i].name);
      ended[i].message = g_strdup (ended[i].message);
    }
  thredo_mutex_unlock (&history.lock);

  for (guint i = 1; i <= G_N_ELEMENTS (ended); i++)
    {
      ThredoEndedSeen *seen = &ended[(last_serial + i) % THREDO_HISTORY_LENGTH];

      if (seen->serial != 0)
        g_ptr_array_add (infos, thredo_ended_info_new (seen));
    }
  return infos;
}
