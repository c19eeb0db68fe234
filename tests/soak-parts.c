/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "soak-parts.h"

#include <gio/gunixsocketaddress.h>

#include <string.h>
#include <unistd.h>

#define FOREVER (24 * G_TIME_SPAN_HOUR)
#define MILLISECOND G_TIME_SPAN_MILLISECOND

/* How many objects there are */

static GMutex tracked_lock;
static GHashTable *tracked; /* guarded by the lock: how many of a type, by its name */

static void
count_tracked (gpointer type_name,
               int      change)
{
  g_mutex_lock (&tracked_lock);
  if (tracked == NULL)
    tracked = g_hash_table_new (g_str_hash, g_str_equal);
  change += GPOINTER_TO_INT (g_hash_table_lookup (tracked, type_name));
  g_hash_table_insert (tracked, type_name, GINT_TO_POINTER (change));
  g_mutex_unlock (&tracked_lock);
}

static void
forget (gpointer type_name)
{
  count_tracked (type_name, -1);
}

gpointer
soak_track (gpointer object)
{
  gpointer type_name = (gpointer) G_OBJECT_TYPE_NAME (object);

  count_tracked (type_name, 1);
  g_object_set_data_full (object, "soak", type_name, forget);
  return object;
}

int
soak_count_tracked (GString *types)
{
  GHashTableIter iter;
  gpointer type_name, value;
  int n = 0;

  g_mutex_lock (&tracked_lock);
  g_hash_table_iter_init (&iter, tracked);
  while (g_hash_table_iter_next (&iter, &type_name, &value))
    {
      n += GPOINTER_TO_INT (value);
      if (types != NULL && GPOINTER_TO_INT (value) != 0)
        g_string_append_printf (types, " %d %s", GPOINTER_TO_INT (value), (char *) type_name);
    }
  g_mutex_unlock (&tracked_lock);
  return n;
}

/* What parts have in common. Nothing here is meant to fail but what is said to. */

static gboolean
fail (GError     **error,
      const char  *what)
{
  g_prefix_error (error, "%s: ", what);
  if (error != NULL && *error == NULL)
    g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_FAILED, what);
  return FALSE;
}

/* Whether the call has failed, and in that way. */
static gboolean
has_failed (gboolean   is_ok,
            GError   **error,
            GQuark     domain,
            int        code)
{
  if (is_ok || !g_error_matches (*error, domain, code))
    return FALSE;
  g_clear_error (error);
  return TRUE;
}

static gboolean
return_true (ThredoThread  *thread,
             gpointer       user_data,
             GError       **error)
{
  return TRUE;
}

static gboolean
return_false (ThredoThread  *thread,
              gpointer       user_data,
              GError       **error)
{
  g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_BUSY, "It is meant to fail");
  return FALSE;
}

static gboolean
sleep_forever (ThredoThread  *thread,
               gpointer       user_data,
               GError       **error)
{
  return thredo_sleep (FOREVER, NULL, error);
}

static gboolean
return_a_result (ThredoThread  *thread,
                 gpointer       user_data,
                 GError       **error)
{
  thredo_thread_set_result_pointer (thread, g_strdup ("a result"), g_free);
  return TRUE;
}

/* Which owns its group. */
static ThredoGroupGuard *
guard_new (ThredoGroupWait policy)
{
  g_autoptr(ThredoGroup) group = soak_track (thredo_group_new (policy));

  return thredo_group_guard_new (group);
}

static gboolean
spawn_in (ThredoGroup       *group,
          const char        *name,
          ThredoThreadFunc   func,
          gpointer           user_data,
          GError           **error)
{
  g_autoptr(ThredoThread) thread = thredo_group_spawn (group, name, func, user_data, NULL, error);

  return thread != NULL && soak_track (thread) != NULL;
}

/* Threads */

static gboolean
spawn_and_join (ThredoThreadFunc   func,
                gboolean           is_cancelled,
                GError           **error)
{
  g_autoptr(ThredoThread) thread = thredo_thread_spawn ("one", func, NULL, NULL, error);

  if (thread == NULL)
    return FALSE;
  soak_track (thread);
  if (is_cancelled)
    thredo_thread_cancel (thread);
  return thredo_thread_join (thread, NULL, error);
}

