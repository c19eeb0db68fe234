# SPDX-License-Identifier: LGPL-2.1-or-later
"""A program as threads: run(), and what happens at its end and that of the interpreter."""

import atexit
import threading
import time

from . import errors
from .base import Thredo, native, public
from .scope import Scope
from .thread import Thread

# How long daemons may take to hear of the end, in seconds, together.
PATIENCE = 0.5


def running_tasks(run=None):
    """The threads that run a function of Python's, of one run() or of all."""
    threads = []
    for thread in Thread.list_all():
        task = thread.__dict__.get("_task")
        if task is not None and not task.number and (run is None or task.run is run):
            threads.append(thread)
    return threads


def end(run=None, wait_for_daemons=True, interrupt=None):
    """Cancels them until there are none, and waits until they have ended.

    A first KeyboardInterrupt is raised after that, a second one, or one beside an earlier interrupt, at once.
    """
    current = Thread.self()
    started = time.monotonic()
    earlier = interrupt

    def wait(thread, timeout=None):
        nonlocal interrupt
        try:
            thread._wait_for_end(timeout)
        except KeyboardInterrupt as exception:
            if interrupt is not None:
                raise
            interrupt = exception

    with Scope(shielded=True):
        while True:
            threads = [thread for thread in running_tasks(run) if thread is not current]
            for thread in threads:
                thread.cancel(blocking=False)
            waited = False
            for thread in threads:
                if wait_for_daemons or not thread.daemon:
                    wait(thread)
                    waited = True
                elif time.monotonic() < started + PATIENCE:
                    wait(thread, started + PATIENCE - time.monotonic())
                    waited = True
            if not waited:
                break
    if interrupt is not earlier:
        raise interrupt


@public
def run(callable, *args):
    """Run callable(*args) in a first thread, named "main", and return what it returns.

    What it raises is raised here. Threads that it has left running, and those that they have
    started, are cancelled, and have ended when this returns. Ctrl+C cancels the first thread, and
    then all the others, and raises KeyboardInterrupt here when they have ended; a second one does
    not wait for them.
    """
    mark = object()
    exits = []

    def main():
        try:
            return callable(*args)
        except SystemExit as exit:  # which would be no failure of a thread
            exits.append(exit)

    thread = native.spawn(None, "main", False, mark, main, ())
    task = thread._task
    try:
        thread.wait()
        task.is_told = True
        end(mark)
    except BaseException as exception:
        task.is_told = True
        # The others keep on until the first has ended: it may want them to.
        thread.cancel(blocking=False)
        with Scope(shielded=True):
            thread.wait()
        end(mark, interrupt=exception)
        raise
    exception = exits[0] if exits else task.exception
    if exception is not None:
        try:
            raise exception
        finally:
            del task, thread, exception, exits
    return task.result


def at_exit():
    """Before the interpreter comes down: no thread must run Python after that."""
    try:
        end(wait_for_daemons=False, interrupt=KeyboardInterrupt)
    except KeyboardInterrupt:
        pass
    errors.report_all()


def register():
    """Has that happen, before Python waits for its own threads, which may wait for ours."""
    getattr(threading, "_register_atexit", atexit.register)(at_exit)
