/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "thredo-wire-private.h"

#include "thredo-enum-types.h"

/* Names are what users say, who may say anything. */
GVariant *
thredo_wire_new_string (const char *string)
{
  return g_variant_new_take_string (g_utf8_make_valid (string, -1));
}

static GVariant *
new_strings (const char *const *strings)
{
  GVariantBuilder builder;

  g_variant_builder_init (&builder, G_VARIANT_TYPE_STRING_ARRAY);
  for (guint i = 0; strings[i] != NULL; i++)
    g_variant_builder_add_value (&builder, thredo_wire_new_string (strings[i]));
  return g_variant_builder_end (&builder);
}

static void
add (GVariantBuilder *builder,
     const char      *key,
     GVariant        *value)
{
  g_variant_builder_add (builder, "{sv}", key, value);
}

static void
add_numbers (GVariantBuilder *builder,
             const char      *key,
             const guint64   *numbers,
             gsize            n)
{
  add (builder, key,
       g_variant_new_fixed_array (G_VARIANT_TYPE_UINT64, numbers, n, sizeof (guint64)));
}

/* What may be in a dictionary, and where in a record it goes. */
typedef struct
{
  const char *key;
  const char *format; /* of g_variant_get() */
  gsize offset;
} Field;

/* Takes each field once, in one pass. What is not there, or of another type, is left as it is. */
static void
unpack (GVariant    *dictionary,
        const Field *fields,
        guint        n_fields,
        gpointer     record)
{
  guint taken = 0; /* a bit for each */
  GVariantIter iter;
  const char *key;
  GVariant *value;

  g_variant_iter_init (&iter, dictionary);
  while (g_variant_iter_next (&iter, "{&sv}", &key, &value))
    {
      for (guint i = 0; i < n_fields; i++)
        {
          if (!g_str_equal (fields[i].key, key))
            continue;
          if ((taken & 1u << i) == 0 &&
              g_variant_check_format_string (value, fields[i].format, FALSE))
            {
              g_variant_get (value, fields[i].format, (char *) record + fields[i].offset);
              taken |= 1u << i;
            }
          break;
        }
      g_variant_unref (value);
    }
}

static guint64 *
take_numbers (GVariant *value,
              gsize    *n)
{
  const guint64 *numbers;
  guint64 *copy;

  *n = 0;
  if (value == NULL)
    return NULL;
  numbers = g_variant_get_fixed_array (value, n, sizeof (guint64));
  copy = g_memdup2 (numbers, *n * sizeof (guint64));
  g_variant_unref (value);
  return copy;
}

/* Values of enumerations are sent as their nicknames. */
static void
add_choice (GVariantBuilder *builder,
            const char      *key,
            GType            type,
            int              value)
{
  GEnumClass *choices = g_type_class_ref (type);

  add (builder, key, g_variant_new_string (g_enum_get_value (choices, value)->value_nick));
  g_type_class_unref (choices);
}

static int
find_choice (const char *nick,
             GType       type,
             int         otherwise)
{
  GEnumClass *choices = g_type_class_ref (type);
  const GEnumValue *choice = nick != NULL ? g_enum_get_value_by_nick (choices, nick) : NULL;

  g_type_class_unref (choices);
  return choice != NULL ? choice->value : otherwise;
}

