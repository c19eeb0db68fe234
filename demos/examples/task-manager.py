#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A task manager that starts more and more work, until Ctrl+C ends all of it."""

import sys

import gi

gi.require_version("Thredo", "1.0")
from gi.repository import Thredo


def say(text):
    print(f"{text}\n", end="", flush=True)


def task(n):
    say(f"task {n} works")
    try:
        Thredo.sleep(3600)
    except Thredo.CancelledError:
        say(f"task {n} is cancelled")
        raise


class Manager:
    def __init__(self, limit):
        self.limit = limit
        self.n_tasks = 0

    def run(self):
        with Thredo.ThreadGroup() as tasks:
            while self.n_tasks != self.limit:
                self.n_tasks += 1
                tasks.spawn(task, self.n_tasks)
                Thredo.sleep(0.1)
            tasks.cancel()


# With an argument, it starts as many tasks, or with 0 goes on until Ctrl+C.
manager = Manager((int(sys.argv[1]) if len(sys.argv) > 1 else 5) or None)
try:
    Thredo.run(manager.run)
    print(manager.n_tasks, "tasks are enough")
except KeyboardInterrupt:
    print("Ctrl+C ends", manager.n_tasks, "tasks")
