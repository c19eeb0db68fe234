/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * thredo_await(), and the calls that are made of it: files, names, D-Bus.
 */

#include "support.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* An operation as it may be found in any library. */
typedef enum
{
  AT_ONCE,       /* completes by itself, in the next iteration of its context */
  WITHIN_START,  /* calls back before the function that starts it has returned */
  FROM_A_THREAD, /* calls back on a thread of its own */
  NEVER,         /* only a cancel ends it */
  CARELESS,      /* the same, but it does not look for one that came before */
  DEAF,          /* completes when it is told, and takes no notice of a cancel */
  FAILS,
} Manner;

typedef struct
{
  Manner manner;
  ThredoScope *scope; /* expires when it has been started; NULL: none */
  GThread *started_on;
  int n_started;
  int n_destroyed;
  int started;      /* for others to wait for */
  int end;          /* a deaf one is told */
  SupportGate gate; /* where a careless one waits */
  GThread *thread;
  GTask *task;
  gulong handler;
} Operation;

static gpointer
complete_here (gpointer data)
{
  Operation *self = data;

  g_task_return_int (self->task, 7);
  return NULL;
}

static gboolean
look_whether_told (gpointer data)
{
  Operation *self = data;

  if (!g_atomic_int_get (&self->end))
    return G_SOURCE_CONTINUE;
  g_task_return_int (self->task, 7);
  return G_SOURCE_REMOVE;
}

static gboolean
return_cancelled (gpointer data)
{
  Operation *self = data;

  g_task_return_error_if_cancelled (self->task);
  g_clear_object (&self->task);
  return G_SOURCE_REMOVE;
}

static void
operation_cancelled (GCancellable *cancellable,
                     gpointer      data)
{
  Operation *self = data;
  g_autoptr(GSource) source = g_idle_source_new ();

  g_source_set_callback (source, return_cancelled, self, NULL);
  g_source_attach (source, g_task_get_context (self->task));
}

/* A GAsyncResult that is no GTask, to be called back with directly. */
static GAsyncResult *
make_result (Operation *self)
{
  GTask *task = g_task_new (NULL, NULL, NULL, NULL);

  g_task_return_int (task, 7);
  return G_ASYNC_RESULT (task);
}

typedef struct
{
  Operation *operation;
  GAsyncReadyCallback callback;
  gpointer callback_data;
} FromThread;

static gpointer
call_back_from_thread (gpointer data)
{
  FromThread *self = data;
  g_autoptr(GAsyncResult) result = make_result (self->operation);

  self->callback (NULL, result, self->callback_data);
  g_free (self);
  return NULL;
}

static void
operation_start (GCancellable        *cancellable,
                 GAsyncReadyCallback  callback,
                 gpointer             callback_data,
                 gpointer             user_data)
{
  Operation *self = user_data;

  self->n_started++;
  self->started_on = g_thread_self ();
  g_assert_true (G_IS_CANCELLABLE (cancellable));

  switch (self->manner)
    {
    case AT_ONCE:
    case DEAF:
    case FAILS:
      {
        self->task = g_task_new (NULL, NULL, callback, callback_data);
        if (self->manner == AT_ONCE)
          complete_here (self);
        else if (self->manner == FAILS)
          g_task_return_new_error (self->task, G_IO_ERROR, G_IO_ERROR_NOT_FOUND, "Gone");
        else
          {
            g_autoptr(GSource) source = g_timeout_source_new (1);

            g_source_set_callback (source, look_whether_told, self, NULL);
            g_source_attach (source, g_task_get_context (self->task));
          }
        break;
      }
    case WITHIN_START:
      {
        g_autoptr(GAsyncResult) result = make_result (self);

        callback (NULL, result, callback_data);
        /* The caller is not on its way yet: what is its own is still there. */
        g_usleep (1000);
        g_assert_cmpint (g_atomic_int_get (&self->n_destroyed), ==, 0);
        self->n_started += 100;
        break;
      }
    case FROM_A_THREAD:
      {
        FromThread *from = g_new (FromThread, 1);

        from->operation = self;
        from->callback = callback;
        from->callback_data = callback_data;
        self->thread = g_thread_new ("caller back", call_back_from_thread, from);
        break;
      }
    case CARELESS:
      g_atomic_int_set (&self->started, 1);
      support_gate_wait (&self->gate);
      self->task = g_task_new (NULL, cancellable, callback, callback_data);
      g_signal_connect (cancellable, "cancelled", G_CALLBACK (operation_cancelled), self);
      break;
    case NEVER:
      self->task = g_task_new (NULL, cancellable, callback, callback_data);
      self->handler = g_cancellable_connect (cancellable, G_CALLBACK (operation_cancelled), self,
                                             NULL);
      break;
    }
  if (self->scope != NULL)
    thredo_scope_set_deadline (self->scope, g_get_monotonic_time ());
  g_atomic_int_set (&self->started, 1);
}

static void
operation_clear (Operation *self)
{
  g_clear_object (&self->task);
  g_clear_pointer (&self->thread, g_thread_join);
}

static gboolean
await_operation (Operation     *operation,
                 GCancellable  *cancellable,
                 GError       **error)
{
  g_autoptr(GAsyncResult) result =
      thredo_await (operation_start, operation, NULL, cancellable, error);

  if (result == NULL)
    return FALSE;
  if (g_task_propagate_int (G_TASK (result), error) == 7)
    return TRUE;
  return FALSE;
}

static gboolean
await_in_thread (ThredoThread  *thread,
                 gpointer       operation,
                 GError       **error)
{
  return await_operation (operation, NULL, error);
}

static GThread *
find_loop_thread (void)
{
  Operation operation = { .manner = AT_ONCE };
  g_autoptr(GError) error = NULL;

  await_operation (&operation, NULL, &error);
  g_assert_no_error (error);
  operation_clear (&operation);
  return operation.started_on;
}

static void
test_await_result (gconstpointer data)
{
  Operation operation = { .manner = GPOINTER_TO_INT (data) };
  g_autoptr(GAsyncResult) result = NULL;
  g_autoptr(GError) error = NULL;

  result = thredo_await (operation_start, &operation, NULL, NULL, &error);
  g_assert_no_error (error);
  g_assert_true (G_IS_TASK (result));
  g_assert_cmpint (g_task_propagate_int (G_TASK (result), &error), ==, 7);
  g_assert_no_error (error);
  g_assert_cmpint (operation.n_started, ==, operation.manner == WITHIN_START ? 101 : 1);
  g_assert_true (operation.started_on != g_thread_self ());
  g_assert_true (operation.started_on == find_loop_thread ());
  operation_clear (&operation);
}

