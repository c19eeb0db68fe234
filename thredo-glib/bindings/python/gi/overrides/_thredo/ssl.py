# SPDX-License-Identifier: LGPL-2.1-or-later
"""The whole of Python's ssl module, whose sockets wait as those of Thredo.socket do.

SSLContext makes them by its wrap_socket(), and so do create_default_context() and its kin. A context
of Python's own does if its sslsocket_class is set to SSLSocket.

A handshake, a read() or write() and an unwrap() that are cut short can be taken up again: TLS keeps
what it has.
"""

import ssl as _plain

import _socket

from . import rebind as _rebind
from . import socket as _sockets
from . import waiting as _waiting
from .waiting import check_cancelled as _check_cancelled

_base = _socket.socket

# What TLS sends at once. It says nothing of how far it came with more than that.
_RECORD = 16384

_WantRead = _plain.SSLWantReadError
_WantWrite = _plain.SSLWantWriteError


class SSLSocket(_plain.SSLSocket, _sockets.socket):
    """A socket that speaks TLS, whose blocking calls are waits that can be cancelled."""

    def settimeout(self, value):
        # The socket that it is made of was detached after that, which made its file blocking.
        _base.setblocking(self, False)
        super().settimeout(value)

    settimeout.__doc__ = _sockets.socket.settimeout.__doc__

    def _until_done(self, what, call, *args):
        """Calls what wants to read or write before it can be done, until it is."""
        if self._timeout == 0:
            return call(*args)
        _check_cancelled()
        deadline = -1
        while True:
            try:
                return call(*args)
            except _WantRead:
                condition = _waiting.IN
            except _WantWrite:
                condition = _waiting.OUT
            if deadline == -1:
                deadline = self._deadline()
            try:
                self._wait(condition, deadline)
            except _socket.timeout:
                raise _socket.timeout(f"The {what} operation timed out") from None

    def do_handshake(self, block=False):
        """Does the TLS handshake. On a socket without blocking it waits if block is true."""
        self._check_connected()
        timeout = self._timeout
        try:
            if timeout == 0 and block:
                self._timeout = None
            self._until_done("handshake", self._sslobj.do_handshake)
        finally:
            self._timeout = timeout

    def read(self, len=1024, buffer=None):
        self._checkClosed()
        if self._sslobj is None:
            raise ValueError("Read on closed or unwrapped SSL socket.")
        args = (len,) if buffer is None else (len, buffer)
        try:
            return self._until_done("read", self._sslobj.read, *args)
        except _plain.SSLError as error:
            if error.args[0] == _plain.SSL_ERROR_EOF and self.suppress_ragged_eofs:
                return b"" if buffer is None else 0
            raise

    def write(self, data):
        self._checkClosed()
        if self._sslobj is None:
            raise ValueError("Write on closed or unwrapped SSL socket.")
        return self._until_done("write", self._sslobj.write, data)

    read.__doc__ = _plain.SSLSocket.read.__doc__
    write.__doc__ = _plain.SSLSocket.write.__doc__

    def _refuse_flags(self, name, flags):
        if flags != 0:
            raise ValueError(f"non-zero flags not allowed in calls to {name}() on {self.__class__}")

    def send(self, data, flags=0):
        self._checkClosed()
        if self._sslobj is None:
            return _sockets.socket.send(self, data, flags)
        self._refuse_flags("send", flags)
        return self.write(data)

    def sendall(self, data, flags=0):
        """Sends all of the data. If it is cut short, the exception says in bytes_sent how much of it
        has been sent."""
        self._checkClosed()
        if self._sslobj is None:
            return _sockets.socket.sendall(self, data, flags)
        self._refuse_flags("sendall", flags)
        sent = 0
        with memoryview(data) as view, view.cast("B") as octets:
            try:
                while sent < len(octets):
                    sent += self.write(octets[sent:sent + _RECORD])
            except BaseException as error:
                error.bytes_sent = sent
                raise

    def unwrap(self):
        """Ends TLS, and returns the socket for what comes after it in the clear."""
        if self._sslobj is None:
            raise ValueError("No SSL wrapper around " + str(self))
        sock = self._until_done("shutdown", self._sslobj.shutdown)
        self._sslobj = None
        return sock

    def accept(self):
        """Waits for a connection, does its handshake, and returns a socket for it and the address of
        the other end."""
        sock, address = _sockets.socket.accept(self)
        wrapped = type(self)._create(sock=sock, server_side=True,
                                     do_handshake_on_connect=self.do_handshake_on_connect,
                                     suppress_ragged_eofs=self.suppress_ragged_eofs,
                                     context=self.context)
        return wrapped, address

    def connect(self, address):
        """Connects to an address, and does the handshake."""
        self._connect_and_wrap(address, _sockets.socket.connect)

    def connect_ex(self, address):
        """Like connect(), but returns the number of an error of the operating system."""
        return self._connect_and_wrap(address, _sockets.socket.connect_ex)

    def _connect_and_wrap(self, address, connect):
        if self.server_side:
            raise ValueError("can't connect in server-side mode")
        if self._connected or self._sslobj is not None:
            raise ValueError("attempt to connect already-connected SSLSocket!")
        self._sslobj = self.context._wrap_socket(self, False, self.server_hostname, owner=self,
                                                 session=self._session)
        try:
            result = connect(self, address)
            if not result:
                self._connected = True
                if self.do_handshake_on_connect:
                    self.do_handshake()
            return result
        except BaseException:
            self._sslobj = None
            raise


class SSLContext(_plain.SSLContext):
    """A context whose sockets wait as those of Thredo.socket do."""

    sslsocket_class = SSLSocket


def adopt(sock):
    """Takes over a TLS socket of Python's own that is not connected: one that listens, in general.
    Of one that is connected, TLS belongs to it alone."""
    if isinstance(sock, SSLSocket):
        return sock
    if sock._sslobj is not None:
        raise ValueError("a TLS connection cannot be taken over: wrap the socket by a context "
                         "whose sslsocket_class is Thredo.ssl.SSLSocket")
    timeout = sock.gettimeout()
    bare = _sockets.socket(sock.family, sock.type, sock.proto, fileno=sock.detach())
    bare.settimeout(timeout)
    return SSLSocket._create(sock=bare, server_side=sock.server_side,
                             do_handshake_on_connect=sock.do_handshake_on_connect,
                             suppress_ragged_eofs=sock.suppress_ragged_eofs,
                             server_hostname=sock.server_hostname, context=sock.context)


# Those that a stand-in must not share with the module that it stands in for.
socket = _sockets.socket
create_connection = _sockets.create_connection
_rebind.stand_in_for(_plain, globals())
SSLSocket.__module__ = SSLContext.__module__ = "thredo.ssl"
_create_default_https_context = create_default_context  # noqa: F821
__all__ = [name for name in vars(_plain) if not name.startswith("_")]
