#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A producer and a consumer over a queue of one, which neither can get ahead of by more."""

import thredo


def produce(queue):
    for n in range(1, 6):
        queue.put(n)
        print(f"put {n}\n", end="", flush=True)
    queue.close()


def consume(queue):
    for item in queue:  # until it is closed
        print(f"got {item}\n", end="", flush=True)


def main():
    queue = thredo.Queue(maxsize=1)
    producer = thredo.spawn(produce, queue)
    consumer = thredo.spawn(consume, queue)
    producer.join()
    consumer.join()
    print("The queue is closed, and empty")


thredo.run(main)
