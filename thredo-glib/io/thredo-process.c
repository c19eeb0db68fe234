/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "thredo-process.h"

#include "config.h"

#include "thredo-await-private.h"
#include "thredo-blocking-private.h"
#include "thredo-error.h"
#include "thredo-fd-private.h"
#include "thredo-group.h"
#include "thredo-pipe-private.h"
#include "thredo-scope.h"
#include "thredo-signal-event-private.h"

#include <errno.h>
#include <glib-unix.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#if !THREDO_PORTABLE && defined(__linux__)
#include <sys/syscall.h>
#endif

/* How a child's end is waited for where the kernel has no fd for it. */
#define LOOK_INTERVAL G_TIME_SPAN_SECOND

static const char *
get_identifier (gpointer object)
{
  return g_subprocess_get_identifier (object);
}

static const ThredoWaitInfo wait_child_info = { "thredo_wait_child", "wait for a child process",
                                                NULL, NULL };
static const ThredoWaitInfo wait_subprocess_info = { "thredo_wait_subprocess", "wait",
                                                     "Subprocess", get_identifier };

/* What became of a child. */
typedef enum
{
  RUNS,
  REAPED,
  NO_CHILD,
} ChildState;

static ChildState
look_at_child (GPid  pid,
               int  *wait_status)
{
  pid_t found;

  do
    found = waitpid (pid, wait_status, WNOHANG);
  while (found < 0 && errno == EINTR);

  if (found == 0)
    return RUNS;
  return found > 0 ? REAPED : NO_CHILD;
}

/* An fd that is readable when the process has ended, or -1. */
static int
open_process (GPid pid)
{
#if !THREDO_PORTABLE && defined(SYS_pidfd_open)
  return (int) syscall (SYS_pidfd_open, pid, 0);
#else
  return -1;
#endif
}

/* Looks again at each SIGCHLD, and now and then. */
static gboolean
wait_by_signal (ThredoSlot            *slot,
                const ThredoWaitInfo  *info,
                gpointer               object,
                GPid                   pid,
                int                   *wait_status,
                ChildState            *state,
                GCancellable          *cancellable,
                GError               **error)
{
  const int signal_number = SIGCHLD;
  g_autoptr(ThredoSignalEvent) event = thredo_signal_event_new (&signal_number, 1, error);

  if (event == NULL)
    return FALSE;

  while ((*state = look_at_child (pid, wait_status)) == RUNS)
    {
      g_autoptr(ThredoScope) scope = thredo_scope_new_with_timeout (LOOK_INTERVAL);
      g_autoptr(GError) local_error = NULL;
      int number;

      thredo_scope_enter (scope);
      number = thredo_signal_event_wait_as (event, slot, info, object, cancellable, &local_error);
      thredo_scope_leave (scope);
      /* Another deadline may have passed as well. */
      if (number == 0 && (!g_error_matches (local_error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT) ||
                          !thredo_scope_is_expired (scope)))
        {
          g_propagate_error (error, g_steal_pointer (&local_error));
          return FALSE;
        }
      if (number == 0 && !thredo_blocking_begin (slot, info, cancellable, error))
        return FALSE;
    }
  return TRUE;
}

static gboolean
wait_child_as (const ThredoWaitInfo  *info,
               gpointer               object,
               GPid                   pid,
               int                   *wait_status,
               GCancellable          *cancellable,
               GError               **error)
{
  ThredoSlot *slot = thredo_slot_self ();
  ChildState state;
  gboolean waited = TRUE;
  int status = 0;
  int fd;

  if (!thredo_blocking_begin (slot, info, cancellable, error))
    return FALSE;

  state = look_at_child (pid, &status);
  if (state == RUNS)
    {
      fd = open_process (pid);
      if (fd < 0)
        {
          waited = wait_by_signal (slot, info, object, pid, &status, &state, cancellable, error);
        }
      else
        {
          while (waited && (state = look_at_child (pid, &status)) == RUNS)
            waited = thredo_fd_wait (slot, info, object, fd, G_IO_IN, cancellable, error) != 0;
          close (fd);
        }
    }
  if (!waited)
    return FALSE;

  if (state == NO_CHILD)
    {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND,
                   "%s(): %d is no child of this process, or somebody else has asked for its "
                   "status",
                   info->function, (int) pid);
      return FALSE;
    }
  if (wait_status != NULL)
    *wait_status = status;
  return TRUE;
}

