# SPDX-License-Identifier: LGPL-2.1-or-later
"""What went wrong once, by misuse or by chance, and must not again."""

import gc
import os
import pickle
import sys
import threading
import unittest
import unittest.mock
import weakref

from support import Case, Program, Thredo, forking, until
from gi.repository import GLib, GObject


def fail():
    raise KeyError("on purpose")


class NoTimeAtAll(Case):
    """Who gives a wait no time still sees what is there already."""

    def each(self, function):
        with self.subTest("main thread"):
            function()
        with self.subTest("another thread"):
            Thredo.spawn(function).join()

    def test_end_of_a_thread(self):
        def check():
            thread = Thredo.spawn(lambda: 5)
            thread.wait()
            for timeout in 0, -1, 1e-9:
                self.assertEqual(thread.join(timeout), 5)
                self.assertIs(thread.wait(timeout), True)
        self.each(check)

    def test_failure_of_a_thread(self):
        thread = Thredo.spawn(fail)
        thread.wait()
        with self.assertRaises(Thredo.ThreadError):
            thread.join(0)

    def test_thread_not_started(self):
        thread = Thredo.Thread(len)
        for wait in thread.join, thread.wait:
            with self.assertRaises(Thredo.StateError):
                wait(0)

    def test_end_of_tasks(self):
        def check():
            queue = Thredo.Queue()
            self.assertIs(queue.join(0), True)
            queue.put(1)
            self.assertIs(queue.join(0), False)
            queue.get()
            queue.task_done()
            self.assertIs(queue.join(1e-9), True)
        self.each(check)

    def test_least_item(self):
        def check():
            queue = Thredo.PriorityQueue(1)
            queue.put(1, timeout=1e-9)
            with self.assertRaises(Thredo.Full):
                queue.put(2, timeout=1e-9)
            self.assertEqual(queue.get(timeout=1e-9), 1)
        self.each(check)

    def test_file_descriptor(self):
        def check():
            reading, writing = os.pipe()
            try:
                self.assertEqual(Thredo.wait_fd(reading, GLib.IOCondition.IN, 0), 0)
                os.write(writing, b"x")
                self.assertEqual(Thredo.wait_fd(reading, GLib.IOCondition.IN, 0), GLib.IOCondition.IN)
            finally:
                os.close(reading)
                os.close(writing)
        self.each(check)

    def test_barrier(self):
        self.each(lambda: self.assertEqual(Thredo.Barrier(1).wait(0), 0))

    def test_cancel_comes_first(self):
        queue = Thredo.Queue()
        thread = Thredo.spawn(len, "")
        thread.wait()
        with Thredo.Scope() as scope:
            scope.cancel()
            for wait in thread.join, thread.wait, queue.join:
                with self.assertRaises(Thredo.CancelledError):
                    wait(0)


