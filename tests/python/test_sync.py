# SPDX-License-Identifier: LGPL-2.1-or-later
"""Locks and the like from Python, by plain introspection, without thredo's own overrides."""

import os
import subprocess
import sys
import threading
import time
import unittest

import gi

import plain  # noqa: F401

gi.require_version("Thredo", "1.0")
from gi.repository import Gio, GLib, GObject, Thredo  # noqa: E402

LIMIT = 60
FOREVER = 24 * 3600 * 1000000


def last(result):
    """The out parameter of a call that returns whether it worked, too."""
    return result[-1] if isinstance(result, tuple) else result


def wait_until(condition, what):
    limit = time.monotonic() + LIMIT
    while not condition():
        if time.monotonic() > limit:
            raise AssertionError(f"Hang: {what} did not come true")
        time.sleep(0.0001)


def wait_for_state(thread, state):
    wait_until(lambda: thread.get_state() == state, f"{thread.get_name()} in {state}")


def wait_for_wait(thread, waiting_for):
    wait_until(lambda: thread.dup_waiting_for() == waiting_for,
               f"{thread.get_name()}: {waiting_for}")


def count_waiting(waiting_for):
    return sum(t.dup_waiting_for() == waiting_for for t in Thredo.Thread.list_all())


def wait_for(condition, predicate):
    return condition.wait_for(predicate, None, None)


class Scope:
    """A scope for a with block."""

    def __init__(self, timeout=None, shielded=False):
        self.scope = Thredo.Scope.new()
        self.scope.set_shielded(shielded)
        if timeout is not None:
            self.scope.set_deadline(GLib.get_monotonic_time() + int(timeout * 1000000))

    def __enter__(self):
        self.scope.enter()
        return self.scope

    def __exit__(self, *exception):
        self.scope.leave()


class TestCase(unittest.TestCase):
    def assert_error(self, domain, code, function, *args):
        with self.assertRaises(GLib.Error) as caught:
            function(*args)
        error = caught.exception
        self.assertTrue(error.matches(domain, code),
                        f"{error.domain} {error.code}: {error.message}")
        self.assertTrue(error.message)
        return error

    def assert_io_error(self, code, function, *args):
        return self.assert_error(Gio.io_error_quark(), code, function, *args)

    def assert_thredo_error(self, code, function, *args):
        return self.assert_error(Thredo.error_quark(), code, function, *args)

    def run_async(self, start):
        """Calls start(callback) and iterates until the callback has been called."""
        results = []
        loop = GLib.MainLoop()

        def on_ready(source, result, *data):
            results.append(result)
            loop.quit()

        limit = GLib.timeout_add_seconds(LIMIT, loop.quit)
        start(on_ready)
        self.assertEqual(results, [], "The callback was called before the call returned")
        loop.run()
        self.assertEqual(len(results), 1, "Hang: the callback was never called")
        GLib.source_remove(limit)
        return results[0]

    def spawn(self, function, name="t"):
        """A thread whose function returns its result, or raises its error."""

        def run(thread, *data):
            thread.result = function()
            return True

        return Thredo.Thread.spawn(name, run)


def of_each_lock(test):
    """A test of a Lock, and of an RLock."""

    def run(self):
        for noun, cls in (("Lock", Thredo.Lock), ("RLock", Thredo.RLock)):
            with self.subTest(noun):
                test(self, noun, cls(name="l"))

    return run


END_HOLDING = """
import gi
import sys
import threading

gi.require_version("Thredo", "1.0")
from gi.repository import Thredo

lock = getattr(Thredo, sys.argv[1])(name="l")


def end_holding():
    Thredo.Thread.self().set_name("careless")
    lock.acquire(None)


thread = threading.Thread(target=end_holding)
thread.start()
thread.join()
lock.acquire(None)
assert lock.get_abandoned() and lock.props.abandoned
lock.release()
assert not lock.get_abandoned()
"""


