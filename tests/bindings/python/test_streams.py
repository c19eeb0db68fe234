# SPDX-License-Identifier: LGPL-2.1-or-later
"""What as_stream() returns."""

import contextlib
import socket as plain
import unittest

import net
from net import Thredo, pair, spawn_waiting

BIG = 8 << 20


class Reading(net.Ways, unittest.TestCase):
    def streamed(self, name, *args, data=b"some\n"):
        @contextlib.contextmanager
        def blocked():
            with pair() as (near, far), near.as_stream() as stream:
                def go_on():
                    far.sendall(data)
                    far.shutdown(plain.SHUT_WR)

                yield (lambda: getattr(stream, name)(*args)), go_on

        return blocked

    def test_read(self):
        self.check_all(self.streamed("read"))
        with pair() as (near, far), near.as_stream() as stream:
            far.sendall(b"hello\nworld\n")
            self.assertEqual(stream.readline(), b"hello\n")
            self.assertEqual(stream.read(0), b"")
            self.assertEqual(stream.read(2), b"wo")
            self.assertEqual(stream.read(1000), b"rld\n")
            far.sendall(b"more")
            self.assertEqual(stream.read(), b"more")
            far.close()
            self.assertEqual((stream.read(), stream.read(1)), (b"", b""))

    def test_readall(self):
        self.check_all(self.streamed("readall"))
        with pair() as (near, far), near.as_stream() as stream:
            far.sendall(b"a\nrest")
            self.assertEqual(stream.readline(), b"a\n")
            thread = spawn_waiting(stream.readall)
            far.sendall(b"more")
            far.close()
            self.assertEqual(thread.join(), b"restmore")
            self.assertEqual(stream.readall(), b"")

    def test_readall_partial(self):
        with pair() as (near, far), near.as_stream() as stream:
            far.sendall(b"some")
            with self.assertRaises(Thredo.ThreadTimeout) as caught:
                Thredo.timeout_after(0.02, stream.readall)
            self.assertEqual(caught.exception.bytes_read, b"some")
            far.sendall(b"more")
            self.assertEqual(stream.read(), b"more")

    def test_read_exactly(self):
        self.check_all(self.streamed("read_exactly", 5))
        with pair() as (near, far), near.as_stream() as stream:
            far.sendall(b"12345678")
            self.assertEqual(stream.read_exactly(5), b"12345")
            self.assertEqual(stream.read_exactly(0), b"")
            with self.assertRaises(Thredo.ThreadTimeout) as caught:
                Thredo.timeout_after(0.02, stream.read_exactly, 5)
            self.assertEqual(caught.exception.bytes_read, b"678")
            far.sendall(b"9")
            far.close()
            with self.assertRaises(EOFError) as caught:
                stream.read_exactly(2)
            self.assertEqual(caught.exception.bytes_read, b"9")
            with self.assertRaises(ValueError):
                stream.read_exactly(-1)

    def test_read_exactly_cancelled(self):
        with pair() as (near, far), near.as_stream() as stream:
            far.sendall(b"12")
            thread = spawn_waiting(stream.read_exactly, 5)
            thread.cancel()
            self.assertIsInstance(thread.exception, Thredo.ThreadCancelled)
            self.assertEqual(thread.exception.bytes_read, b"12")

    def test_readinto(self):
        self.check_all(self.streamed("readinto", bytearray(5)))
        with pair() as (near, far), near.as_stream() as stream:
            far.sendall(b"a\n12")
            stream.readline()
            memory = bytearray(4)
            with self.assertRaises(Thredo.ThreadTimeout) as caught:
                Thredo.timeout_after(0.02, stream.readinto, memory)
            self.assertEqual((caught.exception.bytes_read, memory[:2]), (b"12", b"12"))
            far.sendall(b"345")
            far.close()
            self.assertEqual((stream.readinto(memory), memory[:3]), (3, b"345"))
            self.assertEqual(stream.readinto(memory), 0)

    def test_readline(self):
        self.check_all(self.streamed("readline"))
        with pair() as (near, far), near.as_stream() as stream:
            far.sendall(b"one\ntwo\nthr")
            self.assertEqual([stream.readline(), stream.readline()], [b"one\n", b"two\n"])
            with self.assertRaises(Thredo.ThreadTimeout):
                Thredo.timeout_after(0.02, stream.readline)
            far.sendall(b"ee\nlong line\nend")
            self.assertEqual(stream.readline(), b"three\n")
            self.assertEqual([stream.readline(4), stream.readline(100)], [b"long", b" line\n"])
            far.close()
            self.assertEqual([stream.readline(), stream.readline()], [b"end", b""])

    def test_long_line(self):
        with pair() as (near, far), near.as_stream() as stream:
            thread = Thredo.spawn(stream.readline)
            far.sendall(bytes(BIG) + b"\n")
            self.assertEqual(thread.join(), bytes(BIG) + b"\n")

    def test_readlines(self):
        self.check_all(self.streamed("readlines"))
        with pair() as (near, far), near.as_stream() as stream:
            far.sendall(b"one\ntwo\nthr")
            with self.assertRaises(Thredo.ThreadTimeout) as caught:
                Thredo.timeout_after(0.02, stream.readlines)
            self.assertEqual(caught.exception.lines_read, [b"one\n", b"two\n"])
            far.sendall(b"ee\n")
            far.close()
            self.assertEqual(stream.readlines(), [b"three\n"])

    def test_iteration(self):
        with pair() as (near, far), near.as_stream() as stream:
            far.sendall(b"one\ntwo\nend")
            far.close()
            self.assertEqual(list(stream), [b"one\n", b"two\n", b"end"])


