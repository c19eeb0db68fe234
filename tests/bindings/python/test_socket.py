# SPDX-License-Identifier: LGPL-2.1-or-later
"""Thredo.socket and Thredo.ssl: each call as it completes, and as it is cut short."""

import contextlib
import errno
import gc
import os
import select as plain_select
import selectors as plain_selectors
import socket as plain
import ssl as plain_ssl
import subprocess
import sys
import tempfile
import textwrap
import threading
import unittest
from unittest import mock

import net
from net import LIMIT, Thredo, pair, spawn_waiting, tcp_pair

socket = Thredo.socket
BIG = 4 << 20


def reading(name, *args, kind=plain.SOCK_STREAM):
    """A call that waits for something to read."""
    @contextlib.contextmanager
    def blocked():
        with pair(kind) as (near, far):
            yield (lambda: getattr(near, name)(*args)), (lambda: far.send(b"x"))

    return blocked


def writing(name, *args, kind=plain.SOCK_STREAM):
    """A call that waits for room to write."""
    @contextlib.contextmanager
    def blocked():
        with pair(kind) as (near, far):
            size = net.fill(near)

            def go_on():
                if kind == plain.SOCK_STREAM:
                    net.drain(far, size)
                else:
                    far.recv(65536)

            yield (lambda: getattr(near, name)(*args)), go_on

    return blocked