/**
 * thredo_wait_child:
 * @pid: a child process
 * @wait_status: (out) (optional): where to put how it ended, which
 *   [func@GLib.spawn_check_wait_status] understands
 * @cancellable: (nullable): what else can end the wait
 * @error: return location for an error
 *
 * Waits for the end of a child process, and takes its status, so that the system
 * forgets the process.
 *
 * For one that was started with `G_SPAWN_DO_NOT_REAP_CHILD`, or by hand, and that
 * nobody else asks for the status of. The wait ends with the child, by a cancel of the
 * caller, the deadline of a scope around it, or a cancel of @cancellable; then the
 * status has not been taken, and the child goes on.
 *
 * Any thread but the loop's may call this.
 *
 * Returns: %TRUE, or %FALSE with an error: `G_IO_ERROR_CANCELLED` or
 *   `G_IO_ERROR_TIMED_OUT` ([error@Gio.IOErrorEnum]) if the wait was cancelled or too
 *   long; `G_IO_ERROR_NOT_FOUND` if it is no child of this process, or its status has
 *   been taken; `THREDO_ERROR_LOOP_THREAD`
 *
 * Since: 1.0
 */
gboolean
thredo_wait_child (GPid           pid,
                   int           *wait_status,
                   GCancellable  *cancellable,
                   GError       **error)
{
  g_return_val_if_fail (pid > 0, FALSE);
  g_return_val_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable), FALSE);

  return wait_child_as (&wait_child_info, NULL, pid, wait_status, cancellable, error);
}

static void
start_wait (GCancellable        *cancellable,
            GAsyncReadyCallback  callback,
            gpointer             callback_data,
            gpointer             user_data)
{
  g_subprocess_wait_async (user_data, cancellable, callback, callback_data);
}

/**
 * thredo_wait_subprocess:
 * @subprocess: a child process
 * @cancellable: (nullable): what else can end the wait
 * @error: return location for an error
 *
 * Waits for the end of a [class@Gio.Subprocess].
 *
 * How it ended does not matter here; the subprocess tells. The wait ends with the
 * child, by a cancel of the caller, the deadline of a scope around it, or a cancel of
 * @cancellable; then the child goes on. Any thread but the loop's may call this.
 *
 * Returns: %TRUE, or %FALSE with an error: `G_IO_ERROR_CANCELLED` or
 *   `G_IO_ERROR_TIMED_OUT` ([error@Gio.IOErrorEnum]) if the wait was cancelled or too
 *   long; `THREDO_ERROR_LOOP_THREAD`
 *
 * Since: 1.0
 */
gboolean
thredo_wait_subprocess (GSubprocess   *subprocess,
                        GCancellable  *cancellable,
                        GError       **error)
{
  g_autoptr(GAsyncResult) result = NULL;

  g_return_val_if_fail (G_IS_SUBPROCESS (subprocess), FALSE);
  g_return_val_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable), FALSE);

  result = thredo_await_as (&wait_subprocess_info, subprocess, start_wait, subprocess,
                            cancellable, error);
  if (result == NULL)
    return FALSE;
  if (g_subprocess_wait_finish (subprocess, result, error))
    return TRUE;
  thredo_await_clarify (&wait_subprocess_info, error);
  return FALSE;
}

/**
 * ThredoCommand:
 *
 * A program that is run as a child process, with what it writes.
 *
 * ```c
 * const char *const argv[] = { "sort", "-n", NULL };
 * g_autoptr(ThredoCommand) command = thredo_command_new (argv);
 *
 * thredo_command_set_input (command, numbers);
 * if (thredo_command_run (command, NULL, &error) &&
 *     thredo_command_get_exit_status (command) == 0)
 *   sorted = thredo_command_get_output (command);
 * ```
 *
 * [method@Thredo.Command.run] returns when the child has ended, whatever happens: a
 * cancel or a deadline ends the child too, and what it has written until then is there.
 *
 * An object runs once. It is for one thread at a time, but that any thread may ask it
 * for what came of it.
 *
 * Since: 1.0
 */

/* A pipe's capacity is this at most, unless an administrator made it more. */
#define PIPE_CAPACITY (1024 * 1024)
#define PIECE 65536
#define DEFAULT_GRACE (2 * G_TIME_SPAN_SECOND)

typedef enum
{
  NEW,
  RUNNING,
  ENDED,
} CommandState;

