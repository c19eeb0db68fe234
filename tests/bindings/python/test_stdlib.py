# SPDX-License-Identifier: LGPL-2.1-or-later
"""Python's own tests of threading and queue, with these types in their place."""

import unittest

from support import Thredo

try:
    from test import lock_tests, test_queue
except ImportError:
    raise unittest.SkipTest("Python's own tests are not installed (libpython3-testsuite)") from None

# What does not apply, and why.
OWNED = "a lock belongs to the thread that acquired it, and nobody else can release it"
REPR = "repr() has a form of its own"
FORK = "what a forked child may do is the library's, and tested in test_exit.py"
FIXED = "the size of a queue stays"
LEFT_OUT = {
    "LockTest": {"test_at_fork_reinit": FORK, "test_different_thread": OWNED, "test_reacquire": OWNED, "test_repr": REPR,
                 "test_locked_repr": REPR},
    "RLockTest": {"test_release_save_unacquired": "it is a part of Python's own condition", "test_repr": REPR, "test_locked_repr": REPR},
    "EventTest": {"test_at_fork_reinit": FORK, "test_repr": REPR},
    "ConditionTest": {"test_acquire": "a condition is of a lock of the library's"},
    "SemaphoreTest": {"test_repr": REPR},
    "BoundedSemaphoreTest": {"test_repr": REPR},
    "BarrierTest": {"test_repr": REPR},
    "QueueTest": {"test_shrinking_queue": FIXED},
    "LifoQueueTest": {"test_shrinking_queue": FIXED},
    "PriorityQueueTest": {"test_shrinking_queue": FIXED},
}


def leave_out(cls):
    for name, reason in LEFT_OUT.get(cls.__name__, {}).items():
        if hasattr(cls, name):  # not in every Python
            setattr(cls, name, unittest.skip(reason)(lambda self: None))
    return cls


@leave_out
class LockTest(lock_tests.LockTests):
    locktype = staticmethod(Thredo.Lock)


@leave_out
class RLockTest(lock_tests.RLockTests):
    locktype = staticmethod(Thredo.RLock)


@leave_out
class EventTest(lock_tests.EventTests):
    eventtype = staticmethod(Thredo.Event)


@leave_out
class ConditionTest(lock_tests.ConditionTests):
    condtype = staticmethod(Thredo.Condition)


@leave_out
class SemaphoreTest(lock_tests.SemaphoreTests):
    semtype = staticmethod(Thredo.Semaphore)


@leave_out
class BoundedSemaphoreTest(lock_tests.BoundedSemaphoreTests):
    semtype = staticmethod(Thredo.BoundedSemaphore)


@leave_out
class BarrierTest(lock_tests.BarrierTests):
    barriertype = staticmethod(Thredo.Barrier)


class Queues:
    """What test_queue takes for the module."""

    Queue = Thredo.Queue
    LifoQueue = Thredo.LifoQueue
    PriorityQueue = Thredo.PriorityQueue
    Empty = Thredo.Empty
    Full = Thredo.Full


@leave_out
class QueueTest(test_queue.QueueTest, unittest.TestCase):
    queue = Queues


@leave_out
class LifoQueueTest(test_queue.LifoQueueTest, unittest.TestCase):
    queue = Queues


@leave_out
class PriorityQueueTest(test_queue.PriorityQueueTest, unittest.TestCase):
    queue = Queues