class Misuse(Case):
    def test_no_function(self):
        group = Thredo.ThreadGroup()
        for what in None, 5, "name":
            for call in Thredo.spawn, group.spawn, Thredo.Thread:
                if what is None and call is Thredo.Thread:
                    continue
                with self.subTest(what=what, call=call), self.assertRaisesRegex(TypeError, repr(what)):
                    call(what)
        with self.assertRaises(TypeError):
            group.spawn("name", 5)
        with self.assertRaises(TypeError):
            group.add(threading.Thread())
        group.join()

    def test_name_of_a_mock(self):
        self.assertEqual(Thredo.spawn(unittest.mock.Mock(return_value=3)).join(), 3)

    def test_order(self):
        with self.assertRaises(ValueError):
            Thredo.Queue(order=7)

    def test_size(self):
        for size in "3", 2.5, None:
            with self.assertRaises(TypeError):
                Thredo.Queue(size)

    def test_no_condition(self):
        for condition in 0, 1 << 40:
            with self.assertRaises(ValueError):
                Thredo.wait_fd(0, condition)

    def test_start_that_raises(self):
        def start(cancellable, callback):
            fail()
        with self.assertRaises(KeyError):
            Thredo.await_(start)
        with self.assertRaises(Thredo.ThreadError) as caught:
            Thredo.spawn(Thredo.await_, start).join()
        self.assertIsInstance(caught.exception.__cause__, KeyError)

    def test_scopes(self):
        scope = Thredo.Scope()
        with self.assertRaises(Thredo.StateError):
            scope.leave()
        with scope:
            with self.assertRaises(Thredo.StateError):
                scope.enter()
            with self.assertRaises(Thredo.ThreadError) as caught:
                Thredo.spawn(scope.leave).join()
            self.assertIsInstance(caught.exception.__cause__, Thredo.StateError)
        with scope:
            pass

    def test_permits(self):
        for value in 1.5, "a", None:
            with self.assertRaises(TypeError):
                Thredo.Semaphore(value)

    def test_parties(self):
        for action in None, len:
            for parties in 0, -1, 1 << 32:
                with self.assertRaises(ValueError):
                    Thredo.Barrier(parties, action)
        with self.assertRaises(TypeError):
            Thredo.Barrier(1, 5)

    def test_do_run_that_raises(self):
        class Failing(Thredo.Thread):
            def do_run(self):
                fail()

        thread = Failing()
        thread.start()
        with self.assertRaisesRegex(Thredo.ThreadError, "on purpose") as caught:
            thread.join()
        self.assertIsInstance(caught.exception.__cause__, KeyError)
        self.assertIs(thread.exception, caught.exception.__cause__)

    def test_join_async(self):
        outcomes = []
        loop = GLib.MainLoop()

        def joined(thread, result):
            try:
                outcomes.append(thread.join_finish(result))
            except GLib.Error as error:
                outcomes.append((type(error), type(error.__cause__)))
            loop.quit()

        for function in lambda: [5], fail, Thredo.Event().wait:
            thread = Thredo.spawn(function)
            if len(outcomes) == 2:
                thread.cancel()
            thread.join_async(None, joined)
            loop.run()
        self.assertEqual(outcomes, [[5], (Thredo.ThreadError, KeyError), (Thredo.ThreadError, Thredo.ThreadCancelled)])

    def test_pickle(self):
        with self.assertRaises(Thredo.ThreadError) as caught:
            Thredo.spawn(fail).join()
        copy = pickle.loads(pickle.dumps(caught.exception))
        self.assertEqual((type(copy), str(copy), copy.code, copy.thread),
                         (Thredo.ThreadError, str(caught.exception), caught.exception.code, None))


class Obj:
    pass


class Cycles(Case):
    """Python's collector finds the way from a result back to its thread."""

    def assert_collected(self, make):
        reference = make()

        def is_gone():
            gc.collect()
            return reference() is None
        until(is_gone)  # the thread may still be on its way out

    def test_result(self):
        def make():
            thing = Obj()
            thing.thread = Thredo.spawn(lambda: thing)
            self.assertIs(thing.thread.join(), thing)
            self.assertIs(thing.thread.result, thing)
            return weakref.ref(thing)
        self.assert_collected(make)

    def test_thread_itself(self):
        class Own(Thredo.Thread):
            def run(self):
                return self

        def make():
            thread = Own()
            thread.start()
            self.assertIs(thread.join(), thread)
            return weakref.ref(thread)
        self.assert_collected(make)

    def test_results_of_others(self):
        value = GObject.Value(GObject.TYPE_INT, 5)
        for thing in value, Thredo.Queue(), "text", [1], 7:
            self.assertIs(Thredo.spawn(lambda: thing).join(), thing)
        with Thredo.ThreadGroup(wait=object) as group:
            group.spawn(lambda: [1])
        self.assertEqual(group.completed.result, [1])


class Ends(unittest.TestCase):
    def test_what_a_thread_leaves_behind(self):
        program = Program("""
import contextvars
class Noisy:
    def __del__(self):
        with Thredo.shield():
            Thredo.sleep(0)
        say("gone")
local = threading.local()
variable = contextvars.ContextVar("variable")
def leave():
    local.noisy = Noisy()
    variable.set(Noisy())
for i in range(100):
    Thredo.spawn(leave).join()
say("end")
""")
        status, out, err = program.end()
        self.assertEqual((status, sorted(out.split())), (0, ["end"] + 200 * ["gone"]), err)

    def test_what_the_action_of_a_barrier_leaves(self):
        """It runs in a thread that knows no Python before and after."""
        program = Program("""
class Noisy:
    def __del__(self):
        with Thredo.shield():
            Thredo.sleep(0)
        say("gone")
local = threading.local()
def leave():
    local.noisy = Noisy()
for i in range(100):
    Thredo.Barrier(1, leave).wait()
""")
        status, out, err = program.end()
        self.assertEqual((status, out.split()), (0, 100 * ["gone"]), err)