static gboolean
do_threads (GError **error)
{
  if (!spawn_and_join (return_true, FALSE, error) ||
      !spawn_and_join (return_a_result, FALSE, error))
    return fail (error, "a thread that succeeds");
  if (!has_failed (spawn_and_join (return_false, FALSE, error), error, G_IO_ERROR,
                   G_IO_ERROR_BUSY))
    return fail (error, "a thread that fails");
  if (!has_failed (spawn_and_join (sleep_forever, TRUE, error), error, THREDO_ERROR,
                   THREDO_ERROR_THREAD_CANCELLED))
    return fail (error, "a thread that is cancelled");
  return TRUE;
}

/* Groups */

#define N_MEMBERS 8

static gboolean
run_group (ThredoGroupWait    policy,
           ThredoThreadFunc   first,
           ThredoThreadFunc   others,
           GError           **error)
{
  g_autoptr(ThredoGroupGuard) guard = guard_new (policy);

  if (!spawn_in (guard, "first", first, NULL, error))
    return FALSE;
  for (guint i = 1; i < N_MEMBERS; i++)
    if (!spawn_in (guard, "other", others, NULL, error))
      return FALSE;
  return thredo_group_join (guard, NULL, error);
}

static gboolean
run_inner_group (ThredoThread  *thread,
                 gpointer       user_data,
                 GError       **error)
{
  return run_group (THREDO_GROUP_WAIT_ALL, return_true, return_true, error);
}

static gboolean
do_groups (GError **error)
{
  if (!run_group (THREDO_GROUP_WAIT_ALL, run_inner_group, return_a_result, error))
    return fail (error, "a group in a group");
  if (!run_group (THREDO_GROUP_WAIT_ANY, return_true, sleep_forever, error))
    return fail (error, "a group that waits for any");
  if (!run_group (THREDO_GROUP_WAIT_RESULT, return_a_result, sleep_forever, error))
    return fail (error, "a group that waits for a result");
  if (run_group (THREDO_GROUP_WAIT_ALL, return_false, sleep_forever, error))
    return fail (error, "a group with a failure did not fail");
  g_clear_error (error);
  run_group (THREDO_GROUP_WAIT_NONE, sleep_forever, sleep_forever, NULL);
  return TRUE;
}

/* Queues */

#define N_ITEMS 40
#define N_PUTTERS 2
#define N_GETTERS 3

static gboolean
put_items (ThredoThread  *thread,
           gpointer       user_data,
           GError       **error)
{
  for (guint i = 0; i < N_ITEMS; i++)
    {
      char *item = g_strdup_printf ("item %u", i);

      if (!thredo_queue_put_pointer (user_data, item, NULL, error))
        {
          g_free (item);
          return FALSE;
        }
    }
  return TRUE;
}

static gboolean
get_items (ThredoThread  *thread,
           gpointer       user_data,
           GError       **error)
{
  g_autoptr(GError) closed = NULL;
  char *item;

  while ((item = thredo_queue_get_pointer (user_data, NULL, &closed)) != NULL)
    {
      g_free (item);
      if (!thredo_queue_task_done (user_data, error))
        return FALSE;
    }
  if (g_error_matches (closed, G_IO_ERROR, G_IO_ERROR_CLOSED))
    return TRUE;
  g_propagate_error (error, g_steal_pointer (&closed));
  return FALSE;
}

static gboolean
run_queue (ThredoQueue  *queue,
           GError      **error)
{
  g_autoptr(ThredoGroupGuard) putters = guard_new (THREDO_GROUP_WAIT_ALL);
  g_autoptr(ThredoGroupGuard) getters = guard_new (THREDO_GROUP_WAIT_ALL);

  for (guint i = 0; i < N_GETTERS; i++)
    if (!spawn_in (getters, "getter", get_items, queue, error))
      return FALSE;
  for (guint i = 0; i < N_PUTTERS; i++)
    if (!spawn_in (putters, "putter", put_items, queue, error))
      return FALSE;
  if (!thredo_group_join (putters, NULL, error) || !thredo_queue_join (queue, NULL, error))
    return FALSE;
  thredo_queue_close (queue);
  return thredo_group_join (getters, NULL, error);
}

