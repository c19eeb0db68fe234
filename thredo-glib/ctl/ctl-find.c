/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "ctl-find.h"

#include <string.h>

ThredoThreadInfo *
ctl_find_by_id (GPtrArray *threads,
                guint64    id)
{
  for (guint i = 0; i < threads->len; i++)
    {
      if (thredo_thread_info_get_id (threads->pdata[i]) == id)
        return threads->pdata[i];
    }
  return NULL;
}

static void
append_number (GString *list,
               guint64  number)
{
  g_string_append_printf (list, "%s%" G_GUINT64_FORMAT, list->len > 0 ? ", " : "", number);
}

/* By its number, or by its name if there is no other of that name. */
ThredoThreadInfo *
ctl_find_thread (GPtrArray   *threads,
                 const char  *which,
                 GError     **error)
{
  g_autoptr(GString) numbers = g_string_new (NULL);
  ThredoThreadInfo *found = NULL;
  guint n_found = 0;
  guint64 id;

  if (g_ascii_string_to_unsigned (which, 10, 0, G_MAXUINT64, &id, NULL))
    {
      found = ctl_find_by_id (threads, id);
      if (found == NULL)
        g_set_error (error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND,
                     "There is no thread %s: it has ended, or never was", which);
      return found;
    }

  for (guint i = 0; i < threads->len; i++)
    {
      if (g_strcmp0 (thredo_thread_info_get_name (threads->pdata[i]), which) != 0)
        continue;
      found = threads->pdata[i];
      append_number (numbers, thredo_thread_info_get_id (found));
      n_found++;
    }
  if (n_found == 0)
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND,
                 "There is no thread '%s': it has ended, or never was", which);
  else if (n_found > 1)
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_FAILED,
                 "There are %u threads '%s': %s; say which by its number", n_found, which,
                 numbers->str);
  return n_found == 1 ? found : NULL;
}

/* At any depth. */
gboolean
ctl_find_is_in_group (ThredoThreadInfo *info,
                      guint64           id)
{
  gsize n_ids;
  const guint64 *ids = thredo_thread_info_get_group_ids (info, &n_ids);

  for (gsize i = 0; i < n_ids; i++)
    {
      if (ids[i] == id)
        return TRUE;
    }
  return FALSE;
}

/* The groups that a thread is in and that have the name or the number. */
static void
note_groups (GArray           *found,
             ThredoThreadInfo *info,
             const char       *name,
             guint64           number)
{
  const char *const *path = thredo_thread_info_get_group_path (info);
  gsize n_ids;
  const guint64 *ids = thredo_thread_info_get_group_ids (info, &n_ids);

  for (gsize i = 0; i < n_ids && path != NULL && path[i] != NULL; i++)
    {
      gboolean is_known = FALSE;

      if (name != NULL ? !g_str_equal (path[i], name) : ids[i] != number)
        continue;
      for (guint j = 0; j < found->len; j++)
        is_known = is_known || g_array_index (found, guint64, j) == ids[i];
      if (!is_known)
        g_array_append_val (found, ids[i]);
    }
}

/* The same of a group that has threads. */
gboolean
ctl_find_group (GPtrArray   *threads,
                const char  *which,
                guint64     *id,
                GError     **error)
{
  g_autoptr(GArray) found = g_array_new (FALSE, FALSE, sizeof (guint64));
  g_autoptr(GString) numbers = g_string_new (NULL);
  guint64 number = 0;
  gboolean is_number = g_ascii_string_to_unsigned (which, 10, 0, G_MAXUINT64, &number, NULL);

  for (guint i = 0; i < threads->len; i++)
    note_groups (found, threads->pdata[i], is_number ? NULL : which, number);
  if (found->len == 1)
    {
      *id = g_array_index (found, guint64, 0);
      return TRUE;
    }
  for (guint i = 0; i < found->len; i++)
    append_number (numbers, g_array_index (found, guint64, i));

  if (found->len > 1)
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_FAILED,
                 "There are %u groups '%s': %s; say which by its number", found->len, which,
                 numbers->str);
  else
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND,
                 is_number ? "There is no group %s with threads in it"
                           : "There is no group '%s' with threads in it",
                 which);
  return FALSE;
}

static ThredoThreadInfo *
find_in_deadlocks (ThredoMonitor *monitor,
                   GPtrArray     *threads,
                   guint64        waiting)
{
  g_autoptr(GPtrArray) deadlocks = thredo_monitor_find_deadlocks (monitor);

  for (guint i = 0; i < deadlocks->len; i++)
    {
      gsize n_ids;
      const guint64 *ids = thredo_deadlock_get_thread_ids (deadlocks->pdata[i], &n_ids);

      for (gsize j = 0; j < n_ids; j++)
        {
          if (ids[j] == waiting)
            return ctl_find_by_id (threads, ids[(j + 1) % n_ids]);
        }
    }
  return NULL;
}

/* Who stands in a lock's line waits for its owner, and a lock has a number, whatever its name. */
static ThredoThreadInfo *
find_in_lines (ThredoMonitor *monitor,
               GPtrArray     *threads,
               guint64        waiting)
{
  g_autoptr(GPtrArray) locks = thredo_monitor_list_locks (monitor);

  for (guint i = 0; i < locks->len; i++)
    {
      gsize n_ids;
      const guint64 *ids = thredo_lock_info_get_waiting_ids (locks->pdata[i], &n_ids);

      for (gsize j = 0; j < n_ids; j++)
        {
          if (ids[j] == waiting)
            return ctl_find_by_id (threads, thredo_lock_info_get_owner_id (locks->pdata[i]));
        }
    }
  return NULL;
}

static gboolean
is_what_is_waited_for (ThredoThreadInfo *info,
                       const char       *object)
{
  const char *name = thredo_thread_info_get_name (info);
  const char *const *held = thredo_thread_info_get_held (info);
  g_autofree char *thread = g_strdup_printf ("Thread '%s'", name != NULL ? name : "");

  return g_str_equal (thread, object) || (held != NULL && g_strv_contains (held, object));
}

/* Who has what a thread waits for: the owner of a lock, or the thread whose end it is. NULL if that
 * is nobody, or if there are several things of that name. */
ThredoThreadInfo *
ctl_find_owner (ThredoMonitor    *monitor,
                GPtrArray        *threads,
                ThredoThreadInfo *waiting,
                guint            *n_others)
{
  const char *waiting_for = thredo_thread_info_get_waiting_for (waiting);
  const char *object = waiting_for != NULL ? strstr (waiting_for, " on ") : NULL;
  ThredoThreadInfo *owner;

  *n_others = 0;
  owner = find_in_deadlocks (monitor, threads, thredo_thread_info_get_id (waiting));
  if (owner == NULL)
    owner = find_in_lines (monitor, threads, thredo_thread_info_get_id (waiting));
  if (owner != NULL || object == NULL)
    return owner;

  for (guint i = 0; i < threads->len; i++)
    {
      if (threads->pdata[i] == waiting ||
          !is_what_is_waited_for (threads->pdata[i], object + strlen (" on ")))
        continue;
      if (owner == NULL)
        owner = threads->pdata[i];
      else
        ++*n_others;
    }
  return *n_others == 0 ? owner : NULL;
}
