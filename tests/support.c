/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "support.h"

#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>

static guint rounds_divisor = 1;

void
support_init (int    *argc,
              char ***argv)
{
  const char *divisor;

  g_test_init (argc, argv, NULL);

  divisor = g_getenv ("THREDO_TEST_ROUNDS_DIVISOR");
  if (divisor != NULL && atoi (divisor) > 1)
    rounds_divisor = (guint) atoi (divisor);
}

guint
support_rounds (guint n)
{
  return MAX (n / rounds_divisor, 1);
}

GTimeSpan
support_aim (GTimeSpan timeout,
             gboolean  was_late)
{
  GTimeSpan step = timeout / 8 + 1;

  return was_late ? timeout + step : MAX (timeout - step, 0);
}

void
support_wait_for (const char       *what,
                  SupportCondition  condition,
                  gpointer          user_data)
{
  gint64 limit = g_get_monotonic_time () + SUPPORT_LIMIT;

  while (!condition (user_data))
    {
      if (g_get_monotonic_time () > limit)
        g_error ("Hang: %s did not come true", what);
      g_usleep (100);
    }
}

void
support_wait_for_state (ThredoThread      *thread,
                        ThredoThreadState  state)
{
  gint64 limit = g_get_monotonic_time () + SUPPORT_LIMIT;

  while (thredo_thread_get_state (thread) != state)
    {
      if (g_get_monotonic_time () > limit)
        {
          g_autofree char *waiting_for = thredo_thread_dup_waiting_for (thread);

          g_error ("Hang: thread '%s' did not reach state %d, it is in state %d, waiting for: %s",
                   thredo_thread_get_name (thread),
                   state,
                   thredo_thread_get_state (thread),
                   waiting_for != NULL ? waiting_for : "nothing");
        }
      g_usleep (100);
    }
}

void
support_wait_for_wait (ThredoThread *thread,
                       const char   *waiting_for)
{
  gint64 limit = g_get_monotonic_time () + SUPPORT_LIMIT;

  for (;;)
    {
      g_autofree char *now = thredo_thread_dup_waiting_for (thread);

      if (g_strcmp0 (now, waiting_for) == 0 &&
          thredo_thread_get_state (thread) == THREDO_THREAD_STATE_WAITING)
        return;
      if (g_get_monotonic_time () > limit)
        g_error ("Hang: thread '%s' does not wait for '%s', it is in state %d, waiting for: %s",
                 thredo_thread_get_name (thread),
                 waiting_for,
                 thredo_thread_get_state (thread),
                 now != NULL ? now : "nothing");
      g_usleep (100);
    }
}

void
support_wait_for_int (int *atomic,
                      int  at_least)
{
  gint64 limit = g_get_monotonic_time () + SUPPORT_LIMIT;

  while (g_atomic_int_get (atomic) < at_least)
    {
      if (g_get_monotonic_time () > limit)
        g_error ("Hang: a counter is at %d, %d was waited for",
                 g_atomic_int_get (atomic), at_least);
      g_usleep (100);
    }
}

void
support_wait_for_finalize (gpointer *weak_location)
{
  gint64 limit = g_get_monotonic_time () + SUPPORT_LIMIT;

  while (g_atomic_pointer_get (weak_location) != NULL)
    {
      if (g_get_monotonic_time () > limit)
        g_error ("Hang: an object is not finalized");
      g_usleep (100);
    }
}

static gboolean
wake_up (gpointer user_data)
{
  return G_SOURCE_CONTINUE;
}

void
support_iterate_until (gboolean *flag)
{
  g_autoptr(GMainContext) context = g_main_context_ref_thread_default ();
  g_autoptr(GSource) ticks = g_timeout_source_new (100);
  gint64 limit = g_get_monotonic_time () + SUPPORT_LIMIT;

  /* The ticks let the limit be seen; what is waited for needs none. */
  g_source_set_callback (ticks, wake_up, NULL, NULL);
  g_source_attach (ticks, context);
  while (!g_atomic_int_get (flag))
    {
      if (g_get_monotonic_time () > limit)
        g_error ("Hang: a main context was iterated for nothing");
      g_main_context_iteration (context, TRUE);
    }
  g_source_destroy (ticks);
}

void
support_gate_init (SupportGate *gate)
{
  g_mutex_init (&gate->mutex);
  g_cond_init (&gate->cond);
  gate->open = FALSE;
}

