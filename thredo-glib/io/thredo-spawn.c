/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "thredo-spawn.h"

#include "thredo-process.h"

#include <gmodule.h>
#include <string.h>

/* Threads whose code is not the caller's: for languages that run their functions in one
 * thread alone. */

/* So much of what a program complains about is in the message of an error. */
#define COMPLAINT_LENGTH 4096

/* The end of it, as text. */
static char *
make_complaint (GBytes *error_output)
{
  gsize size;
  const char *bytes = g_bytes_get_data (error_output, &size);
  gsize length = MIN (size, COMPLAINT_LENGTH);

  /* Nothing is where nothing was written. */
  if (size == 0)
    return g_strdup ("");
  return g_strstrip (g_utf8_make_valid (bytes + size - length, (gssize) length));
}

static void
set_command_error (ThredoThread   *thread,
                   ThredoCommand  *command,
                   GError        **error)
{
  g_autoptr(GBytes) error_output = thredo_command_get_error_output (command);
  g_autofree char *complaint = make_complaint (error_output);
  const char *colon = *complaint != '\0' ? ": " : "";
  int signal_number = thredo_command_get_term_signal (command);
  int status = thredo_command_get_exit_status (command);

  if (signal_number != 0)
    g_set_error (error, G_SPAWN_ERROR, G_SPAWN_ERROR_FAILED,
                 "Command '%s' was ended by signal %d (%s)%s%s", thredo_thread_get_name (thread),
                 signal_number, g_strsignal (signal_number), colon, complaint);
  else
    g_set_error (error, G_SPAWN_EXIT_ERROR, status, "Command '%s' exited with status %d%s%s",
                 thredo_thread_get_name (thread), status, colon, complaint);
}

static void
set_command_result (ThredoThread  *thread,
                    ThredoCommand *command)
{
  g_autoptr(GBytes) output = thredo_command_get_output (command);
  g_auto(GValue) result = G_VALUE_INIT;
  gsize size;
  const char *bytes = g_bytes_get_data (output, &size);

  if (size == 0)
    bytes = "";
  if (g_utf8_validate_len (bytes, size, NULL))
    {
      g_value_init (&result, G_TYPE_STRING);
      g_value_take_string (&result, g_strndup (bytes, size));
    }
  else
    {
      g_value_init (&result, G_TYPE_BYTES);
      g_value_set_boxed (&result, output);
    }
  thredo_thread_set_result (thread, &result);
}

static gboolean
run_command (ThredoThread  *thread,
             gpointer       data,
             GError       **error)
{
  ThredoCommand *command = data;

  if (!thredo_command_run (command, NULL, error))
    return FALSE;
  if (thredo_command_get_exit_status (command) != 0)
    {
      set_command_error (thread, command, error);
      return FALSE;
    }
  set_command_result (thread, command);
  return TRUE;
}

/* The group may be NULL. */
static ThredoThread *
spawn (ThredoGroup       *group,
       const char        *name,
       ThredoThreadFunc   func,
       gpointer           user_data,
       GDestroyNotify     destroy,
       GError           **error)
{
  return group != NULL ? thredo_group_spawn (group, name, func, user_data, destroy, error)
                       : thredo_thread_spawn (name, func, user_data, destroy, error);
}

static ThredoThread *
spawn_command (ThredoGroup        *group,
               const char *const  *argv,
               GError            **error)
{
  g_autofree char *name = g_path_get_basename (argv[0]);

  return spawn (group, name, run_command, thredo_command_new (argv), g_object_unref, error);
}

/**
 * thredo_thread_spawn_command:
 * @argv: (array zero-terminated=1): a program, found in `PATH`, and its arguments
 * @error: return location for an error
 *
 * Starts a thread that runs a program as a child process, and has what it writes as its
 * result.
 *
 * The result ([method@Thredo.Thread.get_result]) is the standard output: a string if that
 * is text in UTF-8, and a [struct@GLib.Bytes] if not. The thread has the name of the
 * program. It can do what every thread can: be waited for, also without blocking, joined,
 * made in a group ([method@Thredo.Group.spawn_command]). A cancel of the thread ends the child, as
 * [method@Thredo.Command.run] says. The child reads nothing.
 *
 * The thread fails if the program does: with an error of `g_spawn_exit_error_quark()` that
 * has the exit status as its code, or `G_SPAWN_ERROR_FAILED` ([error@GLib.SpawnError]) if a
 * signal has ended it; the message has what it wrote to its standard error output, or the
 * end of that. If it could not be started, the error is the [error@GLib.SpawnError] that
 * says why.
 *
 * For languages whose functions cannot run in another thread, JavaScript for one. With input, an
 * environment, or a folder to run in, [class@Thredo.Command] does the same. Any thread may
 * call this. It does not block.
 *
 * Returns: (transfer full): the thread, or %NULL with an error:
 *   `G_THREAD_ERROR_AGAIN` ([error@GLib.ThreadError]) if the system refuses another thread
 *
 * Since: 1.0
 */
ThredoThread *
thredo_thread_spawn_command (const char *const  *argv,
                             GError            **error)
{
  g_return_val_if_fail (argv != NULL && argv[0] != NULL, NULL);

  return spawn_command (NULL, argv, error);
}