static gboolean
do_queues (GError **error)
{
  static const ThredoQueueOrder orders[] = { THREDO_QUEUE_ORDER_FIFO, THREDO_QUEUE_ORDER_LIFO };

  for (guint i = 0; i < G_N_ELEMENTS (orders); i++)
    {
      g_autoptr(ThredoQueue) queue = soak_track (thredo_queue_new_full (orders[i], 4, g_free));

      thredo_queue_set_name (queue, "items");
      if (!run_queue (queue, error))
        return fail (error, "a queue");
    }
  {
    /* What nobody has got goes with the queue. */
    g_autoptr(ThredoQueue) left =
        soak_track (thredo_queue_new_full (THREDO_QUEUE_ORDER_FIFO, 0, g_free));

    return put_items (NULL, left, error);
  }
}

/* Locks, and what is made with them */

#define N_CONTENDERS 4
#define N_TURNS 20

typedef struct
{
  ThredoLock *lock;
  ThredoRLock *rlock;
  ThredoSemaphore *semaphore;
  ThredoEvent *start;
  ThredoBarrier *end;
  ThredoCondition *changed; /* of the lock */
  guint n;                  /* guarded by the lock */
} Shared;

static gboolean
has_all (ThredoCondition *condition,
         gpointer         user_data)
{
  Shared *shared = user_data;

  return shared->n == N_CONTENDERS * N_TURNS;
}

static gboolean
take_turn (Shared  *shared,
           GError **error)
{
  g_autoptr(ThredoSemaphoreGuard) permit = NULL;
  g_autoptr(ThredoLockGuard) outer = NULL;
  g_autoptr(ThredoLockGuard) inner = NULL;
  g_autoptr(ThredoLockGuard) guard = NULL;

  permit = thredo_semaphore_guard_new (shared->semaphore, NULL, error);
  if (permit == NULL)
    return FALSE;
  outer = thredo_lock_guard_new (THREDO_LOCKABLE (shared->rlock), NULL, error);
  if (outer == NULL)
    return FALSE;
  inner = thredo_lock_guard_new (THREDO_LOCKABLE (shared->rlock), NULL, error);
  if (inner == NULL)
    return FALSE;
  guard = thredo_lock_guard_new (THREDO_LOCKABLE (shared->lock), NULL, error);
  if (guard == NULL)
    return FALSE;
  shared->n++;
  return thredo_condition_notify_all (shared->changed, error);
}

static gboolean
contend (ThredoThread  *thread,
         gpointer       user_data,
         GError       **error)
{
  Shared *shared = user_data;
  g_autoptr(ThredoLockGuard) guard = NULL;

  if (!thredo_event_wait (shared->start, NULL, error))
    return FALSE;
  for (guint i = 0; i < N_TURNS; i++)
    if (!take_turn (shared, error))
      return FALSE;
  if (!thredo_barrier_wait (shared->end, NULL, NULL, error))
    return FALSE;
  guard = thredo_lock_guard_new (THREDO_LOCKABLE (shared->lock), NULL, error);
  return guard != NULL &&
         thredo_condition_wait_for (shared->changed, has_all, shared, NULL, error);
}

/* Its owner ends without letting go. */
static gboolean
abandon (ThredoThread  *thread,
         gpointer       user_data,
         GError       **error)
{
  return thredo_lock_acquire (user_data, NULL, error);
}

static gboolean
run_abandoned (GError **error)
{
  g_autoptr(ThredoLock) lock = soak_track (thredo_lock_new ());
  g_autoptr(ThredoThread) thread = thredo_thread_spawn ("leaver", abandon, lock, NULL, error);

  if (thread == NULL)
    return FALSE;
  soak_track (thread);
  if (!thredo_thread_join (thread, NULL, error) || !thredo_lock_acquire (lock, NULL, error))
    return FALSE;
  if (!thredo_lock_get_abandoned (lock))
    return fail (error, "it is not abandoned");
  return thredo_lock_release (lock, error);
}

