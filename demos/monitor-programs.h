/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/* A program that can be watched. */
#define MONITOR_TYPE_PROGRAM (monitor_program_get_type ())
G_DECLARE_FINAL_TYPE (MonitorProgram, monitor_program, MONITOR, PROGRAM, GObject)

MonitorProgram *monitor_program_new_own (void);
guint monitor_program_get_pid (MonitorProgram *self);
const char *monitor_program_get_name (MonitorProgram *self);
const char *monitor_program_get_command (MonitorProgram *self);
gboolean monitor_program_is_running (MonitorProgram *self);

/* All of them: a list of MonitorProgram with this one first, which has no number. */
#define MONITOR_TYPE_PROGRAMS (monitor_programs_get_type ())
G_DECLARE_FINAL_TYPE (MonitorPrograms, monitor_programs, MONITOR, PROGRAMS, GObject)

MonitorPrograms *monitor_programs_new (void);
GListModel *monitor_programs_get_list (MonitorPrograms *self);
void monitor_programs_set_looking (MonitorPrograms *self,
                                   gboolean         looking);
const char *monitor_programs_get_message (MonitorPrograms *self);

void monitor_programs_find_async (const char          *wanted,
                                  GCancellable        *cancellable,
                                  GAsyncReadyCallback  callback,
                                  gpointer             user_data);
MonitorProgram *monitor_programs_find_finish (GAsyncResult  *result,
                                              GError       **error);

G_END_DECLS
