/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "monitor-notice.h"

struct _MonitorNotice
{
  GtkWidget parent_instance;

  GtkWidget *revealer;
  GtkWidget *text;
  GtkWidget *offer_button;
  guint hide_source;
};

G_DEFINE_FINAL_TYPE (MonitorNotice, monitor_notice, GTK_TYPE_WIDGET)

void
monitor_notice_hide (MonitorNotice *self)
{
  g_clear_handle_id (&self->hide_source, g_source_remove);
  gtk_revealer_set_reveal_child (GTK_REVEALER (self->revealer), FALSE);
}

static gboolean
on_time (gpointer user_data)
{
  MonitorNotice *self = user_data;

  self->hide_source = 0;
  monitor_notice_hide (self);
  return G_SOURCE_REMOVE;
}

/* With the button if it is to @offer that; for so many seconds, 0: until it is hidden. */
void
monitor_notice_tell (MonitorNotice *self,
                     const char    *text,
                     gboolean       offer,
                     guint          seconds)
{
  g_clear_handle_id (&self->hide_source, g_source_remove);
  gtk_label_set_label (GTK_LABEL (self->text), text);
  gtk_accessible_update_property (GTK_ACCESSIBLE (self), GTK_ACCESSIBLE_PROPERTY_LABEL, text, -1);
  gtk_widget_set_visible (self->offer_button, offer);
  gtk_revealer_set_reveal_child (GTK_REVEALER (self->revealer), TRUE);
  if (seconds > 0)
    self->hide_source = g_timeout_add_seconds (seconds, on_time, self);
}

static void
monitor_notice_dispose (GObject *object)
{
  MonitorNotice *self = MONITOR_NOTICE (object);

  g_clear_handle_id (&self->hide_source, g_source_remove);
  g_clear_pointer (&self->revealer, gtk_widget_unparent);
  G_OBJECT_CLASS (monitor_notice_parent_class)->dispose (object);
}

static void
monitor_notice_class_init (MonitorNoticeClass *klass)
{
  G_OBJECT_CLASS (klass)->dispose = monitor_notice_dispose;
  gtk_widget_class_set_layout_manager_type (GTK_WIDGET_CLASS (klass), GTK_TYPE_BIN_LAYOUT);
}

/* A box makes room for baselines at different heights, as those of words and of a picture are, but
 * not before it knows its width. An overlay has none. */
static GtkWidget *
wrap_button (GtkWidget *button)
{
  GtkWidget *overlay = gtk_overlay_new ();

  gtk_widget_set_valign (button, GTK_ALIGN_CENTER);
  gtk_overlay_set_child (GTK_OVERLAY (overlay), button);
  return overlay;
}

static void
monitor_notice_init (MonitorNotice *self)
{
  GtkWidget *box = gtk_box_new (GTK_ORIENTATION_HORIZONTAL, 8);
  GtkWidget *close_button = gtk_button_new_from_icon_name ("window-close-symbolic");

  self->text = gtk_label_new (NULL);
  gtk_label_set_xalign (GTK_LABEL (self->text), 0);
  gtk_label_set_wrap (GTK_LABEL (self->text), TRUE);
  gtk_label_set_wrap_mode (GTK_LABEL (self->text), PANGO_WRAP_WORD_CHAR);
  gtk_widget_set_hexpand (self->text, TRUE);
  self->offer_button = gtk_button_new ();
  gtk_button_set_has_frame (GTK_BUTTON (close_button), FALSE);
  gtk_widget_set_tooltip_text (close_button, "Hide the message");
  gtk_accessible_update_property (GTK_ACCESSIBLE (close_button), GTK_ACCESSIBLE_PROPERTY_LABEL,
                                  "Hide the message", -1);
  g_signal_connect_swapped (close_button, "clicked", G_CALLBACK (monitor_notice_hide), self);

  gtk_widget_add_css_class (box, "notice");
  gtk_box_append (GTK_BOX (box), self->text);
  gtk_box_append (GTK_BOX (box), wrap_button (self->offer_button));
  gtk_box_append (GTK_BOX (box), wrap_button (close_button));
  self->revealer = gtk_revealer_new ();
  gtk_revealer_set_child (GTK_REVEALER (self->revealer), box);
  gtk_widget_set_parent (self->revealer, GTK_WIDGET (self));
}

/* The button that it can have is called @label, and activates @action. */
GtkWidget *
monitor_notice_new (const char *label,
                    const char *action)
{
  MonitorNotice *self = g_object_new (MONITOR_TYPE_NOTICE, "accessible-role",
                                      GTK_ACCESSIBLE_ROLE_ALERT, NULL);

  gtk_button_set_label (GTK_BUTTON (self->offer_button), label);
  gtk_actionable_set_action_name (GTK_ACTIONABLE (self->offer_button), action);
  return GTK_WIDGET (self);
}
