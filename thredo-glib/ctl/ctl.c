/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "ctl.h"

#include "config.h"
#include "ctl-output.h"

#include <locale.h>
#include <math.h>
#include <string.h>

/* In the order of the help. */
static const CtlCommand commands[] = {
  { "list", NULL, "List the programs that can be watched", "jb", 0, ctl_list_run },
  { "ps", "[PROCESS]", "List the threads of a program", "jp", 1, ctl_ps_run },
  { "top", "[PROCESS]", "Show the threads again and again, the busiest first", "ndp", 1,
    ctl_top_run },
  { "where", "[PROCESS [THREAD…]]", "Tell what threads wait for, and who has it", "p", G_MAXUINT,
    ctl_where_run },
  { "cancel", "[PROCESS] THREAD…", "Cancel threads, or groups", "gwp", G_MAXUINT, ctl_cancel_run },
  { "locks", "[PROCESS]", "List the locks, their owners, and who waits for them", "jp", 1,
    ctl_locks_run },
  { "queues", "[PROCESS]", "List the queues", "jp", 1, ctl_queues_run },
  { "history", "[PROCESS]", "Tell how the last threads have ended", "jfp", 1, ctl_history_run },
  { "deadlocks", "[PROCESS]", "Tell which threads wait for each other in a circle", "jp", 1,
    ctl_deadlocks_run },
  { "dump", "[PROCESS]", "Write all there is as JSON", "p", 1, ctl_dump_run },
};

static CtlOptions options = { .wait = -1 };
static char *wait_text;
static char *delay_text;
static char *rounds_text;
static char *process_text;

static const GOptionEntry all_entries[] = {
  { "json", 'j', 0, G_OPTION_ARG_NONE, &options.is_json, "Write JSON", NULL },
  { "bare", 'b', 0, G_OPTION_ARG_NONE, &options.is_bare,
    "Write the numbers of the processes alone, and ask them nothing", NULL },
  { "group", 'g', 0, G_OPTION_ARG_NONE, &options.is_group,
    "What is to be cancelled are groups, by number or name", NULL },
  { "wait", 'w', 0, G_OPTION_ARG_STRING, &wait_text,
    "Wait so long for those that were cancelled to end", "SECONDS" },
  { "rounds", 'n', 0, G_OPTION_ARG_STRING, &rounds_text, "End after so many rounds", "N" },
  { "delay", 'd', 0, G_OPTION_ARG_STRING, &delay_text, "Time between two rounds (default: 2)",
    "SECONDS" },
  { "follow", 'f', 0, G_OPTION_ARG_NONE, &options.follows,
    "Tell of each thread when it ends, until the program ends", NULL },
  { "process", 'p', 0, G_OPTION_ARG_STRING, &process_text,
    "Which program, by number or name; all arguments are for threads then", "PROCESS" },
  { NULL },
};

static CtlStatus
complain_of_usage (const char *command,
                   const char *message)
{
  ctl_output_complain ("%s", message);
  g_printerr ("See: thredoctl %s%s--help\n", command != NULL ? command : "",
              command != NULL ? " " : "");
  return CTL_USAGE;
}

static const CtlCommand *
find_command (const char *name)
{
  for (guint i = 0; i < G_N_ELEMENTS (commands); i++)
    {
      if (g_str_equal (commands[i].name, name))
        return &commands[i];
    }
  return NULL;
}

/* Not more than a day: what is longer is a slip. */
static gboolean
parse_seconds (const char  *option,
               const char  *text,
               gboolean     may_be_zero,
               GTimeSpan   *span,
               GError     **error)
{
  char *end;
  double seconds;

  if (text == NULL)
    return TRUE;
  seconds = g_ascii_strtod (text, &end);
  if (end != text && *end == '\0' && isfinite (seconds) && seconds <= 86400 &&
      seconds >= (may_be_zero ? 0 : 0.01))
    {
      *span = (GTimeSpan) (seconds * G_TIME_SPAN_SECOND);
      return TRUE;
    }
  g_set_error (error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
               "--%s takes seconds, from %s to 86400, and not '%s'", option,
               may_be_zero ? "0" : "0.01", text);
  return FALSE;
}

static gboolean
parse_numbers (GError **error)
{
  guint64 rounds = 0;

  if (rounds_text != NULL &&
      !g_ascii_string_to_unsigned (rounds_text, 10, 1, G_MAXINT, &rounds, NULL))
    {
      g_set_error (error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
                   "--rounds takes a number from 1, and not '%s'", rounds_text);
      return FALSE;
    }
  options.rounds = (guint) rounds;
  return parse_seconds ("wait", wait_text, TRUE, &options.wait, error) &&
         parse_seconds ("delay", delay_text, FALSE, &options.delay, error);
}

