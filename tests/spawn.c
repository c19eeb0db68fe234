/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Threads that run a program, or a function of a library. */

#include "support.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>

static ThredoThread *
spawn_shell (const char *script)
{
  const char *const argv[] = { "/bin/sh", "-c", script, NULL };
  g_autoptr(GError) error = NULL;
  ThredoThread *thread = thredo_thread_spawn_command (argv, &error);

  g_assert_no_error (error);
  g_assert_cmpstr (thredo_thread_get_name (thread), ==, "sh");
  return thread;
}

static void
assert_no_child (void)
{
  g_assert_cmpint (waitpid (-1, NULL, WNOHANG), ==, -1);
  g_assert_cmpint (errno, ==, ECHILD);
}

/* What a program writes, to the byte. */
static void
test_command_output (void)
{
  const char *const scripts[] = { "true", "printf 'a\\n b\\n'", "printf 'gr\\303\\274n'" };
  const char *const expected[] = { "", "a\n b\n", "gr\303\274n" };

  for (guint i = 0; i < G_N_ELEMENTS (scripts); i++)
    {
      g_autoptr(ThredoThread) thread = spawn_shell (scripts[i]);
      g_auto(GValue) result = G_VALUE_INIT;

      support_join_ok (thread);
      g_assert_true (thredo_thread_get_result (thread, &result));
      g_assert_cmpstr (g_value_get_string (&result), ==, expected[i]);
    }
}

/* What is no text, and what is but for a zero in it. */
static void
test_command_bytes (void)
{
  const char *const scripts[] = { "printf 'a\\377b'", "printf 'a\\000b'" };
  const char *const expected[] = { "a\377b", "a\0b" };

  for (guint i = 0; i < G_N_ELEMENTS (scripts); i++)
    {
      g_autoptr(ThredoThread) thread = spawn_shell (scripts[i]);
      g_auto(GValue) result = G_VALUE_INIT;
      const char *bytes;
      gsize size;

      support_join_ok (thread);
      g_assert_true (thredo_thread_get_result (thread, &result));
      g_assert_true (G_VALUE_HOLDS (&result, G_TYPE_BYTES));
      bytes = g_bytes_get_data (g_value_get_boxed (&result), &size);
      g_assert_cmpmem (bytes, size, expected[i], 3);
    }
}

static void
test_command_fails (void)
{
  g_autoptr(ThredoThread) thread = spawn_shell ("echo lost; echo ' no luck ' >&2; exit 3");
  g_auto(GValue) result = G_VALUE_INIT;
  g_autoptr(GError) error = NULL;

  g_assert_false (thredo_thread_join (thread, NULL, &error));
  g_assert_cmpstr (error->message, ==, "Command 'sh' exited with status 3: no luck");
  support_assert_error (&error, G_SPAWN_EXIT_ERROR, 3);
  g_assert_cmpint (thredo_thread_get_state (thread), ==, THREDO_THREAD_STATE_FAILED);
  g_assert_false (thredo_thread_get_result (thread, &result));

  g_clear_object (&thread);
  thread = spawn_shell ("exit 1");
  g_assert_false (thredo_thread_join (thread, NULL, &error));
  g_assert_cmpstr (error->message, ==, "Command 'sh' exited with status 1");
  support_assert_error (&error, G_SPAWN_EXIT_ERROR, 1);

  g_clear_object (&thread);
  thread = spawn_shell ("printf 'oh\\377' >&2; kill -KILL $$");
  g_assert_false (thredo_thread_join (thread, NULL, &error));
  g_assert_true (g_str_has_prefix (error->message, "Command 'sh' was ended by signal 9 ("));
  g_assert_true (g_str_has_suffix (error->message, "): oh\357\277\275"));
  support_assert_error (&error, G_SPAWN_ERROR, G_SPAWN_ERROR_FAILED);
}

/* Of a long complaint the end is told, where the reason is. */
static void
test_command_complains (void)
{
  g_autoptr(ThredoThread) thread =
      spawn_shell ("yes complaint | head -n 10000 >&2; echo reason >&2; exit 1");
  g_autoptr(GError) error = NULL;

  g_assert_false (thredo_thread_join (thread, NULL, &error));
  g_assert_true (g_str_has_suffix (error->message, "complaint\nreason"));
  g_assert_cmpuint (strlen (error->message), <, 5000);
  support_assert_error (&error, G_SPAWN_EXIT_ERROR, 1);
}

static void
test_command_not_found (void)
{
  const char *const argv[] = { "/nowhere/no-such-program", NULL };
  g_autoptr(GError) error = NULL;
  g_autoptr(ThredoThread) thread = thredo_thread_spawn_command (argv, &error);

  g_assert_no_error (error);
  g_assert_false (thredo_thread_join (thread, NULL, &error));
  g_assert_nonnull (strstr (error->message, "no-such-program"));
  support_assert_error (&error, G_SPAWN_ERROR, G_SPAWN_ERROR_NOENT);
}