static void
test_await_own_failure (void)
{
  Operation operation = { .manner = FAILS };
  g_autoptr(GError) error = NULL;

  g_assert_false (await_operation (&operation, NULL, &error));
  support_assert_error (&error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND);
  operation_clear (&operation);
}

static void
start_with_destroy (GCancellable        *cancellable,
                    GAsyncReadyCallback  callback,
                    gpointer             callback_data,
                    gpointer             user_data)
{
  g_autoptr(GTask) task = g_task_new (NULL, cancellable, callback, callback_data);

  g_assert_cmpint (g_atomic_int_get ((int *) user_data), ==, 0);
  g_task_return_int (task, 1);
}

static void
test_await_destroy (void)
{
  g_autoptr(GCancellable) cancellable = g_cancellable_new ();
  g_autoptr(GAsyncResult) result = NULL;
  g_autoptr(GError) error = NULL;
  int n_destroyed = 0;

  result = thredo_await (start_with_destroy, &n_destroyed, support_count_destroy, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpint (n_destroyed, ==, 1);
  g_clear_object (&result);

  /* Also if it never starts. */
  n_destroyed = 0;
  g_cancellable_cancel (cancellable);
  result = thredo_await (start_with_destroy, &n_destroyed, support_count_destroy, cancellable,
                         &error);
  g_assert_null (result);
  support_assert_cancelled (&error);
  g_assert_cmpint (n_destroyed, ==, 1);
}

static void
test_await_cancelled (void)
{
  Operation operation = { .manner = NEVER };
  g_autoptr(ThredoThread) thread = NULL;
  g_autoptr(GError) error = NULL;

  thread = thredo_thread_spawn ("awaits", await_in_thread, &operation, NULL, &error);
  g_assert_no_error (error);
  support_wait_for_int (&operation.started, 1);
  support_wait_for_wait (thread, "await");
  support_cancel_and_join (thread);
  /* It has called back. */
  g_assert_null (operation.task);
  g_assert_cmpint (operation.n_started, ==, 1);
}

/* A cancel while it starts waits until it has. */
static void
test_await_cancelled_while_starting (void)
{
  for (guint i = 0; i < support_rounds (1000); i++)
    {
      Operation operation = { .manner = CARELESS };
      g_autoptr(ThredoThread) thread = NULL;
      g_autoptr(GError) error = NULL;

      support_gate_init (&operation.gate);
      thread = thredo_thread_spawn ("awaits", await_in_thread, &operation, NULL, &error);
      g_assert_no_error (error);
      support_wait_for_int (&operation.started, 1);
      support_wait_for_wait (thread, "await");
      thredo_thread_cancel (thread);
      support_wait_for_wait (thread, "await");
      support_gate_open (&operation.gate);
      g_assert_false (thredo_thread_join (thread, NULL, &error));
      support_assert_error (&error, THREDO_ERROR, THREDO_ERROR_THREAD_CANCELLED);
      support_gate_clear (&operation.gate);
    }
}

static void
test_await_explicit_cancellable (void)
{
  Operation operation = { .manner = NEVER };
  g_autoptr(GCancellable) cancellable = g_cancellable_new ();
  g_autoptr(GError) error = NULL;
  GThread *canceller;

  canceller = g_thread_new ("canceller", (GThreadFunc) (void (*) (void)) g_cancellable_cancel,
                            cancellable);
  g_assert_false (await_operation (&operation, cancellable, &error));
  support_assert_cancelled (&error);
  g_thread_join (canceller);
  g_assert_null (operation.task);
}

static void
test_await_deadline (void)
{
  Operation operation = { .manner = NEVER };
  g_autoptr(GError) error = NULL;
  g_autoptr(GAsyncResult) result = NULL;

  {
    g_autoptr(ThredoScope) scope = thredo_scope_new ();
    G_GNUC_UNUSED g_autoptr(ThredoScopeGuard) scope_guard = thredo_scope_guard_new (scope);

    operation.scope = scope;
    result = thredo_await (operation_start, &operation, NULL, NULL, &error);
    g_assert_no_error (error);
    g_assert_nonnull (result);
    g_assert_cmpint (g_task_propagate_int (G_TASK (result), &error), ==, -1);
    g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
    thredo_clarify_error (&error);
    g_assert_error (error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT);
    g_clear_error (&error);

    /* The next one does not begin. */
    g_assert_null (thredo_await (operation_start, &operation, NULL, NULL, &error));
    support_assert_timed_out (&error);
  }
  g_assert_cmpint (operation.n_started, ==, 1);
}

static void
test_await_clarify (void)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(ThredoScope) outer = thredo_scope_new ();
  G_GNUC_UNUSED g_autoptr(ThredoScopeGuard) outer_guard = thredo_scope_guard_new (outer);

  thredo_clarify_error (NULL);
  thredo_clarify_error (&error);
  g_assert_no_error (error);

  g_set_error_literal (&error, G_IO_ERROR, G_IO_ERROR_CANCELLED, "Cancelled");
  thredo_clarify_error (&error);
  support_assert_cancelled (&error);

  {
    g_autoptr(ThredoScope) late = thredo_scope_new_with_timeout (0);
    G_GNUC_UNUSED g_autoptr(ThredoScopeGuard) late_guard = thredo_scope_guard_new (late);

    g_set_error_literal (&error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND, "Another one");
    thredo_clarify_error (&error);
    support_assert_error (&error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND);

    g_assert_false (thredo_check_cancelled (NULL, &error));
    support_assert_timed_out (&error);
    g_set_error_literal (&error, G_IO_ERROR, G_IO_ERROR_CANCELLED, "Cancelled");
    thredo_clarify_error (&error);
    support_assert_timed_out (&error);

    /* A cancel goes before a deadline. */
    thredo_scope_cancel (outer);
    g_set_error_literal (&error, G_IO_ERROR, G_IO_ERROR_CANCELLED, "Cancelled");
    thredo_clarify_error (&error);
    support_assert_cancelled (&error);
  }
}

static gboolean
await_shielded (ThredoThread  *thread,
                gpointer       operation,
                GError       **error)
{
  g_autoptr(ThredoScope) shield = thredo_scope_new_shielded ();
  G_GNUC_UNUSED g_autoptr(ThredoScopeGuard) shield_guard = thredo_scope_guard_new (shield);

  return await_operation (operation, NULL, error);
}

