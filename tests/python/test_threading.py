# SPDX-License-Identifier: LGPL-2.1-or-later
"""The types as those of Python's threading: what that promises, kept by the library's.

Every test runs three times: with the library's types on Python's threads, with the library's types
on the library's threads, and with Python's own, which says whether the test is right.
"""

import threading
import time
import unittest

import gi

import plain  # noqa: F401

gi.require_version("Thredo", "1.0")
from gi.repository import Gio, GLib, Thredo  # noqa: E402

from test_sync import LIMIT, Scope, count_waiting, last, wait_for, wait_until  # noqa: E402

# Long enough to be seen, and short enough to be waited for.
SHORT = 0.01


class BrokenBarrierError(RuntimeError):
    pass


def translated(function, *args):
    """Python's exceptions for the library's errors."""
    try:
        return function(*args)
    except GLib.Error as error:
        if error.matches(Thredo.error_quark(), Thredo.Error.NOT_OWNER):
            raise RuntimeError(error.message) from None
        if error.matches(Thredo.error_quark(), Thredo.Error.STATE):
            raise ValueError(error.message) from None
        if error.matches(Thredo.error_quark(), Thredo.Error.BROKEN):
            raise BrokenBarrierError(error.message) from None
        raise


def timed(timeout, function, *args):
    """False if it took longer than the timeout."""
    if timeout is None or timeout < 0:
        return translated(function, *args)
    with Scope(timeout=timeout) as scope:
        try:
            return translated(function, *args)
        except GLib.Error as error:
            if (scope.is_expired() and
                    error.matches(Gio.io_error_quark(), Gio.IOErrorEnum.TIMED_OUT)):
                return False
            raise


class Lock:
    new = Thredo.Lock.new

    def __init__(self):
        self.inner = self.new()

    def acquire(self, blocking=True, timeout=-1):
        if not blocking or timeout == 0:
            if timeout > 0:
                raise ValueError("can't specify a timeout for a non-blocking call")
            return self.inner.try_acquire()
        return timed(timeout, self.inner.acquire, None)

    def release(self):
        translated(self.inner.release)

    def locked(self):
        return self.inner.is_locked()

    def __enter__(self):
        return self.acquire()

    def __exit__(self, *exception):
        self.release()


class RLock(Lock):
    new = Thredo.RLock.new


class Event:
    def __init__(self):
        self.inner = Thredo.Event.new()
        self.is_set = self.inner.is_set
        self.set = self.inner.set
        self.clear = self.inner.clear

    def wait(self, timeout=None):
        if timeout == 0:
            return self.inner.is_set()
        return timed(timeout, self.inner.wait, None)


class Condition:
    def __init__(self, lock=None):
        self.lock = lock or RLock()
        self.inner = Thredo.Condition.new(self.lock.inner)
        self.acquire = self.lock.acquire
        self.release = self.lock.release

    def wait(self, timeout=None):
        return timed(timeout, self.inner.wait, None)

    def wait_for(self, predicate, timeout=None):
        timed(timeout, wait_for, self.inner, lambda *args: predicate())
        return predicate()

    def notify(self, n=1):
        translated(self.inner.notify, n)

    def notify_all(self):
        translated(self.inner.notify_all)

    def __enter__(self):
        return self.acquire()

    def __exit__(self, *exception):
        self.release()


class Semaphore:
    new = Thredo.Semaphore.new

    def __init__(self, value=1):
        if value < 0:
            raise ValueError("less than nothing")
        self.inner = self.new(value)

    def acquire(self, blocking=True, timeout=None):
        if not blocking or timeout == 0:
            if timeout:
                raise ValueError("can't specify timeout for non-blocking acquire")
            return self.inner.try_acquire()
        return timed(timeout, self.inner.acquire, None)

    def release(self, n=1):
        if n < 1:
            raise ValueError("n must be one or more")
        translated(self.inner.release_many, n)

    def __enter__(self):
        return self.acquire()

    def __exit__(self, *exception):
        self.release()


class BoundedSemaphore(Semaphore):
    new = Thredo.BoundedSemaphore.new


