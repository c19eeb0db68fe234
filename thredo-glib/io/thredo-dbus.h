/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include "thredo-types.h"

G_BEGIN_DECLS

THREDO_AVAILABLE
GVariant *thredo_dbus_call (GDBusConnection     *connection,
                            const char          *bus_name,
                            const char          *object_path,
                            const char          *interface_name,
                            const char          *method_name,
                            GVariant            *parameters,
                            const GVariantType  *reply_type,
                            GCancellable        *cancellable,
                            GError             **error);

G_END_DECLS