static void
test_await_shielded (void)
{
  Operation operation = { .manner = DEAF };
  g_autoptr(ThredoThread) thread = NULL;
  g_autoptr(GError) error = NULL;

  thread = thredo_thread_spawn ("awaits", await_shielded, &operation, NULL, &error);
  g_assert_no_error (error);
  support_wait_for_int (&operation.started, 1);
  support_wait_for_wait (thread, "await");
  thredo_thread_cancel (thread);
  g_assert_cmpint (thredo_thread_get_state (thread), ==, THREDO_THREAD_STATE_WAITING);
  g_atomic_int_set (&operation.end, 1);
  support_join_ok (thread);
  operation_clear (&operation);
}

/* Whoever takes no notice of a cancel is waited for, and has its result heard. */
static void
test_await_deaf (void)
{
  Operation operation = { .manner = DEAF };
  g_autoptr(ThredoThread) thread = NULL;
  g_autoptr(GError) error = NULL;

  thread = thredo_thread_spawn ("awaits", await_in_thread, &operation, NULL, &error);
  g_assert_no_error (error);
  support_wait_for_int (&operation.started, 1);
  support_wait_for_wait (thread, "await");
  thredo_thread_cancel (thread);
  support_wait_for_wait (thread, "await");
  g_assert_true (thredo_thread_is_alive (thread));
  g_atomic_int_set (&operation.end, 1);
  support_join_ok (thread);
  operation_clear (&operation);
}

static void
test_await_cancelled_before (void)
{
  Operation operation = { .manner = AT_ONCE };
  g_autoptr(GCancellable) cancellable = g_cancellable_new ();
  g_autoptr(GError) error = NULL;

  g_cancellable_cancel (cancellable);
  g_assert_false (await_operation (&operation, cancellable, &error));
  support_assert_cancelled (&error);
  g_assert_cmpint (operation.n_started, ==, 0);
}

static gboolean
hold_loop (gpointer gate)
{
  support_gate_wait (gate);
  return G_SOURCE_REMOVE;
}

/* The loop is busy, so that the cancel comes before it gets to the start. Returns whether it
 * did: the thread has yet to wake up from it when the loop may go on. */
static gboolean
cancel_before_start (void)
{
  Operation operation = { .manner = AT_ONCE };
  g_autoptr(ThredoThread) thread = NULL;
  g_autoptr(GError) error = NULL;
  SupportGate gate;

  support_gate_init (&gate);
  g_main_context_invoke (thredo_get_main_context (), hold_loop, &gate);
  thread = thredo_thread_spawn ("awaits", await_in_thread, &operation, NULL, &error);
  g_assert_no_error (error);
  support_wait_for_wait (thread, "await");
  thredo_thread_cancel (thread);
  support_gate_open (&gate);

  if (thredo_thread_join (thread, NULL, &error))
    {
      g_assert_no_error (error);
      g_assert_cmpint (operation.n_started, ==, 1);
      operation_clear (&operation);
    }
  else
    {
      support_assert_error (&error, THREDO_ERROR, THREDO_ERROR_THREAD_CANCELLED);
      g_assert_cmpint (operation.n_started, ==, 0);
    }
  support_gate_clear (&gate);
  return operation.n_started == 0;
}

static void
test_await_cancelled_before_start (void)
{
  guint n_rounds = 1;

  while (!cancel_before_start ())
    g_assert_cmpuint (n_rounds++, <, 10000);
}

static gboolean
await_on_loop (gpointer data)
{
  Operation operation = { .manner = AT_ONCE };
  g_autoptr(GError) error = NULL;

  g_assert_false (await_operation (&operation, NULL, &error));
  support_assert_error (&error, THREDO_ERROR, THREDO_ERROR_LOOP_THREAD);
  g_assert_cmpint (operation.n_started, ==, 0);
  g_atomic_int_set ((int *) data, 1);
  return G_SOURCE_REMOVE;
}

static void
test_await_loop_thread (void)
{
  int done = 0;

  g_main_context_invoke (thredo_get_main_context (), await_on_loop, &done);
  support_wait_for_int (&done, 1);
}

/* An operation that takes something, unless it is cancelled: what it has taken is in
 * what await returns, whenever the cancel comes. */
typedef struct
{
  int n_taken; /* the loop's */
  GCancellable *cancellable;
  int round;
} Taking;

static gboolean
take_now (gpointer data)
{
  GTask *task = data;
  Taking *taking = g_task_get_task_data (task);

  if (!g_task_return_error_if_cancelled (task))
    {
      taking->n_taken++;
      g_task_return_int (task, 1);
    }
  return G_SOURCE_REMOVE;
}

static void
start_taking (GCancellable        *cancellable,
              GAsyncReadyCallback  callback,
              gpointer             callback_data,
              gpointer             user_data)
{
  GTask *task = g_task_new (NULL, cancellable, callback, callback_data);
  g_autoptr(GSource) source = g_idle_source_new ();

  g_task_set_check_cancellable (task, FALSE);
  g_task_set_task_data (task, user_data, NULL);
  g_source_set_callback (source, take_now, task, g_object_unref);
  g_source_set_priority (source, G_PRIORITY_DEFAULT);
  g_source_attach (source, g_main_context_get_thread_default ());
}

static gpointer
cancel_each (gpointer data)
{
  GAsyncQueue *queue = data;
  GCancellable *cancellable;
  guint n = 0;

  while ((cancellable = g_async_queue_pop (queue)) != data)
    {
      for (volatile guint i = 0; i < n % 3000; i++)
        ;
      n += 7;
      g_cancellable_cancel (cancellable);
      g_object_unref (cancellable);
    }
  return NULL;
}

static void
test_await_race (void)
{
  GAsyncQueue *queue = g_async_queue_new ();
  GThread *canceller = g_thread_new ("canceller", cancel_each, queue);
  Taking taking = { 0 };
  guint rounds = support_rounds (100000);
  int n_results = 0, n_cancelled = 0;

  for (guint i = 0; i < rounds || ((n_results == 0 || n_cancelled == 0) && i < 100 * rounds); i++)
    {
      g_autoptr(GCancellable) cancellable = g_cancellable_new ();
      g_autoptr(GAsyncResult) result = NULL;
      g_autoptr(GError) error = NULL;

      g_async_queue_push (queue, g_object_ref (cancellable));
      result = thredo_await (start_taking, &taking, NULL, cancellable, &error);
      if (result != NULL && g_task_propagate_int (G_TASK (result), &error) == 1)
        {
          n_results++;
          continue;
        }
      support_assert_cancelled (&error);
      n_cancelled++;
    }
  g_async_queue_push (queue, queue);
  g_thread_join (canceller);
  g_async_queue_unref (queue);

  g_test_message ("%d results, %d cancelled", n_results, n_cancelled);
  g_assert_cmpint (taking.n_taken, ==, n_results);
  g_assert_cmpint (n_results, >, 0);
  g_assert_cmpint (n_cancelled, >, 0);
}

