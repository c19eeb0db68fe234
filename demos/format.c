/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "format.h"

#include <string.h>

/* File names are bytes: they can be no UTF-8, and they can hold newlines and escape sequences,
 * which must not reach a terminal. */
char *
format_path (const char *path)
{
  g_autofree char *valid = g_utf8_make_valid (path, -1);
  GString *line = g_string_new (NULL);

  for (const char *p = valid; *p != '\0'; p = g_utf8_next_char (p))
    {
      gunichar c = g_utf8_get_char (p);

      if (c == '\n')
        g_string_append (line, "\\n");
      else if (g_unichar_iscntrl (c))
        g_string_append_printf (line, "\\x%02x", c);
      else
        g_string_append_unichar (line, c);
    }
  return g_string_free (line, FALSE);
}

/* 12345678 as "12,345,678", in every locale. */
char *
format_count (guint64 count)
{
  GString *digits = g_string_new (NULL);

  g_string_printf (digits, "%" G_GUINT64_FORMAT, count);
  for (gssize i = (gssize) digits->len - 3; i > 0; i -= 3)
    g_string_insert_c (digits, i, ',');
  return g_string_free (digits, FALSE);
}

char *
format_size (guint64 bytes)
{
  static const char *units[] = { "kB", "MB", "GB", "TB", "PB", "EB" };
  double size = bytes;
  guint unit = 0;

  if (bytes < 1000)
    return g_strdup_printf ("%u B", (guint) bytes);
  for (size /= 1000; size >= 999.95 && unit + 1 < G_N_ELEMENTS (units); unit++)
    size /= 1000;
  return g_strdup_printf ("%.1f %s", size, units[unit]);
}

char *
format_seconds (gint64 microseconds)
{
  double seconds = (double) microseconds / G_TIME_SPAN_SECOND;
  int minutes = microseconds / G_TIME_SPAN_MINUTE;

  if (minutes == 0)
    return g_strdup_printf ("%.1f s", seconds);
  return g_strdup_printf ("%d min %02d s", minutes, (int) (seconds - 60.0 * minutes));
}

char *
format_files (const ChecksumProgress *progress)
{
  g_autofree char *done = format_count (progress->files_done);
  g_autofree char *found = format_count (progress->files_found);

  return g_strdup_printf ("%s of %s%s files", done, found, progress->counted ? "" : "+");
}

char *
format_bytes (const ChecksumProgress *progress)
{
  g_autofree char *done = format_size (progress->bytes_done);
  g_autofree char *found = format_size (progress->bytes_found);

  return g_strdup_printf ("%s of %s%s", done, found, progress->counted ? "" : "+");
}

char *
format_throughput (FormatThroughput       *throughput,
                   const ChecksumProgress *progress)
{
  gint64 span = progress->elapsed - throughput->elapsed;
  g_autofree char *size = NULL;

  /* Each look counts for as much of the last second as it covers. */
  if (span >= 50 * G_TIME_SPAN_MILLISECOND || throughput->rate == 0)
    {
      double rate = (double) (progress->bytes_done - throughput->bytes) *
                    G_TIME_SPAN_SECOND / MAX (span, 1);
      double weight = (double) span / CLAMP (progress->elapsed, 1, G_TIME_SPAN_SECOND);

      throughput->rate += (rate - throughput->rate) * MIN (weight, 1);
      throughput->bytes = progress->bytes_done;
      throughput->elapsed = progress->elapsed;
    }

  size = format_size ((guint64) throughput->rate);
  return g_strconcat (size, "/s", NULL);
}

char *
format_problems (const ChecksumProgress *progress)
{
  g_autofree char *errors = format_count (progress->n_errors);
  g_autofree char *not_done = format_count (progress->n_not_done);

  if (progress->n_errors == 0 && progress->n_not_done > 0)
    return g_strdup_printf ("%s not done", not_done);
  if (progress->n_not_done == 0)
    return g_strdup_printf ("%s error%s", errors, progress->n_errors == 1 ? "" : "s");
  return g_strdup_printf ("%s error%s, %s not done",
                          errors, progress->n_errors == 1 ? "" : "s", not_done);
}

/* What a job that has ended came to: "5,041 files, 98.1 MB in 0.4 s (245.2 MB/s), 0 errors". */
char *
format_summary (const ChecksumProgress *progress)
{
  g_autofree char *files = format_count (progress->files_done);
  g_autofree char *size = format_size (progress->bytes_done);
  g_autofree char *rate = format_size (progress->bytes_done * (double) G_TIME_SPAN_SECOND /
                                       MAX (progress->elapsed, 1));
  g_autofree char *elapsed = format_seconds (progress->elapsed);
  g_autofree char *problems = format_problems (progress);

  return g_strdup_printf ("%s file%s, %s in %s (%s/s), %s", files,
                          progress->files_done == 1 ? "" : "s", size, elapsed, rate, problems);
}
