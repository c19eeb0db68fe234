/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "config.h"

#include "thredo-pipe-private.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

/* POSIX promises that much. */
#ifndef PIPE_BUF
#define PIPE_BUF 512
#endif

static gboolean
is_ready (int   fd,
          short events)
{
  struct pollfd poll_fd = { .fd = fd, .events = events };

  return poll (&poll_fd, 1, 0) == 1;
}

static gboolean
is_fifo (int fd)
{
  struct stat status;

  return fstat (fd, &status) == 0 && S_ISFIFO (status.st_mode);
}

static gboolean
is_non_blocking (int fd)
{
  int flags = fcntl (fd, F_GETFL);

  return flags != -1 && (flags & O_NONBLOCK) != 0;
}

/* One call that asks not to block, where the kernel knows of that for such a file (for pipes,
 * from Linux 6.5 on). FALSE: it does not. */
static gboolean
read_no_wait (int     fd,
              void   *buffer,
              gsize   size,
              gssize *n)
{
#if !THREDO_PORTABLE && defined(RWF_NOWAIT)
  struct iovec vector = { buffer, size };

  *n = preadv2 (fd, &vector, 1, -1, RWF_NOWAIT);
  return *n >= 0 || (errno != EOPNOTSUPP && errno != ENOSYS && errno != ESPIPE);
#else
  return FALSE;
#endif
}

static gboolean
write_no_wait (int         fd,
               const void *buffer,
               gsize       size,
               gssize     *n)
{
#if !THREDO_PORTABLE && defined(RWF_NOWAIT)
  struct iovec vector = { (void *) buffer, size };

  *n = pwritev2 (fd, &vector, 1, -1, RWF_NOWAIT);
  return *n >= 0 || (errno != EOPNOTSUPP && errno != ENOSYS && errno != ESPIPE);
#else
  return FALSE;
#endif
}

gssize
thredo_pipe_read (int    fd,
                  void  *buffer,
                  gsize  size)
{
  gssize n;

  if (!read_no_wait (fd, buffer, size, &n))
    {
      if (!is_ready (fd, POLLIN))
        {
          errno = EAGAIN;
          return -1;
        }
      n = read (fd, buffer, size);
    }

  /* A FIFO that nobody has opened for writing yet reads as if it were at its end. So does
   * a terminal where that is what was typed, and there it is the end. */
  if (n == 0 && size > 0 && is_fifo (fd) && !is_ready (fd, POLLIN))
    {
      errno = EAGAIN;
      n = -1;
    }
  return n;
}

/* A file in blocking mode keeps the writer until all is written. What is no more than
 * PIPE_BUF fits in once there is room at all. */
static gssize
write_what_fits (int         fd,
                 const void *buffer,
                 gsize       size)
{
  gssize n;

  if (write_no_wait (fd, buffer, size, &n))
    return n;
  if (is_non_blocking (fd))
    return write (fd, buffer, size);
  if (is_ready (fd, POLLOUT))
    return write (fd, buffer, MIN (size, PIPE_BUF));
  errno = EAGAIN;
  return -1;
}

/* The signal is for the thread that writes, so it is blocked there, and taken away. */
gssize
thredo_pipe_write (int         fd,
                   const void *buffer,
                   gsize       size)
{
  const struct timespec at_once = { 0, 0 };
  gboolean was_pending = FALSE;
  sigset_t broken_pipe;
  sigset_t before;
  sigset_t pending;
  int saved_errno;
  gssize n;

  sigemptyset (&broken_pipe);
  sigaddset (&broken_pipe, SIGPIPE);
  pthread_sigmask (SIG_BLOCK, &broken_pipe, &before);
  if (sigismember (&before, SIGPIPE))
    was_pending = sigpending (&pending) == 0 && sigismember (&pending, SIGPIPE);

  n = write_what_fits (fd, buffer, size);

  saved_errno = errno;
  if (n < 0 && saved_errno == EPIPE && !was_pending)
    {
      while (sigtimedwait (&broken_pipe, NULL, &at_once) == -1 && errno == EINTR)
        ;
    }
  pthread_sigmask (SIG_SETMASK, &before, NULL);
  errno = saved_errno;

  return n;
}