/* Many at once, each with its own. */
static gboolean
await_often (ThredoThread  *thread,
             gpointer       data,
             GError       **error)
{
  for (guint i = 0; i < support_rounds (1000); i++)
    {
      Operation operation = { .manner = i % 10 == 0 ? FROM_A_THREAD : AT_ONCE };
      gboolean done = await_operation (&operation, NULL, error);

      operation_clear (&operation);
      if (!done)
        return FALSE;
    }
  return TRUE;
}

static void
test_await_many (void)
{
  g_autoptr(ThredoGroup) group = thredo_group_new (THREDO_GROUP_WAIT_ALL);
  g_autoptr(GError) error = NULL;

  for (guint i = 0; i < 16; i++)
    {
      G_GNUC_UNUSED g_autoptr(ThredoThread) thread =
          thredo_group_spawn (group, NULL, await_often, NULL, NULL, &error);

      g_assert_no_error (error);
    }
  thredo_group_join (group, NULL, &error);
  g_assert_no_error (error);
}

/* Files. */

static GFile *
new_file (const char *name)
{
  g_autofree char *template = g_build_filename (g_get_tmp_dir (), "thredo-XXXXXX", NULL);
  g_autofree char *folder = g_mkdtemp (g_steal_pointer (&template));
  g_autofree char *path = NULL;

  g_assert_nonnull (folder);
  path = g_build_filename (folder, name, NULL);
  return g_file_new_for_path (path);
}

static guint
count_files (GFile *file)
{
  g_autofree char *folder = g_path_get_dirname (g_file_peek_path (file));
  g_autoptr(GDir) dir = g_dir_open (folder, 0, NULL);
  guint n = 0;

  while (g_dir_read_name (dir) != NULL)
    n++;
  return n;
}

static void
delete_file (GFile *file)
{
  g_autofree char *folder = g_path_get_dirname (g_file_peek_path (file));

  g_file_delete (file, NULL, NULL);
  g_assert_cmpint (g_rmdir (folder), ==, 0);
}

static void
test_file_round_trip (void)
{
  g_autoptr(GFile) file = new_file ("file");
  g_autoptr(GError) error = NULL;
  const gsize sizes[] = { 0, 1, 65535, 65536, 65537, 3000000 };

  for (guint i = 0; i < G_N_ELEMENTS (sizes); i++)
    {
      g_autofree char *data = g_malloc (sizes[i] + 1);
      g_autoptr(GBytes) bytes = NULL;
      g_autoptr(GBytes) loaded = NULL;

      for (gsize j = 0; j < sizes[i]; j++)
        data[j] = (char) (j * 7 + j / 251);
      bytes = g_bytes_new (data, sizes[i]);
      thredo_replace_bytes (file, bytes, G_FILE_CREATE_NONE, NULL, &error);
      g_assert_no_error (error);
      loaded = thredo_load_bytes (file, NULL, &error);
      g_assert_no_error (error);
      g_assert_true (g_bytes_equal (bytes, loaded));
    }
  delete_file (file);
}

static void
test_file_errors (void)
{
  g_autoptr(GFile) file = new_file ("file");
  g_autoptr(GFile) folder = g_file_get_parent (file);
  g_autoptr(GFile) elsewhere = g_file_get_child (file, "no/such/folder");
  g_autoptr(GFile) foreign = g_file_new_for_uri ("resource:///no/such/resource");
  g_autoptr(GBytes) bytes = g_bytes_new_static ("x", 1);
  g_autoptr(GError) error = NULL;

  g_assert_null (thredo_load_bytes (file, NULL, &error));
  support_assert_error (&error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND);
  g_assert_null (thredo_load_bytes (folder, NULL, &error));
  support_assert_error (&error, G_IO_ERROR, G_IO_ERROR_IS_DIRECTORY);
  g_assert_null (thredo_load_bytes (foreign, NULL, &error));
  support_assert_error (&error, G_RESOURCE_ERROR, G_RESOURCE_ERROR_NOT_FOUND);
  g_assert_false (thredo_replace_bytes (elsewhere, bytes, G_FILE_CREATE_NONE, NULL, &error));
  support_assert_error (&error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND);
  g_assert_false (thredo_replace_bytes (folder, bytes, G_FILE_CREATE_NONE, NULL, &error));
  support_assert_error (&error, G_IO_ERROR, G_IO_ERROR_IS_DIRECTORY);

  g_assert_cmpint (mkfifo (g_file_peek_path (file), 0600), ==, 0);
  g_assert_false (thredo_replace_bytes (file, bytes, G_FILE_CREATE_NONE, NULL, &error));
  support_assert_error (&error, G_IO_ERROR, G_IO_ERROR_NOT_REGULAR_FILE);
  delete_file (file);
}

static void
test_file_proc (void)
{
  g_autoptr(GFile) file = g_file_new_for_path ("/proc/self/status");
  g_autoptr(GError) error = NULL;
  g_autoptr(GBytes) bytes = thredo_load_bytes (file, NULL, &error);

  g_assert_no_error (error);
  g_assert_cmpuint (g_bytes_get_size (bytes), >, 100);
}

static gpointer
cancel_each_later (gpointer data)
{
  GAsyncQueue *queue = data;
  GCancellable *cancellable;
  guint n = 0;

  while ((cancellable = g_async_queue_pop (queue)) != data)
    {
      g_usleep (100 * (n++ % 20));
      g_cancellable_cancel (cancellable);
      g_object_unref (cancellable);
    }
  return NULL;
}

