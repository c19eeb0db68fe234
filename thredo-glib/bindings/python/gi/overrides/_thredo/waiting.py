# SPDX-License-Identifier: LGPL-2.1-or-later
"""What sockets and selectors wait with: one file descriptor, on the library's loop."""

import os
import sys

from gi.module import get_introspection_module
from gi.repository import Gio, GLib

from .errors import translated

_Thredo = get_introspection_module("Thredo")

IN = int(GLib.IOCondition.IN)
OUT = int(GLib.IOCondition.OUT)
PRI = int(GLib.IOCondition.PRI)

# Stand-in until the native part is there.
_quark = Gio.io_error_quark()


def check_cancelled():
    try:
        _Thredo.check_cancelled()
    except GLib.Error as error:
        raise translated(error) from None


def wait_fd(fd, condition, timeout=None):
    scope = None
    if timeout is not None:
        scope = _Thredo.Scope.new_with_timeout(int(timeout * 1e6))
        scope.enter()
    try:
        return int(_Thredo.wait_fd(fd, GLib.IOCondition(condition), None))
    except GLib.Error as error:
        if scope is not None and scope.is_expired():
            return 0
        raise translated(error) from None
    finally:
        if scope is not None:
            scope.leave()


def sleep(seconds):
    try:
        _Thredo.sleep(int(seconds * 1e6), None)
    except GLib.Error as error:
        raise translated(error) from None


notify_closing = _Thredo.notify_closing


def is_closed(error):
    """Whether a GLib.Error says that what was waited for has been closed."""
    return error.matches(_quark, Gio.IOErrorEnum.CLOSED)


class Flag:
    """Set once, by one thread, and waited for by another. (stand-in)"""

    def __init__(self):
        self._event = _Thredo.Event.new()
        self.set = self._event.set

    def wait(self):
        try:
            self._event.wait(None)
        except GLib.Error as error:
            raise translated(error) from None
