/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include "thredo-types.h"

/* One who watches this process, or would like to. It has a few seconds to prove who it is, on a
 * thread of its own, because GDBus blocks meanwhile. Then its calls come one after the other: the
 * next is answered when it takes what it was told before. But for that thread, all is for the
 * thread that runs the thread-default main context in which it was made. */
typedef struct _ThredoPeer ThredoPeer;

typedef struct
{
  void (*proven) (ThredoPeer *peer,
                  gpointer    user_data);
  void (*called) (ThredoPeer *peer,
                  gpointer    user_data);
  void (*lost) (ThredoPeer *peer,
                gpointer    user_data); /* to free it */
} ThredoPeerEvents;

ThredoPeer *thredo_peer_new (GSocket                *socket,
                             const char             *guid,
                             GDBusAuthObserver      *observer,
                             const ThredoPeerEvents *events,
                             gpointer                user_data);
void thredo_peer_free (ThredoPeer *self);
gboolean thredo_peer_begin (ThredoPeer *self);
gboolean thredo_peer_is_proven (ThredoPeer *self);
void thredo_peer_listen (ThredoPeer *self);
void thredo_peer_dismiss (ThredoPeer *self);
gboolean thredo_peer_has_calls (ThredoPeer *self);
gboolean thredo_peer_is_listening (ThredoPeer *self);
GDBusMethodInvocation *thredo_peer_take_call (ThredoPeer *self);
void thredo_peer_tell (ThredoPeer *self,
                       const char *signal,
                       GVariant   *parameters);
