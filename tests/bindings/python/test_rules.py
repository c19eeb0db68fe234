# SPDX-License-Identifier: LGPL-2.1-or-later
"""Every wait, ended in every way, on every kind of thread."""

import os
import signal
import tempfile
import unittest

from gi.repository import Gio, GLib

from support import LIMIT, Case, Foreign, Thredo, until, until_waiting


class Wait:
    """Something to wait for. Each of these makes it, waits, has it happen, and looks after a wait that was
    not to be whether it has not happened."""

    takes_timeout = True
    takes_cancellable = True
    timed_out = staticmethod(lambda outcome: outcome is False)

    def wait(self, **limits):
        raise NotImplementedError

    def complete(self):
        raise NotImplementedError

    def assert_undone(self, case):
        pass

    def close(self):
        pass


class Sleep(Wait):
    takes_timeout = False
    complete = None

    def wait(self, **limits):
        Thredo.sleep(LIMIT, **limits)


class Get(Wait):
    timed_out = Thredo.Empty
    cls = Thredo.Queue

    def __init__(self):
        self.queue = self.cls()

    def wait(self, **limits):
        return self.queue.get(**limits)

    def complete(self):
        self.queue.put("item")

    def assert_undone(self, case):
        case.assertEqual(self.queue.qsize(), 0)
        self.queue.put(1)
        case.assertEqual(self.queue.get_nowait(), 1)


class GetOfPriority(Get):
    cls = Thredo.PriorityQueue


class Put(Wait):
    timed_out = Thredo.Full

    def __init__(self):
        self.queue = Thredo.Queue(1)
        self.queue.put(1)

    def wait(self, **limits):
        self.queue.put(2, **limits)

    def complete(self):
        self.queue.get()

    def assert_undone(self, case):
        case.assertEqual(self.queue.get_nowait(), 1)
        case.assertTrue(self.queue.empty())


class QueueJoin(Wait):
    def __init__(self):
        self.queue = Thredo.Queue()
        self.queue.put(1)

    def wait(self, **limits):
        return self.queue.join(**limits)

    def complete(self):
        self.queue.get()
        self.queue.task_done()

    def assert_undone(self, case):
        case.assertEqual(self.queue.unfinished_tasks, 1)


class Event(Wait):
    def __init__(self):
        self.event = Thredo.Event()

    def wait(self, **limits):
        return self.event.wait(**limits)

    def complete(self):
        self.event.set()

    def assert_undone(self, case):
        case.assertFalse(self.event.is_set())


class Kept(Wait):
    """By another thread, until it is told to let go."""

    cls = Thredo.Lock

    def __init__(self):
        self.lock, self.let_go = self.cls(), Thredo.Event()
        self.keeper = Thredo.spawn(self.keep)
        until_waiting(self.keeper)

    def keep(self):
        with self.lock:
            self.let_go.wait()

    def wait(self, **limits):
        acquired = self.lock.acquire(**limits)
        if acquired:
            self.lock.release()
        return acquired

    def complete(self):
        self.let_go.set()

    def assert_undone(self, case):
        case.assertIs(self.lock.owner, self.keeper)

    def close(self):
        self.let_go.set()
        self.keeper.join()


class KeptAgain(Kept):
    cls = Thredo.RLock


class Semaphore(Wait):
    cls = Thredo.Semaphore

    def __init__(self):
        self.semaphore = self.cls(1)
        self.semaphore.acquire()

    def wait(self, **limits):
        return self.semaphore.acquire(**limits)

    def complete(self):
        self.semaphore.release()

    def assert_undone(self, case):
        case.assertEqual(self.semaphore.value, 0)
        self.semaphore.release()
        case.assertTrue(self.semaphore.acquire(False))


class BoundedSemaphore(Semaphore):
    cls = Thredo.BoundedSemaphore


class Condition(Wait):
    def __init__(self):
        self.condition = Thredo.Condition(Thredo.Lock())

    def wait(self, **limits):
        with self.condition:
            try:
                return self.condition.wait(**limits)
            finally:
                assert self.condition._is_owned()

    def complete(self):
        with self.condition:
            self.condition.notify()

    def assert_undone(self, case):
        case.assertFalse(self.condition.locked())
        case.assertEqual(self.condition.get_n_waiting(), 0)