/* One end of a pipe to the child, and what has gone through it. */
typedef struct
{
  ThredoCommand *command;
  int fd; /* -1: none */
  GByteArray *bytes;
} Pipe;

struct _ThredoCommand
{
  GObject parent_instance;

  char **argv;
  GBytes *input;
  GTimeSpan grace;
  char *working_directory;
  char **environment; /* NULL: ours */

  ThredoMutex lock; /* guards the state, and with it what follows */
  CommandState state;
  GBytes *output;
  GBytes *error_output;
  int wait_status;
};

enum
{
  PROP_0,
  PROP_ARGV,
  PROP_INPUT,
  PROP_GRACE,
  PROP_WORKING_DIRECTORY,
  PROP_ENVIRONMENT,
  N_PROPS
};

G_DEFINE_FINAL_TYPE (ThredoCommand, thredo_command, G_TYPE_OBJECT)

static GParamSpec *properties[N_PROPS];

static const char *
get_name (gpointer object)
{
  ThredoCommand *self = object;

  return self->argv != NULL ? self->argv[0] : NULL;
}

static const ThredoWaitInfo run_info = { "thredo_command_run", "run", "Command", get_name };
static const ThredoWaitInfo read_info = { "thredo_command_run", "read", "Command", get_name };
static const ThredoWaitInfo write_info = { "thredo_command_run", "write", "Command", get_name };

static void
thredo_command_get_property (GObject    *object,
                             guint       prop_id,
                             GValue     *value,
                             GParamSpec *pspec)
{
  ThredoCommand *self = THREDO_COMMAND (object);

  switch (prop_id)
    {
    case PROP_ARGV:
      g_value_set_boxed (value, self->argv);
      break;
    case PROP_INPUT:
      g_value_set_boxed (value, self->input);
      break;
    case PROP_GRACE:
      g_value_set_int64 (value, self->grace);
      break;
    case PROP_WORKING_DIRECTORY:
      g_value_set_string (value, self->working_directory);
      break;
    case PROP_ENVIRONMENT:
      g_value_set_boxed (value, self->environment);
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, prop_id, pspec);
    }
}

static void
thredo_command_set_property (GObject      *object,
                             guint         prop_id,
                             const GValue *value,
                             GParamSpec   *pspec)
{
  ThredoCommand *self = THREDO_COMMAND (object);

  switch (prop_id)
    {
    case PROP_ARGV:
      self->argv = g_value_dup_boxed (value);
      break;
    case PROP_INPUT:
      thredo_command_set_input (self, g_value_get_boxed (value));
      break;
    case PROP_GRACE:
      thredo_command_set_grace (self, g_value_get_int64 (value));
      break;
    case PROP_WORKING_DIRECTORY:
      thredo_command_set_working_directory (self, g_value_get_string (value));
      break;
    case PROP_ENVIRONMENT:
      thredo_command_set_environment (self, g_value_get_boxed (value));
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, prop_id, pspec);
    }
}

static void
thredo_command_finalize (GObject *object)
{
  ThredoCommand *self = THREDO_COMMAND (object);

  g_strfreev (self->argv);
  g_clear_pointer (&self->input, g_bytes_unref);
  g_free (self->working_directory);
  g_strfreev (self->environment);
  g_clear_pointer (&self->output, g_bytes_unref);
  g_clear_pointer (&self->error_output, g_bytes_unref);
  thredo_mutex_clear (&self->lock);

  G_OBJECT_CLASS (thredo_command_parent_class)->finalize (object);
}

