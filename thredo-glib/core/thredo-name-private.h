/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include "mutex.h"

/* A name that any thread may set and read. As it is handed out without a
 * copy, those it had before are kept as long as what it is the name of. */
typedef struct
{
  ThredoMutex lock;
  char *current;
  GSList *former;
} ThredoName;

void thredo_name_init (ThredoName *self);
void thredo_name_clear (ThredoName *self);
const char *thredo_name_get (ThredoName *self);
void thredo_name_set (ThredoName *self,
                      const char *name);
void thredo_name_set_if_none (ThredoName *self,
                              const char *name);
