/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include <glib.h>

/* Columns that line up. What is wider than the terminal is cut. */
typedef struct _CtlTable CtlTable;

typedef enum
{
  CTL_COLUMN_LEFT,
  CTL_COLUMN_RIGHT,
  CTL_COLUMN_TEXT, /* to the left, and may be cut */
} CtlColumn;

CtlTable *ctl_table_new (void);
void ctl_table_add_column (CtlTable   *self,
                           CtlColumn   kind,
                           const char *title);
void ctl_table_add (CtlTable   *self,
                    const char *text);
void ctl_table_take (CtlTable *self,
                     char     *text);
void ctl_table_add_number (CtlTable *self,
                           guint64   number);
char *ctl_table_free_to_string (CtlTable *self,
                                guint     width,
                                guint     max_lines);
guint ctl_table_get_terminal_width (void);
