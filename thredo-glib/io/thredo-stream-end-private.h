/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include "thredo-input-stream.h"
#include "thredo-output-stream.h"
#include "thredo-stream-private.h"

/* For what has both directions. */
ThredoStreamBase *thredo_input_stream_get_base (ThredoInputStream *self);
ThredoStreamBase *thredo_output_stream_get_base (ThredoOutputStream *self);
