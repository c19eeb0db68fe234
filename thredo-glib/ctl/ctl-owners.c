/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "ctl-owners.h"

#include <string.h>

/* All keys and threads are those of the array, which outlives this. */
struct _CtlOwners
{
  GHashTable *by_id;      /* guint64 → thread */
  GHashTable *of_waiting; /* guint64 of who waits → the thread that has it */
  GHashTable *of_object;  /* "Lock 'name'" → threads that have one of that name */
};

static ThredoThreadInfo *
find_by_id (CtlOwners *self,
            guint64    id)
{
  return g_hash_table_lookup (self->by_id, &id);
}

static void
note_owner (CtlOwners *self,
            guint64    waiting,
            guint64    owner)
{
  ThredoThreadInfo *info = find_by_id (self, owner);

  if (info != NULL)
    g_hash_table_insert (self->of_waiting, g_memdup2 (&waiting, sizeof (guint64)), info);
}

/* Who stands in a lock's line waits for its owner, and a lock has a number, whatever its name. */
static void
note_lines (CtlOwners     *self,
            ThredoMonitor *monitor)
{
  g_autoptr(GPtrArray) locks = thredo_monitor_list_locks (monitor);

  for (guint i = 0; i < locks->len; i++)
    {
      gsize n_ids;
      const guint64 *ids = thredo_lock_info_get_waiting_ids (locks->pdata[i], &n_ids);

      for (gsize j = 0; j < n_ids; j++)
        note_owner (self, ids[j], thredo_lock_info_get_owner_id (locks->pdata[i]));
    }
}

/* Each waits for what the next one has. */
static void
note_deadlocks (CtlOwners     *self,
                ThredoMonitor *monitor)
{
  g_autoptr(GPtrArray) deadlocks = thredo_monitor_find_deadlocks (monitor);

  for (guint i = 0; i < deadlocks->len; i++)
    {
      gsize n_ids;
      const guint64 *ids = thredo_deadlock_get_thread_ids (deadlocks->pdata[i], &n_ids);

      for (gsize j = 0; j < n_ids; j++)
        note_owner (self, ids[j], ids[(j + 1) % n_ids]);
    }
}

static void
note_object (CtlOwners        *self,
             char             *object,
             ThredoThreadInfo *owner)
{
  GPtrArray *owners = g_hash_table_lookup (self->of_object, object);

  if (owners == NULL)
    {
      owners = g_ptr_array_new ();
      g_hash_table_insert (self->of_object, g_strdup (object), owners);
    }
  g_ptr_array_add (owners, owner);
  g_free (object);
}

static void
note_names (CtlOwners        *self,
            ThredoThreadInfo *info)
{
  const char *name = thredo_thread_info_get_name (info);
  const char *const *held = thredo_thread_info_get_held (info);

  if (name != NULL)
    note_object (self, g_strdup_printf ("Thread '%s'", name), info);
  for (guint i = 0; held != NULL && held[i] != NULL; i++)
    note_object (self, g_strdup (held[i]), info);
}

CtlOwners *
ctl_owners_new (ThredoMonitor *monitor,
                GPtrArray     *threads)
{
  CtlOwners *self = g_new0 (CtlOwners, 1);

  self->by_id = g_hash_table_new_full (g_int64_hash, g_int64_equal, g_free, NULL);
  self->of_waiting = g_hash_table_new_full (g_int64_hash, g_int64_equal, g_free, NULL);
  self->of_object = g_hash_table_new_full (g_str_hash, g_str_equal, g_free,
                                           (GDestroyNotify) g_ptr_array_unref);
  for (guint i = 0; i < threads->len; i++)
    {
      guint64 id = thredo_thread_info_get_id (threads->pdata[i]);

      g_hash_table_insert (self->by_id, g_memdup2 (&id, sizeof (guint64)), threads->pdata[i]);
      note_names (self, threads->pdata[i]);
    }
  note_lines (self, monitor);
  note_deadlocks (self, monitor);
  return self;
}

void
ctl_owners_free (CtlOwners *self)
{
  g_hash_table_unref (self->by_id);
  g_hash_table_unref (self->of_waiting);
  g_hash_table_unref (self->of_object);
  g_free (self);
}

/* The owner of a lock, or the thread whose end is waited for. NULL if that is nobody, or if there
 * are several things of that name, as there are others then. */
ThredoThreadInfo *
ctl_owners_find (CtlOwners        *self,
                 ThredoThreadInfo *waiting,
                 guint            *n_others)
{
  const char *waiting_for = thredo_thread_info_get_waiting_for (waiting);
  const char *object = waiting_for != NULL ? strstr (waiting_for, " on ") : NULL;
  guint64 id = thredo_thread_info_get_id (waiting);
  ThredoThreadInfo *owner = g_hash_table_lookup (self->of_waiting, &id);
  GPtrArray *owners;

  *n_others = 0;
  if (owner != NULL || object == NULL)
    return owner;

  owners = g_hash_table_lookup (self->of_object, object + strlen (" on "));
  if (owners == NULL)
    return NULL;
  *n_others = owners->len - 1;
  return owners->len == 1 && owners->pdata[0] != waiting ? owners->pdata[0] : NULL;
}