static gboolean
do_locks (GError **error)
{
  g_autoptr(ThredoLock) lock = soak_track (thredo_lock_new ());
  g_autoptr(ThredoRLock) rlock = soak_track (thredo_rlock_new ());
  g_autoptr(ThredoSemaphore) semaphore = soak_track (thredo_semaphore_new (2));
  g_autoptr(ThredoEvent) start = soak_track (thredo_event_new ());
  g_autoptr(ThredoBarrier) end = soak_track (thredo_barrier_new (N_CONTENDERS));
  g_autoptr(ThredoCondition) changed =
      soak_track (thredo_condition_new (THREDO_LOCKABLE (lock)));
  g_autoptr(ThredoGroupGuard) group = guard_new (THREDO_GROUP_WAIT_ALL);
  Shared shared = { lock, rlock, semaphore, start, end, changed, 0 };

  thredo_lock_set_name (lock, "lock");
  for (guint i = 0; i < N_CONTENDERS; i++)
    if (!spawn_in (group, "contender", contend, &shared, error))
      return FALSE;
  thredo_event_set (start);
  if (!thredo_group_join (group, NULL, error))
    return fail (error, "locks");
  if (shared.n != N_CONTENDERS * N_TURNS)
    return fail (error, "two threads had a lock at once");
  return run_abandoned (error) || fail (error, "an abandoned lock");
}

/* Deadlocks. No other part can have one, so that the policy is this one's. */

typedef struct
{
  ThredoLock *mine;
  ThredoLock *other;
  ThredoBarrier *both;
} Duelist;

/* Both have their own lock before either asks for the other's. */
static gboolean
duel (ThredoThread  *thread,
      gpointer       user_data,
      GError       **error)
{
  Duelist *self = user_data;
  g_autoptr(ThredoLockGuard) mine = NULL;
  g_autoptr(ThredoLockGuard) other = NULL;

  mine = thredo_lock_guard_new (THREDO_LOCKABLE (self->mine), NULL, error);
  if (mine == NULL || !thredo_barrier_wait (self->both, NULL, NULL, error))
    return FALSE;
  other = thredo_lock_guard_new (THREDO_LOCKABLE (self->other), NULL, error);
  return other != NULL;
}

static gboolean
run_duel (ThredoDeadlockPolicy   policy,
          GError               **error)
{
  g_autoptr(ThredoLock) one = soak_track (thredo_lock_new ());
  g_autoptr(ThredoLock) other = soak_track (thredo_lock_new ());
  g_autoptr(ThredoBarrier) both = soak_track (thredo_barrier_new (2));
  Duelist duelists[] = { { one, other, both }, { other, one, both } };
  ThredoThread *threads[2];
  guint n_won = 0;

  thredo_set_deadlock_policy (policy);
  for (guint i = 0; i < 2; i++)
    {
      threads[i] = thredo_thread_spawn ("duelist", duel, &duelists[i], NULL, NULL);
      soak_track (threads[i]);
    }
  for (guint i = 0; i < 2; i++)
    {
      n_won += thredo_thread_join (threads[i], NULL, NULL);
      g_object_unref (threads[i]);
    }
  return n_won == 1 || fail (error, "a deadlock has not one victim");
}

/* If it is only reported, it stays until the monitor's user cancels one of the two. */
static gboolean
do_deadlocks (GError **error)
{
  return run_duel (THREDO_DEADLOCK_POLICY_FAIL, error) &&
         run_duel (THREDO_DEADLOCK_POLICY_CANCEL, error) &&
         run_duel (THREDO_DEADLOCK_POLICY_REPORT, error);
}

/* Deadlines */

