# SPDX-License-Identifier: LGPL-2.1-or-later
"""What threading.current_thread() returns in a thread of the library, as logging asks it for the name."""

import os
import threading


class StandIn(threading._DummyThread):
    """One by the name of the thread, which threading would else call a dummy.

    There is one for each thread, and few are looked at: it is made without Thread.__init__(), which
    costs as much as the thread does, and has that called when an attribute is missed.
    """

    _initialized = True

    def __init__(self):
        raise TypeError("it is made by the library")

    def __getattr__(self, attribute):
        ident = self.__dict__.pop("_of", None)
        if ident is None:
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {attribute!r}")
        threading.Thread.__init__(self, name=self._called, daemon=True)
        self._ident = ident
        if ident == threading.get_ident():
            self._set_native_id()
        self._started.set()
        return getattr(self, attribute)


def enter(task):
    """In a thread that begins; the native part removes it when that ends."""
    stand_in = StandIn.__new__(StandIn)
    stand_in._of = task.ident
    stand_in._called = task.name
    threading._active[task.ident] = stand_in


hidden = {}


def hide():
    """Before a fork: in the child the thread is the main one, for which it does not stand."""
    ident = threading.get_ident()
    if type(threading._active.get(ident)) is StandIn:
        hidden[ident] = threading._active.pop(ident)


def show():
    stand_in = hidden.pop(threading.get_ident(), None)
    if stand_in is not None:
        threading._active[threading.get_ident()] = stand_in


os.register_at_fork(before=hide, after_in_parent=show, after_in_child=hidden.clear)
