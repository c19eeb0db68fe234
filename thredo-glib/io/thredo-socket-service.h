/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include "thredo-types.h"

G_BEGIN_DECLS

typedef enum
{
  THREDO_SOCKET_SERVICE_STOP_DRAIN,
  THREDO_SOCKET_SERVICE_STOP_CANCEL,
} ThredoSocketServiceStop;

typedef gboolean (*ThredoSocketServiceFunc) (ThredoSocketService  *service,
                                             GIOStream            *connection,
                                             GObject              *source_object,
                                             gpointer              user_data,
                                             GError              **error);

#define THREDO_TYPE_SOCKET_SERVICE (thredo_socket_service_get_type ())

THREDO_AVAILABLE
G_DECLARE_FINAL_TYPE (ThredoSocketService, thredo_socket_service, THREDO, SOCKET_SERVICE, GObject)

THREDO_AVAILABLE
ThredoSocketService *thredo_socket_service_new (ThredoSocketServiceFunc func,
                                                gpointer                user_data,
                                                GDestroyNotify          destroy);
THREDO_AVAILABLE
GSocketListener *thredo_socket_service_get_listener (ThredoSocketService *self);
THREDO_AVAILABLE
gboolean thredo_socket_service_start (ThredoSocketService  *self,
                                      GError              **error);
THREDO_AVAILABLE
gboolean thredo_socket_service_run (ThredoSocketService  *self,
                                    GCancellable         *cancellable,
                                    GError              **error);
THREDO_AVAILABLE
gboolean thredo_socket_service_stop (ThredoSocketService      *self,
                                     ThredoSocketServiceStop   how,
                                     GCancellable             *cancellable,
                                     GError                  **error);
THREDO_AVAILABLE
void thredo_socket_service_cancel (ThredoSocketService *self);
THREDO_AVAILABLE
guint thredo_socket_service_get_max_connections (ThredoSocketService *self);
THREDO_AVAILABLE
void thredo_socket_service_set_max_connections (ThredoSocketService *self,
                                                guint                max_connections);
THREDO_AVAILABLE
guint thredo_socket_service_get_n_connections (ThredoSocketService *self);
THREDO_AVAILABLE
const char *thredo_socket_service_get_name (ThredoSocketService *self);
THREDO_AVAILABLE
void thredo_socket_service_set_name (ThredoSocketService *self,
                                     const char          *name);

G_END_DECLS
