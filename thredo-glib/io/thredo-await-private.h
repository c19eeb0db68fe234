/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include "thredo-await.h"

#include "slot.h"

/* The same as thredo_await(), for calls that have a name of their own. */
GAsyncResult *thredo_await_as (const ThredoWaitInfo  *info,
                               gpointer               object,
                               ThredoAwaitFunc        start,
                               gpointer               user_data,
                               GCancellable          *cancellable,
                               GError               **error);
void thredo_await_keep (GAsyncResult *result);
void thredo_await_clarify (const ThredoWaitInfo  *info,
                           GError               **error);