class LockTest(TestCase):
    @of_each_lock
    def test_owner(self, noun, lock):
        self.assertFalse(lock.is_locked())
        self.assertIsNone(lock.get_owner())
        self.assertTrue(lock.acquire(None))
        self.assertTrue(lock.is_locked())
        self.assertTrue(lock.is_owned())
        self.assertEqual(lock.get_owner(), Thredo.Thread.self())
        self.assertFalse(lock.get_abandoned())
        self.assertTrue(lock.release())
        self.assertFalse(lock.is_locked())
        self.assertFalse(lock.is_owned())

    @of_each_lock
    def test_properties(self, noun, lock):
        self.assertEqual(lock.props.name, "l")
        lock.props.name = "other"
        self.assertEqual(lock.get_name(), "other")
        lock.set_name(None)
        self.assertIsNone(lock.get_name())
        self.assertTrue(lock.try_acquire())
        self.assertTrue(lock.props.locked)
        self.assertEqual(lock.props.owner, Thredo.Thread.self())
        self.assertFalse(lock.props.abandoned)
        lock.release()
        self.assertFalse(lock.props.locked)
        self.assertIsNone(lock.props.owner)
        self.assertIsInstance(lock, Thredo.Lockable)

    @of_each_lock
    def test_not_owner(self, noun, lock):
        error = self.assert_thredo_error(Thredo.Error.NOT_OWNER, lock.release)
        self.assertEqual(error.domain, "thredo-error-quark")
        lock.acquire(None)
        other = threading.Thread(target=lambda: self.assert_thredo_error(
            Thredo.Error.NOT_OWNER, lock.release))
        other.start()
        other.join()
        self.assertTrue(lock.is_owned())
        lock.release()
        self.assert_thredo_error(Thredo.Error.NOT_OWNER, lock.release)

    @of_each_lock
    def test_between_threads(self, noun, lock):
        order = []
        lock.acquire(None)

        def use():
            lock.acquire(None)
            order.append(Thredo.Thread.self().get_name())
            lock.release()

        threads = []
        for n in range(4):
            thread = self.spawn(use, f"t{n}")
            wait_for_wait(thread, f"acquire on {noun} 'l'")
            threads.append(thread)
        self.assertFalse(self.spawn_and_join(lock.try_acquire))
        lock.release()
        for thread in threads:
            thread.join(None)
        self.assertEqual(order, ["t0", "t1", "t2", "t3"])

    def spawn_and_join(self, function):
        thread = self.spawn(function)
        thread.join(None)
        return thread.result

    @of_each_lock
    def test_cancelled(self, noun, lock):
        lock.acquire(None)
        thread = self.spawn(lambda: lock.acquire(None))
        wait_for_wait(thread, f"acquire on {noun} 'l'")
        thread.cancel()
        self.assert_thredo_error(Thredo.Error.THREAD_CANCELLED, thread.join, None)
        self.assertTrue(lock.is_owned())
        self.assertFalse(self.spawn_and_join(lock.try_acquire))
        with Scope(timeout=0):
            self.assert_io_error(Gio.IOErrorEnum.TIMED_OUT, lock.acquire, None)
        cancellable = Gio.Cancellable()
        cancellable.cancel()
        self.assert_io_error(Gio.IOErrorEnum.CANCELLED, lock.acquire, cancellable)
        if noun == "RLock":
            self.assertEqual(lock.get_depth(), 1)
        lock.release()
        self.assertFalse(lock.is_locked())

    def test_depth(self):
        lock = Thredo.RLock.new()
        for n in range(1, 4):
            lock.acquire(None)
            self.assertEqual(lock.get_depth(), n)
        self.assertTrue(lock.try_acquire())
        self.assertEqual(lock.props.depth, 4)
        for n in range(3, -1, -1):
            lock.release()
            self.assertEqual(lock.get_depth(), n)

    def test_lockable(self):
        lock = Thredo.RLock.new()
        self.assertTrue(Thredo.Lockable.acquire(lock, None))
        self.assertTrue(Thredo.Lockable.try_acquire(lock))
        self.assertEqual(lock.release_all(), 2)
        self.assertFalse(lock.is_locked())
        with Scope() as scope:
            scope.cancel()
            lock.reacquire(2)
        self.assertEqual(lock.get_depth(), 2)
        self.assertEqual(lock.release_all(), 2)

    @of_each_lock
    def test_abandoned(self, noun, lock):
        done = subprocess.run([sys.executable, "-c", END_HOLDING, noun], capture_output=True,
                              text=True, timeout=LIMIT, env={**os.environ, "G_DEBUG": ""})
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn(f"Thread 'careless' ended while it held {noun} 'l'; the lock is released and "
                      "marked abandoned", done.stderr)

    @of_each_lock
    def test_async(self, noun, lock):
        # Free: the callback finds it owned by the thread of the main loop.
        result = self.run_async(lambda callback: lock.acquire_async(None, callback))
        self.assertTrue(lock.acquire_finish(result))
        self.assertTrue(lock.is_owned())
        lock.release()

        # Owned by another thread, which releases it later.
        taken, let_go = threading.Event(), threading.Event()

        def own():
            lock.acquire(None)
            taken.set()
            let_go.wait(LIMIT)
            lock.release()

        owner = threading.Thread(target=own)
        owner.start()
        taken.wait(LIMIT)

        def start(callback):
            Thredo.Lockable.acquire_async(lock, None, callback)
            let_go.set()

        result = self.run_async(start)
        self.assertTrue(Thredo.Lockable.acquire_finish(lock, result))
        self.assertTrue(lock.is_owned())
        owner.join()
        lock.release()

    @of_each_lock
    def test_async_cancelled(self, noun, lock):
        taken, let_go = threading.Event(), threading.Event()

        def own():
            lock.acquire(None)
            taken.set()
            let_go.wait(LIMIT)
            lock.release()

        owner = threading.Thread(target=own)
        owner.start()
        taken.wait(LIMIT)
        cancellable = Gio.Cancellable()

        def start(callback):
            lock.acquire_async(cancellable, callback)
            cancellable.cancel()

        result = self.run_async(start)
        self.assert_io_error(Gio.IOErrorEnum.CANCELLED, lock.acquire_finish, result)
        self.assertFalse(lock.is_owned())
        let_go.set()
        owner.join()
        self.assertFalse(lock.is_locked())

    @of_each_lock
    def test_waiting_releases_the_interpreter(self, noun, lock):
        lock.acquire(None)
        thread = self.spawn(lambda: lock.acquire(None) and lock.release())
        wait_for_wait(thread, f"acquire on {noun} 'l'")
        lock.release()
        thread.join(None)


