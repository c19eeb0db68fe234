/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include "checksum-record.h"

G_BEGIN_DECLS

/* How the window and the terminal write things. All of it is UTF-8 on one line. */
char *format_path (const char *path);
char *format_count (guint64 count);
char *format_size (guint64 bytes);
char *format_seconds (gint64 microseconds);
char *format_files (const ChecksumProgress *progress);
char *format_bytes (const ChecksumProgress *progress);
char *format_problems (const ChecksumProgress *progress);
char *format_summary (const ChecksumProgress *progress);

/* Bytes in a second, over the last second or so. */
typedef struct
{
  guint64 bytes;
  gint64 elapsed;
  double rate;
} FormatThroughput;

char *format_throughput (FormatThroughput       *throughput,
                         const ChecksumProgress *progress);

G_END_DECLS