class Waits(net.Ways, unittest.TestCase):
    """Each blocking call, in each way that it can end."""

    def test_recv(self):
        self.check_all(reading("recv", 10))

    def test_recv_into(self):
        self.check_all(reading("recv_into", bytearray(10)))

    def test_recvfrom(self):
        self.check_all(reading("recvfrom", 10, kind=plain.SOCK_DGRAM))

    def test_recvfrom_into(self):
        self.check_all(reading("recvfrom_into", bytearray(10), kind=plain.SOCK_DGRAM))

    def test_recvmsg(self):
        self.check_all(reading("recvmsg", 10))

    def test_recvmsg_into(self):
        self.check_all(reading("recvmsg_into", [bytearray(10)]))

    def test_send(self):
        self.check_all(writing("send", b"x"))

    def test_sendall(self):
        self.check_all(writing("sendall", b"x"))

    def test_sendmsg(self):
        self.check_all(writing("sendmsg", [b"x"]))

    def test_sendto(self):
        @contextlib.contextmanager
        def blocked():
            with plain.socket(plain.AF_UNIX, plain.SOCK_DGRAM) as far, \
                    socket.socket(plain.AF_UNIX, plain.SOCK_DGRAM) as near:
                far.bind("")  # a name of the system's choice
                near.setblocking(False)
                with contextlib.suppress(BlockingIOError):
                    while True:
                        near.sendto(b"x", far.getsockname())
                near.setblocking(True)
                near.connect(far.getsockname())  # only then does the system say when there is room
                yield (lambda: near.sendto(b"x", far.getsockname())), (lambda: far.recv(1))

        self.check_all(blocked)

    def test_sendfile(self):
        with tempfile.TemporaryFile() as file:
            file.write(b"x")
            file.flush()
            self.check_all(writing("sendfile", file))

    def test_accept(self):
        @contextlib.contextmanager
        def blocked():
            clients = []
            with socket.create_server(("127.0.0.1", 0)) as listener:
                yield (lambda: listener.accept()[0].close()), (lambda: clients.append(
                    plain.create_connection(listener.getsockname())))
            for client in clients:
                client.close()

        self.check_all(blocked)

    def connecting(self, connect):
        @contextlib.contextmanager
        def blocked():
            with net.full_server() as listener, contextlib.ExitStack() as stack:
                def go_on():
                    stack.enter_context(listener.accept()[0])

                def call():
                    sock = connect(listener.getsockname())
                    if sock is not None:
                        sock.close()

                yield call, go_on

        return blocked

    def test_connect(self):
        def connect(address):
            with socket.socket() as sock:
                sock.connect(address)

        self.check_all(self.connecting(connect))

    def test_connect_ex(self):
        def connect(address):
            with socket.socket() as sock:
                self.assertEqual(sock.connect_ex(address), 0)

        self.check_all(self.connecting(connect), but=["completed", "shielded"])

    def test_create_connection(self):
        self.check_all(self.connecting(socket.create_connection), but=["completed", "shielded"])

    def test_connect_unix(self):
        @contextlib.contextmanager
        def blocked():
            with plain.socket(plain.AF_UNIX) as listener, contextlib.ExitStack() as stack:
                listener.bind("")
                listener.listen(0)
                with contextlib.suppress(BlockingIOError):
                    while True:
                        client = stack.enter_context(plain.socket(plain.AF_UNIX))
                        client.setblocking(False)
                        client.connect(listener.getsockname())

                def call():
                    with socket.socket(plain.AF_UNIX) as near:
                        near.connect(listener.getsockname())

                yield call, lambda: stack.enter_context(listener.accept()[0])

        self.check_all(blocked)

    def test_makefile(self):
        @contextlib.contextmanager
        def blocked():
            with pair() as (near, far), near.makefile("rb") as file:
                yield (lambda: self.assertEqual(file.readline(), b"a line\n")), \
                    (lambda: far.sendall(b"a line\n"))

        self.check_all(blocked)

    def test_makefile_text(self):
        @contextlib.contextmanager
        def blocked():
            with pair() as (near, far), near.makefile("r", encoding="utf-8") as file:
                yield (lambda: self.assertEqual(file.readline(), "é\n")), \
                    (lambda: far.sendall("é\n".encode()))

        self.check_all(blocked)

    def test_select(self):
        @contextlib.contextmanager
        def blocked():
            with pair() as (near, far), pair() as (other, its_far):
                def call():
                    found = Thredo.select.select([near, other], [], [])
                    self.assertEqual(found, ([other], [], []))

                yield call, (lambda: its_far.send(b"x"))

        self.check_all(blocked)

    def test_poll(self):
        @contextlib.contextmanager
        def blocked():
            with pair() as (near, far):
                poll = Thredo.select.poll()
                poll.register(near, plain_select.POLLIN)
                yield (lambda: self.assertEqual(poll.poll(), [(near.fileno(), plain_select.POLLIN)])), \
                    (lambda: far.send(b"x"))

        self.check_all(blocked)

    def test_selectors(self):
        for kind in ("DefaultSelector", "SelectSelector", "PollSelector", "EpollSelector"):
            @contextlib.contextmanager
            def blocked():
                with pair() as (near, far), getattr(Thredo.selectors, kind)() as selector:
                    selector.register(near, plain_selectors.EVENT_READ, "data")

                    def call():
                        (key, events), = selector.select()
                        self.assertEqual((key.data, events), ("data", plain_selectors.EVENT_READ))

                    yield call, (lambda: far.send(b"x"))

            with self.subTest(kind=kind):
                self.check_all(blocked)


class Foreign(unittest.TestCase):
    """Threads that Python has made, and the main one."""

    def test_thread_of_pythons(self):
        with pair() as (near, far):
            threads, errors = [], []

            def receive():
                threads.append(Thredo.enable())
                try:
                    near.recv(1)
                except Thredo.ThreadCancelled as error:
                    errors.append(error)

            python = threading.Thread(target=receive)
            python.start()
            net.wait_until(lambda: threads and threads[0].waiting_for, "it does not wait")
            threads[0].cancel(blocking=False)
            python.join()
            self.assertEqual(len(errors), 1)

    def test_many_on_one_socket(self):
        """Each gets one byte, and none is lost, though some are cancelled."""
        with pair() as (near, far):
            threads = [spawn_waiting(near.recv, 1) for _ in range(40)]
            for thread in threads[::2]:
                thread.cancel(blocking=False)
            far.sendall(b"x" * 20)
            for thread in threads:
                thread.wait()
            got = sum(1 for thread in threads if thread.exception is None)
            left = 20 - got
            self.assertEqual(near.recv(100) if left else b"", b"x" * left)
            self.assertTrue(all(thread.exception is None for thread in threads[1::2]))

    def test_while_garbage_is_collected(self):
        stop = threading.Event()

        def collect():
            while not stop.is_set():
                gc.collect()

        collector = threading.Thread(target=collect)
        collector.start()
        try:
            for _ in range(100):
                with pair() as (near, far), near.makefile("rb") as file:
                    thread = Thredo.spawn(file.readline)
                    far.sendall(b"line\n")
                    self.assertEqual(thread.join(), b"line\n")
                    thread = Thredo.spawn(near.recv, 1)
                    thread.cancel()
                    self.assertIsInstance(thread.exception, Thredo.ThreadCancelled)
        finally:
            stop.set()
            collector.join()