class SemaphoreTest(TestCase):
    def test_permits(self):
        semaphore = Thredo.Semaphore.new(2)
        self.assertEqual(semaphore.get_value(), 2)
        self.assertTrue(semaphore.acquire(None))
        self.assertTrue(semaphore.try_acquire())
        self.assertFalse(semaphore.try_acquire())
        self.assertTrue(semaphore.release_many(3))
        self.assertTrue(semaphore.release())
        self.assertEqual(semaphore.props.value, 4)

    def test_constructed(self):
        self.assertEqual(Thredo.Semaphore().get_value(), 1)
        self.assertEqual(Thredo.Semaphore(value=3, name="s").get_value(), 3)
        self.assertEqual(Thredo.BoundedSemaphore().get_bound(), 1)
        bounded = Thredo.BoundedSemaphore(value=3)
        self.assertEqual((bounded.get_value(), bounded.get_bound(), bounded.props.bound), (3, 3, 3))
        self.assertIsInstance(bounded, Thredo.Semaphore)
        with self.assertRaises(OverflowError):
            Thredo.Semaphore.new(-1)

    def test_bounded(self):
        bounded = Thredo.BoundedSemaphore.new(2)
        self.assert_thredo_error(Thredo.Error.STATE, bounded.release)
        bounded.acquire(None)
        self.assert_thredo_error(Thredo.Error.STATE, bounded.release_many, 2)
        self.assertEqual(bounded.get_value(), 1)
        self.assertTrue(bounded.release())

    def test_async(self):
        semaphore = Thredo.Semaphore.new(0)

        def start(callback):
            semaphore.acquire_async(None, callback)
            semaphore.release()

        result = self.run_async(start)
        self.assertTrue(semaphore.acquire_finish(result))
        self.assertEqual(semaphore.get_value(), 0)

        cancellable = Gio.Cancellable()

        def start_cancelled(callback):
            semaphore.acquire_async(cancellable, callback)
            cancellable.cancel()

        result = self.run_async(start_cancelled)
        self.assert_io_error(Gio.IOErrorEnum.CANCELLED, semaphore.acquire_finish, result)
        semaphore.release()
        self.assertEqual(semaphore.get_value(), 1)

    def test_derived(self):
        class Pool(Thredo.Semaphore):
            __gtype_name__ = "TestPythonPool"

        pool = Pool(value=1)
        self.assertTrue(pool.try_acquire())
        self.assertFalse(pool.try_acquire())


