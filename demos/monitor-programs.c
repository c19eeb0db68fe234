/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "monitor-programs.h"

#include <thredo.h>
#include <unistd.h>

/* To look at them may take a while on a busy machine, so that another thread does it. */

#define INTERVAL 1 /* second */

struct _MonitorProgram
{
  GObject parent_instance;

  guint pid; /* 0: this one */
  char *name;
  char *command;
};

G_DEFINE_FINAL_TYPE (MonitorProgram, monitor_program, G_TYPE_OBJECT)

static void
monitor_program_finalize (GObject *object)
{
  MonitorProgram *self = MONITOR_PROGRAM (object);

  g_free (self->name);
  g_free (self->command);
  G_OBJECT_CLASS (monitor_program_parent_class)->finalize (object);
}

static void
monitor_program_class_init (MonitorProgramClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = monitor_program_finalize;
}

static void
monitor_program_init (MonitorProgram *self)
{
}

static MonitorProgram *
monitor_program_new (guint       pid,
                     const char *name,
                     const char *command)
{
  MonitorProgram *self = g_object_new (MONITOR_TYPE_PROGRAM, NULL);

  self->pid = pid;
  self->name = *name != '\0' ? g_strdup (name) : g_strdup_printf ("Process %u", pid);
  self->command = g_strchomp (g_strdup (command));
  return self;
}

MonitorProgram *
monitor_program_new_own (void)
{
  return monitor_program_new (0, "This program", "The workloads to try, and the window");
}

/* 0: it is this one. */
guint
monitor_program_get_pid (MonitorProgram *self)
{
  return self->pid;
}

const char *
monitor_program_get_name (MonitorProgram *self)
{
  return self->name;
}

const char *
monitor_program_get_command (MonitorProgram *self)
{
  return self->command;
}

/* One that has died, but was not waited for, has no command any more. */
gboolean
monitor_program_is_running (MonitorProgram *self)
{
  g_autofree char *path = g_strdup_printf ("/proc/%u/cmdline", self->pid);
  g_autofree char *command = NULL;
  gsize length = 0;

  return self->pid == 0 || (g_file_get_contents (path, &command, &length, NULL) && length > 0);
}

/* The list */

struct _MonitorPrograms
{
  GObject parent_instance;

  GListStore *list;
  char *message;         /* why they cannot be listed; NULL: they can */
  GCancellable *looking; /* NULL: nobody wants it */
  guint source;
};

enum
{
  SIGNAL_LOOKED,
  N_SIGNALS
};

static guint signals[N_SIGNALS];

G_DEFINE_FINAL_TYPE (MonitorPrograms, monitor_programs, G_TYPE_OBJECT)

static void
take_list (MonitorPrograms *self,
           GPtrArray       *processes)
{
  guint position = 1;

  for (guint i = 0; i <= processes->len; i++)
    {
      ThredoProcessInfo *info = i < processes->len ? processes->pdata[i] : NULL;
      guint pid = info != NULL ? thredo_process_info_get_pid (info) : G_MAXUINT;
      g_autoptr(MonitorProgram) program = NULL;

      if (pid == (guint) getpid ())
        continue;
      if (info != NULL)
        program = monitor_program_new (pid, thredo_process_info_get_program (info),
                                       thredo_process_info_get_command (info));
      for (;;)
        {
          g_autoptr(MonitorProgram) known = NULL;

          known = g_list_model_get_item (G_LIST_MODEL (self->list), position);
          if (known == NULL || known->pid > pid)
            break;
          if (known->pid == pid && strcmp (known->command, program->command) == 0)
            {
              g_clear_object (&program);
              break;
            }
          g_list_store_remove (self->list, position);
        }
      if (program != NULL)
        g_list_store_insert (self->list, position, program);
      position++;
    }
}

static void look (MonitorPrograms *self);

static gboolean
on_time (gpointer user_data)
{
  MonitorPrograms *self = user_data;

  self->source = 0;
  look (self);
  return G_SOURCE_REMOVE;
}

static void
on_looked (GObject      *source,
           GAsyncResult *result,
           gpointer      user_data)
{
  MonitorPrograms *self = MONITOR_PROGRAMS (source);
  g_autoptr(GError) error = NULL;
  g_autoptr(GPtrArray) processes = g_task_propagate_pointer (G_TASK (result), &error);

  if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    return;
  g_clear_pointer (&self->message, g_free);
  if (processes != NULL)
    take_list (self, processes);
  else
    self->message = g_strdup (error->message);
  if (self->looking != NULL && self->source == 0)
    self->source = g_timeout_add_seconds (INTERVAL, on_time, self);
  g_signal_emit (self, signals[SIGNAL_LOOKED], 0);
}

