#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Two threads that compute, and a third that is cancelled where it asks."""

import itertools

import gi

gi.require_version("Thredo", "1.0")
from gi.repository import Thredo


def is_prime(n):
    return n > 1 and all(n % i for i in range(2, int(n**0.5) + 1))


def count_primes(first, end):
    return sum(is_prime(n) for n in range(first, end))


def compute_for_ever():
    for n in itertools.count():
        Thredo.check_cancelled()
        is_prime(n)


def main():
    ranges = (0, 20000), (20000, 40000)
    endless = Thredo.spawn(compute_for_ever)
    threads = [Thredo.spawn(count_primes, *r) for r in ranges]
    for thread, (first, end) in zip(threads, ranges):
        print(f"{thread.join()} primes from {first} to {end}")

    endless.cancel()
    if isinstance(endless.exception, Thredo.ThreadCancelled):
        print("The endless one is cancelled")


Thredo.run(main)