static gboolean
do_deadlines (GError **error)
{
  g_autoptr(ThredoQueue) never = soak_track (thredo_queue_new (0));
  g_autoptr(ThredoScope) outer = soak_track (thredo_scope_new_with_timeout (MILLISECOND));
  gboolean got;

  thredo_scope_enter (outer);
  {
    g_autoptr(ThredoScope) inner = soak_track (thredo_scope_new_with_timeout (FOREVER));

    thredo_scope_enter (inner);
    got = thredo_queue_get_pointer (never, NULL, error) != NULL;
    thredo_scope_leave (inner);
  }
  thredo_scope_leave (outer);
  if (!has_failed (got, error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT) ||
      !thredo_scope_is_expired (outer))
    return fail (error, "a deadline");
  return TRUE;
}

/* Sockets. They are local: a TCP connection stays in the kernel's tables for a minute. */

#define N_CLIENTS 4
#define N_LINES 5

static gboolean
serve (ThredoSocketService  *service,
       GIOStream            *connection,
       GObject              *source_object,
       gpointer              user_data,
       GError              **error)
{
  GInputStream *input = g_io_stream_get_input_stream (connection);
  GOutputStream *output = g_io_stream_get_output_stream (connection);
  char bytes[64];
  gssize n;

  while ((n = g_input_stream_read (input, bytes, sizeof bytes, NULL, error)) > 0)
    if (!g_output_stream_write_all (output, bytes, n, NULL, NULL, error))
      return FALSE;
  return n == 0;
}

static GIOStream *
connect_to (GSocketAddress  *address,
            GError         **error)
{
  g_autoptr(GSocketConnection) connection = NULL;
  g_autoptr(GSocket) socket = NULL;

  socket = g_socket_new (G_SOCKET_FAMILY_UNIX, G_SOCKET_TYPE_STREAM, G_SOCKET_PROTOCOL_DEFAULT,
                         error);
  if (socket == NULL || !thredo_socket_connect (socket, address, NULL, error))
    return NULL;
  connection = g_socket_connection_factory_create_connection (socket);
  return soak_track (thredo_io_stream_new (G_IO_STREAM (connection)));
}

static gboolean
talk (ThredoThread  *thread,
      gpointer       user_data,
      GError       **error)
{
  static const char line[] = "a line of some length\n";
  g_autoptr(GIOStream) connection = connect_to (user_data, error);
  char bytes[sizeof line];
  gsize n;

  for (guint i = 0; connection != NULL && i < N_LINES; i++)
    {
      if (!g_output_stream_write_all (g_io_stream_get_output_stream (connection), line,
                                      sizeof line, NULL, NULL, error) ||
          !g_input_stream_read_all (g_io_stream_get_input_stream (connection), bytes, sizeof line,
                                    &n, NULL, error))
        return FALSE;
      if (n != sizeof line || memcmp (line, bytes, n) != 0)
        return fail (error, "not what was sent came back");
    }
  return connection != NULL;
}

/* Says nothing, and waits for an answer until it is cancelled, or the service is. */
static gboolean
keep_silent (ThredoThread  *thread,
             gpointer       user_data,
             GError       **error)
{
  g_autoptr(GIOStream) connection = connect_to (user_data, error);
  char byte;

  return connection != NULL && g_input_stream_read (g_io_stream_get_input_stream (connection),
                                                    &byte, 1, NULL, error) >= 0;
}

static GSocketAddress *
listen_somewhere (ThredoSocketService  *service,
                  GError              **error)
{
  static guint n; /* this part's thread's */
  g_autofree char *name = g_strdup_printf ("thredo-soak-%d-%u", (int) getpid (), n++);
  g_autoptr(GSocketAddress) address = NULL;

  address = g_unix_socket_address_new_with_type (name, -1, G_UNIX_SOCKET_ADDRESS_ABSTRACT);
  if (!g_socket_listener_add_address (thredo_socket_service_get_listener (service), address,
                                      G_SOCKET_TYPE_STREAM, G_SOCKET_PROTOCOL_DEFAULT, NULL, NULL,
                                      error))
    return NULL;
  return g_steal_pointer (&address);
}

