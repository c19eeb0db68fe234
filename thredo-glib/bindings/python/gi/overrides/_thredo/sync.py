# SPDX-License-Identifier: LGPL-2.1-or-later
"""Locks and what else threads wait for each other with: Python's threading, with waits that end."""

import operator
import os
import signal
import time

from gi.repository import GLib

from .base import PlainMeta, Thredo, check_callable, name_property, native, overrides
from .errors import DOMAIN, translated

LARGEST = (1 << 32) - 1


class Named:
    """What shows in the monitor by a name."""

    name = name_property()

    @classmethod
    def new(cls):
        return cls()


def titled(item):
    """The type of an item, and its name if it has one, for repr()."""
    name = item.get_name()
    return type(item).__name__ if name is None else f"{type(item).__name__} {name!r}"


class OwnedLock(Named):
    """What Lock and RLock have in common."""

    def __init__(self, *, name=None):
        super().__init__()
        if name is not None:
            self.set_name(name)

    def locked(self):
        """Whether somebody has it."""
        return self.is_locked()

    @property
    def owner(self):
        """The Thread that has it, or None."""
        return self.get_owner()

    @property
    def abandoned(self):
        """Whether the thread that had it before has ended without releasing it."""
        return self.get_abandoned()

    def _is_owned(self):
        return Thredo.Lockable.is_owned(self)

    def __repr__(self):
        owner = self.get_owner()
        state = "unlocked" if owner is None else f"locked by {owner.get_name()!r}"
        return f"<{state} {titled(self)}>"


@overrides
class Lock(OwnedLock, native.LockMethods, Thredo.Lock, metaclass=PlainMeta):
    """A lock, as threading.Lock, which survives cancellation; a context manager.

    It belongs to the thread that acquired it: nobody else can release it. If that ends without doing
    so, the next one gets it, with `abandoned` set.
    """


@overrides
class RLock(OwnedLock, native.RLockMethods, Thredo.RLock, metaclass=PlainMeta):
    """A lock that its owner may acquire again, as threading.RLock; a context manager."""

    @property
    def depth(self):
        """How many times its owner has acquired it."""
        return self.get_depth()


@overrides
class Semaphore(Named, native.SemaphoreMethods, Thredo.Semaphore, metaclass=PlainMeta):
    """Permits that threads acquire and release, as threading.Semaphore; a context manager."""

    def __init__(self, value=1, *, name=None):
        value = operator.index(value)
        if value < 0:
            raise ValueError("semaphore initial value must be >= 0")
        super().__init__(value=value)
        if name is not None:
            self.set_name(name)

    @classmethod
    def new(cls, value):
        return cls(value)

    def release(self, n=1):
        """Put back n permits, which those that wait get."""
        if n == 1:
            native.SemaphoreMethods.release(self)
            return
        if n < 1:
            raise ValueError("n must be one or more")
        try:
            self.release_many(n)
        except GLib.Error as error:
            raise translated(error) from None

    @property
    def value(self):
        """How many permits there are now."""
        return self.get_value()

    def __repr__(self):
        return f"<{titled(self)}: {self.get_value()}>"


@overrides
class BoundedSemaphore(Semaphore, Thredo.BoundedSemaphore):
    """A semaphore that never has more permits than at first: release() raises ValueError then."""

    @property
    def bound(self):
        """How many permits it has at most."""
        return self.get_bound()


@overrides
class Event(Named, native.EventMethods, Thredo.Event, metaclass=PlainMeta):
    """Something that happens once, or now and then, as threading.Event."""

    def __init__(self, *, name=None):
        super().__init__()
        if name is not None:
            self.set_name(name)

    isSet = native.EventMethods.is_set

    def __repr__(self):
        return f"<{titled(self)}: {'set' if self.is_set() else 'unset'}>"