static void
thredo_command_class_init (ThredoCommandClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);

  object_class->get_property = thredo_command_get_property;
  object_class->set_property = thredo_command_set_property;
  object_class->finalize = thredo_command_finalize;

  /**
   * ThredoCommand:argv:
   *
   * The program and its arguments.
   *
   * Since: 1.0
   */
  properties[PROP_ARGV] =
      g_param_spec_boxed ("argv", NULL, NULL, G_TYPE_STRV,
                          G_PARAM_READWRITE | G_PARAM_CONSTRUCT_ONLY | G_PARAM_STATIC_STRINGS);
  /**
   * ThredoCommand:input:
   *
   * What the program reads from its standard input.
   *
   * Since: 1.0
   */
  properties[PROP_INPUT] =
      g_param_spec_boxed ("input", NULL, NULL, G_TYPE_BYTES,
                          G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | G_PARAM_EXPLICIT_NOTIFY);
  /**
   * ThredoCommand:grace:
   *
   * How long a child that is to end may take for it, in microseconds.
   *
   * Since: 1.0
   */
  properties[PROP_GRACE] =
      g_param_spec_int64 ("grace", NULL, NULL, 0, G_MAXINT64, DEFAULT_GRACE,
                          G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | G_PARAM_EXPLICIT_NOTIFY);
  /**
   * ThredoCommand:working-directory:
   *
   * Where the program runs; %NULL for where this one does.
   *
   * Since: 1.0
   */
  properties[PROP_WORKING_DIRECTORY] =
      g_param_spec_string ("working-directory", NULL, NULL, NULL,
                           G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | G_PARAM_EXPLICIT_NOTIFY);
  /**
   * ThredoCommand:environment:
   *
   * The variables that the program finds; %NULL for those of this one.
   *
   * Since: 1.0
   */
  properties[PROP_ENVIRONMENT] =
      g_param_spec_boxed ("environment", NULL, NULL, G_TYPE_STRV,
                          G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | G_PARAM_EXPLICIT_NOTIFY);
  g_object_class_install_properties (object_class, N_PROPS, properties);
}

static void
thredo_command_init (ThredoCommand *self)
{
  thredo_mutex_init (&self->lock);
  self->grace = DEFAULT_GRACE;
}

/**
 * thredo_command_new:
 * @argv: (array zero-terminated=1): the program, found in `PATH`, and its arguments
 *
 * Makes a command, without running it.
 *
 * Returns: (transfer full): a new command
 *
 * Since: 1.0
 */
ThredoCommand *
thredo_command_new (const char *const *argv)
{
  g_return_val_if_fail (argv != NULL && argv[0] != NULL, NULL);

  return g_object_new (THREDO_TYPE_COMMAND, "argv", argv, NULL);
}

/**
 * thredo_command_set_input:
 * @self: a command
 * @input: (nullable): what to write to the program's standard input, or %NULL for
 *   nothing
 *
 * Sets what the program is given to read. To be called before it runs.
 *
 * If it ends, or closes its input, before it has read everything, that is no error.
 *
 * Since: 1.0
 */
void
thredo_command_set_input (ThredoCommand *self,
                          GBytes        *input)
{
  g_return_if_fail (THREDO_IS_COMMAND (self));

  if (input != NULL)
    g_bytes_ref (input);
  g_clear_pointer (&self->input, g_bytes_unref);
  self->input = input;
  g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_INPUT]);
}

/**
 * thredo_command_set_grace:
 * @self: a command
 * @grace: a duration in microseconds, at least 0
 *
 * Sets how long a child that is to end (SIGTERM) may take for it, before it is killed
 * (SIGKILL). It is two seconds if nobody says otherwise. To be called before it runs.
 *
 * Since: 1.0
 */
void
thredo_command_set_grace (ThredoCommand *self,
                          GTimeSpan      grace)
{
  g_return_if_fail (THREDO_IS_COMMAND (self));
  g_return_if_fail (grace >= 0);

  self->grace = grace;
  g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_GRACE]);
}

/**
 * thredo_command_set_working_directory:
 * @self: a command
 * @folder: (nullable) (type filename): a path, or %NULL for where this process runs
 *
 * Sets where the program runs. To be called before it does.
 *
 * Since: 1.0
 */
void
thredo_command_set_working_directory (ThredoCommand *self,
                                      const char    *folder)
{
  g_return_if_fail (THREDO_IS_COMMAND (self));

  g_free (self->working_directory);
  self->working_directory = g_strdup (folder);
  g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_WORKING_DIRECTORY]);
}

/**
 * thredo_command_set_environment:
 * @self: a command
 * @environment: (nullable) (array zero-terminated=1) (element-type filename): variables
 *   as `NAME=VALUE`, such as [func@GLib.environ_setenv] makes them, or %NULL for those
 *   of this process
 *
 * Sets the variables that the program finds. To be called before it runs.
 *
 * Since: 1.0
 */
void
thredo_command_set_environment (ThredoCommand     *self,
                                const char *const *environment)
{
  char **old;

  g_return_if_fail (THREDO_IS_COMMAND (self));

  old = self->environment;
  self->environment = g_strdupv ((char **) environment);
  g_strfreev (old);
  g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_ENVIRONMENT]);
}

static void
pipe_close (Pipe *self)
{
  if (self->fd >= 0)
    close (self->fd);
  self->fd = -1;
}

