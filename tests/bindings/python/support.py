# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the tests of the overrides share."""

import contextlib
import os
import queue
import signal
import subprocess
import sys
import tempfile
import threading
import time
import unittest

import gi

gi.require_version("Thredo", "1.0")
from gi.repository import Thredo  # noqa: E402

# Only a hang is longer, in seconds.
LIMIT = 60

# For tests with children that are forked while there are threads: AddressSanitizer does not see to
# it that the locks of its allocator are free in those.
forking = unittest.skipIf(os.environ.get("THREDO_TEST_SANITIZED"), "a sanitizer may have locks that a child never gets")


def until(predicate):
    """Waits for something that nothing can be waited for by: it lets others run meanwhile."""
    deadline = time.monotonic() + LIMIT
    while not predicate():
        if time.monotonic() > deadline:
            raise AssertionError("waited in vain")
        time.sleep(0)


def until_waiting(thread):
    until(lambda: thread.state == Thredo.ThreadState.WAITING)


class Foreign(threading.Thread):
    """One of Python's own threads, with a result and the Thredo.Thread of it."""

    def __init__(self, function, *args, daemon=None):
        super().__init__(daemon=daemon)
        self.function, self.args = function, args
        self.attached = threading.Event()
        self.thredo = self.outcome = self.exception = None
        self.start()
        self.attached.wait(LIMIT)

    def run(self):
        self.thredo = Thredo.enable()
        self.attached.set()
        try:
            self.outcome = self.function(*self.args)
        except BaseException as exception:
            self.exception = exception

    def ended(self):
        """What came of it: raised or returned."""
        self.join(LIMIT)
        if self.is_alive():
            raise AssertionError("the thread has not ended")
        if self.exception is not None:
            try:
                raise self.exception
            finally:
                del self
        return self.outcome


class Case(unittest.TestCase):
    """Says what a test left behind: threads, and failures that nobody has asked for."""

    def setUp(self):
        self.reported = []
        self.outer_hook = threading.excepthook
        threading.excepthook = self.reported.append
        self.addCleanup(self.check_left)

    def check_left(self):
        threading.excepthook = self.outer_hook
        self.assertEqual([report.exc_value for report in self.reported], [])

    def assert_error(self, error, domain, code):
        self.assertEqual((error.domain, error.code), (domain, int(code)))


class Program:
    """A program of its own: its status, and what it has printed."""

    def __init__(self, text, *args, limit=20, options=("-X", "dev", "-W", "ignore::ImportWarning"), environment=None):
        self.folder = tempfile.TemporaryDirectory()  # where it leaves what it makes
        environment = {**os.environ, "TMPDIR": self.folder.name, **(environment or {})}
        here = os.path.dirname(os.path.abspath(__file__))
        environment["PYTHONPATH"] = os.pathsep.join(filter(None, [environment.get("PYTHONPATH"), here]))
        self.process = subprocess.Popen(
            [sys.executable, *options, "-c", PREAMBLE + text, *args], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment,
            start_new_session=True)
        self.limit = limit
        self.lines = []
        self.out, self.err = queue.Queue(), []
        self.readers = [threading.Thread(target=self.read, args=pair) for pair in (
            (self.process.stdout, self.out.put), (self.process.stderr, self.err.append))]
        for reader in self.readers:
            reader.start()

    @staticmethod
    def read(file, take):
        for line in file:
            take(line)
        take("")

    def line(self):
        """The next line that it prints; it is where it says it is then."""
        try:
            line = self.out.get(timeout=self.limit)
        except queue.Empty:
            line = ""
        if not line:
            raise AssertionError(f"said nothing after {self.lines}: {self.end()}")
        self.lines.append(line.rstrip("\n"))
        return self.lines[-1]

    def signal(self, number):
        self.process.send_signal(number)

    def end(self, text=None):
        """Returns the status, and what else it printed on both, having been told a text."""
        hangs = False
        if text is not None:
            self.process.stdin.write(text)
            self.process.stdin.flush()
        try:
            self.process.wait(self.limit)
        except subprocess.TimeoutExpired:
            hangs = True
            self.process.send_signal(signal.SIGABRT)  # with faulthandler: says where it is
            self.process.wait()
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)  # its children, which have our pipes
        for reader in self.readers:
            reader.join()
        for file in self.process.stdin, self.process.stdout, self.process.stderr:
            file.close()
        self.folder.cleanup()
        out, err = "".join(self.out.queue), "".join(self.err)
        if hangs:
            raise AssertionError(f"hangs: {self.lines} {out}\n{err}")
        return self.process.returncode, out, err


PREAMBLE = """
import faulthandler, os, signal, sys, threading, time
faulthandler.enable()
import gi
gi.require_version("Thredo", "1.0")
from gi.repository import GLib, Gio, Thredo
# In one piece, and not by way of a file: the handler of a signal may come in the middle.
say = lambda *what: os.write(1, (" ".join(map(str, what)) + "\\n").encode())
def until(predicate):
    while not predicate():
        time.sleep(0)
def until_waiting(*threads):
    for thread in threads:
        until(lambda: thread.state == Thredo.ThreadState.WAITING)
"""
