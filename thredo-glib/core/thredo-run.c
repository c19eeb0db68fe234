/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "thredo-run.h"

#include "thredo-blocking-private.h"

#include "thredo-disposition-private.h"
#include "thredo-error.h"
#include "worker.h"

#ifdef G_OS_UNIX
#include <glib-unix.h>
#include <signal.h>
#include <unistd.h>
#endif

/**
 * ThredoRunFlags:
 * @THREDO_RUN_DEFAULT: leave signals alone
 * @THREDO_RUN_HANDLE_SIGNALS: the first SIGINT or SIGTERM cancels the thread, a
 *   second one within two seconds ends the process
 *
 * What [func@Thredo.run] does beside running.
 *
 * Since: 1.0
 */

static const ThredoWaitInfo run_info = { "thredo_run", "run", NULL, NULL };
static const ThredoWaitInfo check_info = { "thredo_check_cancelled", "check", NULL, NULL };

#ifdef G_OS_UNIX

#define SECOND_SIGNAL (2 * G_TIME_SPAN_SECOND)

static const int signal_numbers[] = { SIGINT, SIGTERM };

/* A watch of the two signals, on the loop. */
typedef struct
{
  gatomicrefcount ref_count;
  ThredoThread *thread;
  gint64 first_at; /* the loop's thread's alone */
  GSource *sources[G_N_ELEMENTS (signal_numbers)];
} SignalWatch;

typedef struct
{
  SignalWatch *watch;
  int number;
} SignalClosure;

static void
signal_watch_unref (SignalWatch *self)
{
  if (!g_atomic_ref_count_dec (&self->ref_count))
    return;
  g_object_unref (self->thread);
  g_free (self);
}

static void
signal_closure_free (gpointer data)
{
  SignalClosure *closure = data;

  signal_watch_unref (closure->watch);
  g_free (closure);
}

static void
cancel_thread (gpointer data)
{
  g_autoptr(ThredoThread) thread = data;

  thredo_thread_cancel (thread);
}

static gboolean
on_signal (gpointer data)
{
  SignalClosure *closure = data;
  SignalWatch *watch = closure->watch;
  gint64 now = g_get_monotonic_time ();

  if (watch->first_at != 0 && now - watch->first_at < SECOND_SIGNAL)
    {
      /* As if nobody had handled it, so that a shell sees what happened. */
      signal (closure->number, SIG_DFL);
      kill (getpid (), closure->number);
    }
  watch->first_at = now;

  /* Not here: handlers of users run in a cancel, and this is the loop. */
  if (!thredo_worker_run (cancel_thread, g_object_ref (watch->thread), NULL, 0, NULL))
    cancel_thread (watch->thread);

  return G_SOURCE_CONTINUE;
}

static SignalWatch *
signal_watch_new (ThredoThread *thread)
{
  SignalWatch *self = g_new0 (SignalWatch, 1);

  g_atomic_ref_count_init (&self->ref_count);
  self->thread = g_object_ref (thread);

  for (guint i = 0; i < G_N_ELEMENTS (signal_numbers); i++)
    {
      SignalClosure *closure = g_new (SignalClosure, 1);

      closure->watch = self;
      closure->number = signal_numbers[i];
      g_atomic_ref_count_inc (&self->ref_count);
      self->sources[i] = thredo_disposition_hold (signal_numbers[i]);
      g_source_set_callback (self->sources[i], on_signal, closure, signal_closure_free);
      g_source_attach (self->sources[i], thredo_loop_get_context ());
    }

  return self;
}

static void
signal_watch_free (SignalWatch *self)
{
  for (guint i = 0; i < G_N_ELEMENTS (self->sources); i++)
    {
      g_source_destroy (self->sources[i]);
      g_source_unref (self->sources[i]);
      thredo_disposition_release (signal_numbers[i]);
    }
  signal_watch_unref (self);
}

#endif

/**
 * thredo_run:
 * @flags: what to do beside
 * @func: (scope notified) (closure user_data) (destroy destroy): what to run
 * @user_data: data for @func
 * @destroy: (nullable): called with @user_data once, when @func has returned
 *   or will never run
 * @error: return location for an error
 *
 * Runs a function as a first thread, named "main", and returns when it has
 * ended.
 *
 * With `THREDO_RUN_HANDLE_SIGNALS` the first SIGINT (Ctrl+C) or SIGTERM cancels
 * that thread: its blocking call, a join for one, fails with
 * `G_IO_ERROR_CANCELLED`, and it can clean up. A second one within two seconds
 * ends the process. The handlers are those of `g_unix_signal_source_new()`;
 * when this returns, the signals do again what they did before.
 *
 * A cancel of the caller, or the deadline of a scope around it, cancels that
 * thread as well. The wait ends with the end of the thread alone. Any thread
 * but the loop's may call this.
 *
 * Returns: %TRUE if the function returned %TRUE, or %FALSE with an error: the
 *   function's own, `G_IO_ERROR_CANCELLED` ([error@Gio.IOErrorEnum]) among
 *   them; `THREDO_ERROR_FAILED` if it set none; `G_THREAD_ERROR_AGAIN`
 *   ([error@GLib.ThreadError]) if the system refuses another thread;
 *   `THREDO_ERROR_LOOP_THREAD`
 *
 * Since: 1.0
 */
