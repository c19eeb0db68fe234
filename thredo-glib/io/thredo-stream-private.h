/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include "thredo-fd-private.h"

/* How to read from the stream that is filtered, or write to it, without blocking. */
typedef enum
{
  THREDO_STREAM_SOCKET,   /* by the socket's own calls */
  THREDO_STREAM_PIPE,     /* by its fd: pipes, FIFOs, terminals */
  THREDO_STREAM_DIRECT,   /* as it is: it does not block, or is one of ours */
  THREDO_STREAM_POLLABLE, /* by what GPollableInputStream and GPollableOutputStream say */
  THREDO_STREAM_ASYNC,    /* not at all: only its asynchronous calls are left */
} ThredoStreamKind;

typedef struct
{
  ThredoStreamKind kind;
  GSocket *socket;
  int fd; /* of a pipe */

  /* Whether something has been read or written. The first operation of a stream that
   * nothing is known of is an asynchronous one, which runs on the loop: what a TLS
   * connection does at its beginning may have to call back into the main context in
   * which it was begun, and a thread's own is run by nobody. */
  gboolean begun;

  ThredoSourceLine line;
} ThredoStreamBase;

void thredo_stream_base_init (ThredoStreamBase *self,
                              GObject          *stream);
void thredo_stream_base_clear (ThredoStreamBase *self);

/* The fd that waits of other threads may stand at, or -1. */
int thredo_stream_base_get_fd (ThredoStreamBase *self);

/* Ends the waits of other threads, of a stream that is about to be closed. */
void thredo_stream_base_close (ThredoStreamBase *self);

/* What to close the base with: the caller's cancellable; or, if it must not wait, one
 * that is cancelled, which has GIO's streams close without flushing. */
gboolean thredo_stream_may_wait (GCancellable *cancellable);
GCancellable *thredo_stream_new_cancelled (void);

/* For what a pipe's read or write said; EBADF is for a stream that is closed. */
void thredo_stream_set_pipe_error (GError     **error,
                                   int          error_number,
                                   const char  *what);

/* Whether the wait for a pipe is over. */
gboolean thredo_stream_wait_for_pipe (ThredoStreamBase *self,
                                      const ThredoWaitInfo *info,
                                      gpointer object,
                                      GIOCondition condition,
                                      int error_number,
                                      const char *what,
                                      gboolean (*is_closed) (gpointer stream),
                                      gpointer stream,
                                      GCancellable *cancellable,
                                      GError **error);