class EventTest(TestCase):
    def test_set_and_clear(self):
        event = Thredo.Event(name="e")
        self.assertFalse(event.is_set())
        with Scope(timeout=0.001):
            self.assert_io_error(Gio.IOErrorEnum.TIMED_OUT, event.wait, None)
        event.set()
        self.assertTrue(event.is_set())
        self.assertTrue(event.wait(None))
        event.clear()
        self.assertFalse(event.is_set())

    def test_set_and_cleared_at_once(self):
        event = Thredo.Event(name="e")
        threads = [self.spawn(lambda: event.wait(None)) for _ in range(4)]
        for thread in threads:
            wait_for_wait(thread, "wait on Event 'e'")
        event.set()
        event.clear()
        for thread in threads:
            thread.join(None)

    def test_async(self):
        event = Thredo.Event.new()

        def start(callback):
            event.wait_async(None, callback)
            event.set()

        self.assertTrue(event.wait_finish(self.run_async(start)))
        # It is set already.
        result = self.run_async(lambda callback: event.wait_async(None, callback))
        self.assertTrue(event.wait_finish(result))
        event.clear()
        cancellable = Gio.Cancellable()

        def start_cancelled(callback):
            event.wait_async(cancellable, callback)
            cancellable.cancel()

        result = self.run_async(start_cancelled)
        self.assert_io_error(Gio.IOErrorEnum.CANCELLED, event.wait_finish, result)


