/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* thredo_wait_fd(), and what becomes of those who wait when a number changes hands. */

#include "ways.h"

#include <errno.h>
#include <fcntl.h>
#include <glib-unix.h>
#include <glib/gstdio.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

typedef struct
{
  int fds[2]; /* a pipe: the end to read from, the end to write to */
  GIOCondition seen;
} Pipe;

static void
make_pipe (int fds[2])
{
  g_autoptr(GError) error = NULL;

  g_unix_open_pipe (fds, FD_CLOEXEC, &error);
  g_assert_no_error (error);
  g_unix_set_fd_nonblocking (fds[0], TRUE, &error);
  g_assert_no_error (error);
  g_unix_set_fd_nonblocking (fds[1], TRUE, &error);
  g_assert_no_error (error);
}

static void
put_byte (int fd)
{
  g_assert_cmpint (write (fd, "x", 1), ==, 1);
}

static void
fill (int fd)
{
  char block[4096] = { 0 };

  while (write (fd, block, sizeof block) > 0)
    ;
  g_assert_cmpint (errno, ==, EAGAIN);
  while (write (fd, block, 1) > 0)
    ;
}

static void
drain (int fd)
{
  char block[4096];

  while (read (fd, block, sizeof block) > 0)
    ;
}

static gpointer
set_up_empty (void)
{
  Pipe *self = g_new0 (Pipe, 1);

  make_pipe (self->fds);
  return self;
}

static gpointer
set_up_full (void)
{
  Pipe *self = set_up_empty ();

  fill (self->fds[1]);
  return self;
}

static void
tear_down (gpointer data)
{
  Pipe *self = data;

  g_close (self->fds[0], NULL);
  g_close (self->fds[1], NULL);
  g_free (self);
}

static gboolean
wait_in (gpointer       data,
         GCancellable  *cancellable,
         GError       **error)
{
  Pipe *self = data;

  self->seen = thredo_wait_fd (self->fds[0], G_IO_IN, cancellable, error);
  return self->seen == G_IO_IN;
}

static gboolean
wait_out (gpointer       data,
          GCancellable  *cancellable,
          GError       **error)
{
  Pipe *self = data;

  self->seen = thredo_wait_fd (self->fds[1], G_IO_OUT, cancellable, error);
  return self->seen == G_IO_OUT;
}

static void
complete_in (gpointer data)
{
  put_byte (((Pipe *) data)->fds[1]);
}

static void
complete_out (gpointer data)
{
  drain (((Pipe *) data)->fds[0]);
}

/* Stands in front of GLib's, so that something can happen in the middle of a look. */
static _Thread_local void (*in_poll) (GPollFD *fd);

gint
g_poll (GPollFD *fds,
        guint    n_fds,
        gint     timeout)
{
  if (in_poll != NULL)
    {
      in_poll (fds);
      in_poll = NULL;
      return 1;
    }
  return poll ((struct pollfd *) fds, n_fds, timeout);
}

