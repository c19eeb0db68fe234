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


def _in_background(name, *args):
    """Calls a function of Python's module in a thread that is left to itself if the caller is
    cancelled."""
    question = _Question(getattr(plain, name), args)
    threading.Thread(target=question.ask, name=name, daemon=True).start()
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


@functools.wraps(plain.getaddrinfo)
def getaddrinfo(host, port, family=0, type=0, proto=0, flags=0):
    waiting.check_cancelled()
    if is_numeric(host):
        return plain.getaddrinfo(host, port, family, type, proto, flags)
    return _in_background("getaddrinfo", host, port, family, type, proto, flags)


@functools.wraps(plain.gethostbyname)
def gethostbyname(host):
    waiting.check_cancelled()
    if is_numeric(host):
        return plain.gethostbyname(host)
    return _in_background("gethostbyname", host)


@functools.wraps(plain.gethostbyname_ex)
def gethostbyname_ex(host):
    waiting.check_cancelled()
    return _in_background("gethostbyname_ex", host)


@functools.wraps(plain.gethostbyaddr)
def gethostbyaddr(host):
    waiting.check_cancelled()
    return _in_background("gethostbyaddr", host)


@functools.wraps(plain.getnameinfo)
def getnameinfo(sockaddr, flags):
    waiting.check_cancelled()
    if not isinstance(sockaddr, tuple) or (isinstance(flags, int) and flags & plain.NI_NUMERICHOST):
        return plain.getnameinfo(sockaddr, flags)
    return _in_background("getnameinfo", sockaddr, flags)


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
