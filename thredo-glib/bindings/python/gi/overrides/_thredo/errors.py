# SPDX-License-Identifier: LGPL-2.1-or-later
"""The library's errors as exceptions.

All of them are GLib.Error, with domain and code as in C; some are what Python's own threading and
queue would raise, too.
"""

import queue
import threading
import weakref

from gi.repository import Gio, GLib

from . import standin
from .base import Thredo, native, public

IO_DOMAIN = GLib.quark_to_string(Gio.io_error_quark())
DOMAIN = GLib.quark_to_string(Thredo.error_quark())


class _Error(GLib.Error):
    """With a domain and a code of its own, for who raises one."""

    _domain = DOMAIN
    _code = Thredo.Error.FAILED

    def __init__(self, message=None, domain=None, code=None):
        if message is None:
            message = (self.__doc__ or "").split("\n")[0].rstrip(".")
        domain = self._domain if domain is None else domain
        code = int(self._code if code is None else code)
        super().__init__(message, domain, code)
        self.args = (message, domain, code)

    def __str__(self):
        return self.message

    def __repr__(self):
        return f"{type(self).__name__}({self.message!r})"


@public
class CancelledError(_Error):
    """The wait was cancelled.

    So is every further one inside what was cancelled: a thread, a scope, or one wait by its
    cancellable. Clean-up that waits does so in a shield.
    """

    _domain = IO_DOMAIN
    _code = Gio.IOErrorEnum.CANCELLED


@public
class ThreadCancelled(CancelledError):
    """The thread was cancelled."""


@public
class ThreadTimeout(CancelledError):
    """The deadline of a scope has passed."""

    _code = Gio.IOErrorEnum.TIMED_OUT


@public
class ThreadError(_Error):
    """Another thread has failed, or was cancelled.

    Its own exception is the __cause__ of this one, and `thread` is that thread.
    """

    thread = None

    def __reduce__(self):
        return type(self), self.args  # another process has no such thread


@public
class ClosedError(_Error):
    """It was closed: a queue, or a file descriptor."""

    _domain = IO_DOMAIN
    _code = Gio.IOErrorEnum.CLOSED


@public
class StateError(_Error, ValueError):
    """What was asked does not go with the state that it is in."""

    _code = Thredo.Error.STATE


@public
class NotOwnerError(_Error):
    """The lock is not the caller's."""

    _code = Thredo.Error.NOT_OWNER


@public
class DeadlockError(_Error):
    """The wait would never end: a thread would wait for itself, by way of others."""

    _code = Thredo.Error.DEADLOCK


@public
class BrokenBarrierError(_Error, threading.BrokenBarrierError):
    """The barrier was broken: a wait was cancelled, timed out or aborted."""

    _code = Thredo.Error.BROKEN


@public
class Empty(_Error, queue.Empty):
    """Nothing is in the queue, and the wait for something was too long or none."""

    _domain = IO_DOMAIN
    _code = Gio.IOErrorEnum.WOULD_BLOCK


@public
class Full(_Error, queue.Full):
    """No room is in the queue, and the wait for some was too long or none."""

    _domain = IO_DOMAIN
    _code = Gio.IOErrorEnum.WOULD_BLOCK


CLASSES = {
    (IO_DOMAIN, int(Gio.IOErrorEnum.CANCELLED)): CancelledError,
    (IO_DOMAIN, int(Gio.IOErrorEnum.TIMED_OUT)): ThreadTimeout,
    (IO_DOMAIN, int(Gio.IOErrorEnum.CLOSED)): ClosedError,
    (DOMAIN, int(Thredo.Error.STATE)): StateError,
    (DOMAIN, int(Thredo.Error.NOT_OWNER)): NotOwnerError,
    (DOMAIN, int(Thredo.Error.DEADLOCK)): DeadlockError,
    (DOMAIN, int(Thredo.Error.BROKEN)): BrokenBarrierError,
}


def translate(domain, code, message):
    """The exception of an error that a wait of the calling thread has failed with."""
    cls = CLASSES.get((domain, code))
    if cls is None:
        return GLib.Error(message, domain, code)
    if cls is CancelledError and Thredo.Thread.self().is_cancelled():
        cls = ThreadCancelled
    return cls(message, domain, code)


def translated(error):
    """That of a GLib.Error."""
    if isinstance(error, _Error):
        return error
    return translate(error.domain, error.code, error.message)


def fail_join(thread, task, domain, code, message):
    """The exception of one who has joined a thread that failed or was cancelled."""
    cause = None
    if task is not None:
        task.is_told = True
        cause = task.exception
    if cause is None and thread is not None:
        cause = thread.__dict__.get("_failure")
    if cause is None:
        cause = (ThreadCancelled(message) if (domain, code) == (DOMAIN, int(Thredo.Error.THREAD_CANCELLED))
                 else GLib.Error(message, domain, code))
    error = ThreadError(message, domain, code)
    error.thread = thread
    error.__cause__ = cause
    return error


class EndedThread:
    """What threading.excepthook() is told of a thread: its name."""

    def __init__(self, task):
        self.name = task.name
        self.ident = task.ident

    def __repr__(self):
        return f"<Thredo.Thread {self.name!r}, ended>"


# Tasks that have failed, all of them; those of a group are in one of its own, too.
failures = weakref.WeakSet()


def note_failure(task):
    failures.add(task)
    if task.group_failures is not None:
        task.group_failures.add(task)


def list_failures(tasks):
    """The items, though other threads may change it meanwhile."""
    while True:
        try:
            return list(tasks)
        except RuntimeError:
            pass


def tell_of(group):
    """How the threads of a group have ended is somebody's business now."""
    for task in list_failures(group._failures):
        task.is_told = True


def report(task):
    """An exception that nobody has asked for, as Python reports those of its threads."""
    exception = task.exception
    threading.excepthook(threading.ExceptHookArgs(
        (type(exception), exception, exception.__traceback__, EndedThread(task))))


def report_all():
    """At the end of the interpreter."""
    for task in list_failures(failures):
        if not task.is_told and not task.is_cancelled:
            task.is_told = True
            report(task)


native.set_hooks(translate, fail_join, note_failure, report, standin.enter, GLib.Error, Empty, Full, ClosedError,
                 Gio.Cancellable)
