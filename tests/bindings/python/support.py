# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the tests of the overrides share."""

import os
import subprocess
import sys
import threading
import time
import unittest

import gi

gi.require_version("Thredo", "1.0")
from gi.repository import Thredo  # noqa: E402

# Only a hang is longer, in seconds.
LIMIT = 60


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

    def __init__(self, text, *args, limit=20, options=("-X", "dev", "-W", "ignore::ImportWarning"), signals=(),
                 environment=None):
        environment = {**os.environ, **(environment or {})}
        here = os.path.dirname(os.path.abspath(__file__))
        environment["PYTHONPATH"] = os.pathsep.join(filter(None, [environment.get("PYTHONPATH"), here]))
        self.process = subprocess.Popen(
            [sys.executable, *options, "-c", PREAMBLE + text, *args], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)
        self.limit = limit
        self.lines = []

    def line(self):
        """The next line that it prints; it is where it says it is then."""
        line = self.process.stdout.readline().rstrip("\n")
        self.lines.append(line)
        return line

    def signal(self, number):
        self.process.send_signal(number)

    def end(self):
        """Returns the status, and what else it printed on both."""
        try:
            out, err = self.process.communicate(timeout=self.limit)
        except subprocess.TimeoutExpired:
            self.process.send_signal(6)  # with faulthandler: says where it is
            out, err = self.process.communicate()
            raise AssertionError(f"hangs: {self.lines} {out}\n{err}") from None
        return self.process.returncode, out, err


PREAMBLE = """
import faulthandler, os, signal, sys, threading, time
faulthandler.enable()
import gi
gi.require_version("Thredo", "1.0")
from gi.repository import GLib, Gio, Thredo
say = lambda *what: print(*what, flush=True)
def until(predicate):
    while not predicate():
        time.sleep(0)
def until_waiting(*threads):
    for thread in threads:
        until(lambda: thread.state == Thredo.ThreadState.WAITING)
"""
