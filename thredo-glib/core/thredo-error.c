/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "thredo-error.h"

/**
 * ThredoError:
 * @THREDO_ERROR_FAILED: the thread that was joined has failed, and did not
 *   say why
 * @THREDO_ERROR_THREAD_CANCELLED: the thread that was joined has ended because
 *   it was cancelled; a cancel of the joiner itself is `G_IO_ERROR_CANCELLED`
 * @THREDO_ERROR_NOT_OWNER: the caller does not own what it wants to release
 * @THREDO_ERROR_STATE: the object is in no state for this: started twice,
 *   group already joined, join of oneself, `task_done` once too often
 * @THREDO_ERROR_DEADLOCK: the wait would have closed a cycle of threads that
 *   wait for each other
 * @THREDO_ERROR_LOOP_THREAD: a blocking call was made on the loop's own thread
 * @THREDO_ERROR_BROKEN: the barrier is broken: one of those who were to meet at it
 *   did not come
 *
 * Errors of the library. Beside them its calls use
 * [error@Gio.IOErrorEnum]: `CANCELLED` for a cancel, `TIMED_OUT` for the
 * deadline of a scope, `CLOSED` for a closed queue, `WOULD_BLOCK` from
 * calls that do not wait, and `INVALID_ARGUMENT`.
 *
 * Since: 1.0
 */

/**
 * thredo_error_quark:
 *
 * Gets the domain of the library's errors.
 *
 * Returns: the quark
 *
 * Since: 1.0
 */
GQuark
thredo_error_quark (void)
{
  return g_quark_from_static_string ("thredo-error-quark");
}