void
support_gate_clear (SupportGate *gate)
{
  g_mutex_clear (&gate->mutex);
  g_cond_clear (&gate->cond);
}

void
support_gate_open (SupportGate *gate)
{
  g_mutex_lock (&gate->mutex);
  gate->open = TRUE;
  g_cond_broadcast (&gate->cond);
  g_mutex_unlock (&gate->mutex);
}

void
support_gate_wait (SupportGate *gate)
{
  gint64 limit = g_get_monotonic_time () + SUPPORT_LIMIT;

  g_mutex_lock (&gate->mutex);
  while (!gate->open)
    {
      if (!g_cond_wait_until (&gate->cond, &gate->mutex, limit) && !gate->open)
        g_error ("Hang: a gate was never opened");
    }
  g_mutex_unlock (&gate->mutex);
}

static guint
count_entries (const char *path)
{
  g_autoptr(GDir) dir = g_dir_open (path, 0, NULL);
  guint n = 0;

  g_assert_nonnull (dir);
  while (g_dir_read_name (dir) != NULL)
    n++;

  return n;
}

guint
support_count_fds (void)
{
  g_autoptr(GDir) dir = g_dir_open ("/proc/self/fd", 0, NULL);
  const char *fd;
  guint n = 0;

  g_assert_nonnull (dir);
  while ((fd = g_dir_read_name (dir)) != NULL)
    {
      g_autofree char *path = g_build_filename ("/proc/self/fd", fd, NULL);
      g_autofree char *target = g_file_read_link (path, NULL);

      /* A thread that spins looks at the load now and then, also when its work is done. */
      if (target != NULL && strcmp (target, "/proc/loadavg") != 0)
        n++;
    }

  /* One of them is the directory that is being read. */
  return n - 1;
}

guint
support_count_tasks (void)
{
  return count_entries ("/proc/self/task");
}

guint
support_count_tasks_named (const char *comm)
{
  g_autoptr(GDir) dir = g_dir_open ("/proc/self/task", 0, NULL);
  const char *task;
  guint n = 0;

  g_assert_nonnull (dir);
  while ((task = g_dir_read_name (dir)) != NULL)
    {
      g_autofree char *path = g_build_filename ("/proc/self/task", task, "comm", NULL);
      g_autofree char *name = NULL;

      /* A task may end between the two. */
      if (g_file_get_contents (path, &name, NULL, NULL) && g_strcmp0 (g_strchomp (name), comm) == 0)
        n++;
    }

  return n;
}

void
support_assert_error (GError **error,
                      GQuark   domain,
                      int      code)
{
  if (*error == NULL)
    g_error ("There is no error, %s %d was expected", g_quark_to_string (domain), code);
  if (!g_error_matches (*error, domain, code))
    g_error ("The error is %s %d (%s), %s %d was expected",
             g_quark_to_string ((*error)->domain),
             (*error)->code,
             (*error)->message,
             g_quark_to_string (domain),
             code);
  if ((*error)->message == NULL || *(*error)->message == '\0')
    g_error ("The error %s %d has no message", g_quark_to_string (domain), code);
  g_clear_error (error);
}

void
support_assert_cancelled (GError **error)
{
  support_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
}

void
support_assert_timed_out (GError **error)
{
  support_assert_error (error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT);
}

void
support_assert_closed (GError **error)
{
  support_assert_error (error, G_IO_ERROR, G_IO_ERROR_CLOSED);
}

void
support_cancel_and_join (ThredoThread *thread)
{
  g_autoptr(GError) error = NULL;

  thredo_thread_cancel (thread);
  g_assert_false (thredo_thread_join (thread, NULL, &error));
  support_assert_error (&error, THREDO_ERROR, THREDO_ERROR_THREAD_CANCELLED);
  g_assert_cmpint (thredo_thread_get_state (thread), ==, THREDO_THREAD_STATE_CANCELLED);
}

