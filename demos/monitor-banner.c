/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "monitor-banner.h"

#include "monitor-circle.h"

struct _MonitorBanner
{
  GtkWidget parent_instance;

  ThredoMonitor *monitor;
  ThredoDeadlock *deadlock; /* NULL: there is none, or it was put aside */
  ThredoThread *victim;

  GtkWidget *revealer;
  GtkWidget *box;
  GtkWidget *circle;
  GtkWidget *title;
  GtkWidget *description;
  GtkWidget *cancel_button;
};

G_DEFINE_FINAL_TYPE (MonitorBanner, monitor_banner, GTK_TYPE_WIDGET)

/* The youngest: it has the least to lose. */
static ThredoThread *
choose_victim (ThredoDeadlock *deadlock)
{
  GPtrArray *threads = thredo_deadlock_get_threads (deadlock);
  ThredoThread *victim = g_ptr_array_index (threads, 0);

  for (guint i = 1; i < threads->len; i++)
    if (thredo_thread_get_id (g_ptr_array_index (threads, i)) > thredo_thread_get_id (victim))
      victim = g_ptr_array_index (threads, i);
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
  g_clear_object (&self->victim);
}

static void
show (MonitorBanner  *self,
      ThredoDeadlock *deadlock)
{
  guint n = thredo_deadlock_get_threads (deadlock)->len;
  g_autofree char *title = NULL;
  g_autofree char *lines = fold (thredo_deadlock_get_description (deadlock));
  g_autofree char *cancel = NULL;

  g_set_object (&self->deadlock, deadlock);
  g_set_object (&self->victim, choose_victim (deadlock));
  if (n == 1)
    title = g_strdup ("A thread waits for itself");
  else
    title = g_strdup_printf ("Deadlock: %u threads wait for each other", n);
  cancel = g_strdup_printf ("Cancel %s", thredo_thread_get_name (self->victim));
  gtk_label_set_label (GTK_LABEL (self->title), title);
  gtk_label_set_label (GTK_LABEL (self->description), lines);
  gtk_button_set_label (GTK_BUTTON (self->cancel_button), cancel);
  gtk_widget_set_sensitive (self->cancel_button, TRUE);
  monitor_circle_set_deadlock (MONITOR_CIRCLE (self->circle), deadlock);
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
  if (self->victim == NULL)
    return;
  thredo_thread_cancel (self->victim);
  gtk_widget_set_sensitive (self->cancel_button, FALSE);
  gtk_button_set_label (GTK_BUTTON (self->cancel_button), "Cancelling…");
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
  g_clear_object (&self->victim);
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
  g_signal_connect_swapped (self->cancel_button, "clicked", G_CALLBACK (on_cancel), self);
  g_signal_connect_swapped (close_button, "clicked", G_CALLBACK (hide), self);
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
  return g_object_new (MONITOR_TYPE_BANNER, "accessible-role", GTK_ACCESSIBLE_ROLE_ALERT, NULL);
}

void
monitor_banner_set_monitor (MonitorBanner *self,
                            ThredoMonitor *monitor)
{
  if (self->monitor != NULL)
    g_signal_handlers_disconnect_by_data (self->monitor, self);
  g_set_object (&self->monitor, monitor);
  hide (self);
  g_signal_connect (monitor, "deadlock", G_CALLBACK (on_deadlock), self);
}

/* After each time that the threads were looked at. */
void
monitor_banner_refresh (MonitorBanner *self)
{
  g_autoptr(GPtrArray) deadlocks = NULL;

  if (self->deadlock == NULL)
    return;

  deadlocks = thredo_monitor_find_deadlocks (self->monitor);
  for (guint i = 0; i < deadlocks->len; i++)
    {
      GPtrArray *threads = thredo_deadlock_get_threads (g_ptr_array_index (deadlocks, i));
      GPtrArray *known = thredo_deadlock_get_threads (self->deadlock);

      /* It may be told from another of its threads on. */
      if (g_ptr_array_find (threads, g_ptr_array_index (known, 0), NULL))
        return;
    }
  if (deadlocks->len > 0)
    show (self, g_ptr_array_index (deadlocks, 0));
  else
    hide (self);
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
