/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "ctl-output.h"

#include "ctl-text.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Who has closed the pipe has seen enough, as head(1) has. */
static CtlStatus
write_out (const char *bytes,
           gsize       length)
{
  if (fwrite (bytes, 1, length, stdout) == length && fflush (stdout) == 0)
    return CTL_DONE;
  if (errno == EPIPE)
    _Exit (CTL_DONE);
  g_printerr ("thredoctl: Cannot write: %s\n", g_strerror (errno));
  return CTL_FAILED;
}

/* Text is UTF-8 until here, and then what the user's language has. */
CtlStatus
ctl_output_write (const char *text)
{
  const char *charset;
  g_autofree char *converted = NULL;

  if (!g_get_charset (&charset))
    converted = g_convert_with_fallback (text, -1, charset, "UTF-8", "?", NULL, NULL, NULL);
  if (converted != NULL)
    text = converted;
  return write_out (text, strlen (text));
}

CtlStatus
ctl_output_write_json (const char *json)
{
  return write_out (json, strlen (json));
}

void
ctl_output_complain (const char *format,
                     ...)
{
  g_autofree char *text = NULL;
  g_autofree char *plain = NULL;
  va_list arguments;

  va_start (arguments, format);
  text = g_strdup_vprintf (format, arguments);
  va_end (arguments);
  plain = ctl_text_plain (text);
  g_printerr ("thredoctl: %s\n", plain);
}

CtlStatus
ctl_output_fail (GError *error)
{
  ctl_output_complain ("%s", error->message);
  return CTL_FAILED;
}
