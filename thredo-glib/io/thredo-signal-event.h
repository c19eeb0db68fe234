/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include "thredo-types.h"

G_BEGIN_DECLS

#define THREDO_TYPE_SIGNAL_EVENT (thredo_signal_event_get_type ())

THREDO_AVAILABLE
G_DECLARE_FINAL_TYPE (ThredoSignalEvent, thredo_signal_event, THREDO, SIGNAL_EVENT, GObject)

THREDO_AVAILABLE
ThredoSignalEvent *thredo_signal_event_new (const int  *signals,
                                            guint       n_signals,
                                            GError    **error);
THREDO_AVAILABLE
int thredo_signal_event_wait (ThredoSignalEvent  *self,
                              GCancellable       *cancellable,
                              GError            **error);
THREDO_AVAILABLE
void thredo_signal_event_wait_async (ThredoSignalEvent   *self,
                                     GCancellable        *cancellable,
                                     GAsyncReadyCallback  callback,
                                     gpointer             user_data);
THREDO_AVAILABLE
int thredo_signal_event_wait_finish (ThredoSignalEvent  *self,
                                     GAsyncResult       *result,
                                     GError            **error);
THREDO_AVAILABLE
const char *thredo_signal_event_get_name (ThredoSignalEvent *self);
THREDO_AVAILABLE
void thredo_signal_event_set_name (ThredoSignalEvent *self,
                                   const char        *name);

G_END_DECLS
