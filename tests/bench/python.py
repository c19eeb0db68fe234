#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The benches of the Python overrides, beside Python's own: one line of JSON for each row.

As thredo-bench, for tests/bench/run: ours and the peer take turns, round by round, and the verdict
is the median of the per-round ratios.
"""

import argparse
import json
import queue
import statistics
import sys
import threading
import time

import gi

gi.require_version("Thredo", "1.0")
from gi.repository import Thredo  # noqa: E402

TARGET = 0.15  # seconds that one side of a round takes


def nothing():
    pass


def start_python_thread(function, *args):
    thread = threading.Thread(target=function, args=args)
    thread.start()
    return thread


# The work: each makes a function of the number of operations.

def spawn_and_join(start):
    def work(n):
        for _ in range(n):
            start(nothing).join()
    return work


def alone(queue_class):
    def work(n):
        items = queue_class()
        put, get = items.put, items.get
        for _ in range(n):
            put(None)
            get()
    return work


def in_two_threads(first, second, start):
    threads = [start(first), start(second)]
    for thread in threads:
        thread.join()


def one_putter_one_getter(queue_class, start):
    def work(n):
        items = queue_class()

        def put_all():
            for _ in range(n):
                items.put(None)

        def get_all():
            for _ in range(n):
                items.get()

        in_two_threads(put_all, get_all, start)
    return work


def ping_pong(queue_class, start):
    def work(n):
        there, back = queue_class(), queue_class()

        def ask():
            for _ in range(n):
                there.put(None)
                back.get()

        def answer():
            for _ in range(n):
                back.put(there.get())

        in_two_threads(ask, answer, start)
    return work


def lock_and_unlock(lock):
    def work(n):
        acquire, release = lock.acquire, lock.release
        for _ in range(n):
            acquire()
            release()
    return work


def lock_by_with(lock):
    def work(n):
        for _ in range(n):
            with lock:
                pass
    return work


def compute(n):
    number = 1
    for _ in range(n):
        for _ in range(100):
            number = number * 1103515245 + 12345 & 0x7FFFFFFF


def compute_beside_waiting(n_waiting):
    """As many threads in waits of several kinds, and one that computes."""
    def work(n):
        started = time.perf_counter(), time.process_time()
        items, event, lock = Thredo.Queue(), Thredo.Event(), Thredo.Lock()
        lock.acquire()
        waits = (items.get, event.wait, lock.acquire, lambda: Thredo.sleep(1000))
        with Thredo.ThreadGroup() as group:
            for number in range(n_waiting):
                group.spawn(waits[number % len(waits)])
            for thread in group.threads:
                while thread.state != Thredo.ThreadState.WAITING:
                    Thredo.sleep(0.0001)
            started = time.perf_counter(), time.process_time()
            compute(n)
            took = time.perf_counter() - started[0], time.process_time() - started[1]
            group.cancel()
        lock.release()
        return took
    return work


def compute_alone(n):
    started = time.perf_counter(), time.process_time()
    compute(n)
    return time.perf_counter() - started[0], time.process_time() - started[1]


def time_limit(make):
    def work(n):
        for _ in range(n):
            with make():
                pass
    return work


# name, work, against, judge, budget, ours, peer. Of the judge "time" the budget is in nanoseconds.
ROWS = [
    ("python/spawn-join", "Python: spawn and join, empty function", "threading.Thread", "wall", 0.5,
     spawn_and_join(Thredo.spawn), spawn_and_join(start_python_thread)),
    ("python/queue-alone", "Python: queue put and get, one thread", "queue.Queue", "wall", 2.0,
     alone(Thredo.Queue), alone(queue.Queue)),
    ("python/queue-1p1g", "Python: queue, 1 putter 1 getter, per item", "queue.Queue", "wall", 1.0,
     one_putter_one_getter(Thredo.Queue, Thredo.spawn), one_putter_one_getter(queue.Queue, start_python_thread)),
    ("python/queue-ping-pong", "Python: queue ping-pong, per round trip", "queue.Queue", "wall", 0.5,
     ping_pong(Thredo.Queue, Thredo.spawn), ping_pong(queue.Queue, start_python_thread)),
    ("python/lock", "Python: lock acquire and release, nobody else", "threading.Lock", "time", 1000,
     lock_and_unlock(Thredo.Lock()), lock_and_unlock(threading.Lock())),
    ("python/lock-with", "Python: with lock, nobody else", "threading.Lock", "wall", None,
     lock_by_with(Thredo.Lock()), lock_by_with(threading.Lock())),
    ("python/rlock", "Python: recursive lock acquire and release, nobody else", "threading.RLock", "wall", None,
     lock_and_unlock(Thredo.RLock()), lock_and_unlock(threading.RLock())),
    ("python/semaphore", "Python: semaphore acquire and release, nobody else", "threading.Semaphore", "wall", None,
     lock_and_unlock(Thredo.Semaphore()), lock_and_unlock(threading.Semaphore())),
    ("python/computing-beside-32", "Python: a thread that computes; 32 others wait", "none others", "wall", 1.05,
     compute_beside_waiting(32), compute_alone),
]


def sample(work, n):
    wall, cpu = time.perf_counter(), time.process_time()
    took = work(n)
    if took is None:
        took = time.perf_counter() - wall, time.process_time() - cpu
    return {"wall": took[0] * 1e9 / n, "cpu": took[1] * 1e9 / n}


def calibrate(work, target):
    n = 10
    while True:
        took = sample(work, n)["wall"] * n / 1e9
        if took >= target / 2:
            return max(int(n * target / took), 1)
        n = max(n + 1, int(n * min(target / max(took, 1e-6), 10)))


def side(samples, n):
    return {"wall": statistics.median(one["wall"] for one in samples),
            "cpu": statistics.median(one["cpu"] for one in samples),
            "operations": n, "rounds": samples}


def measure(row, rounds, target):
    name, work, against, judge, budget, ours, peer = row
    n_ours, n_peer = calibrate(ours, target), calibrate(peer, target)
    samples = {ours: [], peer: []}
    for number in range(rounds):
        for turn in (ours, peer) if number % 2 else (peer, ours):
            samples[turn].append(sample(turn, n_ours if turn is ours else n_peer))
    ratios = {clock: statistics.median(a[clock] / max(b[clock], 1e-3) for a, b in zip(samples[ours], samples[peer]))
              for clock in ("wall", "cpu")}
    report = {"name": name, "work": work, "against": against, "unit": "ns", "judge": judge, "budget": budget,
              "ours": side(samples[ours], n_ours), "peer": side(samples[peer], n_peer),
              "wall_ratio": ratios["wall"], "cpu_ratio": ratios["cpu"]}
    report["value"] = report["ours"]["wall"] if judge == "time" else ratios["wall"]
    report["ok"] = None if budget is None else report["value"] <= budget
    return report


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rounds", type=int, default=9, metavar="N", help="rounds for each row (9)")
    parser.add_argument("--row", metavar="NAME", help="this row alone")
    parser.add_argument("--list", action="store_true", help="list the rows and do nothing")
    parser.add_argument("--smoke", action="store_true", help="one round, tiny sizes")
    arguments = parser.parse_args()

    rows = [row for row in ROWS if arguments.row in (None, row[0])]
    if not rows:
        print(f"There is no row '{arguments.row}'", file=sys.stderr)
        return 2
    for row in rows:
        if arguments.list:
            print(row[0])
        else:
            print(json.dumps(measure(row, 1 if arguments.smoke else arguments.rounds,
                                     0.002 if arguments.smoke else TARGET)), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