/* Of `cancel`, one argument alone is a thread of the only program; else the first is the process.
 */
static gboolean
parse_arguments (const CtlCommand  *command,
                 char             **arguments,
                 GError           **error)
{
  gboolean is_cancel = g_str_equal (command->name, "cancel");
  guint n = g_strv_length (arguments);

  options.process = process_text;
  options.arguments = arguments;
  if (process_text == NULL && n > (is_cancel ? 1 : 0) && command->max_arguments > 0)
    {
      options.process = arguments[0];
      options.arguments++;
    }
  if (is_cancel && options.arguments[0] == NULL)
    g_set_error (error, G_OPTION_ERROR, G_OPTION_ERROR_FAILED, "Cancel which %s?",
                 options.is_group ? "group" : "thread");
  else if (n > command->max_arguments ||
           (process_text != NULL && n > 0 && command->max_arguments == 1))
    g_set_error (error, G_OPTION_ERROR, G_OPTION_ERROR_FAILED,
                 "There are more arguments than '%s' takes", command->name);
  else if (options.process != NULL && *options.process == '\0')
    g_set_error (error, G_OPTION_ERROR, G_OPTION_ERROR_FAILED, "The process has no name");
  else
    return TRUE;
  return FALSE;
}

static CtlStatus
run_command (const CtlCommand  *command,
             int                argc,
             char             **argv)
{
  g_autoptr(GOptionContext) context = g_option_context_new (command->arguments);
  g_autofree char *name = g_strdup_printf ("thredoctl %s", command->name);
  g_autoptr(GError) error = NULL;

  g_set_prgname (name);
  g_option_context_set_summary (context, command->summary);
  for (guint i = 0; all_entries[i].long_name != NULL; i++)
    {
      GOptionEntry entries[] = { all_entries[i], { NULL } };

      if (strchr (command->options, all_entries[i].short_name) != NULL)
        g_option_context_add_main_entries (context, entries, NULL);
    }
  if (!g_option_context_parse (context, &argc, &argv, &error) || !parse_numbers (&error))
    return complain_of_usage (command->name, error->message);

  /* After a "--", which stays. */
  if (argc > 1 && g_str_equal (argv[1], "--"))
    argv++;
  if (!parse_arguments (command, argv + 1, &error))
    return complain_of_usage (command->name, error->message);
  return command->run (&options);
}

static char *
new_description (void)
{
  GString *text = g_string_new ("Commands:\n");

  for (guint i = 0; i < G_N_ELEMENTS (commands); i++)
    g_string_append_printf (text, "  %-10s %s\n", commands[i].name, commands[i].summary);
  g_string_append (text,
                   "\nA PROCESS is a number, or the name of a program. If one program can be\n"
                   "watched, it may be left out. A THREAD is a number, or a name.\n"
                   "thredoctl COMMAND --help tells more of each, thredoctl(1) of all.\n");
  return g_string_free (text, FALSE);
}

int
main (int    argc,
      char **argv)
{
  g_autoptr(GOptionContext) context = g_option_context_new ("COMMAND [ARGUMENT…]");
  g_autofree char *description = new_description ();
  g_autoptr(GError) error = NULL;
  gboolean is_version = FALSE;
  const GOptionEntry entries[] = {
    { "version", 'V', 0, G_OPTION_ARG_NONE, &is_version, "Say the version", NULL },
    { NULL },
  };
  const CtlCommand *command;

  setlocale (LC_ALL, "");
  /* It watches others, and is not to be found among them. */
  g_unsetenv ("THREDO_MONITOR");
  g_set_prgname ("thredoctl");

  g_option_context_set_strict_posix (context, TRUE);
  g_option_context_set_summary (context, "Watch the threads of programs, and cancel them");
  g_option_context_set_description (context, description);
  g_option_context_add_main_entries (context, entries, NULL);
  if (!g_option_context_parse (context, &argc, &argv, &error))
    return complain_of_usage (NULL, error->message);
  if (is_version)
    return ctl_output_write ("thredoctl " THREDO_VERSION "\n");
  if (argc < 2)
    return complain_of_usage (NULL, "What is to be done?");

  command = find_command (argv[1]);
  if (command == NULL)
    {
      g_autofree char *message = g_strdup_printf ("There is no command '%s'", argv[1]);

      return complain_of_usage (NULL, message);
    }
  return run_command (command, argc - 1, argv + 1);
}
