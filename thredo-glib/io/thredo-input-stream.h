/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include "thredo-types.h"

G_BEGIN_DECLS

#define THREDO_TYPE_INPUT_STREAM (thredo_input_stream_get_type ())

THREDO_AVAILABLE
G_DECLARE_FINAL_TYPE (ThredoInputStream,
                      thredo_input_stream,
                      THREDO,
                      INPUT_STREAM,
                      GFilterInputStream)

THREDO_AVAILABLE
GInputStream *thredo_input_stream_new (GInputStream *base_stream);

G_END_DECLS
