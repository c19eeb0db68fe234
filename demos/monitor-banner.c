/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "monitor-banner.h"

#include "monitor-circle.h"
#include "monitor-control.h"
#include "monitor-track.h"

#include <unistd.h>

struct _MonitorBanner
{
  GtkWidget parent_instance;

  ThredoMonitor *monitor;
  ThredoDeadlock *deadlock; /* NULL: there is none, or it was put aside */
  ThredoDeadlock *aside;    /* NULL: none was */
  guint64 victim;

  GtkWidget *revealer;
  GtkWidget *box;
  GtkWidget *circle;
  GtkWidget *title;
  GtkWidget *description;
  GtkWidget *cancel_button;
};

G_DEFINE_FINAL_TYPE (MonitorBanner, monitor_banner, GTK_TYPE_WIDGET)

/* NULL: it is not in the list, yet or any more. */
static ThredoThreadInfo *
find_thread (MonitorBanner *self,
             guint64        id)
{
  GListModel *threads = G_LIST_MODEL (self->monitor);
  guint low = 0, high = g_list_model_get_n_items (threads);

  while (low < high)
    {
      guint middle = low + (high - low) / 2;
      g_autoptr(ThredoThreadInfo) info = g_list_model_get_item (threads, middle);

      if (thredo_thread_info_get_id (info) == id)
        return g_steal_pointer (&info);
      if (thredo_thread_info_get_id (info) < id)
        low = middle + 1;
      else
        high = middle;
    }
  return NULL;
}

static char *
name_thread (MonitorBanner *self,
             guint64        id)
{
  g_autoptr(ThredoThreadInfo) info = find_thread (self, id);

  if (info != NULL)
    return g_strdup (thredo_thread_info_get_name (info));
  return g_strdup_printf ("thread %" G_GUINT64_FORMAT, id);
}

/* What the thread waits for: "acquire on Lock 'left fork'". Empty if it is another thread. */
static char *
name_lock (MonitorBanner *self,
           guint64        id)
{
  g_autoptr(ThredoThreadInfo) info = find_thread (self, id);
  const char *text = info != NULL ? thredo_thread_info_get_waiting_for (info) : NULL;
  const char *first = text != NULL ? strchr (text, '\'') : NULL;
  const char *last = text != NULL ? strrchr (text, '\'') : NULL;

  if (text != NULL && strstr (text, " on Lock") == NULL && strstr (text, " on RLock") == NULL)
    return g_strdup ("");
  if (first == NULL || last <= first)
    return g_strdup ("unnamed lock");
  return g_strndup (first + 1, (gsize) (last - first - 1));
}

/* The youngest: it has the least to lose. */
static guint64
choose_victim (ThredoDeadlock *deadlock)
{
  gsize n;
  const guint64 *ids = thredo_deadlock_get_thread_ids (deadlock, &n);
  guint64 victim = 0;

  for (gsize i = 0; i < n; i++)
    victim = MAX (victim, ids[i]);
  return victim;
}

static char *
fold (const char *description)
{
  GString *lines = g_string_new (strchr (description, ':') != NULL
                                     ? strchr (description, ':') + 1
                                     : description);

  g_string_replace (lines, "; ", "\n", 0);
  return g_strstrip (g_string_free (lines, FALSE));
}

static void
hide (MonitorBanner *self)
{
  gtk_revealer_set_reveal_child (GTK_REVEALER (self->revealer), FALSE);
  g_clear_object (&self->deadlock);
  self->victim = 0;
}

/* The names may come to be known later than the numbers. */
static void
show_names (MonitorBanner *self)
{
  g_autoptr(GStrvBuilder) threads = g_strv_builder_new ();
  g_autoptr(GStrvBuilder) locks = g_strv_builder_new ();
  g_auto(GStrv) thread_names = NULL;
  g_auto(GStrv) lock_names = NULL;
  gsize n;
  const guint64 *ids = thredo_deadlock_get_thread_ids (self->deadlock, &n);

  for (gsize i = 0; i < n; i++)
    {
      g_autofree char *thread = name_thread (self, ids[i]);
      g_autofree char *lock = name_lock (self, ids[i]);

      g_strv_builder_add (threads, thread);
      g_strv_builder_add (locks, lock);
    }
  thread_names = g_strv_builder_end (threads);
  lock_names = g_strv_builder_end (locks);
  monitor_circle_set_threads (MONITOR_CIRCLE (self->circle), (const char *const *) thread_names,
                              (const char *const *) lock_names,
                              thredo_deadlock_get_description (self->deadlock));
}

