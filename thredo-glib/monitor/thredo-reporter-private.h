/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include "thredo-monitor.h"

/* Watches this process for others, and answers their questions, see org.thredo.Monitor1.xml. For
 * one thread. */
typedef struct _ThredoReporter ThredoReporter;

ThredoReporter *thredo_reporter_new (guint64 serial);
guint64 thredo_reporter_free (ThredoReporter *self);
ThredoMonitor *thredo_reporter_get_monitor (ThredoReporter *self);
GVariant *thredo_reporter_new_deadlock (ThredoDeadlock *deadlock);
GVariant *thredo_reporter_answer (ThredoReporter  *self,
                                  const char      *method,
                                  GVariant        *parameters,
                                  const char     **failure,
                                  GError         **error);