void
support_join_ok (ThredoThread *thread)
{
  g_autoptr(GError) error = NULL;

  thredo_thread_join (thread, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpint (thredo_thread_get_state (thread), ==, THREDO_THREAD_STATE_FINISHED);
}

gboolean
support_return_true (ThredoThread  *thread,
                     gpointer       user_data,
                     GError       **error)
{
  return TRUE;
}

gboolean
support_sleep_forever (ThredoThread  *thread,
                       gpointer       user_data,
                       GError       **error)
{
  return thredo_sleep (SUPPORT_FOREVER, NULL, error);
}

gboolean
support_wait_at_gate (ThredoThread  *thread,
                      gpointer       gate,
                      GError       **error)
{
  support_gate_wait (gate);
  return TRUE;
}

void
support_count_destroy (gpointer counter)
{
  g_atomic_int_inc ((int *) counter);
}

void
support_keep_result (GObject      *source,
                     GAsyncResult *result,
                     gpointer      location)
{
  g_assert_null (*(GAsyncResult **) location);
  *(GAsyncResult **) location = g_object_ref (result);
}

void
support_iterate_until_result (GAsyncResult **location)
{
  g_autoptr(GMainContext) context = g_main_context_ref_thread_default ();
  g_autoptr(GSource) ticks = g_timeout_source_new (100);
  gint64 limit = g_get_monotonic_time () + SUPPORT_LIMIT;

  g_source_set_callback (ticks, wake_up, NULL, NULL);
  g_source_attach (ticks, context);
  while (*location == NULL)
    {
      if (g_get_monotonic_time () > limit)
        g_error ("Hang: an async call did not report");
      g_main_context_iteration (context, TRUE);
    }
  g_source_destroy (ticks);
}

void
support_language_toggled (gpointer  language,
                          GObject  *object,
                          gboolean  is_last)
{
  SupportLanguage *self = language;

  if (!is_last)
    g_atomic_int_set (&self->is_waited_for, TRUE);
  g_mutex_lock (&self->lock);
  g_mutex_unlock (&self->lock);
}

GSubprocess *
support_spawn_self (GSubprocessFlags  flags,
                    const char       *first_argument,
                    ...)
{
  g_autofree char *program = g_file_read_link ("/proc/self/exe", NULL);
  g_autoptr(GPtrArray) arguments = g_ptr_array_new ();
  g_autoptr(GError) error = NULL;
  GSubprocess *process;
  const char *argument;
  va_list ap;

  g_assert_nonnull (program);
  g_ptr_array_add (arguments, program);
  va_start (ap, first_argument);
  for (argument = first_argument; argument != NULL; argument = va_arg (ap, const char *))
    g_ptr_array_add (arguments, (gpointer) argument);
  va_end (ap);
  g_ptr_array_add (arguments, NULL);

  process = g_subprocess_newv ((const char *const *) arguments->pdata, flags, &error);
  g_assert_no_error (error);

  return process;
}

static gpointer
kill_at_limit (gpointer user_data)
{
  gpointer *shared = user_data;
  GSubprocess *process = shared[0];
  SupportGate *ended = shared[1];
  gint64 limit = g_get_monotonic_time () + SUPPORT_LIMIT;

  g_mutex_lock (&ended->mutex);
  while (!ended->open)
    {
      if (!g_cond_wait_until (&ended->cond, &ended->mutex, limit) && !ended->open)
        {
          g_printerr ("Hang: the process %s did not end and is killed\n",
                      g_subprocess_get_identifier (process));
          g_subprocess_send_signal (process, SIGKILL);
          break;
        }
    }
  g_mutex_unlock (&ended->mutex);

  return NULL;
}

void
support_wait_for_process (GSubprocess *process)
{
  g_autoptr(GError) error = NULL;
  SupportGate ended;
  gpointer shared[] = { process, &ended };
  GThread *watchdog;

  support_gate_init (&ended);
  watchdog = g_thread_new ("watchdog", kill_at_limit, shared);
  g_subprocess_wait (process, NULL, &error);
  g_assert_no_error (error);
  support_gate_open (&ended);
  g_thread_join (watchdog);
  support_gate_clear (&ended);
}

static struct sigaction before_storm;

static void
on_alarm (int number)
{
}

void
support_begin_storm (void)
{
  struct sigaction action = { .sa_handler = on_alarm };
  struct itimerval each_ms = { { 0, 1000 }, { 0, 1000 } };

  sigaction (SIGALRM, &action, &before_storm);
  setitimer (ITIMER_REAL, &each_ms, NULL);
}

void
support_end_storm (void)
{
  struct itimerval none = { { 0 } };

  setitimer (ITIMER_REAL, &none, NULL);
  sigaction (SIGALRM, &before_storm, NULL);
}