class Barrier:
    def __init__(self, parties, action=None, timeout=None):
        if action is None:
            self.inner = Thredo.Barrier.new(parties)
        else:
            self.inner = Thredo.Barrier.new_with_action(parties, self.act)
        self.action = action
        self.timeout = timeout
        self.reset = self.inner.reset
        self.abort = self.inner.abort
        self.raised = None

    def act(self, *args):
        try:
            self.action()
        except Exception as exception:
            self.raised = exception
            raise GLib.Error.new_literal(Thredo.error_quark(), str(exception), Thredo.Error.FAILED)
        return True

    def wait(self, timeout=None):
        try:
            index = timed(self.timeout if timeout is None else timeout, self.inner.wait, None)
        except GLib.Error as error:
            if error.matches(Thredo.error_quark(), Thredo.Error.FAILED):
                raise self.raised
            raise
        if index is False:
            raise BrokenBarrierError("too late")
        return last(index)

    parties = property(lambda self: self.inner.get_parties())
    n_waiting = property(lambda self: self.inner.get_n_waiting())
    broken = property(lambda self: self.inner.is_broken())


class Ours:
    """The library's types, on Python's threads."""

    Lock, RLock, Event, Condition = Lock, RLock, Event, Condition
    Semaphore, BoundedSemaphore, Barrier = Semaphore, BoundedSemaphore, Barrier
    BrokenBarrierError = BrokenBarrierError

    def start(self, function):
        thread = threading.Thread(target=function)
        thread.start()
        return thread.join

    def wait_for_waiters(self, thing, n):
        nouns = {Lock: "acquire on Lock", RLock: "acquire on RLock", Event: "wait on Event",
                 Condition: "wait on Condition", Semaphore: "acquire on Semaphore",
                 BoundedSemaphore: "acquire on Semaphore", Barrier: "wait on Barrier"}
        name = f"{id(thing)}"
        thing.inner.set_name(name)
        waiting_for = f"{nouns[type(thing)]} '{name}'"
        wait_until(lambda: count_waiting(waiting_for) == n, f"{n} waiting on {thing}")


class OursOnThredo(Ours):
    """The library's types, on the library's threads."""

    def start(self, function):
        def run(thread, *data):
            function()
            return True

        thread = Thredo.Thread.spawn("t", run)
        return lambda: thread.join(None)


class Pythons:
    """Python's own, which says whether the tests are right."""

    Lock, RLock = threading.Lock, threading.RLock
    Event, Condition = threading.Event, threading.Condition
    Semaphore, BoundedSemaphore = threading.Semaphore, threading.BoundedSemaphore
    Barrier, BrokenBarrierError = threading.Barrier, threading.BrokenBarrierError
    start = Ours.start

    def wait_for_waiters(self, thing, n):
        if isinstance(thing, threading.Barrier):
            wait_until(lambda: thing.n_waiting == n, f"{n} waiting on {thing}")
        elif isinstance(thing, (threading.Condition, threading.Event, threading.Semaphore)):
            condition = thing if isinstance(thing, threading.Condition) else thing._cond
            wait_until(lambda: len(condition._waiters) == n, f"{n} waiting on {thing}")


class Promises(unittest.TestCase):
    """What several tests need; the mixin below it says what of."""

    def run_all(self, *functions):
        """Starts a thread for each, and returns what joins them all."""
        raised = []

        def guarded(function):
            try:
                function()
            except BaseException as exception:
                raised.append(exception)

        joins = [self.start(lambda function=function: guarded(function)) for function in functions]

        def join():
            for join_one in joins:
                join_one()
            if raised:
                raise raised[0]

        return join

    def elsewhere(self, function, *args):
        """What the function returns on another thread."""
        results = []
        self.run_all(lambda: results.append(function(*args)))()
        return results[0]


