/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include "thredo-types.h"

G_BEGIN_DECLS

THREDO_AVAILABLE
gboolean thredo_wait_child (GPid           pid,
                            int           *wait_status,
                            GCancellable  *cancellable,
                            GError       **error);
THREDO_AVAILABLE
gboolean thredo_wait_subprocess (GSubprocess   *subprocess,
                                 GCancellable  *cancellable,
                                 GError       **error);

#define THREDO_TYPE_COMMAND (thredo_command_get_type ())

THREDO_AVAILABLE
G_DECLARE_FINAL_TYPE (ThredoCommand, thredo_command, THREDO, COMMAND, GObject)

THREDO_AVAILABLE
ThredoCommand *thredo_command_new (const char *const *argv);
THREDO_AVAILABLE
void thredo_command_set_input (ThredoCommand *self,
                               GBytes        *input);
THREDO_AVAILABLE
void thredo_command_set_grace (ThredoCommand *self,
                               GTimeSpan      grace);
THREDO_AVAILABLE
void thredo_command_set_working_directory (ThredoCommand *self,
                                           const char    *folder);
THREDO_AVAILABLE
void thredo_command_set_environment (ThredoCommand     *self,
                                     const char *const *environment);
THREDO_AVAILABLE
gboolean thredo_command_run (ThredoCommand  *self,
                             GCancellable   *cancellable,
                             GError        **error);
THREDO_AVAILABLE
GBytes *thredo_command_get_output (ThredoCommand *self);
THREDO_AVAILABLE
GBytes *thredo_command_get_error_output (ThredoCommand *self);
THREDO_AVAILABLE
int thredo_command_get_exit_status (ThredoCommand *self);
THREDO_AVAILABLE
int thredo_command_get_term_signal (ThredoCommand *self);

G_END_DECLS