GVariant *
thredo_wire_pack_thread (ThredoThreadInfo *info)
{
  gboolean waits = thredo_thread_info_get_state (info) == THREDO_THREAD_STATE_WAITING;
  const char *name = thredo_thread_info_get_name (info);
  const char *waiting_for = thredo_thread_info_get_waiting_for (info);
  GVariantBuilder builder;
  const guint64 *ids;
  gsize n_ids;

  g_variant_builder_init (&builder, G_VARIANT_TYPE_VARDICT);
  add (&builder, "id", g_variant_new_uint64 (thredo_thread_info_get_id (info)));
  if (name != NULL)
    add (&builder, "name", thredo_wire_new_string (name));
  add (&builder, "state", g_variant_new_string (waits ? "waiting" : "running"));
  if (waiting_for != NULL)
    {
      gint64 since = thredo_thread_info_get_waiting_since (info);

      add (&builder, "waiting-for", thredo_wire_new_string (waiting_for));
      add (&builder, "waiting-since", g_variant_new_int64 (since));
    }
  add (&builder, "n-waits", g_variant_new_uint64 (thredo_thread_info_get_n_waits (info)));
  add (&builder, "cpu-time", g_variant_new_int64 (thredo_thread_info_get_cpu_time (info)));
  if (thredo_thread_info_get_group_id (info) != 0)
    {
      add (&builder, "group-id", g_variant_new_uint64 (thredo_thread_info_get_group_id (info)));
      add (&builder, "group-path", new_strings (thredo_thread_info_get_group_path (info)));
      ids = thredo_thread_info_get_group_ids (info, &n_ids);
      add_numbers (&builder, "group-ids", ids, n_ids);
    }
  add (&builder, "daemon", g_variant_new_boolean (thredo_thread_info_is_daemon (info)));
  add (&builder, "cancelled", g_variant_new_boolean (thredo_thread_info_is_cancelled (info)));
  add (&builder, "shielded", g_variant_new_boolean (thredo_thread_info_is_shielded (info)));
  if (*thredo_thread_info_get_held (info) != NULL)
    add (&builder, "held", new_strings (thredo_thread_info_get_held (info)));
  return g_variant_builder_end (&builder);
}

typedef struct
{
  ThredoThreadSeen seen;
  const char *state;
  GVariant *group_ids;
} ThreadRecord;

static const Field thread_fields[] = {
  { "id", "t", G_STRUCT_OFFSET (ThreadRecord, seen.id) },
  { "name", "s", G_STRUCT_OFFSET (ThreadRecord, seen.name) },
  { "state", "&s", G_STRUCT_OFFSET (ThreadRecord, state) },
  { "waiting-for", "s", G_STRUCT_OFFSET (ThreadRecord, seen.waiting_for) },
  { "waiting-since", "x", G_STRUCT_OFFSET (ThreadRecord, seen.waiting_since) },
  { "n-waits", "t", G_STRUCT_OFFSET (ThreadRecord, seen.n_waits) },
  { "cpu-time", "x", G_STRUCT_OFFSET (ThreadRecord, seen.cpu_time) },
  { "group-id", "t", G_STRUCT_OFFSET (ThreadRecord, seen.group_id) },
  { "group-path", "^as", G_STRUCT_OFFSET (ThreadRecord, seen.group_path) },
  { "group-ids", "@at", G_STRUCT_OFFSET (ThreadRecord, group_ids) },
  { "daemon", "b", G_STRUCT_OFFSET (ThreadRecord, seen.is_daemon) },
  { "cancelled", "b", G_STRUCT_OFFSET (ThreadRecord, seen.is_cancelled) },
  { "shielded", "b", G_STRUCT_OFFSET (ThreadRecord, seen.is_shielded) },
  { "held", "^as", G_STRUCT_OFFSET (ThreadRecord, seen.held) },
};

/* FALSE if it has no number. */
gboolean
thredo_wire_unpack_thread (GVariant         *dictionary,
                           ThredoThreadSeen *seen)
{
  ThreadRecord record = { .state = NULL };

  unpack (dictionary, thread_fields, G_N_ELEMENTS (thread_fields), &record);
  *seen = record.seen;
  seen->group_ids = take_numbers (record.group_ids, &seen->n_group_ids);
  if (seen->id == 0)
    {
      thredo_thread_seen_clear (seen);
      return FALSE;
    }

  seen->state = g_strcmp0 (record.state, "waiting") == 0 ? THREDO_THREAD_STATE_WAITING
                                                         : THREDO_THREAD_STATE_RUNNING;
  if (seen->group_path == NULL || g_strv_length (seen->group_path) != seen->n_group_ids)
    seen->n_group_ids = 0;
  return TRUE;
}