class LockPromises:
    def make(self):
        return self.Lock()

    def test_acquire_and_release(self):
        lock = self.make()
        for _ in range(2):
            self.assertTrue(lock.acquire())
            lock.release()
        with self.assertRaises(RuntimeError):
            lock.release()
        self.assertTrue(lock.acquire(blocking=False))
        lock.release()

    def test_others_are_kept_out(self):
        lock = self.make()
        self.assertTrue(lock.acquire())
        self.assertFalse(self.elsewhere(lock.acquire, False))
        self.assertFalse(self.elsewhere(lock.acquire, True, SHORT))
        lock.release()
        self.assertTrue(self.elsewhere(lambda: lock.acquire(True, LIMIT) and not lock.release()))

    def test_mutual_exclusion(self):
        lock = self.make()
        inside = []
        total = [0]

        def count():
            for _ in range(100):
                with lock:
                    inside.append(1)
                    self.assertEqual(len(inside), 1)
                    n = total[0]
                    if n % 7 == 0:
                        time.sleep(0)
                    total[0] = n + 1
                    inside.pop()

        self.run_all(*[count] * 6)()
        self.assertEqual(total[0], 600)

    def test_those_who_wait_get_it(self):
        lock = self.make()
        got = []
        lock.acquire()

        def get():
            with lock:
                got.append(1)

        join = self.run_all(*[get] * 5)
        self.wait_for_waiters(lock, 5)
        self.assertEqual(got, [])
        lock.release()
        join()
        self.assertEqual(len(got), 5)

    def test_with(self):
        lock = self.make()
        with self.assertRaises(KeyError):
            with lock:
                self.assertFalse(self.elsewhere(lock.acquire, False))
                raise KeyError
        self.assertTrue(self.elsewhere(lambda: lock.acquire(False) and not lock.release()))

    def test_timeout(self):
        lock = self.make()
        with self.assertRaises(ValueError):
            lock.acquire(False, 1)
        self.assertTrue(lock.acquire(timeout=LIMIT))

        def wait_in_vain():
            began = time.monotonic()
            self.assertFalse(lock.acquire(timeout=SHORT))
            self.assertGreaterEqual(time.monotonic() - began, SHORT * 0.9)

        self.run_all(wait_in_vain, wait_in_vain)()
        # Who gave up has left nothing behind.
        self.assertFalse(self.elsewhere(lock.acquire, False))
        lock.release()
        self.assertTrue(lock.acquire(timeout=0))
        lock.release()


class RLockPromises(LockPromises):
    def make(self):
        return self.RLock()

    def test_reentrant(self):
        lock = self.make()
        for _ in range(3):
            self.assertTrue(lock.acquire())
        self.assertTrue(lock.acquire(False))
        self.assertTrue(lock.acquire(timeout=LIMIT))
        for _ in range(5):
            self.assertFalse(self.elsewhere(lock.acquire, False))
            lock.release()
        self.assertTrue(self.elsewhere(lambda: lock.acquire(False) and not lock.release()))
        with self.assertRaises(RuntimeError):
            lock.release()

    def test_release_of_another(self):
        lock = self.make()
        lock.acquire()

        def release():
            with self.assertRaises(RuntimeError):
                lock.release()

        self.run_all(release)()
        self.assertFalse(self.elsewhere(lock.acquire, False))
        lock.release()

    def test_nested_with(self):
        lock = self.make()
        with lock, lock, lock:
            self.assertFalse(self.elsewhere(lock.acquire, False))
        self.assertTrue(self.elsewhere(lambda: lock.acquire(False) and not lock.release()))


class PlainLockPromises(LockPromises):
    def test_not_reentrant(self):
        lock = self.make()
        self.assertFalse(lock.locked())
        lock.acquire()
        self.assertTrue(lock.locked())
        self.assertFalse(lock.acquire(False))
        lock.release()
        self.assertFalse(lock.locked())


class EventPromises:
    def test_is_set(self):
        event = self.Event()
        self.assertFalse(event.is_set())
        for _ in range(2):
            event.set()
            self.assertTrue(event.is_set())
            self.assertTrue(event.wait())
            self.assertTrue(event.wait(0))
        for _ in range(2):
            event.clear()
            self.assertFalse(event.is_set())
            self.assertFalse(event.wait(0))

    def test_all_are_woken(self):
        event = self.Event()
        for _ in range(3):
            woken = []
            join = self.run_all(*[lambda: woken.append(event.wait())] * 5)
            self.wait_for_waiters(event, 5)
            self.assertEqual(woken, [])
            event.set()
            join()
            self.assertEqual(woken, [True] * 5)
            event.clear()

    def test_set_then_cleared(self):
        event = self.Event()
        woken = []
        join = self.run_all(*[lambda: woken.append(event.wait(LIMIT))] * 5)
        self.wait_for_waiters(event, 5)
        event.set()
        event.clear()
        join()
        self.assertEqual(woken, [True] * 5)

    def test_timeout(self):
        event = self.Event()

        def wait_in_vain():
            began = time.monotonic()
            self.assertFalse(event.wait(SHORT))
            self.assertGreaterEqual(time.monotonic() - began, SHORT * 0.9)

        self.run_all(*[wait_in_vain] * 3)()
        event.set()
        self.assertTrue(event.wait(LIMIT))