/* What was there before is there still, and nothing else. */
static void
test_file_replace_cancelled (void)
{
  g_autoptr(GFile) file = new_file ("file");
  g_autofree char *data = g_malloc0 (8 * 1024 * 1024);
  g_autoptr(GBytes) bytes = g_bytes_new_static (data, 8 * 1024 * 1024);
  g_autoptr(GBytes) before = g_bytes_new_static ("before", 6);
  GAsyncQueue *queue = g_async_queue_new ();
  GThread *canceller = g_thread_new ("canceller", cancel_each_later, queue);
  g_autoptr(GError) error = NULL;
  guint rounds = support_rounds (200);
  guint n_replaced = 0, n_cancelled = 0;

  for (guint i = 0; i < rounds || (n_cancelled == 0 && i < 100 * rounds); i++)
    {
      g_autoptr(GCancellable) cancellable = g_cancellable_new ();
      g_autoptr(GBytes) after = NULL;
      gboolean replaced;

      thredo_replace_bytes (file, before, G_FILE_CREATE_NONE, NULL, &error);
      g_assert_no_error (error);
      g_async_queue_push (queue, g_object_ref (cancellable));
      replaced = thredo_replace_bytes (file, bytes, G_FILE_CREATE_NONE, cancellable, &error);
      if (!replaced)
        support_assert_cancelled (&error);
      *(replaced ? &n_replaced : &n_cancelled) += 1;
      after = thredo_load_bytes (file, NULL, &error);
      g_assert_no_error (error);
      g_assert_true (g_bytes_equal (after, replaced ? bytes : before));
      g_assert_cmpuint (count_files (file), ==, 1);
    }
  g_async_queue_push (queue, queue);
  g_thread_join (canceller);
  g_async_queue_unref (queue);
  delete_file (file);
  g_test_message ("%u replaced, %u cancelled", n_replaced, n_cancelled);
  g_assert_cmpuint (n_cancelled, >, 0);
}

typedef struct
{
  GFile *file;
  GCancellable *cancellable;
  GTimeSpan timeout;
  GBytes *bytes;
} Loading;

static gboolean
load_in_thread (ThredoThread  *thread,
                gpointer       data,
                GError       **error)
{
  Loading *loading = data;
  g_autoptr(ThredoScope) scope = thredo_scope_new_with_timeout (loading->timeout);
  G_GNUC_UNUSED g_autoptr(ThredoScopeGuard) scope_guard = thredo_scope_guard_new (scope);

  loading->bytes = thredo_load_bytes (loading->file, loading->cancellable, error);
  return loading->bytes != NULL;
}

static void
test_file_fifo_no_writer (void)
{
  g_autoptr(GFile) file = new_file ("fifo");
  Loading loading = { file, NULL, SUPPORT_FOREVER, NULL };
  g_autofree char *what = g_strdup_printf ("load on File '%s'", g_file_peek_path (file));
  guint n_fds;

  g_assert_cmpint (mkfifo (g_file_peek_path (file), 0600), ==, 0);
  /* The loop has its descriptors from now on. */
  g_assert_true (thredo_sleep (0, NULL, NULL));
  n_fds = support_count_fds ();

  {
    g_autoptr(GError) error = NULL;
    g_autoptr(ThredoThread) thread =
        thredo_thread_spawn ("loads", load_in_thread, &loading, NULL, &error);

    g_assert_no_error (error);
    support_wait_for_wait (thread, what);
    support_cancel_and_join (thread);
  }
  {
    g_autoptr(GCancellable) cancellable = g_cancellable_new ();
    g_autoptr(GError) error = NULL;
    g_autoptr(ThredoThread) thread = NULL;

    loading.cancellable = cancellable;
    thread = thredo_thread_spawn ("loads", load_in_thread, &loading, NULL, &error);
    g_assert_no_error (error);
    support_wait_for_wait (thread, what);
    g_cancellable_cancel (cancellable);
    g_assert_false (thredo_thread_join (thread, NULL, &error));
    support_assert_error (&error, THREDO_ERROR, THREDO_ERROR_THREAD_CANCELLED);
    loading.cancellable = NULL;
  }
  {
    g_autoptr(GError) error = NULL;
    g_autoptr(ThredoThread) thread = NULL;

    loading.timeout = 10 * G_TIME_SPAN_MILLISECOND;
    thread = thredo_thread_spawn ("loads", load_in_thread, &loading, NULL, &error);
    g_assert_no_error (error);
    g_assert_false (thredo_thread_join (thread, NULL, &error));
    support_assert_timed_out (&error);
  }
  g_assert_cmpuint (support_count_fds (), ==, n_fds);
  delete_file (file);
}

static void
test_file_fifo (void)
{
  g_autoptr(GFile) file = new_file ("fifo");
  Loading loading = { file, NULL, SUPPORT_FOREVER, NULL };
  g_autofree char *what = g_strdup_printf ("load on File '%s'", g_file_peek_path (file));
  g_autofree char *piece = g_malloc (100000);
  g_autoptr(ThredoThread) thread = NULL;
  g_autoptr(GError) error = NULL;
  int fd;

  memset (piece, 'x', 100000);
  g_assert_cmpint (mkfifo (g_file_peek_path (file), 0600), ==, 0);
  thread = thredo_thread_spawn ("loads", load_in_thread, &loading, NULL, &error);
  g_assert_no_error (error);
  support_wait_for_wait (thread, what);

  fd = open (g_file_peek_path (file), O_WRONLY | O_CLOEXEC);
  g_assert_cmpint (fd, >=, 0);
  for (guint i = 0; i < 3; i++)
    {
      gsize written = 0;

      while (written < 100000)
        {
          gssize n = write (fd, piece + written, 100000 - written);

          g_assert_cmpint (n, >, 0);
          written += (gsize) n;
        }
      support_wait_for_wait (thread, what);
    }
  close (fd);
  support_join_ok (thread);
  g_assert_cmpuint (g_bytes_get_size (loading.bytes), ==, 300000);
  g_bytes_unref (loading.bytes);
  delete_file (file);
}

/* Names. */

#define TEST_TYPE_RESOLVER (test_resolver_get_type ())
G_DECLARE_FINAL_TYPE (TestResolver, test_resolver, TEST, RESOLVER, GResolver)

/* One that says nothing, until it is cancelled. */
struct _TestResolver
{
  GResolver parent_instance;
  int n_asked;
};

G_DEFINE_FINAL_TYPE (TestResolver, test_resolver, G_TYPE_RESOLVER)

static gboolean
return_if_cancelled (GCancellable *cancellable,
                     gpointer      data)
{
  g_task_return_error_if_cancelled (data);
  return G_SOURCE_REMOVE;
}

static void
test_resolver_lookup_async (GResolver           *resolver,
                            const char          *hostname,
                            GCancellable        *cancellable,
                            GAsyncReadyCallback  callback,
                            gpointer             user_data)
{
  GTask *task = g_task_new (resolver, cancellable, callback, user_data);
  g_autoptr(GSource) source = g_cancellable_source_new (cancellable);

  g_source_set_callback (source, G_SOURCE_FUNC (return_if_cancelled), task, g_object_unref);
  g_source_attach (source, g_main_context_get_thread_default ());
  g_atomic_int_inc (&TEST_RESOLVER (resolver)->n_asked);
}

