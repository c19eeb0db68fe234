# SPDX-License-Identifier: LGPL-2.1-or-later
"""A program for a type checker, not to be run: test_stubs.py has mypy read it."""

import signal
from typing import Any, assert_type

from gi.repository import Gio, Thredo

import thredo


def add(x: int, y: int) -> int:
    return x + y


thread = Thredo.spawn(add, 1, 2, name="adder", daemon=False)
assert_type(thread, Thredo.Thread[int])
assert_type(thread.join(), int)
assert_type(thread.join(2.5, cancellable=Gio.Cancellable()), int)
assert_type(thread.result, int)
assert_type(thread.exception, BaseException | None)
assert_type(thread.wait(timeout=1), bool)
assert_type(thread.cancel(blocking=False), bool)
assert_type(thread.state == Thredo.ThreadState.WAITING, bool)
assert_type(Thredo.run(add, 1, 2), int)
assert_type(thredo.run(add, 1, 2), int)

Thredo.sleep(0.5)
assert_type(Thredo.timeout_after(1, add, 1, 2), int)
assert_type(Thredo.ignore_after(1, add, 1, 2, timeout_result="late"), int | str | None)
with Thredo.timeout_after(None) as limit:
    assert_type(limit.expired, bool)
with Thredo.Scope(timeout=1, shielded=True) as scope:
    assert_type(scope.deadline, float | None)
with Thredo.shield():
    pass

with Thredo.ThreadGroup(wait=any, max_running=2) as group:
    assert_type(group.spawn(add, 1, 2), Thredo.Thread[int])
    for done in group:
        assert_type(done, Thredo.Thread[Any])
Thredo.Group(wait=object)
Thredo.Group(wait=None)

jobs: Thredo.Queue[str] = Thredo.Queue(10, name="jobs")
jobs.put("one", timeout=1)
assert_type(jobs.get(), str)
assert_type(jobs.get_nowait(), str)
for job in jobs:
    assert_type(job, str)
numbers: Thredo.PriorityQueue[int] = Thredo.PriorityQueue()
numbers.put(3)
jobs.put(5)  # error: Argument 1 to "put" of "Queue" has incompatible type "int"; expected "str"

lock = Thredo.Lock()
assert_type(lock.acquire(timeout=1), bool)
with lock, Thredo.RLock(), Thredo.Semaphore(2), Thredo.BoundedSemaphore(2), Thredo.Condition(lock):
    pass
lock.acquire(later=True)  # error: Unexpected keyword argument "later" for "acquire" of "Lock"
assert_type(Thredo.Event().wait(1), bool)
assert_type(Thredo.Barrier(2).wait(), int)
with Thredo.SignalEvent(signal.SIGUSR1) as event:
    assert_type(event.wait(timeout=1), signal.Signals | None)

try:
    thread.join()
except Thredo.ThreadTimeout:
    pass
except Thredo.CancelledError as error:
    assert_type(error.code, int)
except Thredo.ThreadError as error:
    assert_type(error.thread, Thredo.Thread[Any] | None)

Thredo.no_such_name  # error: Module has no attribute "no_such_name"