static void
test_command_cancelled (void)
{
  g_autoptr(ThredoThread) thread = spawn_shell ("exec sleep 86400");

  support_wait_for_wait (thread, "run on Command '/bin/sh'");
  support_cancel_and_join (thread);
  assert_no_child ();
}

/* One at a time, in order: as many children at once as the group has room for. */
static void
test_command_max_running (void)
{
  g_autofree char *folder = g_dir_make_tmp ("thredo-spawn-XXXXXX", NULL);
  g_autoptr(ThredoGroup) group = thredo_group_new (THREDO_GROUP_WAIT_ALL);
  g_autofree char *lock = g_build_filename (folder, "lock", NULL);
  const char *const argv[] = {
    "/bin/sh", "-c", "mkdir \"$1\" && rmdir \"$1\" && echo word", "sh", lock, NULL
  };
  g_autoptr(GError) error = NULL;

  thredo_group_set_max_running (group, 1);
  for (int i = 0; i < 20; i++)
    {
      g_autoptr(ThredoThread) thread = thredo_group_spawn_command (group, argv, &error);

      g_assert_no_error (error);
      g_assert_cmpstr (thredo_thread_get_name (thread), ==, "sh");
    }
  for (int i = 0; i < 20; i++)
    {
      g_autoptr(ThredoThread) thread = thredo_group_next_done (group, NULL, &error);
      g_auto(GValue) result = G_VALUE_INIT;

      g_assert_no_error (error);
      support_join_ok (thread);
      g_assert_true (thredo_thread_get_result (thread, &result));
      g_assert_cmpstr (g_value_get_string (&result), ==, "word\n");
    }
  g_assert_true (thredo_group_join (group, NULL, &error));
  g_assert_null (thredo_group_spawn_command (group, argv, &error));
  support_assert_error (&error, THREDO_ERROR, THREDO_ERROR_STATE);
  assert_no_child ();
  g_assert_cmpint (g_rmdir (folder), ==, 0);
}

/* The first one that has a result ends the others. */
static void
test_command_group (void)
{
  g_autoptr(ThredoGroup) group = thredo_group_new (THREDO_GROUP_WAIT_RESULT);
  const char *const scripts[] = { "exec sleep 86400", "echo first", "exec sleep 86400" };
  g_auto(GValue) result = G_VALUE_INIT;
  g_autoptr(GError) error = NULL;
  g_autoptr(ThredoThread) first = NULL;

  for (guint i = 0; i < G_N_ELEMENTS (scripts); i++)
    {
      const char *const argv[] = { "/bin/sh", "-c", scripts[i], NULL };
      g_autoptr(ThredoThread) thread = NULL;

      thread = thredo_group_spawn_command (group, argv, &error);
      g_assert_no_error (error);
      g_assert_nonnull (thread);
    }
  g_assert_true (thredo_group_join (group, NULL, &error));
  g_assert_no_error (error);
  first = thredo_group_get_completed (group);
  g_assert_true (thredo_thread_get_result (first, &result));
  g_assert_cmpstr (g_value_get_string (&result), ==, "first\n");
  assert_no_child ();
}

/* --- of a library --------------------------------------------------------- */

static const char *
get_library (void)
{
  const char *library = g_getenv ("THREDO_TEST_NATIVE");

  g_assert_nonnull (library);
  return library;
}

static void
test_native (void)
{
  const char *const arguments[] = { "gr\303\274n", "", NULL };

  for (guint i = 0; i < G_N_ELEMENTS (arguments); i++)
    {
      g_autofree char *argument = g_strdup (arguments[i]);
      g_autoptr(GError) error = NULL;
      g_autoptr(ThredoThread) thread = NULL;
      g_auto(GValue) result = G_VALUE_INIT;

      thread = thredo_thread_spawn_native (get_library (), "native_echo", argument, &error);
      g_assert_no_error (error);
      g_clear_pointer (&argument, g_free);
      g_assert_cmpstr (thredo_thread_get_name (thread), ==, "native_echo");
      support_join_ok (thread);
      g_assert_cmpint (thredo_thread_get_result (thread, &result), ==, arguments[i] != NULL);
      if (arguments[i] != NULL)
        g_assert_cmpstr (g_value_get_string (&result), ==, arguments[i]);
    }
}

static void
test_native_fails (void)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(ThredoThread) thread =
      thredo_thread_spawn_native (get_library (), "native_fail", "as ordered", &error);

  g_assert_no_error (error);
  g_assert_false (thredo_thread_join (thread, NULL, &error));
  g_assert_cmpstr (error->message, ==, "as ordered");
  support_assert_error (&error, G_FILE_ERROR, G_FILE_ERROR_NOENT);
}

