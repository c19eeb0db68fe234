# SPDX-License-Identifier: LGPL-2.1-or-later
"""The core from Python, by plain introspection, without thredo's own overrides."""

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


def wait_for_state(thread, state):
    limit = time.monotonic() + LIMIT
    while thread.get_state() != state:
        if time.monotonic() > limit:
            raise AssertionError(f"Hang: {thread.get_name()} is {thread.get_state()}, not {state}")
        time.sleep(0.0001)


def sleep_forever(thread, *data):
    return Thredo.sleep(FOREVER, None)


class TestCase(unittest.TestCase):
    def assert_error(self, domain, code, function, *args):
        with self.assertRaises(GLib.Error) as caught:
            function(*args)
        error = caught.exception
        self.assertTrue(error.matches(domain, code), f"{error.domain} {error.code}: {error.message}")
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


class ThreadTest(TestCase):
    def test_result_by_join(self):
        def add_up(thread, numbers):
            thread.set_result(sum(numbers))
            return True

        thread = Thredo.Thread.spawn("adder", add_up, [1, 2, 3, 4])
        self.assertTrue(thread.join(None))
        self.assertEqual(last(thread.get_result()), 10)
        self.assertEqual(thread.get_state(), Thredo.ThreadState.FINISHED)
        self.assertFalse(thread.is_alive())

    def test_string_result(self):
        def answer(thread, *data):
            thread.set_result("forty-two")
            return True

        thread = Thredo.Thread.spawn("t", answer)
        thread.join(None)
        self.assertEqual(last(thread.get_result()), "forty-two")

    def test_error_by_join(self):
        def fail(thread, *data):
            raise GLib.Error.new_literal(Gio.io_error_quark(), "I am busy", Gio.IOErrorEnum.BUSY)

        thread = Thredo.Thread.spawn("t", fail)
        error = self.assert_io_error(Gio.IOErrorEnum.BUSY, thread.join, None)
        self.assertEqual(error.message, "I am busy")
        self.assertEqual(thread.get_state(), Thredo.ThreadState.FAILED)
        self.assertTrue(thread.get_error().matches(Gio.io_error_quark(), Gio.IOErrorEnum.BUSY))
        self.assertTrue(thread.wait(None))

    def test_false_without_error(self):
        thread = Thredo.Thread.spawn("t", lambda thread, *data: False)
        self.assert_thredo_error(Thredo.Error.FAILED, thread.join, None)

    def test_error_of_the_library_passes_through(self):
        def wait_too_long(thread, *data):
            scope = Thredo.Scope.new_with_timeout(1000)
            scope.enter()
            try:
                return Thredo.sleep(FOREVER, None)
            finally:
                scope.leave()

        thread = Thredo.Thread.spawn("t", wait_too_long)
        self.assert_io_error(Gio.IOErrorEnum.TIMED_OUT, thread.join, None)

    def test_cancel(self):
        thread = Thredo.Thread.spawn("sleeper", sleep_forever)
        wait_for_state(thread, Thredo.ThreadState.WAITING)
        self.assertEqual(thread.dup_waiting_for(), "sleep")
        thread.cancel()
        self.assert_thredo_error(Thredo.Error.THREAD_CANCELLED, thread.join, None)
        self.assertEqual(thread.get_state(), Thredo.ThreadState.CANCELLED)

    def test_cancel_caught(self):
        def catch(thread, *data):
            try:
                Thredo.sleep(FOREVER, None)
            except GLib.Error as error:
                if not error.matches(Gio.io_error_quark(), Gio.IOErrorEnum.CANCELLED):
                    raise
                thread.set_result("caught")
            return True

        thread = Thredo.Thread.spawn("t", catch)
        wait_for_state(thread, Thredo.ThreadState.WAITING)
        thread.cancel()
        thread.join(None)
        self.assertEqual(last(thread.get_result()), "caught")

    def test_new_and_start(self):
        ran = []

        def note(thread, *data):
            ran.append(Thredo.Thread.self() == thread)
            return True

        thread = Thredo.Thread.new("t", note)
        self.assertEqual(thread.get_state(), Thredo.ThreadState.NEW)
        self.assertTrue(thread.start())
        self.assert_thredo_error(Thredo.Error.STATE, thread.start)
        thread.join(None)
        self.assertEqual(ran, [True])

    def test_derived(self):
        class Counter(Thredo.Thread):
            __gtype_name__ = "TestPythonCounter"

            def __init__(self):
                super().__init__()
                self.n = 0

            def do_run(self):
                self.n += 1
                return True

        counter = Counter()
        counter.set_name("counter")
        self.assertEqual(counter.get_name(), "counter")
        counter.start()
        counter.join(None)
        self.assertEqual(counter.n, 1)

    def test_derived_fails(self):
        class Failing(Thredo.Thread):
            __gtype_name__ = "TestPythonFailing"

            def do_run(self):
                raise GLib.Error.new_literal(Gio.io_error_quark(), "I am busy", Gio.IOErrorEnum.BUSY)

        thread = Failing()
        thread.start()
        self.assert_io_error(Gio.IOErrorEnum.BUSY, thread.join, None)

    def test_join_async(self):
        thread = Thredo.Thread.spawn("sleeper", sleep_forever)

        def start(callback):
            thread.join_async(None, callback)
            thread.cancel()

        result = self.run_async(start)
        self.assert_thredo_error(Thredo.Error.THREAD_CANCELLED, thread.join_finish, result)

    def test_join_with_cancellable(self):
        thread = Thredo.Thread.spawn("sleeper", sleep_forever)
        cancellable = Gio.Cancellable()
        cancellable.cancel()
        self.assert_io_error(Gio.IOErrorEnum.CANCELLED, thread.join, cancellable)
        self.assertTrue(thread.is_alive())
        thread.cancel()
        thread.wait(None)

    def test_python_thread(self):
        threads = []

        def wait():
            threads.append(Thredo.Thread.self())
            try:
                Thredo.sleep(FOREVER, None)
            except GLib.Error as error:
                threads.append(error)

        foreigner = threading.Thread(target=wait)
        foreigner.start()
        while not threads:
            time.sleep(0.0001)
        wait_for_state(threads[0], Thredo.ThreadState.WAITING)
        self.assertIn(threads[0], Thredo.Thread.list_all())
        threads[0].cancel()
        foreigner.join()
        self.assertTrue(threads[1].matches(Gio.io_error_quark(), Gio.IOErrorEnum.CANCELLED))
        self.assertTrue(threads[0].join(None))
        self.assertEqual(threads[0].get_state(), Thredo.ThreadState.FINISHED)

    def test_waiting_releases_the_interpreter(self):
        queue = Thredo.Queue.new(0)
        thread = Thredo.Thread.spawn("putter", lambda thread, *data: queue.put(1, None))
        self.assertEqual(last(queue.get(None)), 1)
        thread.join(None)

    def test_many(self):
        def double(thread, n):
            thread.set_result(2 * n)
            return True

        threads = [Thredo.Thread.spawn("t", double, n) for n in range(100)]
        for n, thread in enumerate(threads):
            thread.join(None)
            self.assertEqual(last(thread.get_result()), 2 * n)

    def test_run(self):
        def first(thread, *data):
            return Thredo.sleep(1000, None)

        def fail(thread, *data):
            raise GLib.Error.new_literal(Gio.io_error_quark(), "I am busy", Gio.IOErrorEnum.BUSY)

        self.assertTrue(Thredo.run(Thredo.RunFlags.DEFAULT, first))
        self.assert_io_error(Gio.IOErrorEnum.BUSY, Thredo.run, Thredo.RunFlags.DEFAULT, fail)