class ConditionTest(TestCase):
    def test_lockable(self):
        own = Thredo.Condition.new(None)
        self.assertIsInstance(own.get_lockable(), Thredo.RLock)
        for lock in (Thredo.Lock.new(), Thredo.RLock.new()):
            self.assertEqual(Thredo.Condition.new(lock).get_lockable(), lock)
            self.assertEqual(Thredo.Condition(lockable=lock).props.lockable, lock)
        self.assertIsInstance(Thredo.Condition().get_lockable(), Thredo.RLock)
        self.assertEqual(Thredo.Condition(name="c").get_name(), "c")

    def test_not_owner(self):
        condition = Thredo.Condition.new(None)
        called = []
        self.assert_thredo_error(Thredo.Error.NOT_OWNER, condition.wait, None)
        self.assert_thredo_error(Thredo.Error.NOT_OWNER, condition.notify, 1)
        self.assert_thredo_error(Thredo.Error.NOT_OWNER, condition.notify_all)
        self.assert_thredo_error(Thredo.Error.NOT_OWNER, wait_for, condition,
                                 lambda *args: called.append(1))
        result = self.run_async(lambda callback: condition.wait_async(None, callback))
        self.assert_thredo_error(Thredo.Error.NOT_OWNER, condition.wait_finish, result)
        self.assertEqual(called, [])

    def test_predicate(self):
        condition = Thredo.Condition(name="c")
        lock = condition.get_lockable()
        items = []
        asked = []

        def has_item(asked_by, *data):
            asked.append((asked_by, lock.is_owned()))
            return bool(items)

        def take():
            lock.acquire(None)
            lock.acquire(None)
            try:
                wait_for(condition, has_item)
                self.assertEqual(lock.get_depth(), 2)
                return items.pop()
            finally:
                lock.release()
                lock.release()

        thread = self.spawn(take)
        wait_for_wait(thread, "wait on Condition 'c'")
        for item in (None, "item"):
            lock.acquire(None)
            if item:
                items.append(item)
            n_asked = len(asked)
            self.assertEqual(condition.get_n_waiting(), 1)
            condition.notify(1)
            lock.release()
            wait_until(lambda: len(asked) > n_asked, "the predicate asked again")
        thread.join(None)
        self.assertEqual(thread.result, "item")
        self.assertEqual(asked, [(condition, True)] * 3)

    def test_predicate_is_true(self):
        condition = Thredo.Condition.new(None)
        condition.get_lockable().acquire(None)
        self.assertTrue(wait_for(condition, lambda *args: True))
        condition.get_lockable().release()

    def test_cancelled_has_its_lock_back(self):
        condition = Thredo.Condition(name="c")
        lock = condition.get_lockable()

        def wait():
            lock.acquire(None)
            try:
                return condition.wait(None)
            except GLib.Error as error:
                self.assertTrue(error.matches(Gio.io_error_quark(), Gio.IOErrorEnum.CANCELLED))
                return lock.get_depth()
            finally:
                lock.release()

        thread = self.spawn(wait)
        wait_for_wait(thread, "wait on Condition 'c'")
        thread.cancel()
        thread.join(None)
        self.assertEqual(thread.result, 1)
        self.assertEqual(condition.get_n_waiting(), 0)

    def test_async(self):
        condition = Thredo.Condition.new(None)
        lock = condition.get_lockable()
        found = []

        def notify():
            lock.acquire(None)
            found.append(condition.get_n_waiting())
            condition.notify_all()
            lock.release()

        def start(callback):
            lock.acquire(None)
            lock.acquire(None)
            condition.wait_async(None, callback)
            self.assertFalse(lock.is_owned())
            self.spawn(notify).join(None)

        result = self.run_async(start)
        self.assertEqual(found, [1])
        self.assertTrue(condition.wait_finish(result))
        self.assertEqual(lock.release_all(), 2)

    def test_async_cancelled(self):
        condition = Thredo.Condition.new(Thredo.Lock.new())
        lock = condition.get_lockable()
        cancellable = Gio.Cancellable()

        def start(callback):
            lock.acquire(None)
            condition.wait_async(cancellable, callback)
            cancellable.cancel()

        result = self.run_async(start)
        self.assert_io_error(Gio.IOErrorEnum.CANCELLED, condition.wait_finish, result)
        self.assertTrue(lock.is_owned())
        lock.release()


    def test_own_lockable(self):
        class Own(GObject.Object, Thredo.Lockable):
            __gtype_name__ = "TestPythonLockable"

            def __init__(self):
                super().__init__()
                self.inner = threading.RLock()

            def do_acquire(self, cancellable):
                return self.inner.acquire()

            def do_try_acquire(self):
                return self.inner.acquire(blocking=False)

            def do_release(self):
                try:
                    self.inner.release()
                except RuntimeError as error:
                    raise GLib.Error.new_literal(Thredo.error_quark(), str(error),
                                                 Thredo.Error.NOT_OWNER)
                return True

            def do_is_owned(self):
                return self.inner._is_owned()

        own = Own()
        condition = Thredo.Condition(lockable=own, name="c")
        self.assertEqual(condition.get_lockable(), own)
        self.assert_thredo_error(Thredo.Error.NOT_OWNER, condition.notify, 1)
        self.assert_thredo_error(Thredo.Error.NOT_OWNER, own.release)

        def wait():
            self.assertTrue(own.acquire(None))
            self.assertTrue(condition.wait(None))
            self.assertTrue(own.is_owned())
            own.release()

        thread = self.spawn(wait)
        wait_for_wait(thread, "wait on Condition 'c'")
        self.assertTrue(own.try_acquire())
        condition.notify(1)
        own.release()
        thread.join(None)

        # It has no asynchronous form, and is not released for it.
        own.acquire(None)
        result = self.run_async(lambda callback: condition.wait_async(None, callback))
        self.assert_io_error(Gio.IOErrorEnum.NOT_SUPPORTED, condition.wait_finish, result)
        self.assertTrue(own.is_owned())
        own.release()
        result = self.run_async(lambda callback: own.acquire_async(None, callback))
        self.assert_io_error(Gio.IOErrorEnum.NOT_SUPPORTED, own.acquire_finish, result)


