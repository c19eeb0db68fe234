/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "ctl-screen.h"

#include "ctl-output.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#define ENTER "\033[?1049h\033[?25l"
#define LEAVE "\033[?25h\033[?1049l"
#define HOME "\033[H"
#define CLEAR_LINE "\033[K"
#define CLEAR_REST "\033[J"

static struct
{
  gboolean is_open;
  gboolean has_keys;
  struct termios before;
} screen;

static gboolean
is_able (void)
{
  const char *term = g_getenv ("TERM");

  return isatty (STDOUT_FILENO) && term != NULL && *term != '\0' && !g_str_equal (term, "dumb");
}

/* FALSE if standard output is no terminal, or cannot do that. Ctrl+Z would leave the terminal
 * as it is now, so it has no effect. */
gboolean
ctl_screen_open (void)
{
  struct termios wanted;

  if (!is_able ())
    return FALSE;

  screen.has_keys = tcgetattr (STDIN_FILENO, &screen.before) == 0;
  if (screen.has_keys)
    {
      wanted = screen.before;
      wanted.c_lflag &= ~(tcflag_t) (ICANON | ECHO);
      wanted.c_cc[VMIN] = 0;
      wanted.c_cc[VTIME] = 0;
      wanted.c_cc[VSUSP] = _POSIX_VDISABLE;
      tcsetattr (STDIN_FILENO, TCSANOW, &wanted);
    }
  screen.is_open = TRUE;
  atexit (ctl_screen_close);
  ctl_output_write (ENTER);
  return TRUE;
}

void
ctl_screen_close (void)
{
  if (!screen.is_open)
    return;
  screen.is_open = FALSE;
  ctl_output_write (LEAVE);
  if (screen.has_keys)
    tcsetattr (STDIN_FILENO, TCSANOW, &screen.before);
}

void
ctl_screen_get_size (guint *width,
                     guint *height)
{
  struct winsize size = { 0 };

  ioctl (STDOUT_FILENO, TIOCGWINSZ, &size);
  *width = size.ws_col > 0 ? size.ws_col : 80;
  *height = size.ws_row > 0 ? size.ws_row : 24;
}

/* Over what is there, so that it does not flicker. A line break at the end would scroll. */
CtlStatus
ctl_screen_draw (const char *text)
{
  g_autoptr(GString) drawn = g_string_new (HOME);
  g_auto(GStrv) lines = g_strsplit (text, "\n", -1);

  for (guint i = 0; lines[i] != NULL; i++)
    {
      if (lines[i + 1] == NULL && *lines[i] == '\0')
        break;
      g_string_append_printf (drawn, "%s%s" CLEAR_LINE, i > 0 ? "\r\n" : "", lines[i]);
    }
  g_string_append (drawn, CLEAR_REST);
  return ctl_output_write (drawn->str);
}

/* 0 if there is none. */
int
ctl_screen_read_key (void)
{
  char key;

  return read (STDIN_FILENO, &key, 1) == 1 ? (unsigned char) key : 0;
}
