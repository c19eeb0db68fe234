#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The parent and the kid: an event, a signal (Ctrl+C), a group of friends, and a deadline."""

import signal
import sys

import thredo

asked = thredo.Semaphore(0)
arrived = thredo.Semaphore(0)
may_play = thredo.Event()
all_here = thredo.Event()


def say(who, what):
    print(f"{who}: {what}\n", end="", flush=True)


def friend(name):
    say(name, "comes to play")
    arrived.release()
    try:
        thredo.sleep(3600)
    except thredo.CancelledError:
        say(name, "goes home")
        raise


def kid():
    for _ in range(2):
        try:
            say("kid", "may I play?")
            asked.release()
            thredo.timeout_after(0.1, may_play.wait)
            break
        except thredo.ThreadTimeout:
            say("kid", "why not?")
    else:
        say("kid", "pretty please!")
        asked.release()
        may_play.wait()

    say("kid", "builds a castle")
    with thredo.ThreadGroup() as friends:
        for name in "Ada", "Grace", "Linus":
            friends.spawn(friend, name)
            arrived.acquire()
        all_here.set()
        try:
            thredo.sleep(3600)
        except thredo.CancelledError:
            say("kid", "saves the castle")
            raise  # sends the friends home, and waits for them


def countdown(n):
    while n > 0:
        say("countdown", n)
        thredo.sleep(0.05)
        n -= 1


def parent(patience):
    call = thredo.SignalEvent(signal.SIGINT, signal.SIGTERM)
    kid_thread = thredo.spawn(kid)
    for _ in range(3):
        asked.acquire()
    say("parent", "go and play")
    may_play.set()

    all_here.wait()
    say("parent", "waits for a call (Ctrl+C)")
    try:
        thredo.timeout_after(patience, call.wait)
        say("parent", "somebody calls")
    except thredo.ThreadTimeout:
        say("parent", "it is late")
    thredo.spawn(countdown, 3).join()

    say("parent", "we are leaving")
    try:
        thredo.timeout_after(0.1, kid_thread.join)
    except thredo.ThreadTimeout:
        say("parent", "now!")
        kid_thread.cancel()
    say("parent", "everybody is gone")


thredo.run(parent, float(sys.argv[1]) if len(sys.argv) > 1 else 1)
