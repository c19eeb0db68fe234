/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "ctl-find.h"
#include "ctl-output.h"
#include "ctl-owners.h"
#include "ctl-select.h"
#include "ctl-text.h"
#include "ctl-threads.h"

#include <string.h>

/* "waits: get on Queue 'jobs', for 3.2s", or "runs". */
static void
append_state (GString          *text,
              ThredoThreadInfo *info)
{
  const char *waiting_for = thredo_thread_info_get_waiting_for (info);
  g_autofree char *plain = NULL;
  g_autofree char *since = NULL;

  if (thredo_thread_info_get_state (info) != THREDO_THREAD_STATE_WAITING)
    {
      g_string_append (text, "runs");
      return;
    }
  plain = ctl_text_plain (waiting_for != NULL ? waiting_for : "for something");
  since = ctl_text_since (thredo_thread_info_get_waiting_since (info));
  g_string_append_printf (text, "waits: %s, for %s", plain, since);
}

static void
append_owner (GString          *text,
              ThredoThreadInfo *waiting,
              ThredoThreadInfo *owner)
{
  const char *waiting_for = thredo_thread_info_get_waiting_for (waiting);
  g_autofree char *described = ctl_threads_describe (owner);

  if (waiting_for != NULL && strstr (waiting_for, " on Thread") != NULL)
    g_string_append_printf (text, "    for the end of %s, which ", described);
  else
    g_string_append_printf (text, "    held by %s, which ", described);
}

/* From owner to owner, until one runs, waits for what nobody has, or was there before. */
static void
append_chain (GString          *text,
              CtlOwners        *owners,
              ThredoThreadInfo *first)
{
  g_autoptr(GHashTable) seen = g_hash_table_new (NULL, NULL);
  ThredoThreadInfo *waiting = first;

  while (g_hash_table_add (seen, waiting))
    {
      guint n_others;
      ThredoThreadInfo *owner = ctl_owners_find (owners, waiting, &n_others);

      if (n_others > 0)
        g_string_append_printf (text, "    which one of %u threads has: the name does not tell\n",
                                n_others + 1);
      if (owner == NULL)
        return;
      append_owner (text, waiting, owner);
      append_state (text, owner);
      g_string_append_c (text, '\n');
      waiting = owner;
    }
  g_string_append (text, "    and so on: a deadlock\n");
}

static void
append_thread (GString          *text,
               CtlOwners        *owners,
               ThredoThreadInfo *info)
{
  const char *const *held = thredo_thread_info_get_held (info);
  g_autofree char *described = ctl_threads_describe (info);

  *described = g_ascii_toupper (*described);
  g_string_append_printf (text, "%s ", described);
  append_state (text, info);
  if (thredo_thread_info_is_cancelled (info))
    g_string_append (text, thredo_thread_info_is_shielded (info) ? "; cancelled, but shielded"
                                                                 : "; cancelled");
  g_string_append_c (text, '\n');
  append_chain (text, owners, info);
  for (guint i = 0; held != NULL && held[i] != NULL; i++)
    {
      g_autofree char *plain = ctl_text_plain (held[i]);

      g_string_append_printf (text, "    holds %s\n", plain);
    }
}

CtlStatus
ctl_where_run (CtlOptions *options)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(ThredoMonitor) monitor = ctl_select (options->process, &error);
  g_autoptr(GPtrArray) threads = NULL;
  g_autoptr(CtlOwners) owners = NULL;
  g_autoptr(GString) text = g_string_new (NULL);
  CtlStatus status, failed = CTL_DONE;

  if (monitor == NULL)
    return ctl_output_fail (error);
  threads = thredo_monitor_snapshot (monitor);
  owners = ctl_owners_new (monitor, threads);
  if (options->arguments[0] == NULL)
    {
      for (guint i = 0; i < threads->len; i++)
        append_thread (text, owners, threads->pdata[i]);
    }
  for (guint i = 0; options->arguments[i] != NULL; i++)
    {
      g_autoptr(GError) why = NULL;
      ThredoThreadInfo *info = ctl_find_thread (threads, options->arguments[i], &why);

      if (info != NULL)
        append_thread (text, owners, info);
      else
        failed = ctl_output_fail (why);
    }
  status = ctl_output_write (text->str);
  return MAX (status, failed);
}
