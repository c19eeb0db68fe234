# SPDX-License-Identifier: LGPL-2.1-or-later
"""Locks and their kin: what goes beyond threading, whose tests are run by test_stdlib.py."""

import signal
import unittest

from support import Case, Thredo, until, until_waiting


class LockTest(Case):
    def test_owner(self):
        for cls in Thredo.Lock, Thredo.RLock:
            lock = cls(name="l")
            self.assertEqual((lock.name, lock.locked(), lock.owner), ("l", False, None))
            with lock:
                self.assertTrue(lock.locked())
                self.assertIs(lock.owner, Thredo.enable())
                self.assertFalse(Thredo.spawn(lock.acquire, False).join())
            self.assertFalse(lock.locked())

    def test_depth(self):
        lock = Thredo.RLock()
        with lock, lock:
            self.assertEqual(lock.depth, 2)
        self.assertEqual(lock.depth, 0)

    def test_abandoned(self):
        lock = Thredo.Lock()
        Thredo.spawn(lock.acquire).join()
        until(lambda: not lock.locked())
        with lock:
            self.assertTrue(lock.abandoned)
        with lock:
            self.assertFalse(lock.abandoned)

    def test_not_blocking(self):
        with Thredo.Scope(timeout=0):
            lock = Thredo.Lock()
            self.assertTrue(lock.acquire(False))  # which never waits, and so obeys nobody
            lock.release()
        with self.assertRaises(ValueError):
            lock.acquire(False, 1)
        with self.assertRaises(ValueError):
            lock.acquire(True, -2)

    def test_subclass(self):
        class Own(Thredo.Lock):
            pass

        with Own() as acquired:
            self.assertTrue(acquired)


class SemaphoreTest(Case):
    def test_value(self):
        semaphore = Thredo.Semaphore(3)
        with semaphore:
            self.assertEqual(semaphore.value, 2)
        semaphore.release(2)
        self.assertEqual(semaphore.value, 5)
        self.assertEqual(Thredo.Semaphore().value, 1)

    def test_bounded(self):
        semaphore = Thredo.BoundedSemaphore(2)
        self.assertEqual((semaphore.value, semaphore.bound), (2, 2))
        with self.assertRaises(ValueError):
            semaphore.release()
        semaphore.acquire()
        with self.assertRaises(ValueError):
            semaphore.release(2)
        self.assertEqual(semaphore.value, 1)


class ConditionTest(Case):
    def test_producer_and_consumer(self):
        condition, items, got = Thredo.Condition(), [], []

        def consume():
            for i in range(100):
                with condition:
                    condition.wait_for(lambda: items)
                    got.append(items.pop(0))
                    condition.notify_all()

        def produce():
            for i in range(100):
                with condition:
                    condition.wait_for(lambda: not items)
                    items.append(i)
                    condition.notify_all()

        threads = [Thredo.spawn(consume), Thredo.spawn(produce)]
        for thread in threads:
            thread.join()
        self.assertEqual(got, list(range(100)))

    def test_has_the_lock_back(self):
        lock = Thredo.Lock()
        condition = Thredo.Condition(lock)
        owned = []

        def work():
            with condition:
                try:
                    condition.wait()
                finally:
                    owned.append(lock.owner is Thredo.enable())

        thread = Thredo.spawn(work)
        until_waiting(thread)
        with lock:
            thread.cancel(blocking=False)
            self.assertEqual(owned, [])
        thread.wait()
        self.assertEqual(owned, [True])

    def test_not_owner(self):
        condition = Thredo.Condition()
        for call in condition.notify, condition.notify_all, condition.wait:
            with self.assertRaises(Thredo.NotOwnerError):
                call()


class BarrierTest(Case):
    def test_meet(self):
        acted = []
        barrier = Thredo.Barrier(3, lambda: acted.append(len(acted)))
        self.assertEqual((barrier.parties, barrier.n_waiting, barrier.broken), (3, 0, False))
        for i in range(20):
            threads = [Thredo.spawn(barrier.wait) for j in range(3)]
            self.assertEqual(sorted(thread.join() for thread in threads), [0, 1, 2])
        self.assertEqual(acted, list(range(20)))

    def test_action_fails(self):
        error = ZeroDivisionError("why")

        def fail():
            raise error

        barrier = Thredo.Barrier(2, fail)
        threads = [Thredo.spawn(barrier.wait) for i in range(2)]
        for thread in threads:
            thread.wait()
        failures = sorted((thread.exception for thread in threads), key=lambda failure: failure is not error)
        self.assertIs(failures[0], error)
        self.assertIsInstance(failures[1], Thredo.BrokenBarrierError)
        self.assertTrue(barrier.broken)
        barrier.reset()
        self.assertFalse(barrier.broken)

    def test_abort(self):
        barrier = Thredo.Barrier(2)
        thread = Thredo.spawn(barrier.wait)
        until_waiting(thread)
        barrier.abort()
        thread.wait()
        self.assertIsInstance(thread.exception, Thredo.BrokenBarrierError)
        with self.assertRaises(ValueError):
            Thredo.Barrier(0)


class SignalEventTest(Case):
    def test_wait(self):
        with Thredo.SignalEvent(signal.SIGUSR1, signal.SIGUSR2) as event:
            self.assertIsNone(event.wait(timeout=0.001))
            event.set()
            self.assertIs(event.wait(), signal.SIGUSR1)
            signal.raise_signal(signal.SIGUSR2)
            self.assertIs(event.wait(), signal.SIGUSR2)
            thread = Thredo.spawn(event.wait)
            until_waiting(thread)
            event.set()
            self.assertIs(thread.join(), signal.SIGUSR1)

    def test_bad(self):
        with self.assertRaises(ValueError):
            Thredo.SignalEvent()
        with self.assertRaises(ValueError):
            Thredo.SignalEvent(signal.SIGKILL)
        with self.assertRaises(ValueError):
            Thredo.SignalEvent((1 << 32) + signal.SIGUSR1)
        with self.assertRaises((TypeError, ValueError)):
            Thredo.SignalEvent("SIGUSR1")


if __name__ == "__main__":
    unittest.main()
