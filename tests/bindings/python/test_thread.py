# SPDX-License-Identifier: LGPL-2.1-or-later
"""Threads: results, failures, cancels; any object as argument and result."""

import gc
import logging
import os
import pathlib
import threading
import traceback
import unittest

from gi.repository import Gio, GLib, GObject

from support import Case, Foreign, Thredo, forking, until, until_waiting


def objects():
    """One of each kind."""
    cycle = []
    cycle.append(cycle)
    own = GObject.Object()
    own.attribute = 1
    return [0, -1, 10 ** 1000, -(1 << 64), 1.5, float("inf"), True, "text", "\0 \ud800", b"\0\xff", bytearray(b"a"), (), (1, (2,)), {1: 2},
            {1}, ValueError("why"), KeyboardInterrupt(), ValueError, type, lambda: 1, len, cycle, object(), own,
            Gio.Cancellable(), Thredo.Queue(), Thredo.enable(), NotImplemented, Ellipsis, iter([]), threading.Lock(),
            GLib.Variant("s", "a"), GLib.Bytes.new(b"a"), GLib.Error("why", "domain", 1)]


class ObjectsTest(Case):
    def test_results(self):
        for item in objects():
            thread = Thredo.spawn(lambda: item)
            self.assertIs(thread.join(), item)
            self.assertIs(thread.result, item)
            self.assertIs(thread.join(), item)
        self.assertIsNone(Thredo.spawn(lambda: None).join())

    def test_arguments(self):
        for item in [None, *objects()]:
            def work(*args):
                self.assertEqual(len(args), 2)
                self.assertIs(args[0], item)
                self.assertIs(args[1], item)

            Thredo.spawn(work, item, item).join()

    def test_items(self):
        for cls in Thredo.Queue, Thredo.LifoQueue:
            queue = cls(1)
            for item in [None, *objects()]:
                queue.put(item)
                self.assertIs(queue.get(), item)
                getter = Thredo.spawn(queue.get)
                until_waiting(getter)
                queue.put_nowait(item)
                self.assertIs(getter.join(), item)
                queue.put(1)
                putter = Thredo.spawn(queue.put, item)
                until_waiting(putter)
                self.assertEqual(queue.get(), 1)
                self.assertIs(queue.get(), item)
                putter.join()

    def test_typed(self):
        """What a GObject.Value holds is for C to see."""
        queue = Thredo.Queue()
        queue.put(GObject.Value(GObject.TYPE_INT, 5))
        queue.put(GObject.Value(GObject.TYPE_STRING, "a"))
        self.assertEqual(queue.get(), 5)
        self.assertEqual(queue.get(), "a")
        for nothing in GObject.TYPE_PYOBJECT, GObject.TYPE_POINTER:
            value = GObject.Value()
            value.init(nothing)
            queue.put(value)
            self.assertIsNone(queue.get())
        with self.assertRaises(ValueError):
            queue.put(GObject.Value())
        self.assertTrue(queue.empty())

    def test_failure_that_hides_its_class(self):
        class Odd(Exception):
            __class__ = property(lambda self: 1 / 0)

            def __str__(self):
                return "why"

        def fail():
            raise Odd

        thread = Thredo.spawn(fail)
        thread.wait()
        self.assertEqual(thread.get_error().message, "Odd: why")

    def test_failures(self):
        for error in (ValueError("why"), KeyboardInterrupt(), GLib.Error("why", "domain", 1), StopIteration(1),
                      GeneratorExit(), Exception("\ud800"), Exception(), AssertionError(10 ** 1000)):
            def work():
                raise error

            thread = Thredo.spawn(work)
            with self.assertRaises(Thredo.ThreadError) as caught:
                thread.join()
            self.assertIs(caught.exception.__cause__, error)
            self.assertIs(caught.exception.thread, thread)
            self.assertIs(thread.exception, error)
            with self.assertRaises(Thredo.ThreadError):
                thread.result


