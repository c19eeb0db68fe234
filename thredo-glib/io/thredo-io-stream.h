/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include "thredo-types.h"

G_BEGIN_DECLS

#define THREDO_TYPE_IO_STREAM (thredo_io_stream_get_type ())

THREDO_AVAILABLE
G_DECLARE_FINAL_TYPE (ThredoIOStream, thredo_io_stream, THREDO, IO_STREAM, GIOStream)

THREDO_AVAILABLE
GIOStream *thredo_io_stream_new (GIOStream *base_stream);
THREDO_AVAILABLE
GIOStream *thredo_io_stream_get_base (ThredoIOStream *self);

G_END_DECLS
