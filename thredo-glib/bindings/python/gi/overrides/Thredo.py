# SPDX-License-Identifier: LGPL-2.1-or-later
"""Threads that can be cancelled, grouped, timed out, joined for a result, and watched.

A thread that waits can be woken for any reason, so plain blocking code can be cancelled, and have a
deadline:

    from gi.repository import Thredo

    def fetch(host):
        ...
        return answer

    def main():
        with Thredo.ThreadGroup(wait=any) as group:
            for host in hosts:
                group.spawn(fetch, host)
        print(group.completed.result)

    Thredo.run(main)

Running      run, spawn, sleep, enable, check_cancelled; Thread
Deadlines    timeout_after, ignore_after, shield; Scope
Together     ThreadGroup, which is Group
Passing on   Queue, LifoQueue, PriorityQueue
Locks        Lock, RLock, Semaphore, BoundedSemaphore, Condition, Event, Barrier
Outside      socket, ssl, select, selectors (modules), more_magic, ThredoMixIn, SignalEvent, wait_fd, await_
Exceptions   CancelledError: ThreadCancelled, ThreadTimeout; ThreadError; ClosedError, StateError,
             NotOwnerError, DeadlockError, BrokenBarrierError. All of them are GLib.Error.

Every wait obeys the thread that makes it, the scopes around it, and a `cancellable` if it is given
one; lets other Python threads run; and is ended by Ctrl+C in the main thread. A wait that raises has
not happened: no item taken, no lock held. Times are in seconds. All else of the C library is here
under its own names.
"""

import sys

from ._thredo import durations, rest, select, selectors, socket, ssl
from ._thredo.base import native
from ._thredo.durations import sleep_async
from ._thredo.errors import (
    BrokenBarrierError,
    CancelledError,
    ClosedError,
    DeadlockError,
    Empty,
    Full,
    NotOwnerError,
    StateError,
    ThreadCancelled,
    ThreadError,
    ThreadTimeout,
)
from ._thredo.group import Group
from ._thredo.magic import more_magic
from ._thredo.mixin import ThredoMixIn
from ._thredo.queue import LifoQueue, PriorityQueue, Queue
from ._thredo.rest import await_
from ._thredo.run import register, run
from ._thredo.scope import Scope, ignore_after, shield, timeout_after
from ._thredo.sync import Barrier, BoundedSemaphore, Condition, Event, Lock, RLock, Semaphore, SignalEvent
from ._thredo.thread import Thread, enable, spawn

ThreadGroup = Group
QueueClosed = ClosedError
sleep = native.sleep
check_cancelled = native.check_cancelled
wait_fd = native.wait_fd

__all__ = [
    "Barrier", "BoundedSemaphore", "BrokenBarrierError", "CancelledError", "ClosedError", "Condition",
    "DeadlockError", "Empty", "Event", "Full", "Group", "LifoQueue", "Lock", "NotOwnerError", "PriorityQueue",
    "Queue", "QueueClosed", "RLock", "Scope", "Semaphore", "SignalEvent", "StateError", "Thread",
    "ThreadCancelled", "ThreadError", "ThreadGroup", "ThreadTimeout", "ThredoMixIn", "await_", "check_cancelled",
    "enable", "ignore_after", "more_magic", "run", "select", "selectors", "shield", "sleep", "sleep_async", "socket", "spawn", "ssl",
    "timeout_after", "wait_fd",
]

durations.adapt()
rest.adapt_methods({cls.__name__: cls for cls in (
    Barrier, BoundedSemaphore, Condition, Event, Group, Lock, Queue, RLock, Scope, Semaphore, SignalEvent, Thread)})
for _name, _function in rest.adapt_functions(__all__).items():
    globals()[_name] = _function
    __all__.append(_name)

# Of this module PyGObject takes the names alone.
for _name in "__doc__", "__all__":
    setattr(sys.modules["gi.repository.Thredo"], _name, globals()[_name])

register()
