# SPDX-License-Identifier: LGPL-2.1-or-later
"""Looking up names, as waits.

The C library's resolver blocks its thread, and nothing can wake it. So it is asked in a thread of
its own, and its caller waits for the answer, or is cancelled and leaves it alone. Addresses in
numbers need no thread.
"""

import functools
import socket as plain
import threading

from . import waiting


class _Question:
    """A call in a thread of its own, and its answer."""

    def __init__(self, function, args):
        self.function = function
        self.args = args
        self.result = None
        self.error = None
        self.answered = waiting.Flag()

    def ask(self):
        try:
            self.result = self.function(*self.args)
        except BaseException as error:
            self.error = error
        self.answered.set()

    def answer(self):
        try:
            if self.error is not None:
                raise self.error
            return self.result
        finally:
            self.error = None  # which has this frame in its traceback


def in_background(function, *args):
    """Calls a function in a thread that is left to itself if the caller is cancelled."""
    question = _Question(function, args)
    threading.Thread(target=question.ask, name=function.__name__, daemon=True).start()
    question.answered.wait()
    return question.answer()


def is_numeric(host):
    """Whether an address is in numbers, so that to look it up does not block."""
    if not host or host == "<broadcast>":
        return True
    if isinstance(host, (bytes, bytearray)):
        host = bytes(host).decode("ascii", "replace")
    if not isinstance(host, str):
        return True  # an error soon
    if ":" in host:
        return True
    try:
        plain.inet_aton(host)
    except (OSError, UnicodeError):
        return False
    return True


def _look_up(function):
    """A look-up whose first argument is a host."""

    @functools.wraps(function)
    def look_up(host, *args):
        waiting.check_cancelled()
        return in_background(function, host, *args)

    return look_up


@functools.wraps(plain.getaddrinfo)
def getaddrinfo(host, port, family=0, type=0, proto=0, flags=0):
    waiting.check_cancelled()
    if is_numeric(host):
        return plain.getaddrinfo(host, port, family, type, proto, flags)
    return in_background(plain.getaddrinfo, host, port, family, type, proto, flags)


@functools.wraps(plain.gethostbyname)
def gethostbyname(host):
    waiting.check_cancelled()
    if is_numeric(host):
        return plain.gethostbyname(host)
    return in_background(plain.gethostbyname, host)


gethostbyname_ex = _look_up(plain.gethostbyname_ex)
gethostbyaddr = _look_up(plain.gethostbyaddr)


@functools.wraps(plain.getnameinfo)
def getnameinfo(sockaddr, flags):
    waiting.check_cancelled()
    if isinstance(flags, int) and flags & plain.NI_NUMERICHOST:
        return plain.getnameinfo(sockaddr, flags)
    return in_background(plain.getnameinfo, sockaddr, flags)


# Python's own property makes an enumeration of it, which takes longer than all that follows.
_family = plain.SocketType.family.__get__


def resolve(sock, address):
    """The address with its host in numbers: what a socket's own calls need in order not to look
    it up themselves, and block."""
    family = _family(sock)
    if (family not in (plain.AF_INET, plain.AF_INET6) or not isinstance(address, tuple)
            or len(address) < 2 or is_numeric(address[0])):
        return address
    found = getaddrinfo(address[0], None, family)
    return (found[0][4][0],) + address[1:]