/* Reads a pipe to its end; once cancelled, what is in it. */
static gboolean
collect (ThredoThread  *thread,
         gpointer       data,
         GError       **error)
{
  Pipe *self = data;
  ThredoSlot *slot = thredo_slot_self ();
  gsize n_left = G_MAXSIZE;

  while (n_left > 0)
    {
      g_autoptr(GError) reason = NULL;
      guint length = self->bytes->len;
      gssize n_read;

      if (length > G_MAXUINT - PIECE)
        {
          g_set_error (error, G_IO_ERROR, G_IO_ERROR_MESSAGE_TOO_LARGE,
                       "There is more output than can be kept: %u bytes and more", length);
          break;
        }

      /* Whoever else holds the other end may go on writing for ever. */
      if (n_left == G_MAXSIZE && !thredo_blocking_begin (slot, &read_info, NULL, NULL))
        n_left = PIPE_CAPACITY;

      g_byte_array_set_size (self->bytes, length + PIECE);
      n_read = read (self->fd, self->bytes->data + length, MIN (PIECE, n_left));
      g_byte_array_set_size (self->bytes, length + (guint) MAX (n_read, 0));

      if (n_read == 0)
        break;
      if (n_read > 0)
        n_left -= n_left == G_MAXSIZE ? 0 : (gsize) n_read;
      else if (errno == EINTR)
        continue;
      else if (errno != EAGAIN && errno != EWOULDBLOCK)
        break; /* there is nothing that a pipe's reader could do wrong */
      else if (n_left != G_MAXSIZE)
        break;
      else if (thredo_fd_wait (slot, &read_info, self->command, self->fd, G_IO_IN, NULL,
                               &reason) == 0 &&
               thredo_blocking_begin (slot, &read_info, NULL, NULL))
        {
          g_propagate_error (error, g_steal_pointer (&reason));
          break;
        }
    }

  /* Nobody is to wait for ever to write to it. */
  pipe_close (self);
  return error == NULL || *error == NULL;
}

/* Writes what the child is to read, who may close its end at any time. */
static gboolean
feed (ThredoThread  *thread,
      gpointer       data,
      GError       **error)
{
  Pipe *self = data;
  ThredoSlot *slot = thredo_slot_self ();
  gsize size, written = 0;
  const char *bytes = g_bytes_get_data (self->command->input, &size);

  while (written < size)
    {
      gssize n = thredo_pipe_write (self->fd, bytes + written, size - written);

      if (n >= 0)
        written += (gsize) n;
      else if (errno == EINTR)
        continue;
      else if (errno != EAGAIN && errno != EWOULDBLOCK)
        break;
      else if (!thredo_blocking_begin (slot, &write_info, NULL, NULL) ||
               thredo_fd_wait (slot, &write_info, self->command, self->fd, G_IO_OUT, NULL,
                               NULL) == 0)
        break;
    }
  pipe_close (self);
  return TRUE;
}

static gboolean
spawn_member (ThredoGroup       *group,
              const char        *name,
              ThredoThreadFunc   func,
              Pipe              *pipe_end,
              gboolean           daemon,
              GError           **error)
{
  g_autoptr(ThredoThread) thread = thredo_thread_new (name, func, pipe_end, NULL);

  thredo_thread_set_daemon (thread, daemon);
  return thredo_group_add (group, thread, error);
}

/* Asks the child to end, then makes it, and takes its status in any case. */
static void
end_child (ThredoCommand *self,
           GPid           pid,
           int           *wait_status)
{
  g_autoptr(ThredoScope) grace = thredo_scope_new_with_timeout (self->grace);
  g_autoptr(ThredoScope) shield = thredo_scope_new_shielded ();
  gboolean ended;

  kill (pid, SIGTERM);
  thredo_scope_set_shielded (grace, TRUE);
  thredo_scope_enter (grace);
  ended = wait_child_as (&run_info, self, pid, wait_status, NULL, NULL);
  thredo_scope_leave (grace);
  if (ended)
    return;

  kill (pid, SIGKILL);
  thredo_scope_enter (shield);
  wait_child_as (&run_info, self, pid, wait_status, NULL, NULL);
  thredo_scope_leave (shield);
}

/* The child runs. Returns when it has ended, with its status taken, and nobody uses the
 * pipes any more. */
