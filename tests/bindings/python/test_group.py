# SPDX-License-Identifier: LGPL-2.1-or-later
"""Groups."""

import gc
import sys
import unittest
import weakref

from gi.repository import Gio, GLib

from support import Case, Foreign, Thredo, until, until_waiting


def forever():
    Thredo.sleep(1000)


def fail(error):
    raise error


def states(threads):
    return [thread.state.value_nick for thread in threads]


class GroupTest(Case):
    def test_all(self):
        with Thredo.ThreadGroup() as group:
            threads = [group.spawn(lambda i=i: i) for i in range(5)]
        self.assertEqual([thread.result for thread in threads], list(range(5)))

    def test_repr(self):
        with Thredo.ThreadGroup(name="g") as group:
            group.spawn(int)
            self.assertEqual(repr(group), "<Group 'g': 1 threads>")
        self.assertEqual(repr(Thredo.Group()), "<Group: 0 threads>")

    def test_any(self):
        event = Thredo.Event()
        with Thredo.ThreadGroup(wait=any) as group:
            others = [group.spawn(forever) for i in range(3)]
            first = group.spawn(lambda: event.wait() and "first")
            event.set()
        self.assertIs(group.completed, first)
        self.assertEqual(group.completed.result, "first")
        self.assertEqual(states(others), ["cancelled"] * 3)

    def test_object(self):
        """The first with a result that is not None."""
        empty, full = Thredo.Event(), Thredo.Event()
        with Thredo.ThreadGroup(wait=object) as group:
            other = group.spawn(forever)
            nothing = group.spawn(lambda: empty.wait() and None)
            something = group.spawn(lambda: full.wait() and 0)
            empty.set()
            nothing.wait()
            full.set()
        self.assertIs(group.completed, something)
        self.assertEqual(group.completed.result, 0)
        self.assertEqual(states([other]), ["cancelled"])

    def test_none(self):
        with Thredo.ThreadGroup(wait=None) as group:
            threads = [group.spawn(forever) for i in range(3)]
        self.assertEqual(states(threads), ["cancelled"] * 3)
        with self.assertRaises(ValueError):
            Thredo.ThreadGroup(wait="all")

    def test_failure(self):
        error, event = ValueError("why"), Thredo.Event()
        group = Thredo.ThreadGroup()
        others = [group.spawn(forever) for i in range(3)]
        bad = group.spawn(lambda: event.wait() and fail(error))
        event.set()
        with self.assertRaises(Thredo.ThreadError) as caught:
            group.join()
        self.assertIs(caught.exception.__cause__, error)
        self.assertIs(caught.exception.thread, bad)
        self.assertEqual(states(others), ["cancelled"] * 3)

    def test_second_failure(self):
        """Of a member that is started while the group is joined; nobody is told, and nobody has to."""
        group = Thredo.ThreadGroup()

        def first():
            group.spawn(fail, KeyError()).wait()
            raise ValueError

        group.spawn(first)
        with self.assertRaises(Thredo.ThreadError):
            group.join()

    def test_failure_of_others(self):
        """What a join tells of is what has failed in its group, also before it was in it, and no other."""
        group, other = Thredo.ThreadGroup(), Thredo.ThreadGroup()
        threads = [Thredo.spawn(fail, KeyError()) for i in range(3)]
        error = ValueError()
        threads.append(other.spawn(fail, error))
        until(lambda: not any(thread.is_alive() for thread in threads))
        for thread in threads[:3]:
            group.add(thread)
        with self.assertRaises(Thredo.ThreadError) as caught:
            group.join()
        self.assertIsInstance(caught.exception.__cause__, KeyError)
        del threads, thread, group, caught
        gc.collect()
        self.assertEqual(self.reported, [])
        del other
        until(lambda: gc.collect() is not None and self.reported)
        reported = [report.exc_value for report in self.reported]
        self.reported.clear()
        self.assertEqual(reported, [error])

    def test_block_raises(self):
        with self.assertRaises(KeyError):
            with Thredo.ThreadGroup() as group:
                threads = [group.spawn(forever) for i in range(3)]
                raise KeyError
        self.assertEqual(states(threads), ["cancelled"] * 3)

    def test_cancelled(self):
        """Who joins: so are all, and they have ended."""
        threads = []

        def main():
            with Thredo.ThreadGroup() as group:
                threads.extend(group.spawn(forever) for i in range(3))

        main_thread = Thredo.spawn(main)
        until(lambda: len(threads) == 3 and main_thread.state == Thredo.ThreadState.WAITING)
        main_thread.cancel()
        self.assertEqual(states([main_thread, *threads]), ["cancelled"] * 4)

    def test_deadline(self):
        with Thredo.ignore_after(0.01) as scope:
            with Thredo.ThreadGroup() as group:
                threads = [group.spawn(forever) for i in range(3)]
        self.assertTrue(scope.expired)
        self.assertEqual(states(threads), ["cancelled"] * 3)

    def test_iteration(self):
        events = [Thredo.Event() for i in range(4)]
        group = Thredo.ThreadGroup()
        threads = [group.spawn(events[i].wait) for i in range(4)]
        order = []
        for index in 2, 0, 3, 1:
            events[index].set()
            order.append(next(group))
        self.assertEqual(order, [threads[2], threads[0], threads[3], threads[1]])
        self.assertEqual(list(group), [])
        self.assertIsNone(group.next_done())
        group.join()

    def test_next(self):
        with Thredo.ThreadGroup() as group:
            thread = group.spawn(lambda: 5)
            self.assertIs(group.next_done(), thread)
            group.spawn(lambda: 6)
            self.assertEqual(group.next_result(), 6)
            group.spawn(fail, ValueError())
            with self.assertRaises(Thredo.ThreadError):
                group.next_result()
            with self.assertRaises(Thredo.StateError):
                group.next_result()

    def test_add(self):
        group = Thredo.ThreadGroup()
        running = Thredo.spawn(lambda: 1)
        new = Thredo.Thread(target=lambda: 2)
        group.add(running)
        group.add(new)
        self.assertIs(new.group, group)
        group.join()
        self.assertEqual((running.result, new.result), (1, 2))
        with self.assertRaises(Thredo.StateError):
            group.add(Thredo.Thread(target=int))
        failed = Thredo.spawn(fail, ValueError())
        group = Thredo.ThreadGroup(threads=[failed])
        with self.assertRaises(Thredo.ThreadError):
            group.join()

    def test_cancel(self):
        group = Thredo.ThreadGroup()
        threads = [group.spawn(forever) for i in range(3)]
        group.cancel()
        self.assertEqual(states(threads), ["cancelled"] * 3)
        late = group.spawn(forever)
        group.join()
        self.assertEqual(states([late]), ["cancelled"])

    def test_cancel_remaining(self):
        group = Thredo.ThreadGroup()
        threads = [group.spawn(forever) for i in range(3)]
        group.cancel_remaining()
        self.assertEqual(states(threads), ["cancelled"] * 3)
        late = group.spawn(lambda: 5)
        group.join()
        self.assertEqual(late.result, 5)

    def test_cancel_and_go_on(self):
        event, group = Thredo.Event(), Thredo.ThreadGroup()

        def work():
            with Thredo.shield():
                event.wait()

        thread = group.spawn(work)
        until_waiting(thread)
        group.cancel(blocking=False)
        self.assertTrue(thread.is_alive())
        event.set()
        group.join()

    def test_daemon(self):
        with Thredo.ThreadGroup() as group:
            daemon = group.spawn(forever, daemon=True)
            group.spawn(lambda: 1)
        self.assertEqual(states([daemon]), ["cancelled"])

    def test_nested(self):
        inner_threads = []

        def inner():
            with Thredo.ThreadGroup() as group:
                inner_threads.extend(group.spawn(forever) for i in range(3))

        with self.assertRaises(Thredo.ThreadError) as caught:
            with Thredo.ThreadGroup() as group:
                thread = group.spawn(inner)
                until(lambda: len(inner_threads) == 3)
                until_waiting(thread)
                group.spawn(fail, KeyError())
        self.assertIsInstance(caught.exception.__cause__, KeyError)
        self.assertEqual(states(inner_threads), ["cancelled"] * 3)

    def test_nested_failure(self):
        def inner():
            with Thredo.ThreadGroup() as group:
                group.spawn(fail, KeyError())

        with self.assertRaises(Thredo.ThreadError) as caught:
            with Thredo.ThreadGroup() as group:
                group.spawn(inner)
        self.assertIsInstance(caught.exception.__cause__, Thredo.ThreadError)
        self.assertIsInstance(caught.exception.__cause__.__cause__, KeyError)

    def test_max_running(self):
        running, most = [], []

        def work():
            running.append(1)
            most.append(len(running))
            Thredo.sleep(0.001)
            running.pop()

        with Thredo.ThreadGroup(max_running=2, name="g") as group:
            for i in range(10):
                group.spawn(work)
        self.assertEqual((group.max_running, group.name), (2, "g"))
        self.assertEqual(len(most), 10)
        self.assertLessEqual(max(most), 2)

    def test_add_while_joined(self):
        """Who has joined the group has asked for how the thread has ended, however soon that was."""
        group = Thredo.ThreadGroup()
        group.spawn(fail, KeyError()).wait()
        thread = Thredo.Thread(target=fail, args=(ValueError(),))
        n_joined = 0

        def join(frame, event, argument):
            nonlocal n_joined
            if frame.f_code is Thredo.Group.add.__code__ and thread.state != Thredo.ThreadState.NEW and not n_joined:
                n_joined += 1
                until(lambda: states([thread]) == ["failed"])
                with self.assertRaises(Thredo.ThreadError) as caught:
                    group.join()
                self.assertIsInstance(caught.exception.__cause__, KeyError)
            return join

        sys.settrace(join)
        try:
            group.add(thread)
        finally:
            sys.settrace(None)
        self.assertEqual(n_joined, 1)
        group = thread = None
        gc.collect()

    def test_add_refused(self):
        """Whose business its end is stays as it was."""
        group, other = Thredo.ThreadGroup(), Thredo.ThreadGroup()
        group.spawn(fail, KeyError()).wait()
        event = Thredo.Event()
        thread = group.spawn(lambda: (event.wait(), fail(ValueError())))
        for refusing in group, other:
            with self.assertRaises(Thredo.StateError):
                refusing.add(thread)
        event.set()
        until(lambda: states([thread]) == ["failed"])
        with self.assertRaises(Thredo.ThreadError) as caught:
            group.join()
        self.assertIsInstance(caught.exception.__cause__, KeyError)
        thread = caught = None
        group = None
        gc.collect()

    def test_add_member_without_room(self):
        """Who is refused takes nothing from who is to run."""
        with Thredo.ThreadGroup(max_running=1) as group:
            first = group.spawn(forever)
            waiting = Thredo.Thread(target=lambda: 2)
            group.add(waiting)
            self.assertEqual(states([waiting]), ["new"])
            with self.assertRaises(Thredo.StateError):
                waiting.start()
            for other in group, Thredo.ThreadGroup():
                with self.assertRaises(Thredo.StateError):
                    other.add(waiting)
            first.cancel()
        self.assertEqual(waiting.result, 2)

    def test_refused_is_let_go(self):
        """The function of a thread that does not get to run holds nothing."""
        joined = Thredo.ThreadGroup()
        joined.join()
        thread = Thredo.Thread(target=lambda: 1)
        left = weakref.ref(thread)
        for i in range(2):
            with self.assertRaises(Thredo.StateError):
                joined.add(thread)
        del thread
        gc.collect()
        self.assertIsNone(left())

    def test_max_running_programs(self):
        with Thredo.ThreadGroup(max_running=1) as group:
            first = group.spawn_command(["sleep", "86400"])
            second = group.spawn_command(["echo", "two"])
            self.assertEqual(states([second]), ["new"])
            self.assertIs(second.group, group)
            first.cancel()
            self.assertEqual(second.join(), "two\n")
        with self.assertRaises(Thredo.StateError):
            group.spawn_command(["true"])
        with self.assertRaises(GLib.Error) as caught:
            group.spawn_native("/nowhere/libnothing.so", "work")
        self.assertTrue(caught.exception.matches(Gio.io_error_quark(), Gio.IOErrorEnum.NOT_FOUND))

    def test_group_of_thread(self):
        group = Thredo.ThreadGroup()
        event = Thredo.Event()
        thread = group.spawn(lambda: (event.wait(), Thredo.enable().group))
        self.assertIs(thread.group, group)
        self.assertEqual(group.threads, [thread])
        event.set()
        group.join()
        self.assertIs(thread.result[1], group)
        self.assertIsNone(Thredo.spawn(lambda: Thredo.enable().group).join())

    def test_group_of_thread_while_others_go(self):
        """C takes a reference, for which PyGObject wants the interpreter, in which others drop groups."""
        is_over = False

        def make_and_drop():
            while not is_over:
                Thredo.ThreadGroup()

        def ask(group, thread):
            for i in range(20_000):
                self.assertIs(thread.props.group, group)
                self.assertIs(thread.get_group(), group)

        with Thredo.ThreadGroup() as group:
            thread = group.spawn(forever)
            others = [Foreign(make_and_drop) for i in range(2)]
            Foreign(ask, group, thread).ended()
            is_over = True
            for other in others:
                other.ended()
            group.cancel()

    def test_group_of_thread_that_goes(self):
        """It is there, whole, or it is not."""

        def ask(thread):
            while True:
                group = thread.get_group()
                if group is None:
                    break
                self.assertEqual(group.name, "one")
                del group

        for i in range(300):
            group = Thredo.ThreadGroup(name="one")
            thread = group.spawn(id, 1)
            thread.wait()
            asker = Foreign(ask, thread)
            del group
            asker.ended()

    def test_group_of_thread_leaves_nothing(self):
        """Who drops the last wrapper while others ask drops it for good, and so do they with the next."""
        n_rounds, gone = 1000, []

        def ask(thread):
            for i in range(100):
                group = thread.get_group()
                if group is None:
                    break
                group.mark = i  # for which PyGObject keeps the wrapper as long as the group
                del group

        for i in range(n_rounds):
            group = Thredo.ThreadGroup()
            group.weak_ref(gone.append, i)
            thread = group.spawn(id, 1)
            thread.wait()
            askers = [Foreign(ask, thread) for i in range(3)]
            del group
            for asker in askers:
                asker.ended()
        gc.collect()
        self.assertEqual(len(gone), n_rounds)


if __name__ == "__main__":
    unittest.main()
