/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "ctl-objects.h"

#include "ctl-output.h"
#include "ctl-select.h"
#include "ctl-table.h"
#include "ctl-text.h"

/* What threads wait for: locks and queues. */

static const char *
get_order (ThredoQueueInfo *info)
{
  switch (thredo_queue_info_get_order (info))
    {
    case THREDO_QUEUE_ORDER_PRIORITY:
      return "priority";
    case THREDO_QUEUE_ORDER_LIFO:
      return "lifo";
    case THREDO_QUEUE_ORDER_FIFO:
    default:
      return "fifo";
    }
}

static char *
dup_owner (ThredoLockInfo *info)
{
  guint64 id = thredo_lock_info_get_owner_id (info);
  const char *name = thredo_lock_info_get_owner_name (info);

  if (id == 0)
    return NULL;
  return g_strdup_printf ("%" G_GUINT64_FORMAT " %s", id, name != NULL ? name : "");
}

static char *
dup_line (ThredoLockInfo *info)
{
  gsize n_ids;
  const guint64 *ids = thredo_lock_info_get_waiting_ids (info, &n_ids);
  GString *line = g_string_new (NULL);

  for (gsize i = 0; i < n_ids; i++)
    g_string_append_printf (line, "%s%" G_GUINT64_FORMAT, i > 0 ? ", " : "", ids[i]);
  return g_string_free (line, FALSE);
}

void
ctl_locks_add_json (CtlJson       *json,
                    const char    *key,
                    ThredoMonitor *monitor)
{
  g_autoptr(GPtrArray) locks = thredo_monitor_list_locks (monitor);

  ctl_json_begin_array (json, key);
  for (guint i = 0; i < locks->len; i++)
    {
      ThredoLockInfo *info = locks->pdata[i];
      gsize n_ids;
      const guint64 *ids = thredo_lock_info_get_waiting_ids (info, &n_ids);

      ctl_json_begin_object (json, NULL);
      ctl_json_add_uint (json, "id", thredo_lock_info_get_id (info));
      ctl_json_add_string (json, "kind", thredo_lock_info_get_noun (info));
      ctl_json_add_string (json, "name", thredo_lock_info_get_name (info));
      if (thredo_lock_info_get_owner_id (info) != 0)
        {
          ctl_json_add_uint (json, "owner_id", thredo_lock_info_get_owner_id (info));
          ctl_json_add_string (json, "owner_name", thredo_lock_info_get_owner_name (info));
        }
      ctl_json_add_uint (json, "n_waiting", thredo_lock_info_get_n_waiting (info));
      ctl_json_begin_array (json, "waiting_ids");
      for (gsize j = 0; j < n_ids; j++)
        ctl_json_add_uint (json, NULL, ids[j]);
      ctl_json_end_array (json);
      ctl_json_add_boolean (json, "abandoned", thredo_lock_info_is_abandoned (info));
      ctl_json_end_object (json);
    }
  ctl_json_end_array (json);
}

void
ctl_queues_add_json (CtlJson       *json,
                     const char    *key,
                     ThredoMonitor *monitor)
{
  g_autoptr(GPtrArray) queues = thredo_monitor_list_queues (monitor);

  ctl_json_begin_array (json, key);
  for (guint i = 0; i < queues->len; i++)
    {
      ThredoQueueInfo *info = queues->pdata[i];

      ctl_json_begin_object (json, NULL);
      ctl_json_add_uint (json, "id", thredo_queue_info_get_id (info));
      ctl_json_add_string (json, "name", thredo_queue_info_get_name (info));
      ctl_json_add_string (json, "order", get_order (info));
      ctl_json_add_uint (json, "length", thredo_queue_info_get_length (info));
      ctl_json_add_uint (json, "max_size", thredo_queue_info_get_max_size (info));
      ctl_json_add_uint (json, "n_unfinished", thredo_queue_info_get_n_unfinished (info));
      ctl_json_add_uint (json, "n_getters", thredo_queue_info_get_n_getters (info));
      ctl_json_add_uint (json, "n_putters", thredo_queue_info_get_n_putters (info));
      ctl_json_add_boolean (json, "closed", thredo_queue_info_is_closed (info));
      ctl_json_end_object (json);
    }
  ctl_json_end_array (json);
}