static gboolean
attend (ThredoCommand  *self,
        GPid            pid,
        Pipe           *input,
        Pipe           *output,
        Pipe           *error_output,
        int            *wait_status,
        GCancellable   *cancellable,
        GError        **error)
{
  g_autoptr(ThredoGroup) group = thredo_group_new (THREDO_GROUP_WAIT_ALL);
  g_autoptr(ThredoScope) shield = NULL;
  g_autoptr(GError) local_error = NULL;
  gboolean waited;

  thredo_group_set_name (group, get_name (self));
  waited = spawn_member (group, "command output", collect, output, FALSE, &local_error) &&
           spawn_member (group, "command errors", collect, error_output, FALSE, &local_error) &&
           (input->fd < 0 ||
            spawn_member (group, "command input", feed, input, TRUE, &local_error)) &&
           wait_child_as (&run_info, self, pid, wait_status, cancellable, &local_error);
  if (waited)
    return thredo_group_join (group, cancellable, error);

  /* Unless somebody else has asked for its status, and the number is not its any more. */
  if (!g_error_matches (local_error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND))
    end_child (self, pid, wait_status);
  g_propagate_error (error, g_steal_pointer (&local_error));
  thredo_group_cancel (group);
  shield = thredo_scope_new_shielded ();
  thredo_scope_enter (shield);
  thredo_group_join (group, NULL, NULL);
  thredo_scope_leave (shield);
  return FALSE;
}

static gboolean
run_child (ThredoCommand  *self,
           GByteArray     *output_bytes,
           GByteArray     *error_bytes,
           int            *wait_status,
           gboolean       *started,
           GCancellable   *cancellable,
           GError        **error)
{
  Pipe input = { self, -1, NULL };
  Pipe output = { self, -1, output_bytes };
  Pipe error_output = { self, -1, error_bytes };
  gboolean ended;
  GPid pid;

  *started = g_spawn_async_with_pipes_and_fds (self->working_directory,
                                               (const char *const *) self->argv,
                                               (const char *const *) self->environment,
                                               G_SPAWN_SEARCH_PATH | G_SPAWN_DO_NOT_REAP_CHILD |
                                                   G_SPAWN_CLOEXEC_PIPES,
                                               NULL, NULL, -1, -1, -1, NULL, NULL, 0, &pid,
                                               self->input != NULL ? &input.fd : NULL,
                                               &output.fd, &error_output.fd, error);
  if (!*started)
    return FALSE;

  if (input.fd >= 0)
    g_unix_set_fd_nonblocking (input.fd, TRUE, NULL);
  g_unix_set_fd_nonblocking (output.fd, TRUE, NULL);
  g_unix_set_fd_nonblocking (error_output.fd, TRUE, NULL);

  ended = attend (self, pid, &input, &output, &error_output, wait_status, cancellable, error);
  pipe_close (&input);
  pipe_close (&output);
  pipe_close (&error_output);
  return ended;
}

/**
 * thredo_command_run:
 * @self: a command that has not been run
 * @cancellable: (nullable): what else can end the wait
 * @error: return location for an error
 *
 * Runs the program, and waits for its end and for the end of what it writes, which may
 * be later if it has left others behind that write to the same place.
 *
 * A cancel of the caller, the deadline of a scope around it, or a cancel of
 * @cancellable ends the child: it gets SIGTERM, and after
 * [property@Thredo.Command:grace] SIGKILL. It is gone when this returns, and what it
 * has written until then is what [method@Thredo.Command.get_output] returns. The
 * children that it had are its own business.
 *
 * A program that fails is no error here, see [method@Thredo.Command.get_exit_status].
 *
 * Any thread but the loop's may call this.
 *
 * Returns: %TRUE, or %FALSE with an error: `G_IO_ERROR_CANCELLED` or
 *   `G_IO_ERROR_TIMED_OUT` ([error@Gio.IOErrorEnum]) if the wait was cancelled or too
 *   long; `THREDO_ERROR_STATE` if it was run before; [error@GLib.SpawnError] if it
 *   could not be started, after which it may be tried again; `G_IO_ERROR_NOT_FOUND` if
 *   somebody else has taken its status; `G_IO_ERROR_MESSAGE_TOO_LARGE` if it wrote more
 *   than 4 GiB; `THREDO_ERROR_LOOP_THREAD`
 *
 * Since: 1.0
 */
