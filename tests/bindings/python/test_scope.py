# SPDX-License-Identifier: LGPL-2.1-or-later
"""Deadlines, cancels and shields."""

import time
import unittest

from support import Case, Thredo, until_waiting


def forever():
    Thredo.sleep(1000)


class TimeoutTest(Case):
    def test_call(self):
        self.assertEqual(Thredo.timeout_after(1000, lambda a: a * 2, 21), 42)
        self.assertEqual(Thredo.timeout_after(None, lambda: 5), 5)
        for seconds in 0.01, 0, -1:
            with self.assertRaises(Thredo.ThreadTimeout):
                Thredo.timeout_after(seconds, forever)
        with self.assertRaises(KeyError):
            Thredo.timeout_after(1000, {}.__getitem__, 1)

    def test_call_that_ignores(self):
        self.assertEqual(Thredo.ignore_after(1000, lambda a: a * 2, 21), 42)
        self.assertIsNone(Thredo.ignore_after(0.01, forever))
        self.assertEqual(Thredo.ignore_after(0.01, forever, timeout_result="late"), "late")
        with self.assertRaises(KeyError):
            Thredo.ignore_after(1000, {}.__getitem__, 1)

    def test_with(self):
        with self.assertRaises(Thredo.ThreadTimeout):
            with Thredo.timeout_after(0.01) as scope:
                forever()
        self.assertTrue(scope.expired)
        with Thredo.timeout_after(1000) as scope:
            Thredo.sleep(0)
        self.assertFalse(scope.expired)
        with Thredo.timeout_after(None) as scope:
            self.assertIsNone(scope.deadline)

    def test_with_that_ignores(self):
        with Thredo.ignore_after(0.01, timeout_result=5) as scope:
            forever()
        self.assertTrue(scope.expired)
        self.assertEqual(scope.result, 5)
        with Thredo.ignore_after(1000, timeout_result=5) as scope:
            pass
        self.assertFalse(scope.expired)
        self.assertIsNone(scope.result)
        with self.assertRaises(KeyError):
            with Thredo.ignore_after(0):
                raise KeyError

    def test_inner_first(self):
        with Thredo.timeout_after(1000) as outer:
            with Thredo.ignore_after(0.01) as inner:
                forever()
            Thredo.sleep(0)
        self.assertEqual((inner.expired, outer.expired), (True, False))

    def test_outer_first(self):
        with Thredo.ignore_after(0.01) as outer:
            with Thredo.ignore_after(1000) as inner:
                forever()
            self.fail("the outer deadline is not the inner one's to ignore")
        self.assertEqual((inner.expired, outer.expired), (False, True))

    def test_cancel_is_not_ignored(self):
        def work():
            with Thredo.ignore_after(1000):
                forever()

        thread = Thredo.spawn(work)
        until_waiting(thread)
        thread.cancel()
        self.assertIsInstance(thread.exception, Thredo.ThreadCancelled)

    def test_bad(self):
        for seconds in "a", [], float("nan"):
            with self.assertRaises((TypeError, ValueError)):
                Thredo.timeout_after(seconds)

    def test_long(self):
        for seconds in 1e9, 1e18, float("inf"), 10 ** 30:
            self.assertEqual(Thredo.timeout_after(seconds, lambda: 5), 5)


class ScopeTest(Case):
    def test_cancel(self):
        with Thredo.Scope() as scope:
            Thredo.check_cancelled()
            scope.cancel()
            with self.assertRaises(Thredo.CancelledError) as caught:
                Thredo.check_cancelled()
            self.assertIs(type(caught.exception), Thredo.CancelledError)
        self.assertTrue(scope.cancelled)
        Thredo.check_cancelled()

    def test_deadline(self):
        scope = Thredo.Scope(timeout=1000)
        self.assertAlmostEqual(scope.deadline, time.monotonic() + 1000, delta=10)
        scope.deadline = None
        self.assertIsNone(scope.deadline)
        with scope:
            scope.deadline = time.monotonic()
            with self.assertRaises(Thredo.ThreadTimeout):
                forever()

    def test_moved_while_waiting(self):
        scope = Thredo.Scope()

        def work():
            with scope:
                with self.assertRaises(Thredo.ThreadTimeout):
                    forever()

        thread = Thredo.spawn(work)
        until_waiting(thread)
        scope.deadline = 0
        thread.join()

    def test_shield(self):
        with Thredo.Scope(timeout=0) as outer:
            outer.cancel()
            with Thredo.shield() as shield:
                self.assertTrue(shield.shielded)
                Thredo.sleep(0.001)
                Thredo.check_cancelled()
                with self.assertRaises(Thredo.ThreadTimeout):
                    Thredo.timeout_after(0.001, forever)
            with self.assertRaises(Thredo.CancelledError):
                Thredo.check_cancelled()

    def test_shield_is_lifted(self):
        with Thredo.Scope() as outer:
            outer.cancel()
            with Thredo.Scope(shielded=True) as shield:
                Thredo.check_cancelled()
                shield.shielded = False
                with self.assertRaises(Thredo.CancelledError):
                    Thredo.check_cancelled()


if __name__ == "__main__":
    unittest.main()