class LookUps(net.Ways, unittest.TestCase):
    """Names are looked up in a thread of their own."""

    def looking_up(self, name, *args):
        @contextlib.contextmanager
        def blocked():
            answer = threading.Event()
            asked = []

            def slow(*question):
                asked.append(question)
                if not answer.wait(LIMIT):
                    raise AssertionError("Hang")
                return "answer"

            slow.__name__ = name
            with mock.patch.object(plain, name, slow):
                try:
                    yield (lambda: self.assertEqual(getattr(socket, name)(*args), "answer")), answer.set
                finally:
                    answer.set()

        return blocked

    def test_getaddrinfo(self):
        self.check_all(self.looking_up("getaddrinfo", "name.invalid", 80))

    def test_gethostbyname(self):
        self.check_all(self.looking_up("gethostbyname", "name.invalid"))

    def test_gethostbyaddr(self):
        self.check_all(self.looking_up("gethostbyaddr", "192.0.2.1"))

    def test_gethostbyname_ex(self):
        self.check_all(self.looking_up("gethostbyname_ex", "name.invalid"))

    def test_getnameinfo(self):
        self.check_all(self.looking_up("getnameinfo", ("192.0.2.1", 80), 0))

    def test_numbers_need_no_thread(self):
        with mock.patch.object(threading, "Thread", side_effect=AssertionError("a thread")):
            for host in ("127.0.0.1", "::1", None, b"127.0.0.1"):
                with self.subTest(host=host):
                    self.assertEqual(socket.getaddrinfo(host, 80, type=plain.SOCK_STREAM),
                                     plain.getaddrinfo(host, 80, type=plain.SOCK_STREAM))
            with socket.create_server(("127.0.0.1", 0)) as server:
                socket.create_connection(server.getsockname()).close()

    def test_localhost(self):
        self.assertEqual(socket.getaddrinfo("localhost", 80), plain.getaddrinfo("localhost", 80))
        with socket.create_server(("localhost", 0)) as server, socket.socket() as client:
            client.connect(("localhost", server.getsockname()[1]))
            self.assertEqual(client.getpeername(), server.getsockname())

    def test_error(self):
        with self.assertRaises(plain.gaierror):
            socket.getaddrinfo("", "nothing of the kind")
        with mock.patch.object(plain, "getaddrinfo", side_effect=plain.gaierror(1, "no")):
            with self.assertRaisesRegex(plain.gaierror, "no"):
                socket.getaddrinfo("name.invalid", 1)


