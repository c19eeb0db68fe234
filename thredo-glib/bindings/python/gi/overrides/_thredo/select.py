# SPDX-License-Identifier: LGPL-2.1-or-later
"""The whole of Python's select module, whose blocking calls are waits of the library."""

import select as _plain
import time as _time

from . import rebind as _rebind
from . import waiting as _waiting

_LONGEST = 2 ** 31 - 1  # milliseconds

_SIMPLE = _waiting.IN | _waiting.OUT | _waiting.PRI


def _wait_any(events, timeout):
    """Waits for one of several file descriptors, each with its events, as poll() has them."""
    if len(events) == 1:
        (fd, wanted), = events.items()
        if wanted and not wanted & ~_SIMPLE:
            _waiting.wait_fd(fd, wanted, timeout)
            return
    if not events:
        _waiting.sleep(timeout) if timeout is not None else _waiting.Flag().wait()
        return
    with _plain.epoll(len(events)) as several:
        for fd, wanted in events.items():
            try:
                several.register(fd, wanted)
            except PermissionError:  # a plain file: always ready
                return
        _waiting.wait_fd(several.fileno(), _waiting.IN, timeout)


def _until_ready(look, collect, timeout):
    """What look() finds, as soon as it finds something, or after the timeout (None for none).
    collect() tells what is to be waited for."""
    found, is_empty = look()
    if not is_empty or (timeout is not None and timeout <= 0):
        return found
    _waiting.check_cancelled()
    deadline = None if timeout is None else _time.monotonic() + timeout
    events = collect()
    while is_empty and (timeout is None or timeout > 0):
        _wait_any(events, timeout)
        found, is_empty = look()
        if deadline is not None:
            timeout = deadline - _time.monotonic()
    return found


def select(rlist, wlist, xlist, timeout=None, /):
    rlist, wlist, xlist = [files if isinstance(files, (list, tuple)) else list(files)
                           for files in (rlist, wlist, xlist)]
    if timeout is not None:
        if not hasattr(timeout, "__float__") and not hasattr(timeout, "__index__"):
            raise TypeError("timeout must be a float or None")
        timeout = float(timeout)
        if timeout < 0:
            raise ValueError("timeout must be non-negative")

    def look():
        found = _plain.select(rlist, wlist, xlist, 0)
        return found, not any(found)

    def collect():
        events = {}
        for files, wanted in ((rlist, _plain.POLLIN), (wlist, _plain.POLLOUT),
                              (xlist, _plain.POLLPRI)):
            for file in files:
                fd = file if isinstance(file, int) else file.fileno()
                events[fd] = events.get(fd, 0) | wanted
        return events

    return _until_ready(look, collect, timeout)


select.__doc__ = _plain.select.__doc__


class poll:
    """As Python's poll(), but poll.poll() is a wait that can be cancelled."""

    def __init__(self):
        self._poll = _plain.poll()
        self._events = {}

    def register(self, fd, eventmask=_plain.POLLIN | _plain.POLLPRI | _plain.POLLOUT):
        """Registers a file descriptor, or changes what is looked for on it."""
        self._poll.register(fd, eventmask)
        self._events[fd if isinstance(fd, int) else fd.fileno()] = eventmask

    def modify(self, fd, eventmask):
        """Changes what is looked for on a file descriptor."""
        self._poll.modify(fd, eventmask)
        self._events[fd if isinstance(fd, int) else fd.fileno()] = eventmask

    def unregister(self, fd):
        """Forgets a file descriptor."""
        self._poll.unregister(fd)
        self._events.pop(fd if isinstance(fd, int) else fd.fileno(), None)

    def poll(self, timeout=None):
        """Waits until a file descriptor is ready, or for so many milliseconds, and returns a list of
        (fd, event)."""
        def look():
            found = self._poll.poll(0)
            return found, not found

        if timeout is not None and timeout > _LONGEST:
            raise OverflowError("timeout is too large")
        if timeout is not None and timeout < 0:
            timeout = None
        return _until_ready(look, self._events.copy, None if timeout is None else timeout / 1000)


class epoll:
    """As Python's epoll(), but epoll.poll() is a wait that can be cancelled."""

    def __init__(self, sizehint=-1, flags=0):
        self._adopt(_plain.epoll(sizehint, flags))

    def _adopt(self, plain):
        self._epoll = plain
        for name in ("register", "modify", "unregister", "fileno", "close"):
            setattr(self, name, getattr(plain, name))

    @classmethod
    def fromfd(cls, fd):
        """An epoll of a file descriptor that is one."""
        self = cls.__new__(cls)
        self._adopt(_plain.epoll.fromfd(fd))
        return self

    @property
    def closed(self):
        """Whether it is closed."""
        return self._epoll.closed

    def poll(self, timeout=None, maxevents=-1):
        """Waits until a file descriptor is ready, or for so many seconds, and returns a list of
        (fd, event)."""
        def look():
            found = self._epoll.poll(0, maxevents)
            return found, not found

        if timeout is not None and timeout < 0:
            timeout = None
        return _until_ready(look, lambda: {self._epoll.fileno(): _waiting.IN}, timeout)

    def __enter__(self):
        self._epoll.__enter__()
        return self

    def __exit__(self, *exception):
        self.close()


_rebind.stand_in_for(_plain, globals())
__all__ = [name for name in vars(_plain) if not name.startswith("_")]