class ConditionPromises:
    def test_shares_the_lock(self):
        for lock in (self.Lock(), self.RLock()):
            condition = self.Condition(lock)
            with condition:
                self.assertFalse(self.elsewhere(lock.acquire, False))
            with lock:
                condition.notify()
                self.assertFalse(self.elsewhere(condition.acquire, False))
            self.assertTrue(self.elsewhere(lambda: lock.acquire(False) and not lock.release()))

    def test_needs_the_lock(self):
        condition = self.Condition()
        for function in (condition.wait, condition.notify, condition.notify_all):
            with self.assertRaises(RuntimeError):
                function()
        with self.assertRaises(RuntimeError):
            self.elsewhere_raises(condition)
        with condition:
            condition.notify()

    def elsewhere_raises(self, condition):
        with condition:
            self.run_all(condition.notify)()

    def test_notify_n(self):
        for lock in (self.Lock(), self.RLock()):
            condition = self.Condition(lock)
            woken = []

            def wait():
                with condition:
                    self.assertTrue(condition.wait())
                    woken.append(1)

            join = self.run_all(*[wait] * 9)
            self.wait_for_waiters(condition, 9)
            for n, awake in ((0, 0), (1, 1), (3, 4), (2, 6)):
                with condition:
                    condition.notify(n)
                    # It was not given the lock yet.
                    self.assertLessEqual(len(woken), awake - n)
                self.wait_for_waiters(condition, 9 - awake)
                wait_until(lambda: len(woken) == awake, "those notified are awake")
            with condition:
                condition.notify_all()
            join()
            self.assertEqual(len(woken), 9)
            # A notify that finds nobody is not kept.
            with condition:
                condition.notify(100)
                self.assertFalse(condition.wait(SHORT))

    def test_order(self):
        condition = self.Condition()
        order = []

        def wait(n):
            with condition:
                condition.wait()
                order.append(n)

        joins = []
        for n in range(4):
            joins.append(self.run_all(lambda n=n: wait(n)))
            self.wait_for_waiters(condition, n + 1)
        for n in range(4):
            with condition:
                condition.notify()
            wait_until(lambda: len(order) == n + 1, "the next one is awake")
        for join in joins:
            join()
        self.assertEqual(order, [0, 1, 2, 3])

    def test_all_levels_are_released(self):
        condition = self.Condition(self.RLock())
        with condition, condition:
            join = self.run_all(lambda: self.notify_in(condition))
            self.assertTrue(condition.wait())
            self.assertFalse(self.elsewhere(condition.acquire, False))
        self.assertTrue(self.elsewhere(
            lambda: condition.acquire(False) and not condition.release()))
        join()

    def notify_in(self, condition):
        self.wait_for_waiters(condition, 1)
        with condition:
            condition.notify()

    def test_timeout(self):
        condition = self.Condition()

        def wait_in_vain():
            with condition:
                began = time.monotonic()
                self.assertFalse(condition.wait(SHORT))
                self.assertGreaterEqual(time.monotonic() - began, SHORT * 0.9)
                with self.assertRaises(KeyError):
                    raise KeyError

        self.run_all(*[wait_in_vain] * 3)()
        with condition:
            condition.notify(3)

    def test_who_timed_out_takes_no_notify(self):
        condition = self.Condition()
        woken = []

        def wait(timeout):
            with condition:
                woken.append(condition.wait(timeout))

        self.run_all(lambda: wait(SHORT))()
        join = self.run_all(lambda: wait(LIMIT))
        self.wait_for_waiters(condition, 1)
        with condition:
            condition.notify()
        join()
        self.assertEqual(woken, [False, True])

    def test_wait_for(self):
        condition = self.Condition()
        state = [0]
        seen = []

        def wait():
            with condition:
                seen.append(condition.wait_for(lambda: state[0] == 4))

        join = self.run_all(wait)
        self.wait_for_waiters(condition, 1)
        for n in range(1, 5):
            with condition:
                state[0] = n
                condition.notify()
            if n < 4:
                self.wait_for_waiters(condition, 1)
        join()
        self.assertEqual(seen, [True])

    def test_wait_for_timeout(self):
        condition = self.Condition()
        state = [0]

        def wait():
            with condition:
                began = time.monotonic()
                self.assertFalse(condition.wait_for(lambda: state[0] == 4, timeout=5 * SHORT))
                self.assertGreaterEqual(time.monotonic() - began, 4.5 * SHORT)

        join = self.run_all(wait)
        # The deadline is that of all the waits together.
        for n in range(3):
            with condition:
                state[0] = n
                condition.notify()
        join()
        with condition:
            self.assertTrue(condition.wait_for(lambda: True, timeout=LIMIT))


