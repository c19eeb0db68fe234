/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "thredo-blocking-private.h"

#include "thredo-error.h"

/* Sets the error that tells why a wait did not happen; returns FALSE. */
gboolean
thredo_blocking_set_error (ThredoSlot            *slot,
                           const ThredoWaitInfo  *info,
                           ThredoWaitState        outcome,
                           GCancellable          *cancellable,
                           GError               **error)
{
  switch (outcome)
    {
    case THREDO_WAIT_CLOSED:
      g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_CLOSED, "The queue is closed");
      break;
    case THREDO_WAIT_TIMED_OUT:
      /* A cancel that came meanwhile goes before a deadline. */
      if (thredo_level_check (slot) != THREDO_WAIT_CANCELLED &&
          !g_cancellable_is_cancelled (cancellable))
        {
          g_set_error (error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT, "%s() timed out", info->function);
          break;
        }
      G_GNUC_FALLTHROUGH;
    default:
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED, "%s() was cancelled", info->function);
      break;
    }

  return FALSE;
}

gboolean
thredo_blocking_check (ThredoSlot            *slot,
                       const ThredoWaitInfo  *info,
                       GCancellable          *cancellable,
                       GError               **error)
{
  ThredoWaitState reason = thredo_level_check (slot);

  if (G_UNLIKELY (slot->is_loop))
    {
      g_set_error (error, THREDO_ERROR, THREDO_ERROR_LOOP_THREAD,
                   "%s() may not be called on the loop's own thread: what it waits for could "
                   "never happen",
                   info->function);
      return FALSE;
    }
  if (G_UNLIKELY (cancellable != NULL && g_cancellable_is_cancelled (cancellable)))
    reason = THREDO_WAIT_CANCELLED;
  if (G_UNLIKELY (reason != THREDO_WAIT_IDLE))
    return thredo_blocking_set_error (slot, info, reason, cancellable, error);

  return TRUE;
}