GVariant *
thredo_wire_pack_queue (ThredoQueueInfo *info)
{
  const char *name = thredo_queue_info_get_name (info);
  GVariantBuilder builder;

  g_variant_builder_init (&builder, G_VARIANT_TYPE_VARDICT);
  add (&builder, "id", g_variant_new_uint64 (thredo_queue_info_get_id (info)));
  if (name != NULL)
    add (&builder, "name", thredo_wire_new_string (name));
  add_choice (&builder, "order", THREDO_TYPE_QUEUE_ORDER, (int) thredo_queue_info_get_order (info));
  add (&builder, "length", g_variant_new_uint32 (thredo_queue_info_get_length (info)));
  add (&builder, "max-size", g_variant_new_uint32 (thredo_queue_info_get_max_size (info)));
  add (&builder, "n-unfinished", g_variant_new_uint64 (thredo_queue_info_get_n_unfinished (info)));
  add (&builder, "n-getters", g_variant_new_uint32 (thredo_queue_info_get_n_getters (info)));
  add (&builder, "n-putters", g_variant_new_uint32 (thredo_queue_info_get_n_putters (info)));
  add (&builder, "closed", g_variant_new_boolean (thredo_queue_info_is_closed (info)));
  return g_variant_builder_end (&builder);
}

typedef struct
{
  ThredoQueueSeen seen;
  const char *order;
} QueueRecord;

static const Field queue_fields[] = {
  { "id", "t", G_STRUCT_OFFSET (QueueRecord, seen.id) },
  { "name", "s", G_STRUCT_OFFSET (QueueRecord, seen.name) },
  { "order", "&s", G_STRUCT_OFFSET (QueueRecord, order) },
  { "length", "u", G_STRUCT_OFFSET (QueueRecord, seen.length) },
  { "max-size", "u", G_STRUCT_OFFSET (QueueRecord, seen.max_size) },
  { "n-unfinished", "t", G_STRUCT_OFFSET (QueueRecord, seen.n_unfinished) },
  { "n-getters", "u", G_STRUCT_OFFSET (QueueRecord, seen.n_getters) },
  { "n-putters", "u", G_STRUCT_OFFSET (QueueRecord, seen.n_putters) },
  { "closed", "b", G_STRUCT_OFFSET (QueueRecord, seen.is_closed) },
};

/* NULL if it has no number. */
ThredoQueueInfo *
thredo_wire_unpack_queue (GVariant *dictionary)
{
  QueueRecord record = { .order = NULL };

  unpack (dictionary, queue_fields, G_N_ELEMENTS (queue_fields), &record);
  if (record.seen.id == 0)
    {
      thredo_queue_seen_clear (&record.seen);
      return NULL;
    }
  record.seen.order = (ThredoQueueOrder) find_choice (record.order, THREDO_TYPE_QUEUE_ORDER,
                                                      THREDO_QUEUE_ORDER_FIFO);
  return thredo_queue_info_new (&record.seen);
}

GVariant *
thredo_wire_pack_lock (ThredoLockInfo *info)
{
  const char *name = thredo_lock_info_get_name (info);
  const char *owner_name = thredo_lock_info_get_owner_name (info);
  gsize n_ids;
  const guint64 *ids = thredo_lock_info_get_waiting_ids (info, &n_ids);
  GVariantBuilder builder;

  g_variant_builder_init (&builder, G_VARIANT_TYPE_VARDICT);
  add (&builder, "id", g_variant_new_uint64 (thredo_lock_info_get_id (info)));
  if (name != NULL)
    add (&builder, "name", thredo_wire_new_string (name));
  add (&builder, "noun", thredo_wire_new_string (thredo_lock_info_get_noun (info)));
  if (thredo_lock_info_get_owner_id (info) != 0)
    add (&builder, "owner-id", g_variant_new_uint64 (thredo_lock_info_get_owner_id (info)));
  if (owner_name != NULL)
    add (&builder, "owner-name", thredo_wire_new_string (owner_name));
  add (&builder, "n-waiting", g_variant_new_uint32 (thredo_lock_info_get_n_waiting (info)));
  if (n_ids > 0)
    add_numbers (&builder, "waiting-ids", ids, n_ids);
  add (&builder, "abandoned", g_variant_new_boolean (thredo_lock_info_is_abandoned (info)));
  return g_variant_builder_end (&builder);
}

typedef struct
{
  ThredoLockSeen seen;
  GVariant *waiting_ids;
} LockRecord;