class Races(Case):
    def test_failures_while_groups_are_joined(self):
        interval = sys.getswitchinterval()
        sys.setswitchinterval(1e-6)
        self.addCleanup(sys.setswitchinterval, interval)
        is_over = threading.Event()

        def failing():
            while not is_over.is_set():
                threads = [Thredo.spawn(fail) for i in range(50)]
                for thread in threads:
                    thread.wait()

        with Thredo.ThreadGroup() as group:
            group.spawn(failing)
            try:
                for i in range(1000):
                    Thredo.ThreadGroup().join()
            finally:
                is_over.set()

    def test_disarmed_while_it_runs(self):
        """As by a group.add() that has lost against a start()."""
        program = Program("""
import functools
from gi.overrides import _thredo_native as native
armed = Thredo.Event()
class Numbers:
    def __iter__(self):
        armed.wait()
        return iter(range(50))
def start():
    def add(total, n):
        if n == 2:
            native.disarm_task(holder[0]._task)
        return total + n
    holder = []
    holder.append(Thredo.spawn(functools.reduce, add, Numbers()))
    return holder[0]
thread = start()
armed.set()
say(thread.join())
""")
        self.assertEqual(program.end(), (0, "1225\n", ""))

    def test_join_of_member_without_room(self):
        """It has not begun: its end is to be waited for, and without the interpreter."""
        program = Program("""
event = Thredo.Event()
with Thredo.ThreadGroup(max_running=1) as group:
    group.spawn(event.wait)
    thread = group.spawn(lambda: 2)
    say(thread.join(timeout=0.001))
    joiner = Thredo.spawn(thread.join)
    until_waiting(joiner)
    event.set()
    say(joiner.join())
""")
        self.assertEqual(program.end(), (0, "None\n2\n", ""))

    def test_members_come_in_two_ways(self):
        """One way has the interpreter and wants the group, the other must not have it the other way round."""
        program = Program("""
group = Thredo.ThreadGroup()
def add():
    for i in range(500):
        group.add(Thredo.Thread(target=int))
def spawn():
    while adding.is_alive():
        group.spawn(int)
adding = Thredo.spawn(add)
spawning = Thredo.spawn(spawn)
adding.join()
spawning.join()
say(group.join())
""", limit=60)
        self.assertEqual(program.end(), (0, "True\n", ""))


class Comparisons(unittest.TestCase):
    def test_that_use_a_queue(self):
        queue = Thredo.PriorityQueue()

        class Item:
            def __lt__(self, other):
                queue.put(1)

        first = Item()
        queue.put(first)
        for _ in range(2):
            with self.assertRaises(Thredo.DeadlockError):
                queue.put(Item())
        self.assertEqual(queue.qsize(), 1)
        self.assertIs(queue.get(), first)


@forking
class Forks(unittest.TestCase):
    def test_wakeup_fd(self):
        program = Program("""
def first():
    child = os.fork()
    if child == 0:
        say(signal.set_wakeup_fd(-1))
        os._exit(0)
    os.waitpid(child, 0)
main = threading.main_thread()
until(lambda: Thredo.Thread.self() is not None)
def begin():
    until_waiting(owner)
    first()
owner = Thredo.enable()
Thredo.spawn(begin).join()
""")
        self.assertEqual(program.end()[:2], (0, "-1\n"))

    def test_two_at_once(self):
        """Who waits for the other's fork to be over must not have the interpreter."""
        program = Program("""
from gi.overrides import _thredo_native as native
inside = threading.Semaphore(0)
os.register_at_fork(before=inside.release)  # the last is called first
def fork():
    child = os.fork()
    if child == 0:
        os._exit(0)
    os.waitpid(child, 0)
for i in range(20):
    native.before_fork()
    other = threading.Thread(target=fork)
    other.start()
    inside.acquire()
    native.after_fork(False)
    other.join()
say("end")
""")
        self.assertEqual(program.end(), (0, "end\n", ""))

    def test_while_threads_begin(self):
        """A child starts, whatever threads are about to begin; what ends just then is beyond us."""
        program = Program("""
is_over = Thredo.Event()
def spawning():
    for i in range(1000):
        if is_over.is_set():
            break
        Thredo.spawn(is_over.wait)
threads = [Thredo.spawn(spawning) for i in range(2)]
for i in range(200):
    child = os.fork()
    if child == 0:
        os._exit(0)
    if os.waitpid(child, 0)[1] != 0:
        say("a child has failed")
        break
    if not any(thread.is_alive() for thread in threads):
        break
is_over.set()
""", limit=60)
        self.assertEqual(program.end(), (0, "", ""))


if __name__ == "__main__":
    unittest.main()
