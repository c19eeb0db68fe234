/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include <glib.h>

/* Writes one JSON value, with everything in the order of the calls. A key is for what comes next in
 * an object, and NULL in an array. */
typedef struct _CtlJson CtlJson;

CtlJson *ctl_json_new (void);
char *ctl_json_free_to_string (CtlJson *self);
void ctl_json_begin_object (CtlJson    *self,
                            const char *key);
void ctl_json_end_object (CtlJson *self);
void ctl_json_begin_array (CtlJson    *self,
                           const char *key);
void ctl_json_end_array (CtlJson *self);
void ctl_json_add_string (CtlJson    *self,
                          const char *key,
                          const char *value);
void ctl_json_add_strings (CtlJson           *self,
                           const char        *key,
                           const char *const *values);
void ctl_json_add_boolean (CtlJson    *self,
                           const char *key,
                           gboolean    value);
void ctl_json_add_int (CtlJson    *self,
                       const char *key,
                       gint64      value);
void ctl_json_add_uint (CtlJson    *self,
                        const char *key,
                        guint64     value);
void ctl_json_add_double (CtlJson    *self,
                          const char *key,
                          double      value);
