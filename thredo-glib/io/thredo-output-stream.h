/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include "thredo-types.h"

G_BEGIN_DECLS

#define THREDO_TYPE_OUTPUT_STREAM (thredo_output_stream_get_type ())

THREDO_AVAILABLE
G_DECLARE_FINAL_TYPE (ThredoOutputStream,
                      thredo_output_stream,
                      THREDO,
                      OUTPUT_STREAM,
                      GFilterOutputStream)

THREDO_AVAILABLE
GOutputStream *thredo_output_stream_new (GOutputStream *base_stream);

G_END_DECLS