static const Field lock_fields[] = {
  { "id", "t", G_STRUCT_OFFSET (LockRecord, seen.id) },
  { "name", "s", G_STRUCT_OFFSET (LockRecord, seen.name) },
  { "noun", "s", G_STRUCT_OFFSET (LockRecord, seen.noun) },
  { "owner-id", "t", G_STRUCT_OFFSET (LockRecord, seen.owner_id) },
  { "owner-name", "s", G_STRUCT_OFFSET (LockRecord, seen.owner_name) },
  { "n-waiting", "u", G_STRUCT_OFFSET (LockRecord, seen.n_waiting) },
  { "waiting-ids", "@at", G_STRUCT_OFFSET (LockRecord, waiting_ids) },
  { "abandoned", "b", G_STRUCT_OFFSET (LockRecord, seen.is_abandoned) },
};

/* NULL if it has no number. */
ThredoLockInfo *
thredo_wire_unpack_lock (GVariant *dictionary)
{
  LockRecord record = { .waiting_ids = NULL };
  ThredoLockSeen *seen = &record.seen;

  unpack (dictionary, lock_fields, G_N_ELEMENTS (lock_fields), &record);
  seen->waiting_ids = take_numbers (record.waiting_ids, &seen->n_waiting_ids);
  if (seen->id == 0)
    {
      thredo_lock_seen_clear (seen);
      return NULL;
    }
  if (seen->noun == NULL)
    seen->noun = g_strdup ("Lock");
  return thredo_lock_info_new (seen);
}

GVariant *
thredo_wire_pack_ended (ThredoEndedInfo *info)
{
  const char *message = thredo_ended_info_get_message (info);
  GVariantBuilder builder;

  g_variant_builder_init (&builder, G_VARIANT_TYPE_VARDICT);
  add (&builder, "serial", g_variant_new_uint64 (thredo_ended_info_get_serial (info)));
  add (&builder, "id", g_variant_new_uint64 (thredo_ended_info_get_id (info)));
  add (&builder, "name", thredo_wire_new_string (thredo_ended_info_get_name (info)));
  add_choice (&builder, "state", THREDO_TYPE_THREAD_STATE,
              (int) thredo_ended_info_get_state (info));
  if (message != NULL)
    add (&builder, "message", thredo_wire_new_string (message));
  add (&builder, "ended-at", g_variant_new_int64 (thredo_ended_info_get_ended_at (info)));
  add (&builder, "cpu-time", g_variant_new_int64 (thredo_ended_info_get_cpu_time (info)));
  return g_variant_builder_end (&builder);
}

typedef struct
{
  ThredoEndedSeen seen;
  const char *state;
} EndedRecord;

static const Field ended_fields[] = {
  { "serial", "t", G_STRUCT_OFFSET (EndedRecord, seen.serial) },
  { "id", "t", G_STRUCT_OFFSET (EndedRecord, seen.id) },
  { "name", "s", G_STRUCT_OFFSET (EndedRecord, seen.name) },
  { "state", "&s", G_STRUCT_OFFSET (EndedRecord, state) },
  { "message", "s", G_STRUCT_OFFSET (EndedRecord, seen.message) },
  { "ended-at", "x", G_STRUCT_OFFSET (EndedRecord, seen.ended_at) },
  { "cpu-time", "x", G_STRUCT_OFFSET (EndedRecord, seen.cpu_time) },
};

/* NULL if it has no number. */
ThredoEndedInfo *
thredo_wire_unpack_ended (GVariant *dictionary)
{
  EndedRecord record = { .state = NULL };
  ThredoEndedSeen *seen = &record.seen;

  unpack (dictionary, ended_fields, G_N_ELEMENTS (ended_fields), &record);
  if (seen->serial == 0 || seen->id == 0)
    {
      thredo_ended_seen_clear (seen);
      return NULL;
    }
  if (seen->name == NULL)
    seen->name = g_strdup ("");
  seen->state = (ThredoThreadState) find_choice (record.state, THREDO_TYPE_THREAD_STATE,
                                                 THREDO_THREAD_STATE_FINISHED);
  return thredo_ended_info_new (seen);
}
