/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "thredo-reporter-private.h"

#include "config.h"
#include "thredo-deadlock.h"
#include "thredo-ended-info.h"
#include "thredo-enum-types.h"
#include "thredo-lock-info.h"
#include "thredo-queue-info.h"
#include "thredo-wire-private.h"

#include <unistd.h>

/* A list of those that have gone is kept so long; who asks less often is told of all. */
#define MAX_GONE 20000

/* So many queues, or locks, are told of. */
#define MAX_LISTED 10000u

/* Peers that ask more often are told what was seen last. */
#define MIN_INTERVAL (10 * G_TIME_SPAN_MILLISECOND)

/* One for each thread in the monitor's list, in its order. */
typedef struct
{
  ThredoReporter *reporter;
  ThredoThreadInfo *info;
  guint64 id;
  guint64 serial; /* when it last changed */
  gulong handler;
} Record;

typedef struct
{
  guint64 id;
  guint64 serial;
} Gone;

struct _ThredoReporter
{
  ThredoMonitor *monitor;
  GPtrArray *records;
  GArray *gone;
  guint64 serial;
  guint64 forgotten; /* what has gone up to this one is not known any more */
  gint64 refreshed;
};

/* The list. */

static void
note_change (ThredoThreadInfo *info,
             GParamSpec       *pspec,
             Record           *record)
{
  record->serial = record->reporter->serial;
}

static Record *
record_new (ThredoReporter   *reporter,
            ThredoThreadInfo *info)
{
  Record *self = g_new (Record, 1);

  self->reporter = reporter;
  self->info = info;
  self->id = thredo_thread_info_get_id (info);
  self->serial = reporter->serial;
  self->handler = g_signal_connect (info, "notify", G_CALLBACK (note_change), self);
  return self;
}

static void
record_free (gpointer data)
{
  Record *self = data;

  g_signal_handler_disconnect (self->info, self->handler);
  g_object_unref (self->info);
  g_free (self);
}

static void
forget_some (ThredoReporter *self)
{
  guint n = self->gone->len / 2;

  if (self->gone->len <= MAX_GONE)
    return;
  self->forgotten = g_array_index (self->gone, Gone, n - 1).serial;
  g_array_remove_range (self->gone, 0, n);
}

static void
follow_list (GListModel     *list,
             guint           position,
             guint           n_removed,
             guint           n_added,
             ThredoReporter *self)
{
  for (guint i = 0; i < n_removed; i++)
    {
      Record *record = self->records->pdata[position + i];
      Gone gone = { record->id, self->serial };

      g_array_append_val (self->gone, gone);
    }
  if (n_removed > 0)
    g_ptr_array_remove_range (self->records, position, n_removed);
  for (guint i = 0; i < n_added; i++)
    g_ptr_array_insert (self->records, (int) (position + i),
                        record_new (self, g_list_model_get_item (list, position + i)));
  forget_some (self);
}

static GVariant *
new_thread_ids (ThredoDeadlock *deadlock)
{
  GPtrArray *threads = thredo_deadlock_get_threads (deadlock);
  GVariantBuilder builder;

  g_variant_builder_init (&builder, G_VARIANT_TYPE ("at"));
  for (guint i = 0; i < threads->len; i++)
    g_variant_builder_add (&builder, "t", thredo_thread_get_id (threads->pdata[i]));
  return g_variant_builder_end (&builder);
}

GVariant *
thredo_reporter_new_deadlock (ThredoDeadlock *deadlock)
{
  return g_variant_new ("(@s@at)",
                        thredo_wire_new_string (thredo_deadlock_get_description (deadlock)),
                        new_thread_ids (deadlock));
}

/* With the first serial that no earlier one has given out. */
ThredoReporter *
thredo_reporter_new (guint64 serial)
{
  ThredoReporter *self = g_new0 (ThredoReporter, 1);

  self->records = g_ptr_array_new_with_free_func (record_free);
  self->gone = g_array_new (FALSE, FALSE, sizeof (Gone));
  self->serial = serial;
  self->forgotten = serial;
  self->monitor = thredo_monitor_new ();
  thredo_monitor_set_interval (self->monitor, 0);
  g_signal_connect (self->monitor, "items-changed", G_CALLBACK (follow_list), self);
  follow_list (G_LIST_MODEL (self->monitor), 0, 0,
               g_list_model_get_n_items (G_LIST_MODEL (self->monitor)), self);

  return self;
}

