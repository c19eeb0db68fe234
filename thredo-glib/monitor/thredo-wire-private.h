/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include "thredo-ended-info-private.h"
#include "thredo-lock-info-private.h"
#include "thredo-queue-info-private.h"
#include "thredo-thread-info-private.h"

/* What goes between a process and those who watch it, see org.thredo.Monitor1.xml. */

#define THREDO_WIRE_PATH "/org/thredo/Monitor1"
#define THREDO_WIRE_INTERFACE "org.thredo.Monitor1"
#define THREDO_WIRE_NO_SUCH_THREAD "org.thredo.Monitor1.Error.NoSuchThread"
#define THREDO_WIRE_NO_SUCH_GROUP "org.thredo.Monitor1.Error.NoSuchGroup"

GVariant *thredo_wire_new_string (const char *string);
GVariant *thredo_wire_pack_thread (ThredoThreadInfo *info);
gboolean thredo_wire_unpack_thread (GVariant         *dictionary,
                                    ThredoThreadSeen *seen);
GVariant *thredo_wire_pack_queue (ThredoQueueInfo *info);
ThredoQueueInfo *thredo_wire_unpack_queue (GVariant *dictionary);
GVariant *thredo_wire_pack_lock (ThredoLockInfo *info);
ThredoLockInfo *thredo_wire_unpack_lock (GVariant *dictionary);
GVariant *thredo_wire_pack_ended (ThredoEndedInfo *info);
ThredoEndedInfo *thredo_wire_unpack_ended (GVariant *dictionary);
