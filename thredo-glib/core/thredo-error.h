/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include "thredo-types.h"

G_BEGIN_DECLS

#define THREDO_ERROR (thredo_error_quark ())

typedef enum
{
  THREDO_ERROR_FAILED,
  THREDO_ERROR_THREAD_CANCELLED,
  THREDO_ERROR_NOT_OWNER,
  THREDO_ERROR_STATE,
  THREDO_ERROR_DEADLOCK,
  THREDO_ERROR_LOOP_THREAD,
  THREDO_ERROR_BROKEN,
} ThredoError;

THREDO_AVAILABLE
GQuark thredo_error_quark (void);

G_END_DECLS