/* Returns the last serial it has given out. */
guint64
thredo_reporter_free (ThredoReporter *self)
{
  guint64 serial = self->serial;

  g_signal_handlers_disconnect_by_data (self->monitor, self);
  g_ptr_array_unref (self->records);
  g_array_unref (self->gone);
  g_object_unref (self->monitor);
  g_free (self);
  return serial;
}

ThredoMonitor *
thredo_reporter_get_monitor (ThredoReporter *self)
{
  return self->monitor;
}

static void
look_again (ThredoReporter *self)
{
  gint64 now = g_get_monotonic_time ();

  if (now < self->refreshed + MIN_INTERVAL)
    return;
  self->serial++;
  thredo_monitor_refresh (self->monitor);
  self->refreshed = g_get_monotonic_time ();
}

/* Calls. */

static GVariant *
get_process (void)
{
  GEnumClass *policies = g_type_class_ref (THREDO_TYPE_DEADLOCK_POLICY);
  GEnumValue *policy = g_enum_get_value (policies, (int) thredo_get_deadlock_policy ());
  const char *program = g_get_prgname ();
  GVariantBuilder builder;

  g_variant_builder_init (&builder, G_VARIANT_TYPE_VARDICT);
  g_variant_builder_add (&builder, "{sv}", "pid", g_variant_new_uint32 ((guint32) getpid ()));
  if (program != NULL)
    g_variant_builder_add (&builder, "{sv}", "program", thredo_wire_new_string (program));
  g_variant_builder_add (&builder, "{sv}", "version", g_variant_new_string (THREDO_VERSION));
  g_variant_builder_add (&builder, "{sv}", "deadlock-policy",
                         g_variant_new_string (policy->value_nick));
  g_variant_builder_add (&builder, "{sv}", "now", g_variant_new_int64 (g_get_monotonic_time ()));
  g_type_class_unref (policies);
  return g_variant_new ("(a{sv})", &builder);
}

static GVariant *
get_threads (ThredoReporter *self,
             guint64         since)
{
  gboolean all = since < self->forgotten || since > self->serial;
  GVariantBuilder changed, gone;

  look_again (self);
  all = all || since < self->forgotten;
  g_variant_builder_init (&changed, G_VARIANT_TYPE ("aa{sv}"));
  for (guint i = 0; i < self->records->len; i++)
    {
      Record *record = self->records->pdata[i];

      if (all || record->serial > since)
        g_variant_builder_add_value (&changed, thredo_wire_pack_thread (record->info));
    }
  g_variant_builder_init (&gone, G_VARIANT_TYPE ("at"));
  for (guint i = self->gone->len; !all && i > 0; i--)
    {
      Gone *one = &g_array_index (self->gone, Gone, i - 1);

      if (one->serial <= since)
        break;
      g_variant_builder_add (&gone, "t", one->id);
    }
  return g_variant_new ("(tbaa{sv}at)", self->serial, all, &changed, &gone);
}

static GVariant *
get_figures (ThredoReporter *self)
{
  GVariantBuilder builder;

  g_variant_builder_init (&builder, G_VARIANT_TYPE_VARDICT);
  g_variant_builder_add (&builder, "{sv}", "n-threads", g_variant_new_uint32 (self->records->len));
  g_variant_builder_add (&builder, "{sv}", "n-waiting",
                         g_variant_new_uint32 (thredo_monitor_get_n_waiting (self->monitor)));
  g_variant_builder_add (&builder, "{sv}", "waits-per-second",
                         g_variant_new_double (
                             thredo_monitor_get_waits_per_second (self->monitor)));
  g_variant_builder_add (&builder, "{sv}", "loop-latency",
                         g_variant_new_int64 (thredo_monitor_get_loop_latency (self->monitor)));
  return g_variant_new ("(a{sv})", &builder);
}

static GVariant *
get_deadlocks (ThredoReporter *self)
{
  g_autoptr(GPtrArray) deadlocks = thredo_monitor_find_deadlocks (self->monitor);
  GVariantBuilder builder;

  g_variant_builder_init (&builder, G_VARIANT_TYPE ("a(sat)"));
  for (guint i = 0; i < deadlocks->len; i++)
    g_variant_builder_add_value (&builder, thredo_reporter_new_deadlock (deadlocks->pdata[i]));
  return g_variant_new ("(a(sat))", &builder);
}

