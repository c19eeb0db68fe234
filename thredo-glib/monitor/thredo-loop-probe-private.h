/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include "figure.h"
#include "thredo-types.h"

/* Finds out how late the loop's thread serves: asks it to do something, and looks when it has. */
typedef struct
{
  GMainContext *context; /* a name: the loop that was asked */
  ThredoFigure asked_at; /* 0: nothing is being asked */
  ThredoFigure latency;  /* of the last answer */
} ThredoLoopProbe;

ThredoLoopProbe *thredo_loop_probe_new (void);
void thredo_loop_probe_unref (ThredoLoopProbe *self);
GTimeSpan thredo_loop_probe_ask (ThredoLoopProbe *self);
