/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "ctl-table.h"

#include "ctl-text.h"

#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define GAP 2
#define MIN_WIDTH 6

typedef struct
{
  CtlColumn kind;
  char *title;
  guint width;
  gboolean has_content;
  gboolean is_hidden;
} Column;

struct _CtlTable
{
  GArray *columns;
  GPtrArray *cells; /* row by row, the titles first */
};

static void
column_clear (gpointer data)
{
  g_free (((Column *) data)->title);
}

CtlTable *
ctl_table_new (void)
{
  CtlTable *self = g_new0 (CtlTable, 1);

  self->columns = g_array_new (FALSE, FALSE, sizeof (Column));
  g_array_set_clear_func (self->columns, column_clear);
  self->cells = g_ptr_array_new_with_free_func (g_free);
  return self;
}

void
ctl_table_add_column (CtlTable   *self,
                      CtlColumn   kind,
                      const char *title)
{
  Column column = { kind, g_strdup (title), ctl_text_get_width (title), FALSE, FALSE };

  g_array_append_val (self->columns, column);
}

/* NULL is a cell with nothing to say. */
void
ctl_table_add (CtlTable   *self,
               const char *text)
{
  Column *column = &g_array_index (self->columns, Column, self->cells->len % self->columns->len);
  char *plain = ctl_text_plain (text != NULL && *text != '\0' ? text : "-");

  column->has_content = column->has_content || !g_str_equal (plain, "-");
  column->width = MAX (column->width, ctl_text_get_width (plain));
  g_ptr_array_add (self->cells, plain);
}

void
ctl_table_take (CtlTable *self,
                char     *text)
{
  ctl_table_add (self, text);
  g_free (text);
}

void
ctl_table_add_number (CtlTable *self,
                      guint64   number)
{
  ctl_table_take (self, g_strdup_printf ("%" G_GUINT64_FORMAT, number));
}

static guint
get_width (CtlTable *self)
{
  guint width = 0;

  for (guint i = 0; i < self->columns->len; i++)
    {
      Column *column = &g_array_index (self->columns, Column, i);

      if (!column->is_hidden)
        width += column->width + (width > 0 ? GAP : 0);
    }
  return width;
}

/* Where there is no room for all, columns with nothing in them go first, from the right; then the
 * widest that may be become narrower. */
static void
shrink (CtlTable *self,
        guint     width)
{
  for (guint i = self->columns->len; i > 0 && get_width (self) > width; i--)
    {
      Column *column = &g_array_index (self->columns, Column, i - 1);

      column->is_hidden = !column->has_content && self->cells->len > 0;
    }
  while (get_width (self) > width)
    {
      Column *widest = NULL;

      for (guint i = 0; i < self->columns->len; i++)
        {
          Column *column = &g_array_index (self->columns, Column, i);

          if (column->kind == CTL_COLUMN_TEXT && column->width > MIN_WIDTH && !column->is_hidden &&
              (widest == NULL || column->width > widest->width))
            widest = column;
        }
      if (widest == NULL)
        return;
      widest->width--;
    }
}

static void
append_cell (GString    *line,
             Column     *column,
             const char *text)
{
  g_autofree char *cut = ctl_text_cut (text, column->width);
  int n_spaces = (int) column->width - (int) ctl_text_get_width (cut);

  if (column->kind == CTL_COLUMN_RIGHT)
    g_string_append_printf (line, "%*s%s", n_spaces, "", cut);
  else
    g_string_append_printf (line, "%s%*s", cut, n_spaces, "");
}

static void
append_line (CtlTable  *self,
             GString   *lines,
             guint      width,
             char     **cells)
{
  g_autoptr(GString) line = g_string_new (NULL);

  for (guint i = 0; i < self->columns->len; i++)
    {
      Column *column = &g_array_index (self->columns, Column, i);

      if (column->is_hidden)
        continue;
      if (line->len > 0)
        g_string_append_printf (line, "%*s", GAP, "");
      append_cell (line, column, cells != NULL ? cells[i] : column->title);
    }
  g_string_truncate (line, strlen (g_strchomp (line->str)));
  if (width > 0)
    {
      g_autofree char *cut = ctl_text_cut (line->str, width);

      g_string_append (lines, cut);
    }
  else
    g_string_append (lines, line->str);
  g_string_append_c (lines, '\n');
}

/* A width of 0 is as much as it takes; so are max_lines of 0, of which the titles are one. */
char *
ctl_table_free_to_string (CtlTable *self,
                          guint     width,
                          guint     max_lines)
{
  guint n_columns = self->columns->len;
  GString *lines = g_string_new (NULL);

  if (width > 0)
    shrink (self, width);
  append_line (self, lines, width, NULL);
  for (guint i = 0; i + n_columns <= self->cells->len; i += n_columns)
    {
      if (max_lines > 0 && i / n_columns + 2 > max_lines)
        break;
      append_line (self, lines, width, (char **) &self->cells->pdata[i]);
    }
  g_array_unref (self->columns);
  g_ptr_array_unref (self->cells);
  g_free (self);
  return g_string_free (lines, FALSE);
}

/* 0 if it is none. */
guint
ctl_table_get_terminal_width (void)
{
  struct winsize size;

  if (!isatty (STDOUT_FILENO) || ioctl (STDOUT_FILENO, TIOCGWINSZ, &size) < 0)
    return 0;
  return size.ws_col;
}