class BarrierTest(TestCase):
    def test_indices(self):
        barrier = Thredo.Barrier(parties=3, name="b")
        threads = []
        for n in range(2):
            threads.append(self.spawn(lambda: last(barrier.wait(None))))
            wait_until(lambda: barrier.get_n_waiting() == n + 1, "a member waits")
        self.assertEqual(barrier.props.n_waiting, 2)
        self.assertEqual(last(barrier.wait(None)), 2)
        for thread in threads:
            thread.join(None)
        self.assertEqual([thread.result for thread in threads], [0, 1])
        self.assertEqual(barrier.get_parties(), 3)
        self.assertFalse(barrier.props.broken)

    def test_action(self):
        called = []

        def act(barrier, *data):
            called.append((barrier, Thredo.Thread.self(), data))
            return True

        barrier = Thredo.Barrier.new_with_action(2, act, "data")
        for _ in range(2):
            thread = self.spawn(lambda: last(barrier.wait(None)))
            wait_until(lambda: barrier.get_n_waiting() == 1, "a member waits")
            self.assertEqual(last(barrier.wait(None)), 1)
            thread.join(None)
        self.assertEqual(called, [(barrier, Thredo.Thread.self(), ("data",))] * 2)

    def test_action_fails(self):
        def fail(barrier, *data):
            raise GLib.Error.new_literal(Gio.io_error_quark(), "I am busy", Gio.IOErrorEnum.BUSY)

        barrier = Thredo.Barrier.new_with_action(2, fail)
        thread = self.spawn(lambda: barrier.wait(None))
        wait_until(lambda: barrier.get_n_waiting() == 1, "a member waits")
        self.assert_io_error(Gio.IOErrorEnum.BUSY, barrier.wait, None)
        self.assert_thredo_error(Thredo.Error.BROKEN, thread.join, None)
        self.assertTrue(barrier.is_broken())
        self.assert_thredo_error(Thredo.Error.BROKEN, barrier.wait, None)

    def test_cancelled(self):
        barrier = Thredo.Barrier.new(3)
        threads = []
        for n in range(2):
            threads.append(self.spawn(lambda: barrier.wait(None)))
            wait_until(lambda: barrier.get_n_waiting() == n + 1, "a member waits")
        threads[0].cancel()
        self.assert_thredo_error(Thredo.Error.THREAD_CANCELLED, threads[0].join, None)
        self.assert_thredo_error(Thredo.Error.BROKEN, threads[1].join, None)
        self.assert_thredo_error(Thredo.Error.BROKEN, barrier.wait, None)
        barrier.reset()
        self.assertFalse(barrier.is_broken())

    def test_async(self):
        barrier = Thredo.Barrier.new(2)

        def start(callback):
            barrier.wait_async(None, callback)
            self.assertEqual(last(barrier.wait(None)), 1)

        result = self.run_async(start)
        self.assertEqual(last(barrier.wait_finish(result)), 0)

        def start_broken(callback):
            barrier.wait_async(None, callback)
            barrier.abort()

        result = self.run_async(start_broken)
        self.assert_thredo_error(Thredo.Error.BROKEN, barrier.wait_finish, result)