static void
test_native_cancelled (void)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(ThredoThread) thread =
      thredo_thread_spawn_native (get_library (), "native_sleep", NULL, &error);

  g_assert_no_error (error);
  support_wait_for_state (thread, THREDO_THREAD_STATE_WAITING);
  support_cancel_and_join (thread);
}

/* A member above the limit is new until there is room, and one that never was ends unstarted. */
static void
test_native_max_running (void)
{
  g_autoptr(ThredoGroup) group = thredo_group_new (THREDO_GROUP_WAIT_ALL);
  g_autoptr(GError) error = NULL;
  ThredoThread *threads[3];

  thredo_group_set_max_running (group, 1);
  for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
    {
      g_autoptr(ThredoGroup) its_group = NULL;

      threads[i] = thredo_group_spawn_native (group, get_library (), "native_sleep", NULL, &error);
      g_assert_no_error (error);
      its_group = thredo_thread_get_group (threads[i]);
      g_assert_true (its_group == group);
    }
  g_assert_null (thredo_group_spawn_native (group, get_library (), "no_such_symbol", NULL, &error));
  support_assert_error (&error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND);

  support_wait_for_state (threads[0], THREDO_THREAD_STATE_WAITING);
  g_assert_cmpint (thredo_thread_get_state (threads[1]), ==, THREDO_THREAD_STATE_NEW);
  thredo_thread_cancel (threads[0]);
  support_wait_for_state (threads[1], THREDO_THREAD_STATE_WAITING);
  g_assert_cmpint (thredo_thread_get_state (threads[2]), ==, THREDO_THREAD_STATE_NEW);
  thredo_group_cancel (group);
  g_assert_true (thredo_group_join (group, NULL, &error));
  g_assert_no_error (error);
  for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
    {
      g_assert_cmpint (thredo_thread_get_state (threads[i]), ==, THREDO_THREAD_STATE_CANCELLED);
      g_object_unref (threads[i]);
    }
}

/* Without a library it is one that the program has already. */
static void
test_native_of_program (void)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(ThredoThread) thread =
      thredo_thread_spawn_native (NULL, "support_return_true", NULL, &error);

  g_assert_no_error (error);
  support_join_ok (thread);
}

static void
test_native_not_found (void)
{
  g_autofree char *path = NULL;
  g_autoptr(GError) error = NULL;

  g_assert_null (thredo_thread_spawn_native ("/nowhere/libnothing.so", "work", NULL, &error));
  g_assert_nonnull (strstr (error->message, "libnothing.so"));
  support_assert_error (&error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND);

  g_assert_null (thredo_thread_spawn_native ("libno-such-thing-1", "work", NULL, &error));
  g_assert_nonnull (strstr (error->message, "libno-such-thing-1"));
  support_assert_error (&error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND);

  g_assert_null (thredo_thread_spawn_native (get_library (), "native_nothing", NULL, &error));
  g_assert_nonnull (strstr (error->message, "native_nothing"));
  g_assert_nonnull (strstr (error->message, get_library ()));
  support_assert_error (&error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND);

  g_assert_null (thredo_thread_spawn_native (NULL, "native_nothing", NULL, &error));
  g_assert_cmpstr (error->message, ==, "There is no 'native_nothing' in the program");
  support_assert_error (&error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND);

  /* A file that is there, and no library. */
  path = g_test_build_filename (G_TEST_DIST, "native.c", NULL);
  g_assert_null (thredo_thread_spawn_native (path, "native_echo", NULL, &error));
  support_assert_error (&error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA);
}

int
main (int    argc,
      char **argv)
{
  support_init (&argc, &argv);

  g_test_add_func ("/spawn/command/output", test_command_output);
  g_test_add_func ("/spawn/command/bytes", test_command_bytes);
  g_test_add_func ("/spawn/command/fails", test_command_fails);
  g_test_add_func ("/spawn/command/complains", test_command_complains);
  g_test_add_func ("/spawn/command/not-found", test_command_not_found);
  g_test_add_func ("/spawn/command/cancelled", test_command_cancelled);
  g_test_add_func ("/spawn/command/group", test_command_group);
  g_test_add_func ("/spawn/command/max-running", test_command_max_running);
  g_test_add_func ("/spawn/native", test_native);
  g_test_add_func ("/spawn/native/fails", test_native_fails);
  g_test_add_func ("/spawn/native/cancelled", test_native_cancelled);
  g_test_add_func ("/spawn/native/max-running", test_native_max_running);
  g_test_add_func ("/spawn/native/of-program", test_native_of_program);
  g_test_add_func ("/spawn/native/not-found", test_native_not_found);

  return g_test_run ();
}