class TracebackTest(Case):
    def names(self, error):
        return [frame.name for frame in traceback.extract_tb(error.__traceback__)]

    def test_survives(self):
        def inner():
            raise ValueError("why")

        def outer():
            inner()

        thread = Thredo.spawn(outer)
        for i in range(2):
            with self.assertRaises(Thredo.ThreadError) as caught:
                thread.join()
            self.assertEqual(self.names(caught.exception.__cause__), ["outer", "inner"])
        text = "".join(traceback.format_exception(caught.exception))
        self.assertIn("in inner", text)
        self.assertIn("direct cause", text)

    def test_run(self):
        def inner():
            raise ValueError("why")

        try:
            Thredo.run(inner)
        except ValueError as error:
            self.assertEqual(self.names(error)[-1], "inner")
        else:
            self.fail()

    def test_group(self):
        def inner():
            raise ValueError("why")

        with self.assertRaises(Thredo.ThreadError) as caught:
            with Thredo.ThreadGroup() as group:
                group.spawn(inner)
        self.assertEqual(self.names(caught.exception.__cause__), ["inner"])


class ReportTest(Case):
    """Of failures that nobody asks for, by threading.excepthook()."""

    def fail(self):
        raise ValueError("why")

    def until_ended(self, thread):
        until(lambda: not thread.is_alive())

    def test_reported_when_it_goes(self):
        thread = Thredo.spawn(self.fail, name="t")
        self.until_ended(thread)
        self.assertEqual(self.reported, [])
        del thread
        until(lambda: gc.collect() is not None and self.reported)
        report, = self.reported
        self.assertIs(report.exc_type, ValueError)
        self.assertEqual(report.thread.name, "t")
        self.assertEqual(traceback.extract_tb(report.exc_traceback)[-1].name, "fail")
        self.reported.clear()

    def test_asked_for(self):
        def joined(thread):
            with self.assertRaises(Thredo.ThreadError):
                thread.join()

        def asked(thread):
            self.until_ended(thread)
            self.assertIsInstance(thread.exception, ValueError)

        for ask in joined, asked, Thredo.Thread.wait:
            thread = Thredo.spawn(self.fail)
            ask(thread)
            del thread
            gc.collect()
        self.assertEqual(self.reported, [])

    def test_of_a_group(self):
        group = Thredo.ThreadGroup()
        for i in range(3):
            group.spawn(self.fail)
        with self.assertRaises(Thredo.ThreadError):
            group.join()
        group = Thredo.ThreadGroup()
        group.spawn(self.fail)
        self.assertIsInstance(group.next_done().exception, ValueError)
        group.join()
        del group
        gc.collect()
        self.assertEqual(self.reported, [])

    def test_cancelled(self):
        thread = Thredo.spawn(Thredo.sleep, 1000)
        thread.cancel()
        del thread
        gc.collect()
        self.assertEqual(self.reported, [])

    def test_cancelled_and_failed(self):
        """Who cancels does not ask how it ended."""
        def work():
            try:
                Thredo.sleep(1000)
            finally:
                self.fail()

        def cancel_thread():
            Thredo.spawn(work).cancel()

        def cancel_group():
            group = Thredo.ThreadGroup()
            group.spawn(work)
            group.cancel()

        for cancel in cancel_thread, cancel_group:
            cancel()
            until(lambda: gc.collect() is not None and self.reported)
            report, = self.reported
            self.assertIs(report.exc_type, ValueError)
            self.reported.clear()


