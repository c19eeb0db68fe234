#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Two threads and a lock: one that waits for it is cancelled, then one that holds it."""

import gi

gi.require_version("Thredo", "1.0")
from gi.repository import Thredo


def hold(lock, held, go_on):
    with lock:
        print("holder: has the lock")
        held.set()
        try:
            go_on.wait()
            print("holder: is done, and gives it back")
        except Thredo.ThreadCancelled:
            print("holder: is cancelled, and gives it back")
            raise


def want(lock, wanted):
    print("waiter: wants the lock")
    wanted.set()
    try:
        with lock:
            print("waiter: has the lock")
    except Thredo.ThreadCancelled:
        print("waiter: is cancelled, without it")
        raise


def play(cancels_the_holder):
    lock = Thredo.Lock()
    held, wanted, go_on = Thredo.Event(), Thredo.Event(), Thredo.Event()
    holder = Thredo.spawn(hold, lock, held, go_on)
    held.wait()
    waiter = Thredo.spawn(want, lock, wanted)
    wanted.wait()

    if cancels_the_holder:
        holder.cancel()
    else:
        waiter.cancel()
        go_on.set()
    holder.wait()
    waiter.wait()


def main():
    print("== the waiter is cancelled")
    play(False)
    print("== the holder is cancelled")
    play(True)


Thredo.run(main)
