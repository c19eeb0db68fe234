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

static guint64 *
lookup_numbers (GVariant   *dictionary,
                const char *key,
                gsize      *n)
{
  g_autoptr(GVariant) value = NULL;
  const guint64 *numbers;

  *n = 0;
  value = g_variant_lookup_value (dictionary, key, G_VARIANT_TYPE ("at"));
  if (value == NULL)
    return NULL;
  numbers = g_variant_get_fixed_array (value, n, sizeof (guint64));
  return g_memdup2 (numbers, *n * sizeof (guint64));
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
lookup_choice (GVariant   *dictionary,
               const char *key,
               GType       type,
               int         otherwise)
{
  GEnumClass *choices = g_type_class_ref (type);
  const GEnumValue *choice = NULL;
  const char *nick;

  if (g_variant_lookup (dictionary, key, "&s", &nick))
    choice = g_enum_get_value_by_nick (choices, nick);
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

/* What is not there, or of another type, is left as it is. FALSE if it has no number. */
gboolean
thredo_wire_unpack_thread (GVariant         *dictionary,
                           ThredoThreadSeen *seen)
{
  const char *state = "";

  *seen = (ThredoThreadSeen) { NULL };
  if (!g_variant_lookup (dictionary, "id", "t", &seen->id))
    return FALSE;
  g_variant_lookup (dictionary, "name", "s", &seen->name);
  g_variant_lookup (dictionary, "state", "&s", &state);
  seen->state = g_str_equal (state, "waiting") ? THREDO_THREAD_STATE_WAITING
                                               : THREDO_THREAD_STATE_RUNNING;
  g_variant_lookup (dictionary, "waiting-for", "s", &seen->waiting_for);
  g_variant_lookup (dictionary, "waiting-since", "x", &seen->waiting_since);
  g_variant_lookup (dictionary, "n-waits", "t", &seen->n_waits);
  g_variant_lookup (dictionary, "cpu-time", "x", &seen->cpu_time);
  g_variant_lookup (dictionary, "group-id", "t", &seen->group_id);
  g_variant_lookup (dictionary, "group-path", "^as", &seen->group_path);
  seen->group_ids = lookup_numbers (dictionary, "group-ids", &seen->n_group_ids);
  if (seen->group_path == NULL || g_strv_length (seen->group_path) != seen->n_group_ids)
    seen->n_group_ids = 0;
  g_variant_lookup (dictionary, "daemon", "b", &seen->is_daemon);
  g_variant_lookup (dictionary, "cancelled", "b", &seen->is_cancelled);
  g_variant_lookup (dictionary, "shielded", "b", &seen->is_shielded);
  g_variant_lookup (dictionary, "held", "^as", &seen->held);
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

/* NULL if it has no number. */
ThredoQueueInfo *
thredo_wire_unpack_queue (GVariant *dictionary)
{
  ThredoQueueSeen seen = { 0 };

  if (!g_variant_lookup (dictionary, "id", "t", &seen.id))
    return NULL;
  g_variant_lookup (dictionary, "name", "s", &seen.name);
  seen.order = (ThredoQueueOrder) lookup_choice (dictionary, "order", THREDO_TYPE_QUEUE_ORDER,
                                                 THREDO_QUEUE_ORDER_FIFO);
  g_variant_lookup (dictionary, "length", "u", &seen.length);
  g_variant_lookup (dictionary, "max-size", "u", &seen.max_size);
  g_variant_lookup (dictionary, "n-unfinished", "t", &seen.n_unfinished);
  g_variant_lookup (dictionary, "n-getters", "u", &seen.n_getters);
  g_variant_lookup (dictionary, "n-putters", "u", &seen.n_putters);
  g_variant_lookup (dictionary, "closed", "b", &seen.is_closed);
  return thredo_queue_info_new (&seen);
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

/* NULL if it has no number. */
ThredoLockInfo *
thredo_wire_unpack_lock (GVariant *dictionary)
{
  ThredoLockSeen seen = { 0 };

  if (!g_variant_lookup (dictionary, "id", "t", &seen.id))
    return NULL;
  g_variant_lookup (dictionary, "name", "s", &seen.name);
  if (!g_variant_lookup (dictionary, "noun", "s", &seen.noun))
    seen.noun = g_strdup ("Lock");
  g_variant_lookup (dictionary, "owner-id", "t", &seen.owner_id);
  g_variant_lookup (dictionary, "owner-name", "s", &seen.owner_name);
  g_variant_lookup (dictionary, "n-waiting", "u", &seen.n_waiting);
  seen.waiting_ids = lookup_numbers (dictionary, "waiting-ids", &seen.n_waiting_ids);
  g_variant_lookup (dictionary, "abandoned", "b", &seen.is_abandoned);
  return thredo_lock_info_new (&seen);
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

/* NULL if it has no number. */
ThredoEndedInfo *
thredo_wire_unpack_ended (GVariant *dictionary)
{
  ThredoEndedSeen seen = { 0 };

  if (!g_variant_lookup (dictionary, "serial", "t", &seen.serial) ||
      !g_variant_lookup (dictionary, "id", "t", &seen.id))
    return NULL;
  if (!g_variant_lookup (dictionary, "name", "s", &seen.name))
    seen.name = g_strdup ("");
  seen.state = (ThredoThreadState) lookup_choice (dictionary, "state", THREDO_TYPE_THREAD_STATE,
                                                  THREDO_THREAD_STATE_FINISHED);
  g_variant_lookup (dictionary, "message", "s", &seen.message);
  g_variant_lookup (dictionary, "ended-at", "x", &seen.ended_at);
  g_variant_lookup (dictionary, "cpu-time", "x", &seen.cpu_time);
  return thredo_ended_info_new (&seen);
}