class Barrier(Wait):
    timed_out = Thredo.BrokenBarrierError
    action = None

    def __init__(self):
        self.barrier = Thredo.Barrier(2, self.action)

    def wait(self, **limits):
        return self.barrier.wait(**limits)

    def complete(self):
        self.barrier.wait()

    def assert_undone(self, case):
        case.assertTrue(self.barrier.broken)


class BarrierWithAction(Barrier):
    def action(self):
        pass


class Join(Wait):
    timed_out = staticmethod(lambda outcome: outcome is None)

    def __init__(self):
        self.release = Thredo.Queue()
        self.thread = Thredo.spawn(self.release.get)

    def wait(self, **limits):
        return self.thread.join(**limits)

    def complete(self):
        self.release.put("result")

    def assert_undone(self, case):
        case.assertTrue(self.thread.is_alive())

    def close(self):
        self.release.put("result")
        self.thread.wait()


class ThreadWait(Join):
    timed_out = staticmethod(Wait.timed_out)

    def wait(self, **limits):
        return self.thread.wait(**limits)


class GroupJoin(Wait):
    takes_timeout = False

    def __init__(self):
        self.release = Thredo.Queue()
        self.group = Thredo.ThreadGroup()
        self.thread = self.group.spawn(self.release.get)

    def wait(self, **limits):
        return self.group.join(**limits)

    def complete(self):
        self.release.put("result")

    def assert_undone(self, case):
        case.assertFalse(self.thread.is_alive())  # it is cancelled with who waits for it
        case.assertTrue(self.thread.cancelled)

    def close(self):
        self.release.put("result")
        self.group.cancel()
        with Thredo.shield():
            try:
                self.group.join()
            except Thredo.StateError:
                pass


class NextDone(GroupJoin):
    def wait(self, **limits):
        return self.group.next_done(**limits)

    def assert_undone(self, case):
        case.assertTrue(self.thread.is_alive())
        case.assertEqual(self.group.threads, [self.thread])


class SignalEvent(Wait):
    timed_out = staticmethod(lambda outcome: outcome is None)

    def __init__(self):
        self.event = Thredo.SignalEvent(signal.SIGUSR1)

    def wait(self, **limits):
        return self.event.wait(**limits)

    def complete(self):
        self.event.set()

    def close(self):
        self.event.__exit__()


class Fd(Wait):
    timed_out = staticmethod(lambda outcome: outcome == 0)

    def __init__(self):
        self.r, self.w = os.pipe()

    def wait(self, **limits):
        return Thredo.wait_fd(self.r, GLib.IOCondition.IN, **limits)

    def complete(self):
        os.write(self.w, b"1")

    def close(self):
        os.close(self.r)
        os.close(self.w)


class Await(Fd):
    takes_timeout = False

    def wait(self, **limits):
        stream = Gio.UnixInputStream.new(self.r, False)
        result = Thredo.await_(lambda cancellable, callback: stream.read_bytes_async(
            1, 0, cancellable, callback), **limits)
        return stream.read_bytes_finish(result).get_data()

    def assert_undone(self, case):
        os.write(self.w, b"2")
        case.assertEqual(os.read(self.r, 2), b"2")


class PlainFunction(Wait):
    """One that the overrides do not know by name."""

    takes_timeout = False

    def __init__(self):
        self.path = os.path.join(tempfile.mkdtemp(), "fifo")
        os.mkfifo(self.path)
        self.fd = os.open(self.path, os.O_RDWR)

    def wait(self, cancellable=None):
        return Thredo.load_bytes(Gio.File.new_for_path(self.path), cancellable).get_data()

    def complete(self):
        # The main thread waits for another one, which has to be there.
        until(lambda: any("load" in (thread.waiting_for or "") for thread in Thredo.Thread.list_all()))
        os.write(self.fd, b"3")
        os.close(self.fd)
        self.fd = None

    def close(self):
        if self.fd is not None:
            os.close(self.fd)
        os.unlink(self.path)
        os.rmdir(os.path.dirname(self.path))


WAITS = [Sleep, Get, GetOfPriority, Put, QueueJoin, Event, Kept, KeptAgain, Semaphore, BoundedSemaphore, Condition,
         Barrier, BarrierWithAction, Join, ThreadWait, GroupJoin, NextDone, SignalEvent, Fd, Await, PlainFunction]