class Partial(unittest.TestCase):
    """What is cut short says how far it came."""

    def sent_of(self, near, far, call):
        with self.assertRaises(Thredo.ThreadTimeout) as caught:
            Thredo.timeout_after(0.05, call)
        sent = caught.exception.bytes_sent
        self.assertGreater(sent, 0)
        self.assertLess(sent, BIG)
        near.shutdown(plain.SHUT_WR)
        got = 0
        while chunk := far.recv(1 << 20):
            got += len(chunk)
        self.assertEqual(got, sent)

    def test_sendall(self):
        with pair() as (near, far):
            self.sent_of(near, far, lambda: near.sendall(bytes(BIG)))

    def test_sendfile(self):
        with pair() as (near, far), tempfile.TemporaryFile() as file:
            file.truncate(BIG)
            self.sent_of(near, far, lambda: near.sendfile(file))
            self.assertGreater(file.tell(), 0)

    def test_nothing_sent(self):
        with pair() as (near, far), tempfile.TemporaryFile() as file, Thredo.Scope() as scope:
            file.truncate(10)
            scope.cancel()
            for call in (lambda: near.sendall(b"x"), lambda: near.sendfile(file)):
                with self.assertRaises(Thredo.CancelledError) as caught:
                    call()
                self.assertEqual(caught.exception.bytes_sent, 0)

    def test_sendfile_without_a_file_descriptor(self):
        import io
        with pair() as (near, far):
            file = io.BytesIO(bytes(BIG))
            self.sent_of(near, far, lambda: near.sendfile(file))

    def test_nothing_is_taken(self):
        with pair() as (near, far):
            for _ in range(20):
                thread = spawn_waiting(near.recv, 10)
                thread.cancel(blocking=False)
                far.send(b"x")
                thread.wait()
                got = thread.result if thread.exception is None else near.recv(10)
                self.assertEqual(got, b"x")

    def test_makefile_keeps_what_it_has_read(self):
        with pair() as (near, far), near.makefile("rb") as file:
            far.sendall(b"first\nsec")
            self.assertEqual(file.readline(), b"first\n")
            for call in (file.readline, lambda: file.read(100), file.read):
                with self.assertRaises(Thredo.ThreadTimeout):
                    Thredo.timeout_after(0.02, call)
            far.sendall(b"ond\nthird")
            self.assertEqual(file.readline(), b"second\n")
            far.close()
            self.assertEqual(file.read(), b"third")

    def test_makefile_text_keeps_what_it_has_read(self):
        with pair() as (near, far), near.makefile("r", encoding="utf-8") as file:
            far.sendall("first\nsé".encode())
            self.assertEqual(file.readline(), "first\n")
            for call in (file.readline, lambda: file.read(100), file.read):
                with self.assertRaises(Thredo.ThreadTimeout):
                    Thredo.timeout_after(0.02, call)
            far.sendall(b"cond\nthird")
            self.assertEqual(file.readline(), "sécond\n")
            far.close()
            self.assertEqual(file.read(), "third")


class Timeouts(unittest.TestCase):
    """settimeout() and setblocking() as in Python."""

    def test_timeout(self):
        with pair() as (near, far):
            near.settimeout(0.01)
            with self.assertRaises(plain.timeout) as caught:
                near.recv(1)
            self.assertNotIsInstance(caught.exception, Thredo.CancelledError)
            net.fill(near)
            for call in (lambda: near.send(b"x"), lambda: near.sendall(b"x")):
                with self.assertRaises(plain.timeout):
                    call()
            far.send(b"x")
            self.assertEqual(near.recv(1), b"x")

    def test_nearest_counts(self):
        with pair() as (near, far):
            near.settimeout(0.01)
            with self.assertRaises(plain.timeout), Thredo.Scope(LIMIT):
                near.recv(1)
            near.settimeout(LIMIT)
            with self.assertRaises(Thredo.ThreadTimeout), Thredo.Scope(0.01):
                near.recv(1)

    def test_connect(self):
        with net.full_server() as listener, socket.socket() as near:
            near.settimeout(0.01)
            with self.assertRaises(plain.timeout):
                near.connect(listener.getsockname())
        with net.full_server() as listener, socket.socket() as near:
            near.settimeout(0.01)
            self.assertEqual(near.connect_ex(listener.getsockname()), errno.EAGAIN)

    def test_non_blocking(self):
        with pair() as (near, far):
            near.setblocking(False)
            self.assertEqual((near.getblocking(), near.gettimeout()), (False, 0.0))
            with self.assertRaises(BlockingIOError):
                near.recv(1)
            with Thredo.Scope() as scope:
                scope.cancel()  # nor is it a wait
                with self.assertRaises(BlockingIOError):
                    near.recv(1)
                self.assertEqual(near.send(b"x"), 1)

    def test_values(self):
        with pair() as (near, far):
            for value in (None, 0.0, 1.5, 3):
                near.settimeout(value)
                self.assertEqual(near.gettimeout(), value)
                self.assertEqual(near.timeout, value)
                self.assertEqual(near.getblocking(), value != 0)
            for value, error in ((-1, ValueError), (float("nan"), ValueError), ("1", TypeError),
                                 (object(), TypeError), (1e300, OverflowError)):
                with self.assertRaises(error):
                    near.settimeout(value)

    def test_default(self):
        self.addCleanup(plain.setdefaulttimeout, None)
        socket.setdefaulttimeout(12)
        with socket.socket() as near:
            self.assertEqual(near.gettimeout(), 12)