class ScopeTest(TestCase):
    def test_timeout(self):
        scope = Thredo.Scope.new_with_timeout(1000)
        scope.enter()
        self.assert_io_error(Gio.IOErrorEnum.TIMED_OUT, Thredo.sleep, FOREVER, None)
        scope.leave()
        self.assertTrue(scope.is_expired())
        self.assertTrue(Thredo.sleep(0, None))

    def test_cancel(self):
        scope = Thredo.Scope.new()
        scope.enter()
        self.assertEqual(Thredo.get_cancellable(), scope.get_cancellable())
        self.assertEqual(Gio.Cancellable.get_current(), scope.get_cancellable())
        scope.cancel()
        self.assert_io_error(Gio.IOErrorEnum.CANCELLED, Thredo.sleep, 0, None)
        self.assert_io_error(Gio.IOErrorEnum.CANCELLED, Thredo.check_cancelled, None)
        scope.leave()
        self.assertTrue(Thredo.check_cancelled(None))

    def test_shield(self):
        outer = Thredo.Scope.new()
        shield = Thredo.Scope.new_shielded()
        outer.enter()
        outer.cancel()
        shield.enter()
        self.assertTrue(Thredo.sleep(0, None))
        shield.leave()
        self.assert_io_error(Gio.IOErrorEnum.CANCELLED, Thredo.sleep, 0, None)
        outer.leave()

    def test_properties(self):
        scope = Thredo.Scope.new()
        self.assertEqual(scope.props.deadline, Thredo.NO_DEADLINE)
        self.assertFalse(scope.props.shielded)
        scope.props.shielded = True
        self.assertTrue(scope.get_shielded())