@overrides
class Condition(Named, Thredo.Condition, metaclass=PlainMeta):
    """Something that becomes true of what a lock protects, as threading.Condition.

    A context manager, which acquires the lock. A wait that is cancelled has the lock back before it
    raises.
    """

    def __init__(self, lock=None, *, name=None):
        lock = RLock() if lock is None else lock
        if not isinstance(lock, Thredo.Lockable):
            raise TypeError(f"a condition is one of a Thredo.Lock or RLock, not of a {type(lock).__name__}")
        super().__init__(lockable=lock)
        self._lock = lock
        if name is not None:
            self.set_name(name)

    @classmethod
    def new(cls, lock=None):
        return cls(lock)

    def acquire(self, blocking=True, timeout=-1, *, cancellable=None):
        """Acquire its lock."""
        return self._lock.acquire(blocking, timeout, cancellable=cancellable)

    def release(self):
        """Release its lock."""
        self._lock.release()

    def __enter__(self):
        return self._lock.__enter__()

    def __exit__(self, *exception):
        return self._lock.__exit__(*exception)

    def locked(self):
        """Whether somebody has its lock."""
        return self._lock.locked()

    def _is_owned(self):
        return self._lock._is_owned()

    def wait(self, timeout=None, *, cancellable=None):
        """Release the lock, wait for a notify, and have the lock back.

        The wait ends with the notify, by a cancel of the thread or a scope around it
        (CancelledError), the deadline of a scope (ThreadTimeout), or a cancel of `cancellable`.
        Returns False if `timeout` seconds were too short, or else True. A signal whose handler does
        not raise, in the main thread, ends it as well: ask anew what was waited for, or use
        wait_for().
        """
        if timeout is not None and not isinstance(timeout, (int, float)):
            timeout, cancellable = None, timeout
        return native.condition_wait(self, timeout, cancellable=cancellable)

    def wait_for(self, predicate, timeout=None, *, cancellable=None):
        """Wait until predicate() is true, and return what it returned last."""
        deadline = None if timeout is None else time.monotonic() + timeout
        result = predicate()
        while not result:
            rest = None if deadline is None else deadline - time.monotonic()
            if rest is not None and rest <= 0:
                break
            self.wait(rest, cancellable=cancellable)
            result = predicate()
        return result

    def notify(self, n=1):
        """Wake n of those that wait; the lock must be the caller's."""
        try:
            Thredo.Condition.notify(self, n)
        except GLib.Error as error:
            raise translated(error) from None

    def notify_all(self):
        """Wake all that wait; the lock must be the caller's."""
        try:
            Thredo.Condition.notify_all(self)
        except GLib.Error as error:
            raise translated(error) from None

    def __repr__(self):
        return f"<{titled(self)} of {self._lock!r}, {self.get_n_waiting()} waiting>"


@overrides
class Barrier(Named, Thredo.Barrier, metaclass=PlainMeta):
    """Where threads meet: each waits until `parties` have come, as threading.Barrier.

    The last to come calls action(), if there is one, before the others go; in the main thread's place
    another one does so. If it raises, so does the wait of that one, and the barrier is broken.
    """

    def __init__(self, parties, action=None, timeout=None, *, name=None):
        parties = operator.index(parties)
        if not 0 < parties <= LARGEST:
            raise ValueError("parties must be > 0" if parties <= 0 else f"a barrier has up to {LARGEST} parties")
        if action is not None:
            check_callable(action)
        if action is None:
            super().__init__(parties=parties)
        else:
            native.adopt_barrier(self, parties)
        self._action = action
        self._failure = None
        self._timeout = timeout
        if name is not None:
            self.set_name(name)

    @classmethod
    def new(cls, parties):
        return cls(parties)

    def wait(self, timeout=None, *, cancellable=None):
        """Wait for the others, and return a number from 0, one for each.

        If a wait is cancelled or too long, in a scope or by `timeout`, the barrier is broken, and
        the others get BrokenBarrierError.
        """
        if timeout is not None and not isinstance(timeout, (int, float)):
            timeout, cancellable = None, timeout
        try:
            return native.barrier_wait(self, self._timeout if timeout is None else timeout,
                                       cancellable=cancellable)
        except GLib.Error as error:
            if self._failure is None or error.code != Thredo.Error.FAILED or error.domain != DOMAIN:
                raise
            failure, self._failure = self._failure, None
            raise failure from None

    def _act(self):
        try:
            self._action()
            return True
        except BaseException as exception:
            self._failure = exception
            return False

    @property
    def parties(self):
        """How many threads it needs."""
        return self.get_parties()

    @property
    def n_waiting(self):
        """How many wait now."""
        return self.get_n_waiting()

    @property
    def broken(self):
        """Whether it is broken."""
        return self.is_broken()

    def __repr__(self):
        state = "broken" if self.is_broken() else f"{self.get_n_waiting()} of {self.get_parties()} waiting"
        return f"<{titled(self)}: {state}>"


@overrides
class SignalEvent(Named, Thredo.SignalEvent, metaclass=PlainMeta):
    """Signals of the operating system as something to wait for; a context manager.

    with Thredo.SignalEvent(signal.SIGUSR1) as event:
        event.wait()

    While it is there, the signals do nothing else. They are those of thredo_signal_event_new().
    """

    def __init__(self, *signals, name=None):
        native.adopt_signal_event(self, tuple(int(number) for number in signals))
        self._signals = signals
        if name is not None:
            self.set_name(name)

    @classmethod
    def new(cls, signals):
        return cls(*signals)

    def wait(self, timeout=None, *, cancellable=None):
        """Wait for one of the signals, and return it; None after `timeout` seconds.

        The wait ends with the signal, by a cancel of the thread or a scope around it
        (CancelledError), the deadline of a scope (ThreadTimeout), or a cancel of `cancellable`.
        """
        if timeout is not None and not isinstance(timeout, (int, float)):
            timeout, cancellable = None, timeout
        number = native.signal_event_wait(self, timeout, cancellable=cancellable)
        return signal.Signals(number) if number else None

    def set(self):
        """Have the first of the signals come, to everybody who listens to it."""
        os.kill(os.getpid(), self._signals[0])

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        native.dispose(self)
