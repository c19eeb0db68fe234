# SPDX-License-Identifier: LGPL-2.1-or-later
"""The whole of Python's socket module, whose blocking calls are waits of the library.

Whatever blocks here ends by a cancel of its thread, of a scope around it, or at a scope's deadline,
with CancelledError. It is what Python's own module is otherwise: the constants, functions and
exceptions are the same, socket is a subclass of Python's, and settimeout() and setblocking() mean
what they mean there. A call that need not wait costs little more than Python's.

A call that is cut short has either not happened, or says how far it came: sendall() and sendfile()
put bytes_sent on the exception, and the streams of as_stream() bytes_read, lines_read and
bytes_written. Files of makefile() keep what they have read for the next call.

A socket that another thread closes ends the waits for it with OSError (EBADF).

Names are looked up in a thread of their own, so that those waits, too, can be cancelled.
"""

import _socket
import errno
import os
import socket as _plain
import time as _time

from threading import get_ident as _get_ident

from . import lookup as _lookup
from . import rebind as _rebind
from . import waiting as _waiting
from .base import native as _native
from .errors import ClosedError as _ClosedError
from .lookup import (  # noqa: F401
    getaddrinfo, gethostbyaddr, gethostbyname, gethostbyname_ex, getnameinfo)
from .waiting import check_cancelled as _check_cancelled

__all__ = list(_plain.__all__)

_IN = _waiting.IN
_OUT = _waiting.OUT
_base = _socket.socket
_try_recv = _native.try_recv
_try_send = _native.try_send

_DONTWAIT = getattr(_socket, "MSG_DONTWAIT", 0)
_NO_NAMES = {}

# Of so many bytes at most is it faster to keep the interpreter than to let another thread have it
# meanwhile.
_SMALL = 65536

# How often a wait is told that its socket is closed, until it has heard it.
_CLOSING_CALLS = 200
_CLOSING_PAUSE = 0.0001

# What is waited between two attempts to connect to a Unix socket whose queue is full: there is
# nothing else to wait for.
_FIRST_RETRY = 0.0005
_LAST_RETRY = 0.05


def _waits(condition, name, flags_at=None):
    """The method of that name, whose call waits for the condition, unless the flags, which are its
    argument of that number, say that it shall not."""
    call = getattr(_base, name)

    def method(self, *args, **named):
        if self._timeout != 0:
            _check_cancelled()
        try:
            return call(self, *args, **named)
        except BlockingIOError:
            if self._timeout == 0:
                raise
            if flags_at is not None:
                flags = args[flags_at] if len(args) > flags_at else named.get("flags", 0)
                if flags & _DONTWAIT:
                    raise
        return self._again(condition, call, args, named)

    method.__name__ = name
    method.__qualname__ = f"socket.{name}"
    method.__doc__ = call.__doc__
    return method


