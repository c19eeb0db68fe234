/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "thread-row.h"

struct _ThreadRow
{
  GObject parent_instance;

  ThredoThread *thread;
  guint64 id;
  char *name;
  char *state;
  char *activity;
  char *since;
  gboolean can_cancel;
  gboolean cancelling;
};

enum
{
  PROP_0,
  PROP_NAME,
  PROP_STATE,
  PROP_STATE_CLASSES,
  PROP_ACTIVITY,
  PROP_SINCE,
  PROP_CAN_CANCEL,
  PROP_CANCEL_LABEL,
  N_PROPS
};

static GParamSpec *properties[N_PROPS];

G_DEFINE_FINAL_TYPE (ThreadRow, thread_row, G_TYPE_OBJECT)

static void
set_text (ThreadRow   *self,
          char       **text,
          const char  *new_text,
          guint        property)
{
  if (g_strcmp0 (*text, new_text) == 0)
    return;
  g_free (*text);
  *text = g_strdup (new_text);
  g_object_notify_by_pspec (G_OBJECT (self), properties[property]);
}

static void
thread_row_finalize (GObject *object)
{
  ThreadRow *self = THREAD_ROW (object);

  g_clear_object (&self->thread);
  g_free (self->name);
  g_free (self->state);
  g_free (self->activity);
  g_free (self->since);
  G_OBJECT_CLASS (thread_row_parent_class)->finalize (object);
}

static void
thread_row_get_property (GObject    *object,
                         guint       property_id,
                         GValue     *value,
                         GParamSpec *pspec)
{
  ThreadRow *self = THREAD_ROW (object);
  const char *classes[] = { "state", self->state, NULL };

  switch (property_id)
    {
    case PROP_NAME:
      g_value_set_string (value, self->name);
      break;
    case PROP_STATE:
      g_value_set_string (value, self->state);
      break;
    case PROP_STATE_CLASSES:
      g_value_set_boxed (value, classes);
      break;
    case PROP_ACTIVITY:
      g_value_set_string (value, self->activity);
      break;
    case PROP_SINCE:
      g_value_set_string (value, self->since);
      break;
    case PROP_CAN_CANCEL:
      g_value_set_boolean (value, self->can_cancel);
      break;
    case PROP_CANCEL_LABEL:
      g_value_set_static_string (value, self->cancelling ? "Cancelling…" : "Cancel");
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, property_id, pspec);
    }
}

static void
thread_row_class_init (ThreadRowClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  GParamFlags flags = G_PARAM_READABLE | G_PARAM_STATIC_STRINGS;

  object_class->finalize = thread_row_finalize;
  object_class->get_property = thread_row_get_property;

  properties[PROP_NAME] = g_param_spec_string ("name", NULL, NULL, NULL, flags);
  properties[PROP_STATE] = g_param_spec_string ("state", NULL, NULL, NULL, flags);
  properties[PROP_STATE_CLASSES] =
      g_param_spec_boxed ("state-classes", NULL, NULL, G_TYPE_STRV, flags);
  properties[PROP_ACTIVITY] = g_param_spec_string ("activity", NULL, NULL, NULL, flags);
  properties[PROP_SINCE] = g_param_spec_string ("since", NULL, NULL, NULL, flags);
  properties[PROP_CAN_CANCEL] = g_param_spec_boolean ("can-cancel", NULL, NULL, FALSE, flags);
  properties[PROP_CANCEL_LABEL] = g_param_spec_string ("cancel-label", NULL, NULL, NULL, flags);
  g_object_class_install_properties (object_class, N_PROPS, properties);
}

static void
thread_row_init (ThreadRow *self)
{
}

ThreadRow *
thread_row_new (const ThreadInfo *info)
{
  ThreadRow *self = g_object_new (THREAD_TYPE_ROW, NULL);

  self->thread = g_object_ref (info->thread);
  self->id = info->id;
  thread_row_update (self, info);
  return self;
}

void
thread_row_update (ThreadRow        *self,
                   const ThreadInfo *info)
{
  const char *state = info->cancelling ? "cancelling" : info->state;

  if (g_strcmp0 (self->state, state) != 0)
    {
      set_text (self, &self->state, state, PROP_STATE);
      g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_STATE_CLASSES]);
    }
  set_text (self, &self->name, info->name, PROP_NAME);
  set_text (self, &self->activity, info->activity, PROP_ACTIVITY);
  set_text (self, &self->since, info->since, PROP_SINCE);

  if (self->can_cancel != info->can_cancel)
    {
      self->can_cancel = info->can_cancel;
      g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_CAN_CANCEL]);
    }
  if (self->cancelling != info->cancelling)
    {
      self->cancelling = info->cancelling;
      g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_CANCEL_LABEL]);
    }
}

guint64
thread_row_get_id (ThreadRow *self)
{
  return self->id;
}

const char *
thread_row_get_name (ThreadRow *self)
{
  return self->name;
}

/* Asks the thread to end; it leaves the list once it has. */
void
thread_row_cancel (ThreadRow *self)
{
  thredo_thread_cancel (self->thread);

  self->can_cancel = FALSE;
  self->cancelling = TRUE;
  set_text (self, &self->state, "cancelling", PROP_STATE);
  g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_STATE_CLASSES]);
  g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_CAN_CANCEL]);
  g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_CANCEL_LABEL]);
}
