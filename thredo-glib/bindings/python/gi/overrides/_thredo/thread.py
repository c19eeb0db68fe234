# SPDX-License-Identifier: LGPL-2.1-or-later
"""Threads."""

import functools
import types

from gi.repository import Gio, GLib, GObject

from .base import Thredo, check_callable, name_of, name_property, native, overrides, public, words_of
from .errors import DOMAIN, StateError, fail_join, translated

NEW = Thredo.ThreadState.NEW


def in_c_form(function, data):
    """Calls a function that takes its thread and returns whether it went well, as in C."""
    thread = Thread.self()
    outcome = function(thread, *data)
    if outcome is False:
        raise GLib.Error("The function of the thread has failed, and does not say why", DOMAIN,
                         int(Thredo.Error.FAILED))
    return None if outcome is True else outcome


def keeping_failure(do_run):
    """A do_run() as C calls it, to which an exception of Python's means nothing."""
    @functools.wraps(do_run)
    def call(self):
        try:
            return do_run(self)
        except GLib.Error:
            raise
        except BaseException as exception:
            self._failure = exception
            name, message = type(exception).__name__, str(exception)
            raise GLib.Error(f"{name}: {message}" if message else name, DOMAIN, int(Thredo.Error.FAILED)) from None

    return call


class ThreadMeta(type(Thredo.Thread)):
    """Only a subclass that implements the virtual function needs a GType of its own."""

    def __new__(mcs, name, bases, namespace):
        if isinstance(namespace.get("do_run"), types.FunctionType):
            namespace["do_run"] = keeping_failure(namespace["do_run"])
        return super().__new__(mcs, name, bases, namespace)

    def _type_register(cls, namespace):
        if "do_run" in namespace or "__gtype_name__" in namespace:
            super()._type_register(namespace)


