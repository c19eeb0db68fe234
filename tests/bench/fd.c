/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Two threads that answer each other over a pair of sockets, each waiting with
 * thredo_wait_fd(), beside few and beside many threads that wait for a file of
 * their own each.
 *
 * Those live in two child processes, one with few and one with many, both there
 * all the time and measured in turns. Each of them runs on one processor: where the
 * kernel puts the two threads and the loop's makes a difference of ten times.
 */

#include "families.h"

#include <errno.h>
#include <sched.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#define MANY 10000
#define FEW 10
#define FILES(n) ((n) + 100)

static gboolean
wait_for_ever (ThredoThread  *thread,
               gpointer       user_data,
               GError       **error)
{
  return thredo_wait_fd (GPOINTER_TO_INT (user_data), G_IO_IN, NULL, error) != 0;
}

static void
stay_on_one_processor (void)
{
  cpu_set_t allowed, one;

  CPU_ZERO (&one);
  if (sched_getaffinity (0, sizeof allowed, &allowed) != 0)
    bench_fail ("sched_getaffinity: %s", g_strerror (errno));
  for (int i = 0; i < CPU_SETSIZE && CPU_COUNT (&one) == 0; i++)
    {
      if (CPU_ISSET (i, &allowed))
        CPU_SET (i, &one);
    }
  if (sched_setaffinity (0, sizeof one, &one) != 0)
    bench_fail ("sched_setaffinity: %s", g_strerror (errno));
}

static void
waiting_setup (guint64 size)
{
  ThredoThread **threads = g_new (ThredoThread *, size);

  stay_on_one_processor ();
  bench_allow_files (FILES (size));
  for (guint64 i = 0; i < size; i++)
    {
      int fd = eventfd (0, EFD_CLOEXEC | EFD_NONBLOCK);

      if (fd == -1)
        bench_fail ("eventfd: %s", g_strerror (errno));
      threads[i] = bench_spawn ("waiting", wait_for_ever, GINT_TO_POINTER (fd));
    }
  for (guint64 i = 0; i < size; i++)
    bench_wait_parked (threads[i]);
  /* Nobody frees them: the process ends with them waiting. */
}

typedef struct
{
  int fd;
  guint64 n;
} Partner;

static void
await_byte (int fd)
{
  g_autoptr(GError) error = NULL;
  char byte;

  if (thredo_wait_fd (fd, G_IO_IN, NULL, &error) == 0)
    bench_fail ("thredo_wait_fd: %s", error->message);
  if (read (fd, &byte, 1) != 1)
    bench_fail ("thredo_wait_fd() said that there was something to read");
}

static void
send_byte (int fd)
{
  if (write (fd, "", 1) != 1)
    bench_fail ("write: %s", g_strerror (errno));
}

static gboolean
echo (ThredoThread  *thread,
      gpointer       user_data,
      GError       **error)
{
  Partner *partner = user_data;

  for (guint64 i = 0; i < partner->n; i++)
    {
      await_byte (partner->fd);
      send_byte (partner->fd);
    }
  return TRUE;
}

static void
pair_measure (guint64      n,
              BenchSample *sample)
{
  ThredoThread *thread;
  BenchClock stopwatch;
  Partner partner;
  int fds[2];

  if (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds) != 0)
    bench_fail ("socketpair: %s", g_strerror (errno));
  partner = (Partner) { fds[1], n };
  thread = bench_spawn ("echo", echo, &partner);

  bench_start (&stopwatch);
  for (guint64 i = 0; i < n; i++)
    {
      send_byte (fds[0]);
      await_byte (fds[0]);
    }
  bench_stop (&stopwatch, n, sample);

  bench_join (thread);
  close (fds[0]);
  close (fds[1]);
}

static BenchChild *beside_many;
static BenchChild *beside_few;

static const char *
obstacle (void)
{
  return bench_allow_files (FILES (bench_size (MANY, 50))) ? NULL : "too few files are allowed";
}

static void
enter (void)
{
  beside_many = bench_child_new ("fd-waiting", bench_size (MANY, 50));
  beside_few = bench_child_new ("fd-waiting", FEW);
}

static void
leave (void)
{
  g_clear_pointer (&beside_many, bench_child_free);
  g_clear_pointer (&beside_few, bench_child_free);
}

static void
many (guint64      n,
      BenchSample *sample)
{
  bench_child_measure (beside_many, n, sample);
}

static void
few (guint64      n,
     BenchSample *sample)
{
  bench_child_measure (beside_few, n, sample);
}

const BenchRole fd_roles[] = {
  { "fd-waiting", waiting_setup, pair_measure },
  { NULL }
};

const BenchRow fd_rows[] = {
  {
      .name = "fd/wait-10000",
      .work = "thredo_wait_fd ping-pong, per round trip; 10,000 other fds waited for",
      .against = "the same, 10 others",
      .unit = "ns",
      .budget = 1.5,
      .flags = BENCH_SAME_N,
      .n = 200,
      .milliseconds = 200,
      .ours = many,
      .peer = few,
      .obstacle = obstacle,
      .enter = enter,
      .leave = leave,
  },
  { NULL }
};