/* A FIFO that nobody writes to, and its other end, once there is one. */
static gpointer
set_up_fifo (void)
{
  Pipe *self = g_new0 (Pipe, 1);
  g_autofree char *folder = g_dir_make_tmp ("thredo-XXXXXX", NULL);
  g_autofree char *path = g_build_filename (folder, "fifo", NULL);

  g_assert_cmpint (mkfifo (path, 0600), ==, 0);
  self->fds[0] = open (path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
  g_assert_cmpint (self->fds[0], !=, -1);
  /* Reads go on seeing no writer until it is opened again. */
  self->fds[1] = open (path, O_PATH | O_CLOEXEC);
  g_assert_cmpint (self->fds[1], !=, -1);
  g_unlink (path);
  g_rmdir (folder);
  return self;
}

static void
complete_fifo (gpointer data)
{
  Pipe *self = data;
  g_autofree char *path = g_strdup_printf ("/proc/self/fd/%d", self->fds[1]);
  int fd = open (path, O_WRONLY | O_NONBLOCK | O_CLOEXEC);

  g_assert_cmpint (fd, !=, -1);
  put_byte (fd);
  g_close (self->fds[1], NULL);
  self->fds[1] = fd;
}

static const WaysWait waits[] = {
  { "/fd/in", "wait for a file descriptor", set_up_empty, tear_down, wait_in, complete_in, NULL },
  { "/fd/out", "wait for a file descriptor", set_up_full, tear_down, wait_out, complete_out, NULL },
  { "/fd/fifo-without-writer", "wait for a file descriptor", set_up_fifo, tear_down, wait_in,
    complete_fifo, NULL },
};

static void
test_ready (void)
{
  g_autoptr(GError) error = NULL;
  int fds[2];

  make_pipe (fds);
  put_byte (fds[1]);
  g_assert_cmpint (thredo_wait_fd (fds[0], G_IO_IN, NULL, &error), ==, G_IO_IN);
  g_assert_no_error (error);
  g_assert_cmpint (thredo_wait_fd (fds[0], G_IO_IN | G_IO_PRI, NULL, &error), ==, G_IO_IN);
  g_assert_no_error (error);
  g_assert_cmpint (thredo_wait_fd (fds[1], G_IO_OUT, NULL, &error), ==, G_IO_OUT);
  g_assert_no_error (error);
  g_close (fds[0], NULL);

  /* Nobody can read it any more. */
  g_assert_cmpint (thredo_wait_fd (fds[1], G_IO_OUT, NULL, &error) & G_IO_ERR, ==, G_IO_ERR);
  g_assert_no_error (error);
  g_close (fds[1], NULL);
}

static void
test_plain_file (void)
{
  g_autoptr(GError) error = NULL;
  g_autofree char *path = NULL;
  int fd = g_file_open_tmp ("thredo-XXXXXX", &path, &error);

  g_assert_no_error (error);
  g_assert_cmpint (thredo_wait_fd (fd, G_IO_IN, NULL, &error), ==, G_IO_IN);
  g_assert_no_error (error);
  g_assert_cmpint (thredo_wait_fd (fd, G_IO_IN | G_IO_OUT, NULL, &error), ==, G_IO_IN | G_IO_OUT);
  g_assert_no_error (error);
  g_close (fd, NULL);
  g_unlink (path);
}

static void
test_not_open (void)
{
  g_autoptr(GError) error = NULL;
  int fds[2];

  make_pipe (fds);
  g_close (fds[0], NULL);
  g_close (fds[1], NULL);
  g_assert_cmpint (thredo_wait_fd (fds[0], G_IO_IN, NULL, &error), ==, 0);
  support_assert_closed (&error);
  g_assert_cmpint (thredo_wait_fd (-1, G_IO_IN, NULL, &error), ==, 0);
  support_assert_closed (&error);
  g_assert_cmpint (thredo_wait_fd (G_MAXINT, G_IO_IN, NULL, &error), ==, 0);
  g_assert_nonnull (error);

  thredo_notify_closing (-1);
  thredo_notify_closing (G_MAXINT);
  thredo_notify_closing (fds[0]);
}

/* A thread that waits for a number, and what came of it. */
typedef struct
{
  int fd;
  GIOCondition condition;
  GIOCondition seen;
  GError *error;
  ThredoThread *thread;
} Waiter;

static gboolean
waiter_run (ThredoThread  *thread,
            gpointer       data,
            GError       **error)
{
  Waiter *self = data;

  self->seen = thredo_wait_fd (self->fd, self->condition, NULL, &self->error);
  return TRUE;
}

static void
waiter_start (Waiter       *self,
              int           fd,
              GIOCondition  condition)
{
  g_autoptr(GError) error = NULL;

  *self = (Waiter) { .fd = fd, .condition = condition };
  self->thread = thredo_thread_spawn ("waiter", waiter_run, self, NULL, &error);
  g_assert_no_error (error);
}

static void
waiter_start_waiting (Waiter       *self,
                      int           fd,
                      GIOCondition  condition)
{
  waiter_start (self, fd, condition);
  support_wait_for_wait (self->thread, "wait for a file descriptor");
}

static void
waiter_end (Waiter *self)
{
  support_join_ok (self->thread);
  g_clear_object (&self->thread);
}

static void
waiter_end_seen (Waiter       *self,
                 GIOCondition  seen)
{
  waiter_end (self);
  g_assert_no_error (self->error);
  g_assert_cmpint (self->seen, ==, seen);
}

static void
waiter_end_closed (Waiter *self)
{
  waiter_end (self);
  g_assert_cmpint (self->seen, ==, 0);
  support_assert_closed (&self->error);
}

static void
waiter_end_cancelled (Waiter *self)
{
  g_autoptr(GError) error = NULL;

  thredo_thread_wait (self->thread, NULL, &error);
  g_assert_no_error (error);
  g_clear_object (&self->thread);
  g_assert_cmpint (self->seen, ==, 0);
  support_assert_cancelled (&self->error);
}

static void
assert_still_waiting (Waiter *self)
{
  g_assert_cmpint (thredo_thread_get_state (self->thread), ==, THREDO_THREAD_STATE_WAITING);
}

static void
test_hang_up (void)
{
  Waiter reader;
  Waiter writer;
  int fds[2];

  make_pipe (fds);
  waiter_start_waiting (&reader, fds[0], G_IO_IN);
  g_close (fds[1], NULL);
  waiter_end_seen (&reader, G_IO_HUP);
  g_close (fds[0], NULL);

  make_pipe (fds);
  fill (fds[1]);
  waiter_start_waiting (&writer, fds[1], G_IO_OUT);
  g_close (fds[0], NULL);
  waiter_end (&writer);
  g_assert_no_error (writer.error);
  g_assert_cmpint (writer.seen & G_IO_ERR, ==, G_IO_ERR);
  g_close (fds[1], NULL);
}

/* Several threads wait for one number, for one thing or the other. */
static void
test_several (void)
{
  Waiter readers[3];
  Waiter writers[2];
  Waiter both;
  int fds[2];

  g_assert_cmpint (socketpair (AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds), ==, 0);
  fill (fds[0]);
  for (guint i = 0; i < G_N_ELEMENTS (readers); i++)
    waiter_start_waiting (&readers[i], fds[0], G_IO_IN);
  for (guint i = 0; i < G_N_ELEMENTS (writers); i++)
    waiter_start_waiting (&writers[i], fds[0], G_IO_OUT);
  waiter_start_waiting (&both, fds[0], G_IO_IN | G_IO_OUT);

  put_byte (fds[1]);
  for (guint i = 0; i < G_N_ELEMENTS (readers); i++)
    waiter_end_seen (&readers[i], G_IO_IN);
  waiter_end_seen (&both, G_IO_IN);
  for (guint i = 0; i < G_N_ELEMENTS (writers); i++)
    assert_still_waiting (&writers[i]);

  /* One is cancelled, the other is not. */
  thredo_thread_cancel (writers[0].thread);
  waiter_end_cancelled (&writers[0]);
  assert_still_waiting (&writers[1]);
  drain (fds[1]);
  waiter_end_seen (&writers[1], G_IO_OUT);

  g_close (fds[0], NULL);
  g_close (fds[1], NULL);
}

static void
test_notify_closing (void)
{
  Waiter waiters[4];
  int fds[2];

  g_assert_cmpint (socketpair (AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds), ==, 0);
  fill (fds[0]);
  for (guint i = 0; i < G_N_ELEMENTS (waiters); i++)
    waiter_start_waiting (&waiters[i], fds[0], i % 2 == 0 ? G_IO_IN : G_IO_OUT);
  thredo_notify_closing (fds[0]);
  g_close (fds[0], NULL);
  for (guint i = 0; i < G_N_ELEMENTS (waiters); i++)
    waiter_end_closed (&waiters[i]);
  g_close (fds[1], NULL);
}

/* Nobody is told, and the number is not used again. */
static void
test_closed_silently (void)
{
  Waiter waiter;
  Waiter other;
  int others[2];
  int fds[2];

  make_pipe (fds);
  make_pipe (others);
  waiter_start_waiting (&other, others[0], G_IO_IN);
  waiter_start_waiting (&waiter, fds[0], G_IO_IN);
  g_close (fds[0], NULL);
  waiter_end_closed (&waiter);
  g_close (fds[1], NULL);

  assert_still_waiting (&other);
  put_byte (others[1]);
  waiter_end_seen (&other, G_IO_IN);
  g_close (others[0], NULL);
  g_close (others[1], NULL);
}

/* The file lives on elsewhere: the wait for its number ends all the same, and is not mistaken for
 * one of those for the number's next file. */
#if !THREDO_PORTABLE
static void
test_reused (void)
{
  Waiter before;
  Waiter after;
  int alive;
  int old[2];
  int new[2];

  make_pipe (old);
  make_pipe (new);
  waiter_start_waiting (&before, old[0], G_IO_IN);

  alive = dup (old[0]);
  g_assert_cmpint (dup2 (new[0], old[0]), ==, old[0]);
  waiter_start_waiting (&after, old[0], G_IO_IN);
  waiter_end_closed (&before);

  put_byte (old[1]);
  g_assert_cmpint (thredo_wait_fd (alive, G_IO_IN, NULL, NULL), ==, G_IO_IN);
  assert_still_waiting (&after);

  put_byte (new[1]);
  waiter_end_seen (&after, G_IO_IN);

  /* The old file comes back to its number. */
  drain (alive);
  drain (new[0]);
  g_assert_cmpint (dup2 (alive, old[0]), ==, old[0]);
  waiter_start_waiting (&after, old[0], G_IO_IN);
  put_byte (old[1]);
  waiter_end_seen (&after, G_IO_IN);

  g_close (alive, NULL);
  g_close (old[0], NULL);
  g_close (old[1], NULL);
  g_close (new[0], NULL);
  g_close (new[1], NULL);
}
#endif

/* The number is closed, told or not, and used again, while threads wait for whatever it is: each
 * wait ends, and what is written to a file wakes whoever waits for it. */
static void
test_churn (void)
{
  guint rounds = support_rounds (20000);
  guint n_closed = 0;
  guint n_seen = 0;

  for (guint i = 0; i < rounds; i++)
    {
      Waiter waiter;
      int fds[2];

      make_pipe (fds);
      waiter_start (&waiter, fds[0], G_IO_IN);
      if (i % 2 == 0)
        support_wait_for_state (waiter.thread, THREDO_THREAD_STATE_WAITING);
      if (i % 3 == 0)
        {
          thredo_notify_closing (fds[0]);
          g_close (fds[0], NULL);
          g_close (fds[1], NULL);
          waiter_end (&waiter);
          if (waiter.error == NULL)
            {
              /* It came late, to another thread's file. */
              g_assert_cmpint (waiter.seen, !=, 0);
              continue;
            }
          support_assert_closed (&waiter.error);
          n_closed++;
          continue;
        }
      put_byte (fds[1]);
      waiter_end_seen (&waiter, G_IO_IN);
      n_seen++;
      g_close (fds[0], NULL);
      g_close (fds[1], NULL);
    }
  g_assert_cmpuint (n_closed, >, 0);
  g_assert_cmpuint (n_seen, >, 0);
}

/* A byte and a deadline at the same time: whoever wins, the byte is there. */
typedef struct
{
  int fds[2];
  int turns[2]; /* a pipe to the writer: it is to write the next */
} Race;

static gpointer
race_writer (gpointer data)
{
  Race *race = data;
  GPollFD turn = { .fd = race->turns[0], .events = G_IO_IN };
  char byte;

  while (g_poll (&turn, 1, -1) == 1 && read (race->turns[0], &byte, 1) == 1)
    put_byte (race->fds[1]);
  return NULL;
}

static void
test_race_deadline (void)
{
  guint rounds = support_rounds (100000);
  guint n_seen = 0;
  guint n_late = 0;
  GTimeSpan timeout = 0;
  GThread *other;
  Race race;
  char byte;

  make_pipe (race.fds);
  make_pipe (race.turns);
  other = g_thread_new ("writer", race_writer, &race);
  for (guint i = 0; i < rounds; i++)
    {
      g_autoptr(ThredoScope) scope = thredo_scope_new_with_timeout (timeout);
      g_autoptr(GError) error = NULL;

      thredo_scope_enter (scope);
      put_byte (race.turns[1]);
      if (thredo_wait_fd (race.fds[0], G_IO_IN, NULL, &error) != 0)
        n_seen++;
      else
        n_late++;
      thredo_scope_leave (scope);
      timeout = support_aim (timeout, error != NULL);
      if (error != NULL)
        {
          support_assert_timed_out (&error);
          g_assert_cmpint (thredo_wait_fd (race.fds[0], G_IO_IN, NULL, &error), ==, G_IO_IN);
        }
      g_assert_cmpint (read (race.fds[0], &byte, 1), ==, 1);
      g_assert_cmpint (read (race.fds[0], &byte, 1), ==, -1);
    }
  /* There are no more. */
  g_close (race.turns[1], NULL);
  g_thread_join (other);
  g_test_message ("%u seen, %u late", n_seen, n_late);
  if (rounds >= 1000)
    {
      g_assert_cmpuint (n_seen, >, 0);
      g_assert_cmpuint (n_late, >, 0);
    }
  g_close (race.turns[0], NULL);
  g_close (race.fds[0], NULL);
  g_close (race.fds[1], NULL);
}

/* Two threads pass a token by two pipes. */
typedef struct
{
  int in;
  int out;
  guint rounds;
} Player;

static gboolean
play (ThredoThread  *thread,
      gpointer       data,
      GError       **error)
{
  Player *self = data;
  char byte;

  for (guint i = 0; i < self->rounds; i++)
    {
      while (read (self->in, &byte, 1) != 1)
        {
          g_assert_cmpint (errno, ==, EAGAIN);
          if (thredo_wait_fd (self->in, G_IO_IN, NULL, error) == 0)
            return FALSE;
        }
      put_byte (self->out);
    }
  return TRUE;
}

static void
ping_pong (guint rounds)
{
  g_autoptr(ThredoThread) ping = NULL;
  g_autoptr(ThredoThread) pong = NULL;
  g_autoptr(GError) error = NULL;
  int there[2];
  int back[2];
  Player players[2];

  make_pipe (there);
  make_pipe (back);
  players[0] = (Player) { there[0], back[1], rounds };
  players[1] = (Player) { back[0], there[1], rounds };
  ping = thredo_thread_spawn ("ping", play, &players[0], NULL, &error);
  g_assert_no_error (error);
  pong = thredo_thread_spawn ("pong", play, &players[1], NULL, &error);
  g_assert_no_error (error);
  put_byte (there[1]);
  support_join_ok (ping);
  support_join_ok (pong);
  g_close (there[0], NULL);
  g_close (there[1], NULL);
  g_close (back[0], NULL);
  g_close (back[1], NULL);
}

static void
test_ping_pong (void)
{
  ping_pong (support_rounds (20000));
}

/* Nobody sees EINTR. */
static void
test_storm (void)
{
  support_begin_storm ();
  ping_pong (support_rounds (20000));
  support_end_storm ();
}

/* Many numbers, so that a sweep takes several turns, and of each chunk of them some. */
static void
test_many (void)
{
  Waiter waiters[300];
  int fds[G_N_ELEMENTS (waiters)];

  for (guint i = 0; i < G_N_ELEMENTS (waiters); i++)
    {
      fds[i] = eventfd (0, EFD_NONBLOCK | EFD_CLOEXEC);
      g_assert_cmpint (fds[i], !=, -1);
      waiter_start (&waiters[i], fds[i], G_IO_IN);
    }
  for (guint i = 0; i < G_N_ELEMENTS (waiters); i++)
    support_wait_for_state (waiters[i].thread, THREDO_THREAD_STATE_WAITING);
  for (guint i = 0; i < G_N_ELEMENTS (waiters); i += 2)
    g_close (fds[i], NULL);
  for (guint i = 0; i < G_N_ELEMENTS (waiters); i += 2)
    waiter_end_closed (&waiters[i]);
  for (guint i = 1; i < G_N_ELEMENTS (waiters); i += 2)
    {
      assert_still_waiting (&waiters[i]);
      g_assert_cmpint (eventfd_write (fds[i], 1), ==, 0);
      waiter_end_seen (&waiters[i], G_IO_IN);
      g_close (fds[i], NULL);
    }
}

/* A pipe both of whose ends are closed while the kernel looks at the one: it still has the file,
 * and sees that the other end has hung up. */
static int closed_pipe[2];

static void
close_in_poll (GPollFD *fd)
{
  g_assert_cmpint (fd->fd, ==, closed_pipe[0]);
  thredo_notify_closing (closed_pipe[0]);
  g_close (closed_pipe[0], NULL);
  g_close (closed_pipe[1], NULL);
  fd->revents = G_IO_HUP;
}

static void
test_closed_in_poll (void)
{
  g_autoptr(GError) error = NULL;
  GAsyncResult *result = NULL;

  make_pipe (closed_pipe);
  in_poll = close_in_poll;
  g_assert_cmpint (thredo_wait_fd (closed_pipe[0], G_IO_IN, NULL, &error), ==, 0);
  support_assert_closed (&error);
  g_assert_null (in_poll);

  make_pipe (closed_pipe);
  in_poll = close_in_poll;
  thredo_wait_fd_async (closed_pipe[0], G_IO_IN, NULL, support_keep_result, &result);
  g_assert_null (in_poll);
  support_iterate_until_result (&result);
  g_assert_cmpint (thredo_wait_fd_finish (result, &error), ==, 0);
  support_assert_closed (&error);
  g_object_unref (result);
}

static gboolean
on_loop (gpointer data)
{
  g_autoptr(GError) error = NULL;
  int fds[2];

  make_pipe (fds);
  g_assert_cmpint (thredo_wait_fd (fds[0], G_IO_IN, NULL, &error), ==, 0);
  support_assert_error (&error, THREDO_ERROR, THREDO_ERROR_LOOP_THREAD);
  g_close (fds[0], NULL);
  g_close (fds[1], NULL);
  g_atomic_int_set ((int *) data, 1);
  return G_SOURCE_REMOVE;
}

static void
test_loop_thread (void)
{
  int done = 0;

  g_main_context_invoke (thredo_get_main_context (), on_loop, &done);
  support_wait_for_int (&done, 1);
}

/* Heavy traffic on the loop, and a source of somebody else's. */
typedef struct
{
  _Atomic guint n_waits;
  int fds[2]; /* what the source is for */
  guint n_waits_then;
  int n_dispatched;
} Flood;

typedef struct
{
  Flood *flood;
  int in;
  int out;
} Wave;

static gboolean
wave_run (ThredoThread  *thread,
          gpointer       data,
          GError       **error)
{
  Wave *self = data;
  char byte;

  for (;;)
    {
      while (read (self->in, &byte, 1) != 1)
        {
          if (thredo_wait_fd (self->in, G_IO_IN, NULL, error) == 0)
            return FALSE;
          self->flood->n_waits++;
        }
      put_byte (self->out);
    }
}

static gboolean
flood_dispatch (int          fd,
                GIOCondition condition,
                gpointer     data)
{
  Flood *self = data;

  drain (fd);
  self->n_waits_then = self->n_waits;
  g_atomic_int_inc (&self->n_dispatched);
  return G_SOURCE_CONTINUE;
}

static int
compare_guints (gconstpointer a,
                gconstpointer b)
{
  guint first = *(const guint *) a;
  guint second = *(const guint *) b;

  return (first > second) - (first < second);
}

/* However much comes for the waits, the loop gets to what others have attached to it: waits are
 * served some hundred at a time, and the source in between. */
static void
test_flood (void)
{
  Flood flood = { 0 };
  Wave waves[64];
  ThredoThread *threads[G_N_ELEMENTS (waves)];
  guint counts[21];
  g_autoptr(GSource) source = NULL;
  g_autoptr(GError) error = NULL;

  make_pipe (flood.fds);
  source = g_unix_fd_source_new (flood.fds[0], G_IO_IN);
  g_source_set_callback (source, G_SOURCE_FUNC (flood_dispatch), &flood, NULL);
  g_source_attach (source, thredo_get_main_context ());

  for (guint i = 0; i < G_N_ELEMENTS (waves); i += 2)
    {
      int there[2];
      int back[2];

      make_pipe (there);
      make_pipe (back);
      waves[i] = (Wave) { &flood, there[0], back[1] };
      waves[i + 1] = (Wave) { &flood, back[0], there[1] };
      put_byte (there[1]);
    }
  for (guint i = 0; i < G_N_ELEMENTS (waves); i++)
    {
      threads[i] = thredo_thread_spawn ("wave", wave_run, &waves[i], NULL, &error);
      g_assert_no_error (error);
    }

  for (guint i = 0; i < G_N_ELEMENTS (counts); i++)
    {
      guint before = flood.n_waits;

      while (flood.n_waits - before < G_N_ELEMENTS (waves))
        g_thread_yield ();
      before = flood.n_waits;
      put_byte (flood.fds[1]);
      support_wait_for_int (&flood.n_dispatched, (int) i + 1);
      counts[i] = flood.n_waits_then - before;
    }
  qsort (counts, G_N_ELEMENTS (counts), sizeof counts[0], compare_guints);
  /* A few times the loop's thread may have had no processor, and the others went on without it. */
  g_test_message ("%u waits meanwhile, %u as a rule", counts[G_N_ELEMENTS (counts) - 1],
                  counts[G_N_ELEMENTS (counts) - 3]);
  g_assert_cmpuint (counts[G_N_ELEMENTS (counts) - 3], <, 2000);

  for (guint i = 0; i < G_N_ELEMENTS (waves); i++)
    {
      support_cancel_and_join (threads[i]);
      g_object_unref (threads[i]);
    }
  for (guint i = 0; i < G_N_ELEMENTS (waves); i++)
    {
      g_close (waves[i].in, NULL);
      g_close (waves[i].out, NULL);
    }
  g_source_destroy (source);
  g_close (flood.fds[0], NULL);
  g_close (flood.fds[1], NULL);
}

typedef struct
{
  SupportGate gate;
  int held;
} Hold;

static gboolean
hold_loop (gpointer data)
{
  Hold *self = data;

  g_atomic_int_set (&self->held, 1);
  support_gate_wait (&self->gate);
  return G_SOURCE_REMOVE;
}

/* A forked child has a loop, and an epoll set, of its own. The parent's is in the middle of
 * a callback, and not of something in GLib that the child would find locked for ever. */
static void
test_fork (void)
{
  Hold hold = { .held = 0 };
  Waiter waiter;
  int status;
  pid_t pid;
  int fds[2];

#if SUPPORT_WITH_TSAN
  g_test_skip ("ThreadSanitizer cannot follow a fork of a process with threads");
  return;
#endif

  make_pipe (fds);
  waiter_start_waiting (&waiter, fds[0], G_IO_IN);
  support_gate_init (&hold.gate);
  g_main_context_invoke (thredo_get_main_context (), hold_loop, &hold);
  support_wait_for_int (&hold.held, 1);
  pid = fork ();
  g_assert_cmpint (pid, !=, -1);
  if (pid == 0)
    {
      ThredoScope *scope = thredo_scope_new_with_timeout (G_TIME_SPAN_MILLISECOND);
      GError *error = NULL;

      alarm (60);
      thredo_scope_enter (scope);
      if (thredo_wait_fd (fds[0], G_IO_IN, NULL, &error) != 0 ||
          !g_error_matches (error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT))
        _exit (1);
      thredo_scope_leave (scope);
      put_byte (fds[1]);
      /* It is left there for the parent's. */
      if (thredo_wait_fd (fds[0], G_IO_IN, NULL, NULL) != G_IO_IN)
        _exit (2);
      _exit (0);
    }
  support_gate_open (&hold.gate);
  g_assert_cmpint (waitpid (pid, &status, 0), ==, pid);
  g_assert_cmpint (status, ==, 0);
  waiter_end_seen (&waiter, G_IO_IN);
  support_gate_clear (&hold.gate);
  g_close (fds[0], NULL);
  g_close (fds[1], NULL);
}

/* A wait of a task that was forked along stands in no line any more, and can be cancelled. */
static void
test_fork_async (void)
{
  g_autoptr(GCancellable) cancellable = g_cancellable_new ();
  g_autoptr(GError) error = NULL;
  GAsyncResult *result = NULL;
  int status;
  pid_t pid;
  int fds[2];

#if SUPPORT_WITH_TSAN
  g_test_skip ("ThreadSanitizer cannot follow a fork of a process with threads");
  return;
#endif

  make_pipe (fds);
  thredo_wait_fd_async (fds[0], G_IO_IN, cancellable, support_keep_result, &result);
  pid = fork ();
  g_assert_cmpint (pid, !=, -1);
  if (pid == 0)
    {
      GAsyncResult *other = NULL;

      alarm (60);
      thredo_wait_fd_async (fds[0], G_IO_IN, NULL, support_keep_result, &other);
      g_cancellable_cancel (cancellable);
      while (result == NULL)
        g_main_context_iteration (NULL, TRUE);
      if (thredo_wait_fd_finish (result, &error) != 0 ||
          !g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
        _exit (1);
      put_byte (fds[1]);
      while (other == NULL)
        g_main_context_iteration (NULL, TRUE);
      if (thredo_wait_fd_finish (other, NULL) != G_IO_IN)
        _exit (2);
      _exit (0);
    }
  g_assert_cmpint (waitpid (pid, &status, 0), ==, pid);
  g_assert_cmpint (status, ==, 0);
  support_iterate_until_result (&result);
  g_assert_cmpint (thredo_wait_fd_finish (result, &error), ==, G_IO_IN);
  g_assert_no_error (error);
  g_object_unref (result);
  g_close (fds[0], NULL);
  g_close (fds[1], NULL);
}

#if !THREDO_PORTABLE
/* A process that shuts itself off from new files can wait for those it has. */
static void
test_no_new_files (void)
{
  g_autoptr(GError) error = NULL;
  struct rlimit before;
  struct rlimit none;
  Waiter waiter;
  int fds[2];

  make_pipe (fds);
  getrlimit (RLIMIT_NOFILE, &before);
  none = before;
  none.rlim_cur = 0;
  setrlimit (RLIMIT_NOFILE, &none);
  waiter_start_waiting (&waiter, fds[0], G_IO_IN);
  put_byte (fds[1]);
  waiter_end_seen (&waiter, G_IO_IN);
  g_assert_cmpint (thredo_wait_fd (fds[0], G_IO_IN, NULL, &error), ==, G_IO_IN);
  g_assert_no_error (error);
  setrlimit (RLIMIT_NOFILE, &before);
  g_close (fds[0], NULL);
  g_close (fds[1], NULL);
}

/* Where the loop cannot be started that is what the caller is told, and not that its own file was
 * closed. GLib does not live to see that. */
static void
test_no_loop (void)
{
  int status;
  pid_t pid;
  int fds[2];

#if SUPPORT_WITH_TSAN
  g_test_skip ("ThreadSanitizer cannot follow a fork of a process with threads");
  return;
#endif

  make_pipe (fds);
  pid = fork ();
  g_assert_cmpint (pid, !=, -1);
  if (pid == 0)
    {
      struct rlimit before;
      struct rlimit none;
      GError *error = NULL;

      alarm (60);
      getrlimit (RLIMIT_NOFILE, &before);
      none = before;
      none.rlim_cur = 0;
      setrlimit (RLIMIT_NOFILE, &none);
      if (thredo_wait_fd (fds[0], G_IO_IN, NULL, &error) != 0 ||
          !g_error_matches (error, G_IO_ERROR, G_IO_ERROR_TOO_MANY_OPEN_FILES))
        _exit (1);
      setrlimit (RLIMIT_NOFILE, &before);
      g_clear_error (&error);
      thredo_scope_enter (thredo_scope_new_with_timeout (G_TIME_SPAN_MILLISECOND));
      if (thredo_wait_fd (fds[0], G_IO_IN, NULL, &error) != 0 ||
          !g_error_matches (error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT))
        _exit (2);
      _exit (0);
    }
  g_assert_cmpint (waitpid (pid, &status, 0), ==, pid);
  g_assert_cmpint (status, ==, 0);
  g_close (fds[0], NULL);
  g_close (fds[1], NULL);
}
#endif

int
main (int    argc,
      char **argv)
{
  g_autoptr(GError) error = NULL;
  guint n_fds;
  int status;

  support_init (&argc, &argv);

  /* The loop's own are there from now on, and what GLib has for tasks. */
  g_type_class_unref (g_type_class_ref (G_TYPE_TASK));
  thredo_sleep (1, NULL, &error);
  g_assert_no_error (error);
  n_fds = support_count_fds ();

  ways_add (waits, G_N_ELEMENTS (waits));
  g_test_add_func ("/fd/ready", test_ready);
  g_test_add_func ("/fd/plain-file", test_plain_file);
  g_test_add_func ("/fd/not-open", test_not_open);
  g_test_add_func ("/fd/hang-up", test_hang_up);
  g_test_add_func ("/fd/several", test_several);
  g_test_add_func ("/fd/notify-closing", test_notify_closing);
  g_test_add_func ("/fd/closed-in-poll", test_closed_in_poll);
  g_test_add_func ("/fd/closed-silently", test_closed_silently);
#if !THREDO_PORTABLE
  g_test_add_func ("/fd/reused", test_reused);
#endif
  g_test_add_func ("/fd/churn", test_churn);
  g_test_add_func ("/fd/race/deadline", test_race_deadline);
  g_test_add_func ("/fd/ping-pong", test_ping_pong);
  g_test_add_func ("/fd/storm", test_storm);
  g_test_add_func ("/fd/many", test_many);
  g_test_add_func ("/fd/loop-thread", test_loop_thread);
  g_test_add_func ("/fd/flood", test_flood);
  g_test_add_func ("/fd/fork", test_fork);
  g_test_add_func ("/fd/fork/async", test_fork_async);
#if !THREDO_PORTABLE
  g_test_add_func ("/fd/no-loop", test_no_loop);
  g_test_add_func ("/fd/no-new-files", test_no_new_files);
#endif

  status = g_test_run ();
  g_assert_cmpuint (support_count_fds (), ==, n_fds);
  return status;
}
