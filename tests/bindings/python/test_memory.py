# SPDX-License-Identifier: LGPL-2.1-or-later
"""What is done often leaves nothing behind."""

import gc
import os
import sys
import threading
import unittest
import weakref

from support import Case, Thredo, until, until_waiting

N = 100_000

# Of memory, in bytes, that the second half of many rounds may take: noise of allocators, and less
# than a byte for each round would be.
NOISE = 1_500_000

# Blocks of Python's allocator.
FEW = 300


def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def measured():
    gc.collect()
    return resident(), sys.getallocatedblocks(), len(gc.get_objects())


class FlatTest(Case):
    def assert_flat(self, work, n=N):
        """work(n) does something n times."""
        work(n // 10)  # caches fill
        work(n // 2)
        before = measured()
        work(n // 2)
        after = measured()
        self.assertLess(after[1] - before[1], FEW, "blocks")
        self.assertLess(after[2] - before[2], FEW, "objects")
        if not os.environ.get("THREDO_TEST_SANITIZED"):
            self.assertLess(after[0] - before[0], NOISE, "resident")

    def test_joined(self):
        def work(n):
            for i in range(n):
                Thredo.spawn(id, i).join()

        self.assert_flat(work)

    def test_not_joined(self):
        def work(n):
            done = Thredo.Semaphore(0)
            for i in range(n // 100):
                for j in range(100):
                    Thredo.spawn(done.release)
                for j in range(100):
                    done.acquire()

        self.assert_flat(work)

    def test_failed_and_joined(self):
        def fail(number):
            own = [number]
            own.append(own)  # in a cycle
            raise ValueError(number)

        def work(n):
            for i in range(n):
                try:
                    Thredo.spawn(fail, i).join()
                except Thredo.ThreadError:
                    pass

        self.assert_flat(work, N // 4)

    def test_failed_and_not_joined(self):
        """Each is reported, once."""
        reports = []
        threading.excepthook = lambda report: reports.append(report.exc_value.args[0])

        def fail(number):
            raise ValueError(number)

        n_before = 0

        def work(n):
            nonlocal n_before
            for i in range(n // 100):
                threads = [Thredo.spawn(fail, j) for j in range(100)]
                until(lambda: not any(thread.is_alive() for thread in threads))
                del threads
                until(lambda: gc.collect() is not None and len(reports) == 100)
                self.assertEqual(sorted(reports), list(range(100)))
                reports.clear()

        self.assert_flat(work, N // 20)

    def test_group(self):
        def work(n):
            for i in range(n // 10):
                with Thredo.ThreadGroup() as group:
                    for j in range(10):
                        group.spawn(id, j)

        self.assert_flat(work)

    def test_failing_group(self):
        def fail():
            raise ValueError

        def work(n):
            for i in range(n // 10):
                try:
                    with Thredo.ThreadGroup() as group:
                        for j in range(5):
                            group.spawn(fail)
                            group.spawn(Thredo.sleep, 1000)
                except Thredo.ThreadError:
                    pass

        self.assert_flat(work, N // 10)

    def test_thread_objects(self):
        class Worker(Thredo.Thread):
            def run(self):
                return self

        def work(n):
            for i in range(n):
                worker = Worker()
                worker.start()
                assert worker.join() is worker
                Thredo.Thread(target=id, args=(1,))  # never started

        self.assert_flat(work, N // 4)

    def test_queue(self):
        def work(n):
            queue = Thredo.Queue(100)

            def put():
                for i in range(n):
                    queue.put((i, str(i)))
                queue.close()

            thread = Thredo.spawn(put)
            assert sum(1 for item in queue) == n
            thread.join()

        self.assert_flat(work)

    def test_other_queues(self):
        def work(n):
            for queue in Thredo.LifoQueue(), Thredo.PriorityQueue():
                for i in range(n // 100):
                    for j in range(100):
                        queue.put((j % 7, [i]))
                    for j in range(100):
                        queue.get()
                queue.put((1, "left"))

        self.assert_flat(work, N // 4)

    def test_incomparable(self):
        def work(n):
            queue = Thredo.PriorityQueue()
            queue.put("a")
            for i in range(n):
                try:
                    queue.put(i)
                except TypeError:
                    pass
            assert queue.qsize() == 1

        self.assert_flat(work, N // 4)

    def test_cancelled(self):
        def work(n):
            queue = Thredo.Queue()
            for i in range(n):
                try:
                    queue.get(timeout=0.000001)
                except Thredo.Empty:
                    pass
                with Thredo.ignore_after(0):
                    queue.get()
                with Thredo.Scope() as scope:
                    scope.cancel()
                    try:
                        queue.get()
                    except Thredo.CancelledError:
                        pass

        self.assert_flat(work, N // 4)

    def test_locks(self):
        def work(n):
            for i in range(n):
                condition = Thredo.Condition()
                with condition:
                    condition.notify()
                with Thredo.Semaphore(), Thredo.Lock(), Thredo.RLock():
                    pass
                barrier = Thredo.Barrier(1, lambda: barrier)
                barrier.wait()

        self.assert_flat(work, N // 10)

    def test_stand_ins(self):
        """threading.current_thread() makes one for a thread that it does not know."""
        def work(n):
            for i in range(n):
                Thredo.spawn(threading.current_thread).join()

        self.assert_flat(work, N // 10)
        self.assertLess(len(threading.enumerate()), 5)

    def test_await(self):
        from gi.repository import Gio, GLib

        stream = Gio.MemoryInputStream.new_from_bytes(GLib.Bytes.new(b"a" * N))

        def work(n):
            for i in range(n):
                stream.read_bytes_finish(Thredo.await_(
                    lambda cancellable, callback: stream.read_bytes_async(1, 0, cancellable, callback)))

        self.assert_flat(work, 5000)


class LifeTest(Case):
    def assert_gone(self, reference):
        until(lambda: gc.collect() is not None and reference() is None)

    def test_thread_goes(self):
        thread = Thredo.spawn(id, 1)
        reference = thread.weak_ref()
        thread.join()
        del thread
        self.assert_gone(reference)

    def test_thread_that_is_not_joined_goes(self):
        reference = Thredo.spawn(id, 1).weak_ref()
        self.assert_gone(reference)

    def test_thread_that_failed_goes(self):
        """Its exception has a frame that has the thread."""
        class Failure(Exception):
            pass

        def fail():
            thread = own[0]  # noqa: F841
            raise Failure

        own = []
        event = Thredo.Event()
        thread = Thredo.spawn(lambda: event.wait() and fail())
        own.append(thread)
        event.set()
        with self.assertRaises(Thredo.ThreadError) as caught:
            thread.join()
        reference = thread.weak_ref()
        exception = weakref.ref(caught.exception.__cause__)
        own.clear()
        del caught, thread
        self.assert_gone(reference)
        self.assert_gone(exception)

    def test_result_that_has_the_thread_goes(self):
        class Job:
            def work(self):
                return self

        for cls in Job, type("Jobs", (Thredo.Queue, Job), {}):
            job = cls()
            job.thread = Thredo.spawn(job.work)
            self.assertIs(job.thread.join(), job)
            reference = weakref.ref(job)
            del job
            self.assert_gone(reference)

    def test_arguments_go(self):
        class Argument:
            pass

        argument = Argument()
        reference = weakref.ref(argument)
        thread = Thredo.spawn(lambda argument: None, argument)
        del argument
        thread.join()
        self.assert_gone(reference)

    def test_dropped_while_it_runs(self):
        queue = Thredo.Queue()
        for i in range(100):
            Thredo.spawn(queue.put, i)
            gc.collect()
        self.assertEqual(sorted(queue.get() for i in range(100)), list(range(100)))

    def test_dropped_while_it_waits(self):
        event, ended = Thredo.Event(), Thredo.Queue()

        def work():
            me = Thredo.enable()
            event.wait()
            ended.put(me.name)

        for i in range(10):
            Thredo.spawn(work, name=f"w{i}")
        gc.collect()
        event.set()
        self.assertEqual(sorted(ended.get() for i in range(10)), [f"w{i}" for i in range(10)])

    def test_queue_dropped_while_it_is_waited_for(self):
        thread = Thredo.spawn(lambda: Thredo.Queue().get())
        until_waiting(thread)
        gc.collect()
        thread.cancel()

    def test_wrapper_dropped_while_c_has_the_object(self):
        """It comes back as what it was."""
        class Jobs(Thredo.Queue):
            answer = 42

        class Worker(Thredo.Thread):
            def run(self):
                return 43

        queue = Thredo.Queue()
        jobs = Jobs(name="jobs")
        jobs.extra = [1]
        queue.put(jobs)
        queue.put(Jobs())
        queue.put(Worker())
        queue.put(Thredo.PriorityQueue())
        del jobs
        gc.collect()
        jobs = queue.get()
        self.assertEqual((jobs.answer, jobs.extra, jobs.name), (42, [1], "jobs"))
        self.assertEqual(queue.get().answer, 42)
        worker = queue.get()
        worker.start()
        self.assertEqual(worker.join(), 43)
        self.assertIs(type(queue.get()), Thredo.PriorityQueue)

    def test_items_left_go(self):
        class Item:
            pass

        for cls in Thredo.Queue, Thredo.LifoQueue:
            item, queue = Item(), cls()
            reference = weakref.ref(item)
            queue.put(item)
            del item
            self.assertIsNotNone(reference())
            del queue
            self.assert_gone(reference)

    def test_subclass_goes(self):
        class Jobs(Thredo.Queue):
            pass

        jobs = Jobs()
        jobs.me = jobs
        reference = weakref.ref(jobs)
        del jobs
        self.assert_gone(reference)

    def test_barrier_with_an_action_goes(self):
        barrier = Thredo.Barrier(1, lambda: barrier)
        barrier.wait()
        reference = weakref.ref(barrier)
        del barrier
        self.assert_gone(reference)


class CollectorTest(Case):
    """With the collector run all the time in another thread."""

    def setUp(self):
        super().setUp()
        self.done = False
        self.collector = threading.Thread(target=self.collect)
        self.collector.start()
        self.addCleanup(self.stop)

    def collect(self):
        while not self.done:
            gc.collect()

    def stop(self):
        self.done = True
        self.collector.join()

    def test_spawn(self):
        for i in range(300):
            self.assertEqual(Thredo.spawn(lambda: i).join(), i)

    def test_dropped(self):
        done = Thredo.Semaphore(0)
        for i in range(300):
            Thredo.spawn(done.release)
        for i in range(300):
            done.acquire()

    def test_failures_in_cycles(self):
        def fail():
            me = Thredo.enable()  # noqa: F841
            raise ValueError

        for i in range(200):
            with self.assertRaises(Thredo.ThreadError):
                Thredo.spawn(fail).join()

    def test_groups(self):
        def work(queue, i):
            queue.put([i])

        for i in range(30):
            queue = Thredo.Queue()
            with Thredo.ThreadGroup() as group:
                for j in range(10):
                    group.spawn(work, queue, j)
            self.assertEqual(sorted(queue.get() for j in range(10)), [[j] for j in range(10)])

    def test_cancelled(self):
        for i in range(100):
            group = Thredo.ThreadGroup()
            queue = Thredo.Queue()
            for j in range(5):
                group.spawn(queue.get)
            group.cancel()
            group.join()

    def test_objects(self):
        """Wrappers come and go while C has the objects."""
        class Jobs(Thredo.Queue):
            pass

        queue = Thredo.Queue(4)

        def put():
            for i in range(500):
                jobs = Jobs()
                jobs.me, jobs.number = jobs, i
                queue.put(jobs)
                del jobs
            queue.close()

        thread = Thredo.spawn(put)
        self.assertEqual([jobs.number for jobs in queue], list(range(500)))
        thread.join()


if __name__ == "__main__":
    unittest.main()
