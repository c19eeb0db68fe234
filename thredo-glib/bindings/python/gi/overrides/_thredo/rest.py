# SPDX-License-Identifier: LGPL-2.1-or-later
"""Everything else of the API: its functions under their own names, with these exceptions.

A `cancellable` is None unless it is given, errors are CancelledError and so on, and on the main
thread Ctrl+C ends what waits.
"""

import functools

from gi._gi import FunctionInfo, InterfaceInfo, ObjectInfo
from gi.module import repository
from gi.repository import Gio, GLib

from .base import Thredo, native, public
from .errors import CancelledError, translated
from .scope import Scope

# How they are called is said elsewhere.
LEFT_OUT = {"run", "sleep", "wait_fd", "check_cancelled", "error_quark", "get_cancellable", "get_main_context"}


# What never waits, or must not be done by another thread.
DIRECT = {"acquire", "release", "release_many", "start", "stop"}


def by_proxy(function, args, kwargs):
    """Makes a call that may wait. It cannot be made again after a signal whose handler does not raise.

    So the main thread has another one make it, and waits for that.
    """
    if not native.is_interruptible():
        return function(*args, **kwargs)

    native.check_cancelled()
    thread = native.spawn(None, "main", False, None, function, args, kwargs)
    task = thread._task
    try:
        thread.wait()
    except BaseException as error:
        task.is_told = True
        thread.cancel(blocking=False)
        with Scope(shielded=True):
            thread.wait()
        # It may have been faster than the end of the wait for it.
        if task.is_cancelled or not isinstance(error, CancelledError):
            raise
    if task.exception is not None:
        try:
            raise task.exception
        finally:
            del thread, task
    return task.result


def adapted(function):
    """One that may fail."""
    is_direct = function.__name__ in DIRECT or function.__name__.endswith("_finish")

    @functools.wraps(function, assigned=("__doc__",), updated=())
    def call(*args, **kwargs):
        try:
            return function(*args, **kwargs) if is_direct else by_proxy(function, args, kwargs)
        except GLib.Error as error:
            raise translated(error) from None

    call.__name__ = call.__qualname__ = function.__name__
    return public(call)


def adapt_functions(names):
    """The functions of the namespace that may fail, but for those in names."""
    functions = {}
    for info in repository.get_infos("Thredo"):
        name = info.get_name()
        if name in names or name in LEFT_OUT or name == "await":
            continue
        if isinstance(info, FunctionInfo) and info.can_throw_gerror():
            functions[name] = adapted(getattr(Thredo, name))
    return functions


def adapt_methods(classes):
    """The methods that may fail, but for those that a class has already."""
    for info in repository.get_infos("Thredo"):
        if not isinstance(info, (ObjectInfo, InterfaceInfo)):
            continue
        base = getattr(Thredo, info.get_name())
        cls = classes.get(info.get_name(), base)
        for method in info.get_methods():
            name = method.get_name().replace("-", "_")
            if not method.can_throw_gerror() or name not in base.__dict__:
                continue
            if cls is not base and any(name in part.__dict__ for part in cls.__mro__[:cls.__mro__.index(base)]):
                continue
            plain = base.__dict__[name]
            if method.is_method():
                setattr(cls, name, adapted(plain))
            else:
                setattr(cls, name, staticmethod(adapted(getattr(base, name))))


@public
def await_(start, *, cancellable=None):
    """Call an asynchronous function, wait for its end, and return the Gio.AsyncResult.

    info = file.query_info_finish(Thredo.await_(
        lambda cancellable, callback: file.query_info_async("*", 0, 0, cancellable, callback)))

    `start` is called on the library's loop, and must not wait. What it raises is raised here. The
    wait ends with the operation; a cancel or a deadline cancels the operation, and waits for its
    end. If it has failed then, CancelledError or ThreadTimeout is raised.
    """
    raised = []

    def begin(inner, callback, *data):
        try:
            start(inner, callback)
        except BaseException as exception:
            raised.append(exception)
            Gio.Task.new(None, None, callback).return_boolean(False)

    try:
        result = by_proxy(getattr(Thredo, "await"), (begin, None, cancellable), {})
    except GLib.Error as error:
        if raised:
            raise raised[0] from None
        raise translated(error) from None
    if raised:
        raise raised[0]
    if isinstance(result, Gio.Task) and result.had_error():
        native.check_cancelled(cancellable=cancellable)
    return result
