#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A pool of workers on a queue, who are cancelled when the work is done."""

import gi

gi.require_version("Thredo", "1.0")
from gi.repository import Thredo


def worker(jobs):
    while True:
        n = jobs.get()
        print(f"{n} squared is {n * n}\n", end="", flush=True)
        jobs.task_done()


def main():
    jobs = Thredo.Queue()
    with Thredo.ThreadGroup(wait=None) as group:  # waits for none: all four are cancelled
        for _ in range(4):
            group.spawn(worker, jobs)
        for n in range(1, 9):
            jobs.put(n)
        jobs.join()  # until all are done
    print("No job is left, and no worker")


Thredo.run(main)
