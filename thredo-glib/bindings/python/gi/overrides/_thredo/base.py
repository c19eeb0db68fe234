# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the other parts are made of: the plain module, and how a class of it is overridden."""

import functools
import inspect
import os
import sys
import threading

from gi.module import get_introspection_module
from gi.repository import GObject  # noqa: F401: values and their types are known from here on

from .. import _thredo_native as native

Thredo = get_introspection_module("Thredo")

MODULE = "gi.repository.Thredo"

# Who imports this need not be that thread; who forks is it in the child.
native.set_main_thread(threading.main_thread().ident)
os.register_at_fork(before=native.before_fork, after_in_parent=lambda: native.after_fork(False),
                    after_in_child=lambda: native.after_fork(True))
os.register_at_fork(after_in_child=lambda: native.set_main_thread(threading.get_ident()))


class PlainMeta(type(Thredo.Queue)):
    """Of classes that stay one with their C type: no subclass gets a GType of its own.

    So an object of a subclass is known as such by its wrapper alone, and keeps it while C has the object:
    it has a dictionary from the start, for which PyGObject does so.
    """

    def _type_register(cls, namespace):
        # PyGObject has put a dictionary of properties and one of signals there.
        if "__gtype_name__" in namespace or namespace.get("__gproperties__") or namespace.get("__gsignals__"):
            super()._type_register(namespace)

    @property
    def __signature__(cls):
        """That of __init__(), for help() and inspect, which would take that of the next."""
        first, *rest = inspect.signature(cls.__init__).parameters.values()
        return inspect.Signature(rest)

    def __call__(cls, *args, **kwargs):
        self = super().__call__(*args, **kwargs)
        self.__dict__
        return self


def overrides(cls):
    """Makes a class what PyGObject wraps objects of its C type in."""
    cls.__module__ = MODULE
    cls.__info__.get_g_type().pytype = cls
    return cls


def public(item):
    """Has a function or class say that it is the module's."""
    item.__module__ = MODULE
    return item


def microseconds(seconds):
    return int(round(seconds * 1_000_000))


def name_of(function):
    """What a thread that runs a function is called."""
    while isinstance(function, functools.partial):
        function = function.func
    name = getattr(function, "__name__", None)
    return name if isinstance(name, str) and name else "thread"


def name_property(doc="What it is called where threads that wait for it are shown."):
    """The property `name` of a class that has get_name() and set_name()."""
    return property(lambda self: self.get_name(), lambda self, name: self.set_name(name), doc=doc)


def check_callable(function):
    """Refuses what could only fail in another thread, and later."""
    if not callable(function):
        raise TypeError(f"a function, or what can be called, is needed, not {function!r}")


def words_of(command):
    """A program and its arguments, as subprocess takes them, for C."""
    if isinstance(command, (str, bytes)):
        raise TypeError(f"a program and its arguments are needed, each by itself, not {command!r}")
    words = [os.fsdecode(word) for word in command]
    if not words:
        raise ValueError("a program is needed")
    if any("\0" in word for word in words):
        raise ValueError("embedded null byte")
    return words


def is_finalizing():
    return sys.is_finalizing()
