#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later

import gi

gi.require_version("Thredo", "1.0")
from gi.repository import GLib, Thredo


def worker(thread, jobs):
    try:
        while True:
            _, job = jobs.get(None)
            Thredo.sleep(10_000, None)  # the work
            print(f"{thread.get_name()}: job {job}\n", end="", flush=True)
            jobs.task_done()
    except GLib.Error:  # cancelled
        return True


jobs = Thredo.Queue.new(0)
group = Thredo.Group.new(Thredo.GroupWait.ALL)

for name in "Ada", "Grace", "Margaret":
    group.spawn(name, worker, jobs)
for i in range(1, 11):
    jobs.put(i, None)

jobs.join(None)  # until all ten are done
group.cancel()   # wakes the three from their get
group.join(None)
print("done")