@overrides
class Thread(native.ThreadMethods, Thredo.Thread, metaclass=ThreadMeta):
    """A thread that can be cancelled, and joined for the result of its function.

    spawn() makes and starts one. Thread(target, name, args, kwargs, daemon=…) makes one as
    threading.Thread() does, for start(); a subclass overrides run(), or do_run() as in C.
    """

    __class_getitem__ = classmethod(types.GenericAlias)
    _failure = None  # what a do_run() has raised

    def __init__(self, target=None, name=None, args=(), kwargs=None, *, daemon=False, **properties):
        if "__gtype__" in type(self).__dict__ or any(
                "do_run" in cls.__dict__ for cls in type(self).__mro__ if cls is not Thredo.Thread):
            GObject.Object.__init__(self, name=name, daemon=daemon, **properties)
            return
        if target is not None:
            check_callable(target)
        if name is None:
            name = type(self).__name__ if target is None else name_of(target)
        native.adopt_thread(self, name)
        self._target = (target, tuple(args), kwargs or {})
        if daemon:
            self.set_daemon(True)
        for property_name, value in properties.items():
            self.set_property(property_name, value)

    def run(self):
        """What the thread does; it returns its result."""
        target, args, kwargs = self.__dict__.pop("_target", (None, (), {}))
        return None if target is None else target(*args, **kwargs)

    def _arm(self):
        """Just before it is started. Returns whether to disarm its task if it is not."""
        return "_target" in self.__dict__ and native.arm_task(self._task, self.run, ())

    def start(self):
        """Start it. Once only: StateError."""
        self._arm()
        try:
            return Thredo.Thread.start(self)
        except GLib.Error as error:
            raise StateError(error.message, error.domain, error.code) \
                if error.matches(Thredo.error_quark(), Thredo.Error.STATE) else error from None

    @staticmethod
    def spawn(name, function=None, *data):
        """Start a function in a thread: spawn("name", function, *data) as in C.

        There the function is given its thread, and then the data. spawn(function, *args) is the
        module's spawn().
        """
        if callable(name):
            return spawn(name, *(() if function is None and not data else (function, *data)))
        check_callable(function)
        return native.spawn(None, name or name_of(function), False, None, in_c_form, (function, data))

    @staticmethod
    def spawn_command(argv):
        """Run a program as a child process in a thread, and have what it writes as the result.

        `argv` is the program, found in PATH, and its arguments. A cancel ends the program. The
        thread fails if the program does.
        """
        words = words_of(argv)
        try:
            return Thredo.Thread.spawn_command(words)
        except GLib.Error as error:
            raise translated(error) from None

    @classmethod
    def new(cls, name, function, *data):
        """A thread that is not started, as in C: the function is given it, and then the data."""
        return cls(in_c_form, name, (function, data))

    def cancel(self, blocking=True):
        """Cancel the thread, and wait until it has ended; without `blocking` do not.

        Its wait, or the next one, raises ThreadCancelled, and so does each further one that is not
        in a shield. Returns whether it was still running. A thread does not wait for itself.
        """
        was_alive = self.is_alive()
        Thredo.Thread.cancel(self)
        if blocking and was_alive and self.get_state() != NEW and self is not Thredo.Thread.self():
            self._wait_for_end()
        return was_alive

    def join_finish(self, result):
        """What join_async() has waited for: the result, or an exception, as of join()."""
        try:
            Thredo.Thread.join_finish(self, result)
        except GLib.Error as error:
            if self.is_alive() or error.matches(Gio.io_error_quark(), Gio.IOErrorEnum.CANCELLED):
                raise translated(error) from None
            raise fail_join(self, self.__dict__.get("_task"), error.domain, error.code, error.message)
        return self.get_result()

    @property
    def group(self):
        """Its group, or None."""
        return self.get_group()

    def set_result(self, result):
        """What the thread leaves behind, if its function returns None."""
        native.set_result(self, result)

    def get_result(self):
        """What the thread left behind, or None. Does not wait, and does not raise."""
        task = self.__dict__.get("_task")
        if task is not None and task.number and task.result is not None:
            return task.result
        result = native.get_result(self)
        return None if result is None else result[0]

    @property
    def result(self):
        """What its function has returned; ThreadError if it failed, StateError if it runs still."""
        if self.get_state() == NEW or self.is_alive():
            raise StateError(f"Thread '{self.get_name()}' has not ended")
        error = self.get_error()
        if error is not None:
            raise fail_join(self, self.__dict__.get("_task"), error.domain, error.code, error.message)
        return self.get_result()

    @property
    def exception(self):
        """What its function has raised, or None."""
        task = self.__dict__.get("_task")
        if task is not None and task.exception is not None:
            task.is_told = True
            return task.exception
        return None if self.is_alive() else self._failure or self.get_error()

    name = name_property("What it is called, in the monitor and in messages too.")

    @property
    def daemon(self):
        """Whether its group does not wait for it. StateError if that is set after the start."""
        return self.get_daemon()

    @daemon.setter
    def daemon(self, daemon):
        if self.get_state() != NEW:
            raise StateError(f"Thread '{self.get_name()}' was started before")
        self.set_daemon(daemon)

    @property
    def id(self):
        """Its number, from 1, which no other has."""
        return self.get_id()

    @property
    def ident(self):
        """What threading.get_ident() is in it, or None."""
        task = self.__dict__.get("_task")
        return task.ident or None if task is not None else None

    @property
    def state(self):
        """A Thredo.ThreadState."""
        return self.get_state()

    @property
    def cancelled(self):
        """Whether it was cancelled, though it may run still."""
        return self.is_cancelled()

    @property
    def waiting_for(self):
        """What it waits for, such as "get on Queue 'jobs'", or None."""
        return self.dup_waiting_for()

    def __repr__(self):
        return f"<Thredo.Thread {self.get_name()!r} {self.get_state().value_nick}>"


@public
def spawn(callable, *args, daemon=False, name=None):
    """Run callable(*args) in a thread, and return the Thread.

    join() returns its result. A `daemon` is not waited for by a group.
    """
    check_callable(callable)
    return native.spawn(None, name or name_of(callable), daemon, None, callable, args)


@public
def enable():
    """Make the calling thread, whoever has started it, one that can be cancelled; return its Thread.

    Every wait does so by itself: call this to hand the Thread out before there is one.
    """
    return Thread.self()