gboolean
thredo_run (ThredoRunFlags     flags,
            ThredoThreadFunc   func,
            gpointer           user_data,
            GDestroyNotify     destroy,
            GError           **error)
{
  ThredoSlot *slot = thredo_slot_self ();
  g_autoptr(ThredoThread) thread = NULL;
  const GError *thread_error;
  ThredoLevel shield;
#ifdef G_OS_UNIX
  SignalWatch *watch = NULL;
#endif

  g_return_val_if_fail (func != NULL, FALSE);

  thread = thredo_thread_new ("main", func, user_data, destroy);
  if (slot->is_loop)
    return thredo_blocking_begin (slot, &run_info, NULL, error);
  if (!thredo_loop_ensure (error))
    return FALSE;

#ifdef G_OS_UNIX
  if (flags & THREDO_RUN_HANDLE_SIGNALS)
    watch = signal_watch_new (thread);
#endif

  if (!thredo_thread_start (thread, error))
    {
#ifdef G_OS_UNIX
      g_clear_pointer (&watch, signal_watch_free);
#endif
      return FALSE;
    }

  if (!thredo_thread_wait (thread, NULL, NULL))
    thredo_thread_cancel (thread);
  thredo_level_enter_shield (&shield, slot);
  /* Marks it as joined; but what ended it is told as it is, below. */
  thredo_thread_join (thread, NULL, NULL);
  thredo_level_leave (&shield, FALSE);
  thredo_level_clear (&shield);

#ifdef G_OS_UNIX
  g_clear_pointer (&watch, signal_watch_free);
#endif

  thread_error = thredo_thread_get_error (thread);
  if (thread_error == NULL)
    return TRUE;
  g_propagate_error (error, g_error_copy (thread_error));
  return FALSE;
}

/**
 * thredo_check_cancelled:
 * @cancellable: (nullable): what else to ask
 * @error: return location for an error
 *
 * Asks whether a blocking call would fail at once, without making one.
 *
 * For code that computes for long: it makes the thread one that can be
 * cancelled. It costs a few nanoseconds, and never blocks. Any thread may call
 * this.
 *
 * Returns: %TRUE to go on, or %FALSE with an error: `G_IO_ERROR_CANCELLED` or
 *   `G_IO_ERROR_TIMED_OUT` ([error@Gio.IOErrorEnum])
 *
 * Since: 1.0
 */
gboolean
thredo_check_cancelled (GCancellable  *cancellable,
                        GError       **error)
{
  ThredoSlot *slot = thredo_slot_self ();
  ThredoWaitState reason = thredo_level_check (slot);

  g_return_val_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable), FALSE);

  if (cancellable != NULL && g_cancellable_is_cancelled (cancellable))
    reason = THREDO_WAIT_CANCELLED;
  if (G_LIKELY (reason == THREDO_WAIT_IDLE))
    return TRUE;
  return thredo_blocking_set_error (slot, &check_info, reason, cancellable, error);
}

/**
 * thredo_get_cancellable:
 *
 * Gets the innermost cancellable around the caller: of the scope that it has
 * entered last, or else of its thread.
 *
 * It is cancelled when the blocking calls of the caller would fail, so it is
 * what to give to blocking calls of others:
 *
 * ```c
 * g_file_load_contents (file, thredo_get_cancellable (), &contents, &length, NULL, &error);
 * ```
 *
 * In threads of the library and in scopes, [func@Gio.Cancellable.get_current]
 * returns the same. Any thread may call this.
 *
 * Returns: (transfer none): the cancellable, which lives as long as the scope
 *   or thread
 *
 * Since: 1.0
 */
GCancellable *
thredo_get_cancellable (void)
{
  thredo_thread_self ();

  return thredo_level_get_cancellable (thredo_slot_self ()->innermost);
}

/**
 * thredo_get_main_context:
 *
 * Gets the main context that the library's loop runs, on a thread of its own.
 *
 * Sources may be attached to it from any thread. Their callbacks run on the
 * loop's thread, where they hold up every deadline while they run, and where
 * blocking calls of this library are refused with `THREDO_ERROR_LOOP_THREAD`.
 *
 * In a forked child it is another one than in the parent.
 *
 * Returns: (transfer none): the main context
 *
 * Since: 1.0
 */
GMainContext *
thredo_get_main_context (void)
{
  GMainContext *context = thredo_loop_get_context ();

  if (context == NULL)
    g_error ("The loop's thread could not be started");

  return context;
}