class QueueTest(TestCase):
    def test_items(self):
        queue = Thredo.Queue.new(0)
        thing = GObject.Object()
        items = [1, -1.5, "text", True, thing]
        for item in items:
            self.assertTrue(queue.put(item, None))
        self.assertEqual(queue.get_length(), len(items))
        for item in items:
            self.assertEqual(last(queue.get(None)), item)
        self.assertTrue(queue.is_empty())

    def test_python_object(self):
        # A Python object that is none of GObject's travels as it is.
        queue = Thredo.Queue.new(0)
        item = {"a": [1, 2, 3]}
        queue.put(GObject.Value(GObject.TYPE_PYOBJECT, item), None)
        self.assertIs(last(queue.get(None)), item)

    def test_orders(self):
        lifo = Thredo.Queue(order=Thredo.QueueOrder.LIFO)
        smallest_first = Thredo.Queue.new_priority(0, None)
        for n in (2, 3, 1):
            lifo.put(n, None)
            smallest_first.put(n, None)
        self.assertEqual([last(lifo.get(None)) for _ in range(3)], [1, 3, 2])
        self.assertEqual([last(smallest_first.get(None)) for _ in range(3)], [1, 2, 3])

    def test_compare(self):
        def longer_first(a, b, *data):
            return len(b) - len(a)

        queue = Thredo.Queue.new_priority(0, longer_first)
        for item in ("a", "ccc", "bb"):
            queue.put(item, None)
        self.assertEqual([last(queue.get(None)) for _ in range(3)], ["ccc", "bb", "a"])

    def test_try(self):
        queue = Thredo.Queue.new(1)
        self.assert_io_error(Gio.IOErrorEnum.WOULD_BLOCK, queue.try_get)
        self.assertTrue(queue.try_put(1))
        self.assertTrue(queue.is_full())
        self.assert_io_error(Gio.IOErrorEnum.WOULD_BLOCK, queue.try_put, 2)
        self.assertEqual(last(queue.try_get()), 1)

    def test_close(self):
        queue = Thredo.Queue.new(0)
        queue.put(1, None)
        queue.close()
        self.assert_io_error(Gio.IOErrorEnum.CLOSED, queue.put, 2, None)
        self.assertEqual(last(queue.get(None)), 1)
        self.assert_io_error(Gio.IOErrorEnum.CLOSED, queue.get, None)

    def test_worker_pool(self):
        jobs = Thredo.Queue.new(10)
        done = []

        def work(thread, *data):
            while True:
                done.append(last(jobs.get(None)))
                jobs.task_done()

        group = Thredo.Group.new(Thredo.GroupWait.ALL)
        for n in range(4):
            group.spawn(f"worker {n}", work)
        for n in range(200):
            jobs.put(n, None)
        self.assertTrue(jobs.join(None))
        self.assertEqual(sorted(done), list(range(200)))
        group.cancel()
        self.assertTrue(group.join(None))

    def test_get_async(self):
        queue = Thredo.Queue.new(0)

        def start(callback):
            queue.get_async(None, callback)
            queue.put("late", None)

        result = self.run_async(start)
        self.assertEqual(last(queue.get_finish(result)), "late")

    def test_get_async_cancelled(self):
        queue = Thredo.Queue.new(0)
        cancellable = Gio.Cancellable()

        def start(callback):
            queue.get_async(cancellable, callback)
            cancellable.cancel()

        result = self.run_async(start)
        self.assert_io_error(Gio.IOErrorEnum.CANCELLED, queue.get_finish, result)
        queue.put(1, None)
        self.assertEqual(last(queue.get(None)), 1)

    def test_get_async_from_a_thread(self):
        queue = Thredo.Queue.new(0)

        def start(callback):
            queue.get_async(None, callback)
            Thredo.Thread.spawn("putter", lambda thread, *data: queue.put("from afar", None))

        result = self.run_async(start)
        self.assertEqual(last(queue.get_finish(result)), "from afar")

    def test_put_async(self):
        queue = Thredo.Queue.new(1)
        queue.put(1, None)

        def start(callback):
            queue.put_async(2, None, callback)
            self.assertEqual(last(queue.get(None)), 1)

        result = self.run_async(start)
        self.assertTrue(queue.put_finish(result))
        self.assertEqual(last(queue.get(None)), 2)

    def test_join_async(self):
        queue = Thredo.Queue.new(0)
        queue.put(1, None)

        def start(callback):
            queue.join_async(None, callback)
            queue.get(None)
            queue.task_done()

        result = self.run_async(start)
        self.assertTrue(queue.join_finish(result))


