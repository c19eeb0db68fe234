/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include "thredo-types.h"

G_BEGIN_DECLS

#define THREDO_TYPE_EVENT (thredo_event_get_type ())

THREDO_AVAILABLE
G_DECLARE_FINAL_TYPE (ThredoEvent, thredo_event, THREDO, EVENT, GObject)

THREDO_AVAILABLE
ThredoEvent *thredo_event_new (void);
THREDO_AVAILABLE
void thredo_event_set (ThredoEvent *self);
THREDO_AVAILABLE
void thredo_event_clear (ThredoEvent *self);
THREDO_AVAILABLE
gboolean thredo_event_is_set (ThredoEvent *self);
THREDO_AVAILABLE
gboolean thredo_event_wait (ThredoEvent   *self,
                            GCancellable  *cancellable,
                            GError       **error);
THREDO_AVAILABLE
void thredo_event_wait_async (ThredoEvent         *self,
                              GCancellable        *cancellable,
                              GAsyncReadyCallback  callback,
                              gpointer             user_data);
THREDO_AVAILABLE
gboolean thredo_event_wait_finish (ThredoEvent   *self,
                                   GAsyncResult  *result,
                                   GError       **error);
THREDO_AVAILABLE
const char *thredo_event_get_name (ThredoEvent *self);
THREDO_AVAILABLE
void thredo_event_set_name (ThredoEvent *self,
                            const char  *name);

G_END_DECLS
