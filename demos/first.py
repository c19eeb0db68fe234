#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later

import gi

gi.require_version("Thredo", "1.0")
from gi.repository import Thredo


def worker(jobs):
    name = Thredo.Thread.self().name
    for job in jobs:
        Thredo.sleep(0.01)  # the work
        print(f"{name}: job {job}\n", end="", flush=True)
        jobs.task_done()


def main():
    jobs = Thredo.Queue()
    with Thredo.ThreadGroup() as group:
        for name in "Ada", "Grace", "Margaret":
            group.spawn(worker, jobs, name=name)
        for i in range(1, 11):
            jobs.put(i)
        jobs.join()     # until all ten are done
        group.cancel()  # wakes the three from their get
    print("done")


Thredo.run(main)
