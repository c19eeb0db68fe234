#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A sleeper is cancelled, wakes at once, and has time to clean up."""

import thredo


def sleeper(asleep):
    print("sleeper: good night, for an hour")
    asleep.set()
    try:
        thredo.sleep(3600)
        print("sleeper: good morning")
    except thredo.ThreadCancelled:
        with thredo.shield():  # without it, every wait fails at once from here on
            print("sleeper: cancelled, makes the bed")
            thredo.sleep(0.01)
            print("sleeper: the bed is made")
        raise


def main():
    asleep = thredo.Event()
    thread = thredo.spawn(sleeper, asleep)
    asleep.wait()
    print("main: get up")
    thread.cancel()
    try:
        thread.join()
    except thredo.ThreadError as error:
        if isinstance(error.__cause__, thredo.ThreadCancelled):
            print("main: the sleeper was cancelled")


thredo.run(main)
