/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "monitor-workload.h"

#include "monitor-workload-private.h"

struct _MonitorWorkload
{
  GObject parent_instance;

  const MonitorWorkloadKind *kind;
  ThredoGroup *group; /* NULL: it does not run */
  gpointer data;
};

enum
{
  PROP_0,
  PROP_RUNNING,
  N_PROPS
};

static GParamSpec *properties[N_PROPS];

G_DEFINE_FINAL_TYPE (MonitorWorkload, monitor_workload, G_TYPE_OBJECT)

static const MonitorWorkloadKind *const kinds[] = {
  &monitor_pool,
  &monitor_folder,
  &monitor_philosophers,
  &monitor_echo,
  &monitor_runaway,
  &monitor_crowd,
  &monitor_flood,
  &monitor_waits,
};

static void
monitor_workload_get_property (GObject    *object,
                               guint       property_id,
                               GValue     *value,
                               GParamSpec *pspec)
{
  switch (property_id)
    {
    case PROP_RUNNING:
      g_value_set_boolean (value, monitor_workload_is_running (MONITOR_WORKLOAD (object)));
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, property_id, pspec);
    }
}

static void
monitor_workload_class_init (MonitorWorkloadClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);

  object_class->get_property = monitor_workload_get_property;
  properties[PROP_RUNNING] = g_param_spec_boolean ("running", NULL, NULL, FALSE,
                                                   G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);
  g_object_class_install_properties (object_class, N_PROPS, properties);
}

static void
monitor_workload_init (MonitorWorkload *self)
{
}

/* One of each kind. */
GListModel *
monitor_workload_list_new (void)
{
  GListStore *list = g_list_store_new (MONITOR_TYPE_WORKLOAD);

  for (gsize i = 0; i < G_N_ELEMENTS (kinds); i++)
    {
      g_autoptr(MonitorWorkload) workload = g_object_new (MONITOR_TYPE_WORKLOAD, NULL);

      workload->kind = kinds[i];
      g_list_store_append (list, workload);
    }
  return G_LIST_MODEL (list);
}

const char *
monitor_workload_get_id (MonitorWorkload *self)
{
  return self->kind->id;
}

const char *
monitor_workload_get_title (MonitorWorkload *self)
{
  return self->kind->title;
}

const char *
monitor_workload_get_description (MonitorWorkload *self)
{
  return self->kind->description;
}

gboolean
monitor_workload_is_running (MonitorWorkload *self)
{
  return self->group != NULL;
}

static void
on_group_joined (GObject      *source,
                 GAsyncResult *result,
                 gpointer      user_data)
{
  g_autoptr(MonitorWorkload) self = user_data;
  g_autoptr(GError) error = NULL;

  if (!thredo_group_join_finish (THREDO_GROUP (source), result, &error) &&
      !g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    g_message ("%s: %s", self->kind->title, error->message);

  g_clear_pointer (&self->data, self->kind->free);
  g_clear_object (&self->group);
  g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_RUNNING]);
}

gboolean
monitor_workload_start (MonitorWorkload  *self,
                        GError          **error)
{
  g_return_val_if_fail (self->group == NULL, FALSE);

  self->group = thredo_group_new (THREDO_GROUP_WAIT_ALL);
  thredo_group_set_name (self->group, self->kind->id);
  self->data = self->kind->start (self->group, error);
  if (self->data == NULL)
    {
      g_clear_object (&self->group);
      return FALSE;
    }
  thredo_group_join_async (self->group, NULL, on_group_joined, g_object_ref (self));
  g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_RUNNING]);
  return TRUE;
}

/* Asks it to end, which it has when it is not running any more. */
void
monitor_workload_stop (MonitorWorkload *self)
{
  if (self->group == NULL)
    return;
  if (self->kind->stop != NULL)
    self->kind->stop (self->data);
  thredo_group_cancel (self->group);
}

gboolean
monitor_workload_spawn (ThredoGroup       *group,
                        const char        *name,
                        ThredoThreadFunc   func,
                        gpointer           user_data,
                        GError           **error)
{
  g_autoptr(ThredoThread) thread = thredo_group_spawn (group, name, func, user_data, NULL, error);

  return thread != NULL;
}
