/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include "ctl.h"

CtlStatus ctl_output_write (const char *text);
CtlStatus ctl_output_write_json (const char *json);
void ctl_output_complain (const char *format,
                          ...) G_GNUC_PRINTF (1, 2);
CtlStatus ctl_output_fail (GError *error);