class MonitorTest(TestCase):
    def setUp(self):
        self.policy = Thredo.get_deadlock_policy()
        self.addCleanup(Thredo.set_deadlock_policy, self.policy)
        # What is warned of goes to nobody.
        GLib.log_set_handler("Thredo", GLib.LogLevelFlags.LEVEL_WARNING |
                             GLib.LogLevelFlags.LEVEL_MESSAGE, self.on_log)
        self.logged = []

    def on_log(self, domain, level, message, *data):
        self.logged.append((level, message))

    def embrace(self):
        """Two threads that hold a lock each and want the other's; the one that closes the circle
        waits for the event first."""
        locks = [Thredo.Lock(name="l0"), Thredo.Lock(name="l1")]
        event = Thredo.Event.new()

        def run(n):
            locks[n].acquire(None)
            try:
                if n == 1:
                    event.wait(None)
                locks[1 - n].acquire(None)
                locks[1 - n].release()
            finally:
                locks[n].release()

        threads = [self.spawn(lambda: run(n), f"t{n}") for n in (1,)]
        wait_until(lambda: locks[1].is_locked(), "l1 locked")
        threads.insert(0, self.spawn(lambda: run(0), "t0"))
        wait_for_wait(threads[0], "acquire on Lock 'l1'")
        event.set()
        return locks, threads

    DESCRIPTION = ("Deadlock of 2 threads: 't1' holds Lock 'l1', waits for Lock 'l0' held by 't0'; "
                   "'t0' holds Lock 'l0', waits for Lock 'l1' held by 't1'")

    def test_policy(self):
        for policy in (Thredo.DeadlockPolicy.FAIL, Thredo.DeadlockPolicy.CANCEL,
                       Thredo.DeadlockPolicy.REPORT):
            Thredo.set_deadlock_policy(policy)
            self.assertEqual(Thredo.get_deadlock_policy(), policy)

    def test_fail(self):
        Thredo.set_deadlock_policy(Thredo.DeadlockPolicy.FAIL)
        locks, threads = self.embrace()
        error = self.assert_thredo_error(Thredo.Error.DEADLOCK, threads[1].join, None)
        self.assertEqual(error.message, self.DESCRIPTION)
        self.assertTrue(threads[0].join(None))

    def test_cancel(self):
        Thredo.set_deadlock_policy(Thredo.DeadlockPolicy.CANCEL)
        locks, threads = self.embrace()
        # The younger of the two, which was not the one that closed the circle.
        self.assert_thredo_error(Thredo.Error.THREAD_CANCELLED, threads[0].join, None)
        self.assertTrue(threads[1].join(None))

    def test_signal_and_find(self):
        Thredo.set_deadlock_policy(Thredo.DeadlockPolicy.REPORT)
        monitor = Thredo.Monitor.new()
        self.assertEqual(monitor.find_deadlocks(), [])
        heard = []
        loop = GLib.MainLoop()

        def on_deadlock(source, deadlock):
            heard.append((source, deadlock))
            loop.quit()

        monitor.connect("deadlock", on_deadlock)
        limit = GLib.timeout_add_seconds(LIMIT, loop.quit)
        locks, threads = self.embrace()
        loop.run()
        GLib.source_remove(limit)
        self.assertEqual(len(heard), 1)
        self.assertEqual(heard[0][0], monitor)
        wait_for_wait(threads[1], "acquire on Lock 'l0'")
        found = monitor.find_deadlocks()
        self.assertEqual(len(found), 1)
        for deadlock in (heard[0][1], found[0]):
            members = deadlock.get_threads()
            objects = deadlock.get_objects()
            self.assertEqual(set(members), set(threads))
            for n, member in enumerate(members):
                # Each waits for what the next one has.
                self.assertEqual(objects[n].get_owner(), members[(n + 1) % 2])
                self.assertEqual(objects[n], locks[1 - threads.index(member)])
        self.assertEqual(heard[0][1].get_description(), self.DESCRIPTION)
        self.assertEqual(heard[0][1].props.description, self.DESCRIPTION)
        self.assertEqual([message for level, message in self.logged], [self.DESCRIPTION])

        threads[0].cancel()
        self.assert_thredo_error(Thredo.Error.THREAD_CANCELLED, threads[0].join, None)
        self.assertTrue(threads[1].join(None))
        self.assertEqual(monitor.find_deadlocks(), [])
        # What was told stays.
        self.assertEqual(set(heard[0][1].get_threads()), set(threads))
        self.assertEqual(heard[0][1].get_objects()[0].get_owner(), None)

    def test_join(self):
        Thredo.set_deadlock_policy(Thredo.DeadlockPolicy.FAIL)
        lock = Thredo.RLock(name="r")
        lock.acquire(None)
        thread = self.spawn(lambda: lock.acquire(None), "joined")
        wait_for_wait(thread, "acquire on RLock 'r'")
        Thredo.Thread.self().set_name("main")
        error = self.assert_thredo_error(Thredo.Error.DEADLOCK, thread.join, None)
        self.assertEqual(error.message, "Deadlock of 2 threads: 'main' holds RLock 'r', waits for "
                         "the end of Thread 'joined'; 'joined' waits for RLock 'r' held by 'main'")
        thread.cancel()
        thread.wait(None)
        lock.release()

    def test_snapshot(self):
        monitor = Thredo.Monitor.new()
        locks = [Thredo.Lock(name="a"), Thredo.RLock(name="b")]
        event = Thredo.Event(name="e")

        def run():
            for lock in locks:
                lock.acquire(None)
            try:
                event.wait(None)
            finally:
                for lock in locks:
                    lock.release()

        before = GLib.get_monotonic_time()
        thread = self.spawn(run, "seen")
        wait_for_wait(thread, "wait on Event 'e'")
        infos = monitor.snapshot()
        self.assertEqual(sorted(info.get_id() for info in infos), [info.get_id() for info in infos])
        info = [info for info in infos if info.get_thread() == thread][0]
        self.assertEqual(info.get_id(), thread.get_id())
        self.assertEqual(info.get_name(), "seen")
        self.assertEqual(info.get_state(), Thredo.ThreadState.WAITING)
        self.assertEqual(info.get_waiting_for(), "wait on Event 'e'")
        self.assertTrue(before <= info.get_waiting_since() <= GLib.get_monotonic_time())
        self.assertGreaterEqual(info.get_n_waits(), 1)
        self.assertEqual(sorted(info.get_held()), ["Lock 'a'", "RLock 'b'"])
        self.assertEqual(sorted(info.props.held), ["Lock 'a'", "RLock 'b'"])
        self.assertEqual(info.props.waiting_for, info.get_waiting_for())
        own = [info for info in infos if info.get_thread() == Thredo.Thread.self()][0]
        self.assertEqual(own.get_state(), Thredo.ThreadState.RUNNING)
        self.assertIsNone(own.get_waiting_for())
        self.assertEqual(own.get_held(), [])
        event.set()
        thread.join(None)
        # What was seen stays; what is live is another matter.
        self.assertEqual(info.get_state(), Thredo.ThreadState.WAITING)
        self.assertNotIn(thread, [info.get_thread() for info in monitor.snapshot()])


if __name__ == "__main__":
    unittest.main()
