# SPDX-License-Identifier: LGPL-2.1-or-later
"""Scopes: deadlines, cancels and shields around waits."""

import threading
import time

from .base import PlainMeta, Thredo, microseconds, overrides, public
from .errors import StateError, ThreadTimeout

LONGEST = Thredo.NO_DEADLINE


@overrides
class Scope(Thredo.Scope, metaclass=PlainMeta):
    """A stretch of code whose waits end together: at a deadline, or when it is cancelled.

    with Thredo.Scope(timeout=2) as scope:
        item = queue.get()

    A wait inside raises ThreadTimeout when the deadline has passed, `timeout` seconds after the
    scope was made, and CancelledError when the scope was cancelled; so does every further one.
    Scopes nest, and the nearest deadline counts. A `shielded` one keeps all that is outside out,
    a cancel of the thread too: it is for clean-up that waits.
    """

    def __init__(self, timeout=None, *, shielded=False, shield=False, **properties):
        super().__init__(shielded=bool(shielded or shield), **properties)
        if timeout is not None:
            self.set_deadline(time.monotonic() + timeout)

    _owner = None

    def enter(self):
        """Make it the innermost one of the calling thread. The with statement does so."""
        if self._owner is not None:
            raise StateError("The scope is entered already")
        super().enter()
        self._owner = threading.get_ident()

    def leave(self):
        """Undo enter(), in the same thread, before the scopes further out are left."""
        if self._owner is None:
            raise StateError("The scope is not entered")
        if self._owner != threading.get_ident():
            raise StateError("The scope was entered by another thread, which has to leave it")
        super().leave()
        self._owner = None

    def __enter__(self):
        self.enter()
        return self

    def __exit__(self, kind, exception, traceback):
        self.leave()

    @classmethod
    def new(cls):
        return cls()

    @classmethod
    def new_with_timeout(cls, timeout):
        return cls(timeout)

    @classmethod
    def new_shielded(cls):
        return cls(shielded=True)

    def get_deadline(self):
        """When its waits end, in seconds of time.monotonic(), or None."""
        deadline = super().get_deadline()
        return None if deadline == LONGEST else deadline / 1_000_000

    def set_deadline(self, deadline):
        if deadline is None:
            super().set_deadline(LONGEST)
            return
        if deadline != deadline:
            raise ValueError("Invalid value NaN (not a number)")
        limit = LONGEST / 1_000_000
        super().set_deadline(LONGEST if deadline >= limit else microseconds(max(deadline, 0)))

    deadline = property(get_deadline, set_deadline)

    @property
    def shielded(self):
        """Whether it keeps out what is outside."""
        return self.get_shielded()

    @shielded.setter
    def shielded(self, shielded):
        self.set_shielded(shielded)

    @property
    def expired(self):
        """Whether its own deadline has passed, not one further out."""
        return self.is_expired()

    @property
    def cancelled(self):
        """Whether it was cancelled."""
        return self.is_cancelled()


@public
class Timeout(Scope):
    """What timeout_after() and ignore_after() return for a with statement."""

    def __init__(self, seconds, ignores, timeout_result=None):
        super().__init__(seconds)
        self.ignores = ignores
        self.timeout_result = timeout_result
        self.result = None

    def __exit__(self, kind, exception, traceback):
        self.leave()
        if not self.ignores or not isinstance(exception, ThreadTimeout) or not self.expired:
            return False
        self.result = self.timeout_result
        return True


@public
def timeout_after(seconds, callable=None, *args):
    """Give waits a deadline, as timeout_after(seconds, callable, *args) or in a with statement.

    A wait inside raises ThreadTimeout when the seconds have passed. None is no deadline.
    """
    scope = Timeout(seconds, False)
    if callable is None:
        return scope
    with scope:
        return callable(*args)


@public
def ignore_after(seconds, callable=None, *args, timeout_result=None):
    """As timeout_after(), but it ends the with block, or the call, without an exception.

    The call returns `timeout_result` then; in a with statement, `expired` of the scope tells, and
    its `result` is `timeout_result`.
    """
    scope = Timeout(seconds, True, timeout_result)
    if callable is None:
        return scope
    with scope:
        return callable(*args)
    return timeout_result


@public
def shield():
    """A scope for clean-up that waits, which no cancel or deadline from outside reaches."""
    return Scope(shielded=True)


