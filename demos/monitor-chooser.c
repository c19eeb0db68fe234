/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "monitor-chooser.h"

#include "monitor-workload.h"

static gboolean
on_state_set (GtkSwitch       *control,
              gboolean         on,
              MonitorWorkload *workload)
{
  g_autoptr(GError) error = NULL;

  if (on && !monitor_workload_is_running (workload) && !monitor_workload_start (workload, &error))
    {
      g_warning ("%s: %s", monitor_workload_get_title (workload), error->message);
      gtk_switch_set_active (control, FALSE);
    }
  else if (!on)
    monitor_workload_stop (workload);
  return TRUE;
}

/* The switch has moved when the workload has started; it stays lit until the last thread ended. */
static void
on_running (MonitorWorkload *workload,
            GParamSpec      *pspec,
            GtkSwitch       *control)
{
  gboolean running = monitor_workload_is_running (workload);

  if (!running)
    gtk_switch_set_active (control, FALSE);
  else if (!gtk_switch_get_active (control))
    gtk_switch_set_active (control, TRUE);
  gtk_switch_set_state (control, running);
}

/* The switch of GTK 4.8 knows Return alone. */
static void
add_space (GtkWidget *control)
{
  GtkEventController *keys = gtk_shortcut_controller_new ();
  GtkShortcutAction *action = g_object_ref (gtk_activate_action_get ());
  GtkShortcutTrigger *trigger;

  trigger = gtk_alternative_trigger_new (gtk_keyval_trigger_new (GDK_KEY_space, 0),
                                         gtk_keyval_trigger_new (GDK_KEY_KP_Space, 0));
  gtk_shortcut_controller_add_shortcut (GTK_SHORTCUT_CONTROLLER (keys),
                                        gtk_shortcut_new (trigger, action));
  gtk_widget_add_controller (control, keys);
}

static GtkWidget *
new_row (MonitorWorkload *workload)
{
  GtkWidget *row = gtk_box_new (GTK_ORIENTATION_HORIZONTAL, 18);
  GtkWidget *words = gtk_box_new (GTK_ORIENTATION_VERTICAL, 2);
  GtkWidget *title = gtk_label_new (monitor_workload_get_title (workload));
  GtkWidget *description = gtk_label_new (monitor_workload_get_description (workload));
  GtkWidget *control = gtk_switch_new ();

  gtk_label_set_xalign (GTK_LABEL (title), 0);
  gtk_label_set_xalign (GTK_LABEL (description), 0);
  gtk_label_set_wrap (GTK_LABEL (description), TRUE);
  gtk_label_set_max_width_chars (GTK_LABEL (description), 34);
  gtk_widget_add_css_class (title, "row-title");
  gtk_widget_add_css_class (description, "dim-label");
  gtk_widget_add_css_class (description, "caption");
  gtk_widget_set_hexpand (words, TRUE);
  gtk_widget_set_valign (control, GTK_ALIGN_CENTER);
  gtk_accessible_update_relation (GTK_ACCESSIBLE (control), GTK_ACCESSIBLE_RELATION_LABELLED_BY,
                                  title, NULL, GTK_ACCESSIBLE_RELATION_DESCRIBED_BY, description,
                                  NULL, -1);
  g_signal_connect_object (control, "state-set", G_CALLBACK (on_state_set), workload, 0);
  g_signal_connect_object (workload, "notify::running", G_CALLBACK (on_running), control, 0);
  on_running (workload, NULL, GTK_SWITCH (control));
  add_space (control);

  gtk_box_append (GTK_BOX (words), title);
  gtk_box_append (GTK_BOX (words), description);
  gtk_box_append (GTK_BOX (row), words);
  gtk_box_append (GTK_BOX (row), control);
  return row;
}

GtkWidget *
monitor_chooser_new (GListModel *workloads)
{
  GtkWidget *popover = gtk_popover_new ();
  GtkWidget *box = gtk_box_new (GTK_ORIENTATION_VERTICAL, 14);

  for (guint i = 0; i < g_list_model_get_n_items (workloads); i++)
    {
      g_autoptr(MonitorWorkload) workload = g_list_model_get_item (workloads, i);

      gtk_box_append (GTK_BOX (box), new_row (workload));
    }
  gtk_widget_add_css_class (box, "chooser");
  gtk_popover_set_child (GTK_POPOVER (popover), box);
  return popover;
}
