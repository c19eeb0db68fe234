# SPDX-License-Identifier: LGPL-2.1-or-later
"""Queues."""

import unittest

from support import Case, Thredo, until_waiting


class QueueTest(Case):
    def test_order(self):
        for cls, expected in ((Thredo.Queue, [2, 3, 1]), (Thredo.LifoQueue, [1, 3, 2]),
                              (Thredo.PriorityQueue, [1, 2, 3])):
            queue = cls()
            for item in 2, 3, 1:
                queue.put(item)
            self.assertEqual((queue.qsize(), queue.empty(), queue.full()), (3, False, False))
            self.assertEqual([queue.get() for i in range(3)], expected)
            self.assertTrue(queue.empty())

    def test_size(self):
        queue = Thredo.Queue(1, name="q")
        self.assertEqual((queue.maxsize, queue.name), (1, "q"))
        queue.put_nowait(1)
        self.assertTrue(queue.full())
        for put in (queue.put_nowait, lambda item: queue.put(item, False), lambda item: queue.put(item, timeout=0.001),
                    lambda item: queue.put(item=item, block=False)):
            with self.assertRaises(Thredo.Full):
                put(2)
        self.assertEqual(queue.get(), 1)
        for get in queue.get_nowait, lambda: queue.get(block=False), lambda: queue.get(True, 0.001):
            with self.assertRaises(Thredo.Empty):
                get()
        self.assertEqual(Thredo.Queue(-1).maxsize, 0)

    def test_bad_arguments(self):
        queue = Thredo.Queue()
        for call in (lambda: queue.put(), lambda: queue.get(1, 2, 3), lambda: queue.get(timeout="a"),
                     lambda: queue.get(nonsense=1), lambda: queue.put(1, cancellable=5),
                     lambda: queue.get(True, block=False), lambda: queue.get(True, 0.001, timeout=0.001),
                     lambda: Thredo.Event().wait(0.001, timeout=0.001),
                     lambda: Thredo.Lock().acquire(True, blocking=False)):
            with self.assertRaises(TypeError):
                call()
        with self.assertRaises(ValueError):
            queue.get(timeout=-1)
        with self.assertRaises(ValueError):
            queue.get(timeout=float("nan"))
        with self.assertRaises(OverflowError):
            queue.get(timeout=1e300)

    def test_join(self):
        queue = Thredo.Queue()
        for i in range(3):
            queue.put(i)
        self.assertFalse(queue.join(timeout=0.001))
        self.assertEqual(queue.unfinished_tasks, 3)
        joiner = Thredo.spawn(queue.join)
        until_waiting(joiner)
        for i in range(3):
            queue.get()
            queue.task_done()
        self.assertTrue(joiner.join())
        with self.assertRaises(ValueError):
            queue.task_done()

    def test_close(self):
        for cls in Thredo.Queue, Thredo.LifoQueue, Thredo.PriorityQueue:
            queue = cls()
            queue.put(1)
            queue.close()
            self.assertTrue(queue.closed)
            with self.assertRaises(Thredo.ClosedError):
                queue.put(2)
            self.assertEqual(queue.get(), 1)
            for get in queue.get, queue.get_nowait:
                with self.assertRaises(Thredo.ClosedError):
                    get()

    def test_close_wakes(self):
        empty, full = Thredo.Queue(), Thredo.Queue(1)
        full.put(1)
        threads = [Thredo.spawn(empty.get), Thredo.spawn(full.put, 2)]
        until_waiting(threads[0])
        until_waiting(threads[1])
        empty.close()
        full.close()
        for thread in threads:
            with self.assertRaises(Thredo.ThreadError) as caught:
                thread.join()
            self.assertIsInstance(caught.exception.__cause__, Thredo.ClosedError)

    def test_iteration(self):
        queue = Thredo.Queue()
        thread = Thredo.spawn(list, queue)
        for i in range(5):
            queue.put(i)
        queue.close()
        self.assertEqual(thread.join(), list(range(5)))
        self.assertEqual(list(queue), [])

    def test_iteration_is_cancelled(self):
        thread = Thredo.spawn(list, Thredo.Queue())
        until_waiting(thread)
        thread.cancel()
        self.assertIsInstance(thread.exception, Thredo.ThreadCancelled)


