/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include "thredo-blocking-private.h"

/* A wait that belongs to a GTask instead of a thread. Whoever completes it
 * posts to the task's main context, where the rest happens. */
typedef struct _ThredoAsync ThredoAsync;

/* Called in the task's context. Takes the wait out of its list if it stands
 * there still, and returns the task (TRUE), or arms it again (FALSE). */
typedef gboolean (*ThredoAsyncFunc) (ThredoAsync     *self,
                                     ThredoWaitState  outcome);

struct _ThredoAsync
{
  ThredoWait wait;
  GTask *task;
  const ThredoWaitInfo *info;
  ThredoAsyncFunc finish;

  ThredoMutex starting; /* held from new to start: the context's thread may be another */
  ThredoMutex posting;  /* held while the completer has to do with the context */
  gulong handler;
};

ThredoAsync *thredo_async_new (gsize                 size,
                               GTask                *task,
                               const ThredoWaitInfo *info,
                               ThredoAsyncFunc       finish);
void thredo_async_start (ThredoAsync *self);
void thredo_async_restart (ThredoAsync *self);
void thredo_async_drop (ThredoAsync *self);
void thredo_async_return_error (ThredoAsync     *self,
                                ThredoWaitState  outcome);