class SemaphorePromises:
    def make(self, *args):
        return self.Semaphore(*args)

    def test_values(self):
        with self.assertRaises(ValueError):
            self.make(-1)
        self.assertFalse(self.make(0).acquire(False))
        semaphore = self.make()
        self.assertTrue(semaphore.acquire(False))
        self.assertFalse(semaphore.acquire(False))
        with self.assertRaises(ValueError):
            semaphore.acquire(False, 1)
        with self.assertRaises(ValueError):
            semaphore.release(0)

    def test_as_many_as_permits(self):
        semaphore = self.make(7)
        inside = []
        most = []

        def use():
            for _ in range(20):
                with semaphore:
                    inside.append(1)
                    most.append(len(inside))
                    time.sleep(0)
                    inside.pop()

        self.run_all(*[use] * 10)()
        self.assertLessEqual(max(most), 7)
        for _ in range(7):
            self.assertTrue(semaphore.acquire(False))
        self.assertFalse(semaphore.acquire(False))

    def test_release_serves_those_who_wait(self):
        semaphore = self.make(7)
        for _ in range(7):
            semaphore.acquire()
        got = []
        join = self.run_all(*[lambda: got.append(semaphore.acquire())] * 7)
        self.wait_for_waiters(semaphore, 7)
        for n, total in ((1, 1), (1, 2), (3, 5), (2, 7)):
            semaphore.release(n)
            wait_until(lambda: len(got) == total, "as many go on as were released")
        join()
        self.assertFalse(semaphore.acquire(False))

    def test_timeout(self):
        semaphore = self.make(1)
        self.assertTrue(semaphore.acquire(timeout=LIMIT))
        began = time.monotonic()
        self.assertFalse(semaphore.acquire(timeout=SHORT))
        self.assertGreaterEqual(time.monotonic() - began, SHORT * 0.9)
        semaphore.release()
        self.assertTrue(semaphore.acquire(timeout=LIMIT))

    def test_anybody_releases(self):
        semaphore = self.make(1)
        semaphore.acquire()
        self.run_all(semaphore.release)()
        self.assertTrue(semaphore.acquire(False))

    def test_with(self):
        semaphore = self.make(2)
        with self.assertRaises(KeyError):
            with semaphore, semaphore:
                self.assertFalse(semaphore.acquire(False))
                raise KeyError
        self.assertTrue(semaphore.acquire(False) and semaphore.acquire(False))


class PlainSemaphorePromises(SemaphorePromises):
    def test_more_than_at_first(self):
        semaphore = self.make(0)
        semaphore.release()
        semaphore.release(2)
        for _ in range(3):
            self.assertTrue(semaphore.acquire(False))
        self.assertFalse(semaphore.acquire(False))


class BoundedSemaphorePromises(SemaphorePromises):
    def make(self, *args):
        return self.BoundedSemaphore(*args)

    def test_not_more_than_at_first(self):
        semaphore = self.make(2)
        with self.assertRaises(ValueError):
            semaphore.release()
        semaphore.acquire()
        with self.assertRaises(ValueError):
            semaphore.release(2)
        self.assertTrue(semaphore.acquire(False))
        semaphore.release(2)
        with self.assertRaises(ValueError):
            semaphore.release()