class Writing(net.Ways, unittest.TestCase):
    def full(self, name, data):
        @contextlib.contextmanager
        def blocked():
            with pair() as (near, far), near.as_stream() as stream:
                size = net.fill(near)
                yield (lambda: getattr(stream, name)(data)), (lambda: net.drain(far, size))

        return blocked

    def test_write(self):
        self.check_all(self.full("write", b"x"))
        with pair() as (near, far), near.as_stream() as stream:
            self.assertEqual(stream.write(b"hello"), 5)
            self.assertEqual(stream.write(memoryview(b"hi")), 2)
            stream.flush()
            self.assertEqual(far.recv(10), b"hellohi")

    def test_writelines(self):
        self.check_all(self.full("writelines", [b"x", b"y"]))
        with pair() as (near, far), near.as_stream() as stream:
            stream.writelines(b"%d\n" % i for i in range(3))
            self.assertEqual(far.recv(10), b"0\n1\n2\n")

    def check_partial(self, call):
        with pair() as (near, far), near.as_stream() as stream:
            with self.assertRaises(Thredo.ThreadTimeout) as caught:
                Thredo.timeout_after(0.05, call, stream)
            written = caught.exception.bytes_written
            self.assertGreater(written, 0)
            near.shutdown(plain.SHUT_WR)
            net.drain(far, written)
            self.assertEqual(far.recv(1), b"")

    def test_write_partial(self):
        self.check_partial(lambda stream: stream.write(bytes(BIG)))

    def test_writelines_partial(self):
        def lines():
            while True:
                yield b"a line of some length\n"

        self.check_partial(lambda stream: stream.writelines(lines()))


class Ends(unittest.TestCase):
    def test_close(self):
        with pair() as (near, far):
            stream = near.as_stream()
            self.assertEqual(stream.fileno(), near.fileno())
            self.assertIs(stream.socket, near)
            self.assertIn("SocketStream", repr(stream))
            stream.close()
            stream.close()
            self.assertTrue(stream.closed)
            self.assertEqual(near.fileno(), -1)
            for call in (stream.read, stream.readline, stream.flush, lambda: stream.write(b"x")):
                with self.assertRaises(ValueError):
                    call()

    def test_both_directions(self):
        with pair() as (near, far), near.as_stream() as stream:
            far = Thredo.socket.adopt(far)
            with far.as_stream() as other:
                data = bytes(range(256)) * 4096
                writer = Thredo.spawn(stream.write, data)
                echo = Thredo.spawn(lambda: other.write(other.read_exactly(len(data))))
                self.assertEqual(stream.read_exactly(len(data)), data)
                self.assertEqual((writer.join(), echo.join()), (len(data), len(data)))

    def test_alias(self):
        names = {}
        exec("import thredo\nfrom thredo.socket import *\na, b = socketpair()\n"
             "s = a.as_stream(); s.write(b'x'); got = b.recv(1); s.close(); b.close()", names)
        self.assertEqual(names["got"], b"x")


if __name__ == "__main__":
    unittest.main()
