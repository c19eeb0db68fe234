/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "ctl-text.h"

/* What is not seen, or turns what is seen around, is written in digits. */
static gboolean
is_plain (gunichar c)
{
  switch (g_unichar_type (c))
    {
    case G_UNICODE_CONTROL:
    case G_UNICODE_FORMAT:
    case G_UNICODE_LINE_SEPARATOR:
    case G_UNICODE_PARAGRAPH_SEPARATOR:
    case G_UNICODE_PRIVATE_USE:
    case G_UNICODE_SURROGATE:
    case G_UNICODE_UNASSIGNED:
      return FALSE;
    default:
      return TRUE;
    }
}

char *
ctl_text_plain (const char *text)
{
  g_autofree char *valid = g_utf8_make_valid (text, -1);
  GString *plain = g_string_new (NULL);

  for (const char *p = valid; *p != '\0'; p = g_utf8_next_char (p))
    {
      gunichar c = g_utf8_get_char (p);

      if (is_plain (c))
        g_string_append_unichar (plain, c);
      else if (c < 0x100)
        g_string_append_printf (plain, "\\x%02x", c);
      else
        g_string_append_printf (plain, "\\u{%x}", c);
    }
  return g_string_free (plain, FALSE);
}

/* In quotes, or "without a name". */
char *
ctl_text_quote (const char *text)
{
  g_autofree char *plain = text != NULL ? ctl_text_plain (text) : NULL;

  return plain != NULL ? g_strdup_printf ("'%s'", plain) : g_strdup ("without a name");
}

char *
ctl_text_duration (gint64 microseconds)
{
  gint64 us = MAX (microseconds, 0);
  gint64 seconds = us / G_TIME_SPAN_SECOND;

  if (us < G_TIME_SPAN_SECOND)
    return g_strdup_printf ("%dms", (int) (us / 1000));
  if (seconds < 60)
    return g_strdup_printf ("%d.%ds", (int) seconds, (int) (us / 100000 % 10));
  if (seconds < 3600)
    return g_strdup_printf ("%dm%02ds", (int) (seconds / 60), (int) (seconds % 60));
  if (seconds < 86400)
    return g_strdup_printf ("%dh%02dm", (int) (seconds / 3600), (int) (seconds / 60 % 60));
  return g_strdup_printf ("%" G_GINT64_FORMAT "d%02dh", seconds / 86400,
                          (int) (seconds / 3600 % 24));
}

/* Of the monotonic clock, which all processes share; what it says comes from another process. */
char *
ctl_text_since (gint64 moment)
{
  return ctl_text_duration (g_get_monotonic_time () - MAX (moment, 0));
}

char *
ctl_text_path (const char *const *path)
{
  GString *joined = g_string_new (NULL);

  for (guint i = 0; path != NULL && path[i] != NULL; i++)
    g_string_append_printf (joined, "%s%s", i > 0 ? "/" : "", path[i]);
  return g_string_free (joined, FALSE);
}

static guint
get_columns (gunichar c)
{
  if (g_unichar_iszerowidth (c))
    return 0;
  return g_unichar_iswide (c) ? 2 : 1;
}

/* In columns of a terminal. */
guint
ctl_text_get_width (const char *text)
{
  guint width = 0;

  for (const char *p = text; *p != '\0'; p = g_utf8_next_char (p))
    width += get_columns (g_utf8_get_char (p));
  return width;
}

char *
ctl_text_cut (const char *text,
              guint       width)
{
  const char *ellipsis = g_get_charset (NULL) ? "…" : "~";
  const char *end = text;
  guint used = 1;

  if (ctl_text_get_width (text) <= width)
    return g_strdup (text);
  if (width == 0)
    return g_strdup ("");

  for (;;)
    {
      guint columns = get_columns (g_utf8_get_char (end));

      if (used + columns > width)
        break;
      used += columns;
      end = g_utf8_next_char (end);
    }
  return g_strdup_printf ("%.*s%s", (int) (end - text), text, ellipsis);
}