class GroupTest(TestCase):
    def test_join(self):
        group = Thredo.Group.new(Thredo.GroupWait.ALL)
        threads = [group.spawn("t", lambda thread, *data: True) for _ in range(10)]
        self.assertEqual(threads[0].get_group(), group)
        self.assertTrue(group.join(None))
        for thread in threads:
            self.assertEqual(thread.get_state(), Thredo.ThreadState.FINISHED)

    def test_failure_cancels_the_rest(self):
        def fail(thread, *data):
            raise GLib.Error.new_literal(Gio.io_error_quark(), "I am busy", Gio.IOErrorEnum.BUSY)

        group = Thredo.Group.new(Thredo.GroupWait.ALL)
        sleeper = group.spawn("sleeper", sleep_forever)
        group.spawn("failing", fail)
        self.assert_io_error(Gio.IOErrorEnum.BUSY, group.join, None)
        self.assertEqual(sleeper.get_state(), Thredo.ThreadState.CANCELLED)

    def test_first_result(self):
        def answer(thread, *data):
            thread.set_result("mine")
            return True

        group = Thredo.Group.new(Thredo.GroupWait.RESULT)
        group.spawn("sleeper", sleep_forever)
        winner = group.spawn("winner", answer)
        self.assertTrue(group.join(None))
        self.assertEqual(group.get_completed(), winner)
        self.assertEqual(last(winner.get_result()), "mine")

    def test_next_done(self):
        group = Thredo.Group.new(Thredo.GroupWait.ALL)
        threads = {group.spawn("t", lambda thread, *data: True) for _ in range(5)}
        done = set()
        while (thread := group.next_done(None)) is not None:
            done.add(thread)
        self.assertEqual(done, threads)
        self.assertTrue(group.join(None))

    def test_next_result(self):
        def double(thread, n):
            thread.set_result(2 * n)
            return True

        group = Thredo.Group.new(Thredo.GroupWait.ALL)
        for n in range(5):
            group.spawn("t", double, n)
        results = [last(group.next_result(None)) for _ in range(5)]
        self.assertEqual(sorted(results), [0, 2, 4, 6, 8])
        self.assert_thredo_error(Thredo.Error.STATE, group.next_result, None)
        group.join(None)

    def test_join_async(self):
        group = Thredo.Group.new(Thredo.GroupWait.ALL)
        threads = [group.spawn("sleeper", sleep_forever) for _ in range(3)]

        def start(callback):
            group.join_async(None, callback)
            group.cancel()

        result = self.run_async(start)
        self.assertTrue(group.join_finish(result))
        for thread in threads:
            self.assertFalse(thread.is_alive())

    def test_next_done_async(self):
        group = Thredo.Group.new(Thredo.GroupWait.ALL)
        sleeper = group.spawn("sleeper", sleep_forever)

        def start(callback):
            group.next_done_async(None, callback)
            sleeper.cancel()

        result = self.run_async(start)
        self.assertEqual(group.next_done_finish(result), sleeper)
        self.assertTrue(group.join(None))

    def test_add(self):
        group = Thredo.Group.new(Thredo.GroupWait.ALL)
        thread = Thredo.Thread.new("t", lambda thread, *data: True)
        self.assertTrue(group.add(thread))
        self.assertIn(thread, [thread] + group.get_threads())
        self.assertTrue(group.join(None))
        self.assert_thredo_error(Thredo.Error.STATE, group.join, None)
        self.assert_thredo_error(Thredo.Error.STATE, group.spawn, "late", sleep_forever)


class LoopTest(TestCase):
    def test_main_context(self):
        seen = threading.Event()
        source = GLib.idle_source_new()
        source.set_callback(lambda *data: seen.set())
        source.attach(Thredo.get_main_context())
        self.assertTrue(seen.wait(LIMIT))


if __name__ == "__main__":
    unittest.main()