class ThreadTest(Case):
    def test_spawn(self):
        thread = Thredo.spawn(lambda a, b: a + b, 1, 2, name="adder", daemon=True)
        self.assertEqual((thread.name, thread.daemon), ("adder", True))
        self.assertEqual(thread.join(), 3)
        self.assertEqual(thread.state, Thredo.ThreadState.FINISHED)
        with self.assertRaises(TypeError):
            Thredo.spawn()

    def test_target(self):
        thread = Thredo.Thread(target=lambda a, b: (a, b), args=(1,), kwargs={"b": 2}, name="n", daemon=True)
        self.assertEqual((thread.name, thread.daemon, thread.state), ("n", True, Thredo.ThreadState.NEW))
        with self.assertRaises(Thredo.StateError):
            thread.result
        thread.start()
        self.assertEqual(thread.join(), (1, 2))
        with self.assertRaises(Thredo.StateError):
            thread.start()

    def test_daemon(self):
        thread = Thredo.Thread(int)
        thread.daemon = True
        self.assertTrue(thread.daemon)
        thread.start()
        with self.assertRaises(Thredo.StateError):
            thread.daemon = False
        thread.join()
        self.assertTrue(thread.daemon)

    def test_subclass(self):
        class Worker(Thredo.Thread):
            def __init__(self, number):
                super().__init__(name="worker")
                self.number = number

            def run(self):
                assert Thredo.enable() is self
                return self.number * 2

        worker = Worker(21)
        worker.start()
        self.assertEqual(worker.join(), 42)

    def test_do_run(self):
        class Worker(Thredo.Thread):
            def do_run(self):
                self.ran = True
                return True

        worker = Worker(name="worker")
        worker.start()
        worker.join()
        self.assertTrue(worker.ran)

    def test_join_by_timeout(self):
        event = Thredo.Event()
        thread = Thredo.spawn(event.wait)
        self.assertIsNone(thread.join(timeout=0.01))
        self.assertTrue(thread.is_alive())
        self.assertFalse(thread.wait(timeout=0.01))
        event.set()
        self.assertTrue(thread.join())

    def test_cancel(self):
        entered, ended = Thredo.Event(), []

        def work():
            try:
                Thredo.sleep(1000)
            except Thredo.CancelledError as error:
                with Thredo.shield():
                    entered.set()
                    Thredo.sleep(0.02)
                ended.append(type(error))

        thread = Thredo.spawn(work)
        until_waiting(thread)
        self.assertTrue(thread.cancel())
        self.assertEqual(ended, [Thredo.ThreadCancelled])
        self.assertFalse(thread.cancel())
        self.assertTrue(thread.cancelled)
        self.assertIsNone(thread.join())  # it has caught it

    def test_command(self):
        words = ["printf", "%s", pathlib.Path("grün"), b" or "]
        self.assertEqual(Thredo.Thread.spawn_command(words).join(), "grün or ")
        with Thredo.Group() as group:
            self.assertEqual(group.spawn_command(words).join(), "grün or ")
            for spawn in Thredo.Thread.spawn_command, group.spawn_command:
                for command, problem in (["ls", TypeError], [b"ls", TypeError], [None, TypeError], [["ls", 5], TypeError],
                                         [[], ValueError], [["echo", "a\0b"], ValueError]):
                    with self.subTest(command=command), self.assertRaises(problem):
                        spawn(command)

    def test_cancel_and_go_on(self):
        event = Thredo.Event()

        def work():
            with Thredo.shield():
                event.wait()
            Thredo.check_cancelled()

        thread = Thredo.spawn(work)
        until_waiting(thread)
        self.assertTrue(thread.cancel(blocking=False))
        self.assertTrue(thread.is_alive())
        event.set()
        with self.assertRaises(Thredo.ThreadError) as caught:
            thread.join()
        self.assertIsInstance(caught.exception.__cause__, Thredo.ThreadCancelled)
        self.assert_error(caught.exception, "thredo-error-quark", Thredo.Error.THREAD_CANCELLED)
        self.assertEqual(thread.state, Thredo.ThreadState.CANCELLED)

    def test_cancel_itself(self):
        with self.assertRaises(Thredo.ThreadError):
            Thredo.spawn(lambda: (Thredo.enable().cancel(), Thredo.sleep(1000))).join()

    def test_join_itself(self):
        def work():
            with self.assertRaises(Thredo.StateError):
                Thredo.enable().join()

        Thredo.spawn(work).join()

    def test_ident(self):
        thread = Thredo.spawn(threading.get_ident)
        self.assertEqual(thread.join(), thread.ident)

    def test_current_thread(self):
        """Of the threading module: a stand-in with nothing left of it."""
        n = len(threading.enumerate())
        for i in range(10):
            Thredo.spawn(threading.current_thread).join()
        self.assertEqual(len(threading.enumerate()), n)

    def test_trace(self):
        for install in threading.setprofile, threading.settrace:
            called = []
            install(lambda frame, event, argument: called.append(event))
            self.addCleanup(install, None)
            Thredo.spawn(lambda: 1).join()
            install(None)
            with self.subTest(install=install):
                self.assertIn("call", called)

    def test_local(self):
        """A thread whose OS thread another one had before begins with nothing of that one's."""
        local = threading.local()

        def ask():
            was_there = hasattr(local, "value")
            local.value = 1
            return was_there

        self.assertEqual([Thredo.spawn(ask).join() for i in range(20)], [False] * 20)

    def test_enable(self):
        self.assertIs(Thredo.enable(), Thredo.enable())

        def work():
            with self.assertRaises(Thredo.ThreadCancelled):
                Thredo.sleep(1000)
            return "cancelled"

        foreign = Foreign(work)
        until_waiting(foreign.thredo)
        foreign.thredo.cancel()
        self.assertEqual(foreign.ended(), "cancelled")

    def test_c_form(self):
        thread = Thredo.Thread.spawn("n", lambda thread, data: thread.name == "n" and data == 5, 5)
        self.assertIsNone(thread.join())
        thread = Thredo.Thread.spawn("n", lambda thread: False)
        with self.assertRaises(Thredo.ThreadError):
            thread.join()


