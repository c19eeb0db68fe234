# SPDX-License-Identifier: LGPL-2.1-or-later
"""What is there by name, and how it presents itself."""

import inspect
import unittest

from gi.repository import Gio, GLib

from support import Case, Thredo

NAMES = """
    run spawn sleep timeout_after ignore_after enable check_cancelled shield Thread ThreadGroup Group Scope Queue
    PriorityQueue LifoQueue Event Lock RLock Semaphore BoundedSemaphore Condition Barrier SignalEvent CancelledError
    ThreadCancelled ThreadTimeout ThreadError
""".split()


class NamesTest(Case):
    def test_there(self):
        import thredo

        for name in NAMES:
            self.assertIn(name, Thredo.__all__)
            self.assertIs(getattr(Thredo, name), getattr(thredo, name))
            self.assertIn(name, dir(thredo))
        self.assertIs(Thredo.Group, Thredo.ThreadGroup)

    def test_all_of_it(self):
        names = {}
        exec("from thredo import *", names)
        self.assertLessEqual(set(NAMES), set(names))
        self.assertNotIn("__doc__", set(Thredo.__all__))

    def test_rest_of_the_library(self):
        for name in "ThreadState GroupWait Monitor Deadlock SocketService InputStream load_bytes DeadlockPolicy".split():
            self.assertTrue(hasattr(Thredo, name), name)
        with self.assertRaises(AttributeError):
            Thredo.no_such_name

    def test_documented(self):
        self.assertIn("cancelled", Thredo.__doc__)
        for name in Thredo.__all__:
            item = getattr(Thredo, name)
            self.assertTrue(inspect.getdoc(item), name)
            if isinstance(item, type) and item.__module__ == "gi.repository.Thredo":
                for member, value in vars(item).items():
                    if not member.startswith("_") and inspect.isfunction(value) and value.__name__ == member and \
                            not hasattr(value, "__wrapped__") and member != "new" and \
                            value.__code__.co_argcount > 1:
                        self.assertTrue(inspect.getdoc(value) or hasattr(super(item, item), member),
                                        f"{name}.{member}")

    def test_help(self):
        import pydoc

        text = pydoc.plain(pydoc.render_doc(Thredo.Queue))
        self.assertIn("Put an item", text)

    def test_signatures(self):
        """Of classes, those of their __init__()."""
        def arguments(cls):
            return list(inspect.signature(cls).parameters)

        self.assertEqual(arguments(Thredo.PriorityQueue), ["maxsize", "name", "order", "max_size"])
        self.assertEqual(arguments(Thredo.Semaphore), ["value", "name"])
        self.assertEqual(arguments(Thredo.Condition), ["lock", "name"])
        self.assertEqual(arguments(Thredo.Scope), ["timeout", "shielded", "shield", "properties"])
        self.assertEqual(arguments(type("Own", (Thredo.Event,), {"__init__": lambda self, a: None})), ["a"])


EXCEPTIONS = {
    "CancelledError": ("g-io-error-quark", Gio.IOErrorEnum.CANCELLED, ()),
    "ThreadCancelled": ("g-io-error-quark", Gio.IOErrorEnum.CANCELLED, ("CancelledError",)),
    "ThreadTimeout": ("g-io-error-quark", Gio.IOErrorEnum.TIMED_OUT, ("CancelledError",)),
    "ThreadError": ("thredo-error-quark", Thredo.Error.FAILED, ()),
    "ClosedError": ("g-io-error-quark", Gio.IOErrorEnum.CLOSED, ()),
    "StateError": ("thredo-error-quark", Thredo.Error.STATE, ()),
    "NotOwnerError": ("thredo-error-quark", Thredo.Error.NOT_OWNER, ()),
    "DeadlockError": ("thredo-error-quark", Thredo.Error.DEADLOCK, ()),
    "BrokenBarrierError": ("thredo-error-quark", Thredo.Error.BROKEN, ()),
}


class ExceptionsTest(Case):
    def test_are_errors(self):
        for name, (domain, code, bases) in EXCEPTIONS.items():
            cls = getattr(Thredo, name)
            error = cls()
            self.assertIsInstance(error, GLib.Error)
            self.assert_error(error, domain, code)
            self.assertTrue(error.matches(GLib.quark_from_string(domain), int(code)))
            self.assertEqual(str(cls("why")), "why")
            for base in bases:
                self.assertTrue(issubclass(cls, getattr(Thredo, base)))
        self.assertFalse(issubclass(Thredo.ThreadError, Thredo.CancelledError))

    def test_except(self):
        for cls in (Thredo.ThreadCancelled, Thredo.CancelledError, GLib.Error):
            def work():
                try:
                    Thredo.enable().cancel()
                    Thredo.check_cancelled()
                except cls as error:
                    return type(error)

            self.assertIs(Thredo.spawn(work).join(), Thredo.ThreadCancelled)

    def test_as_python_has_them(self):
        import queue
        import threading

        self.assertTrue(issubclass(Thredo.Empty, queue.Empty))
        self.assertTrue(issubclass(Thredo.Full, queue.Full))
        self.assertTrue(issubclass(Thredo.BrokenBarrierError, threading.BrokenBarrierError))
        self.assertTrue(issubclass(Thredo.StateError, ValueError))
        self.assertTrue(issubclass(Thredo.NotOwnerError, RuntimeError))

    def test_deadlock(self):
        lock = Thredo.Lock()
        Thredo.set_deadlock_policy(Thredo.DeadlockPolicy.FAIL)
        self.addCleanup(Thredo.set_deadlock_policy, Thredo.get_deadlock_policy())
        self.addCleanup(Thredo.set_deadlock_policy, Thredo.DeadlockPolicy.REPORT)
        with lock:
            with self.assertRaises(Thredo.DeadlockError):
                lock.acquire()

    def test_closed(self):
        queue = Thredo.Queue()
        queue.close()
        with self.assertRaises(Thredo.ClosedError):
            queue.get()

    def test_state(self):
        with self.assertRaises(Thredo.StateError):
            Thredo.Queue().task_done()
        with self.assertRaises(Thredo.StateError):
            thread = Thredo.spawn(int)
            thread.start()

    def test_not_owner(self):
        with self.assertRaises(Thredo.NotOwnerError):
            Thredo.Lock().release()


if __name__ == "__main__":
    unittest.main()