def in_thredo_thread(body, act):
    ready = Thredo.Event()
    thread = Thredo.spawn(lambda: (ready.wait(), body(thread)) and None)
    ready.set()
    act(thread)
    try:
        thread.join(LIMIT)
    except Thredo.ThreadError as error:
        raise error.__cause__


def in_python_thread(body, act):
    foreign = Foreign(lambda: body(Thredo.enable()))
    act(foreign.thredo)
    foreign.ended()


def in_main_thread(body, act):
    actor = Foreign(act, Thredo.enable())
    try:
        body(Thredo.enable())
    finally:
        actor.ended()


CALLERS = {"thredo": in_thredo_thread, "python": in_python_thread, "main": in_main_thread}


class RulesTest(Case):
    def each(self, check, waits=WAITS, callers=CALLERS):
        for cls in waits:
            for name, call in callers.items():
                with self.subTest(wait=cls.__name__, caller=name):
                    wait = cls()
                    try:
                        check(wait, call)
                    finally:
                        wait.close()

    def assert_raises(self, cls, domain_code, wait, **limits):
        with self.assertRaises(GLib.Error) as caught:
            wait.wait(**limits)
        error = caught.exception
        self.assertIs(type(error), cls)
        self.assert_error(error, "g-io-error-quark", domain_code)

    def assert_cancelled(self, wait, cls=Thredo.CancelledError, **limits):
        self.assert_raises(cls, Gio.IOErrorEnum.CANCELLED, wait, **limits)

    def assert_timed_out(self, wait, **limits):
        self.assert_raises(Thredo.ThreadTimeout, Gio.IOErrorEnum.TIMED_OUT, wait, **limits)

    def nothing(self, thread):
        pass

    def test_completed(self):
        def check(wait, call):
            def act(thread):
                until_waiting(thread)
                wait.complete()

            call(lambda me: wait.wait(), act)

        self.each(check, [cls for cls in WAITS if cls.complete])

    def test_thread_cancelled(self):
        """While it waits; and so is every wait after that, until the function has returned."""
        def check(wait, call):
            def body(me):
                self.assert_cancelled(wait, Thredo.ThreadCancelled)
                wait_again = Event()
                self.assert_cancelled(wait_again, Thredo.ThreadCancelled)
                with self.assertRaises(Thredo.ThreadCancelled):
                    Thredo.check_cancelled()
                with Thredo.shield():
                    Thredo.check_cancelled()
                    wait.assert_undone(self)

            def act(thread):
                until_waiting(thread)
                thread.cancel(blocking=False)

            call(body, act)

        # The main thread has no function that returns.
        self.each(check, callers={name: CALLERS[name] for name in ("thredo", "python")})

    def test_thread_cancelled_before(self):
        def check(wait, call):
            def body(me):
                me.cancel()
                self.assert_cancelled(wait, Thredo.ThreadCancelled)
                with Thredo.shield():
                    wait.assert_undone(self)

            call(body, self.nothing)

        self.each(check, callers={name: CALLERS[name] for name in ("thredo", "python")})

    def test_scope_cancelled(self):
        def check(wait, call):
            scope = Thredo.Scope()

            def body(me):
                with scope:
                    self.assert_cancelled(wait)
                    self.assert_cancelled(Event())
                self.assertTrue(scope.cancelled)
                self.assertFalse(scope.expired)
                wait.assert_undone(self)
                Thredo.check_cancelled()

            def act(thread):
                until_waiting(thread)
                scope.cancel()

            call(body, act)

        self.each(check)

    def test_scope_cancelled_before(self):
        def check(wait, call):
            def body(me):
                with Thredo.Scope() as scope:
                    scope.cancel()
                    self.assert_cancelled(wait)
                wait.assert_undone(self)

            call(body, self.nothing)

        self.each(check)

    def test_deadline(self):
        def check(wait, call):
            def body(me):
                with self.assertRaises(Thredo.ThreadTimeout):
                    with Thredo.timeout_after(0.01) as scope:
                        self.assert_timed_out(wait)
                        self.assert_timed_out(Event())
                        Thredo.check_cancelled()
                self.assertTrue(scope.expired)
                wait.assert_undone(self)
                Thredo.check_cancelled()

            call(body, self.nothing)

        self.each(check)

    def test_deadline_before(self):
        def check(wait, call):
            def body(me):
                with Thredo.Scope(timeout=0):
                    self.assert_timed_out(wait)
                wait.assert_undone(self)

            call(body, self.nothing)

        self.each(check)

    def test_outer_deadline(self):
        """The inner scope has not expired."""
        def check(wait, call):
            def body(me):
                with Thredo.ignore_after(0.01) as outer:
                    with Thredo.ignore_after(LIMIT) as inner:
                        self.assert_timed_out(wait)
                        Thredo.check_cancelled()
                self.assertTrue(outer.expired)
                self.assertFalse(inner.expired)
                wait.assert_undone(self)

            call(body, self.nothing)

        self.each(check)

    def test_own_cancellable(self):
        def check(wait, call):
            cancellable = Gio.Cancellable()

            def body(me):
                self.assert_cancelled(wait, cancellable=cancellable)
                wait.assert_undone(self)
                Thredo.check_cancelled()

            def act(thread):
                until_waiting(thread)
                cancellable.cancel()

            call(body, act)

        self.each(check)

    def test_own_cancellable_before(self):
        def check(wait, call):
            cancellable = Gio.Cancellable()
            cancellable.cancel()

            def body(me):
                self.assert_cancelled(wait, cancellable=cancellable)
                wait.assert_undone(self)

            call(body, self.nothing)

        self.each(check)

    def test_shielded(self):
        """A wait in a shield completes, whatever goes on outside."""
        def check(wait, call):
            entered = Thredo.Event()

            def body(me):
                with Thredo.Scope(timeout=0) as scope:
                    scope.cancel()
                    if me is not main:
                        me.cancel()
                    with Thredo.shield():
                        entered.set()
                        wait.wait()

            def act(thread):
                entered.wait()
                until_waiting(thread)
                wait.complete()

            main = Thredo.enable()
            call(body, act)

        self.each(check, [cls for cls in WAITS if cls.complete])

    def test_timeout_argument(self):
        def check(wait, call):
            def body(me):
                if isinstance(wait.timed_out, type):
                    with self.assertRaises(wait.timed_out):
                        wait.wait(timeout=0.01)
                else:
                    self.assertTrue(wait.timed_out(wait.wait(timeout=0.01)))
                wait.assert_undone(self)
                Thredo.check_cancelled()

            call(body, self.nothing)

        self.each(check, [cls for cls in WAITS if cls.takes_timeout])

    def test_timeout_is_longer(self):
        """Than the deadline around it, which then is what ends the wait."""
        def check(wait, call):
            def body(me):
                with Thredo.Scope(timeout=0.01):
                    self.assert_timed_out(wait, timeout=LIMIT)
                wait.assert_undone(self)

            call(body, self.nothing)

        self.each(check, [cls for cls in WAITS if cls.takes_timeout])

    def test_completed_before(self):
        """A wait that need not block obeys a cancel all the same, and takes nothing."""
        def check(wait, call):
            wait.complete()

            def body(me):
                with Thredo.Scope() as scope:
                    scope.cancel()
                    self.assert_cancelled(wait)
                wait.wait()

            call(body, self.nothing)

        self.each(check, [Get, GetOfPriority, Put, QueueJoin, Event, Semaphore, BoundedSemaphore, Join, ThreadWait,
                          NextDone, Fd])


class WaitingTest(Case):
    def test_shown(self):
        """What a thread waits for is to be seen."""
        queue = Thredo.Queue(name="jobs")
        thread = Thredo.spawn(queue.get)
        until_waiting(thread)
        self.assertEqual(thread.waiting_for, "get on Queue 'jobs'")
        queue.put(1)
        thread.join()
        self.assertIsNone(thread.waiting_for)

    def test_others_run(self):
        """A wait lets go of the interpreter."""
        threads = [Thredo.spawn(Thredo.Event().wait) for i in range(32)]
        until_waiting(threads[-1])
        counted = sum(1 for i in range(100000))
        self.assertEqual(counted, 100000)
        for thread in threads:
            thread.cancel()


if __name__ == "__main__":
    unittest.main()
