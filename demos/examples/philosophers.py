#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Five philosophers lock each other out, until a timeout: one leaves, and the others eat."""

import gi

gi.require_version("Thredo", "1.0")
from gi.repository import Thredo

NAMES = "Aristotle", "Hypatia", "Confucius", "Avicenna", "Kant"

forks = [Thredo.Lock() for name in NAMES]
all_have_one = Thredo.Barrier(len(NAMES))


def dine(seat):
    with forks[seat]:
        all_have_one.wait()
        try:
            with forks[(seat + 1) % len(NAMES)]:
                print(NAMES[seat], "eats")
        except Thredo.ThreadCancelled:
            print(NAMES[seat], "leaves")
            raise


def main():
    philosophers = [Thredo.spawn(dine, seat, name=name) for seat, name in enumerate(NAMES)]
    try:
        with Thredo.timeout_after(0.3):
            for philosopher in philosophers:
                philosopher.wait()
    except Thredo.ThreadTimeout:
        print("Time is up, and nobody has eaten")
        philosophers[0].cancel()
    for philosopher in philosophers:
        philosopher.wait()


Thredo.run(main)
