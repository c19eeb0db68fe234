/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "ctl-deadlocks.h"

#include "ctl-output.h"
#include "ctl-select.h"
#include "ctl-text.h"

void
ctl_deadlocks_add_json (CtlJson    *json,
                        const char *key,
                        GPtrArray  *deadlocks)
{
  ctl_json_begin_array (json, key);
  for (guint i = 0; i < deadlocks->len; i++)
    {
      gsize n_ids;
      const guint64 *ids = thredo_deadlock_get_thread_ids (deadlocks->pdata[i], &n_ids);

      ctl_json_begin_object (json, NULL);
      ctl_json_add_string (json, "description",
                           thredo_deadlock_get_description (deadlocks->pdata[i]));
      ctl_json_begin_array (json, "thread_ids");
      for (gsize j = 0; j < n_ids; j++)
        ctl_json_add_uint (json, NULL, ids[j]);
      ctl_json_end_array (json);
      ctl_json_end_object (json);
    }
  ctl_json_end_array (json);
}

static CtlStatus
write_text (GPtrArray *deadlocks)
{
  g_autoptr(GString) text = g_string_new (NULL);

  for (guint i = 0; i < deadlocks->len; i++)
    {
      const char *description = thredo_deadlock_get_description (deadlocks->pdata[i]);
      g_autofree char *plain = ctl_text_plain (description);
      gsize n_ids;
      const guint64 *ids = thredo_deadlock_get_thread_ids (deadlocks->pdata[i], &n_ids);

      g_string_append_printf (text, "%s\nThreads:", plain);
      for (gsize j = 0; j < n_ids; j++)
        g_string_append_printf (text, " %" G_GUINT64_FORMAT, ids[j]);
      g_string_append_c (text, '\n');
    }
  if (deadlocks->len == 0)
    g_string_append (text, "No deadlock\n");
  return ctl_output_write (text->str);
}

CtlStatus
ctl_deadlocks_run (CtlOptions *options)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(ThredoMonitor) monitor = ctl_select (options->process, &error);
  g_autoptr(GPtrArray) deadlocks = NULL;
  CtlStatus status;

  if (monitor == NULL)
    return ctl_output_fail (error);
  deadlocks = thredo_monitor_find_deadlocks (monitor);
  if (options->is_json)
    {
      CtlJson *json = ctl_json_new ();
      g_autofree char *text = NULL;

      ctl_deadlocks_add_json (json, NULL, deadlocks);
      text = ctl_json_free_to_string (json);
      status = ctl_output_write_json (text);
    }
  else
    {
      status = write_text (deadlocks);
    }
  return status == CTL_DONE && deadlocks->len > 0 ? CTL_DEADLOCKED : status;
}