static char *
new_lock_table (ThredoMonitor *monitor)
{
  g_autoptr(GPtrArray) locks = thredo_monitor_list_locks (monitor);
  CtlTable *table = ctl_table_new ();

  ctl_table_add_column (table, CTL_COLUMN_RIGHT, "LOCK");
  ctl_table_add_column (table, CTL_COLUMN_LEFT, "KIND");
  ctl_table_add_column (table, CTL_COLUMN_TEXT, "NAME");
  ctl_table_add_column (table, CTL_COLUMN_TEXT, "OWNER");
  ctl_table_add_column (table, CTL_COLUMN_LEFT, "ABANDONED");
  ctl_table_add_column (table, CTL_COLUMN_RIGHT, "WAITING");
  ctl_table_add_column (table, CTL_COLUMN_TEXT, "LINE");
  for (guint i = 0; i < locks->len; i++)
    {
      ThredoLockInfo *info = locks->pdata[i];

      ctl_table_add_number (table, thredo_lock_info_get_id (info));
      ctl_table_add (table, thredo_lock_info_get_noun (info));
      ctl_table_add (table, thredo_lock_info_get_name (info));
      ctl_table_take (table, dup_owner (info));
      ctl_table_add (table, thredo_lock_info_is_abandoned (info) ? "yes" : NULL);
      ctl_table_add_number (table, thredo_lock_info_get_n_waiting (info));
      ctl_table_take (table, dup_line (info));
    }
  return ctl_table_free_to_string (table, ctl_table_get_terminal_width (), 0);
}

static char *
new_queue_table (ThredoMonitor *monitor)
{
  g_autoptr(GPtrArray) queues = thredo_monitor_list_queues (monitor);
  CtlTable *table = ctl_table_new ();

  ctl_table_add_column (table, CTL_COLUMN_RIGHT, "QUEUE");
  ctl_table_add_column (table, CTL_COLUMN_TEXT, "NAME");
  ctl_table_add_column (table, CTL_COLUMN_LEFT, "ORDER");
  ctl_table_add_column (table, CTL_COLUMN_RIGHT, "ITEMS");
  ctl_table_add_column (table, CTL_COLUMN_RIGHT, "MOST");
  ctl_table_add_column (table, CTL_COLUMN_RIGHT, "UNFINISHED");
  ctl_table_add_column (table, CTL_COLUMN_RIGHT, "GETTING");
  ctl_table_add_column (table, CTL_COLUMN_RIGHT, "PUTTING");
  ctl_table_add_column (table, CTL_COLUMN_LEFT, "CLOSED");
  for (guint i = 0; i < queues->len; i++)
    {
      ThredoQueueInfo *info = queues->pdata[i];

      ctl_table_add_number (table, thredo_queue_info_get_id (info));
      ctl_table_add (table, thredo_queue_info_get_name (info));
      ctl_table_add (table, get_order (info));
      ctl_table_add_number (table, thredo_queue_info_get_length (info));
      if (thredo_queue_info_get_max_size (info) > 0)
        ctl_table_add_number (table, thredo_queue_info_get_max_size (info));
      else
        ctl_table_add (table, NULL);
      ctl_table_add_number (table, thredo_queue_info_get_n_unfinished (info));
      ctl_table_add_number (table, thredo_queue_info_get_n_getters (info));
      ctl_table_add_number (table, thredo_queue_info_get_n_putters (info));
      ctl_table_add (table, thredo_queue_info_is_closed (info) ? "yes" : NULL);
    }
  return ctl_table_free_to_string (table, ctl_table_get_terminal_width (), 0);
}

static CtlStatus
run (CtlOptions *options,
     void (*add_json) (CtlJson       *json,
                       const char    *key,
                       ThredoMonitor *monitor),
     char *(*new_table) (ThredoMonitor *monitor))
{
  g_autoptr(GError) error = NULL;
  g_autoptr(ThredoMonitor) monitor = ctl_select (options->process, &error);
  g_autofree char *text = NULL;

  if (monitor == NULL)
    return ctl_output_fail (error);
  if (options->is_json)
    {
      CtlJson *json = ctl_json_new ();

      add_json (json, NULL, monitor);
      text = ctl_json_free_to_string (json);
      return ctl_output_write_json (text);
    }
  text = new_table (monitor);
  return ctl_output_write (text);
}

CtlStatus
ctl_locks_run (CtlOptions *options)
{
  return run (options, ctl_locks_add_json, new_lock_table);
}

CtlStatus
ctl_queues_run (CtlOptions *options)
{
  return run (options, ctl_queues_add_json, new_queue_table);
}
