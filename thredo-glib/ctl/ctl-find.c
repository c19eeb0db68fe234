/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "ctl-find.h"

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