static void
show_victim (MonitorBanner *self)
{
  g_autoptr(ThredoThreadInfo) info = find_thread (self, self->victim);
  gboolean is_cancelling = info != NULL && monitor_track_is_cancelling (info);
  g_autofree char *name = name_thread (self, self->victim);
  g_autofree char *label = is_cancelling ? g_strdup ("Cancelling…")
                                         : g_strdup_printf ("Cancel %s", name);

  gtk_widget_set_sensitive (self->cancel_button,
                            !is_cancelling && !thredo_monitor_is_closed (self->monitor));
  if (g_strcmp0 (gtk_button_get_label (GTK_BUTTON (self->cancel_button)), label) != 0)
    gtk_button_set_label (GTK_BUTTON (self->cancel_button), label);
}

static void
show (MonitorBanner  *self,
      ThredoDeadlock *deadlock)
{
  g_autofree char *title = NULL;
  g_autofree char *lines = fold (thredo_deadlock_get_description (deadlock));
  gsize n;

  thredo_deadlock_get_thread_ids (deadlock, &n);
  g_set_object (&self->deadlock, deadlock);
  self->victim = choose_victim (deadlock);
  if (n == 1)
    title = g_strdup ("A thread waits for itself");
  else
    title = g_strdup_printf ("Deadlock: %u threads wait for each other", (guint) n);
  gtk_label_set_label (GTK_LABEL (self->title), title);
  gtk_label_set_label (GTK_LABEL (self->description), lines);
  show_names (self);
  show_victim (self);
  gtk_revealer_set_reveal_child (GTK_REVEALER (self->revealer), TRUE);
}

static void
on_deadlock (ThredoMonitor  *monitor,
             ThredoDeadlock *deadlock,
             MonitorBanner  *self)
{
  if (self->deadlock == NULL)
    show (self, deadlock);
}

static void
on_cancel (MonitorBanner *self)
{
  g_autoptr(ThredoThreadInfo) info = NULL;
  g_autofree char *name = NULL;

  if (self->deadlock == NULL)
    return;
  info = find_thread (self, self->victim);
  name = name_thread (self, self->victim);
  if (info != NULL)
    monitor_control_cancel_thread (GTK_WIDGET (self), self->monitor, info);
  else
    monitor_control_cancel_thread_id (GTK_WIDGET (self), self->monitor, self->victim, name);
  gtk_widget_set_sensitive (self->cancel_button, FALSE);
  gtk_button_set_label (GTK_BUTTON (self->cancel_button), "Cancelling…");
}

static void
put_aside (MonitorBanner *self)
{
  g_set_object (&self->aside, self->deadlock);
  hide (self);
}

static void
monitor_banner_dispose (GObject *object)
{
  MonitorBanner *self = MONITOR_BANNER (object);

  g_clear_pointer (&self->revealer, gtk_widget_unparent);
  if (self->monitor != NULL)
    g_signal_handlers_disconnect_by_data (self->monitor, self);
  g_clear_object (&self->monitor);
  g_clear_object (&self->deadlock);
  g_clear_object (&self->aside);
  G_OBJECT_CLASS (monitor_banner_parent_class)->dispose (object);
}

static void
monitor_banner_class_init (MonitorBannerClass *klass)
{
  G_OBJECT_CLASS (klass)->dispose = monitor_banner_dispose;
  gtk_widget_class_set_layout_manager_type (GTK_WIDGET_CLASS (klass), GTK_TYPE_BIN_LAYOUT);
}

static GtkWidget *
new_label (const char *css_class)
{
  GtkWidget *label = gtk_label_new (NULL);

  gtk_label_set_xalign (GTK_LABEL (label), 0);
  gtk_label_set_wrap (GTK_LABEL (label), TRUE);
  gtk_label_set_wrap_mode (GTK_LABEL (label), PANGO_WRAP_WORD_CHAR);
  gtk_widget_add_css_class (label, css_class);
  return label;
}