static gboolean
do_sockets (GError **error)
{
  g_autoptr(ThredoSocketService) service =
      soak_track (thredo_socket_service_new (serve, NULL, NULL));
  g_autoptr(GSocketAddress) address = listen_somewhere (service, error);
  g_autoptr(ThredoGroupGuard) silent = guard_new (THREDO_GROUP_WAIT_ALL);
  g_autoptr(ThredoGroupGuard) clients = guard_new (THREDO_GROUP_WAIT_ALL);

  if (address == NULL || !thredo_socket_service_start (service, error) ||
      !spawn_in (silent, "silent", keep_silent, address, error))
    return fail (error, "a service");
  for (guint i = 0; i < N_CLIENTS; i++)
    if (!spawn_in (clients, "client", talk, address, error))
      return FALSE;
  if (!thredo_group_join (clients, NULL, error))
    return fail (error, "clients");
  thredo_group_cancel (silent);
  thredo_group_join (silent, NULL, NULL);
  return thredo_socket_service_stop (service, THREDO_SOCKET_SERVICE_STOP_CANCEL, NULL, error) ||
         fail (error, "the end of a service");
}

/* Files, and what GIO does in threads of its own */

static gboolean
do_files (GError **error)
{
  g_autoptr(GFile) file = g_file_new_for_path ("/proc/self/status");
  g_autoptr(GBytes) bytes = NULL;
  g_autoptr(ThredoScope) scope = soak_track (thredo_scope_new_with_timeout (0));

  bytes = thredo_load_bytes (file, NULL, error);
  if (bytes == NULL || g_bytes_get_size (bytes) == 0)
    return fail (error, "a file");

  g_clear_pointer (&bytes, g_bytes_unref);
  thredo_scope_enter (scope);
  bytes = thredo_load_bytes (file, NULL, error);
  thredo_scope_leave (scope);
  return has_failed (bytes != NULL, error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT) ||
         fail (error, "a file past its deadline");
}

/* Commands */

static gboolean
do_commands (GError **error)
{
  static const char *const quick_argv[] = { "echo", "a word", NULL };
  static const char *const slow_argv[] = { "sleep", "1000", NULL };
  g_autoptr(ThredoCommand) quick = soak_track (thredo_command_new (quick_argv));
  g_autoptr(ThredoCommand) slow = soak_track (thredo_command_new (slow_argv));
  g_autoptr(ThredoScope) scope = soak_track (thredo_scope_new_with_timeout (5 * MILLISECOND));
  gboolean has_ended;

  if (!thredo_command_run (quick, NULL, error) || thredo_command_get_exit_status (quick) != 0)
    return fail (error, "a command");
  thredo_scope_enter (scope);
  has_ended = thredo_command_run (slow, NULL, error);
  thredo_scope_leave (scope);
  return has_failed (has_ended, error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT) ||
         fail (error, "a command past its deadline");
}

/* Threads that are there to be cancelled by another process */

static gboolean
do_victims (GError **error)
{
  g_autoptr(ThredoThread) thread = NULL;
  g_autoptr(ThredoScope) scope = soak_track (thredo_scope_new_with_timeout (100 * MILLISECOND));
  gboolean has_ended;

  thread = thredo_thread_spawn (SOAK_VICTIM, sleep_forever, NULL, NULL, error);
  if (thread == NULL)
    return FALSE;
  soak_track (thread);
  thredo_scope_enter (scope);
  has_ended = thredo_thread_wait (thread, NULL, error);
  thredo_scope_leave (scope);
  if (has_ended)
    return TRUE;
  g_clear_error (error);
  thredo_thread_cancel (thread);
  return thredo_thread_wait (thread, NULL, error);
}

SoakPart soak_parts[] = {
  { "threads", do_threads, 2 * MILLISECOND },
  { "groups", do_groups, 5 * MILLISECOND },
  { "queues", do_queues, 5 * MILLISECOND },
  { "locks", do_locks, 5 * MILLISECOND },
  { "deadlocks", do_deadlocks, 5 * MILLISECOND },
  { "deadlines", do_deadlines, MILLISECOND },
  { "sockets", do_sockets, 10 * MILLISECOND },
  { "files", do_files, 5 * MILLISECOND },
  { "commands", do_commands, 100 * MILLISECOND },
  { "victims", do_victims, MILLISECOND },
  { NULL }
};