class BarrierPromises:
    N = 5

    def test_rounds(self):
        barrier = self.Barrier(self.N)
        counts = [[] for _ in range(10)]

        def go():
            for n, count in enumerate(counts):
                count.append(1)
                barrier.wait()
                self.assertEqual(len(count), self.N)
                self.assertTrue(n + 1 == len(counts) or len(counts[n + 1]) <= self.N)

        self.run_all(*[go] * self.N)()
        self.assertEqual((barrier.n_waiting, barrier.broken, barrier.parties), (0, False, self.N))

    def test_indices(self):
        barrier = self.Barrier(self.N)
        for _ in range(3):
            indices = []
            self.run_all(*[lambda: indices.append(barrier.wait())] * self.N)()
            self.assertEqual(sorted(indices), list(range(self.N)))

    def test_action(self):
        called = []
        barrier = self.Barrier(self.N, lambda: called.append(1))

        def go():
            for n in range(3):
                barrier.wait()
                self.assertGreaterEqual(len(called), n + 1)

        self.run_all(*[go] * self.N)()
        self.assertEqual(len(called), 3)

    def test_action_raises(self):
        def fail():
            raise KeyError("busy")

        barrier = self.Barrier(2, fail)
        broken = []

        def wait():
            try:
                barrier.wait()
            except self.BrokenBarrierError:
                broken.append(1)

        join = self.run_all(wait)
        self.wait_for_waiters(barrier, 1)
        with self.assertRaises(KeyError):
            barrier.wait()
        join()
        self.assertEqual(broken, [1])
        self.assertTrue(barrier.broken)

    def break_it(self, barrier, function):
        """All but one wait, and the function breaks or resets it for them."""
        broken = []

        def wait():
            try:
                barrier.wait()
            except self.BrokenBarrierError:
                broken.append(1)

        join = self.run_all(*[wait] * (self.N - 1))
        self.wait_for_waiters(barrier, self.N - 1)
        function()
        join()
        self.assertEqual(len(broken), self.N - 1)

    def test_abort(self):
        barrier = self.Barrier(self.N)
        self.break_it(barrier, barrier.abort)
        self.assertTrue(barrier.broken)
        with self.assertRaises(self.BrokenBarrierError):
            barrier.wait()
        barrier.reset()
        self.assertFalse(barrier.broken)
        self.run_all(*[barrier.wait] * self.N)()

    def test_reset(self):
        barrier = self.Barrier(self.N)
        self.break_it(barrier, barrier.reset)
        self.assertFalse(barrier.broken)
        self.run_all(*[barrier.wait] * self.N)()

    def test_abort_and_reset(self):
        barrier = self.Barrier(self.N)
        for _ in range(3):
            self.break_it(barrier, barrier.abort)
            barrier.reset()
            self.run_all(*[barrier.wait] * self.N)()

    def test_timeout_breaks_it_for_all(self):
        barrier = self.Barrier(self.N)
        broken = []

        def wait(timeout):
            try:
                barrier.wait(timeout)
            except self.BrokenBarrierError:
                broken.append(1)

        join = self.run_all(*[lambda: wait(None)] * (self.N - 2))
        self.wait_for_waiters(barrier, self.N - 2)
        self.run_all(lambda: wait(SHORT))()
        join()
        self.assertEqual(len(broken), self.N - 1)
        self.assertTrue(barrier.broken)

    def test_default_timeout(self):
        barrier = self.Barrier(2, timeout=SHORT)
        with self.assertRaises(self.BrokenBarrierError):
            barrier.wait()
        self.assertTrue(barrier.broken)

    def test_alone(self):
        called = []
        barrier = self.Barrier(1, lambda: called.append(1))
        for _ in range(3):
            self.assertEqual(barrier.wait(), 0)
        self.assertEqual(len(called), 3)
        self.assertFalse(barrier.broken)


def add_promises():
    promises = (PlainLockPromises, RLockPromises, EventPromises, ConditionPromises,
                PlainSemaphorePromises, BoundedSemaphorePromises, BarrierPromises)
    for promise in promises:
        for flavour in (Ours, OursOnThredo, Pythons):
            name = f"{promise.__name__}Of{flavour.__name__}"
            cls = type(name, (promise, flavour, Promises), {"__module__": __name__})
            globals()[name] = cls


add_promises()

if __name__ == "__main__":
    unittest.main()
