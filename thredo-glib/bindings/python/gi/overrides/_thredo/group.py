# SPDX-License-Identifier: LGPL-2.1-or-later
"""Groups of threads."""

import weakref

from gi.repository import GLib

from .base import PlainMeta, Thredo, check_callable, name_of, name_property, native, overrides, words_of
from .errors import StateError, ThreadError, fail_join, note_failure, tell_of, translate, translated
from .scope import Scope
from .sync import titled
from .thread import in_c_form

POLICIES = {
    all: Thredo.GroupWait.ALL,
    any: Thredo.GroupWait.ANY,
    object: Thredo.GroupWait.RESULT,
    None: Thredo.GroupWait.NONE,
}


def tell(thread):
    """How the thread has ended is somebody's business now. Returns its task, or None."""
    task = thread.__dict__.get("_task")
    if task is not None:
        task.is_told = True
    return task


@overrides
class Group(Thredo.Group, metaclass=PlainMeta):
    """Threads that are started, joined and cancelled together.

    with Thredo.ThreadGroup(wait=any) as group:
        for url in urls:
            group.spawn(fetch, url)
    print(group.completed.result)

    When join(), or the with statement, is over, for whatever reason, every thread of the group has
    ended. `wait` says for whom it waits before it cancels the rest: `all`, `any` (the first to end),
    `object` (the first with a result that is not None), or None (nobody). A failure cancels the
    rest as well, and is raised as ThreadError.
    """

    def __init__(self, wait=all, *, max_running=0, name=None, threads=(), **properties):
        if "policy" not in properties:
            try:
                properties["policy"] = POLICIES[wait] if not isinstance(wait, Thredo.GroupWait) else wait
            except (KeyError, TypeError):
                raise ValueError(f"wait is all, any, object or None, not {wait!r}") from None
        super().__init__(max_running=max_running, name=name, **properties)
        for thread in threads:
            self.add(thread)

    @property
    def _failures(self):
        """Tasks that have failed. Each task has this, and so need not have the group."""
        try:
            return self.__dict__["_failures"]
        except KeyError:
            return self.__dict__.setdefault("_failures", weakref.WeakSet())

    @classmethod
    def new(cls, policy):
        return cls(policy)

    def spawn(self, callable, *args, daemon=False, name=None):
        """Run callable(*args) in a thread of the group, and return the Thread.

        A `daemon` is not waited for, but cancelled when all others have ended. As in C,
        spawn("name", callable, *data) gives the function its thread, and then the data.
        """
        if isinstance(callable, str) and args:
            name, callable, args = callable, args[0], args[1:]
            check_callable(callable)
            return native.spawn(self, name or name_of(callable), daemon, None, in_c_form, (callable, args))
        check_callable(callable)
        return native.spawn(self, name or name_of(callable), daemon, None, callable, args)

    def spawn_command(self, argv):
        """Run a program in a thread of the group, as Thread.spawn_command() does."""
        words = words_of(argv)
        try:
            return Thredo.Group.spawn_command(self, words)
        except GLib.Error as error:
            raise translated(error) from None

    def add(self, thread):
        """Make a thread one of the group. One that is not started is started."""
        if not isinstance(thread, Thredo.Thread):
            raise TypeError(f"a Thredo.Thread is needed, not a {type(thread).__name__}")
        is_armed = thread.get_state() == Thredo.ThreadState.NEW and thread._arm()
        task, failures = thread.__dict__.get("_task"), self._failures
        # Before it is a member: who joins it may be done by the time that this goes on.
        if task is not None:
            outer, task.group_failures = task.group_failures, failures
            if task.exception is not None:  # perhaps before it was there
                note_failure(task)
        try:
            Thredo.Group.add(self, thread)
        except BaseException as error:
            if task is not None and task.group_failures is failures and outer is not failures:
                task.group_failures = outer
                failures.discard(task)
            if is_armed:
                native.disarm_task(task)
            if isinstance(error, GLib.Error):
                raise translated(error) from None
            raise
        return True

    def join(self, *, cancellable=None):
        """Wait until all threads of the group have ended, or those that `wait` says.

        The rest is cancelled then, and waited for. Raises ThreadError for the first thread that has
        failed. A cancel of the caller (CancelledError), or the deadline of a scope around it
        (ThreadTimeout), cancels all of them, and waits for their end.
        """
        try:
            failure = native.join_group(self, cancellable=cancellable)
        finally:
            tell_of(self)
        if failure is None:
            return True
        domain, code, message, is_of_member = failure
        if not is_of_member:
            raise translate(domain, code, message)
        thread = self.get_failed()
        raise fail_join(thread, tell(thread), domain, code, message)

    def cancel(self, blocking=True):
        """Cancel all threads, and those that come later; wait for their end, unless not `blocking`."""
        Thredo.Group.cancel(self)
        self._wait_for_cancelled(blocking)

    def cancel_remaining(self, blocking=True):
        """Cancel all threads that run; wait for their end, unless not `blocking`."""
        Thredo.Group.cancel_remaining(self)
        self._wait_for_cancelled(blocking)

    def _wait_for_cancelled(self, blocking):
        if not blocking:
            return
        current = Thredo.Thread.self()
        for thread in self.get_threads():
            if thread is not current and thread.get_state() != Thredo.ThreadState.NEW:
                thread._wait_for_end()

    def next_done(self, *, cancellable=None):
        """Wait for the next thread to end, and return it; None if there is none left.

        How it has ended is the taker's business: `result` of the thread tells, and join() does not
        raise for it.
        """
        thread = native.next_done(self, cancellable=cancellable)
        if thread is not None:
            tell(thread)
        return thread

    def next_result(self, *, cancellable=None):
        """Wait for the next thread to end, and return its result, or raise ThreadError if it failed.

        StateError if there is none left.
        """
        thread = self.next_done(cancellable=cancellable)
        if thread is None:
            raise StateError("No member of the group is left")
        return thread.result

    def __iter__(self):
        """The threads, in the order in which they end."""
        return self

    def __next__(self):
        thread = self.next_done()
        if thread is None:
            raise StopIteration
        return thread

    def __enter__(self):
        return self

    def __exit__(self, kind, exception, traceback):
        if exception is None:
            self.join()
            return False
        Thredo.Group.cancel(self)
        with Scope(shielded=True):
            try:
                self.join()
            except (ThreadError, StateError):
                pass  # the block's own exception is the one to raise
        return False

    @property
    def completed(self):
        """The thread that `wait` is about: the first to end, or the first with a result; or None."""
        thread = self.get_completed()
        if thread is not None:
            tell(thread)
        return thread

    @property
    def threads(self):
        """The members that run, or have ended and were not taken yet."""
        return self.get_threads()

    name = name_property("What it is called in the monitor.")

    @property
    def cancelled(self):
        """Whether it was cancelled."""
        return self.is_cancelled()

    @property
    def max_running(self):
        """How many of its threads run at once at most; 0 for no limit."""
        return self.get_max_running()

    @max_running.setter
    def max_running(self, max_running):
        self.set_max_running(max_running)

    def __repr__(self):
        return f"<{titled(self)}: {len(self.get_threads())} threads>"