class Ends(unittest.TestCase):
    """Closing, detaching and handing over."""

    def test_close_ends_waits(self):
        for name, args in (("recv", (1,)), ("sendall", (bytes(BIG),)), ("recvfrom", (1,))):
            with self.subTest(call=name), pair() as (near, far):
                thread = spawn_waiting(getattr(near, name), *args)
                near.close()
                thread.wait()
                self.assertIsInstance(thread.exception, OSError)
                self.assertEqual(thread.exception.errno, errno.EBADF)

    def test_close_ends_accept(self):
        listener = socket.create_server(("127.0.0.1", 0))
        threads = [spawn_waiting(listener.accept) for _ in range(5)]
        listener.close()
        for thread in threads:
            thread.wait()
            self.assertEqual(thread.exception.errno, errno.EBADF)

    def test_close_against_wait(self):
        """The file descriptor's number is another's at once."""
        for _ in range(300):
            near, far = socket.socketpair()
            thread = Thredo.spawn(near.recv, 1)
            near.close()
            near, other_far = socket.socketpair()
            thread.wait()
            self.assertEqual(thread.exception.errno, errno.EBADF)
            for sock in (far, near, other_far):
                sock.close()

    def test_detach(self):
        with pair() as (near, far):
            fd = near.detach()
            self.assertEqual(near.fileno(), -1)
            self.assertTrue(os.get_blocking(fd))
            os.close(fd)

    def test_dup_and_fromfd(self):
        with pair() as (near, far):
            near.settimeout(5)
            with near.dup() as copy:
                self.assertIsInstance(copy, socket.socket)
                self.assertEqual(copy.gettimeout(), 5)
            with socket.fromfd(near.fileno(), near.family, near.type) as copy:
                self.assertIsInstance(copy, socket.socket)
                far.send(b"x")
                self.assertEqual(copy.recv(1), b"x")

    def test_adopt(self):
        first, second = plain.socketpair()
        first.settimeout(7)
        with second, socket.adopt(first) as near:
            self.assertEqual(first.fileno(), -1)
            self.assertEqual(near.gettimeout(), 7)
            self.assertIs(socket.adopt(near), near)

    def test_is_pythons(self):
        with pair() as (near, far):
            self.assertIsInstance(near, plain.socket)
            self.assertIn("socket fd=", repr(near))
            self.assertIs(near.family, plain.AF_UNIX)
            plain_select.select([], [near], [], LIMIT)
            with self.assertRaises(TypeError):
                import pickle
                pickle.dumps(near)

    def test_all_of_the_module(self):
        names = [name for name in dir(plain) if not name.startswith("__")]
        self.assertEqual([name for name in names if not hasattr(socket, name)], [])
        self.assertEqual(socket.__all__, plain.__all__)
        names = [name for name in dir(plain_ssl) if not name.startswith("__")]
        self.assertEqual([name for name in names if not hasattr(Thredo.ssl, name)], [])

    def test_alias(self):
        names = {}
        exec("from thredo.socket import *", names)
        self.assertIs(names["socket"], socket.socket)
        self.assertIs(names["AF_INET"], plain.AF_INET)
        self.assertIs(names["create_connection"], socket.create_connection)

    def test_send_fds(self):
        with pair() as (near, far), tempfile.TemporaryFile() as file:
            socket.send_fds(near, [b"x"], [file.fileno()])
            data, fds, _, _ = socket.recv_fds(far, 1, 1)
            self.assertEqual((data, len(fds)), (b"x", 1))
            os.close(fds[0])


