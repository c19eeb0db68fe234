#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The result of a function: whoever joins a thread is given what it has computed."""

import gi

gi.require_version("Thredo", "1.0")
from gi.repository import Thredo


def fibonacci(n):
    a, b = 0, 1
    for _ in range(n):
        a, b = b, a + b
    return a


def main():
    threads = {n: Thredo.spawn(fibonacci, n) for n in (10, 30, 90)}
    for n, thread in threads.items():
        print(f"fibonacci ({n}) = {thread.join()}")


Thredo.run(main)
