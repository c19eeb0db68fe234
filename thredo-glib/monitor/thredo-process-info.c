/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "thredo-process-info.h"

#include "thredo-runtime-private.h"

#include <glib/gstdio.h>
#include <string.h>

/**
 * ThredoProcessInfo:
 *
 * A process that can be watched, see [func@Thredo.Monitor.list_processes].
 *
 * It does not change.
 *
 * Since: 1.0
 */

struct _ThredoProcessInfo
{
  GObject parent_instance;

  guint pid;
  char *program;
  char *command;
};

enum
{
  PROP_0,
  PROP_PID,
  PROP_PROGRAM,
  PROP_COMMAND,
  N_PROPS
};

G_DEFINE_FINAL_TYPE (ThredoProcessInfo, thredo_process_info, G_TYPE_OBJECT)

static GParamSpec *properties[N_PROPS];

/* The kernel's, in which a zero byte ends each argument. */
static char *
read_command (guint   pid,
              char  **program)
{
  g_autofree char *path = g_strdup_printf ("/proc/%u/cmdline", pid);
  g_autofree char *arguments = NULL;
  gsize length = 0;

  if (!g_file_get_contents (path, &arguments, &length, NULL) || length == 0)
    {
      *program = g_strdup ("");
      return g_strdup ("");
    }

  *program = g_path_get_basename (arguments);
  for (gsize i = 0; i + 1 < length; i++)
    {
      if (arguments[i] == '\0')
        arguments[i] = ' ';
    }
  return g_utf8_make_valid (arguments, -1);
}

static ThredoProcessInfo *
thredo_process_info_new (guint pid)
{
  ThredoProcessInfo *self = g_object_new (THREDO_TYPE_PROCESS_INFO, NULL);
  g_autofree char *program = NULL;

  self->pid = pid;
  self->command = read_command (pid, &program);
  self->program = g_utf8_make_valid (program, -1);

  return self;
}

static void
thredo_process_info_get_property (GObject    *object,
                                  guint       prop_id,
                                  GValue     *value,
                                  GParamSpec *pspec)
{
  ThredoProcessInfo *self = THREDO_PROCESS_INFO (object);

  switch (prop_id)
    {
    case PROP_PID:
      g_value_set_uint (value, self->pid);
      break;
    case PROP_PROGRAM:
      g_value_set_string (value, self->program);
      break;
    case PROP_COMMAND:
      g_value_set_string (value, self->command);
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, prop_id, pspec);
    }
}

static void
thredo_process_info_finalize (GObject *object)
{
  ThredoProcessInfo *self = THREDO_PROCESS_INFO (object);

  g_free (self->program);
  g_free (self->command);

  G_OBJECT_CLASS (thredo_process_info_parent_class)->finalize (object);
}

static void
thredo_process_info_class_init (ThredoProcessInfoClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);

  object_class->get_property = thredo_process_info_get_property;
  object_class->finalize = thredo_process_info_finalize;

  /**
   * ThredoProcessInfo:pid:
   *
   * The number of the process.
   *
   * Since: 1.0
   */
  properties[PROP_PID] = g_param_spec_uint ("pid", NULL, NULL, 0, G_MAXUINT, 0,
                                            G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);
  /**
   * ThredoProcessInfo:program:
   *
   * What the program is called, without its folder.
   *
   * Since: 1.0
   */
  properties[PROP_PROGRAM] = g_param_spec_string ("program", NULL, NULL, NULL,
                                                  G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);
  /**
   * ThredoProcessInfo:command:
   *
   * The program with its arguments.
   *
   * Since: 1.0
   */
  properties[PROP_COMMAND] = g_param_spec_string ("command", NULL, NULL, NULL,
                                                  G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);
  g_object_class_install_properties (object_class, N_PROPS, properties);
}

static void
thredo_process_info_init (ThredoProcessInfo *self)
{
}

/**
 * thredo_process_info_get_pid:
 * @self: a process
 *
 * Gets the number of the process, for [ctor@Thredo.Monitor.new_for_process].
 *
 * Returns: the number
 *
 * Since: 1.0
 */