/* Of too many, all that are used are told of before any other. */
static GVariant *
pack_list (GPtrArray *infos,
           gboolean (*is_used) (gpointer info),
           GVariant *(*pack) (gpointer info))
{
  guint n_used = 0, n_unused;
  GVariantBuilder builder;

  for (guint i = 0; i < infos->len; i++)
    n_used += is_used (infos->pdata[i]) ? 1 : 0;
  n_used = MIN (n_used, MAX_LISTED);
  n_unused = MAX_LISTED - n_used;
  g_variant_builder_init (&builder, G_VARIANT_TYPE ("aa{sv}"));
  for (guint i = 0; i < infos->len; i++)
    {
      guint *n_left = is_used (infos->pdata[i]) ? &n_used : &n_unused;

      if (*n_left == 0)
        continue;
      (*n_left)--;
      g_variant_builder_add_value (&builder, pack (infos->pdata[i]));
    }
  return g_variant_new ("(uaa{sv})", infos->len, &builder);
}

static gboolean
is_queue_used (gpointer info)
{
  return thredo_queue_info_get_length (info) > 0 || thredo_queue_info_get_n_getters (info) > 0 ||
         thredo_queue_info_get_n_putters (info) > 0;
}

static GVariant *
pack_queue (gpointer info)
{
  return thredo_wire_pack_queue (info);
}

static GVariant *
get_queues (ThredoReporter *self)
{
  g_autoptr(GPtrArray) queues = thredo_monitor_list_queues (self->monitor);

  return pack_list (queues, is_queue_used, pack_queue);
}

static gboolean
is_lock_used (gpointer info)
{
  return thredo_lock_info_get_owner_id (info) != 0 || thredo_lock_info_get_n_waiting (info) > 0;
}

static GVariant *
pack_lock (gpointer info)
{
  return thredo_wire_pack_lock (info);
}

static GVariant *
get_locks (ThredoReporter *self)
{
  g_autoptr(GPtrArray) locks = thredo_monitor_list_locks (self->monitor);

  return pack_list (locks, is_lock_used, pack_lock);
}

static GVariant *
get_history (ThredoReporter *self,
             guint64         since)
{
  g_autoptr(GPtrArray) history = thredo_monitor_get_history (self->monitor);
  GVariantBuilder builder;

  g_variant_builder_init (&builder, G_VARIANT_TYPE ("aa{sv}"));
  for (guint i = 0; i < history->len; i++)
    {
      if (thredo_ended_info_get_serial (history->pdata[i]) > since)
        g_variant_builder_add_value (&builder, thredo_wire_pack_ended (history->pdata[i]));
    }
  return g_variant_new ("(aa{sv})", &builder);
}

/* The answer to a call, floating, or NULL: then there is none, or an error with its name. */
GVariant *
thredo_reporter_answer (ThredoReporter  *self,
                        const char      *method,
                        GVariant        *parameters,
                        const char     **failure,
                        GError         **error)
{
  guint64 number = 0;

  if (g_variant_is_of_type (parameters, G_VARIANT_TYPE ("(t)")))
    g_variant_get (parameters, "(t)", &number);

  if (g_str_equal (method, "GetProcess"))
    return get_process ();
  if (g_str_equal (method, "GetThreads"))
    return get_threads (self, number);
  if (g_str_equal (method, "GetFigures"))
    return get_figures (self);
  if (g_str_equal (method, "GetDeadlocks"))
    return get_deadlocks (self);
  if (g_str_equal (method, "GetQueues"))
    return get_queues (self);
  if (g_str_equal (method, "GetLocks"))
    return get_locks (self);
  if (g_str_equal (method, "GetHistory"))
    return get_history (self, number);

  if (g_str_equal (method, "CancelThread"))
    {
      if (!thredo_monitor_cancel_thread (self->monitor, number, NULL, error))
        *failure = THREDO_WIRE_NO_SUCH_THREAD;
    }
  else if (!thredo_monitor_cancel_group (self->monitor, number, NULL, error))
    *failure = THREDO_WIRE_NO_SUCH_GROUP;
  return NULL;
}