class socket(_plain.socket):
    """A socket as Python's own, whose blocking calls are waits that can be cancelled.

    Its file descriptor is always non-blocking, whatever its timeout says.
    """

    __slots__ = ("_timeout", "_waiting")

    def __init__(self, family=-1, type=-1, proto=-1, fileno=None):
        _plain.socket.__init__(self, family, type, proto, fileno)
        self._timeout = _base.gettimeout(self)
        self._waiting = []  # the identity of each thread that waits for it
        if self._timeout != 0:
            _base.setblocking(self, False)

    # Timeouts. The one inside of Python's socket is 0, always.

    def settimeout(self, value):
        """Sets how many seconds a call may wait before it raises TimeoutError: None for as long as it
        takes, 0 for not at all (it raises BlockingIOError then)."""
        self._timeout = _seconds(value)

    def gettimeout(self):
        """How many seconds a call may wait, or None for as long as it takes."""
        return self._timeout

    timeout = property(gettimeout, doc="the socket's timeout")

    def setblocking(self, flag):
        """The same as settimeout(None) if the flag is true, or settimeout(0) if it is not."""
        self._timeout = None if flag else 0.0

    def getblocking(self):
        """Whether calls may wait at all."""
        return self._timeout != 0

    def _deadline(self):
        return None if self._timeout is None else _time.monotonic() + self._timeout

    def _wait(self, condition, deadline):
        """Waits for the socket, until the deadline of its own timeout."""
        left = None
        if deadline is not None:
            left = deadline - _time.monotonic()
            if left <= 0:
                raise _socket.timeout("timed out")
        # In this order, and close() in the other: no wait goes unnoticed there.
        ident = _get_ident()
        self._waiting.append(ident)
        try:
            fd = self.fileno()
            if fd < 0:
                raise OSError(errno.EBADF, os.strerror(errno.EBADF))
            if not _waiting.wait_fd(fd, condition, left):
                raise _socket.timeout("timed out")
        except _ClosedError:
            closed = OSError(errno.EBADF, f"{os.strerror(errno.EBADF)}: the socket was closed")
            raise closed from None
        finally:
            self._waiting.remove(ident)

    def _again(self, condition, call, args, named=_NO_NAMES):
        """Calls what would have blocked, until it does not."""
        deadline = self._deadline()
        while True:
            self._wait(condition, deadline)
            try:
                return call(self, *args, **named)
            except BlockingIOError:
                pass

    # Reading and writing. The two that are called most often are written out, for speed.

    def recv(self, bufsize, flags=0):
        if self._timeout == 0 or bufsize > _SMALL:
            return _recv_much(self, bufsize, flags)
        _check_cancelled()
        data = _try_recv(self.fileno(), bufsize, flags)
        if data is not None:
            return data
        if flags & _DONTWAIT:
            raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))
        deadline = self._deadline()
        while data is None:
            self._wait(_IN, deadline)
            data = _try_recv(self.fileno(), bufsize, flags)
        return data

    def send(self, data, flags=0):
        if self._timeout == 0 or type(data) is not bytes or len(data) > _SMALL:
            return _send_much(self, data, flags)
        _check_cancelled()
        sent = _try_send(self.fileno(), data, flags)
        if sent is not None:
            return sent
        if flags & _DONTWAIT:
            raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))
        deadline = self._deadline()
        while sent is None:
            self._wait(_OUT, deadline)
            sent = _try_send(self.fileno(), data, flags)
        return sent

    recv.__doc__ = _base.recv.__doc__
    send.__doc__ = _base.send.__doc__

    recv_into = _waits(_IN, "recv_into", 2)
    recvfrom = _waits(_IN, "recvfrom", 1)
    recvfrom_into = _waits(_IN, "recvfrom_into", 2)
    if hasattr(_base, "recvmsg"):
        recvmsg = _waits(_IN, "recvmsg", 2)

        def recvmsg_into(self, buffers, *args):
            if not isinstance(buffers, (list, tuple)):
                buffers = list(buffers)  # it may be read twice
            return _recvmsg_into(self, buffers, *args)

        recvmsg_into.__doc__ = _base.recvmsg_into.__doc__
    if hasattr(_base, "sendmsg_afalg"):
        sendmsg_afalg = _waits(_OUT, "sendmsg_afalg")

    def sendall(self, data, flags=0):
        """Sends all of the data. If it is cut short, the exception says in bytes_sent how much of it
        has been sent."""
        if self._timeout == 0:
            return _base.sendall(self, data, flags)
        sent = 0
        deadline = None
        try:
            _check_cancelled()
            if type(data) is bytes and len(data) <= _SMALL:
                sent = _try_send(self.fileno(), data, flags) or 0
                if sent == len(data):
                    return
            with memoryview(data) as view, view.cast("B") as octets:
                while True:
                    try:
                        sent += _send(self, octets[sent:] if sent else octets, flags)
                        if sent >= len(octets):
                            return
                        continue
                    except BlockingIOError:
                        pass
                    if deadline is None:
                        deadline = self._deadline()
                    self._wait(_OUT, deadline)
        except BaseException as error:
            error.bytes_sent = sent
            raise

    def sendto(self, data, *args):
        if len(args) not in (1, 2):
            return _base.sendto(self, data, *args)  # which says what is wrong
        address = _lookup.resolve(self, args[-1])
        if len(args) == 1:
            return _sendto(self, data, address)
        return _sendto_by_flags(self, data, args[0], address)

    sendto.__doc__ = _base.sendto.__doc__

    if hasattr(_base, "sendmsg"):

        def sendmsg(self, buffers, ancdata=(), flags=0, address=None):
            if address is not None:
                address = _lookup.resolve(self, address)
            if not isinstance(buffers, (list, tuple)):
                buffers = list(buffers)  # it may be read twice
            if not isinstance(ancdata, (list, tuple)):
                ancdata = list(ancdata)
            return _sendmsg(self, buffers, ancdata, flags, address)

        sendmsg.__doc__ = _base.sendmsg.__doc__

    # Connections

    def bind(self, address):
        return _base.bind(self, _lookup.resolve(self, address))

    bind.__doc__ = _base.bind.__doc__

    def connect(self, address):
        """Connects the socket to an address. Its host, if it is a name, is looked up; that can be
        cancelled, too, but is not within the socket's timeout.

        After a connect() that was cut short, the socket is best closed."""
        number = self._connect(address)
        if number:
            raise OSError(number, os.strerror(number))

    def connect_ex(self, address):
        """Like connect(), but returns the number of what went wrong where the operating system says
        so, and 0 if all went well."""
        try:
            return self._connect(address)
        except _socket.timeout:
            return errno.EWOULDBLOCK

    def _connect(self, address):
        if self._timeout == 0:
            return _base.connect_ex(self, address)
        _check_cancelled()
        address = _lookup.resolve(self, address)
        deadline = self._deadline()
        retry = _FIRST_RETRY
        while True:
            number = _base.connect_ex(self, address)
            if number == errno.EINPROGRESS or number == errno.EALREADY:
                self._wait(_OUT, deadline)
                return self.getsockopt(_plain.SOL_SOCKET, _plain.SO_ERROR)
            if number != errno.EAGAIN:
                return number
            if deadline is not None:
                left = deadline - _time.monotonic()
                if left <= 0:
                    raise _socket.timeout("timed out")
                retry = min(retry, left)
            _waiting.sleep(retry)
            retry = min(retry * 2, _LAST_RETRY)

    _accept = _waits(_IN, "_accept")

    def accept(self):
        """Waits for a connection, and returns a socket for it and the address of the other end."""
        fd, address = self._accept()
        return socket(self.family, self.type, self.proto, fileno=fd), address

    # Whole files, and sockets as files

    def sendfile(self, file, offset=0, count=None):
        try:
            return self._sendfile_use_sendfile(file, offset, count)
        except _plain._GiveupOnSendfile:
            return self._sendfile_use_send(file, offset, count)

    sendfile.__doc__ = _plain.socket.sendfile.__doc__

    def _sendfile_use_sendfile(self, file, offset=0, count=None):
        self._check_sendfile_params(file, offset, count)
        if self._timeout == 0:
            raise ValueError("non-blocking sockets are not supported")
        try:
            fileno = file.fileno()
            size = os.fstat(fileno).st_size
        except (AttributeError, OSError) as error:  # io.UnsupportedOperation is an OSError
            raise _plain._GiveupOnSendfile(error)
        if not size:
            return 0
        sent = 0
        try:
            _check_cancelled()
            while count is None or sent < count:
                # No more than a gigabyte at once: more is too much for some platforms' off_t.
                size = min(2 ** 30, 2 ** 30 if count is None else count - sent)
                try:
                    step = os.sendfile(self.fileno(), fileno, offset + sent, size)
                except BlockingIOError:
                    step = None
                except OSError as error:
                    if sent == 0:
                        raise _plain._GiveupOnSendfile(error)  # no such file as it can be used for
                    raise
                if step is None:
                    self._wait(_OUT, self._deadline())
                elif step == 0:
                    break
                else:
                    sent += step
            return sent
        except BaseException as error:
            error.bytes_sent = sent
            raise
        finally:
            if sent > 0 and hasattr(file, "seek"):
                file.seek(offset + sent)

    def _sendfile_use_send(self, file, offset=0, count=None):
        self._check_sendfile_params(file, offset, count)
        if self._timeout == 0:
            raise ValueError("non-blocking sockets are not supported")
        if offset:
            file.seek(offset)
        sent = 0
        try:
            while count is None or sent < count:
                data = file.read(8192 if count is None else min(8192, count - sent))
                if not data:
                    break
                try:
                    self.sendall(data)
                except BaseException as error:
                    sent += getattr(error, "bytes_sent", 0)
                    raise
                sent += len(data)
            return sent
        except BaseException as error:
            error.bytes_sent = sent
            raise
        finally:
            if sent > 0 and hasattr(file, "seek"):
                file.seek(offset + sent)

    def makefile(self, mode="r", buffering=None, *, encoding=None, errors=None, newline=None):
        """A file that reads from the socket and writes to it, as Python's. A read that is cut short
        takes nothing: the next one begins where it has begun."""
        if not set(mode) <= {"r", "w", "b"}:
            raise ValueError(f"invalid mode {mode!r} (only r, w, b allowed)")
        writing = "w" in mode
        reading = "r" in mode or not writing
        binary = "b" in mode
        if buffering is None or buffering < 0:
            buffering = _buffered.SIZE
        if buffering == 0 and not binary:
            raise ValueError("unbuffered streams must be binary")
        raw = _buffered.SocketIO(self, "rw" if reading and writing else "r" if reading else "w")
        self._io_refs += 1
        if buffering == 0:
            return raw
        return _buffered.wrap(raw, mode, reading, writing, buffering, encoding, errors, newline)

    def as_stream(self):
        """A stream of bytes to read from and write to, with readline(), read_exactly() and the like,
        whose calls say how far they came if they are cut short. It has a buffer: read by it, or by
        the socket, not both. To close it closes the socket."""
        return _streams.SocketStream(self)

    # The end

    def _real_close(self, _close=_socket.close, _detach=_base.detach):
        fd = _detach(self)  # from here on nobody begins to wait for it
        if fd < 0:
            return
        try:
            if self._waiting:
                self._end_waits(fd)
        finally:
            _close(fd)

    def _end_waits(self, fd):
        """Tells those who wait that it is closed. Who has only just come may not have heard it, and
        must not wait for another file that gets the same number."""
        here = _get_ident()  # in a handler of a signal, or of the collector
        for _ in range(_CLOSING_CALLS):
            _waiting.notify_closing(fd)
            if all(ident == here for ident in self._waiting):
                break
            _time.sleep(_CLOSING_PAUSE)

    def detach(self):
        """Gives up the file descriptor, which is not closed, and returns it. It is blocking if the
        socket had no timeout."""
        timeout = self._timeout
        fd = _plain.socket.detach(self)
        if timeout is None and fd >= 0:
            os.set_blocking(fd, True)
        return fd


