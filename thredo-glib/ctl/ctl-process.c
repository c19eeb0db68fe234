/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "ctl-process.h"

#include <pwd.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char *
read_file (guint       pid,
           const char *name)
{
  g_autofree char *path = g_strdup_printf ("/proc/%u/%s", pid, name);
  g_autofree char *contents = NULL;

  return g_file_get_contents (path, &contents, NULL, NULL) ? g_steal_pointer (&contents) : NULL;
}

/* "Process 12 (name)". */
char *
ctl_process_describe (guint pid)
{
  g_autofree char *arguments = read_file (pid, "cmdline");
  g_autofree char *program = NULL;

  if (arguments == NULL || *arguments == '\0')
    return g_strdup_printf ("Process %u", pid);
  program = g_path_get_basename (arguments);
  return g_strdup_printf ("Process %u (%s)", pid, program);
}

/* The letter after the name, which may have any characters. 0 if there is no such process. */
static char
get_state (guint pid)
{
  g_autofree char *stat = read_file (pid, "stat");
  char *end = stat != NULL ? strrchr (stat, ')') : NULL;

  return end != NULL && end[1] == ' ' ? end[2] : '\0';
}

/* By a signal or a debugger. */
gboolean
ctl_process_is_stopped (guint pid)
{
  char state = get_state (pid);

  return state == 'T' || state == 't';
}

/* Also if nobody has asked for its exit status yet. */
gboolean
ctl_process_has_ended (guint pid)
{
  char state = get_state (pid);

  return state == '\0' || state == 'Z' || state == 'X';
}

static gboolean
find_user (guint  pid,
           uid_t *user)
{
  g_autofree char *path = g_strdup_printf ("/proc/%u", pid);
  struct stat found;

  if (stat (path, &found) < 0)
    return FALSE;
  *user = found.st_uid;
  return TRUE;
}

static char *
dup_user_name (uid_t user)
{
  struct passwd *entry = getpwuid (user);

  return entry != NULL ? g_strdup_printf ("user %s", entry->pw_name)
                       : g_strdup_printf ("user %u", (guint) user);
}

static gboolean
has_library (guint pid)
{
  g_autofree char *maps = read_file (pid, "maps");

  return maps != NULL && strstr (maps, "/libthredo-glib-1.so") != NULL;
}

/* Why the process cannot be watched, as far as one can see from outside, in place of what was said
 * of its socket. */
void
ctl_process_explain (guint    pid,
                     GError **error)
{
  g_autofree char *process = ctl_process_describe (pid);
  int code = (*error)->code;
  uid_t user;

  if ((*error)->domain != G_IO_ERROR)
    return;

  if (!find_user (pid, &user))
    {
      g_clear_error (error);
      g_set_error (error, G_IO_ERROR, code, "There is no process %u", pid);
    }
  else if (user != geteuid ())
    {
      g_autofree char *name = dup_user_name (user);

      g_clear_error (error);
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_PERMISSION_DENIED,
                   "%s is one of %s, who alone can watch it", process, name);
    }
  else if (ctl_process_is_stopped (pid) && code == G_IO_ERROR_TIMED_OUT)
    {
      g_clear_error (error);
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT,
                   "%s does not answer: it is stopped, and goes on after: kill -CONT %u", process,
                   pid);
    }
  else if (code == G_IO_ERROR_TIMED_OUT)
    {
      g_clear_error (error);
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT, "%s does not answer", process);
    }
  else if (code == G_IO_ERROR_NOT_FOUND || code == G_IO_ERROR_CONNECTION_REFUSED)
    {
      gboolean uses_it = has_library (pid);

      g_clear_error (error);
      if (uses_it)
        g_set_error (error, G_IO_ERROR, code,
                     "%s cannot be watched: it was started without THREDO_MONITOR=1 in its "
                     "environment, or with another XDG_RUNTIME_DIR than this",
                     process);
      else
        g_set_error (error, G_IO_ERROR, code,
                     "%s cannot be watched: it does not seem to use thredo-glib", process);
    }
}
