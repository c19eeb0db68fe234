# SPDX-License-Identifier: LGPL-2.1-or-later
"""Durations of the plain API in seconds. Properties (in props) are as in C, in microseconds."""

import functools

from .base import Thredo, microseconds, public

SETTERS = [(Thredo.Command, "set_grace"), (Thredo.Monitor, "set_interval")]
GETTERS = [(Thredo.Monitor, "get_interval"), (Thredo.Monitor, "get_loop_latency")]


def taking_seconds(function):
    @functools.wraps(function, assigned=("__doc__",), updated=())
    def call(self, seconds, *args):
        return function(self, microseconds(seconds), *args)

    call.__name__ = call.__qualname__ = function.__name__
    return public(call)


def returning_seconds(function):
    @functools.wraps(function, assigned=("__doc__",), updated=())
    def call(self):
        return function(self) / 1_000_000

    call.__name__ = call.__qualname__ = function.__name__
    return public(call)


def adapt():
    for cls, name in SETTERS:
        setattr(cls, name, taking_seconds(cls.__dict__[name]))
    for cls, name in GETTERS:
        setattr(cls, name, returning_seconds(cls.__dict__[name]))


@public
def sleep_async(seconds, cancellable=None, callback=None, *data):
    """Sleep without blocking; the callback calls sleep_finish()."""
    Thredo.sleep_async(microseconds(seconds), cancellable, callback, *data)