_send = _base.send
_recv_much = _waits(_IN, "recv", 1)
_send_much = _waits(_OUT, "send", 1)
_recvmsg_into = _waits(_IN, "recvmsg_into", 2) if hasattr(_base, "recvmsg_into") else None
_sendto = _waits(_OUT, "sendto")
_sendto_by_flags = _waits(_OUT, "sendto", 1)
_sendmsg = _waits(_OUT, "sendmsg", 2) if hasattr(_base, "sendmsg") else None


def _seconds(value):
    """A timeout as settimeout() takes it."""
    if value is None:
        return None
    if not isinstance(value, (int, float)):
        if not hasattr(value, "__float__") and not hasattr(value, "__index__"):
            raise TypeError(f"'{type(value).__name__}' object cannot be interpreted as an integer")
    value = float(value)
    if value != value:
        raise ValueError("Invalid value NaN (not a number)")
    if value < 0:
        raise ValueError("Timeout value out of range")
    if value > 2 ** 63 / 1e9:
        raise OverflowError("timestamp out of range for platform time_t")
    return value


def adopt(sock):
    """Takes over a socket of Python's own: the one that is returned has its file descriptor, timeout
    and TLS, and the other has been detached."""
    if isinstance(sock, socket):
        return sock
    if hasattr(sock, "_sslobj"):
        from . import ssl
        return ssl.adopt(sock)
    timeout = sock.gettimeout()
    adopted = socket(sock.family, sock.type, sock.proto, fileno=sock.detach())
    adopted.settimeout(timeout)
    return adopted


_rebind.stand_in_for(_plain, globals())
socket.__module__ = "thredo.socket"

from . import buffered as _buffered  # noqa: E402
from . import streams as _streams  # noqa: E402
