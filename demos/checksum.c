/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <locale.h>
#include <stdlib.h>

#include "checksum-job.h"
#include "checksum-text.h"
#ifdef HAVE_GTK
#include "checksum-window.h"
#endif

#define DEFAULT_FOLDER "/usr/share/doc"
#define MAX_WORKERS 1024

typedef struct
{
  gboolean text;
  gboolean autoclose;
  char *screenshot;
  int n_workers;
  char **folders;
} Options;

static const char description[] =
    "SHA-256 of every regular file below FOLDER (default: " DEFAULT_FOLDER "), by a group of\n"
    "threads. Symbolic links are not followed. The total it ends with is the SHA-256 of what\n"
    "  find . -type f -print0 | LC_ALL=C sort -z | xargs -0r sha256sum -z\n"
    "prints in FOLDER. Without a display, the job runs in the terminal.";

static gboolean
parse_options (int       *argc,
               char    ***argv,
               Options   *options,
               GError   **error)
{
  g_autoptr(GOptionContext) context = g_option_context_new (NULL);
  GOptionEntry entries[] = {
    { "text", 't', 0, G_OPTION_ARG_NONE, &options->text,
      "Run in the terminal", NULL },
    { "screenshot", 's', 0, G_OPTION_ARG_FILENAME, &options->screenshot,
      "Save what the window shows while it runs, then quit", "FILE.png" },
    { "workers", 'w', 0, G_OPTION_ARG_INT, &options->n_workers,
      "Worker threads (default: two for each core, at least 4)", "N" },
    { "autoclose", 0, 0, G_OPTION_ARG_NONE, &options->autoclose,
      "Close the window when the job has ended", NULL },
    { G_OPTION_REMAINING, 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &options->folders,
      NULL, "[FOLDER]" },
    G_OPTION_ENTRY_NULL
  };

  g_option_context_add_main_entries (context, entries, NULL);
  g_option_context_set_description (context, description);
  if (!g_option_context_parse (context, argc, argv, error))
    return FALSE;

  if (options->n_workers == 0)
    options->n_workers = MAX (2 * g_get_num_processors (), 4);
  if (options->n_workers < 0 || options->n_workers > MAX_WORKERS)
    {
      g_set_error (error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
                   "The number of workers goes from 1 to %d", MAX_WORKERS);
      return FALSE;
    }
  if (options->folders != NULL && g_strv_length (options->folders) > 1)
    {
      g_set_error_literal (error, G_OPTION_ERROR, G_OPTION_ERROR_FAILED, "More than one folder");
      return FALSE;
    }
  if (options->text && options->screenshot != NULL)
    {
      g_set_error_literal (error, G_OPTION_ERROR, G_OPTION_ERROR_FAILED,
                           "--screenshot is of the window, which --text does without");
      return FALSE;
    }
  return TRUE;
}

static void
clear_options (Options *options)
{
  g_free (options->screenshot);
  g_strfreev (options->folders);
}

/* Returns FALSE where there is no window to be had. */
static gboolean
run_window (ChecksumJob *job,
            Options     *options,
            int         *exit_status)
{
#ifdef HAVE_GTK
  /* Nobody reads a picture aloud; and where it is taken there may be no bus to do it on. */
  if (options->screenshot != NULL)
    g_setenv ("GTK_A11Y", "none", FALSE);
  if (checksum_window_is_possible ())
    {
      *exit_status = checksum_window_run (job, options->screenshot, options->autoclose);
      return TRUE;
    }
  g_printerr ("%s: no display, running in the terminal\n", g_get_prgname ());
#else
  g_printerr ("%s: built without GTK 4, running in the terminal\n", g_get_prgname ());
#endif
  return FALSE;
}

static int
run (Options  *options,
     GError  **error)
{
  const char *folder = options->folders != NULL ? options->folders[0] : DEFAULT_FOLDER;
  g_autoptr(ChecksumJob) job = checksum_job_new (folder, options->n_workers, error);
  int exit_status = EXIT_FAILURE;

  if (job == NULL)
    return EXIT_FAILURE;
  if (!options->text && run_window (job, options, &exit_status))
    return exit_status;

  if (options->screenshot != NULL)
    {
      g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED,
                           "No window to take a picture of; xvfb-run gives it a display");
      return EXIT_FAILURE;
    }
  return checksum_text_run (job);
}

int
main (int    argc,
      char **argv)
{
  g_autoptr(GError) error = NULL;
  Options options = { 0 };
  int exit_status = 2;

  setlocale (LC_ALL, "");
  g_set_prgname ("thredo-checksum");

  if (parse_options (&argc, &argv, &options, &error))
    exit_status = run (&options, &error);
  if (error != NULL)
    g_printerr ("%s: %s\n", g_get_prgname (), error->message);

  clear_options (&options);
  return exit_status;
}