static GList *
test_resolver_lookup_finish (GResolver     *resolver,
                             GAsyncResult  *result,
                             GError       **error)
{
  return g_task_propagate_pointer (G_TASK (result), error);
}

static void
test_resolver_class_init (TestResolverClass *klass)
{
  GResolverClass *resolver_class = G_RESOLVER_CLASS (klass);

  resolver_class->lookup_by_name_async = test_resolver_lookup_async;
  resolver_class->lookup_by_name_finish = test_resolver_lookup_finish;
}

static void
test_resolver_init (TestResolver *self)
{
}

static gboolean
look_up (ThredoThread  *thread,
         gpointer       cancellable,
         GError       **error)
{
  GList *addresses = thredo_lookup_by_name ("somewhere.invalid", cancellable, error);

  g_assert_null (addresses);
  return FALSE;
}

static gboolean
look_up_with_deadline (ThredoThread  *thread,
                       gpointer       data,
                       GError       **error)
{
  g_autoptr(ThredoScope) scope = thredo_scope_new_with_timeout (10 * G_TIME_SPAN_MILLISECOND);
  G_GNUC_UNUSED g_autoptr(ThredoScopeGuard) scope_guard = thredo_scope_guard_new (scope);

  return look_up (thread, NULL, error);
}

static void
test_lookup_cancelled (void)
{
  g_autoptr(GResolver) before = g_resolver_get_default ();
  g_autoptr(GResolver) resolver = g_object_new (TEST_TYPE_RESOLVER, NULL);
  g_autoptr(GCancellable) cancellable = g_cancellable_new ();
  g_autoptr(ThredoThread) cancelled = NULL;
  g_autoptr(ThredoThread) explicit = NULL;
  g_autoptr(ThredoThread) late = NULL;
  g_autoptr(GError) error = NULL;

  g_resolver_set_default (resolver);

  cancelled = thredo_thread_spawn ("looks up", look_up, NULL, NULL, &error);
  g_assert_no_error (error);
  support_wait_for_int (&TEST_RESOLVER (resolver)->n_asked, 1);
  support_wait_for_wait (cancelled, "look up on host 'somewhere.invalid'");
  support_cancel_and_join (cancelled);

  explicit = thredo_thread_spawn ("looks up", look_up, cancellable, NULL, &error);
  g_assert_no_error (error);
  support_wait_for_int (&TEST_RESOLVER (resolver)->n_asked, 2);
  g_cancellable_cancel (cancellable);
  g_assert_false (thredo_thread_join (explicit, NULL, &error));
  support_assert_error (&error, THREDO_ERROR, THREDO_ERROR_THREAD_CANCELLED);

  late = thredo_thread_spawn ("looks up", look_up_with_deadline, NULL, NULL, &error);
  g_assert_no_error (error);
  g_assert_false (thredo_thread_join (late, NULL, &error));
  support_assert_timed_out (&error);

  g_resolver_set_default (before);
}

