# SPDX-License-Identifier: LGPL-2.1-or-later
"""Programs of the first thredo's kind, by `import thredo`."""

import unittest

import support  # noqa: F401: has the right version

import thredo


class ProgramsTest(support.Case):
    def run_program(self, function, *args):
        events = []
        result = thredo.run(function, events, *args)
        return events, result

    def test_hello(self):
        self.assertEqual(thredo.run(lambda name: f"Hello {name}", "you"), "Hello you")

    def test_spawn_and_failure(self):
        def add(x, y):
            return x + y

        def main(events):
            events.append(thredo.spawn(add, 1, 1).join())
            try:
                thredo.spawn(add, 1, "1").join()
            except thredo.ThreadError as error:
                events.append(type(error.__cause__))

        self.assertEqual(self.run_program(main)[0], [2, TypeError])

    def test_cancel(self):
        def child(events):
            try:
                thredo.sleep(1000)
            except thredo.CancelledError:
                events.append("cancelled")
                raise

        def main(events):
            thread = thredo.spawn(child, events)
            support.until_waiting(thread)
            thread.cancel()
            events.append("main")
            try:
                thread.join()
            except thredo.ThreadError as error:
                events.append(type(error.__cause__))

        self.assertEqual(self.run_program(main)[0], ["cancelled", "main", thredo.ThreadCancelled])

    def test_timeout(self):
        def main(events):
            try:
                thredo.timeout_after(0.01, thredo.sleep, 1000)
            except thredo.ThreadTimeout:
                events.append("timeout")
            with thredo.ignore_after(0.01) as scope:
                thredo.sleep(1000)
            events.append(scope.expired)

        self.assertEqual(self.run_program(main)[0], ["timeout", True])

    def test_nested_timeouts(self):
        def main(events):
            try:
                with thredo.timeout_after(0.01):
                    try:
                        with thredo.timeout_after(1000):
                            thredo.sleep(1000)
                    finally:
                        events.append("inner")
            except thredo.ThreadTimeout:
                events.append("outer")

        self.assertEqual(self.run_program(main)[0], ["inner", "outer"])

    def test_queue(self):
        def consumer(queue, events):
            while True:
                item = queue.get()
                if item is None:
                    break
                events.append(item)
                queue.task_done()
            queue.task_done()

        def main(events):
            queue = thredo.Queue(maxsize=1)
            thread = thredo.spawn(consumer, queue, events)
            for n in range(5):
                queue.put(n)
            queue.put(None)
            queue.join()
            thread.join()
            events.append("done")

        self.assertEqual(self.run_program(main)[0], [0, 1, 2, 3, 4, "done"])

    def test_workers(self):
        def worker(queue, events):
            for number in queue:
                events.append(number)
                queue.task_done()

        def main(events):
            queue = thredo.Queue()
            with thredo.ThreadGroup(wait=None) as group:
                for i in range(3):
                    group.spawn(worker, queue, events)
                for number in range(20):
                    queue.put(number)
                queue.join()

        self.assertEqual(sorted(self.run_program(main)[0]), list(range(20)))

    def test_event_and_lock(self):
        def child(event, lock, events):
            event.wait()
            with lock:
                events.append("child")

        def main(events):
            event, lock = thredo.Event(), thredo.Lock()
            threads = [thredo.spawn(child, event, lock, events) for i in range(3)]
            with lock:
                event.set()
                support.until_waiting(threads[0])
                events.append("main")
            for thread in threads:
                thread.join()

        self.assertEqual(self.run_program(main)[0], ["main"] + ["child"] * 3)

    def test_lock_cancelled(self):
        def holder(lock):
            with lock:
                thredo.sleep(1000)

        def waiter(lock, events):
            try:
                with lock:
                    events.append("has it")
            except thredo.CancelledError:
                events.append("has it not")

        def main(events):
            lock = thredo.Lock()
            one = thredo.spawn(holder, lock)
            support.until_waiting(one)
            two = thredo.spawn(waiter, lock, events)
            support.until_waiting(two)
            two.cancel()
            three = thredo.spawn(waiter, lock, events)
            support.until_waiting(three)
            one.cancel()
            three.join()

        self.assertEqual(self.run_program(main)[0], ["has it not", "has it"])

    def test_first_of_many(self):
        def request(number, events):
            if number == 2:
                return number
            try:
                thredo.sleep(1000)
            finally:
                events.append("cancelled")

        def main(events):
            with thredo.ThreadGroup(wait=any) as group:
                for number in range(4):
                    group.spawn(request, number, events)
            return group.completed.result

        # Who is cancelled before it has begun says nothing.
        events, result = self.run_program(main)
        self.assertEqual(result, 2)
        self.assertLessEqual(len(events), 3)

    def test_enable(self):
        def work():
            thredo.enable()
            return thredo.spawn(lambda: 5).join()

        self.assertEqual(support.Foreign(work).ended(), 5)


if __name__ == "__main__":
    unittest.main()