class PriorityTest(Case):
    def test_equal(self):
        class Item:
            def __init__(self, priority, number):
                self.priority, self.number = priority, number

            def __lt__(self, other):
                return self.priority < other.priority

        queue = Thredo.PriorityQueue()
        for number in range(30):
            queue.put(Item(number % 3, number))
        numbers = [queue.get().number for i in range(30)]
        self.assertEqual(numbers, [*range(0, 30, 3), *range(1, 30, 3), *range(2, 30, 3)])

    def test_incomparable(self):
        """Is not put; and nothing that is there is lost."""
        queue = Thredo.PriorityQueue()
        queue.put("a")
        for put in queue.put, queue.put_nowait, lambda item: queue.put(item, timeout=1):
            with self.assertRaises(TypeError):
                put(1)
        self.assertEqual((queue.qsize(), queue.unfinished_tasks), (1, 1))
        self.assertEqual(queue.get(), "a")
        queue.put(None)
        with self.assertRaises(TypeError):
            queue.put(None)
        self.assertIsNone(queue.get())

    def test_incomparable_while_it_waits(self):
        queue = Thredo.PriorityQueue(2)
        queue.put(1)
        queue.put(2)
        bad = Thredo.spawn(queue.put, "a")
        until_waiting(bad)
        good = Thredo.spawn(queue.put, 0)
        until_waiting(good)
        hook, unraisable = __import__("sys"), []
        before, hook.unraisablehook = hook.unraisablehook, lambda report: unraisable.append(report.exc_type)
        try:
            self.assertEqual(queue.get(), 1)
        finally:
            hook.unraisablehook = before
        good.join()
        with self.assertRaises(Thredo.ThreadError) as caught:
            bad.join()
        self.assertIsInstance(caught.exception.__cause__, TypeError)
        self.assertEqual([queue.get(), queue.get()], [0, 2])
        self.assertEqual(unraisable, [TypeError])

    def test_own_exception(self):
        error = ZeroDivisionError("why")

        class Bad:
            def __lt__(self, other):
                raise error

        queue = Thredo.PriorityQueue()
        queue.put(Bad())
        with self.assertRaises(ZeroDivisionError) as caught:
            queue.put(Bad())
        self.assertIs(caught.exception, error)
        self.assertEqual(queue.qsize(), 1)


class RaceTest(Case):
    """Cancels against what is waited for: both happen, and nothing is lost or doubled."""

    ROUNDS = 20_000

    def race(self, wait, complete, settle):
        """wait() in a thread and complete() here, with a cancel from a third; settle(whether it was done)."""
        outcomes = {True: 0, False: 0}
        rounds, scopes, done, go = Thredo.Queue(), Thredo.Queue(), Thredo.Queue(), Thredo.Queue()

        def waiter():
            for i in rounds:
                with Thredo.Scope() as scope:
                    scopes.put(scope)
                    try:
                        wait()
                        outcome = True
                    except Thredo.CancelledError:
                        outcome = False
                done.put(outcome)

        def canceller():
            for scope in go:
                scope.cancel()

        threads = [Thredo.spawn(waiter), Thredo.spawn(canceller)]
        for i in range(self.ROUNDS):
            rounds.put(i)
            scope = scopes.get()
            if i % 3 == 0:
                go.put(scope)
                complete()
            elif i % 3 == 1:
                scope.cancel()
                complete()
            else:
                complete()
                go.put(scope)
            outcome = done.get()
            outcomes[outcome] += 1
            settle(outcome)
        rounds.close()
        go.close()
        for thread in threads:
            thread.join()
        self.assertGreater(outcomes[True], 0)
        self.assertGreater(outcomes[False], 0)

    def test_get(self):
        queue = Thredo.Queue()

        def settle(done):
            self.assertEqual(queue.qsize(), 0 if done else 1)
            if not done:
                queue.get()

        self.race(queue.get, lambda: queue.put(1), settle)

    def test_put(self):
        queue = Thredo.Queue(1)
        queue.put("old")

        def settle(done):
            self.assertEqual(queue.qsize(), 1 if done else 0)
            if not done:
                queue.put("old")

        self.race(lambda: queue.put("new"), queue.get, settle)

    def test_acquire(self):
        semaphore = Thredo.Semaphore(0)

        def settle(done):
            self.assertEqual(semaphore.value, 0 if done else 1)
            if not done:
                semaphore.acquire()

        self.race(semaphore.acquire, semaphore.release, settle)

    def test_lock(self):
        lock = Thredo.Lock()
        lock.acquire()

        def wait():
            with lock:
                pass

        def settle(done):
            with Thredo.timeout_after(60):
                lock.acquire()

        self.race(wait, lock.release, settle)
        lock.release()

    def test_event(self):
        event = Thredo.Event()
        self.race(event.wait, event.set, lambda done: event.clear())


if __name__ == "__main__":
    unittest.main()
