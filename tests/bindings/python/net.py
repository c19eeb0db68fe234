# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the tests of sockets have in common."""

import contextlib
import os
import socket as plain
import subprocess
import tempfile
import time

import gi

gi.require_version("Thredo", "1.0")
from gi.repository import Thredo  # noqa: E402

LIMIT = 60  # seconds, which only a hang takes


def wait_until(condition, what):
    limit = time.monotonic() + LIMIT
    while not condition():
        if time.monotonic() > limit:
            raise AssertionError(f"Hang: {what}")
        time.sleep(0.0001)


def wait_for_wait(thread):
    """Until a thread waits, for whatever it is."""
    wait_until(lambda: thread.waiting_for is not None or not thread.is_alive(),
               f"{thread} does not wait")


def spawn_waiting(function, *args):
    """A thread whose function waits by now."""
    thread = Thredo.spawn(function, *args)
    wait_for_wait(thread)
    return thread


@contextlib.contextmanager
def pair(kind=plain.SOCK_STREAM):
    """A socket of ours, and a plain one at its other end."""
    near, far = Thredo.socket.socketpair(plain.AF_UNIX, kind)
    far = plain.socket(fileno=far.detach())
    far.settimeout(LIMIT)
    with near, far:
        yield near, far


@contextlib.contextmanager
def tcp_pair():
    """The same, by TCP."""
    with plain.create_server(("127.0.0.1", 0)) as listener:
        near = Thredo.socket.create_connection(listener.getsockname())
        far, _ = listener.accept()
        far.settimeout(LIMIT)
        with near, far:
            yield near, far


def fill(sock):
    """Sends until nothing more goes in, and returns how much that is."""
    size = 0
    blocking = sock.gettimeout()
    sock.setblocking(False)
    try:
        while True:
            size += sock.send(bytes(4096))
    except BlockingIOError:
        pass
    finally:
        sock.settimeout(blocking)
    return size


def drain(sock, size):
    """Receives that much."""
    while size > 0:
        got = len(sock.recv(65536))
        assert got, "the end, too soon"
        size -= got


@contextlib.contextmanager
def silent_server():
    """A listening plain socket, whose backlog is enough, and who never answers."""
    with plain.create_server(("127.0.0.1", 0), backlog=64) as listener:
        listener.settimeout(LIMIT)
        yield listener


@contextlib.contextmanager
def full_server():
    """The address of a server that takes no more connections, and does not refuse them."""
    waiting = []
    with plain.create_server(("127.0.0.1", 0), backlog=0) as listener:
        try:
            while True:
                client = plain.socket()
                client.settimeout(0.1)
                try:
                    client.connect(listener.getsockname())
                except plain.timeout:
                    client.close()
                    break
                waiting.append(client)
            yield listener
        finally:
            for client in waiting:
                client.close()


_folder = None


def certificate():
    """The file names of a certificate for localhost, and of its key."""
    global _folder
    if _folder is None:
        _folder = tempfile.TemporaryDirectory()
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
             "-nodes", "-days", "2", "-subj", "/CN=localhost",
             "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1",
             "-keyout", os.path.join(_folder.name, "key.pem"),
             "-out", os.path.join(_folder.name, "certificate.pem")],
            check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return (os.path.join(_folder.name, "certificate.pem"), os.path.join(_folder.name, "key.pem"))


class Ways:
    """For a TestCase: the ways in which a wait may end.

    blocked is a context manager that gives a call that blocks, and what makes it go on."""

    def check_completed(self, blocked):
        with blocked() as (call, go_on):
            thread = spawn_waiting(call)
            go_on()
            thread.join()

    def check_cancelled(self, blocked):
        with blocked() as (call, go_on):
            thread = spawn_waiting(call)
            thread.cancel()
            self.assertIsInstance(thread.exception, Thredo.ThreadCancelled)

    def check_cancelled_before(self, blocked):
        with blocked() as (call, go_on):
            begun = Thredo.Event()

            def late():
                with Thredo.shield():
                    begun.wait()
                call()

            thread = spawn_waiting(late)
            thread.cancel(blocking=False)
            begun.set()
            thread.wait()
            self.assertIsInstance(thread.exception, Thredo.ThreadCancelled)

    def check_deadline(self, blocked):
        with blocked() as (call, go_on):
            with self.assertRaises(Thredo.ThreadTimeout):
                Thredo.timeout_after(0.02, call)

    def check_cancelled_scope(self, blocked):
        with blocked() as (call, go_on):
            scope = Thredo.Scope()

            def inside():
                try:
                    with scope:
                        call()
                except Thredo.CancelledError as error:
                    return type(error)

            thread = spawn_waiting(inside)
            scope.cancel()
            self.assertIs(thread.join(), Thredo.CancelledError)

    def check_shielded(self, blocked):
        with blocked() as (call, go_on):
            def inside():
                with Thredo.shield():
                    return call()

            thread = spawn_waiting(inside)
            thread.cancel(blocking=False)
            go_on()
            thread.join()

    def check_all(self, blocked, but=()):
        for way in ("completed", "cancelled", "cancelled_before", "deadline", "cancelled_scope", "shielded"):
            if way in but:
                continue
            with self.subTest(way=way):
                getattr(self, f"check_{way}")(blocked)