/**
 * thredo_group_spawn_command:
 * @self: a group
 * @argv: (array zero-terminated=1): a program, found in `PATH`, and its arguments
 * @error: return location for an error
 *
 * Makes a thread in the group that runs a program as a child process, and has what it
 * writes as its result.
 *
 * It is as one of [func@Thredo.Thread.spawn_command], and starts as soon as
 * [property@Thredo.Group:max-running] has room for it, as one of
 * [method@Thredo.Group.spawn]. Any thread may call this. It does not block.
 *
 * Returns: (transfer full): the thread, or %NULL with an error: as
 *   [method@Thredo.Group.spawn]
 *
 * Since: 1.0
 */
ThredoThread *
thredo_group_spawn_command (ThredoGroup        *self,
                            const char *const  *argv,
                            GError            **error)
{
  g_return_val_if_fail (THREDO_IS_GROUP (self), NULL);
  g_return_val_if_fail (argv != NULL && argv[0] != NULL, NULL);

  return spawn_command (self, argv, error);
}

static GModule *
open_library (const char  *library,
              GError     **error)
{
  g_autoptr(GError) reason = NULL;
  GModule *module = g_module_open_full (library, G_MODULE_BIND_LOCAL, &reason);
  gboolean exists;

  if (module != NULL)
    return module;

  exists = library != NULL && g_file_test (library, G_FILE_TEST_EXISTS);
  g_set_error (error, G_IO_ERROR, exists ? G_IO_ERROR_INVALID_DATA : G_IO_ERROR_NOT_FOUND,
               "Library '%s' cannot be loaded: %s", library, reason->message);
  return NULL;
}

static ThredoThread *
spawn_native (ThredoGroup  *group,
              const char   *library,
              const char   *symbol,
              const char   *argument,
              GError      **error)
{
  GModule *module = open_library (library, error);
  gpointer func;

  if (module == NULL)
    return NULL;
  if (!g_module_symbol (module, symbol, &func) || func == NULL)
    {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND, "There is no '%s' in %s%s%s", symbol,
                   library != NULL ? "library '" : "the program",
                   library != NULL ? library : "", library != NULL ? "'" : "");
      g_module_close (module);
      return NULL;
    }

  /* The thread may go on until the process ends. */
  g_module_make_resident (module);
  return spawn (group, symbol, (ThredoThreadFunc) func, g_strdup (argument), g_free, error);
}

/**
 * thredo_thread_spawn_native:
 * @library: (nullable) (type filename): a shared library: a path, or a name to be looked for
 *   where the system does, or %NULL for the program itself and what is linked to it
 * @symbol: the name of a function in it that is a [callback@Thredo.ThreadFunc]
 * @argument: (nullable): what to give to it as its data, of which it gets a copy
 * @error: return location for an error
 *
 * Starts a thread that runs a function of a shared library.
 *
 * The function is called with the thread, @argument, and the location of an error, as any
 * function of a thread, and leaves its result by [method@Thredo.Thread.set_result]:
 *
 * ```c
 * G_MODULE_EXPORT gboolean
 * count_lines (ThredoThread *thread, gpointer path, GError **error);
 * ```
 *
 * That it is such a function cannot be checked: another one is a crash. The argument lives
 * until the function has returned, and the library for as long as the process. The thread
 * has the name of the function.
 *
 * For languages whose functions cannot run in another thread, JavaScript for one. Any thread
 * may call this. It waits until the library is loaded, and not for the function.
 *
 * Returns: (transfer full): the thread, or %NULL with an error: `G_IO_ERROR_NOT_FOUND`
 *   ([error@Gio.IOErrorEnum]) if there is no such library, or no such symbol in it;
 *   `G_IO_ERROR_INVALID_DATA` if the file is there but cannot be loaded;
 *   `G_THREAD_ERROR_AGAIN` ([error@GLib.ThreadError]) if the system refuses another thread
 *
 * Since: 1.0
 */
ThredoThread *
thredo_thread_spawn_native (const char  *library,
                            const char  *symbol,
                            const char  *argument,
                            GError     **error)
{
  g_return_val_if_fail (symbol != NULL, NULL);

  return spawn_native (NULL, library, symbol, argument, error);
}

/**
 * thredo_group_spawn_native:
 * @self: a group
 * @library: (nullable) (type filename): a shared library, or %NULL for the program itself
 *   and what is linked to it
 * @symbol: the name of a function in it that is a [callback@Thredo.ThreadFunc]
 * @argument: (nullable): what to give to it as its data, of which it gets a copy
 * @error: return location for an error
 *
 * Makes a thread in the group that runs a function of a shared library.
 *
 * It is as one of [func@Thredo.Thread.spawn_native], and starts as soon as
 * [property@Thredo.Group:max-running] has room for it, as one of
 * [method@Thredo.Group.spawn]. Any thread may call this. It waits until the library is
 * loaded, and not for the function.
 *
 * Returns: (transfer full): the thread, or %NULL with an error: as
 *   [func@Thredo.Thread.spawn_native] and [method@Thredo.Group.spawn]
 *
 * Since: 1.0
 */
ThredoThread *
thredo_group_spawn_native (ThredoGroup  *self,
                           const char   *library,
                           const char   *symbol,
                           const char   *argument,
                           GError      **error)
{
  g_return_val_if_fail (THREDO_IS_GROUP (self), NULL);
  g_return_val_if_fail (symbol != NULL, NULL);

  return spawn_native (self, library, symbol, argument, error);
}