class Signals(unittest.TestCase):
    """In the main thread, of a process of its own."""

    def run_script(self, text):
        script = textwrap.dedent("""
            import os, signal, threading
            import net
            from net import Thredo
            near, far = Thredo.socket.socketpair()
            main = Thredo.enable()

            def interrupt():
                net.wait_for_wait(main)
                os.kill(os.getpid(), signal.SIGINT)

            def interrupted(call):
                thread = threading.Thread(target=interrupt)
                thread.start()
                try:
                    return call()
                finally:
                    thread.join()
            """) + textwrap.dedent(text)
        done = subprocess.run([sys.executable, "-c", script], stdout=subprocess.PIPE, timeout=LIMIT, check=True,
                              cwd=os.path.dirname(os.path.abspath(__file__)), text=True)
        return done.stdout.split()

    def test_interrupt(self):
        self.assertEqual(self.run_script("""
            for call in (lambda: near.recv(1), lambda: near.makefile("rb").readline(),
                         lambda: near.as_stream().readline(), lambda: Thredo.select.select([near], [], []),
                         lambda: Thredo.socket.create_server(("127.0.0.1", 0)).accept()):
                try:
                    interrupted(call)
                except KeyboardInterrupt:
                    print("interrupted")
            far.send(b"x")
            print(near.recv(1).decode())
            """), ["interrupted"] * 5 + ["x"])

    def test_handler_that_does_not_raise(self):
        self.assertEqual(self.run_script("""
            signal.signal(signal.SIGINT, lambda number, frame: far.send(b"x"))
            print(interrupted(lambda: near.recv(1)).decode())
            """), ["x"])

    def test_handler_that_closes(self):
        self.assertEqual(self.run_script("""
            signal.signal(signal.SIGINT, lambda number, frame: near.close())
            try:
                interrupted(lambda: near.recv(1))
            except OSError as error:
                print(error.errno)
            """), [str(errno.EBADF)])