static void
monitor_banner_init (MonitorBanner *self)
{
  GtkWidget *words = gtk_box_new (GTK_ORIENTATION_VERTICAL, 8);
  GtkWidget *buttons = gtk_box_new (GTK_ORIENTATION_HORIZONTAL, 8);
  GtkWidget *key = new_label ("dim-label");
  GtkWidget *close_button = gtk_button_new_with_mnemonic ("_Hide");

  self->title = new_label ("heading");
  self->description = new_label ("numeric");
  gtk_label_set_label (GTK_LABEL (key), "Dashed: waits for. Plain: is held by.");
  self->cancel_button = gtk_button_new_with_label ("Cancel one");
  gtk_widget_add_css_class (self->cancel_button, "suggested-action");
  gtk_widget_set_tooltip_text (self->cancel_button,
                               "Asks the youngest of them to end, which frees the others");
  gtk_widget_set_tooltip_text (close_button, "Leaves them as they are");
  gtk_accessible_reset_property (GTK_ACCESSIBLE (close_button), GTK_ACCESSIBLE_PROPERTY_LABEL);
  g_signal_connect_swapped (self->cancel_button, "clicked", G_CALLBACK (on_cancel), self);
  g_signal_connect_swapped (close_button, "clicked", G_CALLBACK (put_aside), self);
  gtk_box_append (GTK_BOX (buttons), self->cancel_button);
  gtk_box_append (GTK_BOX (buttons), close_button);

  gtk_box_append (GTK_BOX (words), self->title);
  gtk_box_append (GTK_BOX (words), self->description);
  gtk_box_append (GTK_BOX (words), key);
  gtk_box_append (GTK_BOX (words), buttons);
  gtk_widget_set_hexpand (words, TRUE);
  gtk_widget_set_valign (words, GTK_ALIGN_CENTER);

  self->circle = monitor_circle_new ();
  self->box = gtk_box_new (GTK_ORIENTATION_HORIZONTAL, 24);
  gtk_widget_add_css_class (self->box, "deadlock");
  gtk_box_append (GTK_BOX (self->box), self->circle);
  gtk_box_append (GTK_BOX (self->box), words);

  self->revealer = gtk_revealer_new ();
  gtk_revealer_set_child (GTK_REVEALER (self->revealer), self->box);
  gtk_widget_set_parent (self->revealer, GTK_WIDGET (self));
}

GtkWidget *
monitor_banner_new (void)
{
  MonitorBanner *self = g_object_new (MONITOR_TYPE_BANNER, "accessible-role",
                                      GTK_ACCESSIBLE_ROLE_ALERT, NULL);

  gtk_accessible_update_property (GTK_ACCESSIBLE (self), GTK_ACCESSIBLE_PROPERTY_LABEL, "Deadlock",
                                  -1);
  return GTK_WIDGET (self);
}

/* It may be told from another of its threads on. */
static gboolean
are_same (ThredoDeadlock *a,
          ThredoDeadlock *b)
{
  gsize n_a, n_b;
  const guint64 *ids_a = thredo_deadlock_get_thread_ids (a, &n_a);
  const guint64 *ids_b = thredo_deadlock_get_thread_ids (b, &n_b);

  for (gsize i = 0; i < n_a && n_b > 0; i++)
    if (ids_a[i] == ids_b[0])
      return TRUE;
  return FALSE;
}

/* What there was before somebody looked, too. */
static void
show_any (MonitorBanner *self)
{
  g_autoptr(GPtrArray) deadlocks = thredo_monitor_find_deadlocks (self->monitor);

  for (guint i = 0; i < deadlocks->len; i++)
    if (self->aside == NULL || !are_same (g_ptr_array_index (deadlocks, i), self->aside))
      {
        show (self, g_ptr_array_index (deadlocks, i));
        return;
      }
  hide (self);
}

void
monitor_banner_set_monitor (MonitorBanner *self,
                            ThredoMonitor *monitor)
{
  if (self->monitor != NULL)
    g_signal_handlers_disconnect_by_data (self->monitor, self);
  hide (self);
  g_clear_object (&self->aside);
  g_set_object (&self->monitor, monitor);
  g_signal_connect (monitor, "deadlock", G_CALLBACK (on_deadlock), self);
  show_any (self);
}

/* After each time that the threads were looked at. */
void
monitor_banner_refresh (MonitorBanner *self)
{
  g_autoptr(GPtrArray) deadlocks = NULL;

  if (thredo_monitor_is_closed (self->monitor))
    {
      hide (self);
      return;
    }
  /* One in this process is told, and to find it costs something. */
  if (self->deadlock == NULL && thredo_monitor_get_pid (self->monitor) == (guint) getpid ())
    return;
  if (self->deadlock == NULL)
    {
      show_any (self);
      return;
    }

  deadlocks = thredo_monitor_find_deadlocks (self->monitor);
  for (guint i = 0; i < deadlocks->len; i++)
    if (are_same (g_ptr_array_index (deadlocks, i), self->deadlock))
      {
        show_names (self);
        show_victim (self);
        return;
      }
  show_any (self);
}

gboolean
monitor_banner_is_shown (MonitorBanner *self)
{
  return self->deadlock != NULL;
}

void
monitor_banner_set_narrow (MonitorBanner *self,
                           gboolean       narrow)
{
  gtk_orientable_set_orientation (GTK_ORIENTABLE (self->box), narrow ? GTK_ORIENTATION_VERTICAL
                                                                     : GTK_ORIENTATION_HORIZONTAL);
  gtk_widget_set_visible (self->description, !narrow); /* which the picture says, too */
}
