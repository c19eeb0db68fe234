# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the other parts are made of: the plain module, and how a class of it is overridden."""

import os
import sys

from gi.module import get_introspection_module
from gi.repository import GObject  # noqa: F401: values and their types are known from here on

from .. import _thredo_native as native

Thredo = get_introspection_module("Thredo")

MODULE = "gi.repository.Thredo"

native.reset_main_thread()
os.register_at_fork(after_in_child=native.reset_main_thread)


class PlainMeta(type(Thredo.Queue)):
    """Of classes that stay one with their C type: no subclass gets a GType of its own."""

    def _type_register(cls, namespace):
        if "__gtype_name__" in namespace or "__gproperties__" in namespace or "__gsignals__" in namespace:
            super()._type_register(namespace)


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
    name = getattr(function, "__name__", None)
    while not isinstance(name, str):  # functools.partial, or an object that can be called
        function = getattr(function, "func", None)
        if function is None:
            return "thread"
        name = getattr(function, "__name__", None)
    return name


def is_finalizing():
    return sys.is_finalizing()