gboolean
thredo_command_run (ThredoCommand  *self,
                    GCancellable   *cancellable,
                    GError        **error)
{
  ThredoSlot *slot = thredo_slot_self ();
  g_autoptr(GByteArray) output = NULL;
  g_autoptr(GByteArray) error_output = NULL;
  gboolean is_new, started, ended;
  int wait_status = 0;

  g_return_val_if_fail (THREDO_IS_COMMAND (self), FALSE);
  g_return_val_if_fail (self->argv != NULL && self->argv[0] != NULL, FALSE);
  g_return_val_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable), FALSE);

  if (!thredo_blocking_begin (slot, &run_info, cancellable, error))
    return FALSE;

  thredo_mutex_lock (&self->lock);
  is_new = self->state == NEW;
  if (is_new)
    self->state = RUNNING;
  thredo_mutex_unlock (&self->lock);
  if (!is_new)
    {
      g_set_error (error, THREDO_ERROR, THREDO_ERROR_STATE, "Command '%s' was run before",
                   self->argv[0]);
      return FALSE;
    }

  g_object_ref (self);
  output = g_byte_array_new ();
  error_output = g_byte_array_new ();
  ended = run_child (self, output, error_output, &wait_status, &started, cancellable, error);

  thredo_mutex_lock (&self->lock);
  if (started)
    {
      self->output = g_byte_array_free_to_bytes (g_steal_pointer (&output));
      self->error_output = g_byte_array_free_to_bytes (g_steal_pointer (&error_output));
      self->wait_status = wait_status;
    }
  self->state = started ? ENDED : NEW;
  thredo_mutex_unlock (&self->lock);
  g_object_unref (self);

  return ended;
}

/* NULL before it has ended. */
static GBytes *
dup_when_ended (ThredoCommand  *self,
                GBytes        **bytes)
{
  GBytes *found = NULL;

  thredo_mutex_lock (&self->lock);
  if (self->state == ENDED)
    found = g_bytes_ref (*bytes);
  thredo_mutex_unlock (&self->lock);
  return found;
}

/**
 * thredo_command_get_output:
 * @self: a command
 *
 * Gets what the program has written to its standard output.
 *
 * Any thread may call this.
 *
 * Returns: (transfer full) (nullable): all of it, or what it had written until it was
 *   ended; %NULL before that
 *
 * Since: 1.0
 */
GBytes *
thredo_command_get_output (ThredoCommand *self)
{
  g_return_val_if_fail (THREDO_IS_COMMAND (self), NULL);

  return dup_when_ended (self, &self->output);
}

/**
 * thredo_command_get_error_output:
 * @self: a command
 *
 * Gets what the program has written to its standard error output.
 *
 * Any thread may call this.
 *
 * Returns: (transfer full) (nullable): as [method@Thredo.Command.get_output]
 *
 * Since: 1.0
 */
GBytes *
thredo_command_get_error_output (ThredoCommand *self)
{
  g_return_val_if_fail (THREDO_IS_COMMAND (self), NULL);

  return dup_when_ended (self, &self->error_output);
}

/* Says whether there is a status, as nobody ends before. */
static gboolean
get_wait_status (ThredoCommand *self,
                 int           *wait_status)
{
  gboolean ended;

  thredo_mutex_lock (&self->lock);
  ended = self->state == ENDED;
  *wait_status = self->wait_status;
  thredo_mutex_unlock (&self->lock);
  return ended;
}

/**
 * thredo_command_get_exit_status:
 * @self: a command
 *
 * Gets what the program said at its end, by `exit()`.
 *
 * Any thread may call this.
 *
 * Returns: the exit status, 0 for success, or -1 if it has not ended, or was ended by a
 *   signal
 *
 * Since: 1.0
 */
int
thredo_command_get_exit_status (ThredoCommand *self)
{
  int wait_status;

  g_return_val_if_fail (THREDO_IS_COMMAND (self), -1);

  return get_wait_status (self, &wait_status) && WIFEXITED (wait_status)
             ? WEXITSTATUS (wait_status)
             : -1;
}

/**
 * thredo_command_get_term_signal:
 * @self: a command
 *
 * Gets the signal that ended the program.
 *
 * Any thread may call this.
 *
 * Returns: the number of the signal, or 0 if there was none
 *
 * Since: 1.0
 */
int
thredo_command_get_term_signal (ThredoCommand *self)
{
  int wait_status;

  g_return_val_if_fail (THREDO_IS_COMMAND (self), 0);

  return get_wait_status (self, &wait_status) && WIFSIGNALED (wait_status)
             ? WTERMSIG (wait_status)
             : 0;
}