class RunTest(Case):
    def test_result(self):
        self.assertEqual(Thredo.run(lambda a: a * 2, 21), 42)
        self.assertIsNone(Thredo.run(lambda: None))

    def test_exception(self):
        error = KeyError("why")

        def work():
            raise error

        with self.assertRaises(KeyError) as caught:
            Thredo.run(work)
        self.assertIs(caught.exception, error)
        with self.assertRaises(SystemExit):
            Thredo.run(exit, 3)

    def test_ends_what_is_left(self):
        started = []

        def kid(depth):
            if depth:
                started.append(Thredo.spawn(kid, depth - 1))
            Thredo.sleep(1000)

        def main():
            started.append(Thredo.spawn(kid, 3))
            until(lambda: len(started) == 4)
            return "main"

        other = Thredo.spawn(Thredo.sleep, 1000)
        self.assertEqual(Thredo.run(main), "main")
        self.assertEqual([thread.state for thread in started], [Thredo.ThreadState.CANCELLED] * 4)
        self.assertTrue(other.is_alive())
        other.cancel()

    def test_cancelled(self):
        """From outside: so is the first thread."""
        inner = []

        def main():
            inner.append(Thredo.enable())
            Thredo.sleep(1000)

        thread = Thredo.spawn(Thredo.run, main)
        until(lambda: inner and inner[0].state == Thredo.ThreadState.WAITING)
        thread.cancel()
        self.assertFalse(inner[0].is_alive())

    def test_nested(self):
        self.assertEqual(Thredo.run(Thredo.run, lambda: 5), 5)


class StandInTest(Case):
    """threading and logging know the threads by their names."""

    def test_name(self):
        def ask():
            current = threading.current_thread()
            record = logging.LogRecord("test", logging.INFO, __file__, 1, "hello", (), None)
            return (current.name, record.threadName, current.ident == threading.get_ident(), current.is_alive(),
                    current in threading.enumerate(), current is threading.current_thread(),
                    current.native_id == threading.get_native_id())

        thread = Thredo.spawn(ask, name="worker 7")
        self.assertEqual(thread.join(), ("worker 7", "worker 7", True, True, True, True, True))
        self.assertNotIn("worker 7", [other.name for other in threading.enumerate()])

    def test_seen_from_outside(self):
        event = Thredo.Event()
        thread = Thredo.spawn(event.wait, name="asleep")
        until_waiting(thread)
        found = [other for other in threading.enumerate() if other.name == "asleep"]
        self.assertEqual([other.ident for other in found], [thread.ident])
        self.assertTrue(found[0].daemon)
        self.assertIn("asleep", repr(found[0]))
        event.set()
        thread.join()
        self.assertNotIn(found[0], threading.enumerate())

    def test_next_one_has_its_own(self):
        names = [Thredo.spawn(lambda: threading.current_thread().name, name=f"n{i}").join() for i in range(20)]
        self.assertEqual(names, [f"n{i}" for i in range(20)])

    @forking
    def test_fork(self):
        def fork():
            name = threading.current_thread().name
            child = os.fork()
            if child == 0:
                os._exit(threading.current_thread() is not threading.main_thread())
            return os.waitpid(child, 0)[1], threading.current_thread().name == name

        self.assertEqual(Thredo.spawn(fork, name="parent").join(), (0, True))


if __name__ == "__main__":
    unittest.main()
