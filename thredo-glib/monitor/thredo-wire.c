/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "thredo-wire-private.h"

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

GVariant *
thredo_wire_pack_thread (ThredoThreadInfo *info)
{
  gboolean waits = thredo_thread_info_get_state (info) == THREDO_THREAD_STATE_WAITING;
  const char *name = thredo_thread_info_get_name (info);
  const char *waiting_for = thredo_thread_info_get_waiting_for (info);
  GVariantBuilder builder;

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
  g_variant_lookup (dictionary, "daemon", "b", &seen->is_daemon);
  g_variant_lookup (dictionary, "cancelled", "b", &seen->is_cancelled);
  g_variant_lookup (dictionary, "shielded", "b", &seen->is_shielded);
  g_variant_lookup (dictionary, "held", "^as", &seen->held);
  return TRUE;
}