guint
thredo_process_info_get_pid (ThredoProcessInfo *self)
{
  g_return_val_if_fail (THREDO_IS_PROCESS_INFO (self), 0);

  return self->pid;
}

/**
 * thredo_process_info_get_program:
 * @self: a process
 *
 * Gets what the program is called, without its folder.
 *
 * Returns: the name; the empty string if it is not known
 *
 * Since: 1.0
 */
const char *
thredo_process_info_get_program (ThredoProcessInfo *self)
{
  g_return_val_if_fail (THREDO_IS_PROCESS_INFO (self), NULL);

  return self->program;
}

/**
 * thredo_process_info_get_command:
 * @self: a process
 *
 * Gets the program with its arguments, with a space after each.
 *
 * Returns: the command; the empty string if it is not known
 *
 * Since: 1.0
 */
const char *
thredo_process_info_get_command (ThredoProcessInfo *self)
{
  g_return_val_if_fail (THREDO_IS_PROCESS_INFO (self), NULL);

  return self->command;
}

static int
compare_pids (gconstpointer a,
              gconstpointer b)
{
  const ThredoProcessInfo *const *one = a, *const *other = b;

  return ((*one)->pid > (*other)->pid) - ((*one)->pid < (*other)->pid);
}

/**
 * thredo_monitor_list_processes:
 * @error: return location for an error
 *
 * Finds the processes of the same user that can be watched, which are those that have called
 * [func@Thredo.Monitor.export], or were started with `THREDO_MONITOR=1` in their environment.
 *
 * Sockets that processes have left behind when they died are removed. Those of containers that
 * share the folder and have numbers of their own for their processes stay, and are not told of.
 * Where there is no folder for the sockets, there is none of the processes.
 * Any thread may call this; it does not wait for any of the processes.
 *
 * Returns: (element-type Thredo.ProcessInfo) (transfer container): the processes by their
 *   numbers, or %NULL with an error of `G_IO_ERROR`: `G_IO_ERROR_PERMISSION_DENIED` if the folder
 *   of the sockets is another user's, or open to others, `G_IO_ERROR_NOT_DIRECTORY` if it is no
 *   folder, and others if it cannot be reached; or of `G_FILE_ERROR` if it cannot be read
 *
 * Since: 1.0
 */
GPtrArray *
thredo_monitor_list_processes (GError **error)
{
  g_autofree char *folder = thredo_runtime_get_folder ();
  g_autoptr(GPtrArray) processes = g_ptr_array_new_with_free_func (g_object_unref);
  g_autoptr(GDir) dir = NULL;
  GError *why = NULL;
  const char *name;

  if (!thredo_runtime_check_folder (folder, &why))
    {
      /* Nobody has exported anything yet. */
      if (g_error_matches (why, G_IO_ERROR, G_IO_ERROR_NOT_FOUND))
        {
          g_error_free (why);
          return g_steal_pointer (&processes);
        }
      g_propagate_error (error, why);
      return NULL;
    }
  dir = g_dir_open (folder, 0, error);
  if (dir == NULL)
    return NULL;

  while ((name = g_dir_read_name (dir)) != NULL)
    {
      g_autofree char *digits = g_strdelimit (g_strdup (name), "~", '\0');
      ThredoRuntimeState state;
      guint64 pid;

      if (!g_ascii_string_to_unsigned (digits, 10, 1, G_MAXINT, &pid, NULL))
        continue;
      state = thredo_runtime_look ((GPid) pid);
      if (state == THREDO_RUNTIME_STALE)
        {
          g_autofree char *path = g_build_filename (folder, name, NULL);

          g_unlink (path);
        }
      else if (state == THREDO_RUNTIME_LIVE && strchr (name, '~') == NULL)
        g_ptr_array_add (processes, thredo_process_info_new ((guint) pid));
    }
  g_ptr_array_sort (processes, compare_pids);
  return g_steal_pointer (&processes);
}