class Tls(net.Ways, unittest.TestCase):
    """TLS, with a plain peer at the other end."""

    @classmethod
    def setUpClass(cls):
        certificate, key = net.certificate()
        cls.server = plain_ssl.SSLContext(plain_ssl.PROTOCOL_TLS_SERVER)
        cls.server.load_cert_chain(certificate, key)
        cls.client = Thredo.ssl.create_default_context(cafile=certificate)

    @contextlib.contextmanager
    def connected(self):
        """Our end, and the other one."""
        with pair() as (near, far):
            result = []

            def serve():
                result.append(self.server.wrap_socket(far, server_side=True))

            thread = threading.Thread(target=serve)
            thread.start()
            wrapped = self.client.wrap_socket(near, server_hostname="localhost")
            thread.join()
            with wrapped, result[0] as other:
                yield wrapped, other

    def test_types(self):
        with self.connected() as (near, far):
            self.assertIsInstance(near, plain_ssl.SSLSocket)
            self.assertIsInstance(near, Thredo.ssl.SSLSocket)
            self.assertIsInstance(near, socket.socket)
            self.assertTrue(near.version().startswith("TLS"))
            self.assertEqual(near.getpeercert()["subject"], ((("commonName", "localhost"),),))

    def test_handshake(self):
        @contextlib.contextmanager
        def blocked():
            with tcp_pair() as (near, far):
                wrapped = self.client.wrap_socket(near, server_hostname="localhost",
                                                  do_handshake_on_connect=False)
                far.settimeout(LIMIT)
                others = []
                with wrapped:
                    yield wrapped.do_handshake, lambda: others.append(
                        self.server.wrap_socket(far, server_side=True))
                for other in others:
                    other.close()

        self.check_all(blocked)

    def test_wrap_socket(self):
        with tcp_pair() as (near, far):
            thread = spawn_waiting(lambda: self.client.wrap_socket(near, server_hostname="localhost"))
            thread.cancel()
            self.assertIsInstance(thread.exception, Thredo.ThreadCancelled)

    def test_handshake_is_taken_up_again(self):
        with tcp_pair() as (near, far):
            wrapped = self.client.wrap_socket(near, server_hostname="localhost", do_handshake_on_connect=False)
            with wrapped:
                with self.assertRaises(Thredo.ThreadTimeout):
                    Thredo.timeout_after(0.02, wrapped.do_handshake)
                thread = Thredo.spawn(wrapped.do_handshake)
                other = self.server.wrap_socket(far, server_side=True)
                thread.join()
                wrapped.sendall(b"x")
                self.assertEqual(other.recv(1), b"x")
                other.close()

    def test_reading(self):
        for name, args in (("read", ()), ("recv", (5,)), ("recv_into", (bytearray(5),))):
            @contextlib.contextmanager
            def blocked():
                with self.connected() as (near, far):
                    yield (lambda: getattr(near, name)(*args)), (lambda: far.sendall(b"hello"))

            with self.subTest(call=name):
                self.check_all(blocked)

    def test_writing(self):
        for name in ("write", "send", "sendall"):
            @contextlib.contextmanager
            def blocked():
                with self.connected() as (near, far):
                    near.setblocking(False)
                    size = 0
                    with contextlib.suppress(plain_ssl.SSLWantWriteError):
                        while True:
                            size += near.send(bytes(4096))
                    near.setblocking(True)

                    def go_on():
                        net.drain(far, size)

                    # TLS takes up what it could not write: it has to be the same again.
                    yield (lambda: getattr(near, name)(bytes(4096))), go_on

            with self.subTest(call=name):
                self.check_all(blocked)

    def test_sendall_partial(self):
        with self.connected() as (near, far):
            with self.assertRaises(Thredo.ThreadTimeout) as caught:
                Thredo.timeout_after(0.1, near.sendall, bytes(2 * BIG))
            self.assertGreater(caught.exception.bytes_sent, 0)
            self.assertLess(caught.exception.bytes_sent, 2 * BIG)
            net.drain(far, caught.exception.bytes_sent)

    def test_unwrap(self):
        @contextlib.contextmanager
        def blocked():
            with self.connected() as (near, far):
                yield near.unwrap, (lambda: far.unwrap())

        self.check_all(blocked)

    def test_timeout(self):
        with self.connected() as (near, far):
            near.settimeout(0.01)
            with self.assertRaisesRegex(plain.timeout, "read operation"):
                near.recv(1)
            near.setblocking(False)
            with self.assertRaises(plain_ssl.SSLWantReadError):
                near.recv(1)

    def test_close_ends_waits(self):
        with self.connected() as (near, far):
            thread = spawn_waiting(near.recv, 1)
            near.close()
            thread.wait()
            self.assertIsInstance(thread.exception, OSError)

    def test_server(self):
        certificate, key = net.certificate()
        context = Thredo.ssl.SSLContext(plain_ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        with context.wrap_socket(socket.create_server(("127.0.0.1", 0)), server_side=True) as listener:
            def echo():
                with listener.accept()[0] as sock, sock.makefile("rwb") as file:
                    self.assertIsInstance(sock, Thredo.ssl.SSLSocket)
                    for line in file:
                        file.write(line)
                        file.flush()

            thread = spawn_waiting(echo)
            with self.client.wrap_socket(socket.socket(), server_hostname="localhost") as client:
                client.connect(listener.getsockname())
                client.sendall(b"hello\n" * 1000)
                stream = client.as_stream()
                self.assertEqual(stream.read_exactly(6000), b"hello\n" * 1000)
            thread.join()
            thread = spawn_waiting(listener.accept)
            thread.cancel()
            self.assertIsInstance(thread.exception, Thredo.ThreadCancelled)

    def test_context_of_pythons_own(self):
        certificate, _ = net.certificate()
        context = plain_ssl.create_default_context(cafile=certificate)
        context.sslsocket_class = Thredo.ssl.SSLSocket
        with tcp_pair() as (near, far):
            wrapped = context.wrap_socket(near, server_hostname="localhost", do_handshake_on_connect=False)
            with wrapped:
                thread = spawn_waiting(wrapped.do_handshake)
                thread.cancel()
                self.assertIsInstance(thread.exception, Thredo.ThreadCancelled)


if __name__ == "__main__":
    unittest.main()