static void
test_lookup_address (void)
{
  g_autoptr(GError) error = NULL;
  GList *addresses = thredo_lookup_by_name ("127.0.0.1", NULL, &error);
  g_autofree char *text = NULL;

  g_assert_no_error (error);
  g_assert_cmpuint (g_list_length (addresses), ==, 1);
  text = g_inet_address_to_string (addresses->data);
  g_assert_cmpstr (text, ==, "127.0.0.1");
  g_resolver_free_addresses (addresses);

  addresses = thredo_lookup_by_name ("localhost", NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (g_list_length (addresses), >=, 1);
  g_resolver_free_addresses (addresses);
}

/* D-Bus, between peers and on a bus of our own. */

#define PATH "/org/example/Silent"
#define INTERFACE "org.example.Silent"

static const char introspection[] =
    "<node><interface name='" INTERFACE "'>"
    "<method name='Keep'/>"
    "<method name='Double'><arg type='u' direction='in'/><arg type='u' direction='out'/></method>"
    "<method name='Fail'/>"
    "</interface></node>";

typedef struct
{
  GMainContext *context;
  GMainLoop *loop;
  GThread *thread;
  GDBusServer *server;
  char *address;
  int ready;
  int n_kept;
  GPtrArray *connections;
  GPtrArray *kept;
} Peer;

static void
called (GDBusConnection       *connection,
        const char            *sender,
        const char            *object_path,
        const char            *interface_name,
        const char            *method_name,
        GVariant              *parameters,
        GDBusMethodInvocation *invocation,
        gpointer               user_data)
{
  Peer *peer = user_data;
  guint32 n;

  if (g_str_equal (method_name, "Keep"))
    {
      g_ptr_array_add (peer->kept, invocation);
      g_atomic_int_inc (&peer->n_kept);
    }
  else if (g_str_equal (method_name, "Fail"))
    {
      g_dbus_method_invocation_return_error (invocation, G_DBUS_ERROR, G_DBUS_ERROR_ACCESS_DENIED,
                                             "Not you");
    }
  else
    {
      g_variant_get (parameters, "(u)", &n);
      g_dbus_method_invocation_return_value (invocation, g_variant_new ("(u)", n * 2));
    }
}

static const GDBusInterfaceVTable vtable = { called, NULL, NULL };

static void
export_on (Peer            *peer,
           GDBusConnection *connection)
{
  g_autoptr(GDBusNodeInfo) node = g_dbus_node_info_new_for_xml (introspection, NULL);
  g_autoptr(GError) error = NULL;

  g_dbus_connection_register_object (connection, PATH, node->interfaces[0], &vtable, peer, NULL,
                                     &error);
  g_assert_no_error (error);
  g_ptr_array_add (peer->connections, g_object_ref (connection));
}

static gboolean
new_connection (GDBusServer     *server,
                GDBusConnection *connection,
                gpointer         user_data)
{
  export_on (user_data, connection);
  return TRUE;
}

static gpointer
peer_main (gpointer data)
{
  Peer *peer = data;
  g_autofree char *guid = g_dbus_generate_guid ();
  g_autoptr(GError) error = NULL;

  g_main_context_push_thread_default (peer->context);
  peer->server = g_dbus_server_new_sync ("unix:tmpdir=/tmp", G_DBUS_SERVER_FLAGS_NONE, guid, NULL,
                                         NULL, &error);
  g_assert_no_error (error);
  g_signal_connect (peer->server, "new-connection", G_CALLBACK (new_connection), peer);
  g_dbus_server_start (peer->server);
  peer->address = g_strdup (g_dbus_server_get_client_address (peer->server));
  g_atomic_int_set (&peer->ready, 1);

  g_main_loop_run (peer->loop);

  /* One that has come may still be on its way here. */
  g_signal_handlers_disconnect_by_data (peer->server, peer);
  g_dbus_server_stop (peer->server);
  g_clear_object (&peer->server);
  g_ptr_array_unref (peer->kept);
  for (guint i = 0; i < peer->connections->len; i++)
    g_dbus_connection_close_sync (peer->connections->pdata[i], NULL, NULL);
  g_ptr_array_unref (peer->connections);
  while (g_main_context_iteration (peer->context, FALSE))
    ;
  g_main_context_pop_thread_default (peer->context);
  return NULL;
}

static void
peer_start (Peer *peer)
{
  peer->context = g_main_context_new ();
  peer->loop = g_main_loop_new (peer->context, FALSE);
  peer->connections = g_ptr_array_new_with_free_func (g_object_unref);
  peer->kept = g_ptr_array_new_with_free_func (g_object_unref);
  peer->thread = g_thread_new ("peer", peer_main, peer);
  support_wait_for_int (&peer->ready, 1);
}

static void
peer_stop (Peer *peer)
{
  g_main_loop_quit (peer->loop);
  g_thread_join (peer->thread);
  g_main_loop_unref (peer->loop);
  g_main_context_unref (peer->context);
  g_free (peer->address);
}

static GDBusConnection *
peer_connect (Peer *peer)
{
  g_autoptr(GError) error = NULL;
  GDBusConnection *connection = g_dbus_connection_new_for_address_sync (
      peer->address, G_DBUS_CONNECTION_FLAGS_AUTHENTICATION_CLIENT, NULL, NULL, &error);

  g_assert_no_error (error);
  return connection;
}

typedef struct
{
  GDBusConnection *connection;
  const char *bus_name;
  GTimeSpan timeout;
  GCancellable *cancellable;
} Calling;

static gboolean
call_keep (ThredoThread  *thread,
           gpointer       data,
           GError       **error)
{
  Calling *calling = data;
  g_autoptr(ThredoScope) scope = thredo_scope_new_with_timeout (calling->timeout);
  G_GNUC_UNUSED g_autoptr(ThredoScopeGuard) scope_guard = thredo_scope_guard_new (scope);
  g_autoptr(GVariant) reply = thredo_dbus_call (calling->connection, calling->bus_name, PATH,
                                                 INTERFACE, "Keep", NULL, NULL,
                                                 calling->cancellable, error);

  return reply != NULL;
}

static void
check_calls (Peer            *peer,
             GDBusConnection *connection,
             const char      *bus_name)
{
  Calling calling = { connection, bus_name, SUPPORT_FOREVER, NULL };
  g_autoptr(GCancellable) cancellable = g_cancellable_new ();
  g_autoptr(ThredoThread) cancelled = NULL;
  g_autoptr(ThredoThread) explicit = NULL;
  g_autoptr(ThredoThread) late = NULL;
  g_autoptr(GVariant) reply = NULL;
  g_autoptr(GError) error = NULL;
  guint32 n;

  reply = thredo_dbus_call (connection, bus_name, PATH, INTERFACE, "Double",
                            g_variant_new ("(u)", 21), G_VARIANT_TYPE ("(u)"), NULL, &error);
  g_assert_no_error (error);
  g_variant_get (reply, "(u)", &n);
  g_assert_cmpuint (n, ==, 42);

  g_assert_null (thredo_dbus_call (connection, bus_name, PATH, INTERFACE, "Double",
                                   g_variant_new ("(u)", 21), G_VARIANT_TYPE ("(s)"), NULL,
                                   &error));
  support_assert_error (&error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT);
  g_assert_null (thredo_dbus_call (connection, bus_name, PATH, INTERFACE, "Fail", NULL, NULL,
                                   NULL, &error));
  support_assert_error (&error, G_DBUS_ERROR, G_DBUS_ERROR_ACCESS_DENIED);

  cancelled = thredo_thread_spawn ("calls", call_keep, &calling, NULL, &error);
  g_assert_no_error (error);
  support_wait_for_int (&peer->n_kept, 1);
  support_wait_for_state (cancelled, THREDO_THREAD_STATE_WAITING);
  support_cancel_and_join (cancelled);

  calling.cancellable = cancellable;
  explicit = thredo_thread_spawn ("calls", call_keep, &calling, NULL, &error);
  g_assert_no_error (error);
  support_wait_for_int (&peer->n_kept, 2);
  g_cancellable_cancel (cancellable);
  g_assert_false (thredo_thread_join (explicit, NULL, &error));
  support_assert_error (&error, THREDO_ERROR, THREDO_ERROR_THREAD_CANCELLED);

  calling.cancellable = NULL;
  calling.timeout = 10 * G_TIME_SPAN_MILLISECOND;
  late = thredo_thread_spawn ("calls", call_keep, &calling, NULL, &error);
  g_assert_no_error (error);
  g_assert_false (thredo_thread_join (late, NULL, &error));
  support_assert_timed_out (&error);

  /* The parameters of a call that is never made are taken all the same. */
  g_assert_null (thredo_dbus_call (connection, bus_name, PATH, INTERFACE, "Double",
                                   g_variant_new ("(u)", 21), NULL, cancellable, &error));
  support_assert_cancelled (&error);
}

static void
test_dbus_peer (void)
{
  Peer peer = { 0 };
  GDBusConnection *connection;
  g_autoptr(GError) error = NULL;

  peer_start (&peer);
  connection = peer_connect (&peer);
  check_calls (&peer, connection, NULL);
  g_dbus_connection_close_sync (connection, NULL, &error);
  g_assert_no_error (error);
  g_object_unref (connection);
  peer_stop (&peer);
}

/* The other end goes while it is waited for. */
static void
test_dbus_closed (void)
{
  Peer peer = { 0 };
  GDBusConnection *connection;
  g_autoptr(ThredoThread) thread = NULL;
  g_autoptr(GError) error = NULL;
  Calling calling;

  peer_start (&peer);
  connection = peer_connect (&peer);
  calling = (Calling) { connection, NULL, SUPPORT_FOREVER, NULL };
  thread = thredo_thread_spawn ("calls", call_keep, &calling, NULL, &error);
  g_assert_no_error (error);
  support_wait_for_int (&peer.n_kept, 1);
  peer_stop (&peer);
  g_assert_false (thredo_thread_join (thread, NULL, &error));
  support_assert_closed (&error);
  g_object_unref (connection);
}

/* GIO would say so and never call back. */
static void
test_dbus_refused (void)
{
  static const struct
  {
    const char *critical;
    const char *bus_name;
    const char *object_path;
    const char *interface_name;
    const char *method_name;
    const char *parameters;
  } calls[] = {
    { "*g_dbus_is_name (bus_name)*", "none", PATH, INTERFACE, "Double", NULL },
    { "*g_variant_is_object_path*", NULL, "none", INTERFACE, "Double", NULL },
    { "*g_dbus_is_interface_name*", NULL, PATH, NULL, "Double", NULL },
    { "*g_dbus_is_interface_name*", NULL, PATH, "none", "Double", NULL },
    { "*g_dbus_is_member_name*", NULL, PATH, INTERFACE, "no.ne", NULL },
    { "*G_VARIANT_TYPE_TUPLE*", NULL, PATH, INTERFACE, "Double", "no tuple" },
  };
  Peer peer = { 0 };
  GDBusConnection *connection;

  peer_start (&peer);
  connection = peer_connect (&peer);
  for (guint i = 0; i < G_N_ELEMENTS (calls); i++)
    {
      g_autoptr(GVariant) parameters = NULL;
      g_autoptr(GError) error = NULL;

      if (calls[i].parameters != NULL)
        parameters = g_variant_ref_sink (g_variant_new_string (calls[i].parameters));
      g_test_expect_message ("Thredo", G_LOG_LEVEL_CRITICAL, calls[i].critical);
      g_assert_null (thredo_dbus_call (connection, calls[i].bus_name, calls[i].object_path,
                                       calls[i].interface_name, calls[i].method_name, parameters,
                                       NULL, NULL, &error));
      g_test_assert_expected_messages ();
      g_assert_no_error (error);
    }
  peer_stop (&peer);
  g_object_unref (connection);
}

static gboolean
export_and_own (gpointer data)
{
  gpointer *shared = data;

  export_on (shared[0], shared[1]);
  g_atomic_int_set ((int *) shared[2], 1);
  return G_SOURCE_REMOVE;
}

static void
test_dbus_bus (void)
{
  g_autoptr(GTestDBus) bus = NULL;
  g_autoptr(GDBusConnection) service = NULL;
  g_autoptr(GDBusConnection) client = NULL;
  g_autofree char *daemon = g_find_program_in_path ("dbus-daemon");
  g_autoptr(GError) error = NULL;
  Peer peer = { 0 };
  gpointer shared[3];
  int exported = 0;

  if (daemon == NULL)
    {
      g_test_skip ("There is no dbus-daemon");
      return;
    }

  bus = g_test_dbus_new (G_TEST_DBUS_NONE);
  g_test_dbus_up (bus);
  peer_start (&peer);
  service = g_dbus_connection_new_for_address_sync (
      g_test_dbus_get_bus_address (bus),
      G_DBUS_CONNECTION_FLAGS_AUTHENTICATION_CLIENT |
          G_DBUS_CONNECTION_FLAGS_MESSAGE_BUS_CONNECTION,
      NULL, NULL, &error);
  g_assert_no_error (error);
  client = g_dbus_connection_new_for_address_sync (
      g_test_dbus_get_bus_address (bus),
      G_DBUS_CONNECTION_FLAGS_AUTHENTICATION_CLIENT |
          G_DBUS_CONNECTION_FLAGS_MESSAGE_BUS_CONNECTION,
      NULL, NULL, &error);
  g_assert_no_error (error);

  shared[0] = &peer;
  shared[1] = service;
  shared[2] = &exported;
  g_main_context_invoke (peer.context, export_and_own, shared);
  support_wait_for_int (&exported, 1);

  check_calls (&peer, client, g_dbus_connection_get_unique_name (service));

  g_assert_null (thredo_dbus_call (client, "org.example.Nobody", PATH, INTERFACE, "Keep", NULL,
                                   NULL, NULL, &error));
  support_assert_error (&error, G_DBUS_ERROR, G_DBUS_ERROR_SERVICE_UNKNOWN);

  g_dbus_connection_close_sync (client, NULL, &error);
  g_assert_no_error (error);
  peer_stop (&peer);
  g_clear_object (&client);
  g_clear_object (&service);
  g_test_dbus_down (bus);
}

int
main (int    argc,
      char **argv)
{
  support_init (&argc, &argv);

  g_test_add_data_func ("/await/result/at-once", GINT_TO_POINTER (AT_ONCE), test_await_result);
  g_test_add_data_func ("/await/result/within-start", GINT_TO_POINTER (WITHIN_START),
                        test_await_result);
  g_test_add_data_func ("/await/result/from-a-thread", GINT_TO_POINTER (FROM_A_THREAD),
                        test_await_result);
  g_test_add_func ("/await/own-failure", test_await_own_failure);
  g_test_add_func ("/await/destroy", test_await_destroy);
  g_test_add_func ("/await/cancelled", test_await_cancelled);
  g_test_add_func ("/await/cancelled-while-starting", test_await_cancelled_while_starting);
  g_test_add_func ("/await/explicit-cancellable", test_await_explicit_cancellable);
  g_test_add_func ("/await/deadline", test_await_deadline);
  g_test_add_func ("/await/shielded", test_await_shielded);
  g_test_add_func ("/await/deaf", test_await_deaf);
  g_test_add_func ("/await/cancelled-before", test_await_cancelled_before);
  g_test_add_func ("/await/cancelled-before-start", test_await_cancelled_before_start);
  g_test_add_func ("/await/loop-thread", test_await_loop_thread);
  g_test_add_func ("/await/race", test_await_race);
  g_test_add_func ("/await/many", test_await_many);
  g_test_add_func ("/await/clarify", test_await_clarify);

  g_test_add_func ("/file/round-trip", test_file_round_trip);
  g_test_add_func ("/file/errors", test_file_errors);
  g_test_add_func ("/file/proc", test_file_proc);
  g_test_add_func ("/file/replace-cancelled", test_file_replace_cancelled);
  g_test_add_func ("/file/fifo-no-writer", test_file_fifo_no_writer);
  g_test_add_func ("/file/fifo", test_file_fifo);

  g_test_add_func ("/lookup/cancelled", test_lookup_cancelled);
  g_test_add_func ("/lookup/address", test_lookup_address);

  g_test_add_func ("/dbus/peer", test_dbus_peer);
  g_test_add_func ("/dbus/closed", test_dbus_closed);
  g_test_add_func ("/dbus/refused", test_dbus_refused);
  g_test_add_func ("/dbus/bus", test_dbus_bus);

  return g_test_run ();
}
