/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include <gio/gio.h>

#include "thredo-version.h"

#ifndef THREDO_AVAILABLE
#if defined(_WIN32) || defined(__CYGWIN__)
#define THREDO_AVAILABLE extern
#elif defined(__GNUC__)
#define THREDO_AVAILABLE __attribute__ ((visibility ("default"))) extern
#else
#define THREDO_AVAILABLE extern
#endif
#endif

G_BEGIN_DECLS

typedef struct _ThredoThread ThredoThread;
typedef struct _ThredoGroup ThredoGroup;
typedef struct _ThredoScope ThredoScope;
typedef struct _ThredoQueue ThredoQueue;
typedef struct _ThredoLockable ThredoLockable;
typedef struct _ThredoLock ThredoLock;
typedef struct _ThredoRLock ThredoRLock;
typedef struct _ThredoSemaphore ThredoSemaphore;
typedef struct _ThredoBoundedSemaphore ThredoBoundedSemaphore;
typedef struct _ThredoEvent ThredoEvent;
typedef struct _ThredoCondition ThredoCondition;
typedef struct _ThredoBarrier ThredoBarrier;
typedef struct _ThredoInputStream ThredoInputStream;
typedef struct _ThredoOutputStream ThredoOutputStream;
typedef struct _ThredoIOStream ThredoIOStream;
typedef struct _ThredoCommand ThredoCommand;
typedef struct _ThredoSocketService ThredoSocketService;
typedef struct _ThredoSignalEvent ThredoSignalEvent;
typedef struct _ThredoDeadlock ThredoDeadlock;
typedef struct _ThredoMonitor ThredoMonitor;
typedef struct _ThredoThreadInfo ThredoThreadInfo;
typedef struct _ThredoQueueInfo ThredoQueueInfo;
typedef struct _ThredoLockInfo ThredoLockInfo;
typedef struct _ThredoEndedInfo ThredoEndedInfo;
typedef struct _ThredoProcessInfo ThredoProcessInfo;

G_END_DECLS
