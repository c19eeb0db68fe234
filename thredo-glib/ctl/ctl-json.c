/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "ctl-json.h"

#include <math.h>

struct _CtlJson
{
  GString *text;
  guint depth;
  gboolean is_first; /* nothing yet in what was begun last */
};

CtlJson *
ctl_json_new (void)
{
  CtlJson *self = g_new0 (CtlJson, 1);

  self->text = g_string_new (NULL);
  self->is_first = TRUE;
  return self;
}

char *
ctl_json_free_to_string (CtlJson *self)
{
  char *text;

  g_string_append_c (self->text, '\n');
  text = g_string_free (self->text, FALSE);
  g_free (self);
  return text;
}

static void
break_line (CtlJson *self)
{
  g_string_append_c (self->text, '\n');
  for (guint i = 0; i < self->depth; i++)
    g_string_append (self->text, "  ");
}

/* Besides what has to be escaped, all that is not seen: it may come to a terminal. */
static void
append_character (GString  *text,
                  gunichar  c)
{
  if (c == '"' || c == '\\')
    g_string_append_printf (text, "\\%c", (char) c);
  else if (c == '\n')
    g_string_append (text, "\\n");
  else if (c == '\t')
    g_string_append (text, "\\t");
  else if (g_unichar_isprint (c))
    g_string_append_unichar (text, c);
  else if (c < 0x10000)
    g_string_append_printf (text, "\\u%04x", c);
  else
    g_string_append_printf (text, "\\u%04x\\u%04x", 0xd800 + ((c - 0x10000) >> 10),
                            0xdc00 + ((c - 0x10000) & 0x3ff));
}

static void
append_string (GString    *text,
               const char *string)
{
  g_autofree char *valid = g_utf8_make_valid (string, -1);

  g_string_append_c (text, '"');
  for (const char *p = valid; *p != '\0'; p = g_utf8_next_char (p))
    append_character (text, g_utf8_get_char (p));
  g_string_append_c (text, '"');
}

static void
begin_value (CtlJson    *self,
             const char *key)
{
  if (!self->is_first)
    g_string_append_c (self->text, ',');
  if (self->depth > 0)
    break_line (self);
  self->is_first = FALSE;
  if (key == NULL)
    return;
  append_string (self->text, key);
  g_string_append (self->text, ": ");
}

static void
begin (CtlJson    *self,
       const char *key,
       char        bracket)
{
  begin_value (self, key);
  g_string_append_c (self->text, bracket);
  self->depth++;
  self->is_first = TRUE;
}

static void
end (CtlJson *self,
     char     bracket)
{
  self->depth--;
  if (!self->is_first)
    break_line (self);
  g_string_append_c (self->text, bracket);
  self->is_first = FALSE;
}

void
ctl_json_begin_object (CtlJson    *self,
                       const char *key)
{
  begin (self, key, '{');
}

void
ctl_json_end_object (CtlJson *self)
{
  end (self, '}');
}

void
ctl_json_begin_array (CtlJson    *self,
                      const char *key)
{
  begin (self, key, '[');
}

void
ctl_json_end_array (CtlJson *self)
{
  end (self, ']');
}

/* null if there is none. */
void
ctl_json_add_string (CtlJson    *self,
                     const char *key,
                     const char *value)
{
  begin_value (self, key);
  if (value != NULL)
    append_string (self->text, value);
  else
    g_string_append (self->text, "null");
}

void
ctl_json_add_strings (CtlJson           *self,
                      const char        *key,
                      const char *const *values)
{
  ctl_json_begin_array (self, key);
  for (guint i = 0; values != NULL && values[i] != NULL; i++)
    ctl_json_add_string (self, NULL, values[i]);
  ctl_json_end_array (self);
}

void
ctl_json_add_boolean (CtlJson    *self,
                      const char *key,
                      gboolean    value)
{
  begin_value (self, key);
  g_string_append (self->text, value ? "true" : "false");
}

void
ctl_json_add_int (CtlJson    *self,
                  const char *key,
                  gint64      value)
{
  begin_value (self, key);
  g_string_append_printf (self->text, "%" G_GINT64_FORMAT, value);
}

void
ctl_json_add_uint (CtlJson    *self,
                   const char *key,
                   guint64     value)
{
  begin_value (self, key);
  g_string_append_printf (self->text, "%" G_GUINT64_FORMAT, value);
}

/* JSON has no infinity, and a point in every language. */
void
ctl_json_add_double (CtlJson    *self,
                     const char *key,
                     double      value)
{
  char digits[G_ASCII_DTOSTR_BUF_SIZE];

  begin_value (self, key);
  if (isfinite (value))
    g_string_append (self->text, g_ascii_formatd (digits, sizeof (digits), "%.3f", value));
  else
    g_string_append (self->text, "null");
}
