# SPDX-License-Identifier: LGPL-2.1-or-later
"""Files of sockets, as makefile() makes them, which lose nothing when a read is cut short.

Python's own drop what they have read so far when the socket raises: after its timeout a file is of no
use any more. Here a deadline is an everyday thing, after which one reads on. So what has been read
goes back to where it came from, below the buffer, and the next read begins there.
"""

import codecs
import io
import operator
import socket as plain


SIZE = io.DEFAULT_BUFFER_SIZE


class SocketIO(plain.SocketIO):
    """The raw file of a socket. It can take back what has been read from it."""

    def __init__(self, sock, mode):
        super().__init__(sock, mode)
        self._back = b""  # what is read next
        self._given = None  # what has been read since someone began to listen
        self._is_mute = False  # says that there is nothing, whatever there is

    def readinto(self, memory):
        if self._is_mute:
            return None
        if self._back:
            size = min(len(memory), len(self._back))
            memory[:size] = self._back[:size]
            self._back = self._back[size:]
        else:
            size = super().readinto(memory)
        if size and self._given is not None:
            self._given.append(bytes(memory[:size]))
        return size

    readinto.__doc__ = plain.SocketIO.readinto.__doc__


_take_buffered = io.BufferedReader.read1
_show_buffered = io.BufferedReader.peek


def _whole(name):
    """The method of that name, which either reads all that it should, or takes nothing."""
    call = getattr(io.BufferedReader, name)

    def method(self, *args):
        raw = self.raw
        if raw is None or raw._given is not None:  # one within another
            return call(self, *args)
        before = self._buffered()
        raw._given = given = []
        try:
            return call(self, *args)
        except BaseException:
            raw._given = None
            if not self.closed:
                # What is in the buffer now is the end of all that, and goes back as well.
                _take_buffered(self, len(self._buffered()))
                raw._back = before + b"".join(given) + raw._back
            raise
        finally:
            raw._given = None

    method.__name__ = name
    method.__qualname__ = f"BufferedReader.{name}"
    method.__doc__ = call.__doc__
    return method


class BufferedReader(io.BufferedReader):
    """A file to read from, which loses nothing."""

    def _buffered(self):
        raw = self.raw
        raw._is_mute = True
        try:
            return _show_buffered(self)
        finally:
            raw._is_mute = False

    read = _whole("read")
    readline = _whole("readline")
    readlines = _whole("readlines")
    readinto = _whole("readinto")

    def __next__(self):
        line = self.readline()
        if not line:
            raise StopIteration
        return line


class BufferedPair(io.BufferedRWPair):
    """A file to read from and write to, which loses nothing."""

    def __init__(self, raw, size):
        super().__init__(raw, raw, size)
        self._reader = BufferedReader(raw, size)
        for name in ("read", "read1", "readinto", "readinto1", "readline", "readlines", "peek"):
            setattr(self, name, getattr(self._reader, name))

    def __next__(self):
        return next(self._reader)

    def __iter__(self):
        return self


class TextReader(io.TextIOWrapper):
    """A file of text, which loses nothing of what it reads. It has its own decoder, because that of
    its class forgets the beginning of a line whose end does not come."""

    def __init__(self, buffer, encoding, errors, newline):
        super().__init__(buffer, encoding, errors, newline)
        self._newline = newline
        decoder = codecs.getincrementaldecoder(self.encoding)(self.errors)
        if not newline:
            decoder = io.IncrementalNewlineDecoder(decoder, translate=newline is None)
        self._decode = decoder.decode
        self._text = ""

    def _more(self):
        """Reads more text; whether there is any."""
        if self.closed:
            raise ValueError("I/O operation on closed file.")
        data = self.buffer.read1(8192)
        if data is None:
            raise io.UnsupportedOperation("a non-blocking file of text cannot be read")
        self._text += self._decode(data, not data)
        return bool(data)

    def _line_end(self, start):
        text = self._text
        if self._newline != "":
            newline = self._newline or "\n"
            found = text.find(newline, max(0, start - len(newline) + 1))
            return found + len(newline) if found >= 0 else 0
        ends = [end for end in (text.find("\n", start), text.find("\r", start)) if end >= 0]
        if not ends:
            return 0
        end = min(ends)
        return end + (2 if text.startswith("\r\n", end) else 1)

    def _take(self, size):
        taken, self._text = self._text[:size], self._text[size:]
        return taken

    def readline(self, size=-1, /):
        limit = -1 if size is None else operator.index(size)
        scanned = 0
        while True:
            end = self._line_end(scanned)
            if limit >= 0 and (end > limit or (not end and len(self._text) >= limit)):
                end = limit
            elif not end:
                scanned = max(0, len(self._text) - 1)
                if self._more():
                    continue
                end = len(self._text)
            return self._take(end)

    def read(self, size=-1, /):
        limit = -1 if size is None else operator.index(size)
        while limit < 0 or len(self._text) < limit:
            if not self._more():
                limit = len(self._text)
        return self._take(limit)

    readline.__doc__ = io.TextIOWrapper.readline.__doc__
    read.__doc__ = io.TextIOWrapper.read.__doc__

    def __next__(self):
        line = self.readline()
        if not line:
            raise StopIteration
        return line


def wrap(raw, mode, reading, writing, size, encoding, errors, newline):
    """The buffered file over a raw one, of a mode as makefile() has it."""
    if reading and writing:
        buffer = BufferedPair(raw, size)
    elif reading:
        buffer = BufferedReader(raw, size)
    else:
        buffer = io.BufferedWriter(raw, size)
    if "b" in mode:
        return buffer
    if hasattr(io, "text_encoding"):
        encoding = io.text_encoding(encoding, 3)
    text = (TextReader if reading else io.TextIOWrapper)(buffer, encoding, errors, newline)
    text.mode = mode
    return text
