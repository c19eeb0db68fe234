# SPDX-License-Identifier: LGPL-2.1-or-later
"""Streams of bytes over sockets: what as_stream() returns."""

CHUNK = 65536


class SocketStream:
    """A socket as a stream of bytes, buffered for reading and not for writing.

    A call that is cut short, by a cancel, a deadline, an error or the end of what there is, puts on
    the exception what it had got so far: read_exactly(), readall() and readinto() as bytes_read,
    readlines() as lines_read, write() and writelines() how much is written as bytes_written. That
    has been taken from the stream. readline() takes nothing until it has a whole line, so that the
    next call goes on with what there is.

    One thread may read while another one writes.
    """

    def __init__(self, sock):
        self._socket = sock
        self._buffer = bytearray()
        self._scanned = 0  # of the buffer, where there is no end of a line

    def __repr__(self):
        return f"<thredo.SocketStream {self._socket!r}>"

    @property
    def socket(self):
        """The socket, or None if the stream is closed."""
        return self._socket

    @property
    def closed(self):
        """Whether the stream is closed."""
        return self._socket is None

    def _open_socket(self):
        if self._socket is None:
            raise ValueError("I/O operation on closed stream")
        return self._socket

    def fileno(self):
        """The socket's file descriptor."""
        return self._open_socket().fileno()

    def readable(self):
        """True."""
        return True

    def writable(self):
        """True."""
        return True

    def seekable(self):
        """False."""
        return False

    def isatty(self):
        """False."""
        return False

    # Reading

    def _take(self, size):
        """The first so many bytes of the buffer."""
        buffer = self._buffer
        self._scanned = 0
        if size >= len(buffer):
            data = bytes(buffer)
            buffer.clear()
        else:
            data = bytes(buffer[:size])
            del buffer[:size]
        return data

    def read(self, maxbytes=-1):
        """Reads what is there, and waits only if there is nothing: at most maxbytes, any number if it
        is negative. b"" at the end."""
        sock = self._open_socket()
        if maxbytes is None or maxbytes < 0:
            maxbytes = CHUNK
            if self._buffer:
                return self._take(len(self._buffer))
        if maxbytes == 0:
            return b""
        if self._buffer:
            return self._take(maxbytes)
        return sock.recv(maxbytes)

    def readall(self):
        """Reads up to the end."""
        chunks = []
        size = CHUNK
        try:
            while True:
                chunk = self.read(size)
                if not chunk:
                    return b"".join(chunks)
                chunks.append(chunk)
                if len(chunk) == size:
                    size *= 2
        except BaseException as error:
            error.bytes_read = b"".join(chunks)
            raise

    def read_exactly(self, nbytes):
        """Reads so many bytes, neither more nor less: EOFError, with bytes_read, if there are not as
        many."""
        if nbytes < 0:
            raise ValueError("the number of bytes is negative")
        chunks = []
        left = nbytes
        try:
            while left > 0:
                chunk = self.read(left)
                if not chunk:
                    raise EOFError(f"the stream has ended after {nbytes - left} of {nbytes} bytes")
                chunks.append(chunk)
                left -= len(chunk)
        except BaseException as error:
            error.bytes_read = b"".join(chunks)
            raise
        return chunks[0] if len(chunks) == 1 else b"".join(chunks)

    def readinto(self, memory):
        """Fills a bytes-like object, and returns how many bytes it got: fewer at the end only."""
        sock = self._open_socket()
        with memoryview(memory) as view, view.cast("B") as octets:
            size = len(octets)
            filled = 0
            if self._buffer:
                data = self._take(size)
                filled = len(data)
                octets[:filled] = data
            try:
                while filled < size:
                    step = sock.recv_into(octets[filled:])
                    if step == 0:
                        break
                    filled += step
            except BaseException as error:
                error.bytes_read = bytes(octets[:filled])
                raise
            return filled

    def readline(self, maxlen=-1):
        """Reads a line, with its b"\\n", which only the last one can lack. At most maxlen bytes of
        it, if that is not negative. b"" at the end."""
        sock = self._open_socket()
        buffer = self._buffer
        limit = None if maxlen is None or maxlen < 0 else maxlen
        while True:
            end = buffer.find(b"\n", self._scanned) + 1
            if end > 0:
                return self._take(end if limit is None else min(end, limit))
            self._scanned = len(buffer)
            if limit is not None and len(buffer) >= limit:
                return self._take(limit)
            data = sock.recv(CHUNK)
            if not data:
                return self._take(len(buffer))
            buffer += data

    def readlines(self, hint=-1):
        """Reads all lines up to the end, or lines of hint bytes or a little more if it is positive."""
        lines = []
        size = 0
        try:
            for line in self:
                lines.append(line)
                size += len(line)
                if hint is not None and 0 < hint <= size:
                    break
            return lines
        except BaseException as error:
            error.lines_read = lines
            raise

    def __iter__(self):
        return self

    def __next__(self):
        line = self.readline()
        if not line:
            raise StopIteration
        return line

    # Writing

    def write(self, data):
        """Writes all of the data, and returns how many bytes that were."""
        sock = self._open_socket()
        try:
            sock.sendall(data)
        except BaseException as error:
            error.bytes_written = getattr(error, "bytes_sent", 0)
            raise
        return len(data) if isinstance(data, (bytes, bytearray)) else memoryview(data).nbytes

    def writelines(self, lines):
        """Writes all of what an iterator has, as it is."""
        written = 0
        try:
            for line in lines:
                written += self.write(line)
        except BaseException as error:
            error.bytes_written = written + getattr(error, "bytes_written", 0)
            raise

    def flush(self):
        """Does nothing: what is written is on its way."""
        self._open_socket()

    def close(self):
        """Closes the stream, and with it the socket."""
        sock, self._socket = self._socket, None
        if sock is not None:
            self._buffer.clear()
            sock.close()

    def __enter__(self):
        self._open_socket()
        return self

    def __exit__(self, *exception):
        self.close()