static void
list_processes (GTask        *task,
                gpointer      source,
                gpointer      data,
                GCancellable *cancellable)
{
  GError *error = NULL;
  GPtrArray *processes = thredo_monitor_list_processes (&error);

  if (processes != NULL)
    g_task_return_pointer (task, processes, (GDestroyNotify) g_ptr_array_unref);
  else
    g_task_return_error (task, error);
}

static void
look (MonitorPrograms *self)
{
  g_autoptr(GTask) task = g_task_new (self, self->looking, on_looked, NULL);

  g_task_set_source_tag (task, look);
  g_task_run_in_thread (task, list_processes);
}

/* Whether somebody wants to know them: they are looked at now, and again every second. */
void
monitor_programs_set_looking (MonitorPrograms *self,
                              gboolean         looking)
{
  if (looking == (self->looking != NULL))
    return;
  g_clear_handle_id (&self->source, g_source_remove);
  if (self->looking != NULL)
    g_cancellable_cancel (self->looking);
  g_clear_object (&self->looking);
  if (!looking)
    return;
  self->looking = g_cancellable_new ();
  look (self);
}

static void
monitor_programs_dispose (GObject *object)
{
  MonitorPrograms *self = MONITOR_PROGRAMS (object);

  monitor_programs_set_looking (self, FALSE);
  g_clear_object (&self->list);
  g_clear_pointer (&self->message, g_free);
  G_OBJECT_CLASS (monitor_programs_parent_class)->dispose (object);
}

static void
monitor_programs_class_init (MonitorProgramsClass *klass)
{
  G_OBJECT_CLASS (klass)->dispose = monitor_programs_dispose;
  signals[SIGNAL_LOOKED] = g_signal_new ("looked", MONITOR_TYPE_PROGRAMS, G_SIGNAL_RUN_LAST, 0,
                                         NULL, NULL, NULL, G_TYPE_NONE, 0);
}

static void
monitor_programs_init (MonitorPrograms *self)
{
  g_autoptr(MonitorProgram) own = monitor_program_new_own ();

  self->list = g_list_store_new (MONITOR_TYPE_PROGRAM);
  g_list_store_append (self->list, own);
}

MonitorPrograms *
monitor_programs_new (void)
{
  return g_object_new (MONITOR_TYPE_PROGRAMS, NULL);
}

GListModel *
monitor_programs_get_list (MonitorPrograms *self)
{
  return G_LIST_MODEL (self->list);
}

/* NULL: there is nothing to be said. */
const char *
monitor_programs_get_message (MonitorPrograms *self)
{
  return self->message;
}

/* One of them, by name or number */

static MonitorProgram *
choose (GPtrArray   *processes,
        const char  *wanted,
        GError     **error)
{
  g_autoptr(GString) numbers = g_string_new (NULL);
  g_autoptr(MonitorProgram) found = NULL;
  guint64 pid = 0;
  guint n = 0;

  g_ascii_string_to_unsigned (wanted, 10, 1, G_MAXINT, &pid, NULL);
  for (guint i = 0; i < processes->len; i++)
    {
      ThredoProcessInfo *info = processes->pdata[i];
      guint number = thredo_process_info_get_pid (info);

      if (number == (guint) getpid () ||
          (number != pid && strcmp (thredo_process_info_get_program (info), wanted) != 0))
        continue;
      n++;
      g_string_append_printf (numbers, "%s%u", n > 1 ? ", " : "", number);
      g_clear_object (&found);
      found = monitor_program_new (number, thredo_process_info_get_program (info),
                                   thredo_process_info_get_command (info));
    }
  if (n == 1)
    return g_steal_pointer (&found);
  if (n > 1)
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_FAILED, "There are %u programs called %s: %s", n,
                 wanted, numbers->str);
  else if (pid != 0)
    return monitor_program_new ((guint) pid, "", ""); /* why it is not there is told who asks it */
  else
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND,
                 "There is no program called %s that can be watched", wanted);
  return NULL;
}

static void
find (GTask        *task,
      gpointer      source,
      gpointer      data,
      GCancellable *cancellable)
{
  GError *error = NULL;
  g_autoptr(GPtrArray) processes = thredo_monitor_list_processes (&error);
  MonitorProgram *program = processes != NULL ? choose (processes, data, &error) : NULL;

  if (program != NULL)
    g_task_return_pointer (task, program, g_object_unref);
  else
    g_task_return_error (task, error);
}

/* @wanted is a name or a number. */
void
monitor_programs_find_async (const char          *wanted,
                             GCancellable        *cancellable,
                             GAsyncReadyCallback  callback,
                             gpointer             user_data)
{
  g_autoptr(GTask) task = g_task_new (NULL, cancellable, callback, user_data);

  g_task_set_source_tag (task, monitor_programs_find_async);
  g_task_set_task_data (task, g_strdup (wanted), g_free);
  g_task_run_in_thread (task, find);
}

MonitorProgram *
monitor_programs_find_finish (GAsyncResult  *result,
                              GError       **error)
{
  return g_task_propagate_pointer (G_TASK (result), error);
}
